package client

import (
	"context"
	"net/http"

	"jitos.dev/net/wire"
)

// Policy shows the policy that counts.
func (c *Client) Policy(ctx context.Context) (wire.Policy, error) {
	return into[wire.Policy](ctx, c, call{method: http.MethodGet, path: "/policy"})
}

// SetPolicy puts a document in place of the policy there is.
func (c *Client) SetPolicy(ctx context.Context, r wire.PolicyRequest) (wire.Receipt, error) {
	return into[wire.Receipt](ctx, c, call{method: http.MethodPost, path: "/policy", once: true, body: r})
}

// PolicyQuery asks what would be decided. Path is a graph path, or "file:" and
// the absolute name of a file on disk; Verb and Path must be given.
type PolicyQuery struct {
	Verb, Path, Kind    string
	As, Process, Worker string
}

// ExplainPolicy says what would be decided, and why.
func (c *Client) ExplainPolicy(ctx context.Context, q PolicyQuery) (wire.PolicyAnswer, error) {
	v := values("verb", q.Verb, "path", q.Path, "kind", q.Kind, "as", q.As, "process", q.Process, "worker", q.Worker)
	return into[wire.PolicyAnswer](ctx, c, call{method: http.MethodGet, path: "/policy/explain", query: v})
}

// Inbox lists what waits for a person; with all, what was answered too.
func (c *Client) Inbox(ctx context.Context, all bool) ([]wire.Approval, error) {
	flag := ""
	if all {
		flag = "true"
	}
	a, err := into[wire.InboxAnswer](ctx, c, call{method: http.MethodGet, path: "/inbox", query: values("all", flag)})
	return a.Inbox, err
}

// Approval shows a question.
func (c *Client) Approval(ctx context.Context, id string) (wire.Approval, error) {
	return into[wire.Approval](ctx, c, call{method: http.MethodGet, path: "/inbox/" + segment(id)})
}

// Answer answers a question: "approve" or "reject".
func (c *Client) Answer(ctx context.Context, id string, r wire.AnswerRequest) (wire.Approval, error) {
	return into[wire.Approval](ctx, c, call{method: http.MethodPost, path: "/inbox/" + segment(id), once: true, body: r})
}

// NewToken makes a token; its secret is told this once.
func (c *Client) NewToken(ctx context.Context, r wire.TokenRequest) (wire.NewToken, error) {
	return into[wire.NewToken](ctx, c, call{method: http.MethodPost, path: "/token", body: r})
}

// Tokens lists the tokens there ever were.
func (c *Client) Tokens(ctx context.Context) ([]wire.Token, error) {
	a, err := into[wire.TokensAnswer](ctx, c, call{method: http.MethodGet, path: "/token"})
	return a.Tokens, err
}

// RevokeToken ends a token, by its id or name, at once.
func (c *Client) RevokeToken(ctx context.Context, id string) (wire.Token, error) {
	return into[wire.Token](ctx, c, call{method: http.MethodPost, path: "/token/" + segment(id) + "/revoke", once: true})
}

package server

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/rmg"
)

func (f *fake) Policy() (kernel.PolicyView, error) {
	return kernel.PolicyView{YAML: "rules: []\n", Own: true, Digest: "d", Rules: []kernel.PolicyRule{
		{Name: "people", Effect: kernel.Allow, Verbs: []string{"*"}, When: `caller.kind == "person"`, Default: true},
	}}, f.call("Policy")
}

func (f *fake) SetPolicy(_ context.Context, c kernel.Caller, document []byte, reason string) (kernel.Receipt, error) {
	return kernel.Receipt{Seq: 9, Tick: 5, Digest: rmg.Graph{}.Digest()}, f.call("SetPolicy", " ", c.Name, " ", string(document), " ", reason)
}

func (f *fake) ExplainPolicy(c kernel.Caller, q kernel.PolicyQuestion) (kernel.PolicyAnswer, error) {
	return kernel.PolicyAnswer{Effect: kernel.Ask, Who: "process p9", Steps: []kernel.PolicyStep{
		{What: "rights", Effect: kernel.Allow, Why: "it may write **"},
		{What: "collapse", Effect: kernel.Ask, Rule: "auth", Why: "two pairs of eyes", Lost: []kernel.Lost{{Rule: "rights", Effect: kernel.Allow, Why: "its path is closer"}}},
	}}, f.call("ExplainPolicy", " ", c.Name, " ", q.Verb, " ", q.Path, " ", q.Kind, " ", q.As, " ", q.Process, " ", q.Worker)
}

func question(id string) kernel.Approval {
	return kernel.Approval{
		ID: id, About: kernel.AboutCollapse, State: kernel.ApprovalOpen, Process: "p9", Workspace: "w5", Question: "collapse /svc/a?", Digest: "abc",
		Asked: []kernel.Asked{{Verb: kernel.VerbCollapse, Path: "/svc/a", Rule: "auth"}}, At: began,
		Conflicts: []rmg.MergeConflict{{Path: "/svc/a", Prop: "port", Kind: rmg.ConflictBothChanged, Reason: "both changed"}},
	}
}

func (f *fake) Inbox(all bool) []kernel.Approval {
	f.mu.Lock()
	defer f.mu.Unlock()
	if all {
		return []kernel.Approval{question("a3"), question("a7")}
	}
	return f.asks
}

func (f *fake) Approval(id string) (kernel.Approval, error) {
	return question(id), f.call("Approval", " ", id)
}

func (f *fake) ChangeOf(string) ([]kernel.FileChange, error) {
	return []kernel.FileChange{{
		Path: "/repo/app/main/num/num.go", Change: rmg.Changed, Hunks: []rmg.LineHunk{{OldLine: 3, Line: 3, Old: []byte("a\n"), New: []byte("b\n")}},
	}}, nil
}

func (f *fake) Answer(_ context.Context, c kernel.Caller, id string, r kernel.Reply) (kernel.Approval, error) {
	a := question(id)
	a.State, a.Answer, a.By, a.Comment, a.Answered = kernel.ApprovalApproved, r.Answer, c.Name, r.Comment, began
	parts := []any{" ", c.Name, " ", id, " ", r.Answer, " ", r.Comment}
	for _, h := range r.Reject {
		parts = append(parts, fmt.Sprintf(" -%s:%d", h.File, h.N))
	}
	for _, e := range r.Edit {
		parts = append(parts, fmt.Sprintf(" %s=%q", e.File, e.Text))
	}
	return a, f.call("Answer", parts...)
}

func token() kernel.Token {
	return kernel.Token{ID: "t7", Name: "ci", Kind: kernel.KindProcess, Caps: kernel.CapRewrite | kernel.CapSystem, State: "valid", By: "ada@host", Made: began, Expires: began.Add(time.Hour)}
}

func (f *fake) NewToken(_ context.Context, c kernel.Caller, r kernel.TokenRequest) (kernel.Token, error) {
	f.mu.Lock()
	f.sum = r.Sum
	f.mu.Unlock()
	return token(), f.call("NewToken", " ", c.Name, " ", r.Name, " ", r.Kind, " ", r.Caps, " ", r.TTL)
}

func (f *fake) Tokens() []kernel.Token { return []kernel.Token{token()} }

func (f *fake) RevokeToken(_ context.Context, c kernel.Caller, id string) (kernel.Token, error) {
	t := token()
	t.State = "revoked"
	return t, f.call("RevokeToken", " ", c.Name, " ", id)
}

func sumOf(s string) [32]byte { return sha256.Sum256([]byte(s)) }

// TokenCaller knows the secret that the last token was made for.
func (f *fake) TokenCaller(secret string) (kernel.Caller, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return kernel.Caller{Name: "token:ci", Kind: kernel.KindProcess, Caps: kernel.CapRewrite}, f.sum != [32]byte{} && sumOf(secret) == f.sum
}

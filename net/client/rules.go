package client

import (
	"context"
	"net/http"

	"jitos.dev/net/wire"
)

// Rules lists the rules that stand under /rule in a view; "" is system.
func (c *Client) Rules(ctx context.Context, view string) (wire.RulesAnswer, error) {
	return into[wire.RulesAnswer](ctx, c, call{method: http.MethodGet, path: "/rules", query: values("view", view)})
}

// AddRules keeps the rules of a document.
func (c *Client) AddRules(ctx context.Context, r wire.RulesDocument) (wire.RulesAnswer, error) {
	return into[wire.RulesAnswer](ctx, c, call{method: http.MethodPost, once: true, path: "/rules", body: r})
}

// CheckRules looks at a document of rules.
func (c *Client) CheckRules(ctx context.Context, r wire.RulesDocument) (wire.RulesAnswer, error) {
	return into[wire.RulesAnswer](ctx, c, call{method: http.MethodPost, path: "/rules/check", body: r})
}

// SwitchRule lets a rule fire by itself, or ends that.
func (c *Client) SwitchRule(ctx context.Context, r wire.SwitchRuleRequest) (wire.RulesAnswer, error) {
	return into[wire.RulesAnswer](ctx, c, call{method: http.MethodPost, once: true, path: "/rules/switch", body: r})
}

// ApplyRules applies rules to a view. It is durable when this returns.
func (c *Client) ApplyRules(ctx context.Context, r wire.ApplyRulesRequest) (wire.RulesApplied, error) {
	return into[wire.RulesApplied](ctx, c, call{method: http.MethodPost, once: true, path: "/rules/apply", body: r})
}

package server

import (
	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

func ruleCalls() []call {
	return []call{
		{
			method: get, path: "/rules", id: "rules", summary: "List the rules that stand under /rule",
			params: []param{versionParam("view", "system")}, answer: wire.RulesAnswer{}, do: (*exchange).rules,
		},
		{
			method: post, path: "/rules", id: "add-rules", once: true, summary: "Keep rules under /rule, each as a graph",
			about: "A rule takes the place of what has its name. In the system those that say that they are reactive are switched on, which takes the capability react.",
			body:  wire.RulesDocument{}, answer: wire.RulesAnswer{}, do: (*exchange).addRules,
		},
		{
			method: post, path: "/rules/check", id: "check-rules", summary: "Look at a document of rules",
			about: "It is held to the kinds of the view. What is wrong is a 400 that names each place.",
			body:  wire.RulesDocument{}, answer: wire.RulesAnswer{}, do: (*exchange).checkRules,
		},
		{
			method: post, path: "/rules/switch", id: "switch-rule", once: true, summary: "Let a rule fire by itself when the system changes, or end that",
			about: "It fires with the rights of who switches it on, never where something is protected. It takes the capability react.",
			body:  wire.SwitchRuleRequest{}, answer: wire.RulesAnswer{}, do: (*exchange).switchRule,
		},
		{
			method: post, path: "/rules/apply", id: "apply-rules", once: true, summary: "Match rules and record what they change as one rewrite",
			about: "If the view moves meanwhile they are matched anew. A program that fails changes nothing.",
			body:  wire.ApplyRulesRequest{}, answer: wire.RulesApplied{}, do: (*exchange).applyRules,
		},
	}
}

func (x *exchange) rules() (any, error) {
	view := x.text("view")
	if view == "" {
		view = "system"
	}
	list, err := x.s.opt.Kernel.Rules(view)
	if err != nil {
		return nil, err
	}
	return wire.RulesAnswer{Rules: rulesOf(list)}, nil
}

func (x *exchange) rulesDocument() (in wire.RulesDocument, err error) {
	if err = x.read(&in); err != nil {
		return in, err
	}
	if in.View == "" {
		in.View = "system"
	}
	if in.File == "" {
		in.File = "rules"
	}
	return in, nil
}

func (x *exchange) addRules() (any, error) {
	in, err := x.rulesDocument()
	if err != nil {
		return nil, err
	}
	list, rec, err := x.s.opt.Kernel.AddRules(x.r.Context(), x.caller, in.View, in.File, []byte(in.Text))
	if err != nil {
		return nil, err
	}
	return wire.RulesAnswer{Rules: rulesOf(list), Receipt: receiptOf(rec)}, nil
}

func (x *exchange) checkRules() (any, error) {
	in, err := x.rulesDocument()
	if err != nil {
		return nil, err
	}
	list, err := x.s.opt.Kernel.CheckRules(in.View, in.File, []byte(in.Text))
	if err != nil {
		return nil, err
	}
	return wire.RulesAnswer{Rules: rulesOf(list)}, nil
}

func (x *exchange) switchRule() (any, error) {
	var in wire.SwitchRuleRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	info, rec, err := x.s.opt.Kernel.SwitchRule(x.r.Context(), x.caller, in.Name, in.On, in.Reason)
	if err != nil {
		return nil, err
	}
	return wire.RulesAnswer{Rules: rulesOf([]kernel.RuleInfo{info}), Receipt: receiptOf(rec)}, nil
}

func (x *exchange) applyRules() (any, error) {
	var in wire.ApplyRulesRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	if in.Text != "" && len(in.Names) > 0 {
		return nil, wire.NewProblem(rmg.Invalid, "text and names are not for one call: a document's rules are named by its program")
	}
	q := kernel.RulesRequest{
		View: in.View, File: in.File, Names: in.Names, Program: in.Program, Fuel: in.Fuel,
		DryRun: in.DryRun, Explain: in.Explain, Expect: in.Expect, Reason: in.Reason,
	}
	if in.Text != "" {
		q.Text = []byte(in.Text)
	}
	got, err := x.s.opt.Kernel.ApplyRules(x.r.Context(), x.caller, q)
	if err != nil {
		return nil, err
	}
	out := wire.RulesApplied{Program: got.Program, Applied: got.Applied, Changes: len(got.Ops), Plans: got.Plans, Receipt: receiptOf(got.Receipt)}
	if out.Applied == nil {
		out.Applied = map[string]int{}
	}
	if in.DryRun {
		out.Ops = got.Ops
	}
	return out, nil
}

func rulesOf(list []kernel.RuleInfo) []wire.Rule {
	out := make([]wire.Rule, len(list))
	for i, r := range list {
		out[i] = wire.Rule{
			Name: r.Name, Doc: r.Doc, At: r.At, Deep: r.Deep, Priority: r.Priority, Reactive: r.Reactive, Fault: r.Fault,
			On: r.On, Off: r.Off, By: r.By, Since: r.Since, Fired: r.Fired, Last: r.Last,
		}
	}
	return out
}

// receiptOf is a receipt, nil if nothing was recorded.
func receiptOf(r kernel.Receipt) *wire.Receipt {
	if r.Seq == 0 {
		return nil
	}
	return &wire.Receipt{Seq: r.Seq, Tick: r.Tick, Digest: r.Digest}
}

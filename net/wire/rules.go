package wire

import (
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// RulesDocument is the body of POST /rules, which keeps rules, and of POST
// /rules/check, which looks at them alone.
type RulesDocument struct {
	View string `json:"view,omitempty" doc:"system (default) or sws:ID; to be looked at alone any version"`
	File string `json:"file,omitempty" doc:"what the document is called where something is wrong in it"`
	Text string `json:"text" doc:"rules, as YAML or JSON"`
}

// RulesAnswer lists rules.
type RulesAnswer struct {
	Rules   []Rule   `json:"rules"`
	Receipt *Receipt `json:"receipt,omitempty" doc:"of the record that keeps or switches them; absent if they stood there so"`
}

// SwitchRuleRequest is the body of POST /rules/switch.
type SwitchRuleRequest struct {
	Name   string `json:"name" doc:"of one that stands under /rule in the system"`
	On     bool   `json:"on" doc:"whether it fires when the system changes"`
	Reason string `json:"reason,omitempty"`
}

// Rule is one rule. Under /rule/<name> it stands as a graph.
type Rule struct {
	Name     string   `json:"name"`
	Doc      string   `json:"doc,omitempty"`
	At       rmg.Path `json:"at" doc:"the graph that it is matched in"`
	Deep     bool     `json:"deep,omitempty" doc:"or any graph inside that one"`
	Priority int      `json:"priority,omitempty" doc:"of a choice the greatest goes first"`
	Reactive bool     `json:"reactive,omitempty" doc:"it is meant to fire by itself when the system changes"`
	Fault    string   `json:"fault,omitempty" doc:"why nothing applies it: it cannot be read any more"`
	On       bool     `json:"on,omitempty" doc:"it does: it was switched on, and is as it was then"`
	Off      string   `json:"off,omitempty" doc:"why it does not, if nobody switched it off"`
	By       string   `json:"by,omitempty" doc:"who switched it on last, with whose rights it writes"`
	Since    uint64   `json:"since,omitempty" doc:"the record that switched it last"`
	Fired    int64    `json:"fired,omitempty" doc:"records that it has made"`
	Last     uint64   `json:"last,omitempty" doc:"the last of them"`
}

// ApplyRulesRequest is the body of POST /rules/apply.
type ApplyRulesRequest struct {
	View    string         `json:"view,omitempty" doc:"system (default) or sws:ID; with dry_run any version"`
	File    string         `json:"file,omitempty" doc:"what the document is called where something is wrong in it"`
	Text    string         `json:"text,omitempty" doc:"rules, as YAML or JSON; absent: those that stand under /rule"`
	Names   []string       `json:"names,omitempty" doc:"of those under /rule; all if absent"`
	Program string         `json:"program,omitempty" doc:"a; b, a | b, a*3, a!, a?; absent: the document's, or each rule as long as possible"`
	Fuel    int            `json:"fuel,omitempty" doc:"how many rules may be applied; the most there are if absent"`
	DryRun  bool           `json:"dry_run,omitempty" doc:"tell what would change, and record nothing"`
	Explain bool           `json:"explain,omitempty" doc:"tell how each rule would be matched"`
	Expect  rewrite.Expect `json:"expect,omitzero" doc:"refused as stale if it does not hold"`
	Reason  string         `json:"reason,omitempty"`
}

// RulesApplied is what came of it.
type RulesApplied struct {
	Program string            `json:"program"`
	Applied map[string]int    `json:"applied" doc:"how often each rule was; those never applied are left out"`
	Changes int               `json:"changes" doc:"ops that all of it makes in all"`
	Ops     []rewrite.Op      `json:"ops,omitempty" doc:"of a dry run"`
	Plans   map[string]string `json:"plans,omitempty" doc:"by rule"`
	Receipt *Receipt          `json:"receipt,omitempty" doc:"absent if nothing changed, and of a dry run"`
}

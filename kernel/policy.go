package kernel

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"jitos.dev/rmg"
)

// Effect is what a rule says.
type Effect string

// The effects.
const (
	Allow Effect = "allow"
	Deny  Effect = "deny"
	Ask   Effect = "ask" // a person must approve; of collapse, protected, forgery, conflict and tool only
)

// Verb is what somebody wants to do.
type Verb string

// The verbs. Those from VerbProtected on are meant only by a rule that names
// them; "*" stands for the others.
const (
	VerbIntent   Verb = "intent"   // submit, cancel or retry an intent; path is the branch
	VerbDispatch Verb = "dispatch" // give a task to a worker, or to another machine; path is /worker/<name>, /machine/<name>
	VerbFork     Verb = "fork"     // make a workspace; path is what it is forked from
	VerbWrite    Verb = "write"    // change the element at path
	VerbExec     Verb = "exec"     // run a command in a workspace; path is the branch
	VerbDiscard  Verb = "discard"  // drop or restore a workspace
	VerbCollapse Verb = "collapse" // make a workspace's change of path real

	VerbProtected Verb = "protected" // collapse or write what stands on a protected path
	VerbForgery   Verb = "forgery"   // collapse a file that gains what can forge a test run
	VerbConflict  Verb = "conflict"  // collapse what the merge cannot decide
	VerbNetwork   Verb = "network"   // let sandboxed commands reach a host; path is /net/<name>/<port>
	VerbTool      Verb = "tool"      // use a tool that a coding agent asks leave for; path is /tool/<kind>
)

// Verbs lists the verbs; named are those that "*" does not stand for.
func Verbs() (everyday, named []Verb) {
	return []Verb{VerbIntent, VerbDispatch, VerbFork, VerbWrite, VerbExec, VerbDiscard, VerbCollapse},
		[]Verb{VerbProtected, VerbForgery, VerbConflict, VerbNetwork, VerbTool}
}

// asks reports whether a verb can wait for a person's answer.
func (v Verb) asks() bool { return v == VerbCollapse || isNamedOnly(v) && v != VerbNetwork }

// PolicyRule is one rule: who may do what where.
type PolicyRule struct {
	Name    string   `yaml:"name" json:"name"`
	Effect  Effect   `yaml:"effect" json:"effect"`
	Verbs   []string `yaml:"verbs,flow" json:"verbs"`
	Paths   []string `yaml:"paths,omitempty" json:"paths,omitempty"` // globs; none means anywhere
	Kinds   []string `yaml:"kinds,omitempty,flow" json:"kinds,omitempty"`
	When    string   `yaml:"when,omitempty" json:"when,omitempty"` // a CEL expression
	Reason  string   `yaml:"reason,omitempty" json:"reason,omitempty"`
	Default bool     `yaml:"-" json:"default,omitempty"` // of the default policy, beneath /policy
}

// policyRule is a compiled rule.
type policyRule struct {
	PolicyRule
	verbs  map[Verb]bool
	all    bool // "*" is among them
	globs  []glob
	when   *condition // nil: always
	layers int        // 1 for /policy, 0 for the default
}

// Policy is a compiled policy: what /policy holds, over the default one.
// What it says never changes; safe for concurrent use.
type Policy struct {
	Protected []string // globs, relative to a branch or from the graph's root
	Settings  rmg.Props
	Rules     []PolicyRule // by name

	rules     []*policyRule
	protected []glob
	kinds     bool  // a rule looks at kinds
	broken    error // it does not compile: everything is denied until it is mended
	verdicts  verdicts
}

// Decision is what a policy says to one question.
type Decision struct {
	Effect Effect
	Rule   string // that decided; empty: no rule matched, which denies
	Why    string // in a sentence
	Broken bool   // the rule could not be evaluated, and denies for it
}

// Lost is a rule that matched and did not decide.
type Lost struct {
	Rule   string
	Effect Effect
	Why    string // what the one that decided has over it
}

// hit is a rule that matches a question.
type hit struct {
	*policyRule
	weight int // of the closest glob that matched
	named  bool
	fault  error
}

// effect is the rule's or, where it could not be evaluated, to deny.
func (h hit) effect() Effect {
	if h.fault != nil {
		return Deny
	}
	return h.Effect
}

// The order of precedence: which of two rules that match has the last word. A
// rule that cannot be evaluated denies before all. Then /policy comes before
// the default policy, the closer glob before the wider one, rules that name
// kinds before those that do not, a verb by its name before "*", a rule with a
// condition before one without. Among equals deny beats ask and ask beats
// allow; the name breaks the tie, which then changes nothing but the wording.
func (h hit) compare(o hit) (n int, why reason) {
	switch {
	case (h.fault != nil) != (o.fault != nil):
		return before(h.fault != nil, o.fault != nil), whyBroken
	case h.layers != o.layers:
		return cmp.Compare(o.layers, h.layers), whyLayer
	case h.weight != o.weight:
		return cmp.Compare(o.weight, h.weight), whyCloser
	case (len(h.Kinds) > 0) != (len(o.Kinds) > 0):
		return before(len(h.Kinds) > 0, len(o.Kinds) > 0), whyKind
	case h.named != o.named:
		return before(h.named, o.named), whyVerb
	case (h.when != nil) != (o.when != nil):
		return before(h.when != nil, o.when != nil), whyCondition
	case h.effect() != o.effect():
		return cmp.Compare(h.effect().rank(), o.effect().rank()), whyEffect
	}
	return strings.Compare(h.Name, o.Name), whyName
}

// reason is what one rule has over another.
type reason int

const (
	whyBroken reason = iota
	whyLayer
	whyCloser
	whyKind
	whyVerb
	whyCondition
	whyEffect
	whyName
)

// over says it of h, which came before o.
func (r reason) over(h, o hit) string {
	switch r {
	case whyBroken:
		return "it cannot be evaluated, which denies"
	case whyLayer:
		return "/policy comes before the default policy"
	case whyCloser:
		return "its path is closer"
	case whyKind:
		return "it names the kind"
	case whyVerb:
		return "it names the verb"
	case whyCondition:
		return "it has a condition"
	case whyEffect:
		return fmt.Sprintf("as close, and %s beats %s", h.effect(), o.effect())
	}
	return "both say the same"
}

// rank orders effects among equals.
func (e Effect) rank() int {
	switch e {
	case Deny:
		return 0
	case Ask:
		return 1
	}
	return 2
}

func before(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// best is the rule that decides a question: of those that match, the one that
// comes before all others.
func (p *Policy) best(s *subject, verb Verb, at rmg.Path, kind string) (best hit, ok bool) {
	for _, r := range p.rules {
		h, matches := r.match(s, verb, at, kind)
		if !matches {
			continue
		}
		if !ok {
			best, ok = h, true
		} else if n, _ := h.compare(best); n < 0 {
			best = h
		}
	}
	return best, ok
}

// match looks at what is cheap first; a condition that fails to evaluate
// matches, with its fault.
func (r *policyRule) match(s *subject, verb Verb, at rmg.Path, kind string) (hit, bool) {
	h := hit{policyRule: r, named: r.verbs[verb]}
	if !h.named && (!r.all || isNamedOnly(verb)) {
		return h, false
	}
	if len(r.Kinds) > 0 && !slices.ContainsFunc(r.Kinds, func(k string) bool { return segMatch(k, kind) }) {
		return h, false
	}
	if len(r.globs) > 0 {
		h.weight = -1
		for _, g := range r.globs {
			if g.weight > h.weight && g.matches(at) {
				h.weight = g.weight
			}
		}
		if h.weight < 0 {
			return h, false
		}
	}
	if r.when == nil {
		return h, true
	}
	holds, err := s.holds(r.when, verb, at, kind)
	h.fault = err
	return h, holds || err != nil
}

func isNamedOnly(v Verb) bool {
	return v == VerbProtected || v == VerbForgery || v == VerbConflict || v == VerbNetwork || v == VerbTool
}

// decide answers a question. Pure: the same question has the same answer.
func (p *Policy) decide(s *subject, verb Verb, at rmg.Path, kind string) Decision {
	if p.broken != nil {
		return Decision{Effect: Deny, Why: "the policy does not compile: " + p.broken.Error(), Broken: true}
	}
	first, ok := p.best(s, verb, at, kind)
	if !ok {
		return Decision{Effect: Deny, Why: "no rule allows it"}
	}
	d := Decision{Effect: first.effect(), Rule: first.Name, Why: first.Reason}
	if first.fault != nil {
		d.Broken = true
		d.Why = "its condition cannot be evaluated, which denies: " + first.fault.Error()
	}
	return d
}

// overruled lists the other rules that match a question, the one that would
// decide next first, and what the one that decides has over each.
func (p *Policy) overruled(s *subject, verb Verb, at rmg.Path, kind string) []Lost {
	var hits []hit
	for _, r := range p.rules {
		if h, ok := r.match(s, verb, at, kind); ok {
			hits = append(hits, h)
		}
	}
	slices.SortFunc(hits, func(a, b hit) int { n, _ := a.compare(b); return n })
	var out []Lost
	for _, h := range hits[min(1, len(hits)):] {
		_, why := hits[0].compare(h)
		out = append(out, Lost{Rule: h.Name, Effect: h.effect(), Why: why.over(hits[0], h)})
	}
	return out
}

// isProtected reports whether the document protects a path, and by which glob.
func (p *Policy) isProtected(at rmg.Path) (string, bool) {
	var file []string // the segments below the branch, if it is a file of one
	if b, ok := branchOf(at); ok {
		file, _ = b.Rel(at)
	}
	for i := range p.protected {
		g := &p.protected[i]
		if g.relative && (len(file) == 0 || !segsMatch(g.segs, file)) || !g.relative && !g.matches(at) {
			continue
		}
		return p.Protected[i], true
	}
	return "", false
}

// sentence says what was decided, for an error or a gate's reason.
func (d Decision) sentence() string {
	if d.Rule == "" {
		return d.Why
	}
	return strings.TrimSuffix(fmt.Sprintf("rule %q: %s", d.Rule, d.Why), ": ")
}

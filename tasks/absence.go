package tasks

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Absence says why no method does a task, where facts are what is in the way.
type Absence struct {
	Blocking []BlockingFact `json:"blocking,omitempty"` // the most frequent first
	// Enough are the smallest sets of facts that would let it be planned, each
	// confirmed by planning. Empty if no set of up to MaxFacts does: then it is not
	// the facts, or not they alone.
	Enough [][]FactIs `json:"enough,omitempty"`
}

// FactIs is what a fact would have to be.
type FactIs struct {
	Fact string `json:"fact"`
	Is   any    `json:"is,omitempty"`  // nil: unknown
	Not  bool   `json:"not,omitempty"` // anything but Is
}

// both is what a fact has to be to be one thing and the other; false if it cannot.
func both(a, b FactIs) (FactIs, bool) {
	switch {
	case a == b:
		return a, true
	case a.Not && b.Not:
		return FactIs{Fact: a.Fact}, true
	case a.Not:
		return b, a.Is != b.Is
	case b.Not:
		return a, a.Is != b.Is
	}
	return a, false
}

func (f FactIs) String() string {
	if f.Is == nil {
		return f.Fact + " is unknown"
	}
	verb := "is"
	if f.Not {
		verb = "is not"
	}
	return fmt.Sprintf("%s %s %v", f.Fact, verb, f.Is)
}

// BlockingFact is a fact that kept methods from being used.
type BlockingFact struct {
	FactIs
	Times int      `json:"times"`
	Of    []string `json:"of"` // methods
}

// The limits of an explanation.
const (
	MaxFacts    = 3
	maxFactSets = 200 // that are tried
	maxRemedies = 10
)

// WhyNone looks for what keeps a task from being planned, with an error as of Plan
// for a document that is not valid. Nil if it can be planned. It plans some 200 times
// at most.
func (l *Library) WhyNone(s SLAPS, facts Facts) (*Absence, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if v := l.unfit(s); len(v) > 0 {
		return nil, v
	}
	w := &whyNone{lib: l, s: s, facts: facts, tried: map[string]bool{}, times: map[FactIs]*BlockingFact{}}
	if w.plans(nil) {
		return nil, nil
	}
	// What a plan that is found with more facts needs first, and things as they are
	// do not give, was in the way together: it is tried, and gone on from.
	out := &Absence{Blocking: w.blocking()}
	for size := 1; size <= MaxFacts && len(out.Enough) == 0; size++ {
		for _, set := range w.open[size] {
			if len(w.tried) > maxFactSets || len(out.Enough) == maxRemedies {
				break
			}
			if w.plans(set) {
				out.Enough = append(out.Enough, set)
			}
		}
	}
	return out, nil
}

type whyNone struct {
	lib   *Library
	s     SLAPS
	facts Facts
	open  [MaxFacts + 1][][]FactIs
	tried map[string]bool
	times map[FactIs]*BlockingFact
}

// plans says whether there is a plan with some facts otherwise, and opens the sets to
// try next if there is none.
func (w *whyNone) plans(set []FactIs) bool {
	facts := Facts{}
	for name, v := range w.facts {
		facts[name] = v
	}
	for _, f := range set {
		if facts[f.Fact] = f.Is; f.Not || f.Is == nil {
			delete(facts, f.Fact)
		}
	}
	if _, err := w.lib.search(w.s, facts, before{}); err == nil {
		return true
	}
	bound, _ := w.lib.bind(w.s)
	x := explainer{lib: w.lib, facts: facts, lacking: func(m *methodDef, lacks []FactIs) { w.note(m, set, lacks) }}
	x.task(w.s.Intent, bound, 0)
	return false
}

// note takes in what a method lacks besides the set that is tried.
func (w *whyNone) note(m *methodDef, set, lacks []FactIs) {
	if len(set) == 0 {
		for _, f := range lacks {
			b := w.times[f]
			if b == nil {
				b = &BlockingFact{FactIs: f}
				w.times[f] = b
			}
			if b.Times++; !slices.Contains(b.Of, m.Name) {
				b.Of = append(b.Of, m.Name)
			}
		}
	}
	next := slices.Clone(set)
	for _, f := range lacks {
		i := slices.IndexFunc(next, func(o FactIs) bool { return o.Fact == f.Fact })
		if i < 0 {
			next = append(next, f)
			continue
		}
		var ok bool
		if next[i], ok = both(next[i], f); !ok {
			return
		}
	}
	slices.SortFunc(next, func(a, b FactIs) int { return cmp.Compare(a.String(), b.String()) })
	if key := fmt.Sprint(next); len(next) <= MaxFacts && !w.tried[key] {
		w.tried[key] = true
		w.open[len(next)] = append(w.open[len(next)], next)
	}
}

func (w *whyNone) blocking() []BlockingFact {
	var out []BlockingFact
	for _, b := range w.times {
		out = append(out, *b)
	}
	slices.SortFunc(out, func(a, b BlockingFact) int {
		return cmp.Or(cmp.Compare(b.Times, a.Times), cmp.Compare(a.String(), b.String()))
	})
	return out
}

// lacks are the named values by which a method does not apply.
func (m *methodDef) lacks(facts Facts) []FactIs {
	var out []FactIs
	for i, c := range slices.Concat(m.When, m.Unless) {
		if c.Fact == "" || len(c.variables()) > 0 || c.Args != nil {
			continue
		}
		holds := facts[c.Fact] == c.want()
		if unless := i >= len(m.When); holds == unless {
			out = append(out, FactIs{Fact: c.Fact, Is: c.want(), Not: unless})
		}
	}
	return out
}

// String explains it to a person.
func (a *Absence) String() string {
	var b strings.Builder
	for i, x := range a.Blocking {
		if i == 0 {
			b.WriteString("in the way:\n")
		}
		fmt.Fprintf(&b, "  %d times: it would have to be that %s, of %s\n", x.Times, x.FactIs, strings.Join(x.Of, ", "))
	}
	if len(a.Enough) == 0 {
		fmt.Fprintf(&b, "no change of up to %d facts would let it be planned\n", MaxFacts)
		return b.String()
	}
	b.WriteString("it would be enough that\n")
	for _, set := range a.Enough {
		parts := make([]string, len(set))
		for i, f := range set {
			parts[i] = f.String()
		}
		fmt.Fprintf(&b, "  %s\n", strings.Join(parts, " and "))
	}
	return b.String()
}

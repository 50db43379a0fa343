package htn

import "fmt"

// Verdict is how a search ended.
type Verdict int

// The verdicts.
const (
	Unknown Verdict = iota // the budget is used up
	Found                  // there is a plan, and here it is
	None                   // there is none, which is proven
)

func (v Verdict) String() string {
	return [...]string{"unknown (budget)", "plan", "no plan (proved)"}[v]
}

// Options bounds a search. The zero Options are the defaults.
type Options struct {
	// Nodes is how many nodes may be visited, over all searches together; 0 is
	// DefaultNodes. A node takes about a microsecond in the fast search and up to a
	// millisecond in the others.
	Nodes int
}

// DefaultNodes is what a search may visit if nothing is said.
const DefaultNodes = 20_000_000

// Result is a verdict and what goes with it.
type Result struct {
	Verdict Verdict
	Plan    *Plan  // if one was found
	By      string // the search that ended it
	Nodes   int    // visited
}

// Plan searches for a plan. It is a function of the model and the options: no
// clock, no chance, no goroutine.
func (m *Model) Plan(o Options) (*Result, error) {
	if o.Nodes < 0 {
		return nil, fmt.Errorf("a budget of %d nodes: it is 0 for the default, or more", o.Nodes)
	}
	if o.Nodes == 0 {
		o.Nodes = DefaultNodes
	}
	d := newDive(m, 0)
	found, _ := d.run(o.Nodes)
	r := &Result{By: "dive", Nodes: d.tried}
	if found {
		r.Verdict, r.Plan = Found, d.plan()
	}
	return r, nil
}

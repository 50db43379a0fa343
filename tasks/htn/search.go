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
	s := &search{m: m, left: o.Nodes}
	return s.run(), nil
}

// search runs the searches in turn.
type search struct {
	m    *Model
	left int
	res  Result
}

func (s *search) run() *Result {
	d := newDive(s.m, 0)
	if s.dive(d, firstDive) {
		return &s.res
	}
	g, never := s.m.ground()
	if never {
		s.res.Verdict, s.res.By = None, "grounding"
		return &s.res
	}
	if g != nil {
		b := newBest(g)
		for n := firstBest; s.left > 0; n *= 4 {
			if s.best(b, n) || s.dive(d, 10*n) {
				return &s.res
			}
		}
	}
	s.dive(d, s.left)
	return &s.res
}

const (
	firstDive = 50_000
	firstBest = 20_000
)

func (s *search) dive(d *dive, n int) bool {
	was := d.tried
	found, over := d.run(min(n, s.left))
	s.left -= d.tried - was
	s.res.Nodes += d.tried - was
	if found {
		s.res.Verdict, s.res.Plan, s.res.By = Found, d.plan(), "dive"
	}
	_ = over
	return found
}

func (s *search) best(b *best, n int) bool {
	was := b.tried
	found, over := b.run(min(n, s.left))
	s.left -= b.tried - was
	s.res.Nodes += b.tried - was
	if found {
		s.res.Verdict, s.res.Plan, s.res.By = Found, b.plan(), "best first"
	}
	if over && !found && s.m.total {
		s.res.Verdict, s.res.By = None, "best first"
		return true
	}
	return found
}

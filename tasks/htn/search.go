package htn

import (
	"fmt"
	"slices"
)

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
	// Search, if it is not "", is the one search to run.
	Search string
	// Stop, if it is not nil, is asked now and then whether to end before the budget does,
	// by a deadline or for want of memory. It can only turn a verdict into Unknown, and a
	// plan into none that is cheaper.
	Stop func() bool
}

// The searches.
const (
	Dive  = "dive"
	Best  = "best first"
	Table = "table"
	// Progression is for problems that leave the order of steps open; the others
	// take one order there, so that they may miss plans.
	Progression = "progression"
)

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
	if all := []string{"", Dive, Best, Table, Progression}; !slices.Contains(all, o.Search) {
		return nil, fmt.Errorf("there is no search %q; there are %q", o.Search, all[1:])
	}
	if o.Nodes == 0 {
		o.Nodes = DefaultNodes
	}
	s := &search{m: m.until(o.Stop), left: o.Nodes, only: o.Search}
	return s.run(), nil
}

// search runs the searches in turn.
type search struct {
	m    *Model
	left int
	only string
	res  Result
}

// The first budgets, in nodes. Those that follow are larger by a factor each time,
// so that no search waits long for its turn and the last turn is most of all.
const (
	firstDive  = 25_000
	firstBest  = 4_000
	firstTable = 20_000
	everyDive  = 4_000 // for each method beyond
	fewMethods = 20    // the more there are, the more it takes to ground them
	factor     = 4

	// fewInstances are grounded before a dive goes on that may end first.
	fewInstances = 50_000
)

func (s *search) run() *Result {
	first, last, every := newDive(s.m, false, false), newDive(s.m, true, false), newDive(s.m, false, true)
	if s.dive(first, firstDive) || s.dive(last, firstDive/2) || s.dive(every, everyDive*max(0, len(s.m.methods)-fewMethods)) {
		return &s.res
	}
	d := 1 // how much further the next dives go
	gr := newGrounder(s.m)
	fits := gr.begin()
	for n := fewInstances; fits && !gr.whole() && !s.m.halt.now(workOfAsk); n *= factor {
		if fits = gr.run(n); fits && gr.whole() {
			break
		}
		if s.dive(first, d*firstDive) || s.dive(last, d*firstDive/2) {
			return &s.res
		}
		d *= 2
	}
	var g *ground
	never := false
	if fits = fits && gr.whole(); fits {
		if g, never = gr.finish(); g != nil {
			g = g.merge().relax()
		}
	}
	if never {
		s.res.Verdict, s.res.By = None, "grounding"
		return &s.res
	}
	var b *best
	var t *table
	var p *progress
	switch {
	case g == nil:
	case s.m.total:
		b, t = newBest(g), newTable(g)
	default:
		b, p = newBest(g), newProgress(g)
	}
	for n, was := 1, -1; s.left > 0 && s.left != was && !s.m.halt.now(workOfAsk); n *= factor {
		was = s.left
		if b != nil && s.best(b, n*firstBest) || t != nil && s.table(t, n*firstTable) || p != nil && s.progress(p, n*firstBest) {
			return &s.res
		}
		if s.dive(every, 4*n*firstDive) || s.dive(first, n*firstDive) || s.dive(last, n*firstDive/2) {
			return &s.res
		}
	}
	return &s.res
}

// turn runs a search for a number of nodes.
func (s *search) turn(by string, tried *int, n int, run func(int) (found, over bool)) (found, over bool) {
	if s.only != "" && s.only != by {
		return false, false
	}
	was := *tried
	found, over = run(min(n, s.left))
	s.left -= *tried - was
	s.res.Nodes += *tried - was
	if found {
		s.res.Verdict, s.res.By = Found, by
	}
	return found, over
}

func (s *search) dive(d *dive, n int) bool {
	found, _ := s.turn(Dive, &d.tried, n, d.run)
	if found {
		s.res.Plan = d.plan()
	}
	return found
}

func (s *search) best(b *best, n int) bool {
	found, over := s.turn(Best, &b.tried, n, b.run)
	switch {
	case found:
		s.res.Plan = b.plan()
	case over && s.m.total:
		s.res.Verdict, s.res.By = None, Best
		return true
	}
	return found
}

func (s *search) table(t *table, n int) bool {
	found, over := s.turn(Table, &t.tried, n, t.run)
	switch {
	case found:
		by, ok := t.decisions()
		if !ok {
			s.res.Verdict = Unknown // there is one, too long to be written
			return true
		}
		s.res.Plan = t.g.plan(by)
	case over:
		s.res.Verdict, s.res.By = None, Table
		return true
	}
	return found
}

func (s *search) progress(p *progress, n int) bool {
	found, over := s.turn(Progression, &p.tried, n, p.run)
	if found {
		s.res.Plan = p.plan()
	} else if over {
		s.res.Verdict, s.res.By = None, Progression
	}
	return over
}

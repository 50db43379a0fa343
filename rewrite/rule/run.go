package rule

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"jitos.dev/rmg"
)

// DefaultFuel is how many rewrites a run may make if it is not told.
const DefaultFuel = 10_000_000

// DefaultWork is how many candidates one search may look at if it is not told.
const DefaultWork = 100_000_000

// RunOptions are the limits of a run.
type RunOptions struct {
	Fuel int // rewrites; 0 is DefaultFuel
	Work int // candidates of one search; 0 is DefaultWork
}

// Run is rules at work on one image. It remembers where each rule has yet to be
// looked for, so that a program does not look twice at what has not changed.
// There is one run of an image at a time.
type Run struct {
	m        *Image
	set      *Set
	agendas  []*agenda
	fuel     int
	used     int
	applied  []int // by rule
	matchers []*matcher
}

// NewRun puts the rules of a set to work on an image. NotFound: the graph in
// which a rule is to be matched is not in the image.
func NewRun(m *Image, set *Set, o RunOptions) (*Run, error) {
	r := &Run{m: m, set: set, fuel: o.Fuel, applied: make([]int, len(set.Rules))}
	if r.fuel <= 0 {
		r.fuel = DefaultFuel
	}
	work := o.Work
	if work <= 0 {
		work = DefaultWork
	}
	m.watch = &watch{}
	for _, name := range slices.Sorted(maps.Keys(set.kinds)) {
		m.kind(name) // what may yet come counts among what is looked for
	}
	for _, x := range set.Rules {
		top, err := m.levelNamed(x.At)
		if err != nil {
			return nil, err
		}
		for _, v := range x.vars {
			m.kindOrNone(v.kind)
		}
		for _, t := range x.retypes {
			m.kind(t.kind)
		}
		mt := newMatcher(m, set, x, top)
		mt.everyPattern(func(p *pattern, _, _ bool) {
			for _, h := range p.paths {
				m.kindOrNone(h.kind)
			}
		})
		mt.most = work
		r.matchers = append(r.matchers, mt)
	}
	m.grown = func() {
		for _, mt := range r.matchers {
			mt.grow()
		}
		for _, a := range r.agendas {
			clear(a.plans) // what could not be one element may be now
		}
	}
	m.grown()
	for _, mt := range r.matchers {
		r.agendas = append(r.agendas, newAgenda(mt))
	}
	m.watch.agendas = r.agendas
	return r, nil
}

// levelNamed is the level at a path.
func (m *Image) levelNamed(p rmg.Path) (int32, error) {
	if p == rmg.Root || p == "" {
		p = m.scope
	}
	rest, l := p, int32(0)
	var ids []rmg.Segment
	for rest != m.scope && rest != rmg.Root {
		ids = append(ids, rest.Base())
		rest = rest.Parent()
	}
	if rest != m.scope {
		return 0, &rmg.Error{Op: "rule", Path: p, Code: rmg.NotFound, Msg: fmt.Sprintf("it is not in what was loaded, which is %s", m.scope)}
	}
	for _, s := range slices.Backward(ids) {
		x := m.find(l, s.Edge, s.ID)
		if x == 0 {
			return 0, &rmg.Error{Op: "rule", Path: p, Code: rmg.NotFound, Msg: "there is no such element"}
		}
		l = m.levelOf(x)
	}
	return l, nil
}

// Once applies a rule to one match, and reports whether there was one.
func (r *Run) Once(rule string) (bool, error) {
	i, ok := r.set.rule(rule)
	if !ok {
		return false, &rmg.Error{Op: "rule", Code: rmg.NotFound, Msg: fmt.Sprintf("there is no rule %s", rule), Hint: "there is one of " + strings.Join(r.set.Names(), ", ")}
	}
	return r.once(i)
}

func (r *Run) once(i int) (bool, error) {
	a := r.agendas[i]
	a.mt.work = 0
	if !a.next() {
		if a.mt.spent() {
			return false, &rmg.Error{Op: "rule " + a.mt.r.Name, Path: r.m.scope, Code: rmg.Limit, Msg: fmt.Sprintf("the search looked at more than %d candidates", a.mt.most), Hint: "join the parts of the pattern by edges, or raise the limit"}
		}
		return false, nil
	}
	if r.used == r.fuel {
		return false, r.burnt()
	}
	if err := a.mt.apply(); err != nil {
		return false, err
	}
	r.used++
	r.applied[i]++
	return true, nil
}

// burnt says what the fuel went into.
func (r *Run) burnt() error {
	var most []string
	for i, n := range r.applied {
		if n > 0 {
			most = append(most, fmt.Sprintf("%s %d times", r.set.Rules[i].Name, n))
		}
	}
	return &rmg.Error{Op: "rules", Path: r.m.scope, Code: rmg.Limit, Msg: fmt.Sprintf("after %d rewrites there is still a match: %s", r.used, strings.Join(most, ", ")), Hint: "the rules may not terminate; else raise the fuel"}
}

// Long applies a rule as long as possible, and tells how often.
func (r *Run) Long(rule string) (int, error) {
	for n := 0; ; n++ {
		if ok, err := r.Once(rule); !ok || err != nil {
			return n, err
		}
	}
}

// Applied tells how often each rule was applied, by name.
func (r *Run) Applied() map[string]int {
	out := map[string]int{}
	for i, n := range r.applied {
		if n > 0 {
			out[r.set.Rules[i].Name] = n
		}
	}
	return out
}

// Program runs a program; empty is that of the set. See parseControl for the
// language:
//
//	a; b; (c | d)!; e*3; f?
//
// It reports whether the program succeeded: a rule fails where there is no match,
// a sequence with the first that fails, a*3 if a fails before it was done three
// times; a! and a? never do. What was done before a failure stays done. Limit:
// the fuel is used up. Invalid: the program is none.
func (r *Run) Program(text string) (bool, error) {
	c := r.set.program
	if text != "" {
		var at int
		var err error
		if c, at, err = parseControl(r.set, text); err != nil {
			return false, &rmg.Error{Op: "program", Code: rmg.Invalid, Msg: fmt.Sprintf("column %d: %s", at+1, err)}
		}
	}
	if c == nil {
		return false, &rmg.Error{Op: "program", Code: rmg.Invalid, Msg: "there is no program", Hint: "the document has no run"}
	}
	return r.run(c)
}

func (r *Run) run(c *control) (bool, error) {
	switch c.op {
	case ctlRule:
		return r.once(c.rule)
	case ctlSeq:
		for _, x := range c.of {
			if ok, err := r.run(x); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	case ctlChoice:
		for _, x := range c.of {
			if ok, err := r.run(x); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	case ctlTimes:
		for range c.times {
			if ok, err := r.run(c.of[0]); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	case ctlMaybe:
		_, err := r.run(c.of[0])
		return err == nil, err
	}
	for { // as long as possible
		before := r.used
		ok, err := r.run(c.of[0])
		if err != nil {
			return false, err
		}
		if !ok || r.used == before {
			return true, nil
		}
	}
}

// Explain tells the plan by which a rule would be matched now, and how many
// candidates are expected.
func (r *Run) Explain(rule string) (string, error) {
	i, ok := r.set.rule(rule)
	if !ok {
		return "", &rmg.Error{Op: "explain", Code: rmg.NotFound, Msg: fmt.Sprintf("there is no rule %s", rule), Hint: "there is one of " + strings.Join(r.set.Names(), ", ")}
	}
	mt := r.agendas[i].mt
	root := none
	if len(mt.r.left.own) > 0 {
		pl := planner{matcher: mt, bound: make([]bool, len(mt.r.vars))}
		root, _ = pl.rarest(mt.r.left.own)
	}
	var b strings.Builder
	mt.explain(&b, mt.plan(&mt.r.left, make([]bool, len(mt.r.vars)), root), "")
	return b.String(), nil
}

// Matches lists the matches of a rule, up to a number of them, without applying
// it: all anew, in order of search.
func (r *Run) Matches(rule string, most int) ([]Match, error) {
	i, ok := r.set.rule(rule)
	if !ok {
		return nil, &rmg.Error{Op: "matches", Code: rmg.NotFound, Msg: fmt.Sprintf("there is no rule %s", rule), Hint: "there is one of " + strings.Join(r.set.Names(), ", ")}
	}
	mt := r.agendas[i].mt.fork()
	var out []Match
	mt.run(mt.plan(&mt.r.left, make([]bool, len(mt.r.vars)), none), 0, func() bool {
		if len(out) < most && mt.sound() {
			out = append(out, mt.match())
		}
		return len(out) < most
	})
	if mt.spent() {
		return out, &rmg.Error{Op: "matches", Code: rmg.Limit, Msg: fmt.Sprintf("the search looked at more than %d candidates", mt.most)}
	}
	return out, nil
}

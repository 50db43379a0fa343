package tasks

import (
	"fmt"
	"slices"

	"jitos.dev/tasks/htn"
)

// Progress is how far a plan has come.
type Progress struct {
	Facts   Facts    // what is the case now, whatever was expected
	Done    []string // ids of tasks that are done, in the order in which they were
	Failed  []string // of tasks that could not be done, and are not to be tried again
	Refused []Did    // what failed in plans before this one
}

// Mended is a plan that goes on from where one was.
type Mended struct {
	Plan    *Plan
	How     htn.Mending
	Done    []string // ids of its tasks that are done: they have the ids that they had
	Added   []string // ids of tasks that the old plan had not
	Dropped []string // ids of tasks of the old plan that are still to be done, and are not in this one
	Vain    []string // ids of tasks that are done and of no use to it
	Refused []Did    // all that is not to be tried again, what failed now included
}

// Changed reports whether the plan is another than the one before.
func (m *Mended) Changed() bool {
	return m.How != htn.Resumed || len(m.Added)+len(m.Dropped)+len(m.Vain) > 0
}

// progress is what a plan that has come some way is written with.
type progress struct {
	ids   map[int]string // of actions that have one
	taken []string
	edges []htn.Edge
	// closing are tasks that are done in the end, by what they are done for and their names.
	closing map[[2]string]string
	carried []Task // done in the end for tasks that have begun and are in the plan no more
}

// Mend makes of a plan that has come so far one that can go on. What is done stays done,
// and what is not concerned stays as it is; a task that has begun goes on by the method
// that it was begun with if that is possible at all. Where it has to begin anew, what
// was done and would change nothing if it was done again is not done again. The
// errors are those of Plan; *NoPlan if there is no way on.
func (l *Library) Mend(s SLAPS, old *Plan, at Progress) (*Mended, error) {
	if old.Tree == nil {
		return nil, fmt.Errorf("the plan of %s was not made by this program, or by one before it could be mended", old.Goal)
	}
	g := &mender{lib: l, s: s, old: old, at: at, action: map[string]int{}}
	for i, t := range old.Tasks {
		g.action[t.ID] = old.Tree.Actions[i]
	}
	return g.mend()
}

type mender struct {
	lib    *Library
	s      SLAPS
	old    *Plan
	at     Progress
	action map[string]int // by id
	*finding
}

func (g *mender) mend() (*Mended, error) {
	b := before{plan: g.old.Tree.Plan, refused: slices.Clone(g.at.Refused)}
	p := htn.Progress{}
	// What is done in the end is no part of the tree.
	other := func(id string) bool { _, ok := g.action[id]; return !ok }
	g.at.Done, g.at.Failed = slices.DeleteFunc(slices.Clone(g.at.Done), other), slices.DeleteFunc(slices.Clone(g.at.Failed), other)
	for _, id := range g.at.Done {
		p.Done = append(p.Done, g.action[id])
	}
	for _, id := range g.at.Failed {
		n := g.old.Tree.Plan.Nodes[g.action[id]]
		p.Failed = append(p.Failed, g.action[id])
		b.refused = append(b.refused, Did{Task: n.Task, Args: n.Args})
	}
	c, err := g.lib.problemOf(g.s, g.at.Facts, b)
	if err != nil {
		return nil, err
	}
	g.finding = &finding{form: c}
	p.State = c.problem.Init
	m, err := htn.Repair(&c.domain, &c.problem, g.old.Tree.Plan, p, htn.Options{Nodes: maxPlanNodes})
	if err != nil {
		// The library or what it is expanded over has changed: nothing of the tree fits.
		if m, err = g.afresh(b); err != nil {
			return nil, err
		}
	}
	if m.Plan == nil {
		return nil, c.none(g.s.Intent, &htn.Result{Verdict: m.Verdict, Nodes: m.Nodes})
	}
	return g.write(m, p, b)
}

// afresh plans as if nothing had been planned before.
func (g *mender) afresh(b before) (*htn.Mended, error) {
	f, err := g.lib.search(g.s, g.at.Facts, b)
	if err != nil {
		return nil, err
	}
	g.finding = f
	dag, err := f.model.DAG(f.found)
	if err != nil {
		return nil, err
	}
	return &htn.Mended{Verdict: htn.Found, How: htn.Anew, Plan: f.found, Edges: dag.Edges}, nil
}

// write gives what stays its ids, finds what of a beginning anew is done already, and
// makes a plan of it.
func (g *mender) write(m *htn.Mended, p htn.Progress, b before) (*Mended, error) {
	out := &Mended{How: m.How, Refused: b.refused}
	ids := map[int]string{}
	used := map[string]bool{}
	claim := func(k int, list []string) bool {
		for _, id := range list {
			if !used[id] && g.old.Tree.Plan.Nodes[g.action[id]].String() == m.Plan.Nodes[k].String() {
				ids[k], used[id] = id, true
				return true
			}
		}
		return false
	}
	for k := range m.Done {
		claim(k, g.at.Done)
	}
	done := map[int]bool{}
	waits := make([][]int, m.Plan.Actions)
	for _, e := range m.Edges {
		waits[e.To] = append(waits[e.To], e.From)
	}
	for k := m.Done; k < m.Plan.Actions; k++ {
		behind := slices.ContainsFunc(waits[k], func(n int) bool { return !done[n] })
		if m.How == htn.Anew && !behind && g.idle(m.Plan.Nodes[k]) && claim(k, g.at.Done) {
			done[k] = true
		}
	}
	var open []string // of the old plan, still to be done
	for _, t := range g.old.Tasks {
		if !slices.Contains(g.at.Done, t.ID) && !slices.Contains(g.at.Failed, t.ID) {
			open = append(open, t.ID)
		}
	}
	for k := m.Done; k < m.Plan.Actions; k++ {
		if !done[k] {
			claim(k, open)
		}
	}
	been := &progress{ids: ids, edges: m.Edges, closing: map[[2]string]string{}}
	for _, t := range g.old.All() {
		been.taken = append(been.taken, t.ID)
	}
	for _, t := range g.old.Finally {
		been.closing[[2]string{t.Closes, t.Name}] = t.ID
		if begun := slices.Concat(g.at.Done, g.at.Failed); slices.Contains(begun, t.Closes) && !used[t.Closes] {
			t.Needs = nil // what it is done for is over, and of no use to anybody
			been.carried = append(been.carried, t)
		}
	}
	var err error
	if out.Plan, err = g.finding.write(g.s, m.Plan, been); err != nil {
		return nil, err
	}
	for i, t := range out.Plan.Tasks {
		k := out.Plan.Tree.Actions[i]
		switch {
		case k < m.Done || done[k]:
			out.Done = append(out.Done, t.ID)
		case !used[t.ID]:
			out.Added = append(out.Added, t.ID)
		}
	}
	for _, t := range g.old.Tasks {
		switch {
		case used[t.ID]:
		case slices.Contains(g.at.Done, t.ID):
			out.Vain = append(out.Vain, t.ID)
		default:
			out.Dropped = append(out.Dropped, t.ID)
		}
	}
	return out, nil
}

// idle reports whether doing an action again would change no fact.
func (g *mender) idle(n htn.Node) bool {
	bound := map[string]any{}
	prim := g.lib.primitives[n.Task]
	for i, name := range keys(prim.Params) {
		if v := g.value[n.Args[i]]; v != nil {
			bound[name] = v
		}
	}
	after := Facts{}
	for name, v := range g.at.Facts {
		after[name] = v
	}
	for _, e := range prim.effects {
		e.apply(after, bound)
		if objectName(sortedTuples(after, e.Fact)) != objectName(sortedTuples(g.at.Facts, e.Fact)) {
			return false
		}
	}
	return true
}

// sortedTuples are those of a fact, as names, in an order of their own.
func sortedTuples(f Facts, name string) []any {
	var list []string
	for _, t := range f.tuples(name) {
		list = append(list, objectName(t))
	}
	slices.Sort(list)
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// After are the facts after tasks of a plan were done, from those before.
func (l *Library) After(facts Facts, p *Plan, done []string) Facts {
	out := Facts{}
	for name, v := range facts {
		out[name] = v
	}
	for i, t := range p.Tasks {
		prim := l.primitives[t.Name]
		if p.Tree == nil || prim == nil || !slices.Contains(done, t.ID) {
			continue
		}
		bound := map[string]any{}
		args := p.Tree.Plan.Nodes[p.Tree.Actions[i]].Args
		for k, name := range keys(prim.Params) {
			if k < len(args) {
				if v, ok := valueOf(args[k]); ok && v != nil {
					bound[name] = v
				}
			}
		}
		for _, e := range prim.effects {
			e.apply(out, bound)
		}
	}
	return out
}

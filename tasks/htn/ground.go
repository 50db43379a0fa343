package htn

import "slices"

// ground is a problem without variables: facts that change are numbered from 0, as
// are tasks, actions and methods.
type ground struct {
	m       *Model
	facts   int
	init    bits
	goal    gcond
	tasks   []gtask // those of actions too
	actions []gaction
	methods []gmethod
	top     int32
	ops     *relaxed // what the heuristics work on
}

type gtask struct {
	task    int32
	args    []int32
	actions []int32 // of an action's task: one, unless it has variables that exist
	methods []int32 // in the order of declaration
}

type gaction struct {
	task     int32
	pre      gcond
	add, del []int32
	effects  []geffect // those with a condition
	cost     int64
}

// geffect is an effect that has a condition.
type geffect struct {
	when gcond
	fact int32
	del  bool
}

type gmethod struct {
	method int32 // or -1: the task stands for its one step (see shared)
	task   int32
	pre    gcond   // if the steps follow one after the other, with what that tells
	own    gcond   // as the method has it
	steps  []int32 // tasks, as declared
}

// line is the order of a method's steps.
func (g *ground) line(m *gmethod) []int {
	if m.method < 0 {
		return []int{0}
	}
	return g.m.methods[m.method].line
}

// gcond is a condition without variables: facts that are true, facts that are
// false, and other conditions.
type gcond struct {
	pos, neg []int32
	more     []*gtree
	never    bool
}

// gtree is And or Or of facts and trees.
type gtree struct {
	all   bool
	fact  int32 // if there are no parts and it is no constant
	neg   bool
	parts []*gtree
	leaf  bool
}

func (k *gcond) holds(s bits) bool {
	if k.never {
		return false
	}
	for _, f := range k.pos {
		if !s.has(int(f)) {
			return false
		}
	}
	for _, f := range k.neg {
		if s.has(int(f)) {
			return false
		}
	}
	for _, t := range k.more {
		if !t.holds(s) {
			return false
		}
	}
	return true
}

func (t *gtree) holds(s bits) bool {
	if t.leaf {
		return s.has(int(t.fact)) != t.neg
	}
	for _, p := range t.parts {
		if p.holds(s) != t.all {
			return !t.all
		}
	}
	return t.all
}

// apply is the state after an action.
func (a *gaction) apply(s bits) bits {
	out := slices.Clone(s)
	for _, f := range a.del {
		out.clear(int(f))
	}
	for _, e := range a.effects {
		if e.del && e.when.holds(s) {
			out.clear(int(e.fact))
		}
	}
	for _, f := range a.add {
		out.set(int(f))
	}
	for _, e := range a.effects {
		if !e.del && e.when.holds(s) {
			out.set(int(e.fact))
		}
	}
	return out
}

// ground grounds the problem; nil if that is beyond the limits. never says that
// there is no plan even if nothing is ever deleted. Nothing can be estimated in it yet.
func (m *Model) ground() (g *ground, never bool) {
	gr := newGrounder(m)
	if !gr.all() {
		return nil, false
	}
	return gr.finish()
}

// finish makes the problem of everything that was derived.
func (gr *grounder) finish() (g *ground, never bool) {
	m := gr.m
	pr := &pruner{grounder: gr}
	pr.load()
	top := gr.db.ids.find(int32(len(m.preds))+m.top, nil)
	if top < 0 {
		return nil, true
	}
	for {
		if !pr.below(top) {
			return nil, true
		}
		if !pr.above() {
			break
		}
	}
	b := &builder{pruner: pr}
	return b.build(top), false
}

package htn

import (
	"cmp"
	"math"
	"slices"
)

// arrange works out what depends on all definitions: orders of steps, tasks that
// come back within themselves, conditions that can be seen ahead.
func (c *compiler) arrange() {
	c.narrowDomains()
	of := c.traffic()
	c.hope(of)
	c.linearise(of)
	c.mark()
	c.pull(of)
}

// any stands in a pattern for what is not known.
const anyTerm = math.MinInt32

// maxPatterns bounds what is known of one task; beyond it only predicates are.
const maxPatterns = 64

// traffic is what a task may need, add and delete, in terms of its parameters.
type traffic struct{ needs, adds, dels []lit }

// linearise chooses for each method an order of its steps that respects the one
// given, and for the rest puts producers before consumers before deleters.
func (c *compiler) linearise(of []traffic) {
	for i := range c.methods {
		m := &c.methods[i]
		n := len(m.steps)
		prefer := make([][]int, n)
		for a := range prefer {
			prefer[a] = make([]int, n)
		}
		if !m.chain {
			in := make([]traffic, n)
			for a, st := range m.steps {
				in[a] = of[st.task].within(st.args)
			}
			for a := range n {
				for b := range n {
					// a produces for b, or b would destroy what a needs.
					w := matches(in[a].adds, in[b].needs) + matches(in[b].dels, in[a].needs)
					prefer[a][b] += w
					prefer[b][a] -= w
				}
			}
		}
		done := newBits(n)
		for len(m.line) < n {
			best, score := -1, 0
			for a := range n {
				if done.has(a) || !subset(m.before[a], done) {
					continue
				}
				s := 0
				for b := range n {
					if !done.has(b) {
						s += prefer[a][b]
					}
				}
				if best < 0 || s > score {
					best, score = a, s
				}
			}
			done.set(best)
			m.line = append(m.line, best)
		}
	}
}

func subset(a, b bits) bool {
	for i, w := range a {
		if w&^b[i] != 0 {
			return false
		}
	}
	return true
}

// matches counts the pairs of patterns that may be one fact.
func matches(a, b []lit) int {
	n := 0
	for _, x := range a {
		for _, y := range b {
			if x.pred != y.pred {
				continue
			}
			same := 1
			for i := range x.args {
				if x.args[i] != y.args[i] && x.args[i] != anyTerm && y.args[i] != anyTerm {
					same = 0
				}
			}
			n += same
		}
	}
	return n
}

// within rewrites patterns of a task in terms of who does it with these arguments.
func (t traffic) within(args []int32) traffic {
	re := func(list []lit) []lit {
		out := make([]lit, len(list))
		for i, l := range list {
			out[i] = lit{l.pred, slices.Clone(l.args)}
			for j, a := range l.args {
				if a >= 0 {
					out[i].args[j] = args[a]
				}
			}
		}
		return out
	}
	return traffic{re(t.needs), re(t.adds), re(t.dels)}
}

// outside rewrites a method's patterns in terms of its task's parameters.
func outside(list []lit, head []int32) []lit {
	out := make([]lit, len(list))
	for i, l := range list {
		out[i] = lit{l.pred, slices.Clone(l.args)}
		for j, a := range l.args {
			if a >= 0 {
				if k := slices.Index(head, a); k >= 0 {
					out[i].args[j] = int32(k)
				} else {
					out[i].args[j] = anyTerm
				}
			}
		}
	}
	return out
}

// traffic is a least fixpoint over the methods.
func (c *compiler) traffic() []traffic {
	of := make([]traffic, len(c.tasks))
	for i := range c.actions {
		a := &c.actions[i]
		own := make([]int32, a.params)
		for j := range own {
			own[j] = int32(j)
		}
		t := &of[c.nTasks+i]
		t.needs = c.merge(nil, outside(a.pre.pos, own))
		for _, e := range a.effects {
			to := &t.adds
			if e.del {
				to = &t.dels
			}
			*to = c.merge(*to, outside([]lit{{e.pred, e.args}}, own))
		}
	}
	for changed := true; changed; {
		changed = false
		for i := range c.methods {
			m := &c.methods[i]
			if m.task == c.top {
				continue // which is no step of anything
			}
			t := &of[m.task]
			before := len(t.needs) + len(t.adds) + len(t.dels)
			t.needs = c.merge(t.needs, outside(m.pre.pos, m.head))
			for _, st := range m.steps {
				in := of[st.task].within(st.args)
				t.needs = c.merge(t.needs, outside(in.needs, m.head))
				t.adds = c.merge(t.adds, outside(in.adds, m.head))
				t.dels = c.merge(t.dels, outside(in.dels, m.head))
			}
			changed = changed || len(t.needs)+len(t.adds)+len(t.dels) != before
		}
	}
	return of
}

// merge adds patterns of facts that change to others.
func (c *compiler) merge(to, more []lit) []lit {
	for _, l := range more {
		if !c.preds[l.pred].fluid {
			continue
		}
		if len(to) >= maxPatterns {
			l.args = slices.Repeat([]int32{anyTerm}, len(l.args))
		}
		if !slices.ContainsFunc(to, l.same) {
			to = append(to, l)
		}
	}
	return to
}

func (l lit) same(o lit) bool { return l.pred == o.pred && slices.Equal(l.args, o.args) }

// mark finds the tasks that come back within themselves other than as the last
// step: what stands behind them grows, so that only the path above tells a loop.
func (c *compiler) mark() {
	reach := make([]bits, c.nTasks)
	for t := range reach {
		reach[t] = newBits(c.nTasks)
	}
	for i := range c.methods {
		m := &c.methods[i]
		for _, st := range m.steps {
			if int(st.task) < c.nTasks {
				reach[m.task].set(int(st.task))
			}
		}
	}
	for changed := true; changed; {
		changed = false
		for t := range reach {
			for u := range c.nTasks {
				if u != t && reach[t].has(u) && reach[t].add(reach[u]) {
					changed = true
				}
			}
		}
	}
	for i := range c.methods {
		m := &c.methods[i]
		for k, s := range m.line {
			t := m.steps[s].task
			if k+1 < len(m.line) && int(t) < c.nTasks && (t == m.task || reach[t].has(int(m.task))) {
				for u := range c.nTasks { // all of the circle
					if u == int(t) || reach[u].has(int(t)) && reach[t].has(u) {
						c.tasks[u].marks = true
					}
				}
			}
		}
	}
}

// pull finds conditions that have to hold for a method to succeed, though they
// stand with its steps: those on facts that never change, of any step; those on
// others, of a step before which nothing can add them. For compound steps it is what
// all their methods have in common, which is found from below; any number of rounds
// is sound.
func (c *compiler) pull(of []traffic) {
	static := make([][]lit, len(c.tasks)) // in terms of parameters
	first := make([][]lit, len(c.tasks))
	fixed := func(l lit) bool { return !c.preds[l.pred].fluid }
	for i := range c.actions {
		a := &c.actions[i]
		for _, l := range a.pre.pos {
			if slices.ContainsFunc(l.args, func(t int32) bool { return int(t) >= a.params }) {
				continue
			}
			if fixed(l) {
				static[c.nTasks+i] = append(static[c.nTasks+i], l)
			} else {
				first[c.nTasks+i] = append(first[c.nTasks+i], l)
			}
		}
	}
	seen := func(m *method) (st, fi []lit) {
		for _, l := range m.pre.pos {
			if fixed(l) {
				st = append(st, l)
			} else {
				fi = append(fi, l)
			}
		}
		for k, s := range m.line {
			x := m.steps[s]
			st = unite(st, traffic{needs: static[x.task]}.within(x.args).needs)
			for _, l := range (traffic{needs: first[x.task]}).within(x.args).needs {
				if !c.adds(m, of, m.line[:k], l) {
					fi = unite(fi, []lit{l})
				}
			}
		}
		return st, fi
	}
	for range 6 {
		for t := range c.nTasks {
			for k, i := range c.of[t] {
				m := &c.methods[i]
				st, fi := seen(m)
				known := func(l lit) bool { return slices.Contains(l.args, anyTerm) }
				st = slices.DeleteFunc(outside(st, m.head), known)
				fi = slices.DeleteFunc(outside(fi, m.head), known)
				if k == 0 {
					static[t], first[t] = st, fi
					continue
				}
				static[t] = slices.DeleteFunc(static[t], func(l lit) bool { return !slices.ContainsFunc(st, l.same) })
				first[t] = slices.DeleteFunc(first[t], func(l lit) bool { return !slices.ContainsFunc(fi, l.same) })
			}
		}
	}
	for i := range c.methods {
		m := &c.methods[i]
		st, fi := seen(m)
		m.join = m.pre
		m.join.pos = unite(unite(slices.Clone(m.pre.pos), st), fi)
		m.delay()
	}
}

// adds reports whether one of the steps can make a fact true.
func (c *compiler) adds(m *method, of []traffic, steps []int, l lit) bool {
	for _, s := range steps {
		for _, x := range of[m.steps[s].task].within(m.steps[s].args).adds {
			if x.pred != l.pred {
				continue
			}
			may := true
			for i := range x.args {
				may = may && c.mayEqual(m, x.args[i], l.args[i])
			}
			if may {
				return true
			}
		}
	}
	return false
}

// mayEqual reports whether two terms of a method can be the same object.
func (c *compiler) mayEqual(m *method, a, b int32) bool {
	switch {
	case a == b || a == anyTerm || b == anyTerm:
		return true
	case a < 0 && b < 0:
		return false
	case a < 0:
		return c.Model.types[m.types[b]].contains(^a)
	case b < 0:
		return c.Model.types[m.types[a]].contains(^b)
	}
	return len(c.Model.types[c.meet(m.types[a], m.types[b])].list) > 0
}

func unite(to, more []lit) []lit {
	for _, l := range more {
		if !slices.ContainsFunc(to, l.same) {
			to = append(to, l)
		}
	}
	return to
}

// delay takes inequalities of variables that only a step gives a value off the
// join, and puts them behind that step.
func (m *method) delay() {
	found := func(t int32) bool {
		return t < 0 || slices.Contains(m.head, t) || slices.ContainsFunc(m.join.pos, func(l lit) bool { return slices.Contains(l.args, t) })
	}
	m.join.neq, m.join.need = nil, nil
	for _, e := range m.pre.neq {
		after := -1
		for _, t := range e {
			if found(t) {
				continue
			}
			k := slices.IndexFunc(m.line, func(s int) bool { return slices.Contains(m.steps[s].args, t) })
			after = max(after, k)
		}
		if after < 0 {
			m.join.neq = append(m.join.neq, e)
			m.join.needs(e[:])
		} else {
			m.late = append(m.late, late{after, e[0], e[1]})
		}
	}
	slices.SortStableFunc(m.late, func(a, b late) int { return cmp.Compare(a.after, b.after) })
	for _, l := range m.pre.neg {
		m.join.needs(l.args)
	}
	for _, e := range m.pre.eq {
		m.join.needs(e[:])
	}
	if len(m.pre.conds) > 0 {
		m.join.needs(m.pre.need)
	}
	for s := m.params; s < m.slots; s++ {
		m.join.needs([]int32{int32(s)})
	}
}

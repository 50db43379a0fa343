package htn

import (
	"math"
	"slices"
)

// relaxed is a ground problem without deletions, in which tasks are facts too: a
// method is an action that needs its steps to be done and makes its task done
// (relaxed composition; Hoeller et al. 2018). What is false counts as a fact of its
// own where some condition wants it. It estimates how far it is to the end of a
// network in a state. It is immutable; a search asks it with a gauge of its own.
type relaxed struct {
	g       *ground
	size    int
	base    int32 // the first task
	methods int32 // the op of the first method; the others follow
	ops     int
	pre     [][]int32 // by op
	eff     [][]int32
	users   families // by fact: ops that need it, once for each need
	cost    []int32
	doer    []int32   // by op: its task
	wanted  []bool    // facts that some condition wants to be false
	initial []int32   // ops that need nothing
	need    []int32   // by op: how many facts
	kids    [][]int32 // by task: the steps of its methods, each once
}

// relax makes a ground problem one of which nodes can be estimated.
func (g *ground) relax() *ground {
	g.ops = newRelaxed(g)
	return g
}

func newRelaxed(g *ground) *relaxed {
	r := &relaxed{g: g, size: 2*g.facts + len(g.tasks), base: int32(2 * g.facts), wanted: make([]bool, g.facts)}
	want := func(k *gcond) {
		for _, f := range k.neg {
			r.wanted[f] = true
		}
	}
	for i := range g.actions {
		want(&g.actions[i].pre)
		for k := range g.actions[i].effects {
			want(&g.actions[i].effects[k].when)
		}
	}
	for i := range g.methods {
		want(&g.methods[i].pre)
	}
	want(&g.goal)
	// What the one action of a step needs is not asked for again by the method.
	needs := make([][]int32, len(g.tasks))
	for i := range g.actions {
		a := &g.actions[i]
		pre := r.cond(nil, &a.pre)
		if len(g.tasks[a.task].actions) == 1 {
			needs[a.task] = pre
		}
		eff := append(r.false(nil, a.del), a.add...)
		r.op(pre, append(eff, r.base+a.task), 1, a.task)
		for k := range a.effects {
			e := &a.effects[k]
			out := []int32{e.fact}
			if e.del {
				out = r.false(nil, out)
			}
			r.op(r.cond(r.cond(nil, &a.pre), &e.when), out, 1, a.task)
		}
	}
	r.methods = int32(r.ops)
	for i := range g.methods {
		m := &g.methods[i]
		pre := slices.DeleteFunc(r.cond(nil, &m.pre), func(f int32) bool {
			return slices.ContainsFunc(m.steps, func(t int32) bool { return slices.Contains(needs[t], f) })
		})
		for _, s := range m.steps {
			pre = append(pre, r.base+s)
		}
		r.op(pre, []int32{r.base + m.task}, 1, m.task)
	}
	r.users = group(r.size, func(do func(f, op int32)) {
		for i, pre := range r.pre {
			for _, f := range pre {
				do(f, int32(i))
			}
		}
	})
	for i, pre := range r.pre {
		if len(pre) == 0 {
			r.initial = append(r.initial, int32(i))
		}
	}
	r.need = make([]int32, r.ops)
	for i, pre := range r.pre {
		r.need[i] = int32(len(pre))
	}
	r.kids = make([][]int32, len(g.tasks))
	for i := range g.tasks {
		for _, m := range g.tasks[i].methods {
			r.kids[i] = append(r.kids[i], g.methods[m].steps...)
		}
		slices.Sort(r.kids[i])
		r.kids[i] = slices.Clip(slices.Compact(r.kids[i]))
	}
	return r
}

func (r *relaxed) op(pre, eff []int32, cost, doer int32) {
	r.doer = append(r.doer, doer)
	r.pre, r.eff, r.cost = append(r.pre, pre), append(r.eff, eff), append(r.cost, cost)
	r.ops++
}

func (r *relaxed) cond(to []int32, k *gcond) []int32 {
	to = append(to, k.pos...)
	for _, f := range k.neg {
		to = append(to, int32(r.g.facts)+f)
	}
	return to
}

func (r *relaxed) false(to, facts []int32) []int32 {
	for _, f := range facts {
		if r.wanted[f] {
			to = append(to, int32(r.g.facts)+f)
		}
	}
	return to
}

// far is the estimate of what cannot be reached.
const far = math.MaxInt32 / 4

// gauge computes estimates, one at a time.
type gauge struct {
	*relaxed
	dist  []int32
	so    []soFar   // by op
	facts []int32   // those that are not far
	begun []int32   // ops of which some need is met
	queue [][]int32 // facts by distance
	end   int32     // the distance at which spread ended
	todo  []int32   // the tasks of below
	below []bool    // tasks below those that are still to be done
	asked []bool    // facts, those of tasks too, of which add will ask
	goal  []int32
}

// soFar is how far an op is from being possible: how many needs are left, and what it
// costs together with those that are met.
type soFar struct{ left, sum int32 }

func newGauge(r *relaxed) *gauge {
	h := &gauge{
		relaxed: r, dist: slices.Repeat([]int32{far}, r.size), so: make([]soFar, r.ops), below: make([]bool, len(r.g.tasks)),
		asked: make([]bool, r.size), goal: r.cond(nil, &r.g.goal),
	}
	for op := range h.so {
		h.so[op] = soFar{r.need[op], r.cost[op]}
	}
	return h
}

// begin takes back what the last estimate has left, which is less than there is where
// it ended early.
func (h *gauge) begin() {
	for _, f := range h.facts {
		h.dist[f] = far
	}
	for _, op := range h.begun {
		h.so[op] = soFar{h.need[op], h.cost[op]}
	}
	h.facts, h.begun = h.facts[:0], h.begun[:0]
}

func (h *gauge) reach(f, d int32) {
	if d >= h.dist[f] || d >= far {
		return
	}
	if h.dist[f] == far {
		h.facts = append(h.facts, f)
	}
	h.dist[f] = d
	for int(d) >= len(h.queue) {
		h.queue = append(h.queue, nil)
	}
	h.queue[d] = append(h.queue[d], f)
}

// reachable marks all that can come below tasks. What nothing asks for any more
// does not help.
func (h *gauge) reachable(tasks []int32) {
	for _, t := range h.todo {
		h.below[t] = false
	}
	h.todo = h.todo[:0]
	mark := func(t int32) {
		if !h.below[t] {
			h.below[t] = true
			h.todo = append(h.todo, t)
		}
	}
	for _, t := range tasks {
		mark(t)
	}
	for i := 0; i < len(h.todo); i++ {
		for _, k := range h.kids[h.todo[i]] {
			mark(k)
		}
	}
}

// ask notes the tasks and the goal as what is asked for, and how many these are; or
// takes that back.
func (h *gauge) ask(tasks []int32, is bool) (n int) {
	note := func(f int32) {
		if h.asked[f] != is {
			h.asked[f] = is
			n++
		}
	}
	for _, t := range tasks {
		note(h.base + t)
	}
	for _, f := range h.goal {
		note(f)
	}
	return n
}

// spread computes the distance (h_add; Bonet and Geffner 2001) of tasks and of the
// goal from a state, by what can come below the tasks. Facts are taken by distance, so
// that it ends when the last that is asked for was taken: what is further is left open.
func (h *gauge) spread(s bits, tasks []int32) {
	h.reachable(tasks)
	open := h.ask(tasks, true)
	defer h.ask(tasks, false)
	h.begin()
	h.end = far
	for f := range h.g.facts {
		if s.has(f) {
			h.reach(int32(f), 0)
		} else if h.wanted[f] {
			h.reach(int32(h.g.facts+f), 0)
		}
	}
	for _, op := range h.initial {
		if !h.below[h.doer[op]] {
			continue
		}
		for _, e := range h.eff[op] {
			h.reach(e, h.cost[op])
		}
	}
	for d := 0; d < len(h.queue); d++ {
		for i := 0; i < len(h.queue[d]); i++ {
			f := h.queue[d][i]
			if h.dist[f] != int32(d) {
				continue
			}
			if h.asked[f] {
				if open--; open == 0 {
					h.end = int32(d)
					h.empty(d)
					return
				}
			}
			for _, op := range h.users.of(f) {
				so := &h.so[op]
				if so.left == h.need[op] {
					h.begun = append(h.begun, op)
				}
				so.sum = min(so.sum+int32(d), maxDistance)
				if so.left--; so.left > 0 || !h.below[h.doer[op]] {
					continue
				}
				for _, e := range h.eff[op] {
					h.reach(e, so.sum)
				}
			}
		}
		h.queue[d] = h.queue[d][:0]
	}
}

// empty drops what is in the queue from a distance on.
func (h *gauge) empty(d int) {
	for ; d < len(h.queue); d++ {
		h.queue[d] = h.queue[d][:0]
	}
}

// maxDistance bounds the queue: what is further counts as that far.
const maxDistance = 1 << 16

// add is the sum of the distances of tasks and of the goal.
func (h *gauge) add(tasks []int32) int {
	total := 0
	for _, t := range tasks {
		total += int(h.dist[h.base+t])
	}
	for _, f := range h.goal {
		total += int(h.dist[f])
	}
	return min(total, far)
}

package htn

import (
	"cmp"
	"slices"
)

// grounder finds what can be reached if nothing is ever deleted, from the facts up:
// a Datalog program (Helmert 2009) of which the relations are the predicates and
// also the tasks. An action's rule derives the task of its name, and its effects; a
// method's rule derives its task from its precondition and its steps. It is
// evaluated semi-naively: a tuple is joined with those that came before it.
type grounder struct {
	m     *Model
	db    *facts // tuples; a task's relation stands at its number after the predicates
	lists *lists // of db
	rules []rule
	with  [][]trigger // by relation: the literals that a new tuple may match
	got   *interner   // instances: rule, and the values of its slots
	from  []int32     // by instance, one behind the other: the tuples of its rule's body
	queue []int32
	next  int // in queue
	limit int
	joins int // steps of joins so far
}

// rule derives a head from a body.
type rule struct {
	s      *schema
	body   []lit
	all    []lit // what has to be false
	neg    []lit // of it, facts that never change
	eq     [][2]int32
	neq    [][2]int32
	conds  []*cond
	action int // or -1
	method int // or -1; a rule of neither splits a step off (see shared)
	env    []int32
	vals   []int32
	used   []bool
	ids    []int32 // the tuples that its body is
	again  bool    // one tuple may stand for two literals, and then an instance is found twice
	steps  []lit   // of a method
	head   lit     // of a method: its task
	idle   []bool  // slots that nothing mentions: one value stands for all
}

type trigger struct{ rule, lit int }

// maxInstances bounds what is grounded, and maxJoins what it may take: where joins find
// hardly anything the number of instances is no bound.
const (
	maxInstances = 1_500_000
	maxJoins     = 1_000_000_000
)

func newGrounder(m *Model) *grounder {
	rels := slices.Clone(m.preds)
	for _, t := range m.tasks {
		rels = append(rels, predicate{name: t.name, arity: t.arity, fluid: true})
	}
	g := &grounder{m: m, got: newInterner(), limit: maxInstances}
	for i := range m.actions {
		a := &m.actions[i]
		g.rules = append(g.rules, rule{s: &a.schema, body: a.pre.pos, all: a.pre.neg, eq: a.pre.eq, neq: a.pre.neq, conds: a.pre.conds, action: i, method: -1})
	}
	for i := range m.methods {
		t := &m.methods[i]
		var steps []lit
		for k, st := range t.steps {
			l := lit{int32(len(m.preds)) + st.task, st.args}
			if args, some := t.shared(k); some {
				whole := l
				l = lit{int32(len(rels)), args}
				rels = append(rels, predicate{arity: len(args), fluid: true})
				g.rules = append(g.rules, rule{s: &t.schema, body: []lit{whole}, action: -1, method: -1, steps: []lit{whole}, head: l})
			}
			steps = append(steps, l)
		}
		g.rules = append(g.rules, rule{
			s: &t.schema, body: slices.Concat(t.join.pos, steps), all: t.pre.neg, eq: t.pre.eq, neq: t.pre.neq, conds: t.pre.conds,
			action: -1, method: i, steps: steps, head: lit{int32(len(m.preds)) + t.task, t.head},
		})
	}
	g.db, g.with = newFacts(rels, len(m.objects)), make([][]trigger, len(rels))
	g.lists = newLists(g.db)
	for i := range g.rules {
		g.prepare(i)
	}
	return g
}

// shared are those arguments of a step that the rest of the method mentions, if
// there are others. Then the step is done by way of a task of its own that takes
// the shared ones only: of five steps with ten free choices each there are fifty
// ways, and not a hundred thousand.
func (m *method) shared(k int) (args []int32, some bool) {
	busy := make([]bool, m.slots)
	use := func(terms []int32) {
		for _, t := range terms {
			if t >= 0 && int(t) < m.slots {
				busy[t] = true
			}
		}
	}
	use(m.head)
	use(m.pre.need)
	for _, l := range m.join.pos {
		use(l.args)
	}
	for i, st := range m.steps {
		if i != k {
			use(st.args)
		}
	}
	for _, t := range m.steps[k].args {
		switch {
		case t < 0 || !busy[t]:
			some = some || t >= 0
		case !slices.Contains(args, t):
			args = append(args, t)
		}
	}
	return args, some && len(m.steps) > 1
}

// prepare makes a rule ready to be evaluated.
func (g *grounder) prepare(i int) {
	r := &g.rules[i]
	for _, l := range r.all {
		if !g.m.preds[l.pred].fluid {
			r.neg = append(r.neg, l)
		}
	}
	r.conds = slices.DeleteFunc(slices.Clone(r.conds), func(k *cond) bool { return !g.fixed(k) })
	r.env = slices.Repeat([]int32{-1}, r.s.env)
	r.used, r.ids = make([]bool, len(r.body)), make([]int32, len(r.body))
	for k, l := range r.body {
		r.again = r.again || slices.ContainsFunc(r.body[:k], func(o lit) bool { return o.pred == l.pred })
	}
	r.idle = slices.Repeat([]bool{r.action < 0}, r.s.slots)
	for _, l := range slices.Concat(r.body, r.all) {
		r.busy(l.args)
	}
	r.busy(r.head.args)
	if r.method >= 0 {
		r.busy(r.s.pre.need)
	}
	for k, l := range r.body {
		if g.db.preds[l.pred].fluid {
			g.with[l.pred] = append(g.with[l.pred], trigger{i, k})
		}
	}
}

// pre is what holds before: of a method also what its steps tell.
func (r *rule) pre(m *Model) conj {
	out := r.s.pre
	if r.method >= 0 {
		out.pos = m.methods[r.method].join.pos
	}
	return out
}

func (r *rule) busy(terms []int32) {
	for _, t := range terms {
		if t >= 0 && int(t) < r.s.slots {
			r.idle[t] = false
		}
	}
}

// fixed reports whether a condition is of facts that never change only.
func (g *grounder) fixed(k *cond) bool {
	if k.op == Fact && g.m.preds[k.pred].fluid {
		return false
	}
	return !slices.ContainsFunc(k.parts, func(p *cond) bool { return !g.fixed(p) })
}

// all derives everything; false if that is more than the limit.
func (g *grounder) all() bool { return g.begin() && g.run(g.limit+1) }

// whole reports whether everything is derived.
func (g *grounder) whole() bool { return g.next == len(g.queue) }

// begin derives what follows from the facts that never change; false if that is more
// than the limit.
func (g *grounder) begin() bool {
	base := g.m.base
	for id := range base.true {
		if !base.true[id] {
			continue
		}
		p := base.ids.head[id]
		n := g.db.intern(p, base.ids.tuple(int32(id)))
		if g.m.preds[p].fluid {
			g.queue = append(g.queue, n)
		} else {
			g.lists.add(n)
		}
	}
	for i := range g.rules {
		r := &g.rules[i]
		if !slices.ContainsFunc(r.body, func(l lit) bool { return g.db.preds[l.pred].fluid }) {
			if !g.join(i, 0) {
				return false
			}
		}
	}
	return true
}

// run derives on until there are so many instances, or no more; false if that is
// more than the limit.
func (g *grounder) run(instances int) bool {
	for g.next < len(g.queue) && g.got.len() < instances {
		id := g.queue[g.next]
		g.next++
		if g.m.halt.now(1) {
			return false
		}
		g.lists.add(id)
		rel := g.db.ids.head[id]
		for _, t := range g.with[rel] {
			r := &g.rules[t.rule]
			mark, ok := g.match(r, t.lit, g.db.ids.tuple(id))
			if ok {
				r.used[t.lit], r.ids[t.lit] = true, id
				ok = g.join(t.rule, 1)
				r.used[t.lit] = false
			} else {
				ok = true
			}
			g.unbind(r, mark)
			if !ok {
				return false
			}
		}
	}
	return true
}

// match binds a literal's variables to a tuple. The marks of what was bound are
// kept on vals.
func (g *grounder) match(r *rule, i int, tuple []int32) (mark int, ok bool) {
	mark = len(r.vals)
	for k, t := range r.body[i].args {
		switch v := tuple[k]; {
		case t < 0:
			if ^t != v {
				return mark, false
			}
		case r.env[t] >= 0:
			if r.env[t] != v {
				return mark, false
			}
		default:
			if !g.m.types[r.s.types[t]].contains(v) {
				return mark, false
			}
			r.env[t] = v
			r.vals = append(r.vals, t)
		}
	}
	return mark, true
}

func (g *grounder) unbind(r *rule, mark int) {
	for _, t := range r.vals[mark:] {
		r.env[t] = -1
	}
	r.vals = r.vals[:mark]
}

// join finds all values for what is left of a rule's body, the literal with the
// fewest matches first.
func (g *grounder) join(i, n int) bool {
	r := &g.rules[i]
	if !g.possible(r) {
		return true
	}
	if n == len(r.body) {
		return g.enumerate(r, i, 0)
	}
	best := -1
	var list []int32
	var room [16]int32
	var single [1]int32 // as what another search finds may take the place of this
	for k, l := range r.body {
		if r.used[k] {
			continue
		}
		vals := room[:0]
		for _, t := range l.args {
			vals = append(vals, value(t, r.env))
		}
		if found := g.lists.find(l.pred, vals); best < 0 || len(found) < len(list) {
			if best, list = k, found; len(list) == 0 {
				return true
			}
			if len(list) == 1 {
				single[0] = list[0]
				list = single[:]
				break
			}
		}
	}
	r.used[best] = true
	defer func() { r.used[best] = false }()
	for _, id := range list {
		if g.joins++; g.joins > maxJoins || g.m.halt.now(1) {
			return false
		}
		r.ids[best] = id
		mark, ok := g.match(r, best, g.db.ids.tuple(id))
		if ok && !g.join(i, n+1) {
			g.unbind(r, mark)
			return false
		}
		g.unbind(r, mark)
	}
	return true
}

// possible looks at equalities and inequalities as far as they have values.
func (g *grounder) possible(r *rule) bool {
	for _, e := range r.neq {
		if a := value(e[0], r.env); a >= 0 && a == value(e[1], r.env) {
			return false
		}
	}
	for _, e := range r.eq {
		a, b := value(e[0], r.env), value(e[1], r.env)
		if a >= 0 && b >= 0 && a != b {
			return false
		}
	}
	return true
}

// enumerate gives values to what no literal has bound.
func (g *grounder) enumerate(r *rule, i, slot int) bool {
	for slot < r.s.slots && r.env[slot] >= 0 {
		slot++
	}
	if slot == r.s.slots {
		return g.derive(r, i)
	}
	list := g.m.types[r.s.types[slot]].list
	if r.idle[slot] && len(list) > 0 {
		list = list[:1]
	}
	for _, e := range r.eq { // an equal has it already
		for side := range 2 {
			if e[side] == int32(slot) {
				if v := value(e[1-side], r.env); v >= 0 {
					list = []int32{v}
					if !g.m.types[r.s.types[slot]].contains(v) {
						return true
					}
				}
			}
		}
	}
	ok := true
	for _, o := range list {
		if g.joins++; g.joins > maxJoins || g.m.halt.now(1) {
			ok = false
			break
		}
		r.env[slot] = o
		if g.possible(r) {
			ok = g.enumerate(r, i, slot+1)
		}
		if !ok {
			break
		}
	}
	r.env[slot] = -1
	return ok
}

// derive notes an instance of a rule and what follows from it.
func (g *grounder) derive(r *rule, i int) bool {
	for _, l := range r.neg {
		if g.db.holds(l.pred, g.ground(l.args, r.env)) {
			return true
		}
	}
	for _, k := range r.conds {
		if !g.m.eval(k, g.db, r.env) {
			return true
		}
	}
	if !r.again {
		g.got.put(int32(i), r.env[:r.s.slots])
	} else if _, fresh := g.got.add(int32(i), r.env[:r.s.slots]); !fresh {
		return true
	}
	g.from = append(g.from, r.ids...)
	if g.got.len() > g.limit {
		return false
	}
	if r.action < 0 {
		g.tuple(r.head.pred, g.ground(r.head.args, r.env))
		return true
	}
	a := &g.m.actions[r.action]
	for k := range a.effects {
		if e := &a.effects[k]; !e.del {
			g.effects(a, e, 0, r.env)
		}
	}
	g.tuple(int32(len(g.m.preds)+g.m.nTasks+r.action), r.env[:a.params])
	return true
}

// effects derives what an effect adds, whatever its condition.
func (g *grounder) effects(a *action, e *effect, i int, env []int32) {
	if i == len(e.vars) {
		g.tuple(e.pred, g.ground(e.args, env))
		return
	}
	for _, o := range g.m.types[a.types[e.vars[i]]].list {
		env[e.vars[i]] = o
		g.effects(a, e, i+1, env)
	}
	env[e.vars[i]] = -1
}

func (g *grounder) ground(terms, env []int32) []int32 {
	out := make([]int32, len(terms))
	for i, t := range terms {
		out[i] = value(t, env)
	}
	return out
}

func (g *grounder) tuple(rel int32, args []int32) {
	before := g.db.ids.len()
	id := g.db.intern(rel, args)
	if g.db.ids.len() > before {
		g.queue = append(g.queue, id)
	}
}

// byRule orders instances by rule, then as they came.
func (g *grounder) byRule() []int32 {
	out := make([]int32, g.got.len())
	for i := range out {
		out[i] = int32(i)
	}
	slices.SortStableFunc(out, func(a, b int32) int { return cmp.Compare(g.got.head[a], g.got.head[b]) })
	return out
}

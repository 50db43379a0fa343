package htn

import "slices"

// explorer goes through what can be done, with nothing grounded, and notes what
// stands in the way: for each action and method that could come next but for a few
// literals, which these are. Steps in one order are gone through as a table does it,
// each task from each state once, which ends even where tasks come down to themselves;
// where methods leave the order open, networks are gone through besides.
type explorer struct {
	m      *Model
	db     *facts // the state at hand
	tuples *interner
	nets   *interner
	states *interner
	seen   *interner // head: the state; argument: the network
	open   []enode
	left   int
	most   int // literals that are missing at a time

	blocked map[int32]*obstacle // by literal: a fact that is wanted, or ^fact that is not
	sets    map[string][]int32  // literals that are missing together
	used    []bool              // by task: some network has it
	cut     bool                // not everything was seen
	opaque  bool                // something is in the way that is no literal, or effects depend on facts
	found   bool                // there is a plan
	stop    bool                // match: enough was found
}

type enode struct{ state, net int32 }

// obstacle is a literal that was in the way, and of whom.
type obstacle struct {
	alone int // nothing else was
	times int
	of    []string // actions and methods, as they come, each once
}

const (
	maxMissing  = 3  // literals of one instance that are looked at together
	maxExplored = 48 // tasks of a network that is gone on with
	workOfOne   = 16 // attempts to match a literal that count as one node
)

func newExplorer(m *Model, nodes int) *explorer {
	x := &explorer{
		m: m, db: m.base.clone(), tuples: newInterner(), nets: newInterner(), states: newInterner(), seen: newInterner(),
		left: nodes * workOfOne, most: maxMissing, blocked: map[int32]*obstacle{}, sets: map[string][]int32{}, used: make([]bool, len(m.tasks)),
	}
	for i := range m.actions {
		x.opaque = x.opaque || slices.ContainsFunc(m.actions[i].effects, func(e effect) bool { return e.when != nil })
	}
	return x
}

// run explores until everything was seen, a plan was met, or the budget is used up.
func (x *explorer) run() {
	top, _ := x.tuples.add(x.m.top, nil)
	first, all := x.state(), x.left
	if !x.m.total {
		x.left = all / 2
	}
	x.table(top)
	if x.m.total || x.found {
		return
	}
	x.left, x.cut = all/2, false
	x.enter(first)
	x.push(net{[]int32{top}, [][]int32{nil}})
	x.networks()
}

// state is the number of the state at hand.
func (x *explorer) state() int32 {
	var list []int32
	for p, pr := range x.m.preds {
		if pr.fluid {
			list = append(list, x.db.all[p]...)
		}
	}
	slices.Sort(list)
	id, _ := x.states.add(int32(len(list)), list)
	return id
}

// push opens the state at hand with a network.
func (x *explorer) push(n net) {
	if len(n.tasks) > maxExplored {
		x.cut = true
		return
	}
	if e := (enode{x.state(), n.intern(x.nets)}); x.first(e) {
		x.open = append(x.open, e)
	}
}

func (x *explorer) first(e enode) bool {
	_, fresh := x.seen.add(e.state, []int32{e.net})
	return fresh
}

// networks goes through the open ones, deep first.
func (x *explorer) networks() {
	for len(x.open) > 0 && !x.found {
		if x.left -= workOfOne; x.left <= 0 || x.m.halt.now(workOfAsk) {
			x.cut = true
			return
		}
		e := x.open[len(x.open)-1]
		x.open = x.open[:len(x.open)-1]
		x.enter(e.state)
		from := len(x.open)
		x.expand(netOf(x.nets, e.net))
		slices.Reverse(x.open[from:]) // the first declared is looked at first
	}
}

// enter makes a state the one at hand.
func (x *explorer) enter(state int32) {
	want := x.states.tuple(state)
	for p, pr := range x.m.preds {
		if !pr.fluid {
			continue
		}
		for _, f := range slices.Clone(x.db.all[p]) {
			if _, is := slices.BinarySearch(want, f); !is {
				x.db.set(f, false)
			}
		}
	}
	for _, f := range want {
		x.db.set(f, true)
	}
	x.db.trail, x.db.places = x.db.trail[:0], x.db.places[:0]
}

func (x *explorer) expand(n net) {
	if len(n.tasks) == 0 {
		x.goal()
		return
	}
	for at, t := range n.tasks {
		if len(n.after[at]) > 0 {
			continue
		}
		x.ways(t, func() { x.push(n.replace(at, nil, nil)) }, func(m *method, steps []int32) {
			x.push(n.replace(at, steps, m.before))
		})
	}
}

func (x *explorer) goal() {
	x.weigh(&x.m.goal, make([]int32, x.m.goal.env), nil, theGoal, func() { x.found = true })
}

// theGoal stands for an action or method where the goal does not hold.
const theGoal = "the goal"

// ways calls done in the state after each action that does a task, and into for each
// method, with its steps.
func (x *explorer) ways(t int32, done func(), into func(m *method, steps []int32)) {
	task := x.tuples.head[t]
	args := slices.Clone(x.tuples.tuple(t))
	if x.used[task] = true; int(task) >= x.m.nTasks {
		x.action(&x.m.actions[int(task)-x.m.nTasks], args, done)
		return
	}
	for _, k := range x.m.of[task] {
		m := &x.m.methods[k]
		x.method(m, args, func(steps []int32) { into(m, steps) })
	}
}

func (x *explorer) action(a *action, args []int32, done func()) {
	env := slices.Repeat([]int32{-1}, a.env)
	copy(env, args)
	for i, v := range args {
		if !x.m.types[a.types[i]].contains(v) {
			return
		}
	}
	x.match(&a.schema, &a.pre, env, nil, a.name, func() {
		mark := len(x.db.trail)
		x.db.apply(x.m, a, env)
		done()
		x.db.undo(mark)
	})
}

func (x *explorer) method(k *method, args []int32, into func(steps []int32)) {
	env := slices.Repeat([]int32{-1}, k.env)
	for i, t := range k.head {
		if env[t] = args[i]; !x.m.types[k.types[t]].contains(args[i]) {
			return
		}
	}
	named := slices.Clone(k.pre.need)
	for _, st := range k.steps {
		named = append(named, st.args...)
	}
	x.match(&k.schema, &k.pre, env, named, k.name, func() {
		steps := make([]int32, len(k.steps))
		for i, st := range k.steps {
			steps[i], _ = x.tuples.add(st.task, valuesOf(st.args, env))
		}
		into(steps)
	})
}

// match finds all values of a schema's variables under which its condition holds, or
// would but for a few literals. named are terms that want values besides.
func (x *explorer) match(s *schema, k *conj, env, named []int32, name string, do func()) {
	used := make([]bool, len(k.pos))
	var missing []lit
	x.stop = false
	var down func(left int)
	down = func(left int) {
		if x.stop {
			return
		}
		if x.left--; x.left <= 0 {
			x.cut = true
			return
		}
		if left == 0 {
			x.values(s, k, env, slices.Concat(named, k.need), missing, name, do)
			return
		}
		best, which, fewest, obj := -1, 0, 0, int32(0)
		for i, l := range k.pos {
			if used[i] {
				continue
			}
			vals := valuesOf(l.args, env)
			w, n := x.db.shortest(l.pred, vals)
			if best < 0 || n < fewest {
				if best, which, fewest = i, w, n; w > 0 {
					obj = vals[w-1]
				}
			}
		}
		used[best] = true
		l := k.pos[best]
		for _, id := range slices.Clone(x.db.candidates(l.pred, which, obj)) {
			if bound, ok := x.unify(s, l.args, x.db.ids.tuple(id), env); ok {
				down(left - 1)
				clearAll(env, bound)
			} else {
				clearAll(env, bound)
			}
		}
		if len(missing) < x.most {
			missing = append(missing, l)
			down(left - 1)
			missing = missing[:len(missing)-1]
		}
		used[best] = false
	}
	down(len(k.pos))
}

func valuesOf(terms, env []int32) []int32 {
	out := make([]int32, len(terms))
	for i, t := range terms {
		out[i] = value(t, env)
	}
	return out
}

func clearAll(env, slots []int32) {
	for _, t := range slots {
		env[t] = -1
	}
}

// unify binds terms to objects, and says which variables it has bound.
func (x *explorer) unify(s *schema, terms, objects, env []int32) (bound []int32, ok bool) {
	for i, t := range terms {
		switch v := objects[i]; {
		case value(t, env) == v:
		case t < 0 || env[t] >= 0 || !x.m.types[s.types[t]].contains(v):
			return bound, false
		default:
			env[t] = v
			bound = append(bound, t)
		}
	}
	return bound, true
}

// values gives values to the variables that are still open: of those that nothing
// mentions, one.
func (x *explorer) values(s *schema, k *conj, env, named []int32, missing []lit, name string, do func()) {
	open := -1
	for i := range s.slots {
		if env[i] < 0 {
			open = i
			break
		}
	}
	if open < 0 {
		x.weigh(k, env, missing, name, do)
		return
	}
	list := x.m.types[s.types[open]].list
	counts := slices.Contains(named, int32(open)) || slices.ContainsFunc(missing, func(l lit) bool { return slices.Contains(l.args, int32(open)) })
	if !counts {
		list = list[:min(1, len(list))]
	}
	for _, o := range list {
		if x.stop {
			break
		}
		if x.left--; x.left <= 0 {
			x.cut = true
			break
		}
		env[open] = o
		x.values(s, k, env, named, missing, name, do)
	}
	env[open] = -1
}

// weigh goes on if a condition holds, and notes what is missing if that is only
// literals, and few.
func (x *explorer) weigh(k *conj, env []int32, missing []lit, name string, do func()) {
	for _, e := range k.eq {
		if value(e[0], env) != value(e[1], env) {
			return
		}
	}
	for _, e := range k.neq {
		if value(e[0], env) == value(e[1], env) {
			return
		}
	}
	var lacks []int32
	pos := missing
	if name == theGoal {
		pos = k.pos
	}
	for _, l := range pos {
		id := x.db.intern(l.pred, valuesOf(l.args, env))
		switch {
		case !x.db.true[id]:
			lacks = append(lacks, id)
		case name != theGoal:
			return // it holds: the same was met without it
		}
	}
	for _, l := range k.neg {
		if id := x.db.ids.find(l.pred, valuesOf(l.args, env)); id >= 0 && x.db.true[id] {
			lacks = append(lacks, ^id)
		}
	}
	for _, c := range k.conds {
		if !x.m.eval(c, x.db, env) {
			x.opaque = true
			return
		}
	}
	if len(lacks) == 0 {
		do()
		return
	}
	slices.Sort(lacks)
	lacks = slices.Compact(lacks)
	for _, f := range lacks {
		o := x.blocked[f]
		if o == nil {
			o = &obstacle{}
			x.blocked[f] = o
		}
		if len(lacks) == 1 {
			o.alone++
		}
		if o.times++; !slices.Contains(o.of, name) {
			o.of = append(o.of, name)
		}
	}
	if len(lacks) <= x.most {
		x.sets[string(appendInts(nil, lacks))] = lacks
	}
}

func appendInts(to []byte, list []int32) []byte {
	for _, v := range list {
		to = append(to, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
	}
	return to
}

package htn

import "slices"

// instance is an action or a method of which it is still open whether it can be
// used: conditions and effects as tuples of the grounder. A tuple that is to be
// false is ^tuple.
type instance struct {
	id    int32 // of the grounder
	pre   []int32
	add   []int32 // of a method its task
	dels  []int32
	steps []int32 // of a method: tuples of tasks, as declared
	alive bool
}

// pruner takes away instances that no plan can use.
type pruner struct {
	*grounder
	inst   []instance
	users  families // by tuple, those that need it to be true
	nusers families // or false
	by     families // by tuple of a task: what does it
	room   []int32  // for tuples of instances, a piece at a time
	true   []bool   // tuples that can be true
	false  []bool   // tuples that can be false
}

func (p *pruner) isTask(t int32) bool { return int(p.db.ids.head[t]) >= len(p.m.preds) }

// families are lists by number, one behind the other.
type families struct{ from, all []int32 }

func (f *families) of(i int32) []int32 { return f.all[f.from[i]:f.from[i+1]] }

// group makes lists of n numbers from pairs of a number and a member, in their order.
// each calls its argument for all pairs, and is called twice.
func group(n int, each func(func(i, member int32))) families {
	f := families{from: make([]int32, n+2)}
	each(func(i, _ int32) { f.from[i+2]++ })
	for i := 2; i < len(f.from); i++ {
		f.from[i] += f.from[i-1]
	}
	f.all = make([]int32, f.from[n+1])
	each(func(i, member int32) {
		f.all[f.from[i+1]] = member
		f.from[i+1]++
	})
	return f
}

// pieceOfRoom is how many tuples find room at once.
const pieceOfRoom = 1 << 14

// list begins a list of the pruner's room: what is appended to it, up to n, is kept.
func (p *pruner) list(n int) []int32 {
	if cap(p.room)-len(p.room) < n {
		p.room = make([]int32, 0, max(n, pieceOfRoom))
	}
	from := len(p.room)
	p.room = p.room[:from+n]
	return p.room[from : from : from+n]
}

// load makes an instance of each that was found, with its tuples.
func (p *pruner) load() {
	p.inst = make([]instance, 0, p.got.len())
	pres := make([]conj, len(p.rules))
	most := 0
	for i := range p.rules {
		r := &p.rules[i]
		if most = max(most, r.s.env); r.method >= 0 || r.action >= 0 {
			pres[i] = r.pre(p.m)
		}
	}
	all, vals := make([]int32, most), make([]int32, 0, 16)
	own := slots(most)
	at := make([]int32, p.got.len()) // where in from the tuples of an instance begin
	for id, n := 0, int32(0); id < len(at); id++ {
		at[id] = n
		n += int32(len(p.rules[p.got.head[id]].body))
	}
	for _, id := range p.byRule() {
		r := &p.rules[p.got.head[id]]
		body := p.from[at[id]:][:len(r.body)]
		env := all[:r.s.env]
		clear(env[copy(env, p.got.tuple(id)):])
		in := instance{id: id, alive: true}
		tuple := func(rel int32, args []int32) int32 {
			vals = vals[:0]
			for _, t := range args {
				vals = append(vals, value(t, env))
			}
			return p.db.ids.find(rel, vals)
		}
		pre := &pres[p.got.head[id]]
		in.pre = p.list(len(pre.pos) + len(pre.neg))
		for k, l := range pre.pos {
			if p.m.preds[l.pred].fluid {
				in.pre = append(in.pre, body[k])
			}
		}
		for _, l := range pre.neg {
			if p.m.preds[l.pred].fluid {
				if t := tuple(l.pred, l.args); t >= 0 {
					in.pre = append(in.pre, ^t)
				}
			}
		}
		if r.action < 0 {
			in.steps = append(p.list(len(r.steps)), body[len(pre.pos):]...)
			in.add = append(p.list(1), tuple(r.head.pred, r.head.args))
		} else {
			a := &p.m.actions[r.action]
			for k := range a.effects {
				p.loadEffect(&in, a, &a.effects[k], 0, env)
			}
			in.add = append(in.add, tuple(int32(len(p.m.preds)+p.m.nTasks+r.action), own[:a.params]))
		}
		p.inst = append(p.inst, in)
	}
	p.index()
}

// index notes who needs and who does what.
func (p *pruner) index() {
	n := p.db.ids.len()
	needs := func(neg bool) func(func(i, member int32)) {
		return func(do func(i, member int32)) {
			for i := range p.inst {
				for _, list := range [][]int32{p.inst[i].pre, p.inst[i].steps} {
					for _, t := range list {
						if t < 0 == neg {
							do(max(t, ^t), int32(i))
						}
					}
				}
			}
		}
	}
	p.users, p.nusers = group(n, needs(false)), group(n, needs(true))
	p.by = group(n, func(do func(i, member int32)) {
		for i := range p.inst {
			do(p.inst[i].add[len(p.inst[i].add)-1], int32(i))
		}
	})
}

// slots are the first n, as terms.
func slots(n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(i)
	}
	return out
}

func (p *pruner) loadEffect(in *instance, a *action, e *effect, i int, env []int32) {
	if i < len(e.vars) {
		for _, o := range p.m.types[a.types[e.vars[i]]].list {
			env[e.vars[i]] = o
			p.loadEffect(in, a, e, i+1, env)
		}
		return
	}
	t := p.db.ids.find(e.pred, p.grounder.ground(e.args, env))
	switch {
	case t < 0: // deletes what is never true
	case e.del:
		in.dels = append(in.dels, t)
	default:
		in.add = append(in.add, t)
	}
}

// below marks what can be true or false by the instances that are alive, and says
// whether a task can be done.
func (p *pruner) below(top int32) bool {
	n := p.db.ids.len()
	p.true, p.false = make([]bool, n), make([]bool, n)
	left := make([]int32, len(p.inst))
	var queue []int32
	is := func(t int32) {
		if !p.true[t] {
			p.true[t] = true
			queue = append(queue, t)
		}
	}
	isNot := func(t int32) {
		if !p.false[t] {
			p.false[t] = true
			queue = append(queue, ^t)
		}
	}
	fire := func(i int32) {
		for _, t := range p.inst[i].add {
			is(t)
		}
		for _, t := range p.inst[i].dels {
			isNot(t)
		}
	}
	for t := range int32(n) {
		if p.isTask(t) {
			continue
		}
		if p.m.base.holds(p.db.ids.head[t], p.db.ids.tuple(t)) {
			is(t)
		} else {
			isNot(t)
		}
	}
	for i := range p.inst {
		if left[i] = int32(len(p.inst[i].pre) + len(p.inst[i].steps)); left[i] == 0 && p.inst[i].alive {
			fire(int32(i))
		}
	}
	for at := 0; at < len(queue); at++ {
		users := &p.nusers
		t := queue[at]
		if t >= 0 {
			users = &p.users
		} else {
			t = ^t
		}
		for _, i := range users.of(t) {
			if left[i]--; left[i] == 0 && p.inst[i].alive {
				fire(i)
			}
		}
	}
	return p.possible(top)
}

// above lets go of what is not below the task above all, or cannot be done, and
// says whether that was anything.
func (p *pruner) above() bool {
	wanted := make([]bool, len(p.inst))
	seen := make([]bool, p.db.ids.len())
	top := p.db.ids.find(int32(len(p.m.preds))+p.m.top, nil)
	todo := []int32{top}
	seen[top] = true
	can := func(in *instance) bool {
		if !in.alive {
			return false
		}
		for _, t := range in.pre {
			if t >= 0 && !p.true[t] || t < 0 && !p.false[^t] {
				return false
			}
		}
		return !slices.ContainsFunc(in.steps, func(t int32) bool { return !p.true[t] })
	}
	for len(todo) > 0 {
		t := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, i := range p.by.of(t) {
			if wanted[i] = can(&p.inst[i]); !wanted[i] {
				continue
			}
			for _, s := range p.inst[i].steps {
				if !seen[s] {
					seen[s] = true
					todo = append(todo, s)
				}
			}
		}
	}
	changed := false
	for i := range p.inst {
		changed = changed || p.inst[i].alive != wanted[i]
		p.inst[i].alive = wanted[i]
	}
	return changed
}

// possible reports whether a task can be done, and the goal's facts be reached.
func (p *pruner) possible(top int32) bool {
	if !p.true[top] {
		return false
	}
	for _, l := range p.m.goal.pos {
		t := p.db.ids.find(l.pred, p.grounder.ground(l.args, nil))
		if t < 0 || p.m.preds[l.pred].fluid && !p.true[t] {
			return false
		}
	}
	for _, l := range p.m.goal.neg {
		t := p.db.ids.find(l.pred, p.grounder.ground(l.args, nil))
		if t >= 0 && (!p.m.preds[l.pred].fluid || !p.false[t]) {
			return false
		}
	}
	return true
}

package htn

import "slices"

// builder makes a ground problem of the instances that are left.
type builder struct {
	*pruner
	g      *ground
	factNo []int32 // by tuple: its number, or what is always the case
	taskNo []int32
}

const (
	always = -1
	never  = -2
)

func (b *builder) build(top int32) *ground {
	n := b.db.ids.len()
	b.g = &ground{m: b.m}
	b.factNo, b.taskNo = make([]int32, n), make([]int32, n)
	for t := range int32(n) {
		b.taskNo[t] = -1
		switch {
		case b.isTask(t), !b.true[t]:
			b.factNo[t] = never
		case !b.false[t]:
			b.factNo[t] = always
		default:
			b.factNo[t] = int32(b.g.facts)
			b.g.facts++
		}
	}
	b.g.init = newBits(b.g.facts)
	for t := range int32(n) {
		if f := b.factNo[t]; f >= 0 && b.m.base.holds(b.db.ids.head[t], b.db.ids.tuple(t)) {
			b.g.init.set(int(f))
		}
	}
	b.g.top = b.task(top)
	for i := range b.inst {
		in := &b.inst[i]
		if !in.alive {
			continue
		}
		r := &b.rules[b.got.head[in.id]]
		env := make([]int32, r.s.env)
		copy(env, b.got.tuple(in.id))
		if r.action < 0 {
			b.method(in, r, env)
		} else {
			b.action(in, r, env)
		}
	}
	b.g.goal = b.conj(&b.m.goal, make([]int32, b.m.goal.env))
	return b.g
}

func (b *builder) task(t int32) int32 {
	if b.taskNo[t] < 0 {
		b.taskNo[t] = int32(len(b.g.tasks))
		b.g.tasks = append(b.g.tasks, gtask{task: b.db.ids.head[t] - int32(len(b.m.preds)), args: slices.Clone(b.db.ids.tuple(t))})
	}
	return b.taskNo[t]
}

func (b *builder) method(in *instance, r *rule, env []int32) {
	m := gmethod{method: int32(r.method), task: b.task(in.add[0])}
	if r.method >= 0 {
		pre := r.pre(b.m)
		m.pre = b.conj(&pre, env)
		m.own = b.conj(&r.s.pre, env)
	}
	if m.own.never {
		return
	}
	for _, s := range in.steps {
		m.steps = append(m.steps, b.task(s))
	}
	t := &b.g.tasks[m.task]
	t.methods = append(t.methods, int32(len(b.g.methods)))
	b.g.methods = append(b.g.methods, m)
}

func (b *builder) action(in *instance, r *rule, env []int32) {
	a := gaction{task: b.task(in.add[len(in.add)-1]), pre: b.conj(&r.s.pre, env)}
	if a.pre.never {
		return
	}
	a.cost = b.m.cost(int32(b.m.nTasks+r.action), env)
	lifted := &b.m.actions[r.action]
	for k := range lifted.effects {
		b.effect(&a, lifted, &lifted.effects[k], 0, env)
	}
	t := &b.g.tasks[a.task]
	t.actions = append(t.actions, int32(len(b.g.actions)))
	b.g.actions = append(b.g.actions, a)
}

func (b *builder) effect(a *gaction, lifted *action, e *effect, i int, env []int32) {
	if i < len(e.vars) {
		for _, o := range b.m.types[lifted.types[e.vars[i]]].list {
			env[e.vars[i]] = o
			b.effect(a, lifted, e, i+1, env)
		}
		return
	}
	f := b.fact(e.pred, e.args, env)
	if f < 0 {
		return // it is so anyway
	}
	var when gcond
	if e.when != nil {
		b.more(&when, b.tree(e.when, env))
	}
	switch {
	case when.never:
	case len(when.pos)+len(when.neg)+len(when.more) > 0:
		a.effects = append(a.effects, geffect{when, f, e.del})
	case e.del:
		a.del = append(a.del, f)
	default:
		a.add = append(a.add, f)
	}
}

// fact is the number of a fact, or always, or never.
func (b *builder) fact(pred int32, args, env []int32) int32 {
	t := b.db.ids.find(pred, b.grounder.ground(args, env))
	if t < 0 {
		return never
	}
	if !b.m.preds[pred].fluid {
		return always
	}
	return b.factNo[t]
}

func (b *builder) conj(k *conj, env []int32) gcond {
	var out gcond
	for _, l := range k.pos {
		switch f := b.fact(l.pred, l.args, env); f {
		case always:
		case never:
			out.never = true
		default:
			out.pos = append(out.pos, f)
		}
	}
	for _, l := range k.neg {
		switch f := b.fact(l.pred, l.args, env); f {
		case never:
		case always:
			out.never = true
		default:
			out.neg = append(out.neg, f)
		}
	}
	for _, e := range k.eq {
		out.never = out.never || value(e[0], env) != value(e[1], env)
	}
	for _, e := range k.neq {
		out.never = out.never || value(e[0], env) == value(e[1], env)
	}
	for _, c := range k.conds {
		b.more(&out, b.tree(c, env))
	}
	return out
}

// more takes a tree into a condition.
func (b *builder) more(to *gcond, t *gtree) {
	switch {
	case t.leaf && t.neg:
		to.neg = append(to.neg, t.fact)
	case t.leaf:
		to.pos = append(to.pos, t.fact)
	case t.all:
		for _, p := range t.parts {
			b.more(to, p)
		}
	case len(t.parts) == 0:
		to.never = true
	default:
		to.more = append(to.more, t)
	}
}

// tree grounds a condition. And of nothing is true, Or of nothing false.
func (b *builder) tree(k *cond, env []int32) *gtree {
	is := func(v bool) *gtree { return &gtree{all: v} }
	switch k.op {
	case Fact:
		switch f := b.fact(k.pred, k.args, env); f {
		case always:
			return is(!k.neg)
		case never:
			return is(k.neg)
		default:
			return &gtree{leaf: true, fact: f, neg: k.neg}
		}
	case Equal:
		return is((value(k.args[0], env) == value(k.args[1], env)) != k.neg)
	case SortOf:
		return is(b.m.types[k.pred].contains(value(k.args[0], env)) != k.neg)
	}
	out := &gtree{all: k.op == And || k.op == Forall}
	put := func(t *gtree) {
		switch {
		case t.leaf:
			out.parts = append(out.parts, t)
		case t.all == out.all:
			out.parts = append(out.parts, t.parts...)
		case len(t.parts) == 1:
			out.parts = append(out.parts, t.parts[0])
		default:
			out.parts = append(out.parts, t)
		}
	}
	if k.op == And || k.op == Or {
		for _, p := range k.parts {
			put(b.tree(p, env))
		}
	} else {
		b.quantified(k, 0, env, put)
	}
	for _, p := range out.parts {
		if !p.leaf && len(p.parts) == 0 { // the other constant decides
			return is(p.all)
		}
	}
	return out
}

func (b *builder) quantified(k *cond, i int, env []int32, put func(*gtree)) {
	if i == len(k.vars) {
		put(b.tree(k.parts[0], env))
		return
	}
	for _, o := range b.m.types[k.typs[i]].list {
		env[k.vars[i]] = o
		b.quantified(k, i+1, env, put)
	}
}

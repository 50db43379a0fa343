package htn

import "slices"

// culprits are nodes of which what is still to be done cannot be as it was: actions
// that failed or whose preconditions do not hold when it is their turn, and compound
// nodes whose methods' do not. What comes after one is looked at as if it had been done.
func (r *repair) culprits() []int {
	p := *r.p
	p.Init = r.at.State
	m, err := Compile(r.d, &p)
	if err != nil {
		return nil // the first attempt has the error
	}
	x := newExplorer(m, DefaultNodes/100)
	x.most = 0
	out := slices.Clone(r.at.Failed)
	holds := func(s *schema, k *conj, env []int32) bool {
		ok := false
		x.match(s, k, env, nil, "", func() { ok, x.stop = true, true })
		return ok
	}
	asked := make([]bool, len(r.old.Nodes))
	for i := range r.old.Actions {
		if r.how[i] == finished {
			continue
		}
		var chain []int // untouched nodes that begin with it, from above
		for a := r.above[i]; a >= 0 && r.how[a] == untouched && !asked[a]; a = r.above[a] {
			asked[a] = true
			chain = append(chain, a)
		}
		for _, a := range slices.Backward(chain) {
			if k, env := m.methodAt(r.old, a, r.d.Methods[r.by[a]], r.by[a]); !holds(&k.schema, &k.pre, env) {
				out = append(out, a)
			}
		}
		a, env := m.actionAt(r.old.Nodes[i])
		if !holds(&a.schema, &a.pre, env) {
			out = append(out, i)
		}
		x.db.apply(m, a, env)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// actionAt is the action of a node, with its arguments.
func (m *Model) actionAt(n Node) (*action, []int32) {
	i := slices.IndexFunc(m.actions, func(a action) bool { return a.name == n.Task })
	a := &m.actions[i]
	env := slices.Repeat([]int32{-1}, a.env)
	for k, name := range n.Args {
		env[k] = int32(slices.Index(m.objects, name))
	}
	return a, env
}

// methodAt is the method of a node, which is by in the domain, with the values that the
// node and its steps tell.
func (m *Model) methodAt(p *Plan, node int, named Method, by int) (*method, []int32) {
	k := &m.methods[by]
	env := slices.Repeat([]int32{-1}, k.env)
	vals := p.values(named, p.Nodes[node])
	for i, v := range named.Params {
		if o, ok := vals[v.Name]; ok {
			env[i] = int32(slices.Index(m.objects, o))
		}
	}
	for i, t := range k.head {
		if env[t] < 0 {
			env[t] = int32(slices.Index(m.objects, p.Nodes[node].Args[i]))
		}
	}
	return k, env
}

// graft makes one plan of what is done and of a plan for what is left.
func (r *repair) graft(t attempt, rest *Plan) {
	g := &grafter{repair: r, t: t, rest: rest, out: &Plan{Roots: []int{}}}
	r.taken = make([]bool, r.old.Actions)
	if t.open[-1] {
		g.roots = g.fresh(rest.Roots)
	} else {
		g.roots = g.steps(r.old.Roots, rest.Roots)
	}
	r.out.How = t.how
	g.write()
	for i := range r.old.Actions {
		switch {
		case r.taken[i]:
		case r.how[i] == finished:
			r.out.Extra = append(r.out.Extra, r.old.Nodes[i])
		default:
			r.out.Dropped = append(r.out.Dropped, r.old.Nodes[i])
		}
	}
}

// grafter puts a plan together: first as a tree, then in order.
type grafter struct {
	*repair
	t     attempt
	rest  *Plan
	out   *Plan
	roots []*limb
}

// limb is a node of the plan that is put together.
type limb struct {
	node Node
	kids []*limb
	old  int // action of the old plan that is done, or -1
	new  int // action of rest, or -1
	id   int
}

// steps are those of a node that stays: what is done, and what the rest has for it.
func (g *grafter) steps(kids, rest []int) []*limb {
	var out []*limb
	for _, k := range kids {
		if g.how[k] == finished {
			out = append(out, g.past(k))
			continue
		}
		out = append(out, g.stay(k, rest[0]))
		rest = rest[1:]
	}
	return out
}

// past is a node that is done.
func (g *grafter) past(k int) *limb {
	l := &limb{node: g.old.Nodes[k], old: -1, new: -1}
	if k < g.old.Actions {
		l.old, g.taken[k] = k, true
	}
	for _, x := range g.old.Nodes[k].Kids {
		l.kids = append(l.kids, g.past(x))
	}
	return l
}

// stay is a node that the rest has as it was, or one in the place of an old one.
func (g *grafter) stay(k, in int) *limb {
	if k < g.old.Actions {
		g.taken[k] = true
		g.repair.out.Kept++
		return &limb{node: g.old.Nodes[k], old: -1, new: in}
	}
	if node, ok := keptNode(g.rest.Nodes[in].Task); ok {
		return &limb{node: g.old.Nodes[node], old: -1, new: -1, kids: g.steps(g.old.Nodes[node].Kids, g.rest.Nodes[in].Kids)}
	}
	return g.fresh([]int{in})[0]
}

// fresh are nodes that the old plan had not.
func (g *grafter) fresh(list []int) []*limb {
	var out []*limb
	for _, k := range list {
		l := &limb{node: g.rest.Nodes[k], old: -1, new: -1}
		if k < g.rest.Actions {
			l.new = k
			g.repair.out.Added = append(g.repair.out.Added, l.node)
		}
		l.kids = g.fresh(g.rest.Nodes[k].Kids)
		out = append(out, l)
	}
	return out
}

// write numbers the nodes: what is done, what is to be done, compound ones from above.
func (g *grafter) write() {
	past, next := map[int]*limb{}, make([]*limb, g.rest.Actions)
	var compound []*limb
	for list := g.roots; len(list) > 0; {
		var below []*limb
		for _, l := range list {
			switch {
			case l.old >= 0:
				past[l.old] = l
			case l.new >= 0:
				next[l.new] = l
			default:
				compound = append(compound, l)
			}
			below = append(below, l.kids...)
		}
		list = below
	}
	var all []*limb
	for _, k := range g.at.Done {
		if l := past[k]; l != nil {
			all = append(all, l)
		}
	}
	g.repair.out.Done = len(all)
	all = append(all, next...)
	g.out.Actions = len(all)
	all = append(all, compound...)
	for i, l := range all {
		l.id = i
	}
	ids := func(kids []*limb) []int {
		var out []int
		for _, l := range kids {
			out = append(out, l.id)
		}
		return out
	}
	for _, l := range all {
		n := l.node
		n.Kids = ids(l.kids)
		g.out.Nodes = append(g.out.Nodes, n)
	}
	g.out.Roots = append(g.out.Roots, ids(g.roots)...)
	g.repair.out.Plan = g.out
}

package htn

import (
	"container/heap"
	"slices"
)

// progress is a best-first search over a ground problem that takes the steps of a
// network in any order that the network allows: a node is a state and a network, and
// its ways on are the tasks that nothing has to be done before (progression; Hoeller
// et al. 2020). A compound task whose methods have no preconditions can as well be
// done at once, so that then nothing else is tried.
//
// A network is written as its tasks in the order in which they came, each with those
// before it, transitively closed. So the set of nodes seen is exact but for networks
// that are the same in another order.
type progress struct {
	g      *ground
	gauge  *gauge
	states *stateSet
	nets   *interner // head: the number of tasks; arguments: see net
	seen   *interner
	nodes  []pnode
	open   openList
	tried  int
	goal   int32
	tasks  []int32
	free   []bool // by task: no method of it has a precondition
}

type pnode struct {
	state  int32
	net    int32
	parent int32
	at     int32 // of the parent's tasks, the one that was done
	by     int32 // how: a method, or ^action
}

const (
	netOfOne = 64          // numbers of a network that count as one node
	maxNets  = 200_000_000 // numbers of all networks that are kept
)

// net is a network: tasks, and of each those that are before it.
type net struct {
	tasks []int32
	after [][]int32
}

func newProgress(g *ground) *progress {
	p := emptyProgress(g)
	p.visit(p.node(p.states.add(g.init), topNet(g).intern(p.nets), pnode{parent: -1}))
	return p
}

func emptyProgress(g *ground) *progress {
	return &progress{
		g: g, gauge: newGauge(g.ops), states: newStateSet(len(g.init)), nets: newInterner(), seen: newInterner(), goal: -1, free: g.free(),
	}
}

// topNet is the network that a problem begins with.
func topNet(g *ground) net { return net{[]int32{g.top}, [][]int32{nil}} }

// free says of each task whether it can as well be done at once: no method of it has
// a precondition.
func (g *ground) free() []bool {
	out := make([]bool, len(g.tasks))
	for i := range g.tasks {
		out[i] = len(g.tasks[i].actions) == 0
		for _, m := range g.tasks[i].methods {
			k := &g.methods[m].own
			out[i] = out[i] && !k.never && len(k.pos)+len(k.neg)+len(k.more) == 0
		}
	}
	return out
}

// first is a task that is done at once, of those that may be next, or -1.
func (n net) first(free []bool) int {
	for at, t := range n.tasks {
		if free[t] && len(n.after[at]) == 0 {
			return at
		}
	}
	return -1
}

// intern numbers a network; nets keeps it under the number of its tasks.
func (n net) intern(nets *interner) int32 {
	var out []int32
	for i, t := range n.tasks {
		out = append(append(out, t, int32(len(n.after[i]))), n.after[i]...)
	}
	id, _ := nets.add(int32(len(n.tasks)), out)
	return id
}

// netOf is the network of a number.
func netOf(nets *interner, id int32) net {
	var n net
	for list := nets.tuple(id); len(list) > 0; {
		k := 2 + list[1]
		n.tasks, n.after = append(n.tasks, list[0]), append(n.after, list[2:k])
		list = list[k:]
	}
	return n
}

func (p *progress) node(state, net int32, n pnode) int32 {
	// A large network costs more than a small one, in time and in memory, be it new
	// or not.
	p.tried += 1 + len(p.nets.tuple(net))/netOfOne
	if _, fresh := p.seen.add(state, []int32{net}); !fresh {
		return -1
	}
	n.state, n.net = state, net
	p.nodes = append(p.nodes, n)
	return int32(len(p.nodes) - 1)
}

// run searches on for a number of nodes.
func (p *progress) run(budget int) (found, over bool) {
	for end := p.tried + budget; p.goal < 0; {
		if len(p.open) == 0 {
			return false, true
		}
		if p.tried >= end || p.g.m.halt.now(workOfAsk) || len(p.nets.args) > maxNets {
			return false, false
		}
		p.expand(heap.Pop(&p.open).(openNode).node)
	}
	return true, true
}

// expand makes the nodes after one.
func (p *progress) expand(i int32) {
	p.each(i, func(state, net int32, n pnode) { p.visit(p.node(state, net, n)) })
}

// each calls do for what comes after a node: a state, a network, and how.
func (p *progress) each(i int32, do func(state, net int32, n pnode)) {
	n := netOf(p.nets, p.nodes[i].net)
	s := p.states.at(p.nodes[i].state)
	first := n.first(p.free)
	for at, t := range n.tasks {
		if len(n.after[at]) > 0 || first >= 0 && at != first {
			continue
		}
		for _, a := range p.g.tasks[t].actions {
			if p.g.actions[a].pre.holds(s) {
				do(p.states.add(p.g.actions[a].apply(s)), n.replace(at, nil, nil).intern(p.nets), pnode{parent: i, at: int32(at), by: ^a})
				s = p.states.at(p.nodes[i].state)
			}
		}
		for _, m := range p.g.tasks[t].methods {
			if x := &p.g.methods[m]; x.own.holds(s) {
				do(p.nodes[i].state, n.replace(at, x.steps, p.g.before(x)).intern(p.nets), pnode{parent: i, at: int32(at), by: m})
			}
		}
	}
}

// before are the orderings of a method's steps.
func (g *ground) before(m *gmethod) []bits {
	if m.method < 0 {
		return []bits{newBits(1)}
	}
	return g.m.methods[m.method].before
}

// replace is a network in which steps stand in the place of a task: behind the
// other tasks.
func (n net) replace(at int, steps []int32, before []bits) net {
	var out net
	shift := func(k int32) int32 {
		if int(k) > at {
			k--
		}
		return k
	}
	base := int32(len(n.tasks) - 1)
	for k, t := range n.tasks {
		if k == at {
			continue
		}
		var after []int32
		for _, a := range n.after[k] {
			if int(a) != at {
				after = append(after, shift(a))
			}
		}
		if slices.Contains(n.after[k], int32(at)) {
			for j := range steps {
				after = append(after, base+int32(j))
			}
		}
		out.tasks, out.after = append(out.tasks, t), append(out.after, after)
	}
	for k, t := range steps {
		var after []int32
		for j := range steps {
			if before[k].has(j) {
				after = append(after, base+int32(j))
			}
		}
		out.tasks, out.after = append(out.tasks, t), append(out.after, after)
	}
	return out
}

func (p *progress) visit(i int32) {
	if i < 0 || p.goal >= 0 {
		return
	}
	s := p.states.at(p.nodes[i].state)
	p.tasks = append(p.tasks[:0], netOf(p.nets, p.nodes[i].net).tasks...)
	if len(p.tasks) == 0 && p.g.goal.holds(s) {
		p.goal = i
		return
	}
	if h := p.estimate(s); h < far {
		heap.Push(&p.open, openNode{h, int32(len(p.nodes)), i})
	}
}

// estimate is how far it is from a state to the end of p.tasks.
func (p *progress) estimate(s bits) int {
	p.tried += p.g.ops.ops / opsOfOne
	p.gauge.spread(s, p.tasks)
	return p.gauge.add(p.tasks)
}

// plan does again what led to the node at which the search has ended.
func (p *progress) plan() *Plan {
	var path []pnode
	for i := p.goal; p.nodes[i].parent >= 0; i = p.nodes[i].parent {
		path = append(path, p.nodes[i])
	}
	slices.Reverse(path)
	return p.g.planOf(path)
}

// planOf does what nodes say, one after the other: by, at a place of the network.
func (g *ground) planOf(path []pnode) *Plan {
	made := func(t int32) *tree { return &tree{task: g.tasks[t].task, args: g.tasks[t].args} }
	top := made(g.top)
	net, acts := []*tree{top}, []*tree(nil)
	for _, n := range path {
		t := net[n.at]
		net = slices.Delete(net, int(n.at), int(n.at)+1)
		if n.by < 0 {
			acts = append(acts, t)
			continue
		}
		m := &g.methods[n.by]
		if t.method = m.method; m.method < 0 {
			*t = *made(m.steps[0])
			net = append(net, t)
			continue
		}
		for _, s := range m.steps {
			t.kids = append(t.kids, made(s))
		}
		net = append(net, t.kids...)
	}
	return g.m.plan(top, acts)
}

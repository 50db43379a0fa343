package htn

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"strings"
)

// unroll is the graph of what can be done: nodes are a state and what is left to do,
// a stack where methods order their steps and a network where they do not; edges are
// decisions. Searches let go of an edge to a node that they have seen. Here all are
// kept, so that each way through the graph is a plan of its own.
type unroll struct {
	g      *ground
	gauge  *gauge
	states *stateSet
	rests  *interner // stacks: head the task, argument the stack below, or -1; or networks
	index  *interner // head: the state; argument: the rest
	nodes  []unode
	open   openList
	free   []bool
}

type unode struct {
	state, rest int32
	edges       []decision
	dist        path // to the end, at least; far if there is no way
}

// decision is a method, or ^action, for the task at a place of a network.
type decision struct{ to, at, by int32 }

// path is how long a way is: what its actions cost, then how many decisions it takes.
type path struct {
	cost  int64
	steps int64
}

func (p path) plus(cost int64) path { return path{p.cost + cost, p.steps + 1} }
func (p path) compare(q path) int {
	return cmp.Or(cmp.Compare(p.cost, q.cost), cmp.Compare(p.steps, q.steps))
}

// noWay is the length of a way that there is not.
var noWay = path{cost: endless}

func newUnroll(g *ground) *unroll {
	u := &unroll{g: g, gauge: newGauge(g.ops), states: newStateSet(len(g.init)), rests: newInterner(), index: newInterner(), free: g.free()}
	var rest int32
	if g.m.total {
		rest, _ = u.rests.add(g.top, []int32{-1})
	} else {
		rest = topNet(g).intern(u.rests)
	}
	u.node(u.states.add(g.init), rest)
	return u
}

func (u *unroll) node(state, rest int32) int32 {
	i, fresh := u.index.add(state, []int32{rest})
	if !fresh {
		return i
	}
	u.nodes = append(u.nodes, unode{state: state, rest: rest, dist: noWay})
	u.gauge.spread(u.states.at(state), u.tasks(rest))
	if h := u.gauge.add(u.tasks(rest)); h < far {
		heap.Push(&u.open, openNode{h, i, i})
	}
	return i
}

// tasks are those that are left to do.
func (u *unroll) tasks(rest int32) []int32 {
	if !u.g.m.total {
		return netOf(u.rests, rest).tasks
	}
	var out []int32
	for ; rest >= 0; rest = u.rests.tuple(rest)[0] {
		out = append(out, u.rests.head[rest])
	}
	return out
}

func (u *unroll) over(i int32) bool {
	return len(u.tasks(u.nodes[i].rest)) == 0 && u.g.goal.holds(u.states.at(u.nodes[i].state))
}

// grow goes on to a number of nodes, and says whether that is all there is.
func (u *unroll) grow(nodes int) bool {
	for len(u.open) > 0 && len(u.nodes) < nodes && !u.g.m.halt.now(workOfAsk) {
		i := heap.Pop(&u.open).(openNode).node
		if u.g.m.total {
			u.pop(i)
		} else {
			u.choose(i)
		}
	}
	return len(u.open) == 0
}

func (u *unroll) edge(i, state, rest, at, by int32) {
	to := u.node(state, rest)
	u.nodes[i].edges = append(u.nodes[i].edges, decision{to, at, by})
}

// pop does the top of a stack.
func (u *unroll) pop(i int32) {
	n := u.nodes[i]
	if n.rest < 0 {
		return
	}
	below := u.rests.tuple(n.rest)[0]
	t := &u.g.tasks[u.rests.head[n.rest]]
	for _, a := range t.actions {
		if k := &u.g.actions[a]; k.pre.holds(u.states.at(n.state)) {
			u.edge(i, u.states.add(k.apply(u.states.at(n.state))), below, 0, ^a)
		}
	}
	for _, k := range t.methods {
		m := &u.g.methods[k]
		if !m.pre.holds(u.states.at(n.state)) {
			continue
		}
		rest, line := below, u.g.line(m)
		for x := len(line) - 1; x >= 0; x-- {
			rest, _ = u.rests.add(m.steps[line[x]], []int32{rest})
		}
		u.edge(i, n.state, rest, 0, k)
	}
}

// choose does any task of a network that nothing has to be done before.
func (u *unroll) choose(i int32) {
	n := u.nodes[i]
	left := netOf(u.rests, n.rest)
	only := left.first(u.free)
	for at, t := range left.tasks {
		if len(left.after[at]) > 0 || only >= 0 && at != only {
			continue
		}
		for _, a := range u.g.tasks[t].actions {
			if k := &u.g.actions[a]; k.pre.holds(u.states.at(n.state)) {
				u.edge(i, u.states.add(k.apply(u.states.at(n.state))), left.replace(at, nil, nil).intern(u.rests), int32(at), ^a)
			}
		}
		for _, k := range u.g.tasks[t].methods {
			if m := &u.g.methods[k]; m.own.holds(u.states.at(n.state)) {
				u.edge(i, n.state, left.replace(at, m.steps, u.g.before(m)).intern(u.rests), int32(at), k)
			}
		}
	}
}

func (u *unroll) cost(by int32) int64 {
	if by >= 0 {
		return 0
	}
	return max(0, u.g.actions[^by].cost)
}

// measure computes how far it is from each node to the end.
func (u *unroll) measure() {
	back := make([][]decision, len(u.nodes)) // to: where it comes from
	var todo pathList
	for i := range u.nodes {
		u.nodes[i].dist = noWay
		for _, e := range u.nodes[i].edges {
			back[e.to] = append(back[e.to], decision{to: int32(i), by: e.by})
		}
		if u.over(int32(i)) {
			u.nodes[i].dist = path{}
			heap.Push(&todo, pathNode{node: int32(i)})
		}
	}
	for len(todo) > 0 {
		n := heap.Pop(&todo).(pathNode)
		if n.path != u.nodes[n.node].dist {
			continue
		}
		for _, e := range back[n.node] {
			if d := n.path.plus(u.cost(e.by)); d.compare(u.nodes[e.to].dist) < 0 {
				u.nodes[e.to].dist = d
				heap.Push(&todo, pathNode{path: d, node: e.to})
			}
		}
	}
}

// maxWays bounds the beginnings of ways that are kept, for each plan that is asked for.
const maxWays = 500

// plans lists different plans, the cheapest first, none of which comes back to where
// it was with nothing done. all says that there are no others in the graph.
func (u *unroll) plans(k int) (out []*Plan, all bool) {
	u.measure()
	type way struct {
		from int32 // the way that it goes on from
		decision
	}
	ways := []way{{from: -1}}
	lens := []path{{}}
	var todo pathList
	if u.nodes[0].dist != noWay {
		heap.Push(&todo, pathNode{path: u.nodes[0].dist})
	}
	seen := map[string]bool{}
	for len(todo) > 0 && len(out) < k {
		i := heap.Pop(&todo).(pathNode).node
		at := ways[i].to
		if len(u.nodes[at].edges) == 0 && u.over(at) {
			var taken []decision
			for w := i; ways[w].from >= 0; w = ways[w].from {
				taken = append(taken, ways[w].decision)
			}
			slices.Reverse(taken)
			if p := u.plan(taken); !seen[p.choices()] {
				seen[p.choices()] = true
				out = append(out, p)
			}
			continue
		}
		for _, e := range u.nodes[at].edges {
			if u.nodes[e.to].dist == noWay {
				continue
			}
			back := e.to == 0
			for w := i; w >= 0 && !back; w = ways[w].from {
				back = ways[w].to == e.to
			}
			if back {
				continue
			}
			if len(ways) > k*maxWays {
				return out, false
			}
			d := lens[i].plus(u.cost(e.by))
			h := u.nodes[e.to].dist
			heap.Push(&todo, pathNode{path{d.cost + h.cost, d.steps + h.steps}, int32(len(ways))})
			ways, lens = append(ways, way{i, e}), append(lens, d)
		}
	}
	return out, len(todo) == 0
}

func (u *unroll) plan(taken []decision) *Plan {
	if u.g.m.total {
		by := make([]int32, len(taken))
		for i, d := range taken {
			by[i] = d.by
		}
		return u.g.plan(by)
	}
	steps := make([]pnode, len(taken))
	for i, d := range taken {
		steps[i] = pnode{at: d.at, by: d.by}
	}
	return u.g.planOf(steps)
}

// choices writes down how a plan decomposes the problem's network, and not in which
// order it does what may be done in any.
func (p *Plan) choices() string {
	var b strings.Builder
	todo := slices.Clone(p.Roots)
	for len(todo) > 0 {
		n := p.Nodes[todo[0]]
		fmt.Fprintf(&b, "%s>%s %d;", n, n.Method, len(n.Kids))
		todo = append(slices.Clone(n.Kids), todo[1:]...)
	}
	return b.String()
}

// Several looks for up to k plans that differ in what they choose: a method, an
// object, an action; orders of the same steps do not count. The cheapest of those that
// were met come first. None of them comes back to where it was, with the same left to
// do. all says that there are no more such plans. It goes through the nodes of its options, of
// up to a millisecond each; by default a hundredth of DefaultNodes. Where the graph is too large for
// that, it plans anew with one choice of a plan forbidden, and another, up to a few
// times as often as plans are asked for.
func (m *Model) Several(k int, o Options) (plans []*Plan, all bool, err error) {
	nodes := o.Nodes
	if k < 1 || nodes < 0 {
		return nil, false, fmt.Errorf("%d plans by %d nodes: it is one plan at least, and no nodes for the default", k, nodes)
	}
	if nodes == 0 {
		nodes = DefaultNodes / 100
	}
	m = m.until(o.Stop)
	g, never := m.ground()
	if never {
		return nil, true, nil
	}
	if g != nil {
		u := newUnroll(g.relax())
		for n := firstUnrolled; ; n *= factor {
			whole := u.grow(min(n, nodes))
			if plans, all = u.plans(k); whole || n >= nodes || len(plans) == k || m.halt.now(workOfAsk) {
				all = all && whole
				break
			}
		}
	}
	if len(plans) == k || all {
		return plans, all, nil
	}
	plans, err = m.others(plans, k, nodes, o.Stop)
	slices.SortStableFunc(plans, func(a, b *Plan) int { return cmp.Compare(a.Cost, b.Cost) })
	return plans, false, err
}

// firstUnrolled is how many nodes are looked at before it is counted what they give.
const firstUnrolled = 1000

// pathList is a heap: the shortest way first, of equals the first.
type pathList []pathNode

type pathNode struct {
	path
	node int32
}

func (o pathList) Len() int { return len(o) }
func (o pathList) Less(i, j int) bool {
	return cmp.Or(o[i].compare(o[j].path), cmp.Compare(o[i].node, o[j].node)) < 0
}
func (o pathList) Swap(i, j int) { o[i], o[j] = o[j], o[i] }
func (o *pathList) Push(x any)   { *o = append(*o, x.(pathNode)) }
func (o *pathList) Pop() any {
	x := (*o)[len(*o)-1]
	*o = (*o)[:len(*o)-1]
	return x
}

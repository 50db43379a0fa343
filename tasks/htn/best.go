package htn

import (
	"container/heap"
	"slices"
)

// best is a best-first search over a ground problem, for methods whose steps are
// done in the order of their line: a node is a state and a stack of tasks. What is
// forced is done at once; where there is a choice the node waits for its turn, by what
// its parent's estimate tells of it, and is estimated then: of many ways on most are
// never looked at (deferred evaluation; Helmert 2006). Stacks are
// shared (a stack is its top and what is below it, numbered once), states too, so
// that the set of nodes seen is exact.
type best struct {
	g      *ground
	gauge  *gauge
	states *stateSet
	stacks *interner // head: the task; argument: the stack below, or -1
	seen   *interner // head: the state; argument: the stack
	nodes  []bnode
	open   openList
	tried  int
	goal   int32 // a node without tasks in which the goal holds, or -1
	tasks  []int32
}

type bnode struct {
	state  int32
	stack  int32
	parent int32
	by     int32 // a method, or ^action
}

// maxForced bounds what is done without a choice in one go.
const maxForced = 10_000

// opsOfOne is how many ops of the relaxed problem make an estimate count for one
// node more: the larger the problem, the longer it takes.
const opsOfOne = 4096

// maxKept bounds the nodes that are remembered.
const maxKept = 40_000_000

func newBest(g *ground) *best {
	b := &best{g: g, gauge: newGauge(g.ops), states: newStateSet(len(g.init)), stacks: newInterner(), seen: newInterner(), goal: -1}
	stack, _ := b.stacks.add(g.top, []int32{-1})
	b.visit(b.node(b.states.add(g.init), stack, -1, 0), 0)
	return b
}

// node makes a node, or -1 if it has been seen.
func (b *best) node(state, stack, parent, by int32) int32 {
	if _, fresh := b.seen.add(state, []int32{stack}); !fresh {
		return -1
	}
	b.tried++
	b.nodes = append(b.nodes, bnode{state, stack, parent, by})
	return int32(len(b.nodes) - 1)
}

// run searches on for a number of nodes.
func (b *best) run(budget int) (found, over bool) {
	for end := b.tried + budget; b.goal < 0 && b.tried < end && len(b.nodes) < maxKept && !b.g.m.halt.now(workOfAsk); {
		if len(b.open) == 0 {
			return false, true
		}
		x := heap.Pop(&b.open).(openNode)
		if x.h = b.estimate(x.node); x.h >= far {
			continue
		}
		b.each(x.node, func(by int32) bool {
			h := b.guess(x, by)
			b.visit(b.child(x.node, by), h)
			return b.goal < 0
		})
	}
	return b.goal >= 0, b.goal >= 0
}

// each calls do for each method or ^action that can be used next.
func (b *best) each(i int32, do func(by int32) bool) {
	s := b.states.at(b.nodes[i].state)
	t := &b.g.tasks[b.stacks.head[b.nodes[i].stack]]
	for _, a := range t.actions {
		if b.g.actions[a].pre.holds(s) && !do(^a) {
			return
		}
	}
	for _, m := range t.methods {
		if b.g.methods[m].pre.holds(s) && !do(m) {
			return
		}
	}
}

// child is the node after a method or an action.
func (b *best) child(i, by int32) int32 {
	n := b.nodes[i]
	stack := b.stacks.tuple(n.stack)[0]
	if by < 0 {
		s := b.g.actions[^by].apply(b.states.at(n.state))
		return b.node(b.states.add(s), stack, i, by)
	}
	m := &b.g.methods[by]
	line := b.g.line(m)
	for k := len(line) - 1; k >= 0; k-- {
		stack, _ = b.stacks.add(m.steps[line[k]], []int32{stack})
	}
	return b.node(n.state, stack, i, by)
}

// guess is what a node's estimate, which was the last one made, tells of the node
// after a method or an action. What was too far away to be looked at counts as being
// as far as that looked.
func (b *best) guess(x openNode, by int32) int {
	if by < 0 {
		return x.h - 1
	}
	so := b.gauge.so[int(b.g.ops.methods+by)]
	task := b.stacks.head[b.nodes[x.node].stack]
	return x.h - int(b.gauge.dist[b.g.ops.base+task]) + int(so.sum) + int(so.left)*int(b.gauge.end)
}

// visit does what is forced from a node on, and puts the choice that it comes to
// into the open list.
func (b *best) visit(i int32, h int) {
	for n := 0; i >= 0 && n < maxForced; n++ {
		if b.nodes[i].stack < 0 {
			if b.g.goal.holds(b.states.at(b.nodes[i].state)) {
				b.goal = i
			}
			return
		}
		ways, by := b.ways(i)
		if ways == 0 {
			return
		}
		if ways > 1 {
			break
		}
		i = b.child(i, by)
	}
	if i < 0 {
		return
	}
	heap.Push(&b.open, openNode{h, int32(len(b.nodes)), i})
}

// ways says whether nothing, one method or ^action, or more can be used next.
func (b *best) ways(i int32) (n int, by int32) {
	b.each(i, func(x int32) bool {
		by = x
		n++
		return n < 2
	})
	return n, by
}

// estimate is how far it is from a node to the end.
func (b *best) estimate(i int32) int {
	b.tasks = b.tasks[:0]
	for s := b.nodes[i].stack; s >= 0; s = b.stacks.tuple(s)[0] {
		b.tasks = append(b.tasks, b.stacks.head[s])
	}
	b.tried += b.g.ops.ops / opsOfOne
	b.gauge.spread(b.states.at(b.nodes[i].state), b.tasks)
	return b.gauge.add(b.tasks)
}

// plan reads the plan off the node at which the search has ended: it does again
// what led there.
func (b *best) plan() *Plan {
	var by []int32
	for i := b.goal; b.nodes[i].parent >= 0; i = b.nodes[i].parent {
		by = append(by, b.nodes[i].by)
	}
	slices.Reverse(by)
	return b.g.plan(by)
}

// plan does what decisions say, one after the other: methods and ^actions.
func (g *ground) plan(by []int32) *Plan {
	made := func(t int32) *tree { return &tree{task: g.tasks[t].task, args: g.tasks[t].args} }
	top := made(g.top)
	stack, acts := []*tree{top}, []*tree(nil)
	for _, k := range by {
		t := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if k < 0 {
			acts = append(acts, t)
			continue
		}
		m := &g.methods[k]
		if t.method = m.method; m.method < 0 {
			*t = *made(m.steps[0])
			stack = append(stack, t)
			continue
		}
		for _, s := range m.steps {
			t.kids = append(t.kids, made(s))
		}
		line := g.line(m)
		for x := len(line) - 1; x >= 0; x-- {
			stack = append(stack, t.kids[line[x]])
		}
	}
	return g.m.plan(top, acts)
}

// openList is a heap: the nearest to the end first, of equals the last.
type openList []openNode

type openNode struct {
	h    int
	late int32
	node int32
}

func (o openList) Len() int { return len(o) }
func (o openList) Less(i, j int) bool {
	return o[i].h < o[j].h || o[i].h == o[j].h && o[i].late > o[j].late
}
func (o openList) Swap(i, j int) { o[i], o[j] = o[j], o[i] }
func (o *openList) Push(x any)   { *o = append(*o, x.(openNode)) }
func (o *openList) Pop() any {
	x := (*o)[len(*o)-1]
	*o = (*o)[:len(*o)-1]
	return x
}

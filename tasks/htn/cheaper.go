package htn

import (
	"container/heap"
	"math"
	"slices"
)

// cheaper looks for plans that cost less than one that is known, in problems whose
// methods order their steps totally: branch and bound over the nodes of best, a state
// and a stack of tasks. What cannot end below the bound is cut off by what is left to
// be done at least, which counts the actions that each task of the stack comes to by
// its cheapest methods, whatever the state (the admissible task decomposition
// heuristic of Bercher et al. 2017). The order is that of cost and relaxed distance
// together, which is no bound. If nothing is left open, the last plan is proven to be
// the cheapest.
type cheaper struct {
	b     *best
	least []int64 // by task: what its cheapest decomposition costs
	floor []int64 // by stack: what its tasks cost at least
	cost  []int64 // by node: what led there
	nodes []int32 // by seen pair: its node
	bound int64   // what a plan has to cost less than
	open  costList
	found *Plan // the cheapest
}

// greed is how much more the distance to the end counts than what was paid: it finds
// long plans fast, and cuts by them.
const greed = 3

func newCheaper(g *ground, bound int64) *cheaper {
	c := &cheaper{b: &best{g: g, gauge: newGauge(g.ops), states: newStateSet(len(g.init)), stacks: newInterner(), seen: newInterner(), goal: -1}, bound: bound}
	c.least = g.prices()
	stack := c.push(g.top, -1)
	c.visit(c.node(c.b.states.add(g.init), stack, -1, 0, 0), 0)
	return c
}

// endless is the cost of what cannot be done.
const endless = math.MaxInt64 / 4

// prices computes what each task costs at least: a least fixed point, as costs are not
// below zero.
func (g *ground) prices() []int64 {
	least := make([]int64, len(g.tasks))
	for t := range g.tasks {
		least[t] = endless
		for _, a := range g.tasks[t].actions {
			least[t] = min(least[t], g.actions[a].cost)
		}
	}
	for again := true; again; {
		again = false
		for i := range g.methods {
			m, sum := &g.methods[i], int64(0)
			for _, s := range m.steps {
				sum = min(sum+least[s], endless)
			}
			if sum < least[m.task] {
				least[m.task], again = sum, true
			}
		}
	}
	return least
}

// push puts a task on a stack.
func (c *cheaper) push(task, below int32) int32 {
	s, fresh := c.b.stacks.add(task, []int32{below})
	if fresh {
		floor := c.least[task]
		if below >= 0 {
			floor = min(floor+c.floor[below], endless)
		}
		c.floor = append(c.floor, floor)
	}
	return s
}

func (c *cheaper) left(stack int32) int64 {
	if stack < 0 {
		return 0
	}
	return c.floor[stack]
}

// node makes a node, or -1 if the same was reached for as little, or it cannot end
// below the bound.
func (c *cheaper) node(state, stack, parent, by int32, cost int64) int32 {
	if cost+c.left(stack) >= c.bound {
		return -1
	}
	b := c.b
	pair, fresh := b.seen.add(state, []int32{stack})
	if !fresh && c.cost[c.nodes[pair]] <= cost {
		return -1
	}
	b.tried++
	n := int32(len(b.nodes))
	b.nodes = append(b.nodes, bnode{state, stack, parent, by})
	c.cost = append(c.cost, cost)
	if fresh {
		c.nodes = append(c.nodes, n)
	} else {
		c.nodes[pair] = n
	}
	return n
}

// run searches on for a number of nodes. over says that nothing is left: what was
// found, or else the bound, is the least that a plan can cost.
func (c *cheaper) run(budget int) (over bool) {
	b := c.b
	for end := b.tried + budget; b.tried < end && len(b.nodes) < maxKept && !b.g.m.halt.now(workOfAsk); {
		if len(c.open) == 0 {
			return true
		}
		i := heap.Pop(&c.open).(costNode).node
		if n := b.nodes[i]; c.cost[i]+c.left(n.stack) >= c.bound {
			continue
		}
		x := openNode{h: b.estimate(i), node: i}
		if x.h >= far {
			continue
		}
		b.each(i, func(by int32) bool {
			h := b.guess(x, by)
			c.visit(c.child(i, by), h)
			return true
		})
	}
	return len(c.open) == 0
}

// child is the node after a method or an action.
func (c *cheaper) child(i, by int32) int32 {
	b := c.b
	n := b.nodes[i]
	stack := b.stacks.tuple(n.stack)[0]
	if by < 0 {
		a := &b.g.actions[^by]
		return c.node(b.states.add(a.apply(b.states.at(n.state))), stack, i, by, c.cost[i]+a.cost)
	}
	m := &b.g.methods[by]
	line := b.g.line(m)
	for k := len(line) - 1; k >= 0; k-- {
		stack = c.push(m.steps[line[k]], stack)
	}
	return c.node(n.state, stack, i, by, c.cost[i])
}

// visit does what is forced from a node on, takes it for a plan if it is one, and else
// puts the choice that it comes to into the open list.
func (c *cheaper) visit(i int32, h int) {
	b := c.b
	for n := 0; i >= 0 && n < maxForced; n++ {
		if b.nodes[i].stack < 0 {
			if b.g.goal.holds(b.states.at(b.nodes[i].state)) {
				b.goal, c.bound = i, c.cost[i]
				c.found = b.plan()
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
		i = c.child(i, by)
	}
	if i < 0 {
		return
	}
	heap.Push(&c.open, costNode{c.cost[i] + greed*int64(h), int64(h), i})
}

// costList is a heap: the least of cost and distance first, of equals the nearest to
// the end, then the last.
type costList []costNode

type costNode struct {
	f, h int64
	node int32
}

func (o costList) Len() int { return len(o) }
func (o costList) Less(i, j int) bool {
	a, b := o[i], o[j]
	if a.f != b.f {
		return a.f < b.f
	}
	if a.h != b.h {
		return a.h < b.h
	}
	return a.node > b.node
}
func (o costList) Swap(i, j int) { o[i], o[j] = o[j], o[i] }
func (o *costList) Push(x any)   { *o = append(*o, x.(costNode)) }
func (o *costList) Pop() any {
	x := (*o)[len(*o)-1]
	*o = slices.Delete(*o, len(*o)-1, len(*o))
	return x
}

// Cheaper looks for a plan that costs less than one that was found, which is of this
// model, by the nodes of its options. It returns the cheapest that it met, the
// old one if none, and whether it is proven that none costs less. O(nodes) of up to a
// millisecond.
func (m *Model) Cheaper(p *Plan, o Options) (*Plan, bool) {
	m = m.until(o.Stop)
	g, never := m.ground()
	if never || g == nil {
		return p, false
	}
	g = g.merge().relax()
	for i := range g.actions {
		if g.actions[i].cost < 0 {
			return p, false // what a task costs at least has no bound
		}
	}
	nodes := o.Nodes
	if nodes <= 0 {
		nodes = DefaultNodes
	}
	var found *Plan
	var over bool
	if m.total {
		c := newCheaper(g, p.Cost)
		over = c.run(nodes)
		found = c.found
	} else {
		c := newCheaperNet(g, p.Cost)
		over = c.run(nodes)
		found = c.found
	}
	if found != nil {
		p = found
	}
	return p, over
}

package htn

import "container/heap"

// cheaperNet is cheaper where methods leave the order of steps open: branch and bound
// over the nodes of progress, a state and a network. The bound is the same, what the
// tasks of the network cost at least, and as all orders are tried, nothing left open is
// the same proof. Networks that are alike but for the order in which their tasks came
// are different nodes: that costs time and no plan.
type cheaperNet struct {
	p     *progress
	least []int64 // by task
	cost  []int64 // by node: what led there
	nodes []int32 // by seen pair: its node
	bound int64   // what a plan has to cost less than
	open  costList
	found *Plan // the cheapest
}

func newCheaperNet(g *ground, bound int64) *cheaperNet {
	c := &cheaperNet{p: emptyProgress(g), least: g.prices(), bound: bound}
	c.visit(c.node(c.p.states.add(g.init), topNet(g).intern(c.p.nets), pnode{parent: -1}, 0))
	return c
}

// left is what a network costs at least.
func (c *cheaperNet) left(id int32) int64 {
	sum := int64(0)
	for list := c.p.nets.tuple(id); len(list) > 0; list = list[2+list[1]:] {
		sum = min(sum+c.least[list[0]], endless)
	}
	return sum
}

// node makes a node, or -1 if the same was reached for as little, or it cannot end
// below the bound.
func (c *cheaperNet) node(state, net int32, n pnode, cost int64) int32 {
	p := c.p
	p.tried += 1 + len(p.nets.tuple(net))/netOfOne
	if cost+c.left(net) >= c.bound {
		return -1
	}
	pair, fresh := p.seen.add(state, []int32{net})
	if !fresh && c.cost[c.nodes[pair]] <= cost {
		return -1
	}
	n.state, n.net = state, net
	i := int32(len(p.nodes))
	p.nodes = append(p.nodes, n)
	c.cost = append(c.cost, cost)
	if fresh {
		c.nodes = append(c.nodes, i)
	} else {
		c.nodes[pair] = i
	}
	return i
}

// run searches on for a number of nodes. over says that nothing is left: what was
// found, or else the bound, is the least that a plan can cost.
func (c *cheaperNet) run(budget int) (over bool) {
	p := c.p
	for end := p.tried + budget; len(c.open) > 0; {
		if p.tried >= end || p.g.m.halt.now(workOfAsk) || len(p.nets.args) > maxNets || len(p.nodes) >= maxKept {
			return false
		}
		i := heap.Pop(&c.open).(costNode).node
		if c.cost[i]+c.left(p.nodes[i].net) >= c.bound {
			continue
		}
		p.each(i, func(state, net int32, n pnode) {
			cost := c.cost[i]
			if n.by < 0 {
				cost += p.g.actions[^n.by].cost
			}
			c.visit(c.node(state, net, n, cost))
		})
	}
	return true
}

// visit takes a node for a plan if it is one, and else puts it into the open list.
func (c *cheaperNet) visit(i int32) {
	if i < 0 {
		return
	}
	p := c.p
	s := p.states.at(p.nodes[i].state)
	p.tasks = append(p.tasks[:0], netOf(p.nets, p.nodes[i].net).tasks...)
	if len(p.tasks) == 0 {
		if p.g.goal.holds(s) {
			p.goal, c.bound = i, c.cost[i]
			c.found = p.plan()
		}
		return
	}
	if h := p.estimate(s); h < far {
		heap.Push(&c.open, costNode{c.cost[i] + greed*int64(h), int64(h), i})
	}
}

package htn

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Plan is what is to be done, and why: the actions in an order in which they can
// be done, and above them the decomposition of the problem's network into them.
type Plan struct {
	Nodes   []Node `json:"nodes"`   // the actions first, in their order; then compound tasks, from above
	Actions int    `json:"actions"` // how many of the nodes are actions
	Roots   []int  `json:"roots"`   // the steps of the problem's network, as it lists them
	Cost    int64  `json:"cost"`    // what the actions cost: their number, if they have no costs
}

// Node is a task of a plan.
type Node struct {
	Task   string   `json:"task"`
	Args   []string `json:"args,omitempty"`
	Method string   `json:"method,omitempty"` // of a compound task: how it is done
	Kids   []int    `json:"kids,omitempty"`   // the method's steps, as it lists them
}

func (n Node) String() string { return strings.Join(append([]string{n.Task}, n.Args...), " ") }

// IPC writes the plan in the format of the International Planning Competition.
func (p *Plan) IPC() string {
	var b strings.Builder
	b.WriteString("==>\n")
	for i, n := range p.Nodes {
		if i == p.Actions {
			p.root(&b)
		}
		fmt.Fprintf(&b, "%d %s", i, n)
		if i >= p.Actions {
			fmt.Fprintf(&b, " -> %s", n.Method)
			for _, k := range n.Kids {
				fmt.Fprintf(&b, " %d", k)
			}
		}
		b.WriteByte('\n')
	}
	if len(p.Nodes) == p.Actions {
		p.root(&b)
	}
	b.WriteString("<==\n")
	return b.String()
}

func (p *Plan) root(b *strings.Builder) {
	b.WriteString("root")
	for _, r := range p.Roots {
		fmt.Fprintf(b, " %d", r)
	}
	b.WriteByte('\n')
}

// Digest is the SHA-256, in hex, of the plan as IPC writes it.
func (p *Plan) Digest() string {
	h := sha256.Sum256([]byte(p.IPC()))
	return hex.EncodeToString(h[:])
}

// tree is a task of a plan that is being put together: numbers in place of names.
type tree struct {
	task   int32
	args   []int32
	method int32
	kids   []*tree // in the order of the method's steps as declared
	id     int
}

// plan makes a Plan of the tree of the task above all and of its actions in order.
func (m *Model) plan(top *tree, acts []*tree) *Plan {
	p := &Plan{Actions: len(acts), Nodes: []Node{}, Roots: []int{}}
	name := func(t *tree) Node {
		n := Node{Task: m.tasks[t.task].name}
		for _, a := range t.args {
			n.Args = append(n.Args, m.objects[a])
		}
		return n
	}
	for i, t := range acts {
		t.id = i
		p.Nodes = append(p.Nodes, name(t))
		p.Cost += m.cost(t.task, t.args)
	}
	// From above, without recursion: a plan may be as deep as it is long.
	todo := []*tree{}
	put := func(kids []*tree) []int {
		var ids []int
		for _, k := range kids {
			if int(k.task) < m.nTasks {
				k.id = len(p.Nodes)
				n := name(k)
				n.Method = m.methods[k.method].name
				p.Nodes = append(p.Nodes, n)
				todo = append(todo, k)
			}
			ids = append(ids, k.id)
		}
		return ids
	}
	if r := put(top.kids); r != nil {
		p.Roots = r
	}
	for len(todo) > 0 {
		t := todo[0]
		todo = todo[1:]
		p.Nodes[t.id].Kids = put(t.kids)
	}
	return p
}

// cost is what an action costs.
func (m *Model) cost(task int32, args []int32) int64 {
	if !m.costs {
		return 1
	}
	total := int64(0)
	for _, c := range m.actions[int(task)-m.nTasks].costs {
		if c.fn < 0 {
			total += c.n
			continue
		}
		vals := make([]int32, len(c.args))
		for i, t := range c.args {
			vals[i] = value(t, args)
		}
		if id := m.values.find(c.fn, vals); id >= 0 {
			total += m.worth[id]
		}
	}
	return total
}

// plan reads the plan off a search that has found one.
func (d *dive) plan() *Plan {
	at := map[int32]*tree{}
	var build func(i int32) *tree
	todo := []int32{}
	build = func(i int32) *tree {
		nd := &d.nodes[i]
		t := &tree{task: nd.task, method: nd.method}
		for _, c := range d.args[nd.args : nd.args+nd.n] {
			if d.val[c] < 0 { // of no consequence
				d.bind(c, d.types[d.typ[c]].list[0])
			}
			t.args = append(t.args, d.val[c])
		}
		at[i] = t
		todo = append(todo, i)
		return t
	}
	top := build(0)
	for len(todo) > 0 {
		i := todo[0]
		todo = todo[1:]
		t := at[i]
		if int(t.task) >= d.m.nTasks {
			continue
		}
		m := &d.m.methods[t.method]
		t.kids = make([]*tree, len(m.steps))
		k := d.nodes[i].kids
		for _, s := range m.line {
			for int(d.nodes[k].task) >= len(d.m.tasks) {
				k = d.nodes[k].next
			}
			t.kids[s] = build(k)
			k = d.nodes[k].next
		}
	}
	var acts []*tree
	for _, i := range d.acts {
		acts = append(acts, at[i])
	}
	return d.m.plan(top, acts)
}

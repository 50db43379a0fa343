package htn

import (
	"fmt"
	"strings"
)

// Table lists the actions in their order, each with the task that it is a
// step of.
func (p *Plan) Table() string {
	above := p.above()
	num, name := len("STEP"), len("ACTION")
	for _, n := range p.Nodes[:p.Actions] {
		name = max(name, len(n.String()))
	}
	num = max(num, len(fmt.Sprint(p.Actions)))
	var b strings.Builder
	line := func(a, c, d string) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("  %*s  %-*s  %s", num, a, name, c, d), " ") + "\n")
	}
	line("STEP", "ACTION", "FOR")
	for i, n := range p.Nodes[:p.Actions] {
		what := ""
		if a := above[i]; a >= 0 {
			what = p.Nodes[a].String()
		}
		line(fmt.Sprint(i+1), n.String(), what)
	}
	return b.String()
}

// above is the node that each one is a step of, or -1.
func (p *Plan) above() []int {
	out := make([]int, len(p.Nodes))
	for i := range out {
		out[i] = -1
	}
	for i, n := range p.Nodes {
		for _, k := range n.Kids {
			out[k] = i
		}
	}
	return out
}

// Why says of each compound task by which method it is done.
func (p *Plan) Why() string {
	var b strings.Builder
	for _, n := range p.Nodes[p.Actions:] {
		fmt.Fprintf(&b, "%s: %s", n, n.Method)
		for i, k := range n.Kids {
			sep := ", "
			if i == 0 {
				sep = " = "
			}
			b.WriteString(sep + p.Nodes[k].String())
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// DOT draws the plan for Graphviz: the decomposition from above, the actions below
// as they wait for each other, or, without a DAG, in their order.
func (p *Plan) DOT(g *DAG) string {
	var b strings.Builder
	b.WriteString("digraph plan {\n  node [shape=box, style=rounded];\n  root [shape=point];\n")
	for i, n := range p.Nodes {
		label, style := n.String(), ""
		if i >= p.Actions {
			label, style = label+"\n"+n.Method, ", style=dashed"
		}
		fmt.Fprintf(&b, "  n%d [label=%q%s];\n", i, label, style)
	}
	for _, k := range p.Roots {
		fmt.Fprintf(&b, "  root -> n%d [style=dashed];\n", k)
	}
	for i, n := range p.Nodes {
		for _, k := range n.Kids {
			fmt.Fprintf(&b, "  n%d -> n%d [style=dashed];\n", i, k)
		}
	}
	for _, e := range g.orChain(p) {
		label := ""
		if e.Fact != nil {
			label = fmt.Sprintf(" [label=%q]", string(e.Why)+" "+e.Fact.String())
		}
		fmt.Fprintf(&b, "  n%d -> n%d%s;\n", e.From, e.To, label)
	}
	return b.String() + "}\n"
}

// orChain are the edges of a DAG, or else those of the order that the plan has.
func (g *DAG) orChain(p *Plan) []Edge {
	if g != nil {
		return g.Edges
	}
	var out []Edge
	for i := 1; i < p.Actions; i++ {
		out = append(out, Edge{From: i - 1, To: i, Why: Ordered})
	}
	return out
}

// Mermaid draws it for Markdown.
func (p *Plan) Mermaid(g *DAG) string {
	var b strings.Builder
	b.WriteString("flowchart TD\n  root((root))\n")
	quote := strings.NewReplacer(`"`, "#quot;").Replace
	for i, n := range p.Nodes {
		if i < p.Actions {
			fmt.Fprintf(&b, "  n%d[\"%s\"]\n", i, quote(n.String()))
		} else {
			fmt.Fprintf(&b, "  n%d([\"%s<br/>%s\"])\n", i, quote(n.String()), quote(n.Method))
		}
	}
	for _, k := range p.Roots {
		fmt.Fprintf(&b, "  root -.-> n%d\n", k)
	}
	for i, n := range p.Nodes {
		for _, k := range n.Kids {
			fmt.Fprintf(&b, "  n%d -.-> n%d\n", i, k)
		}
	}
	for _, e := range g.orChain(p) {
		fmt.Fprintf(&b, "  n%d --> n%d\n", e.From, e.To)
	}
	return b.String()
}

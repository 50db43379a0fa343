package drawing

import (
	"bufio"
	"io"
	"strings"

	"jitos.dev/rmg"
)

// DOT writes a graph in the language of Graphviz. Nodes are called by their paths
// from g. dot draws all of it; other layouts of Graphviz draw edges to the middle
// of a frame.
//
// An error of w comes back as it is, one of the store that g is read from as
// rmg.Protect gives it.
func DOT(w io.Writer, g rmg.Graph, opt Options) error {
	var pic *picture
	if err := rmg.Protect(func() { pic = plan(g, opt, MaxDOT) }); err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	d := &dot{printer{w: out}}
	d.line(0, "digraph {")
	d.line(1, "compound=true") // edges may end at clusters
	d.line(1, `node [shape=box, style=rounded, fontname="sans-serif"]`)
	d.line(1, `edge [fontname="sans-serif", fontsize=11]`)
	d.line(1, `graph [fontname="sans-serif", style=rounded]`)
	d.picture(pic, rmg.Root, 1)
	d.line(0, "}")
	if d.err != nil {
		return d.err
	}
	return out.Flush()
}

type dot struct{ printer }

func (d *dot) picture(pic *picture, at rmg.Path, depth int) {
	for _, it := range pic.nodes {
		if it.inner != nil {
			d.cluster(it, depth)
		} else {
			d.line(depth, dotID(string(it.path)), ` [label="`, dotLabel(it.lines()), `"]`)
		}
	}
	for _, it := range pic.edges {
		d.edge(it, depth)
	}
	if note := pic.note(); note != "" {
		// No path ends so: a segment is never empty.
		d.line(depth, dotID(string(at)+"/"), ` [shape=note, style=dashed, label="`, dotLabel([]string{note}), `"]`)
	}
}

// cluster draws an element that holds a graph: a frame, and in it a point at which
// edges end, for want of edges between clusters.
func (d *dot) cluster(it *item, depth int) {
	d.line(depth, "subgraph ", dotCluster(it), " {")
	d.line(depth+1, `label="`, dotLabel(it.lines()), `"`)
	if it.e.Edge {
		d.line(depth+1, `style="rounded,dashed"`)
	}
	d.line(depth+1, dotID(string(it.path)), ` [shape=point, style=invis, label=""]`)
	d.picture(it.inner, it.path, depth+1)
	d.line(depth, "}")
}

func (d *dot) edge(it *item, depth int) {
	if it.inner == nil {
		d.arrow(it.from, it.to, depth, `label="`+dotLabel(it.lines())+`"`)
		return
	}
	d.cluster(it, depth)
	d.arrow(it.from, it, depth, "dir=none", "style=dashed")
	d.arrow(it, it.to, depth, "style=dashed")
}

// arrow draws from one element to another, up to their frames if they have any.
func (d *dot) arrow(from, to *item, depth int, attrs ...string) {
	// Graphviz cuts no edge at a frame that holds both of its ends.
	if from.inner != nil && from != to {
		attrs = append(attrs, "ltail="+dotCluster(from))
	}
	if to.inner != nil && from != to {
		attrs = append(attrs, "lhead="+dotCluster(to))
	}
	d.line(depth, dotID(string(from.path)), " -> ", dotID(string(to.path)), " [", strings.Join(attrs, ", "), "]")
}

// dotCluster is the name of an element's frame; its first word makes it one.
func dotCluster(it *item) string { return dotID("cluster_" + string(it.path)) }

// dotID writes a name. A backslash before another one, or before a quote, is all
// that the language looks at.
func dotID(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// dotLabel writes lines of text. Labels know escapes, and entities of HTML.
func dotLabel(lines []string) string {
	r := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;")
	for i, l := range lines {
		lines[i] = r.Replace(l)
	}
	return strings.Join(lines, `\n`)
}

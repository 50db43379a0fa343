package drawing

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"jitos.dev/rmg"
)

// How many nodes and edges are drawn if Options say nothing. Mermaid, as viewers
// set it up, refuses more than 500 edges and more than 50,000 characters.
const (
	MaxDOT     = 2000
	MaxMermaid = 300
)

// MaxLabel is how many characters of an id or a kind are shown.
const MaxLabel = 60

// Options say what is drawn.
type Options struct {
	Depth int // levels; 0 is all there are
	Max   int // nodes and edges; 0 is MaxDOT or MaxMermaid
}

// picture is what is drawn of one graph.
type picture struct {
	nodes, edges []*item
	more         count // what is left out
}

// item is an element that is drawn.
type item struct {
	e        rmg.Element
	path     rmg.Path
	number   int      // in order of drawing, from 1
	from, to *item    // of an edge
	inner    *picture // the graph that it holds, if that is drawn
}

// count is a number of nodes and edges.
type count struct{ nodes, edges int }

// String says it in words; nothing is empty.
func (c count) String() string {
	var parts []string
	for _, x := range []struct {
		n    int
		what string
	}{{c.nodes, "node"}, {c.edges, "edge"}} {
		switch {
		case x.n == 1:
			parts = append(parts, "1 "+x.what)
		case x.n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", x.n, x.what))
		}
	}
	return strings.Join(parts, ", ")
}

// planner chooses what is drawn, level by level.
type planner struct{ left, depth, drawn int }

// plan chooses what is drawn of g, whose elements are inside at.
func plan(g rmg.Graph, opt Options, most int) *picture {
	if opt.Max > 0 {
		most = opt.Max
	}
	p := &planner{left: most, depth: opt.Depth}
	top := &picture{}
	p.level(top, g, rmg.Root)
	var next []*item
	holders := top.holders(nil)
	for depth := 1; len(holders) > 0 && (p.depth == 0 || depth < p.depth); depth++ {
		next = next[:0]
		for _, it := range holders {
			if p.left == 0 {
				return top
			}
			inner := &picture{}
			p.level(inner, it.e.Graph, it.path)
			it.inner = inner
			next = inner.holders(next)
		}
		holders, next = next, holders
	}
	return top
}

// holders appends the elements that hold graphs.
func (p *picture) holders(list []*item) []*item {
	for _, all := range [][]*item{p.nodes, p.edges} {
		for _, it := range all {
			if !it.e.Graph.IsEmpty() {
				list = append(list, it)
			}
		}
	}
	return list
}

// level draws one graph, as far as there is room.
func (p *planner) level(pic *picture, g rmg.Graph, at rmg.Path) {
	nodes, edges := g.Len()
	pic.more = count{nodes, edges}
	byID := map[string]*item{}
	for e := range g.Nodes("") {
		if p.left == 0 {
			break
		}
		it := p.item(e, at.Child(e.ID))
		byID[e.ID] = it
		pic.nodes = append(pic.nodes, it)
	}
	for e := range g.Edges("") {
		if p.left == 0 {
			break
		}
		from, to := byID[e.From], byID[e.To]
		if from == nil || to == nil {
			continue
		}
		it := p.item(e, at.EdgeChild(e.ID))
		it.from, it.to = from, to
		pic.edges = append(pic.edges, it)
	}
	pic.more.nodes -= len(pic.nodes)
	pic.more.edges -= len(pic.edges)
}

func (p *planner) item(e rmg.Element, at rmg.Path) *item {
	p.left--
	p.drawn++
	return &item{e: e, path: at, number: p.drawn}
}

// held is what an element holds that is not drawn.
func (it *item) held() count {
	if it.inner != nil {
		return count{}
	}
	nodes, edges := it.e.Graph.Len()
	return count{nodes, edges}
}

// lines are what is written on an element.
func (it *item) lines() []string {
	list := []string{visible(it.e.Kind)}
	if !it.e.Edge {
		list = []string{visible(it.e.ID), visible(it.e.Kind)}
	}
	if held := it.held().String(); held != "" {
		list = append(list, "holds "+held)
	}
	return list
}

// note says what is left out of a graph; empty if nothing is.
func (p *picture) note() string {
	if left := p.more.String(); left != "" {
		return left + " not drawn"
	}
	return ""
}

// visible is a text as it is shown, on one line.
func visible(s string) string {
	var b strings.Builder
	for i, n := 0, 0; i < len(s); n++ {
		if n == MaxLabel {
			b.WriteString("…")
			break
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || !unicode.IsGraphic(r) || r != ' ' && unicode.IsSpace(r) {
			for _, c := range []byte(s[i : i+size]) {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		} else {
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// printer writes lines until one fails.
type printer struct {
	w   interface{ WriteString(string) (int, error) }
	err error
}

// line writes the parts on a line of their own.
func (p *printer) line(depth int, parts ...string) {
	if p.err != nil {
		return
	}
	_, p.err = p.w.WriteString(strings.Repeat("  ", depth) + strings.Join(parts, "") + "\n")
}

package server

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// cursor is where a page begins: a version that will not change, a path, and
// the last element of the page before. It travels as base64 of its JSON, and is
// nobody's to read.
type cursor struct {
	View string   `json:"v"`
	Path rmg.Path `json:"p"`
	Node *string  `json:"n,omitempty"` // the last element was this node
	Edge *string  `json:"e,omitempty"` // the last element was this edge
}

func (c cursor) String() string {
	data, _ := json.Marshal(c) // strings alone: cannot fail
	return base64.RawURLEncoding.EncodeToString(data)
}

// parseCursor reads a cursor for a dump of the path; without one it is the
// beginning of the view asked for.
func parseCursor(text string, at rmg.Path, view string) (cursor, error) {
	if text == "" {
		return cursor{View: view, Path: at}, nil
	}
	var c cursor
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil || (c.Node == nil) == (c.Edge == nil) {
		return c, wire.NewProblem(rmg.Invalid, "the cursor is not one of this daemon").WithHint("take next from the page before")
	}
	if c.Path != at {
		return c, wire.NewProblem(rmg.Invalid, "the cursor belongs to a dump of %s, not of %s", c.Path, at).WithHint("repeat the path with each page")
	}
	return c, nil
}

// maxPageBytes is about how many bytes of props a page has, before the element that
// reaches it: who asks for so many elements does not know how large they are.
const maxPageBytes = 8 << 20

// dump fills one page.
type dump struct {
	left int  // elements that still fit
	room int  // bytes of props that do; the element that goes beyond ends the page
	more bool // there is another page
	last cursor
}

// next is the cursor of the page that follows. A version that moves is pinned
// to the seq it was read at, so that all pages show the same.
func (d *dump) next(view string, seq uint64, at rmg.Path) string {
	c := d.last
	c.View, c.Path = pinned(view, seq), at
	return c.String()
}

// pinned names the version that a view was of at a seq, which does not move.
func pinned(view string, seq uint64) string {
	switch {
	case seq == 0:
	case view == "system":
		return fmt.Sprintf("seq:%d", seq)
	case strings.HasPrefix(view, "sws:") && !strings.Contains(view, "@"):
		return fmt.Sprintf("%s@%d", view, seq)
	}
	return view
}

// top dumps a graph from a cursor on, until the page is full. An element that
// does not fit with all that is inside it begins the next page; one that fits
// no page is cut, and says so.
func (d *dump) top(g rmg.Graph, depth int, after cursor) *wire.Graph {
	out := &wire.Graph{Nodes: []wire.Node{}, Edges: []wire.Edge{}}
	first := true
	fits := func(e rmg.Element) bool {
		need := 1 + size(e.Graph, depth-1, d.left)
		if (need > d.left || d.room <= 0) && !first {
			d.more = true
			return false
		}
		first = false
		return true
	}
	if after.Edge == nil {
		for e := range g.Nodes(deref(after.Node)) {
			if !fits(e) {
				return out
			}
			out.Nodes = append(out.Nodes, d.node(e, depth))
			d.last = cursor{Node: &e.ID}
		}
	}
	for e := range g.Edges(deref(after.Edge)) {
		if !fits(e) {
			return out
		}
		out.Edges = append(out.Edges, d.edge(e, depth))
		d.last = cursor{Edge: &e.ID}
	}
	return out
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// size counts the elements of a graph down to a depth, up to one more than
// most.
func size(g rmg.Graph, depth, most int) int {
	if depth <= 0 || g.IsEmpty() {
		return 0
	}
	nodes, edges := g.Len()
	n := nodes + edges
	for _, all := range []func(string) func(func(rmg.Element) bool){
		func(a string) func(func(rmg.Element) bool) { return g.Nodes(a) },
		func(a string) func(func(rmg.Element) bool) { return g.Edges(a) },
	} {
		for e := range all("") {
			if n > most {
				return most + 1
			}
			n += size(e.Graph, depth-1, most-n)
		}
	}
	return min(n, most+1)
}

// take counts an element that goes into the page.
func (d *dump) take(e rmg.Element) {
	d.left--
	for name, v := range e.Props.All() {
		d.room -= len(name) + weight(v)
	}
}

// weight is about how many bytes a value takes.
func weight(v rmg.Value) int {
	n := 8
	switch v.Type() {
	case rmg.TypeString:
		s, _ := v.AsString()
		n += len(s)
	case rmg.TypeBytes:
		b, _ := v.AsBytes()
		n += len(b)
	case rmg.TypeList:
		list, _ := v.AsList()
		for _, e := range list {
			n += weight(e)
		}
	case rmg.TypeMap:
		m, _ := v.AsMap()
		for name, e := range m.All() {
			n += len(name) + weight(e)
		}
	}
	return n
}

func (d *dump) node(e rmg.Element, depth int) wire.Node {
	d.take(e)
	return wire.Node{ID: rmg.ID(e.ID), Kind: e.Kind, Props: e.Props, Inner: counts(e.Graph), Graph: d.inner(e.Graph, depth-1)}
}

func (d *dump) edge(e rmg.Element, depth int) wire.Edge {
	d.take(e)
	return wire.Edge{ID: rmg.ID(e.ID), Kind: e.Kind, From: rmg.ID(e.From), To: rmg.ID(e.To), Props: e.Props, Inner: counts(e.Graph), Graph: d.inner(e.Graph, depth-1)}
}

// counts tells how much is in a graph; nil of an empty one. O(1).
func counts(g rmg.Graph) *wire.Counts {
	if g.IsEmpty() {
		return nil
	}
	nodes, edges := g.Len()
	return &wire.Counts{Nodes: nodes, Edges: edges}
}

// inner dumps an inner graph as far as it fits.
func (d *dump) inner(g rmg.Graph, depth int) *wire.Graph {
	if depth <= 0 || g.IsEmpty() {
		return nil
	}
	out := &wire.Graph{Nodes: []wire.Node{}, Edges: []wire.Edge{}}
	for e := range g.Nodes("") {
		if d.left <= 0 {
			out.Truncated = true
			return out
		}
		out.Nodes = append(out.Nodes, d.node(e, depth))
	}
	for e := range g.Edges("") {
		if d.left <= 0 {
			out.Truncated = true
			return out
		}
		out.Edges = append(out.Edges, d.edge(e, depth))
	}
	return out
}

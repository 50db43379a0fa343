package rmg

import "iter"

// Element is a node or an edge as it stands in some version. Graph is its
// inner graph; an empty inner graph and none are the same thing.
type Element struct {
	ID       string
	Edge     bool
	Kind     string
	From, To string // ids in the same graph; edges only
	Props    Props
	Graph    Graph
}

// Graph is an immutable version of a graph. The zero Graph is empty. Copying
// one is O(1); any number of goroutines may use it at once.
type Graph struct{ root *level }

// IsEmpty reports whether g has no nodes.
func (g Graph) IsEmpty() bool { return g.root.empty() }

// Len returns the number of nodes and edges at this level. O(1).
func (g Graph) Len() (nodes, edges int) {
	if g.root == nil {
		return 0, 0
	}
	return g.root.nodes.len(), g.root.edges.len()
}

// Node returns a node of this level. O(length of id).
func (g Graph) Node(id string) (e Element, ok bool) {
	if g.root == nil {
		return e, false
	}
	r := g.root.nodes.get(id)
	if r == nil {
		return e, false
	}
	r.fill(&e)
	return e, true
}

// Edge returns an edge of this level. O(length of id).
func (g Graph) Edge(id string) (Element, bool) { return g.element(Segment{ID: id, Edge: true}) }

func (g Graph) element(s Segment) (Element, bool) {
	r := g.root.record(s)
	if r == nil {
		return Element{}, false
	}
	return r.element(), true
}

// Get returns the element at p, through inner graphs. Root gives an Element
// without id or kind whose Graph is g.
func (g Graph) Get(p Path) (Element, bool) {
	r, ok := g.root.at(p)
	switch {
	case !ok:
		return Element{}, false
	case r == nil:
		return Element{Graph: g}, true
	}
	return r.element(), true
}

// at finds the record at p; the root has none, and is there.
func (l *level) at(p Path) (r *record, ok bool) {
	for rest := p.steps(); rest != ""; {
		var s Segment
		s, rest = rest.next()
		if r = l.record(s); r == nil {
			return nil, false
		}
		l = r.inner
	}
	return r, true
}

// alone is the record at p, or nil; the root has none.
func (l *level) alone(p Path) *record {
	r, _ := l.at(p)
	return r
}

// Nodes ranges over the nodes of this level in byte order of ids, beginning
// after the id given ("" for the beginning). O(length of id) to begin.
func (g Graph) Nodes(after string) iter.Seq[Element] {
	return func(yield func(Element) bool) {
		if g.root != nil {
			elementsAfter(g.root.nodes, after, yield)
		}
	}
}

// elementsAfter ranges over the ids greater than after. The id that follows a
// string directly is that string with a zero byte.
func elementsAfter(n *node, after string, yield func(Element) bool) {
	if after != "" {
		after += "\x00"
	}
	n.from(after, func(r *record) bool { return yield(r.element()) })
}

// Edges ranges over the edges of this level, as Nodes does over the nodes.
func (g Graph) Edges(after string) iter.Seq[Element] {
	return func(yield func(Element) bool) {
		if g.root != nil {
			elementsAfter(g.root.edges, after, yield)
		}
	}
}

// Walk ranges over every element below p in path order, parents first: the
// nodes of a level with all that is inside them, then its edges.
func (g Graph) Walk(p Path) iter.Seq2[Path, Element] {
	return func(yield func(Path, Element) bool) {
		if e, ok := g.Get(p); ok {
			walk(p, e.Graph, yield)
		}
	}
}

func walk(p Path, g Graph, yield func(Path, Element) bool) bool {
	for e := range g.Nodes("") {
		at := p.Child(e.ID)
		if !yield(at, e) || !walk(at, e.Graph, yield) {
			return false
		}
	}
	for e := range g.Edges("") {
		at := p.EdgeChild(e.ID)
		if !yield(at, e) || !walk(at, e.Graph, yield) {
			return false
		}
	}
	return true
}

// Digest returns the canonical hash of g's content, inner graphs included.
// Computed once for each part that is new: O(change).
func (g Graph) Digest() Digest { return g.root.digest() }

// Same reports whether g and h are the same version or have the same content.
func (g Graph) Same(h Graph) bool { return g.root.same(h.root) }

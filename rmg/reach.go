package rmg

import (
	"iter"
	"slices"
)

// Out ranges over the edges that leave a node, by kind, then id; of some kinds
// only, if any are given. O(1) to begin, whatever the degree, and a lookup for
// each edge.
func (g Graph) Out(id string, kinds ...string) iter.Seq[Element] { return g.along(id, Forward, kinds) }

// In ranges over the edges that reach a node, as Out does over those that leave.
func (g Graph) In(id string, kinds ...string) iter.Seq[Element] { return g.along(id, Backward, kinds) }

func (g Graph) along(id string, dir Direction, kinds []string) iter.Seq[Element] {
	return func(yield func(Element) bool) {
		for r := range g.root.along(g.root.node(id), dir, sortedKinds(kinds)) {
			if !yield(r.element()) {
				return
			}
		}
	}
}

// sortedKinds lists kinds once each; no kinds are all, which "" stands for.
func sortedKinds(kinds []string) []string {
	if len(kinds) == 0 {
		return []string{""}
	}
	kinds = slices.Sorted(slices.Values(kinds))
	return slices.Compact(kinds)
}

// along ranges over the edges at a node in one direction.
func (l *level) along(r *record, dir Direction, kinds []string) iter.Seq[*record] {
	return func(yield func(*record) bool) {
		if r == nil {
			return
		}
		for _, kind := range kinds {
			if !r.along(dir, kind, func(_ symbolOf, edge string) bool { return yield(l.edge(edge)) }) {
				return
			}
		}
	}
}

// Neighbours ranges over the edges at a node in one direction, as Out and In do,
// each with the node at its other end.
func (g Graph) Neighbours(id string, dir Direction, kinds ...string) iter.Seq2[Element, Element] {
	return func(yield func(edge, node Element) bool) {
		for r := range g.root.along(g.root.node(id), dir, sortedKinds(kinds)) {
			if !yield(r.element(), g.root.node(dir.end(r)).element()) {
				return
			}
		}
	}
}

// Reach ranges over the nodes that can be reached from a node along one edge or
// more, each once with the least number of edges, the nearest first. The node
// itself is among them if a cycle leads back to it. The order is fixed. It costs
// O(edges passed), and the memory of the ids seen.
func (g Graph) Reach(id string, dir Direction, kinds ...string) iter.Seq2[Element, int] {
	return func(yield func(Element, int) bool) {
		g.root.wave(id, dir, kinds, func(e *record, far int) bool {
			return yield(g.root.node(dir.end(e)).element(), far)
		})
	}
}

// wave tells the first edge that leads to each node, and how many edges it took:
// a breadth-first search.
func (l *level) wave(id string, dir Direction, kinds []string, yield func(e *record, far int) bool) {
	kinds = sortedKinds(kinds)
	seen := map[string]bool{}
	for far, at := 1, []string{id}; len(at) > 0; far++ {
		var next []string
		for _, id := range at {
			for e := range l.along(l.node(id), dir, kinds) {
				to := dir.end(e)
				if seen[to] {
					continue
				}
				seen[to] = true
				next = append(next, to)
				if !yield(e, far) {
					return
				}
			}
		}
		at = next
	}
}

// Route returns the edges of a shortest way forward from one node to another, of
// some kinds only if any are given, and whether there is one. From a node to
// itself it has no edges. Of several that are as short it is always the same.
// It costs what Reach does.
func (g Graph) Route(from, to string, kinds ...string) ([]Element, bool) {
	if g.root.node(from) == nil || g.root.node(to) == nil {
		return nil, false
	}
	by := map[string]*record{} // the edge that led to a node
	if from != to {
		g.root.wave(from, Forward, kinds, func(e *record, _ int) bool {
			by[e.to()] = e
			return e.to() != to
		})
		if by[to] == nil {
			return nil, false
		}
	}
	var out []Element
	for id := to; id != from; {
		e := by[id]
		out = append(out, e.element())
		id = e.from()
	}
	slices.Reverse(out)
	return out, true
}

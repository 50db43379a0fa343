package rmg

import "sync/atomic"

// level is one graph: its nodes and edges by id. Nil and empty are the same.
// Like a node of its tries, a level changes only under its owner's hands.
type level struct {
	owner        *token
	nodes, edges *node
	sum          atomic.Pointer[Digest]
	high         atomic.Int32            // what height says; 0 is not known yet
	kinds        atomic.Pointer[Schemas] // what it demands as /kind; of a level that was handed out only
}

func (l *level) empty() bool { return l == nil || l.nodes == nil }

// orNil is l, or nil when it is empty: an overlay may yet fill it.
func (l *level) orNil() *level {
	if l.empty() {
		return nil
	}
	return l
}

// edit returns a level that t may change: l itself, or a copy.
func (l *level) edit(t *token) *level {
	switch {
	case l == nil:
		return &level{owner: t}
	case l.owner == t:
		return l
	}
	return &level{owner: t, nodes: l.nodes, edges: l.edges}
}

// record finds an element's record, or nil.
func (l *level) record(s Segment) *record {
	switch {
	case l == nil:
		return nil
	case s.Edge:
		return l.edges.get(s.ID)
	default:
		return l.nodes.get(s.ID)
	}
}

func (l *level) node(id string) *record { return l.record(Segment{ID: id}) }
func (l *level) edge(id string) *record { return l.record(Segment{ID: id, Edge: true}) }

// The functions below change a level that t may change.

// set puts an element where old stood, nil if it is new. A node keeps the edges
// at it.
func (l *level) set(t *token, old, r *record) {
	var at *link
	if old != nil {
		at = old.links
	}
	if r.links != at {
		r = r.withLinks(at)
	}
	switch {
	case r.edge:
		l.setEdge(t, old, r)
	case old == nil:
		l.nodes = l.nodes.insert(t, r)
	default:
		l.nodes = l.nodes.replace(t, r)
	}
}

func (l *level) setEdge(t *token, old, r *record) {
	if old == nil {
		l.edges = l.edges.insert(t, r)
		l.tie(t, r)
		return
	}
	l.edges = l.edges.replace(t, r)
	if old.kind != r.kind || old.from() != r.from() || old.to() != r.to() {
		l.untie(t, old)
		l.tie(t, r)
	}
}

// unset takes out an element. The edges at a node have to be gone, or to go
// before anybody looks.
func (l *level) unset(t *token, r *record) {
	if r.edge {
		l.untie(t, r)
		l.edges = l.edges.remove(t, r.id())
		return
	}
	l.nodes = l.nodes.remove(t, r.id())
}

// tie notes an edge at its ends, those that there are.
func (l *level) tie(t *token, e *record) {
	l.relink(t, e.from(), e, (*link).add)
	if e.from() != e.to() {
		l.relink(t, e.to(), e, (*link).add)
	}
}

func (l *level) untie(t *token, e *record) {
	l.relink(t, e.from(), e, (*link).drop)
	if e.from() != e.to() {
		l.relink(t, e.to(), e, (*link).drop)
	}
}

func (l *level) relink(t *token, node string, e *record, fn func(at *link, t *token, node string, e *record) *link) {
	if r := l.nodes.get(node); r != nil {
		l.nodes = l.nodes.replace(t, r.withLinks(fn(r.links, t, node, e)))
	}
}

// edgesAt lists the edges at a node, each once.
func (l *level) edgesAt(node string) []*record {
	r := l.node(node)
	if r == nil || r.links == nil {
		return nil
	}
	var out []*record
	add := func(dir Direction) {
		for id := range r.ids(dir) {
			if e := l.edge(id); dir == Forward || e.from() != e.to() {
				out = append(out, e)
			}
		}
	}
	add(Forward)
	add(Backward)
	return out
}

// same reports whether two levels hold the same. It costs what differs, and
// nothing where both digests are known.
func (l *level) same(m *level) bool {
	switch {
	case l == m:
		return true
	case l.empty() || m.empty():
		return l.empty() && m.empty()
	}
	if a, b := l.sum.Load(), m.sum.Load(); a != nil && b != nil {
		return *a == *b
	}
	differ := func(string, *record, *record) bool { return false }
	return diffTries(l.nodes, m.nodes, differ) && diffTries(l.edges, m.edges, differ)
}

// height is the number of segments that the longest path into a level has.
func (l *level) height() int {
	if l.empty() {
		return 0
	}
	if h := l.high.Load(); h > 0 {
		return int(h)
	}
	h := max(l.nodes.height(), l.edges.height())
	l.high.Store(int32(h))
	return h
}

func (n *node) height() int {
	if n == nil {
		return 0
	}
	if h := n.bits.Load() >> highShift; h > 0 {
		return int(h)
	}
	n = n.read()
	h := 0
	if n.branch() {
		for _, kid := range n.asBranch().kids() {
			h = max(h, kid.height())
		}
	} else {
		for _, r := range n.asBucket().recs() {
			h = max(h, 1+r.inner.height())
		}
	}
	n.bits.Or(uint32(h) << highShift)
	return h
}

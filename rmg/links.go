package rmg

import (
	"iter"
	"strings"
	"unique"
)

// linksMax is how many edges at a node are kept as a list; beyond it they stand
// in a trie.
const linksMax = 16

// link is one edge at a node, in a list sorted by the edge's kind, then id,
// without doubles: a loop stands in it once. Of the record only id, kind and
// ends are looked at: its props and inner graph may be older than the edge's.
//
// A list of one link whose hub is set stands for the trie of all the edges,
// whose ids are link keys.
type link struct {
	rec  *record
	next *link
}

// linkKey orders the edges at a node: direction, kind, id. Zero bytes of the
// kind are escaped, and the kind ends with what sorts before any escaped byte.
func linkKey(dir Direction, kind, id string) string {
	return string(dir) + strings.ReplaceAll(kind, "\x00", "\x00\xff") + "\x00\x01" + id
}

// linkHead is how long a link key is before the id.
func linkHead(kind string) int { return 1 + len(kind) + strings.Count(kind, "\x00") + 2 }

// Direction is a way along edges.
type Direction byte

// The directions. They are part of link keys.
const (
	Forward  Direction = 'o' // from where an edge leaves to where it leads
	Backward Direction = 'i'
)

// end is the node that an edge leads to.
func (d Direction) end(e *record) string {
	if d == Forward {
		return e.to()
	}
	return e.from()
}

// begin is the node that an edge comes from.
func (d Direction) begin(e *record) string { return (Forward + Backward - d).end(e) }

// hub returns the trie of a list that stands for one.
func (at *link) hub() *node {
	if at != nil && at.rec.nid == 0 {
		return at.rec.inner.nodes
	}
	return nil
}

func hubOf(trie *node) *link { return &link{rec: &record{inner: &level{nodes: trie}}} }

// compareLink orders two edges by kind, then id.
func compareLink(a, b *record) int {
	if a.kind != b.kind {
		return strings.Compare(a.kind.Value(), b.kind.Value())
	}
	return strings.Compare(a.id(), b.id())
}

// add returns the links of a node with an edge added that is not among them.
func (at *link) add(t *token, node string, e *record) *link {
	if e.inner != nil {
		e = e.withInner(nil) // or an old inner graph would be kept for its edge's name
	}
	if hub := at.hub(); hub != nil {
		return hubOf(addLinks(t, hub, node, e))
	}
	n := 0
	for l := at; l != nil; l = l.next {
		n++
	}
	if n < linksMax {
		return at.inserted(e)
	}
	hub := addLinks(t, nil, node, e)
	for l := at; l != nil; l = l.next {
		hub = addLinks(t, hub, node, l.rec)
	}
	return hubOf(hub)
}

// inserted shares what stands after e.
func (at *link) inserted(e *record) *link {
	if at == nil || compareLink(e, at.rec) < 0 {
		return &link{e, at}
	}
	return &link{at.rec, at.next.inserted(e)}
}

func addLinks(t *token, hub *node, node string, e *record) *node {
	for _, dir := range e.dirs(node) {
		key := linkKey(Direction(dir), e.kind.Value(), e.id())
		hub = hub.insert(t, &record{data: key, kind: e.kind, nid: uint16(len(key))})
	}
	return hub
}

// dirs says how an edge stands to one of its ends: "o", "i", or "oi" for a loop.
func (r *record) dirs(node string) string {
	switch from, to := r.from() == node, r.to() == node; {
	case from && to:
		return "oi"
	case from:
		return "o"
	default:
		return "i"
	}
}

// drop returns the links of a node without an edge that is among them.
func (at *link) drop(t *token, node string, e *record) *link {
	hub := at.hub()
	if hub == nil {
		return at.without(e)
	}
	for _, dir := range e.dirs(node) {
		hub = hub.remove(t, linkKey(Direction(dir), e.kind.Value(), e.id()))
	}
	if hub == nil {
		return nil
	}
	return hubOf(hub)
}

func (at *link) without(e *record) *link {
	if compareLink(e, at.rec) == 0 {
		return at.next
	}
	return &link{at.rec, at.next.without(e)}
}

// along ranges over the edges at a node in one direction, of one kind or of
// all, by kind, then id. O(1) to begin, whatever the degree. It is false if
// yield was.
func (r *record) along(dir Direction, kind string, yield func(kind unique.Handle[string], id string) bool) bool {
	hub := r.links.hub()
	if hub == nil {
		for l := r.links; l != nil; l = l.next {
			if dir.begin(l.rec) == r.id() && (kind == "" || l.rec.kind.Value() == kind) && !yield(l.rec.kind, l.rec.id()) {
				return false
			}
		}
		return true
	}
	prefix := string(dir)
	if kind != "" {
		prefix = linkKey(dir, kind, "")
	}
	return hub.within(prefix, beyond(prefix), func(l *record) bool {
		return yield(l.kind, l.data[linkHead(l.kind.Value()):])
	})
}

// ids ranges over the ids of the edges at a node in one direction.
func (r *record) ids(dir Direction) iter.Seq[string] {
	return func(yield func(string) bool) {
		r.along(dir, "", func(_ unique.Handle[string], id string) bool { return yield(id) })
	}
}

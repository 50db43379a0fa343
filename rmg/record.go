package rmg

import "unique"

// record is an element. It never changes once a trie holds it.
//
// All of its text is one string, which stands in the record's own allocation
// where that is safe: a lookup compares the id on the cache line that it came
// for. It is not safe beside an inner graph or a hub: who keeps an id would keep
// the graph.
type record struct {
	data  string // id, from, to, then the encoded props
	kind  unique.Handle[string]
	inner *level // nil or empty: none
	links *link  // nodes only: the edges at it; derived
	nid   uint16
	nfrom uint16
	nto   uint16
	edge  bool
}

type symbolOf = unique.Handle[string]

// symbol is one word for all uses of a kind.
func symbol(kind string) unique.Handle[string] { return unique.Make(kind) }

func newRecord(edge bool, id, kind, from, to string, props Props, inner *level) *record {
	h := record{
		kind: symbol(kind), inner: inner, edge: edge,
		nid: uint16(len(id)), nfrom: uint16(len(from)), nto: uint16(len(to)),
	}
	return h.hold(id, from, to, props.enc)
}

func (r *record) id() string   { return r.data[:r.nid] }
func (r *record) from() string { return r.data[r.nid : r.nid+r.nfrom] }
func (r *record) to() string   { return r.data[r.nid+r.nfrom : r.nid+r.nfrom+r.nto] }
func (r *record) ends() int    { return int(r.nid) + int(r.nfrom) + int(r.nto) }
func (r *record) props() Props { return Props{r.data[r.ends():]} }

func (r *record) element() (e Element) {
	r.fill(&e)
	return e
}

// fill says what r is in e, which is zero.
func (r *record) fill(e *Element) {
	n, from, to := int(r.nid), int(r.nfrom), int(r.nto)
	e.ID, e.Kind, e.Props.enc = r.data[:n], r.kind.Value(), r.data[n+from+to:]
	if r.edge {
		e.Edge, e.From, e.To = true, r.data[n:n+from], r.data[n+from:n+from+to]
	}
	if r.inner != nil {
		e.Graph.root = r.inner.orNil()
	}
}

// with returns r with other props.
func (r *record) with(props Props) *record { return r.hold(r.data[:r.ends()], props.enc) }

// withSet returns r with several props set, or removed where a value is zero.
func (r *record) withSet(list []Prop) *record {
	var room [512]byte
	return r.holdBytes(r.data[:r.ends()], r.props().appendSet(room[:0], list))
}

// withInner returns r with another inner graph.
func (r *record) withInner(l *level) *record {
	h := *r
	h.inner = l
	return h.hold(r.data)
}

// withLinks returns r with other edges at it.
func (r *record) withLinks(at *link) *record {
	h := *r
	h.links = at
	return h.hold(r.data)
}

// withKind returns r with another kind.
func (r *record) withKind(kind string) *record {
	h := *r
	h.kind = symbol(kind)
	return h.hold(r.data)
}

// alike reports whether two records say the same, inner graphs apart.
func (r *record) alike(q *record) bool {
	return r.kind == q.kind && r.nid == q.nid && r.nfrom == q.nfrom && r.nto == q.nto && r.edge == q.edge && r.data == q.data
}

// said reports whether two records, of which either may be nil, say the same,
// inner graphs apart.
func (r *record) said(q *record) bool { return r == q || r != nil && q != nil && r.alike(q) }

// same reports whether two records, of which either may be nil, say the same,
// inner graphs included.
func (r *record) same(q *record) bool {
	return r == q || r != nil && q != nil && r.alike(q) && r.inner.same(q.inner)
}

package rmg

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"sync/atomic"
)

// record is an element without its id. Immutable but for sum.
type record struct {
	edge     bool
	kind     string
	from, to string
	props    Props
	inner    *level // nil when empty
	sum      atomic.Pointer[Digest]
}

// level is one graph: nodes and edges by id, and the derived adjacency, whose
// keys are direction, node, edge kind, edge id.
type level struct {
	nodes, edges *tree[*record]
	adj          *tree[string] // edge id
	sum          atomic.Pointer[Digest]
}

func (l *level) empty() bool { return l == nil || l.nodes == nil }

func (l *level) height() int {
	if l.empty() {
		return 0
	}
	return max(heightOf(l.nodes), heightOf(l.edges))
}

// orNil is l, or nil when it is empty: an empty inner graph and none are one.
func (l *level) orNil() *level {
	if l.empty() {
		return nil
	}
	return l
}

func (l *level) orEmpty() *level {
	if l == nil {
		return &level{}
	}
	return l
}

// withNode returns l with a node set, or removed if r is nil.
func (l *level) withNode(id string, r *record) *level {
	n := &level{nodes: l.nodes, edges: l.edges, adj: l.adj}
	if r == nil {
		n.nodes = l.nodes.del(id)
	} else {
		n.nodes = l.nodes.put(id, r)
	}
	return n
}

// withEdge returns l with an edge set, or removed if r is nil, adjacency kept.
func (l *level) withEdge(id string, r *record) *level {
	n := &level{nodes: l.nodes, edges: l.edges, adj: l.adj}
	if old, ok := l.edges.get(id); ok && (r == nil || old.from != r.from || old.to != r.to || old.kind != r.kind) {
		n.adj = n.adj.del(adjKey('o', old.from, old.kind, id)).del(adjKey('i', old.to, old.kind, id))
	}
	if r == nil {
		n.edges = l.edges.del(id)
		return n
	}
	n.edges = l.edges.put(id, r)
	n.adj = n.adj.put(adjKey('o', r.from, r.kind, id), id).put(adjKey('i', r.to, r.kind, id), id)
	return n
}

// adjKey orders by its parts, each compared as bytes: 0 is escaped, and a part
// ends with what sorts before any escaped byte.
func adjKey(dir byte, parts ...string) string {
	var b strings.Builder
	b.WriteByte(dir)
	for _, p := range parts {
		b.WriteString(strings.ReplaceAll(p, "\x00", "\x00\xff"))
		b.WriteString("\x00\x01")
	}
	return b.String()
}

// incident ranges over the ids of the edges at a node in one direction.
func (l *level) incident(dir byte, node string, yield func(id string) bool) bool {
	if l == nil {
		return true
	}
	prefix := adjKey(dir, node)
	return l.adj.from(prefix, func(t *tree[string]) bool {
		if !strings.HasPrefix(t.key, prefix) {
			return false
		}
		return yield(t.val)
	})
}

// degree reports whether a node has any edge.
func (l *level) hasEdges(node string) bool {
	found := false
	stop := func(string) bool { found = true; return false }
	l.incident('o', node, stop)
	l.incident('i', node, stop)
	return found
}

func (l *level) digest() Digest {
	if l.empty() {
		return hashParts("jitos/graph/1", Digest{}, Digest{})
	}
	if d := l.sum.Load(); d != nil {
		return *d
	}
	d := hashParts("jitos/graph/1", digestOf(l.nodes), digestOf(l.edges))
	l.sum.Store(&d)
	return d
}

// digest hashes an element under its id: a domain tag, then each part with its
// length, so that no two different elements encode alike.
func (r *record) digest(id string) Digest {
	if d := r.sum.Load(); d != nil {
		return *d
	}
	h := sha256.New()
	text := func(s string) {
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	if r.edge {
		text("jitos/edge/1")
		text(r.from)
		text(r.to)
	} else {
		text("jitos/node/1")
	}
	text(id)
	text(r.kind)
	props, err := r.props.MarshalCBOR()
	if err != nil {
		panic("props that were checked do not encode: " + err.Error())
	}
	text(string(props))
	if !r.inner.empty() {
		d := r.inner.digest()
		h.Write(d[:])
	}
	var d Digest
	h.Sum(d[:0])
	r.sum.Store(&d)
	return d
}

func hashParts(tag string, parts ...Digest) Digest {
	h := sha256.New()
	h.Write([]byte(tag))
	for _, p := range parts {
		h.Write(p[:])
	}
	var d Digest
	h.Sum(d[:0])
	return d
}

// Digest is the SHA-256 of a graph's content. It prints, and stands in JSON
// and CBOR, as 64 hex digits.
type Digest [32]byte

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText writes 64 hex digits.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads 64 hex digits.
func (d *Digest) UnmarshalText(b []byte) error {
	if len(b) != 64 {
		return &Error{Op: "digest", Code: Invalid, Msg: "a digest is 64 hex digits"}
	}
	if _, err := hex.Decode(d[:], b); err != nil {
		return &Error{Op: "digest", Code: Invalid, Msg: "a digest is 64 hex digits", Err: err}
	}
	return nil
}

// IsZero reports whether d is the zero Digest, which no graph has.
func (d Digest) IsZero() bool { return d == Digest{} }

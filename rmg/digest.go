package rmg

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
)

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

// The domains of what is hashed: no two sorts of thing encode alike.
const (
	tagBucket = "jitos/bucket/2"
	tagBranch = "jitos/branch/2"
	tagLevel  = "jitos/graph/2"
)

// hasher computes the digests that are not known yet. Its buffers, one for each
// depth of recursion, are what a hash is taken of: hashing whole messages is
// several times faster than writing pieces.
type hasher struct{ free [][]byte }

func (h *hasher) take() []byte {
	if n := len(h.free); n > 0 {
		b := h.free[n-1]
		h.free = h.free[:n-1]
		return b[:0]
	}
	return make([]byte, 0, 4096)
}

func (h *hasher) sum(b []byte) Digest {
	h.free = append(h.free, b)
	return sha256.Sum256(b)
}

func (l *level) digest() Digest { return new(hasher).level(l) }

func (h *hasher) level(l *level) Digest {
	if l.empty() {
		l = &level{}
	}
	if d := l.sum.Load(); d != nil {
		return *d
	}
	var nodes, edges Digest
	if l.nodes != nil {
		nodes = h.node(l.nodes)
	}
	if l.edges != nil {
		edges = h.node(l.edges)
	}
	d := h.sum(append(append(append(h.take(), tagLevel...), nodes[:]...), edges[:]...))
	l.sum.Store(&d)
	return d
}

// batch is how many nodes are hashed together. With fewer, one waits for memory
// more often; with more, what was fetched is gone again when it is asked for.
const batch = 32

// node returns the digest of a trie that is handed out. The wait is for memory,
// not for the hash. So the nodes to be hashed are found first, one depth after the
// other, and what they hold is fetched for all of one depth at once.
func (h *hasher) node(n *node) Digest {
	if d, ok := n.known(); ok {
		return d
	}
	todo := append(make([]*node, 0, batch), n)
	for at := 0; at < len(todo); {
		wave := todo[at:]
		at = len(todo)
		for _, n := range wave {
			if n.branch() {
				fetchSums(n.asBranch().kids())
			} else {
				fetchTexts(n.asBucket().recs())
			}
		}
		for _, n := range wave {
			if n.branch() {
				todo = h.below(todo, n.asBranch())
			}
		}
	}
	var d Digest
	for _, n := range slices.Backward(todo) {
		if n.branch() {
			d = h.branch(n.asBranch())
		} else {
			d = h.bucket(n.asBucket())
		}
		n.learn(d)
	}
	return d
}

// learn keeps the digest of a node. Whoever comes first writes; others go on with
// what they computed.
func (n *node) learn(d Digest) {
	if w := n.bits.Load(); w&(sumBusy|sumReady) == 0 && n.bits.Or(sumBusy)&sumBusy == 0 {
		n.seal().sum = d
		n.bits.Or(sumReady)
	}
}

// below adds the children whose digests are not known, or computes these where
// that is more than a batch.
func (h *hasher) below(todo []*node, b *branch) []*node {
	for _, kid := range b.kids() {
		switch {
		case kid.bits.Load()&sumReady != 0:
		case len(todo) < batch:
			todo = append(todo, kid)
		default:
			h.node(kid)
		}
	}
	return todo
}

// branch returns the digest of a branch. Its children have theirs, or somebody else
// is just writing it.
func (h *hasher) branch(b *branch) Digest {
	buf := append(h.take(), tagBranch...)
	buf = binary.AppendUvarint(buf, uint64(b.depth()))
	for c, kid := range b.labels {
		if c < 0 {
			buf = append(buf, 0)
		} else {
			buf = append(buf, 1, byte(c))
		}
		if kid.bits.Load()&sumReady != 0 {
			buf = append(buf, kid.seal().sum[:]...)
		} else {
			d := h.node(kid)
			buf = append(buf, d[:]...)
		}
	}
	return h.sum(buf)
}

func (h *hasher) bucket(b *bucket) Digest {
	buf := append(h.take(), tagBucket...)
	for _, r := range b.recs() {
		buf = h.record(buf, r)
	}
	return h.sum(buf)
}

// record appends an element: each part with its length.
func (h *hasher) record(buf []byte, r *record) []byte {
	kind := r.kind.Value()
	buf = append(buf, flag(r.edge)<<1|flag(!r.inner.empty()))
	for _, n := range [...]int{int(r.nid), int(r.nfrom), int(r.nto), len(kind), len(r.data)} {
		buf = binary.AppendUvarint(buf, uint64(n))
	}
	buf = append(append(buf, kind...), r.data...)
	if !r.inner.empty() {
		d := h.level(r.inner)
		buf = append(buf, d[:]...)
	}
	return buf
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

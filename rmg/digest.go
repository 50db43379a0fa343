package rmg

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
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
	tagBucket = "jitos/bucket/4"
	tagPart   = "jitos/part/4"
	tagParts  = "jitos/parts/4"
	tagBranch = "jitos/branch/4"
	tagLevel  = "jitos/graph/2"
)

// The digest of a bucket is that of its records, if there are at most wholeMax;
// else that of bucketParts digests, of the records whose tags agree in three bits:
// a change of one record, of fifteen as a rule, then asks for one or two beside it.
// The parts of a branch are its children.
const (
	wholeMax    = 8
	bucketParts = 8
	allParts    = 1<<bucketParts - 1
)

// partOf is the part of a bucket that a tag belongs to.
func partOf(tag uint8) uint8 { return tag % bucketParts }

// remembered is where the digests of a bucket's parts begin, and which of them are others
// by now; nil is none.
func (b *bucket) remembered() (parts *Digest, stale uint16) {
	if s := b.sealed.Load(); s != nil && s.parts != nil {
		return s.parts, 0
	}
	if b.parts == nil {
		return nil, allParts
	}
	return b.parts, b.stale
}

// remembered is the same of a branch: of 64 children and more the last six bits of the
// number count.
func (b *branch) remembered() (parts *Digest, stale uint64) {
	if s := b.sealed.Load(); s != nil && s.parts != nil {
		return s.parts, 0
	}
	if b.parts == nil {
		return nil, ^uint64(0)
	}
	return b.parts, b.stale
}

func (b *bucket) stillParts() ([]Digest, uint16) {
	first, stale := b.remembered()
	return digests(first, bucketParts), stale
}

func (b *branch) stillParts() ([]Digest, uint64) {
	first, stale := b.remembered()
	return digests(first, int(b.size)), stale
}

// hasher computes the digests that are not known yet. Its buffers, one for each
// depth of recursion, are what a hash is taken of: hashing whole messages is
// several times faster than writing pieces.
type hasher struct {
	free  [][]byte
	lists [][]*node
	recs  []*record // to be fetched
	sums  []*node   // whose digests are to be fetched
	sha   summer
}

func (h *hasher) take() []byte {
	if n := len(h.free); n > 0 {
		b := h.free[n-1]
		h.free = h.free[:n-1]
		return b[:0]
	}
	return make([]byte, 0, 1024)
}

func (h *hasher) takeList() []*node {
	if n := len(h.lists); n > 0 {
		l := h.lists[n-1]
		h.lists = h.lists[:n-1]
		return l[:0]
	}
	return make([]*node, 0, batch/2)
}

func (h *hasher) sum(b []byte) Digest {
	d, room := h.sha.sum(b)
	h.free = append(h.free, room)
	return d
}

func (l *level) digest() Digest { return new(hasher).level(l) }

// Hasher computes digests, as Graph.Digest does, in room that it keeps from one to
// the next: for who asks for many. The zero value is ready. One goroutine at a time.
type Hasher struct{ hasher hasher }

// Digest is Graph.Digest.
func (h *Hasher) Digest(g Graph) Digest { return h.hasher.level(g.root) }

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

// node returns the digest of a trie that is handed out.
func (h *hasher) node(n *node) Digest {
	if d, ok := n.known(); ok {
		return d
	}
	return h.nodes([]*node{n})
}

// nodes computes the digests of nodes, and returns the last one's. The wait is for
// memory, not for the hash. So what the nodes hold is fetched for all of them at once,
// and the same is done for what is below them, a batch after the other.
func (h *hasher) nodes(all []*node) (d Digest) {
	h.fetch(all)
	below := h.takeList()
	for _, n := range all {
		if n.branch() {
			below = appendStale(below, n.asBranch())
		}
	}
	for rest, batches := below, (len(below)+batch-1)/batch; batches > 0; batches-- {
		n := (len(rest) + batches - 1) / batches
		h.nodes(rest[:n])
		rest = rest[n:]
	}
	h.lists = append(h.lists, below)
	for _, n := range all {
		var parts []Digest
		if n.branch() {
			d, parts = h.branch(n.asBranch())
		} else {
			d, parts = h.bucket(n.asBucket())
		}
		n.learn(d, parts)
	}
	return d
}

// learn keeps the digest of a node, and those of its parts if it is given them.
// Whoever comes first writes; others go on with what they computed.
func (n *node) learn(d Digest, parts []Digest) {
	at := n.sealed()
	if at.Load() != nil {
		return
	}
	s := &seal{sum: d}
	if len(parts) > 0 {
		s.parts = &parts[0]
	}
	at.CompareAndSwap(nil, s)
}

// fetch reads what the digests of nodes are taken of.
func (h *hasher) fetch(all []*node) {
	h.recs, h.sums = h.recs[:0], h.sums[:0]
	for _, n := range all {
		if n.branch() {
			h.fetchBranch(n.asBranch())
		} else {
			h.fetchBucket(n.asBucket())
		}
	}
	fetchSums(h.sums)
	fetchTexts(h.recs)
}

func (h *hasher) fetchBranch(b *branch) {
	parts, stale := b.stillParts()
	fetchDigests(parts)
	for i, kid := range b.kids() {
		if stale>>(i&63)&1 != 0 {
			h.sums = append(h.sums, kid)
		}
	}
}

func (h *hasher) fetchBucket(b *bucket) {
	parts, stale := b.stillParts()
	if parts == nil || b.count <= wholeMax {
		h.recs = append(h.recs, b.recs()...)
		return
	}
	fetchDigests(parts)
	for i, r := range b.recs() {
		if stale>>partOf(b.tag(i))&1 != 0 {
			h.recs = append(h.recs, r)
		}
	}
}

// appendStale appends the children whose digests are asked for and not known.
func appendStale(all []*node, b *branch) []*node {
	_, stale := b.stillParts()
	for i, kid := range b.kids() {
		if stale>>(i&63)&1 != 0 && kid.sealed().Load() == nil {
			all = append(all, kid)
		}
	}
	return all
}

// branch returns the digest of a branch, and those of its children if they are to
// be kept. The children have theirs, or somebody else is just writing it.
func (h *hasher) branch(b *branch) (Digest, []Digest) {
	buf := append(h.take(), tagBranch...)
	buf = binary.AppendUvarint(buf, uint64(b.depth())<<1|uint64(b.ends()))
	for _, word := range b.label {
		buf = binary.BigEndian.AppendUint64(buf, word)
	}
	known, stale := b.stillParts()
	at := len(buf)
	if known != nil {
		buf = append(buf, bytesOf(known)...)
	}
	for i, kid := range b.kids() {
		if stale>>(i&63)&1 == 0 {
			continue
		}
		d, ok := kid.known()
		if !ok {
			d = h.node(kid)
		}
		buf = append(buf[:at+i*len(d)], d[:]...)
	}
	buf = buf[:at+int(b.size)*len(Digest{})]
	return h.sum(buf), keep(known, int(b.size), bits.OnesCount64(stale), buf[at:])
}

func (h *hasher) bucket(b *bucket) (Digest, []Digest) {
	if b.count <= wholeMax {
		buf := append(h.take(), tagBucket...)
		for _, r := range b.recs() {
			buf = h.record(buf, r)
		}
		return h.sum(buf), nil
	}
	var parts [bucketParts]Digest
	known, stale := b.stillParts()
	copy(parts[:], known)
	for part := range uint8(bucketParts) {
		if stale>>part&1 != 0 {
			parts[part] = h.part(b, part)
		}
	}
	buf := append(append(h.take(), tagParts...), bytesOf(parts[:])...)
	return h.sum(buf), keep(known, bucketParts, bits.OnesCount16(stale), bytesOf(parts[:]))
}

// part returns the digest of a part of a bucket; of none it is zero.
func (h *hasher) part(b *bucket, part uint8) Digest {
	buf := append(h.take(), tagPart...)
	for i, r := range b.recs() {
		if partOf(b.tag(i)) == part {
			buf = h.record(buf, r)
		}
	}
	if len(buf) == len(tagPart) {
		h.free = append(h.free, buf)
		return Digest{}
	}
	return h.sum(buf)
}

// keep returns the digests of n parts if they are to be kept: where none were known,
// or more than half of these are others by now.
func keep(known []Digest, n, stale int, all []byte) []Digest {
	if known != nil && 2*stale <= min(n, 64) {
		return nil
	}
	parts := make([]Digest, n)
	copy(bytesOf(parts), all)
	return parts
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

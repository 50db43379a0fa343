package rmg

import (
	"math/bits"
	"slices"
	"sync/atomic"
)

// bucketMax is how many records a bucket holds before it bursts. It is part of
// the shape, and so of every digest.
const bucketMax = 32

// token names the overlay that may change a node in place.
type token struct{ _ byte }

// node is what buckets, branches and stubs begin with. A node changes only
// under its owner's hands and before anybody else sees it; bits and sealed are
// filled in later, with what they always would be. What a lookup reads stands
// first, on one cache line; children and records stand behind, in the same
// allocation (see room.go).
type node struct {
	bits  atomic.Uint32
	count uint32 // records below
	owner *token
}

// The bits of a node.
const (
	bitsDepth = 0x1fff  // a branch: where its children part; a bucket: where its heads begin
	isBranch  = 1 << 13 // else a bucket
	hasEnd    = 1 << 14 // a branch whose first child holds the id that ends at depth
	isStub    = 1 << 15 // not read yet
	highShift = 24      // eight bits: what height says, plus one; 0 is not known yet
	bitsShape = bitsDepth | isBranch | hasEnd
)

// branch is a node whose records part at the byte at depth.
type branch struct {
	node
	label [4]uint64 // the bytes that have a child
	after [4]uint8  // how many children stand after those of each label word
	size  uint16    // children
	room  uint16    // children that there is room for
	stale uint64    // the parts that are others by now
	parts *Digest   // the first of them, as they were; nil is not known
	sealed
}

// bucket is a node that holds its records, sorted by id.
//
// A lookup finds a record by its tag, eight at a time (Mycroft 1987; as in the
// Swiss tables), an insertion finds a place by the heads: four bytes of the ids,
// from the bucket's depth on, as big-endian numbers.
type bucket struct {
	node
	tags  [bucketMax / 8]uint64 // one byte for each record, in order
	room  uint16                // records that there is room for
	stale uint16                // the parts that are others by now
	parts *Digest               // the first of them, as they were; nil is not known
	sealed
}

// sealed is what is learnt of a node after it was handed out: nil until somebody
// asks for its digest, which nobody does of most versions.
type sealed = atomic.Pointer[seal]

// seal is a node's digest, and what comes with it.
//
// A digest is taken of the digests of parts (see digest.go). They stand together,
// and a copy shares them with what it was copied from and says which are others
// by now: so a version with a few changes neither reads nor hashes what stands
// beside these, and holds no digests but one for each node.
type seal struct {
	sum   Digest
	parts *Digest               // the first of them, all of this node; nil: what the node says is known
	place atomic.Pointer[place] // where a store holds it; nil is nowhere
}

func (n *node) depth() int   { return int(n.bits.Load() & bitsDepth) }
func (n *node) branch() bool { return n.bits.Load()&isBranch != 0 }

func (n *node) len() int {
	if n == nil {
		return 0
	}
	return int(n.count)
}

// read returns n, or what it stands for if it is a stub.
func (n *node) read() *node {
	if n == nil || n.bits.Load()&isStub == 0 {
		return n
	}
	return n.load()
}

// known returns the digest of a node if it was computed.
func (n *node) known() (Digest, bool) {
	s := n.sealed().Load()
	if s == nil {
		return Digest{}, false
	}
	return s.sum, true
}

func (n *node) sealed() *sealed {
	switch w := n.bits.Load(); {
	case w&isStub != 0:
		return &n.asStub().sealed
	case w&isBranch != 0:
		return &n.asBranch().sealed
	}
	return &n.asBucket().sealed
}

// head is the eight bytes of id that begin at a depth.
func head(id string, at int) uint64 {
	if at+8 <= len(id) {
		s := id[at : at+8]
		return uint64(s[0])<<56 | uint64(s[1])<<48 | uint64(s[2])<<40 | uint64(s[3])<<32 |
			uint64(s[4])<<24 | uint64(s[5])<<16 | uint64(s[6])<<8 | uint64(s[7])
	}
	var h uint64
	for i := at; i < at+8; i++ {
		h <<= 8
		if i < len(id) {
			h |= uint64(id[i])
		}
	}
	return h
}

// common is the length of the longest common prefix.
func common(a, b string) int {
	n := min(len(a), len(b))
	i := 0
	for i+8 <= n {
		if x := head(a, i) ^ head(b, i); x != 0 {
			return i + bits.LeadingZeros64(x)/8
		}
		i += 8
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

func (b *branch) has(c byte) bool { return b.label[c>>6&3]>>(c&63)&1 != 0 }

// index is where the child of a label stands, or would stand.
func (b *branch) index(c byte) int {
	return int(b.size) - int(b.after[c>>6]) - bits.OnesCount64(b.label[c>>6]>>(c&63))
}

// rank notes after a change how many children stand after each word of labels.
func (b *branch) rank() {
	n := 0
	for w := 3; w >= 0; w-- {
		b.after[w] = uint8(n)
		n += bits.OnesCount64(b.label[w])
	}
}

// ends is 1 if the first child holds the id that ends at depth.
func (b *branch) ends() int { return int(b.bits.Load()&hasEnd) / hasEnd }

// slot finds the child for an id that agrees with the branch up to its depth.
func (b *branch) slot(id string) (i int, ok bool) {
	d := b.depth()
	if len(id) == d {
		return 0, b.ends() == 1
	}
	return b.index(id[d]), b.has(id[d])
}

// labels ranges over the children: c is -1 for the id that ends here.
func (b *branch) labels(yield func(c int, kid *node) bool) {
	i, kids := 0, b.kids()
	if b.ends() == 1 {
		if !yield(-1, kids[0]) {
			return
		}
		i = 1
	}
	for w, word := range b.label {
		for ; word != 0; word &= word - 1 {
			if !yield(w<<6|bits.TrailingZeros64(word), kids[i]) {
				return
			}
			i++
		}
	}
}

// edit returns a branch that t may change, with room for more children: b
// itself, or a copy.
func (b *branch) edit(t *token, more int) *branch {
	n := int(b.size) + more
	switch {
	case b.owner == t && n <= int(b.room):
		return b
	case b.owner == t:
		n += n / 8 // who adds in place goes on adding
	}
	c := newBranch(t, b.bits.Load()&bitsShape, n)
	c.label, c.after, c.size, c.count = b.label, b.after, b.size, b.count
	c.parts, c.stale = b.remembered()
	copy(c.kids(), b.kids())
	return c
}

// push adds a child behind the others: under the byte c, or -1 for the id that
// ends here. Who pushed calls rank.
func (b *branch) push(c int, kid *node) {
	if c < 0 {
		b.bits.Or(hasEnd)
	} else {
		b.label[c>>6] |= 1 << (c & 63)
	}
	b.insert(int(b.size), kid)
	b.count += kid.count
}

// set puts a child in the place of another.
func (b *branch) set(i int, kid *node) {
	b.kids()[i] = kid
	b.stale |= 1 << (i & 63)
}

// insert puts a child in.
func (b *branch) insert(i int, kid *node) {
	b.parts = nil
	b.size++
	kids := b.kids()
	copy(kids[i+1:], kids[i:])
	kids[i] = kid
}

// drop takes a child out.
func (b *branch) drop(i int) {
	b.parts = nil
	kids := b.kids()
	copy(kids[i:], kids[i+1:])
	kids[len(kids)-1] = nil
	b.size--
}

// edit returns a bucket that t may change, with room for more records: b
// itself, or a copy.
func (b *bucket) edit(t *token, more int) *bucket {
	n := int(b.count) + more
	switch {
	case b.owner == t && n <= int(b.room):
		return b
	case b.owner == t:
		n += 2
	}
	c := newBucket(t, b.depth(), min(n, bucketMax))
	c.tags, c.count = b.tags, b.count
	c.parts, c.stale = b.remembered()
	copy(c.recs(), b.recs())
	copy(c.heads(), b.heads())
	return c
}

// tag is the tag of a record.
func (b *bucket) tag(i int) uint8 { return uint8(b.tags[i/8] >> (i % 8 * 8)) }

// set puts a record in the place of another with its id.
func (b *bucket) set(i int, r *record) {
	b.recs()[i] = r
	b.stale |= 1 << partOf(b.tag(i))
}

// put puts a record in.
func (b *bucket) put(i int, r *record) {
	h := head(r.id(), b.depth())
	b.stale |= 1 << partOf(tagOf(h))
	b.count++
	recs, heads := b.recs(), b.heads()
	copy(recs[i+1:], recs[i:])
	copy(heads[i+1:], heads[i:])
	recs[i], heads[i] = r, uint32(h>>32)
	w, at := i/8, i%8*8
	below := uint64(1)<<at - 1
	carry := b.tags[w] >> 56
	b.tags[w] = b.tags[w]&below | uint64(tagOf(h))<<at | b.tags[w]&^below<<8
	for w++; w < len(b.tags); w++ {
		b.tags[w], carry = b.tags[w]<<8|carry, b.tags[w]>>56
	}
}

// fill puts sorted records into an empty bucket.
func (b *bucket) fill(rs []*record) {
	d := b.depth()
	b.count = uint32(len(rs))
	recs, heads := b.recs(), b.heads()
	for i, r := range rs {
		h := head(r.id(), d)
		recs[i], heads[i] = r, uint32(h>>32)
		b.tags[i/8] |= uint64(tagOf(h)) << (i % 8 * 8)
	}
}

// drop takes a record out, one of several.
func (b *bucket) drop(i int) {
	recs, heads := b.recs(), b.heads()
	b.stale |= 1 << partOf(b.tag(i))
	copy(recs[i:], recs[i+1:])
	copy(heads[i:], heads[i+1:])
	recs[len(recs)-1] = nil
	b.count--
	w, at := i/8, i%8*8
	below := uint64(1)<<at - 1
	b.tags[w] = b.tags[w]&below | b.tags[w]>>8&^below
	for ; w+1 < len(b.tags); w++ {
		b.tags[w] |= b.tags[w+1] << 56
		b.tags[w+1] >>= 8
	}
	// The tags, and so the parts, are those of the depth at which the ids part.
	if i == 0 || i == int(b.count) {
		if d := common(b.recs()[0].id(), b.recs()[b.count-1].id()); d != b.depth() {
			b.rehead(d)
		}
	}
}

// rehead makes the heads begin at another depth.
func (b *bucket) rehead(depth int) {
	recs := slices.Clone(b.recs())
	b.bits.Store(uint32(depth))
	b.parts = nil
	b.count, b.tags = 0, [bucketMax / 8]uint64{}
	for i, r := range recs {
		b.put(i, r)
	}
}

func tagOf(head uint64) uint8 { return uint8(head * 0x9e3779b97f4a7c15 >> 56) }

// lone makes a bucket of one.
func lone(t *token, r *record) *node {
	b := newBucket(t, len(r.id()), 1)
	b.put(0, r)
	return &b.node
}

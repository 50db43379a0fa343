package rejected

import "math/bits"

// Split is a content-split B-tree, as in prolly trees (Noms, Dolt) and with the
// levels of a Merkle search tree (Auvolat and Taïani 2019): a key ends a leaf
// when the low bits of its hash are zero, a node of the level above when the
// next bits are zero too, and so on; the last node of a level may end with any
// key. So the shape is a function of the keys, and a change of a record never
// moves a border. The root is the lowest level that has one node only.
//
// Not taken: the sizes of nodes are geometric, so that a random key stands in
// one of twice the mean (one key in eleven in one of four times), all of which
// every change copies and every digest hashes again; and a search compares at
// five or six places of every node on its way where a trie reads one byte. Its
// order, pages and memory are nearly as good as the engine's.
type Split struct {
	root   *splitNode // nil when empty
	height int        // of the root; leaves are at 0
	size   int
}

// splitBits makes the mean of a node 1<<splitBits entries. With 5 instead of 4 a
// version with a hundred changes takes a quarter more memory, and nothing is
// faster.
const splitBits = 4

// splitNode keeps its keys beside what stands under them, so that a change of a
// record copies pointers only, and shares the keys with the old version.
type splitNode struct {
	memo
	owner   *owner
	ownKeys bool         // the owner may change heads and lasts in place too
	heads   []uint64     // of the keys
	lasts   []string     // the greatest key below each child; none in a leaf
	kids    []*splitNode // none in a leaf
	recs    []*Record    // in a leaf
}

// ends is at how many levels, counted from the leaves, a key ends its node.
func ends(key string) int { return bits.TrailingZeros64(hashOf(key)) / splitBits }

// Len is the number of records.
func (s Split) Len() int { return s.size }

func (n *splitNode) key(i int) string {
	if n.kids == nil {
		return n.recs[i].Key
	}
	return n.lasts[i]
}

// last is the greatest key below n.
func (n *splitNode) last() string { return n.key(len(n.heads) - 1) }

// find returns the place of the first key that is not below one.
func (n *splitNode) find(h uint64, key string) int {
	lo, hi := 0, len(n.heads)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if e := n.heads[mid]; e < h || e == h && n.key(mid) < key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// findRec returns where a key stands in a leaf, or would.
func (n *splitNode) findRec(h uint64, key string) (int, bool) {
	i := n.find(h, key)
	return i, i < len(n.heads) && n.heads[i] == h && n.recs[i].Key == key
}

// findKid returns which child a key belongs to: the first that ends with it or
// above it, or else the last.
func (n *splitNode) findKid(h uint64, key string) int { return min(n.find(h, key), len(n.kids)-1) }

// Get returns the record under a key, or nil.
func (s Split) Get(key string) *Record {
	n, h := s.root, head(key)
	if n == nil {
		return nil
	}
	for n.kids != nil {
		n = n.kids[n.findKid(h, key)]
	}
	if i, found := n.findRec(h, key); found {
		return n.recs[i]
	}
	return nil
}

// Ascend calls yield for the records from a key on, in order, until it returns
// false.
func (s Split) Ascend(from string, yield func(*Record) bool) {
	if s.root != nil {
		s.root.ascend(head(from), from, yield)
	}
}

func (n *splitNode) ascend(h uint64, from string, yield func(*Record) bool) bool {
	if n.kids == nil {
		for _, r := range n.recs[n.find(h, from):] {
			if !yield(r) {
				return false
			}
		}
		return true
	}
	j := n.findKid(h, from)
	if !n.kids[j].ascend(h, from, yield) {
		return false
	}
	for _, k := range n.kids[j+1:] {
		if !k.ascend(0, "", yield) {
			return false
		}
	}
	return true
}

// Digest is a Merkle hash over the nodes.
func (s Split) Digest() Digest {
	if s.root == nil {
		return Digest{}
	}
	var buf []byte
	return *s.root.digest(&buf)
}

func (n *splitNode) digest(buf *[]byte) *Digest {
	if d := n.sum.Load(); d != nil {
		return d
	}
	for _, k := range n.kids {
		k.digest(buf)
	}
	b := append((*buf)[:0], "split leaf"...)
	if n.kids != nil {
		b = append((*buf)[:0], "split node"...)
	}
	for _, r := range n.recs {
		b = appendRecord(b, r)
	}
	for _, k := range n.kids {
		b = append(b, k.sum.Load()[:]...)
	}
	*buf = b
	return n.set(b)
}

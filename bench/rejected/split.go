package rejected

import (
	"math/bits"
	"slices"
)

// Split is a content-split B-tree, as in prolly trees (Noms, Dolt) and with the
// levels of a Merkle search tree (Auvolat and Taïani 2019): a key ends a leaf
// when the low bits of its hash are zero, a node of the level above when the
// next bits are zero too, and so on; the last node of a level may end with any
// key. So the shape is a function of the keys, and a change of a record never
// moves a border. The root is the lowest level that has one node only.
//
// Not taken: the sizes of nodes are geometric, so that a random key stands in
// one of twice the mean (one in fifty of four times), all of which every change
// copies and every digest hashes again; and a search compares at five or six
// places of every node on its way where a trie reads one byte. Order, paging and
// memory are as good as the engine's.
type Split struct {
	root   *splitNode // nil when empty
	height int        // of the root; leaves are at 0
	size   int
}

// splitBits makes the mean of a node 1<<splitBits entries. With 5 a million keys
// are found 3 % sooner; a change costs 40 % more.
const splitBits = 4

type splitNode struct {
	memo
	owner *owner
	leaf  []splitLeaf
	kids  []splitKid // none in a leaf
}

type splitLeaf struct {
	head uint64
	rec  *Record
}

type splitKid struct {
	head uint64
	last string // the greatest key below
	node *splitNode
}

// ends is at how many levels, counted from the leaves, a key ends its node.
func ends(key string) int { return bits.TrailingZeros64(hashOf(key)) / splitBits }

// Len is the number of records.
func (s Split) Len() int { return s.size }

// findLeaf returns where a key stands in a leaf, or would.
func (n *splitNode) findLeaf(h uint64, key string) (int, bool) {
	lo, hi := 0, len(n.leaf)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if e := &n.leaf[mid]; e.head < h || e.head == h && e.rec.Key < key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(n.leaf) && n.leaf[lo].head == h && n.leaf[lo].rec.Key == key
}

// findKid returns which child a key belongs to: the first that ends with it or
// above it, or else the last.
func (n *splitNode) findKid(h uint64, key string) int {
	lo, hi := 0, len(n.kids)-1
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if e := &n.kids[mid]; e.head < h || e.head == h && e.last < key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// Get returns the record under a key, or nil.
func (s Split) Get(key string) *Record {
	n, h := s.root, head(key)
	if n == nil {
		return nil
	}
	for n.kids != nil {
		n = n.kids[n.findKid(h, key)].node
	}
	if i, found := n.findLeaf(h, key); found {
		return n.leaf[i].rec
	}
	return nil
}

// Put returns the version with a record set.
func (s Split) Put(r *Record) Split { return s.put(r, nil) }

// Delete returns the version without a key.
func (s Split) Delete(key string) Split { return s.remove(key, nil) }

// SplitEdit is a batch of edits.
type SplitEdit struct {
	cur Split
	own *owner
}

// Edit begins a batch.
func (s Split) Edit() *SplitEdit { return &SplitEdit{s, new(owner)} }

// Put sets a record.
func (e *SplitEdit) Put(r *Record) { e.cur = e.cur.put(r, e.own) }

// Delete removes a key.
func (e *SplitEdit) Delete(key string) { e.cur = e.cur.remove(key, e.own) }

// Snapshot returns the version as it stands; the batch can go on.
func (e *SplitEdit) Snapshot() Split {
	e.own = new(owner)
	return e.cur
}

// edited returns n to be changed: n itself, if it is the owner's, or a new node
// with its slices, of which the caller changes the one there is by copying.
func (n *splitNode) edited(o *owner) (c *splitNode, owned bool) {
	if o != nil && n.owner == o {
		return n, true
	}
	return &splitNode{owner: o, leaf: n.leaf, kids: n.kids}, false
}

// last is the greatest key below n.
func (n *splitNode) last() string {
	if n.kids != nil {
		return n.kids[len(n.kids)-1].last
	}
	return n.leaf[len(n.leaf)-1].rec.Key
}

func kidOf(n *splitNode) splitKid {
	last := n.last()
	return splitKid{head(last), last, n}
}

// splitPut is what an insertion hands up.
type splitPut struct {
	node, next *splitNode // next is nil unless the node came apart
	added      bool
	ends       int // of the key where it came apart
}

func (s Split) put(r *Record, o *owner) Split {
	if s.root == nil {
		return Split{root: &splitNode{owner: o, leaf: []splitLeaf{{head(r.Key), r}}}, size: 1}
	}
	p := s.root.put(head(r.Key), r, s.height, o)
	s.root = p.node
	if p.added {
		s.size++
	}
	for a, b := p.node, p.next; b != nil; {
		s.height++
		if p.ends > s.height {
			a, b = &splitNode{owner: o, kids: []splitKid{kidOf(a)}}, &splitNode{owner: o, kids: []splitKid{kidOf(b)}}
			continue
		}
		s.root, b = &splitNode{owner: o, kids: []splitKid{kidOf(a), kidOf(b)}}, nil
	}
	return s
}

// put sets a record below n, which stands level above the leaves.
func (n *splitNode) put(h uint64, r *Record, level int, o *owner) splitPut {
	if level == 0 {
		return n.putLeaf(h, r, o)
	}
	j := n.findKid(h, r.Key)
	p := n.kids[j].node.put(h, r, level-1, o)
	kid := n.kids[j]
	kid.node = p.node
	if p.next != nil || p.added && kid.last < r.Key {
		kid = kidOf(p.node)
	}
	c, owned := n.edited(o)
	c.kids = setAt(n.kids, j, kid, owned)
	if p.next == nil {
		p.node = c
		return p
	}
	if p.ends <= level {
		c.kids = insertAt(c.kids, j+1, kidOf(p.next), owned)
		p.node, p.next = c, nil
		return p
	}
	right := append([]splitKid{kidOf(p.next)}, c.kids[j+1:]...)
	clear(c.kids[j+1:])
	c.kids = c.kids[:j+1]
	p.node, p.next = c, &splitNode{owner: o, kids: right}
	return p
}

func (n *splitNode) putLeaf(h uint64, r *Record, o *owner) splitPut {
	i, found := n.findLeaf(h, r.Key)
	c, owned := n.edited(o)
	if found {
		c.leaf = setAt(n.leaf, i, splitLeaf{h, r}, owned)
		return splitPut{node: c}
	}
	p := splitPut{node: c, added: true}
	border := i
	if i == len(n.leaf) {
		border-- // the last leaf may have an end already
	}
	c.leaf = insertAt(n.leaf, i, splitLeaf{h, r}, owned)
	if p.ends = ends(c.leaf[border].rec.Key); p.ends > 0 && border+1 < len(c.leaf) {
		p.next = &splitNode{owner: o, leaf: slices.Clone(c.leaf[border+1:])}
		clear(c.leaf[border+1:])
		c.leaf = c.leaf[:border+1]
	}
	return p
}

// splitCut is what a deletion hands up.
type splitCut struct {
	node    *splitNode // nil if nothing is left
	removed bool
	open    bool // the node has lost its end: it grows together with the next one
	empty   int  // up to which level the nodes on the way are gone; -1 is none
}

func (s Split) remove(key string, o *owner) Split {
	if s.root == nil {
		return s
	}
	cut := s.root.remove(head(key), key, s.height, o)
	if !cut.removed {
		return s
	}
	s.root = cut.node
	s.size--
	for s.root != nil && len(s.root.kids) == 1 {
		s.root = s.root.kids[0].node
		s.height--
	}
	if s.root == nil {
		s.height = 0
	}
	return s
}

func (n *splitNode) remove(h uint64, key string, level int, o *owner) splitCut {
	if level == 0 {
		return n.removeLeaf(h, key, o)
	}
	j := n.findKid(h, key)
	cut := n.kids[j].node.remove(h, key, level-1, o)
	if !cut.removed {
		cut.node = n
		return cut
	}
	kid, last := n.kids[j], j+1 == len(n.kids)
	wasEnd := kid.head == h && kid.last == key
	c, owned := n.edited(o)
	switch {
	case cut.open && !last:
		next := n.kids[j+1]
		if cut.node != nil {
			next.node = grow(cut.node, next.node, level-1, cut.empty, o)
		}
		c.kids = removeAt(n.kids, j, owned)
		c.kids[j] = next
		cut.open, cut.empty = false, -1
	case cut.node != nil:
		kid.node = cut.node
		if wasEnd {
			kid = kidOf(cut.node)
		}
		c.kids = setAt(n.kids, j, kid, owned)
	default:
		c.kids = removeAt(n.kids, j, owned)
	}
	cut.open = cut.open && ends(key) > level
	cut.node = c
	if len(c.kids) == 0 {
		cut.node, cut.empty = nil, level
	}
	return cut
}

func (n *splitNode) removeLeaf(h uint64, key string, o *owner) splitCut {
	i, found := n.findLeaf(h, key)
	if !found {
		return splitCut{node: n}
	}
	cut := splitCut{removed: true, empty: -1, open: i+1 == len(n.leaf) && ends(key) > 0}
	if len(n.leaf) == 1 {
		cut.empty = 0
		return cut
	}
	c, owned := n.edited(o)
	c.leaf = removeAt(n.leaf, i, owned)
	cut.node = c
	return cut
}

// grow makes one node of a and the one after it, a having lost its end. What is
// below grows together in the same way, down to where a's last is gone.
func grow(a, b *splitNode, level, empty int, o *owner) *splitNode {
	c := &splitNode{owner: o}
	switch {
	case level == 0:
		c.leaf = slices.Concat(a.leaf, b.leaf)
	case level == empty+1:
		c.kids = slices.Concat(a.kids, b.kids)
	default:
		end := len(a.kids) - 1
		first := b.kids[0]
		first.node = grow(a.kids[end].node, first.node, level-1, empty, o)
		c.kids = slices.Concat(a.kids[:end], b.kids)
		c.kids[end] = first
	}
	return c
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
		i, _ := n.findLeaf(h, from)
		for _, e := range n.leaf[i:] {
			if !yield(e.rec) {
				return false
			}
		}
		return true
	}
	j := n.findKid(h, from)
	if !n.kids[j].node.ascend(h, from, yield) {
		return false
	}
	for _, k := range n.kids[j+1:] {
		if !k.node.ascend(0, "", yield) {
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
	for i := range n.kids {
		n.kids[i].node.digest(buf)
	}
	b := append((*buf)[:0], "split leaf"...)
	if n.kids != nil {
		b = append((*buf)[:0], "split node"...)
	}
	for _, e := range n.leaf {
		b = appendRecord(b, e.rec)
	}
	for i := range n.kids {
		b = append(b, n.kids[i].node.sum.Load()[:]...)
	}
	*buf = b
	return n.set(b)
}

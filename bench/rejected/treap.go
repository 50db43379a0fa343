package rejected

// Treap is a search tree by key that is a heap by priority (Seidel and Aragon
// 1996). The priority is a hash of the key, so one set of keys has one shape.
// Two versions are compared by splitting one at the root of the other, and every
// node is its own Merkle node.
//
// It is what the graph was made of before. Not taken again: a lookup among a
// million keys goes through some 25 nodes, each a cache miss, where a trie goes
// through four; one change copies as many nodes, and hashes as many; and every
// record pays for a node of 64 bytes and a digest of 32 of its own.
type Treap struct {
	root *treapNode
	size int
}

type treapNode struct {
	memo
	owner       *owner
	head        uint64
	pri         uint64
	rec         *Record
	left, right *treapNode
}

// Len is the number of records.
func (t Treap) Len() int { return t.size }

// less orders a key, whose head is h, against n's.
func (n *treapNode) less(h uint64, key string) bool {
	return h < n.head || h == n.head && key < n.rec.Key
}

func (n *treapNode) is(h uint64, key string) bool { return h == n.head && key == n.rec.Key }

// above reports whether a stands above b: by priority, ties by key.
func (n *treapNode) above(m *treapNode) bool {
	return n.pri > m.pri || n.pri == m.pri && n.rec.Key < m.rec.Key
}

// Get returns the record under a key, or nil.
func (t Treap) Get(key string) *Record {
	h := head(key)
	for n := t.root; n != nil; {
		switch {
		case n.is(h, key):
			return n.rec
		case n.less(h, key):
			n = n.left
		default:
			n = n.right
		}
	}
	return nil
}

// Put returns the version with a record set.
func (t Treap) Put(r *Record) Treap { return t.put(r, nil) }

// Delete returns the version without a key.
func (t Treap) Delete(key string) Treap { return t.remove(key, nil) }

func (t Treap) put(r *Record, o *owner) Treap {
	n := &treapNode{owner: o, head: head(r.Key), pri: hashOf(r.Key), rec: r}
	root, added := t.root.insert(n, o)
	if added {
		t.size++
	}
	return Treap{root, t.size}
}

func (t Treap) remove(key string, o *owner) Treap {
	root, removed := t.root.remove(head(key), key, o)
	if removed {
		t.size--
	}
	return Treap{root, t.size}
}

// TreapEdit is a batch of edits.
type TreapEdit struct {
	cur Treap
	own *owner
}

// Edit begins a batch.
func (t Treap) Edit() *TreapEdit { return &TreapEdit{t, new(owner)} }

// Put sets a record.
func (e *TreapEdit) Put(r *Record) { e.cur = e.cur.put(r, e.own) }

// Delete removes a key.
func (e *TreapEdit) Delete(key string) { e.cur = e.cur.remove(key, e.own) }

// Snapshot returns the version as it stands; the batch can go on.
func (e *TreapEdit) Snapshot() Treap {
	e.own = new(owner)
	return e.cur
}

// with returns n with other children: n itself, if it is the owner's.
func (n *treapNode) with(left, right *treapNode, o *owner) *treapNode {
	switch {
	case n.left == left && n.right == right:
		return n
	case o != nil && n.owner == o:
		n.left, n.right = left, right
		return n
	}
	return &treapNode{owner: o, head: n.head, pri: n.pri, rec: n.rec, left: left, right: right}
}

// insert returns t with n in it, which is new and has no children yet.
func (t *treapNode) insert(n *treapNode, o *owner) (_ *treapNode, added bool) {
	switch {
	case t == nil:
		return n, true
	case t.is(n.head, n.rec.Key):
		if o != nil && t.owner == o {
			t.rec = n.rec
			return t, false
		}
		n.left, n.right = t.left, t.right
		return n, false
	case n.above(t):
		n.left, n.right = t.split(n.head, n.rec.Key, o)
		return n, true
	case t.less(n.head, n.rec.Key):
		left, added := t.left.insert(n, o)
		return t.with(left, t.right, o), added
	default:
		right, added := t.right.insert(n, o)
		return t.with(t.left, right, o), added
	}
}

// split returns what is below and above a key that is not in t.
func (t *treapNode) split(h uint64, key string, o *owner) (left, right *treapNode) {
	switch {
	case t == nil:
		return nil, nil
	case t.less(h, key):
		l, r := t.left.split(h, key, o)
		return l, t.with(r, t.right, o)
	default:
		l, r := t.right.split(h, key, o)
		return t.with(t.left, l, o), r
	}
}

func (t *treapNode) remove(h uint64, key string, o *owner) (_ *treapNode, removed bool) {
	switch {
	case t == nil:
		return nil, false
	case t.is(h, key):
		return join(t.left, t.right, o), true
	case t.less(h, key):
		left, removed := t.left.remove(h, key, o)
		return t.with(left, t.right, o), removed
	default:
		right, removed := t.right.remove(h, key, o)
		return t.with(t.left, right, o), removed
	}
}

// join puts two trees together whose keys do not overlap.
func join(l, r *treapNode, o *owner) *treapNode {
	switch {
	case l == nil:
		return r
	case r == nil:
		return l
	case l.above(r):
		return l.with(l.left, join(l.right, r, o), o)
	default:
		return r.with(join(l, r.left, o), r.right, o)
	}
}

// Ascend calls yield for the records from a key on, in order, until it returns
// false.
func (t Treap) Ascend(from string, yield func(*Record) bool) { t.root.ascend(head(from), from, yield) }

func (t *treapNode) ascend(h uint64, from string, yield func(*Record) bool) bool {
	if t == nil {
		return true
	}
	if t.is(h, from) {
		return yield(t.rec) && t.right.ascend(h, from, yield)
	}
	if t.less(h, from) && !(t.left.ascend(h, from, yield) && yield(t.rec)) {
		return false
	}
	return t.right.ascend(h, from, yield)
}

// Digest is a Merkle hash: each node hashes its record between its children.
func (t Treap) Digest() Digest {
	var buf []byte
	return *t.root.digest(&buf)
}

var noDigest Digest

func (t *treapNode) digest(buf *[]byte) *Digest {
	if t == nil {
		return &noDigest
	}
	if d := t.sum.Load(); d != nil {
		return d
	}
	left, right := t.left.digest(buf), t.right.digest(buf)
	b := append((*buf)[:0], "treap"...)
	b = append(append(b, left[:]...), right[:]...)
	*buf = appendRecord(b, t.rec)
	return t.set(*buf)
}

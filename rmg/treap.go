package rmg

import "sync/atomic"

// tree is a persistent treap: a search tree by key that is a heap by priority.
// The priority is a hash of the key, so one set of keys has one shape, whatever
// the order in which they came (Seidel and Aragon 1996). A nil tree is empty.
// Nodes are never changed once they are reachable from a Graph; only sum and
// high are filled in, atomically, with what they always would be.
type tree[V any] struct {
	key         string
	pri         uint64
	val         V
	left, right *tree[V]
	size        int32
	high        atomic.Int32 // what heightOf says; 0 is not yet known
	sum         atomic.Pointer[Digest]
}

// priority is FNV-1a with a finalizer (Stafford's mix 13), so that neighbours
// in key order are far apart.
func priority(key string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(key); i++ {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// above reports whether a's root stands above b's: by priority, ties by key.
func above[V any](a, b *tree[V]) bool {
	return a.pri > b.pri || a.pri == b.pri && a.key < b.key
}

func (t *tree[V]) len() int {
	if t == nil {
		return 0
	}
	return int(t.size)
}

func sizeOf[V any](left, right *tree[V]) int32 { return int32(1 + left.len() + right.len()) }

// with returns t's root with other children.
func (t *tree[V]) with(left, right *tree[V]) *tree[V] {
	if t.left == left && t.right == right {
		return t
	}
	return &tree[V]{key: t.key, pri: t.pri, val: t.val, left: left, right: right, size: sizeOf(left, right)}
}

func (t *tree[V]) get(key string) (V, bool) {
	for t != nil {
		switch {
		case key < t.key:
			t = t.left
		case key > t.key:
			t = t.right
		default:
			return t.val, true
		}
	}
	var zero V
	return zero, false
}

// put returns t with key set. O(log n) expected.
func (t *tree[V]) put(key string, val V) *tree[V] {
	return t.insert(&tree[V]{key: key, pri: priority(key), val: val, size: 1})
}

func (t *tree[V]) insert(n *tree[V]) *tree[V] {
	switch {
	case t == nil:
		return n
	case n.key == t.key:
		n.left, n.right, n.size = t.left, t.right, t.size
		return n
	case above(n, t):
		l, _, r := t.split(n.key)
		n.left, n.right, n.size = l, r, sizeOf(l, r)
		return n
	case n.key < t.key:
		return t.with(t.left.insert(n), t.right)
	default:
		return t.with(t.left, t.right.insert(n))
	}
}

// split returns what is below, at and above key.
func (t *tree[V]) split(key string) (l, at, r *tree[V]) {
	switch {
	case t == nil:
		return nil, nil, nil
	case key == t.key:
		return t.left, t, t.right
	case key < t.key:
		l, at, r = t.left.split(key)
		return l, at, t.with(r, t.right)
	default:
		l, at, r = t.right.split(key)
		return t.with(t.left, l), at, r
	}
}

// del returns t without key.
func (t *tree[V]) del(key string) *tree[V] {
	switch {
	case t == nil:
		return nil
	case key < t.key:
		return t.with(t.left.del(key), t.right)
	case key > t.key:
		return t.with(t.left, t.right.del(key))
	default:
		return join(t.left, t.right)
	}
}

// join puts two trees together whose keys do not overlap.
func join[V any](l, r *tree[V]) *tree[V] {
	switch {
	case l == nil:
		return r
	case r == nil:
		return l
	case above(l, r):
		return l.with(l.left, join(l.right, r))
	default:
		return r.with(join(l, r.left), r.right)
	}
}

// from calls yield for every key >= start in order, until it returns false.
func (t *tree[V]) from(start string, yield func(*tree[V]) bool) bool {
	if t == nil {
		return true
	}
	if start < t.key && !t.left.from(start, yield) {
		return false
	}
	if start <= t.key && !yield(t) {
		return false
	}
	return t.right.from(start, yield)
}

// digest is the Merkle hash of the tree over the hashes of its values.
func digestOf(t *tree[*record]) Digest {
	if t == nil {
		return Digest{}
	}
	if d := t.sum.Load(); d != nil {
		return *d
	}
	d := hashParts("jitos/tree/1", digestOf(t.left), t.val.digest(t.key), digestOf(t.right))
	t.sum.Store(&d)
	return d
}

// heightOf is the number of segments that the longest path into a tree's
// elements has. Like the digest it is computed once for each tree node.
func heightOf(t *tree[*record]) int {
	if t == nil {
		return 0
	}
	if h := t.high.Load(); h > 0 {
		return int(h)
	}
	h := max(1+t.val.inner.height(), heightOf(t.left), heightOf(t.right))
	t.high.Store(int32(h))
	return h
}

// same reports whether two trees hold the same, by pointer or digest.
func same(a, b *tree[*record]) bool {
	return a == b || a.len() == b.len() && digestOf(a) == digestOf(b)
}

// diffTrees calls yield for every key whose records differ, in order; a side
// without the key has nil. Shared and equal subtrees are skipped, whatever the
// shapes: the other tree is split at the higher root. O(change * log n).
func diffTrees(a, b *tree[*record], yield func(key string, x, y *record) bool) bool {
	switch {
	case same(a, b):
		return true
	case a == nil:
		return b.from("", func(t *tree[*record]) bool { return yield(t.key, nil, t.val) })
	case b == nil:
		return a.from("", func(t *tree[*record]) bool { return yield(t.key, t.val, nil) })
	}
	root := a
	if above(b, a) {
		root = b
	}
	al, ax, ar := a.split(root.key)
	bl, bx, br := b.split(root.key)
	if !diffTrees(al, bl, yield) {
		return false
	}
	var x, y *record
	if ax != nil {
		x = ax.val
	}
	if bx != nil {
		y = bx.val
	}
	if x != y && (x == nil || y == nil || x.digest(root.key) != y.digest(root.key)) && !yield(root.key, x, y) {
		return false
	}
	return diffTrees(ar, br, yield)
}

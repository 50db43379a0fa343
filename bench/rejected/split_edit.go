package rejected

import "slices"

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
// that shares its slices, each of which is copied before it is changed.
func (n *splitNode) edited(o *owner) (c *splitNode, owned bool) {
	if o != nil && n.owner == o {
		return n, true
	}
	return &splitNode{owner: o, heads: n.heads, lasts: n.lasts, kids: n.kids, recs: n.recs}, false
}

// nodeOf is a new node above children.
func nodeOf(o *owner, kids ...*splitNode) *splitNode {
	n := &splitNode{owner: o, ownKeys: o != nil, kids: kids}
	for _, k := range kids {
		n.lasts = append(n.lasts, k.last())
		n.heads = append(n.heads, head(k.last()))
	}
	return n
}

// cut takes off what stands from place i on, and returns it as a node. n's
// slices are nobody else's.
func (n *splitNode) cut(i int, o *owner) *splitNode {
	m := &splitNode{owner: o, ownKeys: o != nil, heads: slices.Clone(n.heads[i:])}
	n.heads = n.heads[:i]
	if n.kids == nil {
		m.recs = slices.Clone(n.recs[i:])
		clear(n.recs[i:])
		n.recs = n.recs[:i]
		return m
	}
	m.lasts, m.kids = slices.Clone(n.lasts[i:]), slices.Clone(n.kids[i:])
	clear(n.lasts[i:])
	clear(n.kids[i:])
	n.lasts, n.kids = n.lasts[:i], n.kids[:i]
	return m
}

// insertKid puts a child at place i of a node whose children are nobody else's.
func (n *splitNode) insertKid(i int, kid *splitNode) {
	last := kid.last()
	n.heads = insertAt(n.heads, i, head(last), n.ownKeys)
	n.lasts = insertAt(n.lasts, i, last, n.ownKeys)
	n.kids = insertAt(n.kids, i, kid, true)
	n.ownKeys = n.owner != nil
}

// removeKid takes a child out.
func (n *splitNode) removeKid(i int, owned bool) {
	n.heads = removeAt(n.heads, i, n.ownKeys)
	n.lasts = removeAt(n.lasts, i, n.ownKeys)
	n.kids = removeAt(n.kids, i, owned)
	n.ownKeys = n.owner != nil
}

// setKid sets a child, whose greatest key may be another one than before.
func (n *splitNode) setKid(i int, kid *splitNode, owned bool) {
	n.kids = setAt(n.kids, i, kid, owned)
	if last := kid.last(); n.lasts[i] != last {
		n.heads = setAt(n.heads, i, head(last), n.ownKeys)
		n.lasts = setAt(n.lasts, i, last, n.ownKeys)
		n.ownKeys = n.owner != nil
	}
}

// splitPut is what an insertion hands up.
type splitPut struct {
	node, next *splitNode // next is nil unless the node came apart
	added      bool
	ends       int // of the key where it came apart
}

func (s Split) put(r *Record, o *owner) Split {
	if s.root == nil {
		s.root = &splitNode{owner: o}
	}
	p := s.root.put(head(r.Key), r, s.height, o)
	s.root = p.node
	if p.added {
		s.size++
	}
	for a, b := p.node, p.next; b != nil; {
		s.height++
		if p.ends > s.height {
			a, b = nodeOf(o, a), nodeOf(o, b)
			continue
		}
		s.root, b = nodeOf(o, a, b), nil
	}
	return s
}

// put sets a record below n, which stands level above the leaves.
func (n *splitNode) put(h uint64, r *Record, level int, o *owner) splitPut {
	if level == 0 {
		return n.putRec(h, r, o)
	}
	j := n.findKid(h, r.Key)
	p := n.kids[j].put(h, r, level-1, o)
	c, owned := n.edited(o)
	if p.added {
		c.setKid(j, p.node, owned)
	} else {
		c.kids = setAt(c.kids, j, p.node, owned)
	}
	p.node = c
	if p.next == nil {
		return p
	}
	c.insertKid(j+1, p.next)
	if p.next = nil; p.ends > level {
		p.next = c.cut(j+1, o)
	}
	return p
}

func (n *splitNode) putRec(h uint64, r *Record, o *owner) splitPut {
	i, found := n.findRec(h, r.Key)
	c, owned := n.edited(o)
	if found {
		c.recs = setAt(c.recs, i, r, owned)
		return splitPut{node: c}
	}
	p := splitPut{node: c, added: true}
	border := i
	if i == len(n.recs) {
		border = max(0, i-1) // the last leaf may have an end already
	}
	c.heads = insertAt(c.heads, i, h, c.ownKeys)
	c.recs = insertAt(c.recs, i, r, owned)
	c.ownKeys = o != nil
	if p.ends = ends(c.recs[border].Key); p.ends > 0 && border+1 < len(c.recs) {
		p.next = c.cut(border+1, o)
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
		s.root = s.root.kids[0]
		s.height--
	}
	if s.root == nil {
		s.height = 0
	}
	return s
}

func (n *splitNode) remove(h uint64, key string, level int, o *owner) splitCut {
	if level == 0 {
		return n.removeRec(h, key, o)
	}
	j := n.findKid(h, key)
	cut := n.kids[j].remove(h, key, level-1, o)
	if !cut.removed {
		cut.node = n
		return cut
	}
	c, owned := n.edited(o)
	switch {
	case cut.open && j+1 < len(n.kids):
		next := n.kids[j+1]
		if cut.node != nil {
			next = grow(cut.node, next, level-1, cut.empty, o)
		}
		c.kids = setAt(c.kids, j+1, next, owned)
		c.removeKid(j, true)
		cut.open = false
	case cut.node != nil:
		c.setKid(j, cut.node, owned)
	default:
		c.removeKid(j, owned)
	}
	cut.open = cut.open && ends(key) > level
	cut.node = c
	if len(c.kids) == 0 {
		cut.node, cut.empty = nil, level
	}
	return cut
}

func (n *splitNode) removeRec(h uint64, key string, o *owner) splitCut {
	i, found := n.findRec(h, key)
	if !found {
		return splitCut{node: n}
	}
	cut := splitCut{removed: true, empty: -1, open: i+1 == len(n.recs) && ends(key) > 0}
	if len(n.recs) == 1 {
		cut.empty = 0
		return cut
	}
	c, owned := n.edited(o)
	c.heads = removeAt(c.heads, i, c.ownKeys)
	c.recs = removeAt(c.recs, i, owned)
	c.ownKeys = o != nil
	cut.node = c
	return cut
}

// grow makes one node of a and the one after it, a having lost its end. What is
// below grows together in the same way, down to where a's last is gone.
func grow(a, b *splitNode, level, empty int, o *owner) *splitNode {
	c := &splitNode{owner: o, ownKeys: o != nil}
	if level == 0 {
		c.heads, c.recs = slices.Concat(a.heads, b.heads), slices.Concat(a.recs, b.recs)
		return c
	}
	end := len(a.kids)
	if level > empty+1 {
		end--
	}
	c.heads = slices.Concat(a.heads[:end], b.heads)
	c.lasts = slices.Concat(a.lasts[:end], b.lasts)
	c.kids = slices.Concat(a.kids[:end], b.kids)
	if level > empty+1 {
		c.kids[end] = grow(a.kids[end], b.kids[0], level-1, empty, o)
	}
	return c
}

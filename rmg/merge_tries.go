package rmg

import "slices"

// trieMerge merges the nodes of one level where the workspace changed no edge,
// and so no adjacency: then a part of the trie that the system left alone is
// the workspace's, by pointer, as one that the workspace left alone is the
// system's. Three versions of a large level are walked hand in hand, down only
// to where both changed.
type trieMerge struct {
	*merger
	at   Path
	gone *[]string // nodes that the workspace removed and the system's edges may still need
}

// nodes merges three tries whose ids all agree up to a depth.
func (t trieMerge) nodes(b, s, w *node, agree int) *node {
	switch {
	case b == s:
		return w
	case b == w || s == w && (b == nil || !t.asks()) || t.err != nil:
		return s
	}
	if b == nil || s == nil || w == nil {
		return t.each(b, s, w)
	}
	b, s, w = b.read(), s.read(), w.read()
	if !aligned(b, s, w, agree) {
		return t.each(b, s, w)
	}
	kb, ks, kw := b.asBranch().kids(), s.asBranch().kids(), w.asBranch().kids()
	kids := make([]*node, len(ks))
	left, total, changed := 0, 0, false
	for i := range kids {
		kids[i] = t.nodes(kb[i], ks[i], kw[i], b.depth()+1)
		changed = changed || kids[i] != ks[i]
		if kids[i] != nil {
			left++
			total += kids[i].len()
		}
	}
	if !changed {
		return s
	}
	return s.asBranch().rebuilt(t.mine, kids, left, total)
}

// rebuilt returns the trie that has other children under the labels of b: so
// many that are left, with so many records in all; nil is one that is gone.
func (b *branch) rebuilt(t *token, kids []*node, left, total int) *node {
	switch {
	case total <= bucketMax:
		var all []*record
		for _, kid := range kids {
			all = append(all, gather(kid)...)
		}
		return build(t, all)
	case left == 1:
		return kids[slices.IndexFunc(kids, func(n *node) bool { return n != nil })]
	}
	out := newBranch(t, b.bits.Load()&bitsDepth, left)
	i := 0
	for c := range b.labels {
		if kids[i] != nil {
			out.push(c, kids[i])
		}
		i++
	}
	out.rank()
	return &out.node
}

func gather(n *node) []*record {
	out := make([]*record, 0, n.len())
	n.ascend(func(r *record) bool {
		out = append(out, r)
		return true
	})
	return out
}

// aligned reports whether three tries part at the same byte into the same
// labels, and agree before it.
func aligned(b, s, w *node, agree int) bool {
	if !b.branch() || !s.branch() || !w.branch() {
		return false
	}
	x, y, z := b.asBranch(), s.asBranch(), w.asBranch()
	d := x.depth()
	if y.depth() != d || z.depth() != d || x.label != y.label || x.label != z.label || x.ends() != y.ends() || x.ends() != z.ends() {
		return false
	}
	if d == agree {
		return true
	}
	id := b.some("").id()
	return common(id, s.some("").id()) >= d && common(id, w.some("").id()) >= d
}

// each applies to the system's part what the workspace did to its own, record by
// record.
func (t trieMerge) each(b, s, w *node) *node {
	out := s
	diffTries(b, w, func(id string, bv, wv *record) bool {
		sv := s.get(id)
		next, changed := t.joined(t.at, Segment{ID: id}, bv, sv, wv)
		if changed {
			out = t.put(out, id, sv, next)
		}
		if changed && next == nil {
			*t.gone = append(*t.gone, id)
		}
		return t.err == nil
	})
	return out
}

// put makes a node's record in out what r is, nil for none; old is what it is.
func (t trieMerge) put(out *node, id string, old, r *record) *node {
	var at *link
	if old != nil {
		at = old.links
	}
	switch {
	case r == nil && old == nil:
		return out
	case r == nil:
		return out.remove(t.mine, id)
	case r.links != at:
		r = r.withLinks(at)
	}
	if old == nil {
		return out.insert(t.mine, r)
	}
	return out.replace(t.mine, r)
}

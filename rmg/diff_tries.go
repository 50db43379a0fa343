package rmg

import "strings"

// diffTries calls yield for every id whose records differ, in order; a side
// without the id has nil. What is shared, or has the same known digest, is
// skipped. The cost is that of what differs: two tries of nearly the same ids
// have nearly the same shape, and are walked hand in hand.
//
// It returns false as soon as yield does.
func diffTries(a, b *node, yield func(id string, x, y *record) bool) bool {
	return (&differ{yield}).nodes(a, b, 0)
}

type differ struct {
	yield func(id string, x, y *record) bool
}

// nodes compares two tries whose ids all agree up to a depth.
func (d *differ) nodes(a, b *node, agree int) bool {
	switch {
	case a == b:
		return true
	case a == nil:
		return b.ascend(d.added)
	case b == nil:
		return a.ascend(d.removed)
	}
	if x, ok := a.known(); ok {
		if y, ok := b.known(); ok && x == y {
			return true
		}
	}
	a, b = a.read(), b.read()
	switch {
	case !a.branch() && !b.branch():
		return d.buckets(a.asBucket().recs(), b.asBucket().recs())
	case !a.branch():
		return d.listed(a.asBucket().recs(), b, false)
	case !b.branch():
		return d.listed(b.asBucket().recs(), a, true)
	}
	da, db := a.depth(), b.depth()
	// The bytes from agree to depth were skipped and have to be looked at; most
	// branches skip none.
	if least := min(da, db); least > agree {
		if x, y := a.some("").id(), b.some("").id(); common(x, y) < least {
			if x < y {
				return a.ascend(d.removed) && b.ascend(d.added)
			}
			return b.ascend(d.added) && a.ascend(d.removed)
		}
	}
	switch {
	case da < db:
		return d.below(a.asBranch(), b, false)
	case da > db:
		return d.below(b.asBranch(), a, true)
	}
	return d.branches(a.asBranch(), b.asBranch())
}

func (d *differ) added(r *record) bool   { return d.yield(r.id(), nil, r) }
func (d *differ) removed(r *record) bool { return d.yield(r.id(), r, nil) }

// below compares a branch with a trie that belongs below one of its labels,
// there or not. Swapped: the branch is of the second version.
func (d *differ) below(a *branch, b *node, swapped bool) bool {
	lone, both := d.removed, d.nodes
	if swapped {
		lone, both = d.added, func(x, y *node, agree int) bool { return d.nodes(y, x, agree) }
	}
	rest := d.added
	if swapped {
		rest = d.removed
	}
	at, met := int(b.some("").id()[a.depth()]), false
	for c, kid := range a.labels {
		if c > at && !met {
			met = true
			if !b.ascend(rest) {
				return false
			}
		}
		if c == at {
			met = true
			if !both(kid, b, a.depth()+1) {
				return false
			}
		} else if !kid.ascend(lone) {
			return false
		}
	}
	return met || b.ascend(rest)
}

// branches compares two branches whose ids agree up to the depth of both.
// What ends there is a bucket of one; for it the depth that is told is not
// looked at.
func (d *differ) branches(a, b *branch) bool {
	if a.label == b.label && a.ends() == b.ends() {
		others := b.kids()
		for i, kid := range a.kids() {
			if kid != others[i] && !d.nodes(kid, others[i], a.depth()+1) {
				return false
			}
		}
		return true
	}
	kid := func(x *branch, c int) *node {
		switch {
		case c < 0 && x.ends() == 1:
			return x.kids()[0]
		case c >= 0 && x.has(byte(c)):
			return x.kids()[x.index(byte(c))]
		}
		return nil
	}
	for c := -1; c < 256; c++ {
		x, y := kid(a, c), kid(b, c)
		if x != y && !d.nodes(x, y, a.depth()+1) {
			return false
		}
	}
	return true
}

// buckets compares two buckets. A record that both hold is known by its address:
// nothing of it is read.
func (d *differ) buckets(xs, ys []*record) bool {
	for len(xs) > 0 && len(ys) > 0 {
		x, y := xs[0], ys[0]
		if x == y {
			xs, ys = xs[1:], ys[1:]
			continue
		}
		c := strings.Compare(x.id(), y.id())
		more := false
		switch {
		case c < 0:
			xs, more = xs[1:], d.removed(x)
		case c > 0:
			ys, more = ys[1:], d.added(y)
		default:
			xs, ys, more = xs[1:], ys[1:], d.pair(x, y)
		}
		if !more {
			return false
		}
	}
	return each(xs, d.removed) && each(ys, d.added)
}

// listed compares a bucket with a branch, record by record: what the branch
// holds beyond it is a difference anyway. Swapped: the bucket is of the second
// version.
func (d *differ) listed(list []*record, n *node, swapped bool) bool {
	mine, theirs, pair := d.removed, d.added, d.pair
	if swapped {
		mine, theirs, pair = d.added, d.removed, func(x, y *record) bool { return d.pair(y, x) }
	}
	done := n.ascend(func(y *record) bool {
		for len(list) > 0 {
			x := list[0]
			c := strings.Compare(x.id(), y.id())
			if c > 0 {
				break
			}
			list = list[1:]
			if c == 0 {
				return x == y || pair(x, y)
			}
			if !mine(x) {
				return false
			}
		}
		return theirs(y)
	})
	return done && each(list, mine)
}

func (d *differ) pair(x, y *record) bool { return x.same(y) || d.yield(x.id(), x, y) }

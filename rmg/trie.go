package rmg

import (
	"math/bits"
	"slices"
	"sort"
	"strings"
)

// The trie from id to record: see docs/design/0002-graph.md for why this one.
//
// A trie is a *node, nil when empty. For a set S of ids it is, whatever the
// order in which they came and went:
//
//   - a bucket of the records in order, if there are at most bucketMax;
//   - else a branch at the length of the longest common prefix of S, with one
//     child for each byte that stands there, and one for the id that ends there.
//
// The bytes that a branch skips are kept nowhere: a lookup trusts them and
// compares the whole id at the end (Morrison 1968); who inserts looks first
// where the new id parts from those that are there.
//
// Every changing function takes the token of the overlay at work, changes in
// place the nodes that carry it, and copies others.

// get returns the record of an id, or nil. O(length of id) at worst; 3 to 5
// nodes for a million natural ids.
func (n *node) get(id string) *record {
	for n != nil {
		w := n.bits.Load()
		d := int(w & bitsDepth)
		if w&(isBranch|isStub) != isBranch {
			if w&isStub == 0 {
				return n.asBucket().get(id, d)
			}
			n = n.read()
			continue
		}
		b := n.asBranch()
		if d < len(id) {
			c := id[d]
			word := b.label[c>>6] >> (c & 63)
			if word&1 == 0 {
				return nil
			}
			n = b.kid(uint(b.size) - uint(b.after[c>>6]) - uint(bits.OnesCount64(word)))
			continue
		}
		if len(id) > d || w&hasEnd == 0 {
			return nil
		}
		n = b.kid(0)
	}
	return nil
}

// get has no branch that depends on where the record stands, so that a processor
// can run ahead to the next lookup while this one waits for memory: a loop over
// the words of tags made it three times slower.
func (b *bucket) get(id string, depth int) *record {
	const ones, tops, gather = 0x0101010101010101, 0x8080808080808080, 0x0002040810204081
	tag := ones * uint64(tagOf(head(id, depth)))
	x, y, z, w := b.tags[0]^tag, b.tags[1]^tag, b.tags[2]^tag, b.tags[3]^tag
	x, y, z, w = (x-ones)&^x&tops, (y-ones)&^y&tops, (z-ones)&^z&tops, (w-ones)&^w&tops
	may := uint64(x*gather>>56 | y*gather>>56<<8 | z*gather>>56<<16 | w*gather>>56<<24)
	may &= 1<<(b.count&63) - 1
	for may != 0 {
		r := b.rec(uint(bits.TrailingZeros64(may)))
		if len(id) == int(r.nid) && r.data[:r.nid] == id {
			return r
		}
		may &= may - 1
	}
	return nil
}

// find is where an id stands in a bucket, or would stand. The id agrees with
// the others up to the bucket's depth.
func (b *bucket) find(id string) (int, bool) {
	h := uint32(head(id, b.depth()) >> 32)
	heads, recs := b.heads(), b.recs()
	i := 0
	for i < len(heads) && heads[i] < h {
		i++
	}
	for ; i < len(heads) && heads[i] == h; i++ {
		if c := strings.Compare(recs[i].id(), id); c >= 0 {
			return i, c == 0
		}
	}
	return i, false
}

// some returns a record of a non-empty trie that shares with id as much as any
// does.
func (n *node) some(id string) *record {
	for {
		n = n.read()
		if !n.branch() {
			return n.asBucket().recs()[0]
		}
		b := n.asBranch()
		i, ok := 0, false
		if len(id) >= b.depth() {
			i, ok = b.slot(id)
		}
		if !ok {
			i = 0
		}
		n = b.kids()[i]
	}
}

// put sets the record of an id that may be there.
func (n *node) put(t *token, r *record) *node {
	if n.get(r.id()) != nil {
		return n.replace(t, r)
	}
	return n.insert(t, r)
}

// replace sets the record of an id that is there.
func (n *node) replace(t *token, r *record) *node {
	n = n.read()
	if n.branch() {
		b := n.asBranch()
		i, _ := b.slot(r.id())
		kid := b.kids()[i].replace(t, r)
		b = b.edit(t, 0)
		b.set(i, kid)
		return &b.node
	}
	b := n.asBucket()
	i, _ := b.find(r.id())
	b = b.edit(t, 0)
	b.set(i, r)
	return &b.node
}

// insert sets the record of an id that is not there.
func (n *node) insert(t *token, r *record) *node {
	if n == nil {
		return lone(t, r)
	}
	return n.insertAt(t, r, 0)
}

// insertAt is insert for an id that agrees with the others so far. Bytes that
// were skipped are looked at when they are met; most branches skip none.
func (n *node) insertAt(t *token, r *record, agree int) *node {
	n = n.read()
	id := r.id()
	d := n.depth()
	parts := d
	if d > agree {
		parts = min(d, common(n.some(id).id(), id))
	}
	if !n.branch() {
		return n.asBucket().insert(t, r, parts)
	}
	b := n.asBranch()
	if parts < d {
		up := newBranch(t, uint32(parts), 2)
		up.count = n.count + 1
		up.adopt(n.some("").id(), n)
		up.adopt(id, lone(t, r))
		return &up.node
	}
	i, ok := b.slot(id)
	if ok {
		kid := b.kids()[i].insertAt(t, r, d+1)
		b = b.edit(t, 0)
		b.set(i, kid)
	} else {
		b = b.edit(t, 1)
		b.adopt(id, lone(t, r))
	}
	b.count++
	return &b.node
}

// adopt adds the child that holds an id.
func (b *branch) adopt(id string, kid *node) {
	i, _ := b.slot(id)
	if d := b.depth(); len(id) == d {
		b.bits.Store(b.bits.Load() | hasEnd)
	} else {
		b.label[id[d]>>6] |= 1 << (id[d] & 63)
	}
	b.rank()
	b.insert(i, kid)
}

// insert puts in a record whose id agrees with the others up to a depth.
func (b *bucket) insert(t *token, r *record, agree int) *node {
	id := r.id()
	if b.count == bucketMax {
		all := append(make([]*record, 0, bucketMax+1), b.recs()...)
		i, _ := slices.BinarySearchFunc(all, id, compareID)
		return build(t, slices.Insert(all, i, r))
	}
	b = b.edit(t, 1)
	if agree < b.depth() {
		b.rehead(agree)
	}
	i, _ := b.find(id)
	b.put(i, r)
	return &b.node
}

func compareID(r *record, id string) int { return strings.Compare(r.id(), id) }

// build makes the trie of records that are sorted by id, no id twice. O(n).
func build(t *token, rs []*record) *node {
	if len(rs) == 0 {
		return nil
	}
	d := common(rs[0].id(), rs[len(rs)-1].id())
	if len(rs) <= bucketMax {
		touch(rs)
		b := newBucket(t, d, len(rs))
		b.fill(rs)
		return &b.node
	}
	var ends [257]int // where the records of each child end in rs
	kids := 0
	for i := 0; i < len(rs); kids++ {
		i += alike(rs[i:], d)
		ends[kids] = i
	}
	b := newBranch(t, uint32(d), kids)
	i := 0
	for _, end := range ends[:kids] {
		c := -1
		if id := rs[i].id(); len(id) > d {
			c = int(id[d])
		}
		b.push(c, build(t, rs[i:end]))
		i = end
	}
	b.rank()
	return &b.node
}

// alike is how many of the first records go on with the same byte at d. It looks at
// few of many.
func alike(rs []*record, d int) int {
	id := rs[0].id()
	if len(id) == d {
		return 1
	}
	differs := func(i int) bool { return rs[i].id()[d] != id[d] }
	step := 1
	for step < len(rs) && !differs(step) {
		step *= 2
	}
	lo := step / 2
	return lo + 1 + sort.Search(min(step, len(rs))-lo-1, func(i int) bool { return differs(lo + 1 + i) })
}

// remove takes out an id that is there.
func (n *node) remove(t *token, id string) *node {
	n = n.read()
	if !n.branch() {
		b := n.asBucket()
		if b.count == 1 {
			return nil
		}
		i, _ := b.find(id)
		b = b.edit(t, 0)
		b.drop(i)
		return &b.node
	}
	b := n.asBranch()
	if n.count-1 <= bucketMax {
		rs := make([]*record, 0, bucketMax)
		n.ascend(func(r *record) bool {
			if r.id() != id {
				rs = append(rs, r)
			}
			return true
		})
		return build(t, rs)
	}
	i, _ := b.slot(id)
	kid := b.kids()[i].remove(t, id)
	if kid == nil && b.size == 2 {
		return b.kids()[1-i]
	}
	b = b.edit(t, 0)
	b.count--
	if kid != nil {
		b.set(i, kid)
		return &b.node
	}
	b.drop(i)
	if d := b.depth(); len(id) == d {
		b.bits.Store(b.bits.Load() &^ hasEnd)
	} else {
		b.label[id[d]>>6] &^= 1 << (id[d] & 63)
	}
	b.rank()
	return &b.node
}

// ascend ranges over the records in order of ids.
func (n *node) ascend(yield func(*record) bool) bool {
	if n == nil {
		return true
	}
	n = n.read()
	if n.branch() {
		return ascendAll(n.asBranch().kids(), yield)
	}
	recs := n.asBucket().recs()
	touch(recs)
	return each(recs, yield)
}

func each(recs []*record, yield func(*record) bool) bool {
	for _, r := range recs {
		if !yield(r) {
			return false
		}
	}
	return true
}

// ascendAll ranges over the records of several nodes. It fetches one ahead, then
// two, then four: whoever has read so many reads on.
func ascendAll(kids []*node, yield func(*record) bool) bool {
	for i, kid := range kids {
		if i&(i-1) == 0 {
			fetchRecords(kids[i:min(2*max(i, 1), len(kids))])
		}
		if !kid.ascend(yield) {
			return false
		}
	}
	return true
}

// from ranges over the records whose id is at least start, in order.
func (n *node) from(start string, yield func(*record) bool) bool {
	if n == nil {
		return true
	}
	if start == "" {
		return n.ascend(yield)
	}
	near := n.some(start).id()
	return n.fromAt(start, common(near, start), near, yield)
}

// fromAt is from where start agrees with the nearest id up to parts.
func (n *node) fromAt(start string, parts int, near string, yield func(*record) bool) bool {
	n = n.read()
	if !n.branch() {
		b := n.asBucket()
		recs := b.recs()
		touch(recs)
		i, _ := slices.BinarySearchFunc(recs, start, compareID)
		return each(recs[i:], yield)
	}
	b := n.asBranch()
	d := b.depth()
	if parts < d { // start parts from all that is below, or ends before them
		if near < start {
			return true
		}
		return n.ascend(yield)
	}
	i, ok := b.slot(start)
	kids := b.kids()
	if ok {
		if !kids[i].fromAt(start, parts, near, yield) {
			return false
		}
		i++
	}
	return ascendAll(kids[i:], yield)
}

// within ranges over the records whose id is at least lo, and less than hi
// unless that is empty. It is false if yield was.
func (n *node) within(lo, hi string, yield func(*record) bool) bool {
	ok := true
	n.from(lo, func(r *record) bool {
		if hi != "" && r.id() >= hi {
			return false
		}
		ok = yield(r)
		return ok
	})
	return ok
}

// beyond is the least string that is greater than all that begin with a prefix;
// empty if there is none.
func beyond(prefix string) string {
	b := []byte(prefix)
	for len(b) > 0 && b[len(b)-1] == 0xff {
		b = b[:len(b)-1]
	}
	if len(b) > 0 {
		b[len(b)-1]++
	}
	return string(b)
}

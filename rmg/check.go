package rmg

import (
	"fmt"
	"math/bits"
	"slices"
)

// MaxFindings is how many findings Check reports before it stops.
const MaxFindings = 1000

// Finding is an invariant that does not hold.
type Finding struct {
	Path Path   `json:"path"` // the element, or the one whose graph it is about
	What string `json:"what"`
}

// String prints "path: what".
func (f Finding) String() string { return string(f.Path) + ": " + f.What }

// Check looks at every invariant of a graph, live or stored: the one shape that
// a trie of these ids has, the digests that are remembered, adjacency both ways,
// props in their one encoding, ends of edges, depth, and what its schemas want.
// It reports up to MaxFindings; none means sound. It reads everything once: O(n),
// n being what is there, not how often it stands in the graph. A stored graph of a
// few kilobytes may hold one inner graph in 2^60 places.
//
// A stored graph that cannot be read is a finding as well.
func Check(g Graph) []Finding {
	c := &checker{sound: map[levelKey]bool{}}
	if err := Protect(func() {
		c.level(Root, g.root)
		for v := range g.Schemas().Check(g) {
			if c.found(v.Path, "%s", v.Msg); c.full() {
				return
			}
		}
	}); err != nil {
		c.found(Root, "%v", err)
	}
	return c.findings
}

type checker struct {
	findings []Finding
	sound    map[levelKey]bool // levels in which nothing was found
}

func (c *checker) full() bool { return len(c.findings) >= MaxFindings }

// levelKey says which level one is, wherever it stands and however often it was
// read from a store.
type levelKey [2]struct {
	trie  *node // of one that stands in no store
	place place
	count uint32
	sum   Digest
}

func (l *level) key() (k levelKey) {
	for i, n := range []*node{l.nodes, l.edges} {
		if n == nil {
			continue
		}
		k[i].trie = n
		s := n.sealed().Load()
		if s == nil {
			continue
		}
		if at := s.place.Load(); at != nil {
			k[i].trie, k[i].place, k[i].count, k[i].sum = nil, *at, n.count, s.sum
		}
	}
	return k
}

func (c *checker) found(p Path, format string, args ...any) {
	if !c.full() {
		c.findings = append(c.findings, Finding{p, fmt.Sprintf(format, args...)})
	}
}

func (c *checker) level(at Path, l *level) {
	if l.empty() {
		if l != nil && l.edges != nil {
			c.found(at, "there are edges and no nodes")
		}
		return
	}
	key, before := l.key(), len(c.findings)
	if c.full() || c.sound[key] && at.depth()+l.height() <= MaxDepth {
		return
	}
	ends := map[string][]*record{} // edges by node, each once
	for _, edges := range []bool{false, true} {
		c.trie(at, l.trie(edges), func(r *record) {
			c.record(at, l, r, edges)
			if edges {
				ends[r.from()] = append(ends[r.from()], r)
				if r.to() != r.from() {
					ends[r.to()] = append(ends[r.to()], r)
				}
			}
		})
	}
	l.nodes.ascend(func(r *record) bool {
		c.links(at.Child(r.id()), r, ends[r.id()])
		return true
	})
	if d := l.sum.Load(); d != nil && *d != new(hasher).level(&level{nodes: l.nodes, edges: l.edges}) {
		c.found(at, "the digest remembered of the graph is another")
	}
	if h := l.high.Load(); h != 0 && int(h) != max(c.height(l.nodes), c.height(l.edges)) {
		c.found(at, "the height remembered is %d", h)
	}
	if len(c.findings) == before {
		c.sound[key] = true
	}
}

// height is computed anew.
func (c *checker) height(n *node) int {
	h := 0
	n.ascend(func(r *record) bool {
		h = max(h, 1+r.inner.height())
		return true
	})
	return h
}

// trie checks a trie's shape and calls fn with each record.
func (c *checker) trie(at Path, n *node, fn func(*record)) (recs []*record) {
	if n == nil {
		return nil
	}
	outer := n
	n = n.read()
	if !n.branch() {
		recs = c.bucket(at, n.asBucket())
		for _, r := range recs {
			fn(r)
		}
	} else {
		recs = c.branch(at, n.asBranch(), fn)
	}
	if int(n.count) != len(recs) || outer.count != n.count {
		c.found(at, "a part of %d elements counts %d", len(recs), n.count)
	}
	if !slices.IsSortedFunc(recs, func(a, b *record) int {
		if a.id() < b.id() {
			return -1
		}
		return 1
	}) {
		c.found(at, "elements are not in order, or twice")
	}
	if sum, ok := outer.known(); ok && sum != c.digest(n) {
		c.found(at, "a remembered digest is another")
	}
	c.parts(at, n)
	return recs
}

// digest is computed anew for one node, of whose parts nothing is taken as known.
func (c *checker) digest(n *node) (d Digest) {
	if n.branch() {
		b := n.asBranch().edit(new(token), 0)
		b.parts, b.stale = nil, 0
		d, _ = new(hasher).branch(b)
	} else {
		d, _ = new(hasher).bucket(build(nil, n.asBucket().recs()).asBucket())
	}
	return d
}

// parts are the digests that are remembered of what a node is hashed from.
func (c *checker) parts(at Path, n *node) {
	check := func(i int, was, is Digest) {
		if was != is {
			c.found(at, "the digest remembered of part %d is another", i)
		}
	}
	if n.branch() {
		known, stale := n.asBranch().stillParts()
		for i, d := range known {
			if stale>>(i&63)&1 == 0 {
				check(i, d, new(hasher).node(n.asBranch().kids()[i]))
			}
		}
		return
	}
	known, stale := n.asBucket().stillParts()
	for i, d := range known {
		if stale>>i&1 == 0 {
			check(i, d, new(hasher).part(n.asBucket(), uint8(i)))
		}
	}
}

func (c *checker) bucket(at Path, b *bucket) []*record {
	recs := b.recs()
	if len(recs) == 0 || len(recs) > bucketMax || int(b.count) > int(b.room) {
		c.found(at, "a bucket of %d", len(recs))
		return recs
	}
	d := b.depth()
	if parts := common(recs[0].id(), recs[len(recs)-1].id()); parts != d {
		c.found(at, "a bucket's heads begin at byte %d, and its ids part at %d", d, parts)
	}
	for i, r := range recs {
		h := head(r.id(), d)
		if b.heads()[i] != uint32(h>>32) || uint8(b.tags[i/8]>>(i%8*8)) != tagOf(h) {
			c.found(at.Child(r.id()), "its head or tag is another")
		}
	}
	return recs
}

func (c *checker) branch(at Path, b *branch, fn func(*record)) (all []*record) {
	d, n, labels := b.depth(), b.ends(), 0
	for w, word := range b.label {
		labels += bits.OnesCount64(word)
		if int(b.after[w]) != bits.OnesCount64(b.label[3])*flagInt(w < 3)+bits.OnesCount64(b.label[2])*flagInt(w < 2)+bits.OnesCount64(b.label[1])*flagInt(w < 1) {
			c.found(at, "the ranks of a branch are wrong")
		}
	}
	if n+labels != int(b.size) || b.size < 2 || b.size > b.room {
		c.found(at, "a branch of %d children has %d labels", b.size, n+labels)
		return nil
	}
	for label, kid := range b.labels {
		recs := c.trie(at, kid, fn)
		for _, r := range recs {
			id := r.id()
			if label < 0 && len(id) != d || label >= 0 && (len(id) <= d || int(id[d]) != label) {
				c.found(at.Child(id), "it stands under label %d of byte %d", label, d)
			}
		}
		all = append(all, recs...)
	}
	switch {
	case len(all) <= bucketMax:
		c.found(at, "a branch of %d elements", len(all))
	case common(all[0].id(), all[len(all)-1].id()) != d:
		c.found(at, "a branch at byte %d of ids that part elsewhere", d)
	}
	return all
}

func flagInt(b bool) int { return int(flag(b)) }

func (c *checker) record(at Path, l *level, r *record, edge bool) {
	if r.nid == 0 || r.nid > MaxSegment || r.ends() > len(r.data) {
		c.found(at, "an element with an id of %d bytes", r.nid)
		return
	}
	p := at.add(Segment{r.id(), edge})
	if r.edge != edge || !edge && r.nfrom+r.nto != 0 {
		c.found(p, "it is no node, or no edge")
	}
	if r.kind.Value() == "" {
		c.found(p, "it has no kind")
	}
	for name, v := range r.props().All() {
		if err := v.Check(); err != nil {
			c.found(p, "prop %s: %v", name, err)
		}
	}
	if err := validProps([]byte(r.data[r.ends():])); err != nil {
		c.found(p, "its props are not in their one encoding: %v", err)
	}
	if edge {
		for _, end := range []string{r.from(), r.to()} {
			if l.node(end) == nil {
				c.found(p, "there is no node %q for its end", end)
			}
		}
	}
	if p.depth() > MaxDepth {
		c.found(p, "deeper than %d", MaxDepth)
		return
	}
	c.level(p, r.inner)
}

// links checks the edges that a node knows against those that there are.
func (c *checker) links(p Path, r *record, edges []*record) {
	for _, dir := range []Direction{Forward, Backward} {
		var want, got []string
		for _, e := range edges {
			if dir.begin(e) == r.id() {
				want = append(want, linkKey(dir, e.kind.Value(), e.id()))
			}
		}
		slices.Sort(want)
		r.along(dir, "", func(kind symbolOf, id string) bool {
			got = append(got, linkKey(dir, kind.Value(), id))
			return true
		})
		if !slices.Equal(got, want) {
			c.found(p, "it knows %d edges (%c) of %d, or others", len(got), dir, len(want))
		}
	}
	if hub := r.links.hub(); hub != nil {
		c.trie(p, hub, func(*record) {})
	}
}

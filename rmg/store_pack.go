package rmg

import (
	"fmt"
	"hash/crc32"
)

// The sorts of object.
const (
	objBucket = 1
	objBranch = 2
)

// packer writes objects.
type packer struct {
	*Store
	hasher hasher
	err    error
	broken bool // the writer failed, not the graph
}

func (p *packer) write(b []byte) place {
	switch {
	case p.err != nil:
		return place{}
	case p.Store.err != nil:
		p.err = p.Store.err
		return place{}
	case p.w == nil:
		p.err = &Error{Op: "put", Code: Unavailable, Msg: "the store is only read"}
		return place{}
	case len(b) > MaxObject:
		p.err = &Error{Op: "put", Code: Limit, Msg: fmt.Sprintf("an object has %d bytes; the limit is %d", len(b), MaxObject), Hint: "keep large content as blobs"}
		return place{}
	}
	at := place{p.Store, p.end.Load(), int64(len(b)), crc32.Checksum(b, castagnoli)}
	if _, err := p.w.Write(b); err != nil {
		p.err = &Error{Op: "put", Code: Unavailable, Msg: "the store cannot be written", Err: err}
		p.broken = true
		return place{}
	}
	p.end.Add(at.len)
	return at
}

// put writes a node whose digest is known and which the store does not hold, and
// what is below it first.
func (p *packer) put(n *node) *place {
	s := n.sealed().Load()
	if at := s.place.Load(); at != nil && at.home == p.Store {
		return at
	}
	n = n.read() // a stub of another store
	var b []byte
	if n.branch() {
		b = p.branch(n.asBranch())
	} else {
		b = p.bucket(n.asBucket())
	}
	at := p.write(b)
	if p.err == nil {
		s.place.Store(&at)
	}
	return &at
}

// ref appends where a node stands, and what may be known without reading it:
// [offset, length, crc, records, height, digest]. An empty trie is null.
func (p *packer) ref(b []byte, n *node) []byte {
	if n == nil {
		return append(b, cborNull)
	}
	d := p.hasher.node(n)
	at := p.put(n)
	b = cborHead(b, cborArray, 6)
	for _, x := range [...]uint64{uint64(at.off), uint64(at.len), uint64(at.crc), uint64(n.count), uint64(n.height())} {
		b = cborHead(b, cborUint, x)
	}
	return cborText(b, cborBytes, d[:])
}

func (p *packer) level(b []byte, l *level) []byte {
	return p.ref(p.ref(b, l.trie(false)), l.trie(true))
}

func (p *packer) branch(br *branch) []byte {
	b := cborHead(nil, cborArray, 3)
	b = cborHead(b, cborUint, objBranch)
	b = cborHead(b, cborUint, uint64(br.depth()))
	b = cborHead(b, cborArray, 2*uint64(br.size))
	for c, kid := range br.labels {
		b = cborHead(b, cborUint, uint64(c+1)) // 0 is the id that ends here
		b = p.ref(b, kid)
	}
	return b
}

func (p *packer) bucket(bu *bucket) []byte {
	b := cborHead(nil, cborArray, 2)
	b = cborHead(b, cborUint, objBucket)
	b = cborHead(b, cborArray, uint64(bu.count))
	for _, r := range bu.recs() {
		b = p.record(b, r)
	}
	return b
}

// record appends [sort, kind, lengths of id, from and to, text, links, nodes and
// edges of the inner graph]: sort is 1 for an edge. Links are [edge record
// without props, ...] or a reference to their trie.
func (p *packer) record(b []byte, r *record) []byte {
	b = cborHead(b, cborArray, 9)
	b = p.names(b, r, r.data)
	if hub := r.links.hub(); hub != nil {
		b = p.ref(b, hub)
	} else {
		n := 0
		for at := r.links; at != nil; at = at.next {
			n++
		}
		b = cborHead(cborHead(b, cborArray, 1), cborArray, uint64(n))
		for at := r.links; at != nil; at = at.next {
			b = p.names(cborHead(b, cborArray, 6), at.rec, at.rec.data[:at.rec.ends()])
		}
	}
	if r.inner.empty() {
		return append(b, cborNull, cborNull)
	}
	return p.level(b, r.inner)
}

func (p *packer) names(b []byte, r *record, text string) []byte {
	b = cborHead(b, cborUint, uint64(flag(r.edge)))
	b = cborText(b, cborString, r.kind.Value())
	for _, n := range [...]uint16{r.nid, r.nfrom, r.nto} {
		b = cborHead(b, cborUint, uint64(n))
	}
	return cborText(b, cborBytes, text)
}

// unpacker reads one object.
type unpacker struct {
	cborReader
	store *Store
}

func (u *unpacker) node() *node {
	n := u.arrayLen()
	switch sort := u.uint(2); {
	case sort == objBucket && n == 2:
		return u.bucket()
	case sort == objBranch && n == 3:
		return u.branch()
	}
	u.fail("it is no part of a graph")
	return &newBucket(nil, 0, 1).node
}

func (u *unpacker) bucket() *node {
	n := u.arrayLen()
	if n == 0 || n > bucketMax {
		u.fail("a bucket of %d", n)
		n = 0
	}
	recs := make([]*record, 0, n)
	for range n {
		r := u.record()
		if len(recs) > 0 && recs[len(recs)-1].id() >= r.id() {
			u.fail("elements are not in order")
		}
		recs = append(recs, r)
	}
	if u.err != nil {
		return &newBucket(nil, 0, 1).node
	}
	return build(nil, recs)
}

func (u *unpacker) branch() *node {
	d := u.uint(bitsDepth)
	n := u.arrayLen()
	if n < 4 || n%2 != 0 || n > 2*257 {
		u.fail("a branch of %d", n/2)
		n = 0
	}
	b := newBranch(nil, uint32(d), n/2)
	last := -1
	for range n / 2 {
		c := int(u.uint(256))
		kid := u.ref(int(d), c-1)
		if c <= last || kid == nil {
			u.fail("children are not in order")
			break
		}
		last = c
		b.push(c-1, kid)
	}
	b.rank()
	if u.err == nil && b.count <= bucketMax {
		u.fail("a branch with %d elements", b.count)
	}
	return &b.node
}

func (u *unpacker) ref(depth, label int) *node {
	if u.null() {
		return nil
	}
	u.array(6)
	at := &place{home: u.store, off: int64(u.uint(1 << 62)), len: int64(u.uint(MaxObject)), crc: uint32(u.uint(1<<32 - 1))}
	st := &stub{depth: depth, label: label}
	st.count = uint32(u.uint(1<<32 - 1))
	high := u.uint(MaxDepth + holdDepth)
	sum := u.text(cborBytes, len(Digest{}))
	if len(sum) != len(Digest{}) || st.count == 0 || high == 0 {
		u.fail("a reference is malformed")
		return nil
	}
	st.own.sum = Digest([]byte(sum))
	st.own.place.Store(at)
	st.sealed.Store(&st.own)
	st.bits.Store(isStub | uint32(high)<<highShift)
	return &st.node
}

// root reads the reference of a whole trie.
func (u *unpacker) root() *node { return u.ref(-1, 0) }

func (u *unpacker) level() *level {
	l := &level{nodes: u.root(), edges: u.root()}
	if l.nodes == nil {
		if l.edges != nil {
			u.fail("edges without nodes")
		}
		return nil
	}
	return l
}

func (u *unpacker) record() *record {
	u.array(9)
	r := u.names()
	r.links = u.links()
	r.inner = u.level()
	if err := validProps([]byte(r.data[r.ends():])); err != nil && u.err == nil {
		u.fail("props: %v", err)
	}
	return r.hold(r.data)
}

func (u *unpacker) names() *record {
	sort, kind := u.uint(1), u.text(cborString, MaxKind)
	r := &record{edge: sort == 1, nid: uint16(u.uint(1<<16 - 1)), nfrom: uint16(u.uint(1<<16 - 1)), nto: uint16(u.uint(1<<16 - 1))}
	r.kind = symbol(string(kind))
	r.data = string(u.text(cborBytes, MaxObject))
	if r.nid == 0 || r.ends() > len(r.data) || len(kind) == 0 {
		u.fail("an element without id or kind")
		r.nid, r.nfrom, r.nto = 0, 0, 0
	}
	return r
}

func (u *unpacker) links() *link {
	n := u.arrayLen()
	if n == 6 { // a reference: go back to its head
		u.at--
		if hub := u.root(); hub != nil {
			return hubOf(hub)
		}
		return nil
	}
	if n != 1 {
		u.fail("links are malformed")
		return nil
	}
	n = u.arrayLen()
	if n > linksMax {
		u.fail("a list of %d links", n)
		return nil
	}
	list := make([]link, n)
	for i := range list {
		u.array(6)
		list[i].rec = u.names()
		if i > 0 {
			list[i-1].next = &list[i]
		}
	}
	if n == 0 || u.err != nil {
		return nil
	}
	return &list[0]
}

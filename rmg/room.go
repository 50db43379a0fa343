package rmg

import "unsafe"

// What a node or a record holds stands behind it in its own allocation, of the
// nearest size: a cache miss less on every step down, and an allocation less on
// every copy. This is the one place that knows how; the sizes keep what the
// allocator rounds up small.

// newBranch makes a branch without children, with room for n.
func newBranch(t *token, shape uint32, n int) *branch {
	b := roomForKids(n)
	b.owner = t
	b.bits.Store(shape | isBranch)
	return b
}

// newBucket makes a bucket without records, with room for n.
func newBucket(t *token, depth, n int) *bucket {
	b := roomForRecords(n)
	b.owner = t
	b.bits.Store(uint32(depth))
	return b
}

// digests are the n digests that begin at first; nil is not known.
func digests(first *Digest, n int) []Digest {
	if first == nil {
		return nil
	}
	return unsafe.Slice(first, n)
}

// bytesOf are the bytes of digests, one behind the other.
func bytesOf(ds []Digest) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(ds))), len(ds)*len(Digest{}))
}

// asBranch, asBucket and asStub see the whole of which a node is the first field. Go's
// own concurrent trie map tells its nodes apart in this way.
func (n *node) asBranch() *branch { return (*branch)(unsafe.Pointer(n)) }
func (n *node) asBucket() *bucket { return (*bucket)(unsafe.Pointer(n)) }
func (n *node) asStub() *stub     { return (*stub)(unsafe.Pointer(n)) }

// kids are the children, in order of labels, the end first.
func (b *branch) kids() []*node {
	return unsafe.Slice((**node)(unsafe.Add(unsafe.Pointer(b), unsafe.Sizeof(*b))), int(b.size))
}

func (b *branch) kid(i uint) *node {
	return *(**node)(unsafe.Add(unsafe.Pointer(b), unsafe.Sizeof(*b)+uintptr(i)*unsafe.Sizeof((*node)(nil))))
}

func (b *bucket) rec(i uint) *record {
	return *(**record)(unsafe.Add(unsafe.Pointer(b), unsafe.Sizeof(*b)+uintptr(i)*unsafe.Sizeof((*record)(nil))))
}

// recs are the records, in order.
func (b *bucket) recs() []*record {
	return unsafe.Slice((**record)(unsafe.Add(unsafe.Pointer(b), unsafe.Sizeof(*b))), int(b.count))
}

// heads are the heads of the records.
func (b *bucket) heads() []uint32 {
	at := unsafe.Sizeof(*b) + uintptr(b.room)*unsafe.Sizeof((*record)(nil))
	return unsafe.Slice((*uint32)(unsafe.Add(unsafe.Pointer(b), at)), int(b.count))
}

func kidsRoom[K any](n int) *branch {
	x := new(struct {
		branch
		kids K
	})
	x.room = uint16(n)
	return &x.branch
}

func recordsRoom[R, H any](n int) *bucket {
	x := new(struct {
		bucket
		recs  R
		heads H
	})
	x.room = uint16(n)
	return &x.bucket
}

func roomForKids(n int) *branch {
	switch {
	case n <= 2:
		return kidsRoom[[2]*node](2)
	case n <= 4:
		return kidsRoom[[4]*node](4)
	case n <= 6:
		return kidsRoom[[6]*node](6)
	case n <= 8:
		return kidsRoom[[8]*node](8)
	case n <= 10:
		return kidsRoom[[10]*node](10)
	case n <= 12:
		return kidsRoom[[12]*node](12)
	case n <= 14:
		return kidsRoom[[14]*node](14)
	case n <= 16:
		return kidsRoom[[16]*node](16)
	case n <= 20:
		return kidsRoom[[20]*node](20)
	case n <= 26:
		return kidsRoom[[26]*node](26)
	case n <= 34:
		return kidsRoom[[34]*node](34)
	case n <= 50:
		return kidsRoom[[50]*node](50)
	case n <= 68:
		return kidsRoom[[68]*node](68)
	case n <= 100:
		return kidsRoom[[100]*node](100)
	case n <= 133:
		return kidsRoom[[133]*node](133)
	}
	return kidsRoom[[257]*node](257)
}

func roomForRecords(n int) *bucket {
	switch {
	case n <= 2:
		return recordsRoom[[2]*record, [2]uint32](2)
	case n <= 4:
		return recordsRoom[[4]*record, [4]uint32](4)
	case n <= 6:
		return recordsRoom[[6]*record, [6]uint32](6)
	case n <= 8:
		return recordsRoom[[8]*record, [8]uint32](8)
	case n <= 10:
		return recordsRoom[[10]*record, [10]uint32](10)
	case n <= 12:
		return recordsRoom[[12]*record, [12]uint32](12)
	case n <= 14:
		return recordsRoom[[14]*record, [14]uint32](14)
	case n <= 15:
		return recordsRoom[[15]*record, [15]uint32](15)
	case n <= 18:
		return recordsRoom[[18]*record, [18]uint32](18)
	case n <= 20:
		return recordsRoom[[20]*record, [20]uint32](20)
	case n <= 23:
		return recordsRoom[[23]*record, [23]uint32](23)
	case n <= 26:
		return recordsRoom[[26]*record, [26]uint32](26)
	case n <= 28:
		return recordsRoom[[28]*record, [28]uint32](28)
	}
	return recordsRoom[[bucketMax]*record, [bucketMax]uint32](bucketMax)
}

// hold returns a record like r with the text of some parts.
func (r *record) hold(parts ...string) *record {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	c, text := roomForText(n, r.inner == nil && r.links.hub() == nil)
	*c = *r
	at := text[:0]
	for _, p := range parts {
		at = append(at, p...)
	}
	c.data = unsafe.String(unsafe.SliceData(text), n)
	return c
}

// holdBytes is hold for two parts, of which the second is not a string yet.
func (r *record) holdBytes(a string, b []byte) *record {
	n := len(a) + len(b)
	c, text := roomForText(n, r.inner == nil && r.links.hub() == nil)
	*c = *r
	copy(text[copy(text, a):], b)
	c.data = unsafe.String(unsafe.SliceData(text), n)
	return c
}

// roomForText makes a record with room for n bytes of text, inside if that is
// allowed.
func roomForText(n int, inside bool) (*record, []byte) {
	if inside {
		switch {
		case n == 0:
		case n <= 16:
			return textRoom[[16]byte](n)
		case n <= 32:
			return textRoom[[32]byte](n)
		case n <= 48:
			return textRoom[[48]byte](n)
		case n <= 64:
			return textRoom[[64]byte](n)
		case n <= 80:
			return textRoom[[80]byte](n)
		case n <= 96:
			return textRoom[[96]byte](n)
		case n <= 112:
			return textRoom[[112]byte](n)
		case n <= 128:
			return textRoom[[128]byte](n)
		case n <= 144:
			return textRoom[[144]byte](n)
		case n <= 160:
			return textRoom[[160]byte](n)
		case n <= 176:
			return textRoom[[176]byte](n)
		case n <= 192:
			return textRoom[[192]byte](n)
		case n <= 208:
			return textRoom[[208]byte](n)
		case n <= 240:
			return textRoom[[240]byte](n)
		case n <= 272:
			return textRoom[[272]byte](n)
		case n <= 336:
			return textRoom[[336]byte](n)
		case n <= 400:
			return textRoom[[400]byte](n)
		case n <= 464:
			return textRoom[[464]byte](n)
		}
	}
	return new(record), make([]byte, n)
}

func textRoom[R any](n int) (*record, []byte) {
	x := new(struct {
		record
		room R
	})
	return &x.record, unsafe.Slice((*byte)(unsafe.Pointer(&x.room)), n)
}

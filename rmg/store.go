package rmg

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
	"sync/atomic"
)

// MaxObject is the greatest size of one object of a store, in bytes: up to 32
// elements with their props.
const MaxObject = 64 << 20

// Store keeps graphs as bytes that only ever grow: what two graphs share stands
// there once, and keeping a graph costs what the store does not hold yet.
//
// A store is a run of objects, one for each node of a trie, each after the
// objects that it names. An object is an array of deterministic CBOR (RFC 8949,
// 4.2.1). Where an object is named stand its place, its length, its CRC-32C and
// the digest of what is in it; the first is checked before it is decoded and the
// second after. The bytes are written in order, front to back, and nothing is
// read to write.
//
// Any number of goroutines may read graphs of a store, one at a time may Put.
type Store struct {
	src io.ReaderAt
	w   io.Writer

	end atomic.Int64

	mu  sync.Mutex // of Put; guards err
	err error      // of the first write that failed: what follows it has no place
}

// NewStore makes a store over the bytes of src, of which there are end. What Put
// adds goes to w, to be found in src from end on; w may be nil for a store that
// is only read.
func NewStore(src io.ReaderAt, w io.Writer, end int64) *Store {
	s := &Store{src: src, w: w}
	s.end.Store(end)
	return s
}

// Size is how many bytes the store has.
func (s *Store) Size() int64 { return s.end.Load() }

// StoredRoot is where a store holds a graph, and what it is: what a checkpoint
// has to remember of it.
type StoredRoot struct {
	Offset int64  `json:"offset" cbor:"offset"`
	Length int64  `json:"length" cbor:"length"`
	CRC    uint32 `json:"crc" cbor:"crc"` // CRC-32C (Castagnoli) of the object
	Digest Digest `json:"digest" cbor:"digest"`
}

// place says where a store holds a node.
type place struct {
	home *Store
	off  int64
	len  int64
	crc  uint32
}

// stub stands for a node that was not read yet. Who reads it first keeps it for
// all.
type stub struct {
	node
	sealed
	own   seal // what sealed points at
	depth int  // of the branch above, -1 if there is none
	label int  // that it stands under there; -1 is the id that ends there
	read  atomic.Pointer[node]
}

// fits reports whether a node that was read belongs where its stub stands.
func (st *stub) fits(n *node) bool {
	if n.count != st.count || new(hasher).node(n) != st.own.sum {
		return false
	}
	if n.branch() {
		return n.depth() > st.depth && st.label >= 0 || st.depth < 0
	}
	for _, r := range n.asBucket().recs() {
		id := r.id()
		switch {
		case st.depth < 0:
		case st.label < 0 && len(id) == st.depth:
		case st.label >= 0 && len(id) > st.depth && int(id[st.depth]) == st.label:
		default:
			return false
		}
	}
	return true
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Put writes what the store does not hold of g, and returns where g now stands.
// Nothing is flushed: w is the caller's. Unavailable: w failed, now or before.
// Limit: an object is larger than MaxObject. O(what is new).
func (s *Store) Put(g Graph) (StoredRoot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := g.Digest()
	p := packer{Store: s}
	b := cborHead(nil, cborArray, 2)
	b = p.level(b, g.root)
	at := p.write(b)
	if p.err != nil {
		if p.broken {
			s.err = p.err
		}
		return StoredRoot{}, p.err
	}
	return StoredRoot{Offset: at.off, Length: at.len, CRC: at.crc, Digest: d}, nil
}

// Open returns the graph that stands at r, of which nothing is read but the
// root: elements are read when they are asked for, and kept. It costs one read,
// and a lookup later one for each trie node that was not read yet. Unavailable:
// the source failed, or what stands at r is not what was put there.
//
// A source that fails later, or holds something else than was put, is not told
// from a program's defect by any signature: reading panics with an *Error, and
// Protect turns that into an error.
func (s *Store) Open(r StoredRoot) (Graph, error) {
	data, err := s.fetch(place{s, r.Offset, r.Length, r.CRC})
	if err != nil {
		return Graph{}, err
	}
	u := unpacker{store: s, cborReader: cborReader{data: data}}
	u.array(2)
	l := u.level()
	if err := u.end(); err != nil {
		return Graph{}, damaged(r.Offset, err)
	}
	g := Graph{l}
	if g.Digest() != r.Digest {
		return Graph{}, damaged(r.Offset, errors.New("it is another graph"))
	}
	return g, nil
}

// Protect runs fn, and returns the *Error that reading a stored graph failed
// with, of code Unavailable. Other panics go on.
func Protect(fn func()) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case storeFailure:
			err = p.err
		default:
			panic(p)
		}
	}()
	fn()
	return nil
}

// storeFailure is what reading a stored graph panics with.
type storeFailure struct{ err *Error }

func (f storeFailure) Error() string { return f.err.Error() }
func (f storeFailure) Unwrap() error { return f.err }

func damaged(off int64, err error) *Error {
	return &Error{
		Op: "read", Code: Unavailable, Msg: fmt.Sprintf("the stored graph is damaged at byte %d", off), Err: err,
		Hint: "go back to an older checkpoint, or fold the log again",
	}
}

func (s *Store) fetch(p place) ([]byte, *Error) {
	if p.len < 0 || p.len > MaxObject || p.off < 0 || p.off > s.Size()-p.len {
		return nil, damaged(p.off, fmt.Errorf("an object of %d bytes", p.len))
	}
	data := make([]byte, p.len)
	if _, err := s.src.ReadAt(data, p.off); err != nil {
		return nil, &Error{Op: "read", Code: Unavailable, Msg: fmt.Sprintf("byte %d of the stored graph cannot be read", p.off), Err: err}
	}
	if crc32.Checksum(data, castagnoli) != p.crc {
		return nil, damaged(p.off, errors.New("its checksum is another"))
	}
	return data, nil
}

// load reads what a stub stands for.
func (n *node) load() *node {
	st := n.asStub()
	if l := st.read.Load(); l != nil {
		return l
	}
	l, err := st.own.place.Load().home.load(st)
	if err != nil {
		panic(storeFailure{err})
	}
	if !st.read.CompareAndSwap(nil, l) {
		return st.read.Load()
	}
	return l
}

func (s *Store) load(st *stub) (*node, *Error) {
	at := st.own.place.Load()
	data, failed := s.fetch(*at)
	if failed != nil {
		return nil, failed
	}
	u := unpacker{store: s, cborReader: cborReader{data: data}}
	n := u.node()
	if err := u.end(); err != nil {
		return nil, damaged(at.off, err)
	}
	if !st.fits(n) {
		return nil, damaged(at.off, errors.New("it holds something else"))
	}
	n.sealed().Load().place.Store(at) // fits asked for its digest
	return n, nil
}

package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"strings"
)

// A segment that is full has a sidecar, which says where its frames are, so
// that a start and a read need not go through all of them. It is written
// without a sync, and written again from the segment when it is missing or bad.
//
//	0  magic "JTI1"       40  frames u32
//	4  version u32        44  length of the body u32
//	8  first seq u64      48  hash before the first frame, 32 bytes
//	16 seq after last u64 80  hash of the last frame, 32 bytes
//	24 segment size u64   112 crc32c of the body
//	32 epoch u64          116 crc32c of bytes 0-115
//
// The body is, for each frame, its count and its length, as uvarints.
const (
	indexHead    = 120
	indexVersion = 1
)

var indexMagic = [4]byte{'J', 'T', 'I', '1'}

// segment is one file of frames, and where its frames are.
type segment struct {
	name       string
	first      uint64   // seq of its first record
	next       uint64   // seq after its last
	size       int64    // bytes
	epoch      uint64   // of its last frame
	start, end [32]byte // the chain before and after it
	frames     int
	body       []byte // of the index; only ever appended to; nil if only the sidecar has it
}

// place is where a frame stands.
type place struct {
	first  uint64
	count  uint32
	offset int64
	length int // header and payload
}

// end is the seq after the frame's last.
func (p place) end() uint64 { return p.first + uint64(p.count) }

// check reads the frame that was appended there, or says how b is not it.
func (p place) check(b []byte) (header, error) {
	h, err := decodeHeader(b)
	switch {
	case err != nil:
		return h, err
	case h.first != p.first || h.count != p.count || headerSize+int(h.length) != p.length:
		return h, errors.New("another frame stands there")
	case crc32.Checksum(b[headerSize:], castagnoli) != h.sum:
		return h, errors.New("the payload's checksum is wrong")
	}
	return h, nil
}

// add takes a frame in that was written at the end.
func (g *segment) add(h header, length int, hash [32]byte) {
	g.body = binary.AppendUvarint(g.body, uint64(h.count))
	g.body = binary.AppendUvarint(g.body, uint64(length))
	g.frames++
	g.size += int64(length)
	g.next = h.first + uint64(h.count)
	g.epoch = h.epoch
	g.end = hash
}

// places ranges over the frames that hold a seq >= from.
func (g *segment) places(from uint64) iter.Seq[place] {
	return func(yield func(place) bool) {
		p := place{first: g.first}
		for b := g.body; len(b) > 0; {
			count, n := binary.Uvarint(b)
			length, m := binary.Uvarint(b[max(n, 0):])
			if n <= 0 || m <= 0 {
				return
			}
			b = b[n+m:]
			p.count, p.length = uint32(count), int(length)
			if p.end() > from && !yield(p) {
				return
			}
			p.first, p.offset = p.end(), p.offset+int64(p.length)
		}
	}
}

// sidecar is the name of the segment's index.
func (g *segment) sidecar() string { return strings.TrimSuffix(g.name, segmentExt) + indexExt }

// encode writes the sidecar.
func (g *segment) encode() []byte {
	b := make([]byte, indexHead, indexHead+len(g.body))
	copy(b, indexMagic[:])
	le := binary.LittleEndian
	le.PutUint32(b[4:], indexVersion)
	le.PutUint64(b[8:], g.first)
	le.PutUint64(b[16:], g.next)
	le.PutUint64(b[24:], uint64(g.size))
	le.PutUint64(b[32:], g.epoch)
	le.PutUint32(b[40:], uint32(g.frames))
	le.PutUint32(b[44:], uint32(len(g.body)))
	copy(b[48:], g.start[:])
	copy(b[80:], g.end[:])
	le.PutUint32(b[112:], crc32.Checksum(g.body, castagnoli))
	le.PutUint32(b[116:], crc32.Checksum(b[:116], castagnoli))
	return append(b, g.body...)
}

// errSidecar says how a sidecar is none.
type errSidecar struct{ why string }

func (e *errSidecar) Error() string { return e.why }

// decodeHead reads the head of a segment's sidecar, without the body.
func decodeHead(name string, b []byte) (g segment, body int, sum uint32, err error) {
	le := binary.LittleEndian
	if len(b) < indexHead || [4]byte(b[:4]) != indexMagic || crc32.Checksum(b[:116], castagnoli) != le.Uint32(b[116:]) {
		return g, 0, 0, &errSidecar{"its head is damaged"}
	}
	if le.Uint32(b[4:]) != indexVersion {
		return g, 0, 0, &errSidecar{"it is of another version"}
	}
	return segment{
		name: name, first: le.Uint64(b[8:]), next: le.Uint64(b[16:]), size: int64(le.Uint64(b[24:])), epoch: le.Uint64(b[32:]),
		frames: int(le.Uint32(b[40:])), start: [32]byte(b[48:80]), end: [32]byte(b[80:112]),
	}, int(le.Uint32(b[44:])), le.Uint32(b[112:]), nil
}

// writeSidecar writes a full segment's index and lets go of it in memory. It is
// no harm if that fails: then it stays in memory.
func (s *Store) writeSidecar(g *segment) {
	if s.saveSidecar(g) {
		s.mu.Lock()
		g.body = nil
		s.mu.Unlock()
	}
}

// saveSidecar writes an index, whole or not at all. Its name need not be
// durable.
func (s *Store) saveSidecar(g *segment) bool {
	s.saving.Lock()
	defer s.saving.Unlock()
	err := replace(s.fs, g.sidecar()+tempExt, g.sidecar(), g.encode())
	if err != nil {
		s.opt.Notice(fmt.Sprintf("the index %s was not written: %v", g.sidecar(), err))
	}
	return err == nil
}

// readHead reads the head of the sidecar of the segment of that name.
func (s *Store) readHead(name string) (segment, error) {
	g := segment{name: name}
	f, err := s.fs.OpenFile(g.sidecar(), os.O_RDONLY, 0)
	if err != nil {
		return g, err
	}
	b := make([]byte, indexHead)
	n, err := f.ReadAt(b, 0)
	if err = errors.Join(ignoreEOF(err), f.Close()); err != nil {
		return g, err
	}
	g, _, _, err = decodeHead(name, b[:n])
	return g, err
}

// readSidecar reads a whole sidecar.
func (s *Store) readSidecar(name string) (segment, error) {
	g := segment{name: name}
	b, err := s.readFile(g.sidecar())
	if err != nil {
		return g, err
	}
	g, body, sum, err := decodeHead(name, b)
	if err != nil {
		return g, err
	}
	if len(b) != indexHead+body || crc32.Checksum(b[indexHead:], castagnoli) != sum {
		return g, &errSidecar{"its body is damaged"}
	}
	g.body = b[indexHead:]
	return g, nil
}

func (s *Store) readFile(name string) ([]byte, error) {
	f, err := s.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// loaded returns a segment with its index: from memory, from the sidecar, or
// from the segment itself. One is kept, as who asks once asks again.
func (s *Store) loaded(g segment) (segment, error) {
	if g.body != nil || g.frames == 0 {
		return g, nil
	}
	if last := s.recent.Load(); last != nil && last.name == g.name {
		return *last, nil
	}
	full, err := s.readSidecar(g.name)
	if err != nil || !full.same(g) {
		if full, err = s.reindex(g); err != nil {
			return g, err
		}
		s.opt.Notice(fmt.Sprintf("the index %s was damaged and is made again", g.sidecar()))
		s.saveSidecar(&full)
	}
	s.recent.Store(&full)
	return full, nil
}

// same reports whether two are the same segment, whoever has the index.
func (g segment) same(o segment) bool {
	return g.first == o.first && g.next == o.next && g.size == o.size && g.epoch == o.epoch && g.frames == o.frames &&
		g.start == o.start && g.end == o.end
}

// reindex makes the index of a full segment from its frames.
func (s *Store) reindex(g segment) (segment, error) {
	data, err := s.readFile(g.name)
	if err != nil {
		return g, err
	}
	walk := walker{next: g.first, chain: g.start}
	made := segment{name: g.name, first: g.first, next: g.first, start: g.start, end: g.start}
	for int(made.size) < len(data) {
		n, h, err := walk.frame(data[made.size:])
		if err != nil {
			return g, fmt.Errorf("%w: %s at %d: %w", ErrCorrupt, g.name, made.size, err)
		}
		made.add(h, n, walk.chain)
	}
	if !made.same(g) {
		return g, fmt.Errorf("%w: %s at %d: it ends with seq %d, not %d", ErrCorrupt, g.name, made.size, made.next-1, g.next-1)
	}
	return made, nil
}

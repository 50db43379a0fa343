package journal

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// recover finds out where the log ends, checks the chain, and cuts off a torn
// end. What lies before the newest checkpoint that is the log's is taken from
// the sidecars, unread; Verify reads it.
func (s *Store) recover() error {
	names, err := s.fs.ReadDir(s.path("log"))
	if err != nil {
		return err
	}
	for _, n := range names {
		if strings.HasSuffix(n, tempExt) {
			if err := s.fs.Remove(s.path("log", n)); err != nil {
				return err
			}
		}
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasSuffix(n, segmentExt) })
	floor := s.opt.Floor
	if len(s.points) > 0 {
		floor = max(floor, s.points[0].Seq)
	}
	if err := s.recoverFrom(names, floor); err != nil {
		return err
	}
	if s.next-1 < floor {
		return behind(s.next-1, floor)
	}
	s.sealAll()
	if len(names) == 0 {
		return nil
	}
	if s.file, err = s.fs.OpenFile(s.path("log", names[len(names)-1]), os.O_RDWR, 0); err != nil {
		return err
	}
	return s.settle()
}

func behind(last, floor uint64) error {
	return fmt.Errorf("%w: it ends at seq %d, but seq %d was acknowledged", ErrCorrupt, last, floor)
}

// recoverFrom reads the log from the newest checkpoint on whose chain is the
// log's, or else from its beginning.
func (s *Store) recoverFrom(names []string, floor uint64) error {
	for _, p := range s.points {
		err := s.recoverAll(names, p.Seq, floor)
		if errors.Is(err, ErrCorrupt) {
			break // read all of it, to see whether a sidecar is to blame
		}
		if err != nil {
			return err
		}
		if chain, err := s.ChainAt(p.Seq); err == nil && chain == p.Chain {
			return nil
		}
	}
	return s.recoverAll(names, 0, floor)
}

// recoverAll takes the segments in: those that end before seq from their
// sidecars.
func (s *Store) recoverAll(names []string, seq, floor uint64) error {
	s.segments = nil
	w := walker{next: 1}
	for i, base := range names {
		name := s.path("log", base)
		if want := segmentName(w.next); base != want {
			// Without this a segment that is missing goes unseen if none but
			// empty ones follow it.
			return fmt.Errorf("%w: %s at 0: the next segment has to be %s", ErrCorrupt, name, want)
		}
		last := i == len(names)-1
		if !last {
			if g, ok := s.trusted(name, names[i+1], w); ok && g.next <= seq {
				s.segments = append(s.segments, &g)
				w = walker{next: g.next, chain: g.end, epoch: g.epoch}
				continue
			}
		}
		if err := s.recoverSegment(name, &w, last, floor); err != nil {
			return err
		}
	}
	s.next, s.chain, s.epoch = w.next, w.chain, w.epoch
	return nil
}

// trusted returns a segment as its sidecar has it, if that goes with the segment
// itself and the ones around it.
func (s *Store) trusted(name, following string, w walker) (segment, bool) {
	g, err := s.readHead(name)
	if err != nil {
		return g, false
	}
	size, err := s.fs.Stat(name)
	return g, err == nil && size == g.size && g.first == w.next && g.start == w.chain && g.epoch >= w.epoch &&
		g.next > g.first && following == segmentName(g.next)
}

// sealAll writes the sidecars that full segments lack.
func (s *Store) sealAll() {
	for _, g := range s.segments[:max(len(s.segments)-1, 0)] {
		if g.body == nil {
			continue
		}
		if have, err := s.readHead(g.name); err == nil && have.same(*g) {
			g.body = nil // a bad body is found when it is asked for
			continue
		}
		s.writeSidecar(g)
	}
}

// settle makes durable what recovery found, before anyone sees it: a process
// that was killed may have left a last frame, or its segment's name, that only
// the page cache has. The frame is written again, as after a failed sync the
// kernel takes its pages for clean and a sync alone would do nothing.
func (s *Store) settle() error {
	seg := s.segments[len(s.segments)-1]
	for p := range seg.places(seg.next - 1) {
		b := make([]byte, p.length)
		if _, err := s.file.ReadAt(b, p.offset); err != nil {
			return err
		}
		if _, err := s.file.WriteAt(b, p.offset); err != nil {
			return err
		}
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	var err error
	if s.room, err = s.file.Seek(0, io.SeekEnd); err != nil {
		return err
	}
	return s.fs.SyncDir(s.path("log"))
}

func (s *Store) recoverSegment(name string, w *walker, last bool, floor uint64) error {
	f, err := s.fs.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := readAll(f)
	if err != nil {
		return err
	}
	seg := &segment{name: name, first: w.next, next: w.next, start: w.chain, end: w.chain, epoch: w.epoch}
	s.segments = append(s.segments, seg)
	for off := 0; off < len(data); {
		n, h, err := w.frame(data[off:])
		if err == nil {
			seg.add(h, n, w.chain)
			off += n
			continue
		}
		if len(bytes.Trim(data[off:], "\x00")) == 0 {
			// Room for frames, which a segment that is full has no use for.
			if last {
				return nil
			}
			return f.Truncate(int64(off))
		}
		var torn *errTorn
		if !errors.As(err, &torn) || !last {
			return fmt.Errorf("%w: %s at %d: %w", ErrCorrupt, name, off, err)
		}
		if at := w.laterFrame(data, off+max(n, 1)); at >= 0 {
			return fmt.Errorf("%w: %s at %d: %w, and a whole frame follows at %d", ErrCorrupt, name, off, err, at)
		}
		if w.next-1 < floor {
			// What is damaged was acknowledged: that is no torn end.
			return fmt.Errorf("%s at %d: %w: %w", name, off, err, behind(w.next-1, floor))
		}
		return s.cutOff(f, name, bytes.TrimRight(data[off:], "\x00"), int64(off), w.next, err)
	}
	return nil
}

// walker goes through frames that follow each other.
type walker struct {
	next  uint64 // the seq that has to come
	chain [32]byte
	epoch uint64
}

// frame checks the frame that data begins with, returns its length, and moves
// on. With an error it returns a length too, if the header is good and the
// payload is not.
func (w *walker) frame(data []byte) (int, header, error) {
	h, err := decodeHeader(data)
	if err != nil {
		return 0, h, err
	}
	n := headerSize + int(h.length)
	switch {
	case h.first != w.next:
		return n, h, fmt.Errorf("the frame begins with seq %d, not %d", h.first, w.next)
	case h.prev != w.chain:
		return n, h, errors.New("the frame does not follow the one before it")
	case h.epoch < w.epoch:
		return n, h, fmt.Errorf("the frame is of epoch %d, after %d", h.epoch, w.epoch)
	case len(data) < n:
		return len(data), h, &errTorn{"the payload is cut short"}
	case crc32.Checksum(data[headerSize:n], castagnoli) != h.sum:
		return n, h, &errTorn{"the payload's checksum is wrong"}
	}
	w.next, w.chain, w.epoch = h.first+uint64(h.count), sha256.Sum256(data[:n]), h.epoch
	return n, h, nil
}

// laterFrame finds a whole frame that stands after a bad one, from off on, or
// returns -1: then it is damage, not a torn end. With a good header of the bad
// frame, off is after its payload, as a payload may hold a frame's bytes.
func (w *walker) laterFrame(data []byte, off int) int {
	for {
		i := bytes.Index(data[off:], frameMagic[:])
		if i < 0 {
			return -1
		}
		off += i
		if h, err := decodeHeader(data[off:]); err == nil && h.first > w.next && len(data)-off >= headerSize+int(h.length) {
			if crc32.Checksum(data[off+headerSize:off+headerSize+int(h.length)], castagnoli) == h.sum {
				return off
			}
		}
		off++
	}
}

// cutOff keeps the torn end aside and truncates the segment.
func (s *Store) cutOff(f File, name string, tail []byte, off int64, next uint64, why error) error {
	// Never over an earlier one: the same place may be torn twice.
	var aside string
	var t File
	for i := 0; ; i++ {
		var err error
		aside = s.path("torn", fmt.Sprintf("%s-%d-%d", filepath.Base(name), off, i))
		t, err = s.fs.OpenFile(aside, os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o600)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	_, err := t.WriteAt(tail, 0)
	if err = errors.Join(err, t.Sync(), t.Close(), s.fs.SyncDir(s.path("torn"))); err != nil {
		return err
	}
	if err := f.Truncate(off); err != nil { // settle makes it durable
		return err
	}
	s.opt.Notice(fmt.Sprintf("the log's last frame was torn (%v): %d bytes cut off at seq %d, kept in %s", why, len(tail), next, aside))
	return nil
}

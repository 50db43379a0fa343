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
	"strings"
)

// recover reads every segment, checks the chain, and cuts off a torn end.
func (s *Store) recover() error {
	names, err := s.fs.ReadDir(s.path("log"))
	if err != nil {
		return err
	}
	var segs []string
	for _, n := range names {
		if strings.HasSuffix(n, ".seg") {
			segs = append(segs, s.path("log", n))
		}
	}
	for i, name := range segs {
		last := i == len(segs)-1
		if err := s.recoverSegment(name, last); err != nil {
			return err
		}
	}
	if len(segs) == 0 {
		return nil
	}
	if s.file, err = s.fs.OpenFile(segs[len(segs)-1], os.O_RDWR, 0); err != nil {
		return err
	}
	return s.settle()
}

// settle makes durable what recovery found, before anyone sees it: a process
// that was killed may have left a last frame, or its segment's name, that only
// the page cache has. The frame is written again, as after a failed sync the
// kernel takes its pages for clean and a sync alone would do nothing.
func (s *Store) settle() error {
	seg := s.segments[len(s.segments)-1]
	if n := len(seg.frames); n > 0 {
		p := seg.frames[n-1]
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
	return s.fs.SyncDir(s.path("log"))
}

func (s *Store) recoverSegment(name string, last bool) error {
	if want := segmentName(s.next); filepath.Base(name) != want {
		// Without this a segment that is missing goes unseen if none but
		// empty ones follow it.
		return fmt.Errorf("%w: %s at 0: the next segment has to be %s", ErrCorrupt, name, want)
	}
	f, err := s.fs.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	seg := &segment{name: name}
	s.segments = append(s.segments, seg)
	for off := 0; off < len(data); {
		n, h, err := s.nextFrame(data[off:])
		if err == nil {
			seg.frames = append(seg.frames, place{h.first, h.count, int64(off), n})
			s.chain = sha256.Sum256(data[off : off+n])
			s.next = h.first + uint64(h.count)
			s.epoch = max(s.epoch, h.epoch)
			off += n
			seg.size = int64(off)
			continue
		}
		var torn *errTorn
		if !errors.As(err, &torn) || !last {
			return fmt.Errorf("%w: %s at %d: %w", ErrCorrupt, name, off, err)
		}
		if at := s.laterFrame(data, off+max(n, 1)); at >= 0 {
			return fmt.Errorf("%w: %s at %d: %w, and a whole frame follows at %d", ErrCorrupt, name, off, err, at)
		}
		return s.cutOff(f, name, data[off:], int64(off), err)
	}
	return nil
}

// nextFrame checks the frame that data begins with, and returns its length:
// with an error, too, if the header is good and the payload is not.
func (s *Store) nextFrame(data []byte) (int, header, error) {
	h, err := decodeHeader(data)
	if err != nil {
		return 0, h, err
	}
	n := headerSize + int(h.length)
	switch {
	case h.first != s.next:
		return n, h, fmt.Errorf("the frame begins with seq %d, not %d", h.first, s.next)
	case h.prev != s.chain:
		return n, h, errors.New("the frame does not follow the one before it")
	case h.epoch < s.epoch:
		return n, h, fmt.Errorf("the frame is of epoch %d, after %d", h.epoch, s.epoch)
	case len(data) < n:
		return len(data), h, &errTorn{"the payload is cut short"}
	case crc32.Checksum(data[headerSize:n], castagnoli) != h.sum:
		return n, h, &errTorn{"the payload's checksum is wrong"}
	}
	return n, h, nil
}

// laterFrame finds a whole frame that stands after a bad one, from off on, or
// returns -1: then it is damage, not a torn end. With a good header of the bad
// frame, off is after its payload, as a payload may hold a frame's bytes.
func (s *Store) laterFrame(data []byte, off int) int {
	for {
		i := bytes.Index(data[off:], frameMagic[:])
		if i < 0 {
			return -1
		}
		off += i
		if h, err := decodeHeader(data[off:]); err == nil && h.first > s.next && len(data)-off >= headerSize+int(h.length) {
			if crc32.Checksum(data[off+headerSize:off+headerSize+int(h.length)], castagnoli) == h.sum {
				return off
			}
		}
		off++
	}
}

// cutOff keeps the torn end aside and truncates the segment.
func (s *Store) cutOff(f File, name string, tail []byte, off int64, why error) error {
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
	s.opt.Notice(fmt.Sprintf("the log's last frame was torn (%v): %d bytes cut off at seq %d, kept in %s", why, len(tail), s.next, aside))
	return nil
}

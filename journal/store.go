package journal

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// Options says how a store is opened. The zero value is the default.
type Options struct {
	// FS is the file system; nil is the machine's.
	FS FS
	// Notice is told, one line each, what recovery did; may be nil.
	Notice func(string)
	// Floor is a seq that something outside (a repository's trailer) says was
	// acknowledged: a log that ends before it is refused as ErrCorrupt.
	Floor uint64
	// SegmentSize overrides the constant; 0 is the default.
	SegmentSize int64
}

// Store is the embedded journal: the log and the blobs of one data folder.
type Store struct {
	dir   string
	fs    FS
	opt   Options
	lock  io.Closer
	blobs *blobStore
	epoch uint64

	mu       sync.RWMutex // guards the fields below; held for writing by Append alone
	segments []*segment
	next     uint64 // seq of the next record
	chain    [32]byte
	file     File // of the last segment
	poisoned error
}

// segment is one file of frames, and where its frames are.
type segment struct {
	name   string
	size   int64
	frames []place
}

// place is where a frame stands.
type place struct {
	first  uint64
	count  uint32
	offset int64
	length int // header and payload
}

var _ Log = (*Store)(nil)

// Open opens or makes the data folder dir, takes its lock, recovers the log.
func Open(dir string, opt Options) (*Store, error) {
	s := &Store{dir: dir, fs: opt.FS, opt: opt, next: 1}
	if s.fs == nil {
		s.fs = osFS{}
	}
	if s.opt.Notice == nil {
		s.opt.Notice = func(string) {}
	}
	if s.opt.SegmentSize == 0 {
		s.opt.SegmentSize = SegmentSize
	}
	for _, d := range []string{dir, s.path("log"), s.path("blobs"), s.path("torn")} {
		if err := s.fs.MkdirAll(d, 0o700); err != nil {
			return nil, err
		}
	}
	var err error
	if s.lock, err = s.fs.Lock(s.path("lock")); err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.lock.Close())
	}
	return s, nil
}

func (s *Store) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

func (s *Store) open() error {
	if err := s.fs.SyncDir(s.dir); err != nil {
		return err
	}
	s.blobs = newBlobStore(s.fs, s.path("blobs"))
	if err := s.blobs.clean(); err != nil {
		return err
	}
	if err := s.recover(); err != nil {
		return err
	}
	if s.next-1 < s.opt.Floor {
		return fmt.Errorf("%w: it ends at seq %d, but seq %d was acknowledged", ErrCorrupt, s.next-1, s.opt.Floor)
	}
	s.epoch++
	return s.reserve()
}

// reserve keeps some room back. It is given up when the disk is full, so that
// the operator's own tools, which need a little room to free more, can run.
func (s *Store) reserve() error {
	name := s.path("reserve")
	if size, err := s.fs.Stat(name); err == nil && size == ReserveSize {
		return nil
	}
	f, err := s.fs.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil // without room for it there is none to keep back
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, ReserveSize), 0); err != nil {
		s.opt.Notice("no room for the reserve file: " + err.Error())
		return nil
	}
	return f.Sync()
}

// Append adds a frame; see Log.
func (s *Store) Append(ctx context.Context, f Frame) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(f.Payload) > MaxFrame || f.Count == 0 {
		return fmt.Errorf("%w: %d bytes, %d records", ErrLimit, len(f.Payload), f.Count)
	}
	if err := s.blobs.Flush(); err != nil {
		if full(err) {
			return fmt.Errorf("%w: %w", ErrFull, err)
		}
		s.poison(err)
		return fmt.Errorf("%w: blobs: %w", ErrPoisoned, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.poisoned != nil:
		return fmt.Errorf("%w: %w", ErrPoisoned, s.poisoned)
	case f.Epoch != s.epoch:
		return fmt.Errorf("%w: epoch %d, now %d", ErrFenced, f.Epoch, s.epoch)
	case f.First != s.next:
		return fmt.Errorf("%w: %d, not %d", ErrSeq, f.First, s.next)
	}
	data, hash := encodeFrame(f, s.chain)
	if err := s.roll(int64(len(data))); err != nil {
		return s.failed(err, -1)
	}
	seg := s.segments[len(s.segments)-1]
	if _, err := s.file.WriteAt(data, seg.size); err != nil {
		return s.failed(err, seg.size)
	}
	if err := s.file.Sync(); err != nil {
		// What is on disk is unknown, and asking again would lie.
		s.poisoned = err
		return fmt.Errorf("%w: sync: %w", ErrPoisoned, err)
	}
	seg.frames = append(seg.frames, place{f.First, f.Count, seg.size, len(data)})
	seg.size += int64(len(data))
	s.next += uint64(f.Count)
	s.chain = hash
	return nil
}

// roll begins a new segment when the last one is full.
func (s *Store) roll(n int64) error {
	if k := len(s.segments); k > 0 && (s.segments[k-1].size == 0 || s.segments[k-1].size+n <= s.opt.SegmentSize) {
		return nil
	}
	name := s.path("log", fmt.Sprintf("%016x.seg", s.next))
	f, err := s.fs.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), s.fs.SyncDir(s.path("log"))); err != nil {
		f.Close()
		return err
	}
	if s.file != nil {
		s.file.Close()
	}
	s.file = f
	s.segments = append(s.segments, &segment{name: name})
	return nil
}

// failed deals with a write that did not go through: without room, what was
// half written is cut off again and the log can go on once there is room; any
// other failure stops it.
func (s *Store) failed(err error, size int64) error {
	if !full(err) {
		s.poisoned = err
		return fmt.Errorf("%w: %w", ErrPoisoned, err)
	}
	if size >= 0 {
		if terr := errors.Join(s.file.Truncate(size), s.file.Sync()); terr != nil {
			s.poisoned = terr
			return fmt.Errorf("%w: %w", ErrPoisoned, terr)
		}
	}
	if rerr := s.fs.Remove(s.path("reserve")); rerr == nil {
		s.opt.Notice("the disk is full: the reserve was given up")
	}
	return fmt.Errorf("%w: %w", ErrFull, err)
}

func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func (s *Store) poison(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.poisoned == nil {
		s.poisoned = err
	}
}

// Read ranges over frames; see Log.
func (s *Store) Read(from uint64) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		s.mu.RLock()
		type part struct {
			name   string
			frames []place
		}
		var parts []part
		for _, seg := range s.segments {
			parts = append(parts, part{seg.name, seg.frames[:len(seg.frames):len(seg.frames)]})
		}
		s.mu.RUnlock()
		for _, p := range parts {
			if n := len(p.frames); n == 0 || p.frames[n-1].first+uint64(p.frames[n-1].count) <= from {
				continue
			}
			if !s.readSegment(p.name, p.frames, from, yield) {
				return
			}
		}
	}
}

func (s *Store) readSegment(name string, frames []place, from uint64, yield func(Frame, error) bool) bool {
	f, err := s.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		yield(Frame{}, err)
		return false
	}
	defer f.Close()
	for _, p := range frames {
		if p.first+uint64(p.count) <= from {
			continue
		}
		b := make([]byte, p.length)
		if _, err := f.ReadAt(b, p.offset); err != nil {
			yield(Frame{}, fmt.Errorf("%w: %s at %d: %w", ErrCorrupt, name, p.offset, err))
			return false
		}
		h, err := decodeHeader(b)
		if err == nil && crc32.Checksum(b[headerSize:], castagnoli) != h.sum {
			err = errors.New("the payload's checksum is wrong")
		}
		if err != nil {
			yield(Frame{}, fmt.Errorf("%w: %s at %d: %w", ErrCorrupt, name, p.offset, err))
			return false
		}
		if !yield(Frame{Epoch: h.epoch, First: h.first, Count: h.count, Payload: b[headerSize:]}, nil) {
			return false
		}
	}
	return true
}

// Last returns the last durable seq and the chain's hash.
func (s *Store) Last() (uint64, [32]byte) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.next - 1, s.chain
}

// Epoch returns the epoch of this opening.
func (s *Store) Epoch() uint64 { return s.epoch }

// Blobs returns the content store of the data folder.
func (s *Store) Blobs() Blobs { return s.blobs }

// Close flushes the blobs and releases the data folder.
func (s *Store) Close() error {
	err := s.blobs.Flush()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
		s.file = nil
	}
	if s.poisoned == nil {
		s.poisoned = errors.New("closed")
	}
	return errors.Join(err, s.lock.Close())
}

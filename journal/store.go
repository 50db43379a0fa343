package journal

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
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
	full     bool // the disk was, and the reserve is not back yet
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
	if err := s.folders(); err != nil {
		return nil, err
	}
	var err error
	if s.lock, err = s.fs.Lock(s.path("lock")); err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		if s.file != nil {
			err = errors.Join(err, s.file.Close())
		}
		return nil, errors.Join(err, s.lock.Close())
	}
	return s, nil
}

// folders makes the folders and their names durable, up to the first folder
// that was there already.
func (s *Store) folders() error {
	parents := []string{filepath.Dir(s.dir)} // an earlier process may have been killed before its sync
	for p := parents[0]; ; {
		if _, err := s.fs.Stat(p); !errors.Is(err, fs.ErrNotExist) || p == filepath.Dir(p) {
			break
		}
		p = filepath.Dir(p)
		parents = append(parents, p)
	}
	for _, d := range []string{s.dir, s.path("log"), s.path("blobs"), s.path("torn")} {
		if err := s.fs.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	for _, p := range parents {
		// A folder that may be passed but not listed cannot be synced by us;
		// whoever made the data folder in it had to see to that.
		if err := s.fs.SyncDir(p); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return s.fs.SyncDir(s.dir)
}

func (s *Store) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

func (s *Store) open() error {
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
	err := s.reserve()
	if full(err) {
		s.opt.Notice("no room for the reserve file: " + err.Error())
		return nil // the log may go on as long as there is room for frames
	}
	return err
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
		return err
	}
	if _, err = f.WriteAt(make([]byte, ReserveSize), 0); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		// Half a reserve would take the last room and give it to nobody.
		err = errors.Join(err, s.fs.Remove(name))
	}
	return err
}

// Append adds a frame; see Log.
func (s *Store) Append(ctx context.Context, f Frame) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(f.Payload) > MaxFrame || f.Count == 0 {
		return fmt.Errorf("%w: %d bytes, %d records", ErrLimit, len(f.Payload), f.Count)
	}
	flushed := s.blobs.Flush()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.poisoned != nil:
		return fmt.Errorf("%w: %w", ErrPoisoned, s.poisoned)
	case flushed != nil:
		return s.stop(fmt.Errorf("blobs: %w", flushed))
	case f.Epoch != s.epoch:
		return fmt.Errorf("%w: epoch %d, now %d", ErrFenced, f.Epoch, s.epoch)
	case f.First != s.next:
		return fmt.Errorf("%w: %d, not %d", ErrSeq, f.First, s.next)
	}
	if s.full {
		if err := s.reserve(); err != nil {
			return fmt.Errorf("%w: for the reserve: %w", ErrFull, err)
		}
		s.full = false
	}
	data, hash := encodeFrame(f, s.chain)
	if err := s.roll(int64(len(data))); err != nil {
		return err
	}
	seg := s.segments[len(s.segments)-1]
	if _, err := s.file.WriteAt(data, seg.size); err != nil {
		return s.unwritten(err, seg.size)
	}
	if err := s.file.Sync(); err != nil {
		return s.stop(fmt.Errorf("sync: %w", err))
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
	name := s.path("log", segmentName(s.next))
	f, err := s.fs.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o600)
	if full(err) {
		return s.noRoom(err)
	}
	if err != nil {
		return s.stop(err)
	}
	if err := errors.Join(f.Sync(), s.fs.SyncDir(s.path("log"))); err != nil {
		return s.stop(errors.Join(fmt.Errorf("sync: %w", err), f.Close()))
	}
	if s.file != nil {
		s.file.Close()
	}
	s.file = f
	s.segments = append(s.segments, &segment{name: name})
	return nil
}

func segmentName(first uint64) string { return fmt.Sprintf("%016x.seg", first) }

// stop poisons the log. After a failed sync what is on disk is unknown, and to
// ask again would be answered with a lie; full or not makes no difference.
func (s *Store) stop(err error) error {
	s.poisoned = err
	if full(err) {
		s.giveUpReserve()
	}
	return fmt.Errorf("%w: %w", ErrPoisoned, err)
}

// unwritten deals with a write that did not go through: without room, what was
// half written is cut off again and the log can go on once there is room; any
// other failure stops it.
func (s *Store) unwritten(err error, size int64) error {
	if !full(err) {
		return s.stop(err)
	}
	if terr := errors.Join(s.file.Truncate(size), s.file.Sync()); terr != nil {
		return s.stop(errors.Join(terr, err))
	}
	return s.noRoom(err)
}

// noRoom makes the log read-only until the reserve can be filled again.
func (s *Store) noRoom(err error) error {
	s.full = true
	s.giveUpReserve()
	return fmt.Errorf("%w: %w", ErrFull, err)
}

func (s *Store) giveUpReserve() {
	if err := s.fs.Remove(s.path("reserve")); err == nil {
		s.opt.Notice("the disk is full: the reserve was given up")
	}
}

func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// Read ranges over frames; see Log.
func (s *Store) Read(from uint64) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		for b, err := range s.read(from) {
			if err != nil {
				yield(Frame{}, err)
				return
			}
			h, _ := decodeHeader(b)
			if !yield(Frame{Epoch: h.epoch, First: h.first, Count: h.count, Payload: b[headerSize:]}, nil) {
				return
			}
		}
	}
}

// read ranges over the bytes of frames whose checksums are right.
func (s *Store) read(from uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		s.mu.RLock()
		var parts []segment
		for _, seg := range s.segments {
			parts = append(parts, segment{name: seg.name, frames: seg.frames[:len(seg.frames):len(seg.frames)]})
		}
		s.mu.RUnlock()
		for _, p := range parts {
			if n := len(p.frames); n == 0 || p.frames[n-1].end() <= from {
				continue
			}
			if !s.readSegment(p, from, yield) {
				return
			}
		}
	}
}

func (s *Store) readSegment(seg segment, from uint64, yield func([]byte, error) bool) bool {
	f, err := s.fs.OpenFile(seg.name, os.O_RDONLY, 0)
	if err != nil {
		yield(nil, err)
		return false
	}
	defer f.Close()
	for _, p := range seg.frames {
		if p.end() <= from {
			continue
		}
		b := make([]byte, p.length)
		_, err := f.ReadAt(b, p.offset)
		if err == nil {
			err = p.check(b)
		}
		if err != nil {
			yield(nil, fmt.Errorf("%w: %s at %d: %w", ErrCorrupt, seg.name, p.offset, err))
			return false
		}
		if !yield(b, nil) {
			return false
		}
	}
	return true
}

// end is the seq after the frame's last.
func (p place) end() uint64 { return p.first + uint64(p.count) }

// check reports how b is not the frame that was appended there.
func (p place) check(b []byte) error {
	h, err := decodeHeader(b)
	switch {
	case err != nil:
		return err
	case h.first != p.first || h.count != p.count || headerSize+int(h.length) != p.length:
		return errors.New("another frame stands there")
	case crc32.Checksum(b[headerSize:], castagnoli) != h.sum:
		return errors.New("the payload's checksum is wrong")
	}
	return nil
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

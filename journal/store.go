package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
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
	// RoomAhead overrides the constant; 0 is the default, negative is none.
	RoomAhead int64
	// MaxPacked overrides the constant; 0 is the default, negative is none.
	MaxPacked int
	// PackSize is from how many bytes on a pack of blobs is full; 0 is the
	// default, the constant.
	PackSize int64
	// CompressFrom overrides the constant; 0 is the default, negative is never.
	CompressFrom int
	// Keep is how many checkpoints are kept; 0 is the default, 3, and fewer
	// than 2 are not kept: the newest may turn out to be unreadable.
	Keep int
}

// Store is the embedded journal: the log and the blobs of one data folder.
type Store struct {
	dir   string
	fs    FS
	opt   Options
	lock  io.Closer
	blobs *blobStore
	epoch uint64
	codec codec

	writing sync.Mutex // one append at a time; held over I/O
	file    File       // of the last segment; guarded by writing
	room    int64      // how long that file is at most, with zeros after the last frame; guarded by writing
	full    bool       // the disk was, and the reserve is not back yet; guarded by writing

	mu       sync.RWMutex // guards the fields below; changed with writing held, never held over I/O
	segments []*segment
	next     uint64 // seq of the next record
	chain    [32]byte
	poisoned error
	news     chan struct{} // closed when the above changes; nil if nobody waits

	objects *objects

	pointing sync.Mutex // guards the fields below; held over I/O
	points   []point    // the checkpoints that are whole, newest first
	unsure   error      // a sync of their folder failed

	saving sync.Mutex              // one sidecar at a time; held over I/O
	recent atomic.Pointer[segment] // the full segment that was read last, with its index
}

var _ Log = (*Store)(nil)

// Open opens or makes the data folder dir, takes its lock, recovers the log.
// ErrBackup: dir holds a backup, or one that is not restored to the end.
func Open(dir string, opt Options) (*Store, error) { return open(dir, opt, "") }

// open is Open; marker is one that may be there.
func open(dir string, opt Options, marker string) (*Store, error) {
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
	if s.opt.PackSize == 0 {
		s.opt.PackSize = PackSize
	}
	if s.opt.RoomAhead == 0 {
		s.opt.RoomAhead = RoomAhead
	}
	if s.opt.MaxPacked == 0 {
		s.opt.MaxPacked = MaxPacked
	}
	if s.opt.CompressFrom == 0 {
		s.opt.CompressFrom = CompressFrom
	}
	if s.opt.Keep == 0 {
		s.opt.Keep = defaultKeep
	}
	s.opt.Keep = max(s.opt.Keep, fewestKept)
	s.codec = newCodec(s.opt.CompressFrom)
	s.blobs = newBlobStore(s)
	s.objects = &objects{store: s, files: map[uint64]*objectFile{}, pins: map[uint64]int{}}
	for _, m := range []string{manifestName, manifestName + tempExt, restoringName} {
		switch _, err := s.fs.Stat(s.path(m)); {
		case m == marker || errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		default:
			return nil, fmt.Errorf("%w: %s holds %s", ErrBackup, dir, m)
		}
	}
	if err := s.folders(); err != nil {
		return nil, err
	}
	var err error
	if s.lock, err = s.fs.Lock(s.path("lock")); err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		err = errors.Join(err, s.objects.close(), s.blobs.close())
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
	for _, d := range []string{s.dir, s.path("log"), s.path("blobs"), s.path("blobs", "packs"), s.path("torn"), s.path("checkpoints"), s.path("objects")} {
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
	return errors.Join(s.fs.SyncDir(s.path("blobs")), s.fs.SyncDir(s.dir))
}

func (s *Store) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

func (s *Store) open() error {
	if err := s.blobs.open(); err != nil {
		return err
	}
	if err := s.settleRewrite(); err != nil {
		return err
	}
	var err error
	if s.points, err = s.readPoints(); err != nil {
		return err
	}
	if err := s.recover(); err != nil {
		return err
	}
	if err := s.openObjects(); err != nil {
		return err
	}
	s.epoch++
	err = s.reserve()
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
	stored, flags, err := s.codec.pack(f.Payload)
	if err != nil {
		return err
	}
	flushed := s.blobs.Flush()
	s.writing.Lock()
	defer s.writing.Unlock()
	switch {
	case s.poisoned != nil:
		return fmt.Errorf("%w: %w", ErrPoisoned, s.poisoned)
	case errors.Is(flushed, ErrFull):
		return s.noRoom(flushed)
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
	f.Payload = stored
	data, hash := encodeFrame(f, flags, s.chain)
	if err := s.roll(int64(len(data))); err != nil {
		return err
	}
	seg := s.segments[len(s.segments)-1]
	if _, err := s.file.WriteAt(data, seg.size); err != nil {
		return s.unwritten(err, seg.size)
	}
	if err := s.makeRoom(seg.size + int64(len(data))); err != nil {
		return s.stop(err)
	}
	if err := s.file.Sync(); err != nil {
		return s.stop(fmt.Errorf("sync: %w", err))
	}
	s.publish(func() {
		seg.add(header{epoch: f.Epoch, first: f.First, count: f.Count}, len(data), hash)
		s.next += uint64(f.Count)
		s.chain = hash
	})
	return nil
}

// RoomAhead is how many zeros are written behind a frame that the file had no room
// for. To flush a frame that stands where there were zeros costs two thirds of what
// one costs that makes the file longer: then its length has to be flushed, too.
const RoomAhead = 256 << 10

// makeRoom is told where the segment ends that was just written to, and sees to it
// that the next frames have room. Without room on the disk there is none for zeros.
func (s *Store) makeRoom(end int64) error {
	if end <= s.room {
		return nil
	}
	ahead := max(min(s.opt.RoomAhead, s.opt.SegmentSize-end), 0)
	s.room = end + ahead
	if ahead == 0 {
		return nil
	}
	if _, err := s.file.WriteAt(make([]byte, ahead), end); !full(err) {
		return err
	}
	return nil // some of the zeros may stand there
}

// dropRoom cuts the last segment's file off where its frames end. Should that not
// become durable, recovery does it again.
func (s *Store) dropRoom() error {
	size := s.segments[len(s.segments)-1].size
	if s.room == size {
		return nil
	}
	s.room = size
	return s.file.Truncate(size)
}

// publish changes what readers see, and wakes those that wait for it.
func (s *Store) publish(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	if s.news != nil {
		close(s.news)
		s.news = nil
	}
}

// roll begins a new segment when the last one is full, and seals that.
func (s *Store) roll(n int64) error {
	k := len(s.segments)
	if k > 0 && (s.segments[k-1].size == 0 || s.segments[k-1].size+n <= s.opt.SegmentSize) {
		return nil
	}
	if k > 0 {
		if err := s.dropRoom(); err != nil {
			return s.stop(err)
		}
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
	s.file, s.room = f, 0
	if k > 0 {
		s.writeSidecar(s.segments[k-1])
	}
	seg := &segment{name: name, first: s.next, next: s.next, epoch: s.epoch, start: s.chain, end: s.chain}
	s.publish(func() { s.segments = append(s.segments, seg) })
	return nil
}

// What a segment and its index are named by, after the first seq.
const (
	segmentExt = ".seg"
	indexExt   = ".idx"
	tempExt    = ".tmp" // of what does not have its name yet
)

func segmentName(first uint64) string { return fmt.Sprintf("%016x"+segmentExt, first) }

// stop poisons the log. After a failed sync what is on disk is unknown, and to
// ask again would be answered with a lie; full or not makes no difference.
func (s *Store) stop(err error) error {
	s.publish(func() { s.poisoned = err })
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
	s.room = size
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
	err := errors.Join(s.blobs.Flush(), s.blobs.close(), s.objects.close())
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.file != nil {
		if s.poisoned == nil {
			err = errors.Join(err, s.dropRoom())
		}
		err = errors.Join(err, s.file.Close())
		s.file = nil
	}
	if s.poisoned == nil {
		s.publish(func() { s.poisoned = ErrClosed })
	}
	return errors.Join(err, s.lock.Close())
}

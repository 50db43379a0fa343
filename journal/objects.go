package journal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
)

// Objects is the object files of a data folder, one for each generation. A
// generation is appended to until a compaction begins the next one and writes
// there what is still needed. When a store is opened, a generation that no
// valid checkpoint names is removed, and what lies behind the longest extent
// that one names is cut off: the log has it all.
type Objects interface {
	// Generations lists what there is, in rising order.
	Generations() []uint64
	// Open returns a generation's file, always the same; ErrNoObjects if
	// there is none of that number.
	Open(generation uint64) (ObjectFile, error)
	// Begin makes the next generation, empty.
	Begin() (ObjectFile, error)
	// Drop removes a generation, and the checkpoints that name it. Refused
	// with ErrInUse while one of the two newest checkpoints does.
	Drop(generation uint64) error
}

// ObjectFile is an append-only file. Reading and Size: any goroutine, beside an
// append; writing: one at a time.
type ObjectFile interface {
	// ReadAt reads what was appended, whether it was flushed or not.
	io.ReaderAt
	// Write appends. It is buffered; a failure of the disk may show later, and
	// then in every call.
	io.Writer
	// Generation is the number of the file.
	Generation() uint64
	// Size is the number of bytes appended: where the next Write begins.
	Size() int64
	// Sync makes durable what was appended. After an error it returns that
	// error always. WriteCheckpoint calls it.
	Sync() error
}

// bufferSize is how many bytes of an object file wait in memory to be written.
const bufferSize = 1 << 20

const objectExt = ".obj"

func objectName(generation uint64) string { return fmt.Sprintf("%016x"+objectExt, generation) }

// objects is the folder of object files.
type objects struct {
	store *Store

	mu    sync.Mutex // guards the fields below; held over I/O
	files map[uint64]*objectFile
	pins  map[uint64]int // backups that are reading a generation
	last  uint64         // the greatest generation there ever was, as far as is known
}

// openObjects opens what the checkpoints that stand name, cut to what they name
// of it, and removes the rest.
func (s *Store) openObjects() error {
	o := s.objects
	names, err := s.fs.ReadDir(s.path("objects"))
	if err != nil {
		return err
	}
	for _, n := range names {
		var g uint64
		if _, err := fmt.Sscanf(n, "%x"+objectExt, &g); err != nil || n != objectName(g) {
			continue
		}
		f := &objectFile{generation: g, name: s.path("objects", n)}
		if f.f, err = s.fs.OpenFile(f.name, os.O_RDWR, 0); err != nil {
			return err
		}
		o.files[g] = f
		if f.written, err = s.fs.Stat(f.name); err != nil {
			return err
		}
	}
	need := map[uint64]int64{}
	for _, p := range s.points {
		o.last = max(o.last, p.Objects.Generation)
	}
	if err := s.sift(); err != nil {
		return err
	}
	for _, p := range s.points {
		need[p.Objects.Generation] = max(need[p.Objects.Generation], p.Objects.Length)
	}
	for _, g := range o.Generations() {
		o.last = max(o.last, g)
		if err := o.cut(g, need); err != nil {
			return err
		}
	}
	return s.fs.SyncDir(s.path("objects"))
}

// cut takes off what no checkpoint names.
func (o *objects) cut(generation uint64, need map[uint64]int64) error {
	f := o.files[generation]
	length, named := need[generation]
	if !named {
		delete(o.files, generation)
		return errors.Join(f.f.Close(), o.store.fs.Remove(f.name))
	}
	if f.written == length {
		return nil
	}
	f.written = length
	// Synced: what is written there next must not meet what was there.
	return errors.Join(f.f.Truncate(length), f.f.Sync())
}

// reaches reports how an extent is not there.
func (o *objects) reaches(e Extent) error {
	if e == (Extent{}) {
		return nil
	}
	o.mu.Lock()
	f := o.files[e.Generation]
	o.mu.Unlock()
	switch {
	case f == nil:
		return fmt.Errorf("%w: %d", ErrNoObjects, e.Generation)
	case e.Length < 0 || e.Length > f.Size():
		return fmt.Errorf("%w: %d has %d bytes, not %d", ErrNoObjects, e.Generation, f.Size(), e.Length)
	}
	return nil
}

// settle makes an extent durable and returns its checksum. It reads what no
// earlier checkpoint has summed up.
func (o *objects) settle(e Extent, points []point) (uint32, error) {
	if e == (Extent{}) {
		return 0, nil
	}
	f, err := o.open(e.Generation)
	if err != nil {
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	var from int64
	var sum uint32
	for _, p := range points {
		if x := p.Objects; x.Generation == e.Generation && x.Length <= e.Length && x.Length > from {
			from, sum = x.Length, p.sum
		}
	}
	return checksum(sum, io.NewSectionReader(f, from, e.Length-from))
}

// checksum goes on with a crc32c.
func checksum(sum uint32, r io.Reader) (uint32, error) {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		sum = crc32.Update(sum, castagnoli, buf[:n])
		if err == io.EOF {
			return sum, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// Generations lists what there is; see Objects.
func (o *objects) Generations() []uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Sorted(maps.Keys(o.files))
}

// Open returns a file; see Objects.
func (o *objects) Open(generation uint64) (ObjectFile, error) {
	f, err := o.open(generation)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (o *objects) open(generation uint64) (*objectFile, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.files[generation]
	if f == nil {
		return nil, fmt.Errorf("%w: %d", ErrNoObjects, generation)
	}
	return f, nil
}

// Begin makes the next generation; see Objects.
func (o *objects) Begin() (ObjectFile, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.store
	f := &objectFile{generation: o.last + 1, name: s.path("objects", objectName(o.last+1))}
	var err error
	if f.f, err = s.fs.OpenFile(f.name, os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o600); err != nil {
		return nil, err
	}
	o.last++ // whatever follows, the number is not used again
	if err := s.fs.SyncDir(s.path("objects")); err != nil {
		return nil, errors.Join(err, f.f.Close())
	}
	o.files[f.generation] = f
	return f, nil
}

// Drop removes a generation; see Objects.
func (o *objects) Drop(generation uint64) error {
	s := o.store
	s.pointing.Lock()
	defer s.pointing.Unlock()
	kept := 0
	for _, p := range s.points {
		if s.stands(p) != nil {
			continue
		}
		if kept++; kept <= fewestKept && p.Objects.Generation == generation {
			return fmt.Errorf("%w: the checkpoint of seq %d names object file %d", ErrInUse, p.Seq, generation)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.files[generation]
	switch {
	case f == nil:
		return fmt.Errorf("%w: %d", ErrNoObjects, generation)
	case o.pins[generation] > 0:
		return fmt.Errorf("%w: a backup reads object file %d", ErrInUse, generation)
	}
	for i := len(s.points) - 1; i >= 0; i-- {
		if s.points[i].Objects.Generation != generation {
			continue
		}
		if err := s.fs.Remove(s.path("checkpoints", pointName(s.points[i].Seq))); err != nil {
			return err
		}
		s.points = slices.Delete(s.points, i, i+1)
	}
	delete(o.files, generation)
	return errors.Join(f.close(), s.fs.Remove(f.name))
}

// DropObjects removes a generation of object files; see Objects.Drop.
func (s *Store) DropObjects(generation uint64) error { return s.objects.Drop(generation) }

func (o *objects) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var err error
	for _, g := range slices.Sorted(maps.Keys(o.files)) {
		err = errors.Join(err, o.files[g].close())
	}
	return err
}

// objectFile is one generation.
type objectFile struct {
	generation uint64
	name       string

	syncing sync.Mutex // one Sync at a time; held over I/O
	broken  error      // guarded by syncing: a sync failed, and is not tried again

	mu      sync.RWMutex // guards the fields below; held over I/O
	f       File
	written int64  // bytes in the file
	buf     []byte // what follows them
	closed  bool
}

// Generation is the file's number.
func (f *objectFile) Generation() uint64 { return f.generation }

// Size is how many bytes were appended.
func (f *objectFile) Size() int64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.written + int64(len(f.buf))
}

// Write appends; see ObjectFile. What it returns an error for was not appended.
func (f *objectFile) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return 0, ErrClosed
	}
	if len(f.buf) > 0 && len(f.buf)+len(b) > bufferSize {
		if err := f.flush(); err != nil {
			return 0, err
		}
	}
	f.buf = append(f.buf, b...)
	return len(b), nil
}

// flush writes the buffer. If that fails it can be tried again, as nothing was
// synced that may be half there.
func (f *objectFile) flush() error {
	if len(f.buf) == 0 {
		return nil
	}
	if _, err := f.f.WriteAt(f.buf, f.written); err != nil {
		return err
	}
	f.written += int64(len(f.buf))
	f.buf = f.buf[:0]
	return nil
}

// ReadAt reads what was appended.
func (f *objectFile) ReadAt(b []byte, off int64) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	switch {
	case f.closed:
		return 0, ErrClosed
	case off < 0:
		return 0, fmt.Errorf("read of %s at %d", f.name, off)
	}
	n := 0
	if off < f.written {
		var err error
		want := min(int64(len(b)), f.written-off)
		if n, err = f.f.ReadAt(b[:want], off); int64(n) < want {
			return n, err
		}
	}
	if from := off + int64(n) - f.written; n < len(b) && from < int64(len(f.buf)) {
		n += copy(b[n:], f.buf[from:])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// Sync makes durable what was appended.
func (f *objectFile) Sync() error {
	f.syncing.Lock()
	defer f.syncing.Unlock()
	if f.broken != nil {
		return f.broken
	}
	f.mu.Lock()
	err := f.flush()
	closed := f.closed
	f.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if err == nil {
		if err = f.f.Sync(); err != nil {
			f.broken = err
		}
	}
	return err
}

func (f *objectFile) close() error {
	f.syncing.Lock()
	defer f.syncing.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	return f.f.Close()
}

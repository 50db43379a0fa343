package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
)

// Blobs is content kept by its SHA-256. Any goroutine. A blob that was put is
// readable at once, and durable after Flush, which Store.Append calls first.
type Blobs interface {
	// Put stores what r gives, streaming, and returns its name and size.
	// Putting the same content again is cheap and harmless. ErrPurged: it was
	// purged, and is not taken.
	Put(r io.Reader) (sum [32]byte, size int64, err error)
	// Open returns the content; ErrNoBlob if there is none of that name,
	// ErrPurged if there was and it was purged.
	Open(sum [32]byte) (io.ReadSeekCloser, error)
	// Has reports whether there is a blob of that name.
	Has(sum [32]byte) bool
	// Flush makes every blob put so far durable.
	Flush() error
}

// manyPending is from how many unsynced blobs on one sync of the whole file
// system is cheaper than one for each.
const manyPending = 24

// blobStore keeps small blobs in packs and others as files. Until it is flushed
// a file stands in the folder new: what has its last name was synced before it
// got it, so that no crash leaves a torn blob where a later Put or Has would
// take it for whole.
type blobStore struct {
	fs     FS
	dir    string
	torn   string // where torn ends of packs are kept
	small  int    // up to how many bytes a blob is packed
	limit  int64  // of a pack
	notice func(string)
	temp   atomic.Uint64

	upkeep sync.Mutex // one Sweep, Purge or Backup at a time; held over I/O

	flush  sync.Mutex // one Flush at a time; held over I/O
	broken error      // guarded by flush: a sync failed, and is not tried again

	mu      sync.RWMutex      // guards the fields below, and what is in new; held over writes, not over syncs
	pending map[[32]byte]bool // files put since the last Flush
	fresh   map[[32]byte]bool // files in new
	packs   packs
	purged  map[[32]byte]bool
	touched map[[32]byte]bool // put since a Sweep began; nil without one
	held    map[[32]byte]bool // put, or asked for with Hold, since the store was opened
}

func newBlobStore(s *Store) *blobStore {
	return &blobStore{
		fs: s.fs, dir: s.path("blobs"), torn: s.path("torn"), small: s.opt.MaxPacked, limit: s.opt.PackSize, notice: s.opt.Notice,
		pending: map[[32]byte]bool{}, fresh: map[[32]byte]bool{}, purged: map[[32]byte]bool{}, packs: newPacks(),
		held: map[[32]byte]bool{},
	}
}

func (b *blobStore) name(sum [32]byte) string {
	h := hex.EncodeToString(sum[:])
	return filepath.Join(b.dir, h[:2], h[2:])
}

func (b *blobStore) fresher(sum [32]byte) string {
	return filepath.Join(b.dir, "new", hex.EncodeToString(sum[:]))
}

// open takes in what is there. It removes what was put and not flushed: no
// record names it.
func (b *blobStore) open() error {
	dir := filepath.Join(b.dir, "new")
	if err := b.fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	names, err := b.fs.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := b.fs.Remove(filepath.Join(dir, n)); err != nil {
			return err
		}
	}
	if err := b.openPurged(); err != nil {
		return err
	}
	if err := b.openPacks(); err != nil {
		return err
	}
	return b.finishPurges()
}

// Put stores content.
func (b *blobStore) Put(r io.Reader) (sum [32]byte, size int64, err error) {
	if b.small < 0 {
		return b.putFile(r)
	}
	head, err := io.ReadAll(io.LimitReader(r, int64(b.small)+1))
	if err != nil {
		return sum, 0, err
	}
	if len(head) > b.small {
		return b.putFile(io.MultiReader(bytes.NewReader(head), r))
	}
	sum = sha256.Sum256(head)
	if err := b.putPacked(sum, head); err != nil {
		return [32]byte{}, 0, err
	}
	return sum, int64(len(head)), nil
}

// putFile stores content as a file, streaming.
func (b *blobStore) putFile(r io.Reader) (sum [32]byte, size int64, err error) {
	name := filepath.Join(b.dir, "new", fmt.Sprintf("tmp-%d", b.temp.Add(1)))
	f, err := b.fs.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return sum, 0, err
	}
	h := sha256.New()
	size, err = io.Copy(io.MultiWriter(f, h), r)
	err = errors.Join(err, f.Close())
	if err == nil {
		h.Sum(sum[:0])
		err = b.take(name, sum)
	}
	if err != nil {
		return [32]byte{}, 0, errors.Join(err, b.fs.Remove(name))
	}
	return sum, size, nil
}

// take gives a temporary file its name, or drops it if the content is there.
func (b *blobStore) take(temp string, sum [32]byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	there, err := b.claim(sum)
	switch {
	case err != nil:
		return err
	case there:
		return b.fs.Remove(temp)
	}
	if err := b.fs.Rename(temp, b.fresher(sum)); err != nil {
		return err
	}
	b.fresh[sum], b.pending[sum] = true, true
	return nil
}

// claim says that content is wanted, and reports whether it is there; called
// with mu held. ErrPurged.
func (b *blobStore) claim(sum [32]byte) (there bool, err error) {
	if b.purged[sum] {
		return false, fmt.Errorf("%w: %x", ErrPurged, sum)
	}
	b.held[sum] = true
	if b.touched != nil {
		b.touched[sum] = true
	}
	if _, packed := b.packs.index[sum]; packed {
		return true, nil
	}
	// Never over one in new: a Flush may have synced that already.
	if there = b.fresh[sum]; !there {
		_, err := b.fs.Stat(b.name(sum))
		there = err == nil
	}
	if there {
		// Pending even so: an earlier process may have ended before it
		// synced the folder.
		b.pending[sum] = true
	}
	return there, nil
}

// Open returns content.
func (b *blobStore) Open(sum [32]byte) (io.ReadSeekCloser, error) {
	content, packed, err := b.unpack(sum)
	if err != nil {
		return nil, err
	}
	if packed {
		return nopCloser{bytes.NewReader(content)}, nil
	}
	// In this order, as a Flush moves it from the one to the other.
	for _, name := range []string{b.fresher(sum), b.name(sum)} {
		f, err := b.fs.OpenFile(name, os.O_RDONLY, 0)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return nil, fmt.Errorf("%w: %x", ErrNoBlob, sum)
}

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

// Has reports whether there is a blob of that name.
func (b *blobStore) Has(sum [32]byte) bool {
	b.mu.RLock()
	_, packed := b.packs.index[sum]
	purged := b.purged[sum]
	b.mu.RUnlock()
	if packed || purged {
		return packed && !purged
	}
	_, err := b.fs.Stat(b.fresher(sum))
	if err != nil {
		_, err = b.fs.Stat(b.name(sum))
	}
	return err == nil
}

// Flush makes every blob put so far durable. After an error it returns that
// error always, as what the disk has is unknown; but for ErrFull, with which
// nothing was lost.
func (b *blobStore) Flush() error {
	b.flush.Lock()
	defer b.flush.Unlock()
	return b.flushAll(false)
}

// flushAll is Flush, with flush held. With seal the pack that is being written
// gets no more.
func (b *blobStore) flushAll(seal bool) error {
	if b.broken != nil {
		return b.broken
	}
	b.mu.Lock()
	var todo map[[32]byte]bool // nil if there is none: the map at hand goes on being written to
	if len(b.pending) > 0 {
		todo, b.pending = b.pending, map[[32]byte]bool{}
	}
	var fresh [][32]byte
	for sum := range todo {
		if b.fresh[sum] {
			fresh = append(fresh, sum)
		}
	}
	b.mu.Unlock()
	if len(todo) > 0 {
		if b.broken = b.settle(todo, fresh); b.broken != nil {
			return b.broken
		}
	}
	b.mu.Lock()
	for _, sum := range fresh {
		delete(b.fresh, sum)
	}
	b.mu.Unlock()
	return b.flushPack(seal)
}

// settle syncs the fresh blobs, gives them their last names, and syncs the
// folders of all.
func (b *blobStore) settle(todo map[[32]byte]bool, fresh [][32]byte) error {
	if err := b.syncFiles(fresh); err != nil {
		return err
	}
	for _, sum := range fresh {
		if err := b.fs.MkdirAll(filepath.Dir(b.name(sum)), 0o700); err != nil {
			return err
		}
		if err := b.fs.Rename(b.fresher(sum), b.name(sum)); err != nil {
			return err
		}
	}
	dirs := map[string]bool{b.dir: true}
	for sum := range todo {
		dirs[filepath.Dir(b.name(sum))] = true
	}
	if len(dirs) >= manyPending {
		if err := b.fs.SyncAll(b.dir); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	for _, d := range slices.Sorted(maps.Keys(dirs)) {
		if err := b.fs.SyncDir(d); err != nil {
			return err
		}
	}
	return nil
}

func (b *blobStore) syncFiles(fresh [][32]byte) error {
	if len(fresh) >= manyPending {
		if err := b.fs.SyncAll(b.dir); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	for _, sum := range fresh {
		f, err := b.fs.OpenFile(b.fresher(sum), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// verify reads every blob and compares its content with its name.
func (b *blobStore) verify(r *Report) error {
	if err := b.verifyPacks(r); err != nil {
		return err
	}
	b.mu.RLock()
	r.Purged = len(b.purged)
	b.mu.RUnlock()
	for sum, err := range b.files() {
		if err != nil {
			return err
		}
		f, err := b.fs.OpenFile(b.name(sum), os.O_RDONLY, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue // swept beside us
		}
		if err != nil {
			return err
		}
		h := sha256.New()
		k, err := io.Copy(h, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		r.Blobs++
		r.Bytes += k
		if [32]byte(h.Sum(nil)) != sum {
			r.problem("%s: blob %x: its content has another hash", b.name(sum), sum)
		}
		if b.isPurged(sum) {
			r.problem("%s: blob %x was purged, and is there", b.name(sum), sum)
		}
	}
	return nil
}

func (b *blobStore) isPurged(sum [32]byte) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.purged[sum]
}

// files ranges over the blobs that are files with their last names.
func (b *blobStore) files() iter.Seq2[[32]byte, error] {
	return func(yield func([32]byte, error) bool) {
		dirs, err := b.fs.ReadDir(b.dir)
		if err != nil {
			yield([32]byte{}, err)
			return
		}
		for _, d := range dirs {
			if len(d) != 2 {
				continue
			}
			names, err := b.fs.ReadDir(filepath.Join(b.dir, d))
			if err != nil {
				yield([32]byte{}, err)
				return
			}
			for _, n := range names {
				sum, err := hex.DecodeString(d + n)
				if err != nil || len(sum) != 32 {
					continue // not ours
				}
				if !yield([32]byte(sum), nil) {
					return
				}
			}
		}
	}
}

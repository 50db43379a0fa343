package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	// Putting the same content again is cheap and harmless.
	Put(r io.Reader) (sum [32]byte, size int64, err error)
	// Open returns the content; ErrNoBlob if there is none of that name.
	Open(sum [32]byte) (io.ReadSeekCloser, error)
	// Has reports whether there is a blob of that name.
	Has(sum [32]byte) bool
	// Flush makes every blob put so far durable.
	Flush() error
}

// manyPending is from how many unsynced blobs on one sync of the whole file
// system is cheaper than one for each.
const manyPending = 24

// blobStore keeps blobs as files. Until it is flushed a blob stands in the
// folder new: what has its last name was synced before it got it, so that no
// crash leaves a torn blob where a later Put or Has would take it for whole.
type blobStore struct {
	fs   FS
	dir  string
	temp atomic.Uint64

	flush  sync.Mutex // one Flush at a time; held over I/O
	broken error      // guarded by flush: a sync failed, and is not tried again

	mu      sync.Mutex        // guards the fields below, and what is in new
	pending map[[32]byte]bool // put since the last Flush
	fresh   map[[32]byte]bool // in new
}

func newBlobStore(fsys FS, dir string) *blobStore {
	return &blobStore{fs: fsys, dir: dir, pending: map[[32]byte]bool{}, fresh: map[[32]byte]bool{}}
}

func (b *blobStore) name(sum [32]byte) string {
	h := hex.EncodeToString(sum[:])
	return filepath.Join(b.dir, h[:2], h[2:])
}

func (b *blobStore) fresher(sum [32]byte) string {
	return filepath.Join(b.dir, "new", hex.EncodeToString(sum[:]))
}

// clean removes what was put and not flushed: no record names it.
func (b *blobStore) clean() error {
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
	return nil
}

// Put stores content.
func (b *blobStore) Put(r io.Reader) (sum [32]byte, size int64, err error) {
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
		return sum, 0, errors.Join(err, b.fs.Remove(name))
	}
	return sum, size, nil
}

// take gives a temporary file its name, or drops it if the content is there.
func (b *blobStore) take(temp string, sum [32]byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	// Never over one in new: a Flush may have synced that already.
	there := b.fresh[sum]
	if !there {
		_, err := b.fs.Stat(b.name(sum))
		there = err == nil
	}
	var err error
	if there {
		err = b.fs.Remove(temp)
	} else if err = b.fs.Rename(temp, b.fresher(sum)); err == nil {
		b.fresh[sum] = true
	}
	if err == nil {
		// Pending even if it was there: an earlier process may have ended
		// before it synced the folder.
		b.pending[sum] = true
	}
	return err
}

// Open returns content.
func (b *blobStore) Open(sum [32]byte) (io.ReadSeekCloser, error) {
	// In this order, as a Flush moves it from the one to the other.
	for _, name := range []string{b.fresher(sum), b.name(sum)} {
		f, err := b.fs.OpenFile(name, os.O_RDONLY, 0)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return nil, fmt.Errorf("%w: %x", ErrNoBlob, sum)
}

// Has reports whether there is a blob of that name.
func (b *blobStore) Has(sum [32]byte) bool {
	_, err := b.fs.Stat(b.fresher(sum))
	if err != nil {
		_, err = b.fs.Stat(b.name(sum))
	}
	return err == nil
}

// Flush makes every blob put so far durable. After an error it returns that
// error always: what the disk has is unknown.
func (b *blobStore) Flush() error {
	b.flush.Lock()
	defer b.flush.Unlock()
	if b.broken != nil {
		return b.broken
	}
	b.mu.Lock()
	todo := b.pending
	b.pending = map[[32]byte]bool{}
	var fresh []([32]byte)
	for sum := range todo {
		if b.fresh[sum] {
			fresh = append(fresh, sum)
		}
	}
	b.mu.Unlock()
	if len(todo) == 0 {
		return nil
	}
	if b.broken = b.settle(todo, fresh); b.broken != nil {
		return b.broken
	}
	b.mu.Lock()
	for _, sum := range fresh {
		delete(b.fresh, sum)
	}
	b.mu.Unlock()
	return nil
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
		return b.fs.SyncAll(b.dir)
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
		return b.fs.SyncAll(b.dir)
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
	dirs, err := b.fs.ReadDir(b.dir)
	if err != nil {
		return err
	}
	for _, d := range dirs {
		if len(d) != 2 {
			continue
		}
		names, err := b.fs.ReadDir(filepath.Join(b.dir, d))
		if err != nil {
			return err
		}
		for _, name := range names {
			f, err := b.fs.OpenFile(filepath.Join(b.dir, d, name), os.O_RDONLY, 0)
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
			if hex.EncodeToString(h.Sum(nil)) != d+name {
				r.problem("blob %s%s: its content has another hash", d, name)
			}
		}
	}
	return nil
}

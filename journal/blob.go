package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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

// blobStore keeps blobs as files.
type blobStore struct {
	fs   FS
	dir  string
	temp atomic.Uint64

	flush   sync.Mutex // one Flush at a time; held over I/O
	mu      sync.Mutex // guards pending
	pending map[[32]byte]bool
}

func newBlobStore(fsys FS, dir string) *blobStore {
	return &blobStore{fs: fsys, dir: dir, pending: map[[32]byte]bool{}}
}

func (b *blobStore) name(sum [32]byte) string {
	h := hex.EncodeToString(sum[:])
	return filepath.Join(b.dir, h[:2], h[2:])
}

// clean removes what an interrupted Put left.
func (b *blobStore) clean() error {
	names, err := b.fs.ReadDir(b.dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		if strings.HasPrefix(n, "tmp-") {
			if err := b.fs.Remove(filepath.Join(b.dir, n)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Put stores content.
func (b *blobStore) Put(r io.Reader) (sum [32]byte, size int64, err error) {
	name := filepath.Join(b.dir, fmt.Sprintf("tmp-%d", b.temp.Add(1)))
	f, err := b.fs.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return sum, 0, err
	}
	h := sha256.New()
	size, err = io.Copy(io.MultiWriter(f, h), r)
	err = errors.Join(err, f.Close())
	if err != nil {
		return sum, 0, errors.Join(err, b.fs.Remove(name))
	}
	h.Sum(sum[:0])
	to := b.name(sum)
	if old, serr := b.fs.Stat(to); serr == nil && old == size {
		err = b.fs.Remove(name)
	} else if err = b.fs.MkdirAll(filepath.Dir(to), 0o700); err == nil {
		err = b.fs.Rename(name, to)
	}
	if err != nil {
		return sum, 0, errors.Join(err, b.fs.Remove(name))
	}
	// Pending even if it was there: an earlier process may have put it and
	// ended before it was flushed.
	b.mu.Lock()
	b.pending[sum] = true
	b.mu.Unlock()
	return sum, size, nil
}

// Open returns content.
func (b *blobStore) Open(sum [32]byte) (io.ReadSeekCloser, error) {
	f, err := b.fs.OpenFile(b.name(sum), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %x", ErrNoBlob, sum)
	}
	return f, err
}

// Has reports whether there is a blob of that name.
func (b *blobStore) Has(sum [32]byte) bool {
	_, err := b.fs.Stat(b.name(sum))
	return err == nil
}

// Flush makes every blob put so far durable.
func (b *blobStore) Flush() error {
	b.flush.Lock()
	defer b.flush.Unlock()
	b.mu.Lock()
	todo := b.pending
	b.pending = map[[32]byte]bool{}
	b.mu.Unlock()
	if len(todo) == 0 {
		return nil
	}
	err := b.sync(todo)
	if err != nil {
		b.mu.Lock()
		for s := range todo {
			b.pending[s] = true
		}
		b.mu.Unlock()
	}
	return err
}

func (b *blobStore) sync(todo map[[32]byte]bool) error {
	if len(todo) >= manyPending {
		return b.fs.SyncAll(b.dir)
	}
	dirs := map[string]bool{b.dir: true}
	for sum := range todo {
		name := b.name(sum)
		f, err := b.fs.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
		dirs[filepath.Dir(name)] = true
	}
	for d := range dirs {
		if err := b.fs.SyncDir(d); err != nil {
			return err
		}
	}
	return nil
}

// verify reads every blob and compares its content with its name.
func (b *blobStore) verify() (n int, size int64, problems []string, err error) {
	dirs, err := b.fs.ReadDir(b.dir)
	if err != nil {
		return 0, 0, nil, err
	}
	for _, d := range dirs {
		if len(d) != 2 {
			continue
		}
		names, err := b.fs.ReadDir(filepath.Join(b.dir, d))
		if err != nil {
			return n, size, problems, err
		}
		for _, name := range names {
			f, err := b.fs.OpenFile(filepath.Join(b.dir, d, name), os.O_RDONLY, 0)
			if err != nil {
				return n, size, problems, err
			}
			h := sha256.New()
			k, err := io.Copy(h, f)
			if err = errors.Join(err, f.Close()); err != nil {
				return n, size, problems, err
			}
			n, size = n+1, size+k
			if hex.EncodeToString(h.Sum(nil)) != d+name {
				problems = append(problems, fmt.Sprintf("blob %s%s: its content has another hash", d, name))
			}
		}
	}
	return n, size, problems, nil
}

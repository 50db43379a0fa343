package journal_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"

	"jitos.dev/journal"
	"jitos.dev/journal/journaltest"
)

func TestStoreKeepsBlobs(t *testing.T) {
	for name, opt := range map[string]journal.Options{"files": {MaxPacked: -1}, "packed": {}, "many packs": {PackSize: 5000}} {
		t.Run(name, func(t *testing.T) {
			journaltest.TestBlobs(t, func(t *testing.T) func() journaltest.BlobKeeper {
				dir := t.TempDir()
				return func() journaltest.BlobKeeper { return open(t, dir, opt) }
			})
		})
	}
}

func TestBlobs(t *testing.T) {
	for name, opt := range map[string]journal.Options{
		"files": {MaxPacked: -1}, "packed": {}, "packed or not": {MaxPacked: 500}, "many packs": {PackSize: 300},
	} {
		t.Run(name, func(t *testing.T) { testBlobs(t, opt) })
	}
}

// oneByOne is a file system that cannot sync all of itself.
type oneByOne struct{ *journaltest.FaultFS }

func (oneByOne) SyncAll(string) error { return errors.ErrUnsupported }

// Where there is no sync of a whole file system, files and folders are synced one by
// one, and a flush that was answered is durable all the same.
func TestBlobsWithoutASyncOfAll(t *testing.T) {
	for seed := range uint64(10) {
		disk := journaltest.NewFaultFS(seed)
		opt := journal.Options{FS: oneByOne{disk}, MaxPacked: -1}
		s := open(t, "/data", opt)
		var all [][]byte
		for i := range 60 { // more than are synced one by one elsewhere
			c := fmt.Appendf(nil, "small %d", i)
			all = append(all, c)
			put(t, s, string(c))
		}
		if err := s.Blobs().Flush(); err != nil {
			t.Fatal(err)
		}
		disk.Crash()
		s = open(t, "/data", opt)
		for _, c := range all {
			if err := hasBlob(s, sha256.Sum256(c), c); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		}
	}
}

func testBlobs(t *testing.T, opt journal.Options) {
	dir := t.TempDir()
	s := open(t, dir, opt)
	var contents [][]byte
	for i, size := range []int{0, 1, 1000, 1 << 20} {
		contents = append(contents, journaltest.Payload(uint64(i), size))
	}
	check := func(when string) {
		t.Helper()
		for _, c := range contents {
			sum := sha256.Sum256(c)
			if !s.Blobs().Has(sum) {
				t.Errorf("%s: no blob of %d bytes", when, len(c))
			}
			if err := hasBlob(s, sum, c); err != nil {
				t.Errorf("%s: %v", when, err)
			}
		}
	}
	for range 2 { // the second time it is there
		for _, c := range contents {
			sum, size, err := s.Blobs().Put(bytes.NewReader(c))
			if err != nil || sum != sha256.Sum256(c) || size != int64(len(c)) {
				t.Fatalf("put: %x, %d, %v", sum, size, err)
			}
		}
		check("put")
		if err := s.Blobs().Flush(); err != nil {
			t.Fatal(err)
		}
		check("flushed")
	}
	for i := range 60 { // enough for a sync of the whole file system
		c := fmt.Appendf(nil, "small %d", i)
		contents = append(contents, c)
		put(t, s, string(c))
	}
	none := sha256.Sum256([]byte("none"))
	if _, err := s.Blobs().Open(none); !errors.Is(err, journal.ErrNoBlob) || s.Blobs().Has(none) {
		t.Errorf("a blob that is not there: %v", err)
	}
	closeStore(t, s) // flushes
	s = open(t, dir, opt)
	defer func() { closeStore(t, s) }()
	check("reopened")
	if left, _ := filepath.Glob(filepath.Join(dir, "blobs", "new", "*")); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
	if r, err := s.Verify(); err != nil || r.Blobs != len(contents) || len(r.Problems) > 0 {
		t.Errorf("verify: %+v, %v", r, err)
	}
}

// A blob's bytes are what its name says, or Verify tells.
func TestVerifyFindsBlobs(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, journal.Options{MaxPacked: -1})
	defer closeStore(t, s)
	sum := put(t, s, "content")
	if err := s.Blobs().Flush(); err != nil {
		t.Fatal(err)
	}
	h := fmt.Sprintf("%x", sum)
	write(t, filepath.Join(dir, "blobs", h[:2], h[2:]), []byte("kontent"))
	if r, err := s.Verify(); err != nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], h) {
		t.Errorf("verify: %+v, %v", r, err)
	}
}

// A Put that fails leaves nothing behind.
func TestPutFails(t *testing.T) {
	broken := errors.New("broken")
	disk, s := onDisk(t, 0, 0)
	for name, do := range map[string]func() error{
		"the reader": func() error {
			_, _, err := s.Blobs().Put(io.MultiReader(strings.NewReader("some"), iotest.ErrReader(broken)))
			return err
		},
		"the write": func() error {
			disk.Inject(journaltest.Once(journaltest.OpWrite, "blobs", broken))
			_, _, err := s.Blobs().Put(strings.NewReader("other"))
			return err
		},
		"the rename": func() error {
			disk.Inject(journaltest.Once(journaltest.OpRename, "blobs", broken))
			_, _, err := s.Blobs().Put(strings.NewReader("third"))
			return err
		},
	} {
		if err := do(); !errors.Is(err, broken) {
			t.Errorf("%s fails: %v", name, err)
		}
		if left, err := disk.ReadDir("/var/data/blobs/new"); err != nil || len(left) > 0 {
			t.Errorf("%s fails: left %q, %v", name, left, err)
		}
	}
	journaltest.Append(t, s, 1, nil) // nothing was acknowledged, nothing is poisoned
}

// What was put and never flushed is gone after a restart, and a Put of the same
// content starts from nothing, however torn the first was.
func TestTornBlobIsNotTaken(t *testing.T) {
	text := strings.Repeat("some content. ", 200)
	for seed := range uint64(40) {
		disk := journaltest.NewFaultFS(seed)
		opt := journal.Options{FS: disk, MaxPacked: -1}
		if seed >= 20 {
			opt.MaxPacked = 0
		}
		s := open(t, "/data", opt)
		sum := put(t, s, text)
		if seed%2 == 0 {
			disk.Inject(journaltest.Once(journaltest.OpSync, "blobs", syscall.EIO))
			if err := s.Blobs().Flush(); !errors.Is(err, syscall.EIO) {
				t.Fatalf("flush: %v", err)
			}
			if err := s.Blobs().Flush(); !errors.Is(err, syscall.EIO) {
				t.Fatalf("a failed flush was forgiven: %v", err)
			}
			disk.Kill()
		} else {
			disk.Crash()
		}
		s = open(t, "/data", opt)
		// In a pack it may be there, as the whole batch is and was made
		// durable now; and a file that has its name is taken for whole.
		if s.Blobs().Has(sum) && (opt.MaxPacked < 0 || hasBlob(s, sum, []byte(text)) != nil) {
			t.Fatalf("seed %d: a blob that was never flushed is there", seed)
		}
		put(t, s, text)
		journaltest.Append(t, s, 1, sum[:])
		disk.Crash()
		s = open(t, "/data", opt)
		if err := hasBlob(s, sum, []byte(text)); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// Many put the same and different contents while another flushes; all are
// there at any time from their Put on.
func TestBlobsBeside(t *testing.T) {
	disk, s := onDisk(t, 0, 0)
	stop := make(chan struct{})
	var flusher, putters sync.WaitGroup
	flusher.Go(func() {
		for {
			if err := s.Blobs().Flush(); err != nil {
				t.Error(err)
				return
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for g := range 4 {
		putters.Go(func() {
			for i := range 40 {
				c := fmt.Appendf(nil, "content %d", i*(1+g%2))
				sum, _, err := s.Blobs().Put(bytes.NewReader(c))
				if err == nil {
					err = hasBlob(s, sum, c)
				}
				if err != nil || !s.Blobs().Has(sum) {
					t.Errorf("beside a flush: %v", err)
					return
				}
			}
		})
	}
	putters.Wait()
	close(stop)
	flusher.Wait()
	closeStore(t, s)
	if left, err := disk.ReadDir("/var/data/blobs/new"); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// A crash at any point of a Flush of many leaves no blob under its name that is
// not whole.
func TestFlushOfManyIsTornNowhere(t *testing.T) {
	for seed := range uint64(30) {
		disk := journaltest.NewFaultFS(seed)
		s := open(t, "/data", journal.Options{FS: disk})
		for i := range 40 {
			put(t, s, strings.Repeat(fmt.Sprintf("content %d, ", i), 20))
		}
		disk.StopAfter(1 + int(seed)*4)
		if err := s.Blobs().Flush(); err != nil && !errors.Is(err, journaltest.ErrDown) {
			t.Fatal(err)
		}
		disk.Crash()
		s = open(t, "/data", journal.Options{FS: disk})
		if r, err := s.Verify(); err != nil || len(r.Problems) > 0 {
			t.Fatalf("seed %d: %+v, %v", seed, r, err)
		}
	}
}

// atRename calls do before the next rename.
type atRename struct {
	*journaltest.FaultFS
	do func()
}

func (a *atRename) Rename(from, to string) error {
	if do := a.do; do != nil {
		a.do = nil
		do()
	}
	return a.FaultFS.Rename(from, to)
}

// A Put of a content that a Flush has just synced and not yet named must not
// put its own unsynced file in that one's place.
func TestPutBesideFlushOfTheSame(t *testing.T) {
	text := strings.Repeat("some content. ", 200)
	for seed := range uint64(20) {
		disk := journaltest.NewFaultFS(seed)
		fsys := &atRename{FaultFS: disk}
		s := open(t, "/data", journal.Options{FS: fsys, MaxPacked: -1})
		sum := put(t, s, text)
		fsys.do = func() { put(t, s, text) }
		journaltest.Append(t, s, 1, sum[:])
		if fsys.do != nil {
			t.Fatal("no blob was named")
		}
		disk.Crash()
		s = open(t, "/data", journal.Options{FS: disk})
		if err := hasBlob(s, sum, []byte(text)); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

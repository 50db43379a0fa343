package worktree

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// hugeAlloc is what may be allocated in all, in bytes, while files of any size pass.
const hugeAlloc = 2 << 20

// sparse keeps small contents, and of large ones, which are all zeros, the size.
type sparse struct {
	mu    sync.Mutex // guards the maps
	small map[[32]byte][]byte
	zeros map[[32]byte]int64
}

// noughts are zeros without end.
type noughts struct{}

func (noughts) ReadAt(p []byte, _ int64) (int, error) { clear(p); return len(p), nil }

type section struct{ *io.SectionReader }

func (section) Close() error { return nil }

func (s *sparse) Put(r io.Reader) (rmg.Blob, error) {
	const most = 1 << 16
	h := sha256.New()
	var head bytes.Buffer
	n, err := io.Copy(io.MultiWriter(h, &head), io.LimitReader(r, most))
	if err != nil {
		return rmg.Blob{}, err
	}
	rest, err := io.Copy(h, r)
	b := rmg.Blob{Sum: [32]byte(h.Sum(nil)), Size: n + rest}
	s.mu.Lock()
	defer s.mu.Unlock()
	if rest == 0 {
		s.small[b.Sum] = head.Bytes()
	} else {
		s.zeros[b.Sum] = b.Size
	}
	return b, err
}

func (s *sparse) Open(b rmg.Blob) (io.ReadSeekCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if data, ok := s.small[b.Sum]; ok {
		return section{io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))}, nil
	}
	size, ok := s.zeros[b.Sum]
	if !ok {
		return nil, os.ErrNotExist
	}
	return section{io.NewSectionReader(noughts{}, 0, size)}, nil
}

// A file passes through, in every direction, without ever being held whole: what is
// allocated does not grow with it. JITOS_HUGE is its size in MiB; 4096 takes some
// minutes and 20 GB of disk.
func TestHugeFilesPassThrough(t *testing.T) {
	ctx := context.Background()
	size := int64(envInt(t, "JITOS_HUGE", 16)) << 20
	b := newBench(t, nil)
	m, err := New(Options{Dir: t.TempDir(), Blobs: &sparse{small: map[[32]byte][]byte{}, zeros: map[[32]byte]int64{}}, Mount: Private()})
	b.must(err)
	b.git("config", "core.bigFileThreshold", "1m")
	b.git("config", "core.looseCompression", "1")
	b.write("big", "")
	b.must(os.Truncate(filepath.Join(b.top, "big"), size))
	b.git("add", "big")
	b.git("commit", "-qm", "big")
	tip := b.git("rev-parse", "HEAD")

	step := func(what string, do func() error) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b.must(do())
		runtime.ReadMemStats(&after)
		t.Logf("to %s, %d bytes were allocated", what, after.TotalAlloc-before.TotalAlloc)
		if n := after.TotalAlloc - before.TotalAlloc; n > hugeAlloc {
			t.Errorf("to %s, %d bytes were allocated", what, n)
		}
	}
	var tree rmg.Graph
	step("read it", func() (err error) { tree, err = m.Tree(ctx, b.top, tip); return err })
	var f *Folder
	step("write it out", func() (err error) { f, err = m.Slot(ctx, "app/0", tree, Origin{}); return err })
	b.must(os.Rename(filepath.Join(f.Path(), "big"), filepath.Join(f.Path(), "bigger")))
	b.must(os.Truncate(filepath.Join(f.Path(), "bigger"), size+1))
	var ops []rewrite.Op
	step("find what changed", func() (err error) { ops, err = f.Scan(ctx, root); return err })
	b.must(f.Close())
	next := b.apply(tree, ops)
	var l Landing
	step("prepare its landing", func() (err error) {
		l, err = m.Prepare(ctx, LandRequest{
			ID: "p1-2", Top: b.top, Branch: "main", Tip: tip, Old: tree, New: next, Message: "m", Author: "J <j@l>", AtUnix: 1,
		})
		return err
	})
	step("land it", func() error {
		out, err := m.Land(ctx, l)
		if out.Result != Landed {
			t.Errorf("%+v", out)
		}
		return err
	})
	if st, err := os.Stat(filepath.Join(b.top, "bigger")); err != nil || st.Size() != size+1 || b.read("big") != "absent" {
		t.Errorf("it landed as %v, %v", st, err)
	}
	if got := b.git("status", "--porcelain"); got != "" {
		t.Errorf("git status says %q", got)
	}
}

package sim

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// from is the first seed: JITOS_SEED, or JITOS_FROM, or one of this moment. CI says
// which, so that what it finds is the commit's and not the moment's.
func from(t *testing.T) uint64 {
	t.Helper()
	for _, name := range []string{"JITOS_SEED", "JITOS_FROM"} {
		if s := os.Getenv(name); s != "" {
			return must(strconv.ParseUint(s, 10, 64))(t)
		}
	}
	return uint64(time.Now().UnixNano())
}

// seed is from, and is printed if the test fails.
func seed(t *testing.T) uint64 {
	n := from(t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("repeat with JITOS_SEED=%d go test -run %s ./internal/sim", n, t.Name())
		}
	})
	return n
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestSimSameSeedSameLog runs one client twice under a seed, on one processor
// and on many: world, ledger and every digest on the way are the same, and the
// same again after a restart.
func TestSimSameSeedSameLog(t *testing.T) {
	n := seed(t)
	var first []ack
	var ends []string
	for run, procs := range []int{1, 4} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		dir := t.TempDir()
		s := must(open(dir))(t)
		c := &client{s: s, rnd: rand.New(rand.NewPCG(n, 0)), name: "one"}
		for range 250 {
			if err := c.step(); err != nil {
				t.Fatal(err)
			}
		}
		st := s.Status()
		ends = append(ends, fmt.Sprint(st.World, st.Ledger))
		if run == 0 {
			first = c.acks
		} else if fmt.Sprint(first) != fmt.Sprint(c.acks) {
			t.Error("the second run was answered otherwise than the first")
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		s = must(open(dir))(t)
		same(t, s, c.acks)
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
	}
	if ends[0] != ends[1] {
		t.Errorf("the runs ended as\n%s\n%s", ends[0], ends[1])
	}
}

// same checks that every acknowledged digest is that of its version.
func same(t *testing.T, s *system, acks []ack) {
	t.Helper()
	for _, a := range acks {
		v, err := s.View(fmt.Sprintf("seq:%d", a.seq))
		if err != nil {
			t.Fatal(err)
		}
		if v.Digest() != a.digest {
			t.Fatalf("seq %d was acknowledged with %v and has %v", a.seq, a.digest, v.Digest())
		}
	}
}

// TestSimCrashImages lets several clients write at once and copies the folder in
// the middle, as a crash would leave it: each copy opens, verifies, and has
// everything that was acknowledged before it was taken.
func TestSimCrashImages(t *testing.T) {
	n := seed(t)
	dir := t.TempDir()
	s := must(open(dir))(t)
	var wg sync.WaitGroup
	clients := make([]*client, 4)
	locks := make([]sync.Mutex, len(clients))
	stop := make(chan struct{})
	for i := range clients {
		c := &client{s: s, rnd: rand.New(rand.NewPCG(n, uint64(i))), name: fmt.Sprintf("c%d", i)}
		clients[i] = c
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				locks[i].Lock()
				err := c.step()
				locks[i].Unlock()
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	type image struct {
		dir  string
		acks []ack
	}
	var images []image
	for range 8 {
		var acks []ack
		for i, c := range clients {
			locks[i].Lock()
			acks = append(acks, c.acks...)
			locks[i].Unlock()
		}
		to := t.TempDir()
		if err := copyDir(to, dir); err != nil {
			t.Fatal(err)
		}
		images = append(images, image{to, acks})
	}
	close(stop)
	wg.Wait()
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	for i, im := range images {
		c := must(open(im.dir))(t)
		same(t, c, im.acks)
		if _, err := c.Verify(t.Context()); err != nil {
			t.Errorf("image %d: %v", i, err)
		}
		if err := c.close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d acknowledged before the last image", len(images[len(images)-1].acks))
}

// copyDir copies what is there at the moment; files that grow are cut where the
// copy was.
func copyDir(to, from string) error {
	return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) {
				return nil
			}
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil || rel == "." {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		if strings.HasSuffix(rel, "LOCK") || strings.HasSuffix(rel, "reserve") {
			return nil
		}
		data, err := os.ReadFile(p)
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o644)
	})
}

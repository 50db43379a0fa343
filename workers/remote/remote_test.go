package remote

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

const root = rmg.Path("/repo/app/main")

// content is kept in memory.
type content struct {
	mu   sync.Mutex
	data map[[32]byte][]byte
	safe int // how many there were when they were last made to stay
}

func (c *content) Flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.safe = len(c.data)
	return nil
}

type reader struct{ *bytes.Reader }

func (reader) Close() error { return nil }

func (c *content) Put(r io.Reader) (rmg.Blob, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return rmg.Blob{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	b := rmg.Blob{Sum: sha256.Sum256(data), Size: int64(len(data))}
	c.data[b.Sum] = data
	return b, nil
}

func (c *content) Open(b rmg.Blob) (io.ReadSeekCloser, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	data, ok := c.data[b.Sum]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return reader{bytes.NewReader(data)}, nil
}

// far is a daemon with one lease to give, and a line that can be cut.
type far struct {
	content
	tree wire.LeaseTree

	mu     sync.Mutex
	given  bool
	had    [][]rmg.Digest // trees that the machine said it has, by task
	then   []rewrite.Op   // what comes after the first task: another one, of what these make of its tree
	after  rmg.Digest
	gone   bool // nothing is answered
	stale  bool // the lease is over
	lies   bool // contents are others
	served int  // contents
	said   []string
	back   []wire.ReturnRequest
}

func unavailable() error { return wire.NewProblem(rmg.Unavailable, "no daemon answers") }

func newFar(t *testing.T, files ...string) *far {
	t.Helper()
	f := &far{content: content{data: map[[32]byte][]byte{}}}
	o := rmg.NewOverlay(rmg.Graph{})
	at := rmg.Root
	for _, s := range root.Segments() {
		at = at.Child(s.ID)
		f.tree.Ops = append(f.tree.Ops, rewrite.Op{Op: rewrite.AddNode, Path: at, Kind: rewrite.KindDir})
	}
	for i, text := range files {
		b, err := f.content.Put(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		f.tree.Ops = append(f.tree.Ops, rewrite.Op{
			Op: rewrite.AddNode, Path: root.Child(fmt.Sprint("f", i)), Kind: rewrite.KindFile,
			Props: map[string]rmg.Value{rewrite.PropBlob: rmg.BlobOf(b), rewrite.PropMode: rmg.String("0644")},
		})
	}
	if err := rewrite.Apply(o, f.tree.Ops); err != nil {
		t.Fatal(err)
	}
	e, _ := o.Graph().Get(root)
	f.tree.Digest = e.Graph.Digest()
	return f
}

func (f *far) TakeLease(ctx context.Context, _ wire.TakeRequest, _ time.Duration) (*wire.Lease, error) {
	f.mu.Lock()
	given := f.given
	f.given = true
	if given && f.then != nil && len(f.back) == 1 {
		f.tree, f.then, given = wire.LeaseTree{Base: f.tree.Digest, Digest: f.after, Ops: f.then}, nil, false
	}
	f.mu.Unlock()
	if given {
		<-ctx.Done()
		return nil, nil
	}
	return &wire.Lease{ID: "l1", TermMS: 30_000, Process: "p1", Task: "build", Worker: "script", Action: "run", SWS: "w1", Repo: wire.LeaseRepo{Root: root}}, nil
}

func (f *far) LeaseTree(_ context.Context, _ string, have []rmg.Digest) (wire.LeaseTree, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.had = append(f.had, have)
	return f.tree, nil
}

func (f *far) Heartbeat(_ context.Context, _ string, said []work.Event) (wire.BeatAnswer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone {
		return wire.BeatAnswer{}, unavailable()
	}
	if f.stale {
		return wire.BeatAnswer{}, wire.NewProblem(rmg.Stale, "the lease is over")
	}
	for _, e := range said {
		f.said = append(f.said, e.Text)
	}
	return wire.BeatAnswer{TermMS: 30_000}, nil
}

func (f *far) ReturnLease(_ context.Context, _ string, r wire.ReturnRequest) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone {
		return unavailable()
	}
	f.back = append(f.back, r)
	return nil
}

func (f *far) Blob(_ context.Context, name string) (io.ReadCloser, error) {
	var b rmg.Blob
	if _, err := hex.Decode(b.Sum[:], []byte(name)); err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.served++
	lies := f.lies
	f.mu.Unlock()
	if lies {
		return io.NopCloser(strings.NewReader("another")), nil
	}
	return f.Open(b)
}

func (f *far) PutBlob(_ context.Context, r io.Reader) (wire.Blob, error) {
	b, err := f.content.Put(r)
	return wire.Blob{SHA256: hex.EncodeToString(b.Sum[:]), Size: b.Size}, err
}

func (f *far) set(what *bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*what = true
}

// works has a machine do the lease by a function, until it has no more to do. It
// returns what the machine says.
func (f *far) works(t *testing.T, local *content, run func(context.Context, work.Assignment) (work.Result, error)) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var mu sync.Mutex
	var told []string
	done := make(chan error)
	go func() {
		done <- Work(ctx, Options{
			Daemon: f, Name: "m1", Workers: []string{"script"}, Blobs: local,
			Run: func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) { return run(ctx, a) },
			Say: func(line string) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, line)
			},
		})
	}()
	time.Sleep(time.Hour)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	return strings.Join(told, "\n")
}

func local() *content { return &content{data: map[[32]byte][]byte{}} }

// A machine that is cut off stops when the lease is over, and not before; its result
// goes nowhere.
func TestAPartitionedMachineStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFar(t)
		var lasted time.Duration
		told := f.works(t, local(), func(ctx context.Context, a work.Assignment) (work.Result, error) {
			time.Sleep(5 * time.Minute) // the lease is kept meanwhile
			if ctx.Err() != nil {
				t.Error("the lease ended while the daemon answered")
			}
			f.set(&f.gone)
			began := time.Now()
			<-ctx.Done()
			lasted = time.Since(began)
			return work.Result{OK: true}, nil
		})
		if lasted < 20*time.Second || lasted > 30*time.Second {
			t.Errorf("it went on for %v without the daemon", lasted)
		}
		if len(f.back) != 0 || !strings.Contains(told, "did not answer for 30s") {
			t.Errorf("%+v\n%s", f.back, told)
		}
	})
}

// A machine whose lease was taken away stops at the next sign of life.
func TestALostLeaseStopsTheMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFar(t)
		told := f.works(t, local(), func(ctx context.Context, a work.Assignment) (work.Result, error) {
			f.set(&f.stale)
			began := time.Now()
			<-ctx.Done()
			if d := time.Since(began); d > 11*time.Second {
				t.Errorf("it took %v", d)
			}
			return work.Result{}, context.Cause(ctx)
		})
		if len(f.back) != 0 || !strings.Contains(told, "the lease is over") {
			t.Errorf("%+v\n%s", f.back, told)
		}
	})
}

// Only what is missing travels, once, and is what it is named; what an adopted child
// did goes back, with its contents, and what a dropped one did does not.
func TestWhatTravels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFar(t, "one", "two")
		l := local()
		if _, err := l.Put(strings.NewReader("one")); err != nil {
			t.Fatal(err)
		}
		f.works(t, l, func(ctx context.Context, a work.Assignment) (work.Result, error) {
			for range 2 {
				for i, want := range []string{"one", "two"} {
					e, _ := a.Workspace.Graph().Get(root.Child(fmt.Sprint("f", i)))
					if got, err := a.Workspace.ReadBlob(e.Props.Blob(rewrite.PropBlob)); err != nil || string(got) != want {
						t.Errorf("%q %v", got, err)
					}
				}
			}
			write := func(name string) []rewrite.Op {
				return []rewrite.Op{{Op: rewrite.Write, Path: root.Child(name), Text: name, HasText: true}}
			}
			if err := a.Workspace.Rewrite(ctx, rewrite.Rewrite{Ops: write("own"), Reason: "own"}); err != nil {
				return work.Result{}, err
			}
			lost, err := a.Workspace.Fork(ctx, "lost", write("lost"))
			if err != nil {
				return work.Result{}, err
			}
			kept, err := a.Workspace.Fork(ctx, "kept", write("kept"))
			if err != nil {
				return work.Result{}, err
			}
			a.Emit(work.Event{Text: "nearly"})
			return work.Result{OK: true, Adopt: kept.ID()}, lost.Discard(ctx, "no")
		})
		if l.safe != 5 {
			t.Errorf("%d contents stay", l.safe)
		}
		if f.served != 1 {
			t.Errorf("%d contents travelled", f.served)
		}
		if len(f.back) != 1 || f.back[0].Failure != "" || len(f.back[0].Ops) != 2 || f.back[0].Ops[0].Path != root.Child("own") || f.back[0].Ops[1].Path != root.Child("kept") {
			t.Fatalf("%+v", f.back)
		}
		for _, op := range f.back[0].Ops {
			if _, err := f.Open(op.Blob); err != nil {
				t.Errorf("%s is not at the daemon: %v", op.Path, err)
			}
		}
		if len(f.said) < 2 || f.said[0] != "nearly" {
			t.Errorf("%q", f.said)
		}
	})
}

// Content that is not what it is named is not taken.
func TestOtherContentIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFar(t, "one")
		f.lies = true
		f.works(t, local(), func(ctx context.Context, a work.Assignment) (work.Result, error) {
			e, _ := a.Workspace.Graph().Get(root.Child("f0"))
			_, err := a.Workspace.ReadBlob(e.Props.Blob(rewrite.PropBlob))
			if !errors.Is(err, &rmg.Error{Code: rmg.Internal}) {
				t.Errorf("%v", err)
			}
			return work.Result{}, err
		})
		if len(f.back) != 1 || !strings.Contains(f.back[0].Failure, "other content") {
			t.Errorf("%+v", f.back)
		}
	})
}

// The tree of an earlier task is offered, and what the next one has over it makes the
// next tree. What it is said to come to has to come out.
func TestATreeIsMadeOfAnEarlierOne(t *testing.T) {
	for _, name := range []string{"as it is", "as it is not"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFar(t, "one", "two")
				first := f.tree.Digest
				o := rmg.NewOverlay(rmg.Graph{})
				f.then = []rewrite.Op{{Op: rewrite.Remove, Path: root.Child("f0")}}
				if err := rewrite.Apply(o, slices.Concat(f.tree.Ops, f.then)); err != nil {
					t.Fatal(err)
				}
				e, _ := o.Graph().Get(root)
				f.after = e.Graph.Digest()
				if name != "as it is" {
					f.after = first
				}
				var seen []string
				f.works(t, local(), func(_ context.Context, a work.Assignment) (work.Result, error) {
					e, _ := a.Workspace.Graph().Get(root)
					seen = append(seen, e.Graph.Digest().String())
					return work.Result{OK: true}, nil
				})
				if len(f.had) != 2 || len(f.had[0]) != 0 || !slices.Equal(f.had[1], []rmg.Digest{first}) {
					t.Errorf("offered: %v", f.had)
				}
				switch {
				case name == "as it is" && (len(seen) != 2 || seen[1] != f.after.String()):
					t.Errorf("%v, not %s", seen, f.after)
				case name != "as it is" && (len(f.back) != 2 || !strings.Contains(f.back[1].Failure, "the tree came out as")):
					t.Errorf("%+v", f.back)
				}
			})
		})
	}
}

package kernel

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"jitos.dev/journal"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// hand is a clock that moves when it is told to.
type hand struct {
	mu  sync.Mutex // guards now
	now time.Time
}

func (c *hand) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *hand) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// outside stands in for the worktree and the runner, of which these tests need
// nothing.
type outside struct{ Worktree }

func (outside) Describe() []work.Description { return nil }

func (outside) Run(context.Context, string, work.Assignment) (work.Result, error) {
	return work.Result{}, errors.New("no workers here")
}

func (outside) Prove(context.Context, work.Proof) ([]work.Evidence, error) {
	return nil, errors.New("no gates here")
}
func (outside) Key(work.Proof, work.Gate) string { return "" }
func (outside) Busy() time.Duration              { return 0 }

// fatal is as much of a test as a bed needs; *rapid.T has it too.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

// bed is a kernel on a folder that can be closed and opened again.
type bed struct {
	fatal
	*Kernel
	dir   string
	store *journal.Store
	clock *hand
}

var ada = Caller{Name: "ada@host"}

func newBed(t fatal, dir string) *bed {
	b := &bed{fatal: t, dir: dir, clock: &hand{now: time.Unix(1_700_000_000, 0).UTC()}}
	b.open()
	return b
}

// kernelFor is a bed that ends with its test.
func kernelFor(t *testing.T) *bed {
	t.Helper()
	b := newBed(t, t.TempDir())
	t.Cleanup(b.close)
	return b
}

func (b *bed) open() {
	b.Helper()
	store, err := journal.Open(b.dir, journal.Options{})
	if err != nil {
		b.Fatalf("open the journal: %v", err)
	}
	lib, err := tasks.Load()
	if err != nil {
		b.Fatalf("load no methods: %v", err)
	}
	k, err := Open(context.Background(), Options{Journal: store, Clock: b.clock, Worktree: outside{}, Runner: outside{}, Library: lib})
	if err != nil {
		b.Fatalf("open the kernel: %v", err)
	}
	b.Kernel, b.store = k, store
}

func (b *bed) close() {
	b.Helper()
	if err := errors.Join(b.Kernel.Close(), b.store.Close()); err != nil {
		b.Fatalf("close: %v", err)
	}
}

// restart closes the kernel, opens it on what is on disk, and has the log
// replayed against every digest in it.
func (b *bed) restart() {
	b.Helper()
	b.close()
	b.open()
	v, err := b.Verify(context.Background())
	if err != nil || len(v.Problems) > 0 {
		b.Fatalf("verify after a restart: %v %q", err, v.Problems)
	}
}

// write applies ops to a view that must take them.
func (b *bed) write(view string, ops ...rewrite.Op) Receipt {
	b.Helper()
	r, err := b.Rewrite(context.Background(), ada, view, rewrite.Rewrite{Ops: ops, Reason: "test"})
	if err != nil {
		b.Fatalf("write to %s: %v", view, err)
	}
	return r
}

// new forks a workspace.
func (b *bed) new(r ForkRequest) string {
	b.Helper()
	w, err := b.Fork(context.Background(), ada, r)
	if err != nil {
		b.Fatalf("fork: %v", err)
	}
	return w.ID
}

// shown is a workspace as it is shown.
func (b *bed) shown(id string) Workspace {
	b.Helper()
	w, err := b.Workspace(id)
	if err != nil {
		b.Fatalf("show %s: %v", id, err)
	}
	return w
}

// at reads a prop in a version as JSON; "-" where there is none, "gone" where the
// element is not.
func (b *bed) at(view string, p rmg.Path, prop string) string {
	b.Helper()
	v, err := b.View(view)
	if err != nil {
		b.Fatalf("view %s: %v", view, err)
	}
	e, ok := v.Get(p)
	if !ok {
		return "gone"
	}
	x, ok := e.Props.Get(prop)
	if !ok {
		return "-"
	}
	data, err := x.MarshalJSON()
	if err != nil {
		b.Fatalf("%v", err)
	}
	return string(data)
}

// want compares what a version has at paths: "/a#x=1".
func (b *bed) want(view string, p rmg.Path, prop, value string) {
	b.Helper()
	if got := b.at(view, p, prop); got != value {
		b.Fatalf("%s has %s#%s = %s, not %s", view, p, prop, got, value)
	}
}

// refused checks the code of an error, and that it says what to do next.
func (b *bed) refused(err error, code rmg.Code) *rmg.Error {
	b.Helper()
	var e *rmg.Error
	if !errors.As(err, &e) || e.Code != code {
		b.Fatalf("the error is %v, not one of code %s", err, code)
	}
	if e.Hint == "" {
		b.Fatalf("no hint with %v", err)
	}
	return e
}

func node(p rmg.Path, x int64) rewrite.Op {
	return rewrite.Op{Op: rewrite.AddNode, Path: p, Kind: "K", Props: map[string]rmg.Value{"x": rmg.Int(x)}}
}

func edge(p rmg.Path, from, to string) rewrite.Op {
	return rewrite.Op{Op: rewrite.AddEdge, Path: p, Kind: "E", From: from, To: to}
}

func set(p rmg.Path, x int64) rewrite.Op {
	return rewrite.Op{Op: rewrite.Set, Path: p, Props: map[string]rmg.Value{"x": rmg.Int(x)}}
}

func gone(p rmg.Path) rewrite.Op { return rewrite.Op{Op: rewrite.Remove, Path: p, Cascade: true} }

func seqText(n uint64) string { return fmt.Sprintf("seq:%d", n) }

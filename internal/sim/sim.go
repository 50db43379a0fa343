package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"jitos.dev/journal"
	"jitos.dev/kernel"
	"jitos.dev/methods"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// clock is time that moves by a millisecond whenever it is looked at.
type clock struct {
	mu  sync.Mutex // guards now
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

// errOutside is what everything outside of kernel and journal answers.
var errOutside = errors.New("not in the simulation")

// nothing stands in for the worktree and the runner.
type nothing struct{}

func (nothing) Locate(context.Context, string) (kernel.Repo, error) {
	return kernel.Repo{}, errOutside
}

func (nothing) AddFolder(context.Context, string) (kernel.Repo, error) {
	return kernel.Repo{}, errOutside
}

func (nothing) ForgetFolder(context.Context, string, bool) (string, int64, error) {
	return "", 0, errOutside
}

func (nothing) Head(context.Context, string, string) (string, error) { return "", errOutside }

func (nothing) Tree(context.Context, string, string) (rmg.Graph, error) {
	return rmg.Graph{}, errOutside
}

func (nothing) Uncommitted(context.Context, string, string) (rmg.Graph, error) {
	return rmg.Graph{}, errOutside
}
func (nothing) Dirty(context.Context, string) ([]string, error) { return nil, errOutside }

func (nothing) Log(context.Context, string, string, int) ([]kernel.Commit, error) {
	return nil, errOutside
}

func (nothing) Blame(context.Context, string, string, string, int) (kernel.Commit, error) {
	return kernel.Commit{}, errOutside
}

func (nothing) Forget() error { return nil }

func (nothing) Slot(context.Context, string, rmg.Graph, kernel.Origin) (kernel.Folder, error) {
	return nil, errOutside
}

func (nothing) Fresh(context.Context, string, rmg.Graph) (kernel.Folder, error) {
	return nil, errOutside
}

func (nothing) Prepare(context.Context, kernel.LandRequest) ([]byte, string, error) {
	return nil, "", errOutside
}

func (nothing) Land(context.Context, []byte) (kernel.LandOutcome, error) {
	return kernel.LandOutcome{}, errOutside
}

func (nothing) Resume(context.Context, []byte) (kernel.LandOutcome, error) {
	return kernel.LandOutcome{}, errOutside
}
func (nothing) Park(context.Context, []byte, string, string) error { return errOutside }

func (nothing) Target(context.Context, string, string, string, bool) (kernel.Target, error) {
	return kernel.Target{}, errOutside
}
func (nothing) Hooks(context.Context, string) (kernel.Hooks, error) { return kernel.Hooks{}, nil }

func (nothing) Staged(context.Context, string, rmg.Graph, rmg.Graph, kernel.Origin, kernel.Hooks) (kernel.Folder, []string, error) {
	return nil, nil, errOutside
}

func (nothing) ToPush(context.Context, string, rmg.Graph, rmg.Graph, kernel.Origin, kernel.Hooks, kernel.Pushing) (kernel.Folder, []string, string, error) {
	return nil, nil, "", errOutside
}
func (nothing) Patch(context.Context, []byte) (rmg.Blob, error) { return rmg.Blob{}, errOutside }

func (nothing) Push(context.Context, []byte, kernel.Target, string, string) error {
	return errOutside
}
func (nothing) Pushed(context.Context, []byte, kernel.Target, string) bool { return false }

func (nothing) Propose(context.Context, []byte, kernel.Target, string, string, string) (string, error) {
	return "", errOutside
}
func (nothing) Describe() []work.Description { return nil }

func (nothing) Run(context.Context, string, work.Assignment) (work.Result, error) {
	return work.Result{}, errOutside
}

func (nothing) Prove(context.Context, work.Proof) ([]work.Evidence, error) { return nil, errOutside }
func (nothing) Key(work.Proof, work.Gate) string                           { return "" }
func (nothing) Busy() time.Duration                                        { return 0 }

// system is a kernel on a folder.
type system struct {
	*kernel.Kernel
	store *journal.Store
}

func open(dir string) (*system, error) {
	store, err := journal.Open(dir, journal.Options{})
	if err != nil {
		return nil, err
	}
	var list []tasks.Source
	for _, name := range []string{"change.yaml", "fixbug.yaml", "report.yaml", "deploy.yaml"} {
		data, err := methods.Files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		list = append(list, tasks.Source{Name: name, Data: data})
	}
	lib, err := tasks.Load(list...)
	if err != nil {
		return nil, err
	}
	k, err := kernel.Open(context.Background(), kernel.Options{
		Journal: store, Clock: &clock{now: time.Unix(1_700_000_000, 0).UTC()}, Worktree: nothing{}, Runner: nothing{}, Library: lib,
	})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &system{k, store}, nil
}

func (s *system) close() error { return errors.Join(s.Kernel.Close(), s.store.Close()) }

// ack is an answer: the world of the system at a seq.
type ack struct {
	seq    uint64
	digest rmg.Digest
}

// client does random things; what is refused is as good as what is done, since
// refusals change nothing.
type client struct {
	s      *system
	rnd    *rand.Rand
	name   string
	spaces []string
	acks   []ack // of rewrites of the system
}

func (c *client) step() error {
	ctx := context.Background()
	who := kernel.Caller{Name: c.name}
	view, space := "system", ""
	if len(c.spaces) > 0 && c.rnd.IntN(3) > 0 {
		space = c.spaces[c.rnd.IntN(len(c.spaces))]
		view = "sws:" + space
	}
	var err error
	switch n := c.rnd.IntN(24); {
	case n < 13:
		var r kernel.Receipt
		r, err = c.s.Rewrite(ctx, who, view, rewrite.Rewrite{Ops: c.ops(), Reason: "sim"})
		if err == nil && space == "" {
			c.acks = append(c.acks, ack{r.Seq, r.Digest})
		}
	case n < 16:
		var w kernel.Workspace
		if w, err = c.s.Fork(ctx, who, kernel.ForkRequest{From: view}); err == nil {
			c.spaces = append(c.spaces, w.ID)
		}
	case n < 18 && space != "":
		_, err = c.s.Collapse(ctx, who, space, kernel.CollapseRequest{})
	case n < 19 && space != "":
		_, err = c.s.Discard(ctx, who, space, "sim")
	case n < 20 && space != "":
		_, err = c.s.Restore(ctx, who, space)
	case n < 22 && space != "":
		_, err = c.s.Rebase(ctx, who, space, "")
	case space != "":
		side := []string{"system", "workspace", "base"}[c.rnd.IntN(3)]
		_, err = c.s.Settle(ctx, who, space, kernel.Resolution{Take: side})
	}
	var e *rmg.Error
	if errors.As(err, &e) && e.Code != rmg.Internal {
		return nil
	}
	return err
}

// ops are a few random changes of a small world, so that they collide.
func (c *client) ops() []rewrite.Op {
	var out []rewrite.Op
	for range 1 + c.rnd.IntN(3) {
		p := rmg.Root.Child(fmt.Sprintf("n%d", c.rnd.IntN(8)))
		if c.rnd.IntN(3) == 0 {
			p = p.Child(fmt.Sprintf("m%d", c.rnd.IntN(4)))
		}
		switch c.rnd.IntN(6) {
		case 0, 1:
			out = append(out, rewrite.Op{Op: rewrite.AddNode, Path: p, Kind: "K"})
		case 2, 3:
			v := rmg.Int(int64(c.rnd.IntN(5)))
			out = append(out, rewrite.Op{Op: rewrite.Set, Path: p, Props: map[string]rmg.Value{"x": v}})
		case 4:
			out = append(out, rewrite.Op{Op: rewrite.Remove, Path: p, Cascade: true})
		case 5:
			out = append(out, rewrite.Op{Op: rewrite.Inc, Path: p, Prop: "hits", By: 1})
		}
	}
	return out
}

// Package remote works on tasks of a daemon that is elsewhere: it takes them on
// leases, makes what they work on by content, of which only what is missing here
// travels, and brings back what changed.
package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"

	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// takeWait is how long one question for a task may wait at the daemon.
const takeWait = 30 * time.Second

// maxPause is the longest wait before a daemon that does not answer is asked again;
// it begins at a second and doubles.
const maxPause = 30 * time.Second

// Daemon is what is asked of one; *client.Client is one.
type Daemon interface {
	TakeLease(ctx context.Context, r wire.TakeRequest, wait time.Duration) (*wire.Lease, error)
	LeaseTree(ctx context.Context, id string, have []rmg.Digest) (wire.LeaseTree, error)
	Heartbeat(ctx context.Context, id string, said []work.Event) (wire.BeatAnswer, error)
	ReturnLease(ctx context.Context, id string, r wire.ReturnRequest) error
	Blob(ctx context.Context, sha256 string) (io.ReadCloser, error)
	PutBlob(ctx context.Context, r io.Reader) (wire.Blob, error)
}

// Blobs is content that is kept here.
type Blobs interface {
	Put(r io.Reader) (rmg.Blob, error)
	Open(b rmg.Blob) (io.ReadSeekCloser, error)
	// Flush has what was put so far still be there after a crash.
	Flush() error
}

// Folder is a tree as real files; *worktree.Folder is one.
type Folder interface {
	Path() string
	Scratch() string
	Update(ctx context.Context, tree rmg.Graph) error
	Scan(ctx context.Context, at rmg.Path) ([]rewrite.Op, error)
	Close() error
}

// Options say what a machine is and stands on. All must be given but Labels.
type Options struct {
	Daemon  Daemon
	Name    string
	Labels  []string
	Workers []string
	// Run does an assignment by a worker of this machine.
	Run   func(ctx context.Context, worker string, a work.Assignment) (work.Result, error)
	Blobs Blobs
	// Slot makes the folder of a fixed place hold a tree.
	Slot func(ctx context.Context, name string, tree rmg.Graph) (Folder, error)
	Say  func(line string) // what goes on, for a person
}

// Work takes tasks, one after another, until ctx ends. A daemon that does not
// answer is asked again; the error is one that asking again does not mend.
func Work(ctx context.Context, o Options) error {
	pause := time.Duration(0)
	var had trees
	for ctx.Err() == nil {
		l, err := o.Daemon.TakeLease(ctx, wire.TakeRequest{Machine: o.Name, Labels: o.Labels, Workers: o.Workers}, takeWait)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, &rmg.Error{Code: rmg.Unavailable}), errors.Is(err, &rmg.Error{Code: rmg.Limit}), errors.Is(err, &rmg.Error{Code: rmg.Internal}):
			if pause == 0 {
				o.Say("no task is to be had, and it is tried again: " + err.Error())
			}
			pause = min(max(2*pause, time.Second), maxPause)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
		case err != nil:
			return err
		case l != nil:
			pause = 0
			o.do(ctx, *l, &had)
		}
	}
	return nil
}

// do works on one lease and brings back what came of it, if it still holds then.
func (o Options) do(ctx context.Context, l wire.Lease, had *trees) {
	name := l.Process + "/" + l.Task
	h, err := hold(ctx, o.Daemon, l)
	if err != nil {
		o.Say(name + ": the lease was over before it began: " + err.Error())
		return
	}
	defer h.drop()
	defer func() {
		if err := o.Blobs.Flush(); err != nil {
			o.Say("contents may have to travel again: " + err.Error())
		}
	}()
	o.Say(name + ": begins, by " + l.Worker)
	back := o.work(h, l, had)
	if h.ctx.Err() == nil {
		h.flush()
	}
	for h.ctx.Err() == nil {
		err := o.Daemon.ReturnLease(h.ctx, l.ID, back)
		if errors.Is(err, &rmg.Error{Code: rmg.Unavailable}) {
			h.wait(time.Second)
			continue
		}
		if err != nil {
			o.Say(name + ": refused: " + err.Error())
			return
		}
		o.Say(name + ": " + back.Summary)
		return
	}
	o.Say(name + ": stopped: " + context.Cause(h.ctx).Error())
}

// work does the assignment. What goes wrong is in the answer.
func (o Options) work(h *held, l wire.Lease, had *trees) wire.ReturnRequest {
	failed := func(err error) wire.ReturnRequest {
		return wire.ReturnRequest{Summary: err.Error(), Failure: err.Error()}
	}
	store := &store{ctx: h.ctx, daemon: o.Daemon, local: o.Blobs}
	s, err := o.space(h.ctx, l, store, had)
	if err != nil {
		return failed(err)
	}
	a := work.Assignment{
		Process: l.Process, Task: l.Task, Action: l.Action, Args: l.Args, Inputs: map[string]rmg.Props{}, Attempt: l.Attempt, Lane: l.Lane, Token: l.ID,
		Workspace: s, Rights: l.Rights, Query: query{s}, Emit: h.say, Beat: func() {},
		Repo: work.Repo{Name: l.Repo.Name, Branch: l.Repo.Branch, Root: l.Repo.Root, Module: l.Repo.Module, Target: l.Repo.Target, Symbol: l.Repo.Symbol},
		Budget: work.Budget{
			Candidates: l.Budget.Candidates, WallMillis: l.Budget.WallMS, OutputMax: l.Budget.OutputMax, MemoryMax: l.Budget.MemoryMax,
			ScratchMax: l.Budget.ScratchMax, Tokens: l.Budget.Tokens, MoneyMicros: l.Budget.MoneyMicros,
		},
	}
	for task, props := range l.Inputs {
		a.Inputs[task] = rmg.PropsOf(props)
	}
	res, err := o.Run(h.ctx, l.Worker, a)
	if err != nil {
		return failed(err)
	}
	ops, reason, err := s.outcome(res)
	if err == nil {
		err = store.upload(ops)
	}
	if err != nil {
		return failed(err)
	}
	fetched, bytes := store.travelled()
	h.say(work.Event{Text: fmt.Sprintf("%s: %d contents of %d bytes came here, %d changes go back", o.Name, fetched, bytes, len(ops))})
	return wire.ReturnRequest{
		OK: res.OK, Nothing: res.Nothing, Summary: res.Summary, Reasons: res.Reasons, Output: maps.Collect(res.Output.All()),
		Ops: ops, Reason: reason, Tokens: res.Spent.Tokens, MoneyMicros: res.Spent.MoneyMicros,
	}
}

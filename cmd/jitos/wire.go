package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"time"

	"jitos.dev/journal"
	"jitos.dev/kernel"
	"jitos.dev/rmg"
	"jitos.dev/workers"
	"jitos.dev/workers/sandbox"
	"jitos.dev/worktree"
)

// The kernel, the worktree and the workers do not know each other: this file
// says each one's words in the other's.

// wallClock is the machine's clock.
type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

// draw is the machine's chance.
func draw() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails: see crypto/rand
	return binary.LittleEndian.Uint64(b[:])
}

// blobStore gives the worktree the journal's content store.
type blobStore struct{ journal.Blobs }

func (b blobStore) Put(r io.Reader) (rmg.Blob, error) {
	sum, size, err := b.Blobs.Put(r)
	if errors.Is(err, journal.ErrPurged) {
		err = &rmg.Error{Op: "blob", Code: rmg.Denied, Msg: err.Error(), Hint: "take it out of the repository; jitos log --cause purge says who purged it and why"}
	}
	return rmg.Blob{Sum: sum, Size: size}, err
}

func (b blobStore) Open(x rmg.Blob) (io.ReadSeekCloser, error) { return b.Blobs.Open(x.Sum) }

// runner adds to the workers' runner the time that commands took.
type runner struct{ *workers.Runner }

func (runner) Busy() time.Duration { return sandbox.Busy() }

// bridge is the worktree as the kernel wants it.
type bridge struct{ *worktree.Manager }

func (b bridge) Locate(ctx context.Context, dir string) (kernel.Repo, error) {
	r, err := b.Manager.Locate(ctx, dir)
	return repoOf(r), err
}

func (b bridge) AddFolder(ctx context.Context, dir string) (kernel.Repo, error) {
	r, err := b.Manager.AddFolder(ctx, dir)
	return repoOf(r), err
}

func repoOf(r worktree.Repo) kernel.Repo {
	return kernel.Repo{Top: r.Top, Origin: r.Origin, Name: r.Name, Branch: r.Branch, Head: r.Head, Plain: r.Plain}
}

func (b bridge) Log(ctx context.Context, top, branch string, max int) ([]kernel.Commit, error) {
	list, err := b.Manager.Log(ctx, top, branch, max)
	out := make([]kernel.Commit, len(list))
	for i, c := range list {
		out[i] = kernel.Commit(c)
	}
	return out, err
}

func (b bridge) Blame(ctx context.Context, top, commit, name string, line int) (kernel.Commit, error) {
	c, err := b.Manager.Blame(ctx, top, commit, name, line)
	return kernel.Commit(c), err
}

func (b bridge) Slot(ctx context.Context, name string, tree rmg.Graph, of kernel.Origin) (kernel.Folder, error) {
	f, err := b.Manager.Slot(ctx, name, tree, worktree.Origin(of))
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (b bridge) Fresh(ctx context.Context, name string, tree rmg.Graph) (kernel.Folder, error) {
	f, err := b.Manager.Fresh(ctx, name, tree)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (b bridge) SlotWith(ctx context.Context, name string, tree rmg.Graph, of kernel.Origin, n kernel.Needs) (kernel.Folder, error) {
	f, err := b.Manager.SlotWith(ctx, name, tree, worktree.Origin(of), worktree.Needs(n))
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (b bridge) FreshWith(ctx context.Context, name string, tree rmg.Graph, made []string) (kernel.Folder, error) {
	f, err := b.Manager.FreshWith(ctx, name, tree, made)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (b bridge) Make(ctx context.Context, key string, tree rmg.Graph, before []string, keep func(string) bool, run func(kernel.Folder) error) error {
	return b.Manager.Make(ctx, key, tree, before, keep, func(f *worktree.Folder) error { return run(f) })
}

func (b bridge) Hooks(ctx context.Context, top string) (kernel.Hooks, error) {
	h, err := b.Manager.Hooks(ctx, top)
	return kernel.Hooks(h), err
}

func (b bridge) Staged(ctx context.Context, name string, base, tree rmg.Graph, of kernel.Origin, hooks kernel.Hooks) (kernel.Folder, []string, error) {
	f, reads, err := b.Manager.Staged(ctx, name, base, tree, worktree.Origin(of), worktree.Hooks(hooks))
	if err != nil {
		return nil, nil, err
	}
	return f, reads, nil
}

func (b bridge) ToPush(
	ctx context.Context, name string, base, tree rmg.Graph, of kernel.Origin, hooks kernel.Hooks, p kernel.Pushing,
) (kernel.Folder, []string, string, error) {
	f, reads, commit, err := b.Manager.ToPush(ctx, name, base, tree, worktree.Origin(of), worktree.Hooks(hooks), worktree.Pushing(p))
	if err != nil {
		return nil, nil, "", err
	}
	return f, reads, commit, nil
}

func (b bridge) Prepare(ctx context.Context, r kernel.LandRequest) ([]byte, string, error) {
	l, err := b.Manager.Prepare(ctx, worktree.LandRequest(r))
	if err != nil {
		return nil, "", err
	}
	data, err := json.Marshal(l)
	return data, l.Commit, err
}

func (b bridge) Land(ctx context.Context, landing []byte) (kernel.LandOutcome, error) {
	return b.outcome(landing, func(l worktree.Landing) (worktree.Outcome, error) { return b.Manager.Land(ctx, l) })
}

func (b bridge) Resume(ctx context.Context, landing []byte) (kernel.LandOutcome, error) {
	return b.outcome(landing, func(l worktree.Landing) (worktree.Outcome, error) { return b.Manager.Resume(ctx, l) })
}

func (b bridge) outcome(landing []byte, do func(worktree.Landing) (worktree.Outcome, error)) (kernel.LandOutcome, error) {
	l, err := prepared(landing)
	if err != nil {
		return kernel.LandOutcome{}, err
	}
	out, err := do(l)
	return kernel.LandOutcome{Result: string(out.Result), Paths: out.Paths, Kept: out.Kept}, err
}

func (b bridge) Park(ctx context.Context, landing []byte, branch, was string) error {
	l, err := prepared(landing)
	if err != nil {
		return err
	}
	return b.Manager.Park(ctx, l, branch, was)
}

func (b bridge) Target(ctx context.Context, top, branch, remote string, pull bool) (kernel.Target, error) {
	t, err := b.Manager.Target(ctx, top, branch, remote, pull)
	return kernel.Target(t), err
}

func (b bridge) Patch(ctx context.Context, landing []byte) (rmg.Blob, error) {
	l, err := prepared(landing)
	if err != nil {
		return rmg.Blob{}, err
	}
	return b.Manager.Patch(ctx, l)
}

func (b bridge) Push(ctx context.Context, landing []byte, to kernel.Target, branch, was string) error {
	l, err := prepared(landing)
	if err != nil {
		return err
	}
	return b.Manager.Push(ctx, l, worktree.Target(to), branch, was)
}

func (b bridge) Pushed(ctx context.Context, landing []byte, to kernel.Target, branch string) bool {
	l, err := prepared(landing)
	return err == nil && b.Manager.Pushed(ctx, l, worktree.Target(to), branch)
}

func (b bridge) Propose(ctx context.Context, landing []byte, to kernel.Target, branch, title, body string) (string, error) {
	l, err := prepared(landing)
	if err != nil {
		return "", err
	}
	return b.Manager.Propose(ctx, l, worktree.Target(to), branch, title, body)
}

// prepared is a landing as it was journalled.
func prepared(data []byte) (l worktree.Landing, err error) { return l, json.Unmarshal(data, &l) }

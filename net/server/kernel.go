package server

import (
	"context"
	"io"
	"iter"

	"jitos.dev/kernel"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// Kernel is what the server asks of *kernel.Kernel, which implements it.
// Methods are called from any goroutine. Errors with a code (*rmg.Error, and
// those of tasks) are shown to the caller; all others are internal.
type Kernel interface {
	graphs
	spaces
	processes
	history
}

var _ Kernel = (*kernel.Kernel)(nil)

type graphs interface {
	View(version string) (kernel.View, error)
	Rewrite(ctx context.Context, c kernel.Caller, view string, rw rewrite.Rewrite) (kernel.Receipt, error)
	Diff(from, to string, at rmg.Path) ([]rmg.Change, error)
	Resolve(ctx context.Context, file string) (rmg.Path, error)
	PutBlob(r io.Reader) (rmg.Blob, error)
	BlobBySum(sum [32]byte) (io.ReadSeekCloser, int64, error)
}

type spaces interface {
	Fork(ctx context.Context, c kernel.Caller, r kernel.ForkRequest) (kernel.Workspace, error)
	Workspaces() []kernel.Workspace
	Workspace(id string) (kernel.Workspace, error)
	Discard(ctx context.Context, c kernel.Caller, id, reason string) (kernel.Receipt, error)
	Restore(ctx context.Context, c kernel.Caller, id string) (kernel.Workspace, error)
	// Collapse blocks until it ended. With Conflict the answer's Conflicts are
	// filled, with GateFailed its Evidence.
	Collapse(ctx context.Context, c kernel.Caller, id, land string) (kernel.Collapsed, error)
	// Exec may call emit from any goroutine, but not after it returned.
	Exec(ctx context.Context, c kernel.Caller, id string, argv []string, emit func(work.Event)) (exit int, err error)
}

type processes interface {
	Intent(ctx context.Context, c kernel.Caller, r kernel.IntentRequest) (kernel.Process, error)
	Processes() []kernel.Process
	Process(id string) (kernel.Process, error)
	// Lines returns the lines after the given one. more is closed when there
	// are further ones or the process changed; nil once it has ended.
	Lines(id string, after uint64) (lines []kernel.Line, more <-chan struct{}, err error)
	Cancel(ctx context.Context, c kernel.Caller, id string) (kernel.Process, error)
	Retry(ctx context.Context, c kernel.Caller, id string) (kernel.Process, error)
	Methods() []tasks.MethodInfo
}

type history interface {
	// Records ranges from one seq to another, both included; to 0 is the last.
	Records(from, to uint64) iter.Seq2[kernel.Record, error]
	// Watch returns the last published seq, and a channel that is closed once
	// there is one beyond after.
	Watch(after uint64) (seq uint64, more <-chan struct{})
	// Undo blocks like Collapse, and fills the same of its answer.
	Undo(ctx context.Context, c kernel.Caller, q kernel.UndoRequest) (kernel.Undone, error)
	// Bisect calls seen while it runs, and not after it returned.
	Bisect(ctx context.Context, c kernel.Caller, q kernel.BisectRequest, seen func(kernel.BisectStep)) (kernel.Bisection, error)
	Why(ctx context.Context, q kernel.WhyQuery) (kernel.Explanation, error)
	// Replay calls seen while it runs, and not after it returned.
	Replay(ctx context.Context, q kernel.ReplayRequest, seen func(kernel.ReplayProgress)) (kernel.Replayed, error)
	Purge(ctx context.Context, c kernel.Caller, q kernel.PurgeRequest) (kernel.Purged, error)
	Verify(ctx context.Context) (kernel.Verification, error)
	Status() kernel.Status
}

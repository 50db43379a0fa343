package workers

import (
	"context"
	"fmt"
	"sync"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// returnTime is how long a worker may take to come back once its context has
// ended. Commands are killed within two seconds.
const returnTime = 30 * time.Second

// lease is a worker's right to one assignment. It ends when the worker returns,
// is told to stop, or has been silent for too long; from then on nothing that it
// does reaches the workspace.
type lease struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	silence time.Duration // 0: it may be silent for as long as it likes
	timer   *time.Timer   // nil without a limit

	writes sync.RWMutex // read-held by what changes the workspace, while it does

	mu    sync.Mutex // guards ended; held over no call
	ended error
}

// newLease begins one. The caller ends it.
func newLease(ctx context.Context, op string, silence time.Duration) *lease {
	l := &lease{silence: silence}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	if silence > 0 {
		l.timer = time.AfterFunc(silence, func() {
			l.end(&rmg.Error{
				Op: op, Code: rmg.Stale, Msg: fmt.Sprintf("no sign of life for %v: the lease is over", silence),
				Hint: "a worker that waits says so with Beat",
			})
		})
	}
	return l
}

// beat is a sign of life. One that comes too late brings nothing back.
func (l *lease) beat() {
	if l.timer != nil && l.over() == nil {
		l.timer.Reset(l.silence)
	}
}

// end ends the lease; the first cause stands.
func (l *lease) end(cause error) {
	l.mu.Lock()
	if l.ended == nil {
		l.ended = cause
	}
	l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
	}
	l.cancel(cause)
}

// over is nil while the lease holds, and else why it ended.
func (l *lease) over() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// settle returns when what was begun before the end is done.
func (l *lease) settle() {
	l.writes.Lock()
	defer l.writes.Unlock()
}

// change does something that changes the workspace, unless the lease is over.
func (l *lease) change(op string, do func() error) error {
	l.writes.RLock()
	defer l.writes.RUnlock()
	if err := l.holds(op); err != nil {
		return err
	}
	return do()
}

// holds is the error of what is done after the end.
func (l *lease) holds(op string) error {
	cause := l.over()
	if cause == nil {
		return nil
	}
	return &rmg.Error{Op: op, Code: rmg.Stale, Msg: "the assignment is over: " + cause.Error(), Hint: "nothing that a worker does after its lease counts"}
}

// leased is a workspace under a lease: what changes it or takes room is refused
// after the end. Reading never is, of what is immutable anyway.
type leased struct {
	work.Workspace
	lease *lease
}

// Rewrite applies ops while the lease holds.
func (w leased) Rewrite(ctx context.Context, rw rewrite.Rewrite) error {
	return w.lease.change("rewrite", func() error { return w.Workspace.Rewrite(ctx, rw) })
}

// Fork makes a child, which is under the same lease.
func (w leased) Fork(ctx context.Context, reason string, ops []rewrite.Op) (work.Workspace, error) {
	var c work.Workspace
	err := w.lease.change("fork", func() (err error) {
		c, err = w.Workspace.Fork(ctx, reason, ops)
		return err
	})
	if err != nil {
		return nil, err
	}
	return leased{c, w.lease}, nil
}

// Discard drops a child while the lease holds.
func (w leased) Discard(ctx context.Context, reason string) error {
	return w.lease.change("discard", func() error { return w.Workspace.Discard(ctx, reason) })
}

// Materialise gives a folder while the lease holds.
func (w leased) Materialise(ctx context.Context, slot int) (work.Folder, error) {
	if err := w.lease.holds("materialise"); err != nil {
		return nil, err
	}
	f, err := w.Workspace.Materialise(ctx, slot)
	if err != nil {
		return nil, err
	}
	return leasedFolder{f, w.lease}, nil
}

// PutBlob stores content while the lease holds.
func (w leased) PutBlob(data []byte) (rmg.Blob, error) {
	if err := w.lease.holds("blob"); err != nil {
		return rmg.Blob{}, err
	}
	return w.Workspace.PutBlob(data)
}

// leasedFolder hands the workspace within to the folder, which knows its own
// kind alone.
type leasedFolder struct {
	work.Folder
	lease *lease
}

// Update makes the folder hold another workspace's head.
func (f leasedFolder) Update(ctx context.Context, w work.Workspace) error {
	if err := f.lease.holds("update"); err != nil {
		return err
	}
	if in, ok := w.(leased); ok {
		w = in.Workspace
	}
	return f.Folder.Update(ctx, w)
}

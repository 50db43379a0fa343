package server

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// keptOperations is how many operations that have ended can still be asked for.
const keptOperations = 512

// operations are what goes on after its call was answered. The server owns
// their goroutines and waits for them.
type operations struct {
	limit int
	wg    sync.WaitGroup

	sync.Mutex // guards the fields below
	byID       map[string]*operation
	ended      []string // ids, oldest first
	made       int
	running    int
	closed     bool
}

// operation is one of them. What it holds is fixed once done is closed.
type operation struct {
	begun wire.Operation // as it was before it ended
	end   wire.Operation // set before done is closed
	done  chan struct{}
}

// start runs do on a goroutine of the server's. Should do panic, panicked says
// what its caller gets. Limit: too many run already. Unavailable: the daemon
// stops.
func (o *operations) start(ctx context.Context, kind, space string, do func(context.Context) (*wire.Collapsed, *wire.Problem), panicked func(any) *wire.Problem) (*operation, error) {
	o.Lock()
	defer o.Unlock()
	if o.closed {
		return nil, stopping()
	}
	if o.running >= o.limit {
		return nil, wire.NewProblem(rmg.Limit, "%d operations run already, which is the limit", o.running).WithHint("wait for one to end: jitos ps")
	}
	o.made++
	o.running++
	op := &operation{
		begun: wire.Operation{ID: fmt.Sprintf("o%d", o.made), Kind: kind, Workspace: space, State: wire.OperationRunning},
		done:  make(chan struct{}),
	}
	o.byID[op.begun.ID] = op
	o.wg.Go(func() {
		defer o.finish(op)
		op.end = op.begun
		op.end.State = wire.OperationFailed
		defer func() {
			if cause := recover(); cause != nil {
				op.end.Problem = panicked(fmt.Sprintf("%v\n%s", cause, debug.Stack()))
			}
		}()
		op.end.Collapsed, op.end.Problem = do(ctx)
		if op.end.Problem == nil {
			op.end.State = wire.OperationDone
		}
	})
	return op, nil
}

// finish publishes an operation's end and forgets the oldest.
func (o *operations) finish(op *operation) {
	close(op.done)
	o.Lock()
	defer o.Unlock()
	o.running--
	o.ended = append(o.ended, op.begun.ID)
	if len(o.ended) > keptOperations {
		delete(o.byID, o.ended[0])
		o.ended = o.ended[1:]
	}
}

func (o *operations) get(id string) (*operation, bool) {
	o.Lock()
	defer o.Unlock()
	op, ok := o.byID[id]
	return op, ok
}

// wait takes no more operations and waits for those that run, or until ctx
// ends.
func (o *operations) wait(ctx context.Context) error {
	o.Lock()
	o.closed = true
	o.Unlock()
	all := make(chan struct{})
	go func() { // ends with the operations, whose context has ended
		o.wg.Wait()
		close(all)
	}()
	select {
	case <-all:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("operations still run: %w", ctx.Err())
	}
}

// await waits for the end up to the time given, and tells how the operation
// stands then.
func (op *operation) await(ctx context.Context, wait time.Duration) wire.Operation {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-op.done:
		return op.end
	default:
	}
	select {
	case <-op.done:
		return op.end
	case <-timer.C:
	case <-ctx.Done():
	}
	return op.begun
}

func stopping() *wire.Problem {
	return wire.NewProblem(rmg.Unavailable, "the daemon is stopping").WithHint("try again once it runs: jitos status")
}

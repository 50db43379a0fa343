package kernel

import (
	"context"
	"time"

	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

// maxPause is the longest wait between two tries of a task.
const maxPause = 10 * time.Minute

// pause is what was waited before a try: how long, and what was drawn for it.
type pause struct {
	draw uint64
	wait time.Duration
}

// record puts a pause into the props of the attempt that it came before.
func (p pause) record(props map[string]rmg.Value) {
	if p.wait > 0 {
		props["wait_ms"], props["draw"] = rmg.Int(p.wait.Milliseconds()), rmg.Int(int64(p.draw))
	}
}

// pauseOf is the wait before a try, from 2: the backoff, doubled for each try
// before the last, of which the draw takes up to half off, so that those that
// failed together do not come back together.
func pauseOf(backoffMillis int64, try int, draw uint64) time.Duration {
	full := time.Duration(backoffMillis) * time.Millisecond
	for range try - 2 {
		full = min(2*full, maxPause)
	}
	full = min(full, maxPause)
	const parts = 1 << 20
	return full - full/2*time.Duration(draw%parts)/parts
}

// pauseBefore waits before a try of a task, or until ctx ends.
func (k *Kernel) pauseBefore(ctx context.Context, t tasks.Task, try int) (pause, error) {
	if t.BackoffMillis <= 0 {
		return pause{}, nil
	}
	var p pause
	if k.opt.Draw != nil {
		p.draw = k.opt.Draw()
	}
	p.wait = pauseOf(t.BackoffMillis, try, p.draw)
	timer := time.NewTimer(p.wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return p, nil
	case <-ctx.Done():
		return p, context.Cause(ctx)
	}
}

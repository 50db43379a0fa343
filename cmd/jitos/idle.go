package main

import (
	"context"
	"time"
)

// maxIdleLook is how often it is looked at most seldom whether a daemon is idle.
const maxIdleLook = 30 * time.Second

// whenIdle returns a channel that is closed once nothing was asked of the daemon
// for so long and no process goes on. Nil, which never is, if idle is 0. What it
// runs ends with ctx.
func whenIdle(ctx context.Context, idle time.Duration, quiet func() time.Duration, running func() int) <-chan struct{} {
	if idle <= 0 {
		return nil
	}
	out := make(chan struct{})
	go func() {
		tick := time.NewTicker(max(time.Millisecond, min(idle/4, maxIdleLook)))
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if running() == 0 && quiet() >= idle {
				close(out)
				return
			}
		}
	}()
	return out
}

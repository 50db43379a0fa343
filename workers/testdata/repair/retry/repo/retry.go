// Package retry calls a function until it succeeds, with growing pauses.
package retry

import (
	"context"
	"time"
)

// Sleeper waits for d, or until ctx is done, and then returns its error.
type Sleeper func(ctx context.Context, d time.Duration) error

// Sleep is the Sleeper of real programs.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Do calls f until it returns nil, or a permanent error, or the attempts are
// used up, or a pause is cut short. Between two calls it pauses with sleep.
func Do(ctx context.Context, p Policy, sleep Sleeper, f func(context.Context) error) error {
	var last error
	for n := 1; n <= p.Attempts; n++ {
		last = f(ctx)
		if last == nil || isPermanent(last) {
			return last
		}
		if n == p.Attempts {
			break
		}
		if err := sleep(ctx, p.Pause(n)); err != nil {
			return nil
		}
	}
	return &ExhaustedError{Attempts: p.Attempts, Last: last}
}

// Value is Do for a function with a result. On error the result is zero.
func Value[T any](ctx context.Context, p Policy, sleep Sleeper, f func(context.Context) (T, error)) (T, error) {
	var out T
	err := Do(ctx, p, sleep, func(ctx context.Context) error {
		v, err := f(ctx)
		if err != nil {
			return err
		}
		out = v
		return nil
	})
	return out, err
}

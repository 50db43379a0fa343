package server

import (
	"context"
	"sync"

	"jitos.dev/net/wire"
)

// streamed answers with a stream of what do sends, from any goroutine, and with
// the event that it returns as the last. The stream begins with the first event,
// so that what is wrong before is still an ordinary problem; what is wrong later
// is an event of its own. Who goes away stops what is being done.
func (x *exchange) streamed(do func(ctx context.Context, send func(name string, v any)) (last string, v any, err error)) (any, error) {
	ctx, cancel := context.WithCancel(x.r.Context())
	defer cancel()
	defer context.AfterFunc(x.s.ctx, cancel)()
	if err := x.s.takeStream(); err != nil {
		return nil, err
	}
	defer x.s.streams.Add(-1)

	var mu sync.Mutex // guards st and what is sent on it
	var st *stream
	send := func(name string, v any) {
		mu.Lock()
		defer mu.Unlock()
		if st == nil {
			st = x.stream()
		}
		if st.send(0, name, v) != nil || st.flush() != nil {
			cancel() // nobody listens
		}
	}
	last, v, err := do(ctx, send)
	mu.Lock()
	begun := st != nil
	mu.Unlock()
	switch {
	case err != nil && !begun:
		return nil, err
	case err != nil:
		send(wire.EventError, x.s.problem(x.r, err))
	default:
		send(last, v)
	}
	return nil, nil
}

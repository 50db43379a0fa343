package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// The limits of what one sign of life says, in bytes.
const (
	maxSaid = 128 << 10
	maxLine = 32 << 10
)

// sayAfter is how long a line may wait for others to go with it.
const sayAfter = 200 * time.Millisecond

// held is a lease in this machine's hands. It ends when the daemon says so, or has
// answered no sign of life for a term: from the moment at which the last one that it did
// answer was sent, so that it ends here before it ends there.
type held struct {
	daemon Daemon
	id     string
	term   time.Duration
	ctx    context.Context
	cancel context.CancelCauseFunc
	end    *time.Timer
	done   chan struct{} // closed when beating has ended
	more   chan struct{} // holds one when there is something to say

	beating sync.Mutex // one sign of life at a time; held over I/O

	mu   sync.Mutex // guards said
	said []work.Event
}

// hold begins with a sign of life: how long ago the lease was given is not known.
func hold(ctx context.Context, d Daemon, l wire.Lease) (*held, error) {
	h := &held{
		daemon: d, id: l.ID, term: time.Duration(l.TermMS) * time.Millisecond, done: make(chan struct{}), more: make(chan struct{}, 1),
	}
	h.ctx, h.cancel = context.WithCancelCause(ctx)
	h.end = time.AfterFunc(h.term, func() {
		h.cancel(&rmg.Error{Op: "lease", Code: rmg.Stale, Msg: fmt.Sprintf("the daemon did not answer for %v: the lease is over", h.term)})
	})
	if err := h.beat(); err != nil {
		h.end.Stop()
		h.cancel(err)
		return nil, err
	}
	go h.live()
	return h, nil
}

// drop ends the lease here.
func (h *held) drop() {
	h.cancel(errors.New("the task is done"))
	h.end.Stop()
	<-h.done
}

// say puts a line to what is said next.
func (h *held) say(e work.Event) {
	if len(e.Text) > maxLine {
		e.Text = strings.ToValidUTF8(e.Text[:maxLine], "")
	}
	h.mu.Lock()
	h.said = append(h.said, e)
	h.mu.Unlock()
	select {
	case h.more <- struct{}{}:
	default:
	}
}

// live gives signs of life until the lease ends.
func (h *held) live() {
	defer close(h.done)
	for h.ctx.Err() == nil {
		quiet := time.NewTimer(h.term / 3)
		select {
		case <-quiet.C:
		case <-h.more:
			h.wait(sayAfter)
		case <-h.ctx.Done():
		}
		quiet.Stop()
		if h.ctx.Err() == nil && h.beat() != nil {
			h.wait(min(time.Second, h.term/10))
			h.again()
		}
	}
}

// again has what was not said be said soon.
func (h *held) again() {
	select {
	case h.more <- struct{}{}:
	default:
	}
}

// wait waits, or until the lease ends.
func (h *held) wait(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-h.ctx.Done():
	}
}

// flush says all that there is to say, as far as the daemon answers.
func (h *held) flush() {
	for {
		h.mu.Lock()
		left := len(h.said)
		h.mu.Unlock()
		if left == 0 || h.beat() != nil {
			return
		}
	}
}

// beat gives one sign of life, with what there is to say. What was not heard is
// kept.
func (h *held) beat() error {
	h.beating.Lock()
	defer h.beating.Unlock()
	h.mu.Lock()
	n, size := 0, 0
	for n < len(h.said) && (n == 0 || size < maxSaid) {
		size += len(h.said[n].Text)
		n++
	}
	said := h.said[:n:n]
	h.mu.Unlock()
	sent := time.Now()
	_, err := h.daemon.Heartbeat(h.ctx, h.id, said)
	switch {
	case errors.Is(err, &rmg.Error{Code: rmg.Unavailable}):
		return err
	case err != nil: // stale, or nothing that asking again mends
		h.cancel(err)
		return err
	}
	h.end.Reset(h.term - time.Since(sent))
	h.mu.Lock()
	h.said = h.said[n:]
	if len(h.said) > 0 {
		h.again()
	}
	h.mu.Unlock()
	return nil
}

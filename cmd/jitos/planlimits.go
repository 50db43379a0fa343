package main

import (
	"context"
	"fmt"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

// planLimits end a search before its nodes are used up: by --timeout, by --memory, or
// because somebody interrupts. The verdict is unknown then, and is told in time.
type planLimits struct {
	ctx  context.Context
	soft time.Time       // when searches are to end; zero without a timeout
	hard <-chan struct{} // closed when the verdict has to be told, whatever goes on
	most uint64          // bytes; 0: any
	asks int
	why  atomic.Pointer[string]
}

// What is left of a timeout for searches to end in and their verdict to be told.
const (
	partForEnd  = 20
	leastForEnd = 20 * time.Millisecond
	mostForEnd  = time.Second
)

// defaultMemory is what a search may hold, in MiB.
const defaultMemory = 6144

// asksOfMemory is after how many questions memory is looked at.
const asksOfMemory = 64

func newPlanLimits(ctx context.Context, mib int) (*planLimits, context.CancelFunc) {
	l := &planLimits{ctx: ctx, most: uint64(max(0, mib)) << 20}
	end, ok := ctx.Deadline()
	if !ok {
		l.hard = ctx.Done()
		return l, func() {}
	}
	rest := min(mostForEnd, max(leastForEnd, time.Until(end)/partForEnd))
	l.soft = end.Add(-rest)
	hard, stop := context.WithDeadline(ctx, end.Add(-rest/2))
	l.hard = hard.Done()
	return l, stop
}

// stop reports whether searches are to end. It is asked by one goroutine.
func (l *planLimits) stop() bool {
	switch l.asks++; {
	case l.ctx.Err() != nil || !l.soft.IsZero() && time.Now().After(l.soft):
		return true
	case l.most > 0 && l.asks%asksOfMemory == 0 && heldBytes() > l.most:
		l.says(fmt.Sprintf("more than %d MiB were needed; --memory lets it have more", l.most>>20))
		return true
	}
	return false
}

func (l *planLimits) says(why string) { l.why.Store(&why) }

// reason is why a search that came to no verdict ended.
func (l *planLimits) reason(nodes int) string {
	if why := l.why.Load(); why != nil {
		return *why
	}
	if !l.soft.IsZero() && time.Now().After(l.soft) {
		return "the timeout is over; --timeout gives it longer"
	}
	if l.ctx.Err() != nil {
		return "it was interrupted"
	}
	return fmt.Sprintf("%d nodes were visited; --nodes gives it more", nodes)
}

// heldBytes is what is held by values of the program.
func heldBytes() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s[0].Value.Uint64()
}

// Package heap keeps the garbage collector from working for little: a program
// whose live heap is small collects it again and again while it is busy, and
// half of its processor time goes there.
package heap

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

// Room is how many bytes a daemon may allocate between two collections, however
// small its heap is. A heap that is larger than that is collected when it has
// doubled, as any.
const Room = 128 << 20

// least and most are the percentages between which the collector is set.
const (
	least = 100 // the runtime's own
	most  = 1600
)

// Keep gives the collector at least so many bytes of room from here on, anew
// after each collection, until stop is called. Where GOGC is set in the
// environment it does nothing: somebody knows better.
func Keep(room uint64) (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	k := &keeper{room: room}
	was := debug.SetGCPercent(most)
	k.percent = most
	k.adjust()
	k.watch()
	return func() {
		k.stopped.Store(true)
		debug.SetGCPercent(was)
	}
}

// keeper sets the percentage.
type keeper struct {
	room    uint64
	percent int
	stopped atomic.Bool
}

// sentinel is garbage as soon as it is made: that its finalizer runs says that
// there was a collection. It has a pointer's size, lest it share its memory.
type sentinel struct{ of *keeper }

func (k *keeper) watch() {
	runtime.SetFinalizer(&sentinel{k}, func(s *sentinel) {
		if !s.of.stopped.Load() {
			s.of.adjust()
			s.of.watch()
		}
	})
}

// adjust costs some microseconds when the percentage changes, and less when not.
func (k *keeper) adjust() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if want := percent(k.room, live[0].Value.Uint64()); want < k.percent*9/10 || want > k.percent*11/10 {
		debug.SetGCPercent(want)
		k.percent = want
	}
}

// percent is what gives a live heap the room.
func percent(room, live uint64) int {
	return int(min(max(room*100/max(live, 1), least), most))
}

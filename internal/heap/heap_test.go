package heap

import (
	"runtime"
	"testing"
)

func TestPercent(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		live uint64
		want int
	}{{0, most}, {4 * mib, most}, {16 * mib, 800}, {64 * mib, 200}, {128 * mib, least}, {4096 * mib, least}} {
		if got := percent(128*mib, c.live); got != c.want {
			t.Errorf("%d MiB: %d, want %d", c.live/mib, got, c.want)
		}
	}
}

// TestKeep allocates far more than a small heap would take without a collection.
func TestKeep(t *testing.T) {
	t.Setenv("GOGC", "")
	with := collections(t, Room)
	without := collections(t, 1)
	if with*4 > without {
		t.Errorf("%d collections with room, %d without", with, without)
	}
}

// collections is how many there are while 256 MiB are allocated and dropped.
func collections(t *testing.T, room uint64) uint32 {
	t.Helper()
	stop := Keep(room)
	defer stop()
	runtime.GC()
	var from, to runtime.MemStats
	runtime.ReadMemStats(&from)
	for range 4096 {
		sink = make([]byte, 64<<10)
	}
	runtime.ReadMemStats(&to)
	return to.NumGC - from.NumGC
}

var sink []byte

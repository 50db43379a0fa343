package sched

import (
	"slices"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// Pending is one rewrite that waits for its tick.
type Pending struct {
	Arrival   uint64 // order of arrival, unique
	View      string // rewrites of different workspaces never conflict
	Footprint rewrite.Footprint
	Deferrals int // ticks it has lost so far
}

// MaxDeferrals is how often a rewrite may lose before it goes first.
const MaxDeferrals = 8

// Tick is one step: indices into the pending list, in order of application.
type Tick []int

// Ticks orders pending into ticks. Within a tick no two conflict; of two that
// conflict the one with more deferrals (beyond MaxDeferrals), then the earlier
// arrival, goes first, and the loser is in a later tick. A rewrite never
// overtakes one it conflicts with.
func Ticks(pending []Pending) []Tick {
	order := make([]int, len(pending))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := pending[a], pending[b]
		if ox, oy := x.Deferrals > MaxDeferrals, y.Deferrals > MaxDeferrals; ox != oy {
			if ox {
				return -1
			}
			return 1
		}
		if x.Arrival < y.Arrival {
			return -1
		}
		return 1
	})
	var ticks []Tick
	for len(order) > 0 {
		var tick Tick
		var left []int
		taken := map[string]*claims{}
		for _, i := range order {
			c := taken[pending[i].View]
			if c == nil {
				c = newClaims()
				taken[pending[i].View] = c
			}
			if c.conflicts(pending[i].Footprint) {
				left = append(left, i)
			} else {
				tick = append(tick, i)
			}
			// A deferred one blocks those behind it that conflict with it, so
			// that nothing overtakes.
			c.add(pending[i].Footprint)
		}
		ticks = append(ticks, tick)
		order = left
	}
	return ticks
}

// claims is the union of footprints, indexed so that a check costs what the
// footprint checked holds, not what is claimed.
type claims struct {
	any, all                   bool
	reads, writes, whole, ways map[rmg.Path]bool
	above                      map[rmg.Path]bool // every path touched, and all above it
}

func newClaims() *claims {
	return &claims{reads: map[rmg.Path]bool{}, writes: map[rmg.Path]bool{}, whole: map[rmg.Path]bool{}, ways: map[rmg.Path]bool{}, above: map[rmg.Path]bool{}}
}

func (c *claims) add(f rewrite.Footprint) {
	c.any = true
	c.all = c.all || f.All
	for _, l := range []struct {
		paths []rmg.Path
		set   map[rmg.Path]bool
	}{{f.Reads, c.reads}, {f.Writes, c.writes}, {f.Whole, c.whole}, {f.Ways, c.ways}} {
		for _, p := range l.paths {
			l.set[p] = true
			for q := p; !c.above[q]; q = q.Parent() {
				c.above[q] = true
			}
		}
	}
}

// conflicts says the same as Footprint.Conflicts with each footprint added.
func (c *claims) conflicts(f rewrite.Footprint) bool {
	if c.all || f.All && c.any {
		return true
	}
	for _, p := range f.Writes {
		if c.writes[p] || c.reads[p] || c.ways[p] {
			return true
		}
	}
	for _, p := range f.Reads {
		if c.writes[p] || c.ways[p] {
			return true
		}
	}
	for _, p := range f.Ways {
		if c.writes[p] || c.reads[p] {
			return true
		}
	}
	for _, p := range f.Whole {
		if c.above[p] {
			return true
		}
	}
	if len(c.whole) == 0 {
		return false
	}
	for _, l := range [][]rmg.Path{f.Reads, f.Writes, f.Whole} {
		for _, p := range l {
			for q := p; ; q = q.Parent() {
				if c.whole[q] {
					return true
				}
				if q == rmg.Root {
					break
				}
			}
		}
	}
	return false
}

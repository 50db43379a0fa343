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
//
// Each goes into the tick after the last one it conflicts with. The cost is the
// number of paths in all footprints, times their depth, however many conflict.
func Ticks(pending []Pending) []Tick {
	if len(pending) == 1 {
		return []Tick{{0}}
	}
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
	taken := map[string]*claims{}
	w := writtenOf(len(pending), func(i int) *rewrite.Footprint { return &pending[i].Footprint })
	for _, i := range order {
		c := taken[pending[i].View]
		if c == nil {
			c = newClaims(w)
			taken[pending[i].View] = c
		}
		n := c.free(&pending[i].Footprint)
		if n == len(ticks) {
			ticks = append(ticks, nil)
		}
		ticks[n] = append(ticks[n], i)
		c.add(&pending[i].Footprint, n+1)
	}
	return ticks
}

// claims is the union of footprints, indexed so that a check costs what the
// footprint checked holds, not what is claimed. Each claim is the number of the
// first tick after its last holder's; 0 is no claim.
type claims struct {
	any, all                   int
	reads, writes, whole, ways map[rmg.Path]int
	above                      map[rmg.Path]int // of those written whole: what is touched there or below
	absent, ties               slots            // nil: nobody looks
	written                    *written
	quiet                      bool // nothing conflicts, and nothing is noted
}

// written is what a whole batch writes: what nobody writes need not be noted of
// those who read it. Most of what is touched is read, and by many.
type written struct {
	paths map[rmg.Path]bool // Writes and Ways
	whole map[rmg.Path]bool
	doing
}

// doing is what footprints of many do, whatever the paths.
type doing struct {
	writes bool // somebody writes
	looks  bool // somebody looks for what is not there
	ties   bool // something comes
	all    bool // somebody conflicts with everything
}

func (d *doing) take(f *rewrite.Footprint) {
	d.writes = d.writes || len(f.Writes)+len(f.Ways)+len(f.Whole) > 0
	d.looks, d.ties, d.all = d.looks || len(f.Absent) > 0, d.ties || len(f.Ties) > 0, d.all || f.All
}

// quiet reports whether nobody does what another could mind.
func (d *doing) quiet() bool { return !d.writes && !d.all && !(d.looks && d.ties) }

func writtenOf(n int, footprint func(i int) *rewrite.Footprint) *written {
	w := &written{paths: map[rmg.Path]bool{}, whole: map[rmg.Path]bool{}}
	for i := range n {
		f := footprint(i)
		for _, p := range f.Writes {
			w.paths[p] = true
		}
		for _, p := range f.Ways {
			w.paths[p] = true
		}
		for _, p := range f.Whole {
			w.whole[p] = true
		}
		w.take(f)
	}
	return w
}

func newClaims(w *written) *claims {
	if w.quiet() {
		return &claims{quiet: true}
	}
	c := &claims{written: w, reads: map[rmg.Path]int{}, writes: map[rmg.Path]int{}, whole: map[rmg.Path]int{}, ways: map[rmg.Path]int{}, above: map[rmg.Path]int{}}
	if w.looks {
		c.absent, c.ties = slots{}, slots{}
	}
	return c
}

// add claims what f touches until the tick given.
func (c *claims) add(f *rewrite.Footprint, until int) {
	if c.quiet {
		return
	}
	c.any = max(c.any, until)
	if f.All {
		c.all = max(c.all, until)
	}
	if c.ties != nil {
		for _, s := range f.Absent {
			c.absent.add(s, until)
		}
		for _, s := range f.Ties {
			c.ties.add(s, until)
		}
	}
	if len(c.written.paths) > 0 {
		for _, p := range f.Reads {
			if c.written.paths[p] {
				c.reads[p] = max(c.reads[p], until)
			}
		}
	}
	c.note(c.writes, f.Writes, until)
	c.note(c.whole, f.Whole, until)
	c.note(c.ways, f.Ways, until)
	if len(c.written.whole) == 0 {
		return
	}
	for _, l := range [...][]rmg.Path{f.Reads, f.Writes, f.Whole, f.Ways} {
		for _, p := range l {
			c.noteAbove(p, until)
		}
	}
}

func (c *claims) note(set map[rmg.Path]int, paths []rmg.Path, until int) {
	for _, p := range paths {
		set[p] = max(set[p], until)
	}
}

// noteAbove notes a path for all who write it whole, or something above it.
func (c *claims) noteAbove(p rmg.Path, until int) {
	for {
		if c.written.whole[p] {
			c.above[p] = max(c.above[p], until)
		}
		if p == rmg.Root {
			return
		}
		p = p.Parent()
	}
}

// free returns the first tick in which f conflicts with nothing claimed, in the
// sense of Footprint.Conflicts.
func (c *claims) free(f *rewrite.Footprint) int {
	if c.quiet {
		return 0
	}
	n := c.all
	if f.All {
		n = max(n, c.any)
	}
	if c.ties != nil {
		for _, s := range f.Absent {
			n = max(n, c.ties.claim(s))
		}
		for _, s := range f.Ties {
			n = max(n, c.absent.claim(s))
		}
	}
	for _, p := range f.Writes {
		n = max(n, c.writes[p], c.reads[p], c.ways[p])
	}
	if len(c.writes)+len(c.ways) > 0 {
		for _, p := range f.Reads {
			n = max(n, c.writes[p], c.ways[p])
		}
	}
	for _, p := range f.Ways {
		n = max(n, c.writes[p], c.reads[p])
	}
	for _, p := range f.Whole {
		n = max(n, c.above[p])
	}
	if len(c.whole) == 0 {
		return n
	}
	for _, l := range [...][]rmg.Path{f.Reads, f.Writes, f.Whole, f.Ways} {
		for _, p := range l {
			n = max(n, c.whole[p])
			for p != rmg.Root {
				p = p.Parent()
				n = max(n, c.whole[p])
			}
		}
	}
	return n
}

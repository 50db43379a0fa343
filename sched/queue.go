package sched

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// The limits of a queue, if it is not told others.
const (
	DefaultPending  = 100_000
	DefaultPerOwner = 20_000
	DefaultTick     = 200_000
)

// Request is a rewrite or a match that asks for its place in a tick.
type Request struct {
	Owner     string // the workspace or process whose share it takes
	Key       uint64 // which one of the owner's, unique among those that wait; of equals the least goes first
	View      string // requests of different views never conflict
	Priority  int    // the greatest goes first
	Footprint *rewrite.Footprint
}

// Limits bound a queue; 0 is the default.
type Limits struct {
	Pending  int // requests that wait
	PerOwner int // of one owner
	Tick     int // applied in one tick
}

// Answer is the receipt of one request.
type Answer struct {
	Owner   string
	Key     uint64
	Outcome Outcome
	By      *Request // of what is deferred: for whom; nil: the tick had no room
	Err     error    // of what is refused
}

// Queue holds what waits for a tick. The order of a tick is a function of what
// waits, never of the order in which it was added:
//
//   - what was deferred more than MaxDeferrals times goes first, the longest
//     first; so nobody waits for ever, whatever the priorities;
//   - then the greatest priority;
//   - then by share: of each owner's, in the order of deferrals and keys, the n-th
//     goes where n divided by the owner's weight is least;
//   - then by owner and key.
//
// A Queue is for one goroutine.
type Queue struct {
	limits  Limits
	weight  func(owner string) int
	waiting line
	owners  map[string]*owner
	last    *lane // of the request that was added last: the next is often of the same
	does    doing // what those that wait do, and maybe more
}

// line is what waits, in blocks: it never moves, however long it grows.
type line struct {
	n      int
	blocks [][]queued
}

// block is how many requests stand in one block.
const block = 256

func (l *line) at(i int) *queued { return &l.blocks[i/block][i%block] }

func (l *line) add(q queued) {
	switch {
	case l.n == 0: // may stay short
		l.blocks = append(l.blocks, nil)
	case l.n%block == 0:
		l.blocks = append(l.blocks, make([]queued, 0, block))
	}
	last := &l.blocks[len(l.blocks)-1]
	*last = append(*last, q)
	l.n++
}

// owner is who has requests that wait.
type owner struct {
	name    string
	waiting int
	last    uint64          // the greatest key that was added
	keys    map[uint64]bool // that wait; nil until one comes that is not greater than all before
}

// lane is an owner's requests of one view.
type lane struct {
	*owner
	view string
}

// queued is a request that waits, and of which there are many: what those of a lane
// have in common stands there.
type queued struct {
	footprint *rewrite.Footprint
	mine      *lane
	key       uint64
	priority  int
	deferrals int
	share     uint64
}

func (r *queued) request() Request {
	return Request{Owner: r.mine.name, Key: r.key, View: r.mine.view, Priority: r.priority, Footprint: r.footprint}
}

// NewQueue makes a queue. A weight less than 1 counts as 1; nil is 1 for all.
func NewQueue(l Limits, weight func(owner string) int) *Queue {
	or := func(n, otherwise int) int {
		if n > 0 {
			return n
		}
		return otherwise
	}
	if weight == nil {
		weight = func(string) int { return 1 }
	}
	l = Limits{or(l.Pending, DefaultPending), or(l.PerOwner, DefaultPerOwner), or(l.Tick, DefaultTick)}
	return &Queue{limits: l, weight: weight, owners: map[string]*owner{}}
}

// Len is how many requests wait.
func (q *Queue) Len() int { return q.waiting.n }

// Add adds a request. Limit: the queue, or the owner's part of it, is full. Exists:
// the owner has one with the key that waits.
func (q *Queue) Add(r Request) error {
	mine := q.last
	if mine == nil || mine.name != r.Owner || mine.view != r.View || mine.waiting == 0 {
		mine = &lane{q.owners[r.Owner], r.View}
		if mine.owner == nil {
			mine.owner = &owner{name: r.Owner}
		}
	}
	switch {
	case q.waiting.n >= q.limits.Pending:
		return &rmg.Error{Op: "queue", Code: rmg.Limit, Msg: fmt.Sprintf("%d requests wait", q.waiting.n), Hint: "send it again later"}
	case mine.waiting >= q.limits.PerOwner:
		return &rmg.Error{Op: "queue", Code: rmg.Limit, Msg: fmt.Sprintf("%d requests of %s wait", mine.waiting, r.Owner), Hint: "wait for the answers to some of them"}
	case mine.waiting > 0 && r.Key <= mine.last && q.waits(mine.owner, r.Key):
		return &rmg.Error{Op: "queue", Code: rmg.Exists, Msg: fmt.Sprintf("request %d of %s waits already", r.Key, r.Owner)}
	}
	if mine.waiting == 0 {
		q.owners[r.Owner] = mine.owner
	}
	mine.waiting++
	mine.last = max(mine.last, r.Key)
	if mine.keys != nil {
		mine.keys[r.Key] = true
	}
	q.last = mine
	q.does.take(r.Footprint)
	q.waiting.add(queued{footprint: r.Footprint, mine: mine, key: r.Key, priority: r.Priority})
	return nil
}

// waits reports whether a request of the key waits. Keys that only grow need no
// look.
func (q *Queue) waits(mine *owner, key uint64) bool {
	if mine.keys == nil {
		mine.keys = map[uint64]bool{}
		for i := range q.waiting.n {
			if w := q.waiting.at(i); w.mine.owner == mine {
				mine.keys[w.key] = true
			}
		}
	}
	return mine.keys[key]
}

// Tick takes out what does not conflict and has room, has it applied in order, and
// answers all that waited, in order. An error of apply refuses that one request:
// Stale for an expectation that does not hold. The request that apply is given is its
// own until it returns.
func (q *Queue) Tick(apply func(*Request) error) []Answer {
	order := q.order()
	w := &written{}
	if !q.does.quiet() {
		w = writtenOf(len(order), func(i int) *rewrite.Footprint { return q.waiting.at(order[i]).footprint })
	}
	taken := map[string]*claims{}
	out := make([]Answer, len(order))
	var rest line
	var c *claims // of view
	view := ""
	applied := 0
	var request Request
	var winner *Request // for whom the last was deferred
	winnerAt := 0
	for at, i := range order {
		r := q.waiting.at(i)
		if c == nil || view != r.mine.view {
			if view, c = r.mine.view, taken[r.mine.view]; c == nil {
				c = newClaims(w)
				taken[view] = c
			}
		}
		a := &out[at]
		a.Owner, a.Key, a.Outcome = r.mine.name, r.key, Deferred
		by := c.free(r.footprint)
		if by > 0 || applied == q.limits.Tick {
			if by > 0 {
				if winnerAt != by {
					winner, winnerAt = new(q.waiting.at(order[by-1]).request()), by
				}
				a.By = winner
			}
			late := *r
			late.deferrals++
			rest.add(late)
			continue
		}
		c.add(r.footprint, at+1)
		applied++
		q.leave(r)
		a.Outcome = Applied
		request = r.request()
		if err := apply(&request); err != nil {
			a.Outcome, a.Err = Refused, err
		}
	}
	if q.waiting = rest; rest.n == 0 {
		q.does = doing{}
	}
	return out
}

// leave forgets that a request waits.
func (q *Queue) leave(r *queued) {
	mine := r.mine.owner
	mine.waiting--
	delete(mine.keys, r.key)
	if mine.waiting == 0 {
		delete(q.owners, mine.name)
	}
}

// rank compares what goes before all shares: who was deferred too often, and priority.
func (r *queued) rank(o *queued) int {
	if r.deferrals > MaxDeferrals || o.deferrals > MaxDeferrals {
		if c := cmp.Compare(o.starved(), r.starved()); c != 0 {
			return c
		}
	}
	return cmp.Compare(o.priority, r.priority)
}

// starved is how often a request was deferred, if that was too often.
func (r *queued) starved() int {
	if r.deferrals > MaxDeferrals {
		return r.deferrals
	}
	return 0
}

// shareUnit is the share of one request of an owner whose weight is 1.
const shareUnit = 1 << 20

// order lists what waits as a tick takes it.
func (q *Queue) order() []int {
	out := make([]int, q.waiting.n)
	for i := range out {
		out[i] = i
	}
	// Each owner's together, as they come among themselves.
	slices.SortFunc(out, func(a, b int) int {
		x, y := q.waiting.at(a), q.waiting.at(b)
		if x.mine.owner != y.mine.owner {
			return strings.Compare(x.mine.name, y.mine.name)
		}
		if c := x.rank(y); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(y.deferrals, x.deferrals), cmp.Compare(x.key, y.key))
	})
	n := uint64(0)
	step := uint64(shareUnit)
	var before *queued
	for _, i := range out {
		r := q.waiting.at(i)
		switch {
		case before == nil || before.mine.owner != r.mine.owner:
			n, step = 0, shareUnit/uint64(min(shareUnit, max(1, q.weight(r.mine.name))))
		case before.priority != r.priority:
			n = 0
		}
		n += step
		r.share, before = n, r
	}
	if len(q.owners) <= 1 {
		return out // as it stands
	}
	slices.SortFunc(out, func(a, b int) int {
		x, y := q.waiting.at(a), q.waiting.at(b)
		if c := x.rank(y); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(x.share, y.share), cmp.Compare(x.mine.name, y.mine.name), cmp.Compare(x.key, y.key))
	})
	return out
}

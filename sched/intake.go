package sched

import (
	"container/heap"
	"fmt"
	"slices"

	"jitos.dev/rmg"
)

// Bounds are how much may wait in an Intake.
type Bounds struct {
	Waiting  int // of all owners
	PerOwner int // of one
	Reserve  int // beyond Waiting, for owners of whom nothing waits: so that many who flood shut out nobody
}

// Standing is how an owner stands to the others.
type Standing struct {
	Priority int // the greatest goes first
	Weight   int // of two with the same priority, the share of each; less than 1 counts as 1
}

// Intake holds what waits for one who takes it in batches, and says whose turn it
// is:
//
//   - an owner who got nothing in more than MaxDeferrals batches goes first, once, the
//     longest first; so nobody waits for ever, whatever the priorities;
//   - then the greatest priority;
//   - then who had the least by weight since something of theirs began to wait;
//   - then who came first.
//
// What is one owner's keeps its order. The order is a function of what came and was
// taken, in which order. Adding and taking cost the logarithm of how many owners
// wait. An Intake is for one goroutine at a time.
type Intake[T any] struct {
	bounds  Bounds
	stands  func(owner string) Standing
	owners  map[string]*submitter[T]
	turns   turns[T]
	waiting int
	arrived int64  // how many ever came
	back    int64  // how many went back, below zero: they came before all others
	clock   uint64 // the share at which something was taken last
}

// submitter is an owner of whom something waits.
type submitter[T any] struct {
	name   string
	waits  []arrival[T] // never empty
	stands Standing
	share  uint64 // of its first: what was taken of it, by weight
	passed int    // batches in a row that had nothing of it
}

type arrival[T any] struct {
	what T
	at   int64
}

// NewIntake makes an intake. stands is asked when something of an owner begins to
// wait.
func NewIntake[T any](b Bounds, stands func(owner string) Standing) *Intake[T] {
	return &Intake[T]{bounds: b, stands: stands, owners: map[string]*submitter[T]{}}
}

// Len is how much waits.
func (n *Intake[T]) Len() int { return n.waiting }

// Of is how much of an owner waits.
func (n *Intake[T]) Of(owner string) int {
	if s := n.owners[owner]; s != nil {
		return len(s.waits)
	}
	return 0
}

// Bound sets other bounds. What waits already stays.
func (n *Intake[T]) Bound(b Bounds) { n.bounds = b }

// Add adds something of an owner. Limit: the intake, or the owner's part of it, is
// full.
func (n *Intake[T]) Add(owner string, what T) error {
	s := n.owners[owner]
	room := n.bounds.Waiting
	if s == nil {
		room += n.bounds.Reserve
	} else if len(s.waits) >= n.bounds.PerOwner {
		return &rmg.Error{
			Op: "queue", Code: rmg.Limit, Msg: fmt.Sprintf("%d requests of %s wait already, as many as one may have", len(s.waits), owner),
			Hint: "wait for the answers to some of them",
		}
	}
	if n.waiting >= room {
		return &rmg.Error{Op: "queue", Code: rmg.Limit, Msg: fmt.Sprintf("%d requests wait already", n.waiting), Hint: "send it again shortly"}
	}
	n.arrived++
	a := arrival[T]{what, n.arrived}
	if s != nil {
		s.waits = append(s.waits, a)
	} else {
		n.begin(owner, a)
	}
	n.waiting++
	return nil
}

// Back puts what was taken of an owner before all else that waits of it, whatever
// the bounds. Of several the last goes back first.
func (n *Intake[T]) Back(owner string, what T) {
	n.waiting++
	n.back--
	a := arrival[T]{what, n.back}
	if s := n.owners[owner]; s != nil {
		s.waits = slices.Insert(s.waits, 0, a)
		heap.Init(&n.turns)
		return
	}
	n.begin(owner, a)
}

// begin has something of an owner wait, of whom nothing did.
func (n *Intake[T]) begin(owner string, a arrival[T]) {
	s := &submitter[T]{name: owner, waits: []arrival[T]{a}, stands: n.stands(owner), share: n.clock}
	n.owners[owner] = s
	heap.Push(&n.turns, s)
}

// Take takes out, in turn, what there is room for, until there is none, and appends
// it to out.
func (n *Intake[T]) Take(out []T, room func(T) bool) []T {
	for len(n.turns) > 0 {
		s := n.turns[0]
		what := s.waits[0].what
		if !room(what) {
			n.pass()
			break
		}
		out = append(out, what)
		n.waiting--
		n.clock = max(n.clock, s.share)
		s.waits[0] = arrival[T]{}
		if s.waits = s.waits[1:]; len(s.waits) == 0 {
			delete(n.owners, s.name)
			heap.Pop(&n.turns)
			continue
		}
		s.share += turnUnit / uint64(min(turnUnit, max(1, s.stands.Weight)))
		s.passed = -1 // this batch has something of it
		heap.Fix(&n.turns, 0)
	}
	return out
}

// pass notes who goes without in the batch that has no more room.
func (n *Intake[T]) pass() {
	for _, s := range n.turns {
		s.passed++
	}
	heap.Init(&n.turns)
}

// turnUnit is the share of one for a weight of 1; it can be divided by every weight
// up to 16.
const turnUnit = 720_720

// turns is a heap of owners: whose turn it is stands first.
type turns[T any] []*submitter[T]

func (t turns[T]) Len() int      { return len(t) }
func (t turns[T]) Swap(i, j int) { t[i], t[j] = t[j], t[i] }

func (t turns[T]) Less(i, j int) bool {
	x, y := t[i], t[j]
	if a, b := x.starved(), y.starved(); a != b {
		return a > b
	}
	if a, b := x.stands.Priority, y.stands.Priority; a != b {
		return a > b
	}
	if x.share != y.share {
		return x.share < y.share
	}
	return x.waits[0].at < y.waits[0].at
}

func (t *turns[T]) Push(x any) { *t = append(*t, x.(*submitter[T])) }

func (t *turns[T]) Pop() any {
	last := len(*t) - 1
	s := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	return s
}

// starved is how many batches had nothing of an owner, if that are too many.
func (s *submitter[T]) starved() int {
	if s.passed > MaxDeferrals {
		return s.passed
	}
	return 0
}

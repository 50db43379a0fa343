package kernel

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"jitos.dev/rmg"
	"jitos.dev/sched"
)

// The limits of what waits for the writer, with queue_own_max; who comes beyond
// them is answered with Limit.
const (
	maxQueue        = 4096 // requests that may wait
	maxQueueReserve = 512  // more of them, for owners of whom none waits
)

// The shares of owners where /policy says nothing else.
const (
	weightPerson = 4 // somebody waits for it
	weightOther  = 1
)

// arrivals is what waits for the writer, and whose turn it is. Each request has an
// owner, who takes turns with the others by weight: the process that it is made
// for, else the workspace that it writes, else who asks. What the kernel itself has
// to say of a process is not that process's: it goes first.
//
// Safe for concurrent use.
type arrivals struct {
	mu     sync.Mutex // guards the fields below
	intake *sched.Intake[*request]
	policy rmg.Props // that weights and bounds were read from
	turn   weights

	waiting atomic.Int64  // how many wait
	woken   chan struct{} // has something where some might wait
}

func newArrivals() *arrivals {
	a := &arrivals{woken: make(chan struct{}, 1)}
	a.intake = sched.NewIntake[*request](queueBounds(defaultQueueOwn), func(owner string) sched.Standing { return a.turn.of(owner) })
	return a
}

func queueBounds(own int64) sched.Bounds {
	if own == 0 {
		own = maxQueue
	}
	return sched.Bounds{Waiting: maxQueue, PerOwner: int(min(own, maxQueue)), Reserve: maxQueueReserve}
}

// len is how many wait.
func (a *arrivals) len() int { return int(a.waiting.Load()) }

// add has a request wait. Limit: too many do, or too many of its owner's.
func (a *arrivals) add(r *request) error {
	a.mu.Lock()
	err := a.intake.Add(r.owner, r)
	own, all := a.intake.Of(r.owner), a.intake.Len()
	a.waiting.Store(int64(all))
	a.mu.Unlock()
	switch {
	case err == nil:
		a.wake()
		return nil
	case all < maxQueue:
		return &rmg.Error{
			Op: "write", Code: rmg.Limit, Msg: fmt.Sprintf("%d changes of %s are waiting, as many as queue_own_max lets one have", own, r.owner), Err: err,
			Hint: "wait for the answers to some of them, or raise queue_own_max in /policy",
		}
	}
	return &rmg.Error{Op: "write", Code: rmg.Limit, Msg: fmt.Sprintf("%d changes are waiting already", all), Hint: "try again shortly", Err: err}
}

// back has requests that were taken wait again, before all others of their owners.
func (a *arrivals) back(rest []*request) {
	if len(rest) == 0 {
		return
	}
	a.mu.Lock()
	for i := len(rest) - 1; i >= 0; i-- {
		a.intake.Back(rest[i].owner, rest[i])
	}
	a.waiting.Store(int64(a.intake.Len()))
	a.mu.Unlock()
	a.wake()
}

func (a *arrivals) wake() {
	select {
	case a.woken <- struct{}{}:
	default: // it will look
	}
}

// take adds to a batch what has room in its frame.
func (a *arrivals) take(batch []*request) []*request {
	n := a.len()
	if n == 0 {
		return batch
	}
	batch = slices.Grow(batch, min(n, maxBatch))
	size := 0
	for _, r := range batch {
		size += r.size
	}
	n = len(batch)
	a.mu.Lock()
	defer a.mu.Unlock()
	batch = a.intake.Take(batch, func(r *request) bool {
		if n > 0 && (n >= maxBatch || size >= maxBatchBytes) {
			return false
		}
		n, size = n+1, size+r.size
		return true
	})
	a.waiting.Store(int64(a.intake.Len()))
	return batch
}

// heed reads weights and bounds from a world's policy, if that is another. Of who
// has something that waits the weight stays until nothing does.
func (a *arrivals) heed(world rmg.Graph) {
	e, _ := world.Get(policyPath)
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.Props.Equal(a.policy) {
		return
	}
	a.policy, a.turn = e.Props, weightsOf(e.Props)
	a.intake.Bound(queueBounds(limitsOf(world).queueOwn))
}

// weights are the shares that /policy gives in its prop weights: a list of texts,
// each a name, "=" and a number. A name is an owner's, or "person", "workspace" or
// "process" for all of a sort. What is none of that is as if it were not there.
type weights map[string]int

const maxWeight = 1000

func weightsOf(policy rmg.Props) weights {
	v, _ := policy.Get("weights")
	list, _ := v.AsList()
	w := weights{}
	for _, e := range list {
		text, _ := e.AsString()
		name, number, _ := strings.Cut(text, "=")
		if n, err := strconv.Atoi(strings.TrimSpace(number)); err == nil && n >= 1 && n <= maxWeight {
			w[strings.TrimSpace(name)] = n
		}
	}
	return w
}

// of is how an owner stands to the others.
func (w weights) of(owner string) sched.Standing {
	sort, other := "person", weightPerson
	switch {
	case strings.HasPrefix(owner, kernelOwner):
		return sched.Standing{Priority: 1, Weight: weightOther}
	case strings.HasPrefix(owner, "sws:"):
		sort, other = "workspace", weightOther
	case isProcess(owner):
		sort, other = "process", weightOther
	}
	for _, name := range [...]string{owner, sort} {
		if n, ok := w[name]; ok {
			return sched.Standing{Weight: n}
		}
	}
	return sched.Standing{Weight: other}
}

// kernelOwner is what the owner of the kernel's own records begins with; the
// process that they are about follows.
const kernelOwner = "kernel "

// ownerOf is whose turn a request takes: of what the kernel says its own, beside
// each process; of what is done for a process that one's; of what else writes a
// workspace that one's; else the author's.
func ownerOf(view, author, cause string) string {
	process, _, _ := strings.Cut(cause, "/")
	switch {
	case view == "system" && (author == "kernel" || author == "git"):
		if !isProcess(process) {
			process = ""
		}
		return kernelOwner + process
	case isProcess(process):
		return process
	case view != "system":
		return view
	}
	return author
}

// isProcess reports whether a text is the id of a process.
func isProcess(id string) bool {
	digits, ok := strings.CutPrefix(id, "p")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// The limits of a branch's merge queue.
const (
	maxRounds     = 3    // how often the head may overtake the front before the branch is held for it
	maxEntries    = 1000 // collapses that may wait for one branch; more are refused with Limit
	defaultProofs = 2    // candidates of a branch that are proven side by side
)

// branchQueue is the merge queue of one branch. Its entries stand in order of
// arrival, which is the seq of the record that asked for the collapse. Each is
// merged with the head that it will meet if all before it that are still in
// land (of the attempts of a race the first only); gates run on that result ahead of their turn; commits and landings are
// strictly in order. An entry that is red or in conflict waits for its turn
// too, since those before it may go, and those behind it are predicted without
// it meanwhile.
//
// Membership is in memory only: what became of an entry is a record, and one
// that a restart cut off is its process's to ask for again.
type branchQueue struct {
	token chan struct{} // who has it may sync, commit a collapse, and land
	cut   []string      // processes whose landing an error cut off; who has the token settles them first
	lanes chan int      // the numbered places of proofs that are free

	mu      sync.Mutex // guards the fields below, and those of entries
	entries []*entry
	fixed   *entry        // the front, while it commits, lands or has the branch held: none goes before it
	landing bool          // the world holds the front's change, or may: nothing is predicted meanwhile
	news    chan struct{} // closed when anything changed
}

// entry is one collapse in a queue.
type entry struct {
	c         *collapse
	cand      candidate           // what it comes to on the head predicted for it
	conflicts []rmg.MergeConflict // or why it comes to nothing
	err       error
	verdict   *ruling                 // of cand; nil while it is not proven
	stop      context.CancelCauseFunc // ends the proof under way; nil if none is
	proofs    int                     // begun
	front     bool                    // it was the first when last predicted
	overtaken int                     // how often the head moved under it since then
	landings  int                     // begun
	release   func()                  // gives the branch back; nil unless it is held for this one
	lost      bool                    // another attempt of its race has collapsed
}

// ruling is how a proof ended.
type ruling struct {
	evidence []work.Evidence
	red      []string // the gates that are, with reasons
}

// errOvertaken is the cause of a proof's end whose candidate is none any more.
var errOvertaken = errors.New("the head predicted is another one now")

func newBranchQueue(proofs int) *branchQueue {
	q := &branchQueue{token: make(chan struct{}, 1), lanes: make(chan int, proofs), news: make(chan struct{})}
	for lane := range proofs {
		q.lanes <- lane
	}
	return q
}

// queueOf returns a branch's queue.
func (k *Kernel) queueOf(root rmg.Path) *branchQueue {
	k.runs.Lock()
	defer k.runs.Unlock()
	q, ok := k.runs.queues[root]
	if !ok {
		proofs := k.opt.Proofs
		if proofs <= 0 {
			proofs = defaultProofs
		}
		q = newBranchQueue(proofs)
		k.runs.queues[root] = q
	}
	return q
}

// stir predicts anew after a change, which ends the proofs that it made useless,
// and wakes who waits. q.mu is held.
func (k *Kernel) stir(q *branchQueue) {
	k.predict(q)
	close(q.news)
	q.news = make(chan struct{})
}

// moved tells a queue that the head of its branch may be another one.
func (k *Kernel) moved(q *branchQueue) {
	q.mu.Lock()
	defer q.mu.Unlock()
	k.stir(q)
}

// join puts a collapse in by its arrival, but before none that is landing.
func (k *Kernel) join(q *branchQueue, c *collapse) (*entry, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.entries) >= maxEntries {
		return nil, &rmg.Error{Op: "collapse", Path: c.root, Code: rmg.Limit, Msg: fmt.Sprintf("%d collapses wait for this branch already", maxEntries), Hint: "try again when some have landed"}
	}
	e := &entry{c: c}
	i := len(q.entries)
	for i > 0 && q.entries[i-1].c.arrival > c.arrival && q.entries[i-1] != q.fixed {
		i--
	}
	q.entries = slices.Insert(q.entries, i, e)
	k.stir(q)
	return e, nil
}

// leave takes an entry out, however it ended; a second time does nothing.
func (k *Kernel) leave(q *branchQueue, e *entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.entries, e)
	if i < 0 {
		return
	}
	q.entries = slices.Delete(q.entries, i, i+1)
	if q.fixed == e {
		q.fixed, q.landing = nil, false
	}
	if e.release != nil {
		e.release()
	}
	k.stir(q)
}

// back ends the landing of a front that the head overtook: the world is without
// its change again.
func (k *Kernel) back(q *branchQueue, e *entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.landing = false
	if e.release == nil {
		q.fixed = nil
	} else {
		e.verdict = nil // the head is looked at again before the next proof only
	}
	k.stir(q)
}

// ahead lists the processes that stand before an entry.
func (q *branchQueue) ahead(e *entry) []string {
	var out []string
	for _, x := range q.entries {
		if x == e {
			break
		}
		out = append(out, x.c.process)
	}
	return out
}

// in reports whether those behind reckon with the entry.
func (e *entry) in() bool {
	return !e.lost && e.err == nil && len(e.conflicts) == 0 && (e.verdict == nil || len(e.verdict.red) == 0)
}

// predict merges every entry with the head that it will meet. What comes to the
// same trees as before keeps its verdict, or its proof under way. q.mu is held.
func (k *Kernel) predict(q *branchQueue) {
	if q.landing {
		return
	}
	head := k.now().world
	racing := map[string]rmg.Graph{} // the head that a process's first entry meets
	for i, e := range q.entries {
		on, races := racing[e.c.process]
		if !races {
			on = head
		}
		k.foresee(e, on)
		e.front = i == 0
		if !e.in() || races {
			continue
		}
		racing[e.c.process] = head
		if e.c.land == landCommit { // what lands elsewhere leaves the branch as it is
			head = e.cand.merged
		}
	}
}

// overtake lets an entry that is proven have the place of one before it that is
// not, if both are attempts of one race: only one of them will land. q.mu is
// held.
func (q *branchQueue) overtake(e *entry) {
	at := slices.Index(q.entries, e)
	for i, x := range q.entries[:max(0, at)] {
		if x.c.process == e.c.process && x != q.fixed && x.in() && x.verdict == nil && e.in() {
			q.entries[i], q.entries[at] = e, x
			return
		}
	}
}

// foresee merges one entry with a head.
func (k *Kernel) foresee(e *entry, head rmg.Graph) {
	if s, ok := k.space(e.c.space); ok && e.cand.head == s.last().seq && e.cand.from.Same(head) {
		return
	}
	was, had := e.cand, e.err == nil && len(e.conflicts) == 0
	e.cand, e.conflicts, e.err = k.prepare(e.c, head)
	if had && e.err == nil && len(e.conflicts) == 0 && was.base.Same(e.cand.base) && was.next.Same(e.cand.next) {
		return
	}
	if e.front && (e.verdict != nil || e.stop != nil) {
		e.overtaken++
	}
	e.verdict = nil
	if e.stop != nil {
		e.stop(errOvertaken)
	}
}

// step is what an entry does next.
type step int

const (
	stepWait step = iota
	stepProve
	stepCommit
	stepEvict
	stepLost
)

// next says what an entry does next, and gives the channel to wait on.
func (k *Kernel) next(q *branchQueue, e *entry) (step, <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	k.predict(q)
	front := q.entries[0] == e
	switch {
	case e.lost:
		return stepLost, nil
	case !e.in():
		if front {
			return stepEvict, nil
		}
	case e.verdict != nil:
		if front {
			return stepCommit, nil
		}
	case q.mayProve(e):
		return stepProve, nil
	}
	return stepWait, q.news
}

// mayProve reports whether an entry is among the first that are not proven: the
// lanes go to those who need them soonest. q.mu is held.
func (q *branchQueue) mayProve(e *entry) bool {
	before := 0
	for _, x := range q.entries {
		if x == e {
			return before < cap(q.lanes)
		}
		if x.in() && x.verdict == nil {
			before++
		}
	}
	return false
}

// queued takes a collapse through its branch's queue.
func (k *Kernel) queued(ctx context.Context, c *collapse) (out Collapsed, err error) {
	q := k.queueOf(c.root)
	if err := k.syncBranch(ctx, c); err != nil {
		return out, err
	}
	e, err := k.join(q, c)
	if err != nil {
		return out, err
	}
	defer func() { k.leave(q, e) }()
	for {
		do, news := k.next(q, e)
		switch do {
		case stepWait:
			select {
			case <-news:
			case <-ctx.Done():
				return out, context.Cause(ctx)
			}
		case stepProve:
			if err := k.proveEntry(ctx, q, e); err != nil {
				return out, err
			}
		case stepCommit:
			if cand, evidence, open := k.unanswered(q, e); open {
				if e, err = k.aside(ctx, q, e, func() error { return k.approve(ctx, c, cand, evidence) }); err != nil {
					out.Evidence = evidence
					return out, err
				}
				continue
			}
			again, err := k.commitFront(ctx, q, e, &out)
			if err != nil || !again {
				return out, err
			}
		case stepEvict:
			conflicts := q.conflictsOf(e)
			if _, asks := k.conflictsAsked(c, conflicts); asks {
				if e, err = k.aside(ctx, q, e, func() error { return k.askConflict(ctx, c, conflicts) }); err != nil {
					out.Conflicts = conflicts
					return out, err
				}
				continue
			}
			return k.evict(ctx, q, e)
		case stepLost:
			return out, errLost
		}
	}
}

// unanswered gives, of a front that is proven, what a person has to answer for
// first, if that is so.
func (k *Kernel) unanswered(q *branchQueue, e *entry) (candidate, []work.Evidence, bool) {
	q.mu.Lock()
	k.predict(q)
	cand, v := e.cand, e.verdict
	ready := e.in() && v != nil
	q.mu.Unlock()
	if !ready {
		return candidate{}, nil, false // the head moved: it is proven again
	}
	return cand, v.evidence, !k.settled(e.c, cand, v.evidence)
}

func (q *branchQueue) conflictsOf(e *entry) []rmg.MergeConflict {
	q.mu.Lock()
	defer q.mu.Unlock()
	return e.conflicts
}

// aside lets a front out of the queue while a person is asked, who may take days,
// and back in where its arrival says, to be proven on what the head is by then.
// With an error there is no entry any more, and e is the one that left.
func (k *Kernel) aside(ctx context.Context, q *branchQueue, e *entry, ask func() error) (*entry, error) {
	k.leave(q, e)
	if err := ask(); err != nil {
		return e, err
	}
	if err := k.syncBranch(ctx, e.c); err != nil {
		return e, err
	}
	again, err := k.join(q, e.c)
	if err != nil {
		return e, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	again.proofs, again.landings = e.proofs, e.landings
	return again, nil
}

// lane waits for a place to run gates in. The returned func gives it back.
func (q *branchQueue) lane(ctx context.Context) (int, func(), error) {
	select {
	case lane := <-q.lanes:
		return lane, func() { q.lanes <- lane }, nil
	case <-ctx.Done():
		return 0, nil, context.Cause(ctx)
	}
}

// won tells the other attempts of a race that one has collapsed.
func (q *branchQueue) won(e *entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, x := range q.entries {
		if x == e || x.c.process != e.c.process {
			continue
		}
		x.lost = true
		if x.stop != nil {
			x.stop(errOvertaken)
		}
	}
}

// syncBranch brings the branch in, under its token.
func (k *Kernel) syncBranch(ctx context.Context, c *collapse) error {
	unlock, err := k.lockBranch(ctx, c.root)
	if err != nil {
		return err
	}
	defer unlock()
	return k.syncHeld(ctx, c)
}

// syncHeld is syncBranch for who has the token.
func (k *Kernel) syncHeld(ctx context.Context, c *collapse) error {
	_, err := k.syncLocked(ctx, c.top, c.branch, c.root)
	return err
}

// proveEntry runs the gates on what an entry comes to. It returns without a
// ruling if that became something else meanwhile.
func (k *Kernel) proveEntry(ctx context.Context, q *branchQueue, e *entry) error {
	if err := k.hold(ctx, q, e); err != nil {
		return err
	}
	lane, free, err := q.lane(ctx)
	if err != nil {
		return err
	}
	defer free()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	q.mu.Lock()
	k.predict(q)
	if !e.in() || e.verdict != nil {
		q.mu.Unlock()
		return nil
	}
	cand := e.cand
	e.stop = stop
	e.proofs++
	say := ""
	if ahead := q.ahead(e); len(ahead) > 0 {
		say = "in the queue behind " + some(ahead) + "; proving on what they leave"
	} else if e.proofs > 1 {
		say = fmt.Sprintf("the head moved; proving again on what it is now (round %d)", e.proofs)
	}
	q.mu.Unlock()
	if say != "" {
		e.c.say(work.Event{Text: say})
	}
	v, err := k.proveCandidate(ctx, e.c, cand, k.gatesOn(e.c, cand), lane)
	q.mu.Lock()
	defer q.mu.Unlock()
	e.stop = nil
	defer k.stir(q)
	if errors.Is(context.Cause(ctx), errOvertaken) {
		return nil
	}
	if err != nil {
		return err
	}
	e.verdict = &v
	q.overtake(e)
	return nil
}

// hold takes the branch for a front that was overtaken too often: until it has
// ended nothing else syncs. What the branch is by then is what it is proven on.
func (k *Kernel) hold(ctx context.Context, q *branchQueue, e *entry) error {
	if e.overtaken < maxRounds {
		return nil
	}
	if e.release == nil {
		unlock, err := k.lockBranch(ctx, e.c.root)
		if err != nil {
			return err
		}
		q.mu.Lock()
		if q.entries[0] != e {
			q.mu.Unlock()
			unlock()
			return nil
		}
		q.fixed, e.release = e, unlock
		q.mu.Unlock()
	}
	return k.syncHeld(ctx, e.c)
}

// proveCandidate runs gates on a candidate in a lane.
func (k *Kernel) proveCandidate(ctx context.Context, c *collapse, cand candidate, gates []work.Gate, lane int) (ruling, error) {
	within, cancel := ctx, func() {}
	if c.limit > 0 {
		within, cancel = context.WithTimeout(ctx, c.limit)
	}
	defer cancel()
	list, err := k.prove(within, k.proofOf(c, cand, gates, lane))
	if err != nil {
		if ctx.Err() == nil && errors.Is(within.Err(), context.DeadlineExceeded) {
			err = &rmg.Error{Op: "prove", Code: rmg.GateFailed, Msg: fmt.Sprintf("the proof did not end within %s", c.limit)}
		}
		return ruling{}, err
	}
	v := ruling{evidence: list}
	for _, x := range list {
		c.say(work.Event{Text: gateLine(x), Data: map[string]any{"gate": x.Gate, "green": x.Green, "millis": x.Millis}})
		if !x.Green {
			v.red = append(v.red, x.Gate+": "+x.Reason)
		}
	}
	return v, nil
}

// gatePlace names the folder in which the proofs of a lane run.
func gatePlace(root rmg.Path, lane int) string {
	segs := root.Segments()
	return fmt.Sprintf("gate/%s/%s/%d", string(rmg.Root.Child(segs[1].ID))[1:], string(rmg.Root.Child(segs[2].ID))[1:], lane)
}

// commitFront commits and lands an entry that is proven and whose turn it is.
// It reports whether the head overtook it.
func (k *Kernel) commitFront(ctx context.Context, q *branchQueue, e *entry, out *Collapsed) (again bool, err error) {
	if e.release == nil {
		unlock, err := k.lockBranch(ctx, e.c.root)
		if err != nil {
			return false, err
		}
		defer unlock()
		if err := k.syncHeld(ctx, e.c); err != nil {
			return false, err
		}
	}
	q.mu.Lock()
	if q.entries[0] != e {
		q.mu.Unlock()
		return true, nil
	}
	k.predict(q)
	if !e.in() || e.verdict == nil {
		q.mu.Unlock()
		return true, nil
	}
	cand, list := e.cand, e.verdict.evidence
	q.mu.Unlock()
	if !k.settled(e.c, cand, list) {
		return true, nil // policy has changed with the head
	}
	if err := k.approve(ctx, e.c, cand, list); err != nil {
		return false, err
	}
	list = append(slices.Clone(list), e.c.answer...)
	q.mu.Lock()
	if q.entries[0] != e || !e.cand.from.Same(cand.from) || e.cand.head != cand.head {
		q.mu.Unlock()
		return true, nil
	}
	q.fixed, q.landing = e, true
	q.mu.Unlock()
	defer func() {
		if again {
			k.back(q, e)
		} else {
			k.leave(q, e)
		}
	}()
	out.Merged, out.Evidence = cand.moved, list
	rec, landTo, err := k.commitCollapse(ctx, e.c, cand, list, e.proofs)
	if errors.Is(err, errHeadMoved) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	q.won(e)
	out.Seq, out.Digest = rec.Seq, rec.Digest
	if landTo == nil {
		return false, nil
	}
	e.landings++
	if again, err = k.land(ctx, e.c, *landTo, e.landings, out); err != nil {
		q.cut = append(q.cut, e.c.process)
	}
	return again, err
}

// say tells whoever follows the collapse.
func (c *collapse) say(e work.Event) {
	if c.emit != nil {
		c.emit(e)
	}
}

// proofOps puts evidence and the number of proofs into the process.
func (c *collapse) proofOps(f *fold, list []work.Evidence, rounds int) ([]rewrite.Op, error) {
	at := procPath(c.process)
	e, ok := f.ledger.Get(at)
	if !ok {
		return nil, &rmg.Error{Op: "collapse", Path: at, Code: rmg.NotFound, Msg: "the process is gone"}
	}
	ops, err := evidenceOps(at, e.Graph, list)
	return append(ops, setOp(at, map[string]rmg.Value{"rounds": rmg.Int(int64(rounds))})), err
}

package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"jitos.dev/journal"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/sched"
)

// The writer's limits.
const (
	maxBatch      = 1024    // records of one frame
	maxBatchBytes = 900_000 // estimate of a frame's size beyond which no more is taken
	maxYields     = 300     // times that the writer lets others run before the next frame
	maxFrameTicks = 4096    // ticks beyond which what is left of a batch waits for the next frame: rules make many
)

// draft is what evaluating a request yields: the record but for what the
// writer gives it.
type draft struct {
	view, author, cause, reason string
	ops                         []rewrite.Op
	known                       *outcome // of those on the world; may be nil
}

// request is one change that waits for the writer. eval runs in the writer on
// the private next version, with the seq its record will have; it must be
// quick and free of I/O.
type request struct {
	ctx       context.Context
	owner     string // whose turn it takes, see arrivals
	view      string
	footprint rewrite.Footprint
	size      int
	once      Once
	eval      func(f *fold, seq uint64) (draft, error)
	done      chan answer
}

type answer struct {
	receipt Receipt
	err     error
}

// submit hands a request to the writer and waits for its answer. Once queued
// it is waited for even if ctx ends: the change may have happened.
func (k *Kernel) submit(r *request) (Receipt, error) {
	if why := k.readOnly.Load(); why != nil {
		return Receipt{}, &rmg.Error{Op: "write", Code: rmg.Unavailable, Msg: *why, Hint: "restart the daemon; nothing acknowledged is lost"}
	}
	r.done = make(chan answer, 1)
	select {
	case <-k.ended:
		return Receipt{}, stopping()
	default:
	}
	if k.alone.Load() && k.writing.TryLock() {
		return k.orFirst(k.writeAlone(r))
	}
	if err := k.arrivals.add(r); err != nil {
		return Receipt{}, err
	}
	select {
	case a := <-r.done:
		return k.orFirst(a)
	case <-k.ended:
		return Receipt{}, stopping()
	}
}

// writeAlone commits a request on the goroutine that submits it, which is what
// the writer is for as long as it holds the lock: where requests come one at a
// time, to wake another goroutine and be woken by it costs more than the change.
func (k *Kernel) writeAlone(r *request) answer {
	defer k.writing.Unlock()
	select {
	case <-k.ended:
		return answer{err: stopping()}
	default:
	}
	returned := false
	defer func() {
		if !returned { // a panic, which whoever called may survive: the state may not be the log's any more
			_ = k.stopWriting("the writer failed", errors.New("a change ended in a panic"))
		}
	}()
	k.commit(k.arrivals.take([]*request{r}))
	returned = true
	return <-r.done
}

func stopping() error {
	return &rmg.Error{Op: "write", Code: rmg.Unavailable, Msg: "the daemon is stopping", Hint: "start it again and repeat"}
}

// system submits ops on the system view as the kernel itself.
func (k *Kernel) system(ctx context.Context, author, cause, reason string, ops []rewrite.Op) (Receipt, error) {
	return k.systemWith(ctx, author, cause, reason, func(*fold, uint64) ([]rewrite.Op, error) { return ops, nil })
}

// systemWith is system with ops made in the writer, which lets them depend on
// the state and on the record's own seq.
func (k *Kernel) systemWith(ctx context.Context, author, cause, reason string, eval func(f *fold, seq uint64) ([]rewrite.Op, error)) (Receipt, error) {
	return k.systemOnce(ctx, Once{}, author, cause, reason, eval)
}

// systemOnce is systemWith for a request that may be a resend: eval is then not
// called, and the receipt is the first one's.
func (k *Kernel) systemOnce(ctx context.Context, once Once, author, cause, reason string, eval func(f *fold, seq uint64) ([]rewrite.Op, error)) (Receipt, error) {
	return k.systemKnown(ctx, once, author, cause, reason, func(f *fold, seq uint64) ([]rewrite.Op, *outcome, error) {
		ops, err := eval(f, seq)
		return ops, nil, err
	})
}

// systemKnown is systemOnce for ops that may be known to lead somewhere.
func (k *Kernel) systemKnown(ctx context.Context, once Once, author, cause, reason string, eval func(f *fold, seq uint64) ([]rewrite.Op, *outcome, error)) (Receipt, error) {
	return k.submit(&request{
		ctx: ctx, owner: ownerOf("system", author, cause), view: "system", footprint: rewrite.Footprint{All: true}, size: 4096, once: once,
		eval: func(f *fold, seq uint64) (draft, error) {
			ops, known, err := eval(f, seq)
			return draft{view: "system", author: author, cause: cause, reason: reason, ops: ops, known: known}, err
		},
	})
}

// Rewrite applies a rewrite to the system or a workspace. Denied: outside the
// caller's rights. Stale: the expectation does not hold.
func (k *Kernel) Rewrite(ctx context.Context, c Caller, view string, rw rewrite.Rewrite) (Receipt, error) {
	v, err := ParseVersion(view)
	if err != nil {
		return Receipt{}, err
	}
	if v.Seq != 0 || v.At != 0 {
		return Receipt{}, &rmg.Error{Op: "rewrite", Code: rmg.Invalid, Msg: fmt.Sprintf("%s is of the past; only system and sws:ID can be written", v), Hint: "fork it: jitos sws new --from " + v.String()}
	}
	once, err := onceOf(c, "rewrite", []any{v.String(), rw.Ops, rw.Expect, rw.Reason})
	if err != nil {
		return Receipt{}, err
	}
	if r, done, err := k.answered(once); done || err != nil {
		return r, err
	}
	return k.rewriteOnce(ctx, once, c, v, rw)
}

// rewriteOnce is a rewrite by a caller whose request is known by once.
func (k *Kernel) rewriteOnce(ctx context.Context, once Once, c Caller, v Version, rw rewrite.Rewrite) (Receipt, error) {
	judged := k.now().world
	if err := k.mayRewrite(c, v, rw.Ops); err != nil {
		return Receipt{}, err
	}
	if err := k.policyStays(v, judged, rw.Ops); err != nil {
		return Receipt{}, err
	}
	return k.rewriteIf(ctx, once, c.Name, c.Process, v, rw, func(f *fold) error { return f.policyIs(judged) })
}

// rewrite resolves and submits ops whose author has the right to them.
func (k *Kernel) rewrite(ctx context.Context, author, cause string, v Version, rw rewrite.Rewrite) (Receipt, error) {
	return k.rewriteIf(ctx, Once{}, author, cause, v, rw, func(*fold) error { return nil })
}

// rewriteIf is rewrite with a last look, in the writer, at what was judged
// outside of it.
func (k *Kernel) rewriteIf(ctx context.Context, once Once, author, cause string, v Version, rw rewrite.Rewrite, still func(*fold) error) (Receipt, error) {
	ops, err := rewrite.Resolve(rw.Ops, k.putBytes, k.blobSize)
	if err != nil {
		return Receipt{}, err
	}
	if len(ops) == 0 {
		return Receipt{}, &rmg.Error{Op: "rewrite", Code: rmg.Invalid, Msg: "there are no ops"}
	}
	k.holdNamed(ops)
	view := v.String()
	return k.submit(&request{
		ctx: ctx, owner: ownerOf(view, author, cause), view: view, footprint: rewrite.FootprintOf(ops), size: 128 * len(ops), once: once,
		eval: func(f *fold, _ uint64) (draft, error) {
			if err := f.writable(v, rw.Expect); err != nil {
				return draft{}, err
			}
			if err := still(f); err != nil {
				return draft{}, err
			}
			all, err := k.withSpaceFacts(f, v, ops)
			return draft{view: view, author: author, cause: cause, reason: rw.Reason, ops: all}, err
		},
	})
}

// writable checks that a view can be written and is as expected.
func (f *fold) writable(v Version, want rewrite.Expect) error {
	seq, world := f.seq, f.world
	if v.Space != "" {
		s, ok := f.lookup(v.Space)
		if !ok {
			return noSpace(v.Space)
		}
		e, _ := f.ledger.Get(swsPath(v.Space))
		if spaceState(e.Props) != spaceOpen {
			return &rmg.Error{
				Op: "rewrite", Path: swsPath(v.Space), Code: rmg.Conflict, Msg: "the workspace is " + spaceState(e.Props),
				Hint: "jitos sws restore " + v.Space + " brings a discarded one back",
			}
		}
		if err := thawed(e); err != nil {
			return err
		}
		h := s.last()
		seq, world = h.seq, func() rmg.Graph { return h.world }
	}
	if want.Seq != 0 && want.Seq != seq {
		return &rmg.Error{Op: "rewrite", Code: rmg.Stale, Msg: fmt.Sprintf("%s is at seq %d, not %d", v, seq, want.Seq), Hint: "read it again and repeat on what it is now"}
	}
	if want.Digest.IsZero() {
		return nil
	}
	if got := world().Digest(); got != want.Digest {
		return &rmg.Error{Op: "rewrite", Code: rmg.Stale, Msg: fmt.Sprintf("%s has digest %s, not %s", v, got, want.Digest), Hint: "read it again and repeat on what it is now"}
	}
	return nil
}

func (k *Kernel) putBytes(data []byte) (rmg.Blob, error) { return k.store.Put(bytes.NewReader(data)) }

// blobSize is the size of content that is going to be named, which no gc removes
// from here on.
func (k *Kernel) blobSize(sum [32]byte) (int64, bool) {
	k.opt.Journal.Hold(sum)
	f, size, err := k.BlobBySum(sum)
	if err != nil {
		return 0, false
	}
	f.Close()
	return size, true
}

// write is the writer of what was queued: it ends when the kernel closes and the
// queue is empty.
func (k *Kernel) write() {
	for {
		select {
		case <-k.arrivals.woken:
			for k.arrivals.len() > 0 {
				again := k.writeQueued()
				// Who was answered asks again before the next flush, which it would
				// else miss: of many that ask in turn each flush would take half.
				for i, n := 0, 0; i < maxYields && n < again; i++ {
					runtime.Gosched()
					if now := k.arrivals.len(); now > n {
						i, n = 0, now
					}
				}
			}
		case <-k.ctx.Done():
			// Drivers still record how they ended; Close waits for them
			// before it waits for the writer.
			idle := make(chan struct{})
			go func() { k.owned.Wait(); close(idle) }()
			for {
				for k.arrivals.len() > 0 {
					k.writeQueued()
				}
				select {
				case <-k.arrivals.woken:
					continue
				case <-idle:
				}
				break
			}
			k.writing.Lock()
			close(k.ended)
			k.writing.Unlock()
			return
		}
	}
}

// writeQueued commits what waits, and says how many would wait if all who were
// answered asked again.
func (k *Kernel) writeQueued() int {
	k.writing.Lock()
	defer k.writing.Unlock()
	batch := k.arrivals.take(nil)
	if len(batch) == 0 {
		return 0 // who wrote alone took it along
	}
	return k.commit(batch)
}

// commit evaluates a batch in ticks, appends one frame, publishes, answers. The
// lock of the writer is held. What is more than a frame waits again; the first of
// the batch never is. It says how many would wait if all who were answered asked
// again.
func (k *Kernel) commit(batch []*request) (again int) {
	answers := make([]answer, len(batch))
	var ticks []tick
	var steps []stepped
	var left []int
	err := guarded(func() error {
		ticks, steps, left = k.evaluate(batch, answers)
		return nil
	})
	switch {
	case err != nil:
		left = nil
		err = k.stopWriting("the stored state cannot be read: "+err.Error(), err)
	case k.readOnly.Load() != nil:
		err = &rmg.Error{Op: "write", Code: rmg.Unavailable, Msg: *k.readOnly.Load()}
	case len(ticks) > 0:
		err = k.append(ticks)
	}
	for i := range answers {
		if err != nil { // also of what was refused: that was for a state that is not to be
			answers[i] = answer{err: err}
		}
	}
	if err == nil {
		k.publish(steps)
		k.arrivals.heed(k.now().world)
	} else if failed := k.rearm(); failed != nil { // what the rules have seen is not to be
		_ = k.stopWriting("the rules that fire cannot be read: "+failed.Error(), failed)
	}
	slices.Sort(left)
	var rest []*request
	for _, i := range left {
		rest = append(rest, batch[i])
	}
	k.arrivals.back(rest)
	waiting := k.arrivals.len()
	k.alone.Store(len(batch) == 1 && waiting == 0)
	for i, r := range batch {
		if _, later := slices.BinarySearch(left, i); !later {
			r.done <- answers[i]
		}
	}
	return len(batch) - len(rest) + waiting
}

// evaluate applies a batch to a private next version, tick by tick, with what rules
// do about each. What is left is for the next frame.
func (k *Kernel) evaluate(batch []*request, answers []answer) (ticks []tick, steps []stepped, left []int) {
	f := k.newFold()
	at := k.at()
	pending := make([]sched.Pending, len(batch))
	for i, r := range batch {
		pending[i] = sched.Pending{Arrival: uint64(i + 1), View: r.view, Footprint: r.footprint}
	}
	todo := sched.Ticks(pending)
	for len(todo) > 0 {
		if len(ticks) > maxFrameTicks {
			return ticks, steps, slices.Concat(todo...)
		}
		var t sched.Tick
		t, todo = k.reactor.apart(todo, batch)
		from := f.seq + 1
		done := k.step(f, t, batch, answers, at)
		if len(done.records) == 0 {
			continue
		}
		ticks, steps = append(ticks, done), append(steps, stepped{version: f.version(), from: from, ops: done.ops()})
		for _, x := range k.react(f, done) {
			ticks, steps = append(ticks, x.tick), append(steps, stepped{version: x.version, from: x.from, ops: x.ops()})
		}
	}
	return ticks, steps, nil
}

// stopWriting makes the kernel read-only until it is started again.
func (k *Kernel) stopWriting(why string, err error) error {
	k.readOnly.Store(&why)
	k.log.Error("nothing is written any more", "err", err)
	return &rmg.Error{Op: "write", Code: rmg.Unavailable, Msg: why, Hint: "restart the daemon; nothing acknowledged is lost", Err: err}
}

// step evaluates and applies one tick.
func (k *Kernel) step(f *fold, indices sched.Tick, batch []*request, answers []answer, at time.Time) tick {
	t := tick{number: f.tick + 1}
	for _, i := range indices {
		r := batch[i]
		if err := r.ctx.Err(); err != nil {
			answers[i].err = err
			continue
		}
		seq := f.seq + 1
		was, err := r.once.seen(f.ledger)
		if err == nil && was != 0 {
			err = repeated{was}
		}
		var d draft
		if err == nil {
			d, err = r.eval(f, seq)
		}
		if err == nil {
			rec := Record{Seq: seq, Tick: t.number, At: at, View: d.view, Author: d.author, Cause: d.cause, Reason: d.reason, Ops: d.ops, Once: r.once}
			if err = f.applyKnown(rec, d.known); err == nil {
				t.records = append(t.records, rec)
				answers[i].receipt = Receipt{Seq: seq, Tick: t.number}
			}
		}
		answers[i].err = err
	}
	if len(t.records) == 0 {
		return t
	}
	f.tick = t.number
	t.world, t.ledger = f.hash.Digest(f.world()), f.hash.Digest(f.ledger)
	for _, i := range indices {
		if answers[i].err != nil {
			continue
		}
		answers[i].receipt.Digest = t.world
		if id, ok := strings.CutPrefix(batch[i].view, "sws:"); ok {
			if s, ok := f.lookup(id); ok {
				answers[i].receipt.Digest = s.last().world.Digest()
			}
		}
	}
	return t
}

// append makes ticks durable as one frame. After an error that is not "no
// room" the kernel writes no more.
func (k *Kernel) append(ticks []tick) error {
	data, err := encodeTicks(ticks, k.store)
	if err != nil {
		return &rmg.Error{Op: "write", Code: rmg.Internal, Msg: "the record cannot be encoded", Err: err}
	}
	if len(data) > journal.MaxFrame {
		return &rmg.Error{Op: "write", Code: rmg.Limit, Msg: fmt.Sprintf("%d bytes of records exceed a frame's %d", len(data), journal.MaxFrame), Hint: "split the rewrite"}
	}
	count := 0
	for _, t := range ticks {
		count += len(t.records)
	}
	err = k.opt.Journal.Append(context.WithoutCancel(k.ctx), journal.Frame{
		Epoch: k.epoch, First: ticks[0].records[0].Seq, Count: uint32(count), Payload: data,
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, journal.ErrFull):
		return &rmg.Error{Op: "write", Code: rmg.Unavailable, Msg: "no room on disk; nothing was written", Hint: "free some space and repeat", Err: err}
	default:
		return k.stopWriting("the log stopped: "+err.Error(), err)
	}
}

// at is the time of the next frame: a recorded input that never decreases.
func (k *Kernel) at() time.Time {
	t := k.opt.Clock.Now().UTC().Truncate(time.Millisecond)
	if t.Before(k.lastAt) {
		t = k.lastAt
	}
	k.lastAt = t
	return t
}

package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// replayEvery is how many ticks pass between two words of progress.
const replayEvery = 1000

// ReplayRequest asks for the log to be folded anew.
type ReplayRequest struct {
	Process string // only up to the last record of this process; "" is the whole log
	Execute bool   // run the tasks of the process again, too
}

// ReplayProgress says how far a replay is.
type ReplayProgress struct {
	Seq, Until uint64
	Ticks      int
	Text       string // what else there is to say; may be empty
}

// Replayed is what a replay found.
type Replayed struct {
	Records, Ticks int
	Until          uint64
	OfProcess      int // records of the process asked for
	World, Ledger  rmg.Digest
	Difference     string // the first one, by tick and record; empty if every digest is the log's
	Tasks          []TaskReplay
}

// Replay folds the log from its first record and compares every digest with the
// one that was written, tick by tick; it stops at the first difference, which it
// names. It holds one version.
//
// With Execute the tasks of a process are done over again, from the inputs that
// the log has, in workspaces that are thrown away; what they come to is compared
// with what was recorded.
func (k *Kernel) Replay(ctx context.Context, q ReplayRequest, seen func(ReplayProgress)) (Replayed, error) {
	if seen == nil {
		seen = func(ReplayProgress) {}
	}
	var out Replayed
	if q.Process != "" {
		if _, err := k.Process(q.Process); err != nil {
			return out, err
		}
	} else if q.Execute {
		return out, &rmg.Error{Op: "replay", Code: rmg.Invalid, Msg: "tasks are of a process, and none is named", Hint: "jitos replay --process p12 --execute"}
	}
	var err error
	if out.Until, out.OfProcess, err = k.lastOf(ctx, q.Process); err != nil {
		return out, err
	}
	r := &refold{k: k, fold: foldOn(version{}, k.openProven), until: out.Until}
	err = r.run(ctx, func(ticks int, seq uint64) {
		if ticks%replayEvery == 0 {
			seen(ReplayProgress{Seq: seq, Until: r.until, Ticks: ticks})
		}
	})
	out.Records, out.Ticks, out.Difference = r.records, r.ticks, r.difference
	out.World, out.Ledger = r.fold.world().Digest(), r.ledger.Digest()
	if err != nil || !q.Execute || out.Difference != "" {
		return out, err
	}
	out.Tasks, err = k.redo(ctx, q.Process, func(text string) {
		seen(ReplayProgress{Seq: r.until, Until: r.until, Ticks: r.ticks, Text: text})
	})
	return out, err
}

// lastOf finds the last record of a process and how many it has, or the last of
// the log for "". It reads the log for a process.
func (k *Kernel) lastOf(ctx context.Context, process string) (last uint64, count int, err error) {
	until := k.now().seq
	if process == "" {
		return until, 0, nil
	}
	for rec, err := range k.Records(1, until) {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return 0, 0, err
		}
		if isOf(rec, process) {
			last = rec.Seq
			count++
		}
	}
	return last, count, nil
}

// isOf reports whether a record was caused by a process, or is about it.
func isOf(r Record, process string) bool {
	return r.Cause == process || strings.HasPrefix(r.Cause, process+"/") ||
		slices.ContainsFunc(r.Ops, func(op rewrite.Op) bool { return procPath(process).Has(op.Path) })
}

// refold folds the log anew, apart from what is served.
type refold struct {
	k *Kernel
	*fold
	until uint64

	records, ticks int
	difference     string // the first one; the fold ends there
}

// run goes through the frames up to the one that holds the last record. The error
// is for what cannot be read; what does not fold is a difference.
func (r *refold) run(ctx context.Context, seen func(ticks int, seq uint64)) error {
	for frame, err := range r.k.opt.Journal.Read(1) {
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		if frame.First > r.until {
			return nil
		}
		ticks, err := decodeTicks(frame.Payload, r.k.store)
		if err != nil {
			return fmt.Errorf("frame at seq %d: %w", frame.First, err)
		}
		for _, t := range ticks {
			if err := ctx.Err(); err != nil {
				return err
			}
			if r.difference = r.tick(t); r.difference != "" {
				return nil
			}
			seen(r.ticks, r.seq)
		}
	}
	return nil
}

// tick applies one tick and compares its digests.
func (r *refold) tick(t tick) string {
	r.ticks++
	for _, rec := range t.records {
		r.records++
		if err := r.apply(rec); err != nil {
			return fmt.Sprintf("tick %d, record %d by %s: it does not apply: %v", t.number, rec.Seq, rec.Author, err)
		}
	}
	r.fold.tick = t.number
	last := t.records[len(t.records)-1]
	differs := func(half string, got, want rmg.Digest) string {
		return fmt.Sprintf("tick %d, up to record %d by %s: the %s folds to %s, the log says %s", t.number, last.Seq, last.Author, half, got, want)
	}
	if got := r.fold.world().Digest(); got != t.world {
		return differs("world", got, t.world)
	}
	if got := r.ledger.Digest(); got != t.ledger {
		return differs("ledger", got, t.ledger)
	}
	return ""
}

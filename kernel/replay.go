package kernel

import (
	"context"
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
// names. Memory is that of one version, the last head of each workspace, and
// what later forks go back to.
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
	r := newRefold(k)
	if err := r.lookAhead(ctx, k.now().seq, q.Process); err != nil {
		return out, err
	}
	out.Until, out.OfProcess = r.until, r.ofProcess
	err := r.fold(ctx, func(ticks int, seq uint64) {
		if ticks%replayEvery == 0 {
			seen(ReplayProgress{Seq: seq, Until: r.until, Ticks: ticks})
		}
	})
	out.Records, out.Ticks, out.Difference = r.records, r.ticks, r.difference
	out.World, out.Ledger = r.now.world.Digest(), r.now.ledger.Digest()
	if err != nil || !q.Execute || out.Difference != "" {
		return out, err
	}
	out.Tasks, err = k.redo(ctx, q.Process, func(text string) {
		seen(ReplayProgress{Seq: r.until, Until: r.until, Ticks: r.ticks, Text: text})
	})
	return out, err
}

// refold folds the log anew, apart from what is served.
type refold struct {
	k         *Kernel
	until     uint64
	process   string
	ofProcess int

	now    version
	spaces map[string]*space
	kept   map[uint64]version         // versions that are forked from later
	asOf   map[string]map[uint64]bool // heads of workspaces that are forked from later, by what is asked for

	records, ticks int
	difference     string
}

func newRefold(k *Kernel) *refold {
	return &refold{k: k, spaces: map[string]*space{}, kept: map[uint64]version{}, asOf: map[string]map[uint64]bool{}}
}

// lookAhead reads the log once to learn what of the past later records fork from,
// so that nothing else of it has to be kept, and which record is the last.
func (r *refold) lookAhead(ctx context.Context, until uint64, process string) error {
	r.process = process
	last := until
	if process != "" {
		last = 0
	}
	for rec, err := range r.k.Records(1, until) {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if process != "" && isOf(rec, process) {
			last = rec.Seq
			r.ofProcess++
		}
		for _, op := range rec.Ops {
			if op.Op != rewrite.AddNode || op.Kind != kindWorkspace || op.Path.Parent() != swsRoot {
				continue
			}
			from, _ := op.Props["from"].AsString()
			v, err := ParseVersion(from)
			switch {
			case err != nil:
				return err
			case v.Seq != 0:
				r.kept[v.Seq] = version{}
			case v.At != 0:
				if r.asOf[v.Space] == nil {
					r.asOf[v.Space] = map[uint64]bool{}
				}
				r.asOf[v.Space][v.At] = true
			}
		}
	}
	r.until = last
	return nil
}

// isOf reports whether a record was caused by a process, or is about it.
func isOf(r Record, process string) bool {
	return r.Cause == process || strings.HasPrefix(r.Cause, process+"/") ||
		slices.ContainsFunc(r.Ops, func(op rewrite.Op) bool { return procPath(process).Has(op.Path) })
}

// fold goes through the frames up to the one that holds the last record. The
// error is for what cannot be read; what does not fold is a difference.
func (r *refold) fold(ctx context.Context, seen func(ticks int, seq uint64)) error {
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
		f := &fold{version: r.now, space: r.space, at: r.at, touched: map[string]*space{}}
		for _, t := range ticks {
			if err := ctx.Err(); err != nil {
				return err
			}
			if r.difference = r.tick(f, t); r.difference != "" {
				r.now = f.version
				return nil
			}
			seen(r.ticks, f.seq)
		}
		r.publish(f)
	}
	return nil
}

// tick applies one tick and compares its digests.
func (r *refold) tick(f *fold, t tick) string {
	r.ticks++
	for _, rec := range t.records {
		r.records++
		if err := f.apply(rec); err != nil {
			return fmt.Sprintf("tick %d, record %d by %s: it does not apply: %v", t.number, rec.Seq, rec.Author, err)
		}
	}
	f.tick = t.number
	last := t.records[len(t.records)-1]
	differs := func(half string, got, want rmg.Digest) string {
		return fmt.Sprintf("tick %d, up to record %d by %s: the %s folds to %s, the log says %s", t.number, last.Seq, last.Author, half, got, want)
	}
	if got := f.world.Digest(); got != t.world {
		return differs("world", got, t.world)
	}
	if got := f.ledger.Digest(); got != t.ledger {
		return differs("ledger", got, t.ledger)
	}
	return ""
}

// publish takes a frame over, and lets go of heads that nothing goes back to.
func (r *refold) publish(f *fold) {
	from := r.now.seq
	r.now = f.version
	for seq := range r.kept {
		if seq > from && seq <= f.seq {
			r.kept[seq] = f.version
		}
	}
	for id, s := range f.touched {
		r.spaces[id] = &space{id: s.id, base: s.base, heads: r.wanted(s)}
	}
}

// wanted are the last head and those that a later fork asks for.
func (r *refold) wanted(s *space) []head {
	var out []head
	for i, h := range s.heads {
		keep := i == len(s.heads)-1
		for at := range r.asOf[s.id] {
			keep = keep || h.seq <= at && (i+1 == len(s.heads) || s.heads[i+1].seq > at)
		}
		if keep {
			out = append(out, h)
		}
	}
	return out
}

func (r *refold) space(id string) (*space, bool) {
	s, ok := r.spaces[id]
	return s, ok
}

func (r *refold) at(seq uint64) (version, bool) {
	v, ok := r.kept[seq]
	return v, ok && v.seq >= seq
}

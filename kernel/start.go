package kernel

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"jitos.dev/journal"
	"jitos.dev/rmg"
)

// replay makes the state: from the newest checkpoint that can be started from,
// or else from nothing, and what the journal holds after it. A checkpoint is
// only ever a shortcut, so whatever is wrong with one leads to an older one;
// what is wrong with the log itself is refused in the end.
func (k *Kernel) replay() error {
	list, err := k.opt.Journal.Checkpoints()
	if err != nil {
		k.log.Warn("checkpoints cannot be read; the whole log is folded", "err", err)
	}
	for i, c := range list {
		err := guarded(func() error { return k.startFrom(c) })
		if err == nil {
			k.checkpoints = list[i:]
			return nil
		}
		k.log.Warn("a checkpoint cannot be started from; the one before it, or the whole log, is", "seq", c.Seq, "err", err)
		k.forget()
	}
	return k.follow(version{})
}

// startFrom opens a checkpoint, holds it against the log, and folds what follows.
func (k *Kernel) startFrom(c journal.Checkpoint) error {
	v, err := k.checkpointed(c)
	if err != nil {
		return err
	}
	if err := k.agrees(v); err != nil {
		return err
	}
	k.publish([]stepped{{version: v, from: v.seq}})
	k.lastAt = v.at
	if err := k.follow(v); err != nil {
		return err
	}
	return k.rehearse()
}

// rehearse reads what the beginning of an epoch reads and writes, so that damage
// there is met while there still is an older checkpoint to go back to.
func (k *Kernel) rehearse() error {
	f := k.newFold()
	if err := f.apply(Record{Seq: f.seq + 1, View: "system", Ops: k.epochOps(f.version())}); err != nil {
		return err
	}
	if e, ok := f.ledger.Get(procRoot); ok {
		for p := range e.Graph.Nodes("") {
			readEvidence(p.Graph)
		}
	}
	f.world().Digest()
	f.ledger.Digest()
	return nil
}

// forget takes back what startFrom did.
func (k *Kernel) forget() {
	k.state.recent = recent{size: k.tune.recent}
	k.current.Store(&version{})
	k.keeper.file, k.keeper.store, k.keeper.last = nil, nil, 0
	k.marks.Store(nil)
	k.past.list = nil
}

// agrees holds a version against the digests that the log has for its tick.
func (k *Kernel) agrees(v version) error {
	t, err := k.tickOf(v.seq)
	if err != nil {
		return err
	}
	return t.agrees(v)
}

// agrees reports how a version is not what the log says the tick led to.
func (t tick) agrees(v version) error {
	if w := v.world.Digest(); w != t.world {
		return fmt.Errorf("replay of tick %d: world digest is %s, the log says %s", t.number, w, t.world)
	}
	if l := v.ledger.Digest(); l != t.ledger {
		return fmt.Errorf("replay of tick %d: ledger digest is %s, the log says %s", t.number, l, t.ledger)
	}
	return nil
}

// follow folds the frames after a version and publishes what each led to. The
// digests after its last tick are compared: they hold what the ticks before it
// led to. Verify compares every one, and a version between two ticks of a frame
// is opened like an older one.
func (k *Kernel) follow(v version) error {
	f := foldOn(v, k.openHead)
	for frame, err := range k.opt.Journal.Read(v.seq + 1) {
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		ticks, err := decodeTicks(frame.Payload, k.store)
		if err != nil {
			return fmt.Errorf("frame at seq %d: %w", frame.First, err)
		}
		if len(ticks) == 0 {
			continue
		}
		ops := 0
		for _, t := range ticks {
			if err := f.tickOf(t); err != nil {
				return err
			}
			ops += t.ops()
		}
		last, v := ticks[len(ticks)-1], f.version()
		if err := last.agrees(v); err != nil {
			return err
		}
		k.lastAt = v.at
		k.publish([]stepped{{version: v, from: last.records[0].Seq, ops: ops}})
	}
	return nil
}

// tickOf applies the records of a tick.
func (f *fold) tickOf(t tick) error {
	for _, r := range t.records {
		if err := f.apply(r); err != nil {
			return fmt.Errorf("replay of record %d: %w", r.Seq, err)
		}
	}
	f.tick = t.number
	return nil
}

// tickOf reads the tick that holds a seq.
func (k *Kernel) tickOf(seq uint64) (tick, error) {
	for frame, err := range k.opt.Journal.Read(seq) {
		if err != nil {
			return tick{}, err
		}
		ticks, err := decodeTicks(frame.Payload, k.store)
		if err != nil {
			return tick{}, err
		}
		for _, t := range ticks {
			if n := len(t.records); n > 0 && t.records[n-1].Seq >= seq {
				return t, nil
			}
		}
		break
	}
	return tick{}, noVersion(Version{Seq: seq})
}

// advance folds the log on to the end of the tick that holds seq, whose first
// record it returns, or to seq exactly.
func (k *Kernel) advance(f *fold, seq uint64, exactly bool) (from uint64, err error) {
	for frame, err := range k.opt.Journal.Read(f.seq + 1) {
		if err != nil {
			return 0, err
		}
		ticks, err := decodeTicks(frame.Payload, k.store)
		if err != nil {
			return 0, err
		}
		for _, t := range ticks {
			from = t.records[0].Seq
			for _, r := range t.records {
				switch {
				case r.Seq <= f.seq:
					continue
				case exactly && r.Seq > seq:
					return f.seq, nil
				}
				if err := f.apply(r); err != nil {
					return 0, fmt.Errorf("replay of record %d: %w", r.Seq, err)
				}
			}
			f.tick = t.number
			if f.seq >= seq {
				return from, nil
			}
		}
	}
	return f.seq, nil
}

// refoldSpace opens an older head of a workspace: its records up to v.At over
// the nearest head before that can be had.
func (k *Kernel) refoldSpace(s *space, v Version) (head, error) {
	base, err := k.nearest(v.At, true)
	if err != nil {
		return head{}, err
	}
	from := &space{id: s.id, base: s.origin, now: head{seq: s.forked, world: s.origin}}
	err = guarded(func() error {
		if old, ok := spaceIn(base.spaces, s.id); ok && base.seq <= v.At {
			from.base, from.now = old.base, old.now
		}
		records := s.records()
		n, there := slices.BinarySearch(records, v.At)
		if there {
			n++
		}
		for _, err := range k.headsAfter(from, records[:n]) {
			if err != nil {
				return err
			}
		}
		return nil
	})
	return from.now, err
}

// headsAfter ranges over the heads that the records of a workspace led to, after
// the one that it has. It changes s on the way.
func (k *Kernel) headsAfter(s *space, records []uint64) iter.Seq2[head, error] {
	// All that a moved base names is of the past.
	f := foldOn(version{seq: math.MaxUint64, spaces: k.now().spaces}, k.openHead)
	return func(yield func(head, error) bool) {
		for _, seq := range records {
			if seq <= s.now.seq {
				continue
			}
			h, base, err := k.headAfter(f, s, seq)
			if err != nil {
				yield(head{}, err)
				return
			}
			s.base, s.now = base, h
			if !yield(h, nil) {
				return
			}
		}
	}
}

func (k *Kernel) headAfter(f *fold, s *space, seq uint64) (h head, base rmg.Graph, err error) {
	r, err := k.record(seq)
	if err != nil {
		return h, base, err
	}
	entry, ops := splitOps(r.Ops)
	st, err := f.startOf(s, entry)
	if err != nil {
		return h, base, err
	}
	h, _, err = st.next(seq, ops)
	return h, st.base, err
}

// headsOf lists all heads of a workspace, that of its fork first. It folds its
// records anew.
func (k *Kernel) headsOf(s *space) ([]head, error) {
	from := &space{id: s.id, base: s.origin, now: head{seq: s.forked, world: s.origin}}
	out := []head{from.now}
	err := guarded(func() error {
		for h, err := range k.headsAfter(from, s.records()) {
			if err != nil {
				return err
			}
			out = append(out, h)
		}
		return nil
	})
	return out, err
}

// check folds from the checkpoint before the one that the start took up to that,
// and compares all four graphs: a fold that was cut short by a checkpoint is
// held against a longer one. What it finds is told by Status and Verify.
func (k *Kernel) check(ctx context.Context, newest, before journal.Checkpoint) {
	end := func(text string, err error) {
		if err != nil {
			text = err.Error()
			k.log.Error("the newest checkpoint is not what the log folds to from the one before", "seq", newest.Seq, "err", err)
		}
		k.checked.Store(&checked{text, err != nil})
	}
	err := guarded(func() error {
		v, _, _, err := openCheckpoint(k.opt.Journal, before)
		if err != nil {
			return err
		}
		f := foldOn(v, k.openHead)
		for frame, err := range k.opt.Journal.Read(v.seq + 1) {
			if err = errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			if frame.First > newest.Seq {
				break
			}
			ticks, err := decodeTicks(frame.Payload, k.store)
			if err != nil {
				return err
			}
			for _, t := range ticks {
				if err := f.tickOf(t); err != nil {
					return err
				}
			}
		}
		w, _, _, err := openCheckpoint(k.opt.Journal, newest)
		if err != nil {
			return err
		}
		return w.same(f.version())
	})
	if ctx.Err() == nil {
		end(fmt.Sprintf("the checkpoint of seq %d is what the log folds to from seq %d", newest.Seq, before.Seq), err)
	}
}

// checked is what became of the check of the newest checkpoint.
type checked struct {
	text string
	bad  bool
}

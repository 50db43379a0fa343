package kernel

import (
	"context"
	"fmt"
	"iter"
)

// Records ranges over the log from one seq to another (0: up to the last), in
// order, read from the journal.
func (k *Kernel) Records(from, to uint64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		last := k.now().seq
		if to == 0 || to > last {
			to = last
		}
		from = max(from, 1)
		if from > to {
			return
		}
		for frame, err := range k.opt.Journal.Read(from) {
			if err != nil {
				yield(Record{}, err)
				return
			}
			ticks, err := decodeTicks(frame.Payload, k.store)
			if err != nil {
				yield(Record{}, err)
				return
			}
			for _, t := range ticks {
				for _, r := range t.records {
					if r.Seq < from {
						continue
					}
					if r.Seq > to || !yield(r, nil) {
						return
					}
				}
			}
		}
	}
}

// record reads one record.
func (k *Kernel) record(seq uint64) (Record, error) {
	for r, err := range k.Records(seq, seq) {
		return r, err
	}
	return Record{}, noVersion(Version{Seq: seq})
}

// Verify reads the journal anew from disk, folds it from nothing, and compares
// every digest with what the log says and with what is being served.
func (k *Kernel) Verify(ctx context.Context) (Verification, error) {
	rep, err := k.opt.Journal.Verify()
	if err != nil {
		return Verification{}, err
	}
	out := Verification{Segments: rep.Segments, Blobs: rep.Blobs, Bytes: rep.Bytes, Problems: rep.Problems}
	shadow := &Kernel{opt: k.opt, store: k.store, log: k.log}
	shadow.state.spaces = map[string]*space{}
	shadow.state.touched = wrote{}
	shadow.state.news = make(chan struct{})
	shadow.current.Store(&version{})
	until := k.now().seq
	problem := func(format string, args ...any) { out.Problems = append(out.Problems, fmt.Sprintf(format, args...)) }
	for frame, err := range k.opt.Journal.Read(1) {
		if err != nil {
			problem("read: %v", err)
			break
		}
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		if frame.First > until {
			break
		}
		ticks, err := decodeTicks(frame.Payload, k.store)
		if err != nil {
			problem("frame at seq %d: %v", frame.First, err)
			break
		}
		f := shadow.newFold()
		for _, t := range ticks {
			out.Ticks++
			for _, r := range t.records {
				out.Records++
				if err := f.apply(r); err != nil {
					problem("record %d: %v", r.Seq, err)
					return out, nil
				}
			}
			f.tick = t.number
			if f.world.Digest() != t.world || f.ledger.Digest() != t.ledger {
				problem("tick %d: the fold's digest is not the log's", t.number)
			}
		}
		shadow.publish(f, ticks)
	}
	v := shadow.now()
	out.World, out.Ledger = v.world.Digest(), v.ledger.Digest()
	if served, ok := k.versionAt(v.seq); ok && v.seq > 0 && (served.world.Digest() != out.World || served.ledger.Digest() != out.Ledger) {
		problem("what is served at seq %d is not what the log folds to", v.seq)
	}
	return out, nil
}

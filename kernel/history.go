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
	r := newRefold(k)
	if err := r.lookAhead(ctx, k.now().seq, ""); err != nil && ctx.Err() != nil {
		return out, err
	}
	r.until = k.now().seq
	problem := func(format string, args ...any) { out.Problems = append(out.Problems, fmt.Sprintf(format, args...)) }
	if err := r.fold(ctx, func(int, uint64) {}); ctx.Err() != nil {
		return out, ctx.Err()
	} else if err != nil {
		problem("%v", err)
	}
	out.Records, out.Ticks = r.records, r.ticks
	if r.difference != "" {
		problem("%s", r.difference)
	}
	out.World, out.Ledger = r.now.world.Digest(), r.now.ledger.Digest()
	if served, ok := k.versionAt(r.now.seq); ok && r.now.seq > 0 && (served.world.Digest() != out.World || served.ledger.Digest() != out.Ledger) {
		problem("what is served at seq %d is not what the log folds to", r.now.seq)
	}
	return out, nil
}

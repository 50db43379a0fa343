package kernel

import (
	"context"
	"errors"
	"fmt"

	"jitos.dev/rmg"
)

// Verify reads the journal anew from disk, folds it from nothing, and compares
// every digest with what the log says, and with what is being served. Of the
// past it keeps nothing: it holds one version.
func (k *Kernel) Verify(ctx context.Context) (Verification, error) {
	rep, err := k.opt.Journal.Verify()
	if err != nil {
		return Verification{}, err
	}
	out := Verification{Segments: rep.Segments, Blobs: rep.Blobs, Bytes: rep.Bytes, Problems: rep.Problems}
	problem := func(format string, args ...any) { out.Problems = append(out.Problems, fmt.Sprintf(format, args...)) }
	if c := k.checked.Load(); c != nil && c.bad {
		problem("checkpoint: %s", c.text)
	}
	until := k.now()
	r := &refold{k: k, fold: foldOn(version{}, k.openProven), until: until.seq}
	if err := r.run(ctx, func(int, uint64) {}); ctx.Err() != nil {
		return out, ctx.Err()
	} else if err != nil {
		problem("%v", err)
	}
	out.Records, out.Ticks = r.records, r.ticks
	if r.difference != "" {
		problem("%s", r.difference)
	}
	out.World, out.Ledger = r.fold.world().Digest(), r.ledger.Digest()
	if err := k.verifyContents(until, &out); err != nil {
		problem("%v", err)
	}
	if r.seq != until.seq {
		problem("the log folds to seq %d, and seq %d is served", r.seq, until.seq)
	} else if err := r.version().same(until); err != nil {
		problem("what is served at seq %d is not what the log folds to: %v", r.seq, err)
	}
	return out, nil
}

// verifyContents looks for all content that a file was given, but for what was
// purged, and counts what a gc gave up.
func (k *Kernel) verifyContents(until version, out *Verification) error {
	n := namesFor(deadSpaces(until.ledger, nil))
	for _, dead := range n.dead {
		if dead {
			out.GivenUp++
		}
	}
	if err := n.read(k.opt.Journal, k.store, until.seq); err != nil {
		return err
	}
	for sum := range n.given {
		if _, ok := n.givenUp(sum); ok && !k.opt.Journal.Blobs().Has(sum) {
			out.Gone++
		}
	}
	for _, seq := range n.lost(k.opt.Journal.Blobs(), func(b rmg.Blob) bool { return k.purged(b) != nil }) {
		out.Problems = append(out.Problems, fmt.Sprintf("content that record %d wrote is not there", seq))
	}
	return nil
}

// openProven opens a version for a fork that is verified: by way of a checkpoint,
// since the fold that verifies keeps none, and so held against the log's digest
// of it, which the fold has found to be right.
func (k *Kernel) openProven(v Version) (head, error) {
	h, err := k.openHead(v)
	if err != nil || v.Seq == 0 {
		return h, err
	}
	t, err := k.tickOf(v.Seq)
	if err == nil && h.world.Digest() != t.world {
		err = fmt.Errorf("%s is opened as something else than the log says", v)
	}
	return h, err
}

// same reports how two versions of one seq differ, in what is derived too.
func (v version) same(w version) (err error) {
	perr := rmg.Protect(func() {
		wrote, verr := v.wrote.read()
		its, werr := w.wrote.read()
		if err = errors.Join(verr, werr); err != nil {
			return
		}
		for _, p := range []struct {
			name string
			a, b rmg.Graph
		}{{partWorld, v.world, w.world}, {partLedger, v.ledger, w.ledger}, {partSpaces, v.spaces, w.spaces}, {partWrote, wrote, its}} {
			if x, y := p.a.Digest(), p.b.Digest(); x != y {
				err = errors.Join(err, fmt.Errorf("%s has digest %s, not %s", p.name, y, x))
			}
		}
	})
	return errors.Join(perr, err)
}

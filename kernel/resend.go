package kernel

import (
	"context"
	"sync"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// Calls of several records, and such as take long, are known by the one record of
// theirs that cannot be taken back by a crash: of a collapse that is the collapse.
// A resend of what did not come that far does it; of what did, it is told what
// became of it.

// turns lets requests under one key through one after another: a resend that
// comes while the first is under way waits for it, and is answered as it was.
type turns struct {
	sync.Mutex // guards by
	by         map[[32]byte]chan struct{}
}

// take waits for a request's turn, and returns what ends it.
func (t *turns) take(ctx context.Context, o Once) (end func(), err error) {
	if o == (Once{}) {
		return func() {}, nil
	}
	for {
		t.Lock()
		before, busy := t.by[o.Key]
		if !busy {
			done := make(chan struct{})
			if t.by == nil {
				t.by = map[[32]byte]chan struct{}{}
			}
			t.by[o.Key] = done
			t.Unlock()
			return func() {
				t.Lock()
				delete(t.by, o.Key)
				t.Unlock()
				close(done)
			}, nil
		}
		t.Unlock()
		select {
		case <-before:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// inTurn makes the Once of a request that takes several records, and waits until
// no other under the same key is under way; end lets the next one through.
func (k *Kernel) inTurn(ctx context.Context, c Caller, verb string, body any) (once Once, end func(), err error) {
	if once, err = onceOf(c, verb, body); err != nil {
		return Once{}, nil, err
	}
	end, err = k.turns.take(ctx, once)
	return once, end, err
}

// collapsedBefore is what became of a collapse that a request led to before. One
// that was taken back, with nothing in its place since the daemon ended, is to be
// done over; again is then what it is known by: nothing, for the key is used.
func (k *Kernel) collapsedBefore(o Once) (out Collapsed, space string, done bool, again Once, err error) {
	seq, err := o.seen(k.now().ledger)
	if err != nil || seq == 0 {
		return Collapsed{}, "", false, o, err
	}
	r, err := k.record(seq)
	if err != nil {
		return Collapsed{}, "", false, o, err
	}
	space = spaceOf(r).Base().ID
	out = Collapsed{Seq: seq}
	last := Version{} // of the parent, before
	if at := holderOf(r); at.Parent() == procRoot {
		p, err := k.Process(at.Base().ID)
		if err != nil {
			return Collapsed{}, "", false, o, err
		}
		if p.Collapse == 0 && p.Status != "unlanded" {
			return Collapsed{}, "", false, Once{}, nil
		}
		if p.Collapse != 0 {
			out.Seq = p.Collapse
		}
		out.Process, out.Commit, out.LandedOn, out.Patch, out.URL, out.Evidence = p.ID, p.Commit, p.LandedOn, p.Patch, p.URL, p.Evidence
	} else if v, err := ParseVersion(r.View); err == nil && v.Space != "" {
		last = Version{Space: v.Space, At: seq - 1}
	} else if n, into := k.absorbedAt(r); into != "" { // nothing differed: the parent has no record of it
		out.Seq, last = n, Version{Space: into, At: n}
	}
	receipt, err := k.receiptOf(out.Seq)
	if err != nil {
		return Collapsed{}, "", false, o, err
	}
	out.Digest, out.Merged = receipt.Digest, k.hadMoved(space, last, out.Seq)
	return out, space, true, o, nil
}

// absorbedAt is the workspace that another became part of without a change, and
// the seq that it was at; "" if the record says nothing of the sort.
func (k *Kernel) absorbedAt(r Record) (seq uint64, parent string) {
	for _, op := range ledgerOps(r) {
		if e, ok := k.now().ledger.Get(op.Path); ok && absorbs(op) {
			n, _ := op.Props[propCollapsed].AsInt()
			from, _ := ParseVersion(e.Props.String("from")) // the kernel wrote it
			return uint64(n), from.Space
		}
	}
	return 0, ""
}

// hadMoved reports whether a workspace's parent was not what it was forked from
// when it collapsed, as far as the past can still be opened. The parent was what
// it has at last or, if that is none, the system before seq.
func (k *Kernel) hadMoved(space string, last Version, seq uint64) bool {
	e, ok := k.now().ledger.Get(swsPath(space))
	if !ok {
		return false
	}
	from, err := ParseVersion(e.Props.String("from"))
	if err != nil {
		return false
	}
	at, err := baseVersion(parentOf(from), uint64(e.Props.Int("base")))
	if err != nil {
		return false
	}
	base, err := k.View(at.String())
	if err != nil {
		return false
	}
	if last == (Version{}) {
		before, _, err := k.around(seq)
		return err == nil && before.Digest() != base.Digest()
	}
	before, err := k.View(last.String())
	return err == nil && before.Digest() != base.Digest()
}

// rebasedBefore is the answer of a rebase that is a record.
func (k *Kernel) rebasedBefore(id string, seq uint64) (Rebased, error) {
	r, err := k.record(seq)
	if err != nil {
		return Rebased{}, err
	}
	receipt, err := k.receiptOf(seq)
	if err != nil {
		return Rebased{}, err
	}
	out := Rebased{Seq: seq, Digest: receipt.Digest}
	if op, ok := rebaseOp(r, id); ok {
		from, _ := op.Props["from"].AsString()
		base, _ := op.Props["base"].AsInt()
		v, err := baseVersion(from, uint64(base))
		if err != nil {
			return Rebased{}, err
		}
		out.Base = v.String()
	}
	return out, nil
}

// rebaseOp finds what a record says about a workspace's new base.
func rebaseOp(r Record, id string) (rewrite.Op, bool) {
	for _, op := range ledgerOps(r) {
		if _, ok := op.Props[propRebased]; ok && op.Op == rewrite.Set && op.Path == swsPath(id) {
			return op, true
		}
	}
	return rewrite.Op{}, false
}

// rebasedAfter is the answer of the first rebase of a workspace after a record.
func (k *Kernel) rebasedAfter(id string, seq uint64) (Rebased, error) {
	for r, err := range k.Records(seq+1, 0) {
		if err != nil {
			return Rebased{}, err
		}
		if _, ok := rebaseOp(r, id); ok {
			return k.rebasedBefore(id, r.Seq)
		}
	}
	return Rebased{}, &rmg.Error{Op: "resolve", Path: swsPath(id), Code: rmg.NotFound, Msg: "the workspace has no conflicts", Hint: "jitos sws show " + id}
}

package kernel

import (
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// worldAfter returns the world right after one record, which may stand in the
// middle of a tick. The world before the first record is empty.
func (k *Kernel) worldAfter(seq uint64) (rmg.Graph, error) {
	v, err := k.after(seq, true)
	return v.world, err
}

// lastWriteBefore is lastWrite as of right before a record.
func (k *Kernel) lastWriteBefore(seq uint64, p rmg.Path, prop string) (uint64, bool, error) {
	if seq <= 1 {
		return 0, false, nil
	}
	v, err := k.after(seq-1, false)
	if err != nil {
		return 0, false, err
	}
	got, ok := lastWrite(v, p, prop)
	return got, ok, nil
}

// around returns the world before and after a record.
func (k *Kernel) around(seq uint64) (before, after rmg.Graph, err error) {
	if before, err = k.worldAfter(seq - 1); err != nil {
		return before, after, err
	}
	after, err = k.worldAfter(seq)
	return before, after, err
}

// worldOps are a record's ops on the world, and ledgerOps those on the ledger.
func worldOps(r Record) []rewrite.Op  { return opsIn(r, false) }
func ledgerOps(r Record) []rewrite.Op { return opsIn(r, true) }

func opsIn(r Record, ledger bool) []rewrite.Op {
	var out []rewrite.Op
	for _, op := range r.Ops {
		if inLedger(op.Path) == ledger {
			out = append(out, op)
		}
	}
	return out
}

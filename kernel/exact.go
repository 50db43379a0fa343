package kernel

import (
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// worldAfter returns the world right after one record: where a group commit
// holds several, the one within it that seq names, which no version is kept of.
// The world before the first record is empty. Costs the records of one frame.
func (k *Kernel) worldAfter(seq uint64) (rmg.Graph, error) {
	if seq == 0 {
		return rmg.Graph{}, nil
	}
	v, ok := k.versionAt(seq)
	if !ok {
		return rmg.Graph{}, noVersion(Version{Seq: seq})
	}
	if v.seq == seq {
		return v.world, nil
	}
	for frame, err := range k.opt.Journal.Read(seq) {
		if err != nil {
			return rmg.Graph{}, err
		}
		var from version
		if frame.First > 1 {
			if from, ok = k.versionAt(frame.First - 1); !ok {
				return rmg.Graph{}, noVersion(Version{Seq: frame.First - 1})
			}
		}
		ticks, err := decodeTicks(frame.Payload, k.store)
		if err != nil {
			return rmg.Graph{}, err
		}
		return worldThrough(from.world, ticks, seq)
	}
	return rmg.Graph{}, noVersion(Version{Seq: seq})
}

// worldThrough applies what ticks do to the world, up to one record.
func worldThrough(world rmg.Graph, ticks []tick, seq uint64) (rmg.Graph, error) {
	for _, t := range ticks {
		for _, r := range t.records {
			if r.Seq > seq {
				return world, nil
			}
			if r.View != "system" {
				continue
			}
			o, err := applied(world, worldOps(r))
			if err != nil {
				return world, err
			}
			world = o.Graph()
		}
	}
	return world, nil
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

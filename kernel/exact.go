package kernel

import (
	"slices"

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

// frameOf returns the first seq of the group commit that holds a record.
func (k *Kernel) frameOf(seq uint64) (uint64, error) {
	for frame, err := range k.opt.Journal.Read(seq) {
		return frame.First, err
	}
	return 0, noVersion(Version{Seq: seq})
}

// lastWriteBefore is lastWrite as of right before a record, which no version may
// be kept of.
func (k *Kernel) lastWriteBefore(seq uint64, p rmg.Path, prop string) (uint64, bool, error) {
	if seq <= 1 {
		return 0, false, nil
	}
	if v, ok := k.versionAt(seq - 1); ok && v.seq == seq-1 {
		got, ok := k.lastWrite(v, p, prop)
		return got, ok, nil
	}
	first, err := k.frameOf(seq - 1)
	if err != nil {
		return 0, false, err
	}
	var last uint64
	for r, err := range k.Records(first, seq-1) {
		if err != nil {
			return 0, false, err
		}
		if r.View == "system" && slices.ContainsFunc(worldOps(r), func(op rewrite.Op) bool { return reaches(op, p, prop) }) {
			last = r.Seq
		}
	}
	if last != 0 || first == 1 {
		return last, last != 0, nil
	}
	v, ok := k.versionAt(first - 1)
	if !ok {
		return 0, false, noVersion(Version{Seq: first - 1})
	}
	got, ok := k.lastWrite(v, p, prop)
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

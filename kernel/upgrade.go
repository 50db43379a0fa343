package kernel

import (
	"context"
	"fmt"

	"jitos.dev/journal"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// oldestFold is the oldest fold version that Upgrade reads. From 2 to 3 digests
// changed, and nothing of what records say.
const oldestFold = 2

// FoldVersion is what this program writes.
const FoldVersion = foldVersion

// FoldOf is the fold version that the records of a log are of; 0 for a log without
// any. All of a log are of one. It reads the first frame.
func FoldOf(j journal.Log) (uint64, error) {
	for frame, err := range j.Read(1) {
		if err != nil {
			return 0, err
		}
		d := rmg.NewDecoder(frame.Payload)
		var version uint64
		d.Fields(func(key uint64) bool { // it is the first, and the rest may be of any form
			if key != payloadFold {
				return false
			}
			version = d.Uint()
			return true
		})
		if version == 0 {
			return 0, fmt.Errorf("frame at seq %d: payload: it has no fold version: %w", frame.First, d.Err())
		}
		return version, nil
	}
	return 0, nil
}

// Upgradable says whether Upgrade takes a log of this fold version: Unavailable for
// one that is newer than this program, or too old. A log of today's needs none.
func Upgradable(fold uint64) error {
	switch {
	case fold > foldVersion:
		return &rmg.Error{
			Op: "open", Code: rmg.Unavailable, Msg: fmt.Sprintf("the log is of fold version %d, and was written by a newer jitos; this one reads up to %d", fold, foldVersion),
			Hint: "use the newer jitos; nothing was changed",
		}
	case fold < oldestFold:
		return &rmg.Error{
			Op: "open", Code: rmg.Unavailable, Msg: fmt.Sprintf("the log is of fold version %d; this jitos reads from %d on", fold, oldestFold),
			Hint: "use the jitos that wrote it, or begin with another --data; nothing was changed",
		}
	}
	return nil
}

// Upgraded is what an upgrade went through.
type Upgraded struct {
	From          uint64 // fold version
	Records       int
	World, Ledger rmg.Digest // at the end
}

// rewritable is a log whose frames can be given other payloads; journal.Store is one.
type rewritable interface {
	journal.Log
	Rewrite(ctx context.Context, payload func(journal.Frame) ([]byte, error)) error
}

// Upgrade folds an older log anew and rewrites it as this program would have written
// it: the same records under the same seqs, with the digests of today. The log is to
// be opened again afterwards. It is read twice; what is held is one version, and the
// older ones that workspaces were made from.
func Upgrade(ctx context.Context, log rewritable, store BlobStore) (Upgraded, error) {
	var out Upgraded
	var err error
	if out.From, err = FoldOf(log); err != nil {
		return out, err
	}
	if err := Upgradable(out.From); err != nil {
		return out, err
	}
	u := &upgrade{from: out.From, store: store, past: pastHeads{seqs: map[uint64]bool{}, spaces: map[string][]uint64{}, heads: map[Version]head{}}}
	for frame, err := range log.Read(1) {
		if err != nil {
			return out, err
		}
		if err := u.look(frame); err != nil {
			return out, err
		}
	}
	u.fold = foldOn(version{}, u.past.head)
	err = log.Rewrite(ctx, u.frame)
	out.Records, out.World, out.Ledger = u.records, u.fold.world().Digest(), u.fold.ledger.Digest()
	return out, err
}

// upgrade is one under way.
type upgrade struct {
	from    uint64
	store   BlobStore
	fold    *fold
	past    pastHeads
	records int
}

// look notes which older versions the records of a frame begin from.
func (u *upgrade) look(frame journal.Frame) error {
	ticks, err := decodeFold(frame.Payload, u.store, u.from)
	if err != nil {
		return fmt.Errorf("frame at seq %d: %w", frame.First, err)
	}
	for _, t := range ticks {
		for _, r := range t.records {
			for _, op := range r.Ops {
				u.past.want(op)
			}
		}
	}
	return nil
}

// frame folds a frame, and encodes it with what it comes to.
func (u *upgrade) frame(frame journal.Frame) ([]byte, error) {
	ticks, err := decodeFold(frame.Payload, u.store, u.from)
	if err != nil {
		return nil, err
	}
	for i := range ticks {
		for _, r := range ticks[i].records {
			u.past.before(u.fold, r)
			if err := u.fold.apply(r); err != nil {
				return nil, fmt.Errorf("record %d by %s does not apply: %w", r.Seq, r.Author, err)
			}
			u.past.after(u.fold)
			u.records++
		}
		u.fold.tick = ticks[i].number
		ticks[i].world, ticks[i].ledger = u.fold.world().Digest(), u.fold.ledger.Digest()
	}
	return encodeTicks(ticks, u.store)
}

// pastHeads keeps the versions that are begun from after they were left behind.
type pastHeads struct {
	seqs   map[uint64]bool     // wanted of the system
	spaces map[string][]uint64 // wanted of each workspace
	heads  map[Version]head
}

// want notes what an op begins from.
func (p *pastHeads) want(op rewrite.Op) {
	from, ok := op.Props["from"].AsString()
	if !ok || !swsRoot.Has(op.Path) {
		return
	}
	v, err := ParseVersion(from)
	if seq, ok := op.Props["base"].AsInt(); ok && err == nil {
		v, err = baseVersion(from, uint64(seq))
	}
	switch {
	case err != nil: // its record says so when it is applied
	case v.Seq != 0:
		p.seqs[v.Seq] = true
	case v.Space != "" && v.At != 0:
		p.spaces[v.Space] = append(p.spaces[v.Space], v.At)
	}
}

// before keeps the head that a workspace has until a record.
func (p *pastHeads) before(f *fold, r Record) {
	if len(r.View) <= len("sws:") {
		return
	}
	id := r.View[len("sws:"):]
	for _, at := range p.spaces[id] {
		if s, ok := f.lookup(id); ok && at >= s.last().seq && at < r.Seq {
			p.heads[Version{Space: id, At: at}] = s.last()
		}
	}
}

// after keeps the system as a record left it.
func (p *pastHeads) after(f *fold) {
	if p.seqs[f.seq] {
		p.heads[Version{Seq: f.seq}] = head{seq: f.seq, world: f.world()}
	}
}

func (p *pastHeads) head(v Version) (head, error) {
	if h, ok := p.heads[v]; ok {
		return h, nil
	}
	return head{}, noVersion(v)
}

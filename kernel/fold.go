package kernel

import (
	"fmt"
	"strings"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// version is the system after a tick, or within one after a record.
type version struct {
	seq, tick uint64    // of its last record
	at        time.Time // when that was written
	world     rmg.Graph
	ledger    rmg.Graph
	spaces    rmg.Graph // workspaces; derived
	wrote     *noted    // which record made and set what of the world; derived
}

// tick is one step: conflict-free records, and the digests after the last.
type tick struct {
	number        uint64
	world, ledger rmg.Digest
	records       []Record
}

// ops is how many ops its records have.
func (t tick) ops() int {
	n := 0
	for _, r := range t.records {
		n += len(r.Ops)
	}
	return n
}

// fold is the private next version while records are applied: the one place
// where state changes, in the writer and in replay alike.
type fold struct {
	seq, tick uint64    // of the last record
	at        time.Time // when that was written
	main      ahead     // the world, and wrote
	ledger    rmg.Graph
	spaces    rmg.Graph
	held      *heldBase   // of the newest fork
	hash      *rmg.Hasher // of what is digested
	// past opens what is not in the version any more: the world of seq:N or
	// sws:ID@N. The writer's knows what was opened for it beforehand.
	past  func(v Version) (head, error)
	given map[Version]head // opened beforehand; may be nil
}

// foldOn starts a fold on a version.
func foldOn(v version, past func(v Version) (head, error)) *fold {
	return &fold{
		seq: v.seq, tick: v.tick, at: v.at, ledger: v.ledger, spaces: v.spaces,
		main: ahead{world: v.world, wrote: v.wrote}, held: new(heldBase), hash: new(rmg.Hasher), past: past,
	}
}

// version is the fold as it stands.
func (f *fold) version() version {
	f.main.look()
	return version{
		seq: f.seq, tick: f.tick, at: f.at,
		world: f.main.world, ledger: f.ledger, spaces: f.spaces, wrote: f.main.wrote,
	}
}

// world is the world as it stands. Who asks for one element asks main.
func (f *fold) world() rmg.Graph {
	f.main.look()
	return f.main.world
}

// lookup returns the workspace as it stands in the fold.
func (f *fold) lookup(id string) (*space, bool) { return spaceIn(f.spaces, id) }

// apply applies one record. On error the fold is as it was.
func (f *fold) apply(r Record) error { return f.applyKnown(r, nil) }

// applyKnown is apply of a record of the system whose ops on the world may be known
// to lead somewhere.
func (f *fold) applyKnown(r Record, known *outcome) error {
	if id, ok := strings.CutPrefix(r.View, "sws:"); ok {
		return f.applySpace(id, r)
	}
	if r.View != "system" {
		return &rmg.Error{Op: "apply", Code: rmg.Internal, Msg: fmt.Sprintf("record %d has view %q", r.Seq, r.View)}
	}
	ledger, world := splitOps(r.Ops)
	l, err := rewritten(f.ledger, ledger)
	if err != nil {
		return err
	}
	if l, err = r.Once.noted(l, r.Seq); err != nil {
		return err
	}
	spaces, err := f.forks(r, ledger, l)
	if err != nil {
		return err
	}
	if err := f.main.apply(r.Seq, world, known); err != nil {
		return err
	}
	f.seq, f.at, f.ledger, f.spaces = r.Seq, r.At, l, spaces
	return nil
}

// splitOps separates the ops on the ledger from those on a world. Where each sort
// stands together, as in most records, they are not copied.
func splitOps(ops []rewrite.Op) (ledger, world []rewrite.Op) {
	if len(ops) == 0 {
		return nil, nil
	}
	first := inLedger(ops[0].Path)
	last, turns, at := first, 0, len(ops)
	for i := 1; i < len(ops) && turns < 2; i++ {
		if in := inLedger(ops[i].Path); in != last {
			last, turns, at = in, turns+1, i
		}
	}
	switch {
	case turns < 2 && first:
		return ops[:at:at], ops[at:]
	case turns < 2:
		return ops[at:], ops[:at:at]
	}
	for _, op := range ops {
		if inLedger(op.Path) {
			ledger = append(ledger, op)
		} else {
			world = append(world, op)
		}
	}
	return ledger, world
}

// applySpace applies a record to a workspace and notes its head in the ledger.
func (f *fold) applySpace(id string, r Record) error {
	s, ok := f.lookup(id)
	if !ok {
		return noSpace(id)
	}
	entry, ops := splitOps(r.Ops)
	st, err := f.startOf(s, entry)
	if err != nil {
		return err
	}
	h, made, err := st.next(r.Seq, ops)
	if err != nil {
		return err
	}
	spaces := f.spaces
	if st.context {
		st.base, st.moved, h.moves = h.world, true, nil
	}
	if st.moved {
		spaces, err = withBase(spaces, s, st.base, h)
	} else {
		spaces, err = withHead(spaces, id, h, made)
	}
	if err != nil {
		return err
	}
	ledger, err := rewritten(f.ledger, entry)
	if err != nil {
		return err
	}
	l := rmg.NewOverlay(ledger)
	at := swsPath(id)
	if err := l.Set(at, map[string]rmg.Value{"head": seqValue(r.Seq), "digest": rmg.String(f.hash.Digest(h.world).String())}); err != nil {
		return err
	}
	if err := l.Inc(at, "records", 1); err != nil {
		return err
	}
	if err := st.count(l, at, ops); err != nil {
		return err
	}
	if ledger, err = r.Once.noted(l.Graph(), r.Seq); err != nil {
		return err
	}
	f.seq, f.at, f.ledger, f.spaces = r.Seq, r.At, ledger, spaces
	return nil
}

// forks makes the workspaces that a record's ledger ops add.
func (f *fold) forks(r Record, ops []rewrite.Op, ledger rmg.Graph) (rmg.Graph, error) {
	spaces := f.spaces
	for _, op := range ops {
		if op.Op != rewrite.AddNode || op.Kind != kindWorkspace || op.Path.Parent() != swsRoot {
			continue
		}
		e, ok := ledger.Get(op.Path)
		if !ok {
			continue
		}
		base, err := f.forked(e.Props)
		if err != nil {
			return spaces, err
		}
		in, err := f.held.of(base)
		if err != nil {
			return spaces, err
		}
		if spaces, err = withSpace(spaces, e.ID, r.Seq, in); err != nil {
			return spaces, err
		}
	}
	return spaces, nil
}

// read returns a version as the fold sees it.
func (f *fold) read(v Version) (head, error) {
	switch {
	case v.Space != "":
		s, ok := f.lookup(v.Space)
		if !ok {
			return head{}, noSpace(v.Space)
		}
		if v.At == 0 || v.At >= s.now.seq {
			return s.now, nil
		}
		if v.At < s.forked {
			return head{}, noVersion(v)
		}
		return f.past(v)
	case v.Seq != 0 && v.Seq < f.seq:
		return f.past(v)
	case v.Seq > f.seq:
		return head{}, noVersion(v)
	default:
		return head{seq: f.seq, world: f.world()}, nil
	}
}

func rewritten(g rmg.Graph, ops []rewrite.Op) (rmg.Graph, error) {
	if len(ops) == 0 {
		return g, nil
	}
	o := rmg.NewOverlay(g)
	err := rewrite.Apply(o, ops)
	return o.Graph(), err
}

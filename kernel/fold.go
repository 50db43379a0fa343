package kernel

import (
	"fmt"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// version is the system after a tick.
type version struct {
	seq, tick     uint64 // of its last record
	world, ledger rmg.Graph
}

// head is a workspace after one of its records.
type head struct {
	seq   uint64
	world rmg.Graph
	moves []rmg.Move // since the fork
}

// space is a workspace: where it was forked from, and every head it had. The
// slice is only ever appended to, by the writer.
type space struct {
	id    string
	base  rmg.Graph
	heads []head
}

func (s *space) last() head { return s.heads[len(s.heads)-1] }

// tick is one step: conflict-free records, and the digests after the last.
type tick struct {
	number        uint64
	world, ledger rmg.Digest
	records       []Record
}

// fold is the private next version while records are applied: the one place
// where state changes, in the writer and in replay alike. It reads committed
// state through the two functions and never writes it.
type fold struct {
	version
	space   func(id string) (*space, bool) // committed workspaces
	at      func(seq uint64) (version, bool)
	touched map[string]*space // workspaces changed or made since, private copies
}

// lookup returns the workspace as it stands in the fold.
func (f *fold) lookup(id string) (*space, bool) {
	if s, ok := f.touched[id]; ok {
		return s, true
	}
	return f.space(id)
}

// own returns a private copy of the workspace that may be appended to.
func (f *fold) own(id string) (*space, bool) {
	if s, ok := f.touched[id]; ok {
		return s, true
	}
	s, ok := f.space(id)
	if !ok {
		return nil, false
	}
	c := &space{id: s.id, base: s.base, heads: s.heads[:len(s.heads):len(s.heads)]}
	f.touched[id] = c
	return c, true
}

// apply applies one record. On error the fold is as it was.
func (f *fold) apply(r Record) error {
	if id, ok := strings.CutPrefix(r.View, "sws:"); ok {
		return f.applySpace(id, r)
	}
	if r.View != "system" {
		return &rmg.Error{Op: "apply", Code: rmg.Internal, Msg: fmt.Sprintf("record %d has view %q", r.Seq, r.View)}
	}
	ledger, world := splitOps(r.Ops)
	w, err := applied(f.world, world)
	if err != nil {
		return err
	}
	l, err := applied(f.ledger, ledger)
	if err != nil {
		return err
	}
	forks, err := f.forks(r, ledger, l.Graph())
	if err != nil {
		return err
	}
	f.seq, f.world, f.ledger = r.Seq, w.Graph(), l.Graph()
	for _, s := range forks {
		f.touched[s.id] = s
	}
	return nil
}

// splitOps separates the ops on the ledger from those on a world.
func splitOps(ops []rewrite.Op) (ledger, world []rewrite.Op) {
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
	entry, world := splitOps(r.Ops)
	start, err := f.startOf(s, entry)
	if err != nil {
		return err
	}
	o, err := applied(start.world, world)
	if err != nil {
		return err
	}
	h := head{seq: r.Seq, world: o.Graph(), moves: start.moves}
	if m := o.Moves(); len(m) > 0 {
		h.moves = append(h.moves[:len(h.moves):len(h.moves)], m...)
	}
	l, err := applied(f.ledger, entry)
	if err != nil {
		return err
	}
	at := swsPath(id)
	if err := l.Set(at, map[string]rmg.Value{"head": rmg.Int(int64(r.Seq)), "digest": rmg.String(h.world.Digest().String())}); err != nil {
		return err
	}
	if err := l.Inc(at, "records", 1); err != nil {
		return err
	}
	if err := start.count(l, at, world); err != nil {
		return err
	}
	own, _ := f.own(id)
	own.base = start.base
	own.heads = append(own.heads, h)
	f.seq, f.ledger = r.Seq, l.Graph()
	return nil
}

// forks makes the workspaces that a record's ledger ops add.
func (f *fold) forks(r Record, ops []rewrite.Op, ledger rmg.Graph) ([]*space, error) {
	var made []*space
	for _, op := range ops {
		if op.Op != rewrite.AddNode || op.Kind != kindWorkspace || op.Path.Parent() != swsRoot {
			continue
		}
		e, ok := ledger.Get(op.Path)
		if !ok {
			continue
		}
		g, err := f.forked(e.Props)
		if err != nil {
			return nil, err
		}
		made = append(made, &space{id: e.ID, base: g, heads: []head{{seq: r.Seq, world: g}}})
	}
	return made, nil
}

// read returns the world of a version as the fold sees it.
func (f *fold) read(v Version) (rmg.Graph, error) {
	switch {
	case v.Space != "":
		s, ok := f.lookup(v.Space)
		if !ok {
			return rmg.Graph{}, noSpace(v.Space)
		}
		h, err := s.headAt(v)
		return h.world, err
	case v.Seq != 0 && v.Seq < f.seq:
		old, ok := f.at(v.Seq)
		if !ok {
			return rmg.Graph{}, noVersion(v)
		}
		return old.world, nil
	case v.Seq > f.seq:
		return rmg.Graph{}, noVersion(v)
	default:
		return f.world, nil
	}
}

// headAt returns the workspace's head as of v.At, or its last.
func (s *space) headAt(v Version) (head, error) {
	if v.At == 0 {
		return s.last(), nil
	}
	for i := len(s.heads) - 1; i >= 0; i-- {
		if s.heads[i].seq <= v.At {
			return s.heads[i], nil
		}
	}
	return head{}, noVersion(v)
}

func applied(g rmg.Graph, ops []rewrite.Op) (*rmg.Overlay, error) {
	o := rmg.NewOverlay(g)
	if len(ops) == 0 {
		return o, nil
	}
	return o, rewrite.Apply(o, ops)
}

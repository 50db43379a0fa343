package kernel

import (
	"fmt"
	"slices"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// A record of a workspace changes the workspace's world. Beside that it may hold
// ops on the workspace's own entry in the ledger: what is known of it from then
// on. One that sets `base` there moves the base: what else the record holds is
// applied to the new base, not to the head, so that it says no more than what
// the workspace changes and costs no more than that, however far the base moves.
// One that sets `context` moves the base to what comes of it: what the workspace
// sees and does not bring along.

// start is what a workspace's record applies to.
type start struct {
	base, world rmg.Graph
	moves       []rmg.Move
	moved       bool // the record moves the base
	context     bool // to what comes of it
}

// startOf finds what a record with these ops on the ledger applies to.
func (f *fold) startOf(s *space, entry []rewrite.Op) (start, error) {
	h := s.last()
	st := start{base: s.base, world: h.world, moves: h.moves}
	for _, op := range entry {
		if !swsPath(s.id).Has(op.Path) && !absorbs(op) && !answersOwn(op) {
			return st, &rmg.Error{Op: "apply", Path: op.Path, Code: rmg.Internal, Msg: "a record of " + s.id + " writes elsewhere in the ledger"}
		}
		if c, ok := op.Props[propContext]; ok && op.Op == rewrite.Set && c.Type() == rmg.TypeInt {
			st.context = true
		}
		v, ok := op.Props["base"]
		if op.Path != swsPath(s.id) || op.Op != rewrite.Set || !ok {
			continue
		}
		seq, _ := v.AsInt()
		from, _ := op.Props["from"].AsString()
		at, err := baseVersion(from, uint64(seq))
		if err != nil {
			return st, err
		}
		b, err := f.read(at)
		if err != nil {
			return st, err
		}
		st = start{base: b.world, world: b.world, moves: standing(b.world, h.moves), moved: true}
	}
	return st, nil
}

// next is the head after a record with these ops on the workspace's world, and the
// moves that they made.
func (st start) next(seq uint64, ops []rewrite.Op) (head, []rmg.Move, error) {
	h := head{seq: seq, world: st.world, moves: st.moves}
	if len(ops) == 0 {
		return h, nil, nil
	}
	o := rmg.NewOverlay(st.world)
	if err := rewrite.Apply(o, ops); err != nil {
		return head{}, nil, err
	}
	h.world, h.moves = o.Graph(), append(slices.Clip(st.moves), o.Moves()...)
	return h, o.Moves(), nil
}

// count keeps, in an entry that has counters, what the workspace's own rewrites
// come to. The ops that a moved base costs are not its own.
func (st start) count(l *rmg.Overlay, at rmg.Path, ops []rewrite.Op) error {
	if e, _ := l.Get(at); st.moved || !hasProp(e.Props, propOps) {
		return nil
	}
	if err := l.Inc(at, propOps, int64(len(ops))); err != nil {
		return err
	}
	return l.Inc(at, propBytes, weightOf(ops))
}

// forked is the world that a new workspace begins with.
func (f *fold) forked(entry rmg.Props) (rmg.Graph, error) {
	if entry.Bool(propPrivate) {
		return rmg.Graph{}, nil
	}
	v, err := ParseVersion(entry.String("from"))
	if err != nil {
		return rmg.Graph{}, err
	}
	h, err := f.read(v)
	return h.world, err
}

// baseVersion names the version that a workspace stands on after its base was
// moved: from is "system" or "sws:ID".
func baseVersion(from string, seq uint64) (Version, error) {
	v, err := ParseVersion(from)
	if err != nil || seq == 0 {
		return Version{}, &rmg.Error{Op: "apply", Code: rmg.Internal, Msg: fmt.Sprintf("a base %q at seq %d", from, seq), Err: err}
	}
	if v.Space != "" {
		v.At = seq
		return v, nil
	}
	return Version{Seq: seq}, nil
}

// standing keeps the moves that can still be made on a base: the merge makes
// them there, so that an edit on the other side follows what was moved.
func standing(base rmg.Graph, moves []rmg.Move) []rmg.Move {
	o := rmg.NewOverlay(base).Unchecked()
	for _, m := range moves {
		_ = o.Move(m.From, m.To) // one that fails stands no more
	}
	return o.Moves()
}

// weightOf is how many bytes of content ops bring: files, and texts and bytes
// in props.
func weightOf(ops []rewrite.Op) int64 {
	var n int64
	for _, op := range ops {
		n += op.Blob.Size + weightOfValue(op.Value)
		for _, v := range op.Props {
			n += weightOfValue(v)
		}
	}
	return n
}

func weightOfValue(v rmg.Value) int64 {
	switch v.Type() {
	case rmg.TypeNone:
		return 0
	case rmg.TypeString:
		s, _ := v.AsString()
		return int64(len(s))
	case rmg.TypeBytes:
		b, _ := v.AsBytes()
		return int64(len(b))
	case rmg.TypeBlob:
		b, _ := v.AsBlob()
		return b.Size
	case rmg.TypeList:
		var n int64
		list, _ := v.AsList()
		for _, x := range list {
			n += weightOfValue(x)
		}
		return n
	case rmg.TypeMap:
		var n int64
		m, _ := v.AsMap()
		for _, x := range m.All() {
			n += weightOfValue(x)
		}
		return n
	}
	return 8
}

func hasProp(p rmg.Props, name string) bool {
	_, ok := p.Get(name)
	return ok
}

package kernel

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// Where a line comes from. A line is followed back through the versions of its
// file by what their differences leave where it was, not by its text: from the
// file as it is, record by record of those that wrote it, until one is found in
// whose difference the line is new. That record is a collapse, as a rule, and
// what it collapsed has records of its own: the line is followed on into the
// workspace, and from there into workspaces that this one took over.

// place is a line of a file, counted from 0; line -1 is the file as a whole.
type place struct {
	path rmg.Path
	line int
}

// origin is where a line, or an element, was written.
type origin struct {
	place
	seq   uint64   // record of the system
	moved []uint64 // records that brought it from there to where it is, newest first
	steps []workStep
}

// workStep is the record of a workspace that wrote it there, inside a collapse.
type workStep struct {
	space string
	seq   uint64
}

// trace follows a line of a file back to the record that wrote it. The line is
// there in the system as it is at `now`.
func (k *Kernel) trace(now version, at place) (origin, error) {
	seq, ok := lastWrite(now, at.path, rewrite.PropBlob)
	if !ok {
		return origin{}, unwritten(at.path)
	}
	out := origin{place: at}
	until := now.seq
	for {
		moves, err := k.movedBack(&out.place, seq, until)
		if err != nil {
			return out, err
		}
		out.moved = append(out.moved, moves...)
		before, after, err := k.around(seq)
		if err != nil {
			return out, err
		}
		r, err := k.record(seq)
		if err != nil {
			return out, err
		}
		line, old, err := k.carried(before, after, r, out.place)
		if err != nil {
			return out, err
		}
		if line < 0 {
			fork, err := k.inside(r, after, &out)
			if err != nil || fork == 0 {
				out.seq = seq
				return out, err
			}
			// The workspace had it from what it was forked from: seen whole, its
			// change only looks as if it had taken the line out and put it in.
			until = fork
			if seq, ok, err = k.lastWriteBefore(fork+1, out.path, rewrite.PropBlob); err != nil || !ok {
				return out, orError(err, unwritten(out.path))
			}
			continue
		}
		if old != out.path {
			out.moved = append(out.moved, seq)
		}
		out.place, until = place{old, line}, seq-1
		if seq, ok, err = k.lastWriteBefore(seq, old, rewrite.PropBlob); err != nil || !ok {
			return out, orError(err, unwritten(old))
		}
	}
}

func unwritten(p rmg.Path) error {
	return &rmg.Error{Op: "why", Path: p, Code: rmg.Internal, Msg: "no record wrote it"}
}

// movedBack finds where a file that is somewhere at `until` stood after a record,
// and what moved it in between.
func (k *Kernel) movedBack(at *place, seq, until uint64) ([]uint64, error) {
	after, err := k.worldAfter(seq)
	if err != nil {
		return nil, err
	}
	if e, ok := after.Get(at.path); ok && e.Kind == rewrite.KindFile {
		return nil, nil
	}
	var list []Record
	for r, err := range k.Records(seq+1, until) {
		if err != nil {
			return nil, err
		}
		if r.View == "system" && slices.ContainsFunc(r.Ops, func(op rewrite.Op) bool { return op.Op == rewrite.Move && !inLedger(op.Path) }) {
			list = append(list, r)
		}
	}
	var out []uint64
	for _, r := range slices.Backward(list) {
		if _, from := wroteOf(r, at.path, rewrite.PropBlob); from != "" {
			at.path = from
			out = append(out, r.Seq)
		}
	}
	return out, nil
}

// carried tells which line of the file before a record a line after it is, and
// in which file; -1 if it is new.
func (k *Kernel) carried(before, after rmg.Graph, r Record, at place) (line int, from rmg.Path, err error) {
	old, ok := before.Get(at.path)
	from = at.path
	if !ok || old.Kind != rewrite.KindFile {
		moves, err := k.movesOf(r)
		if err != nil {
			return 0, "", err
		}
		for _, m := range slices.Backward(moves) {
			if m.To.Has(from) {
				from = m.From + from[len(m.To):]
			}
		}
		if old, ok = before.Get(from); !ok || old.Kind != rewrite.KindFile {
			return -1, at.path, nil
		}
	}
	now, ok := after.Get(at.path)
	if !ok {
		return 0, "", unwritten(at.path)
	}
	line, err = k.sameLine(old, now, at.line)
	return line, from, err
}

// movesOf lists the moves that a record made, in order. The ops of a collapse
// say what is there afterwards, not what was moved: that its workspace knows.
func (k *Kernel) movesOf(r Record) ([]rmg.Move, error) {
	if s, ok := k.collapsedBy(r); ok {
		var out []rmg.Move
		for _, seq := range s.records() {
			in, err := k.record(seq)
			if err != nil {
				return nil, err
			}
			moves, err := k.movesOf(in)
			if err != nil {
				return nil, err
			}
			out = append(out, moves...)
		}
		return out, nil
	}
	var out []rmg.Move
	for _, op := range worldOps(r) {
		if op.Op == rewrite.Move {
			out = append(out, rmg.Move{From: op.Path, To: op.Dest})
		}
	}
	return out, nil
}

// collapsedBy returns the workspace that a record merged, into the system or
// into another workspace.
func (k *Kernel) collapsedBy(r Record) (*space, bool) {
	parent, ok := strings.CutPrefix(r.View, "sws:")
	if !ok {
		at := spaceOf(r)
		if at == "" {
			return nil, false
		}
		return k.space(at.Base().ID)
	}
	all, ok := k.now().ledger.Get(swsRoot)
	if !ok {
		return nil, false
	}
	for e := range all.Graph.Nodes("") {
		from, err := ParseVersion(e.Props.String("from"))
		if err != nil || from.Space != parent || spaceState(e.Props) != spaceCollapsed {
			continue
		}
		// One in which nothing was done is collapsed at the seq that its parent
		// had already, which is another's record.
		born, err := strconv.ParseUint(strings.TrimPrefix(e.ID, "w"), 10, 64)
		if err != nil || born > r.Seq {
			continue
		}
		if uint64(e.Props.Int(propCollapsed)) == r.Seq {
			return k.space(e.ID)
		}
	}
	return nil, false
}

// sameLine tells which line of one file a line of another is; -1 if none.
func (k *Kernel) sameLine(old, now rmg.Element, line int) (int, error) {
	was, is := old.Props.Blob(rewrite.PropBlob), now.Props.Blob(rewrite.PropBlob)
	if was == is {
		return line, nil
	}
	a, err := readBlob(k.store, was)
	if err != nil {
		return 0, err
	}
	b, err := readBlob(k.store, is)
	if err != nil {
		return 0, err
	}
	m := rmg.MatchLines(a, b)
	if line >= len(m) {
		return -1, nil
	}
	return m[line], nil
}

// inside follows a line that a record brought into the workspace that it
// collapsed, if it is a collapse, and fills in the steps found there. If nothing
// in the workspace wrote it, the place becomes where it stood in the version of
// the system that this one was forked from, whose seq is returned.
func (k *Kernel) inside(r Record, after rmg.Graph, out *origin) (fork uint64, err error) {
	s, ok := k.collapsedBy(r)
	now, has := after.Get(out.path)
	if !ok || !has {
		return 0, nil
	}
	base, through, err := k.traced(s, now, out.place, &out.steps)
	if err != nil || !through {
		return 0, err
	}
	e, ok := k.now().ledger.Get(swsPath(s.id))
	if !ok || strings.HasPrefix(e.Props.String("from"), "sws:") {
		return 0, nil
	}
	out.place = base
	return uint64(e.Props.Int("base")), nil
}

// traced follows a line of an element, as a merge left it, into the workspace
// that was merged. It notes the records that wrote it there, outermost first; or
// it comes through to where the line stood in the workspace's base.
func (k *Kernel) traced(s *space, merged rmg.Element, at place, steps *[]workStep) (base place, through bool, err error) {
	e, ok := s.last().world.Get(at.path)
	if !ok || e.Kind != rewrite.KindFile {
		return at, false, nil
	}
	line, err := k.sameLine(e, merged, at.line)
	if err != nil || line < 0 {
		return at, false, err
	}
	at.line = line
	heads, err := k.headsOf(s)
	if err != nil {
		return at, false, err
	}
	for i := len(heads) - 1; i > 0; i-- {
		before, after := heads[i-1].world, heads[i].world
		now, ok := after.Get(at.path)
		if !ok {
			return at, false, nil
		}
		if old, ok := before.Get(at.path); ok && old.Props.Equal(now.Props) && old.Kind == now.Kind {
			continue
		}
		r, err := k.record(heads[i].seq)
		if err != nil {
			return at, false, err
		}
		line, old, err := k.carried(before, after, r, at)
		if err != nil {
			return at, false, err
		}
		if line >= 0 {
			at = place{old, line}
			continue
		}
		inner := []workStep{{s.id, r.Seq}}
		from, back := place{}, false
		c, ok := k.collapsedBy(r)
		if ok {
			from, back, err = k.traced(c, now, at, &inner)
		}
		if err != nil || !back {
			*steps = append(*steps, inner...)
			return at, false, err
		}
		// The child had it from this workspace, as it was when it was forked.
		e, _ := k.now().ledger.Get(swsPath(c.id))
		fork := uint64(e.Props.Int("base"))
		for i > 1 && heads[i-1].seq > fork {
			i--
		}
		at = from
	}
	return at, true, nil
}

// linesOf cuts a file into lines, without their ends.
func (k *Kernel) linesOf(e rmg.Element) ([]string, error) {
	data, err := readBlob(k.store, e.Props.Blob(rewrite.PropBlob))
	if err != nil {
		return nil, err
	}
	var out []string
	for l := range bytes.Lines(data) {
		out = append(out, string(bytes.TrimSuffix(l, []byte("\n"))))
	}
	return out, nil
}

// lineOf checks a line number against a file and returns the line's text.
func (k *Kernel) lineOf(p rmg.Path, e rmg.Element, line int) (string, error) {
	if e.Kind != rewrite.KindFile {
		return "", &rmg.Error{Op: "why", Path: p, Code: rmg.Invalid, Msg: "only a file has lines"}
	}
	lines, err := k.linesOf(e)
	if err != nil {
		return "", err
	}
	if line > len(lines) {
		return "", &rmg.Error{Op: "why", Path: p, Code: rmg.NotFound, Msg: fmt.Sprintf("the file has %s", plural(len(lines), "line"))}
	}
	return lines[line-1], nil
}

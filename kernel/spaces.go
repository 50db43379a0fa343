package kernel

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"jitos.dev/rmg"
)

// The graph spaces holds the workspaces: a node each, with the seqs of its fork
// and of its newest record, and inside it
//
//	base        the world that it stands on, by pointer
//	origin      the world that it was forked from, if its base was moved since
//	head        the world after its newest record; absent if there is none
//	m<number>   a move since the fork
//	r<number>   the seqs of its records, recordsChunk in a node
//
// A workspace so costs what it changed, and is kept by a checkpoint like all
// else. Numbers are of fixed width: what is read in order stands in order.
const (
	kindSpace = "space"
	kindPart  = "part"

	spaceFork  = "fork"  // seq of the fork
	spaceHead  = "head"  // seq of the newest record, of the fork if there is none
	spaceCount = "count" // records
	spaceMoves = "moves" // moves

	partSeqs = "seqs" // r: differences between seqs, as uvarints
	partFrom = "from" // m: path before the move
	partTo   = "to"
)

// recordsChunk is how many seqs of records stand in one node: a record copies
// that many at most, and a workspace of a hundred is one node more.
const recordsChunk = 256

// head is a workspace after one of its records.
type head struct {
	seq   uint64
	world rmg.Graph
	moves []rmg.Move // since the fork
}

// space is a workspace: where it was forked from, and what it is now.
type space struct {
	id     string
	base   rmg.Graph // what it stands on
	origin rmg.Graph // what it was forked from
	forked uint64    // seq of the fork
	now    head
	parts  rmg.Graph
}

func (s *space) last() head { return s.now }

// spaceIn reads a workspace. O(moves).
func spaceIn(spaces rmg.Graph, id string) (*space, bool) {
	e, ok := spaces.Node(id)
	if !ok || e.Kind != kindSpace {
		return nil, false
	}
	base, _ := e.Graph.Node("base")
	s := &space{id: id, base: base.Graph, origin: base.Graph, forked: uint64(e.Props.Int(spaceFork)), parts: e.Graph}
	s.now = head{seq: uint64(e.Props.Int(spaceHead)), world: base.Graph}
	if h, ok := e.Graph.Node("head"); ok {
		s.now.world = h.Graph
	}
	if o, ok := e.Graph.Node("origin"); ok {
		s.origin = o.Graph
	}
	for m := range parts(e.Graph, "m") {
		s.now.moves = append(s.now.moves, rmg.Move{From: rmg.Path(m.Props.String(partFrom)), To: rmg.Path(m.Props.String(partTo))})
	}
	return s, true
}

// records lists the seqs of the workspace's records, in order.
func (s *space) records() []uint64 {
	var out []uint64
	seq := s.forked
	for r := range parts(s.parts, "r") {
		v, _ := r.Props.Get(partSeqs)
		b, _ := v.AsBytes()
		for len(b) > 0 {
			d, n := binary.Uvarint(b)
			if n <= 0 {
				return out
			}
			seq += d
			out, b = append(out, seq), b[n:]
		}
	}
	return out
}

// parts ranges over the numbered parts of one sort.
func parts(g rmg.Graph, sort string) func(yield func(rmg.Element) bool) {
	return func(yield func(rmg.Element) bool) {
		for e := range g.Nodes(sort) {
			if !strings.HasPrefix(e.ID, sort) || !yield(e) {
				return
			}
		}
	}
}

func partID(sort string, n int64) string { return fmt.Sprintf("%s%08x", sort, n) }

// heldBase is what stands in a workspace that nothing has happened to. Those that
// are forked from one version one after the other share it.
type heldBase struct{ base, in rmg.Graph }

// of is the graph that holds a base.
func (b *heldBase) of(base rmg.Graph) (rmg.Graph, error) {
	if b.base != base || b.in == (rmg.Graph{}) {
		in := rmg.NewOverlay(rmg.Graph{}).Holding()
		if err := in.Graft(rmg.Root.Child("base"), rmg.Element{Kind: kindPart, Graph: base}); err != nil {
			return rmg.Graph{}, err
		}
		b.base, b.in = base, in.Graph()
	}
	return b.in, nil
}

// withSpace adds a workspace, inside which in stands. O(1).
func withSpace(spaces rmg.Graph, id string, seq uint64, in rmg.Graph) (rmg.Graph, error) {
	o := rmg.NewOverlay(spaces).Holding()
	err := o.Graft(rmg.Root.Child(id), rmg.Element{
		Kind: kindSpace, Graph: in, Props: rmg.Props{}.With(spaceFork, seqValue(seq)).With(spaceHead, seqValue(seq)),
	})
	return o.Graph(), err
}

// withBase is withHead for a record that moved the base, whose head has other moves.
func withBase(spaces rmg.Graph, s *space, base rmg.Graph, h head) (rmg.Graph, error) {
	e, ok := spaces.Node(s.id)
	if !ok {
		return spaces, noSpace(s.id)
	}
	in := rmg.NewOverlay(e.Graph).Holding()
	err := in.Graft(rmg.Root.Child("base"), rmg.Element{Kind: kindPart, Graph: base})
	if _, ok := e.Graph.Node("origin"); !ok && err == nil {
		err = in.Graft(rmg.Root.Child("origin"), rmg.Element{Kind: kindPart, Graph: s.origin})
	}
	for m := range parts(e.Graph, "m") {
		if err != nil {
			return spaces, err
		}
		err = in.Remove(rmg.Root.Child(m.ID), false)
	}
	if err != nil {
		return spaces, err
	}
	o := rmg.NewOverlay(spaces).Holding()
	err = o.Graft(rmg.Root.Child(s.id), rmg.Element{Kind: kindSpace, Props: e.Props.With(spaceMoves, rmg.Int(0)), Graph: in.Graph()})
	if err != nil {
		return spaces, err
	}
	return withHead(o.Graph(), s.id, h, h.moves)
}

// withHead puts a new head in, and the moves that its last record made.
func withHead(spaces rmg.Graph, id string, h head, moves []rmg.Move) (rmg.Graph, error) {
	e, ok := spaces.Node(id)
	if !ok {
		return spaces, noSpace(id)
	}
	count, moved := e.Props.Int(spaceCount), e.Props.Int(spaceMoves)
	in := rmg.NewOverlay(e.Graph).Holding()
	if err := in.Graft(rmg.Root.Child("head"), rmg.Element{Kind: kindPart, Graph: h.world}); err != nil {
		return spaces, err
	}
	var seqs []byte
	chunk := partID("r", count/recordsChunk)
	if old, ok := e.Graph.Node(chunk); ok {
		v, _ := old.Props.Get(partSeqs)
		seqs, _ = v.AsBytes()
		seqs = slices.Clip(seqs)
	}
	seqs = binary.AppendUvarint(seqs, h.seq-uint64(e.Props.Int(spaceHead)))
	err := in.Graft(rmg.Root.Child(chunk), rmg.Element{Kind: kindPart, Props: rmg.Props{}.With(partSeqs, rmg.Bytes(seqs))})
	for i, m := range moves {
		if err != nil {
			break
		}
		err = in.AddNode(rmg.Root.Child(partID("m", moved+int64(i))), kindPart, rmg.PropsOf(map[string]rmg.Value{
			partFrom: rmg.String(string(m.From)), partTo: rmg.String(string(m.To)),
		}))
	}
	if err != nil {
		return spaces, err
	}
	props := e.Props.With(spaceHead, seqValue(h.seq)).With(spaceCount, rmg.Int(count+1))
	if len(moves) > 0 {
		props = props.With(spaceMoves, rmg.Int(moved+int64(len(moves))))
	}
	o := rmg.NewOverlay(spaces).Holding()
	err = o.Graft(rmg.Root.Child(id), rmg.Element{Kind: kindSpace, Props: props, Graph: in.Graph()})
	return o.Graph(), err
}

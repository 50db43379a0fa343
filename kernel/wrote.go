package kernel

import (
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// The graph wrote says which record of the system made each element of the
// world, and which set its props later. It mirrors the world's paths: an element
// has a node there, edges too (see mirror), with these props, each a seq.
//
// What says nothing new is left out. An element without a node, or whose node
// does not say what made it, came with the nearest one above that does: a
// folder's thousand files that one record added are one node. A prop that is
// not named was set by the record that made the element. A node that moves takes
// along what stands below it, by pointer, once it says itself what made it.
const (
	kindWrote  = "w"
	wroteMade  = "=" // the record that made the element
	wroteKind  = "#" // that gave it another kind
	wroteEnds  = "~" // that renamed an end of the edge
	wroteMoved = "@" // that moved it here
	wroteProp  = "." // before the name of a prop: that set or removed it last
)

// mirror is where wrote has the element at p.
func mirror(p rmg.Path) rmg.Path {
	if !strings.ContainsAny(string(p), "~!%") {
		return p
	}
	at := rmg.Root
	for _, s := range p.Segments() {
		at = at.Child(mirrorID(s))
	}
	return at
}

// mirrorID keeps nodes and edges apart: edges begin with "~", and what would be
// taken for one, or for this, has a "!" before it.
func mirrorID(s rmg.Segment) string {
	switch {
	case s.Edge:
		return "~" + s.ID
	case s.ID[0] == '~' || s.ID[0] == '!':
		return "!" + s.ID
	}
	return s.ID
}

// sight is what the note of an op goes by in the world as the op meets it.
type sight struct {
	op    int        // its index in the record
	first rmg.Path   // Write of a file that is not there: the first that is missing on the way down to it
	edges []rmg.Path // that go with a node, or are given another end by its move
}

// sightOf is false for an op whose note does not go by anything.
func sightOf(world *rmg.Overlay, op *rewrite.Op) (see sight, ok bool) {
	switch op.Op {
	case rewrite.Write:
		if _, there := world.Props(op.Path); there {
			return see, false
		}
		see.first = op.Path
		for at := op.Path.Parent(); at != rmg.Root; at = at.Parent() {
			if _, there := world.Props(at); there {
				break
			}
			see.first = at
		}
	case rewrite.Move: // within one parent the edges go along
		if op.Path.Parent() == op.Dest.Parent() {
			see.edges = edgesAt(world, op.Path)
		}
	case rewrite.Remove:
		if op.Cascade && !op.Path.Base().Edge {
			see.edges = edgesAt(world, op.Path)
		}
	}
	return see, see.first != "" || len(see.edges) > 0
}

// edgesAt are the edges at a node; a loop comes twice.
func edgesAt(world *rmg.Overlay, p rmg.Path) (list []rmg.Path) {
	in := p.Parent()
	at, ok := world.Graph().Get(in)
	if !ok {
		return nil
	}
	id := p.Base().ID
	for e := range at.Graph.Out(id) {
		list = append(list, in.EdgeChild(e.ID))
	}
	for e := range at.Graph.In(id) {
		list = append(list, in.EdgeChild(e.ID))
	}
	return list
}

// scribe notes in wrote what the ops of records did.
type scribe struct {
	wrote *rmg.Overlay
	seq   uint64 // of the record at work
	err   error  // of what cannot fail

	names []string             // room for what is noted of one op
	seqs  map[string]rmg.Value // the same
}

func newScribe(wrote rmg.Graph) *scribe {
	return &scribe{wrote: rmg.NewOverlay(wrote).Holding(), seqs: map[string]rmg.Value{}}
}

// op notes one that applied.
func (s *scribe) op(op *rewrite.Op, see sight) {
	switch op.Op {
	case rewrite.AddNode, rewrite.AddEdge:
		s.made(op.Path)
	case rewrite.Set:
		what := s.names[:0]
		for name := range op.Props {
			what = append(what, wroteProp+name)
		}
		s.names = what
		s.changed(op.Path, what...)
	case rewrite.Inc, rewrite.SetAdd, rewrite.SetRemove:
		s.changed(op.Path, wroteProp+op.Prop)
	case rewrite.Retype:
		s.changed(op.Path, wroteKind)
	case rewrite.Write:
		switch {
		case see.first != "":
			s.made(see.first) // and with it what is below
		case op.Mode == "":
			s.changed(op.Path, wroteProp+rewrite.PropBlob)
		default:
			s.changed(op.Path, wroteProp+rewrite.PropBlob, wroteProp+rewrite.PropMode)
		}
	case rewrite.Move:
		for _, e := range see.edges {
			s.changed(e, wroteEnds)
		}
		s.moved(op.Path, op.Dest)
	case rewrite.Remove:
		s.gone(op.Path)
		for _, e := range see.edges {
			s.gone(e)
		}
	}
}

// made is an element that was not there.
func (s *scribe) made(p rmg.Path) {
	at := mirror(p)
	if s.madeBy(at.Parent()) != s.seq {
		s.put(at, wroteMade)
	}
}

// changed is something about an element that is there.
func (s *scribe) changed(p rmg.Path, what ...string) {
	at := mirror(p)
	own, has := s.wrote.Props(at)
	if made := uint64(own.Int(wroteMade)); made == s.seq || made == 0 && s.madeBy(at.Parent()) == s.seq {
		return
	}
	clear(s.seqs)
	for _, name := range what {
		s.seqs[name] = seqValue(s.seq)
	}
	if has {
		s.fail(s.wrote.Set(at, s.seqs))
		return
	}
	s.reach(at.Parent())
	s.fail(s.wrote.AddNode(at, kindWrote, rmg.PropsOf(s.seqs)))
}

// gone is an element that is removed, with all that it holds.
func (s *scribe) gone(p rmg.Path) {
	at := mirror(p)
	if _, ok := s.wrote.Props(at); ok {
		s.fail(s.wrote.Remove(at, false))
	}
}

// moved is a node that goes to another place.
func (s *scribe) moved(from, to rmg.Path) {
	was, at := mirror(from), mirror(to)
	made := s.madeBy(was)
	e, _ := s.wrote.Get(was)
	e.Kind, e.Props = kindWrote, e.Props.With(wroteMade, seqValue(made)).With(wroteMoved, seqValue(s.seq))
	s.gone(from)
	s.reach(at.Parent())
	s.fail(s.wrote.Graft(at, e))
}

// madeBy is the record that made the element at a place of wrote; 0 for the root.
func (s *scribe) madeBy(at rmg.Path) uint64 {
	for ; at != rmg.Root; at = at.Parent() {
		if props, ok := s.wrote.Props(at); ok {
			if made := props.Int(wroteMade); made != 0 {
				return uint64(made)
			}
		}
	}
	return 0
}

// put notes this record as what of the element at a place of wrote.
func (s *scribe) put(at rmg.Path, what string) {
	if _, ok := s.wrote.Props(at); ok {
		s.fail(s.wrote.Set(at, map[string]rmg.Value{what: seqValue(s.seq)}))
		return
	}
	s.reach(at.Parent())
	s.fail(s.wrote.AddNode(at, kindWrote, rmg.Props{}.With(what, seqValue(s.seq))))
}

// reach makes what nodes are missing down to a place.
func (s *scribe) reach(at rmg.Path) {
	if at == rmg.Root {
		return
	}
	if _, ok := s.wrote.Props(at); ok {
		return
	}
	s.reach(at.Parent())
	s.fail(s.wrote.AddNode(at, kindWrote, rmg.Props{}))
}

func (s *scribe) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

func seqValue(seq uint64) rmg.Value { return rmg.Int(int64(seq)) }

// provenance is what wrote says of one element.
type provenance struct {
	made uint64    // the record that made it
	own  rmg.Props // of its node
}

func provenanceAt(wrote rmg.Graph, p rmg.Path) provenance {
	var o provenance
	for _, s := range p.Segments() {
		e, _ := wrote.Node(mirrorID(s))
		if made := e.Props.Int(wroteMade); made != 0 {
			o.made = uint64(made)
		}
		o.own, wrote = e.Props, e.Graph
	}
	return o
}

// last is the newest record that touched the element itself.
func (o provenance) last() uint64 {
	seq := o.made
	for _, v := range o.own.All() {
		n, _ := v.AsInt()
		seq = max(seq, uint64(n))
	}
	return seq
}

// lastWrite is the seq of the record that last set a prop of the element at p,
// or removed it; of the newest that touched the element in any way for "". False
// if there is no such element, or it never had the prop. O(length of p), and what is
// not noted yet.
func lastWrite(v version, p rmg.Path, prop string) (uint64, bool) {
	e, ok := v.world.Get(p)
	if !ok || p == rmg.Root {
		return 0, false
	}
	wrote, err := v.wrote.read()
	if err != nil {
		return 0, false
	}
	o := provenanceAt(wrote, p)
	if prop == "" {
		return o.last(), true
	}
	if seq := o.own.Int(wroteProp + prop); seq != 0 {
		return uint64(seq), true
	}
	_, has := e.Props.Get(prop)
	return o.made, has
}

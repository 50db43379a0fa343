package rule

import (
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// looks is what a search looked at: elements, and where there could have been
// more.
type looks struct {
	elements []int32
	slots    []rewrite.Slot
	all      bool // anywhere
}

// slot notes a look at the edges at a node, or at what is in the graph that an
// element holds; 0 is the image's own.
func (l *looks) slot(mt *matcher, at int32, kinds *kindSet, side rewrite.Side) {
	p := mt.m.scope
	if at != 0 {
		p = mt.m.at(at)
	}
	if kinds.name == "" {
		l.slots = append(l.slots, rewrite.Slot{At: p, Side: side})
		return
	}
	for _, k := range kinds.list {
		l.slots = append(l.slots, rewrite.Slot{At: p, Kind: mt.m.kinds[k].name, Side: side})
	}
}

// look notes where a step looks. What it finds is noted when it is taken.
func (mt *matcher) look(s *step) {
	switch s.op {
	case stepNodes, stepEdges:
		if mt.r.Deep || mt.r.vars[s.v].in != none {
			mt.rec.all = true // in the graphs of all that there is
			return
		}
		side := rewrite.Nodes
		if s.op == stepEdges {
			side = rewrite.Edges
		}
		mt.rec.slot(mt, mt.m.levels[mt.top].owner, &mt.sets[s.v], side)
	case stepAlong:
		mt.rec.slot(mt, mt.bind[s.near], &mt.sets[s.v], rewrite.Out+rewrite.Side(s.dir))
	case stepJoin:
		mt.rec.slot(mt, mt.bind[s.near], &mt.sets[s.v], rewrite.Out)
	case stepInside:
		mt.rec.slot(mt, mt.bind[s.near], &mt.sets[s.v], rewrite.Nodes)
	}
}

// footprint fills in what the match that is bound reads and what applying it writes:
//
//   - the elements that are matched, and those that conditions looked at, are
//     read; where conditions looked for more, that is in Absent;
//   - what is deleted is written whole, with the edges that go with it;
//   - what is made is read by nobody yet, but for who looks where it comes.
//
// An edge that is made at a node reads the node: two such commute.
func (mt *matcher) footprint(f *rewrite.Footprint, again plan, room *room) {
	m, r := mt.m, mt.r
	f.Reads = room.paths(len(r.left.own) + len(r.creates))
	for _, v := range r.left.own {
		f.Reads = append(f.Reads, room.at(m, mt.bind[v]))
	}
	if len(r.left.unless)+len(r.left.require)+len(r.left.paths) > 0 {
		seen := looks{}
		mt.rec = &seen
		mt.run(again, 0, nil)
		mt.rec = nil
		f.All, f.Absent = seen.all, seen.slots
		for _, x := range seen.elements {
			f.Reads = append(f.Reads, room.at(m, x))
		}
	}
	for _, d := range r.deletes {
		x := mt.bind[d]
		f.Whole = append(f.Whole, room.at(m, x))
		if x > 0 && r.cascade {
			for i := m.nodes[x].ports; i != 0; i = m.ports[i].next {
				dir := m.ports[i].dir
				for e := m.ports[i].head; e != 0; e = m.edges[e].next[dir] {
					f.Whole = append(f.Whole, m.at(-e))
				}
			}
		}
	}
	for i := range r.sets {
		if v := r.sets[i].v; !r.vars[v].created {
			f.Writes = append(f.Writes, room.at(m, mt.bind[v]))
		}
	}
	for _, t := range r.retypes {
		mt.retypes(f, mt.bind[t.v], t.kind)
	}
	if len(r.creates) > 0 {
		mt.makes(f)
	}
	f.Close()
}

// room is where one goroutine's candidates stand: many of them in one allocation.
type room struct {
	held  []rewrite.Footprint
	binds []int32
	reads []rmg.Path
	made  rmg.Paths
}

// roomFor is how many candidates have room at once: their footprints fill a block of
// 32 KB.
const roomFor = 215

func (r *room) footprint() *rewrite.Footprint {
	if len(r.held) == 0 {
		r.held = make([]rewrite.Footprint, roomFor)
	}
	f := &r.held[0]
	r.held = r.held[1:]
	return f
}

// bound keeps what variables stand for.
func (r *room) bound(bind []int32) []int32 {
	n := len(bind)
	if len(r.binds) < n {
		r.binds = make([]int32, n*roomFor)
	}
	out := r.binds[:n:n]
	r.binds = r.binds[n:]
	copy(out, bind)
	return out
}

// at is where an element stands.
func (r *room) at(m *Image, x int32) rmg.Path {
	return r.made.Below(m.path(m.levelAt(x)), rmg.Segment{ID: m.id(x), Edge: x < 0})
}

// paths is an empty list with room for n.
func (r *room) paths(n int) []rmg.Path {
	if len(r.reads) < n {
		r.reads = make([]rmg.Path, max(n, roomFor))
	}
	out := r.reads[:0:n]
	r.reads = r.reads[n:]
	return out
}

// retypes is what an element that gets another kind writes.
func (mt *matcher) retypes(f *rewrite.Footprint, x int32, kind string) {
	m := mt.m
	at := m.at(x)
	f.Writes = append(f.Writes, at)
	if x > 0 {
		f.Ties = append(f.Ties, rewrite.Slot{At: at.Parent(), Kind: kind, Side: rewrite.Nodes})
		return
	}
	end := &m.edges[-x].end
	f.Ties = append(f.Ties, rewrite.Slot{At: m.at(end[0]), Kind: kind, Side: rewrite.Out}, rewrite.Slot{At: m.at(end[1]), Kind: kind, Side: rewrite.In})
}

// makes is what is made. Of what stands inside what is made nobody can know.
func (mt *matcher) makes(f *rewrite.Footprint) {
	r := mt.r
	top := mt.m.path(mt.topLevel())
	ids := mt.madeIDs()
	for _, v := range r.creates {
		x := &r.vars[v]
		graph := top
		if x.in != none {
			if r.vars[x.in].created {
				continue
			}
			graph = mt.m.at(mt.bind[x.in])
		}
		f.Reads = append(f.Reads, graph)
		if id := ids[v]; id != "" {
			at := graph.Child(id)
			if x.edge {
				at = graph.EdgeChild(id)
			}
			f.Writes = append(f.Writes, at)
		}
		if !x.edge {
			f.Ties = append(f.Ties, rewrite.Slot{At: graph, Kind: x.kind, Side: rewrite.Nodes})
			continue
		}
		if r.vars[x.from].created && r.vars[x.to].created {
			f.Ties = append(f.Ties, rewrite.Slot{At: graph, Kind: x.kind, Side: rewrite.Edges})
		}
		if !r.vars[x.from].created {
			f.Ties = append(f.Ties, rewrite.Slot{At: mt.m.at(mt.bind[x.from]), Kind: x.kind, Side: rewrite.Out})
		}
		if !r.vars[x.to].created {
			f.Ties = append(f.Ties, rewrite.Slot{At: mt.m.at(mt.bind[x.to]), Kind: x.kind, Side: rewrite.In})
		}
	}
}

// madeIDs are the ids that a match gives; what cannot be evaluated is refused
// when it is applied.
func (mt *matcher) madeIDs() map[int]string {
	var ids map[int]string
	for _, v := range mt.r.creates {
		x := &mt.r.vars[v]
		if x.id == nil {
			continue
		}
		if value, err := x.id.value(mt.ask); err == nil {
			if id, ok := value.AsString(); ok && len(id) <= rmg.MaxSegment {
				if ids == nil {
					ids = map[int]string{}
				}
				ids[v] = id
			}
		}
	}
	return ids
}

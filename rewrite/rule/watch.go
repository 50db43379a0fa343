package rule

import "slices"

// event is what becomes of an element.
type event uint8

const (
	eventMade   event = iota
	eventGoing        // it is still there
	eventBefore       // it gets another kind; it has the old one
	eventAfter
	eventProps // its props change, or have changed
)

// watch tells agendas what changes in their image.
type watch struct{ agendas []*agenda }

func (m *Image) tell(x int32, what event) {
	m.told++
	if m.watch == nil {
		return
	}
	for _, a := range m.watch.agendas {
		if a.started {
			a.note(x, what)
		}
	}
}

// hook says where a match that a change may make possible is to be looked for:
// what changed stands for v, and the root of the search is v itself, if it is of
// the left side, or else what the leash leads to.
//
// That a leash can be followed at the moment of the event is enough. Of what is
// made together, what is made last is met by its own event; of what is removed
// together, what goes first is met while the rest is still there.
type hook struct {
	v     int
	made  bool // told of what is made
	going bool // told of what goes
	props bool // told of changed props
	leash []pull
	root  int
	lost  bool // no leash: look everywhere
}

// pull is one step of a leash, from a variable to one that it is joined with.
type pull struct {
	op  pullOp
	v   int // the edge's variable, or the one that is led to
	dir int32
	hop *hop
}

type pullOp uint8

const (
	pullEnd    pullOp = iota // from an edge to its end
	pullEdges                // from a node to the edges at it
	pullWay                  // from a node to those at the other end of a way
	pullInside               // from what holds a graph to its nodes
	pullAround               // from a node to what holds its graph
)

// hooks are the hooks of a rule.
type hooks struct {
	nodes, edges []hook
	ways         []wayHook
	dangling     []int // the deleted nodes, which must have no other edges
}

// wayHook looks for a way that an edge is part of.
type wayHook struct {
	hook
	hop *hop
}

func (mt *matcher) hooks() *hooks {
	h := &hooks{}
	asked := map[int]bool{}
	mt.everyPattern(func(p *pattern, _, _ bool) {
		for _, g := range p.guards {
			for _, v := range g.uses {
				asked[v] = true
			}
		}
	})
	mt.everyPattern(func(p *pattern, left, against bool) {
		// Nodes at which the pattern itself has an edge, whose event is enough. One
		// that only a condition has need never come.
		joined := map[int]bool{}
		for _, v := range p.own {
			if x := mt.r.vars[v]; x.edge {
				joined[x.from], joined[x.to] = true, true
			}
		}
		for _, v := range p.own {
			k := hook{v: v, root: v, props: asked[v], made: !against, going: against}
			if !left {
				k.leash, k.root, k.lost = mt.leash(v)
			}
			if mt.r.vars[v].edge {
				h.edges = append(h.edges, k)
				continue
			}
			k.made = k.made && !joined[v]
			k.going = k.going && !joined[v]
			h.nodes = append(h.nodes, k)
		}
		for i := range p.paths {
			k := hook{v: p.paths[i].from, root: p.paths[i].from, made: !against, going: against}
			if !slices.Contains(mt.r.left.own, k.v) {
				k.leash, k.root, k.lost = mt.leash(k.v)
			}
			h.ways = append(h.ways, wayHook{k, &p.paths[i]})
		}
	})
	if !mt.r.cascade {
		h.dangling = mt.r.deletes
	}
	return h
}

// everyPattern visits the left side, then all conditions. Against says that an
// instance of the pattern stands against a match, so that one matters that goes,
// not one that comes.
func (mt *matcher) everyPattern(fn func(p *pattern, left, against bool)) {
	var visit func(p *pattern, against bool)
	visit = func(p *pattern, against bool) {
		fn(p, p == &mt.r.left, against)
		for _, c := range p.unless {
			visit(c, !against)
		}
		for _, c := range p.require {
			visit(c, against)
		}
	}
	visit(&mt.r.left, false)
}

// leash is a shortest way from a condition's variable to one of the left side.
func (mt *matcher) leash(v int) (out []pull, root int, lost bool) {
	type lead struct {
		v   int
		via []pull
	}
	seen := map[int]bool{v: true}
	for at := []lead{{v, nil}}; len(at) > 0; at = at[1:] {
		x := at[0]
		if slices.Contains(mt.r.left.own, x.v) {
			return x.via, x.v, false
		}
		for _, p := range mt.pulls(x.v) {
			to := p.v
			if !seen[to] {
				seen[to] = true
				at = append(at, lead{to, append(slices.Clone(x.via), p)})
			}
		}
	}
	return nil, none, true
}

// pulls lists where one can get to from a variable, the surest first.
func (mt *matcher) pulls(v int) (out []pull) {
	x := mt.r.vars[v]
	if x.edge {
		out = append(out, pull{op: pullEnd, v: x.from, dir: 0}, pull{op: pullEnd, v: x.to, dir: 1})
	}
	if x.in != none && !x.edge {
		out = append(out, pull{op: pullAround, v: x.in})
	}
	for w, y := range mt.r.vars {
		switch {
		case y.created:
		case y.edge && y.from == v:
			out = append(out, pull{op: pullEdges, v: w, dir: 0})
		case y.edge && y.to == v:
			out = append(out, pull{op: pullEdges, v: w, dir: 1})
		case y.in == v && !y.edge:
			out = append(out, pull{op: pullInside, v: w})
		}
	}
	mt.everyPattern(func(p *pattern, _, _ bool) {
		for i := range p.paths {
			h := &p.paths[i]
			if h.from == v {
				out = append(out, pull{op: pullWay, v: h.to, dir: 0, hop: h})
			}
			if h.to == v {
				out = append(out, pull{op: pullWay, v: h.from, dir: 1, hop: h})
			}
		}
	})
	return out
}

// follow tells where a leash leads from an element.
func (mt *matcher) follow(leash []pull, x int32, yield func(int32)) {
	if len(leash) == 0 {
		yield(x)
		return
	}
	m, p := mt.m, leash[0]
	next := func(y int32) {
		if mt.sets[p.v].of(m.kindAt(y)) {
			mt.follow(leash[1:], y, yield)
		}
	}
	switch p.op {
	case pullEnd:
		next(m.edges[-x].end[p.dir])
	case pullEdges:
		for i := m.nodes[x].ports; i != 0; i = m.ports[i].next {
			if port := &m.ports[i]; port.dir == p.dir && mt.sets[p.v].of(port.kind) {
				for e := port.head; e != 0; e = m.edges[e].next[p.dir] {
					next(-e)
				}
			}
		}
	case pullWay:
		mt.reach(p.hop, x, p.dir, p.hop.most, func(n int32, far int) bool {
			if far >= p.hop.least {
				next(n)
			}
			return true
		})
	case pullInside:
		if l := m.innerOf(x); l != 0 {
			for n := m.levels[l].nodes; n != 0; n = m.nodes[n].nextIn {
				next(n)
			}
		}
	case pullAround:
		owner := m.levels[m.nodes[x].level].owner
		if owner != 0 && (owner < 0) == mt.r.vars[p.v].edge {
			next(owner)
		}
	}
}

// note takes in a change.
func (a *agenda) note(x int32, what event) {
	mt, m := a.mt, a.mt.m
	kind := m.kindAt(x)
	list := a.hooks.nodes
	if x < 0 {
		list = a.hooks.edges
	}
	for i := range list {
		h := &list[i]
		if mt.sets[h.v].of(kind) && mt.mayStand(h.v, x) && h.hears(what, x < 0) && (x > 0 || mt.fitsEnds(h.v, -x)) {
			a.pursue(h, x)
		}
	}
	if x < 0 && what != eventProps {
		a.noteWays(x, kind, what)
	}
	if what == eventGoing || x < 0 && what == eventBefore {
		a.noteDangling(x)
	}
}

// hears reports whether a hook is told of an event. A node that gets another
// kind has its edges already.
func (h *hook) hears(what event, isEdge bool) bool {
	switch what {
	case eventMade:
		return h.made
	case eventGoing:
		return h.going
	case eventProps:
		return h.props
	case eventBefore:
		return h.going || !isEdge && len(h.leash) > 0 || h.lost
	}
	return h.made || !isEdge
}

// mayStand reports whether an element stands where one that a variable stands for may:
// what changes elsewhere is no news to a rule, and no reason to look everywhere.
func (mt *matcher) mayStand(v int, x int32) bool {
	return mt.r.Deep || mt.r.vars[v].in != none || mt.m.levelAt(x) == mt.top
}

// fitsEnds reports whether the ends of an edge are of the kinds that a variable's
// are.
func (mt *matcher) fitsEnds(v int, e int32) bool {
	x := &mt.r.vars[v]
	end := &mt.m.edges[e].end
	return mt.sets[x.from].of(mt.m.nodes[end[0]].kind) && mt.sets[x.to].of(mt.m.nodes[end[1]].kind)
}

func (a *agenda) pursue(h *hook, x int32) {
	if h.lost {
		a.rescan()
		return
	}
	if len(h.leash) == 0 {
		a.push(h.root, x)
		return
	}
	a.mt.follow(h.leash, x, func(y int32) { a.push(h.root, y) })
}

// noteWays finds from where a way may pass an edge.
func (a *agenda) noteWays(x, kind int32, what event) {
	for i := range a.hooks.ways {
		h := &a.hooks.ways[i]
		if !a.mt.hops[h.hop].of(kind) || !h.hears(what, true) || !a.mt.mayStand(h.v, x) {
			continue
		}
		from := a.mt.m.edges[-x].end[0]
		a.mt.reach(h.hop, from, 1, h.hop.most-1, func(n int32, _ int) bool {
			if a.mt.sets[h.v].of(a.mt.m.nodes[n].kind) {
				a.pursue(&h.hook, n)
			}
			return true
		})
	}
}

// noteDangling finds what could not be deleted for what goes.
func (a *agenda) noteDangling(x int32) {
	mt, m := a.mt, a.mt.m
	if len(a.hooks.dangling) == 0 {
		return
	}
	near := []int32{m.levels[m.levelAt(x)].owner}
	if x < 0 {
		near = append(near, m.edges[-x].end[0], m.edges[-x].end[1])
	}
	for _, d := range a.hooks.dangling {
		for _, y := range near {
			if y != 0 && (y < 0) == mt.r.vars[d].edge && mt.sets[d].of(m.kindAt(y)) {
				a.push(d, y)
			}
		}
	}
}

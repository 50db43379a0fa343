package rule

import (
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// kindSet is the kinds of an image that a variable may be of.
type kindSet struct {
	name string // "" is any
	has  []bool
	list []int32
}

func (k *kindSet) of(kind int32) bool { return k.has[kind] }

func (k *kindSet) meets(o kindSet) bool {
	for _, x := range k.list {
		if o.has[x] {
			return true
		}
	}
	return false
}

// matcher finds the matches of one rule in one image.
type matcher struct {
	m    *Image
	set  *Set
	r    *Rule
	top  int32 // the level that At names
	sets []kindSet
	hops map[*hop]*kindSet
	bind []int32 // by variable; edges are negative
	work int     // candidates looked at
	most int     // of work; 0 is no limit
	rec  *looks  // nil: nobody wants to know
}

func newMatcher(m *Image, set *Set, r *Rule, top int32) *matcher {
	mt := &matcher{m: m, set: set, r: r, top: top, sets: make([]kindSet, len(r.vars)), hops: map[*hop]*kindSet{}, bind: make([]int32, max(1, len(r.vars)))}
	for i, v := range r.vars {
		mt.sets[i].name = v.kind
	}
	var visit func(p *pattern)
	visit = func(p *pattern) {
		for i := range p.paths {
			mt.hops[&p.paths[i]] = &kindSet{name: p.paths[i].kind}
		}
		for _, c := range p.unless {
			visit(c)
		}
		for _, c := range p.require {
			visit(c)
		}
	}
	visit(&r.left)
	mt.grow()
	return mt
}

// fork is a matcher of its own for another goroutine.
func (mt *matcher) fork() *matcher {
	c := *mt
	c.bind = make([]int32, len(mt.bind))
	c.work = 0
	return &c
}

// grow takes in kinds that are new in the image.
func (mt *matcher) grow() {
	for i := range mt.sets {
		mt.growSet(&mt.sets[i])
	}
	for _, s := range mt.hops {
		mt.growSet(s)
	}
}

func (mt *matcher) growSet(s *kindSet) {
	for k := int32(len(s.has)); k < int32(len(mt.m.kinds)); k++ {
		has := k > 0 && s.name == ""
		if k > 0 && !has {
			for _, above := range mt.set.above(mt.m.kinds[k].name) {
				has = has || above == s.name
			}
		}
		s.has = append(s.has, has)
		if has {
			s.list = append(s.list, k)
		}
	}
}

// run goes through a plan from step i on and calls found at its end; nil is a
// look whether there is one. It is false if found was, or there is one, or the
// limit of work is reached.
func (mt *matcher) run(p plan, i int, found func() bool) bool {
	if i == len(p) {
		return found != nil && found()
	}
	s := &p[i]
	m := mt.m
	if mt.rec != nil {
		mt.look(s)
	}
	switch s.op {
	case stepStart:
		return !mt.pass(s) || mt.run(p, i+1, found)
	case stepRoot:
		return !mt.takes(s.v, mt.bind[s.v], s.differ, s.peer, true) || !mt.pass(s) || mt.run(p, i+1, found)
	case stepNodes:
		for _, k := range mt.sets[s.v].list {
			for n := m.kinds[k].nodes.first; n != 0; n = m.nodes[n].nextKin {
				if !mt.try(p, i, s.v, n, s.differ, true, found) {
					return false
				}
			}
		}
	case stepEdges:
		for _, k := range mt.sets[s.v].list {
			for e := m.kinds[k].edges.first; e != 0; e = m.edges[e].nextKin {
				if !mt.try(p, i, s.v, -e, s.differ, true, found) {
					return false
				}
			}
		}
	case stepEnd:
		n := m.edges[-mt.bind[s.v]].end[s.dir]
		if s.bound {
			return n != mt.bind[s.far] || !mt.pass(s) || mt.run(p, i+1, found)
		}
		return mt.try(p, i, s.far, n, s.apart, s.dir == 0, found)
	case stepAlong:
		return mt.along(p, i, found)
	case stepJoin:
		return mt.join(p, i, found)
	case stepWay, stepOnWay:
		return mt.way(p, i, found)
	case stepInside:
		l := m.innerOf(mt.bind[s.near])
		if l == 0 {
			return true
		}
		for n := m.levels[l].nodes; n != 0; n = m.nodes[n].nextIn {
			if !mt.try(p, i, s.v, n, s.differ, false, found) {
				return false
			}
		}
	case stepAround:
		owner := m.levels[m.nodes[mt.bind[s.near]].level].owner
		if owner == 0 || (owner < 0) != mt.r.vars[s.v].edge {
			return true
		}
		return mt.try(p, i, s.v, owner, s.differ, owner > 0, found)
	}
	return true
}

// try goes on with a candidate for a variable, if it may be that.
func (mt *matcher) try(p plan, i, v int, x int32, differ []int, placed bool, found func() bool) bool {
	if mt.work++; mt.most > 0 && mt.work > mt.most {
		return false
	}
	s := &p[i]
	if !mt.takes(v, x, differ, s.peer, placed) {
		if mt.rec != nil && s.op != stepInside && !mt.sets[v].of(mt.m.kindAt(x)) {
			// It was reached, and its kind may change. Where all of a graph are looked
			// at, that something of the kind comes is noted for the graph.
			mt.rec.elements = append(mt.rec.elements, x)
		}
		return true
	}
	mt.bind[v] = x
	return !mt.pass(s) || mt.run(p, i+1, found)
}

// takes reports whether an element may be what a variable stands for: by its
// kind, by being no other variable's, and by where it stands.
func (mt *matcher) takes(v int, x int32, differ []int, peer int, placed bool) bool {
	if !mt.sets[v].of(mt.m.kindAt(x)) {
		return false
	}
	for _, w := range differ {
		if mt.bind[w] == x {
			return false
		}
	}
	if placed && !mt.stands(v, x, peer) {
		return false // it never will: what is moved is another element
	}
	if mt.rec != nil {
		mt.rec.elements = append(mt.rec.elements, x)
	}
	return true
}

// stands reports whether an element stands in the graph in which a variable has to.
func (mt *matcher) stands(v int, at int32, peer int) bool {
	l := mt.m.levelAt(at)
	x := &mt.r.vars[v]
	switch {
	case peer != none:
		return mt.m.nodes[mt.bind[peer]].level == l
	case x.in != none:
		// What holds it is bound behind it, or has to be the one.
		return true
	case mt.r.Deep:
		return mt.below(l)
	}
	return l == mt.top
}

// below reports whether a level is the one that At names, or inside it.
func (mt *matcher) below(l int32) bool {
	for l != mt.top {
		owner := mt.m.levels[l].owner
		if owner == 0 {
			return false
		}
		l = mt.m.levelAt(owner)
	}
	return true
}

// pass looks at the guards and conditions of a step.
func (mt *matcher) pass(s *step) bool {
	for _, g := range s.guards {
		if !g.holds(mt.ask) {
			return false
		}
	}
	for i := range s.conds {
		c := &s.conds[i]
		if there := !mt.run(c.plan, 0, nil); there == c.unless {
			return false
		}
	}
	return true
}

// ask answers what an expression asks of a variable.
func (mt *matcher) ask(v int, prop string) (any, bool) {
	x := mt.bind[v]
	switch prop {
	case "":
		return knownProps(mt.m.propsOf(x)), true
	case askID:
		return mt.m.id(x), true
	case askKind:
		return mt.m.kinds[mt.m.kindAt(x)].name, true
	}
	value, ok := mt.m.propsOf(x).Get(prop)
	if !ok {
		return nil, false
	}
	return known(value), true
}

// along follows the edges at a node.
func (mt *matcher) along(p plan, i int, found func() bool) bool {
	s, m := &p[i], mt.m
	other := 1 - s.dir
	kinds := &mt.sets[s.v]
	for at := m.nodes[mt.bind[s.near]].ports; at != 0; at = m.ports[at].next {
		port := &m.ports[at]
		if port.dir != s.dir || !kinds.of(port.kind) {
			continue
		}
		for e := port.head; e != 0; e = m.edges[e].next[s.dir] {
			n := m.edges[e].end[other]
			if s.bound && n != mt.bind[s.far] {
				continue
			}
			if !mt.takes(s.v, -e, s.differ, none, false) {
				continue
			}
			mt.bind[s.v] = -e
			if s.bound {
				if mt.pass(s) && !mt.run(p, i+1, found) {
					return false
				}
			} else if !mt.try(p, i, s.far, n, s.apart, false, found) {
				return false
			}
		}
	}
	return true
}

// join finds the edges between two nodes, from the one that has fewer.
func (mt *matcher) join(p plan, i int, found func() bool) bool {
	s, m := &p[i], mt.m
	from, to := mt.bind[s.near], mt.bind[s.far]
	kinds := &mt.sets[s.v]
	near, far, dir := from, to, int32(0)
	if mt.edgesAt(to, 1, kinds) < mt.edgesAt(from, 0, kinds) {
		near, far, dir = to, from, 1
	}
	for at := m.nodes[near].ports; at != 0; at = m.ports[at].next {
		port := &m.ports[at]
		if port.dir != dir || !kinds.of(port.kind) {
			continue
		}
		for e := port.head; e != 0; e = m.edges[e].next[dir] {
			if m.edges[e].end[1-dir] == far && !mt.try(p, i, s.v, -e, s.differ, false, found) {
				return false
			}
		}
	}
	return true
}

func (mt *matcher) edgesAt(n, dir int32, kinds *kindSet) int32 {
	var count int32
	for at := mt.m.nodes[n].ports; at != 0; at = mt.m.ports[at].next {
		if p := &mt.m.ports[at]; p.dir == dir && kinds.of(p.kind) {
			count += p.count
		}
	}
	return count
}

// way finds the nodes at the end of a way, each once.
func (mt *matcher) way(p plan, i int, found func() bool) bool {
	s := &p[i]
	seen := map[int32]bool{}
	return mt.reach(s.hop, mt.bind[s.near], s.dir, s.hop.most, func(n int32, far int) bool {
		if far < s.hop.least || seen[n] {
			return true
		}
		seen[n] = true
		if !s.bound {
			return mt.try(p, i, s.far, n, s.apart, false, found)
		}
		return n != mt.bind[s.far] || !mt.pass(s) || mt.run(p, i+1, found)
	})
}

// reach tells the nodes to which a walk of so many edges leads, for each number
// of edges from none on.
func (mt *matcher) reach(h *hop, from, dir int32, most int, yield func(n int32, far int) bool) bool {
	m, kinds := mt.m, mt.hops[h]
	at := []int32{from}
	for far := 0; len(at) > 0; far++ {
		for _, n := range at {
			if !yield(n, far) {
				return false
			}
		}
		if far == most {
			return true
		}
		var next []int32
		seen := map[int32]bool{}
		for _, n := range at {
			if mt.rec != nil {
				mt.rec.slot(mt, n, kinds, rewrite.Out+rewrite.Side(dir))
			}
			for i := m.nodes[n].ports; i != 0; i = m.ports[i].next {
				port := &m.ports[i]
				if port.dir != dir || !kinds.of(port.kind) {
					continue
				}
				for e := port.head; e != 0; e = m.edges[e].next[dir] {
					if mt.work++; mt.most > 0 && mt.work > mt.most {
						return false
					}
					if mt.rec != nil {
						// The edge goes with its ends, and nothing else tells of those on the way.
						mt.rec.elements = append(mt.rec.elements, -e, m.edges[e].end[1-dir])
					}
					if to := m.edges[e].end[1-dir]; !seen[to] {
						seen[to] = true
						next = append(next, to)
					}
				}
			}
		}
		at = next
	}
	return true
}

// spent reports whether the limit of work is reached.
func (mt *matcher) spent() bool { return mt.most > 0 && mt.work > mt.most }

// sound looks at the identification and the dangling condition of a match.
func (mt *matcher) sound() bool {
	if mt.r.cascade {
		return true
	}
	if !mt.r.injective {
		for _, d := range mt.r.deletes {
			for _, v := range mt.r.left.own {
				if v != d && mt.bind[v] == mt.bind[d] {
					return false
				}
			}
		}
	}
	for _, d := range mt.r.deletes {
		x := mt.bind[d]
		if x > 0 && mt.m.degree(x) != mt.ends(x) {
			return false
		}
		if l := mt.m.innerOf(x); l != 0 && mt.m.levels[l].elements != mt.inside(l) {
			return false
		}
	}
	return true
}

// ends counts the ends of deleted edges at a node.
func (mt *matcher) ends(n int32) (count int32) {
	for _, d := range mt.r.deletes {
		if x := mt.bind[d]; x < 0 {
			for _, end := range mt.m.edges[-x].end {
				if end == n {
					count++
				}
			}
		}
	}
	return count
}

// inside counts the deleted elements of a level.
func (mt *matcher) inside(l int32) (count int32) {
	for _, d := range mt.r.deletes {
		if mt.m.levelAt(mt.bind[d]) == l {
			count++
		}
	}
	return count
}

// Match is a match of a rule: what its variables stand for, by name; those that
// have none are left out.
type Match map[string]rmg.Path

// match tells what is bound.
func (mt *matcher) match() Match {
	out := Match{}
	for _, v := range mt.r.left.own {
		if name := mt.r.vars[v].name; name != "" {
			out[name] = mt.m.at(mt.bind[v])
		}
	}
	return out
}

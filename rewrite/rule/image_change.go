package rule

import (
	"slices"

	"jitos.dev/rmg"
)

// The functions below change an image. Who watches is told of what is made after
// it is there, and of what goes before it is gone.

// roomy is a list with room for one more. A full one gets room for as many as it has:
// what rules make comes in great numbers, and append would copy it four times.
func roomy[T any](list []T) []T {
	if len(list) == cap(list) {
		return slices.Grow(list, max(len(list), 16))
	}
	return list
}

// newNode adds a node to a level.
func (m *Image) newNode(l, kind, id, props int32, state uint32) int32 {
	i := m.freeNodes
	if i != 0 {
		m.freeNodes = m.nodes[i].nextKin
	} else {
		m.nodes = append(roomy(m.nodes), node{})
		i = int32(len(m.nodes) - 1)
	}
	m.nodes[i] = node{kind: kind, level: l, id: id, props: props, state: state}
	m.joinKind(i)
	n, at := &m.nodes[i], &m.levels[l]
	n.prevIn = at.last
	if at.last != 0 {
		m.nodes[at.last].nextIn = i
	} else {
		at.nodes = i
	}
	at.last = i
	at.elements++
	m.note(i)
	return i
}

func (m *Image) joinKind(i int32) {
	n := &m.nodes[i]
	k := &m.kinds[n.kind].nodes
	n.nextKin, n.prevKin = 0, k.last
	if k.last != 0 {
		m.nodes[k.last].nextKin = i
	} else {
		k.first = i
	}
	k.last = i
	k.count++
}

func (m *Image) leaveKind(i int32) {
	n := &m.nodes[i]
	k := &m.kinds[n.kind].nodes
	if n.prevKin != 0 {
		m.nodes[n.prevKin].nextKin = n.nextKin
	} else {
		k.first = n.nextKin
	}
	if n.nextKin != 0 {
		m.nodes[n.nextKin].prevKin = n.prevKin
	} else {
		k.last = n.prevKin
	}
	k.count--
}

// newEdge adds an edge between two nodes of one level.
func (m *Image) newEdge(kind, from, to, id, props int32, state uint32) int32 {
	i := m.freeEdges
	if i != 0 {
		m.freeEdges = m.edges[i].nextKin
	} else {
		m.edges = append(roomy(m.edges), edge{})
		i = int32(len(m.edges) - 1)
	}
	m.edges[i] = edge{kind: kind, end: [2]int32{from, to}, id: id, props: props, state: state}
	m.tie(i)
	m.levels[m.nodes[from].level].elements++
	m.note(-i)
	return i
}

// tie hangs an edge in the lists of its kind and at its ends.
func (m *Image) tie(i int32) {
	e := &m.edges[i]
	k := &m.kinds[e.kind].edges
	e.nextKin, e.prevKin = 0, k.last
	if k.last != 0 {
		m.edges[k.last].nextKin = i
	} else {
		k.first = i
	}
	k.last = i
	k.count++
	for dir := range int32(2) {
		p := m.portAt(e.end[dir], e.kind, dir)
		e.prev[dir], e.next[dir] = 0, p.head
		if p.head != 0 {
			m.edges[p.head].prev[dir] = i
		}
		p.head = i
		p.count++
	}
}

func (m *Image) untie(i int32) {
	e := &m.edges[i]
	k := &m.kinds[e.kind].edges
	if e.prevKin != 0 {
		m.edges[e.prevKin].nextKin = e.nextKin
	} else {
		k.first = e.nextKin
	}
	if e.nextKin != 0 {
		m.edges[e.nextKin].prevKin = e.prevKin
	} else {
		k.last = e.prevKin
	}
	k.count--
	for dir := range int32(2) {
		p := m.portAt(e.end[dir], e.kind, dir)
		if e.prev[dir] != 0 {
			m.edges[e.prev[dir]].next[dir] = e.next[dir]
		} else {
			p.head = e.next[dir]
		}
		if e.next[dir] != 0 {
			m.edges[e.next[dir]].prev[dir] = e.prev[dir]
		}
		p.count--
	}
}

// portAt finds the port of a kind at a node, or adds one. It is kept when it is
// empty: a kind that came once comes again.
func (m *Image) portAt(n, kind, dir int32) *port {
	for i := m.nodes[n].ports; i != 0; i = m.ports[i].next {
		if p := &m.ports[i]; p.kind == kind && p.dir == dir {
			return p
		}
	}
	i := m.freePorts
	if i != 0 {
		m.freePorts = m.ports[i].next
	} else {
		m.ports = append(m.ports, port{})
		i = int32(len(m.ports) - 1)
	}
	m.ports[i] = port{kind: kind, dir: dir, next: m.nodes[n].ports}
	m.nodes[n].ports = i
	return &m.ports[i]
}

// degree is how many edges there are at a node; a loop counts twice.
func (m *Image) degree(n int32) int32 {
	var d int32
	for i := m.nodes[n].ports; i != 0; i = m.ports[i].next {
		d += m.ports[i].count
	}
	return d
}

// addNode makes a node, and addEdge an edge; id is 0 for a fresh one.
func (m *Image) addNode(l, kind, id int32, props rmg.Props) int32 {
	i := m.newNode(l, kind, m.orFresh(id), m.hold(props), alive)
	m.touch(i, born)
	m.tell(i, eventMade)
	return i
}

func (m *Image) addEdge(kind, from, to, id int32, props rmg.Props) int32 {
	i := m.newEdge(kind, from, to, m.orFresh(id), m.hold(props), alive)
	m.touch(-i, born)
	m.tell(-i, eventMade)
	return i
}

func (m *Image) orFresh(id int32) int32 {
	if id == 0 {
		m.fresh++
		return -m.fresh
	}
	return id
}

// removeEdge removes an edge with what it holds.
func (m *Image) removeEdge(i int32) {
	m.tell(-i, eventGoing)
	m.empty(m.edges[i].inner)
	m.forget(-i)
	e := &m.edges[i]
	l := m.nodes[e.end[0]].level
	if e.state&born == 0 {
		m.removed = append(m.removed, gone{l, e.id, true})
	}
	m.untie(i)
	m.levels[l].elements--
	m.drop(e.props)
	*e = edge{nextKin: m.freeEdges}
	m.freeEdges = i
}

// removeNode removes a node with the edges at it and what it holds.
func (m *Image) removeNode(i int32) {
	m.tell(i, eventGoing)
	for p := m.nodes[i].ports; p != 0; p = m.ports[p].next {
		for m.ports[p].head != 0 {
			m.removeEdge(m.ports[p].head)
		}
	}
	m.empty(m.nodes[i].inner)
	m.forget(i)
	n := &m.nodes[i]
	if n.state&born == 0 {
		m.removed = append(m.removed, gone{n.level, n.id, false})
	}
	m.leaveKind(i)
	at := &m.levels[n.level]
	if n.prevIn != 0 {
		m.nodes[n.prevIn].nextIn = n.nextIn
	} else {
		at.nodes = n.nextIn
	}
	if n.nextIn != 0 {
		m.nodes[n.nextIn].prevIn = n.prevIn
	} else {
		at.last = n.prevIn
	}
	at.elements--
	for p := n.ports; p != 0; {
		next := m.ports[p].next
		m.ports[p].next = m.freePorts
		m.freePorts, p = p, next
	}
	m.drop(n.props)
	*n = node{nextKin: m.freeNodes}
	m.freeNodes = i
}

// empty removes all of a level that goes with its owner.
func (m *Image) empty(l int32) {
	if l == 0 {
		return
	}
	for m.levels[l].nodes != 0 {
		m.removeNode(m.levels[l].nodes)
	}
	m.levels[l].state |= dead
}

// retype gives an element another kind.
func (m *Image) retype(x, kind int32) {
	if m.kindAt(x) == kind {
		return
	}
	m.tell(x, eventBefore)
	if x < 0 {
		m.untie(-x)
		m.edges[-x].kind = kind
		m.tie(-x)
	} else {
		m.leaveKind(x)
		m.nodes[x].kind = kind
		m.joinKind(x)
	}
	m.touch(x, recast)
	m.tell(x, eventAfter)
}

// setProps gives an element other props.
func (m *Image) setProps(x int32, p rmg.Props) {
	if m.propsOf(x).Equal(p) {
		return
	}
	m.tell(x, eventProps)
	at := &m.nodes[max(x, 0)].props
	if x < 0 {
		at = &m.edges[-x].props
	}
	if *at == 0 {
		*at = m.hold(p)
	} else {
		m.props[*at] = p
	}
	m.touch(x, redone)
	m.tell(x, eventProps)
}

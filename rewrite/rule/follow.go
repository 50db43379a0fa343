package rule

import (
	"slices"

	"jitos.dev/rmg"
)

// Follow brings the image to another version of its graph, by what differs: it
// costs O(change), the first time O(elements) besides. Rules that are at work on
// the image are told, and look around what changed: so a reactive rule fires.
//
// Invalid: the image has changes of its own that are not settled. NotFound: the
// graph that it is of is gone. In both cases nothing has changed.
func (m *Image) Follow(g rmg.Graph) error {
	if len(m.removed) > 0 || len(m.pending()) > 0 {
		return &rmg.Error{Op: "image", Path: m.scope, Code: rmg.Invalid, Msg: "the image has changes of its own", Hint: "write them and settle first"}
	}
	old, _ := m.base.Get(m.scope)
	now, ok := g.Get(m.scope)
	if !ok {
		return &rmg.Error{Op: "image", Path: m.scope, Code: rmg.NotFound, Msg: "there is no such element"}
	}
	changes := slices.Collect(rmg.Diff(old.Graph, now.Graph))
	for _, edges := range []bool{true, false} {
		for _, c := range changes {
			if goes := c.Kind == rmg.Removed || redirected(c); goes && c.Old.Edge == edges {
				m.unload(c.Path)
			}
		}
	}
	for _, c := range changes { // parents come first, and the nodes of a graph before its edges
		switch {
		case c.Kind == rmg.Added || redirected(c):
			m.loadOne(c)
		case c.Kind == rmg.Changed:
			x := m.resolve(c.Path)
			m.retype(x, m.kind(c.New.Kind))
			m.setProps(x, c.New.Props)
		}
	}
	m.Settle(g)
	return nil
}

// redirected reports whether an edge has other ends now.
func redirected(c rmg.Change) bool {
	return c.Kind == rmg.Changed && (c.Old.From != c.New.From || c.Old.To != c.New.To)
}

// resolve is the element at a path below the scope; 0 is none.
func (m *Image) resolve(p rmg.Path) int32 {
	if p == rmg.Root {
		return 0
	}
	l := int32(0)
	if up := p.Parent(); up != rmg.Root {
		x := m.resolve(up)
		if x == 0 {
			return 0
		}
		if l = m.innerOf(x); l == 0 {
			return 0
		}
	}
	s := p.Base()
	return m.find(l, s.Edge, s.ID)
}

func (m *Image) unload(p rmg.Path) {
	switch x := m.resolve(p); {
	case x < 0:
		m.removeEdge(-x)
	case x > 0:
		m.removeNode(x)
	}
}

// loadOne loads an element, without what is inside it: that comes by itself. An
// edge that got other ends brings it along.
func (m *Image) loadOne(c rmg.Change) {
	l := int32(0)
	if up := c.Path.Parent(); up != rmg.Root {
		l = m.levelOf(m.resolve(up))
	}
	e := c.New
	kind := m.kind(e.Kind)
	if !e.Edge {
		m.tell(m.newNode(l, kind, m.loadedID(e.ID), m.hold(e.Props), alive), eventMade)
		return
	}
	x := -m.newEdge(kind, m.find(l, false, e.From), m.find(l, false, e.To), m.loadedID(e.ID), m.hold(e.Props), alive)
	m.tell(x, eventMade)
	if c.Kind == rmg.Changed && !e.Graph.IsEmpty() {
		m.load(m.levelOf(x), e.Graph)
	}
}

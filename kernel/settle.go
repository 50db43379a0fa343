package kernel

import (
	"fmt"
	"slices"
	"strings"

	"jitos.dev/rmg"
)

// settled is the merge with every conflict settled as it was resolved. Where
// there is a conflict the merge has the target's side, so taking that changes
// nothing.
func (m *merging) settled() (rmg.Graph, error) {
	if len(m.conflicts) == 0 {
		return m.merged, nil
	}
	o := rmg.NewOverlay(m.merged).Unchecked()
	var ends []rmg.Path // of edges that go, which the workspace removed
	for _, c := range m.conflicts {
		if c.Take == takeSystem {
			continue
		}
		gone, err := m.settle(o, c)
		if err != nil {
			return rmg.Graph{}, unsettled(c, err)
		}
		ends = append(ends, gone...)
	}
	for _, p := range ends {
		_ = o.Remove(p, false) // what other edges need stays
	}
	next := o.Graph()
	if found := next.Schemas().CheckChanges(m.to.world, next); len(found) > 0 {
		return rmg.Graph{}, &rmg.Error{
			Op: "resolve", Path: found[0].Path, Code: rmg.Conflict,
			Msg:  fmt.Sprintf("as it is resolved it breaks the schemas in %s, first: %s", plural(len(found), "place"), found[0].Msg),
			Hint: "resolve it otherwise: jitos sws resolve " + m.id + " lists the conflicts",
		}
	}
	return next, nil
}

func unsettled(c Conflict, err error) error {
	return &rmg.Error{
		Op: "resolve", Path: c.Path, Code: rmg.Conflict, Msg: fmt.Sprintf("%s cannot be taken from the %s: %s", c.Path, c.Take, err),
		Hint: "resolve it otherwise, or the conflict above it first",
	}
}

// settle settles one conflict, and returns ends of an edge that may go with it.
func (m *merging) settle(o *rmg.Overlay, c Conflict) (ends []rmg.Path, err error) {
	v := map[string]rmg.Value{takeBase: c.Base, takeWorkspace: c.Workspace, takeValue: c.Value}[c.Take]
	switch {
	case c.Prop != "":
		return nil, o.Set(c.Path, map[string]rmg.Value{c.Prop: v})
	case c.Kind == rmg.ConflictStaleRead:
		return nil, nil // it has been seen; there is nothing to choose
	case c.Kind == rmg.ConflictBothRetyped:
		kind, _ := v.AsString()
		return nil, o.Retype(c.Path, kind)
	case c.Kind == rmg.ConflictEnds:
		end, _ := v.AsString()
		return nil, turn(o, c, end)
	case c.Kind == rmg.ConflictBothMoved:
		from, _ := c.System.AsRef()
		to, _ := v.AsRef()
		return nil, o.Move(from, to)
	}
	e, ok := m.side(c.Take, c.Path)
	if ok {
		return nil, m.bring(o, c.Take, c.Path, e)
	}
	if was, there := o.Get(c.Path); there {
		if was.Edge {
			ends = m.missing(c.Path.Parent(), was)
		}
		err = o.Remove(c.Path, true)
	}
	return ends, err
}

// turn gives an edge another end.
func turn(o *rmg.Overlay, c Conflict, end string) error {
	e, ok := o.Get(c.Path)
	if !ok {
		return &rmg.Error{Op: "resolve", Path: c.Path, Code: rmg.NotFound, Msg: "the edge is gone"}
	}
	if strings.HasPrefix(c.Reason, "from") {
		e.From = end
	} else {
		e.To = end
	}
	return putEdge(o, c.Path, e)
}

// missing lists the ends of an edge that the workspace removed: with the edge
// gone nothing is against that. What the target removed is gone from the merge.
func (m *merging) missing(at rmg.Path, edge rmg.Element) []rmg.Path {
	var out []rmg.Path
	for _, id := range []string{edge.From, edge.To} {
		if _, ok := m.side(takeWorkspace, at.Child(id)); !ok {
			out = append(out, at.Child(id))
		}
	}
	return out
}

// bring puts in an element as a side has it: an edge with those of its ends that
// are not there, a node with the edges that it has on that side.
func (m *merging) bring(o *rmg.Overlay, side string, p rmg.Path, e rmg.Element) error {
	at := p.Parent()
	e.ID = p.Base().ID
	if e.Edge {
		for _, id := range []string{e.From, e.To} {
			if _, ok := o.Get(at.Child(id)); ok {
				continue
			}
			if n, ok := m.side(side, at.Child(id)); ok {
				if err := o.Graft(at.Child(id), n); err != nil {
					return err
				}
			}
		}
		return putEdge(o, p, e)
	}
	_, had := o.Get(p)
	if err := o.Graft(p, e); err != nil || had {
		return err
	}
	level, _ := m.side(side, at)
	edges := slices.Concat(slices.Collect(level.Graph.Out(e.ID)), slices.Collect(level.Graph.In(e.ID)))
	for _, x := range edges {
		if err := putBack(o, at, x); err != nil {
			return err
		}
	}
	return nil
}

// putBack puts an edge in where both its ends are and it is not.
func putBack(o *rmg.Overlay, at rmg.Path, x rmg.Element) error {
	_, from := o.Get(at.Child(x.From))
	_, to := o.Get(at.Child(x.To))
	_, there := o.Get(at.EdgeChild(x.ID))
	if !from || !to || there {
		return nil
	}
	return putEdge(o, at.EdgeChild(x.ID), x)
}

// putEdge puts in an edge with all that is in it, in place of what was there.
func putEdge(o *rmg.Overlay, p rmg.Path, e rmg.Element) error {
	if _, ok := o.Get(p); ok {
		if err := o.Remove(p, true); err != nil {
			return err
		}
	}
	if err := o.AddEdge(p, e.Kind, e.From, e.To, e.Props); err != nil {
		return err
	}
	for n := range e.Graph.Nodes("") {
		if err := o.Graft(p.Child(n.ID), n); err != nil {
			return err
		}
	}
	for x := range e.Graph.Edges("") {
		if err := putEdge(o, p.EdgeChild(x.ID), x); err != nil {
			return err
		}
	}
	return nil
}

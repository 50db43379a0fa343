package rmg

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// Overlay is the write side: a private, changing version over a Graph. It is
// for one goroutine. Every method either does the whole change or returns an
// *Error and does nothing.
type Overlay struct {
	base  Graph
	cur   Graph
	moves []Move
}

// Move says that the element at From was moved to To.
type Move struct{ From, To Path }

// NewOverlay starts an overlay over base. O(1).
func NewOverlay(base Graph) *Overlay { return &Overlay{base: base, cur: base} }

// Graph returns the current content as an immutable version. O(1); the
// overlay may be used on.
func (o *Overlay) Graph() Graph { return o.cur }

// Base returns the version that the overlay started from.
func (o *Overlay) Base() Graph { return o.base }

// Moves returns the moves made, in order.
func (o *Overlay) Moves() []Move { return slices.Clone(o.moves) }

// Get reads the element at p as it now stands.
func (o *Overlay) Get(p Path) (Element, bool) { return o.cur.Get(p) }

// edit replaces the level that p's element holds by what fn makes of it.
func (o *Overlay) edit(op string, p Path, fn func(*level) (*level, error)) error {
	next, err := editLevel(o.cur.root, p.Segments(), fn)
	if err != nil {
		if e, ok := err.(*Error); ok && e.Op == "" {
			e.Op = op
			if e.Path == "" {
				e.Path = p
			}
		}
		return err
	}
	o.cur = Graph{next.orNil()}
	return nil
}

func editLevel(l *level, segs []Segment, fn func(*level) (*level, error)) (*level, error) {
	if len(segs) == 0 {
		return fn(l.orEmpty())
	}
	r, ok := l.record(segs[0])
	if !ok {
		return nil, &Error{Code: NotFound, Msg: fmt.Sprintf("there is no %q", segs[0].ID), Hint: "add the parent first"}
	}
	inner, err := editLevel(r.inner, segs[1:], fn)
	if err != nil {
		return nil, err
	}
	c := r.copy()
	c.inner = inner.orNil()
	return l.withRecord(segs[0], c), nil
}

// copy returns a record that may be changed until it is put somewhere.
func (r *record) copy() *record {
	return &record{edge: r.edge, kind: r.kind, from: r.from, to: r.to, props: r.props, inner: r.inner}
}

func (l *level) withRecord(s Segment, r *record) *level {
	if s.Edge {
		return l.withEdge(s.ID, r)
	}
	return l.withNode(s.ID, r)
}

// change replaces the record at p by what fn makes of a copy of it.
func (o *Overlay) change(op string, p Path, fn func(*record) error) error {
	s := p.Base()
	if s.ID == "" {
		return &Error{Op: op, Path: p, Code: Invalid, Msg: "the root is no element"}
	}
	return o.edit(op, p.Parent(), func(l *level) (*level, error) {
		r, ok := l.record(s)
		if !ok {
			return nil, &Error{Path: p, Code: NotFound, Msg: "there is no such element"}
		}
		c := r.copy()
		if err := fn(c); err != nil {
			if e, ok := err.(*Error); ok {
				e.Op, e.Path = op, p
			}
			return nil, err
		}
		return l.withRecord(s, c), nil
	})
}

func checkNew(op string, p Path, kind string, props Props) error {
	bad := func(msg string) error { return &Error{Op: op, Path: p, Code: Invalid, Msg: msg} }
	switch {
	case kind == "":
		return bad("the kind is empty")
	case !utf8.ValidString(kind):
		return bad("the kind is not UTF-8")
	}
	for name, v := range props.All() {
		if err := checkProp(op, p, name, v); err != nil {
			return err
		}
	}
	return checkPlace(op, p, nil)
}

// checkPlace keeps an element, with what is inside it, where paths can name it.
func checkPlace(op string, p Path, inner *level) error {
	switch n := len(p.Base().ID); {
	case n > MaxSegment:
		return &Error{Op: op, Path: p.Parent(), Code: Limit, Msg: fmt.Sprintf("an id has %d bytes; the limit is %d", n, MaxSegment)}
	case len(p.Segments())+inner.height() > MaxDepth:
		return &Error{Op: op, Path: p, Code: Limit, Msg: fmt.Sprintf("deeper than %d", MaxDepth)}
	}
	return nil
}

func checkProp(op string, p Path, name string, v Value) error {
	if name == "" || !utf8.ValidString(name) {
		return &Error{Op: op, Path: p, Code: Invalid, Msg: fmt.Sprintf("prop name %q is empty or not UTF-8", name)}
	}
	if err := v.Check(); err != nil {
		return &Error{Op: op, Path: p, Code: Invalid, Msg: "prop " + name, Err: err}
	}
	return nil
}

// AddNode adds a node. NotFound: the parent is missing. Exists: the id is
// taken. Invalid: empty kind, bad values, or p names an edge or Root.
func (o *Overlay) AddNode(p Path, kind string, props Props) error {
	if err := checkNew("add_node", p, kind, props); err != nil {
		return err
	}
	s := p.Base()
	if s.ID == "" || s.Edge {
		return &Error{Op: "add_node", Path: p, Code: Invalid, Msg: "the path does not name a node", Hint: "an edge's segment begins with ~, a node's does not"}
	}
	return o.edit("add_node", p.Parent(), func(l *level) (*level, error) {
		if _, ok := l.nodes.get(s.ID); ok {
			return nil, &Error{Path: p, Code: Exists, Msg: "the node is there already"}
		}
		return l.withNode(s.ID, &record{kind: kind, props: props}), nil
	})
}

// AddEdge adds an edge between two nodes of the graph that p's parent holds.
// p's last segment is an edge segment. NotFound: parent or an end is missing.
func (o *Overlay) AddEdge(p Path, kind, from, to string, props Props) error {
	if err := checkNew("add_edge", p, kind, props); err != nil {
		return err
	}
	s := p.Base()
	if s.ID == "" || !s.Edge {
		return &Error{Op: "add_edge", Path: p, Code: Invalid, Msg: "the path does not name an edge", Hint: "an edge's segment begins with ~"}
	}
	return o.edit("add_edge", p.Parent(), func(l *level) (*level, error) {
		if _, ok := l.edges.get(s.ID); ok {
			return nil, &Error{Path: p, Code: Exists, Msg: "the edge is there already"}
		}
		for _, end := range []string{from, to} {
			if _, ok := l.nodes.get(end); !ok {
				return nil, &Error{Path: p, Code: NotFound, Msg: fmt.Sprintf("there is no node %q for the edge's end", end), Hint: "add the node first"}
			}
		}
		return l.withEdge(s.ID, &record{edge: true, kind: kind, from: from, to: to, props: props}), nil
	})
}

// Set sets props of an element; the zero Value removes one. NotFound if there
// is no element; Invalid for Root.
func (o *Overlay) Set(p Path, props map[string]Value) error {
	for _, x := range PropsOf(props).list {
		if err := checkProp("set", p, x.Name, x.Value); err != nil {
			return err
		}
	}
	return o.change("set", p, func(r *record) error {
		for name, v := range props {
			r.props = r.props.With(name, v)
		}
		return nil
	})
}

// Retype gives an element another kind.
func (o *Overlay) Retype(p Path, kind string) error {
	if err := checkNew("retype", p, kind, Props{}); err != nil {
		return err
	}
	return o.change("retype", p, func(r *record) error { r.kind = kind; return nil })
}

// Inc adds by to an int prop (absent counts as 0). Invalid if it is no int or
// would overflow.
func (o *Overlay) Inc(p Path, prop string, by int64) error {
	if err := checkProp("inc", p, prop, Int(by)); err != nil {
		return err
	}
	return o.change("inc", p, func(r *record) error {
		v, has := r.props.Get(prop)
		n, ok := v.AsInt()
		if has && !ok {
			return &Error{Code: Invalid, Msg: fmt.Sprintf("prop %s is no int", prop)}
		}
		if by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by {
			return &Error{Code: Invalid, Msg: fmt.Sprintf("prop %s would overflow", prop)}
		}
		r.props = r.props.With(prop, Int(n+by))
		return nil
	})
}

// SetAdd adds to a prop that is a list used as a set: sorted by canonical
// encoding, without doubles. Absent counts as empty. Doing nothing is no error.
func (o *Overlay) SetAdd(p Path, prop string, v Value) error {
	return o.changeSet("set_add", p, prop, v, func(list []Value, i int, found bool) []Value {
		if found {
			return list
		}
		return slices.Insert(list, i, v)
	})
}

// SetRemove takes out of such a list; an emptied set is removed.
func (o *Overlay) SetRemove(p Path, prop string, v Value) error {
	return o.changeSet("set_remove", p, prop, v, func(list []Value, i int, found bool) []Value {
		if !found {
			return list
		}
		return slices.Delete(list, i, i+1)
	})
}

func (o *Overlay) changeSet(op string, p Path, prop string, v Value, fn func([]Value, int, bool) []Value) error {
	if err := checkProp(op, p, prop, v); err != nil {
		return err
	}
	if v.typ == TypeNone {
		return &Error{Op: op, Path: p, Code: Invalid, Msg: "there is no value"}
	}
	return o.change(op, p, func(r *record) error {
		old, has := r.props.Get(prop)
		list, ok := old.AsList()
		if has && !ok {
			return &Error{Code: Invalid, Msg: fmt.Sprintf("prop %s is no list", prop)}
		}
		slices.SortFunc(list, compareCanonical)
		i, found := slices.BinarySearchFunc(list, v, compareCanonical)
		list = fn(list, i, found)
		if len(list) == 0 {
			r.props = r.props.With(prop, Value{})
			return nil
		}
		r.props = r.props.With(prop, List(list...))
		return nil
	})
}

// compareCanonical orders values by their encoding.
func compareCanonical(a, b Value) int {
	x, errX := a.MarshalCBOR()
	y, errY := b.MarshalCBOR()
	if errX != nil || errY != nil {
		panic("values that were checked do not encode")
	}
	return bytes.Compare(x, y)
}

// Move moves a node, inner graph and all, to another place. Its own edges at
// the old place must be gone (Conflict) unless the parent stays the same, in
// which case they follow the new id. Invalid: into itself, or an edge.
func (o *Overlay) Move(from, to Path) error {
	bad := func(c Code, msg string) error { return &Error{Op: "move", Path: from, Code: c, Msg: msg} }
	s, d := from.Base(), to.Base()
	switch {
	case s.ID == "" || d.ID == "" || s.Edge || d.Edge:
		return bad(Invalid, "only a node can be moved, and not to the root")
	case from.Has(to):
		return bad(Invalid, "a node cannot be moved into itself")
	}
	e, ok := o.cur.Get(from)
	if !ok {
		return bad(NotFound, "there is no such node")
	}
	if err := checkPlace("move", to, e.Graph.root); err != nil {
		return err
	}
	if _, taken := o.cur.Get(to); taken {
		return &Error{Op: "move", Path: to, Code: Exists, Msg: "the destination is there already"}
	}
	parent, _ := o.cur.Get(from.Parent())
	renamed := from.Parent() == to.Parent()
	if !renamed && parent.Graph.root.hasEdges(s.ID) {
		return bad(Conflict, "the node has edges; they would dangle")
	}
	before := o.cur
	err := o.edit("move", from.Parent(), func(l *level) (*level, error) {
		r, _ := l.nodes.get(s.ID)
		if renamed {
			return l.renamed(s.ID, d.ID, r.copy()), nil
		}
		return l.withNode(s.ID, nil), nil
	})
	if err == nil && !renamed {
		err = o.edit("move", to.Parent(), func(l *level) (*level, error) {
			return l.withNode(d.ID, &record{kind: e.Kind, props: e.Props, inner: e.Graph.root}), nil
		})
	}
	if err != nil {
		o.cur = before
		return err
	}
	o.moves = append(o.moves, Move{from, to})
	return nil
}

// renamed gives a node another id; its edges follow.
func (l *level) renamed(from, to string, r *record) *level {
	var ids []string
	add := func(id string) bool { ids = append(ids, id); return true }
	l.incident('o', from, add)
	l.incident('i', from, add)
	out := l.withNode(from, nil).withNode(to, r)
	for _, id := range ids {
		e, _ := out.edges.get(id)
		c := e.copy()
		if c.from == from {
			c.from = to
		}
		if c.to == from {
			c.to = to
		}
		out = out.withEdge(id, c)
	}
	return out
}

// Remove removes an element. A node with edges is Conflict, unless cascade,
// which removes them too.
func (o *Overlay) Remove(p Path, cascade bool) error {
	s := p.Base()
	if s.ID == "" {
		return &Error{Op: "remove", Path: p, Code: Invalid, Msg: "the root is no element"}
	}
	return o.edit("remove", p.Parent(), func(l *level) (*level, error) {
		if _, ok := l.record(s); !ok {
			return nil, &Error{Path: p, Code: NotFound, Msg: "there is no such element"}
		}
		if s.Edge {
			return l.withEdge(s.ID, nil), nil
		}
		if l.hasEdges(s.ID) {
			if !cascade {
				return nil, &Error{Path: p, Code: Conflict, Msg: "the node has edges", Hint: "remove them first, or use cascade"}
			}
			l = l.withoutEdges(s.ID)
		}
		return l.withNode(s.ID, nil), nil
	})
}

func (l *level) withoutEdges(node string) *level {
	var ids []string
	add := func(id string) bool { ids = append(ids, id); return true }
	l.incident('o', node, add)
	l.incident('i', node, add)
	for _, id := range ids {
		l = l.withEdge(id, nil)
	}
	return l
}

// Graft puts an element, with props and inner graph, at p, replacing what was
// there. The parent must exist. It is how a subtree of another version is
// taken over by pointer. Nodes only.
func (o *Overlay) Graft(p Path, e Element) error {
	if err := checkNew("graft", p, e.Kind, e.Props); err != nil {
		return err
	}
	s := p.Base()
	if s.ID == "" || s.Edge || e.Edge {
		return &Error{Op: "graft", Path: p, Code: Invalid, Msg: "only a node can be grafted"}
	}
	if err := checkPlace("graft", p, e.Graph.root); err != nil {
		return err
	}
	return o.edit("graft", p.Parent(), func(l *level) (*level, error) {
		return l.withNode(s.ID, &record{kind: e.Kind, props: e.Props, inner: e.Graph.root.orNil()}), nil
	})
}

// Mark is a state of an overlay that it can be taken back to.
type Mark struct {
	cur   Graph
	moves int
}

// Mark notes the overlay's state. O(1).
func (o *Overlay) Mark() Mark { return Mark{o.cur, len(o.moves)} }

// Rewind takes the overlay back to a mark. O(1).
func (o *Overlay) Rewind(m Mark) { o.cur, o.moves = m.cur, o.moves[:m.moves] }

package rmg

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Overlay is the write side: a private, changing version over a Graph. It is
// for one goroutine. Every method either does the whole change or returns an
// *Error and does nothing. What would break a schema is Invalid; see [Schemas].
//
// An overlay costs what it changed: it copies a part of its base when it first
// changes it, and changes its own copy from then on. What it hands out as a
// Graph is not its own any longer.
type Overlay struct {
	base  Graph
	root  *level
	mine  *token   // nil: nothing is
	kinds *Schemas // nil: not looked up yet
	notes *notes   // nil: there are none
	free  bool     // schemas are not looked at
	holds bool     // versions may stand in it; see Holding
}

// notes are what an overlay remembers beside its content. Few have any, and a
// fork should cost little: they stand apart.
type notes struct {
	moves []Move
	reads map[Path]bool // nil: they are not recorded
}

// noted returns the notes, to be written in.
func (o *Overlay) noted() *notes {
	if o.notes == nil {
		o.notes = new(notes)
	}
	return o.notes
}

// moved are the moves made, in order.
func (o *Overlay) moved() []Move {
	if o.notes == nil {
		return nil
	}
	return o.notes.moves
}

// read are the paths that were asked for, if they are recorded.
func (o *Overlay) read() map[Path]bool {
	if o.notes == nil {
		return nil
	}
	return o.notes.reads
}

// Move says that the element at From was moved to To.
type Move struct{ From, To Path }

// NewOverlay starts an overlay over base. O(1).
func NewOverlay(base Graph) *Overlay { return &Overlay{base: base, root: base.root} }

// Reset makes o a fresh overlay over base, whatever it was. O(1), and it allocates
// nothing: who forks often keeps overlays by value, in a struct or a slice, and
// resets them where they stand. An overlay that was written to must not be copied.
func (o *Overlay) Reset(base Graph) { *o = Overlay{base: base, root: base.root} }

// Graph returns the current content as an immutable version. O(1); the
// overlay may be used on.
func (o *Overlay) Graph() Graph {
	o.mine = nil
	return Graph{o.root}
}

// Base returns the version that the overlay started from.
func (o *Overlay) Base() Graph { return o.base }

// Moves returns the moves made, in order.
func (o *Overlay) Moves() []Move { return slices.Clone(o.moved()) }

// Changes ranges over what the overlay changed: what it moved first, then all
// else. O(change).
func (o *Overlay) Changes() iter.Seq[Change] { return DiffMoved(o.base, o.Graph(), o.Moves()) }

// RecordReads has Get remember from now on what it was asked for.
func (o *Overlay) RecordReads() {
	if n := o.noted(); n.reads == nil {
		n.reads = map[Path]bool{}
	}
}

// Reads lists the paths that Get was asked for, found or not, in order. Of an
// element that holds a graph that is the element; who reads on in its graph asks
// for what is in it, if it is to be remembered.
func (o *Overlay) Reads() []Path { return slices.Sorted(maps.Keys(o.read())) }

// Get reads the element at p as it now stands.
func (o *Overlay) Get(p Path) (Element, bool) {
	if reads := o.read(); reads != nil {
		reads[p] = true
	}
	r, ok := o.root.at(p)
	switch {
	case !ok:
		return Element{}, false
	case r == nil:
		return Element{Graph: o.Graph()}, true
	case !r.inner.empty():
		o.mine = nil // the inner graph is handed out
	}
	return r.element(), true
}

// token returns what marks the nodes that the overlay may change in place.
func (o *Overlay) token() *token {
	if o.mine == nil {
		o.mine = new(token)
	}
	return o.mine
}

// own returns the level that p's element holds, for changing it. A failure has
// changed nothing that shows.
func (o *Overlay) own(p Path) (*level, error) {
	t := o.token()
	l := o.root.edit(t)
	top := l
	for rest := p.steps(); rest != ""; {
		var s Segment
		s, rest = rest.next()
		r := l.record(s)
		if r == nil {
			return nil, &Error{Path: p, Code: NotFound, Msg: fmt.Sprintf("there is no %q", s.ID), Hint: "add the parent first"}
		}
		inner := r.inner.edit(t)
		if inner != r.inner {
			l.set(t, r, r.withInner(inner))
		}
		l = inner
	}
	o.root = top
	return l, nil
}

// placed completes an error with what was attempted, and where.
func placed(err error, op string, p Path) error {
	if e, ok := err.(*Error); ok && e.Op == "" {
		e.Op = op
		if e.Path == "" {
			e.Path = p
		}
	}
	return err
}

// change replaces the record at p by what fn makes of it.
func (o *Overlay) change(op string, p Path, fn func(*record) (*record, error)) error {
	if o.rekinds(p) {
		return o.rekind(op, p, func() error { return o.change(op, p, fn) })
	}
	r, err := o.element(op, p)
	if err != nil {
		return err
	}
	c, err := fn(r)
	if err != nil {
		return placed(err, op, p)
	}
	return o.swap(op, p, r, c)
}

// element finds the record at p, for changing it.
func (o *Overlay) element(op string, p Path) (*record, error) {
	r, ok := o.root.at(p)
	switch {
	case r != nil:
		return r, nil
	case ok:
		return nil, &Error{Op: op, Path: p, Code: Invalid, Msg: "the root is no element"}
	}
	at := p
	if _, ok := o.root.at(p.Parent()); !ok {
		at = p.Parent()
	}
	return nil, &Error{Op: op, Path: at, Code: NotFound, Msg: "there is no such element"}
}

// swap puts c in the place of old, at p.
func (o *Overlay) swap(op string, p Path, old, c *record) error {
	if err := o.keeps(op, p, old, c); err != nil {
		return placed(err, op, p)
	}
	l, err := o.own(p.Parent())
	if err != nil {
		return placed(err, op, p)
	}
	l.set(o.mine, old, c) // own copies what holds an element, never the element
	return nil
}

// changeProps replaces the props at p by what fn makes of them.
func (o *Overlay) changeProps(op string, p Path, fn func(Props) (Props, error)) error {
	return o.change(op, p, func(r *record) (*record, error) {
		props, err := fn(r.props())
		return r.with(props), err
	})
}

// MaxKind is the greatest length of a kind, in bytes.
const MaxKind = 1024

func (o *Overlay) checkNew(op string, p Path, kind string, props Props) error {
	bad := func(msg string) error { return &Error{Op: op, Path: p, Code: Invalid, Msg: msg} }
	switch {
	case kind == "":
		return bad("the kind is empty")
	case !utf8.ValidString(kind):
		return bad("the kind is not UTF-8")
	case len(kind) > MaxKind:
		return &Error{Op: op, Path: p, Code: Limit, Msg: fmt.Sprintf("the kind has %d bytes; the limit is %d", len(kind), MaxKind)}
	}
	if name, err := props.check(); err != nil {
		return badProp(op, p, name, err)
	}
	return o.checkPlace(op, p, nil)
}

// checkPlace keeps an element, with what is inside it, where paths can name it.
func (o *Overlay) checkPlace(op string, p Path, inner *level) error {
	segment, depth := MaxSegment, MaxDepth
	if o.holds {
		segment, depth = segment+1, depth+holdDepth
	}
	switch n := len(p.Base().ID); {
	case n > segment:
		return &Error{Op: op, Path: p.Parent(), Code: Limit, Msg: fmt.Sprintf("an id has %d bytes; the limit is %d", n, segment)}
	case p.depth()+inner.height() > depth:
		return &Error{Op: op, Path: p, Code: Limit, Msg: fmt.Sprintf("deeper than %d", depth)}
	}
	return nil
}

func checkProp(op string, p Path, name string, v Value) error {
	err := checkName(name)
	if err == nil {
		err = v.Check()
	}
	if err != nil {
		return badProp(op, p, name, err)
	}
	return nil
}

func badProp(op string, p Path, name string, err error) error {
	return &Error{Op: op, Path: p, Code: Invalid, Msg: fmt.Sprintf("prop %q", name), Err: err}
}

// AddNode adds a node, with the defaults of its kind. NotFound: the parent is
// missing. Exists: the id is taken. Invalid: empty kind, bad values, or p names
// an edge or Root.
func (o *Overlay) AddNode(p Path, kind string, props Props) error {
	if o.rekinds(p) {
		return o.rekind("add_node", p, func() error { return o.AddNode(p, kind, props) })
	}
	if err := o.checkNew("add_node", p, kind, props); err != nil {
		return err
	}
	s := p.Base()
	if s.ID == "" || s.Edge {
		return &Error{Op: "add_node", Path: p, Code: Invalid, Msg: "the path does not name a node", Hint: "an edge's segment begins with ~, a node's does not"}
	}
	l, err := o.own(p.Parent())
	if err != nil {
		return placed(err, "add_node", p)
	}
	if l.node(s.ID) != nil {
		return &Error{Op: "add_node", Path: p, Code: Exists, Msg: "the node is there already"}
	}
	r, err := o.admit("add_node", p, newRecord(false, s.ID, kind, "", "", props, nil))
	if err != nil {
		return err
	}
	l.set(o.mine, nil, r)
	return nil
}

// AddEdge adds an edge between two nodes of the graph that p's parent holds,
// with the defaults of its kind. p's last segment is an edge segment. NotFound:
// parent or an end is missing.
func (o *Overlay) AddEdge(p Path, kind, from, to string, props Props) error {
	if o.rekinds(p) {
		return o.rekind("add_edge", p, func() error { return o.AddEdge(p, kind, from, to, props) })
	}
	if err := o.checkNew("add_edge", p, kind, props); err != nil {
		return err
	}
	s := p.Base()
	if s.ID == "" || !s.Edge {
		return &Error{Op: "add_edge", Path: p, Code: Invalid, Msg: "the path does not name an edge", Hint: "an edge's segment begins with ~"}
	}
	l, err := o.own(p.Parent())
	if err != nil {
		return placed(err, "add_edge", p)
	}
	if l.edge(s.ID) != nil {
		return &Error{Op: "add_edge", Path: p, Code: Exists, Msg: "the edge is there already"}
	}
	for _, end := range []string{from, to} {
		if l.node(end) == nil {
			return &Error{Op: "add_edge", Path: p, Code: NotFound, Msg: fmt.Sprintf("there is no node %q for the edge's end", end), Hint: "add the node first"}
		}
	}
	r, err := o.admit("add_edge", p, newRecord(true, s.ID, kind, from, to, props, nil))
	if err != nil {
		return err
	}
	l.set(o.mine, nil, r)
	return nil
}

// Set sets props of an element; the zero Value removes one. NotFound if there
// is no element; Invalid for Root.
func (o *Overlay) Set(p Path, props map[string]Value) error {
	if o.rekinds(p) {
		return o.rekind("set", p, func() error { return o.Set(p, props) })
	}
	var room [8]Prop
	list := room[:0]
	for name, v := range props {
		list = append(list, Prop{name, v})
	}
	slices.SortFunc(list, func(a, b Prop) int { return strings.Compare(a.Name, b.Name) }) // the first failure is the same each time
	for _, x := range list {
		if x.Value.IsZero() {
			continue
		}
		if err := checkProp("set", p, x.Name, x.Value); err != nil {
			return err
		}
	}
	r, err := o.element("set", p)
	if err != nil {
		return err
	}
	return o.swap("set", p, r, r.withSet(list))
}

// Retype gives an element another kind, whose schema it has to satisfy as it
// is: no defaults are filled in, or what another write does to the same props
// would depend on which came first.
func (o *Overlay) Retype(p Path, kind string) error {
	if err := o.checkNew("retype", p, kind, Props{}); err != nil {
		return err
	}
	return o.change("retype", p, func(r *record) (*record, error) {
		return r.withKind(kind), nil
	})
}

// Inc adds by to an int prop (absent counts as 0). Invalid if it is no int or
// would overflow.
func (o *Overlay) Inc(p Path, prop string, by int64) error {
	if err := checkProp("inc", p, prop, Int(by)); err != nil {
		return err
	}
	return o.changeProps("inc", p, func(props Props) (Props, error) {
		v, has := props.Get(prop)
		n, ok := v.AsInt()
		if has && !ok {
			return props, &Error{Code: Invalid, Msg: fmt.Sprintf("prop %s is no int", prop)}
		}
		if by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by {
			return props, &Error{Code: Invalid, Msg: fmt.Sprintf("prop %s would overflow", prop)}
		}
		return props.With(prop, Int(n+by)), nil
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
	return o.changeProps(op, p, func(props Props) (Props, error) {
		old, has := props.Get(prop)
		list, ok := old.AsList()
		if has && !ok {
			return props, &Error{Code: Invalid, Msg: fmt.Sprintf("prop %s is no list", prop)}
		}
		slices.SortFunc(list, compareCanonical)
		i, found := slices.BinarySearchFunc(list, v, compareCanonical)
		list = fn(list, i, found)
		if len(list) == 0 {
			return props.With(prop, Value{}), nil
		}
		return props.With(prop, List(list...)), nil
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
	if o.rekinds(from) || o.rekinds(to) {
		return o.rekind("move", from, func() error { return o.Move(from, to) })
	}
	bad := func(c Code, msg string) error { return &Error{Op: "move", Path: from, Code: c, Msg: msg} }
	s, d := from.Base(), to.Base()
	switch {
	case s.ID == "" || d.ID == "" || s.Edge || d.Edge:
		return bad(Invalid, "only a node can be moved, and not to the root")
	case from.Has(to):
		return bad(Invalid, "a node cannot be moved into itself")
	}
	r, _ := o.root.at(from)
	if r == nil {
		return bad(NotFound, "there is no such node")
	}
	o.mine = nil // what moves along is looked at as a whole
	if err := o.checkPlace("move", to, r.inner); err != nil {
		return err
	}
	if _, taken := o.root.at(to); taken {
		return &Error{Op: "move", Path: to, Code: Exists, Msg: "the destination is there already"}
	}
	renamed := from.Parent() == to.Parent()
	switch _, ok := o.root.at(to.Parent()); {
	case !ok:
		return &Error{Op: "move", Path: to.Parent(), Code: NotFound, Msg: "there is no such element", Hint: "add the parent first"}
	case !renamed && r.links != nil:
		return bad(Conflict, "the node has edges; they would dangle")
	}
	e := newRecord(false, d.ID, r.kind.Value(), "", "", r.props(), r.inner)
	if err := o.lands(from, to, e); err != nil {
		return err
	}
	l, err := o.own(from.Parent())
	if err != nil {
		return placed(err, "move", from)
	}
	if renamed {
		l.rename(o.mine, r, e)
	} else {
		l.unset(o.mine, r)
		if l, err = o.own(to.Parent()); err != nil {
			return placed(err, "move", to)
		}
		l.set(o.mine, nil, e)
	}
	n := o.noted()
	n.moves = append(n.moves, Move{from, to})
	return nil
}

// rename puts a node in place of another; its edges follow.
func (l *level) rename(t *token, old, r *record) {
	edges := l.edgesAt(old.id())
	for _, e := range edges {
		l.unset(t, e)
	}
	l.unset(t, old)
	l.set(t, nil, r)
	end := func(id string) string {
		if id == old.id() {
			return r.id()
		}
		return id
	}
	for _, e := range edges {
		l.set(t, nil, newRecord(true, e.id(), e.kind.Value(), end(e.from()), end(e.to()), e.props(), e.inner))
	}
}

// Remove removes an element. A node with edges is Conflict, unless cascade,
// which removes them too.
func (o *Overlay) Remove(p Path, cascade bool) error {
	if o.rekinds(p) {
		return o.rekind("remove", p, func() error { return o.Remove(p, cascade) })
	}
	s := p.Base()
	if s.ID == "" {
		return &Error{Op: "remove", Path: p, Code: Invalid, Msg: "the root is no element"}
	}
	l, err := o.own(p.Parent())
	if err != nil {
		return placed(err, "remove", p)
	}
	r := l.record(s)
	switch {
	case r == nil:
		return &Error{Op: "remove", Path: p, Code: NotFound, Msg: "there is no such element"}
	case r.links != nil && !cascade:
		return &Error{Op: "remove", Path: p, Code: Conflict, Msg: "the node has edges", Hint: "remove them first, or use cascade"}
	case !s.Edge:
		for _, e := range l.edgesAt(s.ID) {
			l.unset(o.mine, e)
		}
	}
	l.unset(o.mine, l.record(s))
	return nil
}

// Graft puts an element, with props and inner graph, at p, replacing what was
// there. The parent must exist. It is how a subtree of another version is
// taken over by pointer. Nodes only. If there are schemas all that is inside is
// looked at; no defaults are filled in.
func (o *Overlay) Graft(p Path, e Element) error {
	if o.rekinds(p) {
		return o.rekind("graft", p, func() error { return o.Graft(p, e) })
	}
	if err := o.checkNew("graft", p, e.Kind, e.Props); err != nil {
		return err
	}
	s := p.Base()
	if s.ID == "" || s.Edge || e.Edge {
		return &Error{Op: "graft", Path: p, Code: Invalid, Msg: "only a node can be grafted"}
	}
	if err := o.checkPlace("graft", p, e.Graph.root); err != nil {
		return err
	}
	l, err := o.own(p.Parent())
	if err != nil {
		return placed(err, "graft", p)
	}
	old, r := l.node(s.ID), newRecord(false, s.ID, e.Kind, "", "", e.Props, e.Graph.root)
	if err := o.fits("graft", p, old, r); err != nil {
		return err
	}
	l.set(o.mine, old, r)
	return nil
}

// Mark is a state of an overlay that it can be taken back to.
type Mark struct {
	root  *level
	moves int
}

// Mark notes the overlay's state. O(1).
func (o *Overlay) Mark() Mark { return Mark{o.Graph().root, len(o.moved())} }

// Rewind takes the overlay back to a mark. O(1).
func (o *Overlay) Rewind(m Mark) {
	o.root, o.mine, o.kinds = m.root, nil, nil
	if o.notes != nil {
		o.notes.moves = o.notes.moves[:m.moves]
	}
}

package rmg

import (
	"iter"
	"slices"
	"strings"
)

// FindBudget is how many elements and edges Find looks at if it is not told.
const FindBudget = 1 << 20

// FindOptions say where to begin and when to stop. The zero value is the
// beginning, FindBudget, and no index.
type FindOptions struct {
	// After is the element to begin after, in path order; whether it is there is
	// no matter. Empty is the beginning; Root is behind the whole graph itself.
	After Path

	// Budget is how many elements and edges may be looked at; 0 is FindBudget.
	Budget int

	// Index is used if it is of this version and there is something in it to be
	// found by. What is selected does not depend on it.
	Index Index
}

// Match is an element that was selected.
type Match struct {
	Path    Path
	Element Element
}

// Find ranges over the elements that a selector selects, each once, in path
// order, which is that of Walk. From level to level it looks only at what the
// names of the selector leave: a name costs a lookup, a name that begins with
// text those ids that begin so, a gap everything below. [from=...] and [to=...]
// cost the edges at that node.
//
// When the budget is spent the last pair is an error with code Limit, and Path
// says up to where all was looked at: Find goes on from there if it is given
// as After. There is no other error.
func (g Graph) Find(s Selector, o FindOptions) iter.Seq2[Match, error] {
	return func(yield func(Match, error) bool) {
		f := finder{automaton: s.automaton(), after: o.After, left: o.Budget, yield: yield}
		if f.left <= 0 {
			f.left = FindBudget
		}
		if len(s.steps) == 0 {
			if o.After == "" {
				yield(Match{Root, Element{Graph: g}}, nil)
			}
			return
		}
		if f.byIndex(g, o.Index) {
			return
		}
		f.level(g.root, f.open(1), o.After.steps())
	}
}

// finder walks what a selector may select.
type finder struct {
	automaton
	after Path
	left  int // of the budget
	yield func(Match, error) bool

	at    []Segment // the element at hand
	moved bool      // behind after
}

// path is the path of the element at hand.
func (f *finder) path() Path {
	var room [128]byte
	b := room[:0]
	for _, s := range f.at {
		b = appendEscaped(b, s)
	}
	return pathOf(b)
}

// spend takes from the budget, and ends the walk when it has to.
func (f *finder) spend() bool {
	f.left--
	return f.left > 0 || f.stop()
}

// stop tells that the budget is spent, and where. It is false.
func (f *finder) stop() bool {
	e := &Error{Op: "find", Code: Limit, Msg: "the selector makes for too much to be looked at in one go", Hint: "go on after the path told, or name more of what is looked for"}
	if at := f.at; len(at) > 0 && at[len(at)-1].ID == "" {
		f.at = at[:len(at)-1] // nothing of this level was looked at
	}
	m := Match{Path: f.path()}
	if !f.moved {
		m.Path = f.after
		e.Hint = "give it a larger budget, or name more of what is looked for: the edges of one level alone take all of it"
	}
	e.Path = m.Path
	f.yield(m, e)
	return false
}

// level walks a level, beginning behind after. It is false when the walk ends.
func (f *finder) level(l *level, in states, after steps) bool {
	if in == 0 || l.empty() {
		return true
	}
	v := visit{finder: f, l: l, in: in}
	if !v.hop() {
		return false
	}
	if after != "" {
		v.from, v.rest = after.next()
	}
	f.at = append(f.at, Segment{})
	defer func() { f.at = f.at[:len(f.at)-1] }()
	return (v.from.Edge || v.side(false)) && v.side(true)
}

// visit is the walk of one level.
type visit struct {
	*finder
	l    *level
	in   states
	hops map[int][]string // where the axes of a step lead: the ids of nodes, sorted

	from Segment // the element to begin behind
	rest steps   // where to begin inside it; empty is its beginning
}

// idRange is ids from lo on, and before hi unless that is empty.
type idRange struct{ lo, hi string }

// side walks the nodes or the edges that may be selected, or may hold what is.
func (v *visit) side(edge bool) bool {
	ranges, ok := v.ranges(edge)
	slices.SortFunc(ranges, func(a, b idRange) int { return strings.Compare(a.lo, b.lo) })
	from := ""
	if v.from.Edge == edge {
		from = v.from.ID
	}
	for _, x := range ranges {
		ok = ok && v.l.trie(edge).within(max(from, x.lo), x.hi, v.look)
	}
	return ok
}

// look looks at an element, tells it if it is selected, and walks what is
// inside. The elements on the way to the one to begin behind were told.
func (v *visit) look(r *record) bool {
	f := v.finder
	at := Segment{r.id(), r.edge}
	f.at[len(f.at)-1] = at
	inside, selected := f.next(v.in, v.via(r), r)
	if at == v.from {
		return f.level(r.inner, inside, v.rest)
	}
	f.moved = true
	if selected && !f.yield(Match{f.path(), r.element()}, nil) {
		return false
	}
	return f.spend() && f.level(r.inner, inside, "")
}

// via is the set of steps whose axes lead to an element.
func (v *visit) via(r *record) (out states) {
	for i, ids := range v.hops {
		if _, ok := slices.BinarySearch(ids, r.id()); ok && !r.edge {
			out |= 1 << i
		}
	}
	return out
}

// ranges lists where the elements are that may match, none twice. Where there is
// no gap there is one step.
func (v *visit) ranges(edge bool) (out []idRange, ok bool) {
	if v.in&v.gaps != 0 {
		return []idRange{{}}, true
	}
	i, _ := v.in.first()
	switch x := &v.steps[i]; {
	case v.ways>>i&1 == 1 && !edge:
		return only(v.hops[i]...), true
	case v.ways>>i&1 == 0 && x.side.takes(edge):
		return v.candidates(x, edge)
	}
	return nil, true
}

// only is the ranges of single ids.
func only(ids ...string) []idRange {
	out := make([]idRange, len(ids))
	for i, id := range ids {
		out[i] = idRange{id, id + "\x00"}
	}
	return out
}

// candidates lists where the elements are that a step may match.
func (v *visit) candidates(x *step, edge bool) ([]idRange, bool) {
	prefix, whole := x.name.prefix()
	if whole {
		return only(prefix), true
	}
	if edge {
		for _, p := range x.where {
			node, isText := p.value.AsString()
			if p.own && p.op == opIs && p.name != "kind" && isText {
				return v.edgesOf(node, p.name)
			}
		}
	}
	if prefix == "" {
		return []idRange{{}}, true
	}
	return []idRange{{prefix, beyond(prefix)}}, true
}

// edgesOf lists the edges that leave a node, or reach it.
func (v *visit) edgesOf(node, end string) ([]idRange, bool) {
	dir := Forward
	if end == "to" {
		dir = Backward
	}
	r := v.l.node(node)
	if r == nil {
		return nil, true
	}
	var ids []string
	for id := range r.ids(dir) {
		ids = append(ids, id)
		if !v.finder.spend() {
			return nil, false
		}
	}
	return only(ids...), true
}

// hop finds where the axes of the level's steps lead.
func (v *visit) hop() bool {
	for rest := v.in & v.ways; rest != 0; {
		var i int
		i, rest = rest.first()
		x := v.steps[i]
		at, ok := v.starts(&x)
		for n := 0; ok && n < len(x.axes); n++ {
			at, ok = v.along(at, &x.axes[n])
		}
		if !ok {
			return false
		}
		if v.hops == nil {
			v.hops = map[int][]string{}
		}
		ids := make([]string, len(at))
		for i, r := range at {
			ids[i] = r.id()
		}
		slices.Sort(ids)
		v.hops[i] = ids
	}
	return true
}

// starts lists the elements that a step matches before its axes.
func (v *visit) starts(x *step) (out []*record, ok bool) {
	for _, edge := range []bool{false, true} {
		if !x.side.takes(edge) {
			continue
		}
		ranges, ok := v.candidates(x, edge)
		for _, s := range ranges {
			ok = ok && v.l.trie(edge).within(s.lo, s.hi, func(r *record) bool {
				if x.is(r) {
					out = append(out, r)
				}
				return v.spend()
			})
		}
		if !ok {
			return nil, false
		}
	}
	return out, true
}

// along lists the nodes that an axis leads to from some elements, each once.
func (v *visit) along(at []*record, a *axis) (out []*record, ok bool) {
	seen := map[string]bool{}
	reach := func(e *record) bool {
		if a.kind.match(e.kind.Value()) {
			if id := a.dir.end(e); !seen[id] {
				seen[id] = true
				out = append(out, v.l.node(id))
			}
		}
		return v.spend()
	}
	from := func(r *record) bool {
		if r.edge {
			return reach(r)
		}
		for id := range r.ids(a.dir) {
			if !reach(v.l.edge(id)) {
				return false
			}
		}
		return true
	}
	for _, r := range at {
		if !from(r) {
			return nil, false
		}
	}
	for i := 0; a.far && i < len(out); i++ {
		if !from(out[i]) {
			return nil, false
		}
	}
	return slices.DeleteFunc(out, func(r *record) bool { return !holds(a.where, r) }), true
}

package rmg

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"unique"
)

// Violation is one place where a graph does not satisfy its schemas.
type Violation struct {
	Path Path   `json:"path"`
	Kind string `json:"kind,omitempty"` // whose schema; empty: what stands in /kind is none
	Prop string `json:"prop,omitempty"` // empty: the element itself
	Msg  string `json:"msg"`            // "kind Service: prop lang is int, the schema wants string"

	edge string // the edge in whose way this one is, for the hint
}

// String prints "path: msg".
func (v Violation) String() string { return string(v.Path) + ": " + v.Msg }

// is reports whether two violations are one: of the same demand, at the same place.
func (v Violation) is(w Violation) bool {
	v.edge, w.edge = "", ""
	return v == w
}

func compareViolations(v, w Violation) int {
	for _, c := range []int{
		strings.Compare(string(v.Path), string(w.Path)), strings.Compare(v.Kind, w.Kind), strings.Compare(v.Prop, w.Prop),
	} {
		if c != 0 {
			return c
		}
	}
	return strings.Compare(v.Msg, w.Msg)
}

// hint says where the demand stands.
func (v Violation) hint() string {
	at := KindPath.Child(v.Kind)
	switch {
	case exempt(v.Path):
		return "Schemas in package rmg tells the shape of /kind"
	case v.Prop != "":
		return fmt.Sprintf("see %s and what is declared inside", at)
	case v.edge != "":
		return fmt.Sprintf("edge %q is there; see %s", v.edge, at)
	}
	return fmt.Sprintf("see %s", at)
}

// Check ranges over what in g does not satisfy s: first what is malformed in s,
// by path, then the elements in the order of Walk, without those below /kind.
// Of the edges that are too many all but the first by id are told. O(size of g), of
// which an inner graph that stands in many places and satisfies s counts once.
func (s *Schemas) Check(g Graph) iter.Seq[Violation] {
	return func(yield func(Violation) bool) {
		if s == nil {
			return
		}
		for _, v := range s.wrong {
			if !yield(v) {
				return
			}
		}
		if s.any() {
			c := judge{s: s, report: yield, sound: map[judged]bool{}}
			c.level(&spot{path: Root}, nil, g.root)
		}
	}
}

// CheckChanges lists, by path, what in new does not satisfy s and was not so in
// old under old's own schemas. It is for versions that no single overlay wrote:
// a merge of two sides that both satisfy their schemas may have edges that are
// too many, what one side forbids and the other moved or declared, or half of
// each schema. s is new.Schemas().
//
// It costs what changed, an element that got another kind counting with its
// edges and with what stands directly inside; and a scan of new if s demands
// more than old.Schemas() does.
func (s *Schemas) CheckChanges(old, new Graph) []Violation {
	found := slices.Collect(s.fresh(old, new))
	slices.SortStableFunc(found, compareViolations)
	return found
}

// fresh ranges over what CheckChanges lists, with what is malformed first. A
// scan keeps nothing of what it finds.
func (s *Schemas) fresh(old, new Graph) iter.Seq[Violation] {
	return func(yield func(Violation) bool) {
		was := old.Schemas()
		all := s.Check(new)
		if s != nil && !s.exceeds(was) {
			all = slices.Values(s.changed(old, new))
		}
		for v := range all {
			if !slices.ContainsFunc(was.at(old, v.Path), v.is) && !yield(v) {
				return
			}
		}
	}
}

// changed lists what does not satisfy s where new differs from old, once each.
func (s *Schemas) changed(old, new Graph) []Violation {
	var found []Violation
	if s.any() {
		c := judge{s: s, report: func(v Violation) bool {
			found = append(found, v)
			return true
		}}
		c.changes(&spot{path: Root}, nil, old.root, new.root)
	}
	slices.SortStableFunc(found, compareViolations)
	return slices.Concat(s.wrong, slices.CompactFunc(found, Violation.is))
}

// at lists what the element at p does not satisfy.
func (s *Schemas) at(g Graph, p Path) []Violation {
	var out []Violation
	for _, v := range s.wrong {
		if v.Path == p {
			out = append(out, v)
		}
	}
	up, ok := g.root.at(p.Parent())
	if !ok || exempt(p) {
		return out
	}
	l, holder := g.root, (*kindRules)(nil)
	if up != nil {
		l, holder = up.inner, s.rules(up.kind)
	}
	if r := l.record(p.Base()); r != nil {
		c := judge{s: s, report: func(v Violation) bool {
			out = append(out, v)
			return true
		}}
		c.element(&spot{path: p.Parent()}, holder, l, r)
	}
	return out
}

// exempt reports whether the element at p stands below /kind.
func exempt(p Path) bool { return p.depth() > 1 && inKinds(p) }

// inKinds reports whether p is /kind or stands below it.
func inKinds(p Path) bool {
	if len(p) < len(KindPath) || p[1] != KindPath[1] && p[1] != '%' {
		return false
	}
	s, _ := p.steps().next()
	return s == Segment{ID: kindID}
}

// exceeds reports whether s may demand what was does not.
func (s *Schemas) exceeds(was *Schemas) bool {
	for name, k := range s.kinds {
		if old := was.rules(name); old != k && k.exceeds(old) {
			return true
		}
	}
	return false
}

func (k *kindRules) exceeds(was *kindRules) bool {
	if was == nil {
		was = &kindRules{}
	}
	if k.Of != "" && k.Of != was.Of || k.Closed && !was.Closed || k.oneOut() && !was.oneOut() || k.oneIn() && !was.oneIn() {
		return true
	}
	if k.Leaf && !was.Leaf || !was.Leaf && fewer(k.Inner, was.Inner) || fewer(k.From, was.From) || fewer(k.To, was.To) {
		return true
	}
	for _, d := range k.Props {
		old := was.prop(d.Name)
		switch {
		case d.Required && (old == nil || !old.Required):
			return true
		case old == nil && was.Closed: // it is nowhere
		case d.Type != TypeNone && (old == nil || old.Type != d.Type):
			return true
		}
	}
	for _, d := range was.Props {
		if k.Closed && k.prop(d.Name) == nil {
			return true
		}
	}
	return false
}

// fewer reports whether not all kinds that were allowed are.
func fewer(now, was []string) bool {
	return now != nil && (was == nil || slices.ContainsFunc(was, func(k string) bool { return !slices.Contains(now, k) }))
}

// spot is where a level stands; it becomes a path when something is wrong.
type spot struct {
	up   *spot
	r    *record // whose inner graph it is
	path Path    // if up is nil
}

func (at *spot) of() Path {
	if at.up == nil {
		return at.path
	}
	return at.up.of().add(Segment{at.r.id(), at.r.edge})
}

// judge looks for violations.
type judge struct {
	s      *Schemas
	report func(Violation) bool // false: no more; nil: found is the first one, and no more
	found  Violation
	told   int // violations
	done   bool
	sound  map[judged]bool // where none was found; nil: nothing is met twice

	// A write that is not made yet: put is looked at as if it stood in within,
	// and where edges are too many it is one of them, whatever its id.
	within *level
	put    *record
}

// judged is a level as what stands in an element of a kind.
type judged struct {
	holder *kindRules
	level  levelKey
}

func (c *judge) tell(at *spot, r *record, kind, prop, format string, args ...any) {
	c.tellEdge("", at, r, kind, prop, format, args...)
}

func (c *judge) tellEdge(edge string, at *spot, r *record, kind, prop, format string, args ...any) {
	if c.done {
		return
	}
	msg := fmt.Sprintf(format, args...)
	if kind != "" {
		msg = "kind " + kind + ": " + msg
	}
	c.told++
	v := Violation{at.of().add(Segment{r.id(), r.edge}), kind, prop, msg, edge}
	if c.report == nil {
		c.found, c.done = v, true
		return
	}
	c.done = !c.report(v)
}

// level looks at a level that stands inside an element of a kind, nil for the
// root, and at all that is inside it.
func (c *judge) level(at *spot, holder *kindRules, l *level) {
	if l.empty() || c.done {
		return
	}
	if c.sound != nil && at.up != nil { // of the root a part is exempt
		here, before := judged{holder, l.key()}, c.told
		if c.sound[here] {
			return
		}
		defer func() {
			if c.told == before && !c.done {
				c.sound[here] = true
			}
		}()
	}
	visit := func(r *record) bool {
		c.element(at, holder, l, r)
		if c.inside(at, r) && !r.inner.empty() {
			c.level(&spot{up: at, r: r}, c.s.rules(r.kind), r.inner)
		}
		return !c.done
	}
	_ = l.nodes.ascend(visit) && l.edges.ascend(visit)
}

// inside reports whether schemas hold for what is inside r.
func (c *judge) inside(at *spot, r *record) bool {
	return at.up != nil || at.path != Root || r.edge || r.id() != kindID
}

// element looks at an element of a level, but not inside it.
func (c *judge) element(at *spot, holder *kindRules, l *level, r *record) {
	c.placed(at, holder, r)
	k := c.s.rules(r.kind)
	if k == nil {
		return
	}
	switch {
	case k.Of == ofNode && r.edge:
		c.tell(at, r, k.Kind, "", "it is an edge, the schema wants a node")
	case k.Of == ofEdge && !r.edge:
		c.tell(at, r, k.Kind, "", "it is a node, the schema wants an edge")
	}
	c.props(at, k, r)
	if r.edge {
		c.ends(at, l, r)
		c.crowd(at, l, r)
	}
}

// placed looks at whether r may stand in the element that holds it.
func (c *judge) placed(at *spot, holder *kindRules, r *record) {
	if holder.narrow() && !slices.Contains(holder.Inner, r.kind.Value()) {
		c.tell(at, r, holder.Kind, "", "kind %s stands inside, the schema wants %s", r.kind.Value(), oneOf(holder.Inner))
	}
}

func (c *judge) props(at *spot, k *kindRules, r *record) {
	if !k.Closed && len(k.Props) == 0 {
		return
	}
	props := r.props()
	for name, v := range props.All() {
		c.prop(at, k, r, name, v)
	}
	for i := range k.Props {
		if d := &k.Props[i]; d.Required {
			if v, there := props.Get(d.Name); !there {
				c.prop(at, k, r, d.Name, v)
			}
		}
	}
}

// prop looks at one prop, the zero Value if it is not there.
func (c *judge) prop(at *spot, k *kindRules, r *record, name string, v Value) {
	d := k.prop(name)
	switch {
	case v.typ == TypeNone:
		if d != nil && d.Required {
			c.tell(at, r, k.Kind, name, "prop %s is missing, the schema requires it", name)
		}
	case d == nil:
		if k.Closed {
			c.tell(at, r, k.Kind, name, "prop %s is not declared, the schema is closed", name)
		}
	case d.Type != TypeNone && d.Type != v.typ:
		c.tell(at, r, k.Kind, name, "prop %s is %s, the schema wants %s", name, typeNames[v.typ], typeNames[d.Type])
	}
}

// ends looks at the kinds of what the edge r connects.
func (c *judge) ends(at *spot, l *level, r *record) {
	k := c.s.rules(r.kind)
	if k == nil {
		return
	}
	if kind, ok := c.kindOf(l, r.from()); ok && k.From != nil && !slices.Contains(k.From, kind) {
		c.tell(at, r, k.Kind, "", "it leaves kind %s, the schema wants %s", kind, oneOf(k.From))
	}
	if kind, ok := c.kindOf(l, r.to()); ok && k.To != nil && !slices.Contains(k.To, kind) {
		c.tell(at, r, k.Kind, "", "it reaches kind %s, the schema wants %s", kind, oneOf(k.To))
	}
}

// kindOf returns the kind of a node.
func (c *judge) kindOf(l *level, id string) (string, bool) {
	r := l.node(id)
	if c.put != nil && c.within == l && !c.put.edge && c.put.id() == id {
		r = c.put
	}
	if r == nil {
		return "", false
	}
	return r.kind.Value(), true
}

// crowd looks at whether the edge r is one too many.
func (c *judge) crowd(at *spot, l *level, r *record) {
	k := c.s.rules(r.kind)
	if k == nil {
		return
	}
	tooMany := func(other string) bool { return other != "" && (other < r.id() || c.put == r) }
	if k.oneOut() {
		if other := l.first(Forward, r, r.id()); tooMany(other) {
			c.tellEdge(other, at, r, k.Kind, "", "another leaves %q, the schema wants %s", r.from(), k.Multiplicity)
		}
	}
	if k.oneIn() {
		if other := l.first(Backward, r, r.id()); tooMany(other) {
			c.tellEdge(other, at, r, k.Kind, "", "another reaches %q, the schema wants %s", r.to(), k.Multiplicity)
		}
	}
}

// first finds the first edge of e's kind that leaves what e leaves, or reaches
// what e reaches, passing over one.
func (l *level) first(dir Direction, e *record, but string) (id string) {
	n := l.node(dir.begin(e))
	if n == nil {
		return ""
	}
	n.along(dir, e.kind.Value(), func(_ unique.Handle[string], other string) bool {
		if other == but {
			return true
		}
		id = other
		return false
	})
	return id
}

// neighbours looks at what the kind of r matters to beside r itself: the edges
// at it, and what stands directly inside.
func (c *judge) neighbours(at *spot, l *level, r *record) {
	if !r.edge {
		for _, e := range l.edgesAt(r.id()) {
			c.ends(at, l, e)
		}
	}
	if k := c.s.rules(r.kind); k.narrow() && !r.inner.empty() && c.inside(at, r) {
		in := &spot{up: at, r: r}
		visit := func(x *record) bool {
			c.placed(in, k, x)
			return !c.done
		}
		_ = r.inner.nodes.ascend(visit) && r.inner.edges.ascend(visit)
	}
}

// changes looks at what is wrong in the second of two versions of a level where
// they differ. It may tell of one thing twice.
func (c *judge) changes(at *spot, holder *kindRules, a, b *level) {
	visit := func(_ string, x, y *record) bool {
		if y == nil {
			return true
		}
		if x == nil || !x.alike(y) {
			c.element(at, holder, b, y)
			c.crowded(at, a, b, y)
		}
		var was *level
		if x != nil {
			was = x.inner
			if x.kind != y.kind {
				c.neighbours(at, b, y)
			}
		}
		if c.inside(at, y) {
			c.changes(&spot{up: at, r: y}, c.s.rules(y.kind), was, y.inner)
		}
		return !c.done
	}
	if a != b {
		_ = diffTries(a.trie(false), b.trie(false), visit) && diffTries(a.trie(true), b.trie(true), visit)
	}
}

// crowded looks at the edge that may have become one too many because r came: of
// those that are not new, only the one that was the first.
func (c *judge) crowded(at *spot, a, b *level, r *record) {
	k := c.s.rules(r.kind)
	if !r.edge || k == nil {
		return
	}
	for _, dir := range []Direction{Forward, Backward} {
		if dir == Forward && k.oneOut() || dir == Backward && k.oneIn() {
			if e := b.edge(a.first(dir, r, r.id())); e != nil {
				c.crowd(at, b, e)
			}
		}
	}
}

// oneOf prints "a", "a or b", "a, b or c"; "nothing" for none.
func oneOf(names []string) string {
	switch n := len(names); n {
	case 0:
		return "nothing"
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " or " + names[n-1]
	}
}

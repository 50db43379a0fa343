package rmg

import (
	"fmt"
	"slices"
	"strings"
)

// Strategy says how a prop that both sides changed is merged.
type Strategy string

// The strategies; those beyond conflict and text are refused as Invalid.
const (
	StrategyConflict Strategy = "conflict"
	StrategyText     Strategy = "text"
)

// MergeInput is what a three-way merge needs. System and Workspace both come
// from Base.
type MergeInput struct {
	Base, System, Workspace     Graph
	SystemMoves, WorkspaceMoves []Move

	// Strategy gives the strategy of a prop; nil means conflict for all.
	Strategy func(kind, prop string) Strategy
	// Text reads and PutText stores content for StrategyText, where the prop
	// is a blob. PutText must be idempotent.
	Text    func(Blob) ([]byte, error)
	PutText func([]byte) (Blob, error)
}

// MergeConflict is a place where both sides changed incompatibly.
type MergeConflict struct {
	Path                    Path   `json:"path"`
	Prop                    string `json:"prop,omitempty"` // empty: the element itself
	Reason                  string `json:"reason"`         // "both changed", "delete against modify", "dangling edge", "both added"
	Base, System, Workspace Value  `json:"-"`              // zero where absent
}

// Merge merges three ways, element by element, then prop by prop: one side
// changed, take it; both the same, take it; else by strategy. Conflicts also:
// delete against modify, an edge whose end the other side removed, one id added
// twice with different content. What one side left alone, subtree of ids or inner
// graph, is taken by pointer: the cost is that of the smaller side's changes.
//
// Recorded moves are made on all three first, where they can be made, so that
// an edit on the other side follows the element to its new place; a move that
// cannot be made is a delete and an add. What both sides moved, but to different
// places, is a conflict ("both moved"; the values are refs to the places).
//
// With conflicts the graph returned holds the system's side at each of them.
// Deterministic; symmetric but for the names of the sides. The error is for
// failing Text and PutText, and for strategies this version does not know.
func Merge(in MergeInput) (Graph, []MergeConflict, error) {
	switch {
	case in.Base.root == in.System.root:
		return in.Workspace, nil, nil
	case in.Base.root == in.Workspace.root, in.System.root == in.Workspace.root:
		return in.System, nil, nil
	}
	m := &merger{MergeInput: in, mine: new(token)}
	m.together()
	m.follow(in.WorkspaceMoves, &m.Base, &m.System)
	m.follow(in.SystemMoves, &m.Base, &m.Workspace)
	root := m.level(Root, m.Base.root, m.System.root, m.Workspace.root)
	if m.err != nil {
		return Graph{}, nil, m.err
	}
	slices.SortStableFunc(m.conflicts, func(a, b MergeConflict) int {
		if c := strings.Compare(string(a.Path), string(b.Path)); c != 0 {
			return c
		}
		return strings.Compare(a.Prop, b.Prop)
	})
	return Graph{root}, m.conflicts, nil
}

type merger struct {
	MergeInput
	mine      *token
	conflicts []MergeConflict
	err       error
}

// together makes on the base what both sides moved. Where they moved it to
// different places the system's stands, for the workspace's edits to meet it.
func (m *merger) together() {
	sys := map[Path]Path{}
	for _, s := range origins(m.SystemMoves) {
		sys[s.From] = s.To
	}
	for _, w := range origins(m.WorkspaceMoves) {
		to, both := sys[w.From]
		if !both || !there(m.Base, w.From) || !there(m.System, to) || !there(m.Workspace, w.To) {
			continue
		}
		if to != w.To {
			m.conflict(MergeConflict{Path: to, Reason: "both moved", Base: Ref(w.From), System: Ref(to), Workspace: Ref(w.To)})
			m.Workspace = moved(m.Workspace, w.To, to)
		}
		m.Base = moved(m.Base, w.From, to)
	}
}

func there(g Graph, p Path) bool {
	_, ok := g.Get(p)
	return ok
}

// moved is g with a move made, if it can be made.
func moved(g Graph, from, to Path) Graph {
	o := NewOverlay(g).Unchecked()
	_ = o.Move(from, to)
	return o.Graph()
}

// follow makes one side's moves on the base and the other side, each on both or
// on neither.
func (m *merger) follow(moves []Move, base, other *Graph) {
	for _, mv := range moves {
		b, o := NewOverlay(*base).Unchecked(), NewOverlay(*other).Unchecked()
		if b.Move(mv.From, mv.To) == nil && o.Move(mv.From, mv.To) == nil {
			*base, *other = b.Graph(), o.Graph()
		}
	}
}

func (m *merger) conflict(c MergeConflict) { m.conflicts = append(m.conflicts, c) }

// level merges one graph.
func (m *merger) level(at Path, b, s, w *level) *level {
	switch {
	case b == s:
		return w
	case b == w, s == w:
		return s
	}
	out := s.edit(m.mine)
	var gone, edges []string
	if b.trie(true) == w.trie(true) {
		t := trieMerge{merger: m, at: at, gone: &gone}
		out.nodes = t.nodes(b.trie(false), s.trie(false), w.trie(false), 0)
	} else {
		gone = m.changes(at, false, out, b, s, w)
		edges = m.changes(at, true, out, b, s, w)
	}
	m.dangling(at, out, s, gone, edges)
	m.repair(out, s)
	return out
}

// changes applies to out, which begins as the system's side, what the workspace
// did to the nodes or the edges, and returns the ids that it did it to.
func (m *merger) changes(at Path, edges bool, out, b, s, w *level) (ids []string) {
	diffTries(b.trie(edges), w.trie(edges), func(id string, bv, wv *record) bool {
		seg := Segment{id, edges}
		ids = append(ids, id)
		if next, changed := m.joined(at, seg, bv, s.record(seg), wv); changed {
			m.put(out, seg, next)
		}
		return m.err == nil
	})
	return ids
}

// joined is what becomes of an element that the workspace changed, nil for none,
// and whether that is something else than the system's side.
func (m *merger) joined(at Path, seg Segment, b, s, w *record) (next *record, changed bool) {
	switch {
	case s.same(b):
		return w, true
	case s.same(w):
		return nil, false
	}
	next = m.record(at.add(seg), b, s, w)
	return next, next != nil
}

// put makes an element of out what r is, nil for none.
func (m *merger) put(out *level, s Segment, r *record) {
	old := out.record(s)
	switch {
	case r != nil:
		out.set(m.mine, old, r)
	case old != nil:
		out.unset(m.mine, old)
	}
}

// record merges an element that both sides changed, and returns nil where the
// system's side stands.
func (m *merger) record(p Path, b, s, w *record) *record {
	if s == nil || w == nil {
		m.conflict(MergeConflict{Path: p, Reason: "delete against modify"})
		return nil
	}
	if b == nil {
		if !s.alike(w) {
			m.conflict(MergeConflict{Path: p, Reason: "both added"})
			return nil
		}
		return s.withInner(m.level(p, nil, s.inner, w.inner))
	}
	kind, from, to := s.kind.Value(), s.from(), s.to()
	for _, f := range []struct {
		name       string
		base, s, w string
		out        *string
	}{{"kind", b.kind.Value(), s.kind.Value(), w.kind.Value(), &kind}, {"from", b.from(), s.from(), w.from(), &from}, {"to", b.to(), s.to(), w.to(), &to}} {
		switch {
		case f.base == f.s:
			*f.out = f.w
		case f.base != f.w && f.s != f.w:
			m.conflict(MergeConflict{Path: p, Reason: f.name + ": both changed", Base: String(f.base), System: String(f.s), Workspace: String(f.w)})
		}
	}
	props := m.props(p, kind, b.props(), s.props(), w.props())
	return newRecord(s.edge, s.id(), kind, from, to, props, m.level(p, b.inner, s.inner, w.inner))
}

// props merges prop by prop.
func (m *merger) props(p Path, kind string, b, s, w Props) Props {
	out := s
	for _, ch := range diffProps(b, w) {
		sv, _ := s.Get(ch.Name)
		switch {
		case sv.Equal(ch.Old):
			out = out.With(ch.Name, ch.New)
		case sv.Equal(ch.New):
		default:
			v, ok := m.value(kind, ch.Name, ch.Old, sv, ch.New)
			if !ok {
				m.conflict(MergeConflict{Path: p, Prop: ch.Name, Reason: "both changed", Base: ch.Old, System: sv, Workspace: ch.New})
				continue
			}
			out = out.With(ch.Name, v)
		}
	}
	return out
}

// value merges one value that both sides changed, by its strategy.
func (m *merger) value(kind, prop string, b, s, w Value) (Value, bool) {
	st := StrategyConflict
	if m.Strategy != nil {
		st = m.Strategy(kind, prop)
	}
	switch st {
	case StrategyConflict, "":
		return Value{}, false
	case StrategyText:
	default:
		m.err = &Error{Op: "merge", Code: Invalid, Msg: fmt.Sprintf("strategy %q of %s.%s is not in this version", st, kind, prop), Hint: "use conflict or text"}
		return Value{}, false
	}
	var text [3][]byte
	for i, v := range []Value{b, s, w} {
		blob, ok := v.AsBlob()
		if !ok || m.Text == nil || m.PutText == nil {
			return Value{}, false
		}
		if text[i], m.err = m.Text(blob); m.err != nil {
			return Value{}, false
		}
	}
	merged, clean := MergeText(text[0], text[1], text[2])
	if !clean {
		return Value{}, false
	}
	blob, err := m.PutText(merged)
	m.err = err
	return BlobOf(blob), err == nil
}

// dangling finds edges whose end one side removed while the other side added or
// kept the edge, among the edges and the edges of the nodes that the workspace
// changed. An edge that is in conflict already is not told twice.
func (m *merger) dangling(at Path, out, s *level, nodes, edges []string) {
	if len(nodes) == 0 && len(edges) == 0 {
		return
	}
	seen := map[Path]bool{}
	for _, c := range m.conflicts {
		seen[c.Path] = true
	}
	tell := func(id string) {
		if p := at.EdgeChild(id); !seen[p] {
			seen[p] = true
			m.conflict(MergeConflict{Path: p, Reason: "dangling edge"})
		}
	}
	for _, id := range edges {
		if e := out.edge(id); e != nil && (out.node(e.from()) == nil || out.node(e.to()) == nil) {
			tell(id)
		}
	}
	for _, id := range nodes {
		if out.node(id) != nil {
			continue
		}
		// The node is gone, and with it what it knew of its edges: the system's
		// side knows.
		for _, e := range s.edgesAt(id) {
			if now := out.edge(e.id()); now != nil && (now.from() == id || now.to() == id) {
				tell(e.id())
			}
		}
	}
}

// repair makes a level whole again after conflicts: an edge that lacks an end
// is taken out, or its ends put back as the system has them.
func (m *merger) repair(out, s *level) {
	if len(m.conflicts) == 0 {
		return
	}
	var bad []*record
	out.edges.ascend(func(e *record) bool {
		if out.node(e.from()) == nil || out.node(e.to()) == nil {
			bad = append(bad, e)
		}
		return true
	})
	for _, e := range bad {
		out.unset(m.mine, e)
	}
	for _, e := range bad {
		was := s.edge(e.id())
		if was == nil {
			continue
		}
		for _, end := range []string{was.from(), was.to()} {
			if n := s.node(end); n != nil && out.node(end) == nil {
				m.put(out, Segment{ID: end}, n)
			}
		}
		m.put(out, Segment{e.id(), true}, was)
	}
}

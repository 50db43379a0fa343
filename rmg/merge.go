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
// twice with different content. Subtrees that one side left alone are taken by
// pointer, so the cost is O(changes of the smaller side * log n).
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
	m := &merger{MergeInput: in}
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
	return Graph{root.orNil()}, m.conflicts, nil
}

type merger struct {
	MergeInput
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
	o := NewOverlay(g)
	_ = o.Move(from, to)
	return o.cur
}

// follow makes one side's moves on the base and the other side, each on both or
// on neither.
func (m *merger) follow(moves []Move, base, other *Graph) {
	for _, mv := range moves {
		b, o := NewOverlay(*base), NewOverlay(*other)
		if b.Move(mv.From, mv.To) == nil && o.Move(mv.From, mv.To) == nil {
			*base, *other = b.cur, o.cur
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
	b, s, w = b.orEmpty(), s.orEmpty(), w.orEmpty()
	out := m.changes(at, false, s, b.nodes, s.nodes, w.nodes)
	out = m.changes(at, true, out, b.edges, s.edges, w.edges)
	m.dangling(at, b, w, out)
	return m.repaired(out, s)
}

// changes applies to out, which begins as the system's side, what the workspace
// did to the nodes or the edges.
func (m *merger) changes(at Path, edge bool, out *level, b, s, w *tree[*record]) *level {
	diffTrees(b, w, func(id string, bv, wv *record) bool {
		sv, _ := s.get(id)
		seg := Segment{id, edge}
		switch {
		case sameRecord(id, sv, bv):
			out = out.withRecord(seg, wv)
		case sameRecord(id, sv, wv):
		default:
			if next := m.record(at.add(seg), bv, sv, wv); next != nil {
				out = out.withRecord(seg, next)
			}
		}
		return m.err == nil
	})
	return out
}

func sameRecord(id string, a, b *record) bool {
	return a == b || a != nil && b != nil && a.digest(id) == b.digest(id)
}

// record merges an element that both sides changed, and returns nil where the
// system's side stands.
func (m *merger) record(p Path, b, s, w *record) *record {
	if s == nil || w == nil {
		m.conflict(MergeConflict{Path: p, Reason: "delete against modify"})
		return nil
	}
	if b == nil {
		if s.kind != w.kind || s.from != w.from || s.to != w.to || !s.props.Equal(w.props) {
			m.conflict(MergeConflict{Path: p, Reason: "both added"})
			return nil
		}
		c := s.copy()
		c.inner = m.level(p, nil, s.inner, w.inner).orNil()
		return c
	}
	c := s.copy()
	for _, f := range []struct {
		name       string
		base, s, w string
		out        *string
	}{{"kind", b.kind, s.kind, w.kind, &c.kind}, {"from", b.from, s.from, w.from, &c.from}, {"to", b.to, s.to, w.to, &c.to}} {
		switch {
		case f.base == f.s:
			*f.out = f.w
		case f.base != f.w && f.s != f.w:
			m.conflict(MergeConflict{Path: p, Reason: f.name + ": both changed", Base: String(f.base), System: String(f.s), Workspace: String(f.w)})
		}
	}
	c.props = m.props(p, c.kind, b.props, s.props, w.props)
	c.inner = m.level(p, b.inner, s.inner, w.inner).orNil()
	return c
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
// kept the edge. An edge that is in conflict already is not told twice.
func (m *merger) dangling(at Path, b, w, out *level) {
	seen := map[Path]bool{}
	for _, c := range m.conflicts {
		seen[c.Path] = true
	}
	tell := func(id string) bool {
		if p := at.EdgeChild(id); !seen[p] {
			seen[p] = true
			m.conflict(MergeConflict{Path: p, Reason: "dangling edge"})
		}
		return true
	}
	diffTrees(b.edges, w.edges, func(id string, _, _ *record) bool {
		e, ok := out.edges.get(id)
		if !ok {
			return true
		}
		_, from := out.nodes.get(e.from)
		_, to := out.nodes.get(e.to)
		return from && to || tell(id)
	})
	diffTrees(b.nodes, w.nodes, func(id string, _, wv *record) bool {
		if _, ok := out.nodes.get(id); wv != nil || ok {
			return true
		}
		out.incident('o', id, tell)
		out.incident('i', id, tell)
		return true
	})
}

// repaired makes a level whole again after conflicts: an edge that lacks an end
// is taken out, or its ends put back as the system has them.
func (m *merger) repaired(out, s *level) *level {
	if len(m.conflicts) == 0 {
		return out
	}
	var bad []string
	out.edges.from("", func(t *tree[*record]) bool {
		_, from := out.nodes.get(t.val.from)
		_, to := out.nodes.get(t.val.to)
		if !from || !to {
			bad = append(bad, t.key)
		}
		return true
	})
	for _, id := range bad {
		e, ok := s.edges.get(id)
		if !ok {
			out = out.withEdge(id, nil)
			continue
		}
		for _, end := range []string{e.from, e.to} {
			if _, there := out.nodes.get(end); !there {
				if n, was := s.nodes.get(end); was {
					out = out.withNode(end, n)
				}
			}
		}
		out = out.withEdge(id, e)
	}
	return out
}

package rmg

import (
	"slices"
	"strings"
)

// MergeInput is what a three-way merge needs. System and Workspace both come
// from Base, and Base is the newest such version: what both had from a newer one
// would be taken for a change of each, and a counter's be added twice.
type MergeInput struct {
	Base, System, Workspace     Graph
	SystemMoves, WorkspaceMoves []Move
	// Reads are the paths that the workspace read, as Overlay.Reads has them, for
	// an isolation that is serializable: what was read there, found or not, and
	// the system has changed is a conflict. Of an element its inner graph is not
	// part, whose elements have paths of their own. Nil asks for no more than that
	// writes do not meet.
	Reads []Path

	// Strategy gives the strategy of a prop; nil means conflict for all.
	Strategy func(kind, prop string) Strategy
	// Text reads and PutText stores content for StrategyText, where the prop
	// is a blob. PutText must be idempotent.
	Text    func(Blob) ([]byte, error)
	PutText func([]byte) (Blob, error)
	// SystemWrote and WorkspaceWrote say who wrote a prop last on either side,
	// or, with prop "", the element itself: for StrategyLWW, and for conflicts to
	// name the authors. The path is the side's own, whatever the other moved. Seqs
	// of both sides are of one count; zero and "" are not known, as nil is.
	SystemWrote, WorkspaceWrote func(p Path, prop string) (seq int64, author string)
}

// MergeConflict is a place where both sides changed incompatibly. What is about
// an element as a whole has, as values, refs to where the sides have it. It is
// written as a JSON object, without what is empty or absent.
type MergeConflict struct {
	Path        Path         `json:"path"`
	Prop        string       `json:"prop,omitempty"` // empty: the element itself
	Kind        ConflictKind `json:"kind"`
	Reason      string       `json:"reason"`        // for people: "both changed", "delete against modify"
	Base        Value        `json:"base,omitzero"` // zero where absent
	System      Value        `json:"system,omitzero"`
	Workspace   Value        `json:"workspace,omitzero"`
	SystemBy    string       `json:"system_by,omitempty"` // who wrote it; empty if not known
	WorkspaceBy string       `json:"workspace_by,omitempty"`
}

// ConflictKind says what sort of conflict one is.
type ConflictKind string

// The kinds of conflicts.
const (
	ConflictBothChanged  ConflictKind = "both_changed"  // a prop
	ConflictUnmergeable  ConflictKind = "unmergeable"   // a prop, to values that its strategy cannot merge
	ConflictManual       ConflictKind = "manual"        // a prop that nothing but people may merge
	ConflictBothRetyped  ConflictKind = "both_retyped"  // the element's kind
	ConflictEnds         ConflictKind = "ends"          // both changed an end of an edge
	ConflictBothAdded    ConflictKind = "both_added"    // an id, with different content
	ConflictBothMoved    ConflictKind = "both_moved"    // to different places
	ConflictDeleteModify ConflictKind = "delete_modify" // one removed what the other changed
	ConflictDanglingEdge ConflictKind = "dangling_edge" // one removed an end of what the other added or kept
	ConflictStaleRead    ConflictKind = "stale_read"    // the system changed what the workspace read
)

// Merge merges three ways, element by element, then prop by prop: one side
// changed, take it; both the same, take it; else by strategy, which also says
// whether the same change of both is one (see [Strategy]). Conflicts also:
// delete against modify, an edge whose end the other side removed, one id added
// twice with different content. What one side left alone, subtree of ids or inner
// graph, is taken by pointer: the cost is that of the smaller side's changes.
//
// Recorded moves are made on all three first, where they can be made, so that
// an edit on the other side follows the element to its new place; a move that
// cannot be made is a delete and an add. What both sides moved, but to different
// places, is a conflict ("both moved"; the values are refs to the places).
//
// With conflicts the graph returned holds the system's side at each of them; where
// a read is stale, what the workspace wrote elsewhere may follow from it.
// Deterministic; symmetric but for the names of the sides, and for the strategies
// that name one. The error is for failing Text and PutText, and for strategies
// that there are not.
func Merge(in MergeInput) (Graph, []MergeConflict, error) {
	switch {
	case in.Base.root == in.System.root:
		return in.Workspace, nil, nil
	case in.Base.root == in.Workspace.root, in.System.root == in.Workspace.root && in.Strategy == nil:
		return in.System, nil, nil
	}
	m := &merger{MergeInput: in, mine: new(token)}
	m.together()
	m.systemMade = m.follow(in.WorkspaceMoves, &m.Base, &m.System)
	m.workspaceMade = append(m.workspaceMade, m.follow(in.SystemMoves, &m.Base, &m.Workspace)...)
	root := m.level(Root, m.Base.root, m.System.root, m.Workspace.root)
	if m.err != nil {
		return Graph{}, nil, m.err
	}
	m.stale(in)
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
	mine                      *token
	systemMade, workspaceMade []Move // moves that were made on a side to merge
	conflicts                 []MergeConflict
	err                       error
}

// asks reports whether strategies are to be asked about what both sides changed
// to the same: it may be more than one change.
func (m *merger) asks() bool { return m.Strategy != nil }

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
			if o := NewOverlay(m.Workspace).Unchecked(); o.Move(w.To, to) == nil {
				m.Workspace = o.Graph()
				m.workspaceMade = append(m.workspaceMade, o.Moves()...)
			}
			m.conflict(MergeConflict{
				Path: to, Kind: ConflictBothMoved, Reason: "both moved", Base: Ref(w.From), System: Ref(to), Workspace: Ref(w.To),
			})
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
// on neither, and returns those that were made.
func (m *merger) follow(moves []Move, base, other *Graph) (made []Move) {
	for _, mv := range moves {
		b, o := NewOverlay(*base).Unchecked(), NewOverlay(*other).Unchecked()
		if b.Move(mv.From, mv.To) == nil && o.Move(mv.From, mv.To) == nil {
			*base, *other = b.Graph(), o.Graph()
			made = append(made, mv)
		}
	}
	return made
}

// conflict notes a conflict, and who wrote what meets there.
func (m *merger) conflict(c MergeConflict) {
	_, c.SystemBy = wrote(m.SystemWrote, m.systemMade, c.Path, c.Prop)
	_, c.WorkspaceBy = wrote(m.WorkspaceWrote, m.workspaceMade, c.Path, c.Prop)
	m.conflicts = append(m.conflicts, c)
}

// whole notes a conflict about an element as a whole.
func (m *merger) whole(p Path, kind ConflictKind, reason string, b, s, w *record) {
	m.conflict(wholeConflict(p, kind, reason, b, s, w))
}

// wholeConflict is one where the sides have what they have.
func wholeConflict(p Path, kind ConflictKind, reason string, b, s, w *record) MergeConflict {
	ref := func(r *record) Value {
		if r == nil {
			return Value{}
		}
		return Ref(p)
	}
	return MergeConflict{Path: p, Kind: kind, Reason: reason, Base: ref(b), System: ref(s), Workspace: ref(w)}
}

// stale notes what the workspace read and the system has changed since, to
// something else than the workspace has there itself. The paths are those from
// before any move was followed. What is in conflict already is not told twice.
func (m *merger) stale(in MergeInput) {
	seen := map[Path]bool{}
	for _, c := range m.conflicts {
		seen[c.Path] = true
	}
	for _, p := range in.Reads {
		b, s, w := in.Base.root.alone(p), in.System.root.alone(p), in.Workspace.root.alone(p)
		if seen[p] || s.said(b) || s.said(w) {
			continue
		}
		seen[p] = true
		c := wholeConflict(p, ConflictStaleRead, "read against modify", b, s, w)
		_, c.SystemBy = wrote(in.SystemWrote, nil, p, "")
		_, c.WorkspaceBy = wrote(in.WorkspaceWrote, nil, p, "")
		m.conflicts = append(m.conflicts, c)
	}
}

// level merges one graph.
func (m *merger) level(at Path, b, s, w *level) *level {
	switch {
	case b == s:
		return w
	case b == w, s == w && (b.empty() || !m.asks()):
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
	m.dangling(at, out, b, s, w, gone, edges)
	m.repair(out, s)
	if s != nil && out.nodes == s.nodes && out.edges == s.edges {
		return s
	}
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
	case s.same(w) && (b == nil || s == nil || !m.asks()):
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
		m.whole(p, ConflictDeleteModify, "delete against modify", b, s, w)
		return nil
	}
	if b == nil {
		if !s.alike(w) {
			m.whole(p, ConflictBothAdded, "both added", b, s, w)
			return nil
		}
		return s.withInner(m.level(p, nil, s.inner, w.inner))
	}
	kind, from, to := s.kind.Value(), s.from(), s.to()
	for _, f := range []struct {
		name       string
		conflict   ConflictKind
		base, s, w string
		out        *string
	}{
		{"kind", ConflictBothRetyped, b.kind.Value(), s.kind.Value(), w.kind.Value(), &kind},
		{"from", ConflictEnds, b.from(), s.from(), w.from(), &from},
		{"to", ConflictEnds, b.to(), s.to(), w.to(), &to},
	} {
		switch {
		case f.base == f.s:
			*f.out = f.w
		case f.base != f.w && f.s != f.w:
			m.conflict(MergeConflict{
				Path: p, Kind: f.conflict, Reason: f.name + ": both changed", Base: String(f.base), System: String(f.s), Workspace: String(f.w),
			})
		}
	}
	props, inner := m.props(p, kind, b.props(), s.props(), w.props()), m.level(p, b.inner, s.inner, w.inner)
	if kind == s.kind.Value() && from == s.from() && to == s.to() && props.Equal(s.props()) && inner == s.inner {
		return nil
	}
	return newRecord(s.edge, s.id(), kind, from, to, props, inner)
}

// props merges prop by prop.
func (m *merger) props(p Path, kind string, b, s, w Props) Props {
	out := s
	for _, ch := range diffProps(b, w) {
		sv, _ := s.Get(ch.Name)
		v, ok := ch.New, true
		if !sv.Equal(ch.Old) {
			v, ok = m.value(p, kind, ch.Name, ch.Old, sv, ch.New)
		}
		if ok {
			out = out.With(ch.Name, v)
		}
	}
	return out
}

// dangling finds edges whose end one side removed while the other side added or
// kept the edge, among the edges and the edges of the nodes that the workspace
// changed. An edge that is in conflict already is not told twice.
func (m *merger) dangling(at Path, out, b, s, w *level, nodes, edges []string) {
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
			m.whole(p, ConflictDanglingEdge, "dangling edge", b.edge(id), s.edge(id), w.edge(id))
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

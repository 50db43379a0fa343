package rmg

import "iter"

// ChangeKind says what happened to an element between two versions.
type ChangeKind string

// The kinds of change.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
	Moved   ChangeKind = "moved"
)

// Change is one element that differs between two versions. An added or removed
// container is followed by one Change for each element inside it.
type Change struct {
	Path     Path
	Kind     ChangeKind
	From     Path         // where it was; Moved only
	Old, New Element      // inner graphs included; zero where absent
	Props    []PropChange // in order of names
}

// PropChange is one prop that differs; the zero Value stands for absent.
type PropChange struct {
	Name     string
	Old, New Value
}

// Diff ranges over what changed from a to b, in path order, parents first.
// Shared subtrees are skipped: the cost is O(change * log n). It knows no
// moves: a moved element is removed and added.
func Diff(a, b Graph) iter.Seq[Change] {
	return func(yield func(Change) bool) { diffLevels(Root, a.root, b.root, yield) }
}

func diffLevels(at Path, a, b *level, yield func(Change) bool) bool {
	if a == b {
		return true
	}
	visit := func(edge bool) func(id string, x, y *record) bool {
		return func(id string, x, y *record) bool {
			return diffRecords(at.add(Segment{id, edge}), x, y, yield)
		}
	}
	return diffTries(a.trie(false), b.trie(false), visit(false)) && diffTries(a.trie(true), b.trie(true), visit(true))
}

// trie returns the nodes or the edges.
func (l *level) trie(edges bool) *node {
	switch {
	case l == nil:
		return nil
	case edges:
		return l.edges
	}
	return l.nodes
}

func diffRecords(p Path, x, y *record, yield func(Change) bool) bool {
	c := Change{Path: p}
	var xl, yl *level
	var xp, yp Props
	if x != nil {
		c.Old, xl, xp = x.element(), x.inner, x.props()
	}
	if y != nil {
		c.New, yl, yp = y.element(), y.inner, y.props()
	}
	c.Props = diffProps(xp, yp)
	switch {
	case x == nil:
		c.Kind = Added
	case y == nil:
		c.Kind = Removed
	default:
		c.Kind = Changed
	}
	if (c.Kind != Changed || !x.alike(y)) && !yield(c) {
		return false
	}
	return diffLevels(p, xl, yl, yield)
}

// DiffMoved is Diff with recorded moves applied: what a move explains is one
// Moved change; the moves come first, by path, then what else changed. What was
// moved and then removed is told as removed from where a has it, if nothing else
// was moved there. O(moves + change * log n).
func DiffMoved(a, b Graph, moves []Move) iter.Seq[Change] {
	return func(yield func(Change) bool) {
		moved, done := applyMoves(a, moves)
		var gone []Move
		for _, m := range origins(done) {
			old, ok := a.Get(m.From)
			now, has := b.Get(m.To)
			if !has {
				gone = append(gone, Move{From: m.To, To: m.From})
				continue
			}
			if ok && m.From != m.To && !yield(Change{Path: m.To, Kind: Moved, From: m.From, Old: old, New: now}) {
				return
			}
		}
		if len(gone) > 0 {
			moved, _ = applyMoves(moved, gone)
		}
		for c := range Diff(moved, b) {
			if !yield(c) {
				return
			}
		}
	}
}

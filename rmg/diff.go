package rmg

import (
	"iter"
	"strings"
)

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
	a, b = a.orEmpty(), b.orEmpty()
	visit := func(edge bool) func(id string, x, y *record) bool {
		return func(id string, x, y *record) bool {
			return diffRecords(at.add(Segment{id, edge}), id, x, y, yield)
		}
	}
	return diffTrees(a.nodes, b.nodes, visit(false)) && diffTrees(a.edges, b.edges, visit(true))
}

func diffRecords(p Path, id string, x, y *record, yield func(Change) bool) bool {
	c := Change{Path: p}
	var xl, yl *level
	var xp, yp Props
	if x != nil {
		c.Old, xl, xp = x.element(id), x.inner, x.props
	}
	if y != nil {
		c.New, yl, yp = y.element(id), y.inner, y.props
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
	own := c.Kind != Changed || len(c.Props) > 0 || x.kind != y.kind || x.from != y.from || x.to != y.to
	if own && !yield(c) {
		return false
	}
	return diffLevels(p, xl, yl, yield)
}

// diffProps lists what differs, in order of names.
func diffProps(a, b Props) []PropChange {
	var out []PropChange
	i, j := 0, 0
	for i < len(a.list) || j < len(b.list) {
		switch {
		case j == len(b.list) || i < len(a.list) && a.list[i].Name < b.list[j].Name:
			out = append(out, PropChange{Name: a.list[i].Name, Old: a.list[i].Value})
			i++
		case i == len(a.list) || a.list[i].Name > b.list[j].Name:
			out = append(out, PropChange{Name: b.list[j].Name, New: b.list[j].Value})
			j++
		default:
			if !a.list[i].Value.Equal(b.list[j].Value) {
				out = append(out, PropChange{Name: a.list[i].Name, Old: a.list[i].Value, New: b.list[j].Value})
			}
			i++
			j++
		}
	}
	return out
}

// DiffMoved is Diff with recorded moves applied: what a move explains is one
// Moved change; the moves come first, by path, then what else changed.
func DiffMoved(a, b Graph, moves []Move) iter.Seq[Change] {
	return func(yield func(Change) bool) {
		moved, done := applyMoves(a, moves)
		for _, m := range origins(done) {
			old, ok := a.Get(m.From)
			now, has := b.Get(m.To)
			if ok && has && m.From != m.To && !yield(Change{Path: m.To, Kind: Moved, From: m.From, Old: old, New: now}) {
				return
			}
		}
		for c := range Diff(moved, b) {
			if !yield(c) {
				return
			}
		}
	}
}

// applyMoves makes the moves that can be made, and says which.
func applyMoves(g Graph, moves []Move) (Graph, []Move) {
	o := NewOverlay(g)
	var done []Move
	for _, m := range moves {
		if o.Move(m.From, m.To) == nil {
			done = append(done, m)
		}
	}
	return o.cur, done
}

// origins tells for each moved element where it began and where it ended, by
// where it ended. O(moves * log moves), and once more for what moves along.
func origins(moves []Move) []Move {
	var at *tree[Path] // origins by place
	for _, m := range moves {
		from := m.From
		for p := m.From; p != Root; p = p.Parent() {
			if orig, ok := at.get(string(p)); ok {
				from = orig + m.From[len(p):]
				break
			}
		}
		// The place was free: what is noted there was removed since.
		for _, x := range noted(at, m.To) {
			at = at.del(string(x.To))
		}
		// What was moved into the element goes along with it.
		for _, x := range noted(at, m.From) {
			at = at.del(string(x.To)).put(string(m.To+x.To[len(m.From):]), x.From)
		}
		at = at.put(string(m.To), from)
	}
	return noted(at, Root)
}

// noted lists what is noted at or below a place, in order.
func noted(at *tree[Path], p Path) []Move {
	var out []Move
	if orig, ok := at.get(string(p)); ok {
		out = append(out, Move{From: orig, To: p})
	}
	prefix := strings.TrimSuffix(string(p), "/") + "/"
	at.from(prefix, func(t *tree[Path]) bool {
		if !strings.HasPrefix(t.key, prefix) {
			return false
		}
		out = append(out, Move{From: t.val, To: Path(t.key)})
		return true
	})
	return out
}

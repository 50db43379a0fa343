package rmg

import (
	"bytes"
	"math"
	"slices"
)

// MergeText merges three texts by lines as git merge-file does: it is clean
// where that program is, with the same bytes. Changes of the two sides that
// overlap or touch are a conflict, unless both come to the same there. A text
// that holds a zero byte is no text: a conflict, unless one side left it alone
// or both have the same.
//
// A line keeps its "\n"; a last line without one is another line than the same
// line with one. Symmetric. Costs what diffLines does.
func MergeText(base, system, workspace []byte) (merged []byte, clean bool) {
	return mergeText(base, system, workspace, nil)
}

// The lines that stand around the sides of a conflict in a text of [MarkText]; one
// of "=======" is between base and workspace.
const (
	MarkSystem    = "<<<<<<< system"
	MarkBase      = "||||||| base"
	markBetween   = "======="
	MarkWorkspace = ">>>>>>> workspace"
)

// MarkText is MergeText for who settles the conflicts by hand: where both sides
// changed stands what the system, the base and the workspace have, between marks,
// as git merge-file --diff3 writes it. It is nil where one of them is no text.
func MarkText(base, system, workspace []byte) []byte {
	merged, _ := mergeText(base, system, workspace, func(out, system, base, workspace []byte) []byte {
		for _, side := range []struct {
			mark string
			text []byte
		}{{MarkSystem, system}, {MarkBase, base}, {markBetween, workspace}} {
			out = append(append(append(out, side.mark...), '\n'), side.text...)
			if n := len(side.text); n > 0 && side.text[n-1] != '\n' {
				out = append(out, '\n')
			}
		}
		return append(append(out, MarkWorkspace...), '\n')
	})
	return merged
}

// mergeText is MergeText; conflict, if there is one, says what to write where both
// sides changed.
func mergeText(base, system, workspace []byte, conflict func(out, system, base, workspace []byte) []byte) (merged []byte, clean bool) {
	switch {
	case bytes.Equal(system, workspace), bytes.Equal(base, workspace):
		return system, true
	case bytes.Equal(base, system):
		return workspace, true
	}
	if slices.ContainsFunc([][]byte{base, system, workspace}, func(b []byte) bool { return bytes.IndexByte(b, 0) >= 0 }) {
		return nil, false
	}
	names := map[string]int{}
	b, sys, ws := numbered(names, base), numbered(names, system), numbered(names, workspace)
	s, w := side{text: sys, hunks: diffLines(b.ids, sys.ids, len(names))}, side{text: ws, hunks: diffLines(b.ids, ws.ids, len(names))}
	out := make([]byte, 0, len(system)+len(workspace))
	done := 0 // lines of the system that are in out
	clean = true
	for len(s.hunks) > 0 || len(w.hunks) > 0 {
		old, mine, theirs, by := next(&s, &w)
		switch {
		case by == bySystem, slices.Equal(sys.ids[mine.from:mine.to], ws.ids[theirs.from:theirs.to]):
			// The system has it so already.
		case by == byBoth && conflict == nil:
			return nil, false
		case by == byBoth:
			out = append(out, sys.lines(done, mine.from)...)
			out = conflict(out, sys.lines(mine.from, mine.to), b.lines(old.from, old.to), ws.lines(theirs.from, theirs.to))
			done, clean = mine.to, false
		default:
			out = append(out, sys.lines(done, mine.from)...)
			out = append(out, ws.lines(theirs.from, theirs.to)...)
			done = mine.to
		}
	}
	return append(out, sys.lines(done, len(sys.ids))...), clean
}

// lineText is a text as lines. Equal lines have equal ids.
type lineText struct {
	content []byte
	ends    []int // where each line ends
	ids     []int
}

// numbered cuts a text into lines, and numbers those that names does not have.
func numbered(names map[string]int, content []byte) lineText {
	t := lineText{content: content}
	for at := 0; at < len(content); {
		end := len(content)
		if i := bytes.IndexByte(content[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		id, ok := names[string(content[at:end])]
		if !ok {
			id = len(names)
			names[string(content[at:end])] = id
		}
		t.ends, t.ids = append(t.ends, end), append(t.ids, id)
		at = end
	}
	return t
}

// lines is what stands in the lines [from, to).
func (t lineText) lines(from, to int) []byte {
	start := func(i int) int {
		if i == 0 {
			return 0
		}
		return t.ends[i-1]
	}
	return t.content[start(from):start(to)]
}

// side is one side of a merge while it is walked: its changes of the base that
// are still to come, and how many lines it is ahead of the base before them.
type side struct {
	text  lineText
	hunks []hunk
	ahead int
}

// Whose changes stand in a region.
const (
	bySystem    = 1
	byWorkspace = 2
	byBoth      = bySystem | byWorkspace
)

// next takes from both sides the changes up to the next line of the base that
// both left alone, and returns where they stand in the base and in either side.
//
// Changes that touch, without such a line between them, are taken together: which
// is to come first is not known. Two of one side never touch.
func next(s, w *side) (base, mine, theirs span, by int) {
	at := min(s.begins(), w.begins())
	base = span{at, at}
	mine.from, theirs.from = at+s.ahead, at+w.ahead
	for s.begins() <= base.to || w.begins() <= base.to {
		if s.begins() <= base.to {
			base.to = max(base.to, s.pass())
			by |= bySystem
		}
		if w.begins() <= base.to {
			base.to = max(base.to, w.pass())
			by |= byWorkspace
		}
	}
	mine.to, theirs.to = base.to+s.ahead, base.to+w.ahead
	return base, mine, theirs, by
}

// begins says at which line of the base the next change begins.
func (x *side) begins() int {
	if len(x.hunks) == 0 {
		return math.MaxInt
	}
	return x.hunks[0].old.from
}

// pass goes past the next change, and says where it ends in the base.
func (x *side) pass() int {
	h := x.hunks[0]
	x.hunks, x.ahead = x.hunks[1:], h.now.to-h.old.to
	return h.old.to
}

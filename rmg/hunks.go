package rmg

// LineHunk is one change between two texts: the lines Old became the lines New,
// either of which may be none.
type LineHunk struct {
	OldLine, Line int // where they begin, from 1
	Old, New      []byte
}

// LineHunks tells what changed between two texts, in order. It tells it as
// MergeText and git's diff do. Costs what diffLines does.
func LineHunks(old, now []byte) []LineHunk {
	a, b, hunks := hunksOf(old, now)
	out := make([]LineHunk, len(hunks))
	for i, h := range hunks {
		out[i] = LineHunk{
			OldLine: h.old.from + 1, Line: h.now.from + 1, Old: a.lines(h.old.from, h.old.to), New: b.lines(h.now.from, h.now.to),
		}
	}
	return out
}

// WithoutHunks is now without those of its changes, counted from 0 as LineHunks
// tells them, that drop names: there stands what old has.
func WithoutHunks(old, now []byte, drop func(n int) bool) []byte {
	a, b, hunks := hunksOf(old, now)
	out := make([]byte, 0, len(now))
	done := 0 // lines of now
	for i, h := range hunks {
		if !drop(i) {
			continue
		}
		out = append(out, b.lines(done, h.now.from)...)
		out = append(out, a.lines(h.old.from, h.old.to)...)
		done = h.now.to
	}
	return append(out, b.lines(done, len(b.ids))...)
}

func hunksOf(old, now []byte) (a, b lineText, hunks []hunk) {
	names := map[string]int{}
	a, b = numbered(names, old), numbered(names, now)
	return a, b, diffLines(a.ids, b.ids, len(names))
}

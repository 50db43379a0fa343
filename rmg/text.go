package rmg

import (
	"bytes"
	"slices"
)

// MergeText merges three texts by lines with the semantics of git merge-file:
// it reports clean only where that program does. Changes of the two sides that
// overlap or touch are a conflict, unless they are the same change.
func MergeText(base, system, workspace []byte) (merged []byte, clean bool) {
	switch {
	case bytes.Equal(system, workspace), bytes.Equal(base, workspace):
		return system, true
	case bytes.Equal(base, system):
		return workspace, true
	}
	if slices.ContainsFunc([][]byte{base, system, workspace}, func(b []byte) bool { return bytes.IndexByte(b, 0) >= 0 }) {
		return nil, false
	}
	b, s, w := splitLines(base), splitLines(system), splitLines(workspace)
	walls := wallsOf(b, s, w)
	lines, ok := mergeLines(b, s, w, walls)
	if !ok {
		return nil, false
	}
	// Where lines repeat there are several shortest diffs. What is clean by the
	// one found from the front and not by the one found from the back, or comes
	// out otherwise, hangs on chance.
	slices.Reverse(walls)
	back, ok := mergeLines(reversed(b), reversed(s), reversed(w), walls)
	if !ok || !slices.EqualFunc(lines, reversed(back), bytes.Equal) {
		return nil, false
	}
	return bytes.Join(lines, nil), true
}

// wallsOf says which of the base's lines stand exactly once in all three texts.
// No change can be told on the other side of such a line.
func wallsOf(b, s, w [][]byte) []bool {
	count := map[string][3]int{}
	for i, text := range [][][]byte{b, s, w} {
		for _, l := range text {
			c := count[string(l)]
			c[i]++
			count[string(l)] = c
		}
	}
	walls := make([]bool, len(b))
	for i, l := range b {
		walls[i] = count[string(l)] == [3]int{1, 1, 1}
	}
	return walls
}

func reversed(lines [][]byte) [][]byte {
	out := slices.Clone(lines)
	slices.Reverse(out)
	return out
}

// mergeLines merges by one diff to each side. Changes of different sides must
// have a wall between them: how the lines around a change are told apart is
// chance where they repeat, and another diff would let the two overlap.
func mergeLines(b, s, w [][]byte, walls []bool) ([][]byte, bool) {
	hs, ok := diffLines(b, s)
	hw, ok2 := diffLines(b, w)
	if !ok || !ok2 {
		return nil, false
	}
	const system, workspace, both = 1, 2, 3
	var out [][]byte
	at, hi, last := 0, 0, 0
	for len(hs) > 0 || len(hw) > 0 {
		var h hunk
		side, from := system, s
		switch {
		case len(hw) == 0 || len(hs) > 0 && hs[0].hi < hw[0].lo:
			h, hs = hs[0], hs[1:]
		case len(hs) == 0 || hw[0].hi < hs[0].lo:
			h, hw = hw[0], hw[1:]
			side, from = workspace, w
		default:
			x, y := hs[0], hw[0]
			if x.from != y.from || x.to != y.to || !slices.EqualFunc(s[x.newFrom:x.newTo], w[y.newFrom:y.newTo], bytes.Equal) {
				return nil, false
			}
			h, hs, hw = x, hs[1:], hw[1:]
			side = both
		}
		apart := hi < h.lo && slices.Contains(walls[hi:h.lo], true)
		if last != 0 && (last != side || side == both) && !apart {
			return nil, false
		}
		out = append(out, b[at:h.from]...)
		out = append(out, from[h.newFrom:h.newTo]...)
		at, hi, last = h.to, max(hi, h.hi), side
	}
	return append(out, b[at:]...), true
}

// splitLines keeps the line ends, so that a last line without one stays so.
func splitLines(b []byte) [][]byte {
	return slices.DeleteFunc(bytes.SplitAfter(b, []byte("\n")), func(l []byte) bool { return len(l) == 0 })
}

// hunk replaces the base's lines [from, to) by the other's [newFrom, newTo).
// Where lines repeat the same change can be told at other places: lo and hi
// bound them all in the base.
type hunk struct{ from, to, newFrom, newTo, lo, hi int }

// slide finds how far a hunk can be told higher and lower.
func (h *hunk) slide(a, b [][]byte) {
	up := func(l [][]byte, from, to int) int {
		n := 0
		for to > from && from-n > 0 && bytes.Equal(l[from-1-n], l[to-1-n]) {
			n++
		}
		return n
	}
	down := func(l [][]byte, from, to int) int {
		n := 0
		for to > from && to+n < len(l) && bytes.Equal(l[from+n], l[to+n]) {
			n++
		}
		return n
	}
	h.lo = max(0, h.from-max(up(a, h.from, h.to), up(b, h.newFrom, h.newTo)))
	h.hi = min(len(a), h.to+max(down(a, h.from, h.to), down(b, h.newFrom, h.newTo)))
}

// maxEdits bounds the work of a line diff; beyond it a merge is a conflict.
const maxEdits = 4000

// diffLines is the greedy O(ND) algorithm (Myers 1986) over lines, with common
// ends cut off first. It gives up beyond maxEdits.
func diffLines(a, b [][]byte) ([]hunk, bool) {
	pre := 0
	for pre < len(a) && pre < len(b) && bytes.Equal(a[pre], b[pre]) {
		pre++
	}
	post := 0
	for post < len(a)-pre && post < len(b)-pre && bytes.Equal(a[len(a)-1-post], b[len(b)-1-post]) {
		post++
	}
	x, y := a[pre:len(a)-post], b[pre:len(b)-post]
	keep, ok := myers(x, y)
	if !ok {
		return nil, false
	}
	var out []hunk
	i, j := 0, 0
	for _, k := range append(keep, [2]int{len(x), len(y)}) {
		if k[0] > i || k[1] > j {
			h := hunk{from: pre + i, to: pre + k[0], newFrom: pre + j, newTo: pre + k[1]}
			h.slide(a, b)
			out = append(out, h)
		}
		i, j = k[0]+1, k[1]+1
	}
	return out, true
}

// myers returns the pairs of lines that stay, in order.
func myers(a, b [][]byte) ([][2]int, bool) {
	n, m := len(a), len(b)
	limit := min(n+m, maxEdits)
	v := make([]int, 2*limit+3)
	off := limit + 1
	var trace [][]int
	for d := 0; d <= limit; d++ {
		trace = append(trace, slices.Clone(v[off-d-1:off+d+2]))
		for k := -d; k <= d; k += 2 {
			var x int
			if k == -d || k != d && v[off+k-1] < v[off+k+1] {
				x = v[off+k+1]
			} else {
				x = v[off+k-1] + 1
			}
			for x < n && x-k < m && bytes.Equal(a[x], b[x-k]) {
				x++
			}
			v[off+k] = x
			if x >= n && x-k >= m {
				return backtrack(trace, n, m, d), true
			}
		}
	}
	return nil, false
}

// backtrack walks the recorded frontiers from the end to the beginning. The
// frontier of step d was taken before it: diagonal k stands at k+d+1.
func backtrack(trace [][]int, x, y, d int) [][2]int {
	var keep [][2]int
	for ; d >= 0; d-- {
		px, py := 0, 0
		if d > 0 {
			v, k := trace[d], x-y
			pk := k - 1
			if k == -d || k != d && v[k+d] < v[k+d+2] {
				pk = k + 1
			}
			px = v[pk+d+1]
			py = px - pk
		}
		for x > px && y > py {
			x--
			y--
			keep = append(keep, [2]int{x, y})
		}
		x, y = px, py
	}
	slices.Reverse(keep)
	return keep
}

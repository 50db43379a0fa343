package rmg

import "bytes"

// MatchLines follows the lines of a text back to what it was: for each line of
// now the line of old that it is, counted from 0, or -1 for one that is new. It
// tells them as MergeText and git's diff do. Costs what diffLines does.
func MatchLines(old, now []byte) []int {
	names := map[string]int{}
	a, b := numbered(names, old), numbered(names, now)
	out := make([]int, len(b.ids))
	if bytes.Equal(old, now) {
		for i := range out {
			out[i] = i
		}
		return out
	}
	i, j := 0, 0
	for _, h := range append(diffLines(a.ids, b.ids, len(names)), hunk{span{len(a.ids), len(a.ids)}, span{len(b.ids), len(b.ids)}}) {
		for ; j < h.now.from; i, j = i+1, j+1 {
			out[j] = i
		}
		for ; j < h.now.to; j++ {
			out[j] = -1
		}
		i = h.old.to
	}
	return out
}

package eventlog

import (
	"cmp"
	"slices"
)

// Count is how many events somebody caused.
type Count struct {
	Who string
	N   int
}

// Top are the n who caused the most events that f picks, the most first; equal
// counts are in the order of names.
func (l *Log) Top(n int, f Filter) []Count {
	counts := map[string]int{}
	for _, e := range l.Find(f) {
		counts[e.Who]++
	}
	var out []Count
	for who, n := range counts {
		out = append(out, Count{who, n})
	}
	slices.SortFunc(out, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Who, b.Who))
	})
	return out[:min(n, len(out))]
}

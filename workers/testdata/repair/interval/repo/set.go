package interval

import (
	"cmp"
	"slices"
)

// Set is a sorted list of intervals, none empty, no two of them overlapping
// or touching.
type Set []Interval

// NewSet merges the intervals, which may come in any order, into a set.
func NewSet(all ...Interval) Set {
	sorted := slices.DeleteFunc(slices.Clone(all), Interval.Empty)
	slices.SortFunc(sorted, func(a, b Interval) int { return cmp.Compare(a.Lo, b.Lo) })
	var s Set
	for _, i := range sorted {
		if n := len(s); n > 0 && i.Lo <= s[n-1].Hi {
			s[n-1].Hi = max(s[n-1].Hi, i.Hi)
			continue
		}
		s = append(s, i)
	}
	return s
}

// Len is how many integers lie in the set.
func (s Set) Len() int {
	n := 0
	for _, i := range s {
		n += i.Len()
	}
	return n
}

// Gaps are the stretches of within that the set leaves free.
func (s Set) Gaps(within Interval) Set {
	var gaps Set
	at := within.Lo
	for _, i := range s {
		if !i.Overlaps(within) {
			continue
		}
		if gap := (Interval{at, i.Lo}); !gap.Empty() {
			gaps = append(gaps, gap)
		}
		at = i.Hi
	}
	if rest := (Interval{at, within.Hi}); !rest.Empty() {
		gaps = append(gaps, rest)
	}
	return gaps
}

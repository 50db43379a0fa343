// Package interval works with half-open ranges of integers.
package interval

import "fmt"

// Interval is the half-open range [Lo, Hi). It is empty when Hi <= Lo.
type Interval struct {
	Lo, Hi int
}

// Empty reports whether nothing lies in i.
func (i Interval) Empty() bool { return i.Hi <= i.Lo }

// Len is how many integers lie in i.
func (i Interval) Len() int {
	if i.Empty() {
		return 0
	}
	return i.Hi - i.Lo
}

// Contains reports whether x lies in i.
func (i Interval) Contains(x int) bool {
	return i.Lo <= x && x < i.Hi
}

// Overlaps reports whether some integer lies in both. Intervals that only
// touch do not overlap.
func (i Interval) Overlaps(o Interval) bool {
	if i.Empty() || o.Empty() {
		return false
	}
	return i.Lo < o.Hi || o.Lo < i.Hi
}

// Intersect is what lies in both; empty when they do not overlap.
func (i Interval) Intersect(o Interval) Interval {
	if !i.Overlaps(o) {
		return Interval{}
	}
	return Interval{Lo: max(i.Lo, o.Lo), Hi: min(i.Hi, o.Hi)}
}

// String writes the interval as [lo,hi).
func (i Interval) String() string { return fmt.Sprintf("[%d,%d)", i.Lo, i.Hi) }

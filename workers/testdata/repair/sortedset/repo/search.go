package sortedset

import "cmp"

// search is the place of x in sorted, or the place where it belongs.
func search[T cmp.Ordered](sorted []T, x T) (at int, found bool) {
	lo, hi := 0, len(sorted)
	for lo < hi {
		mid := lo + (hi-lo)/2
		if sorted[mid] < x {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo, lo < len(sorted) && sorted[lo] == x
}

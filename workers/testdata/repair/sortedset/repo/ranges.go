package sortedset

import (
	"cmp"
	"slices"
)

// Between are the values from lo up to, but without, hi.
func (s *Set[T]) Between(lo, hi T) []T {
	from, _ := search(s.items, lo)
	to, _ := search(s.items, hi)
	if from >= to {
		return nil
	}
	return slices.Clone(s.items[from:to])
}

// Floor is the largest value that is not above v.
func (s *Set[T]) Floor(v T) (T, bool) {
	at, found := search(s.items, v)
	if found {
		return v, true
	}
	if at == 0 {
		var none T
		return none, false
	}
	return s.items[at-1], true
}

// Union is a set of the values that are in either set.
func Union[T cmp.Ordered](a, b *Set[T]) *Set[T] {
	out := &Set[T]{items: slices.Clone(a.items)}
	for v := range b.All() {
		out.Add(v)
	}
	return out
}

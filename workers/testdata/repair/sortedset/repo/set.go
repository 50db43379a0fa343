// Package sortedset keeps ordered values in a sorted slice: small, quick to
// search and to walk over, slow to change when it is large.
package sortedset

import (
	"cmp"
	"iter"
	"slices"
)

// Set holds each value once, in ascending order. The zero Set is empty.
type Set[T cmp.Ordered] struct {
	items []T
}

// Of returns a set of values, which may come in any order.
func Of[T cmp.Ordered](values ...T) *Set[T] {
	s := &Set[T]{}
	for _, v := range values {
		s.Add(v)
	}
	return s
}

// Len is how many values the set holds.
func (s *Set[T]) Len() int { return len(s.items) }

// Has reports whether v is in the set.
func (s *Set[T]) Has(v T) bool {
	_, found := search(s.items, v)
	return found
}

// Add puts v into the set, and reports whether it is new there.
func (s *Set[T]) Add(v T) bool {
	at, found := search(s.items, v)
	if found {
		return false
	}
	s.items = slices.Insert(s.items, at, v)
	return true
}

// Remove takes v out, and reports whether it was there.
func (s *Set[T]) Remove(v T) bool {
	at, found := search(s.items, v)
	if !found {
		return false
	}
	s.items = slices.Delete(s.items, at, at+1)
	return true
}

// All yields the values in ascending order.
func (s *Set[T]) All() iter.Seq[T] { return slices.Values(s.items) }

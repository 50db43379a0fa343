package sortedset

import (
	"slices"
	"testing"
)

// fixed is a set that is put together without searching.
func fixed(items ...int) *Set[int] { return &Set[int]{items: items} }

func TestEmpty(t *testing.T) {
	var s Set[string]
	if s.Len() != 0 || s.Has("") || s.Remove("a") {
		t.Error("an empty set holds something")
	}
	if _, ok := s.Floor("z"); ok {
		t.Error("an empty set has a floor")
	}
}

func TestAll(t *testing.T) {
	if got := slices.Collect(fixed(1, 4, 9).All()); !slices.Equal(got, []int{1, 4, 9}) {
		t.Errorf("got %v", got)
	}
}

func TestHasFirst(t *testing.T) {
	s := fixed(2, 4, 6, 8)
	if !s.Has(2) || s.Has(1) {
		t.Error("the smallest value is not found, or one that is smaller still")
	}
}

func TestHas(t *testing.T) {
	s := fixed(2, 4, 6, 8)
	for v, want := range []bool{false, false, true, false, true, false, true, false, true, false} {
		if got := s.Has(v); got != want {
			t.Errorf("Has(%d) = %v", v, got)
		}
	}
}

func TestOf(t *testing.T) {
	got := slices.Collect(Of("pear", "fig", "apple", "fig").All())
	if want := []string{"apple", "fig", "pear"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRemove(t *testing.T) {
	s := fixed(1, 2, 3)
	if !s.Remove(2) || s.Remove(2) {
		t.Error("removed not once")
	}
	if got := slices.Collect(s.All()); !slices.Equal(got, []int{1, 3}) {
		t.Errorf("got %v", got)
	}
}

func TestBetween(t *testing.T) {
	tests := []struct {
		lo, hi int
		want   []int
	}{
		{4, 8, []int{4, 6}},
		{3, 9, []int{4, 6, 8}},
		{9, 20, nil},
		{8, 2, nil},
	}
	for _, tt := range tests {
		if got := fixed(2, 4, 6, 8).Between(tt.lo, tt.hi); !slices.Equal(got, tt.want) {
			t.Errorf("Between(%d, %d) = %v, want %v", tt.lo, tt.hi, got, tt.want)
		}
	}
}

package interval

import (
	"slices"
	"testing"
)

func TestOverlaps(t *testing.T) {
	tests := []struct {
		a, b Interval
		want bool
	}{
		{Interval{0, 5}, Interval{3, 8}, true},
		{Interval{0, 9}, Interval{3, 4}, true},
		{Interval{0, 5}, Interval{5, 8}, false},
		{Interval{0, 2}, Interval{6, 8}, false},
		{Interval{3, 3}, Interval{0, 8}, false},
	}
	for _, tt := range tests {
		t.Run(tt.a.String()+tt.b.String(), func(t *testing.T) {
			if got := tt.a.Overlaps(tt.b); got != tt.want {
				t.Errorf("%v overlaps %v = %v", tt.a, tt.b, got)
			}
			if got := tt.b.Overlaps(tt.a); got != tt.want {
				t.Errorf("%v overlaps %v = %v", tt.b, tt.a, got)
			}
		})
	}
}

func TestContains(t *testing.T) {
	i := Interval{2, 4}
	for x, want := range []bool{false, false, true, true, false} {
		if got := i.Contains(x); got != want {
			t.Errorf("%v contains %d = %v", i, x, got)
		}
	}
}

func TestNewSet(t *testing.T) {
	got := NewSet(Interval{5, 7}, Interval{1, 3}, Interval{3, 4}, Interval{9, 9}, Interval{6, 8})
	want := Set{{1, 4}, {5, 8}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got.Len() != 6 {
		t.Errorf("len = %d", got.Len())
	}
}

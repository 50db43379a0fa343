package heap

import (
	"slices"
	"testing"
)

func TestHeap(t *testing.T) {
	tests := [][]int{
		nil,
		{1},
		{3, 1, 2},
		{5, 5, 1, 9, 0, 5},
		{9, 8, 7, 6, 5, 4, 3, 2, 1},
	}
	for _, in := range tests {
		h := New(func(a, b int) bool { return a < b })
		for _, v := range in {
			h.Push(v)
		}
		var out []int
		for h.Len() > 0 {
			top, _ := h.Peek()
			v, ok := h.Pop()
			if !ok || v != top {
				t.Errorf("popped %d, %v, peeked %d", v, ok, top)
			}
			out = append(out, v)
		}
		if want := slices.Sorted(slices.Values(in)); !slices.Equal(out, want) {
			t.Errorf("got %v, want %v", out, want)
		}
	}
}

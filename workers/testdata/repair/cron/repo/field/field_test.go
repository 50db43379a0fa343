package field

import "testing"

func TestParse(t *testing.T) {
	tests := []struct {
		text string
		in   []int
		out  []int
	}{
		{"5", []int{5}, []int{0, 4, 6}},
		{"1-3", []int{1, 2, 3}, []int{0, 4}},
		{"*/20", []int{0, 20, 40}, []int{1, 10, 59}},
		{"10-30/10,59", []int{10, 20, 30, 59}, []int{0, 15, 40}},
	}
	for _, tt := range tests {
		s, err := Parse(tt.text, 0, 59)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range tt.in {
			if !s.Has(n) {
				t.Errorf("%q lacks %d", tt.text, n)
			}
		}
		for _, n := range tt.out {
			if s.Has(n) {
				t.Errorf("%q has %d", tt.text, n)
			}
		}
	}
}

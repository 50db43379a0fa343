package roman

import (
	"errors"
	"testing"
)

func TestFormat(t *testing.T) {
	tests := []struct {
		n    int
		want string
	}{
		{1, "I"}, {3, "III"}, {4, "IV"}, {8, "VIII"}, {9, "IX"},
		{14, "XIV"}, {40, "XL"}, {99, "XCIX"}, {1666, "MDCLXVI"}, {2024, "MMXXIV"},
	}
	for _, tt := range tests {
		if got, err := Format(tt.n); got != tt.want || err != nil {
			t.Errorf("Format(%d) = %q, %v, want %q", tt.n, got, err, tt.want)
		}
	}
}

func TestFormatRange(t *testing.T) {
	for _, n := range []int{-5, 0, 4000} {
		var re RangeError
		if got, err := Format(n); !errors.As(err, &re) {
			t.Errorf("Format(%d) = %q, %v", n, got, err)
		}
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		text string
		want int
	}{
		{"I", 1}, {"VI", 6}, {"XIX", 19}, {"xlii", 42}, {"MCMLIV", 1954}, {"CD", 400},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			if got, err := Parse(tt.text); got != tt.want || err != nil {
				t.Errorf("got %d, %v, want %d", got, err, tt.want)
			}
		})
	}
}

func TestParseBad(t *testing.T) {
	for _, text := range []string{"", "IIII", "IM", "VX", "ABC", "X I"} {
		var se *SyntaxError
		if got, err := Parse(text); !errors.As(err, &se) {
			t.Errorf("Parse(%q) = %d, %v", text, got, err)
		}
	}
}

func TestParseTwoAlike(t *testing.T) {
	tests := []struct {
		text string
		want int
	}{
		{"II", 2}, {"XXX", 30}, {"MMCC", 2200},
	}
	for _, tt := range tests {
		if got, err := Parse(tt.text); got != tt.want || err != nil {
			t.Errorf("Parse(%q) = %d, %v, want %d", tt.text, got, err, tt.want)
		}
	}
}

func TestOutline(t *testing.T) {
	got, err := Outline([]string{"wake", "work", "sleep"})
	if want := "  I. wake\n II. work\nIII. sleep\n"; got != want || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

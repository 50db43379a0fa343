package calc

import (
	"errors"
	"testing"
)

func TestEval(t *testing.T) {
	tests := []struct {
		src  string
		want int
	}{
		{"1+2*3", 7},
		{"(1+2)*3", 9},
		{"10-4-3", 3},
		{"7/2", 3},
		{"2*width", 80},
	}
	for _, tt := range tests {
		t.Run(tt.src, func(t *testing.T) {
			if got, err := Eval(tt.src, map[string]int{"width": 40}); got != tt.want || err != nil {
				t.Errorf("got %d, %v, want %d", got, err, tt.want)
			}
		})
	}
}

func TestEvalComments(t *testing.T) {
	src := `# the area
width   # from left to right
* 3     # and from top to bottom`
	if got, err := Eval(src, map[string]int{"width": 5}); got != 15 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
}

func TestEvalBad(t *testing.T) {
	for _, src := range []string{"", "1+", "(1", "1 2", "depth", "*1"} {
		if got, err := Eval(src, nil); err == nil {
			t.Errorf("%q = %d", src, got)
		}
	}
	if _, err := Eval("1/0", nil); !errors.Is(err, ErrZero) {
		t.Errorf("err = %v", err)
	}
}

package tokens

import (
	"slices"
	"testing"
)

func TestScan(t *testing.T) {
	tests := []struct {
		src  string
		want []Token
	}{
		{"", nil},
		{"  \t\n", nil},
		{"12", []Token{{Number, "12", 0}}},
		{"a+10", []Token{{Name, "a", 0}, {Operator, "+", 1}, {Number, "10", 2}}},
		{"( x1 )", []Token{{Operator, "(", 0}, {Name, "x1", 2}, {Operator, ")", 5}}},
		{"7 # seven", []Token{{Number, "7", 0}}},
	}
	for _, tt := range tests {
		t.Run(tt.src, func(t *testing.T) {
			got, err := Scan(tt.src)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestScanUnknown(t *testing.T) {
	if got, err := Scan("1 ? 2"); err == nil {
		t.Errorf("got %v", got)
	}
}

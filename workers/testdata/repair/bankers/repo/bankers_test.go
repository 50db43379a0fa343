package bankers

import (
	"errors"
	"fmt"
	"testing"
)

func parse(t *testing.T, text string) Decimal {
	t.Helper()
	d, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestParse(t *testing.T) {
	for _, text := range []string{"0", "12", "-7", "0.05", "-0.50", "1234.567"} {
		if got := parse(t, text).String(); got != text {
			t.Errorf("%q came back as %q", text, got)
		}
	}
	for _, text := range []string{"", "x", "1.2.3", "1.-2", "0.0000000001"} {
		if _, err := Parse(text); !errors.Is(err, ErrSyntax) {
			t.Errorf("Parse(%q): err = %v", text, err)
		}
	}
}

func TestRound(t *testing.T) {
	tests := []struct {
		text   string
		places int
		want   string
	}{
		{"1.24", 1, "1.2"},
		{"1.26", 1, "1.3"},
		{"1.25", 1, "1.2"},
		{"1.35", 1, "1.4"},
		{"-1.25", 1, "-1.2"},
		{"-1.351", 1, "-1.4"},
		{"2.5", 3, "2.500"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s to %d", tt.text, tt.places), func(t *testing.T) {
			if got := parse(t, tt.text).Round(tt.places).String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestAdd(t *testing.T) {
	if got := parse(t, "1.5").Add(parse(t, "-0.25")).String(); got != "1.25" {
		t.Errorf("got %s", got)
	}
}

func TestMul(t *testing.T) {
	tests := []struct{ a, b, want string }{
		{"10.00", "0.19", "1.90"},
		{"3.33", "3", "9.99"},
		{"0.10", "0.333", "0.03"},
	}
	for _, tt := range tests {
		if got := parse(t, tt.a).Mul(parse(t, tt.b)).String(); got != tt.want {
			t.Errorf("%s * %s = %s, want %s", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestCmp(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"1.50", "1.5", 0},
		{"-2", "1.99", -1},
		{"0.1", "0.09", 1},
	}
	for _, tt := range tests {
		if got := parse(t, tt.a).Cmp(parse(t, tt.b)); got != tt.want {
			t.Errorf("Cmp(%s, %s) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, text := range []string{"10.00", "-10.00", "0.02"} {
		d := parse(t, text)
		sum := New(0, 0)
		for _, p := range d.Split(3) {
			sum = sum.Add(p)
		}
		if sum.Cmp(d) != 0 {
			t.Errorf("the parts of %v add up to %v", d, sum)
		}
	}
}

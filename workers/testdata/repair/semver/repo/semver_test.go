package semver

import (
	"errors"
	"slices"
	"testing"
)

func parse(t *testing.T, text string) Version {
	t.Helper()
	v, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"1.2.3":           "1.2.3",
		"v0.10.0":         "0.10.0",
		"1.0.0-rc.1":      "1.0.0-rc.1",
		"1.0.0+linux":     "1.0.0",
		"2.1.0-beta+x-64": "2.1.0-beta",
	} {
		if got := parse(t, text).String(); got != want {
			t.Errorf("Parse(%q) = %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "1.2", "1.02.3", "1.2.x", "1.2.3-", "1.2.3-a..b", "-1.2.3"} {
		var se SyntaxError
		if _, err := Parse(text); !errors.As(err, &se) {
			t.Errorf("Parse(%q): err = %v", text, err)
		}
	}
}

func TestCompare(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"1.0.0", "1.0.0", 0},
		{"1.2.3", "1.2.4", -1},
		{"1.10.0", "1.9.9", 1},
		{"1.0.0-rc.1", "1.0.0", -1},
		{"1.0.0-alpha", "1.0.0-beta", -1},
		{"1.0.0-rc.2", "1.0.0-rc.10", -1},
		{"1.0.0-rc", "1.0.0-1", 1},
	}
	for _, tt := range tests {
		t.Run(tt.a+" "+tt.b, func(t *testing.T) {
			if got := Compare(parse(t, tt.a), parse(t, tt.b)); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestSort(t *testing.T) {
	var vs []Version
	for _, s := range []string{"1.10.0", "1.2.0", "2.0.0", "2.0.0-rc.1"} {
		vs = append(vs, parse(t, s))
	}
	Sort(vs)
	var got []string
	for _, v := range vs {
		got = append(got, v.String())
	}
	if want := []string{"1.2.0", "1.10.0", "2.0.0-rc.1", "2.0.0"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLatest(t *testing.T) {
	vs := []Version{parse(t, "1.4.0"), parse(t, "1.12.1"), parse(t, "2.0.0-beta"), parse(t, "1.7.9")}
	if got, ok := Latest(vs); !ok || got.String() != "1.12.1" {
		t.Errorf("latest = %v, %v", got, ok)
	}
	if got, ok := Latest(vs[2:3]); ok {
		t.Errorf("latest = %v", got)
	}
}

func TestMatches(t *testing.T) {
	tests := []struct {
		constraint, version string
		want                bool
	}{
		{"1.2.3", "1.2.3", true},
		{"=1.2.3", "1.2.4", false},
		{">=1.2.0", "1.3.0", true},
		{">=1.2.0", "1.1.9", false},
		{"< 2.0.0", "1.99.0", true},
		{"^1.4.2", "1.9.0", true},
		{"^1.4.2", "2.0.0", false},
		{"~1.4.2", "1.5.0", false},
	}
	for _, tt := range tests {
		c, err := ParseConstraint(tt.constraint)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Matches(parse(t, tt.version)); got != tt.want {
			t.Errorf("%s matches %s = %v", tt.version, tt.constraint, got)
		}
	}
}

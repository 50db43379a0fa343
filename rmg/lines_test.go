package rmg_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
)

func TestMatchLines(t *testing.T) {
	for _, c := range []struct{ old, now, want string }{
		{"", "", "[]"},
		{"a\nb\n", "a\nb\n", "[0 1]"},
		{"a\nb\nc\n", "a\nx\nc\n", "[0 -1 2]"},
		{"a\nb\n", "x\na\nb\ny\n", "[-1 0 1 -1]"},
		{"a\nb\nc\n", "c\n", "[2]"},
		{"", "a\n", "[-1]"},
		{"a\nb", "a\nb\n", "[0 -1]"},
		{"{\n}\n", "{\n}\n{\n}\n", "[0 1 -1 -1]"},
	} {
		if got := fmt.Sprint(rmg.MatchLines([]byte(c.old), []byte(c.now))); got != c.want {
			t.Errorf("%q to %q: %s, want %s", c.old, c.now, got, c.want)
		}
	}
}

// Lines that match are the same, and in the same order.
func TestMatchLinesAreTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "}\n", "\n"}))
		old, now := lines.Draw(t, "old"), lines.Draw(t, "now")
		got := rmg.MatchLines([]byte(strings.Join(old, "")), []byte(strings.Join(now, "")))
		if len(got) != len(now) {
			t.Fatalf("%d of %d lines", len(got), len(now))
		}
		last := -1
		for j, i := range got {
			if i < 0 {
				continue
			}
			if i <= last || old[i] != now[j] {
				t.Fatalf("line %d is said to be line %d: %v", j, i, got)
			}
			last = i
		}
	})
}

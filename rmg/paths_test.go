package rmg_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
)

// TestPathsAreTheSame: paths made many at once are those that are made alone, and stay
// what they are when others are made.
func TestPathsAreTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var many rmg.Paths
		var got, want []rmg.Path
		for range rapid.IntRange(1, 400).Draw(t, "n") {
			up := rapid.SampledFrom(append([]rmg.Path{rmg.Root, "/a/~b"}, got...)).Draw(t, "below")
			if len(up) > 200 {
				up = rmg.Root
			}
			s := rmg.Segment{ID: rapid.SampledFrom([]string{"a", "~a", "a/b", "a:1", "é", strings.Repeat("x", 600), "n17"}).Draw(t, "id"), Edge: rapid.Bool().Draw(t, "edge")}
			alone := up.Child(s.ID)
			if s.Edge {
				alone = up.EdgeChild(s.ID)
			}
			got, want = append(got, many.Below(up, s)), append(want, alone)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
	})
}

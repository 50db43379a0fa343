package sched_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
	"jitos.dev/sched"
)

// many is bounds that nothing here comes to.
var many = sched.Bounds{Waiting: 1 << 20, PerOwner: 1 << 20}

func intakeOf(b sched.Bounds, stands map[string]sched.Standing) *sched.Intake[string] {
	return sched.NewIntake[string](b, func(owner string) sched.Standing { return stands[owner] })
}

// come adds so many of an owner: "a0", "a1", ...
func come(t rapid.TB, n *sched.Intake[string], owner string, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := n.Add(owner, fmt.Sprint(owner, i)); err != nil {
			t.Fatal(err)
		}
	}
}

// take takes at most so many.
func take(n *sched.Intake[string], most int) []string {
	return n.Take(nil, func(string) bool { most--; return most >= 0 })
}

// TestIntakeShares: by weight, each owner's in its order, and who came first where
// all else is equal.
func TestIntakeShares(t *testing.T) {
	n := intakeOf(many, map[string]sched.Standing{"heavy": {Weight: 3}})
	come(t, n, "light", 0, 5)
	come(t, n, "heavy", 0, 9)
	want := "light0 heavy0 heavy1 heavy2 light1 heavy3 heavy4 heavy5 light2 heavy6 heavy7 heavy8 light3 light4"
	if got := strings.Join(take(n, 99), " "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if n.Len() != 0 {
		t.Errorf("%d wait", n.Len())
	}
}

// TestIntakeSharesLast: who had less in the batches before does not begin anew with
// each.
func TestIntakeSharesLast(t *testing.T) {
	n := intakeOf(many, map[string]sched.Standing{"heavy": {Weight: 4}})
	come(t, n, "light", 0, 20)
	come(t, n, "heavy", 0, 20)
	var got []string
	for range 20 {
		got = append(got, take(n, 1)...)
	}
	if heavy := strings.Count(strings.Join(got, " "), "heavy"); heavy != 16 {
		t.Errorf("of 20 heavy had %d: %v", heavy, got)
	}
}

// TestIntakeLate: who comes late has no share of what went before.
func TestIntakeLate(t *testing.T) {
	n := intakeOf(many, nil)
	come(t, n, "early", 0, 100)
	take(n, 50)
	come(t, n, "late", 0, 100)
	if late := strings.Count(strings.Join(take(n, 20), " "), "late"); late != 10 {
		t.Errorf("of 20 late had %d", late)
	}
}

// TestIntakeFlood: who comes while somebody floods waits for one batch, however
// small these are and however much waits.
func TestIntakeFlood(t *testing.T) {
	n := intakeOf(many, nil)
	come(t, n, "flood", 0, 1000)
	for i := range 100 {
		take(n, 1)
		come(t, n, "one", i, i+1)
		if got := append(take(n, 1), take(n, 1)...); !slices.Contains(got, fmt.Sprint("one", i)) {
			t.Fatalf("round %d: %v went, and one%d waits", i, got, i)
		}
	}
}

// TestIntakeStarved: the greatest priority goes first, but for who got nothing for
// more than MaxDeferrals batches, who goes once and then waits again.
func TestIntakeStarved(t *testing.T) {
	n := intakeOf(many, map[string]sched.Standing{"high": {Priority: 1}})
	come(t, n, "high", 0, 100)
	come(t, n, "low", 0, 3)
	var at []int
	for i := range 40 {
		if strings.HasPrefix(take(n, 1)[0], "low") {
			at = append(at, i)
		}
	}
	every := sched.MaxDeferrals + 1
	if want := []int{every, 2*every + 1, 3*every + 2}; !slices.Equal(at, want) {
		t.Errorf("low went in batches %v, want %v", at, want)
	}
}

// TestIntakeBounds: an owner's part, the whole, and the reserve for who has nothing
// that waits.
func TestIntakeBounds(t *testing.T) {
	n := intakeOf(sched.Bounds{Waiting: 4, PerOwner: 3, Reserve: 1}, nil)
	limit := &rmg.Error{Code: rmg.Limit}
	come(t, n, "a", 0, 3)
	if err := n.Add("a", "x"); !errors.Is(err, limit) {
		t.Errorf("a fourth of a: %v", err)
	}
	come(t, n, "b", 0, 1)
	if err := n.Add("b", "x"); !errors.Is(err, limit) {
		t.Errorf("a fifth: %v", err)
	}
	come(t, n, "c", 0, 1)
	if err := n.Add("d", "x"); !errors.Is(err, limit) {
		t.Errorf("beyond the reserve: %v", err)
	}
	if n.Of("a") != 3 || n.Of("d") != 0 {
		t.Errorf("%d of a, %d of d", n.Of("a"), n.Of("d"))
	}
	n.Bound(sched.Bounds{Waiting: 9, PerOwner: 4})
	come(t, n, "a", 3, 4)
	if got := strings.Join(take(n, 9), " "); got != "a0 b0 c0 a1 a2 a3" {
		t.Error(got)
	}
}

// TestIntakeBack: what goes back is the next of its owner's, in its order.
func TestIntakeBack(t *testing.T) {
	n := intakeOf(sched.Bounds{Waiting: 3, PerOwner: 3}, nil)
	come(t, n, "a", 0, 3)
	got := take(n, 2)
	n.Back("a", got[1])
	n.Back("a", got[0])
	if got := strings.Join(take(n, 9), " "); got != "a0 a1 a2" {
		t.Error(got)
	}
	come(t, n, "c", 0, 1)
	come(t, n, "d", 0, 1)
	n.Back("b", "b7")
	n.Back("d", "d9")
	if got := strings.Join(take(n, 9), " "); got != "d9 b7 c0 d0" || n.Len() != 0 {
		t.Errorf("%v, %d wait", got, n.Len())
	}
}

// TestIntakeModel: whatever comes and is taken, nothing is lost or doubled, each
// owner's keeps its order, nobody of whom something waits goes without in more batches
// than the bound, and the same again gives the same.
func TestIntakeModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stands := map[string]sched.Standing{}
		names := []string{"a", "b", "c", "d"}
		for _, o := range names {
			stands[o] = sched.Standing{Priority: rapid.IntRange(0, 2).Draw(t, "priority"), Weight: rapid.IntRange(0, 5).Draw(t, "weight")}
		}
		n, twin := intakeOf(many, stands), intakeOf(many, stands)
		came, went, without := map[string]int{}, map[string]int{}, map[string]int{}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			for _, o := range names {
				k := rapid.IntRange(0, 3).Draw(t, o)
				come(t, n, o, came[o], came[o]+k)
				come(t, twin, o, came[o], came[o]+k)
				came[o] += k
			}
			most := rapid.IntRange(1, 4).Draw(t, "most")
			got := take(n, most)
			if again := take(twin, most); !slices.Equal(got, again) {
				t.Fatalf("%v, then %v", got, again)
			}
			waits := 0
			for _, o := range names {
				had := went[o]
				for _, x := range got {
					if strings.HasPrefix(x, o) {
						if x != fmt.Sprint(o, went[o]) {
							t.Fatalf("%s went where %s%d was next", x, o, went[o])
						}
						went[o]++
					}
				}
				waits += came[o] - went[o]
				if without[o]++; went[o] > had || went[o] == came[o] {
					without[o] = 0
				}
				// Of all who were passed over too often one goes in each batch at least.
				if without[o] > sched.MaxDeferrals+len(names) {
					t.Fatalf("%s had nothing of %d batches", o, without[o])
				}
			}
			if n.Len() != waits {
				t.Fatalf("%d wait, not %d", n.Len(), waits)
			}
		}
	})
}

package verify

import (
	"fmt"
	"strings"
	"testing"

	"jitos.dev/tasks/htn"
)

// lamps is a problem that has no plan, since a lamp cannot be both.
func lamps(n int) string {
	var b strings.Builder
	b.WriteString("(define (problem p) (:domain lamps) (:htn :ordered-subtasks (play)) (:objects")
	for i := range n {
		fmt.Fprintf(&b, " l%d", i)
	}
	b.WriteString(" - lamp) (:init")
	for i := range n {
		fmt.Fprintf(&b, " (dark l%d)", i)
	}
	return b.String() + ") (:goal (and (lit l0) (dark l0))))"
}

// Whenever a search is told to stop, it says what it would have said, or that it does not
// know: a plan is one, and that there is none is proven. What was found stays found when a cheaper
// one, or why there is none, is not looked for to the end.
func TestStop(t *testing.T) {
	after := func(n int) func() bool {
		return func() bool { n--; return n < 0 }
	}
	unknown := 0
	for seed := range uint64(60) {
		d, p := randomProblem(seed, seed%2 == 0)
		m, err := htn.Compile(d, p)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := m.Plan(htn.Options{Nodes: 200_000})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, 2, 3, 5, 8, 20, 100} {
			r, err := m.Plan(htn.Options{Nodes: 200_000, Stop: after(n)})
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case r.Verdict == htn.Unknown:
				unknown++
			case r.Verdict != whole.Verdict && whole.Verdict != htn.Unknown:
				t.Errorf("seed %d, stopped after %d: %s, and else %s", seed, n, r.Verdict, whole.Verdict)
			case r.Verdict == htn.Found:
				if err := Plan(d, p, r.Plan); err != nil {
					t.Errorf("seed %d, stopped after %d: %v", seed, n, err)
				}
			}
			if whole.Plan == nil {
				if _, err := htn.WhyNone(d, p, htn.Options{Nodes: 2000, Stop: after(n)}); err != nil {
					t.Error(err)
				}
				continue
			}
			if c, _ := m.Cheaper(whole.Plan, htn.Options{Nodes: 2000, Stop: after(n)}); c == nil || c.Cost > whole.Plan.Cost {
				t.Errorf("seed %d, stopped after %d: a cheaper plan costs more", seed, n)
			}
			if _, _, err := m.Several(3, htn.Options{Nodes: 500, Stop: after(n)}); err != nil {
				t.Error(err)
			}
		}
	}
	if unknown == 0 {
		t.Error("nothing was ever stopped")
	}
	// A large one is stopped wherever it is, by every search, and soon: nodes are counted.
	_, _, m := instance(t, "lamps", lamps(40))
	for _, by := range []string{"", htn.Dive, htn.Best, htn.Table} {
		for _, n := range []int{1, 30, 90} {
			asked := 0
			r, err := m.Plan(htn.Options{Search: by, Stop: func() bool { asked++; return asked > n }})
			if err != nil || r.Verdict != htn.Unknown || asked != n+1 || r.Nodes > (n+2)*1100 {
				t.Errorf("%s after %d: %v %v, asked %d times, %d nodes", by, n, r.Verdict, err, asked, r.Nodes)
			}
		}
	}
}

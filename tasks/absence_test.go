package tasks

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestWhyNoneAgainstAllFacts makes libraries, and holds what is said to be enough to
// trying every value of every fact.
func TestWhyNoneAgainstAllFacts(t *testing.T) {
	sizes := map[int]int{}
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 11))
		l, err := Load(Source{Name: "lib.yaml", Data: []byte(randomLibrary(r))})
		if err != nil {
			t.Fatal(seed, err)
		}
		facts := Facts{}
		for i := range 4 {
			if r.IntN(2) == 0 {
				facts[fmt.Sprint("f", i)] = r.IntN(2) == 0
			}
		}
		s := SLAPS{Version: "1", Intent: "T0", Target: TargetRef{Name: "a"}}
		_, planErr := l.Plan(s, facts)
		why, err := l.WhyNone(s, facts)
		if err != nil || (why == nil) != (planErr == nil) {
			t.Fatalf("seed %d: %v %v, and planning says %v", seed, why, err, planErr)
		}
		if why == nil {
			continue
		}
		// The fewest facts that have to be otherwise, by trying all: each of four is
		// true, false or unknown.
		least := 5
		for k := range 81 {
			other, differ := Facts{}, 0
			for i, n := 0, k; i < 4; i, n = i+1, n/3 {
				name := fmt.Sprint("f", i)
				if v := []any{nil, true, false}[n%3]; v != nil {
					other[name] = v
				}
				if other[name] != facts[name] {
					differ++
				}
			}
			if _, err := l.Plan(s, other); err == nil {
				least = min(least, differ)
			}
		}
		n := 5
		if len(why.Enough) > 0 {
			n = len(why.Enough[0])
		}
		if n != least && (least <= MaxFacts || n != 5) {
			t.Errorf("seed %d: %d facts are needed, and it says\n%s", seed, least, why)
		}
		sizes[n]++
		for _, set := range why.Enough {
			for _, f := range set {
				if !strings.Contains(why.String(), f.String()) {
					t.Errorf("seed %d: %v is not told\n%s", seed, f, why)
				}
			}
		}
	}
	if sizes[1] < 10 || sizes[2] < 10 || sizes[5] < 2 {
		t.Error("that says little:", sizes)
	}
}

// randomLibrary is one of four tasks, each done by two methods that have conditions.
func randomLibrary(r *rand.Rand) string {
	var b strings.Builder
	b.WriteString("tasks:\n")
	for i := range 4 {
		fmt.Fprintf(&b, "  - {name: T%d, summary: s, params: {target: target}}\n", i)
	}
	b.WriteString("methods:\n")
	for i := range 4 {
		for k := range 2 {
			fmt.Fprintf(&b, "  - name: m%d%d\n    task: T%d\n    summary: s\n", i, k, i)
			for _, sort := range []string{"when", "unless"} {
				if n := r.IntN(3); n > 0 {
					fmt.Fprintf(&b, "    %s:\n", sort)
					for range n {
						fmt.Fprintf(&b, "      - {fact: f%d, is: %v}\n", r.IntN(4), r.IntN(2) == 0)
					}
				}
			}
			b.WriteString("    steps:\n")
			for j := range 1 + r.IntN(2) {
				do := "p"
				if i < 3 && r.IntN(3) > 0 {
					do = fmt.Sprint("T", i+1+r.IntN(3-i))
				}
				fmt.Fprintf(&b, "      - {do: %s, id: s%d}\n", do, j)
			}
		}
	}
	b.WriteString("primitives:\n  - {name: p, summary: s, params: {target: target}, worker: script, action: run, args: {argv: [\"true\"]}}\n")
	return b.String()
}

// TestWhyNoneOfShipped looks at what a person is told.
func TestWhyNoneOfShipped(t *testing.T) {
	l := shipped(t)
	s := SLAPS{Version: "1", Intent: "FixBug", Target: TargetRef{Name: "a"}}
	why, err := l.WhyNone(s, Facts{"language": "rust"})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(why.Enough)
	if want := `[[{"fact":"has_tests","is":true},{"fact":"language","is":"go"}],[{"fact":"has_tests","is":true},{"fact":"language","is":"python"}]]`; err != nil || string(data) != want {
		t.Errorf("%s %v, want %s\n%s", data, err, want, why)
	}
	if none := (*NoPlan)(nil); why.Blocking[0].Times != 5 || !errors.As(func() error { _, err := l.Plan(s, Facts{}); return err }(), &none) {
		t.Error(why)
	}
}

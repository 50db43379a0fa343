package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"jitos.dev/tasks/htn"
)

// everyPlan lists, by trying everything, what the plans of a problem do: their
// actions, in order if sorted is false. Ways that come back to where they were, with
// the same left to do, are none. sure is false if there is too much to try.
func everyPlan(d *htn.Domain, p *htn.Problem, sorted bool) (all map[string]bool, sure bool) {
	w := newWorld(d, p)
	x := &explorer{world: w, seen: map[string]bool{}, limit: 1 << 30}
	env := map[string]string{}
	w.each(p.Net.Params, env, func() bool {
		if w.holds(p.Net.Constraints, nil, env) {
			x.push(w.initial(), place(nil, p.Net, env, -1))
		}
		return false
	})
	all = map[string]bool{}
	left := 3000
	on := map[string]bool{}
	var walk func(n network, done []string)
	walk = func(n network, done []string) {
		k := n.String()
		if left--; left < 0 || on[k] {
			return
		}
		if len(n.net) == 0 {
			if w.holds(p.Goal, n.state, nil) {
				list := slices.Clone(done)
				if sorted {
					slices.Sort(list)
				}
				all[strings.Join(list, "; ")] = true
			}
			return
		}
		on[k] = true
		x.open, x.next = nil, nil
		x.expand(n)
		for _, c := range slices.Concat(x.open, x.next) {
			if c.by == "" {
				walk(c, done)
			} else {
				walk(c, append(slices.Clip(done), c.by))
			}
		}
		delete(on, k)
	}
	for _, n := range slices.Clone(x.open) {
		walk(n, nil)
	}
	return all, left >= 0 && !x.cut
}

func does(p *htn.Plan, sorted bool) string {
	var list []string
	for _, n := range p.Nodes[:p.Actions] {
		list = append(list, n.String())
	}
	if sorted {
		slices.Sort(list)
	}
	return strings.Join(list, "; ")
}

// TestSeveralAgainstAllThereIs: the plans differ, are right, and are all that there
// are where that is said.
func TestSeveralAgainstAllThereIs(t *testing.T) {
	whole, many, compared := 0, 0, 0
	for seed := range uint64(150) {
		total := seed%2 == 0
		d, p := randomProblem(seed, total)
		m, err := htn.Compile(d, p)
		if err != nil {
			t.Fatal(err)
		}
		plans, all, err := m.Several(30, htn.Options{Nodes: 1000})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for i, x := range plans {
			if err := Plan(d, p, x); err != nil {
				t.Fatalf("seed %d: plan %d is wrong: %v\n%s", seed, i, err, x.IPC())
			}
			got[does(x, !total)] = true
			if i > 0 && x.Cost < plans[i-1].Cost && all {
				t.Errorf("seed %d: plan %d is cheaper than the one before", seed, i)
			}
			for k, y := range plans[:min(i, 5)] {
				list, _ := htn.Compare(x, y)
				if compared++; len(list) == 0 {
					t.Fatalf("seed %d: plans %d and %d choose the same\n%s", seed, k, i, x.IPC())
				}
			}
			if list, order := htn.Compare(x, x); len(list) > 0 || order {
				t.Fatalf("seed %d: a plan is different from itself: %v", seed, list)
			}
		}
		if len(plans) > 1 {
			many++
		}
		want, sure := everyPlan(d, p, !total)
		if sure && len(want) < 10 && !all { // as if ways that lead back were plans
			t.Errorf("seed %d: there are %d plans, and it does not say that these are all", seed, len(want))
		}
		if !all || !sure {
			continue
		}
		if whole++; !maps.Equal(got, want) {
			t.Errorf("seed %d: %d plans do\n%v\nand trying everything finds %d\n%v", seed, len(plans), slices.Sorted(maps.Keys(got)), len(want), slices.Sorted(maps.Keys(want)))
		}
	}
	t.Logf("%d problems with all of their plans, %d with several, %d pairs compared", whole, many, compared)
	if whole < 80 || many < 10 || compared < 100 {
		t.Errorf("%d problems with all of their plans, %d with several, %d pairs compared say little", whole, many, compared)
	}
}

// TestSeveralOfALargeProblem: three plans for a problem with more ways than can be
// gone through, the same each time.
func TestSeveralOfALargeProblem(t *testing.T) {
	var was string
	for range 2 {
		d, p, m := instance(t, "freight", freight(4, 4, 3))
		plans, _, err := m.Several(3, htn.Options{Nodes: 20_000})
		if err != nil || len(plans) != 3 {
			t.Fatal(len(plans), err)
		}
		now := ""
		for _, x := range plans {
			if err := Plan(d, p, x); err != nil {
				t.Fatal(err)
			}
			now += x.IPC()
		}
		if list, _ := htn.Compare(plans[0], plans[2]); len(list) == 0 || list[0].Task == "" {
			t.Error(list)
		}
		if was != "" && was != now {
			t.Error("the second time there are others")
		}
		was = fmt.Sprint(now)
	}
}

package verify

import (
	"testing"

	"jitos.dev/tasks/htn"
)

// TestPlannerAgainstAllThereIs makes small problems and wants of the planner what
// trying everything finds: a plan, judged, where there is one, and a proof where
// there is none. Each search is also run alone. A failure prints its seed.
func TestPlannerAgainstAllThereIs(t *testing.T) {
	for _, kind := range []struct {
		name   string
		total  bool
		search string
		seeds  uint64
	}{
		{"total", true, "", 150},
		{"partial", false, "", 150},
		{"dive alone", false, htn.Dive, 150},
		{"best first alone", true, htn.Best, 150},
		{"table alone", true, htn.Table, 150},
		{"progression alone", false, htn.Progression, 150},
	} {
		var found, none, open int
		for seed := range kind.seeds {
			switch against(t, seed, kind.total, kind.search) {
			case 1:
				found++
			case 0:
				none++
			default:
				open++
			}
			if t.Failed() {
				t.Fatalf("%s, seed %d", kind.name, seed)
			}
		}
		t.Logf("%s: %d with a plan, %d without, %d open", kind.name, found, none, open)
		if found < 30 || none < 30 {
			t.Errorf("%s: %d problems with a plan and %d without say little", kind.name, found, none)
		}
	}
}

// against is 1 if there is a plan, 0 if there is none, and -1 if that is not known.
func against(t *testing.T, seed uint64, total bool, search string) int {
	d, p := randomProblem(seed, total)
	m, err := htn.Compile(d, p)
	if err != nil {
		t.Errorf("seed %d: %v", seed, err)
		return -1
	}
	r, err := m.Plan(htn.Options{Nodes: 10_000, Search: search})
	if err != nil {
		t.Errorf("seed %d: %v", seed, err)
		return -1
	}
	found, sure := Exists(d, p, 1000)
	switch r.Verdict {
	case htn.Found:
		if err := Plan(d, p, r.Plan); err != nil {
			t.Errorf("seed %d: the plan by %s is wrong: %v\n%s", seed, r.By, err, r.Plan.IPC())
		}
		if sure && !found {
			t.Errorf("seed %d: a plan by %s where there is none\n%s", seed, r.By, r.Plan.IPC())
		}
		return 1
	case htn.None:
		if found {
			t.Errorf("seed %d: %s proves that there is no plan, and there is one", seed, r.By)
		}
		return 0
	}
	if sure && total && search != htn.Dive && (search != htn.Best || found) {
		t.Errorf("seed %d: unknown, and trying everything says %v", seed, found)
	}
	return -1
}

// TestCheaperIsCheapest: plans are shortened to what trying everything says is the
// shortest, and called that only then, whether methods order their steps or not.
func TestCheaperIsCheapest(t *testing.T) {
	for _, kind := range []struct {
		name            string
		total           bool
		proven, shorter int
	}{
		{"total", true, 100, 10},
		{"partial", false, 100, 5},
	} {
		proven, shorter := 0, 0
		for seed := range uint64(400) {
			proved, short := cheapest(t, seed, kind.total)
			if t.Failed() {
				t.Fatalf("%s, seed %d", kind.name, seed)
			}
			proven, shorter = proven+proved, shorter+short
		}
		t.Logf("%s: %d proven, %d shortened", kind.name, proven, shorter)
		if proven < kind.proven || shorter < kind.shorter {
			t.Errorf("%s: %d proven and %d shortened say little", kind.name, proven, shorter)
		}
	}
}

// cheapest holds what Cheaper makes of a problem's plan to trying everything: whether
// the plan is called the cheapest, and whether it is shorter than it was, as 0 or 1.
func cheapest(t *testing.T, seed uint64, total bool) (proven, shorter int) {
	d, p := randomProblem(seed, total)
	m, err := htn.Compile(d, p)
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Plan(htn.Options{Nodes: 10_000})
	if err != nil || r.Verdict != htn.Found {
		return 0, 0
	}
	best, optimal := m.Cheaper(r.Plan, htn.Options{Nodes: 20_000})
	if err := Plan(d, p, best); err != nil {
		t.Errorf("the plan is wrong: %v\n%s", err, best.IPC())
	}
	if best.Cost > r.Plan.Cost || best.Cost != int64(best.Actions) {
		t.Errorf("cost %d, of a plan of %d actions that cost %d", best.Cost, best.Actions, r.Plan.Cost)
	}
	if best.Cost < r.Plan.Cost {
		shorter = 1
	}
	least, found, sure := Shortest(d, p, 1000)
	switch {
	case found && int64(least) < best.Cost && optimal:
		t.Errorf("%d actions are called the least, and %d do\n%s", best.Cost, least, best.IPC())
	case sure && int64(least) > best.Cost:
		t.Errorf("%d actions, where trying everything finds none below %d", best.Cost, least)
	}
	if optimal {
		proven = 1
	}
	return proven, shorter
}

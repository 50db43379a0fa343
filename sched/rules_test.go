package sched_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rewrite/rule"
	"jitos.dev/rmg"
	"jitos.dev/sched"
)

// workers is an executor of n goroutines.
func workers(n int) rewrite.Executor {
	return func(total int, do func(int)) {
		var wg sync.WaitGroup
		jobs := make(chan int)
		for range n {
			wg.Go(func() {
				for i := range jobs {
					do(i)
				}
			})
		}
		for i := range total {
			jobs <- i
		}
		close(jobs)
		wg.Wait()
	}
}

func rulesOf(t testing.TB, g rmg.Graph, doc string, fuel int, exec rewrite.Executor) (*rule.Image, *rule.Run, *sched.Rules) {
	t.Helper()
	set, err := rule.Load("rules.yaml", []byte(doc), nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := rule.NewImage(g, rule.Options{})
	if err != nil {
		t.Fatal(err)
	}
	run, err := rule.NewRun(m, set, rule.RunOptions{Fuel: fuel})
	if err != nil {
		t.Fatal(err)
	}
	return m, run, sched.NewRules(run, exec)
}

func written(t testing.TB, m *rule.Image, g rmg.Graph) rmg.Graph {
	t.Helper()
	o := rmg.NewOverlay(g)
	if err := m.Write(o); err != nil {
		t.Fatal(err)
	}
	return o.Graph()
}

// row is n nodes in a row, with a marker at every third.
func row(t testing.TB, n int) rmg.Graph {
	t.Helper()
	o := rmg.NewOverlay(rmg.Graph{})
	var err error
	for i := range n {
		err = errors.Join(err, o.AddNode(rmg.Root.Child(fmt.Sprintf("x%06d", i)), []string{"A", "B", "B"}[i%3], rmg.Props{}))
		if i > 0 {
			err = errors.Join(err, o.AddEdge(rmg.Root.EdgeChild(fmt.Sprintf("x%06d", i)), "next", fmt.Sprintf("x%06d", i-1), fmt.Sprintf("x%06d", i), rmg.Props{}))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return o.Graph()
}

// shiftRules move markers on, where the next one has none: neighbours meet.
const shiftRules = `
kinds: {A: {}, B: {}, next: {}, seen: {}}
rules:
  - rule: shift
    match: ["x:A -[next]-> y:B"]
    unless: ["y -[seen]-> _"]
    retype: {x: B, y: A}
    create: ["y -[seen]-> x"]
  - rule: back
    match: ["x:B -[next]-> y:A"]
    unless: ["x -[seen]-> _"]
    retype: {x: A, y: B}
    create: ["x -[seen]-> y"]
  - rule: join
    priority: 1
    match: ["x:A -[k:next]-> y:A"]
    delete: [k]
`

// TestWorkersDoNotShow: receipts, rewrites and digests are the same for any number
// of workers and of processors, at sizes at which shards are uneven.
func TestWorkersDoNotShow(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, n := range []int{1, 15, 16, 17, 1023, 1024, 1025} {
		g := row(t, n)
		want := ""
		for _, w := range []int{1, 2, 8} {
			runtime.GOMAXPROCS(w)
			m, run, rules := rulesOf(t, g, shiftRules, 0, workers(w))
			var b strings.Builder
			for {
				receipts, err := rules.Tick()
				if err != nil {
					t.Fatal(err)
				}
				if len(receipts) == 0 {
					break
				}
				fmt.Fprintln(&b, receipts, written(t, m, g).Digest())
			}
			fmt.Fprintln(&b, run.Applied())
			if want == "" {
				want = b.String()
			} else if got := b.String(); got != want {
				t.Errorf("n %d: %d workers give\n%.300s\none gives\n%.300s", n, w, got, want)
			}
		}
		if n > 100 && (!strings.Contains(want, "deferred") || !strings.Contains(want, "refused")) {
			t.Errorf("n %d: nothing is deferred, or nothing refused as stale:\n%.300s", n, want)
		}
	}
}

// TestTicksAreSequences: what ticks leave is what the rules leave one by one.
func TestTicksAreSequences(t *testing.T) {
	const doc = "kinds: {A: {}, B: {}, next: {}, loop: {}}\nrules:\n  - rule: mark\n    match: [\"x:A -[next]-> y:B\"]\n    unless: [\"y -[loop]-> _\"]\n    create: [\"y -[loop]-> y\"]\n"
	for _, n := range []int{1, 2, 1023, 1024, 1025} {
		g := row(t, n)
		m, _, rules := rulesOf(t, g, doc, 0, rewrite.Serial)
		if ticks, err := rules.Drain(); err != nil || ticks > 1 {
			t.Fatalf("%d ticks, %v", ticks, err)
		}
		single, run, _ := rulesOf(t, g, doc, 0, rewrite.Serial)
		if _, err := run.Long("mark"); err != nil {
			t.Fatal(err)
		}
		if a, b := written(t, m, g), written(t, single, g); a.Digest() != b.Digest() || m.Rewrites() != single.Rewrites() {
			t.Errorf("n %d: %d rewrites in ticks, %d one by one", n, m.Rewrites(), single.Rewrites())
		}
	}
}

// TestRuleDeletesWhatAnotherNeeds: of two in one tick one is applied, the other is
// deferred for it, and stale in the next.
func TestRuleDeletesWhatAnotherNeeds(t *testing.T) {
	const doc = "rules:\n  - rule: cut\n    match: [\"x:A -[k:next]-> y\"]\n    delete: [k]\n  - rule: use\n    match: [\"x:A -[next]-> y:B\"]\n    unless: [\"x -[used]-> y\"]\n    create: [\"x -[used]-> y\"]\n"
	g := row(t, 2)
	_, run, rules := rulesOf(t, g, doc, 0, rewrite.Serial)
	first, err := rules.Tick()
	if err != nil || len(first) != 2 || first[0].Outcome != sched.Applied || first[1].Outcome != sched.Deferred || first[1].By != 0 {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := rules.Tick()
	if err != nil || len(second) != 1 || second[0].Outcome != sched.Refused || !errors.Is(second[0].Err, &rmg.Error{Code: rmg.Stale}) {
		t.Fatalf("%+v, %v", second, err)
	}
	if third, err := rules.Tick(); err != nil || len(third) != 0 {
		t.Errorf("%+v, %v", third, err)
	}
	if got := fmt.Sprint(run.Applied()); got != "map[cut:1]" {
		t.Error(got)
	}
}

// TestNoMatchStarves: one of the least priority is applied although there is always
// one of a greater that it conflicts with.
func TestNoMatchStarves(t *testing.T) {
	const doc = "rules:\n  - rule: busy\n    priority: 9\n    match: [\"x:A\"]\n    inc: {x.n: 1}\n  - rule: late\n    match: [\"x:A\"]\n    unless: [\"x -[done]-> x\"]\n    set: {x.late: true}\n    create: [\"x -[done]-> x\"]\n"
	g := row(t, 1)
	_, run, rules := rulesOf(t, g, doc, 100, rewrite.Serial)
	for tick := 1; run.Applied()["late"] == 0; tick++ {
		receipts, err := rules.Tick()
		if err != nil {
			t.Fatal(err)
		}
		if tick > sched.MaxDeferrals+2 {
			t.Fatalf("not after %d ticks: %+v", tick, receipts)
		}
		if tick <= sched.MaxDeferrals && run.Applied()["late"] > 0 {
			t.Fatalf("it went first in tick %d, in spite of its priority", tick)
		}
	}
	if _, err := rules.Drain(); !errors.Is(err, &rmg.Error{Code: rmg.Limit}) {
		t.Errorf("a rule that always matches ends with %v", err)
	}
}

// TestAbsenceIsRead: of two that each may act because there is no edge, and put it
// there, one acts.
func TestAbsenceIsRead(t *testing.T) {
	const doc = "rules:\n  - rule: choose\n    match: [\"x:B\", \"y:A\"]\n    unless: [\"y -[chosen]-> _\"]\n    create: [\"y -[chosen]-> x\"]\n"
	g := row(t, 3)
	m, _, rules := rulesOf(t, g, doc, 0, rewrite.Serial)
	first, err := rules.Tick()
	if err != nil || len(first) != 2 || first[0].Outcome != sched.Applied || first[1].Outcome != sched.Deferred {
		t.Fatalf("%+v, %v", first, err)
	}
	if _, err := rules.Drain(); err != nil {
		t.Fatal(err)
	}
	if _, edges := written(t, m, g).Len(); edges != 3 || m.Rewrites() != 1 {
		t.Errorf("%d edges after %d rewrites", edges, m.Rewrites())
	}
}

package verify

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"jitos.dev/tasks/hddl"
	"jitos.dev/tasks/htn"
)

// instance is a generated problem of one of the domains under testdata.
func instance(t testing.TB, domain, problem string) (*htn.Domain, *htn.Problem, *htn.Model) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + domain + ".hddl")
	if err != nil {
		t.Fatal(err)
	}
	d, err := hddl.ReadDomain(domain, text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := hddl.ReadProblem(domain+" problem", []byte(problem), d)
	if err != nil {
		t.Fatalf("%v\n%s", err, problem)
	}
	m, err := htn.Compile(d, p)
	if err != nil {
		t.Fatal(err)
	}
	return d, p, m
}

// blocks piles up n blocks in an order drawn from a seed.
func blocks(n int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 1))
	var b strings.Builder
	b.WriteString("(define (problem p) (:domain blocks) (:objects")
	for i := range n {
		fmt.Fprintf(&b, " b%d", i)
	}
	b.WriteString(" - block) (:htn :ordered-subtasks (and")
	goal := r.Perm(n)
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, " (put b%d b%d)", goal[i], goal[i-1])
	}
	b.WriteString(")) (:init (free)")
	from := r.Perm(n)
	for i, x := range from {
		if i%3 == 0 {
			fmt.Fprintf(&b, " (down b%d)", x)
		} else {
			fmt.Fprintf(&b, " (on b%d b%d)", x, from[i-1])
		}
		if i%3 == 2 || i == n-1 {
			fmt.Fprintf(&b, " (clear b%d)", x)
		}
	}
	return b.String() + "))"
}

// freight has parcels to bring around a grid of places.
func freight(side, parcels int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 2))
	var b, tasks, init strings.Builder
	b.WriteString("(define (problem p) (:domain freight) (:objects v0 v1 - van s0 s1 s2 - size")
	for i := range side * side {
		fmt.Fprintf(&b, " l%d", i)
		for _, j := range []int{i + 1, i + side} {
			if j < side*side && (j == i+side || j%side > 0) {
				fmt.Fprintf(&init, " (road l%d l%d) (road l%d l%d)", i, j, j, i)
			}
		}
	}
	b.WriteString(" - place")
	for i := range parcels {
		fmt.Fprintf(&b, " c%d - parcel", i)
		fmt.Fprintf(&init, " (at c%d l%d)", i, r.IntN(side*side))
		fmt.Fprintf(&tasks, " (deliver c%d l%d)", i, r.IntN(side*side))
	}
	fmt.Fprintf(&b, ") (:htn :subtasks (and%s)) (:init (less s0 s1) (less s1 s2) (room v0 s2) (room v1 s1) (at v0 l0) (at v1 l%d)%s))", &tasks, side*side-1, &init)
	return b.String()
}

// grammar wants a word of n letters, of which there are numbers for most.
func grammar(n, most int) string {
	var b strings.Builder
	b.WriteString("(define (problem p) (:domain grammar) (:objects")
	for i := range most + 1 {
		fmt.Fprintf(&b, " n%d", i)
	}
	fmt.Fprintf(&b, " n%d - number) (:htn :subtasks (word)) (:init (count n0)", max(n, most+1))
	for i := range most {
		fmt.Fprintf(&b, " (next n%d n%d)", i, i+1)
	}
	fmt.Fprintf(&b, ") (:goal (count n%d)))", n)
	return b.String()
}

const (
	// Each part waits for another to be wet: in a ring, so that no job can be done
	// as a whole before the next.
	ring    = `(define (problem p) (:domain workshop) (:objects p q r - part) (:htn :subtasks (and (job p) (job q) (job r))) (:init (free) (turn p q) (turn q r) (turn r p)))`
	alone   = `(define (problem p) (:domain workshop) (:objects p q - part) (:htn :subtasks (and (job p))) (:init (free) (turn p q)))`
	lightOn = `(define (problem p) (:domain endless) (:objects t u - token) (:htn :subtasks (and (left) (right))) (:init (light)))`
	dark    = `(define (problem p) (:domain endless) (:objects t u - token) (:htn :subtasks (and (left) (right))) (:init (off)))`
)

// TestDomains plans generated problems. Every plan is judged.
func TestDomains(t *testing.T) {
	for _, c := range []struct {
		domain, name, problem string
		want                  htn.Verdict
	}{
		{"blocks", "9", blocks(9, 1), htn.Found},
		{"blocks", "30", blocks(30, 2), htn.Found},
		{"freight", "4x4", freight(4, 6, 3), htn.Found},
		{"freight", "9x9", freight(9, 40, 4), htn.Found},
		{"grammar", "5 letters", grammar(5, 8), htn.Found},
		{"grammar", "300 letters", grammar(300, 300), htn.Found},
		{"grammar", "too long", grammar(20, 8), htn.None},
		{"workshop", "ring", ring, htn.Found},
		{"workshop", "alone", alone, htn.None},
		{"endless", "light", lightOn, htn.None},
		{"endless", "dark", dark, htn.Found},
	} {
		t.Run(c.domain+" "+c.name, func(t *testing.T) {
			d, p, m := instance(t, c.domain, c.problem)
			r, err := m.Plan(htn.Options{Nodes: 500_000})
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != c.want {
				t.Fatalf("%v by %q after %d nodes, and it should be %v", r.Verdict, r.By, r.Nodes, c.want)
			}
			if r.Plan == nil {
				return
			}
			if err := Plan(d, p, r.Plan); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d actions by %s after %d nodes", r.Plan.Actions, r.By, r.Nodes)
		})
	}
}

// TestOneModelForAll plans with one model in many goroutines: all plans are the
// same, byte for byte.
func TestOneModelForAll(t *testing.T) {
	for _, c := range [][2]string{{"freight", freight(5, 8, 5)}, {"blocks", blocks(12, 6)}, {"workshop", ring}, {"grammar", grammar(5, 8)}} {
		_, _, m := instance(t, c[0], c[1])
		got := make([]string, 12)
		var all sync.WaitGroup
		for i := range got {
			all.Go(func() {
				r, err := m.Plan(htn.Options{})
				if err != nil || r.Plan == nil {
					return
				}
				g, err := m.DAG(r.Plan)
				if err != nil {
					return
				}
				others, all, err := m.Several(2, htn.Options{Nodes: 200})
				if err != nil {
					return
				}
				got[i] = fmt.Sprint(r.By, r.Nodes, r.Plan.IPC(), g.Waits(r.Plan), len(others), all)
				for _, o := range others {
					got[i] += o.IPC()
				}
			})
		}
		all.Wait()
		for i := range got {
			if got[i] == "" || got[i] != got[0] {
				t.Fatalf("%s: plan %d is\n%s\nand the first is\n%s", c[0], i, got[i], got[0])
			}
		}
	}
}

// TestBrokenPlansAreRefused breaks a plan in one way at a time.
func TestBrokenPlansAreRefused(t *testing.T) {
	for name, harm := range map[string]func(p *htn.Plan){
		"an action is left out":     func(p *htn.Plan) { p.Nodes[1].Task, p.Nodes[1].Args = p.Nodes[0].Task, p.Nodes[0].Args },
		"two actions are exchanged": func(p *htn.Plan) { p.Nodes[0], p.Nodes[1] = p.Nodes[1], p.Nodes[0] },
		"a method that there is not": func(p *htn.Plan) {
			p.Nodes[p.Actions].Method = "none"
		},
		"a method of another task": func(p *htn.Plan) { p.Nodes[p.Actions].Method = "via" },
		"a step twice":             func(p *htn.Plan) { p.Nodes[p.Actions].Kids[0] = p.Nodes[p.Actions].Kids[2] },
		"a root is missing":        func(p *htn.Plan) { p.Roots = p.Roots[1:] },
		"another argument":         func(p *htn.Plan) { p.Nodes[p.Actions].Args[1] = "l0" },
		"an object that there is not": func(p *htn.Plan) {
			p.Nodes[0].Args[0] = "nobody"
		},
	} {
		d, p, m := instance(t, "freight", freight(4, 2, 9))
		r, err := m.Plan(htn.Options{})
		if err != nil || r.Plan == nil {
			t.Fatal(r, err)
		}
		if err := Plan(d, p, r.Plan); err != nil {
			t.Fatal(err)
		}
		if harm(r.Plan); Plan(d, p, r.Plan) == nil {
			t.Errorf("%s, and the plan is taken\n%s", name, r.Plan.IPC())
		}
	}
}

// TestAMethodHasToApply hands in plans whose actions can be done; the methods of some
// do not apply.
func TestAMethodHasToApply(t *testing.T) {
	const head = "(define (problem p) (:domain freight) (:objects v - van a b c - place) (:init (at v a) (road a b) (road b c))"
	leaf := func(task, method string, kids ...int) htn.Node {
		f := strings.Fields(task)
		return htn.Node{Task: f[0], Args: f[1:], Method: method, Kids: kids}
	}
	for _, c := range []struct {
		name, net string
		plan      htn.Plan
		right     bool
	}{
		{"it is there", "(go v a)", htn.Plan{Nodes: []htn.Node{leaf("go v a", "there")}, Roots: []int{0}}, true},
		{"it is elsewhere", "(go v b)", htn.Plan{Nodes: []htn.Node{leaf("go v b", "there")}, Roots: []int{0}}, false},
		{"one road", "(go v b)", htn.Plan{
			Nodes: []htn.Node{leaf("drive v a b", ""), leaf("go v b", "via", 2, 0), leaf("go v a", "there")}, Roots: []int{1}, Actions: 1,
		}, true},
		{"two roads", "(go v c)", htn.Plan{
			Nodes: []htn.Node{leaf("drive v a b", ""), leaf("drive v b c", ""), leaf("go v c", "via", 3, 1), leaf("go v b", "via", 4, 0), leaf("go v a", "there")},
			Roots: []int{2}, Actions: 2,
		}, true},
		{"it was there before", "(drive v a b) (go v a)", htn.Plan{
			Nodes: []htn.Node{leaf("drive v a b", ""), leaf("go v a", "there")}, Roots: []int{0, 1}, Actions: 1,
		}, false},
	} {
		d, p, _ := instance(t, "freight", head+"(:htn :ordered-subtasks (and "+c.net+")))")
		if err := Plan(d, p, &c.plan); (err == nil) != c.right {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestDivesGoOnWhileGrounding: a problem of which grounding takes far longer than a
// dive is found by the dive, before a search of what was grounded has its turn.
func TestDivesGoOnWhileGrounding(t *testing.T) {
	d, p, m := instance(t, "freight", freight(9, 60, 4))
	r, err := m.Plan(htn.Options{})
	if err != nil || r.Plan == nil {
		t.Fatal(r, err)
	}
	if r.By != htn.Dive || r.Nodes > 90_000 {
		t.Errorf("found by %s with %d nodes", r.By, r.Nodes)
	}
	if err := Plan(d, p, r.Plan); err != nil {
		t.Error(err)
	}
}

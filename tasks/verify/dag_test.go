package verify

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"jitos.dev/tasks/htn"
)

// orders calls do for the orders of a plan's actions that a DAG allows, up to most.
func orders(g *htn.DAG, most int, do func(order []int)) (all bool) {
	before := make([][]int, g.Actions)
	for _, e := range g.Edges {
		before[e.To] = append(before[e.To], e.From)
	}
	at := make([]bool, g.Actions)
	var order []int
	var next func() bool
	next = func() bool {
		if len(order) == g.Actions {
			do(order)
			most--
			return most > 0
		}
		// From behind, so that the first orders are far from the plan's own.
		for i := g.Actions - 1; i >= 0; i-- {
			if at[i] || slices.ContainsFunc(before[i], func(x int) bool { return !at[x] }) {
				continue
			}
			at[i] = true
			order = append(order, i)
			on := next()
			order, at[i] = order[:len(order)-1], false
			if !on {
				return false
			}
		}
		return true
	}
	return next()
}

// inOrder is a plan of which the actions are done in another order.
func inOrder(p *htn.Plan, order []int) *htn.Plan {
	where := make([]int, len(p.Nodes))
	for i := range where {
		where[i] = i
	}
	out := &htn.Plan{Actions: p.Actions, Cost: p.Cost}
	for at, i := range order {
		where[i] = at
		out.Nodes = append(out.Nodes, p.Nodes[i])
	}
	move := func(list []int) []int {
		out := make([]int, len(list))
		for i, k := range list {
			out[i] = where[k]
		}
		return out
	}
	for _, n := range p.Nodes[p.Actions:] {
		n.Kids = move(n.Kids)
		out.Nodes = append(out.Nodes, n)
	}
	out.Roots = move(p.Roots)
	return out
}

// TestEveryOrderOfADAGIsAPlan does the actions of plans in every order that their DAGs
// allow: each is a plan, and ends in the same state. No edge says what others do.
func TestEveryOrderOfADAGIsAPlan(t *testing.T) {
	plans, tried, loose, why := 0, 0, 0, map[htn.Why]int{}
	for seed := range uint64(1200) {
		d, p := randomProblem(seed, seed%4 == 0)
		m, err := htn.Compile(d, p)
		if err != nil {
			t.Fatal(err)
		}
		r, err := m.Plan(htn.Options{Nodes: 10_000})
		if err != nil || r.Verdict != htn.Found || r.Plan.Actions < 2 || r.Plan.Actions > 12 {
			continue
		}
		g, err := m.DAG(r.Plan)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, r.Plan.IPC())
		}
		plans++
		end := final(d, p, r.Plan)
		n := 0
		orders(g, 150, func(order []int) {
			n++
			x := inOrder(r.Plan, order)
			if err := Plan(d, p, x); err != nil {
				t.Fatalf("seed %d: in the order %v it is no plan: %v\n%s%s", seed, order, err, r.Plan.IPC(), g.Waits(r.Plan))
			}
			if !maps.Equal(final(d, p, x), end) {
				t.Fatalf("seed %d: in the order %v it ends elsewhere\n%s%s", seed, order, r.Plan.IPC(), g.Waits(r.Plan))
			}
		})
		if tried += n; n > 1 {
			loose++
		}
		for i, e := range g.Edges {
			why[e.Why]++
			if (e.Fact == nil) != (e.Why == htn.Ordered) {
				t.Errorf("seed %d: %+v", seed, e)
			}
			if implied(g, i) {
				t.Errorf("seed %d: edge %+v says what others do\n%s", seed, e, g.Waits(r.Plan))
			}
		}
	}
	t.Logf("%d plans, %d orders, %d plans with several, edges %v", plans, tried, loose, why)
	if plans < 100 || loose < 40 || why[htn.Link] < 20 || why[htn.Threat] < 20 || why[htn.Ordered] < 20 {
		t.Error("that says little")
	}
}

// implied reports whether other edges lead where one does.
func implied(g *htn.DAG, i int) bool {
	seen := map[int]bool{}
	var reach func(from int) bool
	reach = func(from int) bool {
		if from == g.Edges[i].To {
			return true
		}
		if seen[from] {
			return false
		}
		seen[from] = true
		for k, e := range g.Edges {
			if k != i && e.From == from && reach(e.To) {
				return true
			}
		}
		return false
	}
	return reach(g.Edges[i].From)
}

func final(d *htn.Domain, p *htn.Problem, plan *htn.Plan) state {
	w := newWorld(d, p)
	s := w.initial()
	for _, n := range plan.Nodes[:plan.Actions] {
		next, err := w.do(s, n.Task, n.Args)
		if err != nil {
			return nil
		}
		s = next
	}
	return s
}

// TestDAGLetsGo: what has nothing to do with each other is not ordered, and what has
// is told by the fact.
func TestDAGLetsGo(t *testing.T) {
	d, p, m := instance(t, "freight", `(define (problem p) (:domain freight) (:objects v w - van a b c - place s0 s1 - size x y - parcel)
		(:htn :subtasks (and (deliver x b) (deliver y c)))
		(:init (at v a) (at x a) (at w c) (at y b) (road a b) (road c b) (road b c) (less s0 s1) (room v s1) (room w s1)))`)
	r, err := m.Plan(htn.Options{})
	if err != nil || r.Plan == nil {
		t.Fatal(err)
	}
	g, err := m.DAG(r.Plan)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	orders(g, 1000, func(order []int) {
		if n++; Plan(d, p, inOrder(r.Plan, order)) != nil {
			t.Errorf("%v is no plan", order)
		}
	})
	if n < 10 {
		t.Errorf("%d orders of two parcels that two vans bring\n%s%s", n, r.Plan.IPC(), g.Waits(r.Plan))
	}
	if text := g.Waits(r.Plan); !strings.Contains(text, "(link (at v b))") {
		t.Error(text)
	}
	one := make([]int64, g.Actions)
	for i := range one {
		one[i] = 1
	}
	// The ways of the two vans are as long as they are; the plan is both.
	path, length := g.Critical(one)
	if int(length) != len(path) || len(path) >= g.Actions || len(path) < 3 {
		t.Errorf("the longest way is %v, %d, of %d actions\n%s", path, length, g.Actions, g.Waits(r.Plan))
	}
	for i := 1; i < len(path); i++ {
		if !slices.ContainsFunc(g.Edges, func(e htn.Edge) bool { return e.From == path[i-1] && e.To == path[i] }) {
			t.Errorf("%v is no way", path)
		}
	}
	r.Plan.Nodes[0], r.Plan.Nodes[r.Plan.Actions-1] = r.Plan.Nodes[r.Plan.Actions-1], r.Plan.Nodes[0]
	if _, err := m.DAG(r.Plan); err == nil {
		t.Error("a plan that is none has a DAG")
	}
}

package rule_test

import (
	"fmt"
	"math"
	"testing"

	"jitos.dev/rewrite/rule"
	"jitos.dev/rmg"
)

func graphOf(t testing.TB, fn func(o *rmg.Overlay) error) rmg.Graph {
	t.Helper()
	o := rmg.NewOverlay(rmg.Graph{})
	if err := fn(o); err != nil {
		t.Fatal(err)
	}
	return o.Graph()
}

func imageOf(t testing.TB, g rmg.Graph) *rule.Image {
	t.Helper()
	m, err := rule.NewImage(g, rule.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func runOf(t testing.TB, m *rule.Image, s *rule.Set, o rule.RunOptions) *rule.Run {
	t.Helper()
	r, err := rule.NewRun(m, s, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func written(t testing.TB, m *rule.Image, g rmg.Graph) rmg.Graph {
	t.Helper()
	o := rmg.NewOverlay(g)
	if err := m.Write(o); err != nil {
		t.Fatal(err)
	}
	if f := rmg.Check(o.Graph()); len(f) > 0 {
		t.Fatal(f)
	}
	return o.Graph()
}

// ringRules is the mutual exclusion ring of Varro, Schurr and Varro 2005.
const ringRules = `
kinds: {Process: {}, Resource: {}, next: {}, request: {}, token: {}, held_by: {}, release: {}}
rules:
  - rule: new
    match: ["p1:Process -[e:next]-> p2:Process"]
    delete: [e]
    create: ["p1 -[next]-> p:Process -[next]-> p2"]
  - rule: mount
    match: ["p:Process"]
    create: ["r:Resource -[token]-> p"]
  - rule: request
    match: ["p:Process", "r:Resource"]
    unless: ["r -[held_by]-> p", "p -[request]-> _"]
    create: ["p -[request]-> r"]
  - rule: take
    match: ["r:Resource -[t:token]-> p:Process -[q:request]-> r"]
    delete: [t, q]
    create: ["r -[held_by]-> p"]
  - rule: release
    match: ["r:Resource -[h:held_by]-> p:Process"]
    unless: ["p -[request]-> _"]
    delete: [h]
    create: ["r -[release]-> p"]
  - rule: give
    match: ["r:Resource -[x:release]-> p1:Process -[next]-> p2:Process"]
    delete: [x]
    create: ["r -[token]-> p2"]
`

func ring(o *rmg.Overlay) error {
	for _, id := range []string{"a", "b"} {
		if err := o.AddNode(rmg.Root.Child(id), "Process", rmg.Props{}); err != nil {
			return err
		}
	}
	if err := o.AddEdge("/~ab", "next", "a", "b", rmg.Props{}); err != nil {
		return err
	}
	return o.AddEdge("/~ba", "next", "b", "a", rmg.Props{})
}

// TestMutualExclusionRing: 5N-1 rewrites make N+1 nodes and N+1 edges.
func TestMutualExclusionRing(t *testing.T) {
	for _, n := range []int{2, 3, 10, 1000} {
		g := graphOf(t, ring)
		m := imageOf(t, g)
		r := runOf(t, m, load(t, ringRules), rule.RunOptions{})
		ok, err := r.Program(fmt.Sprintf("new*%d; mount; request*%d; (take; release; give)*%d", n-2, n, n))
		if !ok || err != nil {
			t.Fatalf("n %d: %v, %v, %v", n, ok, err, r.Applied())
		}
		nodes, edges := written(t, m, g).Len()
		if m.Rewrites() != 5*n-1 || nodes != n+1 || edges != n+1 {
			t.Errorf("n %d: %d rewrites, %d nodes, %d edges", n, m.Rewrites(), nodes, edges)
		}
		for _, rest := range []string{"take", "release", "request", "give"} {
			if ok, err := r.Once(rest); rest == "request" != ok || err != nil {
				t.Errorf("n %d: %s after the end: %v, %v", n, rest, ok, err)
			}
		}
	}
}

// sierpinskiRules is the Sierpinski triangle of AGTIVE 2007.
const sierpinskiRules = `
kinds:
  A: {}
  B: {}
  C: {}
  AB: {is: [A, B]}
  BC: {is: [B, C]}
  CA: {is: [C, A]}
  E0: {}
  E1: {}
rules:
  - rule: gen0
    match: ["a:A -[x:E0]-> b:B -[y:E0]-> c:C -[z:E0]-> a"]
    delete: [x, y, z]
    create: ["a -[E1]-> ab:AB -[E1]-> b -[E1]-> bc:BC -[E1]-> c -[E1]-> ca:CA -[E1]-> a", "ab -[E1]-> ca -[E1]-> bc -[E1]-> ab"]
  - rule: gen1
    match: ["a:A -[x:E1]-> b:B -[y:E1]-> c:C -[z:E1]-> a"]
    delete: [x, y, z]
    create: ["a -[E0]-> ab:AB -[E0]-> b -[E0]-> bc:BC -[E0]-> c -[E0]-> ca:CA -[E0]-> a", "ab -[E0]-> ca -[E0]-> bc -[E0]-> ab"]
`

func triangle(o *rmg.Overlay) error {
	for _, k := range []string{"A", "B", "C"} {
		if err := o.AddNode(rmg.Root.Child("start"+k), k, rmg.Props{}); err != nil {
			return err
		}
	}
	for _, e := range []string{"AB", "BC", "CA"} {
		if err := o.AddEdge(rmg.Root.EdgeChild("start"+e), "E0", "start"+e[:1], "start"+e[1:], rmg.Props{}); err != nil {
			return err
		}
	}
	return nil
}

// TestSierpinski: after k steps (3^(k+1)+3)/2 nodes, 3^(k+1) edges, (3^k-1)/2
// rewrites.
func TestSierpinski(t *testing.T) {
	for k := 1; k <= 7; k++ {
		g := graphOf(t, triangle)
		m := imageOf(t, g)
		r := runOf(t, m, load(t, sierpinskiRules), rule.RunOptions{})
		for i := range k {
			if _, err := r.Long([]string{"gen0", "gen1"}[i%2]); err != nil {
				t.Fatal(err)
			}
		}
		nodes, edges := written(t, m, g).Len()
		pow := int(math.Pow(3, float64(k)))
		if m.Rewrites() != (pow-1)/2 || nodes != (3*pow+3)/2 || edges != 3*pow {
			t.Errorf("k %d: %d rewrites, %d nodes, %d edges", k, m.Rewrites(), nodes, edges)
		}
	}
}

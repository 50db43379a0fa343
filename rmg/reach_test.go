package rmg_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
)

func ExampleGraph_Reach() {
	o := rmg.NewOverlay(rmg.Graph{})
	for _, id := range []string{"api", "auth", "db", "log"} {
		_ = o.AddNode(rmg.Root.Child(id), "Service", rmg.Props{})
	}
	for _, e := range [][2]string{{"api", "auth"}, {"auth", "db"}, {"api", "log"}, {"db", "log"}} {
		_ = o.AddEdge(rmg.Root.EdgeChild(e[0]+"-"+e[1]), "calls", e[0], e[1], rmg.Props{})
	}
	g := o.Graph()
	for node, far := range g.Reach("api", rmg.Forward, "calls") {
		fmt.Println(node.ID, far)
	}
	way, _ := g.Route("api", "db")
	for _, e := range way {
		fmt.Println(e.ID)
	}
	// Output:
	// auth 1
	// log 1
	// db 2
	// api-auth
	// auth-db
}

// distances are the least numbers of edges, one or more, by relaxation.
func distances(m *mGraph, from string, dir rmg.Direction, kinds []string) map[string]int {
	far := map[string]int{}
	for again := true; again; {
		again = false
		for _, e := range m.edges {
			a, b := e.from, e.to
			if dir == rmg.Backward {
				a, b = b, a
			}
			n, ok := far[a]
			if a == from {
				n, ok = 0, true
			}
			if old, seen := far[b]; ok && (len(kinds) == 0 || slices.Contains(kinds, e.kind)) && (!seen || n+1 < old) {
				far[b], again = n+1, true
			}
		}
	}
	return far
}

// tangle draws a level with many edges.
func tangle(t *rapid.T) (rmg.Graph, *mGraph) {
	o, m := rmg.NewOverlay(rmg.Graph{}), newMGraph()
	for i := range rapid.IntRange(1, 8).Draw(t, "nodes") {
		m.nodes[modelIDs[i]] = &mElem{kind: "K", g: newMGraph()}
		noErrors(t, o.AddNode(rmg.Root.Child(modelIDs[i]), "K", rmg.Props{}))
	}
	for i := range rapid.IntRange(0, 40).Draw(t, "edges") {
		id := fmt.Sprint("e", i)
		ends := rapid.SampledFrom(modelIDs[:len(m.nodes)])
		e := &mElem{kind: rapid.SampledFrom([]string{"K", "L", "M"}).Draw(t, "kind"), from: ends.Draw(t, "from"), to: ends.Draw(t, "to"), g: newMGraph()}
		m.edges[id] = e
		noErrors(t, o.AddEdge(rmg.Root.EdgeChild(id), e.kind, e.from, e.to, rmg.Props{}))
	}
	return o.Graph(), m
}

func noErrors(t *rapid.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

// TestReachModel: edges at a node, nodes within reach and ways between them are
// those that a naive look at all edges finds.
func TestReachModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, m := tangle(t)
		kinds := rapid.SliceOfN(rapid.SampledFrom([]string{"K", "L", "M", "none"}), 0, 3).Draw(t, "kinds")
		id := rapid.SampledFrom(modelIDs).Draw(t, "node")
		dir := rapid.SampledFrom([]rmg.Direction{rmg.Forward, rmg.Backward}).Draw(t, "direction")

		var want, got []string
		for eid, e := range m.edges {
			at, other := e.from, e.to
			if dir == rmg.Backward {
				at, other = other, at
			}
			if at == id && (len(kinds) == 0 || slices.Contains(kinds, e.kind)) {
				want = append(want, e.kind+" "+eid+" "+other)
			}
		}
		slices.Sort(want)
		for e, n := range g.Neighbours(id, dir, kinds...) {
			got = append(got, e.Kind+" "+e.ID+" "+n.ID)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("neighbours are %q, want %q", got, want)
		}
		edges := g.Out(id, kinds...)
		if dir == rmg.Backward {
			edges = g.In(id, kinds...)
		}
		i := 0
		for e := range edges {
			if !strings.HasPrefix(want[i], e.Kind+" "+e.ID+" ") {
				t.Fatalf("edge %d is %s %s, want %s", i, e.Kind, e.ID, want[i])
			}
			i++
		}
		if i != len(want) {
			t.Fatalf("%d edges, want %d", i, len(want))
		}

		far := distances(m, id, dir, kinds)
		last := 1
		seen := map[string]bool{}
		for n, d := range g.Reach(id, dir, kinds...) {
			if far[n.ID] != d || seen[n.ID] || d < last {
				t.Fatalf("%q is reached after %d, want %d", n.ID, d, far[n.ID])
			}
			seen[n.ID], last = true, d
		}
		if len(seen) != len(far) {
			t.Fatalf("%d are reached, want %d", len(seen), len(far))
		}

		to := rapid.SampledFrom(modelIDs).Draw(t, "to")
		way, ok := g.Route(id, to, kinds...)
		steps, there := distances(m, id, rmg.Forward, kinds)[to], m.nodes[id] != nil && m.nodes[to] != nil
		if id == to {
			steps = 0
		} else if steps == 0 {
			there = false
		}
		if ok != there || len(way) != steps && ok {
			t.Fatalf("the way from %q to %q has %d edges, %v; want %d, %v", id, to, len(way), ok, steps, there)
		}
		at := id
		for _, e := range way {
			if e.From != at || len(kinds) > 0 && !slices.Contains(kinds, e.Kind) {
				t.Fatalf("the way goes from %q by %+v", at, e)
			}
			at = e.To
		}
		if ok && at != to {
			t.Fatalf("the way ends at %q, not %q", at, to)
		}
	})
}

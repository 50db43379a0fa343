package rmg_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
)

// oneByOne is what AddAll has to be the same as.
func oneByOne(o *rmg.Overlay, p rmg.Path, nodes, edges []rmg.Element) error {
	mark := o.Mark()
	for _, e := range nodes {
		if err := o.AddNode(p.Child(e.ID), e.Kind, e.Props); err != nil {
			o.Rewind(mark)
			return err
		}
	}
	for _, e := range edges {
		if err := o.AddEdge(p.EdgeChild(e.ID), e.Kind, e.From, e.To, e.Props); err != nil {
			o.Rewind(mark)
			return err
		}
	}
	return nil
}

// TestAddAllIsOneByOne: the same graph, the same adjacency, the same
// refusals, whether the tries are built or edited.
func TestAddAllIsOneByOne(t *testing.T) {
	refused := 0
	rapid.Check(t, func(t *rapid.T) {
		draw := func(prefix string, most int) (nodes, edges []rmg.Element) {
			for i := range rapid.IntRange(0, most).Draw(t, "nodes") {
				nodes = append(nodes, rmg.Element{ID: fmt.Sprint(prefix, i*7%13, i), Kind: []string{"K", "L"}[i%2], Props: rmg.PropsOf(map[string]rmg.Value{"n": rmg.Int(int64(i % 3))})})
			}
			ids := []string{"x", "hub"}
			for _, e := range nodes {
				ids = append(ids, e.ID)
			}
			if rapid.IntRange(0, 30).Draw(t, "bad") == 0 {
				ids = append(ids, "nowhere")
			}
			for i := range rapid.IntRange(0, 2*most).Draw(t, "edges") {
				edges = append(edges, rmg.Element{ID: fmt.Sprint(prefix, i*5%11, i), Edge: true, Kind: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "kind"), From: rapid.SampledFrom(ids).Draw(t, "from"), To: rapid.SampledFrom(ids).Draw(t, "to")})
			}
			if len(edges) > 1 && rapid.IntRange(0, 30).Draw(t, "twice") == 0 {
				edges[0].ID = edges[len(edges)-1].ID
			}
			return nodes, edges
		}
		o := rmg.NewOverlay(rmg.Graph{})
		for _, id := range []string{"x", "hub"} {
			if err := o.AddNode(rmg.Root.Child(id), "K", rmg.Props{}); err != nil {
				t.Fatal(err)
			}
		}
		at := rapid.SampledFrom([]rmg.Path{rmg.Root, "/x"}).Draw(t, "at")
		if at != rmg.Root {
			for _, id := range []string{"x", "hub"} {
				if err := o.AddNode(at.Child(id), "K", rmg.Props{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i, prefix := range []string{"m", rapid.SampledFrom([]string{"m", "n", "l"}).Draw(t, "prefix")} {
			nodes, edges := draw(prefix, []int{40, 60}[i])
			p := rmg.NewOverlay(o.Graph())
			want := oneByOne(p, at, nodes, edges)
			before := o.Graph()
			got := o.AddAll(at, slices.Values(nodes), slices.Values(edges))
			if (got == nil) != (want == nil) || got != nil && codeOf(got) != rmg.Exists && codeOf(got) != rmg.NotFound {
				t.Fatalf("%v, one by one %v", got, want) // of two faults either is told
			}
			if got != nil {
				refused++
				if o.Graph() != before {
					t.Fatalf("refused, and yet changed: %v", got)
				}
				continue
			}
			if f := rmg.Check(o.Graph()); len(f) > 0 {
				t.Fatal(f)
			}
			if o.Graph().Digest() != p.Graph().Digest() {
				t.Fatalf("the digests differ")
			}
			e, _ := o.Graph().Get(at)
			f, _ := p.Graph().Get(at)
			for n := range e.Graph.Nodes("") {
				x, y := slices.Collect(e.Graph.Out(n.ID)), slices.Collect(f.Graph.Out(n.ID))
				if len(x) != len(y) || !slices.EqualFunc(x, y, func(a, b rmg.Element) bool { return a.ID == b.ID }) {
					t.Fatalf("out of %s: %v, one by one %v", n.ID, x, y)
				}
			}
		}
	})
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

// TestAddAllKeepsSchemas: what one write would refuse, many do.
func TestAddAllKeepsSchemas(t *testing.T) {
	o := rmg.NewOverlay(rmg.Graph{})
	kind := []rmg.Element{{ID: "kind", Kind: "Folder"}}
	if err := o.AddAll(rmg.Root, slices.Values(kind), slices.Values([]rmg.Element(nil))); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		o.AddNode("/kind/K", "Kind", rmg.PropsOf(map[string]rmg.Value{"closed": rmg.Bool(true)})),
		o.AddNode("/kind/K/n", "Prop", rmg.PropsOf(map[string]rmg.Value{"type": rmg.String("int"), "default": rmg.Int(4)})),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	none := slices.Values([]rmg.Element(nil))
	bad := []rmg.Element{{ID: "a", Kind: "K"}, {ID: "b", Kind: "K", Props: rmg.PropsOf(map[string]rmg.Value{"x": rmg.Int(1)})}}
	if err := o.AddAll(rmg.Root, slices.Values(bad), none); codeOf(err) != rmg.Invalid {
		t.Errorf("%v", err)
	}
	if err := o.AddAll(rmg.Root, slices.Values(bad[:1]), none); err != nil {
		t.Error(err)
	}
	if e, _ := o.Get("/a"); e.Props.Int("n") != 4 {
		t.Errorf("no default: %v", e.Props)
	}
	if err := o.AddAll("/nowhere", none, none); codeOf(err) != rmg.NotFound {
		t.Errorf("%v", err)
	}
}

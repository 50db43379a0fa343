package rewrite_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// checkBetween: the ops between two versions turn the one into the other below
// at, leave all else alone, and survive the log.
func checkBetween(t *rapid.T, a, b rmg.Graph, at rmg.Path) {
	ops := rewrite.Between(a, b, at)
	for i := range ops {
		raw, err := ops[i].MarshalCBOR()
		if err == nil {
			ops[i] = rewrite.Op{}
			err = ops[i].UnmarshalCBOR(raw)
		}
		if err != nil {
			t.Fatalf("op %d: %v", i, err)
		}
	}
	o := rmg.NewOverlay(a)
	if err := rewrite.Apply(o, ops); err != nil {
		t.Fatalf("below %s: %v\nof %+v\nfrom\n%sto\n%s", at, err, ops, dump(a), dump(b))
	}
	x, _ := o.Get(at)
	y, _ := b.Get(at)
	if x.Graph.Digest() != y.Graph.Digest() {
		t.Fatalf("below %s\n%+v\ngive\n%swant\n%s", at, ops, dump(x.Graph), dump(y.Graph))
	}
	for c := range rmg.Diff(a, o.Graph()) {
		if !at.Has(c.Path) || c.Path == at {
			t.Fatalf("below %s: %s changed too", at, c.Path)
		}
	}
	if a.Same(b) && len(ops) > 0 {
		t.Fatalf("nothing changed, and there are %+v", ops)
	}
}

func TestBetween(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawGraph(t, rmg.Graph{}, 8)
		b := drawGraph(t, a, 5)
		checkBetween(t, a, b, rmg.Root)
		checkBetween(t, b, a, rmg.Root)
		checkBetween(t, b, b, rmg.Root)
		var both []rmg.Path
		for p := range a.Walk(rmg.Root) {
			if _, ok := b.Get(p); ok {
				both = append(both, p)
			}
		}
		if len(both) > 0 {
			checkBetween(t, a, b, rapid.SampledFrom(both).Draw(t, "at"))
		}
		// Two versions with nothing in common.
		checkBetween(t, a, drawGraph(t, rmg.Graph{}, 8), rmg.Root)
	})
}

// TestBetweenForms: the ops are what a person would write: one write for a
// file, one remove for a folder.
func TestBetweenForms(t *testing.T) {
	store := blobs{}
	a := worldOf(t, store)
	for step, want := range map[string][]string{
		`{"op":"write","path":"/d/sub/new","text":"x"}`:            {"write /d/sub/new"},
		`{"op":"write","path":"/d/f","text":"x","mode":"0644"}`:    {"write /d/f"},
		`{"op":"remove","path":"/d"}`:                              {"remove /d"},
		`{"op":"set","path":"/d/f","props":{"x":1}}`:               {"set /d/f"},
		`{"op":"retype","path":"/a","kind":"M"}`:                   {"retype /a"},
		`{"op":"remove","path":"/b","cascade":true}`:               {"remove /~e", "remove /b"},
		`{"op":"move","path":"/b","to":"/c"}`:                      {"remove /~e", "remove /b", "add_node /c", "add_edge /~e"},
		`{"op":"add_node","path":"/~e/x","kind":"N"}`:              {"add_node /~e/x"},
		`{"op":"write","path":"/d/x/y","text":""}`:                 {"add_node /d/x", "write /d/x/y"},
		`{"op":"add_node","path":"/a/f","kind":"File","props":{}}`: {"add_node /a/f"},
		`{"op":"move","path":"/d/f","to":"/a/f"}`:                  {"remove /d/f", "add_node /a/f"},
		`{"op":"set","path":"/d/f","props":{"mode":"0600"}}`:       {"set /d/f"},
		`{"op":"set","path":"/d","props":{}}`:                      nil,
	} {
		o := rmg.NewOverlay(a)
		ops, err := rewrite.Resolve(parse(t, step), store.put, store.size)
		if err == nil {
			err = rewrite.Apply(o, ops)
		}
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		between := rewrite.Between(a, o.Graph(), rmg.Root)
		for _, op := range between {
			got = append(got, fmt.Sprint(op.Op, " ", op.Path))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", step, got, want)
		}
		again := rmg.NewOverlay(a)
		if err := rewrite.Apply(again, between); err != nil || again.Graph().Digest() != o.Graph().Digest() {
			t.Errorf("%s: %v, and there is\n%s", step, err, dump(again.Graph()))
		}
	}
	if ops := rewrite.Between(a, a, "/nowhere"); ops != nil {
		t.Errorf("below nothing there are %v", ops)
	}
}

// TestBetweenEdge: an edge with other ends is put in anew, with what is inside,
// once.
func TestBetweenEdge(t *testing.T) {
	o := rmg.NewOverlay(worldOf(t, blobs{}))
	inside := parse(
		t, `{"op":"add_node","path":"/~e/x","kind":"N"}`, `{"op":"add_node","path":"/~e/z","kind":"N"}`,
		`{"op":"add_edge","path":"/~e/~i","kind":"E","from":"x","to":"z"}`, `{"op":"add_node","path":"/~e/x/deep","kind":"N"}`,
	)
	if err := rewrite.Apply(o, inside); err != nil {
		t.Fatal(err)
	}
	a := o.Graph()
	change := parse(
		t, `{"op":"remove","path":"/~e"}`, `{"op":"add_edge","path":"/~e","kind":"E","from":"b","to":"a"}`,
		`{"op":"add_node","path":"/~e/x","kind":"M"}`, `{"op":"add_node","path":"/~e/y","kind":"N"}`, `{"op":"add_node","path":"/~e/x/new","kind":"N"}`,
	)
	if err := rewrite.Apply(o, change); err != nil {
		t.Fatal(err)
	}
	again := rmg.NewOverlay(a)
	if err := rewrite.Apply(again, rewrite.Between(a, o.Graph(), rmg.Root)); err != nil || again.Graph().Digest() != o.Graph().Digest() {
		t.Errorf("%v, and there is\n%swant\n%s", err, dump(again.Graph()), dump(o.Graph()))
	}
}

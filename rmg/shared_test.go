package rmg_test

import (
	"bytes"
	"fmt"
	"testing"

	"jitos.dev/rmg"
)

// TestCheckOfSharedLevels: a graph that holds the same graph twice, down to the
// greatest depth, has 2^64 paths and a few kilobytes. It is checked as what it is, live
// or read from a store, and what is wrong in it is found.
func TestCheckOfSharedLevels(t *testing.T) {
	doubled := func(innermost string) rmg.Graph {
		g := rmg.Graph{}
		for i := range rmg.MaxDepth - 1 {
			o := rmg.NewOverlay(rmg.Graph{}).Unchecked()
			for _, id := range []string{"a", "b"} {
				kind := "K"
				if i == 0 {
					kind = innermost
				}
				if err := o.Graft(rmg.Root.Child(id), rmg.Element{ID: id, Kind: kind, Graph: g}); err != nil {
					t.Fatal(err)
				}
			}
			g = o.Graph()
		}
		o := rmg.NewOverlay(rmg.Graph{}).Unchecked()
		if err := o.Graft("/top", rmg.Element{ID: "top", Kind: "K", Graph: g}); err != nil {
			t.Fatal(err)
		}
		if err := o.AddNode(rmg.KindPath, "Kinds", rmg.Props{}); err != nil {
			t.Fatal(err)
		}
		rules := rmg.PropsOf(map[string]rmg.Value{"of": rmg.String("node"), "leaf": rmg.Bool(true)})
		if err := o.AddNode(rmg.KindPath.Child("Leaf"), "Kind", rules); err != nil {
			t.Fatal(err)
		}
		if err := o.AddNode(rmg.KindPath.Child("Edge"), "Kind", rmg.PropsOf(map[string]rmg.Value{"of": rmg.String("edge")})); err != nil {
			t.Fatal(err)
		}
		return o.Graph()
	}
	stored := func(g rmg.Graph) rmg.Graph {
		var file bytes.Buffer
		root, err := rmg.NewStore(nil, &file, 0).Put(g)
		if err != nil {
			t.Fatal(err)
		}
		if file.Len() > 64<<10 {
			t.Errorf("the store has %d bytes", file.Len())
		}
		g, err = rmg.NewStore(bytes.NewReader(file.Bytes()), nil, int64(file.Len())).Open(root)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	for _, x := range []struct {
		innermost string
		findings  int
	}{
		{"K", 0},
		{"Edge", rmg.MaxFindings}, // a node that has to be an edge, at more paths than are told
	} {
		g := doubled(x.innermost)
		for i, g := range []rmg.Graph{g, stored(g)} {
			t.Run(fmt.Sprintf("%s-%d", x.innermost, i), func(t *testing.T) {
				if found := rmg.Check(g); len(found) != x.findings {
					t.Errorf("%d findings, of which %v", len(found), found[:min(1, len(found))])
				}
			})
		}
	}
}

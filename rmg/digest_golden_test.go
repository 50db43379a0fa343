package rmg_test

import (
	"fmt"
	"strings"
	"testing"

	"jitos.dev/rmg"
)

// canned are graphs whose digests are frozen: a change of any part of the
// canonical encoding changes one of them.
func canned(t *testing.T) []struct {
	name string
	g    rmg.Graph
} {
	many := func(n int, format string) rmg.Graph {
		o := rmg.NewOverlay(rmg.Graph{})
		for i := range n {
			if err := o.AddNode(rmg.Root.Child(fmt.Sprintf(format, i)), "N", rmg.Props{}); err != nil {
				t.Fatal(err)
			}
		}
		return o.Graph()
	}
	deep := rmg.NewOverlay(rmg.Graph{})
	p := rmg.Root
	for range rmg.MaxDepth {
		p = p.Child("d")
		if err := deep.AddNode(p, "N", rmg.Props{}); err != nil {
			t.Fatal(err)
		}
	}
	types := rmg.NewOverlay(rmg.Graph{})
	for i, v := range goldenValues() {
		if err := types.AddNode(rmg.Root.Child(fmt.Sprint("v", i)), "N", rmg.PropsOf(map[string]rmg.Value{"v": v})); err != nil {
			t.Fatal(err)
		}
	}
	hub := rmg.NewOverlay(many(40, "n%d"))
	for i := range 40 {
		if err := hub.AddEdge(rmg.Root.EdgeChild(fmt.Sprint("e", i)), "E", "n0", fmt.Sprint("n", i), rmg.Props{}); err != nil {
			t.Fatal(err)
		}
	}
	odd := rmg.NewOverlay(rmg.Graph{})
	for _, id := range []string{"\x00", "\xff", "/", "%", "~", "é", "a:1", " ", strings.Repeat("x", rmg.MaxSegment)} {
		if err := odd.AddNode(rmg.Root.Child(id), "N", rmg.Props{}); err != nil {
			t.Fatal(err)
		}
	}
	return []struct {
		name string
		g    rmg.Graph
	}{
		{"nothing", rmg.Graph{}},
		{"a node", build(t, "node /a K")},
		{"a node of another kind", build(t, "node /a L")},
		{"a node with a prop", build(t, "node /a K", "set /a v 1")},
		{"a loop", build(t, "node /a K", "edge /~e E a a")},
		{"an edge", build(t, "node /a K", "node /b K", "edge /~e E a b")},
		{"the edge turned around", build(t, "node /a K", "node /b K", "edge /~e E b a")},
		{"two edges between the same", build(t, "node /a K", "node /b K", "edge /~e E a b", "edge /~f E a b")},
		{"a graph in a node", build(t, "node /a K", "node /a/b K", "node /a/c K", "edge /a/~e E b c")},
		{"a graph in an edge", build(t, "node /a K", "edge /~e E a a", "node /~e/b K")},
		{"services", services()},
		{"a prop of each type", types.Graph()},
		{"ids of odd bytes", odd.Graph()},
		{"as deep as may be", deep.Graph()},
		{"a full bucket", many(32, "n%d")},
		{"one more than a bucket", many(33, "n%d")},
		{"a branch below a branch", many(2000, "n%04d")},
		{"a hub", hub.Graph()},
	}
}

// TestDigestVectors: these digests stand in logs, and other machines have to
// come to the same. They are no two alike, and the same of what was rebuilt from
// either document. When the encoding is meant to change, -update freezes them
// anew.
func TestDigestVectors(t *testing.T) {
	var b strings.Builder
	seen := map[rmg.Digest]string{}
	for _, c := range canned(t) {
		d := c.g.Digest()
		fmt.Fprintf(&b, "%s %s\n", d, c.name)
		if old := seen[d]; old != "" {
			t.Errorf("%s and %s have one digest", old, c.name)
		}
		seen[d] = c.name
		for _, f := range forms {
			back, err := f.read(strings.NewReader(string(f.bytes(t, c.g))))
			if err != nil || back.Digest() != d {
				t.Errorf("%s, through %s: %s, %v", c.name, f.name, back.Digest(), err)
			}
		}
		if list := rmg.Check(c.g); len(list) > 0 {
			t.Errorf("%s: %v", c.name, list[0])
		}
	}
	golden(t, "digests.golden", b.String())
}

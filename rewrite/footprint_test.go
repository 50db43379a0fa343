package rewrite_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// TestFootprintsCommute is what a footprint promises: of two rewrites that do
// not conflict the order does not matter, neither for what they make nor for
// which of them is refused.
func TestFootprintsCommute(t *testing.T) {
	apart := 0
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t, rmg.Graph{}, 8)
		x, y := drawOps(t, g, 2), drawOps(t, g, 2)
		f, h := rewrite.FootprintOf(x), rewrite.FootprintOf(y)
		if f.Conflicts(h) != h.Conflicts(f) {
			t.Fatalf("%+v and %+v conflict one way only", x, y)
		}
		if f.Conflicts(h) {
			return
		}
		apart++
		do := func(first, second []rewrite.Op) (rmg.Graph, error, error) {
			o := rmg.NewOverlay(g)
			a := rewrite.Apply(o, first)
			b := rewrite.Apply(o, second)
			return o.Graph(), a, b
		}
		xy, x1, y1 := do(x, y)
		yx, y2, x2 := do(y, x)
		if xy.Digest() != yx.Digest() || codeOf(x1) != codeOf(x2) || codeOf(y1) != codeOf(y2) {
			t.Fatalf("on\n%s%+v\nand\n%+v\nthere is (%v, %v)\n%sthe other way round (%v, %v)\n%s", dump(g), x, y, x1, y1, dump(xy), x2, y2, dump(yx))
		}
	})
	if apart == 0 {
		t.Error("all drawn rewrites conflict")
	}
}

// TestFootprintConflicts names the pairs; true is conflict.
func TestFootprintConflicts(t *testing.T) {
	const (
		setA   = `{"op":"set","path":"/a","props":{"x":1}}`
		setB   = `{"op":"set","path":"/b","props":{"x":1}}`
		incA   = `{"op":"inc","path":"/a","prop":"n","by":1}`
		inA    = `{"op":"add_node","path":"/a/x","kind":"N"}`
		inAB   = `{"op":"add_node","path":"/ab/x","kind":"N"}`
		setAX  = `{"op":"set","path":"/a/x","props":{}}`
		rmA    = `{"op":"remove","path":"/a","cascade":true}`
		rmE    = `{"op":"remove","path":"/~e"}`
		setE   = `{"op":"set","path":"/~e","props":{}}`
		inE    = `{"op":"add_node","path":"/~e/x","kind":"N"}`
		edge   = `{"op":"add_edge","path":"/~f","kind":"E","from":"a","to":"b"}`
		mvA    = `{"op":"move","path":"/a","to":"/c/a"}`
		setCA  = `{"op":"set","path":"/c/a/x","props":{}}`
		write1 = `{"op":"write","path":"/d/s/1","text":"x"}`
		write2 = `{"op":"write","path":"/d/s/2","text":"y"}`
		addS   = `{"op":"add_node","path":"/d/s","kind":"Dir"}`
		inS    = `{"op":"add_node","path":"/d/s/n","kind":"N"}`
		mvInE  = `{"op":"move","path":"/c/x","to":"/~e/x"}`
		rmS    = `{"op":"remove","path":"/d/s"}`
		rmAll  = `{"op":"remove","path":"/"}`
		typeD  = `{"op":"retype","path":"/d","kind":"N"}`
		kind   = `{"op":"add_node","path":"/kind/N/x","kind":"Prop"}`
		toKind = `{"op":"move","path":"/c/y","to":"/kind/y"}`
	)
	for _, c := range []struct {
		x, y string
		want bool
	}{
		{setA, setB, false},
		{setA, incA, true},
		{setA, setAX, false},
		{inA, inAB, false},
		{inA, rmA, true},
		{setAX, rmA, true},
		{setB, rmA, false},
		{rmA, rmA, true},
		{rmA, edge, true},
		{rmA, setE, true}, // the edge may be one of a's
		{rmA, rmE, true},
		{rmA, inE, true},
		{setA, setE, false},
		{rmE, setE, true},
		{rmE, inE, true},
		{rmE, setA, false},
		{edge, setB, true},
		{mvA, setAX, true},
		{mvA, setCA, true},
		{mvA, setB, false},
		{mvInE, rmA, true},
		{mvInE, setE, true},
		{rmS, write1, true},
		{rmAll, setAX, true}, // Apply refuses it; the footprint comes before
		{rmAll, rmA, true},
		{write1, write2, false},
		{write1, write1, true},
		{write1, addS, true},
		{write1, inS, true}, // the write may make the folder
		{write1, typeD, true},
		{write1, setB, false},
		{kind, setB, true}, // it says what others may do
		{toKind, setB, true},
	} {
		f, g := rewrite.FootprintOf(parse(t, c.x)), rewrite.FootprintOf(parse(t, c.y))
		if f.Conflicts(g) != c.want || g.Conflicts(f) != c.want {
			t.Errorf("%s and %s: %v and %v, want %v", c.x, c.y, f.Conflicts(g), g.Conflicts(f), c.want)
		}
	}
	all := rewrite.Footprint{All: true}
	if !all.Conflicts(rewrite.Footprint{}) || !(rewrite.Footprint{}).Conflicts(all) || (rewrite.Footprint{}).Conflicts(rewrite.Footprint{}) {
		t.Error("All conflicts with everything, nothing with nothing")
	}
}

// TestFootprintSorted: the lists are sorted and without doubles, as Conflicts
// needs them.
func TestFootprintSorted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rewrite.FootprintOf(drawOps(t, drawGraph(t, rmg.Graph{}, 6), 8))
		for _, l := range [][]rmg.Path{f.Reads, f.Writes, f.Whole, f.Ways} {
			if want := slices.Compact(slices.Sorted(slices.Values(l))); !slices.Equal(l, want) {
				t.Fatalf("%q, want %q", l, want)
			}
		}
	})
}

// TestFootprintsNameWhatIsTouched: what applying ops changed is declared as written,
// what came is declared where it came to, and what was asked for is declared.
func TestFootprintsNameWhatIsTouched(t *testing.T) {
	changes, reads := 0, 0
	check := func(t *rapid.T) {
		g := drawGraph(t, rmg.Graph{}, 8)
		ops := drawOps(t, g, 3)
		f := rewrite.FootprintOf(ops)
		o := rmg.NewOverlay(g)
		o.RecordReads()
		if rewrite.Apply(o, ops) != nil {
			return
		}
		now := o.Graph()
		whole := func(p rmg.Path) bool {
			return slices.ContainsFunc(f.Whole, func(w rmg.Path) bool { return w.Has(p) })
		}
		for c := range rmg.Diff(g, now) {
			changes++
			// An edge goes with its ends, whose graph is then declared as written.
			withEnds := c.Path.Base().Edge && len(f.Whole) > 0 && slices.Contains(f.Writes, c.Path.Parent())
			if !f.All && !whole(c.Path) && !withEnds && !slices.Contains(f.Writes, c.Path) && !slices.Contains(f.Ways, c.Path) {
				t.Fatalf("%s\n%+v\n%s changed (%s), and only %+v is declared", dump(g), ops, c.Path, c.Kind, f)
			}
			e, is := now.Get(c.Path)
			if old, was := g.Get(c.Path); !is || was && old.Kind == e.Kind || whole(c.Path.Parent()) {
				continue
			}
			slot := rewrite.Slot{At: c.Path.Parent(), Kind: e.Kind, Side: rewrite.Nodes}
			if e.Edge {
				slot.Side = rewrite.Edges
			}
			if looker := (rewrite.Footprint{Absent: []rewrite.Slot{slot}}); !f.Conflicts(looker) {
				t.Fatalf("%s\n%+v\n%s came, and only %+v is declared", dump(g), ops, c.Path, f)
			}
		}
		for _, p := range o.Reads() {
			reads++
			if p != rmg.Root && !f.All && !whole(p) && !slices.Contains(slices.Concat(f.Reads, f.Writes, f.Ways), p) {
				t.Fatalf("%s\n%+v\n%s was read, and only %+v is declared", dump(g), ops, p, f)
			}
		}
	}
	// Few of what is drawn can be applied: go on until there was enough.
	for range 50 {
		if rapid.Check(t, check); t.Failed() || changes > 400 && reads > 400 {
			break
		}
	}
	if changes == 0 || reads == 0 {
		t.Errorf("%d changes, %d reads", changes, reads)
	}
}

package rmg_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
)

// forked is a machine that goes on from where another stands.
func forked(base rmg.Graph, model *mGraph) *machine {
	return &machine{over: rmg.NewOverlay(base), model: model.copy()}
}

// ownLines tells each element's own content, without what is inside it.
func ownLines(g rmg.Graph) map[rmg.Path]string {
	out := map[rmg.Path]string{}
	for p, e := range g.Walk(rmg.Root) {
		out[p] = line(p, e.Kind, e.From, e.To, e.Props)
	}
	return out
}

// checkDiff holds changes from a to b to the laws of Diff: done to a they give
// b, nothing is told that did not change, parents come first, paths in order.
func checkDiff(t *rapid.T, a, b rmg.Graph, changes []rmg.Change) {
	lines, want := ownLines(a), ownLines(b)
	var order []rmg.Path
	for _, c := range changes {
		order = append(order, c.Path)
		old, isOld := a.Get(c.Path)
		now, isNew := b.Get(c.Path)
		var kind rmg.ChangeKind
		switch {
		case !isOld:
			kind = rmg.Added
		case !isNew:
			kind = rmg.Removed
		default:
			kind = rmg.Changed
			if lines[c.Path] == want[c.Path] {
				t.Fatalf("%s did not change", c.Path)
			}
		}
		if c.Kind != kind || old.Graph.Digest() != c.Old.Graph.Digest() || now.Graph.Digest() != c.New.Graph.Digest() {
			t.Fatalf("%s: %+v, want %s from %+v to %+v", c.Path, c, kind, old, now)
		}
		props := old.Props
		for i, p := range c.Props {
			if i > 0 && c.Props[i-1].Name >= p.Name {
				t.Fatalf("%s: props out of order: %v", c.Path, c.Props)
			}
			if was, _ := props.Get(p.Name); !was.Equal(p.Old) || p.Old.Equal(p.New) {
				t.Fatalf("%s: prop %s was %v: %+v", c.Path, p.Name, was, p)
			}
			props = props.With(p.Name, p.New)
		}
		if !props.Equal(now.Props) {
			t.Fatalf("%s: the changes of props do not give the new ones: %+v", c.Path, c.Props)
		}
		if isNew {
			lines[c.Path] = line(c.Path, c.New.Kind, c.New.From, c.New.To, c.New.Props)
		} else {
			delete(lines, c.Path)
		}
	}
	if !maps.Equal(lines, want) {
		t.Fatalf("the changes %v done to\n%sdo not give\n%s", changes, dumpGraph(a), dumpGraph(b))
	}
	if sorted := slices.SortedFunc(slices.Values(order), comparePaths); !slices.Equal(order, sorted) {
		t.Fatalf("order %v, want %v", order, sorted)
	}
}

// comparePaths is the order of Walk: nodes before edges, then bytes of ids,
// parents before what is inside.
func comparePaths(a, b rmg.Path) int {
	return slices.CompareFunc(a.Segments(), b.Segments(), func(x, y rmg.Segment) int {
		if x.Edge != y.Edge {
			if y.Edge {
				return -1
			}
			return 1
		}
		return strings.Compare(x.ID, y.ID)
	})
}

func TestDiffLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base, model := drawGraph(t, 25)
		a := base.Graph()
		m := forked(a, model)
		m.run(t, 15)
		b := m.over.Graph()
		checkDiff(t, a, b, slices.Collect(rmg.Diff(a, b)))
		checkDiff(t, b, a, slices.Collect(rmg.Diff(b, a)))
		// The same content without one shared pointer has no difference.
		for c := range rmg.Diff(b, rebuild(t, m.model)) {
			t.Fatalf("equal content differs: %+v", c)
		}
		for range rmg.Diff(a, b) {
			break // a reader may stop at the first
		}
	})
}

// TestDiffCost holds Diff to its cost: with one change among ten thousand nodes
// it may not look at most of them.
func TestDiffCost(t *testing.T) {
	fill := func(step int) *rmg.Overlay {
		o := rmg.NewOverlay(rmg.Graph{})
		for i := range 10_000 {
			if err := o.AddNode(rmg.Root.Child(fmt.Sprint(i*step%10_000)), "N", rmg.Props{}); err != nil {
				t.Fatal(err)
			}
		}
		return o
	}
	o := fill(1)
	a, twin := o.Graph(), fill(3).Graph()
	if err := o.Set("/5000", map[string]rmg.Value{"x": rmg.Int(1)}); err != nil {
		t.Fatal(err)
	}
	b := o.Graph()
	for name, g := range map[string]rmg.Graph{"forked": a, "built apart": twin} {
		_, _ = g.Digest(), b.Digest()
		if n := looked(func() {
			for range rmg.Diff(g, b) {
			}
		}); n > 100 {
			t.Errorf("%s: a diff of one change allocates %v times", name, n)
		}
		if n := looked(func() { _, _, _ = rmg.Merge(rmg.MergeInput{Base: g, System: b, Workspace: a}) }); n > 300 {
			t.Errorf("%s: a merge of one change allocates %v times", name, n)
		}
	}
}

// looked counts allocations: trees that do not share their shape are split on
// the way, so looking costs some.
func looked(fn func()) float64 { return testing.AllocsPerRun(3, fn) }

// TestDiffEnds: an edge with another end has changed, and nothing else has.
func TestDiffEnds(t *testing.T) {
	a := build(t, "node /a N", "node /b N", "edge /~e E a b")
	for _, step := range []string{"edge /~e E b b", "edge /~e E a a", "edge /~e F a b"} {
		o := rmg.NewOverlay(a)
		run(t, o, "remove /~e", step)
		var got []string
		for c := range rmg.Diff(a, o.Graph()) {
			got = append(got, string(c.Kind)+" "+string(c.Path))
		}
		if want := []string{"changed /~e"}; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", step, got, want)
		}
	}
}

// TestDiffMovedOrigins marks every node, moves some about, and asks whether the
// Moved changes explain where each came from.
func TestDiffMovedOrigins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := rmg.NewOverlay(rmg.Graph{})
		origin := map[int64]rmg.Path{}
		var paths []rmg.Path
		for i := range int64(rapid.IntRange(1, 8).Draw(t, "nodes")) {
			p := rapid.SampledFrom(append(paths, rmg.Root)).Draw(t, "parent").Child(fmt.Sprint("n", i))
			if err := o.AddNode(p, "N", rmg.PropsOf(map[string]rmg.Value{"uid": rmg.Int(i)})); err != nil {
				t.Fatal(err)
			}
			paths = append(paths, p)
			origin[i] = p
		}
		a := o.Graph()
		o = rmg.NewOverlay(a)
		for i := range rapid.IntRange(0, 8).Draw(t, "moves") {
			var there []rmg.Path
			for p := range o.Graph().Walk(rmg.Root) {
				there = append(there, p)
			}
			from := rapid.SampledFrom(there).Draw(t, "from")
			to := rapid.SampledFrom(append(there, rmg.Root)).Draw(t, "to").Child(fmt.Sprint("m", i%3))
			if rapid.Bool().Draw(t, "back") {
				to = rapid.SampledFrom(paths).Draw(t, "home")
			}
			_ = o.Move(from, to) // what cannot be made is not recorded
		}
		b := o.Graph()
		came := map[rmg.Path]rmg.Path{}
		var last rmg.Path
		for c := range rmg.DiffMoved(a, b, o.Moves()) {
			if c.Kind != rmg.Moved || c.Path <= last {
				t.Fatalf("after moves alone there is %+v, after %s", c, last)
			}
			last = c.Path
			came[c.Path] = c.From
		}
		for p, e := range b.Walk(rmg.Root) {
			at, rest := p, rmg.Path("")
			for at != rmg.Root && came[at] == "" {
				at = at.Parent()
				rest = p[len(at):]
				if at == rmg.Root {
					rest = p
				}
			}
			// What stands where it stood needs no explanation.
			if got, want := came[at]+rest, origin[e.Props.Int("uid")]; got != want && p != want {
				t.Fatalf("%s came from %s; moves %v tell %v", p, want, o.Moves(), came)
			}
		}
	})
}

// TestDiffMovedRest: what moves do not explain is told as Diff tells it.
func TestDiffMovedRest(t *testing.T) {
	a := build(t, "node /d Dir", "node /d/f File", "node /e Dir")
	o := rmg.NewOverlay(a)
	run(t, o, "move /d/f /e/g", "set /e/g v 2", "node /new File", "remove /d")
	var got []string
	for c := range rmg.DiffMoved(a, o.Graph(), o.Moves()) {
		got = append(got, fmt.Sprintf("%s %s %s", c.Kind, c.From, c.Path))
	}
	want := []string{"moved /d/f /e/g", "removed  /d", "changed  /e/g", "added  /new"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// A move that cannot be made is a remove and an add.
	got = nil
	for c := range rmg.DiffMoved(a, o.Graph(), []rmg.Move{{From: "/gone", To: "/x"}}) {
		got = append(got, string(c.Kind)+" "+string(c.Path))
	}
	if want := []string{"removed /d", "removed /d/f", "added /e/g", "added /new"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// mergeModels merges by the rules, looking at everything, and says whether
// there is a conflict.
func mergeModels(b, s, w *mGraph) (*mGraph, bool) {
	out := newMGraph()
	conflict := false
	for _, edge := range []bool{false, true} {
		ids := map[string]bool{}
		for _, g := range []*mGraph{b, s, w} {
			for id := range g.side(edge) {
				ids[id] = true
			}
		}
		for id := range ids {
			e, c := mergeElems(b.side(edge)[id], s.side(edge)[id], w.side(edge)[id])
			conflict = conflict || c
			if e != nil {
				out.side(edge)[id] = e
			}
		}
	}
	for _, e := range out.edges {
		conflict = conflict || out.nodes[e.from] == nil || out.nodes[e.to] == nil
	}
	return out, conflict
}

func mergeElems(b, s, w *mElem) (*mElem, bool) {
	switch {
	case equalElems(s, w), equalElems(b, w):
		return s, false
	case equalElems(b, s):
		return w, false
	case s == nil || w == nil:
		return s, true
	}
	inner := newMGraph()
	conflict := false
	if b == nil {
		conflict = s.own() != w.own()
		b = s
	} else {
		inner = b.g
	}
	pick := func(x, y, z string) string {
		conflict = conflict || x != y && x != z && y != z
		if x == y {
			return z
		}
		return y
	}
	out := &mElem{kind: pick(b.kind, s.kind, w.kind), from: pick(b.from, s.from, w.from), to: pick(b.to, s.to, w.to), props: map[string]rmg.Value{}}
	for n := range withProps(withProps(b.props, s.props), w.props) {
		x, y, z := b.props[n], s.props[n], w.props[n]
		conflict = conflict || !x.Equal(y) && !x.Equal(z) && !y.Equal(z)
		if x.Equal(y) {
			y = z
		}
		out.props = withProps(out.props, map[string]rmg.Value{n: y})
	}
	var c bool
	out.g, c = mergeModels(inner, s.g, w.g)
	return out, conflict || c
}

func (e *mElem) own() string { return line("/", e.kind, e.from, e.to, rmg.PropsOf(e.props)) }

func equalElems(a, b *mElem) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.own() == b.own() && dumpModel(a.g) == dumpModel(b.g)
}

// checkWhole: every edge's ends are nodes beside it.
func checkWhole(t *rapid.T, g rmg.Graph) {
	for e := range g.Edges("") {
		_, from := g.Node(e.From)
		_, to := g.Node(e.To)
		if !from || !to {
			t.Fatalf("edge %q dangles in\n%s", e.ID, dumpGraph(g))
		}
		checkWhole(t, e.Graph)
	}
	for e := range g.Nodes("") {
		checkWhole(t, e.Graph)
	}
}

func mustMerge(t *rapid.T, in rmg.MergeInput) (rmg.Graph, []rmg.MergeConflict) {
	g, c, err := rmg.Merge(in)
	if err != nil {
		t.Fatal(err)
	}
	checkWhole(t, g)
	return g, c
}

// TestMergeLaws holds Merge to the naive merge, without moves.
func TestMergeLaws(t *testing.T) {
	clean, dirty := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		over, model := drawGraph(t, 20)
		base := over.Graph()
		sys, ws := forked(base, model), forked(base, model)
		sys.run(t, 12)
		ws.run(t, 12)
		s, w := sys.over.Graph(), ws.over.Graph()

		for name, in := range map[string]rmg.MergeInput{
			"system alone":    {Base: base, System: s, Workspace: rebuild(t, model)},
			"workspace alone": {Base: base, System: rebuild(t, model), Workspace: s},
			"both the same":   {Base: base, System: s, Workspace: rebuild(t, sys.model)},
		} {
			if g, c := mustMerge(t, in); g.Digest() != s.Digest() || len(c) > 0 {
				t.Fatalf("%s: conflicts %v and\n%swant\n%s", name, c, dumpGraph(g), dumpGraph(s))
			}
		}

		got, conflicts := mustMerge(t, rmg.MergeInput{Base: base, System: s, Workspace: w})
		want, conflict := mergeModels(model, sys.model, ws.model)
		if conflict != (len(conflicts) > 0) {
			t.Fatalf("conflicts %+v, the model says %v\nbase\n%ssystem\n%sworkspace\n%s", conflicts, conflict, dumpGraph(base), dumpGraph(s), dumpGraph(w))
		}
		other, mirror := mustMerge(t, rmg.MergeInput{Base: base, System: w, Workspace: s})
		if len(conflicts) == 0 {
			clean++
			if dumpGraph(got) != dumpModel(want) {
				t.Fatalf("merged\n%sthe model says\n%s", dumpGraph(got), dumpModel(want))
			}
			if other.Digest() != got.Digest() || len(mirror) > 0 {
				t.Fatalf("the other way round: %v\n%snot\n%s", mirror, dumpGraph(other), dumpGraph(got))
			}
			return
		}
		dirty++
		if len(mirror) == 0 {
			t.Fatalf("the other way round there is no conflict, here %v", conflicts)
		}
		checkSystemSide(t, got, s, conflicts)
	})
	t.Logf("%d clean, %d with conflicts", clean, dirty)
	if clean == 0 || dirty == 0 {
		t.Errorf("%d clean merges and %d with conflicts: one sort was never seen", clean, dirty)
	}
}

// checkSystemSide: at each conflict stands what the system has, and they come
// in order.
func checkSystemSide(t *rapid.T, got, s rmg.Graph, conflicts []rmg.MergeConflict) {
	sorted := slices.IsSortedFunc(conflicts, func(a, b rmg.MergeConflict) int {
		return strings.Compare(string(a.Path)+"\x00"+a.Prop, string(b.Path)+"\x00"+b.Prop)
	})
	if !sorted {
		t.Fatalf("conflicts out of order: %v", conflicts)
	}
	for _, c := range conflicts {
		x, inGot := got.Get(c.Path)
		y, inSystem := s.Get(c.Path)
		switch {
		case inGot != inSystem:
			t.Fatalf("%+v: there is %v, in the system %v", c, inGot, inSystem)
		case !inGot:
		case c.Prop != "":
			v, _ := x.Props.Get(c.Prop)
			if u, _ := y.Props.Get(c.Prop); !v.Equal(u) || !v.Equal(c.System) {
				t.Fatalf("%+v: holds %v, the system %v", c, v, u)
			}
		case c.Reason == "kind: both changed":
			if x.Kind != y.Kind {
				t.Fatalf("%+v: is %s, in the system %s", c, x.Kind, y.Kind)
			}
		case x.From != y.From || x.To != y.To:
			t.Fatalf("%+v: runs %s>%s, in the system %s>%s", c, x.From, x.To, y.From, y.To)
		}
	}
}

// TestMergeMoves: with moves too a clean merge is the same either way, and
// nothing of either side's props is lost.
func TestMergeMoves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		over, model := drawGraph(t, 20)
		base := over.Graph()
		sys, ws := forked(base, model), forked(base, model)
		steps := func(m *machine, label string) {
			for range rapid.IntRange(0, 5).Draw(t, label) {
				rapid.SampledFrom([]func(*rapid.T){m.move, m.move, m.set, m.addNode}).Draw(t, label)(t)
			}
		}
		steps(sys, "system")
		steps(ws, "workspace")
		in := rmg.MergeInput{Base: base, System: sys.over.Graph(), Workspace: ws.over.Graph(), SystemMoves: sys.moves, WorkspaceMoves: ws.moves}
		got, conflicts := mustMerge(t, in)
		other, mirror := mustMerge(t, rmg.MergeInput{Base: base, System: in.Workspace, Workspace: in.System, SystemMoves: ws.moves, WorkspaceMoves: sys.moves})
		if (len(conflicts) == 0) != (len(mirror) == 0) {
			t.Fatalf("conflicts %v, the other way round %v", conflicts, mirror)
		}
		if len(conflicts) == 0 && got.Digest() != other.Digest() {
			t.Fatalf("moves %v and %v merge to\n%sand the other way round to\n%s", sys.moves, ws.moves, dumpGraph(got), dumpGraph(other))
		}
	})
}

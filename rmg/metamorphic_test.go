package rmg_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
)

// edit is one change to one element of a graph; no two of a run are of the same
// element, or make the same one.
type edit struct {
	what string
	at   rmg.Path
	do   func(o *rmg.Overlay) error
}

// drawEdits makes edits for some elements of g, none of which gets in another's
// way: props and kinds of elements, and nodes and edges that are new inside.
func drawEdits(t *rapid.T, g rmg.Graph) (out []edit) {
	for p := range g.Walk(rmg.Root) {
		n := int64(len(out))
		switch rapid.IntRange(0, 5).Draw(t, "edit") {
		case 0:
			out = append(out, edit{"set", p, func(o *rmg.Overlay) error {
				return o.Set(p, map[string]rmg.Value{"m": rmg.Int(n), "s": {}})
			}})
		case 1:
			out = append(out, edit{"retype", p, func(o *rmg.Overlay) error { return o.Retype(p, fmt.Sprint("M", n)) }})
		case 2:
			out = append(out, edit{"grow", p, func(o *rmg.Overlay) error {
				x, y := fmt.Sprint("new", n), fmt.Sprint("newer", n)
				for _, id := range []string{x, y} {
					if err := o.AddNode(p.Child(id), "New", rmg.Props{}); err != nil {
						return err
					}
				}
				return o.AddEdge(p.EdgeChild(x), "new", x, y, rmg.Props{})
			}})
		}
	}
	return out
}

func apply(t *rapid.T, o *rmg.Overlay, edits []edit) {
	for _, e := range edits {
		if err := e.do(o); err != nil {
			t.Fatalf("%s %s: %v", e.what, e.at, err)
		}
	}
}

// equalGraphs fails unless two graphs are the same by every way to tell.
func equalGraphs(t *rapid.T, what string, got, want rmg.Graph) {
	t.Helper()
	if got.Digest() != want.Digest() || !bytes.Equal(forms[1].bytes(t, got), forms[1].bytes(t, want)) {
		t.Fatalf("%s is\n%snot\n%s", what, dumpGraph(got), dumpGraph(want))
	}
	for c := range rmg.Diff(got, want) {
		t.Fatalf("%s: %s %s", what, c.Kind, c.Path)
	}
	sound(t, got)
}

// The order of edits that have nothing to do with each other is of no account,
// nor is when versions are taken in between.
func TestOrderOfEdits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		over, _ := drawGraph(t, 30)
		base := over.Graph()
		edits := drawEdits(t, base)
		a := rmg.NewOverlay(base)
		apply(t, a, edits)
		b := rmg.NewOverlay(base)
		for _, e := range rapid.Permutation(edits).Draw(t, "order") {
			apply(t, b, []edit{e})
			if rapid.Bool().Draw(t, "version") {
				b.Graph().Digest()
			}
		}
		equalGraphs(t, "the other order", b.Graph(), a.Graph())
	})
}

// What two forks do to different elements, one of them moving things about,
// merges without a conflict to what one overlay does directly; with the sides
// exchanged as well, and merging a side once more changes nothing.
func TestForkMergeIsDirect(t *testing.T) {
	moved := 0
	rapid.Check(t, func(t *rapid.T) {
		over, _ := drawGraph(t, 30)
		base := over.Graph()
		var sides [2][]edit
		for _, e := range drawEdits(t, base) {
			i := rapid.IntRange(0, 1).Draw(t, "side")
			sides[i] = append(sides[i], e)
		}
		moves := drawMoves(t, base)
		s, w, direct := rmg.NewOverlay(base), rmg.NewOverlay(base), rmg.NewOverlay(base)
		apply(t, s, sides[0])
		apply(t, w, sides[1])
		apply(t, direct, slices.Concat(sides[0], sides[1]))
		for _, m := range moves {
			one, other := s.Move(m.From, m.To), direct.Move(m.From, m.To)
			if codeOf(one) != codeOf(other) {
				t.Fatalf("move %v: %v, and directly %v", m, one, other)
			}
		}
		moved += len(s.Moves())
		in := rmg.MergeInput{Base: base, System: s.Graph(), Workspace: w.Graph(), SystemMoves: s.Moves(), WorkspaceMoves: w.Moves()}
		for _, exchanged := range []bool{false, true} {
			if exchanged {
				in.System, in.Workspace, in.SystemMoves, in.WorkspaceMoves = in.Workspace, in.System, in.WorkspaceMoves, in.SystemMoves
			}
			got, conflicts := mustMerge(t, in)
			if len(conflicts) > 0 {
				t.Fatalf("moves %v: %v", s.Moves(), conflicts)
			}
			equalGraphs(t, "the merge", got, direct.Graph())
		}
		if len(s.Moves()) == 0 {
			again, conflicts := mustMerge(t, rmg.MergeInput{Base: base, System: direct.Graph(), Workspace: w.Graph()})
			if len(conflicts) > 0 {
				t.Fatalf("merged once more: %v", conflicts)
			}
			equalGraphs(t, "merged once more it", again, direct.Graph())
		}
	})
	if moved == 0 {
		t.Error("nothing was ever moved")
	}
}

// drawMoves makes moves of nodes, to ids that are new, some of which cannot be
// made.
func drawMoves(t *rapid.T, g rmg.Graph) (out []rmg.Move) {
	var all []rmg.Path
	for p := range g.Walk(rmg.Root) {
		all = append(all, p)
	}
	if len(all) == 0 {
		return nil
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "moves") {
		from := rapid.SampledFrom(all).Draw(t, "from")
		to := rapid.SampledFrom(append(all, rmg.Root, from.Parent(), from.Parent())).Draw(t, "to").Child(fmt.Sprint("moved", i))
		out = append(out, rmg.Move{From: from, To: to})
		all = append(all, to)
	}
	return out
}

// A merge with a side that did nothing, or with one that did the same, is the
// other side: also where things were moved, in graphs inside as well.
func TestMergeMovesIdentity(t *testing.T) {
	moved := 0
	rapid.Check(t, func(t *rapid.T) {
		over, model := drawGraph(t, 25)
		base := over.Graph()
		m := forked(base, model)
		for range rapid.IntRange(0, 8).Draw(t, "steps") {
			rapid.SampledFrom([]func(*rapid.T){m.move, m.move, m.set, m.addNode, m.addEdge, m.remove, m.retype}).Draw(t, "step")(t)
		}
		s, same := m.over.Graph(), rebuild(t, m.model)
		moved += len(m.moves)
		for name, in := range map[string]rmg.MergeInput{
			"the system alone":    {Base: base, System: s, Workspace: rebuild(t, model), SystemMoves: m.moves},
			"the workspace alone": {Base: base, System: rebuild(t, model), Workspace: s, WorkspaceMoves: m.moves},
			"both the same":       {Base: base, System: s, Workspace: same, SystemMoves: m.moves, WorkspaceMoves: m.moves},
		} {
			got, conflicts := mustMerge(t, in)
			if len(conflicts) > 0 {
				t.Fatalf("%s: moves %v: %v", name, m.moves, conflicts)
			}
			equalGraphs(t, name, got, s)
		}
	})
	if moved == 0 {
		t.Error("nothing was ever moved")
	}
}

// put adds an element with all that is inside it.
func put(t *rapid.T, o *rmg.Overlay, p rmg.Path, e rmg.Element) {
	var err error
	if e.Edge {
		err = o.AddEdge(p, e.Kind, e.From, e.To, e.Props)
	} else {
		err = o.AddNode(p, e.Kind, e.Props)
	}
	if err != nil {
		t.Fatal(err)
	}
	for in := range e.Graph.Nodes("") {
		put(t, o, p.Child(in.ID), in)
	}
	for in := range e.Graph.Edges("") {
		put(t, o, p.EdgeChild(in.ID), in)
	}
}

// What is taken out and put back is as if it had never been gone, wherever it
// stands, whatever is inside and whatever edges there were.
func TestTakeOutAndPutBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		over, _ := drawGraph(t, 30)
		base := over.Graph()
		var all []rmg.Path
		for p := range base.Walk(rmg.Root) {
			all = append(all, p)
		}
		if len(all) == 0 {
			return
		}
		o := rmg.NewOverlay(base)
		for range rapid.IntRange(1, 4).Draw(t, "times") {
			p := rapid.SampledFrom(all).Draw(t, "path")
			e, _ := o.Get(p)
			edges := map[string]rmg.Element{}
			if level, _ := o.Get(p.Parent()); !e.Edge {
				beside := level.Graph
				if p.Parent() == rmg.Root {
					beside = o.Graph()
				}
				for x := range beside.Out(e.ID) {
					edges[x.ID] = x
				}
				for x := range beside.In(e.ID) {
					edges[x.ID] = x
				}
			}
			if err := o.Remove(p, true); err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "version") {
				sound(t, o.Graph())
			}
			put(t, o, p, e)
			for id, x := range edges {
				put(t, o, p.Parent().EdgeChild(id), x)
			}
			equalGraphs(t, "what was put back", o.Graph(), base)
		}
	})
}

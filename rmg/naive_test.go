package rmg_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
)

// The naive model: maps of maps, copied whole, with the rules of the contract
// written out as plainly as they can be.
type (
	mGraph struct{ nodes, edges map[string]*mElem }
	mElem  struct {
		kind, from, to string
		props          map[string]rmg.Value
		g              *mGraph
	}
)

func newMGraph() *mGraph {
	return &mGraph{nodes: map[string]*mElem{}, edges: map[string]*mElem{}}
}

func (g *mGraph) copy() *mGraph {
	c := newMGraph()
	for id, e := range g.nodes {
		c.nodes[id] = e.copy()
	}
	for id, e := range g.edges {
		c.edges[id] = e.copy()
	}
	return c
}

func (e *mElem) copy() *mElem {
	return &mElem{kind: e.kind, from: e.from, to: e.to, props: maps.Clone(e.props), g: e.g.copy()}
}

func (g *mGraph) side(edge bool) map[string]*mElem {
	if edge {
		return g.edges
	}
	return g.nodes
}

// holder is the graph that p's element stands in, or nil.
func (g *mGraph) holder(p rmg.Path) *mGraph { return g.inside(p.Parent()) }

func (g *mGraph) inside(p rmg.Path) *mGraph {
	for _, s := range p.Segments() {
		e := g.side(s.Edge)[s.ID]
		if e == nil {
			return nil
		}
		g = e.g
	}
	return g
}

func (g *mGraph) get(p rmg.Path) *mElem {
	h, s := g.holder(p), p.Base()
	if h == nil || s.ID == "" {
		return nil
	}
	return h.side(s.Edge)[s.ID]
}

func (g *mGraph) touching(id string) []string {
	var out []string
	for e, x := range g.edges {
		if x.from == id || x.to == id {
			out = append(out, e)
		}
	}
	return out
}

// dump is the whole content as text, one element a line, in path order.
func (g *mGraph) dump(at rmg.Path, b *strings.Builder) {
	for _, id := range slices.Sorted(maps.Keys(g.nodes)) {
		g.nodes[id].dump(at.Child(id), b)
	}
	for _, id := range slices.Sorted(maps.Keys(g.edges)) {
		g.edges[id].dump(at.EdgeChild(id), b)
	}
}

func (e *mElem) dump(p rmg.Path, b *strings.Builder) {
	b.WriteString(line(p, e.kind, e.from, e.to, rmg.PropsOf(e.props)))
	e.g.dump(p, b)
}

func line(p rmg.Path, kind, from, to string, props rmg.Props) string {
	var vals []string
	for n, v := range props.All() {
		j, err := v.MarshalJSON()
		vals = append(vals, fmt.Sprintf("%q=%s/%d/%v", n, j, v.Type(), err))
	}
	return fmt.Sprintf("%s %q %q>%q %s\n", p, kind, from, to, strings.Join(vals, " "))
}

func dumpModel(g *mGraph) string {
	var b strings.Builder
	g.dump(rmg.Root, &b)
	return b.String()
}

func dumpGraph(g rmg.Graph) string {
	var b strings.Builder
	for p, e := range g.Walk(rmg.Root) {
		b.WriteString(line(p, e.Kind, e.From, e.To, e.Props))
	}
	return b.String()
}

// modelIDs holds what sorts, escapes or nests oddly.
var modelIDs = []string{"a", "b", "c", "a\x00", "~t", "x:1", "s/t", "\xff%"}

func drawID(t *rapid.T, label string) string { return rapid.SampledFrom(modelIDs).Draw(t, label) }

// drawPath gives the path of something that is there, below it, or nowhere.
func drawPath(t *rapid.T, g *mGraph, label string) rmg.Path {
	p := rmg.Root
	depth := rapid.IntRange(0, 2).Draw(t, label+" depth")
	for range depth {
		there := g.ids()
		if len(there) == 0 {
			break
		}
		s := rapid.SampledFrom(there).Draw(t, label+" parent")
		g = g.side(s.Edge)[s.ID].g
		p = add(p, s)
	}
	if there := g.ids(); len(there) > 0 && rapid.Bool().Draw(t, label+" there") {
		return add(p, rapid.SampledFrom(there).Draw(t, label))
	}
	s := rmg.Segment{ID: drawID(t, label+" id"), Edge: rapid.IntRange(0, 3).Draw(t, label+" sort") == 0}
	if rapid.IntRange(0, 60).Draw(t, label+" root") == 0 {
		return p
	}
	return add(p, s)
}

// ids lists what is at this level, in order.
func (g *mGraph) ids() []rmg.Segment {
	var out []rmg.Segment
	for _, edge := range []bool{false, true} {
		for _, id := range slices.Sorted(maps.Keys(g.side(edge))) {
			out = append(out, rmg.Segment{ID: id, Edge: edge})
		}
	}
	return out
}

func add(p rmg.Path, s rmg.Segment) rmg.Path {
	if s.Edge {
		return p.EdgeChild(s.ID)
	}
	return p.Child(s.ID)
}

func drawValue(t *rapid.T, label string) rmg.Value {
	return rapid.SampledFrom([]rmg.Value{
		{},
		rmg.Bool(true), rmg.Int(1), rmg.Int(math.MaxInt64), rmg.Float(1), rmg.String("1"), rmg.String(""),
		rmg.Bytes([]byte("1")), rmg.List(), rmg.List(rmg.Int(1)), rmg.Map(nil), rmg.Ref("/a"), rmg.BlobOf(rmg.Blob{Size: 1}),
		rmg.String("\xff"), rmg.List(rmg.Value{}),
	}).Draw(t, label)
}

func drawProps(t *rapid.T) map[string]rmg.Value {
	m := map[string]rmg.Value{}
	for range rapid.IntRange(0, 2).Draw(t, "props") {
		m[rapid.SampledFrom([]string{"n", "s", "t"}).Draw(t, "prop")] = drawValue(t, "value")
	}
	return m
}

func drawKind(t *rapid.T) string {
	return rapid.SampledFrom([]string{"K", "L", "K", "L", "K", "", "\xff"}).Draw(t, "kind")
}

func badKind(k string) bool { return k == "" || k == "\xff" }

func badProps(m map[string]rmg.Value) bool {
	for _, v := range m {
		if v.Check() != nil {
			return true
		}
	}
	return false
}

func withProps(old, set map[string]rmg.Value) map[string]rmg.Value {
	out := maps.Clone(old)
	for n, v := range set {
		if v.IsZero() {
			delete(out, n)
		} else {
			out[n] = v
		}
	}
	return out
}

// checkLevel compares every reading method at one level, and goes inside.
func checkLevel(t *rapid.T, g rmg.Graph, m *mGraph) {
	if n, e := g.Len(); n != len(m.nodes) || e != len(m.edges) {
		t.Fatalf("Len is %d, %d; want %d, %d", n, e, len(m.nodes), len(m.edges))
	}
	for _, edge := range []bool{false, true} {
		all := slices.Sorted(maps.Keys(m.side(edge)))
		for _, after := range append([]string{""}, modelIDs...) {
			var want, got []string
			for _, id := range all {
				if id > after {
					want = append(want, id)
				}
			}
			seq := g.Nodes(after)
			if edge {
				seq = g.Edges(after)
			}
			for e := range seq {
				got = append(got, e.ID)
				if e.Edge != edge {
					t.Fatalf("%q says Edge %v", e.ID, e.Edge)
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("after %q come %q, want %q", after, got, want)
			}
		}
	}
	for id, x := range m.nodes {
		e, ok := g.Node(id)
		if !ok || e.ID != id || e.Kind != x.kind {
			t.Fatalf("Node(%q) is %+v, %v", id, e, ok)
		}
		checkAround(t, g, m, id)
		checkLevel(t, e.Graph, x.g)
	}
	for id, x := range m.edges {
		e, ok := g.Edge(id)
		if !ok || e.ID != id || e.From != x.from || e.To != x.to {
			t.Fatalf("Edge(%q) is %+v, %v", id, e, ok)
		}
		checkLevel(t, e.Graph, x.g)
	}
}

// checkAround compares the edges at a node, which come by kind, then id.
func checkAround(t *rapid.T, g rmg.Graph, m *mGraph, id string) {
	var out, in []string
	for e, x := range m.edges {
		if x.from == id {
			out = append(out, x.kind+"\x00"+e)
		}
		if x.to == id {
			in = append(in, x.kind+"\x00"+e)
		}
	}
	slices.Sort(out)
	slices.Sort(in)
	var gotOut, gotIn []string
	for e := range g.Out(id) {
		gotOut = append(gotOut, e.Kind+"\x00"+e.ID)
	}
	for e := range g.In(id) {
		gotIn = append(gotIn, e.Kind+"\x00"+e.ID)
	}
	if !slices.Equal(out, gotOut) || !slices.Equal(in, gotIn) {
		t.Fatalf("at %q leave %q and reach %q; want %q and %q", id, gotOut, gotIn, out, in)
	}
}

// rebuild makes the model's content anew, in an order of rapid's choosing, by
// way of things that are taken out again.
func rebuild(t *rapid.T, m *mGraph) rmg.Graph {
	o := rmg.NewOverlay(rmg.Graph{})
	must := func(err error) {
		if err != nil {
			t.Fatalf("rebuild: %v", err)
		}
	}
	var level func(at rmg.Path, g *mGraph)
	fill := func(p rmg.Path, e *mElem) {
		for _, n := range rapid.Permutation(slices.Sorted(maps.Keys(e.props))).Draw(t, "props") {
			must(o.Set(p, map[string]rmg.Value{n: e.props[n]}))
		}
		level(p, e.g)
	}
	level = func(at rmg.Path, g *mGraph) {
		must(o.AddNode(at.Child("detour"), "Detour", rmg.Props{}))
		for _, id := range rapid.Permutation(slices.Sorted(maps.Keys(g.nodes))).Draw(t, "nodes") {
			must(o.AddNode(at.Child(id), "Detour", rmg.Props{}))
			must(o.AddEdge(at.EdgeChild("to "+id), "Detour", "detour", id, rmg.Props{}))
			must(o.Retype(at.Child(id), g.nodes[id].kind))
			fill(at.Child(id), g.nodes[id])
		}
		must(o.Remove(at.Child("detour"), true))
		for _, id := range rapid.Permutation(slices.Sorted(maps.Keys(g.edges))).Draw(t, "edges") {
			e := g.edges[id]
			must(o.AddEdge(at.EdgeChild(id), e.kind, e.from, e.to, rmg.Props{}))
			fill(at.EdgeChild(id), e)
		}
	}
	level(rmg.Root, m)
	return o.Graph()
}

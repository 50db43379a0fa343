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

// indexedProps has one prop for a kind, one for all, and one for both.
var indexedProps = []rmg.IndexedProp{{Prop: "n"}, {Kind: "K", Prop: "s"}, {Kind: "K", Prop: "t"}, {Prop: "t"}, {Kind: "L", Prop: "none"}}

// found is an element whose indexed prop has a value.
type found struct {
	v  rmg.Value
	at rmg.Path
}

// naiveIndex is what a walk over a graph finds.
type naiveIndex struct {
	kinds  map[string][]rmg.Path
	values map[rmg.IndexedProp][]found
	refs   []rmg.Reference
}

func scan(g rmg.Graph) naiveIndex {
	n := naiveIndex{kinds: map[string][]rmg.Path{}, values: map[rmg.IndexedProp][]found{}}
	for p, e := range g.Walk(rmg.Root) {
		n.kinds[e.Kind] = append(n.kinds[e.Kind], p)
		for _, d := range indexedProps {
			if v, ok := e.Props.Get(d.Prop); ok && (d.Kind == "" || d.Kind == e.Kind) {
				n.values[d] = append(n.values[d], found{v, p})
			}
		}
		for name, v := range e.Props.All() {
			for _, to := range refsIn(v) {
				n.refs = append(n.refs, rmg.Reference{At: p, Prop: name, To: to})
			}
		}
	}
	for _, list := range n.values {
		slices.SortStableFunc(list, func(a, b found) int { return rmg.CompareValues(a.v, b.v) })
	}
	slices.SortStableFunc(n.refs, func(a, b rmg.Reference) int { return slices.Compare(segments(a.To), segments(b.To)) })
	n.refs = slices.Compact(n.refs)
	return n
}

// segments is a path as what sorts in path order.
func segments(p rmg.Path) []string {
	var out []string
	for _, s := range p.Segments() {
		if s.Edge {
			out = append(out, "2"+s.ID)
		} else {
			out = append(out, "1"+s.ID)
		}
	}
	return out
}

func refsIn(v rmg.Value) []rmg.Path {
	var out []rmg.Path
	if p, ok := v.AsRef(); ok {
		out = append(out, p)
	}
	if list, ok := v.AsList(); ok {
		for _, x := range list {
			out = append(out, refsIn(x)...)
		}
	}
	if dict, ok := v.AsMap(); ok {
		for _, x := range dict.All() {
			out = append(out, refsIn(x)...)
		}
	}
	return out
}

func inBounds(v rmg.Value, from, to rmg.Bound) bool {
	order := func(a, b rmg.Value) (int, bool) {
		x, isInt := a.AsInt()
		y, isFloat := b.AsFloat()
		if isInt && isFloat && float64(x) == y && int64(y) == x {
			return 0, true
		}
		x, isInt = b.AsInt()
		y, isFloat = a.AsFloat()
		if isInt && isFloat && float64(x) == y && int64(y) == x {
			return 0, true
		}
		number := func(t rmg.Type) bool { return t == rmg.TypeInt || t == rmg.TypeFloat }
		return rmg.CompareValues(a, b), a.Type() == b.Type() || number(a.Type()) && number(b.Type())
	}
	if !from.Value.IsZero() {
		if c, ok := order(from.Value, v); !ok || c > 0 || c == 0 && from.Open {
			return false
		}
	}
	if !to.Value.IsZero() {
		if c, ok := order(v, to.Value); !ok || c > 0 || c == 0 && to.Open {
			return false
		}
	}
	return true
}

// text is everything that a walk found.
func (n naiveIndex) text() string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(n.kinds)) {
		fmt.Fprintf(&b, "kind %q %d %q\n", k, len(n.kinds[k]), n.kinds[k])
	}
	for _, d := range indexedProps {
		for _, f := range n.values[d] {
			fmt.Fprintf(&b, "%s %v %s\n", d, f.v, f.at)
		}
	}
	for _, r := range n.refs {
		fmt.Fprintf(&b, "%s\n", r)
	}
	return b.String()
}

// indexText is everything that an index tells.
func indexText(t *rapid.T, ix rmg.Index) string {
	var b strings.Builder
	for k, n := range ix.Kinds() {
		if ix.Count(k) != n {
			t.Fatalf("of %q there are %d, or %d", k, n, ix.Count(k))
		}
		fmt.Fprintf(&b, "kind %q %d %q\n", k, n, slices.Collect(ix.Kind(k, rmg.Root)))
	}
	for _, d := range indexedProps {
		for _, f := range ranged(t, ix, d, rmg.Bound{}, rmg.Bound{}) {
			fmt.Fprintf(&b, "%s %v %s\n", d, f.v, f.at)
		}
	}
	for r := range ix.RefsBelow(rmg.Root) {
		fmt.Fprintf(&b, "%s\n", r)
	}
	return b.String()
}

func ranged(t *rapid.T, ix rmg.Index, p rmg.IndexedProp, from, to rmg.Bound) []found {
	seq, err := ix.Range(p, from, to)
	if err != nil {
		t.Fatal(err)
	}
	var out []found
	for v, at := range seq {
		out = append(out, found{v, at})
	}
	return out
}

// checkIndex compares an index with what a walk over its graph finds.
func checkIndex(t *rapid.T, ix rmg.Index) {
	n := scan(ix.Graph())
	if got, want := indexText(t, ix), n.text(); got != want {
		t.Fatalf("the index tells\n%sand the graph\n%s", got, want)
	}
	if found := rmg.Check(ix.Inside()); len(found) > 0 {
		t.Fatalf("the index is unsound: %v", found)
	}
}

// checkQueries compares some answers.
func checkQueries(t *rapid.T, ix rmg.Index, m *mGraph) {
	n := scan(ix.Graph())
	after := drawPath(t, m, "after")
	for _, kind := range []string{"K", "L", "none", ""} {
		var want []rmg.Path
		for _, p := range n.kinds[kind] {
			if slices.Compare(segments(p), segments(after)) > 0 {
				want = append(want, p)
			}
		}
		if got := slices.Collect(ix.Kind(kind, after)); !slices.Equal(got, want) {
			t.Fatalf("kind %s after %s: %s, want %s", kind, after, got, want)
		}
	}
	d := rapid.SampledFrom(indexedProps).Draw(t, "indexed")
	v := drawIndexed(t, m, "equal")
	var same []rmg.Path
	for _, f := range n.values[d] {
		if f.v.Equal(v) {
			same = append(same, f.at)
		}
	}
	if seq, err := ix.Equal(d, v); err != nil || !slices.Equal(slices.Collect(seq), same) {
		t.Fatalf("%s equal to %v: %s, want %s (%v)", d, v, slices.Collect(seq), same, err)
	}
	from := rmg.Bound{Value: drawIndexed(t, m, "from"), Open: rapid.Bool().Draw(t, "from open")}
	to := rmg.Bound{Value: drawIndexed(t, m, "to"), Open: rapid.Bool().Draw(t, "to open")}
	var within []found
	for _, f := range n.values[d] {
		if inBounds(f.v, from, to) {
			within = append(within, f)
		}
	}
	if got := ranged(t, ix, d, from, to); !slices.Equal(got, within) {
		t.Fatalf("%s from %v to %v: %v, want %v", d, from, to, got, within)
	}
	to2 := drawPath(t, m, "to")
	var exact, below []rmg.Reference
	for _, r := range n.refs {
		if r.To == to2 {
			exact = append(exact, r)
		}
		if to2.Has(r.To) {
			below = append(below, r)
		}
	}
	if got := slices.Collect(ix.Refs(to2)); !slices.Equal(got, exact) {
		t.Fatalf("refs to %s: %v, want %v", to2, got, exact)
	}
	if got := slices.Collect(ix.RefsBelow(to2)); !slices.Equal(got, below) {
		t.Fatalf("refs to %s and below: %v, want %v", to2, got, below)
	}
}

var longText = strings.Repeat("long", 64)

// drawIndexed gives values that are equal, or nearly so, more often than not,
// and refs to what is there.
func drawIndexed(t *rapid.T, m *mGraph, label string) rmg.Value {
	switch rapid.IntRange(0, 9).Draw(t, label) {
	case 0:
		return rmg.Value{}
	case 1, 2:
		return drawValue(t, label+" any")
	case 3:
		return rmg.Ref(drawPath(t, m, label))
	case 4:
		list := []rmg.Value{rmg.Int(1)}
		for range rapid.IntRange(0, 4).Draw(t, label+" refs") {
			list = append(list, rmg.Ref(rapid.SampledFrom([]rmg.Path{"/a", "/b", "/~a", "/a/b", rmg.Root}).Draw(t, label+" ref")))
		}
		return rmg.List(list...)
	case 5:
		return rmg.Map(map[string]rmg.Value{"deep": rmg.List(rmg.Map(map[string]rmg.Value{"r": rmg.Ref(drawPath(t, m, label))}))})
	case 6:
		return rmg.String(longText[rapid.IntRange(0, 2).Draw(t, label+" less"):] + rapid.SampledFrom([]string{"", "a", "b", "\x00"}).Draw(t, label+" more"))
	case 7:
		return rmg.Float(float64(rapid.IntRange(0, 4).Draw(t, label+" half")) / 2)
	default:
		return rmg.Int(int64(rapid.IntRange(0, 2).Draw(t, label+" int")))
	}
}

// fill sets props of what is there.
func (m *machine) fill(t *rapid.T) {
	p := drawPath(t, m.model, "path")
	e := m.model.get(p)
	if e == nil {
		return
	}
	props := map[string]rmg.Value{}
	for range rapid.IntRange(1, 3).Draw(t, "props") {
		props[rapid.SampledFrom([]string{"n", "s", "t", "u"}).Draw(t, "prop")] = drawIndexed(t, m.model, "value")
	}
	if badProps(props) {
		return
	}
	if err := m.over.Set(p, props); err != nil {
		t.Fatal(err)
	}
	e.props = withProps(e.props, props)
}

// deepen adds elements with ids so long that the paths to them are no single
// key.
func (m *machine) deepen(t *rapid.T) {
	p := drawPath(t, m.model, "path")
	for _, id := range []string{"x", "y"} {
		p = p.Child(strings.Repeat(id, 3000))
		h := m.model.holder(p)
		if h == nil {
			return
		}
		if h.nodes[p.Base().ID] == nil {
			h.nodes[p.Base().ID] = &mElem{kind: "K", props: map[string]rmg.Value{"n": rmg.Int(1)}, g: newMGraph()}
			if err := m.over.AddNode(p, "K", rmg.PropsOf(h.nodes[p.Base().ID].props)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestIndexModel moves an index along a history, and compares it with a walk and
// with an index that was made at once.
func TestIndexModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{over: rmg.NewOverlay(rmg.Graph{}), model: newMGraph()}
		steps := []func(*rapid.T){
			m.addNode, m.addNode, m.addEdge, m.addEdge, m.set, m.retype, m.move, m.remove, m.graft, m.addMany, m.fill, m.fill, m.fill, m.fill, m.deepen,
		}
		empty := rmg.NewIndex(indexedProps...)
		past := []rmg.Index{empty}
		for range rapid.IntRange(1, 6).Draw(t, "versions") {
			for range rapid.IntRange(0, 12).Draw(t, "steps") {
				rapid.SampledFrom(steps).Draw(t, "step")(t)
			}
			g := m.over.Graph()
			if rapid.Bool().Draw(t, "apart") {
				g = rebuild(t, m.model) // shares nothing
			}
			// From any version to this one.
			ix := rapid.SampledFrom(past).Draw(t, "version").At(g)
			checkIndex(t, ix)
			checkQueries(t, ix, m.model)
			past = append(past, ix)
			if again := empty.At(g); again.Inside().Digest() != ix.Inside().Digest() {
				t.Fatalf("an index that was moved is not the one that was made, of\n%s", dumpGraph(g))
			}
		}
		for _, ix := range past {
			checkIndex(t, ix) // as it was
			other := rapid.SampledFrom(past).Draw(t, "other")
			if ix.At(other.Graph()).Inside().Digest() != other.Inside().Digest() {
				t.Fatal("an index that was moved from another version is another")
			}
			if gone := ix.At(rmg.Graph{}).Inside(); gone != (rmg.Graph{}) {
				t.Fatalf("of nothing there is\n%s", dumpGraph(gone))
			}
		}
	})
}

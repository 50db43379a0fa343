package rmg_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
)

// version is what was handed out, and what it held at the time.
type version struct {
	g    rmg.Graph
	text string
	sum  rmg.Digest
}

// machine runs an Overlay and the model side by side.
type machine struct {
	over  *rmg.Overlay
	model *mGraph
	moves []rmg.Move

	past      []version
	mark      rmg.Mark
	markModel *mGraph
	markMoves int
}

func codeOf(err error) rmg.Code {
	if err == nil {
		return ""
	}
	var e *rmg.Error
	if !errors.As(err, &e) {
		return "no *rmg.Error: " + rmg.Code(err.Error())
	}
	return e.Code
}

// expect compares an answer with the model's code, and checks that a refusal
// changed nothing (not even the pointer: Same would hash).
func (m *machine) expect(t *rapid.T, op string, want rmg.Code, got error) {
	if c := codeOf(got); c != want {
		t.Fatalf("%s: answered %q (%v), the model says %q\n%s", op, c, got, want, dumpModel(m.model))
	}
}

func (m *machine) addNode(t *rapid.T) {
	p, kind, props := drawPath(t, m.model, "path"), drawKind(t), drawProps(t)
	err := m.over.AddNode(p, kind, rmg.PropsOf(props))
	h, s := m.model.holder(p), p.Base()
	var want rmg.Code
	switch {
	case badKind(kind), badProps(props), s.ID == "", s.Edge:
		want = rmg.Invalid
	case h == nil:
		want = rmg.NotFound
	case h.nodes[s.ID] != nil:
		want = rmg.Exists
	default:
		h.nodes[s.ID] = &mElem{kind: kind, props: withProps(map[string]rmg.Value{}, props), g: newMGraph()}
	}
	m.expect(t, "add_node "+string(p), want, err)
}

func (m *machine) addEdge(t *rapid.T) {
	p, kind, props := drawPath(t, m.model, "path"), drawKind(t), drawProps(t)
	if p != rmg.Root && rapid.IntRange(0, 9).Draw(t, "force edge") > 0 {
		p = p.Parent().EdgeChild(p.Base().ID)
	}
	from, to := drawID(t, "from"), drawID(t, "to")
	if h := m.model.holder(p); h != nil && len(h.nodes) > 0 && rapid.IntRange(0, 4).Draw(t, "good ends") > 0 {
		ids := slices.Sorted(maps.Keys(h.nodes))
		from, to = rapid.SampledFrom(ids).Draw(t, "from"), rapid.SampledFrom(ids).Draw(t, "to")
	}
	err := m.over.AddEdge(p, kind, from, to, rmg.PropsOf(props))
	h, s := m.model.holder(p), p.Base()
	var want rmg.Code
	switch {
	case badKind(kind), badProps(props), !s.Edge:
		want = rmg.Invalid
	case h == nil:
		want = rmg.NotFound
	case h.edges[s.ID] != nil:
		want = rmg.Exists
	case h.nodes[from] == nil || h.nodes[to] == nil:
		want = rmg.NotFound
	default:
		h.edges[s.ID] = &mElem{kind: kind, from: from, to: to, props: withProps(map[string]rmg.Value{}, props), g: newMGraph()}
	}
	m.expect(t, "add_edge "+string(p), want, err)
}

func (m *machine) set(t *rapid.T) {
	p, props := drawPath(t, m.model, "path"), drawProps(t)
	err := m.over.Set(p, props)
	e := m.model.get(p)
	var want rmg.Code
	switch {
	case badProps(props), p.Base().ID == "":
		want = rmg.Invalid
	case e == nil:
		want = rmg.NotFound
	default:
		e.props = withProps(e.props, props)
	}
	m.expect(t, "set "+string(p), want, err)
}

func (m *machine) retype(t *rapid.T) {
	p, kind := drawPath(t, m.model, "path"), drawKind(t)
	err := m.over.Retype(p, kind)
	e := m.model.get(p)
	var want rmg.Code
	switch {
	case badKind(kind), p.Base().ID == "":
		want = rmg.Invalid
	case e == nil:
		want = rmg.NotFound
	default:
		e.kind = kind
	}
	m.expect(t, "retype "+string(p), want, err)
}

func (m *machine) inc(t *rapid.T) {
	p, by := drawPath(t, m.model, "path"), rapid.SampledFrom([]int64{0, 1, -2, math.MaxInt64, math.MinInt64}).Draw(t, "by")
	err := m.over.Inc(p, "n", by)
	e := m.model.get(p)
	var want rmg.Code
	switch {
	case p.Base().ID == "":
		want = rmg.Invalid
	case e == nil:
		want = rmg.NotFound
	default:
		old, has := e.props["n"]
		n, isInt := old.AsInt()
		sum := n + by
		if has && !isInt || by > 0 && sum < n || by < 0 && sum > n {
			want = rmg.Invalid
		} else {
			e.props["n"] = rmg.Int(sum)
		}
	}
	m.expect(t, "inc "+string(p), want, err)
}

func (m *machine) changeSet(t *rapid.T) {
	p, v, remove := drawPath(t, m.model, "path"), drawValue(t, "value"), rapid.Bool().Draw(t, "remove")
	do := m.over.SetAdd
	if remove {
		do = m.over.SetRemove
	}
	err := do(p, "s", v)
	e := m.model.get(p)
	var want rmg.Code
	switch {
	case v.IsZero(), v.Check() != nil, p.Base().ID == "":
		want = rmg.Invalid
	case e == nil:
		want = rmg.NotFound
	default:
		old, has := e.props["s"]
		list, isList := old.AsList()
		if has && !isList {
			want = rmg.Invalid
			break
		}
		list = slices.DeleteFunc(list, v.Equal)
		if !remove {
			list = append(list, v)
		}
		slices.SortFunc(list, func(a, b rmg.Value) int {
			x, _ := a.MarshalCBOR()
			y, _ := b.MarshalCBOR()
			return slices.Compare(x, y)
		})
		if len(list) == 0 {
			delete(e.props, "s")
		} else {
			e.props["s"] = rmg.List(list...)
		}
	}
	m.expect(t, "change set "+string(p), want, err)
}

func (m *machine) move(t *rapid.T) {
	from, to := drawPath(t, m.model, "from"), drawPath(t, m.model, "to")
	if rapid.Bool().Draw(t, "rename") {
		to = add(from.Parent(), to.Base())
	}
	err := m.over.Move(from, to)
	h, d, s, ds := m.model.holder(from), m.model.holder(to), from.Base(), to.Base()
	e := m.model.get(from)
	renamed := from.Parent() == to.Parent()
	var want rmg.Code
	switch {
	case s.ID == "", ds.ID == "", s.Edge, ds.Edge, from.Has(to):
		want = rmg.Invalid
	case e == nil:
		want = rmg.NotFound
	case m.model.get(to) != nil:
		want = rmg.Exists
	case !renamed && len(h.touching(s.ID)) > 0:
		want = rmg.Conflict
	case d == nil:
		want = rmg.NotFound
	default:
		delete(h.nodes, s.ID)
		d.nodes[ds.ID] = e
		if renamed {
			for _, id := range h.touching(s.ID) {
				if x := h.edges[id]; x.from == s.ID {
					x.from = ds.ID
				}
				if x := h.edges[id]; x.to == s.ID {
					x.to = ds.ID
				}
			}
		}
		m.moves = append(m.moves, rmg.Move{From: from, To: to})
	}
	m.expect(t, "move "+string(from)+" "+string(to), want, err)
}

func (m *machine) remove(t *rapid.T) {
	p, cascade := drawPath(t, m.model, "path"), rapid.Bool().Draw(t, "cascade")
	err := m.over.Remove(p, cascade)
	h, s := m.model.holder(p), p.Base()
	var want rmg.Code
	switch {
	case s.ID == "":
		want = rmg.Invalid
	case h == nil || h.side(s.Edge)[s.ID] == nil:
		want = rmg.NotFound
	case !s.Edge && !cascade && len(h.touching(s.ID)) > 0:
		want = rmg.Conflict
	default:
		if !s.Edge {
			for _, id := range h.touching(s.ID) {
				delete(h.edges, id)
			}
		}
		delete(h.side(s.Edge), s.ID)
	}
	m.expect(t, "remove "+string(p), want, err)
}

func (m *machine) graft(t *rapid.T) {
	from, p := drawPath(t, m.model, "from"), drawPath(t, m.model, "path")
	src, ok := m.over.Get(from)
	e := m.model.get(from)
	if !ok || e == nil {
		return
	}
	err := m.over.Graft(p, src)
	h, s := m.model.holder(p), p.Base()
	var want rmg.Code
	switch {
	case s.ID == "", s.Edge, from.Base().Edge:
		want = rmg.Invalid
	case h == nil:
		want = rmg.NotFound
	default:
		h.nodes[s.ID] = e.copy()
	}
	m.expect(t, "graft "+string(p), want, err)
}

func (m *machine) keep(*rapid.T) {
	g := m.over.Graph()
	m.past = append(m.past, version{g, dumpModel(m.model), g.Digest()})
	m.mark, m.markModel, m.markMoves = m.over.Mark(), m.model.copy(), len(m.moves)
}

func (m *machine) rewind(*rapid.T) {
	if m.markModel == nil || len(m.moves) < m.markMoves {
		return
	}
	m.over.Rewind(m.mark)
	m.model, m.moves = m.markModel.copy(), m.moves[:m.markMoves]
}

// check is what has to hold between any two steps.
func (m *machine) check(t *rapid.T) {
	g := m.over.Graph()
	want := dumpModel(m.model)
	if got := dumpGraph(g); got != want {
		t.Fatalf("the overlay holds\n%sthe model\n%s", got, want)
	}
	if got := m.over.Moves(); !slices.Equal(got, m.moves) {
		t.Fatalf("moves %v, want %v", got, m.moves)
	}
	for _, x := range m.past {
		if got := dumpGraph(x.g); got != x.text || x.g.Digest() != x.sum {
			t.Fatalf("a version changed after it was handed out:\n%swas\n%s", got, x.text)
		}
	}
	checkLevel(t, g, m.model)
	sound(t, g)
	if g.IsEmpty() != (len(m.model.nodes) == 0) {
		t.Fatalf("IsEmpty is %v of\n%s", g.IsEmpty(), want)
	}
}

// look reads an element; the graph inside it is handed out.
func (m *machine) look(t *rapid.T) {
	p := drawPath(t, m.model, "path")
	e, ok := m.over.Get(p)
	want := m.model.get(p)
	if p == rmg.Root {
		m.past = append(m.past, version{e.Graph, dumpModel(m.model), e.Graph.Digest()})
		return
	}
	if ok != (want != nil) {
		t.Fatalf("get %s: %v, want %v", p, ok, want)
	}
	if ok {
		m.past = append(m.past, version{e.Graph, dumpModel(want.g), e.Graph.Digest()})
	}
}

// addMany adds more nodes than a bucket holds.
func (m *machine) addMany(t *rapid.T) {
	for i := range rapid.IntRange(20, 50).Draw(t, "many") {
		id := fmt.Sprintf("n%d", i*7)
		if m.model.nodes[id] == nil {
			m.model.nodes[id] = &mElem{kind: "K", props: map[string]rmg.Value{}, g: newMGraph()}
			if err := m.over.AddNode(rmg.Root.Child(id), "K", rmg.Props{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestModel is the promise of the package: an overlay is a map of maps whose
// versions never change, and the digest tells content and nothing else.
func TestModel(t *testing.T) {
	seen := map[rmg.Digest]string{}
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{over: rmg.NewOverlay(rmg.Graph{}), model: newMGraph()}
		actions := map[string]func(*rapid.T){
			"check": m.check, "look": m.look, "add_many": m.addMany, "add_node": m.addNode, "add_node2": m.addNode, "add_node3": m.addNode, "add_edge": m.addEdge,
			"add_edge2": m.addEdge, "set": m.set, "retype": m.retype, "inc": m.inc, "set_add": m.changeSet, "move": m.move,
			"move2": m.move, "remove": m.remove, "graft": m.graft, "keep": m.keep, "rewind": m.rewind,
		}
		// No check after every step: it takes the version, and what an overlay
		// changes in place between two versions would never be seen.
		t.Repeat(actions)
		m.check(t)
		g := m.over.Graph()
		if again := rebuild(t, m.model); again.Digest() != g.Digest() {
			t.Fatalf("one content, two digests:\n%s", dumpModel(m.model))
		}
		// The other direction, over all that this run has met.
		text := dumpModel(m.model)
		if old, ok := seen[g.Digest()]; ok && old != text {
			t.Fatalf("two contents, one digest:\n%sand\n%s", old, text)
		}
		seen[g.Digest()] = text
	})
}

// drawGraph makes a graph by some steps of the machine.
func drawGraph(t *rapid.T, steps int) (*rmg.Overlay, *mGraph) {
	m := &machine{over: rmg.NewOverlay(rmg.Graph{}), model: newMGraph()}
	m.run(t, steps)
	return m.over, m.model
}

func (m *machine) run(t *rapid.T, steps int) {
	do := []func(*rapid.T){m.addNode, m.addNode, m.addNode, m.addEdge, m.addEdge, m.set, m.retype, m.move, m.remove, m.addMany, m.look, m.graft}
	for range rapid.IntRange(steps/2, steps).Draw(t, "steps") {
		rapid.SampledFrom(do).Draw(t, "step")(t)
	}
}

// TestManyNodes holds the treap to order and digest beyond the few ids of the
// model: every order of the same edits, with as many that are taken out again
// among them, gives one digest.
func TestManyNodes(t *testing.T) {
	const n = 1000
	build := func(step int) rmg.Graph {
		o := rmg.NewOverlay(rmg.Graph{})
		for i := range n {
			id := fmt.Sprint((i * step) % n)
			if err := errors.Join(o.AddNode(rmg.Root.Child(id), "N", rmg.Props{}), o.AddNode(rmg.Root.Child(id+"-"), "N", rmg.Props{})); err != nil {
				t.Fatal(err)
			}
		}
		for i := range n {
			if err := o.Remove(rmg.Root.Child(fmt.Sprint((i*step*3)%n)+"-"), false); err != nil {
				t.Fatal(err)
			}
		}
		return o.Graph()
	}
	want := build(1)
	for _, step := range []int{3, 7, 999} {
		g := build(step)
		if g.Digest() != want.Digest() {
			t.Errorf("step %d gives another digest", step)
		}
		prev := ""
		count := 0
		for e := range g.Nodes("") {
			if e.ID <= prev {
				t.Fatalf("%q comes after %q", e.ID, prev)
			}
			prev = e.ID
			count++
		}
		if count != n {
			t.Errorf("step %d: %d nodes", step, count)
		}
	}
}

// TestLimits holds writes to what a path can say: an element that could be made
// but not named would be out of reach for good.
func TestLimits(t *testing.T) {
	o := rmg.NewOverlay(rmg.Graph{})
	if err := o.AddNode("/a", "N", rmg.Props{}); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", rmg.MaxSegment+1)
	deep := rmg.Root
	for range rmg.MaxDepth {
		deep = deep.Child("d")
		if err := o.AddNode(deep, "N", rmg.Props{}); err != nil {
			t.Fatal(err)
		}
	}
	before := o.Graph().Digest()
	a, _ := o.Get("/a")
	d, _ := o.Get("/d")
	for name, c := range map[string]struct {
		err  error
		want rmg.Code
	}{
		"node with a long id":       {o.AddNode(rmg.Root.Child(long), "N", rmg.Props{}), rmg.Limit},
		"edge with a long id":       {o.AddEdge(rmg.Root.EdgeChild(long), "E", "a", "a", rmg.Props{}), rmg.Limit},
		"move to a long id":         {o.Move("/a", rmg.Root.Child(long)), rmg.Limit},
		"graft at a long id":        {o.Graft(rmg.Root.Child(long), a), rmg.Limit},
		"node too deep":             {o.AddNode(deep.Child("d"), "N", rmg.Props{}), rmg.Limit},
		"edge too deep":             {o.AddEdge(deep.EdgeChild("e"), "E", "d", "d", rmg.Props{}), rmg.Limit},
		"move of what is deep":      {o.Move("/d", "/a/d"), rmg.Limit},
		"graft of what is deep":     {o.Graft("/a/d", d), rmg.Limit},
		"node without an id":        {o.AddNode(rmg.Path("/a").Child(""), "N", rmg.Props{}), rmg.Invalid},
		"edge without an id":        {o.AddEdge(rmg.Path("/").EdgeChild(""), "E", "a", "a", rmg.Props{}), rmg.Invalid},
		"move to an empty id":       {o.Move("/a", rmg.Path("/d").Child("")), rmg.Invalid},
		"prop without a name":       {o.Set("/a", map[string]rmg.Value{"": rmg.Int(1)}), rmg.Invalid},
		"prop name not UTF-8":       {o.Set("/a", map[string]rmg.Value{"\xff": rmg.Int(1)}), rmg.Invalid},
		"map key of the wire's own": {o.Set("/a", map[string]rmg.Value{"m": rmg.Map(map[string]rmg.Value{"$ref": rmg.Int(1)})}), rmg.Invalid},
	} {
		if got := codeOf(c.err); got != c.want {
			t.Errorf("%s: %q (%v), want %q", name, got, c.err, c.want)
		}
	}
	if o.Graph().Digest() != before {
		t.Error("a refused change changed the content")
	}
	if err := o.Move("/d", "/e"); err != nil {
		t.Errorf("a move that makes nothing deeper: %v", err)
	}
}

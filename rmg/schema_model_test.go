package rmg_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
)

// nKind is a schema as the naive check reads it.
type nKind struct {
	of                    string
	closed, leaf          bool
	inner, from, to       []string
	many                  string
	types                 map[string]string
	required, isAnyOfProp map[string]bool
	defaults              map[string]rmg.Value
}

var typesByName = map[string]rmg.Type{
	"bool": rmg.TypeBool, "int": rmg.TypeInt, "float": rmg.TypeFloat, "string": rmg.TypeString, "bytes": rmg.TypeBytes,
	"list": rmg.TypeList, "map": rmg.TypeMap, "ref": rmg.TypeRef, "blob": rmg.TypeBlob,
}

// naiveKinds reads /kind, and says whether all of it is well formed.
func naiveKinds(g rmg.Graph) (map[string]*nKind, bool) {
	out, ok := map[string]*nKind{}, true
	top, _ := g.Get("/kind")
	str := func(e rmg.Element, prop string, among ...string) string {
		v, there := e.Props.Get(prop)
		s, is := v.AsString()
		ok = ok && (!there || is && (len(among) == 0 || slices.Contains(among, s)))
		return s
	}
	flag := func(e rmg.Element, prop string) bool {
		v, there := e.Props.Get(prop)
		b, is := v.AsBool()
		ok = ok && (!there || is)
		return b
	}
	list := func(e rmg.Element, prop string) []string {
		v, there := e.Props.Get(prop)
		l, is := v.AsList()
		ok = ok && (!there || is && len(l) > 0)
		var names []string
		for _, x := range l {
			s, is := x.AsString()
			ok = ok && is && s != ""
			names = append(names, s)
		}
		return names
	}
	only := func(e rmg.Element, names ...string) {
		for name := range e.Props.All() {
			ok = ok && slices.Contains(names, name)
		}
		_, edges := e.Graph.Len()
		ok = ok && edges == 0
	}
	_, edges := top.Graph.Len()
	ok = edges == 0
	for e := range top.Graph.Nodes("") {
		ok = ok && e.Kind == "Kind"
		only(e, "of", "closed", "leaf", "inner", "from", "to", "multiplicity", "doc")
		k := &nKind{
			of: str(e, "of", "node", "edge"), closed: flag(e, "closed"), leaf: flag(e, "leaf"),
			inner: list(e, "inner"), from: list(e, "from"), to: list(e, "to"),
			many:  str(e, "multiplicity", "many", "one_in", "one_out", "one"),
			types: map[string]string{}, required: map[string]bool{}, isAnyOfProp: map[string]bool{}, defaults: map[string]rmg.Value{},
		}
		str(e, "doc")
		ok = ok && (!k.leaf || k.inner == nil)
		if k.from != nil || k.to != nil || k.many != "" {
			ok = ok && k.of != "node"
			k.of = "edge"
		}
		for p := range e.Graph.Nodes("") {
			only(p, "type", "required", "default", "merge", "index", "doc")
			str(p, "doc")
			str(p, "merge", "conflict", "text")
			flag(p, "index")
			n, _ := p.Graph.Len()
			ok = ok && p.Kind == "Prop" && n == 0
			k.types[p.ID], k.required[p.ID], k.isAnyOfProp[p.ID] = str(p, "type"), flag(p, "required"), true
			if t, there := p.Props.Get("type"); there {
				s, _ := t.AsString()
				ok = ok && typesByName[s] != rmg.TypeNone
			}
			if d, there := p.Props.Get("default"); there {
				k.defaults[p.ID] = d
				ok = ok && (k.types[p.ID] == "" || typesByName[k.types[p.ID]] == d.Type())
			}
		}
		out[e.ID] = k
	}
	return out, ok
}

// naiveCheck lists what in g does not satisfy g's own schemas, as path, kind and
// prop; or just that they are malformed.
func naiveCheck(g rmg.Graph) []string {
	ks, ok := naiveKinds(g)
	if !ok {
		return []string{"malformed"}
	}
	var bad []string
	for p, e := range g.Walk(rmg.Root) {
		if strings.HasPrefix(string(p), "/kind/") {
			continue
		}
		tell := func(kind, prop string) { bad = append(bad, fmt.Sprintf("%s %s %s", p, kind, prop)) }
		up, _ := g.Get(p.Parent())
		if k := ks[up.Kind]; k != nil && (k.leaf || k.inner != nil && !slices.Contains(k.inner, e.Kind)) {
			tell(up.Kind, "")
		}
		k := ks[e.Kind]
		if k == nil {
			continue
		}
		if k.of == "node" && e.Edge || k.of == "edge" && !e.Edge {
			tell(e.Kind, "")
		}
		for name, v := range e.Props.All() {
			if k.closed && !k.isAnyOfProp[name] || k.types[name] != "" && typesByName[k.types[name]] != v.Type() {
				tell(e.Kind, name)
			}
		}
		for name, req := range k.required {
			if _, there := e.Props.Get(name); req && !there {
				tell(e.Kind, name)
			}
		}
		if !e.Edge {
			continue
		}
		from, _ := up.Graph.Node(e.From)
		to, _ := up.Graph.Node(e.To)
		if k.from != nil && !slices.Contains(k.from, from.Kind) || k.to != nil && !slices.Contains(k.to, to.Kind) {
			tell(e.Kind, "")
		}
		for x := range up.Graph.Edges("") {
			one := k.many == "one"
			if x.Kind == e.Kind && x.ID < e.ID && ((one || k.many == "one_out") && x.From == e.From || (one || k.many == "one_in") && x.To == e.To) {
				tell(e.Kind, "")
			}
		}
	}
	slices.Sort(bad)
	return slices.Compact(bad)
}

func keys(vs []rmg.Violation) []string {
	var out []string
	for _, v := range vs {
		out = append(out, fmt.Sprintf("%s %s %s", v.Path, v.Kind, v.Prop))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// withDefaults is what an element gets that is added to g.
func withDefaults(g rmg.Graph, kind string, props vals) vals {
	ks, _ := naiveKinds(g)
	out := vals{}
	if k := ks[kind]; k != nil {
		for name, d := range k.defaults {
			out[name] = d
		}
	}
	for name, v := range props {
		if !v.IsZero() {
			out[name] = v
		}
	}
	return out
}

// drawWrite draws a write to g, and the one that does the same without schemas.
func drawWrite(t *rapid.T, g rmg.Graph) (w, free write) {
	d := drawer{t}
	if d.one(4) {
		w = d.kindWrite(g)
		return w, w
	}
	switch p := d.path(g, "path"); d.int(9, "op") {
	case 0, 1:
		p, kind, props := p.Child(d.pick("id", "a", "b", "c", "d")), d.nodeKind(), d.props()
		return addNode(p, kind, props), addNode(p, kind, withDefaults(g, kind, props))
	case 2, 3, 4:
		p, from, to := d.ends(g, p)
		kind, props := d.edgeKind(), d.props()
		return addEdge(p, kind, from, to, props), addEdge(p, kind, from, to, withDefaults(g, kind, props))
	case 5:
		w = set(p, d.props())
	case 6:
		w = retype(p, d.nodeKind())
		if p.Base().Edge {
			w = retype(p, d.edgeKind())
		}
	case 7:
		prop, v := d.pick("prop", "n", "s"), rmg.Int(int64(d.int(2, "by")))
		w = rapid.SampledFrom([]write{
			func(o *rmg.Overlay) error { return o.Inc(p, prop, 1) },
			func(o *rmg.Overlay) error { return o.SetAdd(p, prop, v) },
			func(o *rmg.Overlay) error { return o.SetRemove(p, prop, v) },
		}).Draw(t, "how")
	default:
		w = d.shift(g, p)
	}
	return w, w
}

type drawer struct{ *rapid.T }

func (d drawer) int(n int, label string) int { return rapid.IntRange(0, n).Draw(d.T, label) }
func (d drawer) one(in int) bool             { return rapid.IntRange(1, in).Draw(d.T, "one in") == in }

func (d drawer) pick(label string, of ...string) string {
	return rapid.SampledFrom(of).Draw(d.T, label)
}

func (d drawer) value(label string, of ...rmg.Value) rmg.Value {
	return rapid.SampledFrom(of).Draw(d.T, label)
}

func (d drawer) nodeKind() string { return d.pick("kind", "K", "L", "M", "K", "L", "M", "K", "L", "E") }

func (d drawer) edgeKind() string { return d.pick("kind", "E", "F", "E", "F", "E", "F", "E", "F", "K") }

// path gives the place of something, or the root.
func (d drawer) path(g rmg.Graph, label string) rmg.Path {
	all := []rmg.Path{rmg.Root}
	for p := range g.Walk(rmg.Root) {
		if !strings.HasPrefix(string(p), "/kind/") {
			all = append(all, p)
		}
	}
	return rapid.SampledFrom(all).Draw(d.T, label)
}

// ends gives the place of an edge beside p, and its ends.
func (d drawer) ends(g rmg.Graph, p rmg.Path) (edge rmg.Path, from, to string) {
	e, _ := g.Get(p.Parent())
	ids := []string{"a"}
	for n := range e.Graph.Nodes("") {
		ids = append(ids, n.ID)
	}
	if len(ids) > 1 {
		ids = ids[1:]
	}
	return p.Parent().EdgeChild(d.pick("edge", "a", "e", "f", "g", "h", "i", "j")), d.pick("from", ids...), d.pick("to", ids...)
}

func (d drawer) props() vals {
	m := vals{}
	for range d.int(2, "props") {
		m[d.pick("prop", "n", "s")] = d.value("value", rmg.Int(1), rmg.Int(math.MaxInt64), rmg.List(rmg.Int(1)), rmg.List(rmg.Int(1)), rmg.Value{})
	}
	return m
}

// shift moves, grafts or removes.
func (d drawer) shift(g rmg.Graph, p rmg.Path) write {
	to := d.path(g, "to").Child(d.pick("id", "a", "b", "c", "d"))
	if d.one(3) {
		to = p.Parent().Child(to.Base().ID)
	}
	switch d.int(4, "shift") {
	case 0:
		return remove(p)
	case 1, 2:
		return move(p, to)
	default:
		if d.one(2) {
			to = d.path(g, "over")
		}
		e, ok := g.Get(p)
		if !ok || e.Kind == "" {
			e = rmg.Element{Kind: d.nodeKind(), Props: rmg.PropsOf(d.props())}
		}
		if d.one(4) {
			e.Kind = d.nodeKind()
		}
		return func(o *rmg.Overlay) error { return o.Graft(to, e) }
	}
}

// demands are what props of a schema may be, with what is malformed at the end.
var kindDemands, propDemands = map[string][]rmg.Value{
	"of":           {{}, rmg.String("node"), rmg.String("edge"), rmg.String("thing")},
	"closed":       {{}, rmg.Bool(true), rmg.Bool(false), rmg.Int(1)},
	"leaf":         {{}, rmg.Bool(true), rmg.String("")},
	"inner":        {{}, kinds("K"), kinds("K", "E"), kinds("K", "L", "E"), kinds("M", "F"), rmg.List(rmg.Int(1)), rmg.List()},
	"from":         {{}, kinds("K"), kinds("K", "L"), kinds("M"), rmg.List()},
	"to":           {{}, kinds("L"), kinds("M", "L"), kinds("K"), rmg.String("K")},
	"multiplicity": {{}, rmg.String("many"), rmg.String("one_in"), rmg.String("one_out"), rmg.String("one"), rmg.String("few")},
}, map[string][]rmg.Value{
	"type":     {{}, rmg.String("int"), rmg.String("list"), rmg.String("real")},
	"required": {{}, rmg.Bool(true), rmg.Bool(false), rmg.Int(1)},
	"default":  {{}, rmg.Int(1), rmg.List(rmg.Int(1))},
	"merge":    {{}, rmg.String("text"), rmg.String("luck")},
	"index":    {{}, rmg.Bool(true), rmg.Int(1)},
	"odd":      {{}, {}, {}, rmg.Bool(true)},
}

func (d drawer) demands(of map[string][]rmg.Value, names ...string) vals {
	props := vals{}
	for range d.int(2, "demands") {
		name := d.pick("demand", names...)
		values := of[name]
		if !d.one(8) {
			values = values[:len(values)-1]
		}
		props[name] = d.value(name, values...)
	}
	return props
}

// kindWrite writes to /kind, or moves over its border.
func (d drawer) kindWrite(g rmg.Graph) write {
	name := d.pick("kind", "K", "L", "M", "E", "F", "E", "F")
	k := rmg.KindPath.Child(name)
	p := k.Child(d.pick("prop", "n", "s"))
	ofKind := d.demands(kindDemands, "of", "closed", "leaf", "inner")
	if name == "E" || name == "F" {
		ofKind = d.demands(kindDemands, "from", "to", "multiplicity", "closed")
	}
	ofProp := d.demands(propDemands, "type", "required", "default", "merge", "index", "odd")
	switch d.int(16, "kind op") {
	case 0, 1, 2:
		return addNode(k, "Kind", ofKind)
	case 3, 4, 5:
		return set(k, ofKind)
	case 6, 7, 8:
		return addNode(p, "Prop", ofProp)
	case 9, 10, 11:
		return set(p, ofProp)
	case 12:
		return remove(rapid.SampledFrom([]rmg.Path{"/kind", k, p, p, p, p, p}).Draw(d.T, "removed"))
	case 13:
		return retype(rapid.SampledFrom([]rmg.Path{"/kind", "/kind", k, p}).Draw(d.T, "retyped"), d.nodeKind())
	case 14:
		return move(
			rapid.SampledFrom([]rmg.Path{"/kind", k, k, p, "/a", "/a/b"}).Draw(d.T, "from"),
			rapid.SampledFrom([]rmg.Path{"/kind", "/kind/M", "/kind/F", "/kind/F/s", "/b", "/a/kind"}).Draw(d.T, "to"))
	case 15:
		e, _ := g.Get(rapid.SampledFrom([]rmg.Path{"/kind", k, k, k, "/a"}).Draw(d.T, "from"))
		to := rapid.SampledFrom([]rmg.Path{"/kind", "/kind/M", "/kind/F", "/kind/E", "/a"}).Draw(d.T, "to")
		return func(o *rmg.Overlay) error { return o.Graft(to, e) }
	default:
		return rapid.SampledFrom([]write{addNode("/kind", d.nodeKind(), d.props()), addEdge("/kind/~e", "E", name, name, nil), addNode(k, "K", nil), set("/kind", d.props())}).Draw(d.T, "odd")
	}
}

// demanding draws a graph that has schemas, and satisfies them.
func demanding(t *rapid.T) rmg.Graph {
	o := rmg.NewOverlay(rmg.Graph{})
	_ = o.AddNode("/kind", "L", rmg.Props{})
	d := drawer{t}
	for _, k := range []string{"K", "L", "M", "E", "F"} {
		if !d.one(5) {
			_ = addNode(rmg.KindPath.Child(k), "Kind", nil)(o)
		}
	}
	for _, id := range []string{"a", "b", "c"} {
		_ = addNode(rmg.Root.Child(id), d.nodeKind(), nil)(o)
	}
	for range 25 {
		w, _ := drawWrite(t, o.Graph())
		_ = w(o)
	}
	return o.Graph()
}

// TestSchemaModel is the promise of schemas: an overlay makes a write exactly if
// the graph after it satisfies its schemas, all of them, by a plain look at all.
func TestSchemaModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := demanding(t) // what the overlay should hold; it is asked now and then, for what it handed out it may not change in place
		over := rmg.NewOverlay(now)
		for range 60 {
			w, free := drawWrite(t, now)
			plain := rmg.NewOverlay(now).Unchecked()
			want := codeOf(free(plain))
			after := plain.Graph()
			var bad []string
			if want == "" {
				if bad = naiveCheck(after); len(bad) > 0 {
					want = rmg.Invalid
				}
			}
			err := w(over)
			if got := codeOf(err); got != want {
				t.Fatalf("answered %q (%v), the naive check says %q: %v\nof\n%s", got, err, want, bad, dumpGraph(after))
			}
			if err == nil {
				now = after
			}
			if rapid.IntRange(0, 3).Draw(t, "look") > 0 {
				continue
			}
			if got := over.Graph(); got.Digest() != now.Digest() {
				t.Fatalf("after %v the overlay holds\n%swant\n%s", err, dumpGraph(got), dumpGraph(now))
			}
			if rapid.Bool().Draw(t, "anew") {
				over = rmg.NewOverlay(now)
			}
		}
	})
}

func sortedViolations(g rmg.Graph) []rmg.Violation {
	return slices.Collect(g.Schemas().Check(g))
}

// TestCheckModel holds Check to the naive one, and CheckChanges to Check, over
// versions that were written without a look at schemas.
func TestCheckModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old := demanding(t)
		over := rmg.NewOverlay(old).Unchecked()
		for range 12 {
			w, _ := drawWrite(t, over.Graph())
			_ = w(over)
			now := over.Graph()
			want := naiveCheck(now)
			all := sortedViolations(now)
			switch malformed := slices.Equal(want, []string{"malformed"}); {
			case malformed && len(all) == 0, !malformed && !slices.Equal(keys(all), want):
				t.Fatalf("%v, the naive check finds %v in\n%s", all, want, dumpGraph(now))
			}
			fresh := now.Schemas().CheckChanges(old, now)
			if got, want := keys(fresh), keys(all); !slices.Equal(got, want) {
				t.Fatalf("from\n%sto\n%schanges find %v, all there is is %v", dumpGraph(old), dumpGraph(now), got, want)
			}
		}
		// From what does not satisfy its schemas only what is new is told.
		bad := over.Graph()
		for range 4 {
			w, _ := drawWrite(t, over.Graph())
			_ = w(over)
		}
		now := over.Graph()
		was, is := sortedViolations(bad), sortedViolations(now)
		for _, v := range now.Schemas().CheckChanges(bad, now) {
			same := func(x rmg.Violation) bool { return x.String() == v.String() && x.Kind == v.Kind && x.Prop == v.Prop }
			if slices.ContainsFunc(was, same) || !slices.ContainsFunc(is, same) {
				t.Fatalf("%v is nothing new", v)
			}
		}
	})
}

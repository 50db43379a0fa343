package rmg_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
)

type vals = map[string]rmg.Value

func kinds(names ...string) rmg.Value {
	var list []rmg.Value
	for _, n := range names {
		list = append(list, rmg.String(n))
	}
	return rmg.List(list...)
}

// write is one step of a test.
type write func(o *rmg.Overlay) error

func addNode(p rmg.Path, kind string, props vals) write {
	return func(o *rmg.Overlay) error { return o.AddNode(p, kind, rmg.PropsOf(props)) }
}

func addEdge(p rmg.Path, kind, from, to string, props vals) write {
	return func(o *rmg.Overlay) error { return o.AddEdge(p, kind, from, to, rmg.PropsOf(props)) }
}

func set(p rmg.Path, props vals) write {
	return func(o *rmg.Overlay) error { return o.Set(p, props) }
}

func retype(p rmg.Path, kind string) write {
	return func(o *rmg.Overlay) error { return o.Retype(p, kind) }
}

func move(from, to rmg.Path) write {
	return func(o *rmg.Overlay) error { return o.Move(from, to) }
}

func remove(p rmg.Path) write {
	return func(o *rmg.Overlay) error { return o.Remove(p, true) }
}

func setRemove(p rmg.Path, prop string, v rmg.Value) write {
	return func(o *rmg.Overlay) error { return o.SetRemove(p, prop, v) }
}

// graft puts what the writes make, from an element of a kind, at p.
func graft(p rmg.Path, kind string, props vals, inside ...write) write {
	return func(o *rmg.Overlay) error {
		in := rmg.NewOverlay(rmg.Graph{})
		for _, w := range inside {
			if err := w(in); err != nil {
				return err
			}
		}
		return o.Graft(p, rmg.Element{Kind: kind, Props: rmg.PropsOf(props), Graph: in.Graph()})
	}
}

func written(t rapid.TB, base rmg.Graph, ws ...write) rmg.Graph {
	t.Helper()
	o := rmg.NewOverlay(base)
	for i, w := range ws {
		if err := w(o); err != nil {
			t.Fatalf("write %d: %v", i, err)
		}
	}
	return o.Graph()
}

// TestSchemaAccepts has what looks like the refusals and is none of them.
func TestSchemaAccepts(t *testing.T) {
	g := written(
		t, town(t),
		addNode("/svc/x", "Service", vals{"lang": rmg.String("go"), "port": rmg.Int(8080)}),
		set("/svc/x", vals{"port": {}}),
		addEdge("/svc/~x", "twin", "auth", "ann", nil),
		addEdge("/svc/~2", "owned_by", "db", "ann", nil),
		move("/svc/auth", "/svc/gate"), // its edges follow
		move("/svc/gate/login", "/svc/db/login"),
		addNode("/svc/kind", "Folder", nil), // it is not the root's
		addNode("/svc/kind/Service", "Odd", nil),
		retype("/kind", "Shelf"),
		set("/kind", vals{"doc": rmg.Int(1)}),
		addNode("/kind/Shelf", "Kind", vals{"leaf": rmg.Bool(true)}), // but /kind may hold
		addNode("/kind/Kind", "Kind", vals{"leaf": rmg.Bool(true)}),
		addNode("/kind/Prop", "Kind", vals{"leaf": rmg.Bool(true)}), // what is declared of Kind and Prop does not hold there
		addNode("/kind/Prop/stage", "Prop", vals{"required": rmg.Bool(true)}),
		addNode("/kind/Service/size", "Prop", vals{"type": rmg.String("int")}),
		set("/kind/Service", vals{"closed": {}}),
		set("/svc/db", vals{"free": rmg.Int(1)}),
		remove("/kind/Service"),
		set("/svc/db", vals{"lang": {}}),
		move("/kind", "/species"),
		addNode("/svc/db/x", "calls", nil),
	)
	e, _ := g.Get("/svc/x")
	if v, _ := e.Props.Get("tags"); !v.Equal(kinds("new")) {
		t.Errorf("no default was filled in: %v", dumpGraph(g))
	}
	if len(g.Schemas().Kinds()) != 0 {
		t.Error("schemas elsewhere than in /kind count")
	}
	e, _ = g.Get("/svc/~auth-db")
	if e.From != "gate" || e.Props.Int("times") != 1 {
		t.Errorf("%+v", e)
	}
}

func TestSchemasRead(t *testing.T) {
	g := town(t)
	s := g.Schemas()
	if got, want := s.Kinds(), []string{"Endpoint", "Service", "calls", "leads", "owned_by", "pair", "twin"}; !slices.Equal(got, want) {
		t.Errorf("kinds %q, want %q", got, want)
	}
	k, ok := s.Kind("Service")
	k.Props = slices.Clone(k.Props)
	port := k.Props[2].Default
	for i := range k.Props {
		k.Props[i].Default = rmg.Value{}
	}
	want := rmg.KindSchema{
		Kind: "Service", Of: "node", Closed: true, Inner: []string{"Endpoint", "calls"},
		Props: []rmg.PropSchema{
			{Name: "lang", Type: rmg.TypeString, Required: true, Merge: rmg.StrategyConflict},
			{Name: "note", Doc: "for people"},
			{Name: "port", Type: rmg.TypeInt, Index: true},
			{Name: "tags", Required: true},
		},
	}
	if !ok || !reflect.DeepEqual(k, want) || !port.Equal(rmg.Int(80)) {
		t.Errorf("Service is %+v, want %+v", k, want)
	}
	if _, ok := s.Kind("Team"); ok {
		t.Error("Team has a schema")
	}
	if got := fmt.Sprint(s.Indexed()); got != "[{Endpoint body} {Service port}]" {
		t.Errorf("indexed %v", got)
	}
	if got := fmt.Sprintf("%q", []rmg.Strategy{s.Strategy("Endpoint", "body"), s.Strategy("Service", "lang"), s.Strategy("Service", "port"), s.Strategy("T", "x")}); got != `["text" "conflict" "" ""]` {
		t.Errorf("strategies %s", got)
	}
	if got := slices.Collect(s.Check(g)); len(got) != 0 {
		t.Errorf("violations %v", got)
	}
	for name, none := range map[string]*rmg.Schemas{"nil": nil, "of an empty graph": (rmg.Graph{}).Schemas()} {
		_, ok := none.Kind("Service")
		if ok || none.Kinds() != nil && len(none.Kinds()) > 0 || none.Strategy("Service", "lang") != "" || none.Indexed() != nil ||
			len(slices.Collect(none.Check(g))) > 0 || len(none.CheckChanges(rmg.Graph{}, g)) > 0 {
			t.Errorf("schemas %s demand something", name)
		}
	}
}

// TestSchemasKept holds compiled schemas to one version of /kind.
func TestSchemasKept(t *testing.T) {
	g := town(t)
	s := g.Schemas()
	o := rmg.NewOverlay(g)
	if err := o.Set("/svc/auth", vals{"lang": rmg.String("c")}); err != nil {
		t.Fatal(err)
	}
	if o.Graph().Schemas() != s {
		t.Error("a write elsewhere makes them anew")
	}
	m := o.Mark()
	if err := o.Set("/kind/Service", vals{"closed": {}}); err != nil {
		t.Fatal(err)
	}
	if k, _ := o.Graph().Schemas().Kind("Service"); k.Closed {
		t.Error("a write to /kind is not seen")
	}
	if err := o.Set("/svc/auth", vals{"free": rmg.Int(1)}); err != nil {
		t.Error(err)
	}
	if k, _ := g.Schemas().Kind("Service"); !k.Closed || g.Schemas() != s {
		t.Error("a write to a later version is seen in an earlier one")
	}
	o.Rewind(m)
	if err := o.Set("/svc/auth", vals{"free": rmg.Int(1)}); codeOf(err) != rmg.Invalid {
		t.Errorf("after going back: %v", err)
	}
	// An escape that is not needed is no way around.
	if err := o.AddNode("/%6Bind/X", "Service", rmg.PropsOf(vals{"lang": rmg.String("go")})); codeOf(err) != rmg.Invalid {
		t.Errorf("by another name: %v", err)
	}
	free := rmg.NewOverlay(g).Unchecked()
	for _, w := range []write{
		set("/svc/auth", vals{"lang": rmg.Int(1)}), addNode("/kind/Service/x", "Odd", nil), addNode("/svc/x", "Service", nil),
		set("/kind/Service/port", vals{"type": rmg.String("real"), "default": rmg.Float(math.Pi)}),
	} {
		if err := w(free); err != nil {
			t.Errorf("unchecked: %v", err)
		}
	}
	bad := free.Graph()
	// What is malformed demands nothing and gives nothing.
	o = rmg.NewOverlay(g).Unchecked()
	if err := o.Set("/kind/Service/port", vals{"default": rmg.String("http")}); err != nil {
		t.Fatal(err)
	}
	odd := written(t, o.Graph(), addNode("/svc/x", "Service", vals{"lang": rmg.String("go")}))
	if x, _ := odd.Get("/svc/x"); x.Props.Len() != 2 {
		t.Errorf("a malformed default was filled in: %+v", x.Props)
	}
	want := []string{
		`/kind/Service/port: kind Prop: prop type is "real", the schema wants bool, int, float, string, bytes, list, map, ref or blob`,
		"/kind/Service/x: kind Kind: kind Odd stands inside, the schema wants Prop",
		"/svc/auth: kind Service: prop lang is int, the schema wants string",
		"/svc/x: kind Service: prop lang is missing, the schema requires it",
		"/svc/x: kind Service: prop tags is missing, the schema requires it",
	}
	var got []string
	for v := range bad.Schemas().Check(bad) {
		got = append(got, v.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("violations\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// What is wrong already does not keep the rest from being mended, one by one.
	g = written(
		t, bad,
		set("/svc/auth", vals{"port": rmg.Int(1)}),
		set("/kind/Service/port", vals{"type": rmg.String("int"), "default": {}}),
		remove("/kind/Service/x"),
		set("/svc/x", vals{"lang": rmg.String("go")}),
		set("/svc/x", vals{"tags": rmg.Int(1)}),
		set("/svc/auth", vals{"lang": rmg.String("go")}),
	)
	if got := slices.Collect(g.Schemas().Check(g)); fmt.Sprint(got) != "[]" {
		t.Errorf("left over: %v", got)
	}
}

// TestSchemaMerge has what two sides can do that both satisfy their schemas.
func TestSchemaMerge(t *testing.T) {
	base := town(t)
	for _, c := range []struct {
		name      string
		base      []write
		sys, work []write
		want      []string
	}{
		{
			name: "nothing wrong",
			sys:  []write{addEdge("/svc/~s", "owned_by", "db", "ann", nil)},
			work: []write{addNode("/svc/x", "Service", vals{"lang": rmg.String("go")}), set("/kind/Service", vals{"closed": {}})},
		},
		{
			name: "an edge each",
			sys:  []write{addEdge("/svc/~s", "owned_by", "db", "ann", nil), addEdge("/svc/~t", "leads", "bob", "db", nil)},
			work: []write{addEdge("/svc/~w", "owned_by", "db", "bob", nil), addEdge("/svc/~a", "leads", "ann", "db", nil)},
			want: []string{
				`/svc/~t: kind leads: another reaches "db", the schema wants one_in`,
				`/svc/~w: kind owned_by: another leaves "db", the schema wants one_out`,
			},
		},
		{
			name: "an edge that comes before the one that there was",
			sys:  []write{remove("/svc/~auth-ann"), addEdge("/svc/~z", "owned_by", "auth", "bob", nil)},
			work: []write{remove("/svc/~auth-ann"), addEdge("/svc/~b", "owned_by", "auth", "bob", nil)},
			want: []string{`/svc/~z: kind owned_by: another leaves "auth", the schema wants one_out`},
		},
		{
			name: "an edge to what gets another kind",
			sys:  []write{addEdge("/svc/~s", "calls", "db", "db", nil), remove("/svc/~auth-db")},
			work: []write{remove("/svc/~auth-db"), retype("/svc/db", "Disk")},
			want: []string{
				"/svc/~s: kind calls: it leaves kind Disk, the schema wants Job or Service",
				"/svc/~s: kind calls: it reaches kind Disk, the schema wants Service",
			},
		},
		{
			name: "a kind that loses what is inside",
			base: []write{addNode("/svc/box", "Box", nil)},
			sys:  []write{addNode("/svc/box/x", "Team", nil), addEdge("/svc/box/~x", "knows", "x", "x", nil)},
			work: []write{retype("/svc/box", "Endpoint")},
			want: []string{
				"/svc/box/x: kind Endpoint: kind Team stands inside, the schema wants nothing",
				"/svc/box/~x: kind Endpoint: kind knows stands inside, the schema wants nothing",
			},
		},
		{
			name: "a demand on what is new",
			base: []write{addNode("/kind/Team", "Kind", nil), addNode("/kind/Team/size", "Prop", nil)},
			sys:  []write{addNode("/svc/eve", "Team", nil)},
			work: []write{set("/svc/ann", vals{"size": rmg.Int(1)}), set("/svc/bob", vals{"size": rmg.Int(1)}), set("/kind/Team/size", vals{"required": rmg.Bool(true)})},
			want: []string{"/svc/eve: kind Team: prop size is missing, the schema requires it"},
		},
		{
			name: "half of each schema",
			base: []write{addNode("/kind/Team", "Kind", nil), addNode("/kind/Team/size", "Prop", nil)},
			sys:  []write{set("/kind/Team/size", vals{"type": rmg.String("int")})},
			work: []write{set("/kind/Team/size", vals{"default": rmg.String("big")})},
			want: []string{"/kind/Team/size: kind Prop: prop default is string, but the type says int"},
		},
	} {
		base := written(t, base, c.base...)
		sys := written(t, base, c.sys...)
		g, conflicts, err := rmg.Merge(rmg.MergeInput{Base: base, System: sys, Workspace: written(t, base, c.work...)})
		if err != nil || len(conflicts) > 0 {
			t.Fatalf("%s: %v, %v", c.name, conflicts, err)
		}
		var got []string
		for _, v := range g.Schemas().CheckChanges(sys, g) {
			got = append(got, v.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

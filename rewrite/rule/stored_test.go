package rule_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"jitos.dev/rewrite/rule"
	"jitos.dev/rmg"
)

// storedOf is the rules of documents as they stand in one graph.
func storedOf(t *testing.T, docs ...string) rmg.Graph {
	t.Helper()
	o := rmg.NewOverlay(rmg.Graph{})
	for _, text := range docs {
		g, err := setOf(t, text).Graph()
		if err != nil {
			t.Fatal(err)
		}
		for e := range g.Nodes("") {
			if err := o.Graft(rmg.Root.Child(e.ID), e); err != nil {
				t.Fatal(err)
			}
		}
	}
	return o.Graph()
}

// TestRulesOfSeveralDocuments: each is held to the kinds of its own document, matched
// are they by the kinds of all.
func TestRulesOfSeveralDocuments(t *testing.T) {
	g := storedOf(t,
		"kinds: {A: {props: {n: int}}, B: {is: [A]}}\nrules: [{rule: down, match: [\"a:A\"], where: [\"a.n > 0\"], inc: {a.n: \"-1\"}}]",
		"kinds: {B: {is: [A], props: {s: string}}, A: {props: {m: bool}}, C: {}}\nrules: [{rule: mark, match: [\"b:B\"], where: [\"b.s == 'x' && b.n == 0\"], retype: {b: C}}]",
		"rules: [{rule: free, match: [\"x:Other\"], delete: [x]}]",
		"kinds: {A: {}}\nrules: [{rule: all, match: [\"a:A\"], where: [\"!has(a.seen)\"], set: {a.seen: \"true\"}}]",
	)
	set, err := rule.Stored(g, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"all", "down", "free", "mark"}; !slices.Equal(set.Names(), want) {
		t.Errorf("%v", set.Names())
	}
	world := graphOf(t, func(o *rmg.Overlay) error {
		n := func(i int64) rmg.Props { return rmg.Props{}.With("n", rmg.Int(i)) }
		return errors.Join(
			o.AddNode("/a", "A", n(2)), o.AddNode("/b", "B", n(1).With("s", rmg.String("x"))), o.AddNode("/c", "Other", rmg.Props{}))
	})
	m := imageOf(t, world)
	run := runOf(t, m, set, rule.RunOptions{})
	if ok, err := run.Program("all!; down!; free!; mark!"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	// Of the document of "all" alone a B is no A.
	if got := run.Applied(); got["all"] != 2 || got["down"] != 3 || got["free"] != 1 || got["mark"] != 1 {
		t.Errorf("%v", got)
	}
	if e, ok := written(t, m, world).Get("/b"); !ok || e.Kind != "C" {
		t.Errorf("%+v", e)
	}
	if alone, err := rule.Stored(g, []string{"all", "all"}, nil); err != nil || len(alone.Rules) != 1 {
		t.Errorf("%v, %v", alone, err)
	}
}

// TestKindsThatContradict: rules of documents whose kinds cannot both be so are refused
// together, by the place, and taken alone.
func TestKindsThatContradict(t *testing.T) {
	doc := func(name, kinds string) string {
		return "kinds: " + kinds + "\nrules: [{rule: " + name + ", match: [\"a:A\"], delete: [a]}]"
	}
	third := storedOf(t, doc("a", "{A: {}}"), doc("b", "{A: {props: {n: int}}}"), doc("c", "{A: {props: {n: string}}}"))
	if _, err := rule.Stored(third, nil, nil); err == nil || !strings.Contains(err.Error(), "/rule/c:1:25: prop n of kind A is string; in /rule/b:1:25 it is int") {
		t.Errorf("the second and the third of three: %v", err)
	}
	for _, c := range []struct{ one, two, want string }{
		{"{A: {props: {n: int}}}", "{A: {props: {k: int, n: string}}}", "/rule/two:1:35: prop n of kind A is string; in /rule/one:1:25 it is int"},
		{"{A: {is: [B]}, B: {}}", "{A: {}}", "/rule/two:1:11: kind A is no other; in /rule/one:1:11 it is B"},
		{"{A: {}, B: {}}", "{A: {is: [C, B]}, B: {}, C: {}}", "/rule/two:1:11: kind A is B and C; in /rule/one:1:11 it is no other"},
		{"{A: {is: [B, C]}, B: {}, C: {}}", "{A: {is: [C, B, B]}, B: {}, C: {}}", ""},
		{"{A: {props: {n: int}}}", "{A: {props: {n: int, m: string}}}", ""},
	} {
		g := storedOf(t, doc("one", c.one), doc("two", c.two))
		_, err := rule.Stored(g, []string{"one", "two"}, nil)
		var faults rule.Faults
		switch {
		case c.want == "" && err == nil:
		case !errors.As(err, &faults) || !errors.Is(err, &rmg.Error{Code: rmg.Invalid}) || faults.Error() != c.want:
			t.Errorf("%s and %s: %v\nwant %s", c.one, c.two, err, c.want)
		}
		for _, name := range []string{"one", "two"} {
			if _, err := rule.Stored(g, []string{name}, nil); err != nil {
				t.Errorf("%s alone: %v", name, err)
			}
		}
	}
}

// TestKindsInACircle: what no document says alone, two can by what a schema knows.
func TestKindsInACircle(t *testing.T) {
	schemas := graphOf(t, func(o *rmg.Overlay) error {
		return errors.Join(o.AddNode(rmg.KindPath, "Kinds", rmg.Props{}), o.AddNode(rmg.KindPath.Child("A"), "Kind", rmg.Props{}), o.AddNode(rmg.KindPath.Child("B"), "Kind", rmg.Props{}))
	}).Schemas()
	o := rmg.NewOverlay(rmg.Graph{})
	for name, kinds := range map[string]string{"one": "{A: {is: [B]}}", "two": "{B: {is: [A]}}"} {
		set, err := rule.Load("t.yaml", []byte("kinds: "+kinds+"\nrules: [{rule: "+name+", match: [\"a:A\"], delete: [a]}]"), schemas)
		if err != nil {
			t.Fatal(err)
		}
		g, err := set.Graph()
		if err != nil {
			t.Fatal(err)
		}
		e, _ := g.Get(rmg.Root.Child(name))
		if err := o.Graft(rmg.Root.Child(name), e); err != nil {
			t.Fatal(err)
		}
	}
	_, err := rule.Stored(o.Graph(), nil, schemas)
	var faults rule.Faults
	if !errors.As(err, &faults) || !strings.HasPrefix(faults.Error(), "/rule/one:1:11: kind A is itself, by B") {
		t.Errorf("%v", err)
	}
}

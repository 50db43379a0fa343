package rule_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rewrite/rule"
	"jitos.dev/rmg"
)

// small is a graph in a few words: nodes a:K, edges a-k->b, and a/b:K inside.
func small(t testing.TB, text string) rmg.Graph {
	t.Helper()
	return graphOf(t, func(o *rmg.Overlay) error {
		var err error
		for i, w := range strings.Fields(text) {
			if from, rest, ok := strings.Cut(w, "-"); ok {
				kind, to, _ := strings.Cut(rest, "->")
				err = errors.Join(err, o.AddEdge(rmg.Root.EdgeChild(fmt.Sprint("e", i)), kind, from, to, rmg.Props{}))
				continue
			}
			id, kind, _ := strings.Cut(w, ":")
			err = errors.Join(err, o.AddNode(rmg.Path("/"+id), kind, rmg.PropsOf(map[string]rmg.Value{"n": rmg.Int(int64(i))})))
		}
		return err
	})
}

// shape is what there is, by kind.
func shape(g rmg.Graph) string {
	var nodes, edges []string
	for p, e := range g.Walk(rmg.Root) {
		if e.Edge {
			edges = append(edges, fmt.Sprintf("%s-%s->%s", e.From, e.Kind, e.To))
		} else {
			nodes = append(nodes, strings.TrimPrefix(string(p), "/")+":"+e.Kind)
		}
	}
	return strings.Join(append(nodes, edges...), " ")
}

// TestCases names what rules mean.
func TestCases(t *testing.T) {
	for name, c := range map[string]struct{ graph, rule, run, want string }{
		"dangling: a node with another edge stays":   {"a:A b:B a-e->b a-f->b", "match: [\"x:A -[k:e]-> y\"]\ndelete: [x, k]", "r?", "a:A b:B a-e->b a-f->b"},
		"dangling: with all its edges it goes":       {"a:A b:B a-e->b", "match: [\"x:A -[k:e]-> y\"]\ndelete: [x, k]", "r", "b:B"},
		"dangling: a graph inside holds a node":      {"a:A a/b:B", "match: [\"x:A\"]\ndelete: [x]", "r?", "a:A a/b:B"},
		"dangling: with what is inside it goes":      {"a:A a/b:B", "match: [\"x:A\", \"x / y\"]\ndelete: [x, y]", "r", ""},
		"dangling: freed by another rule":            {"a:A b:B a-f->b", "match: [\"x:A\"]\ndelete: [x]", "r?; free; r", "b:B"},
		"a condition that goes":                      {"a:A b:B a-f->b", "match: [\"x:A\"]\nunless: [\"x -[f]-> _\"]\nretype: {x: C}", "r?; free; r", "a:C b:B"},
		"a condition that goes at its far end":       {"a:A b:B c:B a-e->b b-f->c", "match: [\"x:A\"]\nunless: [\"x -[e]-> _ -[f]-> _\"]\nretype: {x: C}", "r?; free; r", "a:C b:B c:B a-e->b"},
		"a way that goes":                            {"a:A b:B c:C a-f->b b-f->c", "match: [\"x:A\"]\nunless: [\"x -[f*2]-> _\"]\nretype: {x: D}", "r?; free; r", "a:D b:B c:C b-f->c"},
		"cascade: what would dangle goes":            {"a:A b:B a-e->b a-f->b b-f->a a/c:C", "match: [\"x:A\"]\ndelete: [x]\ncascade: true", "r", "b:B"},
		"a loop is an edge of one node":              {"a:A b:A a-e->a a-e->b", "match: [\"x -[k:e]-> x\"]\ndelete: [k]", "r!", "a:A b:A a-e->b"},
		"a loop is no edge between two":              {"a:A a-e->a", "match: [\"x -[k:e]-> y\"]\ndelete: [k]", "r?", "a:A a-e->a"},
		"a loop is one if that is allowed":           {"a:A a-e->a", "match: [\"x -[k:e]-> y\"]\ndelete: [k]\ninjective: false", "r", "a:A"},
		"a loop dangles as well":                     {"a:A a-e->a", "match: [\"x:A\"]\ndelete: [x]", "r?", "a:A a-e->a"},
		"a node with its loop":                       {"a:A a-e->a", "match: [\"x:A -[k:]-> x\"]\ndelete: [x, k]", "r", ""},
		"parallel edges are two":                     {"a:A b:B a-e->b a-e->b a-e->b", "match: [\"x -[k:e]-> y\", \"x -[l:e]-> y\"]\ndelete: [k]", "r!", "a:A b:B a-e->b"},
		"one edge is not two":                        {"a:A b:B a-e->b", "match: [\"x -[k:e]-> y\", \"x -[l:e]-> y\"]\ndelete: [k]", "r?", "a:A b:B a-e->b"},
		"identification: kept and deleted":           {"a:A", "match: [\"x:A\", \"y:A\"]\ndelete: [x]\ninjective: false", "r?", "a:A"},
		"identification: deleted by single-pushout":  {"a:A", "match: [\"x:A\", \"y:A\"]\ndelete: [x]\ninjective: false\ncascade: true\nset: {y.n: 7}", "r", ""},
		"larger than the graph":                      {"a:A", "match: [\"x:A -[e]-> y:A -[e]-> z:A\"]\ndelete: [x]", "r?", "a:A"},
		"its own output":                             {"a:A", "match: [\"x:A\"]\ncreate: [\"x -[e]-> y:A\"]\nid: {y: 'x._id + \"a\"'}", "r*3", "a:A aa:A"},
		"an empty left side":                         {"", "create: [\"x:A -[e]-> y:B\"]\nid: {x: '\"p\"', y: '\"q\"'}", "r", "p:A q:B p-e->q"},
		"an empty left side with a condition":        {"", "create: [\"x:A\"]\nid: {x: '\"p\"'}\nunless: [\"y:A\"]", "r!", "p:A"},
		"retype a node and an edge":                  {"a:A b:B a-e->b", "match: [\"x:A -[k:e]-> y\"]\nretype: {x: C, k: f}", "r!", "a:C b:B a-f->b"},
		"a way":                                      {"a:A b:N c:N d:D a-e->b b-e->c c-e->d", "match: [\"x:A -[e*1..2]-> y\"]\nretype: {y: M}\nunless: [\"y -[self]-> y\"]\ncreate: [\"y -[self]-> y\"]", "r!", "a:A b:M c:M d:D a-e->b b-e->c c-e->d b-self->b c-self->c"},
		"a way that there must not be":               {"a:A b:N c:N a-e->b b-e->c", "match: [\"x:A\", \"y:N\"]\nunless: [\"x -[e*2..4]-> y\"]\nretype: {y: M}", "r!", "a:A b:M c:N a-e->b b-e->c"},
		"inside a node":                              {"a:A a/b:B a/c:C b:B", "match: [\"g:A\", \"g / x:B\", \"g / y:C\"]\ncreate: [\"g / x -[e]-> y\"]\nunless: [\"g / x -[e]-> y\"]", "r!", "a:A a/b:B a/c:C b:B b-e->c"},
		"the top is not the inside":                  {"a:A a/b:B", "match: [\"x:B\"]\nretype: {x: C}", "r?", "a:A a/b:B"},
		"but with deep it is anywhere":               {"a:A a/b:B b:B", "match: [\"x:B\"]\nretype: {x: C}\ndeep: true", "r!", "a:A a/b:C b:C"},
		"at names a graph":                           {"a:A a/b:B b:B", "match: [\"x:B\"]\nretype: {x: C}\nat: /a", "r!", "a:A a/b:C b:B"},
		"make an inside":                             {"a:A", "match: [\"x:A\"]\ncreate: [\"x / y:B -[e]-> z:B\"]\nid: {y: '\"p\"', z: '\"q\"'}\nunless: [\"x / _:B\"]", "r!", "a:A a/p:B a/q:B p-e->q"},
		"a nameless node may be one that is matched": {"a:A b:B a-e->b", "match: [\"x:A\", \"y:B\"]\nunless: [\"x -[e]-> _\"]\nretype: {x: C}", "r?", "a:A b:B a-e->b"},
		"one with a name is another":                 {"a:A b:B a-e->b", "match: [\"x:A\", \"y:B\"]\nunless: [\"x -[e]-> z\"]\nretype: {x: C}", "r", "a:C b:B a-e->b"},
		"nested conditions: all have":                {"a:A b:B c:B a-e->b a-e->c b-f->b", "match: [\"x:A\"]\nunless: [{match: [\"x -[e]-> y\"], unless: [\"y -[f]-> y\"]}]\nretype: {x: C}", "r?", "a:A b:B c:B a-e->b a-e->c b-f->b"},
		"nested conditions: now all have":            {"a:A b:B a-e->b b-f->b", "match: [\"x:A\"]\nunless: [{match: [\"x -[e]-> y\"], unless: [\"y -[f]-> y\"]}]\nretype: {x: C}", "r", "a:C b:B a-e->b b-f->b"},
		"a positive condition":                       {"a:A b:A a-e->b", "match: [\"x:A\"]\nrequire: [\"x -[e]-> _\"]\nretype: {x: C}", "r!", "a:C b:A a-e->b"},
		"priorities":                                 {"a:A", "match: [\"x:A\"]\nretype: {x: C}\npriority: -1", "r | free | late", "a:D"},
		"kinds are inherited":                        {"a:K b:L", "match: [\"x:K\"]\nretype: {x: C}", "r!", "a:C b:C"},
	} {
		doc := "kinds: {A: {}, B: {}, C: {}, D: {}, K: {}, L: {is: [K]}, M: {}, N: {}, e: {}, f: {}, self: {}}\nrules:\n  - rule: r\n    " + strings.ReplaceAll(c.rule, "\n", "\n    ") +
			"\n  - rule: free\n    match: [\"x -[k:f]-> y\"]\n    delete: [k]\n  - rule: late\n    match: [\"x:A\"]\n    retype: {x: D}\n"
		g := small(t, c.graph)
		m := imageOf(t, g)
		r := runOf(t, m, load(t, doc), rule.RunOptions{Fuel: 100})
		ok, err := r.Program(c.run)
		if name == "its own output" { // the third would make what the second made
			var e *rmg.Error
			if !errors.As(err, &e) || e.Code != rmg.Exists {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !ok || err != nil {
			t.Errorf("%s: %v, %v", name, ok, err)
			continue
		}
		got := written(t, m, g)
		if shape(got) != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, shape(got), c.want)
		}
		// The ops say the same.
		o := rmg.NewOverlay(g)
		if err := rewrite.Apply(o, m.Ops()); err != nil || o.Graph().Digest() != got.Digest() {
			t.Errorf("%s: as ops: %v\n%s", name, err, shape(o.Graph()))
		}
	}
}

// TestProps does each assignment, and sees what was before.
func TestProps(t *testing.T) {
	doc := `
kinds: {A: {props: {n: int, l: list, s: string}}, B: {}, e: {}}
rules:
  - rule: r
    match: ["x:A -[k:e]-> y:B"]
    where: ["x.n == 0", "!has(y.s)", "y._kind == 'B'"]
    set: {x.s: "y._id + '!'", x.n: null, y.n: "x.n + 10", k.why: "{'a': [1.5, 2.5]}", z.of: "x.n"}
    inc: {y.hits: 2}
    set_add: {y.tags: "'b'"}
    create: ["x -[e]-> z:B"]
    id: {z: "'made-by-' + x._id"}
  - rule: again
    match: ["y:B"]
    where: "'b' in y['tags']"
    set_add: {y.tags: "'a'"}
    inc: {y.hits: -1}
  - rule: off
    match: ["y:B"]
    where: "size(y['tags']) == 2"
    set_remove: {y.tags: "'b'"}
  - rule: wrong
    match: ["x:A"]
    inc: {x.s: 1}
`
	g := small(t, "a:A b:B a-e->b")
	m := imageOf(t, g)
	r := runOf(t, m, load(t, doc), rule.RunOptions{Fuel: 3})
	if ok, err := r.Program("r; again; off"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	want := `/a A > {"s":"b!"}
/b B > {"hits":1,"n":10,"tags":["a"]}
/made-by-a B > {"of":0}
/~e2 e a>b {"why":{"a":[1.5,2.5]}}
/~na1 e a>made-by-a {}
`
	if got := dump(written(t, m, g)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	var e *rmg.Error
	if _, err := runOf(t, m, load(t, doc), rule.RunOptions{}).Once("wrong"); !errors.As(err, &e) || e.Code != rmg.Invalid {
		t.Errorf("%v", err)
	}
}

// TestExplain: the rarest kind first, then along adjacency.
func TestExplain(t *testing.T) {
	g := small(t, "a:A b:A c:A d:A r:R r-tok->a a-req->r b-req->r c-req->r")
	r := runOf(t, imageOf(t, g), load(t, "rule: take\nmatch: [\"r:R -[t:tok]-> p:A -[q:req]-> r\"]\nwhere: p.n >= 0\nunless: [\"p -[req]-> :A\"]"), rule.RunOptions{})
	got, err := r.Explain("take")
	want := `begin with r:R: 1
from r:R along -[t:tok]- to p:A: 1, where p.n >= 0
from p:A by -[q:req]- to r:R
  unless
    from p:A along -[:req]- to :A: 0.75
`
	if err != nil || got != want {
		t.Errorf("%v\n got\n%swant\n%s", err, got, want)
	}
	if _, err := r.Explain("give"); err == nil {
		t.Error("a rule that there is not is explained")
	}
}

// TestALoneNodeIsMet: a node that comes without an edge is looked at although a
// condition would have one there.
func TestALoneNodeIsMet(t *testing.T) {
	m := imageOf(t, small(t, ""))
	r := runOf(t, m, load(t, "rule: r\nmatch: [\"a:A\"]\nunless: [\"a -[e]-> _\"]\nretype: {a: B}"), rule.RunOptions{})
	if ok, err := r.Once("r"); ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := m.Follow(small(t, "a:A")); err != nil {
		t.Fatal(err)
	}
	if ok, err := r.Once("r"); !ok || err != nil {
		t.Error(ok, err)
	}
}

package rule_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"jitos.dev/rewrite/rule"
	"jitos.dev/rmg"
)

// oddRules has everything that a rule may have.
const oddRules = `
kinds: {Svc: {props: {n: int, f: float}}, Db: {is: [Svc]}, uses: {}, owns: {}}
rules:
  - rule: all.of-it
    doc: "a \"text\" with é"
    at: /svc
    deep: true
    priority: 2
    injective: false
    cascade: true
    match: ["a:Svc -[e:uses]-> b:Db", "g:Svc", "g / x:Svc -[y:uses]-> :Svc", "a -[uses*1..4]-> b"]
    where: ["a.n > 1", "a.f < 1.0"]
    unless:
      - "a -[owns]-> _"
      - {match: "a -[owns]-> c:Svc", where: "c.n == 2", require: ["c -[uses]-> d:Db"]}
    require: ["b -[owns*1..2]-> :Svc"]
    delete: [e, x]
    create: ["a -[m:owns]-> new:Svc", "g / i:Db"]
    id: {new: "'made'"}
    retype: {b: Svc}
    set: {a.n: "a.n + 1"}
    inc: {b.n: "2"}
run: all.of-it!
`

func setOf(t *testing.T, text string) *rule.Set {
	t.Helper()
	s, err := rule.Load("t.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRulesStandAsGraphs: what is drawn of a rule has its parts, is a sound graph, and
// reads back as the same rule.
func TestRulesStandAsGraphs(t *testing.T) {
	for _, text := range []string{oddRules, ringRules} {
		set := setOf(t, text)
		g, err := set.Graph()
		if err != nil {
			t.Fatal(err)
		}
		if f := rmg.Check(g); len(f) > 0 {
			t.Fatal(f)
		}
		again, err := rule.Stored(g, set.Names(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if g2, err := again.Graph(); err != nil || g2.Digest() != g.Digest() || !slices.Equal(again.Names(), set.Names()) {
			t.Errorf("rules %v are read back as %v, %v", set.Names(), again.Names(), err)
			for c := range rmg.Diff(g, g2) {
				t.Logf("%+v", c)
			}
		}
	}
	g, err := setOf(t, oddRules).Graph()
	if err != nil {
		t.Fatal(err)
	}
	at := rmg.Root.Child("all.of-it")
	for _, p := range []rmg.Path{
		"/left/a", "/left/~e", "/left/g/x", "/left/g/~y", "/left/~way-1", "/unless-1/a", "/unless-2/c", "/unless-2/require-1/d",
		"/require-1/b", "/right/a", "/right/new", "/right/~m", "/right/g/i",
	} {
		if _, ok := g.Get(at + p); !ok {
			t.Errorf("%s is not drawn", p)
		}
	}
	for _, p := range []rmg.Path{"/right/~e", "/right/g/x", "/right/g/~y", "/left/new"} {
		if _, ok := g.Get(at + p); ok {
			t.Errorf("%s is drawn", p)
		}
	}
	if e, _ := g.Get(at + "/unless-2/c"); e.Props.Bool("outer") {
		t.Error("what a condition brings is drawn as another's")
	}
	if e, _ := g.Get(at + "/unless-2/require-1/c"); !e.Props.Bool("outer") {
		t.Error("what a condition asks of the one around it is not drawn as that one's")
	}
}

// TestStoredRulesDoTheSame: a program of stored rules does what the document's does.
func TestStoredRulesDoTheSame(t *testing.T) {
	world := graphOf(t, func(o *rmg.Overlay) error {
		return errors.Join(
			o.AddNode("/a", "Process", rmg.Props{}), o.AddNode("/b", "Process", rmg.Props{}),
			o.AddEdge("/~ab", "next", "a", "b", rmg.Props{}), o.AddEdge("/~ba", "next", "b", "a", rmg.Props{}),
		)
	})
	fromText := setOf(t, ringRules)
	g, err := fromText.Graph()
	if err != nil {
		t.Fatal(err)
	}
	stored, err := rule.Stored(g, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var ends []rmg.Digest
	for _, set := range []*rule.Set{fromText, stored} {
		m := imageOf(t, world)
		if ok, err := runOf(t, m, set, rule.RunOptions{}).Program("new*3; mount; request*5; (take; release; give)*5"); !ok || err != nil {
			t.Fatal(ok, err)
		}
		ends = append(ends, written(t, m, world).Digest())
	}
	if ends[0] != ends[1] {
		t.Error("stored rules end otherwise")
	}
	if _, err := rule.Stored(g, []string{"nobody"}, nil); !errors.Is(err, &rmg.Error{Code: rmg.NotFound}) || !strings.Contains(err.Error(), "nobody") {
		t.Error(err)
	}
}

package rule_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rewrite"
	"jitos.dev/rewrite/rule"
	"jitos.dev/rmg"
)

// news is what a change of the graph brought, as text.
func (p playground) news(t *rapid.T, g rmg.Graph) (out []string) {
	if err := p.m.Follow(g); err != nil {
		t.Fatal(err)
	}
	found, err := p.run.News()
	if err != nil {
		t.Fatal(err)
	}
	for i := range found {
		out = append(out, matchText(p.run.Match(&found[i])))
	}
	return out
}

// TestNewsIsWhatIsNew: news are matches, each match that was none before is among
// them, none is twice, and nothing is news where nothing changed. They are the same,
// in the same order, whatever the image went through before.
func TestNewsIsWhatIsNew(t *testing.T) {
	fresh := 0
	rapid.Check(t, func(t *rapid.T) {
		r := drawRule(t, "r")
		text := modelKindsText + r.yaml()
		first, g := drawGraph(t), drawGraph(t)
		p, q := play(t, first, text, rewrite.Serial), play(t, g, text, rewrite.Serial)
		if err := p.m.Follow(g); err != nil {
			t.Fatal(err)
		}
		p.run.Rest()
		q.run.Rest()
		for range 4 {
			next := drawGraph(t)
			if !bounded(r, elementsOf(g)) || !bounded(r, elementsOf(next)) {
				return
			}
			texts := func(g rmg.Graph) (out []string) {
				es := elementsOf(g)
				for _, m := range modelMatches(es, r, r.left, nil) {
					out = append(out, modelText(r, m))
				}
				return out
			}
			was, is := texts(g), texts(next)
			got, same := p.news(t, next), q.news(t, next)
			for _, m := range got {
				if !slices.Contains(is, m) {
					t.Fatalf("%s\n%s\n%s is news and no match", text, dump(next), m)
				}
			}
			for _, m := range is {
				if slices.Contains(was, m) {
					continue
				}
				if fresh++; !slices.Contains(got, m) {
					t.Fatalf("%s\nfrom\n%s\nto\n%s\n%s is no news", text, dump(g), dump(next), m)
				}
			}
			if !slices.Equal(got, same) {
				t.Fatalf("%s\n%s\n%q by one image, %q by another", text, dump(next), got, same)
			}
			if again := p.news(t, next); len(again) > 0 {
				t.Fatalf("%s\n%s\nnothing changed, and %q is news", text, dump(next), again)
			}
			g = next
		}
	})
	if fresh == 0 {
		t.Error("nothing was news")
	}
}

// TestFireOnce: what fires is not news by itself, but for what its application
// changed; what is no match any more does not fire.
func TestFireOnce(t *testing.T) {
	for name, c := range map[string]struct {
		rule  string
		fired string
	}{
		"nothing changes":                   {"match: [\"x:A\"]", "1"},
		"a prop that no one asks for":       {"match: [\"x:A\"]\nset: {x.m: \"1\"}", "1"},
		"a prop that it asks for":           {"match: [\"x:A\"]\nwhere: [x.n < 3]\ninc: {x.n: \"1\"}", "1 1"},
		"its own output":                    {"match: [\"x:A\"]\ncreate: [\"y:A\"]", "1 1 1 1 1 1"},
		"its own output, which it sees":     {"match: [\"x:A\"]\nunless: [\"x -[e]-> _\"]\ncreate: [\"x -[e]-> y:B\"]", "1"},
		"a condition that is about no node": {"match: [\"x:A\"]\nunless: [\"_:B\"]\ncreate: [\"y:B\"]", "1"},
		"no left side":                      {"unless: [\"_:C\"]\nrequire: [\"_:A\"]\ncreate: [\"y:C\"]", "1"},
	} {
		m := imageOf(t, small(t, "z:Z"))
		run := runOf(t, m, load(t, "rule: r\n"+c.rule), rule.RunOptions{})
		run.Rest()
		if err := m.Follow(small(t, "z:Z a:A")); err != nil {
			t.Fatal(err)
		}
		got := ""
		for range 6 {
			found, err := run.News()
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for i := range found {
				ok, err := run.Fire(&found[i])
				if err != nil {
					t.Fatal(err)
				}
				if ok {
					n++
				}
			}
			if n == 0 {
				break
			}
			got += fmt.Sprint(" ", n)
		}
		if got != " "+c.fired {
			t.Errorf("%s: fired%s times, want %s", name, got, c.fired)
		}
	}
}

// TestReach: how far in there is what decides a match.
func TestReach(t *testing.T) {
	for doc, want := range map[string]int{
		"match: [\"x:A -[e*1..4]-> y\"]\ncreate: [\"x / n:B\"]": 1,
		"match: [x]\ndelete: [x]":                               2, // nothing may be inside
		"match: [x]\ndelete: [x]\ncascade: true":                1,
		"match: [x, \"x / y\", \"y / z\"]":                      3,
		"match: [x]\nunless: [\"x / y -[e]-> z\"]":              2,
		"match: [x]\ndeep: true":                                math.MaxInt,
	} {
		if got := load(t, "rule: r\n"+doc).Reach(); got != want {
			t.Errorf("%s: %d, want %d", doc, got, want)
		}
	}
	if got := load(t, "rules: [{rule: a, match: [x]}, {rule: b, match: [x, \"x / y\"]}, {rule: c, match: [x]}]").Reach(); got != 2 {
		t.Errorf("of several it is the greatest: %d", got)
	}
}

// TestReachIsEnough: what changes further in than a rule reaches is no news to it.
func TestReachIsEnough(t *testing.T) {
	calm, matched := 0, 0
	check := func(t *rapid.T) {
		g, r := drawGraph(t), drawRule(t, "r")
		p := play(t, g, modelKindsText+r.yaml(), rewrite.Serial)
		p.run.Rest()
		reach := setReach(t, r)
		o := rmg.NewOverlay(g)
		if rewrite.Apply(o, drawChange(t, g)) != nil {
			return
		}
		for c := range rmg.Diff(g, o.Graph()) {
			if strings.Count(string(c.Path), "/") <= reach {
				return
			}
		}
		if calm++; len(p.all) > 0 {
			matched++
		}
		if got := p.news(t, o.Graph()); len(got) > 0 {
			t.Fatalf("%s\n%s\n%s\nonly further in than %d something changed, and %q is news", r.yaml(), dump(g), dump(o.Graph()), reach, got)
		}
	}
	// Little is drawn that far in: go on until there was enough.
	for range 50 {
		if rapid.Check(t, check); t.Failed() || calm > 60 && matched > 10 {
			break
		}
	}
	if matched == 0 {
		t.Errorf("%d changes further in, %d where there were matches", calm, matched)
	}
}

func setReach(t *rapid.T, r *modelRule) int {
	set, err := rule.Load("rules.yaml", []byte(modelKindsText+r.yaml()), nil)
	if err != nil {
		t.Fatal(err)
	}
	return set.Reach()
}

// TestElsewhereIsNoNews: a condition that nothing joins to the left side looks in one
// graph; the same kind in another is not what it looks at.
func TestElsewhereIsNoNews(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"a:A a/z:Z", "a:A", ""},
		{"a:A", "a:A a/z:Z", ""},
		{"a:A z:Z", "a:A", "x=/a"},
	} {
		m := imageOf(t, small(t, c.from))
		run := runOf(t, m, load(t, "rule: r\nmatch: [\"x:A\"]\nunless: [\":Z\", \":A -[e]-> :Z\"]"), rule.RunOptions{})
		run.Rest()
		if err := m.Follow(small(t, c.to)); err != nil {
			t.Fatal(err)
		}
		found, err := run.News()
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for i := range found {
			got += matchText(run.Match(&found[i]))
		}
		if got != c.want {
			t.Errorf("from %q to %q: %q is news, want %q", c.from, c.to, got, c.want)
		}
	}
}

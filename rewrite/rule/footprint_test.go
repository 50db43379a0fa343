package rule_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rewrite"
	"jitos.dev/rewrite/rule"
	"jitos.dev/rmg"
)

var freshID = regexp.MustCompile(`\bn[a-f][0-9a-z]+\b`)

// erased is a graph without the numbers of fresh ids.
func erased(g rmg.Graph) string {
	lines := strings.Split(freshID.ReplaceAllString(dump(g), "*"), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

type playground struct {
	m   *rule.Image
	run *rule.Run
	all []rule.Candidate
}

func play(t *rapid.T, g rmg.Graph, text string, exec rewrite.Executor) playground {
	set, err := rule.Load("rules.yaml", []byte(text), nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	m, err := rule.NewImage(g, rule.Options{})
	if err != nil {
		t.Fatal(err)
	}
	run, err := rule.NewRun(m, set, rule.RunOptions{})
	if err != nil || exec == nil {
		return playground{m, run, nil}
	}
	all, err := run.Candidates(exec)
	if err != nil {
		t.Fatal(err)
	}
	return playground{m, run, all}
}

func (p playground) graph(t *rapid.T, g rmg.Graph) rmg.Graph {
	o := rmg.NewOverlay(g)
	if err := p.m.Write(o); err != nil {
		t.Fatal(err)
	}
	return o.Graph()
}

// TestFootprintsAreEnough: matches whose footprints do not conflict can be
// applied in any order, none makes another stale, and all orders end alike.
func TestFootprintsAreEnough(t *testing.T) {
	together, apart := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t)
		text := modelKindsText + drawRule(t, "p").yaml() + drawRule(t, "q").yaml()
		a := play(t, g, text, rewrite.Serial)
		var free []int
		for _, i := range rapid.Permutation(numbers(len(a.all))).Draw(t, "order") {
			conflict := slices.ContainsFunc(free, func(j int) bool { return a.all[i].Footprint.Conflicts(*a.all[j].Footprint) })
			if conflict {
				apart++
			} else {
				free = append(free, i)
			}
		}
		if len(free) > 1 {
			together++
		}
		b := play(t, g, text, backwards)
		if len(a.all) != len(b.all) {
			t.Fatalf("%d candidates, backwards %d", len(a.all), len(b.all))
		}
		other := rapid.Permutation(free).Draw(t, "other order")
		for k := range free {
			for _, x := range []struct {
				p playground
				i int
			}{{a, free[k]}, {b, other[k]}} {
				c := &x.p.all[x.i]
				match := x.p.run.Match(c)
				if err := x.p.run.Apply(c); err != nil {
					t.Fatalf("%s\n%s%v: %s %v\n%+v", text, dump(g), err, x.p.run.Rule(c), match, x.p.all)
				}
			}
		}
		if x, y := erased(a.graph(t, g)), erased(b.graph(t, g)); x != y {
			t.Fatalf("%s\n%sone order gives\n%s\nanother\n%s", text, dump(g), x, y)
		}
	})
	if together == 0 || apart == 0 {
		t.Errorf("%d together, %d apart", together, apart)
	}
}

// backwards does last things first.
func backwards(n int, do func(int)) {
	for i := n - 1; i >= 0; i-- {
		do(i)
	}
}

func numbers(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// TestFootprintsNameWhatIsTouched: what applying a match changes is declared.
func TestFootprintsNameWhatIsTouched(t *testing.T) {
	changes := 0
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t)
		p := play(t, g, modelKindsText+drawRule(t, "p").yaml(), rewrite.Serial)
		if len(p.all) == 0 {
			return
		}
		c := &p.all[rapid.IntRange(0, len(p.all)-1).Draw(t, "match")]
		f := *c.Footprint
		if err := p.run.Apply(c); err != nil {
			t.Fatal(err)
		}
		var touched rewrite.Footprint
		for x := range rmg.Diff(g, p.graph(t, g)) {
			changes++
			_, was := g.Get(x.Path)
			switch {
			case !was && freshID.MatchString(x.Path.Base().ID):
				// Nobody can know it; but that it came there is to be known.
				touched.Ties = append(touched.Ties, tiesOf(t, x, p.graph(t, g))...)
			default:
				if !slices.Contains(f.Writes, x.Path) && !slices.ContainsFunc(f.Whole, func(w rmg.Path) bool { return w.Has(x.Path) }) {
					t.Fatalf("%s changed (%s), and only %+v is declared", x.Path, x.Kind, f)
				}
			}
		}
		for _, s := range touched.Ties {
			looker := rewrite.Footprint{Absent: []rewrite.Slot{s}}
			if !f.Conflicts(looker) {
				t.Fatalf("something came to %+v, and only %+v is declared", s, f.Ties)
			}
		}
	})
	if changes == 0 {
		t.Error("nothing was changed")
	}
}

// tiesOf is where an element that came has come to, as far as that was there.
func tiesOf(t *rapid.T, x rmg.Change, now rmg.Graph) []rewrite.Slot {
	e, ok := now.Get(x.Path)
	if !ok {
		t.Fatal(x)
	}
	parent := x.Path.Parent()
	if freshID.MatchString(string(parent)) {
		return nil
	}
	if !e.Edge {
		return []rewrite.Slot{{At: parent, Kind: e.Kind, Side: rewrite.Nodes}}
	}
	out := []rewrite.Slot{{At: parent, Kind: e.Kind, Side: rewrite.Edges}}
	if !freshID.MatchString(e.From) {
		out = append(out, rewrite.Slot{At: parent.Child(e.From), Kind: e.Kind, Side: rewrite.Out})
	}
	if !freshID.MatchString(e.To) {
		out = append(out, rewrite.Slot{At: parent.Child(e.To), Kind: e.Kind, Side: rewrite.In})
	}
	return out
}

// TestFootprintCases names what footprints mean.
func TestFootprintCases(t *testing.T) {
	g := small(t, "a:A b:B c:C a-e->b b-f->c")
	for doc, want := range map[string]string{
		"rule: r\nmatch: [\"x:A\"]":                                                      "[/a] [] [] [] []",
		"rule: r\nmatch: [\"x:A\"]\nset: {x.n: 1}":                                       "[/a] [/a] [] [] []",
		"rule: r\nmatch: [\"x:A -[k:e]-> y\"]\ndelete: [k]":                              "[/a /b /~e3] [] [/~e3] [] []",
		"rule: r\nmatch: [\"x:B\"]\ndelete: [x]\ncascade: true":                          "[/b] [] [/b /~e3 /~e4] [] []",
		"rule: r\nmatch: [\"x:A\", \"y:C\"]\ncreate: [\"x -[h]-> y\"]":                   "[/ /a /c] [] [] [] [{/a h 1} {/c h 2}]",
		"rule: r\nmatch: [\"x:A\"]\nunless: [\"x -[h]-> _\"]":                            "[/a] [] [] [{/a h 1}] []",
		"rule: r\nmatch: [\"x:A\"]\nunless: [\"x -[h]-> _ -[h]-> _\"]":                   "[/a] [] [] [{/a h 1}] []",
		"rule: r\nmatch: [\"x:A\"]\nunless: [\"x -[e]-> _ -[h]-> _\"]":                   "[/a /b /~e3] [] [] [{/a e 1} {/b h 1}] []",
		"rule: r\nmatch: [\"x:A\"]\nunless: [\":Z\"]":                                    "[/a] [] [] [{/ Z 0}] []",
		"rule: r\nmatch: [\"x:A\"]\nretype: {x: Z}":                                      "[/a] [/a] [] [] [{/ Z 0}]",
		"rule: r\nmatch: [\"x:A\"]\ncreate: [\":Z -[h]-> :Y\"]":                          "[/ /a] [] [] [] [{/ Y 0} {/ Z 0} {/ h 3}]",
		"rule: r\nmatch: [\"x:A -[k:e]-> y\"]\nretype: {k: h}":                           "[/a /b /~e3] [/~e3] [] [] [{/a h 1} {/b h 2}]",
		"rule: r\nmatch: [\"x:A\"]\ncreate: [\"x / i:Z\"]\nid: {i: '\"i\"'}":             "[/a] [/a/i] [] [] [{/a Z 0}]",
		"rule: r\nmatch: [\"x:A\"]\nrequire: [\"x -[e*1..2]-> _:B\"]\nset: {x.m: 'x.n'}": "[/a /b /~e3] [/a] [] [{/a e 1}] []",
	} {
		r := runOf(t, imageOf(t, g), load(t, doc+"\n"), rule.RunOptions{})
		all, err := r.Candidates(rewrite.Serial)
		if err != nil || len(all) != 1 {
			t.Errorf("%s: %v, %v", doc, all, err)
			continue
		}
		f := all[0].Footprint
		if got := fmt.Sprint(f.Reads, f.Writes, f.Whole, f.Absent, f.Ties); got != want {
			t.Errorf("%s:\n got %s\nwant %s", doc, got, want)
		}
	}
}

// TestFootprintLooks names what each way of looking notes: what was met, also where it
// was not what was asked for, since it may become that, and where more could have been.
func TestFootprintLooks(t *testing.T) {
	g := graphOf(t, func(o *rmg.Overlay) error {
		n := func(p rmg.Path, kind string) error { return o.AddNode(p, kind, rmg.Props{}) }
		return errors.Join(n("/a", "A"), n("/b", "B"), n("/c", "C"), n("/k", "K"), n("/m", "K"), n("/a/i", "I"), n("/a/j", "J"),
			o.AddEdge("/~e", "e", "a", "b", rmg.Props{}), o.AddEdge("/~f", "f", "b", "c", rmg.Props{}),
			o.AddEdge("/~p", "p", "a", "b", rmg.Props{}), o.AddEdge("/~q", "p", "b", "c", rmg.Props{}), o.AddEdge("/a/~l", "l", "i", "j", rmg.Props{}))
	})
	const a, kinds = "rule: r\nmatch: [\"x:A\"]\n", "kinds: {A: {}, B: {}, C: {}, D: {is: [C]}, e: {}, f: {}, g: {is: [h]}, h: {}}\nrules:\n- "
	for _, c := range []struct{ way, doc, want string }{
		{"nodes of a kind", a + "unless: [\":Z\"]", "false [/a] [{/ Z 0}]"},
		{"nodes of many kinds", kinds + "{rule: r, match: [\"x:A\"], unless: [\":C -[e]-> _\"]}", "false [/a /c] [{/ C 0} {/ D 0} {/c e 1}]"},
		{"nodes of any kind", a + "unless: [{match: b, where: \"b.n == 7\"}]", "false [/a /b /c /k /m] [{/  0}]"},
		{"edges of a kind", a + "unless: [\"_ -[h]-> _\"]", "false [/a] [{/ h 3}]"},
		{"edges of a kind that stand elsewhere", a + "unless: [\"_ -[l]-> _\"]", "false [/a] [{/ l 3}]"},
		{"edges that are found, and their ends", a + "unless: [\"_ -[f]-> :K\"]", "false [/a /b /c /~f] [{/ f 3}]"},
		{"the edges out of a node", a + "unless: [\"x -[h]-> _\"]", "false [/a] [{/a h 1}]"},
		{"the edges into a node", a + "unless: [\"_ -[h]-> x\"]", "false [/a] [{/a h 2}]"},
		{"edges of any kind", a + "unless: [\"x --> _:Z\"]", "false [/a /b /~e /~p] [{/a  1}]"},
		{"edges of many kinds", kinds + "{rule: r, match: [\"x:A\"], unless: [\"x -[h]-> _\"]}", "false [/a] [{/a g 1} {/a h 1}]"},
		{"another kind at the end of an edge", a + "unless: [\"x -[e]-> _:Z\"]", "false [/a /b /~e] [{/a e 1}]"},
		{"the edges between two nodes", "rule: r\nmatch: [\"x:A\", \"y:C\"]\nunless: [\"x -[h]-> y\"]", "false [/a /c] [{/a h 1}]"},
		{"the edges between two nodes, found", "rule: r\nmatch: [\"x:A\", \"y:B\"]\nrequire: [\"x -[e]-> y\"]", "false [/a /b /~e] [{/a e 1}]"},
		{"a way out of a node", a + "unless: [\"x -[h*1..3]-> _\"]", "false [/a] [{/a h 1}]"},
		{"a way into a node", "rule: r\nmatch: [\"x:C\"]\nunless: [\"_:A -[f*1..3]-> x\"]", "false [/b /c /~f] [{/b f 2} {/c f 2}]"},
		{"another kind at the end of a way", a + "unless: [\"x -[e*1..2]-> _:Z\"]", "false [/a /b /~e] [{/a e 1} {/b e 1}]"},
		{"a way between two nodes", "rule: r\nmatch: [\"x:A\", \"y:B\"]\nrequire: [\"x -[e*1..2]-> y\"]", "false [/a /b /~e] [{/a e 1}]"},
		{"a way of the left side", "rule: r\nmatch: [\"x:A -[e*1..2]-> y:B\"]", "false [/a /b /~e] [{/a e 1}]"},
		{"a way through another node", "rule: r\nmatch: [\"x:A\", \"y:C\"]\nrequire: [\"x -[p*1..2]-> y\"]", "false [/a /b /c /~p /~q] [{/a p 1} {/b p 1}]"},
		{"what is in a node", a + "unless: [\"x / _:Z\"]", "false [/a] [{/a Z 0}]"},
		{"what is in a node, found", a + "require: [\"x / _:I\"]", "false [/a /a/i] [{/a I 0}]"},
		{"an edge in a node", a + "unless: [\"x / :I -[h]-> _\"]", "false [/a /a/i] [{/a I 0} {/a/i h 1}]"},
		{"what is in some node", a + "unless: [{match: [b, \"b / c:Z\"]}]", "true [/a] []"},
		{"what is in a node of another kind", a + "unless: [{match: [\"b:B\", \"b / c:I\"]}]", "false [/a /b] [{/ B 0} {/b I 0}]"},
		{"anywhere", a + "deep: true\nunless: [\":Z\"]", "true [/a] []"},
		{"edges anywhere", a + "deep: true\nunless: [\"_ -[h]-> _\"]", "true [/a] []"},
		{"a condition of a condition", a + "unless: [{match: \"x -[e]-> y:B\", unless: [\"y -[f]-> _\"]}]", "false [/a /b /c /~e /~f] [{/a e 1} {/b f 1}]"},
		{"what a guard refuses", a + "unless: [{match: \"x -[e]-> y:B\", where: \"y.n == 7\"}]", "false [/a /b /~e] [{/a e 1}]"},
	} {
		r := runOf(t, imageOf(t, g), load(t, c.doc+"\n"), rule.RunOptions{})
		all, err := r.Candidates(rewrite.Serial)
		if err != nil || len(all) != 1 {
			t.Errorf("%s: %v, %v", c.way, all, err)
			continue
		}
		f := all[0].Footprint
		if got := fmt.Sprint(f.All, f.Reads, f.Absent); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.way, got, c.want)
		}
	}
}

// TestConditionsInside: a condition that begins with what stands inside another node
// looks wherever there may be such.
func TestConditionsInside(t *testing.T) {
	o := rmg.NewOverlay(rmg.Graph{})
	if err := errors.Join(o.AddNode("/x", "A", rmg.Props{}), o.AddNode("/y", "A", rmg.Props{})); err != nil {
		t.Fatal(err)
	}
	g := o.Graph()
	m := imageOf(t, g)
	r := runOf(t, m, load(t, "rule: r\nmatch: [\"x:A\"]\nunless: [{match: [b, \"b / c:Z\"]}]\nretype: {x: A}\n"), rule.RunOptions{})
	all, err := r.Candidates(rewrite.Serial)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	ops := []rewrite.Op{{Op: rewrite.AddNode, Path: "/y/z", Kind: "Z"}}
	said := all[0].Footprint.Conflicts(rewrite.FootprintOf(ops))
	if err := rewrite.Apply(o, ops); err != nil {
		t.Fatal(err)
	}
	if err := m.Follow(o.Graph()); err != nil {
		t.Fatal(err)
	}
	if r.Renew(&all[0]) || !said {
		t.Errorf("it is no match any more, and that was said: %v", said)
	}
}

// TestFootprintsNameWhatIsRead: after a change by somebody else with which a match
// does not conflict it is a match as before, that reads and writes no more: an edge that
// goes with one end, or with the other, is less.
func TestFootprintsNameWhatIsRead(t *testing.T) {
	apart, conditions := 0, 0
	check := func(t *rapid.T) {
		g, r := drawGraph(t), drawRule(t, "p")
		p := play(t, g, modelKindsText+r.yaml(), rewrite.Serial)
		if len(p.all) == 0 {
			return
		}
		ops := drawChange(t, g)
		o := rmg.NewOverlay(g)
		if err := rewrite.Apply(o, ops); err != nil {
			return
		}
		other := rewrite.FootprintOf(ops)
		if err := p.m.Follow(o.Graph()); err != nil {
			t.Fatal(err)
		}
		for i := range p.all {
			c := &p.all[i]
			f := *c.Footprint
			if f.Conflicts(other) {
				continue
			}
			if apart++; len(f.Absent) > 0 {
				conditions++
			}
			match := p.run.Match(c)
			if !p.run.Renew(c) {
				t.Fatalf("%s\n%sthen %+v\n%v is no match any more, and only %+v is declared", r.yaml(), dump(g), ops, match, f)
			}
			if !within(*c.Footprint, f) {
				t.Fatalf("%s\n%sthen %+v\n%v touches\n%+v\nand said before\n%+v", r.yaml(), dump(g), ops, match, *c.Footprint, f)
			}
		}
	}
	// Few of a hundred graphs and rules match: go on until there were enough.
	for range 50 {
		if rapid.Check(t, check); t.Failed() || apart > 400 && conditions > 20 {
			break
		}
	}
	if apart == 0 || conditions == 0 {
		t.Errorf("%d matches and changes apart, %d with an absence", apart, conditions)
	}
}

// within reports whether a footprint says nothing that another does not say.
func within(f, of rewrite.Footprint) bool {
	return (!f.All || of.All) && subset(f.Reads, of.Reads) && subset(f.Writes, of.Writes) && subset(f.Whole, of.Whole) &&
		subset(f.Ways, of.Ways) && subset(f.Absent, of.Absent) && subset(f.Ties, of.Ties)
}

func subset[T comparable](a, b []T) bool {
	return !slices.ContainsFunc(a, func(x T) bool { return !slices.Contains(b, x) })
}

// drawChange draws ops on what there is, or beside it.
func drawChange(t *rapid.T, g rmg.Graph) (ops []rewrite.Op) {
	var nodes, all []rmg.Path
	for p, e := range g.Walk(rmg.Root) {
		if all = append(all, p); !e.Edge {
			nodes = append(nodes, p)
		}
	}
	kind := rapid.SampledFrom([]string{"A", "B", "AB"})
	if len(all) == 0 {
		return []rewrite.Op{{Op: rewrite.AddNode, Path: "/z", Kind: kind.Draw(t, "kind")}}
	}
	for i := range rapid.IntRange(1, 2).Draw(t, "ops") {
		at := rapid.SampledFrom(all).Draw(t, "at")
		link := rapid.SampledFrom([]string{"e", "f", "ef"}).Draw(t, "link")
		switch rapid.IntRange(0, 4).Draw(t, "op") {
		case 0:
			in := rapid.SampledFrom([]rmg.Path{rmg.Root, at}).Draw(t, "in")
			ops = append(ops, rewrite.Op{Op: rewrite.AddNode, Path: in.Child(fmt.Sprint("z", i)), Kind: kind.Draw(t, "kind")})
		case 1:
			from, to := rapid.SampledFrom(nodes).Draw(t, "from"), rapid.SampledFrom(nodes).Draw(t, "to")
			ops = append(ops, rewrite.Op{Op: rewrite.AddEdge, Path: from.Parent().EdgeChild(fmt.Sprint("z", i)), Kind: link, From: from.Base().ID, To: to.Base().ID})
		case 2:
			ops = append(ops, rewrite.Op{Op: rewrite.Set, Path: at, Props: map[string]rmg.Value{"n": rmg.Int(int64(rapid.IntRange(0, 2).Draw(t, "n")))}})
		case 3:
			to := link
			if !at.Base().Edge {
				to = kind.Draw(t, "kind")
			}
			ops = append(ops, rewrite.Op{Op: rewrite.Retype, Path: at, Kind: to})
		default:
			ops = append(ops, rewrite.Op{Op: rewrite.Remove, Path: at, Cascade: rapid.Bool().Draw(t, "cascade")})
		}
	}
	return ops
}

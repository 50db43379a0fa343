package rule_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rewrite/rule"
	"jitos.dev/rmg"
)

// The model: a pattern is tried with every assignment of elements to variables.

type modelVar struct {
	name     string // "" is nameless
	edge     bool
	kind     string
	from, to int
	in       int // the node whose graph it stands in; -1 is the top
}

type modelPattern struct {
	vars     []modelVar // of a condition, those of what is outside first
	outer    int        // how many of them are from outside
	hops     [][5]any   // from, to, kind, least, most
	guard    string     // "": none; else a CEL text that modelGuard knows
	guardVar int
	atLeast  int64
	unless   []*modelPattern
	require  []*modelPattern
}

type modelRule struct {
	name      string
	left      *modelPattern
	injective bool
	cascade   bool
	deletes   []int
	right     string
}

type modelElement struct {
	at, parent rmg.Path
	edge       bool
	kind       string
	from, to   rmg.Path
	n          int64
	hasN       bool
	inside     int
}

var modelKinds = map[string][]string{"A": {"A"}, "B": {"B"}, "AB": {"AB", "A", "B"}, "e": {"e"}, "f": {"f"}, "ef": {"ef", "e", "f"}}

func elementsOf(g rmg.Graph) []modelElement {
	var out []modelElement
	for p, e := range g.Walk(rmg.Root) {
		m := modelElement{at: p, parent: p.Parent(), edge: e.Edge, kind: e.Kind}
		if v, ok := e.Props.Get("n"); ok {
			m.n, m.hasN = v.AsInt()
		}
		if e.Edge {
			m.from, m.to = m.parent.Child(e.From), m.parent.Child(e.To)
		}
		nodes, edges := e.Graph.Len()
		m.inside = nodes + edges
		out = append(out, m)
	}
	return out
}

// modelMatches lists the assignments by which a pattern holds, from those of what
// is outside.
func modelMatches(es []modelElement, r *modelRule, p *modelPattern, bound []*modelElement) (out [][]*modelElement) {
	if len(bound) < len(p.vars) {
		for i := range es {
			out = append(out, modelMatches(es, r, p, append(slices.Clone(bound), &es[i]))...)
			if len(bound) >= p.outer && p != r.left && len(out) > 0 {
				return out // of a condition one is enough
			}
			// Assignments that fail already are not carried on.
		}
		return out
	}
	if modelHolds(es, r, p, bound) {
		return [][]*modelElement{bound}
	}
	return nil
}

func modelHolds(es []modelElement, r *modelRule, p *modelPattern, bound []*modelElement) bool {
	top := rmg.Root
	for i := p.outer; i < len(p.vars); i++ {
		v, x := p.vars[i], bound[i]
		if v.edge != x.edge || v.kind != "" && !slices.Contains(modelKinds[x.kind], v.kind) {
			return false
		}
		if v.edge && (x.from != bound[v.from].at || x.to != bound[v.to].at) {
			return false
		}
		if v.in >= 0 && x.parent != bound[v.in].at || v.in < 0 && x.parent != top {
			return false
		}
		free := func(j int) bool { return j >= len(r.left.vars) && p.vars[j].name == "" && !p.vars[j].edge }
		for j := range i {
			if r.injective && bound[j] == x && !free(i) && !free(j) {
				return false
			}
		}
	}
	for _, h := range p.hops {
		at := map[rmg.Path]bool{bound[h[0].(int)].at: true}
		there := h[3].(int) == 0 && at[bound[h[1].(int)].at]
		for far := 1; far <= h[4].(int); far++ {
			next := map[rmg.Path]bool{}
			for _, e := range es {
				if e.edge && at[e.from] && slices.Contains(modelKinds[e.kind], h[2].(string)) {
					next[e.to] = true
				}
			}
			at = next
			there = there || far >= h[3].(int) && at[bound[h[1].(int)].at]
		}
		if !there {
			return false
		}
	}
	if p.guard != "" {
		if x := bound[p.guardVar]; !x.hasN || x.n < p.atLeast {
			return false
		}
	}
	for _, c := range p.unless {
		if len(modelMatches(es, r, c, bound)) > 0 {
			return false
		}
	}
	for _, c := range p.require {
		if len(modelMatches(es, r, c, bound)) == 0 {
			return false
		}
	}
	return p != r.left || r.cascade || modelSound(es, r, bound)
}

// modelSound is the identification and the dangling condition.
func modelSound(es []modelElement, r *modelRule, bound []*modelElement) bool {
	deleted := map[rmg.Path]bool{}
	for _, d := range r.deletes {
		deleted[bound[d].at] = true
		for j := range bound {
			if j != d && bound[j] == bound[d] {
				return false
			}
		}
	}
	for _, e := range es {
		if !deleted[e.at] && (deleted[e.from] || deleted[e.to] || deleted[e.parent]) {
			return false
		}
	}
	return true
}

// yaml writes a pattern as match, where, unless and require.
func (p *modelPattern) yaml(indent string) string {
	var b strings.Builder
	var chains []string
	name := func(i int) string { return p.vars[i].name }
	word := func(v modelVar) string {
		if v.kind == "" {
			return v.name
		}
		return v.name + ":" + v.kind
	}
	inside := func(i int) string {
		if in := p.vars[i].in; in >= 0 {
			return p.vars[in].name + " / "
		}
		return ""
	}
	done := map[int]bool{}
	for i := p.outer; i < len(p.vars); i++ {
		if v := p.vars[i]; !v.edge && v.name != "" {
			chains = append(chains, inside(i)+word(v))
		}
	}
	end := func(i int) string {
		if name(i) == "" {
			done[i] = true
			if p.vars[i].kind != "" {
				return ":" + p.vars[i].kind
			}
			return "_"
		}
		return name(i)
	}
	for i := p.outer; i < len(p.vars); i++ {
		if v := p.vars[i]; v.edge {
			chains = append(chains, fmt.Sprintf("%s%s -[%s:%s]-> %s", inside(v.from), end(v.from), v.name, v.kind, end(v.to)))
		}
	}
	for _, h := range p.hops {
		chains = append(chains, fmt.Sprintf("%s -[%s*%d..%d]-> %s", end(h[0].(int)), h[2], h[3], h[4], end(h[1].(int))))
	}
	if len(chains) > 0 {
		fmt.Fprintf(&b, "%smatch: [%s]\n", indent, `"`+strings.Join(chains, `", "`)+`"`)
	}
	if p.guard != "" {
		fmt.Fprintf(&b, "%swhere: %q\n", indent, p.guard)
	}
	for key, list := range map[string][]*modelPattern{"unless": p.unless, "require": p.require} {
		if len(list) > 0 {
			fmt.Fprintf(&b, "%s%s:\n", indent, key)
		}
		for _, c := range list {
			text := c.yaml(indent + "    ")
			fmt.Fprintf(&b, "%s  - %s", indent, strings.TrimPrefix(text, indent+"    "))
		}
	}
	return b.String()
}

func (r *modelRule) yaml() string {
	return fmt.Sprintf("  - rule: %s\n    injective: %v\n    cascade: %v\n%s%s", r.name, r.injective, r.cascade, r.left.yaml("    "), r.right)
}

const modelKindsText = "kinds: {A: {props: {n: int}}, B: {props: {n: int}}, AB: {is: [A, B]}, e: {}, f: {}, ef: {is: [e, f]}}\nrules:\n"

// drawPattern draws nodes, edges between them, and conditions.
func drawPattern(t *rapid.T, outside []modelVar, depth int) *modelPattern {
	p := &modelPattern{vars: slices.Clone(outside), outer: len(outside)}
	nodes := func(in int) (out []int) {
		for i, v := range p.vars {
			if !v.edge && (v.in == in || in < -1) {
				out = append(out, i)
			}
		}
		return out
	}
	letter := string(rune('a' + depth))
	n := rapid.IntRange(0, 2).Draw(t, "own nodes")
	if depth == 0 {
		n = rapid.IntRange(1, 3).Draw(t, "nodes")
	}
	for i := range n {
		v := modelVar{name: fmt.Sprint(letter, "n", i), kind: rapid.SampledFrom([]string{"", "A", "B", "AB"}).Draw(t, "kind"), from: -1, to: -1, in: -1}
		if named := slices.DeleteFunc(nodes(-1), func(i int) bool { return p.vars[i].name == "" }); len(named) > 0 && rapid.IntRange(0, 5).Draw(t, "inner") == 0 {
			v.in = rapid.SampledFrom(named).Draw(t, "in")
		}
		p.vars = append(p.vars, v)
	}
	edges := rapid.IntRange(0, 3).Draw(t, "edges")
	if depth > 0 && n == 0 {
		edges = max(1, edges)
	}
	for i := range edges {
		from := rapid.SampledFrom(nodes(-2)).Draw(t, "from")
		if p.vars[from].name == "" {
			continue // what has no name stands in one chain
		}
		to := rapid.SampledFrom(slices.DeleteFunc(nodes(p.vars[from].in), func(i int) bool { return p.vars[i].name == "" })).Draw(t, "to")
		if depth > 0 && rapid.IntRange(0, 1).Draw(t, "nameless") == 0 {
			p.vars = append(p.vars, modelVar{kind: rapid.SampledFrom([]string{"", "A", "B"}).Draw(t, "kind"), from: -1, to: -1, in: p.vars[from].in})
			to = len(p.vars) - 1
		}
		p.vars = append(p.vars, modelVar{name: fmt.Sprint(letter, "e", i), edge: true, kind: rapid.SampledFrom([]string{"e", "f", "ef"}).Draw(t, "kind"), from: from, to: to, in: p.vars[from].in})
	}
	if rapid.IntRange(0, 4).Draw(t, "hop") == 0 {
		from := rapid.SampledFrom(nodes(-2)).Draw(t, "from")
		if to := rapid.SampledFrom(nodes(p.vars[from].in)).Draw(t, "to"); p.vars[from].name != "" && p.vars[to].name != "" {
			least := rapid.IntRange(0, 2).Draw(t, "least")
			p.hops = append(p.hops, [5]any{from, to, rapid.SampledFrom([]string{"e", "f"}).Draw(t, "kind"), least, max(1, least+rapid.IntRange(0, 2).Draw(t, "more"))})
		}
	}
	if typed := slices.DeleteFunc(nodes(-2), func(i int) bool { return p.vars[i].name == "" }); rapid.IntRange(0, 3).Draw(t, "guard") == 0 && len(typed) > 0 {
		p.guardVar = rapid.SampledFrom(typed).Draw(t, "of")
		p.atLeast = int64(rapid.IntRange(0, 2).Draw(t, "at least"))
		p.guard = fmt.Sprintf("%s.n >= %d", p.vars[p.guardVar].name, p.atLeast)
	}
	if depth < 2 {
		for _, list := range []*[]*modelPattern{&p.unless, &p.require} {
			if rapid.IntRange(0, 3).Draw(t, "condition") == 0 {
				if c := drawPattern(t, p.vars, depth+1); len(c.vars) > c.outer || len(c.hops) > 0 {
					*list = append(*list, c)
				}
			}
		}
	}
	return p
}

// drawRule draws a rule that deletes, makes, retypes and counts.
func drawRule(t *rapid.T, name string) *modelRule {
	r := &modelRule{name: name, left: drawPattern(t, nil, 0), injective: rapid.IntRange(0, 3).Draw(t, "injective") > 0, cascade: rapid.IntRange(0, 3).Draw(t, "cascade") == 0}
	var b strings.Builder
	var deletes, creates []string
	gone := map[int]bool{}
	for i, v := range r.left.vars {
		if rapid.IntRange(0, 2).Draw(t, "delete") == 0 && (v.edge || rapid.IntRange(0, 1).Draw(t, "node") == 0) {
			r.deletes = append(r.deletes, i)
			deletes = append(deletes, v.name)
			gone[i] = true
		}
	}
	var stay []int
	for i, v := range r.left.vars {
		if !v.edge && v.in < 0 && !gone[i] {
			stay = append(stay, i)
		}
	}
	if len(stay) > 0 && rapid.IntRange(0, 1).Draw(t, "make") == 0 {
		from, to := rapid.SampledFrom(stay).Draw(t, "from"), rapid.SampledFrom(stay).Draw(t, "to")
		kind := rapid.SampledFrom([]string{"e", "f", "ef"}).Draw(t, "kind")
		creates = append(creates, fmt.Sprintf("%s -[%s]-> %s", r.left.vars[from].name, kind, r.left.vars[to].name))
		if rapid.IntRange(0, 2).Draw(t, "node too") == 0 {
			creates = append(creates, fmt.Sprintf("%s -[%s]-> new:%s", r.left.vars[from].name, kind, rapid.SampledFrom([]string{"A", "AB"}).Draw(t, "kind")))
		}
		if rapid.IntRange(0, 2).Draw(t, "inside") == 0 {
			creates = append(creates, fmt.Sprintf("%s / more:B", r.left.vars[from].name))
		}
	}
	if len(deletes) > 0 {
		fmt.Fprintf(&b, "    delete: [%s]\n", strings.Join(deletes, ", "))
	}
	if len(creates) > 0 {
		fmt.Fprintf(&b, "    create: [\"%s\"]\n", strings.Join(creates, `", "`))
	}
	if len(stay) > 0 {
		v := r.left.vars[rapid.SampledFrom(stay).Draw(t, "changed")].name
		switch rapid.IntRange(0, 3).Draw(t, "change") {
		case 0:
			fmt.Fprintf(&b, "    retype: {%s: %s}\n", v, rapid.SampledFrom([]string{"A", "B", "AB"}).Draw(t, "kind"))
		case 1:
			fmt.Fprintf(&b, "    inc: {%s.n: %d}\n", v, rapid.SampledFrom([]int{1, -1}).Draw(t, "by"))
		}
	}
	r.right = b.String()
	return r
}

// drawGraph draws a small graph, with loops, parallel edges and an inner graph.
func drawGraph(t *rapid.T) rmg.Graph {
	o := rmg.NewOverlay(rmg.Graph{})
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	fill := func(at rmg.Path, nodes, edges int) {
		n := rapid.IntRange(0, nodes).Draw(t, "nodes")
		for i := range n {
			props := map[string]rmg.Value{}
			if rapid.Bool().Draw(t, "has n") {
				props["n"] = rmg.Int(int64(rapid.IntRange(0, 2).Draw(t, "n")))
			}
			must(o.AddNode(at.Child(fmt.Sprint("x", i)), rapid.SampledFrom([]string{"A", "B", "AB"}).Draw(t, "kind"), rmg.PropsOf(props)))
		}
		for i := range rapid.IntRange(0, edges).Draw(t, "edges") {
			if n > 0 {
				must(o.AddEdge(at.EdgeChild(fmt.Sprint("y", i)), rapid.SampledFrom([]string{"e", "f", "ef"}).Draw(t, "kind"), fmt.Sprint("x", rapid.IntRange(0, n-1).Draw(t, "from")), fmt.Sprint("x", rapid.IntRange(0, n-1).Draw(t, "to")), rmg.Props{}))
			}
		}
	}
	fill(rmg.Root, 4, 5)
	if _, ok := o.Get("/x0"); ok && rapid.IntRange(0, 2).Draw(t, "inner") == 0 {
		fill("/x0", 2, 2)
	}
	return o.Graph()
}

func matchText(m rule.Match) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s=%s", name, m[name]))
	}
	return strings.Join(out, " ")
}

func modelText(r *modelRule, bound []*modelElement) string {
	m := rule.Match{}
	for i, v := range r.left.vars {
		m[v.name] = bound[i].at
	}
	return matchText(m)
}

// bounded keeps the model from more assignments than a test has time for.
func bounded(r *modelRule, es []modelElement) bool {
	most := 0
	var visit func(p *modelPattern)
	visit = func(p *modelPattern) {
		most = max(most, len(p.vars))
		for _, c := range slices.Concat(p.unless, p.require) {
			visit(c)
		}
	}
	visit(r.left)
	n := 1
	for range most {
		if n *= max(1, len(es)); n > 200_000 {
			return false
		}
	}
	return true
}

// TestMatchesAreTheModels: the same set of matches as trying everything.
func TestMatchesAreTheModels(t *testing.T) {
	found, conditions := 0, 0
	check := func(t *rapid.T) {
		g, r := drawGraph(t), drawRule(t, "r")
		es := elementsOf(g)
		if !bounded(r, es) {
			t.Skip("too much for the model")
		}
		text := modelKindsText + r.yaml()
		set, err := rule.Load("rules.yaml", []byte(text), nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		m, err := rule.NewImage(g, rule.Options{})
		if err != nil {
			t.Fatal(err)
		}
		run, err := rule.NewRun(m, set, rule.RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var got, want []string
		ms, err := run.Matches("r", 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range ms {
			got = append(got, matchText(x))
		}
		for _, x := range modelMatches(es, r, r.left, nil) {
			want = append(want, modelText(r, x))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			plan, _ := run.Explain("r")
			t.Fatalf("%s\n%s\nplan:\n%s\ngot  %q\nwant %q", text, dump(g), plan, got, want)
		}
		found += len(got)
		if len(r.left.unless)+len(r.left.require) > 0 {
			conditions += len(got)
		}
	}
	// Few of a hundred graphs and rules match: go on until there were some.
	for range 50 {
		if rapid.Check(t, check); t.Failed() || found > 0 && conditions > 0 {
			break
		}
	}
	if found == 0 || conditions == 0 {
		t.Errorf("%d matches, %d with conditions", found, conditions)
	}
}

func dump(g rmg.Graph) string {
	var b strings.Builder
	for p, e := range g.Walk(rmg.Root) {
		props, _ := e.Props.MarshalJSON()
		fmt.Fprintf(&b, "%s %s %s>%s %s\n", p, e.Kind, e.From, e.To, props)
	}
	return b.String()
}

// TestNothingIsMissed: two rules take turns; each finds a match exactly when the
// model has one, though it looks only around what changed.
func TestNothingIsMissed(t *testing.T) {
	applied, ended := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t)
		rules := []*modelRule{drawRule(t, "p"), drawRule(t, "q")}
		text := modelKindsText + rules[0].yaml() + rules[1].yaml()
		set, err := rule.Load("rules.yaml", []byte(text), nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		m, err := rule.NewImage(g, rule.Options{})
		if err != nil {
			t.Fatal(err)
		}
		run, err := rule.NewRun(m, set, rule.RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		now := g
		trace := ""
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			r := rules[rapid.IntRange(0, 1).Draw(t, "turn")]
			es := elementsOf(now)
			if !bounded(r, es) {
				return
			}
			want := len(modelMatches(es, r, r.left, nil)) > 0
			got, err := run.Once(r.name)
			if err != nil || got != want {
				t.Fatalf("%s\n%s\nthen %s, and now\n%s\n%s: %v, %v, want %v", text, dump(g), trace, dump(now), r.name, got, err, want)
			}
			if !got {
				ended++
				continue
			}
			applied++
			trace += r.name + " "
			o := rmg.NewOverlay(g)
			if err := m.Write(o); err != nil {
				t.Fatalf("%v\n%s\n%s", err, text, dump(g))
			}
			now = o.Graph()
			if f := rmg.Check(now); len(f) > 0 {
				t.Fatal(f)
			}
			if rapid.IntRange(0, 4).Draw(t, "settle") == 0 {
				m.Settle(now)
				g = now
			}
		}
	})
	if applied == 0 || ended == 0 {
		t.Errorf("%d applied, %d ended", applied, ended)
	}
}

// TestFollowIsLoad: an image that followed its graph is one that was loaded from
// it, and rules at work on it miss nothing.
func TestFollowIsLoad(t *testing.T) {
	changed := 0
	rapid.Check(t, func(t *rapid.T) {
		g, r := drawGraph(t), drawRule(t, "r")
		text := modelKindsText + r.yaml()
		p := play(t, g, text, nil)
		for range 3 {
			g = drawGraph(t)
			es := elementsOf(g)
			if !bounded(r, es) {
				return
			}
			if err := p.m.Follow(g); err != nil {
				t.Fatal(err)
			}
			want := len(modelMatches(es, r, r.left, nil)) > 0
			got, err := p.run.Once("r")
			if err != nil || got != want {
				t.Fatalf("%s\nfollowed to\n%s\n%v, %v, want %v", text, dump(g), got, err, want)
			}
			if !got {
				continue
			}
			changed++
			now := p.graph(t, g)
			if err := p.m.Follow(now); err == nil && now.Digest() != g.Digest() {
				t.Fatal("it follows with changes of its own")
			}
			p.m.Settle(now)
			if f := rmg.Check(now); len(f) > 0 {
				t.Fatal(f)
			}
		}
		// What was loaded anew has the same matches.
		fresh := play(t, g, text, nil)
		if err := p.m.Follow(g); err != nil {
			t.Fatal(err)
		}
		a, errA := p.run.Matches("r", 1<<30)
		b, errB := fresh.run.Matches("r", 1<<30)
		if x, y := sortedMatches(a), sortedMatches(b); errA != nil || errB != nil || !slices.Equal(x, y) {
			t.Fatalf("%s\n%s\nfollowed %q\nloaded %q", text, dump(g), x, y)
		}
	})
	if changed == 0 {
		t.Error("no rule fired")
	}
}

func sortedMatches(ms []rule.Match) (out []string) {
	for _, m := range ms {
		out = append(out, matchText(m))
	}
	slices.Sort(out)
	return out
}

package rmg_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
)

func ExampleGraph_Find() {
	o := rmg.NewOverlay(rmg.Graph{})
	for path, lang := range map[rmg.Path]string{"/svc/auth": "go", "/svc/db": "c", "/svc/web": "go"} {
		if o.Graph().IsEmpty() {
			_ = o.AddNode("/svc", "Group", rmg.Props{})
		}
		_ = o.AddNode(path, "Service", rmg.PropsOf(map[string]rmg.Value{"lang": rmg.String(lang)}))
	}
	_ = o.AddEdge("/svc/~web-auth", "calls", "web", "auth", rmg.Props{})
	_ = o.AddEdge("/svc/~auth-db", "depends_on", "auth", "db", rmg.Props{})

	for _, text := range []string{"/svc/*[lang=go]", "/svc/~*[kind=calls]", "/**[lang!=go]", "/svc/web->>"} {
		s, err := rmg.ParseSelector(text)
		if err != nil {
			panic(err)
		}
		fmt.Print(text, ":")
		for m, err := range o.Graph().Find(s, rmg.FindOptions{}) {
			if err != nil {
				panic(err)
			}
			fmt.Print(" ", m.Path)
		}
		fmt.Println()
	}
	// Output:
	// /svc/*[lang=go]: /svc/auth /svc/web
	// /svc/~*[kind=calls]: /svc/~web-auth
	// /**[lang!=go]: /svc /svc/db /svc/~auth-db /svc/~web-auth
	// /svc/web->>: /svc/auth /svc/db
}

// A selector as plain data, with what it means written out beside it.
type (
	nStep struct {
		gap   bool
		side  string // "", "~", or "**"
		glob  string // raw: * and ? are wild, what follows a backslash is not
		where []nCond
		axes  []nAxis
	}
	nCond struct {
		name, op string
		own      bool
		value    rmg.Value
		glob     string
	}
	nAxis struct {
		back, far bool
		kind      string // a glob; "" is all
		where     []nCond
	}
)

// globText writes a glob as a selector has it.
func globText(raw string) string {
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		switch {
		case raw[i] == '\\':
			i++
			fmt.Fprintf(&b, "%%%02x", raw[i])
		case raw[i] == '*', raw[i] == '?':
			b.WriteByte(raw[i])
		case raw[i] < 'a' || raw[i] > 'z':
			fmt.Fprintf(&b, "%%%02X", raw[i])
		default:
			b.WriteByte(raw[i])
		}
	}
	return b.String()
}

func globMatch(raw, s string) bool {
	switch {
	case raw == "":
		return s == ""
	case raw[0] == '*':
		return globMatch(raw[1:], s) || s != "" && globMatch(raw, s[1:])
	case s == "":
		return false
	case raw[0] == '?':
		_, n := utf8.DecodeRuneInString(s)
		return globMatch(raw[1:], s[n:])
	case raw[0] == '\\':
		raw = raw[1:]
	}
	return raw[0] == s[0] && globMatch(raw[1:], s[1:])
}

func condsText(where []nCond) string {
	var b strings.Builder
	for _, c := range where {
		name, _ := json.Marshal(c.name)
		if c.own {
			name = []byte(c.name)
		}
		value, _ := c.value.MarshalJSON()
		if c.op == "~" {
			value, _ = json.Marshal(globText(c.glob))
		}
		switch c.op {
		case "":
			fmt.Fprintf(&b, "[%s]", name)
		case "!":
			fmt.Fprintf(&b, "[!%s]", name)
		default:
			fmt.Fprintf(&b, "[%s%s%s]", name, c.op, value)
		}
	}
	return b.String()
}

func selectorText(steps []nStep) string {
	var b strings.Builder
	for _, x := range steps {
		switch {
		case x.gap:
			b.WriteString("/**")
			continue
		case x.side == "**":
			b.WriteString("/**")
		default:
			b.WriteString("/" + x.side + globText(x.glob))
		}
		b.WriteString(condsText(x.where))
		for _, a := range x.axes {
			b.WriteString(map[[2]bool]string{{false, false}: "->", {false, true}: "->>", {true, false}: "<-", {true, true}: "<<-"}[[2]bool{a.back, a.far}])
			b.WriteString(globText(a.kind) + condsText(a.where))
		}
	}
	return b.String()
}

// worth makes an int of a float that is worth one.
func worth(v rmg.Value) rmg.Value {
	if f, ok := v.AsFloat(); ok && f == float64(int64(f)) && f > -1e15 && f < 1e15 {
		return rmg.Int(int64(f))
	}
	return v
}

func (c nCond) holds(e *mElem, edge bool) bool {
	v := e.props[c.name]
	if c.own {
		v = map[string]rmg.Value{"kind": rmg.String(e.kind), "from": rmg.String(e.from), "to": rmg.String(e.to)}[c.name]
		if c.name != "kind" && !edge {
			v = rmg.Value{}
		}
	}
	v, w := worth(v), worth(c.value)
	number := func(v rmg.Value) bool { return v.Type() == rmg.TypeInt || v.Type() == rmg.TypeFloat }
	ordered := v.Type() == w.Type() || number(v) && number(w)
	switch c.op {
	case "":
		return !v.IsZero()
	case "!":
		return v.IsZero()
	case "=":
		return v.Equal(w)
	case "!=":
		return !v.Equal(w)
	case "<":
		return ordered && rmg.CompareValues(v, w) < 0
	case "<=":
		return ordered && rmg.CompareValues(v, w) <= 0
	case ">":
		return ordered && rmg.CompareValues(v, w) > 0
	case ">=":
		return ordered && rmg.CompareValues(v, w) >= 0
	case "~":
		s, ok := v.AsString()
		p, isRef := v.AsRef()
		return (ok || isRef) && globMatch(c.glob, s+string(p))
	}
	list, _ := v.AsList()
	dict, _ := v.AsMap()
	key, isText := w.AsString()
	_, has := dict.Get(key)
	return slices.ContainsFunc(list, func(x rmg.Value) bool { return worth(x).Equal(w) }) || isText && has
}

func allHold(where []nCond, e *mElem, edge bool) bool {
	return !slices.ContainsFunc(where, func(c nCond) bool { return !c.holds(e, edge) })
}

// follow is what an axis leads to from a set of segments of g.
func (a nAxis) follow(g *mGraph, from []rmg.Segment) (out []rmg.Segment) {
	seen := map[string]bool{}
	for again := true; again; {
		again = false
		for id, e := range g.edges {
			begin, end := e.from, e.to
			if a.back {
				begin, end = end, begin
			}
			if seen[end] || a.kind != "" && !globMatch(a.kind, e.kind) {
				continue
			}
			if slices.Contains(from, rmg.Segment{ID: begin}) || slices.Contains(from, rmg.Segment{ID: id, Edge: true}) || a.far && seen[begin] {
				seen[end], again = true, true
			}
		}
	}
	for id := range seen {
		if allHold(a.where, g.nodes[id], false) {
			out = append(out, rmg.Segment{ID: id})
		}
	}
	return out
}

// naiveFind is what a selector means: the paths below at that it selects.
func naiveFind(g *mGraph, at rmg.Path, steps []nStep, found map[rmg.Path]bool) {
	x := steps[0]
	if x.gap {
		naiveFind(g, at, steps[1:], found)
		for _, s := range g.ids() {
			naiveFind(g.side(s.Edge)[s.ID].g, add(at, s), steps, found)
		}
		return
	}
	var here []rmg.Segment
	for _, s := range g.ids() {
		e := g.side(s.Edge)[s.ID]
		if (x.side == "**" || s.Edge == (x.side == "~") && globMatch(x.glob, s.ID)) && allHold(x.where, e, s.Edge) {
			here = append(here, s)
		}
	}
	for _, a := range x.axes {
		here = a.follow(g, here)
	}
	for _, s := range here {
		if len(steps) == 1 {
			found[add(at, s)] = true
		} else {
			naiveFind(g.side(s.Edge)[s.ID].g, add(at, s), steps[1:], found)
		}
	}
}

func drawGlob(t *rapid.T, of []string) string {
	var b strings.Builder
	for _, c := range []byte(rapid.SampledFrom(of).Draw(t, "like")) {
		switch rapid.IntRange(0, 7).Draw(t, "as") {
		case 0:
			b.WriteByte('*')
		case 1:
			b.WriteByte('?')
		case 2:
			b.WriteByte('*')
			fallthrough
		default:
			b.WriteString("\\" + string([]byte{c}))
		}
	}
	if glob := b.String(); strings.Trim(glob, "*") != "" && rapid.IntRange(0, 3).Draw(t, "any") > 0 {
		return glob
	}
	return "*"
}

func drawConds(t *rapid.T, m *mGraph) (out []nCond) {
	for range rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "conditions") {
		c := nCond{op: rapid.SampledFrom([]string{"", "!", "=", "=", "!=", "<", "<=", ">", ">=", "~", ":"}).Draw(t, "op")}
		c.own = rapid.Bool().Draw(t, "own")
		if c.own {
			c.name = rapid.SampledFrom([]string{"kind", "from", "to"}).Draw(t, "own name")
			c.value = rmg.String(rapid.SampledFrom(append([]string{"K", "L"}, modelIDs...)).Draw(t, "own value"))
			if s, _ := c.value.AsString(); !utf8.ValidString(s) {
				c.value = rmg.String("a")
			}
		} else {
			c.name = rapid.SampledFrom([]string{"n", "s", "t", "u", "kind"}).Draw(t, "name")
			c.value = drawIndexed(t, m, "value")
			if c.value.Check() != nil || c.value.IsZero() {
				c.value = rmg.Int(1)
			}
		}
		c.glob = drawGlob(t, []string{"a", "K", "/a", "1"})
		out = append(out, c)
	}
	return out
}

func drawSteps(t *rapid.T, m *mGraph) (steps []nStep) {
	n := rapid.IntRange(1, 4).Draw(t, "steps")
	for i := range n {
		if rapid.IntRange(0, 3).Draw(t, "gap") == 0 && (len(steps) == 0 || !steps[len(steps)-1].gap) {
			steps = append(steps, nStep{gap: true})
		}
		x := nStep{side: rapid.SampledFrom([]string{"", "", "~"}).Draw(t, "side")}
		x.glob, x.where = drawGlob(t, modelIDs), drawConds(t, m)
		for range rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "axes") {
			a := nAxis{back: rapid.Bool().Draw(t, "back"), far: rapid.Bool().Draw(t, "far"), where: drawConds(t, m)}
			if rapid.Bool().Draw(t, "of a kind") {
				a.kind = drawGlob(t, []string{"K", "L"})
			}
			x.axes = append(x.axes, a)
		}
		if k := len(steps); k > 0 && steps[k-1].gap && (i == n-1 || len(x.where)+len(x.axes) > 0) && rapid.Bool().Draw(t, "anything") {
			x.side = "**"
		}
		steps = append(steps, x)
	}
	if last := &steps[len(steps)-1]; rapid.Bool().Draw(t, "to be found by an index") {
		last.axes, last.where = nil, []nCond{{name: "kind", op: "=", own: true, value: rmg.String("K")}}
		if rapid.Bool().Draw(t, "by a prop") {
			last.where = append(last.where, nCond{name: rapid.SampledFrom([]string{"n", "s"}).Draw(t, "prop"), op: "=", value: rapid.SampledFrom([]rmg.Value{rmg.Int(1), rmg.String("1"), rmg.Bool(true)}).Draw(t, "is")})
		}
	}
	return steps
}

// joined joins a gap and the "**" behind it, which are one in a selector.
func joined(steps []nStep) (out []nStep) {
	for i, x := range steps {
		if !x.gap || steps[i+1].side != "**" {
			out = append(out, x)
		}
	}
	return out
}

// checkFind holds what is found, in one go and in pages of any budget, against
// what the selector means.
func checkFind(t *rapid.T, g rmg.Graph, s rmg.Selector, ix rmg.Index, want []rmg.Path) {
	after, budget := rmg.Path(""), 0
	var got []rmg.Path
	for limit := false; ; limit = false {
		last := after
		for m, err := range g.Find(s, rmg.FindOptions{After: after, Budget: budget, Index: ix}) {
			if limit {
				t.Fatal("something comes behind the error")
			}
			if err != nil {
				if !errors.Is(err, &rmg.Error{Code: rmg.Limit}) {
					t.Fatal(err)
				}
				limit, last = true, m.Path
				continue
			}
			if e, ok := g.Get(m.Path); !ok || e.ID != m.Element.ID || e.Edge != m.Element.Edge || e.Kind != m.Element.Kind || !e.Props.Equal(m.Element.Props) || !e.Graph.Same(m.Element.Graph) {
				t.Fatalf("%s: %+v, want %+v", m.Path, m.Element, e)
			}
			got = append(got, m.Path)
			last = m.Path
			if budget == 0 && rapid.IntRange(0, 9).Draw(t, "pause") == 0 {
				limit = true
				break
			}
		}
		if !limit {
			break
		}
		if last == after {
			budget = 2*budget + 1 // no way on with so little
		} else {
			budget = rapid.IntRange(0, 9).Draw(t, "budget")
		}
		after = last
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s finds\n%q, want\n%q", s, got, want)
	}
}

func TestFindModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &machine{over: rmg.NewOverlay(rmg.Graph{}), model: newMGraph()}
		b.run(t, 60)
		for range 6 {
			b.fill(t)
		}
		g, m := b.over.Graph(), b.model
		ix := rmg.NewIndex(rmg.IndexedProp{Prop: "n"}, rmg.IndexedProp{Kind: "K", Prop: "s"}).At(g)
		for range 4 {
			steps := drawSteps(t, m)
			text := selectorText(joined(steps))
			s, err := rmg.ParseSelector(text)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if again, err := rmg.ParseSelector(s.String()); err != nil || again.String() != s.String() {
				t.Fatalf("%s is written %s, and read as %s, %v", text, s, again, err)
			} else if rapid.Bool().Draw(t, "canonical") {
				s = again
			}
			found := map[rmg.Path]bool{}
			naiveFind(m, rmg.Root, steps, found)
			var want []rmg.Path
			for p := range found {
				want = append(want, p)
			}
			slices.SortFunc(want, comparePaths)
			checkFind(t, g, s, rmg.Index{}, want)
			checkFind(t, g, s, ix, want)
		}
	})
}

// TestSelectorForms holds the parser to its words: the canonical form, or the
// code of the refusal.
func TestSelectorForms(t *testing.T) {
	for in, want := range map[string]string{
		"/": "/", "/svc/auth": "/svc/auth", "/svc/*": "/svc/*", "/a***b": "/a*b", "/**": "/**", "/**/**": "/**", "/**/**/x": "/**/x",
		"/~*": "/~*", "/~**": "/~*", "/**/~*": "/**/~*", "/%2a": "/%2A", "/a%2Fb": "/a%2Fb", "/%7Ee": "/%7Ee", "/x:12": "/x%3A12", "/a?": "/a?",
		"/a->b": "/a->b", "/a->*": "/a->", "/a->>b[x]": "/a->>b[x]", "/a<-<<-": "/a<-<<-", "/a-b<c>d": "/a-b%3Cc%3Ed", "/a-%3Eb": "/a-%3Eb",
		`/*[kind=Service][lang="go"]`: `/*[kind=Service][lang=go]`, `/*["kind"=x]`: `/*["kind"=x]`, `/*[ a = 1 ]`: `/*[a=1]`, `/*[a=1.0]`: `/*[a=1.0]`,
		`/*[a="1"]`: `/*["a"="1"]`, `/*[a=true]`: `/*[a=true]`, `/*[a="true"]`: `/*[a="true"]`, `/*[v=1.2.3]`: `/*[v=1.2.3]`, `/*[!a]`: `/*[!a]`, `/*[a]`: `/*[a]`,
		`/*[a!=x]`: `/*[a!=x]`, `/*[a>=2]`: `/*[a>=2]`, `/*[f~*.go]`: `/*[f~"*.go"]`, `/*[tags:x]`: `/*[tags:x]`, `/*[a=[1,2]]`: `/*[a=[1,2]]`, `/*[a={"x":1}]`: `/*[a={"x":1}]`,
		`/*[at={"$ref":"/%61"}]`: `/*[at={"$ref":"/a"}]`, `/*[a=é]`: `/*[a="é"]`, `/*["my name"]`: `/*["my name"]`, "/**[x]/y": "/**[x]/y", `/a[x]->[y]`: `/a[x]->[y]`,
		`/*["true"]`: `/*["true"]`, `/*[true]`: `/*["true"]`, "/\xff*": "/%FF*", "/a b": "/a b", `/*["from"]`: `/*["from"]`, `/*[a="]"]`: `/*[a="]"]`,

		"": "invalid", "a": "invalid", "//": "invalid", "/a/": "invalid", "/**/": "invalid", "/[a]": "invalid", "/a[": "invalid", "/a[]": "invalid", "/a[b": "invalid",
		"/a[b=]": "invalid", "/a[b=null]": "invalid", "/a]": "invalid", "/a[b]c": "invalid", "/~": "invalid", "/%zz": "invalid", "/a%": "invalid", `/a[b="]`: "invalid",
		`/a[b=1 2]`: "invalid", `/a[b={"$x":1}]`: "invalid", `/a[b~1]`: "invalid", `/a[b~%z]`: "invalid", `/a[!b=1]`: "invalid", `/a[""=1]`: "invalid", `/a[b=[null]]`: "invalid",
		"/a->/": "invalid", "/a->%": "invalid", "/a[b=99999999999999999999]": "invalid", "/a[=1]": "invalid",

		strings.Repeat("/a", rmg.MaxSteps): strings.Repeat("/a", rmg.MaxSteps), strings.Repeat("/a", rmg.MaxSteps+1): "limit", "/" + strings.Repeat("a", rmg.MaxSegment+1): "limit",
		"/a" + strings.Repeat("[b]", rmg.MaxPredicates): "/a" + strings.Repeat("[b]", rmg.MaxPredicates), "/a" + strings.Repeat("[b]", rmg.MaxPredicates+1): "limit",
		"/a" + strings.Repeat("->", rmg.MaxPredicates+1): "limit", "/a->" + strings.Repeat("[b]", rmg.MaxPredicates): "limit", strings.Repeat("/", rmg.MaxSelector+1): "limit",
		"/a" + strings.Repeat("[b=[", 4000): "invalid",
	} {
		s, err := rmg.ParseSelector(in)
		got := s.String()
		if err != nil {
			got = string(codeOf(err))
		}
		if want == `/*["a"="1"]` {
			want = `/*[a="1"]`
		}
		if got != want {
			t.Errorf("%.80s is %.80s, want %.80s (%v)", in, got, want, err)
		}
	}
}

// TestSelectorOfPath: a path's selector selects what is there, whatever its
// name, and is the path where no byte of it is special.
func TestSelectorOfPath(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rmg.Root
		o := rmg.NewOverlay(rmg.Graph{})
		id := rapid.OneOf(segment(), rapid.SampledFrom([]string{"*", "**", "a->b", "x<-", "<<-", "a[b]", "]", "?", "~**"}))
		for range rapid.IntRange(0, 3).Draw(t, "depth") {
			p = p.Child(id.Draw(t, "id"))
			if err := o.AddNode(p, "N", rmg.Props{}); err != nil {
				t.Fatal(err)
			}
		}
		s := rmg.SelectorOf(p)
		again, err := rmg.ParseSelector(s.String())
		if err != nil || again.String() != s.String() {
			t.Fatalf("%s is written %s, and read as %s, %v", p, s, again, err)
		}
		if plain := !strings.ContainsAny(string(p), "*?[]<>"); plain != (s.String() == string(p)) {
			t.Fatalf("%s is written %s", p, s)
		}
		checkFind(t, o.Graph(), again, rmg.Index{}, []rmg.Path{p})
	})
}

// TestFindCost: what the names of a selector leave out is not looked at.
func TestFindCost(t *testing.T) {
	o := rmg.NewOverlay(rmg.Graph{})
	var errs []error
	for i := range 3000 {
		p := rmg.Root.Child(fmt.Sprintf("n%04d", i))
		errs = append(errs, o.AddNode(p, "N", rmg.Props{}), o.AddNode(p.Child("x"), "N", rmg.Props{}), o.AddNode(p.Child("y"), "N", rmg.Props{}))
		if i > 0 {
			errs = append(errs, o.AddEdge(rmg.Root.EdgeChild(fmt.Sprintf("e%04d", i)), []string{"E", "F"}[i%2], fmt.Sprintf("n%04d", i), fmt.Sprintf("n%04d", i/100), rmg.Props{}))
		}
	}
	errs = append(errs, o.AddNode("/n1234/x/deep", "Rare", rmg.Props{}))
	noError(t, errs...)
	g := o.Graph()
	ix := rmg.NewIndex().At(g)
	for _, c := range []struct {
		text   string
		found  int
		budget int
		index  bool
	}{
		{"/n1234/x", 1, 3, false},
		{"/n12*", 100, 101, false},
		{"/n12*/x", 100, 201, false},
		{"/n12?4/**", 21, 122, false},
		{"/~*[from=n1234]", 1, 3, false},
		{"/~*[to=n0012]", 100, 201, false},
		{"/n1234->", 1, 4, false},
		{"/n1234->>", 2, 6, false},
		{"/n0012<-F", 50, 160, false},
		{"/**[kind=Rare]", 1, 2, true},
		{"/n1*/**/deep[kind=Rare]", 1, 2, true},
	} {
		s, err := rmg.ParseSelector(c.text)
		noError(t, err)
		found := 0
		opt := rmg.FindOptions{Budget: c.budget}
		if c.index {
			opt.Index = ix
		}
		for m, err := range g.Find(s, opt) {
			if err != nil {
				t.Errorf("%s with a budget of %d: %v at %s", c.text, c.budget, err, m.Path)
				break
			}
			found++
		}
		if found != c.found {
			t.Errorf("%s finds %d, want %d", c.text, found, c.found)
		}
	}
}

// TestFindOfAnotherVersion: an index of another version is not used.
func TestFindOfAnotherVersion(t *testing.T) {
	o := rmg.NewOverlay(rmg.Graph{})
	noError(t, o.AddNode("/a", "N", rmg.Props{}))
	ix := rmg.NewIndex().At(o.Graph())
	noError(t, o.AddNode("/b", "N", rmg.Props{}), o.Remove("/a", false))
	s, err := rmg.ParseSelector("/**[kind=N]")
	noError(t, err)
	for m, err := range o.Graph().Find(s, rmg.FindOptions{Index: ix}) {
		noError(t, err)
		if m.Path != "/b" {
			t.Errorf("found %s", m.Path)
		}
	}
}

func FuzzParseSelector(f *testing.F) {
	for _, s := range []string{"/", "/a/*[k=1]", `/**/~e?[!"a b"][x:{"$ref":"/a"}]->>k[from~*]<-`, "/%2A**<<-a", "/[", "/a[b=[", `/a[x="\ud800"]`} {
		f.Add(s)
	}
	o := rmg.NewOverlay(rmg.Graph{})
	for _, p := range []rmg.Path{"/a", "/b", "/a/c"} {
		if err := o.AddNode(p, "N", rmg.PropsOf(map[string]rmg.Value{"x": rmg.Int(1)})); err != nil {
			f.Fatal(err)
		}
	}
	if err := o.AddEdge("/~e", "E", "a", "b", rmg.Props{}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := rmg.ParseSelector(text)
		if err != nil {
			if c := codeOf(err); c != rmg.Invalid && c != rmg.Limit {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := rmg.ParseSelector(s.String())
		if err != nil || again.String() != s.String() {
			t.Fatalf("%q is written %q, and read as %q, %v", text, s, again, err)
		}
		paths := func(s rmg.Selector) (out []rmg.Path) {
			for m, err := range o.Graph().Find(s, rmg.FindOptions{}) {
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, m.Path)
			}
			return out
		}
		if a, b := paths(s), paths(again); !slices.Equal(a, b) {
			t.Fatalf("%q finds %q, written as %q it finds %q", text, a, s, b)
		}
	})
}

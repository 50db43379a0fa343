package rule

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"jitos.dev/rmg"
)

// The kinds and props of a rule that stands as a graph.
const (
	KindRule      = "Rule"
	kindPattern   = "Pattern"   // left and right
	kindCondition = "Condition" // unless-N and require-N
	kindElement   = "Variable"
	kindLink      = "Link"
	kindWay       = "Way"

	PropSource   = "source"   // the rule as a document of its own
	PropReactive = "reactive" // true: it is meant to fire by itself
)

// Graph is the rules of a set as a graph: a node for each, by its name, that holds
// its left side, its right side and its conditions as graphs of their variables.
//
// The prop source of such a node is the rule as a document of its own, with the
// kinds that its document declares: Stored reads it back. The graphs are for who
// looks at the rule.
func (s *Set) Graph() (rmg.Graph, error) {
	o := rmg.NewOverlay(rmg.Graph{}).Unchecked()
	for _, r := range s.Rules {
		d := drawing{o: o, r: r}
		if d.rule(s); d.err != nil {
			return rmg.Graph{}, d.err
		}
	}
	return o.Graph(), nil
}

// drawing makes the graph of one rule.
type drawing struct {
	o   *rmg.Overlay
	r   *Rule
	err error
}

func (d *drawing) node(p rmg.Path, kind string, props map[string]rmg.Value) {
	if d.err == nil {
		d.err = d.o.AddNode(p, kind, rmg.PropsOf(props))
	}
}

func (d *drawing) edge(p rmg.Path, kind, from, to string, props map[string]rmg.Value) {
	if d.err == nil {
		d.err = d.o.AddEdge(p, kind, from, to, rmg.PropsOf(props))
	}
}

func (d *drawing) rule(s *Set) {
	r, at := d.r, rmg.Root.Child(d.r.Name)
	props := map[string]rmg.Value{PropSource: rmg.String(r.source), "at": rmg.Ref(r.At)}
	for name, on := range map[string]bool{"deep": r.Deep, "cascade": r.cascade, "injective": r.injective} {
		props[name] = rmg.Bool(on)
	}
	if r.Reactive {
		props[PropReactive] = rmg.Bool(true)
	}
	if r.Doc != "" {
		props["doc"] = rmg.String(r.Doc)
	}
	if r.Priority != 0 {
		props["priority"] = rmg.Int(int64(r.Priority))
	}
	d.node(at, KindRule, props)
	d.pattern(at, "left", kindPattern, &r.left, nil)
	d.right(at.Child("right"))
}

// pattern draws a left side or a condition, and its conditions beside or in it: what
// they are about stands in them once more, as outer.
func (d *drawing) pattern(at rmg.Path, name, kind string, p *pattern, outer []int) {
	in := at.Child(name)
	props := map[string]rmg.Value{}
	if list := textsOf(p.guards); len(list) > 0 {
		props["where"] = rmg.List(list...)
	}
	d.node(in, kind, props)
	d.variables(in, p, outer, func(v int) map[string]rmg.Value {
		out := map[string]rmg.Value{}
		if slices.Contains(outer, v) {
			out["outer"] = rmg.Bool(true)
		}
		return out
	})
	here, seen := in, append(slices.Clone(outer), p.own...)
	if kind == kindPattern {
		here = at
	}
	for i, c := range p.unless {
		d.pattern(here, fmt.Sprintf("unless-%d", i+1), kindCondition, c, seen)
	}
	for i, c := range p.require {
		d.pattern(here, fmt.Sprintf("require-%d", i+1), kindCondition, c, seen)
	}
}

// variables draws the variables of a pattern and what they need of those outside.
func (d *drawing) variables(in rmg.Path, p *pattern, outer []int, more func(v int) map[string]rmg.Value) {
	places := map[int]rmg.Path{}
	var place func(v int) rmg.Path
	place = func(v int) rmg.Path {
		if at, ok := places[v]; ok {
			return at
		}
		x := d.r.vars[v]
		at := in
		if x.in != none {
			at = place(x.in)
		}
		props := more(v)
		if x.kind != "" {
			props["kind"] = rmg.String(x.kind)
		}
		if !x.edge {
			at = at.Child(d.name(v))
			d.node(at, kindElement, props)
		} else {
			place(x.from)
			place(x.to)
			at = at.EdgeChild(d.name(v))
			d.edge(at, kindLink, d.name(x.from), d.name(x.to), props)
		}
		places[v] = at
		return at
	}
	for _, v := range p.own {
		place(v)
	}
	for i, h := range p.paths {
		at := place(h.from).Parent()
		place(h.to)
		props := map[string]rmg.Value{"least": rmg.Int(int64(h.least)), "most": rmg.Int(int64(h.most))}
		if h.kind != "" {
			props["kind"] = rmg.String(h.kind)
		}
		d.edge(at.EdgeChild(fmt.Sprintf("way-%d", i+1)), kindWay, d.name(h.from), d.name(h.to), props)
	}
}

// right draws what there is when the rule was applied.
func (d *drawing) right(in rmg.Path) {
	d.node(in, kindPattern, nil)
	after := pattern{}
	for _, v := range slices.Concat(d.r.left.own, d.r.creates) {
		if !slices.Contains(d.r.deletes, v) {
			after.own = append(after.own, v)
		}
	}
	gone := func(v int) bool { return v != none && slices.Contains(d.r.deletes, v) }
	after.own = slices.DeleteFunc(after.own, func(v int) bool { // what stood in or at it went with it
		x := d.r.vars[v]
		for at := x.in; at != none; at = d.r.vars[at].in {
			if gone(at) {
				return true
			}
		}
		return x.edge && (gone(x.from) || gone(x.to))
	})
	d.variables(in, &after, nil, func(v int) map[string]rmg.Value {
		x, props := d.r.vars[v], map[string]rmg.Value{}
		if x.created {
			props["created"] = rmg.Bool(true)
		}
		if x.id != nil {
			props["id"] = rmg.String(x.id.text)
		}
		for _, t := range d.r.retypes {
			if t.v == v {
				props["retype"] = rmg.String(t.kind)
			}
		}
		var does []rmg.Value
		for _, a := range d.r.sets {
			if a.v == v {
				does = append(does, rmg.String(fmt.Sprintf("%s %s: %s", a.op, a.prop, a.to.text)))
			}
		}
		if len(does) > 0 {
			props["does"] = rmg.List(does...)
		}
		return props
	})
}

// name is the id of a variable: its name, or one that no variable can have.
func (d *drawing) name(v int) string {
	if n := d.r.vars[v].name; n != "" {
		return n
	}
	return fmt.Sprintf("-%d", v+1)
}

func textsOf(list []*expr) []rmg.Value {
	out := make([]rmg.Value, len(list))
	for i, e := range list {
		out[i] = rmg.String(e.text)
	}
	return out
}

// sourceOf is a rule as a document of its own.
func sourceOf(kinds, rule part) string {
	var b strings.Builder
	b.WriteByte('{')
	if list, ok := kinds.value.([]entry); ok { // in one order: rules of several documents are put together
		list = slices.Clone(list)
		slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.key, b.key) })
		kinds.value = list
		b.WriteString(`"kinds":`)
		kinds.json(&b)
		b.WriteByte(',')
	}
	b.WriteString(`"rules":[`)
	rule.json(&b)
	b.WriteString("]}")
	return b.String()
}

// json writes a part, its keys in the order of the document.
func (p part) json(b *strings.Builder) {
	switch v := p.value.(type) {
	case []part:
		b.WriteByte('[')
		for i, x := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			x.json(b)
		}
		b.WriteByte(']')
	case []entry:
		b.WriteByte('{')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			part{value: e.key}.json(b)
			b.WriteByte(':')
			e.part.json(b)
		}
		b.WriteByte('}')
	case float64: // as text that stays a float, and of which YAML makes one
		text := fmt.Sprint(v)
		if !strings.ContainsAny(text, ".eIN") {
			text += ".0"
		}
		b.WriteString(text)
	default:
		var text strings.Builder
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			panic("a scalar of a document is no JSON: " + err.Error())
		}
		b.WriteString(strings.TrimSuffix(text.String(), "\n"))
	}
}

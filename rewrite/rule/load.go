package rule

import (
	"fmt"
	"slices"
	"strings"

	"jitos.dev/rmg"
)

// Load reads a document of rules: YAML or JSON. The kinds that it may name are
// those that it declares itself and those of schemas; where neither declares
// any, all. The error is Invalid and has Faults as its cause, all that are
// wrong, each with file, line and column.
//
//	kinds:                       what is known of kinds
//	  AB: {is: [A, B], props: {n: int}}
//	rules:
//	  - rule: name
//	    doc: text for people
//	    at: /ring                the graph in which the top of the pattern stands; / if absent
//	    deep: true               or any graph inside that one
//	    priority: 1              of a choice the greatest goes first; 0 if absent
//	    reactive: true           meant to fire by itself when the graph changes
//	    injective: false         two variables may be one element
//	    cascade: true            what would dangle is deleted, not refused
//	    match: [chain, ...]      absent: nothing, which matches once
//	    where: [CEL, ...]        guards
//	    unless: [condition, ...] a chain, a list of chains, or a map of match, where, unless, require
//	    require: [condition, ...]
//	    delete: [variable, ...]
//	    create: [chain, ...]     what is not named on the left is made
//	    id: {variable: CEL}      of what is made; a fresh one if absent
//	    retype: {variable: kind}
//	    set: {variable.prop: CEL}      null removes
//	    inc: {variable.prop: CEL}
//	    set_add: {variable.prop: CEL}
//	    set_remove: {variable.prop: CEL}
//	run: program                 see Set.Program
//
// A document may be one rule alone, without rules.
func Load(file string, data []byte, schemas *rmg.Schemas) (*Set, error) {
	compiler, err := newCompiler()
	if err != nil {
		return nil, noCompiler(err)
	}
	return load(file, data, schemas, compiler)
}

func noCompiler(err error) error {
	return &rmg.Error{Op: "rules", Code: rmg.Internal, Msg: "conditions cannot be compiled", Err: err}
}

func load(file string, data []byte, schemas *rmg.Schemas, compiler *compiler) (*Set, error) {
	r := &reader{file: file}
	doc, ok := r.read(data)
	if !ok {
		return nil, r.sorted().refused()
	}
	l := loader{reader: r, set: &Set{kinds: kindsOf(schemas)}, compiler: compiler}
	l.document(doc)
	if len(r.faults) > 0 {
		return nil, r.sorted().refused()
	}
	return l.set, nil
}

// kindsOf is what schemas say of kinds.
func kindsOf(schemas *rmg.Schemas) map[string]kindDecl {
	out := map[string]kindDecl{}
	for _, name := range schemas.Kinds() {
		k, _ := schemas.Kind(name)
		d := kindDecl{props: map[string]propDecl{}}
		for _, p := range k.Props {
			d.props[p.Name] = propDecl{Type: p.Type}
		}
		out[name] = d
	}
	return out
}

type loader struct {
	*reader
	set      *Set
	compiler *compiler
	declared part // kinds
}

var ruleFields = []string{"rule", "doc", "at", "deep", "priority", "reactive", "injective", "cascade", "match", "where", "unless", "require", "delete", "create", "id", "retype", "set", "inc", "set_add", "set_remove"}

func (l *loader) document(doc part) {
	if fs, ok := doc.value.([]entry); ok && slices.ContainsFunc(fs, func(e entry) bool { return e.key == "rule" }) {
		l.rule(doc)
		return
	}
	var program *part
	fs := l.fields(doc, "the document", "kinds", "rules", "run")
	for _, f := range fs {
		if f.key == "kinds" { // before the rules, wherever it stands
			l.declared = f.part
			l.kinds(f.part)
		}
	}
	for _, f := range fs {
		switch f.key {
		case "rules":
			list := l.list(f.part, "rules")
			if len(list) > MaxRules {
				l.fault(f.part.place, "%d rules; the limit is %d", len(list), MaxRules)
				continue
			}
			for _, p := range list {
				l.rule(p)
			}
		case "run":
			program = &f.part
		}
	}
	if len(l.set.Rules) == 0 && len(l.faults) == 0 {
		l.fault(doc.place, "there are no rules")
	}
	if program != nil {
		l.program(*program)
	}
}

func (l *loader) program(p part) {
	text := l.text(p, "run")
	c, at, err := parseControl(l.set, text)
	if err != nil {
		l.fault(p.at(at), "%s", err.Error())
		return
	}
	l.set.program, l.set.text = c, text
}

func (l *loader) kinds(p part) {
	decls := l.fields(p, "kinds")
	for _, k := range decls {
		d := kindDecl{props: map[string]propDecl{}, declared: declared{l.file, k.place}}
		if k.value != nil {
			for _, f := range l.fields(k.part, "a kind", "is", "props") {
				switch f.key {
				case "is":
					for _, x := range l.list(f.part, "is") {
						d.is = append(d.is, l.text(x, "a kind"))
					}
				case "props":
					l.propTypes(f.part, d.props)
				}
			}
		}
		l.set.kinds[k.key] = d
	}
	for _, k := range decls {
		for _, above := range l.set.kinds[k.key].is {
			if _, ok := l.set.kinds[above]; !ok {
				l.fault(k.place, "kind %s is %s, which is not known", k.key, above)
			} else if slices.Contains(l.set.above(above), k.key) {
				l.fault(k.place, "kind %s is itself, by %s", k.key, above)
			}
		}
	}
}

// typeNames are the names of types, as /kind has them.
var typeNames = map[string]rmg.Type{
	"bool": rmg.TypeBool, "int": rmg.TypeInt, "float": rmg.TypeFloat, "string": rmg.TypeString, "bytes": rmg.TypeBytes,
	"list": rmg.TypeList, "map": rmg.TypeMap, "ref": rmg.TypeRef, "blob": rmg.TypeBlob,
}

func (l *loader) propTypes(p part, into map[string]propDecl) {
	for _, f := range l.fields(p, "props") {
		name := l.text(f.part, "a type")
		t, ok := typeNames[name]
		if !ok {
			l.fault(f.part.place, "there is no type %q", name)
		}
		into[f.key] = propDecl{t, declared{l.file, f.place}}
	}
}

// knows tells a fault if a kind is not known.
func (l *loader) knows(w word) {
	if w.text == "" || len(l.set.kinds) == 0 {
		return
	}
	if _, ok := l.set.kinds[w.text]; !ok {
		l.fault(w.place, "kind %s is not known; declare it under kinds or in the graph's /kind", w.text)
	}
}

// ruleLoader reads one rule.
type ruleLoader struct {
	*loader
	r          *Rule
	names      map[string]int // those in sight
	visible    []int          // those in sight, with a name or without
	conditions int
	creating   bool
}

func (l *loader) rule(p part) {
	rl := ruleLoader{loader: l, r: &Rule{At: rmg.Root, injective: true}, names: map[string]int{}}
	r := rl.r
	r.left.place = p.place
	r.source = sourceOf(l.declared, p)
	byKey := map[string]part{}
	for _, f := range l.fields(p, "a rule", ruleFields...) {
		byKey[f.key] = f.part
		switch f.key {
		case "rule":
			if r.Name = l.text(f.part, "rule"); strings.Trim(r.Name, identifier+"-.") != "" || r.Name == "" {
				l.fault(f.part.place, "%q is no name of a rule: letters, digits, _ - and . are", r.Name)
			}
			if _, twice := l.set.rule(r.Name); twice {
				l.fault(f.part.place, "rule %s stands twice", r.Name)
			}
		case "doc":
			r.Doc = l.text(f.part, "doc")
		case "at":
			var err error
			if r.At, err = rmg.ParsePath(l.text(f.part, "at")); err != nil {
				l.fault(f.part.place, "%s", err.Error())
			}
		case "deep":
			r.Deep = l.flag(f.part, "deep")
		case "reactive":
			r.Reactive = l.flag(f.part, "reactive")
		case "injective":
			r.injective = l.flag(f.part, "injective")
		case "cascade":
			r.cascade = l.flag(f.part, "cascade")
		case "priority":
			n, ok := f.value.(int64)
			if !ok {
				l.fault(f.part.place, "priority is %s, not a whole number", f.what())
			}
			r.Priority = int(n)
		}
	}
	if r.Name == "" {
		if _, ok := byKey["rule"]; !ok {
			l.fault(p.place, "the rule has no name: rule is missing")
		}
	}
	before := len(l.faults)
	rl.leftSide(byKey)
	if len(l.faults) == before {
		rl.rightSide(byKey)
	}
	if r.Reactive && len(l.faults) == before && len(r.left.own)+len(r.left.unless)+len(r.left.require) == 0 {
		l.fault(byKey["reactive"].place, "nothing that changes makes the rule fire: it has neither match nor a condition")
	}
	l.set.Rules = append(l.set.Rules, r)
}

func (l *ruleLoader) leftSide(by map[string]part) {
	m, ok := by["match"]
	l.pattern(&l.r.left, m, ok, by)
	if ok && len(l.r.left.own) == 0 && len(l.faults) == 0 {
		l.fault(m.place, "the pattern has no node; leave match away for a rule that matches once, whatever the graph")
	}
	l.connected(&l.r.left, true)
}

// pattern reads match, where, unless and require.
func (l *ruleLoader) pattern(p *pattern, match part, there bool, by map[string]part) {
	if there {
		p.place = match.place
		l.chains(p, match)
	}
	sc, err := l.compiler.scope(l.set, l.r.vars, l.visible)
	if err != nil {
		l.fault(p.place, "%s", err.Error())
		return
	}
	if w, ok := by["where"]; ok {
		list, isList := w.value.([]part)
		if !isList {
			list = []part{w}
		}
		for _, g := range list {
			p.guards = append(p.guards, l.guard(sc, g))
		}
	}
	for _, c := range []struct {
		key  string
		into *[]*pattern
	}{{"unless", &p.unless}, {"require", &p.require}} {
		if x, ok := by[c.key]; ok {
			*c.into = l.condList(x, c.key)
		}
	}
}

func (l *ruleLoader) condList(p part, of string) []*pattern {
	list, isList := p.value.([]part)
	if !isList {
		list = []part{p}
	}
	var out []*pattern
	for _, x := range list {
		if l.conditions++; l.conditions > MaxConditions {
			l.fault(x.place, "more than %d conditions", MaxConditions)
			return out
		}
		out = append(out, l.condition(x, of))
	}
	return out
}

// condition reads one condition. What it names anew is in sight in it alone.
func (l *ruleLoader) condition(x part, of string) *pattern {
	p := &pattern{place: x.place}
	names, visible := l.names, l.visible
	l.names, l.visible = map[string]int{}, slices.Clone(visible)
	for n, v := range names {
		l.names[n] = v
	}
	defer func() { l.names, l.visible = names, visible }()
	match, there, by := x, true, map[string]part{}
	if _, isMap := x.value.([]entry); isMap {
		match, there = part{}, false
		for _, f := range l.fields(x, "a condition", "match", "where", "unless", "require") {
			by[f.key] = f.part
			if f.key == "match" {
				match, there = f.part, true
			}
		}
	}
	before := len(l.faults)
	l.pattern(p, match, there, by)
	if len(p.own)+len(p.paths) == 0 && len(l.faults) == before {
		l.fault(x.place, "the pattern of %s has no node or edge of its own; what it says of others is a guard (where)", of)
	}
	l.connected(p, false)
	return p
}

func (l *ruleLoader) chains(p *pattern, m part) {
	list, isList := m.value.([]part)
	if !isList {
		list = []part{m}
	}
	for _, x := range list {
		if c, ok := l.chain(x, "a pattern"); ok {
			l.addChain(p, c)
		}
	}
}

// addVar adds a variable.
func (l *ruleLoader) addVar(p *pattern, v variable) int {
	if len(l.r.vars) >= MaxVars {
		if len(l.r.vars) == MaxVars {
			l.fault(v.place, "more than %d variables", MaxVars)
		}
		return 0
	}
	i := len(l.r.vars)
	l.r.vars = append(l.r.vars, v)
	l.visible = append(l.visible, i)
	if v.name != "" {
		l.names[v.name] = i
	}
	if p != nil {
		p.own = append(p.own, i)
	}
	return i
}

func (l *ruleLoader) addChain(p *pattern, c chain) {
	in := none
	if c.in != nil {
		v, ok := l.names[c.in.text]
		if !ok {
			l.fault(c.in.place, "there is no variable %s", c.in.text)
			return
		}
		in = v
	}
	nodes := make([]int, len(c.nodes))
	for i, n := range c.nodes {
		nodes[i] = l.node(p, n, in, c.in != nil)
		if nodes[i] == none {
			return
		}
	}
	for i, x := range c.links {
		from, to := nodes[i], nodes[i+1]
		if x.back {
			from, to = to, from
		}
		l.link(p, x, from, to)
	}
}

// node finds the variable of a node, or adds it.
func (l *ruleLoader) node(p *pattern, n chainNode, in int, inside bool) int {
	l.knows(n.kind)
	if v, ok := l.names[n.name.text]; ok {
		x := &l.r.vars[v]
		switch {
		case x.edge:
			l.fault(n.place, "%s is an edge", n.name.text)
			return none
		case n.kind.text != "" && x.kind != "" && x.kind != n.kind.text, n.kind.text != "" && x.kind == "" && !slices.Contains(l.visible, v):
			l.fault(n.kind.place, "%s is of kind %s already", n.name.text, x.kind)
		case n.kind.text != "" && x.kind == "":
			x.kind = n.kind.text
		}
		if inside && x.in != in {
			l.fault(n.place, "%s stands in another graph", n.name.text)
		}
		return v
	}
	if l.creating && n.kind.text == "" {
		what := "a node that is made needs a kind"
		if n.name.text != "" {
			what = fmt.Sprintf("there is no %s on the left, and what is made needs a kind", n.name.text)
		}
		l.fault(n.place, "%s", what)
		return none
	}
	v := l.addVar(p, variable{name: n.name.text, kind: n.kind.text, in: in, from: none, to: none, created: l.creating, place: n.place})
	l.r.vars[v].free = n.name.text == "" && p != nil && p != &l.r.left
	return v
}

func (l *ruleLoader) link(p *pattern, x chainLink, from, to int) {
	l.knows(x.kind)
	a, b := l.r.vars[from], l.r.vars[to]
	if a.in != b.in {
		l.fault(x.place, "its ends stand in different graphs")
		return
	}
	switch {
	case x.way && p == nil:
		l.fault(x.place, "a way of several edges cannot be made")
	case x.way:
		p.paths = append(p.paths, hop{from, to, x.kind.text, x.least, x.most, x.place})
	case x.name.text != "" && l.known(x.name.text):
		l.fault(x.name.place, "%s stands for something else already", x.name.text)
	case l.creating && x.kind.text == "":
		l.fault(x.place, "an edge that is made needs a kind")
	default:
		l.addVar(p, variable{name: x.name.text, edge: true, kind: x.kind.text, from: from, to: to, in: a.in, created: l.creating, place: x.place})
	}
}

func (l *ruleLoader) known(name string) bool {
	_, ok := l.names[name]
	return ok
}

// connected refuses a pattern that falls into too many parts.
func (l *ruleLoader) connected(p *pattern, left bool) {
	part := make([]int, len(l.r.vars))
	for i := range part {
		part[i] = i
	}
	var find func(int) int
	find = func(i int) int {
		if part[i] != i {
			part[i] = find(part[i])
		}
		return part[i]
	}
	join := func(a, b int) {
		if a >= 0 && b >= 0 {
			part[find(a)] = find(b)
		}
	}
	for _, v := range p.own {
		x := l.r.vars[v]
		join(v, x.from)
		join(v, x.to)
		join(v, x.in)
	}
	for _, h := range p.paths {
		join(h.from, h.to)
	}
	own := map[int]bool{}
	for _, v := range p.own {
		own[v] = true
	}
	bound := map[int]bool{} // parts that hold what is bound already
	for v := range part {
		if !own[v] && !left {
			bound[find(v)] = true
		}
	}
	parts := map[int]bool{}
	for _, v := range p.own {
		if !bound[find(v)] {
			parts[find(v)] = true
		}
	}
	if len(parts) > MaxComponents {
		l.fault(p.place, "the pattern falls into %d parts that nothing joins, and matches their product; the limit is %d", len(parts), MaxComponents)
	}
}

package tasks

import (
	"fmt"
	"slices"
	"strings"

	"jitos.dev/tasks/htn"
)

// The limits of what is compiled.
const (
	maxExpanded = 20_000 // steps of all foreach
	maxChecked  = 20_000 // evaluations of one expression
	maxMoving   = 3      // facts that primitives change which one expression looks at
)

// form is a document's task with the part of a library that can be reached from it,
// over facts, in the form that is searched. Values are objects, facts are predicates of
// as many arguments as their tuples have, and what cannot be said by literals becomes a
// relation that is worked out before: a default, and an expression for all the values
// that may come.
type form struct {
	lib     *Library
	facts   Facts
	domain  htn.Domain
	problem htn.Problem
	value   map[string]any // by object
	names   []string       // the objects, in the order in which they came
	preds   map[string]bool
	unset   map[string]bool // constants that defaults are made of
	checks  []checked
	steps   int // of all foreach
	seen    map[string]bool
	refused map[string][]Did
	ids     map[string][]string // step ids by method of the domain
	of      map[string]*methodDef
	net     map[string]int // methods of the domain by name
}

// Did is a primitive with its arguments, as the compiled form names them.
type Did struct {
	Task string   `json:"task"`
	Args []string `json:"args,omitempty"`
}

// before is what was planned before, and what of it failed.
type before struct {
	plan    *htn.Plan
	refused []Did
}

// compile brings a task with its values into the compiled form. The error is a limit.
func (l *Library) compile(task string, bound map[string]any, facts Facts, before before) (*form, error) {
	c := &form{
		lib: l, facts: facts, value: map[string]any{noValue: nil}, names: []string{noValue}, preds: map[string]bool{}, unset: map[string]bool{},
		seen: map[string]bool{}, refused: map[string][]Did{}, ids: map[string][]string{}, of: map[string]*methodDef{}, net: map[string]int{},
	}
	for _, r := range before.refused {
		c.refused[r.Task] = append(c.refused[r.Task], r)
		c.know(r.Args)
	}
	if before.plan != nil {
		for _, n := range before.plan.Nodes {
			c.know(n.Args)
		}
	}
	c.types()
	root := htn.Step{ID: task, Task: task}
	for _, name := range keys(l.tasks[task].Params) {
		root.Args = append(root.Args, c.object(bound[name]))
	}
	c.problem.Net.Steps = []htn.Step{root}
	for todo := []string{task}; len(todo) > 0; todo = todo[1:] {
		name := todo[0]
		if c.seen[name] {
			continue
		}
		c.seen[name] = true
		if p, ok := l.primitives[name]; ok {
			c.action(p)
			continue
		}
		c.domain.Tasks = append(c.domain.Tasks, htn.Task{Name: name, Params: c.params(l.tasks[name].Params)})
		for _, m := range l.methods[name] {
			if err := c.method(m); err != nil {
				return nil, err
			}
			for _, s := range m.Steps {
				todo = append(todo, s.Do)
			}
		}
	}
	if err := c.settle(); err != nil {
		return nil, err
	}
	return c, nil
}

// object is the name of a value; of no value too.
func (c *form) object(v any) string {
	if v == nil {
		return noValue
	}
	name := objectName(v)
	if _, ok := c.value[name]; !ok {
		c.value[name] = v
		c.names = append(c.names, name)
	}
	return name
}

// know makes objects of names that came out of a compiled form.
func (c *form) know(names []string) {
	for _, n := range names {
		if v, ok := valueOf(n); ok {
			c.object(v)
		}
	}
}

// types declares those of the library, each with its members.
func (c *form) types() {
	for _, name := range keys(c.lib.types) {
		t := htn.Type{Name: "type " + name}
		if up := c.lib.types[name].Of; c.lib.types[up] != nil {
			t.Parents = []string{"type " + up}
		}
		c.domain.Types = append(c.domain.Types, t)
	}
}

// params are variables in the order of their names, with the types that the library
// declares.
func (c *form) params(types map[string]string) []htn.Param {
	var out []htn.Param
	for _, name := range keys(types) {
		p := htn.Param{Name: "?" + name}
		if c.lib.types[types[name]] != nil {
			p.Types = []string{"type " + types[name]}
		}
		out = append(out, p)
	}
	return out
}

// scope is what stands for the variables of a definition: variables of the compiled
// form, or objects.
type scope map[string]string

func (s scope) term(c *form, v any) string {
	if text, ok := v.(string); ok {
		if name, isVar := strings.CutPrefix(text, "$"); isVar {
			if t, ok := s[name]; ok {
				return t
			}
			return "?" + name
		}
	}
	return c.object(v)
}

// pred is the predicate of a fact with so many arguments.
func (c *form) pred(fact string, arity int) string {
	return c.predicate(fmt.Sprintf("%s/%d", fact, arity), arity)
}

func (c *form) predicate(name string, arity int) string {
	if !c.preds[name] {
		c.preds[name] = true
		p := htn.Predicate{Name: name}
		for i := range arity {
			p.Params = append(p.Params, htn.Param{Name: fmt.Sprintf("?%d", i)})
		}
		c.domain.Predicates = append(c.domain.Predicates, p)
	}
	return name
}

// holds are the conditions of a definition. What a pattern of when binds is a variable
// of the definition from then on; what one of unless has for itself is any.
func (c *form) holds(when, unless []condition, in scope) (htn.Formula, []htn.Param) {
	out := htn.Formula{Op: htn.And}
	var fresh []htn.Param
	for _, k := range when {
		for _, v := range k.variables() {
			if _, ok := in[v]; !ok {
				in[v] = "?" + v
				fresh = append(fresh, htn.Param{Name: "?" + v})
			}
		}
		out.Parts = append(out.Parts, c.literal(k, when, in))
	}
	for _, k := range unless {
		var any []htn.Param
		for _, v := range k.variables() {
			if _, ok := in[v]; !ok && !slices.ContainsFunc(any, func(p htn.Param) bool { return p.Name == "?"+v }) {
				any = append(any, htn.Param{Name: "?" + v})
			}
		}
		f := c.literal(k, when, in)
		if any != nil {
			f = htn.Formula{Op: htn.Exists, Vars: any, Parts: []htn.Formula{f}}
		}
		out.Parts = append(out.Parts, htn.Formula{Op: htn.Not, Parts: []htn.Formula{f}})
	}
	return out, fresh
}

// literal is one condition; when are those beside it, where its variables get their
// values.
func (c *form) literal(k condition, when []condition, in scope) htn.Formula {
	if k.Given != "" {
		return htn.Formula{Op: htn.Not, Parts: []htn.Formula{{Op: htn.Equal, Terms: []string{in.term(c, "$"+k.Given), noValue}}}}
	}
	if k.check == nil {
		return c.fact(k.Fact, k.terms(), in)
	}
	return c.cel(k, when, in)
}

// column are the values that a pattern leaves to a variable, if the facts it is over
// stay as they are.
func (c *form) column(v string, when []condition, in scope) ([]string, bool) {
	for _, k := range when {
		if k.Fact == "" || c.lib.changed[k.Fact] {
			continue
		}
		at := slices.IndexFunc(k.terms(), func(t any) bool { return t == "$"+v })
		if at < 0 {
			continue
		}
		out := []string{}
		for _, t := range c.facts.tuples(k.Fact) {
			if _, ok := fit(k.terms(), t, map[string]any{}); ok {
				out = append(out, c.object(t[at]))
			}
		}
		slices.Sort(out)
		return slices.Compact(out), true
	}
	return nil, false
}

func (c *form) fact(name string, terms []any, in scope) htn.Formula {
	f := htn.Formula{Op: htn.Fact, Pred: c.pred(name, len(terms))}
	for _, t := range terms {
		f.Terms = append(f.Terms, in.term(c, t))
	}
	return f
}

// action compiles a primitive.
func (c *form) action(p *primitiveDef) {
	in := scope{}
	a := htn.Action{Name: p.Name, Params: c.params(p.Params), Costs: []htn.Cost{{N: int64(p.Cost)}}}
	if p.Cost == 0 {
		a.Costs[0].N = 1
	}
	for name := range p.Params {
		in[name] = "?" + name
	}
	var some []htn.Param
	a.Pre, some = c.holds(p.When, p.Unless, in)
	if some != nil {
		a.Pre = htn.Formula{Op: htn.Exists, Vars: some, Parts: []htn.Formula{a.Pre}}
	}
	for _, e := range p.effects {
		f := c.fact(e.Fact, e.terms(), in)
		if e.Args == nil && !e.Not {
			a.Effects = append(a.Effects, htn.Effect{Vars: []htn.Param{{Name: "?other value"}}, Delete: true, Fact: htn.Atom{Pred: f.Pred, Args: []string{"?other value"}}})
		}
		a.Effects = append(a.Effects, htn.Effect{Delete: e.Not, Fact: htn.Atom{Pred: f.Pred, Args: f.Terms}})
	}
	c.domain.Actions = append(c.domain.Actions, a)
}

// method compiles one of the library's.
func (c *form) method(m *methodDef) error {
	t := c.lib.tasks[m.Task]
	out := htn.Method{Name: m.Name, Task: m.Task, Params: c.params(t.Params)}
	in := scope{}
	pre := htn.Formula{Op: htn.And}
	for _, name := range keys(t.Params) {
		out.Args = append(out.Args, "?"+name)
		in[name] = "?" + name
		if value, ok := m.Defaults[name]; ok {
			in[name] = "?" + name + " or else"
			out.Params = append(out.Params, htn.Param{Name: in[name]})
			pre.Parts = append(pre.Parts, htn.Formula{Op: htn.Fact, Pred: c.orElse(value), Terms: []string{"?" + name, in[name]}})
		}
	}
	for _, k := range m.Success {
		if name, ok := strings.CutPrefix(k.Value, "$"); ok {
			pre.Parts = append(pre.Parts, htn.Formula{Op: htn.Not, Parts: []htn.Formula{{Op: htn.Equal, Terms: []string{in[name], noValue}}}})
		}
	}
	when, fresh := c.holds(m.When, m.Unless, in)
	pre.Parts = append(pre.Parts, when.Parts...)
	out.Params, out.Pre = append(out.Params, fresh...), pre
	for i, s := range m.Steps {
		st, err := c.step(fmt.Sprintf("%s#%d", m.Name, i+1), s, in)
		if err != nil {
			return err
		}
		out.Net.Steps = append(out.Net.Steps, st)
		for _, a := range s.after {
			out.Net.Order = append(out.Net.Order, [2]int{a, i})
		}
	}
	c.of[m.Name] = m
	c.define(out)
	return nil
}

func (c *form) define(m htn.Method) {
	for _, s := range m.Net.Steps {
		c.ids[m.Name] = append(c.ids[m.Name], s.ID)
	}
	c.net[m.Name] = len(c.domain.Methods)
	c.domain.Methods = append(c.domain.Methods, m)
}

// orElse is the relation of what is given to what is taken: the default for no value.
func (c *form) orElse(value string) string {
	c.unset[c.object(value)] = true
	return c.predicate("or else "+objectName(value), 2)
}

// step compiles a step; one that is done for each of something, or only if something
// is so, by way of a task of its own.
func (c *form) step(name string, s step, in scope) (htn.Step, error) {
	switch {
	case s.Foreach != nil:
		return c.each(name, s, in)
	case s.If != nil || s.Unless != nil:
		return c.either(name, s, in)
	}
	return c.plain(s, in), nil
}

func (c *form) plain(s step, in scope) htn.Step {
	out := htn.Step{ID: s.id(), Task: s.Do}
	params, _ := c.lib.paramsOf(s.Do)
	for _, p := range keys(params) {
		out.Args = append(out.Args, in.term(c, s.With[p]))
	}
	return out
}

// between is a task that stands for a step, with those of its variables that have no
// values yet.
func (c *form) between(name string, s step, in scope) (t htn.Task, st htn.Step, inner scope) {
	t, st, inner = htn.Task{Name: name}, htn.Step{ID: s.id(), Task: name}, scope{}
	for _, v := range s.variables() {
		switch x, ok := in[v]; {
		case !ok:
		case htn.IsVar(x):
			t.Params = append(t.Params, htn.Param{Name: "?" + v})
			st.Args = append(st.Args, x)
			inner[v] = "?" + v
		default:
			inner[v] = x
		}
	}
	c.domain.Tasks = append(c.domain.Tasks, t)
	return t, st, inner
}

func argsOf(params []htn.Param) (out []string) {
	for _, p := range params {
		out = append(out, p.Name)
	}
	return out
}

// either compiles a step with conditions: a method that does it, and one that does
// nothing where they do not hold.
func (c *form) either(name string, s step, in scope) (htn.Step, error) {
	t, st, inner := c.between(name, s, in)
	no, some := c.holds(s.If, s.Unless, cloneScope(inner))
	if some != nil {
		no = htn.Formula{Op: htn.Exists, Vars: some, Parts: []htn.Formula{no}}
	}
	with, fresh := c.holds(s.If, s.Unless, inner)
	bare := s
	bare.If, bare.Unless = nil, nil
	c.define(htn.Method{Name: name + " then", Task: name, Params: append(slices.Clone(t.Params), fresh...), Args: argsOf(t.Params), Pre: with, Net: htn.Network{Steps: []htn.Step{c.plain(bare, inner)}}})
	c.define(htn.Method{Name: name + " else", Task: name, Params: t.Params, Args: argsOf(t.Params), Pre: htn.Formula{Op: htn.Not, Parts: []htn.Formula{no}}})
	return st, nil
}

func cloneScope(s scope) scope {
	out := scope{}
	for k, v := range s {
		out[k] = v
	}
	return out
}

// each compiles a step that is done for each of something that stays as it is: a method
// for each choice of the values that the pattern takes from its method, and one for all
// others, which does nothing.
func (c *form) each(name string, s step, in scope) (htn.Step, error) {
	t, st, inner := c.between(name, s, in)
	pattern := s.Foreach.pattern()
	bare := s
	bare.Foreach = nil
	type choice struct {
		is   map[string]string
		pre  htn.Formula
		each []scope
	}
	var all []*choice
	known := map[string]any{} // values of variables that have one already
	var open []string
	for _, v := range pattern.variables() {
		if x, ok := inner[v]; ok && !htn.IsVar(x) {
			known[v] = c.value[x]
		} else if ok && !slices.Contains(open, v) {
			open = append(open, v)
		}
	}
	for _, tuple := range s.Foreach.tuples(c.facts) {
		env, ok := fit(pattern.terms(), tuple, known)
		if !ok {
			continue
		}
		if c.steps++; c.steps > maxExpanded {
			return st, limit("the limit of %d steps of foreach is reached at %s", maxExpanded, name)
		}
		x := &choice{is: map[string]string{}, pre: htn.Formula{Op: htn.And}}
		item := cloneScope(inner)
		for v, value := range env {
			item[v] = c.object(value)
		}
		for _, v := range open {
			x.is[v] = item[v]
			x.pre.Parts = append(x.pre.Parts, htn.Formula{Op: htn.Equal, Terms: []string{"?" + v, item[v]}})
		}
		if i := slices.IndexFunc(all, func(o *choice) bool { return fmt.Sprint(o.is) == fmt.Sprint(x.is) }); i >= 0 {
			x = all[i]
		} else {
			all = append(all, x)
		}
		x.each = append(x.each, item)
	}
	none := htn.Formula{Op: htn.And}
	for i, x := range all {
		m := htn.Method{Name: fmt.Sprintf("%s for %d", name, i+1), Task: name, Params: t.Params, Args: argsOf(t.Params), Pre: x.pre}
		for k, item := range x.each {
			one, err := c.step(fmt.Sprintf("%s.%d.%d", name, i+1, k+1), bare, item)
			if err != nil {
				return st, err
			}
			m.Net.Steps = append(m.Net.Steps, one)
			if k > 0 && !s.Foreach.Parallel {
				m.Net.Order = append(m.Net.Order, [2]int{k - 1, k})
			}
		}
		c.define(m)
		none.Parts = append(none.Parts, htn.Formula{Op: htn.Not, Parts: []htn.Formula{x.pre}})
	}
	if len(all) == 0 || len(open) > 0 {
		c.define(htn.Method{Name: name + " for none", Task: name, Params: t.Params, Args: argsOf(t.Params), Pre: none})
	}
	return st, nil
}

// settle writes down what is the case, once all objects are known.
func (c *form) settle() error {
	types := map[string][]string{}
	for _, name := range keys(c.lib.types) {
		types[noValue] = append(types[noValue], "type "+name)
		for _, t := range c.facts.tuples(name) {
			if len(t) == 1 {
				types[c.object(t[0])] = append(types[c.object(t[0])], "type "+name)
			}
		}
	}
	for _, name := range keys(c.facts) {
		for _, t := range c.facts.tuples(name) {
			if pred := fmt.Sprintf("%s/%d", name, len(t)); c.preds[pred] {
				a := htn.Atom{Pred: pred}
				for _, v := range t {
					a.Args = append(a.Args, c.object(v))
				}
				c.problem.Init = append(c.problem.Init, a)
			}
		}
	}
	for _, value := range keys(c.unset) {
		for _, o := range c.names {
			to := o
			if o == noValue {
				to = value
			}
			c.problem.Init = append(c.problem.Init, htn.Atom{Pred: "or else " + value, Args: []string{o, to}})
		}
	}
	for _, x := range c.checks {
		if err := c.check(x); err != nil {
			return err
		}
	}
	for _, o := range c.names {
		c.problem.Objects = append(c.problem.Objects, htn.Object{Name: o, Types: types[o]})
	}
	c.problem.Costs = c.lib.costs
	c.refuse()
	return nil
}

// refuse keeps primitives from being done with arguments that failed before.
func (c *form) refuse() {
	for i := range c.domain.Actions {
		a := &c.domain.Actions[i]
		for _, r := range c.refused[a.Name] {
			if len(r.Args) != len(a.Params) {
				continue // of another version of the library
			}
			same := htn.Formula{Op: htn.And}
			for k, o := range r.Args {
				same.Parts = append(same.Parts, htn.Formula{Op: htn.Equal, Terms: []string{a.Params[k].Name, o}})
			}
			a.Pre = htn.Formula{Op: htn.And, Parts: []htn.Formula{a.Pre, {Op: htn.Not, Parts: []htn.Formula{same}}}}
		}
	}
}

package tasks

import (
	"fmt"
	"slices"
	"strings"

	"jitos.dev/tasks/htn"
)

// checked is an expression whose relation is to be worked out.
type checked struct {
	pred string
	test *celCheck
	own  map[string][]string // objects that are all a variable can be
	// Of facts that primitives change: those whose values are arguments too, and those that
	// are without one.
	with, without []string
}

// cel is a condition that is an expression; when are those beside it.
func (c *form) cel(k condition, when []condition, in scope) htn.Formula {
	var terms []string
	own := map[string][]string{}
	for _, v := range k.check.vars {
		t := in.term(c, "$"+v)
		terms = append(terms, t)
		if !htn.IsVar(t) {
			own[v] = []string{t}
		} else if values, ok := c.column(v, when, in); ok {
			own[v] = values
		}
	}
	var moving []string
	for _, f := range k.check.facts {
		if c.lib.changed[f] {
			moving = append(moving, f)
		}
	}
	any := htn.Formula{Op: htn.Or}
	for which := range 1 << len(moving) {
		any.Parts = append(any.Parts, c.expression(checked{test: k.check, own: own}, terms, moving, which))
	}
	if len(any.Parts) == 1 {
		return any.Parts[0]
	}
	return any
}

// expression is that one holds where certain facts that primitives change have values, and
// the others of these have none. It holds of variables and of the values of those that have
// one, so that it is worked out before and yet sees facts as they are.
func (c *form) expression(x checked, terms, moving []string, which int) htn.Formula {
	all := htn.Formula{Op: htn.And}
	var values []htn.Param
	for i, name := range moving {
		v := fmt.Sprintf("?value of %s", name)
		has := htn.Formula{Op: htn.Fact, Pred: c.pred(name, 1), Terms: []string{v}}
		if which&(1<<i) == 0 {
			values = append(values, htn.Param{Name: v})
			terms = append(slices.Clip(terms), v)
			x.with = append(x.with, name)
			all.Parts = append(all.Parts, has)
			continue
		}
		x.without = append(x.without, name)
		all.Parts = append(all.Parts, htn.Formula{Op: htn.Not, Parts: []htn.Formula{{Op: htn.Exists, Vars: []htn.Param{{Name: v}}, Parts: []htn.Formula{has}}}})
	}
	x.pred = c.predicate(fmt.Sprintf("cel %d", len(c.checks)), len(terms))
	c.checks = append(c.checks, x)
	all.Parts = append(all.Parts, htn.Formula{Op: htn.Fact, Pred: x.pred, Terms: terms})
	switch {
	case len(moving) == 0:
		return all.Parts[0]
	case values != nil:
		return htn.Formula{Op: htn.Exists, Vars: values, Parts: []htn.Formula{all}}
	}
	return all
}

// values are all that a named value can be, as it is and as primitives make it. The error
// is a limit: it is a relation as things are.
func (c *form) values(name string) ([]string, error) {
	var out []string
	if _, list := c.facts[name].([]any); list {
		return nil, limit("%s is a list, and an expression looks at it as a value that primitives change", name)
	}
	for _, t := range c.facts.tuples(name) {
		out = append(out, c.object(t[0]))
	}
	for _, p := range keys(c.lib.primitives) {
		for _, e := range c.lib.primitives[p].effects {
			switch _, isVar := strings.CutPrefix(fmt.Sprint(e.Is), "$"); {
			case e.Fact != name || e.Not || !c.seen[p]:
			case isVar:
				return c.names, nil
			default:
				out = append(out, c.object(e.Is))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// check works an expression's relation out.
func (c *form) check(x checked) error {
	total := 1
	lists := make([][]string, 0, len(x.test.vars)+len(x.with))
	add := func(list []string) error {
		lists = append(lists, list)
		if total *= len(list); total > maxChecked {
			return limit("an expression would have to be asked about more than %d values; a pattern over facts before it says which", maxChecked)
		}
		return nil
	}
	for _, v := range x.test.vars {
		list := x.own[v]
		if list == nil {
			list = c.names
		}
		if err := add(list); err != nil {
			return err
		}
	}
	for _, name := range x.with {
		list, err := c.values(name)
		if err == nil {
			err = add(list)
		}
		if err != nil {
			return err
		}
	}
	env, facts := map[string]any{}, c.facts
	if len(x.with)+len(x.without) > 0 {
		facts = Facts(cloneMap(c.facts))
	}
	for _, name := range x.without {
		delete(facts, name)
	}
	args := make([]string, len(lists))
	var each func(i int)
	each = func(i int) {
		if i == len(args) {
			if x.test.holds(facts, env) {
				c.problem.Init = append(c.problem.Init, htn.Atom{Pred: x.pred, Args: slices.Clone(args)})
			}
			return
		}
		n := i - len(x.test.vars)
		for _, o := range lists[i] {
			if args[i] = o; n < 0 {
				env[x.test.vars[i]] = c.value[o]
			} else if facts[x.with[n]] = c.value[o]; c.value[o] == nil {
				continue // no fact has no value
			}
			each(i + 1)
		}
	}
	each(0)
	return nil
}

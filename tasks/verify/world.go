package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"jitos.dev/tasks/htn"
)

// state is the set of facts that hold, each written out.
type state map[string]bool

func key(pred string, args []string) string { return pred + "(" + strings.Join(args, ",") + ")" }

// world is a domain and a problem, with its objects by type.
type world struct {
	domain  *htn.Domain
	problem *htn.Problem
	objects []string
	types   map[string]map[string]bool // by object: every type that it is of
}

func newWorld(d *htn.Domain, p *htn.Problem) *world {
	w := &world{domain: d, problem: p, types: map[string]map[string]bool{}}
	parents := map[string][]string{}
	for _, t := range d.Types {
		parents[t.Name] = append(parents[t.Name], t.Parents...)
	}
	for _, o := range slices.Concat(d.Constants, p.Objects) {
		if w.types[o.Name] == nil {
			w.types[o.Name] = map[string]bool{htn.ObjectType: true}
			w.objects = append(w.objects, o.Name)
		}
		var up func(t string)
		up = func(t string) {
			if !w.types[o.Name][t] {
				w.types[o.Name][t] = true
				for _, x := range parents[t] {
					up(x)
				}
			}
		}
		for _, t := range o.Types {
			up(t)
		}
	}
	return w
}

// isOf reports whether an object is of one of the types; none is any.
func (w *world) isOf(object string, types []string) bool {
	return len(types) == 0 || slices.ContainsFunc(types, func(t string) bool { return w.types[object][t] })
}

func (w *world) initial() state { return facts(w.problem.Init) }

func facts(list []htn.Atom) state {
	s := state{}
	for _, a := range list {
		s[key(a.Pred, a.Args)] = true
	}
	return s
}

// each calls do for all values of variables, until it returns true.
func (w *world) each(vars []htn.Param, env map[string]string, do func() bool) bool {
	if len(vars) == 0 {
		return do()
	}
	old, had := env[vars[0].Name]
	found := false
	for _, o := range w.objects {
		if !w.isOf(o, vars[0].Types) {
			continue
		}
		env[vars[0].Name] = o
		if found = w.each(vars[1:], env, do); found {
			break
		}
	}
	if delete(env, vars[0].Name); had {
		env[vars[0].Name] = old
	}
	return found
}

func terms(list []string, env map[string]string) []string {
	out := slices.Clone(list)
	for i, t := range out {
		if htn.IsVar(t) {
			out[i] = env[t]
		}
	}
	return out
}

// holds evaluates a condition.
func (w *world) holds(f htn.Formula, s state, env map[string]string) bool {
	if env == nil {
		env = map[string]string{}
	}
	part := func(p htn.Formula) bool { return w.holds(p, s, env) }
	not := func(p htn.Formula) bool { return !w.holds(p, s, env) }
	switch t := terms(f.Terms, env); f.Op {
	case htn.And:
		return !slices.ContainsFunc(f.Parts, not)
	case htn.Or:
		return slices.ContainsFunc(f.Parts, part)
	case htn.Not:
		return not(f.Parts[0])
	case htn.Imply:
		return not(f.Parts[0]) || part(f.Parts[1])
	case htn.Forall:
		return !w.each(f.Vars, env, func() bool { return !w.holds(f.Parts[0], s, env) })
	case htn.Exists:
		return w.each(f.Vars, env, func() bool { return w.holds(f.Parts[0], s, env) })
	case htn.Fact:
		return s[key(f.Pred, t)]
	case htn.Equal:
		return t[0] == t[1]
	case htn.SortOf:
		return w.isOf(t[0], []string{f.Pred})
	}
	return false
}

// do is the state after an action.
func (w *world) do(s state, name string, args []string) (state, error) {
	i := slices.IndexFunc(w.domain.Actions, func(a htn.Action) bool { return a.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no such action")
	}
	a := w.domain.Actions[i]
	if len(args) != len(a.Params) {
		return nil, fmt.Errorf("it takes %d arguments", len(a.Params))
	}
	env := map[string]string{}
	for k, p := range a.Params {
		if !w.isOf(args[k], p.Types) || w.types[args[k]] == nil {
			return nil, fmt.Errorf("%s is not of %v", args[k], p.Types)
		}
		env[p.Name] = args[k]
	}
	if !w.holds(a.Pre, s, env) {
		return nil, fmt.Errorf("its precondition does not hold")
	}
	out := maps.Clone(s)
	for _, deletes := range []bool{true, false} {
		for _, e := range a.Effects {
			if e.Delete != deletes {
				continue
			}
			w.each(e.Vars, env, func() bool {
				if w.holds(e.When, s, env) {
					if k := key(e.Fact.Pred, terms(e.Fact.Args, env)); deletes {
						delete(out, k)
					} else {
						out[k] = true
					}
				}
				return false
			})
		}
	}
	return out, nil
}

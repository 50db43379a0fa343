package verify

import (
	"fmt"
	"math/rand/v2"

	"jitos.dev/tasks/htn"
)

// dice makes small problems of all that the planner knows: types, free variables,
// negation, quantifiers, conditional effects, recursion, orders.
type dice struct {
	*rand.Rand
	d *htn.Domain
	p *htn.Problem
}

func (r *dice) one(in int) bool { return r.IntN(in) == 0 }

func randomProblem(seed uint64, total bool) (*htn.Domain, *htn.Problem) {
	r := &dice{Rand: rand.New(rand.NewPCG(seed, 7)), d: &htn.Domain{Name: "d"}, p: &htn.Problem{Name: "p", Domain: "d"}}
	r.d.Types = []htn.Type{{Name: "t"}, {Name: "u", Parents: []string{"t"}}}
	for i := range 1 + r.IntN(3) {
		r.p.Objects = append(r.p.Objects, htn.Object{Name: fmt.Sprint("o", i), Types: []string{[]string{"t", "u"}[r.IntN(2)]}})
	}
	r.p.Objects = append(r.p.Objects, htn.Object{Name: "o9", Types: []string{"u"}})
	for i := range 2 + r.IntN(3) {
		r.d.Predicates = append(r.d.Predicates, htn.Predicate{Name: fmt.Sprint("p", i), Params: r.params(r.IntN(3), "?x")})
	}
	for i := range 1 + r.IntN(3) {
		r.d.Tasks = append(r.d.Tasks, htn.Task{Name: fmt.Sprint("c", i), Params: r.params(r.IntN(3), "?y")})
	}
	for i := range 2 + r.IntN(2) {
		r.d.Actions = append(r.d.Actions, r.action(i))
	}
	for i := range len(r.d.Tasks) * 2 {
		r.d.Methods = append(r.d.Methods, r.method(i, total))
	}
	for _, pr := range r.d.Predicates {
		for range 3 {
			if a := r.fact(pr, nil); !r.one(3) {
				r.p.Init = append(r.p.Init, a)
			}
		}
	}
	if r.one(3) {
		r.p.Goal = r.formula(nil, 1)
	}
	if r.one(3) {
		r.p.Net.Params = r.params(1, "?n")
	}
	r.net(&r.p.Net, r.p.Net.Params, total, 1+r.IntN(2))
	return r.d, r.p
}

func (r *dice) types() []string {
	switch r.IntN(3) {
	case 0:
		return []string{"u"}
	case 1:
		return []string{"t"}
	}
	return nil
}

func (r *dice) params(n int, name string) []htn.Param {
	var out []htn.Param
	for i := range n {
		out = append(out, htn.Param{Name: fmt.Sprint(name, i), Types: r.types()})
	}
	return out
}

// term is a variable in scope, or an object. The objects that all problems have
// come first.
func (r *dice) term(vars []htn.Param) string {
	if len(vars) > 0 && !r.one(6) {
		return vars[r.IntN(len(vars))].Name
	}
	return r.p.Objects[r.IntN(len(r.p.Objects))].Name
}

func (r *dice) terms(n int, vars []htn.Param) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = r.term(vars)
	}
	return out
}

func (r *dice) fact(p htn.Predicate, vars []htn.Param) htn.Atom {
	return htn.Atom{Pred: p.Name, Args: r.terms(len(p.Params), vars)}
}

func (r *dice) formula(vars []htn.Param, depth int) htn.Formula {
	k := r.IntN(14)
	if depth <= 0 && k > 7 {
		k = r.IntN(8)
	}
	part := func() htn.Formula { return r.formula(vars, depth-1) }
	switch {
	case k < 4:
		a := r.fact(r.d.Predicates[r.IntN(len(r.d.Predicates))], vars)
		return htn.Formula{Op: htn.Fact, Pred: a.Pred, Terms: a.Args}
	case k < 7:
		a := r.fact(r.d.Predicates[r.IntN(len(r.d.Predicates))], vars)
		return htn.Formula{Op: htn.Not, Parts: []htn.Formula{{Op: htn.Fact, Pred: a.Pred, Terms: a.Args}}}
	case k == 7:
		f := htn.Formula{Op: htn.Equal, Terms: r.terms(2, vars)}
		if r.one(2) {
			f = htn.Formula{Op: htn.Not, Parts: []htn.Formula{f}}
		}
		return f
	case k < 10:
		return htn.Formula{Op: htn.And, Parts: []htn.Formula{part(), part()}}
	case k == 10:
		return htn.Formula{Op: htn.Or, Parts: []htn.Formula{part(), part()}}
	case k == 11:
		return htn.Formula{Op: htn.Imply, Parts: []htn.Formula{part(), part()}}
	}
	more := r.params(1, fmt.Sprint("?q", depth))
	f := htn.Formula{Op: []htn.Op{htn.Forall, htn.Exists}[k-12], Vars: more}
	f.Parts = []htn.Formula{r.formula(append(more, vars...), depth-1)}
	if r.one(3) {
		f = htn.Formula{Op: htn.Not, Parts: []htn.Formula{f}}
	}
	return f
}

func (r *dice) action(i int) htn.Action {
	a := htn.Action{Name: fmt.Sprint("a", i), Params: r.params(r.IntN(3), "?a")}
	if !r.one(4) {
		a.Pre = r.formula(a.Params, 2)
	}
	for range 1 + r.IntN(3) {
		e := htn.Effect{Delete: r.one(2)}
		vars := a.Params
		if r.one(6) {
			e.Vars = r.params(1, "?e")
			vars = append(e.Vars, vars...)
		}
		if r.one(5) {
			e.When = r.formula(vars, 1)
		}
		e.Fact = r.fact(r.d.Predicates[r.IntN(len(r.d.Predicates))], vars)
		a.Effects = append(a.Effects, e)
	}
	return a
}

func (r *dice) method(i int, total bool) htn.Method {
	t := r.d.Tasks[i%len(r.d.Tasks)]
	m := htn.Method{Name: fmt.Sprint("m", i), Task: t.Name, Params: r.params(len(t.Params)+r.IntN(2), "?m")}
	for k := range t.Params {
		m.Args = append(m.Args, m.Params[k].Name)
	}
	if len(m.Args) > 0 && r.one(8) {
		m.Args[0] = r.term(m.Params)
	}
	if r.one(2) {
		m.Pre = r.formula(m.Params, 2)
	}
	if r.one(4) && len(m.Params) > 1 {
		m.Net.Constraints = htn.Formula{Op: htn.Not, Parts: []htn.Formula{{Op: htn.Equal, Terms: []string{m.Params[0].Name, m.Params[1].Name}}}}
	}
	r.net(&m.Net, m.Params, total, r.IntN(4))
	return m
}

func (r *dice) net(n *htn.Network, vars []htn.Param, total bool, size int) {
	for i := range size {
		st := htn.Step{ID: fmt.Sprint("s", i)}
		if k := r.IntN(len(r.d.Tasks) + 2*len(r.d.Actions)); k < len(r.d.Tasks) {
			st.Task, st.Args = r.d.Tasks[k].Name, r.terms(len(r.d.Tasks[k].Params), vars)
		} else {
			a := r.d.Actions[k%len(r.d.Actions)]
			st.Task, st.Args = a.Name, r.terms(len(a.Params), vars)
		}
		n.Steps = append(n.Steps, st)
		for k := range i {
			if total && k == i-1 || !total && r.one(3) {
				n.Order = append(n.Order, [2]int{k, i})
			}
		}
	}
}

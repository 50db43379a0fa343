package verify

import (
	"slices"
	"strings"
	"testing"

	"jitos.dev/tasks/htn"
)

// changed is a problem of which some facts are otherwise at first.
func changed(p *htn.Problem, set []htn.Change) *htn.Problem {
	out := *p
	out.Init = nil
	is := func(a htn.Atom) bool {
		return slices.ContainsFunc(set, func(c htn.Change) bool { return c.Fact.String() == a.String() })
	}
	for _, a := range p.Init {
		if !is(a) {
			out.Init = append(out.Init, a)
		}
	}
	for _, c := range set {
		if !c.Not {
			out.Init = append(out.Init, c.Fact)
		}
	}
	return &out
}

// changes lists every change of one fact that the types allow.
func changes(d *htn.Domain, p *htn.Problem) []htn.Change {
	w := newWorld(d, p)
	first := w.initial()
	var out []htn.Change
	for _, pr := range d.Predicates {
		env := map[string]string{}
		w.each(pr.Params, env, func() bool {
			a := htn.Atom{Pred: pr.Name}
			for _, v := range pr.Params {
				a.Args = append(a.Args, env[v.Name])
			}
			out = append(out, htn.Change{Not: first[key(a.Pred, a.Args)], Fact: a})
			return false
		})
	}
	return out
}

// TestWhyNoneAgainstAllThereIs: what is said to be enough is, and what is said to be
// the least is less than anything else that trying every fact finds.
func TestWhyNoneAgainstAllThereIs(t *testing.T) {
	ones, more, proven := 0, 0, 0
	for seed := range uint64(300) {
		d, p := randomProblem(seed, seed%2 == 0)
		if found, sure := Exists(d, p, 300); found || !sure {
			continue
		}
		why, err := htn.WhyNone(d, p, htn.Options{Nodes: 20_000})
		if err != nil || why == nil {
			t.Fatalf("seed %d: %v, and there is no plan: %v", seed, why, err)
		}
		single := ""
		for _, c := range changes(d, p) {
			if found, _ := Exists(d, changed(p, []htn.Change{c}), 300); found {
				single = c.String()
				break
			}
		}
		switch {
		case len(why.Enough) > 0:
			n := len(why.Enough[0].Changes)
			for _, r := range why.Enough {
				if found, sure := Exists(d, changed(p, r.Changes), 3000); !found && sure || len(r.Changes) != n {
					t.Errorf("seed %d: %v is not enough", seed, r)
				}
			}
			if n > 1 && why.Least && single != "" {
				t.Errorf("seed %d: nothing less than %v is said to be enough, and %s is", seed, why.Enough, single)
			}
			if n == 1 {
				ones++
			} else {
				more++
			}
			if why.Least {
				proven++
			}
		case single != "" && !why.Partial && !conditional(d):
			t.Errorf("seed %d: nothing is said to be enough, and %s is\n%s", seed, single, why)
		}
		if len(why.Blocking) > 0 && !strings.Contains(why.String(), why.Blocking[0].String()) {
			t.Errorf("seed %d: %s", seed, why)
		}
	}
	t.Logf("%d of one fact, %d of more, %d proven to be least", ones, more, proven)
	if ones < 30 || more < 3 || proven < 10 {
		t.Errorf("%d of one fact, %d of more, %d proven to be least say little", ones, more, proven)
	}
}

// conditional reports whether there is a condition that is no conjunction of
// literals, of which WhyNone does not know what would make it so.
func conditional(d *htn.Domain) bool {
	var odd func(f htn.Formula) bool
	odd = func(f htn.Formula) bool {
		switch f.Op {
		case htn.Or, htn.Imply, htn.Forall, htn.Exists:
			return true
		case htn.Not:
			return f.Parts[0].Op != htn.Fact && f.Parts[0].Op != htn.Equal
		}
		return slices.ContainsFunc(f.Parts, odd)
	}
	return slices.ContainsFunc(d.Actions, func(a htn.Action) bool {
		return odd(a.Pre) || slices.ContainsFunc(a.Effects, func(e htn.Effect) bool { return len(e.When.Parts) > 0 || e.When.Op != htn.And })
	}) || slices.ContainsFunc(d.Methods, func(m htn.Method) bool { return odd(m.Pre) })
}

// TestWhyNoneTells looks at what is said of problems that a person would make.
func TestWhyNoneTells(t *testing.T) {
	const head = "(define (problem p) (:domain freight) (:objects v - van a b c - place s0 s1 - size x - parcel) "
	for _, c := range []struct{ name, problem, want string }{
		{"no road", head + "(:htn :ordered-subtasks (and (deliver x c))) (:init (at v a) (at x a) (road a b) (less s0 s1) (room v s1)))", "(road b c)"},
		{"no room", head + "(:htn :ordered-subtasks (and (deliver x b))) (:init (at v a) (at x a) (road a b) (less s0 s1)))", "(room v s1)"},
		{"no van", head + "(:htn :ordered-subtasks (and (deliver x b))) (:init (at x a) (road a b) (less s0 s1) (room v s1)))", "(at v a)"},
		{"neither", head + "(:htn :ordered-subtasks (and (deliver x b))) (:init (at x a) (road a b) (less s0 s1)))", "(at v a) and (room v s1)"},
	} {
		d, p, m := instance(t, "freight", c.problem)
		if r, err := m.Plan(htn.Options{}); err != nil || r.Verdict != htn.None {
			t.Fatal(c.name, r, err)
		}
		why, err := htn.WhyNone(d, p, htn.Options{})
		if err != nil || why == nil {
			t.Fatal(c.name, err)
		}
		if !why.Least || why.Partial || !slices.ContainsFunc(why.Enough, func(r htn.Remedy) bool { return r.String() == c.want }) {
			t.Errorf("%s: it should be %s\n%s", c.name, c.want, why)
		}
		again, err := htn.WhyNone(d, p, htn.Options{})
		if err != nil || again.String() != why.String() {
			t.Errorf("%s: the second time it is\n%s\nand was\n%s", c.name, again, why)
		}
		t.Logf("%s\n%s", c.name, why)
	}
}

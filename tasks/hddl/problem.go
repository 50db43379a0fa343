package hddl

import (
	"slices"
	"strings"

	"jitos.dev/tasks/htn"
)

// ReadProblem reads a problem of a domain. That it names another is no fault. The
// error is an *Error.
func ReadProblem(file string, data []byte, d *htn.Domain) (p *htn.Problem, err error) {
	defer catch(&err)
	root, err := parse(file, data)
	if err != nil {
		return nil, err
	}
	r := newReader(file, trim(data))
	r.know(d)
	p = &htn.Problem{}
	var parts []sexp
	p.Name, parts = r.define(&root, "problem")
	for i := range parts {
		if s := &parts[i]; s.head() == ":objects" {
			p.Objects = r.readObjects(p.Objects, s.list[1:])
		}
	}
	seen := map[string]bool{}
	for i := range parts {
		s := &parts[i]
		head := s.head()
		if seen[head] && head != ":objects" {
			r.stop(s, "%s stands twice", head)
		}
		seen[head] = true
		r.part(p, s, head)
	}
	return p, nil
}

// know takes in what a domain declares.
func (r *reader) know(d *htn.Domain) {
	for _, t := range d.Types {
		r.types.add(t.Name)
	}
	for _, o := range d.Constants {
		r.objects.add(o.Name)
	}
	for i, p := range d.Predicates {
		r.preds[strings.ToLower(p.Name)] = &d.Predicates[i]
	}
	for i, p := range d.Functions {
		r.funcs[strings.ToLower(p.Name)] = &d.Functions[i]
	}
	for _, t := range d.Tasks {
		r.arity[strings.ToLower(r.tasks.add(t.Name))] = len(t.Params)
	}
	for _, a := range d.Actions {
		r.arity[strings.ToLower(r.tasks.add(a.Name))] = len(a.Params)
	}
}

func (r *reader) part(p *htn.Problem, s *sexp, head string) {
	switch head {
	case ":domain":
		if len(s.list) == 2 {
			p.Domain = s.list[1].word
		}
	case ":objects", ":requirements":
	case ":htn", ":htnti":
		f := r.fields(s, 1)
		r.only(s, f, append([]string{":parameters"}, netFields...)...)
		params := r.params(f[":parameters"])
		p.Net = r.network(f, params)
		p.Net.Params = params
	case ":init":
		r.init(p, s)
	case ":goal":
		if len(s.list) > 2 {
			r.stop(s, "a goal is one condition")
		}
		for i := range s.list[1:] {
			p.Goal = r.formula(&s.list[1+i], nil)
		}
	case ":metric":
		p.Costs = true
		if len(s.list) != 3 || !strings.EqualFold(s.list[1].word, "minimize") {
			r.stop(s, "(:metric minimize (FUNCTION)) is expected")
		}
	default:
		r.stop(s, "a part of a problem is expected: :domain, :objects, :htn, :init, :goal, :metric")
	}
}

func (r *reader) init(p *htn.Problem, s *sexp) {
	list := s.list[1:]
	if len(list) == 1 && list[0].head() == "and" {
		list = list[0].list[1:]
	}
	seen := map[string]bool{}
	for i := range list {
		x := &list[i]
		switch {
		case x.head() == "=" && len(x.list) == 3 && (x.list[1].isList() || r.funcs[strings.ToLower(x.list[1].word)] != nil):
			f, args := r.function(&x.list[1], nil)
			p.Values = append(p.Values, htn.Value{Function: f, Args: args, N: r.number(&x.list[2])})
		case x.head() == "not" && len(x.list) == 2:
			r.fact(&x.list[1], nil) // what does not stand here is false anyway
		default:
			a := r.fact(x, nil)
			if key := a.String(); !seen[key] {
				seen[key] = true
				p.Init = append(p.Init, a)
			}
		}
	}
	p.Init = slices.Clip(p.Init)
}

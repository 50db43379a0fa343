package hddl

import (
	"slices"
	"strconv"
	"strings"

	"jitos.dev/tasks/htn"
)

// scope is the variables that may stand in a place.
type scope []htn.Param

func (sc scope) has(name string) bool {
	return slices.ContainsFunc(sc, func(p htn.Param) bool { return p.Name == name })
}

func (r *reader) readAction(s *sexp) htn.Action {
	f := r.fields(s, 2)
	r.only(s, f, ":parameters", ":precondition", ":effect")
	a := htn.Action{Name: r.name(s), Params: r.params(f[":parameters"])}
	sc := scope(a.Params)
	a.Pre = r.formula(f[":precondition"], sc)
	if e := f[":effect"]; e != nil {
		r.effects(&a, e, sc, nil, htn.Formula{})
	}
	return a
}

func (r *reader) readMethod(s *sexp) htn.Method {
	f := r.fields(s, 2)
	r.only(s, f, append([]string{":parameters", ":task", ":precondition"}, netFields...)...)
	m := htn.Method{Name: r.name(s), Params: r.params(f[":parameters"])}
	sc := scope(m.Params)
	if f[":task"] == nil {
		r.stop(s, "method %s says by no :task what it does", m.Name)
	}
	t := r.step(f[":task"], sc)
	m.Task, m.Args = t.Task, t.Args
	m.Pre = r.formula(f[":precondition"], sc)
	m.Net = r.network(f, sc)
	return m
}

var netFields = []string{":subtasks", ":tasks", ":ordered-subtasks", ":ordered-tasks", ":ordering", ":constraints"}

// network reads the fields of a network under all their names.
func (r *reader) network(f map[string]*sexp, sc scope) htn.Network {
	var n htn.Network
	var from string
	for _, key := range netFields[:4] {
		s, ok := f[key]
		if !ok {
			continue
		}
		if from != "" {
			if s != nil {
				r.stop(s, "both %s and %s stand here", from, key)
			}
			continue
		}
		from = key
		if s != nil {
			n.Steps = r.steps(s, sc)
		}
		if strings.HasPrefix(key, ":ordered") {
			for i := 1; i < len(n.Steps); i++ {
				n.Order = append(n.Order, [2]int{i - 1, i})
			}
		}
	}
	if o := f[":ordering"]; o != nil {
		r.ordering(&n, o)
	}
	n.Constraints = r.formula(f[":constraints"], sc)
	return n
}

// several reads () and (and) as nothing, (and a b) as two, and a as one.
func several(s *sexp) []sexp {
	switch {
	case s.isList() && len(s.list) == 0:
		return nil
	case s.head() == "and" && (len(s.list) == 1 || s.list[1].isList()):
		return s.list[1:]
	}
	return []sexp{*s}
}

func (r *reader) steps(s *sexp, sc scope) []htn.Step {
	var out []htn.Step
	ids := map[string]bool{}
	list := several(s)
	for i := range list {
		x := &list[i]
		id := ""
		if len(x.list) == 2 && x.list[1].isList() && !x.list[0].isList() {
			id, x = strings.ToLower(x.list[0].word), &x.list[1]
			if ids[id] {
				r.stop(&list[i], "two steps are called %s", id)
			}
			ids[id] = true
		}
		st := r.step(x, sc)
		st.ID = id
		out = append(out, st)
	}
	return out
}

// step reads (task arg ...).
func (r *reader) step(s *sexp, sc scope) htn.Step {
	if len(s.list) == 0 || s.list[0].isList() {
		r.stop(s, "a task is expected: (NAME argument ...)")
	}
	name, ok := r.tasks.get(s.list[0].word)
	if !ok {
		r.stop(s, "there is neither a task nor an action %q", s.list[0].word)
	}
	if n := r.arity[strings.ToLower(name)]; n != len(s.list)-1 {
		r.stop(s, "%s takes %d arguments, and %d stand here", name, n, len(s.list)-1)
	}
	return htn.Step{Task: name, Args: r.terms(s.list[1:], sc)}
}

func (r *reader) terms(list []sexp, sc scope) []string {
	out := make([]string, len(list))
	for i := range list {
		w := list[i].word
		switch {
		case list[i].isList():
			r.stop(&list[i], "a variable or an object is expected, not a bracket")
		case htn.IsVar(w):
			w = strings.ToLower(w)
			if !sc.has(w) {
				r.stop(&list[i], "%s is no variable here", w)
			}
			out[i] = w
		default:
			name, ok := r.objects.get(w)
			if !ok {
				r.stop(&list[i], "there is no object %q", w)
			}
			out[i] = name
		}
	}
	return out
}

func (r *reader) ordering(n *htn.Network, s *sexp) {
	list := several(s)
	find := func(x *sexp) int {
		i := slices.IndexFunc(n.Steps, func(st htn.Step) bool { return st.ID != "" && st.ID == strings.ToLower(x.word) })
		if i < 0 {
			r.stop(x, "no step is called %q", x.word)
		}
		return i
	}
	for i := range list {
		x := &list[i]
		if len(x.list) != 3 {
			r.stop(x, "(< A B) is expected")
		}
		a, b := &x.list[1], &x.list[2]
		if x.list[1].word == "<" {
			a = &x.list[0]
		} else if x.list[0].word != "<" {
			r.stop(x, "(< A B) is expected")
		}
		n.Order = append(n.Order, [2]int{find(a), find(b)})
	}
}

// formula reads a condition; nil and () are true.
func (r *reader) formula(s *sexp, sc scope) htn.Formula {
	if s == nil || s.isList() && len(s.list) == 0 {
		return htn.Formula{}
	}
	if !s.isList() || s.list[0].isList() {
		r.stop(s, "a condition is expected")
	}
	parts := s.list[1:]
	all := func(op htn.Op, sc scope, parts []sexp) htn.Formula {
		f := htn.Formula{Op: op}
		for i := range parts {
			f.Parts = append(f.Parts, r.formula(&parts[i], sc))
		}
		return f
	}
	count := func(n int) {
		if len(parts) != n {
			r.stop(s, "%s takes %d parts, and %d stand here", s.head(), n, len(parts))
		}
	}
	switch head := s.head(); head {
	case "and":
		return all(htn.And, sc, parts)
	case "or":
		return all(htn.Or, sc, parts)
	case "not":
		count(1)
		return all(htn.Not, sc, parts)
	case "imply":
		count(2)
		return all(htn.Imply, sc, parts)
	case "forall", "exists":
		count(2)
		op := htn.Forall
		if head == "exists" {
			op = htn.Exists
		}
		vars := r.params(&parts[0])
		f := all(op, sc.with(vars), parts[1:])
		f.Vars = vars
		return f
	case "=":
		count(2)
		if parts[0].isList() || parts[1].isList() {
			r.stop(s, "numbers are costs here, and cannot be compared")
		}
		return htn.Formula{Op: htn.Equal, Terms: r.terms(parts, sc)}
	case "sortof", "typeof":
		args := slices.DeleteFunc(slices.Clone(parts), func(x sexp) bool { return x.word == "-" })
		if len(args) != 2 {
			r.stop(s, "(sortof ?x - type) is expected")
		}
		return htn.Formula{Op: htn.SortOf, Pred: r.typeNames(args[1:])[0], Terms: r.terms(args[:1], sc)}
	case "<", ">", "<=", ">=":
		r.stop(s, "numbers are costs here, and cannot be compared")
	}
	a := r.fact(s, sc)
	return htn.Formula{Op: htn.Fact, Pred: a.Pred, Terms: a.Args}
}

// with puts variables before those that they hide.
func (sc scope) with(vars []htn.Param) scope { return append(slices.Clone(scope(vars)), sc...) }

func (r *reader) fact(s *sexp, sc scope) htn.Atom {
	if len(s.list) == 0 || s.list[0].isList() {
		r.stop(s, "a fact is expected: (NAME argument ...)")
	}
	p := r.preds[s.head()]
	if p == nil {
		r.stop(s, "there is no predicate %q", s.list[0].word)
	}
	if len(p.Params) != len(s.list)-1 {
		r.stop(s, "%s takes %d arguments, and %d stand here", p.Name, len(p.Params), len(s.list)-1)
	}
	return htn.Atom{Pred: p.Name, Args: r.terms(s.list[1:], sc)}
}

func (r *reader) effects(a *htn.Action, s *sexp, sc scope, vars []htn.Param, when htn.Formula) {
	switch s.head() {
	case "":
		if s.isList() && len(s.list) == 0 {
			return
		}
		r.stop(s, "an effect is expected")
	case "and":
		for i := range s.list[1:] {
			r.effects(a, &s.list[1+i], sc, vars, when)
		}
	case "forall":
		if len(s.list) != 3 {
			r.stop(s, "(forall (?x - type) EFFECT) is expected")
		}
		more := r.params(&s.list[1])
		r.effects(a, &s.list[2], sc.with(more), append(slices.Clone(vars), more...), when)
	case "when":
		if len(s.list) != 3 {
			r.stop(s, "(when CONDITION EFFECT) is expected")
		}
		cond := r.formula(&s.list[1], sc)
		if len(when.Parts) > 0 || when.Op != htn.And {
			cond = htn.Formula{Op: htn.And, Parts: []htn.Formula{when, cond}}
		}
		r.effects(a, &s.list[2], sc, vars, cond)
	case "increase":
		a.Costs = append(a.Costs, r.cost(s, sc))
	case "decrease", "assign", "scale-up", "scale-down":
		r.stop(s, "of numbers only increase is known, as a cost")
	case "not":
		if len(s.list) != 2 {
			r.stop(s, "(not FACT) is expected")
		}
		a.Effects = append(a.Effects, htn.Effect{Vars: vars, When: when, Delete: true, Fact: r.fact(&s.list[1], sc)})
	default:
		a.Effects = append(a.Effects, htn.Effect{Vars: vars, When: when, Fact: r.fact(s, sc)})
	}
}

func (r *reader) number(s *sexp) int64 {
	f, err := strconv.ParseFloat(s.word, 64)
	if err != nil || f != float64(int64(f)) || f < 0 || f > 1<<40 {
		r.stop(s, "%q is no whole number from 0 to %d", s.word, int64(1)<<40)
	}
	return int64(f)
}

// function reads (f arg ...), or f.
func (r *reader) function(s *sexp, sc scope) (string, []string) {
	word, args := s, []sexp(nil)
	if s.isList() && len(s.list) > 0 {
		word, args = &s.list[0], s.list[1:]
	}
	f := r.funcs[strings.ToLower(word.word)]
	if f == nil {
		r.stop(s, "there is no function %q", word.word)
	}
	if len(args) != len(f.Params) {
		r.stop(s, "%s takes %d arguments, and %d stand here", f.Name, len(f.Params), len(args))
	}
	return f.Name, r.terms(args, sc)
}

func (r *reader) cost(s *sexp, sc scope) htn.Cost {
	if len(s.list) != 3 {
		r.stop(s, "(increase (FUNCTION) AMOUNT) is expected")
	}
	r.function(&s.list[1], sc)
	by := &s.list[2]
	if !by.isList() && by.word[0] >= '0' && by.word[0] <= '9' {
		return htn.Cost{N: r.number(by)}
	}
	f, args := r.function(by, sc)
	return htn.Cost{Function: f, Args: args}
}

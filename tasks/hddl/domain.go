package hddl

import (
	"strings"

	"jitos.dev/tasks/htn"
)

// names maps what is declared, in lower case, to how it was spelled then.
type names map[string]string

func (n names) add(spelled string) string {
	low := strings.ToLower(spelled)
	if old, ok := n[low]; ok {
		return old
	}
	n[low] = spelled
	return spelled
}

func (n names) get(spelled string) (string, bool) {
	s, ok := n[strings.ToLower(spelled)]
	return s, ok
}

// reader reads one file. It panics with an *Error, which the two exported
// functions recover: a reader of twenty kinds of brackets is read more easily
// without an error at each.
type reader struct {
	file    string
	data    []byte
	types   names
	objects names
	preds   map[string]*htn.Predicate
	funcs   map[string]*htn.Predicate
	arity   map[string]int // of tasks and actions, by lower case
	tasks   names
}

func (r *reader) stop(at *sexp, format string, args ...any) {
	panic(fault(r.file, r.data, int(at.off), format, args...))
}

func catch(err *error) {
	switch e := recover().(type) {
	case nil:
	case *Error:
		*err = e
	default:
		panic(e)
	}
}

func newReader(file string, data []byte) *reader {
	return &reader{
		file: file, data: data, types: names{}, objects: names{}, tasks: names{},
		preds: map[string]*htn.Predicate{}, funcs: map[string]*htn.Predicate{}, arity: map[string]int{},
	}
}

// define checks (define (sort name) ...) and returns the name and the rest.
func (r *reader) define(root *sexp, sort string) (string, []sexp) {
	if root.head() != "define" || len(root.list) < 2 {
		r.stop(root, "a file begins with (define (%s NAME)", sort)
	}
	name := &root.list[1]
	if name.head() != sort || len(name.list) != 2 || name.list[1].isList() {
		r.stop(name, "(%s NAME) is expected here", sort)
	}
	return name.list[1].word, root.list[2:]
}

// ReadDomain reads a domain. The error is an *Error.
func ReadDomain(file string, data []byte) (d *htn.Domain, err error) {
	defer catch(&err)
	root, err := parse(file, data)
	if err != nil {
		return nil, err
	}
	r := newReader(file, trim(data))
	d = &htn.Domain{}
	var parts []sexp
	d.Name, parts = r.define(&root, "domain")
	// What is declared comes first, wherever it stands.
	for pass := range 3 {
		for i := range parts {
			r.section(d, &parts[i], pass)
		}
	}
	return d, nil
}

// trim takes off what parse does, so that offsets are of the same bytes.
func trim(data []byte) []byte { return []byte(strings.TrimPrefix(string(data), "\ufeff")) }

// section reads one part of a domain: types in pass 0, other declarations in
// pass 1, bodies in pass 2.
func (r *reader) section(d *htn.Domain, s *sexp, pass int) {
	switch head := s.head(); head {
	case ":requirements":
	case ":types":
		if pass == 0 {
			r.readTypes(d, s.list[1:])
		}
	case ":constants":
		if pass == 1 {
			d.Constants = r.readObjects(d.Constants, s.list[1:])
		}
	case ":predicates":
		if pass == 1 {
			for i := range s.list[1:] {
				d.Predicates = r.declare(d.Predicates, r.preds, &s.list[1+i])
			}
		}
	case ":functions":
		if pass == 1 {
			for i := 1; i < len(s.list); i++ {
				if s.list[i].word == "-" { // "- number"
					i++
					continue
				}
				d.Functions = r.declare(d.Functions, r.funcs, &s.list[i])
			}
		}
	case ":task":
		if pass == 1 {
			f := r.fields(s, 2)
			t := htn.Task{Name: r.name(s), Params: r.params(f[":parameters"])}
			r.declareTask(&s.list[1], len(t.Params))
			d.Tasks = append(d.Tasks, t)
		}
	case ":action":
		if pass == 1 {
			r.declareTask(&s.list[min(1, len(s.list)-1)], len(r.params(r.fields(s, 2)[":parameters"])))
		}
		if pass == 2 {
			d.Actions = append(d.Actions, r.readAction(s))
		}
	case ":method":
		if pass == 2 {
			d.Methods = append(d.Methods, r.readMethod(s))
		}
	default:
		r.stop(s, "a part of a domain is expected: :types, :predicates, :task, :method, :action")
	}
}

func (r *reader) name(s *sexp) string {
	if len(s.list) < 2 || s.list[1].isList() {
		r.stop(s, "a name is expected after %s", s.head())
	}
	return s.list[1].word
}

func (r *reader) declareTask(s *sexp, arity int) {
	if _, twice := r.tasks.get(s.word); twice {
		r.stop(s, "%s is declared twice", s.word)
	}
	r.tasks.add(s.word)
	r.arity[strings.ToLower(s.word)] = arity
}

// fields reads :key value pairs from a position on. A key without a value has a
// nil one: what follows is a key again.
func (r *reader) fields(s *sexp, from int) map[string]*sexp {
	out := map[string]*sexp{}
	for i := from; i < len(s.list); i++ {
		key := &s.list[i]
		if !strings.HasPrefix(key.word, ":") {
			r.stop(key, "a word that begins with : is expected, as :parameters")
		}
		low := strings.ToLower(key.word)
		if _, twice := out[low]; twice {
			r.stop(key, "%s stands twice", low)
		}
		out[low] = nil
		if i+1 < len(s.list) && !strings.HasPrefix(s.list[i+1].word, ":") {
			i++
			out[low] = &s.list[i]
		}
	}
	return out
}

// only refuses fields that are none of those.
func (r *reader) only(s *sexp, f map[string]*sexp, known ...string) {
	for i := range s.list {
		w := strings.ToLower(s.list[i].word)
		if _, is := f[w]; !is {
			continue
		}
		ok := false
		for _, k := range known {
			ok = ok || k == w
		}
		if !ok {
			r.stop(&s.list[i], "%s is not known here; known are %s", w, strings.Join(known, ", "))
		}
	}
}

// typed calls f for each name of "a b - t  c - (either t u)  d".
func (r *reader) typed(list []sexp, f func(name *sexp, types []sexp)) {
	from := 0
	for i := 0; i < len(list); i++ {
		if list[i].word != "-" {
			if list[i].isList() {
				r.stop(&list[i], "a name is expected, not a bracket")
			}
			continue
		}
		if i+1 == len(list) {
			r.stop(&list[i], "a type is expected after -")
		}
		types := list[i+1 : i+2]
		if t := &list[i+1]; t.isList() {
			if t.head() != "either" {
				r.stop(t, "a type is a name, or (either A B)")
			}
			types = t.list[1:]
		}
		for j := from; j < i; j++ {
			f(&list[j], types)
		}
		i++
		from = i + 1
	}
	for j := from; j < len(list); j++ {
		f(&list[j], nil)
	}
}

func (r *reader) readTypes(d *htn.Domain, list []sexp) {
	at := map[string]int{}
	add := func(s *sexp) int {
		if s.isList() || s.word == "-" {
			r.stop(s, "the name of a type is expected")
		}
		name := r.types.add(s.word)
		i, ok := at[name]
		if !ok {
			i = len(d.Types)
			at[name] = i
			d.Types = append(d.Types, htn.Type{Name: name})
		}
		return i
	}
	isObject := func(s *sexp) bool { return strings.EqualFold(s.word, htn.ObjectType) }
	r.typed(list, func(name *sexp, types []sexp) {
		if isObject(name) {
			return // it is there, and above all
		}
		i := add(name)
		for j := range types {
			if isObject(&types[j]) {
				continue
			}
			p := d.Types[add(&types[j])].Name
			d.Types[i].Parents = append(d.Types[i].Parents, p)
		}
	})
}

// typeNames resolves types; object is always one.
func (r *reader) typeNames(list []sexp) []string {
	var out []string
	for i := range list {
		name, ok := r.types.get(list[i].word)
		if !ok {
			if !strings.EqualFold(list[i].word, htn.ObjectType) {
				r.stop(&list[i], "there is no type %q", list[i].word)
			}
			name = htn.ObjectType
		}
		out = append(out, name)
	}
	return out
}

func (r *reader) readObjects(to []htn.Object, list []sexp) []htn.Object {
	r.typed(list, func(name *sexp, types []sexp) {
		if htn.IsVar(name.word) {
			r.stop(name, "%s is a variable, and an object is expected", name.word)
		}
		spelled := r.objects.add(name.word)
		to = append(to, htn.Object{Name: spelled, Types: r.typeNames(types)})
	})
	return to
}

// params reads variables. Their names are in lower case from here on.
func (r *reader) params(s *sexp) []htn.Param {
	if s == nil {
		return nil
	}
	if !s.isList() {
		r.stop(s, "variables in brackets are expected")
	}
	var out []htn.Param
	seen := map[string]bool{}
	r.typed(s.list, func(name *sexp, types []sexp) {
		if !htn.IsVar(name.word) {
			r.stop(name, "a variable begins with ?, and %q does not", name.word)
		}
		low := strings.ToLower(name.word)
		if seen[low] {
			r.stop(name, "%s stands twice", name.word)
		}
		seen[low] = true
		out = append(out, htn.Param{Name: low, Types: r.typeNames(types)})
	})
	return out
}

func (r *reader) declare(to []htn.Predicate, in map[string]*htn.Predicate, s *sexp) []htn.Predicate {
	if len(s.list) == 0 || s.list[0].isList() {
		r.stop(s, "(NAME ?variable - type ...) is expected")
	}
	args := sexp{list: s.list[1:], off: s.off}
	p := htn.Predicate{Name: s.list[0].word, Params: r.params(&args)}
	low := strings.ToLower(p.Name)
	if _, twice := in[low]; twice {
		r.stop(s, "%s is declared twice", p.Name)
	}
	in[low] = &p
	return append(to, p)
}

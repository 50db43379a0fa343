package htn

import (
	"fmt"
	"slices"
)

// conj is a condition as far as it is a conjunction: literals to join over, and
// what else has to be evaluated once all variables have values.
type conj struct {
	pos, neg []lit
	eq, neq  [][2]int32 // terms
	conds    []*cond
	need     []int32 // slots that must have a value before neg, eq, neq, conds are looked at
	env      int
}

type lit struct {
	pred int32
	args []int32
}

// cond is a condition to evaluate.
type cond struct {
	op    Op // And, Or, Fact, Equal, SortOf, Forall, Exists
	neg   bool
	parts []*cond
	pred  int32 // of a SortOf the type
	args  []int32
	vars  []int32 // slots of a quantifier, of which typs are the types
	typs  []int32
}

// scope compiles the conditions of one schema.
type scope struct {
	c      *compiler
	what   string
	names  []string // by slot; the last of a name counts
	schema schema
}

func (c *compiler) scope(what string) *scope { return &scope{c: c, what: what} }

// declare gives a variable its slot.
func (s *scope) declare(p Param) (int32, error) {
	t, err := s.c.union(p.Types)
	if err != nil {
		return 0, fmt.Errorf("%s: %s: %w", s.what, p.Name, err)
	}
	if len(s.names) == maxSlots {
		return 0, fmt.Errorf("%s: more than %d variables", s.what, maxSlots)
	}
	s.names = append(s.names, p.Name)
	s.schema.types = append(s.schema.types, t)
	return int32(len(s.names) - 1), nil
}

func (s *scope) params(list []Param) error {
	for _, p := range list {
		if _, err := s.declare(p); err != nil {
			return err
		}
	}
	s.schema.params = len(list)
	return nil
}

// done is the schema, after all of its conditions.
func (s *scope) done(name string) schema {
	s.schema.name, s.schema.env = name, len(s.names)
	s.schema.slots = max(s.schema.slots, s.schema.params)
	return s.schema
}

func (s *scope) term(name string) (int32, error) {
	if IsVar(name) {
		for i := len(s.names) - 1; i >= 0; i-- {
			if s.names[i] == name {
				return int32(i), nil
			}
		}
		return 0, fmt.Errorf("%s: %s is no variable here", s.what, name)
	}
	o, ok := s.c.objs[name]
	if !ok {
		return 0, fmt.Errorf("%s: there is no object %q", s.what, name)
	}
	return ^o, nil
}

func (s *scope) terms(names []string) ([]int32, error) {
	out := make([]int32, len(names))
	for i, n := range names {
		t, err := s.term(n)
		if err != nil {
			return nil, err
		}
		out[i] = t
	}
	return out, nil
}

func (s *scope) fact(pred string, terms []string) (lit, error) {
	p, ok := s.c.predNo[pred]
	if !ok {
		return lit{}, fmt.Errorf("%s: there is no predicate %q", s.what, pred)
	}
	if s.c.preds[p].arity != len(terms) {
		return lit{}, fmt.Errorf("%s: %s takes %d arguments, and %d stand here", s.what, pred, s.c.preds[p].arity, len(terms))
	}
	args, err := s.terms(terms)
	return lit{p, args}, err
}

// conj takes a formula into a conjunction, negated if neg.
func (s *scope) conj(to *conj, f Formula, neg bool) error {
	switch {
	case f.Op == And && !neg, f.Op == Or && neg:
		for _, p := range f.Parts {
			if err := s.conj(to, p, neg); err != nil {
				return err
			}
		}
		return nil
	case f.Op == Not && len(f.Parts) == 1:
		return s.conj(to, f.Parts[0], !neg)
	case f.Op == Imply && neg && len(f.Parts) == 2:
		if err := s.conj(to, f.Parts[0], false); err != nil {
			return err
		}
		return s.conj(to, f.Parts[1], true)
	case f.Op == Fact:
		l, err := s.fact(f.Pred, f.Terms)
		if err != nil {
			return err
		}
		if neg {
			to.neg = append(to.neg, l)
			to.needs(l.args)
		} else {
			to.pos = append(to.pos, l)
		}
		return nil
	case f.Op == Equal && len(f.Terms) == 2:
		t, err := s.terms(f.Terms)
		if err != nil {
			return err
		}
		to.needs(t)
		if neg {
			to.neq = append(to.neq, [2]int32{t[0], t[1]})
		} else {
			to.eq = append(to.eq, [2]int32{t[0], t[1]})
		}
		return nil
	case f.Op == Exists && !neg && len(f.Parts) == 1 && len(s.names) == max(s.schema.slots, s.schema.params):
		// Its variables are found as the schema's own are.
		from := len(s.names)
		for _, v := range f.Vars {
			i, err := s.declare(v)
			if err != nil {
				return err
			}
			to.needs([]int32{i})
		}
		s.schema.slots = len(s.names)
		err := s.conj(to, f.Parts[0], false)
		for i := from; i < from+len(f.Vars); i++ {
			s.names[i] = "" // out of scope
		}
		return err
	case f.Op == SortOf && !neg && len(f.Terms) == 1:
		return s.sortOf(to, f)
	}
	k, err := s.cond(f, neg)
	if err != nil {
		return err
	}
	to.conds = append(to.conds, k)
	s.free(k, to)
	return nil
}

// sortOf narrows the type of a variable.
func (s *scope) sortOf(to *conj, f Formula) error {
	t, err := s.terms(f.Terms)
	if err != nil {
		return err
	}
	typ, ok := s.c.types[f.Pred]
	if !ok {
		return fmt.Errorf("%s: there is no type %q", s.what, f.Pred)
	}
	if t[0] < 0 {
		to.conds = append(to.conds, &cond{op: SortOf, pred: typ, args: t})
		return nil
	}
	s.schema.types[t[0]] = s.c.meet(s.schema.types[t[0]], typ)
	return nil
}

func (c *compiler) meet(a, b int32) int32 {
	switch {
	case a == b || b == 0:
		return a
	case a == 0:
		return b
	}
	out := newBits(len(c.objects))
	for i := range out {
		out[i] = c.Model.types[a].has[i] & c.Model.types[b].has[i]
	}
	return c.typeNo(out)
}

func (k *conj) needs(terms []int32) {
	for _, t := range terms {
		if t >= 0 && !slices.Contains(k.need, t) {
			k.need = append(k.need, t)
		}
	}
}

// free notes the variables of a condition that no quantifier of it binds.
func (s *scope) free(k *cond, to *conj) {
	for _, t := range k.args {
		if t >= 0 && int(t) < max(s.schema.slots, s.schema.params) {
			to.needs([]int32{t})
		}
	}
	for _, p := range k.parts {
		s.free(p, to)
	}
}

// cond compiles what is to be evaluated. Negation goes down to the leaves.
func (s *scope) cond(f Formula, neg bool) (*cond, error) {
	switch f.Op {
	case Not:
		if len(f.Parts) == 1 {
			return s.cond(f.Parts[0], !neg)
		}
	case Imply:
		if len(f.Parts) == 2 {
			return s.cond(Formula{Op: Or, Parts: []Formula{{Op: Not, Parts: f.Parts[:1]}, f.Parts[1]}}, neg)
		}
	case Fact:
		l, err := s.fact(f.Pred, f.Terms)
		return &cond{op: Fact, neg: neg, pred: l.pred, args: l.args}, err
	case Equal, SortOf:
		t, err := s.terms(f.Terms)
		out := &cond{op: f.Op, neg: neg, args: t}
		if err == nil && f.Op == SortOf {
			typ, ok := s.c.types[f.Pred]
			if out.pred = typ; !ok {
				err = fmt.Errorf("%s: there is no type %q", s.what, f.Pred)
			}
		}
		return out, err
	case And, Or, Forall, Exists:
		return s.parts(f, neg)
	}
	return nil, fmt.Errorf("%s: a condition has the wrong number of parts", s.what)
}

func (s *scope) parts(f Formula, neg bool) (*cond, error) {
	out := &cond{op: f.Op}
	if neg { // de Morgan
		out.op = map[Op]Op{And: Or, Or: And, Forall: Exists, Exists: Forall}[f.Op]
	}
	from := len(s.names)
	for _, v := range f.Vars {
		// A quantifier's variable is no slot of the schema's own.
		s.schema.slots = max(s.schema.slots, s.schema.params)
		i, err := s.declare(v)
		if err != nil {
			return nil, err
		}
		out.vars, out.typs = append(out.vars, i), append(out.typs, s.schema.types[i])
	}
	for _, p := range f.Parts {
		k, err := s.cond(p, neg)
		if err != nil {
			return nil, err
		}
		out.parts = append(out.parts, k)
	}
	for i := from; i < from+len(f.Vars); i++ {
		s.names[i] = ""
	}
	return out, nil
}

// value of a term: env holds objects by slot.
func value(t int32, env []int32) int32 {
	if t < 0 {
		return ^t
	}
	return env[t]
}

// world answers which facts hold.
type world interface {
	holds(pred int32, args []int32) bool
}

// eval evaluates a condition all of whose free variables have values.
func (m *Model) eval(k *cond, w world, env []int32) bool {
	switch k.op {
	case Fact:
		var room [8]int32
		args := room[:0]
		for _, t := range k.args {
			args = append(args, value(t, env))
		}
		return w.holds(k.pred, args) != k.neg
	case Equal:
		return (value(k.args[0], env) == value(k.args[1], env)) != k.neg
	case SortOf:
		return m.types[k.pred].contains(value(k.args[0], env)) != k.neg
	case Forall, Exists:
		return m.evalAll(k, 0, w, env) == (k.op == Forall)
	}
	for _, p := range k.parts {
		if m.eval(p, w, env) != (k.op == And) {
			return k.op != And
		}
	}
	return k.op == And
}

// evalAll goes through the values of a quantifier's variables: of Forall it is
// whether the part holds for all, of Exists whether it holds for none.
func (m *Model) evalAll(k *cond, i int, w world, env []int32) bool {
	if i == len(k.vars) {
		return m.eval(k.parts[0], w, env) == (k.op == Forall)
	}
	for _, o := range m.types[k.typs[i]].list {
		env[k.vars[i]] = o
		if !m.evalAll(k, i+1, w, env) {
			return false
		}
	}
	return true
}

// holdsAll evaluates a whole conjunction under values for all its variables.
func (m *Model) holdsAll(k *conj, w world, env []int32) bool {
	var room [8]int32
	is := func(l lit) bool {
		args := room[:0]
		for _, t := range l.args {
			args = append(args, value(t, env))
		}
		return w.holds(l.pred, args)
	}
	for _, l := range k.pos {
		if !is(l) {
			return false
		}
	}
	for _, l := range k.neg {
		if is(l) {
			return false
		}
	}
	for _, e := range k.eq {
		if value(e[0], env) != value(e[1], env) {
			return false
		}
	}
	for _, e := range k.neq {
		if value(e[0], env) == value(e[1], env) {
			return false
		}
	}
	for _, f := range k.conds {
		if !m.eval(f, w, env) {
			return false
		}
	}
	return true
}

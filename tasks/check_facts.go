package tasks

import (
	"maps"
	"slices"
	"strconv"
)

// builtinTypes are the types that need no declaration.
func builtinTypes() []string { return []string{"name", "path", "target", "text"} }

// isA reports whether values of one type are of another.
func (l *Library) isA(typ, of string) bool {
	for range len(l.types) + 1 {
		if typ == of {
			return true
		}
		t := l.types[typ]
		if t == nil {
			return false
		}
		if typ = t.Of; typ == "" {
			typ = "text"
		}
	}
	return false
}

// checkTypes finds types that are not declared, that are above themselves, or that
// would be two.
func (l *Library) checkTypes(add func(Violation)) {
	all := append(builtinTypes(), keys(l.types)...)
	known := func(typ string, at where) {
		if !slices.Contains(all, typ) {
			add(at.fault(false, "there is no type %q%s", typ, nearestName(typ, all)))
		}
	}
	for name, t := range l.types {
		if slices.Contains(builtinTypes(), name) {
			add(t.where.in("name").fault(false, "%s is a type already", name))
		}
		if t.Of == "" {
			continue
		}
		known(t.Of, t.where.in("of"))
		if l.types[t.Of] != nil && l.isA(t.Of, name) {
			add(t.where.in("of").fault(false, "%s would be above itself", name))
		}
	}
	for _, f := range l.facts {
		for i, typ := range f.Args {
			known(typ, f.where.in("args", strconv.Itoa(i)))
		}
	}
	for _, t := range l.tasks {
		for name, typ := range t.Params {
			known(typ, t.where.in("params", name))
		}
	}
	for _, p := range l.primitives {
		for name, typ := range p.Params {
			known(typ, p.where.in("params", name))
		}
	}
}

// checkFact wants of a declared fact as many arguments as it has.
func (l *Library) checkFact(name string, n int, at where, add func(Violation)) {
	if f := l.facts[name]; f != nil && len(f.Args) != n {
		add(at.fault(false, "%s has %d arguments, and %d stand here", name, len(f.Args), n))
	} else if f == nil && len(l.facts) > 0 {
		if near := nearestName(name, keys(l.facts)); near != "" {
			add(at.in("fact").fault(false, "there is no fact %q among those that are declared%s", name, near))
		}
	}
}

// checkConditions reads conditions. Where they bind, what a pattern has for itself is
// known from then on.
func (l *Library) checkConditions(list []condition, at where, known map[string]string, binds bool, add func(Violation)) {
	for i := range list {
		c := &list[i]
		at := at.in(strconv.Itoa(i))
		if n := len(slices.DeleteFunc([]string{c.Fact, c.CEL, c.Given}, func(s string) bool { return s == "" })); n != 1 {
			add(at.fault(false, "a condition is about a fact, or is an expression (cel), or that a parameter has a value (given)"))
			continue
		}
		if _, ok := known[c.Given]; c.Given != "" {
			if !ok {
				add(at.in("given").fault(false, "there is no parameter %q%s", c.Given, nearestName(c.Given, keys(known))))
			}
			continue
		}
		if c.CEL != "" {
			check, err := compileCEL(c.CEL, keys(known))
			if err != nil {
				add(at.in("cel").fault(false, "%v", err))
				continue
			}
			moving := 0
			for _, f := range check.facts {
				if l.changed[f] {
					moving++
				}
				if l.related[f] {
					add(at.in("cel").fault(false, "a primitive changes the relation %s, of which an expression sees nothing; {fact: %s, args: [...]} is a condition on its tuples as they are then", f, f))
				}
			}
			if moving > maxMoving {
				add(at.in("cel").fault(false, "it looks at %d facts that primitives change; the limit is %d, and several conditions hold together", moving, maxMoving))
			}
			c.check = check
			continue
		}
		l.checkFact(c.Fact, len(c.terms()), at, add)
		if !binds {
			continue
		}
		l.bindBy(*c, known)
	}
}

// bindBy notes the variables that a pattern binds, with the types that its fact is
// declared with.
func (l *Library) bindBy(c condition, known map[string]string) {
	for i, x := range c.terms() {
		for _, v := range variablesOf(x) {
			if _, ok := known[v]; ok {
				continue
			}
			known[v] = ""
			if f := l.facts[c.Fact]; f != nil && i < len(f.Args) {
				known[v] = f.Args[i]
			} else if l.types[c.Fact] != nil && len(c.terms()) == 1 {
				known[v] = c.Fact
			}
		}
	}
}

// checkStep checks when and how often a step is done, and gives the variables that it
// knows.
func (l *Library) checkStep(s step, m *methodDef, at where, known map[string]string, add func(Violation)) map[string]string {
	if s.Foreach == nil && s.If == nil && s.Unless == nil {
		return known
	}
	known = maps.Clone(known)
	if f := s.Foreach; f != nil {
		at := at.in("foreach")
		switch {
		case (f.Fact == "") == (f.In == nil):
			add(at.fault(false, "foreach goes over a fact, or over a list (in)"))
		case f.In != nil && f.As == "":
			add(at.fault(false, "as is missing: what a value of the list is called"))
		case f.Fact != "" && l.changed[f.Fact]:
			add(at.in("fact").fault(false, "a primitive changes %s, and foreach goes over what stays as it is; a task whose method does one of them and then the task again goes over what changes", f.Fact))
		default:
			if f.Fact != "" {
				l.checkFact(f.Fact, len(f.pattern().terms()), at, add)
			}
			l.bindBy(f.pattern(), known)
		}
	}
	l.checkConditions(s.If, at.in("if"), known, true, add)
	l.checkConditions(s.Unless, at.in("unless"), known, false, add)
	return known
}

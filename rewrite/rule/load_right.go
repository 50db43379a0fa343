package rule

import (
	"slices"
	"strings"
)

// rightSide reads what a rule does with a match.
func (l *ruleLoader) rightSide(by map[string]part) {
	leftVars := slices.Clone(l.visible) // conditions are out of sight by now
	if p, ok := by["delete"]; ok {
		for _, x := range l.list(p, "delete") {
			v, ok := l.onLeft(x.place, l.text(x, "a variable"))
			if ok && slices.Contains(l.r.deletes, v) {
				l.fault(x.place, "%s is deleted twice", l.r.vars[v].name)
			} else if ok {
				l.r.deletes = append(l.r.deletes, v)
			}
		}
	}
	if p, ok := by["create"]; ok {
		l.create(p)
	}
	if p, ok := by["retype"]; ok {
		for _, f := range l.fields(p, "retype") {
			kind := word{l.text(f.part, "a kind"), f.part.place}
			l.knows(kind)
			if v, ok := l.onLeft(f.place, f.key); ok && l.stays(f.place, v) {
				if kind.text == "" {
					l.fault(kind.place, "the kind is empty")
				}
				l.r.retypes = append(l.r.retypes, retype{v, kind.text})
			}
		}
	}
	sc, err := l.compiler.scope(l.set, l.r.vars, leftVars)
	if err != nil {
		l.fault(l.r.left.place, "%s", err.Error())
		return
	}
	if p, ok := by["id"]; ok {
		for _, f := range l.fields(p, "id") {
			v, ok := l.names[f.key]
			if !ok || !l.r.vars[v].created {
				l.fault(f.place, "%s is not made by this rule", f.key)
				continue
			}
			l.r.vars[v].id = l.expr(sc, f.part, "id")
		}
	}
	for _, op := range []assignOp{opSet, opInc, opSetAdd, opSetRemove} {
		if p, ok := by[string(op)]; ok {
			l.assigns(sc, op, p)
		}
	}
}

// create reads the chains of what is made, and orders it: nodes before the edges
// at them, what holds a graph before what stands in it.
func (l *ruleLoader) create(p part) {
	l.creating = true
	for _, x := range l.list(p, "create") {
		if c, ok := l.chain(x, "create"); ok {
			vars, faults := len(l.r.vars), len(l.faults)
			l.addChain(nil, c)
			if len(l.r.vars) == vars && len(l.faults) == faults {
				l.fault(x.place, "nothing is made here")
			}
		}
	}
	for _, edge := range []bool{false, true} {
		for v, x := range l.r.vars {
			if !x.created {
				continue
			}
			if x.edge == edge {
				l.r.creates = append(l.r.creates, v)
			}
			for _, w := range []int{x.from, x.to, x.in} {
				if w != none && slices.Contains(l.r.deletes, w) && x.edge == edge {
					l.fault(x.place, "%s is deleted, and nothing can be made at it", l.nameOf(w))
				}
				if w != none && w == x.in && l.r.vars[w].created && l.r.vars[w].edge && !x.edge {
					l.fault(x.place, "a graph in an edge that is made cannot be filled by the same rule")
				}
			}
		}
	}
}

func (l *ruleLoader) nameOf(v int) string {
	if n := l.r.vars[v].name; n != "" {
		return n
	}
	return "what has no name"
}

func (l *ruleLoader) onLeft(at place, name string) (int, bool) {
	v, ok := l.names[name]
	if !ok || l.r.vars[v].created {
		l.fault(at, "there is no variable %q on the left", name)
		return 0, false
	}
	return v, true
}

func (l *ruleLoader) stays(at place, v int) bool {
	if slices.Contains(l.r.deletes, v) {
		l.fault(at, "%s is deleted", l.nameOf(v))
		return false
	}
	return true
}

func (l *ruleLoader) assigns(sc *scope, op assignOp, p part) {
	for _, f := range l.fields(p, string(op)) {
		name, prop, ok := strings.Cut(f.key, ".")
		if !ok || prop == "" {
			l.fault(f.place, "%q is no prop of a variable, such as a.n", f.key)
			continue
		}
		v, known := l.names[name]
		if !known {
			l.fault(f.place, "there is no variable %q", name)
			continue
		}
		if l.stays(f.place, v) {
			l.r.sets = append(l.r.sets, assign{op, v, prop, l.expr(sc, f.part, string(op)), f.place})
		}
	}
}

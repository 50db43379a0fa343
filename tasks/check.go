package tasks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// check finds what is wrong between definitions, in order of place, and reads
// the phrases.
func (l *Library) check() Violations {
	var faults Violations
	add := func(v Violation) { faults = append(faults, v) }
	l.checkTypes(add)
	for _, m := range l.order {
		t, ok := l.tasks[m.Task]
		if !ok {
			add(m.where.in("task").fault(false, "there is no task %q%s", m.Task, nearestName(m.Task, keys(l.tasks))))
			continue
		}
		l.checkSteps(m, t, add)
		l.checkPhrases(m, t, add)
		for name := range m.Defaults {
			if at := m.where.in("defaults", name); t.Params[name] == "" {
				add(at.fault(true, "task %s has no parameter %q%s", t.Name, name, nearestName(name, keys(t.Params))))
			} else if t.Params[name] == "target" {
				add(at.fault(true, "a target has no default: it is what the intent names"))
			}
		}
		for i, c := range m.Success {
			if v, ok := strings.CutPrefix(c.Value, "$"); ok && t.Params[v] == "" {
				add(m.where.in("success_criteria", strconv.Itoa(i), "value").fault(false, "$%s is no parameter of task %s", v, t.Name))
			}
		}
	}
	for _, t := range l.tasks {
		for i, name := range t.Required {
			switch at := t.where.in("required", strconv.Itoa(i)); t.Params[name] {
			case "":
				add(at.fault(false, "task %s has no parameter %q%s", t.Name, name, nearestName(name, keys(t.Params))))
			case "target":
				add(at.fault(false, "a target is always there"))
			}
		}
	}
	for _, p := range l.primitives {
		l.checkPrimitive(p, add)
	}
	l.checkGround(add)
	faults.sort()
	return faults
}

func (l *Library) checkPhrases(m *methodDef, t *taskDef, add func(Violation)) {
	for i, text := range m.Phrases {
		p, err := parsePhrase(text, m)
		at := m.where.in("phrases", strconv.Itoa(i))
		if err != nil {
			add(at.fault(false, "%v", err))
			continue
		}
		for _, s := range p.slots() {
			if _, ok := t.Params[s]; !ok {
				add(at.fault(false, "slot {%s} is no parameter of task %s%s", s, t.Name, nearestName(s, keys(t.Params))))
			}
		}
		l.phrases = append(l.phrases, p)
	}
}

func (l *Library) checkSteps(m *methodDef, t *taskDef, add func(Violation)) {
	ids := map[string]bool{}
	known := map[string]string{} // variables, with their types
	for name, typ := range t.Params {
		known[name] = typ
	}
	l.checkConditions(m.When, m.where.in("when"), known, true, add)
	l.checkConditions(m.Unless, m.where.in("unless"), known, false, add)
	for _, s := range m.Steps {
		at := m.where.in(s.path...)
		known := l.checkStep(s, m, at, known, add)
		params, ok := l.paramsOf(s.Do)
		if s.Do == "" || s.Parallel != nil {
			add(at.fault(false, "a step does something (do), or is several beside each other (parallel) that each do"))
			continue
		}
		if !ok {
			add(at.in("do").fault(false, "there is neither a task nor a primitive %q%s", s.Do, nearestName(s.Do, append(keys(l.tasks), keys(l.primitives)...))))
		}
		for name, v := range s.With {
			if !ok {
				break
			}
			if params[name] == "" {
				add(at.in("with", name).fault(true, "%s has no parameter %q%s", s.Do, name, nearestName(name, keys(params))))
			} else if why := l.mismatch(v, params[name], t, known); why != "" {
				add(at.in("with", name).fault(false, "%s", why))
			}
		}
		if do := l.tasks[s.Do]; do != nil {
			for _, name := range do.Required {
				if s.With[name] == nil {
					add(at.in("do").fault(false, "%s needs a parameter %q", s.Do, name))
				}
			}
		}
		id := s.id()
		for j, n := range s.Needs {
			if !ids[n] {
				add(at.in("needs", strconv.Itoa(j)).fault(false, "no step before this one has the id %q", n))
			}
		}
		if ids[id] {
			add(at.fault(false, "step id %q stands twice", id))
		}
		ids[id] = true
	}
}

// mismatch says why a value cannot be handed to a parameter of a type, or "".
// Text takes every variable; a target comes from the intent, and is not written
// in a library.
func (l *Library) mismatch(v any, typ string, t *taskDef, known map[string]string) string {
	s, ok := v.(string)
	if !ok {
		return fmt.Sprintf("a %s is a string, or a variable", typ)
	}
	name, isVar := strings.CutPrefix(s, "$")
	switch have, bound := known[name]; {
	case !isVar && typ == "target":
		return fmt.Sprintf("a target is handed down from a parameter: %q does not begin with $", s)
	case isVar && !bound:
		return fmt.Sprintf("%s is no parameter of task %s%s", s, t.Name, nearestName(name, keys(t.Params)))
	case isVar && have == "", isVar && l.isA(have, typ): // whatever the facts say; of the type
	case isVar && have != typ && typ != "text":
		return fmt.Sprintf("%s is a %s, and a %s is wanted", s, have, typ)
	}
	return ""
}

func (l *Library) checkPrimitive(p *primitiveDef, add func(Violation)) {
	var variables func(v any, at where)
	variables = func(v any, at where) {
		switch v := v.(type) {
		case string:
			if name, ok := strings.CutPrefix(v, "$"); ok && p.Params[name] == "" {
				add(at.fault(false, "%s is no parameter of %s%s", v, p.Name, nearestName(name, keys(p.Params))))
			}
		case []any:
			for i, x := range v {
				variables(x, at.in(strconv.Itoa(i)))
			}
		}
	}
	for name, a := range p.Args {
		variables(a, p.where.in("args", name))
	}
	known := map[string]string{}
	for name, typ := range p.Params {
		known[name] = typ
	}
	for i, e := range p.effects {
		at := p.where.in("effects", strconv.Itoa(i))
		for _, v := range variablesOf(e.terms()) {
			if p.Params[v] == "" {
				add(at.fault(false, "$%s is no parameter of %s%s", v, p.Name, nearestName(v, keys(p.Params))))
			}
		}
		l.checkFact(e.Fact, len(e.terms()), at, add)
	}
	l.checkConditions(p.When, p.where.in("when"), known, true, add)
	l.checkConditions(p.Unless, p.where.in("unless"), known, false, add)
	for i, w := range p.Writes {
		variables(w, p.where.in("writes", strconv.Itoa(i)))
	}
	for i, w := range p.Adds {
		variables(w, p.where.in("adds", strconv.Itoa(i)))
	}
	for i, u := range p.OnFail {
		if says := l.cannotFollow(p, u, aWayBack); says != "" {
			add(p.where.in("on_fail", strconv.Itoa(i)).fault(false, "%s", says))
		}
	}
	for i, u := range p.Finally {
		says := l.cannotFollow(p, u, inTheEnd)
		if says == "" && slices.Contains(p.Finally[:i], u) {
			says = u + " stands twice"
		}
		if says != "" {
			add(p.where.in("finally", strconv.Itoa(i)).fault(false, "%s", says))
		}
	}
	l.checkThings(p, variables, add)
	if ms := timeoutMillis(p.Backoff); p.Backoff != "" && (ms < 1 || ms > maxTimeoutMillis) {
		add(p.where.in("backoff").fault(false, "a backoff is from 1ms to %dm", maxTimeoutMillis/60_000))
	}
	if ms := timeoutMillis(p.Timeout); p.Timeout != "" && (ms < 1 || ms > maxTimeoutMillis) {
		add(p.where.in("timeout").fault(false, "a timeout is from 1ms to %dm", maxTimeoutMillis/60_000))
	}
	if _, ok := l.tasks[p.Name]; ok {
		add(p.where.in("name").fault(false, "%s is a task already: a step could mean either", p.Name))
	}
}

// What one primitive can be after another.
const (
	aWayBack = "a way back"
	inTheEnd = "what is done in the end"
)

// cannotFollow says why one primitive cannot be done after another whatever happens, or
// "". Such a one goes to its end by itself: it waits for nobody, proves nothing, and has
// nothing of the kind of its own.
func (l *Library) cannotFollow(p *primitiveDef, name, as string) string {
	u := l.primitives[name]
	switch {
	case u == nil:
		return fmt.Sprintf("there is no primitive %q%s", name, nearestName(name, keys(l.primitives)))
	case u.Worker == "human" || u.Worker == "kernel":
		return fmt.Sprintf("%s is done by worker %s, and %s asks nobody and proves nothing", name, u.Worker, as)
	case len(u.OnFail) > 0:
		return fmt.Sprintf("%s has a way back itself (on_fail), and %s has none", name, as)
	case len(u.Finally) > 0:
		return fmt.Sprintf("%s has steps in the end itself (finally), and %s has none", name, as)
	}
	if as == aWayBack {
		for _, x := range u.Alone {
			if !slices.Contains(p.Alone, x) {
				return fmt.Sprintf("%s has %s for itself, and %s has not: a way back waits for nobody", name, x, p.Name)
			}
		}
		for _, x := range u.Uses {
			if !slices.Contains(p.Alone, x) && !slices.Contains(p.Uses, x) {
				return fmt.Sprintf("%s uses %s, and %s does not: a way back waits for nobody", name, x, p.Name)
			}
		}
	}
	for _, param := range keys(u.Params) {
		if have := p.Params[param]; have != u.Params[param] {
			return fmt.Sprintf("%s takes %q (%s), which %s does not have to hand it", name, param, u.Params[param], p.Name)
		}
	}
	return ""
}

// checkGround wants of every task a way down to primitives. The tasks that have
// one are found from below, each method looked at once for every step that
// becomes grounded: linear in the library, where walking down from each task
// would be exponential. A name that is not defined is a fault elsewhere.
func (l *Library) checkGround(add func(Violation)) {
	grounded := map[string]bool{}
	open := map[*methodDef]int{}       // steps that are not grounded yet
	above := map[string][]*methodDef{} // by the task that a step does
	var ready []*methodDef
	for _, m := range l.order {
		for _, s := range m.Steps {
			if _, isTask := l.tasks[s.Do]; isTask {
				open[m]++
				above[s.Do] = append(above[s.Do], m)
			}
		}
		if open[m] == 0 {
			ready = append(ready, m)
		}
	}
	for len(ready) > 0 {
		m := ready[0]
		ready = ready[1:]
		if grounded[m.Task] {
			continue
		}
		grounded[m.Task] = true
		for _, up := range above[m.Task] {
			if open[up]--; open[up] == 0 {
				ready = append(ready, up)
			}
		}
	}
	for _, t := range l.tasks {
		at := t.where.in("name")
		if len(l.methods[t.Name]) == 0 {
			add(at.fault(false, "task %s has no method", t.Name))
		} else if !grounded[t.Name] && !slices.ContainsFunc(l.methods[t.Name], l.hopeless) {
			add(at.fault(false, "task %s never comes down to primitives: every method of it leads into a circle", t.Name))
		}
	}
}

// hopeless reports whether a method does a task that nothing does: that task is
// the fault, not those above it.
func (l *Library) hopeless(m *methodDef) bool {
	return slices.ContainsFunc(m.Steps, func(s step) bool { return l.tasks[s.Do] != nil && len(l.methods[s.Do]) == 0 })
}

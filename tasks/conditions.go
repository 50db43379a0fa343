package tasks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Facts is what the planner knows of the world, as data: a named value ("language":
// "go", "has_tests": true, "files": 12.0), or a list, which is a relation: each of its
// items is a value, or a list of values of one length.
type Facts map[string]any

// tuples lists what is the case under a name, in the order of the data.
func (f Facts) tuples(name string) [][]any {
	switch v := f[name].(type) {
	case nil:
		return nil
	case []any:
		var out [][]any
		for _, x := range v {
			if t, ok := x.([]any); ok {
				out = append(out, t)
			} else {
				out = append(out, []any{x})
			}
		}
		return out
	default:
		return [][]any{{v}}
	}
}

// objectName names a value among the objects of a compiled problem: different values
// have different names, and none begins like a variable.
func objectName(v any) string {
	if s, ok := v.(string); ok {
		return strconv.Quote(s)
	}
	data, err := json.Marshal(v)
	if err != nil {
		return strconv.Quote(fmt.Sprint(v))
	}
	return string(data)
}

// valueOf is the value that a name is of.
func valueOf(name string) (any, bool) {
	if text, err := strconv.Unquote(name); err == nil {
		return text, true
	}
	var v any
	err := json.Unmarshal([]byte(name), &v)
	return v, err == nil
}

// noValue is the object that stands for a parameter without one.
const noValue = "null"

// condition is something to hold: a fact that is a value, a pattern over a relation,
// an expression, or that a parameter has a value.
type condition struct {
	Fact    string `json:"fact"`
	Is      any    `json:"is"` // absent: true
	Args    []any  `json:"args"`
	CEL     string `json:"cel"`
	Given   string `json:"given"`
	Message string `json:"message"`
	check   *celCheck
}

func (c condition) want() any {
	if c.Is == nil {
		return true
	}
	return c.Is
}

// terms are the values, and $variables, that a tuple has to fit.
func (c condition) terms() []any {
	if c.Args != nil {
		return c.Args
	}
	return []any{c.want()}
}

// variables are those that stand in it.
func (c condition) variables() []string {
	if c.Given != "" {
		return []string{c.Given}
	}
	if c.check != nil {
		return c.check.vars
	}
	return variablesOf(c.terms())
}

func variablesOf(v any) (out []string) {
	switch v := v.(type) {
	case string:
		if name, ok := strings.CutPrefix(v, "$"); ok {
			out = append(out, name)
		}
	case []any:
		for _, x := range v {
			out = append(out, variablesOf(x)...)
		}
	case map[string]any:
		for _, name := range keys(v) {
			out = append(out, variablesOf(v[name])...)
		}
	}
	return out
}

// each calls do with what is bound after a tuple, for every one that fits; do says
// whether it is enough. Without a $variable that is free there is at most one call.
func (c condition) each(facts Facts, env map[string]any, do func(env map[string]any) bool) bool {
	if c.Given != "" {
		return env[c.Given] != nil && do(env)
	}
	if c.check != nil {
		return c.check.holds(facts, env) && do(env)
	}
	for _, t := range facts.tuples(c.Fact) {
		if next, ok := fit(c.terms(), t, env); ok && do(next) {
			return true
		}
	}
	return false
}

// fit binds the variables of terms by a tuple.
func fit(terms, tuple []any, env map[string]any) (map[string]any, bool) {
	if len(terms) != len(tuple) {
		return nil, false
	}
	own := false
	for i, x := range terms {
		name, isVar := "", false
		if s, ok := x.(string); ok {
			name, isVar = strings.CutPrefix(s, "$")
		}
		if isVar {
			have, bound := env[name]
			if !bound {
				if !own {
					env, own = cloneMap(env), true
				}
				env[name] = tuple[i]
				continue
			}
			x = have
		}
		if x == nil || objectName(x) != objectName(tuple[i]) {
			return nil, false
		}
	}
	return env, true
}

func cloneMap(m map[string]any) map[string]any {
	out := make(map[string]any, len(m)+1)
	for k, v := range m {
		out[k] = v
	}
	return out
}

// solve finds values by which all of when hold and none of unless does. Without any,
// failed is the condition that could not be got past.
func solve(when, unless []condition, facts Facts, env map[string]any) (out map[string]any, failed condition, isUnless, ok bool) {
	deepest := -1
	var from func(i int, env map[string]any) bool
	from = func(i int, env map[string]any) bool {
		if i == len(when)+len(unless) {
			out = env
			return true
		}
		if i > deepest {
			deepest = i
		}
		if i < len(when) {
			return when[i].each(facts, env, func(next map[string]any) bool { return from(i+1, next) })
		}
		if unless[i-len(when)].each(facts, env, func(map[string]any) bool { return true }) {
			return false
		}
		return from(i+1, env)
	}
	if from(0, env) {
		return out, condition{}, false, true
	}
	if deepest < len(when) {
		return nil, when[deepest], false, false
	}
	return nil, unless[deepest-len(when)], true, false
}

func (c condition) text() string {
	switch {
	case c.Given != "":
		return c.Given + " is given"
	case c.check != nil:
		return c.CEL
	case c.Args != nil:
		return fmt.Sprintf("%s%v", c.Fact, c.Args)
	}
	return fmt.Sprintf("%s is %v", c.Fact, c.want())
}

// failure says why a condition that should hold does not, or the other way round.
func (c condition) failure(f Facts, unless bool) string {
	switch have := f[c.Fact]; {
	case c.Message != "":
		return c.Message
	case unless:
		return c.text()
	case c.Given != "":
		return c.Given + " is not given"
	case c.check != nil:
		return "not " + c.text()
	case c.Args != nil:
		return "there is no " + c.text()
	case have == nil:
		return fmt.Sprintf("%s is not %v (it is unknown)", c.Fact, c.want())
	case fmt.Sprint(have) == fmt.Sprint(c.want()): // 3 and "3"
		return fmt.Sprintf("%s is not %#v (it is %#v)", c.Fact, c.want(), have)
	default:
		return fmt.Sprintf("%s is not %v (it is %v)", c.Fact, c.want(), have)
	}
}

// effect is what a primitive makes so: a named value, a tuple of a relation, or that
// something is not so any more.
type effect struct {
	Fact string
	Is   any
	Args []any
	Not  bool
}

// effectOf reads an effect as it is written: a name is a fact that becomes true.
func effectOf(v any) effect {
	if s, ok := v.(string); ok {
		return effect{Fact: s, Is: true}
	}
	m, _ := v.(map[string]any)
	e := effect{Is: m["is"]}
	e.Fact, _ = m["fact"].(string)
	e.Args, _ = m["args"].([]any)
	e.Not, _ = m["not"].(bool)
	if e.Args == nil && e.Is == nil {
		e.Is = true
	}
	return e
}

func (e effect) terms() []any {
	if e.Args != nil {
		return e.Args
	}
	return []any{e.Is}
}

// text says it with the values of a task; "" without one that it needs.
func (e effect) text(bound map[string]any) string {
	terms, ok := e.filled(bound)
	if !ok {
		return ""
	}
	out := e.Fact
	switch {
	case e.Args != nil:
		out = fmt.Sprintf("%s%v", e.Fact, terms)
	case e.Is != true:
		out = fmt.Sprintf("%s is %v", e.Fact, terms[0])
	}
	if e.Not {
		out = "not " + out
	}
	return out
}

func (e effect) filled(bound map[string]any) ([]any, bool) {
	out, _ := fill(e.terms(), bound).([]any)
	return out, len(out) == len(e.terms())
}

// apply changes facts as an effect does, in a copy of what changes.
func (e effect) apply(f Facts, bound map[string]any) {
	t, ok := e.filled(bound)
	if !ok {
		return
	}
	rest := slices.DeleteFunc(f.tuples(e.Fact), func(x []any) bool { return objectName(x) == objectName(t) })
	switch {
	case e.Not && len(rest) == len(f.tuples(e.Fact)):
		// It is not so: a value stays one, and no list of one.
	case e.Not && len(rest) == 0:
		delete(f, e.Fact)
	case e.Not:
		f[e.Fact] = listOf(rest)
	case e.Args != nil:
		f[e.Fact] = listOf(append(rest, t))
	default:
		f[e.Fact] = t[0]
	}
}

func listOf(tuples [][]any) []any {
	out := make([]any, len(tuples))
	for i, t := range tuples {
		out[i] = any(t)
	}
	return out
}

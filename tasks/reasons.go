package tasks

import (
	"fmt"
	"strings"
)

// The limits of planning and of saying why there is no plan.
const (
	maxPlanNodes    = 400_000 // that all searches may visit together
	maxPlanTasks    = 5_000
	maxExplained    = 20_000 // decompositions that are looked at to say why one was not taken
	maxExplainDepth = 50     // tasks within tasks, the same
)

// explainer says why tasks cannot be done, by trying to decompose them as things are.
// It finds what keeps methods from being used; plans are found by package htn.
type explainer struct {
	lib     *Library
	facts   Facts
	nodes   int
	above   map[string]bool                    // tasks with their values that are being looked at
	known   map[string]*NoPlan                 // what was found of others; not kept for who is told
	lacking func(m *methodDef, lacks []FactIs) // told of each method that does not apply; may be nil
}

// limitReached ends planning.
type limitReached struct{ says string }

func (e *limitReached) Error() string { return e.says }

func limit(format string, args ...any) error { return &limitReached{fmt.Sprintf(format, args...)} }

// task says why none of a task's methods can be used; nil if one looks as if it can.
func (x *explainer) task(name string, given map[string]any, depth int) *NoPlan {
	if x.nodes++; x.nodes > maxExplained || depth > maxExplainDepth || x.lib.primitives[name] != nil {
		return nil
	}
	key := name + fmt.Sprint(given)
	if x.above[key] {
		return &NoPlan{Task: name, Rejected: []Rejected{{Because: "it leads back to where it came from"}}}
	}
	if none, ok := x.known[key]; ok && x.lacking == nil {
		return none
	}
	if x.above == nil {
		x.above, x.known = map[string]bool{}, map[string]*NoPlan{}
	}
	x.above[key] = true
	defer delete(x.above, key)
	none := &NoPlan{Task: name}
	for _, m := range x.lib.methods[name] {
		fits, why := x.method(m, given, depth)
		if fits {
			none = nil
			break
		}
		none.Rejected = append(none.Rejected, Rejected{m.Name, why})
	}
	x.known[key] = none
	return none
}

// method says why a method cannot be used, or "".
func (x *explainer) method(m *methodDef, given map[string]any, depth int) (fits bool, why string) {
	env := map[string]any{}
	for name := range x.lib.tasks[m.Task].Params {
		env[name] = nil
	}
	for name, v := range withDefaults(m, given) {
		env[name] = v
	}
	all, failed, unless, ok := solve(m.When, m.Unless, x.facts, env)
	if !ok {
		if x.lacking != nil {
			x.lacking(m, m.lacks(x.facts))
		}
		return false, failed.failure(x.facts, unless)
	}
	if _, err := criteria(m.Success, all); err != nil {
		return false, err.Error()
	}
	for _, s := range m.Steps {
		if s.Foreach != nil {
			continue
		}
		if s.If != nil || s.Unless != nil {
			if _, _, _, ok := solve(s.If, s.Unless, x.facts, all); !ok {
				continue
			}
		}
		with, _ := fill(s.With, all).(map[string]any)
		if none := x.task(s.Do, with, depth+1); none != nil {
			return false, short(none.Error())
		}
	}
	return true, ""
}

// maxBecause bounds, in bytes, the reason why one method was rejected: it holds
// those of the methods below, which may be thousands.
const maxBecause = 400

func short(s string) string {
	if len(s) <= maxBecause {
		return s
	}
	return strings.ToValidUTF8(s[:maxBecause], "") + "..."
}

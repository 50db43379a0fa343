package tasks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// withDefaults adds what a method takes where nothing is given.
func withDefaults(m *methodDef, bound map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range m.Defaults {
		out[name] = v
	}
	for name, v := range bound {
		out[name] = v
	}
	return out
}

// primitive makes a task of its definition.
func primitive(p *primitiveDef, bound map[string]any) Task {
	t := Task{
		Name: p.Name, Summary: p.Summary, Worker: p.Worker, Action: p.Action,
		Retries: p.Retries, OnFail: p.OnFail, Finally: p.Finally, Artifacts: fillGlobs(p.Leaves, bound),
		Resources: sortedOnce(fillGlobs(p.Uses, bound)), Exclusive: sortedOnce(fillGlobs(p.Alone, bound)), Capabilities: sortedOnce(p.Caps),
	}
	for _, e := range p.effects {
		if text := e.text(bound); text != "" {
			t.Effects = append(t.Effects, text)
		}
	}
	t.Labels = sortedOnce(p.Labels)
	t.Args, _ = fill(p.Args, bound).(map[string]any)
	if p.Timeout != "" {
		t.TimeoutMillis = timeoutMillis(p.Timeout)
	}
	if p.Backoff != "" {
		t.BackoffMillis = timeoutMillis(p.Backoff)
	}
	t.Writes, t.Adds = fillGlobs(p.Writes, bound), fillGlobs(p.Adds, bound)
	return t
}

// sortedOnce sorts texts, each once.
func sortedOnce(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

// fillGlobs leaves out what has no value.
func fillGlobs(globs []string, bound map[string]any) (out []string) {
	for _, g := range globs {
		if s, ok := fill(g, bound).(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// fill puts values in the place of $variables, in lists too. What has no value
// is left out: fill is nil then.
func fill(v any, bound map[string]any) any {
	switch v := v.(type) {
	case string:
		if name, ok := strings.CutPrefix(v, "$"); ok {
			return bound[name]
		}
	case []any:
		out := []any{}
		for _, x := range v {
			if x = fill(x, bound); x != nil {
				out = append(out, x)
			}
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for name, x := range v {
			if x = fill(x, bound); x != nil {
				out[name] = x
			}
		}
		return out
	}
	return v
}

// criteria fills in a method's success criteria. One without its value could
// not be proven, and a plan is not to succeed unproven.
func criteria(list []Criterion, bound map[string]any) ([]Criterion, error) {
	out := slices.Clone(list)
	for i, c := range out {
		value, ok := fill(c.Value, bound).(string)
		if !ok {
			return nil, fmt.Errorf("its success criterion %q needs a value for %s", c.Name, c.Value)
		}
		out[i].Value = value
	}
	return out, nil
}

// waysBack are the tasks that undo those of a plan, in their order, with what is
// bound for what they undo; ids are the plan's.
func (r *planReader) waysBack(p *Plan) ([]Task, error) {
	taken := map[string]bool{}
	for _, t := range p.All() {
		taken[t.ID] = true
	}
	var out []Task
	for i, t := range p.Tasks {
		for _, name := range t.OnFail {
			if len(taken) == maxPlanTasks {
				return nil, limit("the plan has more than %d tasks, those of its ways back included", maxPlanTasks)
			}
			prim := r.lib.primitives[name]
			u := primitive(prim, r.bound(r.order[i]))
			u.ID, u.Undoes = free(prim.bare, taken), t.ID
			out = append(out, u)
		}
	}
	return out, nil
}

// free is a name that is not taken, and is from then on.
func free(name string, taken map[string]bool) string {
	id := name
	for n := 2; taken[id]; n++ {
		id = name + "-" + strconv.Itoa(n)
	}
	taken[id] = true
	return id
}

// bits is a set of small numbers.
type bits []uint64

func (b bits) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bits) set(i int)      { b[i/64] |= 1 << (i % 64) }

// add takes in a set whose numbers b has room for.
func (b bits) add(o bits) {
	for i, w := range o {
		b[i] |= w
	}
}

package tasks

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The limits of planning. They are reached by a library that leads back to
// itself, or doubles at every step: facts do not change while planning, so that
// another method would not help, and the planner stops instead of going back.
const (
	maxPlanDepth = 50     // tasks within tasks
	maxPlanNodes = 20_000 // decompositions tried
	maxPlanTasks = 5_000
)

// planner decomposes depth first (SHOP's ordered decomposition; Nau et al.
// 1999). Tasks are numbered in the order in which they are found, which
// respects their needs; what a method added is cut off again when it fails.
type planner struct {
	lib     *Library
	facts   Facts
	nodes   int
	tasks   []planned
	reasons []Reason
	lacking func(m *methodDef, lacks []FactIs) // told of each method that does not apply; may be nil
}

// planned is a primitive task before it has its id.
type planned struct {
	task  Task
	stem  string // the id, but for a number that keeps it apart
	bound map[string]any
	needs []int
}

// network is a decomposed task: the primitives of it that come first and last.
type network struct {
	first, last []int
	success     []Criterion
}

// limitReached ends planning.
type limitReached struct{ says string }

func (e *limitReached) Error() string { return e.says }

func limit(format string, args ...any) error { return &limitReached{fmt.Sprintf(format, args...)} }

// decompose plans a task; stem names it if it is primitive.
func (pl *planner) decompose(task, stem string, bound map[string]any, depth int) (network, error) {
	if pl.nodes++; pl.nodes > maxPlanNodes {
		return network{}, limit("the limit of %d decompositions is reached", maxPlanNodes)
	}
	if depth > maxPlanDepth {
		return network{}, limit("the limit of %d levels is reached at %s: methods lead back to where they came from", maxPlanDepth, task)
	}
	if p, ok := pl.lib.primitives[task]; ok {
		if len(pl.tasks) == maxPlanTasks {
			return network{}, limit("the plan has more than %d tasks", maxPlanTasks)
		}
		pl.tasks = append(pl.tasks, planned{task: primitive(p, bound), stem: stem, bound: bound})
		self := []int{len(pl.tasks) - 1}
		return network{first: self, last: self}, nil
	}
	var rejected []Rejected
	nTasks, nReasons := len(pl.tasks), len(pl.reasons)
	for _, m := range pl.lib.methods[task] {
		because, no := pl.applies(m)
		if no != "" {
			if pl.lacking != nil {
				pl.lacking(m, m.lacks(pl.facts))
			}
			rejected = append(rejected, Rejected{m.Name, no})
			continue
		}
		pl.reasons = append(pl.reasons, Reason{Task: task, Method: m.Name, Because: because, Rejected: rejected})
		net, err := pl.expand(m, bound, depth)
		if err == nil {
			return net, nil
		}
		if stop := (*limitReached)(nil); errors.As(err, &stop) {
			return network{}, err
		}
		pl.tasks, pl.reasons = pl.tasks[:nTasks], pl.reasons[:nReasons]
		rejected = append(rejected, Rejected{m.Name, short(err.Error())})
	}
	return network{}, &NoPlan{Task: task, Rejected: rejected}
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

// applies checks a method's conditions: why it does, or why not.
func (pl *planner) applies(m *methodDef) (because, no string) {
	var held []string
	for _, c := range m.When {
		if !c.holds(pl.facts) {
			return "", c.failure(pl.facts, "is not")
		}
		held = append(held, c.text())
	}
	for _, c := range m.Unless {
		if c.holds(pl.facts) {
			return "", c.failure(pl.facts, "is")
		}
	}
	return strings.Join(held, " and "), ""
}

func (c condition) want() any {
	if c.Is == nil {
		return true
	}
	return c.Is
}

func (c condition) holds(f Facts) bool { return f[c.Fact] == c.want() }

func (c condition) text() string { return fmt.Sprintf("%s is %v", c.Fact, c.want()) }

func (c condition) failure(f Facts, verb string) string {
	if c.Message != "" {
		return c.Message
	}
	have := f[c.Fact]
	switch {
	case verb == "is":
		return c.text()
	case have == nil:
		have = "unknown"
	case fmt.Sprint(have) == fmt.Sprint(c.want()): // 3 and "3"
		return fmt.Sprintf("%s %s %#v (it is %#v)", c.Fact, verb, c.want(), have)
	}
	return fmt.Sprintf("%s %s %v (it is %v)", c.Fact, verb, c.want(), have)
}

// expand decomposes a method's steps and puts their networks in order.
func (pl *planner) expand(m *methodDef, bound map[string]any, depth int) (network, error) {
	bound = withDefaults(m, bound)
	success, err := criteria(m.Success, bound)
	if err != nil {
		return network{}, err
	}
	var out network
	last := map[string][]int{}
	needed := map[string]bool{}
	prev := ""
	for _, s := range m.Steps {
		with, _ := fill(s.With, bound).(map[string]any)
		net, err := pl.decompose(s.Do, s.id(), with, depth+1)
		if err != nil {
			return network{}, err
		}
		needs := s.Needs
		if m.Order != "needs" && prev != "" && len(needs) == 0 {
			needs = []string{prev}
		}
		for _, n := range needs {
			needed[n] = true
			for _, i := range net.first {
				pl.tasks[i].needs = append(pl.tasks[i].needs, last[n]...)
			}
		}
		if len(needs) == 0 {
			out.first = append(out.first, net.first...)
		}
		last[s.id()], prev = net.last, s.id()
		out.success = append(out.success, net.success...)
	}
	for _, s := range m.Steps {
		if !needed[s.id()] {
			out.last = append(out.last, last[s.id()]...)
		}
	}
	if len(success) > 0 {
		out.success = success // a method's own say it all
	}
	return out, nil
}

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
		Effects: p.Effects, Retries: p.Retries, OnFail: p.OnFail,
	}
	t.Labels = slices.Compact(slices.Sorted(slices.Values(p.Labels)))
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

// finish gives the tasks their ids and needs: of needs, those that no other
// implies.
func (pl *planner) finish() []Task {
	out := make([]Task, len(pl.tasks))
	taken := map[string]bool{}
	count := map[string]int{}
	above := make([]bits, len(pl.tasks))
	for i, p := range pl.tasks {
		id := p.stem
		for taken[id] {
			count[p.stem] = max(count[p.stem], 1) + 1
			id = p.stem + "-" + strconv.Itoa(count[p.stem])
		}
		taken[id] = true
		out[i] = p.task
		out[i].ID = id
		implied := make(bits, i/64+1)
		for _, n := range p.needs {
			implied.add(above[n])
		}
		for _, n := range p.needs {
			if !implied.has(n) {
				out[i].Needs = append(out[i].Needs, out[n].ID)
			}
		}
		slices.Sort(out[i].Needs)
		out[i].Needs = slices.Compact(out[i].Needs)
		for _, n := range p.needs {
			implied.set(n)
		}
		above[i] = implied
	}
	return out
}

// waysBack are the tasks that undo those of a plan, in their order, with what is
// bound for what they undo; ids are the plan's.
func (pl *planner) waysBack(of []Task) ([]Task, error) {
	taken := map[string]bool{}
	for _, t := range of {
		taken[t.ID] = true
	}
	var out []Task
	for i, t := range of {
		for _, name := range t.OnFail {
			if len(of)+len(out) == maxPlanTasks {
				return nil, limit("the plan has more than %d tasks, those of its ways back included", maxPlanTasks)
			}
			u := primitive(pl.lib.primitives[name], pl.tasks[i].bound)
			u.ID, u.Undoes = name, t.ID
			for n := 2; taken[u.ID]; n++ {
				u.ID = name + "-" + strconv.Itoa(n)
			}
			taken[u.ID] = true
			out = append(out, u)
		}
	}
	return out, nil
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

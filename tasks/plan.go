package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Facts is what the planner knows of the world, as data.
type Facts map[string]any // "language": "go", "has_tests": true, "clean": true; string, bool, float64

// The limits of planning.
const (
	maxPlanDepth = 50
	maxPlanNodes = 20_000 // decompositions tried
	maxPlanTasks = 5_000
)

// Plan is a DAG of primitive tasks in an order that respects it.
type Plan struct {
	Goal    string      `json:"goal"`
	Tasks   []Task      `json:"tasks"`
	Reasons []Reason    `json:"reasons"`
	Success []Criterion `json:"success_criteria"` // of the SLAPS, or else of the methods chosen
	Digest  string      `json:"digest"`           // SHA-256, hex, of the plan's canonical JSON without this field
}

// Task is one primitive task.
type Task struct {
	ID            string         `json:"id"`   // unique in the plan, stable: "reproduce", "copy-2"
	Name          string         `json:"name"` // the primitive's name in the library
	Summary       string         `json:"summary,omitempty"`
	Worker        string         `json:"worker"`          // "repair", "script", "builtin", "kernel"
	Action        string         `json:"action"`          // what the worker is asked: "reproduce", "run", "render", "prove"
	Args          map[string]any `json:"args,omitempty"`  // JSON values, variables filled in
	Needs         []string       `json:"needs,omitempty"` // ids, sorted
	Effects       []string       `json:"effects,omitempty"`
	TimeoutMillis int64          `json:"timeout_ms,omitempty"`
	Retries       int            `json:"retries,omitempty"`
	OnFail        []string       `json:"on_fail,omitempty"` // names of primitives that undo it, run only when it fails
	Writes        []string       `json:"writes,omitempty"`  // path globs it may write, relative to the repository
}

// Reason says why the plan looks as it does: one decomposition.
type Reason struct {
	Task     string     `json:"task"`
	Method   string     `json:"method"`
	Because  string     `json:"because,omitempty"`
	Rejected []Rejected `json:"rejected,omitempty"`
}

// Rejected is a method that did not apply, and which condition failed.
type Rejected struct {
	Method  string `json:"method"`
	Because string `json:"because"`
}

// NoPlan is returned by Plan when no method applies all the way down.
type NoPlan struct {
	Task     string
	Rejected []Rejected
}

func (e *NoPlan) Error() string {
	var why []string
	for _, r := range e.Rejected {
		why = append(why, r.Method+": "+r.Because)
	}
	return fmt.Sprintf("no method does %s here (%s)", e.Task, strings.Join(why, "; "))
}

// Plan decomposes the SLAPS's intent, depth first, methods in order of priority
// and declaration. The error is Violations for a SLAPS that is not valid or
// whose intent is unknown, or *NoPlan.
func (l *Library) Plan(s SLAPS, facts Facts) (*Plan, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if _, ok := l.tasks[s.Intent]; !ok {
		return nil, Violations{{Pointer: "/intent", Message: fmt.Sprintf("there is no task %q%s", s.Intent, nearestName(s.Intent, keys(l.tasks)))}}
	}
	pl := &planner{lib: l, facts: facts}
	bound, err := l.bind(s)
	if err != nil {
		return nil, err
	}
	got, fail := pl.decompose(s.Intent, bound, 0)
	if fail != nil {
		return nil, fail
	}
	if len(got.tasks) > maxPlanTasks {
		return nil, Violations{{Message: fmt.Sprintf("the plan has %d tasks; the limit is %d", len(got.tasks), maxPlanTasks)}}
	}
	p := &Plan{Goal: s.Intent, Tasks: reduce(got.tasks), Reasons: got.reasons, Success: s.Success}
	if len(p.Success) == 0 {
		p.Success = got.success
	}
	data, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	p.Digest = hex.EncodeToString(sum[:])
	return p, nil
}

// bind gives the goal's parameters their values from the document.
func (l *Library) bind(s SLAPS) (map[string]any, error) {
	out := map[string]any{}
	t := l.tasks[s.Intent]
	for _, name := range keys(t.Params) {
		switch {
		case t.Params[name] == "target":
			out[name] = s.Target.Ref
			if s.Target.Ref == "" {
				out[name] = s.Target.Name
			}
		case s.Parameters[name] != nil:
			out[name] = s.Parameters[name]
		default:
			for _, m := range l.methods[s.Intent] {
				if v, ok := m.Defaults[name]; ok {
					out[name] = v
					break
				}
			}
		}
	}
	for name := range s.Parameters {
		if t.Params[name] == "" {
			return nil, Violations{{Pointer: pointer([]string{"parameters", name}), Message: fmt.Sprintf("%s has no parameter %q%s", t.Name, name, nearestName(name, keys(t.Params)))}}
		}
	}
	return out, nil
}

type planner struct {
	lib   *Library
	facts Facts
	nodes int
}

// network is a decomposed task: its primitives in order, and which of them are
// first and last.
type network struct {
	tasks       []Task
	first, last []string
	reasons     []Reason
	success     []Criterion
}

func (pl *planner) decompose(task string, bound map[string]any, depth int) (network, error) {
	if pl.nodes++; pl.nodes > maxPlanNodes || depth > maxPlanDepth {
		return network{}, &NoPlan{Task: task, Rejected: []Rejected{{task, "the limit of decompositions is reached"}}}
	}
	if p, ok := pl.lib.primitives[task]; ok {
		return primitive(p, bound), nil
	}
	var rejected []Rejected
	for _, m := range pl.lib.methods[task] {
		because, no := pl.applies(m)
		if no != "" {
			rejected = append(rejected, Rejected{m.Name, no})
			continue
		}
		net, err := pl.expand(m, bound, depth)
		if err != nil {
			rejected = append(rejected, Rejected{m.Name, err.Error()})
			continue
		}
		net.reasons = append([]Reason{{Task: task, Method: m.Name, Because: because, Rejected: rejected}}, net.reasons...)
		if len(m.Success) > 0 {
			net.success = criteria(m.Success, bound)
		}
		return net, nil
	}
	return network{}, &NoPlan{Task: task, Rejected: rejected}
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
	if have == nil {
		have = "unknown"
	}
	return fmt.Sprintf("%s %s %v (it is %v)", c.Fact, verb, c.want(), have)
}

// expand decomposes a method's steps and puts their networks in order.
func (pl *planner) expand(m *methodDef, bound map[string]any, depth int) (network, error) {
	var out network
	last := map[string][]string{}
	needed := map[string]bool{}
	prev := ""
	used := map[string]bool{}
	for _, s := range m.Steps {
		net, err := pl.decompose(s.Do, arguments(s.With, bound), depth+1)
		if err != nil {
			return network{}, err
		}
		if s.ID != "" && len(net.tasks) == 1 {
			net.rename(net.tasks[0].ID, s.ID)
		}
		net.unique(used)
		needs := slices.Clone(s.Needs)
		if m.Order != "needs" && prev != "" && len(needs) == 0 {
			needs = []string{prev}
		}
		for _, n := range needs {
			needed[n] = true
			net.after(last[n])
		}
		if len(needs) == 0 {
			out.first = append(out.first, net.first...)
		}
		last[s.id()], prev = net.last, s.id()
		out.tasks = append(out.tasks, net.tasks...)
		out.reasons = append(out.reasons, net.reasons...)
		out.success = append(out.success, net.success...)
	}
	for _, s := range m.Steps {
		if !needed[s.id()] {
			out.last = append(out.last, last[s.id()]...)
		}
	}
	return out, nil
}

// after makes a network's first tasks need others.
func (n *network) after(ids []string) {
	for i := range n.tasks {
		if slices.Contains(n.first, n.tasks[i].ID) {
			n.tasks[i].Needs = append(n.tasks[i].Needs, ids...)
			slices.Sort(n.tasks[i].Needs)
			n.tasks[i].Needs = slices.Compact(n.tasks[i].Needs)
		}
	}
}

func (n *network) rename(from, to string) {
	swap := func(list []string) {
		for i, x := range list {
			if x == from {
				list[i] = to
			}
		}
	}
	for i := range n.tasks {
		if n.tasks[i].ID == from {
			n.tasks[i].ID = to
		}
		swap(n.tasks[i].Needs)
	}
	swap(n.first)
	swap(n.last)
}

// unique numbers ids that are taken.
func (n *network) unique(used map[string]bool) {
	for i := range n.tasks {
		id := n.tasks[i].ID
		for k := 2; used[id]; k++ {
			id = n.tasks[i].ID + "-" + strconv.Itoa(k)
		}
		if id != n.tasks[i].ID {
			n.rename(n.tasks[i].ID, id)
		}
		used[id] = true
	}
}

// primitive makes the network of one task.
func primitive(p *primitiveDef, bound map[string]any) network {
	t := Task{
		ID: p.Name, Name: p.Name, Summary: p.Summary, Worker: p.Worker, Action: p.Action, Args: arguments(p.Args, bound),
		Effects: p.Effects, Retries: p.Retries, OnFail: p.OnFail,
	}
	if p.Timeout != "" {
		t.TimeoutMillis = timeoutMillis(p.Timeout)
	}
	for _, w := range p.Writes {
		if v, ok := bound[strings.TrimPrefix(w, "$")].(string); ok && strings.HasPrefix(w, "$") {
			w = v
		}
		t.Writes = append(t.Writes, w)
	}
	return network{tasks: []Task{t}, first: []string{t.ID}, last: []string{t.ID}}
}

// arguments fills in $variables; one without a value is left out.
func arguments(with map[string]any, bound map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range with {
		if s, ok := v.(string); ok && strings.HasPrefix(s, "$") {
			if v, ok = bound[s[1:]]; !ok {
				continue
			}
		}
		out[name] = v
	}
	return out
}

func criteria(list []Criterion, bound map[string]any) []Criterion {
	out := slices.Clone(list)
	for i, c := range out {
		if v, ok := bound[strings.TrimPrefix(c.Value, "$")].(string); ok && strings.HasPrefix(c.Value, "$") {
			out[i].Value = v
		}
	}
	return out
}

// reduce leaves out needs that others imply.
func reduce(list []Task) []Task {
	above := map[string]map[string]bool{}
	for i, t := range list {
		set := map[string]bool{}
		for _, n := range t.Needs {
			for a := range above[n] {
				set[a] = true
			}
		}
		list[i].Needs = slices.DeleteFunc(slices.Clone(t.Needs), func(n string) bool { return set[n] })
		for _, n := range t.Needs {
			set[n] = true
		}
		above[t.ID] = set
	}
	return list
}

// Table lists the plan for a terminal.
func (p *Plan) Table() string {
	id, who, needs := len("TASK"), len("WORKER"), len("NEEDS")
	for _, t := range p.Tasks {
		id, who = max(id, len(t.ID)), max(who, len(t.Worker+"/"+t.Action))
		needs = max(needs, len(strings.Join(t.Needs, ", ")))
	}
	var b strings.Builder
	line := func(a, c, n, s string) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("  %-*s  %-*s  %-*s  %s", id, a, who, c, needs, n, s), " ") + "\n")
	}
	line("TASK", "WORKER", "NEEDS", "")
	for _, t := range p.Tasks {
		line(t.ID, t.Worker+"/"+t.Action, strings.Join(t.Needs, ", "), t.Summary)
	}
	return b.String()
}

// DOT draws the plan for Graphviz.
func (p *Plan) DOT() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %q {\n  rankdir=LR; node [shape=box, style=rounded];\n", p.Goal)
	for _, t := range p.Tasks {
		fmt.Fprintf(&b, "  %q [label=%q];\n", t.ID, t.ID+"\n"+t.Worker+"/"+t.Action)
	}
	for _, t := range p.Tasks {
		for _, n := range t.Needs {
			fmt.Fprintf(&b, "  %q -> %q;\n", n, t.ID)
		}
	}
	return b.String() + "}\n"
}

// Mermaid draws the plan for Markdown.
func (p *Plan) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	place := map[string]int{}
	for i, t := range p.Tasks {
		place[t.ID] = i
		fmt.Fprintf(&b, "  t%d[\"%s<br/>%s/%s\"]\n", i, t.ID, t.Worker, t.Action)
	}
	for i, t := range p.Tasks {
		for _, n := range t.Needs {
			fmt.Fprintf(&b, "  t%d --> t%d\n", place[n], i)
		}
	}
	return b.String()
}

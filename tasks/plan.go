package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Facts is what the planner knows of the world, as data.
type Facts map[string]any // "language": "go", "has_tests": true, "clean": true; string, bool, float64

// Plan is a DAG of primitive tasks in an order that respects it.
type Plan struct {
	Goal    string      `json:"goal"`
	Tasks   []Task      `json:"tasks"`
	Back    []Task      `json:"back,omitempty"` // the ways back: each undoes one of Tasks, and is run only when that one fails
	Reasons []Reason    `json:"reasons"`
	Success []Criterion `json:"success_criteria"` // of the SLAPS, or else of the methods chosen
	Digest  string      `json:"digest"`           // SHA-256, hex, of the plan's JSON while this field is empty
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
	BackoffMillis int64          `json:"backoff_ms,omitempty"` // wait before the second try, doubled before each further one
	OnFail        []string       `json:"on_fail,omitempty"`    // names of primitives that undo it, run only when it fails
	Undoes        string         `json:"undoes,omitempty"`     // of a task of a way back: the task that it undoes
	Labels        []string       `json:"labels,omitempty"`     // what the machine must have that does it; sorted
	Writes        []string       `json:"writes,omitempty"`     // path globs it may write, relative to the repository
	Adds          []string       `json:"adds,omitempty"`       // protected path globs at which it may put files that are not there
	Lane          int            `json:"lane,omitempty"`       // attempt of a race that it belongs to, from 1; 0 if there is no race
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

// NoPlan is returned by Plan when no method applies all the way down, or a limit
// of planning is reached: that is one Rejected without a method.
type NoPlan struct {
	Task     string
	Rejected []Rejected
}

func (e *NoPlan) Error() string {
	var why []string
	for _, r := range e.Rejected {
		if r.Method == "" {
			return fmt.Sprintf("%s cannot be planned: %s", e.Task, r.Because)
		}
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
	if v := l.unfit(s); len(v) > 0 {
		return nil, v
	}
	pl := &planner{lib: l, facts: facts}
	bound, _ := l.bind(s)
	net, err := pl.decompose(s.Intent, s.Intent, bound, 0)
	if stop := (*limitReached)(nil); errors.As(err, &stop) {
		return nil, &NoPlan{Task: s.Intent, Rejected: []Rejected{{Because: stop.says}}}
	}
	if err != nil {
		return nil, err
	}
	p := &Plan{Goal: s.Intent, Tasks: pl.finish(), Reasons: pl.reasons, Success: s.Success}
	if p.Back, err = pl.waysBack(p.Tasks); err != nil {
		return nil, &NoPlan{Task: s.Intent, Rejected: []Rejected{{Because: err.Error()}}}
	}
	if len(p.Success) == 0 {
		p.Success = net.success
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
func (l *Library) bind(s SLAPS) (map[string]any, Violations) {
	out := map[string]any{}
	t := l.tasks[s.Intent]
	for _, name := range keys(t.Params) {
		if t.Params[name] == "target" {
			out[name] = s.Target.Ref
			if s.Target.Ref == "" {
				out[name] = s.Target.Name
			}
		}
	}
	var faults Violations
	for _, name := range keys(s.Parameters) {
		at := pointer([]string{"parameters", name})
		_, isString := s.Parameters[name].(string)
		switch typ := t.Params[name]; {
		case typ == "":
			faults = append(faults, Violation{Pointer: at, Message: fmt.Sprintf("%s has no parameter %q%s", t.Name, name, nearestName(name, keys(t.Params)))})
		case typ == "target":
			faults = append(faults, Violation{Pointer: at, Message: "the target stands in /target"})
		case !isString:
			faults = append(faults, Violation{Pointer: at, Message: fmt.Sprintf("a %s is a string", typ)})
		default:
			out[name] = s.Parameters[name]
		}
	}
	for _, name := range t.Required {
		if text, given := s.Parameters[name].(string); given && text == "" {
			faults = append(faults, Violation{Pointer: pointer([]string{"parameters", name}), Message: fmt.Sprintf("%s needs a value for it", t.Name)})
		} else if s.Parameters[name] == nil {
			faults = append(faults, Violation{Pointer: "/parameters", Message: fmt.Sprintf("%s needs a parameter %q", t.Name, name)})
		}
	}
	return out, faults
}

// Table lists the plan for a terminal, its ways back last.
func (p *Plan) Table() string {
	id, who, needs := len("TASK"), len("WORKER"), len("NEEDS")
	all := slices.Concat(p.Tasks, p.Back)
	for _, t := range all {
		id, who = max(id, len(t.ID)), max(who, len(t.Worker+"/"+t.Action))
		needs = max(needs, len(t.After()))
	}
	var b strings.Builder
	line := func(a, c, n, s string) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("  %-*s  %-*s  %-*s  %s", id, a, who, c, needs, n, s), " ") + "\n")
	}
	line("TASK", "WORKER", "NEEDS", "")
	for _, t := range all {
		line(t.ID, t.Worker+"/"+t.Action, t.After(), t.Summary)
	}
	return b.String()
}

// After says what a task waits for.
func (t Task) After() string {
	if t.Undoes != "" {
		return "if " + t.Undoes + " fails"
	}
	return strings.Join(t.Needs, ", ")
}

// DOT draws the plan for Graphviz.
func (p *Plan) DOT() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %q {\n  rankdir=LR; node [shape=box, style=rounded];\n", p.Goal)
	for _, t := range slices.Concat(p.Tasks, p.Back) {
		fmt.Fprintf(&b, "  %q [label=%q];\n", t.ID, t.ID+"\n"+t.Worker+"/"+t.Action)
	}
	for _, t := range p.Tasks {
		for _, n := range t.Needs {
			fmt.Fprintf(&b, "  %q -> %q;\n", n, t.ID)
		}
	}
	for _, t := range p.Back {
		fmt.Fprintf(&b, "  %q -> %q [style=dashed, label=\"if it fails\"];\n", t.Undoes, t.ID)
	}
	return b.String() + "}\n"
}

// Mermaid draws the plan for Markdown.
func (p *Plan) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	place := map[string]int{}
	for i, t := range slices.Concat(p.Tasks, p.Back) {
		place[t.ID] = i
		fmt.Fprintf(&b, "  t%d[\"%s<br/>%s/%s\"]\n", i, t.ID, t.Worker, t.Action)
	}
	for i, t := range p.Tasks {
		for _, n := range t.Needs {
			fmt.Fprintf(&b, "  t%d --> t%d\n", place[n], i)
		}
	}
	for _, t := range p.Back {
		fmt.Fprintf(&b, "  t%d -. if it fails .-> t%d\n", place[t.Undoes], place[t.ID])
	}
	return b.String()
}

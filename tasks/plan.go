package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"jitos.dev/tasks/htn"
)

// Plan is a DAG of primitive tasks in an order that respects it.
type Plan struct {
	Goal    string      `json:"goal"`
	Tasks   []Task      `json:"tasks"`
	Finally []Task      `json:"finally,omitempty"` // done for one of Tasks that has begun, in the end, whatever became of it
	Back    []Task      `json:"back,omitempty"`    // the ways back: each undoes one of Tasks, and is run only when that one fails
	Reasons []Reason    `json:"reasons"`
	Success []Criterion `json:"success_criteria"` // of the SLAPS, or else of the methods chosen
	Digest  string      `json:"digest"`           // SHA-256, hex, of the plan's JSON while this field is empty
	Tree    *Tree       `json:"-"`                // how it was found; nil for one that was only read
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
	BackoffMillis int64          `json:"backoff_ms,omitempty"`   // wait before the second try, doubled before each further one
	OnFail        []string       `json:"on_fail,omitempty"`      // names of primitives that undo it, run only when it fails
	Undoes        string         `json:"undoes,omitempty"`       // of a task of a way back: the task that it undoes
	Finally       []string       `json:"finally,omitempty"`      // names of primitives that are done for it in the end
	Closes        string         `json:"closes,omitempty"`       // of a task that is done in the end: the task that it is done for
	Resources     []string       `json:"resources,omitempty"`    // things that it uses, beside others that do; sorted
	Exclusive     []string       `json:"exclusive,omitempty"`    // things that nobody else uses or has while it runs; sorted
	Artifacts     []string       `json:"artifacts,omitempty"`    // path globs, of each of which it leaves a file, relative to the repository
	Capabilities  []string       `json:"capabilities,omitempty"` // what its process must have been granted; sorted
	Labels        []string       `json:"labels,omitempty"`       // what the machine must have that does it; sorted
	Writes        []string       `json:"writes,omitempty"`       // path globs it may write, relative to the repository
	Adds          []string       `json:"adds,omitempty"`         // protected path globs at which it may put files that are not there
	Lane          int            `json:"lane,omitempty"`         // attempt of a race that it belongs to, from 1; 0 if there is no race
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
	Proved   bool // there is none; or else the budget was used up, or a limit reached
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

// Plan decomposes the SLAPS's intent, by methods in order of priority, cost and
// declaration as long as the first search finds a plan. The error is Violations for a
// SLAPS that is not valid or whose intent is unknown, or *NoPlan. It is a function of
// its arguments, and safe for concurrent use.
func (l *Library) Plan(s SLAPS, facts Facts) (*Plan, error) {
	f, err := l.search(s, facts, before{})
	if err != nil {
		return nil, err
	}
	return f.write(s, f.found, nil)
}

// Several plans up to n times, each time with other choices, the cheapest first. all
// says that there are no others, which is proven. The errors are those of Plan.
func (l *Library) Several(s SLAPS, facts Facts, n int) (plans []*Plan, all bool, err error) {
	f, err := l.search(s, facts, before{})
	if err != nil {
		return nil, false, err
	}
	found, all, err := f.model.Several(n, htn.Options{Nodes: maxPlanNodes})
	if err != nil {
		return nil, false, err
	}
	if len(found) == 0 {
		found = []*htn.Plan{f.found}
	}
	for _, x := range found {
		p, err := f.write(s, x, nil)
		if err != nil {
			return nil, false, err
		}
		plans = append(plans, p)
	}
	return plans, all, nil
}

// finding is a compiled problem with the first plan for it.
type finding struct {
	*form
	model *htn.Model
	found *htn.Plan
}

// search compiles a document and looks for a plan.
func (l *Library) search(s SLAPS, facts Facts, b before) (*finding, error) {
	c, err := l.problemOf(s, facts, b)
	if err != nil {
		return nil, err
	}
	f := &finding{form: c}
	if f.model, err = htn.Compile(&c.domain, &c.problem); err != nil {
		return nil, err
	}
	r, err := f.model.Plan(htn.Options{Nodes: maxPlanNodes})
	if err != nil {
		return nil, err
	}
	if f.found = r.Plan; r.Plan == nil {
		return nil, c.none(s.Intent, r)
	}
	return f, nil
}

// problemOf is a document in the compiled form.
func (l *Library) problemOf(s SLAPS, facts Facts, b before) (*form, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	v := l.unfit(s)
	if len(v) == 0 {
		v = l.strangers(s, facts)
	}
	if len(v) > 0 {
		return nil, v
	}
	bound, _ := l.bind(s)
	c, err := l.compile(s.Intent, bound, facts, b)
	if err == nil && c.least(s.Intent) > maxPlanTasks {
		err = limit("the plan has more than %d tasks", maxPlanTasks)
	}
	if stop := (*limitReached)(nil); errors.As(err, &stop) {
		return nil, &NoPlan{Task: s.Intent, Rejected: []Rejected{{Because: stop.says}}}
	}
	return c, err
}

// strangers are values of declared types that the facts do not list.
func (l *Library) strangers(s SLAPS, facts Facts) Violations {
	var out Violations
	bound, _ := l.bind(s)
	for _, name := range keys(bound) {
		typ := l.tasks[s.Intent].Params[name]
		if l.types[typ] == nil {
			continue
		}
		members := l.members(typ, facts)
		if text := fmt.Sprint(bound[name]); !slices.Contains(members, text) {
			out = append(out, Violation{Pointer: pointer([]string{"parameters", name}), Message: fmt.Sprintf("%q is no %s%s", text, typ, nearestName(text, members))})
		}
	}
	return out
}

// members are the values of a type and of those below it, sorted.
func (l *Library) members(typ string, facts Facts) []string {
	var out []string
	for _, name := range keys(l.types) {
		if !l.isA(name, typ) {
			continue
		}
		for _, t := range facts.tuples(name) {
			if text, ok := t[0].(string); ok && len(t) == 1 {
				out = append(out, text)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// least is how many primitives a task takes at least, up to one more than a plan may
// have.
func (c *form) least(task string) int {
	most := maxPlanTasks + 1
	least := map[string]int{}
	for _, t := range c.domain.Tasks {
		least[t.Name] = most
	}
	for again := true; again; {
		again = false
		for _, m := range c.domain.Methods {
			n := 0
			for _, s := range m.Net.Steps {
				if x, compound := least[s.Task]; compound {
					n = min(most, n+x)
				} else {
					n = min(most, n+1)
				}
			}
			if n < least[m.Task] {
				least[m.Task], again = n, true
			}
		}
	}
	return least[task]
}

// none says why there is no plan.
func (c *form) none(task string, r *htn.Result) error {
	if r.Verdict == htn.Unknown {
		return &NoPlan{Task: task, Rejected: []Rejected{{Because: fmt.Sprintf("%s: %d nodes were visited", r.Verdict, r.Nodes)}}}
	}
	bound := map[string]any{}
	for i, name := range keys(c.lib.tasks[task].Params) {
		if v := c.value[c.problem.Net.Steps[0].Args[i]]; v != nil {
			bound[name] = v
		}
	}
	x := explainer{lib: c.lib, facts: c.facts}
	if none := x.task(task, bound, 0); none != nil {
		none.Proved = true
		return none
	}
	why := r.Verdict.String()
	if a, err := htn.WhyNone(&c.domain, &c.problem, htn.Options{Nodes: maxExplained}); err == nil && a != nil && len(a.Blocking) > 0 {
		why += "; most often in the way: " + fmt.Sprint(a.Blocking[0].Change)
	}
	return &NoPlan{Task: task, Proved: true, Rejected: []Rejected{{Because: why}}}
}

// write makes a Plan of one in the compiled form. been is how far it has come; nil for
// one that begins.
func (f *finding) write(s SLAPS, found *htn.Plan, been *progress) (*Plan, error) {
	if found.Actions > maxPlanTasks {
		return nil, &NoPlan{Task: s.Intent, Rejected: []Rejected{{Because: fmt.Sprintf("the plan has more than %d tasks", maxPlanTasks)}}}
	}
	r := &planReader{form: f.form, plan: found, stem: map[int]string{}, needs: make([][]int, found.Actions)}
	r.read(found.Roots, []string{s.Intent}, nil)
	if been == nil {
		dag, err := f.model.DAG(found)
		if err != nil {
			return nil, fmt.Errorf("the plan that was found is none: %w", err)
		}
		been = &progress{edges: dag.Edges}
	}
	for _, e := range been.edges {
		r.needs[e.To] = append(r.needs[e.To], e.From)
	}
	r.arrange()
	taken := map[string]bool{}
	for _, id := range been.taken {
		taken[id] = true
	}
	p := &Plan{Goal: s.Intent, Tasks: r.tasks(been.ids, taken), Reasons: r.reasons(), Success: s.Success}
	err := r.inTheEnd(p, been, taken)
	if err == nil {
		p.Back, err = r.waysBack(p)
	}
	if err != nil {
		return nil, &NoPlan{Task: s.Intent, Rejected: []Rejected{{Because: err.Error()}}}
	}
	if len(p.Success) == 0 {
		p.Success = r.success(found.Roots[0])
	}
	if err := p.seal(); err != nil {
		return nil, err
	}
	p.Tree = &Tree{Plan: found, Actions: r.order}
	return p, nil
}

// seal works the digest out.
func (p *Plan) seal() error {
	p.Digest = ""
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	p.Digest = hex.EncodeToString(sum[:])
	return nil
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

// Methods are those that were chosen, each once, in the order of the decomposition.
func (p *Plan) Methods() []string {
	var out []string
	for _, r := range p.Reasons {
		if !slices.Contains(out, r.Method) {
			out = append(out, r.Method)
		}
	}
	return out
}

// All are the tasks of the plan, those that are done in the end, and the ways back.
func (p *Plan) All() []Task { return slices.Concat(p.Tasks, p.Finally, p.Back) }

// Table lists the plan for a terminal, its ways back last.
func (p *Plan) Table() string {
	id, who, needs := len("TASK"), len("WORKER"), len("NEEDS")
	all := p.All()
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
	if t.Closes != "" {
		return strings.Join(t.Needs, ", ") + ", whatever becomes of " + t.Closes
	}
	return strings.Join(t.Needs, ", ")
}

// DOT draws the plan for Graphviz.
func (p *Plan) DOT() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %q {\n  rankdir=LR; node [shape=box, style=rounded];\n", p.Goal)
	for _, t := range p.All() {
		fmt.Fprintf(&b, "  %q [label=%q];\n", t.ID, t.ID+"\n"+t.Worker+"/"+t.Action)
	}
	for _, t := range slices.Concat(p.Tasks, p.Finally) {
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
	for i, t := range p.All() {
		place[t.ID] = i
		fmt.Fprintf(&b, "  t%d[\"%s<br/>%s/%s\"]\n", i, t.ID, t.Worker, t.Action)
	}
	for _, t := range slices.Concat(p.Tasks, p.Finally) {
		for _, n := range t.Needs {
			fmt.Fprintf(&b, "  t%d --> t%d\n", place[n], place[t.ID])
		}
	}
	for _, t := range p.Back {
		fmt.Fprintf(&b, "  t%d -. if it fails .-> t%d\n", place[t.Undoes], place[t.ID])
	}
	return b.String()
}

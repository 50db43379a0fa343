package tasks

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"jitos.dev/tasks/schema"
)

//go:embed methodtests.schema.json
var methodTestsSchema []byte

var methodTestsCompiled = sync.OnceValue(func() *schema.Schema { return compiled(methodTestsSchema) })

// MethodTestsSchema returns the JSON Schema (2020-12) of golden tests of methods.
func MethodTestsSchema() []byte { return slices.Clone(methodTestsSchema) }

// methodTest is one golden test: what is known and asked for, and what has to
// come of it, which is a plan, none, or a fault of what is asked for.
type methodTest struct {
	Name       string            `json:"name"`
	Task       string            `json:"task"`
	Text       string            `json:"text"`
	Target     TargetRef         `json:"target"`
	Parameters map[string]any    `json:"parameters"`
	Facts      Facts             `json:"facts"`
	Race       int               `json:"race"` // attempts side by side, as jitos intent --race has
	Methods    []string          `json:"methods"`
	Plan       []expectedTask    `json:"plan"`
	Finally    []expectedTask    `json:"finally"` // what is done in the end; all of it
	Back       []expectedTask    `json:"back"`    // its ways back; not looked at if nil
	Success    []Criterion       `json:"success_criteria"`
	NoPlan     map[string]string `json:"no_plan"`
	Fault      string            `json:"fault"`
	where      where
}

// expectedTask is a task of the plan. What is nil is not looked at, but for
// needs: a DAG is known by all of its edges.
type expectedTask struct {
	ID      string         `json:"id"`
	Do      string         `json:"do"`
	Needs   []string       `json:"needs"`
	Worker  string         `json:"worker"`
	Args    map[string]any `json:"args"`
	Writes  []string       `json:"writes"`
	Adds    []string       `json:"adds"`
	Timeout *string        `json:"timeout"`
	Retries *int           `json:"retries"`
	Backoff *string        `json:"backoff"`
	Labels  []string       `json:"labels"`
	Lane    *int           `json:"lane"`
	Undoes  string         `json:"undoes"`
	Closes  string         `json:"closes"`

	Resources    []string `json:"resources"`
	Exclusive    []string `json:"exclusive"`
	Artifacts    []string `json:"artifacts"`
	Capabilities []string `json:"capabilities"`
}

// MethodTest is how one golden test of methods ended.
type MethodTest struct {
	Name    string     `json:"name"`
	File    string     `json:"file"`
	Line    int        `json:"line"`
	Methods []string   `json:"methods,omitempty"` // those that the plan chose, each once, sorted
	Faults  Violations `json:"faults,omitempty"`  // what came otherwise than the test says; none if it passed
	Got     string     `json:"got"`               // what came, as the test would have to say it
}

// Test runs a file of golden tests of methods (see the schema) by this library.
// The error is Violations: the file is none. A test that does not pass is no
// error, and has its faults, each where the file says otherwise.
func (l *Library) Test(s Source) ([]MethodTest, error) {
	list, err := l.readTests(s)
	if err != nil {
		return nil, err
	}
	out := make([]MethodTest, len(list))
	for i := range list {
		out[i] = l.run(&list[i])
	}
	return out, nil
}

// readTests reads the file and holds its names to the library.
func (l *Library) readTests(s Source) ([]methodTest, error) {
	d, err := parseDocument(s.Name, s.Data)
	if err != nil {
		return nil, asViolations(s.Name, err)
	}
	if v := d.validate(methodTestsCompiled()); len(v) > 0 {
		return nil, v
	}
	var f struct {
		Tests []methodTest `json:"tests"`
	}
	if err := d.decode(&f); err != nil {
		return nil, Violations{{File: s.Name, Message: err.Error()}}
	}
	var faults Violations
	names := map[string]bool{}
	for i := range f.Tests {
		t := &f.Tests[i]
		t.where = where{d, []string{"tests", strconv.Itoa(i)}}
		if names[t.Name] {
			faults = append(faults, t.where.in("name").fault(false, "test %q stands twice", t.Name))
		}
		names[t.Name] = true
		l.checkTest(t, func(v Violation) { faults = append(faults, v) })
		if t.Target.Name == "" {
			t.Target = TargetRef{Name: ".", Type: "repository"}
		}
	}
	if faults.sort(); len(faults) > 0 {
		return nil, faults
	}
	return f.Tests, nil
}

func (l *Library) checkTest(t *methodTest, add func(Violation)) {
	if (t.Task == "") == (t.Text == "") {
		add(t.where.fault(false, "a test asks by either task or text"))
	}
	if l.tasks[t.Task] == nil && t.Task != "" {
		add(t.where.in("task").fault(false, "there is no task %q%s", t.Task, nearestName(t.Task, keys(l.tasks))))
	}
	ends := 0
	for _, there := range []bool{t.Plan != nil, t.NoPlan != nil, t.Fault != ""} {
		if there {
			ends++
		}
	}
	switch {
	case ends != 1:
		add(t.where.fault(false, "a test ends in one of plan, no_plan and fault"))
	case t.Plan == nil && t.Methods != nil:
		add(t.where.in("methods").fault(true, "methods are chosen for a plan, and this test has none"))
	case t.Plan == nil && t.Success != nil:
		add(t.where.in("success_criteria").fault(true, "success criteria are those of a plan, and this test has none"))
	}
	if t.Text != "" && t.Parameters != nil {
		add(t.where.in("parameters").fault(true, "parameters are read from the text"))
	}
	var methods []string
	for _, m := range l.order {
		methods = append(methods, m.Name)
	}
	known := func(name string, at Violation) {
		if !slices.Contains(methods, name) {
			at.Message = fmt.Sprintf("there is no method %q%s", name, nearestName(name, methods))
			add(at)
		}
	}
	for i, name := range t.Methods {
		known(name, t.where.in("methods", strconv.Itoa(i)).fault(false, ""))
	}
	for _, name := range keys(t.NoPlan) {
		known(name, t.where.in("no_plan", name).fault(true, ""))
	}
	l.checkExpected(t, add)
}

// checkExpected wants of the expected tasks what is so of every plan.
func (l *Library) checkExpected(t *methodTest, add func(Violation)) {
	ids := map[string]bool{}
	for _, x := range slices.Concat(t.Plan, t.Finally) {
		ids[x.ID] = true
	}
	seen := map[string]bool{}
	for i, x := range slices.Concat(t.Plan, t.Finally) {
		at := t.where.in("plan", strconv.Itoa(i))
		if n := i - len(t.Plan); n >= 0 {
			at = t.where.in("finally", strconv.Itoa(n))
		}
		if seen[x.ID] {
			add(at.in("id").fault(false, "task %q stands twice", x.ID))
		}
		seen[x.ID] = true
		if x.Do != "" && l.primitives[x.Do] == nil {
			add(at.in("do").fault(false, "there is no primitive %q%s", x.Do, nearestName(x.Do, keys(l.primitives))))
		}
		for j, n := range x.Needs {
			if !ids[n] {
				add(at.in("needs", strconv.Itoa(j)).fault(false, "no task here has the id %q%s", n, nearestName(n, slices.Sorted(maps.Keys(ids)))))
			}
		}
	}
}

// run plans what a test asks for and compares.
func (l *Library) run(t *methodTest) MethodTest {
	out := MethodTest{Name: t.Name, File: t.where.doc.file, Line: t.where.fault(false, "").Line}
	p, err := l.planTest(t)
	add := func(w where, key bool, format string, args ...any) {
		out.Faults = append(out.Faults, w.fault(key, format, args...))
	}
	var none *NoPlan
	switch {
	case err == nil:
		out.Got = goldenPlan(p)
		for _, r := range p.Reasons {
			out.Methods = append(out.Methods, r.Method)
		}
		if t.Plan == nil {
			add(t.where.in(t.ending()), true, "there is a plan, by %s", strings.Join(out.Methods, ", "))
		} else {
			t.comparePlan(p, add)
		}
		slices.Sort(out.Methods)
		out.Methods = slices.Compact(out.Methods)
	case errors.As(err, &none):
		out.Got = goldenNone(none)
		if t.NoPlan == nil {
			add(t.where.in(t.ending()), true, "%v", err)
		} else {
			t.compareNone(none, add)
		}
	default:
		out.Got = "fault: " + yamlText(err.Error()) + "\n"
		if t.Fault == "" {
			add(t.where.in(t.ending()), true, "%v", err)
		} else if !strings.Contains(err.Error(), t.Fault) {
			add(t.where.in("fault"), false, "the fault is another: %v", err)
		}
	}
	out.Faults.sort()
	return out
}

// ending names the field that says what has to come of the test.
func (t *methodTest) ending() string {
	switch {
	case t.Plan != nil:
		return "plan"
	case t.NoPlan != nil:
		return "no_plan"
	}
	return "fault"
}

func (l *Library) planTest(t *methodTest) (*Plan, error) {
	s := SLAPS{Version: "1", Intent: t.Task, Target: t.Target, Parameters: t.Parameters}
	if t.Text != "" {
		var err error
		one := Target{Name: t.Target.Name, Type: t.Target.Type, Ref: t.Target.Ref, File: t.Target.Name}
		if one.Type == "" || one.Type == "repository" {
			one.Type, one.File = "repository", "."
		}
		if s, err = l.Understand(t.Text, []Target{one}); err != nil {
			return nil, err
		}
	}
	p, err := l.Plan(s, t.Facts)
	if err != nil {
		return nil, err
	}
	return p.Race(t.Race)
}

// comparePlan tells where a plan is another than the one expected. The order in
// which tasks are listed is no part of a DAG.
func (t *methodTest) comparePlan(p *Plan, add func(w where, key bool, format string, args ...any)) {
	var chosen []string
	for _, r := range p.Reasons {
		chosen = append(chosen, r.Method)
	}
	if t.Methods != nil && !slices.Equal(t.Methods, chosen) {
		add(t.where.in("methods"), true, "the methods chosen are %s", strings.Join(chosen, ", "))
	}
	t.compareTasks("plan", t.Plan, p.Tasks, add)
	if t.Finally != nil || len(p.Finally) > 0 {
		t.compareTasks("finally", t.Finally, p.Finally, add)
	}
	if t.Back != nil {
		t.compareTasks("back", t.Back, p.Back, add)
	}
	if t.Success != nil && !reflect.DeepEqual(t.Success, p.Success) {
		add(t.where.in("success_criteria"), true, "the success criteria are %s", goldenCriteria(p.Success))
	}
}

// compareTasks holds the tasks that came against those expected, each to each.
func (t *methodTest) compareTasks(field string, want []expectedTask, tasks []Task, add func(w where, key bool, format string, args ...any)) {
	got := map[string]Task{}
	for _, x := range tasks {
		got[x.ID] = x
		if !slices.ContainsFunc(want, func(e expectedTask) bool { return e.ID == x.ID }) {
			add(t.where.in(field), true, "the plan has %s as well (%s/%s)", x.ID, x.Worker, x.Action)
		}
	}
	for i, e := range want {
		at := t.where.in(field, strconv.Itoa(i))
		x, ok := got[e.ID]
		if !ok {
			add(at.in("id"), false, "the plan has no task %s%s", e.ID, nearestName(e.ID, keys(got)))
			continue
		}
		e.compare(x, at, add)
	}
}

// compare tells where a task is another than the one expected.
func (e expectedTask) compare(x Task, at where, add func(w where, key bool, format string, args ...any)) {
	if needs := slices.Sorted(slices.Values(e.Needs)); !slices.Equal(needs, x.Needs) {
		w, key := at, false
		if e.Needs != nil {
			w, key = at.in("needs"), true
		}
		add(w, key, "%s needs %s, not %s", e.ID, listed(x.Needs), listed(needs))
	}
	if e.Do != "" && e.Do != x.Name {
		add(at.in("do"), false, "%s is done by %s", e.ID, x.Name)
	}
	if have := x.Worker + "/" + x.Action; e.Worker != "" && e.Worker != have {
		add(at.in("worker"), false, "%s is done by %s", e.ID, have)
	}
	if e.Args != nil && (len(e.Args) > 0 || len(x.Args) > 0) && !reflect.DeepEqual(e.Args, x.Args) {
		add(at.in("args"), true, "the arguments of %s are %s", e.ID, jsonText(x.Args))
	}
	if e.Undoes != "" && e.Undoes != x.Undoes {
		add(at.in("undoes"), false, "%s undoes %s", e.ID, listed([]string{x.Undoes}))
	}
	if e.Closes != "" && e.Closes != x.Closes {
		add(at.in("closes"), false, "%s is done for %s", e.ID, listed([]string{x.Closes}))
	}
	if e.Writes != nil && !slices.Equal(e.Writes, x.Writes) {
		add(at.in("writes"), true, "%s writes %s", e.ID, listed(x.Writes))
	}
	if e.Adds != nil && !slices.Equal(e.Adds, x.Adds) {
		add(at.in("adds"), true, "%s may add %s", e.ID, listed(x.Adds))
	}
	e.compareRun(x, at, add)
}

// compareRun tells where a task is run otherwise than expected: for how long, how often,
// on which machine, in which attempt of a race.
func (e expectedTask) compareRun(x Task, at where, add func(w where, key bool, format string, args ...any)) {
	for _, d := range []struct {
		name       string
		want, have []string
	}{{"resources", e.Resources, x.Resources}, {"exclusive", e.Exclusive, x.Exclusive}, {"artifacts", e.Artifacts, x.Artifacts}, {"capabilities", e.Capabilities, x.Capabilities}} {
		if d.want != nil && !slices.Equal(d.want, d.have) {
			add(at.in(d.name), true, "%s has %s: %s", e.ID, d.name, listed(d.have))
		}
	}
	for _, d := range []struct {
		name string
		want *string
		ms   int64
	}{{"timeout", e.Timeout, x.TimeoutMillis}, {"backoff", e.Backoff, x.BackoffMillis}} {
		if d.want != nil && timeoutMillis(*d.want) != d.ms {
			add(at.in(d.name), false, "the %s of %s is %s", d.name, e.ID, millisText(d.ms))
		}
	}
	if e.Retries != nil && *e.Retries != x.Retries {
		add(at.in("retries"), false, "%s is tried again %d times", e.ID, x.Retries)
	}
	if e.Labels != nil && !slices.Equal(slices.Sorted(slices.Values(e.Labels)), x.Labels) {
		add(at.in("labels"), true, "%s needs a machine with %s", e.ID, listed(x.Labels))
	}
	if e.Lane != nil && *e.Lane != x.Lane {
		add(at.in("lane"), false, "%s is of lane %d", e.ID, x.Lane)
	}
}

// compareNone tells where the reasons are others than those expected; what the
// test does not name may be rejected for any.
func (t *methodTest) compareNone(none *NoPlan, add func(w where, key bool, format string, args ...any)) {
	why := map[string]string{}
	for _, r := range none.Rejected {
		why[r.Method] = r.Because
	}
	for _, name := range keys(t.NoPlan) {
		because, ok := why[name]
		switch at := t.where.in("no_plan", name); {
		case !ok:
			add(at, true, "%s was not tried for %s: %v", name, none.Task, none)
		case because != t.NoPlan[name]:
			add(at, false, "%s was rejected because %s", name, because)
		}
	}
}

func listed(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

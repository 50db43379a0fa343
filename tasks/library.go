package tasks

import (
	_ "embed"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed methods.schema.json
var methodsSchema []byte

var methodsCompiled = sync.OnceValue(func() *jsonschema.Schema {
	return compileSchema("https://jitos.dev/schema/methods-1.json", methodsSchema)
})

// Source is one YAML file of a library.
type Source struct {
	Name string // for error positions: "methods/fixbug.yaml"
	Data []byte
}

// Library is a checked set of tasks, methods and primitives. It is immutable
// and safe for concurrent use.
type Library struct {
	tasks      map[string]*taskDef
	methods    map[string][]*methodDef // by task: highest priority first, then as declared
	order      []*methodDef            // by task, then as in methods
	primitives map[string]*primitiveDef
	phrases    []*phrase
}

type taskDef struct {
	Name    string            `json:"name"`
	Summary string            `json:"summary"`
	Params  map[string]string `json:"params"`
	where   where
}

type methodDef struct {
	Name     string            `json:"name"`
	Task     string            `json:"task"`
	Summary  string            `json:"summary"`
	Phrases  []string          `json:"phrases"`
	Defaults map[string]string `json:"defaults"`
	When     []condition       `json:"when"`
	Unless   []condition       `json:"unless"`
	Priority int               `json:"priority"`
	Steps    []step            `json:"steps"`
	Order    string            `json:"order"`
	Success  []Criterion       `json:"success_criteria"`
	where    where
	source   string
}

type condition struct {
	Fact    string `json:"fact"`
	Is      any    `json:"is"` // absent: true
	Message string `json:"message"`
}

type step struct {
	Do    string         `json:"do"`
	ID    string         `json:"id"`
	With  map[string]any `json:"with"`
	Needs []string       `json:"needs"`
}

type primitiveDef struct {
	Name    string            `json:"name"`
	Summary string            `json:"summary"`
	Params  map[string]string `json:"params"`
	Worker  string            `json:"worker"`
	Action  string            `json:"action"`
	Args    map[string]any    `json:"args"`
	Effects []string          `json:"effects"`
	Timeout string            `json:"timeout"`
	Retries int               `json:"retries"`
	OnFail  []string          `json:"on_fail"`
	Writes  []string          `json:"writes"`
	where   where
}

// where is the place of a definition.
type where struct {
	doc  *document
	path []string
}

func (w where) fault(key bool, format string, args ...any) Violation {
	return w.doc.violation(w.path, key, format, args...)
}

func (w where) in(steps ...string) where {
	return where{w.doc, append(slices.Clone(w.path), steps...)}
}

// file is a method file as decoded.
type file struct {
	Tasks      []*taskDef      `json:"tasks"`
	Methods    []*methodDef    `json:"methods"`
	Primitives []*primitiveDef `json:"primitives"`
}

// Load reads and checks a library as a whole: unknown fields, unknown tasks,
// unbound variables, cycles without a way out. The error is Violations, each
// with file, line and column.
func Load(sources ...Source) (*Library, error) {
	l := &Library{tasks: map[string]*taskDef{}, methods: map[string][]*methodDef{}, primitives: map[string]*primitiveDef{}}
	var faults Violations
	for _, s := range sources {
		d, err := parseDocument(s.Name, s.Data)
		if err != nil {
			faults = append(faults, asViolations(s.Name, err)...)
			continue
		}
		if v := d.validate(methodsCompiled()); len(v) > 0 {
			faults = append(faults, v...)
			continue
		}
		var f file
		if err := d.decode(&f); err != nil {
			faults = append(faults, Violation{File: s.Name, Message: err.Error()})
			continue
		}
		faults = append(faults, l.define(d, s, f)...)
	}
	if len(faults) == 0 {
		faults = l.check()
	}
	if len(faults) > 0 {
		return nil, faults
	}
	l.arrange()
	return l, nil
}

func asViolations(file string, err error) Violations {
	if v, ok := err.(Violations); ok {
		return v
	}
	return Violations{{File: file, Message: err.Error()}}
}

// define takes a file's definitions in; a name defined twice is a fault.
func (l *Library) define(d *document, s Source, f file) Violations {
	var faults Violations
	twice := func(w where, sort, name string, other where) {
		faults = append(faults, w.in("name").fault(false, "%s %s is defined already in %s", sort, name, other.doc.file))
	}
	for i, t := range f.Tasks {
		t.where = where{d, []string{"tasks", strconv.Itoa(i)}}
		if o, ok := l.tasks[t.Name]; ok {
			twice(t.where, "task", t.Name, o.where)
		}
		l.tasks[t.Name] = t
	}
	for i, p := range f.Primitives {
		p.where = where{d, []string{"primitives", strconv.Itoa(i)}}
		if o, ok := l.primitives[p.Name]; ok {
			twice(p.where, "primitive", p.Name, o.where)
		}
		l.primitives[p.Name] = p
	}
	for i, m := range f.Methods {
		m.where = where{d, []string{"methods", strconv.Itoa(i)}}
		m.source = string(s.Data)
		for _, o := range l.order {
			if o.Name == m.Name {
				twice(m.where, "method", m.Name, o.where)
			}
		}
		l.methods[m.Task] = append(l.methods[m.Task], m)
		l.order = append(l.order, m)
	}
	return faults
}

// check finds what is wrong between definitions.
func (l *Library) check() Violations {
	var faults Violations
	add := func(v Violation) { faults = append(faults, v) }
	for _, m := range l.order {
		t, ok := l.tasks[m.Task]
		if !ok {
			add(m.where.in("task").fault(false, "there is no task %q%s", m.Task, nearestName(m.Task, keys(l.tasks))))
			continue
		}
		l.checkSteps(m, t, add)
		for i, text := range m.Phrases {
			p, err := parsePhrase(text, m)
			at := m.where.in("phrases", strconv.Itoa(i))
			if err != nil {
				add(at.fault(false, "%v", err))
				continue
			}
			for _, s := range p.slots() {
				if _, ok := t.Params[s]; !ok {
					add(at.fault(false, "slot {%s} is no parameter of task %s", s, t.Name))
				}
			}
			l.phrases = append(l.phrases, p)
		}
		for i, c := range m.Success {
			if v, ok := strings.CutPrefix(c.Value, "$"); ok && t.Params[v] == "" {
				add(m.where.in("success_criteria", strconv.Itoa(i), "value").fault(false, "$%s is no parameter of task %s", v, t.Name))
			}
		}
	}
	for _, p := range l.primitives {
		for name, a := range p.Args {
			if s, ok := a.(string); ok && strings.HasPrefix(s, "$") && p.Params[s[1:]] == "" {
				add(p.where.in("args", name).fault(false, "%s is no parameter of %s", s, p.Name))
			}
		}
		for i, u := range p.OnFail {
			if l.primitives[u] == nil {
				add(p.where.in("on_fail", strconv.Itoa(i)).fault(false, "there is no primitive %q%s", u, nearestName(u, keys(l.primitives))))
			}
		}
	}
	for _, t := range l.tasks {
		if len(l.methods[t.Name]) == 0 {
			add(t.where.in("name").fault(false, "task %s has no method", t.Name))
		} else if !l.grounded(t.Name, map[string]bool{}) {
			add(t.where.in("name").fault(false, "task %s never comes down to primitives: every method leads back to it", t.Name))
		}
	}
	faults.sort()
	return faults
}

func (l *Library) checkSteps(m *methodDef, t *taskDef, add func(Violation)) {
	ids := map[string]bool{}
	for i, s := range m.Steps {
		at := m.where.in("steps", strconv.Itoa(i))
		params, ok := l.paramsOf(s.Do)
		if !ok {
			add(at.in("do").fault(false, "there is neither a task nor a primitive %q%s", s.Do, nearestName(s.Do, append(keys(l.tasks), keys(l.primitives)...))))
			continue
		}
		for name, v := range s.With {
			if params[name] == "" {
				add(at.in("with", name).fault(true, "%s has no parameter %q%s", s.Do, name, nearestName(name, keys(params))))
			}
			if x, ok := v.(string); ok && strings.HasPrefix(x, "$") && t.Params[x[1:]] == "" {
				add(at.in("with", name).fault(false, "%s is no parameter of task %s", x, t.Name))
			}
		}
		for j, n := range s.Needs {
			if !ids[n] {
				add(at.in("needs", strconv.Itoa(j)).fault(false, "no step before this one has the id %q", n))
			}
		}
		id := s.id()
		if ids[id] {
			add(at.fault(false, "step id %q stands twice", id))
		}
		ids[id] = true
	}
}

func (s step) id() string {
	if s.ID != "" {
		return s.ID
	}
	return s.Do
}

func (l *Library) paramsOf(name string) (map[string]string, bool) {
	if t, ok := l.tasks[name]; ok {
		return t.Params, true
	}
	if p, ok := l.primitives[name]; ok {
		return p.Params, true
	}
	return nil, false
}

// grounded reports whether a task has a way down to primitives.
func (l *Library) grounded(task string, above map[string]bool) bool {
	if l.primitives[task] != nil {
		return true
	}
	if above[task] {
		return false
	}
	above[task] = true
	defer delete(above, task)
	for _, m := range l.methods[task] {
		ok := true
		for _, s := range m.Steps {
			ok = ok && l.grounded(s.Do, above)
		}
		if ok {
			return true
		}
	}
	return false
}

// arrange fixes the order in which methods are tried and listed.
func (l *Library) arrange() {
	for _, ms := range l.methods {
		slices.SortStableFunc(ms, func(a, b *methodDef) int { return b.Priority - a.Priority })
	}
	l.order = nil
	for _, t := range slices.Sorted(slices.Values(keys(l.tasks))) {
		l.order = append(l.order, l.methods[t]...)
	}
}

func keys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// nearestName suggests one of the names.
func nearestName(name string, names []string) string {
	best, dist := "", 1+len(name)/3
	for _, n := range names {
		if d := editDistance(strings.ToLower(name), strings.ToLower(n)); d <= dist {
			best, dist = n, d-1
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// timeoutMillis reads "90s", "5m", "200ms".
func timeoutMillis(s string) int64 {
	unit := map[string]int64{"ms": 1, "s": 1000, "m": 60_000}
	digits := strings.TrimRight(s, "ms")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0
	}
	return n * unit[s[len(digits):]]
}

// MethodInfo describes one method, for people.
type MethodInfo struct {
	Name    string   `json:"name"`
	Task    string   `json:"task"` // the compound task it decomposes
	Summary string   `json:"summary"`
	Phrases []string `json:"phrases,omitempty"`
	File    string   `json:"file"`
	Line    int      `json:"line"`
	Steps   []string `json:"steps"`
	Source  string   `json:"source,omitempty"` // its YAML, in Show only
}

func (m *methodDef) info() MethodInfo {
	in := MethodInfo{
		Name: m.Name, Task: m.Task, Summary: m.Summary, Phrases: slices.Clone(m.Phrases), File: m.where.doc.file,
		Line: m.where.fault(false, "").Line,
	}
	for _, s := range m.Steps {
		in.Steps = append(in.Steps, s.Do)
	}
	return in
}

// Methods ranges over the methods in order of task, then declaration.
func (l *Library) Methods() iter.Seq[MethodInfo] {
	return func(yield func(MethodInfo) bool) {
		for _, m := range l.order {
			if !yield(m.info()) {
				return
			}
		}
	}
}

// Show returns one method with its YAML.
func (l *Library) Show(name string) (MethodInfo, bool) {
	for _, m := range l.order {
		if m.Name != name {
			continue
		}
		in := m.info()
		lines := strings.Split(m.source, "\n")
		end := in.Line
		for end < len(lines) && (strings.TrimSpace(lines[end]) == "" || strings.HasPrefix(lines[end], "   ")) {
			end++
		}
		in.Source = strings.TrimRight(strings.Join(lines[in.Line-1:end], "\n"), "\n ") + "\n"
		return in, true
	}
	return MethodInfo{}, false
}

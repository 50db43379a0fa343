package tasks

import (
	"cmp"
	_ "embed"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"jitos.dev/tasks/schema"
)

//go:embed methods.schema.json
var methodsSchema []byte

var methodsCompiled = sync.OnceValue(func() *schema.Schema { return compiled(methodsSchema) })

// MethodsSchema returns the JSON Schema (2020-12) of method files.
func MethodsSchema() []byte { return slices.Clone(methodsSchema) }

// Source is one YAML file of a library.
type Source struct {
	Name string // for error positions: "methods/fixbug.yaml"
	Data []byte
}

// Library is a checked set of tasks, methods and primitives. It is immutable
// and safe for concurrent use.
type Library struct {
	sources    []Source
	tasks      map[string]*taskDef
	methods    map[string][]*methodDef // by task: highest priority first, then the cheapest, then as declared
	order      []*methodDef            // by task, then as in methods
	primitives map[string]*primitiveDef
	phrases    []*phrase
	types      map[string]*typeDef
	facts      map[string]*factDef
	changed    map[string]bool // facts that primitives change
	related    map[string]bool // of these, those that are relations
	costs      bool            // some primitive says what it costs
}

type taskDef struct {
	Name     string            `json:"name"`
	Summary  string            `json:"summary"`
	Params   map[string]string `json:"params"`
	Required []string          `json:"required"` // parameters without which it cannot be done
	where    where
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
	Cost     int               `json:"cost"`
	Steps    []step            `json:"steps"`
	Order    string            `json:"order"`
	Success  []Criterion       `json:"success_criteria"`
	where    where
	source   string
}

type primitiveDef struct {
	Name    string            `json:"name"`
	Summary string            `json:"summary"`
	Params  map[string]string `json:"params"`
	Worker  string            `json:"worker"`
	Action  string            `json:"action"`
	Args    map[string]any    `json:"args"`
	When    []condition       `json:"when"`
	Unless  []condition       `json:"unless"`
	Effects []any             `json:"effects"`
	Cost    int               `json:"cost"`
	Timeout string            `json:"timeout"`
	Retries int               `json:"retries"`
	Backoff string            `json:"backoff"`
	OnFail  []string          `json:"on_fail"`
	Labels  []string          `json:"labels"`
	Finally []string          `json:"finally"`
	Uses    []string          `json:"resources"`
	Alone   []string          `json:"exclusive"`
	Leaves  []string          `json:"artifacts"`
	Caps    []string          `json:"capabilities"`
	Writes  []string          `json:"writes"`
	Adds    []string          `json:"adds"`
	where   where
	bare    string // its name without the namespace
	effects []effect
}

// typeDef is a sort of values: those that the fact of its name lists, and those of the
// types below it.
type typeDef struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`
	Of      string `json:"of"`
	where   where
}

// factDef says how many arguments a fact has, and of which types.
type factDef struct {
	Name    string   `json:"name"`
	Summary string   `json:"summary"`
	Args    []string `json:"args"`
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
	Namespace  string          `json:"namespace"`
	Include    []string        `json:"include"`
	Types      []*typeDef      `json:"types"`
	Facts      []*factDef      `json:"facts"`
	Tasks      []*taskDef      `json:"tasks"`
	Methods    []*methodDef    `json:"methods"`
	Primitives []*primitiveDef `json:"primitives"`
}

// Load reads and checks a library as a whole: unknown fields, unknown tasks,
// unbound variables, cycles without a way out, includes of what is not there. The error is Violations, each
// with file, line and column.
func Load(sources ...Source) (*Library, error) {
	l := &Library{
		sources: sources, tasks: map[string]*taskDef{}, methods: map[string][]*methodDef{}, primitives: map[string]*primitiveDef{},
		types: map[string]*typeDef{}, facts: map[string]*factDef{}, changed: map[string]bool{}, related: map[string]bool{},
	}
	var faults Violations
	var files []*opened
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
		o := &opened{doc: d, source: s}
		if err := d.decode(&o.file); err != nil {
			faults = append(faults, Violation{File: s.Name, Message: err.Error()})
			continue
		}
		files = append(files, o)
	}
	faults = append(faults, qualify(files, sources)...)
	for _, o := range files {
		faults = append(faults, l.define(o.doc, o.source, o.file)...)
	}
	if len(faults) == 0 {
		faults = l.check()
	}
	if len(faults) > 0 {
		faults.sort()
		return nil, faults
	}
	l.arrange()
	return l, nil
}

// With is the library with more files, checked as a whole. Those that it has stay
// what they are: a name of theirs that is defined again is a fault.
func (l *Library) With(more ...Source) (*Library, error) {
	return Load(slices.Concat(l.sources, more)...)
}

// PrimitiveInfo describes a primitive.
type PrimitiveInfo struct {
	Name    string
	Summary string
	Params  map[string]string
	Worker  string
}

// Primitives lists the primitives, by name.
func (l *Library) Primitives() []PrimitiveInfo {
	var out []PrimitiveInfo
	for _, name := range keys(l.primitives) {
		p := l.primitives[name]
		out = append(out, PrimitiveInfo{p.Name, p.Summary, maps.Clone(p.Params), p.Worker})
	}
	return out
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
	for i, t := range f.Types {
		t.where = where{d, []string{"types", strconv.Itoa(i)}}
		if o, ok := l.types[t.Name]; ok {
			twice(t.where, "type", t.Name, o.where)
		}
		l.types[t.Name] = t
	}
	for i, x := range f.Facts {
		x.where = where{d, []string{"facts", strconv.Itoa(i)}}
		if o, ok := l.facts[x.Name]; ok {
			twice(x.where, "fact", x.Name, o.where)
		}
		l.facts[x.Name] = x
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
		for _, e := range p.Effects {
			x := effectOf(e)
			p.effects = append(p.effects, x)
			l.changed[x.Fact] = true
			if x.Args != nil {
				l.related[x.Fact] = true
			}
		}
		l.costs = l.costs || p.Cost != 0
	}
	for i, m := range f.Methods {
		m.where = where{d, []string{"methods", strconv.Itoa(i)}}
		m.source = string(s.Data)
		m.line()
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

func (l *Library) paramsOf(name string) (map[string]string, bool) {
	if t, ok := l.tasks[name]; ok {
		return t.Params, true
	}
	if p, ok := l.primitives[name]; ok {
		return p.Params, true
	}
	return nil, false
}

// arrange fixes the order in which methods are tried and listed.
func (l *Library) arrange() {
	for _, ms := range l.methods {
		slices.SortStableFunc(ms, func(a, b *methodDef) int { return cmp.Or(b.Priority-a.Priority, a.Cost-b.Cost) })
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

// maxTimeoutMillis bounds a primitive's time to a day.
const maxTimeoutMillis = 24 * 60 * 60_000

// timeoutMillis reads "90s", "5m", "200ms". What is beyond int64 is the most
// that it holds, which check refuses.
func timeoutMillis(s string) int64 {
	unit := map[string]int64{"ms": 1, "s": 1000, "m": 60_000}
	digits := strings.TrimRight(s, "ms")
	n, err := strconv.ParseInt(digits, 10, 64)
	if times := unit[s[len(digits):]]; err == nil && n <= math.MaxInt64/max(times, 1) {
		return n * times
	}
	return math.MaxInt64
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

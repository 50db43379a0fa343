package tasks

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"jitos.dev/tasks/schema"
)

//go:embed slaps.schema.json
var slapsSchema []byte

var slapsCompiled = sync.OnceValue(func() *schema.Schema { return compiled(slapsSchema) })

// ParseSLAPS reads JSON or YAML and validates it against the published schema.
// The error is Violations.
func ParseSLAPS(name string, data []byte) (SLAPS, error) {
	_, s, err := readSLAPS(name, data)
	return s, err
}

func readSLAPS(name string, data []byte) (*document, SLAPS, error) {
	d, err := parseDocument(name, data)
	if err != nil {
		return nil, SLAPS{}, err
	}
	if v := d.validate(slapsCompiled()); len(v) > 0 {
		return nil, SLAPS{}, v
	}
	var s SLAPS
	if err := d.decode(&s); err != nil {
		return nil, SLAPS{}, Violations{{File: name, Message: err.Error()}}
	}
	return d, s, nil
}

// Schema returns the JSON Schema (2020-12) of SLAPS documents.
func Schema() []byte { return append([]byte(nil), slapsSchema...) }

// Validate reports every fault of s as Violations, or nil. They have pointers
// and no lines: s may never have been text.
func (s SLAPS) Validate() error {
	data, err := json.Marshal(s)
	if err != nil {
		return Violations{{Message: err.Error()}}
	}
	var d document
	if err := json.Unmarshal(data, &d.value); err != nil {
		return Violations{{Message: err.Error()}}
	}
	if v := d.validate(slapsCompiled()); len(v) > 0 {
		return v
	}
	return nil
}

// Check reads a document and holds it to the library as well: its task is there,
// and takes the parameters. The error is Violations, each with its place.
func (l *Library) Check(name string, data []byte) (SLAPS, error) {
	d, s, err := readSLAPS(name, data)
	if err != nil {
		return SLAPS{}, err
	}
	found := l.unfit(s)
	for i, v := range found {
		path := splitPointer(v.Pointer)
		_, known := l.tasks[s.Intent]
		key := len(path) == 2 && known && l.tasks[s.Intent].Params[path[1]] == ""
		found[i] = d.violation(path, key, "%s", v.Message)
	}
	if found.sort(); len(found) > 0 {
		return SLAPS{}, found
	}
	return s, nil
}

// unfit is what the library does not take of a valid document: pointers without
// lines.
func (l *Library) unfit(s SLAPS) Violations {
	if _, ok := l.tasks[s.Intent]; !ok {
		return Violations{{Pointer: "/intent", Message: fmt.Sprintf("there is no task %q%s", s.Intent, nearestName(s.Intent, keys(l.tasks)))}}
	}
	_, found := l.bind(s)
	return found
}

// splitPointer is the way that a JSON pointer names.
func splitPointer(p string) []string {
	if p == "" {
		return nil
	}
	path := strings.Split(p[1:], "/")
	for i := range path {
		path[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(path[i])
	}
	return path
}

// Draft is a document that asks for a task of the library, to be filled in: each
// parameter has its default, or is empty.
func (l *Library) Draft(task, target string) (SLAPS, error) {
	t, ok := l.tasks[task]
	if !ok {
		return SLAPS{}, Violations{{Pointer: "/intent", Message: fmt.Sprintf("there is no task %q%s", task, nearestName(task, keys(l.tasks)))}}
	}
	s := SLAPS{Version: "1", Intent: task, Target: TargetRef{Name: target}}
	for _, name := range keys(t.Params) {
		if t.Params[name] == "target" {
			continue
		}
		if s.Parameters == nil {
			s.Parameters = map[string]any{}
		}
		s.Parameters[name] = ""
		for _, m := range l.methods[task] {
			if v, ok := m.Defaults[name]; ok {
				s.Parameters[name] = v
				break
			}
		}
	}
	return s, nil
}

// TaskInfo describes a task, for people.
type TaskInfo struct {
	Name    string            `json:"name"`
	Summary string            `json:"summary,omitempty"`
	Params  map[string]string `json:"params,omitempty"` // types by name
}

// Task describes a task of the library.
func (l *Library) Task(name string) (TaskInfo, bool) {
	t, ok := l.tasks[name]
	if !ok {
		return TaskInfo{}, false
	}
	return TaskInfo{t.Name, t.Summary, maps.Clone(t.Params)}, true
}

// Tasks lists the tasks that a person can ask for by a phrase, by name.
func (l *Library) Tasks() []TaskInfo {
	var out []TaskInfo
	for _, name := range keys(l.tasks) {
		if slices.ContainsFunc(l.methods[name], func(m *methodDef) bool { return len(m.Phrases) > 0 }) {
			info, _ := l.Task(name)
			out = append(out, info)
		}
	}
	return out
}

package tasks

import (
	_ "embed"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"jitos.dev/tasks/schema"
)

// GatesPath is where a repository names its own gates.
const GatesPath = ".jitos/gates.yaml"

// The limits of a gate.
const (
	defaultGateMillis = 10 * 60_000
	maxGateMillis     = 4 * 60 * 60_000
)

//go:embed gates.schema.json
var gatesSchema []byte

var gatesCompiled = sync.OnceValue(func() *schema.Schema { return compiled(gatesSchema) })

// GateFile is what a repository demands of every change of it.
type GateFile struct {
	Version   string     `json:"gates_version"` // "1"
	Gates     []GateSpec `json:"gates,omitempty"`
	Protected []string   `json:"protected,omitempty"`
}

// GateSpec is one gate of a repository. All of its paths and globs are relative
// to the repository.
type GateSpec struct {
	Name      string   `json:"name"`
	Command   []string `json:"command"`
	Dir       string   `json:"dir,omitempty"`    // "." if absent
	Parser    string   `json:"parser,omitempty"` // "go", "junit", "tap", "pytest"; judged by its exit status if absent
	Report    string   `json:"report,omitempty"` // file that the parser reads; what is printed if absent
	Inputs    []string `json:"inputs,omitempty"`
	Timeout   string   `json:"timeout,omitempty"` // "5m"; 10m if absent
	Protected []string `json:"protected,omitempty"`
	Flaky     *Flaky   `json:"flaky,omitempty"`
}

// Flaky says that a red run of a gate may be wrong.
type Flaky struct {
	Reruns int    `json:"reruns"` // how often it is done again before it counts
	Reason string `json:"reason,omitempty"`
}

// TimeoutMillis is how long one run may take.
func (g GateSpec) TimeoutMillis() int64 {
	if g.Timeout == "" {
		return defaultGateMillis
	}
	return timeoutMillis(g.Timeout)
}

// Reruns is how often a red run is done again.
func (g GateSpec) Reruns() int {
	if g.Flaky == nil {
		return 0
	}
	return g.Flaky.Reruns
}

// ParseGates reads a gate file, JSON or YAML, and validates it against the
// published schema. The error is Violations, each with its place.
func ParseGates(name string, data []byte) (GateFile, error) {
	d, err := parseDocument(name, data)
	if err != nil {
		return GateFile{}, err
	}
	if v := d.validate(gatesCompiled()); len(v) > 0 {
		return GateFile{}, v
	}
	var f GateFile
	if err := d.decode(&f); err != nil {
		return GateFile{}, Violations{{File: name, Message: err.Error()}}
	}
	if v := f.check(d); len(v) > 0 {
		return GateFile{}, v
	}
	return f, nil
}

// GatesSchema returns the JSON Schema (2020-12) of gate files.
func GatesSchema() []byte { return slices.Clone(gatesSchema) }

// check finds what a schema does not say.
func (f GateFile) check(d *document) Violations {
	var out Violations
	add := func(at []string, format string, args ...any) {
		out = append(out, d.violation(at, false, format, args...))
	}
	globs := func(list []string, at ...string) {
		for i, g := range list {
			if why := badGlob(g); why != "" {
				add(append(slices.Clone(at), fmt.Sprint(i)), "%s", why)
			}
		}
	}
	globs(f.Protected, "protected")
	seen := map[string]bool{}
	for i, g := range f.Gates {
		at := func(steps ...string) []string { return append([]string{"gates", fmt.Sprint(i)}, steps...) }
		if seen[g.Name] {
			add(at("name"), "a gate %q stands above already", g.Name)
		}
		seen[g.Name] = true
		if g.Dir != "" && !local(g.Dir) {
			add(at("dir"), "%q is no folder of the repository", g.Dir)
		}
		if g.Report != "" && !local(g.Report) {
			add(at("report"), "%q is no file of the repository", g.Report)
		}
		if g.Report != "" && g.Parser == "" {
			add(at("report"), "a report needs a parser")
		}
		if ms := g.TimeoutMillis(); ms < 1 || ms > maxGateMillis {
			add(at("timeout"), "a timeout is from 1ms to %dm", maxGateMillis/60_000)
		}
		globs(g.Inputs, at("inputs")...)
		globs(g.Protected, at("protected")...)
	}
	out.sort()
	return out
}

// local reports whether a relative path stays in the repository and is written
// in one way only.
func local(p string) bool {
	return !strings.HasPrefix(p, "/") && p != ".." && !strings.HasPrefix(p, "../") && path.Clean(p) == p && !strings.ContainsAny(p, "\x00\\")
}

// The shape of a glob: each "**" multiplies what matching it may cost.
const (
	maxGateGlobSegments = 32
	maxGateGlobStars    = 4
)

// badGlob says why a glob can match no file of a repository.
func badGlob(g string) string {
	segs := strings.Split(g, "/")
	stars := 0
	for _, s := range segs {
		switch s {
		case "", ".", "..":
			return fmt.Sprintf("%q is not relative to the repository, or not the shortest way to write it", g)
		case "**":
			stars++
		}
	}
	if len(segs) > maxGateGlobSegments || stars > maxGateGlobStars {
		return fmt.Sprintf("%q has more than %d segments or %d \"**\"", g, maxGateGlobSegments, maxGateGlobStars)
	}
	return ""
}

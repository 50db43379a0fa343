package tasks

import (
	_ "embed"
	"fmt"
	"slices"
	"sync"

	"jitos.dev/tasks/schema"
)

// SetupPath is where a repository says what its workspaces need to be usable.
const SetupPath = ".jitos/setup.yaml"

//go:embed setup.schema.json
var setupSchema []byte

var setupCompiled = sync.OnceValue(func() *schema.Schema { return compiled(setupSchema) })

// SetupFile is what a repository's workspaces need besides its files.
type SetupFile struct {
	Version string      `json:"setup_version"`   // "1"
	Copy    []string    `json:"copy,omitempty"`  // ignored files of the working tree, in the words of .gitignore
	Steps   []SetupStep `json:"steps,omitempty"` // each sees what those before it made
}

// SetupStep is a command that makes some of it. All of its paths and globs are
// relative to the repository.
type SetupStep struct {
	Name    string   `json:"name"`
	Command []string `json:"command"`
	Dir     string   `json:"dir,omitempty"` // "." if absent
	Inputs  []string `json:"inputs"`
	Keeps   []string `json:"keeps"`
	Timeout string   `json:"timeout,omitempty"` // "5m"; 10m if absent
}

// TimeoutMillis is how long one run may take.
func (s SetupStep) TimeoutMillis() int64 {
	if s.Timeout == "" {
		return defaultGateMillis
	}
	return timeoutMillis(s.Timeout)
}

// ParseSetup reads a set-up file, JSON or YAML, and validates it against the
// published schema. The error is Violations, each with its place.
func ParseSetup(name string, data []byte) (SetupFile, error) {
	d, err := parseDocument(name, data)
	if err != nil {
		return SetupFile{}, err
	}
	if v := d.validate(setupCompiled()); len(v) > 0 {
		return SetupFile{}, v
	}
	var f SetupFile
	if err := d.decode(&f); err != nil {
		return SetupFile{}, Violations{{File: name, Message: err.Error()}}
	}
	if v := f.check(d); len(v) > 0 {
		return SetupFile{}, v
	}
	return f, nil
}

// SetupSchema returns the JSON Schema (2020-12) of set-up files.
func SetupSchema() []byte { return slices.Clone(setupSchema) }

// check finds what a schema does not say.
func (f SetupFile) check(d *document) Violations {
	var out Violations
	add := func(at []string, format string, args ...any) {
		out = append(out, d.violation(at, false, format, args...))
	}
	seen := map[string]bool{}
	for i, s := range f.Steps {
		at := func(more ...string) []string { return append([]string{"steps", fmt.Sprint(i)}, more...) }
		if seen[s.Name] {
			add(at("name"), "a step %q stands above already", s.Name)
		}
		seen[s.Name] = true
		if s.Dir != "" && !local(s.Dir) {
			add(at("dir"), "%q is no folder of the repository", s.Dir)
		}
		if ms := s.TimeoutMillis(); ms < 1 || ms > maxGateMillis {
			add(at("timeout"), "a timeout is from 1ms to %dm", maxGateMillis/60_000)
		}
		for field, globs := range map[string][]string{"inputs": s.Inputs, "keeps": s.Keeps} {
			for j, g := range globs {
				if why := badGlob(g); why != "" {
					add(at(field, fmt.Sprint(j)), "%s", why)
				}
			}
		}
	}
	out.sort()
	return out
}

package tasks

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestReadSetup reads set-up files: "setup NAME" gives what was read, as JSON, or
// every violation with its place.
func TestReadSetup(t *testing.T) {
	goldenFiles(t, "setup", ParseSetup)
}

func TestSetupDefaults(t *testing.T) {
	if a, b := (SetupStep{}).TimeoutMillis(), (SetupStep{Timeout: "90s"}).TimeoutMillis(); a != 600_000 || b != 90_000 {
		t.Errorf("%d and %d ms", a, b)
	}
}

// FuzzSetup: as FuzzGates; and of what is taken in, nothing leads out of the
// repository, no step stands for two, and none runs for ever.
func FuzzSetup(f *testing.F) {
	// Each has one fault alone, so that nothing else refuses it.
	step := "\n  - {name: a, command: [x], inputs: [i], keeps: [k/**]"
	for _, bad := range []string{", dir: ../x}", ", dir: /x}", "}" + step + "}", ", timeout: 9000h}", ", timeout: 0s}", "}\n  - {name: b, command: [x], inputs: [../i], keeps: [k]}", "}\n  - {name: b, command: [x], inputs: [i], keeps: [/k]}"} {
		f.Add([]byte("setup_version: \"1\"\nsteps:" + step + bad + "\n"))
	}
	readsBack(f, "setup", ParseSetup, func(t *testing.T, d SetupFile) {
		seen := map[string]bool{}
		for _, s := range d.Steps {
			if seen[s.Name] || s.Name == "" || len(s.Command) == 0 || len(s.Inputs) == 0 || len(s.Keeps) == 0 {
				t.Errorf("taken in: %+v", s)
			}
			seen[s.Name] = true
			if ms := s.TimeoutMillis(); ms < 1 || ms > maxGateMillis {
				t.Errorf("step %q may run for %d ms", s.Name, ms)
			}
			if s.Dir != "" && !filepath.IsLocal(s.Dir) {
				t.Errorf("step %q runs in %q", s.Name, s.Dir)
			}
			for _, g := range append(s.Inputs, s.Keeps...) {
				if strings.HasPrefix(g, "/") || strings.HasPrefix(filepath.Clean(g)+"/", "../") {
					t.Errorf("step %q reaches %q", s.Name, g)
				}
			}
		}
	})
}

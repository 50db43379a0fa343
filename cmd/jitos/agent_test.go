package main

import (
	"os"
	"strings"
	"testing"

	"jitos.dev/workers/agent/agenttest"
)

// TestAnAgentFixesABug has a coding agent fix a bug end to end: by its command line
// with a stream of JSON, and by the Agent Client Protocol. One that rewrites the
// test instead comes to nothing.
func TestAnAgentFixesABug(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"claude", "acp"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p := newPerson(t)
			p.env = append(p.env, "JITOS_AGENT="+agenttest.Line(self, how, "fix", "a/a.go", "n<hi", "n<=hi"))
			p.buggy("app")
			p.write("app/a/a.go", "// Package a bounds numbers.\npackage a\n\n// Within says whether n lies between lo and hi, both included.\nfunc Within(n, lo, hi int) bool {\n\tok := n<hi\n\treturn n >= lo && ok\n}\n")
			p.repo("app")
			out := p.run("app", "jitos", "intent", "Fix the failing test in ./a")
			want := []string{"run-agent", "agent/implement", "the bound itself was left out", "landed: commit"}
			if how == "acp" {
				want = append(want, "asks to edit: edit a/a.go: allowed")
			}
			for _, w := range want {
				if !strings.Contains(out, w) {
					t.Errorf("%q is not in\n%s", w, out)
				}
			}
			p.run("app", "go", "test", "./a")
			if how == "acp" {
				return
			}
			killBelow(p.dir)
			p.env = append(p.env, "JITOS_AGENT="+agenttest.Line(self, how, "test", "b/b.go", "bounds", "bounds"))
			head := p.run("app", "git", "rev-parse", "HEAD")
			cmd := p.command("app", "jitos", "intent", "Fix the failing test in ./b")
			if text, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(text), "protected path") {
				t.Errorf("an agent that rewrites the test: %v\n%s", err, text)
			}
			if now := p.run("app", "git", "rev-parse", "HEAD"); now != head {
				t.Error("something landed")
			}
		})
	}
}

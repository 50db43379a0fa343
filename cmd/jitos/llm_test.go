package main

import (
	"path/filepath"
	"strings"
	"testing"

	"jitos.dev/workers/llm/llmtest"
)

// TestAModelFixesABug has a model fix a bug end to end: by a server that speaks a
// vendor's wire format, with a refusal to wait for on the way. The daemon is then
// started anew with the recording alone, and does the task over again: the same
// comes of it, without a server. A second person gets the same files from it.
func TestAModelFixesABug(t *testing.T) {
	for vendor, at := range map[string]func(*llmtest.Server) []string{
		"anthropic": func(s *llmtest.Server) []string {
			return []string{"ANTHROPIC_API_KEY=" + llmtest.Key, "ANTHROPIC_BASE_URL=" + s.Anthropic()}
		},
		"openai": func(s *llmtest.Server) []string {
			return []string{"OPENAI_API_KEY=" + llmtest.Key, "OPENAI_BASE_URL=" + s.OpenAI()}
		},
	} {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			turns := append([]llmtest.Turn{{Status: 429, RetryAfter: "0.1"}}, llmtest.Bug("a/a.go", "n < hi", "n <= hi")...)
			s := llmtest.New(t, turns...)
			p := newPerson(t)
			tape := filepath.Join(p.dir, "tape")
			p.env = append(append(p.env, "JITOS_MODEL="+vendor+":m-1", "JITOS_MODEL_PRICE=3/15", "JITOS_CASSETTE=record:"+tape), at(s)...)
			p.buggy("app")
			p.repo("app")
			out := p.run("app", "jitos", "intent", "Fix the failing test in ./a")
			for _, want := range []string{"ask-model", "asking " + vendor + ":m-1", "told to fail", "edit a/a.go: ok", "rm -rf .: failed", "the bound itself was left out", "landed: commit"} {
				if !strings.Contains(out, want) {
					t.Errorf("%q is not in\n%s\n%s", want, out, llmtest.Texts(s.Asked()))
				}
			}
			if first := s.Asked()[0].Last; !strings.Contains(first, "example.com/buggy/a.TestAbove") || !strings.Contains(first, "a/a.go:9") {
				t.Errorf("the model was not told what is known:\n%s", first)
			}
			tree := p.run("app", "git", "rev-parse", "HEAD^{tree}")
			if log := p.run("app", "jitos", "log", "-o", "json"); strings.Contains(log, llmtest.Key) {
				t.Error("the key is in the log")
			}

			s.Close()
			killBelow(p.dir)
			p.env = append(p.env, "JITOS_CASSETTE=replay:"+tape)
			d := p.daemon()
			defer func() {
				_ = d.Process.Kill() // it may have ended
				_ = d.Wait()
			}()
			out = p.run("app", "jitos", "replay", "--process", "p4", "--execute")
			if !strings.Contains(out, "ask-model") || strings.Contains(out, "differs") || strings.Count(out, "same") < 3 {
				t.Errorf("done over again:\n%s", out)
			}

			if vendor == "openai" {
				return // what follows is the cassette's, whoever answered
			}
			q := newPerson(t)
			q.env = append(append(q.env, "JITOS_MODEL="+vendor+":m-1", "JITOS_CASSETTE=replay:"+tape), at(s)...)
			q.buggy("app")
			q.repo("app")
			q.run("app", "jitos", "intent", "Fix the failing test in ./a")
			if got := q.run("app", "git", "rev-parse", "HEAD^{tree}"); got != tree {
				t.Errorf("the same conversation led to another tree: %s, not %s", got, tree)
			}
			cmd := q.command("app", "jitos", "intent", "Fix the failing test in ./b")
			missed, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(missed), "record it anew") {
				t.Errorf("what was not recorded: %v\n%s", err, missed)
			}
		})
	}
}

package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"jitos.dev/workers/llm/llmtest"
)

// vendors are the wire formats that models are spoken to in, and how a person is led
// to a server that speaks them.
var vendors = map[string]func(*llmtest.Server) []string{
	"anthropic": func(s *llmtest.Server) []string {
		return []string{"ANTHROPIC_API_KEY=" + llmtest.Key, "ANTHROPIC_BASE_URL=" + s.Anthropic()}
	},
	"openai": func(s *llmtest.Server) []string {
		return []string{"OPENAI_API_KEY=" + llmtest.Key, "OPENAI_BASE_URL=" + s.OpenAI()}
	},
}

// TestAModelFixesABug has a model fix a bug end to end: by a server that speaks a
// vendor's wire format, with a refusal to wait for on the way. The daemon is then
// started anew with the recording alone, and does the task over again: the same
// comes of it, without a server. A second person gets the same files from it.
func TestAModelFixesABug(t *testing.T) {
	for vendor, at := range vendors {
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
			if cost := p.run("app", "jitos", "cost", "p4"); !regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d +llm +1 +[1-9]\d* +0\.00\d*[1-9]`).MatchString(cost) {
				t.Errorf("what it cost is not told:\n%s", cost)
			}
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

// landedIn is the process that an intent says it is.
func landedIn(out string) string {
	return regexp.MustCompile(`(?m)^process (p\d+),`).FindStringSubmatch(out)[1]
}

// TestAModelReadsWords has a model say which task words mean that fit no phrase: a
// task that does not exist, one with more rights than were asked for, a target that
// is not there, and then one that holds. It is read the same from the recording
// alone, by a second person. Words that mean
// none are refused with the model's reason, and nothing of what it says widens what
// may be done.
func TestAModelReadsWords(t *testing.T) {
	const words = "The upper bound of package a seems to be off, please see to it"
	say := func(intent, target string) llmtest.Turn {
		return llmtest.Turn{Calls: []llmtest.Call{{Name: "mean", Input: map[string]any{"intent": intent, "target": target, "parameters": map[string]any{"what": "upper bound"}}}}}
	}
	widened := llmtest.Turn{Calls: []llmtest.Call{{Name: "mean", Input: map[string]any{"intent": "FixBug", "target": "a", "scope": map[string]any{"protected": []string{"**"}}}}}}
	for vendor, at := range vendors {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			turns := []llmtest.Turn{say("MakeCoffee", "a"), widened, say("FixBug", "nowhere"), say("FixBug", "a")}
			how := []string{"jitos", "intent", words, "--plan-only"}
			if vendor == "anthropic" { // what follows the reading is the same, whoever read
				how = how[:3]
				turns = append(turns, llmtest.Bug("a/a.go", "n < hi", "n <= hi")...)
			}
			turns = append(turns, llmtest.Turn{Calls: []llmtest.Call{{Name: "decline", Input: map[string]any{"why": "that is no work on a repository"}}}})
			s := llmtest.New(t, turns...)
			p := newPerson(t)
			tape := filepath.Join(p.dir, "tape")
			p.env = append(append(p.env, "JITOS_MODEL="+vendor+":m-1", "JITOS_CASSETTE=record:"+tape), at(s)...)
			p.buggy("app")
			p.repo("app")
			out := p.run("app", how...)
			if !strings.Contains(out, "FixBug on a") || !strings.Contains(out, "ask-model") {
				t.Errorf("not read:\n%s", out)
			}
			asked := s.Asked()
			for n, want := range map[int]string{0: words, 1: "does not fit the tool's schema", 2: "does not fit the tool's schema", 3: `That cannot be planned: there is no "nowhere" here`} {
				if !strings.Contains(asked[n].Last, want) {
					t.Errorf("question %d is without %q:\n%s", n+1, want, asked[n].Last)
				}
			}
			if !strings.Contains(asked[0].Last, "- FixBug(what: text): ") || strings.Join(asked[0].Tools, " ") != "decline mean" {
				t.Errorf("%q\n%s", asked[0].Tools, asked[0].Last)
			}
			if vendor == "anthropic" {
				if show := p.run("app", "jitos", "show", landedIn(out), "-o", "json"); !strings.Contains(out, "landed: commit") || !strings.Contains(show, vendor+":m-1 read the words as FixBug on a") {
					t.Errorf("what it was taken for is not told:\n%s\n%s", out, show)
				}
			}
			no, err := p.command("app", "jitos", "intent", "sing me a song").CombinedOutput()
			if err == nil || !strings.Contains(string(no), "that is no work on a repository") {
				t.Errorf("%v\n%s", err, no)
			}

			s.Close()
			q := newPerson(t)
			q.env = append(append(q.env, "JITOS_MODEL="+vendor+":m-1", "JITOS_CASSETTE=replay:"+tape), at(s)...)
			q.buggy("app")
			q.repo("app")
			if again := q.run("app", "jitos", "intent", words, "--plan-only"); !strings.Contains(again, "FixBug on a") {
				t.Errorf("not read from the recording:\n%s", again)
			}
			missed, err := q.command("app", "jitos", "intent", "dance with me").CombinedOutput()
			if err == nil || !strings.Contains(string(missed), "record it anew") {
				t.Errorf("what was not recorded: %v\n%s", err, missed)
			}
		})
	}
}

package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"jitos.dev/workers/llm/llmtest"
)

const (
	sweepMethod = `tasks:
  - {name: Sweep, summary: format without looking for what is suspicious, params: {target: target}}
methods:
  - name: sweep-code
    task: Sweep
    summary: go fmt, and the proof that nothing broke
    phrases: ["sweep {target}"]
    steps:
      - {do: %s}
      - {do: ProveGo}
`
	sweepTests = `tests:
  - name: sweep
    text: sweep shop
    target: {name: shop}
    facts: {language: go, has_tests: true}
    methods: [sweep-code, prove-by-tests]
    plan:
      - {id: format-code}
      - {id: verify, needs: [format-code]}
`
)

func sweeping(do string) string { return strings.Replace(sweepMethod, "%s", do, 1) }

// TestAModelWritesAMethod has a model write a method, in both wire formats: one that
// names what there is not is refused and asked for again with the reason, one that
// brings a program of its own and one that fails its own test are as well. What holds
// is shown, plans nothing until a person approves it, and plans then; an agent's
// token approves nothing. The record has words, model and conversation. A second
// person gets the same from the recording, without a server.
func TestAModelWritesAMethod(t *testing.T) {
	const words = "I want to sweep code: format it and no more"
	say := func(method, tests string) llmtest.Turn {
		return llmtest.Turn{Calls: []llmtest.Call{{Name: "propose", Input: map[string]any{"method": method, "tests": tests}}}}
	}
	own := sweeping("run-mine") + "primitives:\n  - {name: run-mine, summary: mine, worker: script, action: run, args: {argv: [rm, \"-rf\", \".\"]}}\n"
	bad := map[string]struct {
		turn llmtest.Turn
		why  string
	}{
		"anthropic": {say(sweeping("format-everything"), ""), `format-everything`},
		"openai":    {say(own, ""), "it defines a primitive"},
	}
	for vendor, at := range vendors {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			s := llmtest.New(t, bad[vendor].turn, say(sweeping("format-code"), sweepTests),
				llmtest.Turn{Calls: []llmtest.Call{{Name: "decline", Input: map[string]any{"why": "nobody here can sing"}}}})
			p := newPerson(t)
			tape := filepath.Join(p.dir, "tape")
			p.env = append(append(p.env, "JITOS_MODEL="+vendor+":m-1", "JITOS_CASSETTE=record:"+tape), at(s)...)
			p.buggy("app")
			p.repo("app")
			out := p.run("app", "jitos", "method", "propose", words)
			mustHold(t, out, "name: sweep-code", "by "+vendor+":m-1", "1 of its tests pass", "jitos method approve sweep-code ")
			digest := regexp.MustCompile(`approve sweep-code ([0-9a-f]{12})`).FindStringSubmatch(out)[1]
			mustHold(t, p.run("app", "jitos", "method", "list"), "repair-by-tests", "waits for a person: jitos method show sweep-code")
			mustHold(t, p.run("app", "jitos", "method", "show", "sweep-code"), "name: sweep-code", "approve sweep-code "+digest, words)
			asked := s.Asked()
			mustHold(t, asked[0].Last, words, "- format-code(): ", "- FixBug(what: text): ")
			mustHold(t, asked[1].Last, "It is refused: ", bad[vendor].why, "name: sweep-code")

			plan := func(who *person) (string, error) {
				text, err := who.command("app", "jitos", "intent", "sweep .", "--plan-only").CombinedOutput()
				return string(text), err
			}
			agent := p.token("bot", "rewrite,intent,exec,collapse")
			cmd := p.command("app", "jitos", "method", "approve", "sweep-code", digest)
			cmd.Env = append(cmd.Env, "JITOS_TOKEN="+agent)
			if text, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(text), "only a person approves a method") {
				t.Errorf("an agent approves: %v\n%s", err, text)
			}
			show := p.run("app", "jitos", "log", "-o", "json")
			mustHold(t, show, "ProposedMethod", words, vendor+":m-1", "transcript")

			mustHold(t, p.run("app", "jitos", "method", "approve", "sweep-code", digest), "method sweep-code is added")
			if text, err := plan(p); err != nil || !strings.Contains(text, "format-code") || strings.Contains(text, "vet-code") {
				t.Errorf("not planned: %v\n%s", err, text)
			}
			p.run("app", "jitos", "method", "remove", "sweep-code")
			if no, err := p.command("app", "jitos", "method", "propose", "sing to me").CombinedOutput(); err == nil || !strings.Contains(string(no), "nobody here can sing") {
				t.Errorf("%v\n%s", err, no)
			}

			s.Close()
			q := newPerson(t)
			q.env = append(append(q.env, "JITOS_MODEL="+vendor+":m-1", "JITOS_CASSETTE=replay:"+tape), at(s)...)
			q.buggy("app")
			q.repo("app")
			if again := q.run("app", "jitos", "method", "propose", words); strings.TrimSpace(again[strings.Index(again, "tasks:"):]) != strings.TrimSpace(out[strings.Index(out, "tasks:"):]) {
				t.Errorf("another proposal from the recording:\n%s", again)
			}
			if missed, err := q.command("app", "jitos", "method", "propose", "something else").CombinedOutput(); err == nil || !strings.Contains(string(missed), "record it anew") {
				t.Errorf("what was not recorded: %v\n%s", err, missed)
			}
		})
	}
}

// TestAMethodIsAdded: one of a person's own holds or is refused with its reason, plans,
// outlives the daemon, and is taken away again.
func TestAMethodIsAdded(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.buggy("app")
	p.repo("app")
	p.write("bad.yaml", sweeping("format-everything"))
	p.write("sweep.yaml", sweeping("format-code"))
	p.write("tests.yaml", sweepTests)
	p.write("wrong.yaml", strings.Replace(sweepTests, "needs: [format-code]", "needs: []", 1))
	d := p.daemon()
	for file, why := range map[string]string{"bad.yaml": "format-everything", "sweep.yaml --tests wrong.yaml": `its test "sweep" fails`} {
		argv := append([]string{"jitos", "method", "add"}, strings.Fields(file)...)
		if text, err := p.command(".", argv...).CombinedOutput(); err == nil || !strings.Contains(string(text), why) {
			t.Errorf("%s: %v\n%s", file, err, text)
		}
	}
	mustHold(t, p.run(".", "jitos", "method", "add", "sweep.yaml", "--tests", "tests.yaml"), "method sweep-code is added, it holds, and 1 of its tests pass")
	if text, err := p.command(".", "jitos", "method", "add", "sweep.yaml").CombinedOutput(); err == nil {
		t.Errorf("added twice:\n%s", text)
	}
	if err := d.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = d.Wait() // it was killed
	d = p.daemon()
	defer func() {
		_ = d.Process.Kill()
		_ = d.Wait()
	}()
	mustHold(t, p.run("app", "jitos", "intent", "sweep .", "--plan-only"), "format-code")
	mustHold(t, p.run("app", "jitos", "method", "list"), "sweep-code", "repair-by-tests")
	mustHold(t, p.run("app", "jitos", "method", "show", "Sweep"), "name: sweep-code")
	p.run(".", "jitos", "method", "remove", "sweep-code")
	if text, err := p.command("app", "jitos", "intent", "sweep .", "--plan-only").CombinedOutput(); err == nil {
		t.Errorf("it is gone, and plans:\n%s", text)
	}
}

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
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
			fix := func() string { return p.run("app", "jitos", "intent", "Fix the failing test in ./a") }
			if how == "acp" { // the owner has said that they decide over edits
				p.write("policy.yaml", "rules: [{name: edits, effect: ask, verbs: [tool], paths: [/tool/edit]}]\n")
				p.run("app", "sh", "-c", self+" sws new && "+self+" policy set ../policy.yaml")
				fix = func() string {
					p.run("app", "sh", "-c", self+" intent 'Fix the failing test in ./a' >../out 2>&1 & for i in $(seq 600); do "+self+" inbox | grep -q open && exit 0; sleep 0.1; done; cat ../out; exit 1")
					asked := p.run("app", "jitos", "inbox")
					mustHold(t, asked, "wants to edit: edit a/a.go. May it?")
					p.run("app", "jitos", "answer", strings.Fields(asked[strings.Index(asked, "\na")+1:])[0], "approve")
					return p.run("app", "sh", "-c", "for i in $(seq 600); do grep -q 'landed: commit' ../out && break; sleep 0.1; done; cat ../out")
				}
			}
			out := fix()
			want := []string{"run-agent", "agent/implement", "the bound itself was left out", "landed: commit"}
			if how == "acp" {
				want = append(want, "asks to edit: edit a/a.go: allowed (approved by ")
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

// TestAnAgentAddsATest has a coding agent add a test end to end: the method lets it put
// test files where there are none, and a person says whether it tests what was meant.
// One that changes a test that there is, or does something before all tests, comes to
// nothing.
func TestAnAgentAddsATest(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := newPerson(t)
	const fixed = "// Package a bounds numbers.\npackage a\n\n// Within says whether n lies between lo and hi, both included.\nfunc Within(n, lo, hi int) bool {\n\treturn n >= lo && n <= hi\n}\n"
	p.buggy("app")
	p.write("app/a/a.go", fixed)
	p.write("app/b/b.go", strings.ReplaceAll(strings.Replace(fixed, "package a\n", "package b\n", 1), "Package a ", "Package b "))
	p.repo("app")
	head := p.run("app", "git", "rev-parse", "HEAD")
	for _, c := range []struct{ what, want string }{{"test", "protected path"}, {"early", "func init, which can forge a test run"}} {
		killBelow(p.dir)
		p.env = append(p.env, "JITOS_AGENT="+agenttest.Line(self, "claude", c.what, "a/a.go", "bounds", "bounds"))
		if text, err := p.command("app", "jitos", "intent", "add a test for the upper bound in ./a").CombinedOutput(); err == nil || !strings.Contains(string(text), c.want) {
			t.Errorf("an agent that does %q: %v\n%s", c.what, err, text)
		}
	}
	if now := p.run("app", "git", "rev-parse", "HEAD"); now != head {
		t.Error("something landed")
	}
	killBelow(p.dir)
	p.env = append(p.env, "JITOS_AGENT="+agenttest.Line(self, "claude", "add", "a/a.go", "bounds", "bounds"))
	p.run("app", "sh", "-c", self+" intent 'add a test for the upper bound in ./a' >../out 2>&1 & for i in $(seq 1200); do "+self+" inbox | grep -q open && exit 0; sleep 0.1; done; cat ../out; exit 1")
	asked := p.run("app", "jitos", "inbox")
	if !strings.Contains(asked, "the upper bound") {
		t.Errorf("the question: %s", asked)
	}
	p.run("app", "jitos", "answer", strings.Fields(asked[strings.Index(asked, "\na")+1:])[0], "approve")
	p.run("app", "sh", "-c", "for i in $(seq 1200); do grep -q 'landed: commit' ../out && exit 0; sleep 0.1; done; cat ../out; exit 1")
	if files := p.run("app", "git", "diff", "--name-only", head, "HEAD"); files != "a/a_more_test.go" {
		t.Errorf("landed: %s", files)
	}
	p.run("app", "go", "test", "-run", "TestMore", "./a")
}

// TestAnAgentReachesItsModel gives an agent one host (--agent-host): it gets the fix
// from there, by the proxy, and reaches neither another host nor that one without the
// proxy. Without the host it comes to nothing, and the plan goes on by the search.
func TestAnAgentReachesItsModel(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	site := func(says string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, says) }))
		t.Cleanup(s.Close)
		return strings.Replace(strings.TrimPrefix(s.URL, "http://"), "127.0.0.1", "localhost", 1)
	}
	model, other := site("n<=hi"), site("n<0")
	p := newPerson(t)
	line := agenttest.Line(self, "plain", "ask:"+model+","+other, "a/a.go", "n<hi", "nothing")
	p.buggy("app")
	p.write("app/a/a.go", "// Package a bounds numbers.\npackage a\n\n// Within says whether n lies between lo and hi, both included.\nfunc Within(n, lo, hi int) bool {\n\tok := n<hi\n\treturn n >= lo && ok\n}\n")
	p.repo("app")

	p.env = append(p.env, "JITOS_AGENT="+line)
	none := p.run("app", "jitos", "intent", "Fix the failing test in ./a")
	for _, want := range []string{"there is no proxy", "it goes on by implement", "landed: commit"} {
		if !strings.Contains(none, want) {
			t.Errorf("without a host: %q is not in\n%s", want, none)
		}
	}
	killBelow(p.dir)
	p.run("app", "git", "reset", "-q", "--hard", "HEAD~1")

	p.env = append(p.env, "JITOS_AGENT_HOSTS="+model)
	out := p.run("app", "jitos", "intent", "Fix the failing test in ./a")
	for _, want := range []string{
		model + " by the proxy: 200 OK", other + " by the proxy: 403 Forbidden", model + " without it: no answer",
		"network: " + model + " allowed", "network: " + other + " refused (denied)", "landed: commit",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if fixed := p.run("app", "git", "show", "HEAD:a/a.go"); !strings.Contains(fixed, "n<=hi") {
		t.Error(fixed)
	}
}

package agent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/agent/agenttest"
	"jitos.dev/workers/sandbox"
	"jitos.dev/workers/workertest"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	agenttest.Main()
	os.Exit(m.Run())
}

func files() map[string]string {
	return map[string]string{"a.go": "package a\n\n// n<hi\n", "a_test.go": "package a\n"}
}

// stub is a worker whose agent is this test binary.
func stub(t *testing.T, how, what string) *Worker {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseCommand(agenttest.Line(self, how, what, "a.go", "n<hi", "n<=hi"), os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	w, err := New(Options{Command: c})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func ways() []string { return []string{"claude", "codex", "gemini", "text", "acp"} }

func TestAgentsFixABug(t *testing.T) {
	for _, how := range ways() {
		space := workertest.NewSpace(t, files())
		a := workertest.Assignment(space, "implement", nil)
		a.Inputs["reproduce"] = rmg.PropsOf(map[string]rmg.Value{"failing": rmg.List(rmg.String("a.TestHigh"))})
		var said []string
		a.Emit = func(e work.Event) { said = append(said, e.Text) }
		res, err := stub(t, how, "fix").Run(t.Context(), a)
		if err != nil || !res.OK || res.Summary != "the bound itself was left out" {
			t.Fatalf("%s: %+v %v\n%s", how, res, err, strings.Join(said, "\n"))
		}
		if err := space.Adopt(res.Adopt); err != nil || !strings.Contains(space.Read("a.go"), "n<=hi") || space.Open() != 0 {
			t.Errorf("%s: %v, %q", how, err, space.Read("a.go"))
		}
		spent := work.Spent{Tokens: 150}
		switch how {
		case "claude":
			spent.MoneyMicros = 12500
		case "text", "acp":
			spent = work.Spent{}
		}
		if res.Spent != spent {
			t.Errorf("%s: spent %+v, not %+v", how, res.Spent, spent)
		}
		data, err := space.ReadBlob(res.Output.Blob("transcript"))
		if err != nil || !strings.Contains(string(data), "was left out") {
			t.Errorf("%s: transcript: %v\n%s", how, err, data)
		}
		if how == "claude" && !strings.Contains(string(data), "a.TestHigh") {
			t.Errorf("the agent was not told what fails:\n%s", data)
		}
		if all := strings.Join(said, "\n"); how == "acp" && !strings.Contains(all, "asks to edit: edit a.go: allowed") {
			t.Errorf("%s", all)
		}
	}
}

// TestLeaveIsAskedFor: who decides over an agent's tools is asked with its words, and
// the answer counts before what is permitted to all; where nobody answers it is no.
func TestLeaveIsAskedFor(t *testing.T) {
	for _, c := range []struct {
		what, kind string
		verdict    work.Verdict
		err        error
		ok         bool
		said       string
	}{
		{"fetch", "fetch", work.Verdict{Allow: true, Why: "ada said so"}, nil, true, "allowed (ada said so)"},
		{"fix", "edit", work.Verdict{Deny: true, Why: "not on a Friday"}, nil, false, "refused (not on a Friday)"},
		{"fix", "edit", work.Verdict{}, nil, true, "edit a.go: allowed"},
		{"fix", "edit", work.Verdict{}, errors.New("it is gone"), false, "refused (nobody answered: it is gone)"},
	} {
		space := workertest.NewSpace(t, files())
		a := workertest.Assignment(space, "implement", nil)
		var said []string
		a.Emit = func(e work.Event) { said = append(said, e.Text) }
		var asked []work.Tool
		a.May = func(_ context.Context, tool work.Tool) (work.Verdict, error) {
			asked = append(asked, tool)
			return c.verdict, c.err
		}
		res, err := stub(t, "acp", c.what).Run(t.Context(), a)
		if err != nil || res.OK != c.ok || len(asked) != 1 || asked[0] != (work.Tool{Kind: c.kind, Title: c.kind + " a.go"}) {
			t.Errorf("%+v: %+v, %v; asked %+v", c, res, err, asked)
		}
		if all := strings.Join(said, "\n"); !strings.Contains(all, c.said) {
			t.Errorf("%q is not in\n%s", c.said, all)
		}
	}
}

// TestAgentsThatFail lets agents go wrong in every way. The task fails, says why,
// and nothing of it is left.
func TestAgentsThatFail(t *testing.T) {
	for _, c := range []struct{ how, what, want string }{
		{"claude", "fail", "the agent says: the bound itself"},
		{"codex", "fail", "the agent says: the stream broke"},
		{"gemini", "fail", "the agent says: it failed"},
		{"text", "fail", "ended with exit 1"},
		{"claude", "die", "ended with exit 3"},
		{"acp", "die", "session/prompt: it ended before it answered"},
		{"acp", "old", "speaks version 0"},
		{"acp", "fetch", "it stopped: refusal"},
		{"acp", "reach", "is not in the workspace"},
	} {
		space := workertest.NewSpace(t, files())
		was := space.Graph().Digest()
		a := workertest.Assignment(space, "implement", nil)
		res, err := stub(t, c.how, c.what).Run(t.Context(), a)
		if err != nil || res.OK || !strings.Contains(res.Summary, c.want) {
			t.Errorf("%s %s: %+v %v", c.how, c.what, res, err)
		}
		if space.Graph().Digest() != was || len(space.Kids()) != 0 || space.Open() != 0 {
			t.Errorf("%s %s: something is left", c.how, c.what)
		}
	}
}

func TestAgentsThatHangEndWithTheirTime(t *testing.T) {
	for _, how := range []string{"claude", "acp"} {
		space := workertest.NewSpace(t, files())
		a := workertest.Assignment(space, "implement", nil)
		a.Budget.WallMillis = 300
		if res, err := stub(t, how, "hang").Run(t.Context(), a); err != nil || res.OK || !strings.Contains(res.Summary, "at the end of its time") || space.Open() != 0 {
			t.Errorf("%s: %+v %v", how, res, err)
		}
	}
}

// TestAgentsStayInside lets an agent write wherever it can think of, and fix the
// bug as well: only that comes of it.
func TestAgentsStayInside(t *testing.T) {
	if is := sandbox.InForce(); is.Tier == "none" {
		t.Skipf("this machine gives no isolation: %v", is.Lacks)
	}
	space := workertest.NewSpace(t, files())
	res, err := stub(t, "claude", "escape").Run(t.Context(), workertest.Assignment(space, "implement", nil))
	if err != nil || !res.OK {
		t.Fatalf("%+v %v", res, err)
	}
	if err := space.Adopt(res.Adopt); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/tmp/jitos-escaped"); err == nil {
		t.Error("it wrote in /tmp")
	}
	n := 0
	for p, e := range space.Graph().Walk(workertest.Root) {
		if n++; e.Kind == rewrite.KindFile && p != workertest.At("a.go") && p != workertest.At("a_test.go") {
			t.Errorf("%s came of it", p)
		}
	}
}

func TestRefusedChangesFailTheTask(t *testing.T) {
	space := workertest.NewSpace(t, files())
	space.Refuse(func(op rewrite.Op) bool { return op.Path == workertest.At("a_test.go") })
	res, err := stub(t, "claude", "test").Run(t.Context(), workertest.Assignment(space, "implement", nil))
	if err != nil || res.OK || !strings.Contains(res.Summary, "is refused") || len(space.Kids()) != 0 {
		t.Errorf("%+v %v", res, err)
	}
}

// TestTheClientKeepsTheAgentInTheFolder asks for files by names that lead out of it.
func TestTheClientKeepsTheAgentInTheFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "repo")
	outside := filepath.Join(filepath.Dir(dir), "secret")
	for _, err := range []error{
		os.Mkdir(dir, 0o755), os.WriteFile(outside, []byte("s3cret"), 0o644), os.WriteFile(filepath.Join(dir, "in"), []byte("1\n2\n3\n"), 0o644),
		os.Symlink(outside, filepath.Join(dir, "link")), os.Symlink("..", filepath.Join(dir, "up")), os.Symlink("in", filepath.Join(dir, "near")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	s := &session{folder: dir, root: root}
	for _, p := range []string{outside, dir + "/link", dir + "/up/secret", dir + "/../secret", "in", "../secret", dir + "/up/new", dir} {
		if got, rerr := s.serve("fs/read_text_file", []byte(`{"path":"`+p+`"}`)); rerr == nil {
			t.Errorf("read %s: %v", p, got)
		}
		if _, rerr := s.serve("fs/write_text_file", []byte(`{"path":"`+p+`","content":"x"}`)); rerr == nil {
			t.Errorf("wrote %s", p)
		}
	}
	if data, err := os.ReadFile(outside); err != nil || string(data) != "s3cret" {
		t.Errorf("%q %v", data, err)
	}
	got, rerr := s.serve("fs/read_text_file", []byte(`{"path":"`+dir+`/in","line":2,"limit":1}`))
	if rerr != nil || got.(map[string]any)["content"] != "2\n" {
		t.Errorf("%v %v", got, rerr)
	}
	if _, rerr := s.serve("fs/write_text_file", []byte(`{"path":"`+dir+`/d/new","content":"x"}`)); rerr != nil {
		t.Errorf("%v", rerr)
	}
	if _, rerr := s.serve("terminal/create", nil); rerr == nil || rerr.Code != rpcNoMethod {
		t.Errorf("%v", rerr)
	}
}

func TestCommands(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"claude", "mine"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	env := func(name string) string {
		return map[string]string{"ANTHROPIC_API_KEY": "a-long-key", "OTHER": "x"}[name]
	}
	c, err := ParseCommand("claude", env)
	if err != nil || len(c.Env) != 1 || c.Secrets()[0] != "a-long-key" || c.argv("do it")[len(c.Argv)-1] != "do it" || c.ACP {
		t.Errorf("%+v %v", c, err)
	}
	if got := string(c.censor([]byte("x a-long-key y"))); got != "x [secret] y" {
		t.Errorf("%s", got)
	}
	if c, err = ParseCommand("acp:mine --acp", env); err != nil || !c.ACP || len(c.Env) != 0 || c.Name != "mine" {
		t.Errorf("%+v %v", c, err)
	}
	for _, bad := range []string{"", "nobody", "exec:", "exec:mine", "exec:no-such {prompt}", "other:mine {prompt}"} {
		if _, err := ParseCommand(bad, env); err == nil {
			t.Errorf("%q is a command", bad)
		}
	}
}

func TestAgentConforms(t *testing.T) {
	for _, how := range []string{"claude", "acp"} {
		workertest.Run(t, workertest.Suite{Worker: stub(t, how, "fix"), Files: files(), Action: "implement"})
	}
}

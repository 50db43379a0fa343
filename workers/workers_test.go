package workers

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/gotool"
	"jitos.dev/workers/sandbox"
	"jitos.dev/workers/workertest"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	os.Exit(m.Run())
}

// history is a query that knows two commits.
type history struct{ work.Query }

func (history) Commits(context.Context, int) ([]work.Commit, error) {
	return []work.Commit{{ID: "0123456789abcdef", Author: "Ada", Subject: "a | b", AtUnix: 0}, {ID: "fedcba", Author: "Bob", Subject: "first"}}, nil
}

func assignment(s *workertest.Space, action string, args map[string]any) work.Assignment {
	a := workertest.Assignment(s, action, args)
	a.Query = history{}
	return a
}

func runner(t *testing.T) *Runner {
	t.Helper()
	r, err := New(Options{Workers: []work.Worker{NewBuiltin(), NewScript(nil)}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func code(err error) rmg.Code {
	var e *rmg.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestRunnerRefusesStrangers(t *testing.T) {
	if _, err := New(Options{Workers: []work.Worker{NewBuiltin(), NewBuiltin()}}); code(err) != rmg.Exists {
		t.Errorf("two of one name: %v", err)
	}
	r, s := runner(t), workertest.NewSpace(t, nil)
	for _, c := range []struct{ worker, action string }{{"llm", "run"}, {"builtin", "explode"}} {
		if _, err := r.Run(t.Context(), c.worker, assignment(s, c.action, nil)); code(err) != rmg.NotFound {
			t.Errorf("%s/%s: %v", c.worker, c.action, err)
		}
	}
	for _, d := range r.Describe() {
		for _, action := range d.Actions {
			if _, err := r.Run(t.Context(), d.Name, assignment(s, action, nil)); err != nil && code(err) == rmg.Internal {
				t.Errorf("%s/%s without arguments: %v", d.Name, action, err)
			}
		}
	}
}

type panicky struct{}

func (panicky) Describe() work.Description {
	return work.Description{Name: "panicky", Actions: []string{"go"}}
}

func (panicky) Run(context.Context, work.Assignment) (work.Result, error) { panic("boo") }

func TestAPanicIsAFailure(t *testing.T) {
	r, err := New(Options{Workers: []work.Worker{panicky{}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Run(t.Context(), "panicky", assignment(workertest.NewSpace(t, nil), "go", nil)); code(err) != rmg.Internal || !strings.Contains(err.Error(), "boo") {
		t.Errorf("%v", err)
	}
}

func TestBuiltinActions(t *testing.T) {
	s, r := workertest.NewSpace(t, map[string]string{"a.txt": "A"}), runner(t)
	do := func(action string, args map[string]any) {
		t.Helper()
		if res, err := r.Run(t.Context(), "builtin", assignment(s, action, args)); err != nil || !res.OK {
			t.Fatalf("%s: %+v %v", action, res, err)
		}
	}
	do("write", map[string]any{"path": "d/b.txt", "text": "B"})
	do("copy", map[string]any{"from": "a.txt", "to": "d/c.txt"})
	do("mark", map[string]any{"path": "a.txt", "props": map[string]any{"seen": true, "n": 2.0}})
	do("append", map[string]any{"path": "/log", "props": map[string]any{"text": "one"}})
	do("append", map[string]any{"path": "/log", "props": map[string]any{"text": "two"}})
	if s.Read("d/b.txt") != "B" || s.Read("d/c.txt") != "A" {
		t.Error("write or copy")
	}
	if e, _ := s.Graph().Get(workertest.At("a.txt")); !e.Props.Bool("seen") || e.Props.Int("n") != 2 {
		t.Error("mark")
	}
	if e, _ := s.Graph().Get(rmg.Root.Join("log", "000002")); e.Kind != "Event" || e.Props.String("text") != "two" {
		t.Errorf("append: %+v", e)
	}
	for _, bad := range []string{"../x", "a//b", ""} {
		if _, err := r.Run(t.Context(), "builtin", assignment(s, "write", map[string]any{"path": bad, "text": "x"})); code(err) != rmg.Invalid {
			t.Errorf("path %q: %v", bad, err)
		}
	}
}

func TestReport(t *testing.T) {
	s, r := workertest.NewSpace(t, map[string]string{
		"a.go": "package a\n", "a_test.go": "package a\n\nfunc TestA(t *testing.T) {}\nfunc helper() {}\n", "sub/b_test.go": "func TestB(\nfunc FuzzC(\n",
		"README.md": "# a\n", "bin": "\x00\x01",
	}), runner(t)
	for range 2 { // the same again: nothing but the repository decides
		before := s.Read("R.md")
		if res, err := r.Run(t.Context(), "builtin", assignment(s, "render", map[string]any{"template": "repository", "out": "R.md"})); err != nil || !res.OK {
			t.Fatalf("%+v %v", res, err)
		}
		got := s.Read("R.md")
		for _, want := range []string{"# app\n", "| Go | 3 | 7 |", "| . | 1 |", "| sub | 2 |", "| 0123456789 | 1970-01-01 | Ada | a \\| b |"} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is not in\n%s", want, got)
			}
		}
		if before == got {
			t.Error("the report does not count itself the second time")
		}
	}
	if _, err := r.Run(t.Context(), "builtin", assignment(s, "render", map[string]any{"template": "nope", "out": "R.md"})); code(err) != rmg.Invalid {
		t.Errorf("%v", err)
	}
}

func TestScript(t *testing.T) {
	s, r := workertest.NewSpace(t, map[string]string{"a.txt": "A"}), runner(t)
	var lines []string
	a := assignment(s, "run", map[string]any{"argv": []any{"sh", "-c", "echo hello; echo B > b.txt; echo no >&2"}})
	a.Emit = func(e work.Event) { lines = append(lines, e.Data["stream"].(string)+" "+e.Text) }
	res, err := r.Run(t.Context(), "script", a)
	if err != nil || !res.OK || s.Read("b.txt") != "B\n" {
		t.Fatalf("%+v %v", res, err)
	}
	if got := strings.Join(lines, ","); !strings.Contains(got, "stdout hello") || !strings.Contains(got, "stderr no") {
		t.Errorf("lines: %s", got)
	}
	res, err = r.Run(t.Context(), "script", assignment(s, "run", map[string]any{"argv": "false"}))
	if err != nil || res.OK || res.Output.Int("exit") != 1 || len(res.Reasons) == 0 {
		t.Errorf("%+v %v", res, err)
	}
	res, err = r.Run(t.Context(), "script", assignment(s, "run", map[string]any{"argv": "false", "allow_fail": true}))
	if err != nil || !res.OK {
		t.Errorf("%+v %v", res, err)
	}
	if _, err = r.Run(t.Context(), "script", assignment(s, "run", map[string]any{"argv": []any{1}})); code(err) != rmg.Invalid {
		t.Errorf("%v", err)
	}
}

func TestProveAndKey(t *testing.T) {
	r := runner(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "full"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "empty"), nil, 0o644), os.Symlink("full", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	gates := []work.Gate{
		{Name: "there", Kind: work.GateFile, Pattern: "full"},
		{Name: "empty", Kind: work.GateFile, Pattern: "empty"},
		{Name: "gone", Kind: work.GateFile, Pattern: "nope"},
		{Name: "link", Kind: work.GateFile, Pattern: "link"},
		{Name: "out", Kind: work.GateFile, Pattern: "../x"},
		{Name: "true", Kind: work.GateCommand, Argv: []string{"true"}, TimeoutMillis: 60_000},
		{Name: "false", Kind: work.GateCommand, Argv: []string{"sh", "-c", "echo why; exit 4"}, TimeoutMillis: 60_000},
		{Name: "late", Kind: work.GateCommand, Argv: []string{"sleep", "100"}, TimeoutMillis: 100},
		{Name: "absent", Kind: work.GateCommand, Argv: []string{"no-such"}, TimeoutMillis: 60_000},
		{Name: "tests", Kind: work.GateTest, Pattern: "./..."},
	}
	s := workertest.NewSpace(t, nil)
	var list []work.Evidence
	for len(list) < len(gates) {
		ran, err := r.Prove(t.Context(), work.Proof{Folder: dir, Scratch: t.TempDir(), Gates: gates[len(list):], PutBlob: s.PutBlob})
		if err != nil || len(ran) == 0 {
			t.Fatalf("%d of %d: %v", len(list), len(gates), err)
		}
		list = append(list, ran...)
	}
	want := map[string]string{
		"there": "full has 1 bytes", "empty": "is empty", "gone": "is not there", "link": "is empty, or no file", "out": "no path inside",
		"true": "exit 0", "false": "exit 4: why", "late": "still running", "absent": "no-such", "tests": gotool.ErrNoGo.Error(),
	}
	seen := map[string]bool{}
	for _, e := range list {
		if e.Green != (e.Gate == "there" || e.Gate == "true") || !strings.Contains(e.Reason, want[e.Gate]) {
			t.Errorf("%s: green %v: %s", e.Gate, e.Green, e.Reason)
		}
		if e.Kind == work.GateCommand && e.Exit != -1 && e.Sandbox.Tier == "" {
			t.Errorf("%s: the evidence does not name the sandbox", e.Gate)
		}
		if seen[e.Key] {
			t.Errorf("%s: a key twice", e.Gate)
		}
		seen[e.Key] = true
	}
	p := work.Proof{Input: rmg.Digest{1}}
	g := gates[5]
	same := g
	same.Name, same.RedBefore, same.TimeoutMillis = "other", true, 5
	if r.Key(p, g) != r.Key(p, same) {
		t.Error("a gate's name, purpose or time limit is in its key")
	}
	if r.Key(p, g) == r.Key(work.Proof{Input: rmg.Digest{2}}, g) || r.Key(p, g) == r.Key(p, gates[6]) {
		t.Error("input or command is not in the key")
	}
}

// What asks for labels goes to a machine that has them, and never to a worker of
// this one.
func TestLabelsLeadAway(t *testing.T) {
	ran := ""
	far := told{d: work.Description{Name: "script"}, do: func(_ context.Context, a work.Assignment) (work.Result, error) {
		ran = a.Action
		return work.Result{OK: true}, nil
	}}
	r, err := New(Options{Workers: []work.Worker{NewBuiltin()}, Away: func(string) work.Worker { return far }})
	if err != nil {
		t.Fatal(err)
	}
	a := assignment(workertest.NewSpace(t, nil), "anything", nil)
	a.Labels = []string{"gpu"}
	if res, err := r.Run(t.Context(), "builtin", a); err != nil || !res.OK || ran != "anything" {
		t.Errorf("%+v %v: %q ran", res, err, ran)
	}
	stays := told{d: work.Description{Name: "llm", Actions: []string{"anything"}, Home: true}}
	if r, err = New(Options{Workers: []work.Worker{stays}, Away: func(string) work.Worker { return far }}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Run(t.Context(), "llm", a); code(err) != rmg.Invalid {
		t.Errorf("one that stays at home is lent: %v", err)
	}
	if _, err := runner(t).Run(t.Context(), "script", a); code(err) != rmg.Unavailable {
		t.Errorf("where no machine can come: %v", err)
	}
}

// A script tells all that its command read, if that is asked for.
func TestScriptTellsWhatItRead(t *testing.T) {
	files := map[string]string{"a.txt": "a\n", "b.txt": "b\n", "c.txt": "c\n"}
	for _, asked := range []bool{false, true} {
		r, s := runner(t), workertest.NewSpace(t, files)
		a := assignment(s, "run", map[string]any{"argv": []string{"/bin/sh", "-c", "cat a.txt > made; test -e none"}, "allow_fail": true})
		a.Reads = asked
		res, err := r.Run(t.Context(), "script", a)
		if err != nil {
			t.Fatal(err)
		}
		if !asked {
			if res.Reads != nil {
				t.Errorf("nobody asked, and it tells of %+v", res.Reads)
			}
			continue
		}
		if got := res.Reads; got == nil || got.By != work.ReadsBySeccomp || !slices.Contains(got.Names, "a.txt") || !slices.Contains(got.Names, "none") || slices.Contains(got.Names, "b.txt") {
			t.Errorf("it tells of %+v", got)
		}
	}
}

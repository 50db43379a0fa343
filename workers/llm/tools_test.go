package llm

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/workertest"
)

func newDesk(t *testing.T, files map[string]string) (*desk, *workertest.Space, func(name string, in any) Result) {
	t.Helper()
	s := workertest.NewSpace(t, files)
	d := &desk{a: workertest.Assignment(s, "implement", nil), space: s}
	t.Cleanup(func() {
		if d.folder != nil {
			_ = d.folder.Close() // a test that failed leaves it
		}
	})
	box, err := toolbox()
	if err != nil {
		t.Fatal(err)
	}
	return d, s, func(name string, in any) Result {
		t.Helper()
		raw, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		r, err := d.use(t.Context(), box, Call{ID: "1", Name: name, Input: raw})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

func TestToolsStayInTheRepository(t *testing.T) {
	_, s, use := newDesk(t, map[string]string{"a.txt": "one\ntwo\n"})
	was := s.Graph().Digest()
	for _, path := range []string{"../x", "/etc/passwd", "a/../../x", "a//b", "./../x", "..", "/log/x"} {
		for _, c := range []struct {
			tool string
			in   map[string]any
		}{
			{"read", map[string]any{"path": path}},
			{"write", map[string]any{"path": path, "text": "x"}},
			{"list", map[string]any{"path": path}},
			{"edit", map[string]any{"path": path, "old": "a", "new": "b"}},
			{"search", map[string]any{"pattern": "x", "path": path}},
			{"patch", map[string]any{"diff": "--- /dev/null\n+++ b/" + path + "\n@@ -0,0 +1 @@\n+x\n"}},
		} {
			if r := use(c.tool, c.in); !r.Failed {
				t.Errorf("%s %s: %s", c.tool, path, r.Text)
			}
		}
	}
	if s.Graph().Digest() != was {
		t.Error("something was changed")
	}
}

func TestToolsSayWhatIsWrong(t *testing.T) {
	_, s, use := newDesk(t, map[string]string{"a.txt": "one\ntwo\none\n", "bin": "\x00\x01", "d/b.txt": "three\n"})
	for _, c := range []struct {
		tool string
		in   any
		want string
	}{
		{"no-such", nil, "there is no tool"},
		{"read", "a.txt", "does not fit"},
		{"read", map[string]any{}, "does not fit"},
		{"read", map[string]any{"path": "a.txt", "more": 1}, "does not fit"},
		{"read", map[string]any{"path": "b.txt"}, "there is no file b.txt"},
		{"read", map[string]any{"path": "d"}, "there is no file d"},
		{"read", map[string]any{"path": "bin"}, "is no text"},
		{"list", map[string]any{"path": "e"}, "no files below"},
		{"search", map[string]any{"pattern": "("}, "no regular expression"},
		{"edit", map[string]any{"path": "a.txt", "old": "one", "new": "x"}, "2 times"},
		{"edit", map[string]any{"path": "a.txt", "old": "four", "new": "x"}, "does not stand in"},
		{"edit", map[string]any{"path": "a.txt", "old": "", "new": "x"}, "old is empty"},
		{"run", map[string]any{"argv": []string{"ls"}}, "not allowed; what is: none"},
		{"run", map[string]any{"argv": []string{}}, "does not fit"},
		{"finish", map[string]any{"done": "yes", "summary": "x"}, "does not fit"},
		{"patch", map[string]any{"diff": "hello"}, "names no file"},
	} {
		if r := use(c.tool, c.in); !r.Failed || !strings.Contains(r.Text, c.want) {
			t.Errorf("%s %v: %v %s", c.tool, c.in, r.Failed, r.Text)
		}
	}
	for _, c := range []struct {
		tool string
		in   map[string]any
		want string
	}{
		{"list", map[string]any{}, "a.txt 12\nbin 2\nd/b.txt 6\n"},
		{"read", map[string]any{"path": "./d/b.txt"}, "    1  three\n"},
		{"search", map[string]any{"pattern": "^t"}, "a.txt:2: two\nd/b.txt:1: three\n"},
		{"search", map[string]any{"pattern": "^t", "path": "d/b.txt"}, "d/b.txt:1: three\n"},
		{"write", map[string]any{"path": "n/c.txt", "text": "x"}, "n/c.txt has 1 bytes now"},
	} {
		if r := use(c.tool, c.in); r.Failed || r.Text != c.want {
			t.Errorf("%s %v: %v %q", c.tool, c.in, r.Failed, r.Text)
		}
	}
	if s.Read("n/c.txt") != "x" {
		t.Error("nothing was written")
	}
}

// TestPatchesAreTheProgramsOwn applies diffs that the diff program makes, and
// compares with what it made them of.
func TestPatchesAreTheProgramsOwn(t *testing.T) {
	long := strings.Repeat("line\n", 5) + "a\nb\nc\n" + strings.Repeat("more\n", 20) + "x\ny\nz\n"
	for name, c := range map[string]struct{ from, to string }{
		"a line":            {"a\nb\nc\n", "a\nB\nc\n"},
		"two places":        {long, strings.Replace(strings.Replace(long, "b\n", "B\nBB\n", 1), "y\n", "", 1)},
		"at the end":        {"a\n", "a\nb\n"},
		"at the beginning":  {"b\n", "a\nb\n"},
		"all of it":         {"a\nb\n", "c\n"},
		"no line end":       {"a\nb", "a\nc"},
		"a line end":        {"a\nb", "a\nb\n"},
		"loses a line end":  {"a\nb\n", "a\nb"},
		"made":              {"", "a\nb\n"},
		"gone":              {"a\nb\n", ""},
		"lines like a head": {"-- a\n++ b\nc\n", "++ b\nc\n"},
	} {
		for _, context := range []string{"-U3", "-U0"} {
			dir := t.TempDir()
			files := map[string]string{}
			if err := os.MkdirAll(filepath.Join(dir, "a"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Join(dir, "b"), 0o755); err != nil {
				t.Fatal(err)
			}
			if c.from != "" {
				files["f"] = c.from
				os.WriteFile(filepath.Join(dir, "a/f"), []byte(c.from), 0o644)
			}
			if c.to != "" {
				os.WriteFile(filepath.Join(dir, "b/f"), []byte(c.to), 0o644)
			}
			cmd := exec.Command("git", "diff", "--no-index", "--no-prefix", context, "a", "b")
			cmd.Dir = dir
			diff, _ := cmd.Output() // it exits with 1 where they differ
			_, s, use := newDesk(t, files)
			if r := use("patch", map[string]any{"diff": string(diff)}); r.Failed || s.Read("f") != c.to {
				t.Errorf("%s %s: %s, and the file holds %q\n%s", name, context, r.Text, s.Read("f"), diff)
			}
		}
	}
}

func TestPatchesThatDoNotFit(t *testing.T) {
	_, s, use := newDesk(t, map[string]string{"f": "a\nb\na\nb\n", "g": "1\n"})
	was := s.Graph().Digest()
	for name, c := range map[string]struct{ diff, want string }{
		"not there":        {"--- a/f\n+++ b/f\n@@ -1 +1 @@\n-x\n+y\n", "do not stand in the file"},
		"more than once":   {"--- a/f\n+++ b/f\n@@ -9 +9 @@\n-a\n+y\n", "more than once"},
		"no file":          {"--- a/h\n+++ b/h\n@@ -1 +1 @@\n-x\n+y\n", "there is no file h"},
		"there already":    {"--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+y\n", "there already"},
		"half of a head":   {"--- a/f\n", "without a +++"},
		"no hunk":          {"--- a/f\n+++ b/f\n", "no hunk"},
		"a hunk alone":     {"@@ -1 +1 @@\n-a\n+b\n", "before any file"},
		"one of two files": {"--- a/g\n+++ b/g\n@@ -1 +1 @@\n-1\n+2\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-x\n+y\n", "do not stand in the file"},
	} {
		if r := use("patch", map[string]any{"diff": c.diff}); !r.Failed || !strings.Contains(r.Text, c.want) {
			t.Errorf("%s: %v %s", name, r.Failed, r.Text)
		}
	}
	if s.Graph().Digest() != was {
		t.Error("something was changed")
	}
	// A model miscounts, and forgets the last line end.
	if r := use("patch", map[string]any{"diff": "--- a/g\n+++ b/g\n@@ -7,3 +9,9 @@\n-1\n+2"}); r.Failed || s.Read("g") != "2\n" {
		t.Errorf("%s; %q", r.Text, s.Read("g"))
	}
}

func FuzzPatch(f *testing.F) {
	f.Add("a\nb\n", "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n")
	f.Add("", "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+y\n\\ No newline at end of file\n")
	f.Fuzz(func(t *testing.T, text, diff string) {
		files, err := parsePatch(diff)
		if err != nil {
			return
		}
		for _, p := range files {
			if out, err := p.apply(text); err == nil && len(p.hunks) == 0 && out != text {
				t.Errorf("no hunk, and %q became %q", text, out)
			}
		}
	})
}

func TestRunTakesWhatACommandChanges(t *testing.T) {
	d, s, use := newDesk(t, map[string]string{"a.txt": "A"})
	d.allow = [][]string{{"sh", "-c"}}
	r := use("run", map[string]any{"argv": []string{"sh", "-c", "pwd; echo B > b.txt; rm a.txt; exit 3"}})
	if r.Failed || s.Read("b.txt") != "B\n" || s.Read("a.txt") != "" || !strings.Contains(r.Text, "exit 3\n.\n") || !strings.Contains(r.Text, "it changed 2 places") {
		t.Errorf("%+v", r)
	}
	s.Refuse(func(rewrite.Op) bool { return true })
	r = use("run", map[string]any{"argv": []string{"sh", "-c", "echo C > b.txt"}})
	if r.Failed || s.Read("b.txt") != "B\n" || !strings.Contains(r.Text, "was refused") {
		t.Errorf("%+v", r)
	}
	d.gates = [][]string{{"sh", "-c", "echo D > d.txt; cat b.txt"}}
	if r = use("gates", map[string]any{}); r.Failed || s.Read("d.txt") != "" || !strings.Contains(r.Text, "all gates are green") {
		t.Errorf("what a gate writes was taken, or what was refused was left: %+v", r)
	}
}

func TestOutputIsSteady(t *testing.T) {
	in := "--- FAIL: TestA (0.03s)\nok  \texample.com/m\t1.204s\npanic: 0xc000012345 goroutine 17 [running]:\n/slot/1/m.go:3 in /scratch/tmp/go-build1234/b\ntook 3ms; 5 seconds; v1s\n"
	want := "--- FAIL: TestA (TIME)\nok  \texample.com/m\tTIME\npanic: 0xADDR goroutine N [running]:\n./m.go:3 in $SCRATCH/tmp/go-buildN/b\ntook TIME; 5 seconds; v1s\n"
	if got := steady(in, "/slot/1", "/scratch"); got != want {
		t.Errorf("%s", got)
	}
}

func TestTheTargetsPackages(t *testing.T) {
	for _, c := range []struct{ module, target, want string }{
		{".", ".", "./..."},
		{".", "a", "./a/..."},
		{"", "a/b.go", "./a/..."},
		{".", "m.go", "./..."},
		{"mod", "mod", "./..."},
		{"mod", "mod/a/b.go", "./a/..."},
		{"mod", "other", "./..."},
		{"mod", "modular/x", "./..."},
	} {
		if got := packages(work.Repo{Module: c.module, Target: c.target}); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestPrompts(t *testing.T) {
	p, err := loadPrompts()
	if err != nil {
		t.Fatal(err)
	}
	list := func(s ...string) rmg.Value {
		var out []rmg.Value
		for _, x := range s {
			out = append(out, rmg.String(x))
		}
		return rmg.List(out...)
	}
	a := work.Assignment{
		Repo: work.Repo{Name: "app", Module: "mod", Target: "token", Symbol: "Verify"}, Rights: work.Rights{Write: []string{"**/*.go"}},
		Inputs: map[string]rmg.Props{
			"reproduce": rmg.PropsOf(map[string]rmg.Value{"failing": list("m.TestA", "m.TestB")}),
			"localise":  rmg.PropsOf(map[string]rmg.Value{"suspects": list("a.go:3 0.9", "a.go:4 0.8")}),
		},
	}
	d := &desk{a: a, allow: [][]string{{"go", "test"}}, gates: [][]string{{"go", "vet", "./..."}}}
	got, err := p.first(briefOf(d))
	if err != nil {
		t.Fatal(err)
	}
	var asked strings.Builder
	if err := p.wish.Execute(&asked, wish{
		Text: "see to the bound", Tasks: []string{"FixBug(what: text): make tests pass"}, Names: []string{"a", "a/a.go"}, Said: `{"intent":"FixBug","target":"b"}`, Fault: `there is no "b" here`,
	}); err != nil {
		t.Fatal(err)
	}
	var wanted strings.Builder
	if err := p.want.Execute(&wanted, want{
		Text: "tidy the docs", Tasks: []string{"FixBug(what: text): make tests pass"}, Primitives: []string{"build-all(): build"}, Sample: "methods: []", Said: "methods: 1", Fault: "it is no list",
	}); err != nil {
		t.Fatal(err)
	}
	got = p.system + "\n----\n" + got + "\n----\n" + p.understand + "\n----\n" + asked.String() + "\n----\n" + p.propose + "\n----\n" + wanted.String()
	const golden = "testdata/prompts.golden"
	if os.Getenv("JITOS_UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the prompts are others than in %s; JITOS_UPDATE=1 rewrites it:\n%s", golden, got)
	}
}

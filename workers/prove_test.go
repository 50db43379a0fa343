package workers

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/gotool"
	"jitos.dev/workers/sandbox"
	"jitos.dev/workers/workertest"
)

// ground is a folder that gates are run in, as a kernel would make it.
type ground struct {
	t     *testing.T
	run   *Runner
	dir   string
	files map[string]string
	blobs *workertest.Space
}

func newGround(t *testing.T, files map[string]string) *ground {
	t.Helper()
	g := &ground{t: t, run: runner(t), dir: t.TempDir(), files: files, blobs: workertest.NewSpace(t, nil)}
	for name, text := range files {
		full := filepath.Join(g.dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func (g *ground) prove(gates ...work.Gate) []work.Evidence {
	g.t.Helper()
	list, err := g.run.Prove(g.t.Context(), work.Proof{
		Folder: g.dir, Scratch: g.t.TempDir(), Gates: gates, PutBlob: g.blobs.PutBlob,
		File: func(name string) (rmg.Blob, bool) {
			text, ok := g.files[name]
			return rmg.Blob{Sum: sha256.Sum256([]byte(text)), Size: int64(len(text))}, ok
		},
		Judges: func(name string) bool { return strings.HasSuffix(name, "_test.sh") },
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return list
}

// tapGate is a gate whose report is TAP that a shell script prints.
func tapGate(script string) work.Gate {
	return work.Gate{Name: "tests", Kind: work.GateTest, Argv: []string{"sh", "-c", script}, Parser: "tap", TimeoutMillis: 60_000}
}

// TestReportGates: a gate with a parser is what its report says of its tests, and
// green only if the exit status agrees.
func TestReportGates(t *testing.T) {
	for name, c := range map[string]struct {
		gate   work.Gate
		green  bool
		reason string
		tests  int
	}{
		"green":                    {tapGate("echo 1..1; echo ok 1 - a"), true, "1 tests green", 1},
		"red":                      {tapGate("echo 1..1; echo not ok 1 - a; exit 1"), false, "1 of 1 tests red", 1},
		"says so, and is not":      {tapGate("echo all tests pass"), false, "cannot be read as tap", 0},
		"green tests and exit 3":   {tapGate("echo 1..1; echo ok 1 - a; exit 3"), false, "1 tests green", 1},
		"dies":                     {tapGate("echo 1..2; echo ok 1 - a; kill -9 $$"), false, "exit 137", 0},
		"nothing runs":             {tapGate("echo 1..0"), false, "no test ran", 0},
		"a file":                   {withReport(tapGate("mkdir out; echo 1..1 >out/r; echo ok 1 - a >>out/r"), "out/r"), true, "1 tests green", 1},
		"no file":                  {withReport(tapGate("echo 1..1; echo ok 1 - a"), "out/r"), false, "wrote no report out/r", 0},
		"a stale file":             {withReport(tapGate("true"), "stale.tap"), false, "stands in the repository", 0},
		"a link out of the folder": {withReport(tapGate("ln -s /etc/passwd r"), "r"), false, "is no file", 0},
		"out of the folder":        {withReport(tapGate("true"), "../r"), false, "no path inside", 0},
		"too much":                 {tapGate("yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | head -c 25000000"), false, "prints more than", 0},
	} {
		t.Run(name, func(t *testing.T) {
			e := newGround(t, map[string]string{"stale.tap": "1..1\nok 1 - a\n"}).prove(c.gate)[0]
			if e.Green != c.green || !strings.Contains(e.Reason, c.reason) || len(e.Tests) != c.tests {
				t.Errorf("green %v, %d tests: %s", e.Green, len(e.Tests), e.Reason)
			}
			if (e.Report != "") != (name == "a file") {
				t.Errorf("the report's hash is %q", e.Report)
			}
		})
	}
}

func withReport(g work.Gate, name string) work.Gate {
	g.Report = name
	return g
}

// TestRunsThatTouchTheFolder: a run that changes what it is judged by does not
// count, and what comes after a command of which nothing is known is run elsewhere.
func TestRunsThatTouchTheFolder(t *testing.T) {
	const green = "; echo 1..1; echo ok 1 - a"
	for name, c := range map[string]struct {
		script string
		fault  string
	}{
		"leaves it alone":         {"true", ""},
		"writes its scratch":      {"echo x >$HOME/x; echo y >$TMPDIR/y", ""},
		"makes a file":            {"echo x >cover.out", ""},
		"writes a file as it was": {"cp a_test.sh x; cat x >a_test.sh; rm x", ""},
		"changes a test":          {"echo exit 0 >a_test.sh", "the run changed what it is judged by: a_test.sh"},
		"takes one away":          {"rm a_test.sh", "the run changed what it is judged by: a_test.sh"},
		"puts another in place":   {"echo exit 0 >x; mv x a_test.sh", "the run changed what it is judged by: a_test.sh"},
		"puts a link in place":    {"mv a_test.sh b; ln -s b a_test.sh", "the run changed what it is judged by: a_test.sh"},
		"makes it executable":     {"chmod +x a_test.sh", "the run changed what it is judged by: a_test.sh"},
		"hides that it changed":   {"touch -r a_test.sh x; echo exit 0 >a_test.sh; touch -r x a_test.sh; rm x", "the run changed what it is judged by: a_test.sh"},
		"makes a test":            {"mkdir sub; echo exit 0 >sub/b_test.sh", "the run made files that have a say in how tests end: sub/b_test.sh"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGround(t, map[string]string{"a_test.sh": "exit 1\n"})
			list := g.prove(tapGate(c.script+green), tapGate("true"+green))
			if len(list) != 1 || list[0].Fault != c.fault || list[0].Green != (c.fault == "") {
				t.Errorf("%d ran; green %v: %s", len(list), list[0].Green, list[0].Reason)
			}
		})
	}
}

// TestGatesThatShareAFolder: only what does not run the code under test may leave
// its scratch to the next gate.
func TestGatesThatShareAFolder(t *testing.T) {
	r := Runner{tool: &gotool.Toolchain{Self: "/jitos"}}
	narrows := sandbox.InForce().Landlock > 0
	for _, c := range []struct {
		gate work.Gate
		want bool
	}{
		{work.Gate{Kind: work.GateFile}, false},
		{work.Gate{Kind: work.GateCommand, Argv: []string{"go", "build", "./..."}}, false},
		{work.Gate{Kind: work.GateCommand, Argv: []string{"go", "vet", "./..."}}, false},
		{work.Gate{Kind: work.GateCommand, Argv: []string{"go", "generate", "./..."}}, true},
		{work.Gate{Kind: work.GateCommand, Argv: []string{"go"}}, true},
		{work.Gate{Kind: work.GateCommand, Argv: []string{"make", "vet"}}, true},
		{work.Gate{Kind: work.GateTest, Pattern: "./..."}, !narrows},
		{work.Gate{Kind: work.GateTest, Argv: []string{"go", "test", "-json"}, Parser: "go"}, true},
	} {
		if got := r.writesCache(c.gate); got != c.want {
			t.Errorf("%+v: %v", c.gate, got)
		}
	}
	if r.tool.Self = ""; !r.writesCache(work.Gate{Kind: work.GateTest, Pattern: "./..."}) {
		t.Error("without a program to narrow them, test binaries can write the cache")
	}
}

// TestEvidenceNamesTheProgram by what it is, and the key depends on it.
func TestEvidenceNamesTheProgram(t *testing.T) {
	e := newGround(t, nil).prove(tapGate("true"))[0]
	path, sum, _ := strings.Cut(e.Tools, " ")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("tools %q: %v", e.Tools, err)
	}
	if want := rmgHex(sha256.Sum256(data)); sum != want {
		t.Errorf("%s is %s, not %s", path, want, sum)
	}
	if len(e.Env) != 64 {
		t.Errorf("the environment's hash is %q", e.Env)
	}
	var r Runner
	tool := filepath.Join(t.TempDir(), "tool")
	g := work.Gate{Kind: work.GateCommand, Argv: []string{tool}}
	keys := map[string]bool{}
	for _, text := range []string{"one", "two", "one"} {
		if err := os.WriteFile(tool, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		keys[r.Key(work.Proof{}, g)] = true
	}
	if len(keys) != 2 {
		t.Errorf("three writings of two programs have %d keys", len(keys))
	}
	if r.Key(work.Proof{}, g) == r.Key(work.Proof{Made: []string{"deps"}}, g) {
		t.Error("what set-up steps made is no part of the key")
	}
}

func rmgHex(sum [32]byte) string { return rmg.Digest(sum).String() }

package gotool

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"jitos.dev/work"
	"jitos.dev/workers/gocache"
	"jitos.dev/workers/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	if len(os.Args) == 4 && os.Args[1] == "gocacheprog" {
		if gocache.Serve(os.Stdin, os.Stdout, os.Args[2], os.Args[3]) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) > 2 && os.Args[1] == "testexec" {
		write, env := Narrowed(os.Environ())
		fmt.Fprintln(os.Stderr, sandbox.Narrow(write, os.Args[2:], env))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// module writes a module and returns where commands run in it.
func module(t *testing.T, files map[string]string) (*Toolchain, Place) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tool, err := Detect(context.Background(), self)
	if err != nil {
		t.Fatal(err)
	}
	p := Place{Folder: t.TempDir(), Scratch: t.TempDir()}
	files["go.mod"] = "module example.com/m\n\ngo 1.24\n"
	for name, text := range files {
		full := filepath.Join(p.Folder, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return tool, p
}

func TestTestsByName(t *testing.T) {
	tool, p := module(t, map[string]string{
		"ok/ok_test.go":    "package ok\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\n\nfunc TestSkip(t *testing.T) { t.Skip() }\n",
		"red/red_test.go":  "package red\n\nimport \"testing\"\n\nfunc TestSub(t *testing.T) {\n\tt.Run(\"good one\", func(t *testing.T) {})\n\tt.Run(\"bad/one\", func(t *testing.T) { t.Error(\"no\") })\n}\n",
		"panics/p_test.go": "package panics\n\nimport \"testing\"\n\nfunc TestFine(t *testing.T) {}\n\nfunc TestPanic(t *testing.T) { var m map[string]int; m[\"\"] = 1 }\n",
		"broken/b_test.go": "package broken\n\nimport \"testing\"\n\nfunc TestB(t *testing.T) { undefined() }\n",
		"none/none.go":     "package none\n",
	})
	run, err := tool.Test(context.Background(), p, TestOptions{Patterns: []string{"./..."}, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range run.Tests {
		got = append(got, strings.TrimPrefix(x.Package, "example.com/m/")+" "+x.Name+" "+string(x.Status))
	}
	want := []string{
		"ok TestA pass", "ok TestSkip skip", "panics TestFine pass", "panics TestPanic fail", "red TestSub fail", "red TestSub/bad/one fail", "red TestSub/good_one pass",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if !slices.Equal(run.BuildFailed, []string{"example.com/m/broken"}) || run.Exit == 0 {
		t.Errorf("build failed: %v, exit %d", run.BuildFailed, run.Exit)
	}
	if len(run.Stacks) != 1 || !strings.Contains(run.Stacks[0], "assignment to entry in nil map") {
		t.Errorf("stacks: %q", run.Stacks)
	}
}

func TestAHangFails(t *testing.T) {
	tool, p := module(t, map[string]string{
		"h.go":      "package m\n\nimport \"time\"\n\nfunc Hang() { time.Sleep(time.Hour) }\n",
		"h_test.go": "package m\n\nimport \"testing\"\n\nfunc TestQuick(t *testing.T) {}\n\nfunc TestHang(t *testing.T) { Hang() }\n",
	})
	run, err := tool.Test(context.Background(), p, TestOptions{Patterns: []string{"."}, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if got := run.Failed(); !slices.Equal(got, []string{"example.com/m.TestHang"}) {
		t.Errorf("failed: %v", got)
	}
	if len(run.Stacks) != 1 || !strings.HasPrefix(run.Stacks[0], "panic: test timed out") {
		t.Errorf("stacks: %q", run.Stacks)
	}
}

// TestClaimsAreNotResults: a binary that ends early has not run its tests,
// whatever it prints.
func TestClaimsAreNotResults(t *testing.T) {
	tool, p := module(t, map[string]string{
		"x_test.go": "package m\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestLie(t *testing.T) {\n\tfmt.Println(\"--- PASS: TestOther (0.00s)\\nPASS\\nok\")\n\tos.Exit(0)\n}\n",
	})
	run, err := tool.Test(context.Background(), p, TestOptions{Patterns: []string{"."}, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range run.Tests {
		if x.Name == "TestLie" && x.Status == work.TestPass {
			t.Errorf("a test that left early counts as passed: %+v", run.Tests)
		}
	}
	if run.Exit == 0 {
		t.Error("exit 0")
	}
}

// TestNarrowed: a test binary can write in its folder, HOME and TMPDIR, and not
// what the go command builds the next one from; a go command that a test starts
// still works; and the go command itself is out of its reach.
func TestNarrowed(t *testing.T) {
	if sandbox.InForce().Landlock == 0 {
		t.Skip("this kernel has no Landlock")
	}
	tool, p := module(t, map[string]string{
		"a/a_test.go": `package a

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func try(dir string) bool { return os.WriteFile(filepath.Join(dir, "written"), nil, 0o644) == nil }

func TestMay(t *testing.T) {
	for _, dir := range []string{".", "..", os.Getenv("HOME"), os.TempDir(), t.TempDir()} {
		if !try(dir) {
			t.Error(dir)
		}
	}
}

func TestMayNot(t *testing.T) {
	scratch := filepath.Dir(os.Getenv("HOME"))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{scratch, scratch + "/gocache", scratch + "/gocache-own", scratch + "/gotmp", filepath.Dir(self)} {
		if try(dir) {
			t.Error(dir)
		}
	}
	if f, err := os.OpenFile(self, os.O_WRONLY, 0); err == nil {
		f.Close()
		t.Error("the test binary itself")
	}
	if syscall.Kill(os.Getppid(), 0) == nil {
		t.Error("the go command can be signalled")
	}
	if f, err := os.OpenFile("/proc/"+"self/../"+ppid()+"/mem", os.O_RDWR, 0); err == nil {
		f.Close()
		t.Error("the go command can be written in")
	}
}

func ppid() string {
	out, _ := os.ReadFile("/proc/self/stat")
	return strings.Fields(string(out))[3]
}

func TestGoInGo(t *testing.T) {
	if out, err := exec.Command("go", "vet", "../b").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
`,
		"b/b.go": "// Package b is built by a test.\npackage b\n",
	})
	run, err := tool.Test(context.Background(), p, TestOptions{Patterns: []string{"./a"}, NoVet: true, Narrow: true, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if len(run.Tests) != 3 || run.Exit != 0 {
		t.Errorf("%+v\n%s", run.Tests, run.Output)
	}
}

func TestTheEnvironmentHoldsNoSecret(t *testing.T) {
	t.Setenv("ANTHROPIC_API_KEY", "leak")
	tool, p := module(t, map[string]string{})
	out, err := tool.Run(context.Background(), p, time.Minute, "env")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out.Output), "leak") || !strings.Contains(string(out.Output), "GOPROXY=off") {
		t.Errorf("%s", out.Output)
	}
	a, b := tool.EnvKey(), (&Toolchain{Root: "/elsewhere"}).EnvKey()
	if a == b || len(a) != 64 {
		t.Errorf("keys %q and %q", a, b)
	}
}

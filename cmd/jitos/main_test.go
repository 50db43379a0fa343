package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"jitos.dev/workers/agent/agenttest"
	"jitos.dev/workers/sandbox"
)

// asProgram makes this test binary be the program: in scripts, in the daemons
// they start, and in the processes that those start of themselves.
const asProgram = "JITOS_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	sandbox.Main()
	agenttest.Main()
	if len(os.Args) == 4 && os.Args[1] == "probe" {
		os.Exit(probe(os.Args[2], os.Args[3]))
	}
	if os.Getenv(asProgram) != "" || len(os.Args) > 1 && (os.Args[1] == "gocacheprog" || os.Args[1] == "testexec") {
		os.Exit(Main(os.Args[1:]))
	}
	// What is tested is other processes, which wait for each other: so many tests at
	// once keep the processors busy. -parallel says otherwise.
	if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"jitos": func() { os.Exit(Main(os.Args[1:])) }})
}

// goEnv is the environment in which Go finds what is compiled already, although
// HOME is another one.
func goEnv(t testing.TB) []string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	cache, mod, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return []string{"GOCACHE=" + cache, "GOMODCACHE=" + mod, "GOFLAGS=-buildvcs=false"}
}

// TestScripts runs the specification of the command line: testdata/*.txtar.
func TestScripts(t *testing.T) {
	vars := goEnv(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true, UpdateScripts: os.Getenv("JITOS_UPDATE") != "",
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, vars...)
			e.Vars = append(e.Vars, home(e.WorkDir)...)
			e.Defer(func() { killBelow(e.WorkDir) })
			return makeHome(e.WorkDir)
		},
		Condition: func(name string) (bool, error) {
			if name != "pytest" { // of the Python that commands in the sandbox see
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return exec.Command("/usr/bin/python3", "-c", "import pytest").Run() == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"repo": repoCmd, "daemon": daemonCmd, "killdaemon": killCmd, "code": codeCmd, "site": siteCmd},
	})
}

// home is a person's environment below a folder.
func home(dir string) []string {
	return []string{
		"HOME=" + filepath.Join(dir, ".home"), "XDG_RUNTIME_DIR=" + filepath.Join(dir, ".run"), "XDG_DATA_HOME=" + filepath.Join(dir, ".data"),
		"XDG_STATE_HOME=" + filepath.Join(dir, ".state"), "TMPDIR=" + filepath.Join(dir, ".tmp"), asProgram + "=1", "NO_COLOR=1",
	}
}

func makeHome(dir string) error {
	for _, d := range []string{".home", ".run", ".tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return err
		}
	}
	config := "[user]\n\tname = Ada\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n"
	return os.WriteFile(filepath.Join(dir, ".home", ".gitconfig"), []byte(config), 0o644)
}

// repoCmd is `repo DIR`: makes a folder of the script a git repository with
// everything in it committed.
func repoCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: repo DIR")
	}
	for _, argv := range [][]string{{"init", "-q"}, {"add", "-A"}, {"commit", "-q", "-m", "first"}} {
		ts.Check(ts.Exec("git", append([]string{"-C", ts.MkAbs(args[0])}, argv...)...))
	}
}

// codeCmd is `code N COMMAND ...`: runs a command that must end with that exit
// code.
func codeCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N COMMAND ...")
	}
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("exit code %d, not %s", got, args[0])
	}
}

// siteCmd is `site`: a server outside the sandbox, at $SITE. It says hello, or
// what it was last told by /set/WORD.
func siteCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: site")
	}
	var says atomic.Value
	says.Store("hello")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if word, ok := strings.CutPrefix(r.URL.Path, "/set/"); ok {
			says.Store(word)
		}
		fmt.Fprintf(w, "the site says %s\n", says.Load())
	}))
	ts.Defer(s.Close)
	ts.Setenv("SITE", strings.Replace(strings.TrimPrefix(s.URL, "http://"), "127.0.0.1", "localhost", 1))
}

// daemonCmd is `daemon`: a daemon that answers, of the folder's own. What it says is in
// daemon.out.
func daemonCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: daemon")
	}
	ts.Check(ts.Exec("sh", "-c", `jitos daemon >daemon.out 2>&1 & d=$!
		for i in $(seq 1200); do
			jitos status >/dev/null 2>&1 && exit 0
			kill -0 $d 2>/dev/null || break
			sleep 0.05
		done
		cat daemon.out
		exit 1`))
}

// killCmd is `killdaemon`: kill -9 for every daemon of the script, and a wait until
// none has a file open: the next one may have to open the same.
func killCmd(ts *testscript.TestScript, neg bool, args []string) {
	list := daemonsBelow(ts.Getenv("WORK"))
	if len(list) == 0 && !neg {
		ts.Fatalf("no daemon runs")
	}
	for _, pid := range list {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
		for running(pid) {
			time.Sleep(time.Millisecond)
		}
	}
}

// running is false of a process that has closed its files: it is gone, or dead and
// not asked about yet. The first of its threads may be dead before the others, which
// have the files still.
func running(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, ok := bytes.Cut(data, []byte(") "))
	if err != nil || !ok || len(state) == 0 {
		return false
	}
	threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return len(threads) > 1 || state[0] != 'Z' && state[0] != 'X'
}

// daemonsBelow finds the daemons of a person's environment below a folder.
func daemonsBelow(dir string) []int {
	var out []int
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		data, err := os.ReadFile(f)
		args := bytes.Split(data, []byte{0})
		if err != nil || len(args) < 2 || string(args[1]) != "daemon" {
			continue
		}
		env, err := os.ReadFile(filepath.Join(filepath.Dir(f), "environ"))
		if err != nil || !bytes.Contains(env, []byte("="+dir+"/")) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f))); err == nil {
			out = append(out, pid)
		}
	}
	return out
}

// killBelow ends the daemons of a test and waits for them: their files are
// removed next, or the next one opens them.
func killBelow(dir string) {
	list := daemonsBelow(dir)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		for _, pid := range list {
			_ = syscall.Kill(pid, sig) // it may have ended meanwhile
		}
		if patiently(func() bool { return !slices.ContainsFunc(list, running) }) {
			return
		}
	}
}

// patiently looks until something is so, and says whether it came to that.
func patiently(is func() bool) bool {
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return is()
		}
	}
	return true
}

// person is somebody at a shell: a home, repositories, a daemon when one is
// started.
type person struct {
	testing.TB
	dir string
	env []string
}

func newPerson(t testing.TB) *person {
	t.Helper()
	// The folder's name counts towards the length of a socket's path.
	dir, err := os.MkdirTemp("", "jt")
	if err != nil {
		t.Fatal(err)
	}
	p := &person{TB: t, dir: dir, env: append(append(os.Environ(), goEnv(t)...), home(dir)...)}
	t.Cleanup(func() {
		killBelow(dir)
		if t.Failed() {
			if log, err := os.ReadFile(filepath.Join(dir, ".state/jitos/daemon.log")); err == nil {
				t.Logf("the daemon's log:\n%s", log)
			}
		}
		os.RemoveAll(dir)
	})
	if err := makeHome(dir); err != nil {
		t.Fatal(err)
	}
	return p
}

// command is a command of the person's, in a folder of theirs.
func (p *person) command(dir string, argv ...string) *exec.Cmd {
	if argv[0] == "jitos" {
		self, err := os.Executable()
		if err != nil {
			p.Fatal(err)
		}
		argv[0] = self
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = filepath.Join(p.dir, dir), p.env
	return cmd
}

// run runs a command that must succeed.
func (p *person) run(dir string, argv ...string) string {
	p.Helper()
	name := strings.Join(argv, " ")
	out, err := p.command(dir, argv...).CombinedOutput()
	if err != nil {
		p.Fatalf("%s: %v\n%s", name, err, out)
	}
	return strings.TrimRight(string(out), "\n")
}

// write makes a file.
func (p *person) write(name, text string) {
	p.Helper()
	full := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
		p.Fatal(err)
	}
}

// repo makes a folder a repository.
func (p *person) repo(dir string) {
	p.Helper()
	p.run(dir, "git", "init", "-q")
	p.run(dir, "git", "add", "-A")
	p.run(dir, "git", "commit", "-qm", "first")
}

// buggy writes a small Go module with packages a and b, each with one bug and
// a test that shows it.
func (p *person) buggy(dir string) {
	p.Helper()
	p.write(dir+"/go.mod", "module example.com/buggy\n\ngo 1.24\n")
	for _, name := range []string{"a", "b"} {
		p.write(dir+"/"+name+"/"+name+".go", fmt.Sprintf(`// Package %[1]s bounds numbers.
package %[1]s

// Within says whether n lies between lo and hi, both included.
func Within(n, lo, hi int) bool {
	if n < lo {
		return false
	}
	return n < hi
}
`, name))
		p.write(dir+"/"+name+"/"+name+"_test.go", fmt.Sprintf(`package %[1]s

import "testing"

func TestBelow(t *testing.T) {
	if Within(0, 1, 3) || !Within(1, 1, 3) {
		t.Error("the lower bound")
	}
}

func TestAbove(t *testing.T) {
	if Within(4, 1, 3) || !Within(3, 1, 3) {
		t.Error("the upper bound")
	}
}
`, name))
	}
}

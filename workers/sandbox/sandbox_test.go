//go:build linux

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	Main()
	if len(os.Args) > 2 && os.Args[1] == "probe" {
		if err := probe(os.Args[2], os.Args[3:]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// probe is what runs inside.
func probe(what string, args []string) error {
	switch what {
	case "dial":
		c, err := net.DialTimeout(args[0], args[1], time.Second)
		if err == nil && args[0] == "udp" {
			_, err = c.Write([]byte("x"))
		}
		return err
	case "loopback":
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
		defer s.Close()
		_, err := http.Get(s.URL)
		return err
	case "fetch":
		return fetch(args[0])
	case "raw":
		c, err := net.Dial("tcp", "127.0.0.1:3128")
		if err != nil {
			return err
		}
		if _, err := io.WriteString(c, args[0]); err != nil {
			return err
		}
		_, err = io.Copy(os.Stdout, c)
		return err
	case "hoard":
		size, _ := strconv.Atoi(args[0])
		all := make([]byte, size)
		for i := range all {
			all[i] = 1
		}
		return syscall.Pause()
	case "lookup":
		_, err := net.LookupHost(args[0])
		return err
	case "kill":
		pid, _ := strconv.Atoi(args[0])
		return syscall.Kill(pid, 0)
	case "trace":
		pid, _ := strconv.Atoi(args[0])
		return syscall.PtraceAttach(pid)
	case "mount":
		return syscall.Mount("tmpfs", args[0], "tmpfs", 0, "")
	case "flood":
		block := make([]byte, 1<<20)
		for range 1024 {
			if _, err := os.Stdout.Write(block); err != nil {
				return err
			}
		}
		return nil
	}
	return errors.New("no such probe")
}

// self runs a probe in the sandbox.
func self(t *testing.T, c Command, what string, args ...string) Outcome {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c.Argv = append([]string{exe, "probe", what}, args...)
	c.Read = append(c.Read, exe)
	return run(t, c)
}

func sh(t *testing.T, c Command, script string) Outcome {
	t.Helper()
	c.Argv = []string{"sh", "-c", script}
	return run(t, c)
}

func run(t *testing.T, c Command) Outcome {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
		c.Write = append(c.Write, c.Dir)
	}
	if c.Env == nil {
		c.Env = []string{"PATH=/usr/bin:/bin"}
	}
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	out, err := Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// needs skips a test of what this machine does not give; the evidence of every
// run names it, which is the promise there.
func needs(t *testing.T, tier string) {
	t.Helper()
	is := InForce()
	if is.Tier == "none" || tier == "full" && is.Tier != "full" {
		t.Skipf("this machine gives tier %q: %v", is.Tier, is.Lacks)
	}
}

func TestOutcome(t *testing.T) {
	out := sh(t, Command{}, "echo out; echo err >&2; exit 3")
	if out.Exit != 3 || string(out.Stdout) != "out\n" || string(out.Stderr) != "err\n" || out.TimedOut || out.Truncated {
		t.Errorf("%+v", out)
	}
	if out = sh(t, Command{}, "kill -9 $$"); out.Exit != 137 {
		t.Errorf("killed by a signal: exit %d", out.Exit)
	}
	_, err := Run(context.Background(), Command{Argv: []string{"no-such-command"}, Dir: "/", Env: []string{"PATH=/usr/bin"}})
	if err == nil || !strings.Contains(err.Error(), "no-such-command") {
		t.Errorf("a missing command: %v", err)
	}
	if _, err = Run(context.Background(), Command{Argv: []string{"true"}, Dir: "/no/such/folder", Env: []string{"PATH=/usr/bin"}}); err == nil {
		t.Error("a missing folder is no error")
	}
}

func TestWritesStayInside(t *testing.T) {
	needs(t, "landlock")
	outside := t.TempDir()
	victim := filepath.Join(outside, "victim")
	if err := os.WriteFile(victim, []byte("safe"), 0o666); err != nil {
		t.Fatal(err)
	}
	os.Chmod(outside, 0o777)
	for name, script := range map[string]string{
		"absolute": "echo x > " + victim,
		"dots":     "echo x > ../" + filepath.Base(outside) + "/../" + filepath.Base(outside) + "/victim; echo x > " + victim,
		"symlink":  "ln -s " + victim + " l && echo x > l",
		"new":      "touch " + outside + "/new",
		"hardlink": "ln " + victim + " h && echo x > h",
		"remove":   "rm " + victim,
		"rename":   "echo x > mine && mv -f mine " + victim,
		"chmod":    "exec 3<" + victim + " && echo x >&3",
	} {
		out := sh(t, Command{}, script)
		data, err := os.ReadFile(victim)
		if err != nil || string(data) != "safe" || out.Exit == 0 {
			t.Errorf("%s: exit %d, the file holds %q (%v)", name, out.Exit, data, err)
		}
		if list, _ := os.ReadDir(outside); len(list) != 1 {
			t.Errorf("%s: %d files outside", name, len(list))
		}
	}
	if out := sh(t, Command{}, "echo x > mine && mv mine yours && mkdir d && mv yours d/ && cat d/yours"); string(out.Stdout) != "x\n" {
		t.Errorf("inside: %+v", out)
	}
}

func TestReadsStayInside(t *testing.T) {
	needs(t, "landlock")
	secret := filepath.Join(t.TempDir(), "daemon.secret")
	if err := os.WriteFile(secret, []byte("s3cret"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := sh(t, Command{}, "cat "+secret+"; cat /etc/shadow; cat /proc/1/environ; ls "+filepath.Dir(secret)+" "+os.Getenv("HOME"))
	if strings.Contains(string(out.Stdout)+string(out.Stderr), "s3cret") || strings.Contains(string(out.Stdout), "root:") || strings.Contains(string(out.Stdout), "daemon.secret") {
		t.Errorf("%s", out.Stdout)
	}
	if out = sh(t, Command{Read: []string{secret}}, "cat "+secret); string(out.Stdout) != "s3cret" {
		t.Errorf("a file that was given cannot be read: %+v", out)
	}
}

func TestNoNetwork(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	if out := self(t, Command{}, "dial", "tcp", tcp.Addr().String()); out.Exit == 0 {
		t.Error("a server of the machine was reached")
	}
	if out := self(t, Command{}, "dial", "udp", "192.0.2.1:53"); out.Exit == 0 {
		t.Error("a packet went out")
	}
	needs(t, "full")
	if out := self(t, Command{}, "loopback"); out.Exit != 0 {
		t.Errorf("a server inside cannot be reached: %s", out.Stdout)
	}
}

func TestTheDaemonIsOutOfReach(t *testing.T) {
	needs(t, "full")
	pid := strconv.Itoa(os.Getpid())
	for _, what := range []string{"kill", "trace", "mount"} {
		arg := pid
		if what == "mount" {
			arg = "/tmp"
		}
		if out := self(t, Command{}, what, arg); out.Exit == 0 {
			t.Errorf("%s worked", what)
		}
	}
	l, err := net.Listen("unix", filepath.Join("/run", "jitos-test-"+pid+".sock"))
	if err != nil {
		t.Skipf("no socket below /run can be made: %v", err)
	}
	defer l.Close()
	if out := self(t, Command{}, "dial", "unix", l.Addr().String()); out.Exit == 0 {
		t.Error("a service's socket was reached")
	}
}

// A socket of the machine is out of reach wherever it stands, and so is what
// nobody gave.
func TestNoSocketIsInReach(t *testing.T) {
	needs(t, "full")
	dir, err := os.MkdirTemp("", "js") // its name counts towards the length of a socket's path
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "jitos.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ours := filepath.Join(dir, "tree")
	if err := os.Mkdir(ours, 0o755); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(InForce().Parts, ownRoot) {
		t.Fatalf("there is no root of its own: %+v", InForce())
	}
	for _, how := range []string{path, "../jitos.sock", "/proc/1/root" + path, "/proc/self/root" + path, "/proc/1/cwd/.." + path} {
		if out := self(t, Command{Dir: ours, Write: []string{ours}}, "dial", "unix", how); out.Exit == 0 {
			t.Errorf("%s: the socket was reached", how)
		}
	}
	out := sh(t, Command{Dir: ours, Write: []string{ours}}, "ls -a .. / /etc /tmp /home")
	for _, name := range []string{"jitos.sock", "shadow", "boot", "hostname"} {
		if slices.Contains(strings.Fields(string(out.Stdout)), name) {
			t.Errorf("%s is seen in\n%s", name, out.Stdout)
		}
	}
	// What it was given is there, and programs find what they take for granted.
	if out = sh(t, Command{}, "echo b >/dev/stderr; bash -c 'cat <(echo c)'; test -d /tmp"); out.Exit != 0 || !strings.Contains(string(out.Stdout), "c\n") {
		t.Errorf("%+v", out)
	}
}

func TestNothingIsLeftRunning(t *testing.T) {
	dir := t.TempDir()
	mark := strconv.Itoa(os.Getpid()) + "77"
	c := Command{Dir: dir, Write: []string{dir}}
	out := sh(t, c, "setsid sleep "+mark+" >/dev/null 2>&1 & (setsid sh -c 'sleep "+mark+"' &) ; echo done")
	if string(out.Stdout) != "done\n" {
		t.Errorf("%+v", out)
	}
	c.Timeout = 300 * time.Millisecond
	if out = sh(t, c, "sleep "+mark+" & trap '' TERM INT; while :; do :; done"); !out.TimedOut || out.Exit == 0 {
		t.Errorf("%+v", out)
	}
	if list, err := exec.Command("pgrep", "-f", "sleep "+mark).Output(); err == nil {
		t.Errorf("still running: %s", list)
	}
}

func TestCancelKills(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	dir := t.TempDir()
	begun := writerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil })
	_, err := Run(ctx, Command{Argv: []string{"sh", "-c", "echo begun; sleep 1000"}, Dir: dir, Env: []string{"PATH=/usr/bin:/bin"}, Stdout: begun})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestOutputIsCappedAndDrained(t *testing.T) {
	out := self(t, Command{OutputMax: 1 << 20}, "flood")
	if out.Exit != 0 || len(out.Stdout) != 1<<20 || !out.Truncated {
		t.Errorf("exit %d, %d bytes kept, truncated %v", out.Exit, len(out.Stdout), out.Truncated)
	}
}

func TestAForkBombIsBounded(t *testing.T) {
	needs(t, "full")
	if is := strings.Join(InForce().Parts, " "); !strings.Contains(is, "pid limit") {
		t.Skipf("in force: %s", is)
	}
	out := sh(t, Command{Timeout: 2 * time.Second}, "b() { b | b & }; b; sleep 100")
	if out.Exit == 0 {
		t.Errorf("%+v", out)
	}
	if out = sh(t, Command{}, "echo alive"); string(out.Stdout) != "alive\n" {
		t.Error("the machine did not survive it")
	}
}

func TestTheEnvironmentIsItsOwn(t *testing.T) {
	t.Setenv("ANTHROPIC_API_KEY", "leak")
	out := sh(t, Command{Env: []string{"PATH=/usr/bin:/bin", "A=b"}}, "env; cat /proc/*/environ")
	if strings.Contains(string(out.Stdout), "leak") || !strings.Contains(string(out.Stdout), "A=b") || strings.Contains(string(out.Stdout), stageEnv) {
		t.Errorf("%s", out.Stdout)
	}
}

func TestInForceNamesWhatItIs(t *testing.T) {
	is := InForce()
	t.Logf("%+v", is)
	if is.Tier == "" || is.Network == "" || is.Tier != "full" && len(is.Lacks) == 0 {
		t.Errorf("%+v", is)
	}
}

func TestBusyIsAUnion(t *testing.T) {
	before := Busy()
	began := time.Now()
	done := make(chan struct{})
	for range 2 {
		go func() {
			sh(t, Command{}, "sleep 0.3")
			done <- struct{}{}
		}()
	}
	<-done
	<-done
	if took := Busy() - before; took > time.Since(began) || took < 300*time.Millisecond {
		t.Errorf("busy for %v of %v", took, time.Since(began))
	}
}

// TestMemoryHasACeiling: the processes of a command count together, and it is told
// apart from a command that ended otherwise.
func TestMemoryHasACeiling(t *testing.T) {
	needs(t, "full")
	if !slices.Contains(InForce().Parts, memoryPart) {
		t.Fatalf("there is no ceiling: %+v", InForce())
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := Command{Read: []string{exe}, MemoryMax: 300 << 20}
	hoard := exe + " probe hoard " + strconv.Itoa(180<<20)
	out := sh(t, c, hoard+" & "+hoard+" & wait")
	if out.Exit != 137 || out.TimedOut || !strings.HasPrefix(out.Over, "memory_max: ") {
		t.Errorf("two of 180 MiB: %+v", out)
	}
	if out = sh(t, c, "kill -9 $$"); out.Exit != 137 || out.Over != "" {
		t.Errorf("killed by itself: %+v", out)
	}
	if out = sh(t, c, "for i in 1 2 3 4; do dd if=/dev/zero of=/dev/null bs=150M count=2 2>/dev/null || exit; done"); out.Exit != 0 || out.Over != "" {
		t.Errorf("150 MiB, again and again: %+v", out)
	}
}

// TestAFileHasALimit writes one file far beyond what a disk should be filled with.
func TestAFileHasALimit(t *testing.T) {
	dir := t.TempDir()
	c := Command{Dir: dir, Write: []string{dir}}
	out := sh(t, c, fmt.Sprintf("dd if=/dev/zero of=big bs=1 count=1 seek=%d 2>&1", int64(maxFileSize)+1))
	st, err := os.Stat(filepath.Join(dir, "big"))
	if out.Exit == 0 || err == nil && st.Size() > maxFileSize {
		t.Errorf("exit %d: %s; %v %v", out.Exit, out.Stdout, st, err)
	}
}

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// handing is a person whose socket somebody else listens on, and starts the daemon
// for, as systemd does.
type handing struct {
	*person
	ln     *net.UnixListener
	notify *net.UnixConn
}

func newHanding(t *testing.T) *handing {
	t.Helper()
	h := &handing{person: newPerson(t)}
	path := sockOf(h.person)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.ln, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.ln.Close() })
	name := filepath.Join(h.dir, "notify")
	if h.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.notify.Close() })
	h.env = append(h.env, "NOTIFY_SOCKET="+name)
	return h
}

// start starts a daemon with sockets handed over.
func (h *handing) start(count string, files ...*os.File) *exec.Cmd {
	h.Helper()
	self, err := os.Executable()
	if err != nil {
		h.Fatal(err)
	}
	cmd := h.command("", "sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=`+count+` exec "$0" daemon --data "$1"`, self, filepath.Join(h.dir, ".data/jitos"))
	cmd.ExtraFiles = files
	if err := cmd.Start(); err != nil {
		h.Fatal(err)
	}
	return cmd
}

// said reads what the daemon tells who started it.
func (h *handing) said() string {
	h.Helper()
	buf := make([]byte, 256)
	n, err := h.notify.Read(buf)
	if err != nil {
		h.Fatal(err)
	}
	return string(buf[:n])
}

// holds counts how often a process has a socket open, and how often so that the
// programs which it starts have it too.
func (h *handing) holds(pid int, file *os.File) (open, kept int) {
	h.Helper()
	var is syscall.Stat_t
	if err := syscall.Fstat(int(file.Fd()), &is); err != nil {
		h.Fatal(err)
	}
	list, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		h.Fatal(err)
	}
	for _, name := range list {
		if to, _ := os.Readlink(name); to != fmt.Sprintf("socket:[%d]", is.Ino) {
			continue
		}
		info, err := os.ReadFile(strings.Replace(name, "/fd/", "/fdinfo/", 1))
		if err != nil {
			h.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(info), "flags:")
		flags, err := strconv.ParseInt(strings.Fields(rest)[0], 8, 64)
		if err != nil {
			h.Fatal(err)
		}
		if open++; flags&syscall.O_CLOEXEC == 0 {
			kept++
		}
	}
	return open, kept
}

// A socket that is handed over is served: who came before the daemon was there is
// answered, nothing that it starts has the socket, and it stays when the daemon
// goes, for the next one.
func TestHandedOver(t *testing.T) {
	h := newHanding(t)
	h.write("app/README", "hello\n")
	h.repo("app")
	file, err := h.ln.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for round := range 2 {
		early := h.command("app", "jitos", "status") // waits at the socket
		out, err := early.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := early.Start(); err != nil {
			t.Fatal(err)
		}
		daemon := h.start("1", file)
		if got := h.said(); got != "READY=1" {
			t.Errorf("it says %q", got)
		}
		seen := bufio.NewScanner(out)
		var text strings.Builder
		for seen.Scan() {
			text.WriteString(seen.Text() + "\n")
		}
		if err := early.Wait(); err != nil || !strings.Contains(text.String(), sockOf(h.person)) {
			t.Errorf("who came early: %v %s", err, text.String())
		}
		if round == 0 {
			h.run("app", "jitos", "sws", "new")
			if got := h.run("app", "jitos", "sws", "exec", "w4", "--", "sh", "-c", "readlink /proc/$$/fd/3 || true; echo $LISTEN_FDS$NOTIFY_SOCKET"); strings.TrimSpace(got) != "" {
				t.Errorf("a command has %q", got)
			}
		}
		if open, kept := h.holds(daemon.Process.Pid, file); open != 1 || kept != 0 {
			t.Errorf("the daemon has the socket %d times, and hands it on %d times", open, kept)
		}
		end := syscall.SIGTERM
		if round == 1 {
			end = syscall.SIGKILL // it leaves its secret, which the next one makes anew
		}
		if err := daemon.Process.Signal(end); err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			if got := h.said(); got != "STOPPING=1" {
				t.Errorf("it says %q", got)
			}
		}
		_ = daemon.Wait() // its code says how it ended
		if _, err := os.Stat(sockOf(h.person)); err != nil {
			t.Errorf("the socket is gone: %v", err)
		}
	}
	early := h.command("app", "jitos", "status")
	var said bytes.Buffer
	early.Stderr = &said
	if err := early.Start(); err != nil {
		t.Fatal(err)
	}
	daemon := h.start("1", file)
	if err := early.Wait(); err != nil {
		t.Errorf("with the secret of a daemon that was killed: %v %s", err, said.String())
	}
	_ = daemon.Process.Signal(syscall.SIGTERM)
	_ = daemon.Wait()
}

// What is handed over and no unix socket is refused; what is meant for another
// program is left alone.
func TestHandedOverWrongly(t *testing.T) {
	h := newHanding(t)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	port, err := tcp.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	none, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close()
	for _, c := range []struct {
		count string
		files []*os.File
	}{{"1", []*os.File{port}}, {"1", []*os.File{none}}, {"2", []*os.File{port, port}}} {
		cmd := h.start(c.count, c.files...)
		_ = cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != 2 {
			t.Errorf("%s of %v: exit code %d", c.count, c.files, got)
		}
	}
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "1")
	if ln, err := handedOver(); ln != nil || err != nil || os.Getenv("LISTEN_FDS") != "" {
		t.Errorf("what is another's: %v %v", ln, err)
	}
}

// The units that are shipped name the socket that the command line looks at, and a
// command line that the program knows.
func TestUnits(t *testing.T) {
	unit := func(name string) map[string]string {
		t.Helper()
		data, err := os.ReadFile("../../packaging/systemd/" + name)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for line := range strings.Lines(string(data)) {
			if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(k, "#") {
				out[k] = v
			}
		}
		return out
	}
	socket, service := unit("jitosd.socket"), unit("jitosd.service")
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/7")
	if got := strings.ReplaceAll(socket["ListenStream"], "%t", "/run/user/7"); got != defaultSocket() || socket["SocketMode"] != "0600" || socket["DirectoryMode"] != "0700" {
		t.Errorf("%v", socket)
	}
	if service["Type"] != "notify" || service["Requires"] != "jitosd.socket" {
		t.Errorf("%v", service)
	}
	args := strings.Fields(service["ExecStart"])
	if len(args) == 0 || filepath.Base(args[0]) != "jitosd" {
		t.Fatalf("%v", args)
	}
	cmd, _, err := (&app{}).root().Find([]string{"daemon"})
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.ParseFlags(args[1:]); err != nil {
		t.Errorf("%v: %v", args, err)
	}
}

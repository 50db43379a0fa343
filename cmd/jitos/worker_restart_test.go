package main

import (
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const waitingMethods = `tasks:
  - {name: Once, summary: build in one place, params: {target: target}}
methods:
  - name: once-there
    task: Once
    summary: on a machine, then the proof
    phrases: ["once {target}"]
    steps: [{do: only-there}, {do: prove-it}]
primitives:
  - {name: only-there, summary: all of it, worker: script, action: run, args: {argv: [sh, first.sh]}, labels: [left], writes: ["**"]}
  - {name: prove-it, summary: prove it, worker: kernel, action: prove}
`

// onPort starts a daemon that machines reach at an address which the next one has too.
func (p *person) onPort(address string) *exec.Cmd {
	p.Helper()
	cmd := p.command(".", "jitos", "daemon", "--copy", "--lease", "15s", "--tcp", address, "--tcp-host", "localhost")
	log, err := os.OpenFile(filepath.Join(p.dir, "daemon.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		p.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		p.Fatal(err)
	}
	p.await(func() bool { return p.command(".", "jitos", "status").Run() == nil })
	return cmd
}

// begun is the folder in which a machine's script waits, empty if none does.
func (p *person) begun(name string) (dir string) {
	_ = filepath.WalkDir(filepath.Join(p.dir, name), func(at string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "begun" {
			dir = filepath.Dir(at)
		}
		return nil // what goes away meanwhile is none
	})
	return dir
}

// TestADaemonDiesOfALease kills the daemon while a machine is at a task, and starts it
// anew on the same folder and address. The machine finds its lease over and stops;
// the process is interrupted, with all that was recorded; retried, the same machine
// does the task once more, and it lands once.
func TestADaemonDiesOfALease(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.env = append(p.env, "JITOS_SOCKET="+filepath.Join(p.dir, ".run/jitos/jitos.sock"))
	p.write("app/first.sh", "echo at it\ntouch begun\nuntil [ -e go ]; do sleep 0.05; done\nrm -f begun go\nmkdir -p out && echo done >> out/first\n")
	p.repo("app")
	p.write("once.yaml", waitingMethods)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	d := p.onPort(address)
	defer func() {
		_ = d.Process.Kill() // it may have ended
		_ = d.Wait()
	}()
	p.run(".", "jitos", "method", "add", "once.yaml")
	p.write("m1.token", p.token("m1", "work"))
	if err := os.Chmod(filepath.Join(p.dir, "m1.token"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := ""
	for field := range strings.FieldsSeq(p.run(".", "jitos", "status")) {
		if strings.HasPrefix(field, "https://") {
			server = field
		}
	}
	m := p.command(".", "jitos", "--server", server, "--token-file", filepath.Join(p.dir, "m1.token"), "worker", "run", "--copy", "--name", "m1", "--labels", "left", "--data", filepath.Join(p.dir, "m1"))
	said, err := os.Create(filepath.Join(p.dir, "m1.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	m.Stdout, m.Stderr = said, said
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = m.Process.Kill()
		_ = m.Wait()
		if t.Failed() {
			t.Log(p.read("m1.log"))
		}
	}()
	head := p.run("app", "git", "rev-parse", "HEAD")
	id := regexp.MustCompile(`p[0-9]+`).FindString(p.run("app", "jitos", "intent", "once .", "--detach"))
	p.await(func() bool { return p.begun("m1") != "" })

	if err := d.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = d.Wait() // it was killed
	d = p.onPort(address)
	p.await(func() bool { return strings.Contains(p.read("m1.log"), "stopped: ") })
	// The next daemon knows nothing of it, or was not there in time to say so.
	if !strings.Contains(p.read("m1.log"), "the lease is over") {
		t.Error("the machine stopped for another reason")
	}
	if ps := p.run("app", "jitos", "show", id); !strings.Contains(ps, "interrupted") {
		t.Errorf("after the restart:\n%s", ps)
	}
	if now := p.run("app", "git", "rev-parse", "HEAD"); now != head {
		t.Errorf("something landed: %s", p.run("app", "git", "log", "--oneline"))
	}

	if old := p.begun("m1"); old != "" {
		if err := os.Remove(filepath.Join(old, "begun")); err != nil {
			t.Fatal(err)
		}
	}
	again := p.command("app", "jitos", "retry", id)
	var out strings.Builder
	again.Stdout, again.Stderr = &out, &out
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	p.await(func() bool { return p.begun("m1") != "" })
	if err := os.WriteFile(filepath.Join(p.begun("m1"), "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := again.Wait(); err != nil {
		t.Errorf("retried: %v\n%s", err, out.String())
	}
	if n := p.run("app", "git", "rev-list", "--count", head+"..HEAD"); n != "1" {
		t.Errorf("%s commits:\n%s", n, out.String())
	}
	if got := p.run("app", "git", "show", "HEAD:out/first"); got != "done" {
		t.Errorf("landed %q", got)
	}
}

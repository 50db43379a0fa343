package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The ends of a probe.
const (
	probeIn      = 0 // connected, and, of the daemon, was told what it asked
	probeOut     = 1 // not connected
	probeRefused = 3 // connected, and was told nothing
)

// probe is what a hostile program does that is this test binary: it connects to a
// TCP address, or asks the daemon's socket for all processes.
func probe(network, addr string) int {
	c, err := net.DialTimeout(network, addr, 5*time.Second)
	if err != nil {
		return probeOut
	}
	defer c.Close()
	if network != "unix" {
		return probeIn
	}
	fmt.Fprintf(c, "GET /process HTTP/1.0\r\nHost: jitos\r\n\r\n")
	answer, _ := io.ReadAll(c) // what came of it counts
	if status, _, _ := strings.Cut(string(answer), "\r\n"); !strings.Contains(status, " 200 ") {
		return probeRefused
	}
	return probeIn
}

// TestHostileWorkers runs scripts that mean no good, in workspaces of a real daemon
// in the real sandbox. After each one everything that is the person's is as it
// was, the daemon answers, and no other workspace has changed. What they do inside
// their own workspace is theirs to do: nothing of it is collapsed here.
func TestHostileWorkers(t *testing.T) {
	t.Parallel()
	const secret = "s3cret-of-ada-1234567890"
	p := newPerson(t)
	p.env = append(p.env, "MY_TOKEN="+secret)
	p.write("app/a.txt", "first\n")
	p.repo("app")
	p.write(".home/.ssh/id_ed25519", secret+"\n")
	p.write(".home/canary", "safe\n")
	d := p.daemon()
	defer func() {
		_ = d.Process.Kill() // it may have ended
		_ = d.Wait()
	}()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	other := p.run("app", "jitos", "sws", "new")
	p.run("app", "jitos", "sws", "exec", other, "--", "sh", "-c", "echo other > b.txt")
	// The probes do what they should where nothing stops them, and in the sandbox
	// the program is there to be run.
	for _, c := range []struct {
		network, addr string
		want          int
	}{{"unix", sockOf(p), probeRefused}, {"tcp", tcp.Addr().String(), probeIn}} {
		if got := probe(c.network, c.addr); got != c.want {
			t.Fatalf("the probe of %s ends with %d, not %d", c.addr, got, c.want)
		}
	}
	if c, err := tcp.Accept(); err != nil {
		t.Fatal(err)
	} else {
		c.Close()
	}
	const program = `"${GOCACHEPROG%% *}"`
	p.run("app", "jitos", "sws", "exec", other, "--", "bash", "-c", asProgram+"=1 "+program+" --version")
	repo, home, sock := filepath.Join(p.dir, "app"), filepath.Join(p.dir, ".home"), sockOf(p)
	data := filepath.Join(p.dir, ".data")
	theirs := func() string {
		return p.run("app", "git", "status", "--porcelain", "--ignored") + p.run("app", "git", "rev-parse", "HEAD") + p.run("app", "git", "for-each-ref") +
			p.run(".", "find", repo, home, "-type", "f", "-newer", filepath.Join(p.dir, "daemon.log"), "-not", "-path", "*/.git/*") +
			p.run(".home", "cat", "canary", ".ssh/id_ed25519") + p.run("app", "cat", "a.txt") + p.run("app", "jitos", "sws", "diff", other)
	}
	before := theirs()
	for name, c := range map[string]struct {
		script string
		fails  bool // the command itself has to fail
	}{
		"writes by absolute path":        {"echo x > " + repo + "/a.txt; echo x > " + home + "/canary", true},
		"writes by dots":                 {"for up in ../../../../../.. ../../../../../../../..; do for f in app/a.txt .home/canary; do echo x > $up/$f; done; done; false", true},
		"writes through a symlink":       {"ln -s " + repo + " r && echo x > r/a.txt", false},
		"writes through a hard link":     {"ln " + repo + "/a.txt h && echo x > h", false},
		"renames over a file":            {"echo x > mine && mv -f mine " + repo + "/a.txt", false},
		"makes files at home":            {"touch " + home + "/new " + home + "/.bashrc", true},
		"commits with git -C":            {"git -C " + repo + " -c user.name=x -c user.email=x@x commit -q --allow-empty -m owned", false},
		"moves a branch with git -C":     {"git -C " + repo + " update-ref refs/heads/owned HEAD", false},
		"deletes the repository":         {"rm -rf " + repo + "/a.txt " + repo + "/.git " + repo + "; rm -rf ./* ./.git; test ! -e " + repo + "/a.txt", false},
		"reaches another workspace":      {"find " + data + " / -path '*slot*' -name b.txt 2>/dev/null -exec sh -c 'echo x > \"$1\"' - {} \\; ; false", true},
		"writes in the daemon's data":    {"for f in $(find " + data + " -type f 2>/dev/null) " + data + "/x; do echo x >> $f; done; false", true},
		"leaves a process":               {"(setsid sh -c 'sleep 2; echo x > " + repo + "/a.txt' >/dev/null 2>&1 &) ; echo left", false},
		"reads secrets":                  {"env; cat " + home + "/.ssh/id_ed25519 " + sock + ".secret /proc/*/environ; cat /etc/shadow; false", true},
		"talks to the daemon":            {"JITOS_SOCKET=" + sock + " " + asProgram + "=1 " + program + " sws discard " + other, true},
		"speaks to the socket itself":    {program + " probe unix " + sock + fmt.Sprintf("; test $? -ne %d", probeOut), true},
		"finds the socket by its init":   {program + " probe unix /proc/1/root" + sock + fmt.Sprintf("; test $? -ne %d", probeOut), true},
		"opens a connection":             {program + " probe tcp " + tcp.Addr().String(), true},
		"kills the daemon":               {"kill -9 " + strconv.Itoa(d.Process.Pid) + " " + strconv.Itoa(os.Getpid()), true},
		"prints more than anybody wants": {"head -c 200000000 /dev/zero | tr '\\0' x", false},
	} {
		w := p.run("app", "jitos", "sws", "new")
		cmd := p.command("app", "jitos", "sws", "exec", w, "--", "bash", "-c", c.script)
		out, err := cmd.CombinedOutput()
		if c.fails && err == nil {
			t.Errorf("%s: it worked\n%s", name, out)
		}
		if strings.Contains(string(out), secret) || strings.Contains(string(out), "root:$") {
			t.Errorf("%s: a secret came out\n%s", name, out)
		}
		if len(out) > 16<<20 {
			t.Errorf("%s: %d bytes were passed on", name, len(out))
		}
		if now := theirs(); now != before {
			t.Errorf("%s: something changed\n%s\n--- it was\n%s\n--- it said\n%s", name, now, before, out)
		}
		p.run(".", "jitos", "status")
	}
	// Who comes first now is this test, unless somebody came before.
	mine, err := net.Dial("tcp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close()
	first, err := tcp.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if first.RemoteAddr().String() != mine.LocalAddr().String() {
		t.Error("a connection came in")
	}
}

func sockOf(p *person) string { return filepath.Join(p.dir, ".run/jitos/jitos.sock") }

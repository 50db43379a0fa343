package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// rounds is how often the daemon is killed where JITOS_KILLS says nothing else;
// make kill does it a thousand times.
const rounds = 100

// kills is how often the daemon is to be killed.
func kills(t *testing.T) int {
	t.Helper()
	s := os.Getenv("JITOS_KILLS")
	if s == "" {
		return rounds
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("JITOS_KILLS is %q, which is no number of kills", s)
	}
	return n
}

// daemon starts a daemon and returns when it answers.
func (p *person) daemon() *exec.Cmd {
	p.Helper()
	cmd := p.command(".", "jitos", "daemon")
	log, err := os.OpenFile(filepath.Join(p.dir, "daemon.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		p.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		p.Fatal(err)
	}
	if !patiently(func() bool { return p.command(".", "jitos", "status").Run() == nil }) {
		data, _ := os.ReadFile(log.Name())
		p.Fatalf("the daemon does not answer:\n%s", data)
	}
	return cmd
}

var seqOf = regexp.MustCompile(`(?m)seq (\d+)(?:, tick \d+, digest ([0-9a-f]{64}))?`)

// TestKillLosesNothing kills the daemon at random moments while clients write,
// and while it lands commits, and checks after each restart: every tick that was
// acknowledged has the digest it was acknowledged with, the repository is whole,
// and what a landing left half done is finished or taken back.
func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("JITOS_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	defer func() {
		if t.Failed() {
			t.Logf("repeat with JITOS_SEED=%d go test -run %s ./cmd/jitos", seed, t.Name())
		}
	}()
	rnd := rand.New(rand.NewPCG(seed, 1))
	p := newPerson(t)
	// A daemon that is named is not started by a command that misses it.
	p.env = append(p.env, "JITOS_SOCKET="+filepath.Join(p.dir, ".run/jitos/jitos.sock"))
	p.write("app/a.txt", "0\n")
	p.write("app/b.txt", "0\n")
	p.repo("app")
	acked := map[uint64]string{} // seq -> digest
	n := kills(t)
	if testing.Short() {
		n = 10
	}
	landed, cut := 0, 0
	// Which landings are cut off is chance: rounds go on until some were.
	for round := 0; round < n || cut < 5 && round < 4*n && !testing.Short(); round++ {
		d := p.daemon()
		p.check(acked, round)
		if p.cutLanding() {
			cut++
		}
		acks := make(chan string, 1000)
		var wg sync.WaitGroup
		var over atomic.Bool // nothing is written any more
		until := func(is func() bool) { patiently(func() bool { return is() || over.Load() }) }
		wg.Go(func() { p.writeUntilKilled(round, acks) })
		head := p.head()
		if round%2 == 0 {
			wg.Go(func() { p.landUntilKilled(round); over.Store(true) })
		}
		// Each round waits for what it is about, however slow the machine is, and
		// goes on for a while that is not known.
		window := 60
		switch round % 4 {
		case 0:
			until(p.landingIsOn)
			window = 20 // from taking the lock to giving it back
		case 2:
			until(func() bool { return p.head() != head })
		default:
			until(func() bool { return len(acks) > 0 })
		}
		time.Sleep(time.Duration(rnd.IntN(window*1000)) * time.Microsecond)
		if err := d.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_ = d.Wait() // it was killed
		wg.Wait()
		close(acks)
		for out := range acks {
			if m := seqOf.FindStringSubmatch(out); m != nil {
				seq, _ := strconv.ParseUint(m[1], 10, 64)
				acked[seq] = m[2]
			}
		}
	}
	d := p.daemon()
	p.check(acked, n)
	landed, _ = strconv.Atoi(p.run("app", "git", "rev-list", "--count", "HEAD"))
	if p.cutLanding() {
		cut++
	}
	if err := d.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = d.Wait() // it was killed
	t.Logf("seed %d: %d kills, %d of them in the middle of a landing; %d acknowledged rewrites, %d commits landed", seed, n, cut, len(acked), landed-1)
	if !testing.Short() && (len(acked) < n/2 || landed < 5 || cut < 5) {
		t.Errorf("too little happened for this test to say anything")
	}
}

// await returns when something is so, which has to come.
func (p *person) await(is func() bool) {
	p.Helper()
	if !patiently(is) {
		p.Fatal("what is waited for did not come")
	}
}

// landingIsOn says whether a landing has the repository's index.
func (p *person) landingIsOn() bool {
	_, err := os.Lstat(filepath.Join(p.dir, "app/.git/index.lock"))
	return err == nil
}

// head is the commit that the repository's branch is at.
func (p *person) head() string { return p.run("app", "git", "rev-parse", "HEAD") }

// cutLanding says whether a landing had begun and not ended when the last daemon
// died. What follows the last epoch in the log is the daemon's that lives.
func (p *person) cutLanding() bool {
	runs := strings.Split(p.run(".", "jitos", "log", "-n", "200"), "epoch")
	if len(runs) < 2 {
		return false
	}
	died := runs[len(runs)-2]
	begun := strings.LastIndex(died, "landing begins")
	return begun >= 0 && !strings.Contains(died[begun:], "  landed ")
}

// writeUntilKilled rewrites the graph, and reports each answer.
func (p *person) writeUntilKilled(round int, acks chan<- string) {
	for i := 0; ; i++ {
		cmd := p.command(".", "jitos", "rewrite", "-f", "-")
		cmd.Stdin = strings.NewReader(fmt.Sprintf(`{"ops":[{"op":"add_node","path":"/r%d-%d","kind":"Mark"}]}`, round, i))
		out, err := cmd.Output()
		if err != nil {
			return
		}
		acks <- string(out)
	}
}

// landUntilKilled collapses changes of the repository.
func (p *person) landUntilKilled(round int) {
	for i := 0; ; i++ {
		out, err := p.command("app", "jitos", "sws", "new").Output()
		if err != nil {
			return
		}
		id := strings.TrimSpace(string(out))
		cmd := p.command("app", "jitos", "sws", "write", id, []string{"a.txt", "b.txt", fmt.Sprintf("new/%d.txt", round)}[i%3])
		cmd.Stdin = strings.NewReader(fmt.Sprintf("%d %d\n", round, i))
		if cmd.Run() != nil || p.command("app", "jitos", "sws", "collapse", id).Run() != nil {
			return
		}
	}
}

// check looks at everything after a restart.
func (p *person) check(acked map[uint64]string, round int) {
	p.Helper()
	// Every acknowledged record, and with it the digests of all ticks, which
	// verify folds again from the log.
	p.run(".", "jitos", "verify")
	last := uint64(0)
	for seq := range acked {
		last = max(last, seq)
	}
	if last > 0 {
		out := p.run(".", "jitos", "graph", "/", "--view", fmt.Sprintf("seq:%d", last), "--depth", "0")
		if !strings.Contains(out, acked[last]) {
			p.Fatalf("round %d: seq %d was acknowledged with digest %s, and is now\n%s", round, last, acked[last], out)
		}
	}
	if s := p.run("app", "git", "status", "--porcelain", "--ignored"); s != "" {
		p.Fatalf("round %d: git status:\n%s", round, s)
	}
	left, _ := filepath.Glob(filepath.Join(p.dir, "app/.git/jitos-*"))
	if _, err := os.Stat(filepath.Join(p.dir, "app/.git/index.lock")); err == nil || len(left) > 0 {
		p.Fatalf("round %d: a landing left %v, or its lock", round, left)
	}
	p.run("app", "git", "fsck", "--no-dangling")
	out := p.run(".", "jitos", "ps", "-o", "json")
	for _, bad := range []string{`"status": "running"`, `"status": "proving"`} {
		if strings.Contains(out, bad) {
			p.Fatalf("round %d: %s right after a restart", round, bad)
		}
	}
}

// TestInterruptedGoesOn kills the daemon in the middle of a repair: the process
// is interrupted, its workspace is there, and retry ends it.
func TestInterruptedGoesOn(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.buggy("app")
	p.repo("app")
	d := p.daemon()
	cmd := p.command("app", "jitos", "intent", "Fix the failing test in ./a")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// As soon as the first task has its result: the next one is cut off.
	seen := ""
	buf := make([]byte, 4096)
	for !strings.Contains(seen, "1 test red") {
		n, err := pipe.Read(buf)
		if err != nil {
			t.Fatalf("%v\n%s", err, seen)
		}
		seen += string(buf[:n])
	}
	if err := d.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = d.Wait() // it was killed
	if err := cmd.Wait(); err == nil {
		t.Error("the command says all is well although the daemon is gone")
	}
	p.daemon()
	if out := p.run("app", "jitos", "ps"); !strings.Contains(out, "interrupted") {
		t.Fatalf("not interrupted:\n%s", out)
	}
	out := p.run("app", "jitos", "retry", "p4")
	if !strings.Contains(out, "p4 landed") {
		t.Errorf("retry:\n%s", out)
	}
	if strings.Contains(out, "reproduce  go test") {
		t.Errorf("a task that had its result was run again:\n%s", out)
	}
	p.run("app", "go", "test", "./a")
}

// TestTwoIntentsAndAPerson runs two intents on one repository at once while the
// person commits: all three are there in the end, and what landed second was
// proven on what landed first.
func TestTwoIntentsAndAPerson(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.buggy("app")
	p.write("app/README", "one\n")
	p.repo("app")
	p.daemon()
	var wg sync.WaitGroup
	outs := map[string]*strings.Builder{"a": {}, "b": {}}
	for _, name := range []string{"a", "b"} {
		cmd := p.command("app", "jitos", "intent", "Fix the failing test in ./"+name)
		cmd.Stdout, cmd.Stderr = outs[name], outs[name]
		wg.Go(func() {
			if err := cmd.Run(); err != nil {
				t.Errorf("%s: %v\n%s", name, err, outs[name])
			}
		})
	}
	// In between: wherever the two are by then.
	p.await(func() bool { return strings.Contains(p.run("app", "jitos", "ps"), "Fix the failing") })
	p.write("app/README", "two\n")
	p.run("app", "git", "commit", "-qam", "by the person")
	wg.Wait()
	p.run("app", "go", "test", "./...")
	if s := p.run("app", "git", "status", "--porcelain"); s != "" {
		t.Errorf("git status:\n%s", s)
	}
	log := p.run("app", "git", "log", "--format=%an %s")
	for _, want := range []string{"Ada by the person", "JITOS Fix the failing test in ./a", "JITOS Fix the failing test in ./b"} {
		if strings.Count(log, want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, log)
		}
	}
	if got, err := os.ReadFile(filepath.Join(p.dir, "app/README")); err != nil || string(got) != "two\n" {
		t.Errorf("README holds %q (%v)", got, err)
	}
	if again := outs["a"].String() + outs["b"].String(); !strings.Contains(again, "the head moved; proving again") {
		t.Logf("neither was overtaken while it was proven:\n%s", again)
	}
}

// TestCancelLeavesNothing cancels an intent while it works: the process says so,
// its workspaces are kept, and no process of its sandbox lives on.
func TestCancelLeavesNothing(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.buggy("app")
	p.repo("app")
	p.daemon()
	p.run("app", "jitos", "intent", "--detach", "Fix the failing test in ./a")
	for log := ""; !strings.Contains(log, "tried 1 of"); time.Sleep(10 * time.Millisecond) {
		if log = p.run("app", "jitos", "logs", "p4"); strings.Contains(log, "failed:") {
			t.Fatal(log)
		}
	}
	p.run("app", "jitos", "cancel", "p4")
	if out := p.run("app", "jitos", "ps"); !strings.Contains(out, "cancelled") {
		t.Errorf("not cancelled:\n%s", out)
	}
	if s := p.run("app", "git", "log", "--format=%s"); s != "first" {
		t.Errorf("landed all the same:\n%s", s)
	}
	if list, err := exec.Command("pgrep", "-f", filepath.Join(p.dir, ".data/jitos/work")).Output(); err == nil {
		t.Errorf("still running: %s", list)
	}
	if out := p.run("app", "jitos", "retry", "p4"); !strings.Contains(out, "p4 landed") {
		t.Errorf("retry after cancel:\n%s", out)
	}
}

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

// machineMethods have tasks that ask for labels.
const machineMethods = `
tasks:
  - {name: Build, summary: build in two places, params: {target: target}}
  - {name: Once, summary: build in one, params: {target: target}}
methods:
  - {name: build, task: Build, summary: left then right, steps: [{do: first}, {do: second}, {do: verify}]}
  - {name: once, task: Once, summary: left, steps: [{do: only}, {do: verify}]}
primitives:
  - {name: first, summary: the left half, worker: script, action: run, args: {argv: [sh, first.sh]}, labels: [left], retries: 1, writes: ["**"]}
  - {name: second, summary: the right half, worker: script, action: run, args: {argv: [sh, second.sh]}, labels: [right], writes: ["**"]}
  - {name: only, summary: all of it, worker: script, action: run, args: {argv: [sh, first.sh]}, labels: [left], writes: ["**"]}
  - {name: verify, summary: prove it, worker: kernel, action: prove}
`

// yard is a daemon in this process, and machines that are processes of their own.
type yard struct {
	*person
	*client.Client
	socket string
	ctx    context.Context
}

// newYard makes a repository and a daemon whose leases last for a term.
func newYard(t *testing.T, term time.Duration, files map[string]string) *yard {
	t.Helper()
	y := &yard{person: newPerson(t)}
	for name, text := range files {
		y.write("app/"+name, text)
	}
	y.repo("app")
	lib, err := tasks.Load(tasks.Source{Name: "machine.yaml", Data: []byte(machineMethods)})
	if err != nil {
		t.Fatal(err)
	}
	y.socket = filepath.Join(y.dir, ".run", "y.sock")
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Minute)
	y.ctx = ctx
	ended := make(chan error, 1)
	ready := make(chan struct{})
	log := &readyLog{w: io.Discard, ready: ready}
	go func() {
		ended <- runDaemon(ctx, daemonOptions{data: filepath.Join(y.dir, "data"), listen: "unix:" + y.socket, log: log, lib: lib, term: term, copy: true, remote: remoteOptions{address: "127.0.0.1:0", hosts: []string{"localhost"}}})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	y.Client = y.client("")
	return y
}

// readyLog closes ready once the daemon serves.
type readyLog struct {
	w     io.Writer
	ready chan struct{}
	told  bool
}

func (l *readyLog) Write(p []byte) (int, error) {
	if !l.told && strings.Contains(string(p), "msg=serving") {
		l.told = true
		close(l.ready)
	}
	return l.w.Write(p)
}

// client is one with a token, or the owner's.
func (y *yard) client(token string) *client.Client {
	y.Helper()
	c, err := client.New(client.Options{Socket: "unix:" + y.socket, Secret: token, Caller: "ada@host"})
	if err != nil {
		y.Fatal(err)
	}
	y.Cleanup(c.Close)
	return c
}

func (y *yard) token(name string, caps ...string) string {
	y.Helper()
	t, err := y.NewToken(y.ctx, wire.TokenRequest{Name: name, Caps: caps, TTL: "1h"})
	if err != nil {
		y.Fatal(err)
	}
	return t.Secret
}

// address is where the daemon is reached over the network.
func (y *yard) address() string {
	y.Helper()
	st, err := y.Status(y.ctx)
	if err != nil {
		y.Fatal(err)
	}
	return st.Address
}

// machine starts one with labels, with a data folder of its own, that reaches the
// daemon over TLS.
func (y *yard) machine(name, labels string) *exec.Cmd {
	y.Helper()
	file := filepath.Join(y.dir, name+".token")
	if err := os.WriteFile(file, []byte(y.token(name, "work")), 0o600); err != nil {
		y.Fatal(err)
	}
	cmd := y.command("", "jitos", "--server", y.address(), "worker", "run", "--copy", "--name", name, "--labels", labels, "--data", filepath.Join(y.dir, name, "data"))
	for i, v := range cmd.Env {
		if strings.HasPrefix(v, "JITOS_TOKEN=") {
			cmd.Env[i] = "JITOS_NONE="
		}
	}
	cmd.Env = append(cmd.Env, "JITOS_TOKEN_FILE="+file)
	out, err := os.Create(filepath.Join(y.dir, name+".log"))
	if err != nil {
		y.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		y.Fatal(err)
	}
	y.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have been killed
		_ = cmd.Wait()
		out.Close()
		if y.Failed() {
			text, _ := os.ReadFile(out.Name())
			y.Logf("%s:\n%s", name, text)
		}
	})
	return cmd
}

// intent submits one that may write only below out.
func (y *yard) intent(task string) string {
	y.Helper()
	slaps := `{"slaps_version":"1","intent":"` + task + `","target":{"name":"app"},"scope":{"include":["out/**"]}}`
	p, err := y.Intent(y.ctx, wire.IntentRequest{SLAPS: []byte(slaps), Repo: filepath.Join(y.dir, "app")})
	if err != nil {
		y.Fatal(err)
	}
	return p.Process
}

// until follows a process to a line that has a text, or to its end for "".
func (y *yard) until(id, text string) (lines string, p wire.Process) {
	y.Helper()
	var b strings.Builder
	for e, err := range y.ProcessLog(y.ctx, id, 0, true) {
		if err != nil {
			y.Fatalf("%v after\n%s", err, b.String())
		}
		if e.Line == nil {
			continue
		}
		b.WriteString(e.Line.Text + "\n")
		if text != "" && strings.Contains(e.Line.Text, text) {
			break
		}
	}
	p, err := y.Process(y.ctx, id)
	if err != nil {
		y.Fatal(err)
	}
	return b.String(), p
}

func outputOf(p wire.Process, task, name string) string {
	for _, t := range p.Tasks {
		if t.ID == task {
			return t.Output.String(name)
		}
	}
	return ""
}

func mustHold(t testing.TB, in string, texts ...string) {
	t.Helper()
	for _, w := range texts {
		if !strings.Contains(in, w) {
			t.Errorf("%q is not in\n%s", w, in)
		}
	}
}

// TestMachinesShareAPlan has two machines with data folders of their own do a plan
// together. What a machine has, or made, does not travel to it again.
func TestMachinesShareAPlan(t *testing.T) {
	t.Parallel()
	y := newYard(t, 30*time.Second, map[string]string{
		"in.txt": "words\n", "first.sh": "mkdir -p out && cat in.txt > out/first && echo from the left\n", "second.sh": "cat out/first > out/second\n",
	})
	y.machine("m1", "left,linux")
	y.machine("m2", "right")
	text, p := y.until(y.intent("Build"), "")
	mustHold(t, text, "waits for a machine that runs script and has left", "from the left", "m1: 3 contents of", "m2: 3 contents of")
	if p.Status != "landed" || outputOf(p, "first", "machine") != "m1" || outputOf(p, "second", "machine") != "m2" || outputOf(p, "second", "sandbox") == "" {
		t.Errorf("%s\n%+v", text, p)
	}
	if got := y.run("app", "git", "show", "HEAD:out/second"); got != "words" {
		t.Errorf("landed %q", got)
	}
	y.write("app/in.txt", "other\n")
	y.run("app", "git", "commit", "-qam", "other")
	text, _ = y.until(y.intent("Build"), "")
	mustHold(t, text, "m1: 1 contents of 6 bytes came here, 1 changes go back", "m2: 1 contents of 6 bytes came here, 1 changes go back")
	list, err := y.Machines(y.ctx)
	if err != nil || len(list) != 2 || list[0].Name != "m1" || list[0].Caller != "token:m1" || strings.Join(list[0].Labels, " ") != "left linux" {
		t.Errorf("%+v %v", list, err)
	}
}

// TestAKilledMachine: a machine that is killed in the middle of a task loses it when
// its lease is over, leaves nothing running, and another does the task.
func TestAKilledMachine(t *testing.T) {
	t.Parallel()
	y := newYard(t, 15*time.Second, map[string]string{
		"first.sh": "case $PWD in */m1/*) echo m1 is at it; exec sleep 61007;; esac\nmkdir -p out && echo done > out/first\n", "second.sh": "echo done > out/second\n",
	})
	doomed := y.machine("m1", "left")
	id := y.intent("Build")
	y.until(id, "m1 is at it")
	if err := doomed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	y.machine("m2", "left,right")
	text, p := y.until(id, "")
	mustHold(t, text, "m1 was silent for 15s: its lease is over")
	if p.Status != "landed" || outputOf(p, "first", "machine") != "m2" {
		t.Errorf("%s\n%+v", text, p)
	}
	list, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list {
		if line, err := os.ReadFile(name); err == nil && string(line) == "sleep\x0061007\x00" {
			t.Errorf("%s goes on", name)
		}
	}
}

// TestWhatAMachineMayNot: what a machine brings back is judged as a worker's, a late
// answer is none, and a token to work is for that alone.
func TestWhatAMachineMayNot(t *testing.T) {
	t.Parallel()
	y := newYard(t, 10*time.Second, map[string]string{"first.sh": "true\n"})
	secret := y.token("m1", "work")
	m1, m2 := y.client(secret), y.client(y.token("m2", "work"))
	denied := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, &rmg.Error{Code: rmg.Denied}) {
			t.Errorf("%s: %v", what, err)
		}
	}
	take := func(c *client.Client) (*wire.Lease, error) {
		return c.TakeLease(y.ctx, wire.TakeRequest{Machine: "m", Labels: []string{"left"}, Workers: []string{"script"}}, 30*time.Second)
	}
	_, err := y.client(y.token("other", "rewrite")).TakeLease(y.ctx, wire.TakeRequest{Machine: "m", Workers: []string{"script"}}, 0)
	denied("a token without work takes a task", err)
	_, err = m1.Status(y.ctx)
	denied("a token to work looks around", err)
	_, err = m1.Process(y.ctx, "p1")
	denied("a token to work looks at a process", err)

	root := rmg.Path("/repo/app/main")
	for _, c := range []struct {
		name string
		back wire.ReturnRequest
		code rmg.Code
		why  string
	}{
		{"outside", wire.ReturnRequest{OK: true, Ops: []rewrite.Op{{Op: rewrite.Write, Path: root.Child("first.sh"), Text: "x", HasText: true}}}, rmg.Denied, "outside what the process may write"},
		{"elsewhere", wire.ReturnRequest{OK: true, Ops: []rewrite.Op{{Op: rewrite.AddNode, Path: "/svc", Kind: "Dir"}}}, rmg.Denied, "outside the repository"},
		{"missing", wire.ReturnRequest{OK: true, Ops: []rewrite.Op{{Op: rewrite.Write, Path: root.Join("out", "x"), Blob: rmg.Blob{Sum: [32]byte{1}}}}}, rmg.NotFound, "there is no content 01"},
	} {
		id := y.intent("Once")
		l, err := take(m1)
		if err != nil || l == nil {
			t.Fatalf("%s: no lease: %v", c.name, err)
		}
		_, err = m2.Heartbeat(y.ctx, l.ID, nil)
		if !errors.Is(err, &rmg.Error{Code: rmg.Stale}) {
			t.Errorf("%s: another machine's lease: %v", c.name, err)
		}
		if err := m1.ReturnLease(y.ctx, l.ID, c.back); !errors.Is(err, &rmg.Error{Code: c.code}) {
			t.Errorf("%s: %v", c.name, err)
		}
		if text, p := y.until(id, ""); p.Status != "failed" || !strings.Contains(text, c.why) {
			t.Errorf("%s: %s\n%s", c.name, p.Status, text)
		}
	}

	id := y.intent("Once")
	l, err := take(m1)
	if err != nil || l == nil {
		t.Fatalf("no lease: %v", err)
	}
	text, p := y.until(id, "") // without a sign of life
	if p.Status != "failed" || !strings.Contains(text, "its lease is over") {
		t.Errorf("%s\n%s", p.Status, text)
	}
	late := wire.ReturnRequest{OK: true, Ops: []rewrite.Op{{Op: rewrite.Write, Path: root.Join("out", "late"), Text: "x", HasText: true}}}
	if err := m1.ReturnLease(y.ctx, l.ID, late); !errors.Is(err, &rmg.Error{Code: rmg.Stale}) {
		t.Errorf("a late answer: %v", err)
	}
	g, err := y.Graph(y.ctx, client.GraphQuery{View: "sws:" + p.SWS, Path: root, Depth: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range g.Graph.Nodes {
		if n.ID == "out" {
			t.Error("the late answer is in the workspace")
		}
	}
}

// TestPolicyKeepsAMachineAway: a machine that policy keeps from a task sees it pass by,
// and another does it; explain says so of the machine that is there.
func TestPolicyKeepsAMachineAway(t *testing.T) {
	t.Parallel()
	y := newYard(t, 30*time.Second, map[string]string{"first.sh": "mkdir -p out && echo done > out/first\n"})
	rule := "rules:\n  - {name: not-lent, effect: deny, verbs: [dispatch], paths: [\"/machine/**\"], when: 'machine.token == \"token:m1\" && \"linux\" in machine.labels'}\n"
	if _, err := y.SetPolicy(y.ctx, wire.PolicyRequest{Document: rule}); err != nil {
		t.Fatal(err)
	}
	y.machine("m1", "left,linux")
	id := y.intent("Once")
	y.until(id, "m1 may not do it: ")
	a, err := y.ExplainPolicy(y.ctx, client.PolicyQuery{Verb: "dispatch", Path: "/machine/m1", Process: id})
	if err != nil || a.Effect != "deny" || a.Steps[len(a.Steps)-1].Rule != "not-lent" {
		t.Errorf("%+v %v", a, err)
	}
	y.machine("m2", "left,linux")
	text, p := y.until(id, "")
	if p.Status != "landed" || outputOf(p, "only", "machine") != "m2" {
		t.Errorf("%s\n%+v", text, p)
	}
	mustHold(t, text, `rule "not-lent"`)
}

package main

import (
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"jitos.dev/net/wire"
	"jitos.dev/tasks"
)

// On a terminal top draws, look over look, and leaves the terminal as it was when
// it is interrupted.
func TestTopOnATerminal(t *testing.T) {
	p := newPerson(t)
	p.write("app/note.txt", "one\n")
	p.repo("app")
	p.run("app", "jitos", "sws", "new", "--reason", "the first one")
	far, near := terminal(t, 60, 12)
	cmd := p.command("app", "jitos", "top", "--every", "100ms")
	cmd.Env = append(cmd.Env, "TERM=xterm")
	cmd.Stdout, cmd.Stderr = near, io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	near.Close()
	s := watch(t, far)
	s.await("three looks", func(seen string) bool {
		return strings.Count(seen, screenHome) >= 3 && strings.HasSuffix(seen, screenRest)
	})
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	text := s.rest()
	_ = cmd.Wait() // its code says how it ended
	if got := cmd.ProcessState.ExitCode(); got != 130 {
		t.Errorf("exit code %d", got)
	}
	if !strings.HasPrefix(text, screenBegin+screenHome+"jitos ") || !strings.HasSuffix(text, screenEnd) {
		t.Errorf("%q", text)
	}
	if !strings.Contains(text, "w4 ") || !strings.Contains(text, "records/s") || !strings.Contains(text, "Ctrl-C ends") {
		t.Errorf("%q", text)
	}
}

// What does not fit on a screen is cut off, and nothing that is shown can move
// the cursor.
func TestTopIsDrawnWithinTheScreen(t *testing.T) {
	var l topLook
	for i := range 40 {
		l.Workspaces = append(l.Workspaces, wire.Workspace{ID: fmt.Sprint("w", i), Owner: "ada@host", Reason: "\x1b[2Jé" + strings.Repeat("long ", 30)})
	}
	for _, lines := range []int{1, 2, 5, 24, 100} {
		text := drawn(l, 30, lines)
		rows := strings.Split(strings.TrimPrefix(text, screenHome), "\n")
		if len(rows) > max(lines, 3) {
			t.Errorf("%d rows on %d lines", len(rows), lines)
		}
		for _, r := range rows {
			if r = strings.TrimSuffix(strings.TrimSuffix(r, screenRest), lineRest); len([]rune(r)) > 30 || strings.Contains(r, "\x1b") {
				t.Errorf("%q", r)
			}
		}
		if all := strings.Contains(text, "w39 "); all != (lines == 100) || all == strings.Contains(text, "lines more") {
			t.Errorf("on %d lines: %q", lines, text)
		}
	}
}

// Workers are told by the tasks that run, and rates by two looks at one daemon.
func TestTopCounts(t *testing.T) {
	task := func(id, worker, state string) wire.TaskState {
		return wire.TaskState{Task: tasks.Task{ID: id, Worker: worker}, State: state}
	}
	got := workersOf([]wire.Process{
		{ID: "p1", Tasks: []wire.TaskState{task("a", "script", "running"), task("b", "repair", "ok"), task("c", "builtin", "running")}},
		{ID: "p2", Tasks: []wire.TaskState{task("a", "script", "running"), task("d", "script", "ready")}},
	})
	if fmt.Sprint(got) != "[{builtin [p1/c]} {script [p1/a p2/a]}]" {
		t.Errorf("%v", got)
	}
	one, two := wire.Status{Epoch: 2, Seq: 10, Tick: 4, Disk: 1000}, wire.Status{Epoch: 2, Seq: 30, Tick: 5, Disk: 500}
	if r := ratesOf(one, two, 2*time.Second); r == nil || *r != (topRates{10, 0.5, -250}) {
		t.Errorf("%v", r)
	}
	two.Epoch = 3
	if ratesOf(one, two, time.Second) != nil || ratesOf(one, one, 0) != nil {
		t.Error("rates over a start of the daemon, or over no time")
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/tasks"
)

// telling is a daemon that says of a process what the test says.
type telling struct {
	mu    sync.Mutex // guards p
	p     wire.Process
	lines chan wire.Line // of its log; closed: it has ended
	asked chan string    // what was told to it
}

func (d *telling) set(change func(*wire.Process)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.p)
}

func (d *telling) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		d.asked <- r.URL.Path
		d.set(func(p *wire.Process) { p.Status = "cancelled" })
	}
	if !strings.HasSuffix(r.URL.Path, "/log") {
		d.set(func(p *wire.Process) { _ = json.NewEncoder(w).Encode(p) })
		return
	}
	event := func(name string, v any) {
		data, _ := json.Marshal(v)
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, data)
		_ = http.NewResponseController(w).Flush()
	}
	event("", nil) // the answer has begun
	for {
		select {
		case l, more := <-d.lines:
			if !more {
				event(wire.EventEnd, wire.ProcessEnd{Process: "p7"})
				return
			}
			event(wire.EventLine, l)
		case <-r.Context().Done():
			return
		}
	}
}

// watched is a process that is followed on a pseudo-terminal.
type watched struct {
	*telling
	*screen
	interrupts chan os.Signal
	end        chan error
}

func watchLive(t *testing.T, ctx context.Context, within time.Duration) *watched {
	t.Helper()
	d := &telling{lines: make(chan wire.Line), asked: make(chan string, 1), p: wire.Process{
		ID: "p7", Status: "running", Tasks: []wire.TaskState{
			{Task: tasks.Task{ID: "reproduce"}, State: "ok", Attempts: 1, Outcome: "1 test fails"},
			{Task: tasks.Task{ID: "implement"}, State: "running", Attempts: 2},
			{Task: tasks.Task{ID: "verify"}, State: "waiting"},
		},
	}}
	s := httptest.NewServer(d)
	t.Cleanup(s.Close)
	c, err := client.New(client.Options{Socket: "tcp:" + strings.TrimPrefix(s.URL, "http://"), Secret: "s"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	far, near := terminal(t, 60, 12)
	w := &watched{telling: d, screen: watch(t, far), interrupts: make(chan os.Signal, 2), end: make(chan error, 1)}
	a := &app{out: near}
	l := &live{a: a, c: c, id: "p7", within: within, paint: a.painter(), said: map[string]string{}, begun: time.Now()}
	go func() {
		w.end <- l.run(ctx, w.interrupts)
		near.Close()
	}()
	return w
}

// until reads the terminal until it shows a text.
func (w *watched) until(text string) {
	w.t.Helper()
	w.await(text, func(seen string) bool { return strings.Contains(seen, text) })
}

// ended reads the rest, and returns how following ended.
func (w *watched) ended() error {
	if text := w.rest(); !strings.HasSuffix(text, "\x1b[?25h") {
		w.t.Errorf("the cursor stays away: %q", text)
	}
	return <-w.end
}

// The tree is drawn over itself: tasks with their attempts and what they say, a
// spinner where something is done, and at the end what came of it.
func TestLiveTree(t *testing.T) {
	w := watchLive(t, context.Background(), time.Hour)
	w.until("implement")
	w.lines <- wire.Line{N: 1, Task: "implement", Text: "tried 3 of 40\x1b[2J\n"}
	w.until("attempt 2; tried 3 of 40")
	w.until("⠙")
	w.until("⠹")
	w.set(func(p *wire.Process) {
		p.Status, p.Tasks[1].State, p.Tasks[1].Outcome, p.Tasks[2].State = "landed", "ok", "n <= hi", "ok"
	})
	close(w.lines)
	if err := w.ended(); err != nil {
		t.Error(err)
	}
	text := w.seen.String()
	last := text[strings.LastIndex(text, screenRest):]
	for _, want := range []string{
		"\x1b[32m✓\x1b[0m \x1b[1mp7 landed\x1b[0m\r\n", "├─ \x1b[0m\x1b[32m✓\x1b[0m reproduce      1 test fails\r\n", "attempt 2; n <= hi\r\n", "└─ ", "verify\r\n",
	} {
		if !strings.Contains(last, want) {
			t.Errorf("%q is not in the last picture: %q", want, last)
		}
	}
	if strings.Contains(text, "\x1b[2J") {
		t.Error("what a task says reaches the terminal's controls")
	}
	if !strings.Contains(text, "\x1b[4A\r"+screenRest) {
		t.Errorf("it is not drawn over itself: %q", text)
	}
}

// One Ctrl-C leaves the process to itself, a second one cancels it.
func TestLiveInterrupts(t *testing.T) {
	exit := func(err error, text string) {
		t.Helper()
		var code *exitError
		if !errors.As(err, &code) || code.code != 130 || !strings.Contains(code.text, text) {
			t.Errorf("%v", err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	w := watchLive(t, ctx, time.Hour)
	w.until("implement")
	stop() // as the first interrupt does as well
	w.interrupts <- os.Interrupt
	w.until("Ctrl-C again cancels p7")
	w.interrupts <- os.Interrupt
	if got := <-w.asked; got != "/process/p7/cancel" {
		t.Errorf("the daemon was told %s", got)
	}
	exit(w.ended(), "p7 was cancelled")

	ctx, stop = context.WithCancel(context.Background())
	w = watchLive(t, ctx, time.Millisecond)
	w.until("implement")
	w.interrupts <- os.Interrupt
	stop()
	exit(w.ended(), "detached; p7 goes on (jitos logs -f p7, jitos cancel p7)")
	if len(w.asked) != 0 {
		t.Error("it was cancelled")
	}

	over, stop := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer stop()
	if err := watchLive(t, over, time.Hour).ended(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("--timeout: %v", err)
	}
}

// However many tasks there are, the tree stays within the screen.
func TestLiveTreeIsWithinTheScreen(t *testing.T) {
	l := &live{id: "p1", p: wire.Process{ID: "p1", Status: "failed"}, said: map[string]string{}, note: strings.Repeat("n", 99)}
	for i := range 50 {
		l.p.Tasks = append(l.p.Tasks, wire.TaskState{Task: tasks.Task{ID: fmt.Sprint("task", i)}, Outcome: strings.Repeat("long ", 30)})
	}
	for _, most := range []int{1, 5, 20, 100} {
		rows := l.tree(40, most)
		if len(rows) > max(most, 4) {
			t.Errorf("%d rows where %d fit", len(rows), most)
		}
		for _, r := range rows {
			if len([]rune(r)) > 40 {
				t.Errorf("%q", r)
			}
		}
	}
}

// A diff is coloured by what its lines are, and without colours it is as it was.
func TestPaintedDiff(t *testing.T) {
	text := "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n kept\n--- old\n+++ new\n\\ No newline at end of file\nx\x1b[2Jx: moved\n"
	want := "\x1b[1m--- a/x\x1b[0m\n\x1b[1m+++ b/x\x1b[0m\n\x1b[36m@@ -1,2 +1,2 @@\x1b[0m\n kept\n\x1b[31m--- old\x1b[0m\n\x1b[32m+++ new\x1b[0m\n\\ No newline at end of file\n\x1b[1mx\ufffd[2Jx: moved\x1b[0m\n"
	if got := paint(true).diff(text); got != want {
		t.Errorf("%q", got)
	}
	if got := paint(false).diff(text); got != text {
		t.Errorf("%q", got)
	}
	t.Setenv("TERM", "xterm")
	_, near := terminal(t, 60, 12)
	for _, no := range []string{"", "1"} {
		t.Setenv("NO_COLOR", no)
		if got := (&app{out: near}).painter(); got != (no == "") {
			t.Errorf("NO_COLOR=%s: %v", no, got)
		}
	}
	if (&app{out: &bytes.Buffer{}}).painter() {
		t.Error("colours off a terminal")
	}
}

// On a terminal an intent is followed as a tree, and what was done and what is next
// stand below it.
func TestIntentOnATerminal(t *testing.T) {
	p := newPerson(t)
	p.write("app/go.mod", "module example.com/app\n\ngo 1.24\n")
	p.write("app/a.go", "// Package app is in order.\npackage app\n")
	p.write("app/a_test.go", "package app\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\n")
	p.repo("app")
	far, near := terminal(t, 80, 24)
	cmd := p.command("app", "jitos", "intent", "Fix the failing test in .")
	cmd.Env = append(cmd.Env, "TERM=xterm", "NO_COLOR=")
	cmd.Stdout, cmd.Stderr = near, io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	near.Close()
	seen := watch(t, far).rest()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %q", err, seen)
	}
	for _, want := range []string{"FixBug on", screenRest, "├─ ", "└─ ", "\x1b[32m✓", "\x1b[?25h", "nothing to change"} {
		if !strings.Contains(seen, want) {
			t.Errorf("%q is not in %q", want, seen)
		}
	}
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
)

// How a process is shown as it goes on.
const (
	liveFrame = 120 * time.Millisecond // between two pictures of the spinner
	liveLook  = 8                      // pictures between two looks at a process that says nothing
	liveTask  = 14                     // columns of a task's name
)

// spinner is what turns while something is done.
const spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

// live is a process that is followed on a terminal: a tree of its tasks, drawn over
// itself until the process ends.
type live struct {
	a      *app
	c      *client.Client
	id     string
	within time.Duration // after one Ctrl-C, for a second

	paint paint
	p     wire.Process
	said  map[string]string // the last line of each task
	begun time.Time
	frame int
	rows  int    // that are drawn
	note  string // below the tree
}

// detachAfter is how long a person has for the second Ctrl-C.
const detachAfter = 2 * time.Second

// watch follows a process to its end: as a tree on a terminal, as lines off it.
func (a *app) watch(ctx context.Context, c *client.Client, id string, within time.Duration) error {
	a.process = id
	if _, _, terminal := screenOf(a.out); terminal && !a.machine() {
		return a.followLive(ctx, c, id, within)
	}
	return a.follow(ctx, c, id, !a.machine())
}

// followLive follows a process on a terminal. One Ctrl-C leaves it going on, a
// second within so long cancels it.
func (a *app) followLive(ctx context.Context, c *client.Client, id string, within time.Duration) error {
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	l := &live{a: a, c: c, id: id, within: within, paint: a.painter(), said: map[string]string{}, begun: time.Now()}
	return l.run(ctx, interrupts)
}

// step is what comes of a process's log.
type step struct {
	event wire.LogEvent
	err   error
}

// run draws until the process ends, or the person leaves it.
func (l *live) run(ctx context.Context, interrupts <-chan os.Signal) error {
	// The first interrupt ends ctx. What is asked of the daemon goes on until it is
	// clear what is meant.
	calls, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	steps := make(chan step)
	go func() {
		defer close(steps)
		for e, err := range l.c.ProcessLog(calls, l.id, 0, true) {
			select {
			case steps <- step{e, err}:
			case <-calls.Done():
				return
			}
		}
	}()
	tick := time.NewTicker(liveFrame)
	defer tick.Stop()
	defer l.show("\x1b[?25h")
	l.show("\x1b[?25l")
	gone := ctx.Done()
	var leave <-chan time.Time
	asked := false
	for stale := true; ; {
		select {
		case s, more := <-steps:
			switch {
			case !more:
				return nil
			case s.err != nil:
				return s.err
			case s.event.End != nil:
				l.note = ""
				return l.look(calls)
			case s.event.Line != nil:
				l.said[s.event.Line.Task], stale = lastOf(s.event.Line.Text), true
			}
		case <-interrupts:
			if asked {
				return l.cancel(calls)
			}
			asked = true
			if leave == nil {
				leave = time.After(l.within)
			}
			l.note = "Ctrl-C again cancels " + l.id + "; else it goes on without you"
			l.draw()
		case <-gone:
			if ctx.Err() == context.DeadlineExceeded {
				return ctx.Err()
			}
			gone = nil
			if leave == nil { // an interrupt comes here as well, before or after
				leave = time.After(l.within)
			}
		case <-leave:
			return detached(l.id)
		case <-tick.C:
			l.frame++
			if stale || l.frame%liveLook == 0 {
				stale = false
				if err := l.look(calls); err != nil {
					return err
				}
			}
			l.draw()
		}
	}
}

// detached is the end of a command that a person left.
func detached(id string) error {
	return &exitError{130, fmt.Sprintf("detached; %s goes on (jitos logs -f %s, jitos cancel %s)", id, id, id)}
}

// cancel cancels the process.
func (l *live) cancel(ctx context.Context) error {
	p, err := l.c.Cancel(ctx, l.id)
	if err != nil {
		return err
	}
	l.p, l.note = p, ""
	l.draw()
	if p.Status != "cancelled" {
		return nil // it had come to an end: that is told instead
	}
	return endOf(p)
}

// look asks how the process stands, and draws it.
func (l *live) look(ctx context.Context) error {
	p, err := l.c.Process(ctx, l.id)
	if err != nil {
		return err
	}
	l.p = p
	l.draw()
	return nil
}

// draw draws the tree over what was drawn before.
func (l *live) draw() {
	columns, lines, ok := screenOf(l.a.out)
	if !ok || l.p.ID == "" {
		return
	}
	rows := l.tree(columns, lines-1)
	var b strings.Builder
	if l.rows > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", l.rows)
	}
	b.WriteString("\r" + screenRest)
	for _, r := range rows {
		b.WriteString(r + "\n")
	}
	l.rows = len(rows)
	l.show(b.String())
}

// show writes to the terminal; one that is gone is noticed by its signal.
func (l *live) show(text string) { _, _ = io.WriteString(l.a.out, text) }

// tree is the process as rows of so many columns, at most so many.
func (l *live) tree(columns, most int) []string {
	head := fmt.Sprintf("%s %s", l.p.ID, l.p.Status)
	if l.p.Live() {
		head += " · " + time.Since(l.begun).Truncate(time.Second).String()
	}
	rows := []string{l.mark(l.p.Status) + " " + l.paint.as(bold, cut(head, columns-2))}
	tasks := l.p.Tasks
	more := 0
	if room := max(most-3, 1); len(tasks) > room { // the head, the note and what says how many more
		tasks, more = tasks[:room], len(tasks)-room
	}
	for i, t := range tasks {
		branch := "├─ "
		if i == len(tasks)-1 && more == 0 {
			branch = "└─ "
		}
		rows = append(rows, l.paint.as(faint, branch)+l.mark(t.State)+" "+l.task(t, columns-5))
	}
	if more > 0 {
		rows = append(rows, l.paint.as(faint, fmt.Sprintf("└─ … %d more", more)))
	}
	if l.note != "" {
		rows = append(rows, l.paint.as(amber, cut(l.note, columns)))
	}
	return rows
}

// task is one row's text: name, attempts, and what it came to or says.
func (l *live) task(t wire.TaskState, columns int) string {
	name := fmt.Sprintf("%-*s", liveTask, printable(t.ID))
	about := t.Outcome
	if t.State == "running" || about == "" {
		about = cmp.Or(l.said[t.ID], t.Summary)
	}
	if t.Attempts > 1 {
		about = fmt.Sprintf("attempt %d; %s", t.Attempts, about)
	}
	return strings.TrimRight(cut(name+" "+printable(about), max(columns, 2)), " ;")
}

// mark is the sign of a state, of a task or a process.
func (l *live) mark(state string) string {
	switch state {
	case "ok", "nothing", "landed", "collapsed", "answered":
		return l.paint.as(green, "✓")
	case "failed", "unlanded":
		return l.paint.as(red, "✗")
	case "cancelled", "interrupted":
		return l.paint.as(amber, "■")
	case "running", "proving":
		turn := []rune(spinner)
		return l.paint.as(cyan, string(turn[l.frame%len(turn)]))
	case "waiting":
		if l.p.Status == "waiting" {
			return l.paint.as(amber, "?")
		}
	}
	return l.paint.as(faint, "·")
}

// lastOf is the last line of a text.
func lastOf(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return lines[len(lines)-1]
}

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
)

// The limits of jitos top.
const (
	maxTopSpaces = 200                    // workspaces that one look reads, oldest first
	minTopEvery  = 100 * time.Millisecond // between two looks
)

// topLook is what is going on, in one look.
type topLook struct {
	Status     wire.Status      `json:"status"`
	Rates      *topRates        `json:"rates,omitempty"` // since the look before; absent in the first
	Processes  []wire.Process   `json:"processes"`       // that go on
	Workspaces []wire.Workspace `json:"workspaces"`      // open, the first maxTopSpaces
	More       bool             `json:"more_workspaces,omitempty"`
	Workers    []topWorker      `json:"workers"` // that have a task
	Questions  []wire.Approval  `json:"questions"`
}

// topRates are what was done each second between two looks.
type topRates struct {
	Records float64 `json:"records_per_second"`
	Ticks   float64 `json:"ticks_per_second"`
	Disk    float64 `json:"disk_bytes_per_second"`
}

// topWorker is a worker and what it is at: process/task.
type topWorker struct {
	Worker string   `json:"worker"`
	Tasks  []string `json:"tasks"`
}

func (a *app) topCmd() *cobra.Command {
	var looks int
	var every time.Duration
	cmd := &cobra.Command{
		Use: "top", Short: "Show what is going on, and go on showing it", Args: cobra.NoArgs,
		Example: `  jitos top
  jitos top --every 500ms
  jitos top -n 1 -o json
  jitos top -n 5 --every 1s -o jsonl`,
		Long: `On a terminal: processes with their tasks, open workspaces with their diffs, gates
with their evidence, what waits for a person, and the log. The last line shows the
keys: they open, answer, cancel, undo, and go back in time along the log. What is
opened or done is a command, which is shown.

Without a keyboard (or with --no-input) it is drawn anew until Ctrl-C. Off a
terminal, or with -n or -o json, each look is printed; one, unless -n says more.
Rates are of the time between two looks, so the first has none.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if looks < 0 || every < minTopEvery {
				return &usageError{fmt.Errorf("-n counts from 1, and --every is at least %s", minTopEvery)}
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			_, _, drawn := screenOf(a.out)
			switch {
			case !drawn || looks > 0 || a.machine():
			case a.onTerminal() && !a.noInput:
				return a.board(cmd.Context(), c, every)
			default:
				return a.topScreen(cmd.Context(), c, every)
			}
			return eachLook(cmd.Context(), c, every, max(looks, 1), func(l topLook) error {
				return a.show(l, func(w io.Writer) { l.print(w) })
			})
		},
	}
	cmd.Flags().IntVarP(&looks, "looks", "n", 0, "print so many looks and end")
	cmd.Flags().DurationVar(&every, "every", 2*time.Second, "time between two looks")
	return cmd
}

// eachLook shows look after look, so many of them; 0 is until ctx ends.
func eachLook(ctx context.Context, c *client.Client, every time.Duration, n int, show func(topLook) error) error {
	var before topLook
	var at time.Time
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := 0; ; {
		l, err := look(ctx, c)
		if err != nil {
			return err
		}
		now := time.Now()
		if i > 0 {
			l.Rates = ratesOf(before.Status, l.Status, now.Sub(at))
		}
		if err := show(l); err != nil {
			return err
		}
		if i++; i == n {
			return nil
		}
		before, at = l, now
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look asks what is going on.
func look(ctx context.Context, c *client.Client) (topLook, error) {
	l := topLook{Processes: []wire.Process{}, Workspaces: []wire.Workspace{}, Questions: []wire.Approval{}}
	var err error
	if l.Status, err = c.Status(ctx); err != nil {
		return l, err
	}
	all, err := c.Processes(ctx)
	if err != nil {
		return l, err
	}
	for _, p := range all {
		if p.Live() {
			l.Processes = append(l.Processes, p)
		}
	}
	l.Workers = workersOf(l.Processes)
	for w, err := range c.Workspaces(ctx, client.WorkspaceQuery{State: "open", Page: maxTopSpaces + 1}) {
		if err != nil {
			return l, err
		}
		if l.More = len(l.Workspaces) == maxTopSpaces; l.More {
			break
		}
		l.Workspaces = append(l.Workspaces, w)
	}
	open, err := c.Inbox(ctx, false)
	l.Questions = append(l.Questions, open...)
	return l, err
}

// ratesOf are the rates between two states of the daemon; nil if it was started
// anew in between, or no time went by.
func ratesOf(one, two wire.Status, d time.Duration) *topRates {
	if one.Epoch != two.Epoch || d <= 0 {
		return nil
	}
	per := func(one, two float64) float64 { return (two - one) / d.Seconds() }
	return &topRates{
		Records: per(float64(one.Seq), float64(two.Seq)), Ticks: per(float64(one.Tick), float64(two.Tick)), Disk: per(float64(one.Disk), float64(two.Disk)),
	}
}

// workersOf are the workers of the tasks that run, by name.
func workersOf(list []wire.Process) []topWorker {
	out := []topWorker{}
	for _, p := range list {
		for _, t := range p.Tasks {
			if t.State != "running" {
				continue
			}
			i, ok := slices.BinarySearchFunc(out, t.Worker, func(w topWorker, name string) int { return cmp.Compare(w.Worker, name) })
			if !ok {
				out = slices.Insert(out, i, topWorker{Worker: t.Worker})
			}
			out[i].Tasks = append(out[i].Tasks, p.ID+"/"+t.ID)
		}
	}
	return out
}

// print prints a look as tables.
func (l topLook) print(w io.Writer) {
	st := l.Status
	rates, grows := "", ""
	if r := l.Rates; r != nil {
		rates = fmt.Sprintf(", %.1f records/s, %.1f ticks/s", r.Records, r.Ticks)
		if r.Disk > 0 {
			grows = fmt.Sprintf(", %s/s more", sizeText(int64(r.Disk)))
		}
	}
	fmt.Fprintf(w, "jitos %s since %s: seq %d%s; disk %s%s; streams %d\n", st.Version, clock(st.Started), st.Seq, rates, sizeText(st.Disk), grows, st.Streams)
	fmt.Fprintf(w, "processes: %d go on, of %d; workspaces: %s open, of %d; questions: %d\n",
		len(l.Processes), st.Processes, l.openText(), st.Workspaces, len(l.Questions))
	if st.ReadOnly != "" {
		fmt.Fprintf(w, "read-only: %s\n", printable(st.ReadOnly))
	}
	if len(l.Questions) > 0 {
		fmt.Fprintln(w)
		row(w, "QUESTION", "ABOUT", "SINCE", "WHAT")
		for _, q := range l.Questions {
			row(w, q.ID, cmp.Or(q.Process, q.SWS), clock(q.At), cut(q.Question, 80))
		}
	}
	if len(l.Processes) > 0 {
		fmt.Fprintln(w)
		row(w, "PROCESS", "STATUS", "REPOSITORY", "STARTED", "TASKS", "INTENT")
		for _, p := range l.Processes {
			done := 0
			for _, t := range p.Tasks {
				if t.State == "ok" || t.State == "nothing" {
					done++
				}
			}
			row(w, p.ID, p.Status, p.Repo+"/"+p.Branch, clock(p.Started), fmt.Sprintf("%d of %d", done, len(p.Tasks)), cut(p.Text, 60))
		}
	}
	if len(l.Workers) > 0 {
		fmt.Fprintln(w)
		row(w, "WORKER", "TASKS", "AT")
		for _, x := range l.Workers {
			row(w, x.Worker, len(x.Tasks), strings.Join(x.Tasks, " "))
		}
	}
	if len(l.Workspaces) > 0 {
		fmt.Fprintln(w)
		row(w, "WORKSPACE", "OWNER", "SINCE", "RECORDS", "CONTENT", "FOR")
		for _, s := range l.Workspaces {
			row(w, s.ID, s.Owner, clock(s.At), s.Records, sizeText(s.Bytes), cut(cmp.Or(s.Process, s.Reason), 60))
		}
	}
}

// openText is how many workspaces are open, as far as they were counted.
func (l topLook) openText() string {
	if l.More {
		return fmt.Sprintf("more than %d", len(l.Workspaces))
	}
	return fmt.Sprint(len(l.Workspaces))
}

// screenOf is how large the terminal is that a stream is of, and whether it is one
// that can be drawn on.
func screenOf(w any) (columns, lines int, ok bool) {
	if p, ok := w.(*pager); ok {
		w = p.out
	}
	f, isFile := w.(*os.File)
	if !isFile || os.Getenv("TERM") == "dumb" {
		return 0, 0, false
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0, false
	}
	// One that does not know its size has the one of old.
	return cmp.Or(int(size.Col), 80), cmp.Or(int(size.Row), 24), true
}

// What a terminal is told: the other screen, without a cursor; home; the rest of
// a line and of the screen away.
const (
	screenBegin = "\x1b[?1049h\x1b[?25l"
	screenEnd   = "\x1b[?25h\x1b[?1049l"
	screenHome  = "\x1b[H"
	lineRest    = "\x1b[K"
	screenRest  = "\x1b[J"
)

// topScreen draws look after look over each other, until Ctrl-C. The terminal is
// as it was afterwards.
func (a *app) topScreen(ctx context.Context, c *client.Client, every time.Duration) error {
	if _, err := io.WriteString(a.out, screenBegin); err != nil {
		return err
	}
	err := eachLook(ctx, c, every, 0, func(l topLook) error {
		columns, lines, _ := screenOf(a.out) // it may have been made larger
		_, err := io.WriteString(a.out, drawn(l, columns, lines))
		return err
	})
	_, end := io.WriteString(a.out, screenEnd)
	return errors.Join(err, end)
}

// drawn is a look as it is drawn on a screen of so many columns and lines: what
// does not fit is cut off, and how much that is is told.
func drawn(l topLook, columns, lines int) string {
	var text bytes.Buffer
	tw := tabwriter.NewWriter(&text, 0, 8, 2, ' ', 0)
	l.print(tw)
	_ = tw.Flush() // a buffer takes everything
	rows := strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
	if left := len(rows) - max(lines-1, 1); left > 0 {
		rows = append(rows[:max(lines-2, 1)], fmt.Sprintf("%d lines more; jitos top -n 1 prints all", left+1))
	}
	var out strings.Builder
	out.WriteString(screenHome)
	for _, r := range rows {
		out.WriteString(cut(r, max(columns, 2)) + lineRest + "\n")
	}
	out.WriteString("Ctrl-C ends" + lineRest + screenRest)
	return out.String()
}

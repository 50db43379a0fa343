package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

func (a *app) intentCmd() *cobra.Command {
	var file, dir string
	var detach bool
	var within time.Duration
	var req wire.IntentRequest
	cmd := &cobra.Command{
		Use: "intent TEXT", Short: "Say what is wanted, and follow it until it has landed",
		Example: `  jitos intent 'Fix the failing test in ./pkg'
  jitos intent 'Fix the auth bug in AuthService' --plan-only
  jitos intent 'Fix the bug in ./old' --grant 'old/*_test.go' --drop-test 'example.com/app/old.TestGone'
  jitos intent -f slaps.json --land branch`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (file != "") {
				return &usageError{fmt.Errorf("give either a text or -f FILE\nusage: jitos intent TEXT")}
			}
			if len(args) == 1 {
				req.Text = args[0]
			} else {
				slaps, err := readSLAPS(a.in, file)
				if err != nil {
					return err
				}
				if req.SLAPS, err = json.Marshal(slaps); err != nil {
					return err
				}
			}
			var err error
			if req.Repo, err = filepath.Abs(dir); err != nil {
				return err
			}
			c, err := a.clientOrStart(cmd.Context())
			if err != nil {
				return err
			}
			return a.intent(cmd.Context(), c, req, detach, within)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&file, "file", "f", "", "a SLAPS document (JSON or YAML; - is standard input)")
	f.StringVarP(&dir, "repo", "C", ".", "a folder in the repository")
	f.BoolVar(&req.PlanOnly, "plan-only", false, "print the plan and do nothing")
	f.BoolVar(&detach, "detach", false, "do not follow; print the process")
	f.DurationVar(&within, "detach-after", detachAfter, "on a terminal: after one Ctrl-C, how long to wait for a second, which cancels; then it goes on by itself")
	f.StringVar(&req.Land, "land", "commit", landHelp)
	f.StringVar(&req.Approve, "approve", "auto", "auto (as policy says), or ask: a person approves the collapse")
	f.IntVar(&req.Race, "race", 0, "how many attempts race, at most 8; the first that is proven collapses")
	f.StringVar(&req.Isolation, "isolation", "", "snapshot (what both sides wrote conflicts) or serializable (what was read and then changed does too)")
	f.StringArrayVar(&req.Protected, "grant", nil, "a glob of protected paths that it may change; can be given again")
	f.StringArrayVar(&req.DropTests, "drop-test", nil, "a test that it may skip or take away, by name, * is anything; can be given again")
	f.StringArrayVar(&req.Network, "network", nil, networkHelp)
	f.StringSliceVar(&req.Labels, "labels", nil, "what the machine must have that its workers run on: jitos worker list; without one that is the daemon's own")
	f.StringVar(&req.Worker, "worker", "", "prefer a worker; not in this version")
	f.StringVar(&req.From, "from", "", "start from a ref; not in this version")
	f.BoolVar(&req.Dirty, "dirty", false, "let the workers see the uncommitted state; it is no part of what lands")
	return cmd
}

// landHelp says how a change may land.
const landHelp = "commit, branch (jitos/ID), patch, push, pr (a pull request) or none; push:NAME and pr:NAME name a remote"

// readSLAPS reads and checks a SLAPS document.
func readSLAPS(in io.Reader, file string) (tasks.SLAPS, error) {
	data, err := readInput(in, file)
	if err != nil {
		return tasks.SLAPS{}, err
	}
	return tasks.ParseSLAPS(file, data)
}

// readInput reads a file, or standard input for "-".
func readInput(in io.Reader, file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(in)
	}
	data, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil, wire.NewProblem(rmg.NotFound, "there is no file %s", file)
	}
	return data, err
}

// intent submits, prints the plan, and follows the process to its end.
func (a *app) intent(ctx context.Context, c *client.Client, req wire.IntentRequest, detach bool, within time.Duration) error {
	ans, err := c.Intent(ctx, req)
	if err != nil {
		return err
	}
	if a.machine() && (req.PlanOnly || detach) {
		return a.json(ans)
	}
	if !a.machine() {
		a.printPlan(ans)
	}
	switch {
	case req.PlanOnly:
		return nil
	case detach:
		fmt.Fprintf(a.out, "process %s runs; jitos logs -f %s follows it\n", ans.Process, ans.Process)
		return nil
	}
	if err := a.watch(ctx, c, ans.Process, within); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // its end is told, whatever was pressed last
	p, err := c.Process(ctx, ans.Process)
	if err != nil {
		return err
	}
	if a.machine() {
		if err := a.json(p); err != nil {
			return err
		}
		return endOf(p)
	}
	a.printEnd(ctx, c, p)
	return endOf(p)
}

// printPlan prints what was understood and how it will be done.
func (a *app) printPlan(ans wire.IntentAnswer) {
	if ans.SLAPS != nil {
		where := ans.SLAPS.Target.Name
		if ans.Repo != "" {
			where += fmt.Sprintf(" (%s, branch %s at %s)", ans.Repo, ans.Branch, short(ans.Base))
		}
		fmt.Fprintf(a.out, "%s on %s\n", ans.SLAPS.Intent, where)
	}
	if len(ans.Dirty) > 0 {
		fmt.Fprintf(a.out, "%d uncommitted paths are not part of this and stay as they are\n", len(ans.Dirty))
	}
	if ans.Process != "" {
		fmt.Fprintf(a.out, "process %s, workspace %s\n", ans.Process, ans.SWS)
	}
	if ans.Plan != nil {
		fmt.Fprintf(a.out, "\n%s\n", strings.TrimRight(ans.Plan.Table(), "\n"))
	}
	fmt.Fprintln(a.out)
}

// follow prints a process's progress as it comes. When the person interrupts,
// the process goes on.
func (a *app) follow(ctx context.Context, c *client.Client, id string, print bool) error {
	for ev, err := range c.ProcessLog(ctx, id, 0, true) {
		switch {
		case ctx.Err() != nil:
			return detached(id)
		case err != nil:
			return err
		case ev.End != nil:
			return nil
		case print:
			a.printLine(*ev.Line)
		}
	}
	return nil
}

func (a *app) printLine(l wire.Line) {
	task := l.Task
	if task != "" {
		task = fmt.Sprintf("%-10s ", task)
	}
	for line := range strings.Lines(strings.TrimRight(l.Text, "\n") + "\n") {
		fmt.Fprintf(a.out, "  %s%s\n", task, printable(strings.TrimRight(line, "\n")))
	}
}

// printEnd says how a process ended, with its diff and evidence.
func (a *app) printEnd(ctx context.Context, c *client.Client, p wire.Process) {
	fmt.Fprintln(a.out)
	if diff, err := a.processDiff(ctx, c, p); err == nil && diff != "" {
		fmt.Fprintln(a.out, strings.TrimRight(a.painter().diff(diff), "\n"))
		fmt.Fprintln(a.out)
	}
	a.printEvidence(p)
	if p.Status == "landed" || p.Status == "collapsed" || p.Status == "answered" {
		fmt.Fprintf(a.out, "%s %s: %s\n", p.ID, a.painter().as(green, p.Status), p.Reason)
		if p.Next != "" {
			fmt.Fprintf(a.out, "next: %s\n", p.Next)
		}
	}
}

// endOf is the exit of a command that waited for a process.
func endOf(p wire.Process) error {
	switch p.Status {
	case "landed", "collapsed", "answered":
		return nil
	case "cancelled":
		return &exitError{130, p.ID + " was cancelled"}
	case "unlanded":
		where := ""
		if p.Commit != "" {
			where = fmt.Sprintf("; the commit %s is on %s", short(p.Commit), p.LandedOn)
		}
		return wire.NewProblem(rmg.Conflict, "%s could not land: %s%s", p.ID, p.Reason, where).WithHint("%s", p.Next)
	}
	code := p.Code
	if code == "" || p.Status == "interrupted" {
		code = rmg.GateFailed
	}
	detail := p.Reason
	for _, t := range p.Tasks {
		for _, r := range t.Reasons {
			if t.State == "failed" && !strings.Contains(detail, r) {
				detail += "\n  " + r
			}
		}
	}
	return wire.NewProblem(code, "%s %s: %s", p.ID, p.Status, detail).WithHint("%s", p.Next)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

func (a *app) psCmd() *cobra.Command {
	return &cobra.Command{
		Use: "ps", Short: "List processes", Args: cobra.NoArgs,
		Example: "  jitos ps\n  jitos ps -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			list, err := c.Processes(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(list, func(w io.Writer) {
				row(w, "ID", "STATUS", "REPOSITORY", "STARTED", "INTENT", "OUTCOME")
				for _, p := range list {
					row(w, p.ID, p.Status, p.Repo+"/"+p.Branch, clock(p.Started), cut(p.Text, 50), cut(p.Reason, 60))
				}
			})
		},
	}
}

func (a *app) showCmd() *cobra.Command {
	var patch bool
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show a process: its tasks, attempts and evidence", Args: cobra.ExactArgs(1),
		Example: "  jitos show p4\n  jitos show p4 --patch | git am --keep-cr",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := c.Process(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if patch {
				return a.printPatch(cmd.Context(), c, p)
			}
			if a.machine() {
				return a.json(p)
			}
			a.printProcess(p)
			a.printEvidence(p)
			if p.Next != "" {
				fmt.Fprintf(a.out, "next: %s\n", p.Next)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&patch, "patch", false, "print the patch that it was handed out as (--land patch), and nothing else")
	return cmd
}

// printPatch copies out the patch of a process, as git format-patch wrote it.
func (a *app) printPatch(ctx context.Context, c *client.Client, p wire.Process) error {
	if p.Patch == "" {
		return wire.NewProblem(rmg.NotFound, "%s was handed out as no patch", p.ID).WithHint("--land patch makes one; git format-patch -1 makes one of a commit")
	}
	r, err := c.Blob(ctx, p.Patch)
	if err != nil {
		return err
	}
	_, err = io.Copy(a.out, r)
	return errors.Join(err, r.Close())
}

func (a *app) printProcess(p wire.Process) {
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	row(w, "process", p.ID)
	row(w, "intent", p.Text)
	row(w, "status", strings.TrimRight(p.Status+": "+p.Reason, ": "))
	row(w, "repository", fmt.Sprintf("%s, branch %s at %s", p.Top, p.Branch, short(p.Base)))
	row(w, "workspace", p.SWS)
	row(w, "owner", p.Owner)
	row(w, "started", clock(p.Started))
	if !p.Ended.IsZero() {
		row(w, "ended", clock(p.Ended))
	}
	switch {
	case p.Commit == "":
	case p.Patch != "":
		row(w, "patch", p.Patch+", of commit "+short(p.Commit))
	default:
		row(w, "commit", p.Commit+" on "+p.LandedOn)
	}
	if p.URL != "" {
		row(w, "pull request", p.URL)
	}
	if ev := p.Evicted; ev != nil {
		row(w, "evicted", ev.Reason)
		if ev.Beaten != 0 {
			row(w, "beaten by", fmt.Sprintf("seq %d (%s)", ev.Beaten, ev.BeatenBy))
		}
		row(w, "changed", strings.Join(ev.Files, ", "))
	}
	for _, l := range p.Lanes {
		row(w, fmt.Sprintf("lane %d", l.N), l.SWS+" "+strings.TrimRight(l.State+": "+l.Outcome, ": "))
	}
	if s := p.Spent; s != nil {
		row(w, "spent", fmt.Sprintf("%d records, %d bytes, %d tokens", s.Records, s.Bytes, s.Tokens))
	}
	for _, q := range p.Approvals {
		text := q.ID + " " + q.State
		if q.By != "" {
			text += fmt.Sprintf(" by %s at %s", q.By, clock(q.Answered))
		}
		row(w, "approval", strings.TrimSuffix(text+": "+q.Comment, ": "))
	}
	w.Flush()
	if len(p.Tasks) == 0 {
		return
	}
	fmt.Fprintln(a.out)
	row(w, "TASK", "STATE", "TRIES", "NEEDS", "NOTE")
	for _, t := range p.Tasks {
		row(w, t.ID, t.State, t.Attempts, t.After(), cut(t.Outcome, 90))
	}
	w.Flush()
	fmt.Fprintln(a.out)
}

// printEvidence lists what the gates showed.
func (a *app) printEvidence(p wire.Process) {
	if len(p.Evidence) == 0 {
		return
	}
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	row(w, "GATE", "RESULT", "TIME", "EVIDENCE", "SANDBOX")
	for _, e := range p.Evidence {
		box := ""
		if e.Kind != "policy" && e.Kind != "answer" && e.Kind != "file" {
			box = e.Sandbox.Tier + ", network " + e.Sandbox.Network
		}
		row(w, e.Gate, verdictOf(e), millis(e.Millis), cut(e.Reason, 80), box)
	}
	w.Flush()
	fmt.Fprintln(a.out)
}

func (a *app) logsCmd() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use: "logs ID", Short: "Print a process's progress", Args: cobra.ExactArgs(1),
		Example: "  jitos logs p12\n  jitos logs p12 -f",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			for ev, err := range c.ProcessLog(cmd.Context(), args[0], 0, follow) {
				if err != nil {
					return err
				}
				switch {
				case ev.Line != nil && a.machine():
					err = a.json(ev.Line)
				case ev.Line != nil:
					a.printLine(*ev.Line)
				case !a.machine():
					fmt.Fprintf(a.out, "%s %s\n", ev.End.Process, strings.TrimRight(ev.End.Status+": "+ev.End.Reason, ": "))
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the process ends")
	return cmd
}

func (a *app) cancelCmd() *cobra.Command {
	var dry bool
	cmd := a.processVerb("cancel ID", "Stop a process and drop its workspaces (they can be restored)", (*client.Client).Cancel)
	do := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !dry {
			return do(cmd, args)
		}
		c, err := a.client()
		if err != nil {
			return err
		}
		return a.wouldCancel(cmd.Context(), c, args[0])
	}
	cmd.Example = "  jitos cancel p12\n  jitos cancel p12 --dry-run"
	cmd.Flags().BoolVar(&dry, "dry-run", false, dryRunAbout)
	return cmd
}

func (a *app) retryCmd() *cobra.Command {
	var detach bool
	cmd := &cobra.Command{
		Use: "retry ID", Short: "Go on with a process from its last accepted result", Args: cobra.ExactArgs(1),
		Example: "  jitos retry p12",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := c.Retry(cmd.Context(), args[0])
			if err != nil || detach {
				return err
			}
			if err := a.watch(cmd.Context(), c, p.ID, detachAfter); err != nil {
				return err
			}
			if p, err = c.Process(cmd.Context(), p.ID); err != nil {
				return err
			}
			if a.machine() {
				if err := a.json(p); err != nil {
					return err
				}
				return endOf(p)
			}
			a.printEnd(cmd.Context(), c, p)
			return endOf(p)
		},
	}
	cmd.Flags().BoolVar(&detach, "detach", false, "do not follow it")
	return cmd
}

// processVerb is a command that does one thing to one process.
func (a *app) processVerb(use, short string, do func(*client.Client, context.Context, string) (wire.Process, error)) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := do(c, cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.show(p, func(w io.Writer) { row(w, p.ID, p.Status, p.Reason) })
		},
	}
}

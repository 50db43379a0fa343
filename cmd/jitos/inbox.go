package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

func (a *app) inboxCmd() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "inbox [ID]", Short: "List what waits for a person, or show one question", Args: cobra.MaximumNArgs(1),
		Example: "  jitos inbox\n  jitos inbox a57\n  jitos inbox --all",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				q, err := c.Approval(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.show(q, func(w io.Writer) { printApproval(w, q); printHunks(w, q.Changes) })
			}
			list, err := c.Inbox(cmd.Context(), all)
			if err != nil {
				return err
			}
			return a.show(list, func(w io.Writer) {
				if len(list) == 0 {
					fmt.Fprintln(w, "nothing waits for you")
					return
				}
				row(w, "ID", "STATE", "FOR", "ASKED", "QUESTION")
				for _, q := range list {
					row(w, q.ID, q.State, orElse(q.Process, q.SWS), clock(q.At), cut(q.Question, 100))
				}
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "those that were answered, too")
	return cmd
}

// printApproval shows a question with all that is asked about.
func printApproval(w io.Writer, q wire.Approval) {
	row(w, "question", q.ID)
	row(w, "state", q.State)
	row(w, "for", strings.TrimSpace(q.Process+" "+q.SWS))
	row(w, "asks", q.Question)
	row(w, "digest", q.Digest)
	for _, x := range q.Asked {
		row(w, string(x.Verb), string(x.Path)+ruleOf(x))
	}
	for _, c := range q.Conflicts {
		row(w, "conflict", strings.TrimSpace(string(c.Path)+" "+c.Prop)+": "+c.Reason)
	}
	if q.More > 0 {
		row(w, "and", fmt.Sprintf("%d more places", q.More))
	}
	if q.Answer != "" {
		row(w, "answer", fmt.Sprintf("%s by %s at %s", q.State, q.By, clock(q.Answered)))
		if q.Amends != "" {
			row(w, "changed", q.Amends)
		}
		row(w, "comment", q.Comment)
	}
	if q.Next != "" {
		row(w, "next", q.Next)
	}
}

// printHunks shows a change in the parts that an answer may reject.
func printHunks(w io.Writer, list []wire.FileChange) {
	for _, c := range list {
		fmt.Fprintf(w, "\n%s is %s\n", printable(c.Name), c.Change)
		if c.Whole {
			continue
		}
		for _, h := range c.Hunks {
			fmt.Fprintf(w, "%s:%d, line %d\n", printable(c.Name), h.N, h.Line)
			for _, side := range []struct{ mark, text string }{{"-", h.Old}, {"+", h.New}} {
				for line := range strings.Lines(side.text) {
					fmt.Fprintln(w, side.mark+printable(strings.TrimSuffix(line, "\n")))
				}
			}
		}
	}
}

func ruleOf(x wire.Asked) string {
	if x.Rule == "" {
		return " (" + x.Why + ")"
	}
	return strings.TrimSuffix(fmt.Sprintf(" (rule %q: %s", x.Rule, x.Why), ": ") + ")"
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// The times that a collapse by hand is waited for at once: shortly, until it is
// known whether it waits for a person, who takes longer.
const (
	collapseWait = time.Second
	answerWait   = 30 * time.Second
)

// collapse collapses a workspace and says if it waits for a person.
func (a *app) collapse(ctx context.Context, c *client.Client, id string, r wire.CollapseRequest) (wire.Collapsed, error) {
	op, err := c.StartCollapse(ctx, id, r, collapseWait)
	asked := ""
	for err == nil && op.State == wire.OperationRunning {
		wait := collapseWait
		if op.Waiting != nil {
			wait = answerWait
			if op.Waiting.ID != asked {
				asked = op.Waiting.ID
				fmt.Fprintf(a.err, "waiting for a person: %s %s\n%s\n", asked, printable(op.Waiting.Question), printable(op.Waiting.Next))
			}
		}
		op, err = c.Operation(ctx, op.ID, wait)
	}
	switch {
	case err != nil:
		return wire.Collapsed{}, err
	case op.Problem != nil:
		return wire.Collapsed{}, op.Problem
	case op.Collapsed == nil:
		return wire.Collapsed{}, wire.NewProblem(rmg.Internal, "operation %s is %s without a result", op.ID, op.State)
	}
	return *op.Collapsed, nil
}

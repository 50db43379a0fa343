package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

func (a *app) logCmd() *cobra.Command {
	var follow bool
	var q client.LogQuery
	var path string
	cmd := &cobra.Command{
		Use: "log", Short: "Print the log's last records", Args: cobra.NoArgs,
		Example: "  jitos log -n 20\n  jitos log -f\n  jitos log --path /repo/app/main/go.mod",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			q.Path, q.Ops = rmg.Path(path), 4
			if a.machine() {
				q.Ops = 0
			}
			ans, err := c.Log(cmd.Context(), q)
			if err != nil {
				return err
			}
			slices.SortFunc(ans.Records, func(x, y wire.Record) int { return int(x.Seq) - int(y.Seq) })
			if err := a.show(ans.Records, func(w io.Writer) {
				for _, r := range ans.Records {
					printRecord(w, r)
				}
			}); err != nil || !follow {
				return err
			}
			after := uint64(0)
			if n := len(ans.Records); n > 0 {
				after = ans.Records[n-1].Seq
			}
			for ev, err := range c.Events(cmd.Context(), client.EventsQuery{After: after, Path: q.Path, Ops: q.Ops}) {
				if err != nil {
					return err
				}
				switch {
				case ev.Record == nil:
				case a.machine():
					if err := a.json(ev.Record); err != nil {
						return err
					}
				default:
					printRecord(a.out, *ev.Record)
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&follow, "follow", "f", false, "go on as records come")
	f.IntVarP(&q.Limit, "lines", "n", 20, "how many records")
	f.Uint64Var(&q.From, "from", 0, "begin at this seq")
	f.StringVar(&path, "path", "", "only records that touch this graph path or what is below it")
	f.StringVar(&q.Process, "process", "", "only records of this process")
	return cmd
}

func printRecord(w io.Writer, r wire.Record) {
	n := len(r.Ops) + r.OpsOmitted
	row(w, r.Seq, clock(r.At), r.View, r.Author, cut(r.Cause, 16), fmt.Sprintf("%d ops", n), cut(r.Reason, 80))
}

func (a *app) whyCmd() *cobra.Command {
	return &cobra.Command{
		Use: "why PATH[:LINE]", Short: "Explain why a file, a line or an element is as it is", Args: cobra.ExactArgs(1),
		Example: "  jitos why token/signer.go:74\n  jitos why /repo/AuthService/main/go.mod",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			path, line := splitLine(args[0])
			if path, err = pathOrFile(path); err != nil {
				return err
			}
			ans, err := c.Why(cmd.Context(), path, line)
			if err != nil {
				return err
			}
			return a.show(ans, func(w io.Writer) { printWhy(w, ans) })
		},
	}
}

// splitLine splits PATH:LINE.
func splitLine(arg string) (string, int) {
	if i := strings.LastIndexByte(arg, ':'); i > 0 {
		if n, err := strconv.Atoi(arg[i+1:]); err == nil && n > 0 {
			return arg[:i], n
		}
	}
	return arg, 0
}

func printWhy(w io.Writer, ans wire.WhyAnswer) {
	where := string(ans.Path)
	if ans.Line > 0 {
		where += fmt.Sprintf(":%d", ans.Line)
	}
	fmt.Fprintln(w, where)
	if ans.Text != "" {
		fmt.Fprintf(w, "  %s\n", printable(strings.TrimSpace(ans.Text)))
	}
	for _, r := range ans.Chain {
		lead := "  "
		if r.Seq != 0 {
			lead += fmt.Sprintf("seq %d: ", r.Seq)
		}
		fmt.Fprintf(w, "%s%s\n", lead, printable(r.Text))
		for _, e := range r.Evidence {
			verdict := "red"
			if e.Green {
				verdict = "green"
			}
			fmt.Fprintf(w, "      %s %s: %s\n", verdict, e.Gate, printable(e.Reason))
		}
	}
}

func (a *app) verifyCmd() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Read the log anew from disk, fold it, and compare every digest", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			v, err := c.Verify(cmd.Context())
			if err != nil {
				return err
			}
			if err := a.show(v, func(w io.Writer) {
				fmt.Fprintf(w, "%d records in %d ticks, %d segments, %d blobs, %d bytes\n", v.Records, v.Ticks, v.Segments, v.Blobs, v.Bytes)
				fmt.Fprintf(w, "world %s\nledger %s\n", v.World, v.Ledger)
				for _, p := range v.Problems {
					fmt.Fprintf(w, "problem: %s\n", p)
				}
			}); err != nil {
				return err
			}
			if len(v.Problems) > 0 {
				return &exitError{1, fmt.Sprintf("%d problems", len(v.Problems))}
			}
			return nil
		},
	}
}

func (a *app) checkCmd() *cobra.Command {
	var view string
	cmd := &cobra.Command{
		Use: "check", Short: "Look at every invariant of a graph: shape, digests, edges both ways, schemas", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			v, err := c.Check(cmd.Context(), view)
			if err != nil {
				return err
			}
			if err := a.show(v, func(w io.Writer) {
				for _, f := range v.Findings {
					fmt.Fprintf(w, "%s: %s\n", f.Path, printable(f.What))
				}
				if v.OK {
					fmt.Fprintf(w, "%s at seq %d is sound, digest %s\n", v.View, v.Seq, v.Digest)
				}
			}); err != nil {
				return err
			}
			if !v.OK {
				return &exitError{1, fmt.Sprintf("%d findings", len(v.Findings))}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&view, "view", "system", "the version: system, sws:ID, seq:N")
	return cmd
}

package main

import (
	"fmt"
	"io"
	"slices"

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
			if a.format == "json" {
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
				case a.format == "json":
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

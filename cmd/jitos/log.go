package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
)

func (a *app) logCmd() *cobra.Command {
	var follow bool
	var q client.LogQuery
	var path, since, until string
	cmd := &cobra.Command{
		Use: "log", Short: "Print the log's last records, or those that are asked for", Args: cobra.NoArgs,
		Example: `  jitos log -n 20
  jitos log -f --author worker:repair
  jitos log --path go.mod --op write --since 2h
  jitos log --cause p12 --grep green`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if path != "" {
				if q.Path, err = a.place(cmd.Context(), c, path); err != nil {
					return err
				}
			}
			if q.Since, err = momentOf(since, time.Now()); err != nil {
				return err
			}
			if q.Until, err = momentOf(until, time.Now()); err != nil {
				return err
			}
			if q.Ops = 4; a.machine() {
				q.Ops = 0
			}
			return a.log(cmd.Context(), c, q, follow)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&follow, "follow", "f", false, "go on as records come, by the same filters")
	f.IntVarP(&q.Limit, "lines", "n", 20, "how many records")
	f.Uint64Var(&q.From, "from", 0, "begin at this seq")
	f.Uint64Var(&q.To, "to", 0, "end at this seq")
	f.StringVar(&path, "path", "", "only records that touch this, or what is below it: a graph path, or a file")
	f.StringVar(&q.Process, "process", "", "only records of this process, or about it")
	f.StringVar(&q.Author, "author", "", "only records by this author")
	f.StringVar(&q.Cause, "cause", "", "only records with this cause, or one below it: p12, p12/implement, sync, undo:57")
	f.StringVar(&q.View, "view", "", "only records of system, or of sws:ID")
	f.StringVar(&q.Op, "op", "", "only records with an op of this kind")
	f.StringVar(&q.Text, "grep", "", "only records whose reason has this text")
	f.StringVar(&since, "since", "", "only records from this time on: 2026-11-23T09:40:05Z, or 2h ago as 2h")
	f.StringVar(&until, "until", "", "only records up to this time")
	return cmd
}

// momentOf reads a time, or how long ago one was.
func momentOf(arg string, now time.Time) (time.Time, error) {
	if arg == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(arg); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, arg, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, &usageError{fmt.Errorf("%q is no time; use 2026-11-23, 2026-11-23T09:40:05Z or 2h", arg)}
}

func (a *app) log(ctx context.Context, c *client.Client, q client.LogQuery, follow bool) error {
	var after uint64
	if follow && q.From == 0 {
		// What comes from here on is followed, whether or not it is wanted.
		st, err := c.Status(ctx)
		if err != nil {
			return err
		}
		after = st.Seq
	}
	ans, err := c.Log(ctx, q)
	if err != nil {
		return err
	}
	slices.SortFunc(ans.Records, func(x, y wire.Record) int { return int(x.Seq) - int(y.Seq) })
	err = a.show(ans.Records, func(w io.Writer) {
		for _, r := range ans.Records {
			printRecord(w, r)
		}
	})
	if err != nil {
		return err
	}
	if !follow {
		if ans.Next != 0 && !a.machine() {
			way := "--to"
			if q.From != 0 {
				way = "--from"
			}
			fmt.Fprintf(a.err, "there are more: %s %d goes on\n", way, ans.Next)
		}
		return nil
	}
	if n := len(ans.Records); n > 0 {
		after = max(after, ans.Records[n-1].Seq)
	}
	return a.tail(ctx, c, client.EventsQuery{After: after, Ops: q.Ops, Filter: q.Filter})
}

func (a *app) tail(ctx context.Context, c *client.Client, q client.EventsQuery) error {
	for ev, err := range c.Events(ctx, q) {
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
}

func printRecord(w io.Writer, r wire.Record) {
	n := len(r.Ops) + r.OpsOmitted
	row(w, r.Seq, clock(r.At), r.View, r.Author, cut(r.Cause, 16), fmt.Sprintf("%d ops", n), cut(r.Reason, 80))
}

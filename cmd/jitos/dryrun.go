package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// What a destructive verb would do, said instead of done. The words begin with
// "would", so that nobody takes them for the deed.

const dryRunAbout = "say what would be done, and do nothing"

func (a *app) wouldDiscard(ctx context.Context, c *client.Client, id string) error {
	s, err := c.Workspace(ctx, id)
	if err != nil {
		return err
	}
	return a.show(s, func(w io.Writer) {
		fmt.Fprintf(w, "would discard %s (%s): %d records, %d elements changed\n", s.ID, s.State, s.Records, changesOf(s))
		for _, p := range s.Wrote[:min(len(s.Wrote), maxListed)] {
			fmt.Fprintf(w, "  %s\n", p)
		}
	})
}

func changesOf(s wire.Workspace) int {
	if s.Changes == nil {
		return 0
	}
	return *s.Changes
}

func (a *app) wouldCollapse(ctx context.Context, c *client.Client, id, land string) error {
	s, err := c.Workspace(ctx, id)
	if err != nil {
		return err
	}
	d, err := c.Diff(ctx, s.BaseAt, "sws:"+s.ID, "", 0)
	if err != nil {
		return err
	}
	return a.show(d, func(w io.Writer) {
		fmt.Fprintf(w, "would prove %s and collapse it into %s (land: %s): %d changes\n", s.ID, fromOf(s), land, d.Total)
		for _, ch := range d.Changes[:min(len(d.Changes), maxListed)] {
			fmt.Fprintf(w, "  %s %s\n", ch.Change, ch.Path)
		}
		fmt.Fprintf(w, "jitos gates run --sws %s shows whether it would be let in\n", s.ID)
	})
}

func (a *app) wouldCancel(ctx context.Context, c *client.Client, id string) error {
	p, err := c.Process(ctx, id)
	if err != nil {
		return err
	}
	return a.show(p, func(w io.Writer) {
		if !p.Live() {
			fmt.Fprintf(w, "would do nothing: %s is %s\n", p.ID, p.Status)
			return
		}
		var spaces []string
		for _, l := range p.Lanes {
			spaces = append(spaces, l.SWS)
		}
		if p.SWS != "" && !slices.Contains(spaces, p.SWS) {
			spaces = append(spaces, p.SWS)
		}
		fmt.Fprintf(w, "would stop %s (%s) and drop %s\n", p.ID, p.Status, strings.Join(spaces, ", "))
	})
}

func (a *app) wouldUndo(ctx context.Context, c *client.Client, seq uint64) error {
	ans, err := c.Log(ctx, client.LogQuery{From: seq, To: seq, Limit: 1})
	if err != nil {
		return err
	}
	if len(ans.Records) == 0 {
		return wire.NewProblem(rmg.NotFound, "there is no record %d", seq).WithHint("jitos log shows them")
	}
	r := ans.Records[0]
	return a.show(r, func(w io.Writer) {
		fmt.Fprintf(w, "would take back seq %d by %s: %s\n", r.Seq, r.Author, printable(r.Reason))
		for _, op := range r.Ops[:min(len(r.Ops), maxListed)] {
			fmt.Fprintf(w, "  %s %s\n", op.Op, op.Path)
		}
	})
}

func (a *app) wouldPurge(ctx context.Context, c *client.Client, what string) error {
	sums := []wire.Blob{}
	if strings.HasPrefix(what, "/") {
		q := client.LogQuery{Limit: 1000, Filter: client.Filter{Path: rmg.Path(what), Op: string(rewrite.Write)}}
		for {
			ans, err := c.Log(ctx, q)
			if err != nil {
				return err
			}
			for _, r := range ans.Records {
				for _, op := range r.Ops {
					b := wire.Blob{SHA256: fmt.Sprintf("%x", op.Blob.Sum), Size: op.Blob.Size}
					if op.Op == rewrite.Write && string(op.Path) == what && !slices.Contains(sums, b) {
						sums = append(sums, b)
					}
				}
			}
			if q.To = ans.Next; q.To == 0 {
				break
			}
		}
	} else {
		data, err := c.ReadBlob(ctx, what)
		if err != nil {
			return err
		}
		sums = append(sums, wire.Blob{SHA256: what, Size: int64(len(data))})
	}
	return a.show(sums, func(w io.Writer) {
		for _, b := range sums {
			fmt.Fprintf(w, "would remove %s, %d bytes, unless it stands somewhere now\n", b.SHA256, b.Size)
		}
		if len(sums) == 0 {
			fmt.Fprintf(w, "would remove nothing: no record wrote at %s\n", what)
		}
	})
}

func (a *app) wouldRevoke(ctx context.Context, c *client.Client, id string) error {
	list, err := c.Tokens(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(t wire.Token) bool { return (t.ID == id || t.Name == id) && t.State == "valid" })
	if i < 0 {
		return wire.NewProblem(rmg.NotFound, "there is no valid token %q", id).WithHint("jitos token list shows them")
	}
	t := list[i]
	return a.show(t, func(w io.Writer) {
		fmt.Fprintf(w, "would end %s (%s) at once: %s, until %s\n", t.ID, t.Name, strings.Join(t.Caps, ", "), clock(t.Expires))
	})
}

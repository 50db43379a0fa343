package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/spf13/cobra"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

func (a *app) diffCmd() *cobra.Command {
	var path string
	var stat bool
	cmd := &cobra.Command{
		Use: "diff A B [PATH]", Short: "Show what differs between two versions", Args: cobra.RangeArgs(2, 3),
		Example: "  jitos diff seq:40 system\n  jitos diff system sws:w12 go.mod\n  jitos diff sws:w12@57 sws:w13 --stat",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if len(args) == 3 {
				path = args[2]
			}
			at := rmg.Path("")
			if path != "" {
				if at, err = a.place(cmd.Context(), c, path); err != nil {
					return err
				}
			}
			if stat {
				return a.diffStat(cmd.Context(), c, args[0], args[1], at)
			}
			return a.diff(cmd.Context(), c, args[0], args[1], at)
		},
	}
	cmd.Flags().StringVar(&path, "path", "", "only at and below this: a graph path, or a file")
	cmd.Flags().BoolVar(&stat, "stat", false, "how many lines of each file, no more")
	return cmd
}

// diff prints the difference of two versions: files as unified diffs, all else
// prop by prop.
func (a *app) diff(ctx context.Context, c *client.Client, from, to string, at rmg.Path) error {
	d, err := c.Diff(ctx, from, to, at, 0)
	if err != nil {
		return err
	}
	if a.format == "jsonl" {
		return a.show(d.Changes, nil)
	}
	if a.machine() {
		return a.json(d)
	}
	if a.format != "" && a.format != "table" {
		return unknownForm(a.format, tableForms)
	}
	if err := a.changes(ctx, c, d.Changes); err != nil {
		return err
	}
	a.truncated(d)
	return nil
}

func (a *app) truncated(d wire.DiffAnswer) {
	if d.Truncated {
		fmt.Fprintf(a.out, "… %d changes in all; --path narrows them\n", d.Total)
	}
}

// stat is how much of an element changed.
type stat struct {
	Path    rmg.Path `json:"path"`
	Change  string   `json:"change"`
	Added   int      `json:"added"`   // lines
	Removed int      `json:"removed"` // lines
}

// diffStat prints how much changed, an element a line.
func (a *app) diffStat(ctx context.Context, c *client.Client, from, to string, at rmg.Path) error {
	d, err := c.Diff(ctx, from, to, at, 0)
	if err != nil {
		return err
	}
	stats := []stat{}
	var total stat
	for _, ch := range d.Changes {
		text, err := a.fileDiff(ctx, c, ch)
		if err != nil {
			return err
		}
		st := stat{Path: ch.Path, Change: string(ch.Change)}
		inside := false // past the names of the files
		for l := range strings.Lines(text) {
			inside = inside || strings.HasPrefix(l, "@@")
			switch {
			case inside && l[0] == '+':
				st.Added++
			case inside && l[0] == '-':
				st.Removed++
			}
		}
		stats = append(stats, st)
		total.Added, total.Removed = total.Added+st.Added, total.Removed+st.Removed
	}
	err = a.show(stats, func(w io.Writer) {
		for _, st := range stats {
			row(w, st.Change, st.Path, fmt.Sprintf("+%d -%d", st.Added, st.Removed))
		}
		fmt.Fprintf(w, "%d changed, +%d -%d lines\n", d.Total, total.Added, total.Removed)
	})
	if err == nil && !a.machine() {
		a.truncated(d)
	}
	return err
}

// changes prints what differs, in order.
func (a *app) changes(ctx context.Context, c *client.Client, list []wire.Change) error {
	for _, ch := range list {
		text, err := a.fileDiff(ctx, c, ch)
		if err != nil {
			return err
		}
		if text != "" {
			fmt.Fprint(a.out, text)
			continue
		}
		fmt.Fprintf(a.out, "%s %s", ch.Change, ch.Path)
		if ch.From != "" {
			fmt.Fprintf(a.out, " (from %s)", ch.From)
		}
		fmt.Fprintln(a.out)
		for _, name := range slices.Sorted(maps.Keys(ch.Props)) {
			pc := ch.Props[name]
			fmt.Fprintf(a.out, "  %s: %s -> %s\n", name, valueText(pc.Old), valueText(pc.New))
		}
	}
	return nil
}

func valueText(v rmg.Value) string {
	if v.Type() == rmg.TypeNone {
		return "-"
	}
	data, err := v.MarshalJSON()
	if err != nil {
		return "?"
	}
	return cut(string(data), 100)
}

// fileDiff renders a change of a file's content; empty if it is none.
func (a *app) fileDiff(ctx context.Context, c *client.Client, ch wire.Change) (string, error) {
	pc, ok := ch.Props[rewrite.PropBlob]
	if !ok {
		return "", nil
	}
	old, err := a.content(ctx, c, pc.Old)
	if err != nil {
		return "", err
	}
	next, err := a.content(ctx, c, pc.New)
	if err != nil {
		return "", err
	}
	name := string(ch.Path)
	if segs := ch.Path.Segments(); len(segs) > 3 && segs[0].ID == "repo" {
		var parts []string
		for _, s := range segs[3:] {
			parts = append(parts, s.ID)
		}
		name = strings.Join(parts, "/")
	}
	from, to := "a/"+name, "b/"+name
	if pc.Old.Type() == rmg.TypeNone {
		from = "/dev/null"
	}
	if pc.New.Type() == rmg.TypeNone {
		to = "/dev/null"
	}
	if strings.ContainsRune(old, 0) || strings.ContainsRune(next, 0) {
		return fmt.Sprintf("binary %s and %s differ\n", from, to), nil
	}
	return udiff.Unified(from, to, old, next), nil
}

func (a *app) content(ctx context.Context, c *client.Client, v rmg.Value) (string, error) {
	b, ok := v.AsBlob()
	if !ok || b.Size == 0 {
		return "", nil
	}
	data, err := c.ReadBlob(ctx, fmt.Sprintf("%x", b.Sum))
	return string(data), err
}

// processDiff is the unified diff of what a process collapsed.
func (a *app) processDiff(ctx context.Context, c *client.Client, p wire.Process) (string, error) {
	if p.Collapse == 0 {
		return "", nil
	}
	d, err := c.Diff(ctx, fmt.Sprintf("seq:%d", p.Collapse-1), fmt.Sprintf("seq:%d", p.Collapse), "/repo", 0)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, ch := range d.Changes {
		text, err := a.fileDiff(ctx, c, ch)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

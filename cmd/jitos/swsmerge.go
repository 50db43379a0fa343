package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"
	"github.com/spf13/cobra"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

func (a *app) swsFreeze() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "freeze ID", Short: "Let a workspace take no writes until it is thawed", Args: cobra.ExactArgs(1),
		Long: `A frozen workspace takes no writes, rebases and resolutions. It can still be read,
forked, collapsed and discarded.`,
		Example: "  jitos sws freeze w12 --reason 'under review'",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			s, err := c.Freeze(cmd.Context(), args[0], reason)
			if err != nil {
				return err
			}
			return a.show(s, func(w io.Writer) { fmt.Fprintf(w, "frozen; jitos sws thaw %s lets it be written again\n", s.ID) })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}

func (a *app) swsThaw() *cobra.Command {
	return &cobra.Command{
		Use: "thaw ID", Short: "Let a frozen workspace be written again", Args: cobra.ExactArgs(1),
		Example: "  jitos sws thaw w12",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			s, err := c.Thaw(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.show(s, func(w io.Writer) { fmt.Fprintf(w, "%s takes writes again\n", s.ID) })
		},
	}
}

func (a *app) swsRebase() *cobra.Command {
	var onto string
	cmd := &cobra.Command{
		Use: "rebase ID", Short: "Move a workspace's base forward, onto what happened since", Args: cobra.ExactArgs(1),
		Long: `Merges what the workspace changed with what happened since it was forked; the
result is its new head, on the new base. In a repository the branch is brought in
first. What both sides changed is a conflict (exit 5): it stands on the workspace
until jitos sws resolve settles it, which completes the rebase.`,
		Example: "  jitos sws rebase w12\n  jitos sws rebase w12 --onto seq:40",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			out, err := c.Rebase(cmd.Context(), args[0], onto)
			if err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) { printRebased(w, args[0], out) })
		},
	}
	cmd.Flags().StringVar(&onto, "onto", "", "a version of what it was forked from; the newest if not given")
	return cmd
}

func printRebased(w io.Writer, id string, out wire.Rebased) {
	switch {
	case len(out.Conflicts) > 0:
		printConflicts(w, out.Conflicts)
		fmt.Fprintf(w, "%d left; jitos sws resolve %s PATH --take system|workspace|base\n", len(out.Conflicts), id)
	case out.Seq == 0:
		fmt.Fprintf(w, "%s stands on the newest already\n", id)
	default:
		fmt.Fprintf(w, "seq %d: %s stands on %s, digest %s\n", out.Seq, id, out.Base, out.Digest)
	}
}

// printConflicts lists conflicts: what the sides have, and who wrote it.
func printConflicts(w io.Writer, list []wire.Conflict) {
	for _, c := range list {
		row(w, conflictPlace(c), c.Reason)
		side(w, "base", c.Base, "")
		side(w, "system", c.System, c.SystemBy)
		side(w, "workspace", c.Workspace, c.WorkspaceBy)
	}
}

func side(w io.Writer, name string, v rmg.Value, by string) {
	if by != "" {
		by = "by " + by
	}
	fmt.Fprintf(w, "  %s\t%s\t%s\n", name, printable(valueText(v)), printable(by))
}

// conflictPlace is where a conflict is, as resolve takes it: PATH or PATH#PROP.
func conflictPlace(c wire.Conflict) string {
	return strings.TrimSuffix(string(c.Path)+"#"+c.Prop, "#")
}

// resolving is the flags of resolve.
type resolving struct {
	take, value, edit string
	marked            bool
}

func (a *app) swsResolve() *cobra.Command {
	var how resolving
	cmd := &cobra.Command{
		Use: "resolve ID [PATH[#PROP]]", Short: "List the conflicts of a workspace, or settle some", Args: cobra.RangeArgs(1, 2),
		Long: `Without a flag, lists the conflicts of the merge under way. With one, settles those
at PATH, or of one prop of it, or without PATH all that are open: by a side, by a
value, or by an edited text. Each is a record. When none is open any more the
rebase that met them completes; then the workspace can be collapsed.

--marked prints a file as merged, with marks around what both changed, as git has
them: edit it, and give it back with --edit.`,
		Example: `  jitos sws resolve w12
  jitos sws resolve w12 internal/token.go --marked > merged.go
  jitos sws resolve w12 internal/token.go --edit merged.go
  jitos sws resolve w12 /svc/auth#version --value 3
  jitos sws resolve w12 --take workspace`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.resolve(cmd, args, how) },
	}
	cmd.Flags().StringVar(&how.take, "take", "", "system, workspace or base")
	cmd.Flags().StringVar(&how.value, "value", "", "a value, as JSON")
	cmd.Flags().BoolVar(&how.marked, "marked", false, "print the file at PATH with both sides' changes between marks")
	cmd.Flags().StringVar(&how.edit, "edit", "", "a file with the text; - is standard input")
	return cmd
}

func (a *app) resolve(cmd *cobra.Command, args []string, how resolving) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	var req wire.ResolveRequest
	if len(args) == 2 {
		where := args[1]
		if i := strings.LastIndexByte(where, '#'); i > 0 && !exists(where) {
			where, req.Prop = where[:i], where[i+1:]
		}
		if req.Path, err = a.place(cmd.Context(), c, where); err != nil {
			return err
		}
	}
	if how == (resolving{}) {
		s, err := c.Workspace(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return a.showOpen(cmd.Context(), c, s, req)
	}
	if how.marked {
		return a.printMarked(cmd.Context(), c, args[0], req, how)
	}
	if err := a.readResolution(&req, how); err != nil {
		return err
	}
	out, err := c.ResolveIn(cmd.Context(), args[0], req)
	if err != nil {
		return err
	}
	return a.show(out, func(w io.Writer) { printRebased(w, args[0], out) })
}

// readResolution reads what the flags give.
func (a *app) readResolution(req *wire.ResolveRequest, how resolving) error {
	given := 0
	for _, flag := range []string{how.take, how.value, how.edit} {
		if flag != "" {
			given++
		}
	}
	if given > 1 {
		return &usageError{errors.New("give one of --take, --value and --edit")}
	}
	req.Take = how.take
	if how.value != "" {
		if err := json.Unmarshal([]byte(how.value), &req.Value); err != nil {
			return wire.NewProblem(rmg.Invalid, "--value is no JSON value: %v", err).WithHint(`for example --value 3 or --value '"text"'`)
		}
	}
	if how.edit == "" {
		return nil
	}
	data, err := readInput(a.in, how.edit)
	if err != nil {
		return err
	}
	if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
		return wire.NewProblem(rmg.Invalid, "%s is no text", how.edit).WithHint("take a side: --take system, workspace or base")
	}
	text := string(data)
	for line := range strings.Lines(text) {
		if mark := strings.TrimRight(line, "\r\n"); mark == rmg.MarkSystem || mark == rmg.MarkWorkspace {
			return wire.NewProblem(rmg.Invalid, "%s still has the mark %q: something in it is not settled", how.edit, mark).WithHint("edit what stands between the marks, and take them out")
		}
	}
	req.Text = &text
	return nil
}

// printMarked prints the one file that conflicts at a place, with marks.
func (a *app) printMarked(ctx context.Context, c *client.Client, id string, at wire.ResolveRequest, how resolving) error {
	if how != (resolving{marked: true}) || at.Path == "" {
		return &usageError{errors.New("--marked takes a PATH and no other flag")}
	}
	s, err := c.Workspace(ctx, id)
	if err != nil {
		return err
	}
	for _, x := range openConflicts(s, at) {
		texts, ok, err := a.sidesOf(ctx, c, x)
		if err != nil {
			return err
		}
		if ok {
			_, err = io.WriteString(a.out, texts.marked)
			return err
		}
	}
	return wire.NewProblem(rmg.NotFound, "no text is in conflict there").WithHint("jitos sws resolve %s lists what is", id)
}

// sides is a text that conflicts: what each side made of the base, as a unified
// diff, and both with marks.
type sides struct{ system, workspace, marked string }

// sidesOf reads the texts of a conflict; ok is false if it is about something else.
func (a *app) sidesOf(ctx context.Context, c *client.Client, x wire.Conflict) (s sides, ok bool, err error) {
	var text [3]string
	for i, v := range []rmg.Value{x.Base, x.System, x.Workspace} {
		if _, is := v.AsBlob(); !is && v.Type() != rmg.TypeNone {
			return s, false, nil
		}
		if text[i], err = a.content(ctx, c, v); err != nil {
			return s, false, err
		}
	}
	marked := rmg.MarkText([]byte(text[0]), []byte(text[1]), []byte(text[2]))
	return sides{udiff.Unified("base", "system", text[0], text[1]), udiff.Unified("base", "workspace", text[0], text[2]), string(marked)}, marked != nil, nil
}

// openConflicts are those that are open, at a place if one is named.
func openConflicts(s wire.Workspace, at wire.ResolveRequest) []wire.Conflict {
	open := []wire.Conflict{}
	for _, c := range s.Conflicts {
		if c.Take == "" && (at.Path == "" || c.Path == at.Path) && (at.Prop == "" || c.Prop == at.Prop) {
			open = append(open, c.Conflict)
		}
	}
	return open
}

// showOpen lists the conflicts of a workspace that are open, at a place if one
// is named.
func (a *app) showOpen(ctx context.Context, c *client.Client, s wire.Workspace, at wire.ResolveRequest) error {
	open := openConflicts(s, at)
	values, texts := []wire.Conflict{}, map[rmg.Path]sides{}
	for _, x := range open {
		if t, ok, err := a.sidesOf(ctx, c, x); err != nil {
			return err
		} else if ok && !a.machine() {
			texts[x.Path] = t
			continue
		}
		values = append(values, x)
	}
	p := a.painter()
	return a.show(open, func(w io.Writer) {
		switch {
		case len(open) > 0:
			printConflicts(w, values)
			for _, x := range open {
				if t, ok := texts[x.Path]; ok {
					fmt.Fprintf(w, "%s: %s; the system's by %s, the workspace's by %s\n%s%s", conflictPlace(x), x.Reason,
						orElse(x.SystemBy, "?"), orElse(x.WorkspaceBy, "?"), p.diff(t.system), p.diff(t.workspace))
				}
			}
			if len(texts) > 0 {
				fmt.Fprintf(w, "jitos sws resolve %s PATH --marked prints both in one text, to edit\n", s.ID)
			}
		case s.Onto != "" && s.Open == 0:
			fmt.Fprintf(w, "all conflicts are resolved; jitos sws rebase %s completes the merge with %s\n", s.ID, s.Onto)
		default:
			fmt.Fprintln(w, "no conflict is open")
		}
	})
}

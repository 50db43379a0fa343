package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
)

func (a *app) bisectCmd() *cobra.Command {
	var path, expr, run, from, to string
	cmd := &cobra.Command{
		Use: "bisect", Short: "Find the record that made a condition false", Args: cobra.NoArgs,
		Long: `Looks at about log2 of the records that touch PATH. The condition is an expression
in CEL about what stands there (element.exists, .kind, .id, .props, .nodes,
.edges, .text of a file; at(PATH) is another element), or a command that is run,
sandboxed, in the branch's files of each version: exit 0 is good, 125 skips a
version, 1 to 127 is bad.`,
		Example: `  jitos bisect --path /svc/auth --expr 'element.props.version < 3'
  jitos bisect --path go.mod --expr '!element.text.contains("replace")'
  jitos bisect --run 'go test ./token' --from 40`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (expr == "") == (run == "") {
				return &usageError{fmt.Errorf("give either --expr or --run")}
			}
			req := wire.BisectRequest{Expr: expr}
			var err error
			if req.From, err = seqArg(from); err != nil {
				return err
			}
			if req.To, err = seqArg(to); err != nil {
				return err
			}
			if run != "" {
				req.Argv = []string{"sh", "-c", run}
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if path != "" {
				if req.Path, err = a.place(cmd.Context(), c, path); err != nil {
					return err
				}
			}
			return a.bisect(cmd.Context(), c, req)
		},
	}
	f := cmd.Flags()
	f.StringVar(&path, "path", "", "what is asked about: a graph path, or a file")
	f.StringVar(&expr, "expr", "", "a condition in CEL")
	f.StringVar(&run, "run", "", "a command, for the shell")
	f.StringVar(&from, "from", "", "a seq where it holds (the first that touches the path)")
	f.StringVar(&to, "to", "", "a seq where it does not (the last)")
	return cmd
}

// seqArg reads N or seq:N; 0 if there is nothing.
func seqArg(arg string) (uint64, error) {
	if arg == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(arg, "seq:"), 10, 64)
	if err != nil || n == 0 {
		return 0, &usageError{fmt.Errorf("%q is no seq; jitos log shows them", arg)}
	}
	return n, nil
}

func (a *app) bisect(ctx context.Context, c *client.Client, req wire.BisectRequest) error {
	for ev, err := range c.Bisect(ctx, req) {
		switch {
		case err != nil:
			return err
		case ev.Step != nil && !a.machine():
			fmt.Fprintf(a.err, "seq %d: %s\n", ev.Step.Seq, strings.TrimSuffix(ev.Step.Verdict+": "+printable(ev.Step.Note), ": "))
		case ev.Found != nil:
			if err := a.show(ev.Found, func(w io.Writer) { printFound(w, *ev.Found) }); err != nil || a.machine() {
				return err
			}
			return a.changes(ctx, c, ev.Found.Changes)
		}
	}
	return nil
}

func printFound(w io.Writer, b wire.BisectAnswer) {
	r := b.Record
	fmt.Fprintf(w, "seq %d is the first where it does not hold; seq %d is the last where it does (%d records, %d looked at)\n", b.Bad, b.Good, b.Candidates, len(b.Steps))
	if len(b.Suspects) > 0 {
		fmt.Fprintf(w, "it may be one of these as well, which could not be judged: %s\n", strings.Trim(fmt.Sprint(b.Suspects), "[]"))
	}
	row(w, "author", r.Author)
	row(w, "when", clock(r.At))
	row(w, "cause", r.Cause)
	row(w, "reason", r.Reason)
}

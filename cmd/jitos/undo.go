package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"jitos.dev/net/wire"
)

func (a *app) undoCmd() *cobra.Command {
	var req wire.UndoRequest
	var dry bool
	cmd := &cobra.Command{
		Use: "undo SEQ", Short: "Take one record back, at today's head; what concerns a repository is proven and lands", Args: cobra.ExactArgs(1),
		Long: `Takes back what one record did, and nothing that was done since: where a later
record changed the same place it is a conflict, which names that record. The undo
is a record of its own, and can be undone.`,
		Example: "  jitos log\n  jitos undo 57 --reason 'broke the build on arm'",
		RunE: func(cmd *cobra.Command, args []string) error {
			seq, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil || seq == 0 {
				return &usageError{fmt.Errorf("%q is no seq; jitos log shows them", args[0])}
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if dry {
				return a.wouldUndo(cmd.Context(), c, seq)
			}
			req.Seq = seq
			out, err := c.Undo(cmd.Context(), req)
			if err != nil {
				return err
			}
			if out.Process != "" {
				if p, err := c.Process(cmd.Context(), out.Process); err == nil && p.Status == "unlanded" {
					return endOf(p)
				}
			}
			return a.show(out, func(w io.Writer) {
				fmt.Fprintf(w, "seq %d undoes seq %d by %s: %s\n", out.Seq, seq, out.Undoes.Author, printable(out.Undoes.Reason))
				printLanding(w, out)
			})
		},
	}
	cmd.Flags().StringVar(&req.Reason, "reason", "", "why")
	cmd.Flags().StringVar(&req.Land, "land", "commit", landHelp)
	cmd.Flags().BoolVar(&dry, "dry-run", false, dryRunAbout)
	return cmd
}

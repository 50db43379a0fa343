package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"jitos.dev/net/wire"
)

func (a *app) replayCmd() *cobra.Command {
	var req wire.ReplayRequest
	cmd := &cobra.Command{
		Use: "replay", Short: "Fold the log anew and compare every digest; do a process's tasks over again", Args: cobra.NoArgs,
		Long: `Folds the log from its first record, and names the first digest that is not the
one that was written. With --execute the tasks of a process are run again, from
the inputs that the log has, in workspaces that are thrown away, and what they
come to is compared with what was recorded.`,
		Example: "  jitos replay\n  jitos replay --process p12 --execute",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if req.Execute && req.Process == "" {
				return &usageError{fmt.Errorf("--execute needs --process")}
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			for ev, err := range c.Replay(cmd.Context(), req) {
				switch {
				case err != nil:
					return err
				case ev.Progress != nil && !a.machine():
					fmt.Fprintf(a.err, "seq %d of %d %s\n", ev.Progress.Seq, ev.Progress.Until, printable(ev.Progress.Text))
				case ev.Replayed != nil:
					return a.replayed(*ev.Replayed)
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&req.Process, "process", "", "only up to the last record of this process")
	cmd.Flags().BoolVar(&req.Execute, "execute", false, "run its tasks again, too")
	return cmd
}

func (a *app) replayed(r wire.ReplayAnswer) error {
	err := a.show(r, func(w io.Writer) {
		fmt.Fprintf(w, "%d records in %d ticks, up to seq %d", r.Records, r.Ticks, r.Until)
		if r.OfProcess > 0 {
			fmt.Fprintf(w, ", %d of the process", r.OfProcess)
		}
		fmt.Fprintf(w, "\nworld %s\nledger %s\n", r.World, r.Ledger)
		if r.Difference != "" {
			fmt.Fprintf(w, "first difference: %s\n", printable(r.Difference))
		} else {
			fmt.Fprintln(w, "every digest is the log's")
		}
		for _, t := range r.Tasks {
			row(w, t.Task, t.Worker, t.Outcome, fmt.Sprintf("%d ops", t.Ops), t.Difference)
		}
	})
	if err == nil && !r.OK {
		err = &exitError{1, "the replay differs"}
	}
	return err
}

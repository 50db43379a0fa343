package main

import (
	"fmt"
	"io"
	"regexp"

	"github.com/spf13/cobra"

	"jitos.dev/net/wire"
)

func (a *app) purgeCmd() *cobra.Command {
	var reason string
	var dry bool
	cmd := &cobra.Command{
		Use: "purge SHA256|PATH --reason WHY", Short: "Remove a leaked secret's bytes for good, on the record", Args: cobra.ExactArgs(1),
		Long: `Removes content from the daemon's store: by its SHA-256, or all that ever stood at
a path. Its hash stays, and so does every digest; whoever reads it is told who
purged it and why. It is refused while the content stands in the system or in an
open workspace: take it out first. A repository's own history is yours to rewrite.`,
		Example: "  jitos purge .env --reason 'the deploy key leaked'",
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" && !dry {
				return &usageError{fmt.Errorf("--reason is missing; it stays in the log")}
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			req := wire.PurgeRequest{What: args[0], Reason: reason}
			if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(req.What) {
				p, err := a.place(cmd.Context(), c, req.What)
				if err != nil {
					return err
				}
				req.What = string(p)
			}
			if dry {
				return a.wouldPurge(cmd.Context(), c, req.What)
			}
			out, err := c.Purge(cmd.Context(), req)
			if err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, b := range out.Sums {
					fmt.Fprintf(w, "gone: %s, %d bytes\n", b.SHA256, b.Size)
				}
				if out.Seq != 0 {
					fmt.Fprintf(w, "recorded at seq %d\n", out.Seq)
				} else {
					fmt.Fprintln(w, "all of it was purged before")
				}
				for _, l := range out.Left {
					fmt.Fprintf(w, "note: %s\n", l)
				}
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; it stays in the log")
	cmd.Flags().BoolVar(&dry, "dry-run", false, dryRunAbout)
	return cmd
}

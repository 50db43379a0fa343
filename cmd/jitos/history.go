package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func (a *app) verifyCmd() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Read the log anew from disk, fold it, and compare every digest", Args: cobra.NoArgs,
		Example: "  jitos verify",
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
				if v.GivenUp > 0 {
					fmt.Fprintf(w, "a gc gave up the contents of %d discarded workspaces: %d blobs that they alone name are gone\n", v.GivenUp, v.Gone)
				}
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
		Example: "  jitos check\n  jitos check --view sws:w12",
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

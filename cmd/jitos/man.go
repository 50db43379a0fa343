package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func (a *app) manCmd() *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write the manual's pages into a folder", Args: cobra.ExactArgs(1),
		Example: "  jitos man ~/.local/share/man/man1",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true // it has the day in it
			return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "JITOS " + version, Manual: "JITOS", Date: &time.Time{}}, args[0])
		},
	}
}

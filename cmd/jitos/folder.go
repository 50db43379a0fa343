package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// folderBranch is the branch that plain folders have.
const folderBranch = "main"

func (a *app) folderCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "folder", Short: "Work on folders that are no git repositories",
		Long: `A folder without git is worked on like a repository once it was added: what it
holds when work begins is what work is merged with, and what lands changes its
files. JITOS keeps its history; in the folder itself there is nothing of git, or
of JITOS. Files that .gitignore and .jitosignore name stay out of it.`,
		Example: "  jitos folder add ~/notes\n  jitos folder list\n  jitos folder forget ~/notes",
	}
	cmd.AddCommand(a.folderAdd(), a.folderList(), a.folderForget())
	return cmd
}

func (a *app) folderAdd() *cobra.Command {
	return &cobra.Command{
		Use: "add [DIR]", Short: "Let a folder be worked on, the current one if none is named", Args: cobra.MaximumNArgs(1),
		Long: `Reads all files of the folder, and keeps their content until a gc or a purge, so
that work can begin on them. Adding a folder again takes in what it holds now.`,
		Example: "  jitos folder add\n  jitos folder add ~/notes",
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			c, full, err := a.repository(cmd.Context(), dir)
			if err != nil {
				return err
			}
			f, err := c.AddFolder(cmd.Context(), wire.AddFolderRequest{Folder: full})
			if err != nil {
				return err
			}
			return a.show(f, func(w io.Writer) {
				fmt.Fprintf(w, "%s can be worked on, as %s\n", f.Top, f.Root)
			})
		},
	}
}

func (a *app) folderForget() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "forget [DIR]", Short: "Know a folder no more, the current one if none is named", Args: cobra.MaximumNArgs(1),
		Long: `The folder stays as it is. It is taken out of the graph with the branches that
stand beside it, and the commits that were kept of it are removed; jitos log still
tells what happened, and contents stay until a gc or a purge. It may be added
again, as a new one. Refused while a process goes on in it.`,
		Example: "  jitos folder forget ~/notes --dry-run\n  jitos folder forget ~/notes",
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			full, err := filepath.Abs(dir)
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			f, err := c.ForgetFolder(cmd.Context(), wire.ForgetFolderRequest{Folder: full, DryRun: dry})
			if err != nil {
				return err
			}
			return a.show(f, func(w io.Writer) {
				verb := "is"
				if dry {
					verb = "would be"
				}
				fmt.Fprintf(w, "%s %s forgotten, with %d bytes of its history; nothing in it is touched\n", f.Top, verb, f.Bytes)
			})
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, dryRunAbout)
	return cmd
}

func (a *app) folderList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the folders that were added", Args: cobra.NoArgs,
		Example: "  jitos folder list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			list, err := plainFolders(cmd.Context(), c)
			if err != nil {
				return err
			}
			return a.show(list, func(w io.Writer) {
				row(w, "FOLDER", "GRAPH")
				for _, f := range list {
					row(w, f.Top, string(f.Root))
				}
			})
		},
	}
}

// plainFolder is a folder that was added.
type plainFolder struct {
	Top  string   `json:"top"`
	Root rmg.Path `json:"root"`
}

// plainFolders lists them.
func plainFolders(ctx context.Context, c *client.Client) ([]plainFolder, error) {
	list := []plainFolder{}
	g, err := c.Graph(ctx, client.GraphQuery{Path: "/repo", Depth: 1})
	if err != nil || g.Graph == nil {
		return list, err
	}
	for _, n := range g.Graph.Nodes {
		if n.Props.Bool("folder") {
			list = append(list, plainFolder{n.Props.String("origin"), rmg.Path("/repo").Join(string(n.ID), folderBranch)})
		}
	}
	return list, nil
}

// plainAbove finds the nearest folder that was added and holds a name on disk.
func plainAbove(ctx context.Context, c *client.Client, name string) (plainFolder, bool) {
	list, err := plainFolders(ctx, c)
	best := plainFolder{}
	for _, f := range list {
		if strings.HasPrefix(name+"/", f.Top+"/") && len(f.Top) > len(best.Top) {
			best = f
		}
	}
	return best, err == nil && best.Top != ""
}

// realName is a file's name with no link in the folders that it stands in.
func realName(file string) string {
	if dir, err := filepath.EvalSymlinks(filepath.Dir(file)); err == nil {
		return filepath.Join(dir, filepath.Base(file))
	}
	return file
}

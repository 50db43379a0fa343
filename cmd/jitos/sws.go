package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

func (a *app) swsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "sws", Short: "Work in workspaces by hand",
		Example: "  jitos sws new\n  jitos sws write w12 docs/hello.txt < hello.txt\n  jitos sws collapse w12",
	}
	cmd.AddCommand(
		a.swsList(), a.swsNew(), a.swsShow(), a.swsWrite(), a.swsDiff(), a.swsExec(),
		a.swsRebase(), a.swsResolve(), a.swsFreeze(), a.swsThaw(),
		a.swsCollapse(), a.swsDiscard(), a.swsRestore(),
	)
	return cmd
}

func (a *app) swsList() *cobra.Command {
	var all bool
	var q client.WorkspaceQuery
	cmd := &cobra.Command{
		Use: "list", Short: "List workspaces", Args: cobra.NoArgs,
		Example: "  jitos sws list\n  jitos sws list --all --owner ada@host\n  jitos sws list --process p12",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if !all {
				q.State = "open"
			}
			list := []wire.Workspace{}
			for s, err := range c.Workspaces(cmd.Context(), q) {
				if err != nil {
					return err
				}
				list = append(list, s)
			}
			return a.show(list, func(w io.Writer) {
				row(w, "ID", "STATE", "FROM", "RECORDS", "PROCESS", "OWNER", "WHY", "NOTE")
				for _, s := range list {
					row(w, s.ID, stateOf(s), fromOf(s), s.Records, s.Process, s.Owner, cut(s.Reason, 50), cut(s.Outcome, 50))
				}
			})
		},
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "those that have ended, too")
	cmd.Flags().StringVar(&q.Owner, "owner", "", "only those of an owner")
	cmd.Flags().StringVar(&q.Process, "process", "", "only those of a process")
	return cmd
}

// stateOf is a workspace's state in a word.
func stateOf(s wire.Workspace) string {
	switch {
	case s.State == "open" && s.Frozen != "":
		return "frozen"
	case s.State == "open" && s.Open > 0:
		return "conflicts"
	}
	return s.State
}

// fromOf is what a workspace stands on.
func fromOf(s wire.Workspace) string {
	if s.Private {
		return "private"
	}
	return s.From
}

func (a *app) swsNew() *cobra.Command {
	var req wire.ForkRequest
	var dir string
	cmd := &cobra.Command{
		Use: "new", Short: "Fork a workspace; in a repository, from its branch's head", Args: cobra.NoArgs,
		Long: `Forks a workspace and prints its id. Inside a git repository the branch that is
checked out is brought in first; with --dirty the workspace sees what is not
committed, too, and does not bring it along. A private one begins empty and never collapses.
With --ttl it is discarded when the time is over; restore brings it back.`,
		Example: "  jitos sws new\n  jitos sws new --from seq:40\n  jitos sws new --private --ttl 2h --reason scratch",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.clientOrStart(cmd.Context())
			if err != nil {
				return err
			}
			if req.From == "" && !req.Private {
				if req.Dir, err = workedOn(cmd.Context(), c, dir); err != nil {
					return err
				}
				if req.Dir == "" && !a.quiet {
					fmt.Fprintln(a.err, "jitos: this is in no git repository, so that the workspace has none of its files: jitos folder add brings them in")
				}
			}
			s, err := c.Fork(cmd.Context(), req)
			if err != nil {
				return err
			}
			return a.show(s, func(w io.Writer) { fmt.Fprintln(w, s.ID) })
		},
	}
	cmd.Flags().StringVar(&req.From, "from", "", "a version: system, sws:ID, sws:ID@N, seq:N")
	cmd.Flags().StringVar(&req.Reason, "reason", "", "what it is for")
	cmd.Flags().BoolVar(&req.Private, "private", false, "a graph of its own, forked from nothing")
	cmd.Flags().StringVar(&req.TTL, "ttl", "", "how long it may stay open: 90s, 2h")
	cmd.Flags().StringVarP(&dir, "repo", "C", ".", "a folder in the repository")
	cmd.Flags().BoolVar(&req.Dirty, "dirty", false, "see the uncommitted state; it is no part of what collapses")
	return cmd
}

func (a *app) swsShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a workspace", Args: cobra.ExactArgs(1),
		Example: "  jitos sws show w12",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			s, err := c.Workspace(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.show(s, func(w io.Writer) { printSpace(w, s) })
		},
	}
}

// maxListed is how many paths of a workspace are shown one by one.
const maxListed = 20

func printSpace(w io.Writer, s wire.Workspace) {
	row(w, "workspace", s.ID)
	row(w, "state", strings.TrimRight(s.State+": "+s.Outcome, ": "))
	if s.Private {
		row(w, "base", "nothing: it is private")
	} else {
		row(w, "base", fmt.Sprintf("%s at seq %d", s.From, s.Base))
	}
	row(w, "head", fmt.Sprintf("seq %d, digest %s", s.Head, s.Digest))
	row(w, "owner", s.Owner)
	row(w, "process", s.Process)
	if s.Cause != "" {
		row(w, "cause", s.Cause)
	}
	row(w, "why", s.Reason)
	if s.Frozen != "" {
		row(w, "frozen", s.Frozen)
	}
	if s.TTL != "" {
		row(w, "ttl", fmt.Sprintf("%s, until %s", s.TTL, clock(s.Expires)))
	}
	row(w, "records", fmt.Sprintf("%d: %d ops, %d bytes", s.Records, s.Ops, s.Bytes))
	if s.Changes != nil {
		row(w, "changes", fmt.Sprintf("%d elements", *s.Changes))
	}
	listPaths(w, "wrote", s.Wrote, "")
	listPaths(w, "read", s.Read, "")
	listPaths(w, "read", s.ReadBelow, " and all below")
	if s.Onto != "" {
		row(w, "merging", fmt.Sprintf("with %s; %d of %d conflicts open: jitos sws resolve %s", s.Onto, s.Open, len(s.Conflicts), s.ID))
	}
}

func listPaths(w io.Writer, what string, list []rmg.Path, more string) {
	for i, p := range list {
		if i == maxListed {
			row(w, what, fmt.Sprintf("… %d more", len(list)-i))
			return
		}
		row(w, what, string(p)+more)
	}
}

func (a *app) swsWrite() *cobra.Command {
	var file, mode string
	cmd := &cobra.Command{
		Use: "write ID PATH", Short: "Write a file in a workspace, from standard input or --file", Args: cobra.ExactArgs(2),
		Example: "  echo hello | jitos sws write w12 docs/hello.txt",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := a.place(cmd.Context(), c, args[1])
			if err != nil {
				return err
			}
			data, err := readInput(a.in, file)
			if err != nil {
				return err
			}
			b, err := c.PutBlob(cmd.Context(), bytes.NewReader(data))
			if err != nil {
				return err
			}
			sum, err := blobOf(b)
			if err != nil {
				return err
			}
			rec, err := c.RewriteIn(cmd.Context(), args[0], wire.SpaceRewriteRequest{
				Ops: []rewrite.Op{{Op: rewrite.Write, Path: p, Blob: sum, Mode: mode}}, Reason: "write " + args[1],
			})
			if err != nil {
				return err
			}
			return a.show(rec, func(w io.Writer) { fmt.Fprintf(w, "seq %d: %d bytes in %s\n", rec.Seq, b.Size, p) })
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "-", "where the content comes from")
	cmd.Flags().StringVar(&mode, "mode", "", "0644 or 0755; a file that is there keeps its own")
	return cmd
}

func blobOf(b wire.Blob) (rmg.Blob, error) {
	var d rmg.Digest
	err := d.UnmarshalText([]byte(b.SHA256))
	return rmg.Blob{Sum: d, Size: b.Size}, err
}

func (a *app) swsDiff() *cobra.Command {
	return &cobra.Command{
		Use: "diff ID", Short: "Show what a workspace changed from its base", Args: cobra.ExactArgs(1),
		Example: "  jitos sws diff w12",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			s, err := c.Workspace(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.diff(cmd.Context(), c, s.BaseAt, "sws:"+s.ID, "")
		},
	}
}

func (a *app) swsExec() *cobra.Command {
	var req wire.ExecRequest
	cmd := &cobra.Command{
		Use: "exec ID -- COMMAND [ARG ...]", Short: "Run a command in a workspace, in the sandbox; its changes stay in the workspace",
		Long:    "Runs a command in the folder of the workspace that you are in, or at the top of the\nrepository where you are elsewhere. What it writes is in the workspace alone.",
		Example: "  jitos sws exec w12 -- go test ./...\n  jitos sws exec w12 --network proxy.example.com:443 -- ./fetch", Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			req.Argv = args[1:]
			if req.In, err = here(); err != nil {
				return err
			}
			for ev, err := range c.Exec(cmd.Context(), args[0], req) {
				if err != nil {
					return err
				}
				if ev.Exit != nil {
					if ev.Exit.Exit != 0 {
						return &exitError{7, fmt.Sprintf("the command ended with exit %d", ev.Exit.Exit)}
					}
					return nil
				}
				to := a.out
				if s := ev.Output.Data["stream"]; s == "stderr" || s == "network" {
					to = a.err
				}
				fmt.Fprintln(to, strings.TrimRight(ev.Output.Text, "\n"))
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&req.Network, "network", nil, networkHelp)
	return cmd
}

// networkHelp says how hosts are named.
const networkHelp = "a host that commands may reach by HTTP_PROXY, NAME:PORT; can be given again. Without one there is no network"

func (a *app) swsCollapse() *cobra.Command {
	var req wire.CollapseRequest
	var dry bool
	cmd := &cobra.Command{
		Use: "collapse ID", Short: "Prove a workspace and make it real; changes of a repository land as a commit", Args: cobra.ExactArgs(1),
		Example: "  jitos sws collapse w12\n  jitos sws collapse w12 --dry-run\n  jitos sws collapse w12 --land pr\n  jitos sws collapse w12 --drop-test 'example.com/app/old.Test*'",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if dry {
				return a.wouldCollapse(cmd.Context(), c, args[0], req.Land)
			}
			out, err := a.collapse(cmd.Context(), c, args[0], req)
			if err != nil {
				return err
			}
			if out.Process != "" {
				if p, err := c.Process(cmd.Context(), out.Process); err == nil && p.Status == "unlanded" {
					return endOf(p)
				}
			}
			return a.show(out, func(w io.Writer) {
				fmt.Fprintf(w, "collapsed at seq %d, world %s\n", out.Seq, out.Digest)
				printLanding(w, out)
			})
		},
	}
	cmd.Flags().StringVar(&req.Land, "land", "commit", landHelp)
	cmd.Flags().StringArrayVar(&req.DropTests, "drop-test", nil, "a test that the change skips or takes away, by name, * is anything; can be given again")
	cmd.Flags().BoolVar(&dry, "dry-run", false, dryRunAbout)
	return cmd
}

// printLanding says where a collapse came to stand.
func printLanding(w io.Writer, c wire.Collapsed) {
	switch {
	case c.Commit == "":
	case c.Patch != "":
		fmt.Fprintf(w, "handed out as a patch; jitos show %s --patch | git am --keep-cr applies it\n", c.Process)
	default:
		fmt.Fprintf(w, "landed as %s on %s\n", short(c.Commit), c.LandedOn)
		if c.URL != "" {
			fmt.Fprintln(w, c.URL)
		}
	}
}

func (a *app) swsDiscard() *cobra.Command {
	var reason string
	var dry bool
	cmd := &cobra.Command{
		Use: "discard ID", Short: "Drop a workspace; its bytes stay, and restore brings it back", Args: cobra.ExactArgs(1),
		Example: "  jitos sws discard w12 --reason 'a dead end'\n  jitos sws discard w12 --dry-run",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if dry {
				return a.wouldDiscard(cmd.Context(), c, args[0])
			}
			rec, err := c.Discard(cmd.Context(), args[0], reason)
			if err != nil {
				return err
			}
			return a.show(rec, func(w io.Writer) { fmt.Fprintf(w, "discarded; jitos sws restore %s brings it back\n", args[0]) })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	cmd.Flags().BoolVar(&dry, "dry-run", false, dryRunAbout)
	return cmd
}

func (a *app) swsRestore() *cobra.Command {
	return &cobra.Command{
		Use: "restore ID", Short: "Bring a discarded workspace back", Args: cobra.ExactArgs(1),
		Example: "  jitos sws restore w12",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			s, err := c.Restore(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.show(s, func(w io.Writer) { printSpace(w, s) })
		},
	}
}

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
	"jitos.dev/tasks"
)

func (a *app) gatesCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "gates", Short: "What a repository demands of every change, and what proved it",
		Long: `A repository names its own gates in ` + tasks.GatesPath + `. They are read from the branch
that a change merges with, never from the change, and run by the daemon on
exactly the merged bytes. A command that a repository brings is run only after a
person has approved it.`,
		Example: "  jitos gates list\n  jitos gates approve 3f2a91c4d7e0\n  jitos gates run --sws w12\n  jitos gates show p12 unit",
	}
	cmd.AddCommand(a.gatesList(), a.gatesCheck(), a.gatesSchema(), a.gatesApprove(), a.gatesRevoke(), a.gatesRun(), a.gatesShow())
	return cmd
}

// repoFlag is the flag of verbs that are about the repository of a folder.
func repoFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVarP(dir, "repo", "C", ".", "a folder in the repository")
}

func (a *app) gatesList() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use: "list", Short: "List the gates of the branch that is checked out, and which may run", Args: cobra.NoArgs,
		Example: "  jitos gates list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, full, err := a.repository(cmd.Context(), dir)
			if err != nil {
				return err
			}
			list, err := c.Gates(cmd.Context(), full)
			if err != nil {
				return err
			}
			return a.show(list, func(w io.Writer) { printGates(w, list) })
		},
	}
	repoFlag(cmd, &dir)
	return cmd
}

// repository finds the daemon, and the absolute name of a folder.
func (a *app) repository(ctx context.Context, dir string) (*client.Client, string, error) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return nil, "", err
	}
	c, err := a.clientOrStart(ctx)
	return c, full, err
}

func printGates(w io.Writer, list wire.GatesAnswer) {
	row(w, "GATE", "RESULT", "HASH", "JUDGED BY", "COMMAND")
	for _, g := range list.Gates {
		command := strings.Join(g.Argv, " ")
		if len(g.Argv) == 0 {
			command = "go test " + g.Pattern
		}
		row(w, g.Name, approvalState(g), short(g.Hash), judgedBy(g), command)
	}
	for _, g := range list.Setup {
		row(w, g.Name, approvalState(g), short(g.Hash), "sets workspaces up", strings.Join(g.Argv, " "))
	}
	if list.File == "" {
		fmt.Fprintf(w, "there is no %s, so the repository's language decides\n", tasks.GatesPath)
	}
	if len(list.Protected) > 0 {
		fmt.Fprintf(w, "protected, besides what the policy protects: %s\n", printable(strings.Join(list.Protected, ", ")))
	}
}

func approvalState(g wire.Gate) string {
	switch {
	case g.Hash == "":
		return "of the language"
	case g.Approved:
		return "approved by " + g.By
	}
	return "not approved"
}

// judgedBy says what makes a gate green.
func judgedBy(g wire.Gate) string {
	text := "exit status"
	if g.Kind == "test" {
		text = "tests, by name"
		if g.Parser != "" {
			text += " (" + g.Parser + ")"
		}
	}
	if g.Reruns > 0 {
		text += fmt.Sprintf(", run again up to %d times", g.Reruns)
	}
	return text
}

func (a *app) gatesCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check [FILE]", Short: "Read a gate file or a set-up file, without a daemon and without running anything", Args: cobra.MaximumNArgs(1),
		Long:    "A file of the name " + filepath.Base(tasks.SetupPath) + " is read as one that says what workspaces need.",
		Example: "  jitos gates check\n  jitos gates check " + tasks.SetupPath + "\n  jitos gates check - < gates.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			name := tasks.GatesPath
			if len(args) > 0 {
				name = args[0]
			}
			data, err := readInput(a.in, name)
			if err != nil {
				return err
			}
			if filepath.Base(name) == filepath.Base(tasks.SetupPath) {
				return a.checkSetup(name, data)
			}
			f, err := tasks.ParseGates(name, data)
			if err != nil {
				return err
			}
			return a.show(f, func(w io.Writer) {
				fmt.Fprintf(w, "%s: %d gates, %d protected globs\n", name, len(f.Gates), len(f.Protected))
				for _, g := range f.Gates {
					if len(g.Command) > 1 && g.Command[0] == "go" && g.Command[1] == "test" && g.Parser == "" {
						fmt.Fprintf(w, "%s: without a parser its exit status alone counts, so that tests can go missing; add -json and parser: go\n", g.Name)
					}
				}
			})
		},
	}
}

// checkSetup reads a set-up file.
func (a *app) checkSetup(name string, data []byte) error {
	f, err := tasks.ParseSetup(name, data)
	if err != nil {
		return err
	}
	return a.show(f, func(w io.Writer) {
		fmt.Fprintf(w, "%s: %d steps, %d patterns of files to copy\n", name, len(f.Steps), len(f.Copy))
	})
}

func (a *app) gatesSchema() *cobra.Command {
	var setup bool
	cmd := &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of gate files, for editors", Args: cobra.NoArgs,
		Example: "  jitos gates schema\n  jitos gates schema --setup",
		RunE: func(*cobra.Command, []string) error {
			schema := tasks.GatesSchema()
			if setup {
				schema = tasks.SetupSchema()
			}
			_, err := a.out.Write(schema)
			return err
		},
	}
	cmd.Flags().BoolVar(&setup, "setup", false, "that of "+tasks.SetupPath)
	return cmd
}

func (a *app) gatesApprove() *cobra.Command {
	return a.approvalVerb("approve HASH ...", `Let commands that the repository brings run`,
		"An approval is for a command as it is, in this repository: another one has another\nhash. A gate's name does instead of its hash, and means what it is at this moment.", false)
}

func (a *app) gatesRevoke() *cobra.Command {
	return a.approvalVerb("revoke HASH ...", "Take approvals back", "", true)
}

func (a *app) approvalVerb(use, short, long string, revoke bool) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: cobra.MinimumNArgs(1),
		Example: "  jitos gates " + strings.Fields(use)[0] + " 3f2a91c4d7e0",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, full, err := a.repository(cmd.Context(), dir)
			if err != nil {
				return err
			}
			list, err := c.ApproveGates(cmd.Context(), wire.ApproveGatesRequest{Repo: full, Which: args, Revoke: revoke})
			if err != nil {
				return err
			}
			return a.show(list.Gates, func(w io.Writer) {
				for _, g := range list.Gates {
					state := "approved"
					if !g.Approved {
						state = "not approved"
					}
					row(w, state, g.Name, strings.Join(g.Argv, " "))
				}
			})
		},
	}
	repoFlag(cmd, &dir)
	return cmd
}

func (a *app) gatesRun() *cobra.Command {
	var dir, sws string
	cmd := &cobra.Command{
		Use: "run [NAME ...]", Short: "Run gates without a collapse, as it would run them",
		Example: "  jitos gates run\n  jitos gates run --sws w12",
		Long: `Runs the repository's gates on the branch as it is or, with --sws, on what a
workspace comes to there. Nothing lands. Exit code 7 if one is red.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, full, err := a.repository(cmd.Context(), dir)
			if err != nil {
				return err
			}
			for ev, err := range c.RunGates(cmd.Context(), wire.RunGatesRequest{Repo: full, SWS: sws, Names: args}) {
				switch {
				case err != nil:
					return err
				case ev.Output != nil && !a.machine():
					fmt.Fprintln(a.err, printable(ev.Output.Text))
				case ev.Proven != nil:
					return a.ran(*ev.Proven)
				}
			}
			return nil
		},
	}
	repoFlag(cmd, &dir)
	cmd.Flags().StringVar(&sws, "sws", "", "a workspace, judged as if it collapsed now")
	return cmd
}

// ran shows what gates showed, and is an error if one is red.
func (a *app) ran(r wire.RunGatesAnswer) error {
	if a.machine() {
		if err := a.json(r); err != nil {
			return err
		}
	} else {
		a.printEvidence(wire.Process{Evidence: r.Evidence})
	}
	var red []string
	for _, e := range r.Evidence {
		if !e.Green {
			red = append(red, e.Gate+": "+e.Reason)
		}
	}
	if len(red) > 0 {
		return wire.NewProblem(rmg.GateFailed, "red: %s", strings.Join(red, "; "))
	}
	return nil
}

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

func (a *app) methodAdd() *cobra.Command {
	var tests string
	cmd := &cobra.Command{
		Use: "add FILE", Short: "Add a method to the daemon's library, once it holds (YAML; - is standard input)", Args: cobra.ExactArgs(1),
		Example: "  jitos method check my.yaml\n  jitos method add my.yaml --tests my-tests.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			var req wire.MethodRequest
			data, err := readInput(a.in, args[0])
			if err != nil {
				return err
			}
			req.Text = string(data)
			if tests != "" {
				if data, err = readInput(a.in, tests); err != nil {
					return err
				}
				req.Tests = string(data)
			}
			c, err := a.clientOrStart(cmd.Context())
			if err != nil {
				return err
			}
			m, err := c.AddMethod(cmd.Context(), req)
			if err != nil {
				return err
			}
			return a.show(m, func(w io.Writer) { fmt.Fprintf(w, "method %s is added, %s\n", m.Name, testsPassed(m)) })
		},
	}
	cmd.Flags().StringVar(&tests, "tests", "", "golden tests that it has to pass")
	return cmd
}

func (a *app) methodPropose() *cobra.Command {
	return &cobra.Command{
		Use: "propose WORDS", Short: "Have the daemon's model write a method; it plans nothing until you approve it", Args: cobra.MinimumNArgs(1),
		Example: "  jitos method propose 'format the code and write a report about it'\n  jitos method show format-and-report",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.clientOrStart(cmd.Context())
			if err != nil {
				return err
			}
			m, err := c.ProposeMethod(cmd.Context(), strings.Join(args, " "))
			if err != nil {
				return err
			}
			return a.show(m, func(w io.Writer) {
				tellProposal(w, m)
				fmt.Fprintf(w, "\nby %s, %s; it plans nothing yet\n", m.Model, testsPassed(m))
				tellApproval(w, m)
			})
		},
	}
}

func tellProposal(w io.Writer, m wire.AddedMethod) {
	fmt.Fprintln(w, strings.TrimRight(m.Text, "\n"))
	if m.Tests != "" {
		fmt.Fprintf(w, "\n# tests\n%s\n", strings.TrimRight(m.Tests, "\n"))
	}
}

// tellApproval says what to type for exactly the proposal that was shown.
func tellApproval(w io.Writer, m wire.AddedMethod) {
	fmt.Fprintf(w, "jitos method approve %s %.12s adds it, jitos method remove %s drops it\n", m.Name, m.Digest, m.Name)
}

func testsPassed(m wire.AddedMethod) string {
	if m.Tested == 0 {
		return "it holds, without tests of its own"
	}
	return fmt.Sprintf("it holds, and %d of its tests pass", m.Tested)
}

func (a *app) methodApprove() *cobra.Command {
	return &cobra.Command{
		Use: "approve NAME DIGEST", Short: "Add a proposed method to the library", Args: cobra.ExactArgs(2),
		Long: `Adds the proposal that you saw: DIGEST, or its first 12 digits, is what jitos method
propose and jitos method show print of it. If it is another by now it is refused.`,
		Example: "  jitos method show format-and-report\n  jitos method approve format-and-report 3f1c09aa52d7",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.clientOrStart(cmd.Context())
			if err != nil {
				return err
			}
			m, err := c.ApproveMethod(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			return a.show(m, func(w io.Writer) { fmt.Fprintf(w, "method %s is added, %s\n", m.Name, testsPassed(m)) })
		},
	}
}

func (a *app) methodRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Take an added or proposed method away", Args: cobra.ExactArgs(1),
		Example: "  jitos method remove format-and-report",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.clientOrStart(cmd.Context())
			if err != nil {
				return err
			}
			rec, err := c.Rewrite(cmd.Context(), wire.RewriteRequest{
				Ops: []rewrite.Op{{Op: rewrite.Remove, Path: rmg.Path("/method").Child(args[0])}}, Reason: "method " + args[0] + " removed",
			})
			if errors.Is(err, &rmg.Error{Code: rmg.NotFound}) {
				return wire.NewProblem(rmg.NotFound, "there is no added or proposed method %q", args[0]).WithHint("jitos method list shows which there are")
			}
			if err != nil {
				return err
			}
			return a.show(rec, func(w io.Writer) { fmt.Fprintf(w, "method %s is gone, at seq %d\n", args[0], rec.Seq) })
		},
	}
}

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

func (a *app) gatesShow() *cobra.Command {
	var output bool
	cmd := &cobra.Command{
		Use: "show PROCESS [GATE]", Short: "Show the evidence of a process: what was run, on which bytes, and how it ended", Args: cobra.RangeArgs(1, 2),
		Example: "  jitos gates show p12\n  jitos gates show p12 unit\n  jitos gates show p12 unit --output",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := c.Process(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			list := p.Evidence
			if len(args) == 2 {
				list = slices.DeleteFunc(list, func(e work.Evidence) bool { return e.Gate != args[1] })
			}
			switch {
			case len(list) == 0:
				return wire.NewProblem(rmg.NotFound, "%s has no evidence of that", strings.Join(args, " ")).WithHint("jitos show %s lists what it has", p.ID)
			case output && (len(args) < 2 || list[0].OutputSum == ""):
				return wire.NewProblem(rmg.Invalid, "--output is of one gate that was run").WithHint("jitos gates show %s GATE --output", p.ID)
			case output:
				data, err := c.ReadBlob(cmd.Context(), list[0].OutputSum)
				if err != nil {
					return err
				}
				_, err = a.out.Write(data)
				return err
			}
			return a.show(list, func(w io.Writer) {
				for i, e := range list {
					if i > 0 {
						fmt.Fprintln(w)
					}
					printOne(w, e, len(args) == 2)
				}
			})
		},
	}
	cmd.Flags().BoolVar(&output, "output", false, "print what the run printed")
	return cmd
}

// verdictOf is green or red, and whether that is of an earlier run.
func verdictOf(e work.Evidence) string {
	verdict := "red"
	if e.Green {
		verdict = "green"
	}
	if e.Reused {
		verdict += ", reused"
	}
	return verdict
}

// printOne prints everything that is known of a gate's run; with each, every test
// by name.
func printOne(w io.Writer, e work.Evidence, each bool) {
	row(w, "gate", e.Gate)
	row(w, "verdict", verdictOf(e)+": "+e.Reason)
	by := "the intent"
	switch {
	case e.Kind == work.GatePolicy:
		by = "the kernel"
	case e.Kind == work.GateAnswer:
		by = "the policy"
	case e.Demanded:
		by = "the repository"
	}
	row(w, "demanded by", by)
	if len(e.Argv) > 0 {
		row(w, "command", strings.Join(e.Argv, " "))
	}
	row(w, "input", e.Input)
	if e.Key != "" {
		row(w, "key", e.Key)
	}
	if e.OutputSum != "" {
		end := fmt.Sprint(e.Exit)
		if e.TimedOut {
			end += ", out of time"
		}
		row(w, "exit", end)
		row(w, "took", millis(e.Millis))
		row(w, "output", e.OutputSum)
		row(w, "environment", e.Env)
		row(w, "sandbox", fmt.Sprintf("%s, network %s", e.Sandbox.Tier, e.Sandbox.Network))
	}
	if e.Report != "" {
		row(w, "report", e.Report)
	}
	for t := range strings.SplitSeq(e.Tools, "; ") {
		row(w, "tool", t)
	}
	for i, t := range e.Tries {
		row(w, fmt.Sprintf("run %d", i+1), fmt.Sprintf("%s: %s (exit %d, output %s)", verdictOf(t), t.Reason, t.Exit, t.OutputSum))
	}
	if n := len(e.Tests); n > 0 {
		row(w, "tests", testCounts(e.Tests))
	}
	if each {
		for _, t := range e.Tests {
			row(w, "  "+string(t.Status), strings.TrimPrefix(t.Package+" "+t.Name, " "))
		}
	}
}

func testCounts(list []work.Test) string {
	n := map[work.TestStatus]int{}
	for _, t := range list {
		n[t.Status]++
	}
	return fmt.Sprintf("%d passed, %d failed, %d skipped", n[work.TestPass], n[work.TestFail], n[work.TestSkip])
}

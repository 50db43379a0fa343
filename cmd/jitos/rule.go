package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"jitos.dev/net/wire"
)

func (a *app) ruleCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "rule", Short: "Rewrite the graph by rules: what is matched, and what takes its place", Args: cobra.NoArgs,
		Long: `A rule is a pattern and what replaces it:

  rules:
    - rule: retire
      match: ["a:Service -[e:uses]-> b:Service"]
      where: ["b.retired == true"]
      unless: ["a -[pinned]-> b"]
      delete: [e]
      set: {a.checked: "true"}
  run: retire!

A program says what is done with them: "a; b" in order, "a | b" the first that can,
"a*3" three times, "a!" as long as possible, "a?" if possible. What all of it changes
is one record, which jitos undo takes back.

A rule that says reactive: true fires by itself when the system changes, once it is
switched on: jitos rule add does that, and on and off.`,
		Example: `  jitos rule check rules.yaml
  jitos rule apply -f rules.yaml --dry-run`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.ruleListCmd(), a.ruleCheckCmd(), a.ruleAddCmd(), a.ruleApplyCmd(), a.ruleSwitchCmd(true), a.ruleSwitchCmd(false))
	return cmd
}

func printRules(w io.Writer, rules []wire.Rule) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "RULE\tAT\tPRIORITY\tFIRES\tABOUT")
	for _, r := range rules {
		at := string(r.At)
		if r.Deep {
			at = strings.TrimSuffix(at, "/") + "/**"
		}
		fmt.Fprintf(tw, "%s\t%s\t%d\t%s\t%s\n", printable(r.Name), printable(at), r.Priority, fires(r), printable(r.Doc))
	}
	tw.Flush()
	for _, r := range rules {
		if r.Fault != "" {
			fmt.Fprintf(w, "%s cannot be read: %s\nnext: jitos rule add FILE puts it right, jitos rule check FILE looks first\n", printable(r.Name), printable(r.Fault))
			continue
		}
		if r.Off != "" {
			fmt.Fprintf(w, "%s is off: %s\nnext: jitos rule on %s\n", printable(r.Name), printable(r.Off), r.Name)
		}
	}
}

// fires says whether a rule fires by itself, and how often it has.
func fires(r wire.Rule) string {
	text := "-"
	switch {
	case r.On:
		text = "on"
	case r.Reactive:
		text = "off"
	}
	if r.Fired > 0 {
		text += fmt.Sprintf(", %s, last seq %d", plural(int(r.Fired), "time"), r.Last)
	}
	return text
}

func (a *app) ruleSwitchCmd(on bool) *cobra.Command {
	req := wire.SwitchRuleRequest{On: on}
	cmd := &cobra.Command{
		Use: "on NAME", Short: "Let a rule fire by itself when the system changes", Args: cobra.ExactArgs(1),
		Long: `The rule stands under /rule and says reactive: true. From now on it is matched around
what changes, and applied by records of its own, each directly after the record that it
fires on. What is there already is for jitos rule apply.

It writes where you may, as far as policy lets a rule write, and never where something
is protected. What it may not do switches it off, and so does a set of rules that does
not come to an end: nothing that it did for that record is kept then. jitos rule list
says why. Changed by anybody, it has to be switched on anew.`,
		Example: `  jitos rule on retire`,
	}
	if !on {
		cmd.Use, cmd.Short, cmd.Long, cmd.Example = "off NAME", "Let a rule fire no more", "", `  jitos rule off retire --reason "the migration is over"`
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		req.Name = args[0]
		got, err := c.SwitchRule(cmd.Context(), req)
		if err != nil {
			return err
		}
		return a.show(got, func(w io.Writer) {
			printRules(w, got.Rules)
			if got.Receipt == nil {
				fmt.Fprintln(w, "nothing to do: it is so")
				return
			}
			fmt.Fprintf(w, "seq %d\n", got.Receipt.Seq)
		})
	}
	cmd.Flags().StringVar(&req.Reason, "reason", "", "why, for the log")
	return cmd
}

func (a *app) ruleListCmd() *cobra.Command {
	var view string
	cmd := &cobra.Command{
		Use: "list", Short: "List the rules that stand in the graph", Args: cobra.NoArgs,
		Example: `  jitos rule list
  jitos graph /rule/retire --depth 3`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			got, err := c.Rules(cmd.Context(), view)
			if err != nil {
				return err
			}
			return a.show(got, func(w io.Writer) { printRules(w, got.Rules) })
		},
	}
	cmd.Flags().StringVar(&view, "view", "", "a version: system, sws:ID, seq:N")
	return cmd
}

func (a *app) ruleCheckCmd() *cobra.Command {
	var view string
	cmd := &cobra.Command{
		Use: "check FILE", Short: "Look for what is wrong in a document of rules", Args: cobra.ExactArgs(1),
		Example: `  jitos rule check rules.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := readInput(a.in, args[0])
			if err != nil {
				return err
			}
			c, err := a.clientOrStart(cmd.Context())
			if err != nil {
				return err
			}
			got, err := c.CheckRules(cmd.Context(), wire.RulesDocument{View: view, File: args[0], Text: string(text)})
			if err != nil {
				return err
			}
			return a.show(got, func(w io.Writer) { printRules(w, got.Rules) })
		},
	}
	cmd.Flags().StringVar(&view, "view", "", "the version whose kinds may be named")
	return cmd
}

func (a *app) ruleAddCmd() *cobra.Command {
	var view string
	cmd := &cobra.Command{
		Use: "add FILE", Short: "Keep rules in the graph, under /rule", Args: cobra.ExactArgs(1),
		Long: `A rule takes the place of the one that has its name. Each stands as a graph: its left
side, its right side and its conditions. One that says reactive: true is switched on.`,
		Example: `  jitos rule add rules.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := readInput(a.in, args[0])
			if err != nil {
				return err
			}
			c, err := a.clientOrStart(cmd.Context())
			if err != nil {
				return err
			}
			got, err := c.AddRules(cmd.Context(), wire.RulesDocument{View: view, File: args[0], Text: string(text)})
			if err != nil {
				return err
			}
			return a.show(got, func(w io.Writer) {
				printRules(w, got.Rules)
				if got.Receipt == nil {
					fmt.Fprintln(w, "nothing to do: they stand there so")
					return
				}
				fmt.Fprintf(w, "seq %d\nnext: jitos rule apply %s\n", got.Receipt.Seq, got.Rules[0].Name)
			})
		},
	}
	cmd.Flags().StringVar(&view, "view", "", "system or sws:ID")
	return cmd
}

func (a *app) ruleApplyCmd() *cobra.Command {
	var file string
	var req wire.ApplyRulesRequest
	cmd := &cobra.Command{
		Use: "apply [NAME...] | apply -f FILE", Short: "Match rules, and record what they change",
		Long: `The rules are those of a document, or those under /rule that are named; all if none is.
Without --run and without a program in the document each is applied as long as possible.`,
		Example: `  jitos rule apply retire --dry-run
  jitos rule apply -f rules.yaml --run 'retire*10'
  jitos rule apply --view sws:w12`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if file != "" && len(args) > 0 {
				return &usageError{fmt.Errorf("a document's rules are named by its program\nusage: jitos rule apply -f %s --run '%s!'", file, args[0])}
			}
			if req.Names = args; file != "" {
				text, err := readInput(a.in, file)
				if err != nil {
					return err
				}
				req.File, req.Text = file, string(text)
			}
			c, err := a.clientOrStart(cmd.Context())
			if err != nil {
				return err
			}
			got, err := c.ApplyRules(cmd.Context(), req)
			if err != nil {
				return err
			}
			return a.show(got, func(w io.Writer) { printApplied(w, got, req.DryRun) })
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "rules, as YAML or JSON; - is standard input")
	cmd.Flags().StringVar(&req.Program, "run", "", "the program")
	cmd.Flags().StringVar(&req.View, "view", "", "system or sws:ID; with --dry-run any version")
	cmd.Flags().IntVar(&req.Fuel, "fuel", 0, "how many rules may be applied (0: the most there are)")
	cmd.Flags().BoolVar(&req.DryRun, "dry-run", false, "show what would change, and record nothing")
	cmd.Flags().BoolVar(&req.Explain, "explain", false, "show how each rule is matched")
	cmd.Flags().StringVar(&req.Reason, "reason", "", "why, for the log")
	return cmd
}

func printApplied(w io.Writer, got wire.RulesApplied, dry bool) {
	for _, name := range slices.Sorted(maps.Keys(got.Plans)) {
		fmt.Fprintf(w, "%s\n", printable(name))
		for line := range strings.Lines(got.Plans[name]) {
			fmt.Fprintf(w, "  %s", line)
		}
	}
	for _, op := range got.Ops {
		fmt.Fprintf(w, "%s %s\n", op.Op, printable(string(op.Path)))
	}
	total := 0
	for _, name := range slices.Sorted(maps.Keys(got.Applied)) {
		total += got.Applied[name]
		fmt.Fprintf(w, "%s: %s\n", printable(name), plural(got.Applied[name], "time"))
	}
	switch {
	case got.Receipt != nil:
		fmt.Fprintf(w, "seq %d: %s, digest %s\nnext: jitos undo %d takes it back\n", got.Receipt.Seq, plural(got.Changes, "change"), got.Receipt.Digest, got.Receipt.Seq)
	case total == 0:
		fmt.Fprintln(w, "no rule has a match: nothing changes")
	case dry:
		fmt.Fprintf(w, "%s; nothing was recorded\n", plural(got.Changes, "change"))
	default:
		fmt.Fprintln(w, "what the rules did undoes itself: nothing changes")
	}
}

// plural is "1 change" or "3 changes".
func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

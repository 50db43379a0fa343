package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

func (a *app) slapsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "slaps", Short: "SLAPS documents: what is wanted, where, within which bounds, proven by what",
		Example: "  jitos slaps new FixBug --target ./pkg > fix.yaml\n  jitos slaps check fix.yaml",
	}
	cmd.AddCommand(a.slapsNew(), a.slapsCheck(), a.slapsSchema())
	return cmd
}

func (a *app) slapsNew() *cobra.Command {
	var target string
	cmd := &cobra.Command{
		Use: "new [TASK]", Short: "Write a document for a task, to be filled in; without one list the tasks", Args: cobra.MaximumNArgs(1),
		Example: "  jitos slaps new\n  jitos slaps new FixBug --target ./internal/token > fix.yaml\n  jitos slaps new WriteReport -o json",
		RunE: func(_ *cobra.Command, args []string) error {
			lib, err := library()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return a.show(lib.Tasks(), func(w io.Writer) {
					row(w, "TASK", "PARAMETERS", "SUMMARY")
					for _, t := range lib.Tasks() {
						row(w, t.Name, strings.Join(slices.Sorted(maps.Keys(t.Params)), ", "), cut(t.Summary, 60))
					}
				})
			}
			s, err := lib.Draft(args[0], target)
			if err != nil {
				return wire.NewProblem(rmg.NotFound, "%v", err).WithHint("jitos slaps new lists the tasks")
			}
			if a.machine() {
				return a.json(s)
			}
			task, _ := lib.Task(args[0])
			_, err = io.WriteString(a.out, draftText(s, task))
			return err
		},
	}
	cmd.Flags().StringVar(&target, "target", ".", "what it is about: a repository, a path, a symbol")
	return cmd
}

// draftText is a document as YAML, with what else may stand in one as comments
// that are right once they are none.
func draftText(s tasks.SLAPS, t tasks.TaskInfo) string {
	var b strings.Builder
	b.WriteString("# jitos slaps check FILE says what is wrong in it, jitos plan -f FILE what would be done,\n# jitos intent -f FILE does it.\n")
	fmt.Fprintf(&b, "slaps_version: %q\nintent: %s # %s\ntarget:\n  name: %q\n  # type: folder # repository, folder, file, symbol or environment\n", s.Version, s.Intent, t.Summary, s.Target.Name)
	if len(s.Parameters) > 0 {
		b.WriteString("parameters:\n")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Parameters)) {
		fmt.Fprintf(&b, "  %s: %q # %s\n", name, s.Parameters[name], t.Params[name])
	}
	b.WriteString(`# text: why, in your own words
# context: {environment: staging, ticket_id: AUTH-7, links: ["https://example.com/AUTH-7"]}
# scope: {include: ["internal/**"], exclude: ["**/testdata/**"]} # globs of what may be changed
# constraints: [no change of what others call]
# assumptions: [the tests are right]
# priorities: [few lines]
# success_criteria: # instead of the method's own
#   - {type: command, name: build, value: "go build ./..."}
#   - {type: test, name: all tests, value: "./..."}
#   - {type: file, name: report, value: REPORT.md}
#   - {type: query, name: nothing old, value: "!/**/old.go"}
#   - {type: human, name: style, value: it reads well}
# budget: {wall_ms: 600000, tries: 2}
`)
	return b.String()
}

func (a *app) slapsCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check FILE ...", Short: "Say all that is wrong in documents, each fault with its line and pointer", Args: cobra.MinimumNArgs(1),
		Example: "  jitos slaps check fix.yaml\n  jitos slaps check - -o json < fix.json",
		RunE: func(_ *cobra.Command, args []string) error {
			lib, err := library()
			if err != nil {
				return err
			}
			found := tasks.Violations{}
			for _, name := range args {
				data, err := readInput(a.in, name)
				if err != nil {
					return err
				}
				if _, err := lib.Check(name, data); err != nil {
					v, ok := err.(tasks.Violations)
					if !ok {
						return err
					}
					found = append(found, v...)
				}
			}
			if a.machine() {
				if err := a.json(map[string]any{"violations": found}); err != nil {
					return err
				}
			}
			if len(found) > 0 {
				return found
			}
			if !a.machine() {
				fmt.Fprintf(a.out, "%s: valid\n", strings.Join(args, ", "))
			}
			return nil
		},
	}
}

func (a *app) slapsSchema() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema (2020-12) of documents", Args: cobra.NoArgs,
		Example: "  jitos slaps schema > slaps.schema.json",
		RunE: func(*cobra.Command, []string) error {
			_, err := a.out.Write(tasks.Schema())
			return err
		},
	}
}

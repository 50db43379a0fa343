package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

func (a *app) planCmd() *cobra.Command {
	var file string
	var explain bool
	var facts []string
	var h hddlFlags
	cmd := &cobra.Command{
		Use: "plan -f slaps.json | --domain D.hddl --problem P.hddl", Short: "Plan a SLAPS document or an HDDL problem, without a daemon", Args: cobra.NoArgs,
		Example: "  jitos plan -f slaps.json\n  jitos plan -f slaps.yaml -o dot | dot -Tsvg > plan.svg\n" +
			"  jitos plan -f slaps.json --plans 3\n  jitos plan --domain domain.hddl --problem p01.hddl -o ipc --timeout 30s\n" +
			"  jitos plan --domain domain.hddl --problem now.hddl --resume plan.json --done 3 --failed",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if h.plans < 1 {
				return &usageError{fmt.Errorf("--plans %d: it is one at least", h.plans)}
			}
			if h.domain != "" || h.problem != "" {
				h.explain = explain
				return a.planHDDL(cmd.Context(), h)
			}
			if file == "" {
				return &usageError{fmt.Errorf("-f FILE is missing\nusage: jitos plan -f slaps.json, or jitos plan --domain D.hddl --problem P.hddl")}
			}
			s, err := readSLAPS(a.in, file)
			if err != nil {
				return err
			}
			lib, err := library()
			if err != nil {
				return err
			}
			f := tasks.Facts{"language": "go", "has_tests": true, "has_deploy": true}
			for _, kv := range facts {
				name, value, ok := strings.Cut(kv, "=")
				if !ok {
					return &usageError{fmt.Errorf("--fact %s: use NAME=VALUE", kv)}
				}
				f[name] = factValue(value)
			}
			if h.plans > 1 {
				return a.planSeveral(lib, s, f, h.plans, explain)
			}
			p, err := lib.Plan(s, f)
			if none := (*tasks.NoPlan)(nil); explain && errors.As(err, &none) {
				return a.explainNone(lib, s, f, none)
			}
			if err != nil {
				return err
			}
			return a.printPlanAs(p, explain)
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "a SLAPS document (JSON or YAML; - is standard input)")
	cmd.Flags().BoolVar(&explain, "explain", false, "say why each method was chosen, and others not; or why there is no plan, and what would let there be one")
	cmd.Flags().StringArrayVar(&facts, "fact", nil, "what the planner knows, NAME=VALUE (language=go, has_tests=true, has_deploy=true)")
	h.add(cmd)
	return cmd
}

// methodPlans is what -o json prints of more than one plan of a document.
type methodPlans struct {
	Plans []*tasks.Plan `json:"plans"`
	All   bool          `json:"all"` // there are no others
}

// planSeveral prints plans of a document that differ in what they choose.
func (a *app) planSeveral(lib *tasks.Library, s tasks.SLAPS, f tasks.Facts, n int, explain bool) error {
	plans, all, err := lib.Several(s, f, n)
	if none := (*tasks.NoPlan)(nil); explain && errors.As(err, &none) {
		return a.explainNone(lib, s, f, none)
	}
	if err != nil {
		return err
	}
	if a.machine() {
		return a.json(methodPlans{plans, all})
	}
	for i, p := range plans {
		if a.format == "table" || a.format == "" {
			fmt.Fprintf(a.out, "plan %d, by %s, %s\n", i+1, strings.Join(p.Methods(), ", "), p.Digest[:12])
		}
		if err := a.printPlanAs(p, explain); err != nil {
			return err
		}
	}
	if all && (a.format == "table" || a.format == "") {
		fmt.Fprintln(a.out, "there are no others (proved)")
	}
	return nil
}

// explainNone prints why there is no plan, and is the error that there is none.
func (a *app) explainNone(lib *tasks.Library, s tasks.SLAPS, f tasks.Facts, none *tasks.NoPlan) error {
	why, err := lib.WhyNone(s, f)
	if err != nil {
		return err
	}
	if a.machine() {
		if err := a.json(map[string]any{"task": none.Task, "rejected": none.Rejected, "why": why}); err != nil {
			return err
		}
	} else if why != nil {
		fmt.Fprint(a.out, why)
	}
	return none
}

func factValue(s string) any {
	switch s {
	case "true":
		return true
	case "false":
		return false
	}
	return s
}

func (a *app) printPlanAs(p *tasks.Plan, explain bool) error {
	switch a.format {
	case "json", "jsonl", "yaml":
		return a.json(p)
	case "dot":
		fmt.Fprint(a.out, p.DOT())
	case "mermaid":
		fmt.Fprint(a.out, p.Mermaid())
	case "table", "":
		fmt.Fprintln(a.out, strings.TrimRight(p.Table(), "\n"))
	default:
		return &usageError{fmt.Errorf("-o %s is not known; use table, json, jsonl, yaml, dot or mermaid", a.format)}
	}
	if explain {
		for _, r := range p.Reasons {
			fmt.Fprintf(a.out, "%s: %s %s\n", r.Task, r.Method, r.Because)
			for _, x := range r.Rejected {
				fmt.Fprintf(a.out, "  not %s: %s\n", x.Method, x.Because)
			}
		}
	}
	return nil
}

func (a *app) methodCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "method", Short: "The method library: how intents become plans",
		Example: "  jitos method list\n  jitos method show repair-by-tests",
	}
	cmd.AddCommand(a.methodList(), a.methodShow(), a.methodCheck(), a.methodTest(), a.methodSchema(), a.methodAdd(), a.methodPropose(), a.methodApprove(), a.methodRemove())
	return cmd
}

func (a *app) methodList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the methods and their phrases", Args: cobra.NoArgs,
		Long:    "Lists the library of the daemon, with what was added and what is proposed; without a daemon what is shipped.",
		Example: "  jitos method list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := a.allMethods(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(all.Methods, func(w io.Writer) {
				row(w, "METHOD", "TASK", "PHRASES", "SUMMARY")
				for _, m := range all.Methods {
					row(w, m.Name, m.Task, cut(strings.Join(m.Phrases, " · "), 60), cut(m.Summary, 60))
				}
				for _, m := range all.Proposed {
					row(w, m.Name, "(proposed)", cut(m.Words, 60), "waits for a person: jitos method show "+m.Name)
				}
			})
		},
	}
}

// allMethods is the library of the daemon or, where none runs, what is shipped.
func (a *app) allMethods(ctx context.Context) (wire.MethodsAnswer, error) {
	c, err := a.client()
	if err != nil {
		return wire.MethodsAnswer{}, err
	}
	defer c.Close()
	all, err := c.Methods(ctx)
	if !errors.Is(err, &rmg.Error{Code: rmg.Unavailable}) || a.socket != "" || a.server != "" {
		return all, err
	}
	lib, err := library()
	if err != nil {
		return all, err
	}
	for m := range lib.Methods() {
		all.Methods = append(all.Methods, m)
	}
	return all, nil
}

// methodSource is one method with its source, from where allMethods has it.
func (a *app) methodSource(ctx context.Context, name string) (tasks.MethodInfo, error) {
	c, err := a.client()
	if err != nil {
		return tasks.MethodInfo{}, err
	}
	defer c.Close()
	m, err := c.Method(ctx, name)
	if !errors.Is(err, &rmg.Error{Code: rmg.Unavailable}) || a.socket != "" || a.server != "" {
		return m, err
	}
	lib, err := library()
	if err != nil {
		return m, err
	}
	m, _ = lib.Show(name)
	return m, nil
}

func (a *app) methodShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show a method, or those of a task, or a proposal", Args: cobra.ExactArgs(1),
		Example: "  jitos method show repair-by-tests",
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := a.allMethods(cmd.Context())
			if err != nil {
				return err
			}
			for _, m := range all.Proposed {
				if m.Name == args[0] {
					return a.show(m, func(w io.Writer) {
						tellProposal(w, m)
						fmt.Fprintf(w, "\nby %s, for %s: %q; it plans nothing yet\n", m.Model, m.By, m.Words)
						tellApproval(w, m)
					})
				}
			}
			var list []tasks.MethodInfo
			for _, m := range all.Methods {
				if m.Name != args[0] && m.Task != args[0] {
					continue
				}
				whole, err := a.methodSource(cmd.Context(), m.Name)
				if err != nil {
					return err
				}
				list = append(list, whole)
			}
			if len(list) == 0 {
				return wire.NewProblem(rmg.NotFound, "there is no method, or task, %q", args[0]).WithHint("jitos method list shows them")
			}
			return a.show(list, func(w io.Writer) {
				for _, m := range list {
					fmt.Fprintf(w, "# %s:%d\n%s\n", m.File, m.Line, strings.TrimRight(m.Source, "\n"))
				}
			})
		},
	}
}

func (a *app) methodCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check FILE ...", Short: "Check method files, with the shipped library beside them", Args: cobra.MinimumNArgs(1),
		Example: "  jitos method check my.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			own, err := a.methodSources(args)
			if err != nil {
				return err
			}
			if _, err := loadMethods(own); err != nil {
				return err
			}
			names := make([]string, len(args))
			for i, n := range args {
				names[i] = filepath.Base(n)
			}
			fmt.Fprintf(a.out, "%s: valid\n", strings.Join(names, ", "))
			return nil
		},
	}
}

func (a *app) methodSchema() *cobra.Command {
	var tests bool
	cmd := &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema (2020-12) of method files, or of their tests", Args: cobra.NoArgs,
		Example: "  jitos method schema > methods.schema.json\n  jitos method schema --tests > methodtests.schema.json",
		RunE: func(*cobra.Command, []string) error {
			schema := tasks.MethodsSchema()
			if tests {
				schema = tasks.MethodTestsSchema()
			}
			_, err := a.out.Write(schema)
			return err
		},
	}
	cmd.Flags().BoolVar(&tests, "tests", false, "that of golden tests")
	return cmd
}

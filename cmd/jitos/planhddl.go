package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/tasks/hddl"
	"jitos.dev/tasks/htn"
)

// hddlFlags are those of jitos plan that are about HDDL.
type hddlFlags struct {
	domain, problem string
	nodes           int
	memory          int
	explain         bool
	optimal         bool
	plans           int
	resume          resumeFlags
}

func (f *hddlFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.domain, "domain", "", "an HDDL domain; - is standard input")
	cmd.Flags().StringVar(&f.problem, "problem", "", "an HDDL problem of it; - is standard input")
	cmd.Flags().BoolVar(&f.optimal, "optimal", false, "look on for cheaper plans, by as many nodes again, and say whether there can be none")
	f.resume.add(cmd)
	cmd.Flags().IntVar(&f.plans, "plans", 1, "how many plans to look for that differ in what they choose, and how they differ")
	cmd.Flags().IntVar(&f.memory, "memory", defaultMemory, "how many MiB a search of HDDL may hold; beyond, the verdict is unknown (0: any)")
	cmd.Flags().IntVar(&f.nodes, "nodes", 0, "how many nodes the search may visit (0: the default)")
}

// foundPlan is what -o json prints.
type foundPlan struct {
	Verdict string    `json:"verdict"`
	By      string    `json:"by,omitempty"` // the search that ended it
	Nodes   int       `json:"nodes"`
	Optimal string    `json:"optimal,omitempty"` // "proved", or "unknown (budget)", if it was asked for
	Digest  string    `json:"digest,omitempty"`
	Plan    *htn.Plan `json:"plan,omitempty"`
	DAG     *htn.DAG  `json:"dag,omitempty"` // which actions wait for which: all other orders are plans too
	// Why there is none, with --explain; absent if the search for it met a plan.
	Why *htn.Absence `json:"why,omitempty"`
}

// planHDDL plans a problem in HDDL. Without a plan the exit code is that of a
// failed task, whether it is proven that there is none or not. With --timeout it comes to
// a verdict in time, wherever it is by then.
func (a *app) planHDDL(ctx context.Context, f hddlFlags) error {
	if f.domain == "" || f.problem == "" {
		return &usageError{fmt.Errorf("--domain and --problem go together\nusage: jitos plan --domain D.hddl --problem P.hddl")}
	}
	if !strings.Contains(" ipc json jsonl yaml dot mermaid table ", " "+a.format+" ") {
		return &usageError{fmt.Errorf("-o %s is not known; use table, ipc, json, jsonl, yaml, dot or mermaid", a.format)}
	}
	var texts [2][]byte
	for i, name := range []string{f.domain, f.problem} {
		var err error
		if texts[i], err = readInput(a.in, name); err != nil {
			return err
		}
	}
	limits, stop := newPlanLimits(ctx, f.memory)
	defer stop()
	type answer struct {
		print func() error
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		print, err := a.solve(texts[0], texts[1], f, limits)
		done <- answer{print, err}
	}()
	select {
	case x := <-done:
		if x.err != nil {
			return x.err
		}
		return x.print()
	case <-limits.hard:
		r := &htn.Result{Verdict: htn.Unknown}
		return a.printFound(r, foundPlan{Verdict: r.Verdict.String()}, false, limits)
	}
}

// solve looks for what was asked for, and gives what prints it.
func (a *app) solve(domainText, problemText []byte, f hddlFlags, limits *planLimits) (func() error, error) {
	domain, err := hddl.ReadDomain(f.domain, domainText)
	if err != nil {
		return nil, wire.NewProblem(rmg.Invalid, "%v", err)
	}
	problem, err := hddl.ReadProblem(f.problem, problemText, domain)
	if err != nil {
		return nil, wire.NewProblem(rmg.Invalid, "%v", err)
	}
	opt := htn.Options{Nodes: f.nodes, Stop: limits.stop}
	if f.resume.plan != "" {
		return a.resume(domain, problem, f, opt)
	}
	model, err := htn.Compile(domain, problem)
	if err != nil {
		return nil, wire.NewProblem(rmg.Invalid, "%s: %v", f.problem, err)
	}
	if f.plans > 1 {
		plans, all, err := model.Several(f.plans, opt)
		if err != nil {
			return nil, &usageError{err}
		}
		if len(plans) > 0 {
			return func() error { return a.printSeveral(model, plans, all) }, nil
		}
	}
	r, err := model.Plan(opt)
	if err != nil {
		return nil, &usageError{err}
	}
	optimal := ""
	if f.optimal && r.Plan != nil {
		proven := false
		if r.Plan, proven = model.Cheaper(r.Plan, opt); proven {
			optimal = "proved"
		} else {
			optimal = htn.Unknown.String()
		}
	}
	out := foundPlan{Verdict: r.Verdict.String(), By: r.By, Nodes: r.Nodes, Optimal: optimal, Plan: r.Plan}
	if r.Plan != nil {
		if out.DAG, err = model.DAG(r.Plan); err != nil {
			return nil, fmt.Errorf("the plan that was found is none: %w", err)
		}
	}
	if f.explain && r.Plan == nil {
		if out.Why, err = htn.WhyNone(domain, problem, opt); err != nil {
			return nil, err
		}
	}
	return func() error { return a.printFound(r, out, f.explain, limits) }, nil
}

func (a *app) printFound(r *htn.Result, out foundPlan, explain bool, limits *planLimits) error {
	if r.Plan != nil {
		out.Digest = r.Plan.Digest()
	}
	switch {
	case a.machine():
		if err := a.json(out); err != nil {
			return err
		}
	case r.Plan == nil && out.Why != nil:
		fmt.Fprint(a.out, out.Why)
	case r.Plan == nil:
	case a.format == "ipc":
		fmt.Fprint(a.out, r.Plan.IPC())
	case a.format == "dot":
		fmt.Fprint(a.out, r.Plan.DOT(out.DAG))
	case a.format == "mermaid":
		fmt.Fprint(a.out, r.Plan.Mermaid(out.DAG))
	default:
		fmt.Fprint(a.out, r.Plan.Table())
		fmt.Fprintf(a.out, "cost %d, %d nodes, by %s, plan %s\n", r.Plan.Cost, r.Nodes, r.By, out.Digest[:12])
		if out.Optimal != "" {
			fmt.Fprintf(a.out, "optimal: %s\n", out.Optimal)
		}
	}
	if r.Plan == nil {
		text := out.Verdict
		if r.Verdict == htn.Unknown {
			text += ": " + limits.reason(r.Nodes)
		}
		return &verdictError{&exitError{wire.ExitOf(rmg.GateFailed), text}}
	}
	if explain && !a.machine() {
		fmt.Fprint(a.out, r.Plan.Why())
		fmt.Fprint(a.out, out.DAG.Waits(r.Plan))
	}
	return nil
}

// severalPlans is what -o json prints of more than one.
type severalPlans struct {
	Plans []onePlan `json:"plans"`
	All   bool      `json:"all"` // there are no others
}

type onePlan struct {
	Digest string           `json:"digest"`
	Plan   *htn.Plan        `json:"plan"`
	DAG    *htn.DAG         `json:"dag"`
	Differ []htn.Difference `json:"differs,omitempty"` // from the first
}

func (a *app) printSeveral(model *htn.Model, plans []*htn.Plan, all bool) error {
	out := severalPlans{All: all}
	for _, p := range plans {
		differ, _ := htn.Compare(plans[0], p)
		dag, err := model.DAG(p)
		if err != nil {
			return fmt.Errorf("a plan that was found is none: %w", err)
		}
		out.Plans = append(out.Plans, onePlan{p.Digest(), p, dag, differ})
	}
	if a.machine() {
		return a.json(out)
	}
	for i, p := range out.Plans {
		switch a.format {
		case "ipc":
			fmt.Fprint(a.out, p.Plan.IPC())
			continue
		case "dot":
			fmt.Fprint(a.out, p.Plan.DOT(p.DAG))
			continue
		case "mermaid":
			fmt.Fprint(a.out, p.Plan.Mermaid(p.DAG))
			continue
		}
		fmt.Fprintf(a.out, "plan %d, cost %d, %s\n%s", i+1, p.Plan.Cost, p.Digest[:12], p.Plan.Table())
		for _, d := range p.Differ {
			fmt.Fprintf(a.out, "  %s: %s = %s, and in plan 1 %s = %s\n", orElse(d.Task, "root"), orElse(d.B.Method, "root"), strings.Join(d.B.Steps, ", "), orElse(d.A.Method, "root"), strings.Join(d.A.Steps, ", "))
		}
	}
	if all {
		fmt.Fprintln(a.out, "there are no others (proved)")
	}
	return nil
}

package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/tasks/htn"
)

// resumeFlags are those of jitos plan that are about a plan that has come some way.
type resumeFlags struct {
	plan   string
	done   int
	failed bool
}

func (f *resumeFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.plan, "resume", "", "go on with a plan that -o json printed: the problem's :init is then what is the case now")
	cmd.Flags().IntVar(&f.done, "done", 0, "with --resume: how many of its actions are done")
	cmd.Flags().BoolVar(&f.failed, "failed", false, "with --resume: the action after those has failed, and is not to be tried again")
}

// mendedPlan is what -o json prints of a plan that goes on.
type mendedPlan struct {
	Verdict string      `json:"verdict"`
	How     htn.Mending `json:"how,omitempty"`
	Nodes   int         `json:"nodes"`
	Done    int         `json:"done"` // of the plan's actions
	Kept    int         `json:"kept"`
	Added   []htn.Node  `json:"added,omitempty"`
	Dropped []htn.Node  `json:"dropped,omitempty"`
	Extra   []htn.Node  `json:"extra,omitempty"`
	Plan    *htn.Plan   `json:"plan,omitempty"`
}

func (a *app) resume(d *htn.Domain, p *htn.Problem, f hddlFlags, opt htn.Options) (func() error, error) {
	data, err := readInput(a.in, f.resume.plan)
	if err != nil {
		return nil, err
	}
	var was struct{ Plan *htn.Plan }
	if err := json.Unmarshal(data, &was); err != nil || was.Plan == nil {
		return nil, wire.NewProblem(rmg.Invalid, "%s has no plan as jitos plan -o json prints it", f.resume.plan)
	}
	if f.resume.done < 0 || f.resume.done > was.Plan.Actions {
		return nil, &usageError{fmt.Errorf("--done %d: the plan has %d actions", f.resume.done, was.Plan.Actions)}
	}
	at := htn.Progress{State: p.Init}
	for k := range f.resume.done {
		at.Done = append(at.Done, k)
	}
	if f.resume.failed {
		at.Failed = []int{f.resume.done}
	}
	m, err := htn.Repair(d, p, was.Plan, at, opt)
	if err != nil {
		return nil, wire.NewProblem(rmg.Invalid, "%s: %v", f.resume.plan, err)
	}
	return func() error { return a.printMended(m) }, nil
}

func (a *app) printMended(m *htn.Mended) error {
	out := mendedPlan{m.Verdict.String(), m.How, m.Nodes, m.Done, m.Kept, m.Added, m.Dropped, m.Extra, m.Plan}
	switch {
	case a.machine():
		if err := a.json(out); err != nil {
			return err
		}
	case m.Plan == nil:
	case a.format == "ipc":
		fmt.Fprint(a.out, m.Plan.IPC())
	case a.format == "dot":
		fmt.Fprint(a.out, m.Plan.DOT(nil))
	case a.format == "mermaid":
		fmt.Fprint(a.out, m.Plan.Mermaid(nil))
	default:
		fmt.Fprint(a.out, m.Plan.Table())
		fmt.Fprintf(a.out, "%s: %d actions are done, %d of those to come were planned before\n", m.How, m.Done, m.Kept)
		for _, s := range []struct {
			what string
			list []htn.Node
		}{{"new", m.Added}, {"no more", m.Dropped}, {"done in vain", m.Extra}} {
			for _, n := range s.list {
				fmt.Fprintf(a.out, "  %s: %s\n", s.what, n)
			}
		}
	}
	if m.Plan == nil {
		return &verdictError{&exitError{wire.ExitOf(rmg.GateFailed), out.Verdict}}
	}
	return nil
}

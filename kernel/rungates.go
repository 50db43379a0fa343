package kernel

import (
	"context"
	"fmt"
	"slices"

	"jitos.dev/rmg"
	"jitos.dev/work"
)

// GateRun asks for gates to be run without a collapse.
type GateRun struct {
	Dir   string   // a folder in the repository
	Space string   // a workspace to be judged as if it collapsed now; empty for the branch as it is
	Names []string // those gates only; empty for all
}

// RunGates runs the gates of a branch, on its head or on what a workspace comes
// to there, and returns their evidence. Nothing changes but what is known of
// these bytes.
func (k *Kernel) RunGates(ctx context.Context, c Caller, r GateRun, emit func(work.Event)) ([]work.Evidence, error) {
	if err := c.needs(CapExec, "gates", ""); err != nil {
		return nil, err
	}
	root, _, err := k.branchIn(ctx, r.Dir)
	if err != nil {
		return nil, err
	}
	job := &collapse{space: r.Space, author: c.Name, root: root, byHand: true, caller: c, emit: emit}
	cand, err := k.wouldBe(job)
	if err != nil {
		return nil, err
	}
	job.gates = repoGates(cand.next, changedFiles(cand.base, cand.next))
	gates, err := named(k.gatesOn(job, cand), r.Names)
	if err != nil {
		return nil, err
	}
	lane, free, err := k.queueOf(root).lane(ctx)
	if err != nil {
		return nil, err
	}
	defer free()
	v, err := k.proveCandidate(ctx, job, cand, gates, lane)
	return v.evidence, err
}

// wouldBe is what a collapse would come to at this moment; without a workspace
// the branch as it is.
func (k *Kernel) wouldBe(c *collapse) (candidate, error) {
	world := k.now().world
	if c.space == "" {
		tree, err := treeAt(world, c.root)
		return candidate{from: world, merged: world, base: tree, next: tree}, err
	}
	if err := k.within(c.caller, c.space); err != nil {
		return candidate{}, err
	}
	cand, conflicts, err := k.prepare(c, world)
	if err == nil {
		err = conflictError(c.space, conflicts)
	}
	return cand, err
}

// named are the gates of some names; all without any. NotFound: there is none of
// one of them.
func named(gates []work.Gate, names []string) ([]work.Gate, error) {
	for _, n := range names {
		if !slices.ContainsFunc(gates, func(g work.Gate) bool { return g.Name == n }) {
			return nil, &rmg.Error{Op: "gates", Code: rmg.NotFound, Msg: fmt.Sprintf("there is no gate %q here", n), Hint: "jitos gates list shows them"}
		}
	}
	return slices.DeleteFunc(gates, func(g work.Gate) bool { return len(names) > 0 && !slices.Contains(names, g.Name) }), nil
}

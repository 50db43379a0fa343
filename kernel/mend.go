package kernel

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// The props of a process that its plan is mended by.
const (
	propTree    = "tree"    // how the plan was found, as JSON
	propRefused = "refused" // what failed and is not tried again, as JSON
)

// maxMends is how many tasks of a process may fail for good before it does.
const maxMends = 16

// mend looks for another way for a process of which a task failed for good: a plan in
// which all that is done stays done, and what failed is not tried again. What the
// failed task wrote is taken back first. It reports whether the process goes on.
//
// It does not where a person said no or a proof is red, where something has to be
// undone (on_fail), in a race, which has its other attempts, where a limit or a cancel
// ended the task, where it wanted something that it has no right to, and where it could
// not be run at all: only what a worker says it could not do is done another way.
func (k *Kernel) mend(ctx context.Context, r *run, err error) (bool, error) {
	if err == nil || ctx.Err() != nil || isLimit(err) || r.isStuck() {
		return false, nil
	}
	p, perr := k.Process(r.id)
	if perr != nil || !goesOn(p) || len(p.owed()) > 0 || len(p.refused) >= maxMends {
		return false, nil
	}
	var failed []string
	for _, t := range p.Tasks {
		if t.State != resultFailed {
			continue
		}
		if t.Worker == workerKernel || t.Worker == workerHuman || t.Closes != "" {
			return false, nil
		}
		failed = append(failed, t.ID)
	}
	if len(failed) == 0 {
		return false, nil
	}
	m, merr := k.otherWay(p, failed, p.refused)
	if merr != nil {
		k.say(r, work.Event{Text: "there is no other way: " + firstLine(merr.Error())})
		return false, nil
	}
	for _, id := range failed {
		if err := k.takeBackTask(ctx, p, id); err != nil {
			return false, err
		}
	}
	says := fmt.Sprintf("%s failed (%s); it goes on by %s", strings.Join(failed, ", "), firstLine(err.Error()), namesOf(m))
	_, rerr := k.systemWith(ctx, "kernel", p.ID, says, func(f *fold, _ uint64) ([]rewrite.Op, error) { return f.mendOps(p, m, true) })
	if rerr != nil {
		return false, rerr
	}
	k.say(r, work.Event{Text: says})
	return true, nil
}

// namesOf are the tasks that a mended plan has and the one before had not.
func namesOf(m *tasks.Mended) string {
	if len(m.Added) == 0 {
		return "what was left"
	}
	return strings.Join(m.Added, ", ")
}

// otherWay plans how a process goes on from what is done, with what is known now. The
// error is that there is no way, or none that it may go.
func (k *Kernel) otherWay(p Process, failed []string, refused []tasks.Did) (*tasks.Mended, error) {
	if len(p.Lanes) > 0 || p.back != nil || p.Plan == nil || p.Plan.Tree == nil {
		return nil, &rmg.Error{Op: "mend", Code: rmg.Invalid, Msg: p.ID + " is a race, or on its way back, or began before plans could be mended"}
	}
	s, ok := k.space(p.Workspace)
	if !ok {
		return nil, noSpace(p.Workspace)
	}
	tree, err := treeAt(s.last().world, p.root())
	if err != nil {
		return nil, err
	}
	lib, err := k.library()
	if err != nil {
		return nil, err
	}
	at := tasks.Progress{Failed: failed, Refused: refused}
	for _, t := range p.Tasks {
		if t.State == resultOK || t.State == resultNothing {
			at.Done = append(at.Done, t.ID)
		}
	}
	// What can be seen is as it is seen, whatever tasks were to bring about.
	seen := k.facts(tree)
	at.Facts = lib.After(seen, p.Plan, at.Done)
	for name, v := range seen {
		at.Facts[name] = v
	}
	m, err := lib.Mend(p.SLAPS, p.Plan, at)
	if err != nil {
		return nil, err
	}
	if err := k.canTravel(p.SLAPS, m.Plan); err != nil {
		return nil, err
	}
	for _, t := range m.Plan.All() {
		if err := mayBegin(p.Rights, t); err != nil {
			return nil, err
		}
	}
	for _, g := range rightsOf(p.SLAPS, m.Plan, nil).Adds {
		if !slices.Contains(p.Rights.Adds, g) {
			return nil, &rmg.Error{Op: "mend", Code: rmg.Denied, Msg: fmt.Sprintf("the other way may add files at %s, which nobody has granted", g)}
		}
	}
	return m, nil
}

// mendOps put a mended plan in the place of a process's. Tasks of the old one that
// were tried stay in its inner graph, with their attempts; the others are removed.
func (f *fold) mendOps(p Process, m *tasks.Mended, remember bool) ([]rewrite.Op, error) {
	at := procPath(p.ID)
	e, ok := f.ledger.Get(at)
	if !ok {
		return nil, &rmg.Error{Op: "mend", Path: at, Code: rmg.NotFound, Msg: "the process is gone"}
	}
	rights := p.Rights
	next := rightsOf(p.SLAPS, m.Plan, nil)
	rights.Workers, rights.Write = union(rights.Workers, next.Workers), union(rights.Write, next.Write)
	props := map[string]rmg.Value{}
	if len(wordsOf(Process{Plan: m.Plan, SLAPS: p.SLAPS}.criteria())) > 0 {
		props["approve"] = rmg.String(approveAsk)
	}
	for name, v := range map[string]any{"plan": m.Plan, propTree: m.Plan.Tree, "rights": rights, propRefused: m.Refused} {
		if name == propRefused && !remember {
			continue
		}
		data, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		props[name] = rmg.String(string(data))
	}
	ops := []rewrite.Op{setOp(at, props)}
	for _, t := range slices.Concat(p.Plan.Tasks, p.Plan.Finally) {
		for _, n := range t.Needs {
			ops = append(ops, rewrite.Op{Op: rewrite.Remove, Path: at.EdgeChild(t.ID + " needs " + n)})
		}
	}
	keep := map[string]bool{}
	for _, t := range m.Plan.All() {
		keep[t.ID] = true
	}
	there := map[string]bool{}
	for _, t := range p.Plan.All() {
		n, has := e.Graph.Node(t.ID)
		if _, tried := lastAttempt(n.Graph); has && tried == 0 && !keep[t.ID] {
			ops = append(ops, rewrite.Op{Op: rewrite.Remove, Path: at.Child(t.ID), Cascade: true})
			continue
		}
		there[t.ID] = has
	}
	for _, op := range planOps(at, m.Plan) {
		if op.Op == rewrite.AddNode && there[op.Path.Base().ID] {
			continue
		}
		ops = append(ops, op)
	}
	return ops, nil
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, x := range b {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// takeBackTask takes what a failed task wrote out of its process's workspace, record by
// record from the last. Conflict: others have written over it since.
func (k *Kernel) takeBackTask(ctx context.Context, p Process, task string) error {
	cause := p.ID + "/" + task
	view := Version{Space: p.Workspace}
	s, ok := k.space(p.Workspace)
	if !ok {
		return noSpace(p.Workspace)
	}
	var wrote []uint64
	for r, err := range k.Records(s.forked+1, k.now().seq) {
		if err != nil {
			return err
		}
		if r.View == view.String() && r.Cause == cause {
			wrote = append(wrote, r.Seq)
		}
	}
	if len(wrote) == 0 {
		return nil
	}
	now := s.last()
	next := now.world
	for _, seq := range slices.Backward(wrote) {
		before, err := k.openHead(Version{Space: p.Workspace, At: seq - 1})
		if err != nil {
			return err
		}
		after, err := k.openHead(Version{Space: p.Workspace, At: seq})
		if err != nil {
			return err
		}
		merged, conflicts, err := k.merge(rmg.MergeInput{Base: after.world, System: next, Workspace: before.world})
		if err != nil {
			return err
		}
		if len(conflicts) > 0 {
			return &rmg.Error{Op: "mend", Path: conflicts[0].Path, Code: rmg.Conflict, Msg: "what " + task + " wrote was written over since, and cannot be taken back"}
		}
		next = merged
	}
	ops := rewrite.Between(now.world, next, rmg.Root)
	if len(ops) == 0 {
		return nil
	}
	_, err := k.rewrite(ctx, "kernel", p.ID, view, rewrite.Rewrite{Ops: ops, Expect: rewrite.Expect{Seq: now.seq}, Reason: "what " + task + " wrote is taken back: it failed"})
	return err
}

// readTree reads how a plan was found, and what is not to be tried again.
func readTree(p rmg.Props, plan *tasks.Plan) (refused []tasks.Did) {
	var tree tasks.Tree
	if json.Unmarshal([]byte(p.String(propTree)), &tree) == nil && tree.Plan != nil && len(tree.Actions) == len(plan.Tasks) {
		plan.Tree = &tree
	}
	_ = json.Unmarshal([]byte(p.String(propRefused)), &refused) // of this program's own writing; absent for most
	return refused
}

package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// maxRounds is how often a proof may be overtaken by the head before the
// branch's queue is held for it.
const maxRounds = 3

// collapse is one workspace on its way into its parent.
type collapse struct {
	process string // carries outcome and evidence; empty if no repository is concerned
	space   string
	author  string
	cause   string
	reason  string
	root    rmg.Path // branch concerned; empty if none
	top     string
	branch  string
	land    string
	gates   []work.Gate
	rights  work.Rights
	byHand  bool
	emit    func(work.Event)
	done    []rewrite.Op  // ledger ops that go into the record with it
	caller  Caller        // who collapses by hand
	ask     bool          // a person approves whatever policy says
	limit   time.Duration // of each proof; 0 is none

	judged rmg.Graph       // the world whose policy approve went by
	answer []work.Evidence // a person's approval, if one was needed
}

// candidate is the outcome of merging, immutable.
type candidate struct {
	from   version // the head it was merged with
	head   uint64  // seq of the workspace's last rewrite in it
	merged rmg.Graph
	moved  bool // the head had moved since the fork
	base   rmg.Graph
	next   rmg.Graph // the branch's tree before and after; empty without a branch
}

// prepare merges the workspace with the head of this moment.
func (k *Kernel) prepare(c *collapse) (candidate, []rmg.MergeConflict, error) {
	s, ok := k.space(c.space)
	if !ok {
		return candidate{}, nil, noSpace(c.space)
	}
	now := k.now()
	h := s.last()
	merged, conflicts, err := k.merge(rmg.MergeInput{Base: s.base, System: now.world, Workspace: h.world, WorkspaceMoves: h.moves})
	if err != nil || len(conflicts) > 0 {
		return candidate{}, conflicts, err
	}
	out := candidate{from: now, head: h.seq, merged: merged, moved: !s.base.Same(now.world)}
	if c.root != "" {
		if out.base, err = treeAt(now.world, c.root); err != nil {
			return candidate{}, nil, err
		}
		if out.next, err = treeAt(merged, c.root); err != nil {
			return candidate{}, nil, err
		}
	}
	return out, nil, nil
}

// collapse runs the three steps, over again while the head moves: prepare and
// prove outside the branch's queue, commit and land inside it. After maxRounds
// the queue is held while proving, so that it ends.
func (k *Kernel) collapse(ctx context.Context, c *collapse) (Collapsed, error) {
	var out Collapsed
	for round := 1; ; round++ {
		again, err := k.collapseRound(ctx, c, round, &out)
		if err != nil || !again {
			return out, err
		}
		if c.emit != nil {
			c.emit(work.Event{Text: fmt.Sprintf("the head moved; proving again on what it is now (round %d)", round+1)})
		}
	}
}

// collapseRound is one round; it reports whether another one is needed.
func (k *Kernel) collapseRound(ctx context.Context, c *collapse, round int, out *Collapsed) (again bool, err error) {
	hold := round > maxRounds
	unlock := func() {}
	defer func() { unlock() }()
	if hold && c.root != "" {
		if unlock, err = k.lockBranch(ctx, c.root); err != nil {
			return false, err
		}
	}
	if err := k.syncRound(ctx, c, hold); err != nil {
		return false, err
	}
	cand, conflicts, err := k.prepare(c)
	if err != nil {
		return false, err
	}
	if len(conflicts) > 0 {
		unlock() // a person may take days
		unlock = func() {}
		out.Conflicts = conflicts
		err := k.askConflict(ctx, c, conflicts)
		return err == nil, err
	}
	out.Merged, out.Conflicts, out.Evidence = cand.moved, nil, nil
	if c.root != "" {
		if out.Evidence, err = k.proveRound(ctx, c, cand, round); err != nil {
			return false, err
		}
		if hold && !k.settled(c, cand, out.Evidence) {
			unlock() // as above: no queue is held for an answer
			unlock, hold = func() {}, false
		}
	}
	if err := k.approve(ctx, c, cand, out.Evidence); err != nil {
		return false, err
	}
	out.Evidence = append(out.Evidence, c.answer...)
	if c.root != "" {
		if !hold {
			if unlock, err = k.lockBranch(ctx, c.root); err != nil {
				return false, err
			}
			if err := k.syncRound(ctx, c, true); err != nil {
				return false, err
			}
		}
		now, conflicts, err := k.prepare(c)
		if err != nil {
			return false, err
		}
		if len(conflicts) > 0 || !samePolicy(now.from.world, c.judged) {
			return true, nil
		}
		if !now.base.Same(cand.base) || !now.next.Same(cand.next) {
			return true, nil
		}
		cand = now
	}
	rec, landTo, err := k.commitCollapse(ctx, c, cand, out.Evidence)
	if errors.Is(err, errHeadMoved) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	out.Seq, out.Digest = rec.Seq, rec.Digest
	if landTo == nil {
		return false, nil
	}
	return k.land(ctx, c, *landTo, round, out)
}

// syncRound brings the branch in, taking its queue unless it is held.
func (k *Kernel) syncRound(ctx context.Context, c *collapse, held bool) error {
	if c.root == "" {
		return nil
	}
	if !held {
		unlock, err := k.lockBranch(ctx, c.root)
		if err != nil {
			return err
		}
		defer unlock()
	}
	_, err := k.syncLocked(ctx, c.top, c.branch, c.root)
	return err
}

// proveRound runs the gates, records the proof with the process, and fails if
// one is red.
func (k *Kernel) proveRound(ctx context.Context, c *collapse, cand candidate, round int) ([]work.Evidence, error) {
	within, cancel := ctx, func() {}
	if c.limit > 0 {
		within, cancel = context.WithTimeout(ctx, c.limit)
	}
	defer cancel()
	list, err := k.prove(within, k.proofOf(c, cand))
	if err != nil {
		if ctx.Err() == nil && errors.Is(within.Err(), context.DeadlineExceeded) {
			err = &rmg.Error{Op: "prove", Code: rmg.GateFailed, Msg: fmt.Sprintf("the proof did not end within %s", c.limit)}
		}
		return nil, err
	}
	var red []string
	for _, e := range list {
		if c.emit != nil {
			c.emit(work.Event{Text: gateLine(e), Data: map[string]any{"gate": e.Gate, "green": e.Green, "millis": e.Millis}})
		}
		if !e.Green {
			red = append(red, e.Gate+": "+e.Reason)
		}
	}
	if len(red) == 0 {
		return list, nil
	}
	if c.process != "" {
		if err := k.recordRed(ctx, c, list, round); err != nil {
			return list, err
		}
	}
	return list, &rmg.Error{Op: "collapse", Code: rmg.GateFailed, Msg: fmt.Sprintf("red: %s", some(red)), Hint: "jitos show " + orText(c.process, c.space) + " has the evidence"}
}

// proofOf is what a candidate's gates are judged on.
func (k *Kernel) proofOf(c *collapse, cand candidate) proof {
	segs := c.root.Segments()
	return proof{
		name: "gate/" + string(rmg.Root.Child(segs[1].ID))[1:] + "/" + string(rmg.Root.Child(segs[2].ID))[1:],
		base: cand.base, next: cand.next, gates: c.gates, rights: c.rights, byHand: c.byHand, emit: c.emit,
		head: cand.from.world, root: c.root, who: k.collapser(c),
	}
}

func gateLine(e work.Evidence) string {
	mark := "red  "
	if e.Green {
		mark = "green"
	}
	line := fmt.Sprintf("%s %s: %s", mark, e.Gate, e.Reason)
	if e.Reused {
		line += " (proven before on the same bytes)"
	}
	return line
}

// recordRed keeps the evidence of a proof that failed.
func (k *Kernel) recordRed(ctx context.Context, c *collapse, list []work.Evidence, round int) error {
	_, err := k.systemWith(context.WithoutCancel(ctx), "kernel", c.process, "gates are red", func(f *fold, _ uint64) ([]rewrite.Op, error) {
		return c.proofOps(f, list, round)
	})
	return err
}

// proofOps puts evidence and the number of rounds into the process.
func (c *collapse) proofOps(f *fold, list []work.Evidence, round int) ([]rewrite.Op, error) {
	at := procPath(c.process)
	e, ok := f.ledger.Get(at)
	if !ok {
		return nil, &rmg.Error{Op: "collapse", Path: at, Code: rmg.NotFound, Msg: "the process is gone"}
	}
	ops, err := evidenceOps(at, e.Graph, list)
	return append(ops, setOp(at, map[string]rmg.Value{"rounds": rmg.Int(int64(round))})), err
}

// landing is what a collapse record leaves to be done in the repository.
type landing struct {
	seq       uint64
	old, next rmg.Graph
	tip       string
}

// commitCollapse is the commit step, in the writer: one record holds the change
// that was proven, the outcome and the evidence. errHeadMoved if the workspace
// was written to since the merge, or the head where the change stands.
func (k *Kernel) commitCollapse(ctx context.Context, c *collapse, cand candidate, list []work.Evidence) (Receipt, *landing, error) {
	var land *landing
	world := rewrite.Between(cand.from.world, cand.merged, rmg.Root)
	side := c.root != "" && c.land != landCommit
	if side {
		// It stands on a branch of its own; the person's branch stays.
		world = append(withoutBranch(world, c.root), c.sideOps(cand)...)
	}
	rec, err := k.systemWith(ctx, c.author, c.cause, c.reason, func(f *fold, seq uint64) ([]rewrite.Op, error) {
		if err := f.spaceIs(c.space, spaceOpen); err != nil {
			return nil, err
		}
		if own, ok := f.lookup(c.space); !ok || own.last().seq != cand.head {
			return nil, errHeadMoved
		}
		// Others may have written elsewhere since the merge: the ops say what
		// changes, and apply to that. Where they wrote to the same elements it
		// is not this candidate that was merged.
		if !samePolicy(f.world, c.judged) || !f.world.Same(cand.from.world) && overlaps(cand.from.world, f.world, world) {
			return nil, errHeadMoved
		}
		ops := append([]rewrite.Op{}, world...)
		ops = append(ops, setOp(swsPath(c.space), map[string]rmg.Value{"collapsed": rmg.Int(int64(seq))}))
		ops = append(ops, c.done...)
		if c.process != "" {
			more, err := c.proofOps(f, list, 0)
			if err != nil {
				return nil, err
			}
			ops = append(ops, more[:len(more)-1]...)
			ops = append(ops, setOp(procPath(c.process), map[string]rmg.Value{"collapse": rmg.Int(int64(seq))}))
		}
		return ops, nil
	})
	if err != nil {
		return Receipt{}, nil, err
	}
	if c.root != "" && c.land != landNone && !cand.base.Same(cand.next) {
		e, _ := cand.from.world.Get(c.root)
		land = &landing{seq: rec.Seq, old: cand.base, next: cand.next, tip: e.Props.String(propGitBase)}
	}
	return rec, land, nil
}

// errHeadMoved asks for the merge to be done again; it is never answered.
var errHeadMoved = &rmg.Error{Op: "collapse", Code: rmg.Stale, Msg: "the head moved during the commit"}

// overlaps reports whether what changed between two worlds touches what ops
// touch.
func overlaps(from, to rmg.Graph, ops []rewrite.Op) bool {
	fp := rewrite.FootprintOf(ops)
	return fp.Conflicts(rewrite.FootprintOf(rewrite.Between(from, to, rmg.Root)))
}

// sideOps puts the candidate's tree on the branch jitos/<process>.
func (c *collapse) sideOps(cand candidate) []rewrite.Op {
	at := c.sidePath()
	var ops []rewrite.Op
	old := rmg.Graph{}
	if e, ok := cand.from.world.Get(at); ok {
		old = e.Graph
	} else {
		ops = append(ops, addOp(at, rewrite.KindDir, nil))
	}
	return append(ops, branchOps(at, old, cand.next)...)
}

// sidePath is /repo/<name>/jitos%2F<process>.
func (c *collapse) sidePath() rmg.Path { return c.root.Parent().Child("jitos/" + c.process) }

// withoutBranch leaves out the ops at and below a branch.
func withoutBranch(ops []rewrite.Op, root rmg.Path) []rewrite.Op {
	return slices.DeleteFunc(slices.Clone(ops), func(op rewrite.Op) bool { return root.Has(op.Path) })
}

func conflictError(space string, list []rmg.MergeConflict) error {
	if len(list) == 0 {
		return nil
	}
	return &rmg.Error{
		Op: "collapse", Path: list[0].Path, Code: rmg.Conflict, Msg: fmt.Sprintf("%s, first: %s", plural(len(list), "conflict"), list[0].Reason),
		Hint: "jitos sws diff " + space + " shows the workspace's side",
	}
}

func orError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// Collapse merges a workspace made by hand into its parent. If it changes a
// repository, a process carries the change: it is proven by the gates of the
// repository's language and lands like any other.
func (k *Kernel) Collapse(ctx context.Context, c Caller, id, land string) (Collapsed, error) {
	s, ok := k.space(id)
	e, has := k.now().ledger.Get(swsPath(id))
	if !ok || !has {
		return Collapsed{}, noSpace(id)
	}
	if err := k.within(c, id); err != nil {
		return Collapsed{}, err
	}
	if err := c.needs(CapCollapse, "collapse", swsPath(id)); err != nil {
		return Collapsed{}, err
	}
	if st := spaceState(e.Props); st != spaceOpen {
		return Collapsed{}, &rmg.Error{Op: "collapse", Path: swsPath(id), Code: rmg.Conflict, Msg: "the workspace is " + st}
	}
	if p := e.Props.String("process"); p != "" {
		return Collapsed{}, &rmg.Error{Op: "collapse", Path: swsPath(id), Code: rmg.Denied, Msg: "it belongs to process " + p + ", which collapses it when its gates are green", Hint: "fork it: jitos sws new --from sws:" + id}
	}
	job := &collapse{space: id, author: c.Name, cause: id, reason: "collapse of " + id, land: orText(land, landCommit), byHand: true, caller: c}
	v, err := ParseVersion(e.Props.String("from"))
	if err != nil {
		return Collapsed{}, err
	}
	if v.Space != "" {
		return k.collapseInto(ctx, job, v.Space, s)
	}
	if job.root, err = soleBranch(s); err != nil {
		return Collapsed{}, err
	}
	if job.root == "" {
		return k.collapse(ctx, job)
	}
	return k.collapseByHand(ctx, c, job, s)
}

// collapseInto merges a workspace into the workspace it was forked from.
func (k *Kernel) collapseInto(ctx context.Context, c *collapse, parent string, s *space) (Collapsed, error) {
	ps, ok := k.space(parent)
	if !ok {
		return Collapsed{}, noSpace(parent)
	}
	old := ps.last()
	next, conflicts, err := k.merge(rmg.MergeInput{Base: s.base, System: old.world, Workspace: s.last().world, WorkspaceMoves: s.last().moves})
	if err != nil {
		return Collapsed{}, err
	}
	if len(conflicts) > 0 {
		return Collapsed{Conflicts: conflicts}, conflictError(c.space, conflicts)
	}
	rec := Receipt{Seq: old.seq, Digest: old.world.Digest()}
	if ops := rewrite.Between(old.world, next, rmg.Root); len(ops) > 0 {
		rec, err = k.rewrite(ctx, c.author, c.cause, Version{Space: parent}, rewrite.Rewrite{Ops: ops, Reason: c.reason, Expect: rewrite.Expect{Seq: old.seq}})
		if err != nil {
			return Collapsed{}, err
		}
	}
	_, err = k.systemWith(ctx, c.author, c.cause, c.reason, func(f *fold, _ uint64) ([]rewrite.Op, error) {
		if err := f.spaceIs(c.space, spaceOpen); err != nil {
			return nil, err
		}
		return []rewrite.Op{setOp(swsPath(c.space), map[string]rmg.Value{"collapsed": rmg.Int(int64(rec.Seq))})}, nil
	})
	return Collapsed{Seq: rec.Seq, Digest: rec.Digest, Merged: !s.base.Same(old.world)}, err
}

// soleBranch returns the branch that a workspace changes; more than one is
// refused, since a record lands in one repository.
func soleBranch(s *space) (rmg.Path, error) {
	var root rmg.Path
	for c := range rmg.Diff(s.base, s.last().world) {
		b, ok := branchOf(c.Path)
		if !ok {
			continue
		}
		if root != "" && root != b {
			return "", &rmg.Error{Op: "collapse", Code: rmg.Invalid, Msg: fmt.Sprintf("the workspace changes both %s and %s", root, b), Hint: "use a workspace for each"}
		}
		root = b
	}
	return root, nil
}

// collapseByHand makes the process that carries a person's own change.
func (k *Kernel) collapseByHand(ctx context.Context, c Caller, job *collapse, s *space) (Collapsed, error) {
	segs := job.root.Segments()
	e, ok := k.now().world.Get(repoRoot.Child(segs[1].ID))
	if !ok {
		return Collapsed{}, &rmg.Error{Op: "collapse", Path: job.root, Code: rmg.NotFound, Msg: "the repository is not known"}
	}
	job.top, job.branch = e.Props.String(propOrigin), segs[2].ID
	before, _ := treeAt(s.base, job.root)
	after, err := treeAt(s.last().world, job.root)
	if err != nil {
		return Collapsed{}, err
	}
	job.gates = repoGates(after, changedFiles(before, after))
	p := Process{
		Text: "Collapse " + job.space, Owner: c.Name, Branch: job.branch, Top: job.top, Base: "", Land: job.land, Workspace: job.space,
		SLAPS: tasks.SLAPS{Version: "1", Intent: "Collapse", Target: tasks.TargetRef{Name: segs[1].ID, Type: "repository", Ref: string(job.root)}},
	}
	id, err := k.recordByHand(ctx, p, job.root)
	if err != nil {
		return Collapsed{}, err
	}
	job.process = id
	out, err := k.collapse(ctx, job)
	out.Process = id
	if err != nil {
		if p, perr := k.Process(id); perr == nil && p.Status == "waiting" && ctx.Err() != nil {
			return out, err // the daemon stops; the question stands
		}
		return out, orError(k.recordFailure(id, err, 0), err)
	}
	return out, k.recordEnd(id, out, 0)
}

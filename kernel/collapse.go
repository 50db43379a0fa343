package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// collapse is one workspace on its way into its parent.
type collapse struct {
	process string // carries outcome and evidence; empty if no repository is concerned
	arrival uint64 // seq of the record that asked for it
	space   string
	author  string
	cause   string
	reason  string
	root    rmg.Path // branch concerned; empty if none
	top     string
	branch  string
	land    string
	gates   []work.Gate
	hooks   Hooks
	to      Target // where beyond the repository it goes, if a pre-push hook is asked
	rights  work.Rights
	byHand  bool
	strict  bool // serializable: what the workspace read counts as well as what it wrote
	emit    func(work.Event)
	done    []rewrite.Op  // ledger ops that go into the record with it
	caller  Caller        // who collapses by hand
	once    Once          // what the request for it is known by
	ask     bool          // a person approves whatever policy says
	words   []string      // what a person has to judge: see wordsOf
	limit   time.Duration // of each proof; 0 is none

	judged rmg.Graph       // the world whose policy approve went by
	answer []work.Evidence // a person's approval, if one was needed
}

// candidate is the outcome of merging, immutable.
type candidate struct {
	from   rmg.Graph // the world it was merged with
	head   uint64    // seq of the workspace's last rewrite in it
	merged rmg.Graph
	moved  bool // the head had moved since the fork
	base   rmg.Graph
	next   rmg.Graph // the branch's tree before and after; empty without a branch

	compared func() []rmg.Change // what changes says, found once; nil: each time
	digested chan struct{}       // closed when merged has its digest; nil: nobody computes it
}

// changes lists what differs from the head that it was merged with.
func (c candidate) changes() []rmg.Change {
	if c.compared != nil {
		return c.compared()
	}
	return slices.Collect(rmg.Diff(c.from, c.merged))
}

// prepare merges the workspace with a head of the world.
func (k *Kernel) prepare(c *collapse, head rmg.Graph) (candidate, []rmg.MergeConflict, error) {
	s, ok := k.space(c.space)
	if !ok {
		return candidate{}, nil, noSpace(c.space)
	}
	h := s.last()
	out := candidate{from: head, head: h.seq, moved: !s.base.Same(head)}
	var reads []rmg.Path
	if c.strict {
		reads = k.mayHaveRead(c).against(s.base, head)
	}
	merged, conflicts, err := k.mergeSpace(s, Version{}, head, reads)
	if err != nil || len(conflicts) > 0 {
		return out, conflicts, err
	}
	out.merged = merged
	out.compared = sync.OnceValue(candidate{from: head, merged: merged}.changes)
	out.digest()
	if c.root != "" {
		if out.base, err = treeAt(head, c.root); err != nil {
			return out, nil, err
		}
		if out.next, err = treeAt(merged, c.root); err != nil {
			return out, nil, err
		}
	}
	return out, nil, nil
}

// digest begins to compute the digest that the world will have if its head stays
// where it is, so that the writer finds it.
func (c *candidate) digest() {
	c.digested = make(chan struct{})
	go func() {
		defer close(c.digested)
		_ = rmg.Protect(func() { c.merged.Digest() }) // who needs it meets the error
	}()
}

// collapse merges, proves, commits and lands. What concerns no repository has
// no gates, and so no queue.
func (k *Kernel) collapse(ctx context.Context, c *collapse) (Collapsed, error) {
	if c.root != "" {
		return k.queued(ctx, c)
	}
	for {
		cand, conflicts, err := k.prepare(c, k.now().world)
		if err != nil {
			return Collapsed{}, err
		}
		if len(conflicts) > 0 {
			if err := k.askConflict(ctx, c, conflicts); err != nil {
				return Collapsed{Conflicts: conflicts}, err
			}
			continue
		}
		if err := k.approve(ctx, c, cand, nil); err != nil {
			return Collapsed{}, err
		}
		rec, _, err := k.commitCollapse(ctx, c, cand, nil, 0)
		if errors.Is(err, errHeadMoved) {
			continue
		}
		return Collapsed{Seq: rec.Seq, Digest: rec.Digest, Merged: cand.moved, Evidence: c.answer}, err
	}
}

// proofOf is what a candidate's gates are judged on, in a lane.
func (k *Kernel) proofOf(c *collapse, cand candidate, gates []work.Gate, lane int) proof {
	return proof{
		name: gatePlace(c.root, lane), base: cand.base, next: cand.next, gates: gates, rights: c.rights, byHand: c.byHand, emit: c.emit,
		head: cand.from, root: c.root, who: k.collapser(c), top: c.top, hooks: c.hooks, strict: c.strict, space: c.space, process: c.process,
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

// landing is what a collapse record leaves to be done in the repository.
type landing struct {
	seq       uint64
	old, next rmg.Graph
	tip       string
}

// commitCollapse is the commit step, in the writer: one record holds the change
// that was proven, the outcome and the evidence. errHeadMoved if the workspace
// was written to since the merge, or the head where the change stands or, if it is
// serializable, where the workspace read.
func (k *Kernel) commitCollapse(ctx context.Context, c *collapse, cand candidate, list []work.Evidence, rounds int) (Receipt, *landing, error) {
	var land *landing
	world := rewrite.OfChanges(cand.changes(), cand.merged)
	side := c.root != "" && c.land != landCommit
	if side {
		// It stands on a branch of its own; the person's branch stays.
		world = append(withoutBranch(world, c.root), c.sideOps(cand)...)
	}
	var known *outcome
	if !side {
		known = &outcome{from: cand.from, to: cand.merged, ops: len(world)}
	}
	if cand.digested != nil {
		<-cand.digested
	}
	var read mayRead
	if c.strict {
		read = k.mayHaveRead(c)
	}
	rec, err := k.systemKnown(ctx, c.once, c.author, c.cause, c.reason, func(f *fold, seq uint64) ([]rewrite.Op, *outcome, error) {
		if err := f.spaceIs(c.space, spaceOpen); err != nil {
			return nil, nil, err
		}
		if e, _ := f.ledger.Get(procPath(c.process)); c.process != "" && e.Props.Int("collapse") != 0 {
			return nil, nil, errLost
		}
		if own, ok := f.lookup(c.space); !ok || own.last().seq != cand.head {
			return nil, nil, errHeadMoved
		}
		// Others may have written elsewhere since the merge: the ops say what
		// changes, and apply to that. Where they wrote to the same elements, or
		// to what this one read, it is not this candidate that was merged.
		now := f.world()
		if !samePolicy(now, c.judged) || !now.Same(cand.from) && (overlaps(cand.from, now, world) || c.strict && !read.stands(cand.from, now)) {
			return nil, nil, errHeadMoved
		}
		ops := append(make([]rewrite.Op, 0, len(world)+len(c.done)+16), world...)
		ops = append(ops, setOp(swsPath(c.space), map[string]rmg.Value{propCollapsed: rmg.Int(int64(seq)), propEvicted: {}}))
		ops = append(ops, c.done...)
		if c.process != "" {
			more, err := c.proofOps(f, list, rounds)
			if err != nil {
				return nil, nil, err
			}
			ops = append(ops, more...)
			ops = append(ops, setOp(procPath(c.process), map[string]rmg.Value{
				"collapse": rmg.Int(int64(seq)), "sws": rmg.Ref(swsPath(c.space)), propEvicted: {}, propBeaten: {}, propBeatenBy: {}, propChanged: {},
			}))
			ops = append(ops, f.losers(c)...)
		}
		return ops, known, nil
	})
	if err != nil {
		return Receipt{}, nil, err
	}
	c.once = Once{} // a further round, should this one be taken back, is the same request
	if c.root != "" && c.land != landNone && !cand.base.Same(cand.next) {
		e, _ := cand.from.Get(c.root)
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
	if e, ok := cand.from.Get(at); ok {
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

// collapseNamed merges a workspace made by hand into its parent. If it changes a
// repository, a process carries the change: it is proven by the gates of the
// repository's language and lands like any other.
func (k *Kernel) collapseNamed(ctx context.Context, c Caller, once Once, id string, r CollapseRequest) (Collapsed, error) {
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
		return Collapsed{}, &rmg.Error{Op: "collapse", Path: swsPath(id), Code: rmg.Conflict, Msg: "the workspace is " + st, Hint: "jitos sws new --from sws:" + id + " goes on from what it holds"}
	}
	if p := e.Props.String("process"); p != "" {
		return Collapsed{}, &rmg.Error{Op: "collapse", Path: swsPath(id), Code: rmg.Denied, Msg: "it belongs to process " + p + ", which collapses it when its gates are green", Hint: "fork it: jitos sws new --from sws:" + id}
	}
	job := &collapse{space: id, author: c.Name, cause: id, reason: "collapse of " + id, land: orText(r.Land, landCommit), byHand: true, caller: c, once: once, rights: work.Rights{DropTests: r.DropTests}}
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
	next, conflicts, err := k.mergeSpace(s, Version{Space: parent}, old.world, nil)
	if err != nil {
		return Collapsed{}, err
	}
	if len(conflicts) > 0 {
		return Collapsed{Conflicts: conflicts}, conflictError(c.space, conflicts)
	}
	rec, err := k.absorb(ctx, absorption{author: c.author, cause: c.cause, reason: c.reason, child: c.space, parent: parent, at: old, next: next, once: c.once})
	return Collapsed{Seq: rec.Seq, Digest: rec.Digest, Merged: !s.base.Same(old.world)}, err
}

// soleBranch returns the branch that a workspace changes; more than one is
// refused, since a record lands in one repository.
func soleBranch(s *space) (rmg.Path, error) {
	var root rmg.Path
	was, _ := s.base.Get(repoRoot)
	is, _ := s.last().world.Get(repoRoot)
	for c := range rmg.Diff(was.Graph, is.Graph) {
		b, ok := branchOf(repoRoot + c.Path)
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
	if err := k.mayLand(ctx, c, job.land, job.top, job.branch); err != nil {
		return Collapsed{}, err
	}
	asked := tasks.SLAPS{
		Version: "1", Intent: "Collapse", Target: tasks.TargetRef{Name: segs[1].ID, Type: "repository", Ref: string(job.root)},
		Scope: tasks.Scope{DropTests: job.rights.DropTests},
	}
	if err := k.mayGrant(c, asked.Intent, job.root, len(asked.Scope.DropTests)); err != nil {
		return Collapsed{}, err
	}
	before, _ := treeAt(s.base, job.root)
	after, err := treeAt(s.last().world, job.root)
	if err != nil {
		return Collapsed{}, err
	}
	job.gates = repoGates(after, changedFiles(before, after))
	if err := k.findHooks(ctx, job); err != nil {
		return Collapsed{}, err
	}
	p := Process{
		Text: "Collapse " + job.space, Owner: c.Name, Branch: job.branch, Top: job.top, Base: "", Land: job.land, Workspace: job.space,
		SLAPS: asked,
	}
	id, seq, err := k.recordByHand(ctx, p, job.root)
	if err != nil {
		return Collapsed{}, err
	}
	job.process, job.arrival = id, seq
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

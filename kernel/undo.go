package kernel

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

// causeUndo begins the cause of a record that takes another one back: "undo:57".
const causeUndo = "undo:"

// propUndone is set on a process or a workspace whose collapse was undone: a
// ref to the workspace that did it, whose own collapse tells the seq. If that is
// taken back in turn (its landing was in the way), the mark says nothing.
const propUndone = "undone"

// UndoRequest asks for one record to be taken back.
type UndoRequest struct {
	Seq    uint64
	Reason string // why; may be empty
	Land   string // as of a collapse
}

// Undone is what came of an undo: what was undone, by whose collapse.
type Undone struct {
	Record    Record // without ops
	Workspace string // that carried the inverse; "" if there was none to carry
	Collapsed
}

// Undo takes one record of the system back, at today's head: a three-way merge
// whose base is the world after the record, one side what the world is now, the
// other what it was before. The outcome is put in a workspace and collapsed like
// any other change: what concerns a repository is proven and lands.
//
// Conflict: later records changed the same places; the answer's Conflicts say
// who did. Invalid: the record is none that can be taken back, and why.
func (k *Kernel) Undo(ctx context.Context, c Caller, q UndoRequest) (Undone, error) {
	if c.Process != "" {
		return Undone{}, &rmg.Error{Op: "undo", Code: rmg.Denied, Msg: "a worker has no right to undo", Hint: "it is for people: jitos undo SEQ"}
	}
	once, end, err := k.inTurn(ctx, c, "undo", q)
	if err != nil {
		return Undone{}, err
	}
	defer end()
	c.Key = "" // it was for the undo, not for what it is made of
	r, err := k.record(q.Seq)
	if err != nil {
		return Undone{}, err
	}
	out := Undone{Record: r}
	out.Record.Ops = nil
	before, space, done, once, err := k.collapsedBefore(once)
	if done || err != nil {
		out.Workspace, out.Collapsed = space, before
		return out, err
	}
	if err := k.undoable(r); err != nil {
		return out, err
	}
	now := k.now()
	next, conflicts, err := k.inverse(now, r)
	if err != nil {
		return out, err
	}
	if len(conflicts) > 0 {
		out.Conflicts = conflicts
		return out, &rmg.Error{
			Op: "undo", Path: conflicts[0].Path, Code: rmg.Conflict,
			Msg:  fmt.Sprintf("later records changed what record %d did, in %s, first: %s", r.Seq, plural(len(conflicts), "place"), conflicts[0].SystemBy),
			Hint: "undo those first, newest first",
		}
	}
	ops := rewrite.Between(now.world, next, rmg.Root)
	if len(ops) == 0 {
		return out, k.nothingLeft(r)
	}
	why := fmt.Sprintf("undo of record %d", r.Seq)
	out.Workspace, err = k.undoSpace(ctx, c, now, r.Seq, why, ops)
	if err != nil {
		return out, err
	}
	job := &collapse{
		space: out.Workspace, author: c.Name, cause: undoCause(r.Seq), reason: undoReason(r, q.Reason),
		land: orText(q.Land, landCommit), byHand: true, once: once, done: k.undoMarks(r, out.Workspace),
	}
	if out.Collapsed, err = k.collapseUndo(ctx, c, job); err != nil {
		k.dropUndo(ctx, c, out.Workspace, err)
	}
	return out, err
}

func undoCause(seq uint64) string { return causeUndo + strconv.FormatUint(seq, 10) }

// undoes returns the record that a record took back.
func undoes(r Record) (uint64, bool) {
	text, ok := strings.CutPrefix(r.Cause, causeUndo)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil
}

// undoReason names what is undone: whose it was, what led to it, what it said.
func undoReason(r Record, why string) string {
	text := fmt.Sprintf("undo of record %d by %s", r.Seq, r.Author)
	if r.Cause != "" {
		text += " (" + r.Cause + ")"
	}
	if r.Reason != "" {
		text += ": " + firstLine(r.Reason)
	}
	if why != "" {
		text += "; because " + why
	}
	return text
}

// undoable says why a record is none that undo takes back; nil if it is one.
func (k *Kernel) undoable(r Record) error {
	no := func(hint, format string, args ...any) error {
		return &rmg.Error{Op: "undo", Code: rmg.Invalid, Msg: fmt.Sprintf("record %d ", r.Seq) + fmt.Sprintf(format, args...), Hint: hint}
	}
	if id, ok := strings.CutPrefix(r.View, "sws:"); ok {
		return no(fmt.Sprintf("jitos sws new --from sws:%s@%d has it as it was before; jitos sws discard %s drops it whole", id, r.Seq-1, id),
			"changed workspace %s alone; nothing of it is in the system", id)
	}
	world := worldOps(r)
	if len(world) == 0 {
		return no("jitos log shows the records that changed the world", "is the kernel's own bookkeeping: it changed nothing but the ledger")
	}
	if r.Cause == "sync" {
		if root, commit, ok := gitBaseSet(world); ok {
			return no("git revert in the repository takes it back, and the next sync brings that in",
				"is commit %s of %s, which came in from git", short(commit), root)
		}
		return no("", "brought a repository in; there is nothing to go back to")
	}
	if !slices.ContainsFunc(world, func(op rewrite.Op) bool { return !bookkeeping(op) }) {
		return no("undo the collapse it belongs to: jitos show "+orText(r.Cause, "PROCESS")+" has its seq", "notes a landing; the change itself is another record's")
	}
	for _, op := range ledgerOps(r) {
		if gone, ok := op.Props["collapse"]; ok && op.Op == rewrite.Set && gone.Type() == rmg.TypeNone {
			return no("jitos retry "+op.Path.Base().ID+" tries again what it took back", "took a collapse back itself")
		}
	}
	for _, op := range world {
		if b, ok := branchOf(op.Path); ok && strings.HasPrefix(b.Segments()[2].ID, "jitos/") {
			name := b.Segments()[2].ID
			return no("git branch -D "+name+" drops it", "put its change on branch %s of its own, which nothing else builds on", name)
		}
	}
	return nil
}

// gitBaseSet finds the commit that a sync brought a branch to.
func gitBaseSet(ops []rewrite.Op) (root rmg.Path, commit string, ok bool) {
	for _, op := range ops {
		if v, has := op.Props[propGitBase]; has && op.Op == rewrite.Set {
			commit, ok = v.AsString()
			return op.Path, commit, ok
		}
	}
	return "", "", false
}

// bookkeeping reports whether an op is about a repository's or a branch's own
// folder, which the kernel keeps, and not about what is in it.
func bookkeeping(op rewrite.Op) bool {
	return inRepo(op.Path) && len(op.Path.Segments()) <= 3
}

// inverse merges what was before a record into what is now. Whatever a kind's
// schema says, a prop that somebody changed since is a conflict, but where both
// changes stand side by side: lines, counters, sets.
func (k *Kernel) inverse(now version, r Record) (rmg.Graph, []rmg.MergeConflict, error) {
	before, after, err := k.around(r.Seq)
	if err != nil {
		return rmg.Graph{}, nil, err
	}
	in := rmg.MergeInput{Base: after, System: now.world, Workspace: before}
	for _, op := range slices.Backward(worldOps(r)) {
		if op.Op == rewrite.Move {
			in.WorkspaceMoves = append(in.WorkspaceMoves, rmg.Move{From: op.Dest, To: op.Path})
		}
	}
	declared := now.world.Schemas()
	in.Strategy = func(kind, prop string) rmg.Strategy {
		s := declared.Strategy(kind, prop)
		if s == "" {
			s = strategyOf(kind, prop)
		}
		switch s {
		case rmg.StrategyText, rmg.StrategyCounter, rmg.StrategySet:
			return s
		}
		return rmg.StrategyConflict
	}
	next, conflicts, err := k.merge(in)
	if err != nil {
		return next, nil, err
	}
	return next, conflicts, k.nameWriters(conflicts, r.Seq, now.seq)
}

// nameWriters says in conflicts who changed the place last, after a record.
func (k *Kernel) nameWriters(list []rmg.MergeConflict, after, until uint64) error {
	if len(list) == 0 {
		return nil
	}
	for r, err := range k.Records(after+1, until) {
		if err != nil {
			return err
		}
		if r.View != "system" {
			continue
		}
		for i := range list {
			if slices.ContainsFunc(r.Ops, func(op rewrite.Op) bool { return reaches(op, list[i].Path, list[i].Prop) }) {
				list[i].SystemBy = byWhom(r)
			}
		}
	}
	for i := range list {
		list[i].WorkspaceBy = undoCause(after)
	}
	return nil
}

// byWhom names a record and who made it.
func byWhom(r Record) string {
	text := fmt.Sprintf("seq %d by %s", r.Seq, r.Author)
	if r.Cause != "" {
		text += " (" + r.Cause + ")"
	}
	if r.Reason != "" {
		text += ": " + firstLine(r.Reason)
	}
	return text
}

// nothingLeft explains an undo that would change nothing.
func (k *Kernel) nothingLeft(r Record) error {
	msg := fmt.Sprintf("nothing of record %d is left to undo", r.Seq)
	if by := k.undoneBy(holderOf(r)); by != 0 {
		msg = fmt.Sprintf("record %d is undone already, by record %d", r.Seq, by)
	}
	return &rmg.Error{Op: "undo", Code: rmg.Conflict, Msg: msg, Hint: fmt.Sprintf("jitos diff seq:%d system shows what became of it", r.Seq)}
}

// undoSpace forks a workspace from a version of the system and puts the inverse
// into it.
func (k *Kernel) undoSpace(ctx context.Context, c Caller, now version, seq uint64, why string, ops []rewrite.Op) (string, error) {
	id, err := k.fork(ctx, forkSpec{from: Version{Seq: now.seq}.String(), owner: c.Name, reason: why})
	if err != nil {
		return "", err
	}
	if _, err = k.rewrite(ctx, "kernel", undoCause(seq), Version{Space: id}, rewrite.Rewrite{Ops: ops, Reason: why}); err != nil {
		k.dropUndo(ctx, c, id, err)
	}
	return id, err
}

// dropUndo discards the workspace of an undo that did not come through.
func (k *Kernel) dropUndo(ctx context.Context, c Caller, id string, cause error) {
	if _, err := k.Discard(context.WithoutCancel(ctx), c, id, cause.Error()); err != nil {
		k.log.Warn("the workspace of an undo stays open", "workspace", id, "err", err)
	}
}

// collapseUndo collapses the workspace; if it changes a repository, as a process
// that proves and lands it.
func (k *Kernel) collapseUndo(ctx context.Context, c Caller, job *collapse) (Collapsed, error) {
	s, ok := k.space(job.space)
	if !ok {
		return Collapsed{}, noSpace(job.space)
	}
	var err error
	if job.root, err = soleBranch(s); err != nil {
		return Collapsed{}, err
	}
	if job.root == "" {
		return k.collapse(ctx, job)
	}
	segs := job.root.Segments()
	repo, ok := s.base.Get(repoRoot.Child(segs[1].ID))
	if !ok {
		return Collapsed{}, &rmg.Error{Op: "undo", Path: job.root, Code: rmg.NotFound, Msg: "the repository is not known"}
	}
	job.top, job.branch = repo.Props.String(propOrigin), segs[2].ID
	if err := k.mayLand(ctx, c, job.land, job.top, job.branch); err != nil {
		return Collapsed{}, err
	}
	before, err := treeAt(s.base, job.root)
	if err != nil {
		return Collapsed{}, err
	}
	after, err := treeAt(s.last().world, job.root)
	if err != nil {
		return Collapsed{}, err
	}
	job.gates = repoGates(after, changedFiles(before, after))
	if err := k.findHooks(ctx, job); err != nil {
		return Collapsed{}, err
	}
	id, arrival, err := k.recordByHand(ctx, Process{
		Text: strings.ToUpper(job.reason[:1]) + job.reason[1:], Owner: c.Name, Branch: job.branch, Top: job.top, Land: job.land, Workspace: job.space,
		SLAPS: tasks.SLAPS{Version: "1", Intent: "Undo", Target: tasks.TargetRef{Name: segs[1].ID, Type: "repository", Ref: string(job.root)}},
	}, job.root)
	if err != nil {
		return Collapsed{}, err
	}
	job.process, job.arrival = id, arrival
	out, err := k.collapse(ctx, job)
	out.Process = id
	if err != nil {
		return out, orError(k.recordFailure(id, err, 0), err)
	}
	return out, k.recordEnd(id, out, 0)
}

// holderOf is where the ledger keeps the outcome that a collapse record gave: the
// process that carries it, else the workspace; "" for any other record.
func holderOf(r Record) rmg.Path {
	var holder rmg.Path
	for _, op := range ledgerOps(r) {
		if op.Op != rewrite.Set {
			continue
		}
		if n, ok := op.Props["collapse"]; ok && n.Type() == rmg.TypeInt && op.Path.Parent() == procRoot {
			return op.Path
		}
		if n, ok := op.Props[propCollapsed]; ok && n.Type() == rmg.TypeInt && op.Path.Parent() == swsRoot {
			holder = op.Path
		}
	}
	return holder
}

// undoMarks are the ledger ops that go with the undo of a record: what it brought
// is marked as undone by the workspace. Undoing an undo turns the marks of all
// that it goes back to.
func (k *Kernel) undoMarks(r Record, space string) []rewrite.Op {
	var ops []rewrite.Op
	mark := func(r Record, by rmg.Value) {
		if at := holderOf(r); at != "" {
			ops = append(ops, setOp(at, map[string]rmg.Value{propUndone: by}))
		}
	}
	mark(r, rmg.Ref(swsPath(space)))
	undone := true // whether r is
	for {
		seq, ok := undoes(r)
		if !ok {
			return ops
		}
		by := spaceOf(r)
		var err error
		if r, err = k.record(seq); err != nil {
			return ops
		}
		if undone = !undone; undone {
			mark(r, rmg.Ref(by))
		} else {
			mark(r, rmg.Value{})
		}
	}
}

// spaceOf is the workspace that a record collapsed; "" if it is no collapse.
func spaceOf(r Record) rmg.Path {
	for _, op := range ledgerOps(r) {
		if n, ok := op.Props[propCollapsed]; ok && n.Type() == rmg.TypeInt && op.Op == rewrite.Set && op.Path.Parent() == swsRoot {
			return op.Path
		}
	}
	return ""
}

// undoneBy is the record that took back what a process or workspace brought; 0
// if it stands.
func (k *Kernel) undoneBy(holder rmg.Path) uint64 {
	if holder == "" {
		return 0
	}
	ledger := k.now().ledger
	e, ok := ledger.Get(holder)
	if !ok {
		return 0
	}
	by, ok := ledger.Get(refOf(e.Props, propUndone))
	if !ok || by.Kind != kindWorkspace {
		return 0
	}
	return uint64(by.Props.Int(propCollapsed))
}

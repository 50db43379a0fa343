package kernel

import (
	"context"
	"fmt"
	"path"
	"sync/atomic"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// handle is a workspace in the hands of a worker: every rewrite is checked
// against the rights of its process.
type handle struct {
	k       *Kernel
	id      string
	process string
	cause   string // "p12/implement"
	author  string // "worker:repair"
	root    rmg.Path
	rights  work.Rights
	refused *atomic.Bool // set when something was; nil if nobody asks
	reads   bool         // what commands read in its folder is recorded, and told with the result
	lane    int          // of a race; 0 if there is none
	spent   *spending    // of its process; nil if there is none
	caller  Caller       // as policy sees it
	facts   processFacts // likewise; zero without a process
}

var _ work.Workspace = (*handle)(nil)

// ID is the workspace's.
func (h *handle) ID() string { return h.id }

// Graph returns the head's world. What of it is looked at cannot be seen from
// here: the worker counts as having read all of what its process works on.
func (h *handle) Graph() rmg.Graph {
	h.k.reads.note(h.id, readSet{below: []rmg.Path{orRoot(h.root)}})
	return h.world()
}

// world is Graph for the kernel's own looks, which lead to nothing.
func (h *handle) world() rmg.Graph {
	s, ok := h.k.space(h.id)
	if !ok {
		return rmg.Graph{}
	}
	return s.last().world
}

func orRoot(p rmg.Path) rmg.Path {
	if p == "" {
		return rmg.Root
	}
	return p
}

// Rewrite applies ops that the process has the right to.
func (h *handle) Rewrite(ctx context.Context, rw rewrite.Rewrite) error {
	if err := h.may(rw.Ops); err != nil {
		return err
	}
	if err := h.spent.write(rw.Ops); err != nil {
		return err
	}
	_, err := h.k.rewrite(ctx, h.author, h.cause, Version{Space: h.id}, rw)
	return err
}

// may judges every op by the process's rights, and then by the policy of the
// moment: both have to let it through.
func (h *handle) may(ops []rewrite.Op) error { return h.mayIn(h.world(), ops) }

// mayIn is may where the workspace's head is the world given.
func (h *handle) mayIn(world rmg.Graph, ops []rewrite.Op) error {
	j := h.judgement()
	for i, op := range ops {
		for _, p := range []rmg.Path{op.Path, op.Dest} {
			if p == "" {
				continue
			}
			if err := h.mayOp(j, world, op, p); err != nil {
				if h.refused != nil {
					h.refused.Store(true)
				}
				return fmt.Errorf("op %d: %w", i, err)
			}
		}
	}
	return nil
}

func (h *handle) judgement() judgement { return h.k.judgement(newSubject(h.caller, h.facts)) }

func (h *handle) mayOp(j judgement, world rmg.Graph, op rewrite.Op, p rmg.Path) error {
	protected, err := mayWrite(h.rights, j.policy, h.k.there, h.root, p)
	if err != nil {
		return err
	}
	kind := op.Kind
	if kind == "" && j.policy.kinds {
		e, _ := world.Get(p)
		kind = e.Kind
	}
	if err := j.may(VerbWrite, p, kind); err != nil || !protected {
		return err
	}
	return j.may(VerbProtected, p, kind)
}

// Fork makes a child with ops applied.
func (h *handle) Fork(ctx context.Context, reason string, ops []rewrite.Op) (work.Workspace, error) {
	if err := h.may(ops); err != nil {
		return nil, err
	}
	if err := h.judgement().may(VerbFork, swsPath(h.id), kindWorkspace); err != nil {
		return nil, err
	}
	id, err := h.k.fork(ctx, forkSpec{from: "sws:" + h.id, owner: h.author, process: h.process, cause: h.cause, reason: reason})
	if err != nil {
		return nil, err
	}
	c := *h
	c.id = id
	if len(ops) == 0 {
		return &c, nil
	}
	if err := c.Rewrite(ctx, rewrite.Rewrite{Ops: ops, Reason: reason}); err != nil {
		return nil, err
	}
	return &c, nil
}

// Discard drops a child.
func (h *handle) Discard(ctx context.Context, reason string) error {
	_, err := h.k.Discard(ctx, Caller{Name: h.author, Process: h.cause}, h.id, reason)
	return err
}

// Materialise gives the head's repository as a folder.
func (h *handle) Materialise(ctx context.Context, slot int) (work.Folder, error) {
	if h.root == "" {
		return nil, &rmg.Error{Op: "materialise", Code: rmg.Invalid, Msg: "the workspace has no repository"}
	}
	// What is not recorded of it the attempt does not tell: see filesReadBy.
	world := h.world()
	if !h.reads {
		world = h.Graph()
	}
	tree, err := treeAt(world, h.root)
	if err != nil {
		return nil, err
	}
	if h.lane > 1 {
		slot += (h.lane - 1) * slotsOfLane
	}
	segs := h.root.Segments()
	name := path.Join(string(rmg.Root.Child(segs[1].ID))[1:], string(rmg.Root.Child(segs[2].ID))[1:], fmt.Sprint(slot))
	of := originOf(world, h.root)
	need, err := h.k.setupOf(h.k.headOf(h.root, tree), tree, h.root, of.Top)
	if err != nil {
		return nil, err
	}
	if !need.none() {
		h.Graph() // what was made from files that no command here reads
	}
	var f Folder
	if need.none() {
		f, err = h.k.opt.Worktree.Slot(ctx, name, tree, of)
	} else {
		f, err = h.k.placed(ctx, need, func(wt SettingUp, n Needs) (Folder, error) { return wt.SlotWith(ctx, name, tree, of, n) })
	}
	if err != nil {
		return nil, err
	}
	return &folder{Folder: f, root: h.root}, nil
}

// originOf says what a branch was in git when a world was forked; zero where it
// stands in no repository on disk.
func originOf(world rmg.Graph, root rmg.Path) Origin {
	here, _ := world.Get(root)
	repo, _ := world.Get(root.Parent())
	of := Origin{Top: repo.Props.String(propOrigin), Branch: root.Base().ID, Commit: here.Props.String(propGitBase)}
	if of.Top == "" || of.Commit == "" {
		return Origin{}
	}
	return of
}

// ReadBlob and PutBlob are content in and out.
func (h *handle) ReadBlob(b rmg.Blob) ([]byte, error) { return readBlob(h.k.store, b) }

// PutBlob stores content.
func (h *handle) PutBlob(data []byte) (rmg.Blob, error) { return h.k.putBytes(data) }

// folder is a materialised workspace in the words of the contract.
type folder struct {
	Folder
	root rmg.Path
}

// Update makes the folder hold another workspace's repository.
func (f *folder) Update(ctx context.Context, w work.Workspace) error {
	tree, err := treeAt(w.Graph(), f.root)
	if err != nil {
		return err
	}
	return f.Folder.Update(ctx, tree)
}

// Scan returns what changed, as ops on the graph.
func (f *folder) Scan(ctx context.Context) ([]rewrite.Op, error) { return f.Folder.Scan(ctx, f.root) }

// treeAt returns the file tree of a repository's branch.
func treeAt(world rmg.Graph, root rmg.Path) (rmg.Graph, error) {
	e, ok := world.Get(root)
	if !ok {
		return rmg.Graph{}, &rmg.Error{Op: "tree", Path: root, Code: rmg.NotFound, Msg: "the branch is not in this version"}
	}
	return e.Graph, nil
}

// query is a worker's read-only look at the system.
type query struct {
	k           *Kernel
	top, branch string
}

// System returns the world's head.
func (q query) System() rmg.Graph { return q.k.now().world }

// Commits returns the repository's newest commits.
func (q query) Commits(ctx context.Context, max int) ([]work.Commit, error) {
	if q.top == "" {
		return nil, nil
	}
	cs, err := q.k.opt.Worktree.Log(ctx, q.top, q.branch, max)
	if err != nil {
		return nil, err
	}
	out := make([]work.Commit, len(cs))
	for i, c := range cs {
		out[i] = work.Commit{ID: c.ID, Author: c.Author, Subject: c.Subject, AtUnix: c.AtUnix}
	}
	return out, nil
}

// ReadBlob reads content whole.
func (q query) ReadBlob(b rmg.Blob) ([]byte, error) { return readBlob(q.k.store, b) }

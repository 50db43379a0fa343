package kernel

import (
	"context"
	"fmt"
	"path"
	"sync"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// scratch is a workspace that is thrown away: it stands in memory alone, leaves
// nothing in the log, and nobody else sees it. Work is done over again in one.
type scratch struct {
	k      *Kernel
	id     string
	root   rmg.Path
	rights work.Rights
	name   string // of the place it is materialised at
	caller Caller // as policy sees it
	facts  processFacts
	kids   *scratchKids

	mu    sync.Mutex // guards what follows
	base  rmg.Graph
	world rmg.Graph
	moves []rmg.Move
}

// scratchKids numbers the children of one scratch workspace and all below it.
type scratchKids struct {
	sync.Mutex // guards the fields below
	made       int
	byID       map[string]*scratch
}

var _ work.Workspace = (*scratch)(nil)

// newScratch makes a workspace over a world; name is where it is materialised.
func (k *Kernel) newScratch(world rmg.Graph, root rmg.Path, rights work.Rights, name string) *scratch {
	return &scratch{k: k, id: "scratch", root: root, rights: rights, name: name, kids: &scratchKids{byID: map[string]*scratch{}}, base: world, world: world}
}

// ID is the workspace's, and means nothing outside.
func (s *scratch) ID() string { return s.id }

// Graph returns the head's world.
func (s *scratch) Graph() rmg.Graph {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world
}

// Rewrite applies ops under the rights, as the real one would.
func (s *scratch) Rewrite(_ context.Context, rw rewrite.Rewrite) error {
	as := handle{k: s.k, root: s.root, rights: s.rights, caller: s.caller, facts: s.facts}
	if err := as.mayIn(s.Graph(), rw.Ops); err != nil {
		return err
	}
	ops, err := rewrite.Resolve(rw.Ops, s.k.putBytes, s.k.blobSize)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h, _, err := start{world: s.world, moves: s.moves}.next(0, ops)
	if err != nil {
		return err
	}
	s.world, s.moves = h.world, h.moves
	return nil
}

// Fork makes a child with ops applied.
func (s *scratch) Fork(ctx context.Context, reason string, ops []rewrite.Op) (work.Workspace, error) {
	world := s.Graph()
	s.kids.Lock()
	s.kids.made++
	c := &scratch{k: s.k, id: fmt.Sprintf("scratch-%d", s.kids.made), root: s.root, rights: s.rights, name: s.name, caller: s.caller, facts: s.facts, kids: s.kids, base: world, world: world}
	s.kids.byID[c.id] = c
	s.kids.Unlock()
	if len(ops) == 0 {
		return c, nil
	}
	return c, c.Rewrite(ctx, rewrite.Rewrite{Ops: ops, Reason: reason})
}

// Discard forgets a child.
func (s *scratch) Discard(context.Context, string) error {
	s.kids.Lock()
	defer s.kids.Unlock()
	delete(s.kids.byID, s.id)
	return nil
}

// adopt merges a child in, as the kernel does for a task that asks for it.
func (s *scratch) adopt(id string) error {
	s.kids.Lock()
	c, ok := s.kids.byID[id]
	s.kids.Unlock()
	if !ok {
		return noSpace(id)
	}
	next, conflicts, err := s.k.merge(rmg.MergeInput{Base: c.base, System: s.Graph(), Workspace: c.Graph(), WorkspaceMoves: c.moves})
	if err != nil {
		return err
	}
	if len(conflicts) > 0 {
		return conflictError(id, conflicts)
	}
	s.mu.Lock()
	s.world = next
	s.mu.Unlock()
	return nil
}

// Materialise gives the head's repository as a folder that nothing has ever
// been in.
func (s *scratch) Materialise(ctx context.Context, slot int) (work.Folder, error) {
	if s.root == "" {
		return nil, &rmg.Error{Op: "materialise", Code: rmg.Invalid, Msg: "there is no repository in this version"}
	}
	tree, err := treeAt(s.Graph(), s.root)
	if err != nil {
		return nil, err
	}
	segs := s.root.Segments()
	name := path.Join(s.name, string(rmg.Root.Child(segs[1].ID))[1:], string(rmg.Root.Child(segs[2].ID))[1:], fmt.Sprint(slot))
	f, err := s.k.fresh(ctx, name, tree, s.k.headOf(s.root, tree), s.root)
	if err != nil {
		return nil, err
	}
	return &folder{Folder: f, root: s.root}, nil
}

// ReadBlob reads content, and PutBlob stores it: by its hash, so that nothing
// tells it from what was there.
func (s *scratch) ReadBlob(b rmg.Blob) ([]byte, error) { return readBlob(s.k.store, b) }

// PutBlob stores content.
func (s *scratch) PutBlob(data []byte) (rmg.Blob, error) { return s.k.putBytes(data) }

package remote

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// space is a task's workspace on this machine: a tree, and what was done to it
// since the lease began. Children stay here; of the one that is adopted the change
// goes back.
type space struct {
	o    Options
	id   string
	root rmg.Path
	*family
	from int // how much of ops its parent had done when it was forked

	mu      sync.Mutex // guards the fields below
	graph   rmg.Graph
	ops     []rewrite.Op
	reason  string
	dropped bool
}

// family is what a space has in common with its children.
type family struct {
	store *store

	sync.Mutex // guards kids
	kids       map[string]*space
}

var _ work.Workspace = (*space)(nil)

// space makes what a lease works on.
func (o Options) space(ctx context.Context, l wire.Lease, st *store, had *trees) (*space, error) {
	tree, err := o.Daemon.LeaseTree(ctx, l.ID, had.have(l.Repo.Root))
	if err != nil {
		return nil, err
	}
	base := rmg.Graph{}
	if tree.Base != (rmg.Digest{}) {
		ok := false
		if base, ok = had.get(l.Repo.Root, tree.Base); !ok {
			return nil, &rmg.Error{Op: "lease", Path: l.Repo.Root, Code: rmg.Internal, Msg: fmt.Sprintf("the daemon told what the tree has over %s, which is not here", tree.Base)}
		}
	}
	g := rmg.NewOverlay(base)
	if err := rewrite.Apply(g, tree.Ops); err != nil {
		return nil, err
	}
	s := &space{o: o, id: l.SWS, root: l.Repo.Root, family: &family{store: st, kids: map[string]*space{}}, graph: g.Graph()}
	if s.root == "" {
		return s, nil
	}
	here, _ := s.graph.Get(s.root)
	if got := here.Graph.Digest(); got != tree.Digest {
		return nil, &rmg.Error{Op: "lease", Path: s.root, Code: rmg.Internal, Msg: fmt.Sprintf("the tree came out as %s, and is %s", got, tree.Digest), Hint: "is the daemon of another version? jitos status"}
	}
	had.keep(s.root, tree.Digest, s.graph)
	return s, nil
}

// ID is the workspace's at the daemon, with a number for a child.
func (s *space) ID() string { return s.id }

// Graph is the head's.
func (s *space) Graph() rmg.Graph {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.graph
}

// Rewrite applies ops here. Whether they may be made the kernel judges when they
// come back.
func (s *space) Rewrite(ctx context.Context, rw rewrite.Rewrite) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	ops, err := rewrite.Resolve(rw.Ops, s.store.put, func(sum [32]byte) (int64, bool) { return s.sizeOf(rw.Ops, sum) })
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := rmg.NewOverlay(s.graph)
	if err := rewrite.Apply(o, ops); err != nil {
		return err
	}
	s.graph, s.ops = o.Graph(), append(slices.Clip(s.ops), ops...)
	if s.reason == "" {
		s.reason = rw.Reason
	}
	return nil
}

// sizeOf is the size of content that ops name: as they say, if it is here.
func (s *space) sizeOf(ops []rewrite.Op, sum [32]byte) (int64, bool) {
	for _, op := range ops {
		if op.Blob.Sum != sum {
			continue
		}
		if f, err := s.store.local.Open(op.Blob); err == nil {
			return op.Blob.Size, f.Close() == nil
		}
	}
	return 0, false
}

// Fork makes a child.
func (s *space) Fork(ctx context.Context, reason string, ops []rewrite.Op) (work.Workspace, error) {
	s.mu.Lock()
	c := &space{o: s.o, root: s.root, family: s.family, graph: s.graph, ops: slices.Clip(s.ops), from: len(s.ops), reason: reason}
	s.mu.Unlock()
	s.family.Lock()
	c.id = fmt.Sprintf("%s.%d", s.id, len(s.kids)+1)
	s.kids[c.id] = c
	s.family.Unlock()
	if len(ops) == 0 {
		return c, nil
	}
	return c, c.Rewrite(ctx, rewrite.Rewrite{Ops: ops, Reason: reason})
}

// Discard drops a child.
func (s *space) Discard(context.Context, string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped = true
	return nil
}

// Materialise has every content of the head be here, and gives it as a folder.
func (s *space) Materialise(ctx context.Context, slot int) (work.Folder, error) {
	tree, err := s.tree()
	if err != nil {
		return nil, err
	}
	if err := s.store.needAll(tree); err != nil {
		return nil, err
	}
	var name []string
	for _, seg := range s.root.Segments()[1:] {
		name = append(name, strings.TrimPrefix(string(rmg.Root.Child(seg.ID)), "/"))
	}
	f, err := s.o.Slot(ctx, path.Join(path.Join(name...), fmt.Sprint(slot)), tree)
	if err != nil {
		return nil, err
	}
	return &folder{Folder: f, of: s}, nil
}

func (s *space) tree() (rmg.Graph, error) {
	e, ok := s.Graph().Get(s.root)
	if s.root == "" || !ok {
		return rmg.Graph{}, &rmg.Error{Op: "materialise", Path: s.root, Code: rmg.Invalid, Msg: "the workspace has no repository"}
	}
	return e.Graph, nil
}

// ReadBlob reads content, from the daemon if it is not here.
func (s *space) ReadBlob(b rmg.Blob) ([]byte, error) { return s.store.read(b) }

// PutBlob keeps content here; it goes to the daemon with the change that names it.
func (s *space) PutBlob(data []byte) (rmg.Blob, error) { return s.store.put(data) }

// outcome is all that was done, an adopted child's work included, and why.
func (s *space) outcome(res work.Result) ([]rewrite.Op, string, error) {
	s.mu.Lock()
	ops, reason := s.ops, s.reason
	s.mu.Unlock()
	if res.Adopt == "" || !res.OK {
		return ops, reason, nil
	}
	s.family.Lock()
	c := s.kids[res.Adopt]
	s.family.Unlock()
	if c == nil || c.dropped {
		return nil, "", &rmg.Error{Op: "adopt", Code: rmg.Invalid, Msg: fmt.Sprintf("there is no open child %q", res.Adopt)}
	}
	return append(slices.Clip(ops), c.ops[c.from:]...), c.reason, nil
}

// folder is a materialised workspace.
type folder struct {
	Folder
	of *space
}

// Update makes the folder hold another workspace's tree.
func (f *folder) Update(ctx context.Context, w work.Workspace) error {
	s, ok := w.(*space)
	if !ok {
		return fmt.Errorf("a folder of another kind of workspace: %T", w)
	}
	tree, err := s.tree()
	if err != nil {
		return err
	}
	if err := s.store.needAll(tree); err != nil {
		return err
	}
	return f.Folder.Update(ctx, tree)
}

// Scan returns what changed, as ops on the graph.
func (f *folder) Scan(ctx context.Context) ([]rewrite.Op, error) {
	return f.Folder.Scan(ctx, f.of.root)
}

// query is what a task may look at besides: what it works on.
type query struct{ *space }

// System is the workspace's tree: the rest of the world stays at the daemon.
func (q query) System() rmg.Graph { return q.Graph() }

// Commits are not to be had here.
func (query) Commits(context.Context, int) ([]work.Commit, error) { return nil, nil }

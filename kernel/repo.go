package kernel

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// The props of a repository's and a branch's folder.
const (
	propOrigin  = "origin"   // on /repo/<name>: place on disk
	propFolder  = "folder"   // on /repo/<name>: it is a plain folder
	propGitBase = "git_base" // on /repo/<name>/<branch>: commit last agreed on
)

// strategyOf is the merge strategy of the files' world.
func strategyOf(kind, prop string) rmg.Strategy {
	if kind == rewrite.KindFile && prop == rewrite.PropBlob {
		return rmg.StrategyText
	}
	return rmg.StrategyConflict
}

// merge merges worlds with the strategies that the system's schemas declare, and
// the files' where they declare none, unless the input has its own. Two sides that each satisfy their schemas
// may not do so together: that is a conflict too, without a side to take.
func (k *Kernel) merge(in rmg.MergeInput) (rmg.Graph, []rmg.MergeConflict, error) {
	if in.Strategy == nil {
		declared := in.System.Schemas()
		in.Strategy = func(kind, prop string) rmg.Strategy {
			if s := declared.Strategy(kind, prop); s != "" {
				return s
			}
			return strategyOf(kind, prop)
		}
	}
	in.Text = func(b rmg.Blob) ([]byte, error) { return readBlob(k.store, b) }
	in.PutText = k.putBytes
	merged, conflicts, err := rmg.Merge(in)
	if err != nil || len(conflicts) > 0 {
		return merged, conflicts, err
	}
	if found := merged.Schemas().CheckChanges(in.System, merged); len(found) > 0 {
		return rmg.Graph{}, nil, &rmg.Error{
			Op: "merge", Path: found[0].Path, Code: rmg.Conflict,
			Msg:  fmt.Sprintf("together the two sides break their schemas in %s, first: %s", plural(len(found), "place"), found[0].Msg),
			Hint: "change the workspace at " + string(found[0].Path) + ", or the schema in /kind",
		}
	}
	return merged, nil, nil
}

// lockBranch takes the token of a branch: who holds it may sync, commit a
// collapse, and land. A landing that was cut off is settled first, so that nothing
// is built on a world that leads the branch. The returned func gives the token back.
func (k *Kernel) lockBranch(ctx context.Context, root rmg.Path) (func(), error) {
	q := k.queueOf(root)
	select {
	case q.token <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := k.settleCut(ctx, q); err != nil {
		<-q.token
		return nil, err
	}
	return func() { <-q.token }, nil
}

// sync brings the branch that is checked out in dir into the world, under the
// branch's token, and returns its place.
func (k *Kernel) sync(ctx context.Context, dir string) (Repo, rmg.Path, error) {
	repo, err := k.opt.Worktree.Locate(ctx, dir)
	if err != nil {
		return Repo{}, "", err
	}
	root, err := k.placeOf(ctx, repo)
	if err != nil {
		return Repo{}, "", err
	}
	unlock, err := k.lockBranch(ctx, root)
	if err != nil {
		return Repo{}, "", err
	}
	defer unlock()
	head, err := k.syncLocked(ctx, repo.Top, repo.Branch, root)
	repo.Head = head
	return repo, root, err
}

// placeOf finds or makes /repo/<name> for a repository, by its place on disk: its
// linked working trees are branches of it.
func (k *Kernel) placeOf(ctx context.Context, repo Repo) (rmg.Path, error) {
	name, ops := repo.known(k.now().world)
	if len(ops) > 0 {
		what := "repository "
		if repo.Plain {
			what = "folder "
		}
		_, err := k.systemWith(ctx, "kernel", "sync", what+repo.Origin, func(f *fold, _ uint64) ([]rewrite.Op, error) {
			name, ops = repo.known(f.world())
			return ops, nil
		})
		if err != nil {
			return "", err
		}
	}
	return repoRoot.Join(name, repo.Branch), nil
}

// known finds a repository's name in a world, and what makes it known there as
// what it is.
func (r Repo) known(world rmg.Graph) (name string, ops []rewrite.Op) {
	plain := rmg.Value{}
	if r.Plain {
		plain = rmg.Bool(true)
	}
	taken := map[string]bool{}
	if e, ok := world.Get(repoRoot); ok {
		for n := range e.Graph.Nodes("") {
			if n.Props.String(propOrigin) != r.Origin {
				taken[n.ID] = true
				continue
			}
			if n.Props.Bool(propFolder) != r.Plain {
				ops = append(ops, setOp(repoRoot.Child(n.ID), map[string]rmg.Value{propFolder: plain}))
			}
			return n.ID, ops
		}
	}
	name = r.Name
	for i := 2; taken[name]; i++ {
		name = fmt.Sprintf("%s-%d", r.Name, i)
	}
	props := map[string]rmg.Value{propOrigin: rmg.String(r.Origin)}
	if r.Plain {
		props[propFolder] = plain
	}
	return name, []rewrite.Op{addOp(repoRoot.Child(name), rewrite.KindDir, props)}
}

// syncLocked is the three-way merge of git_base, the branch's head and the
// world, and returns the head. The branch's token is held.
func (k *Kernel) syncLocked(ctx context.Context, top, branch string, root rmg.Path) (string, error) {
	wt := k.opt.Worktree
	commit, err := wt.Head(ctx, top, branch)
	if err != nil {
		return "", err
	}
	world := k.now().world
	here, ok := world.Get(root)
	if ok && here.Props.String(propGitBase) == commit {
		return commit, nil
	}
	theirs, err := wt.Tree(ctx, top, commit)
	if err != nil {
		return "", err
	}
	next := theirs
	if ok {
		if next, err = k.mergeBranch(ctx, top, here, theirs, root); err != nil {
			return "", err
		}
	}
	var ops []rewrite.Op
	if !ok {
		ops = append(ops, addOp(root, rewrite.KindDir, nil))
	}
	ops = append(ops, branchOps(root, here.Graph, next)...)
	ops = append(ops, setOp(root, map[string]rmg.Value{propGitBase: rmg.String(commit)}))
	reason := fmt.Sprintf("sync of %s %s at %s", filepath.Base(top), branch, short(commit))
	if ok {
		reason += ", was at " + short(here.Props.String(propGitBase))
	}
	_, err = k.system(ctx, "git", "sync", reason, ops)
	k.moved(k.queueOf(root))
	return commit, err
}

// mergeBranch merges what the branch became in git with what it is in the
// world, from what both last agreed on.
func (k *Kernel) mergeBranch(ctx context.Context, top string, here rmg.Element, theirs rmg.Graph, root rmg.Path) (rmg.Graph, error) {
	base, err := k.opt.Worktree.Tree(ctx, top, here.Props.String(propGitBase))
	if err != nil {
		// The commit is gone from the repository (rewritten and collected):
		// the world's copy of it is what was agreed on.
		k.log.Warn("git_base is gone", "root", root, "err", err)
		base = here.Graph
	}
	merged, conflicts, err := k.merge(rmg.MergeInput{Base: base, System: here.Graph, Workspace: theirs})
	if err != nil {
		return rmg.Graph{}, err
	}
	if len(conflicts) > 0 {
		return rmg.Graph{}, &rmg.Error{
			Op: "sync", Path: root, Code: rmg.Conflict, Msg: fmt.Sprintf("the branch and the world changed the same places, first %s", conflicts[0].Path),
			Hint: "jitos diff shows both sides",
		}
	}
	return merged, nil
}

// branchOps turns one tree of a branch into another.
func branchOps(root rmg.Path, old, next rmg.Graph) []rewrite.Op {
	return rewrite.Between(planted(root, old), planted(root, next), root)
}

// planted puts a tree at its place in a world of its own.
func planted(root rmg.Path, tree rmg.Graph) rmg.Graph {
	o := rmg.NewOverlay(rmg.Graph{})
	p := rmg.Root
	segs := root.Segments()
	for i, s := range segs {
		p = p.Child(s.ID)
		e := rmg.Element{ID: s.ID, Kind: rewrite.KindDir}
		if i == len(segs)-1 {
			e.Graph = tree
		}
		if err := o.Graft(p, e); err != nil {
			panic("planting in an empty graph: " + err.Error())
		}
	}
	return o.Graph()
}

func short(commit string) string {
	if len(commit) > 10 {
		return commit[:10]
	}
	return commit
}

// Resolve finds the graph path of a file on disk, by the repositories known. It
// stands in the branch that its working tree has checked out; the file itself need
// not be there.
func (k *Kernel) Resolve(ctx context.Context, file string) (rmg.Path, error) {
	none := &rmg.Error{
		Op: "resolve", Code: rmg.NotFound, Msg: fmt.Sprintf("%s is in no repository that is known here", file),
		Hint: "an intent or jitos sws new in its repository brings it in, jitos folder add a folder without git",
	}
	e, ok := k.now().world.Get(repoRoot)
	if !ok {
		return "", none
	}
	repo, err := k.locateAbove(ctx, file)
	if err != nil {
		for n := range e.Graph.Nodes("") {
			if top := n.Props.String(propOrigin); top != "" && strings.HasPrefix(file+"/", top+"/") {
				return "", err
			}
		}
		return "", none
	}
	rel, err := filepath.Rel(repo.Top, file)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return "", none
	}
	for n := range e.Graph.Nodes("") {
		if n.Props.String(propOrigin) != repo.Origin {
			continue
		}
		p := repoRoot.Join(n.ID, repo.Branch)
		if rel != "." {
			p = p.Join(strings.Split(filepath.ToSlash(rel), "/")...)
		}
		return p, nil
	}
	return "", none
}

// locateAbove finds the repository of the nearest folder above a file that is
// there; that of the file itself, if it is a folder.
func (k *Kernel) locateAbove(ctx context.Context, file string) (Repo, error) {
	for dir := file; ; dir = filepath.Dir(dir) {
		repo, err := k.opt.Worktree.Locate(ctx, dir)
		if err == nil || dir == filepath.Dir(dir) || !errors.Is(err, &rmg.Error{Code: rmg.NotFound}) {
			return repo, err
		}
	}
}

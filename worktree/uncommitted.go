package worktree

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"jitos.dev/rmg"
)

// Uncommitted is the tree that git add -A would make of a working tree: the
// commit checked out, what is staged, what is not, and untracked files, without
// ignored ones. Nothing is written in the repository: git is given an index and a
// place for new objects of its own. O(change), but for what git's status costs.
func (m *Manager) Uncommitted(ctx context.Context, top, commit string) (rmg.Graph, error) {
	base, err := m.Tree(ctx, top, commit)
	if err != nil || m.isPlain(top) { // there all that is to be seen is the head
		return base, err
	}
	places, err := m.gitPlaces(ctx, Origin{Top: top, Commit: commit})
	if err == nil && places == nil {
		err = fail(rmg.NotFound, "", "%s has no commit %s", top, commit)
	}
	if err != nil {
		return rmg.Graph{}, err
	}
	dir, err := os.MkdirTemp(m.opt.Dir, "uncommitted-")
	if err != nil {
		return rmg.Graph{}, err
	}
	defer os.RemoveAll(dir)
	objects, index := filepath.Join(dir, "objects"), filepath.Join(dir, "index")
	if err := os.Mkdir(objects, 0o700); err != nil {
		return rmg.Graph{}, err
	}
	g := git{dir: top, env: []string{
		"GIT_INDEX_FILE=" + index, "GIT_OBJECT_DIRECTORY=" + objects, "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + quotedPath(places.objects),
	}}
	// The person's index knows which files are unchanged.
	own, err := m.git(top).line(ctx, "rev-parse", "--git-path", "index")
	if err != nil {
		return rmg.Graph{}, err
	}
	if err := copyFile(absolute(top, own), index); err != nil && !errors.Is(err, os.ErrNotExist) {
		return rmg.Graph{}, full(err)
	}
	if _, err := g.run(ctx, "add", "-A", "--", ":/"); err != nil {
		return rmg.Graph{}, full(fmt.Errorf("read the uncommitted state of %s: %w", top, err))
	}
	tree, err := g.line(ctx, "write-tree")
	if err != nil {
		return rmg.Graph{}, err
	}
	return m.readChanges(ctx, g, commit, base, tree)
}

// quotedPath is a path as git reads one in a list of them, whatever is in it.
func quotedPath(name string) string { return fmt.Sprintf("%q", name) }

package worktree

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"jitos.dev/rmg"
)

// Repo is a git repository as found on disk.
type Repo struct {
	Top    string // absolute path of the working tree's root
	GitDir string // absolute
	Origin string // the root of the main working tree: one repository, whatever linked one was asked
	Name   string // the name of that folder
	Branch string // checked out here: "main", "feature/x"
	Head   string // commit of the branch
	Plain  bool   // a plain folder, not a repository of the person's
}

// Locate finds the repository, or the plain folder, that holds dir. NotFound:
// there is no such folder. Invalid: no repository, a bare one, a detached HEAD, no
// commit yet.
// Conflict: in the middle of a merge, rebase, cherry-pick or bisect.
func (m *Manager) Locate(ctx context.Context, dir string) (Repo, error) {
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return Repo{}, fail(rmg.NotFound, "run it in a folder of a git repository", "%q is no folder", dir)
	}
	if top := m.plainAbove(dir); top != "" {
		return m.locatePlain(ctx, top)
	}
	g := git{dir: dir}
	out, err := g.line(ctx, "rev-parse", "--is-bare-repository", "--absolute-git-dir", "--git-common-dir")
	if err != nil {
		var ge *errGit
		if errors.As(err, &ge) && ge.exit > 0 {
			return Repo{}, fail(rmg.Invalid, "jitos folder add takes it in as it is; git init makes a repository", "%s is not in a git repository", dir)
		}
		return Repo{}, err
	}
	bare, rest, _ := strings.Cut(out, "\n")
	gitDir, common, _ := strings.Cut(rest, "\n")
	if bare == "true" {
		return Repo{}, fail(rmg.Invalid, "clone it and run there", "%s is a bare repository: it has no working tree", dir)
	}
	top, err := g.line(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return Repo{}, fail(rmg.Invalid, "run it in the working tree, not in .git", "%s is in no working tree", dir)
	}
	r := Repo{Top: top, GitDir: gitDir, Origin: top}
	if absolute(dir, common) != gitDir {
		if r.Origin, err = mainTree(ctx, top); err != nil {
			return Repo{}, err
		}
	}
	r.Name = filepath.Base(r.Origin)
	g.dir = top
	if err := busy(gitDir); err != nil {
		return Repo{}, err
	}
	if r.Branch, err = g.line(ctx, "symbolic-ref", "--quiet", "--short", "HEAD"); err != nil {
		return Repo{}, fail(rmg.Invalid, "git switch BRANCH first", "HEAD of %s is detached: there is no branch to land on", top)
	}
	if r.Head, err = g.line(ctx, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"); err != nil {
		return Repo{}, fail(rmg.Invalid, "commit something first", "%s has no commit yet", top)
	}
	return r, nil
}

// mainTree is the root of the working tree that a linked one belongs to; of those
// of a bare repository each stands for itself.
func mainTree(ctx context.Context, top string) (string, error) {
	out, err := git{dir: top}.run(ctx, "worktree", "list", "--porcelain", "-z")
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(string(out), "\x00\x00")
	lines := strings.Split(first, "\x00")
	if name, ok := strings.CutPrefix(lines[0], "worktree "); ok && !slices.Contains(lines, "bare") {
		return name, nil
	}
	return top, nil
}

// busy refuses a repository in the middle of something.
func busy(gitDir string) error {
	for _, x := range []struct{ file, what, end string }{
		{"MERGE_HEAD", "a merge", "git merge --continue or --abort"},
		{"rebase-merge", "a rebase", "git rebase --continue or --abort"},
		{"rebase-apply", "a rebase", "git rebase --continue or --abort"},
		{"CHERRY_PICK_HEAD", "a cherry-pick", "git cherry-pick --continue or --abort"},
		{"REVERT_HEAD", "a revert", "git revert --continue or --abort"},
		{"BISECT_LOG", "a bisect", "git bisect reset"},
	} {
		if _, err := os.Lstat(filepath.Join(gitDir, x.file)); err == nil {
			return fail(rmg.Conflict, x.end+", then try again", "the repository is in the middle of %s", x.what)
		}
	}
	return nil
}

// Head returns the commit of a branch; of a plain folder that of what it holds now.
// NotFound if there is none.
func (m *Manager) Head(ctx context.Context, top, branch string) (string, error) {
	if branch == plainBranch && m.isPlain(top) {
		free, err := m.turn(ctx, top)
		if err != nil {
			return "", err
		}
		defer free()
		return m.takeIn(ctx, top, false)
	}
	c, err := m.git(top).line(ctx, "rev-parse", "--verify", "--quiet", "refs/heads/"+branch+"^{commit}")
	var ge *errGit
	if errors.As(err, &ge) && ge.exit == 1 {
		return "", fail(rmg.NotFound, "git branch lists them", "%s has no branch %s", top, branch)
	}
	return c, err
}

// Dirty lists the paths with uncommitted changes, untracked files included,
// ignored ones not; sorted. A plain folder has none: what it holds is its head.
func (m *Manager) Dirty(ctx context.Context, top string) ([]string, error) {
	if m.isPlain(top) {
		return nil, nil
	}
	out, err := m.git(top).run(ctx, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, rec := range records(out) {
		if len(rec) > 3 {
			paths = append(paths, rec[3:])
		}
	}
	slices.Sort(paths)
	return paths, nil
}

// Commit is one commit of a history.
type Commit struct {
	ID, Author, Subject string
	AtUnix              int64
	Process             string // its Jitos-Process trailer, if it has one
	Seq                 uint64 // its Jitos-Seq trailer, if it has one
}

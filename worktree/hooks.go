package worktree

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"jitos.dev/rmg"
)

// The person's hooks have a say in what is committed in their repository. They
// are run on exactly what is to land, as gates: in a folder where git works, HEAD
// is at what the change is merged with, and the change is staged. What runs there
// is a copy of the hooks, in the sandbox; it sees the repository's objects and
// nothing else of it.

// Hooks are those of a repository that are run before a commit is made, or pushed.
type Hooks struct {
	Names []string // in the order in which git runs them
	Sum   string   // SHA-256, hex, of the folder that they stand in; "" without any
}

// The limits of a folder of hooks.
const (
	maxHookFiles = 1000
	maxHookBytes = 16 << 20
)

// gatingHooks are the hooks of git's that are run, in git's order.
var gatingHooks = []string{"pre-commit", "commit-msg", prePush}

// Hooks finds them where git would (core.hooksPath). There are none if the
// person's configuration says jitos.hooks=false. A pre-push hook that is Git LFS's
// own is none: what it does is done by Push.
func (m *Manager) Hooks(ctx context.Context, top string) (Hooks, error) {
	dir, err := hooksDir(ctx, m.git(top))
	if err != nil || dir == "" {
		return Hooks{}, err
	}
	var h Hooks
	for _, name := range gatingHooks {
		if full := filepath.Join(dir, name); isHook(full) && (name != prePush || lfsIn(full) != lfsOnly) {
			h.Names = append(h.Names, name)
		}
	}
	if len(h.Names) == 0 {
		return Hooks{}, nil
	}
	h.Sum, err = copyHooks(dir, "")
	return h, err
}

// isHook says whether git would run a file as a hook.
func isHook(full string) bool {
	st, err := os.Stat(full)
	return err == nil && st.Mode().IsRegular() && st.Mode().Perm()&0o111 != 0
}

func hooksDir(ctx context.Context, g git) (string, error) {
	g.hooks = true
	on, err := g.line(ctx, "config", "--type=bool", "--get", "jitos.hooks")
	if err != nil && !isExit(err, 1) {
		return "", fail(rmg.Invalid, "git config jitos.hooks true, or false", "%s: jitos.hooks is neither true nor false", g.dir)
	}
	if on == "false" {
		return "", nil
	}
	dir, err := g.line(ctx, "rev-parse", "--git-path", "hooks")
	return absolute(g.dir, dir), err
}

// copyHooks copies a folder of hooks, without git's samples, and returns the hash
// of what it copied; to "" is nowhere. Links are followed: what they lead to is
// what would run.
func copyHooks(dir, to string) (string, error) {
	h := sha256.New()
	files, size := 0, int64(0)
	err := walk(dir, func(name string, st fs.FileInfo) error {
		if strings.HasSuffix(name, ".sample") {
			return skip(st)
		}
		from := filepath.Join(dir, filepath.FromSlash(name))
		if st.IsDir() {
			return mkdirIn(to, name)
		}
		st, err := os.Stat(from)
		if err != nil || !st.Mode().IsRegular() {
			return nil // leads nowhere, or to no file: nothing that runs
		}
		if files, size = files+1, size+st.Size(); files > maxHookFiles || size > maxHookBytes {
			return fail(rmg.Limit, "git config jitos.hooks false lands without them", "the hooks in %s are more than %d files or %d bytes", dir, maxHookFiles, maxHookBytes)
		}
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		perm := st.Mode().Perm() & 0o111
		fmt.Fprintf(h, "%q %o %x\n", name, perm, sha256.Sum256(data))
		if to == "" {
			return nil
		}
		return os.WriteFile(filepath.Join(to, filepath.FromSlash(name)), data, 0o644|perm)
	})
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

func mkdirIn(to, name string) error {
	if to == "" {
		return nil
	}
	return os.MkdirAll(filepath.Join(to, filepath.FromSlash(name)), 0o755)
}

// Staged makes a folder as Fresh does, in which tree is staged over base, and of's
// hooks stand in .git/hooks. HEAD is at of's commit, or at a commit over it if
// base is something else. reads are the folders outside of it that git reads.
// Stale: the hooks are others than those asked for.
func (m *Manager) Staged(ctx context.Context, name string, base, tree rmg.Graph, of Origin, hooks Hooks) (*Folder, []string, error) {
	return m.stagedWith(ctx, name, base, tree, of, hooks, func(*Folder) error { return nil })
}

// stagedWith is Staged with something more that is done in the folder.
func (m *Manager) stagedWith(
	ctx context.Context, name string, base, tree rmg.Graph, of Origin, hooks Hooks, more func(*Folder) error,
) (f *Folder, reads []string, err error) {
	places, err := m.gitPlaces(ctx, of)
	if err == nil && places == nil {
		err = fail(rmg.NotFound, "git fetch brings it back", "%s has no commit %s", of.Top, of.Commit)
	}
	if err != nil {
		return nil, nil, err
	}
	if f, err = m.Fresh(ctx, name, tree); err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
			f = nil
		}
	}()
	err = f.plantStaged(ctx, base, tree, of, places, hooks)
	if err == nil {
		err = more(f)
	}
	if err != nil {
		return f, nil, full(err)
	}
	return f, append([]string{places.objects}, alternatesOf(places.objects)...), nil
}

// alternatesOf lists the folders that a repository borrows objects from.
func alternatesOf(objects string) []string {
	data, err := os.ReadFile(filepath.Join(objects, "info", "alternates"))
	if err != nil {
		return nil
	}
	var out []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && line[0] != '#' {
			out = append(out, absolute(objects, line))
		}
	}
	return out
}

func (f *Folder) plantStaged(ctx context.Context, base, tree rmg.Graph, of Origin, places *gitPlaces, hooks Hooks) error {
	dir := filepath.Join(f.Path(), ".git")
	if err := plantGit(dir, of, places, places.objects+"\n"); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, "hooks"), 0o755); err != nil {
		return err
	}
	from, err := hooksDir(ctx, f.m.git(of.Top))
	if err != nil {
		return err
	}
	sum, err := copyHooks(from, filepath.Join(dir, "hooks"))
	if err != nil {
		return err
	}
	if sum != hooks.Sum {
		return fail(rmg.Stale, "try again", "the hooks of %s were changed meanwhile", of.Top)
	}
	theirs, g := f.m.git(of.Top), git{dir: f.Path()}
	for _, key := range []string{"user.name", "user.email"} {
		if v := theirs.config(ctx, key); v != "" {
			if _, err := g.run(ctx, "config", key, v); err != nil {
				return err
			}
		}
	}
	tip, err := f.m.Tree(ctx, of.Top, of.Commit)
	if err != nil {
		return err
	}
	if _, err := g.run(ctx, "read-tree", of.Commit); err != nil {
		return err
	}
	if err := f.headAt(ctx, g, tip, base, of); err != nil {
		return err
	}
	if err := f.stage(ctx, g, base, tree, of); err != nil {
		return err
	}
	if _, err := g.run(ctx, "update-index", "-q", "--refresh"); err != nil && !isExit(err, 1) {
		return err
	}
	return nil
}

// headAt makes a commit of base, where that is not what the branch's has: of a
// change that others will have landed before.
func (f *Folder) headAt(ctx context.Context, g git, tip, base rmg.Graph, of Origin) error {
	if tip.Same(base) {
		return nil
	}
	if err := f.stage(ctx, g, tip, base, of); err != nil {
		return err
	}
	id, err := g.line(ctx, "write-tree")
	if err != nil {
		return err
	}
	g.env = stagedBy()
	head, err := g.line(ctx, "commit-tree", id, "-p", of.Commit, "-m", "what lands before")
	if err != nil {
		return err
	}
	_, err = g.run(ctx, "update-ref", "HEAD", head)
	return err
}

// stagedBy makes commits of a staged folder the same whenever they are made.
func stagedBy() []string {
	return []string{
		"GIT_AUTHOR_NAME=JITOS", "GIT_AUTHOR_EMAIL=jitos@localhost", "GIT_AUTHOR_DATE=@0 +0000",
		"GIT_COMMITTER_NAME=JITOS", "GIT_COMMITTER_EMAIL=jitos@localhost", "GIT_COMMITTER_DATE=@0 +0000",
	}
}

// stage puts what next has otherwise than old into the index of g.
func (f *Folder) stage(ctx context.Context, g git, old, next rmg.Graph, of Origin) error {
	dir, err := os.MkdirTemp(f.m.opt.Dir, "stage-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	names, err := differing(old, next, math.MaxInt)
	if err != nil {
		return err
	}
	var gone, rest []LandPath
	var contents []want
	for _, name := range names {
		p := LandPath{Path: pathOf(rmg.Root, name), OldID: strings.Repeat("0", len(of.Commit))}
		if w, ok := wanted(next, name); ok {
			p.NewMode = w.mode()
			rest, contents = append(rest, p), append(contents, w)
		} else {
			gone = append(gone, p)
		}
	}
	if err := f.m.writeObjects(ctx, g, dir, contents, rest); err != nil {
		return err
	}
	return indexInfo(ctx, g, append(gone, rest...))
}

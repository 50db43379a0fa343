package worktree

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// Repo is a git repository as found on disk.
type Repo struct {
	Top    string // absolute path of the working tree's root
	GitDir string // absolute
	Name   string // the folder's name
	Branch string // checked out here: "main", "feature/x"
	Head   string // commit of the branch
}

// Locate finds the repository that holds dir. Invalid: no repository, a bare
// one, a detached HEAD, no commit yet, submodules, LFS or other filters.
// Conflict: in the middle of a merge, rebase, cherry-pick or bisect.
func (m *Manager) Locate(ctx context.Context, dir string) (Repo, error) {
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return Repo{}, fail(rmg.Invalid, "run it in a folder of a git repository", "%q is no folder", dir)
	}
	g := git{dir: dir}
	out, err := g.line(ctx, "rev-parse", "--is-bare-repository", "--absolute-git-dir")
	if err != nil {
		var ge *errGit
		if errors.As(err, &ge) && ge.exit > 0 {
			return Repo{}, fail(rmg.Invalid, "git init makes one", "%s is not in a git repository", dir)
		}
		return Repo{}, err
	}
	bare, gitDir, _ := strings.Cut(out, "\n")
	if bare == "true" {
		return Repo{}, fail(rmg.Invalid, "clone it and run there", "%s is a bare repository: it has no working tree", dir)
	}
	top, err := g.line(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return Repo{}, fail(rmg.Invalid, "run it in the working tree, not in .git", "%s is in no working tree", dir)
	}
	r := Repo{Top: top, GitDir: gitDir, Name: filepath.Base(top)}
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
	return r, m.supported(ctx, r)
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

// supported refuses what this version would not carry faithfully: submodules,
// and files whose bytes differ between the repository and the working tree.
func (m *Manager) supported(ctx context.Context, r Repo) error {
	m.mu.Lock()
	_, known := m.trees[r.Head]
	m.mu.Unlock()
	if known {
		return nil
	}
	g := git{dir: r.Top}
	out, err := g.run(ctx, "ls-tree", "-r", "-z", r.Head)
	if err != nil {
		return err
	}
	attributes := false
	for _, rec := range records(out) {
		meta, name, _ := strings.Cut(rec, "\t")
		if strings.HasPrefix(meta, "160000 ") {
			return fail(rmg.Invalid, "submodules come with a later version", "%s is a submodule", name)
		}
		attributes = attributes || filepath.Base(name) == ".gitattributes"
	}
	if crlf, err := g.line(ctx, "config", "--get", "core.autocrlf"); err == nil && crlf == "true" {
		return fail(rmg.Invalid, "git config core.autocrlf false", "core.autocrlf changes line ends between repository and files")
	}
	if _, err := os.Stat(filepath.Join(r.GitDir, "info", "attributes")); err != nil && !attributes {
		return nil
	}
	names, err := g.run(ctx, "ls-tree", "-r", "-z", "--name-only", r.Head)
	if err != nil {
		return err
	}
	g.stdin = bytes.NewReader(names)
	out, err = g.run(ctx, "check-attr", "-z", "--stdin", "filter", "ident", "working-tree-encoding", "eol")
	if err != nil {
		return err
	}
	list := records(out)
	for i := 0; i+2 < len(list); i += 3 {
		if v := list[i+2]; v != "unspecified" && v != "unset" && (list[i+1] != "eol" || v == "crlf") {
			return fail(rmg.Invalid, "filters come with a later version", "%s has the attribute %s=%s: its bytes differ between repository and files", list[i], list[i+1], v)
		}
	}
	return nil
}

// Head returns the commit of a branch. NotFound if there is none.
func (m *Manager) Head(ctx context.Context, top, branch string) (string, error) {
	c, err := git{dir: top}.line(ctx, "rev-parse", "--verify", "--quiet", "refs/heads/"+branch+"^{commit}")
	var ge *errGit
	if errors.As(err, &ge) && ge.exit == 1 {
		return "", fail(rmg.NotFound, "git branch lists them", "%s has no branch %s", top, branch)
	}
	return c, err
}

// Tree reads a commit's files into a graph, and their content into blobs.
func (m *Manager) Tree(ctx context.Context, top, commit string) (rmg.Graph, error) {
	m.mu.Lock()
	g, ok := m.trees[commit]
	m.mu.Unlock()
	if ok {
		return g, nil
	}
	out, err := git{dir: top}.run(ctx, "ls-tree", "-r", "-z", "--full-tree", commit)
	if err != nil {
		return rmg.Graph{}, err
	}
	g, err = m.readTree(ctx, top, records(out))
	if err != nil {
		return rmg.Graph{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.trees[commit]; !ok {
		m.trees[commit] = g
		m.recent = append(m.recent, commit)
		if len(m.recent) > maxTrees {
			delete(m.trees, m.recent[0])
			m.recent = m.recent[1:]
		}
	}
	return g, nil
}

// readTree builds the graph, asking one git process for all contents.
func (m *Manager) readTree(ctx context.Context, top string, entries []string) (rmg.Graph, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cmd := git{dir: top}.command(ctx, "cat-file", "--batch")
	in, err := cmd.StdinPipe()
	if err != nil {
		return rmg.Graph{}, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return rmg.Graph{}, err
	}
	if err := cmd.Start(); err != nil {
		return rmg.Graph{}, err
	}
	o := rmg.NewOverlay(rmg.Graph{})
	err = m.readEntries(o, entries, in, bufio.NewReader(out))
	in.Close()
	if err != nil {
		stop()
		_ = cmd.Wait() // it was killed; err says why
		return rmg.Graph{}, err
	}
	return o.Graph(), cmd.Wait()
}

func (m *Manager) readEntries(o *rmg.Overlay, entries []string, in io.Writer, out *bufio.Reader) error {
	for _, rec := range entries {
		meta, name, _ := strings.Cut(rec, "\t")
		f := strings.Fields(meta)
		if len(f) != 3 {
			return fmt.Errorf("git ls-tree: %q", rec)
		}
		mode, id := f[0], f[2]
		if mode == "160000" {
			return fail(rmg.Invalid, "submodules come with a later version", "%s is a submodule", name)
		}
		if _, err := fmt.Fprintln(in, id); err != nil {
			return err
		}
		head, err := out.ReadString('\n')
		if err != nil {
			return err
		}
		h := strings.Fields(head)
		if len(h) != 3 {
			return fmt.Errorf("git cat-file: %q", head)
		}
		size, err := strconv.ParseInt(h[2], 10, 64)
		if err != nil {
			return err
		}
		content := io.LimitReader(out, size)
		if err := m.addEntry(o, name, mode, content); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, content); err != nil {
			return err
		}
		if _, err := out.Discard(1); err != nil {
			return err
		}
	}
	return nil
}

// addEntry puts one file or symlink into the graph.
func (m *Manager) addEntry(o *rmg.Overlay, name, mode string, content io.Reader) error {
	p := rmg.Root.Join(strings.Split(name, "/")...)
	if err := makeDirs(o, p.Parent()); err != nil {
		return err
	}
	if mode == "120000" {
		target, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		return o.AddNode(p, rewrite.KindSymlink, rmg.PropsOf(map[string]rmg.Value{rewrite.PropTarget: linkTarget(string(target))}))
	}
	b, err := m.opt.Blobs.Put(content)
	if err != nil {
		return err
	}
	perm := "0644"
	if mode == "100755" {
		perm = "0755"
	}
	return o.AddNode(p, rewrite.KindFile, rmg.PropsOf(map[string]rmg.Value{rewrite.PropBlob: rmg.BlobOf(b), rewrite.PropMode: rmg.String(perm)}))
}

// linkTarget is a string, or bytes where it is not UTF-8.
func linkTarget(s string) rmg.Value {
	v := rmg.String(s)
	if v.Check() != nil {
		return rmg.Bytes([]byte(s))
	}
	return v
}

func makeDirs(o *rmg.Overlay, p rmg.Path) error {
	if _, ok := o.Get(p); ok {
		return nil
	}
	if err := makeDirs(o, p.Parent()); err != nil {
		return err
	}
	return o.AddNode(p, rewrite.KindDir, rmg.Props{})
}

// Dirty lists the paths with uncommitted changes, untracked files included,
// ignored ones not; sorted.
func (m *Manager) Dirty(ctx context.Context, top string) ([]string, error) {
	out, err := git{dir: top}.run(ctx, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
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

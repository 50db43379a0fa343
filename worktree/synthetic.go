package worktree

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Origin says which commit a workspace was forked from, so that git works in it.
// The zero Origin is of none: then there is no .git.
type Origin struct {
	Top    string // of the repository
	Branch string
	Commit string
}

// A workspace's .git is its own: HEAD is at the base, commits made there go
// nowhere, and no hook, configuration or ref of the repository is in it. Its
// objects are the repository's, mounted read-only below base, and what git adds
// to them. All workspaces of a commit on the same layers share it, as a layer.

// gitObjects is where the repository's objects are mounted, in .git; and as
// .git/objects names it.
const (
	gitObjects   = "base"
	gitAlternate = "../base\n"
)

// gitPlaces are where a repository keeps what a workspace's git reads.
type gitPlaces struct{ dir, objects, shallow, exclude string }

// gitPlaces finds them. A commit that the repository has no more has none: then the
// workspace goes without git.
func (m *Manager) gitPlaces(ctx context.Context, of Origin) (*gitPlaces, error) {
	if of.Commit == "" {
		return nil, nil
	}
	g := m.git(of.Top)
	var ge *errGit
	if _, err := g.run(ctx, "cat-file", "-e", of.Commit+"^{commit}"); errors.As(err, &ge) && ge.exit > 0 {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	out, err := g.line(ctx, "rev-parse", "--absolute-git-dir", "--git-path", "objects", "--git-path", "shallow", "--git-path", "info/exclude")
	if err != nil {
		return nil, err
	}
	list := strings.Split(out, "\n")
	if len(list) != 4 {
		return nil, fmt.Errorf("git rev-parse: %q", out)
	}
	for i, name := range list {
		list[i] = absolute(of.Top, name)
	}
	return &gitPlaces{list[0], list[1], list[2], list[3]}, nil
}

func absolute(top, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(top, name)
}

// gitLayer is the folder of the layer that holds .git for this folder's commit.
func (o *mounted) gitLayer() string {
	branch := sha256.Sum256([]byte(o.f.of.Branch))
	return filepath.Join(o.stand.dir, fmt.Sprintf("git-%s-%x", o.f.of.Commit, branch[:8]))
}

// withGit makes that layer if it is not there: .git, with an index that was
// refreshed on what the layers below show, so that git need not read a file to
// know that it is unchanged. It is held until leaveGit.
func (o *mounted) withGit(ctx context.Context) (err error) {
	o.stand.git.Lock()
	defer o.stand.git.Unlock()
	defer func() {
		if err == nil {
			o.git = o.gitLayer()
			o.stand.gits[o.git]++
		}
	}()
	if _, err := os.Lstat(o.gitLayer()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := o.stand.clearGits(); err != nil {
		return err
	}
	part, err := os.MkdirTemp(o.stand.dir, "new-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeAll(part))
		}
	}()
	if err := os.Chmod(part, 0o755); err != nil {
		return err
	}
	if err := plantGit(filepath.Join(part, ".git"), o.f.of, o.f.git, gitAlternate); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(part, ".git", gitObjects), 0o755); err != nil {
		return err
	}
	if err := o.mount(append([]string{part}, o.stand.chain()...)); err != nil {
		return err
	}
	if err := errors.Join(o.makeIndex(ctx), o.unmount()); err != nil {
		return err
	}
	own := filepath.Join(o.dir("upper"), ".git")
	if err := copyFile(filepath.Join(own, "index"), filepath.Join(part, ".git", "index")); err != nil {
		return err
	}
	// Overlays give no promise about uppers that change under them: a new one
	// follows.
	if err := errors.Join(removeAll(own), removeAll(o.dir("work")), os.Mkdir(o.dir("work"), 0o755)); err != nil {
		return err
	}
	return os.Rename(part, o.gitLayer())
}

// maxGits is how many commits' .git are kept for one layer, beside those in use.
const maxGits = 4

// clearGits removes those that nobody is in, if there are many. l.git is held.
func (l *layer) clearGits() error {
	all, err := filepath.Glob(filepath.Join(l.dir, "git-*"))
	if err != nil || len(all) < maxGits {
		return err
	}
	for _, dir := range all {
		if l.gits[dir] == 0 {
			err = errors.Join(err, removeAll(dir))
		}
	}
	return err
}

// leaveGit lets go of the layer that withGit held.
func (o *mounted) leaveGit() {
	if o.git == "" {
		return
	}
	o.stand.git.Lock()
	defer o.stand.git.Unlock()
	if o.stand.gits[o.git]--; o.stand.gits[o.git] == 0 {
		delete(o.stand.gits, o.git)
	}
	o.git = ""
}

// plantGit writes all of .git but the index; alternates is where it finds the
// repository's objects.
func plantGit(dir string, of Origin, from *gitPlaces, alternates string) error {
	branch := filepath.Join("refs", "heads", of.Branch)
	if !filepath.IsLocal(of.Branch) || !isObjectID(of.Commit) {
		return fmt.Errorf("%q at %q is no branch", of.Branch, of.Commit)
	}
	format := "\trepositoryformatversion = 0\n"
	if len(of.Commit) == 64 {
		format = "\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n[core]\n"
	}
	files := map[string]string{
		"HEAD": "ref: " + filepath.ToSlash(branch) + "\n", branch: of.Commit + "\n", "objects/info/alternates": alternates,
		"config": "[core]\n" + format + "\tbare = false\n\tfilemode = true\n\ttrustctime = false\n\tcheckstat = minimal\n[gc]\n\tauto = 0\n[user]\n\tname = workspace\n\temail = workspace@localhost\n",
	}
	for name, file := range map[string]string{"shallow": from.shallow, "info/exclude": from.exclude} {
		if data, err := os.ReadFile(file); err == nil {
			files[name] = string(data)
		}
	}
	for _, name := range sortedNames(files) {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(full, []byte(files[name]), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// bindGit mounts the repository's objects in a folder that is mounted.
func (o *mounted) bindGit() error {
	at := filepath.Join(o.f.Path(), ".git", gitObjects)
	if err := bindReadOnly(o.f.git.objects, at); err != nil {
		return fmt.Errorf("mount the objects of %s read-only: %w", o.f.of.Top, err)
	}
	return nil
}

// makeIndex makes the index of the commit in a folder that is mounted.
func (o *mounted) makeIndex(ctx context.Context) error {
	if err := o.bindGit(); err != nil {
		return err
	}
	g := git{dir: o.f.Path()}
	if _, err := g.run(ctx, "read-tree", o.f.of.Commit); err != nil {
		return err
	}
	var ge *errGit
	_, err := g.run(ctx, "update-index", "-q", "--refresh")
	if errors.As(err, &ge) && ge.exit == 1 {
		return nil // some files are not as they are in the commit
	}
	return err
}

func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}

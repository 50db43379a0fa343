package worktree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
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
// to them.

// gitObjects is where the repository's objects are mounted, in .git; and as
// .git/objects names it.
const (
	gitObjects   = "base"
	gitAlternate = "../base\n"
)

// plantGit writes .git into an upper layer that is not mounted yet.
func (o *mounted) plantGit() error {
	of := o.f.of
	dir := filepath.Join(o.dir("upper"), ".git")
	branch := filepath.Join("refs", "heads", of.Branch)
	if !filepath.IsLocal(of.Branch) || !isObjectID(of.Commit) {
		return fmt.Errorf("%q at %q is no branch", of.Branch, of.Commit)
	}
	format := "\trepositoryformatversion = 0\n"
	if len(of.Commit) == 64 {
		format = "\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n[core]\n"
	}
	files := map[string]string{
		"HEAD": "ref: " + filepath.ToSlash(branch) + "\n", branch: of.Commit + "\n", "objects/info/alternates": gitAlternate,
		"config": "[core]\n" + format + "\tbare = false\n\tfilemode = true\n\ttrustctime = false\n\tcheckstat = minimal\n[gc]\n\tauto = 0\n[user]\n\tname = workspace\n\temail = workspace@localhost\n",
	}
	if data, err := os.ReadFile(o.f.git.shallow); err == nil {
		files["shallow"] = string(data)
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
	if err := os.Mkdir(filepath.Join(dir, gitObjects), 0o755); err != nil {
		return err
	}
	err := copyFile(o.savedIndex(), filepath.Join(dir, "index"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// gitPlaces are where a repository keeps what a workspace's git reads.
type gitPlaces struct{ objects, shallow string }

// places finds them. A commit that the repository has no more has none: then the
// workspace goes without git.
func (of Origin) places(ctx context.Context) (*gitPlaces, error) {
	if of.Commit == "" {
		return nil, nil
	}
	g := git{dir: of.Top}
	var ge *errGit
	if _, err := g.run(ctx, "cat-file", "-e", of.Commit+"^{commit}"); errors.As(err, &ge) && ge.exit > 0 {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	out, err := g.line(ctx, "rev-parse", "--git-path", "objects", "--git-path", "shallow")
	if err != nil {
		return nil, err
	}
	objects, shallow, _ := strings.Cut(out, "\n")
	return &gitPlaces{absolute(of.Top, objects), absolute(of.Top, shallow)}, nil
}

func absolute(top, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(top, name)
}

// savedIndex is where the index of a commit is kept beside the layer that it was
// refreshed on: with it, git need not read a file to know that it is unchanged.
func (o *mounted) savedIndex() string {
	return filepath.Join(o.stand.dir, "index-"+o.f.of.Commit)
}

// joinGit mounts the repository's objects in a workspace that is mounted, and
// makes its index if this is the first of the commit on these layers.
func (o *mounted) joinGit(ctx context.Context) error {
	dir := filepath.Join(o.f.Path(), ".git")
	at := filepath.Join(dir, gitObjects)
	if err := unix.Mount(o.f.git.objects, at, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount the objects of %s: %w", o.f.of.Top, err)
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC}
	if err := unix.MountSetattr(unix.AT_FDCWD, at, 0, &attr); err != nil {
		return fmt.Errorf("make the objects of %s read-only: %w", o.f.of.Top, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "index")); err == nil {
		return nil
	}
	g := git{dir: o.f.Path()}
	if _, err := g.run(ctx, "read-tree", o.f.of.Commit); err != nil {
		return err
	}
	var ge *errGit
	if _, err := g.run(ctx, "update-index", "-q", "--refresh"); err != nil && (!errors.As(err, &ge) || ge.exit != 1) {
		return err
	}
	part := fmt.Sprintf("%s-%s-%d", o.savedIndex(), filepath.Base(o.f.dir), o.n)
	if err := copyFile(filepath.Join(dir, "index"), part); err != nil {
		return err
	}
	return os.Rename(part, o.savedIndex())
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

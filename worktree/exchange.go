package worktree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"golang.org/x/sys/unix"

	"jitos.dev/rmg"
)

// Files are replaced by exchange: the new file and the old one change places in
// one step, so that no moment exists at which a person's write could be lost.
// What came out is hashed afterwards; if it is not what was expected, somebody
// wrote in between, and it goes back.

// canExchange tries an exchange in the stage, which it makes.
func (s *site) canExchange(l Landing) bool {
	dir := s.stage(l)
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	defer os.Remove(a)
	defer os.Remove(b)
	if os.MkdirAll(dir, 0o755) != nil || os.WriteFile(a, nil, 0o600) != nil || os.WriteFile(b, nil, 0o600) != nil {
		return false
	}
	var x, y unix.Stat_t
	if unix.Stat(dir, &x) != nil || unix.Stat(s.top, &y) != nil || x.Dev != y.Dev {
		return false
	}
	return swap(unix.AT_FDCWD, a, unix.AT_FDCWD, b) == nil
}

// finish brings index and files to the commit that the branch is at already.
// Paths whose index entry is no longer the old one are left as they are: they
// are done, or a person's. The lock is held, and given back.
func (m *Manager) finish(ctx context.Context, s *site, l Landing) (Outcome, error) {
	out := Outcome{Result: Landed}
	index, err := s.index(ctx, l)
	if err != nil {
		return out, err
	}
	if err := errors.Join(os.MkdirAll(s.stage(l), 0o755), os.MkdirAll(s.desk(l), 0o755)); err != nil {
		return out, err
	}
	var todo []LandPath
	for i, p := range l.Paths {
		if (index[p.name()] != entry{p.OldMode, p.OldID}) {
			continue
		}
		todo = append(todo, p)
		m.opt.Step(StepFile)
		kept, err := m.replace(ctx, s, l, p, s.staged(l, i))
		out.Kept = append(out.Kept, kept...)
		if err != nil {
			return out, fmt.Errorf("land %s: %w", p.name(), err)
		}
	}
	m.opt.Step(StepIndex)
	if err := s.newIndex(ctx, l, todo); err != nil {
		return out, err
	}
	m.opt.Step(StepUnlock)
	return out, s.unlock(l)
}

// replace brings one path from its old side to its new one. staged is where the
// new file is made and the old one comes out; after a crash it may hold either.
func (m *Manager) replace(ctx context.Context, s *site, l Landing, p LandPath, staged string) ([]rmg.Blob, error) {
	parent, err := openParent(s.top, p.name(), p.NewMode != "")
	if err != nil {
		if p.NewMode == "" && errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		// The person put something else where the folder was. It stays.
		return nil, ignoreStrange(err)
	}
	defer unix.Close(parent)
	x := &exchange{ctx: ctx, m: m, site: s, path: p, parent: parent, base: path.Base(p.name()), staged: staged}
	if err := x.leftover(); err != nil {
		return x.kept, err
	}
	if p.OldMode == submodule || p.NewMode == submodule {
		return x.kept, x.submodule(ctx, l)
	}
	is, err := s.look(ctx, filepath.Join(s.top, p.name()), p)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return x.kept, err
	}
	switch {
	case is == entry{p.NewMode, p.NewID}:
		return x.kept, nil // done before the crash
	case p.NewMode == "":
		return x.kept, x.remove()
	case is != entry{} && is != entry{p.OldMode, p.OldID} && is.mode != "folder":
		return x.kept, nil // the person's: it stays, git shows it as changed
	}
	return x.kept, x.put(ctx, l)
}

// ignoreStrange drops the errors of a folder that is not there as a folder.
func ignoreStrange(err error) error {
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.EXDEV) {
		return nil
	}
	return err
}

// openParent opens the folder a path stands in, never through a symlink.
func openParent(top, name string, make bool) (int, error) {
	dir := path.Dir(name)
	fd, err := unix.Open(top, dirFlags, 0)
	if err != nil {
		return -1, err
	}
	if dir == "." {
		return fd, nil
	}
	defer unix.Close(fd)
	sub, err := openBelow(fd, dir)
	if !make || !errors.Is(err, unix.ENOENT) {
		return sub, err
	}
	root, err := os.OpenRoot(top)
	if err != nil {
		return -1, err
	}
	defer root.Close()
	if err := root.MkdirAll(dir, 0o777); err != nil {
		return -1, err
	}
	return openBelow(fd, dir)
}

// exchange is the replacement of one path.
type exchange struct {
	ctx    context.Context // of this one replacement
	m      *Manager
	site   *site
	path   LandPath
	parent int    // descriptor of the folder it stands in
	base   string // its name there
	staged string // absolute
	kept   []rmg.Blob
}

func (x *exchange) is(full string) (entry, error) { return x.site.look(x.ctx, full, x.path) }

// submodule replaces one by something else, or the other way round. What is
// checked out in one is the person's, and stays: git shows it.
func (x *exchange) submodule(ctx context.Context, l Landing) error {
	if x.path.OldMode == submodule && x.path.NewMode == submodule {
		return nil
	}
	if x.path.OldMode == submodule {
		err := unix.Unlinkat(x.parent, x.base, unix.AT_REMOVEDIR)
		if err != nil && !errors.Is(err, unix.ENOENT) || x.path.NewMode == "" {
			return nil // there is something in it, or nothing to put there
		}
		if err := x.write(ctx, l); err != nil {
			return err
		}
		return x.place()
	}
	if x.path.OldMode != "" {
		if err := x.remove(); err != nil {
			return err
		}
	}
	root, err := os.OpenRoot(x.site.top)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.MkdirAll(x.path.name(), 0o777); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// leftover deals with what a crash left in the stage: a person's bytes that had
// come out go back in.
func (x *exchange) leftover() error {
	is, err := x.is(x.staged)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	p := x.path
	if is != (entry{p.OldMode, p.OldID}) && is != (entry{p.NewMode, p.NewID}) {
		if err := x.back(); err != nil {
			return err
		}
	}
	return os.RemoveAll(x.staged)
}

// put makes the new file in the stage, and exchanges it for the old one.
func (x *exchange) put(ctx context.Context, l Landing) error {
	if err := x.write(ctx, l); err != nil {
		return err
	}
	if x.path.OldMode == "" {
		return x.place()
	}
	err := swap(unix.AT_FDCWD, x.staged, x.parent, x.base)
	if errors.Is(err, unix.ENOENT) {
		return nil // the person removed it: it stays removed
	}
	if err != nil {
		return err
	}
	return x.judge()
}

// place puts the new file where there is none. A file that appeared meanwhile
// is the person's and stays.
func (x *exchange) place() error {
	err := renameNew(unix.AT_FDCWD, x.staged, x.parent, x.base)
	if errors.Is(err, unix.EEXIST) && removeFolders(filepath.Join(x.site.top, x.path.name())) == nil {
		// Folders stood there with nothing in them; git does not count them.
		err = renameNew(unix.AT_FDCWD, x.staged, x.parent, x.base)
	}
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

// removeFolders removes a folder that holds nothing but such folders. One that
// holds something keeps it.
func removeFolders(dir string) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, d := range list {
		if !d.IsDir() {
			return fs.ErrExist
		}
		if err := removeFolders(filepath.Join(dir, d.Name())); err != nil {
			return err
		}
	}
	return os.Remove(dir + "/")
}

// judge looks at what came out, and puts it back if it was not expected.
func (x *exchange) judge() error {
	is, err := x.is(x.staged)
	if err != nil {
		return err
	}
	if is == (entry{x.path.OldMode, x.path.OldID}) {
		return os.Remove(x.staged)
	}
	return x.back()
}

// back returns the person's file from the stage to its place, and keeps a copy
// of it, and of anything else of theirs that comes out on the way.
func (x *exchange) back() error {
	if err := x.keep(); err != nil {
		return err
	}
	err := swap(unix.AT_FDCWD, x.staged, x.parent, x.base)
	if errors.Is(err, unix.ENOENT) {
		return x.place()
	}
	if err != nil {
		return err
	}
	if is, err := x.is(x.staged); err != nil || is == (entry{x.path.NewMode, x.path.NewID}) || is == (entry{x.path.OldMode, x.path.OldID}) {
		return err
	}
	return x.keep() // written after the first exchange: the earlier bytes are in place, these are kept
}

// keep stores the staged file's content.
func (x *exchange) keep() error {
	st, err := os.Lstat(x.staged)
	if err != nil || !st.Mode().IsRegular() {
		return err
	}
	f, err := os.Open(x.staged)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := x.m.opt.Blobs.Put(f)
	x.kept = append(x.kept, b)
	return err
}

// remove takes the file out, looks at it, and takes away folders left empty.
func (x *exchange) remove() error {
	err := renameNew(x.parent, x.base, unix.AT_FDCWD, x.staged)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	is, err := x.is(x.staged)
	if err != nil {
		return err
	}
	if is != (entry{x.path.OldMode, x.path.OldID}) {
		if err := x.keep(); err != nil {
			return err
		}
		return x.place()
	}
	for d := path.Dir(x.path.name()); d != "."; d = path.Dir(d) {
		if os.Remove(filepath.Join(x.site.top, d)) != nil {
			break
		}
	}
	return os.Remove(x.staged)
}

// write gives the staged name to the new side of the path, making it now if it
// was not made before the branch moved.
func (x *exchange) write(ctx context.Context, l Landing) error {
	if err := x.site.make(ctx, l, x.path, x.staged, nil); err != nil {
		return err
	}
	if x.path.isFile() {
		f, err := os.Open(x.staged + ".new")
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return os.Rename(x.staged+".new", x.staged)
}

// refresh notes of landed files what they are like on disk: else each of them would
// look touched to the next git status. It looks at no other file, but where they
// are many, or git does not want to be told of a path: beyond a link that the
// person put there, or in a part of the tree that they do not check out.
func refresh(ctx context.Context, g git, paths []LandPath) error {
	var there []string
	for _, p := range paths {
		if p.NewMode != "" {
			there = append(there, p.name())
		}
	}
	if len(there) == 0 {
		return nil
	}
	if len(there) <= namesAtOnce {
		_, err := g.literal().run(ctx, append([]string{"-c", "core.fsync=none", "add", "--refresh", "--"}, there...)...)
		var ge *errGit
		if !errors.As(err, &ge) || ge.exit <= 0 {
			return err
		}
	}
	_, err := g.run(ctx, "update-index", "-q", "--refresh")
	if isExit(err, 1) {
		return nil // some files are not as they are in the index
	}
	return err
}

// newIndex makes a copy of the index, changes the landed paths in it, and
// renames it over the index while the lock still stands.
func (s *site) newIndex(ctx context.Context, l Landing, paths []LandPath) error {
	if err := os.RemoveAll(s.room(l)); err != nil || len(paths) == 0 {
		return err
	}
	index, next := filepath.Join(s.gitDir, "index"), filepath.Join(s.desk(l), "index")
	data, err := os.ReadFile(index)
	if err != nil {
		return err
	}
	if err := os.WriteFile(next, data, 0o644); err != nil {
		return err
	}
	g := s.git
	g.env = []string{"GIT_INDEX_FILE=" + next}
	if err := indexInfo(ctx, g, paths); err != nil {
		return err
	}
	if err := refresh(ctx, g, paths); err != nil {
		return err
	}
	f, err := os.Open(next)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(next, index)
}

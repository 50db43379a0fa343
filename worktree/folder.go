package worktree

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"jitos.dev/rmg"
)

// stamp is what tells that a file was not touched since it was written.
type stamp struct {
	size, mtime, ctime int64
	inode              uint64
	mode               fs.FileMode
}

func stampOf(st fs.FileInfo) stamp {
	s := stamp{size: st.Size(), mtime: st.ModTime().UnixNano(), mode: st.Mode()}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		s.ctime, s.inode = changeTime(sys), sys.Ino
	}
	return s
}

// Folder is a tree as real files.
type Folder struct {
	m     *Manager
	dir   string // holds tree and scratch
	tree  rmg.Graph
	of    Origin
	git   *gitPlaces // nil where there is no .git
	rules string     // the git folder whose ignore rules count besides the folder's own; "" for none
	with  *include   // ignored files that it needs, held; nil for none
	made  []*made    // what set-up steps made, held
	body  body
	fresh bool
	free  func()
}

// body is how a folder's files come to be.
type body interface {
	// update makes the folder hold a tree and nothing else.
	update(ctx context.Context, tree rmg.Graph) error
	// touched names what may differ from the folder's tree, each with the stamp
	// that it has if it does not, zero where there is none.
	touched(ctx context.Context) (map[string]stamp, error)
	// drop gives back what the files need while they are there.
	drop() error
}

// Mechanism says how folders are made: "overlay", or "copy" and why not the
// other.
type Mechanism struct{ Name, Why string }

// Mechanism is this manager's.
func (m *Manager) Mechanism() Mechanism { return m.how }

// tokenOf is the one token of a place.
func (m *Manager) tokenOf(name string) chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	q, ok := m.places[name]
	if !ok {
		q = make(chan struct{}, 1)
		m.places[name] = q
	}
	return q
}

// tryTake takes a place if it is free.
func (m *Manager) tryTake(name string) (free func(), ok bool) {
	q := m.tokenOf(name)
	select {
	case q <- struct{}{}:
		return func() { <-q }, true
	default:
		return nil, false
	}
}

// take waits for a place to be free.
func (m *Manager) take(ctx context.Context, name string) (func(), error) {
	q := m.tokenOf(name)
	select {
	case q <- struct{}{}:
		return func() { <-q }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// placeDir is the folder of a place; name's parts may hold escapes but no "..".
func (m *Manager) placeDir(name string) (string, error) {
	if !filepath.IsLocal(name) {
		return "", fail(rmg.Invalid, "", "%q is no name of a place", name)
	}
	return filepath.Join(m.opt.Dir, filepath.FromSlash(name)), nil
}

// Slot makes the folder of a fixed place hold tree: the same name is the same
// path every time, and it costs what differs from trees that were shown before.
// A slot is taken by one user at a time; it waits for its turn or ctx's end.
// Where it is an overlay, git works in it, as if of had been checked out.
//
// Example name: AuthService/0
func (m *Manager) Slot(ctx context.Context, name string, tree rmg.Graph, of Origin) (*Folder, error) {
	return m.SlotWith(ctx, name, tree, of, Needs{})
}

// Fresh makes a folder that nothing has ever been in, at a fixed path for name
// (one user at a time, as Slot), holding tree exactly: every file is looked at
// for having been touched since its content was checked. Close removes it.
func (m *Manager) Fresh(ctx context.Context, name string, tree rmg.Graph) (*Folder, error) {
	return m.FreshWith(ctx, name, tree, nil)
}

func (m *Manager) place(ctx context.Context, name string, tree rmg.Graph, of Origin, n Needs, fresh bool) (*Folder, error) {
	dir, err := m.placeDir(name)
	if err != nil {
		return nil, err
	}
	free, err := m.take(ctx, name)
	if err != nil {
		return nil, err
	}
	f := &Folder{m: m, dir: dir, of: of, fresh: fresh, free: free}
	m.mu.Lock()
	known := m.slots[name]
	m.mu.Unlock()
	if fresh || known == nil {
		// Nothing is known of what stands there.
		err = removeAll(dir)
		known = &slot{has: map[string]want{}, stamps: map[string]stamp{}}
	}
	switch {
	case m.isPlain(of.Top):
		f.rules = m.plainGit(of.Top).repo // no .git where the person has none
	case m.how.Name == overlays && err == nil:
		if f.git, err = m.gitPlaces(ctx, of); f.git != nil {
			f.rules = f.git.dir
		}
	}
	if m.how.Name == overlays {
		f.body = &mounted{f: f}
	} else {
		f.body = &copied{f: f, slot: known}
	}
	if err == nil {
		err = f.bring(ctx, n)
	}
	if err == nil {
		err = errors.Join(os.MkdirAll(f.Path(), 0o755), os.MkdirAll(f.Scratch(), 0o755))
	}
	if err == nil {
		err = f.Update(ctx, tree)
	}
	if err != nil {
		err = errors.Join(err, f.leave())
		free()
		return nil, err
	}
	if !fresh {
		m.mu.Lock()
		m.slots[name] = known
		m.mu.Unlock()
	}
	return f, nil
}

// removeAll removes a folder although what ran in it took away its own rights.
func removeAll(dir string) error {
	if err := os.RemoveAll(dir); err == nil {
		return nil
	}
	filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			os.Chmod(p, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// Path is the absolute path of the tree's root.
func (f *Folder) Path() string { return filepath.Join(f.dir, "tree") }

// Scratch is a private folder beside it, which stays with a slot and is new
// for a fresh folder.
func (f *Folder) Scratch() string { return filepath.Join(f.dir, "scratch") }

// Update makes the folder hold tree, undoing whatever else was done in it.
func (f *Folder) Update(ctx context.Context, tree rmg.Graph) error {
	if err := f.body.update(ctx, tree); err != nil {
		return err
	}
	f.tree = tree
	return nil
}

// Close frees the place.
func (f *Folder) Close() error {
	err := f.leave()
	if f.fresh {
		err = errors.Join(err, removeAll(f.dir))
	}
	f.free()
	return err
}

// leave gives back what the folder holds.
func (f *Folder) leave() error {
	err := f.body.drop()
	if f.with != nil {
		f.m.includes.release(f.with)
	}
	for _, x := range f.made {
		f.m.setups.release(x)
	}
	return err
}

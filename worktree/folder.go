package worktree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// want is what the graph says about one path.
type want struct {
	link bool
	text string // a symlink's target
	blob rmg.Blob
	exec bool
}

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

// slot is what a place is known to hold, by relative path.
type slot struct {
	has    map[string]want
	stamps map[string]stamp
}

// Folder is a tree written out as real files.
type Folder struct {
	m     *Manager
	dir   string // holds tree and scratch
	slot  *slot
	fresh bool
	free  func()
}

// flatten lists the files and symlinks of a tree by relative path.
func flatten(tree rmg.Graph) (map[string]want, error) {
	out := map[string]want{}
	for p, e := range tree.Walk(rmg.Root) {
		ids, ok := rmg.Root.Rel(p)
		if !ok {
			return nil, fail(rmg.Invalid, "", "%s: an edge is no file", p)
		}
		for _, id := range ids {
			if id == "." || id == ".." || strings.EqualFold(id, ".git") || strings.ContainsAny(id, "/\x00") {
				return nil, fail(rmg.Invalid, "", "%s: %q is no file name", p, id)
			}
		}
		name := strings.Join(ids, "/")
		switch e.Kind {
		case rewrite.KindDir:
		case rewrite.KindFile:
			out[name] = want{blob: e.Props.Blob(rewrite.PropBlob), exec: e.Props.String(rewrite.PropMode) == "0755"}
		case rewrite.KindSymlink:
			v, _ := e.Props.Get(rewrite.PropTarget)
			s, ok := v.AsString()
			if b, isBytes := v.AsBytes(); isBytes {
				s, ok = string(b), true
			}
			if !ok || s == "" {
				return nil, fail(rmg.Invalid, "", "%s: a symlink without a target", p)
			}
			out[name] = want{link: true, text: s}
		default:
			return nil, fail(rmg.Invalid, "", "%s: a %s cannot be a file", p, e.Kind)
		}
	}
	return out, nil
}

// take waits for a place to be free.
func (m *Manager) take(ctx context.Context, name string) (func(), error) {
	m.mu.Lock()
	q, ok := m.places[name]
	if !ok {
		q = make(chan struct{}, 1)
		m.places[name] = q
	}
	m.mu.Unlock()
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
// path every time, and only what differs from its last use is written. A slot
// is taken by one user at a time; it waits for its turn or ctx's end.
//
// Example name: AuthService/0
func (m *Manager) Slot(ctx context.Context, name string, tree rmg.Graph) (*Folder, error) {
	return m.place(ctx, "slot/"+name, tree, false)
}

// Fresh makes a folder that nothing has ever been in, at a fixed path for name
// (one user at a time, as Slot), holding tree exactly. Close removes it.
func (m *Manager) Fresh(ctx context.Context, name string, tree rmg.Graph) (*Folder, error) {
	return m.place(ctx, "fresh/"+name, tree, true)
}

func (m *Manager) place(ctx context.Context, name string, tree rmg.Graph, fresh bool) (*Folder, error) {
	dir, err := m.placeDir(name)
	if err != nil {
		return nil, err
	}
	free, err := m.take(ctx, name)
	if err != nil {
		return nil, err
	}
	f := &Folder{m: m, dir: dir, fresh: fresh, free: free}
	m.mu.Lock()
	f.slot = m.slots[name]
	m.mu.Unlock()
	if fresh || f.slot == nil {
		// Nothing is known of what stands there.
		f.slot = &slot{has: map[string]want{}, stamps: map[string]stamp{}}
		err = removeAll(dir)
	}
	if err == nil {
		err = errors.Join(os.MkdirAll(f.Path(), 0o755), os.MkdirAll(f.Scratch(), 0o755))
	}
	if err == nil {
		err = f.Update(ctx, tree)
	}
	if err != nil {
		free()
		return nil, err
	}
	if !fresh {
		m.mu.Lock()
		m.slots[name] = f.slot
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
	next, err := flatten(tree)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(f.Path())
	if err != nil {
		return err
	}
	defer root.Close()
	if err := f.clear(root, next); err != nil {
		return err
	}
	for _, name := range sortedNames(next) {
		if err := ctx.Err(); err != nil {
			return err
		}
		w := next[name]
		if have, ok := f.slot.has[name]; ok && have == w {
			continue
		}
		if err := f.write(root, name, w); err != nil {
			delete(f.slot.has, name)
			return fmt.Errorf("materialise %s: %w", name, err)
		}
	}
	return nil
}

func sortedNames[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for n := range m {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// clear removes what does not belong: files that the tree does not have or that
// were touched, folders that it does not need.
func (f *Folder) clear(root *os.Root, next map[string]want) error {
	dirs := map[string]bool{".": true}
	for name := range next {
		for d := path.Dir(name); d != "."; d = path.Dir(d) {
			dirs[d] = true
		}
	}
	seen := map[string]bool{}
	var gone []string
	err := walk(f.Path(), func(name string, st fs.FileInfo) error {
		if st.IsDir() {
			if !dirs[name] {
				gone = append(gone, name)
				return fs.SkipDir
			}
			return nil
		}
		if w, ok := next[name]; ok && f.slot.has[name] == w && f.slot.stamps[name] == stampOf(st) {
			seen[name] = true
			return nil
		}
		gone = append(gone, name)
		return nil
	})
	if err != nil {
		return err
	}
	for name := range f.slot.has {
		if !seen[name] {
			delete(f.slot.has, name)
			delete(f.slot.stamps, name)
		}
	}
	for _, name := range gone {
		if err := root.RemoveAll(name); err != nil {
			if err := removeAll(filepath.Join(f.Path(), name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// walk visits everything below a folder, never through a symlink. A folder that
// cannot be read is made readable first: it is ours.
func walk(dir string, visit func(name string, st fs.FileInfo) error) error {
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			if d != nil && d.IsDir() && os.Chmod(p, 0o755) == nil {
				return nil
			}
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil || rel == "." {
			return err
		}
		st, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return visit(filepath.ToSlash(rel), st)
	})
}

// write makes one file or symlink.
func (f *Folder) write(root *os.Root, name string, w want) error {
	if dir := path.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if w.link {
		if err := root.Symlink(w.text, name); err != nil {
			return err
		}
		return f.note(root, name, w)
	}
	perm := fs.FileMode(0o644)
	if w.exec {
		perm = 0o755
	}
	src, err := f.m.opt.Blobs.Open(w.blob)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	n, err := io.Copy(dst, src)
	if err == nil && n != w.blob.Size {
		err = fmt.Errorf("the content has %d bytes, not %d", n, w.blob.Size)
	}
	if err = errors.Join(err, dst.Chmod(perm), dst.Close()); err != nil {
		return err
	}
	return f.note(root, name, w)
}

func (f *Folder) note(root *os.Root, name string, w want) error {
	st, err := root.Lstat(name)
	if err != nil {
		return err
	}
	f.slot.has[name], f.slot.stamps[name] = w, stampOf(st)
	return nil
}

// Scan returns what differs between the folder and the tree it was made to
// hold, as ops below at. Anything that is not a file, folder or symlink is
// Invalid. Empty folders do not count, as in git.
func (f *Folder) Scan(ctx context.Context, at rmg.Path) ([]rewrite.Op, error) {
	var ops []rewrite.Op
	seen := map[string]bool{}
	err := walk(f.Path(), func(name string, st fs.FileInfo) error {
		if err := ctx.Err(); err != nil || st.IsDir() {
			return err
		}
		had, ok := f.slot.has[name]
		seen[name] = true
		if ok && f.slot.stamps[name] == stampOf(st) {
			return nil
		}
		now, err := f.look(name, st)
		if err != nil || ok && had == now {
			return err
		}
		if ok && (had.link || now.link) {
			seen[name] = false // replaced: removed, then added
		}
		ops = append(ops, opFor(at, name, now))
		return nil
	})
	if err != nil {
		return nil, err
	}
	var gone []rewrite.Op
	for _, name := range sortedNames(f.slot.has) {
		if !seen[name] {
			gone = append(gone, rewrite.Op{Op: rewrite.Remove, Path: at.Join(strings.Split(name, "/")...)})
		}
	}
	return append(append(gone, f.emptied(at, seen)...), f.madeDirs(at, ops)...), nil
}

// look reads what a touched path holds now.
func (f *Folder) look(name string, st fs.FileInfo) (want, error) {
	full := filepath.Join(f.Path(), filepath.FromSlash(name))
	switch {
	case st.Mode()&fs.ModeSymlink != 0:
		to, err := os.Readlink(full)
		return want{link: true, text: to}, err
	case st.Mode().IsRegular():
		src, err := os.OpenFile(full, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
		if err != nil {
			return want{}, err
		}
		defer src.Close()
		b, err := f.m.opt.Blobs.Put(src)
		return want{blob: b, exec: st.Mode().Perm()&0o100 != 0}, err
	}
	return want{}, fail(rmg.Invalid, "remove it before the command ends", "%s is neither file, folder nor symlink", name)
}

func opFor(at rmg.Path, name string, w want) rewrite.Op {
	p := at.Join(strings.Split(name, "/")...)
	if w.link {
		return rewrite.Op{Op: rewrite.AddNode, Path: p, Kind: rewrite.KindSymlink, Props: map[string]rmg.Value{rewrite.PropTarget: linkTarget(w.text)}}
	}
	mode := "0644"
	if w.exec {
		mode = "0755"
	}
	return rewrite.Op{Op: rewrite.Write, Path: p, Blob: w.blob, Mode: mode}
}

// madeDirs adds the folders that new symlinks need: a write makes its own.
func (f *Folder) madeDirs(at rmg.Path, ops []rewrite.Op) []rewrite.Op {
	have := map[rmg.Path]bool{at: true}
	for name := range f.slot.has {
		for p := at.Join(strings.Split(name, "/")...).Parent(); !have[p]; p = p.Parent() {
			have[p] = true
		}
	}
	var out []rewrite.Op
	for _, op := range ops {
		var need []rewrite.Op
		for p := op.Path.Parent(); !have[p]; p = p.Parent() {
			have[p] = true
			if op.Op == rewrite.AddNode {
				need = append(need, rewrite.Op{Op: rewrite.AddNode, Path: p, Kind: rewrite.KindDir})
			}
		}
		slices.Reverse(need)
		out = append(append(out, need...), op)
	}
	return out
}

// emptied removes the folders that hold nothing any more, deepest first.
func (f *Folder) emptied(at rmg.Path, seen map[string]bool) []rewrite.Op {
	full := map[string]bool{".": true}
	for name := range seen {
		if _, err := os.Lstat(filepath.Join(f.Path(), filepath.FromSlash(name))); err != nil {
			continue
		}
		for d := path.Dir(name); !full[d]; d = path.Dir(d) {
			full[d] = true
		}
	}
	gone := map[string]bool{}
	for name := range f.slot.has {
		for d := path.Dir(name); !full[d]; d = path.Dir(d) {
			gone[d] = true
		}
	}
	names := sortedNames(gone)
	slices.Reverse(names)
	var ops []rewrite.Op
	for _, d := range names {
		ops = append(ops, rewrite.Op{Op: rewrite.Remove, Path: at.Join(strings.Split(d, "/")...)})
	}
	return ops
}

// Close frees the place.
func (f *Folder) Close() error {
	defer f.free()
	if f.fresh {
		return removeAll(f.dir)
	}
	return nil
}

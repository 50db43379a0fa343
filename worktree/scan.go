package worktree

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// change is a name at which a folder holds something else than its tree.
type change struct {
	name     string
	was, now want
	had, has bool
}

// holds says whether there is something at a name, and no link on the way.
func (f *Folder) holds(name string) bool {
	parent, err := openParent(f.Path(), name, false)
	if err != nil {
		return false
	}
	defer unix.Close(parent)
	var st unix.Stat_t
	return unix.Fstatat(parent, path.Base(name), &st, unix.AT_SYMLINK_NOFOLLOW) == nil
}

// compare looks at one name. same is also told of a file whose stamp is the one
// given, without reading it.
func (f *Folder) compare(name string, known stamp) (c change, same bool, err error) {
	c.name = name
	c.was, c.had = wanted(f.tree, name)
	parent, err := openParent(f.Path(), name, false)
	if err != nil {
		err = ignoreStrange(err)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return c, !c.had, err
	}
	defer unix.Close(parent)
	var st unix.Stat_t
	err = unix.Fstatat(parent, path.Base(name), &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c, !c.had, nil
	case err != nil:
		return c, false, err
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return f.compareFolder(c)
	case c.had && known != stamp{}:
		info, err := os.Lstat(filepath.Join(f.Path(), filepath.FromSlash(name)))
		if err == nil && stampOf(info) == known {
			return c, true, nil
		}
	}
	c.has = true
	c.now, err = f.read(parent, name, st)
	return c, c.had && c.was == c.now, err
}

// compareFolder is compare where a folder stands: nothing, to git, but where the
// tree has a submodule.
func (f *Folder) compareFolder(c change) (change, bool, error) {
	if c.was.sub == "" {
		return c, !c.had, nil
	}
	list, err := os.ReadDir(filepath.Join(f.Path(), filepath.FromSlash(c.name)))
	if err == nil && len(list) > 0 {
		err = fail(rmg.Invalid, "change it in its own repository", "%s is a submodule, and has %s in it", c.name, list[0].Name())
	}
	return c, true, err
}

// read takes in what a name holds.
func (f *Folder) read(parent int, name string, st unix.Stat_t) (want, error) {
	base := path.Base(name)
	if _, err := nameOf(pathOf(rmg.Root, name)); err != nil {
		return want{}, fail(rmg.Invalid, "remove it before the command ends", "%s: git takes no file of that name", name)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		to, err := os.Readlink(filepath.Join(f.Path(), filepath.FromSlash(name)))
		return want{link: true, text: to}, err
	case unix.S_IFREG:
		fd, err := unix.Openat(parent, base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if errors.Is(err, fs.ErrPermission) && unix.Fchmodat(parent, base, 0o600|uint32(st.Mode)&0o111, 0) == nil {
			fd, err = unix.Openat(parent, base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		}
		if err != nil {
			return want{}, err
		}
		src := os.NewFile(uintptr(fd), name)
		defer src.Close()
		b, err := f.m.opt.Blobs.Put(src)
		return want{blob: b, exec: st.Mode&0o100 != 0}, err
	}
	return want{}, fail(rmg.Invalid, "remove it before the command ends", "%s is neither file, folder nor symlink", name)
}

// Scan returns what differs between the folder and the tree it was made to
// hold, as ops below at. Anything that is not a file, folder or symlink is
// Invalid. Empty folders do not count, as in git; neither does what the
// repository ignores and the tree does not have. It costs what was changed where
// folders are overlays, and a stat of every file where they are copies.
func (f *Folder) Scan(ctx context.Context, at rmg.Path) ([]rewrite.Op, error) {
	list, err := f.changes(ctx)
	if err != nil {
		return nil, err
	}
	return opsOf(f.tree, at, list), nil
}

// changes lists what differs from the folder's tree, in order of names.
func (f *Folder) changes(ctx context.Context) ([]change, error) {
	names, err := f.body.touched(ctx)
	if err != nil {
		return nil, err
	}
	var fresh []string
	for _, name := range sortedNames(names) {
		if _, ok := wanted(f.tree, name); !ok && f.holds(name) {
			fresh = append(fresh, name)
		}
	}
	ignored, err := f.ignored(ctx, fresh)
	if err != nil {
		return nil, err
	}
	var out []change
	for _, name := range sortedNames(names) {
		if ignored[name] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, same, err := f.compare(name, names[name])
		if err != nil {
			return nil, err
		}
		if !same {
			out = append(out, c)
		}
	}
	return out, nil
}

// opsOf says changes of a tree as ops below at, in an order in which they apply:
// what is gone, what moved, folders left empty, then what is new or changed.
func opsOf(tree rmg.Graph, at rmg.Path, list []change) []rewrite.Op {
	moved, came := moves(tree, list)
	o := &opList{tree: tree, at: at, dirs: map[rmg.Path]bool{at: true}}
	gone := map[string]bool{}
	for _, c := range list {
		if c.had && !c.has {
			gone[c.name] = true
		}
		if c.had && moved[c.name] == "" && (!c.has || c.now.replaces(c.was)) {
			o.add(rewrite.Op{Op: rewrite.Remove, Path: pathOf(at, c.name)})
		}
	}
	for _, from := range sortedNames(moved) {
		o.folders(moved[from])
		o.add(rewrite.Op{Op: rewrite.Move, Path: pathOf(at, from), Dest: pathOf(at, moved[from])})
	}
	for _, d := range emptied(tree, gone, list) {
		o.add(rewrite.Op{Op: rewrite.Remove, Path: pathOf(at, d)})
	}
	for _, c := range list {
		if !c.has || came[c.name] {
			continue
		}
		o.put(c)
	}
	return o.ops
}

// replaces says whether one thing cannot be written over another, but takes its
// place.
func (w want) replaces(old want) bool { return w.link || old.link || w.sub != "" || old.sub != "" }

// opList gathers ops.
type opList struct {
	tree rmg.Graph
	at   rmg.Path
	dirs map[rmg.Path]bool // there, or made by an op
	ops  []rewrite.Op
}

func (o *opList) add(op rewrite.Op) { o.ops = append(o.ops, op) }

// put adds the op that makes or changes one file.
func (o *opList) put(c change) {
	p := pathOf(o.at, c.name)
	switch {
	case c.now.link:
		o.folders(c.name)
		o.add(rewrite.Op{Op: rewrite.AddNode, Path: p, Kind: rewrite.KindSymlink, Props: map[string]rmg.Value{rewrite.PropTarget: linkTarget(c.now.text)}})
	case c.now.sub != "":
		o.folders(c.name)
		o.add(rewrite.Op{Op: rewrite.AddNode, Path: p, Kind: rewrite.KindSubmodule, Props: map[string]rmg.Value{rewrite.PropCommit: rmg.String(c.now.sub)}})
	default:
		for d := p.Parent(); d != o.at; d = d.Parent() {
			o.dirs[d] = true // a write makes its folders
		}
		o.add(rewrite.Op{Op: rewrite.Write, Path: p, Blob: c.now.blob, Mode: c.now.perm()})
	}
}

func (w want) perm() string {
	if w.exec {
		return "0755"
	}
	return "0644"
}

// folders adds the folders that a name needs and the tree does not have.
func (o *opList) folders(name string) {
	var need []string
	for d := path.Dir(name); d != "."; d = path.Dir(d) {
		p := pathOf(o.at, d)
		if e, ok := o.tree.Get(pathOf(rmg.Root, d)); o.dirs[p] || ok && !isFile(e) {
			break
		}
		o.dirs[p] = true
		need = append(need, d)
	}
	slices.Reverse(need)
	for _, d := range need {
		o.add(rewrite.Op{Op: rewrite.AddNode, Path: pathOf(o.at, d), Kind: rewrite.KindDir})
	}
}

// moves pairs what is gone with what is new and the same in every respect: one
// of the same name first, else the first in order. Empty files and links are
// alike too easily. A place that needs something out of its way takes no move.
func moves(tree rmg.Graph, list []change) (moved map[string]string, came map[string]bool) {
	moved, came = map[string]string{}, map[string]bool{}
	gone := map[want][]string{}
	for _, c := range list {
		if c.had && !c.has && !c.was.link && c.was.sub == "" && c.was.blob.Size > 0 {
			gone[c.was] = append(gone[c.was], c.name)
		}
	}
	for _, c := range list {
		from := gone[c.now]
		if c.had || !c.has || len(from) == 0 || !isFree(tree, c.name) {
			continue
		}
		i := max(0, slices.IndexFunc(from, func(n string) bool { return path.Base(n) == path.Base(c.name) }))
		moved[from[i]], came[c.name] = c.name, true
		gone[c.now] = slices.Delete(from, i, i+1)
	}
	return moved, came
}

// isFree says whether a tree has nothing at a name, and no file where a folder
// has to be.
func isFree(tree rmg.Graph, name string) bool {
	if _, ok := tree.Get(pathOf(rmg.Root, name)); ok {
		return false
	}
	for d := path.Dir(name); d != "."; d = path.Dir(d) {
		if e, ok := tree.Get(pathOf(rmg.Root, d)); ok {
			return !isFile(e)
		}
	}
	return true
}

// emptied lists the folders of a tree that have nothing left in them, the
// deepest first. O(change, and what stands beside it).
func emptied(tree rmg.Graph, gone map[string]bool, list []change) []string {
	kept := map[string]bool{}
	for _, c := range list {
		if c.has {
			for d := path.Dir(c.name); d != "." && !kept[d]; d = path.Dir(d) {
				kept[d] = true
			}
		}
	}
	maybe := map[string]bool{}
	for name := range gone {
		for d := path.Dir(name); d != "." && !maybe[d]; d = path.Dir(d) {
			maybe[d] = true
		}
	}
	empty := map[string]bool{}
	var out []string
	// Deeper names come after those they are below.
	names := sortedNames(maybe)
	slices.Reverse(names)
	for _, d := range names {
		e, ok := tree.Get(pathOf(rmg.Root, d))
		if !ok || kept[d] {
			continue
		}
		left := false
		for n := range e.Graph.Nodes("") {
			sub := d + "/" + n.ID
			if left = !gone[sub] && !empty[sub]; left {
				break
			}
		}
		if !left {
			empty[d] = true
			out = append(out, d)
		}
	}
	return out
}

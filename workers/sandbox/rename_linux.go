package sandbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// An overlay renames no folder that its lower layers hold: rename(2) is EXDEV, as
// between two disks, and an ordinary user's overlay has no other way. Programs that
// rename a folder beside itself do not expect that, git among them. So where the
// command's folder is an overlay, its renames are heard of, and what the kernel
// refuses so is done as mv would: copied beside its new place, given its name, and
// removed where it was. All of it happens below the command's own folder, whatever
// the names lead through.
//
// Until it is done both are there, and who looks may see that; a plain rename is
// seen done or not. A command that is killed meanwhile has its result refused.

// movesPart is the part of a sandbox that renames what an overlay would not.
const movesPart = "renames of layered folders"

// renameCall is where a system call has its names: by which arguments, and below
// which folders if they are relative; and the flags, if it has any.
type renameCall struct{ fromDir, from, toDir, to, flags int }

// noFlags, in place of an argument, is of a call that has none.
const noFlags = -1

// mover renames folders below one.
type mover struct{ root string }

// wish is what a call asks for, by full names.
type wish struct {
	id       uint64
	from, to string
	flags    uint
}

// needsMover says whether the folder of a command is an overlay.
func needsMover(s spec) bool {
	if !s.Namespaces || len(s.Write) == 0 || len(renaming) == 0 {
		return false
	}
	var st unix.Statfs_t
	return unix.Statfs(s.Write[0], &st) == nil && st.Type == unix.OVERLAYFS_SUPER_MAGIC
}

func newMover(s spec) *mover { return &mover{filepath.Clean(s.Write[0])} }

// asked reads a call. Of what the kernel does as well, or refuses itself, it says no.
func (m *mover) asked(n *notice, c renameCall, buf []byte) (a wish, ok bool) {
	a.id = n.id
	if c.flags != noFlags {
		a.flags = uint(n.args[c.flags])
	}
	if a.flags&^unix.RENAME_NOREPLACE != 0 {
		return a, false
	}
	var err error
	if a.from, err = n.nameAt(c.fromDir, c.from, buf); err != nil || a.from == "" {
		return a, false
	}
	if st, err := os.Lstat(a.from); err != nil || !st.IsDir() {
		return a, false
	}
	a.to, err = n.nameAt(c.toDir, c.to, buf)
	return a, err == nil && a.to != ""
}

// place is a name in a folder below the root.
type place struct {
	dir, base string
	at        *os.File // the folder
}

func (p place) name() string { return filepath.Join(p.dir, p.base) }

// open finds where a name is, if that may be written to by the command, which owns
// all that is there. It opens nothing outside of the root, whatever becomes of the
// links on the way meanwhile.
func (m *mover) open(root *os.Root, full string) (place, bool) {
	dir, base := filepath.Split(strings.TrimRight(full, "/"))
	if base == "" || base == "." || base == ".." {
		return place{}, false
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return place{}, false
	}
	rel, err := filepath.Rel(m.root, real)
	if err != nil {
		return place{}, false
	}
	at, err := root.Open(rel)
	if err != nil {
		return place{}, false
	}
	if st, err := at.Stat(); err != nil || !st.IsDir() || st.Mode()&0o300 != 0o300 {
		at.Close()
		return place{}, false
	}
	return place{rel, base, at}, true
}

// move does what was asked for, or leaves it to the kernel.
func (m *mover) move(a wish) (errno unix.Errno, done bool) {
	root, err := os.OpenRoot(m.root)
	if err != nil {
		return 0, false
	}
	defer root.Close()
	from, ok := m.open(root, a.from)
	if !ok {
		return 0, false
	}
	defer from.at.Close()
	to, ok := m.open(root, a.to)
	if !ok {
		return 0, false
	}
	defer to.at.Close()
	rename := func(from, to place) error {
		return unix.Renameat2(int(from.at.Fd()), from.base, int(to.at.Fd()), to.base, a.flags)
	}
	if err := rename(from, to); err != unix.EXDEV {
		return errnoOf(err), true
	}
	beside := place{to.dir, fmt.Sprintf(".jitos-moving-%x", a.id), to.at}
	err = copyTree(root, from.name(), beside.name())
	if err == nil {
		err = rename(beside, to)
	}
	if err != nil {
		if e := removeTree(root, beside.name()); e != nil {
			return unix.EIO, true
		}
		return errnoOf(err), true
	}
	return errnoOf(removeTree(root, from.name())), true
}

func errnoOf(err error) unix.Errno {
	errno := unix.EIO
	if err == nil {
		return 0
	}
	errors.As(err, &errno)
	return errno
}

// copyTree copies a folder with all that is in it: what the layers hold of a tree,
// which is files, folders and links.
func copyTree(root *os.Root, from, to string) error {
	st, err := root.Lstat(from)
	if err != nil {
		return err
	}
	switch {
	case st.Mode()&fs.ModeSymlink != 0:
		target, err := root.Readlink(from)
		if err != nil {
			return err
		}
		return root.Symlink(target, to)
	case st.Mode().IsRegular():
		err = copyFile(root, from, to)
	case st.IsDir():
		err = copyFolder(root, from, to)
	default:
		return unix.EXDEV // a pipe or a socket: who wants it moved has to copy
	}
	if err == nil {
		err = root.Chmod(to, st.Mode())
	}
	if err == nil {
		err = root.Chtimes(to, st.ModTime(), st.ModTime())
	}
	return err
}

func copyFolder(root *os.Root, from, to string) error {
	if err := root.Mkdir(to, 0o700); err != nil {
		return err
	}
	d, err := root.Open(from)
	if err != nil {
		return err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	for _, name := range names {
		if err == nil {
			err = copyTree(root, filepath.Join(from, name), filepath.Join(to, name))
		}
	}
	return err
}

func copyFile(root *os.Root, from, to string) error {
	in, err := root.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// removeTree removes what was moved, also of folders that nothing may be removed
// from: a rename does not ask them.
func removeTree(root *os.Root, name string) error {
	err := root.RemoveAll(name)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = fs.WalkDir(root.FS(), filepath.ToSlash(name), func(at string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = root.Chmod(at, 0o700)
		}
		return nil
	})
	return root.RemoveAll(name)
}

package worktree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// opaqueAttr marks a folder of an upper layer that hides all of what is below
// it. It is the user's own name for it: the trusted one needs root.
const opaqueAttr = "user.overlay.opaque"

// maxMountOptions is how long the kernel lets the options of a mount be.
const maxMountOptions = 4000

// errOptions is a chain of layers that the kernel's options have no room for.
var errOptions = errors.New("the names of the layers are too long for one mount")

// mountOverlay shows lowers (the topmost first) under upper at a folder. work
// belongs to the mount; it stands on upper's file system.
func mountOverlay(at, upper, work string, lowers []string) error {
	list := make([]string, len(lowers))
	for i, l := range lowers {
		list[i] = escapeOption(l, ":")
	}
	opts := "userxattr,lowerdir=" + strings.Join(list, ":") + ",upperdir=" + escapeOption(upper, "") + ",workdir=" + escapeOption(work, "")
	if len(opts) > maxMountOptions {
		return errOptions
	}
	if err := unix.Mount("overlay", at, "overlay", unix.MS_NOSUID|unix.MS_NODEV, opts); err != nil {
		return fmt.Errorf("mount an overlay at %s: %w", at, err)
	}
	return nil
}

// escapeOption writes a file name as overlayfs reads it in its options.
func escapeOption(name, also string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; c == '\\' || c == ',' || strings.IndexByte(also, c) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

// bindReadOnly shows a folder at another, where nothing of it can be written or run.
func bindReadOnly(folder, at string) error {
	if err := unix.Mount(folder, at, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC}
	return unix.MountSetattr(unix.AT_FDCWD, at, 0, &attr)
}

// unmount takes away what is mounted at a folder. Something that still has a
// file open there keeps it to itself.
func unmount(at string) error {
	err := unix.Unmount(at, 0)
	if errors.Is(err, unix.EBUSY) {
		err = unix.Unmount(at, unix.MNT_DETACH)
	}
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil // nothing is mounted there
	}
	return err
}

// whiteout makes the mark that hides a name of the layers below.
func whiteout(name string) error { return unix.Mknod(name, unix.S_IFCHR, 0) }

// isWhiteout tells that mark from a device that a program made: none of those
// has the numbers 0 and 0.
func isWhiteout(st fs.FileInfo) bool {
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && st.Mode()&fs.ModeCharDevice != 0 && sys.Rdev == 0
}

// isOpaque says whether a folder of an upper layer hides what is below it.
func isOpaque(dir string) bool {
	var value [1]byte
	n, err := unix.Lgetxattr(dir, opaqueAttr, value[:])
	return err == nil && n == 1 && value[0] == 'y'
}

// tryOverlay mounts one below dir, writes, and looks at the result: whether the
// kernel, the file system and the process's rights allow all that is needed.
func tryOverlay(dir string) (err error) {
	top, err := os.MkdirTemp(dir, "try-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeAll(top)) }()
	at := func(name string) string { return filepath.Join(top, name) }
	for _, d := range []string{"lower/hidden", "upper", "work", "tree"} {
		if err := os.MkdirAll(at(d), 0o755); err != nil {
			return err
		}
	}
	if err := whiteout(at("upper/hidden")); err != nil {
		return fmt.Errorf("make a whiteout: %w", err)
	}
	if err := mountOverlay(at("tree"), at("upper"), at("work"), []string{at("lower")}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unmount(at("tree"))) }()
	if _, err := os.Lstat(at("tree/hidden")); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("a whiteout hides nothing (%v)", err)
	}
	if err := os.Mkdir(at("tree/hidden"), 0o755); err != nil {
		return fmt.Errorf("write in an overlay: %w", err)
	}
	if !isOpaque(at("upper/hidden")) {
		return errors.New("the file system keeps no attributes of a user's")
	}
	return nil
}

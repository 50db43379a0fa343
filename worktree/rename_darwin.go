package worktree

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// dirFlags open a folder to be named by.
const dirFlags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC

// swap lets two names change places in one step, where the file system can (APFS).
func swap(fromDir int, from string, toDir int, to string) error {
	return unix.RenameatxNp(fromDir, from, toDir, to, unix.RENAME_SWAP)
}

// renameNew renames to a name that is free; EEXIST if it is not.
func renameNew(fromDir int, from string, toDir int, to string) error {
	return unix.RenameatxNp(fromDir, from, toDir, to, unix.RENAME_EXCL)
}

// openBelow opens a folder below another, through no link and not out of it: from
// folder to folder, each by the descriptor of the one before.
func openBelow(top int, dir string) (int, error) {
	if !filepath.IsLocal(dir) {
		return -1, unix.EXDEV
	}
	at := top
	for name := range strings.SplitSeq(filepath.Clean(dir), "/") {
		next, err := unix.Openat(at, name, dirFlags|unix.O_NOFOLLOW, 0)
		if at != top {
			unix.Close(at)
		}
		if err != nil {
			return -1, err
		}
		at = next
	}
	return at, nil
}

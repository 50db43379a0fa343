package worktree

import (
	"golang.org/x/sys/unix"
)

// dirFlags open a folder to be named by: nothing is read by the descriptor.
const dirFlags = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC

// swap lets two names change places in one step.
func swap(fromDir int, from string, toDir int, to string) error {
	return unix.Renameat2(fromDir, from, toDir, to, unix.RENAME_EXCHANGE)
}

// renameNew renames to a name that is free; EEXIST if it is not.
func renameNew(fromDir int, from string, toDir int, to string) error {
	return unix.Renameat2(fromDir, from, toDir, to, unix.RENAME_NOREPLACE)
}

// openBelow opens a folder below another, through no link and not out of it.
func openBelow(top int, dir string) (int, error) {
	return unix.Openat2(top, dir, &unix.OpenHow{Flags: dirFlags, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS})
}

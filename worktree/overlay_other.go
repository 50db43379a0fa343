//go:build !linux

package worktree

import (
	"errors"
	"io/fs"
)

// maxMountOptions stands for a limit that is never met: there are no layers.
const maxMountOptions = 4000

// errNoMounts is why folders are copies here: mounts that only one process and its
// children see are Linux's.
var errNoMounts = errors.New("this system has no mount namespaces and no overlays")

// Private says whether this process stands in a mount namespace of its own.
func Private() bool { return false }

// Enter refuses, and leaves this process as it was.
func Enter([]string) error { return errNoMounts }

// Probe says how folders would be made below dir.
func Probe(string) Mechanism { return Mechanism{Name: copies, Why: errNoMounts.Error()} }

func tryOverlay(string) error                       { return errNoMounts }
func mountOverlay(_, _, _ string, _ []string) error { return errNoMounts }
func bindReadOnly(_, _ string) error                { return errNoMounts }
func unmount(string) error                          { return nil }
func whiteout(string) error                         { return errNoMounts }
func isWhiteout(fs.FileInfo) bool                   { return false }
func isOpaque(string) bool                          { return false }

package worktree

import (
	"errors"
	"os"
	"path/filepath"
)

// Probe says how folders would be made below dir, which need not exist: it tries
// in the nearest folder that does, and leaves nothing there. Only a process that
// is Private can find overlays.
func Probe(dir string) Mechanism {
	if !Private() {
		return Mechanism{Name: copies, Why: "this process has no mounts of its own"}
	}
	for _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) && dir != filepath.Dir(dir); _, err = os.Stat(dir) {
		dir = filepath.Dir(dir)
	}
	if err := tryOverlay(dir); err != nil {
		return Mechanism{Name: copies, Why: err.Error()}
	}
	return Mechanism{Name: overlays}
}

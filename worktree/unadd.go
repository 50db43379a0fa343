package worktree

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"jitos.dev/rmg"
)

// ForgetFolder undoes AddFolder: the folder is known no more, and what was kept of
// it here is removed, or with dryRun only said. Nothing in the folder itself is
// touched; it need not be there any more. It returns its one name, and how many
// bytes go.
//
// NotFound: it was not added. Conflict: a landing in it is to be finished first.
func (m *Manager) ForgetFolder(ctx context.Context, dir string, dryRun bool) (top string, bytes int64, err error) {
	if top, err = realFolder(dir); err != nil {
		top = filepath.Clean(dir) // it is gone, and so are the links to it
	}
	free, err := m.turn(ctx, top)
	if err != nil {
		return top, 0, err
	}
	defer free()
	if !m.plains.has(top) {
		return top, 0, fail(rmg.NotFound, "jitos folder list names those that were", "%s was not added", top)
	}
	at := m.plains.place(top)
	if _, err := os.Lstat(filepath.Join(at, "git", "index.lock")); !errors.Is(err, fs.ErrNotExist) {
		return top, 0, errors.Join(err, fail(rmg.Conflict, "jitos ps names it; a look at the folder finishes one that was cut off", "a landing in %s is not finished", top))
	}
	if bytes, err = sizeOf(at); err != nil || dryRun {
		return top, bytes, err
	}
	m.mu.Lock()
	delete(m.last, top)
	m.mu.Unlock()
	m.plains.set(top, false)
	// Away in one step: what a death leaves of it is no folder that was added.
	away, err := os.MkdirTemp(m.plains.dir, "new-")
	if err == nil {
		err = os.Rename(at, filepath.Join(away, "was"))
	}
	if err != nil {
		m.plains.set(top, true)
		return top, 0, err
	}
	return top, bytes, removeAll(away)
}

// sizeOf is how many bytes the files below a folder have.
func sizeOf(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		st, err := d.Info()
		if err == nil {
			n += st.Size()
		}
		return err
	})
	return n, err
}

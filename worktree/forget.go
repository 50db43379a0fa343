package worktree

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// Forget removes every copy of contents in the manager's folders that nobody is
// using: layers, what steps made, what slots were left with, and the commits of
// plain folders. What is in use goes when it is closed. It costs the next
// workspaces a copy of what they show, and plain folders a reading.
func (m *Manager) Forget() error {
	var err error
	if m.layers != nil {
		for _, dir := range m.layers.forgetAll() {
			err = errors.Join(err, removeAll(dir))
		}
	}
	err = errors.Join(err, m.includes.forget(), m.setups.forget(), m.forgetPlains())
	slots := filepath.Join(m.opt.Dir, "slot")
	return errors.Join(err, filepath.WalkDir(slots, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.IsDir() || d.Name() != "tree" {
			return err
		}
		if err := m.emptySlot(filepath.Dir(p)); err != nil {
			return err
		}
		return fs.SkipDir
	}))
}

// emptySlot removes the files of a slot that is not taken, and lets nobody take
// it meanwhile.
func (m *Manager) emptySlot(dir string) error {
	rel, err := filepath.Rel(m.opt.Dir, dir)
	if err != nil {
		return err
	}
	name := filepath.ToSlash(rel)
	m.mu.Lock()
	defer m.mu.Unlock()
	q := m.places[name]
	if q != nil {
		select {
		case q <- struct{}{}:
			defer func() { <-q }()
		default:
			return nil
		}
	}
	delete(m.slots, name)
	return removeAll(filepath.Join(dir, "tree"))
}

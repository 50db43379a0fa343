package worktree

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"jitos.dev/rmg"
)

// build makes a layer and says so; below, if any, is released.
func (m *Manager) build(ctx context.Context, below *layer, tree rmg.Graph, names []string, l *layer) {
	err := m.fill(ctx, below, tree, names, l)
	ls := m.layers
	ls.mu.Lock()
	if below != nil {
		below.users--
	}
	if err != nil {
		delete(ls.all, l.meta.Digest)
		l.err = err
	}
	gone := ls.surplus()
	ls.mu.Unlock()
	close(l.ready)
	for _, dir := range gone {
		_ = removeAll(dir) // what stays is removed at the next start
	}
}

// fill writes a layer's files beside its place, and moves it there whole.
func (m *Manager) fill(ctx context.Context, below *layer, tree rmg.Graph, names []string, l *layer) (err error) {
	dir, err := os.MkdirTemp(m.layers.dir, "new-")
	if err != nil {
		return full(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(full(err), removeAll(dir))
		}
	}()
	files := filepath.Join(dir, "tree")
	if err := os.Mkdir(files, 0o755); err != nil {
		return err
	}
	if below == nil {
		err = m.writeTree(ctx, files, tree)
	} else {
		err = m.writeDelta(ctx, files, tree, names)
	}
	if err != nil {
		return err
	}
	if l.meta.Stamps, err = stampsOf(files); err != nil {
		return err
	}
	data, err := json.Marshal(l.meta)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "meta"), data, 0o600); err != nil {
		return err
	}
	// One of that name may be there still, touched and forgotten but in use.
	for n := 0; ; n++ {
		l.dir = filepath.Join(m.layers.dir, fmt.Sprintf("%x-%d", l.meta.Digest[:8], n))
		if err = os.Rename(dir, l.dir); !errors.Is(err, fs.ErrExist) && !errors.Is(err, syscall.ENOTEMPTY) {
			return err
		}
	}
}

// full says what to do about a full disk.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fail(rmg.Limit, "make room: jitos gc --dry-run says what JITOS could give up", "there is no room on the disk for a workspace: %v", err)
	}
	return err
}

// writeTree writes all files of a tree.
func (m *Manager) writeTree(ctx context.Context, dir string, tree rmg.Graph) error {
	files, err := flatten(tree)
	if err != nil {
		return err
	}
	return m.writeFiles(ctx, dir, sortedNames(files), files)
}

// writeFiles writes files into a new folder that nobody else is in.
func (m *Manager) writeFiles(ctx context.Context, dir string, names []string, files map[string]want) error {
	made := map[string]bool{".": true}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		full := filepath.Join(dir, filepath.FromSlash(name))
		err := error(nil)
		if d := path.Dir(name); !made[d] {
			err = os.MkdirAll(filepath.Dir(full), 0o755)
			made[d] = true
		}
		if err == nil {
			err = m.writeNew(full, files[name], true)
		}
		if err != nil {
			return fmt.Errorf("materialise %s: %w", name, err)
		}
	}
	return nil
}

// writeDelta writes what a tree has at the names given, over layers that hold
// something else there.
func (m *Manager) writeDelta(ctx context.Context, dir string, tree rmg.Graph, names []string) error {
	files := map[string]want{}
	var gone []string
	for _, name := range names {
		if w, ok := wanted(tree, name); ok {
			files[name] = w
		} else {
			gone = append(gone, name)
		}
	}
	if err := m.writeFiles(ctx, dir, sortedNames(files), files); err != nil {
		return err
	}
	for _, name := range gone {
		if err := hide(dir, tree, name); err != nil {
			return fmt.Errorf("materialise without %s: %w", name, err)
		}
	}
	return nil
}

// hide makes a name of the layers below invisible, with the folders that the
// tree does not have either.
func hide(dir string, tree rmg.Graph, name string) error {
	top := name
	for d := path.Dir(name); d != "."; d = path.Dir(d) {
		e, ok := tree.Get(pathOf(rmg.Root, d))
		if ok && isFile(e) {
			return nil // the file that stands there hides it
		}
		if !ok {
			top = d
		}
	}
	at := filepath.Join(dir, filepath.FromSlash(top))
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	err := whiteout(at)
	if errors.Is(err, fs.ErrExist) {
		return nil // a folder or a file of the tree, or hidden already
	}
	return err
}

package worktree

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"jitos.dev/rmg"
)

// slot is what a place is known to hold, by relative path.
type slot struct {
	has    map[string]want
	stamps map[string]stamp
}

// copied is a folder of plain files: where overlays are not to be had. What a
// slot was left with is kept, so that only what differs is written.
type copied struct {
	f    *Folder
	slot *slot
}

// update makes the folder hold tree, undoing whatever else was done in it.
func (c *copied) update(ctx context.Context, tree rmg.Graph) error {
	next, err := flatten(tree)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(c.f.Path())
	if err != nil {
		return err
	}
	defer root.Close()
	if err := c.clear(root, next); err != nil {
		return err
	}
	for _, name := range sortedNames(next) {
		if err := ctx.Err(); err != nil {
			return err
		}
		w := next[name]
		if have, ok := c.slot.has[name]; ok && have == w {
			continue
		}
		if err := c.write(root, name, w); err != nil {
			delete(c.slot.has, name)
			return full(fmt.Errorf("materialise %s: %w", name, err))
		}
	}
	for _, dir := range c.f.besides() {
		if err := c.bring(ctx, root, dir); err != nil {
			return full(err)
		}
	}
	return nil
}

// bring copies what is there besides the tree, but for what stands there already.
// It does so each time: nothing is remembered of these files.
func (c *copied) bring(ctx context.Context, root *os.Root, dir string) error {
	return walk(dir, func(name string, st fs.FileInfo) error {
		if err := ctx.Err(); err != nil || st.IsDir() {
			return err
		}
		if _, err := root.Lstat(name); err == nil {
			return nil
		}
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		return includeOne(filepath.Join(dir, filepath.FromSlash(name)), filepath.Join(c.f.Path(), filepath.FromSlash(name)))
	})
}

// clear removes what does not belong: files that the tree does not have or that
// were touched, folders that it does not need.
func (c *copied) clear(root *os.Root, next map[string]want) error {
	dirs := map[string]bool{".": true}
	for name := range next {
		for d := path.Dir(name); d != "."; d = path.Dir(d) {
			dirs[d] = true
		}
	}
	seen := map[string]bool{}
	var gone []string
	err := walk(c.f.Path(), func(name string, st fs.FileInfo) error {
		w, ok := next[name]
		switch {
		case ok && c.slot.has[name] == w && c.slot.stamps[name] == stampOf(st):
			seen[name] = true
			return skip(st)
		case !ok && st.IsDir() && dirs[name]:
			return nil
		}
		gone = append(gone, name)
		return skip(st)
	})
	if err != nil {
		return err
	}
	for name := range c.slot.has {
		if !seen[name] {
			delete(c.slot.has, name)
			delete(c.slot.stamps, name)
		}
	}
	for _, name := range gone {
		if err := root.RemoveAll(name); err != nil {
			if err := removeAll(filepath.Join(c.f.Path(), name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// write makes one file, and remembers how it was left. A gate's folder is held
// against the hashes on the way.
func (c *copied) write(root *os.Root, name string, w want) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	full := filepath.Join(c.f.Path(), filepath.FromSlash(name))
	if err := c.f.m.writeNew(full, w, c.f.fresh); err != nil {
		return err
	}
	st, err := root.Lstat(name)
	if err != nil {
		return err
	}
	c.slot.has[name], c.slot.stamps[name] = w, stampOf(st)
	return nil
}

// touched looks at every file.
func (c *copied) touched(ctx context.Context) (map[string]stamp, error) {
	out, seen := map[string]stamp{}, map[string]bool{}
	err := walk(c.f.Path(), func(name string, st fs.FileInfo) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if name == ".git" {
			return skip(st)
		}
		if st.IsDir() && c.slot.has[name].sub == "" || c.f.isBesides(name) {
			return nil
		}
		if seen[name] = true; c.slot.stamps[name] != stampOf(st) {
			out[name] = c.slot.stamps[name]
		}
		return nil
	})
	for name, s := range c.slot.stamps {
		if !seen[name] {
			out[name] = s
		}
	}
	return out, err
}

// drop leaves everything as it is.
func (c *copied) drop() error { return nil }

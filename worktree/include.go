package worktree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"jitos.dev/rmg"
)

// Files that git ignores and a workspace needs all the same (.env, node_modules)
// are named by .worktreeinclude, in the words of .gitignore, in the working tree.
// They are copied into a layer below the tree's own: workspaces never see the
// live files, gates see neither, and a scan never brings them back.

const includeFile = ".worktreeinclude"

// The limits of what is included.
const (
	maxIncluded = 200_000 // files
	maxIncludes = 3       // layers kept, beside those in use
)

// includes are the layers of one manager, by what is in them.
type includes struct {
	dir string

	mu   sync.Mutex // guards the fields below
	all  map[string]*include
	tops map[string]*looked
	used uint64
}

// looked is what is known of one working tree.
type looked struct {
	mu    sync.Mutex          // held while it is looked at, or copied from
	lists map[string]*listing // by the patterns besides .worktreeinclude; guarded by mu
	begun map[string]uint64   // looks for each that began, ever; guarded by includes.mu
}

// include is a layer of copies. Its folder is named by the hash of what the
// originals' names and stamps were.
type include struct {
	dir   string
	users int
	used  uint64
}

// openIncludes removes what an earlier start left: nothing says what it holds.
func openIncludes(dir string) (*includes, error) {
	return &includes{dir: dir, all: map[string]*include{}, tops: map[string]*looked{}}, errors.Join(removeAll(dir), os.MkdirAll(dir, 0o700))
}

// hold gives the layer for a working tree as it is now, nil if nothing is
// included. It costs a stat of each file and folder (see listing), and a copy of
// all where a file was changed. Of those who come while another looks, one looks
// after it for all of them.
func (in *includes) hold(ctx context.Context, g git, also []string) (*include, error) {
	id := strings.Join(also, "\x00")
	in.mu.Lock()
	t := in.tops[g.dir]
	if t == nil {
		t = &looked{lists: map[string]*listing{}, begun: map[string]uint64{}}
		in.tops[g.dir] = t
	}
	came := t.begun[id]
	in.mu.Unlock()

	t.mu.Lock()
	defer t.mu.Unlock()
	in.mu.Lock()
	again := t.begun[id] == came || t.lists[id] == nil
	if again {
		t.begun[id]++
	}
	in.mu.Unlock()
	if again {
		if err := t.look(ctx, g, also, id); err != nil {
			return nil, err
		}
	}
	l := t.lists[id]
	if len(l.names) == 0 {
		return nil, nil
	}
	if x := in.known(l.key); x != nil {
		return x, in.tidy()
	}
	x := &include{dir: filepath.Join(in.dir, l.key)}
	if err := in.make(ctx, g.dir, l, x.dir); err != nil {
		return nil, full(err)
	}
	in.mu.Lock()
	in.used++
	x.users, x.used = 1, in.used
	in.all[l.key] = x
	in.mu.Unlock()
	return x, in.tidy()
}

// look finds out which files are included as the working tree is now. t.mu is held.
func (t *looked) look(ctx context.Context, g git, also []string, id string) error {
	l := t.lists[id]
	delete(t.lists, id)
	stands, err := false, error(nil)
	if l != nil {
		stands, err = l.stands(ctx, g, also)
	}
	if err == nil && !stands {
		l, err = list(ctx, g, also)
	}
	if err == nil {
		t.lists[id] = l
	}
	return err
}

// known holds a layer that is there.
func (in *includes) known(key string) *include {
	in.mu.Lock()
	defer in.mu.Unlock()
	x := in.all[key]
	if x != nil {
		in.used++
		x.users++
		x.used = in.used
	}
	return x
}

func (in *includes) release(x *include) {
	in.mu.Lock()
	defer in.mu.Unlock()
	x.users--
}

// tidy removes the layers beyond maxIncludes that nobody uses.
func (in *includes) tidy() (err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	var idle []string
	for _, key := range sortedNames(in.all) {
		if in.all[key].users == 0 {
			idle = append(idle, key)
		}
	}
	slices.SortFunc(idle, func(a, b string) int { return int(in.all[b].used) - int(in.all[a].used) })
	for _, key := range idle[min(maxIncludes, len(idle)):] {
		err = errors.Join(err, removeAll(in.all[key].dir))
		delete(in.all, key)
	}
	return err
}

// forget removes all that nobody uses.
func (in *includes) forget() (err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for key, x := range in.all {
		if x.users == 0 {
			err = errors.Join(err, removeAll(x.dir))
			delete(in.all, key)
		}
	}
	return err
}

// make copies the files, whole, or says that they were being written.
func (in *includes) make(ctx context.Context, top string, l *listing, dir string) (err error) {
	part, err := os.MkdirTemp(in.dir, "new-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeAll(part))
		}
	}()
	if err := os.Chmod(part, 0o755); err != nil {
		return err
	}
	for _, name := range l.names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := includeOne(filepath.Join(top, filepath.FromSlash(name)), filepath.Join(part, filepath.FromSlash(name))); err != nil {
			return fmt.Errorf("include %s: %w", name, err)
		}
	}
	was := l.key
	if err := l.stampFiles(ctx, top); err != nil || was != l.key {
		return errors.Join(err, fail(rmg.Conflict, "try again when it is still", "ignored files that are to come along were written while they were copied"))
	}
	return os.Rename(part, dir)
}

func includeOne(from, to string) error {
	st, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	switch {
	case st.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case !st.Mode().IsRegular():
		return nil // a socket or a pipe is nothing to copy
	}
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, st.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src) // a clone, where the file system can
	return errors.Join(err, dst.Close())
}

package worktree

import (
	"context"
	"crypto/sha256"
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

	mu   sync.Mutex // guards the fields below; held while one is made
	all  map[string]*include
	used uint64
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
	return &includes{dir: dir, all: map[string]*include{}}, errors.Join(removeAll(dir), os.MkdirAll(dir, 0o700))
}

// hold gives the layer for a working tree as it is now, nil if nothing is
// included. It costs a stat of each file, and a copy where one was changed.
func (in *includes) hold(ctx context.Context, g git, also []string) (*include, error) {
	top := g.dir
	names, err := included(ctx, g, also)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	key, err := stampsAt(top, names)
	if err != nil {
		return nil, err
	}
	in.used++
	x := in.all[key]
	if x == nil {
		x = &include{dir: filepath.Join(in.dir, key)}
		if err := in.make(ctx, top, names, key, x.dir); err != nil {
			return nil, full(err)
		}
		in.all[key] = x
	}
	x.users++
	x.used = in.used
	return x, in.clear()
}

func (in *includes) release(x *include) {
	in.mu.Lock()
	defer in.mu.Unlock()
	x.users--
}

// clear removes the layers beyond maxIncludes that nobody uses. in.mu is held.
func (in *includes) clear() (err error) {
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

// included lists the files that .worktreeinclude or also names and git ignores.
func included(ctx context.Context, g git, also []string) ([]string, error) {
	var named []string
	top := g.dir
	rules := filepath.Join(top, includeFile)
	if st, err := os.Lstat(rules); err == nil && st.Mode().IsRegular() {
		named = append(named, "--exclude-from="+rules)
	}
	for _, pattern := range also {
		named = append(named, "--exclude="+pattern)
	}
	if len(named) == 0 {
		return nil, nil
	}
	out, err := g.run(ctx, append([]string{"ls-files", "-z", "--others", "--ignored"}, named...)...)
	if err != nil || len(out) == 0 {
		return nil, err
	}
	g.stdin = strings.NewReader(string(out))
	out, err = g.run(ctx, "check-ignore", "-z", "--stdin")
	var ge *errGit
	if err != nil && (!errors.As(err, &ge) || ge.exit != 1) {
		return nil, err
	}
	names := records(out)
	if len(names) > maxIncluded {
		return nil, fail(rmg.Limit, "narrow "+includeFile+", or copy in .jitos/setup.yaml", "%d ignored files of %s are to come along; the limit is %d", len(names), top, maxIncluded)
	}
	slices.Sort(names)
	return names, nil
}

// stampsAt hashes the names and stamps of files.
func stampsAt(top string, names []string) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", top)
	for _, name := range names {
		st, err := os.Lstat(filepath.Join(top, filepath.FromSlash(name)))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%q %+v\n", name, stampOf(st))
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:16]), nil
}

// make copies the files, whole, or says that they were being written.
func (in *includes) make(ctx context.Context, top string, names []string, key, dir string) (err error) {
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
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := includeOne(filepath.Join(top, filepath.FromSlash(name)), filepath.Join(part, filepath.FromSlash(name))); err != nil {
			return fmt.Errorf("include %s: %w", name, err)
		}
	}
	if now, err := stampsAt(top, names); err != nil || now != key {
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

package worktree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// indexRoom is how much an index may grow by a landing, beyond what it adds for
// each path, in bytes; and that.
const (
	indexRoom    = 64 << 10
	indexPerPath = 4 << 10
)

// staged is where the new side of a landing's path is made and its old one
// comes out.
func (s *site) staged(l Landing, i int) string { return filepath.Join(s.stage(l), fmt.Sprint(i)) }

// room stands for the disk that the new index will take.
func (s *site) room(l Landing) string { return filepath.Join(s.desk(l), "room") }

// prepare makes everything that the landing will put in place, so that a disk
// that is full, or an object that cannot be read, is met before the branch moves
// and not after. Each why is a path that a filter does not give.
func (s *site) prepare(ctx context.Context, l Landing) (why []string, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cmd := s.git.command(ctx, "cat-file", "--batch")
	objects, err := newContents(cmd)
	if err != nil {
		return nil, err
	}
	defer func() {
		objects.in.Close()
		stop()
		_ = cmd.Wait() // what it gave was looked at as it came
	}()
	for i, p := range l.Paths {
		if p.NewMode == "" || p.NewMode == submodule {
			continue
		}
		err := s.make(ctx, l, p, s.staged(l, i), objects)
		var ge *errGit
		if errors.As(err, &ge) && p.Convert {
			why = append(why, fmt.Sprintf("%s (git cannot convert it: %v)", p.name(), err))
		} else if err != nil {
			return nil, full(fmt.Errorf("stage %s: %w", p.name(), err))
		}
	}
	size := int64(indexRoom + indexPerPath*len(l.Paths))
	if st, err := os.Stat(filepath.Join(s.gitDir, "index")); err == nil {
		size += st.Size()
	}
	return why, full(reserve(s.room(l), size))
}

// reserve makes a file that takes its size of the disk.
func reserve(name string, size int64) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	zeros := make([]byte, 64<<10)
	for ; size > 0 && err == nil; size -= int64(len(zeros)) {
		_, err = f.Write(zeros[:min(size, int64(len(zeros)))])
	}
	return errors.Join(err, f.Close())
}

// keepRights gives a new file the rights of the one that it replaces in a plain
// folder, which its owner may have narrowed. In a repository they are git's to say.
func (s *site) keepRights(p LandPath, f *os.File) error {
	if !s.plain || p.OldMode != p.NewMode {
		return nil
	}
	st, err := os.Lstat(filepath.Join(s.top, filepath.FromSlash(p.name())))
	if err != nil || !st.Mode().IsRegular() {
		return nil // it is the landing's to find out
	}
	return f.Chmod(st.Mode().Perm())
}

// make makes the new side of a path as staged+".new", if it is not there: from
// git's object, as it is to stand in the working tree. It gets that name only
// when it is whole. objects may be nil.
func (s *site) make(ctx context.Context, l Landing, p LandPath, staged string, objects *contents) error {
	if _, err := os.Lstat(staged + ".new"); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	part := staged + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	if p.NewMode == "120000" {
		target, err := s.git.run(ctx, "cat-file", "blob", p.NewID)
		if err != nil {
			return err
		}
		return os.Symlink(string(target), staged+".new")
	}
	perm := fs.FileMode(0o666)
	if p.NewMode == "100755" {
		perm = 0o777
	}
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	if objects != nil && !p.Convert {
		err = objects.read(p.NewID, func(r io.Reader) error {
			_, err := io.Copy(f, r)
			return err
		})
	} else {
		err = smudged(ctx, s.git, p, f)
	}
	if err := errors.Join(err, s.keepRights(p, f), f.Close()); err != nil {
		return err
	}
	return os.Rename(part, staged+".new")
}

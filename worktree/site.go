package worktree

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// How long a landing waits for another git command's lock: lockTries times
// lockPause.
const (
	lockTries = 100
	lockPause = 50 * time.Millisecond
)

func pause(ctx context.Context) error {
	t := time.NewTimer(lockPause)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// site is the working tree that has the branch checked out.
type site struct {
	top    string
	gitDir string // of this working tree: holds its index
	git    git    // works in it
	plain  bool   // it is a plain folder, whose git folder stands elsewhere
}

// findSite returns where the branch is checked out, nil if nowhere.
func (m *Manager) findSite(ctx context.Context, l Landing) (*site, error) {
	g := m.gitOf(l)
	if l.Plain {
		return &site{top: l.Top, gitDir: g.repo, git: g, plain: true}, nil
	}
	out, err := g.run(ctx, "worktree", "list", "--porcelain", "-z")
	if err != nil {
		return nil, err
	}
	top := ""
	for _, line := range strings.Split(string(out), "\x00") {
		key, value, _ := strings.Cut(line, " ")
		switch {
		case key == "worktree":
			top = value
		case key == "branch" && value == "refs/heads/"+l.Branch:
			dir, err := git{dir: top}.line(ctx, "rev-parse", "--absolute-git-dir")
			if err != nil {
				return nil, err
			}
			return &site{top: top, gitDir: dir, git: git{dir: top}}, nil
		}
	}
	return nil, nil
}

// on says whether the working tree is on a branch, by its HEAD.
func (s *site) on(branch string) bool {
	head, err := os.ReadFile(filepath.Join(s.gitDir, "HEAD"))
	return err == nil && string(head) == "ref: refs/heads/"+branch+"\n"
}

func (s *site) lockFile() string { return filepath.Join(s.gitDir, "index.lock") }

// desk is the folder in which a landing makes what becomes git's: the lock and the
// index.
func (s *site) desk(l Landing) string { return filepath.Join(s.gitDir, "jitos-"+l.ID) }

// stage is the folder in which a landing keeps what goes in and what came out. It
// has to stand on the file system of the files: that of a plain folder is in it.
func (s *site) stage(l Landing) string {
	if s.plain {
		return filepath.Join(s.top, stagePrefix+l.ID)
	}
	return s.desk(l)
}

// mark is what index.lock holds while a landing has it.
func mark(l Landing) string { return "jitos landing " + l.ID + "\n" }

// ours says whether the lock is this landing's.
func (s *site) ours(l Landing) bool {
	data, err := os.ReadFile(s.lockFile())
	return err == nil && string(data) == mark(l)
}

// lock takes index.lock, waiting a while for another holder. why is not empty
// if it could not be had. The lock comes into being with its mark in it: one
// that was made first and marked later could be left by a death in between,
// and nobody would know whose it is.
func (s *site) lock(ctx context.Context, l Landing, step func(string)) (why string, err error) {
	staged := filepath.Join(s.desk(l), "lock")
	if err := os.MkdirAll(s.desk(l), 0o755); err != nil {
		return "", err
	}
	if s.plain {
		if err := s.writePlan(l); err != nil {
			return "", errors.Join(err, os.RemoveAll(s.desk(l)))
		}
	}
	if err := writeSynced(staged, mark(l)); err != nil {
		return "", errors.Join(err, os.Remove(staged))
	}
	step(StepLock)
	for try := 0; ; try++ {
		err := renameNew(unix.AT_FDCWD, staged, unix.AT_FDCWD, s.lockFile())
		if err == nil || s.ours(l) {
			return "", nil
		}
		switch {
		case errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ENOTSUP):
			why = noExchange
		case !errors.Is(err, fs.ErrExist):
			err = fmt.Errorf("take %s: %w", s.lockFile(), err)
			return "", errors.Join(err, os.Remove(staged))
		case try == lockTries:
			why = ".git/index.lock, which another git command holds"
		default:
			err = pause(ctx)
			if err == nil {
				continue
			}
			return "", errors.Join(err, os.Remove(staged))
		}
		err = os.Remove(staged)
		_ = os.Remove(s.plan(l))
		_ = os.Remove(s.desk(l)) // not when it holds what an earlier try took out
		return why, err
	}
}

// noExchange is why a landing cannot be done on an old or foreign file system.
const noExchange = "the working tree: its file system cannot exchange two files"

func writeSynced(file, text string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// unlock removes what a landing left: its stage, its lock if it is its own, and the
// plan last, which tells what the lock is of.
func (s *site) unlock(l Landing) error {
	err := os.RemoveAll(s.stage(l))
	if s.ours(l) {
		err = errors.Join(err, os.Remove(s.lockFile()))
	}
	return errors.Join(err, os.RemoveAll(s.desk(l)))
}

// entry is one path of an index.
type entry struct{ mode, id string }

// index reads the entries of a landing's paths, and maybe others; one in conflict
// has the mode "unmerged".
func (s *site) index(ctx context.Context, l Landing) (map[string]entry, error) {
	args := []string{"ls-files", "--stage", "-z", "--full-name"}
	if len(l.Paths) <= namesAtOnce { // for more, all of it once is less
		args = append(append(args, "--"), l.names()...)
	}
	out, err := s.git.literal().run(ctx, args...)
	if err != nil {
		return nil, err
	}
	m := map[string]entry{}
	for _, rec := range records(out) {
		meta, name, _ := strings.Cut(rec, "\t")
		f := strings.Fields(meta)
		if len(f) != 3 {
			return nil, fmt.Errorf("git ls-files: %q", rec)
		}
		if f[2] != "0" {
			f[0] = "unmerged"
		}
		m[name] = entry{f[0], f[1]}
	}
	return m, nil
}

// inTheWay lists the landed paths on which something of the person's stands:
// staged, changed, untracked or ignored. It touches nothing.
func (s *site) inTheWay(ctx context.Context, l Landing) ([]string, error) {
	if err := busy(s.gitDir); err != nil {
		return []string{"the working tree: " + err.Error()}, nil
	}
	if !s.canExchange(l) {
		return []string{noExchange}, nil
	}
	index, err := s.index(ctx, l)
	if err != nil {
		return nil, err
	}
	removed := map[string]bool{}
	for _, p := range l.Paths {
		if p.NewMode == "" {
			removed[p.name()] = true
		}
	}
	var out []string
	for _, p := range l.Paths {
		name := p.name()
		if (index[name] != entry{p.OldMode, p.OldID}) {
			out = append(out, name)
			continue
		}
		free, err := s.free(ctx, p, name, removed)
		if err != nil {
			return nil, err
		}
		if !free {
			out = append(out, name)
		}
	}
	return out, nil
}

// free says whether the file at a path is what the landing replaces.
func (s *site) free(ctx context.Context, p LandPath, name string, removed map[string]bool) (bool, error) {
	// From the top, so that no link is followed.
	for i, c := range name {
		if c != '/' {
			continue
		}
		d := name[:i]
		st, err := os.Lstat(filepath.Join(s.top, d))
		if err == nil && !st.IsDir() {
			// A file or a link where a folder is needed.
			return removed[d] && p.OldMode == "", nil
		}
	}
	full := filepath.Join(s.top, name)
	is, err := s.look(ctx, full, p)
	if p.OldMode == submodule {
		list, _ := os.ReadDir(full)
		// Its checkout is the person's, and stays.
		return err != nil || is.mode == "folder" && (len(list) == 0 || !p.isFile() && p.NewMode != "120000"), nil
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return p.OldMode == "", nil
	}
	if err != nil {
		return false, err
	}
	if is.mode == "folder" && p.OldMode == "" {
		return onlyRemoved(full, name, removed), nil
	}
	return is == entry{p.OldMode, p.OldID}, nil
}

// onlyRemoved says whether everything in a folder is removed by the landing.
func onlyRemoved(full, name string, removed map[string]bool) bool {
	err := filepath.WalkDir(full, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(full, p)
		if err == nil && !removed[path.Join(name, filepath.ToSlash(rel))] {
			err = fs.ErrExist
		}
		return err
	})
	return err == nil
}

// look returns a file's git mode and object id. idLen, in hex digits (40 or a
// multiple of 64), tells the repository's hash. "folder" and "other" are modes
// that no index has.
func look(full string, idLen int) (entry, error) {
	st, err := os.Lstat(full)
	if err != nil {
		return entry{}, err
	}
	switch {
	case st.IsDir():
		return entry{mode: "folder"}, nil
	case st.Mode()&fs.ModeSymlink != 0:
		to, err := os.Readlink(full)
		if err != nil {
			return entry{}, err
		}
		id, err := objectID(strings.NewReader(to), int64(len(to)), idLen)
		return entry{"120000", id}, err
	case !st.Mode().IsRegular():
		return entry{mode: "other"}, nil
	}
	f, err := os.OpenFile(full, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return entry{}, err
	}
	defer f.Close()
	mode := "100644"
	if st.Mode().Perm()&0o100 != 0 {
		mode = "100755"
	}
	id, err := objectID(f, st.Size(), idLen)
	return entry{mode, id}, err
}

// objectID is the id git gives to content: the hash of "blob SIZE\0" and the
// bytes. Content that changes its size while it is read has no id.
func objectID(r io.Reader, size int64, idLen int) (string, error) {
	var h hash.Hash = sha1.New()
	if idLen%64 == 0 {
		h = sha256.New()
	}
	fmt.Fprintf(h, "blob %d\x00", size)
	n, err := io.Copy(h, r)
	if err != nil || n != size {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

package workers

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"jitos.dev/rmg"
)

// stamp is what tells that a file was not touched: no process without the right
// to set the clock can bring its change time back.
type stamp struct {
	size, mtime, ctime int64
	inode              uint64
	mode               uint32
}

// looks is what stood in a folder, by relative name.
type looks map[string]stamp

// look walks a folder, never through a symlink. O(files).
func look(dir string) (looks, error) {
	out := looks{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		rel, rerr := filepath.Rel(dir, p)
		if err != nil && d != nil && d.IsDir() && rel != "." {
			out[filepath.ToSlash(rel)+"/"] = stamp{} // a folder that a run has closed
			return fs.SkipDir
		}
		if err = errors.Join(err, rerr); err != nil || d.IsDir() {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(p, &st); errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			return err
		}
		out[filepath.ToSlash(rel)] = stamp{st.Size, st.Mtim.Nano(), st.Ctim.Nano(), st.Ino, uint32(st.Mode)}
		return nil
	})
	return out, err
}

// since lists, sorted, which files are other than the tree has them, and which
// are new. What was written anew as it was is neither.
func (l looks) since(dir string, file func(string) (rmg.Blob, bool)) (changed, made []string, err error) {
	now, err := look(dir)
	if err != nil {
		return nil, nil, err
	}
	for name, was := range l {
		is, ok := now[name]
		if !ok {
			changed = append(changed, name)
			continue
		}
		if is == was {
			continue
		}
		if is.mode != was.mode {
			changed = append(changed, name)
			continue
		}
		same, err := sameContent(filepath.Join(dir, filepath.FromSlash(name)), name, file)
		if err != nil {
			return nil, nil, err
		}
		if !same {
			changed = append(changed, name)
		}
	}
	for name := range now {
		if _, ok := l[name]; !ok {
			made = append(made, name)
		}
	}
	slices.Sort(changed)
	slices.Sort(made)
	return changed, made, nil
}

// sameContent reports whether a file holds what the tree says. A link that was
// touched is another one.
func sameContent(full, name string, file func(string) (rmg.Blob, bool)) (bool, error) {
	want, ok := file(name)
	if !ok {
		return false, nil
	}
	f, err := os.OpenFile(full, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ELOOP) || errors.Is(err, fs.ErrPermission) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || st.Size() != want.Size {
		return false, err
	}
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, want.Size))
	return n == want.Size && [32]byte(h.Sum(nil)) == want.Sum, err
}

// faultOf says why a test run that did this to its folder does not count.
func faultOf(changed, made []string, judges func(string) bool) string {
	if len(changed) > 0 {
		return "the run changed what it is judged by: " + few(changed)
	}
	if judges == nil {
		return ""
	}
	made = slices.DeleteFunc(slices.Clone(made), func(name string) bool { return !judges(name) })
	if len(made) > 0 {
		return "the run made files that have a say in how tests end: " + few(made)
	}
	return ""
}

// few lists the first names.
func few(names []string) string {
	const shown = 4
	if len(names) > shown {
		return strings.Join(names[:shown], ", ") + fmt.Sprintf(" and %d more", len(names)-shown)
	}
	return strings.Join(names, ", ")
}

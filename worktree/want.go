package worktree

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// want is what the graph says about one path.
type want struct {
	link bool
	text string // a symlink's target
	sub  string // a submodule's commit
	blob rmg.Blob
	exec bool
}

// isObjectID says whether a text is the whole id of a git object.
func isObjectID(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && (len(s) == 40 || len(s) == 64)
}

// wantOf is what an element is as a file; false for folders.
func wantOf(p rmg.Path, e rmg.Element) (want, bool, error) {
	switch e.Kind {
	case rewrite.KindDir:
		return want{}, false, nil
	case rewrite.KindFile:
		return want{blob: e.Props.Blob(rewrite.PropBlob), exec: e.Props.String(rewrite.PropMode) == "0755"}, true, nil
	case rewrite.KindSymlink:
		v, _ := e.Props.Get(rewrite.PropTarget)
		s, ok := v.AsString()
		if b, isBytes := v.AsBytes(); isBytes {
			s, ok = string(b), true
		}
		if !ok || s == "" {
			return want{}, false, fail(rmg.Invalid, "", "%s: a symlink without a target", p)
		}
		return want{link: true, text: s}, true, nil
	case rewrite.KindSubmodule:
		c := e.Props.String(rewrite.PropCommit)
		if !isObjectID(c) {
			return want{}, false, fail(rmg.Invalid, "", "%s: a submodule without a commit", p)
		}
		return want{sub: c}, true, nil
	}
	return want{}, false, fail(rmg.Invalid, "", "%s: a %s cannot be a file", p, e.Kind)
}

// nameOf is a path below a tree's root as a file name; Invalid if no file can
// have it, or none that git would take.
func nameOf(p rmg.Path) (string, error) {
	ids, ok := rmg.Root.Rel(p)
	if !ok {
		return "", fail(rmg.Invalid, "", "%s: an edge is no file", p)
	}
	for _, id := range ids {
		if id == "." || id == ".." || strings.EqualFold(id, ".git") || strings.ContainsAny(id, "/\x00") {
			return "", fail(rmg.Invalid, "", "%s: %q is no file name", p, id)
		}
	}
	return strings.Join(ids, "/"), nil
}

// pathOf is a file's path in a tree that stands at a path.
func pathOf(at rmg.Path, name string) rmg.Path { return at.Join(strings.Split(name, "/")...) }

// flatten lists the files, symlinks and submodules of a tree by relative path.
// O(tree).
func flatten(tree rmg.Graph) (map[string]want, error) {
	out := map[string]want{}
	for p, e := range tree.Walk(rmg.Root) {
		name, err := nameOf(p)
		if err != nil {
			return nil, err
		}
		w, ok, err := wantOf(p, e)
		if err != nil {
			return nil, err
		}
		if ok {
			out[name] = w
		}
	}
	return out, nil
}

// wanted is what a tree says about one name.
func wanted(tree rmg.Graph, name string) (want, bool) {
	p := pathOf(rmg.Root, name)
	e, ok := tree.Get(p)
	if !ok {
		return want{}, false
	}
	w, ok, err := wantOf(p, e)
	return w, ok && err == nil
}

// below lists the files that a tree has at a name or beneath it.
func below(tree rmg.Graph, name string) []string {
	p := pathOf(rmg.Root, name)
	e, ok := tree.Get(p)
	if !ok {
		return nil
	}
	if e.Kind != rewrite.KindDir {
		return []string{name}
	}
	var out []string
	for q, x := range tree.Walk(p) {
		if sub, err := nameOf(q); err == nil && x.Kind != rewrite.KindDir {
			out = append(out, sub)
		}
	}
	return out
}

// differing lists the names at which two trees hold another file, sorted, at
// most max+1 of them. O(change).
func differing(a, b rmg.Graph, max int) ([]string, error) {
	var out []string
	for c := range rmg.Diff(a, b) {
		if !isFile(c.Old) && !isFile(c.New) {
			continue
		}
		name, err := nameOf(c.Path)
		if err != nil {
			return nil, err
		}
		if isFile(c.New) {
			if _, _, err := wantOf(c.Path, c.New); err != nil {
				return nil, err
			}
		}
		if out = append(out, name); len(out) > max {
			break
		}
	}
	slices.Sort(out)
	return out, nil
}

func isFile(e rmg.Element) bool { return e.Kind != "" && e.Kind != rewrite.KindDir }

func sortedNames[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for n := range m {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// writeNew makes one file, symlink or submodule's folder where there is nothing.
// With check the bytes written are hashed: Internal if a blob is not what its
// name says. Without, the file system may clone a large one, which then shares
// its blocks.
func (m *Manager) writeNew(full string, w want, check bool) error {
	switch {
	case w.link:
		return os.Symlink(w.text, full)
	case w.sub != "":
		return os.Mkdir(full, 0o755)
	}
	perm := fs.FileMode(0o644)
	if w.exec {
		perm = 0o755
	}
	src, err := m.opt.Blobs.Open(w.blob)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(full, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	if err = copyBlob(dst, src, w.blob, check); err == nil {
		err = dst.Chmod(perm) // the umask had a say
	}
	return errors.Join(err, dst.Close())
}

func copyBlob(dst io.Writer, src io.Reader, b rmg.Blob, check bool) error {
	h := sha256.New()
	if check {
		dst = io.MultiWriter(dst, h)
	}
	n, err := io.Copy(dst, src)
	switch {
	case err != nil:
		return err
	case n != b.Size:
		return fail(rmg.Internal, "jitos verify looks at all content", "the content has %d bytes, not %d", n, b.Size)
	case check && [32]byte(h.Sum(nil)) != b.Sum:
		return fail(rmg.Internal, "jitos verify looks at all content", "the content is not that of blob %x", b.Sum[:8])
	}
	return nil
}

// walk visits everything below a folder in order of names, folders before what
// is in them, never through a symlink. visit may return fs.SkipDir for a folder.
// One that cannot be read is made readable first: it is ours.
func walk(dir string, visit func(name string, st fs.FileInfo) error) error {
	return walkBelow(dir, "", visit)
}

func walkBelow(dir, rel string, visit func(name string, st fs.FileInfo) error) error {
	here := filepath.Join(dir, rel)
	list, err := os.ReadDir(here)
	if errors.Is(err, fs.ErrPermission) && os.Chmod(here, 0o755) == nil {
		list, err = os.ReadDir(here)
	}
	if err != nil {
		return err
	}
	for _, d := range list {
		st, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		name := path.Join(rel, d.Name())
		switch err := visit(name, st); {
		case st.IsDir() && errors.Is(err, fs.SkipDir):
			continue
		case err != nil:
			return err
		}
		if st.IsDir() {
			if err := walkBelow(dir, name, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

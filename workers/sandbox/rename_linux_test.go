package sandbox

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// What does not stand below the command's folder, whatever leads there, is left to
// the kernel, which asks what the command may do.
func TestMovesStayInTheFolder(t *testing.T) {
	top := t.TempDir()
	root, out := filepath.Join(top, "root"), filepath.Join(top, "out")
	for _, dir := range []string{"root/in/a", "root/shut", "out/theirs"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"root/link": out, "root/in/up": "../../out", "out/back": root, "root/same": "in"} {
		if err := os.Symlink(to, filepath.Join(top, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(root, "shut"), 0o555); err != nil {
		t.Fatal(err)
	}
	m := newMover(spec{Write: []string{root}})
	for _, w := range []wish{
		{from: out + "/theirs", to: root + "/in/theirs"},
		{from: root + "/in/a", to: out + "/a"},
		{from: root + "/in/a", to: root + "/link/a"},
		{from: root + "/in/a", to: root + "/in/up/a"},
		{from: root + "/link/theirs", to: root + "/theirs"},
		{from: root + "/in/a", to: root + "/../out/a"},
		{from: root + "/in/a", to: root + "x/a"},
		{from: root + "/in/a", to: root + "/shut/a"},
		{from: root + "/in/a", to: root + "/in/.."},
		{from: root + "/in/a", to: root},
		{from: root, to: root + "/in/a"},
		{from: root + "/in/none/a", to: root + "/b"},
	} {
		if errno, done := m.move(w); done {
			t.Errorf("%s -> %s: done, with %v", w.from, w.to, errno)
		}
	}
	for _, w := range []struct {
		wish
		errno unix.Errno
	}{
		{wish{from: root + "/in/a", to: root + "/in/a/b"}, unix.EINVAL},
		{wish{from: root + "/in/none", to: root + "/b"}, unix.ENOENT},
		{wish{from: root + "/in/a", to: root + "/shut", flags: unix.RENAME_NOREPLACE}, unix.EEXIST},
		{wish{from: root + "/in/a/", to: out + "/back/same/b"}, 0},
	} {
		if errno, done := m.move(w.wish); !done || errno != w.errno {
			t.Errorf("%s -> %s: %v, %v; want %v", w.from, w.to, errno, done, w.errno)
		}
	}
	if _, err := os.Stat(root + "/in/b"); err != nil {
		t.Error(err)
	}
}

// A copy is what it is of, and removing it asks no folder in it.
func TestCopyTree(t *testing.T) {
	top := t.TempDir()
	at := func(name string) string { return filepath.Join(top, name) }
	for _, err := range []error{
		os.MkdirAll(at("a/shut/deep"), 0o755), os.WriteFile(at("a/shut/deep/f"), []byte("text"), 0o640), os.Symlink("nowhere", at("a/link")),
		os.Chmod(at("a/shut/deep"), 0o500), os.Chmod(at("a/shut"), 0o555),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(top)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := copyTree(root, "a", "b"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "/shut", "/shut/deep", "/shut/deep/f", "/link"} {
		was, err := os.Lstat(at("a" + name))
		if err != nil {
			t.Fatal(err)
		}
		is, err := os.Lstat(at("b" + name))
		if err != nil {
			t.Fatal(err)
		}
		if was.Mode() != is.Mode() || was.Size() != is.Size() || name != "/link" && !was.ModTime().Equal(is.ModTime()) {
			t.Errorf("%s: %v %d %v, and the copy %v %d %v", name, was.Mode(), was.Size(), was.ModTime(), is.Mode(), is.Size(), is.ModTime())
		}
	}
	if text, err := os.ReadFile(at("b/shut/deep/f")); string(text) != "text" {
		t.Errorf("%q, %v", text, err)
	}
	for _, name := range []string{"a", "b"} {
		if err := removeTree(root, name); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(at(name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	if err := unix.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := copyTree(root, "pipe", "other"); err != unix.EXDEV {
		t.Errorf("a pipe: %v", err)
	}
}

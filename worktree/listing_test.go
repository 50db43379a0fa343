package worktree

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestAListingStandsWhileGitWouldSayTheSame: what was found once is taken again while
// nothing that it rests on changed, and whatever did change is seen.
func TestAListingStandsWhileGitWouldSayTheSame(t *testing.T) {
	b := newBench(t, nil)
	ctx, g := context.Background(), git{dir: b.top}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	b.write(".gitignore", "*.log\n.env\ndeps/\n")
	b.write(includeFile, ".env\ndeps/\n*.key\n")
	b.git("add", "-A")
	b.git("commit", "-qm", "include")
	b.write(".env", "KEY=1\n")
	b.write("deps/a/one", "1\n")
	b.write("deps/b/two", "2\n")
	b.write("sub/x.key", "k\n")
	also := []string{"*.also"}

	// settle lists until the answer is old enough to be trusted.
	settle := func() *listing {
		for {
			l, err := list(ctx, g, also)
			b.must(err)
			if ok, err := l.stands(ctx, g, also); err != nil {
				t.Fatal(err)
			} else if ok {
				return l
			}
		}
	}
	for _, c := range []struct {
		name   string
		do     func()
		stands bool // git need not be asked again
		same   bool // and the files are the same
	}{
		{"nothing", func() {}, true, true},
		{"a file of the tree is written", func() { b.write("a.txt", "person\n") }, true, true},
		{"and replaced, as editors do", func() {
			b.write("new", "person\n")
			b.must(os.Rename(filepath.Join(b.top, "new"), filepath.Join(b.top, "a.txt")))
		}, true, true},
		{"something is committed", func() { b.git("commit", "-qam", "more") }, true, true},
		{"one of the files is written, and its time set back", func() {
			at := filepath.Join(b.top, ".env")
			st, err := os.Stat(at)
			b.must(err)
			b.write(".env", "KEY=2\n")
			b.must(os.Chtimes(at, st.ModTime(), st.ModTime()))
		}, true, false},
		{"one becomes executable", func() { b.must(os.Chmod(filepath.Join(b.top, ".env"), 0o755)) }, true, false},
		{"there is one more", func() { b.write("deps/a/three", "") }, false, false},
		{"in a new folder", func() { b.write("deps/c/d/four", "") }, false, false},
		{"one is gone", func() { b.must(os.Remove(filepath.Join(b.top, "deps/b/two"))) }, false, false},
		{"one is a link now", func() {
			b.must(os.Remove(filepath.Join(b.top, "deps/a/one")))
			b.must(os.Symlink("three", filepath.Join(b.top, "deps/a/one")))
		}, false, false},
		{"one is tracked", func() { b.git("add", "-f", ".env") }, false, false},
		{"and is not any more", func() { b.git("rm", "-q", "--cached", ".env") }, false, false},
		{"the rules of another folder", func() { b.write("sub/.gitignore", "*.key\n") }, false, false},
		{"these are changed", func() { b.write("sub/.gitignore", "\n") }, false, false},
		{"the person's own rules", func() { b.write(".git/info/exclude", "*.key\n") }, false, false},
		{"those of all their repositories", func() {
			b.must(os.MkdirAll(filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "git"), 0o755))
			b.write("x.also", "")
			b.must(os.WriteFile(filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "git", "ignore"), []byte("*.also\n"), 0o644))
		}, false, false},
		{"elsewhere", func() {
			b.write(".git/mine", "*.txt\n")
			b.git("config", "core.excludesFile", filepath.Join(b.top, ".git/mine"))
		}, false, false},
		{"what is to come along", func() { b.write(includeFile, ".env\n") }, false, false},
		{"nothing is named any more", func() {
			b.must(os.Remove(filepath.Join(b.top, includeFile)))
			also = nil
		}, false, false},
	} {
		l := settle()
		key := l.key
		c.do()
		stands, err := l.stands(ctx, g, also)
		b.must(err)
		if stands != c.stands {
			t.Errorf("%s: it stands: %v", c.name, stands)
		}
		now, err := list(ctx, g, also)
		b.must(err)
		if stands && (l.key != now.key || !slices.Equal(l.names, now.names)) {
			t.Errorf("%s: it is taken to be %q, and is %q", c.name, l.names, now.names)
		}
		if (now.key == key) != c.same {
			t.Errorf("%s: the same files: %v, %q", c.name, !c.same, now.names)
		}
	}
}

// TestYoungStampsAreNotTrusted: a clock that has not ticked since may give the next
// change the same stamp.
func TestYoungStampsAreNotTrusted(t *testing.T) {
	b := newBench(t, nil)
	b.write(".env", "KEY=1\n")
	old := stampAt(filepath.Join(b.top, ".env"), unix.Lstat)
	then := time.Unix(0, old.ctime)
	if old == (stamp{}) || settled(old, then) == old || settled(old, then.Add(2*tick)) != old {
		t.Errorf("%+v is trusted too early, or never", old)
	}
}

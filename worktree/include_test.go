package worktree

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func (b *bench) exists(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return err == nil
}

// TestWhatAWorkspaceNeedsIsIncluded: files that git ignores come along where
// .worktreeinclude names them, as copies that nothing can write through, and
// neither come back nor reach a gate.
func TestWhatAWorkspaceNeedsIsIncluded(t *testing.T) {
	ifPrivate(t, func(b *bench) {
		ctx := context.Background()
		b.write(".gitignore", "*.log\n.env\nnode_modules/\n")
		b.write(includeFile, ".env\nnode_modules/\n/secret\nuntracked.txt\n")
		b.git("add", "-A")
		b.git("commit", "-qm", "include")
		b.write(".git/info/exclude", "/secret\n")
		b.write(".env", "KEY=1\n")
		b.write("secret", "by the person's own rule\n")
		b.write("node_modules/a/index.js", "a\n")
		b.must(os.Symlink("a", filepath.Join(b.top, "node_modules/b")))
		b.write("x.log", "not named\n")
		b.write("untracked.txt", "named, but not ignored\n")
		of := Origin{Top: b.top, Branch: "main", Commit: b.git("rev-parse", "main")}
		tree := b.head()
		f, err := b.m.Slot(ctx, "s/0", tree, of)
		b.must(err)
		for name, want := range map[string]bool{".env": true, "secret": true, "node_modules/a/index.js": true, "node_modules/b": true, "x.log": false, "untracked.txt": false} {
			if b.exists(f.Path(), name) != want {
				t.Errorf("%s is there: %v", name, !want)
			}
		}
		if got := b.run(f.Path(), "git", "status", "--porcelain"); got != "" {
			t.Errorf("status:\n%s", got)
		}
		for _, name := range []string{".env", "secret", "node_modules/a/index.js"} {
			b.must(os.WriteFile(filepath.Join(f.Path(), name), []byte("the worker's\n"), 0o644))
		}
		b.must(os.WriteFile(filepath.Join(f.Path(), "node_modules/new.js"), nil, 0o644))
		if ops, err := f.Scan(ctx, root); err != nil || len(ops) != 0 {
			t.Errorf("%v %v", ops, err)
		}
		// A worker who takes the rule away does not get a secret committed.
		b.must(os.WriteFile(filepath.Join(f.Path(), ".gitignore"), nil, 0o644))
		ops, err := f.Scan(ctx, root)
		if b.must(err); len(ops) != 2 || ops[0].Path != root.Child(".gitignore") || ops[1].Path != root.Join("node_modules", "new.js") {
			t.Errorf("without ignore rules: %v", ops)
		}
		b.must(f.Close())
		if b.read(".env") != "KEY=1\n" {
			t.Error("the person's file was written through")
		}
		b.write(".env", "KEY=2\n")
		b.must(os.RemoveAll(filepath.Join(b.top, "node_modules")))
		f, err = b.m.Slot(ctx, "s/0", tree, of)
		b.must(err)
		if data, err := os.ReadFile(filepath.Join(f.Path(), ".env")); err != nil || string(data) != "KEY=2\n" || b.exists(f.Path(), "node_modules") {
			t.Errorf("what was included before is included still: %q %v", data, err)
		}
		b.must(f.Close())
		g, err := b.m.Fresh(ctx, "g", tree)
		b.must(err)
		if got, want := snapshotFiles(t, g.Path()), b.onDisk(tree); got != want {
			t.Errorf("a gate sees\n%s\nnot\n%s", got, want)
		}
		b.must(g.Close())
	})
}

// TestASecondWorkspaceBuildsWhatChanged: the path is the same, and so are the
// files that did not change, so that a build cache knows them.
func TestASecondWorkspaceBuildsWhatChanged(t *testing.T) {
	mechanisms(t, func(t *testing.T, mount bool) {
		b := benchWith(t, Options{Mount: mount})
		b.write("go.mod", "module example.com/m\n\ngo 1.24\n")
		b.write("p/p.go", "package p\n\nfunc P() int { return 1 }\n")
		b.write("q/q.go", "package q\n\nfunc Q() int { return 1 }\n")
		b.git("add", "-A")
		b.git("commit", "-qm", "go")
		t.Setenv("GOCACHE", t.TempDir())
		t.Setenv("GOFLAGS", "-buildvcs=false")
		build := func() string {
			f := b.slot("s/0", b.head())
			defer f.Close()
			return b.run(f.Path(), "go", "build", "-v", "./...")
		}
		if got := build(); !strings.Contains(got, "/p\n") || !strings.Contains(got, "/q\n") {
			t.Fatalf("the first built\n%s", got)
		}
		b.write("q/q.go", "package q\n\nfunc Q() int { return 2 }\n")
		b.git("commit", "-qam", "q")
		if got := build(); got != "example.com/m/q\n" {
			t.Errorf("the second built\n%s", got)
		}
	})
}

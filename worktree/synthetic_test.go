package worktree

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jitos.dev/rewrite"
)

// TestGitWorksInAWorkspace: status, log, blame, add and commit do what they do
// in a repository, and nothing of it reaches the repository.
func TestGitWorksInAWorkspace(t *testing.T) {
	ifPrivate(t, func(b *bench) {
		ctx := context.Background()
		b.must(os.WriteFile(filepath.Join(b.top, ".git/hooks/pre-commit"), []byte("#!/bin/sh\nexit 1\n"), 0o755))
		tip := b.git("rev-parse", "main")
		of := Origin{Top: b.top, Branch: "main", Commit: tip}
		tree := b.apply(b.head(), []rewrite.Op{b.op("a.txt", "the workspace's\n", "0644")})
		before, refs := countFiles(t, filepath.Join(b.top, ".git")), b.git("for-each-ref")
		for range 2 { // made, and remembered
			f, err := b.m.Slot(ctx, "s/0", tree, of)
			b.must(err)
			if got := b.run(f.Path(), "git", "status", "--porcelain", "--branch"); got != "## main\n M a.txt\n" {
				t.Errorf("status:\n%s", got)
			}
			if got := b.run(f.Path(), "git", "log", "--format=%H"); got != tip+"\n" {
				t.Errorf("log: %s", got)
			}
			b.must(os.WriteFile(filepath.Join(f.Path(), "n.txt"), []byte("new\n"), 0o644))
			b.run(f.Path(), "git", "add", "-A")
			b.run(f.Path(), "git", "commit", "-qm", "in the workspace")
			if got := b.run(f.Path(), "git", "status", "--porcelain"); got != "" {
				t.Errorf("status after a commit:\n%s", got)
			}
			b.run(f.Path(), "git", "fsck", "--strict")
			if err := os.WriteFile(filepath.Join(f.Path(), ".git", gitObjects, "x"), nil, 0o644); err == nil {
				t.Error("the repository's objects can be written to")
			}
			ops, err := f.Scan(ctx, root)
			if b.must(err); len(ops) != 1 || ops[0].Path != root.Child("n.txt") {
				t.Errorf("%v", ops)
			}
			b.must(f.Close())
		}
		if after := countFiles(t, filepath.Join(b.top, ".git")); after != before || b.git("for-each-ref") != refs {
			t.Errorf("the repository's .git had %d files and has %d", before, after)
		}
		b.git("fsck", "--strict")
	})
}

func countFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(string, os.DirEntry, error) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestAWorkspaceOfALostCommit goes without git.
func TestAWorkspaceOfALostCommit(t *testing.T) {
	ifPrivate(t, func(b *bench) {
		tree := b.head()
		f, err := b.m.Slot(context.Background(), "s/0", tree, Origin{Top: b.top, Branch: "main", Commit: strings.Repeat("ab", 20)})
		b.must(err)
		if got, want := snapshotFiles(t, f.Path()), b.onDisk(tree); got != want {
			t.Errorf("is\n%s\nnot\n%s", got, want)
		}
		b.must(f.Close())
	})
}

package worktree

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"jitos.dev/rmg"
)

// What a person has not committed is read as git would commit it, and nothing of
// theirs is touched.
func TestUncommitted(t *testing.T) {
	ctx := context.Background()
	b := newBench(t, nil)
	tip := b.git("rev-parse", "HEAD")
	b.git("config", "core.autocrlf", "input")
	b.write("a.txt", "mine\r\n")
	b.write("dir/b.txt", "staged\n")
	b.git("add", "dir/b.txt")
	b.write("dir/b.txt", "and more\n")
	b.write("new/untracked.txt", "new\n")
	b.write("x.log", "ignored\n")
	b.must(os.Remove(filepath.Join(b.top, "link")))
	b.must(os.RemoveAll(filepath.Join(b.top, "gone")))
	b.must(os.Chmod(filepath.Join(b.top, "dir/run.sh"), 0o644))
	before := b.git("status", "--porcelain", "--ignored") + b.git("count-objects", "-v") + b.git("ls-files", "--stage")
	got, err := b.m.Uncommitted(ctx, b.top, tip)
	b.must(err)
	if after := b.git("status", "--porcelain", "--ignored") + b.git("count-objects", "-v") + b.git("ls-files", "--stage"); after != before {
		t.Errorf("the repository was\n%s\nis\n%s", before, after)
	}
	if _, ok := got.Get(rmg.Root.Child("x.log")); ok {
		t.Error("an ignored file came in")
	}
	b.git("add", "-A")
	b.git("commit", "-qm", "all of it")
	want, err := b.m.Tree(ctx, b.top, b.git("rev-parse", "HEAD"))
	b.must(err)
	if got.Digest() != want.Digest() {
		for c := range rmg.Diff(want, got) {
			t.Errorf("%s: %v -> %v", c.Path, c.Old.Props, c.New.Props)
		}
	}
	clean, err := b.m.Uncommitted(ctx, b.top, b.git("rev-parse", "HEAD"))
	b.must(err)
	if clean.Digest() != want.Digest() {
		t.Error("a clean working tree is something else than its commit")
	}
}

package worktree

import (
	"context"
	"path/filepath"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// A linked working tree is its repository's, by whatever folder it was asked; one
// of a bare repository stands for itself.
func TestLocateLinked(t *testing.T) {
	ctx := context.Background()
	b := newBench(t, nil)
	linked := filepath.Join(t.TempDir(), "a tree")
	b.git("worktree", "add", "-q", "-b", "feature", linked)
	for dir, want := range map[string]Repo{
		b.top:                        {Top: b.top, Origin: b.top, Name: "repo", Branch: "main"},
		filepath.Join(linked, "dir"): {Top: linked, Origin: b.top, Name: "repo", Branch: "feature"},
	} {
		r, err := b.m.Locate(ctx, dir)
		b.must(err)
		r.GitDir, r.Head = "", ""
		if r != want {
			t.Errorf("%s is %+v", dir, r)
		}
	}
	bare := b.remote("hub")
	own := filepath.Join(t.TempDir(), "own")
	bare.git("worktree", "add", "-q", "-b", "x", own)
	if r, err := b.m.Locate(ctx, own); err != nil || r.Origin != own || r.Name != "own" {
		t.Errorf("of a bare repository: %+v %v", r, err)
	}
	if _, err := b.m.Locate(ctx, filepath.Join(b.top, "nowhere")); codeOf(err) != rmg.NotFound {
		t.Errorf("no folder: %v", err)
	}
}

// What attributes say is asked of the working tree that a change lands in.
func TestAttributesAreThoseOfTheLinkedTree(t *testing.T) {
	b := newBench(t, nil)
	b.write(".gitattributes", "*.txt text eol=crlf\n")
	linked := b.in(filepath.Join(t.TempDir(), "linked"))
	b.git("worktree", "add", "-q", "-b", "feature", linked.top)
	tip := b.git("rev-parse", "feature")
	tree, err := b.m.Tree(context.Background(), b.top, tip)
	b.must(err)
	l, err := b.m.Prepare(context.Background(), LandRequest{
		ID: "p1-3", Top: b.top, Branch: "feature", Tip: tip, Old: tree, New: b.apply(tree, []rewrite.Op{b.op("new.txt", "n\n", "0644")}), Message: "m", Author: "J <j@l>", AtUnix: 1,
	})
	b.must(err)
	out, err := b.m.Land(context.Background(), l)
	b.must(err)
	if out.Result != Landed || linked.read("new.txt") != "n\n" {
		t.Errorf("%+v: new.txt is %q", out, linked.read("new.txt"))
	}
	if got := linked.git("status", "--porcelain"); got != "" {
		t.Errorf("git status says %q", got)
	}
}

package worktree

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"jitos.dev/rmg"
)

func (b *bench) hook(name, script string) {
	b.Helper()
	full := filepath.Join(b.top, name)
	b.must(os.MkdirAll(filepath.Dir(full), 0o755))
	b.must(os.WriteFile(full, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
}

func TestHooks(t *testing.T) {
	ctx := context.Background()
	b := newBench(t, nil)
	find := func() Hooks {
		t.Helper()
		h, err := b.m.Hooks(ctx, b.top)
		b.must(err)
		return h
	}
	if h := find(); len(h.Names) != 0 || h.Sum != "" {
		t.Errorf("git's samples count: %+v", h)
	}
	b.hook(".git/hooks/commit-msg", "")
	b.hook(".git/hooks/pre-commit", "")
	b.hook(".git/hooks/pre-push", "")
	first := find()
	if !slices.Equal(first.Names, []string{"pre-commit", "commit-msg", "pre-push"}) {
		t.Errorf("%+v", first)
	}
	b.hook(".git/hooks/pre-push", lfsHook)
	if first = find(); !slices.Equal(first.Names, []string{"pre-commit", "commit-msg"}) {
		t.Errorf("what Git LFS's own does is no verdict: %+v", first)
	}
	b.hook(".git/hooks/lib/x.sh", "")
	if find().Sum == first.Sum {
		t.Error("what a hook calls is no part of it")
	}
	b.must(os.Chmod(filepath.Join(b.top, ".git/hooks/pre-commit"), 0o644))
	if h := find(); !slices.Equal(h.Names, []string{"commit-msg"}) {
		t.Errorf("one that git would not run: %+v", h)
	}
	b.hook(".husky/pre-commit", "")
	b.git("config", "core.hooksPath", ".husky")
	if h := find(); !slices.Equal(h.Names, []string{"pre-commit"}) {
		t.Errorf("core.hooksPath: %+v", h)
	}
	b.git("config", "jitos.hooks", "false")
	if h := find(); len(h.Names) != 0 {
		t.Errorf("switched off: %+v", h)
	}
}

// Git in the folder that hooks are run in shows the change as staged, nothing
// else, and takes nothing into the repository.
func TestStaged(t *testing.T) {
	ctx := context.Background()
	mechanisms(t, func(t *testing.T, mount bool) {
		b := benchWith(t, Options{Mount: mount})
		b.hook(".git/hooks/pre-commit", "exit 0")
		tip := b.git("rev-parse", "HEAD")
		tree, err := b.m.Tree(ctx, b.top, tip)
		b.must(err)
		h, err := b.m.Hooks(ctx, b.top)
		b.must(err)
		base := b.apply(tree, nil)
		next := b.several()
		b.git("update-ref", "refs/keep", next.Commit)
		nextTree, err := b.m.Tree(ctx, b.top, next.Commit)
		b.must(err)
		before := b.git("count-objects", "-v") + b.git("for-each-ref")
		for name, over := range map[string]rmg.Graph{"the tip": base, "what lands before": b.apply(tree, nil)} {
			if name != "the tip" {
				w := b.change(b.op("before.txt", "others\n", "0644"))
				over, err = b.m.Tree(ctx, b.top, w.Commit)
				b.must(err)
				before = b.git("count-objects", "-v") + b.git("for-each-ref")
			}
			f, reads, err := b.m.Staged(ctx, "h/0", over, nextTree, Origin{Top: b.top, Branch: "main", Commit: tip}, h)
			b.must(err)
			in := b.in(f.Path())
			if got := in.git("write-tree"); got != b.git("rev-parse", next.Commit+"^{tree}") {
				t.Errorf("%s: what is staged is %s", name, in.git("status", "--short"))
			}
			if got := in.git("status", "--porcelain"); strings.Contains(got, "??") || strings.Contains(got, " M") || !strings.Contains(got, "M  a.txt") {
				t.Errorf("%s: git status says\n%s", name, got)
			}
			if got := strings.Contains(in.git("diff", "--cached", "--name-status"), "D\tbefore.txt"); got != (name != "the tip") {
				t.Errorf("%s: before.txt goes: %v", name, got)
			}
			if in.read(".git/hooks/pre-commit") != "#!/bin/sh\nexit 0\n" || in.git("config", "user.email") != "t@example.com" {
				t.Errorf("%s: hooks and name are not there", name)
			}
			if !slices.Contains(reads, filepath.Join(b.top, ".git/objects")) {
				t.Errorf("%s: the objects cannot be read: %v", name, reads)
			}
			b.must(f.Close())
			if after := b.git("count-objects", "-v") + b.git("for-each-ref"); after != before {
				t.Errorf("%s: the repository was\n%s\nis\n%s", name, before, after)
			}
		}
		b.hook(".git/hooks/pre-commit", "exit 1")
		if _, _, err := b.m.Staged(ctx, "h/0", base, nextTree, Origin{Top: b.top, Branch: "main", Commit: tip}, h); codeOf(err) != rmg.Stale {
			t.Errorf("hooks that are others now: %v", err)
		}
	})
}

package worktree

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"jitos.dev/rmg"
)

// lfsHook is the pre-push hook that git lfs install writes.
const lfsHook = `command -v git-lfs >/dev/null 2>&1 || { printf >&2 "\n%s\n\n" "This repository is configured for Git LFS but 'git-lfs' was not found on your path."; exit 2; }
git lfs pre-push "$@"`

// Git in the folder of a pre-push hook is as it would be at the push: HEAD is the
// branch that is pushed, its commit holds the change, and what the remote is known
// to have stands where git keeps it.
func TestToPush(t *testing.T) {
	ctx := context.Background()
	mechanisms(t, func(t *testing.T, mount bool) {
		b := benchWith(t, Options{Mount: mount})
		b.hook(".git/hooks/pre-push", "exit 0")
		tip := b.git("rev-parse", "HEAD")
		tree, err := b.m.Tree(ctx, b.top, tip)
		b.must(err)
		h, err := b.m.Hooks(ctx, b.top)
		b.must(err)
		next := b.several()
		nextTree, err := b.m.Tree(ctx, b.top, next.Commit)
		b.must(err)
		before := b.git("count-objects", "-v") + b.git("for-each-ref")
		of, p := Origin{Top: b.top, Branch: "main", Commit: tip}, Pushing{Remote: "hub", Branch: "jitos/p1", To: "trunk", At: tip, Message: "change\n"}
		var commits []string
		for range 2 {
			f, reads, commit, err := b.m.ToPush(ctx, "h/0", tree, nextTree, of, h, p)
			b.must(err)
			commits = append(commits, commit)
			in := b.in(f.Path())
			got := in.git("rev-parse", "HEAD", "HEAD^{tree}", "HEAD^", "refs/remotes/hub/trunk") + " " + in.git("symbolic-ref", "HEAD") + in.git("status", "--porcelain")
			want := strings.Join([]string{commit, b.git("rev-parse", next.Commit+"^{tree}"), tip, tip}, "\n") + " refs/heads/jitos/p1"
			if got != want {
				t.Errorf("git is at\n%s\nnot at\n%s", got, want)
			}
			if in.git("log", "-1", "--format=%s") != "change" || !slices.Contains(reads, filepath.Join(b.top, ".git/objects")) {
				t.Error("the message or the objects are not there")
			}
			b.must(f.Close())
		}
		if commits[0] != commits[1] {
			t.Error("the same push is of two commits")
		}
		if after := b.git("count-objects", "-v") + b.git("for-each-ref"); after != before {
			t.Errorf("the repository was\n%s\nis\n%s", before, after)
		}
	})
}

func TestWhatAPushHookDoesWithLFS(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pre-push")
	for script, want := range map[string]lfsUse{
		"make test":                                       lfsNone,
		"# git lfs pre-push":                              lfsNone,
		lfsHook:                                           lfsOnly,
		"# by husky\n\n" + lfsHook + "\n":                 lfsOnly,
		lfsHook + "\nmake test":                           lfsAlso,
		`make test && git lfs pre-push "$@"`:              lfsAlso,
		`git-lfs pre-push $1 $2`:                          lfsAlso,
		strings.Replace(lfsHook, "}\n", "}; evil\n", 1):   lfsAlso,
		strings.Replace(lfsHook, "}\n", "}; { a; }\n", 1): lfsAlso,
	} {
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
		if got := lfsIn(file); got != want {
			t.Errorf("%d, not %d, of\n%s", got, want, script)
		}
	}
}

// lfsStub does of git lfs push what this package needs of it, for a remote that is
// a folder: whatever pointer the commit's tree holds, its object is copied.
const lfsStub = `#!/bin/sh
[ "$1" = version ] && exit 0
[ "$1" = push ] || { echo "unknown: $*"; exit 127; }
objects=$(git rev-parse --git-path lfs/objects) hub=$(git remote get-url --push "$2")/lfs/objects
for o in $(git grep -h '^oid sha256:' "$3" | sed 's/.*sha256://'); do
	at=$(echo $o | sed 's/\(..\)\(..\).*/\1\/\2/')
	[ -f "$objects/$at/$o" ] || { echo "(missing) $o"; exit 2; }
	mkdir -p "$hub/$at" && cp "$objects/$at/$o" "$hub/$at/"
done
`

// What the person's own push would upload is at the remote before the commit that
// points to it; where it cannot be, nothing is pushed. It is the same with a
// program that stands in for Git LFS and, where there is one, with Git LFS.
func TestPushUploads(t *testing.T) {
	programs := map[string]string{}
	if real, err := exec.LookPath("git-lfs"); err == nil {
		programs["git-lfs"] = filepath.Dir(real)
	}
	stub := t.TempDir()
	if err := os.WriteFile(filepath.Join(stub, "git-lfs"), []byte(lfsStub), 0o755); err != nil {
		t.Fatal(err)
	}
	programs["stub"] = stub
	for name, dir := range programs {
		t.Run(name, func(t *testing.T) { testPushUploads(t, dir) })
	}
}

func testPushUploads(t *testing.T, dir string) {
	ctx := context.Background()
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	b := newBench(t, nil)
	hub := b.remote("hub")
	b.hook(".git/hooks/pre-push", lfsHook)
	// The remote takes a pointer only if it has what it points to.
	b.must(os.WriteFile(filepath.Join(hub.top, "hooks", "pre-receive"), []byte(`#!/bin/sh
read old new ref
for o in $(git grep -h '^oid sha256:' $new | sed 's/.*sha256://'); do
	find lfs/objects -name $o | grep -q . || { echo "no $o"; exit 1; }
done
`), 0o755))
	const content = "large\n"
	oid := fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
	object := filepath.Join(b.top, ".git/lfs/objects", oid[:2], oid[2:4], oid)
	b.must(os.MkdirAll(filepath.Dir(object), 0o755))
	b.must(os.WriteFile(object, []byte(content), 0o644))
	to := b.target(false)
	l := b.change(b.op("a.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:"+oid+"\nsize 6\n", "0644"))
	b.must(b.m.Push(ctx, l, to, "main", ""))
	data, err := os.ReadFile(filepath.Join(hub.top, "lfs/objects", oid[:2], oid[2:4], oid))
	if err != nil || string(data) != content {
		t.Errorf("the remote has %q, %v", data, err)
	}

	missing := strings.Repeat("ab", 32)
	next := b.change(b.op("b.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:"+missing+"\nsize 6\n", "0644"))
	was := hub.git("for-each-ref")
	if err := b.m.Push(ctx, next, to, "jitos/p1", ""); codeOf(err) != rmg.Unavailable || !strings.Contains(err.Error(), "missing") || !strings.Contains(err.Error(), missing) {
		t.Errorf("a pointer to nothing: %v", err)
	}
	if hub.git("for-each-ref") != was {
		t.Error("it was pushed all the same")
	}

	// Whoever wants no hooks has no upload, as with git push --no-verify.
	b.git("config", "jitos.hooks", "false")
	if err := b.m.Push(ctx, next, to, "jitos/p1", ""); codeOf(err) != rmg.Denied {
		t.Errorf("without hooks it is the remote that refuses: %v", err)
	}
	b.git("config", "jitos.hooks", "true")

	gitAlone := t.TempDir()
	program, err := exec.LookPath("git")
	b.must(err)
	b.must(os.Symlink(program, filepath.Join(gitAlone, "git")))
	t.Setenv("PATH", gitAlone)
	if _, err := b.m.Target(ctx, b.top, "main", "", false); codeOf(err) != rmg.Unavailable || !strings.Contains(err.Error(), "uploads by git lfs") {
		t.Errorf("without the program: %v", err)
	}
}

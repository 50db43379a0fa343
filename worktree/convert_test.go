package worktree

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

const lfsPointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"

// grown is a repository with what large ones have: a submodule, files that LFS
// keeps, merge commits, both sorts of line ends, odd names, a linked worktree.
func grown(t *testing.T) *bench {
	b := newBench(t, nil)
	other := filepath.Join(b.TempDir(), "other")
	b.git("init", "-q", "-b", "main", other)
	b.must(os.WriteFile(filepath.Join(other, "in.txt"), []byte("of the submodule\n"), 0o644))
	b.run(other, "git", "add", "-A")
	b.run(other, "git", "-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-qm", "sub")
	b.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other, "vendor/sub")
	b.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n*.bat text eol=crlf\n*.rot filter=rot\n* text=auto\n")
	b.write("big.bin", lfsPointer)
	b.write("run.bat", "echo one\r\necho two\r\n")
	b.write("empty", "")
	b.write("odd/ü \"quoted\"\tname", "odd\n")
	b.git("config", "filter.rot.clean", "tr a-z n-za-m")
	b.git("config", "filter.rot.smudge", "tr n-za-m a-z")
	b.write("secret.rot", "uryyb\n")
	b.git("add", "-A")
	b.git("commit", "-qm", "grown")
	b.git("switch", "-qc", "side", "HEAD~1")
	b.write("side.txt", "side\n")
	b.git("add", "-A")
	b.git("commit", "-qm", "side")
	b.git("switch", "-q", "main")
	b.git("merge", "-q", "--no-ff", "-m", "merge", "side")
	b.git("worktree", "add", "-q", filepath.Join(b.TempDir(), "linked"), "side")
	return b
}

// TestAGrownRepositoryComesInAndOutClean lands changes beside all of it, on it,
// and of it.
func TestAGrownRepositoryComesInAndOutClean(t *testing.T) {
	b := grown(t)
	ctx := context.Background()
	if _, err := b.m.Locate(ctx, b.top); err != nil {
		t.Fatal(err)
	}
	tree := b.head()
	for name, text := range map[string]string{"big.bin": lfsPointer, "run.bat": "echo one\necho two\n", "secret.rot": "hello\n", "empty": ""} {
		w, ok := wanted(tree, name)
		if got := string(b.blobs.m[hexOf(w.blob)]); !ok || got != text {
			t.Errorf("the graph has %q for %s", got, name)
		}
	}
	sub := b.git("rev-parse", "HEAD:vendor/sub")
	if w, _ := wanted(tree, "vendor/sub"); w.sub != sub {
		t.Errorf("the submodule is at %q, not %s", w.sub, sub)
	}
	f := b.slot("s/0", tree)
	b.must(os.WriteFile(filepath.Join(f.Path(), "a.txt"), []byte("edited\n"), 0o644))
	b.must(os.WriteFile(filepath.Join(f.Path(), "run.bat"), []byte("echo three\n"), 0o644))
	b.must(os.WriteFile(filepath.Join(f.Path(), "secret.rot"), []byte("world\n"), 0o644))
	b.must(os.WriteFile(filepath.Join(f.Path(), "big.bin"), []byte(strings.Replace(lfsPointer, "12345", "54321", 1)), 0o644))
	b.must(os.WriteFile(filepath.Join(f.Path(), "vendor/plain.txt"), []byte("beside the submodule\n"), 0o644))
	ops, err := f.Scan(ctx, root)
	b.must(err)
	if len(ops) != 5 {
		t.Errorf("%d ops: %v", len(ops), ops)
	}
	b.must(f.Close())
	l := b.change(ops...)
	out, err := b.m.Land(ctx, l)
	b.must(err)
	if out.Result != Landed {
		t.Fatalf("%+v", out)
	}
	b.clean()
	for name, text := range map[string]string{"a.txt": "edited\n", "run.bat": "echo three\r\n", "secret.rot": "jbeyq\n", "vendor/sub/in.txt": "of the submodule\n"} {
		if got := b.read(name); got != text {
			t.Errorf("the working tree has %q for %s, not %q", got, name, text)
		}
	}
}

// clean wants git to find nothing to tell of.
func (b *bench) clean() {
	b.Helper()
	if s := b.git("status", "--porcelain", "--ignored"); s != "" {
		b.Errorf("git status is not clean:\n%s", s)
	}
	b.sound()
}

// TestAConvertedFileOfAPersonIsInTheWay: what they changed counts, what only
// looks different does not.
func TestAConvertedFileOfAPersonIsInTheWay(t *testing.T) {
	b := grown(t)
	l := b.change(b.op("secret.rot", "world\n", "0644"))
	b.write("secret.rot", "zvar\n")
	out, err := b.m.Land(context.Background(), l)
	b.must(err)
	if out.Result != Blocked || b.read("secret.rot") != "zvar\n" {
		t.Errorf("%+v", out)
	}
	b.git("config", "filter.rot.smudge", "false")
	b.git("config", "filter.rot.required", "true")
	b.write("secret.rot", "uryyb\n")
	out, err = b.m.Land(context.Background(), l)
	b.must(err)
	if out.Result != Blocked || len(out.Paths) != 1 || !strings.Contains(out.Paths[0], "secret.rot") {
		t.Errorf("with a filter that cannot be run: %+v", out)
	}
	b.sound()
}

// TestWhatGitWouldRewriteIsRefused: the commit holds the graph's bytes, or there
// is none.
func TestWhatGitWouldRewriteIsRefused(t *testing.T) {
	b := grown(t)
	ctx := context.Background()
	old := b.head()
	tip, err := b.m.Head(ctx, b.top, "main")
	b.must(err)
	for name, text := range map[string]string{"run.bat": "echo\r\n", "new.txt": "one\r\ntwo\r\n"} {
		_, err := b.m.Prepare(ctx, LandRequest{
			ID: "p1-2", Top: b.top, Branch: "main", Tip: tip, Old: old, New: b.apply(old, []rewrite.Op{b.op(name, text, "0644")}), Message: "m", Author: "J <j@localhost>",
		})
		var e *rmg.Error
		if !errors.As(err, &e) || e.Code != rmg.Invalid || !strings.Contains(e.Msg, name) || e.Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSubmodulesComeAndGo lands a submodule's new commit, a removed one, a file
// in the place of one, and one in the place of a file.
func TestSubmodulesComeAndGo(t *testing.T) {
	b := newBench(t, nil)
	at := b.git("rev-parse", "HEAD")
	sub := func(name, commit string) rewrite.Op {
		return rewrite.Op{Op: rewrite.AddNode, Path: root.Join(strings.Split(name, "/")...), Kind: rewrite.KindSubmodule, Props: map[string]rmg.Value{rewrite.PropCommit: rmg.String(commit)}}
	}
	for i, ops := range [][]rewrite.Op{
		{sub("one", at), sub("dir/two", at)},
		{remove("one"), sub("one", strings.Repeat("ab", 20)), remove("a.txt"), sub("a.txt", at)},
		{remove("one"), b.op("one", "now a file\n", "0644"), remove("dir/two")},
		{remove("a.txt"), b.op("a.txt", "a file again\n", "0644")},
	} {
		l := b.change(ops...)
		out, err := b.m.Land(context.Background(), l)
		b.must(err)
		if out.Result != Landed {
			t.Fatalf("step %d: %+v", i, out)
		}
		b.clean()
		if m, err := b.m.readAll(context.Background(), b.top, l.Commit); err != nil || m.Digest() != b.head().Digest() {
			t.Errorf("step %d: the commit read anew is another tree (%v)", i, err)
		}
	}
	if b.read("one") != "now a file\n" || b.read("a.txt") != "a file again\n" {
		t.Error("the files are not there")
	}
	f := b.slot("s/0", b.apply(b.head(), []rewrite.Op{sub("three", at)}))
	defer f.Close()
	if ops, err := f.Scan(context.Background(), root); err != nil || len(ops) != 0 {
		t.Errorf("%v %v", ops, err)
	}
	b.must(os.WriteFile(filepath.Join(f.Path(), "three/x"), nil, 0o644))
	var e *rmg.Error
	if _, err := f.Scan(context.Background(), root); !errors.As(err, &e) || e.Code != rmg.Invalid {
		t.Errorf("a file in a submodule: %v", err)
	}
}

// TestReimportReadsWhatChanged: the tree that comes of the difference is the one
// that comes of everything, and reads nothing else.
func TestReimportReadsWhatChanged(t *testing.T) {
	b := newBench(t, nil)
	b.head()
	l := b.several()
	out, err := b.m.Land(context.Background(), l)
	b.must(err)
	if out.Result != Landed {
		t.Fatalf("%+v", out)
	}
	b.git("mv", "dir", "moved")
	b.git("commit", "-qam", "a person's")
	puts := b.blobs.puts
	got := b.head()
	if n := b.blobs.puts - puts; n != 5 {
		t.Errorf("%d contents were read for 5 that are new", n)
	}
	want, err := b.m.readAll(context.Background(), b.top, b.git("rev-parse", "HEAD"))
	b.must(err)
	if got.Digest() != want.Digest() {
		t.Error("the difference made another tree")
	}
}

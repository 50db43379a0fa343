package worktree

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// newPlain is a bench whose top is a plain folder that was added.
func newPlain(t *testing.T, step func(string)) *bench {
	t.Helper()
	on := false
	opt := Options{Dir: t.TempDir()}
	opt.Step = func(s string) {
		if on && step != nil {
			step(s)
		}
	}
	b := plainWith(t, opt)
	_, err := b.m.AddFolder(context.Background(), b.top)
	b.must(err)
	on = true
	return b
}

// plainWith is the folder before it was added.
func plainWith(t *testing.T, opt Options) *bench {
	t.Helper()
	b := &bench{T: t, top: filepath.Join(t.TempDir(), "notes"), blobs: &memBlobs{m: map[string][]byte{}}}
	opt.Blobs = b.blobs
	m, err := New(opt)
	b.must(err)
	b.m = m
	b.write("a.txt", "one\n")
	b.write("dir/b.txt", "two\n")
	b.write("dir/run.sh", "#!/bin/sh\n")
	b.must(os.Chmod(filepath.Join(b.top, "dir/run.sh"), 0o755))
	b.must(os.Chmod(filepath.Join(b.top, "a.txt"), 0o600))
	b.must(os.Symlink("a.txt", filepath.Join(b.top, "link")))
	b.write("gone/x.txt", "x\n")
	return b
}

// again is another start of the manager.
func (b *bench) again() {
	b.Helper()
	m, err := New(Options{Dir: b.m.opt.Dir, Data: b.m.opt.Data, Blobs: b.blobs, Mount: b.m.opt.Mount})
	b.must(err)
	b.m = m
}

// looked is the folder's head, and the names of its tree in order.
func (b *bench) looked() (string, string) {
	b.Helper()
	ctx := context.Background()
	head, err := b.m.Head(ctx, b.top, plainBranch)
	b.must(err)
	tree, err := b.m.Tree(ctx, b.top, head)
	b.must(err)
	files, err := flatten(tree)
	b.must(err)
	return head, strings.Join(sortedNames(files), " ")
}

// text is what the head has at a name.
func (b *bench) text(name string) string {
	b.Helper()
	ctx := context.Background()
	head, err := b.m.Head(ctx, b.top, plainBranch)
	b.must(err)
	out, err := b.m.git(b.top).run(ctx, "cat-file", "blob", head+":"+name)
	b.must(err)
	return string(out)
}

// whole checks that nothing of ours lies about, and that git is content.
func (b *bench) whole() {
	b.Helper()
	left, _ := filepath.Glob(filepath.Join(b.top, stagePrefix+"*"))
	repo := b.m.plainGit(b.top).repo
	for _, pattern := range []string{"jitos-*", "*.lock", "refs/heads/*.lock", "../new-*"} {
		more, _ := filepath.Glob(filepath.Join(repo, pattern))
		left = append(left, more...)
	}
	if hasGit(b.top) {
		left = append(left, ".git")
	}
	if len(left) > 0 {
		b.Errorf("left behind: %v", left)
	}
	_, err := b.m.plainGit(b.top).run(context.Background(), "fsck", "--strict")
	b.must(err)
}

// TestAPlainFolderComesIn: as it is, byte for byte, without what it leaves out, and
// without a trace in it. What a person does is its head the next time.
func TestAPlainFolderComesIn(t *testing.T) {
	ctx := context.Background()
	b := plainWith(t, Options{Dir: t.TempDir()})
	b.write("crlf.txt", "a\r\nb\r\n")
	b.write(".gitattributes", "* text=auto eol=lf filter=lfs\n")
	b.write(".gitignore", "*.log\n")
	b.write(".jitosignore", "/private\n*.tmp")
	b.write("x.log", "l\n")
	b.write("private/key", "k\n")
	b.write("y.tmp", "t\n")
	b.write("dir/.jitos-landing-p1-2/0", "of a landing in dir, added by itself\n")
	b.write("empty", "")
	b.must(os.MkdirAll(filepath.Join(b.top, "no", "files"), 0o755))
	before := snapshot(t, b.top)
	_, err := b.m.Locate(ctx, b.top)
	var e *rmg.Error
	if !errors.As(err, &e) || e.Code != rmg.Invalid || !strings.Contains(e.Hint, "jitos folder add") {
		t.Fatalf("not added: %v", err)
	}
	r, err := b.m.AddFolder(ctx, b.top)
	b.must(err)
	in, err := b.m.Locate(ctx, filepath.Join(b.top, "dir"))
	b.must(err)
	if in != r || r.Top != b.top || r.Name != "notes" || r.Branch != "main" || !r.Plain || r.Head == "" {
		t.Errorf("%+v, not %+v", in, r)
	}
	head, names := b.looked()
	if want := ".gitattributes .gitignore .jitosignore a.txt crlf.txt dir/b.txt dir/run.sh empty gone/x.txt link"; head != r.Head || names != want {
		t.Errorf("at %s, not %s: %s", head, r.Head, names)
	}
	if got := b.text("crlf.txt"); got != "a\r\nb\r\n" {
		t.Errorf("line ends became %q", got)
	}
	if after := snapshot(t, b.top); after != before {
		t.Errorf("the folder was changed:\n%s", after)
	}

	b.write("a.txt", "ONE\n")
	b.must(os.RemoveAll(filepath.Join(b.top, "gone")))
	next, names := b.looked()
	if next == head || strings.Contains(names, "gone") || b.text("a.txt") != "ONE\n" {
		t.Errorf("what was changed is not seen: %s", names)
	}
	list, err := b.m.Log(ctx, b.top, "main", 5)
	b.must(err)
	if len(list) != 2 || list[0].Subject != "as it was found: a.txt and 1 more" || list[0].Author != plainAuthor {
		t.Errorf("%+v", list)
	}
	c, err := b.m.Blame(ctx, b.top, next, "a.txt", 1)
	b.must(err)
	if c.ID != next {
		t.Errorf("the line comes from %+v", c)
	}
	b.again()
	if same, _ := b.looked(); same != next {
		t.Errorf("after a restart the head is another one")
	}
	b.whole()
}

// TestRepositoriesInAPlainFolder are references, as submodules are.
func TestRepositoriesInAPlainFolder(t *testing.T) {
	ctx := context.Background()
	b := newPlain(t, nil)
	top := b.top
	b.top = filepath.Join(top, "lib")
	b.write("x.go", "package x\n")
	b.git("init", "-q")
	in := *b
	b.top = filepath.Join(top, "unborn")
	b.write("y.go", "package y\n")
	b.git("init", "-q")
	b.top = top
	if _, names := b.looked(); strings.Contains(names, "unborn") || strings.Contains(names, "lib") {
		t.Errorf("of repositories without a commit: %s", names)
	}
	in.git("-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-qm", "x", "--allow-empty")
	head, names := b.looked()
	tree, err := b.m.Tree(ctx, b.top, head)
	b.must(err)
	if w, _ := wanted(tree, "lib"); w.sub != in.git("rev-parse", "HEAD") {
		t.Errorf("lib is %+v in %s", w, names)
	}
	if r, err := b.m.Locate(ctx, in.top); err != nil || r.Plain || r.Top != in.top {
		t.Errorf("in the repository: %+v %v", r, err)
	}
	b.must(os.RemoveAll(filepath.Join(in.top, ".git")))
	if _, names := b.looked(); !strings.Contains(names, "lib/x.go") {
		t.Errorf("of a folder that is no repository any more: %s", names)
	}
}

// TestWhatMayBeAdded: no repository and no part of one, and never what we keep
// ourselves.
func TestWhatMayBeAdded(t *testing.T) {
	ctx := context.Background()
	b := newBench(t, nil)
	outer := t.TempDir()
	data := filepath.Join(outer, "share", "jitos")
	m, err := New(Options{Dir: filepath.Join(data, "work"), Data: data, Blobs: b.blobs})
	b.must(err)
	b.must(os.MkdirAll(filepath.Join(outer, "notes"), 0o755))
	b.must(os.MkdirAll(filepath.Join(data, "blobs"), 0o755))
	b.write("ignored/x.txt", "x\n")
	b.must(os.WriteFile(filepath.Join(b.top, ".git", "info", "exclude"), []byte("ignored\n"), 0o644))
	for dir, want := range map[string]rmg.Code{
		filepath.Join(outer, "notes"): "", filepath.Join(b.top, "ignored"): "",
		b.top: rmg.Exists, filepath.Join(b.top, "dir"): rmg.Exists,
		outer: rmg.Denied, data: rmg.Denied, filepath.Join(data, "blobs"): rmg.Denied, "/": rmg.Denied,
		filepath.Join(outer, "nowhere"): rmg.NotFound, filepath.Join(b.top, "a.txt"): rmg.NotFound,
	} {
		_, err := m.AddFolder(ctx, dir)
		var e *rmg.Error
		if errors.As(err, &e); (err != nil || want != "") && (e == nil || e.Code != want || e.Hint == "") {
			t.Errorf("%s: %v, not %s", dir, err, want)
		}
	}
	if r, err := m.Locate(ctx, filepath.Join(b.top, "ignored")); err != nil || !r.Plain {
		t.Errorf("%+v %v", r, err)
	}
}

// TestAFolderThatIsNotThere is not taken for one whose files were removed.
func TestAFolderThatIsNotThere(t *testing.T) {
	ctx := context.Background()
	b := newPlain(t, nil)
	head, _ := b.looked()
	away := b.top + "-away"
	b.must(os.Rename(b.top, away))
	for range 2 {
		_, err := b.m.Head(ctx, b.top, plainBranch)
		if err == nil {
			t.Error("what is not there was taken in")
		}
		if err := os.Mkdir(b.top, 0o755); err != nil {
			b.must(os.Remove(b.top)) // the second time: a place where nothing is mounted
		}
	}
	b.must(os.Rename(away, b.top))
	if again, _ := b.looked(); again != head {
		t.Errorf("it came back as %s, not %s", again, head)
	}
	for _, name := range []string{"a.txt", "dir", "link", "gone"} {
		b.must(os.RemoveAll(filepath.Join(b.top, name)))
	}
	if _, err := b.m.AddFolder(ctx, b.top); err != nil {
		t.Error(err)
	}
	if _, names := b.looked(); names != "" {
		t.Errorf("added as it is, it holds %s", names)
	}
}

// TestAPlainFolderBecomesARepository: from then on it is one.
func TestAPlainFolderBecomesARepository(t *testing.T) {
	ctx := context.Background()
	b := newPlain(t, nil)
	l := b.change(b.op("a.txt", "ONE\n", "0644"))
	b.git("init", "-q", "-b", "trunk")
	if _, err := b.m.Locate(ctx, b.top); !errors.Is(err, &rmg.Error{Code: rmg.Invalid}) {
		t.Errorf("without a commit: %v", err)
	}
	out, err := b.m.Land(ctx, l)
	b.must(err)
	if out.Result != Landed || b.read("a.txt") != "ONE\n" {
		t.Errorf("what was prepared before: %+v", out)
	}
	b.git("add", "-A")
	b.git("-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-qm", "first")
	r, err := b.m.Locate(ctx, b.top)
	b.must(err)
	if head, err := b.m.Head(ctx, b.top, "trunk"); err != nil || r.Plain || r.Branch != "trunk" || r.Head != head {
		t.Errorf("%+v, at %s: %v", r, head, err)
	}
}

// TestForgetLeavesNoCommit of a plain folder, which comes in anew.
func TestForgetLeavesNoCommit(t *testing.T) {
	b := newPlain(t, nil)
	b.write("secret.txt", "s3cr3t\n")
	was, _ := b.looked()
	b.must(os.Remove(filepath.Join(b.top, "secret.txt")))
	l := b.change(b.op("a.txt", "ONE\n", "0644"))
	b.must(b.m.Forget())
	out, err := b.m.Land(context.Background(), l)
	b.must(err)
	if out.Result != Moved {
		t.Errorf("a landing on what is forgotten: %+v", out)
	}
	b.looked()
	if err := exec.Command("git", "--git-dir", b.m.plainGit(b.top).repo, "cat-file", "-e", was).Run(); err == nil {
		t.Error("the commit with the secret is there")
	}
	b.again()
	out, err = b.m.Land(context.Background(), b.change(b.op("a.txt", "ONE\n", "0644")))
	b.must(err)
	if out.Result != Landed {
		t.Errorf("%+v", out)
	}
	b.whole()
}

// TestAWorkspaceOfAPlainFolder holds its files, no .git, and gives back what is not
// left out by the folder's own rules.
func TestAWorkspaceOfAPlainFolder(t *testing.T) {
	mechanisms(t, func(t *testing.T, mount bool) {
		ctx := context.Background()
		b := plainWith(t, Options{Dir: t.TempDir(), Mount: mount})
		b.write(".jitosignore", "*.tmp\n")
		b.write(".worktreeinclude", "*.tmp\n")
		b.write("needed.tmp", "n\n")
		r, err := b.m.AddFolder(ctx, b.top)
		b.must(err)
		tree, err := b.m.Tree(ctx, b.top, r.Head)
		b.must(err)
		f, err := b.m.Slot(ctx, "notes/main/0", tree, Origin{Top: b.top, Branch: r.Branch, Commit: r.Head})
		b.must(err)
		defer f.Close()
		if hasGit(f.Path()) {
			t.Error("there is a .git")
		}
		in := &bench{T: t, top: f.Path()}
		if got := in.read("needed.tmp"); got != "n\n" {
			t.Errorf("what is to come along is %q", got)
		}
		in.write("out.tmp", "o\n")
		in.write("new.txt", "new\n")
		ops, err := f.Scan(ctx, root)
		b.must(err)
		if len(ops) != 1 || ops[0].Op != rewrite.Write || ops[0].Path != root.Child("new.txt") {
			t.Errorf("%+v", ops)
		}
	})
}

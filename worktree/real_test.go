package worktree

import (
	"context"
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestARealRepository takes a repository that somebody has, in and out:
//
//	JITOS_REAL=DIR go test -run TestARealRepository ./worktree
//
// DIR is a clean working tree, which is changed. What comes in is what git has, byte
// by byte; a workspace is clean to git; ten changes made in one land as they were
// made, and git finds nothing strange.
func TestARealRepository(t *testing.T) {
	top := os.Getenv("JITOS_REAL")
	if top == "" {
		small := newBench(t, nil)
		for i := range 10 {
			small.write(fmt.Sprintf("many/%d.txt", i), fmt.Sprint(i, "\n"))
		}
		small.git("add", "-A")
		small.git("commit", "-qm", "many")
		top = small.top
	}
	b := &bench{T: t, top: top, blobs: &memBlobs{m: map[string][]byte{}}}
	m, err := New(Options{Dir: t.TempDir(), Blobs: b.blobs, Mount: Private()})
	b.must(err)
	b.m = m
	clean := func() {
		if s := b.git("status", "--porcelain"); s != "" {
			t.Errorf("git status is not clean:\n%s", s)
		}
		b.git("fsck", "--no-dangling") // what is strict about old commits is not ours
	}
	clean()
	ctx, began := context.Background(), time.Now()
	step := func(what string) {
		t.Logf("%s: %s", what, time.Since(began).Round(time.Millisecond))
		began = time.Now()
	}
	tree := b.head()
	step("read")
	files, err := flatten(tree)
	b.must(err)
	listed := records([]byte(b.git("ls-tree", "-r", "-z", "HEAD")))
	if len(listed) != len(files) {
		t.Errorf("git has %d files, the graph %d", len(listed), len(files))
	}
	for _, rec := range listed {
		head, name, _ := strings.Cut(rec, "\t")
		if is := gitHas(b, files[name]); !strings.HasPrefix(head, is) {
			t.Errorf("%s: git has %s, the graph %s", name, head, is)
		}
	}
	step("compared")
	of := Origin{Top: top, Branch: b.git("branch", "--show-current"), Commit: b.git("rev-parse", "HEAD")}
	f, err := b.m.Slot(ctx, "s/0", tree, of)
	b.must(err)
	step("the first workspace")
	in := &bench{T: t, top: f.Path()}
	if Private() {
		if s := in.git("status", "--porcelain"); s != "" {
			t.Errorf("git status in a workspace:\n%s", s)
		}
	}
	edited := 0
	for _, name := range sortedNames(files) {
		w, at := files[name], filepath.Join(f.Path(), name)
		if w.link || w.sub != "" || w.blob.Size == 0 || strings.HasPrefix(filepath.Base(name), ".") {
			continue
		}
		switch edited++; edited {
		case 1, 2, 3, 4, 5, 6:
			data, err := os.ReadFile(at)
			b.must(err)
			b.must(os.WriteFile(at, append(data, "more\n"...), 0o644))
		case 7:
			b.must(os.Remove(at))
		case 8:
			b.must(os.Rename(at, at+".moved"))
		case 9:
			b.must(os.Chmod(at, 0o755))
		}
	}
	in.write("made by a workspace/new.txt", "new\n")
	ops, err := f.Scan(ctx, root)
	b.must(err)
	step("scan")
	b.must(f.Close())
	l := b.change(ops...)
	out, err := b.m.Land(ctx, l)
	b.must(err)
	if out.Result != Landed {
		t.Fatalf("%+v", out)
	}
	step("landed")
	// Six edits, one file gone, one moved, one that became executable, a new one.
	if n := len(records([]byte(b.git("diff", "--name-only", "--no-renames", "-z", "HEAD~1")))); n != 11 {
		t.Errorf("the commit changes %d files", n)
	}
	clean()
	step("git status and fsck")
}

// gitHas is what git's list of a tree says of something: mode, kind and id.
func gitHas(b *bench, w want) string {
	mode, data := "100644", b.blobs.m[hexOf(w.blob)]
	switch {
	case w.sub != "":
		return "160000 commit " + w.sub
	case w.link:
		mode, data = "120000", []byte(w.text)
	case w.exec:
		mode = "100755"
	}
	return fmt.Sprintf("%s blob %x", mode, sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(data)), data...)))
}

package worktree

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestFoldersGoIntoABackup: restored, a plain folder is known, its head is the commit
// that it was, with all before it, and a landing goes on there; also if the first
// start died, and if the folder itself was not there when the backup was made.
func TestFoldersGoIntoABackup(t *testing.T) {
	b := newPlain(t, nil)
	ctx := context.Background()
	first, _ := b.looked()
	b.write("a.txt", "later\n")
	head, files := b.looked()
	if first == head {
		t.Fatal("there is no history")
	}
	data := t.TempDir()
	var names []string
	keep := func() error {
		names = nil
		return b.m.Keep(ctx, func(name string, fill func(io.Writer) error) error {
			names = append(names, filepath.Base(name))
			at := filepath.Join(data, name)
			b.must(os.MkdirAll(filepath.Dir(at), 0o700))
			f, err := os.Create(at)
			b.must(err)
			defer f.Close()
			return fill(f)
		})
	}
	aside := b.top + "-aside"
	b.must(os.Rename(b.top, aside))
	b.must(keep())
	b.must(os.Rename(aside, b.top))
	if !slices.Equal(names, []string{"bundle", "top"}) {
		t.Errorf("a backup has %v", names)
	}
	// What a start left that died while it made the history anew.
	half := filepath.Join(data, "folders", filepath.Base(b.m.plains.place(b.top)), "git")
	b.must(os.MkdirAll(filepath.Join(half, "refs"), 0o700))
	for range 2 {
		m, err := New(Options{Dir: t.TempDir(), Data: data, Blobs: b.blobs})
		b.must(err)
		b.m = m
		if now, have := b.looked(); now != head || have != files {
			t.Errorf("restored, it is at %s with %s, not %s with %s", now, have, head, files)
		}
	}
	out, err := b.m.git(b.top).run(ctx, "rev-list", plainBranch)
	if b.must(err); !strings.Contains(string(out), first) {
		t.Errorf("its history is %s, without %s", out, first)
	}
	b.whole()
	b.write("a.txt", "after\n")
	if now, _ := b.looked(); now == head {
		t.Error("what is written after it is not seen")
	}
}

package worktree

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"jitos.dev/rmg"
)

// A folder that is forgotten is as it was and known no more, also by another start;
// what was kept of it is gone. Added again it is a new one.
func TestForgetFolder(t *testing.T) {
	ctx := context.Background()
	b := newPlain(t, nil)
	was, at := snapshot(t, b.top), b.m.plains.place(b.top)
	head, names := b.looked()

	top, bytes, err := b.m.ForgetFolder(ctx, b.top, true)
	if err != nil || top != b.top || bytes == 0 {
		t.Fatalf("a dry run: %s, %d, %v", top, bytes, err)
	}
	if is, _ := b.looked(); is != head {
		t.Error("a dry run forgot it")
	}

	// A landing that was cut off is finished first.
	lock := filepath.Join(at, "git", "index.lock")
	b.must(os.WriteFile(lock, nil, 0o600))
	if _, _, err := b.m.ForgetFolder(ctx, b.top, false); codeOf(err) != rmg.Conflict {
		t.Errorf("in a landing: %v", err)
	}
	b.must(os.Remove(lock))

	link := filepath.Join(t.TempDir(), "link")
	b.must(os.Symlink(b.top, link))
	if top, again, err := b.m.ForgetFolder(ctx, link, false); err != nil || top != b.top || again != bytes {
		t.Fatalf("by another name: %s, %d, %v", top, again, err)
	}
	if list, err := os.ReadDir(filepath.Dir(at)); err != nil || len(list) > 0 {
		t.Errorf("what is kept of it is there: %v, %v", list, err)
	}
	for _, restarted := range []bool{false, true} {
		if restarted {
			b.again()
		}
		if _, _, err := b.m.ForgetFolder(ctx, b.top, false); codeOf(err) != rmg.NotFound {
			t.Errorf("restarted %v, once more: %v", restarted, err)
		}
		if _, err := b.m.Locate(ctx, b.top); codeOf(err) != rmg.Invalid {
			t.Errorf("restarted %v, it is found: %v", restarted, err)
		}
	}
	if snapshot(t, b.top) != was {
		t.Error("the folder was touched")
	}

	b.write("a.txt", "other\n")
	_, err = b.m.AddFolder(ctx, b.top)
	b.must(err)
	if is, again := b.looked(); is == head || again != names || b.text("a.txt") != "other\n" {
		t.Errorf("added again it holds %s, not %s", again, names)
	}

	// It need not be there.
	b.must(os.RemoveAll(b.top))
	if _, _, err := b.m.ForgetFolder(ctx, b.top, false); err != nil {
		t.Errorf("one that is gone: %v", err)
	}
	if _, err := os.Lstat(at); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is kept of it is there: %v", err)
	}
}

package worktree

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// TestAPersonSwitchesBranches at each step of a landing: it lands on its own
// branch, and the files that stand there are those of the branch they are on.
func TestAPersonSwitchesBranches(t *testing.T) {
	for n := 0; ; n++ {
		var b *bench
		steps, at, refused := 0, "", error(nil)
		b = newBench(t, func(s string) {
			if steps++; steps == n+1 {
				at = s
				refused = b.try("switch", "-q", "other")
			}
		})
		b.git("branch", "other")
		l := b.several()
		out, err := b.m.Land(context.Background(), l)
		b.must(err)
		if at == "" {
			if n < 5 {
				t.Fatalf("only %d steps", n)
			}
			return
		}
		if out.Result != Landed || b.git("rev-parse", "main") != l.Commit {
			t.Errorf("switched before %s: %+v", at, out)
		}
		if at != StepLock && refused == nil {
			t.Errorf("git switched although the index is locked, before %s", at)
		}
		b.clean()
		if refused == nil {
			b.git("switch", "-q", "main")
		}
		b.landed(l)
	}
}

// try runs git and says how it ended.
func (b *bench) try(args ...string) error {
	_, err := git{dir: b.top}.run(context.Background(), args...)
	return err
}

// TestAPersonPutsALinkWhereAFolderWas, while a landing replaces the files in it: the
// link stays, with what it leads to, and the landing ends.
func TestAPersonPutsALinkWhereAFolderWas(t *testing.T) {
	var b *bench
	b = newBench(t, func(s string) {
		if s != StepRef {
			return
		}
		b.must(os.Rename(filepath.Join(b.top, "dir"), filepath.Join(b.top, "moved")))
		b.must(os.Symlink("moved", filepath.Join(b.top, "dir")))
	})
	l := b.change(b.op("a.txt", "ONE\n", "0644"), b.op("dir/b.txt", "TWO\n", "0644"))
	out, err := b.m.Land(context.Background(), l)
	b.must(err)
	if out.Result != Landed || b.read("moved/b.txt") != "two\n" || b.read("a.txt") != "ONE\n" {
		t.Errorf("%+v: %q and %q", out, b.read("moved/b.txt"), b.read("a.txt"))
	}
	if got := b.git("status", "--porcelain"); got != " D dir/b.txt\n D dir/run.sh\n?? dir\n?? moved/" {
		t.Errorf("git status:\n%s", got)
	}
	b.sound()
}

// TestAPersonRebases: what was prepared on a history that is no more lands
// nowhere, and the new one is read as it is.
func TestAPersonRebases(t *testing.T) {
	b := newBench(t, nil)
	b.write("b.txt", "second\n")
	b.git("add", "-A")
	b.git("commit", "-qm", "second")
	l := b.several()
	b.git("switch", "-q", "--detach", "HEAD~1")
	b.write("c.txt", "in between\n")
	b.git("add", "-A")
	b.git("commit", "-qm", "in between")
	b.git("switch", "-q", "main")
	b.git("rebase", "-q", "HEAD@{1}")
	before := snapshot(t, b.top)
	out, err := b.m.Land(context.Background(), l)
	b.must(err)
	if out.Result != Moved || snapshot(t, b.top) != before {
		t.Fatalf("%+v", out)
	}
	b.clean()
	want, err := b.m.readAll(context.Background(), b.top, b.git("rev-parse", "main"))
	b.must(err)
	if b.head().Digest() != want.Digest() {
		t.Error("the rebased branch was read as another tree")
	}
	l = b.several()
	out, err = b.m.Land(context.Background(), l)
	b.must(err)
	if out.Result != Landed {
		t.Fatalf("%+v", out)
	}
	b.landed(l)
}

// TestAFullDiskStopsALandingBeforeItBegins: the repository stands on a small
// disk, and a landing that does not fit leaves everything as it was, at whatever
// size it stops fitting.
func TestAFullDiskStopsALandingBeforeItBegins(t *testing.T) {
	if !Private() {
		t.Log("no file system of its own can be mounted here")
		return
	}
	b := newBench(t, nil)
	small := smallDisk(t, "2m")
	b.run(small, "git", "clone", "-q", b.top, "repo")
	b.top = filepath.Join(small, "repo")
	ctx := context.Background()
	stopped, landed := 0, 0
	for kib := 1600; kib > 100; kib -= 250 {
		old := b.head()
		tip := b.git("rev-parse", "main")
		before := snapshot(t, b.top)
		// It does not compress.
		text := noise(kib << 10)
		l, err := b.m.Prepare(ctx, LandRequest{ID: "p1-2", Top: b.top, Branch: "main", Tip: tip, Old: old, New: b.apply(old, []rewrite.Op{b.op("big", text, "0644"), b.op("a.txt", "ONE\n", "0644")}), Message: "m", Author: "J <j@localhost>"})
		var out Outcome
		if err == nil {
			out, err = b.m.Land(ctx, l)
		}
		if err != nil {
			stopped++
			if b.git("rev-parse", "main") != tip || snapshot(t, b.top) != before {
				t.Errorf("%d KiB: something changed although %v", kib, err)
			}
			b.clean()
			b.git("gc", "-q", "--prune=now")
			continue
		}
		landed++
		if out.Result != Landed || b.read("big") != text {
			t.Errorf("%d KiB: %+v", kib, out.Result)
		}
		b.clean()
		break
	}
	if stopped < 2 || landed != 1 {
		t.Errorf("%d landings did not fit, %d did", stopped, landed)
	}
	var e *rmg.Error
	if err := full(unix.ENOSPC); !errors.As(err, &e) || e.Code != rmg.Limit {
		t.Error(err)
	}
}

// noise is text that does not compress, the same each time.
func noise(n int) string {
	var out strings.Builder
	x := uint64(1)
	for out.Len() < n {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		out.WriteByte(byte(x))
	}
	return out.String()
}

// TestALandingFinishesAfterAStageIsLost dies after the branch moved, and loses
// what was made for it beforehand: git has it all.
func TestALandingFinishesAfterAStageIsLost(t *testing.T) {
	var b *bench
	var l Landing
	b = newBench(t, func(s string) {
		if s == StepFile {
			panic(errKilled)
		}
	})
	l = b.several()
	func() {
		defer func() { _ = recover() }()
		_, _ = b.m.Land(context.Background(), l)
	}()
	at := &site{top: b.top, gitDir: filepath.Join(b.top, ".git")}
	for i := range l.Paths {
		b.must(os.RemoveAll(at.staged(l, i) + ".new"))
	}
	m, err := New(Options{Dir: t.TempDir(), Blobs: b.blobs})
	b.must(err)
	out, err := m.Resume(context.Background(), l)
	b.must(err)
	if out.Result != Landed {
		t.Errorf("%+v", out)
	}
	b.landed(l)
}

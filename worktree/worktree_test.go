package worktree

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// memBlobs keeps content in memory.
type memBlobs struct {
	mu   sync.Mutex // guards the fields below
	m    map[string][]byte
	puts int
}

func (b *memBlobs) Put(r io.Reader) (rmg.Blob, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return rmg.Blob{}, err
	}
	sum := sha256.Sum256(data)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.m[hex.EncodeToString(sum[:])] = data
	b.puts++
	return rmg.Blob{Sum: sum, Size: int64(len(data))}, nil
}

func (b *memBlobs) Open(x rmg.Blob) (io.ReadSeekCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	data, ok := b.m[hex.EncodeToString(x.Sum[:])]
	if !ok {
		return nil, os.ErrNotExist
	}
	return struct {
		io.ReadSeeker
		io.Closer
	}{bytes.NewReader(data), io.NopCloser(nil)}, nil
}

// TestMain stands in a mount namespace of its own where the machine has them,
// so that folders are what they are in the daemon.
func TestMain(m *testing.M) {
	if self, err := os.Executable(); err == nil && !Private() {
		err = Enter(append([]string{self}, os.Args[1:]...))
		fmt.Fprintln(os.Stderr, "only copied folders are tested:", err)
	}
	os.Exit(m.Run())
}

// mechanisms runs a test with folders of each kind that this machine has.
func mechanisms(t *testing.T, test func(t *testing.T, mount bool)) {
	t.Run(copies, func(t *testing.T) { test(t, false) })
	if Private() {
		t.Run(overlays, func(t *testing.T) { test(t, true) })
	}
}

// bench is a repository and a manager.
type bench struct {
	*testing.T
	top   string
	m     *Manager
	blobs *memBlobs
}

func newBench(t *testing.T, step func(string)) *bench {
	t.Helper()
	return benchWith(t, Options{Step: step, Mount: Private()})
}

func benchWith(t *testing.T, opt Options) *bench {
	t.Helper()
	b := &bench{T: t, top: filepath.Join(t.TempDir(), "repo"), blobs: &memBlobs{m: map[string][]byte{}}}
	opt.Dir, opt.Blobs = t.TempDir(), b.blobs
	m, err := New(opt)
	b.must(err)
	if opt.Mount && m.Mechanism().Name != overlays {
		t.Fatalf("folders are copied: %s", m.Mechanism().Why)
	}
	b.m = m
	b.must(os.MkdirAll(b.top, 0o755))
	b.git("init", "-q", "-b", "main")
	b.git("config", "user.name", "T")
	b.git("config", "user.email", "t@example.com")
	b.write("a.txt", "one\n")
	b.write("dir/b.txt", "two\n")
	b.write("dir/run.sh", "#!/bin/sh\n")
	b.must(os.Chmod(filepath.Join(b.top, "dir/run.sh"), 0o755))
	b.must(os.Symlink("a.txt", filepath.Join(b.top, "link")))
	b.write("gone/x.txt", "x\n")
	b.write(".gitignore", "*.log\n")
	b.git("add", "-A")
	b.git("commit", "-qm", "first")
	return b
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) git(args ...string) string {
	b.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = b.top
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimRight(string(out), "\n")
}

func (b *bench) write(name, text string) {
	b.Helper()
	full := filepath.Join(b.top, name)
	b.must(os.MkdirAll(filepath.Dir(full), 0o755))
	b.must(os.WriteFile(full, []byte(text), 0o644))
}

func (b *bench) read(name string) string {
	b.Helper()
	data, err := os.ReadFile(filepath.Join(b.top, name))
	if err != nil {
		return "absent"
	}
	return string(data)
}

// change applies ops to the tree of main's tip and prepares the landing.
func (b *bench) change(ops ...rewrite.Op) Landing {
	b.Helper()
	ctx := context.Background()
	tip, err := b.m.Head(ctx, b.top, "main")
	b.must(err)
	old, err := b.m.Tree(ctx, b.top, tip)
	b.must(err)
	l, err := b.m.Prepare(ctx, LandRequest{
		ID: "p1-2", Top: b.top, Branch: "main", Tip: tip, Old: old, New: b.apply(old, ops),
		Message: "change\n\nJitos-Process: p1\nJitos-Seq: 2\n", Author: "JITOS <jitos@localhost>", AtUnix: 1700000000,
	})
	b.must(err)
	return l
}

func (b *bench) op(name, text, mode string) rewrite.Op {
	b.Helper()
	blob, err := b.blobs.Put(strings.NewReader(text))
	b.must(err)
	return rewrite.Op{Op: rewrite.Write, Path: root.Join(strings.Split(name, "/")...), Blob: blob, Mode: mode}
}

func remove(name string) rewrite.Op {
	return rewrite.Op{Op: rewrite.Remove, Path: root.Join(strings.Split(name, "/")...), Cascade: true}
}

// root is where trees stand while ops are applied to them.
var root = rmg.Root.Child("t")

func (b *bench) apply(tree rmg.Graph, ops []rewrite.Op) rmg.Graph {
	b.Helper()
	o := rmg.NewOverlay(rmg.Graph{})
	b.must(o.Graft(root, rmg.Element{ID: "t", Kind: rewrite.KindDir, Graph: tree}))
	b.must(rewrite.Apply(o, ops))
	e, _ := o.Get(root)
	return e.Graph
}

// several changes every kind of path.
func (b *bench) several() Landing {
	return b.change(
		b.op("a.txt", "ONE\n", "0644"), b.op("dir/b.txt", "two\n", "0755"), b.op("new/deep/c.txt", "three\n", "0644"),
		remove("gone"), remove("link"), b.op("link/now-a-folder", "yes\n", "0644"),
	)
}

func (b *bench) landed(l Landing) {
	b.Helper()
	if tip := b.git("rev-parse", "main"); tip != l.Commit {
		b.Errorf("main is at %s, not at the landed commit", tip)
	}
	if s := b.git("status", "--porcelain", "--ignored"); s != "" {
		b.Errorf("git status is not clean:\n%s", s)
	}
	for name, text := range map[string]string{"a.txt": "ONE\n", "new/deep/c.txt": "three\n", "link/now-a-folder": "yes\n", "gone/x.txt": "absent"} {
		if got := b.read(name); got != text {
			b.Errorf("%s is %q, not %q", name, got, text)
		}
	}
	b.sound()
}

// sound checks that nothing of a landing lies about and git is content.
func (b *bench) sound() {
	b.Helper()
	b.git("fsck", "--strict")
	left, _ := filepath.Glob(filepath.Join(b.top, ".git", "jitos-*"))
	if _, err := os.Stat(filepath.Join(b.top, ".git", "index.lock")); err == nil {
		left = append(left, "index.lock")
	}
	if len(left) > 0 {
		b.Errorf("left behind: %v", left)
	}
}

func TestLandChangesExactlyWhatItNames(t *testing.T) {
	b := newBench(t, nil)
	b.write("mine.log", "ignored\n")
	b.write("untracked.txt", "mine\n")
	b.write("dir/run.sh", "#!/bin/sh\necho changed, not staged\n")
	b.write("staged.txt", "staged\n")
	b.git("add", "staged.txt")
	before := b.git("status", "--porcelain", "--ignored")
	l := b.several()
	out, err := b.m.Land(context.Background(), l)
	b.must(err)
	if out.Result != Landed || len(out.Kept) != 0 {
		t.Fatalf("%+v", out)
	}
	if after := b.git("status", "--porcelain", "--ignored"); after != before {
		t.Errorf("status was\n%s\nis\n%s", before, after)
	}
	if b.git("log", "-1", "--format=%(trailers:key=Jitos-Seq,valueonly)") != "2\n" && !strings.HasPrefix(b.git("log", "-1", "--format=%(trailers:key=Jitos-Seq,valueonly)"), "2") {
		t.Error("no trailer")
	}
	if got := b.git("ls-files", "--stage", "staged.txt"); !strings.HasSuffix(got, "staged.txt") {
		t.Error("the staged file is staged no more")
	}
	b.sound()
}

func TestLandGoesNowhereWhenWorkIsInTheWay(t *testing.T) {
	for name, dirty := range map[string]func(b *bench){
		"changed":          func(b *bench) { b.write("a.txt", "mine\n") },
		"staged":           func(b *bench) { b.write("a.txt", "mine\n"); b.git("add", "a.txt"); b.write("a.txt", "one\n") },
		"untracked":        func(b *bench) { b.write("new/deep/c.txt", "mine\n") },
		"ignored in dir":   func(b *bench) { b.write("new", "a file where a folder is needed\n") },
		"removed":          func(b *bench) { b.must(os.Remove(filepath.Join(b.top, "a.txt"))) },
		"mode":             func(b *bench) { b.must(os.Chmod(filepath.Join(b.top, "a.txt"), 0o755)) },
		"removed in index": func(b *bench) { b.git("rm", "-q", "--cached", "a.txt") },
		"linked folder": func(b *bench) {
			b.must(os.Symlink(b.TempDir(), filepath.Join(b.top, "new")))
		},
		"locked":      func(b *bench) { b.must(os.WriteFile(filepath.Join(b.top, ".git/index.lock"), nil, 0o644)) },
		"merge begun": func(b *bench) { b.must(os.WriteFile(filepath.Join(b.top, ".git/MERGE_HEAD"), nil, 0o644)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			l := b.several()
			dirty(b)
			before, tip := snapshot(t, b.top), b.git("rev-parse", "main")
			out, err := b.m.Land(context.Background(), l)
			b.must(err)
			if out.Result != Blocked || len(out.Paths) == 0 {
				t.Fatalf("%+v", out)
			}
			if after := snapshot(t, b.top); after != before {
				t.Errorf("files were\n%s\nare\n%s", before, after)
			}
			if b.git("rev-parse", "main") != tip {
				t.Error("the branch moved")
			}
			b.must(b.m.Park(context.Background(), l, "jitos/p1", ""))
			if b.git("rev-parse", "jitos/p1") != l.Commit {
				t.Error("not parked")
			}
		})
	}
}

// snapshot is every file of a working tree, with mode and content.
func snapshot(t *testing.T, top string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.Walk(top, func(p string, st os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(top, p)
		if rel == ".git" {
			return filepath.SkipDir
		}
		fmt.Fprintf(&out, "%q %v", rel, st.Mode())
		switch {
		case st.Mode().IsRegular():
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			fmt.Fprintf(&out, " %s", shown(data))
		case st.Mode()&os.ModeSymlink != 0:
			to, err := os.Readlink(p)
			if err != nil {
				return err
			}
			fmt.Fprintf(&out, " %q", to)
		}
		out.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// shown is content as a snapshot has it.
func shown(data []byte) string {
	if len(data) > 200 {
		return fmt.Sprintf("%d bytes %x", len(data), sha256.Sum256(data))
	}
	return fmt.Sprintf("%q", data)
}

// TestLandAFileWhereEmptyFoldersStand: git counts folders without files as
// nothing, however deep; the file takes their place.
func TestLandAFileWhereEmptyFoldersStand(t *testing.T) {
	b := newBench(t, nil)
	b.must(os.MkdirAll(filepath.Join(b.top, "gone/left/over"), 0o755))
	b.must(os.MkdirAll(filepath.Join(b.top, "fresh/left/over"), 0o755))
	l := b.change(remove("gone"), b.op("gone", "now a file\n", "0644"), b.op("fresh", "a file\n", "0644"))
	out, err := b.m.Land(context.Background(), l)
	b.must(err)
	if out.Result != Landed || b.read("gone") != "now a file\n" || b.read("fresh") != "a file\n" {
		t.Errorf("%+v", out)
	}
	b.clean()
}

// TestLandAFolderWhereALinkStood: what the link leads to has no say.
func TestLandAFolderWhereALinkStood(t *testing.T) {
	b := newBench(t, nil)
	b.must(os.Symlink("dir", filepath.Join(b.top, "d")))
	b.must(os.Symlink("x", filepath.Join(b.top, "dir/sub")))
	b.git("add", "-A")
	b.git("commit", "-qm", "links")
	out, err := b.m.Land(context.Background(), b.change(remove("d"), b.op("d/sub/file", "a file\n", "0644")))
	b.must(err)
	if out.Result != Landed || b.read("d/sub/file") != "a file\n" {
		t.Errorf("%+v", out)
	}
	b.clean()
}

// TestLandLooksAtItsOwnFiles: git knows afterwards of each of them that it is as it
// was committed, and of a file that was touched before no more than it knew.
func TestLandLooksAtItsOwnFiles(t *testing.T) {
	b := newBench(t, nil)
	const odd = ":!a.txt" // to git, all but a.txt
	b.write(odd, "odd\n")
	b.git("add", "-A")
	b.git("commit", "-qm", "odd")
	long := time.Unix(1_000_000_000, 0)
	b.must(os.Chtimes(filepath.Join(b.top, "dir/run.sh"), long, long))
	l := b.change(b.op("a.txt", "ONE\n", "0644"), b.op(odd, "ODD\n", "0644"), remove("gone"))
	out, err := b.m.Land(context.Background(), l)
	b.must(err)
	// Unlike git status it looks at nothing itself.
	if got := b.git("diff-files", "--name-only"); out.Result != Landed || got != "dir/run.sh" {
		t.Errorf("%+v, and git has to look at\n%s", out, got)
	}
	if got := b.git("status", "--porcelain"); got != "" || b.read(odd) != "ODD\n" || b.read("a.txt") != "ONE\n" {
		t.Errorf("git status:\n%s", got)
	}
	b.sound()
}

func TestLandRefusesAMovedBranch(t *testing.T) {
	b := newBench(t, nil)
	l := b.several()
	b.write("other.txt", "by the person\n")
	b.git("add", "-A")
	b.git("commit", "-qm", "in between")
	tip := b.git("rev-parse", "main")
	out, err := b.m.Land(context.Background(), l)
	b.must(err)
	if out.Result != Moved || b.git("rev-parse", "main") != tip || b.git("status", "--porcelain") != "" {
		t.Fatalf("%+v", out)
	}
	b.sound()
}

func TestLandOnABranchThatIsNotCheckedOut(t *testing.T) {
	b := newBench(t, nil)
	l := b.several()
	b.git("switch", "-qc", "elsewhere")
	before := snapshot(t, b.top)
	out, err := b.m.Land(context.Background(), l)
	b.must(err)
	if out.Result != Landed || b.git("rev-parse", "main") != l.Commit || snapshot(t, b.top) != before {
		t.Fatalf("%+v", out)
	}
}

// errKilled is what the step hook panics with where a process would die.
var errKilled = errors.New("killed")

// TestResumeAfterDeathAtEachStep dies before each step in turn, as a kill
// would, and settles as a restart would: all or nothing.
func TestResumeAfterDeathAtEachStep(t *testing.T) {
	for n := 0; ; n++ {
		steps, died := 0, ""
		b := newBench(t, func(s string) {
			if steps++; steps == n+1 {
				died = s
				panic(errKilled)
			}
		})
		l := b.several()
		func() {
			defer func() {
				if r := recover(); r != nil && r != errKilled {
					panic(r)
				}
			}()
			_, err := b.m.Land(context.Background(), l)
			b.must(err)
		}()
		if died == "" {
			if n < 8 {
				t.Fatalf("only %d steps", n)
			}
			b.landed(l)
			return
		}
		m, err := New(Options{Dir: t.TempDir(), Blobs: b.blobs})
		b.must(err)
		for range 2 { // and again: settling is idempotent
			out, err := m.Resume(context.Background(), l)
			b.must(err)
			switch {
			case out.Result == Landed:
				b.landed(l)
			case out.Result == Moved && b.git("rev-parse", "main") == l.Tip:
				if s := b.git("status", "--porcelain", "--ignored"); s != "" {
					t.Errorf("dead at %s: taken back, but\n%s", died, s)
				}
				b.sound()
			default:
				t.Fatalf("dead at step %d (%s): %+v", n, died, out)
			}
		}
	}
}

// TestLockIsBornMarked looks at what a landing is about to make its lock of: it
// is whole before the lock exists, so that no death leaves a lock of nobody's.
func TestLockIsBornMarked(t *testing.T) {
	var b *bench
	var l Landing
	seen := 0
	b = newBench(t, func(s string) {
		if s != StepLock {
			return
		}
		seen++
		at := &site{top: b.top, gitDir: filepath.Join(b.top, ".git")}
		if _, err := os.Lstat(at.lockFile()); err == nil {
			t.Error("the lock is there before it is taken")
		}
		if got, err := os.ReadFile(filepath.Join(at.stage(l), "lock")); err != nil || string(got) != mark(l) {
			t.Errorf("what becomes the lock holds %q (%v)", got, err)
		}
	})
	l = b.several()
	_, err := b.m.Land(context.Background(), l)
	b.must(err)
	b.landed(l)
	if seen != 1 {
		t.Errorf("the lock was taken %d times", seen)
	}
}

// TestNoByteOfAPersonIsLost edits a landed file at each step of the landing, in
// both ways editors write.
func TestNoByteOfAPersonIsLost(t *testing.T) {
	for _, inPlace := range []bool{true, false} {
		for n := 0; n < 12; n++ {
			steps := 0
			var b *bench
			const mine = "what the person typed meanwhile\n"
			b = newBench(t, func(s string) {
				if steps++; steps != n+1 {
					return
				}
				file := filepath.Join(b.top, "a.txt")
				if inPlace {
					b.must(os.WriteFile(file, []byte(mine), 0o644))
					return
				}
				b.must(os.WriteFile(file+"~", []byte(mine), 0o644))
				b.must(os.Rename(file+"~", file))
			})
			l := b.several()
			out, err := b.m.Land(context.Background(), l)
			b.must(err)
			if steps <= n {
				continue
			}
			if got := b.read("a.txt"); got != mine {
				t.Errorf("edited before step %d: the file holds %q (%+v)", n, got, out)
			}
			b.sound()
		}
	}
}

// snapshotFiles is snapshot without folders: git does not keep empty ones.
func snapshotFiles(t *testing.T, top string) string {
	t.Helper()
	lines := strings.Split(snapshot(t, top), "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, "\" d") })
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func TestLocateRefusesWhatItCannotCarry(t *testing.T) {
	for name, c := range map[string]struct {
		make func(b *bench)
		code rmg.Code
	}{
		"merge": {func(b *bench) { b.must(os.WriteFile(filepath.Join(b.top, ".git/MERGE_HEAD"), nil, 0o644)) }, rmg.Conflict},
		"bare": {func(b *bench) {
			b.git("clone", "-q", "--bare", ".", "../bare")
			b.top = filepath.Join(b.top, "../bare")
		}, rmg.Invalid},
		"none":      {func(b *bench) { b.top = b.TempDir() }, rmg.Invalid},
		"missing":   {func(b *bench) { b.top = "/nowhere" }, rmg.NotFound},
		"detached":  {func(b *bench) { b.git("switch", "-q", "--detach") }, rmg.Invalid},
		"no commit": {func(b *bench) { b.git("switch", "-q", "--orphan", "empty") }, rmg.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			c.make(b)
			_, err := b.m.Locate(context.Background(), b.top)
			var e *rmg.Error
			if !errors.As(err, &e) || e.Code != c.code || e.Hint == "" {
				t.Errorf("%v", err)
			}
		})
	}
	b := newBench(t, nil)
	r, err := b.m.Locate(context.Background(), filepath.Join(b.top, "dir"))
	b.must(err)
	if r.Top != b.top || r.Branch != "main" || r.Name != "repo" {
		t.Errorf("%+v", r)
	}
}

func TestSlotUndoesEverythingAndKeepsTheRest(t *testing.T) {
	mechanisms(t, slotUndoesEverything)
}

func slotUndoesEverything(t *testing.T, mount bool) {
	b := benchWith(t, Options{Mount: mount})
	ctx := context.Background()
	tip, err := b.m.Head(ctx, b.top, "main")
	b.must(err)
	tree, err := b.m.Tree(ctx, b.top, tip)
	b.must(err)
	f, err := b.m.Slot(ctx, "s/0", tree, Origin{})
	b.must(err)
	want := snapshot(t, f.Path())
	same, err := os.Lstat(filepath.Join(f.Path(), "dir/b.txt"))
	b.must(err)
	outside := t.TempDir()
	b.must(os.WriteFile(filepath.Join(outside, "keep"), nil, 0o644))
	b.must(os.WriteFile(filepath.Join(f.Path(), "a.txt"), []byte("spoilt"), 0o644))
	b.must(os.MkdirAll(filepath.Join(f.Path(), "left/over"), 0o755))
	b.must(os.WriteFile(filepath.Join(f.Path(), "left/over/x"), nil, 0o000))
	b.must(os.Chmod(filepath.Join(f.Path(), "left/over"), 0o000))
	b.must(os.RemoveAll(filepath.Join(f.Path(), "gone")))
	b.must(os.Symlink(outside, filepath.Join(f.Path(), "gone")))
	b.must(f.Update(ctx, tree))
	if got := snapshot(t, f.Path()); got != want {
		t.Errorf("is\n%s\nwas\n%s", got, want)
	}
	now, err := os.Lstat(filepath.Join(f.Path(), "dir/b.txt"))
	b.must(err)
	if !now.ModTime().Equal(same.ModTime()) {
		t.Error("an untouched file was written again")
	}
	if _, err := os.Stat(filepath.Join(outside, "keep")); err != nil {
		t.Error("a link was followed out of the folder")
	}
	b.must(f.Close())
}

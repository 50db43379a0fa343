package worktree

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
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

// head is the tree of main's tip.
func (b *bench) head() rmg.Graph {
	b.Helper()
	ctx := context.Background()
	tip, err := b.m.Head(ctx, b.top, "main")
	b.must(err)
	tree, err := b.m.Tree(ctx, b.top, tip)
	b.must(err)
	return tree
}

func (b *bench) slot(name string, tree rmg.Graph) *Folder {
	b.Helper()
	f, err := b.m.Slot(context.Background(), name, tree, Origin{})
	b.must(err)
	return f
}

// run runs a command in a folder.
func (b *bench) run(dir string, argv ...string) string {
	b.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return string(out)
}

// many is a tree of n files whose content says which edition of it they are.
func (b *bench) many(n int, edition string) rmg.Graph {
	b.Helper()
	var ops []rewrite.Op
	for i := range n {
		ops = append(ops, b.op(fmt.Sprintf("d%d/f%d", i%7, i), fmt.Sprintf("%d %s\n", i, edition), "0644"))
	}
	return b.apply(rmg.Graph{}, ops)
}

// onDisk is a tree as snapshotFiles tells of it, made of the graph alone.
func (b *bench) onDisk(tree rmg.Graph) string {
	b.Helper()
	files, err := flatten(tree)
	b.must(err)
	lines := []string{""}
	for name, w := range files {
		if w.link {
			lines = append(lines, fmt.Sprintf("%q Lrwxrwxrwx %q", name, w.text))
			continue
		}
		mode := os.FileMode(0o644)
		if w.exec {
			mode = 0o755
		}
		lines = append(lines, fmt.Sprintf("%q %v %s", name, mode, shown(b.blobs.m[hexOf(w.blob)])))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func hexOf(b rmg.Blob) string { return hex.EncodeToString(b.Sum[:]) }

// ifPrivate runs what only a machine with overlays has to keep.
func ifPrivate(t *testing.T, test func(b *bench)) {
	t.Helper()
	if !Private() {
		t.Log("there are no overlays here")
		return
	}
	test(newBench(t, nil))
}

// TestNoWriteReachesALayer does everything that a worker could to a folder: not
// a byte, mode or time of what others stand on changes.
func TestNoWriteReachesALayer(t *testing.T) {
	ifPrivate(t, func(b *bench) {
		tree := b.head()
		f := b.slot("s/0", tree)
		layer := f.body.(*mounted).stand.files()
		before, err := stampsOf(layer)
		b.must(err)
		at := func(n string) string { return filepath.Join(f.Path(), n) }
		file, err := os.OpenFile(at("a.txt"), os.O_APPEND|os.O_WRONLY, 0)
		b.must(err)
		_, err = file.WriteString("more")
		b.must(errors.Join(err, file.Close()))
		b.must(os.Truncate(at("dir/b.txt"), 0))
		b.must(os.Link(at("dir/run.sh"), at("hard")))
		b.must(os.WriteFile(at("hard"), []byte("through"), 0o755))
		b.must(os.Chmod(at(".gitignore"), 0o600))
		b.must(os.Chtimes(at("gone/x.txt"), time.Unix(1, 0), time.Unix(1, 0)))
		b.must(os.RemoveAll(at("gone")))
		b.must(os.Rename(at("dir/b.txt"), at("b")))
		if after, err := stampsOf(layer); err != nil || after != before {
			b.Errorf("the layer changed (%v)", err)
		}
		b.must(f.Close())
		g := b.slot("s/1", tree)
		if got, want := snapshotFiles(b.T, g.Path()), b.onDisk(tree); got != want {
			b.Errorf("another workspace sees\n%s\nnot\n%s", got, want)
		}
		b.must(g.Close())
	})
}

// TestAGateTrustsNoLayer touches a layer behind the manager's back: a gate's
// folder holds the tree's bytes all the same.
func TestAGateTrustsNoLayer(t *testing.T) {
	ifPrivate(t, func(b *bench) {
		ctx := context.Background()
		tree := b.head()
		f := b.slot("s/0", tree)
		layer := f.body.(*mounted).stand.files()
		b.must(f.Close())
		b.must(os.WriteFile(filepath.Join(layer, "a.txt"), []byte("ONE\n"), 0o644)) // as long as it was
		g, err := b.m.Fresh(ctx, "g", tree)
		b.must(err)
		if got, want := snapshotFiles(b.T, g.Path()), b.onDisk(tree); got != want {
			b.Errorf("the gate sees\n%s\nnot\n%s", got, want)
		}
		b.must(g.Close())
		if _, err := os.Lstat(g.dir); !errors.Is(err, os.ErrNotExist) {
			b.Errorf("a fresh folder is left: %v", err)
		}
	})
}

// TestLayersOverLayers walks through editions that differ by a little, by more
// than an upper layer takes, by folders that become files, and back.
func TestLayersOverLayers(t *testing.T) {
	ifPrivate(t, func(b *bench) {
		trees := []rmg.Graph{b.many(2*maxInUpper, "first")}
		for i := range maxDeltas + 3 {
			last := trees[len(trees)-1]
			var ops []rewrite.Op
			switch i % 4 {
			case 0:
				ops = []rewrite.Op{b.op("d1/f1", fmt.Sprint("edited", i), "0755")}
			case 1:
				ops = []rewrite.Op{remove("d2"), b.op("d2", fmt.Sprint("a file", i), "0644")}
			case 2:
				ops = []rewrite.Op{remove("d2"), b.op("d2/deep/er", fmt.Sprint("a folder", i), "0644")}
			}
			if i%4 != 0 {
				for n := range maxInUpper + 1 {
					ops = append(ops, b.op(fmt.Sprintf("e%d/x%d", i, n), fmt.Sprint(i), "0644"))
				}
			}
			trees = append(trees, b.apply(last, ops))
		}
		trees = append(trees, trees[3], trees[0], rmg.Graph{}, trees[5])
		deepest := 0
		f := b.slot("s/0", trees[0])
		for i, tree := range trees {
			b.must(f.Update(context.Background(), tree))
			if got, want := snapshotFiles(b.T, f.Path()), b.onDisk(tree); got != want {
				b.Fatalf("edition %d is\n%s\nnot\n%s", i, got, want)
			}
			if ops, err := f.Scan(context.Background(), root); err != nil || len(ops) > 0 {
				b.Fatalf("edition %d, untouched, was changed: %v %v", i, ops, err)
			}
			deepest = max(deepest, f.body.(*mounted).stand.depth())
		}
		b.must(f.Close())
		if deepest < 3 || deepest > maxDeltas {
			b.Errorf("the highest pile of layers is %d", deepest)
		}
	})
}

func TestFiftyWorkspacesAtOnce(t *testing.T) {
	mechanisms(t, func(t *testing.T, mount bool) {
		b := benchWith(t, Options{Mount: mount})
		tree := b.many(200, "x")
		want := b.onDisk(tree)
		var wg sync.WaitGroup
		for i := range map[bool]int{false: 4, true: 50}[mount] {
			wg.Go(func() {
				f, err := b.m.Slot(context.Background(), fmt.Sprintf("s/%d", i), tree, Origin{})
				if err != nil {
					t.Error(err)
					return
				}
				if err := os.WriteFile(filepath.Join(f.Path(), "mine"), fmt.Append(nil, i), 0o644); err != nil {
					t.Error(err)
				}
				ops, err := f.Scan(context.Background(), root)
				if err != nil || len(ops) != 1 || ops[0].Path != root.Child("mine") {
					t.Errorf("%v %v", ops, err)
				}
				if err := os.Remove(filepath.Join(f.Path(), "mine")); err != nil {
					t.Error(err)
				}
				if got := snapshotFiles(t, f.Path()); got != want {
					t.Errorf("workspace %d is\n%s", i, got)
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if mount && len(b.m.layers.all) != 1 {
			t.Errorf("%d layers were made for one tree", len(b.m.layers.all))
		}
	})
}

// TestLayersSurviveARestart: a manager that starts anew takes what is whole, and
// removes what is not.
func TestLayersSurviveARestart(t *testing.T) {
	ifPrivate(t, func(b *bench) {
		tree := b.head()
		f := b.slot("s/0", tree)
		file := filepath.Join(f.body.(*mounted).stand.files(), "a.txt")
		b.must(f.Close())
		was, err := os.Lstat(file)
		b.must(err)
		half := filepath.Join(b.m.layers.dir, "new-1")
		b.must(os.MkdirAll(filepath.Join(half, "tree"), 0o755))
		b.m, err = New(b.m.opt)
		b.must(err)
		f = b.slot("s/0", tree)
		is, err := os.Lstat(filepath.Join(f.body.(*mounted).stand.files(), "a.txt"))
		b.must(err)
		if !os.SameFile(was, is) {
			b.Error("the layer was made again")
		}
		if _, err := os.Lstat(half); !errors.Is(err, os.ErrNotExist) {
			b.Errorf("half a layer is left: %v", err)
		}
		b.must(f.Close())
	})
}

// TestAFullDiskSaysSo runs out of room while a layer is made, and in a copy: the
// error says what to do, and nothing of the attempt is left.
func TestAFullDiskSaysSo(t *testing.T) {
	if !Private() {
		t.Log("no file system of its own can be mounted here")
		return
	}
	mechanisms(t, func(t *testing.T, mount bool) {
		b := newBench(t, nil)
		small := smallDisk(t, "256k")
		var err error
		b.m, err = New(Options{Dir: small, Blobs: b.blobs, Mount: mount})
		b.must(err)
		big := b.apply(rmg.Graph{}, []rewrite.Op{b.op("big", strings.Repeat("x", 1<<20), "0644")})
		_, err = b.m.Slot(context.Background(), "s/0", big, Origin{})
		var e *rmg.Error
		if !errors.As(err, &e) || e.Code != rmg.Limit || e.Hint == "" {
			t.Fatalf("%v", err)
		}
		tree := b.head()
		f := b.slot("s/0", tree)
		if got, want := snapshotFiles(t, f.Path()), b.onDisk(tree); got != want {
			t.Errorf("is\n%s\nnot\n%s", got, want)
		}
		b.must(f.Close())
	})
}

// TestScanRecognisesMoves renames a file and a folder, by the program mv, which
// copies where the kernel does not let it rename.
func TestScanRecognisesMoves(t *testing.T) {
	mechanisms(t, func(t *testing.T, mount bool) {
		b := benchWith(t, Options{Mount: mount})
		tree := b.head()
		f := b.slot("s/0", tree)
		defer f.Close()
		b.run(f.Path(), "mv", "a.txt", "z.txt")
		b.run(f.Path(), "mv", "dir", "new")
		b.run(f.Path(), "mv", "link", "link2")
		ops, err := f.Scan(context.Background(), root)
		b.must(err)
		var got []string
		for _, op := range ops {
			got = append(got, fmt.Sprint(op.Op, " ", op.Path, " ", op.Dest))
		}
		want := []string{
			"remove /t/link ", "move /t/a.txt /t/z.txt", "add_node /t/new ", "move /t/dir/b.txt /t/new/b.txt", "move /t/dir/run.sh /t/new/run.sh",
			"remove /t/dir ", "add_node /t/link2 ",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		if got, want := b.onDisk(b.apply(tree, ops)), snapshotFiles(t, f.Path()); got != want {
			t.Errorf("the graph has\n%s\nthe folder\n%s", got, want)
		}
	})
}

// TestScanLeavesOutWhatIsIgnored: what a build leaves does not come back, but
// for what the tree has anyway.
func TestScanLeavesOutWhatIsIgnored(t *testing.T) {
	mechanisms(t, func(t *testing.T, mount bool) {
		b := benchWith(t, Options{Mount: mount})
		tree := b.apply(b.head(), []rewrite.Op{b.op("kept.log", "in the tree\n", "0644"), b.op("sub/.gitignore", "/out/\n!x.log\n", "0644")})
		f := b.slot("s/0", tree)
		defer f.Close()
		for _, name := range []string{"kept.log", "left.log", "sub/out/a/b", "sub/x.log", "out"} {
			full := filepath.Join(f.Path(), name)
			b.must(os.MkdirAll(filepath.Dir(full), 0o755))
			b.must(os.WriteFile(full, []byte("written\n"), 0o644))
		}
		puts := b.blobs.puts
		ops, err := f.Scan(context.Background(), root)
		b.must(err)
		var got []string
		for _, op := range ops {
			got = append(got, fmt.Sprint(op.Op, " ", op.Path))
		}
		if want := []string{"write /t/kept.log", "write /t/out", "write /t/sub/x.log"}; !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		if b.blobs.puts != puts+3 {
			t.Errorf("%d contents were taken in", b.blobs.puts-puts)
		}
	})
}

// TestForgetLeavesNoCopy: a content is found nowhere below the manager's folder,
// but for what somebody is working in, until they are done.
func TestForgetLeavesNoCopy(t *testing.T) {
	mechanisms(t, func(t *testing.T, mount bool) {
		b := benchWith(t, Options{Mount: mount})
		secret := "the deploy key\n"
		tree := b.apply(b.head(), []rewrite.Op{b.op("key", secret, "0600")})
		copies := func() (n int) {
			b.must(filepath.WalkDir(b.m.opt.Dir, func(p string, d os.DirEntry, err error) error {
				if err == nil && d.Type().IsRegular() {
					data, err := os.ReadFile(p)
					if b.must(err); string(data) == secret {
						n++
					}
				}
				return err
			}))
			return n
		}
		b.must(b.slot("s/0", tree).Close())
		f := b.slot("s/1", tree)
		if copies() == 0 {
			t.Fatal("there is no copy to begin with")
		}
		b.must(b.m.Forget())
		if got, want := snapshotFiles(t, f.Path()), b.onDisk(tree); got != want {
			t.Errorf("a workspace in use is now\n%s\nnot\n%s", got, want)
		}
		b.must(f.Close())
		if mount { // a copied slot that was in use keeps its files for the next
			if n := copies(); n != 0 {
				t.Errorf("%d copies are left", n)
			}
		}
		b.must(b.m.Forget())
		if n := copies(); n != 0 {
			t.Errorf("%d copies are left", n)
		}
		g := b.slot("s/1", tree)
		if got, want := snapshotFiles(t, g.Path()), b.onDisk(tree); got != want {
			t.Errorf("the slot afterwards is\n%s\nnot\n%s", got, want)
		}
		b.must(g.Close())
	})
}

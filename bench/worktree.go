package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"jitos.dev/journal"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/worktree"
)

// worktreeRows make workspaces of repositories of several sizes; the peers are
// git worktree add and cp -r of the same files. done removes what they leave.
func worktreeRows() (rows []measure, done func() error) {
	g := &grove{}
	for _, n := range []int{10_000, 50_000, 100_000} {
		rows = append(rows,
			measure{fmt.Sprintf("worktree/ready/%d", n), g.row(n, (*forest).ready)},
			measure{fmt.Sprintf("worktree/cold/%d", n), g.row(n, (*forest).cold)},
			measure{fmt.Sprintf("worktree/scan/%d", n), g.row(n, (*forest).scan)},
			measure{fmt.Sprintf("worktree/reimport/%d", n), g.row(n, (*forest).reimport)},
			measure{fmt.Sprintf("worktree/land/%d", n), g.row(n, (*forest).land)},
			measure{fmt.Sprintf("worktree/caches/%d", n), g.row(n, (*forest).caches)},
		)
		if n == 10_000 {
			rows = append(rows,
				measure{"worktree/disk/50", g.row(n, (*forest).disk)}, measure{"worktree/storm/50", g.row(n, (*forest).storm)})
		}
	}
	return append(rows, measure{"worktree/reads", readsRow}), g.clear
}

// grove keeps the forest of the last row for the next one.
type grove struct{ last *forest }

func (g *grove) row(n int, run func(*forest) (row, error)) func() (row, error) {
	return func() (row, error) {
		if g.last == nil || g.last.n != n {
			if err := g.clear(); err != nil {
				return row{}, err
			}
			f, err := newForest(n)
			g.last = f
			if err != nil {
				return row{}, errors.Join(err, g.clear())
			}
		}
		return run(g.last)
	}
}

func (g *grove) clear() (err error) {
	if f := g.last; f != nil {
		if f.store != nil {
			err = f.store.Close()
		}
		err = errors.Join(err, os.RemoveAll(f.dir))
	}
	g.last = nil
	return err
}

// forestBlobs is the journal's content store in the worktree's words.
type forestBlobs struct{ journal.Blobs }

func (b forestBlobs) Put(r io.Reader) (rmg.Blob, error) {
	sum, size, err := b.Blobs.Put(r)
	return rmg.Blob{Sum: sum, Size: size}, err
}

func (b forestBlobs) Open(x rmg.Blob) (io.ReadSeekCloser, error) { return b.Blobs.Open(x.Sum) }

// forest is a repository of n files, read into a graph, and what it takes to
// make workspaces of it.
type forest struct {
	n         int
	dir, top  string
	store     *journal.Store
	m         *worktree.Manager
	tree      rmg.Graph
	head      string
	imported  float64 // ms that reading all of it took
	firstSlot float64 // ms that the first workspace took
	others    map[string]float64
}

// errNoOverlays is why rows are skipped on a machine without them.
var errNoOverlays = errors.New("workspaces are copied on this machine")

// newForest makes one, all in one folder on disk.
func newForest(n int) (*forest, error) {
	dir, err := os.MkdirTemp("", "bench-forest-")
	f := &forest{n: n, dir: dir, top: filepath.Join(dir, "repo")}
	if err != nil {
		return f, err
	}
	if err := f.plant(); err != nil {
		return f, err
	}
	if f.store, err = journal.Open(filepath.Join(dir, "data"), journal.Options{}); err != nil {
		return f, err
	}
	f.m, err = worktree.New(worktree.Options{Dir: filepath.Join(dir, "work"), Blobs: forestBlobs{f.store.Blobs()}, Mount: worktree.Private()})
	if err != nil {
		return f, err
	}
	if how := f.m.Mechanism(); how.Why != "" {
		return f, fmt.Errorf("%w: %s", errNoOverlays, how.Why)
	}
	ctx := context.Background()
	if f.head, err = f.m.Head(ctx, f.top, "main"); err != nil {
		return f, err
	}
	f.imported, err = millis(func() error {
		f.tree, err = f.m.Tree(ctx, f.top, f.head)
		return err
	})
	if err != nil {
		return f, err
	}
	f.firstSlot, err = millis(func() error { return f.slot("first", nil) })
	return f, err
}

func millis(do func() error) (float64, error) {
	began := time.Now()
	err := do()
	return float64(time.Since(began).Microseconds()) / 1000, err
}

// plant makes the repository: folders of a hundred files of some 500 bytes.
func (f *forest) plant() error {
	if err := f.git("init", "-q", "-b", "main", f.top); err != nil {
		return err
	}
	cmd := exec.Command("git", "-C", f.top, "fast-import", "--quiet")
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	w := bufio.NewWriter(in)
	fmt.Fprint(w, "commit refs/heads/main\ncommitter B <b@example.com> 1 +0000\ndata 1\nm\n")
	for i := range f.n {
		text := fmt.Sprintf("%0500d\n", i)
		fmt.Fprintf(w, "M 100644 inline d%d/e%d/f%d.txt\ndata %d\n%s\n", i/10_000, i/100%100, i, len(text), text)
	}
	if err := errors.Join(w.Flush(), in.Close(), cmd.Wait()); err != nil {
		return err
	}
	return f.git("-C", f.top, "reset", "-q", "--hard")
}

func (f *forest) git(args ...string) error {
	out, err := exec.Command("git", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("git %v: %w: %s", args, err, out)
	}
	return nil
}

// slot makes a workspace, lets edit work in it, and closes it.
func (f *forest) slot(name string, edit func(w *worktree.Folder) error) error {
	w, err := f.m.Slot(context.Background(), name, f.tree, worktree.Origin{Top: f.top, Branch: "main", Commit: f.head})
	if err != nil {
		return err
	}
	if edit != nil {
		err = edit(w)
	}
	return errors.Join(err, w.Close())
}

// peers are what others take for the same files.
func (f *forest) peers() (map[string]float64, error) {
	if f.others != nil {
		return f.others, nil
	}
	add, err := millis(func() error {
		return f.git("-C", f.top, "worktree", "add", "-q", "--detach", filepath.Join(f.dir, "added"))
	})
	if err != nil {
		return nil, err
	}
	cp, err := millis(func() error {
		return exec.Command("cp", "-r", filepath.Join(f.dir, "added"), filepath.Join(f.dir, "copied")).Run()
	})
	f.others = map[string]float64{"git worktree add": add, "cp -r": cp}
	return f.others, err
}

// ready is the time to a workspace in which a command could run, of a tree that
// another workspace has shown before.
func (f *forest) ready() (row, error) {
	var times []float64
	for i := range 4 * rounds {
		began := time.Now()
		w, err := f.m.Slot(context.Background(), fmt.Sprint("ready/", i), f.tree, worktree.Origin{Top: f.top, Branch: "main", Commit: f.head})
		if err != nil {
			return row{}, err
		}
		times = append(times, float64(time.Since(began).Microseconds())/1000)
		if err := w.Close(); err != nil {
			return row{}, err
		}
	}
	peers, err := f.peers()
	return row{Value: middle(times), Unit: "ms", Peers: peers, N: len(times)}.within(100, "<= 100 ms"), err
}

// cold is the time to the first workspace of all.
func (f *forest) cold() (row, error) {
	peers, err := f.peers()
	return row{Value: f.firstSlot, Unit: "ms", Peers: peers, Holds: true, N: 1}, err
}

// scan is the time to find ten changes; the peer is git status after the same.
func (f *forest) scan() (row, error) {
	ten := func(dir string) error {
		for i := range 10 {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("d0/e0/f%d.txt", i)), []byte("edited\n"), 0o644); err != nil {
				return err
			}
		}
		return nil
	}
	var took float64
	err := f.slot("scan", func(w *worktree.Folder) error {
		if err := ten(w.Path()); err != nil {
			return err
		}
		var err error
		took, err = millis(func() error {
			ops, err := w.Scan(context.Background(), rmg.Root.Child("t"))
			if err == nil && len(ops) != 10 {
				err = fmt.Errorf("%d ops for 10 changes", len(ops))
			}
			return err
		})
		return err
	})
	if err != nil {
		return row{}, err
	}
	if err := ten(f.top); err != nil {
		return row{}, err
	}
	status, err := millis(func() error { return f.git("-C", f.top, "status", "--porcelain") })
	err = errors.Join(err, f.git("-C", f.top, "checkout", "-q", "."))
	return row{Value: took, Unit: "ms", Peers: map[string]float64{"git status": status}, N: 1}.within(100, "<= 100 ms"), err
}

// reimport is the time to read a commit that changed ten files; the peer is
// reading all of it.
func (f *forest) reimport() (row, error) {
	for i := range 10 {
		if err := os.WriteFile(filepath.Join(f.top, fmt.Sprintf("d0/e1/f%d.txt", 100+i)), []byte("edited\n"), 0o644); err != nil {
			return row{}, err
		}
	}
	if err := f.git("-C", f.top, "-c", "user.name=B", "-c", "user.email=b@example.com", "commit", "-qam", "ten"); err != nil {
		return row{}, err
	}
	ctx := context.Background()
	head, err := f.m.Head(ctx, f.top, "main")
	if err != nil {
		return row{}, err
	}
	took, err := millis(func() error {
		_, err := f.m.Tree(ctx, f.top, head)
		return err
	})
	return row{Value: took, Unit: "ms", Peers: map[string]float64{"all of it": f.imported}, N: 1}.within(250, "<= 250 ms"), err
}

// land is the time to commit ten changes and bring them into the working tree;
// the peer is git commit of the same. Git has to be content afterwards.
func (f *forest) land() (row, error) {
	ctx := context.Background()
	tip, err := f.m.Head(ctx, f.top, "main")
	if err != nil {
		return row{}, err
	}
	old, err := f.m.Tree(ctx, f.top, tip)
	if err != nil {
		return row{}, err
	}
	o := rmg.NewOverlay(old)
	for i := range 10 {
		b, err := forestBlobs{f.store.Blobs()}.Put(strings.NewReader(fmt.Sprint("landed ", i)))
		if err != nil {
			return row{}, err
		}
		p := rmg.Root.Join("d0", "e2", fmt.Sprintf("f%d.txt", 200+i))
		if err := rewrite.Apply(o, []rewrite.Op{{Op: rewrite.Write, Path: p, Blob: b}}); err != nil {
			return row{}, err
		}
	}
	took, err := millis(func() error {
		l, err := f.m.Prepare(ctx, worktree.LandRequest{
			ID: "bench", Top: f.top, Branch: "main", Tip: tip, Old: old, New: o.Graph(), Message: "ten", Author: "B <b@example.com>",
		})
		if err != nil {
			return err
		}
		out, err := f.m.Land(ctx, l)
		if err == nil && out.Result != worktree.Landed {
			err = fmt.Errorf("%s: %v", out.Result, out.Paths)
		}
		return err
	})
	if err != nil {
		return row{}, err
	}
	if out, err := exec.Command("git", "-C", f.top, "status", "--porcelain").CombinedOutput(); err != nil || len(out) > 0 {
		return row{}, fmt.Errorf("git status after a landing: %w\n%s", err, out)
	}
	if err := f.git("-C", f.top, "fsck", "--no-dangling"); err != nil {
		return row{}, err
	}
	for i := range 10 {
		if err := os.WriteFile(filepath.Join(f.top, "d0", "e3", fmt.Sprintf("f%d.txt", 300+i)), []byte("edited\n"), 0o644); err != nil {
			return row{}, err
		}
	}
	commit, err := millis(func() error {
		return f.git("-C", f.top, "-c", "user.name=B", "-c", "user.email=b@example.com", "commit", "-qam", "ten more")
	})
	return row{Value: took, Unit: "ms", Peers: map[string]float64{"git commit": commit}, Holds: true, N: 1}, err
}

// disk is what 50 workspaces with ten changes each take of it, beside one.
func (f *forest) disk() (row, error) {
	if err := f.slot("disk/0", nil); err != nil {
		return row{}, err
	}
	one, err := diskOf(filepath.Join(f.dir, "work"))
	if err != nil {
		return row{}, err
	}
	var changes int64
	var open []*worktree.Folder
	for i := range 50 {
		w, err := f.m.Slot(context.Background(), fmt.Sprint("disk/", i), f.tree, worktree.Origin{Top: f.top, Branch: "main", Commit: f.head})
		if err != nil {
			return row{}, err
		}
		open = append(open, w)
		for j := range 10 {
			text := fmt.Appendf(nil, "workspace %d, change %d\n", i, j)
			if err := os.WriteFile(filepath.Join(w.Path(), fmt.Sprintf("d0/e%d/f%d.txt", j, 100*j)), text, 0o644); err != nil {
				return row{}, err
			}
		}
		changes += (10 + 12) * 4096 // a block for each file, and each folder that holds one
	}
	all, err := diskOf(filepath.Join(f.dir, "work"))
	for _, w := range open {
		err = errors.Join(err, w.Close())
	}
	ratio := float64(all-changes) / float64(one)
	return row{Value: ratio, Unit: fmt.Sprintf("x one, less the changes (%d MB in all)", all>>20), Peers: map[string]float64{"cp -r": 50}, N: 1}.within(1.1, "<= 1.1"), err
}

// diskOf is how much disk a folder takes, in bytes; what is mounted in it does
// not count, since it stands elsewhere.
func diskOf(dir string) (int64, error) {
	var top syscall.Stat_t
	if err := syscall.Stat(dir, &top); err != nil {
		return 0, err
	}
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		sys := st.Sys().(*syscall.Stat_t)
		if sys.Dev != top.Dev {
			return fs.SkipDir
		}
		sum += sys.Blocks * 512
		return nil
	})
	return sum, err
}

// storm makes 50 workspaces at once; one that fails fails the row.
func (f *forest) storm() (row, error) {
	began := time.Now()
	errs := make([]error, 50)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = f.slot(fmt.Sprint("storm/", i), nil) })
	}
	wg.Wait()
	took := float64(time.Since(began).Microseconds()) / 1000
	return row{Value: took, Unit: "ms for 50 at once", Must: "none fails", Holds: errors.Join(errs...) == nil, N: 1}, errors.Join(errs...)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"jitos.dev/internal/heap"
	"jitos.dev/journal"
	"jitos.dev/kernel"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// daemon is a kernel on a folder, without worktree and workers.
type daemon struct {
	*kernel.Kernel
	store *journal.Store
	dir   string
	room  func() // gives the collector's room back
}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

type noWorktree struct{ kernel.Worktree }

type noRunner struct{ kernel.Runner }

func (noRunner) Describe() []work.Description { return nil }

var bencher = kernel.Caller{Name: "bench"}

func openDaemon(dir string) (*daemon, error) {
	room := heap.Keep(heap.Room) // as the real one does
	d, err := openOn(dir)
	if err != nil {
		room()
		return nil, err
	}
	d.room = room
	return d, nil
}

func openOn(dir string) (*daemon, error) {
	store, err := journal.Open(dir, journal.Options{})
	if err != nil {
		return nil, err
	}
	k, err := kernel.Open(context.Background(), kernel.Options{
		Journal: store, Clock: wallClock{}, Worktree: noWorktree{}, Runner: noRunner{}, Library: &tasks.Library{},
	})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &daemon{Kernel: k, store: store, dir: dir}, nil
}

func (d *daemon) close() error {
	defer d.room()
	return errors.Join(d.Kernel.Close(), d.store.Close())
}

// memoryDir is a folder whose flushes cost nothing, where what the kernel costs
// apart from the flush can be seen.
func memoryDir() (string, func(), error) { return madeDir("/dev/shm") }

func diskDir() (string, func(), error) { return madeDir("") }

func madeDir(at string) (string, func(), error) {
	dir, err := os.MkdirTemp(at, "jitos-bench-")
	return dir, func() { _ = os.RemoveAll(dir) }, err
}

func kernelPath(i int) rmg.Path { return rmg.Root.Child(idOf(i)) }

// nodesARecord is how many nodes one record adds where many are needed.
const nodesARecord = 1000

// fill gives the world n nodes of three small props.
func (d *daemon) fill(n int) error {
	for at := 0; at < n; {
		var ops []rewrite.Op
		for ; at < n && len(ops) < nodesARecord; at++ {
			ops = append(ops, rewrite.Op{Op: rewrite.AddNode, Path: kernelPath(at), Kind: "Service", Props: map[string]rmg.Value{
				"hits": rmg.Int(int64(at)), "lang": rmg.String("go"), "live": rmg.Bool(true),
			}})
		}
		if err := d.write("system", ops); err != nil {
			return err
		}
	}
	return nil
}

func (d *daemon) write(view string, ops []rewrite.Op) error {
	_, err := d.Rewrite(context.Background(), bencher, view, rewrite.Rewrite{Ops: ops})
	return err
}

func countUp(i int) []rewrite.Op {
	return []rewrite.Op{{Op: rewrite.Inc, Path: kernelPath(i), Prop: "hits", By: 1}}
}

// recordBytes is about what a record takes in the log of which setNote is the op.
const recordBytes = 256

func setNote(i int) []rewrite.Op {
	const note = "a record of a hundred bytes or so is what most are, and this one brings the frame to what is said above"
	return []rewrite.Op{{Op: rewrite.Set, Path: kernelPath(i), Props: map[string]rmg.Value{"note": rmg.String(note), "by": rmg.Int(int64(i))}}}
}

// count makes n records of one op each, from many callers at once.
func (d *daemon) count(n, nodes, callers int) error {
	return d.each(n, callers, func(i int) []rewrite.Op { return countUp(i * 7919 % nodes) })
}

// each makes n records from many callers at once, one after another each.
func (d *daemon) each(n, callers int, ops func(i int) []rewrite.Op) error {
	var wg sync.WaitGroup
	errs := make([]error, callers)
	for c := range callers {
		wg.Go(func() {
			for i := c; i < n && errs[c] == nil; i += callers {
				errs[c] = d.write("system", ops(i))
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// cpu is the processor time that this process used.
func cpu() time.Duration {
	var u unix.Rusage
	must(unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// withoutCheckpoints leaves a data folder with nothing but its log.
func withoutCheckpoints(dir string) error {
	return errors.Join(os.RemoveAll(filepath.Join(dir, "checkpoints")), os.RemoveAll(filepath.Join(dir, "objects")))
}

// kernelRows measure the kernel on its own journal.
func kernelRows() []measure {
	const million = 1_000_000
	rows := []measure{
		{"kernel/fork", func() (row, error) { return forkRow("fork") }},
		{"kernel/discard", func() (row, error) { return forkRow("discard") }},
		{"kernel/workspaces/10k", func() (row, error) { return spacesRow(million, 10_000, 100) }},
		{"kernel/collapse/1e5", func() (row, error) { return collapseRow(100_000, 1000) }},
		{"kernel/collapse/1e6", func() (row, error) { return collapseRow(million, 1000) }},
		{"kernel/read/p99", func() (row, error) { return readRow(100_000) }},
	}
	for _, n := range []int{1, 16, 256} {
		rows = append(rows, measure{fmt.Sprintf("kernel/write/%d", n), func() (row, error) { return writeRow(n) }})
	}
	return append(rows, append(logOfMillion(million), bigRows(5*million)...)...)
}

// logOfMillion are the rows about a log of a million records.
func logOfMillion(n int) []measure {
	const nodes = 20_000
	var log struct {
		dir    string
		failed error
	}
	once := func() error {
		if log.dir != "" || log.failed != nil {
			return log.failed
		}
		log.failed = func() (err error) {
			if log.dir, _, err = memoryDir(); err != nil {
				return err
			}
			d, err := openDaemon(log.dir)
			if err != nil {
				return err
			}
			return errors.Join(d.fill(nodes), d.count(n, nodes, 256), d.close())
		}()
		return log.failed
	}
	with := func(fn func(dir string) (row, error)) func() (row, error) {
		return func() (row, error) {
			if err := once(); err != nil {
				return row{}, err
			}
			return fn(log.dir)
		}
	}
	return []measure{
		{"kernel/seq/1e6", with(func(dir string) (row, error) { return seqRow(dir, n) })},
		{"kernel/replay/decode", with(decodeRow)},
		{"kernel/replay/fold", with(func(dir string) (row, error) {
			defer os.RemoveAll(dir)
			return foldRow(dir)
		})},
	}
}

// seqRow opens versions of the past at random; the value is the median, and the
// slowest has to be fast enough.
func seqRow(dir string, n int) (row, error) {
	d, err := openDaemon(dir)
	if err != nil {
		return row{}, err
	}
	defer d.close()
	for began := time.Now(); d.Status().Marked+1024 < d.Status().Seq; {
		if time.Since(began) > 20*time.Minute {
			return row{}, errors.New("marks are missing still")
		}
		time.Sleep(time.Second)
	}
	var times []float64
	for i := range 200 {
		seq := 1 + i*7919*104729%n
		began := time.Now()
		v, err := d.View(fmt.Sprintf("seq:%d", seq))
		if err != nil {
			return row{}, err
		}
		if _, ok := v.Get(kernelPath(i)); !ok && seq > 100 {
			return row{}, fmt.Errorf("seq %d has no node %d", seq, i)
		}
		times = append(times, float64(time.Since(began).Microseconds())/1000)
	}
	mid := middle(times) // sorts
	most := times[len(times)-1]
	r := row{Value: most, Unit: fmt.Sprintf("ms at most, %.3g in the middle", mid), N: len(times)}
	return r.within(20, "<= 20 ms"), nil
}

// decodeRow reads and decodes every record.
func decodeRow(dir string) (row, error) {
	d, err := openDaemon(dir)
	if err != nil {
		return row{}, err
	}
	defer d.close()
	n, wall, began := 0, time.Now(), cpu()
	for _, err := range d.Records(1, 0) {
		if err != nil {
			return row{}, err
		}
		n++
	}
	return rate(float64(n), cpu()-began, time.Since(wall), 1e6), nil
}

// foldRow starts from nothing but the log.
func foldRow(dir string) (row, error) {
	if err := withoutCheckpoints(dir); err != nil {
		return row{}, err
	}
	wall, began := time.Now(), cpu()
	d, err := openDaemon(dir)
	if err != nil {
		return row{}, err
	}
	defer d.close()
	return rate(float64(d.Status().Records), cpu()-began, time.Since(wall), 1e5), nil
}

func rate(n float64, used, wall time.Duration, bar float64) row {
	r := row{Value: n / used.Seconds(), Unit: fmt.Sprintf("records/s of processor time (%.3g/s on the wall)", n/wall.Seconds()), N: 1}
	r.Must, r.Holds = fmt.Sprintf(">= %.0e records/s", bar), r.Value >= bar
	return r
}

// bigRows are about a world of n nodes, which is made once: what it takes in
// memory, and a start from its checkpoint.
func bigRows(n int) []measure {
	var world struct {
		dir  string
		used float64 // GiB of heap
		err  error
	}
	once := sync.OnceFunc(func() {
		clearField()
		world.err = func() (err error) {
			if world.dir, _, err = diskDir(); err != nil {
				return err
			}
			before := liveHeap()
			d, err := openDaemon(world.dir)
			if err != nil {
				return err
			}
			if err := d.fill(n); err != nil {
				return errors.Join(err, d.close())
			}
			world.used = float64(liveHeap()-before) / (1 << 30)
			return d.close()
		}()
	})
	return []measure{{"kernel/memory/" + sizeName(n), func() (row, error) {
		once()
		return row{Value: world.used, Unit: "GiB of heap", N: 1}.within(2, "<= 2 GiB"), world.err
	}}, {"kernel/start/" + sizeName(n), func() (row, error) {
		once()
		defer os.RemoveAll(world.dir)
		if world.err != nil {
			return row{}, world.err
		}
		var times []float64
		for range rounds {
			ms, err := firstRead(world.dir, n)
			if err != nil {
				return row{}, err
			}
			times = append(times, ms)
		}
		return row{Value: middle(times), Unit: "ms to the first read", N: rounds}.within(1000, "<= 1 s"), nil
	}}}
}

// firstRead is how many milliseconds pass until a node can be read.
func firstRead(dir string, n int) (float64, error) {
	began := time.Now()
	d, err := openDaemon(dir)
	if err != nil {
		return 0, err
	}
	if e, ok := viewOf(d).Get(kernelPath(n / 2)); !ok || e.Props.Int("hits") != int64(n/2) {
		err = errors.New("a node is missing")
	}
	took := time.Since(began)
	return float64(took.Microseconds()) / 1000, errors.Join(err, d.close())
}

func viewOf(d *daemon) kernel.View {
	v, err := d.View("system")
	must(err)
	return v
}

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"jitos.dev/bench/logs"
	"jitos.dev/kernel"
	"jitos.dev/rewrite"
)

// forkRow is what a fork or a discard costs where a flush costs nothing: of so many
// that what filling the graph left to do beside them is over soon. Each fork stays,
// unless it is discarded at once.
func forkRow(what string) (row, error) {
	dir, done, err := memoryDir()
	if err != nil {
		return row{}, err
	}
	defer done()
	d, err := openDaemon(dir)
	if err != nil {
		return row{}, err
	}
	defer d.close()
	if err := d.fill(100_000); err != nil {
		return row{}, err
	}
	var times []float64
	for range 20_000 {
		began := time.Now()
		w, err := d.Fork(context.Background(), bencher, kernel.ForkRequest{})
		if err != nil {
			return row{}, err
		}
		if what == "discard" {
			began = time.Now()
			if _, err := d.Discard(context.Background(), bencher, w.ID, ""); err != nil {
				return row{}, err
			}
		}
		times = append(times, float64(time.Since(began).Nanoseconds())/1000)
	}
	return row{Value: middle(times), Unit: "us, the log in memory", N: len(times)}.within(20, "<= 20 us"), nil
}

// spacesRow is the heap with many live workspaces.
func spacesRow(nodes, spaces, changes int) (row, error) {
	clearField()
	dir, done, err := memoryDir()
	if err != nil {
		return row{}, err
	}
	defer done()
	before := liveHeap()
	d, err := openDaemon(dir)
	if err != nil {
		return row{}, err
	}
	if err := d.fill(nodes); err != nil {
		return row{}, err
	}
	for i := range spaces {
		w, err := d.Fork(context.Background(), bencher, kernel.ForkRequest{})
		if err != nil {
			return row{}, err
		}
		ops := make([]rewrite.Op, changes)
		for j := range ops {
			ops[j] = countUp((i*changes + j) * 7919 % nodes)[0]
		}
		if err := d.write("sws:"+w.ID, ops); err != nil {
			return row{}, err
		}
	}
	used := float64(liveHeap()-before) / (1 << 30)
	r := row{Value: used, Unit: "GiB of heap", N: 1}.within(1.5, "<= 1.5 GiB")
	return r, d.close()
}

// collapseRow merges a thousand changes into a head that moved by a thousand.
func collapseRow(nodes, changes int) (row, error) {
	dir, done, err := memoryDir()
	if err != nil {
		return row{}, err
	}
	defer done()
	d, err := openDaemon(dir)
	if err != nil {
		return row{}, err
	}
	defer d.close()
	if err := d.fill(nodes); err != nil {
		return row{}, err
	}
	var times []float64
	var used time.Duration
	for round := range 3 * rounds {
		w, err := d.Fork(context.Background(), bencher, kernel.ForkRequest{})
		if err != nil {
			return row{}, err
		}
		mine, theirs := make([]rewrite.Op, changes), make([]rewrite.Op, changes)
		for i := range changes {
			mine[i] = countUp((round*4*changes + 2*i) * 7919 % nodes)[0]
			theirs[i] = countUp((round*4*changes + 2*i + 1) * 7919 % nodes)[0]
		}
		if err := errors.Join(d.write("sws:"+w.ID, mine), d.write("system", theirs)); err != nil {
			return row{}, err
		}
		began, was := time.Now(), cpu()
		out, err := d.Collapse(context.Background(), bencher, w.ID, kernel.CollapseRequest{Land: "none"})
		if err != nil || !out.Merged {
			return row{}, errors.Join(err, errors.New("the head had not moved"))
		}
		times = append(times, float64(time.Since(began).Microseconds())/1000)
		used += cpu() - was
	}
	unit := fmt.Sprintf("ms, the log in memory (%.3g ms of processor time)", float64(used.Microseconds())/1000/float64(len(times)))
	r := row{Value: middle(times), Unit: unit, N: len(times)}.within(10, "<= 10 ms")
	r.Peers, err = gitPeers(nodes, changes)
	return r, err
}

// readRow is how long a read takes while 30,000 rewrites a second are written.
func readRow(nodes int) (row, error) {
	dir, done, err := memoryDir()
	if err != nil {
		return row{}, err
	}
	defer done()
	d, err := openDaemon(dir)
	if err != nil {
		return row{}, err
	}
	defer d.close()
	if err := d.fill(nodes); err != nil {
		return row{}, err
	}
	const perSecond, seconds, callers = 30_000, 3, 256
	var stop atomic.Bool
	var made atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for c := range callers {
		wg.Go(func() {
			for i := c; !stop.Load(); i += callers {
				if ahead := float64(made.Load())/perSecond - time.Since(began).Seconds(); ahead > 0 {
					time.Sleep(time.Duration(ahead * float64(time.Second)))
				}
				if d.write("system", countUp(i*7919%nodes)) == nil {
					made.Add(1)
				}
			}
		})
	}
	var times []float64
	for i := 0; time.Since(began) < seconds*time.Second; i++ {
		at := time.Now()
		v, err := d.View("system")
		if err != nil {
			return row{}, err
		}
		if _, ok := v.Get(kernelPath(i % nodes)); !ok {
			return row{}, errors.New("a node is missing")
		}
		times = append(times, float64(time.Since(at).Nanoseconds())/1e6)
		time.Sleep(100 * time.Microsecond)
	}
	rate := float64(made.Load()) / time.Since(began).Seconds()
	stop.Store(true)
	wg.Wait()
	slices.Sort(times)
	p99 := times[int(math.Ceil(0.99*float64(len(times))))-1]
	r := row{Value: p99, Unit: fmt.Sprintf("ms, beside %.0f rewrites/s", rate), N: len(times)}.within(1, "<= 1 ms beside 30,000 rewrites/s")
	r.Holds = r.Holds && rate >= 0.95*perSecond
	return r, nil
}

// writeRow is durable rewrites of 256 bytes a second from many submitters. Its peers
// are records of as many bytes in the log alone and in a bare file, each with as many
// submitters that wait for theirs; and the disk, which is one loop that writes what
// all of them have at once and flushes it, and answers nobody.
func writeRow(callers int) (row, error) {
	dir, done, err := diskDir()
	if err != nil {
		return row{}, err
	}
	defer done()
	const nodes = 10_000
	d, err := openDaemon(filepath.Join(dir, "data"))
	if err != nil {
		return row{}, err
	}
	defer d.close()
	if err := d.fill(nodes); err != nil {
		return row{}, err
	}
	n := min(200*callers, 20_000)
	var used time.Duration
	ticks := d.Status().Tick
	fns := []func() (float64, error){func() (float64, error) {
		began, was := time.Now(), cpu()
		err := d.each(n, callers, func(i int) []rewrite.Op { return setNote(i * 7919 % nodes) })
		used += cpu() - was
		return float64(n) / time.Since(began).Seconds(), err
	}}
	for _, name := range []string{"journal", logs.Raw} {
		at := filepath.Join(dir, name)
		if err := os.Mkdir(at, 0o700); err != nil {
			return row{}, err
		}
		l, err := logs.Open(name, at)
		if err != nil {
			return row{}, err
		}
		defer l.Close()
		fns = append(fns, func() (float64, error) { return submit(l, callers, n/callers) })
	}
	file, err := os.Create(filepath.Join(dir, "alone"))
	if err != nil {
		return row{}, err
	}
	defer file.Close()
	payload := make([]byte, recordBytes*callers)
	fns = append(fns, func() (float64, error) {
		began := time.Now()
		for range n / callers {
			if _, err := file.Write(payload); err != nil {
				return 0, err
			}
			if err := unix.Fdatasync(int(file.Fd())); err != nil {
				return 0, err
			}
		}
		return float64(n) / time.Since(began).Seconds(), nil
	})
	xs, err := median(fns...)
	if err != nil {
		return row{}, err
	}
	all := float64(rounds * n)
	unit := fmt.Sprintf("rewrites/s (%.0f us of processor time each, %.1f in a tick)", float64(used.Microseconds())/all, all/float64(d.Status().Tick-ticks))
	r := row{
		Value: xs[0], Unit: unit, Must: ">= 0.8x own raw appends", N: rounds,
		Peers: map[string]float64{"own raw appends": xs[1], logs.Raw: xs[2], "the disk alone": xs[3]},
	}
	r.Holds = xs[0] >= 0.8*xs[1]
	if callers == 256 {
		r.Must, r.Holds = r.Must+", or >= 30,000/s", r.Holds || xs[0] >= 30_000
	}
	return r, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"jitos.dev/worktree"
)

// The ignored files of the row: as many and as large as a large node_modules.
const (
	cacheFiles = 8192
	cacheFile  = 128 << 10 // bytes of one: 1 GiB in all
)

// caches is the time to a workspace that comes with 1 GiB of ignored files, which
// another one has had before. The peers are the first such workspace, cp -r of these
// files alone, and the processor time of one, which says more on a busy machine.
func (f *forest) caches() (row, error) {
	ignored := filepath.Join(f.top, "node_modules")
	if err := plantCaches(ignored, filepath.Join(f.top, ".git", "info", "exclude")); err != nil {
		return row{}, err
	}
	first, err := millis(func() error { return f.cached("caches/0") })
	if err != nil {
		return row{}, err
	}
	used := processor()
	var times []float64
	for i := range 2 * rounds {
		took, err := millis(func() error { return f.cached(fmt.Sprint("caches/", i+1)) })
		if err != nil {
			return row{}, err
		}
		times = append(times, took)
	}
	used = (processor() - used) / float64(len(times))
	to := filepath.Join(f.dir, "caches")
	cp, err := millis(func() error { return exec.Command("cp", "-r", ignored, to).Run() })
	err = errors.Join(err, os.RemoveAll(to), os.RemoveAll(ignored))
	return row{Value: middle(times), Unit: "ms", Peers: map[string]float64{"the first": first, "cp -r of them": cp, "processor time": used}, N: len(times)}.within(100, "<= 100 ms"), err
}

// processor is the processor time of this process, and of those that it has waited
// for, in ms.
func processor() float64 {
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err == nil {
			sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return float64(sum.Microseconds()) / 1000
}

// cached makes a workspace that has them, and closes it.
func (f *forest) cached(name string) error {
	of := worktree.Origin{Top: f.top, Branch: "main", Commit: f.head}
	w, err := f.m.SlotWith(context.Background(), name, f.tree, of, worktree.Needs{Copy: []string{"node_modules/"}})
	if err != nil {
		return err
	}
	st, err := os.Stat(filepath.Join(w.Path(), "node_modules", "p0", "f0"))
	if err == nil && st.Size() != cacheFile {
		err = fmt.Errorf("an ignored file has %d bytes", st.Size())
	}
	return errors.Join(err, w.Close())
}

// plantCaches makes the ignored files. Each has a block of content and a hole, so
// that it takes the disk less than it looks.
func plantCaches(dir, exclude string) error {
	if err := os.WriteFile(exclude, []byte("node_modules/\n"), 0o644); err != nil {
		return err
	}
	for i := range cacheFiles {
		at := filepath.Join(dir, fmt.Sprint("p", i/64))
		if i%64 == 0 {
			if err := os.MkdirAll(at, 0o755); err != nil {
				return err
			}
		}
		file, err := os.Create(filepath.Join(at, fmt.Sprint("f", i)))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(file, "%04096d", i)
		if err = errors.Join(err, file.Truncate(cacheFile), file.Close()); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"jitos.dev/workers/sandbox"
)

// readsBuilt are what the row compiles: packages of this project that import no
// others but each other and the standard library.
var readsBuilt = []string{"./rmg", "./rewrite", "./sched", "./work", "./journal"}

// readsRow is what having its reads recorded adds to a build that compiles, in
// pairs: processor time, since it is the machine's that a recorder takes. Each build
// has a flag of its own, so that nothing of what it compiles is there.
func readsRow() (row, error) {
	top, err := filepath.Abs("..")
	if err != nil {
		return row{}, err
	}
	dir, err := os.MkdirTemp("", "bench-reads-")
	if err != nil {
		return row{}, err
	}
	defer os.RemoveAll(dir)
	env, read, err := goEnv(dir)
	if err != nil {
		return row{}, err
	}
	n, names := 0, 0
	var walls [2][]float64
	build := func(reads bool) (float64, error) {
		n++
		argv := append([]string{"go", "build", fmt.Sprintf("-gcflags=jitos.dev/...=-D=/build/%d", n)}, readsBuilt...)
		began, used := time.Now(), processor()
		out, err := sandbox.Run(context.Background(), sandbox.Command{
			Argv: argv, Dir: top, Write: []string{top, dir}, Read: read, Env: env, Timeout: 10 * time.Minute, Reads: reads,
		})
		switch {
		case err == nil && out.Exit != 0:
			err = fmt.Errorf("%v: exit %d: %s", argv, out.Exit, out.Stderr)
		case err == nil && reads && out.Reads == nil:
			err = fmt.Errorf("%v: nothing was recorded", argv)
		case reads && err == nil:
			names = len(out.Reads.Names)
		}
		which := 0
		if reads {
			which = 1
		}
		walls[which] = append(walls[which], time.Since(began).Seconds())
		return (processor() - used) / 1000, err
	}
	if _, err := build(false); err != nil { // the standard library
		return row{}, err
	}
	walls[0] = nil
	xs, err := median(func() (float64, error) { return build(false) }, func() (float64, error) { return build(true) })
	if err != nil {
		return row{}, err
	}
	peers := map[string]float64{"s with": xs[1], "s without": xs[0], "wall s with": middle(walls[1]), "wall s without": middle(walls[0]), "names": float64(names)}
	return row{Value: xs[1] / xs[0], Unit: "x the processor time of a build", Peers: peers, N: rounds}.within(1.25, "<= 1.25"), nil
}

// goEnv is an environment for the go command in a sandbox, with a cache in a folder
// of the row's own, and what it reads besides.
func goEnv(dir string) (env, read []string, err error) {
	out, err := exec.Command("go", "env", "GOROOT", "GOMODCACHE").Output()
	if err != nil {
		return nil, nil, err
	}
	read = strings.Split(strings.TrimSpace(string(out)), "\n")
	env = []string{
		"PATH=" + filepath.Join(read[0], "bin") + ":/usr/bin:/bin", "HOME=" + dir, "TMPDIR=" + dir, "GOCACHE=" + filepath.Join(dir, "cache"),
		"GOMODCACHE=" + read[1], "GOFLAGS=-buildvcs=false", "GOPROXY=off", "GOTOOLCHAIN=local", "CGO_ENABLED=0", "GOTELEMETRY=off",
	}
	return env, read, nil
}

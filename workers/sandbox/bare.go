package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"jitos.dev/rmg"
	"jitos.dev/work"
)

// ConsentVar in the daemon's environment, set to "1", is its owner's consent to
// commands that nothing confines, on a system for which there is no sandbox.
const ConsentVar = "JITOS_UNCONFINED"

// unconfined is what a command that nothing confines runs under. Its evidence says
// so.
func unconfined() work.Sandbox {
	return work.Sandbox{Tier: "none", Network: "open", Lacks: []string{"a sandbox for this system: commands run with all rights of the daemon's owner"}}
}

// bare runs a command that nothing confines: it may read, write and reach what its
// owner may. Time, output, environment and folder are what was asked for, and what
// it started in its process group ends with it. Hosts, Own, MemoryMax and DiskMax
// are not to be had.
func bare(ctx context.Context, c Command) (Outcome, error) {
	var out Outcome
	if len(c.Argv) == 0 {
		return out, &rmg.Error{Op: "run", Code: rmg.Invalid, Msg: "no command"}
	}
	if err := ctx.Err(); err != nil {
		return out, err
	}
	prog, err := along(c)
	if err != nil {
		return out, &rmg.Error{Op: "run", Code: rmg.NotFound, Msg: err.Error()}
	}
	limit := &room{left: c.OutputMax}
	if limit.left <= 0 {
		limit.left = DefaultOutputMax
	}
	stdout, stderr := &capped{room: limit, also: c.Stdout}, &capped{room: limit, also: c.Stderr}
	timed := ctx
	if c.Timeout > 0 {
		var stop context.CancelFunc
		timed, stop = context.WithTimeout(ctx, c.Timeout)
		defer stop()
	}
	cmd := exec.CommandContext(timed, prog)
	cmd.Args, cmd.Dir, cmd.Env = c.Argv, c.Dir, c.Env
	if cmd.Env == nil {
		cmd.Env = []string{} // nil would be the daemon's own
	}
	if c.Stdin != nil {
		cmd.Stdin = c.Stdin
	}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = stdout, stderr, drainTime
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	group := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel = group

	begin()
	defer end()
	began := time.Now()
	err = cmd.Run()
	if cmd.Process != nil {
		_ = group() // what it left running; there may be nothing
	}
	out.Took, out.InForce = time.Since(began), unconfined()
	out.Stdout, out.Stderr, out.Truncated = stdout.kept.Bytes(), stderr.kept.Bytes(), limit.truncated
	if len(c.Hosts) > 0 {
		out.InForce.Lacks = append(out.InForce.Lacks, "a network of "+strings.Join(c.Hosts, ", ")+" alone")
	}
	out.Exit = exitOf(cmd)
	switch {
	case ctx.Err() != nil:
		return out, ctx.Err()
	case timed.Err() != nil:
		out.TimedOut = true
		return out, nil
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return out, fmt.Errorf("run %s: %w", prog, err)
	}
	return out, nil
}

// exitOf is the status of a command that ended: 128+signal if it was killed.
func exitOf(cmd *exec.Cmd) int {
	if cmd.ProcessState == nil {
		return -1
	}
	if st, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && st.Signaled() {
		return 128 + int(st.Signal())
	}
	return cmd.ProcessState.ExitCode()
}

// along finds the program along the command's own PATH, from its folder.
func along(c Command) (string, error) {
	name := c.Argv[0]
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(c.Dir, name)
		}
		return exec.LookPath(name)
	}
	for _, kv := range c.Env {
		list, ok := strings.CutPrefix(kv, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(list) {
			if p, err := exec.LookPath(filepath.Join(dir, name)); err == nil && filepath.IsAbs(p) {
				return p, nil
			}
		}
	}
	return "", fmt.Errorf("%s: there is no such command on its PATH", name)
}

package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"jitos.dev/rmg"
	"jitos.dev/work"
)

// spec is what the stages are told, over a pipe: nothing of it shows in the
// command's environment or arguments.
type spec struct {
	Argv       []string
	Dir        string
	Write      []string
	Read       []string
	Env        []string
	Own        string
	Hosts      []string
	MemoryMax  int64
	DiskMax    int64
	Reads      bool
	Moves      bool // said by the first stage
	Namespaces bool // this stage stands in new ones
	Lacks      []string
}

// report is what the second stage answers right before it becomes the command.
type report struct {
	Error   string
	Missing bool // the command is not there
	InForce work.Sandbox
	// Said by the first stage, in a report of its own after that.
	Over  string
	Reads *work.Reads
	Lacks string // why there are none
}

// The descriptors that a stage gets beside stdin, stdout and stderr.
const (
	fdSpec   = 3 // the spec, as JSON
	fdReport = 4 // the report goes here
	fdAlive  = 5 // ends when the command has to die, or this process did
	fdExit   = 6 // a socket that takes the proxy's listener; only if there are hosts
)

const stageEnv = "JITOS_SANDBOX_STAGE"

// namespaces says whether this machine gives an ordinary user new namespaces.
// It is asked once, by trying.
var namespaces = sync.OnceValue(func() error {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{stageEnv + "=probe"}
	cmd.SysProcAttr = newNamespaces()
	return cmd.Run()
})

func newNamespaces() *syscall.SysProcAttr {
	uid, gid := os.Getuid(), os.Getgid()
	return &syscall.SysProcAttr{
		Setsid:      true,
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}},
		// Whoever is not root loses them at exec otherwise; the second stage
		// gives them all up.
		AmbientCaps: []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_SETPCAP},
	}
}

// InForce says what a command would run under on this machine.
func InForce() work.Sandbox {
	return inForce()
}

var inForce = sync.OnceValue(func() work.Sandbox {
	out, err := Run(context.Background(), Command{Argv: []string{"/bin/true"}, Dir: "/", Timeout: time.Minute})
	if err != nil {
		return work.Sandbox{Tier: "none", Network: "open", Lacks: []string{err.Error()}}
	}
	return out.InForce
})

// Run starts the command in its own session and namespaces, waits for it, and
// kills everything it started. The error is for a command that could not be
// started at all; ctx's end kills it and returns ctx's error with the outcome.
func Run(ctx context.Context, c Command) (Outcome, error) {
	var out Outcome
	if len(c.Argv) == 0 {
		return out, &rmg.Error{Op: "run", Code: rmg.Invalid, Msg: "no command"}
	}
	if err := ctx.Err(); err != nil {
		return out, err
	}
	s := spec{Argv: c.Argv, Dir: c.Dir, Write: c.Write, Read: c.Read, Env: c.Env, Own: c.Own, DiskMax: c.DiskMax, Reads: c.Reads}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{stageEnv + "=1"}
	if err := namespaces(); err != nil {
		s.Lacks = append(s.Lacks, "namespaces: "+err.Error())
		if len(c.Hosts) > 0 {
			s.Lacks = append(s.Lacks, "network of "+strings.Join(c.Hosts, ", ")+": there is no namespace for it")
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	} else {
		s.Namespaces, s.Hosts, s.MemoryMax = true, c.Hosts, c.MemoryMax
		if s.MemoryMax <= 0 {
			s.MemoryMax = memoryCeiling()
		}
		cmd.SysProcAttr = newNamespaces()
	}
	limit := &room{left: c.OutputMax}
	if limit.left <= 0 {
		limit.left = DefaultOutputMax
	}
	stdout, stderr := &capped{room: limit, also: c.Stdout}, &capped{room: limit, also: c.Stderr}
	if c.Stdin != nil {
		cmd.Stdin = c.Stdin
	}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = stdout, stderr, drainTime

	begin()
	defer end()
	began := time.Now()
	leave, err := exit(ctx, cmd, s, c.Connected)
	if err != nil {
		return out, err
	}
	rep, err := supervise(ctx, cmd, s, c.Timeout, &out)
	out.Connections, out.Over = leave(), rep.Over
	out.Took = time.Since(began)
	out.Stdout, out.Stderr, out.Truncated = stdout.kept.Bytes(), stderr.kept.Bytes(), limit.truncated
	if out.Reads = rep.Reads; rep.Lacks != "" {
		rep.InForce.Lacks = append(rep.InForce.Lacks, readsPart+": "+rep.Lacks)
	}
	if out.InForce = rep.InForce; out.InForce.Tier == "" && out.TimedOut {
		// The least is claimed of a stage that ended before it could say more.
		out.InForce = work.Sandbox{Tier: "none", Network: "open", Lacks: []string{"a report: the time was over before the sandbox stood"}}
	}
	switch {
	case ctx.Err() != nil:
		return out, ctx.Err()
	case err != nil:
		return out, err
	case rep.Missing:
		return out, &rmg.Error{Op: "run", Code: rmg.NotFound, Msg: rep.Error}
	case rep.Error != "":
		return out, &rmg.Error{Op: "sandbox", Code: rmg.Internal, Msg: rep.Error}
	}
	return out, nil
}

// exit readies the way out of a command that may reach hosts. What it returns ends
// it, once the command has ended, and tells of all connections.
func exit(ctx context.Context, cmd *exec.Cmd, s spec, said func(work.Connection)) (func() []work.Connection, error) {
	if len(s.Hosts) == 0 {
		return func() []work.Connection { return nil }, nil
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, theirs)
	p := newProxy(ctx, s.Hosts, said)
	p.all.Go(func() {
		if l, err := takeListener(ours); err == nil {
			p.serve(l)
		} // else the stage says why there is none
	})
	return func() []work.Connection {
		ours.Close()
		theirs.Close() // it is already, if the stage was started
		return p.close()
	}, nil
}

// supervise starts the first stage and waits for its end, or makes it end.
func supervise(ctx context.Context, cmd *exec.Cmd, s spec, timeout time.Duration, out *Outcome) (report, error) {
	var rep report
	var pipes [3][2]*os.File // spec, report, alive; read end, write end
	defer func() {
		for _, p := range pipes {
			for _, f := range p {
				if f != nil {
					f.Close()
				}
			}
		}
	}()
	for i := range pipes {
		r, w, err := os.Pipe()
		if err != nil {
			return rep, err
		}
		pipes[i] = [2]*os.File{r, w}
	}
	cmd.ExtraFiles = append([]*os.File{pipes[0][0], pipes[1][1], pipes[2][0]}, cmd.ExtraFiles...)
	if err := cmd.Start(); err != nil {
		return rep, fmt.Errorf("sandbox: %w", err)
	}
	for _, f := range cmd.ExtraFiles {
		f.Close()
	}
	// The stage reads it all before it starts anything, or is dead.
	_ = json.NewEncoder(pipes[0][1]).Encode(s)
	pipes[0][1].Close()

	waited, told := make(chan error, 1), make(chan error, 1)
	go func() { waited <- cmd.Wait() }()
	// What it says may be more than a pipe holds.
	go func() { told <- hearReports(pipes[1][0], &rep) }()
	err := await(ctx, cmd, pipes[2][1], timeout, waited, out)
	if e := <-told; e != nil && out.Exit == 0 {
		return rep, fmt.Errorf("sandbox: the stage said nothing: %w", e)
	}
	return rep, err
}

// hearReports reads what the stages say, until nobody is left to say anything.
func hearReports(from io.Reader, rep *report) error {
	said := json.NewDecoder(from)
	if err := said.Decode(rep); err != nil {
		return err
	}
	var last report
	if said.Decode(&last) == nil {
		rep.Over, rep.Reads, rep.Lacks = last.Over, last.Reads, last.Lacks
	}
	return nil
}

// await waits for the first stage. At the end of the time, or of ctx, it closes
// alive, on which the stage kills everything and ends.
func await(ctx context.Context, cmd *exec.Cmd, alive *os.File, timeout time.Duration, waited chan error, out *Outcome) error {
	var late <-chan time.Time
	if timeout > 0 {
		t := time.NewTimer(timeout)
		defer t.Stop()
		late = t.C
	}
	var err error
	select {
	case err = <-waited:
	case <-late:
		out.TimedOut = true
		err = kill(cmd, alive, waited)
	case <-ctx.Done():
		err = kill(cmd, alive, waited)
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		if st, ok := exit.Sys().(syscall.WaitStatus); ok && st.Signaled() {
			out.Exit = 128 + int(st.Signal())
		} else {
			out.Exit = exit.ExitCode()
		}
		return nil
	case errors.Is(err, exec.ErrWaitDelay):
		return nil
	}
	return err
}

func kill(cmd *exec.Cmd, alive *os.File, waited chan error) error {
	alive.Close()
	t := time.NewTimer(drainTime)
	defer t.Stop()
	select {
	case err := <-waited:
		return err
	case <-t.C:
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Process.Kill()
	return <-waited
}

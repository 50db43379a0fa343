package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/adrg/xdg"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// startTimeout is how long a daemon that was just started may take to answer:
// it replays its log first.
const startTimeout = 60 * time.Second

// defaultSocket stands in the XDG runtime folder or, without one, in a folder
// of the person's own in the temporary one.
func defaultSocket() string {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		dir = filepath.Join(os.TempDir(), fmt.Sprintf("jitos-%d", os.Getuid()))
	} else {
		dir = filepath.Join(dir, "jitos")
	}
	return filepath.Join(dir, "jitos.sock")
}

// defaultData is where the log and all else of the daemon is kept.
func defaultData() string { return filepath.Join(xdg.DataHome, "jitos") }

// dataFolder is where the daemon keeps its state unless a flag says otherwise.
func (a *app) dataFolder() string {
	return envOr("JITOS_DATA", orElse(a.config.Daemon.Data, defaultData()))
}

// defaultLog is where a detached daemon writes.
func defaultLog() string { return filepath.Join(xdg.StateHome, "jitos", "daemon.log") }

// caller names the person: user@host.
func caller() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}

// client connects to the daemon that runs; Unavailable if none does.
func (a *app) client() (*client.Client, error) {
	return client.New(a.clientOptions())
}

// clientOrStart connects to the daemon, and starts one, detached, if none runs
// and none was named.
func (a *app) clientOrStart(ctx context.Context) (*client.Client, error) {
	c, err := a.client()
	if err != nil {
		return nil, err
	}
	_, err = c.Health(ctx)
	if err == nil || a.socket != "" || a.server != "" {
		return c, err
	}
	if !errors.Is(err, &rmg.Error{Code: rmg.Unavailable}) {
		return nil, err
	}
	a.note("no daemon runs; starting one (log: %s)", defaultLog())
	before := backupsOf(a.dataFolder())
	_, err = startDaemon(ctx, defaultSocket(), a.dataFolder(), defaultLog())
	for _, b := range backupsOf(a.dataFolder()) {
		if !slices.Contains(before, b) {
			a.note("the data folder is of an older version, and is upgraded; as it was it stands in %s", b)
		}
	}
	return c, err
}

// startDaemon starts this program as a daemon of its own session and waits
// until it answers.
func startDaemon(ctx context.Context, socket, data, logFile string) (*os.Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(logFile), 0o700); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(self, "daemon", "--listen", "unix:"+socket, "--data", data)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, wire.NewProblem(rmg.Unavailable, "the daemon cannot be started: %v", err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	deadline := time.After(startTimeout)
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		if conn, err := net.DialTimeout("unix", socket, time.Second); err == nil {
			conn.Close()
			return cmd.Process, nil
		}
		select {
		case <-exited:
			// Another one may have won the race for the data folder.
			if conn, err := net.DialTimeout("unix", socket, time.Second); err == nil {
				conn.Close()
				return nil, nil
			}
			return nil, wire.NewProblem(rmg.Unavailable, "the daemon ended at once: %s", lastLine(logFile)).WithHint("see %s", logFile)
		case <-deadline:
			return nil, wire.NewProblem(rmg.Unavailable, "the daemon does not answer on %s", socket).WithHint("see %s", logFile)
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// lastLine returns the end of a log, to say why a daemon did not start.
func lastLine(name string) string {
	data, err := os.ReadFile(name)
	if err != nil {
		return "its log cannot be read"
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return lines[len(lines)-1]
}

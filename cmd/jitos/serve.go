package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/net/server"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// place is where a daemon answers.
type place struct {
	path   string            // of its socket
	handed *net.UnixListener // that listens there already; nil: it is to be made
	notify notifier
}

// serve listens and answers until ctx ends, or the daemon is idle.
func serve(ctx context.Context, k *kernel.Kernel, at place, opt daemonOptions, log *slog.Logger) error {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return err
	}
	secret := hex.EncodeToString(raw)
	path := at.path
	ln, err := at.open(secret)
	if err != nil {
		return err
	}
	door, err := opt.remote.open(opt.data, log)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	agents, err := mcpServer(path, log)
	if err != nil {
		return errors.Join(err, ln.Close(), door.close())
	}
	defer agents.Close()
	options := server.Options{Kernel: k, Secret: secret, Logger: log, Version: version, MCP: agents.Handler(), Leases: opt.pool}
	if door != nil {
		options.Hosts, options.Address = door.hosts, door.url
	}
	srv, err := server.New(options)
	if err != nil {
		return errors.Join(err, ln.Close(), door.close())
	}
	told, err := newTracing(k, opt.traces, log)
	if err != nil {
		return errors.Join(err, ln.Close(), door.close())
	}
	done := make(chan error, 2) // one for each listener
	serving := 1
	go func() { done <- srv.Serve(ln) }()
	log.Info("serving", "socket", path, "version", version)
	if door != nil {
		serving++
		go func() { done <- srv.ServeTLS(door.ln, door.cert) }()
		log.Info("serving", "tcp", door.ln.Addr(), "server", door.url, "fingerprint", wire.Fingerprint(door.cert.Leaf.Raw))
	}
	if err := at.notify.tell("READY=1"); err != nil {
		log.Warn("who started the daemon cannot be told that it is ready", "err", err)
	}
	var swept sync.WaitGroup
	sweeping, stopSweeping := context.WithCancel(ctx)
	defer swept.Wait()
	defer stopSweeping()
	swept.Go(func() { sweep(sweeping, k, log) })
	if told != nil {
		swept.Go(func() { told.run(sweeping) })
	}
	var failed error
	select {
	case failed = <-done:
		serving--
	case <-ctx.Done():
	case <-whenIdle(sweeping, opt.idle, srv.Quiet, func() int { return k.Status().Running }):
		log.Info("idle", "for", opt.idle)
	}
	if err := at.notify.tell("STOPPING=1"); err != nil {
		log.Warn("who started the daemon cannot be told that it stops", "err", err)
	}
	agents.Close() // its sessions are callers of ours
	stop, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	err = errors.Join(failed, srv.Shutdown(stop))
	for range serving {
		err = errors.Join(err, <-done)
	}
	log.Info("stopped")
	return errors.Join(err, os.Remove(path+".secret"))
}

// open listens, or takes what listens already, and puts the secret beside it.
func (at place) open(secret string) (net.Listener, error) {
	if at.handed != nil {
		return at.handed, writeSecret(at.path+".secret", secret)
	}
	return openSocket(at.path, secret)
}

// openSocket listens on a unix socket that its owner alone may use, with the
// secret beside it.
func openSocket(path, secret string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	// The data folder's lock is held, so a socket that is there is a dead one
	// of ours, or of a daemon with other data that must not be pushed aside.
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		conn.Close()
		return nil, wire.NewProblem(rmg.Unavailable, "another daemon answers on %s", path).WithHint("choose another --listen")
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := writeSecret(path+".secret", secret); err != nil {
		return nil, err
	}
	old := syscall.Umask(0o177)
	ln, err := net.Listen("unix", path)
	syscall.Umask(old)
	if err != nil {
		return nil, wire.NewProblem(rmg.Unavailable, "cannot listen on %s: %v", path, err)
	}
	return ln, nil
}

// writeSecret writes the secret where only its owner can read it.
func writeSecret(name, secret string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(secret + "\n")
	return errors.Join(err, f.Close())
}

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"jitos.dev/internal/heap"
	"jitos.dev/journal"
	"jitos.dev/kernel"
	"jitos.dev/methods"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
	"jitos.dev/workers"
	"jitos.dev/workers/gocache"
	"jitos.dev/workers/gotool"
	"jitos.dev/workers/pool"
	"jitos.dev/workers/repair"
	"jitos.dev/workers/sandbox"
	"jitos.dev/worktree"
)

// shutdownTimeout is how long open requests may take when the daemon stops.
const shutdownTimeout = 5 * time.Second

// repairLanes is how many candidates are tested side by side.
const repairLanes = 2

// daemonOptions say where a daemon lives.
type daemonOptions struct {
	data, listen string
	remote       remoteOptions
	idle         time.Duration // stop after so long with nothing to do; 0: never
	traces       string        // the endpoint of a collector; "": what the environment says
	copy         bool          // materialise by copying, although mounting would do
	log          io.Writer
	step         func(string)   // of landings; tests kill the process there
	lib          *tasks.Library // nil: the shipped methods
	workers      []work.Worker  // besides the program's own
	model        modelOptions
	term         time.Duration // of leases of other machines; 0: pool.Term
	pool         *pool.Pool    // set by runDaemon
}

func (a *app) daemonCmd() *cobra.Command {
	opt := daemonOptions{log: a.err}
	var config string
	cmd := &cobra.Command{
		Use: "daemon", Short: "Run the daemon in the foreground", Args: cobra.NoArgs,
		Example: "  jitos daemon\n  jitos daemon --data /var/lib/jitos --listen unix:/run/jitos.sock\n  jitos daemon --tcp 0.0.0.0:7443 --tcp-host build.example",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if config != "" {
				if _, err := os.Stat(config); err != nil {
					return err
				}
				if err := opt.configure(cmd, readConfig(config)); err != nil {
					return err
				}
			}
			opt.listen = a.listenAt(opt.listen, cmd.Flags().Changed)
			if !opt.copy && !worktree.Private() {
				opt.copy = true
				fmt.Fprintf(a.err, "jitos: workspaces are copied, not mounted: %v\n", ownMounts())
			}
			if opt.idle < 0 {
				return &usageError{fmt.Errorf("--idle %s is in the past", opt.idle)}
			}
			if opt.term < time.Second {
				return &usageError{fmt.Errorf("--lease %s is less than 1s", opt.term)}
			}
			if err := opt.remote.check(); err != nil {
				return &usageError{err}
			}
			return runDaemon(cmd.Context(), opt)
		},
	}
	cmd.Flags().StringVar(&opt.data, "data", a.dataFolder(), "folder of the log and all state (JITOS_DATA)")
	cmd.Flags().StringVar(&opt.listen, "listen", envOr("JITOS_LISTEN", a.config.Daemon.Listen), "unix:PATH; else where --socket leads (JITOS_LISTEN)")
	cmd.Flags().BoolVar(&opt.copy, "copy", envOr("JITOS_COPY", "") != "" || a.config.Daemon.Copy, "copy workspaces instead of mounting them (JITOS_COPY)")
	cmd.Flags().DurationVar(&opt.idle, "idle", a.config.idle(), "stop once nothing was asked and no process went on for so long (30m); 0: never")
	cmd.Flags().StringVar(&opt.traces, "traces", envOr("JITOS_TRACES", a.config.Daemon.Traces), "an OpenTelemetry collector, http://HOST:4318; OTEL_EXPORTER_OTLP_ENDPOINT counts before it (JITOS_TRACES)")
	opt.remote.flags(cmd, a.config)
	opt.model.flags(cmd)
	cmd.Flags().DurationVar(&opt.term, "lease", pool.Term, "how long a machine that does a task may be silent before the task is no longer its own; from 1s")
	cmd.Flags().StringVar(&config, "config", "", "a configuration file, which counts before the person's own: jitos config --help")
	return cmd
}

// listenAt is where a daemon listens: where it is told to, else where commands look
// for it.
func (a *app) listenAt(listen string, said func(flag string) bool) string {
	tunnel := strings.HasPrefix(a.socket, "tcp:") // to a daemon that is elsewhere
	switch {
	case said("socket") && tunnel && !said("listen"):
		return a.socket // which is refused
	case listen != "" && (said("listen") || !said("socket")):
		return listen
	case a.socket != "" && !tunnel:
		return "unix:" + strings.TrimPrefix(a.socket, "unix:")
	}
	return "unix:" + defaultSocket()
}

// configure takes from a file what no flag says.
func (o *daemonOptions) configure(cmd *cobra.Command, c configuration) error {
	if c.err != nil {
		return &usageError{c.err}
	}
	said := cmd.Flags().Changed
	if c.Daemon.Data != "" && !said("data") {
		o.data = c.Daemon.Data
	}
	if c.Daemon.Listen != "" && !said("listen") {
		o.listen = c.Daemon.Listen
	}
	if c.Daemon.Idle != "" && !said("idle") {
		o.idle = c.idle()
	}
	if c.Daemon.Traces != "" && !said("traces") {
		o.traces = c.Daemon.Traces
	}
	o.remote.configure(said, c)
	o.copy = o.copy || c.Daemon.Copy && !said("copy")
	return nil
}

// ownMounts starts this program over in a mount namespace of its own. It returns
// only if the machine does not give it one, and says why.
func ownMounts() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return worktree.Enter(append([]string{self}, os.Args[1:]...))
}

// library loads the shipped methods.
func library() (*tasks.Library, error) {
	sources, err := shippedSources()
	if err != nil {
		return nil, err
	}
	return tasks.Load(sources...)
}

func shippedSources() ([]tasks.Source, error) {
	var sources []tasks.Source
	names, err := fs.Glob(methods.Files, "*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		data, err := methods.Files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		sources = append(sources, tasks.Source{Name: "methods/" + name, Data: data})
	}
	return sources, nil
}

// runDaemon constructs, wires and serves until ctx ends.
func runDaemon(ctx context.Context, opt daemonOptions) (err error) {
	// Before anything is started that could inherit it.
	handed, err := handedOver()
	if err != nil {
		return err
	}
	to, err := notified()
	if err != nil {
		return err
	}
	if handed != nil {
		opt.listen = "unix:" + handed.Addr().String()
		defer handed.Close()
	}
	path, ok := strings.CutPrefix(opt.listen, "unix:")
	if !ok {
		return wire.NewProblem(rmg.Invalid, "cannot listen on %q", opt.listen).WithHint("--listen takes unix:PATH; --tcp HOST:PORT listens on TCP as well")
	}
	defer heap.Keep(heap.Room)()
	log := slog.New(slog.NewTextHandler(opt.log, nil))
	store, err := openData(ctx, opt.data, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	opt.pool = pool.New(opt.term)
	k, err := newKernel(ctx, store, opt, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	opt.pool.Judge(k.MayLend)
	return serve(ctx, k, place{path, handed, to}, opt, log)
}

// newKernel wires the kernel to its journal, worktree and workers.
func newKernel(ctx context.Context, store *journal.Store, opt daemonOptions, log *slog.Logger) (*kernel.Kernel, error) {
	self, err := keepSelf(opt.data)
	if err != nil {
		return nil, err
	}
	lib := opt.lib
	if lib == nil {
		if lib, err = library(); err != nil {
			return nil, err
		}
	}
	wt, err := worktree.New(worktree.Options{
		Dir: filepath.Join(opt.data, "work"), Data: opt.data, Blobs: blobStore{store.Blobs()}, Step: opt.step, Mount: !opt.copy && worktree.Private(),
	})
	if err != nil {
		return nil, err
	}
	log.Info("workspaces", "how", wt.Mechanism().Name, "why", wt.Mechanism().Why)
	list := append([]work.Worker{workers.NewBuiltin()}, opt.workers...)
	tool, err := gotool.Detect(ctx, self)
	if err != nil {
		log.Warn("no Go tool chain; Go repositories cannot be worked on", "err", err)
		tool = nil
	} else {
		list = append(list, repair.New(tool, repairLanes))
	}
	list = append(list, workers.NewScript(tool))
	others, secrets, err := opt.model.workers(tool)
	if err != nil {
		return nil, err
	}
	options := workers.Options{Workers: append(list, others...), Go: tool, Secrets: secrets}
	if opt.pool != nil {
		options.Away = opt.pool.Worker
	}
	run, err := workers.New(options)
	if err != nil {
		return nil, err
	}
	return kernel.Open(ctx, kernel.Options{
		Journal: store, Clock: wallClock{}, Worktree: bridge{wt}, SettingUp: bridge{wt}, Keeper: wt, Runner: runner{run}, Library: lib, Logger: log, Draw: draw,
	})
}

// keepSelf copies this program into the data folder: what `go run` built, or an
// upgrade replaced, is gone while the daemon still needs to start itself.
func keepSelf(data string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	src, err := os.Open(self)
	if err != nil {
		return "", err
	}
	defer src.Close()
	h := sha256.New()
	if _, err := io.Copy(h, src); err != nil {
		return "", err
	}
	dir := filepath.Join(data, "bin")
	name := filepath.Join(dir, "jitos-"+hex.EncodeToString(h.Sum(nil)[:8]))
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	dst, err := os.CreateTemp(dir, "copy-*")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(dst, src)
	err = errors.Join(err, dst.Chmod(0o755), dst.Close())
	if err != nil {
		return "", errors.Join(err, os.Remove(dst.Name()))
	}
	return name, os.Rename(dst.Name(), name)
}

// sweepEvery is how often workspaces are looked at whose time may be over.
const sweepEvery = 30 * time.Second

// sweep discards workspaces whose time is over, at once and then now and again,
// until ctx ends.
func sweep(ctx context.Context, k *kernel.Kernel, log *slog.Logger) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		switch n, err := k.Sweep(ctx); {
		case err != nil && ctx.Err() == nil:
			log.Warn("workspaces whose time is over could not be discarded", "err", err)
		case n > 0:
			log.Info("workspaces whose time was over are discarded", "count", n)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// cacheCmd is the build cache that sandboxed go commands talk to.
func (a *app) cacheCmd() *cobra.Command {
	return &cobra.Command{
		Use: "gocacheprog LOWER UPPER", Hidden: true, Args: cobra.ExactArgs(2),
		Short: "Serve a build cache to the go command (GOCACHEPROG)",
		RunE: func(_ *cobra.Command, args []string) error {
			return gocache.Serve(a.in, a.out, args[0], args[1])
		},
	}
}

// testExecCmd is what the go command starts test binaries through.
func (a *app) testExecCmd() *cobra.Command {
	return &cobra.Command{
		Use: "testexec BINARY ARGS ...", Hidden: true, DisableFlagParsing: true,
		Short: "Run a test binary where it cannot write what it is built from (go test -exec)",
		RunE: func(_ *cobra.Command, args []string) error {
			write, env := gotool.Narrowed(os.Environ())
			return sandbox.Narrow(write, args, env)
		},
	}
}

func (a *app) statusCmd() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Say how the daemon is", Args: cobra.NoArgs,
		Example: "  jitos status\n  jitos status -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			st, err := c.Status(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(st, func(w io.Writer) {
				row(w, "version", st.Version)
				row(w, "socket", c.Socket())
				if st.Address != "" {
					row(w, "server", st.Address)
				}
				row(w, "epoch", st.Epoch)
				row(w, "records", fmt.Sprintf("%d in %d ticks", st.Records, st.Tick))
				row(w, "world", st.World)
				row(w, "ledger", st.Ledger)
				row(w, "processes", fmt.Sprintf("%d, %d running", st.Processes, st.Running))
				row(w, "workspaces", st.Workspaces)
				row(w, "checkpoint", orElse(st.Checked, "not checked since the start"))
				row(w, "past", fmt.Sprintf("opened at once up to seq %d", st.Marked))
				row(w, "disk", sizeText(st.Disk))
				row(w, "started", clock(st.Started))
				if st.ReadOnly != "" {
					row(w, "read-only", st.ReadOnly)
				}
			})
		},
	}
}

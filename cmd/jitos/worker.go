package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"jitos.dev/journal"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers"
	"jitos.dev/workers/gotool"
	machine "jitos.dev/workers/remote"
	"jitos.dev/workers/repair"
	"jitos.dev/worktree"
)

func (a *app) workerCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "worker", Short: "Do tasks of plans on other machines",
		Example: "  jitos worker run --server https://build.example:7443#sha256:HEX --labels gpu,linux\n  jitos worker list",
		Long: `A task that asks for labels is done by a machine that has them: it takes the task
over the network, works in a sandbox of its own and brings back what changed,
which the daemon judges as it does any worker's. It needs a token whose
capability is work: jitos token new NAME --cap work.`,
	}
	cmd.AddCommand(a.workerRun(), a.workerList())
	return cmd
}

// machineOptions say what a machine is.
type machineOptions struct {
	name, data string
	labels     []string
	workers    []string
	copy       bool
}

func (a *app) workerRun() *cobra.Command {
	var opt machineOptions
	cmd := &cobra.Command{
		Use: "run", Short: "Take tasks and do them, until interrupted", Args: cobra.NoArgs,
		Example: "  jitos --server https://build.example:7443#sha256:HEX --token-file token worker run --labels gpu,linux\n  jitos worker run --labels here --name second --data /var/lib/jitos-second",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !opt.copy && !worktree.Private() {
				opt.copy = true
				fmt.Fprintf(a.err, "jitos: workspaces are copied, not mounted: %v\n", ownMounts())
			}
			return a.runWorker(cmd.Context(), opt)
		},
	}
	host, _ := os.Hostname() // without a name it has to be given
	f := cmd.Flags()
	f.StringVar(&opt.name, "name", host, "the machine's name at the daemon")
	f.StringSliceVar(&opt.labels, "labels", nil, "what the machine has: gpu, linux; a task is taken if it asks for nothing else")
	f.StringSliceVar(&opt.workers, "workers", nil, "kinds of worker that it runs; all that it can if absent: script, and repair where there is Go")
	f.StringVar(&opt.data, "data", envOr("JITOS_WORKER_DATA", filepath.Join(a.dataFolder(), "worker")), "folder of contents and workspaces, for one machine (JITOS_WORKER_DATA)")
	f.BoolVar(&opt.copy, "copy", envOr("JITOS_COPY", "") != "", "copy workspaces instead of mounting them (JITOS_COPY)")
	return cmd
}

// runWorker wires a machine and works until ctx ends.
func (a *app) runWorker(ctx context.Context, opt machineOptions) (err error) {
	c, err := a.client()
	if err != nil {
		return err
	}
	store, err := journal.Open(opt.data, journal.Options{})
	if errors.Is(err, journal.ErrLocked) {
		return wire.NewProblem(rmg.Unavailable, "another worker has %s open", opt.data).WithHint("give each its own --data")
	}
	if err != nil {
		return wire.NewProblem(rmg.Unavailable, "the data folder %s cannot be opened: %v", opt.data, err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	blobs := blobStore{store.Blobs()}
	wt, err := worktree.New(worktree.Options{Dir: filepath.Join(opt.data, "work"), Data: opt.data, Blobs: blobs, Mount: !opt.copy && worktree.Private()})
	if err != nil {
		return err
	}
	run, kinds, err := machineRunner(ctx, opt)
	if err != nil {
		return err
	}
	if len(opt.labels) == 0 {
		opt.labels = []string{runtime.GOOS, runtime.GOARCH}
	}
	a.note("%s takes tasks for %s that ask for %s", opt.name, strings.Join(kinds, ", "), strings.Join(opt.labels, ", "))
	return machine.Work(ctx, machine.Options{
		Daemon: c, Name: opt.name, Labels: opt.labels, Workers: kinds, Run: run.Run, Blobs: blobs,
		Slot: func(ctx context.Context, name string, tree rmg.Graph) (machine.Folder, error) {
			f, err := wt.Slot(ctx, name, tree, worktree.Origin{})
			if err != nil {
				return nil, err
			}
			return f, nil
		},
		Say: func(line string) { a.note("%s", line) },
	})
}

// machineRunner has the workers that a machine can run, or those of them that it is told.
func machineRunner(ctx context.Context, opt machineOptions) (*workers.Runner, []string, error) {
	self, err := keepSelf(opt.data)
	if err != nil {
		return nil, nil, err
	}
	tool, err := gotool.Detect(ctx, self)
	if err != nil {
		tool = nil // repair is not offered then
	}
	list := []work.Worker{workers.NewScript(tool)}
	if tool != nil {
		list = append(list, repair.New(tool, repairLanes))
	}
	var kinds []string
	for _, w := range list {
		kinds = append(kinds, w.Describe().Name)
	}
	slices.Sort(kinds)
	for _, k := range opt.workers {
		if !slices.Contains(kinds, k) {
			return nil, nil, &usageError{fmt.Errorf("--workers names %q; this machine can run %s", k, strings.Join(kinds, ", "))}
		}
	}
	if len(opt.workers) > 0 {
		kinds = opt.workers
	}
	run, err := workers.New(workers.Options{Workers: list, Go: tool})
	return run, kinds, err
}

func (a *app) workerList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the machines that take tasks", Args: cobra.NoArgs,
		Example: "  jitos worker list\n  jitos worker list -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			list, err := c.Machines(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(list, func(w io.Writer) {
				row(w, "MACHINE", "CALLER", "LABELS", "WORKERS", "TASK", "HEARD")
				for _, m := range list {
					heard := (time.Duration(m.SilentMillis) * time.Millisecond).Round(time.Second)
					row(w, m.Name, m.Caller, strings.Join(m.Labels, ","), strings.Join(m.Workers, ","), orElse(m.Task, "-"), heard.String()+" ago")
				}
			})
		},
	}
}

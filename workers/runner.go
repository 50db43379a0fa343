package workers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/gotool"
)

// Runner dispatches assignments to the workers it was given, and runs gates.
type Runner struct {
	workers  map[string]work.Worker
	tool     *gotool.Toolchain
	programs programs
}

// Options says what a runner is made of.
type Options struct {
	Workers []work.Worker
	Go      *gotool.Toolchain // nil if this machine has no Go
}

// New makes a runner. Two workers of one name are refused.
func New(opt Options) (*Runner, error) {
	r := &Runner{workers: map[string]work.Worker{}, tool: opt.Go}
	for _, w := range opt.Workers {
		name := w.Describe().Name
		if _, ok := r.workers[name]; ok {
			return nil, &rmg.Error{Op: "workers", Code: rmg.Exists, Msg: fmt.Sprintf("there are two workers %q", name)}
		}
		r.workers[name] = w
	}
	return r, nil
}

// Describe lists the workers, by name.
func (r *Runner) Describe() []work.Description {
	out := make([]work.Description, 0, len(r.workers))
	for _, w := range r.workers {
		out = append(out, w.Describe())
	}
	slices.SortFunc(out, func(a, b work.Description) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Run does one assignment with the worker named. NotFound if there is none, or
// it has no such action. A worker that panics has failed; the daemon goes on.
func (r *Runner) Run(ctx context.Context, worker string, a work.Assignment) (res work.Result, err error) {
	w, ok := r.workers[worker]
	if !ok {
		return res, &rmg.Error{Op: "dispatch", Code: rmg.NotFound, Msg: fmt.Sprintf("there is no worker %q here", worker), Hint: "there are: " + r.names()}
	}
	d := w.Describe()
	if !slices.Contains(d.Actions, a.Action) {
		return res, &rmg.Error{
			Op: "dispatch", Code: rmg.NotFound, Msg: fmt.Sprintf("worker %s has no action %q", worker, a.Action),
			Hint: "it has: " + strings.Join(d.Actions, ", "),
		}
	}
	a.Emit = oneAtATime(a.Emit)
	defer func() {
		if p := recover(); p != nil {
			err = &rmg.Error{Op: worker + " " + a.Action, Code: rmg.Internal, Msg: fmt.Sprintf("the worker panicked: %v", p)}
		}
	}()
	return w.Run(ctx, a)
}

// oneAtATime lets a worker emit from any goroutine, and whoever listens do so
// without a lock. A nil listener hears nothing.
func oneAtATime(emit func(work.Event)) func(work.Event) {
	if emit == nil {
		return func(work.Event) {}
	}
	var mu sync.Mutex
	return func(e work.Event) {
		mu.Lock()
		defer mu.Unlock()
		emit(e)
	}
}

func (r *Runner) names() string {
	var out []string
	for _, d := range r.Describe() {
		out = append(out, d.Name)
	}
	return strings.Join(out, ", ")
}

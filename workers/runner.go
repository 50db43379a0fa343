package workers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/gotool"
)

// Runner dispatches assignments to the workers it was given, and runs gates.
type Runner struct {
	workers  map[string]work.Worker
	tool     *gotool.Toolchain
	red      *redactor
	programs programs
	away     func(worker string) work.Worker
}

// Options says what a runner is made of.
type Options struct {
	Workers []work.Worker
	Go      *gotool.Toolchain // nil if this machine has no Go
	Secrets []string          // of the daemon; they are taken out of what workers say
	// Away does what asks for labels: a machine that has them. Nil if none can come.
	Away func(worker string) work.Worker
}

// New makes a runner. Two workers of one name are refused.
func New(opt Options) (*Runner, error) {
	r := &Runner{workers: map[string]work.Worker{}, tool: opt.Go, red: newRedactor(opt.Secrets), away: opt.Away}
	for _, w := range opt.Workers {
		d := w.Describe()
		if err := checkDescription(d); err != nil {
			return nil, err
		}
		name := d.Name
		if _, ok := r.workers[name]; ok {
			return nil, &rmg.Error{Op: "workers", Code: rmg.Exists, Msg: fmt.Sprintf("there are two workers %q", name)}
		}
		r.workers[name] = w
	}
	return r, nil
}

// checkDescription refuses a worker that nobody could ask for anything.
func checkDescription(d work.Description) error {
	bad := func(msg string) error {
		return &rmg.Error{Op: "workers", Code: rmg.Invalid, Msg: fmt.Sprintf("worker %q: %s", d.Name, msg)}
	}
	switch {
	case d.Name == "" || strings.ContainsAny(d.Name, " /:"):
		return bad("its name is none")
	case len(d.Actions) == 0:
		return bad("it has no action")
	case !slices.IsSorted(d.Actions) || len(slices.Compact(slices.Clone(d.Actions))) != len(d.Actions):
		return bad("its actions are not sorted, or one stands twice")
	case d.HeartbeatMillis < 0:
		return bad("its heartbeat is negative")
	}
	for _, n := range d.Needs {
		if n != work.NeedCommands && n != work.NeedNetwork {
			return bad(fmt.Sprintf("nobody can give it %q", n))
		}
	}
	return nil
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
// One that is silent for longer than it said, or does not come back when it is
// told to, is not waited for: its lease is over, and what it does is in vain.
func (r *Runner) Run(ctx context.Context, worker string, a work.Assignment) (work.Result, error) {
	w, err := r.find(worker, a)
	if err != nil {
		return work.Result{}, err
	}
	d := w.Describe()
	op := worker + " " + a.Action
	l := newLease(ctx, op, time.Duration(d.HeartbeatMillis)*time.Millisecond)
	heard := &voice{emit: a.Emit, red: r.red, max: a.Budget.OutputMax}
	a.Beat = l.beat
	a.Emit = func(e work.Event) {
		l.beat()
		if l.over() == nil {
			heard.say(e)
		}
	}
	if may := a.May; may != nil {
		a.May = func(ctx context.Context, t work.Tool) (work.Verdict, error) {
			t.Title = r.red.text(t.Title)
			return may(ctx, t)
		}
	}
	a.Workspace = leased{a.Workspace, l}
	type ending struct {
		res work.Result
		err error
	}
	done := make(chan ending, 1)
	go func() {
		res, err := guarded(op, func() (work.Result, error) { return w.Run(l.ctx, a) })
		done <- ending{res, err}
	}()
	var e ending
	select {
	case e = <-done:
	case <-l.ctx.Done():
		late := time.NewTimer(returnTime)
		defer late.Stop()
		select {
		case e = <-done:
		case <-late.C:
			e.err = &rmg.Error{Op: op, Code: rmg.Internal, Msg: fmt.Sprintf("the worker did not come back within %v after it was told to stop", returnTime)}
		}
	}
	lost := l.over() // before it ends by the next line
	l.end(errReturned)
	l.settle()
	if lost != nil {
		return work.Result{Spent: e.res.Spent}, lost
	}
	return r.red.result(e.res), r.red.error(e.err)
}

// find is who does an assignment: a machine that has its labels, which knows
// itself what it can do, or a worker of the daemon's own.
func (r *Runner) find(worker string, a work.Assignment) (work.Worker, error) {
	if len(a.Labels) > 0 {
		if w, ok := r.workers[worker]; ok {
			if err := w.Describe().NotAway(a.Labels); err != nil {
				return nil, err
			}
		}
		if r.away == nil {
			return nil, &rmg.Error{Op: "dispatch", Code: rmg.Unavailable, Msg: "no other machine can do tasks of this daemon", Hint: "ask without labels"}
		}
		return r.away(worker), nil
	}
	w, ok := r.workers[worker]
	if !ok {
		return nil, &rmg.Error{Op: "dispatch", Code: rmg.NotFound, Msg: fmt.Sprintf("there is no worker %q here", worker), Hint: "there are: " + r.names()}
	}
	if actions := w.Describe().Actions; !slices.Contains(actions, a.Action) {
		return nil, &rmg.Error{
			Op: "dispatch", Code: rmg.NotFound, Msg: fmt.Sprintf("worker %s has no action %q", worker, a.Action),
			Hint: "it has: " + strings.Join(actions, ", "),
		}
	}
	return w, nil
}

// errReturned is why the lease of a worker that has returned is over.
var errReturned = errors.New("the worker has returned")

// guarded turns a panic into an error.
func guarded(op string, do func() (work.Result, error)) (res work.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &rmg.Error{Op: op, Code: rmg.Internal, Msg: fmt.Sprintf("the worker panicked: %v", p)}
		}
	}()
	return do()
}

func (r *Runner) names() string {
	var out []string
	for _, d := range r.Describe() {
		out = append(out, d.Name)
	}
	return strings.Join(out, ", ")
}

package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// propBack is the prop of a process that holds its way back.
const propBack = "back"

// backTime bounds a task of a way back whose primitive names no time of its own:
// neither the process's wall time nor a cancel ends one.
const backTime = 10 * time.Minute

// wayBack is the undoing (on_fail) of tasks that had begun and did not succeed.
// From its record on a process goes only that way, whatever stops and starts
// between: what its tasks come to is in their attempts, and when all have
// succeeded it has been gone to its end.
type wayBack struct {
	From      []string // tasks that are undone, the last of the plan first
	Why       string   // the failure that it begins with
	Code      rmg.Code
	Cancelled bool // it begins with a cancel
}

func (w wayBack) value() rmg.Value {
	return rmg.Map(map[string]rmg.Value{
		"from": textList(w.From), "why": rmg.String(strings.ToValidUTF8(w.Why, "\uFFFD")), "code": rmg.String(string(w.Code)), "cancelled": rmg.Bool(w.Cancelled),
	})
}

// readBack reads a process's way back; nil if it is on none.
func readBack(p rmg.Props) *wayBack {
	v, _ := p.Get(propBack)
	m, ok := v.AsMap()
	if !ok {
		return nil
	}
	return &wayBack{From: texts(m, "from"), Why: m.String("why"), Code: rmg.Code(m.String("code")), Cancelled: m.Bool("cancelled")}
}

// tasks are those of the way back, in the order in which they are run.
func (w *wayBack) tasks(plan *tasks.Plan) []tasks.Task {
	var out []tasks.Task
	for _, from := range w.From {
		for _, t := range plan.Back {
			if t.Undoes == from {
				out = append(out, t)
			}
		}
	}
	return out
}

// owed are the tasks with a way back that have begun and did not succeed, the
// last of the plan first. One that failed before it could change anything is
// among them: nobody but the task knows how far it came.
func (p Process) owed() []string {
	var out []string
	for _, t := range p.Tasks {
		if len(t.OnFail) > 0 && t.Undoes == "" && t.Attempts > 0 && t.State != resultOK && t.State != resultNothing {
			out = append(out, t.ID)
		}
	}
	slices.Reverse(out)
	return out
}

// backLeft are the tasks of a process's way back that have not succeeded yet.
func (p Process) backLeft() []TaskState {
	var out []TaskState
	for _, t := range p.Tasks {
		if t.Undoes != "" && t.State != resultOK && t.State != resultNothing {
			out = append(out, t)
		}
	}
	return out
}

// toUndo reports whether a process that nothing drives has something to undo.
func (p Process) toUndo() bool {
	return p.back == nil && len(p.owed()) > 0 || len(p.backLeft()) > 0 || len(p.toClose()) > 0
}

// undone says how far a process's way back went; "" if it is on none.
func (p Process) undone() string {
	if p.back == nil {
		return ""
	}
	var not, all []string
	for _, t := range p.Tasks {
		if t.Undoes != "" {
			all = append(all, t.ID)
		}
	}
	for _, t := range p.backLeft() {
		not = append(not, strings.TrimSuffix(t.ID+": "+t.Summary, ": "))
	}
	switch {
	case len(not) > 0:
		return "NOT undone: " + strings.Join(not, "; ")
	case len(all) == 0:
		return "" // it had nothing to undo
	}
	return "undone by " + strings.Join(all, ", ")
}

// ended reports whether a process's outcome stands, and nothing is to be undone.
func (p Process) ended() bool {
	return p.Status == "answered" || p.Status == "collapsed" || p.Status == "landed" || p.Status == "unlanded"
}

// errStopped ends a drive that the daemon's stop cut off on its way back: the
// process is interrupted there, whatever it was cancelled by.
var errStopped = errors.New("the daemon stopped on the way back")

// turnBack ends a drive that came to err: with what its failed tasks owe, undone.
func (k *Kernel) turnBack(r *run, err error) error {
	if err == nil || k.ctx.Err() != nil && !errors.Is(err, errCancelled) {
		return err
	}
	p, perr := k.Process(r.id)
	if perr != nil {
		return orError(err, perr)
	}
	from := p.owed()
	if len(from) == 0 || p.ended() {
		return err
	}
	if k.ctx.Err() != nil {
		return errStopped
	}
	w := wayBack{From: from, Why: whyOf(err), Code: codeOf(err), Cancelled: errors.Is(err, errCancelled)}
	reason := fmt.Sprintf("the way back of %s begins: %s", strings.Join(from, ", "), firstLine(w.Why))
	_, rerr := k.systemWith(context.WithoutCancel(k.ctx), "kernel", r.id, reason, func(*fold, uint64) ([]rewrite.Op, error) {
		return w.ops(p), nil
	})
	if rerr != nil {
		return rerr
	}
	k.say(r, work.Event{Text: "on the way back, after: " + firstLine(w.Why)})
	return k.goBack(r)
}

// ops put a process on its way back; what it asks a person is void.
func (w wayBack) ops(p Process) []rewrite.Op {
	ops := []rewrite.Op{setOp(procPath(p.ID), map[string]rmg.Value{propBack: w.value()})}
	for _, a := range p.Approvals {
		if a.State == ApprovalOpen {
			ops = append(ops, setOp(a.at, map[string]rmg.Value{"superseded": rmg.Bool(true)}))
		}
	}
	return ops
}

// goBack runs what is left of a process's way back, each task whatever became of
// the one before it, and returns the failure that it began with. Neither a cancel
// nor the process's wall time ends it, only the daemon's stop; what else of a
// budget is used up stays so, for tasks that need some of it.
func (k *Kernel) goBack(r *run) error {
	p, err := k.Process(r.id)
	if err != nil {
		return err
	}
	r.spent.goOn()
	for _, t := range p.backLeft() {
		task := t.Task
		if task.TimeoutMillis == 0 {
			task.TimeoutMillis = backTime.Milliseconds()
		}
		if err := k.attempt(k.ctx, r, p, task); err != nil && k.ctx.Err() == nil {
			k.say(r, work.Event{Task: t.ID, Text: "not undone: " + err.Error()})
		}
		if k.ctx.Err() != nil {
			return errStopped
		}
	}
	if p.back.Cancelled {
		return errCancelled
	}
	if p, err = k.Process(r.id); err != nil {
		return err
	}
	return &rmg.Error{Code: p.back.Code, Msg: p.back.Why + "; " + p.undone()}
}

// whyOf is an error with what it says to do next.
func whyOf(err error) string {
	var e *rmg.Error
	if errors.As(err, &e) && e.Hint != "" {
		return err.Error() + " (" + e.Hint + ")"
	}
	return err.Error()
}

// codeOf is an error's code; one without is internal.
func codeOf(err error) rmg.Code {
	var e *rmg.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return rmg.Internal
}

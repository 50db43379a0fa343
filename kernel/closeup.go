package kernel

import (
	"errors"
	"slices"
	"strings"

	"jitos.dev/rmg"
	"jitos.dev/work"
)

// toClose are the tasks that are to be done in the end (finally), of what has begun.
func (p Process) toClose() []TaskState {
	begun := map[string]bool{}
	for _, t := range p.Tasks {
		begun[t.ID] = t.Attempts > 0
	}
	var out []TaskState
	for _, t := range p.Tasks {
		if t.Closes != "" && begun[t.Closes] && t.State != resultOK && t.State != resultNothing {
			out = append(out, t)
		}
	}
	return out
}

// closed says which tasks of the end were done, and which could not be; "" if there is none.
func (p Process) closed() string {
	var all, not []string
	for _, t := range p.Tasks {
		switch {
		case t.Closes == "" || t.Attempts == 0:
		case t.State == resultOK || t.State == resultNothing:
			all = append(all, t.ID)
		default:
			not = append(not, strings.TrimSuffix(t.ID+": "+t.Summary, ": "))
		}
	}
	switch {
	case len(not) > 0:
		return "NOT done in the end: " + strings.Join(not, "; ")
	case len(all) > 0:
		return "in the end " + strings.Join(all, ", ")
	}
	return ""
}

// closeUp does what a process that came to err has to do in the end, each whatever became
// of the one before it, and returns err with what came of that. What failed before in this
// drive is not tried again. Neither a cancel nor the wall time ends it, only the daemon's stop.
func (k *Kernel) closeUp(r *run, err error) error {
	p, perr := k.Process(r.id)
	if perr != nil || errors.Is(err, errStopped) {
		return orError(err, perr)
	}
	left := slices.DeleteFunc(p.toClose(), func(t TaskState) bool { return r.failed[t.ID] })
	if len(left) == 0 {
		return err
	}
	r.spent.goOn()
	k.things.end(r.id) // what was kept for the way back is free: nobody waits while having something
	for _, t := range left {
		if k.ctx.Err() != nil {
			return errStopped
		}
		task := t.Task
		if task.TimeoutMillis == 0 {
			task.TimeoutMillis = backTime.Milliseconds()
		}
		c := k.things.ask(p.ID, task)
		terr := k.withThings(k.ctx, r, task, c, func() error { return k.attempt(k.ctx, r, p, task) })
		k.things.leave(c, false)
		if k.ctx.Err() != nil {
			return errStopped
		}
		if terr != nil {
			k.say(r, work.Event{Task: t.ID, Text: "not done in the end: " + terr.Error()})
		}
	}
	if err == nil || errors.Is(err, errCancelled) {
		return err
	}
	if p, perr = k.Process(r.id); perr != nil {
		return orError(err, perr)
	}
	return &rmg.Error{Code: codeOf(err), Msg: whyOf(err) + "; " + p.closed()}
}

package kernel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// workerHuman is the worker name of tasks that a person does: the kernel asks in
// the inbox, and the answer is the result.
const workerHuman = "human"

// AboutTask is what a question of a plan's own task is about.
const AboutTask = "task"

// humanResult puts a task to a person and waits, for days if it has to: the
// question stands in the ledger, and is the same one after a restart. It is bound
// to the workspace as it is: what changed since is asked anew. approve is success,
// reject is not; nobody's answer within the task's timeout, counted from the
// asking, is a failure, and so is one that came later.
func (k *Kernel) humanResult(ctx context.Context, r *run, p Process, t tasks.Task) (work.Result, error) {
	question, _ := t.Args["question"].(string)
	switch {
	case t.Action != "ask":
		return work.Result{}, &rmg.Error{Op: t.ID, Code: rmg.NotFound, Msg: fmt.Sprintf("a person has no action %q", t.Action), Hint: "there is: ask"}
	case question == "":
		return work.Result{}, &rmg.Error{Op: t.ID, Code: rmg.Invalid, Msg: "argument question: a text is needed"}
	}
	if err := k.mayDispatch(p, t); err != nil {
		return work.Result{}, err
	}
	space, ok := k.space(p.laneSpace(t.Lane))
	if !ok {
		return work.Result{}, noSpace(p.laneSpace(t.Lane))
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "jitos question 1\n%s\n%s\n%s", t.ID, question, space.last().world.Digest()))
	c := &collapse{process: p.ID, space: space.id, cause: p.ID + "/" + t.ID, emit: func(ev work.Event) { ev.Task = t.ID; k.say(r, ev) }}
	q := Approval{About: AboutTask, Question: question, Digest: hex.EncodeToString(sum[:]), Head: space.last().seq, Around: t.ID}
	is := func(a Approval) bool {
		return ofDigest(q.Digest)(a) || a.Question == question && a.stands(AboutTask, q.Head, q.Around, nil)
	}
	limit := time.Duration(t.TimeoutMillis) * time.Millisecond
	late := &rmg.Error{Op: t.ID, Code: rmg.GateFailed, Msg: fmt.Sprintf("nobody answered %q within %v", question, limit), Hint: "jitos retry " + p.ID + " asks again"}
	if limit > 0 {
		now := k.opt.Clock.Now()
		asked := now
		if a, ok := k.findApproval(c, is); ok {
			asked = a.At
		}
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, asked.Add(limit).Sub(now), late)
		defer stop()
	}
	a, ok := k.findApproval(c, is)
	var err error
	if !ok || a.Answer == "" {
		a, err = k.ask(ctx, c, q)
	}
	if err != nil && errors.Is(err, late) {
		return work.Result{}, late
	}
	if err != nil {
		return work.Result{}, err
	}
	if limit > 0 && a.Answered.After(a.At.Add(limit)) {
		return work.Result{}, late
	}
	res := work.Result{
		OK: a.State == ApprovalApproved, Summary: answered(a),
		Output: rmg.PropsOf(map[string]rmg.Value{"answer": rmg.String(a.Answer), "by": rmg.String(a.By), "comment": textValue(a.Comment)}),
	}
	if !res.OK {
		res.Reasons = []string{res.Summary}
	}
	return res, nil
}

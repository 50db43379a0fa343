package kernel

import (
	"context"
	"fmt"
	"slices"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// Inbox lists what waits for a person, oldest first; with all, what was
// answered too. O(processes and workspaces).
func (k *Kernel) Inbox(all bool) []Approval {
	var out []Approval
	for _, a := range k.approvals() {
		if all || a.State == ApprovalOpen && k.alive(a) {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b Approval) int { return compareIDs(a.ID, b.ID) })
	return out
}

// approvals are all there are.
func (k *Kernel) approvals() []Approval {
	ledger := k.now().ledger
	var out []Approval
	for _, root := range []rmg.Path{procRoot, swsRoot} {
		e, ok := ledger.Get(root)
		if !ok {
			continue
		}
		for n := range e.Graph.Nodes("") {
			out = append(out, readApprovals(root.Child(n.ID), n.Graph)...)
		}
	}
	return out
}

// alive reports whether an answer would still lead to something.
func (k *Kernel) alive(a Approval) bool {
	if a.Process != "" {
		p, err := k.Process(a.Process)
		return err == nil && p.Status == "waiting"
	}
	e, ok := k.now().ledger.Get(swsPath(a.Workspace))
	return ok && spaceState(e.Props) == spaceOpen
}

// Approval shows one.
func (k *Kernel) Approval(id string) (Approval, error) {
	for _, a := range k.approvals() {
		if a.ID == id {
			return a, nil
		}
	}
	return Approval{}, &rmg.Error{Op: "inbox", Code: rmg.NotFound, Msg: fmt.Sprintf("there is no question %q", id), Hint: "jitos inbox --all lists them"}
}

// Answer records a person's answer and lets what waits for it go on; a process that
// a restart of the daemon cut off while it waited is driven again. What the answer
// changes in the workspace is one record with it, and is proven like all else.
// Denied: only a person answers. Conflict: it is answered, or nothing waits for it
// any more. Stale: what it is about is something else by now.
func (k *Kernel) Answer(ctx context.Context, c Caller, id string, r Reply) (Approval, error) {
	once, err := onceOf(c, "answer", r.request(id))
	if err != nil {
		return Approval{}, err
	}
	a, err := k.Approval(id)
	if err != nil {
		return a, err
	}
	if _, done, err := k.answered(once); done || err != nil {
		return a, err
	}
	c.Key = "" // it was for the answer, not for what goes on by it
	if c.kind() != KindPerson {
		return a, &rmg.Error{Op: "answer", Path: a.at, Code: rmg.Denied, Msg: fmt.Sprintf("%s is a %s, and only a person answers", orText(c.Name, "the caller"), c.kind()), Hint: "the owner of the daemon does: jitos answer " + id + " approve|reject"}
	}
	if err := r.check(a); err != nil {
		return a, err
	}
	if a.State == ApprovalOpen && !k.alive(a) {
		return a, &rmg.Error{Op: "answer", Path: a.at, Code: rmg.Conflict, Msg: "nothing waits for it any more", Hint: "jitos show " + orText(a.Process, a.Workspace)}
	}
	// Looked at before the answer stands: whoever waits may have gone on, and come to
	// an end, before this goroutine is back from recording it.
	waited := k.waited(a)
	if err := k.recordReply(ctx, once, c, a, r); err != nil {
		return a, err
	}
	if a, err = k.Approval(id); err != nil {
		return a, err
	}
	if waited || k.waited(a) {
		return a, nil
	}
	return a, k.goOn(ctx, c, a)
}

// recordReply writes an answer: in the ledger or, with what it changes, in the
// workspace.
func (k *Kernel) recordReply(ctx context.Context, once Once, c Caller, a Approval, r Reply) error {
	open := func(f *fold) error {
		e, ok := f.ledger.Get(a.at)
		if now := readApproval(a.at, e.Props); !ok || now.State != ApprovalOpen {
			return &rmg.Error{Op: "answer", Path: a.at, Code: rmg.Conflict, Msg: fmt.Sprintf("%s is %s already", a.ID, orText(now.State, "gone")), Hint: "jitos inbox lists what is open"}
		}
		return nil
	}
	answer := func() map[string]rmg.Value {
		return map[string]rmg.Value{
			"answer": rmg.String(r.Answer), "by": rmg.String(c.Name), "comment": textValue(r.Comment), "answered_ms": rmg.Int(k.lastAt.UnixMilli()),
		}
	}
	cause, reason := orText(a.Process, a.Workspace), a.ID+": "+r.Answer
	var m amendment
	if r.amends() {
		var err error
		if m, err = k.amend(a, r); err != nil {
			return err
		}
	}
	if len(m.ops) == 0 {
		_, err := k.systemOnce(ctx, once, c.Name, cause, reason, func(f *fold, _ uint64) ([]rewrite.Op, error) {
			return []rewrite.Op{setOp(a.at, answer())}, open(f)
		})
		return err
	}
	v := Version{Space: a.Workspace}
	if err := k.mayRewrite(c, v, m.ops); err != nil {
		return err
	}
	k.holdNamed(m.ops)
	footprint := rewrite.FootprintOf(append(slices.Clip(m.ops), setOp(a.at, nil)))
	_, err := k.submit(&request{
		ctx: ctx, owner: ownerOf(v.String(), c.Name, cause), view: v.String(), footprint: footprint, size: 128 * len(m.ops), once: once,
		eval: func(f *fold, seq uint64) (draft, error) {
			if err := open(f); err != nil {
				return draft{}, err
			}
			if s, ok := f.lookup(a.Workspace); ok && s.last().seq != m.head {
				return draft{}, movedSince(a)
			}
			if err := f.writable(v, rewrite.Expect{}); err != nil {
				return draft{}, err
			}
			ops, err := k.withSpaceFacts(f, v, m.ops)
			props := answer()
			props[propAmended], props["amends"] = seqValue(seq), textValue(m.text)
			return draft{view: v.String(), author: c.Name, cause: cause, reason: reason + ", " + m.text, ops: append(slices.Clip(ops), setOp(a.at, props))}, err
		},
	})
	return err
}

// waited reports whether something in this epoch waits for an answer itself.
func (k *Kernel) waited(a Approval) bool {
	k.runs.Lock()
	defer k.runs.Unlock()
	return k.runs.waits[a.at.Parent()] > 0
}

// goOn drives on a process that asked in an earlier epoch. One of this epoch
// waits itself, and sees the answer.
func (k *Kernel) goOn(ctx context.Context, c Caller, a Approval) error {
	if a.Process == "" {
		return nil
	}
	p, err := k.Process(a.Process)
	if err != nil {
		return err
	}
	switch {
	case a.State == ApprovalRejected && a.About != AboutPermission && (p.Plan == nil || len(p.Plan.Back)+len(p.Plan.Finally) == 0):
		return k.recordFailure(p.ID, rejected(a), 0)
	case p.Plan == nil:
		return nil // by hand: whoever collapses it again finds the answer
	}
	_, err = k.resume(ctx, c, Once{}, p, a.ID+" is answered", nil)
	return err
}

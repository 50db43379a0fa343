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

// Answer records a person's answer, "approve" or "reject", and lets what waits
// for it go on; a process that a restart of the daemon cut off while it waited
// is driven again. Denied: only a person answers. Conflict: it is answered, or
// nothing waits for it any more.
func (k *Kernel) Answer(ctx context.Context, c Caller, id, answer, comment string) (Approval, error) {
	once, err := onceOf(c, "answer", []any{id, answer, comment})
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
	switch {
	case c.kind() != KindPerson:
		return a, &rmg.Error{Op: "answer", Path: a.at, Code: rmg.Denied, Msg: fmt.Sprintf("%s is a %s, and only a person answers", orText(c.Name, "the caller"), c.kind()), Hint: "the owner of the daemon does: jitos answer " + id + " approve|reject"}
	case answer != "approve" && answer != "reject":
		return a, &rmg.Error{Op: "answer", Code: rmg.Invalid, Msg: fmt.Sprintf("%q is no answer", answer), Hint: "use approve or reject"}
	case len(comment) > maxComment:
		return a, &rmg.Error{Op: "answer", Code: rmg.Limit, Msg: fmt.Sprintf("a comment of %d bytes; the limit is %d", len(comment), maxComment)}
	case a.State == ApprovalOpen && !k.alive(a):
		return a, &rmg.Error{Op: "answer", Path: a.at, Code: rmg.Conflict, Msg: "nothing waits for it any more", Hint: "jitos show " + orText(a.Process, a.Workspace)}
	}
	// Looked at before the answer stands: whoever waits may have gone on, and come to
	// an end, before this goroutine is back from recording it.
	waited := k.waited(a)
	_, err = k.systemOnce(ctx, once, c.Name, orText(a.Process, a.Workspace), id+": "+answer, func(f *fold, _ uint64) ([]rewrite.Op, error) {
		e, ok := f.ledger.Get(a.at)
		if now := readApproval(a.at, e.Props); !ok || now.State != ApprovalOpen {
			return nil, &rmg.Error{Op: "answer", Path: a.at, Code: rmg.Conflict, Msg: fmt.Sprintf("%s is %s already", id, orText(now.State, "gone")), Hint: "jitos inbox lists what is open"}
		}
		return []rewrite.Op{setOp(a.at, map[string]rmg.Value{
			"answer": rmg.String(answer), "by": rmg.String(c.Name), "comment": textValue(comment), "answered_ms": rmg.Int(k.lastAt.UnixMilli()),
		})}, nil
	})
	if err != nil {
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
	case a.State == ApprovalRejected && (p.Plan == nil || len(p.Plan.Back)+len(p.Plan.Finally) == 0):
		return k.recordFailure(p.ID, rejected(a), 0)
	case p.Plan == nil:
		return nil // by hand: whoever collapses it again finds the answer
	}
	_, err = k.resume(ctx, c, Once{}, p, a.ID+" is answered", nil)
	return err
}

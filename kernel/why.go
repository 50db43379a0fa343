package kernel

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// Why explains an element, a prop of it, or a line of a file: the record that
// wrote it, the workspace, task and attempt in which it was written, what was
// proven, who let it in, and what was asked for. What came in from git is traced
// on to its commit.
func (k *Kernel) Why(ctx context.Context, q WhyQuery) (Explanation, error) {
	out := Explanation{Path: q.Path, Prop: q.Prop, Line: q.Line, Origin: q.Path, OriginLine: q.Line}
	now := k.now()
	v := View{World: now.world, Ledger: now.ledger}
	e, ok := v.Get(q.Path)
	if !ok || q.Path == rmg.Root {
		return out, &rmg.Error{Op: "why", Path: q.Path, Code: rmg.NotFound, Msg: "there is nothing at this path", Hint: "jitos graph " + string(q.Path.Parent()) + " shows what is"}
	}
	if _, has := e.Props.Get(q.Prop); q.Prop != "" && !has {
		return out, &rmg.Error{Op: "why", Path: q.Path, Code: rmg.NotFound, Msg: fmt.Sprintf("it has no prop %q", q.Prop), Hint: "jitos graph " + string(q.Path) + " shows what it has"}
	}
	o := origin{place: place{q.Path, -1}}
	var err error
	switch {
	case inLedger(q.Path):
		o.seq, err = k.wroteLedger(q.Path, q.Prop)
	case q.Line > 0:
		if out.Text, err = k.lineOf(q.Path, e, q.Line); err != nil {
			return out, err
		}
		if o, err = k.trace(now, place{q.Path, q.Line - 1}); err == nil {
			out.Origin, out.OriginLine = o.path, o.line+1
		}
	default:
		o, err = k.wroteElement(now, e, q)
		out.Origin = o.path
	}
	if err != nil {
		return out, err
	}
	out.Chain, err = k.chain(ctx, o, q)
	return out, err
}

// wroteLedger finds the last record that wrote an element of the ledger, which
// is told by the log alone.
func (k *Kernel) wroteLedger(p rmg.Path, prop string) (uint64, error) {
	var last uint64
	for r, err := range k.Records(1, 0) {
		if err != nil {
			return 0, err
		}
		hit := slices.ContainsFunc(r.Ops, func(op rewrite.Op) bool { return reaches(op, p, prop) })
		if id, ok := strings.CutPrefix(r.View, "sws:"); ok {
			// A record of a workspace moves its head, which no op says.
			hit = p == swsPath(id) && slices.Contains([]string{"", "head", "digest", "records"}, prop)
		}
		if hit {
			last = r.Seq
		}
	}
	if last == 0 {
		return 0, unwritten(p)
	}
	return last, nil
}

// wroteElement finds the record that wrote a prop or, for an element as a whole,
// the newest of those that made it or set one of its props.
func (k *Kernel) wroteElement(now version, e rmg.Element, q WhyQuery) (origin, error) {
	o := origin{place: place{q.Path, -1}}
	props := []string{q.Prop}
	if q.Prop == "" {
		for name := range e.Props.All() {
			props = append(props, name)
		}
	}
	for _, name := range props {
		if seq, ok := lastWrite(now, q.Path, name); ok {
			o.seq = max(o.seq, seq)
		}
	}
	if o.seq == 0 {
		return o, unwritten(q.Path)
	}
	r, err := k.record(o.seq)
	if err != nil {
		return o, err
	}
	return o, k.lastIn(r, q.Path, q.Prop, &o.steps)
}

// lastIn finds the last record that wrote an element in the workspace that a
// record collapsed, if it is a collapse.
func (k *Kernel) lastIn(r Record, p rmg.Path, prop string, steps *[]workStep) error {
	s, ok := k.collapsedBy(r)
	if !ok {
		return nil
	}
	heads, err := k.headsOf(s)
	if err != nil {
		return err
	}
	for i := len(heads) - 1; i > 0; i-- {
		a, _ := heads[i-1].world.Get(p)
		b, ok := heads[i].world.Get(p)
		was, _ := a.Props.Get(prop)
		is, _ := b.Props.Get(prop)
		if !ok || prop != "" && was.Equal(is) || prop == "" && a.Kind == b.Kind && a.Props.Equal(b.Props) {
			continue
		}
		in, err := k.record(heads[i].seq)
		if err != nil {
			return err
		}
		*steps = append(*steps, workStep{s.id, in.Seq})
		return k.lastIn(in, p, prop, steps)
	}
	return nil
}

// chain tells what led to something: nearest first, the intent last.
func (k *Kernel) chain(ctx context.Context, o origin, q WhyQuery) ([]Reason, error) {
	r, err := k.record(o.seq)
	if err != nil {
		return nil, err
	}
	out := []Reason{recordReason(r)}
	for _, seq := range o.moved {
		m, err := k.record(seq)
		if err != nil {
			return nil, err
		}
		out = append(out, Reason{Kind: ReasonMoved, Seq: m.Seq, At: m.At, Author: m.Author, Cause: m.Cause, Text: fmt.Sprintf("%s moved it from %s: %s", m.Author, o.path, firstLine(m.Reason))})
	}
	for _, st := range o.steps {
		list, err := k.stepReasons(st)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	if r.Cause == "sync" {
		return append(out, k.commitReason(ctx, r, o, q)...), nil
	}
	triggers, r, err := k.triggers(r)
	if err != nil {
		return nil, err
	}
	out = append(out, triggers...)
	if seq, ok := undoes(r); ok {
		if u, err := k.record(seq); err == nil {
			out = append(out, Reason{Kind: ReasonUndo, Seq: u.Seq, At: u.At, Author: u.Author, Cause: u.Cause, Text: "as it was before record " + byWhom(u)})
		}
	}
	return append(out, k.processReasons(r)...), nil
}

// triggers tell what a rule fired on that wrote a record by itself, and what that was
// made by if it was a rule again: down to the record of somebody else, which is
// returned. Without a rule that is r.
func (k *Kernel) triggers(r Record) (out []Reason, last Record, err error) {
	for strings.HasPrefix(r.Author, ruleCaller) {
		v, err := ParseVersion(r.Cause)
		if err != nil || v.Seq == 0 || v.Seq >= r.Seq {
			break
		}
		if r, err = k.record(v.Seq); err != nil {
			return nil, r, err
		}
		if why := recordReason(r); len(out) < maxTriggers || !strings.HasPrefix(r.Author, ruleCaller) {
			why.Kind = ReasonTrigger
			why.Text = "because of " + byWhom(r)
			out = append(out, why)
		}
	}
	return out, r, nil
}

// maxTriggers is how many rules that fired on each other are told of, before the
// record that all began with.
const maxTriggers = 10

func recordReason(r Record) Reason {
	text := r.Author + " wrote it"
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	return Reason{Kind: ReasonRecord, Seq: r.Seq, At: r.At, Author: r.Author, Cause: r.Cause, Text: text}
}

// stepReasons tell of a record in a workspace: which task and attempt wrote it
// there, by which worker, and what the workspace was made for.
func (k *Kernel) stepReasons(st workStep) ([]Reason, error) {
	r, err := k.record(st.seq)
	if err != nil {
		return nil, err
	}
	w := Reason{Kind: ReasonWork, Seq: r.Seq, At: r.At, Author: r.Author, Cause: r.Cause, Space: st.space}
	text := fmt.Sprintf("in workspace %s, %s", st.space, r.Author)
	if id, task, ok := strings.Cut(r.Cause, "/"); ok && strings.HasPrefix(id, "p") {
		w.Process, w.Task = id, task
		k.attemptAt(&w)
		text = fmt.Sprintf("in workspace %s, attempt %d of task %s, by %s", st.space, w.Attempt, task, r.Author)
		if w.Model != "" {
			text += " with model " + w.Model
		}
		if w.Prompt != "" {
			text += " (prompt " + short(w.Prompt) + ")"
		}
	}
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	w.Text = text
	out := []Reason{w}
	e, ok := k.now().ledger.Get(swsPath(st.space))
	if why := e.Props.String("reason"); ok && why != "" && why != r.Reason && strings.HasPrefix(e.Props.String("from"), "sws:") {
		out = append(out, Reason{Kind: ReasonFork, Space: st.space, Author: e.Props.String("owner"), Process: w.Process, Text: st.space + " was made as " + why})
	}
	return out, nil
}

// attemptAt finds the attempt that was under way when a record was written, and
// what it recorded of how it came about.
func (k *Kernel) attemptAt(w *Reason) {
	v, ok := k.versionAt(w.Seq)
	if !ok {
		return
	}
	at := procPath(w.Process).Child(w.Task)
	e, ok := v.ledger.Get(at)
	if !ok {
		return
	}
	a, n := lastAttempt(e.Graph)
	w.Attempt, w.Worker = n, a.Props.String("worker")
	// Its result came later.
	if a, ok = k.now().ledger.Get(at.Child(strconv.Itoa(n))); ok {
		out, _ := a.Props.Get("output")
		facts, _ := out.AsMap()
		w.Model, w.Prompt = facts.String("model"), facts.String("prompt")
	}
}

// commitReason traces what a sync brought in to its commit. What git cannot tell
// is told as that.
func (k *Kernel) commitReason(ctx context.Context, r Record, o origin, q WhyQuery) []Reason {
	root, ok := branchOf(o.path)
	if !ok {
		return nil
	}
	after, err := k.worldAfter(r.Seq)
	if err != nil {
		return nil
	}
	repo, _ := after.Get(root.Parent())
	branch, ok := after.Get(root)
	if !ok {
		return nil
	}
	name, ok := relTo(root, o.path)
	if !ok {
		return nil
	}
	if name == "" {
		name = "."
	}
	top, commit := repo.Props.String(propOrigin), branch.Props.String(propGitBase)
	line, err := k.lineInCommit(ctx, after, top, commit, root, o)
	if err == nil {
		var c Commit
		if c, err = k.opt.Worktree.Blame(ctx, top, commit, name, line); err == nil {
			text := fmt.Sprintf("%s wrote it in commit %s of %s: %s", c.Author, short(c.ID), top, c.Subject)
			if c.Process != "" {
				text += fmt.Sprintf(" (landed by JITOS from seq %d of %s)", c.Seq, c.Process)
			}
			return []Reason{{Kind: ReasonCommit, Author: c.Author, Commit: c.ID, Text: text}}
		}
	}
	return []Reason{{Kind: ReasonCommit, Commit: commit, Text: fmt.Sprintf("it came with commit %s of %s; git says no more: %v", short(commit), top, err)}}
}

// lineInCommit is the number, from 1, of a line in the commit that was synced:
// what was merged with it may have put others before it. 0 for the whole.
func (k *Kernel) lineInCommit(ctx context.Context, after rmg.Graph, top, commit string, root rmg.Path, o origin) (int, error) {
	if o.line < 0 {
		return 0, nil
	}
	tree, err := k.opt.Worktree.Tree(ctx, top, commit)
	if err != nil {
		return 0, err
	}
	theirs, ok := planted(root, tree).Get(o.path)
	here, has := after.Get(o.path)
	if !ok || !has {
		return 0, unwritten(o.path)
	}
	line, err := k.sameLine(theirs, here, o.line)
	if err == nil && line < 0 {
		return 0, unwritten(o.path)
	}
	return line + 1, err
}

// processReasons tell what stands behind a collapse: what the tasks did, what
// was proven, who let it in, where it landed, and what was asked for.
func (k *Kernel) processReasons(r Record) []Reason {
	id := r.Cause
	if at := holderOf(r); at.Parent() == procRoot {
		id = at.Base().ID
	}
	id, _, _ = strings.Cut(id, "/")
	p, err := k.Process(id)
	if err != nil {
		if spaceOf(r) != "" {
			return []Reason{{Kind: ReasonApproval, Author: r.Author, Text: "approved by " + r.Author + ", who collapsed it; nothing of a repository changed, so there were no gates"}}
		}
		return nil
	}
	var out []Reason
	for _, t := range p.Tasks {
		if t.Summary != "" {
			out = append(out, Reason{Kind: ReasonTask, Cause: p.ID + "/" + t.ID, Author: "worker:" + t.Worker, Process: p.ID, Task: t.ID, Worker: t.Worker, Attempt: t.Attempts, Text: t.ID + ": " + t.Summary})
		}
	}
	if len(p.Evidence) > 0 {
		var names []string
		for _, e := range p.Evidence {
			names = append(names, e.Gate)
		}
		out = append(out, Reason{Kind: ReasonProof, Process: p.ID, Author: "kernel", Cause: p.ID, Text: "proven by " + strings.Join(names, ", "), Evidence: p.Evidence})
	}
	out = append(out, k.approval(p))
	if p.Commit != "" {
		text := "landed as commit " + short(p.Commit) + " on " + p.LandedOn
		if p.LandedOn == "" {
			text = "handed out as a patch of commit " + short(p.Commit)
		}
		out = append(out, Reason{Kind: ReasonLanding, Process: p.ID, Author: "kernel", Cause: p.ID, Commit: p.Commit, Text: text})
	}
	born, _ := strconv.ParseUint(strings.TrimPrefix(p.ID, "p"), 10, 64)
	return append(out, Reason{Kind: ReasonIntent, Seq: born, At: p.Started, Author: p.Owner, Process: p.ID, Text: fmt.Sprintf("because %s asked: %q", p.Owner, p.Text)})
}

// approval says who let a change in.
func (k *Kernel) approval(p Process) Reason {
	out := Reason{Kind: ReasonApproval, Process: p.ID, Author: p.Owner, Cause: p.ID}
	if p.Plan == nil {
		out.Text = "approved by " + p.Owner + ", who collapsed it by hand"
	} else {
		out.Author, out.Text = "kernel", "no person was asked: its gates were green"
	}
	for _, e := range p.Evidence { // an answer is one of them, by the id of its question
		i := slices.IndexFunc(p.Approvals, func(a Approval) bool { return e.Kind == work.GateAnswer && e.Green && e.Gate == "approval "+a.ID })
		if i >= 0 {
			out.Author, out.Text = p.Approvals[i].By, answered(p.Approvals[i])
		}
	}
	return out
}

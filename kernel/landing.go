package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// The commit's author, when a process lands.
const landAuthor = "JITOS <jitos@localhost>"

// land brings a collapse record into the repository: the commit is prepared,
// the landing is recorded, done, and recorded as done. The branch's queue is
// held. It reports whether the whole collapse has to be tried again.
func (k *Kernel) land(ctx context.Context, c *collapse, l landing, round int, out *Collapsed) (again bool, err error) {
	// From here on a person's cancel comes too late: half a landing is worse.
	ctx = context.WithoutCancel(ctx)
	rec, err := k.record(l.seq)
	if err != nil {
		return false, err
	}
	data, commit, err := k.opt.Worktree.Prepare(ctx, LandRequest{
		ID: fmt.Sprintf("%s-%d", c.process, l.seq), Top: c.top, Branch: c.branch, Tip: l.tip, Old: l.old, New: l.next,
		Message: k.hooked(c, l.seq, out.Evidence), Author: landAuthor, AtUnix: rec.At.Unix(),
	})
	if err != nil {
		return false, k.takeBack(ctx, c, l, unlanding{why: "the commit could not be made", err: err})
	}
	_, err = k.system(ctx, "kernel", c.process, "landing begins: "+short(commit), []rewrite.Op{
		setOp(procPath(c.process), map[string]rmg.Value{"landing": rmg.Bytes(data), "commit": rmg.String(commit)}),
	})
	if err != nil {
		return false, err
	}
	if c.land != landCommit {
		return false, k.landBeside(ctx, c, l, data, commit, out)
	}
	got, err := k.opt.Worktree.Land(ctx, data)
	if err != nil {
		// It is not known how far it came: settle it as a restart would.
		k.log.Warn("landing", "process", c.process, "err", err)
		if got, err = k.opt.Worktree.Resume(ctx, data); err != nil {
			return false, err
		}
	}
	switch {
	case got.Result == "landed":
		out.Commit, out.LandedOn = commit, c.branch
		return false, k.recordLanded(ctx, c.process, c.root, commit, c.branch)
	case got.Result == "moved" && round < 2*maxRounds:
		return true, k.takeBack(ctx, c, l, unlanding{})
	}
	u := unlanding{branch: "jitos/" + c.process, commit: commit, why: "the branch kept moving"}
	if got.Result == "blocked" {
		u.why = "your uncommitted work stands on " + some(got.Paths)
	}
	if err := k.parkAt(ctx, c, data, u.branch); err != nil {
		u.branch, u.commit, u.why = "", "", u.why+"; the commit could not be kept on a branch: "+err.Error()
	}
	out.Commit, out.LandedOn = commit, u.branch
	return false, k.takeBack(ctx, c, l, u)
}

// message is the landed commit's; with seq 0 without the record that it is of.
func (k *Kernel) message(c *collapse, seq uint64) string {
	var b strings.Builder
	text := c.reason
	if p, err := k.Process(c.process); err == nil {
		text = p.Text
	}
	fmt.Fprintf(&b, "%s\n\n", strings.TrimSpace(firstLine(text)))
	for _, line := range k.story(c.process) {
		fmt.Fprintf(&b, "%s\n", line)
	}
	fmt.Fprintf(&b, "\nJitos-Process: %s\n", c.process)
	if seq != 0 {
		fmt.Fprintf(&b, "Jitos-Seq: %d\n", seq)
	}
	return b.String()
}

// story tells, for the commit message, what the tasks say they did.
func (k *Kernel) story(process string) []string {
	p, err := k.Process(process)
	if err != nil {
		return nil
	}
	var out []string
	for _, t := range p.Tasks {
		lost := t.Lane != 0 && p.laneSpace(t.Lane) != p.Workspace
		if t.Summary != "" && !lost {
			// In one line, and not at its begin: git am takes some lines for a patch.
			out = append(out, fmt.Sprintf("%s: %s", plainID(t.Task), strings.Join(strings.Fields(t.Summary), " ")))
		}
	}
	return out
}

// recordLanded notes a landing that is done: git and the world agree again.
func (k *Kernel) recordLanded(ctx context.Context, process string, root rmg.Path, commit, branch string) error {
	_, err := k.system(ctx, "kernel", process, "landed "+short(commit)+" on "+branch, []rewrite.Op{
		setOp(procPath(process), map[string]rmg.Value{
			"landed": rmg.Bool(true), "commit": rmg.String(commit), "landed_on": rmg.String(branch), "landing": {}, "unlanded": {}, "failed": {}, "why": {}, "code": {},
		}),
		setOp(root, map[string]rmg.Value{propGitBase: rmg.String(commit)}),
	})
	return err
}

// takeBack takes a collapse's change of its branch out of the world again. With
// a reason the process ends as unlanded and its tree stands on jitos/<process>;
// without one the workspace is open again for another round.
func (k *Kernel) takeBack(ctx context.Context, c *collapse, l landing, u unlanding) error {
	e, ok := k.now().world.Get(c.root)
	if !ok {
		return &rmg.Error{Op: "take back", Path: c.root, Code: rmg.Internal, Msg: "the branch is gone"}
	}
	var ops []rewrite.Op
	if c.land == landCommit { // else the change never stood on the branch
		ops = branchOps(c.root, e.Graph, l.old)
	}
	props := map[string]rmg.Value{"landing": {}, "collapse": {}, "commit": {}}
	reason := "taken back: the branch moved"
	if why := u.text(); why != "" {
		reason = "unlanded: " + why
		props["unlanded"], props["why"], props["code"] = rmg.Bool(true), textValue(why), rmg.String(string(u.code()))
	}
	if u.pushed != "" {
		props[propPushed] = rmg.String(u.pushed)
	}
	if u.branch != "" {
		props["landed_on"], props["commit"], props[propParked] = rmg.String(u.branch), rmg.String(u.commit), rmg.String(u.commit)
		side := c.sidePath()
		old := rmg.Graph{}
		if s, ok := k.now().world.Get(side); ok {
			old = s.Graph
		} else {
			ops = append(ops, addOp(side, rewrite.KindDir, nil))
		}
		ops = append(ops, branchOps(side, old, l.next)...)
	}
	ops = append(ops, restoreOp(c.space), setOp(procPath(c.process), props))
	_, err := k.system(ctx, "kernel", c.process, reason, ops)
	return err
}

// settleLandings finishes or takes back, at start, what a crash left between a
// collapse record and its landed record.
func (k *Kernel) settleLandings(ctx context.Context) error {
	e, ok := k.now().ledger.Get(procRoot)
	if !ok {
		return nil
	}
	for n := range e.Graph.Nodes("") {
		if n.Kind != kindProcess || !cutOff(n.Props) {
			continue
		}
		if err := k.settle(ctx, n); err != nil {
			k.log.Error("a landing could not be settled", "process", n.ID, "err", err)
			q := k.queueOf(refOf(n.Props, "root")) // nobody else is here yet
			q.cut = append(q.cut, n.ID)
		}
	}
	return nil
}

// cutOff says whether a process has a collapse of which it is not recorded what became
// of it in the repository.
func cutOff(p rmg.Props) bool {
	return p.Int("collapse") != 0 && !p.Bool("landed") && !p.Bool("unlanded") && !p.Bool("done")
}

// settleCut settles, for who has a branch's token, the landings that an error cut off
// while the daemon went on: the log took no more, for one.
func (k *Kernel) settleCut(ctx context.Context, q *branchQueue) error {
	for ; len(q.cut) > 0; q.cut = q.cut[1:] {
		n, ok := k.now().ledger.Get(procPath(q.cut[0]))
		if !ok || !cutOff(n.Props) {
			continue
		}
		if err := k.settle(context.WithoutCancel(ctx), n); err != nil {
			return fmt.Errorf("the landing of %s was cut off, and cannot be settled yet: %w", n.ID, err)
		}
		k.moved(q)
	}
	return nil
}

// settle deals with one process whose collapse has no landed record.
func (k *Kernel) settle(ctx context.Context, n rmg.Element) error {
	p := n.Props
	seq := uint64(p.Int("collapse"))
	c := &collapse{
		process: n.ID, space: refOf(p, "sws").Base().ID, root: refOf(p, "root"), top: p.String("top"), branch: p.String("branch"), land: p.String("land"),
	}
	before, ok := k.versionAt(seq - 1)
	after, has := k.versionAt(seq)
	if !ok || !has {
		return &rmg.Error{Op: "settle", Code: rmg.Internal, Msg: fmt.Sprintf("no version at seq %d", seq)}
	}
	if c.land != landCommit {
		return k.settleBeside(ctx, n, c, before, after)
	}
	old, err := treeAt(before.world, c.root)
	if err != nil {
		return err
	}
	next, err := treeAt(after.world, c.root)
	if err != nil {
		return err
	}
	if old.Same(next) {
		return k.recordDone(n.ID, "nothing of the repository changed", 0)
	}
	if now, err := treeAt(k.now().world, c.root); err != nil || p.Bool("failed") && !now.Same(next) {
		return err // an older daemon let others build on it: it landed with what they did
	}
	l := landing{seq: seq, old: old, next: next}
	v, _ := p.Get("landing")
	data, ok := v.AsBytes()
	if !ok {
		return k.takeBack(ctx, c, l, unlanding{})
	}
	got, err := k.opt.Worktree.Resume(ctx, data)
	if err != nil {
		return k.takeBack(ctx, c, l, unlanding{why: "the landing was cut off and could not be resumed", err: err})
	}
	if got.Result == "landed" {
		return k.recordLanded(ctx, n.ID, c.root, p.String("commit"), c.branch)
	}
	return k.takeBack(ctx, c, l, unlanding{})
}

// recordByHand puts a process without a plan into the ledger, and gives its seq.
func (k *Kernel) recordByHand(ctx context.Context, p Process, root rmg.Path) (string, uint64, error) {
	slaps, err := json.Marshal(p.SLAPS)
	if err != nil {
		return "", 0, err
	}
	var id string
	rec, err := k.systemWith(ctx, p.Owner, p.Workspace, p.Text, func(f *fold, seq uint64) ([]rewrite.Op, error) {
		id = fmt.Sprintf("p%d", seq)
		return []rewrite.Op{addOp(procPath(id), kindProcess, map[string]rmg.Value{
			"text": rmg.String(p.Text), "owner": rmg.String(p.Owner), "slaps": rmg.String(string(slaps)), "root": rmg.Ref(root),
			"top": rmg.String(p.Top), "branch": rmg.String(p.Branch), "sws": rmg.Ref(swsPath(p.Workspace)), "land": rmg.String(p.Land),
			"epoch": rmg.Int(int64(k.epoch)), "started_ms": rmg.Int(k.lastAt.UnixMilli()),
		})}, nil
	})
	return id, rec.Seq, err
}

// proveTask is the kernel's own task: prove the process's workspace, collapse
// it, land it.
func (k *Kernel) proveTask(ctx context.Context, r *run, p Process, t tasks.Task, at rmg.Path, token string, arrival uint64) error {
	e, _ := k.now().ledger.Get(procPath(p.ID))
	root := refOf(e.Props, "root")
	gates, err := criteriaGates(p.criteria(), root, e.Props.String("module"))
	if err != nil {
		return err
	}
	c := &collapse{
		process: p.ID, arrival: arrival, strict: p.Isolation == isolationSerializable, space: p.laneSpace(t.Lane), author: "kernel", cause: p.ID, reason: "collapse of " + p.laneSpace(t.Lane) + ": " + p.Text, root: root,
		top: p.Top, branch: p.Branch, land: p.Land, gates: gates, rights: p.Rights,
		emit: func(ev work.Event) { ev.Task = t.ID; k.say(r, ev) },
		ask:  p.ask, words: wordsOf(p.criteria()), limit: time.Duration(t.TimeoutMillis) * time.Millisecond,
	}
	if err := k.findHooks(ctx, c); err != nil {
		return err
	}
	c.done = []rewrite.Op{setOp(at, map[string]rmg.Value{"result": rmg.String(resultOK), "summary": rmg.String("every gate is green; collapsed")})}
	out, err := k.collapse(ctx, c)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && !isLimit(cause) && !errors.Is(cause, errLost) {
			return cause
		} else if cause != nil {
			err = cause
		}
		res := work.Result{Summary: err.Error(), Reasons: []string{err.Error()}}
		_, rerr := k.endAttempt(p, t, at, token, res)
		return orError(rerr, err)
	}
	if out.Commit == "" {
		return k.recordDone(p.ID, "collapsed; nothing of the repository changed", 0)
	}
	return nil
}

// criteria are those of the intent, or else of its plan.
func (p Process) criteria() []tasks.Criterion {
	if p.Plan != nil && len(p.Plan.Success) > 0 {
		return p.Plan.Success
	}
	return p.SLAPS.Success
}

// afterNothing ends a process whose worker found nothing to do, once the
// kernel has seen it too: the tests that the intent is about are green.
func (k *Kernel) afterNothing(ctx context.Context, r *run, p Process, t tasks.Task, res work.Result) error {
	if !res.Nothing {
		return nil
	}
	e, _ := k.now().ledger.Get(procPath(p.ID))
	root := refOf(e.Props, "root")
	gates, err := criteriaGates(p.criteria(), root, e.Props.String("module"))
	if err != nil {
		return err
	}
	tree, err := treeAt(k.now().world, root)
	if err != nil {
		return err
	}
	lane, free, err := k.queueOf(root).lane(ctx)
	if err != nil {
		return err
	}
	defer free()
	pr := proof{
		name: gatePlace(root, lane), base: tree, next: tree, emit: func(ev work.Event) { ev.Task = t.ID; k.say(r, ev) },
	}
	for _, g := range gates {
		if g.Kind == work.GateTest && g.NewTest {
			return &rmg.Error{Op: t.ID, Code: rmg.GateFailed, Msg: "the worker found nothing to do, and a new test was asked for"}
		}
		if g.Kind != work.GateTest || !g.RedBefore {
			continue
		}
		list, err := k.run(ctx, pr, tree, []work.Gate{g})
		if err != nil {
			return err
		}
		if list[0].Exit != 0 || len(list[0].Tests) == 0 {
			return &rmg.Error{Op: t.ID, Code: rmg.GateFailed, Msg: "the worker found nothing to do, but the kernel's own run is red: " + list[0].Reason}
		}
	}
	k.say(r, work.Event{Task: t.ID, Text: "nothing to change: " + res.Summary})
	return k.recordDone(p.ID, "nothing to change: "+res.Summary, 0)
}

// recordDone ends a process that has nothing to land.
func (k *Kernel) recordDone(id, why string, tool time.Duration) error {
	_, err := k.systemWith(context.WithoutCancel(k.ctx), "kernel", id, why, func(f *fold, _ uint64) ([]rewrite.Op, error) {
		ops := []rewrite.Op{setOp(procPath(id), map[string]rmg.Value{"done": rmg.Bool(true), "why": textValue(why)})}
		return append(ops, f.leftovers(id, "done: "+why)...), nil
	})
	return err
}

// recordEnd ends a process that was collapsed by hand.
func (k *Kernel) recordEnd(id string, out Collapsed, tool time.Duration) error {
	if out.Commit == "" {
		return k.recordDone(id, "collapsed; nothing to land", tool)
	}
	return k.recordTimes(id, tool, nil, Spent{})
}

// recordTimes notes when a process ended, how long tools ran, and what it spent.
func (k *Kernel) recordTimes(id string, tool time.Duration, lines []byte, spent Spent) error {
	props := map[string]rmg.Value{"tool_ms": rmg.Int(tool.Milliseconds())}
	if spent != (Spent{}) {
		props[propSpent] = spent.value()
	}
	if len(lines) > 0 {
		b, err := k.putBytes(lines)
		if err != nil {
			return err
		}
		props["lines"] = rmg.BlobOf(b)
	}
	_, err := k.systemWith(context.WithoutCancel(k.ctx), "kernel", id, id+" ended", func(f *fold, _ uint64) ([]rewrite.Op, error) {
		props["ended_ms"] = rmg.Int(k.lastAt.UnixMilli())
		return []rewrite.Op{setOp(procPath(id), props)}, nil
	})
	return err
}

// recordFailure ends a process that failed, with the reason and its code; its
// workspaces are discarded, and can be restored.
func (k *Kernel) recordFailure(id string, cause error, tool time.Duration) error {
	code, why := codeOf(cause), whyOf(cause)
	_, err := k.systemWith(context.WithoutCancel(k.ctx), "kernel", id, "failed: "+cause.Error(), func(f *fold, _ uint64) ([]rewrite.Op, error) {
		ops := []rewrite.Op{setOp(procPath(id), map[string]rmg.Value{
			"failed": rmg.Bool(true), "why": textValue(why), "code": rmg.String(string(code)),
		})}
		return append(ops, f.leftovers(id, "failed: "+cause.Error())...), nil
	})
	if err != nil {
		k.drop(id, err)
	} else {
		k.things.end(id)
	}
	return err
}

// leftovers discards the open workspaces of a process that has ended.
func (f *fold) leftovers(id, why string) []rewrite.Op {
	e, ok := f.ledger.Get(swsRoot)
	if !ok {
		return nil
	}
	var ops []rewrite.Op
	for n := range e.Graph.Nodes("") {
		if n.Props.String("process") == id && spaceState(n.Props) == spaceOpen {
			ops = append(ops, discardOp(n.ID, why))
		}
	}
	return ops
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

package kernel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// finish records how a process that was driven ended. One that was cut off by
// the daemon's own stop leaves no record: it is interrupted, and can be retried.
func (k *Kernel) finish(ctx context.Context, r *run, err error, tool time.Duration) {
	stopped := errors.Is(err, errStopped) || k.ctx.Err() != nil && !errors.Is(context.Cause(ctx), errCancelled)
	if stopped {
		return
	}
	p, perr := k.Process(r.id)
	if perr != nil {
		return
	}
	var rerr error
	switch {
	case errors.Is(err, errCancelled) || errors.Is(context.Cause(ctx), errCancelled):
		var by cancelling
		errors.As(context.Cause(ctx), &by)
		why := "cancelled"
		for _, more := range []string{p.undone(), p.closed()} {
			if more != "" {
				why += "; " + more
			}
		}
		rerr = k.recordCancelled(by.once, r.id, why)
		k.say(r, work.Event{Text: why})
	case err != nil && p.Status != "unlanded":
		rerr = k.recordFailure(r.id, err, tool)
		k.say(r, work.Event{Text: "failed: " + err.Error()})
	default:
		_, rerr = k.systemWith(context.WithoutCancel(ctx), "kernel", r.id, "what is left open of "+r.id+" is dropped", func(f *fold, _ uint64) ([]rewrite.Op, error) {
			ops := f.leftovers(r.id, "the process has ended")
			if len(ops) == 0 {
				return nil, errNothing
			}
			return ops, nil
		})
		if errors.Is(rerr, errNothing) {
			rerr = nil
		}
	}
	if rerr == nil {
		rerr = k.recordTimes(r.id, tool, encodeLines(r), r.spent.total())
	}
	if rerr != nil {
		k.drop(r.id, rerr)
	}
}

// drop gives up a process whose end could not be recorded, as on a full disk: it
// is interrupted, as after a restart, so that it can be retried or cancelled.
func (k *Kernel) drop(id string, err error) {
	k.log.Error("the end of a process could not be recorded", "process", id, "err", err)
	k.runs.Lock()
	defer k.runs.Unlock()
	k.runs.dropped[id] = true
}

// isDropped reports whether nothing drives a process of this epoch any more.
func (k *Kernel) isDropped(id string) bool {
	k.runs.Lock()
	defer k.runs.Unlock()
	return k.runs.dropped[id]
}

// errNothing tells systemWith that there is nothing to record.
var errNothing = errors.New("nothing to record")

func (k *Kernel) recordCancelled(once Once, id, why string) error {
	_, err := k.systemOnce(context.WithoutCancel(k.ctx), once, "kernel", id, why, func(f *fold, _ uint64) ([]rewrite.Op, error) {
		ops := []rewrite.Op{setOp(procPath(id), map[string]rmg.Value{"cancelled": rmg.Bool(true), "why": textValue(why)})}
		return append(ops, f.leftovers(id, why)...), nil
	})
	if err == nil {
		k.things.end(id)
	}
	return err
}

// Cancel stops a process: its workers' process groups are killed, its
// workspaces discarded. A landing under way is finished first, and what has begun
// and has a way back is undone first, which takes as long as that does.
func (k *Kernel) Cancel(ctx context.Context, c Caller, id string) (Process, error) {
	once, err := onceOf(c, "cancel", id)
	if err != nil {
		return Process{}, err
	}
	p, err := k.Process(id)
	if err != nil {
		return Process{}, err
	}
	if _, done, err := k.answered(once); done || err != nil {
		return p, err
	}
	if err := k.may(c, CapIntent, VerbIntent, p.root(), kindProcess, p.facts("")); err != nil {
		return Process{}, err
	}
	k.runs.Lock()
	r, live := k.runs.live[id]
	k.runs.Unlock()
	switch {
	case live:
		r.cancel(cancelling{once})
		if p, err = k.Wait(ctx, id); err == nil && k.isDropped(id) {
			err = &rmg.Error{
				Op: "cancel", Path: procPath(id), Code: rmg.Unavailable, Msg: "it is stopped, which could not be recorded: it is interrupted, not cancelled",
				Hint: "once there is room on the disk: jitos cancel " + id,
			}
		}
		return p, err
	case (p.Status == "interrupted" || p.Status == "waiting") && p.toUndo():
		back := wayBack{From: p.owed(), Why: "cancelled by " + c.Name}
		if p.back != nil {
			back = *p.back
		}
		back.Cancelled = true
		if _, err := k.resume(ctx, c, once, p, "cancelled by "+c.Name+", and undone", &back); err != nil {
			return Process{}, err
		}
		return k.Wait(ctx, id)
	case p.Status == "interrupted" || p.Status == "waiting":
		if err := k.recordCancelled(once, id, "cancelled by "+c.Name); err != nil {
			return Process{}, err
		}
	default:
		return Process{}, &rmg.Error{Op: "cancel", Path: procPath(id), Code: rmg.Conflict, Msg: "the process has ended already: " + p.Status}
	}
	return k.Process(id)
}

// Retry drives a process again from its last accepted results.
func (k *Kernel) Retry(ctx context.Context, c Caller, id string) (Process, error) {
	once, end, err := k.inTurn(ctx, c, "retry", id)
	if err != nil {
		return Process{}, err
	}
	defer end()
	p, err := k.Process(id)
	if err != nil {
		return Process{}, err
	}
	if _, done, err := k.answered(once); done || err != nil {
		return p, err
	}
	switch p.Status {
	case "interrupted", "failed", "cancelled", "unlanded":
	default:
		return Process{}, &rmg.Error{Op: "retry", Path: procPath(id), Code: rmg.Conflict, Msg: "the process is " + p.Status, Hint: "only one that is interrupted, failed, cancelled or unlanded can be tried again"}
	}
	if err := k.may(c, CapIntent, VerbIntent, p.root(), kindProcess, p.facts("")); err != nil {
		return Process{}, err
	}
	if p.Plan == nil {
		return Process{}, &rmg.Error{Op: "retry", Path: procPath(id), Code: rmg.Invalid, Msg: "it was a collapse by hand", Hint: "jitos sws collapse " + p.Workspace}
	}
	if p.back != nil && len(p.backLeft()) == 0 && p.Status != "interrupted" {
		return Process{}, &rmg.Error{Op: "retry", Path: procPath(id), Code: rmg.Conflict, Msg: "what it did was " + p.undone() + ", so there is nothing to go on from", Hint: "jitos intent begins anew"}
	}
	// What changed meanwhile may ask for another plan: a worker that is gone, another
	// head. What failed is tried again: a person asks for it.
	reason := "retry of " + id
	m, merr := k.otherWay(p, nil, nil)
	if merr != nil || !m.Changed() {
		m = nil
	} else {
		reason += ", by " + namesOf(m) + ", since things are otherwise now"
	}
	return k.resumeBy(ctx, c, once, p, reason, nil, m)
}

// resume drives a process again that nothing drives, on the way back if one is
// given or it is on one.
func (k *Kernel) resume(ctx context.Context, c Caller, once Once, p Process, reason string, back *wayBack) (Process, error) {
	return k.resumeBy(ctx, c, once, p, reason, back, nil)
}

// resumeBy is resume with another plan in the place of the process's, if one is given.
func (k *Kernel) resumeBy(ctx context.Context, c Caller, once Once, p Process, reason string, back *wayBack, m *tasks.Mended) (Process, error) {
	id := p.ID
	_, err := k.systemOnce(ctx, once, c.Name, id, reason, func(f *fold, _ uint64) ([]rewrite.Op, error) {
		e, ok := f.ledger.Get(procPath(id))
		if !ok {
			return nil, &rmg.Error{Op: "retry", Path: procPath(id), Code: rmg.NotFound, Msg: "the process is gone"}
		}
		ops := []rewrite.Op{setOp(procPath(id), map[string]rmg.Value{
			"epoch": rmg.Int(int64(k.epoch)), "failed": {}, "cancelled": {}, "unlanded": {}, "done": {}, "why": {}, "code": {},
			"collapse": {}, "commit": {}, "landed_on": {}, propPatch: {}, propURL: {}, "ended_ms": {}, "lines": {},
			propEvicted: {}, propBeaten: {}, propBeatenBy: {}, propChanged: {}, propRefused: {},
		})}
		for lane := range max(1, len(p.Lanes)) {
			id := p.laneSpace(lane + 1)
			if s, ok := f.ledger.Get(swsPath(id)); ok && spaceState(s.Props) != spaceOpen {
				if err := f.contentsKept(id); err != nil {
					return nil, err
				}
				ops = append(ops, restoreOp(id))
			}
		}
		if back != nil {
			ops = append(ops, back.ops(p)...)
		}
		ops = append(ops, reopened(procPath(id), e.Graph, p)...)
		if m == nil {
			return ops, nil
		}
		other, err := f.mendOps(p, m, false)
		return append(ops, other...), err
	})
	if err != nil {
		return Process{}, err
	}
	k.launch(id)
	return k.Process(id)
}

// reopened closes attempts that never answered, and takes the kernel's own
// result back, so that it proves and collapses anew.
func reopened(at rmg.Path, g rmg.Graph, p Process) []rewrite.Op {
	var ops []rewrite.Op
	for _, t := range p.Tasks {
		e, ok := g.Node(t.ID)
		if !ok {
			continue
		}
		a, n := lastAttempt(e.Graph)
		if n == 0 {
			continue
		}
		if a.Props.String("result") == "" || t.Worker == workerKernel && t.Action != actionBisect {
			ops = append(ops, setOp(at.Child(t.ID).Child(a.ID), map[string]rmg.Value{
				"result": rmg.String(resultFailed), "summary": rmg.String("cut off; tried again"),
			}))
		}
	}
	return ops
}

// Wait returns when a process is no longer driven.
func (k *Kernel) Wait(ctx context.Context, id string) (Process, error) {
	k.runs.Lock()
	r, live := k.runs.live[id]
	k.runs.Unlock()
	if live {
		select {
		case <-r.done:
		case <-ctx.Done():
			return Process{}, ctx.Err()
		}
	}
	return k.Process(id)
}

// Exec runs a command in a workspace's materialised copy, in the sandbox; what
// it changes becomes a rewrite of the workspace.
func (k *Kernel) Exec(ctx context.Context, c Caller, id string, r ExecRequest, emit func(work.Event)) (int, error) {
	argv := r.Argv
	s, ok := k.space(id)
	e, has := k.now().ledger.Get(swsPath(id))
	if !ok || !has {
		return 0, noSpace(id)
	}
	if st := spaceState(e.Props); st != spaceOpen {
		return 0, &rmg.Error{Op: "exec", Path: swsPath(id), Code: rmg.Conflict, Msg: "the workspace is " + st}
	}
	if len(argv) == 0 {
		return 0, &rmg.Error{Op: "exec", Code: rmg.Invalid, Msg: "there is no command", Hint: "jitos sws exec ID -- go test ./..."}
	}
	root, err := execBranch(s)
	if err != nil {
		return 0, err
	}
	if err := k.within(c, id); err != nil {
		return 0, err
	}
	if err := k.may(c, CapExec, VerbExec, root, kindWorkspace, processFacts{}); err != nil {
		return 0, err
	}
	hosts, err := k.mayConnect(c, r.Network, processFacts{})
	if err != nil {
		return 0, err
	}
	segs := root.Segments()
	home, _ := s.last().world.Get(repoRoot.Child(segs[1].ID))
	top := home.Props.String(propOrigin)
	rights := work.Rights{Workers: []string{"script"}, Write: []string{"**"}, Network: networkOf(hosts), Hosts: hosts}
	args := make([]any, len(argv))
	for i, a := range argv {
		args[i] = a
	}
	res, err := k.opt.Runner.Run(ctx, "script", work.Assignment{
		Task: "exec", Action: "run", Args: map[string]any{"argv": args, "allow_fail": true}, Attempt: 1,
		Repo:   work.Repo{Top: top, Name: segs[1].ID, Branch: segs[2].ID, Root: root, Module: folderIn(s.last().world, root, top, r.In), Target: "."},
		Rights: rights, Budget: budgetOf(tasks.Budget{}), Query: query{k: k},
		Workspace: &handle{k: k, id: id, cause: id, author: c.Name, root: root, rights: rights, caller: c},
		Emit: func(ev work.Event) {
			if emit != nil {
				emit(ev)
			}
		},
	})
	if err != nil {
		return 0, err
	}
	exit := int(res.Output.Int("exit"))
	if !res.OK && exit == 0 {
		return 0, &rmg.Error{Op: "exec", Code: rmg.GateFailed, Msg: orText(res.Summary, "the command did not run")}
	}
	return exit, nil
}

// folderIn is a folder of a repository in a workspace, relative to its top; "." if
// it stands elsewhere, or the workspace has none there.
func folderIn(world rmg.Graph, root rmg.Path, top, dir string) string {
	rel, err := filepath.Rel(top, dir)
	if err != nil || !filepath.IsLocal(rel) {
		return "."
	}
	if rel == "." {
		return rel
	}
	if e, ok := world.Get(root.Join(strings.Split(filepath.ToSlash(rel), "/")...)); !ok || e.Kind != rewrite.KindDir {
		return "."
	}
	return rel
}

// execBranch picks the branch that a command runs in: the one the workspace
// changes, else the only one there is.
func execBranch(s *space) (rmg.Path, error) {
	if root, err := soleBranch(s); err != nil || root != "" {
		return root, err
	}
	var all []rmg.Path
	if e, ok := s.last().world.Get(repoRoot); ok {
		for r := range e.Graph.Nodes("") {
			for b := range r.Graph.Nodes("") {
				all = append(all, repoRoot.Join(r.ID, b.ID))
			}
		}
	}
	switch len(all) {
	case 1:
		return all[0], nil
	case 0:
		return "", &rmg.Error{Op: "exec", Code: rmg.Invalid, Msg: "the workspace has no repository", Hint: "jitos sws new, run in a repository, brings it in"}
	}
	return "", &rmg.Error{Op: "exec", Code: rmg.Invalid, Msg: fmt.Sprintf("the workspace has %d branches and changes none of them", len(all)), Hint: "write a file in the one meant first"}
}

// encodeLines and decodeLines keep a process's progress, one JSON object a line.
func encodeLines(r *run) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, l := range r.lines {
		if enc.Encode(l) != nil {
			continue
		}
	}
	return b.Bytes()
}

func decodeLines(data []byte) []Line {
	var out []Line
	dec := json.NewDecoder(bytes.NewReader(data))
	for {
		var l Line
		if dec.Decode(&l) != nil {
			return out
		}
		out = append(out, l)
	}
}

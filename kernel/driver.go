package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// workerBuiltin is the worker name of what the daemon writes itself.
const workerBuiltin = "builtin"

// workerKernel is the worker name of tasks that the kernel does itself.
const workerKernel = "kernel"

// maxLines is how many lines of progress a process keeps in memory.
const maxLines = 5000

// run is a process that is being driven in this epoch.
type run struct {
	id     string
	cancel context.CancelCauseFunc
	done   chan struct{}
	spent  spending
	failed map[string]bool // tasks that failed for good in this drive; of the goroutine that drives

	mu    sync.Mutex // guards the fields below
	stuck bool       // a task did not fail by itself: see stick
	lines []Line
	last  uint64
	news  chan struct{}
}

// errCancelled is the cause of a context that a person cancelled.
var errCancelled = errors.New("cancelled")

// cancelling is errCancelled with the request that it came by.
type cancelling struct{ once Once }

func (cancelling) Error() string { return errCancelled.Error() }

// Unwrap shows errCancelled.
func (cancelling) Unwrap() error { return errCancelled }

// launch drives a process in a goroutine that Close waits for.
func (k *Kernel) launch(id string) {
	ctx, cancel := context.WithCancelCause(k.ctx)
	r := &run{id: id, cancel: cancel, done: make(chan struct{}), failed: map[string]bool{}, news: make(chan struct{})}
	if p, err := k.Process(id); err == nil {
		r.spent.budget = p.SLAPS.Budget
	}
	k.runs.Lock()
	k.runs.live[id] = r
	delete(k.runs.dropped, id)
	k.runs.Unlock()
	k.owned.Go(func() {
		busy := k.opt.Runner.Busy()
		err := guarded(func() error { return k.drive(ctx, r) })
		if err := guarded(func() error { k.finish(ctx, r, err, k.opt.Runner.Busy()-busy); return nil }); err != nil {
			k.drop(id, err)
		}
		cancel(nil)
		if k.ctx.Err() == nil {
			k.things.end(id)
		}
		k.runs.Lock()
		delete(k.runs.live, id)
		k.runs.Unlock()
		close(r.done)
		r.wake()
	})
}

// say adds a line of progress.
func (k *Kernel) say(r *run, e work.Event) {
	r.mu.Lock()
	r.last++
	r.lines = append(r.lines, Line{N: r.last, At: k.opt.Clock.Now().UTC(), Task: e.Task, Text: e.Text, Data: e.Data})
	if len(r.lines) > maxLines {
		r.lines = r.lines[len(r.lines)-maxLines:]
	}
	r.mu.Unlock()
	r.wake()
}

// stick notes that a task ended in something that a person should look at before it is
// done another way: it was refused what it wanted, or could not be run at all.
func (r *run) stick() {
	r.mu.Lock()
	r.stuck = true
	r.mu.Unlock()
}

func (r *run) isStuck() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stuck
}

func (r *run) wake() {
	r.mu.Lock()
	close(r.news)
	r.news = make(chan struct{})
	r.mu.Unlock()
}

// Lines returns a process's lines of progress after a number, and a channel
// that is closed when there is more; it is nil once the process has ended. The
// lines of an earlier epoch are told from the records.
func (k *Kernel) Lines(id string, after uint64) ([]Line, <-chan struct{}, error) {
	if _, err := k.Process(id); err != nil {
		return nil, nil, err
	}
	k.runs.Lock()
	r, ok := k.runs.live[id]
	k.runs.Unlock()
	if !ok {
		return k.recordedLines(id, after), nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Line
	for _, l := range r.lines {
		if l.N > after {
			out = append(out, l)
		}
	}
	return out, r.news, nil
}

// recordedLines tells a process's story from the log and its tasks' kept
// output.
func (k *Kernel) recordedLines(id string, after uint64) []Line {
	var out []Line
	e, ok := k.now().ledger.Get(procPath(id))
	if !ok {
		return nil
	}
	if b := e.Props.Blob("lines"); b.Size > 0 {
		if data, err := readBlob(k.store, b); err == nil {
			out = decodeLines(data)
		}
	}
	var keep []Line
	for _, l := range out {
		if l.N > after {
			keep = append(keep, l)
		}
	}
	return keep
}

// drive runs a process's tasks as their needs are done, until all are or one
// has failed for good, and then undoes what that asks for, and does what is to be done in
// the end. In a race each lane goes on by itself: the process fails
// when all have, and ends when one has won.
func (k *Kernel) drive(ctx context.Context, r *run) error {
	type ended struct {
		task tasks.Task
		has  *claim
		err  error
	}
	results := make(chan ended)
	active := map[string]bool{}
	first, err := k.Process(r.id)
	if err != nil {
		return err
	}
	if first.back != nil {
		return k.closeUp(r, k.goBack(r))
	}
	ctx, stop := withWall(ctx, first.SLAPS.Budget)
	defer stop()
	lanes := k.startLanes(ctx, first)
	defer lanes.stop(nil)
	for {
		p, err := k.Process(r.id)
		if err != nil {
			return err
		}
		if len(p.Lanes) > 0 && !goesOn(p) {
			lanes.stop(errLost)
		}
		if ctx.Err() == nil {
			for _, t := range k.ready(p, active) {
				if !lanes.running(t.Lane) {
					continue
				}
				active[t.ID] = true
				c := k.things.ask(p.ID, t) // here, so that those of a plan ask in its order
				go func() {
					results <- ended{t, c, guarded(func() error {
						return k.withThings(lanes.ctx[t.Lane], r, t, c, func() error { return k.attempt(lanes.ctx[t.Lane], r, p, t) })
					})}
				}()
			}
		}
		if len(active) == 0 {
			err := orError(lanes.failure(), context.Cause(ctx))
			goesOn, merr := k.mend(ctx, r, err)
			if merr != nil {
				k.say(r, work.Event{Text: "it cannot go on another way: " + firstLine(merr.Error())})
			}
			if !goesOn {
				return k.closeUp(r, k.turnBack(r, err))
			}
			clear(lanes.failed)
			continue
		}
		e := <-results
		delete(active, e.task.ID)
		if errors.Is(e.err, errNotBegun) {
			continue
		}
		if e.err != nil {
			r.failed[e.task.ID] = true
			k.things.withdraw(r.id, e.task.Lane) // nothing more of the attempt begins
		}
		if e.err != nil && codeOf(e.err) != rmg.GateFailed {
			r.stick()
		}
		lanes.ended(e.task, e.err)
		k.things.leave(e.has, e.err != nil && len(e.task.OnFail) > 0)
	}
}

// goesOn reports whether a process that is driven has tasks to do.
func goesOn(p Process) bool {
	return p.Status == "planned" || p.Status == "running" || p.Status == "proving"
}

// ready lists the tasks that may begin: not done, not active, needs done. A
// process that ended early has none.
func (k *Kernel) ready(p Process, active map[string]bool) []tasks.Task {
	if !goesOn(p) {
		return nil
	}
	done := map[string]bool{}
	for _, t := range p.Tasks {
		done[t.ID] = t.State == resultOK || t.State == resultNothing
	}
	var out []tasks.Task
	for _, t := range p.Tasks {
		ok := !done[t.ID] && !active[t.ID]
		for _, n := range t.Needs {
			ok = ok && done[n]
		}
		if ok {
			out = append(out, t.Task)
		}
	}
	return out
}

// attempt tries a task as often as it may, and returns the failure that stands.
func (k *Kernel) attempt(ctx context.Context, r *run, p Process, t tasks.Task) error {
	var wait pause
	for try := 1; ; try++ {
		err := k.attemptOnce(ctx, r, p, t, wait)
		if err == nil || try > t.Retries || ctx.Err() != nil || isLimit(err) {
			return err
		}
		if most := p.SLAPS.Budget.Tries; most > 0 && try >= most {
			return overBudget("tries", fmt.Sprintf("%s of %s, and the last failed: %v", plural(try, "try"), t.ID, err))
		}
		k.say(r, work.Event{Task: t.ID, Text: "again, after: " + err.Error()})
		if wait, err = k.pauseBefore(ctx, t, try+1); err != nil {
			return err
		}
	}
}

// attemptOnce records the attempt, does it, and records what came of it.
func (k *Kernel) attemptOnce(ctx context.Context, r *run, p Process, t tasks.Task, wait pause) error {
	at := procPath(p.ID).Child(t.ID)
	budget := r.spent.left(budgetOf(p.SLAPS.Budget))
	number, token, seq, err := k.beginAttempt(ctx, p, t, at, budget, wait)
	if err != nil {
		return err
	}
	// The kernel's own tasks may wait for a person; their limit is that of each
	// proof, or of the answer.
	if t.TimeoutMillis > 0 && t.Worker != workerKernel && t.Worker != workerHuman {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, time.Duration(t.TimeoutMillis)*time.Millisecond)
		defer stop()
	}
	k.say(r, work.Event{Task: t.ID, Text: orText(t.Summary, t.Name)})
	if t.Worker == workerKernel {
		return k.own(ctx, r, p, t, at.Child(fmt.Sprint(number)), token, seq)
	}
	res, err := k.dispatch(ctx, r, p, t, number, token, budget)
	if err != nil {
		if ctx.Err() != nil {
			if cause := context.Cause(ctx); isLimit(cause) || errors.Is(cause, errLost) {
				err = cause
			} else if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				err = &rmg.Error{Op: t.ID, Code: rmg.GateFailed, Msg: fmt.Sprintf("the task did not end within %d ms", t.TimeoutMillis)}
			} else {
				return context.Cause(ctx)
			}
		}
		res = work.Result{Summary: err.Error(), Reasons: []string{err.Error()}, Output: res.Output}
	}
	res, rerr := k.endAttempt(p, t, at.Child(fmt.Sprint(number)), token, res)
	if rerr != nil {
		return orError(onlyLimit(err), rerr)
	}
	k.say(r, work.Event{Task: t.ID, Text: res.Summary, Data: map[string]any{"ok": res.OK}})
	if err != nil {
		return err
	}
	if !res.OK {
		return &rmg.Error{Op: t.ID, Code: rmg.GateFailed, Msg: orText(res.Summary, "the task failed"), Hint: strings.Join(res.Reasons, "; ")}
	}
	return k.afterNothing(ctx, r, p, t, res)
}

// beginAttempt records that an attempt begins, under a token that fences its
// result; it gives the attempt's number, the token and the record's seq.
func (k *Kernel) beginAttempt(ctx context.Context, p Process, t tasks.Task, at rmg.Path, budget work.Budget, wait pause) (int, string, uint64, error) {
	var number int
	var token string
	rec, err := k.systemWith(ctx, "kernel", p.ID, t.ID+" begins", func(f *fold, _ uint64) ([]rewrite.Op, error) {
		e, ok := f.ledger.Get(at)
		if !ok {
			return nil, &rmg.Error{Op: "attempt", Path: at, Code: rmg.NotFound, Msg: "there is no such task"}
		}
		_, n := lastAttempt(e.Graph)
		number = n + 1
		token = fmt.Sprintf("%s/%s/%d@%d", p.ID, t.ID, number, k.epoch)
		props := map[string]rmg.Value{
			"token": rmg.String(token), "epoch": rmg.Int(int64(k.epoch)), "worker": rmg.String(t.Worker), "budget": budgetValue(budget),
		}
		wait.record(props)
		return []rewrite.Op{addOp(at.Child(fmt.Sprint(number)), kindAttempt, props)}, nil
	})
	return number, token, rec.Seq, err
}

// fence refuses a result whose attempt has one already, or is not the one the
// token was given for.
func (f *fold) fence(at rmg.Path, token string) error {
	e, ok := f.ledger.Get(at)
	if !ok || e.Props.String("token") != token || e.Props.String("result") != "" {
		return &rmg.Error{Op: "result", Path: at, Code: rmg.Stale, Msg: "the attempt is over; its result is not taken"}
	}
	return nil
}

// endAttempt records a result, and with it what the worker asked to adopt. The result that
// stands is another where the task did not leave what it has to.
func (k *Kernel) endAttempt(p Process, t tasks.Task, at rmg.Path, token string, res work.Result) (work.Result, error) {
	ctx := context.WithoutCancel(k.ctx)
	if res.OK && res.Adopt != "" {
		if err := k.adopt(ctx, p.laneSpace(t.Lane), p, t, res.Adopt); err != nil {
			return res, err
		}
	}
	if res.OK {
		var err error
		if res, err = k.withArtifacts(p, t, res); err != nil {
			return res, err
		}
	}
	props := map[string]rmg.Value{"result": rmg.String(resultFailed), "summary": textValue(res.Summary)}
	switch {
	case res.OK && res.Nothing:
		props["result"] = rmg.String(resultNothing)
	case res.OK:
		props["result"] = rmg.String(resultOK)
	}
	if err := k.readProps(props, res); err != nil {
		return res, err
	}
	if len(res.Reasons) > 0 {
		props["reasons"] = textList(res.Reasons)
	}
	if res.Output.Len() > 0 {
		m := map[string]rmg.Value{}
		for n, v := range res.Output.All() {
			m[n] = v
		}
		props["output"] = rmg.Map(m)
	}
	_, err := k.systemWith(ctx, "worker:"+t.Worker, p.ID+"/"+t.ID, t.ID+": "+res.Summary, func(f *fold, seq uint64) ([]rewrite.Op, error) {
		if err := f.fence(at, token); err != nil {
			return nil, err
		}
		return []rewrite.Op{setOp(at, props)}, nil
	})
	return res, err
}

// adopt merges a child workspace into the process's own.
func (k *Kernel) adopt(ctx context.Context, into string, p Process, t tasks.Task, child string) error {
	c, ok := k.space(child)
	parent, has := k.space(into)
	if !ok || !has {
		return noSpace(child)
	}
	e, _ := k.now().ledger.Get(swsPath(child))
	if e.Props.String("from") != "sws:"+into || spaceState(e.Props) != spaceOpen {
		return &rmg.Error{Op: "adopt", Path: swsPath(child), Code: rmg.Denied, Msg: "not an open child of the process's workspace"}
	}
	old := parent.last()
	next, conflicts, err := k.mergeSpace(c, Version{Space: into}, old.world, nil)
	if err != nil {
		return err
	}
	if len(conflicts) > 0 {
		return &rmg.Error{Op: "adopt", Path: conflicts[0].Path, Code: rmg.Conflict, Msg: "the workspace changed under the candidate"}
	}
	_, err = k.absorb(ctx, absorption{
		author: "worker:" + t.Worker, cause: p.ID + "/" + t.ID, reason: fmt.Sprintf("adopt %s: %s", child, e.Props.String("reason")),
		child: child, parent: into, at: old, next: next,
	})
	return err
}

// dispatch hands a task to its worker, under the process's rights.
func (k *Kernel) dispatch(ctx context.Context, r *run, p Process, t tasks.Task, number int, token string, budget work.Budget) (work.Result, error) {
	if t.Worker == workerHuman {
		return k.humanResult(ctx, r, p, t)
	}
	if err := k.mayDispatch(p, t); err != nil {
		return work.Result{}, err
	}
	e, _ := k.now().ledger.Get(procPath(p.ID))
	a := work.Assignment{
		Process: p.ID, Task: t.ID, Action: t.Action, Args: t.Args, Inputs: map[string]rmg.Props{}, Attempt: number, Lane: t.Lane, Token: token,
		Labels: labelsOf(p.SLAPS, t), Rights: p.Rights, Budget: budget, Reads: p.Isolation == isolationSerializable,
		Repo: work.Repo{
			Top: p.Top, Name: p.Repo, Branch: p.Branch, Root: refOf(e.Props, "root"), Module: e.Props.String("module"),
			Target: e.Props.String("target"), Symbol: e.Props.String("symbol"),
		},
		Query: query{k: k, top: p.Top, branch: p.Branch},
		Emit: func(ev work.Event) {
			ev.Task = t.ID
			k.say(r, ev)
		},
	}
	refused := &atomic.Bool{}
	a.Workspace = &handle{
		refused: refused, reads: a.Reads, k: k, id: p.laneSpace(t.Lane), process: p.ID, cause: p.ID + "/" + t.ID, author: "worker:" + t.Worker, root: a.Repo.Root, rights: p.Rights,
		lane: t.Lane, spent: &r.spent,
		caller: Caller{Name: "worker:" + t.Worker, Process: p.ID, Kind: KindWorker}, facts: p.facts(t.Worker),
	}
	a.May = k.permits(r, p, t)
	for _, st := range p.Tasks {
		if st.Lane == t.Lane {
			a.Inputs[plainID(st.Task)] = st.Output
		}
	}
	res, err := k.opt.Runner.Run(ctx, t.Worker, a)
	k.recordCost(t.Worker, p.ID, res.Spent)
	if refused.Load() && !res.OK {
		r.stick()
	}
	// What the worker made of a refusal is its own affair.
	return res, orError(r.spent.report(res.Spent), err)
}

// labelsOf is what a task asks of the machine that does it. What the daemon writes
// itself is done by the daemon, whatever the intent asks for.
func labelsOf(s tasks.SLAPS, t tasks.Task) []string {
	out := slices.Clone(t.Labels)
	if t.Worker != workerBuiltin {
		out = append(out, s.Scope.Labels...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// mayDispatch judges whether a process may hand a task to its worker.
func (k *Kernel) mayDispatch(p Process, t tasks.Task) error {
	if err := mayBegin(p.Rights, t); err != nil {
		return err
	}
	if !slices.Contains(p.Rights.Workers, t.Worker) {
		return &rmg.Error{Op: "dispatch", Code: rmg.Denied, Msg: fmt.Sprintf("the process has no right to worker %q", t.Worker)}
	}
	asks := newSubject(Caller{Name: p.ID, Kind: KindProcess}, p.facts(t.Worker))
	return k.judgement(asks).may(VerbDispatch, workerRoot.Child(t.Worker), kindWorker)
}

func budgetOf(b tasks.Budget) work.Budget {
	out := work.Budget{Candidates: b.Candidates, WallMillis: b.WallMillis, OutputMax: defaultOutputMax, MemoryMax: b.MemoryBytes, ScratchMax: b.ScratchBytes, Tokens: b.Tokens, MoneyMicros: b.MoneyMicros}
	if out.Candidates == 0 {
		out.Candidates = defaultCandidates
	}
	if out.WallMillis == 0 {
		out.WallMillis = defaultWallMillis
	}
	return out
}

package kernel

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// The outcomes of doing a task over again.
const (
	RedoSame    = "same"
	RedoDiffers = "differs"
	RedoNotRun  = "not run"
)

// TaskReplay is one task, done over again.
type TaskReplay struct {
	Task, Worker  string
	Attempt       int
	Outcome       string // RedoSame, RedoDiffers, RedoNotRun
	Difference    string // the first one, or why it was not run
	Ops           int    // of what was recorded, normalised
	Deterministic bool   // the worker says that the same inputs give the same
}

// redo does a process's tasks over again: each on what its workspace was when
// the accepted attempt began, with the inputs, rights and budget of then. What
// it changes is compared with what was recorded: as one change, since the steps
// on the way may be cut differently.
func (k *Kernel) redo(ctx context.Context, id string, say func(string)) ([]TaskReplay, error) {
	p, err := k.Process(id)
	if err != nil {
		return nil, err
	}
	if p.Plan == nil {
		return nil, &rmg.Error{Op: "replay", Path: procPath(id), Code: rmg.Invalid, Msg: "it was a collapse by hand: there are no tasks to run again"}
	}
	spans, err := k.spansOf(id)
	if err != nil {
		return nil, err
	}
	sure := map[string]bool{}
	for _, d := range k.opt.Runner.Describe() {
		sure[d.Name] = d.Deterministic
	}
	var out []TaskReplay
	for _, t := range p.Tasks {
		tr := TaskReplay{Task: t.ID, Worker: t.Worker, Attempt: t.Attempts, Outcome: RedoNotRun, Deterministic: sure[t.Worker]}
		sp, ok := spans[fmt.Sprintf("%s/%d", t.ID, t.Attempts)]
		switch {
		case t.Worker == workerKernel:
			tr.Difference = "the kernel's own proof is of the bytes, and its evidence stands in the log"
		case t.Worker == workerHuman:
			tr.Difference = "a person's answer is not asked for again; it stands in the log"
		case !ok || sp.end == 0:
			tr.Difference = "it has no accepted result"
		default:
			say("running " + t.ID + " again, by " + t.Worker)
			if err := k.redoTask(ctx, p, t, sp, &tr); err != nil {
				return out, err
			}
		}
		out = append(out, tr)
	}
	return out, nil
}

// span is an attempt in the log: the records that began and ended it.
type span struct{ begin, end uint64 }

// spansOf finds a process's attempts, by task and number.
func (k *Kernel) spansOf(id string) (map[string]span, error) {
	out := map[string]span{}
	for r, err := range k.Records(1, 0) {
		if err != nil {
			return nil, err
		}
		for _, op := range r.Ops {
			segs := op.Path.Segments()
			if len(segs) != 4 || !procPath(id).Has(op.Path) {
				continue
			}
			name := segs[2].ID + "/" + segs[3].ID
			sp := out[name]
			if op.Op == rewrite.AddNode && op.Kind == kindAttempt {
				sp = span{begin: r.Seq}
			}
			if v, ok := op.Props["result"]; ok && op.Op == rewrite.Set && v.Type() == rmg.TypeString {
				sp.end = r.Seq
			}
			out[name] = sp
		}
	}
	return out, nil
}

// redoTask does one attempt over again and compares.
func (k *Kernel) redoTask(ctx context.Context, p Process, t TaskState, sp span, tr *TaskReplay) error {
	then, ok := k.versionAt(sp.begin)
	s, has := k.space(p.Workspace)
	if !ok || !has {
		return noVersion(Version{Seq: sp.begin})
	}
	before, err := k.openHead(Version{Space: s.id, At: sp.begin})
	if err != nil {
		return err
	}
	after, err := k.openHead(Version{Space: s.id, At: sp.end})
	if err != nil {
		return err
	}
	e, _ := then.ledger.Get(procPath(p.ID))
	root := refOf(e.Props, "root")
	w := k.newScratch(before.world, root, p.Rights, "replay")
	w.caller, w.facts = Caller{Name: "worker:" + t.Worker, Process: p.ID, Kind: KindWorker}, p.facts(t.Worker)
	res, err := k.opt.Runner.Run(ctx, t.Worker, work.Assignment{
		Process: p.ID, Task: t.ID, Action: t.Action, Args: t.Args, Inputs: outputsAt(e.Graph, p), Attempt: t.Attempts,
		Rights: p.Rights, Budget: k.budgetAt(then, p, t), Workspace: w, Query: pastQuery{query{k: k, top: p.Top, branch: p.Branch}, then.world, p.Base},
		Repo: work.Repo{
			Top: p.Top, Name: p.Repo, Branch: p.Branch, Root: root, Module: e.Props.String("module"), Target: e.Props.String("target"), Symbol: e.Props.String("symbol"),
		},
		Emit: func(work.Event) {},
	})
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	if err != nil {
		res = work.Result{Summary: err.Error()}
	}
	if res.OK && res.Adopt != "" {
		if err := w.adopt(res.Adopt); err != nil {
			return err
		}
	}
	want := rewrite.Between(before.world, after.world, rmg.Root)
	got := rewrite.Between(before.world, w.Graph(), rmg.Root)
	tr.Ops, tr.Outcome = len(want), RedoSame
	if tr.Difference = firstDifference(t, want, res, got); tr.Difference != "" {
		tr.Outcome = RedoDiffers
		if !tr.Deterministic {
			tr.Difference += "; worker " + t.Worker + " does not promise the same from the same inputs"
		}
	}
	return nil
}

// firstDifference names where a task done over again came to something else.
func firstDifference(t TaskState, want []rewrite.Op, res work.Result, got []rewrite.Op) string {
	ended := resultFailed
	switch {
	case res.OK && res.Nothing:
		ended = resultNothing
	case res.OK:
		ended = resultOK
	}
	if ended != t.State {
		return fmt.Sprintf("it ended %q, and was recorded as %q: %s", ended, t.State, res.Summary)
	}
	for i := range max(len(want), len(got)) {
		a, b := opText(want, i), opText(got, i)
		if a != b {
			return fmt.Sprintf("op %d of %d is %s, and was recorded as %s", i+1, len(want), b, a)
		}
	}
	return ""
}

// opText prints an op of a normalised list; what is not there is "nothing".
func opText(ops []rewrite.Op, i int) string {
	if i >= len(ops) {
		return "nothing"
	}
	data, err := json.Marshal(ops[i])
	if err != nil {
		return fmt.Sprintf("%s %s", ops[i].Op, ops[i].Path)
	}
	return string(data)
}

// outputsAt are the outputs of a process's tasks as they were at the beginning
// of an attempt.
func outputsAt(g rmg.Graph, p Process) map[string]rmg.Props {
	out := map[string]rmg.Props{}
	for _, t := range p.Tasks {
		out[t.ID] = rmg.Props{}
		if e, ok := g.Node(t.ID); ok {
			a, _ := lastAttempt(e.Graph)
			if v, ok := a.Props.Get("output"); ok {
				out[t.ID], _ = v.AsMap()
			}
		}
	}
	return out
}

// budgetAt is the budget that the attempt was given; one that did not record it
// had what the intent says, or this program's own.
func (k *Kernel) budgetAt(then version, p Process, t TaskState) work.Budget {
	e, _ := then.ledger.Get(procPath(p.ID).Child(t.ID).Child(strconv.Itoa(t.Attempts)))
	v, _ := e.Props.Get("budget")
	m, ok := v.AsMap()
	if !ok {
		return budgetOf(p.SLAPS.Budget)
	}
	return work.Budget{Candidates: int(m.Int("candidates")), WallMillis: m.Int("wall_ms"), OutputMax: m.Int("output_max"), MemoryMax: m.Int("memory_max"), ScratchMax: m.Int("scratch_max"), Tokens: m.Int("tokens"), MoneyMicros: m.Int("money_micros")}
}

// budgetValue records a budget with an attempt.
func budgetValue(b work.Budget) rmg.Value {
	m := map[string]rmg.Value{
		"candidates": rmg.Int(int64(b.Candidates)), "wall_ms": rmg.Int(b.WallMillis), "output_max": rmg.Int(b.OutputMax),
	}
	if b.MemoryMax > 0 {
		m["memory_max"] = rmg.Int(b.MemoryMax)
	}
	if b.ScratchMax > 0 {
		m["scratch_max"] = rmg.Int(b.ScratchMax)
	}
	if b.Tokens > 0 {
		m["tokens"] = rmg.Int(b.Tokens)
	}
	if b.MoneyMicros > 0 {
		m["money_micros"] = rmg.Int(b.MoneyMicros)
	}
	return rmg.Map(m)
}

// maxLater is how many commits newer than a process are passed over.
const maxLater = 10_000

// pastQuery is a look at the system as it was.
type pastQuery struct {
	query
	world rmg.Graph
	base  string // commit that the process started from
}

// System returns the world of then.
func (q pastQuery) System() rmg.Graph { return q.world }

// Commits returns the repository's newest commits as of the process's base; none
// if that is not in the branch any more.
func (q pastQuery) Commits(ctx context.Context, max int) ([]work.Commit, error) {
	list, err := q.query.Commits(ctx, max+maxLater)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(c work.Commit) bool { return c.ID == q.base })
	if i < 0 {
		return nil, nil
	}
	list = list[i:]
	return list[:min(len(list), max)], nil
}

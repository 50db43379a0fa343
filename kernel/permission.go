package kernel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// AboutPermission is what a question of a coding agent's is about: whether it may use
// a tool.
const AboutPermission = "permission"

// toolRoot is where policy sees the tools of agents: /tool/fetch. Nothing stands there.
const toolRoot = rmg.Path("/tool")

// maxToolTitle is how much of an agent's words a question has, in bytes.
const maxToolTitle = 500

// permits makes what answers an agent's questions in one attempt: policy at the time
// of each, and a person where that says ask. An answer is for one question: the same
// asked a second time is another. After a restart the first one asked in these words is
// the one that was answered.
func (k *Kernel) permits(r *run, p Process, t tasks.Task) func(context.Context, work.Tool) (work.Verdict, error) {
	var mu sync.Mutex // guards asked
	asked := map[work.Tool]int{}
	return func(ctx context.Context, tool work.Tool) (work.Verdict, error) {
		if tool.Kind == "" {
			tool.Kind = "other"
		}
		if len(tool.Title) > maxToolTitle {
			tool.Title = tool.Title[:maxToolTitle]
		}
		at := toolRoot.Child(tool.Kind)
		who := newSubject(Caller{Name: "worker:" + t.Worker, Process: p.ID, Kind: KindWorker}, p.facts(t.Worker))
		d := k.policyOf(k.now().world).decide(who, VerbTool, at, "")
		switch {
		case d.Rule == "" && !d.Broken:
			return work.Verdict{}, nil
		case d.Effect == Allow:
			return work.Verdict{Allow: true, Why: "by rule " + d.Rule}, nil
		case d.Effect == Deny:
			return work.Verdict{Deny: true, Why: d.sentence()}, nil
		}
		mu.Lock()
		asked[tool]++
		n := asked[tool]
		mu.Unlock()
		sum := sha256.Sum256(fmt.Appendf(nil, "jitos permission 1\n%s\n%d\n%s\n%s", t.ID, n, tool.Kind, tool.Title))
		q := Approval{
			About: AboutPermission, Around: t.ID, Digest: hex.EncodeToString(sum[:]), Asked: []Asked{{Verb: VerbTool, Path: at, Rule: d.Rule, Why: d.Why}},
			Question: fmt.Sprintf("%s in %s wants to %s: %s. May it?", t.Worker, t.ID, tool.Kind, tool.Title),
		}
		c := &collapse{process: p.ID, space: p.laneSpace(t.Lane), cause: p.ID + "/" + t.ID, emit: func(ev work.Event) { ev.Task = t.ID; k.say(r, ev) }}
		a, err := k.ask(ctx, c, q)
		if err != nil {
			return work.Verdict{}, orError(k.unasked(a), err)
		}
		return work.Verdict{Allow: a.State == ApprovalApproved, Deny: a.State != ApprovalApproved, Why: answered(a)}, nil
	}
}

// unasked takes a question back that nobody waits for any more. One that the end of
// the daemon cut off stays: what asked it is done again, and finds the answer.
func (k *Kernel) unasked(a Approval) error {
	if a.at == "" || k.ctx.Err() != nil {
		return nil
	}
	_, err := k.systemWith(context.WithoutCancel(k.ctx), "kernel", a.Process, a.ID+" is not asked any more", func(f *fold, _ uint64) ([]rewrite.Op, error) {
		e, ok := f.ledger.Get(a.at)
		if !ok || readApproval(a.at, e.Props).State != ApprovalOpen {
			return nil, errNothing
		}
		return []rewrite.Op{setOp(a.at, map[string]rmg.Value{"superseded": rmg.Bool(true)})}, nil
	})
	if err == errNothing {
		return nil
	}
	return err
}

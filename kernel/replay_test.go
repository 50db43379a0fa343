package kernel

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"testing"

	"jitos.dev/journal"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// A replay folds every kind of record to the log's digests, forks of the past
// and of a workspace's past included, and keeps no more than they need.
func TestReplayFoldsTheSame(t *testing.T) {
	s := &story{stage: newStage(t), rnd: rand.New(rand.NewPCG(7, 1)), wrote: map[string]string{}}
	s.root = s.repo(map[string]string{"a.txt": "one\ntwo\n", "b.txt": "x\n"})
	for range 6 {
		s.step()
	}
	w := s.fork()
	first := s.write("sws:"+w, writeText(s.root.Child("a.txt"), "first\n"))
	for i := range 5 {
		s.write("sws:"+w, writeText(s.root.Child("a.txt"), fmt.Sprint(i)))
	}
	for _, from := range []string{"seq:9", fmt.Sprintf("sws:%s@%d", w, first)} {
		f, err := s.Fork(s.ctx(), ada, ForkRequest{From: from})
		s.must(err)
		s.write("sws:"+f.ID, addOp("/x", "K", nil))
	}
	told := 0
	got, err := s.Replay(s.ctx(), ReplayRequest{}, func(ReplayProgress) { told++ })
	s.must(err)
	now := s.now()
	if got.Difference != "" || got.World != now.world.Digest() || got.Ledger != now.ledger.Digest() || uint64(got.Records) != now.seq {
		t.Errorf("%+v", got)
	}
	if v, err := s.Verify(s.ctx()); err != nil || len(v.Problems) > 0 || v.World != got.World {
		t.Errorf("verify: %+v %v", v, err)
	}
}

// bent is a journal that reads one record other than it was written.
type bent struct {
	Journal
	k    *Kernel
	seq  uint64
	bend func(*tick, *Record)
}

func (b *bent) Read(from uint64) iter.Seq2[journal.Frame, error] {
	return func(yield func(journal.Frame, error) bool) {
		for f, err := range b.Journal.Read(from) {
			if err == nil && f.First <= b.seq && b.seq < f.First+uint64(f.Count) {
				ticks, derr := decodeTicks(f.Payload, b.k.store)
				if derr != nil {
					panic(derr)
				}
				for i := range ticks {
					for j := range ticks[i].records {
						if ticks[i].records[j].Seq == b.seq {
							b.bend(&ticks[i], &ticks[i].records[j])
						}
					}
				}
				f.Payload, err = encodeTicks(ticks, b.k.store)
			}
			if !yield(f, err) {
				return
			}
		}
	}
}

// The first difference is named: a digest, or a record that does not apply.
func TestReplayNamesTheFirstDifference(t *testing.T) {
	b := newStage(t)
	b.write("system", addOp("/n", "K", nil))
	seq := b.write("system", setProp("/n", "v", rmg.Int(1)))
	b.write("system", setProp("/n", "v", rmg.Int(2)))
	b.write("system", setProp("/n", "w", rmg.Int(3)))
	for want, bend := range map[string]func(*tick, *Record){
		"the world folds to":  func(_ *tick, r *Record) { r.Ops[0].Props["v"] = rmg.Int(7) },
		"the ledger folds to": func(t *tick, _ *Record) { t.ledger[0] ^= 1 },
		"it does not apply":   func(_ *tick, r *Record) { r.Ops[0].Path = "/none" },
	} {
		k := &Kernel{opt: b.opt, store: b.Kernel.store, log: b.Kernel.log}
		k.opt.Journal = &bent{b.opt.Journal, b.Kernel, seq, bend}
		now := b.now()
		k.current.Store(&now)
		got, err := k.Replay(b.ctx(), ReplayRequest{}, nil)
		b.must(err)
		if !strings.Contains(got.Difference, want) || !strings.Contains(got.Difference, fmt.Sprintf("record %d by ada@host", seq)) {
			t.Errorf("%q, want %q", got.Difference, want)
		}
	}
}

// intent starts a process whose one task is the told runner's, and waits.
func (b *stage) intent(root rmg.Path) string {
	b.t.Helper()
	p, err := b.start(b.ctx(), Once{}, Process{
		Text: "do it", Owner: ada.Name, Top: "/r/app", Branch: "main", Repo: "app", Land: landCommit,
		SLAPS: tasks.SLAPS{Version: "1", Intent: "Do", Budget: tasks.Budget{Candidates: 3}},
		Plan: &tasks.Plan{Goal: "Do", Tasks: []tasks.Task{
			{ID: "look", Name: "look", Worker: "told", Action: "look"},
			{ID: "implement", Name: "implement", Worker: "told", Action: "implement", Args: map[string]any{"n": float64(2)}, Needs: []string{"look"}},
			{ID: "verify", Name: "verify", Worker: workerKernel, Action: "prove", Needs: []string{"implement"}},
		}},
		Rights: work.Rights{Workers: []string{"told", workerKernel}, Write: []string{"**"}, Network: "none"},
	}, root, ".", target{file: "."}, dirtyState{})
	b.must(err)
	if p, err = b.Wait(b.ctx(), p.ID); err != nil || p.Status != "landed" {
		b.t.Fatalf("%+v %v", p.Reason, err)
	}
	return p.ID
}

// A process's tasks are done again from what the log has: the workspace as it
// was, inputs, budget. The same comes to the same, in whatever steps; another is
// named, and whether its worker promised anything. Nothing of it is recorded.
func TestReplayExecutes(t *testing.T) {
	b := newStage(t)
	root := b.repo(map[string]string{"a.txt": "one\n"})
	file := root.Child("a.txt")
	b.run.list = []work.Description{{Name: "told", Deterministic: true}}
	text, steps := "two\n", 1
	b.run.task = func(_ string, a work.Assignment) (work.Result, error) {
		if a.Action == "look" {
			return work.Result{OK: true, Summary: "seen", Output: rmg.PropsOf(map[string]rmg.Value{"seen": rmg.Int(1)})}, nil
		}
		if a.Inputs["look"].Int("seen") != 1 || a.Args["n"] != float64(2) || a.Budget.Candidates != 3 {
			return work.Result{Summary: "the inputs are others"}, nil
		}
		e, _ := a.Workspace.Graph().Get(file)
		if data, _ := a.Workspace.ReadBlob(e.Props.Blob(rewrite.PropBlob)); string(data) != "one\n" {
			return work.Result{Summary: "the workspace is another"}, nil
		}
		c, err := a.Workspace.Fork(b.ctx(), "candidate 1", nil)
		if err != nil {
			return work.Result{}, err
		}
		for i := steps; i > 0; i-- {
			body := text
			if i > 1 {
				body = fmt.Sprint("on the way ", i)
			}
			if err := c.Rewrite(b.ctx(), rewrite.Rewrite{Ops: []rewrite.Op{writeText(file, body)}, Reason: "try"}); err != nil {
				return work.Result{}, err
			}
		}
		return work.Result{OK: true, Summary: "done", Adopt: c.ID()}, nil
	}
	id := b.intent(root)
	// What came later is not seen.
	w := b.fork()
	b.write("sws:"+w, writeText(file, "three\n"))
	b.collapsed(w)

	before := b.now().seq
	replay := func() []TaskReplay {
		t.Helper()
		got, err := b.Replay(b.ctx(), ReplayRequest{Process: id, Execute: true}, nil)
		b.must(err)
		if got.Difference != "" || got.OfProcess == 0 || len(got.Tasks) != 3 {
			t.Fatalf("%+v", got)
		}
		return got.Tasks
	}
	if got := replay(); got[0].Outcome != RedoSame || got[1].Outcome != RedoSame || got[1].Ops != 1 || got[2].Outcome != RedoNotRun {
		t.Errorf("%+v", got)
	}
	steps = 3
	if got := replay(); got[1].Outcome != RedoSame {
		t.Errorf("in other steps: %+v", got)
	}
	text = "zwei\n"
	if got := replay(); got[1].Outcome != RedoDiffers || !strings.HasPrefix(got[1].Difference, `op 1 of 1 is {"op":"write"`) || strings.Contains(got[1].Difference, "promise") {
		t.Errorf("another text: %+v", got)
	}
	b.run.list[0].Deterministic = false
	if got := replay(); !strings.Contains(got[1].Difference, "worker told does not promise the same") {
		t.Errorf("without a promise: %+v", got)
	}
	b.run.task = func(string, work.Assignment) (work.Result, error) { return work.Result{Summary: "no"}, nil }
	if got := replay(); !strings.Contains(got[0].Difference, `ended "failed", and was recorded as "ok": no`) {
		t.Errorf("a failure: %+v", got)
	}
	if b.now().seq != before {
		t.Error("a replay left records")
	}
	for _, q := range []ReplayRequest{{Execute: true}, {Process: "p999"}} {
		if _, err := b.Replay(b.ctx(), q, nil); err == nil {
			t.Errorf("%+v is taken", q)
		}
	}
}

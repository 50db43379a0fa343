package kernel

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"jitos.dev/rewrite"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// mender is a worker of which some tasks fail, after each has written a file.
type mender struct {
	mu    sync.Mutex // guards did
	did   []string
	fails []string // tasks that cannot be done
	holds map[string]chan struct{}

	strays string   // a task that wants to write elsewhere
	breaks []string // tasks that cannot be run
}

func (m *mender) do(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
	m.mu.Lock()
	m.did = append(m.did, a.Task)
	m.mu.Unlock()
	if err := writes(ctx, a, a.Task+".txt", a.Task); err != nil {
		return work.Result{}, err
	}
	if hold := m.holds[a.Task]; hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return work.Result{}, ctx.Err()
		}
	}
	if a.Task == m.strays {
		err := a.Workspace.Rewrite(ctx, rewrite.Rewrite{Ops: []rewrite.Op{{Op: rewrite.AddNode, Path: "/elsewhere", Kind: "X"}}})
		return work.Result{Summary: "refused: " + err.Error()}, nil
	}
	if slices.Contains(m.breaks, a.Task) {
		return work.Result{}, fmt.Errorf("%s cannot be run", a.Task)
	}
	if slices.Contains(m.fails, a.Task) {
		return work.Result{Summary: a.Task + " cannot"}, nil
	}
	return work.Result{OK: true, Summary: "done"}, nil
}

func (m *mender) done() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := slices.Clone(m.did)
	if len(list) > 1 && list[0] == "read" { // looks and reads side by side
		list[0], list[1] = list[1], list[0]
	}
	return strings.Join(list, " ")
}

// mends begins an intent that can be done in several ways.
func (b *bench) mends(m *mender) string {
	b.Helper()
	b.run.task = m.do
	return b.intent(IntentRequest{SLAPS: &tasks.SLAPS{Version: "1", Intent: "Mend", Target: tasks.TargetRef{Name: "app"}}})
}

// files are the names of those that stand at the head of the branch.
func (b *bench) files() string {
	b.Helper()
	var out []string
	tree, err := treeAt(b.k.now().world, "/repo/app/main")
	if err != nil {
		b.Fatal(err)
	}
	for n := range tree.Nodes("") {
		if strings.HasSuffix(n.ID, ".txt") {
			out = append(out, n.ID)
		}
	}
	return strings.Join(out, " ")
}

func states(p Process) string {
	var out []string
	for _, t := range p.Tasks {
		out = append(out, t.ID+"="+t.State)
	}
	return strings.Join(out, " ")
}

// A task that fails for good is done another way: what is done is not done again, what
// the failed one wrote is taken back, and what came of it lands. The next failure has
// the next way; when none is left the process fails by what failed last.
func TestAFailedStepIsDoneAnotherWay(t *testing.T) {
	onBench(t, func(b *bench) {
		m := &mender{fails: []string{"polish"}}
		p := b.end(b.mends(m))
		if p.Status != "landed" || m.done() != "look read draft polish late" {
			t.Fatalf("%s (%s): %s", p.Status, p.Reason, m.done())
		}
		if states(p) != "look=ok read=ok late=ok verify=ok" {
			t.Error(states(p))
		}
		// What draft did goes with polish no more, and nobody takes it back: it is done.
		if got := b.files(); got != "draft.txt late.txt look.txt read.txt" {
			t.Error(got)
		}
		if len(p.refused) != 1 || p.refused[0].Task != "polish" {
			t.Errorf("%+v", p.refused)
		}
		e, _ := b.k.now().ledger.Get(procPath(p.ID))
		if n, ok := e.Graph.Node("polish"); !ok || n.Kind != kindTask {
			t.Error("the attempt that failed is not told any more")
		}
		if v, err := b.k.Verify(context.Background()); err != nil || len(v.Problems) > 0 {
			t.Error(v.Problems, err)
		}
	})
}

// Who has no other way fails by what failed, as before; so does what a person said no
// to, and what proved red.
func TestAFailureWithoutAnotherWayStands(t *testing.T) {
	onBench(t, func(b *bench) {
		m := &mender{fails: []string{"draft", "late"}}
		p := b.end(b.mends(m))
		if p.Status != "failed" || m.done() != "look read draft late" || !strings.Contains(p.Reason, "late cannot") {
			t.Fatalf("%s (%s): %s", p.Status, p.Reason, m.done())
		}
		for _, m := range []*mender{{strays: "draft"}, {breaks: []string{"draft"}}} {
			if p := b.end(b.mends(m)); p.Status != "failed" || m.done() != "look read draft" {
				t.Errorf("%s (%s): %s", p.Status, p.Reason, m.done())
			}
		}
		m = &mender{fails: []string{"look"}}
		if p = b.end(b.mends(m)); p.Status != "failed" || !strings.Contains(p.Reason, "look cannot") {
			t.Errorf("%s (%s): %s", p.Status, p.Reason, m.done())
		}
	})
}

// After a restart a mended process goes on by the plan it was mended to; and a plan
// whose worker is gone meanwhile is mended by the retry, with what is done kept.
func TestAMendedPlanGoesOnAfterARestart(t *testing.T) {
	onBench(t, func(b *bench) {
		m := &mender{fails: []string{"draft"}, holds: map[string]chan struct{}{"late": make(chan struct{})}}
		id := b.mends(m)
		synctest.Wait()
		if m.done() != "look read draft late" {
			t.Fatal(m.done())
		}
		b.close()
		b.open(2)
		m = &mender{}
		b.run.task = m.do
		p, err := b.k.Process(id)
		if err != nil || p.Status != "interrupted" || p.Plan.Tree == nil || len(p.refused) != 1 {
			t.Fatalf("%+v %v", p, err)
		}
		if _, err := b.k.Retry(context.Background(), ada, id); err != nil {
			t.Fatal(err)
		}
		if p = b.end(id); p.Status != "landed" || m.done() != "late" {
			t.Fatalf("%s (%s): %s", p.Status, p.Reason, m.done())
		}
		if v, err := b.k.Verify(context.Background()); err != nil || len(v.Problems) > 0 {
			t.Error(v.Problems, err)
		}
	})
}

func TestARetryMendsWhatHasChanged(t *testing.T) {
	onBench(t, func(b *bench) {
		b.run.more = []work.Description{{Name: "fast"}}
		m := &mender{holds: map[string]chan struct{}{"fast": make(chan struct{})}}
		id := b.mends(m)
		synctest.Wait()
		if m.done() != "look read fast" {
			t.Fatal(m.done())
		}
		b.close()
		b.open(2) // without the worker
		m = &mender{}
		b.run.task = m.do
		if _, err := b.k.Retry(context.Background(), ada, id); err != nil {
			t.Fatal(err)
		}
		p := b.end(id)
		if p.Status != "landed" || m.done() != "draft polish" || states(p) != "look=ok read=ok draft=ok polish=ok verify=ok" {
			t.Errorf("%s (%s): %s, %s", p.Status, p.Reason, m.done(), states(p))
		}
		if !slices.Contains(p.Rights.Workers, "scripted") {
			t.Error(p.Rights.Workers)
		}
	})
}

// What a failed task wrote is taken back even if others wrote beside it; where one
// wrote over it the process fails as it did before.
func TestWhatAFailedTaskWroteIsTakenBack(t *testing.T) {
	onBench(t, func(b *bench) {
		b.run.more = []work.Description{{Name: "fast"}}
		m := &mender{fails: []string{"fast"}}
		p := b.end(b.mends(m))
		if p.Status != "landed" || m.done() != "look read fast fast draft polish" || b.files() != "draft.txt look.txt polish.txt read.txt" {
			t.Errorf("%s (%s): %s, %s", p.Status, p.Reason, m.done(), b.files())
		}
		var told bool
		for _, l := range b.k.recordedLines(p.ID, 0) {
			told = told || strings.Contains(l.Text, "fast failed") && strings.Contains(l.Text, "it goes on by draft, polish")
		}
		if !told {
			t.Error("nobody is told of it:", fmt.Sprint(b.k.recordedLines(p.ID, 0)))
		}
	})
}

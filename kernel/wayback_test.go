package kernel

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// pad is where launches are tried: it notes what is done, and does as it is told.
type pad struct {
	mu    sync.Mutex // guards the fields below
	did   []string
	fails []string               // tasks that fail
	holds map[string]chan string // tasks that wait for the test, or their context
	ends  map[string]error       // what the context of a held task ended with
}

func (d *pad) do(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
	d.mu.Lock()
	d.did = append(d.did, a.Task)
	fails, hold := slices.Contains(d.fails, a.Task), d.holds[a.Task]
	d.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			d.mu.Lock()
			d.ends[a.Task] = context.Cause(ctx)
			d.mu.Unlock()
			return work.Result{}, ctx.Err()
		}
	}
	if fails {
		return work.Result{Summary: a.Task + " is ill", Spent: work.Spent{Tokens: 1}}, nil
	}
	if a.Task == "act" {
		err := a.Workspace.Rewrite(ctx, rewrite.Rewrite{Ops: []rewrite.Op{{Op: rewrite.Write, Path: a.Repo.Root.Child("v.go"), Text: "package app\n", HasText: true}}})
		return work.Result{OK: err == nil, Summary: "made v.go"}, err
	}
	return work.Result{OK: true, Summary: a.Task + " is done"}, nil
}

func (d *pad) done() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.did, " ")
}

func (d *pad) free(task string) {
	d.mu.Lock()
	hold := d.holds[task]
	delete(d.holds, task)
	d.mu.Unlock()
	close(hold)
}

// launches starts a launch on a pad, and has it approved.
func (b *bench) launches(d *pad, budget tasks.Budget) string {
	b.Helper()
	id, q := b.countsDown(d, budget)
	b.answers(q, "approve")
	return id
}

// countsDown starts a launch that waits for a person.
func (b *bench) countsDown(d *pad, budget tasks.Budget) (process, question string) {
	b.Helper()
	d.holds, d.ends = orMap(d.holds), map[string]error{}
	b.run.task = d.do
	p, err := b.k.Intent(context.Background(), ada, IntentRequest{Dir: "/app", SLAPS: &tasks.SLAPS{
		Version: "1", Intent: "Launch", Target: tasks.TargetRef{Name: "app", Type: "repository", Ref: "/repo/app/main"}, Budget: budget,
	}})
	if err != nil {
		b.Fatal(err)
	}
	synctest.Wait()
	_, q := b.parked(p.ID)
	return p.ID, q.ID
}

func orMap(m map[string]chan string) map[string]chan string {
	if m == nil {
		m = map[string]chan string{}
	}
	return m
}

func (b *bench) answers(question, answer string) {
	b.Helper()
	if _, err := b.k.Answer(context.Background(), ada, question, Reply{Answer: answer, Comment: ""}); err != nil {
		b.Fatal(err)
	}
	synctest.Wait()
}

// reopens starts the kernel anew on what is on disk, with the same pad.
func (b *bench) reopens(d *pad) {
	b.Helper()
	b.close()
	b.open(2)
	b.run.task = d.do
	v, err := b.k.Verify(context.Background())
	if err != nil || len(v.Problems) > 0 {
		b.Fatalf("verify: %v %q", err, v.Problems)
	}
}

// came checks how a process ended, and what was done for it.
func (b *bench) came(id, status string, d *pad, did string, reason ...string) Process {
	b.Helper()
	p := b.ended(id)
	if p.Status != status || d.done() != did {
		b.Fatalf("%s: %s; done: %s\nwanted %s: %s", p.Status, p.Reason, d.done(), status, did)
	}
	for _, r := range reason {
		if !strings.Contains(p.Reason, r) {
			b.Fatalf("the reason is %q, without %q", p.Reason, r)
		}
	}
	if landed := strings.Contains(b.history(), "[v]"); landed != (status == "landed") {
		b.Fatalf("%s, and landed is %v", status, landed)
	}
	return p
}

// TestAFailedStepIsUndone launches what is ill: it parks, survives a restart, is
// approved, goes on, and is undone; it ends failed with the reason, and for good.
func TestAFailedStepIsUndone(t *testing.T) {
	onBench(t, func(b *bench) {
		d := &pad{fails: []string{"health"}}
		id, q := b.countsDown(d, tasks.Budget{})
		b.reopens(d)
		b.answers(q, "approve")
		p := b.came(id, "failed", d, "act install health health restore", "health is ill", "undone by restore")
		if p.Code != rmg.GateFailed || p.Tasks[len(p.Tasks)-1].ID != "restore" || p.Tasks[len(p.Tasks)-1].State != "ok" {
			t.Errorf("%s %+v", p.Code, p.Tasks)
		}
		if _, err := b.k.Retry(context.Background(), ada, id); code(err) != rmg.Conflict {
			t.Errorf("what was undone is tried again: %v", err)
		}
		b.reopens(d)
		b.came(id, "failed", d, "act install health health restore", "undone by restore")
	})
}

// TestWhatSucceedsIsNotUndone holds that a way back is for a failure alone.
func TestWhatSucceedsIsNotUndone(t *testing.T) {
	onBench(t, func(b *bench) {
		d := &pad{}
		id := b.launches(d, tasks.Budget{})
		if p := b.came(id, "landed", d, "act install health"); len(p.Tasks) != 5 {
			t.Errorf("%d tasks are shown", len(p.Tasks))
		}
	})
}

// TestTheWayBackSurvivesARestart stops the kernel in the midst of it: what is
// left of it is run after a retry, and nothing else.
func TestTheWayBackSurvivesARestart(t *testing.T) {
	onBench(t, func(b *bench) {
		d := &pad{fails: []string{"install"}, holds: map[string]chan string{"tell-2": make(chan string)}}
		id := b.launches(d, tasks.Budget{})
		b.reopens(d)
		p := b.came(id, "interrupted", d, "act install remove tell-2", "install is ill")
		if !strings.Contains(p.Next, "undoes what is left") {
			t.Error(p.Next)
		}
		delete(d.holds, "tell-2")
		if _, err := b.k.Retry(context.Background(), ada, id); err != nil {
			t.Fatal(err)
		}
		b.came(id, "failed", d, "act install remove tell-2 tell-2", "install is ill", "undone by remove, tell-2")
	})
}

// TestACancelUndoes calls a launch off while it installs, and once more while
// that is undone: the way back goes to its end.
func TestACancelUndoes(t *testing.T) {
	onBench(t, func(b *bench) {
		d := &pad{holds: map[string]chan string{"install": make(chan string), "remove": make(chan string)}}
		id := b.launches(d, tasks.Budget{})
		var calls sync.WaitGroup
		for range 2 {
			calls.Go(func() {
				if _, err := b.k.Cancel(context.Background(), ada, id); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		if p, _ := b.k.Process(id); p.Status != "running" || p.Reason != "remove" {
			t.Errorf("%s: %s", p.Status, p.Reason)
		}
		d.free("remove")
		calls.Wait()
		b.came(id, "cancelled", d, "act install remove tell-2", "undone by remove, tell-2")
		if !errors.Is(d.ends["install"], errCancelled) {
			t.Errorf("install ended with %v", d.ends["install"])
		}
	})
	// While that is undone for another reason.
	onBench(t, func(b *bench) {
		d := &pad{fails: []string{"health"}, holds: map[string]chan string{"restore": make(chan string)}}
		id := b.launches(d, tasks.Budget{})
		var calls sync.WaitGroup
		calls.Go(func() {
			if _, err := b.k.Cancel(context.Background(), ada, id); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		d.free("restore")
		calls.Wait()
		b.came(id, "cancelled", d, "act install health health restore", "undone by restore")
	})
	// With the kernel gone in between.
	onBench(t, func(b *bench) {
		d := &pad{holds: map[string]chan string{"install": make(chan string)}}
		id := b.launches(d, tasks.Budget{})
		b.reopens(d)
		if _, err := b.k.Cancel(context.Background(), ada, id); err != nil {
			t.Fatal(err)
		}
		b.came(id, "cancelled", d, "act install remove tell-2", "undone by remove, tell-2")
	})
	// Called off, and then the kernel stops in the midst of the way back.
	onBench(t, func(b *bench) {
		d := &pad{holds: map[string]chan string{"install": make(chan string), "remove": make(chan string)}}
		id := b.launches(d, tasks.Budget{})
		go func() { _, _ = b.k.Cancel(context.Background(), ada, id) }()
		synctest.Wait()
		b.reopens(d)
		b.came(id, "interrupted", d, "act install remove")
		delete(d.holds, "remove")
		if _, err := b.k.Retry(context.Background(), ada, id); err != nil {
			t.Fatal(err)
		}
		b.came(id, "cancelled", d, "act install remove remove tell-2", "undone by remove, tell-2")
	})
}

// TestTheWayBackFails holds that a failure on it is told, keeps nothing else from
// being undone, and can be tried again.
func TestTheWayBackFails(t *testing.T) {
	onBench(t, func(b *bench) {
		d := &pad{fails: []string{"install", "remove"}}
		id := b.launches(d, tasks.Budget{})
		b.came(id, "failed", d, "act install remove tell-2", "install is ill", "NOT undone: remove: remove is ill")
		d.fails = []string{"install"}
		if _, err := b.k.Retry(context.Background(), ada, id); err != nil {
			t.Fatal(err)
		}
		b.came(id, "failed", d, "act install remove tell-2 remove", "install is ill", "undone by remove, tell-2")
	})
}

// TestBudgetsOnTheWayBack uses the wall time and the tokens up: neither keeps a
// launch from being undone, and the reason is the budget.
func TestBudgetsOnTheWayBack(t *testing.T) {
	onBench(t, func(b *bench) {
		d := &pad{holds: map[string]chan string{"install": make(chan string)}}
		id := b.launches(d, tasks.Budget{WallMillis: 5000})
		time.Sleep(6 * time.Second)
		p := b.came(id, "failed", d, "act install remove tell-2", "budget wall_ms is used up", "undone by remove, tell-2")
		if p.Code != rmg.Limit {
			t.Error(p.Code)
		}
	})
	onBench(t, func(b *bench) {
		d := &pad{fails: []string{"health"}}
		id := b.launches(d, tasks.Budget{Tokens: 1})
		b.came(id, "failed", d, "act install health health restore", "budget tokens is used up", "undone by restore")
	})
	// A task of it that does not end is ended by its own time.
	onBench(t, func(b *bench) {
		d := &pad{fails: []string{"health"}, holds: map[string]chan string{"restore": make(chan string)}}
		id := b.launches(d, tasks.Budget{})
		time.Sleep(backTime + time.Second)
		b.came(id, "failed", d, "act install health health restore", "NOT undone: restore: ")
	})
}

// TestARefusalIsUndone rejects a question that has a way back, with the kernel
// gone since it was asked, too.
func TestARefusalIsUndone(t *testing.T) {
	for _, restart := range []bool{false, true} {
		onBench(t, func(b *bench) {
			d := &pad{}
			id, q := b.countsDown(d, tasks.Budget{})
			if restart {
				b.reopens(d)
			}
			b.answers(q, "reject")
			b.came(id, "failed", d, "act tell", "rejected by "+ada.Name, "undone by tell")
		})
	}
}

// TestAWayBackIsNotRaced refuses to do side by side what has effects to undo.
func TestAWayBackIsNotRaced(t *testing.T) {
	onBench(t, func(b *bench) {
		_, err := b.k.Intent(context.Background(), ada, IntentRequest{Text: "launch .", Dir: "/app", Race: 2})
		if code(err) != rmg.Invalid || !strings.Contains(err.Error(), "way back") {
			t.Error(err)
		}
	})
}

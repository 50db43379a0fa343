package kernel

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// intent begins an intent on the repository.
func (b *bench) intent(r IntentRequest) string {
	b.Helper()
	if r.SLAPS == nil {
		r.Text = "do app"
	}
	r.Dir = "/app"
	p, err := b.k.Intent(context.Background(), ada, r)
	if err != nil {
		b.Fatal(err)
	}
	return p.ID
}

// document is an intent with a budget.
func document(budget tasks.Budget, constraints ...string) *tasks.SLAPS {
	return &tasks.SLAPS{Version: "1", Intent: "Do", Target: tasks.TargetRef{Name: "app"}, Budget: budget, Constraints: constraints}
}

// end waits for a process.
func (b *bench) end(id string) Process {
	b.Helper()
	p, err := b.k.Wait(context.Background(), id)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// writes is a worker's rewrite of one file.
func writes(ctx context.Context, a work.Assignment, name, text string) error {
	if strings.HasSuffix(name, ".go") { // the kernel reads it as Go, the gates as what they know
		text = "package p\n\n//" + text
	}
	x, err := a.Workspace.PutBlob([]byte(text))
	if err != nil {
		return err
	}
	return a.Workspace.Rewrite(ctx, rewrite.Rewrite{Ops: []rewrite.Op{{Op: rewrite.Write, Path: a.Repo.Root.Child(name), Blob: x}}})
}

// TestRace: of three attempts the one that is proven first lands, whatever the
// order they came in; the others are discarded and told to whom they lost, in
// the record by which it won.
func TestRace(t *testing.T) {
	onBench(t, func(b *bench) {
		b.run.task = func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
			if err := writes(ctx, a, "z.go", fmt.Sprintf("def L%d\n", a.Lane)); err != nil {
				return work.Result{}, err
			}
			return work.Result{OK: true, Summary: "done"}, writes(ctx, a, fmt.Sprintf("l%d.go", a.Lane), "def L\n")
		}
		b.close()
		task := b.run.task
		b.open(3)
		b.run.task = task
		b.run.hold()
		id := b.intent(IntentRequest{Race: 3})
		expect(t, "each by itself", b.run.waits(), "[l1 z] [l2 z] [l3 z]")
		b.run.release(t, "[l2 z]")
		b.run.release(t, "[]")
		p := b.end(id)
		if p.Status != "landed" || p.Workspace != laneID(id, 2) {
			t.Fatalf("%s by %s: %s", p.Status, p.Workspace, p.Reason)
		}
		expect(t, "head", b.history(), "[] [l2 z]")
		if p.Evicted != nil || len(p.Evidence) == 0 || slices.ContainsFunc(p.Evidence, func(e work.Evidence) bool { return !e.Green }) {
			t.Errorf("a loser has spoken: %+v, %+v", p.Evicted, p.Evidence)
		}
		for _, n := range []int{1, 3} {
			if l := p.Lanes[n-1]; l.State != spaceDiscarded || !strings.Contains(l.Outcome, "lost the race to "+p.Workspace) {
				t.Errorf("%+v", l)
			}
		}
		rec, err := b.k.record(p.Collapse)
		if err != nil {
			t.Fatal(err)
		}
		said := 0
		for _, op := range rec.Ops {
			if op.Path == swsPath(laneID(id, 1)) || op.Path == swsPath(laneID(id, 3)) {
				said++
			}
		}
		if said != 2 {
			t.Errorf("the record tells of %d losers", said)
		}
		for _, st := range p.Tasks {
			if won := st.Lane == 2; st.Worker == workerKernel && (won != (st.State == resultOK) || !won && !strings.Contains(st.Summary, "proven first")) {
				t.Errorf("%s is %s: %s", st.ID, st.State, st.Summary)
			}
		}
	})
}

// TestRaceGoesOn: the first lane fails, the second is red, the third lands.
func TestRaceGoesOn(t *testing.T) {
	onBench(t, func(b *bench) {
		b.run.task = func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
			switch a.Lane {
			case 1:
				return work.Result{Summary: "no idea"}, nil
			case 2:
				return work.Result{OK: true}, writes(ctx, a, "l2.go", "use Nothing\n")
			}
			return work.Result{OK: true}, writes(ctx, a, "l3.go", "def L\n")
		}
		p := b.end(b.intent(IntentRequest{Race: 3}))
		if p.Status != "landed" || p.Workspace != p.Lanes[2].Workspace || p.Evicted != nil {
			t.Fatalf("%s by %s: %s, %+v", p.Status, p.Workspace, p.Reason, p.Evicted)
		}
		expect(t, "head", b.history(), "[] [l3]")
	})
}

// TestRaceLost: if none is proven the process fails, and retry races again.
func TestRaceLost(t *testing.T) {
	onBench(t, func(b *bench) {
		good := false
		b.run.task = func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
			if !good {
				return work.Result{Summary: fmt.Sprintf("no idea in lane %d", a.Lane)}, nil
			}
			return work.Result{OK: true}, writes(ctx, a, "l.go", "def L\n")
		}
		id := b.intent(IntentRequest{Race: 2})
		p := b.end(id)
		if p.Status != "failed" || !strings.Contains(p.Reason, "none of 2 attempts") || !strings.Contains(p.Reason, "no idea in lane 1") {
			t.Fatalf("%s: %s", p.Status, p.Reason)
		}
		good = true
		if _, err := b.k.Retry(context.Background(), ada, id); err != nil {
			t.Fatal(err)
		}
		if p := b.end(id); p.Status != "landed" {
			t.Fatalf("%s: %s", p.Status, p.Reason)
		}
	})
}

func TestRaceLimit(t *testing.T) {
	onBench(t, func(b *bench) {
		for _, n := range []int{-1, maxRace + 1} {
			if _, err := b.k.Intent(context.Background(), ada, IntentRequest{Text: "do app", Dir: "/app", Race: n}); !isLimit(err) {
				t.Errorf("a race of %d: %v", n, err)
			}
		}
	})
}

// TestBudgets: each budget ends the process as a limit that names it.
func TestBudgets(t *testing.T) {
	many := func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
		for i := range 5 {
			if err := writes(ctx, a, fmt.Sprintf("f%d.go", i), strings.Repeat("x", 87)); err != nil {
				break // a worker that does not mind
			}
		}
		return work.Result{OK: true, Summary: "done", Spent: work.Spent{Tokens: 50, MoneyMicros: 9}}, nil
	}
	failing := func(context.Context, string, work.Assignment) (work.Result, error) {
		return work.Result{Summary: "no"}, nil
	}
	slow := func(ctx context.Context, _ string, _ work.Assignment) (work.Result, error) {
		<-ctx.Done()
		return work.Result{}, ctx.Err()
	}
	for name, c := range map[string]struct {
		budget tasks.Budget
		task   func(context.Context, string, work.Assignment) (work.Result, error)
	}{
		"records":      {tasks.Budget{Records: 4}, many},
		"disk_bytes":   {tasks.Budget{DiskBytes: 499}, many},
		"tokens":       {tasks.Budget{Tokens: 49}, many},
		"money_micros": {tasks.Budget{MoneyMicros: 8}, many},
		"tries":        {tasks.Budget{Tries: 2}, failing},
		"wall_ms":      {tasks.Budget{WallMillis: 1000}, slow},
		"":             {tasks.Budget{Records: 5, DiskBytes: 500, Tokens: 50, MoneyMicros: 9, Tries: 3, WallMillis: 1000}, many},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, func(b *bench) {
				tries := 0
				b.run.task = func(ctx context.Context, w string, a work.Assignment) (work.Result, error) {
					tries++
					return c.task(ctx, w, a)
				}
				began := time.Now()
				p := b.end(b.intent(IntentRequest{SLAPS: document(c.budget)}))
				if name == "" {
					if p.Status != "landed" || p.Spent != (Spent{Records: 5, Bytes: 500, Tokens: 50, MoneyMicros: 9}) {
						t.Errorf("%s: %s, %+v", p.Status, p.Reason, p.Spent)
					}
					return
				}
				if p.Status != "failed" || p.Code != rmg.Limit || !strings.Contains(p.Reason, "budget "+name+" is used up") {
					t.Errorf("%s, %s: %s", p.Status, p.Code, p.Reason)
				}
				if want := max(1, c.budget.Tries); tries != want {
					t.Errorf("%d tries, not %d", tries, want)
				}
				if name == "wall_ms" && time.Since(began) != time.Second {
					t.Errorf("it ended after %v", time.Since(began))
				}
			})
		})
	}
}

// TestSerializable: two changes that break each other and that no gate finds.
// Under snapshot both land; under serializable the second read what the first
// changed.
func TestSerializable(t *testing.T) {
	for _, c := range []struct {
		request IntentRequest
		status  string
	}{
		{IntentRequest{}, "landed"},
		{IntentRequest{SLAPS: document(tasks.Budget{}, "isolation: serializable")}, "failed"},
		{IntentRequest{Isolation: "serializable"}, "failed"},
		{IntentRequest{SLAPS: document(tasks.Budget{}, "isolation: serializable"), Isolation: "snapshot"}, "landed"},
	} {
		onBench(t, func(b *bench) {
			let := make(chan struct{})
			b.run.task = func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
				<-let
				return work.Result{OK: true}, writes(ctx, a, "second.go", "def B\n")
			}
			id := b.intent(c.request)
			synctest.Wait()
			first := b.collapse(b.space(map[string]string{"first.go": "def A\n"}))
			b.landed(first)
			close(let)
			p := b.end(id)
			if p.Status != c.status {
				t.Fatalf("%+v: %s: %s", c.request, p.Status, p.Reason)
			}
			if p.Status == "failed" && (p.Evicted == nil || p.Evicted.Beaten != first.out.Seq || !strings.Contains(p.Reason, "read against modify")) {
				t.Errorf("%s, %+v", p.Reason, p.Evicted)
			}
		})
	}
}

// TestWorkersWordProvesNothing: a worker says that all is green, writes files
// that say so, and tries to write into the ledger; the gates are run all the
// same, on what it wrote.
func TestWorkersWordProvesNothing(t *testing.T) {
	onBench(t, func(b *bench) {
		var denied error
		b.run.task = func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
			if err := writes(ctx, a, "bad.go", "use Nothing\n"); err != nil {
				return work.Result{}, err
			}
			if err := writes(ctx, a, "evidence.json", `{"gate":"build","green":true}`); err != nil {
				return work.Result{}, err
			}
			denied = a.Workspace.Rewrite(ctx, rewrite.Rewrite{Ops: []rewrite.Op{{
				Op: rewrite.AddNode, Path: procPath(a.Process).Child("gate-01"), Kind: kindEvidence,
				Props: map[string]rmg.Value{"gate": rmg.String("build"), "green": rmg.Bool(true)},
			}}})
			return work.Result{OK: true, Summary: "every gate is green", Output: rmg.PropsOf(map[string]rmg.Value{"green": rmg.Bool(true)})}, nil
		}
		p := b.end(b.intent(IntentRequest{}))
		if p.Status != "failed" || !strings.Contains(p.Reason, "uses Nothing") {
			t.Errorf("%s: %s", p.Status, p.Reason)
		}
		if denied == nil {
			t.Error("a worker wrote into the ledger")
		}
		if n := b.run.runs("build", "[bad evidence.json]"); n != 1 {
			t.Errorf("the build ran %d times", n)
		}
	})
}

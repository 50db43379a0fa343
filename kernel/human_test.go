package kernel

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/work"
)

// ships starts an intent whose plan changes a file, asks a person, and deploys by
// landing. It returns when the process is parked.
func (b *bench) ships() (Process, Approval) {
	b.Helper()
	b.acts()
	p, err := b.k.Intent(context.Background(), ada, IntentRequest{Text: "ship .", Dir: "/app"})
	if err != nil {
		b.Fatal(err)
	}
	synctest.Wait()
	return b.parked(p.ID)
}

// wound is a clock that goes with the bubble, from where the other one stands.
type wound struct{ began time.Time }

func (c wound) Now() time.Time { return unwound{}.Now().Add(time.Since(c.began)) }

// wind gives the kernel a clock that goes.
func (b *bench) wind() {
	b.close()
	b.clock = wound{time.Now()}
	b.open(2)
}

// acts gives the worker something to do: a file of its own.
func (b *bench) acts() {
	b.run.task = func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
		err := a.Workspace.Rewrite(ctx, rewrite.Rewrite{Ops: []rewrite.Op{{Op: rewrite.Write, Path: a.Repo.Root.Child("v.go"), Text: "package app\n", HasText: true}}})
		return work.Result{OK: err == nil, Summary: "made v.go"}, err
	}
}

func (b *bench) parked(id string) (Process, Approval) {
	b.Helper()
	p, err := b.k.Process(id)
	list := b.k.Inbox(false)
	if err != nil || p.Status != "waiting" || len(list) != 1 || list[0].Question != "ship it?" || list[0].About != AboutTask {
		b.Fatalf("%s: %s %v; the inbox holds %+v", p.Status, p.Reason, err, list)
	}
	return p, list[0]
}

func (b *bench) ended(id string) Process {
	b.Helper()
	synctest.Wait()
	p, err := b.k.Process(id)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// TestADeployWaitsForAPerson parks a deploy at a question of its plan, stops and
// starts the kernel, and approves: it goes on where it stood, and does what was
// done before not again.
func TestADeployWaitsForAPerson(t *testing.T) {
	onBench(t, func(b *bench) {
		p, q := b.ships()
		b.close()
		b.open(2)
		again, same := b.parked(p.ID)
		if same.ID != q.ID || again.Tasks[0].Attempts != 1 {
			t.Errorf("asked as %s and then as %s; act was tried %d times", q.ID, same.ID, again.Tasks[0].Attempts)
		}
		b.run.task = func(context.Context, string, work.Assignment) (work.Result, error) {
			t.Error("what was done is done again")
			return work.Result{}, nil
		}
		if _, err := b.k.Answer(context.Background(), ada, q.ID, Reply{Answer: "approve", Comment: "go ahead"}); err != nil {
			t.Fatal(err)
		}
		p = b.ended(p.ID)
		if p.Status != "landed" || !strings.Contains(b.history(), "[v]") {
			t.Fatalf("%s: %s; %s", p.Status, p.Reason, b.history())
		}
		gate := p.Tasks[1]
		if gate.State != "ok" || gate.Output.String("answer") != "approve" || gate.Output.String("comment") != "go ahead" || gate.Output.String("by") != ada.Name {
			t.Errorf("%+v", gate)
		}
	})
}

func TestADeployIsRefused(t *testing.T) {
	for _, restart := range []bool{false, true} {
		onBench(t, func(b *bench) {
			p, q := b.ships()
			if restart {
				b.close()
				b.open(2)
			}
			if _, err := b.k.Answer(context.Background(), ada, q.ID, Reply{Answer: "reject", Comment: "not on a Friday"}); err != nil {
				t.Fatal(err)
			}
			p = b.ended(p.ID)
			if p.Status != "failed" || !strings.Contains(p.Reason, "not on a Friday") || strings.Contains(b.history(), "v") {
				t.Errorf("restart %v: %s: %s; %s", restart, p.Status, p.Reason, b.history())
			}
		})
	}
}

// TestAQuestionExpires lets a question stand for longer than its task's time: with
// the daemon there, and with it gone meanwhile.
func TestAQuestionExpires(t *testing.T) {
	onBench(t, func(b *bench) {
		b.wind()
		p, _ := b.ships()
		time.Sleep(59 * time.Minute)
		b.parked(p.ID)
		time.Sleep(2 * time.Minute)
		p = b.ended(p.ID)
		if p.Status != "failed" || !strings.Contains(p.Reason, "nobody answered") || len(b.k.Inbox(false)) != 0 {
			t.Errorf("%s: %s; inbox %+v", p.Status, p.Reason, b.k.Inbox(false))
		}
	})
	onBench(t, func(b *bench) {
		b.wind()
		p, q := b.ships()
		b.close()
		time.Sleep(61 * time.Minute)
		b.open(2)
		if _, err := b.k.Answer(context.Background(), ada, q.ID, Reply{Answer: "approve", Comment: ""}); err != nil {
			t.Fatal(err)
		}
		p = b.ended(p.ID)
		if p.Status != "failed" || !strings.Contains(p.Reason, "nobody answered") || strings.Contains(b.history(), "v") {
			t.Errorf("answered too late: %s: %s; %s", p.Status, p.Reason, b.history())
		}
	})
}

package pool

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// asked is an assignment as a pool is given one.
type asked struct {
	work.Workspace
	refuse error
	wrote  []rewrite.Op
	lines  []string
	result chan work.Result
	err    chan error
	cancel context.CancelFunc
}

func (a *asked) Rewrite(ctx context.Context, rw rewrite.Rewrite) error {
	if a.refuse != nil {
		return a.refuse
	}
	a.wrote = append(a.wrote, rw.Ops...)
	return ctx.Err()
}

// ask runs an assignment with labels, by a kind of worker.
func ask(p *Pool, kind string, refuse error, labels ...string) *asked {
	a := &asked{refuse: refuse, result: make(chan work.Result, 1), err: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	go func() {
		res, err := p.Worker(kind).Run(ctx, work.Assignment{
			Process: "p1", Task: kind, Labels: labels, Workspace: a, Emit: func(e work.Event) { a.lines = append(a.lines, e.Text) },
		})
		a.result <- res
		a.err <- err
	}()
	synctest.Wait()
	return a
}

func m(name string, labels ...string) work.Machine {
	return work.Machine{Name: name, Caller: "token:" + name, Labels: labels, Workers: []string{"script"}}
}

// take takes what is there, and waits for nothing.
func take(t *testing.T, p *Pool, who work.Machine) (work.Lease, bool) {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), time.Nanosecond)
	defer stop()
	l, ok, err := p.Take(ctx, who)
	if err != nil {
		t.Fatal(err)
	}
	return l, ok
}

func code(t *testing.T, what string, err error, want rmg.Code) {
	t.Helper()
	if !errors.Is(err, &rmg.Error{Code: want}) {
		t.Errorf("%s: %v", what, err)
	}
}

// A machine gets what asks for no more than it has, in the order in which it came.
func TestLabelsAndKindsAreAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Term)
		repair := ask(p, "repair", nil, "linux")
		gpu := ask(p, "script", nil, "gpu", "linux")
		plain := ask(p, "script", nil, "linux")
		if l, ok := take(t, p, m("m1", "linux")); !ok || !slices.Equal(l.Assignment.Labels, []string{"linux"}) || l.Worker != "script" {
			t.Errorf("%+v %v", l, ok)
		}
		if _, ok := take(t, p, m("m1", "linux")); ok {
			t.Error("a machine without a gpu has what asks for one, or a worker that it does not run")
		}
		if l, ok := take(t, p, m("m2", "gpu", "linux", "big")); !ok || len(l.Assignment.Labels) != 2 {
			t.Errorf("%+v %v", l, ok)
		}
		for _, a := range []*asked{repair, gpu, plain} {
			a.cancel()
			code := <-a.err
			if !errors.Is(code, context.Canceled) {
				t.Error(code)
			}
		}
	})
}

// One that waits is woken by what comes.
func TestATaskWakesWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Term)
		got := make(chan work.Lease)
		go func() {
			l, _, _ := p.Take(context.Background(), m("m1", "linux"))
			got <- l
		}()
		synctest.Wait()
		a := ask(p, "script", nil, "linux")
		l := <-got
		if err := p.Return(l.ID, "token:m1", work.Returned{Result: work.Result{OK: true, Adopt: "w9"}, Ops: []rewrite.Op{{Op: rewrite.Remove, Path: "/a"}}}); err != nil {
			t.Fatal(err)
		}
		res, err := <-a.result, <-a.err
		if err != nil || !res.OK || res.Adopt != "" || res.Output.String("machine") != "m1" || len(a.wrote) != 1 || !strings.Contains(a.lines[0], "linux") {
			t.Errorf("%+v %v %+v", res, err, a)
		}
		code(t, "a second result", p.Return(l.ID, "token:m1", work.Returned{}), rmg.Stale)
	})
}

// A lease lasts from sign of life to sign of life, and what comes after its end is
// not taken.
func TestSilenceEndsALease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Term)
		a := ask(p, "script", nil, "linux")
		l, _ := take(t, p, m("m1", "linux"))
		for range 5 {
			time.Sleep(Term - time.Millisecond)
			if err := p.Beat(l.ID, "token:m1", []work.Event{{Text: "on it"}}); err != nil {
				t.Fatal(err)
			}
		}
		if len(a.lines) != 6 || p.Machines()[0].Task != "p1/script" {
			t.Errorf("%q %+v", a.lines, p.Machines())
		}
		time.Sleep(Term)
		synctest.Wait()
		<-a.result
		code(t, "the attempt", <-a.err, rmg.Stale)
		code(t, "a late sign of life", p.Beat(l.ID, "token:m1", nil), rmg.Stale)
		code(t, "a late result", p.Return(l.ID, "token:m1", work.Returned{Ops: []rewrite.Op{{Op: rewrite.Remove, Path: "/a"}}}), rmg.Stale)
		if len(a.wrote) != 0 || p.Machines()[0].Task != "" {
			t.Errorf("%+v %+v", a.wrote, p.Machines())
		}
		time.Sleep(forgetAfter * Term)
		if list := p.Machines(); len(list) != 0 {
			t.Errorf("%+v is remembered", list)
		}
	})
}

// A lease is its machine's alone, and of no use once the task is called off.
func TestALeaseIsItsMachines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Term)
		a := ask(p, "script", nil, "linux")
		l, _ := take(t, p, m("m1", "linux"))
		code(t, "another's sign of life", p.Beat(l.ID, "token:m2", nil), rmg.Stale)
		_, err := p.Held(l.ID, "token:m2")
		code(t, "another's look", err, rmg.Stale)
		code(t, "another's result", p.Return(l.ID, "token:m2", work.Returned{}), rmg.Stale)
		a.cancel()
		<-a.err
		code(t, "a task that was called off", p.Beat(l.ID, "token:m1", nil), rmg.Stale)
		b := ask(p, "script", nil, "gpu")
		b.cancel()
		<-b.err
		if len(p.lent) != 0 || len(p.waiting) != 0 || p.Machines()[0].Task != "" {
			t.Errorf("%d lent, %d waiting, %+v", len(p.lent), len(p.waiting), p.Machines())
		}
	})
}

// What may not be written fails the attempt, and who brought it is told.
func TestWhatMayNotBeWrittenFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Term)
		a := ask(p, "script", &rmg.Error{Op: "rewrite", Code: rmg.Denied, Msg: "outside"}, "linux")
		l, _ := take(t, p, m("m1", "linux"))
		back := work.Returned{Result: work.Result{OK: true}, Ops: []rewrite.Op{{Op: rewrite.Remove, Path: "/a"}}}
		code(t, "the machine", p.Return(l.ID, "token:m1", back), rmg.Denied)
		code(t, "the attempt", <-a.err, rmg.Denied)
		b := ask(p, "script", nil, "linux")
		l, _ = take(t, p, m("m1", "linux"))
		back.Failure = "no such program"
		if err := p.Return(l.ID, "token:m1", back); err != nil || len(b.wrote) != 0 {
			t.Errorf("%v %+v", err, b.wrote)
		}
		if err := <-b.err; err == nil || !strings.Contains(err.Error(), "m1: no such program") {
			t.Error(err)
		}
	})
}

// A machine that waits for a task is there for as long as it waits, however short
// leases are.
func TestWhoWaitsIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(time.Second)
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		go func() { _, _, _ = p.Take(ctx, m("m1", "linux")) }()
		time.Sleep(time.Minute - time.Millisecond)
		if list := p.Machines(); len(list) != 1 {
			t.Errorf("%+v", list)
		}
		<-ctx.Done()
		synctest.Wait()
	})
}

// Who has gone away when a task comes is not given it.
func TestWhoIsGoneGetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Term)
		a := ask(p, "script", nil, "linux")
		ctx, stop := context.WithCancel(context.Background())
		stop()
		if _, ok, err := p.Take(ctx, m("m1", "linux")); ok || err != nil || len(p.waiting) != 1 {
			t.Errorf("%v %v, %d wait", ok, err, len(p.waiting))
		}
		a.cancel()
		<-a.err
	})
}

// A machine says what it is in words that are fit for a table.
func TestAMachineHasAName(t *testing.T) {
	p := New(Term)
	for _, bad := range []work.Machine{
		{Workers: []string{"script"}},
		{Name: "a b", Workers: []string{"script"}},
		{Name: "m"},
		{Name: "m", Workers: []string{"x"}, Labels: []string{""}},
		{Name: "m", Workers: []string{"x"}, Labels: make([]string, maxLabels+1)},
		{Name: strings.Repeat("m", maxName+1), Workers: []string{"x"}},
	} {
		if _, _, err := p.Take(context.Background(), bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// A machine that policy keeps from a task is told so once in the task's lines, and
// another one gets it.
func TestWhoMayNotIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Term)
		p.Judge(func(process, worker string, who work.Machine) error {
			if process != "p1" || worker != "script" || who.Name == "m1" {
				return &rmg.Error{Op: "dispatch", Code: rmg.Denied, Msg: `rule "not-m1"`}
			}
			return nil
		})
		a := ask(p, "script", nil, "linux")
		for range 2 {
			if l, ok := take(t, p, m("m1", "linux")); ok {
				t.Fatalf("%+v", l)
			}
		}
		l, ok := take(t, p, m("m2", "linux"))
		if !ok {
			t.Fatal("nobody gets it")
		}
		if err := p.Return(l.ID, "token:m2", work.Returned{Result: work.Result{OK: true}}); err != nil {
			t.Fatal(err)
		}
		<-a.result
		synctest.Wait()
		said := strings.Join(a.lines, "\n")
		if n := strings.Count(said, `m1 may not do it: dispatch: rule "not-m1"`); n != 1 {
			t.Errorf("said %d times:\n%s", n, said)
		}
	})
}

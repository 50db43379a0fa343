package kernel

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// sets starts an intent on a pad, and lets it go as far as it can.
func (b *bench) sets(d *pad, intent string) string {
	b.Helper()
	d.holds, d.ends = orMap(d.holds), map[string]error{}
	b.run.task = d.do
	id := b.intent(IntentRequest{SLAPS: &tasks.SLAPS{Version: "1", Intent: intent, Target: tasks.TargetRef{Name: "app"}}})
	synctest.Wait()
	return id
}

// did wants of a pad what was done by now; those of the last group in any order.
func (b *bench) did(d *pad, want ...string) {
	b.Helper()
	synctest.Wait()
	got := strings.Fields(d.done())
	last := strings.Fields(want[len(want)-1])
	if n := len(got) - len(last); n >= 0 {
		slices.Sort(got[n:])
	}
	slices.Sort(last)
	if text := strings.Join(got, " "); text != strings.TrimSpace(strings.Join(append(want[:len(want)-1:len(want)-1], last...), " ")) {
		b.Fatalf("done: %s\nwanted: %s", text, want)
	}
}

func (b *bench) told(id, part string) {
	b.Helper()
	lines, _, err := b.k.Lines(id, 0)
	if err != nil {
		b.Fatal(err)
	}
	if !slices.ContainsFunc(lines, func(l Line) bool { return strings.Contains(l.Text, part) }) {
		b.Errorf("nothing of %s says %q: %+v", id, part, lines)
	}
}

func holding(names ...string) map[string]chan string {
	out := map[string]chan string{}
	for _, n := range names {
		out[n] = make(chan string)
	}
	return out
}

// Of steps beside each other that want one thing for themselves, one is done at a time, in
// the order of the plan; those that only use it are done beside each other, after who asked
// before them. So it is between processes.
func TestStepsOfOneThingTakeTurns(t *testing.T) {
	onBench(t, func(b *bench) {
		d := &pad{holds: holding("left", "right", "reader", "other")}
		one := b.sets(d, "Share")
		b.did(d, "left")
		b.told(one, "waits for db, which is with "+one+"/left")
		two := b.sets(d, "Share")
		b.did(d, "left")
		d.free("left")
		b.did(d, "left right")
		d.free("right")
		b.did(d, "left right", "other reader")
		b.told(two, "waits for db, which is with "+one+"/")
		d.free("reader")
		b.did(d, "left right", "other reader")
		d.free("other") // the second goes the same way by itself now: nothing is held
		for _, id := range []string{one, two} {
			if p := b.end(id); p.Status != "collapsed" {
				t.Errorf("%s: %s", p.Status, p.Reason)
			}
		}
		if got := strings.ReplaceAll(d.done(), "reader other", "other reader"); got != "left right other reader left right other reader" {
			t.Error(got)
		}
	})
}

// A step that was cut off keeps what it had over a restart, for its process, until that has
// ended: whoever wants it waits, and is told for whom.
func TestAThingIsKeptOverARestart(t *testing.T) {
	onBench(t, func(b *bench) {
		d := &pad{holds: holding("left")}
		one := b.sets(d, "Share")
		b.did(d, "left")
		b.reopens(d)
		two := b.sets(d, "Share")
		b.did(d, "left")
		b.told(two, "waits for db, which is with "+one+"/left, kept until that process has ended: jitos retry "+one)
		if _, err := b.k.Retry(context.Background(), ada, one); err != nil {
			t.Fatal(err)
		}
		b.did(d, "left left")
		b.told(two, "waits for db")
		d.free("left")
		b.end(one)
		b.end(two)
		if n := strings.Count(d.done(), "left"); n != 3 {
			t.Errorf("left was begun %d times: %s", n, d.done())
		}
	})
	// Called off instead: what undoes the step is done first, with the thing still its own.
	onBench(t, func(b *bench) {
		d := &pad{holds: holding("left", "mop")}
		one := b.sets(d, "Share")
		b.reopens(d)
		two := b.sets(d, "Share")
		delete(d.holds, "left")
		go func() { _, _ = b.k.Cancel(context.Background(), ada, one) }()
		b.did(d, "left mop")
		d.free("mop")
		if p := b.end(one); p.Status != "cancelled" || !strings.Contains(p.Reason, "undone by mop") {
			t.Errorf("%s: %s", p.Status, p.Reason)
		}
		b.end(two)
		if !strings.HasPrefix(d.done(), "left mop left right") {
			t.Error(d.done())
		}
	})
}

// A step that failed and is to be undone has its thing until it is: nobody has it between,
// not even another step of its process, which does not begin any more.
func TestAThingIsKeptUntilItIsUndone(t *testing.T) {
	onBench(t, func(b *bench) {
		d := &pad{fails: []string{"left"}, holds: holding("left", "mop")}
		one := b.sets(d, "Share")
		two := b.sets(d, "Share")
		d.free("left")
		b.did(d, "left mop")
		d.mu.Lock()
		d.fails = nil
		d.mu.Unlock()
		d.free("mop")
		if p := b.end(one); p.Status != "failed" || !strings.Contains(p.Reason, "left is ill; undone by mop") {
			t.Errorf("%s: %s", p.Status, p.Reason)
		}
		if p := b.end(two); p.Status != "collapsed" {
			t.Errorf("%s: %s", p.Status, p.Reason)
		}
		b.did(d, "left mop left right", "other reader")
	})
}

// Who waits for a thing can be called off, and stands in nobody's way then.
func TestWhoWaitsCanBeCancelled(t *testing.T) {
	onBench(t, func(b *bench) {
		d := &pad{holds: holding("left")}
		one, two := b.sets(d, "Share"), b.sets(d, "Share")
		if p, err := b.k.Cancel(context.Background(), ada, two); err != nil || p.Status != "cancelled" {
			t.Fatal(p.Status, err)
		}
		d.free("left")
		if p := b.end(one); p.Status != "collapsed" {
			t.Errorf("%s: %s", p.Status, p.Reason)
		}
		b.did(d, "left right", "other reader")
	})
}

// What is to be done in the end is done before the proof if all goes well, and whatever
// happened if it does not: a failure, a cancel, one after a restart.
func TestFinally(t *testing.T) {
	serves := func(b *bench, d *pad, status, did string, reason ...string) {
		b.Helper()
		id := b.sets(d, "Serve")
		p := b.end(id)
		if p.Status != status || d.done() != did {
			b.Fatalf("%s: %s; done: %s\nwanted %s: %s", p.Status, p.Reason, d.done(), status, did)
		}
		for _, r := range reason {
			if !strings.Contains(p.Reason, r) {
				b.Errorf("the reason is %q, without %q", p.Reason, r)
			}
		}
		v, err := b.k.Verify(context.Background())
		if err != nil || len(v.Problems) > 0 {
			b.Error(v.Problems, err)
		}
	}
	onBench(t, func(b *bench) { serves(b, &pad{}, "collapsed", "up use down note") })
	onBench(t, func(b *bench) {
		serves(b, &pad{fails: []string{"use"}}, "failed", "up use down note", "use is ill", "in the end down, note")
	})
	onBench(t, func(b *bench) {
		serves(b, &pad{fails: []string{"up"}}, "failed", "up down note", "up is ill")
	})
	onBench(t, func(b *bench) {
		serves(b, &pad{fails: []string{"down"}}, "failed", "up use down note", "NOT done in the end: down: down is ill")
	})
	onBench(t, func(b *bench) {
		serves(b, &pad{fails: []string{"use", "down"}}, "failed", "up use down note", "use is ill", "NOT done in the end: down: down is ill")
	})
	onBench(t, func(b *bench) {
		d := &pad{holds: holding("use")}
		id := b.sets(d, "Serve")
		p, err := b.k.Cancel(context.Background(), ada, id)
		if err != nil || p.Status != "cancelled" || !strings.Contains(p.Reason, "in the end down, note") || d.done() != "up use down note" {
			t.Errorf("%s: %s; %s; %v", p.Status, p.Reason, d.done(), err)
		}
	})
	for _, how := range []string{"cancelled", "collapsed"} {
		onBench(t, func(b *bench) {
			d := &pad{holds: holding("use")}
			id := b.sets(d, "Serve")
			b.reopens(d)
			delete(d.holds, "use")
			goOn, did := b.k.Cancel, "up use down note"
			if how == "collapsed" {
				goOn, did = b.k.Retry, "up use use down note"
			}
			if _, err := goOn(context.Background(), ada, id); err != nil {
				t.Fatal(err)
			}
			if p := b.end(id); p.Status != how || d.done() != did {
				t.Errorf("%s: %s; %s", p.Status, p.Reason, d.done())
			}
		})
	}
	// Stopped in the midst of it: what is left is done after a retry of what failed.
	onBench(t, func(b *bench) {
		d := &pad{fails: []string{"use"}, holds: holding("down")}
		id := b.sets(d, "Serve")
		b.reopens(d)
		if p, _ := b.k.Process(id); p.Status != "interrupted" {
			t.Fatal(p.Status)
		}
		delete(d.holds, "down")
		if _, err := b.k.Retry(context.Background(), ada, id); err != nil {
			t.Fatal(err)
		}
		if p := b.end(id); p.Status != "failed" || d.done() != "up use down use down note" {
			t.Errorf("%s: %s; %s", p.Status, p.Reason, d.done())
		}
	})
	// A plan that goes on another way owes what the way before it began.
	onBench(t, func(b *bench) {
		b.run.more = []work.Description{{Name: "fast"}}
		d := &pad{fails: []string{"up-fast"}}
		p := b.end(b.sets(d, "Serve"))
		did := strings.Fields(d.done())
		if slices.Sort(did); p.Status != "collapsed" || strings.Join(did, " ") != "down note note-2 up up-fast use" {
			t.Errorf("%s: %s; %s", p.Status, p.Reason, d.done())
		}
	})
	onBench(t, func(b *bench) {
		_, err := b.k.Intent(context.Background(), ada, IntentRequest{Dir: "/app", Race: 2, SLAPS: &tasks.SLAPS{Version: "1", Intent: "Serve", Target: tasks.TargetRef{Name: "app"}}})
		if code(err) != rmg.Invalid || !strings.Contains(err.Error(), "finally") {
			t.Error(err)
		}
	})
}

// A step that ends well without what it has to leave has failed, by the code of a gate; it
// is tried again as any, and what it left counts wherever it stands.
func TestArtifacts(t *testing.T) {
	onBench(t, func(b *bench) {
		tries := 0
		b.run.task = func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
			tries++
			var err error
			if a.Task == "make" && tries == 2 {
				err = errors.Join(writes(ctx, a, "v.go", "x"), a.Workspace.Rewrite(ctx, rewrite.Rewrite{Ops: []rewrite.Op{{Op: rewrite.Write, Path: a.Repo.Root.Join("out", "x.txt"), Text: "x", HasText: true}}}))
			}
			return work.Result{OK: true, Summary: "made"}, err
		}
		ask := IntentRequest{SLAPS: &tasks.SLAPS{Version: "1", Intent: "Leave", Target: tasks.TargetRef{Name: "app"}}}
		if p := b.end(b.intent(ask)); p.Status != "landed" || p.Tasks[0].Attempts != 2 {
			t.Fatalf("%s: %s; %s", p.Status, p.Reason, states(p))
		}
		tries = 2
		b.run.task = func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
			if tries++; tries > 3 {
				return work.Result{OK: true, Summary: "made"}, nil
			}
			return work.Result{OK: true, Summary: "made"}, a.Workspace.Rewrite(ctx, rewrite.Rewrite{Ops: []rewrite.Op{{Op: rewrite.Remove, Path: a.Repo.Root.Child("v.go")}}})
		}
		p := b.end(b.intent(ask))
		if p.Status != "failed" || p.Code != rmg.GateFailed || !strings.Contains(p.Reason, "left no v.go") || strings.Contains(p.Reason, "out/*.txt") {
			t.Errorf("%s %s: %s", p.Status, p.Code, p.Reason)
		}
	})
}

// What a step needs granted is looked at before anything of its process begins.
func TestCapabilitiesOfAStep(t *testing.T) {
	onBench(t, func(b *bench) {
		b.run.task = (&pad{}).do
		doc := &tasks.SLAPS{Version: "1", Intent: "Reach", Target: tasks.TargetRef{Name: "app"}}
		_, err := b.k.Intent(context.Background(), ada, IntentRequest{Dir: "/app", SLAPS: doc})
		var e *rmg.Error
		if !errors.As(err, &e) || e.Code != rmg.Denied || !strings.Contains(e.Msg, "call needs the capability host:api.example.com:443") || !strings.Contains(e.Hint, "--network api.example.com:443") {
			t.Fatalf("%v", err)
		}
		if list := b.k.Processes(); len(list) != 0 {
			t.Errorf("%d processes were begun", len(list))
		}
		doc.Scope.Network = []string{"api.example.com:443"}
		if p := b.end(b.intent(IntentRequest{SLAPS: doc})); p.Status != "landed" {
			t.Errorf("%s: %s", p.Status, p.Reason)
		}
	})
	for _, c := range []struct {
		needs string
		have  work.Rights
		ok    bool
	}{
		{"protected:go.mod", work.Rights{Granted: []string{"go.*"}}, true},
		{"protected:go.mod", work.Rights{Granted: []string{"go.sum"}}, false},
		{"protected:**/*_test.go", work.Rights{Granted: []string{"*"}}, false},
		{"protected:**/*_test.go", work.Rights{Granted: []string{"**/*_test.go"}}, true},
		{"write:deploy/**", work.Rights{Write: []string{"**"}}, true},
		{"write:deploy/x", work.Rights{Write: []string{"deploy/**"}}, true},
		{"write:deploy/**", work.Rights{Write: []string{"deploy/*"}}, false},
		{"network", work.Rights{Hosts: []string{"a:1"}}, true},
		{"network", work.Rights{}, false},
		{"system", work.Rights{Capabilities: []string{"system"}}, true},
		{"system", work.Rights{}, false},
	} {
		if err := mayBegin(c.have, tasks.Task{ID: "t", Capabilities: []string{c.needs}}); (err == nil) != c.ok {
			t.Errorf("%s with %+v: %v", c.needs, c.have, err)
		}
	}
}

package sched_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/sched"
)

func one(owner string, key uint64, at rmg.Path) sched.Request {
	return sched.Request{Owner: owner, Key: key, Footprint: &rewrite.Footprint{Writes: []rmg.Path{at}}}
}

func fill(t testing.TB, q *sched.Queue, rs ...sched.Request) {
	t.Helper()
	for _, r := range rs {
		if err := q.Add(r); err != nil {
			t.Fatal(err)
		}
	}
}

func took(answers []sched.Answer) (out []string) {
	for _, a := range answers {
		if a.Outcome == sched.Applied {
			out = append(out, fmt.Sprint(a.Owner, a.Key))
		}
	}
	return out
}

func fine(*sched.Request) error { return nil }

// TestQueueOrder: priority, then share by weight, then owner and key; never the
// order of adding.
func TestQueueOrder(t *testing.T) {
	rs := []sched.Request{}
	for i := range uint64(6) {
		rs = append(rs, one("light", i, rmg.Path(fmt.Sprintf("/l%d", i))), one("heavy", i, rmg.Path(fmt.Sprintf("/h%d", i))))
	}
	urgent := one("light", 99, "/u")
	urgent.Priority = 1
	rs = append(rs, urgent)
	weight := func(owner string) int { return map[string]int{"heavy": 3}[owner] }
	want := []string{"light99", "heavy0", "heavy1", "heavy2", "light0", "heavy3", "heavy4"}
	rapid.Check(t, func(t *rapid.T) {
		q := sched.NewQueue(sched.Limits{Tick: 7}, weight)
		for _, r := range rapid.Permutation(rs).Draw(t, "arrival") {
			if err := q.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		answers := q.Tick(fine)
		if got := took(answers); !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
		if len(answers) != len(rs) || q.Len() != len(rs)-7 {
			t.Fatalf("%d answers, %d wait", len(answers), q.Len())
		}
	})
}

// TestQueueReceipts: applied, deferred for whom, deferred for want of room, refused
// with the reason.
func TestQueueReceipts(t *testing.T) {
	q := sched.NewQueue(sched.Limits{Tick: 2}, nil)
	other := one("a", 4, "/x")
	other.View = "w1"
	fill(t, q, one("a", 1, "/x"), one("a", 2, "/x"), one("a", 3, "/y"), other)
	stale := &rmg.Error{Code: rmg.Stale}
	answers := q.Tick(func(r *sched.Request) error {
		if r.Key == 3 {
			return stale
		}
		return nil
	})
	if a := answers[0]; a.Outcome != sched.Applied || a.Key != 1 {
		t.Errorf("%+v", a)
	}
	if a := answers[1]; a.Outcome != sched.Deferred || a.By == nil || a.By.Key != 1 {
		t.Errorf("%+v", a)
	}
	if a := answers[2]; a.Outcome != sched.Refused || a.Err != stale {
		t.Errorf("%+v", a)
	}
	if a := answers[3]; a.Outcome != sched.Deferred || a.By != nil {
		t.Errorf("%+v", a)
	}
	if got := took(q.Tick(fine)); !slices.Equal(got, []string{"a2", "a4"}) {
		t.Errorf("then %v", got)
	}
}

// TestQueueLimits: a full queue answers limit, and who fills it leaves room for
// others.
func TestQueueLimits(t *testing.T) {
	q := sched.NewQueue(sched.Limits{Pending: 3, PerOwner: 2}, nil)
	fill(t, q, one("a", 1, "/1"), one("a", 2, "/2"))
	limit, exists := &rmg.Error{Code: rmg.Limit}, &rmg.Error{Code: rmg.Exists}
	if err := q.Add(one("a", 3, "/3")); !errors.Is(err, limit) {
		t.Errorf("%v", err)
	}
	if err := q.Add(one("a", 1, "/3")); !errors.Is(err, limit) {
		t.Errorf("%v", err)
	}
	fill(t, q, one("b", 1, "/3"))
	if err := q.Add(one("c", 1, "/4")); !errors.Is(err, limit) {
		t.Errorf("%v", err)
	}
	q.Tick(fine)
	fill(t, q, one("a", 1, "/1"))
	if err := q.Add(one("a", 1, "/2")); !errors.Is(err, exists) {
		t.Errorf("%v", err)
	}
}

// TestQueueStarvesNobody: whoever loses to a stream of requests that conflict, of a
// greater priority and weight, is applied after a bounded number of ticks.
func TestQueueStarvesNobody(t *testing.T) {
	q := sched.NewQueue(sched.Limits{Tick: 1}, func(owner string) int { return map[string]int{"loud": 1000}[owner] })
	fill(t, q, one("quiet", 1, "/x"))
	for tick := range sched.MaxDeferrals + 2 {
		loud := one("loud", uint64(tick), "/x")
		loud.Priority = 100
		fill(t, q, loud)
		if got := took(q.Tick(fine)); slices.Equal(got, []string{"quiet1"}) {
			if tick <= sched.MaxDeferrals {
				t.Errorf("in tick %d already", tick)
			}
			return
		}
	}
	t.Error("it waits still")
}

// TestQueueSizes: one algorithm, whatever the size: all that is apart is one tick,
// and what meets is taken as one by one.
func TestQueueSizes(t *testing.T) {
	for _, n := range []int{1, 2, 1022, 1023, 1024, 1025, 1026} {
		q := sched.NewQueue(sched.Limits{}, nil)
		for i := range n {
			fill(t, q, one(fmt.Sprint(i%3), uint64(i), rmg.Root.Child(fmt.Sprint(i/2))))
		}
		first, second := q.Tick(fine), q.Tick(fine)
		if len(took(first)) != (n+1)/2 || len(took(second)) != n/2 || q.Len() != 0 {
			t.Errorf("n %d: %d, then %d, and %d wait", n, len(took(first)), len(took(second)), q.Len())
		}
	}
}

// TestQueueSaysForWhom: each that is deferred names the one that it conflicts with, as
// that one was added.
func TestQueueSaysForWhom(t *testing.T) {
	q := sched.NewQueue(sched.Limits{}, nil)
	first := one("b", 9, "/x")
	first.Priority, first.View = 3, "w"
	fill(t, q, one("a", 1, "/x"), one("a", 2, "/y"), one("b", 3, "/x"), one("a", 4, "/y"), one("b", 5, "/x"), first)
	again := one("b", 10, "/x")
	again.View = "w"
	fill(t, q, again)
	got := map[uint64]string{}
	for _, a := range q.Tick(fine) {
		if a.By != nil {
			got[a.Key] = fmt.Sprint(a.By.Owner, a.By.Key, a.By.View, a.By.Priority, a.By.Footprint.Writes)
		}
	}
	want := map[uint64]string{3: "a10 [/x]", 4: "a20 [/y]", 5: "a10 [/x]", 10: "b9w3 [/x]"}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

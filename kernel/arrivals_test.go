package kernel

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/sched"
)

// change is one op of an owner's.
type change struct {
	owner string
	op    rewrite.Op
}

// submitted has the writer find changes of the system that came in this order, a
// record each, and returns their receipts.
func (b *bed) submitted(all ...change) (out []Receipt) {
	b.Helper()
	b.writing.Lock()
	var wait []*request
	for _, c := range all {
		ops := []rewrite.Op{c.op}
		r := &request{
			ctx: context.Background(), owner: c.owner, view: "system", footprint: rewrite.FootprintOf(ops), size: 1, done: make(chan answer, 1),
			eval: func(*fold, uint64) (draft, error) { return draft{view: "system", author: c.owner, ops: ops}, nil },
		}
		if err := b.arrivals.add(r); err != nil {
			b.Fatalf("%v", err)
		}
		wait = append(wait, r)
	}
	b.writing.Unlock()
	for _, r := range wait {
		a := <-r.done
		if a.err != nil {
			b.Fatalf("%v", a.err)
		}
		out = append(out, a.receipt)
	}
	return out
}

// floods are n changes of an owner of which no two share a tick.
func floods(owner string, n int) []change {
	return slices.Repeat([]change{{owner, rewrite.Op{Op: rewrite.Set, Path: "/n", Props: map[string]rmg.Value{"x": rmg.Int(1)}}}}, n)
}

// TestFlood: whoever comes while others flood has waited for a tick of each of them,
// however much of theirs is there: it is as if they had one each.
func TestFlood(t *testing.T) {
	b := kernelFor(t)
	b.write("system", node("/n", 0))
	for _, floods4 := range []int{30, 800} { // what fits one frame, and what does not
		var all []change
		owners := []string{"sws:w1", "sws:w2", "p1", "eve@host"}
		for _, o := range owners {
			all = append(all, floods(o, floods4)...)
		}
		first := b.now().tick + 1
		got := b.submitted(append(all, change{"p2", set("/n", 2)})...)
		if last := got[len(got)-1]; last.Tick > first+uint64(len(owners)+weightPerson) {
			t.Errorf("of %d that wait before it: it is in tick %d, the first was %d", len(all), last.Tick, first)
		}
		if n := b.now().tick; n != first+uint64(len(all)) {
			t.Errorf("%d ticks, want one for each of %d", n-first+1, len(all)+1)
		}
	}
	b.restart()
}

// TestFloodGoesOn: who asks one thing after another beside hundreds who do the same
// is answered within the frame that is written and the tick after it, each time.
func TestFloodGoesOn(t *testing.T) {
	const many, rounds = 300, 10
	b := kernelFor(t)
	b.write("system", node("/n", 0))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	for range many {
		go func() {
			var err error
			for err == nil && ctx.Err() == nil {
				_, err = b.Rewrite(context.Background(), Caller{Name: "eve@host"}, "system", rewrite.Rewrite{Ops: []rewrite.Op{set("/n", 1)}})
			}
			ended <- err
		}()
	}
	for range rounds {
		for b.arrivals.len() < many/2 {
			runtime.Gosched()
		}
		b.writing.Lock() // so that it is known which ticks were before
		for b.arrivals.len() < many/2 {
			runtime.Gosched()
		}
		before, done := b.now().tick, make(chan Receipt)
		waits := b.arrivals.of(ada.Name)
		go func() { done <- b.write("system", set("/n", 2)) }()
		for b.arrivals.of(ada.Name) == waits {
			runtime.Gosched()
		}
		b.writing.Unlock()
		if r := <-done; r.Tick > before+2+weightPerson {
			t.Errorf("in tick %d, %d were before it came", r.Tick, before)
		}
	}
	stop()
	for range many {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// of is how many of an owner wait.
func (a *arrivals) of(owner string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.intake.Of(owner)
}

// TestWeights: who has more weight goes more often, in the order of one's own; the
// policy says how much, of one or of a sort, and what is no weight counts as none.
func TestWeights(t *testing.T) {
	b := kernelFor(t)
	b.write("system", node("/n", 0))
	order := func() string {
		from := b.now().seq + 1
		var all []change
		for _, o := range []string{"p1", "sws:w1", "p2", "eve@host", "kernel p1"} {
			all = append(all, floods(o, 4)...)
		}
		b.submitted(all...)
		var out []string
		for r, err := range b.Records(from, 0) {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, r.Author)
		}
		return strings.Join(out, " ")
	}
	want := "kernel p1 kernel p1 kernel p1 kernel p1 p1 sws:w1 p2 eve@host eve@host eve@host eve@host p1 sws:w1 p2 p1 sws:w1 p2 p1 sws:w1 p2"
	if got := order(); got != want {
		t.Errorf("by default\n%s\nwant\n%s", got, want)
	}
	if _, err := b.SetPolicy(t.Context(), ada, []byte(`settings: {weights: ["process = 2", "p2=1", "person=1", "sws:w1=1001", "kernel p1=3", "workspace", "=2"]}`), ""); err != nil {
		t.Fatal(err)
	}
	want = "kernel p1 kernel p1 kernel p1 kernel p1 p1 sws:w1 p2 eve@host p1 p1 sws:w1 p2 eve@host p1 sws:w1 p2 eve@host sws:w1 p2 eve@host"
	if got := order(); got != want {
		t.Errorf("by policy\n%s\nwant\n%s", got, want)
	}
	b.restart()
	if got := order(); got != want {
		t.Errorf("after a restart\n%s\nwant\n%s", got, want)
	}
}

// TestQueueOwn: who has as much waiting as one may is refused, with what to do, and
// nobody else is; a person's workspaces are owners of their own.
func TestQueueOwn(t *testing.T) {
	b := kernelFor(t)
	b.write("system", node("/n", 0))
	w := b.new(ForkRequest{})
	if _, err := b.SetPolicy(t.Context(), ada, []byte("settings: {queue_own_max: 3}"), ""); err != nil {
		t.Fatal(err)
	}
	b.alone.Store(false)
	b.writing.Lock()
	done := make(chan error, 6)
	// ask says whether it waits, or how it was answered.
	ask := func(c Caller, view string) error {
		before := b.arrivals.len()
		go func() {
			_, err := b.Rewrite(context.Background(), c, view, rewrite.Rewrite{Ops: []rewrite.Op{set("/n", 1)}})
			done <- err
		}()
		for b.arrivals.len() == before {
			select {
			case err := <-done:
				return err
			default:
				runtime.Gosched()
			}
		}
		return nil
	}
	eve := Caller{Name: "eve@host"}
	for i, c := range []struct {
		by   Caller
		view string
		full bool
	}{{ada, "system", false}, {ada, "system", false}, {ada, "system", false}, {ada, "system", true}, {ada, "sws:" + w, false}, {eve, "system", false}} {
		switch err := ask(c.by, c.view); {
		case !c.full && err != nil:
			t.Errorf("%d: %v", i, err)
		case c.full && (code(err) != rmg.Limit || !strings.Contains(err.Error(), "3 changes of ada@host")):
			t.Errorf("%d: %v", i, err)
		case c.full:
			if e := b.refused(err, rmg.Limit); !strings.Contains(e.Hint, "queue_own_max") {
				t.Errorf("%d: %v", i, err)
			}
		}
	}
	b.writing.Unlock()
	for range 5 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	b.write("system", set("/n", 2))
}

// TestQueueFull: what waits is bounded, with room left for those of whom nothing
// waits.
func TestQueueFull(t *testing.T) {
	a := newArrivals()
	add := func(owner string) error { return a.add(&request{owner: owner, size: 1}) }
	for i := range maxQueue {
		if err := add(fmt.Sprint("p", i%4)); err != nil {
			t.Fatalf("the %dth: %v", i, err)
		}
	}
	if err := add("p0"); code(err) != rmg.Limit {
		t.Errorf("one more of who has many: %v", err)
	}
	for i := range maxQueueReserve {
		if err := add(fmt.Sprint("sws:w", i)); err != nil {
			t.Fatalf("the %dth who has none: %v", i, err)
		}
	}
	if err := add("last@host"); code(err) != rmg.Limit {
		t.Errorf("one more: %v", err)
	}
	batch := a.take(nil)
	if len(batch) != maxBatch || a.len() != maxQueue+maxQueueReserve-maxBatch {
		t.Errorf("a batch of %d, %d wait", len(batch), a.len())
	}
	if err := add("last@host"); err != nil {
		t.Error(err)
	}
}

// TestQueueBytes: a batch is no greater than a frame holds, but has one at least.
func TestQueueBytes(t *testing.T) {
	a := newArrivals()
	for _, size := range []int{5 * maxBatchBytes, 1, maxBatchBytes, 1} {
		if err := a.add(&request{owner: "p1", size: size}); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int{1, 2, 1, 0} {
		if got := a.take(nil); len(got) != want {
			t.Errorf("%d, want %d", len(got), want)
		}
	}
	if err := a.add(&request{owner: "p1", size: 1}); err != nil {
		t.Fatal(err)
	}
	if got := a.take([]*request{{size: maxBatchBytes}}); len(got) != 1 {
		t.Errorf("%d beside one that fills the frame", len(got))
	}
}

// TestQueueRest: what a frame has no room for, as rules made many records of what
// came before, waits again, and others take turns with it.
func TestQueueRest(t *testing.T) {
	b := kernelFor(t)
	b.write("system", node("/n", 0), addOp("/c", "Count", map[string]rmg.Value{"n": rmg.Int(0)}))
	if _, err := b.SetPolicy(t.Context(), ada, []byte("settings: {rule_fuel: 10000}"), ""); err != nil {
		t.Fatal(err)
	}
	b.addRules("rules:\n  - {rule: down, reactive: true, match: [\"c:Count\"], where: [\"c.n > 0\"], inc: {c.n: \"-1\"}}\n")
	const many = maxFrameTicks + 1
	from := b.now().seq + 1
	got := b.submitted(
		change{"a", setOp("/c", map[string]rmg.Value{"n": rmg.Int(many)})},
		change{"a", set("/n", 1)}, change{"a", set("/n", 2)}, change{"b", set("/n", 3)},
	)
	// The first of each shares a tick with nothing, as a rule may fire for it.
	for i, want := range []uint64{from, from + many + 2, from + many + 3, from + many + 1} {
		if got[i].Seq != want {
			t.Errorf("change %d is record %d, want %d", i, got[i].Seq, want)
		}
	}
	b.want("system", "/n", "x", "2")
	b.restart()
}

// TestOwners says whose turn a request takes.
func TestOwners(t *testing.T) {
	for _, c := range [][4]string{
		{"system", "ada@host", "", "ada@host"},
		{"system", "ada@host", "token", "ada@host"},
		{"sws:w4", "ada@host", "", "sws:w4"},
		{"sws:w4", "worker:repair", "p3/t1", "p3"},
		{"system", "worker:repair", "p3/t1", "p3"},
		{"sws:w4", "kernel", "undo:7", "sws:w4"},
		{"sws:w4", "git", "sync", "sws:w4"},
		{"system", "kernel", "p3", "kernel p3"},
		{"system", "kernel", "p3/t1", "kernel p3"},
		{"system", "kernel", "ttl", "kernel "},
		{"system", "git", "sync", "kernel "},
		{"system", "eve", "push", "eve"},
		{"system", "eve", "p", "eve"},
	} {
		if got := ownerOf(c[0], c[1], c[2]); got != c[3] {
			t.Errorf("%q of %s for %q is %q's, want %q", c[0], c[1], c[2], got, c[3])
		}
	}
	if s := (weights{}).of("kernel p3"); s != (sched.Standing{Priority: 1, Weight: 1}) {
		t.Errorf("%+v", s)
	}
}

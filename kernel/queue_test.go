package kernel

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"jitos.dev/rmg"
	"jitos.dev/work"
)

// expect compares.
func expect(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: %s, not %s", what, got, want)
	}
}

// TestQueueLandsInOrder: the second is proven on what the first leaves while
// that is proven itself, is green sooner, and waits.
func TestQueueLandsInOrder(t *testing.T) {
	onBench(t, func(b *bench) {
		a, c := b.space(map[string]string{"a.go": "def A\n"}), b.space(map[string]string{"c.go": "def C\n"})
		b.run.hold()
		first, second := b.collapse(a), b.collapse(c)
		expect(t, "side by side", b.run.waits(), "[a c] [a]")
		b.run.release(t, "[a c]") // and its head, which is the first's candidate
		if first.over() || second.over() {
			t.Fatal("one ended before the first was proven")
		}
		b.run.release(t, "[a]")
		b.run.free()
		b.landed(first)
		b.landed(second)
		expect(t, "head", b.history(), "[] [a] [a c]")
		if n := b.run.runs("all tests", "[a]"); n != 1 {
			t.Errorf("the first's tests ran %d times: for itself, and as the second's head", n)
		}
		if n := b.run.runs("all tests", "[a c]"); n != 1 {
			t.Errorf("the second's tests ran %d times", n)
		}
	})
}

// TestQueueLimitsProofs: of many that wait only so many are proven at once, and
// the first ones.
func TestQueueLimitsProofs(t *testing.T) {
	onBench(t, func(b *bench) {
		var all []*ending
		var ids []string
		for _, n := range []string{"a", "c", "d", "e"} {
			ids = append(ids, b.space(map[string]string{n + ".go": "def " + n + "\n"}))
		}
		b.run.hold()
		for _, id := range ids {
			all = append(all, b.collapse(id))
		}
		expect(t, "the first two", b.run.waits(), "[a c] [a]")
		// The head moves: again it is the first two, not those who wait longest.
		b.repo.commit(t, map[string]string{"p.go": "def P\n"})
		b.space(map[string]string{"x.go": "def X\n"})
		expect(t, "the first two", b.run.waits(), "[a c p] [a p]")
		b.run.release(t, "[a c p]")
		b.run.free()
		for _, e := range all {
			b.landed(e)
		}
		if b.run.most != defaultProofs {
			t.Errorf("%d proofs were under way at once, not %d", b.run.most, defaultProofs)
		}
		expect(t, "head", b.history(), "[] [p] [a p] [a c p] [a c d p] [a c d e p]")
	})
}

// TestQueueEvicts: the one in the middle takes away what the base defines and
// the last one uses; each is green alone. The last is evicted, and is told by
// whom it was beaten; who stands behind a red one is predicted without it.
func TestQueueEvicts(t *testing.T) {
	onBench(t, func(b *bench) {
		b.close()
		b.open(3)
		rename := b.space(map[string]string{"base.go": "def New\n", "n.go": "use New\n"})
		user := b.space(map[string]string{"u.go": "use Old\n"})
		other := b.space(map[string]string{"x.go": "def X\n"})
		b.run.hold()
		first := b.collapse(rename)
		second := b.collapse(user)
		third := b.collapse(other)
		expect(t, "each on those before it", b.run.waits(), "[n u x] [n u] [n]")
		b.run.release(t, "[n u]")
		b.run.release(t, "[n]") // which is the second's head, too
		// Red on what the rename leaves: the third is proven without it.
		expect(t, "without the red one", b.run.waits(), "[] [n x]")
		if second.over() {
			t.Fatal("evicted although what beats it may yet go")
		}
		b.run.free()
		b.landed(first)
		b.landed(third)
		if !second.over() || second.err == nil {
			t.Fatal("the second landed")
		}
		landed := first.out.Process + ": Collapse " + rename
		for _, want := range []string{"build", "uses Old, which nothing defines", "beaten by seq", landed} {
			if !strings.Contains(second.err.Error(), want) {
				t.Errorf("%q is not in the reason: %v", want, second.err)
			}
		}
		p, err := b.k.Process(second.out.Process)
		if err != nil {
			t.Fatal(err)
		}
		if p.Status != "failed" || p.Evicted == nil || p.Evicted.Beaten != first.out.Seq || p.Evicted.BeatenBy != landed ||
			strings.Join(p.Evicted.Files, " ") != "u.go" {
			t.Errorf("the process says %s, %+v", p.Status, p.Evicted)
		}
		red := 0
		for _, e := range p.Evidence {
			if !e.Green && e.Gate == "build" {
				red++
			}
		}
		if red != 1 {
			t.Errorf("the evidence is not there: %+v", p.Evidence)
		}
		w, err := b.k.Workspace(user)
		if err != nil {
			t.Fatal(err)
		}
		if w.State != spaceOpen || !strings.Contains(w.Outcome, "beaten by seq") {
			t.Errorf("the workspace is %s: %s", w.State, w.Outcome)
		}
	})
}

// TestQueueRedAlone: what is red by itself was beaten by nobody.
func TestQueueRedAlone(t *testing.T) {
	onBench(t, func(b *bench) {
		bad := b.space(map[string]string{"u.go": "use Nothing\n"})
		b.landed(b.collapse(b.space(map[string]string{"a.go": "def A\n"})))
		e := b.collapse(bad)
		if !e.over() || e.err == nil || strings.Contains(e.err.Error(), "beaten") {
			t.Fatalf("%v", e.err)
		}
		if p, _ := b.k.Process(e.out.Process); p.Evicted == nil || p.Evicted.Beaten != 0 {
			t.Errorf("%+v", p.Evicted)
		}
	})
}

// TestQueueNamesTheRival: of several changes it is the one that turned it red.
func TestQueueNamesTheRival(t *testing.T) {
	onBench(t, func(b *bench) {
		user := b.space(map[string]string{"u.go": "use Old\n"})
		var seqs []uint64
		for _, files := range []map[string]string{{"a.go": "def A\n"}, {"c.go": "def C\n"}, {"base.go": "def New\n"}, {"d.go": "def D\n"}, {"e.go": "def E\n"}} {
			e := b.collapse(b.space(files))
			b.landed(e)
			seqs = append(seqs, e.out.Seq)
		}
		e := b.collapse(user)
		if !e.over() || e.err == nil {
			t.Fatal("it landed")
		}
		if p, _ := b.k.Process(e.out.Process); p.Evicted == nil || p.Evicted.Beaten != seqs[2] {
			t.Errorf("seqs %d: %+v", seqs, p.Evicted)
		}
	})
}

// TestQueueRedTest: what only a test shows, and only on both together.
func TestQueueRedTest(t *testing.T) {
	onBench(t, func(b *bench) {
		user := b.space(map[string]string{"u.go": "want Old\n"})
		rename := b.collapse(b.space(map[string]string{"base.go": "def New\n"}))
		b.landed(rename)
		e := b.collapse(user)
		if !e.over() || e.err == nil || !strings.Contains(e.err.Error(), "all tests: 1 test red: p.u.go") {
			t.Fatalf("%v", e.err)
		}
		if p, _ := b.k.Process(e.out.Process); p.Evicted == nil || p.Evicted.Beaten != rename.out.Seq {
			t.Errorf("%+v", p.Evicted)
		}
	})
}

// TestQueueConflict: two that write the same place; the second is told by whom.
func TestQueueConflict(t *testing.T) {
	onBench(t, func(b *bench) {
		one, two := b.space(map[string]string{"base.go": "def Old\ndef One\n"}), b.space(map[string]string{"base.go": "def Old\ndef Two\n"})
		b.run.hold()
		first, second := b.collapse(one), b.collapse(two)
		if second.over() {
			t.Fatal("a conflict with what may not land is not the end")
		}
		b.run.free()
		b.landed(first)
		if !second.over() || !isConflict(second.err) || len(second.out.Conflicts) == 0 {
			t.Fatalf("%v", second.err)
		}
		if p, _ := b.k.Process(second.out.Process); p.Evicted == nil || p.Evicted.Beaten != first.out.Seq {
			t.Errorf("%+v", p.Evicted)
		}
	})
}

// TestQueueConflictGoesAway: the first turns out red, so the second, which
// conflicts with it, lands after all.
func TestQueueConflictGoesAway(t *testing.T) {
	onBench(t, func(b *bench) {
		one, two := b.space(map[string]string{"base.go": "def Old\nuse Nothing\n"}), b.space(map[string]string{"base.go": "def Old\ndef Two\n"})
		b.run.hold()
		first, second := b.collapse(one), b.collapse(two)
		b.run.free()
		if !first.over() || first.err == nil {
			t.Fatal("the first landed")
		}
		b.landed(second)
	})
}

// TestQueuePersonCommits: the head moves under two that are proven; both are
// predicted anew, and what they see of it decides what is run again.
func TestQueuePersonCommits(t *testing.T) {
	onBench(t, func(b *bench) {
		a, c := b.space(map[string]string{"a.go": "def A\n"}), b.space(map[string]string{"c.go": "def C\n"})
		b.run.hold()
		first, second := b.collapse(a), b.collapse(c)
		expect(t, "before", b.run.waits(), "[a c] [a]")
		b.repo.commit(t, map[string]string{"p.go": "def P\n"})
		// Somebody's sync brings it in: the proofs under way are of no use.
		if _, err := b.k.Fork(context.Background(), ada, ForkRequest{Dir: "/app"}); err != nil {
			t.Fatal(err)
		}
		expect(t, "after", b.run.waits(), "[a c p] [a p]")
		b.run.free()
		b.landed(first)
		b.landed(second)
		expect(t, "head", b.history(), "[] [p] [a p] [a c p]")
	})
}

// TestQueueHeld: a head that moves at every look is held for the front after
// maxRounds, and what moves it in git even then ends in a branch of its own.
func TestQueueHeld(t *testing.T) {
	onBench(t, func(b *bench) {
		a := b.space(map[string]string{"a.go": "def A\n"})
		n, looks := 0, 0
		b.repo.onLand = func() {
			b.repo.mu.Lock()
			b.repo.onHead = nil
			b.repo.mu.Unlock()
		}
		b.repo.onHead = func() {
			looks++
			if looks > 1 {
				n++
				b.repo.commit(t, map[string]string{"p.go": "def P" + strings.Repeat("x", n) + "\n"})
			}
		}
		first := b.collapse(a)
		b.landed(first)
		p, err := b.k.Process(first.out.Process)
		if err != nil {
			t.Fatal(err)
		}
		if p.Rounds != maxRounds+1 {
			t.Errorf("%d proofs for %d rounds", p.Rounds, maxRounds)
		}
	})
}

// TestQueueUnlanded: a branch that moves at every landing keeps the commit on a
// branch of its own, after as many rounds again.
func TestQueueUnlanded(t *testing.T) {
	onBench(t, func(b *bench) {
		a := b.space(map[string]string{"a.go": "def A\n"})
		n := 0
		b.repo.onLand = func() {
			n++
			b.repo.commit(t, map[string]string{"p.go": "def P" + strings.Repeat("x", n) + "\n"})
		}
		e := b.collapse(a)
		if !e.over() || e.err != nil || e.out.LandedOn != "jitos/"+e.out.Process {
			t.Fatalf("%q: %v", e.out.LandedOn, e.err)
		}
		if n != 2*maxRounds {
			t.Errorf("%d landings tried", n)
		}
		b.repo.onLand = nil
		b.landed(b.collapse(b.space(map[string]string{"c.go": "def C\n"})))
	})
}

// TestQueueCancel: one that is cancelled while it waits is gone, and who stood
// behind it is predicted without it.
func TestQueueCancel(t *testing.T) {
	onBench(t, func(b *bench) {
		a, c := b.space(map[string]string{"a.go": "def A\n"}), b.space(map[string]string{"c.go": "def C\n"})
		b.run.hold()
		first, second := b.collapse(a), b.collapse(c)
		expect(t, "before", b.run.waits(), "[a c] [a]")
		first.cancel()
		expect(t, "after", b.run.waits(), "[c]")
		if !first.over() || first.err == nil {
			t.Fatal("it goes on")
		}
		b.run.free()
		b.landed(second)
		expect(t, "head", b.history(), "[] [c]")
	})
}

// TestQueueBesideTheBranch: what lands on a branch of its own is no part of the
// head that those behind it meet.
func TestQueueBesideTheBranch(t *testing.T) {
	onBench(t, func(b *bench) {
		a, c := b.space(map[string]string{"a.go": "def A\n"}), b.space(map[string]string{"c.go": "def C\n"})
		b.run.hold()
		first, second := b.collapseTo(a, landBranch), b.collapse(c)
		expect(t, "side by side", b.run.waits(), "[a] [c]")
		b.run.free()
		b.landed(second)
		if !first.over() || first.err != nil || first.out.LandedOn != "jitos/"+first.out.Process {
			t.Fatalf("%q: %v", first.out.LandedOn, first.err)
		}
		expect(t, "head", b.history(), "[] [c]")
	})
}

// TestQueueReusesByInputs: a gate that declares what it needs is not run again
// when something else changed, says so, and sees nothing else.
func TestQueueReusesByInputs(t *testing.T) {
	onBench(t, func(b *bench) {
		g := work.Gate{Name: "docs", Kind: work.GateCommand, Argv: []string{"check"}, Inputs: []string{"docs/**"}}
		one := b.repo.tree(t, b.repo.commits[b.repo.head], map[string]string{"docs/a.go": "def D\n"})
		two := b.repo.tree(t, one, map[string]string{"x.go": "def X\n"})
		three := b.repo.tree(t, two, map[string]string{"docs/a.go": "def E\n"})
		var keys []string
		for i, tree := range []rmg.Graph{one, two, three} {
			got, err := b.k.run(context.Background(), proof{name: "t"}, tree, []work.Gate{g})
			if err != nil {
				t.Fatal(err)
			}
			if got[0].Reused != (i == 1) {
				t.Errorf("tree %d: reused %v", i, got[0].Reused)
			}
			keys = append(keys, got[0].Key)
		}
		if keys[0] != keys[1] || keys[1] == keys[2] {
			t.Errorf("keys %q", keys)
		}
		if n := b.run.runs("docs", "[a]"); n != 2 {
			t.Errorf("it ran %d times where it saw docs alone", n)
		}
	})
}

// TestQueueInterrupted: a process that a stop cut off in the queue is
// interrupted; retry queues it again, and does no task twice.
func TestQueueInterrupted(t *testing.T) {
	onBench(t, func(b *bench) {
		acted := 0
		task := func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
			acted++
			return work.Result{OK: true}, writes(ctx, a, "a.go", "def A\n")
		}
		b.run.task = task
		b.run.hold()
		id := b.intent(IntentRequest{})
		expect(t, "in the queue", b.run.waits(), "[a]")
		b.close()
		b.open(2)
		b.run.task = task
		if p, _ := b.k.Process(id); p.Status != "interrupted" {
			t.Fatalf("%s: %s", p.Status, p.Reason)
		}
		if _, err := b.k.Retry(context.Background(), ada, id); err != nil {
			t.Fatal(err)
		}
		if p := b.end(id); p.Status != "landed" || acted != 1 {
			t.Errorf("%s after %d times: %s", p.Status, acted, p.Reason)
		}
	})
}

// TestQueueRestart: what the queue held is gone with the daemon, the workspace
// is not, and the collapse can be asked for again.
func TestQueueRestart(t *testing.T) {
	onBench(t, func(b *bench) {
		a := b.space(map[string]string{"a.go": "def A\n"})
		b.run.hold()
		e := b.collapse(a)
		e.cancel()
		synctest.Wait()
		b.close()
		b.open(2)
		b.landed(b.collapse(a))
	})
}

package kernel

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// TestNotedWheneverAsked holds what is noted of versions against folds of their own in
// which each record is noted at once: whichever of them are asked, in whatever order
// and by how many at a time.
func TestNotedWheneverAsked(t *testing.T) {
	for seed := range uint64(30) {
		src := opSource{rand.New(rand.NewPCG(seed, 9))}
		f, v := foldOn(version{}, nil), version{}
		var kept []version
		var want []four
		for f.seq < 80 {
			r := Record{Seq: f.seq + 1, View: "system", Ops: src.ops()}
			alone := foldOn(v, nil)
			if alone.apply(r) != nil {
				continue
			}
			v = alone.version()
			if err := f.apply(r); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			want = append(want, digests(v))
			kept = append(kept, f.version())
		}
		var wg sync.WaitGroup
		for range 3 {
			order := src.Perm(len(kept))
			wg.Go(func() {
				for _, i := range order[:len(order)/2] {
					if digests(kept[i]) != want[i] {
						t.Errorf("seed %d: version %d is another", seed, i)
						return
					}
				}
			})
		}
		wg.Wait()
		for i := range kept {
			if digests(kept[i]) != want[i] {
				t.Fatalf("seed %d: version %d is another", seed, i)
			}
		}
	}
}

// TestUnnotedIsBounded applies many records that nobody asks about.
func TestUnnotedIsBounded(t *testing.T) {
	f, most := foldOn(version{}, nil), 0
	for seq := uint64(1); seq < 3*maxUnnoted/500; seq++ {
		ops := make([]rewrite.Op, 500)
		for i := range ops {
			ops[i] = addOp(rmg.Root.Child(fmt.Sprintf("n%d-%d", seq, i)), "N", nil)
		}
		if err := f.apply(Record{Seq: seq, View: "system", Ops: ops}); err != nil {
			t.Fatal(err)
		}
		most = max(most, f.version().wrote.unnoted())
	}
	if most < maxUnnoted || most > maxUnnoted+1000 {
		t.Errorf("%d ops wait to be noted, of which %d may", most, maxUnnoted)
	}
}

// TestCollapseFindsWhatItWillLeadTo collapses changes to props into a head that moved,
// where the merge's outcome is taken for what the ops lead to and where it is not: the
// log folds to what was published.
func TestCollapseFindsWhatItWillLeadTo(t *testing.T) {
	ctx := context.Background()
	for _, schema := range []bool{false, true} {
		b := kernelFor(t)
		var made []rewrite.Op
		for i := range 40 {
			made = append(made, addOp(rmg.Root.Child(fmt.Sprintf("n%d", i)), "N", map[string]rmg.Value{"n": rmg.Int(1)}))
		}
		if schema {
			made = append(made, addOp(rmg.KindPath, rewrite.KindDir, nil))
		}
		write := func(view string, ops ...rewrite.Op) {
			if _, err := b.Rewrite(ctx, ada, view, rewrite.Rewrite{Ops: ops}); err != nil {
				t.Fatal(err)
			}
		}
		write("system", made...)
		w, err := b.Fork(ctx, ada, ForkRequest{})
		if err != nil {
			t.Fatal(err)
		}
		write("sws:"+w.ID, setOp("/n1", map[string]rmg.Value{"n": rmg.Int(2), "mine": rmg.Bool(true)}))
		write("system", setOp("/n2", map[string]rmg.Value{"n": rmg.Int(3)}))
		out, err := b.Collapse(ctx, ada, w.ID, CollapseRequest{Land: "none"})
		if err != nil || !out.Merged {
			t.Fatal(out, err)
		}
		now := b.now()
		if got := now.world.Digest(); got != out.Digest {
			t.Errorf("the world is %s, and the receipt says %s", got, out.Digest)
		}
		if seq, ok := lastWrite(now, "/n1", "mine"); !ok || seq != out.Seq {
			t.Errorf("the collapse is record %d, and %d %v wrote it", out.Seq, seq, ok)
		}
		if v, err := b.Verify(ctx); err != nil || len(v.Problems) > 0 {
			t.Errorf("%v %v", v.Problems, err)
		}
	}
}

// TestOutcomeHolds is when what is known may be taken for what applying would lead to.
func TestOutcomeHolds(t *testing.T) {
	o := rmg.NewOverlay(rmg.Graph{})
	if err := o.AddNode("/a", "N", rmg.Props{}); err != nil {
		t.Fatal(err)
	}
	from := o.Graph()
	if err := o.AddNode(rmg.KindPath, "dir", rmg.Props{}); err != nil {
		t.Fatal(err)
	}
	kinds := o.Graph()
	set := []rewrite.Op{setOp("/a", map[string]rmg.Value{"n": rmg.Int(1)})}
	for _, c := range []struct {
		what  string
		known outcome
		world rmg.Graph
		ops   []rewrite.Op
		want  bool
	}{
		{"props", outcome{from: from, ops: 1}, from, set, true},
		{"another world", outcome{from: from, ops: 1}, rmg.Graph{}, set, false},
		{"a schema", outcome{from: kinds, ops: 1}, kinds, set, false},
		{"more ops", outcome{from: from, ops: 1}, from, append(set, set...), false},
		{"a node", outcome{from: from, ops: 1}, from, []rewrite.Op{addOp("/b", "N", nil)}, false},
	} {
		if got := c.known.holds(c.world, c.ops); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}

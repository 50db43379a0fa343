package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// TestAheadTakesBackWhatFails applies records of which many fail in their middle,
// in one fold that looks now and then, and each in a fold of its own: the worlds
// and what is noted of who wrote them are the same.
func TestAheadTakesBackWhatFails(t *testing.T) {
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		f, v := foldOn(version{}, nil), version{}
		failed, applied := 0, 0
		for seq := uint64(1); seq <= 120; seq++ {
			r := Record{Seq: seq, View: "system", Ops: someOps(rnd)}
			alone := foldOn(v, nil)
			want := alone.apply(r)
			if want == nil {
				v = alone.version()
				applied++
			} else {
				failed++
			}
			if got := f.apply(r); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("seed %d, record %d: %v, and alone %v", seed, seq, got, want)
			}
			if rnd.IntN(6) == 0 && digests(f.version()) != digests(v) {
				t.Fatalf("seed %d: after record %d it is another", seed, seq)
			}
		}
		if digests(f.version()) != digests(v) {
			t.Fatalf("seed %d: it is another in the end", seed)
		}
		if failed < 10 || applied < 10 {
			t.Errorf("seed %d: %d records failed and %d did not, which says little", seed, failed, applied)
		}
	}
}

// someOps are one to four ops on few names, so that the last often finds nothing,
// or what it wants to make.
func someOps(rnd *rand.Rand) []rewrite.Op {
	at := func() rmg.Path { return rmg.Root.Child(fmt.Sprintf("n%d", rnd.IntN(12))) }
	ops := make([]rewrite.Op, 1+rnd.IntN(4))
	for i := range ops {
		switch rnd.IntN(5) {
		case 0, 1:
			ops[i] = addOp(at(), "K", map[string]rmg.Value{"n": rmg.Int(0)})
		case 2:
			ops[i] = rewrite.Op{Op: rewrite.Inc, Path: at(), Prop: "n", By: 1}
		case 3:
			ops[i] = setOp(at(), map[string]rmg.Value{"a": rmg.Int(rnd.Int64N(3)), "b": {}})
		default:
			ops[i] = rewrite.Op{Op: rewrite.Remove, Path: at()}
		}
	}
	return ops
}

package kernel

import (
	"context"
	"errors"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// What was green as it ran is so after a restart too, on the same bytes under the
// same circumstances, and on no others.
func TestGreensOutliveARestart(t *testing.T) {
	onBench(t, func(b *bench) {
		b.landed(b.collapse(b.space(map[string]string{"a.go": "def A\n"})))
		b.close()
		b.open(2)
		e := b.collapse(b.space(map[string]string{"c.go": "def C\n"}))
		b.landed(e)
		if b.run.runs("all tests", "[a c]") != 1 || b.run.runs("all tests", "[a]") != 0 {
			t.Errorf("the tests were run %d times on the change, and %d times on a head that was proven before the restart",
				b.run.runs("all tests", "[a c]"), b.run.runs("all tests", "[a]"))
		}
		b.close()
		b.salt = "another compiler"
		b.open(2)
		b.landed(b.collapse(b.space(map[string]string{"d.go": "def D\n"})))
		if n := b.run.runs("all tests", "[a c]"); n != 1 {
			t.Errorf("with other tools the head's tests were run %d times", n)
		}
	})
}

// What came of more than one run, or of a comparison, is found out anew; what was
// red once under a key is red.
func TestNotEveryGreenIsRecalled(t *testing.T) {
	onBench(t, func(b *bench) {
		recalled := func(evs ...work.Evidence) (work.Evidence, bool) {
			t.Helper()
			b.k.proofs.mu.Lock()
			clear(b.k.proofs.byKey)
			b.k.proofs.mu.Unlock()
			id, _, err := b.k.recordByHand(context.Background(), Process{Text: "t", Workspace: "w4"}, repoRoot.Join("app", "main"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = b.k.systemWith(context.Background(), "kernel", id, "evidence", func(f *fold, _ uint64) ([]rewrite.Op, error) {
				return evidenceOps(procPath(id), rmg.Graph{}, evs)
			})
			if err != nil {
				t.Fatal(err)
			}
			b.k.recallProofs()
			b.k.proofs.mu.Lock()
			defer b.k.proofs.mu.Unlock()
			e, ok := b.k.proofs.byKey[evs[0].Key]
			return e, ok
		}
		green := work.Evidence{Gate: "g", Kind: work.GateCommand, Green: true, Key: "1"}
		if _, ok := recalled(green); !ok {
			t.Error("a green is not recalled")
		}
		vet, flaky, tampered := green, green, green
		vet.Key, vet.Exit = "2", 1
		flaky.Key, flaky.Tries = "3", []work.Evidence{{Gate: "g", Key: "3"}}
		tampered.Key, tampered.Fault = "4", "it changed a test"
		for _, e := range []work.Evidence{vet, flaky, tampered} {
			if got, ok := recalled(e); ok {
				t.Errorf("recalled: %+v", got)
			}
		}
		one, two := green, green
		one.Key, two.Key, two.Gate, two.Green, two.Exit = "5", "5", "h", false, 1
		if got, ok := recalled(one, two); !ok || got.Green {
			t.Errorf("under one key red comes first: %+v", got)
		}
	})
}

// A person may say that their own change drops tests; who may not change what is
// protected may not.
func TestByHandTestsAreDropped(t *testing.T) {
	onBench(t, func(b *bench) {
		b.repo.commit(t, map[string]string{"old.go": "def X\n"})
		w := b.space(map[string]string{"a.go": "def A\n"})
		b.remove(w, "old.go")
		ctx := context.Background()
		if _, err := b.k.Collapse(ctx, ada, w, CollapseRequest{DropTests: []string{"p.other*"}}); !errors.Is(err, &rmg.Error{Code: rmg.Conflict}) && !errors.Is(err, &rmg.Error{Code: rmg.GateFailed}) {
			t.Errorf("another test: %v", err)
		}
		bot := Caller{Name: "token:bot", Kind: KindAgent, Caps: CapRewrite | CapCollapse}
		if _, err := b.k.Collapse(ctx, bot, w, CollapseRequest{DropTests: []string{"p.old*"}}); !errors.Is(err, &rmg.Error{Code: rmg.Denied}) {
			t.Errorf("an agent: %v", err)
		}
		out, err := b.k.Collapse(ctx, ada, w, CollapseRequest{DropTests: []string{"p.old*"}})
		if err != nil || out.LandedOn != "main" {
			t.Fatalf("%q: %v", out.LandedOn, err)
		}
		p, err := b.k.Process(out.Process)
		if err != nil || len(p.SLAPS.Scope.DropTests) != 1 {
			t.Errorf("what was asked is not in the ledger: %+v %v", p.SLAPS.Scope, err)
		}
	})
}

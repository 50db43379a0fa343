package kernel

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// mind is a model: what it says, each time with what it was asked.
type mind struct {
	says  []map[string]rmg.Value
	costs int64 // tokens, of an answer
	asked []work.Assignment
}

func (m *mind) task(_ context.Context, worker string, a work.Assignment) (work.Result, error) {
	if worker != workerModel {
		return work.Result{}, fmt.Errorf("not a task of %s", worker)
	}
	a.Args = maps.Clone(a.Args) // the next question is made of the same
	m.asked = append(m.asked, a)
	say := m.says[min(len(m.asked), len(m.says))-1]
	out := rmg.PropsOf(say).With("model", rmg.String("m-1")).With("transcript", rmg.BlobOf(rmg.Blob{Sum: [32]byte{1}, Size: 3}))
	return work.Result{OK: true, Output: out, Spent: work.Spent{Tokens: m.costs}}, nil
}

// thinks gives the bench a model.
func (b *bench) thinks(m *mind) { b.run.mind, b.run.task = true, m.task }

func meaningOf(text string) map[string]rmg.Value {
	return map[string]rmg.Value{"meaning": rmg.String(text)}
}

func methodOf(text, tests string) map[string]rmg.Value {
	return map[string]rmg.Value{"method": rmg.String(text), "tests": rmg.String(tests)}
}

// forbids keeps everybody from the model.
func (b *bench) forbids() {
	b.Helper()
	rule := "rules:\n  - {name: no-model, effect: deny, verbs: [dispatch], paths: [/worker/llm]}\n"
	if _, err := b.k.SetPolicy(context.Background(), Caller{Name: "ada@host", Caps: CapAdmin | CapRewrite}, []byte(rule), ""); err != nil {
		b.Fatal(err)
	}
}

// TestAReadingIsHeldToTheLibrary: what a model takes words for is a document like a
// person's, and is asked for again with what is wrong with it, so often and for so
// many tokens and no more; nothing but task, target and parameters is taken of it; who
// may not ask a model asks none.
func TestAReadingIsHeldToTheLibrary(t *testing.T) {
	read := func(m *mind, r IntentRequest, forbidden bool) (p Process, err error) {
		onBench(t, func(b *bench) {
			b.thinks(m)
			if forbidden {
				b.forbids()
			}
			r.Text, r.Dir, r.PlanOnly = "kindly see to base.go", "/app", true
			p, err = b.k.Intent(context.Background(), ada, r)
		})
		return p, err
	}
	nowhere, coffee := meaningOf(`{"intent":"Do","target":"nowhere"}`), meaningOf(`{"intent":"MakeCoffee","target":"."}`)
	more := meaningOf(`{"intent":"Do","target":".","parameters":{},"scope":{"network":["evil.example:443"],"labels":["gpu"],"protected":["**"]},"budget":{"tokens":9}}`)
	m := &mind{says: []map[string]rmg.Value{nowhere, coffee, more}}
	p, err := read(m, IntentRequest{}, false)
	if err != nil || p.SLAPS.Intent != "Do" || len(m.asked) != 3 {
		t.Fatalf("%v after %d: %+v", err, len(m.asked), p.SLAPS)
	}
	if s := p.SLAPS.Scope; len(s.Network)+len(s.Labels)+len(s.Protected) != 0 || p.SLAPS.Budget.Tokens != 0 {
		t.Errorf("the model widens: %+v", p.SLAPS)
	}
	if f, _ := m.asked[1].Args["fault"].(string); !strings.Contains(f, `there is no "nowhere" here`) {
		t.Errorf("the second question is without the fault: %v", m.asked[1].Args)
	}
	if f, _ := m.asked[2].Args["fault"].(string); !strings.Contains(f, "MakeCoffee") {
		t.Errorf("the third question is without the fault: %v", m.asked[2].Args)
	}
	m = &mind{says: []map[string]rmg.Value{nowhere}}
	if _, err := read(m, IntentRequest{}, false); code(err) != rmg.Invalid || len(m.asked) != maxReadings {
		t.Errorf("%v after %d", err, len(m.asked))
	}
	m = &mind{says: []map[string]rmg.Value{nowhere}, costs: readingTokens * 3 / 4}
	if _, err := read(m, IntentRequest{}, false); code(err) != rmg.Invalid || len(m.asked) != 2 || m.asked[1].Budget.Tokens != readingTokens/4 {
		t.Errorf("%v after %d, with %+v", err, len(m.asked), m.asked[len(m.asked)-1].Budget)
	}
	m = &mind{says: []map[string]rmg.Value{more}}
	if _, err := read(m, IntentRequest{}, true); code(err) != rmg.Denied && !strings.Contains(fmt.Sprint(err), "no-model") || len(m.asked) != 0 {
		t.Errorf("%v after %d", err, len(m.asked))
	}
}

const (
	sweeping = "tasks:\n  - {name: Sweep, summary: sweep, params: {target: target}}\nmethods:\n  - {name: sweep-it, task: Sweep, summary: by hand, phrases: [\"sweep {target}\"], steps: [{do: act}, {do: verify}]}\n"
	ownTools = sweeping + "primitives:\n  - {name: mine, summary: mine, worker: scripted, action: do}\n"
	swept    = "tests:\n  - {name: sweep, text: sweep shop, target: {name: shop}, methods: [sweep-it], plan: [{id: act}, {id: verify, needs: [act]}]}\n"
)

// TestAProposalIsHeldToTheLibrary: what a model writes is asked for again with what is
// wrong with it, so often and no more; it stands as a proposal that plans nothing until
// a person approves it, with words, model and conversation; who may not ask a model,
// or change what is protected, proposes nothing.
func TestAProposalIsHeldToTheLibrary(t *testing.T) {
	propose := func(m *mind, do func(b *bench, p AddedMethod, err error)) {
		onBench(t, func(b *bench) {
			b.thinks(m)
			p, err := b.k.ProposeMethod(context.Background(), ada, "sweep the floor")
			do(b, p, err)
		})
	}
	bad := methodOf(strings.Replace(sweeping, "do: act", "do: fly", 1), "")
	red := methodOf(sweeping, strings.Replace(swept, "needs: [act]", "needs: []", 1))
	m := &mind{says: []map[string]rmg.Value{bad, red, methodOf(sweeping, swept)}}
	propose(m, func(b *bench, p AddedMethod, err error) {
		if err != nil || p.Name != "sweep-it" || p.Tested != 1 || !p.Proposed || p.Model != "m-1" || len(m.asked) != 3 {
			t.Fatalf("%+v %v after %d", p, err, len(m.asked))
		}
		for i, want := range map[int]string{1: "fly", 2: `its test "sweep" fails`} {
			if f, _ := m.asked[i].Args["fault"].(string); !strings.Contains(f, want) {
				t.Errorf("question %d is without %q: %v", i+1, want, f)
			}
		}
		plan := func() error {
			_, err := b.k.Intent(context.Background(), ada, IntentRequest{Text: "sweep .", Dir: "/app", PlanOnly: true})
			return err
		}
		b.run.mind = false // words that fit no phrase are nobody's
		if err := plan(); err == nil {
			t.Error("a proposal plans")
		}
		e, _ := b.k.now().world.Get("/method/sweep-it")
		if e.Kind != kindProposed || e.Props.String("words") != "sweep the floor" || e.Props.Blob("transcript").Size != 3 {
			t.Errorf("it stands as %s %v", e.Kind, e.Props)
		}
		agent := Caller{Name: "bot", Kind: KindAgent, Caps: CapRewrite | CapIntent}
		if _, err := b.k.ApproveMethod(context.Background(), agent, "sweep-it", p.Digest); code(err) != rmg.Denied || !strings.Contains(err.Error(), "only a person") {
			t.Errorf("an agent approves: %v", err)
		}
		text := []rewrite.Op{{Op: rewrite.Set, Path: "/method/sweep-it", Props: map[string]rmg.Value{propText: rmg.String(strings.Replace(sweeping, "by hand", "by broom", 1))}}}
		if _, err := b.k.Rewrite(context.Background(), ada, "system", rewrite.Rewrite{Ops: text}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.k.ApproveMethod(context.Background(), ada, "sweep-it", p.Digest); code(err) != rmg.Stale {
			t.Errorf("what nobody saw is approved: %v", err)
		}
		if _, err := b.k.ApproveMethod(context.Background(), ada, "sweep-it", ""); code(err) != rmg.Invalid {
			t.Errorf("approved by name alone: %v", err)
		}
		if list := b.k.Proposals(); len(list) != 1 || list[0].Digest == p.Digest || !strings.Contains(list[0].Text, "by broom") {
			t.Fatalf("%+v", list)
		}
		if _, err := b.k.ApproveMethod(context.Background(), ada, "sweep-it", b.k.Proposals()[0].Digest[:minMethodDigest]); err != nil {
			t.Fatal(err)
		}
		if err := plan(); err != nil {
			t.Error(err)
		}
		if !slices.ContainsFunc(b.k.Methods(), func(i tasks.MethodInfo) bool { return i.Name == "sweep-it" }) {
			t.Error("it is not in the list")
		}
	})
	m = &mind{says: []map[string]rmg.Value{methodOf(ownTools, "")}}
	propose(m, func(_ *bench, _ AddedMethod, err error) {
		if code(err) != rmg.Invalid || !strings.Contains(err.Error(), "defines a primitive") || len(m.asked) != maxProposals {
			t.Errorf("%v after %d", err, len(m.asked))
		}
	})
	m = &mind{says: []map[string]rmg.Value{methodOf(sweeping, "")}}
	onBench(t, func(b *bench) {
		b.thinks(m)
		agent := Caller{Name: "bot", Kind: KindAgent, Caps: CapRewrite | CapIntent}
		if _, err := b.k.ProposeMethod(context.Background(), agent, "sweep"); code(err) != rmg.Denied {
			t.Errorf("an agent changes what is protected: %v", err)
		}
		asked := len(m.asked)
		b.forbids()
		if _, err := b.k.ProposeMethod(context.Background(), ada, "sweep"); code(err) != rmg.Denied || len(m.asked) != asked {
			t.Errorf("%v after %d", err, len(m.asked))
		}
	})
	onBench(t, func(b *bench) {
		if _, err := b.k.ProposeMethod(context.Background(), ada, "sweep"); code(err) != rmg.Unavailable {
			t.Errorf("without a model: %v", err)
		}
	})
}

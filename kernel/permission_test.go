package kernel

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"jitos.dev/work"
)

// TestAPersonDecidesOverATool: what a rule says of an agent's tool counts; where it
// says ask the process waits for a person, also over a restart, and only that call is
// answered. What no rule is about is the worker's own affair.
func TestAPersonDecidesOverATool(t *testing.T) {
	const rules = "rules:\n  - {name: out, effect: ask, verbs: [tool], paths: [/tool/fetch]}\n  - {name: never, effect: deny, verbs: [tool], paths: [/tool/delete]}\n"
	for _, answer := range []string{"approve", "reject"} {
		for _, restart := range []bool{false, true} {
			onBench(t, func(b *bench) {
				if _, err := b.k.SetPolicy(context.Background(), ada, []byte(rules), ""); err != nil {
					t.Fatal(err)
				}
				var fetch, again work.Verdict
				task := func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
					if v, err := a.May(ctx, work.Tool{Kind: "edit", Title: "a.go"}); err != nil || v != (work.Verdict{}) {
						t.Errorf("what no rule is about: %+v, %v", v, err)
					}
					if v, err := a.May(ctx, work.Tool{Kind: "delete", Title: "all"}); err != nil || !v.Deny || !strings.Contains(v.Why, "never") {
						t.Errorf("what a rule denies: %+v, %v", v, err)
					}
					var err error
					if fetch, err = a.May(ctx, work.Tool{Kind: "fetch", Title: "the news"}); err != nil {
						return work.Result{}, err
					}
					if again, err = a.May(ctx, work.Tool{Kind: "fetch", Title: "the news"}); err != nil {
						return work.Result{}, err
					}
					return work.Result{OK: true, Summary: "done"}, writes(ctx, a, "v.go", "def V\n")
				}
				b.run.task = task
				id := b.intent(IntentRequest{})
				one := func() Approval {
					t.Helper()
					synctest.Wait()
					list := b.k.Inbox(false)
					if p, _ := b.k.Process(id); len(list) != 1 || p.Status != "waiting" || list[0].About != AboutPermission || !strings.Contains(list[0].Question, "wants to fetch: the news. May it?") {
						t.Fatalf("%s: %+v", p.Status, list)
					}
					return list[0]
				}
				say := func(a Approval, word string) {
					t.Helper()
					if _, err := b.k.Answer(context.Background(), ada, a.ID, Reply{Answer: word}); err != nil {
						t.Fatal(err)
					}
				}
				first := one()
				if restart {
					b.close()
					b.open(2)
					b.run.task = task
				}
				say(first, answer)
				second := one()
				if second.ID == first.ID {
					t.Error("the same call is asked about once")
				}
				say(second, "reject")
				if p := b.end(id); p.Status != "landed" {
					t.Fatalf("restart %v: %s: %s", restart, p.Status, p.Reason)
				}
				if fetch.Allow != (answer == "approve") || fetch.Deny == fetch.Allow || !strings.Contains(fetch.Why, ada.Name) || !again.Deny {
					t.Errorf("%s: %+v, then %+v", answer, fetch, again)
				}
			})
		}
	}
}

// TestNobodyWaitsForLeave: a question whose attempt is over is not asked any more.
func TestNobodyWaitsForLeave(t *testing.T) {
	onBench(t, func(b *bench) {
		if _, err := b.k.SetPolicy(context.Background(), ada, []byte("rules: [{name: out, effect: ask, verbs: [tool]}]\n"), ""); err != nil {
			t.Fatal(err)
		}
		b.run.task = func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
			ctx, cancel := context.WithCancel(ctx)
			go func() { synctest.Wait(); cancel() }() // it hangs up once it is asked
			_, err := a.May(ctx, work.Tool{Kind: "fetch"})
			return work.Result{Summary: "nobody answered"}, err
		}
		p := b.end(b.intent(IntentRequest{}))
		if all := b.k.Inbox(true); p.Status != "failed" || len(all) == 0 || all[0].State != ApprovalSuperseded {
			t.Errorf("%s: %+v", p.Status, all)
		}
	})
}

package kernel

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// wants starts an intent with success criteria of its own, whose worker makes v.go.
func (b *bench) wants(list ...tasks.Criterion) (Process, error) {
	b.Helper()
	b.acts()
	s := document(tasks.Budget{})
	s.Success = list
	return b.k.Intent(context.Background(), ada, IntentRequest{SLAPS: s, Dir: "/app"})
}

// TestQueriesAreGates: what is to be in the graph after the collapse is looked for
// there, and what is not to be is not.
func TestQueriesAreGates(t *testing.T) {
	for _, c := range []struct {
		value  string
		green  bool
		reason string
	}{
		{"/v.go", true, "/v.go matches /v.go"},
		{"/**/v.go[kind=File]", true, "/v.go matches"},
		{"!/old.go", true, "nothing matches /old.go"},
		{"/old.go", false, "nothing matches /old.go"},
		{"! /v.go", false, "/v.go matches /v.go"},
	} {
		onBench(t, func(b *bench) {
			p, err := b.wants(tasks.Criterion{Type: "query", Name: "there", Value: c.value})
			if err != nil {
				b.Fatal(err)
			}
			p = b.end(p.ID)
			if landed := p.Status == "landed"; landed != c.green {
				b.Fatalf("%s: %s %s", c.value, p.Status, p.Reason)
			}
			if !c.green {
				if !strings.Contains(p.Reason+strings.Join(reasonsOf(p), " "), c.reason) {
					b.Errorf("%s: %s %v", c.value, p.Reason, reasonsOf(p))
				}
				return
			}
			for _, e := range p.Evidence {
				if e.Gate == "there" && e.Kind == work.GateQuery && e.Green && strings.Contains(e.Reason, c.reason) && e.Key != "" {
					return
				}
			}
			b.Errorf("%s: %+v", c.value, p.Evidence)
		})
	}
	onBench(t, func(b *bench) {
		if _, err := b.wants(tasks.Criterion{Type: "query", Value: "v.go[["}); !errors.Is(err, &rmg.Error{Code: rmg.Invalid}) || !strings.Contains(err.Error(), "success criterion 0") {
			b.Error(err)
		}
	})
}

func reasonsOf(p Process) []string {
	var out []string
	for _, t := range p.Tasks {
		out = append(out, t.Reasons...)
	}
	return out
}

// TestAPersonsWordIsAsked: a criterion that a person has to judge is asked before the
// collapse, with its words, and the answer decides.
func TestAPersonsWordIsAsked(t *testing.T) {
	for answer, status := range map[string]string{"approve": "landed", "reject": "failed"} {
		onBench(t, func(b *bench) {
			p, err := b.wants(tasks.Criterion{Type: "human", Name: "style", Value: "it reads well"}, tasks.Criterion{Type: "file", Name: "made", Value: "v.go"})
			if err != nil {
				b.Fatal(err)
			}
			synctest.Wait()
			list := b.k.Inbox(false)
			if len(list) != 1 || list[0].About != AboutCollapse || !strings.HasSuffix(list[0].Question, "? The intent wants a person's word: it reads well") {
				b.Fatalf("%+v", list)
			}
			if _, err := b.k.Answer(context.Background(), ada, list[0].ID, Reply{Answer: answer, Comment: ""}); err != nil {
				b.Fatal(err)
			}
			if p = b.end(p.ID); p.Status != status {
				b.Errorf("%s: %s %s", answer, p.Status, p.Reason)
			}
		})
	}
}

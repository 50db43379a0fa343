package tasks

import (
	"fmt"
	"sync"
	"testing"

	"jitos.dev/tasks/htn"
)

// A thousand at once plan by one library, and a thousand with one compiled problem, each to
// the same bytes; nothing of what they share is written.
func TestAThousandPlansAtOnce(t *testing.T) {
	l, err := Load(Source{Name: "lib.yaml", Data: []byte(`
tasks: [{name: A, summary: a, params: {x: name}}, {name: B, summary: b}]
methods:
  - {name: m, task: A, summary: m, when: [{fact: r, args: [$y]}, {cel: "facts.n > 2.0"}], steps: [{do: p, with: {x: $y}}, {do: B}]}
  - {name: n, task: B, summary: n, when: [{fact: done}], steps: [{do: q, foreach: {fact: r, args: [$z]}, with: {x: $z}}]}
primitives:
  - {name: p, summary: p, params: {x: name}, worker: w, action: a, effects: [done], finally: [q]}
  - {name: q, summary: q, params: {x: name}, worker: w, action: a}
`[1:])})
	if err != nil {
		t.Fatal(err)
	}
	s := SLAPS{Version: "1", Intent: "A", Target: TargetRef{Name: "x"}, Parameters: map[string]any{"x": "v"}}
	facts := Facts{"n": 3.0, "r": []any{"a", "b", "c"}}
	c, err := l.problemOf(s, facts, before{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := htn.Compile(&c.domain, &c.problem)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, 1000)
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() {
			p, err := l.Plan(s, facts)
			if err != nil {
				got[i] = err.Error()
				return
			}
			r, err := m.Plan(htn.Options{})
			if err != nil || r.Plan == nil {
				got[i] = fmt.Sprint(r, err)
				return
			}
			got[i] = p.Digest + r.Plan.Digest()
		})
	}
	all.Wait()
	for i, x := range got {
		if x != got[0] || len(x) != 128 {
			t.Fatalf("%d: %s, and the first %s", i, x, got[0])
		}
	}
}

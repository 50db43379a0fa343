package tasks

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"jitos.dev/tasks/htn"
)

const mendable = `
tasks:
  - {name: Fix, summary: fix it, params: {what: text}}
  - {name: Look, summary: look at it}
  - {name: Alter, summary: alter it, params: {what: text}}
  - {name: Prove, summary: prove it}
methods:
  - {name: fix, task: Fix, summary: f, steps: [{do: Look}, {do: Alter, with: {what: $what}}, {do: Prove}]}
  - {name: look, task: Look, summary: l, order: needs, steps: [{do: run}, {do: read}, {do: rank, needs: [run, read]}]}
  - {name: by-agent, task: Alter, summary: a, priority: 2, when: [{fact: agent}], steps: [{do: agent, with: {what: $what}}]}
  - {name: by-model, task: Alter, summary: a, priority: 1, when: [{fact: model}], steps: [{do: model, with: {what: $what}}, {do: tidy}]}
  - {name: by-search, task: Alter, summary: a, when: [{fact: seen}], steps: [{do: search}]}
  - {name: prove, task: Prove, summary: p, steps: [{do: prove}]}
primitives:
  - {name: run, summary: r, worker: w, action: run, effects: [seen]}
  - {name: read, summary: r, worker: w, action: read}
  - {name: rank, summary: r, worker: w, action: rank, effects: [{fact: rank, is: known}]}
  - {name: agent, summary: a, params: {what: text}, worker: agent, action: go, args: {what: $what}}
  - {name: model, summary: m, params: {what: text}, worker: llm, action: go}
  - {name: tidy, summary: t, worker: w, action: tidy}
  - {name: search, summary: s, worker: w, action: search}
  - {name: prove, summary: p, worker: kernel, action: prove}
`

// mendTest is a library, a document and the first plan for it.
func mendTest(t *testing.T, text, intent string, facts Facts) (*Library, SLAPS, *Plan) {
	t.Helper()
	l, err := Load(Source{Name: "lib.yaml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	s := SLAPS{Version: "1", Intent: intent, Target: TargetRef{Name: "x"}}
	if l.tasks[intent].Params["what"] != "" {
		s.Parameters = map[string]any{"what": "the \"bug\" in it"}
	}
	p, err := l.Plan(s, facts)
	if err != nil {
		t.Fatal(err)
	}
	return l, s, p
}

func idsOf(list []Task) string {
	var out []string
	for _, x := range list {
		out = append(out, x.ID+"<"+strings.Join(x.Needs, ","))
	}
	return strings.Join(out, " ")
}

// A task that failed is done another way; what is done and what is not concerned stays
// as it is, with its id. What failed before is not tried again.
func TestMendAfterFailures(t *testing.T) {
	facts := Facts{"agent": true, "model": true}
	l, s, p := mendTest(t, mendable, "Fix", facts)
	if got := idsOf(p.Tasks); got != "run< read< rank<read,run agent<rank prove<agent" {
		t.Fatal(got)
	}
	digest := p.Digest
	at := Progress{Facts: l.After(facts, p, []string{"read", "run", "rank"}), Done: []string{"read", "run", "rank"}, Failed: []string{"agent"}}
	m, err := l.Mend(s, p, at)
	if err != nil {
		t.Fatal(err)
	}
	sound(t, m.Plan)
	if got := idsOf(m.Plan.Tasks); got != "run< read< rank<read,run model<rank tidy<model prove<tidy" || m.How != htn.Repaired {
		t.Errorf("%s %s", m.How, got)
	}
	slices.Sort(m.Done)
	if fmt.Sprint(m.Done, m.Added, m.Dropped, m.Vain) != "[rank read run] [model tidy] [agent] []" || p.Digest != digest || m.Plan.Digest == digest {
		t.Errorf("%v %v %v %v", m.Done, m.Added, m.Dropped, m.Vain)
	}
	// The model fails as well, and then there is only the search.
	next, err := l.Mend(s, m.Plan, Progress{Facts: at.Facts, Done: at.Done, Failed: []string{"model"}, Refused: m.Refused})
	if err != nil || idsOf(next.Plan.Tasks) != "run< read< rank<read,run search<rank prove<search" {
		t.Fatalf("%v %+v", err, next)
	}
	if _, err = l.Mend(s, next.Plan, Progress{Facts: at.Facts, Done: at.Done, Failed: []string{"search"}, Refused: next.Refused}); err == nil || !strings.Contains(err.Error(), "cannot be planned: no plan (proved)") {
		t.Errorf("all ways have failed: %v", err)
	}
}

// Facts that changed meanwhile choose otherwise where nothing has begun, and leave
// alone what does not mention them.
func TestMendAfterAChange(t *testing.T) {
	facts := Facts{"agent": true, "model": true}
	l, s, p := mendTest(t, mendable, "Fix", facts)
	same, err := l.Mend(s, p, Progress{Facts: facts, Done: []string{"read"}})
	if err != nil || same.How != htn.Resumed || idsOf(same.Plan.Tasks) != idsOf(p.Tasks) || len(same.Added)+len(same.Dropped) != 0 {
		t.Fatalf("nothing has changed: %v %+v", err, same)
	}
	m, err := l.Mend(s, p, Progress{Facts: Facts{"model": true}, Done: []string{"read"}})
	if err != nil || m.How != htn.Repaired || idsOf(m.Plan.Tasks) != "run< read< rank<read,run model<rank tidy<model prove<tidy" {
		t.Fatalf("the agent is gone: %v %+v", err, m)
	}
	if fmt.Sprint(m.Done, m.Added, m.Dropped) != "[read] [model tidy] [agent]" {
		t.Errorf("%v %v %v", m.Done, m.Added, m.Dropped)
	}
}

// Where a method that has begun cannot go on, the task begins anew; what is done and
// would change nothing is done already, and what would is done again.
func TestMendAnew(t *testing.T) {
	const text = `
tasks: [{name: A, summary: a}]
methods:
  - {name: one, task: A, summary: o, priority: 1, steps: [{do: look}, {do: turn}, {do: risky}, {do: end}]}
  - {name: two, task: A, summary: t, steps: [{do: look}, {do: flip}, {do: turn}, {do: end}]}
primitives:
  - {name: look, summary: l, worker: w, action: look, effects: [seen]}
  - {name: turn, summary: t, worker: w, action: turn, effects: [{fact: side, is: up}]}
  - {name: flip, summary: f, worker: w, action: flip, effects: [{fact: side, is: down}]}
  - {name: risky, summary: r, worker: w, action: risky}
  - {name: end, summary: e, worker: kernel, action: prove}
`
	l, s, p := mendTest(t, text, "A", Facts{})
	done := []string{"look", "turn"}
	m, err := l.Mend(s, p, Progress{Facts: l.After(Facts{}, p, done), Done: done, Failed: []string{"risky"}})
	if err != nil {
		t.Fatal(err)
	}
	sound(t, m.Plan)
	// look is done; turn comes after flip, which is not, and has to be done again.
	if m.How != htn.Anew || idsOf(m.Plan.Tasks) != "look< flip<look turn-2<flip end<turn-2" || fmt.Sprint(m.Done, m.Vain) != "[look] [turn]" {
		t.Errorf("%s %s %v %v", m.How, idsOf(m.Plan.Tasks), m.Done, m.Vain)
	}
}

// A plan that was kept as JSON, tree and all, is mended as the one that it was.
func TestMendAcrossVersions(t *testing.T) {
	facts := Facts{"agent": true, "model": true}
	_, s, p := mendTest(t, mendable, "Fix", facts)
	other, err := Load(Source{Name: "lib.yaml", Data: []byte(strings.ReplaceAll(mendable, "name: look, task", "name: look-well, task"))})
	if err != nil {
		t.Fatal(err)
	}
	m, err := other.Mend(s, p, Progress{Facts: Facts{"seen": true, "model": true}, Done: []string{"run"}})
	if err != nil || m.How != htn.Anew || fmt.Sprint(m.Done) != "[run]" {
		t.Errorf("a method of the plan has another name now: %v %+v", err, m)
	}
	p.Tree = nil
	if _, err := other.Mend(s, p, Progress{Facts: facts}); err == nil {
		t.Error("a plan without its tree is mended")
	}
}

// Several plans differ in what they choose; the first of them is the cheapest.
func TestSeveral(t *testing.T) {
	l, s, _ := mendTest(t, mendable, "Fix", Facts{"agent": true, "model": true})
	plans, all, err := l.Several(s, Facts{"agent": true, "model": true}, 10)
	if err != nil || !all || len(plans) != 3 {
		t.Fatalf("%d plans, all of them %v: %v", len(plans), all, err)
	}
	digests := map[string]bool{}
	for _, p := range plans {
		sound(t, p)
		digests[p.Digest] = true
	}
	if len(digests) != 3 || len(plans[0].Tasks) != 5 || len(plans[2].Tasks) != 6 {
		t.Errorf("%v", digests)
	}
}

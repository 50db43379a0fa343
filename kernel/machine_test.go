package kernel

import (
	"context"
	"strings"
	"testing"

	"jitos.dev/rmg"
	"jitos.dev/work"
)

// TestPolicySeesMachines: a rule tells machines apart by name, by token and by what
// they say they have, and means no machine where there is none.
func TestPolicySeesMachines(t *testing.T) {
	pol := mustCompile(t, `
rules:
  - {name: gpu-is-dear, effect: deny, verbs: [dispatch], paths: ["/machine/**"], when: '"gpu" in machine.labels && process.intent != "Train"', reason: others need it}
  - {name: not-m3, effect: deny, verbs: [dispatch], paths: ["/machine/m3"]}
  - {name: borrowed, effect: deny, verbs: [dispatch], when: 'machine.token == "token:lent"'}
`)
	gpu := work.Machine{Name: "m1", Caller: "token:m1", Labels: []string{"gpu", "linux"}}
	plain := work.Machine{Name: "m2", Caller: "token:m2", Labels: []string{"linux"}}
	third := work.Machine{Name: "m3", Caller: "token:m3"}
	lent := work.Machine{Name: "m4", Caller: "token:lent"}
	for _, c := range []struct {
		m      work.Machine
		intent string
		rule   string
		effect Effect
	}{
		{gpu, "FixBug", "gpu-is-dear", Deny},
		{gpu, "Train", "rights", Allow},
		{plain, "FixBug", "rights", Allow},
		{third, "FixBug", "not-m3", Deny},
		{lent, "FixBug", "borrowed", Deny},
		{work.Machine{}, "FixBug", "rights", Allow},
	} {
		s := subjectOf(t, "process p4 "+c.intent)
		s.machine = factsOf(c.m)
		at := machineRoot.Child(c.m.Name)
		if c.m.Name == "" {
			at = workerRoot.Child("script")
		}
		if d := pol.decide(s, VerbDispatch, at, ""); d.Effect != c.effect || d.Rule != c.rule {
			t.Errorf("%s of %s: %+v", c.intent, c.m.Name, d)
		}
	}
}

// TestMachinesAreJudgedAndExplained: the same is decided when a machine comes for a
// task, and said by policy explain before.
func TestMachinesAreJudgedAndExplained(t *testing.T) {
	onBench(t, func(b *bench) {
		b.acts()
		doc := "rules:\n  - {name: gpu-is-dear, effect: deny, verbs: [dispatch], paths: [\"/machine/**\"], when: '\"gpu\" in machine.labels'}\n"
		if _, err := b.k.SetPolicy(context.Background(), Caller{Name: "ada@host", Caps: CapAdmin | CapRewrite}, []byte(doc), ""); err != nil {
			b.Fatal(err)
		}
		p, err := b.k.Intent(context.Background(), ada, IntentRequest{Text: "do .", Dir: "/app"})
		if err != nil {
			b.Fatal(err)
		}
		for _, c := range []struct {
			m      work.Machine
			effect Effect
		}{{work.Machine{Name: "m1", Labels: []string{"gpu"}}, Deny}, {work.Machine{Name: "m2"}, Allow}} {
			if err := b.k.MayLend(p.ID, "scripted", c.m); (err != nil) != (c.effect == Deny) || err != nil && !strings.Contains(err.Error(), "gpu-is-dear") {
				t.Errorf("%s: %v", c.m.Name, err)
			}
			a, err := b.k.ExplainPolicy(ada, PolicyQuestion{Verb: VerbDispatch, Path: machineRoot.Child(c.m.Name), Process: p.ID, Machine: c.m})
			if err != nil || a.Effect != c.effect {
				t.Errorf("%s: %+v %v", c.m.Name, a, err)
			}
		}
		for name, want := range map[string]Effect{"m2": Allow, "m1": Deny} { // what is known of a caller alone is kept
			m := work.Machine{Name: name, Labels: map[string][]string{"m1": {"gpu"}}[name]}
			for range 2 {
				if a, err := b.k.ExplainPolicy(ada, PolicyQuestion{Verb: VerbDispatch, Path: machineRoot.Child(name), Machine: m}); err != nil || a.Effect != want {
					t.Errorf("%s, asked by a person: %+v %v", name, a, err)
				}
			}
		}
		if err := b.k.MayLend("p99", "scripted", work.Machine{Name: "m1"}); code(err) != rmg.NotFound {
			t.Errorf("a process that is not there: %v", err)
		}
		b.ended(p.ID)
	})
}

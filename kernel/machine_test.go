package kernel

import (
	"testing"

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

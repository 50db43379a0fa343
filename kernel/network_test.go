package kernel

import (
	"errors"
	"testing"

	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

// Who may let commands out of the sandbox is a rule by name: people by default,
// tokens and processes not, and a rule of /policy has the last word.
func TestPolicyOfHosts(t *testing.T) {
	pol := (&Kernel{}).policyOf(rmg.Graph{})
	may := func(p *Policy, c Caller, host rmg.Path) Effect {
		return p.decide(newSubject(c, processFacts{ID: "p4"}), VerbNetwork, host, "").Effect
	}
	const api = rmg.Path("/net/api.example.com/443")
	for _, c := range []struct {
		who  Caller
		want Effect
	}{
		{Caller{Name: "ada"}, Allow},
		{Caller{Name: "bot", Kind: KindAgent, Caps: CapExec | CapIntent}, Deny},
		{Caller{Name: "p4", Kind: KindProcess}, Deny},
		{Caller{Name: "worker:script", Process: "p4", Kind: KindWorker}, Deny},
	} {
		if got := may(pol, c.who, api); got != c.want {
			t.Errorf("%s: %s", c.who.Name, got)
		}
	}
	if VerbNetwork.asks() {
		t.Error("nobody asks whether a host may be reached, so no rule can want it")
	}
}

// The hosts of an intent's scope come into the rights of its process; what is no
// host is refused.
func TestHostsBecomeRights(t *testing.T) {
	k := &Kernel{}
	if _, err := k.mayConnect(Caller{Name: "ada"}, []string{"example.com"}, processFacts{}); !errors.Is(err, &rmg.Error{Code: rmg.Invalid}) {
		t.Errorf("%v", err)
	}
	r := rightsOf(tasks.SLAPS{Scope: tasks.Scope{Network: []string{"api.example.com:443"}}}, &tasks.Plan{}, nil)
	if len(r.Hosts) != 1 || r.Network != networkHosts {
		t.Errorf("%+v", r)
	}
	if got, err := k.mayConnect(Caller{Name: "ada"}, nil, processFacts{}); err != nil || networkOf(got) != networkNone {
		t.Errorf("%v %v", got, err)
	}
}

package kernel

import (
	"context"
	"errors"
	"strings"
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

// Labels of an intent are asked for by each of its workers that do something, once,
// besides those of the task itself; a text can ask for them too.
func TestLabelsAreAskedFor(t *testing.T) {
	s := tasks.SLAPS{Version: "1", Intent: "FixBug", Target: tasks.TargetRef{Name: "app"}}
	s, err := IntentRequest{Labels: []string{"linux", "gpu"}}.widened(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		worker string
		own    []string
		want   string
	}{{"script", []string{"big", "gpu"}, "big gpu linux"}, {"repair", nil, "gpu linux"}, {workerBuiltin, nil, ""}} {
		if got := strings.Join(labelsOf(s, tasks.Task{Worker: c.worker, Labels: c.own}), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.worker, got, c.want)
		}
	}
	if _, err := (IntentRequest{Labels: []string{"a b"}}).widened(s); err == nil {
		t.Error("a label with a space is taken")
	}
}

// TestWhatStaysAtHome: labels of an intent for a worker that works on no other
// machine are refused at once, not waited for.
func TestWhatStaysAtHome(t *testing.T) {
	onBench(t, func(b *bench) {
		b.acts()
		b.run.home = true
		_, err := b.k.Intent(context.Background(), ada, IntentRequest{Text: "do .", Dir: "/app", Labels: []string{"gpu"}})
		if code(err) != rmg.Invalid || !strings.Contains(err.Error(), "worker scripted is the daemon's own") || len(b.k.Processes()) != 0 {
			t.Errorf("%v; %d processes", err, len(b.k.Processes()))
		}
		if _, err := b.k.Intent(context.Background(), ada, IntentRequest{Text: "do .", Dir: "/app"}); err != nil {
			t.Error(err)
		}
	})
}

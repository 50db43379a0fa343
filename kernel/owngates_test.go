package kernel

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// lintFile is a gate file with one gate whose command is a script of the
// repository.
const lintFile = `gates_version: "1"
protected: ["keep/**"]
gates:
  - {name: lint, command: [sh, ci.sh], protected: ["lint/*"]}
`

// own gives the repository a gate file, and the script that it names.
func (b *bench) own(file string) {
	b.Helper()
	b.repo.commit(b.T, map[string]string{tasks.GatesPath: file, "ci.sh": "exit 0\n"})
}

// approve approves every gate there is.
func (b *bench) approve(names ...string) []OwnGate {
	b.Helper()
	list, err := b.k.ApproveGates(context.Background(), ada, "/app", names)
	if err != nil {
		b.Fatal(err)
	}
	return list
}

// evidenceOf is the evidence of a gate of a process; a zero one if there is none.
func (b *bench) evidenceOf(process, gate string) work.Evidence {
	b.Helper()
	p, err := b.k.Process(process)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range p.Evidence {
		if e.Gate == gate {
			return e
		}
	}
	return work.Evidence{}
}

// TestOwnGatesAreApprovedFirst: what a repository brings is not run before a
// person has let it, who is told what to type; then it is run in place of the
// language's gates. Another command is another approval, and it can be taken back.
func TestOwnGatesAreApprovedFirst(t *testing.T) {
	onBench(t, func(b *bench) {
		b.own(lintFile)
		first := b.collapse(b.space(map[string]string{"a.go": "def A\n"}))
		list, err := b.k.Gates(context.Background(), "/app")
		if err != nil || len(list.Gates) != 1 || list.Gates[0].Approved {
			t.Fatalf("%+v %v", list, err)
		}
		hash := list.Gates[0].Hash
		want := "lint: not run: nobody has approved its command, sh ci.sh; after a look at it: jitos gates approve " + hash[:10]
		if !first.over() || code(first.err) != rmg.GateFailed || !strings.Contains(first.err.Error(), want) {
			t.Fatalf("%v", first.err)
		}
		if n := len(b.run.ran); n != 0 {
			t.Errorf("%d gates ran: %v", n, b.run.ran)
		}
		if got := b.approve(hash[:12]); len(got) != 1 || !got[0].Approved || got[0].By != ada.Name {
			t.Fatalf("%+v", got)
		}
		second := b.collapse(b.space(map[string]string{"a.go": "def A\n"}))
		b.landed(second)
		if n := b.run.runs("lint", "[gates.yaml a ci.sh]"); n != 1 {
			t.Errorf("%v", b.run.ran)
		}
		if e := b.evidenceOf(second.out.Process, "lint"); !e.Green || !e.Demanded {
			t.Errorf("%+v", e)
		}
		if e := b.evidenceOf(second.out.Process, "build"); e.Gate != "" {
			t.Error("the language's gates are run although the repository has its own")
		}
		// What is said about a command and not run needs no new approval.
		b.own(strings.Replace(lintFile, "lint/*", "lint/**", 1))
		b.landed(b.collapse(b.space(map[string]string{"c.go": "def C\n"})))
		b.own(strings.Replace(lintFile, "sh, ci.sh", "sh, -x, ci.sh", 1))
		third := b.collapse(b.space(map[string]string{"d.go": "def D\n"}))
		if !third.over() || third.err == nil || !strings.Contains(third.err.Error(), "nobody has approved its command, sh -x ci.sh") {
			t.Fatalf("%v", third.err)
		}
		b.own(lintFile)
		if _, err := b.k.RevokeGates(context.Background(), ada, "/app", []string{"lint"}); err != nil {
			t.Fatal(err)
		}
		fourth := b.collapse(b.space(map[string]string{"e.go": "def E\n"}))
		if !fourth.over() || fourth.err == nil || !strings.Contains(fourth.err.Error(), "nobody has approved") {
			t.Fatalf("%v", fourth.err)
		}
	})
}

// TestOnlyPeopleApproveCommands, by what is there, and it outlives a restart.
func TestOnlyPeopleApproveCommands(t *testing.T) {
	onBench(t, func(b *bench) {
		b.own(lintFile)
		for _, c := range []Caller{
			{Name: "worker:script", Process: "p4/act", Kind: KindWorker}, {Name: "token:ci", Kind: KindAgent, Caps: capEnd - 1}, {Name: "p4", Kind: KindProcess},
		} {
			if _, err := b.k.ApproveGates(context.Background(), c, "/app", []string{"lint"}); code(err) != rmg.Denied {
				t.Errorf("%s: %v", c.Name, err)
			}
		}
		for _, name := range []string{"nope", "abcdef0123456789", ""} {
			if _, err := b.k.ApproveGates(context.Background(), ada, "/app", []string{name}); code(err) != rmg.NotFound {
				t.Errorf("%q: %v", name, err)
			}
		}
		before := b.k.now().seq
		one := b.approve("lint")
		b.approve("lint")
		if n := b.k.now().seq - before; n != 1 {
			t.Errorf("approving twice is %d records", n)
		}
		b.close()
		b.open(2)
		list, err := b.k.Gates(context.Background(), "/app")
		if err != nil || !list.Gates[0].Approved || list.Gates[0].Hash != one[0].Hash {
			t.Errorf("after a restart: %+v %v", list, err)
		}
	})
}

// TestTheHeadsGatesCount: a candidate that brings another gate file is judged by
// that of the head it merges with; a process may not bring one at all.
func TestTheHeadsGatesCount(t *testing.T) {
	onBench(t, func(b *bench) {
		b.own(lintFile)
		b.approve("lint")
		lax := `{"gates_version": "1", "gates": [{"name": "nothing", "command": ["true"]}]}`
		hand := b.collapse(b.space(map[string]string{tasks.GatesPath: lax}))
		b.landed(hand)
		if e := b.evidenceOf(hand.out.Process, "lint"); !e.Green {
			t.Errorf("the head's gate did not run: %+v", e)
		}
		if e := b.evidenceOf(hand.out.Process, "nothing"); e.Gate != "" {
			t.Errorf("the candidate's gate ran: %+v", e)
		}
		b.own(lintFile)
		for file, red := range map[string]string{
			tasks.GatesPath: "a protected path", "ci.sh": "a protected path", "keep/x": "a protected path", "lint/rules": "a protected path", "lint/sub/x": "", "open": "",
		} {
			b.run.task = func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
				x, err := a.Workspace.PutBlob([]byte("other\n"))
				if err != nil {
					return work.Result{}, err
				}
				p := a.Repo.Root.Join(strings.Split(file, "/")...)
				return work.Result{OK: true}, a.Workspace.Rewrite(ctx, rewrite.Rewrite{Ops: []rewrite.Op{{Op: rewrite.Write, Path: p, Blob: x}}})
			}
			p := b.end(b.intent(IntentRequest{}))
			if (p.Status == "landed") != (red == "") || !strings.Contains(p.Reason, red) {
				t.Errorf("%s: %s: %s", file, p.Status, p.Reason)
			}
		}
	})
}

// TestOwnProtectionHoldsAtTheCommit: what a workspace got past its writes, the
// gate of protected paths stops; a person's own collapse may.
func TestOwnProtectionHoldsAtTheCommit(t *testing.T) {
	m := memory{}
	k := &Kernel{store: m}
	base := map[string]string{tasks.GatesPath: lintFile, "ci.sh": "exit 1\n", "keep/x": "x", "lint/rules": "all", "a.txt": "a"}
	for name, c := range map[string]struct {
		change map[string]string
		red    string
	}{
		"another file":  {map[string]string{"a.txt": "b"}, ""},
		"the gate file": {map[string]string{tasks.GatesPath: "gates_version: \"1\"\n"}, ".jitos/gates.yaml is protected"},
		"no gate file":  {map[string]string{tasks.GatesPath: ""}, ".jitos/gates.yaml is protected"},
		"the first one": {map[string]string{"a.txt": "b"}, ".jitos/gates.yaml is protected"},
		"its script":    {map[string]string{"ci.sh": "exit 0\n"}, "ci.sh is protected"},
		"a gate's own":  {map[string]string{"lint/rules": ""}, "lint/rules is protected"},
		"the file's":    {map[string]string{"keep/y": "y"}, "keep/y is protected"},
	} {
		t.Run(name, func(t *testing.T) {
			next := map[string]string{}
			for n, text := range base {
				next[n] = text
			}
			for n, text := range c.change {
				if next[n] = text; text == "" {
					delete(next, n)
				}
			}
			p := proof{base: treeOf(t, m, base), next: treeOf(t, m, next)}
			if name == "the first one" {
				p.base = treeOf(t, m, map[string]string{"a.txt": "a"})
			}
			// A policy that protects nothing leaves the repository's own word.
			p.head = worldWith(t, "protected: []\n", p.base)
			e := k.policyEvidence(p)
			if e.Green != (c.red == "") || !strings.Contains(e.Reason, c.red) {
				t.Errorf("green %v: %s", e.Green, e.Reason)
			}
			p.byHand = true
			if e := k.policyEvidence(p); !e.Green {
				t.Errorf("by hand: %s", e.Reason)
			}
		})
	}
}

// TestAGateFileThatCannotBeRead stops every change: nobody knows what it demands.
func TestAGateFileThatCannotBeRead(t *testing.T) {
	onBench(t, func(b *bench) {
		b.own("gates_version: \"1\"\ngates:\n  - {name: lint, comand: [true]}\n")
		e := b.collapse(b.space(map[string]string{"a.go": "def A\n"}))
		if !e.over() || e.err == nil || !strings.Contains(e.err.Error(), `.jitos/gates.yaml:3:18: /gates/0/comand: unknown field "comand"; did you mean "command"?`) {
			t.Fatalf("%v", e.err)
		}
		if _, err := b.k.Intent(context.Background(), ada, IntentRequest{Text: "do app", Dir: "/app"}); code(err) != rmg.Invalid {
			t.Errorf("an intent: %v", err)
		}
		b.own(lintFile)
		b.approve("lint")
		e = b.collapse(b.space(map[string]string{tasks.GatesPath: "gates: nonsense\n"}))
		if !e.over() || e.err == nil || !strings.Contains(e.err.Error(), "/gates: got string, want array") {
			t.Errorf("one that breaks it: %v", e.err)
		}
	})
}

// TestIntentsComeAfterApproval: nothing is begun that could not be proven.
func TestIntentsComeAfterApproval(t *testing.T) {
	onBench(t, func(b *bench) {
		b.own(lintFile)
		_, err := b.k.Intent(context.Background(), ada, IntentRequest{Text: "do app", Dir: "/app"})
		if code(err) != rmg.Denied || !strings.Contains(err.Error(), "lint (sh ci.sh)") {
			t.Fatalf("%v", err)
		}
		if _, err := b.k.Intent(context.Background(), ada, IntentRequest{Text: "do app", Dir: "/app", PlanOnly: true}); err != nil {
			t.Errorf("a plan alone: %v", err)
		}
		b.approve("lint")
		b.run.task = func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
			return work.Result{OK: true}, writes(ctx, a, "a.go", "def A\n")
		}
		id := b.intent(IntentRequest{})
		if p := b.end(id); p.Status != "landed" {
			t.Errorf("%s: %s", p.Status, p.Reason)
		}
		for _, gate := range []string{"build", "all tests", "lint"} {
			if e := b.evidenceOf(id, gate); !e.Green || e.Demanded != (gate == "lint") {
				t.Errorf("%s: %+v", gate, e)
			}
		}
	})
}

// TestFlaky: a red gate is run again only if the gate file says so, as often as
// it says; every run is kept, and what stands is not run anew.
func TestFlaky(t *testing.T) {
	const flaky = "gates_version: \"1\"\ngates:\n  - {name: lint, command: [sh, ci.sh]%s}\n"
	for name, c := range map[string]struct {
		policy string
		reds   int
		green  bool
		tries  int
	}{
		"not flaky":         {"", 1, false, 0},
		"green at once":     {", flaky: {reruns: 2}", 0, true, 0},
		"green when again":  {", flaky: {reruns: 2}", 1, true, 1},
		"green at the last": {", flaky: {reruns: 2}", 2, true, 2},
		"red each time":     {", flaky: {reruns: 2}", 9, false, 2},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, func(b *bench) {
				b.own(fmt.Sprintf(flaky, c.policy))
				b.approve("lint")
				b.run.flaky = map[string]int{"lint": c.reds}
				id := b.space(map[string]string{"a.go": "def A\n"})
				out := b.collapse(id)
				if !out.over() || (out.err == nil) != c.green {
					t.Fatalf("%v", out.err)
				}
				e := b.evidenceOf(out.out.Process, "lint")
				if e.Green != c.green || len(e.Tries) != c.tries {
					t.Fatalf("green %v after %d tries: %s", e.Green, len(e.Tries), e.Reason)
				}
				for _, r := range e.Tries {
					if r.Green || r.Reason != "flaked" || len(r.Tries) > 0 {
						t.Errorf("an earlier run: %+v", r)
					}
				}
				if c.green && c.tries > 0 && !strings.Contains(e.Reason, "before it red, and the gate may be flaky") {
					t.Errorf("the reason is silent: %s", e.Reason)
				}
				if c.green {
					return
				}
				// A key once red stays red.
				b.run.flaky["lint"] = 0
				again := b.collapse(id)
				if !again.over() || again.err == nil {
					t.Errorf("red, and green when asked again")
				}
				if e := b.evidenceOf(again.out.Process, "lint"); !e.Reused || len(e.Tries) != c.tries {
					t.Errorf("%+v", e)
				}
			})
		})
	}
}

// TestRunGates runs them on what a workspace comes to, and changes nothing.
func TestRunGates(t *testing.T) {
	onBench(t, func(b *bench) {
		b.own(lintFile)
		run := func(r GateRun) ([]work.Evidence, error) {
			r.Dir = "/app"
			return b.k.RunGates(context.Background(), ada, r, nil)
		}
		list, err := run(GateRun{})
		if err != nil || len(list) != 2 || list[1].Green || !strings.Contains(list[1].Reason, "nobody has approved") {
			t.Fatalf("%+v %v", list, err)
		}
		b.approve("lint")
		before := b.k.now().seq
		id := b.space(map[string]string{"a.go": "def A\n"})
		if list, err = run(GateRun{Space: id, Names: []string{"lint"}}); err != nil || len(list) != 2 || !list[1].Green {
			t.Fatalf("%+v %v", list, err)
		}
		tree, err := treeAt(b.k.now().world, "/repo/app/main")
		if err != nil || list[1].Input == tree.Digest() {
			t.Errorf("it ran on the head, not on what the workspace comes to: %v", err)
		}
		if n := b.k.now().seq - before; n != 2 { // the fork and the write
			t.Errorf("%d records", n)
		}
		if _, err := run(GateRun{Names: []string{"nope"}}); code(err) != rmg.NotFound {
			t.Errorf("%v", err)
		}
	})
}

// TestIntentsMayAskForWhatIsProtected if their caller may change it.
func TestIntentsMayAskForWhatIsProtected(t *testing.T) {
	onBench(t, func(b *bench) {
		s := document(tasks.Budget{})
		s.Scope = tasks.Scope{Protected: []string{"x_test.go"}, DropTests: []string{"p.x_test.go"}}
		b.repo.commit(t, map[string]string{"x_test.go": "want Old\n"})
		agent := Caller{Name: "token:ci", Kind: KindAgent, Caps: CapIntent | CapRewrite | CapCollapse}
		if _, err := b.k.Intent(context.Background(), agent, IntentRequest{SLAPS: s, Dir: "/app"}); code(err) != rmg.Denied {
			t.Errorf("automation that grants itself: %v", err)
		}
		b.run.task = func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
			return work.Result{OK: true}, a.Workspace.Rewrite(ctx, rewrite.Rewrite{Ops: []rewrite.Op{{Op: rewrite.Remove, Path: a.Repo.Root.Child("x_test.go")}}})
		}
		if p := b.end(b.intent(IntentRequest{})); p.Status != "failed" || !strings.Contains(p.Reason, "a protected path") {
			t.Errorf("not asked for: %s: %s", p.Status, p.Reason)
		}
		drop := s.Scope.DropTests
		s.Scope.DropTests = nil
		if p := b.end(b.intent(IntentRequest{SLAPS: s})); p.Status != "failed" || !strings.Contains(p.Reason, "green at the head and not here: p.x_test.go") {
			t.Errorf("the file granted and not the test: %s: %s", p.Status, p.Reason)
		}
		s.Scope.DropTests = drop
		if _, err := b.k.Intent(context.Background(), ada, IntentRequest{Text: "do app", Dir: "/app", DropTests: []string{""}}); err == nil {
			t.Error("a test without a name can be dropped")
		}
		id := b.intent(IntentRequest{Protected: s.Scope.Protected, DropTests: drop})
		if p := b.end(id); p.Status != "landed" {
			t.Errorf("asked for: %s: %s", p.Status, p.Reason)
		}
		if e := b.evidenceOf(id, "all tests"); !strings.Contains(e.Reason, "dropped as the intent asks: p.x_test.go") {
			t.Errorf("%s", e.Reason)
		}
	})
}

// TestAWholeFolderThatIsGone counts file by file.
func TestAWholeFolderThatIsGone(t *testing.T) {
	m := memory{}
	base := treeOf(t, m, map[string]string{"tests/a/x": "1", "tests/b": "2", "c": "3"})
	next := treeOf(t, m, map[string]string{"c": "3"})
	if got := strings.Join(changedFiles(base, next), " "); got != "tests/a/x tests/b" {
		t.Errorf("removed: %q", got)
	}
	if got := strings.Join(changedFiles(next, base), " "); got != "tests/a/x tests/b" {
		t.Errorf("added: %q", got)
	}
}

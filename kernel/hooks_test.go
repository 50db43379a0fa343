package kernel

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"jitos.dev/rmg"
	"jitos.dev/work"
)

// The person's hooks are gates of every change that becomes a commit, on exactly
// what is staged over what it will be merged with; what commit-msg makes of the
// message is the commit's.
func TestHooksAreGates(t *testing.T) {
	onBench(t, func(b *bench) {
		b.repo.hooks = Hooks{Names: []string{"pre-commit", "commit-msg"}, Sum: "one"}
		e := b.collapse(b.space(map[string]string{"a.go": "def A\n"}))
		b.landed(e)
		p := b.process(e)
		want := fmt.Sprintf("Collapse %s\n\n\nJitos-Process: %s\nReviewed-by: hook\nJitos-Seq: %d\n", p.Workspace, p.ID, p.Collapse)
		if got := b.repo.message[p.Commit]; got != want {
			t.Errorf("the message is\n%s\nnot\n%s", got, want)
		}
		if n := len(slices.DeleteFunc(slices.Clone(p.Evidence), func(e work.Evidence) bool { return e.Kind != work.GateHook || !e.Green })); n != 2 {
			t.Errorf("%d hooks stand in the evidence", n)
		}
		expect(t, "staged", fmt.Sprint(b.repo.staged), "[[]+[a]]")

		e = b.collapse(b.space(map[string]string{"unhooked.go": "def U\n"}))
		if !e.over() || !errors.Is(e.err, &rmg.Error{Code: rmg.GateFailed}) && !errors.Is(e.err, &rmg.Error{Code: rmg.Conflict}) {
			t.Errorf("a hook says no: %v", e.err)
		}
		expect(t, "head", b.history(), "[] [a]")

		// Where no commit is made, none is asked.
		b.repo.staged = nil
		if p := b.process(b.collapseTo(b.space(map[string]string{"unhooked.go": "def U\n"}), landNone)); p.Status != "collapsed" {
			t.Errorf("%s: %s", p.Status, p.Reason)
		}
		expect(t, "staged", fmt.Sprint(b.repo.staged), "[]")
	})
}

// What is proven behind others is staged over what they will leave.
func TestHooksInTheQueue(t *testing.T) {
	onBench(t, func(b *bench) {
		b.repo.hooks = Hooks{Names: []string{"pre-commit"}, Sum: "one"}
		a, c := b.space(map[string]string{"a.go": "def A\n"}), b.space(map[string]string{"c.go": "def C\n"})
		b.run.hold()
		first, second := b.collapse(a), b.collapse(c)
		b.run.waits()
		b.run.free()
		b.landed(first)
		b.landed(second)
		got := slices.Clone(b.repo.staged)
		slices.Sort(got)
		expect(t, "staged", fmt.Sprint(got), "[[]+[a] [a]+[a c]]")
	})
}

// A hook of a push is asked about what is pushed, where it is pushed to, before
// anything lands; where nothing is pushed it is not asked.
func TestPushHooksAreGates(t *testing.T) {
	onBench(t, func(b *bench) {
		b.repo.hooks, b.repo.remote = Hooks{Names: []string{"pre-commit", prePush}, Sum: "one"}, map[string]string{}
		b.landed(b.collapse(b.space(map[string]string{"a.go": "def A\n"})))
		expect(t, "staged", fmt.Sprint(b.repo.staged), "[[]+[a]]")

		b.repo.staged = nil
		e := b.collapseTo(b.space(map[string]string{"c.go": "def C\n"}), landPush)
		p := b.process(e)
		if p.Status != "landed" || b.repo.remote["main"] != p.Commit {
			t.Errorf("%s: %s", p.Status, p.Reason)
		}
		expect(t, "staged", fmt.Sprint(b.repo.staged), fmt.Sprintf("[[a]+[a c] [a]+[a c] jitos/%s to hub/main at %q]", p.ID, ""))
		i := slices.IndexFunc(p.Evidence, func(e work.Evidence) bool { return e.Gate == prePush })
		if i < 0 || fmt.Sprint(p.Evidence[i].Argv) != "[.git/hooks/pre-push hub mem:hub]" {
			t.Errorf("%+v", p.Evidence)
		}

		was := fmt.Sprint(b.repo.remote)
		if e := b.collapseTo(b.space(map[string]string{"unhooked.go": "def U\n"}), landPull); !e.over() || e.err == nil {
			t.Errorf("a hook says no: %v", e.err)
		}
		expect(t, "remote", fmt.Sprint(b.repo.remote), was)
		if last := b.repo.staged[len(b.repo.staged)-1]; !strings.Contains(last, "to hub/jitos/") {
			t.Errorf("a pull request is pushed %s", last)
		}
	})
}

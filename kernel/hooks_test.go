package kernel

import (
	"errors"
	"fmt"
	"slices"
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

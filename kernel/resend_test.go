package kernel

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"jitos.dev/rmg"
	"jitos.dev/work"
)

// resent does a request under a key three times, the last one after a restart:
// all have one answer, and the second and third make no record.
func resent(t *testing.T, name string, seq func() uint64, restart func(), do func(Caller) (any, error)) {
	t.Helper()
	ask := func() string {
		t.Helper()
		got, err := do(keyed(strings.ReplaceAll(name, " ", "-")))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return fmt.Sprintf("%+v", got)
	}
	first := ask()
	end := seq()
	for _, when := range []string{"at once", "after a restart"} {
		if when == "after a restart" {
			restart()
			end = seq()
		}
		if again := ask(); again != first {
			t.Errorf("%s, %s: the resend is answered\n%s, the first was\n%s", name, when, again, first)
		}
		if now := seq(); now != end {
			t.Errorf("%s, %s: the resend made %d records", name, when, now-end)
		}
	}
}

// restart ends the kernel and opens another on what is on disk.
func (b *stage) restart(dir string) {
	b.t.Helper()
	b.end()
	next := openStage(b.t, dir, b.git, b.run)
	b.Kernel, b.store, b.ended, next.ended = next.Kernel, next.store, false, true // b ends it
}

// Collapses and undos are done once under a key: of a repository, of what concerns
// none, and into another workspace.
func TestResendsOfCollapses(t *testing.T) {
	dir := t.TempDir()
	b := openStage(t, dir, &memGit{trees: map[string]rmg.Graph{}, heads: map[string]string{}}, &toldRunner{})
	root := b.repo(map[string]string{"a.txt": "1\n", "go.mod": "module app\n"})
	seq, restart := func() uint64 { return b.now().seq }, func() { b.restart(dir) }
	b.write("system", node("/n", 1))

	w := b.fork()
	b.write("sws:"+w, writeText(root.Child("a.txt"), "2\n"))
	b.write("system", node("/moved", 1))
	var landed Collapsed
	resent(t, "repository", seq, restart, func(c Caller) (any, error) {
		got, err := b.Collapse(b.ctx(), c, w, CollapseRequest{})
		landed = got
		return got, err
	})
	if landed.Commit == "" || !landed.Merged || len(landed.Evidence) == 0 {
		t.Fatalf("%+v", landed)
	}

	plain := b.fork()
	b.write("sws:"+plain, set("/n", 2))
	resent(t, "no repository", seq, restart, func(c Caller) (any, error) { return b.Collapse(b.ctx(), c, plain, CollapseRequest{}) })

	parent := b.fork()
	child, err := b.Fork(b.ctx(), ada, ForkRequest{From: "sws:" + parent})
	b.must(err)
	b.write("sws:"+child.ID, set("/n", 3))
	b.write("sws:"+parent, node("/p", 1))
	resent(t, "into a workspace", seq, restart, func(c Caller) (any, error) { return b.Collapse(b.ctx(), c, child.ID, CollapseRequest{}) })
	empty, err := b.Fork(b.ctx(), ada, ForkRequest{From: "sws:" + parent})
	b.must(err)
	resent(t, "nothing into a workspace", seq, restart, func(c Caller) (any, error) { return b.Collapse(b.ctx(), c, empty.ID, CollapseRequest{}) })

	resent(t, "undo", seq, restart, func(c Caller) (any, error) { return b.Undo(b.ctx(), c, UndoRequest{Seq: landed.Seq}) })
	if got := b.text(root.Child("a.txt")); got != "1\n" {
		t.Errorf("after the undo: %q", got)
	}
	// What was undone is not done over by a resend that comes late.
	if _, err := b.Collapse(b.ctx(), keyed("repository"), w, CollapseRequest{}); err != nil || b.text(root.Child("a.txt")) != "1\n" {
		t.Errorf("a late resend: %v", err)
	}
	if _, err := b.Collapse(b.ctx(), keyed("repository"), plain, CollapseRequest{}); code(err) != rmg.Conflict {
		t.Errorf("the key of another collapse: %v", err)
	}
}

// A collapse that is refused uses no key up.
func TestResendsOfWhatWasRefused(t *testing.T) {
	b := newStage(t)
	root := b.repo(map[string]string{"a.txt": "1\n", "go.mod": "module app\n"})
	w := b.fork()
	b.write("sws:"+w, writeText(root.Child("a.txt"), "2\n"))
	b.run.red = "exit 1"
	if _, err := b.Collapse(b.ctx(), keyed("k"), w, CollapseRequest{}); code(err) != rmg.GateFailed {
		t.Fatal(err)
	}
	b.run.red = ""
	if got, err := b.Collapse(b.ctx(), keyed("k"), w, CollapseRequest{}); err != nil || got.Commit == "" {
		t.Errorf("%+v %v", got, err)
	}
}

// moving is a repository whose branch moves as often as it is told to, just before
// something lands.
type moving struct {
	*memGit
	moves  int
	before func()
}

func (g *moving) Land(ctx context.Context, landing []byte) (LandOutcome, error) {
	if g.moves > 0 {
		g.moves--
		g.before()
	}
	return g.memGit.Land(ctx, landing)
}

// A collapse that was taken back and made again, because the branch had moved, is
// one request; a resend is told of the one that stands.
func TestResendsOfACollapseThatWasTakenBack(t *testing.T) {
	b := newStage(t)
	files := map[string]string{"a.txt": "1\n", "go.mod": "module app\n"}
	root := b.repo(files)
	git := &moving{memGit: b.git, moves: 1, before: func() {
		files["b.txt"] = "a person's\n"
		b.commit("Ada", "second", files)
	}}
	b.Kernel.opt.Worktree = git
	w := b.fork()
	b.write("sws:"+w, writeText(root.Child("a.txt"), "2\n"))
	first, err := b.Collapse(b.ctx(), keyed("k"), w, CollapseRequest{})
	b.must(err)
	if git.moves != 0 || first.LandedOn != "main" {
		t.Fatalf("%+v", first)
	}
	end := b.now().seq
	again, err := b.Collapse(b.ctx(), keyed("k"), w, CollapseRequest{})
	if err != nil || again.Seq != first.Seq || again.Commit != first.Commit || b.now().seq != end {
		t.Errorf("%+v %v, the first was %+v", again, err, first)
	}
	used, err := onceOf(keyed("k"), "collapse", []any{w, CollapseRequest{}})
	b.must(err)
	if seq, err := used.seen(b.now().ledger); err != nil || seq == 0 || seq >= first.Seq {
		t.Errorf("the key is record %d's, %v; the collapse that stands is %d", seq, err, first.Seq)
	}
}

// A collapse that a start of the daemon took back, because its landing had been cut
// off, is done over by a resend.
func TestResendsOfACollapseThatIsGone(t *testing.T) {
	b := newStage(t)
	root := b.repo(map[string]string{"a.txt": "1\n", "go.mod": "module app\n"})
	was := b.git.heads["main"]
	w := b.fork()
	b.write("sws:"+w, writeText(root.Child("a.txt"), "2\n"))
	first, err := b.Collapse(b.ctx(), keyed("k"), w, CollapseRequest{})
	b.must(err)
	before, after, err := b.around(first.Seq)
	b.must(err)
	old, err := treeAt(before, root)
	b.must(err)
	next, err := treeAt(after, root)
	b.must(err)
	c := &collapse{process: first.Process, space: w, root: root, top: "/r/app", branch: "main", land: landCommit}
	b.must(b.takeBack(b.ctx(), c, landing{seq: first.Seq, old: old, next: next}, unlanding{}))
	b.write("system", node("/x", 1))
	b.git.heads["main"] = was
	again, err := b.Collapse(b.ctx(), keyed("k"), w, CollapseRequest{})
	if err != nil || again.Seq <= first.Seq || again.Process == first.Process || b.text(root.Child("a.txt")) != "2\n" {
		t.Errorf("%+v %v", again, err)
	}
}

// Resends that come while the first is under way wait for it.
func TestResendsOfACollapseAtOnce(t *testing.T) {
	b := newStage(t)
	root := b.repo(map[string]string{"a.txt": "1\n", "go.mod": "module app\n"})
	w := b.fork()
	b.write("sws:"+w, writeText(root.Child("a.txt"), "2\n"))
	var wg sync.WaitGroup
	got := make([]string, 4)
	for i := range got {
		wg.Go(func() {
			c, err := b.Collapse(b.ctx(), keyed("k"), w, CollapseRequest{})
			got[i] = fmt.Sprintf("%+v %v", c, err)
		})
	}
	wg.Wait()
	for _, g := range got {
		if g != got[0] {
			t.Errorf("%s\n%s", g, got[0])
		}
	}
	if n := len(b.Processes()); n != 1 {
		t.Errorf("%d processes carry it", n)
	}
	held, err := b.turns.take(b.ctx(), Once{Key: [32]byte{1}})
	b.must(err)
	gone, stop := context.WithCancel(b.ctx())
	stop()
	if _, err := b.turns.take(gone, Once{Key: [32]byte{1}}); err == nil {
		t.Error("two have the turn")
	}
	held()
	if len(b.turns.by) != 0 {
		t.Errorf("%d turns are left", len(b.turns.by))
	}
}

// Rebases and resolutions are done once under a key.
func TestResendsOfRebases(t *testing.T) {
	b := kernelFor(t)
	ctx := context.Background()
	seq := func() uint64 { return b.now().seq }
	b.write("system", node("/a", 1), node("/b", 1))
	plain := b.new(ForkRequest{})
	b.write("sws:"+plain, set("/a", 2))
	b.write("system", set("/b", 9))
	resent(t, "rebase", seq, b.restart, func(c Caller) (any, error) { return b.Rebase(ctx, c, plain, "") })
	b.write("system", set("/b", 10)) // a resend stays where the first one went
	if got, err := b.Rebase(ctx, keyed("rebase"), plain, ""); err != nil || got.Base == seqText(seq()) {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := b.Rebase(ctx, keyed("another"), plain, ""); err != nil || got.Base != seqText(seq()-1) {
		t.Errorf("%+v %v", got, err)
	}

	clashed := b.new(ForkRequest{})
	b.write("sws:"+clashed, set("/a", 3), set("/b", 3))
	b.write("system", set("/a", 4), set("/b", 4))
	_, err := b.Rebase(ctx, keyed("clash"), clashed, "")
	b.refused(err, rmg.Conflict)
	settle := func(p rmg.Path, x int) func(Caller) (any, error) {
		return func(c Caller) (any, error) {
			got, err := b.Settle(ctx, c, clashed, Resolution{Path: p, Prop: "x", Value: rmg.Int(int64(x))})
			if err != nil {
				return nil, err
			}
			return fmt.Sprint(got.Seq, got.Digest, got.Base, listed(got.Conflicts)), nil
		}
	}
	resent(t, "first", seq, b.restart, settle("/a", 5))
	resent(t, "last", seq, b.restart, settle("/b", 6))
	b.want("sws:"+clashed, "/a", "x", "5")
	b.want("sws:"+clashed, "/b", "x", "6")
	if _, err := settle("/b", 7)(keyed("last")); code(err) != rmg.Conflict {
		t.Errorf("the key of another resolution: %v", err)
	}
}

// What a process is told is told once under a key, be it driven or not.
func TestResendsToAProcess(t *testing.T) {
	onBench(t, func(b *bench) {
		task := func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
			return work.Result{OK: true}, writes(ctx, a, "a.go", "def A\n")
		}
		reopen := func() {
			b.close()
			b.open(2)
			b.run.task = task
			b.run.hold()
		}
		tell := func(name string, do func(context.Context, Caller, string) (Process, error), id, status string) {
			t.Helper()
			seq := b.k.now().seq
			p, err := do(context.Background(), keyed(name), id)
			if err != nil || status != "" && p.Status != status || b.k.now().seq == seq {
				t.Fatalf("%s: %s %v", name, p.Status, err)
			}
		}
		again := func(name string, do func(context.Context, Caller, string) (Process, error), id, status string) {
			t.Helper()
			seq := b.k.now().seq
			p, err := do(context.Background(), keyed(name), id)
			if err != nil || p.Status != status || b.k.now().seq != seq {
				t.Errorf("%s again: %s %v, %d records", name, p.Status, err, b.k.now().seq-seq)
			}
		}
		b.run.task = task
		b.run.hold()
		id := b.intent(IntentRequest{})
		tell("driven", b.k.Cancel, id, "cancelled")
		again("driven", b.k.Cancel, id, "cancelled")
		reopen()
		again("driven", b.k.Cancel, id, "cancelled")
		if _, err := b.k.Cancel(context.Background(), ada, id); code(err) != rmg.Conflict {
			t.Errorf("without a key: %v", err)
		}
		tell("retry", b.k.Retry, id, "")
		synctest.Wait()
		again("retry", b.k.Retry, id, "proving")
		reopen()
		again("retry", b.k.Retry, id, "interrupted")
		tell("not-driven", b.k.Cancel, id, "cancelled")
		again("not-driven", b.k.Cancel, id, "cancelled")
		tell("one-more", b.k.Retry, id, "")
		b.run.free()
		if p := b.end(id); p.Status != "landed" {
			t.Errorf("%s: %s", p.Status, p.Reason)
		}
	})
}

// An approval that was revoked is not given again by a late resend.
func TestResendsOfApprovals(t *testing.T) {
	b := newStage(t)
	b.repo(map[string]string{"a.txt": "1\n", ".jitos/gates.yaml": "gates_version: \"1\"\ngates:\n  - name: lint\n    command: [sh, lint.sh]\n"})
	approve := func(c Caller) []OwnGate {
		t.Helper()
		list, err := b.ApproveGates(b.ctx(), c, "/r/app", []string{"lint"})
		b.must(err)
		return list
	}
	if got := approve(keyed("k")); len(got) != 1 || !got[0].Approved {
		t.Fatalf("%+v", got)
	}
	if _, err := b.RevokeGates(b.ctx(), ada, "/r/app", []string{"lint"}); err != nil {
		t.Fatal(err)
	}
	if got := approve(keyed("k")); got[0].Approved {
		t.Error("a resend approves again")
	}
	if got := approve(keyed("another")); !got[0].Approved {
		t.Error("another request does not approve")
	}
}

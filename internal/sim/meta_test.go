package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"jitos.dev/journal"
	"jitos.dev/kernel"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// TestWaysToOneWorld makes the same changes in several ways: directly, in a
// workspace that collapses, in a workspace of a workspace, one at a time under
// keys that are sent twice. All come to one digest, and so does each after a
// restart from a checkpoint, one from the log alone, a replay, and a backup that
// is restored.
func TestWaysToOneWorld(t *testing.T) {
	n := seed(t)
	for round := range uint64(2) {
		changes := changesThatHold(t, n+round)
		var first rmg.Digest
		for name, way := range map[string]func(*testing.T, *system, [][]rewrite.Op){
			"direct": direct, "workspace": byWorkspace, "nested": byNested, "twice": twice,
		} {
			dir := t.TempDir()
			s := must(open(filepath.Join(dir, "data")))(t)
			way(t, s, changes)
			d := must(s.View("system"))(t).Digest()
			if first.IsZero() {
				first = d
			}
			if d != first {
				t.Fatalf("round %d: %s comes to %s, another way to %s", round, name, d, first)
			}
			lives(t, s, dir, first)
		}
	}
}

// changesThatHold draws rewrites, and keeps those that a system takes.
func changesThatHold(t *testing.T, n uint64) [][]rewrite.Op {
	t.Helper()
	s := must(open(t.TempDir()))(t)
	defer s.close()
	c := &client{rnd: rand.New(rand.NewPCG(n, 7))}
	var out [][]rewrite.Op
	for range 40 {
		ops := c.ops()
		if _, err := s.Rewrite(t.Context(), ada, "system", rewrite.Rewrite{Ops: ops}); err == nil {
			out = append(out, ops)
		}
	}
	return out
}

func direct(t *testing.T, s *system, changes [][]rewrite.Op) {
	for _, ops := range changes {
		must(s.Rewrite(t.Context(), ada, "system", rewrite.Rewrite{Ops: ops}))(t)
	}
}

func byWorkspace(t *testing.T, s *system, changes [][]rewrite.Op) {
	w := must(s.Fork(t.Context(), ada, kernel.ForkRequest{}))(t)
	for _, ops := range changes {
		must(s.Rewrite(t.Context(), ada, "sws:"+w.ID, rewrite.Rewrite{Ops: ops}))(t)
	}
	must(s.Collapse(t.Context(), ada, w.ID, kernel.CollapseRequest{}))(t)
}

func byNested(t *testing.T, s *system, changes [][]rewrite.Op) {
	w := must(s.Fork(t.Context(), ada, kernel.ForkRequest{}))(t)
	for i := 0; i < len(changes); i += 5 {
		x := must(s.Fork(t.Context(), ada, kernel.ForkRequest{From: "sws:" + w.ID}))(t)
		for _, ops := range changes[i:min(i+5, len(changes))] {
			must(s.Rewrite(t.Context(), ada, "sws:"+x.ID, rewrite.Rewrite{Ops: ops}))(t)
		}
		must(s.Collapse(t.Context(), ada, x.ID, kernel.CollapseRequest{}))(t)
	}
	must(s.Collapse(t.Context(), ada, w.ID, kernel.CollapseRequest{}))(t)
}

func twice(t *testing.T, s *system, changes [][]rewrite.Op) {
	for i, ops := range changes {
		c := kernel.Caller{Name: ada.Name, Key: fmt.Sprint("change-", i)}
		a := must(s.Rewrite(t.Context(), c, "system", rewrite.Rewrite{Ops: ops}))(t)
		if b := must(s.Rewrite(t.Context(), c, "system", rewrite.Rewrite{Ops: ops}))(t); a != b {
			t.Fatalf("answered %+v, and then %+v", a, b)
		}
	}
}

// lives takes a system through what must not change its world.
func lives(t *testing.T, s *system, dir string, want rmg.Digest) {
	t.Helper()
	check := func(how string) {
		t.Helper()
		if d := must(s.View("system"))(t).Digest(); d != want {
			t.Fatalf("%s the world is %s, not %s", how, d, want)
		}
		if v := must(s.Verify(t.Context()))(t); len(v.Problems) > 0 || v.World != want {
			t.Fatalf("%s verify finds %q, world %s", how, v.Problems, v.World)
		}
	}
	reopen := func(data, how string) {
		t.Helper()
		s = must(open(data))(t)
		check(how)
	}
	check("at once")
	busy(t, s)
	check("after a busy ledger")
	if r := must(s.Replay(t.Context(), kernel.ReplayRequest{}, func(kernel.ReplayProgress) {}))(t); r.Difference != "" || r.World != want {
		t.Fatalf("replay: %+v", r)
	}
	copied := filepath.Join(dir, "cut")
	if err := copyDir(copied, filepath.Join(dir, "data")); err != nil {
		t.Fatal(err)
	}
	backup, back := filepath.Join(dir, "backup"), filepath.Join(dir, "back")
	if err := s.store.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	reopen(filepath.Join(dir, "data"), "after a start from a checkpoint")
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	reopen(copied, "after a start from the log alone")
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if err := journal.Restore(context.Background(), backup, back, journal.Options{}); err != nil {
		t.Fatal(err)
	}
	reopen(back, "after a backup was restored")
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}

// busy does what concerns the ledger alone: workspaces come and go, are written,
// frozen and thawed, and nothing collapses.
func busy(t *testing.T, s *system) {
	ctx := t.Context()
	for range 3 {
		w := must(s.Fork(ctx, ada, kernel.ForkRequest{}))(t)
		must(s.Rewrite(ctx, ada, "sws:"+w.ID, rewrite.Rewrite{Ops: []rewrite.Op{{Op: rewrite.AddNode, Path: "/never", Kind: "K"}}}))(t)
		must(s.Freeze(ctx, ada, w.ID, "look"))(t)
		must(s.Thaw(ctx, ada, w.ID))(t)
		must(s.Discard(ctx, ada, w.ID, ""))(t)
		must(s.Restore(ctx, ada, w.ID))(t)
		must(s.Rebase(ctx, ada, w.ID, ""))(t)
		must(s.Discard(ctx, ada, w.ID, "again"))(t)
	}
	must(s.NewToken(ctx, ada, kernel.TokenRequest{Name: "bot", Caps: kernel.CapRewrite, TTL: time.Hour}))(t)
}

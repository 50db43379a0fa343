package kernel

import (
	"context"
	"errors"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// A workspace sees what is not committed, and what collapses is what was changed
// over it; where both touch a place, it conflicts.
func TestUncommittedIsSeenAndStays(t *testing.T) {
	onBench(t, func(b *bench) {
		ctx := context.Background()
		b.repo.dirty = b.repo.tree(t, b.repo.commits[b.repo.head], map[string]string{"mine.go": "def Mine\n", "base.go": "def Old\ndef Mine2\n"})
		fork := func() string {
			t.Helper()
			w, err := b.k.Fork(ctx, ada, ForkRequest{Dir: "/app", Dirty: true})
			if err != nil {
				t.Fatal(err)
			}
			return w.ID
		}
		id := fork()
		tree := func(version string) rmg.Graph {
			t.Helper()
			v, err := b.k.View(version)
			if err != nil {
				t.Fatal(err)
			}
			e, _ := v.World.Get(repoRoot.Join("app", "main"))
			return e.Graph
		}
		if !tree("sws:"+id).Same(b.repo.dirty) && tree("sws:"+id).Digest() != b.repo.dirty.Digest() {
			t.Error("it is not seen")
		}
		w, err := b.k.Workspace(id)
		if err != nil || w.Changes != 0 || tree(w.BaseAt).Digest() != b.repo.dirty.Digest() {
			t.Errorf("it counts as the workspace's own: %d changes over %s, %v", w.Changes, w.BaseAt, err)
		}
		b.write(id, map[string]string{"a.go": "def A\n"})
		b.landed(b.collapse(id))
		expect(t, "head", b.history(), "[] [a]")
		base, _ := tree("system").Get(rmg.Root.Child("base.go"))
		if text, err := readBlob(b.k.store, base.Props.Blob(rewrite.PropBlob)); err != nil || string(text) != "def Old\n" {
			t.Errorf("base.go landed as %q, %v", text, err)
		}

		// It is folded from the log like all else.
		again := fork()
		b.write(again, map[string]string{"mine.go": "def Mine\nuse Old\n"})
		seen := tree("sws:" + again).Digest()
		b.close()
		b.open(2)
		if got := tree("sws:" + again).Digest(); got != seen {
			t.Errorf("after a restart it is %s, not %s", got, seen)
		}
		if e := b.collapse(again); !e.over() || !errors.Is(e.err, &rmg.Error{Code: rmg.Conflict}) {
			t.Errorf("a change of what is not committed: %v", e.err)
		}
	})
}

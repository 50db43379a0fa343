package kernel

import (
	"context"
	"fmt"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// A rebase is one record that holds the workspace's own changes and no more,
// however much happened below it; the fold of it is the merge.
func TestRebase(t *testing.T) {
	b := kernelFor(t)
	ctx := context.Background()
	b.write("system", node("/a", 1), node("/b", 1), node("/m", 1))
	id := b.new(ForkRequest{})
	ws := "sws:" + id
	b.write(ws, set("/a", 2), rewrite.Op{Op: rewrite.Move, Path: "/m", Dest: "/n"})
	var many []rewrite.Op
	for i := range 200 {
		many = append(many, node(rmg.Root.Child(fmt.Sprint("s", i)), 0))
	}
	moved := b.write("system", append(many, set("/b", 9), set("/m", 5))...)

	got, err := b.Rebase(ctx, ada, id, "")
	if err != nil || got.Base != seqText(moved.Seq) || got.Seq != moved.Seq+1 {
		t.Fatalf("%+v %v", got, err)
	}
	rec, err := b.record(got.Seq)
	if err != nil || rec.View != ws || rec.Author != "ada@host" || len(rec.Ops) > 6 {
		t.Errorf("the record is %+v, %v", rec, err)
	}
	check := func() {
		t.Helper()
		b.want(ws, "/a", "x", "2")
		b.want(ws, "/b", "x", "9")
		b.want(ws, "/n", "x", "5")
		b.want(ws, "/m", "x", "gone")
		b.want(ws, "/s7", "x", "0")
		w := b.shown(id)
		if w.Base != moved.Seq || w.From != "system" || w.BaseAt != seqText(moved.Seq) || w.Changes != 3 || w.Ops != 2 || w.Digest != got.Digest {
			t.Errorf("%+v", w)
		}
		if d, err := b.Diff(w.BaseAt, ws, "/"); err != nil || len(d) != 2 || d[0].Kind != rmg.Moved {
			t.Errorf("the difference from its base is %+v, %v", d, err)
		}
	}
	check()
	b.restart()
	check()

	// There is nothing to do, and no record says so.
	seq := b.now().seq
	if got, err = b.Rebase(ctx, ada, id, ""); err != nil || got.Seq != 0 || b.now().seq != seq {
		t.Errorf("a second rebase: %+v %v", got, err)
	}
	// What was moved still is a move: an edit at the old place follows it.
	b.write("system", set("/m", 6))
	if _, err := b.Collapse(ctx, ada, id, CollapseRequest{}); err != nil {
		t.Fatal(err)
	}
	b.want("system", "/n", "x", "6")
	b.want("system", "/m", "x", "gone")
	b.want("system", "/a", "x", "2")
}

// Where the other side takes back what conflicted, there is nothing to resolve,
// and the next rebase says so.
func TestRebaseAfterConflictsAreGone(t *testing.T) {
	b := kernelFor(t)
	ctx := context.Background()
	id := clash(b)
	_, err := b.Rebase(ctx, ada, id, "")
	b.refused(err, rmg.Conflict)
	b.write("system", set("/a", 1), set("/b", 1), set("/c", 1))
	if got, err := b.Rebase(ctx, ada, id, ""); err != nil || got.Seq == 0 {
		t.Fatalf("%+v %v", got, err)
	}
	if w := b.shown(id); w.Onto != "" || w.Open != 0 || len(w.Conflicts) != 0 {
		t.Errorf("%+v", w)
	}
	b.want("sws:"+id, "/a", "x", "2")
}

func TestRebaseTargets(t *testing.T) {
	b := kernelFor(t)
	ctx := context.Background()
	b.write("system", node("/a", 1))
	id := b.new(ForkRequest{})
	one := b.write("system", set("/a", 2))
	two := b.write("system", node("/b", 1))
	child := b.new(ForkRequest{From: "sws:" + id})

	_, err := b.Rebase(ctx, ada, id, "sws:"+child)
	b.refused(err, rmg.Invalid)
	_, err = b.Rebase(ctx, ada, child, "system")
	b.refused(err, rmg.Invalid)
	_, err = b.Rebase(ctx, ada, id, "seq:999")
	b.refused(err, rmg.NotFound)
	_, err = b.Rebase(ctx, ada, "w77", "")
	b.refused(err, rmg.NotFound)

	if got, err := b.Rebase(ctx, ada, id, seqText(one.Seq)); err != nil || got.Base != seqText(one.Seq) {
		t.Fatalf("%+v %v", got, err)
	}
	b.want("sws:"+id, "/a", "x", "2")
	b.want("sws:"+id, "/b", "x", "gone")
	// The child stands on what its parent was, and follows when it is rebased.
	b.want("sws:"+child, "/a", "x", "1")
	if got, err := b.Rebase(ctx, ada, child, ""); err != nil || got.Base != fmt.Sprintf("sws:%s@%d", id, b.shown(id).Head) {
		t.Fatalf("%+v %v", got, err)
	}
	b.want("sws:"+child, "/a", "x", "2")
	if _, err := b.Rebase(ctx, ada, id, seqText(two.Seq)); err != nil {
		t.Fatal(err)
	}
	_, err = b.Rebase(ctx, ada, id, seqText(one.Seq))
	b.refused(err, rmg.Invalid)
	b.restart()
	b.want("sws:"+child, "/a", "x", "2")

	// A workspace of the past comes to the present.
	old := b.new(ForkRequest{From: seqText(one.Seq)})
	if _, err := b.Rebase(ctx, ada, old, ""); err != nil {
		t.Fatal(err)
	}
	b.want("sws:"+old, "/b", "x", "1")
	if w := b.shown(old); w.From != "system" {
		t.Errorf("it stands on %s", w.From)
	}
	if _, err := b.Discard(ctx, ada, old, ""); err != nil {
		t.Fatal(err)
	}
	_, err = b.Rebase(ctx, ada, old, "")
	b.refused(err, rmg.Conflict)
}

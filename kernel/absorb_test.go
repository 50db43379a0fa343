package kernel

import (
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// TestAbsorbIsOneRecord collapses a workspace into its parent. The record that
// brings its changes is the one that ends the child, so that no crash comes
// in between; and the child cannot be collapsed once more.
func TestAbsorbIsOneRecord(t *testing.T) {
	b := kernelFor(t)
	b.write("system", addOp("/n", "K", map[string]rmg.Value{"hits": rmg.Int(1), "seen": rmg.Int(1)}))
	parent := b.new(ForkRequest{})
	child := b.new(ForkRequest{From: "sws:" + parent})
	b.write("sws:"+child, rewrite.Op{Op: rewrite.Inc, Path: "/n", Prop: "hits", By: 1})
	b.write("sws:"+parent, rewrite.Op{Op: rewrite.Inc, Path: "/n", Prop: "seen", By: 1})
	before := b.now().seq
	out, err := b.Collapse(t.Context(), ada, child, CollapseRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if now := b.now().seq; now != before+1 || out.Seq != now {
		t.Errorf("it took the records up to %d after %d, and says %d", now, before, out.Seq)
	}
	if w := b.shown(child); w.State != spaceCollapsed {
		t.Errorf("the child is %s: %s", w.State, w.Outcome)
	}
	b.want("sws:"+parent, "/n", "hits", "2")
	_, err = b.Collapse(t.Context(), ada, child, CollapseRequest{})
	b.refused(err, rmg.Conflict)
	b.restart()
	b.want("sws:"+parent, "/n", "hits", "2")
	if w := b.shown(child); w.State != spaceCollapsed {
		t.Errorf("after a restart the child is %s", w.State)
	}
}

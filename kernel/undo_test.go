package kernel

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

func (b *stage) undo(seq uint64) Undone {
	b.t.Helper()
	u, err := b.Undo(b.ctx(), ada, UndoRequest{Seq: seq})
	b.must(err)
	return u
}

// Undo takes back what one record did, and nothing that others did since; undo
// of an undo brings it back.
func TestUndoTakesBackOneRecord(t *testing.T) {
	b := newStage(t)
	b.write("system", addOp("/svc", "Group", nil), addOp("/svc/a", "Service", map[string]rmg.Value{"v": rmg.Int(1), "w": rmg.Int(1)}))
	second := b.write("system", setProp("/svc/a", "v", rmg.Int(2)), addOp("/svc/b", "Service", nil))
	b.write("system", setProp("/svc/a", "w", rmg.Int(9)), addOp("/svc/c", "Service", nil))
	u := b.undo(second)
	if got := b.prop("/svc/a", "v") + b.prop("/svc/b", "v") + b.prop("/svc/a", "w"); got != "1(gone)9" {
		t.Errorf("after the undo: %s", got)
	}
	if u.Record.Seq != second || u.Record.Author != ada.Name || len(u.Record.Ops) != 0 {
		t.Errorf("undone is %+v", u.Record)
	}
	r, err := b.record(u.Seq)
	b.must(err)
	if want := fmt.Sprintf("undo:%d", second); r.Cause != want || !strings.Contains(r.Reason, "by ada@host: for the test") {
		t.Errorf("cause %q, reason %q", r.Cause, r.Reason)
	}
	b.undo(u.Seq)
	if got := b.prop("/svc/a", "v") + b.prop("/svc/b", "v") + b.prop("/svc/a", "w"); got != "2(none)9" {
		t.Errorf("after the undo of the undo: %s", got)
	}
}

// What a stranger changed since is a conflict that names them, and stays.
func TestUndoLeavesStrangersAlone(t *testing.T) {
	b := newStage(t)
	b.write("system", addOp("/svc", "Group", nil), addOp("/svc/a", "Service", map[string]rmg.Value{"v": rmg.Int(1)}))
	seq := b.write("system", setProp("/svc/a", "v", rmg.Int(2)))
	r, err := b.Rewrite(b.ctx(), Caller{Name: "bob@host"}, "system", rewrite.Rewrite{Ops: []rewrite.Op{setProp("/svc/a", "v", rmg.Int(3))}, Reason: "mine"})
	b.must(err)
	u, err := b.Undo(b.ctx(), ada, UndoRequest{Seq: seq})
	if code(err) != rmg.Conflict || len(u.Conflicts) != 1 {
		t.Fatalf("%v %+v", err, u)
	}
	if want := fmt.Sprintf("seq %d by bob@host: mine", r.Seq); u.Conflicts[0].SystemBy != want || u.Conflicts[0].Path != "/svc/a" || u.Conflicts[0].Prop != "v" {
		t.Errorf("%+v", u.Conflicts[0])
	}
	if b.prop("/svc/a", "v") != "3" {
		t.Error("the stranger's change is gone")
	}
	open, err := b.openSpaces()
	b.must(err)
	for _, w := range open {
		t.Errorf("%s is left open", w.ID)
	}
}

// Records that are no change of the world say why there is nothing to undo.
func TestUndoRefuses(t *testing.T) {
	b := newStage(t)
	root := b.repo(map[string]string{"a.txt": "one\n"})
	sync := b.now().seq
	w := b.fork()
	fork := b.now().seq
	inside := b.write("sws:"+w, writeText(root.Child("a.txt"), "two\n"))
	collapse := b.collapsed(w)
	var landed uint64
	for r, err := range b.Records(collapse+1, 0) {
		b.must(err)
		if strings.HasPrefix(r.Reason, "landed") {
			landed = r.Seq
		}
	}
	for seq, want := range map[uint64]string{
		sync: "is commit 0000000000 of /repo/app/main", fork: "bookkeeping", inside: "changed workspace " + w, landed: "notes a landing", 1: "record 1",
	} {
		_, err := b.Undo(b.ctx(), ada, UndoRequest{Seq: seq})
		if code(err) != rmg.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("record %d: %v, want %q", seq, err, want)
		}
	}
	if _, err := b.Undo(b.ctx(), ada, UndoRequest{Seq: 9999}); code(err) != rmg.NotFound {
		t.Errorf("a record that is not there: %v", err)
	}
	if _, err := b.Undo(b.ctx(), Caller{Name: "worker:x", Process: "p3"}, UndoRequest{Seq: collapse}); code(err) != rmg.Denied {
		t.Errorf("by a worker: %v", err)
	}
}

// A collapse of a repository is undone through its gates and lands; its process
// shows it, and shows it no more when the undo is undone.
func TestUndoOfACollapseLands(t *testing.T) {
	b := newStage(t)
	root := b.repo(map[string]string{"a.txt": "1\n2\n3\n4\n5\n6\n7\n", "go.mod": "module app\n"})
	file := root.Child("a.txt")
	w := b.fork()
	b.write("sws:"+w, writeText(file, "one\n2\n3\n4\n5\n6\n7\n"))
	c, err := b.Collapse(b.ctx(), ada, w, CollapseRequest{})
	b.must(err)
	other := b.fork()
	b.write("sws:"+other, writeText(file, "one\n2\n3\n4\n5\n6\nseven\n"))
	b.collapsed(other)

	u := b.undo(c.Seq)
	if got := b.text(file); got != "1\n2\n3\n4\n5\n6\nseven\n" {
		t.Errorf("after the undo: %q", got)
	}
	if u.Commit == "" || u.LandedOn != "main" || b.git.heads["main"] != u.Commit || len(u.Evidence) == 0 {
		t.Errorf("it did not land: %+v", u.Collapsed)
	}
	p, err := b.Process(c.Process)
	b.must(err)
	if want := fmt.Sprintf("undone by seq %d", u.Seq); !strings.Contains(p.Reason, want) {
		t.Errorf("the process says %q, not %q", p.Reason, want)
	}
	if _, err := b.Undo(b.ctx(), ada, UndoRequest{Seq: c.Seq}); code(err) != rmg.Conflict || !strings.Contains(err.Error(), "undone already") {
		t.Errorf("twice: %v", err)
	}
	back := b.undo(u.Seq)
	if got := b.text(file); got != "one\n2\n3\n4\n5\n6\nseven\n" {
		t.Errorf("after the undo of the undo: %q", got)
	}
	if p, _ = b.Process(c.Process); p.UndoneBy != 0 {
		t.Errorf("the process still says %q", p.Reason)
	}
	if p, _ = b.Process(u.Process); p.UndoneBy != back.Seq {
		t.Errorf("the undo's process says %q", p.Reason)
	}

	// Red gates: nothing changes, and the workspace is dropped with the reason.
	b.run.red = "exit 1"
	u, err = b.Undo(b.ctx(), ada, UndoRequest{Seq: back.Seq})
	if code(err) != rmg.GateFailed || b.text(file) != "one\n2\n3\n4\n5\n6\nseven\n" {
		t.Errorf("red: %v", err)
	}
	if s, _ := b.Workspace(u.Workspace); s.State != spaceDiscarded || !strings.Contains(s.Outcome, "red") {
		t.Errorf("%+v", s)
	}
}

// Records of one group commit are told apart.
func TestUndoWithinAFrame(t *testing.T) {
	b := newStage(t)
	b.write("system", addOp("/n", "K", nil))
	// Hold the writer's first request so that the rest share a frame; it is the
	// writer's, not one that its submitter commits, so that all of them are queued.
	b.alone.Store(false)
	hold, begun := make(chan struct{}), make(chan struct{})
	done := make(chan uint64, 4)
	go func() {
		r, _ := b.systemWith(b.ctx(), "x", "", "holds", func(f *fold, _ uint64) ([]rewrite.Op, error) {
			close(begun)
			<-hold
			return []rewrite.Op{setProp("/n", "held", rmg.Int(1))}, nil
		})
		done <- r.Seq
	}()
	<-begun
	for i := range 3 {
		ops := []rewrite.Op{setProp("/n", fmt.Sprint("p", i), rmg.Int(int64(i)))}
		go func() {
			r, err := b.rewrite(b.ctx(), "y", "", Version{}, rewrite.Rewrite{Ops: ops})
			if err != nil {
				t.Error(err)
			}
			done <- r.Seq
		}()
	}
	for b.arrivals.len() < 3 {
		runtime.Gosched()
	}
	close(hold)
	var last uint64
	for range 4 {
		last = max(last, <-done)
	}
	for f, err := range b.store.Read(last - 1) {
		b.must(err)
		if f.First >= last-1 || f.First+uint64(f.Count) <= last {
			t.Fatalf("the records do not share a frame: %d of %d", f.First, last)
		}
		break
	}
	middle, err := b.record(last - 1)
	b.must(err)
	b.undo(last - 1)
	for _, r := range []uint64{last - 2, last} {
		rec, err := b.record(r)
		b.must(err)
		for name := range rec.Ops[0].Props {
			if b.prop("/n", name) == "(none)" {
				t.Errorf("record %d was undone too", r)
			}
		}
	}
	for name := range middle.Ops[0].Props {
		if b.prop("/n", name) != "(none)" {
			t.Errorf("record %d was not undone", middle.Seq)
		}
	}
}

// A move is taken back with what others changed in it since.
func TestUndoOfAMove(t *testing.T) {
	b := newStage(t)
	b.write("system", addOp("/a", "K", nil), addOp("/a/in", "K", nil), addOp("/z", "K", nil))
	seq := b.write("system", rewrite.Op{Op: rewrite.Move, Path: "/a", Dest: "/z/b"})
	b.write("system", setProp("/z/b/in", "v", rmg.Int(4)))
	b.undo(seq)
	if got := b.prop("/a/in", "v"); got != "4" {
		t.Errorf("v is %s", got)
	}
	if got := b.prop("/z/b", "v"); got != "(gone)" {
		t.Errorf("/z/b is %s", got)
	}
}

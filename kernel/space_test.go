package kernel

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

func TestFreeze(t *testing.T) {
	b := kernelFor(t)
	ctx := context.Background()
	id := b.new(ForkRequest{})
	ws := "sws:" + id
	b.write(ws, node("/a", 1))
	w, err := b.Freeze(ctx, bob, id, "review")
	if err != nil || w.Frozen != "by bob@host: review" {
		t.Fatalf("%+v %v", w, err)
	}
	b.restart()
	_, err = b.Rewrite(ctx, ada, ws, rewrite.Rewrite{Ops: []rewrite.Op{set("/a", 2)}})
	b.refused(err, rmg.Conflict)
	_, err = b.Rebase(ctx, ada, id, "")
	b.refused(err, rmg.Conflict)
	if _, err = b.Freeze(ctx, ada, id, ""); err == nil {
		t.Error("it is frozen twice")
	}
	child := b.new(ForkRequest{From: ws})
	b.write("sws:"+child, set("/a", 3))
	_, err = b.Collapse(ctx, ada, child, CollapseRequest{})
	b.refused(err, rmg.Conflict) // its parent takes no writes
	b.want(ws, "/a", "x", "1")
	if w, err = b.Thaw(ctx, ada, id); err != nil || w.Frozen != "" {
		t.Fatalf("%+v %v", w, err)
	}
	if _, err = b.Collapse(ctx, ada, child, CollapseRequest{}); err != nil {
		t.Fatal(err)
	}
	b.want(ws, "/a", "x", "3")
	if _, err = b.Thaw(ctx, ada, id); err == nil {
		t.Error("it is thawed twice")
	}
	// What is frozen can still collapse.
	if _, err = b.Freeze(ctx, ada, id, ""); err != nil {
		t.Fatal(err)
	}
	if _, err = b.Collapse(ctx, ada, id, CollapseRequest{}); err != nil {
		t.Fatal(err)
	}
	b.want("system", "/a", "x", "3")
}

// That a workspace's time is over is a record; restore gives it the time anew.
func TestTTL(t *testing.T) {
	b := kernelFor(t)
	ctx := context.Background()
	sweep := func(want int) {
		t.Helper()
		if n, err := b.Sweep(ctx); err != nil || n != want {
			t.Fatalf("the sweep discards %d, not %d: %v", n, want, err)
		}
	}
	short, long := b.new(ForkRequest{TTL: 2 * time.Hour}), b.new(ForkRequest{TTL: 3 * time.Hour})
	forever := b.new(ForkRequest{})
	b.write("sws:"+short, node("/a", 1))
	b.clock.pass(2*time.Hour - time.Second)
	sweep(0)
	b.clock.pass(time.Second)
	seq := b.now().seq
	sweep(1)
	w := b.shown(short)
	if w.State != "discarded" || w.Outcome != "ttl of 2h passed" {
		t.Errorf("%+v", w)
	}
	if r, err := b.record(seq + 1); err != nil || r.Author != "kernel" || len(r.Ops) != 1 {
		t.Errorf("%+v %v", r, err)
	}
	sweep(0)
	b.restart()
	if w := b.shown(short); w.State != "discarded" {
		t.Errorf("%+v", w)
	}
	if _, err := b.Restore(ctx, ada, short); err != nil {
		t.Fatal(err)
	}
	sweep(0)
	b.want("sws:"+short, "/a", "x", "1")
	b.clock.pass(2 * time.Hour)
	sweep(2)
	if w := b.shown(long); w.State != "discarded" || w.Outcome != "ttl of 3h passed" {
		t.Errorf("%+v", w)
	}
	if w := b.shown(forever); w.State != "open" || w.TTL != 0 || !w.Expires.IsZero() {
		t.Errorf("%+v", w)
	}
	for _, ttl := range []time.Duration{-time.Hour, time.Millisecond, maxTTL + 1} {
		_, err := b.Fork(ctx, ada, ForkRequest{TTL: ttl})
		b.refused(err, rmg.Invalid)
	}
	// The policy's is for what people make without saying.
	b.write("system", rewrite.Op{Op: rewrite.AddNode, Path: "/policy", Kind: "Policy", Props: map[string]rmg.Value{"sws_ttl": rmg.String("1h30m")}})
	if w := b.shown(b.new(ForkRequest{})); w.TTL != 90*time.Minute {
		t.Errorf("%+v", w)
	}
	if w := b.shown(b.new(ForkRequest{TTL: time.Hour})); w.TTL != time.Hour {
		t.Errorf("%+v", w)
	}
}

func TestTTLText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		2 * time.Hour: "2h", 90 * time.Minute: "1h30m", 10 * time.Minute: "10m", 30 * time.Second: "30s", 20 * time.Hour: "20h",
		time.Hour + time.Second: "1h0m1s",
	} {
		if got := TTLText(d); got != want {
			t.Errorf("%v is %q, not %q", d, got, want)
		}
	}
}

// policy sets props of /policy.
func policy(b *bed, props map[string]rmg.Value) {
	b.Helper()
	if b.at("system", "/policy", "x") == "gone" {
		b.write("system", rewrite.Op{Op: rewrite.AddNode, Path: "/policy", Kind: "Policy"})
	}
	b.write("system", rewrite.Op{Op: rewrite.Set, Path: "/policy", Props: props})
}

func TestQuota(t *testing.T) {
	b := kernelFor(t)
	ctx := context.Background()
	limit := func(view string, ops ...rewrite.Op) {
		t.Helper()
		_, err := b.Rewrite(ctx, ada, view, rewrite.Rewrite{Ops: ops})
		b.refused(err, rmg.Limit)
	}
	policy(b, map[string]rmg.Value{"sws_records_max": rmg.Int(2)})
	one := "sws:" + b.new(ForkRequest{})
	b.write(one, node("/a", 1))
	b.write(one, set("/a", 2))
	limit(one, set("/a", 3))
	b.restart()
	limit(one, set("/a", 3))
	b.want(one, "/a", "x", "2")
	policy(b, map[string]rmg.Value{"sws_records_max": rmg.Int(0), "sws_ops_max": rmg.Int(4)})
	b.write(one, set("/a", 3), set("/a", 4)) // 0 is no limit
	limit(one, set("/a", 5))
	policy(b, map[string]rmg.Value{"sws_ops_max": rmg.String("many"), "sws_bytes_max": rmg.Int(100)}) // what is no number is as if absent
	text := func(n int) rewrite.Op {
		return rewrite.Op{Op: rewrite.Set, Path: "/a", Props: map[string]rmg.Value{"t": rmg.String(strings.Repeat("x", n))}}
	}
	limit(one, text(100))
	b.write(one, text(10))
	if w := b.shown(strings.TrimPrefix(one, "sws:")); w.Records != 4 || w.Ops != 5 || w.Bytes != 4*8+10 {
		t.Errorf("%+v", w)
	}
	// The system has no quota.
	b.write("system", node("/a", 1))
	b.write("system", text(1000))
}

func TestLiveMax(t *testing.T) {
	b := kernelFor(t)
	ctx := context.Background()
	policy(b, map[string]rmg.Value{"sws_live_max": rmg.Int(2)})
	one := b.new(ForkRequest{})
	b.new(ForkRequest{Private: true})
	_, err := b.Fork(ctx, ada, ForkRequest{})
	b.refused(err, rmg.Limit)
	b.restart()
	_, err = b.Fork(ctx, ada, ForkRequest{})
	b.refused(err, rmg.Limit)
	if _, err := b.Discard(ctx, ada, one, ""); err != nil {
		t.Fatal(err)
	}
	b.new(ForkRequest{})
	if _, err := b.Restore(ctx, ada, one); err != nil {
		t.Fatal(err)
	}
	if n := b.roster.live(b.now().ledger); n != 3 {
		t.Errorf("%d are counted as open", n)
	}
}

// At the disk's ceiling there are no new forks, and nothing is removed.
func TestDiskMax(t *testing.T) {
	b := kernelFor(t)
	ctx := context.Background()
	id := b.new(ForkRequest{})
	policy(b, map[string]rmg.Value{"disk_max": rmg.Int(1)})
	b.clock.pass(diskLook)
	_, err := b.Fork(ctx, ada, ForkRequest{})
	b.refused(err, rmg.Limit)
	b.write("sws:"+id, node("/a", 1)) // what is open goes on
	b.restart()
	b.want("sws:"+id, "/a", "x", "1")
	policy(b, map[string]rmg.Value{"disk_max": rmg.Int(1 << 40)})
	b.new(ForkRequest{})
}

// A private workspace begins with nothing and never becomes part of the world.
func TestPrivate(t *testing.T) {
	b := kernelFor(t)
	ctx := context.Background()
	b.write("system", node("/a", 1))
	id := b.new(ForkRequest{Private: true})
	ws := "sws:" + id
	b.want(ws, "/a", "x", "gone")
	b.write(ws, node("/a", 7))
	b.restart()
	b.want(ws, "/a", "x", "7")
	w := b.shown(id)
	if !w.Private || w.From != "" || w.Changes != 1 {
		t.Errorf("%+v", w)
	}
	if d, err := b.Diff(w.BaseAt, ws, "/"); err != nil || len(d) != 1 {
		t.Errorf("%+v %v", d, err)
	}
	_, err := b.Collapse(ctx, ada, id, CollapseRequest{})
	b.refused(err, rmg.Invalid)
	_, err = b.Rebase(ctx, ada, id, "")
	b.refused(err, rmg.Invalid)
	_, err = b.Fork(ctx, ada, ForkRequest{Private: true, From: "system"})
	b.refused(err, rmg.Invalid)
	_, err = b.Fork(ctx, ada, ForkRequest{Private: true, Dir: "/x"})
	b.refused(err, rmg.Invalid)
	// A fork of it is a part of it.
	child := b.new(ForkRequest{From: ws})
	b.write("sws:"+child, set("/a", 8))
	if _, err := b.Collapse(ctx, ada, child, CollapseRequest{}); err != nil {
		t.Fatal(err)
	}
	b.want(ws, "/a", "x", "8")
	b.want("system", "/a", "x", "1")
	if _, err := b.Discard(ctx, ada, id, ""); err != nil {
		t.Fatal(err)
	}
}

// Thousands of workspaces are listed in pages, each once and in order, and of
// what is in them nothing is read.
func TestWorkspacePages(t *testing.T) {
	const n = 10_000
	b := kernelFor(t)
	ctx := context.Background()
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			c := Caller{Name: fmt.Sprintf("owner%d", i)}
			for range n / 50 {
				if _, err := b.Fork(ctx, c, ForkRequest{}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	all := func(q WorkspaceQuery) (ids []string, pages int) {
		t.Helper()
		for {
			list, next, err := b.Workspaces(q)
			if err != nil {
				t.Fatal(err)
			}
			pages++
			for _, w := range list {
				if w.Changes != -1 || w.Digest != (rmg.Digest{}) {
					t.Fatalf("a list reads what is in %+v", w)
				}
				ids = append(ids, w.ID)
			}
			if next == "" {
				return ids, pages
			}
			q.After = next
		}
	}
	ids, pages := all(WorkspaceQuery{Limit: 300})
	if len(ids) != n || pages != 34 || !slices.IsSortedFunc(ids, compareIDs) || len(slices.Compact(slices.Clone(ids))) != n {
		t.Fatalf("%d workspaces on %d pages", len(ids), pages)
	}
	if ids, _ := all(WorkspaceQuery{Owner: "owner7", Limit: 9}); len(ids) != n/50 {
		t.Errorf("%d of one owner", len(ids))
	}
	for _, id := range ids[:100] {
		if _, err := b.Discard(ctx, ada, id, ""); err != nil {
			t.Fatal(err)
		}
	}
	b.restart()
	if open, _ := all(WorkspaceQuery{State: "open"}); len(open) != n-100 || open[0] != ids[100] {
		t.Errorf("%d are open", len(open))
	}
	if ended, _ := all(WorkspaceQuery{State: "discarded"}); !slices.Equal(ended, ids[:100]) {
		t.Errorf("%d are discarded", len(ended))
	}
	if ids, _ := all(WorkspaceQuery{Process: "p1"}); len(ids) != 0 {
		t.Errorf("of no process are %d", len(ids))
	}
	for _, after := range []string{"x", "w", "w01", "7"} {
		_, _, err := b.Workspaces(WorkspaceQuery{After: after})
		b.refused(err, rmg.Invalid)
	}
}

// process puts a process into the ledger, as an intent would.
func process(b *bed, rights string) string {
	b.Helper()
	var id string
	_, err := b.systemWith(context.Background(), "kernel", "", "test", func(_ *fold, seq uint64) ([]rewrite.Op, error) {
		id = fmt.Sprintf("p%d", seq)
		return []rewrite.Op{addOp(procPath(id), kindProcess, map[string]rmg.Value{"rights": rmg.String(rights)})}, nil
	})
	if err != nil {
		b.Fatalf("%v", err)
	}
	return id
}

// What acts for a process rewrites the world only with the capability; a person
// does as before; and nobody writes in /repo.
func TestSystemProcess(t *testing.T) {
	b := kernelFor(t)
	ctx := context.Background()
	plain, system := process(b, `{}`), process(b, `{"capabilities":["system"]}`)
	try := func(c Caller, view string, p rmg.Path) error {
		_, err := b.Rewrite(ctx, c, view, rewrite.Rewrite{Ops: []rewrite.Op{node(p, 1)}})
		return err
	}
	b.refused(try(Caller{Name: "worker:x", Process: plain + "/implement"}, "system", "/a"), rmg.Denied)
	if err := try(Caller{Name: "worker:x", Process: system + "/implement"}, "system", "/a"); err != nil {
		t.Error(err)
	}
	b.refused(try(Caller{Name: "worker:x", Process: system}, "system", "/repo"), rmg.Denied)
	b.refused(try(Caller{Name: "worker:x", Process: "p999"}, "system", "/b"), rmg.Denied)
	if err := try(ada, "system", "/b"); err != nil {
		t.Error(err)
	}
	id, err := b.fork(ctx, forkSpec{from: "system", owner: "worker:x", process: plain})
	if err != nil {
		t.Fatal(err)
	}
	if err := try(Caller{Name: "worker:x", Process: plain}, "sws:"+id, "/c"); err != nil {
		t.Error(err)
	}
	given := tasks.SLAPS{Parameters: map[string]any{"capabilities": []any{"system", "root"}}}
	if got := capabilitiesOf(ada, given); !slices.Equal(got, []string{"system"}) {
		t.Errorf("a person gives %q", got)
	}
	if got := capabilitiesOf(Caller{Process: system}, given); got != nil {
		t.Errorf("a process gives %q", got)
	}
}

// What a process reads through its workspace stands with the record that
// follows, bounded; others' looks do not count.
func TestReads(t *testing.T) {
	b := kernelFor(t)
	ctx := context.Background()
	b.write("system", node("/a", 1), node("/a/b", 1), node("/c", 1))
	p := process(b, `{}`)
	me := Caller{Name: "worker:x", Process: p + "/implement"}
	id, err := b.fork(ctx, forkSpec{from: "system", owner: "worker:x", process: p})
	if err != nil {
		t.Fatal(err)
	}
	w := b.shown(id)
	ws := "sws:" + w.ID
	b.NoteRead(ada, ws, "/a", true)
	b.NoteRead(me, "system", "/a", true)
	b.NoteRead(me, ws, "/proc", true)
	if got, exact := exactly(b.readSet(w.ID)); len(got) != 0 || !exact {
		t.Errorf("%v %v", got, exact)
	}
	b.NoteRead(me, ws, "/c", false)
	b.NoteRead(me, ws, "/none", false)
	if got, exact := exactly(b.readSet(w.ID)); fmt.Sprint(got) != "[/c /none]" || !exact {
		t.Errorf("%v %v", got, exact)
	}
	rec := b.write(ws, set("/c", 2))
	if r, err := b.record(rec.Seq); err != nil || len(r.Ops) != 2 {
		t.Errorf("%+v %v", r, err)
	}
	if r, err := b.record(b.write(ws, set("/c", 3)).Seq); err != nil || len(r.Ops) != 1 {
		t.Errorf("what was read is recorded twice: %+v %v", r, err)
	}
	if left := b.reads.of(w.ID); len(left.exact)+len(left.below) != 0 {
		t.Errorf("what a record holds is still kept: %v", left)
	}
	b.restart()
	b.NoteRead(me, ws, "/a", true)
	if got, exact := exactly(b.readSet(w.ID)); fmt.Sprint(got) != "[/a /c /none]" || exact {
		t.Errorf("%v %v", got, exact)
	}
	s, _ := b.space(w.ID)
	b.write("system", set("/a/b", 2), node("/a/new", 1), node("/d", 1))
	if got := (mayRead{graph: b.readSet(w.ID)}).against(s.base, b.now().world); fmt.Sprint(got) != "[/a /a/b /a/new /c /none]" {
		t.Errorf("%v", got)
	}
	if w := b.shown(w.ID); fmt.Sprint(w.Read, w.ReadBelow, w.Wrote) != "[/a /c /none] [/a] [/c]" {
		t.Errorf("%v %v %v", w.Read, w.ReadBelow, w.Wrote)
	}

	// A worker's handle gives the graph: all of what it works on counts.
	h := &handle{k: b.Kernel, id: w.ID, process: p, cause: p + "/x", author: "worker:x", root: "/c", rights: work.Rights{Write: []string{"**"}}}
	h.Graph()
	if got, exact := exactly(b.readSet(w.ID)); fmt.Sprint(got) != "[/a /c /none]" || exact || fmt.Sprint(b.shown(w.ID).ReadBelow) != "[/a /c]" {
		t.Errorf("%v %v", got, exact)
	}
	// What a child read led to what its parent takes over.
	child, err := h.Fork(ctx, "try", []rewrite.Op{{Op: rewrite.AddNode, Path: "/c/x", Kind: "K"}})
	if err != nil {
		t.Fatal(err)
	}
	if w := b.shown(child.ID()); w.Cause != p+"/x" || w.Process != p {
		t.Errorf("%+v", w)
	}
	b.reads.note(child.ID(), readSet{exact: []rmg.Path{"/d"}})
	if err := b.adopt(ctx, w.ID, Process{ID: p, Workspace: w.ID}, tasks.Task{ID: "x", Worker: "x"}, child.ID()); err != nil {
		t.Fatal(err)
	}
	if got, _ := exactly(b.readSet(w.ID)); !slices.Contains(got, "/d") {
		t.Errorf("%v", got)
	}
}

// exactly lists what was read one by one, and says whether that is all.
func exactly(r readSet) ([]rmg.Path, bool) { return r.exact, len(r.below) == 0 }

// However much is read, what is known of it is bounded, and covers it.
func TestReadsAreBounded(t *testing.T) {
	var set readSet
	var all []rmg.Path
	for i := range 40 {
		for j := range 40 {
			p := rmg.Root.Join(fmt.Sprint("a", i), fmt.Sprint("b", j), "c")
			all = append(all, p, p.Child("d"))
			set = set.with(readSet{exact: []rmg.Path{p, p.Child("d")}})
			if n := len(set.exact) + len(set.below); n > maxReads {
				t.Fatalf("%d paths", n)
			}
		}
	}
	for _, p := range all {
		if !set.covers(p) && !slices.Contains(set.exact, p) {
			t.Fatalf("%s is forgotten: %v %v", p, set.exact, set.below)
		}
	}
	if set.covers("/z") {
		t.Error("all is covered although little was read")
	}
	for i := range 1000 {
		set = set.with(readSet{exact: []rmg.Path{rmg.Root.Child(fmt.Sprint("z", i))}})
	}
	if !set.covers("/z999") || len(set.below) != 1 {
		t.Errorf("%v", set)
	}
}

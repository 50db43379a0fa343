package kernel

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

var bob = Caller{Name: "bob@host"}

// places lists conflicts as "/a#x" or "/a".
func listed(list []Conflict) string {
	var out []string
	for _, c := range list {
		out = append(out, strings.TrimSuffix(string(c.Path)+"#"+c.Prop, "#"))
	}
	return strings.Join(out, " ")
}

// clash is a workspace with conflicts at /a, /b and /c.
func clash(b *bed) string {
	b.Helper()
	b.write("system", node("/a", 1), node("/b", 1), node("/c", 1), node("/d", 1))
	id := b.new(ForkRequest{})
	b.write("sws:"+id, set("/a", 2), set("/b", 2), set("/c", 2), set("/d", 2))
	if _, err := b.Rewrite(context.Background(), bob, "system", rewrite.Rewrite{Ops: []rewrite.Op{set("/a", 3), set("/b", 3), set("/c", 3)}}); err != nil {
		b.Fatalf("%v", err)
	}
	return id
}

// Conflicts stand on the workspace with who wrote what, each resolution is a
// record, a half-resolved workspace survives a restart, and the last one
// completes the rebase.
func TestResolveSurvivesARestart(t *testing.T) {
	b := kernelFor(t)
	ctx := context.Background()
	id := clash(b)
	got, err := b.Rebase(ctx, ada, id, "")
	b.refused(err, rmg.Conflict)
	if listed(got.Conflicts) != "/a#x /b#x /c#x" || got.Seq == 0 {
		t.Fatalf("%+v", got)
	}
	c := got.Conflicts[0]
	if c.SystemBy != "bob@host" || c.WorkspaceBy != "ada@host" || c.Kind != rmg.ConflictBothChanged {
		t.Errorf("%+v", c)
	}
	b.want("sws:"+id, "/a", "x", "2") // untouched so far
	seq := b.now().seq
	if got, err := b.Rebase(ctx, ada, id, ""); err == nil || got.Seq != 0 || b.now().seq != seq {
		t.Errorf("the same conflicts are recorded twice: %+v %v", got, err)
	}

	got, err = b.Settle(ctx, ada, id, Resolution{Path: "/a", Prop: "x", Take: "workspace"})
	if err != nil || listed(got.Conflicts) != "/b#x /c#x" {
		t.Fatalf("%+v %v", got, err)
	}
	if r, err := b.record(got.Seq); err != nil || r.Reason != "resolve /a#x of "+id+": workspace" {
		t.Errorf("%+v %v", r, err)
	}
	b.restart()
	w := b.shown(id)
	if w.Open != 2 || w.Onto != "system" || len(w.Conflicts) != 3 || w.Conflicts[0].Take != "workspace" || w.Conflicts[0].By != "ada@host" {
		t.Errorf("after a restart: %+v", w)
	}
	if got, err = b.Settle(ctx, ada, id, Resolution{Path: "/b", Value: rmg.Int(77)}); err != nil || listed(got.Conflicts) != "/c#x" {
		t.Fatalf("%+v %v", got, err)
	}
	b.want("sws:"+id, "/b", "x", "2")
	if got, err = b.Settle(ctx, ada, id, Resolution{Path: "/c", Take: "base"}); err != nil || len(got.Conflicts) != 0 {
		t.Fatalf("%+v %v", got, err)
	}
	check := func() {
		t.Helper()
		for p, x := range map[rmg.Path]string{"/a": "2", "/b": "77", "/c": "1", "/d": "2"} {
			b.want("sws:"+id, p, "x", x)
		}
		if w := b.shown(id); w.Open != 0 || w.Onto != "" || len(w.Conflicts) != 0 {
			t.Errorf("the conflicts still stand: %+v", w)
		}
	}
	check()
	b.restart()
	check()
	if _, err := b.Collapse(ctx, ada, id, CollapseRequest{}); err != nil {
		t.Fatal(err)
	}
	b.want("system", "/b", "x", "77")
}

// What either side does while conflicts are open is seen; what was resolved
// stays resolved where all sides are what they were.
func TestResolveAgainstAMovingHead(t *testing.T) {
	b := kernelFor(t)
	ctx := context.Background()
	id := clash(b)
	_, err := b.Collapse(ctx, ada, id, CollapseRequest{})
	b.refused(err, rmg.Conflict)
	if w := b.shown(id); listed(w.Conflicts) != "/a#x /b#x /c#x" || w.Open != 3 {
		t.Fatalf("a collapse leaves %+v", w)
	}
	if _, err := b.Settle(ctx, ada, id, Resolution{Take: "workspace"}); err != nil { // all of them
		t.Fatal(err)
	}
	if w := b.shown(id); w.Open != 0 || w.Onto != "" {
		t.Fatalf("%+v", w)
	}

	id = clashAgain(b)
	for _, p := range []rmg.Path{"/a", "/b"} {
		if _, err := b.Settle(ctx, ada, id, Resolution{Path: p, Take: "workspace"}); err != nil {
			t.Fatal(err)
		}
	}
	b.write("system", set("/a", 33), set("/d", 44)) // another side at /a, a new conflict at /d
	b.write("sws:"+id, set("/c", 3))                // no conflict any more: both have 3
	got, err := b.Settle(ctx, ada, id, Resolution{Path: "/c", Take: "workspace"})
	if err != nil || listed(got.Conflicts) != "/a#x /d#x" {
		t.Fatalf("%+v %v", got, err)
	}
	if w := b.shown(id); listed(w.Conflicts) != "/a#x /b#x /d#x" || w.Conflicts[1].Take != "workspace" || w.Open != 2 {
		t.Fatalf("%+v", w)
	}
	if got, err = b.Settle(ctx, ada, id, Resolution{Take: "system"}); err != nil || len(got.Conflicts) != 0 {
		t.Fatalf("%+v %v", got, err)
	}
	for p, x := range map[rmg.Path]string{"/a": "33", "/b": "2", "/c": "3", "/d": "44"} {
		b.want("sws:"+id, p, "x", x)
	}
	b.restart()
	b.want("sws:"+id, "/a", "x", "33")
}

// clashAgain is another workspace with the conflicts of clash, left by a rebase.
func clashAgain(b *bed) string {
	b.Helper()
	b.write("system", set("/a", 1), set("/b", 1), set("/c", 1), set("/d", 1))
	id := b.new(ForkRequest{})
	b.write("sws:"+id, set("/a", 2), set("/b", 2), set("/c", 2), set("/d", 2))
	b.write("system", set("/a", 3), set("/b", 3), set("/c", 3))
	if _, err := b.Rebase(context.Background(), ada, id, ""); err == nil {
		b.Fatalf("no conflicts")
	}
	return id
}

func TestResolveRefuses(t *testing.T) {
	b := kernelFor(t)
	ctx := context.Background()
	id := clash(b)
	settle := func(r Resolution) error {
		_, err := b.Settle(ctx, ada, id, r)
		return err
	}
	b.refused(settle(Resolution{Take: "system"}), rmg.NotFound) // nothing is under way
	if _, err := b.Rebase(ctx, ada, id, ""); err == nil {
		t.Fatal("no conflicts")
	}
	b.refused(settle(Resolution{}), rmg.Invalid)
	b.refused(settle(Resolution{Take: "system", Value: rmg.Int(1), Path: "/a"}), rmg.Invalid)
	b.refused(settle(Resolution{Take: "mine"}), rmg.Invalid)
	b.refused(settle(Resolution{Value: rmg.Int(1)}), rmg.Invalid)
	b.refused(settle(Resolution{Path: "/d", Take: "system"}), rmg.NotFound)
	b.refused(settle(Resolution{Path: "/a", Prop: "y", Take: "system"}), rmg.NotFound)
	if _, err := b.Freeze(ctx, ada, id, ""); err != nil {
		t.Fatal(err)
	}
	b.refused(settle(Resolution{Take: "system"}), rmg.Conflict)
}

// An edited text becomes content where the sides are content.
func TestResolveByText(t *testing.T) {
	b := kernelFor(t)
	ctx := context.Background()
	write := func(text string) rewrite.Op {
		return rewrite.Op{Op: rewrite.Write, Path: "/doc/a.txt", Text: text, HasText: true}
	}
	b.write("system", rewrite.Op{Op: rewrite.AddNode, Path: "/doc", Kind: rewrite.KindDir}, write("one\n"))
	id := b.new(ForkRequest{})
	b.write("sws:"+id, write("mine\n"))
	b.write("system", write("theirs\n"))
	got, err := b.Rebase(ctx, ada, id, "")
	b.refused(err, rmg.Conflict)
	if listed(got.Conflicts) != "/doc/a.txt#blob" {
		t.Fatalf("%+v", got.Conflicts)
	}
	if got, err = b.Settle(ctx, ada, id, Resolution{Path: "/doc/a.txt", Edit: []byte("both\n")}); err != nil || len(got.Conflicts) > 0 {
		t.Fatalf("%+v %v", got, err)
	}
	b.restart()
	v, err := b.View("sws:" + id)
	if err != nil {
		t.Fatal(err)
	}
	e, _ := v.Get("/doc/a.txt")
	if data, err := readBlob(b.Kernel.store, e.Props.Blob(rewrite.PropBlob)); err != nil || string(data) != "both\n" {
		t.Errorf("%q %v", data, err)
	}
}

// Every kind of conflict can be settled for any side, and the place is then as
// that side has it.
func TestResolveEveryKind(t *testing.T) {
	before := []rewrite.Op{node("/g", 0), node("/g/a", 1), node("/g/b", 1), node("/g/c", 1), edge("/g/~e", "a", "b")}
	for name, x := range map[string]struct {
		system, workspace []rewrite.Op
		kind              rmg.ConflictKind
		at                rmg.Path
	}{
		"removed, changed": {[]rewrite.Op{gone("/g/c")}, []rewrite.Op{set("/g/c", 2)}, rmg.ConflictDeleteModify, "/g/c"},
		"changed, removed": {[]rewrite.Op{set("/g/c", 2)}, []rewrite.Op{gone("/g/c")}, rmg.ConflictDeleteModify, "/g/c"},
		"removed with an edge, changed": {
			[]rewrite.Op{gone("/g/b")},
			[]rewrite.Op{set("/g/b", 2)},
			rmg.ConflictDeleteModify, "/g/b",
		},
		"both added":   {[]rewrite.Op{node("/g/n", 2), node("/g/n/in", 1)}, []rewrite.Op{node("/g/n", 3)}, rmg.ConflictBothAdded, "/g/n"},
		"both retyped": {[]rewrite.Op{{Op: rewrite.Retype, Path: "/g/a", Kind: "S"}}, []rewrite.Op{{Op: rewrite.Retype, Path: "/g/a", Kind: "W"}}, rmg.ConflictBothRetyped, "/g/a"},
		"both turned": {
			[]rewrite.Op{gone("/g/~e"), edge("/g/~e", "a", "a")},
			[]rewrite.Op{gone("/g/~e"), edge("/g/~e", "a", "c")},
			rmg.ConflictEnds, "/g/~e",
		},
		"end removed, edge added": {[]rewrite.Op{gone("/g/c")}, []rewrite.Op{edge("/g/~n", "a", "c")}, rmg.ConflictDanglingEdge, "/g/~n"},
		"edge added, end removed": {[]rewrite.Op{edge("/g/~n", "a", "c")}, []rewrite.Op{gone("/g/c")}, rmg.ConflictDanglingEdge, "/g/~n"},
	} {
		for _, take := range []string{takeSystem, takeWorkspace, takeBase} {
			t.Run(name+", "+take, func(t *testing.T) {
				b := kernelFor(t)
				ctx := context.Background()
				born := b.write("system", before...)
				id := b.new(ForkRequest{})
				b.write("sws:"+id, x.workspace...)
				side := b.write("system", x.system...)
				sides := map[string]string{takeSystem: seqText(side.Seq), takeWorkspace: fmt.Sprintf("sws:%s@%d", id, side.Seq), takeBase: seqText(born.Seq)}
				got, err := b.Rebase(ctx, ada, id, "")
				b.refused(err, rmg.Conflict)
				if !slices.ContainsFunc(got.Conflicts, func(c Conflict) bool { return c.Kind == x.kind && c.Path == x.at }) {
					t.Fatalf("the conflicts are %+v", got.Conflicts)
				}
				if got, err = b.Settle(ctx, ada, id, Resolution{Take: take}); err != nil || len(got.Conflicts) > 0 {
					t.Fatalf("%+v %v", got, err)
				}
				is, want := element(t, b, "sws:"+id, x.at), element(t, b, sides[take], x.at)
				if is != want {
					t.Errorf("%s is\n%s\nand not as the %s has it\n%s", x.at, is, take, want)
				}
				if x.kind == rmg.ConflictDanglingEdge {
					// The end that one side removed is as that side has it, too;
					// without the edge nothing is against its removal.
					want := b.at(sides[take], "/g/c", "x")
					if take == takeBase {
						want = "gone"
					}
					b.want("sws:"+id, "/g/c", "x", want)
				}
				if v, _ := b.View("sws:" + id); len(rmg.Check(v.World)) > 0 {
					t.Errorf("the graph is broken: %v", rmg.Check(v.World))
				}
				b.restart()
				if again := element(t, b, "sws:"+id, x.at); again != is {
					t.Errorf("after a restart it is %s", again)
				}
			})
		}
	}
}

// element prints an element with what is in it and with its edges.
func element(t *testing.T, b *bed, view string, p rmg.Path) string {
	t.Helper()
	v, err := b.View(view)
	if err != nil {
		t.Fatal(err)
	}
	e, ok := v.Get(p)
	if !ok {
		return "nothing"
	}
	out := []string{fmt.Sprint(e.Kind, " ", e.From, e.To, " ", e.Props.Int("x"), " ", e.Graph.Digest())}
	level, _ := v.Get(p.Parent())
	for x := range level.Graph.Edges("") {
		if !e.Edge && (x.From == e.ID || x.To == e.ID) {
			out = append(out, "~"+x.ID)
		}
	}
	return strings.Join(out, "\n")
}

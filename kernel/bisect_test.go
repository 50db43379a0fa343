package kernel

import (
	"context"
	"fmt"
	"math/bits"
	"strings"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// A condition's turn is found in log2 n steps among the records that touch the
// path, wherever it stands.
func TestBisectFindsTheTurn(t *testing.T) {
	b := newStage(t)
	b.write("system", addOp("/svc", "Group", nil), addOp("/svc/a", "Service", map[string]rmg.Value{"v": rmg.Int(0)}))
	var seqs []uint64
	const n = 40
	for i := 1; i <= n; i++ {
		seqs = append(seqs, b.write("system", setProp("/svc/a", "v", rmg.Int(int64(i)))))
		b.write("system", addOp(rmg.Path(fmt.Sprintf("/svc/other%d", i)), "Service", nil))
	}
	for at := 1; at <= n; at++ {
		told := 0
		got, err := b.Bisect(b.ctx(), ada, BisectRequest{Path: "/svc/a", Expr: fmt.Sprintf("element.props.v < %d", at)}, func(BisectStep) { told++ })
		b.must(err)
		if got.Bad != seqs[at-1] || got.Record.Author != ada.Name || len(got.Changes) != 1 || got.Changes[0].Path != "/svc/a" {
			t.Fatalf("v < %d: %+v, want record %d", at, got, seqs[at-1])
		}
		if most := 2 + bits.Len(n); len(got.Steps) > most || told != len(got.Steps) || got.Candidates != n {
			t.Errorf("v < %d: %d steps of %d candidates, at most %d", at, len(got.Steps), got.Candidates, most)
		}
	}
}

func TestBisectSaysWhatIsWrong(t *testing.T) {
	b := newStage(t)
	b.write("system", addOp("/svc", "Group", nil), addOp("/svc/a", "Service", map[string]rmg.Value{"v": rmg.Int(1), "l": rmg.List(rmg.Int(1))}))
	last := b.write("system", setProp("/svc/a", "v", rmg.Int(2)))
	loop := "element.props.l.all(a, " + strings.Repeat("[1,2,3,4,5,6,7,8,9,10].all(b, ", 8) + "true" + strings.Repeat(")", 9)
	for name, c := range map[string]struct {
		q    BisectRequest
		code rmg.Code
		text string
	}{
		"neither":          {BisectRequest{Path: "/svc/a"}, rmg.Invalid, "either an expression or a command"},
		"no CEL":           {BisectRequest{Path: "/svc/a", Expr: "element.("}, rmg.Invalid, "column 9"},
		"no condition":     {BisectRequest{Path: "/svc/a", Expr: "'x'"}, rmg.Invalid, "of type string"},
		"false at from":    {BisectRequest{Path: "/svc/a", Expr: "element.props.v > 5"}, rmg.Invalid, "does not hold at seq"},
		"no such key":      {BisectRequest{Path: "/svc/a", Expr: "element.props.x > 5"}, rmg.Invalid, "no such key"},
		"true at to":       {BisectRequest{Path: "/svc/a", Expr: "element.exists"}, rmg.Invalid, "still holds at seq"},
		"never there":      {BisectRequest{Path: "/svc/b", Expr: "element.exists"}, rmg.NotFound, "no record"},
		"the wrong way":    {BisectRequest{Path: "/svc/a", Expr: "true", From: last, To: last - 1}, rmg.Invalid, "comes after"},
		"too much":         {BisectRequest{Path: "/svc/a", Expr: loop}, rmg.Limit, "costs more than"},
		"beyond the log":   {BisectRequest{Path: "/svc/a", Expr: "true", To: last + 100}, rmg.NotFound, "no version"},
		"no path":          {BisectRequest{Expr: "true"}, rmg.Invalid, "none is given"},
		"nothing to run":   {BisectRequest{Argv: []string{"true"}}, rmg.Invalid, "no repository"},
		"ambiguous answer": {BisectRequest{Path: "/svc/a", Expr: "element.props.v"}, rmg.Invalid, "gives int"},
	} {
		if _, err := b.Bisect(b.ctx(), ada, c.q, nil); code(err) != c.code || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %s %q", name, err, c.code, c.text)
		}
	}
}

// An expression sees the text of files, other elements, how much an element
// holds, and maps in order of their keys.
func TestQuestionSees(t *testing.T) {
	b := newStage(t)
	root := b.repo(map[string]string{"a.txt": "one TODO\n", "sub/b.txt": "x"})
	b.write("system", addOp("/svc", "Group", map[string]rmg.Value{"m": rmg.Map(map[string]rmg.Value{"b": rmg.Int(2), "a": rmg.Int(1), "c": rmg.Int(3)}), "file": rmg.Ref(root.Child("a.txt"))}),
		addOp("/svc/x", "S", nil), addOp("/svc/y", "S", nil), rewrite.Op{Op: rewrite.AddEdge, Path: "/svc/~e", Kind: "knows", From: "x", To: "y"})
	world := b.now().world
	for _, c := range []struct {
		at   rmg.Path
		expr string
		want bool
	}{
		{root.Child("a.txt"), `element.text.contains("TODO") && element.kind == "File" && element.props.mode == "0644"`, true},
		{root, `at("sub/b.txt").text == "x" && element.nodes == 2`, true},
		{"/svc", `element.nodes == 2 && element.edges == 1 && at("/svc/~e").from == "x"`, true},
		{"/svc", `element.props.m.map(k, k) == ["a", "b", "c"]`, true},
		{"/svc", `at(element.props.file).text.startsWith("one")`, true},
		{"/svc/none", `element.exists`, false},
		{"/", `element.nodes >= 2`, true},
	} {
		q, err := ask(b.Kernel.store, c.at, c.expr)
		b.must(err)
		for range 20 {
			got, note, err := q.holds(world)
			b.must(err)
			if got != c.want {
				t.Fatalf("%s of %s: %v %s", c.expr, c.at, got, note)
			}
		}
	}
}

// A command's exit judges a version: 125 skips one, and what cannot be told
// apart for that is named; 128 and more ends the search.
func TestBisectRuns(t *testing.T) {
	b := newStage(t)
	root := b.repo(map[string]string{"a.txt": "0"})
	first := b.now().seq
	var seqs []uint64
	for i := 1; i <= 9; i++ {
		w := b.fork()
		b.write("sws:"+w, writeText(root.Child("a.txt"), fmt.Sprint(i)))
		seqs = append(seqs, b.collapsed(w))
	}
	exits := map[string]int{}
	b.run.task = func(worker string, a work.Assignment) (work.Result, error) {
		e, ok := a.Workspace.Graph().Get(root.Child("a.txt"))
		if !ok || worker != "script" {
			t.Fatalf("%s in a version without the file", worker)
		}
		data, err := a.Workspace.ReadBlob(e.Props.Blob(rewrite.PropBlob))
		a.Emit(work.Event{Text: "saw " + string(data)})
		return work.Result{OK: true, Output: rmg.PropsOf(map[string]rmg.Value{"exit": rmg.Int(int64(exits[string(data)]))})}, err
	}
	for i := 5; i <= 9; i++ {
		exits[fmt.Sprint(i)] = 1
	}
	q := BisectRequest{Path: root.Child("a.txt"), Argv: []string{"check"}, From: first}
	got, err := b.Bisect(b.ctx(), ada, q, nil)
	b.must(err)
	if got.Bad != seqs[4] || got.Good != seqs[3] || len(got.Suspects) != 0 || got.Steps[1].Note != "saw 9" {
		t.Errorf("%+v", got)
	}
	exits["5"], exits["4"] = 125, 125
	got, err = b.Bisect(b.ctx(), ada, q, nil)
	b.must(err)
	if got.Bad != seqs[5] || got.Good != seqs[2] || fmt.Sprint(got.Suspects) != fmt.Sprint(seqs[3:5]) {
		t.Errorf("with two skipped: %+v", got)
	}
	exits["5"] = 200
	if _, err = b.Bisect(b.ctx(), ada, q, nil); code(err) != rmg.GateFailed || !strings.Contains(err.Error(), "exit 200: saw 5") {
		t.Errorf("broken: %v", err)
	}
	before := b.now().seq
	ctx, cancel := context.WithCancel(b.ctx())
	cancel()
	if _, err = b.Bisect(ctx, ada, q, nil); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
	if b.now().seq != before {
		t.Error("a bisection left records")
	}
}

package kernel

import (
	"errors"
	"strings"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

const chainRules = `
rules:
  - rule: grow
    at: /chain
    match: ["a:Link"]
    unless: ["a -[then]-> _", "b:Link -[then]-> c:Link -[then]-> d:Link"]
    create: ["a -[then]-> b:Link"]
  - rule: drop
    at: /chain
    match: ["a:Link"]
    unless: ["_ -[then]-> a"]
    cascade: true
    delete: [a]
`

func newRuleStage(t *testing.T) *stage {
	b := newStage(t)
	_, err := b.Rewrite(t.Context(), Caller{Name: "ada"}, "system", rewrite.Rewrite{Ops: []rewrite.Op{
		{Op: rewrite.AddNode, Path: "/chain", Kind: "Chain"}, {Op: rewrite.AddNode, Path: "/chain/first", Kind: "Link"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *stage) links(view string) int {
	b.t.Helper()
	v, err := b.View(view)
	if err != nil {
		b.t.Fatal(err)
	}
	e, _ := v.World.Get("/chain")
	n, _ := e.Graph.Len()
	return n
}

// TestApplyRules: rules change a view by one record, which says so and can be undone;
// in a workspace they change that alone.
func TestApplyRules(t *testing.T) {
	b := newRuleStage(t)
	ada := Caller{Name: "ada"}
	q := RulesRequest{Text: []byte(chainRules), Program: "grow!"}

	dry := q
	dry.DryRun, dry.Explain = true, true
	out, err := b.ApplyRules(t.Context(), ada, dry)
	if err != nil || out.Rewrites != 3 || out.Applied["grow"] != 3 || len(out.Ops) != 6 || out.Receipt.Seq != 0 || b.links("system") != 1 || !strings.Contains(out.Plans["drop"], "a:Link") {
		t.Fatalf("a dry run: %+v, %v", out, err)
	}

	w, err := b.Fork(t.Context(), ada, ForkRequest{})
	if err != nil {
		t.Fatal(err)
	}
	inside := q
	inside.View = "sws:" + w.ID
	if out, err = b.ApplyRules(t.Context(), ada, inside); err != nil || b.links("system") != 1 || b.links(inside.View) != 4 {
		t.Fatalf("in a workspace: %+v, %v", out, err)
	}

	before := b.now().world.Digest()
	if out, err = b.ApplyRules(t.Context(), ada, q); err != nil || b.links("system") != 4 || out.Receipt.Digest != b.now().world.Digest() {
		t.Fatalf("%+v, %v", out, err)
	}
	var last Record
	for r, err := range b.Records(out.Receipt.Seq, 0) {
		if last = r; err != nil {
			t.Fatal(err)
		}
	}
	if last.Seq != out.Receipt.Seq || last.Author != "ada" || !strings.Contains(last.Reason, "grow!, 3 applied") {
		t.Errorf("the record is %+v", last)
	}
	if out, err = b.ApplyRules(t.Context(), ada, q); err != nil || out.Rewrites != 0 || out.Receipt.Seq != 0 {
		t.Errorf("what has nothing to do: %+v, %v", out, err)
	}
	if _, err := b.Undo(t.Context(), ada, UndoRequest{Seq: last.Seq}); err != nil || b.now().world.Digest() != before {
		t.Errorf("undone: %v", err)
	}
}

// TestApplyRulesAgain: a request that is sent again under its key is not applied again,
// though it would match by now.
func TestApplyRulesAgain(t *testing.T) {
	b := newRuleStage(t)
	ada := Caller{Name: "ada", Key: "k1"}
	q := RulesRequest{Text: []byte(chainRules), Program: "grow"}
	first, err := b.ApplyRules(t.Context(), ada, q)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.ApplyRules(t.Context(), ada, q)
	if err != nil || again.Receipt != first.Receipt || b.links("system") != 2 {
		t.Errorf("%+v, then %+v, %v; %d links", first.Receipt, again.Receipt, err, b.links("system"))
	}
}

// TestRulesRefused: whatever is wrong, nothing changes.
func TestRulesRefused(t *testing.T) {
	b := newRuleStage(t)
	seq := b.now().seq
	worker := Caller{Name: "w", Process: "p1", Kind: KindWorker}
	for name, x := range map[string]struct {
		by   Caller
		q    RulesRequest
		code rmg.Code
		says string
	}{
		"no document":   {q: RulesRequest{File: "f.yaml", Text: []byte("rules: 3")}, code: rmg.Invalid, says: "f.yaml:1:8"},
		"no such rule":  {q: RulesRequest{Names: []string{"nobody"}}, code: rmg.NotFound, says: "nobody"},
		"no match":      {q: RulesRequest{Text: []byte(chainRules), Program: "grow*9"}, code: rmg.NotFound, says: "has no match"},
		"no program":    {q: RulesRequest{Text: []byte(chainRules), Program: "grow;;"}, code: rmg.Invalid},
		"no fuel":       {q: RulesRequest{Text: []byte(chainRules), Program: "grow!", Fuel: 1}, code: rmg.Limit},
		"the past":      {q: RulesRequest{Text: []byte(chainRules), View: "seq:1"}, code: rmg.Invalid, says: "of the past"},
		"another state": {q: RulesRequest{Text: []byte(chainRules), Program: "grow", Expect: rewrite.Expect{Seq: 1}}, code: rmg.Stale},
		"a worker":      {by: worker, q: RulesRequest{Text: []byte(chainRules), Program: "grow"}, code: rmg.Denied},
		"the ledger":    {q: RulesRequest{Text: []byte("rule: r\nat: /proc\ncreate: [\"x:K\"]\n"), Program: "r"}, code: rmg.NotFound},
		"of itself":     {q: RulesRequest{Text: []byte("rule: r\nat: /repo\ncreate: [\"x:K\"]\n"), Program: "r"}, code: rmg.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			if x.by.Name == "" {
				x.by.Name = "ada"
			}
			_, err := b.ApplyRules(t.Context(), x.by, x.q)
			if !errors.Is(err, &rmg.Error{Code: x.code}) || !strings.Contains(err.Error(), x.says) {
				t.Errorf("%v; want %s and %q", err, x.code, x.says)
			}
			if b.now().seq != seq {
				t.Errorf("seq %d; it was %d", b.now().seq, seq)
			}
		})
	}
}

// TestRulesOfTheWorld: rules stand in the world as graphs, by their names, and are
// applied from there as they were at that version.
func TestRulesOfTheWorld(t *testing.T) {
	b := newRuleStage(t)
	ada := Caller{Name: "ada"}
	if list, err := b.Rules("system"); err != nil || len(list) != 0 {
		t.Fatalf("%v, %v", list, err)
	}
	list, rec, err := b.AddRules(t.Context(), ada, "system", "c.yaml", []byte(chainRules))
	if err != nil || len(list) != 2 || rec.Seq == 0 {
		t.Fatalf("%v, %+v, %v", list, rec, err)
	}
	if _, again, err := b.AddRules(t.Context(), ada, "system", "c.yaml", []byte(chainRules)); err != nil || again.Seq != 0 {
		t.Errorf("the same rules again: %+v, %v", again, err)
	}
	if f := rmg.Check(b.now().world); len(f) > 0 {
		t.Error(f)
	}
	if list, err = b.Rules("system"); err != nil || len(list) != 2 || list[0].Name != "drop" || list[1].Name != "grow" {
		t.Fatalf("%v, %v", list, err)
	}
	if out, err := b.ApplyRules(t.Context(), ada, RulesRequest{Names: []string{"grow"}}); err != nil || out.Applied["grow"] != 3 || out.Program != "grow!" {
		t.Fatalf("%+v, %v", out, err)
	}
	if _, _, err := b.AddRules(t.Context(), ada, "system", "c.yaml", []byte("rule: grow\nat: /chain\nmatch: [\"a:Link\"]\ndelete: [a]\ncascade: true\n")); err != nil {
		t.Fatal(err)
	}
	if out, err := b.ApplyRules(t.Context(), ada, RulesRequest{Names: []string{"grow"}}); err != nil || out.Applied["grow"] != 4 || b.links("system") != 0 {
		t.Errorf("what took its place: %+v, %v", out, err)
	}
}

// TestRulesThatCannotBeRead: a rule whose kinds are gone is listed with its fault and
// does not fire; the others are listed, apply and fire as before; and it can be
// switched off.
func TestRulesThatCannotBeRead(t *testing.T) {
	b := kernelFor(t)
	kind := func(name string) rewrite.Op { return addOp(rmg.KindPath.Child(name), "Kind", nil) }
	b.write("system", addOp(rmg.KindPath, "Folder", nil), kind("A"), kind("B"), kind("C"))
	b.addRules(`rules:
  - {rule: fine, reactive: true, match: ["x:A"], retype: {x: C}}
  - {rule: lame, reactive: true, doc: about B, priority: 3, match: ["x:B"], retype: {x: C}}
`)
	b.addRules("kinds: {Own: {}}\nrules: [{rule: other, match: [\"x:Own\"], delete: [x]}]")
	if r := b.reactions()["lame"]; !r.On || r.Fault != "" {
		t.Fatalf("%+v", r)
	}
	b.write("system", rewrite.Op{Op: rewrite.Remove, Path: rmg.KindPath.Child("B")})
	list := b.reactions()
	if r := list["lame"]; len(list) != 3 || !strings.HasPrefix(r.Fault, "/rule/lame:1:") || !strings.HasSuffix(r.Fault, "kind B is not known; declare it under kinds or in the graph's /kind") ||
		r.On || r.Off == "" || r.Doc != "about B" || r.Priority != 3 || !r.Reactive || r.At != rmg.Root {
		t.Errorf("%+v", list)
	}
	if r := list["fine"]; !r.On || r.Fault != "" || list["other"].Fault != "" {
		t.Errorf("%+v", list)
	}
	rec := b.write("system", addOp("/a", "A", nil))
	if got := b.since(rec.Seq); len(got) != 2 || !strings.Contains(got[1], "rule fine fired") {
		t.Errorf("%q", got)
	}
	if _, err := b.ApplyRules(t.Context(), ada, RulesRequest{}); !errors.Is(err, &rmg.Error{Code: rmg.Invalid}) || !strings.Contains(err.Error(), "/rule/lame:1:") {
		t.Errorf("all of them: %v", err)
	}
	if _, err := b.ApplyRules(t.Context(), ada, RulesRequest{Names: []string{"fine"}}); err != nil {
		t.Error(err)
	}
	if r, _, err := b.SwitchRule(t.Context(), ada, "lame", false, ""); err != nil || r.On || r.Off != "" || r.Fault == "" {
		t.Errorf("%+v, %v", r, err)
	}
	if _, _, err := b.SwitchRule(t.Context(), ada, "lame", true, ""); !errors.Is(err, &rmg.Error{Code: rmg.Invalid}) {
		t.Errorf("on: %v", err)
	}
}

package kernel

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// unchanged and after are a file of three hunks, which a worker changes.
const (
	unchanged = "package p\n\n//one\n\n//two\n\n//three\n"
	after     = "package p\n\n//ONE\n\n//two\n//more\n\n//three\n//end\n"
)

var changed = repoRoot.Join("app", "main", "v.go")

// changes has a worker change v.go and add w.go, and parks the process at a question
// of its plan or, with words, of its collapse.
func (b *bench) changes(words ...tasks.Criterion) (Process, Approval) {
	b.Helper()
	b.repo.commit(b.T, map[string]string{"go.mod": "module app\n", "base.go": "def Old\n", "v.go": unchanged})
	b.run.task = func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
		err := a.Workspace.Rewrite(ctx, rewrite.Rewrite{Ops: []rewrite.Op{
			{Op: rewrite.Write, Path: changed, Text: after, HasText: true},
			{Op: rewrite.Write, Path: a.Repo.Root.Child("w.go"), Text: "package p\n", HasText: true},
		}})
		return work.Result{OK: err == nil, Summary: "changed"}, err
	}
	r := IntentRequest{Text: "ship .", Dir: "/app"}
	if len(words) > 0 {
		r.Text, r.SLAPS = "", document(tasks.Budget{})
		r.SLAPS.Success = words
	}
	p, err := b.k.Intent(context.Background(), ada, r)
	if err != nil {
		b.Fatal(err)
	}
	synctest.Wait()
	list := b.k.Inbox(false)
	if len(list) != 1 {
		p, _ = b.k.Process(p.ID)
		b.Fatalf("%s %s: %+v", p.Status, p.Reason, list)
	}
	return p, list[0]
}

// file is what a file of the branch holds.
func (b *bench) file(p rmg.Path) string {
	b.Helper()
	e, ok := b.k.now().world.Get(p)
	if !ok {
		return "(gone)"
	}
	data, err := readBlob(b.k.store, e.Props.Blob(rewrite.PropBlob))
	if err != nil {
		b.Fatal(err)
	}
	return string(data)
}

// TestAPersonChangesWhatTheyApprove: hunks that a person rejects and files that they
// edit are what is proven and lands, asked about once, told as theirs, the same after
// a restart and from the log alone.
func TestAPersonChangesWhatTheyApprove(t *testing.T) {
	word := tasks.Criterion{Type: "human", Name: "style", Value: "it reads well"}
	for name, words := range map[string][]tasks.Criterion{"in a plan": nil, "of a collapse": {word}} {
		for _, restart := range []bool{false, true} {
			onBench(t, func(b *bench) {
				p, q := b.changes(words...)
				list, err := b.k.ChangeOf(q.ID)
				if err != nil || len(list) != 2 || len(list[0].Hunks) != 3 || string(list[0].Hunks[1].New) != "//more\n" || !list[1].Whole {
					t.Fatalf("%s: %+v, %v", name, list, err)
				}
				if restart {
					b.close()
					b.open(2)
				}
				r := Reply{
					Answer: "approve", Comment: "less", Reject: []HunkRef{{File: changed, N: 2}},
					Edit: []FileEdit{{File: changed.Parent().Child("w.go"), Text: []byte("package p\n\n//by hand\n")}},
				}
				a, err := b.k.Answer(context.Background(), ada, q.ID, r)
				if err != nil || a.State != ApprovalApproved || a.Amended == 0 {
					t.Fatalf("%s: %+v, %v", name, a, err)
				}
				p = b.ended(p.ID)
				if p.Status != "landed" || len(b.k.Inbox(false)) != 0 || len(b.k.Inbox(true)) != 1 {
					t.Fatalf("%s, restart %v: %s: %s; %+v", name, restart, p.Status, p.Reason, b.k.Inbox(true))
				}
				if got := b.file(changed); got != "package p\n\n//ONE\n\n//two\n\n//three\n//end\n" {
					t.Errorf("%s: landed %q", name, got)
				}
				why, err := b.k.Why(context.Background(), WhyQuery{Path: changed.Parent().Child("w.go"), Line: 3})
				if err != nil || !strings.Contains(chainText(why), "by "+ada.Name) && !strings.Contains(chainText(why), ada.Name+": "+q.ID) {
					t.Errorf("%s: %v\n%s", name, err, chainText(why))
				}
				digest := b.k.now().world.Digest()
				if v, err := b.k.Verify(context.Background()); err != nil || len(v.Problems) > 0 {
					t.Errorf("%s: %v %v", name, v.Problems, err)
				}
				b.close()
				b.open(2)
				if got := b.k.now().world.Digest(); got != digest {
					t.Errorf("%s: %s after a start, %s unchanged", name, got, digest)
				}
			})
		}
	}
}

func chainText(e Explanation) string {
	var lines []string
	for _, r := range e.Chain {
		lines = append(lines, r.Text)
	}
	return strings.Join(lines, "\n")
}

// TestWhatAPersonEditedIsProven: an edit that is red does not land.
func TestWhatAPersonEditedIsProven(t *testing.T) {
	onBench(t, func(b *bench) {
		p, q := b.changes(tasks.Criterion{Type: "human", Name: "style", Value: "it reads well"})
		r := Reply{Answer: "approve", Edit: []FileEdit{{File: changed, Text: []byte("package p\n\n//use Nothing\nuse Nothing\n")}}}
		if _, err := b.k.Answer(context.Background(), ada, q.ID, r); err != nil {
			t.Fatal(err)
		}
		if p = b.ended(p.ID); p.Status == "landed" || b.file(changed) != unchanged {
			t.Errorf("%s: %s; %q", p.Status, p.Reason, b.file(changed))
		}
	})
}

// TestWhatAnAnswerMayNotChange: what is not part of the change, all of it, and what
// is not what was asked about any more.
func TestWhatAnAnswerMayNotChange(t *testing.T) {
	onBench(t, func(b *bench) {
		_, q := b.changes()
		w := changed.Parent().Child("w.go")
		for want, r := range map[rmg.Code][]Reply{
			rmg.NotFound: {
				{Answer: "approve", Reject: []HunkRef{{File: changed, N: 4}}},
				{Answer: "approve", Reject: []HunkRef{{File: changed.Parent().Child("go.mod")}}},
				{Answer: "approve", Edit: []FileEdit{{File: changed.Parent().Child("base.go"), Text: []byte("x")}}},
			},
			rmg.Invalid: {
				{Answer: "perhaps"},
				{Answer: "reject", Reject: []HunkRef{{File: changed, N: 1}}},
				{Answer: "approve", Reject: []HunkRef{{File: changed}, {File: w}}},
				{Answer: "approve", Reject: []HunkRef{{File: w}}, Edit: []FileEdit{{File: w, Text: []byte("x")}}},
			},
		} {
			for _, r := range r {
				if _, err := b.k.Answer(context.Background(), ada, q.ID, r); !errors.Is(err, &rmg.Error{Code: want}) {
					t.Errorf("%+v: %v, not %s", r, err, want)
				}
			}
		}
		b.write(q.Workspace, map[string]string{"v.go": unchanged + "//later\n"})
		r := Reply{Answer: "approve", Reject: []HunkRef{{File: w}}}
		if _, err := b.k.Answer(context.Background(), ada, q.ID, r); !errors.Is(err, &rmg.Error{Code: rmg.Stale}) {
			t.Errorf("the workspace moved on: %v", err)
		}
		if a, err := b.k.Approval(q.ID); err != nil || a.State != ApprovalOpen {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

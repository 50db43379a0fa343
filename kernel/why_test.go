package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

func (b *stage) why(q WhyQuery) Explanation {
	b.t.Helper()
	e, err := b.Why(b.ctx(), q)
	if err != nil {
		b.t.Fatalf("why %s#%s:%d: %v", q.Path, q.Prop, q.Line, err)
	}
	return e
}

// kinds lists the kinds of a chain.
func kinds(e Explanation) string {
	var out []string
	for _, r := range e.Chain {
		out = append(out, r.Kind)
	}
	return strings.Join(out, " ")
}

// story is one random history of a repository: every line that is written has a
// text of its own, and who wrote it is noted.
type story struct {
	*stage
	rnd   *rand.Rand
	root  rmg.Path
	plain bool // no line stands twice, so that no difference can be told in two ways
	lines int
	wrote map[string]string // "seq 12" of a workspace's record, or "commit 0000..."
}

// files lists the files of a world, as text.
func (s *story) files(world rmg.Graph) map[rmg.Path]string {
	out := map[rmg.Path]string{}
	for p, e := range world.Walk(s.root) {
		if e.Kind == rewrite.KindFile {
			out[p] = string(s.git.read(e))
		}
	}
	return out
}

// pick chooses a file of a world.
func (s *story) pick(files map[rmg.Path]string) rmg.Path {
	var list []rmg.Path
	for p := range files {
		list = append(list, p)
	}
	slices.Sort(list)
	return list[s.rnd.IntN(len(list))]
}

// edited is a text with some lines put in, taken out and put in place of others;
// fresh are the new ones. Lines that stand in many places are thrown in.
func (s *story) edited(text string) (out string, fresh []string) {
	lines := strings.SplitAfter(text, "\n")
	if n := len(lines); lines[n-1] == "" {
		lines = lines[:n-1]
	}
	for range 1 + s.rnd.IntN(3) {
		at := s.rnd.IntN(len(lines) + 1)
		if at < len(lines) && s.rnd.IntN(2) == 0 {
			lines = slices.Delete(lines, at, at+1)
		}
		for range s.rnd.IntN(3) {
			s.lines++
			line := fmt.Sprintf("line %d\n", s.lines)
			if s.rnd.IntN(4) == 0 && !s.plain {
				line = "}\n"
			} else {
				fresh = append(fresh, line)
			}
			lines = slices.Insert(lines, at, line)
		}
	}
	return strings.Join(lines, ""), fresh
}

// work makes a few records in a workspace.
func (s *story) work(id string) {
	for range 1 + s.rnd.IntN(3) {
		sp, _ := s.space(id)
		files := s.files(sp.last().world)
		p := s.pick(files)
		switch n := s.rnd.IntN(10); {
		case n == 0:
			s.lines++
			s.write("sws:"+id, rewrite.Op{Op: rewrite.Move, Path: p, Dest: s.root.Child(fmt.Sprintf("moved%d", s.lines))})
		case n == 1:
			s.lines++
			p = s.root.Join("sub", fmt.Sprintf("new%d", s.lines))
			fallthrough
		default:
			text, fresh := s.edited(files[p])
			if text == files[p] {
				continue
			}
			seq := s.write("sws:"+id, writeText(p, text))
			s.note(fresh, fmt.Sprintf("seq %d", seq))
		}
	}
}

func (s *story) note(fresh []string, by string) {
	for _, l := range fresh {
		s.wrote[l] = by
	}
}

// step does one thing that happens to a repository.
func (s *story) step() {
	switch s.rnd.IntN(5) {
	case 0: // a person's commit
		head := s.git.heads["main"]
		files := map[string]string{}
		for p, text := range s.files(planted(s.root, s.git.trees[head])) {
			rel, _ := relTo(s.root, p)
			files[rel] = text
		}
		name := sortedKeys(files)[s.rnd.IntN(len(files))]
		text, fresh := s.edited(files[name])
		files[name] = text
		s.note(fresh, "commit "+s.commit("Bob", "bob's", files))
		s.sync()
	case 1: // a workspace in a workspace
		w := s.fork()
		s.work(w)
		in, err := s.Fork(s.ctx(), ada, ForkRequest{From: "sws:" + w})
		s.must(err)
		s.work(in.ID)
		s.collapsed(in.ID)
		s.work(w)
		s.collapsed(w)
	case 2: // two side by side; the later one may conflict
		one, two := s.fork(), s.fork()
		s.work(one)
		s.work(two)
		s.collapsed(one)
		if _, err := s.Collapse(s.ctx(), ada, two, CollapseRequest{}); err != nil && code(err) != rmg.Conflict {
			s.t.Fatal(err)
		}
	default:
		w := s.fork()
		s.work(w)
		s.collapsed(w)
	}
}

// check asks why of every line of every file: the record named has the line in
// its difference, and whoever wrote the line is in the chain.
func (s *story) check() (lines int) {
	s.t.Helper()
	for p, text := range s.files(s.now().world) {
		all := strings.SplitAfter(text, "\n")
		for i, line := range all[:len(all)-1] {
			e := s.why(WhyQuery{Path: p, Line: i + 1})
			lines++
			before, after, err := s.around(e.Chain[0].Seq)
			s.must(err)
			now, ok := after.Get(e.Origin)
			if !ok {
				s.t.Fatalf("%s:%d: nothing at %s after record %d", p, i+1, e.Origin, e.Chain[0].Seq)
			}
			is := s.git.read(now)
			if got := strings.SplitAfter(string(is), "\n")[e.OriginLine-1]; got != line {
				s.t.Fatalf("%s:%d %q: record %d has %q at %s:%d", p, i+1, line, e.Chain[0].Seq, got, e.Origin, e.OriginLine)
			}
			if old, ok := before.Get(e.Origin); ok && rmg.MatchLines(s.git.read(old), is)[e.OriginLine-1] >= 0 {
				s.t.Fatalf("%s:%d %q: not new in record %d", p, i+1, line, e.Chain[0].Seq)
			}
			want, unique := s.wrote[line]
			if !unique || !s.plain {
				continue
			}
			found := slices.ContainsFunc(e.Chain, func(r Reason) bool {
				return fmt.Sprintf("seq %d", r.Seq) == want || "commit "+r.Commit == want
			})
			if !found {
				s.t.Fatalf("%s:%d %q was written by %s, and the chain is %+v", p, i+1, line, want, e.Chain)
			}
		}
	}
	return lines
}

// Every line of every file has a why, whatever became of the repository, and it
// is the right one.
func TestWhyOfEveryLine(t *testing.T) {
	lines := 0
	for seed := range uint64(10) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			s := &story{stage: newStage(t), rnd: rand.New(rand.NewPCG(seed, 1)), wrote: map[string]string{}, plain: seed%2 == 0}
			files := map[string]string{}
			var fresh []string
			for _, name := range []string{"a.txt", "b.txt", "sub/c.txt"} {
				text, lines := s.edited("")
				files[name], fresh = text+"last\n", append(fresh, lines...)
			}
			s.root = s.repo(files)
			s.note(fresh, "commit "+s.git.heads["main"])
			for range 10 {
				s.step()
			}
			lines += s.check()
		})
	}
	if lines < 300 {
		t.Errorf("only %d lines were asked for", lines)
	}
}

// A line is explained as a sentence: the record, the workspace's record with its
// task, attempt and model, what was proven, who let it in, where it landed.
func TestWhyTellsTheWholeChain(t *testing.T) {
	b := newStage(t)
	root := b.repo(map[string]string{"a.txt": "one\ntwo\n", "go.mod": "module app\n"})
	w := b.fork()
	in, err := b.Fork(b.ctx(), Caller{Name: "worker:llm"}, ForkRequest{From: "sws:" + w, Reason: "candidate 7: two becomes 2"})
	b.must(err)
	b.write("sws:"+in.ID, writeText(root.Child("a.txt"), "one\n2\n"))
	inner := b.now().seq
	b.collapsed(in.ID)
	c, err := b.Collapse(b.ctx(), ada, w, CollapseRequest{})
	b.must(err)
	e := b.why(WhyQuery{Path: root.Child("a.txt"), Line: 2})
	if got := kinds(e); got != "record workspace workspace candidate evidence approval landing intent" {
		t.Errorf("the chain is %s", got)
	}
	if e.Chain[0].Seq != c.Seq || e.Chain[2].Seq != inner || e.Text != "2" {
		t.Errorf("%+v", e)
	}
	if !strings.Contains(e.Chain[3].Text, "candidate 7") || !strings.Contains(e.Chain[5].Text, "ada@host, who collapsed it by hand") {
		t.Errorf("%+v", e.Chain)
	}
	// The other line is of the first commit still.
	e = b.why(WhyQuery{Path: root.Child("a.txt"), Line: 1})
	if got := kinds(e); got != "record commit" || !strings.Contains(e.Chain[1].Text, "Ada wrote it in commit 0000000000 of /r/app: first") {
		t.Errorf("%s: %+v", got, e.Chain)
	}
	if _, err := b.Why(b.ctx(), WhyQuery{Path: root.Child("a.txt"), Line: 3}); code(err) != rmg.NotFound {
		t.Errorf("beyond the end: %v", err)
	}
}

// A record of a task is told with its attempt, and what that recorded of its
// model and prompt.
func TestWhyNamesTheAttempt(t *testing.T) {
	b := newStage(t)
	root := b.repo(map[string]string{"a.txt": "one\n"})
	w := b.fork()
	_, err := b.system(b.ctx(), "kernel", "p1", "as an intent does", []rewrite.Op{
		addOp("/proc/p1", kindProcess, map[string]rmg.Value{"owner": rmg.String("ada@host"), "text": rmg.String("do it")}),
		addOp("/proc/p1/implement", kindTask, nil), addOp("/proc/p1/implement/1", kindAttempt, nil),
		addOp("/proc/p1/implement/2", kindAttempt, map[string]rmg.Value{"worker": rmg.String("llm")}),
	})
	b.must(err)
	_, err = b.rewrite(b.ctx(), "worker:llm", "p1/implement", Version{Space: w}, rewrite.Rewrite{Ops: []rewrite.Op{writeText(root.Child("a.txt"), "1\n")}, Reason: "as asked"})
	b.must(err)
	_, err = b.system(b.ctx(), "kernel", "p1", "results", []rewrite.Op{
		addOp("/proc/p1/implement/3", kindAttempt, nil),
		setProp("/proc/p1/implement/2", "output", rmg.Map(map[string]rmg.Value{"model": rmg.String("m-1"), "prompt": rmg.String("abcdef")})),
	})
	b.must(err)
	b.collapsed(w)
	e := b.why(WhyQuery{Path: root.Child("a.txt"), Line: 1})
	r := e.Chain[1]
	if r.Attempt != 2 || r.Task != "implement" || r.Worker != "llm" || r.Model != "m-1" || r.Prompt != "abcdef" ||
		r.Text != "in workspace "+w+", attempt 2 of task implement, by worker:llm with model m-1 (prompt abcdef): as asked" {
		t.Errorf("%+v", r)
	}
	asked := Process{
		ID: "p1", Owner: "ada@host", Plan: new(tasks.Plan),
		Approvals: []Approval{{ID: "a3", State: "rejected", By: "bob@host"}, {ID: "a5", State: "approved", By: "eve@host", Comment: "fine"}},
	}
	if got := b.approval(asked); got.Author != "kernel" {
		t.Errorf("without an answer in its evidence: %+v", got)
	}
	asked.Evidence = []work.Evidence{{Gate: "approval a5", Kind: work.GateAnswer, Green: true}, {Gate: "approval a3", Kind: work.GateAnswer}}
	if got := b.approval(asked); got.Author != "eve@host" || got.Text != "approved by eve@host: fine" {
		t.Errorf("%+v", got)
	}
}

// Nodes, edges, props, folders, moved and ledger elements have a why.
func TestWhyOfElements(t *testing.T) {
	b := newStage(t)
	made := b.write("system", addOp("/svc", "Group", nil), addOp("/svc/a", "S", map[string]rmg.Value{"v": rmg.Int(1), "w": rmg.Int(1)}), addOp("/svc/b", "S", nil),
		rewrite.Op{Op: rewrite.AddEdge, Path: "/svc/~e", Kind: "knows", From: "a", To: "b"})
	setV := b.write("system", setProp("/svc/a", "v", rmg.Int(2)))
	setE := b.write("system", setProp("/svc/~e", "since", rmg.Int(9)))
	b.write("system", rewrite.Op{Op: rewrite.Move, Path: "/svc", Dest: "/services"})
	root := b.repo(map[string]string{"a.txt": "one\n", "d/b.txt": "x\n"})
	synced := b.now().seq
	w := b.fork()
	inner := b.write("sws:"+w, writeText(root.Join("new", "deep", "f.txt"), "f\n"))
	col := b.collapsed(w)
	for _, c := range []struct {
		q    WhyQuery
		seq  uint64
		also uint64
	}{
		{WhyQuery{Path: "/services/a", Prop: "v"}, setV, 0},
		{WhyQuery{Path: "/services/a", Prop: "w"}, made, 0},
		{WhyQuery{Path: "/services/a"}, setV, 0},
		{WhyQuery{Path: "/services/b"}, made, 0},
		{WhyQuery{Path: "/services/~e"}, setE, 0},
		{WhyQuery{Path: root.Join("new", "deep")}, col, inner},
		{WhyQuery{Path: root.Join("new", "deep", "f.txt")}, col, inner},
		{WhyQuery{Path: root.Join("new", "deep", "f.txt"), Prop: "mode"}, col, inner},
		{WhyQuery{Path: root.Join("d", "b.txt")}, synced, 0},
		{WhyQuery{Path: swsPath(w), Prop: "collapsed"}, col, 0},
		{WhyQuery{Path: swsPath(w), Prop: "head"}, inner, 0},
	} {
		e := b.why(c.q)
		if e.Chain[0].Seq != c.seq || c.also != 0 && (len(e.Chain) < 2 || e.Chain[1].Seq != c.also) {
			t.Errorf("%s#%s: %+v, want %d and %d", c.q.Path, c.q.Prop, e.Chain, c.seq, c.also)
		}
	}
	for _, q := range []WhyQuery{{Path: "/none"}, {Path: "/services/a", Prop: "none"}, {Path: "/"}} {
		if _, err := b.Why(b.ctx(), q); code(err) != rmg.NotFound {
			t.Errorf("%+v: %v", q, err)
		}
	}
	if _, err := b.Why(b.ctx(), WhyQuery{Path: "/services", Line: 1}); code(err) != rmg.Invalid {
		t.Errorf("a line of a node: %v", err)
	}
}

// What a shell command changed is told with the command.
func TestWhyOfExec(t *testing.T) {
	b := newStage(t)
	root := b.repo(map[string]string{"a.txt": "one\n"})
	b.run.task = func(_ string, a work.Assignment) (work.Result, error) {
		err := a.Workspace.Rewrite(b.ctx(), rewrite.Rewrite{Ops: []rewrite.Op{writeText(root.Child("a.txt"), "one\ntwo\n")}, Reason: "run sh -c echo two >> a.txt"})
		return work.Result{OK: true}, err
	}
	w := b.fork()
	_, err := b.Exec(b.ctx(), ada, w, ExecRequest{Argv: []string{"sh"}}, nil)
	b.must(err)
	b.collapsed(w)
	e := b.why(WhyQuery{Path: root.Child("a.txt"), Line: 2})
	if want := "in workspace " + w + ", ada@host: run sh -c echo two >> a.txt"; e.Chain[1].Text != want {
		t.Errorf("%q, want %q", e.Chain[1].Text, want)
	}
}

// An undo is told with what it took back.
func TestWhyOfAnUndo(t *testing.T) {
	b := newStage(t)
	root := b.repo(map[string]string{"a.txt": "one\n"})
	w := b.fork()
	b.write("sws:"+w, writeText(root.Child("a.txt"), "two\n"))
	seq := b.collapsed(w)
	u := b.undo(seq)
	e := b.why(WhyQuery{Path: root.Child("a.txt"), Line: 1})
	if e.Chain[0].Seq != u.Seq || !strings.Contains(kinds(e), "undo") || e.Chain[2].Seq != seq {
		t.Errorf("%s: %+v", kinds(e), e.Chain)
	}
}

package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// fake is a kernel of canned answers over one real graph. fail makes a method
// return an error, by the method's name.
type fake struct {
	mu      sync.Mutex // guards the fields below
	fail    map[string]error
	views   map[string]kernel.View
	records []kernel.Record
	news    chan struct{}
	lines   []kernel.Line
	ended   bool
	stir    chan struct{} // closed when lines or ended changed
	blobs   map[[32]byte][]byte
	calls   []string // method, caller, arguments
	looked  []string // process, view, path, with its graph
	sum     [32]byte // of the last token's secret
	key     string   // of the last rewrite
	asks    []kernel.Approval

	collapse  func(context.Context) (kernel.Collapsed, error)
	exec      func(context.Context, func(work.Event)) (int, error)
	reads     func(from, to uint64) // sees every reading of records
	rewriting func()                // called by every rewrite
}

var began = time.Date(2026, 11, 23, 9, 40, 5, 120_456_789, time.UTC)

func newFake(records int) *fake {
	f := &fake{
		fail: map[string]error{}, views: map[string]kernel.View{}, news: make(chan struct{}), stir: make(chan struct{}),
		blobs: map[[32]byte][]byte{},
	}
	f.views["system"] = kernel.View{Name: "system"}
	for range records {
		f.add(rmg.Root.Join("svc", fmt.Sprintf("n%03d", len(f.records))))
	}
	return f
}

// add appends a record that adds a node, below /svc or elsewhere.
func (f *fake) add(at rmg.Path) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.views["system"]
	o := rmg.NewOverlay(v.World)
	if _, ok := o.Get(at.Parent()); !ok {
		must(o.AddNode(at.Parent(), "Folder", rmg.Props{}))
	}
	props := map[string]rmg.Value{"n": rmg.Int(int64(len(f.records)))}
	must(o.AddNode(at, "Service", rmg.PropsOf(props)))
	seq := uint64(len(f.records)) + 1
	v = kernel.View{Name: "system", Seq: seq, Tick: seq, World: o.Graph()}
	f.views["system"] = v
	v.Name = fmt.Sprintf("seq:%d", seq)
	f.views[v.Name] = v
	f.records = append(f.records, kernel.Record{
		Seq: seq, Tick: seq, At: began.Add(time.Duration(seq) * time.Second), View: "system", Author: "ada@host",
		Cause: fmt.Sprintf("p%d/implement", seq%3), Reason: "because",
		Ops: []rewrite.Op{{Op: rewrite.AddNode, Path: at, Kind: "Service", Props: props}},
	})
	close(f.news)
	f.news = make(chan struct{})
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// call notes a call and returns the error it is to fail with.
func (f *fake) call(name string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprint(append([]any{name}, args...)...))
	if err := f.fail[name]; err != nil {
		if err == errPanic {
			panic("the fake panics")
		}
		return err
	}
	return nil
}

var errPanic = errors.New("panic")

func (f *fake) last() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[len(f.calls)-1]
}

func (f *fake) View(name string) (kernel.View, error) {
	if err := f.call("View", " ", name); err != nil {
		return kernel.View{}, err
	}
	if name == "" {
		name = "system"
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	v, ok := f.views[name]
	if !ok {
		return v, &rmg.Error{Op: "version", Code: rmg.NotFound, Msg: "there is no version " + name, Hint: "jitos log shows the seqs that exist"}
	}
	return v, nil
}

func (f *fake) Rewrite(_ context.Context, c kernel.Caller, view string, rw rewrite.Rewrite) (kernel.Receipt, error) {
	f.key = c.Key
	if f.rewriting != nil {
		f.rewriting()
	}
	err := f.call("Rewrite", " ", c.Name, " ", view, " ", len(rw.Ops), " ", rw.Reason, " ", rw.Expect.Seq)
	return kernel.Receipt{Seq: 7, Tick: 3, Digest: rmg.Graph{}.Digest()}, err
}

func (f *fake) Diff(from, to string, at rmg.Path) ([]rmg.Change, error) {
	if err := f.call("Diff", " ", from, " ", to, " ", at); err != nil {
		return nil, err
	}
	a, err := f.View(from)
	if err != nil {
		return nil, err
	}
	b, err := f.View(to)
	if err != nil {
		return nil, err
	}
	var out []rmg.Change
	for c := range rmg.Diff(a.World, b.World) {
		out = append(out, c)
	}
	return out, nil
}

func (f *fake) Resolve(_ context.Context, file string) (rmg.Path, error) {
	return rmg.Root.Join("repo", "app", "main", "a.go"), f.call("Resolve", " ", file)
}

func (f *fake) PutBlob(r io.Reader) (rmg.Blob, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return rmg.Blob{}, fmt.Errorf("store the content: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	b := rmg.Blob{Sum: sha256.Sum256(data), Size: int64(len(data))}
	f.blobs[b.Sum] = data
	return b, nil
}

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

func (f *fake) BlobBySum(sum [32]byte) (io.ReadSeekCloser, int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	data, ok := f.blobs[sum]
	if !ok {
		return nil, 0, &rmg.Error{Op: "blob", Code: rmg.NotFound, Msg: "there is no such content"}
	}
	return nopCloser{bytes.NewReader(data)}, int64(len(data)), nil
}

func space(id, state string) kernel.Workspace {
	return kernel.Workspace{
		ID: id, State: state, From: "system", Base: 3, Head: 4, Owner: "ada@host", Process: "p9", Reason: "candidate 1",
		Records: 1, Changes: 2, At: began,
	}
}

func (f *fake) Fork(_ context.Context, c kernel.Caller, r kernel.ForkRequest) (kernel.Workspace, error) {
	return space("w5", "open"), f.call("Fork", " ", c.Name, " ", r.From, " ", r.Reason, " ", r.Dir, " ", r.Private, " ", r.TTL)
}

func (f *fake) Workspaces(q kernel.WorkspaceQuery) ([]kernel.Workspace, string, error) {
	a, b := space("w5", "open"), space("w6", "discarded")
	a.Changes, b.Changes, b.Process = -1, -1, "p10"
	err := f.call("Workspaces", " ", q.State, " ", q.Owner, " ", q.Process, " ", q.After, " ", q.Limit)
	var list []kernel.Workspace
	for _, w := range []kernel.Workspace{a, b} {
		if (q.State == "" || w.State == q.State) && (q.Owner == "" || w.Owner == q.Owner) && (q.Process == "" || w.Process == q.Process) && w.ID > q.After {
			list = append(list, w)
		}
	}
	if len(list) > q.Limit {
		return list[:q.Limit], list[q.Limit-1].ID, err
	}
	return list, "", err
}

func (f *fake) Freeze(_ context.Context, c kernel.Caller, id, reason string) (kernel.Workspace, error) {
	w := space(id, "open")
	w.Frozen = "by " + c.Name + ": " + reason
	return w, f.call("Freeze", " ", c.Name, " ", id, " ", reason)
}

func (f *fake) Thaw(_ context.Context, c kernel.Caller, id string) (kernel.Workspace, error) {
	return space(id, "open"), f.call("Thaw", " ", c.Name, " ", id)
}

// clash is a conflict as a workspace has it.
func clash(take string) kernel.Conflict {
	return kernel.Conflict{ID: "c00001", Take: take, MergeConflict: rmg.MergeConflict{
		Path: "/svc", Prop: "v", Kind: rmg.ConflictBothChanged, Reason: "both changed",
		Base: rmg.Int(1), System: rmg.Int(2), Workspace: rmg.Int(3), SystemBy: "bob@host", WorkspaceBy: "ada@host",
	}}
}

func (f *fake) Rebase(_ context.Context, c kernel.Caller, id, onto string) (kernel.Rebased, error) {
	if err := f.call("Rebase", " ", c.Name, " ", id, " ", onto); err != nil {
		return kernel.Rebased{Conflicts: []kernel.Conflict{clash("")}}, err
	}
	return kernel.Rebased{Seq: 9, Digest: rmg.Graph{}.Digest(), Base: "seq:8"}, nil
}

func (f *fake) Settle(_ context.Context, c kernel.Caller, id string, r kernel.Resolution) (kernel.Rebased, error) {
	text, _ := r.Value.MarshalJSON()
	err := f.call("Settle", " ", c.Name, " ", id, " ", r.Path, "#", r.Prop, " ", r.Take, " ", string(text), " ", string(r.Edit))
	return kernel.Rebased{Seq: 10, Digest: rmg.Graph{}.Digest(), Conflicts: []kernel.Conflict{clash("")}}, err
}

func (f *fake) NoteRead(c kernel.Caller, view string, p rmg.Path, graph bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked = append(f.looked, fmt.Sprint(c.Process, " ", view, " ", p, " ", graph))
}

func (f *fake) Workspace(id string) (kernel.Workspace, error) {
	w := space(id, "open")
	w.BaseAt, w.TTL, w.Expires, w.Onto, w.Open = "seq:3", 90*time.Minute, began.Add(90*time.Minute), "system", 1
	w.Wrote, w.Read, w.ReadBelow = []rmg.Path{"/svc"}, []rmg.Path{"/svc/a"}, []rmg.Path{"/svc/b"}
	w.Conflicts = []kernel.Conflict{clash(""), clash("value")}
	w.Conflicts[1].Value, w.Conflicts[1].By = rmg.Int(9), "ada@host"
	return w, f.call("Workspace", " ", id)
}

func (f *fake) Discard(_ context.Context, c kernel.Caller, id, reason string) (kernel.Receipt, error) {
	return kernel.Receipt{Seq: 8, Tick: 4, Digest: rmg.Graph{}.Digest()}, f.call("Discard", " ", c.Name, " ", id, " ", reason)
}

func (f *fake) Restore(_ context.Context, c kernel.Caller, id string) (kernel.Workspace, error) {
	return space(id, "open"), f.call("Restore", " ", c.Name, " ", id)
}

func (f *fake) Collapse(ctx context.Context, c kernel.Caller, id string, r kernel.CollapseRequest) (kernel.Collapsed, error) {
	drops := ""
	if len(r.DropTests) > 0 {
		drops = fmt.Sprint(" ", r.DropTests)
	}
	if err := f.call("Collapse", " ", c.Name, " ", id, " ", r.Land, drops); err != nil {
		return kernel.Collapsed{}, err
	}
	if f.collapse != nil {
		return f.collapse(ctx)
	}
	return kernel.Collapsed{Seq: 9, Digest: rmg.Graph{}.Digest(), Merged: true, Process: "p9", Commit: "abc", LandedOn: "main", Evidence: evidence(true)}, nil
}

func evidence(green bool) []work.Evidence {
	return []work.Evidence{{
		Gate: "all tests", Kind: work.GateTest, Green: green, Reason: "3 tests", Key: "k", Input: rmg.Graph{}.Digest(),
		Tests: []work.Test{{Package: "app", Name: "TestA", Status: work.TestPass}}, Sandbox: work.Sandbox{Tier: "full", Network: "none (netns)"},
	}}
}

func (f *fake) Exec(ctx context.Context, c kernel.Caller, id string, r kernel.ExecRequest, emit func(work.Event)) (int, error) {
	if err := f.call("Exec", " ", c.Name, " ", id, " ", r.Argv); err != nil {
		return 0, err
	}
	if f.exec != nil {
		return f.exec(ctx, emit)
	}
	emit(work.Event{Text: "hello", Data: map[string]any{"stream": "stdout"}})
	emit(work.Event{Text: "world"})
	return 3, nil
}

func canned(id string) kernel.Process {
	plan := &tasks.Plan{
		Goal: "FixBug", Digest: "d",
		Tasks: []tasks.Task{{ID: "reproduce", Name: "reproduce", Worker: "repair", Action: "reproduce"}, {ID: "verify", Name: "verify", Summary: "prove it", Worker: "kernel", Action: "prove", Needs: []string{"reproduce"}}},
	}
	return kernel.Process{
		ID: id, Status: "landed", Reason: "proven and landed", Text: "Fix the bug", SLAPS: tasks.SLAPS{Version: "1", Intent: "FixBug"},
		Plan: plan, Owner: "ada@host", Repo: "app", Branch: "main", Workspace: "w5", Land: "commit", Commit: "abc", LandedOn: "main",
		Tasks: []kernel.TaskState{
			{Task: plan.Tasks[0], State: "ok", Attempts: 1, Summary: "1 test fails"},
			{Task: plan.Tasks[1], State: "ok", Attempts: 1, Summary: "4 gates green", Output: rmg.PropsOf(map[string]rmg.Value{"gates": rmg.Int(4)})},
		},
		Evidence: evidence(true), Started: began, Ended: began.Add(time.Second), ToolMillis: 12,
	}
}

func (f *fake) Intent(_ context.Context, c kernel.Caller, r kernel.IntentRequest) (kernel.Process, error) {
	p := canned("p9")
	if r.PlanOnly {
		p.ID, p.Workspace = "", ""
	}
	return p, f.call("Intent", " ", c.Name, " ", r.Text, " ", r.Dir, " ", r.Land, " ", r.SLAPS != nil, " ", r.Race, " ", r.Isolation)
}

func (f *fake) Processes() []kernel.Process { return []kernel.Process{canned("p8"), canned("p9")} }

func (f *fake) Process(id string) (kernel.Process, error) {
	return canned(id), f.call("Process", " ", id)
}

func (f *fake) Lines(id string, after uint64) ([]kernel.Line, <-chan struct{}, error) {
	if err := f.call("Lines", " ", id, " ", after); err != nil {
		return nil, nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var more chan struct{}
	if !f.ended {
		more = f.stir
	}
	return f.lines[min(int(after), len(f.lines)):], more, nil
}

// say appends a line; end ends the process.
func (f *fake) say(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, kernel.Line{N: uint64(len(f.lines)) + 1, At: began, Task: "implement", Text: text, Data: map[string]any{"tried": 2}})
	close(f.stir)
	f.stir = make(chan struct{})
}

func (f *fake) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	close(f.stir)
	f.stir = make(chan struct{})
}

func (f *fake) Cancel(_ context.Context, c kernel.Caller, id string) (kernel.Process, error) {
	return canned(id), f.call("Cancel", " ", c.Name, " ", id)
}

func (f *fake) Retry(_ context.Context, c kernel.Caller, id string) (kernel.Process, error) {
	return canned(id), f.call("Retry", " ", c.Name, " ", id)
}

func (f *fake) AddMethod(_ context.Context, c kernel.Caller, text, tests string) (kernel.AddedMethod, error) {
	return kernel.AddedMethod{Name: "tidy", Text: text, Tests: tests, By: c.Name, Tested: 1}, f.call("AddMethod", " ", c.Name, " ", text, " ", tests)
}

func (f *fake) ProposeMethod(_ context.Context, c kernel.Caller, words string) (kernel.AddedMethod, error) {
	return kernel.AddedMethod{Name: "tidy", Text: "methods: []", Proposed: true, By: c.Name, Words: words, Model: "m-1"}, f.call("ProposeMethod", " ", c.Name, " ", words)
}

func (f *fake) Costs(since string) ([]kernel.Cost, error) {
	return []kernel.Cost{
		{Day: "2026-11-26", Worker: "llm", For: "p9", Calls: 1, Tokens: 5, MoneyMicros: 2},
		{Day: "2026-11-27", Worker: "agent", For: "p9", Calls: 2, Tokens: 7},
		{Day: "2026-11-27", Worker: "llm", For: "reading", Calls: 1, Tokens: 1},
	}, f.call("Costs", " ", since)
}

func (f *fake) Proposals() []kernel.AddedMethod {
	return []kernel.AddedMethod{{Name: "tidy", Text: "methods: []", Digest: "abc", Proposed: true, By: "ada@host"}}
}

func (f *fake) ApproveMethod(_ context.Context, c kernel.Caller, name, digest string) (kernel.AddedMethod, error) {
	return kernel.AddedMethod{Name: name, By: c.Name}, f.call("ApproveMethod", " ", c.Name, " ", name, " ", digest)
}

func (f *fake) Methods() []tasks.MethodInfo {
	return []tasks.MethodInfo{{Name: "fix-go-bug", Task: "FixBug", Summary: "repairs", File: "methods/fixbug.yaml", Line: 3, Steps: []string{"reproduce"}}}
}

func (f *fake) Method(name string) (tasks.MethodInfo, bool) {
	m := f.Methods()[0]
	m.Source = "name: fix-go-bug\n"
	return m, name == m.Name
}

func (f *fake) Records(from, to uint64) iter.Seq2[kernel.Record, error] {
	return func(yield func(kernel.Record, error) bool) {
		if err := f.call("Records", " ", from, " ", to); err != nil {
			yield(kernel.Record{}, err)
			return
		}
		if f.reads != nil {
			f.reads(from, to)
		}
		f.mu.Lock()
		all := f.records
		f.mu.Unlock()
		for _, r := range all {
			if r.Seq >= from && (to == 0 || r.Seq <= to) && !yield(r, nil) {
				return
			}
		}
	}
}

func (f *fake) Watch(after uint64) (uint64, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	seq := f.views["system"].Seq
	if seq > after {
		done := make(chan struct{})
		close(done)
		return seq, done
	}
	return seq, f.news
}

func (f *fake) Undo(_ context.Context, c kernel.Caller, q kernel.UndoRequest) (kernel.Undone, error) {
	out := kernel.Undone{Record: kernel.Record{Seq: q.Seq, At: began, View: "system", Author: "bob@host", Reason: "because"}, Workspace: "w5"}
	if err := f.call("Undo", " ", c.Name, " ", q.Seq, " ", q.Reason, " ", q.Land); err != nil {
		out.Conflicts = []rmg.MergeConflict{{Path: "/svc/a", Prop: "v", Kind: rmg.ConflictBothChanged, Reason: "both changed", SystemBy: "seq 8 by eve@host"}}
		return out, err
	}
	out.Collapsed = kernel.Collapsed{Seq: 9, Digest: rmg.Graph{}.Digest(), Commit: "abc", LandedOn: "main"}
	return out, nil
}

func (f *fake) Bisect(_ context.Context, c kernel.Caller, q kernel.BisectRequest, seen func(kernel.BisectStep)) (kernel.Bisection, error) {
	if err := f.call("Bisect", " ", c.Name, " ", q.Path, " ", q.Expr, " ", q.Argv, " ", q.From, " ", q.To); err != nil {
		return kernel.Bisection{}, err
	}
	steps := []kernel.BisectStep{{Seq: 1, Good: true}, {Seq: 3, Note: "exit 1"}, {Seq: 2, Skip: true}}
	for _, s := range steps {
		seen(s)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	out := kernel.Bisection{Path: q.Path, Good: 1, Bad: 3, Suspects: []uint64{2}, Candidates: 3, Steps: steps, Record: f.records[2]}
	for c := range rmg.Diff(f.views["seq:2"].World, f.views["seq:3"].World) {
		out.Changes = append(out.Changes, c)
	}
	return out, nil
}

func (f *fake) Why(_ context.Context, q kernel.WhyQuery) (kernel.Explanation, error) {
	return kernel.Explanation{Path: q.Path, Prop: q.Prop, Line: q.Line, Text: "if a <= b {", Origin: "/repo/app/main/old.go", OriginLine: 40, Chain: []kernel.Reason{
		{Kind: kernel.ReasonWork, Space: "w5", Task: "implement", Attempt: 2, Worker: "repair", Seq: 5, At: began, Author: "worker:repair", Cause: "p9/implement", Text: "w31 changed line 42", Process: "p9", Evidence: evidence(true)},
	}}, f.call("Why", " ", q.Path, " ", q.Prop, " ", q.Line)
}

func (f *fake) Replay(_ context.Context, q kernel.ReplayRequest, seen func(kernel.ReplayProgress)) (kernel.Replayed, error) {
	if err := f.call("Replay", " ", q.Process, " ", q.Execute); err != nil {
		return kernel.Replayed{}, err
	}
	seen(kernel.ReplayProgress{Seq: 2, Until: 3, Ticks: 2, Text: "running look again"})
	return kernel.Replayed{Records: 3, Ticks: 3, Until: 3, OfProcess: 1, World: rmg.Graph{}.Digest(), Tasks: []kernel.TaskReplay{
		{Task: "look", Worker: "repair", Attempt: 1, Outcome: kernel.RedoSame, Ops: 2, Deterministic: true},
		{Task: "run", Worker: "script", Attempt: 1, Outcome: kernel.RedoDiffers, Difference: "op 1"},
	}}, nil
}

func (f *fake) Purge(_ context.Context, c kernel.Caller, q kernel.PurgeRequest) (kernel.Purged, error) {
	return kernel.Purged{Seq: 9, Sums: []rmg.Blob{{Size: 3}}, Left: []string{"git"}}, f.call("Purge", " ", c.Name, " ", q.What, " ", q.Reason)
}

func (f *fake) GC(_ context.Context, c kernel.Caller, q kernel.GCRequest) (kernel.GCReport, error) {
	return kernel.GCReport{
		Seq: 9, Spaces: []string{"w5"}, Kept: 1, Policy: "0s", Removed: kernel.Content{Blobs: 2, Bytes: 20}, Recent: 3, Marks: 6,
		GivenUp: kernel.Content{Blobs: 1, Bytes: 10}, Unnamed: kernel.Content{Blobs: 4, Bytes: 40}, Left: kernel.Content{Blobs: 5, Bytes: 50},
	}, f.call("GC", " ", c.Name, " ", q.DryRun, " ", q.Reason)
}

func (f *fake) Backup(_ context.Context, c kernel.Caller, to string) (kernel.Backed, error) {
	return kernel.Backed{Seq: 9, Files: 2, Bytes: 30}, f.call("Backup", " ", c.Name, " ", to)
}

func (f *fake) Verify(context.Context) (kernel.Verification, error) {
	return kernel.Verification{Records: 3, Ticks: 2, Segments: 1, Blobs: 1, Bytes: 100}, f.call("Verify")
}

func (f *fake) Status() kernel.Status {
	return kernel.Status{Seq: 7, Tick: 3, Epoch: 2, World: rmg.Graph{}.Digest(), Ledger: rmg.Graph{}.Digest(), Records: 7, Workspaces: 2, Processes: 2, Running: 1, Started: began, Marked: 6, Checked: "right", Disk: 100}
}

var _ Kernel = (*fake)(nil)

package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jitos.dev/kernel"
	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// serveOn serves a fake on a unix socket and returns a client of it.
func serveOn(t *testing.T, f *fake, change func(*Options)) *client.Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "jitos") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	if err := os.WriteFile(socket+".secret", []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := newServer(t, f, change)
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	c, err := client.New(client.Options{Socket: "unix:" + socket, Caller: "ada@host"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return c
}

// Every method of the client means the same to the server.
func TestClientAndServer(t *testing.T) {
	f := newFake(3)
	f.views["sws:w5"] = f.views["seq:2"]
	c := serveOn(t, f, nil)
	ctx := context.Background()
	check := func(what string, err error, ok bool, got any) {
		t.Helper()
		if err != nil || !ok {
			t.Errorf("%s: %v %+v", what, err, got)
		}
	}
	ops := []rewrite.Op{{Op: rewrite.Set, Path: "/svc", Props: map[string]rmg.Value{"v": rmg.Int(1), "gone": {}}}}
	rec, err := c.Rewrite(ctx, wire.RewriteRequest{Ops: ops, Reason: "why", Expect: rewrite.Expect{Seq: 3}})
	check("rewrite", err, rec.Seq == 7 && f.last() == "Rewrite ada@host system 1 why 3", f.last())
	rec, err = c.RewriteIn(ctx, "w5", wire.SpaceRewriteRequest{Ops: ops})
	check("rewrite in", err, rec.Seq == 7 && f.last() == "Rewrite ada@host sws:w5 1  0", f.last())
	g, err := c.Graph(ctx, client.GraphQuery{Path: "/svc", Depth: 1, Limit: 2})
	check("graph", err, len(g.Graph.Nodes) == 2 && g.Next != "", g)
	g, err = c.Graph(ctx, client.GraphQuery{Path: "/svc", Depth: 1, Limit: 2, Cursor: g.Next})
	check("graph, page 2", err, len(g.Graph.Nodes) == 1 && g.Next == "" && g.Graph.Nodes[0].Props.Int("n") == 2, g)
	g, err = c.Graph(ctx, client.GraphQuery{Path: "/svc"})
	check("graph, depth 0", err, g.Graph == nil && g.Element.Kind == "Folder", g)
	selector, _ := rmg.ParseSelector("/svc/*[n>=1]")
	sel, err := c.Select(ctx, client.SelectQuery{Select: selector, Limit: 1})
	check("select", err, len(sel.Matches) == 1 && sel.Matches[0].Path == "/svc/n001" && sel.Next != "" && sel.Select.String() == "/svc/*[n>=1]", sel)
	sel, err = c.Select(ctx, client.SelectQuery{Select: selector, Limit: 1, Cursor: sel.Next})
	check("select, page 2", err, len(sel.Matches) == 1 && sel.Matches[0].Props.Int("n") == 2, sel)
	d, err := c.Diff(ctx, "sws:w5", "", "/", 0)
	check("diff", err, len(d.Changes) == 1 && d.Changes[0].Change == rmg.Added, d)
	w, err := c.Fork(ctx, wire.ForkRequest{From: "seq:2", Reason: "r", Dir: "/d"})
	check("fork", err, w.ID == "w5" && f.last() == "Fork ada@host seq:2 r /d false 0s", f.last())
	w, err = c.Fork(ctx, wire.ForkRequest{Private: true, TTL: "2h"})
	check("private fork", err, w.ID == "w5" && f.last() == "Fork ada@host    true 2h0m0s", f.last())
	var ws []wire.Workspace
	for w, err := range c.Workspaces(ctx, client.WorkspaceQuery{Owner: "ada@host", Page: 1}) {
		check("workspaces", err, w.Changes == nil, w)
		ws = append(ws, w)
	}
	check("workspaces", nil, len(ws) == 2 && f.last() == "Workspaces  ada@host  w5 1", f.last())
	w, err = c.Workspace(ctx, "w5")
	check("workspace", err, w.ID == "w5" && *w.Changes == 2, w)
	rec, err = c.Discard(ctx, "w5", "red")
	check("discard", err, rec.Seq == 8 && f.last() == "Discard ada@host w5 red", f.last())
	w, err = c.Restore(ctx, "w5")
	check("restore", err, w.State == "open", w)
	w, err = c.Freeze(ctx, "w5", "a demo")
	check("freeze", err, w.Frozen == "by ada@host: a demo" && f.last() == "Freeze ada@host w5 a demo", w)
	w, err = c.Thaw(ctx, "w5")
	check("thaw", err, w.Frozen == "" && f.last() == "Thaw ada@host w5", w)
	reb, err := c.Rebase(ctx, "w5", "seq:2")
	check("rebase", err, reb.Base == "seq:8" && f.last() == "Rebase ada@host w5 seq:2", reb)
	text := "both"
	reb, err = c.ResolveIn(ctx, "w5", wire.ResolveRequest{Path: "/svc", Prop: "v", Text: &text})
	check("resolve", err, len(reb.Conflicts) == 1 && reb.Conflicts[0].SystemBy == "bob@host" && f.last() == "Settle ada@host w5 /svc#v  null both", f.last())
	col, err := c.Collapse(ctx, "w5", wire.CollapseRequest{Land: "none", DropTests: []string{"p.TestX"}})
	check("collapse", err, col.Commit == "abc" && col.Merged && f.last() == "Collapse ada@host w5 none [p.TestX]", col)
	ans, err := c.Intent(ctx, wire.IntentRequest{Text: "Fix it", Repo: "/r"})
	check("intent", err, ans.Process == "p9" && ans.Plan.Goal == "FixBug", ans)
	ps, err := c.Processes(ctx)
	check("processes", err, len(ps) == 2, ps)
	p, err := c.Process(ctx, "p9")
	check("process", err, p.ID == "p9" && p.Tasks[1].Summary == "prove it" && p.Tasks[1].Outcome == "4 gates green" && !p.Live(), p)
	p, err = c.Cancel(ctx, "p9")
	check("cancel", err, p.ID == "p9", p)
	p, err = c.Retry(ctx, "p9")
	check("retry", err, p.ID == "p9" && f.last() == "Retry ada@host p9", p)
	l, err := c.Log(ctx, client.LogQuery{Limit: 1})
	check("log", err, len(l.Records) == 1 && l.Records[0].Seq == 3 && l.Next == 2, l)
	un, err := c.Undo(ctx, wire.UndoRequest{Seq: 2, Reason: "r", Land: "none"})
	check("undo", err, un.Commit == "abc" && un.Undoes.Author == "bob@host" && f.last() == "Undo ada@host 2 r none", un)
	var found *wire.BisectAnswer
	verdicts := ""
	for e, err := range c.Bisect(ctx, wire.BisectRequest{Path: "/svc", Argv: []string{"a", "b"}, From: 1, To: 3}) {
		if check("bisect", err, true, nil); e.Step != nil {
			verdicts += e.Step.Verdict + " "
		}
		found = e.Found
	}
	check("bisect", nil, verdicts == "good bad skip " && found.Bad == 3 && found.Suspects[0] == 2 && found.Record.Author == "ada@host" && len(found.Changes) == 1, found)
	check("bisect", nil, f.last() == "Bisect ada@host /svc  [a b] 1 3", f.last())
	var told []wire.ReplayEvent
	for e, err := range c.Replay(ctx, wire.ReplayRequest{Process: "p9", Execute: true}) {
		check("replay", err, true, nil)
		told = append(told, e)
	}
	check("replay", nil, len(told) == 2 && told[0].Progress.Seq == 2 && !told[1].Replayed.OK && told[1].Replayed.Tasks[1].Outcome == "differs", told)
	check("replay", nil, f.last() == "Replay p9 true", f.last())
	demands, err := c.Gates(ctx, "/r")
	check("gates", err, demands.File == "/repo/app/main/.jitos/gates.yaml" && demands.Gates[0].Name == "lint" && demands.Gates[0].By == "ada@host" && f.last() == "Gates /r", demands)
	added, err := c.AddFolder(ctx, wire.AddFolderRequest{Folder: "/notes"})
	check("add-folder", err, added == wire.AddedFolder{Root: "/repo/notes/main", Top: "/notes", Head: "abc"} && f.last() == "AddFolder ada@host /notes", added)
	forgotten, err := c.ForgetFolder(ctx, wire.ForgetFolderRequest{Folder: "/notes", DryRun: true})
	check("forget-folder", err, forgotten == wire.ForgottenFolder{Root: "/repo/notes", Top: "/notes", Bytes: 9} && f.last() == "ForgetFolder ada@host /notes true", forgotten)
	let, err := c.ApproveGates(ctx, wire.ApproveGatesRequest{Repo: "/r", Which: []string{"abcdef", "unit"}})
	check("approve-gates", err, let.Gates[0].Hash == "abcdef" && f.last() == "ApproveGates ada@host /r [abcdef unit]", f.last())
	_, err = c.ApproveGates(ctx, wire.ApproveGatesRequest{Repo: "/r", Which: []string{"abcdef"}, Revoke: true})
	check("approve-gates", err, f.last() == "RevokeGates ada@host /r [abcdef]", f.last())
	var shown []wire.RunGatesEvent
	for e, err := range c.RunGates(ctx, wire.RunGatesRequest{Repo: "/r", SWS: "w5", Names: []string{"lint"}}) {
		check("run-gates", err, true, nil)
		shown = append(shown, e)
	}
	check("run-gates", nil, len(shown) == 2 && shown[0].Output.Text == "green lint: exit 0" && !shown[1].Proven.Green && len(shown[1].Proven.Evidence[1].Tries) == 1, shown)
	check("run-gates", nil, f.last() == "RunGates ada@host {/r w5 [lint]}", f.last())
	kept, err := c.Rules(ctx, "seq:2")
	check("rules", err, kept.Rules[0] == wire.Rule{Name: "grow", Doc: "a link more", At: "/chain", Deep: true, Priority: 1} && kept.Receipt == nil && f.last() == "Rules seq:2", kept)
	kept, err = c.AddRules(ctx, wire.RulesDocument{File: "f", Text: "t"})
	check("add-rules", err, kept.Receipt.Seq == 42 && f.last() == "AddRules ada@host system f t", f.last())
	_, err = c.CheckRules(ctx, wire.RulesDocument{View: "sws:w5", Text: "t"})
	check("check-rules", err, f.last() == "CheckRules sws:w5 rules t", f.last())
	kept, err = c.SwitchRule(ctx, wire.SwitchRuleRequest{Name: "grow", On: true, Reason: "r"})
	check("switch-rule", err, kept.Rules[0] == wire.Rule{Name: "grow", At: "/chain", Reactive: true, Fault: "kind B", On: true, Off: "why", By: "ada", Since: 44, Fired: 3, Last: 50} && kept.Receipt.Seq == 44 && f.last() == "SwitchRule ada@host grow true r", kept)
	did, err := c.ApplyRules(ctx, wire.ApplyRulesRequest{Names: []string{"grow"}, Program: "grow!", Fuel: 7, Explain: true})
	check("apply-rules", err, did.Applied["grow"] == 3 && did.Changes == 1 && did.Ops == nil && did.Receipt.Seq == 43 && did.Plans["grow"] != "", did)
	check("apply-rules", err, f.last() == fmt.Sprint("ApplyRules ada@host ", kernel.RulesRequest{Names: []string{"grow"}, Program: "grow!", Fuel: 7, Explain: true}), f.last())
	did, err = c.ApplyRules(ctx, wire.ApplyRulesRequest{Text: "t", DryRun: true})
	check("apply-rules", err, len(did.Ops) == 1, did)
	gone, err := c.Purge(ctx, wire.PurgeRequest{What: "/a", Reason: "leaked"})
	check("purge", err, gone.Seq == 9 && len(gone.Sums) == 1 && gone.Left[0] == "git" && f.last() == "Purge ada@host /a leaked", gone)
	swept, err := c.GC(ctx, wire.GCRequest{DryRun: true, Reason: "room"})
	check("gc", err, swept.DryRun && swept.Seq == 9 && swept.Spaces[0] == "w5" && swept.Kept == 1 && swept.KeepDiscarded == "0s" && swept.Recent == 3 && swept.Marks == 6, swept)
	check("gc", nil, swept.Removed.Bytes == 20 && swept.GivenUp.Blobs == 1 && swept.Unnamed.Blobs == 4 && swept.Left.Bytes == 50 && f.last() == "GC ada@host true room", swept)
	copied, err := c.Backup(ctx, wire.BackupRequest{To: "/backup"})
	check("backup", err, copied == wire.BackupAnswer{To: "/backup", Seq: 9, Files: 2, Bytes: 30} && f.last() == "Backup ada@host /backup", copied)
	if _, err := c.Backup(ctx, wire.BackupRequest{To: "backup"}); !errors.Is(err, &rmg.Error{Code: rmg.Invalid}) {
		t.Errorf("a relative path: %v", err)
	}
	y, err := c.Why(ctx, client.WhyQuery{Path: "file:/home/ada/a.go", Line: 42})
	check("why", err, y.Line == 42, y)
	v, err := c.Verify(ctx)
	check("verify", err, v.OK, v)
	k, err := c.Check(ctx, "system")
	check("check", err, k.OK && k.View == "system" && !k.Digest.IsZero(), k)
	st, err := c.Status(ctx)
	check("status", err, st.Seq == 7 && st.Marked == 6 && st.Checked == "right" && st.Disk == 100, st)
	ms, err := c.Methods(ctx)
	check("methods", err, len(ms.Methods) == 1 && ms.Proposed[0].Digest == "abc", ms)
	_, err = c.ApproveMethod(ctx, "tidy", "abc")
	check("approve method", err, f.last() == "ApproveMethod ada@host tidy abc", f.last())
	m, err := c.Method(ctx, "fix-go-bug")
	check("method", err, m.Line == 3, m)
	b, err := c.PutBlob(ctx, strings.NewReader("content"))
	check("put blob", err, b.Size == 7, b)
	data, err := c.ReadBlob(ctx, b.SHA256)
	check("blob", err, string(data) == "content", data)
	h, err := c.Health(ctx)
	check("health", err, h.OK, h)
	se, err := c.Session(ctx, wire.SessionRequest{})
	check("session", err, se.Path != "", se)
	self, err := c.Self(ctx)
	check("self", err, self.Kind == "person" && len(self.Caps) == 9, self)
	pol, err := c.Policy(ctx)
	check("policy", err, pol.Own && pol.Rules[0].Default && pol.Rules[0].When != "", pol)
	rec, err = c.SetPolicy(ctx, wire.PolicyRequest{Document: "rules: []", Reason: "r"})
	check("set policy", err, rec.Seq == 9 && f.last() == "SetPolicy ada@host rules: [] r", f.last())
	ex, err := c.ExplainPolicy(ctx, client.PolicyQuery{Verb: "collapse", Path: "/svc/a", Kind: "Service", As: "bob", Process: "p9", Worker: "repair"})
	check("explain policy", err, ex.Effect == "ask" && ex.Steps[1].Lost[0].Rule == "rights" && f.last() == "ExplainPolicy ada@host collapse /svc/a Service bob p9 repair", f.last())
	in, err := c.Inbox(ctx, true)
	check("inbox", err, len(in) == 2 && in[0].Next != "" && in[0].Conflicts[0].Prop == "port" && in[0].Asked[0].Rule == "auth", in)
	ap, err := c.Approval(ctx, "a7")
	check("approval", err, ap.ID == "a7" && ap.SWS == "w5", ap)
	ap, err = c.Answer(ctx, "a7", wire.AnswerRequest{Answer: "approve", Comment: "fine"})
	check("answer", err, ap.By == "ada@host" && ap.Next == "" && f.last() == "Answer ada@host a7 approve fine", f.last())
	check("what a question is about", nil, ap.Changes == nil, ap)
	ap, err = c.Approval(ctx, "a7")
	check("its hunks", err, len(ap.Changes) == 1 && ap.Changes[0].Name == "num/num.go" && ap.Changes[0].Hunks[0] == wire.Hunk{N: 1, OldLine: 3, Line: 3, Old: "a\n", New: "b\n"}, ap)
	_, err = c.Answer(ctx, "a7", wire.AnswerRequest{Answer: "approve", Reject: []wire.HunkRef{{File: "/repo/app/main/a", N: 2}}, Edit: []wire.FileEdit{{File: "/repo/app/main/b", Text: "x"}}})
	check("answer with changes", err, f.last() == `Answer ada@host a7 approve  -/repo/app/main/a:2 /repo/app/main/b="x"`, f.last())
	spent, err := c.Cost(ctx, "2026-11-01")
	check("cost", err, f.last() == "Costs 2026-11-01" && spent.Total == wire.Cost{Calls: 4, Tokens: 13, MoneyMicros: 2} && len(spent.Costs) == 3 &&
		len(spent.Days) == 2 && spent.Days[1] == wire.Cost{Day: "2026-11-27", Calls: 3, Tokens: 8} &&
		len(spent.Processes) == 2 && spent.Processes[0] == wire.Cost{For: "p9", Calls: 3, Tokens: 12, MoneyMicros: 2}, spent)
	nt, err := c.NewToken(ctx, wire.TokenRequest{Name: "ci", Caps: []string{"system", "rewrite"}, TTL: "1h"})
	check("new token", err, nt.Secret != "" && nt.ID == "t7" && f.last() == "NewToken ada@host ci  system,rewrite 1h0m0s", f.last())
	ts, err := c.Tokens(ctx)
	check("tokens", err, len(ts) == 1 && len(ts[0].Caps) == 2, ts)
	rt, err := c.RevokeToken(ctx, "ci")
	check("revoke token", err, rt.State == "revoked" && f.last() == "RevokeToken ada@host ci", f.last())
	_, err = c.Process(ctx, "a/b?c")
	check("an id with a slash", err, f.last() == "Process a/b?c", f.last())
}

func TestClientStreams(t *testing.T) {
	f := newFake(2)
	c := serveOn(t, f, nil)
	ctx := context.Background()

	var seen []string
	for e, err := range c.Events(ctx, client.EventsQuery{From: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case e.Snapshot != nil:
			seen = append(seen, fmt.Sprint("snapshot ", e.Snapshot.Seq))
		case e.Record != nil:
			seen = append(seen, fmt.Sprint("record ", e.ID))
			if e.ID == 2 {
				f.add("/svc/late")
			}
		}
		if e.ID == 3 {
			break
		}
	}
	if got := fmt.Sprint(seen); got != "[snapshot 0 record 1 record 2 record 3]" {
		t.Errorf("events: %s", got)
	}
	for e, err := range c.Events(ctx, client.EventsQuery{After: 2}) {
		if err != nil || e.ID != 3 || e.Record == nil {
			t.Errorf("resumed: %+v %v", e, err)
		}
		break
	}

	f.say("one")
	seen = nil
	for e, err := range c.ProcessLog(ctx, "p9", 0, true) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Line != nil {
			seen = append(seen, e.Line.Text)
			if len(seen) == 1 {
				f.say("two")
				f.end()
			}
		} else {
			seen = append(seen, e.End.Status)
		}
	}
	if got := fmt.Sprint(seen); got != "[one two landed]" {
		t.Errorf("log: %s", got)
	}

	seen = nil
	for e, err := range c.Exec(ctx, "w5", wire.ExecRequest{Argv: []string{"ls"}}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Output != nil {
			seen = append(seen, e.Output.Text)
		} else {
			seen = append(seen, fmt.Sprint(e.Exit.Exit))
		}
	}
	if got := fmt.Sprint(seen); got != "[hello world 3]" {
		t.Errorf("exec: %s", got)
	}
	f.exec = func(_ context.Context, emit func(work.Event)) (int, error) {
		emit(work.Event{Text: "hello"})
		return 0, &rmg.Error{Code: rmg.Limit, Msg: "it wrote too much"}
	}
	var last error
	for _, err := range c.Exec(ctx, "w5", wire.ExecRequest{Argv: []string{"ls"}}) {
		last = err
	}
	if !errors.Is(last, &rmg.Error{Code: rmg.Limit}) {
		t.Errorf("exec that fails on its way: %v", last)
	}
}

// What goes wrong has a code, and with it an exit status, on the client's side
// too.
func TestClientErrors(t *testing.T) {
	f := newFake(1)
	entered := make(chan struct{})
	f.collapse = func(context.Context) (kernel.Collapsed, error) {
		return kernel.Collapsed{Conflicts: []rmg.MergeConflict{{Path: "/a", Reason: "both changed"}}}, &rmg.Error{Code: rmg.Conflict, Msg: "1 conflict", Hint: "resolve it"}
	}
	f.exec = func(ctx context.Context, _ func(work.Event)) (int, error) {
		close(entered)
		<-ctx.Done()
		return 0, ctx.Err()
	}
	f.fail["Why"] = &rmg.Error{Code: rmg.NotFound, Path: "/x", Msg: "no"}
	c := serveOn(t, f, nil)
	_, err := c.Why(context.Background(), client.WhyQuery{Path: "/x"})
	var p *wire.Problem
	if !errors.As(err, &p) || p.Exit() != 4 || p.Path != "/x" || !errors.Is(err, &rmg.Error{Code: rmg.NotFound}) {
		t.Errorf("why: %v", err)
	}
	_, err = c.Collapse(context.Background(), "w5", wire.CollapseRequest{})
	if !errors.As(err, &p) || p.Exit() != 5 || len(p.Conflicts) != 1 || p.Hint != "resolve it" {
		t.Errorf("collapse: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-entered; cancel() }()
	for _, err = range c.Exec(ctx, "w5", wire.ExecRequest{Argv: []string{"ls"}}) {
	}
	if !errors.Is(err, context.Canceled) || !errors.As(err, &p) || p.Code != rmg.Unavailable {
		t.Errorf("cancelled: %v", err)
	}
}

package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

func TestRewriteReachesTheKernel(t *testing.T) {
	f := newFake(0)
	s, _ := newServer(t, f, nil)
	body := `{"view":"sws:w5","ops":[{"op":"add_node","path":"/svc/auth","kind":"Service","props":{"lang":"go"}}],"expect":{"seq":4},"reason":"try"}`
	got := answer[wire.Receipt](t, s, request("POST", "/rewrite", body))
	if got != (wire.Receipt{Seq: 7, Tick: 3, Digest: rmg.Graph{}.Digest()}) {
		t.Errorf("%+v", got)
	}
	if got := f.last(); got != "Rewrite ada@host sws:w5 1 try 4" {
		t.Errorf("%q", got)
	}
	answer[wire.Receipt](t, s, request("POST", "/rewrite", `{"ops":[{"op":"remove","path":"/svc"}]}`))
	if got := f.last(); got != "Rewrite ada@host system 1  0" {
		t.Errorf("%q", got)
	}
	answer[wire.Receipt](t, s, request("POST", "/sws/w6/rewrite", `{"ops":[{"op":"remove","path":"/svc"}]}`))
	if got := f.last(); got != "Rewrite ada@host sws:w6 1  0" {
		t.Errorf("%q", got)
	}
}

// nested makes a view with a graph in a graph in a graph, and edges.
func nested() kernel.View {
	o := rmg.NewOverlay(rmg.Graph{})
	for _, p := range []rmg.Path{"/a", "/a/b", "/a/b/c", "/a/b/d", "/z"} {
		must(o.AddNode(p, "Node", rmg.PropsOf(map[string]rmg.Value{"at": rmg.Ref(p)})))
	}
	must(o.AddEdge("/~a-z", "knows", "a", "z", rmg.Props{}))
	must(o.AddEdge("/a/b/~c-d", "knows", "c", "d", rmg.Props{}))
	l := rmg.NewOverlay(rmg.Graph{})
	must(l.AddNode("/proc", "Dir", rmg.Props{}))
	return kernel.View{Name: "system", Seq: 9, Tick: 4, World: o.Graph(), Ledger: l.Graph()}
}

func TestGraphGolden(t *testing.T) {
	f := newFake(0)
	f.views["system"] = nested()
	s, _ := newServer(t, f, nil)
	var out bytes.Buffer
	for _, query := range []string{"", "?depth=0", "?depth=3", "?path=/a/b", "?path=/~a-z&depth=5", "?path=/proc", "?path=/a&depth=5&limit=3"} {
		fmt.Fprintf(&out, "%s\n%s", query, do(s, request("GET", "/rmg"+query, "")).Body)
	}
	golden(t, "graph.golden", out.Bytes())
	p := refusal(t, s, request("GET", "/rmg?path=/a/x", ""), 404)
	if p.Path != "/a/x" {
		t.Errorf("%+v", p)
	}
}

// A page ends where it has become large, whatever was asked for, and the next one
// goes on from there.
func TestGraphPagesAreBounded(t *testing.T) {
	f := newFake(0)
	o := rmg.NewOverlay(f.views["system"].World)
	must(o.AddNode("/large", "Folder", rmg.Props{}))
	mib := strings.Repeat("x", 1<<20)
	for i := range 20 {
		v := rmg.String(mib)
		if i%2 == 0 {
			v = rmg.List(v)
		}
		must(o.AddNode(rmg.Root.Join("large", fmt.Sprintf("n%02d", i)), "Text", rmg.PropsOf(map[string]rmg.Value{"text": v})))
	}
	f.views["system"] = kernel.View{Name: "system", Seq: 9, World: o.Graph()}
	f.views["seq:9"] = kernel.View{Name: "seq:9", Seq: 9, World: o.Graph()}
	s, _ := newServer(t, f, nil)
	var pages []int
	for next := ""; len(pages) == 0 || next != ""; {
		got := answer[wire.GraphAnswer](t, s, request("GET", "/rmg?path=/large&limit=10000&cursor="+next, ""))
		pages, next = append(pages, len(got.Graph.Nodes)), got.Next
	}
	if fmt.Sprint(pages) != "[8 8 4]" {
		t.Errorf("pages of %v elements of a mebibyte", pages)
	}
}

// The pages of a dump, whatever their size, are the dump; and of one version,
// though the system moves on meanwhile.
func TestGraphPages(t *testing.T) {
	f := newFake(9)
	o := rmg.NewOverlay(f.views["system"].World)
	for i := range 3 {
		must(o.AddEdge(rmg.Root.Child("svc").EdgeChild(fmt.Sprint("e", i)), "knows", "n000", fmt.Sprintf("n00%d", i+1), rmg.Props{}))
	}
	must(o.AddNode("/svc/n004/in", "Inner", rmg.Props{}))
	must(o.AddNode("/svc/n004/in2", "Inner", rmg.Props{}))
	f.views["system"] = kernel.View{Name: "system", Seq: 9, World: o.Graph()}
	f.views["seq:9"] = kernel.View{Name: "seq:9", Seq: 9, World: o.Graph()}
	s, _ := newServer(t, f, nil)
	whole := answer[wire.GraphAnswer](t, s, request("GET", "/rmg?path=/svc&depth=2", ""))
	if len(whole.Graph.Nodes) != 9 || len(whole.Graph.Edges) != 3 || whole.Next != "" {
		t.Fatalf("%+v", whole)
	}
	for limit := 1; limit <= 15; limit++ {
		var nodes []wire.Node
		var edges []wire.Edge
		next := ""
		for page := 0; page == 0 || next != ""; page++ {
			got := answer[wire.GraphAnswer](t, s, request("GET", fmt.Sprintf("/rmg?path=/svc&depth=2&limit=%d&cursor=%s", limit, next), ""))
			if got.Digest != whole.Digest || got.Seq != 9 {
				t.Fatalf("limit %d: page %d is of another version", limit, page)
			}
			nodes, edges, next = append(nodes, got.Graph.Nodes...), append(edges, got.Graph.Edges...), got.Next
			f.add(rmg.Root.Join("svc", fmt.Sprint("later", limit, "-", page)))
		}
		f.mu.Lock()
		f.views["system"] = kernel.View{Name: "system", Seq: 9, World: o.Graph()}
		f.mu.Unlock()
		if len(nodes) != 9 || len(edges) != 3 {
			t.Fatalf("limit %d: %d nodes, %d edges", limit, len(nodes), len(edges))
		}
		inner := nodes[4].Graph
		if cut := limit < 3; inner.Truncated != cut || !cut && len(inner.Nodes) != 2 {
			t.Errorf("limit %d: the inner graph is %+v", limit, inner)
		}
	}
	first := answer[wire.GraphAnswer](t, s, request("GET", "/rmg?path=/svc&limit=1", ""))
	refusal(t, s, request("GET", "/rmg?path=/&cursor="+first.Next, ""), 400)
}

func TestDiffGolden(t *testing.T) {
	f := newFake(0)
	v := nested()
	f.views["system"] = v
	o := rmg.NewOverlay(v.World)
	must(o.Set("/z", map[string]rmg.Value{"at": {}, "v": rmg.Float(2)}))
	must(o.Retype("/z", "Other"))
	must(o.Remove("/a/b/~c-d", false))
	must(o.AddNode("/new", "Node", rmg.PropsOf(map[string]rmg.Value{"x": rmg.Bool(true)})))
	must(o.AddEdge("/~z-new", "knows", "z", "new", rmg.Props{}))
	f.views["sws:w5"] = kernel.View{Name: "sws:w5", Seq: 12, World: o.Graph()}
	s, _ := newServer(t, f, nil)
	var out bytes.Buffer
	for _, query := range []string{"?to=sws:w5", "?from=sws:w5&limit=1"} {
		fmt.Fprintf(&out, "%s\n%s", query, do(s, request("GET", "/diff"+query, "")).Body)
	}
	golden(t, "diff.golden", out.Bytes())
}

func TestBlobs(t *testing.T) {
	s, _ := newServer(t, newFake(0), nil)
	content := "<script>alert(1)</script>"
	b := answer[wire.Blob](t, s, request("PUT", "/blob", content))
	if b.Size != int64(len(content)) || len(b.SHA256) != 64 {
		t.Fatalf("%+v", b)
	}
	w := do(s, request("GET", "/blob/"+b.SHA256, ""))
	if w.Body.String() != content || w.Header().Get("Content-Type") != "application/octet-stream" || w.Header().Get("Content-Disposition") != "attachment" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	r := request("GET", "/blob/"+b.SHA256, "")
	r.Header.Set("If-None-Match", `"`+b.SHA256+`"`)
	if w := do(s, r); w.Code != http.StatusNotModified {
		t.Errorf("%d", w.Code)
	}
	refusal(t, s, request("GET", "/blob/"+strings.Repeat("0", 64), ""), 404)
	broken := request("PUT", "/blob", "")
	broken.Body = io.NopCloser(iotest.ErrReader(errors.New("the line is dead")))
	refusal(t, s, broken, 400)
}

// A collapse that takes longer than its caller waits goes on as an operation.
func TestCollapseAsAnOperation(t *testing.T) {
	f := newFake(0)
	release := make(chan error)
	f.collapse = func(context.Context) (kernel.Collapsed, error) {
		return kernel.Collapsed{Seq: 9, Commit: "abc"}, <-release
	}
	s, _ := newServer(t, f, func(o *Options) { o.Limits.Operations = 1 })
	w := do(s, request("POST", "/sws/w5/collapse?wait=0s", ""))
	if w.Code != http.StatusAccepted || w.Header().Get("Location") != "/operation/o1" || !strings.Contains(w.Body.String(), `{"operation":"o1","kind":"collapse","sws":"w5","state":"running"}`) {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if p := refusal(t, s, request("POST", "/sws/w6/collapse", ""), 429); p.Code != rmg.Limit {
		t.Errorf("%+v", p)
	}
	if op := answer[wire.Operation](t, s, request("GET", "/operation/o1", "")); op.State != wire.OperationRunning {
		t.Errorf("%+v", op)
	}
	release <- nil
	op := answer[wire.Operation](t, s, request("GET", "/operation/o1?wait=10m", ""))
	if op.State != wire.OperationDone || op.Collapsed.Commit != "abc" || op.Problem != nil {
		t.Errorf("%+v", op)
	}

	f.collapse = func(context.Context) (kernel.Collapsed, error) { panic("no") }
	do(s, request("POST", "/sws/w5/collapse?wait=0s", ""))
	op = answer[wire.Operation](t, s, request("GET", "/operation/o2?wait=10m", ""))
	if op.State != wire.OperationFailed || op.Problem.Code != rmg.Internal || op.Problem.Reference == "" {
		t.Errorf("%+v", op)
	}
	refusal(t, s, request("GET", "/operation/o77", ""), 404)
}

// What stands in the way of an undo is told with who put it there.
func TestUndoConflicts(t *testing.T) {
	f := newFake(3)
	f.fail["Undo"] = &rmg.Error{Op: "undo", Code: rmg.Conflict, Msg: "later records changed it"}
	s, _ := newServer(t, f, nil)
	p := refusal(t, s, request("POST", "/undo", `{"seq":2}`), 409)
	if len(p.Conflicts) != 1 || p.Conflicts[0].SystemBy != "seq 8 by eve@host" {
		t.Errorf("%+v", p)
	}
	refusal(t, s, request("POST", "/undo", `{"seq":0}`), 400)
}

// Shutdown stops operations, waits for them, and starts no others.
func TestShutdownWaitsForOperations(t *testing.T) {
	f := newFake(0)
	ended := false
	f.collapse = func(ctx context.Context) (kernel.Collapsed, error) {
		<-ctx.Done()
		ended = true
		return kernel.Collapsed{}, ctx.Err()
	}
	s, _ := newServer(t, f, nil)
	do(s, request("POST", "/sws/w5/collapse?wait=0s", ""))
	if err := s.Shutdown(context.Background()); err != nil || !ended {
		t.Fatalf("%v, ended: %v", err, ended)
	}
	refusal(t, s, request("POST", "/sws/w5/collapse", ""), 503)
}

func TestIntentReachesTheKernel(t *testing.T) {
	f := newFake(0)
	s, _ := newServer(t, f, nil)
	got := answer[wire.IntentAnswer](t, s, request("POST", "/intent", `{"text":"Fix it","repo":"/home/ada/app","land":"branch","race":3,"isolation":"serializable","approve":"auto"}`))
	if got.Process != "p9" || got.SWS != "w5" || len(got.Plan.Tasks) != 2 {
		t.Errorf("%+v", got)
	}
	if got := f.last(); got != "Intent ada@host Fix it /home/ada/app branch false 3 serializable" {
		t.Errorf("%q", got)
	}
	got = answer[wire.IntentAnswer](t, s, request("POST", "/intent", `{"text":"Fix it","plan_only":true}`))
	if got.Process != "" || got.Plan == nil {
		t.Errorf("%+v", got)
	}
	// A SLAPS document that is not valid: every fault with its pointer.
	p := refusal(t, s, request("POST", "/intent", `{"slaps":{"slaps_version":"1","intent":5,"colour":"red"}}`), 400)
	if len(p.Violations) < 2 {
		t.Errorf("%+v", p)
	}
}

func TestProcesses(t *testing.T) {
	f := newFake(0)
	s, _ := newServer(t, f, nil)
	list := answer[wire.ProcessesAnswer](t, s, request("GET", "/process", ""))
	if len(list.Processes) != 2 || list.Processes[0].Plan != nil || list.Processes[0].Evidence != nil || len(list.Processes[0].Tasks) != 2 {
		t.Errorf("%+v", list)
	}
	w := do(s, request("GET", "/process/p9", ""))
	golden(t, "process.golden", w.Body.Bytes())
	for _, verb := range []string{"cancel", "retry"} {
		answer[wire.Process](t, s, request("POST", "/process/p9/"+verb, ""))
		if got := f.last(); !strings.EqualFold(got, verb+" ada@host p9") {
			t.Errorf("%q", got)
		}
	}
}

func TestWorkspacesAreFiltered(t *testing.T) {
	s, _ := newServer(t, newFake(0), nil)
	for query, want := range map[string]int{"": 2, "?state=open": 1, "?process=p10": 1, "?state=open&process=p10": 0, "?owner=ada@host": 2, "?owner=bob": 0, "?cursor=w5": 1} {
		got := answer[wire.WorkspacesAnswer](t, s, request("GET", "/sws"+query, ""))
		if len(got.Workspaces) != want || got.Workspaces == nil {
			t.Errorf("%q: %+v", query, got)
		}
	}
}

func TestWorkspacePages(t *testing.T) {
	s, _ := newServer(t, newFake(0), nil)
	one := answer[wire.WorkspacesAnswer](t, s, request("GET", "/sws?limit=1", ""))
	if len(one.Workspaces) != 1 || one.Next != "w5" {
		t.Fatalf("%+v", one)
	}
	two := answer[wire.WorkspacesAnswer](t, s, request("GET", "/sws?limit=1&cursor="+one.Next, ""))
	if len(two.Workspaces) != 1 || two.Workspaces[0].ID != "w6" || two.Next != "" {
		t.Fatalf("%+v", two)
	}
}

// The conflicts of a rebase come with its refusal; those of a workspace say how
// they are settled.
func TestConflictsTravel(t *testing.T) {
	f := newFake(0)
	f.fail["Rebase"] = &rmg.Error{Op: "rebase", Path: "/svc", Code: rmg.Conflict, Msg: "1 conflict open", Hint: "jitos sws resolve w5"}
	s, _ := newServer(t, f, nil)
	p := refusal(t, s, request("POST", "/sws/w5/rebase", ""), 409)
	if len(p.Conflicts) != 1 || p.Conflicts[0].SystemBy != "bob@host" || !p.Conflicts[0].Workspace.Equal(rmg.Int(3)) || p.Hint == "" {
		t.Errorf("%+v", p)
	}
	w := answer[wire.Workspace](t, s, request("GET", "/sws/w5", ""))
	if len(w.Conflicts) != 2 || w.Conflicts[0].Take != "" || w.Conflicts[1].By != "ada@host" || !w.Conflicts[1].Value.Equal(rmg.Int(9)) || w.Conflicts[1].Path != "/svc" {
		t.Errorf("%+v", w.Conflicts)
	}
	if w.TTL != "1h30m" || w.Onto != "system" || w.Open != 1 {
		t.Errorf("%+v", w)
	}
	answer[wire.Rebased](t, s, request("POST", "/sws/w5/resolve", `{"path":"/svc","prop":"v","value":{"$int":"9007199254740993"}}`))
	if got := f.last(); got != `Settle ada@host w5 /svc#v  {"$int":"9007199254740993"} ` {
		t.Errorf("%q", got)
	}
}

// What a caller is shown of a view is told to the kernel: an element or, with
// its graph, all below it; also that there is nothing.
func TestLooksAreNoted(t *testing.T) {
	f := newFake(1)
	f.views["sws:w5"] = f.views["system"]
	s, _ := newServer(t, f, func(o *Options) {
		o.Tokens = func(string) (kernel.Caller, bool) { return kernel.Caller{Name: "worker:x", Process: "p9"}, true }
	})
	for _, query := range []string{"?view=sws:w5&path=/svc&depth=0", "?view=sws:w5&path=/svc", "?view=sws:w5&path=/none"} {
		r := request("GET", "/rmg"+query, "")
		r.Header.Set("Authorization", "Bearer task-token")
		do(s, r)
	}
	want := "[p9 sws:w5 /svc false p9 sws:w5 /svc true p9 sws:w5 /none false]"
	if got := fmt.Sprint(f.looked); got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

func TestLog(t *testing.T) {
	f := newFake(20)
	f.add("/svc/n003/in")
	s, _ := newServer(t, f, nil)
	seqs := func(query string) (string, uint64) {
		got := answer[wire.LogAnswer](t, s, request("GET", "/log"+query, ""))
		var out []string
		for _, r := range got.Records {
			out = append(out, fmt.Sprint(r.Seq))
		}
		return strings.Join(out, " "), got.Next
	}
	for _, c := range []struct {
		query, want string
		next        uint64
	}{
		{"?limit=3", "21 20 19", 18},
		{"?limit=3&to=2", "2 1", 0},
		{"?limit=2&to=2", "2 1", 0},
		{"?limit=1&to=0", "", 0},
		{"?from=19", "19 20 21", 0},
		{"?from=3&to=9&limit=2", "3 4", 5},
		{"?from=30", "", 0},
		{"?path=/svc/n003", "21 4", 0},
		{"?path=/svc/n003&limit=1", "21", 4},
		{"?path=/svc/n003/in", "21", 0},
		{"?process=p1&limit=2&from=1", "1 4", 7},
		{"?process=p1&limit=2&to=7", "7 4", 1},
		{"?process=p", "", 0},
	} {
		if got, next := seqs(c.query); got != c.want || next != c.next {
			t.Errorf("%s: %q next %d, want %q next %d", c.query, got, next, c.want, c.next)
		}
	}
	// Every page after the other is the whole log.
	var all []string
	for to := uint64(21); to > 0; {
		got, next := seqs(fmt.Sprintf("?limit=4&to=%d", to))
		all = append(all, got)
		to = next
	}
	if got := len(strings.Fields(strings.Join(all, " "))); got != 21 {
		t.Errorf("%d records on all pages: %q", got, all)
	}
	f.fail["Records"] = errors.New("the disk is gone")
	refusal(t, s, request("GET", "/log", ""), 500)
	refusal(t, s, request("GET", "/log?from=1", ""), 500)
}

// What takes away or brings the place that a reader watches concerns the
// reader, though the op stands above it.
func TestTouches(t *testing.T) {
	op := func(o rewrite.Op) kernel.Record { return kernel.Record{Ops: []rewrite.Op{o}} }
	for i, c := range []struct {
		r    kernel.Record
		want bool
	}{
		{op(rewrite.Op{Op: rewrite.Set, Path: "/a/b"}), true},
		{op(rewrite.Op{Op: rewrite.Set, Path: "/a/b/c"}), true},
		{op(rewrite.Op{Op: rewrite.Set, Path: "/a"}), false},
		{op(rewrite.Op{Op: rewrite.Set, Path: "/a/bc"}), false},
		{op(rewrite.Op{Op: rewrite.Remove, Path: "/a"}), true},
		{op(rewrite.Op{Op: rewrite.Move, Path: "/x", Dest: "/a/b"}), true},
		{op(rewrite.Op{Op: rewrite.Move, Path: "/x", Dest: "/a"}), true},
		{op(rewrite.Op{Op: rewrite.Move, Path: "/a", Dest: "/x"}), true},
		{op(rewrite.Op{Op: rewrite.Move, Path: "/x", Dest: "/y"}), false},
		{kernel.Record{}, false},
	} {
		if got := touches(c.r, "/a/b"); got != c.want {
			t.Errorf("case %d: %v", i, got)
		}
	}
}

func TestWhy(t *testing.T) {
	f := newFake(0)
	s, _ := newServer(t, f, nil)
	got := answer[wire.WhyAnswer](t, s, request("GET", "/why?path=file:/home/ada/app/a.go&line=42", ""))
	if got.Path != "/repo/app/main/a.go" || got.Line != 42 || len(got.Chain) != 1 || got.Chain[0].Process != "p9" {
		t.Errorf("%+v", got)
	}
	answer[wire.WhyAnswer](t, s, request("GET", "/why?path=/svc", ""))
	if got := f.last(); got != "Why /svc  0" {
		t.Errorf("%q", got)
	}
	answer[wire.WhyAnswer](t, s, request("GET", "/why?path=/svc&prop=v", ""))
	if got := f.last(); got != "Why /svc v 0" {
		t.Errorf("%q", got)
	}
	refusal(t, s, request("GET", "/why?path=/svc&prop=v&line=3", ""), 400)
	f.fail["Resolve"] = &rmg.Error{Code: rmg.NotFound, Msg: "the file is in no repository that is known"}
	refusal(t, s, request("GET", "/why?path=file:/etc/passwd", ""), 404)
}

func TestMethodsStatusMetrics(t *testing.T) {
	s, _ := newServer(t, newFake(0), nil)
	list := answer[wire.MethodsAnswer](t, s, request("GET", "/method", ""))
	if len(list.Methods) != 1 || list.Methods[0].Source != "" {
		t.Errorf("%+v", list)
	}
	w := do(s, request("GET", "/method/fix-go-bug", ""))
	if !strings.Contains(w.Body.String(), `"source":"name: fix-go-bug\n"`) {
		t.Errorf("%s", w.Body)
	}
	refusal(t, s, request("GET", "/method/none", ""), 404)
	if st := answer[wire.Status](t, s, request("GET", "/status", "")); st.Version != "1.2.3" || st.Running != 1 || st.Started.String() != "2026-11-23T09:40:05.120Z" {
		t.Errorf("%+v", st)
	}
	w = do(s, request("GET", "/metrics", ""))
	for _, want := range []string{"\njitos_seq 7\n", "\njitos_processes_running 1\n", "jitos_http_requests_total{status=\"404\"} 1\n"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %q in %s", want, w.Body)
		}
	}
	if v := answer[wire.VerifyAnswer](t, s, request("POST", "/verify", "")); !v.OK || v.Problems == nil {
		t.Errorf("%+v", v)
	}
}

// A key is taken where it means something, and refused where a resend would be
// done again.
func TestIdempotencyKeys(t *testing.T) {
	f := newFake(1)
	s, _ := newServer(t, f, nil)
	with := func(method, target, body string) *http.Request {
		r := request(method, target, body)
		r.Header.Set(wire.KeyHeader, "k1")
		return r
	}
	answer[wire.Receipt](t, s, with("POST", "/rewrite", `{"ops":[{"op":"remove","path":"/svc"}]}`))
	if f.key != "k1" {
		t.Errorf("the kernel was given the key %q", f.key)
	}
	for target, body := range map[string]string{
		"/sws": "", "/sws/w5/discard": "", "/sws/w5/restore": "", "/sws/w5/freeze": "", "/sws/w5/thaw": "", "/inbox/a7": `{"answer":"approve"}`,
		"/policy": `{"document":"rules: []"}`, "/token/t7/revoke": "", "/intent": `{"text":"x"}`,
		"/sws/w5/collapse": "", "/sws/w5/rebase": "", "/sws/w5/resolve": `{"take":"system"}`, "/undo": `{"seq":5}`,
		"/process/p9/cancel": "", "/process/p9/retry": "", "/gates/approve": `{"repo":"/r","which":["lint"]}`,
	} {
		if w := do(s, with("POST", target, body)); w.Code != http.StatusOK {
			t.Errorf("%s under a key: %d %s", target, w.Code, w.Body)
		}
	}
	p := refusal(t, s, with("POST", "/verify", ""), http.StatusBadRequest)
	if p.Code != rmg.Invalid || !strings.Contains(p.Detail, wire.KeyHeader) || p.Hint == "" {
		t.Errorf("%+v", p)
	}
}

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// agentSession is a program at the other end: the SDK's own client.
type agentSession struct {
	testing.TB
	*sdk.ClientSession
	told    chan string // progress
	updated chan string // URIs of resources
}

func (p *person) agent(t sdk.Transport) *agentSession {
	p.Helper()
	a := &agentSession{TB: p, told: make(chan string, 1000), updated: make(chan string, 1000)}
	c := sdk.NewClient(&sdk.Implementation{Name: "Test Agent", Version: "1"}, &sdk.ClientOptions{
		ProgressNotificationHandler: func(_ context.Context, r *sdk.ProgressNotificationClientRequest) { a.told <- r.Params.Message },
		ResourceUpdatedHandler:      func(_ context.Context, r *sdk.ResourceUpdatedNotificationRequest) { a.updated <- r.Params.URI },
	})
	var err error
	if a.ClientSession, err = c.Connect(p.Context(), t, nil); err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { a.Close() })
	return a
}

// stdio starts `jitos mcp` in a folder.
func (p *person) stdio(dir string, env ...string) *agentSession {
	cmd := p.command(dir, "jitos", "mcp")
	cmd.Env = append(cmd.Env, env...)
	cmd.Stderr = os.Stderr
	return p.agent(&sdk.CommandTransport{Command: cmd})
}

// overHTTP talks to the daemon's /mcp with a bearer token; with none, with the
// daemon's secret.
func (p *person) overHTTP(token string) *agentSession {
	p.Helper()
	return p.agent(&sdk.StreamableClientTransport{Endpoint: "http://localhost/mcp", HTTPClient: &http.Client{Transport: p.withToken(token)}, MaxRetries: -1})
}

func (p *person) withToken(token string) http.RoundTripper {
	p.Helper()
	socket := filepath.Join(p.dir, ".run/jitos/jitos.sock")
	if token == "" {
		data, err := os.ReadFile(socket + ".secret")
		if err != nil {
			p.Fatal(err)
		}
		token = strings.TrimSpace(string(data))
	}
	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	p.Cleanup(t.CloseIdleConnections)
	return bearer{t, token}
}

type bearer struct {
	http.RoundTripper
	token string
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.RoundTripper.RoundTrip(r)
}

// use calls a tool that must go well.
func (a *agentSession) use(tool string, in map[string]any) map[string]any {
	a.Helper()
	res := a.raw(tool, in)
	if res.IsError {
		a.Fatalf("%s: %s", tool, textOf(res))
	}
	data, err := json.Marshal(res.StructuredContent)
	if err != nil {
		a.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		a.Fatalf("%s: %v in %s", tool, err, data)
	}
	return out
}

// refused calls a tool that must fail, and returns what it says.
func (a *agentSession) refused(tool string, in map[string]any) string {
	a.Helper()
	res := a.raw(tool, in)
	if !res.IsError {
		a.Fatalf("%s %v went well: %s", tool, in, textOf(res))
	}
	return textOf(res)
}

func (a *agentSession) raw(tool string, in map[string]any) *sdk.CallToolResult {
	a.Helper()
	req := &sdk.CallToolParams{Name: tool, Arguments: in}
	req.SetProgressToken(tool)
	res, err := a.CallTool(a.Context(), req)
	if err != nil {
		a.Fatalf("%s: %v", tool, err)
	}
	return res
}

func textOf(res *sdk.CallToolResult) string {
	var b strings.Builder
	for _, c := range res.Content {
		if t, ok := c.(*sdk.TextContent); ok {
			b.WriteString(t.Text)
		}
	}
	return b.String()
}

// says fails unless a text has all of the parts.
func (a *agentSession) says(text string, parts ...string) {
	a.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			a.Errorf("%q is not in: %s", part, text)
		}
	}
}

// An agent fixes a bug, start to end, over standard streams: nothing of it
// stands in the person's folder before the collapse, all of it afterwards.
func TestAgentFixesABug(t *testing.T) {
	p := newPerson(t)
	p.buggy("app")
	p.repo("app")
	a := p.stdio("app")

	a.says(a.refused("file_read", map[string]any{"path": "a/a.go"}), "invalid: this session has no workspace", "next: workspace_create")
	made := a.use("workspace_create", map[string]any{"reason": "the upper bound"})
	id := made["workspace"].(string)
	if made["root"] != "/repo/app/main" || made["current"] != true {
		t.Errorf("%v", made)
	}
	if got := a.use("file_list", map[string]any{"glob": "**/*_test.go"}); len(got["entries"].([]any)) != 2 {
		t.Errorf("%v", got)
	}
	found := a.use("file_search", map[string]any{"pattern": `return n < hi`, "glob": "a/*.go"})["matches"].([]any)
	if len(found) != 1 || found[0].(map[string]any)["line"] != 9.0 {
		t.Fatalf("%v", found)
	}
	ran := a.use("run_command", map[string]any{"argv": []string{"go", "test", "./a"}})
	if ran["exit"] == 0.0 || !strings.Contains(ran["output"].(string), "the upper bound") {
		t.Errorf("%v", ran)
	}
	if len(a.told) == 0 {
		t.Error("nothing was told while the command ran")
	}
	a.says(a.refused("file_edit", map[string]any{"path": "a/a.go", "old": "return n <= hi", "new": "x"}), "not_found: the text does not stand in a/a.go", "next: file_read")
	a.says(a.refused("file_edit", map[string]any{"path": "a/a.go", "old": "return", "new": "x"}), "2 times", "next: ")
	a.use("file_edit", map[string]any{"path": "a/a.go", "old": "return n < hi", "new": "return n <= hi", "reason": "both ends are included"})
	if text := p.read("app/a/a.go"); !strings.Contains(text, "n < hi") {
		t.Error("the person's own file changed before the collapse")
	}
	a.says(a.use("workspace_diff", nil)["patch"].(string), "--- a/a/a.go", "-\treturn n < hi", "+\treturn n <= hi")
	if ran := a.use("run_command", map[string]any{"command": "go test ./a && echo more > note"}); ran["exit"] != 0.0 {
		t.Errorf("%v", ran)
	}
	if got := a.use("file_read", map[string]any{"path": "note"}); got["text"] != "more\n" {
		t.Errorf("%v", got)
	}
	a.use("file_delete", map[string]any{"path": "note"})
	if gates := a.use("gates_run", nil); gates["green"] != true {
		t.Errorf("%v", gates)
	}
	done := a.use("workspace_collapse", nil)
	if done["state"] != "landed" || done["landed_on"] != "main" {
		t.Fatalf("%v", done)
	}
	if text := p.read("app/a/a.go"); !strings.Contains(text, "n <= hi") {
		t.Error("what landed is not in the person's folder")
	}
	if out := p.run("app", "git", "status", "--porcelain"); out != "" {
		t.Errorf("git status: %s", out)
	}
	why := a.use("why", map[string]any{"path": "/repo/app/main/a/a.go", "line": 9})
	data, _ := json.Marshal(why)
	a.says(string(data), "both ends are included", "/test-agent", done["commit"].(string)[:10])
	a.says(a.refused("workspace_diff", map[string]any{"workspace": id}), "denied: "+id+" is not a workspace of this session")
}

// A session writes in its own workspaces only, and an agent is no person.
func TestAgentsKeepToThemselves(t *testing.T) {
	p := newPerson(t)
	p.write("app/go.mod", "module example.com/app\n\ngo 1.24\n")
	p.write("app/app.go", "// Package app is small.\npackage app\n")
	p.write("app/app_test.go", "package app\n\nimport \"testing\"\n\nfunc TestNothing(*testing.T) {}\n")
	p.repo("app")
	p.run("app", "jitos", "sws", "new") // starts a daemon, and says so
	mine := p.run("app", "jitos", "sws", "new")
	token := p.token("ci", "exec")
	repo := map[string]any{"repo": filepath.Join(p.dir, "app")}

	one, two := p.overHTTP(""), p.overHTTP("")
	id := one.use("workspace_create", repo)["workspace"].(string)
	one.use("file_write", map[string]any{"path": "note.txt", "text": "mine\n"})
	two.says(two.refused("workspace_open", map[string]any{"workspace": id}), "conflict: another session works in "+id, "from=sws:"+id)
	two.says(two.refused("file_write", map[string]any{"path": "x", "text": "", "workspace": id}), "denied: ")
	other := two.use("workspace_create", map[string]any{"from": "sws:" + id, "repo": repo["repo"]})
	if got := two.use("file_read", map[string]any{"path": "note.txt"}); got["text"] != "mine\n" {
		t.Errorf("%v", got)
	}
	// Its person's workspace it may take up. The name over HTTP is none of the
	// person's, so that a token's holder is a stranger there.
	stdio := p.stdio("app")
	stdio.use("workspace_open", map[string]any{"workspace": mine})
	two.says(two.refused("workspace_open", map[string]any{"workspace": mine}), "denied: "+mine+" belongs to")

	// Protected paths are not an agent's, and questions are not its to answer.
	one.says(one.refused("file_write", map[string]any{"path": "app_test.go", "text": "package app\n"}), "denied: ", "protected path", "next: ")
	one.says(one.refused("file_read", map[string]any{"path": "../../etc/passwd"}), "leads out of the repository")
	one.says(one.refused("rewrite_apply", map[string]any{"ops": []any{map[string]any{"op": "add_node", "path": "/proc/p1", "kind": "X"}}}), "denied: ")

	// A token has its capabilities and no more.
	weak := p.overHTTP(token)
	weak.says(weak.refused("workspace_create", repo), "denied: ", "token:ci lacks the capability rewrite")
	if out := p.run("app", "jitos", "token", "revoke", "ci"); !strings.Contains(out, "revoked") {
		t.Error(out)
	}
	if _, err := weak.ListTools(t.Context(), nil); err == nil {
		t.Error("a session goes on although its token was revoked")
	}

	// When a session ends its workspaces can be taken up again.
	one.Close()
	var left bool
	for range 500 {
		res := two.raw("workspace_open", map[string]any{"workspace": id, "repo": repo["repo"]})
		if left = !res.IsError; left {
			break
		}
	}
	if !left {
		t.Error("the workspace of a session that ended is held still")
	}
	two.use("workspace_discard", map[string]any{"reason": "it leads nowhere"})
	if got := two.use("workspace_list", nil); !slices.ContainsFunc(got["workspaces"].([]any), func(w any) bool {
		return w.(map[string]any)["workspace"] == other["workspace"] && w.(map[string]any)["held"] == true
	}) {
		t.Errorf("%v", got)
	}
}

// What the server says of itself is enough to work by: every tool has a
// description and typed input and output, resources can be read and followed.
func TestAgentFindsItsWay(t *testing.T) {
	p := newPerson(t)
	p.write("app/note.txt", "one\n")
	p.repo("app")
	a := p.stdio("app")
	want := strings.Fields(`file_delete file_edit file_list file_read file_search file_write gates_run graph_query inbox_answer inbox_list
		intent_submit process_show rewrite_apply run_command why workspace_collapse workspace_create workspace_diff workspace_discard
		workspace_list workspace_log workspace_open workspace_rebase workspace_resolve`)
	var have []string
	for tool, err := range a.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		have = append(have, tool.Name)
		if len(tool.Description) < 60 || tool.InputSchema == nil || tool.OutputSchema == nil || tool.Annotations == nil {
			t.Errorf("%s does not say what it is", tool.Name)
		}
		checkDescribed(t, tool.Name, tool.InputSchema)
	}
	slices.Sort(have)
	if !slices.Equal(have, want) {
		t.Errorf("tools are %v", have)
	}
	if text := a.InitializeResult().Instructions; !strings.Contains(text, "workspace_create") {
		t.Errorf("instructions: %q", text)
	}

	id := a.use("workspace_create", nil)["workspace"].(string)
	uri := "jitos://" + id + "/repo/app/main/note.txt"
	read := func(uri string) string {
		t.Helper()
		res, err := a.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri})
		if err != nil {
			t.Fatal(err)
		}
		return res.Contents[0].Text
	}
	if err := a.Subscribe(t.Context(), &sdk.SubscribeParams{URI: uri}); err != nil {
		t.Fatal(err)
	}
	a.use("file_write", map[string]any{"path": "note.txt", "text": "two\n"})
	if got := <-a.updated; got != uri {
		t.Errorf("told of %s", got)
	}
	if here, there := read(uri), read("jitos:///repo/app/main/note.txt"); here != "two\n" || there != "one\n" {
		t.Errorf("%q %q", here, there)
	}
	a.says(read("jitos:///sws"), `"`+id+`"`)
	if _, err := a.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "jitos:///repo/none"}); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("%v", err)
	}
	if err := a.Unsubscribe(t.Context(), &sdk.UnsubscribeParams{URI: uri}); err != nil {
		t.Fatal(err)
	}

	got := a.use("graph_query", map[string]any{"select": "/repo/app/main/*[kind=File]"})
	if list := got["elements"].([]any); len(list) != 1 || got["view"] != "sws:"+id {
		t.Errorf("%v", got)
	}
	stale := map[string]any{"ops": []any{map[string]any{"op": "write", "path": "note.txt", "text": "three\n"}}, "expect_digest": got["digest"]}
	a.use("rewrite_apply", stale)
	a.says(a.refused("rewrite_apply", stale), "stale: ")
	if records := a.use("workspace_log", nil)["records"].([]any); len(records) != 2 {
		t.Errorf("%v", records)
	}
	if got := a.use("intent_submit", map[string]any{"text": "write a report about . to REPORT.md", "plan_only": true}); len(got["tasks"].([]any)) == 0 {
		t.Errorf("%v", got)
	}
	a.use("process_show", nil)
	a.use("inbox_list", nil)
	a.says(a.refused("inbox_answer", map[string]any{"id": "a1", "answer": "approve"}), "next: ")

	prompts, err := a.ListPrompts(t.Context(), nil)
	if err != nil || len(prompts.Prompts) != 5 {
		t.Fatalf("%v %v", prompts, err)
	}
	one, err := a.GetPrompt(t.Context(), &sdk.GetPromptParams{Name: "fix", Arguments: map[string]string{"what": "the upper bound"}})
	if err != nil || !strings.Contains(one.Messages[0].Content.(*sdk.TextContent).Text, "the upper bound") {
		t.Errorf("%v %v", one, err)
	}
	if _, err := a.GetPrompt(t.Context(), &sdk.GetPromptParams{Name: "fix"}); err == nil {
		t.Error("a prompt goes without what it needs")
	}
}

// checkDescribed wants a word for every input but those that say it themselves.
func checkDescribed(t *testing.T, tool string, schema any) {
	t.Helper()
	data, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Properties map[string]struct {
			Description string `json:"description"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	for name, p := range s.Properties {
		if p.Description == "" && name != "ignore_case" && name != "comment" {
			t.Errorf("%s: %s is not described", tool, name)
		}
	}
}

// /mcp is for who brings a secret or a token, whatever they ask for.
func TestAgentsAreIdentified(t *testing.T) {
	p := newPerson(t)
	p.write("app/note.txt", "one\n")
	p.repo("app")
	p.run("app", "jitos", "sws", "new")
	hello := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`
	post := func(token string, change func(*http.Request)) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/mcp", strings.NewReader(hello))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		change(r)
		resp, err := p.withToken(token).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	none := func(*http.Request) {}
	if got := post("", none); got != 200 {
		t.Errorf("the secret: %d", got)
	}
	if got := post("wrong", none); got != 401 {
		t.Errorf("a wrong secret: %d", got)
	}
	// A session is its token's: another one does not get in by knowing its name.
	token := p.token("ci", "exec")
	a := p.overHTTP("")
	if got := post(token, func(r *http.Request) { r.Header.Set("Mcp-Session-Id", a.ID()) }); got != 403 {
		t.Errorf("another's session: %d", got)
	}
}

// A daemon that is told to stop does not wait for what an agent runs.
func TestDaemonStopsWhileAgentsWork(t *testing.T) {
	p := newPerson(t)
	p.write("app/note.txt", "one\n")
	p.repo("app")
	daemon := p.command("app", "jitos", "daemon")
	said, err := daemon.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	for lines.Scan() && !strings.Contains(lines.Text(), "msg=serving") {
	}
	a := p.overHTTP("")
	a.use("workspace_create", map[string]any{"repo": filepath.Join(p.dir, "app")})
	answered := make(chan error, 1)
	go func() {
		req := &sdk.CallToolParams{Name: "run_command", Arguments: map[string]any{"command": "echo begun; sleep 600"}}
		req.SetProgressToken("1")
		_, err := a.CallTool(t.Context(), req)
		answered <- err
	}()
	if got := <-a.told; got != "begun" {
		t.Errorf("told of %q", got)
	}
	if err := daemon.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // to the end of its log
	}
	if err := daemon.Wait(); err != nil {
		t.Errorf("the daemon ended with %v", err)
	}
	<-answered
}

// token makes a token and returns its secret.
func (p *person) token(name, caps string) string {
	p.Helper()
	var t struct {
		Secret string `json:"secret"`
	}
	if err := json.Unmarshal([]byte(p.run("app", "jitos", "token", "new", name, "--cap", caps, "-o", "json")), &t); err != nil {
		p.Fatal(err)
	}
	return t.Secret
}

// read reads a file of the person's.
func (p *person) read(name string) string {
	p.Helper()
	data, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		p.Fatal(err)
	}
	return string(data)
}

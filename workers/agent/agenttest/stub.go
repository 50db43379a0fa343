// Package agenttest is a coding agent for tests: a program that fixes a bug which
// it knows, over any of the ways that agents speak. A test binary becomes it by
// calling Main first.
package agenttest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// name is the first argument of a test binary that is to be the agent.
const name = "stub-agent"

// Main is the agent, if the program was started as one, and does not return. Its
// arguments: the way it speaks, what it does, file, old and new text, and, where
// it is not asked otherwise, the prompt.
func Main() {
	if len(os.Args) < 7 || os.Args[1] != name {
		return
	}
	a := agent{how: os.Args[2], what: os.Args[3], file: os.Args[4], old: os.Args[5], now: os.Args[6]}
	prompt := strings.Join(os.Args[7:], " ")
	if a.how == "acp" {
		os.Exit(a.acp())
	}
	os.Exit(a.stream(prompt))
}

// Line is the command line of the agent, for a program that is a test binary that
// calls Main. what is "fix", or what the agent does wrong.
func Line(self, how, what, file, old, now string) string {
	line := strings.Join([]string{self, name, how, what, file, old, now}, " ")
	if how == "acp" {
		return "acp:" + line
	}
	return "exec:" + line + " {prompt}"
}

type agent struct{ how, what, file, old, now string }

func say(v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // of maps and texts
	}
	fmt.Println(string(data))
}

// moreTest is a test of the function that cmd/jitos's tests have in package a.
const moreTest = "package a\n\nimport \"testing\"\n\nfunc TestMore(t *testing.T) {\n\tif Within(9, 1, 3) {\n\t\tt.Error(9)\n\t}\n}\n"

type m = map[string]any

// edit fixes the bug in the file.
func (a agent) edit(text string) (string, error) {
	if strings.Count(text, a.old) != 1 {
		return "", fmt.Errorf("%q does not stand in %s once", a.old, a.file)
	}
	return strings.Replace(text, a.old, a.now, 1), nil
}

// mischief is what an agent does that means no good, or goes wrong.
func (a *agent) mischief() {
	switch a.what {
	case "test": // makes the test agree
		_ = os.WriteFile(strings.TrimSuffix(a.file, ".go")+"_test.go", []byte("package a // all is well\n"), 0o644)
	case "add": // a test of its own
		_ = os.WriteFile(strings.TrimSuffix(a.file, ".go")+"_more_test.go", []byte(moreTest), 0o644)
	case "early": // one that does something before all others
		_ = os.WriteFile(strings.TrimSuffix(a.file, ".go")+"_more_test.go", []byte(moreTest+"\nfunc init() {}\n"), 0o644)
	case "escape": // every one of these fails in the sandbox
		_ = os.WriteFile("/tmp/jitos-escaped", []byte("x"), 0o644)
		_ = os.WriteFile("../escaped", []byte("x"), 0o644)
		_ = exec.Command("git", "-C", os.Getenv("HOME"), "init").Run()
	case "die":
		os.Exit(3)
	case "hang":
		time.Sleep(time.Hour)
	default:
		if hosts, ok := strings.CutPrefix(a.what, "ask:"); ok {
			a.ask(strings.Split(hosts, ","))
		}
	}
}

// ask gets what to write from the first host, as from its model, by the proxy of its
// environment alone; of the others, and of the first without the proxy, it says what
// they answer. Without its model it dies.
func (a *agent) ask(hosts []string) {
	proxy, err := url.Parse(os.Getenv("HTTP_PROXY"))
	if err != nil || proxy.Host == "" {
		fmt.Println("there is no proxy")
		os.Exit(3)
	}
	through := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}}
	for i, host := range hosts {
		status, body := get(through, host)
		fmt.Printf("%s by the proxy: %s\n", host, status)
		switch {
		case i == 0 && status != "200 OK":
			os.Exit(3)
		case i == 0:
			a.now = body
		}
	}
	status, _ := get(&http.Client{Transport: &http.Transport{}}, hosts[0])
	fmt.Printf("%s without it: %s\n", hosts[0], status)
}

// get asks a host, and says how it answered.
func get(c *http.Client, host string) (status, body string) {
	r, err := c.Get("http://" + host + "/")
	if err != nil {
		return "no answer", ""
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return "half an answer", ""
	}
	return r.Status, strings.TrimSpace(string(data))
}

// stream speaks as claude -p --output-format stream-json, or codex exec --json.
func (a agent) stream(prompt string) int {
	text, err := os.ReadFile(a.file)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	a.mischief()
	fixed, err := a.edit(string(text))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	wrote := os.WriteFile(a.file, []byte(fixed), 0o644)
	failed := a.what == "fail" || wrote != nil
	switch a.how {
	case "claude":
		say(m{"type": "system", "subtype": "init", "model": "stub", "cwd": must(os.Getwd())})
		say(m{"type": "assistant", "message": m{"content": []any{m{"type": "text", "text": "I was asked: " + prompt}, m{"type": "tool_use", "name": "Edit", "input": m{"file_path": a.file}}}}})
		say(m{"type": "user", "message": m{"content": []any{m{"type": "tool_result", "content": "ok"}}}})
		say(m{
			"type": "result", "subtype": "success", "is_error": failed, "result": "the bound itself was left out", "total_cost_usd": 0.0125,
			"usage": m{"input_tokens": 100, "cache_read_input_tokens": 20, "output_tokens": 30},
		})
	case "codex":
		say(m{"type": "thread.started", "thread_id": "t"})
		say(m{"type": "turn.started"})
		say(m{"type": "item.completed", "item": m{"type": "command_execution", "command": "cat " + a.file, "exit_code": 0, "status": "completed"}})
		say(m{"type": "item.completed", "item": m{"type": "file_change", "changes": []any{m{"path": a.file, "kind": "update"}}}})
		say(m{"type": "item.completed", "item": m{"type": "agent_message", "text": "the bound itself was left out"}})
		if failed {
			say(m{"type": "turn.failed", "error": m{"message": "the stream broke"}})
			return 0
		}
		say(m{"type": "turn.completed", "usage": m{"input_tokens": 120, "cached_input_tokens": 20, "output_tokens": 30}})
	case "gemini":
		say(m{"type": "init", "model": "stub"})
		say(m{"type": "message", "role": "user", "content": prompt})
		say(m{"type": "tool_use", "tool_name": "replace"})
		say(m{"type": "message", "role": "assistant", "content": "the bound itself ", "delta": true})
		say(m{"type": "message", "role": "assistant", "content": "was left out", "delta": true})
		say(m{"type": "result", "status": map[bool]string{true: "error", false: "success"}[failed], "stats": m{"total_tokens": 150}})
	default:
		fmt.Println("the bound itself was left out")
		if failed {
			return 1
		}
	}
	return 0
}

func must(s string, _ error) string { return s }

// peer is the client, over JSON-RPC.
type peer struct {
	in   *bufio.Scanner
	next int
}

type envelope struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

func (p *peer) read() (envelope, bool) {
	var e envelope
	ok := p.in.Scan() && json.Unmarshal(p.in.Bytes(), &e) == nil
	return e, ok
}

// call asks the client.
func (p *peer) call(method string, params any) (json.RawMessage, error) {
	p.next++
	say(m{"jsonrpc": "2.0", "id": p.next, "method": method, "params": params})
	e, ok := p.read()
	switch {
	case !ok:
		return nil, fmt.Errorf("%s: no answer", method)
	case e.Error != nil:
		return nil, fmt.Errorf("%s: %s", method, e.Error.Message)
	}
	return e.Result, nil
}

// acp speaks the Agent Client Protocol: it reads and writes the file through the
// client, and asks before it writes.
func (a agent) acp() int {
	p := &peer{in: bufio.NewScanner(os.Stdin), next: 100}
	cwd := ""
	for {
		e, ok := p.read()
		if !ok {
			if a.what == "stay" {
				time.Sleep(time.Hour)
			}
			return 0
		}
		answer := func(result any) { say(m{"jsonrpc": "2.0", "id": e.ID, "result": result}) }
		switch e.Method {
		case "initialize":
			version := 1
			if a.what == "old" {
				version = 0
			}
			answer(m{"protocolVersion": version, "agentCapabilities": m{}, "authMethods": []any{}})
		case "session/new":
			var q struct{ Cwd string }
			_ = json.Unmarshal(e.Params, &q) // "" is an error below
			cwd = q.Cwd
			answer(m{"sessionId": "s1"})
		case "session/prompt":
			stop, err := a.turn(p, cwd)
			if err != nil {
				say(m{"jsonrpc": "2.0", "id": e.ID, "error": m{"code": -32603, "message": err.Error()}})
				continue
			}
			answer(m{"stopReason": stop})
		default:
			say(m{"jsonrpc": "2.0", "id": e.ID, "error": m{"code": -32601, "message": "no such method"}})
		}
	}
}

func (a agent) turn(p *peer, cwd string) (string, error) {
	update := func(u m) {
		say(m{"jsonrpc": "2.0", "method": "session/update", "params": m{"sessionId": "s1", "update": u}})
	}
	a.mischief()
	file := filepath.Join(cwd, a.file)
	if a.what == "reach" {
		file = filepath.Join(cwd, "..", "secret")
	}
	raw, err := p.call("fs/read_text_file", m{"sessionId": "s1", "path": file})
	if err != nil {
		return "", err
	}
	var got struct{ Content string }
	if err := json.Unmarshal(raw, &got); err != nil {
		return "", err
	}
	update(m{"sessionUpdate": "tool_call", "toolCallId": "c1", "title": "edit " + a.file, "kind": "edit", "status": "pending"})
	kind := "edit"
	if a.what == "fetch" {
		kind = "fetch"
	}
	raw, err = p.call("session/request_permission", m{
		"sessionId": "s1", "toolCall": m{"toolCallId": "c1", "title": kind + " " + a.file, "kind": kind},
		"options": []any{m{"optionId": "always", "name": "Always", "kind": "allow_always"}, m{"optionId": "yes", "name": "Yes", "kind": "allow_once"}, m{"optionId": "no", "name": "No", "kind": "reject_once"}},
	})
	if err != nil {
		return "", err
	}
	var may struct {
		Outcome struct{ Outcome, OptionID string }
	}
	if err := json.Unmarshal(raw, &may); err != nil {
		return "", err
	}
	if may.Outcome.OptionID != "yes" {
		update(m{"sessionUpdate": "agent_message_chunk", "content": m{"type": "text", "text": "I was not let: " + may.Outcome.OptionID}})
		return "refusal", nil
	}
	fixed, err := a.edit(got.Content)
	if err != nil {
		return "", err
	}
	if _, err := p.call("fs/write_text_file", m{"sessionId": "s1", "path": file, "content": fixed}); err != nil {
		return "", err
	}
	for _, piece := range []string{"the bound itself ", "was left out"} {
		update(m{"sessionUpdate": "agent_message_chunk", "content": m{"type": "text", "text": piece}})
	}
	return "end_turn", nil
}

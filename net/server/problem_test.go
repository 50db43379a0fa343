package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

// Every code of the contract has its status and its shape, whatever call it
// comes from.
func TestProblemsGolden(t *testing.T) {
	var out bytes.Buffer
	for _, code := range wire.Codes() {
		f := newFake(0)
		f.fail["Workspace"] = &rmg.Error{Op: "show", Path: "/sws/w5", Code: code, Msg: "something is the matter", Hint: "do something about it", Err: errors.New("the cause")}
		s, _ := newServer(t, f, nil)
		w := do(s, request("GET", "/sws/w5", ""))
		var p wire.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		text := w.Body.String()
		if p.Reference != "" {
			text = strings.ReplaceAll(text, p.Reference, "REFERENCE")
		}
		if p.Request == "" || p.Request != w.Header().Get(wire.RequestHeader) {
			t.Errorf("%s: the request is named %q and %q", code, p.Request, w.Header().Get(wire.RequestHeader))
		}
		text = strings.ReplaceAll(text, p.Request, "REQUEST")
		fmt.Fprintf(&out, "%s: %d exit %d\n%s", code, w.Code, p.Exit(), text)
	}
	golden(t, "problems.golden", out.Bytes())
}

// What the planner says about an intent arrives whole.
func TestProblemsOfIntents(t *testing.T) {
	f := newFake(0)
	s, _ := newServer(t, f, nil)
	ask := func(err error, status int) *wire.Problem {
		f.fail["Intent"] = fmt.Errorf("intent: %w", err)
		return refusal(t, s, request("POST", "/intent", `{"text":"x"}`), status)
	}
	v := tasks.Violations{{Pointer: "/a", Line: 2, Column: 3, Message: "wrong"}, {Pointer: "/b", Message: "wrong too"}}
	if p := ask(v, 400); len(p.Violations) != 2 || p.Violations[0] != v[0] || p.Code != rmg.Invalid {
		t.Errorf("violations: %+v", p)
	}
	if p := ask(&tasks.NotUnderstood{Text: "x", Nearest: []string{"fix the bug in {target}"}}, 400); len(p.Nearest) != 1 || p.Code != rmg.Invalid {
		t.Errorf("not understood: %+v", p)
	}
	if p := ask(&tasks.NoTarget{Name: "x", Nearest: []string{"y"}}, 404); len(p.Nearest) != 1 || p.Code != rmg.NotFound {
		t.Errorf("no target: %+v", p)
	}
	two := []tasks.Target{{Name: "a", Type: "file", File: "x/a.go"}, {Name: "a", Type: "file", File: "y/a.go"}}
	if p := ask(&tasks.NoTarget{Name: "a", Ambiguous: two}, 400); len(p.Nearest) != 2 || !strings.Contains(p.Hint, "x/a.go") {
		t.Errorf("ambiguous: %+v", p)
	}
	if p := ask(&tasks.NoPlan{Task: "FixBug"}, 400); p.Code != rmg.Invalid {
		t.Errorf("no plan: %+v", p)
	}
}

// A defect shows a client nothing but a reference, which the log explains.
func TestInternalErrorsHideTheirText(t *testing.T) {
	f := newFake(0)
	s, logged := newServer(t, f, nil)
	for name, err := range map[string]error{"an error without a code": errors.New("the password is hunter2"), "a panic": errPanic} {
		f.fail["Verify"] = err
		logged.Reset()
		p := refusal(t, s, request("POST", "/verify", ""), 500)
		if p.Code != rmg.Internal || p.Reference == "" || strings.Contains(p.Detail, "hunter2") {
			t.Errorf("%s: %+v", name, p)
		}
		if !strings.Contains(logged.String(), p.Reference) {
			t.Errorf("%s: the log does not name %s: %s", name, p.Reference, logged)
		}
	}
}

func TestUnknownFieldsAreRefusedByName(t *testing.T) {
	s, _ := newServer(t, newFake(0), nil)
	for _, c := range []struct{ target, body, pointer, says string }{
		{"/rewrite", `{"ops":[],"vieww":"system"}`, "/vieww", `unknown field "vieww"`},
		{"/rewrite", `{"ops":[{"op":"add_node","path":"/a","kinds":"K"}]}`, "/ops/0/kinds", `unknown field "kinds"`},
		{"/rewrite", `{"ops":[{"op":"add_node","path":"/a","kind":"K"}],"expect":{"sequence":3}}`, "/expect/sequence", `unknown field "sequence"`},
		{"/sws/w5/rewrite", `{"view":"system","ops":[{"op":"inc","path":"/a","prop":"n","by":1}]}`, "/view", `unknown field "view"`},
		{"/sws", `{"form":"system"}`, "/form", `unknown field "form"`},
		{"/sws/w5/exec", `{"argv":["ls"],"shell":true}`, "/shell", `unknown field "shell"`},
		{"/sws/w5/collapse", `{"lands":"x"}`, "/lands", `unknown field "lands"`},
		{"/sws/w5/discard", `{"why":"x"}`, "/why", `unknown field "why"`},
		{"/intent", `{"text":"x","planonly":true}`, "/planonly", `unknown field "planonly"`},
	} {
		p := refusal(t, s, request("POST", c.target, c.body), 400)
		if !p.Unknown() {
			t.Errorf("%s %s: a program that is newer would not see that this is why: %s", c.target, c.body, p.Detail)
		}
		if p.Code != rmg.Invalid || len(p.Violations) != 1 || p.Violations[0].Pointer != c.pointer || !strings.Contains(p.Detail, c.says) {
			t.Errorf("%s %s: %+v", c.target, c.body, p)
		}
	}
	for target, status := range map[string]int{"/rmg?depht=1": 400, "/no-such-call": 404} {
		if p := refusal(t, s, request("GET", target, ""), status); !p.Unknown() {
			t.Errorf("%s: a program that is newer would not see that this is why: %s", target, p.Detail)
		}
	}
	p := refusal(t, s, request("POST", "/sws", `{"form":1,"reason":2}`), 400)
	if len(p.Violations) != 2 {
		t.Errorf("not every fault is named: %+v", p.Violations)
	}
}

func TestBadBodiesAndParameters(t *testing.T) {
	s, _ := newServer(t, newFake(0), func(o *Options) { o.Limits = Limits{Body: 100, Rewrite: 300, Blob: 10} })
	post := func(target, body string, status int) *wire.Problem {
		return refusal(t, s, request("POST", target, body), status)
	}
	if p := post("/sws", "{\n  \"from\": }", 400); len(p.Violations) != 1 || p.Violations[0].Line != 2 || p.Violations[0].Column != 11 {
		t.Errorf("syntax: %+v", p)
	}
	if p := post("/sws", `{"from":"system"} {}`, 400); !strings.Contains(p.Detail, "follows") || p.Violations[0].Column != 19 {
		t.Errorf("two documents: %+v", p)
	}
	post("/sws", `{"from":"sys`, 400)
	post("/rewrite", "", 400)
	post("/rewrite", `{"ops":[]}`, 400)
	post("/rewrite", `{"ops":[{"op":"frob","path":"/a"}]}`, 400)
	post("/rewrite", `{"ops":[{"op":"inc","path":"/a","kind":"K"}]}`, 400)
	post("/sws", `{"ttl":"soon"}`, 400)
	post("/sws", `{"ttl":"-2h"}`, 400)
	post("/sws/w5/exec", `{"argv":[]}`, 400)
	for _, body := range []string{`{}`, `{"text":"x","slaps":{}}`, `{"text":"x","approve":"perhaps"}`, `{"text":"x","from":"main"}`, `{"text":"x","worker":"llm"}`} {
		if p := post("/intent", body, 400); p.Hint == "" {
			t.Errorf("%s: no hint: %+v", body, p)
		}
	}
	for target, body := range map[string]string{"/sws": `{"reason":"` + strings.Repeat("x", 100) + `"}`, "/rewrite": `{"reason":"` + strings.Repeat("x", 300) + `"}`} {
		if p := post(target, body, 413); p.Code != rmg.Limit {
			t.Errorf("%s: %+v", target, p)
		}
	}
	if p := refusal(t, s, request("PUT", "/blob", strings.Repeat("x", 11)), 413); p.Code != rmg.Limit {
		t.Errorf("blob: %+v", p)
	}
	for _, target := range []string{
		"/rmg?view=seq:9&views=x", "/rmg?depth=-1", "/rmg?depth=x", "/rmg?limit=0", "/rmg?limit=100001", "/rmg?cursor=zzz", "/rmg?path=x",
		"/rmg?path=%ff", "/sws?process=%ff", "/rmg?path=/a&path=/b", "/diff?limit=x", "/log?limit=2000", "/log?from=-1", "/log?from=x", "/events?from=x",
		"/process/p9/log?follow=perhaps", "/sws?state=gone", "/sws?limit=0", "/operation/o1?wait=forever", "/operation/o1?wait=11m", "/why", "/why?path=file:a.go",
		"/blob/xyz", "/blob/" + strings.Repeat("g", 64), "/rmg?%zz",
	} {
		if p := refusal(t, s, request("GET", target, ""), 400); p.Code != rmg.Invalid {
			t.Errorf("%s: %+v", target, p)
		}
	}
}

// Calls that later versions have are absent, which a client can tell.
func TestAbsentCalls(t *testing.T) {
	s, _ := newServer(t, newFake(0), nil)
	for _, target := range []string{"/worker", "/lease/l1/steal"} {
		p := refusal(t, s, request("POST", target, "{}"), 404)
		if p.Code != rmg.NotFound || !strings.Contains(p.Detail, "not in this version") {
			t.Errorf("%s: %+v", target, p)
		}
	}
	w := do(s, request("PUT", "/sws", ""))
	if w.Code != http.StatusMethodNotAllowed || len(w.Header().Values("Allow")) != 2 {
		t.Errorf("PUT /sws: %d %v", w.Code, w.Header())
	}
}

// A caller who went away is not answered, and is no internal error.
func TestCallerWhoWentAway(t *testing.T) {
	f := newFake(0)
	s, logged := newServer(t, f, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f.fail["Verify"] = context.Canceled
	w := do(s, request("POST", "/verify", "").WithContext(ctx))
	if w.Body.Len() != 0 || strings.Contains(logged.String(), "internal") {
		t.Errorf("answered %s, logged %s", w.Body, logged)
	}
}

func TestConvertersKeepConflictsAndEvidence(t *testing.T) {
	f := newFake(0)
	conflict := rmg.MergeConflict{Path: "/svc/a", Prop: "v", Kind: rmg.ConflictBothChanged, Reason: "both changed", Base: rmg.Int(1), System: rmg.Int(2), Workspace: rmg.Int(3), SystemBy: "ada"}
	s, _ := newServer(t, f, nil)
	f.collapse = func(context.Context) (kernel.Collapsed, error) {
		return kernel.Collapsed{Conflicts: []rmg.MergeConflict{conflict}}, &rmg.Error{Op: "collapse", Code: rmg.Conflict, Msg: "1 conflict"}
	}
	w := do(s, request("POST", "/sws/w5/collapse", ""))
	want := `"conflicts":[{"path":"/svc/a","prop":"v","kind":"both_changed","reason":"both changed","base":1,"system":2,"workspace":3,"system_by":"ada"}]`
	if w.Code != 409 || !strings.Contains(w.Body.String(), want) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	f.collapse = func(context.Context) (kernel.Collapsed, error) {
		return kernel.Collapsed{Evidence: evidence(false)}, &rmg.Error{Op: "collapse", Code: rmg.GateFailed, Msg: "1 gate is red"}
	}
	p := refusal(t, s, request("POST", "/sws/w5/collapse", `{"land":"branch"}`), 422)
	if len(p.Evidence) != 1 || p.Evidence[0].Gate != "all tests" || p.Code != rmg.GateFailed {
		t.Errorf("%+v", p)
	}
	if got := f.last(); got != "Collapse ada@host w5 branch" {
		t.Errorf("the kernel was called as %q", got)
	}
}

// What is not there is told with what may have been meant, at the first segment
// that is wrong.
func TestAbsentElementsNameTheirNeighbours(t *testing.T) {
	s, _ := newServer(t, newFake(3), nil)
	for at, want := range map[string]string{"/svc/n0o1": "[/svc/n001]", "/svk/n001": "[/svc]", "/svk/n001/deep": "[/svc]", "/svc/other": "[]"} {
		p := refusal(t, s, request("GET", "/rmg?path="+at, ""), 404)
		if fmt.Sprint(p.Nearest) != want || p.Path != rmg.Path(at) || p.Hint == "" {
			t.Errorf("%s: %v, %+v", at, p.Nearest, p)
		}
	}
}

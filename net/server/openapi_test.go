package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// apiDocument is as much of OpenAPI 3.1 as is checked.
type apiDocument struct {
	OpenAPI string `json:"openapi"`
	Info    struct{ Title, Version string }
	Paths   map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Summary     string
		Parameters  []struct {
			Name, In string
			Required bool
			Schema   map[string]any
		}
		RequestBody *struct {
			Content map[string]struct{ Schema map[string]any }
		}
		Responses map[string]struct {
			Description string
			Content     map[string]struct{ Schema map[string]any }
		}
		Security []map[string][]string
	}
	Components struct {
		Schemas         map[string]any
		SecuritySchemes map[string]any
	}
}

func readDocument(t *testing.T, s *Server) (apiDocument, any) {
	t.Helper()
	w := do(s, request("GET", "/openapi.json", ""))
	var doc apiDocument
	var raw any
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	raw, err := jsonschema.UnmarshalJSON(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return doc, raw
}

var inBraces = regexp.MustCompile(`\{(\w+)\}`)

// The document has every call that is routed, once, with its parameters, and
// every reference in it leads somewhere.
func TestDocumentListsEveryCall(t *testing.T) {
	s, _ := newServer(t, newFake(0), nil)
	doc, raw := readDocument(t, s)
	if doc.OpenAPI != "3.1.0" || doc.Info.Title == "" || doc.Info.Version != "1.2.3" {
		t.Errorf("%s %+v", doc.OpenAPI, doc.Info)
	}
	ids := map[string]bool{}
	described := 0
	for _, c := range s.calls {
		op, ok := doc.Paths[c.path][strings.ToLower(c.method)]
		if !ok || op.OperationID == "" || op.Summary == "" || ids[op.OperationID] {
			t.Errorf("%s %s is not described once: %+v", c.method, c.path, op)
		}
		ids[op.OperationID] = true
		for _, m := range inBraces.FindAllStringSubmatch(c.path, -1) {
			if !slices.ContainsFunc(op.Parameters, func(p struct {
				Name, In string
				Required bool
				Schema   map[string]any
			},
			) bool {
				return p.Name == m[1] && p.In == "path" && p.Required
			}) {
				t.Errorf("%s: parameter %s is not described", c.path, m[1])
			}
		}
		if _, ok := op.Responses["200"]; !ok {
			t.Errorf("%s %s: no answer is described", c.method, c.path)
		}
		if _, ok := op.Responses["default"].Content[wire.ProblemType]; !ok {
			t.Errorf("%s %s: no problem is described", c.method, c.path)
		}
		if (len(op.Security) == 0) != c.open {
			t.Errorf("%s %s: security is %v", c.method, c.path, op.Security)
		}
	}
	for _, methods := range doc.Paths {
		described += len(methods)
	}
	if described != len(s.calls) {
		t.Errorf("%d calls are described, %d routed", described, len(s.calls))
	}
	follow(t, "#", raw, doc)
}

// follow checks each $ref below v.
func follow(t *testing.T, at string, v any, doc apiDocument) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if ref, ok := e.(string); ok && k == "$ref" {
				name := strings.TrimPrefix(ref, "#/components/schemas/")
				if doc.Components.Schemas[name] == nil {
					t.Errorf("%s: %s leads nowhere", at, ref)
				}
				continue
			}
			follow(t, at+"/"+k, e, doc)
		}
	case []any:
		for i, e := range v {
			follow(t, fmt.Sprintf("%s/%d", at, i), e, doc)
		}
	}
}

// compile makes a validator of one schema of the document (OpenAPI 3.1 schemas
// are JSON Schema 2020-12).
func compile(t *testing.T, raw any, pointer string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("http://jitos/openapi.json", raw); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("http://jitos/openapi.json#" + pointer)
	if err != nil {
		t.Fatalf("%s: %v", pointer, err)
	}
	return s
}

// Every schema compiles, and what the server answers fits the schema that it
// publishes for it.
func TestAnswersFitTheDocument(t *testing.T) {
	f := newFake(3)
	s, _ := newServer(t, f, func(o *Options) { o.Leases = newFakeLeases() })
	doc, raw := readDocument(t, s)
	for name := range doc.Components.Schemas {
		compile(t, raw, "/components/schemas/"+name)
	}
	fits := func(pointer string, text []byte) {
		t.Helper()
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if err := compile(t, raw, pointer).Validate(v); err != nil {
			t.Errorf("%s: %v\n%s", pointer, err, text)
		}
	}
	op := `{"ops":[{"op":"add_node","path":"/a","kind":"K"}]}`
	sum := answer[wire.Blob](t, s, request("PUT", "/blob", "x")).SHA256
	examples := map[string]struct{ target, body string }{
		"rewrite": {"/rewrite", op}, "graph": {"/rmg?depth=9", ""}, "diff": {"/diff?from=seq:1", ""}, "put-blob": {"/blob", "x"},
		"blob": {"/blob/" + sum, ""},
		"fork": {"/sws", "{}"}, "workspaces": {"/sws", ""}, "workspace": {"/sws/w5", ""}, "rewrite-workspace": {"/sws/w5/rewrite", op},
		"discard": {"/sws/w5/discard", ""}, "restore": {"/sws/w5/restore", ""}, "collapse": {"/sws/w5/collapse", ""}, "operation": {"/operation/o1", ""},
		"freeze": {"/sws/w5/freeze", ""}, "thaw": {"/sws/w5/thaw", ""}, "rebase": {"/sws/w5/rebase", `{"onto":"seq:1"}`},
		"resolve": {"/sws/w5/resolve", `{"path":"/svc","prop":"v","value":7}`},
		"intent":  {"/intent", `{"text":"x"}`}, "processes": {"/process", ""}, "process": {"/process/p9", ""},
		"cancel": {"/process/p9/cancel", ""}, "retry": {"/process/p9/retry", ""}, "methods": {"/method", ""}, "add-method": {"/method", `{"text":"methods: []"}`}, "propose-method": {"/method/propose", `{"words":"tidy"}`}, "approve-method": {"/method/tidy/approve", `{"digest":"0123456789ab"}`}, "method": {"/method/fix-go-bug", ""}, "cost": {"/cost?since=2026-11-01", ""},
		"log": {"/log", ""}, "undo": {"/undo", `{"seq":2}`}, "purge": {"/admin/purge", `{"what":"/svc","reason":"leaked"}`}, "gc": {"/admin/gc", `{"dry_run":true}`}, "backup": {"/admin/backup", `{"to":"/backup"}`}, "replay": {"/replay", `{"process":"p9"}`}, "bisect": {"/bisect", `{"path":"/svc","expr":"element.exists"}`}, "why": {"/why?path=/svc", ""}, "verify": {"/verify", ""}, "check": {"/check", ""}, "status": {"/status", ""}, "session": {"/session", `{"act":true}`}, "caller": {"/session", ""}, "health": {"/healthz", ""},
		"policy": {"/policy", ""}, "set-policy": {"/policy", `{"document":"rules: []"}`}, "explain-policy": {"/policy/explain?verb=write&path=/svc", ""},
		"gates": {"/gates?repo=/r", ""}, "approve-gates": {"/gates/approve", `{"repo":"/r","which":["abcdef"]}`}, "run-gates": {"/gates/run", `{"repo":"/r","sws":"w5"}`},
		"add-folder": {"/folders", `{"folder":"/notes"}`}, "forget-folder": {"/folders/forget", `{"folder":"/notes","dry_run":true}`},
		"take-lease": {"/lease", `{"machine":"m2","labels":["gpu"],"workers":["script"]}`}, "lease-tree": {"/lease/l1/tree", ""},
		"heartbeat": {"/lease/l1/heartbeat", `{"said":[{"text":"hello"}]}`}, "return-lease": {"/lease/l1/result", `{"ok":true,"output":{"exit":0}}`},
		"machines": {"/machine", ""},
		"rules":    {"/rules", ""}, "add-rules": {"/rules", `{"text":"rule: r"}`}, "check-rules": {"/rules/check", `{"text":"rule: r"}`},
		"switch-rule": {"/rules/switch", `{"name":"grow","on":true}`},
		"apply-rules": {"/rules/apply", `{"names":["grow"],"dry_run":true,"explain":true}`},
		"inbox":       {"/inbox?all=true", ""}, "approval": {"/inbox/a7", ""}, "answer": {"/inbox/a7", `{"answer":"approve"}`},
		"tokens": {"/token", ""}, "new-token": {"/token", `{"name":"ci","caps":["rewrite"]}`}, "revoke-token": {"/token/t7/revoke", ""},
		"exec": {"/sws/w5/exec", `{"argv":["ls"]}`}, "process-log": {"/process/p9/log?follow=false", ""},
	}
	fits("/paths/~1rmg/get/responses/200/content/application~1json/schema", do(s, request("GET", "/rmg?select=/**&limit=1", "")).Body.Bytes())
	for _, c := range s.calls {
		e, ok := examples[c.id]
		pointer := "/paths/" + strings.ReplaceAll(c.path, "/", "~1") + "/" + strings.ToLower(c.method)
		pointer = strings.NewReplacer("{", "%7B", "}", "%7D", "~1", "~1").Replace(pointer)
		if !ok {
			if c.answer != nil {
				t.Errorf("%s has no example", c.id)
			}
			continue
		}
		if c.body != nil && e.body != "" {
			fits(pointer+"/requestBody/content/application~1json/schema", []byte(e.body))
		}
		w := do(s, request(c.method, e.target, e.body))
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", c.id, w.Code, w.Body)
		}
		switch {
		case c.answer != nil:
			fits(pointer+"/responses/200/content/application~1json/schema", w.Body.Bytes())
		case c.events != nil:
			for _, e := range events(w.Body.String()) {
				i := slices.IndexFunc(c.events, func(d event) bool { return d.name == e.name })
				fits(fmt.Sprintf("%s/responses/200/content/text~1event-stream/schema/oneOf/%d", pointer, i), []byte(e.data))
			}
		}
	}
	f.fail["Verify"] = &rmg.Error{Code: rmg.Unavailable, Msg: "no"}
	fits("/components/schemas/Problem", do(s, request("POST", "/verify", "")).Body.Bytes())
}

// The committed document is the one that the code makes.
func TestDocumentGolden(t *testing.T) {
	s, _ := newServer(t, newFake(0), nil)
	golden(t, "openapi.json", append(s.openapi, '\n'))
	if _, err := os.Stat("testdata/openapi.json"); err != nil {
		t.Error(err)
	}
}

// TestReferenceListsEveryCall holds docs/reference/api.md to the routes.
func TestReferenceListsEveryCall(t *testing.T) {
	s, _ := newServer(t, newFake(0), nil)
	doc, _ := readDocument(t, s)
	var b strings.Builder
	b.WriteString("# Calls\n\nMade from the program. Bodies and answers are described by the daemon itself: `GET /openapi.json` (OpenAPI 3.1). A failure is a problem of\n")
	b.WriteString("RFC 9457 with one of the [codes](codes.md). A call that changes something may carry an `Idempotency-Key`: sent again under the same one, it\n")
	b.WriteString("is not done again and answered as it was.\n\n| call | |\n|---|---|\n")
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(doc.Paths[path])) {
			fmt.Fprintf(&b, "| `%s %s` | %s |\n", strings.ToUpper(method), path, strings.ReplaceAll(doc.Paths[path][method].Summary, "|", "\\|"))
		}
	}
	file := filepath.Join("..", "..", "docs", "reference", "api.md")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != b.String() {
		t.Errorf("%s is not what is routed (%v); write it anew: go test ./net/server -update", file, err)
	}
}

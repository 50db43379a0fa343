package traces_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"jitos.dev/net/traces"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// story is the records of a process that tries a task twice, proves and lands.
func story(id string) []traces.Record {
	at := time.UnixMilli(1_700_000_000_000)
	seq := uint64(3)
	rec := func(view, author, cause, reason string, ops ...rewrite.Op) traces.Record {
		seq++
		at = at.Add(10 * time.Millisecond)
		return traces.Record{Seq: seq, At: at, View: view, Author: author, Cause: cause, Reason: reason, Ops: ops}
	}
	add := func(path, kind string, props map[string]rmg.Value) rewrite.Op {
		return rewrite.Op{Op: rewrite.AddNode, Path: rmg.Path("/proc/" + id + path), Kind: kind, Props: props}
	}
	set := func(path string, props map[string]rmg.Value) rewrite.Op {
		return rewrite.Op{Op: rewrite.Set, Path: rmg.Path("/proc/" + id + path), Props: props}
	}
	type p = map[string]rmg.Value
	s := rmg.String
	return []traces.Record{
		rec("system", "ada@laptop", "intent", "fix it", add("", "Process", p{"base": s("abc"), "branch": s("main"), "plan": s(`{"goal":"FixBug","tasks":[{},{}],"digest":"d1"}`)})),
		rec("system", "kernel", id, "fix begins", add("/fix/1", "Attempt", p{"worker": s("script"), "token": s("t1")})),
		rec("sws:w4", "worker:script", id+"/fix", "first try", rewrite.Op{Op: rewrite.Write, Path: "/repo/app/main/a"}),
		rec("system", "worker:script", id+"/fix", "fix: no", set("/fix/1", p{"result": s("failed"), "summary": s("exit 1")})),
		rec("system", "kernel", id, "fix begins", add("/fix/2", "Attempt", p{"worker": s("script")})),
		rec("sws:w4", "worker:script", id+"/fix", "second try", rewrite.Op{Op: rewrite.Write, Path: "/repo/app/main/a"}),
		rec("system", "worker:script", id+"/fix", "fix: ok", set("/fix/2", p{"result": s("ok")})),
		rec("system", "kernel", id, "verify begins", add("/verify/1", "Attempt", p{"worker": s("kernel")})),
		rec("system", "kernel", id, "collapse of w4: fix it", set("/verify/1", p{"result": s("ok")}),
			add("/gate-01", "Evidence", p{"evidence": s(`{"gate":"build","green":true,"millis":4,"sandbox":{"tier":"full"}}`)}),
			add("/gate-02", "Evidence", p{"evidence": s(`{"gate":"lint","green":false,"reason":"one fault","millis":2}`)})),
		rec("system", "kernel", id, "landed", set("", p{"landed": rmg.Bool(true), "landed_on": s("main"), "commit": s("f00")})),
		rec("system", "kernel", id, id+" ended", set("", p{"ended_ms": rmg.Int(1)})),
	}
}

func build(t *testing.T, records []traces.Record) []traces.Span {
	t.Helper()
	var b traces.Builder
	for i, r := range records {
		spans := b.Add(r)
		if (spans != nil) != (i == len(records)-1) {
			t.Fatalf("record %d, %s: %d spans", r.Seq, r.Reason, len(spans))
		}
		if spans != nil {
			return spans
		}
	}
	return nil
}

// tree is spans as indented lines, with their milliseconds since the intent.
func tree(t *testing.T, spans []traces.Span) []string {
	t.Helper()
	var lines []string
	var below func(parent [8]byte, depth string)
	below = func(parent [8]byte, depth string) {
		for _, s := range spans {
			if s.Parent == parent {
				lines = append(lines, fmt.Sprintf("%s%s %d-%d %s", depth, s.Name, s.Begins.Sub(spans[0].Begins).Milliseconds(), s.Ends.Sub(spans[0].Begins).Milliseconds(), s.Failed))
				below(s.ID, depth+" ")
			}
		}
	}
	below([8]byte{}, "")
	if len(lines) != len(spans) {
		t.Errorf("%d of %d spans hang together", len(lines), len(spans))
	}
	return lines
}

// The trace of a process is its records': who is below whom, when, and what failed.
func TestTheTraceOfAProcess(t *testing.T) {
	spans := build(t, story("p4"))
	want := []string{
		"intent 0-100 ", " plan 0-0 ", " task fix 10-60 ", "  worker script 10-30 exit 1", "  worker script 40-60 ", " task verify 70-80 ", "  worker kernel 70-80 ",
		"   gate build 76-80 ", "   gate lint 78-80 one fault", "   collapse 80-80 ", " landing 80-90 ",
	}
	if got := tree(t, spans); !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	if e := spans[3].Events; len(e) != 1 || e[0].Attributes[1].Value != "first try" {
		t.Errorf("%+v", e)
	}
	cutOff := story("p4")
	cutOff = append(cutOff[:5:5], cutOff[10]) // in the second attempt
	if got := tree(t, build(t, cutOff)); got[2] != " task fix 10-100 " || got[4] != "  worker script 40-100 " {
		t.Errorf("cut off: %q", got)
	}
	again := build(t, story("p4"))
	for i := range spans {
		if spans[i].Trace != spans[0].Trace || spans[i].ID != again[i].ID || spans[i].Trace != again[i].Trace {
			t.Errorf("span %d is another one the second time", i)
		}
	}
	other := story("p4")
	other[0].Reason = "fix that"
	if build(t, other)[0].Trace == spans[0].Trace {
		t.Error("two intents have one trace")
	}
}

// Of what goes on, no more is kept than there is a limit for, and records of processes
// that are not known do nothing.
func TestLimits(t *testing.T) {
	var b traces.Builder
	for i := range 3000 {
		b.Add(story(fmt.Sprintf("p%d", i))[0])
	}
	for _, r := range story("p0")[1:] {
		if got := b.Add(r); got != nil {
			t.Errorf("a process that was forgotten has %d spans", len(got))
		}
	}
	records := story("p2999")
	for range 300 {
		b.Add(records[1])
		for range 200 {
			b.Add(records[2])
		}
	}
	for range 5000 {
		b.Add(records[8])
	}
	var spans []traces.Span
	for _, r := range records[9:] {
		spans = b.Add(r)
	}
	if len(spans) == 0 || len(spans) > 2048 {
		t.Errorf("%d spans", len(spans))
	}
	for _, s := range spans {
		if len(s.Events) > 128 || len(s.Events) == 128 && s.EventsDropped == 0 {
			t.Errorf("%s: %d events, %d dropped", s.Name, len(s.Events), s.EventsDropped)
		}
	}
}

// A collector gets them in the JSON of OTLP over HTTP, with the headers that it wants.
func TestSend(t *testing.T) {
	var body map[string]any
	status, answer := http.StatusOK, `{}`
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Api-Key") != "a b" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		data, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(data, &body); err != nil {
			t.Error(err)
		}
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	defer srv.Close()
	env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": srv.URL + "/", "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b", "OTEL_SERVICE_NAME": "mine"}
	e, err := traces.FromEnvironment(func(name string) string { return env[name] }, "http://elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	spans := build(t, story("p4"))
	if err := e.Send(t.Context(), spans); err != nil {
		t.Fatal(err)
	}
	rs := body["resourceSpans"].([]any)[0].(map[string]any)
	if got := fmt.Sprint(rs["resource"]); !strings.Contains(got, "service.name") || !strings.Contains(got, "mine") {
		t.Errorf("%s", got)
	}
	list := rs["scopeSpans"].([]any)[0].(map[string]any)["spans"].([]any)
	gate := list[8].(map[string]any)
	begins := spans[8].Begins.UnixNano()
	if len(list) != len(spans) || gate["name"] != spans[8].Name || gate["traceId"] != hex.EncodeToString(spans[0].Trace[:]) || gate["spanId"] != hex.EncodeToString(spans[8].ID[:]) ||
		gate["parentSpanId"] != hex.EncodeToString(spans[8].Parent[:]) || gate["startTimeUnixNano"] != fmt.Sprint(begins) || gate["kind"] != 1.0 {
		t.Errorf("%v", gate)
	}
	if root := list[0].(map[string]any); root["parentSpanId"] != nil || root["status"].(map[string]any)["code"] != 1.0 {
		t.Errorf("%v", root)
	}
	for status, answer = range map[int]string{http.StatusServiceUnavailable: "later", http.StatusAccepted: `{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}`} {
		if err := e.Send(t.Context(), spans); err == nil || !strings.Contains(err.Error(), "later") && !strings.Contains(err.Error(), "too old") {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// Nothing is told to anybody unless it is asked for.
func TestFromEnvironment(t *testing.T) {
	for _, x := range []struct{ env, endpoint, want string }{
		{"", "", "none"},
		{"", "http://a:4318", "http://a:4318/v1/traces"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://b/x", "http://a:4318", "http://b/x/v1/traces"},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://c/in", "", "https://c/in"},
		{"OTEL_SDK_DISABLED=true", "http://a:4318", "none"},
		{"", "localhost:4317", "should be like"},
		{"OTEL_EXPORTER_OTLP_HEADERS=a=%zz", "http://a", "OTEL_EXPORTER_OTLP_HEADERS"},
	} {
		name, value, _ := strings.Cut(x.env, "=")
		e, err := traces.FromEnvironment(func(n string) string {
			if n == name {
				return value
			}
			return ""
		}, x.endpoint)
		got := "none"
		if e != nil {
			got = e.URL
		}
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, x.want) {
			t.Errorf("%s, %s: %s", x.env, x.endpoint, got)
		}
	}
}

package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// sent is what a collector was sent.
type sent struct {
	ResourceSpans []struct {
		ScopeSpans []struct {
			Spans []struct {
				TraceID, SpanID, ParentSpanID, Name string
				StartTimeUnixNano, EndTimeUnixNano  string
			}
		}
	}
}

// A daemon that is told of a collector sends it one trace for each intent, from what
// was asked down to the gates and the landing.
func TestAnIntentIsATrace(t *testing.T) {
	came := make(chan sent, 8)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var s sent
		if r.Method != http.MethodPost || r.URL.Path != "/v1/traces" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
			t.Error(err)
		}
		came <- s
	}))
	t.Cleanup(collector.Close)
	p := newPerson(t)
	p.env = append(p.env, "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL)
	p.write("app/note.txt", "one\n")
	p.repo("app")
	p.run("app", "jitos", "intent", "write a report about . to REPORT.md")
	var got sent
	select {
	case got = <-came:
	case <-time.After(patience):
		t.Fatal("nothing was sent")
	}
	spans := got.ResourceSpans[0].ScopeSpans[0].Spans
	names := map[string]string{} // by id
	for _, s := range spans {
		names[s.SpanID] = s.Name
		if s.TraceID != spans[0].TraceID || len(s.TraceID) != 32 || len(s.SpanID) != 16 || s.EndTimeUnixNano < s.StartTimeUnixNano {
			t.Errorf("%+v", s)
		}
	}
	var below []string
	for _, s := range spans {
		below = append(below, names[s.ParentSpanID]+" > "+s.Name)
	}
	for _, want := range []string{
		" > intent", "intent > plan", "intent > task gather", "task gather > worker builtin", "task render > worker builtin", "intent > task publish",
		"task publish > worker kernel", "worker kernel > gate protected paths", "worker kernel > gate report", "worker kernel > collapse", "intent > landing",
	} {
		if !slices.Contains(below, want) {
			t.Errorf("%q is not in\n%s", want, strings.Join(below, "\n"))
		}
	}
	if len(came) > 0 {
		t.Error("it was sent more than once")
	}
}

package server

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// Who has an answer already is told so, until what it is about has changed: the
// world by its digest, the ledger by its own.
func TestUnchangedIsNotSentAgain(t *testing.T) {
	f := newFake(3)
	s, _ := newServer(t, f, nil)
	get := func(target, tag string) (int, string) {
		t.Helper()
		r := request("GET", target, "")
		r.Header.Set("If-None-Match", tag)
		w := do(s, r)
		if w.Code == http.StatusNotModified && w.Body.Len() > 0 {
			t.Errorf("%s: a 304 has a body: %s", target, w.Body)
		}
		if got := w.Header().Get("ETag"); w.Code < 400 && (got == "" || w.Header().Get("Cache-Control") != "private, no-cache") {
			t.Errorf("%s: tag %q, %v", target, got, w.Header())
		}
		return w.Code, w.Header().Get("ETag")
	}
	v := f.views["system"]
	o := rmg.NewOverlay(rmg.Graph{})
	must(o.AddNode("/proc", "Dir", rmg.Props{}))
	v.Ledger = o.Graph()
	f.views["system"] = v
	for _, target := range []string{"/rmg?path=/svc", "/rmg", "/rmg?path=/proc", "/rmg?select=/svc/*"} {
		code, tag := get(target, "")
		if code != 200 {
			t.Fatalf("%s: %d", target, code)
		}
		for _, have := range []string{tag, strings.TrimPrefix(tag, "W/"), `"x", ` + tag, "*"} {
			if code, _ := get(target, have); code != 304 {
				t.Errorf("%s with %s: %d", target, have, code)
			}
		}
		if code, _ := get(target, `"x"`); code != 200 {
			t.Errorf("%s with another tag: %d", target, code)
		}
	}
	tags := map[string]string{}
	for _, at := range []string{"/svc", "/", "/proc"} {
		_, tags[at] = get("/rmg?path="+at, "")
	}
	must(o.AddNode("/proc/p9", "Process", rmg.Props{}))
	v.Ledger = o.Graph()
	f.views["system"] = v
	for at, want := range map[string]int{"/svc": 304, "/": 200, "/proc": 200} {
		if code, _ := get("/rmg?path="+at, tags[at]); code != want {
			t.Errorf("%s after the ledger changed: %d, want %d", at, code, want)
		}
	}
	f.add("/svc/more")
	if code, _ := get("/rmg?path=/svc", tags["/svc"]); code != 200 {
		t.Errorf("/svc after the world changed: %d", code)
	}
	if code, _ := get("/rmg?path=/gone", "*"); code != 404 {
		t.Errorf("what is not there: %d", code)
	}
}

// A long answer is compressed for who takes that, and says the same.
func TestLongAnswersAreCompressed(t *testing.T) {
	s, _ := newServer(t, newFake(50), nil)
	ask := func(target, accept string) (*http.Response, []byte) {
		r := request("GET", target, "")
		r.Header.Set("Accept-Encoding", accept)
		w := do(s, r)
		return w.Result(), w.Body.Bytes()
	}
	_, plain := ask("/rmg?path=/svc", "")
	for accept, want := range map[string]bool{
		"gzip": true, "br, gzip;q=0.5": true, "*": true, "GZIP": true,
		"": false, "identity": false, "gzip;q=0": false, "gzip; q=0.000": false, "br": false, "gzip;q=x": false,
	} {
		resp, body := ask("/rmg?path=/svc", accept)
		if got := resp.Header.Get("Content-Encoding") == "gzip"; got != want {
			t.Errorf("%q: compressed is %v", accept, got)
			continue
		}
		if resp.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: vary is %q", accept, resp.Header.Get("Vary"))
		}
		if want {
			z, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if body, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(body, plain) {
			t.Errorf("%q: another answer", accept)
		}
	}
	if resp, _ := ask("/rmg?path=/svc&depth=0", "gzip"); resp.Header.Get("Content-Encoding") != "" {
		t.Error("a short answer is compressed")
	}
}

// An answer and the log agree on a request's name.
func TestRequestsAreNamed(t *testing.T) {
	f := newFake(0)
	f.fail["Workspace"] = fmt.Errorf("a secret cause")
	s, logged := newServer(t, f, nil)
	named := func(id string) string {
		r := request("GET", "/sws/w5", "")
		if id != "" {
			r.Header.Set(wire.RequestHeader, id)
		}
		w := do(s, r)
		if got := w.Header().Get(wire.RequestHeader); got == "" || !strings.Contains(w.Body.String(), `"request":"`+got+`"`) || !strings.Contains(logged.String(), "request="+got) {
			t.Errorf("%q: %s, logged %s", got, w.Body, logged)
		}
		return w.Header().Get(wire.RequestHeader)
	}
	if a, b := named(""), named(""); a == b {
		t.Errorf("two requests are named %s", a)
	}
	if got := named("mine-1"); got != "mine-1" {
		t.Errorf("mine-1 became %s", got)
	}
	for _, bad := range []string{"a b", "a\"b", strings.Repeat("x", 65), "ä"} {
		if got := named(bad); got == bad {
			t.Errorf("%q is taken", bad)
		}
	}
}

// There are so many requests at once and no more; streams count by themselves.
func TestRequestsAtOnce(t *testing.T) {
	s, _ := newServer(t, newFake(0), func(o *Options) { o.Limits.Requests = 2 })
	s.busy.Add(2)
	if p := refusal(t, s, request("GET", "/status", ""), 429); p.Code != rmg.Limit {
		t.Errorf("%+v", p)
	}
	answer[wire.Health](t, s, request("GET", "/healthz", ""))
	s.busy.Add(-1)
	answer[wire.Status](t, s, request("GET", "/status", ""))
	if got := s.busy.Load(); got != 1 {
		t.Errorf("%d are counted", got)
	}
}

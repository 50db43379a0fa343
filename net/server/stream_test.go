package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// told is an event as it stands on the wire.
type told struct{ id, name, data string }

// events reads a stream's text.
func events(text string) []told {
	var out []told
	for _, block := range strings.Split(strings.TrimSuffix(text, "\n\n"), "\n\n") {
		var e told
		for _, line := range strings.Split(block, "\n") {
			field, value, _ := strings.Cut(line, ": ")
			switch field {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				e.data = value
			}
		}
		if e != (told{}) {
			out = append(out, e)
		}
	}
	return out
}

// brief is "snapshot@3 record@4 @9".
func brief(list []told) string {
	var out []string
	for _, e := range list {
		out = append(out, e.name+"@"+e.id)
	}
	return strings.Join(out, " ")
}

// watch opens a stream and returns a function that gives what is written next;
// the stream ends with the test.
func watch(t *testing.T, s *Server, r *http.Request) (next func() []told, w *slowly) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w = newSlowly()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Handler().ServeHTTP(w, r.WithContext(ctx))
	}()
	began := false
	t.Cleanup(func() {
		cancel()
		close(w.step)
		for {
			select {
			case <-w.wrote:
			case <-ended:
				return
			}
		}
	})
	return func() []told {
		if began {
			w.step <- struct{}{}
		}
		began = true
		return events(<-w.wrote)
	}, w
}

func TestEventsBeginWithASnapshotAndResume(t *testing.T) {
	f := newFake(3)
	s, _ := newServer(t, f, nil)
	digest := f.views["system"].World.Digest().String()

	next, _ := watch(t, s, request("GET", "/events", ""))
	first := next()
	if brief(first) != "snapshot@3" || first[0].data != `{"seq":3,"digest":"`+digest+`"}` {
		t.Fatalf("first: %+v", first)
	}
	f.add("/svc/x")
	got := next()
	if brief(got) != "record@4" {
		t.Fatalf("then: %+v", got)
	}
	var r wire.Record
	if err := json.Unmarshal([]byte(got[0].data), &r); err != nil || r.Seq != 4 || r.Ops[0].Path != "/svc/x" || r.At.String() != "2026-11-23T09:40:09.120Z" {
		t.Errorf("record: %v %+v", err, r)
	}

	resumed := request("GET", "/events?from=1", "") // as a browser does: the old address, and where it was
	resumed.Header.Set("Last-Event-ID", "2")
	next, _ = watch(t, s, resumed)
	if got := brief(next()); got != "record@3 record@4" {
		t.Errorf("resumed: %s", got)
	}
	beyond := request("GET", "/events", "")
	beyond.Header.Set("Last-Event-ID", "99")
	next, _ = watch(t, s, beyond)
	if got := brief(next()); got != "snapshot@4" {
		t.Errorf("resumed from another log: %s", got)
	}
}

func TestEventsOfThePast(t *testing.T) {
	f := newFake(3)
	s, _ := newServer(t, f, func(o *Options) { o.Limits.Lag = 1 }) // asked for, history is not skipped
	next, _ := watch(t, s, request("GET", "/events?from=2&ops=0", ""))
	got := next()
	if brief(got) != "snapshot@1 record@2 record@3" {
		t.Fatalf("from=2: %s", brief(got))
	}
	if want := f.views["seq:1"].World.Digest().String(); !strings.Contains(got[0].data, want) {
		t.Errorf("snapshot is not of seq 1: %s", got[0].data)
	}
	if !strings.Contains(got[1].data, `"ops":[],"ops_omitted":1`) {
		t.Errorf("ops=0: %s", got[1].data)
	}
	next, _ = watch(t, s, request("GET", "/events?from=1", ""))
	if got := next(); brief(got) != "snapshot@ record@1 record@2 record@3" || !strings.Contains(got[0].data, rmg.Graph{}.Digest().String()) {
		t.Errorf("from=1: %+v", got)
	}
	if p := refusal(t, s, request("GET", "/events?from=5", ""), 404); !strings.Contains(p.Detail, "the last is 3") {
		t.Errorf("%+v", p)
	}
}

// History that was asked for comes whole, however far behind its reader is.
func TestEventsOfALongPast(t *testing.T) {
	f := newFake(2*batch + 10)
	s, _ := newServer(t, f, func(o *Options) { o.Limits.Lag = 1 })
	next, _ := watch(t, s, request("GET", "/events?from=1&ops=0", ""))
	want := 0
	for want <= 2*batch+10 {
		for _, e := range next() {
			if want == 0 && e.name != wire.EventSnapshot || want > 0 && e.id != fmt.Sprint(want) {
				t.Fatalf("instead of record %d: %+v", want, e)
			}
			want++
		}
	}
}

// What a filter passed over is not read again by who resumes.
func TestEventsOfAPath(t *testing.T) {
	f := newFake(2)
	f.add("/other/a")
	s, _ := newServer(t, f, nil)
	next, _ := watch(t, s, request("GET", "/events?from=1&path=/svc/n001", ""))
	got := next()
	if brief(got) != "snapshot@ record@2 @3" {
		t.Fatalf("%s", brief(got))
	}
}

// A reader who falls behind holds no queue and gets a fresh snapshot.
func TestSlowReaderGetsAFreshSnapshot(t *testing.T) {
	f := newFake(1)
	s, _ := newServer(t, f, func(o *Options) { o.Limits.Lag = 10 })
	next, _ := watch(t, s, request("GET", "/events", ""))
	if got := brief(next()); got != "snapshot@1" {
		t.Fatal(got)
	}
	for range 10 { // not too many: the reader is still in its first write
		f.add(rmg.Root.Join("svc", fmt.Sprintf("a%d", len(f.records))))
	}
	if got := next(); len(got) != 10 || got[0].id != "2" {
		t.Fatalf("a reader 10 behind: %s", brief(got))
	}
	for range 11 {
		f.add(rmg.Root.Join("svc", fmt.Sprintf("b%d", len(f.records))))
	}
	got := next()
	if brief(got) != "snapshot@22" || !strings.Contains(got[0].data, f.views["system"].World.Digest().String()) {
		t.Fatalf("a reader 11 behind: %s", brief(got))
	}
	f.add("/svc/c")
	if got := brief(next()); got != "record@23" {
		t.Fatal(got)
	}
}

func TestProcessLog(t *testing.T) {
	f := newFake(0)
	s, _ := newServer(t, f, nil)
	f.say("one")
	f.say("two")
	all := do(s, request("GET", "/process/p9/log?follow=false", ""))
	if got := brief(events(all.Body.String())); got != "line@1 line@2 end@2" {
		t.Fatalf("not followed: %s", got)
	}
	resumed := request("GET", "/process/p9/log", "")
	resumed.Header.Set("Last-Event-ID", "1")
	next, _ := watch(t, s, resumed)
	if got := brief(next()); got != "line@2" {
		t.Fatalf("resumed: %s", got)
	}
	f.say("three")
	if got := next(); brief(got) != "line@3" || !strings.Contains(got[0].data, `"text":"three","data":{"tried":2}`) {
		t.Fatalf("followed: %+v", got)
	}
	f.end()
	got := next()
	if brief(got) != "end@3" || got[0].data != `{"process":"p9","status":"landed","reason":"proven and landed","commit":"abc","landed_on":"main"}` {
		t.Fatalf("end: %+v", got)
	}
	f.fail["Lines"] = &rmg.Error{Code: rmg.NotFound, Msg: "there is no process"}
	refusal(t, s, request("GET", "/process/p1/log", ""), 404)
}

func TestExecStreams(t *testing.T) {
	f := newFake(0)
	s, _ := newServer(t, f, nil)
	run := func() []told { return events(do(s, request("POST", "/sws/w5/exec", `{"argv":["ls"]}`)).Body.String()) }
	if got := fmt.Sprint(run()); got != `[{ output {"text":"hello","data":{"stream":"stdout"}}} { output {"text":"world"}} { exit {"exit":3}}]` {
		t.Errorf("%s", got)
	}
	f.exec = func(_ context.Context, emit func(work.Event)) (int, error) {
		emit(work.Event{Text: "hello"})
		return 0, &rmg.Error{Code: rmg.Limit, Msg: "it wrote too much"}
	}
	if got := run(); len(got) != 2 || got[1].name != wire.EventError || !strings.Contains(got[1].data, `"code":"limit"`) {
		t.Errorf("%+v", got)
	}
	f.exec = func(context.Context, func(work.Event)) (int, error) {
		return 0, &rmg.Error{Code: rmg.Conflict, Msg: "the workspace is discarded"}
	}
	refusal(t, s, request("POST", "/sws/w5/exec", `{"argv":["ls"]}`), 409)
}

// A command whose reader went away is stopped.
func TestExecStopsWithItsReader(t *testing.T) {
	f := newFake(0)
	s, _ := newServer(t, f, nil)
	stopped := make(chan error, 1)
	f.exec = func(ctx context.Context, emit func(work.Event)) (int, error) {
		emit(work.Event{Text: "hello"})
		<-ctx.Done()
		stopped <- ctx.Err()
		return 0, ctx.Err()
	}
	w := newSlowly()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Handler().ServeHTTP(w, request("POST", "/sws/w5/exec", `{"argv":["sleep"]}`))
	}()
	<-w.wrote
	close(w.step) // the write fails, and so will those that follow
	for {
		select {
		case <-w.wrote:
			continue
		case <-ended:
		}
		break
	}
	if err := <-stopped; err == nil {
		t.Error("the command was not stopped")
	}
}

func TestStreamsAreLimitedAndEndWithTheServer(t *testing.T) {
	f := newFake(1)
	s, _ := newServer(t, f, func(o *Options) { o.Limits.Streams = 1 })
	w := newSlowly()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Handler().ServeHTTP(w, request("GET", "/events", ""))
	}()
	<-w.wrote
	for _, target := range []string{"/events", "/process/p9/log"} {
		if p := refusal(t, s, request("GET", target, ""), 429); p.Code != rmg.Limit {
			t.Errorf("%+v", p)
		}
	}
	w.step <- struct{}{}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	<-ended
	refusal(t, s, request("GET", "/events", ""), 503)
}

// What one reader was sent the next is sent as well, without another reading of the
// log: a thousand follow at the cost of one.
func TestRecordsAreReadOnceForAllReaders(t *testing.T) {
	f := newFake(3)
	s, _ := newServer(t, f, nil)
	first, _ := watch(t, s, request("GET", "/events?from=1", ""))
	one := first()
	f.add("/svc/x")
	one = append(one, first()...)
	f.reads = func(from, to uint64) { t.Errorf("the log is read from %d to %d", from, to) }
	r := request("GET", "/events", "")
	r.Header.Set("Last-Event-ID", "1")
	second, _ := watch(t, s, r)
	if two := second(); brief(two) != "record@2 record@3 record@4" || !slices.Equal(two, one[2:]) {
		t.Errorf("%+v, and the first had %+v", two, one)
	}
	// Each is sent what it asks for.
	r = request("GET", "/events?path=/svc/n002&ops=0", "")
	r.Header.Set("Last-Event-ID", "1")
	third, _ := watch(t, s, r)
	if got := third(); brief(got[:1]) != "record@3" || !strings.Contains(got[0].data, `"ops":[],"ops_omitted":1`) {
		t.Errorf("%+v", got)
	}
}

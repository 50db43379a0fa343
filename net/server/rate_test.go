package server

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// A caller who asks too often is told when to come back, and nobody else is.
func TestCallersAreRated(t *testing.T) {
	now := began
	known := map[string]kernel.Caller{
		"one": {Name: "token:one", Kind: kernel.KindProcess}, "two": {Name: "token:two", Kind: kernel.KindProcess}, "worker": {Name: "w", Process: "p1"},
	}
	s, _ := newServer(t, newFake(0), func(o *Options) {
		o.Limits.Rate = 3
		o.Tokens = func(token string) (kernel.Caller, bool) { c, ok := known[token]; return c, ok }
	})
	s.now = func() time.Time { return now }
	as := func(token string) *http.Request {
		r := request("GET", "/status", "")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		return r
	}
	for range 3 {
		answer[wire.Status](t, s, as("one"))
	}
	w := do(s, as("one"))
	if w.Code != 429 || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), `"retry_after":1`) {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if p := refusal(t, s, as("one"), 429); p.Code != rmg.Limit || !strings.Contains(p.Detail, "token:one asks more than 3 times a second") || p.Hint == "" {
		t.Errorf("%+v", p)
	}
	for _, other := range []string{"two", "worker"} {
		answer[wire.Status](t, s, as(other))
	}
	for range 10 { // the owner is not counted, an agent of theirs is
		answer[wire.Status](t, s, as(""))
	}
	agent := as("")
	agent.Header.Set(wire.KindHeader, "agent")
	for range 3 {
		answer[wire.Status](t, s, agent)
	}
	refusal(t, s, agent, 429)
	now = now.Add(334 * time.Millisecond)
	answer[wire.Status](t, s, as("one"))
	refusal(t, s, as("one"), 429)
	now = now.Add(time.Hour) // no more than a second's worth is saved up
	for range 3 {
		answer[wire.Status](t, s, as("one"))
	}
	refusal(t, s, as("one"), 429)
	now = now.Add(-time.Hour) // a clock that is set back gives nothing, and takes nothing
	refusal(t, s, as("one"), 429)
}

// However many callers there are, what is kept of them is bounded.
func TestRatedCallersAreBounded(t *testing.T) {
	var r rates
	for i := range 3 * maxRated {
		if _, ok := r.take(fmt.Sprint(i), 1<<20, began); !ok {
			t.Fatalf("caller %d has nothing", i)
		}
	}
	if len(r.by) > maxRated+1 {
		t.Errorf("%d callers are kept", len(r.by))
	}
	if _, ok := r.take("late", 1, began.Add(time.Second)); !ok || len(r.by) != 1 {
		t.Errorf("%d callers are kept that were silent for a second", len(r.by))
	}
}

// Profiles are for who may do everything, over the socket.
func TestProfiles(t *testing.T) {
	known := kernel.Caller{Name: "token:ci", Kind: kernel.KindProcess, Caps: kernel.CapRewrite}
	change := func(o *Options) {
		o.Tokens = func(token string) (kernel.Caller, bool) { return known, token == "weak" }
	}
	c := serveOn(t, newFake(0), change)
	for _, name := range []string{"heap", "goroutine", "cpu"} {
		r, err := c.Profile(t.Context(), name, 1)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		z, err := gzip.NewReader(r)
		if err == nil {
			_, err = io.Copy(io.Discard, z)
		}
		if err = errors.Join(err, r.Close()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]rmg.Code{"nothing": rmg.NotFound, "../status": rmg.NotFound} {
		if _, err := c.Profile(t.Context(), name, 0); !errors.Is(err, &rmg.Error{Code: want}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.Profile(t.Context(), "cpu", maxProfile+1); !errors.Is(err, &rmg.Error{Code: rmg.Invalid}) {
		t.Errorf("longer than may be: %v", err)
	}
	s, _ := newServer(t, newFake(0), change)
	if p := refusal(t, s, request("GET", "/admin/profile/heap", ""), 403); !strings.Contains(p.Detail, "unix socket only") {
		t.Errorf("over TCP: %+v", p)
	}
	weak := request("GET", "/admin/profile/heap", "")
	weak.Header.Set("Authorization", "Bearer weak")
	weak = weak.WithContext(context.WithValue(weak.Context(), http.LocalAddrContextKey, unixAddr{}))
	if p := refusal(t, s, weak, 403); !strings.Contains(p.Detail, "lacks the capability admin") {
		t.Errorf("without admin: %+v", p)
	}
}

type unixAddr struct{}

func (unixAddr) Network() string { return "unix" }
func (unixAddr) String() string  { return "@" }

// A thousand follow at once, and each is told every change, in order.
func TestThousandSubscribers(t *testing.T) {
	const subscribers, changes = 1000, 30
	f := newFake(1)
	c := serveOn(t, f, nil)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var ready, done sync.WaitGroup
	errs := make([]error, subscribers)
	ready.Add(subscribers)
	for i := range subscribers {
		done.Go(func() {
			next := uint64(2)
			for e, err := range c.Events(ctx, client.EventsQuery{}) {
				switch {
				case err != nil:
					errs[i] = err
				case e.Snapshot != nil && next == 2 && e.ID == 1:
					ready.Done()
					continue
				case e.Record == nil || e.ID != next:
					errs[i] = fmt.Errorf("%+v in place of record %d", e, next)
				default:
					if next++; next <= changes+1 {
						continue
					}
				}
				break
			}
			if errs[i] != nil {
				stop() // or who waits for this one would wait for ever
			}
		})
	}
	all := make(chan struct{})
	go func() { ready.Wait(); close(all) }()
	select {
	case <-all:
	case <-ctx.Done():
		t.Fatal(errors.Join(errs...))
	}
	for i := range changes {
		f.add(rmg.Root.Join("svc", fmt.Sprint("late", i)))
	}
	done.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

// A server is quiet when nothing is under way: no request, no stream, no
// operation.
func TestQuiet(t *testing.T) {
	f := newFake(0)
	s, _ := newServer(t, f, nil)
	now := began
	s.now = func() time.Time { return now }
	answer[wire.Status](t, s, request("GET", "/status", ""))
	now = now.Add(time.Minute)
	if d := s.Quiet(); d != time.Minute {
		t.Errorf("quiet for %s", d)
	}
	inside, on := make(chan struct{}), make(chan struct{})
	f.collapse = func(context.Context) (kernel.Collapsed, error) {
		inside <- struct{}{}
		<-on
		return kernel.Collapsed{}, nil
	}
	w := do(s, request("POST", "/sws/w5/collapse?wait=0s", "{}"))
	<-inside
	now = now.Add(time.Minute)
	if d := s.Quiet(); w.Code != 202 || d != 0 {
		t.Errorf("%d, quiet for %s while a collapse is under way", w.Code, d)
	}
	close(on)
	do(s, request("GET", "/operation/o1?wait=1m", ""))
	stream := newSlowly()
	done := make(chan struct{})
	go func() { defer close(done); s.Handler().ServeHTTP(stream, request("GET", "/events", "")) }()
	<-stream.wrote
	now = now.Add(time.Minute)
	if d := s.Quiet(); d != 0 {
		t.Errorf("quiet for %s while a stream is open", d)
	}
	close(stream.step)
	<-done
	if d := s.Quiet(); d != 0 {
		t.Errorf("quiet for %s when it just ended", d)
	}
}

package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// problemOf is the problem that err must be.
func problemOf(t *testing.T, err error) *wire.Problem {
	t.Helper()
	var p *wire.Problem
	if !errors.As(err, &p) {
		t.Fatalf("no problem: %v", err)
	}
	return p
}

// at makes a client of a handler over TCP.
func at(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := New(Options{Socket: "tcp:" + strings.TrimPrefix(s.URL, "http://"), Secret: "s", Caller: "ada@host"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestUnreachableIsUnavailable(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	try := func(what string) {
		t.Helper()
		c, err := New(Options{Socket: socket})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Status(context.Background())
		p := problemOf(t, err)
		if p.Code != rmg.Unavailable || p.Exit() != 3 || p.Hint == "" || !strings.Contains(p.Detail, socket) {
			t.Errorf("%s: %+v", what, p)
		}
		for _, err := range c.Events(context.Background(), EventsQuery{}) {
			if problemOf(t, err).Exit() != 3 {
				t.Errorf("%s: events: %v", what, err)
			}
		}
	}
	try("no secret, no socket")
	if err := os.WriteFile(socket+".secret", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	try("no socket")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close()
	try("a socket that nobody listens on")
}

func TestSocketsThatCannotBe(t *testing.T) {
	for _, socket := range []string{"", "unix:", "tcp:", "tcp:nowhere"} {
		_, err := New(Options{Socket: socket})
		if p := problemOf(t, err); p.Code != rmg.Invalid {
			t.Errorf("%q: %+v", socket, p)
		}
	}
}

// The secret is read anew at each call: the daemon makes a new one at each
// start.
func TestSecretIsReadAnew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization")+" "+r.Header.Get(wire.CallerHeader))
		fmt.Fprint(w, "{}")
	}))
	t.Cleanup(s.Close)
	c, err := New(Options{Socket: "tcp:" + strings.TrimPrefix(s.URL, "http://"), SecretFile: file, Caller: "ada@host"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	for _, secret := range []string{"one", "two"} {
		if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Status(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(got) != "[Bearer one ada@host Bearer two ada@host]" {
		t.Errorf("%q", got)
	}
}

// Whatever listens there, the client says something that can be acted on.
func TestAnswersOfStrangers(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"an HTML error": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<h1>no</h1>", http.StatusBadGateway) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://example.com", http.StatusFound)
		},
		"no JSON": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") },
		"an empty problem": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", wire.ProblemType)
			w.WriteHeader(400)
		},
	} {
		_, err := at(t, h).Status(context.Background())
		if p := problemOf(t, err); p.Code != rmg.Internal || p.Hint == "" {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// What a daemon does not know is told with its version, if that is another one.
func TestAnOlderDaemonIsNamed(t *testing.T) {
	for _, x := range []struct {
		daemon, detail, hint string
		code                 rmg.Code
	}{
		{"0.1.0", `the body is not valid: /land: unknown field "land"`, "jitos 0.1.0, older than this program, which is 0.2.0", rmg.Invalid},
		{"0.3.0", `unknown parameter "old"`, "0.2.0, which is older", rmg.Invalid},
		{"0.1.0", "GET /status is not in this version", "older than this program", rmg.NotFound},
		{"0.2.0", `unknown parameter "typo"`, "", rmg.Invalid},
		{"0.1.0", "/a is no such element", "", rmg.NotFound},
		{"0.1.0", "tree: the branch is not in this version", "", rmg.NotFound},
	} {
		c := at(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/healthz" {
				fmt.Fprintf(w, `{"ok":true,"version":%q}`, x.daemon)
				return
			}
			w.Header().Set("Content-Type", wire.ProblemType)
			w.WriteHeader(wire.NewProblem(x.code, "%s", x.detail).Status)
			fmt.Fprintf(w, `{"code":%q,"detail":%q}`, x.code, x.detail)
		})
		c.opt.Version = "0.2.0"
		_, err := c.Status(context.Background())
		if p := problemOf(t, err); p.Code != x.code || p.Detail != x.detail || !strings.Contains(p.Hint, x.hint) || (x.hint == "") != (p.Hint == "") {
			t.Errorf("daemon %s, %q: %+v", x.daemon, x.detail, p)
		}
	}
}

// An answer may have gained fields since this client was built.
func TestUnknownFieldsOfAnswersAreIgnored(t *testing.T) {
	c := at(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"seq":5,"mood":"good"}`) })
	st, err := c.Status(context.Background())
	if err != nil || st.Seq != 5 {
		t.Errorf("%+v %v", st, err)
	}
}

// The form of events is that of WHATWG HTML 9.2, whoever writes them.
func TestEventStreams(t *testing.T) {
	stream := ": hello\r\n\r\nid: 4\nevent: record\ndata: {\"seq\":\ndata: 4}\nretry: 3\n\nid: 9\n\nevent: later\ndata: x\n\nid:10\nevent:record\ndata:{\"seq\":10}\n\nevent: record\ndata: {\"se"
	c := at(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, stream)
	})
	var seen []string
	for e, err := range c.Events(context.Background(), EventsQuery{}) {
		if err != nil {
			// The stream broke off, which its reader must come to know.
			p := problemOf(t, err)
			seen = append(seen, string(p.Code))
			continue
		}
		seen = append(seen, fmt.Sprint(e.ID, e.Record.Seq))
	}
	if got := strings.Join(seen, ", "); got != "4 4, 10 10, unavailable" {
		t.Errorf("%s", got)
	}
	stream = "event: record\ndata: nonsense\n\n"
	for _, err := range c.Events(context.Background(), EventsQuery{}) {
		if p := problemOf(t, err); p.Code != rmg.Internal {
			t.Errorf("%+v", p)
		}
	}
}

func TestGivenUpByItsContext(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	c := at(t, func(http.ResponseWriter, *http.Request) { close(entered); <-leave })
	defer close(leave)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-entered; cancel() }()
	_, err := c.Status(ctx)
	if p := problemOf(t, err); p.Code != rmg.Unavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A call that changes something has a key, new for each, and is sent once more
// under it if the connection broke; one that only reads, or that was answered, is
// not.
func TestLostCallsAreSentAgainUnderTheirKey(t *testing.T) {
	var keys []string
	answer := func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }
	c := at(t, func(w http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Header.Get(wire.KeyHeader))
		answer(w)
	})
	ctx := context.Background()
	for name, do := range map[string]func() error{
		"rewrite":    func() error { _, err := c.Rewrite(ctx, wire.RewriteRequest{}); return err },
		"rewrite in": func() error { _, err := c.RewriteIn(ctx, "w1", wire.SpaceRewriteRequest{}); return err },
		"fork":       func() error { _, err := c.Fork(ctx, wire.ForkRequest{}); return err },
		"discard":    func() error { _, err := c.Discard(ctx, "w1", ""); return err },
		"restore":    func() error { _, err := c.Restore(ctx, "w1"); return err },
		"rebase":     func() error { _, err := c.Rebase(ctx, "w1", ""); return err },
		"resolve":    func() error { _, err := c.ResolveIn(ctx, "w1", wire.ResolveRequest{}); return err },
		"collapse":   func() error { _, err := c.Collapse(ctx, "w1", wire.CollapseRequest{}); return err },
		"undo":       func() error { _, err := c.Undo(ctx, wire.UndoRequest{}); return err },
		"cancel":     func() error { _, err := c.Cancel(ctx, "p1"); return err },
		"retry":      func() error { _, err := c.Retry(ctx, "p1"); return err },
		"approve":    func() error { _, err := c.ApproveGates(ctx, wire.ApproveGatesRequest{}); return err },
		"intent":     func() error { _, err := c.Intent(ctx, wire.IntentRequest{}); return err },
	} {
		keys = nil
		answer = func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
		if p := problemOf(t, do()); p.Code != rmg.Unavailable {
			t.Errorf("%s: %v", name, p)
		}
		// net/http may send what has a key anew by itself, where it kept a
		// connection too long.
		if len(keys) < 2 || keys[0] == "" || len(slices.Compact(slices.Clone(keys))) != 1 {
			t.Errorf("%s: sent under %q", name, keys)
		}
		first := keys[0]
		keys = nil
		answer = func(w http.ResponseWriter) { fmt.Fprint(w, "{}") }
		if err := do(); err != nil || len(keys) != 1 || keys[0] == first {
			t.Errorf("%s: %v, sent under %q after %q", name, err, keys, first)
		}
		keys = nil
		answer = func(w http.ResponseWriter) {
			if len(keys) == 1 {
				fmt.Fprint(w, `{"seq":`)
				panic(http.ErrAbortHandler)
			}
			fmt.Fprint(w, "{}")
		}
		if err := do(); err != nil || len(keys) != 2 || keys[0] != keys[1] {
			t.Errorf("%s: half an answer: %v, sent under %q", name, err, keys)
		}
	}
	keys = nil
	answer = func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	if _, err := c.Verify(ctx); err == nil || len(keys) != 1 || keys[0] != "" {
		t.Errorf("verify: %v, sent under %q", err, keys)
	}
}

package server

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// No call but the open one does anything for who cannot prove to be its owner.
func TestEveryCallNeedsTheSecret(t *testing.T) {
	f := newFake(1)
	s, _ := newServer(t, f, nil)
	targets := map[string]string{"/nothing": "GET"}
	for _, c := range s.calls {
		targets[strings.ReplaceAll(c.path, "{id}", "x")] = c.method
	}
	for target, method := range targets {
		for _, header := range []string{"", "Bearer", "Bearer ", "Bearer wrong secret", "Basic " + secret, "Bearer " + secret + "x"} {
			r := request(method, target, "{}")
			r.Header.Del("Authorization")
			if header != "" {
				r.Header.Set("Authorization", header)
			}
			if target == "/healthz" {
				if w := do(s, r); w.Code != 200 {
					t.Errorf("/healthz: %d", w.Code)
				}
				continue
			}
			p := refusal(t, s, r, 401)
			if p.Code != rmg.Denied {
				t.Errorf("%s with %q: %+v", target, header, p)
			}
		}
	}
	if len(f.calls) != 0 {
		t.Errorf("the kernel was asked: %q", f.calls)
	}
}

func TestSessionsReadAndChangeNothing(t *testing.T) {
	f := newFake(1)
	s, _ := newServer(t, f, nil)
	now := began
	s.now = func() time.Time { return now }
	made := answer[wire.Session](t, s, request("POST", "/session", ""))
	open := func(target string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", target, nil)
		r.Host = "127.0.0.1:7000"
		return do(s, r)
	}
	w := open(made.Path)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	cookie := w.Result().Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || strings.Contains(cookie.Value, made.Token) {
		t.Errorf("cookie: %+v", cookie)
	}
	if w := open(made.Path); w.Code != 401 {
		t.Errorf("the token served twice: %d", w.Code)
	}
	with := func(method, target, site string) *http.Request {
		r := request(method, target, "{}")
		r.Header.Del("Authorization")
		r.AddCookie(cookie)
		r.Header.Set("Sec-Fetch-Site", site)
		return r
	}
	answer[wire.Status](t, s, with("GET", "/status", "same-origin"))
	refusal(t, s, with("GET", "/status", "same-site"), 401)
	refusal(t, s, with("GET", "/status", "cross-site"), 401)
	for _, c := range s.calls {
		if c.method != http.MethodGet {
			refusal(t, s, with(c.method, strings.ReplaceAll(c.path, "{id}", "w5"), "same-origin"), 403)
		}
	}
	if who := answer[wire.Caller](t, s, with("GET", "/session", "same-origin")); !who.ReadOnly || len(who.Caps) != 0 {
		t.Errorf("a session that only looks is told %+v", who)
	}
	now = began.Add(sessionLife)
	refusal(t, s, with("GET", "/status", "same-origin"), 401)

	late := answer[wire.Session](t, s, request("POST", "/session", ""))
	now = now.Add(tokenLife)
	if w := open(late.Path); w.Code != 401 {
		t.Errorf("an old token served: %d", w.Code)
	}
}

// begun opens the page of a session that may act, and returns requests of it.
func begun(t *testing.T, s *Server, bearer string) func(method, target string, headers ...string) *http.Request {
	t.Helper()
	r := request("POST", "/session", `{"act":true}`)
	r.Header.Set("Authorization", "Bearer "+bearer)
	made := answer[wire.Session](t, s, r)
	open := httptest.NewRequest("GET", made.Path, nil)
	open.Host = "127.0.0.1:7000"
	cookie := do(s, open).Result().Cookies()[0]
	return func(method, target string, headers ...string) *http.Request {
		r := request(method, target, "{}")
		r.Header.Del("Authorization")
		r.AddCookie(cookie)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		return r
	}
}

// A session acts as who made it, from its own page alone, and gives nobody
// rights that outlive it.
func TestSessionsActForTheirMaker(t *testing.T) {
	f := newFake(1)
	s, _ := newServer(t, f, nil)
	with := begun(t, s, secret)
	if who := answer[wire.Caller](t, s, with("GET", "/session")); who.Name != "ada@host" || who.Kind != "person" || who.ReadOnly || len(who.Caps) != 9 {
		t.Errorf("the caller is %+v", who)
	}
	own := []string{"Sec-Fetch-Site", "same-origin"}
	answer[wire.Workspace](t, s, with("POST", "/sws", own...))
	if got := f.last(); !strings.HasPrefix(got, "Fork ada@host") {
		t.Errorf("the caller was %q", got)
	}
	answer[wire.Workspace](t, s, with("POST", "/sws", "Origin", "http://localhost:7000"))
	for _, headers := range [][]string{
		nil,
		{"Sec-Fetch-Site", "none"},
		{"Origin", "http://127.0.0.1:8000"},
		{"Origin", "null"},
		{"Sec-Fetch-Site", "none", "Origin", "http://localhost:7000"},
	} {
		refusal(t, s, with("POST", "/sws", headers...), 403)
	}
	for _, target := range []string{"/session", "/token", "/token/x/revoke", "/policy", "/admin/gc", "/admin/purge", "/admin/backup"} {
		if p := refusal(t, s, with("POST", target, own...), 403); !strings.Contains(p.Detail, "web sessions") {
			t.Errorf("%s: %s", target, p.Detail)
		}
	}
}

// A token's session may do what the token may, for as long as that is valid.
func TestSessionsEndWithTheirToken(t *testing.T) {
	f := newFake(1)
	s, _ := newServer(t, f, nil)
	made := answer[wire.NewToken](t, s, request("POST", "/token", `{"name":"ci","caps":["rewrite"]}`))
	with := begun(t, s, made.Secret)
	if who := answer[wire.Caller](t, s, with("GET", "/session")); who.Name != "token:ci" || who.ReadOnly {
		t.Errorf("the caller is %+v", who)
	}
	answer[wire.NewToken](t, s, request("POST", "/token", `{"name":"other","caps":["rewrite"]}`)) // the fake knows the last one alone
	refusal(t, s, with("GET", "/status"), 401)
}

// Pages and their files are served to anybody, under a policy that lets nothing
// else run; what they name is there.
func TestPagesAreServed(t *testing.T) {
	s, _ := newServer(t, newFake(0), nil)
	get := func(target, media string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", target, nil)
		r.Host = "localhost"
		w := do(s, r)
		policy := w.Header().Get("Content-Security-Policy")
		if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), media) || w.Body.Len() < 100 {
			t.Errorf("%s: %d %v", target, w.Code, w.Header())
		}
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "script-src 'self';") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s has the content security policy %q", target, policy)
		}
		return w
	}
	names := regexp.MustCompile(`(?:src|href)="\./(assets/[^"]+)"`)
	for _, target := range []string{"/", "/gallery"} {
		found := names.FindAllStringSubmatch(get(target, "text/html").Body.String(), -1)
		if len(found) < 2 {
			t.Errorf("%s names %d files", target, len(found))
		}
		for _, m := range found {
			media := map[string]string{".js": "text/javascript", ".css": "text/css"}[path.Ext(m[1])]
			if w := get("/"+m[1], media); !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
				t.Errorf("%s is not kept", m[1])
			}
		}
	}
}

func TestHostsAndOrigins(t *testing.T) {
	s, _ := newServer(t, newFake(0), func(o *Options) { o.Hosts = []string{"build.example"} })
	for _, c := range []struct {
		host, origin string
		network      string
		status       int
	}{
		{"localhost:7000", "", "tcp", 200},
		{"127.0.0.1:7000", "http://127.0.0.1:7000", "tcp", 200},
		{"[::1]:7000", "", "tcp", 200},
		{"build.example", "", "tcp", 200},
		{"BUILD.example:80", "", "tcp", 200},
		{"evil.example", "", "tcp", 403},
		{"localhost.evil.example", "", "tcp", 403},
		{"", "", "tcp", 403},
		{"localhost:7000", "http://evil.example", "tcp", 403},
		{"localhost:7000", "http://localhost:8000", "tcp", 403},
		{"localhost:7000", "null", "tcp", 403},
		{"jitos", "", "unix", 200},
		{"evil.example", "", "", 403},
	} {
		r := request("GET", "/healthz", "")
		r.Host = c.host
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		switch c.network {
		case "tcp":
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{}))
		case "unix":
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.UnixAddr{Net: "unix"}))
		}
		if w := do(s, r); w.Code != c.status {
			t.Errorf("%+v: %d %s", c, w.Code, w.Body)
		}
	}
}

func TestCallersAreNamed(t *testing.T) {
	for claim, want := range map[string]string{
		"ada@host": "ada@host", "": "unknown", "  ": "unknown", "kernel": "unknown", "worker:repair": "worker_repair",
		"a\x00b\nc": "ab_c", "\xff": "unknown", strings.Repeat("x", 500): strings.Repeat("x", maxCaller), "Zoë@host": "Zoë@host",
	} {
		if got := callerName(claim); got != want {
			t.Errorf("%q: %q, want %q", claim, got, want)
		}
	}
	f := newFake(0)
	s, _ := newServer(t, f, func(o *Options) {
		o.Tokens = func(token string) (kernel.Caller, bool) {
			return kernel.Caller{Name: "worker:script", Process: "p9"}, token == "a worker's token"
		}
	})
	r := request("POST", "/sws", "")
	r.Header.Set("Authorization", "Bearer a worker's token")
	answer[wire.Workspace](t, s, r)
	if got := f.last(); !strings.HasPrefix(got, "Fork worker:script") {
		t.Errorf("the caller was %q", got)
	}
}

// An operation that waits for a person says so.
func TestOperationsSayWhatTheyWaitFor(t *testing.T) {
	f := newFake(0)
	f.asks = []kernel.Approval{question("a7")}
	answered := make(chan struct{})
	f.collapse = func(context.Context) (kernel.Collapsed, error) { <-answered; return kernel.Collapsed{Seq: 9}, nil }
	s, _ := newServer(t, f, nil)
	w := do(s, request("POST", "/sws/w5/collapse?wait=0s", ""))
	close(answered)
	if w.Code != 202 || !strings.Contains(w.Body.String(), `"waiting":{"id":"a7"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A token's secret is told once, is no person's, and its caller is the kernel's
// word, whatever name the request claims.
func TestTokens(t *testing.T) {
	f := newFake(0)
	s, _ := newServer(t, f, nil)
	made := answer[wire.NewToken](t, s, request("POST", "/token", `{"name":"ci","caps":["rewrite"]}`))
	if len(made.Secret) < 40 || f.last() != "NewToken ada@host ci  rewrite 720h0m0s" {
		t.Errorf("%+v %s", made, f.last())
	}
	r := request("POST", "/sws", "")
	r.Header.Set("Authorization", "Bearer "+made.Secret)
	r.Header.Set(wire.CallerHeader, "ada@host")
	answer[wire.Workspace](t, s, r)
	if got := f.last(); !strings.HasPrefix(got, "Fork token:ci") {
		t.Errorf("the caller was %q", got)
	}
	for _, body := range []string{`{"name":"ci","caps":["root"]}`, `{"name":"ci","caps":["rewrite"],"ttl":"soon"}`} {
		refusal(t, s, request("POST", "/token", body), 400)
	}
}

// Who holds the secret and says that it is an agent is heard as one; a token is
// what it is, whatever it says.
func TestAgentsOfTheOwner(t *testing.T) {
	s, _ := newServer(t, newFake(0), nil)
	r := request("GET", "/session", "")
	r.Header.Set(wire.KindHeader, "agent")
	got := answer[wire.Caller](t, s, r)
	if got.Kind != "agent" || strings.Join(got.Caps, ",") != "rewrite,exec,intent,collapse" || got.Name != "ada@host" {
		t.Errorf("%+v", got)
	}
	if got := answer[wire.Caller](t, s, request("GET", "/session", "")); got.Kind != "person" {
		t.Errorf("%+v", got)
	}
	r.Header.Set(wire.KindHeader, "kernel")
	refusal(t, s, r, 400)
}

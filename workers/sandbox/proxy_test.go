//go:build linux

package sandbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"jitos.dev/rmg"
	"jitos.dev/work"
)

// fetch asks by the proxy that the environment names, and prints what came; it
// follows redirects.
func fetch(at string) error {
	via, err := url.Parse(os.Getenv("HTTP_PROXY"))
	if err != nil {
		return err
	}
	if os.Getenv("HTTPS_PROXY") != via.String() || via.Host == "" {
		return errors.New("the environment names no proxy")
	}
	c := http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(via), TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	r, err := c.Get(at)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	fmt.Println(r.StatusCode)
	_, err = io.Copy(os.Stdout, r.Body)
	return err
}

// site is a server of the machine that counts who reaches it.
type site struct {
	*httptest.Server
	hits atomic.Int64
}

func newSite(t *testing.T, secure bool, h http.HandlerFunc) *site {
	t.Helper()
	s := &site{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		h(w, r)
	}))
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

func (s *site) port() string {
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	return port
}

// A command reaches the hosts that it was given, in plain and by TLS, and what it
// did is told.
func TestHostsAreReached(t *testing.T) {
	needs(t, "full")
	hello := func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "hello %s from %s\n", r.URL.Path, r.Host) }
	plain, secure := newSite(t, false, hello), newSite(t, true, hello)
	hosts := []string{"localhost:" + plain.port(), "localhost:" + secure.port()}
	for i, at := range []string{"http://" + hosts[0] + "/a", "https://" + hosts[1] + "/b"} {
		told := make(chan work.Connection, 1)
		out := self(t, Command{Hosts: hosts, Connected: func(c work.Connection) { told <- c }}, "fetch", at)
		want := fmt.Sprintf("200\nhello /%c from %s\n", 'a'+i, hosts[i])
		if out.Exit != 0 || string(out.Stdout) != want {
			t.Errorf("%s: exit %d\n%s%s", at, out.Exit, out.Stdout, out.Stderr)
		}
		if len(out.Connections) != 1 || out.InForce.Network != NetworkHosts || strings.Join(out.InForce.Hosts, " ") != strings.Join(hosts, " ") {
			t.Fatalf("%s: %+v", at, out)
		}
		c := out.Connections[0]
		if c.Host != hosts[i] || c.Verdict != work.Connected || c.Code != "" || c.Sent == 0 || c.Received == 0 || c != <-told {
			t.Errorf("%s: %+v", at, c)
		}
	}
}

// A command that may reach one host tries for others.
func TestNothingElseIsReached(t *testing.T) {
	needs(t, "full")
	other := newSite(t, false, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "secret") })
	away := "http://localhost:" + other.port() + "/"
	mine := newSite(t, false, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, away, http.StatusFound) })
	host, port, elsewhere := "localhost:"+mine.port(), mine.port(), other.port()
	get := func(host, head string) string {
		return "GET http://" + host + "/ HTTP/1.1\r\n" + head + "Connection: close\r\n\r\n"
	}
	connect := func(host, head string) string { return "CONNECT " + host + " HTTP/1.1\r\n" + head + "\r\n" }
	for name, c := range map[string]struct {
		probe, arg string
		code       rmg.Code // of the refusal; empty if it does not come to the proxy
	}{
		"another port by name":         {"raw", connect("localhost:"+elsewhere, ""), rmg.Denied},
		"another by address":           {"raw", connect("127.0.0.1:"+elsewhere, ""), rmg.Denied},
		"its own by address":           {"raw", connect("127.0.0.1:"+port, ""), rmg.Denied},
		"by another form of address":   {"raw", connect("127.1:"+elsewhere, ""), rmg.Invalid},
		"by a number":                  {"raw", connect("2130706433:"+elsewhere, ""), rmg.Invalid},
		"by IPv6":                      {"raw", connect("[::1]:"+elsewhere, ""), rmg.Invalid},
		"by a mapped address":          {"raw", get("[::ffff:127.0.0.1]:"+elsewhere, ""), rmg.Invalid},
		"plain, another":               {"raw", get("127.0.0.1:"+elsewhere, ""), rmg.Denied},
		"plain, no port":               {"raw", get("localhost", ""), rmg.Denied},
		"as a user of it":              {"raw", get(host+"@localhost:"+elsewhere, ""), rmg.Denied},
		"Host says another":            {"raw", get(host, "Host: localhost:"+elsewhere+"\r\n"), rmg.Invalid},
		"Host says two":                {"raw", get(host, "Host: "+host+"\r\nhOST: localhost:"+elsewhere+"\r\n"), rmg.Invalid},
		"Host of CONNECT says another": {"raw", connect(host, "Host: evil.example:443\r\n"), rmg.Invalid},
		"the allowed one only in Host": {"raw", connect("localhost:"+elsewhere, "Host: "+host+"\r\n"), rmg.Invalid},
		"no proxy's request":           {"raw", "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n", rmg.Invalid},
		"another scheme":               {"raw", strings.Replace(get(host, ""), "http:", "ftp:", 1), rmg.Invalid},
		"no HTTP at all":               {"raw", "\x16\x03\x01\x02\n\n", rmg.Invalid},
		"a redirect":                   {"fetch", "http://" + host + "/", rmg.Denied},
		"another by the proxy":         {"fetch", away, rmg.Denied},
		"directly":                     {"dial", "127.0.0.1:" + elsewhere, ""},
		"its own directly":             {"dial", "127.0.0.1:" + port, ""},
		"a packet":                     {"udp", "192.0.2.1:53", ""},
		"DNS":                          {"lookup", "example.com", ""},
	} {
		args := []string{c.arg}
		switch c.probe {
		case "dial":
			args = []string{"tcp", c.arg}
		case "udp":
			c.probe, args = "dial", []string{"udp", c.arg}
		}
		out := self(t, Command{Hosts: []string{host}}, c.probe, args...)
		if strings.Contains(string(out.Stdout), "secret") {
			t.Errorf("%s: it was reached\n%s", name, out.Stdout)
		}
		if c.code == "" {
			if out.Exit == 0 || len(out.Connections) != 0 {
				t.Errorf("%s: exit %d, %+v", name, out.Exit, out.Connections)
			}
			continue
		}
		// What is refused says code, what, why, what next; and it is in the record.
		if n := len(out.Connections); n == 0 || out.Connections[n-1].Verdict != work.Refused || out.Connections[n-1].Code != c.code || out.Connections[n-1].Why == "" {
			t.Errorf("%s: %+v", name, out.Connections)
		}
		if said := string(out.Stdout); !strings.Contains(said, string(c.code)+": network: ") || strings.Count(said[strings.Index(said, "network: "):], "\n") < 2 {
			t.Errorf("%s: it was told\n%s", name, said)
		}
	}
	if n := other.hits.Load(); n != 0 {
		t.Errorf("the other was reached %d times", n)
	}
	if n := mine.hits.Load(); n != 1 {
		t.Errorf("its own was reached %d times, not by the redirect alone", n)
	}

	// Without hosts there is no proxy.
	if out := self(t, Command{}, "raw", get(host, "")); out.Exit == 0 || out.InForce.Network == NetworkHosts {
		t.Errorf("without hosts: %+v", out)
	}
}

// Behind a request there is no second one, whatever its body holds.
func TestOneRequestIsOne(t *testing.T) {
	needs(t, "full")
	var bodies atomic.Pointer[string]
	mine := newSite(t, false, func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		all := r.Header.Get("X-Hop") + r.Header.Get("Proxy-Authorization") + string(data)
		bodies.Store(&all)
		io.WriteString(w, "once")
	})
	host := "localhost:" + mine.port()
	second := "GET /second HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	head := "POST http://" + host + "/ HTTP/1.1\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nProxy-Authorization: Basic eA==\r\n"
	for name, text := range map[string]string{
		"pipelined":   head + "Content-Length: 4\r\n\r\nbody" + second,
		"in chunks":   head + "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n" + second,
		"two lengths": head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n" + second,
	} {
		mine.hits.Store(0)
		out := self(t, Command{Hosts: []string{host}}, "raw", text)
		if !strings.HasSuffix(string(out.Stdout), "once") || mine.hits.Load() != 1 || *bodies.Load() != "body" {
			t.Errorf("%s: %d hits, body %q, answer\n%s", name, mine.hits.Load(), *bodies.Load(), out.Stdout)
		}
	}
}

// gate is a proxy in this process, with a resolver of its own.
func gate(t *testing.T, hosts []string, names map[string][]string) (string, *proxy) {
	t.Helper()
	p := newProxy(t.Context(), hosts, nil)
	p.lookup = func(ctx context.Context, name string) ([]netip.Addr, error) {
		if local(name) {
			return resolve(ctx, name)
		}
		var out []netip.Addr
		for _, a := range names[name] {
			out = append(out, netip.MustParseAddr(a))
		}
		return out, nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.all.Go(func() { p.serve(l) })
	return l.Addr().String(), p
}

// ask sends a request to a proxy and returns its answer.
func ask(t *testing.T, at, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	data, _ := io.ReadAll(c) // what came of it counts
	return string(data)
}

// A name that is allowed does not lead into this machine, whatever its owner has
// the resolver say.
func TestANameDoesNotLeadHome(t *testing.T) {
	home := newSite(t, false, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "secret") })
	names := map[string][]string{
		"a.example": {"127.0.0.1"}, "b.example": {"127.8.8.8", "::1"}, "c.example": {"0.0.0.0"}, "d.example": {"::ffff:127.0.0.1"},
		"e.example": {"169.254.169.254"}, "f.example": {"fe80::1"}, "g.example": {"224.0.0.1"}, "h.example": {"::"},
	}
	if list, err := net.InterfaceAddrs(); err == nil {
		for _, a := range list {
			names["i.example"] = append(names["i.example"], netip.MustParsePrefix(a.String()).Addr().String())
		}
	}
	var hosts []string
	for n := range names {
		hosts = append(hosts, n+":"+home.port())
	}
	at, p := gate(t, append(hosts, "127.0.0.1:"+home.port(), "localhost:1"), names)
	for _, h := range hosts {
		if got := ask(t, at, "GET http://"+h+"/ HTTP/1.1\r\n\r\n"); !strings.Contains(got, "Jitos-Code: denied") {
			t.Errorf("%s: %s", h, got)
		}
	}
	if n := home.hits.Load(); n != 0 {
		t.Errorf("it was reached %d times", n)
	}
	if got := ask(t, at, "GET http://127.0.0.1:"+home.port()+"/ HTTP/1.1\r\n\r\n"); !strings.HasSuffix(got, "secret") {
		t.Errorf("an address that is in the list: %s", got)
	}
	// One who is allowed and not there is told so, by another code.
	if got := ask(t, at, "CONNECT localhost:1 HTTP/1.1\r\n\r\n"); !strings.Contains(got, "Jitos-Code: unavailable") {
		t.Errorf("nobody is there: %s", got)
	}
	log := p.close()
	if last := log[len(log)-1]; last.Verdict != work.Failed || last.Code != rmg.Unavailable || last.Host != "localhost:1" {
		t.Errorf("%+v", last)
	}
}

// The limits of the proxy hold, and what has no room in the record is summed up.
func TestTheProxyHasLimits(t *testing.T) {
	home := newSite(t, false, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "here") })
	host := "localhost:" + home.port()
	at, p := gate(t, []string{host}, nil)
	if got := ask(t, at, "GET http://"+host+"/ HTTP/1.1\r\nX: "+strings.Repeat("x", maxHead-200)+"\r\n\r\n"); !strings.HasSuffix(got, "here") {
		t.Errorf("a long head: %.200s", got)
	}
	if got := ask(t, at, "GET http://"+host+"/ HTTP/1.1\r\nX: "+strings.Repeat("x", maxHead)); !strings.Contains(got, "Jitos-Code: limit") {
		t.Errorf("a longer one: %.200s", got)
	}
	var idle []net.Conn
	for range maxConnections {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, c)
	}
	get := "GET http://" + host + "/ HTTP/1.1\r\n\r\n"
	if got := ask(t, at, get); !strings.Contains(got, "Jitos-Code: limit") {
		t.Errorf("one too many: %s", got)
	}
	for _, c := range idle {
		io.WriteString(c, "no\r\n\r\n")
		io.Copy(io.Discard, c)
		c.Close()
	}
	for range maxRecorded - 3 - maxConnections + 2 {
		ask(t, at, get)
	}
	log := p.close()
	last := log[len(log)-1]
	if len(log) != maxRecorded+1 || last.Verdict != Summed || last.Received == 0 || !strings.HasPrefix(last.Why, "2 more") {
		t.Errorf("%d are recorded, the last is %+v", len(log), last)
	}
	if _, err := net.Dial("tcp", at); err == nil {
		t.Error("it listens still")
	}
}

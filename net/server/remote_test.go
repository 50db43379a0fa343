package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// certificate makes one that signs itself, for no name at all.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// remotely is a server on TCP, and the address and fingerprint that it has.
type remotely struct {
	*Server
	address, pin string
}

func newRemote(t *testing.T, f *fake, change func(*Options)) remotely {
	t.Helper()
	s, _ := newServer(t, f, change)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cert := certificate(t)
	served := make(chan error, 1)
	go func() { served <- s.ServeTLS(ln, cert) }()
	t.Cleanup(func() { // after the server's own, which ends it
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { s.stop(); s.http.Close() })
	return remotely{s, ln.Addr().String(), wire.Fingerprint(cert.Certificate[0])}
}

// dial opens a TLS connection that takes any certificate.
func (r remotely) dial(t *testing.T, config *tls.Config) *tls.Conn {
	t.Helper()
	config.InsecureSkipVerify = true // what is tested is the server
	conn, err := tls.Dial("tcp", r.address, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ask sends a request as it is written, and reads the answer.
func ask(t *testing.T, conn net.Conn, text string) (*http.Response, string) {
	t.Helper()
	if _, err := io.WriteString(conn, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// A token, and what it may do, is all that counts over the network.
func TestRemoteCallers(t *testing.T) {
	f := newFake(1)
	r := newRemote(t, f, func(o *Options) {
		o.Address = "https://x"
		o.MCP = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "agents are heard") })
	})
	token := "a token of this very test"
	f.sum = sumOf(token)
	status := func(bearer, more string) string {
		auth := ""
		if bearer != "" {
			auth = "Authorization: Bearer " + bearer + "\n"
		}
		return "GET /status HTTP/1.1\nHost: " + r.address + "\nConnection: close\n" + auth + more + "\n"
	}
	for _, c := range []struct {
		name, text string
		status     int
		says       string
	}{
		{"a token", status(token, ""), 200, `"address":"https://x"`},
		{"no token", status("", ""), 401, "jitos token new"},
		{"the daemon's own secret", status(secret, ""), 401, "for its unix socket"},
		{"a token that is none, or whose time is over", status(token+"x", ""), 401, "not valid any more"},
		{"another host", strings.Replace(status(token, ""), r.address, "evil.example", 1), 403, "--tcp-host"},
		{"no host", strings.Replace(status(token, ""), "Host: "+r.address+"\n", "", 1), 400, "missing required Host"},
		{"a page of another origin", status(token, "Origin: https://evil.example\n"), 403, "may not call"},
		{"a page of the same name at another port", status(token, "Origin: https://127.0.0.1:1\n"), 403, "may not call"},
		{"an agent without a token", strings.Replace(status("", ""), "/status", "/mcp", 1), 401, "jitos token new"},
		{"an agent with the daemon's secret", strings.Replace(status(secret, ""), "/status", "/mcp", 1), 401, "for its unix socket"},
		{"an agent", strings.Replace(status(token, ""), "/status", "/mcp", 1), 200, "agents"},
		{"its own page", status(token, "Origin: https://"+r.address+"\n"), 200, "seq"},
		{"a header without end", status(token, "X: "+strings.Repeat("x", 80<<10)+"\n"), 431, ""},
		{"a profile", strings.Replace(status(token, ""), "/status", "/admin/profile/heap", 1), 403, "unix socket only"},
		{"a page that asks whether it may", strings.Replace(status("", "Origin: https://evil.example\nAccess-Control-Request-Method: POST\n"), "GET", "OPTIONS", 1), 403, ""},
		{"its own page that asks whether it may", strings.Replace(status("", "Origin: https://"+r.address+"\n"), "GET", "OPTIONS", 1), 401, ""},
	} {
		resp, body := ask(t, r.dial(t, &tls.Config{}), c.text)
		if resp.StatusCode != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s: %d %s", c.name, resp.StatusCode, body)
		}
		for name := range resp.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: %s is answered", c.name, name)
			}
		}
		if strings.Contains(body, secret) {
			t.Errorf("%s: the secret is answered", c.name)
		}
	}
}

// What is not TLS 1.3 and HTTP/1.1 is not spoken.
func TestRemoteProtocols(t *testing.T) {
	f := newFake(1)
	r := newRemote(t, f, nil)
	plain, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if resp, body := ask(t, plain, "GET /healthz HTTP/1.1\nHost: "+r.address+"\n\n"); resp.StatusCode != 400 || strings.Contains(body, "version") {
		t.Errorf("plain HTTP: %d %s", resp.StatusCode, body)
	}
	if conn, err := tls.Dial("tcp", r.address, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}); err == nil {
		conn.Close()
		t.Error("TLS 1.2 is spoken")
	}
	if conn, err := tls.Dial("tcp", r.address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}); err == nil {
		conn.Close()
		t.Error("HTTP/2 is spoken")
	}
	if got := r.counts.byStatus; len(got) != 0 {
		t.Errorf("handlers were reached: %v", got)
	}
}

// Who begins and does not go on is cut off, before the handshake and after it, however
// that shows: as an end, a reset, a broken pipe or a refusal.
func TestRemoteSlowCallers(t *testing.T) {
	ends := func(what string, conn net.Conn) {
		t.Helper()
		if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: not cut off within a minute", what)
		}
		if bytes.Contains(got, []byte("200")) {
			t.Errorf("%s: %s", what, got)
		}
	}
	// A machine may be too slow to shake hands within the limit: then it is another one.
	for limit := 20 * time.Millisecond; ; limit *= 2 {
		r := newRemote(t, newFake(1), func(o *Options) { o.Limits.Header = limit })
		silent, err := net.Dial("tcp", r.address)
		if err != nil {
			t.Fatal(err)
		}
		ends("silent", silent)
		silent.Close()
		half, err := tls.Dial("tcp", r.address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			if limit > time.Minute {
				t.Fatalf("no handshake within %v: %v", limit, err)
			}
			continue
		}
		_, _ = io.WriteString(half, "GET /status HTTP/1.1\r\nHost: ") // it may be cut off by now
		ends("half a request", half)
		half.Close()
		return
	}
}

// A gate lets so many in at once, and the next when one has gone.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var far []net.Conn
		in := piped(make(chan net.Conn, 3))
		for range 3 {
			a, b := net.Pipe()
			in <- a
			far = append(far, b)
		}
		g := newGate(in, 2, time.Second)
		one, err := g.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Accept(); err != nil {
			t.Fatal(err)
		}
		third := make(chan net.Conn, 1)
		go func() {
			c, _ := g.Accept()
			third <- c
		}()
		synctest.Wait()
		if len(third) != 0 {
			t.Error("a third was let in")
		}
		_ = one.Close()
		_ = one.Close() // makes room once
		if c := <-third; c == nil {
			t.Error("no third was let in")
		}
		ended := make(chan error, 1)
		go func() { _, err := g.Accept(); ended <- err }()
		synctest.Wait()
		if len(ended) != 0 {
			t.Error("closed twice, one connection made room for two")
		}
		_ = g.Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		for _, c := range far {
			c.Close()
		}
	})
}

// Who does not read is given up, however long that takes.
func TestGateStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		in := piped(make(chan net.Conn, 1))
		in <- near
		c, err := newGate(in, 1, 30*time.Second).Accept()
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != 30*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		c.Close()
		far.Close()
	})
}

// piped is a listener to which connections are handed.
type piped chan net.Conn

func (p piped) Accept() (net.Conn, error) { return <-p, nil }
func (p piped) Close() error              { return nil }
func (p piped) Addr() net.Addr            { return &net.TCPAddr{} }

// The client speaks with the daemon that was named, and with no other.
func TestRemoteClient(t *testing.T) {
	f := newFake(1)
	r := newRemote(t, f, nil)
	token := "a token of this very test"
	f.sum = sumOf(token)
	call := func(socket, secret string) error {
		c, err := client.New(client.Options{Socket: socket, Secret: secret})
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Status(context.Background())
		return err
	}
	pinned := "https://" + r.address + "#" + r.pin
	shouted := "https://" + r.address + "/#SHA256:" + strings.ToUpper(strings.TrimPrefix(r.pin, "sha256:"))
	for _, good := range []string{pinned, shouted} {
		if err := call(good, token); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	other := "https://" + r.address + "#" + wire.Fingerprint([]byte("another"))
	for _, c := range []struct {
		socket, secret string
		code           rmg.Code
		says           string
	}{
		{pinned, "", rmg.Denied, "demands a token"},
		{pinned, secret, rmg.Denied, "for its unix socket"},
		{other, token, rmg.Unavailable, "not the daemon that was named: its certificate is " + r.pin},
		{"https://" + r.address, token, rmg.Unavailable, "nobody vouches"},
		{"http://" + r.address, token, rmg.Invalid, "no encryption"},
		{"tcp:192.0.2.1:7443", token, rmg.Invalid, "https://192.0.2.1:7443"},
		{"https://" + r.address + "#md5:00", token, rmg.Invalid, "fingerprint"},
		{"https://user@" + r.address, token, rmg.Invalid, "no address"},
		{"https://" + r.address + "/page", token, rmg.Invalid, "no address"},
	} {
		err := call(c.socket, c.secret)
		if !errors.Is(err, &rmg.Error{Code: c.code}) || !strings.Contains(err.Error()+hint(err), c.says) {
			t.Errorf("%s: %v", c.socket, err)
		}
	}
	if got := f.calls; len(got) != 0 {
		t.Errorf("the kernel was asked: %q", got)
	}
}

func hint(err error) string {
	p, _ := wire.ProblemOf(err)
	return p.Hint
}

// A web session over TLS has a cookie that goes nowhere else.
func TestRemoteSessions(t *testing.T) {
	f := newFake(1)
	r := newRemote(t, f, nil)
	f.sum = sumOf("tok")
	made, err := func() (wire.Session, error) {
		c, err := client.New(client.Options{Socket: "https://" + r.address + "#" + r.pin, Secret: "tok"})
		if err != nil {
			return wire.Session{}, err
		}
		defer c.Close()
		return c.Session(context.Background(), wire.SessionRequest{Act: true})
	}()
	if err != nil {
		t.Fatal(err)
	}
	resp, _ := ask(t, r.dial(t, &tls.Config{}), "GET "+made.Path+" HTTP/1.1\nHost: "+r.address+"\nConnection: close\n\n")
	if c := resp.Cookies(); len(c) != 1 || !c[0].Secure || !c[0].HttpOnly {
		t.Errorf("%v", c)
	}
}

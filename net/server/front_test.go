package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jitos.dev/net/wire"
)

// rawServer is a server on a socket that bytes are sent to, and its handler behind
// net/http alone on another one.
type rawServer struct {
	*Server
	front, plain string
}

func newRawServer(t testing.TB, f *fake) *rawServer {
	t.Helper()
	s, _ := newServer(t, f, nil)
	r := &rawServer{Server: s, front: filepath.Join(t.TempDir(), "f"), plain: filepath.Join(t.TempDir(), "p")}
	one, err := net.Listen("unix", r.front)
	if err != nil {
		t.Fatal(err)
	}
	two, err := net.Listen("unix", r.plain)
	if err != nil {
		t.Fatal(err)
	}
	other := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	served := make(chan error, 1)
	go func() { served <- s.Serve(one) }()
	go func() { _ = other.Serve(two) }()
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		other.Close()
	})
	return r
}

// said is what a server says to some bytes, up to the end of the connection: the
// answers, without what differs each time.
func said(t testing.TB, socket string, sent []byte) string {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(sent); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for r := bufio.NewReader(conn); ; {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return out.String()
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil { // an answer to HEAD has none
			return out.String() + fmt.Sprint(resp.StatusCode, resp.ContentLength, err)
		}
		if resp.StatusCode == http.StatusOK && resp.Header.Get("Date") == "" {
			t.Errorf("%q: no date", sent)
		}
		var problem wire.Problem
		if json.Unmarshal(body, &problem) == nil && problem.Request != "" {
			body = bytes.ReplaceAll(body, []byte(problem.Request), []byte("REQUEST"))
		}
		for _, name := range []string{"Date", "X-Request-Id", "Connection", "Content-Length"} {
			resp.Header.Del(name)
		}
		fmt.Fprintf(&out, "%d %v %v\n%s\n", resp.StatusCode, resp.Proto, resp.Header, body)
	}
}

// node5 is a rewrite.
const node5 = `{"ops":[{"op":"inc","path":"/svc/n003","prop":"hits","by":1}],"reason":"why"}`

// frontPostTo is a rewrite at another path.
func frontPostTo(target, body string) string {
	return strings.Replace(frontPost(body, ""), "/rewrite", target, 1)
}

// get and put are requests of the front, with more headers.
func frontGet(target, more string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: jitos\r\nAuthorization: Bearer " + secret + "\r\n" + more + "\r\n"
}

func frontPost(body, more string) string {
	return fmt.Sprintf("POST /rewrite HTTP/1.1\r\nHost: jitos\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n%s\r\n%s", secret, len(body), more, body)
}

// oddRequests are such as the front answers itself, and such as it has to leave.
func oddRequests() []string {
	const node = "/rmg?depth=0&path=/svc/n003"
	return []string{
		frontGet(node, ""), frontGet(node, "X-Request-Id: mine\r\n"), frontGet("/rmg", ""), frontGet("/rmg?", ""), frontGet("/rmg?depth=x", ""),
		frontGet("/rmg?path=/svc&path=/", ""), frontGet("/rmg?path=%zz", ""), frontGet("/rmg?path=%ff", ""), frontGet("/rmg?nothing=1&never=2", ""),
		frontGet("/rmg?path=/svc/n0003", ""), frontGet("/rmg?depth=0&path=/svc/n003#x", ""), frontGet("//rmg", ""), frontGet("/rmg/", ""),
		frontGet("/status/../rmg", ""), frontGet("http://jitos"+node, ""), frontGet(node, "Accept-Encoding: gzip\r\n"),
		frontGet(node, "If-None-Match: *\r\n"), frontGet("/rmg?depth=1&path=/svc", "accept-encoding:gzip\r\n"), frontGet(node, "Idempotency-Key: k\r\n"),
		frontGet(node, "X-Odd:  two  \r\n"), frontGet(node, "X-Odd: a\r\nX-Odd: b\r\n"), frontGet(node, "X-Odd : a\r\n"), frontGet(node, "X-Odd: a\r\n b\r\n"),
		frontGet(node, "X_Odd: a\r\n"), frontGet(node, "Host: other\r\n"), frontGet(node, "Connection: close\r\n"), frontGet(node, "Expect: 100-continue\r\n"),
		frontGet(node, "Content-Length: 0\r\n"), frontGet(node, "X-Odd: \x01\r\n"), frontGet(node, "X-Odd: é\r\n"), frontGet(node, ": x\r\n"),
		frontGet(node, "Transfer-Encoding: chunked\r\n"), frontGet(node, "Cookie: jitos_session=x\r\n"), frontGet(node, strings.Repeat("X-Long: y\r\n", 2)),
		strings.Replace(frontGet(node, ""), "HTTP/1.1", "HTTP/1.0", 1), strings.Replace(frontGet(node, ""), "HTTP/1.1", "HTTP/2.0", 1),
		strings.Replace(frontGet(node, ""), "\r\n", "\n", 1), strings.Replace(frontGet(node, ""), "Host: jitos\r\n", "", 1), strings.Replace(frontGet(node, ""), "Bearer", "Basic", 1),
		strings.Replace(frontGet(node, ""), "jitos", "a b", 1), strings.Replace(frontGet(node, ""), "GET", "HEAD", 1), strings.Replace(frontGet(node, ""), "GET", "get", 1),
		strings.Replace(frontGet(node, ""), secret, "wrong", 1), frontGet(node, "") + frontGet("/rmg?depth=0&path=/svc/n004", ""), frontGet(node, "") + "x",
		frontPost(`{"ops":[]}`, ""), frontPost("", ""), frontPost(`{"ops":[{"op":"inc"}]}`, ""), frontPost(`{"ops":[{"op":"explode","path":"/a"}],"view":"nowhere"}`, ""),
		frontPost(`{"ops":[{"op":"inc","path":"/nowhere","prop":"hits","by":1}]}`, ""), frontPost(`{"ops":`, ""), frontPost(`{}`, "Content-Length: 3\r\n"),
		frontPost(`{"ops":[{"op":"inc","path":"/nowhere","prop":"hits","by":1}],"expect":{"seq":1}}`, "Content-Type: application/json\r\n"),
		strings.Replace(frontPost(`{}`, ""), "Length: 2", "Length: +2", 1), strings.Replace(frontPost(`{}`, ""), "Length: 2", "Length: 002", 1),
		strings.Replace(frontPost(`{}`, ""), "Length: 2", "Length: 1", 1), strings.Replace(frontPost(`{}`, ""), "Length: 2", "Length: 2x", 1),
		frontPostTo("/sws/w5/rewrite", node5), frontPostTo("/sws/w9/rewrite", node5), frontPostTo("/sws/w%35/rewrite", node5), frontPostTo("/sws//rewrite", node5),
		frontPostTo("/sws/w5/x/rewrite", node5), frontPostTo("/sws/./rewrite", node5), frontPostTo("/sws/{id}/rewrite", node5), frontPostTo("/sws/w5/rewrite/", node5),
		frontPostTo("/sws/w5/rewrite?x=1", node5), frontPostTo("/sws/w5/rewrite", `{"ops":[]}`),
		strings.Replace(frontPostTo("/sws/w5/rewrite", node5), "POST", "PUT", 1),
		"", "\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", " /rmg HTTP/1.1\r\nHost: x\r\n\r\n", "GET  HTTP/1.1\r\nHost: x\r\n\r\n",
	}
}

// The front answers as net/http has the same handler answer, whatever is sent, and
// asks the same of the kernel.
func TestTheFrontAnswersAsNetHTTP(t *testing.T) {
	f := newFake(10)
	s := newRawServer(t, f)
	asked := func(socket, text string) (answer, calls string) {
		f.mu.Lock()
		before := len(f.calls)
		f.mu.Unlock()
		answer = said(t, socket, []byte(text))
		f.mu.Lock()
		defer f.mu.Unlock()
		return answer, fmt.Sprint(f.calls[before:])
	}
	for _, text := range oddRequests() {
		got, did := asked(s.front, text)
		want, wants := asked(s.plain, text)
		if got != want || did != wants {
			t.Errorf("%q is answered\n%s after %s\nand by net/http\n%s after %s", text, got, did, want, wants)
		}
	}
}

func FuzzTheFront(f *testing.F) {
	for _, text := range oddRequests() {
		f.Add([]byte(text))
	}
	s := newRawServer(f, newFake(10))
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.Contains(text, []byte("/verify")) || bytes.Contains(text, []byte("/replay")) || bytes.Contains(text, []byte("/events")) {
			return // not of the front, and slow
		}
		got, want := said(t, s.front, text), said(t, s.plain, text)
		if got != want {
			t.Errorf("%q is answered\n%s\nand by net/http\n%s", text, got, want)
		}
	})
}

// What the front is for it does itself, and goes on with the same connection.
func TestTheFrontKeepsItsConnections(t *testing.T) {
	f := newFake(10)
	s := newRawServer(t, f)
	conn, err := net.Dial("unix", s.front)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	ask := func(text string, status int) {
		t.Helper()
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != status {
			t.Errorf("%q: %s %s %v", text, resp.Status, body, err)
		}
	}
	in := func() int {
		s.fronts.Lock()
		defer s.fronts.Unlock()
		return len(s.fronts.open)
	}
	for range 3 {
		ask(frontGet("/rmg?depth=0&path=/svc/n003", ""), http.StatusOK)
		ask(frontPost(`{"ops":[{"op":"inc","path":"/svc/n003","prop":"hits","by":1}]}`, ""), http.StatusOK)
		ask(frontGet("/rmg?depth=0&path=/svc/nowhere", ""), http.StatusNotFound)
		ask(frontPostTo("/sws/w5/rewrite", node5), http.StatusOK)
	}
	if in() != 1 {
		t.Errorf("%d connections are answered in place", in())
	}
	ask(frontGet("/status", ""), http.StatusOK) // another call: net/http's
	ask(frontGet("/rmg?depth=0&path=/svc/n003", ""), http.StatusOK)
	if in() != 0 {
		t.Errorf("%d connections are answered in place", in())
	}
}

// A request that is being answered when the daemon stops is answered to its end;
// connections that wait for a request are closed.
func TestTheFrontStops(t *testing.T) {
	f := newFake(10)
	begun, goOn := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	f.rewriting = func() {
		if once.CompareAndSwap(false, true) {
			close(begun)
			<-goOn
		}
	}
	s, _ := newServer(t, f, nil)
	socket := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	var conns []net.Conn
	for range 2 {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns = append(conns, conn)
	}
	if _, err := io.WriteString(conns[0], frontPost(`{"ops":[{"op":"inc","path":"/svc/n003","prop":"hits","by":1}]}`, "")); err != nil {
		t.Fatal(err)
	}
	<-begun
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	if n, err := conns[1].Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the idle connection: %d bytes, %v", n, err)
	}
	close(goOn)
	resp, err := http.ReadResponse(bufio.NewReader(conns[0]), nil)
	if err != nil || resp.StatusCode != http.StatusOK || !resp.Close {
		t.Errorf("%v %v", resp, err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("unix", socket); err == nil {
		t.Error("it still listens")
	}
}

// A rewrite is read in place as encoding/json reads it, or not at all.
func TestRewritesAreReadAlike(t *testing.T) {
	taken := 0
	for _, text := range bodies() {
		got, ok := rewriteOf([]byte(text), true)
		if !ok {
			continue
		}
		taken++
		var want wire.RewriteRequest
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&want); err != nil || d.More() || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %+v, and by encoding/json %+v, %v", text, got, want, err)
		}
	}
	if taken != 5 {
		t.Errorf("%d of the bodies were read in place", taken)
	}
}

func bodies() []string {
	const op = `{"op":"inc","path":"/a","prop":"n","by":1}`
	return []string{
		`{"ops":[` + op + `]}`, `{"view":"sws:w4","ops":[` + op + `,` + op + "] , \"reason\" : \"why\"}\n", ` { "ops" : [ ` + op + ` ] } `,
		`{"ops":[{"op":"set","path":"/a","props":{"x":{"y":["}",1]}}}]}`, `{"reason":"","ops":[` + op + `],"view":"system"}`,
		`{"ops":[` + op + `]} x`, `{"ops":[` + op + `],}`, `{"ops":[` + op + `,]}`, `{"ops":[` + op, `{"ops":[{"op":"inc","path":"/a","prop":"n","by":1]}`,
		`{"ops":[` + op + `],"ops":[]}`, `{"Ops":[` + op + `]}`, `{"ops":null}`, `{"ops":[null]}`, `{"ops":[` + op + `],"expect":{"seq":3}}`,
		`{"ops":[` + op + `],"reason":"\u0041"}`, `{"ops":[` + op + `],"reason":"é"}`, `{"ops":[` + op + `],"view":3}`, `{"ops":[` + op + `],"more":3}`,
		`{`, `{}`, ``, `[`, `{"`, `{"ops"`, `{"ops":[{"`, `{"ops":[{"\`, `{"ops":{}}`,
	}
}

func FuzzRewritesAreReadAlike(f *testing.F) {
	for _, text := range bodies() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := rewriteOf([]byte(text), true)
		if !ok {
			return
		}
		var want wire.RewriteRequest
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&want); err != nil {
			t.Fatalf("%q was read: %v", text, err)
		}
		a, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := json.Marshal(want); err != nil || !bytes.Equal(a, b) {
			t.Fatalf("%q is %s, not %s", text, a, b)
		}
	})
}

// Names of headers are made as net/http makes them.
func TestProperName(t *testing.T) {
	names := []string{"Host", "host", "X-Request-Id", "x-request-id", "X-REQUEST-ID", "x--y", "-", "X-2a", "2A", "a", "A-"}
	for _, name := range names {
		if got := properName(name); got != http.CanonicalHeaderKey(name) {
			t.Errorf("%s: %s", name, got)
		}
	}
	for _, odd := range []string{"a b", "a_b", "é", "a:", "\x00"} {
		if properName(odd) != "" {
			t.Errorf("%q is taken", odd)
		}
	}
	if slices.Contains(names, "") || properName("") != "" {
		t.Error("an empty name is taken")
	}
}

package server

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// taken is a ResponseWriter that keeps nothing but its headers.
type taken struct {
	header http.Header
	status int
}

func (w *taken) Header() http.Header         { return w.header }
func (w *taken) WriteHeader(status int)      { w.status = status }
func (w *taken) Write(p []byte) (int, error) { return len(p), nil }

// costOf makes a function that has the server answer a request as it would over the
// socket, without net/http, and one that says with what status.
func costOf(t testing.TB, method, target, body string) (func(), func() int) {
	t.Helper()
	f := newFake(10)
	s, _ := newServer(t, f, nil)
	h := s.Handler()
	ctx := context.WithValue(context.Background(), http.LocalAddrContextKey, &net.UnixAddr{Name: "/s", Net: "unix"})
	r := request(method, target, "").WithContext(ctx)
	w := &taken{header: http.Header{}}
	return func() {
		clear(w.header)
		r.Header.Del("X-Request-Id")
		r.Body = http.NoBody
		if body != "" {
			r.Body = readCloser{strings.NewReader(body)}
		}
		h.ServeHTTP(w, r)
	}, func() int { return w.status }
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// What the server itself allocates for a request stays within bounds: at thousands of
// them a second the collector is what the slowest of a hundred wait for.
func TestWhatARequestAllocates(t *testing.T) {
	for _, x := range []struct {
		method, target, body string
		most                 float64
	}{
		{http.MethodGet, "/rmg?depth=0&path=/svc/n003", "", 24},
		{http.MethodPost, "/rewrite", `{"ops":[{"op":"inc","path":"/svc/n003","prop":"hits","by":1}]}`, 39},
	} {
		one, status := costOf(t, x.method, x.target, x.body)
		if got := testing.AllocsPerRun(200, one); got > x.most || status() != http.StatusOK {
			t.Errorf("%s %s: %.0f allocations, at most %.0f; status %d", x.method, x.target, got, x.most, status())
		}
	}
}

func BenchmarkOneNode(b *testing.B) {
	one, _ := costOf(b, http.MethodGet, "/rmg?depth=0&path=/svc/n003", "")
	measured(b, one)
}

func BenchmarkOneRewrite(b *testing.B) {
	one, _ := costOf(b, http.MethodPost, "/rewrite", `{"ops":[{"op":"inc","path":"/svc/n003","prop":"hits","by":1}]}`)
	measured(b, one)
}

// measured reports the processor time of a request as well: on a busy machine that of
// the wall says little.
func measured(b *testing.B, one func()) {
	used := func() time.Duration {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	b.ReportAllocs()
	began := used()
	for b.Loop() {
		one()
	}
	b.ReportMetric(float64((used()-began).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

package sim

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"jitos.dev/kernel"
	"jitos.dev/net/server"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// secret is what the server of the tests demands.
const secret = "a secret of this very test"

// stuck is a reader who takes nothing: the first Write blocks until it is let go.
type stuck struct {
	header http.Header
	begun  chan struct{} // closed by the first Write
	gone   chan struct{} // closed when the reader goes away
}

func (s *stuck) Header() http.Header { return s.header }
func (s *stuck) WriteHeader(int)     {}
func (s *stuck) Flush()              {}
func (s *stuck) Write([]byte) (int, error) {
	close(s.begun)
	<-s.gone
	return 0, io.ErrClosedPipe
}

// until is a reader who goes away once it has read a text.
type until struct {
	*httptest.ResponseRecorder
	text string
	stop context.CancelFunc
}

func (u *until) Write(p []byte) (int, error) {
	n, err := u.ResponseRecorder.Write(p)
	if strings.Contains(u.Body.String(), u.text) {
		u.stop()
	}
	return n, err
}

// A subscriber that never reads holds up nobody: the writer takes every change
// while the subscriber's first event is stuck, another reads all of them, and the
// first goes on by seq from what it has, by its path.
func TestAStuckReaderHoldsUpNobody(t *testing.T) {
	s, err := open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	srv, err := server.New(server.Options{Kernel: s.Kernel, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Shutdown(context.Background())
	who := kernel.Caller{Name: "ada@host"}
	write := func(p rmg.Path) uint64 {
		t.Helper()
		r, err := s.Rewrite(context.Background(), who, "system", rewrite.Rewrite{Ops: []rewrite.Op{{Op: rewrite.AddNode, Path: p, Kind: "K"}}})
		if err != nil {
			t.Fatal(err)
		}
		return r.Seq
	}
	request := func(ctx context.Context, target string) *http.Request {
		r := httptest.NewRequest("GET", target, nil).WithContext(ctx)
		r.Host = "localhost"
		r.Header.Set("Authorization", "Bearer "+secret)
		return r
	}
	write("/mine")
	write("/theirs")

	w := &stuck{header: http.Header{}, begun: make(chan struct{}), gone: make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		srv.Handler().ServeHTTP(w, request(context.Background(), "/events?from=1&path=/mine"))
	}()
	<-w.begun
	var mine []uint64
	for i := range 400 {
		at := rmg.Path("/theirs")
		if i%4 == 0 {
			at = "/mine"
		}
		if seq := write(at.Child(fmt.Sprint("n", i))); at == "/mine" {
			mine = append(mine, seq)
		}
	}
	select {
	case <-ended:
		t.Fatal("the reader was not stuck")
	default:
	}

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	other := &until{httptest.NewRecorder(), fmt.Sprintf("id: %d\n", mine[99]), stop}
	r := request(ctx, "/events?path=/mine")
	r.Header.Set("Last-Event-ID", fmt.Sprint(mine[49]))
	srv.Handler().ServeHTTP(other, r)
	body := other.Body.String()
	for i, seq := range mine {
		if has := strings.Contains(body, fmt.Sprintf("\"seq\":%d,", seq)); has != (i > 49) {
			t.Fatalf("record %d of %d: sent is %v", i, len(mine), has)
		}
	}
	if strings.Contains(body, "theirs") {
		t.Error("what is elsewhere was sent")
	}
	close(w.gone)
	<-ended
}

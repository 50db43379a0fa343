package sim

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"jitos.dev/kernel"
	remote "jitos.dev/net/client"
	"jitos.dev/net/server"
	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
)

// lossy is a daemon whose every first answer is lost: the connection breaks
// before the request is done or after, and the daemon may be killed over it.
type lossy struct {
	t       *testing.T
	dir     string
	mu      sync.Mutex // guards the fields below; each connection has its own goroutine
	s       *system
	srv     *server.Server
	after   bool // the request is done before the connection breaks
	restart bool
	seen    map[string]bool
	lost    int
}

func (l *lossy) open() {
	l.t.Helper()
	l.s = must(open(l.dir))(l.t)
	l.srv = must(server.New(server.Options{Kernel: l.s.Kernel, Secret: secret}))(l.t)
}

func (l *lossy) close() {
	l.t.Helper()
	if err := l.srv.Shutdown(context.Background()); err != nil {
		l.t.Error(err)
	}
	if err := l.s.close(); err != nil {
		l.t.Error(err)
	}
}

func (l *lossy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get(wire.KeyHeader)
	l.mu.Lock()
	defer l.mu.Unlock()
	if key == "" || l.seen[key] {
		l.srv.Handler().ServeHTTP(w, r)
		return
	}
	l.seen[key] = true
	l.lost++
	if l.after {
		nobody := httptest.NewRecorder()
		l.srv.Handler().ServeHTTP(nobody, r)
		if nobody.Code != http.StatusOK {
			l.t.Errorf("%s: %d %s", r.URL, nobody.Code, nobody.Body)
		}
	}
	if l.restart {
		l.close()
		l.open()
	}
	panic(http.ErrAbortHandler)
}

// view opens a version of the daemon that runs now.
func (l *lossy) view(name string) (kernel.View, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.s.View(name)
}

// TestLostAnswersDoubleNothing loses each request, or its answer, on the way of
// the real client to the real server, with a restart in between or without: it
// makes one record.
func TestLostAnswersDoubleNothing(t *testing.T) {
	for _, after := range []bool{false, true} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("after=%v,restart=%v", after, restart), func(t *testing.T) {
				l := &lossy{t: t, dir: filepath.Join(t.TempDir(), "data"), after: after, restart: restart, seen: map[string]bool{}}
				if err := os.MkdirAll(l.dir, 0o755); err != nil {
					t.Fatal(err)
				}
				l.open()
				socket := filepath.Join(must(os.MkdirTemp("", "sim"))(t), "s") // a short name: it is a socket's
				defer os.RemoveAll(filepath.Dir(socket))
				web := httptest.NewUnstartedServer(l)
				web.Listener.Close()
				web.Listener = must(net.Listen("unix", socket))(t)
				web.Start()
				defer func() { web.Close(); l.close() }()
				c := must(remote.New(remote.Options{Socket: "unix:" + socket, Secret: secret, Caller: "ada@host"}))(t)
				defer c.Close()
				oneEach(t, l, c)
			})
		}
	}
}

// oneEach does each call that changes something, and counts the records by
// author.
func oneEach(t *testing.T, l *lossy, c *remote.Client) {
	ctx := t.Context()
	inc := []rewrite.Op{{Op: rewrite.Inc, Path: "/n", Prop: "hits", By: 1}}
	must(c.Rewrite(ctx, wire.RewriteRequest{Ops: []rewrite.Op{{Op: rewrite.AddNode, Path: "/n", Kind: "K"}}}))(t)
	got := must(c.Rewrite(ctx, wire.RewriteRequest{Ops: inc}))(t)
	if v := must(l.view("system"))(t); got.Digest != v.Digest() {
		t.Errorf("answered with digest %s, and has %s", got.Digest, v.Digest())
	}
	w := must(c.Fork(ctx, wire.ForkRequest{}))(t)
	in := must(c.RewriteIn(ctx, w.ID, wire.SpaceRewriteRequest{Ops: inc}))(t)
	if v := must(l.view("sws:" + w.ID))(t); in.Digest != v.Digest() || in.Seq != v.Seq {
		t.Errorf("answered with %+v, and has seq %d, digest %s", in, v.Seq, v.Digest())
	}
	must(c.Discard(ctx, w.ID, "sim"))(t)
	if back := must(c.Restore(ctx, w.ID))(t); back.State != "open" || back.Records != 1 {
		t.Errorf("%+v", back)
	}
	hits := func(view string) int64 {
		e, _ := must(l.view(view))(t).Get("/n")
		return e.Props.Int("hits")
	}
	if a, b := hits("system"), hits("sws:"+w.ID); a != 1 || b != 2 {
		t.Errorf("counted %d times in the system, %d times with the workspace", a, b)
	}
	records := 0
	for r, err := range l.s.Records(1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Author == "ada@host" {
			records++
		}
	}
	if list, _, err := l.s.Workspaces(kernel.WorkspaceQuery{}); records != 6 || l.lost != 6 || len(list) != 1 || err != nil {
		t.Errorf("%d requests were lost once; there are %d records, %d workspaces (%v)", l.lost, records, len(list), err)
	}
	if v := must(l.s.Verify(t.Context()))(t); len(v.Problems) > 0 {
		t.Errorf("verify: %v", v.Problems)
	}
}

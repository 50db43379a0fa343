package server

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"jitos.dev/net/wire"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const secret = "a secret of this very test"

// newServer makes a server over a fake, shut down with the test. What it logs
// goes to the buffer.
func newServer(t testing.TB, f *fake, change func(*Options)) (*Server, *bytes.Buffer) {
	t.Helper()
	var logged bytes.Buffer
	opt := Options{Kernel: f, Secret: secret, Version: "1.2.3", Logger: slog.New(slog.NewTextHandler(&logged, nil))}
	if change != nil {
		change(&opt)
	}
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s, &logged
}

// request makes an authorised request.
func request(method, target, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "localhost:7000"
	r.Header.Set("Authorization", "Bearer "+secret)
	r.Header.Set(wire.CallerHeader, "ada@host")
	return r
}

func do(s *Server, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// answer does a request that must go well and reads its JSON.
func answer[T any](t *testing.T, s *Server, r *http.Request) T {
	t.Helper()
	w := do(s, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%s %s: %d %s", r.Method, r.URL, w.Code, w.Body)
	}
	var out T
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%s %s: %v in %s", r.Method, r.URL, err, w.Body)
	}
	return out
}

// refusal does a request that must be refused and reads the problem.
func refusal(t *testing.T, s *Server, r *http.Request, status int) *wire.Problem {
	t.Helper()
	w := do(s, r)
	if w.Code != status {
		t.Fatalf("%s %s: %d, want %d: %s", r.Method, r.URL, w.Code, status, w.Body)
	}
	if got := w.Header().Get("Content-Type"); got != wire.ProblemType {
		t.Fatalf("%s %s: content type is %q", r.Method, r.URL, got)
	}
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	var p wire.Problem
	if err := d.Decode(&p); err != nil {
		t.Fatal(err)
	}
	if p.Status != status || p.Title == "" || p.Detail == "" || p.Type == "" {
		t.Fatalf("%s %s: the problem is not whole: %+v", r.Method, r.URL, p)
	}
	return &p
}

// golden compares with a file under testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs; go test ./net/server -run '^%s$' -update rewrites it\ngot:\n%s\nwant:\n%s", file, t.Name(), got, want)
	}
}

// slowly is a ResponseWriter whose reader takes what it is told to: Write
// blocks until step lets it on.
type slowly struct {
	header http.Header
	step   chan struct{} // one receive for each Write
	wrote  chan string   // what each Write wrote
}

func newSlowly() *slowly {
	return &slowly{header: http.Header{}, step: make(chan struct{}), wrote: make(chan string)}
}

func (w *slowly) Header() http.Header { return w.header }
func (w *slowly) WriteHeader(int)     {}
func (w *slowly) Write(p []byte) (int, error) {
	w.wrote <- string(p)
	if _, ok := <-w.step; !ok {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

// Flush is there for http.ResponseController.
func (w *slowly) Flush() {}

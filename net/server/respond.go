package server

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strconv"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// tracked remembers whether an answer has begun, and with what status.
type tracked struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status.
func (t *tracked) WriteHeader(status int) {
	if t.status == 0 {
		t.status = status
	}
	t.ResponseWriter.WriteHeader(status)
}

// Write notes that the answer has begun.
func (t *tracked) Write(p []byte) (int, error) {
	if t.status == 0 {
		t.status = http.StatusOK
	}
	return t.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (t *tracked) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// problem turns an error into what a client may see. One without a code is
// internal: its text goes to the log under a reference, which the client gets.
func (s *Server) problem(r *http.Request, err error) *wire.Problem {
	p, known := wire.ProblemOf(err)
	if !known {
		s.internal(p, r, "error", err)
	}
	return p
}

func (s *Server) internal(p *wire.Problem, r *http.Request, what string, cause any) {
	var b [6]byte
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	p.Reference = hex.EncodeToString(b[:])
	p.Detail = "this is a defect of the daemon; its log says more under reference " + p.Reference
	p.Hint = "jitos status shows the daemon; its log file names the reference"
	s.log.Error("internal error", "reference", p.Reference, "request", r.Header.Get(wire.RequestHeader), "method", r.Method, "path", r.URL.Path, what, fmt.Sprint(cause))
}

// panicked answers for a handler that panicked. If its answer had begun the
// connection is cut, so that nobody takes the half for the whole.
//
// A stored graph that cannot be read panics, as rmg says: that is no defect, and
// the answer tells what it is.
func (s *Server) panicked(t *tracked, r *http.Request, cause any) {
	var p *wire.Problem
	if err, ok := cause.(error); ok && errors.As(err, new(*rmg.Error)) {
		p = s.problem(r, err)
		s.log.Error("a stored graph cannot be read", "request", r.Header.Get(wire.RequestHeader), "method", r.Method, "path", r.URL.Path, "err", err)
	} else {
		p = wire.NewProblem(rmg.Internal, "")
		s.internal(p, r, "panic", fmt.Sprintf("%v\n%s", cause, debug.Stack()))
	}
	if t.status != 0 {
		panic(http.ErrAbortHandler)
	}
	writeProblem(t, p)
}

// refuse answers with a problem.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil && errors.Is(err, r.Context().Err()) {
		return // nobody is there to read it
	}
	writeProblem(w, s.problem(r, err))
}

func writeProblem(w http.ResponseWriter, p *wire.Problem) {
	h := w.Header()
	q := *p // an operation's problem is told to many
	q.Request = h.Get(wire.RequestHeader)
	data, err := encode(&q)
	if err != nil { // a conflict's value that cannot be written; the rest still can
		q.Conflicts, q.Evidence = nil, nil
		data, _ = encode(&q)
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="jitos"`)
	}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	for _, name := range []string{"Content-Length", "ETag", "Content-Disposition"} {
		h.Del(name)
	}
	h.Set("Content-Type", wire.ProblemType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_, _ = w.Write(data) // a client that went away needs no answer
}

// encode writes JSON and a newline. It leaves < and > as they are: code is full
// of them, and nothing of ours is served as a page.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// writer writes answers, one at a time: what they take is kept for the next.
type writer struct {
	text bytes.Buffer
	json *json.Encoder
}

// maxKept is how large a buffer may be that is kept.
const maxKept = 64 << 10

// writerOf is one that nobody uses.
func (s *Server) writerOf() *writer {
	if w, ok := s.writers.Get().(*writer); ok {
		return w
	}
	w := new(writer)
	w.json = json.NewEncoder(&w.text)
	w.json.SetEscapeHTML(false)
	return w
}

// keep takes one back. After an error it is not to be kept: an encoder repeats it.
func (s *Server) keep(w *writer) {
	if w.text.Cap() > maxKept {
		return
	}
	w.text.Reset()
	s.writers.Put(w)
}

// encode writes JSON and a newline, as [encode] does. What is asked for by the
// thousand writes itself.
func (w *writer) encode(v any) error {
	switch v := v.(type) {
	case wire.Receipt:
		w.text.Write(append(v.AppendJSON(w.text.AvailableBuffer()), '\n'))
		return nil
	case wire.GraphAnswer:
		if v.Graph != nil {
			break
		}
		text, err := v.AppendJSON(w.text.AvailableBuffer())
		if err != nil {
			return err
		}
		w.text.Write(append(text, '\n'))
		return nil
	}
	return w.json.Encode(v)
}

// reply is an answer with a status or headers of its own.
type reply struct {
	status int
	header http.Header
	body   any
}

// What nearly every answer has in its header. A list has no room: who adds to one gets
// another.
var (
	headerJSON    = []string{"application/json"}
	headerNoSniff = []string{"nosniff"}
	headerNoStore = []string{"no-store"}
	headerNoCache = []string{"private, no-cache"}
	headerVary    = []string{"Accept-Encoding"}
)

// answer writes what a call returned.
func (x *exchange) answer(v any) {
	status := http.StatusOK
	if rep, ok := v.(reply); ok {
		status, v = rep.status, rep.body
		for name, values := range rep.header {
			x.w.Header()[name] = values
		}
	}
	w := x.s.writerOf()
	if err := w.encode(v); err != nil {
		x.s.refuse(x.w, x.r, fmt.Errorf("write the answer of %s: %w", x.call.id, err))
		return
	}
	defer x.s.keep(w) // the answer's bytes are the connection's by then
	h := x.w.Header()
	h["Content-Type"], h["X-Content-Type-Options"] = headerJSON, headerNoSniff
	if h.Get("Cache-Control") == "" {
		h["Cache-Control"] = headerNoStore
	}
	x.send(status, w.text.Bytes())
}

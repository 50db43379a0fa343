package llm

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"jitos.dev/rmg"
)

// Cassette keeps what was asked and answered over HTTP, in a folder: a file for
// each request, named by its hash, with the answers that it had, in order. No
// header of a request is kept, and so no key.
type Cassette struct {
	dir    string
	replay bool

	mu sync.Mutex // guards the files
}

// Record makes a cassette that asks, and keeps the answers in dir.
func Record(dir string) *Cassette { return &Cassette{dir: dir} }

// Replay makes a cassette that answers from dir, and asks nobody.
func Replay(dir string) *Cassette { return &Cassette{dir: dir, replay: true} }

// Replays reports whether it asks nobody. A nil one asks.
func (c *Cassette) Replays() bool { return c != nil && c.replay }

// Miss is the error of a request that a cassette has no answer to.
type Miss struct {
	File string
	N    int // which asking of the same it was, from 1
	Has  int // answers there are
}

func (m *Miss) Error() string {
	return fmt.Sprintf("the cassette has %d answers to this request, and this is asking %d: %s; what led to it is not what was recorded: record it anew", m.Has, m.N, m.File)
}

// take is one request and its answers.
type take struct {
	Request json.RawMessage `json:"request"` // for people
	Answers []kept          `json:"answers"`
}

type kept struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header,omitempty"`
	Body   string            `json:"body"`
}

// keptHeaders are those of an answer that have a meaning here.
func keptHeaders() []string { return []string{"Content-Type", "Retry-After", "Retry-After-Ms"} }

// session is one conversation's use of a cassette: the same request asked for the
// second time has the second answer.
type session struct {
	c    *Cassette
	next http.RoundTripper

	mu    sync.Mutex // guards asked
	asked map[string]int
}

// Session begins a conversation. Requests that are not on the cassette go to next.
func (c *Cassette) Session(next http.RoundTripper) http.RoundTripper {
	if c == nil {
		return next
	}
	return &session{c: c, next: next, asked: map[string]int{}}
}

// RoundTrip answers from the cassette, or asks and keeps the answer.
func (s *session) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(r.Body)
		if err = errors.Join(err, r.Body.Close()); err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	name := s.c.file(r, body)
	s.mu.Lock()
	n := s.asked[name]
	s.asked[name]++
	s.mu.Unlock()
	if s.c.replay {
		return s.c.play(r, name, n)
	}
	resp, err := s.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &recording{ReadCloser: resp.Body, keep: func(data []byte) error { return s.c.keep(name, n, body, resp, data) }}
	return resp, nil
}

// file names a request. Host and headers are no part of it: a recording outlives
// the address it was made at.
func (c *Cassette) file(r *http.Request, body []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "jitos cassette 1\n%s %s\n", r.Method, r.URL.Path)
	h.Write(body)
	return filepath.Join(c.dir, hex.EncodeToString(h.Sum(nil)[:16])+".json")
}

func (c *Cassette) load(name string) (take, error) {
	var t take
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return t, err
	}
	if err := json.Unmarshal(data, &t); err != nil {
		return t, &rmg.Error{Op: "cassette", Code: rmg.Invalid, Msg: fmt.Sprintf("%s: %v", name, err), Hint: "remove the file and record it anew"}
	}
	return t, nil
}

// play gives the n-th answer, from 0.
func (c *Cassette) play(r *http.Request, name string, n int) (*http.Response, error) {
	c.mu.Lock()
	t, err := c.load(name)
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if n >= len(t.Answers) {
		return nil, &Miss{File: filepath.Base(name), N: n + 1, Has: len(t.Answers)}
	}
	a := t.Answers[n]
	resp := &http.Response{
		StatusCode: a.Status, Status: fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(bytes.NewReader([]byte(a.Body))), ContentLength: int64(len(a.Body)), Request: r,
	}
	for name, v := range a.Header {
		resp.Header.Set(name, v)
	}
	return resp, nil
}

// keep writes the n-th answer; one from an earlier recording is replaced, and
// those after it go.
func (c *Cassette) keep(name string, n int, body []byte, resp *http.Response, data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, err := c.load(name)
	if err != nil {
		return err
	}
	if t.Request = body; !json.Valid(body) {
		if t.Request, err = json.Marshal(string(body)); err != nil {
			return err
		}
	}
	a := kept{Status: resp.StatusCode, Header: map[string]string{}, Body: string(data)}
	for _, h := range keptHeaders() {
		if v := resp.Header.Get(h); v != "" {
			a.Header[h] = v
		}
	}
	t.Answers = append(t.Answers[:min(n, len(t.Answers))], a)
	out, err := json.MarshalIndent(t, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(name, append(out, '\n'), 0o600)
}

// recording is an answer that is kept once it has been read to its end. One that
// was cut off is not.
type recording struct {
	io.ReadCloser
	data bytes.Buffer
	keep func([]byte) error
	done bool
}

func (r *recording) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.data.Write(p[:n])
	if err == io.EOF && !r.done {
		r.done = true
		if kerr := r.keep(r.data.Bytes()); kerr != nil {
			return n, kerr
		}
	}
	return n, err
}

// Close reads what is left first: a reader that has seen the last event stops
// before the end.
func (r *recording) Close() error {
	const rest = 64 << 10
	var err error
	if !r.done {
		_, err = io.CopyN(io.Discard, r, rest)
		if err == io.EOF {
			err = nil
		}
	}
	return errors.Join(err, r.ReadCloser.Close())
}

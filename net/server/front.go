package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// A daemon is asked for single nodes and for small rewrites by the thousand each
// second, and net/http costs more for one than answering does: a goroutine that
// watches for the caller's going away, two timers, contexts, a second parse of what
// is known. So the unix socket has a front: a request that is all there after one
// read, that is of a call marked as quick, and in which nothing is unusual, is
// answered in place, by the same code as any other. Whatever is not so is given to
// net/http together with its connection, for good, and net/http is what judges
// everything that is wrong, slow, long or rare.

// The limits of the front.
const (
	frontRoom  = 8 << 10         // bytes of a request with its body
	frontIdle  = 2 * time.Minute // without a request; as net/http's
	frontSlack = 10 * time.Second
	frontLong  = 64 << 10 // an answer of so many bytes has Limits.Stall to be taken
)

// fronts are the connections that are answered in place.
type fronts struct {
	sync.Mutex // guards the fields below
	open       map[*front]struct{}
	closed     bool
	wg         sync.WaitGroup
	date       atomic.Pointer[dated]
}

// front is one of them.
type front struct {
	s     *Server
	conn  net.Conn
	busy  atomic.Bool   // a request is being answered: who stops waits for it
	base  *http.Request // what all its requests have in common
	r     http.Request  // the one that is answered: no call of the front keeps it
	url   url.URL       // r's
	body  wholeBody     // r's
	buf   []byte
	until time.Time // when the read deadline is
	w     quickWriter
	out   []byte
	head  http.Header
	vals  []string // head's values
}

// serveSocket is Serve for a unix socket.
func (s *Server) serveSocket(ln net.Listener) error {
	rest := &handed{addr: ln.Addr(), conns: make(chan net.Conn), closed: make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- s.http.Serve(rest) }() // ends by Shutdown
	stop := context.AfterFunc(s.ctx, func() { _ = ln.Close() })
	defer stop()
	for pause := time.Duration(0); ; {
		conn, err := ln.Accept()
		var passes interface{ Temporary() bool }
		switch {
		case err == nil:
			pause = 0
			s.begin(conn, rest)
		case s.ctx.Err() != nil:
			if err = <-ended; errors.Is(err, http.ErrServerClosed) {
				return nil
			}
			return err
		case errors.As(err, &passes) && passes.Temporary(): // no more files, for one
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			select {
			case <-time.After(pause):
			case <-s.ctx.Done():
			}
		default:
			return err
		}
	}
}

// begin has a connection answered.
func (s *Server) begin(conn net.Conn, rest *handed) {
	f := &front{s: s, conn: conn, buf: make([]byte, frontRoom), head: http.Header{}, w: quickWriter{header: http.Header{}}}
	ctx := context.WithValue(context.Background(), http.LocalAddrContextKey, conn.LocalAddr())
	f.base = (&http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: conn.RemoteAddr().String()}).WithContext(ctx)
	all := &s.fronts
	all.Lock()
	defer all.Unlock()
	if all.closed {
		_ = conn.Close()
		return
	}
	if all.open == nil {
		all.open = map[*front]struct{}{}
	}
	all.open[f] = struct{}{}
	all.wg.Go(func() { f.run(rest) })
}

// run answers requests until one is net/http's, or the connection ends.
func (f *front) run(rest *handed) {
	left, handOver := f.answerAll()
	f.s.fronts.Lock()
	delete(f.s.fronts.open, f)
	f.s.fronts.Unlock()
	if !handOver || f.conn.SetReadDeadline(time.Time{}) != nil || !rest.take(&resumed{Conn: f.conn, first: left}) {
		_ = f.conn.Close() // nobody is there to be told
	}
}

// answerAll answers what it may, and returns what was read of a request that it may
// not.
func (f *front) answerAll() (left []byte, handOver bool) {
	for {
		if now := time.Now(); f.until.Sub(now) < frontIdle-frontSlack { // a deadline for each request would cost what it saves
			f.until = now.Add(frontIdle)
			_ = f.conn.SetReadDeadline(f.until)
		}
		n, err := f.conn.Read(f.buf)
		if err != nil {
			return nil, false
		}
		q, ok := f.cut(f.buf[:n])
		c := f.s.quickCall(&q)
		if !ok || c == nil {
			return f.buf[:n], true
		}
		f.busy.Store(true)
		if !f.answer(q, c) {
			return nil, false
		}
		f.busy.Store(false)
		if f.s.ctx.Err() != nil {
			return nil, false
		}
	}
}

// answer answers a request. It reports whether another may follow.
func (f *front) answer(q quickRequest, c *call) (goOn bool) {
	defer func() {
		if cause := recover(); cause != nil && cause != http.ErrAbortHandler { // that of the handler's is told by itself
			f.s.log.Error("a request's answer could not be made", "path", c.path, "panic", fmt.Sprintf("%v\n%s", cause, debug.Stack()))
		}
	}()
	r := &f.r
	*r = *f.base
	r.Method, r.Host, r.Header, r.RequestURI = c.method, q.host, f.head, q.target
	f.url = url.URL{Path: q.path, RawQuery: q.query}
	r.URL = &f.url
	if q.id != "" {
		r.SetPathValue("id", q.id)
	}
	r.Body, r.ContentLength = http.NoBody, int64(len(q.body))
	if len(q.body) > 0 {
		f.body = wholeBody{text: q.body}
		r.Body = &f.body
	}
	f.w.reset()
	f.s.attend(&f.w, r, func(t *tracked) { f.s.serve(t, r, c) })
	stopping := f.s.ctx.Err() != nil
	f.out = f.w.write(f.out[:0], f.s.fronts.now(time.Now()), stopping)
	if len(f.out) > frontLong {
		_ = f.conn.SetWriteDeadline(time.Now().Add(f.s.opt.Limits.Stall))
		defer func() { f.out = nil }()
	}
	if _, err := f.conn.Write(f.out); err != nil {
		return false
	}
	if len(f.out) > frontLong && f.conn.SetWriteDeadline(time.Time{}) != nil {
		return false
	}
	return !stopping
}

// stop has every front end: those that wait for a request at once, the others when
// they have answered, which is waited for until ctx ends.
func (all *fronts) stop(ctx context.Context) error {
	all.Lock()
	all.closed = true
	for f := range all.open {
		if !f.busy.Load() {
			_ = f.conn.SetReadDeadline(time.Unix(1, 0)) // a request that came just now is answered still
		}
	}
	all.Unlock()
	done := make(chan struct{})
	go func() { // ends with them
		all.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	all.Lock()
	defer all.Unlock()
	for f := range all.open {
		_ = f.conn.Close()
	}
	return ctx.Err()
}

// wholeBody is a body that is there already.
type wholeBody struct {
	text []byte
	at   int
}

// Read reads what is left.
func (b *wholeBody) Read(p []byte) (int, error) {
	if b.at == len(b.text) {
		return 0, io.EOF
	}
	n := copy(p, b.text[b.at:])
	b.at += n
	return n, nil
}

// Close does nothing.
func (b *wholeBody) Close() error { return nil }

// handed is a listener of connections that net/http is to go on with.
type handed struct {
	addr   net.Addr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// take gives one to net/http; false: it takes no more.
func (h *handed) take(conn net.Conn) bool {
	select {
	case h.conns <- conn:
		return true
	case <-h.closed:
		return false
	}
}

// Accept waits for one.
func (h *handed) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close ends an Accept that waits.
func (h *handed) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr is the socket's.
func (h *handed) Addr() net.Addr { return h.addr }

// resumed is a connection of which something was read already.
type resumed struct {
	net.Conn
	first []byte
}

// Read reads that, and then on.
func (b *resumed) Read(p []byte) (int, error) {
	if len(b.first) == 0 {
		return b.Conn.Read(p)
	}
	n := copy(p, b.first)
	if b.first = b.first[n:]; len(b.first) == 0 {
		b.first = nil
	}
	return n, nil
}

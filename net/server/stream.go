package server

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"time"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// stream writes server-sent events (WHATWG HTML, section 9.2). For one
// goroutine.
type stream struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	lim  Limits
	buf  bytes.Buffer
	wake *time.Timer
}

// takeStream counts a stream in. Limit: there are too many. Whoever took one
// gives it back by streams.Add(-1).
func (s *Server) takeStream() error {
	if s.ctx.Err() != nil {
		return stopping()
	}
	if n := s.streams.Add(1); n > int64(s.opt.Limits.Streams) {
		s.streams.Add(-1)
		return wire.NewProblem(rmg.Limit, "%d event streams are open, which is the limit", n-1).WithHint("close one, or wait")
	}
	return nil
}

// stream begins the answer as a stream of events.
func (x *exchange) stream() *stream {
	h := x.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Accel-Buffering", "no")
	x.w.WriteHeader(http.StatusOK)
	return &stream{w: x.w, rc: http.NewResponseController(x.w), lim: x.s.opt.Limits}
}

// lastEvent returns the id after which a reader resumes, and whether it does.
func (x *exchange) lastEvent() (uint64, bool, error) {
	v := x.r.Header.Get("Last-Event-ID")
	if v == "" {
		return 0, false, nil
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return 0, false, wire.NewProblem(rmg.Invalid, "Last-Event-ID is %q, not the id of an event", v)
	}
	return n, true, nil
}

// chunk is how much is gathered before it is written, in bytes.
const chunk = 32 << 10

// send puts an event on its way; flush sends it for sure. Id 0 is no id. The
// error means that the reader is gone, or reads too slowly.
func (st *stream) send(id uint64, name string, v any) error {
	text, err := eventText(id, name, v)
	if err != nil {
		return err
	}
	return st.put(text)
}

// put puts the text of an event on its way.
func (st *stream) put(text []byte) error {
	st.buf.Write(text)
	if st.buf.Len() >= chunk {
		return st.flush()
	}
	return nil
}

// mark moves the reader's last id without an event.
func (st *stream) mark(id uint64) {
	st.buf.WriteString("id: " + strconv.FormatUint(id, 10) + "\n\n")
}

// flush writes what was gathered.
func (st *stream) flush() error {
	// Not every ResponseWriter has a connection (tests have none).
	_ = st.rc.SetWriteDeadline(time.Now().Add(st.lim.Stall))
	_, err := st.w.Write(st.buf.Bytes())
	if st.buf.Reset(); st.buf.Cap() > 4*chunk {
		st.buf = bytes.Buffer{}
	}
	if err != nil {
		return err
	}
	return st.rc.Flush()
}

// await flushes and waits for more, with a sign of life now and then. It is
// false when the reader is gone or the server stops.
func (st *stream) await(reader, server context.Context, more <-chan struct{}) bool {
	if st.flush() != nil {
		return false
	}
	if st.wake == nil {
		st.wake = time.NewTimer(st.lim.Heartbeat)
	}
	for {
		st.wake.Reset(st.lim.Heartbeat)
		select {
		case <-more:
			return reader.Err() == nil && server.Err() == nil
		case <-reader.Done():
			return false
		case <-server.Done():
			return false
		case <-st.wake.C:
			st.buf.WriteString(": still here\n\n")
			if st.flush() != nil {
				return false
			}
		}
	}
}

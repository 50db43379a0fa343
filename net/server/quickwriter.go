package server

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// quickWriter keeps an answer until it is whole.
type quickWriter struct {
	header http.Header
	status int
	body   []byte
	names  []string
}

func (w *quickWriter) reset() {
	clear(w.header)
	w.status, w.body = 0, w.body[:0]
	if cap(w.body) > frontLong {
		w.body = nil
	}
}

// Header returns what is sent before the body.
func (w *quickWriter) Header() http.Header { return w.header }

// WriteHeader sets the status, once.
func (w *quickWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write adds to the body.
func (w *quickWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, p...)
	return len(p), nil
}

// write appends the answer as it goes over the wire.
func (w *quickWriter) write(out []byte, date string, last bool) []byte {
	w.WriteHeader(http.StatusOK)
	out = append(out, "HTTP/1.1 "...)
	out = strconv.AppendInt(out, int64(w.status), 10)
	out = append(append(append(out, ' '), http.StatusText(w.status)...), "\r\n"...)
	w.names = w.names[:0]
	for name := range w.header {
		w.names = append(w.names, name)
	}
	slices.Sort(w.names)
	for _, name := range w.names {
		for _, v := range w.header[name] {
			out = append(append(out, name...), ": "...)
			at := len(out)
			out = append(out, v...)
			for i, c := range out[at:] {
				if c == '\r' || c == '\n' { // what net/http makes of them
					out[at+i] = ' '
				}
			}
			out = append(out, "\r\n"...)
		}
	}
	out = append(append(append(out, "Date: "...), date...), "\r\n"...)
	if last {
		out = append(out, "Connection: close\r\n"...)
	}
	if w.status == http.StatusNotModified || w.status == http.StatusNoContent {
		return append(out, "\r\n"...)
	}
	out = append(out, "Content-Length: "...)
	out = strconv.AppendInt(out, int64(len(w.body)), 10)
	out = append(out, "\r\n\r\n"...)
	return append(out, w.body...)
}

// dated is a second, as an answer says it.
type dated struct {
	second int64
	text   string
}

// now is the time as an answer says it, made once a second.
func (all *fronts) now(t time.Time) string {
	d := all.date.Load()
	if d == nil || d.second != t.Unix() {
		d = &dated{t.Unix(), t.UTC().Format(http.TimeFormat)}
		all.date.Store(d)
	}
	return d.text
}

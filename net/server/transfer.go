package server

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// names gives requests names by which an answer and the log agree.
type names struct {
	start string // of this server
	last  atomic.Uint64
}

// maxRequestName is how long a name may be that a client gives, in bytes.
const maxRequestName = 64

// name names a request: as its client did, if that is fit for a log, else by a
// number. It stands in the request's and the answer's header then.
func (n *names) name(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get(wire.RequestHeader)
	if id == "" || len(id) > maxRequestName || strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' }) {
		var text [maxRequestName]byte
		id = string(strconv.AppendUint(append(append(text[:0], n.start...), '-'), n.last.Add(1), 10))
		list := []string{id}
		r.Header[wire.RequestHeader], w.Header()[wire.RequestHeader] = list, list
		return
	}
	w.Header().Set(wire.RequestHeader, id)
}

// tagOf is the ETag of what a view has at a path: the digest of the world, and
// that of the ledger where it shows. It is a weak one: compressed or not, an
// answer says the same, and the seq in it may be an older one of the same content.
func tagOf(v kernel.View, at rmg.Path) string {
	tag := v.Digest().String()
	segs := at.Segments()
	shows := len(segs) == 0
	if !shows {
		_, shows = v.Ledger.Get(rmg.Root.Child(segs[0].ID))
	}
	if shows {
		tag += "." + v.Ledger.Digest().String()
	}
	return `W/"` + tag + `"`
}

// same answers 304 if the caller has what a tag names already.
func (x *exchange) same(tag string) bool {
	h := x.w.Header()
	h.Set("ETag", tag)
	h["Cache-Control"] = headerNoCache // kept, but never used unasked
	for have := range strings.SplitSeq(x.r.Header.Get("If-None-Match"), ",") {
		if have = strings.TrimSpace(have); have == "*" || strings.TrimPrefix(have, "W/") == strings.TrimPrefix(tag, "W/") {
			x.w.WriteHeader(http.StatusNotModified)
			return true
		}
	}
	return false
}

// minZip is the least size of an answer that is worth compressing, in bytes.
const minZip = 1400

// send writes an answer, compressed if it is long and the caller takes that.
func (x *exchange) send(status int, data []byte) {
	h := x.w.Header()
	h["Vary"] = headerVary
	if len(data) < minZip || !takesGzip(x.r.Header.Get("Accept-Encoding")) {
		x.w.WriteHeader(status)
		_, _ = x.w.Write(data) // a client that went away needs no answer
		return
	}
	h.Set("Content-Encoding", "gzip")
	x.w.WriteHeader(status)
	z, ok := x.s.zippers.Get().(*gzip.Writer)
	if !ok {
		z, _ = gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // that level there is
	}
	z.Reset(x.w)
	_, _ = z.Write(data)
	_ = z.Close()
	x.s.zippers.Put(z)
}

// takesGzip reads an Accept-Encoding.
func takesGzip(accept string) bool {
	for _, part := range strings.Split(accept, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name = strings.TrimSpace(name); !strings.EqualFold(name, "gzip") && name != "*" {
			continue
		}
		q, given := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
		f, err := strconv.ParseFloat(q, 64)
		return !given || err == nil && f > 0
	}
	return false
}

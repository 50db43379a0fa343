package rmg

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"
)

// graphFormat names the form that WriteCBOR writes.
const graphFormat = "jitos/graph/1"

// WriteCBOR writes g as one item of deterministic CBOR (RFC 8949, 4.2.1), for
// carrying a graph whole from one place to another; a [Store] is for keeping
// versions.
//
//	document = ["jitos/graph/1", graph]
//	graph    = [[* node], [* edge]]
//	node     = [id: bstr, kind: tstr, props: bstr, graph / null]
//	edge     = [id: bstr, kind: tstr, from: bstr, to: bstr, props: bstr, graph / null]
//
// Elements are in byte order of ids, props are the bytes of
// [Props.MarshalCBOR], and null is a graph that is empty: the same content is
// the same bytes. Costs and errors are those of WriteJSON.
func (g Graph) WriteCBOR(w io.Writer) error {
	c := cborWriter{out: bufio.NewWriter(w)}
	c.one = cborText(cborHead(nil, cborArray, 2), cborString, graphFormat)
	if err := Protect(func() { c.graph(g) }); err != nil {
		return err
	}
	if err := c.out.Flush(); err != nil {
		return unwritten(err)
	}
	return nil
}

type cborWriter struct {
	out *bufio.Writer
	one []byte // what is not yet in out
	err error  // of out, which it keeps
}

func (c *cborWriter) flush() bool {
	_, c.err = c.out.Write(c.one)
	c.one = c.one[:0]
	return c.err == nil
}

func (c *cborWriter) graph(g Graph) {
	nodes, edges := g.Len()
	c.one = cborHead(c.one, cborArray, 2)
	c.one = cborHead(c.one, cborArray, uint64(nodes))
	for e := range g.Nodes("") {
		if !c.element(e) {
			return
		}
	}
	c.one = cborHead(c.one, cborArray, uint64(edges))
	for e := range g.Edges("") {
		if !c.element(e) {
			return
		}
	}
	c.flush()
}

// element is false when there is no sense in going on.
func (c *cborWriter) element(e Element) bool {
	b := cborHead(c.one, cborArray, 4+2*uint64(flag(e.Edge)))
	b = cborText(cborText(b, cborBytes, e.ID), cborString, e.Kind)
	if e.Edge {
		b = cborText(cborText(b, cborBytes, e.From), cborBytes, e.To)
	}
	enc := e.Props.enc
	if enc == "" {
		enc = emptyMap
	}
	b = cborText(b, cborBytes, enc)
	if c.one = b; e.Graph.IsEmpty() {
		c.one = append(b, cborNull)
	} else {
		c.graph(e.Graph)
	}
	return c.err == nil && c.flush()
}

// ReadCBOR reads what WriteCBOR writes, to the end of r, and refuses any other
// encoding. It holds the graph and one element, not the document. Schemas are
// not looked at; see [Check].
//
// Invalid: it is no such document, and the message says up to which byte it was
// read. Limit: an element is larger, or stands deeper, than may be. Unavailable:
// r failed. O(size of r).
func ReadCBOR(r io.Reader) (Graph, error) {
	src := &source{Reader: r}
	c := cborStream{in: bufio.NewReader(src), own: new(token)}
	c.array(2)
	if format := c.text(cborString, 64); c.err == nil && format != graphFormat {
		c.fail(Root, "it is of the form %q, not %q", format, graphFormat)
	}
	l := c.graph(Root, 0)
	if c.err == nil {
		if _, err := c.in.ReadByte(); err != io.EOF {
			c.fail(Root, "bytes are left over")
		}
	}
	if src.err != nil {
		return Graph{}, unread(src.err)
	}
	if c.err != nil {
		return Graph{}, c.err
	}
	return Graph{l.orNil()}, nil
}

// cborStream reads items one after another. After the first failure all it reads
// is zero.
type cborStream struct {
	in  *bufio.Reader
	at  int64
	err error
	own *token // of the levels that are being made
}

func (c *cborStream) fail(at Path, format string, args ...any) {
	if c.err == nil {
		c.err = &Error{Op: "read", Path: at, Code: Invalid, Msg: fmt.Sprintf("this is no graph, up to byte %d: %s", c.at, fmt.Sprintf(format, args...))}
	}
}

// head reads the head of an item of a major type.
func (c *cborStream) head(major byte) uint64 {
	if c.err != nil {
		return 0
	}
	b, _ := c.in.Peek(9) // of the end it has less
	r := cborReader{data: b}
	n := r.head(major)
	if r.err != nil {
		c.fail(Root, "%v", r.err)
		return 0
	}
	_, _ = c.in.Discard(r.at) // it was peeked
	c.at += int64(r.at)
	return n
}

func (c *cborStream) array(n uint64) {
	if got := c.head(cborArray); got != n {
		c.fail(Root, "an array of %d, not of %d", got, n)
	}
}

// text reads bytes or a string. What it holds grows with what there is, not with
// what the head says.
func (c *cborStream) text(major byte, limit uint64) string {
	n := c.head(major)
	if c.err != nil {
		return ""
	}
	if n > limit {
		c.err = &Error{Op: "read", Code: Limit, Msg: fmt.Sprintf("up to byte %d: a text of %d bytes; the limit is %d", c.at, n, limit)}
		return ""
	}
	var b bytes.Buffer
	got, _ := io.CopyN(&b, c.in, int64(n))
	c.at += got
	if uint64(got) != n {
		c.fail(Root, "%v", errTruncated)
		return ""
	}
	return b.String()
}

// null reads a null if there is one.
func (c *cborStream) null() bool {
	if b, _ := c.in.Peek(1); c.err != nil || len(b) == 0 || b[0] != cborNull {
		return false
	}
	_, _ = c.in.Discard(1) // it was peeked
	c.at++
	return true
}

// graph reads a graph that stands below depth segments.
func (c *cborStream) graph(at Path, depth int) *level {
	l := &level{owner: c.own}
	c.array(2)
	for _, edge := range []bool{false, true} {
		last := ""
		for n := c.head(cborArray); n > 0 && c.err == nil; n-- {
			id := c.element(l, at, depth+1, edge)
			if id <= last {
				c.fail(at, "the ids %q and %q are not in order", last, id)
			}
			last = id
		}
	}
	return l
}

// element reads an element into l, and returns its id.
func (c *cborStream) element(l *level, parent Path, depth int, edge bool) string {
	if depth > MaxDepth {
		c.err = tooDeep(parent)
		return ""
	}
	x := readElement{edge: edge}
	c.array(4 + 2*uint64(flag(edge)))
	x.id, x.kind = c.text(cborBytes, MaxSegment), c.text(cborString, MaxKind)
	if !utf8.ValidString(x.kind) {
		c.fail(parent, "a kind is not UTF-8")
	}
	if edge {
		x.from, x.to = c.text(cborBytes, MaxSegment), c.text(cborBytes, MaxSegment)
	}
	enc := []byte(c.text(cborBytes, MaxObject))
	if c.err != nil {
		return ""
	}
	if err := x.props.UnmarshalCBOR(enc); err != nil || len(enc) == 0 {
		c.fail(parent.add(Segment{x.id, edge}), "props: %v", err)
	}
	if !c.null() {
		if x.inner = c.graph(parent.add(Segment{x.id, edge}), depth); x.inner.empty() {
			c.fail(parent, "a graph that is empty is null")
		}
	}
	if c.err != nil {
		return ""
	}
	if what, err := l.take(c.own, parent, x); what != "" {
		c.fail(parent, "%s", what)
	} else {
		c.err = err
	}
	return x.id
}

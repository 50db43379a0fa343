package rmg

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// WriteJSON writes g as one JSON document, of the form that dumps of the wire
// have:
//
//	{"nodes":[{"id":"auth","kind":"Service","props":{"version":1},"graph":{...}}],
//	 "edges":[{"id":"auth-db","kind":"depends_on","from":"auth","to":"db","props":{}}]}
//
// Elements are in byte order of ids, props as [Props.MarshalJSON] writes them,
// and a graph that is empty is left out: the same content is the same text. An
// id that is not UTF-8 is {"$bytes":base64}.
//
// It goes through g once and holds one element at a time; of a stored graph it
// keeps what is read, as all readers do. Unavailable: w failed, or g's store
// did. O(size of g).
func (g Graph) WriteJSON(w io.Writer) error {
	j := jsonWriter{out: bufio.NewWriter(w)}
	if err := Protect(func() { j.graph(g) }); err != nil {
		return err
	}
	j.out.WriteByte('\n')
	if err := j.out.Flush(); err != nil && j.err == nil {
		return unwritten(err)
	}
	return j.err
}

func unwritten(err error) error {
	return &Error{Op: "write", Code: Unavailable, Msg: "the graph cannot be written", Err: err}
}

// jsonWriter writes until the first failure: what follows is not looked at.
type jsonWriter struct {
	out *bufio.Writer
	one bytes.Buffer // the element at hand, without what is inside
	err error
}

func (j *jsonWriter) graph(g Graph) {
	for i, all := range [...]func(string) func(func(Element) bool){
		func(after string) func(func(Element) bool) { return g.Nodes(after) },
		func(after string) func(func(Element) bool) { return g.Edges(after) },
	} {
		j.out.WriteString([...]string{`{"nodes":[`, `,"edges":[`}[i])
		comma := ""
		for e := range all("") {
			j.out.WriteString(comma + "\n")
			comma = ","
			if !j.element(e) {
				return
			}
		}
		j.out.WriteByte(']')
	}
	j.out.WriteByte('}')
}

// element is false when there is no sense in going on.
func (j *jsonWriter) element(e Element) bool {
	b := &j.one
	b.Reset()
	field := func(name, value string) {
		b.WriteString(name)
		j.fail(ID(value).writeJSON(b))
	}
	field(`{"id":`, e.ID)
	field(`,"kind":`, e.Kind)
	if e.Edge {
		field(`,"from":`, e.From)
		field(`,"to":`, e.To)
	}
	b.WriteString(`,"props":`)
	j.fail(e.Props.writeJSON(b))
	if _, err := j.out.Write(b.Bytes()); err != nil {
		j.fail(unwritten(err))
	}
	if !e.Graph.IsEmpty() {
		j.out.WriteString(`,"graph":`)
		j.graph(e.Graph)
	}
	j.out.WriteByte('}')
	return j.err == nil
}

func (j *jsonWriter) fail(err error) {
	if j.err == nil {
		j.err = err
	}
}

// ReadJSON reads what WriteJSON writes, to the end of r: nodes before edges, the
// members of an element in any order, ids in any order but none twice. It holds
// the graph and one prop, not the document. Schemas are not looked at; see
// [Check].
//
// Invalid: it is no such document, and the message says up to which byte it was
// read. Limit: an id, a kind or a path is longer than they may be. Unavailable:
// r failed. O(size of r).
func ReadJSON(r io.Reader) (Graph, error) {
	src := &source{Reader: r}
	j := jsonReader{dec: json.NewDecoder(src), own: new(token)}
	j.dec.UseNumber()
	l, err := j.graph(Root, 0)
	if err == nil {
		if _, e := j.dec.Token(); e != io.EOF {
			err = j.wrong(Root, "there is more after the graph")
		}
	}
	if src.err != nil {
		return Graph{}, unread(src.err)
	}
	if err != nil {
		return Graph{}, err
	}
	return Graph{l.orNil()}, nil
}

func unread(err error) error {
	return &Error{Op: "read", Code: Unavailable, Msg: "the graph cannot be read", Err: err}
}

// source remembers why reading ended, if not at the end.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

type jsonReader struct {
	dec *json.Decoder
	own *token // of the levels that are being made
}

func (j *jsonReader) wrong(at Path, format string, args ...any) error {
	return &Error{
		Op: "read", Path: at, Code: Invalid, Msg: fmt.Sprintf("this is no graph, up to byte %d: %s", j.dec.InputOffset(), fmt.Sprintf(format, args...)),
		Hint: `a graph is {"nodes":[{"id":"a","kind":"K","props":{},"graph":{...}}],"edges":[...]}`,
	}
}

// open reads a bracket or brace.
func (j *jsonReader) open(at Path, want json.Delim) error {
	tok, err := j.dec.Token()
	switch {
	case err != nil:
		return j.wrong(at, "%v", early(err))
	case tok != want:
		return j.wrong(at, "a %v is missing", want)
	}
	return nil
}

// early says of an end that it comes too early.
func early(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTruncated
	}
	return err
}

// members reads an object, and has fn read the value of each member. Where it
// stands may become known on the way.
func (j *jsonReader) members(at *Path, fn func(name string) error) error {
	if err := j.open(*at, '{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for j.dec.More() {
		tok, err := j.dec.Token()
		if err != nil {
			return j.wrong(*at, "%v", early(err))
		}
		name, _ := tok.(string)
		if seen[name] {
			return j.wrong(*at, "%q stands twice", name)
		}
		seen[name] = true
		if err := fn(name); err != nil {
			return err
		}
	}
	return j.open(*at, '}')
}

// graph reads a graph that stands below depth segments.
func (j *jsonReader) graph(at Path, depth int) (*level, error) {
	l := &level{owner: j.own}
	nodes := true
	return l, j.members(&at, func(name string) error {
		if name != "nodes" && name != "edges" {
			return j.wrong(at, "a graph has no %q", name)
		}
		if name == "nodes" && !nodes {
			return j.wrong(at, "the nodes come before the edges")
		}
		nodes = false
		if err := j.open(at, '['); err != nil {
			return err
		}
		for j.dec.More() {
			if err := j.element(l, at, depth+1, name == "edges"); err != nil {
				return err
			}
		}
		return j.open(at, ']')
	})
}

// element reads an element into l.
func (j *jsonReader) element(l *level, parent Path, depth int, edge bool) error {
	if depth > MaxDepth {
		return tooDeep(parent)
	}
	x := readElement{edge: edge}
	at := parent
	err := j.members(&at, func(name string) (err error) {
		switch {
		case name == "id":
			if x.id, err = j.text(at); err == nil && x.id != "" && len(x.id) <= MaxSegment {
				at = parent.add(Segment{x.id, edge})
			}
		case name == "kind":
			x.kind, err = j.text(at)
		case name == "from" && edge:
			x.from, err = j.text(at)
		case name == "to" && edge:
			x.to, err = j.text(at)
		case name == "props":
			x.props, err = j.props(at)
		case name == "graph":
			x.inner, err = j.graph(at, depth)
		default:
			err = j.wrong(at, "an element has no %q", name)
		}
		return err
	})
	if err != nil {
		return err
	}
	if what, err := l.take(j.own, parent, x); what != "" {
		return j.wrong(at, "%s", what)
	} else if err != nil {
		return err
	}
	return nil
}

// text reads an id, or what is written like one.
func (j *jsonReader) text(at Path) (string, error) {
	v, err := readJSON(j.dec, 0)
	if err != nil {
		return "", j.wrong(at, "%v", err)
	}
	id, err := v.asID()
	if err != nil {
		return "", j.wrong(at, "it is no string")
	}
	return string(id), nil
}

func (j *jsonReader) props(at Path) (Props, error) {
	if err := j.open(at, '{'); err != nil {
		return Props{}, err
	}
	m, _, err := readEntries(j.dec, 0)
	if err != nil {
		return Props{}, j.wrong(at, "props: %v", err)
	}
	return PropsOf(m), nil
}

func tooDeep(at Path) error {
	return &Error{Op: "read", Path: at, Code: Limit, Msg: fmt.Sprintf("deeper than %d", MaxDepth)}
}

// readElement is what a codec has read of an element.
type readElement struct {
	edge     bool
	id, kind string
	from, to string
	props    Props
	inner    *level
}

// take puts an element that was read into a level of t. It says what is wrong
// with the document, or is an error of its own.
func (l *level) take(t *token, parent Path, x readElement) (what string, err error) {
	if x.id == "" {
		return "an element has no id", nil
	}
	s := Segment{x.id, x.edge}
	if len(x.id) > MaxSegment {
		return "", &Error{Op: "read", Path: parent, Code: Limit, Msg: fmt.Sprintf("an id has %d bytes; the limit is %d", len(x.id), MaxSegment)}
	}
	if err := new(Overlay).checkNew("read", parent.add(s), x.kind, x.props); err != nil {
		return "", err
	}
	if l.record(s) != nil {
		return fmt.Sprintf("the id %q stands twice", x.id), nil
	}
	for _, end := range []string{x.from, x.to} {
		if x.edge && l.node(end) == nil {
			return fmt.Sprintf("there is no node %q for the edge's end", end), nil
		}
	}
	l.set(t, nil, newRecord(x.edge, x.id, x.kind, x.from, x.to, x.props, x.inner.orNil()))
	return "", nil
}

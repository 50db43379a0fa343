package graphml_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
	"jitos.dev/rmg/graphml"
)

func write(t testing.TB, g rmg.Graph) string {
	t.Helper()
	var b bytes.Buffer
	if err := graphml.Write(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// read reads a document into an empty graph.
func read(doc string) (rmg.Graph, graphml.Summary, error) {
	o := rmg.NewOverlay(rmg.Graph{}).Unchecked()
	sum, err := graphml.Read(strings.NewReader(doc), o, rmg.Root, graphml.Options{})
	return o.Graph(), sum, err
}

func codeOf(err error) rmg.Code {
	var e *rmg.Error
	errors.As(err, &e)
	if e == nil {
		return ""
	}
	return e.Code
}

// told is the content as text, one element a line.
func told(g rmg.Graph) string {
	var b strings.Builder
	for p, e := range g.Walk(rmg.Root) {
		fmt.Fprintf(&b, "%s %s", p, e.Kind)
		if e.Edge {
			fmt.Fprintf(&b, " %s %s", e.From, e.To)
		}
		if props, err := e.Props.MarshalJSON(); err != nil || e.Props.Len() > 0 {
			fmt.Fprintf(&b, " %s", props)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// drawText draws what sorts, escapes, or cannot be said in XML.
func drawText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"a", "a:b", "a::b", ":_", ":", "~t", "s/t", "%", " a  b ", "é", "\ufffe", "\uffff", "a\x00", "\r\n", "]]>", "<&\"'>", "kind", "$ref", "\u2028"}),
		rapid.StringN(1, 6, -1),
	)
}

func drawID() *rapid.Generator[string] {
	return rapid.OneOf(drawText(), rapid.Just("\xff%"), rapid.Map(rapid.SliceOfN(rapid.Byte(), 1, 5), func(b []byte) string { return string(b) }))
}

func drawValue(depth int) *rapid.Generator[rmg.Value] {
	return rapid.Custom(func(t *rapid.T) rmg.Value {
		most := 8
		if depth == 0 {
			most = 6
		}
		switch rapid.IntRange(0, most).Draw(t, "type") {
		case 0:
			return rmg.Bool(rapid.Bool().Draw(t, "bool"))
		case 1:
			return rmg.Int(rapid.Int64().Draw(t, "int"))
		case 2:
			return rmg.Float(rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{1, 0, math.NaN(), math.Inf(1), math.Inf(-1), 1 << 60})).Draw(t, "float"))
		case 3:
			return rmg.String(rapid.OneOf(rapid.Just(""), drawText()).Draw(t, "string"))
		case 4:
			return rmg.Bytes(rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "bytes"))
		case 5:
			return rmg.Ref(rmg.Root.Join(rapid.SliceOfN(drawID(), 0, 2).Draw(t, "ref")...))
		case 6:
			return rmg.BlobOf(rmg.Blob{Sum: [32]byte{rapid.Byte().Draw(t, "sum")}, Size: rapid.Int64Range(0, math.MaxInt64).Draw(t, "size")})
		case 7:
			return rmg.List(rapid.SliceOfN(drawValue(depth-1), 0, 3).Draw(t, "list")...)
		}
		m := rapid.MapOfN(rapid.Map(drawText(), func(s string) string { return strings.TrimLeft(s, "$") }), drawValue(depth-1), 0, 3).Draw(t, "map")
		return rmg.Map(m)
	})
}

func drawProps(t *rapid.T) rmg.Props {
	return rmg.PropsOf(rapid.MapOfN(drawText(), drawValue(2), 0, 3).Draw(t, "props"))
}

// drawLevel fills a graph, and the graphs in it.
func drawLevel(t *rapid.T, o *rmg.Overlay, at rmg.Path, depth int) {
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	nodes := rapid.SliceOfNDistinct(drawID(), 0, 3, rapid.ID).Draw(t, "nodes")
	for _, id := range nodes {
		must(o.AddNode(at.Child(id), drawText().Draw(t, "kind"), drawProps(t)))
		if depth > 0 && rapid.Bool().Draw(t, "holds") {
			drawLevel(t, o, at.Child(id), depth-1)
		}
	}
	if len(nodes) == 0 {
		return
	}
	for _, id := range rapid.SliceOfNDistinct(drawID(), 0, 2, rapid.ID).Draw(t, "edges") {
		end := func(label string) string { return rapid.SampledFrom(nodes).Draw(t, label) }
		must(o.AddEdge(at.EdgeChild(id), drawText().Draw(t, "kind"), end("from"), end("to"), drawProps(t)))
		if depth > 0 && rapid.Bool().Draw(t, "holds") {
			drawLevel(t, o, at.EdgeChild(id), depth-1)
		}
	}
}

// TestRoundTrip: what is written is read to the same digest, equal graphs give
// equal bytes, and ids are unique NMTOKENs.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := rmg.NewOverlay(rmg.Graph{}).Unchecked()
		drawLevel(t, o, rmg.Root, 3)
		g := o.Graph()
		var b bytes.Buffer
		if err := graphml.Write(&b, g); err != nil {
			t.Fatal(err)
		}
		doc := b.String()
		back, sum, err := read(doc)
		if err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		if back.Digest() != g.Digest() || sum.Skipped != 0 || sum.Renamed != 0 {
			t.Fatalf("%s\nis read as\n%s\n%+v\nfrom\n%s", told(g), told(back), sum, doc)
		}
		b.Reset()
		if err := graphml.Write(&b, back); err != nil || b.String() != doc {
			t.Fatalf("written again it is another document: %v\n%s\nwas\n%s", err, b.String(), doc)
		}
		checkIDs(t, doc, g)
	})
}

func checkIDs(t *rapid.T, doc string, g rmg.Graph) {
	dec, seen := xml.NewDecoder(strings.NewReader(doc)), map[string]bool{}
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		x, ok := tok.(xml.StartElement)
		if !ok || x.Name.Local != "node" && x.Name.Local != "edge" {
			continue
		}
		id := x.Attr[0].Value
		if seen[id] || strings.ContainsFunc(id, func(r rune) bool {
			return r < 0x80 && !strings.ContainsRune(":._-", r) && !('0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z')
		}) {
			t.Fatalf("id %q is there already, or no NMTOKEN", id)
		}
		seen[id] = true
	}
	for p := range g.Walk(rmg.Root) {
		if !seen[graphml.ID(p)] {
			t.Fatalf("ID(%s) is %q, which is not there", p, graphml.ID(p))
		}
	}
}

// TestAt: a document is read below any element, edges included, and what fails
// leaves nothing behind.
func TestAt(t *testing.T) {
	o := rmg.NewOverlay(rmg.Graph{})
	for _, err := range []error{o.AddNode("/a", "K", rmg.Props{}), o.AddNode("/b", "K", rmg.Props{}), o.AddEdge("/~e", "K", "a", "b", rmg.Props{})} {
		if err != nil {
			t.Fatal(err)
		}
	}
	const doc = `<graphml><graph><node id="x"/><node id="y"><graph><node id="z"/></graph></node><edge source="x" target="z"/></graph></graphml>`
	for _, at := range []rmg.Path{"/b", "/~e"} {
		if _, err := graphml.Read(strings.NewReader(doc), o, at, graphml.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	const want = `/a K
/b K
/b/x Node
/b/y Node
/b/y/z Node
/b/~x->z Edge x y {"target":{"$ref":"/b/y/z"}}
/~e K a b
/~e/x Node
/~e/y Node
/~e/y/z Node
/~e/~x->z Edge x y {"target":{"$ref":"/~e/y/z"}}
`
	if got := told(o.Graph()); got != want {
		t.Errorf("it is\n%swant\n%s", got, want)
	}
	was := o.Graph().Digest()
	for at, code := range map[rmg.Path]rmg.Code{"/nowhere": rmg.NotFound, "/b": rmg.Exists} {
		_, err := graphml.Read(strings.NewReader(`<graphml><graph><node id="new"/><node id="x"/></graph></graphml>`), o, at, graphml.Options{})
		if codeOf(err) != code {
			t.Errorf("at %s: %v", at, err)
		}
	}
	if o.Graph().Digest() != was {
		t.Errorf("a document that is refused leaves\n%s", told(o.Graph()))
	}
}

// TestMax: one more element than asked for is refused.
func TestMax(t *testing.T) {
	const doc = `<graphml><graph><node id="x"/><node id="y"/><edge source="x" target="y"/></graph></graphml>`
	for most, code := range map[int]rmg.Code{0: "", 2: rmg.Limit, 3: ""} {
		_, err := graphml.Read(strings.NewReader(doc), rmg.NewOverlay(rmg.Graph{}), rmg.Root, graphml.Options{Max: most})
		if codeOf(err) != code {
			t.Errorf("at most %d: %v", most, err)
		}
	}
}

// TestFailures: errors of the reader, the writer and the store come out as what
// they are.
func TestFailures(t *testing.T) {
	broken := errors.New("the line is cut")
	r := io.MultiReader(strings.NewReader("<graphml><graph>"), iotest.ErrReader(broken))
	_, err := graphml.Read(r, rmg.NewOverlay(rmg.Graph{}), rmg.Root, graphml.Options{})
	if !errors.Is(err, broken) || codeOf(err) != rmg.Unavailable {
		t.Errorf("reading: %v", err)
	}
	o := rmg.NewOverlay(rmg.Graph{})
	for i := range 3000 {
		if err := o.AddNode(rmg.Root.Child(fmt.Sprint("n", i)), "K", rmg.Props{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := graphml.Write(&shortWriter{room: 100_000, err: broken}, o.Graph()); !errors.Is(err, broken) {
		t.Errorf("writing: %v", err)
	}
	var file bytes.Buffer
	root, err := rmg.NewStore(nil, &file, 0).Put(o.Graph())
	if err != nil {
		t.Fatal(err)
	}
	src := &failing{file.Bytes(), false}
	g, err := rmg.NewStore(src, nil, int64(file.Len())).Open(root)
	if err != nil {
		t.Fatal(err)
	}
	src.broken = true
	if err := graphml.Write(io.Discard, g); err == nil {
		t.Error("a graph that cannot be read is written")
	}
	long := rmg.NewOverlay(rmg.Graph{})
	if err := long.AddNode("/a", "K", rmg.PropsOf(map[string]rmg.Value{"s": rmg.String(strings.Repeat("x", graphml.MaxText+1))})); err != nil {
		t.Fatal(err)
	}
	if err := graphml.Write(io.Discard, long.Graph()); codeOf(err) != rmg.Limit {
		t.Errorf("a value too long to be read back: %v", err)
	}
}

type shortWriter struct {
	room int
	err  error
}

func (w *shortWriter) Write(p []byte) (int, error) {
	if w.room -= len(p); w.room < 0 {
		return 0, w.err
	}
	return len(p), nil
}

type failing struct {
	data   []byte
	broken bool
}

func (f *failing) ReadAt(p []byte, at int64) (int, error) {
	if f.broken {
		return 0, io.ErrUnexpectedEOF
	}
	return bytes.NewReader(f.data).ReadAt(p, at)
}

// TestStreams: Write gives out what it has before it has all, and Read takes in
// no more than it is at.
func TestStreams(t *testing.T) {
	o := rmg.NewOverlay(rmg.Graph{})
	for i := range 5000 {
		if err := o.AddNode(rmg.Root.Child(fmt.Sprintf("n%04d", i)), "K", rmg.Props{}); err != nil {
			t.Fatal(err)
		}
	}
	doc := write(t, o.Graph())
	most := &largest{}
	if err := graphml.Write(most, o.Graph()); err != nil || most.n > len(doc)/10 {
		t.Errorf("of %d bytes %d are written at once: %v", len(doc), most.n, err)
	}
	// The last node is there while the end of the document is still to come.
	body, end := doc[:strings.LastIndex(doc, "</graph>")], doc[strings.LastIndex(doc, "</graph>"):]
	into := rmg.NewOverlay(rmg.Graph{})
	before := 0
	watch := readerFunc(func(p []byte) (int, error) {
		before, _ = into.Graph().Len()
		return strings.NewReader(end).Read(p)
	})
	if _, err := graphml.Read(io.MultiReader(strings.NewReader(body), &once{watch}), into, rmg.Root, graphml.Options{}); err != nil {
		t.Fatal(err)
	}
	if before != 5000 {
		t.Errorf("%d nodes were there before the end was read", before)
	}
}

type largest struct{ n int }

func (l *largest) Write(p []byte) (int, error) {
	l.n = max(l.n, len(p))
	return len(p), nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// once reads one time, then is at its end.
type once struct{ r io.Reader }

func (o *once) Read(p []byte) (int, error) {
	if o.r == nil {
		return 0, io.EOF
	}
	r := o.r
	o.r = nil
	return r.Read(p)
}

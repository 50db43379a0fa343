package rmg_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
)

// A graph as one document, to be read by another program.
func ExampleGraph_WriteJSON() {
	must(services().WriteJSON(os.Stdout))
	// Output:
	// {"nodes":[
	// {"id":"svc","kind":"Group","props":{},"graph":{"nodes":[
	// {"id":"auth","kind":"Service","props":{"lang":"go","version":1}},
	// {"id":"db","kind":"Service","props":{"lang":"c"}}],"edges":[
	// {"id":"auth-db","kind":"depends_on","from":"auth","to":"db","props":{}}]}}],"edges":[]}
}

// What is read has the digest of what was written, in either form.
func ExampleReadJSON() {
	g, err := rmg.ReadJSON(strings.NewReader(`{"nodes":[{"id":"a","kind":"K","props":{"n":1}}, {"kind":"K","id":"b"}],"edges":[{"id":"e","kind":"to","from":"a","to":"b"}]}`))
	must(err)
	var text, binary bytes.Buffer
	must(g.WriteJSON(&text))
	must(g.WriteCBOR(&binary))
	h, err := rmg.ReadCBOR(&binary)
	must(err)
	fmt.Print(text.String(), g.Digest() == h.Digest(), "\n")
	_, err = rmg.ReadJSON(strings.NewReader(`{"edges":[{"id":"e","kind":"to","from":"a","to":"b"}]}`))
	fmt.Println(err)
	// Output:
	// {"nodes":[
	// {"id":"a","kind":"K","props":{"n":1}},
	// {"id":"b","kind":"K","props":{}}],"edges":[
	// {"id":"e","kind":"to","from":"a","to":"b","props":{}}]}
	// true
	// read /~e: this is no graph, up to byte 52: there is no node "a" for the edge's end
}

// form is one way of writing a graph.
type form struct {
	name  string
	write func(rmg.Graph, io.Writer) error
	read  func(io.Reader) (rmg.Graph, error)
}

var forms = []form{{"JSON", rmg.Graph.WriteJSON, rmg.ReadJSON}, {"CBOR", rmg.Graph.WriteCBOR, rmg.ReadCBOR}}

func (f form) bytes(t fataler, g rmg.Graph) []byte {
	var b bytes.Buffer
	if err := f.write(g, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// byteByByte reads one byte at a time.
type byteByByte struct{ io.Reader }

func (r byteByByte) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), 1)]) }

// What was written comes back, in both forms and through both; the same content
// is the same bytes, however it came about and wherever it is kept.
func TestGraphForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, model := drawGraph(t, rapid.IntRange(0, 40).Draw(t, "steps"))
		g := o.Graph()
		for _, f := range forms {
			text := f.bytes(t, g)
			back, err := f.read(byteByByte{bytes.NewReader(text)})
			if err != nil {
				t.Fatalf("%s: %v\n%q", f.name, err, text)
			}
			sound(t, back)
			if got := dumpGraph(back); back.Digest() != g.Digest() || got != dumpModel(model) {
				t.Fatalf("%s: %q comes back as\n%s", f.name, text, got)
			}
			if again := f.bytes(t, rebuild(t, model)); !bytes.Equal(again, text) {
				t.Fatalf("%s: the same content is %q and %q", f.name, text, again)
			}
			var d disk
			s := rmg.NewStore(&d, &d, 0)
			if stored := f.bytes(t, open(t, s, keep(t, s, g))); !bytes.Equal(stored, text) {
				t.Fatalf("%s: the stored graph is %q, not %q", f.name, stored, text)
			}
			// What was read is written on like any other graph.
			m := forked(back, model)
			m.run(t, 5)
			sound(t, m.over.Graph())
		}
	})
}

func TestReadJSONForms(t *testing.T) {
	node := func(more string) string { return `{"nodes":[{"id":"a","kind":"K"` + more + `}]}` }
	deep := func(n int) string {
		return strings.Repeat(`{"nodes":[{"id":"a","kind":"K","graph":`, n) + `{}` + strings.Repeat(`}]}`, n)
	}
	for in, want := range map[string]rmg.Code{
		`{}`: "", `{"nodes":[],"edges":[]}`: "", ` {"nodes" : [ ] } ` + "\n": "", node(``): "", node(`,"props":{"x":[1,{"a":2.0}]}`): "",
		node(`,"graph":{"nodes":[]}`): "", `{"nodes":[{"graph":{"nodes":[{"id":"i","kind":"K"}]},"kind":"K","id":"a"}]}`: "",
		`{"nodes":[{"id":{"$bytes":"/w=="},"kind":"K"}]}`: "", deep(rmg.MaxDepth): "",
		``: rmg.Invalid, `null`: rmg.Invalid, `[]`: rmg.Invalid, `{`: rmg.Invalid, `{"nodes":[`: rmg.Invalid, `{"nodes":{}}`: rmg.Invalid, `{"nodes":null}`: rmg.Invalid,
		`{} {}`: rmg.Invalid, `{}x`: rmg.Invalid, `{"truncated":true}`: rmg.Invalid, `{"edges":[],"nodes":[]}`: rmg.Invalid, `{"nodes":[],"nodes":[]}`: rmg.Invalid,
		`{"nodes":[{}]}`: rmg.Invalid, `{"nodes":[{"id":"a"}]}`: rmg.Invalid, `{"nodes":[{"kind":"K"}]}`: rmg.Invalid, `{"nodes":[{"id":"","kind":"K"}]}`: rmg.Invalid,
		`{"nodes":[{"id":1,"kind":"K"}]}`: rmg.Invalid, `{"nodes":[{"id":"a","kind":""}]}`: rmg.Invalid, `{"nodes":[{"id":"a","kind":{"$bytes":"/w=="}}]}`: rmg.Invalid,
		node(`,"id":"b"`): rmg.Invalid, node(`,"from":"a"`): rmg.Invalid, node(`,"props":null`): rmg.Invalid, node(`,"props":{"x":null}`): rmg.Invalid,
		node(`,"props":{"":1}`): rmg.Invalid, node(`,"props":{"x":{"$x":1}}`): rmg.Invalid, node(`,"graph":null`): rmg.Invalid, node(`,"graph":{"edges":[{}]}`): rmg.Invalid,
		`{"nodes":[{"id":"a","kind":"K"},{"id":"a","kind":"K"}]}`:                                         rmg.Invalid,
		`{"nodes":[{"id":"a","kind":"K"}],"edges":[{"id":"e","kind":"K","from":"a","to":"b"}]}`:           rmg.Invalid,
		`{"nodes":[{"id":"a","kind":"K"}],"edges":[{"id":"e","kind":"K","from":"a"}]}`:                    rmg.Invalid,
		`{"nodes":[{"id":"a","kind":"K"}],"edges":[{"id":"e","kind":"K","from":"a","to":"a","props":1}]}`: rmg.Invalid,
		deep(rmg.MaxDepth + 1): rmg.Limit, strings.Repeat(`{"nodes":[{"graph":`, 5000): rmg.Limit,
		`{"nodes":[{"id":"` + strings.Repeat("a", rmg.MaxSegment+1) + `","kind":"K"}]}`: rmg.Limit,
		`{"nodes":[{"id":"a","kind":"` + strings.Repeat("a", rmg.MaxKind+1) + `"}]}`:    rmg.Limit,
	} {
		g, err := rmg.ReadJSON(strings.NewReader(in))
		if codeOf(err) != want {
			t.Errorf("%.100s: %v, want %q", in, err, want)
		}
		if err != nil && !g.IsEmpty() {
			t.Errorf("%.100s: an error and a graph", in)
		}
	}
	for in, want := range map[string]string{
		`{"nodes":[{"id":"a","kind":"K","graph":{"nodes":[{"id":"b","kind":"K","x":1}]}}]}`: `read /a/b: this is no graph, up to byte 73: an element has no "x"`,
		`{"nodes":[{"id":"a","kind":"K"`: `read /a: this is no graph, up to byte 30: it ends too early`,
	} {
		if _, err := rmg.ReadJSON(strings.NewReader(in)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

// Of the bytes of a graph no part is one, no other byte goes unnoticed, and
// nothing but the one encoding is read.
func TestReadCBORForms(t *testing.T) {
	g := build(t, "node /a K", "node /b K", "node /a/in K", "edge /~e E a b", "node /~e/in K")
	good := forms[1].bytes(t, g)
	for i := range good {
		if _, err := rmg.ReadCBOR(bytes.NewReader(good[:i])); codeOf(err) != rmg.Invalid {
			t.Errorf("%d bytes of %d: %v", i, len(good), err)
		}
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			if back, err := rmg.ReadCBOR(bytes.NewReader(bad)); err == nil && back.Digest() == g.Digest() {
				t.Errorf("bit %d of byte %d is of no account", bit, i)
			}
		}
	}
	if _, err := rmg.ReadCBOR(bytes.NewReader(append(bytes.Clone(good), 0))); codeOf(err) != rmg.Invalid {
		t.Errorf("a byte too many: %v", err)
	}
	const head, empty = "\x82\x6djitos/graph/1", "\x82\x80\x80"
	for name, in := range map[string]string{
		"another form":           "\x82\x6djitos/graph/2" + empty,
		"a long head":            head + "\x82\x98\x00\x80",
		"a graph for null":       head + "\x82\x81\x84\x41a\x61K\x41\xa0" + empty + "\x80",
		"no props":               head + "\x82\x81\x84\x41a\x61K\x40\xf6\x80",
		"ids out of order":       head + "\x82\x82\x84\x41b\x61K\x41\xa0\xf6\x84\x41a\x61K\x41\xa0\xf6\x80",
		"an id twice":            head + "\x82\x82\x84\x41a\x61K\x41\xa0\xf6\x84\x41a\x61K\x41\xa0\xf6\x80",
		"no id":                  head + "\x82\x81\x84\x40\x61K\x41\xa0\xf6\x80",
		"a kind not UTF-8":       head + "\x82\x81\x84\x41a\x61\xff\x41\xa0\xf6\x80",
		"an edge without ends":   head + "\x82\x80\x81\x86\x41e\x61K\x41a\x41a\x41\xa0\xf6",
		"a length that is a lie": head + "\x82\x9b\x00\x00\x00\xff\xff\xff\xff\xff\x80",
	} {
		if _, err := rmg.ReadCBOR(strings.NewReader(in)); codeOf(err) != rmg.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, in := range map[string]string{
		"props that are a lie": head + "\x82\x81\x84\x41a\x61K\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
		"an id that is a lie":  head + "\x82\x81\x84\x5a\xff\xff\xff\xff",
		"too deep":             head + strings.Repeat("\x82\x81\x84\x41a\x61K\x41\xa0", 1000),
	} {
		if _, err := rmg.ReadCBOR(strings.NewReader(in)); codeOf(err) != rmg.Limit {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// gauge counts what goes through and looks, each so many bytes, at how much of
// the heap is in use.
type gauge struct {
	r          io.Reader
	n, next    int64
	base, most uint64
}

const gaugeEvery = 1 << 20

func newGauge(r io.Reader) *gauge { return &gauge{r: r, base: inUse()} }

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func (g *gauge) passed(n int) {
	if g.n += int64(n); g.n >= g.next {
		g.next = g.n + gaugeEvery
		g.most = max(g.most, inUse())
	}
}

func (g *gauge) Write(p []byte) (int, error) {
	g.passed(len(p))
	return len(p), nil
}

func (g *gauge) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	g.passed(n)
	return n, err
}

// held is how much more of the heap was ever in use than at the beginning.
func (g *gauge) held() uint64 { return g.most - min(g.most, g.base) }

// repeated is a document that is never whole in memory: a head, some elements,
// a tail.
type repeated struct {
	one   func(i int) string
	n, i  int
	ahead strings.Reader
	tail  string
}

func (r *repeated) Read(p []byte) (int, error) {
	for r.ahead.Len() == 0 {
		switch {
		case r.i < r.n:
			r.ahead.Reset(r.one(r.i))
		case r.i == r.n:
			r.ahead.Reset(r.tail)
		default:
			return 0, io.EOF
		}
		r.i++
	}
	return r.ahead.Read(p)
}

// Neither writing nor reading holds the document: it may be larger than memory
// where the graph is not.
func TestGraphFormsStream(t *testing.T) {
	const n = 4_000
	props := rmg.PropsOf(map[string]rmg.Value{"text": rmg.String(strings.Repeat("x", 4_000))})
	o := rmg.NewOverlay(rmg.Graph{})
	for i := range n {
		p := rmg.Root.Child(fmt.Sprintf("n%04d", i))
		if i > n/2 {
			p = rmg.Root.Join("n0007", fmt.Sprintf("n%04d", i))
		}
		if err := o.AddNode(p, "K", props); err != nil {
			t.Fatal(err)
		}
	}
	g := o.Graph()
	for _, f := range forms {
		w := newGauge(nil)
		if err := f.write(g, w); err != nil {
			t.Fatal(err)
		}
		if w.n < n*4_000 || w.held() > 1<<20 {
			t.Errorf("%s: to write %d bytes took %d of memory", f.name, w.n, w.held())
		}
	}
	runtime.KeepAlive(g)
	// A number of three thousand digits is eight bytes in a graph.
	digits := "0." + strings.Repeat("3", 3_000)
	doc := &repeated{n: n, tail: `]}`, one: func(i int) string {
		begin := ","
		if i == 0 {
			begin = `{"nodes":[`
		}
		return fmt.Sprintf(`%s{"id":"n%04d","kind":"K","props":{"n":%s}}`, begin, i, digits)
	}}
	r := newGauge(doc)
	back, err := rmg.ReadJSON(r)
	if err != nil {
		t.Fatal(err)
	}
	if nodes, _ := back.Len(); nodes != n || r.n < n*3_000 || r.held() > 3<<20 {
		t.Errorf("%d nodes: to read %d bytes took %d of memory", nodes, r.n, r.held())
	}
	runtime.KeepAlive(back)
}

// failing fails after so many bytes.
type failing struct {
	r     io.Reader
	left  int
	cause error
	calls int
}

func (f *failing) Write(p []byte) (int, error) {
	f.calls++
	if f.left -= len(p); f.left < 0 {
		return 0, f.cause
	}
	return len(p), nil
}

func (f *failing) Read(p []byte) (int, error) {
	if f.left <= 0 {
		return 0, f.cause
	}
	n, err := f.r.Read(p[:min(len(p), f.left)])
	f.left -= n
	return n, err
}

// What fails is told from what is wrong, with its cause, and ends the work.
func TestGraphFormsFail(t *testing.T) {
	g := manyNodes(t, 3_000)
	cause := errors.New("the line is cut")
	for _, f := range forms {
		w := &failing{left: 10_000, cause: cause}
		if err := f.write(g, w); codeOf(err) != rmg.Unavailable || !errors.Is(err, cause) {
			t.Errorf("%s: %v", f.name, err)
		}
		if w.calls > 10 {
			t.Errorf("%s: went on for %d writes", f.name, w.calls)
		}
		whole := f.bytes(t, g)
		for _, left := range []int{0, 1, 10, 20_000, len(whole)} {
			back, err := f.read(&failing{r: bytes.NewReader(whole), left: left, cause: cause})
			if codeOf(err) != rmg.Unavailable || !errors.Is(err, cause) || !back.IsEmpty() {
				t.Errorf("%s: after %d bytes: %v", f.name, left, err)
			}
		}
		var d disk
		s := rmg.NewStore(&d, &d, 0)
		stored := open(t, s, keep(t, s, g))
		d.broken = cause
		if err := f.write(stored, io.Discard); codeOf(err) != rmg.Unavailable || !errors.Is(err, cause) {
			t.Errorf("%s: a store that fails: %v", f.name, err)
		}
	}
}

package graphml

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"jitos.dev/rmg"
)

// The format's namespace, and where its schema is.
const (
	namespace = "http://graphml.graphdrawing.org/xmlns"
	schema    = namespace + " http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd"
)

// MaxKeys is how many keys a document has. Write writes the props beyond that
// under a key that they share; Read refuses more with Limit.
const MaxKeys = 1 << 14

// MaxName is how many bytes the name of a key has. Longer names of props are
// written as those beyond MaxKeys are.
const MaxName = 1024

// Write writes a graph as a GraphML document. It walks g twice, first for the
// names and types of props, and holds no more than these. Equal graphs give equal
// bytes.
//
// Limit: a value has more than MaxText bytes. An error of w comes back as it is,
// one of the store that g is read from as rmg.Protect gives it.
func Write(w io.Writer, g rmg.Graph) error {
	var err error
	if broken := rmg.Protect(func() { err = write(w, g) }); broken != nil {
		return broken
	}
	return err
}

func write(w io.Writer, g rmg.Graph) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	out := &writer{enc: xml.NewEncoder(w), keys: survey(g)}
	out.enc.Indent("", "  ")
	out.open("graphml", "xmlns", namespace, "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance", "xsi:schemaLocation", schema)
	out.declare()
	out.graph(g, rmg.Root, "")
	out.close("graphml")
	if out.err == nil {
		out.err = out.enc.Flush()
	}
	if out.err == nil {
		_, out.err = io.WriteString(w, "\n")
	}
	return out.err
}

// key is what a prop is written under.
type key struct {
	edge bool
	name string
	form form
}

// keys are those of a document.
type keys struct {
	ids      map[key]string
	list     []key // in the order of declaration
	kindJSON bool  // a kind has characters that XML cannot say
	rest     bool  // a prop has no key of its own
}

// survey finds the keys that a graph needs.
func survey(g rmg.Graph) *keys {
	k := &keys{ids: map[key]string{}}
	k.level(g)
	slices.SortFunc(k.list, func(a, b key) int {
		if a.edge != b.edge {
			if a.edge {
				return 1
			}
			return -1
		}
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.form, b.form))
	})
	for i, x := range k.list {
		id := fmt.Sprintf("p%d", i)
		if x.form == formJSON {
			id += jsonMark
		}
		k.ids[x] = id
	}
	return k
}

func (k *keys) level(g rmg.Graph) {
	for e := range g.Nodes("") {
		k.element(e)
	}
	for e := range g.Edges("") {
		k.element(e)
	}
}

func (k *keys) element(e rmg.Element) {
	k.kindJSON = k.kindJSON || formOfText(e.Kind) == formJSON
	for name, v := range e.Props.All() {
		x := key{e.Edge, name, formOf(v)}
		switch _, known := k.ids[x]; {
		case known:
		case len(k.list) >= MaxKeys-reservedKeys || len(name) > MaxName || !nmtoken(name):
			k.rest = true
		default:
			k.ids[x] = ""
			k.list = append(k.list, x)
		}
	}
	k.level(e.Graph)
}

// reservedKeys is how many keys are not of props: the format, two for kinds, and
// the rest.
const reservedKeys = 4

// writer writes tokens until one fails.
type writer struct {
	enc  *xml.Encoder
	keys *keys
	err  error
}

func (w *writer) token(t xml.Token) {
	if w.err == nil {
		w.err = w.enc.EncodeToken(t)
	}
}

// open begins an element. What follows the name are attributes, name and value.
func (w *writer) open(name string, attrs ...string) {
	t := xml.StartElement{Name: xml.Name{Local: name}}
	for i := 0; i+1 < len(attrs); i += 2 {
		t.Attr = append(t.Attr, xml.Attr{Name: xml.Name{Local: attrs[i]}, Value: attrs[i+1]})
	}
	w.token(t)
}

func (w *writer) close(name string) { w.token(xml.EndElement{Name: xml.Name{Local: name}}) }

func (w *writer) text(name, text string, attrs ...string) {
	w.open(name, attrs...)
	w.token(xml.CharData(text))
	w.close(name)
}

// key declares one.
func (w *writer) key(id, domain, name string, f form) {
	w.open("key", "id", id, "for", domain, "attr.name", name, "attr.type", f.attrType())
	w.close("key")
}

func (w *writer) declare() {
	w.open("key", "id", formatID, "for", "graphml", "attr.name", formatID, "attr.type", "int")
	w.text("default", format)
	w.close("key")
	w.key(kindID, "all", "kind", formText)
	if w.keys.kindJSON {
		w.key(kindID+jsonMark, "all", "kind", formJSON)
	}
	if w.keys.rest {
		w.key(restID, "all", "props", formJSON)
	}
	for _, k := range w.keys.list {
		domain := "node"
		if k.edge {
			domain = "edge"
		}
		w.key(w.keys.ids[k], domain, k.name, k.form)
	}
}

// graph writes a level. The id is that of the element that holds it.
func (w *writer) graph(g rmg.Graph, at rmg.Path, id string) {
	w.open("graph", "edgedefault", "directed")
	node, edge := nodePrefix(id), edgePrefix(id)
	for e := range g.Nodes("") {
		if w.err != nil {
			return
		}
		name := node + escape(e.ID)
		w.open("node", "id", name)
		w.element(e, at.Child(e.ID), name)
		w.close("node")
	}
	for e := range g.Edges("") {
		if w.err != nil {
			return
		}
		name := edge + escape(e.ID)
		attrs := []string{"id", name, "source", node + escape(e.From), "target", node + escape(e.To)}
		if v, ok := e.Props.Get(PropDirected); ok && v.Equal(rmg.Bool(false)) {
			attrs = append(attrs, "directed", "false")
		}
		w.open("edge", attrs...)
		w.element(e, at.EdgeChild(e.ID), name)
		w.close("edge")
	}
	w.close("graph")
}

// element writes what an element holds.
func (w *writer) element(e rmg.Element, at rmg.Path, id string) {
	f, kind := formOfText(e.Kind), kindID
	if f == formJSON {
		kind += jsonMark
	}
	w.data(at, kind, f, rmg.String(e.Kind))
	var rest map[string]rmg.Value
	for name, v := range e.Props.All() {
		f := formOf(v)
		if id, ok := w.keys.ids[key{e.Edge, name, f}]; ok {
			w.data(at, id, f, v)
			continue
		}
		if rest == nil {
			rest = map[string]rmg.Value{}
		}
		rest[name] = v
	}
	if rest != nil {
		w.rest(at, rest)
	}
	if !e.Graph.IsEmpty() {
		w.graph(e.Graph, at, id)
	}
}

// rest writes the props that have no key. They are no map value, whose keys may
// not begin with "$".
func (w *writer) rest(at rmg.Path, props map[string]rmg.Value) {
	data, err := rmg.PropsOf(props).MarshalJSON()
	w.value(at, restID, jsonText(data), err)
}

func (w *writer) data(at rmg.Path, id string, f form, v rmg.Value) {
	text, err := f.write(v)
	w.value(at, id, text, err)
}

func (w *writer) value(at rmg.Path, id, text string, err error) {
	if err == nil && len(text) > MaxText {
		err = &rmg.Error{
			Op: "graphml", Path: at, Code: rmg.Limit, Msg: fmt.Sprintf("a value has %d bytes of text; the limit is %d", len(text), MaxText),
			Hint: "keep large content beside the graph, and its name as a blob",
		}
	}
	if w.err == nil {
		w.err = err
	}
	w.text("data", text, "key", id)
}

package graphml

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"

	"jitos.dev/rmg"
)

// The kinds of elements whose document says none, and the props that stand for
// what rmg has no form for.
const (
	NodeKind = "Node"
	EdgeKind = "Edge"

	PropDirected   = "directed"   // false: the edge has no direction
	PropSource     = "source"     // a ref: the node, deeper down, that the edge begins at
	PropTarget     = "target"     // a ref: the node, deeper down, that the edge ends at
	PropSourcePort = "sourceport" // the port that the edge begins at
	PropTargetPort = "targetport" // the port that the edge ends at
	PropLabel      = "label"      // the text of a drawing's first label
)

// Options say how to read.
type Options struct {
	Max int // nodes and edges that may be read; 0 is any number
}

// Summary counts what was read.
type Summary struct {
	Nodes, Edges int
	Renamed      int // edges that had the id of another
	Skipped      int // ports, drawings, data of graphs, and data that is not text
}

// Read adds what a GraphML document holds to the graph that the element at p
// holds. It reads to the end of r. If it fails it has added nothing.
//
// NotFound: there is no element at p. Exists: a node of the document is there
// already, or stands in it twice. Invalid: it is not GraphML, or not of a sort that
// rmg can hold. Limit: it is beyond a named limit. Unavailable: r failed.
func Read(r io.Reader, o *rmg.Overlay, p rmg.Path, opt Options) (Summary, error) {
	var err error
	in := &reader{tokens: newTokens(r), o: o, keys: map[string]*declared{}, max: opt.Max}
	if _, ok := o.Get(p); !ok {
		return Summary{}, &rmg.Error{Op: "graphml", Path: p, Code: rmg.NotFound, Msg: "there is no such element", Hint: "add it first"}
	}
	mark := o.Mark()
	if broken := rmg.Protect(func() { err = in.document(p) }); broken != nil {
		err = broken
	}
	if err != nil {
		o.Rewind(mark)
		return Summary{}, err
	}
	return in.sum, nil
}

// reader reads one document.
type reader struct {
	*tokens
	o       *rmg.Overlay
	keys    map[string]*declared
	native  bool // Write wrote it
	max     int
	sum     Summary
	waiting waiting
	extra   int // bytes that were filled in

	nodePresets, edgePresets []*declared // keys with a default, in order of declaration
}

func (r *reader) document(p rmg.Path) error {
	tok, err := r.token()
	for ; err == nil; tok, err = r.token() {
		text, blank := tok.(xml.CharData)
		if !blank || len(bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))) > 0 {
			break
		}
	}
	if err != nil {
		return err
	}
	root, ok := tok.(xml.StartElement)
	if !ok || !ours(root.Name) || root.Name.Local != "graphml" {
		return r.invalid("the document does not begin with <graphml>")
	}
	if err := r.root(p); err != nil {
		return err
	}
	for {
		switch tok, err := r.token(); {
		case err != nil:
			return err
		case tok == nil:
			return nil
		default:
			if text, ok := tok.(xml.CharData); !ok || len(bytes.TrimSpace(text)) > 0 {
				return r.invalid("there is more after </graphml>")
			}
		}
	}
}

// root reads what is inside <graphml>.
func (r *reader) root(p rmg.Path) error {
	seen := false
	return r.children(func(x xml.StartElement) error {
		switch x.Name.Local {
		case "key":
			if seen {
				return r.fail(rmg.Invalid, "declare keys before the graph", "a key comes after the graph")
			}
			return r.key(x)
		case "graph":
			if seen {
				return r.fail(rmg.Invalid, "make a document for each", "the document holds a second graph")
			}
			seen = true
			return r.graph(x, &level{at: p, scope: scope{}})
		case "data":
			r.sum.Skipped++
			return r.skip()
		}
		return r.unknown(x)
	})
}

// children calls fn for each element of the format inside the one that is open,
// but descriptions; fn reads it to its end.
func (r *reader) children(fn func(xml.StartElement) error) error {
	for {
		x, more, err := r.child()
		switch {
		case err != nil:
			return err
		case !more:
			return nil
		case !ours(x.Name):
			r.sum.Skipped++
			err = r.skip()
		case x.Name.Local == "desc":
			err = r.skip()
		default:
			err = fn(x)
		}
		if err != nil {
			return err
		}
	}
}

// unknown says why an element is not read.
func (r *reader) unknown(x xml.StartElement) error {
	switch name := x.Name.Local; name {
	case "hyperedge":
		return r.fail(rmg.Invalid, "make it a node, and an edge to each of its ends", "an edge with many ends cannot be read")
	case "locator":
		return r.fail(rmg.Invalid, "put what it points at in its place", "a locator points at another document, which is not fetched")
	default:
		return r.invalid("<" + name + "> does not belong here")
	}
}

// count makes room for one more element.
func (r *reader) count() error {
	if r.max > 0 && r.sum.Nodes+r.sum.Edges >= r.max {
		return r.fail(rmg.Limit, "split the document", fmt.Sprintf("there are more than %d nodes and edges", r.max))
	}
	return nil
}

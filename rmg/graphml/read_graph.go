package graphml

import (
	"encoding/xml"
	"fmt"
	"strings"

	"jitos.dev/rmg"
)

// The limits of edges that come before their nodes.
const (
	MaxPending     = 1 << 16  // edges
	MaxPendingText = 32 << 20 // bytes of what these hold
)

// MaxFilled is how many bytes defaults of keys and refs to ends deeper down add to
// what a document says in so many words.
const MaxFilled = 64 << 20

// place is where a node stands. It is no path: many short ids below long ones
// would take many times what the document has.
type place struct {
	up *place // of the node that holds it; nil at the scope's own level
	id string
}

// scope knows where the nodes stand that are not at the scope's own level, by the
// id that the document gives them; nil is an id that stands twice. What is in an
// edge's graph is a scope of its own.
type scope map[string]*place

// waiting counts the edges that wait for their nodes, over all levels.
type waiting struct{ edges, bytes int }

// level is a graph that is being read.
type level struct {
	at         rmg.Path
	id         string // of the element that holds it, in a document of ours
	undirected bool   // what the edges are that do not say
	scope      scope
	holder     *place // the node that holds it; nil for the scope's own level
	pending    []*draft
}

// draft is an element that is being read.
type draft struct {
	edge             bool
	id               string // as the document has it
	at               rmg.Path
	place            *place // of a node
	from, to         string
	kind             string
	props            map[string]rmg.Value
	seen             map[*declared]bool
	unnamed, written bool
	number           int // of an edge, in the document
	bytes            int
}

// graph reads a level to its end.
func (r *reader) graph(x xml.StartElement, l *level) error {
	switch edges, _ := attr(x, "edgedefault"); edges {
	case "undirected":
		l.undirected = true
	case "directed", "":
	default:
		return r.invalid("edgedefault is " + quoted(edges) + ", not directed or undirected")
	}
	err := r.children(func(x xml.StartElement) error {
		switch x.Name.Local {
		case "node":
			return r.node(x, l)
		case "edge":
			return r.edge(x, l)
		case "data":
			r.sum.Skipped++
			return r.skip()
		}
		return r.unknown(x)
	})
	if err != nil {
		return err
	}
	return r.settle(l)
}

func (r *reader) node(x xml.StartElement, l *level) error {
	if err := r.count(); err != nil {
		return err
	}
	r.sum.Nodes++
	d := &draft{props: map[string]rmg.Value{}, seen: map[*declared]bool{}}
	d.id, _ = attr(x, "id")
	raw, err := r.rawID(d.id, nodePrefix(l.id))
	if err != nil {
		return err
	}
	d.at = l.at.Child(raw)
	d.place = &place{l.holder, raw}
	if l.holder != nil && !r.native {
		l.scope.note(d.id, d.place)
	}
	return r.inside(d, l)
}

// note keeps where a node stands.
func (s scope) note(id string, p *place) {
	if _, twice := s[id]; twice {
		p = nil
	}
	s[id] = p
}

// rawID is an element's id as rmg has it. In a document of ours it follows the id
// of what holds the element.
func (r *reader) rawID(id, prefix string) (string, error) {
	if id == "" {
		return "", r.invalid("an id is missing or empty")
	}
	if !r.native {
		return id, nil
	}
	rest, ok := strings.CutPrefix(id, prefix)
	raw, well := unescape(rest)
	if !ok || !well {
		return "", r.invalid("the id " + quoted(id) + " is none of an element here")
	}
	return raw, nil
}

func (r *reader) edge(x xml.StartElement, l *level) error {
	if err := r.count(); err != nil {
		return err
	}
	r.sum.Edges++
	d := &draft{edge: true, number: r.sum.Edges, props: map[string]rmg.Value{}, seen: map[*declared]bool{}}
	if err := r.ends(d, x, l); err != nil {
		return err
	}
	id, named := attr(x, "id")
	if d.id = id; !named && !r.native {
		d.unnamed, d.id = true, d.from+"->"+d.to
	}
	raw, err := r.rawID(d.id, edgePrefix(l.id))
	if err != nil {
		return err
	}
	d.at = l.at.EdgeChild(raw)
	if r.native {
		return r.inside(d, l)
	}
	directed, ok := attr(x, "directed")
	switch {
	case !ok && l.undirected, directed == "false":
		d.props[PropDirected] = rmg.Bool(false)
	case ok && directed != "true":
		return r.invalid("directed is " + quoted(directed) + ", not true or false")
	}
	for _, name := range []string{PropSourcePort, PropTargetPort} {
		if port, ok := attr(x, name); ok {
			d.props[name] = rmg.String(port)
		}
	}
	return r.inside(d, l)
}

// ends reads the ids of an edge's ends.
func (r *reader) ends(d *draft, x xml.StartElement, l *level) error {
	source, hasSource := attr(x, "source")
	target, hasTarget := attr(x, "target")
	if !hasSource || !hasTarget {
		return r.invalid("an edge has no source or no target")
	}
	var err error
	if d.from, err = r.rawID(source, nodePrefix(l.id)); err == nil {
		d.to, err = r.rawID(target, nodePrefix(l.id))
	}
	return err
}

// inside reads what a node or an edge holds, to its end. The element is written
// when its graph begins, or else at its end.
func (r *reader) inside(d *draft, l *level) error {
	graphs := 0
	err := r.children(func(x xml.StartElement) error {
		switch x.Name.Local {
		case "data":
			return r.data(x, d)
		case "port":
			if d.edge {
				return r.unknown(x)
			}
			r.sum.Skipped++
			return r.skip()
		case "graph":
			if graphs++; graphs > 1 {
				return r.invalid("an element holds a second graph")
			}
			return r.innerGraph(x, d, l)
		}
		return r.unknown(x)
	})
	switch {
	case err != nil:
		return err
	case d.written:
		return r.late(d)
	}
	return r.write(d, l)
}

func (r *reader) innerGraph(x xml.StartElement, d *draft, l *level) error {
	if err := r.write(d, l); err != nil {
		return err
	}
	if !d.written {
		return r.fail(rmg.Invalid, "put the nodes first", "an edge that holds a graph comes before its ends")
	}
	inner := &level{at: d.at, id: d.id, scope: l.scope, holder: d.place}
	if d.edge {
		inner.scope = scope{}
	}
	d.props, d.kind = map[string]rmg.Value{}, ""
	return r.graph(x, inner)
}

// data reads one value of an element.
func (r *reader) data(x xml.StartElement, d *draft) error {
	id, _ := attr(x, "key")
	k := r.keys[id]
	switch {
	case k == nil:
		return r.fail(rmg.Invalid, "declare it before the graph", "there is no key "+quoted(id))
	case d.seen[k]:
		return r.invalid("key " + quoted(id) + " stands twice in an element")
	}
	d.seen[k] = true
	text, label, whole, err := r.text()
	if err != nil {
		return err
	}
	d.bytes += len(text) + len(label)
	switch {
	case k.role == isDrawing:
		r.sum.Skipped++
		if label != "" {
			if _, other := d.props[PropLabel]; !other {
				d.props[PropLabel] = rmg.String(label)
			}
		}
		return nil
	case !whole && r.native:
		return r.invalid("key " + quoted(id) + " holds elements")
	case !whole:
		r.sum.Skipped++
		return nil
	case k.role == isRest:
		return r.restOf(d, text)
	}
	v, err := k.form.read(text)
	if err != nil {
		return r.invalid("key " + quoted(id) + ": " + errText(err))
	}
	return r.put(d, k, v)
}

// put gives an element a value.
func (r *reader) put(d *draft, k *declared, v rmg.Value) error {
	if k.role == isKind {
		kind, ok := v.AsString()
		if !ok || d.kind != "" {
			return r.invalid("key " + quoted(k.id) + " is no kind, or a second one")
		}
		if r.native || kind != "" && len(kind) <= rmg.MaxKind {
			d.kind = kind
			return nil
		}
	}
	if !v.IsZero() {
		d.props[k.name] = v
	}
	return nil
}

func (r *reader) restOf(d *draft, text string) error {
	var rest rmg.Props
	if err := rest.UnmarshalJSON([]byte(text)); err != nil {
		return r.invalid("key " + quoted(restID) + ": " + errText(err))
	}
	for name, v := range rest.All() {
		d.props[name] = v
	}
	return nil
}

// fill gives an element the defaults of its keys and of its sort.
func (r *reader) fill(d *draft) error {
	presets := r.nodePresets
	if d.edge {
		presets = r.edgePresets
	}
	for _, k := range presets {
		if d.seen[k] {
			continue
		}
		if k.role == isKind {
			if kind, _ := k.preset.AsString(); d.kind == "" && len(kind) <= rmg.MaxKind {
				d.kind = kind
			}
			continue
		}
		if _, there := d.props[k.name]; !there {
			d.props[k.name] = k.preset
			if err := r.filled(len(k.name) + k.size); err != nil {
				return err
			}
		}
	}
	switch {
	case d.kind != "" || r.native:
	case d.edge:
		d.kind = EdgeKind
	default:
		d.kind = NodeKind
	}
	return nil
}

// filled counts bytes that the document does not have.
func (r *reader) filled(n int) error {
	if r.extra += n; r.extra > MaxFilled {
		return r.fail(rmg.Limit, "", fmt.Sprintf("defaults and refs to ends come to more than %d bytes", MaxFilled))
	}
	return nil
}

// write puts an element into the overlay; an edge whose ends are not there yet
// waits.
func (r *reader) write(d *draft, l *level) error {
	if err := r.fill(d); err != nil {
		return err
	}
	if !d.edge {
		d.written = true
		return r.placed(d, r.o.AddNode(d.at, d.kind, rmg.PropsOf(d.props)))
	}
	if err := r.writeEdge(d, l); err != nil || d.written {
		return err
	}
	d.bytes += len(d.at) + len(d.id) + len(d.from) + len(d.to)
	r.waiting.edges++
	r.waiting.bytes += d.bytes
	switch {
	case r.waiting.edges > MaxPending:
		return r.fail(rmg.Limit, "put nodes before edges", fmt.Sprintf("more than %d edges come before their nodes", MaxPending))
	case r.waiting.bytes > MaxPendingText:
		return r.fail(rmg.Limit, "put nodes before edges", fmt.Sprintf("edges that come before their nodes hold more than %d bytes", MaxPendingText))
	}
	l.pending = append(l.pending, d)
	return nil
}

// placed says where in the document a write failed.
func (r *reader) placed(d *draft, err error) error {
	e, ok := err.(*rmg.Error)
	if !ok {
		return err
	}
	return &rmg.Error{Op: "graphml", Path: d.at, Code: e.Code, Msg: r.where(), Hint: e.Hint, Err: err}
}

// late gives an element what stood after its graph.
func (r *reader) late(d *draft) error {
	if d.kind != "" {
		if err := r.o.Retype(d.at, d.kind); err != nil {
			return r.placed(d, err)
		}
	}
	if len(d.props) == 0 {
		return nil
	}
	return r.placed(d, r.o.Set(d.at, d.props))
}

// settle writes the edges of a level that waited for its nodes.
func (r *reader) settle(l *level) error {
	for _, d := range l.pending {
		if err := r.writeEdge(d, l); err != nil {
			return err
		}
		if !d.written {
			return r.fail(rmg.Invalid, "", fmt.Sprintf("the edge %s ends at %s or %s, of which one is no node, or several, below its graph", quoted(d.id), quoted(d.from), quoted(d.to)))
		}
		r.waiting.edges--
		r.waiting.bytes -= d.bytes
	}
	return nil
}

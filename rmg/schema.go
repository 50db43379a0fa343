package rmg

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
	"unique"
)

// KindPath is where a graph says what it demands of its kinds.
const KindPath Path = "/kind"

// Schemas are the schemas of a graph, ready for use. They never change; any
// number of goroutines may use them. A nil *Schemas has none.
//
// A schema is part of the graph: /kind/Service says what holds for elements of
// kind Service at every depth, and a kind that has none is free-form. Only the
// root's /kind counts. What stands below it has this shape, and is checked
// against this shape alone when it is written:
//
//	/kind/<Kind>          a node of kind Kind
//	  of            string  "node" or "edge": what may be of the kind; absent: edge if
//	                        from, to or multiplicity is there, else both
//	  closed        bool    props that are not declared are refused
//	  inner         list    the kinds of nodes and edges that may stand directly inside;
//	                        absent: any
//	  leaf          bool    nothing may stand inside
//	  from, to      list    the kinds of nodes that an edge may leave and reach; absent: any
//	  multiplicity  string  how many edges of the kind may meet in one graph: "many" (the
//	                        default), "one_out" (one leaves a node), "one_in" (one reaches
//	                        a node), "one" (both)
//	  doc           string  for people
//	/kind/<Kind>/<prop>   a node of kind Prop
//	  type          string  bool, int, float, string, bytes, list, map, ref or blob;
//	                        absent: any
//	  required      bool    the prop is there
//	  default       value   what an element gets that is added without the prop; of the type
//	  merge         string  the [Strategy] by which it is merged
//	  index         bool    elements can be found by its value
//	  doc           string  for people
//
// There are no edges in it. For example, as ops:
//
//	{"op":"add_node","path":"/kind","kind":"Folder"}
//	{"op":"add_node","path":"/kind/Service","kind":"Kind","props":{"inner":["Endpoint"]}}
//	{"op":"add_node","path":"/kind/Service/lang","kind":"Prop","props":{"type":"string","required":true}}
//	{"op":"add_node","path":"/kind/Service/port","kind":"Prop","props":{"type":"int","default":80,"index":true}}
//	{"op":"set","path":"/kind/Service","props":{"closed":true}}
//	{"op":"add_node","path":"/kind/calls","kind":"Kind","props":{"from":["Service"],"to":["Service"]}}
//
// An [Overlay] refuses, as Invalid, what would break a schema. It looks at what
// the write touches, so that a prop that is wrong already does not keep others
// from being set. AddNode and AddEdge fill in defaults, and what is required has
// to be there from the beginning; Retype and Graft fill in nothing. An edge is
// compared with its ends when it or an end gets its kind. There is no least
// number of edges.
//
// A write to /kind is refused if /kind were malformed after it, or if it demands
// more than before and the graph does not satisfy it, which costs a scan of the
// graph. What demands less costs none, and so does declaring a prop that is
// neither required nor, unless the kind is closed, of one type. To close a kind,
// declare its props first; to require a prop, set it everywhere first.
//
// Merge, and an overlay that is Unchecked, look at no schemas: CheckChanges is
// for them.
type Schemas struct {
	of    *level // /kind as it was compiled
	kinds map[unique.Handle[string]]*kindRules
	wrong []Violation // of the shape of /kind itself, by path
}

// Multiplicity says how many edges of a kind may meet at a node of one graph.
type Multiplicity string

// The multiplicities.
const (
	MultiplicityMany   Multiplicity = "many"
	MultiplicityOneOut Multiplicity = "one_out" // one leaves a node
	MultiplicityOneIn  Multiplicity = "one_in"  // one reaches a node
	MultiplicityOne    Multiplicity = "one"     // one leaves, and one reaches
)

// KindSchema is what a graph demands of the elements of one kind.
type KindSchema struct {
	Kind         string
	Of           string // "node", "edge", or "" for both
	Closed       bool   // what is not declared is refused
	Inner        []string
	Leaf         bool     // nothing may stand inside; else what Inner says, nil for anything
	From, To     []string // nil for any
	Multiplicity Multiplicity
	Doc          string
	Props        []PropSchema // in order of names
}

// PropSchema is what a graph demands of one prop of a kind.
type PropSchema struct {
	Name     string
	Type     Type // TypeNone for any
	Required bool
	Default  Value    // the zero Value for none
	Merge    Strategy // "" where nothing is said
	Index    bool
	Doc      string
}

// KindProp names a prop of a kind.
type KindProp struct{ Kind, Prop string }

// Schemas returns what g demands of its kinds. They are compiled on first use,
// O(size of /kind), and kept with that version of /kind: O(1) from then on. A
// part of /kind that is malformed demands nothing; Check tells of it.
func (g Graph) Schemas() *Schemas { return g.root.schemas() }

// schemas is Graph.Schemas. Only l's /kind has to have been handed out.
func (l *level) schemas() *Schemas { return noSchemas.next(l.kindLevel()) }

// kindLevel is the level that holds the schemas if l is the root.
func (l *level) kindLevel() *level {
	if r := l.node(kindID); r != nil {
		return r.inner
	}
	return nil
}

const kindID = "kind"

var noSchemas = &Schemas{}

// any reports whether anything is demanded.
func (s *Schemas) any() bool { return s != nil && len(s.kinds) > 0 }

// rules returns what is demanded of a kind, or nil.
func (s *Schemas) rules(kind unique.Handle[string]) *kindRules {
	if s == nil {
		return nil
	}
	return s.kinds[kind]
}

// Kinds lists the kinds that have a schema, in order. O(kinds * log kinds).
func (s *Schemas) Kinds() []string {
	if s == nil {
		return nil
	}
	names := make([]string, 0, len(s.kinds))
	for k := range s.kinds {
		names = append(names, k.Value())
	}
	slices.Sort(names)
	return names
}

// Kind returns the schema of a kind and whether it has one. What it holds is
// shared and not to be changed. It costs a lookup.
func (s *Schemas) Kind(name string) (KindSchema, bool) {
	if k := s.rules(unique.Make(name)); k != nil {
		return k.KindSchema, true
	}
	return KindSchema{}, false
}

// Strategy returns the strategy by which a prop is merged, and "" where no
// schema says so. It can stand as MergeInput.Strategy. It costs a lookup.
func (s *Schemas) Strategy(kind, prop string) Strategy {
	if d := s.rules(unique.Make(kind)).prop(prop); d != nil {
		return d.Merge
	}
	return ""
}

// Indexed lists the props that elements can be found by, by kind, then prop, as
// NewIndex takes them.
func (s *Schemas) Indexed() []KindProp {
	var out []KindProp
	for _, name := range s.Kinds() {
		for _, d := range s.rules(unique.Make(name)).Props {
			if d.Index {
				out = append(out, KindProp{name, d.Name})
			}
		}
	}
	return out
}

// kindRules is a schema as the checks use it.
type kindRules struct {
	KindSchema
	wrong []Violation // of the schema itself
}

func (k *kindRules) prop(name string) *PropSchema {
	if k == nil {
		return nil
	}
	i, ok := slices.BinarySearchFunc(k.Props, name, func(d PropSchema, name string) int { return strings.Compare(d.Name, name) })
	if !ok {
		return nil
	}
	return &k.Props[i]
}

// narrow reports whether not every kind may stand inside.
func (k *kindRules) narrow() bool { return k != nil && (k.Leaf || k.Inner != nil) }

func (k *kindRules) oneOut() bool {
	return k.Multiplicity == MultiplicityOneOut || k.Multiplicity == MultiplicityOne
}

func (k *kindRules) oneIn() bool {
	return k.Multiplicity == MultiplicityOneIn || k.Multiplicity == MultiplicityOne
}

// next returns the schemas of another version of /kind, which has to have been
// handed out: it is kept there. It costs what changed, and a copy of the map.
func (s *Schemas) next(l *level) *Schemas {
	switch {
	case l.empty():
		return noSchemas
	case l == s.of:
		return s
	}
	if known := l.kinds.Load(); known != nil {
		return known
	}
	n := &Schemas{of: l, kinds: maps.Clone(s.kinds)}
	if n.kinds == nil {
		n.kinds = map[unique.Handle[string]]*kindRules{}
	}
	diffTries(s.of.trie(false), l.trie(false), func(id string, _, r *record) bool {
		if r == nil {
			delete(n.kinds, unique.Make(id))
		} else {
			n.kinds[unique.Make(id)] = compileKind(l, r)
		}
		return true
	})
	for _, k := range n.kinds {
		n.wrong = append(n.wrong, k.wrong...)
	}
	l.edges.ascend(func(r *record) bool {
		n.wrong = append(n.wrong, Violation{
			Path: KindPath.EdgeChild(r.id()), Msg: "there are no edges in /kind; a kind of edges is a node of kind Kind",
		})
		return true
	})
	slices.SortStableFunc(n.wrong, compareViolations)
	if !l.kinds.CompareAndSwap(nil, n) {
		return l.kinds.Load() // somebody else was first
	}
	return n
}

// The shape of a schema, as schemas.
const (
	kindOfKinds = "Kind"
	kindOfProps = "Prop"
)

var schemaShape = &Schemas{kinds: map[unique.Handle[string]]*kindRules{
	unique.Make(kindOfKinds): {KindSchema: KindSchema{
		Kind: kindOfKinds, Of: ofNode, Closed: true, Inner: []string{kindOfProps},
		Props: []PropSchema{
			{Name: "closed", Type: TypeBool},
			{Name: "doc", Type: TypeString},
			{Name: "from", Type: TypeList},
			{Name: "inner", Type: TypeList},
			{Name: "leaf", Type: TypeBool},
			{Name: "multiplicity", Type: TypeString},
			{Name: "of", Type: TypeString},
			{Name: "to", Type: TypeList},
		},
	}},
	unique.Make(kindOfProps): {KindSchema: KindSchema{
		Kind: kindOfProps, Of: ofNode, Closed: true, Leaf: true,
		Props: []PropSchema{
			{Name: "default"},
			{Name: "doc", Type: TypeString},
			{Name: "index", Type: TypeBool},
			{Name: "merge", Type: TypeString},
			{Name: "required", Type: TypeBool},
			{Name: "type", Type: TypeString},
		},
	}},
}}

const (
	ofNode = "node"
	ofEdge = "edge"
)

var (
	typeNames      = []string{"", "bool", "int", "float", "string", "bytes", "list", "map", "ref", "blob"}
	ofs            = []string{ofNode, ofEdge}
	multiplicities = []string{string(MultiplicityMany), string(MultiplicityOneOut), string(MultiplicityOneIn), string(MultiplicityOne)}
	strategies     = []string{string(StrategyConflict), string(StrategyText)}
)

// compileKind reads the schema that stands in r, a node of the level at /kind.
func compileKind(l *level, r *record) *kindRules {
	k := &kindRules{KindSchema: KindSchema{Kind: r.id()}}
	top := &spot{path: KindPath}
	c := judge{s: schemaShape, report: func(v Violation) bool {
		k.wrong = append(k.wrong, v)
		return true
	}}
	if kind := r.kind.Value(); kind != kindOfKinds {
		c.tell(top, r, "", "", "kind %s stands in /kind, where only %s does", kind, kindOfKinds)
		return k
	}
	c.element(top, nil, l, r)
	if !utf8.ValidString(r.id()) || len(r.id()) > MaxKind {
		c.tell(top, r, kindOfKinds, "", "%q cannot be a kind", r.id())
	}
	in := reader{&c, top, r, kindOfKinds, r.props()}
	k.Of, _ = in.one("of", ofs)
	k.Closed, k.Leaf = in.props.Bool("closed"), in.props.Bool("leaf")
	k.Inner, k.From, k.To = in.kinds("inner"), in.kinds("from"), in.kinds("to")
	k.Doc = in.props.String("doc")
	many, _ := in.one("multiplicity", multiplicities)
	k.Multiplicity = Multiplicity(many)
	if k.Leaf && k.Inner != nil {
		in.wrong("inner", "does not go with leaf")
		k.Inner = nil
	}
	for _, prop := range []string{"from", "to", "multiplicity"} {
		if _, there := in.props.Get(prop); !there {
			continue
		}
		switch k.Of {
		case ofNode:
			in.wrong(prop, "does not go with of node")
		case "":
			k.Of = ofEdge
		}
	}
	if k.Of == ofNode {
		k.From, k.To, k.Multiplicity = nil, nil, ""
	}
	if r.inner == nil {
		return k
	}
	at := &spot{up: top, r: r}
	c.level(at, c.s.rules(r.kind), r.inner)
	r.inner.nodes.ascend(func(p *record) bool {
		if p.kind.Value() == kindOfProps {
			k.Props = append(k.Props, compileProp(&c, at, p))
		}
		return true
	})
	return k
}

// compileProp reads the node r of kind Prop.
func compileProp(c *judge, at *spot, r *record) PropSchema {
	in := reader{c, at, r, kindOfProps, r.props()}
	d := PropSchema{
		Name: r.id(), Required: in.props.Bool("required"), Index: in.props.Bool("index"), Doc: in.props.String("doc"),
	}
	if !utf8.ValidString(d.Name) {
		c.tell(at, r, kindOfProps, "", "%q cannot be a prop", d.Name)
	}
	_, i := in.one("type", typeNames[1:])
	d.Type = Type(i + 1)
	merge, _ := in.one("merge", strategies)
	d.Merge = Strategy(merge)
	v, _ := in.props.Get("default")
	if d.Type != TypeNone && v.typ != TypeNone && v.typ != d.Type {
		in.wrong("default", "is "+typeNames[v.typ]+", but the type says "+typeNames[d.Type])
		v = Value{}
	}
	d.Default = v
	return d
}

// reader reads the props of an element of /kind, and tells what is wrong with
// them; that one is of the wrong type was told before.
type reader struct {
	c     *judge
	at    *spot
	r     *record
	kind  string
	props Props
}

func (in *reader) wrong(prop, what string) {
	in.c.tell(in.at, in.r, in.kind, prop, "prop %s %s", prop, what)
}

// one reads a string that is one of a few, and tells which: -1 for none.
func (in *reader) one(prop string, of []string) (string, int) {
	v, _ := in.props.Get(prop)
	s, ok := v.AsString()
	if !ok {
		return "", -1
	}
	i := slices.Index(of, s)
	if i < 0 {
		in.wrong(prop, fmt.Sprintf("is %q, the schema wants %s", s, oneOf(of)))
		return "", -1
	}
	return s, i
}

// kinds reads a list of kinds; nil if it says nothing.
func (in *reader) kinds(prop string) []string {
	v, _ := in.props.Get(prop)
	list, ok := v.AsList()
	if !ok {
		return nil
	}
	var out []string
	for _, x := range list {
		s, ok := x.AsString()
		switch {
		case !ok:
			in.wrong(prop, "holds "+typeNames[x.typ]+", the schema wants kinds")
		case s == "" || len(s) > MaxKind:
			in.wrong(prop, fmt.Sprintf("holds %q, which cannot be a kind", s))
		default:
			out = append(out, s)
		}
	}
	if len(list) == 0 {
		hint := "is empty, the schema wants kinds"
		if prop == "inner" {
			hint = "is empty; leaf says that nothing stands inside"
		}
		in.wrong(prop, hint)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

package rule

import (
	"strconv"
	"strings"

	"jitos.dev/rmg"
)

// Image is a flat, mutable copy of what stands in a graph at one path and
// below, made to be matched: elements are numbers, edges hang in lists at their
// ends by direction and kind, and elements of one kind in a list of that kind.
//
// A change costs the same however large the image is, but for loading, which is
// O(elements). An image is for one goroutine while it changes; any number may
// look for matches in one that does not.
//
// The order in which elements are met is that of the graph's ids for what was
// loaded, then that of making.
type Image struct {
	base   rmg.Graph
	scope  rmg.Path
	prefix string // of fresh ids

	nodes  []node
	edges  []edge
	levels []level
	ports  []port
	props  []rmg.Props // 0 is none
	ids    []string    // of what was loaded or was given one
	fresh  int32       // the last number of a fresh id

	freeNodes, freeEdges, freePorts int32
	freeProps                       []int32

	kindOf   map[string]int32
	kinds    []kind
	grown    func() // told when there is a new kind
	touched  []int32
	removed  []gone
	watch    *watch // nil: nobody
	told     uint64 // how many changes there were
	byID     map[placeID]int32
	rewrites int
}

// An element is a number from 1 on: of a node as it is, of an edge, where both
// may stand, negative. Numbers of what is gone are given again.

type node struct {
	kind             int32
	level            int32 // where it stands
	inner            int32 // the level that it holds; 0 is none yet
	ports            int32
	nextKin, prevKin int32 // of its kind
	nextIn, prevIn   int32 // of its level
	id               int32 // an index into ids, or a fresh number, negative
	props            int32
	state            uint32
}

type edge struct {
	kind             int32
	inner            int32
	end              [2]int32 // from, to
	next, prev       [2]int32 // at its ends
	nextKin, prevKin int32
	id               int32
	props            int32
	state            uint32
}

// What became of an element since the image was loaded or written.
const (
	alive  = 1 << iota
	born   // it is new
	recast // it has another kind
	redone // it has other props
	marked // it stands in touched
	dead   // of a level: what held it is gone
)

// level is a graph.
type level struct {
	owner    int32 // the element that holds it; 0 is the scope itself
	nodes    int32 // the first
	last     int32
	elements int32
	state    uint32
}

// port is the edges of one kind at a node in one direction.
type port struct {
	kind  int32
	dir   int32
	head  int32
	count int32
	next  int32
}

// kind is what there is of a kind.
type kind struct {
	name         string
	nodes, edges kin
}

type kin struct{ first, last, count int32 }

type gone struct {
	level int32
	id    int32
	edge  bool
}

type placeID struct {
	level int32
	edge  bool
	id    string
}

// Options say how an image is made.
type Options struct {
	// At is the graph that is matched, with all inside it; empty is Root.
	At rmg.Path

	// Prefix is what fresh ids begin with; empty is "n". The number behind it is
	// greater than any that stands behind it in the graph.
	Prefix string
}

// NewImage loads what stands at a path of a graph and below. NotFound: there is
// nothing there. O(elements).
func NewImage(g rmg.Graph, o Options) (*Image, error) {
	m := &Image{base: g, scope: o.At, prefix: o.Prefix, kindOf: map[string]int32{}}
	if m.scope == "" {
		m.scope = rmg.Root
	}
	if m.prefix == "" {
		m.prefix = "n"
	}
	e, ok := g.Get(m.scope)
	if !ok {
		return nil, &rmg.Error{Op: "image", Path: m.scope, Code: rmg.NotFound, Msg: "there is no such element"}
	}
	n, k := e.Graph.Len()
	m.nodes, m.edges = make([]node, 1, n+n/8+16), make([]edge, 1, k+k/8+16)
	m.levels, m.ports, m.props, m.ids = make([]level, 1), make([]port, 1), make([]rmg.Props, 1), make([]string, 1, n+k+1)
	m.kinds = make([]kind, 1) // 0 is none
	m.load(0, e.Graph)
	return m, nil
}

// Len returns how many nodes and edges there are, at every depth.
func (m *Image) Len() (nodes, edges int) {
	for _, k := range m.kinds {
		nodes += int(k.nodes.count)
		edges += int(k.edges.count)
	}
	return nodes, edges
}

// Rewrites is how many rules were applied to the image.
func (m *Image) Rewrites() int { return m.rewrites }

func (m *Image) load(l int32, g rmg.Graph) {
	at := map[string]int32{}
	for e := range g.Nodes("") {
		n := m.newNode(l, m.kind(e.Kind), m.loadedID(e.ID), m.hold(e.Props), alive)
		at[e.ID] = n
		if !e.Graph.IsEmpty() {
			m.load(m.levelOf(n), e.Graph)
		}
	}
	for e := range g.Edges("") {
		x := m.newEdge(m.kind(e.Kind), at[e.From], at[e.To], m.loadedID(e.ID), m.hold(e.Props), alive)
		if !e.Graph.IsEmpty() {
			m.load(m.levelOf(-x), e.Graph)
		}
	}
}

func (m *Image) loadedID(id string) int32 {
	if n, ok := m.freshNumber(id); ok {
		m.fresh = max(m.fresh, n)
	}
	m.ids = append(m.ids, id)
	return int32(len(m.ids) - 1)
}

// base36 is the base of the numbers of fresh ids, which have up to maxDigits
// digits.
const (
	base36    = 36
	maxDigits = 6
)

// freshNumber is the number of an id that could be a fresh one: the prefix, a
// letter for the number of digits, the digits. So ids come in the order of
// making.
func (m *Image) freshNumber(id string) (int32, bool) {
	rest, ok := strings.CutPrefix(id, m.prefix)
	if !ok || len(rest) < 2 || len(rest) > maxDigits+1 || int(rest[0]-'a')+2 != len(rest) {
		return 0, false
	}
	n, err := strconv.ParseInt(rest[1:], base36, 32)
	return int32(n), err == nil && n > 0 && strconv.FormatInt(n, base36) == rest[1:]
}

func (m *Image) hold(p rmg.Props) int32 {
	if p.IsZero() {
		return 0
	}
	if n := len(m.freeProps); n > 0 {
		i := m.freeProps[n-1]
		m.freeProps = m.freeProps[:n-1]
		m.props[i] = p
		return i
	}
	m.props = append(m.props, p)
	return int32(len(m.props) - 1)
}

// drop takes back what hold gave.
func (m *Image) drop(props int32) {
	if props != 0 {
		m.props[props] = rmg.Props{}
		m.freeProps = append(m.freeProps, props)
	}
}

// kind is the number of a kind.
func (m *Image) kind(name string) int32 {
	k, ok := m.kindOf[name]
	if !ok {
		k = int32(len(m.kinds))
		name = strings.Clone(name)
		m.kindOf[name] = k
		m.kinds = append(m.kinds, kind{name: name})
		if m.grown != nil {
			m.grown()
		}
	}
	return k
}

func (m *Image) kindOrNone(name string) {
	if name != "" {
		m.kind(name)
	}
}

// idOf is the id behind its number.
func (m *Image) idOf(id int32) string {
	if id < 0 {
		var room [32]byte
		return string(m.appendID(room[:0], id))
	}
	return m.ids[id]
}

// appendID appends the fresh id of a number, which is negative.
func (m *Image) appendID(b []byte, id int32) []byte {
	b = append(append(b, m.prefix...), 'a')
	at := len(b)
	b = strconv.AppendInt(b, int64(-id), base36)
	b[at-1] += byte(len(b) - at - 1)
	return b
}

// isEdge and the accessors below take an element of either sort.
func (m *Image) levelAt(x int32) int32 {
	if x < 0 {
		return m.nodes[m.edges[-x].end[0]].level
	}
	return m.nodes[x].level
}

func (m *Image) innerOf(x int32) int32 {
	if x < 0 {
		return m.edges[-x].inner
	}
	return m.nodes[x].inner
}

func (m *Image) propsOf(x int32) rmg.Props {
	if x < 0 {
		return m.props[m.edges[-x].props]
	}
	return m.props[m.nodes[x].props]
}

func (m *Image) kindAt(x int32) int32 {
	if x < 0 {
		return m.edges[-x].kind
	}
	return m.nodes[x].kind
}

func (m *Image) alive(x int32) bool {
	if x < 0 {
		return m.edges[-x].state&alive != 0
	}
	return m.nodes[x].state&alive != 0
}

// ID returns the id of an element.
func (m *Image) id(x int32) string { return m.idOf(m.idNumber(x)) }

// idNumber is the number of an element's id.
func (m *Image) idNumber(x int32) int32 {
	if x < 0 {
		return m.edges[-x].id
	}
	return m.nodes[x].id
}

// levelOf is the level that an element holds, made if there is none.
func (m *Image) levelOf(x int32) int32 {
	if l := m.innerOf(x); l != 0 {
		return l
	}
	m.levels = append(m.levels, level{owner: x})
	l := int32(len(m.levels) - 1)
	if x < 0 {
		m.edges[-x].inner = l
	} else {
		m.nodes[x].inner = l
	}
	return l
}

// path is where a level stands.
func (m *Image) path(l int32) rmg.Path {
	if l == 0 {
		return m.scope
	}
	return m.at(m.levels[l].owner)
}

// at is where an element stands.
func (m *Image) at(x int32) rmg.Path {
	if x < 0 {
		return m.path(m.levelAt(x)).EdgeChild(m.id(x))
	}
	return m.path(m.levelAt(x)).Child(m.id(x))
}

// find is the element of a level with an id; 0 is none. The first costs
// O(elements).
func (m *Image) find(l int32, isEdge bool, id string) int32 {
	if m.byID == nil {
		m.byID = map[placeID]int32{}
		for i := range m.nodes {
			if m.nodes[i].state&alive != 0 {
				m.note(int32(i))
			}
		}
		for i := range m.edges {
			if m.edges[i].state&alive != 0 {
				m.note(-int32(i))
			}
		}
	}
	return m.byID[placeID{l, isEdge, id}]
}

func (m *Image) note(x int32) {
	if m.byID != nil {
		m.byID[placeID{m.levelAt(x), x < 0, m.id(x)}] = x
	}
}

func (m *Image) forget(x int32) {
	if m.byID != nil {
		delete(m.byID, placeID{m.levelAt(x), x < 0, m.id(x)})
	}
}

// touch remembers an element that the graph has to be told of.
func (m *Image) touch(x int32, state uint32) {
	s := &m.nodes[max(x, 0)].state
	if x < 0 {
		s = &m.edges[-x].state
	}
	if *s&marked == 0 {
		m.touched = append(m.touched, x)
	}
	*s |= state | marked
}

package rmg

import (
	"encoding/binary"
	"slices"
	"strings"
)

// What an index holds is a set of facts, which are strings, in byte order. A
// fact says one thing of one element; index_key.go tells what it is made of.
//
//	k kind-as-text path          the element there is of the kind
//	p number value path          it has a prop of that value; the number is the prop's place in declared
//	r path 0 path 0 prop         what is pointed at; by which element, by which prop
//	c kind-as-text               how many there are, as a prop of the record
//
// So what belongs to one answer stands together and in its order, whatever the
// depth at which it is found; what an element is known by does not depend on
// other elements; and the trie has one shape for one content of the graph.
const (
	factKind  = 'k'
	factProp  = 'p'
	factRef   = 'r'
	factCount = 'c'
)

// newFactKey begins a fact, with room for a short one.
func newFactKey(what byte) []byte { return append(make([]byte, 0, 128), what) }

func appendNumber(b []byte, i int) []byte { return binary.AppendUvarint(b, uint64(i)) }

// factBlock is how much of a fact is one id of a trie. What is longer goes on
// in the level inside.
const factBlock = MaxSegment

const countProp = "n"

var (
	factSymbol = symbol("fact")
	partSymbol = symbol("part") // the beginning of facts, and none
)

// factsFrom ranges over the facts that begin with above and then are at least
// start, in order, below a level that stands at above.
func factsFrom(l *level, above, start string, yield func(fact string, r *record) bool) bool {
	if l == nil {
		return true
	}
	first, rest := start, ""
	if len(start) > factBlock {
		first, rest = start[:factBlock], start[factBlock:]
	}
	return l.nodes.from(first, func(r *record) bool {
		fact, rest := r.id(), rest
		if above != "" {
			fact = above + fact
		}
		if r.id() != first {
			rest = ""
		}
		if rest == "" && r.kind == factSymbol && !yield(fact, r) {
			return false
		}
		return r.inner == nil || factsFrom(r.inner, fact, rest, yield)
	})
}

// addFact adds a fact that is not there, to a level that t may change.
func addFact(t *token, l *level, fact string) {
	if len(fact) < factBlock {
		l.nodes = l.nodes.insert(t, newFact(fact, factSymbol))
		return
	}
	id, rest := fact[:factBlock], fact[factBlock:]
	r := l.node(id)
	if r == nil {
		r = newFact(id, partSymbol)
		l.nodes = l.nodes.insert(t, r)
	}
	if rest == "" {
		l.nodes = l.nodes.replace(t, r.withKind(factSymbol.Value()))
		return
	}
	inner := r.inner.edit(t)
	if inner != r.inner {
		l.nodes = l.nodes.replace(t, r.withInner(inner))
	}
	addFact(t, inner, rest)
}

// dropFact takes out a fact that is there.
func dropFact(t *token, l *level, fact string) {
	if len(fact) < factBlock {
		l.nodes = l.nodes.remove(t, fact)
		return
	}
	id, rest := fact[:factBlock], fact[factBlock:]
	r := l.node(id)
	if rest == "" {
		r = r.withKind(partSymbol.Value())
	} else {
		inner := r.inner.edit(t)
		dropFact(t, inner, rest)
		r = r.withInner(inner.orNil())
	}
	if r.inner == nil && r.kind == partSymbol {
		l.nodes = l.nodes.remove(t, id)
	} else {
		l.nodes = l.nodes.replace(t, r)
	}
}

func newFact(fact string, kind symbolOf) *record {
	r := record{kind: kind, nid: uint16(len(fact))}
	return r.hold(fact)
}

// indexer makes the index of one version into that of another.
type indexer struct {
	t        *token
	root     *level
	decl     *declared
	at       []byte // the path of the element at hand, as a key
	old, new []string
	room     []byte
	counts   map[symbolOf]int // what changes
}

func (m *indexer) levels(a, b *level) {
	if a == b {
		return
	}
	for _, edges := range []bool{false, true} {
		diffTries(a.trie(edges), b.trie(edges), func(id string, x, y *record) bool {
			n := len(m.at)
			m.at = appendSegment(m.at, Segment{id, edges})
			m.element(x, y)
			m.at = m.at[:n]
			return true
		})
	}
}

// element notes what became of one element, and of what is inside it.
func (m *indexer) element(x, y *record) {
	var a, b *level
	if x != nil {
		a = x.inner
	}
	if y != nil {
		b = y.inner
	}
	if x == nil || y == nil || x.kind != y.kind || !x.props().Equal(y.props()) {
		m.old, m.new = m.facts(m.old[:0], x, -1), m.facts(m.new[:0], y, 1)
		m.change()
	}
	m.levels(a, b)
}

// change takes out the old facts, and puts in the new ones.
func (m *indexer) change() {
	if slices.Equal(m.old, m.new) {
		return
	}
	m.root = m.root.edit(m.t)
	x, y := m.old, m.new
	for len(x) > 0 || len(y) > 0 {
		switch {
		case len(y) == 0 || len(x) > 0 && x[0] < y[0]:
			dropFact(m.t, m.root, x[0])
			x = x[1:]
		case len(x) == 0 || x[0] > y[0]:
			addFact(m.t, m.root, y[0])
			y = y[1:]
		default:
			x, y = x[1:], y[1:]
		}
	}
}

// facts lists, in order and without doubles, what an element says, and counts
// it by so much.
func (m *indexer) facts(out []string, r *record, n int) []string {
	if r == nil {
		return out
	}
	m.counts[r.kind] += n
	end := func() {
		out = append(out, string(m.room))
	}
	m.room = append(appendText(append(m.room[:0], factKind), r.kind.Value()), m.at...)
	end()
	props := r.props()
	for _, i := range m.decl.of(r.kind) {
		if v, ok := props.Get(m.decl.props[i].Prop); ok {
			m.room = append(appendValue(appendNumber(append(m.room[:0], factProp), i), v), m.at...)
			end()
		}
	}
	if strings.Contains(props.enc, refHead) {
		var room [16]entry
		for _, e := range props.entries(room[:0]) {
			eachRef(e.value, func(to Path) {
				m.room = append(appendPath(append(m.room[:0], factRef), to), keyEnd)
				m.room = append(append(append(m.room, m.at...), keyEnd), e.name...)
				end()
			})
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// count changes how many elements there are of a kind.
func (m *indexer) count(kind symbolOf, by int) {
	if by == 0 {
		return
	}
	m.root = m.root.edit(m.t)
	id := string(appendText(newFactKey(factCount), kind.Value()))
	n := int64(by)
	if r := m.root.node(id); r != nil {
		n += r.props().Int(countProp)
	}
	if n == 0 {
		m.root.nodes = m.root.nodes.remove(m.t, id)
		return
	}
	props := PropsOf(map[string]Value{countProp: Int(n)})
	m.root.nodes = m.root.nodes.put(m.t, newFact(id, factSymbol).with(props))
}

// refHead is what every encoded ref begins with.
var refHead = string(cborHead(nil, cborTag, tagRef))

// eachRef calls fn for every ref in an encoded value, and returns what follows.
func eachRef(s string, fn func(Path)) string {
	n, rest := decodeHead(s)
	switch s[0] & 0xe0 {
	case cborArray:
		for range n {
			rest = eachRef(rest, fn)
		}
		return rest
	case cborMap:
		for range n {
			rest = eachRef(rest[itemSize(rest):], fn)
		}
		return rest
	case cborTag:
		if v, after := decodeValue(s); v.typ == TypeRef {
			fn(Path(v.str))
			return after
		}
	}
	return s[itemSize(s):]
}

package rmg

import (
	"fmt"
	"iter"
	"slices"
	"unicode/utf8"
)

// AddAll adds nodes, then edges, to the graph that p holds: all of them, or none
// with the error that AddNode or AddEdge has for one that cannot be added.
// What is inside an element is not looked at. It is AddNode and AddEdge of each,
// but that many at once cost some tenth of that: the tries are built, not edited.
func (o *Overlay) AddAll(p Path, nodes, edges iter.Seq[Element]) error {
	l, ok := o.root.levelAt(p)
	if !ok {
		return &Error{Op: "add_all", Path: p, Code: NotFound, Msg: "there is no such element", Hint: "add the parent first"}
	}
	b := bulk{o: o, at: p, old: l, room: p.depth() < MaxDepth}
	if err := b.gather(nodes, edges); err != nil {
		return err
	}
	if o.checked() || o.rekinds(p) || p == Root && b.has("kind") || len(b.nodes)+len(b.edges) < bulkMin {
		return b.each()
	}
	return b.build()
}

// levelAt is the level that the element at p holds.
func (l *level) levelAt(p Path) (*level, bool) {
	r, ok := l.at(p)
	if r != nil {
		l = r.inner
	}
	return l, ok
}

// bulk is many elements that are added to one level at once.
type bulk struct {
	o     *Overlay
	at    Path
	old   *level    // nil: empty
	room  bool      // one more segment is allowed
	nodes []*record // sorted, as are the edges
	edges []bulkEdge
	index map[string]int32 // of nodes, those that were there behind the new
	there []*record        // nodes that were there and get edges
	kinds []symbolOf       // those that were met
}

// bulkEdge is a new edge, with the numbers of its ends.
type bulkEdge struct {
	*record
	leaves, reaches int32
}

// bulkMin is from how many elements on the tries are built, not edited.
const bulkMin = 32

func (b *bulk) has(id string) bool {
	_, ok := slices.BinarySearchFunc(b.nodes, id, compareID)
	return ok
}

// gather makes the records, and refuses what cannot be one.
func (b *bulk) gather(nodes, edges iter.Seq[Element]) error {
	kind := "" // checked last
	for e := range nodes {
		e.Edge = false
		if err := b.check("add_node", b.at, e, &kind); err != nil {
			return err
		}
		if b.old.node(e.ID) != nil {
			return &Error{Op: "add_node", Path: b.at.Child(e.ID), Code: Exists, Msg: "the node is there already"}
		}
		b.nodes = append(b.nodes, b.record(e))
	}
	sortRecords(b.nodes)
	for i := 1; i < len(b.nodes); i++ {
		if id := b.nodes[i].id(); b.nodes[i-1].id() == id {
			return &Error{Op: "add_node", Path: b.at.Child(id), Code: Exists, Msg: "the node is there already"}
		}
	}
	for e := range edges {
		e.Edge = true
		if err := b.check("add_edge", b.at, e, &kind); err != nil {
			return err
		}
		from, ok := b.number(e.From)
		to, there := b.number(e.To)
		if !ok || !there {
			end := e.To
			if !ok {
				end = e.From
			}
			return &Error{Op: "add_edge", Path: b.at.EdgeChild(e.ID), Code: NotFound, Msg: fmt.Sprintf("there is no node %q for the edge's end", end), Hint: "add the node first"}
		}
		if b.old.edge(e.ID) != nil {
			return &Error{Op: "add_edge", Path: b.at.EdgeChild(e.ID), Code: Exists, Msg: "the edge is there already"}
		}
		b.edges = append(b.edges, bulkEdge{b.record(e), from, to})
	}
	byID := func(x, y bulkEdge) int { return compareID(x.record, y.id()) }
	if !slices.IsSortedFunc(b.edges, byID) {
		slices.SortFunc(b.edges, byID)
	}
	for i := 1; i < len(b.edges); i++ {
		if id := b.edges[i].id(); b.edges[i-1].id() == id {
			return &Error{Op: "add_edge", Path: b.at.EdgeChild(id), Code: Exists, Msg: "the edge is there already"}
		}
	}
	return nil
}

// check refuses what no element may be; kind is one that was looked at.
func (b *bulk) check(op string, at Path, e Element, kind *string) error {
	if e.ID != "" && len(e.ID) <= MaxSegment && (e.Kind == *kind || utf8.ValidString(e.Kind) && len(e.Kind) <= MaxKind) && e.Kind != "" && e.Props.IsZero() && b.room {
		*kind = e.Kind
		return nil
	}
	if e.ID == "" {
		return &Error{Op: op, Path: at, Code: Invalid, Msg: "the id is empty"}
	}
	at = at.Child(e.ID)
	if op == "add_edge" {
		at = at.Parent().EdgeChild(e.ID)
	}
	return b.o.checkNew(op, at, e.Kind, e.Props)
}

// record makes a record. To ask for a kind's symbol costs more than to compare it
// with the few that there are.
func (b *bulk) record(e Element) *record {
	i := slices.IndexFunc(b.kinds, func(k symbolOf) bool { return k.Value() == e.Kind })
	if i < 0 {
		b.kinds = append(b.kinds, symbol(e.Kind))
		i = len(b.kinds) - 1
	} else if i >= manyKinds {
		b.kinds[0], b.kinds[i] = b.kinds[i], b.kinds[0]
		i = 0
	}
	h := record{kind: b.kinds[i], edge: e.Edge, nid: uint16(len(e.ID)), nfrom: uint16(len(e.From)), nto: uint16(len(e.To))}
	if !e.Edge {
		e.From, e.To, h.nfrom, h.nto = "", "", 0, 0
	}
	return h.hold(e.ID, e.From, e.To, e.Props.enc)
}

// manyKinds is from where on a kind that is met again is moved to the front.
const manyKinds = 8

// number is the number of a node that is there or new.
func (b *bulk) number(id string) (int32, bool) {
	if b.index == nil { // with the first edge
		b.index = make(map[string]int32, len(b.nodes))
		for i, r := range b.nodes {
			b.index[r.id()] = int32(i)
		}
	}
	if i, ok := b.index[id]; ok {
		return i, true
	}
	r := b.old.node(id)
	if r == nil {
		return 0, false
	}
	i := int32(len(b.nodes) + len(b.there))
	b.index[r.id()] = i
	b.there = append(b.there, r)
	return i, true
}

// sortRecords sorts by id. Eight bytes behind what all ids begin with decide
// nearly always, and they are compared side by side, away from the records, which
// lie all over the memory.
func sortRecords(rs []*record) {
	byID := func(a, b *record) int { return compareID(a, b.id()) }
	if slices.IsSortedFunc(rs, byID) {
		return
	}
	first := rs[0].id()
	shared := len(first)
	for _, r := range rs {
		shared = common(first[:shared], r.id())
	}
	type keyed struct {
		key uint64
		rec *record
	}
	keys := make([]keyed, len(rs))
	for i, r := range rs {
		keys[i] = keyed{head(r.id(), shared), r}
	}
	slices.SortFunc(keys, func(a, b keyed) int {
		if a.key != b.key {
			if a.key < b.key {
				return -1
			}
			return 1
		}
		return byID(a.rec, b.rec)
	})
	for i, k := range keys {
		rs[i] = k.rec
	}
}

// each adds the elements one by one.
func (b *bulk) each() error {
	mark := b.o.Mark()
	for _, r := range b.nodes {
		if err := b.o.AddNode(b.at.Child(r.id()), r.kind.Value(), r.props()); err != nil {
			b.o.Rewind(mark)
			return err
		}
	}
	for _, r := range b.edges {
		if err := b.o.AddEdge(b.at.EdgeChild(r.id()), r.kind.Value(), r.from(), r.to(), r.props()); err != nil {
			b.o.Rewind(mark)
			return err
		}
	}
	return nil
}

// build makes the level anew.
func (b *bulk) build() error {
	l, err := b.o.own(b.at)
	if err != nil {
		return placed(err, "add_all", b.at)
	}
	t := b.o.mine
	b.tie(t)
	for _, x := range b.there {
		l.nodes = l.nodes.replace(t, x)
	}
	l.nodes = l.nodes.joined(t, b.nodes)
	edges := make([]*record, len(b.edges))
	for i, e := range b.edges {
		edges[i] = e.record
	}
	l.edges = l.edges.joined(t, edges)
	return nil
}

// joined is the trie with records added that are sorted and not there. What gets
// none below is kept as it is, digest and all.
func (n *node) joined(t *token, rs []*record) *node {
	if len(rs) == 0 {
		return n
	}
	if n.len() == 0 {
		return build(t, rs)
	}
	n = n.read()
	if n.branch() {
		if b, d := n.asBranch(), n.depth(); common(rs[0].id(), n.some("").id()) >= d && common(rs[len(rs)-1].id(), n.some("").id()) >= d {
			return b.joined(t, rs)
		}
	}
	all := make([]*record, 0, n.len()+len(rs))
	i := 0
	n.ascend(func(r *record) bool {
		for i < len(rs) && rs[i].id() < r.id() {
			all = append(all, rs[i])
			i++
		}
		all = append(all, r)
		return true
	})
	return build(t, append(all, rs[i:]...))
}

// joined is a branch with records added that agree with it up to its depth.
func (b *branch) joined(t *token, rs []*record) *node {
	d := b.depth()
	label := func(r *record) int {
		if len(r.id()) == d {
			return -1
		}
		return int(r.id()[d])
	}
	group := func() (c int, of []*record) { // of one label
		c = label(rs[0])
		n := 1
		for n < len(rs) && label(rs[n]) == c {
			n++
		}
		of, rs = rs[:n], rs[n:]
		return c, of
	}
	groups := 1
	for i := 1; i < len(rs); i++ {
		if label(rs[i]) != label(rs[i-1]) {
			groups++
		}
	}
	out := newBranch(t, uint32(d), min(int(b.size)+groups, 257))
	b.labels(func(c int, kid *node) bool {
		for len(rs) > 0 && label(rs[0]) < c {
			at, of := group()
			out.push(at, build(t, of))
		}
		if len(rs) > 0 && label(rs[0]) == c {
			_, of := group()
			kid = kid.joined(t, of)
		}
		out.push(c, kid)
		return true
	})
	for len(rs) > 0 {
		at, of := group()
		out.push(at, build(t, of))
	}
	out.rank()
	return &out.node
}

// tie hangs the new edges at their ends. The edges stand sorted by id, so those
// of one kind at a node do.
func (b *bulk) tie(t *token) {
	n := len(b.nodes) + len(b.there)
	first := make([]int32, n+1) // where the edges at each node begin in at
	for _, e := range b.edges {
		first[e.leaves+1]++
		if e.leaves != e.reaches {
			first[e.reaches+1]++
		}
	}
	for i := range n {
		first[i+1] += first[i]
	}
	at := make([]*record, first[n])
	next := slices.Clone(first[:n])
	put := func(i int32, e *record) {
		at[next[i]] = e
		next[i]++
	}
	for _, e := range b.edges {
		put(e.leaves, e.record)
		if e.leaves != e.reaches {
			put(e.reaches, e.record)
		}
	}
	for i := range n {
		if es := at[first[i]:first[i+1]]; len(es) > 0 {
			r := &b.there
			k := i - len(b.nodes)
			if k < 0 {
				r, k = &b.nodes, i
			}
			(*r)[k] = (*r)[k].withLinks((*r)[k].links.addAll(t, (*r)[k].id(), es))
		}
	}
}

// addAll adds edges that are not among the links; those of one kind are sorted.
func (at *link) addAll(t *token, node string, es []*record) *link {
	if at != nil || len(es) > linksMax {
		for _, e := range es {
			at = at.add(t, node, e)
		}
		return at
	}
	slices.SortStableFunc(es, compareLink)
	list := make([]link, len(es)) // which live and go with the node
	for i, e := range es {
		list[i].rec = e
		if i+1 < len(es) {
			list[i].next = &list[i+1]
		}
	}
	return &list[0]
}

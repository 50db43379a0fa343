package rule

import (
	"cmp"
	"iter"
	"slices"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// pending lists the elements that the graph has to be told of, by level, nodes
// before edges, then in the order of making, and takes out of touched what is
// there twice or gone. What holds a level stands in a level of a lesser number.
func (m *Image) pending() []int32 {
	out := make([]int32, 0, len(m.touched))
	for _, x := range slices.Backward(m.touched) { // where it was touched last
		if s := m.statePtr(x); *s&marked != 0 {
			*s &^= marked
			out = append(out, x)
		}
	}
	slices.Reverse(out)
	for _, x := range out {
		*m.statePtr(x) |= marked
	}
	m.touched = out
	sorted := slices.Clone(out)
	if len(m.levels) > 1 {
		slices.SortStableFunc(sorted, func(a, b int32) int {
			return cmp.Or(cmp.Compare(m.levelAt(a), m.levelAt(b)), cmp.Compare(b>>31, a>>31))
		})
		return sorted
	}
	n := 0
	for _, edges := range []bool{false, true} {
		for _, x := range out {
			if x < 0 == edges {
				sorted[n] = x
				n++
			}
		}
	}
	return sorted
}

func (m *Image) statePtr(x int32) *uint32 {
	if x < 0 {
		return &m.edges[-x].state
	}
	return &m.nodes[x].state
}

// Ops is the net change since the image was loaded or settled, as ops that a
// record can hold. O(change).
func (m *Image) Ops() []rewrite.Op {
	out := m.removals()
	for _, x := range m.pending() {
		out = m.appendOps(out, x)
	}
	return out
}

// removals are the ops that take out what is gone, edges first.
func (m *Image) removals() (out []rewrite.Op) {
	for _, edges := range []bool{true, false} {
		for _, g := range m.removed {
			if g.edge != edges || m.levels[g.level].state&dead != 0 {
				continue
			}
			at := m.path(g.level)
			if edges {
				at = at.EdgeChild(m.idOf(g.id))
			} else {
				at = at.Child(m.idOf(g.id))
			}
			out = append(out, rewrite.Op{Op: rewrite.Remove, Path: at})
		}
	}
	return out
}

func (m *Image) stateOf(x int32) uint32 { return *m.statePtr(x) }

// appendOps appends what became of one element that is there.
func (m *Image) appendOps(out []rewrite.Op, x int32) []rewrite.Op {
	at, state := m.at(x), m.stateOf(x)
	kind := m.kinds[m.kindAt(x)].name
	switch {
	case state&born != 0 && x < 0:
		e := &m.edges[-x]
		return append(out, rewrite.Op{Op: rewrite.AddEdge, Path: at, Kind: kind, From: m.id(e.end[0]), To: m.id(e.end[1]), Props: propMap(m.propsOf(x))})
	case state&born != 0:
		return append(out, rewrite.Op{Op: rewrite.AddNode, Path: at, Kind: kind, Props: propMap(m.propsOf(x))})
	}
	old, _ := m.base.Get(at)
	if old.Kind != kind {
		out = append(out, rewrite.Op{Op: rewrite.Retype, Path: at, Kind: kind})
	}
	if now := m.propsOf(x); !old.Props.Equal(now) {
		diff := map[string]rmg.Value{}
		for name, v := range now.All() {
			if w, ok := old.Props.Get(name); !ok || !v.Equal(w) {
				diff[name] = v
			}
		}
		for name := range old.Props.All() {
			if _, ok := now.Get(name); !ok {
				diff[name] = rmg.Value{}
			}
		}
		out = append(out, rewrite.Op{Op: rewrite.Set, Path: at, Props: diff})
	}
	return out
}

func propMap(p rmg.Props) map[string]rmg.Value {
	if p.IsZero() {
		return nil
	}
	out := map[string]rmg.Value{}
	for name, v := range p.All() {
		out[name] = v
	}
	return out
}

// Write writes the net change into an overlay of the graph that the image was
// loaded from, or settled on. A schema that the change breaks is Invalid, as is
// anything that another change has made impossible; then the overlay is as it
// was. O(change). The image does not change: see Settle.
func (m *Image) Write(o *rmg.Overlay) error {
	mark := o.Mark()
	if err := m.write(o); err != nil {
		o.Rewind(mark)
		return err
	}
	return nil
}

func (m *Image) write(o *rmg.Overlay) error {
	ops := m.removals()
	made := m.pending()
	for _, x := range made {
		if m.stateOf(x)&born == 0 {
			ops = m.appendOps(ops, x)
		}
	}
	if err := rewrite.Apply(o, ops); err != nil {
		return err
	}
	for len(made) > 0 {
		l, n := m.levelAt(made[0]), 1
		for n < len(made) && (len(m.levels) == 1 || m.levelAt(made[n]) == l) {
			n++
		}
		if err := o.AddAll(m.path(l), m.bornIn(made[:n], false), m.bornIn(made[:n], true)); err != nil {
			return err
		}
		made = made[n:]
	}
	return nil
}

// bornIn ranges over what was made in one level.
func (m *Image) bornIn(made []int32, edges bool) iter.Seq[rmg.Element] {
	return func(yield func(rmg.Element) bool) {
		var ids freshIDs
		for i, x := range made {
			if m.stateOf(x)&born == 0 || (x < 0) != edges {
				continue
			}
			e := rmg.Element{ID: ids.id(m, made, i), Edge: edges, Kind: m.kinds[m.kindAt(x)].name, Props: m.propsOf(x)}
			if edges {
				end := &m.edges[-x].end
				e.From, e.To = m.id(end[0]), m.id(end[1])
			}
			if !yield(e) {
				return
			}
		}
	}
}

// freshIDs makes the ids of many elements in few allocations. Who takes them in
// copies what it keeps.
type freshIDs struct {
	from, to int // of the list, whose ids text has
	text     string
	ends     [fewIDs]int
}

const fewIDs = 64

// id is the id of the i-th of a list of elements.
func (f *freshIDs) id(m *Image, list []int32, i int) string {
	if i >= f.to {
		var room [32 * fewIDs]byte
		b := room[:0]
		f.from, f.to = i, min(i+fewIDs, len(list))
		for k, x := range list[f.from:f.to] {
			if n := m.idNumber(x); n < 0 {
				b = m.appendID(b, n)
			}
			f.ends[k] = len(b)
		}
		f.text = string(b)
	}
	if n := m.idNumber(list[i]); n >= 0 {
		return m.ids[n]
	}
	begin := 0
	if i > f.from {
		begin = f.ends[i-f.from-1]
	}
	return f.text[begin:f.ends[i-f.from]]
}

// Settle says that the graph is now g, which has all that the image has: what
// changed is no change any more.
func (m *Image) Settle(g rmg.Graph) {
	for _, x := range m.touched {
		if x < 0 {
			m.edges[-x].state &= alive
		} else {
			m.nodes[x].state &= alive
		}
	}
	m.base, m.touched, m.removed = g, m.touched[:0], m.removed[:0]
}

package kernel

import (
	"slices"
	"sync"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// maxReads is how many paths a workspace is known to have read one by one.
// Beyond it those of one parent count as all below it, and at last as everything.
const maxReads = 256

// The props of a workspace's entry that say what was read through it since it
// was forked. They are set by the record of the workspace that follows the
// reading: what was read leads to what is written.
const (
	propReads = "reads"       // paths of elements
	propBelow = "reads_below" // paths whose elements, at any depth, all count as read
)

// readSet is what was read: elements, found or not, and all that is below
// others. Both are sorted, and nothing in them is covered by below.
type readSet struct{ exact, below []rmg.Path }

// readSetOf reads a set from a workspace's entry.
func readSetOf(p rmg.Props) readSet { return readSet{refsOf(p, propReads), refsOf(p, propBelow)} }

func refsOf(p rmg.Props, name string) []rmg.Path {
	v, _ := p.Get(name)
	list, _ := v.AsList()
	var out []rmg.Path
	for _, x := range list {
		if r, ok := x.AsRef(); ok {
			out = append(out, r)
		}
	}
	return out
}

// with is what either set holds, kept within maxReads.
func (r readSet) with(more readSet) readSet {
	if len(more.exact) == 0 && len(more.below) == 0 {
		return r
	}
	return readSet{
		exact: append(slices.Clone(r.exact), more.exact...), below: append(slices.Clone(r.below), more.below...),
	}.bounded()
}

// bounded brings a set into order, and widens it until it is small enough.
func (r readSet) bounded() readSet {
	for {
		slices.Sort(r.below)
		slices.Sort(r.exact)
		r.below = outermost(slices.Compact(r.below))
		r.exact = slices.DeleteFunc(slices.Compact(r.exact), r.covers)
		if len(r.exact)+len(r.below) <= maxReads {
			return r
		}
		r = r.widened()
	}
}

// widened takes the parents of the deepest paths for the paths themselves. It
// ends with all below the root.
func (r readSet) widened() readSet {
	depth := 0
	for _, p := range append(slices.Clone(r.exact), r.below...) {
		depth = max(depth, len(p.Segments()))
	}
	out := readSet{below: slices.Clone(r.below)}
	for i, p := range out.below {
		if len(p.Segments()) == depth {
			out.below[i] = p.Parent()
		}
	}
	for _, p := range r.exact {
		if len(p.Segments()) == depth {
			out.below = append(out.below, p.Parent())
		} else {
			out.exact = append(out.exact, p)
		}
	}
	return out
}

// outermost leaves out what is inside another; the list is sorted.
func outermost(list []rmg.Path) []rmg.Path {
	var out []rmg.Path
	for _, p := range list {
		if len(out) == 0 || !slices.ContainsFunc(out, func(q rmg.Path) bool { return q.Has(p) }) {
			out = append(out, p)
		}
	}
	return out
}

// covers reports whether a path is below one that is read with all below it.
// The element at such a path is not covered itself: it is read by its own.
func (r readSet) covers(p rmg.Path) bool {
	return slices.ContainsFunc(r.below, func(q rmg.Path) bool { return q != p && q.Has(p) })
}

func (r readSet) equal(q readSet) bool {
	return slices.Equal(r.exact, q.exact) && slices.Equal(r.below, q.below)
}

// reads are what was read through workspaces and stands in no record yet. They
// are facts of this epoch: what was read and led to no record led to nothing.
type reads struct {
	mu   sync.Mutex // guards the map
	sets map[string]readSet
}

// note adds to what was read through a workspace.
func (r *reads) note(id string, set readSet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sets == nil {
		r.sets = map[string]readSet{}
	}
	r.sets[id] = r.sets[id].with(set)
}

// of is what was read and stands in no record yet.
func (r *reads) of(id string) readSet {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sets[id]
}

// ops makes the next record of a workspace hold what was read before it. What a
// record holds already is forgotten here.
func (r *reads) ops(e rmg.Element) []rewrite.Op {
	r.mu.Lock()
	defer r.mu.Unlock()
	fresh, ok := r.sets[e.ID]
	if !ok {
		return nil
	}
	had := readSetOf(e.Props)
	all := had.with(fresh)
	if all.equal(had) {
		delete(r.sets, e.ID)
		return nil
	}
	return []rewrite.Op{setOp(swsPath(e.ID), map[string]rmg.Value{propReads: refList(all.exact), propBelow: refList(all.below)})}
}

// refList is a list of paths, or nothing for none.
func refList(list []rmg.Path) rmg.Value {
	if len(list) == 0 {
		return rmg.Value{}
	}
	vs := make([]rmg.Value, len(list))
	for i, p := range list {
		vs[i] = rmg.Ref(p)
	}
	return rmg.List(vs...)
}

// readSet is what was read through a workspace since it was forked.
func (k *Kernel) readSet(id string) readSet {
	e, ok := k.now().ledger.Get(swsPath(id))
	if !ok {
		return readSet{}
	}
	return readSetOf(e.Props).with(k.reads.of(id))
}

// handOnReads makes what was read through a workspace something that was read
// through the one it is merged into: it led to what is written there.
func (k *Kernel) handOnReads(from, to string) {
	if set := k.readSet(from); len(set.exact)+len(set.below) > 0 {
		k.reads.note(to, set)
	}
}

// NoteRead remembers that a process looked at its own workspace: an element, or
// with its graph all below it. Reading by anybody else leads to nothing there.
func (k *Kernel) NoteRead(c Caller, view string, p rmg.Path, graph bool) {
	v, err := ParseVersion(view)
	if err != nil || v.Space == "" || v.At != 0 || c.Process == "" || inLedger(p) {
		return
	}
	e, ok := k.now().ledger.Get(swsPath(v.Space))
	if !ok || e.Props.String("process") != c.process() {
		return
	}
	set := readSet{exact: []rmg.Path{p}}
	if p == rmg.Root {
		set.exact = nil
	}
	if graph {
		set.below = []rmg.Path{p}
	}
	k.reads.note(v.Space, set)
}

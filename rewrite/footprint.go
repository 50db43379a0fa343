package rewrite

import (
	"cmp"
	"slices"
	"strings"

	"jitos.dev/rmg"
)

// Footprint is what a rewrite reads and writes. Two rewrites conflict when one
// writes what the other reads or writes; of two that do not, the order does not
// matter, whatever the graph.
type Footprint struct {
	Reads  []rmg.Path // sorted; each stands for the element alone
	Writes []rmg.Path // sorted
	Whole  []rmg.Path // sorted; written with all that is below them (move, remove)
	Ways   []rmg.Path // sorted; folders that a write passes and may make: as if written, but not against other ways
	Absent []Slot     // sorted; where it looked for something, and what comes there it would see
	Ties   []Slot     // sorted; where something comes: against those who looked there, not against other ties
	All    bool       // conflicts with everything
}

// Slot is a place where elements of one kind may be, and are read by not being
// there: the edges at a node in one direction, those of a graph, or its nodes. An
// element that is there is read, and written, by its own path.
type Slot struct {
	At   rmg.Path
	Kind string // "" is any
	Side Side
}

// Side says what is in a slot.
type Side byte

// The sides of a slot.
const (
	Nodes Side = iota // At holds the graph in which nodes of the kind stand
	Out               // edges that leave the node at At
	In                // edges that reach it
	Edges             // edges anywhere in the graph that At holds
)

func compareSlot(a, b Slot) int {
	return cmp.Or(strings.Compare(string(a.At), string(b.At)), cmp.Compare(a.Side, b.Side), strings.Compare(a.Kind, b.Kind))
}

// sees reports whether who looked in s sees what comes into t.
func (s Slot) sees(t Slot) bool {
	if s.Kind != t.Kind && s.Kind != "" && t.Kind != "" {
		return false
	}
	switch {
	case s.Side == t.Side && s.At == t.At:
		return true
	case s.Side == Edges:
		return t.atNode() && t.At.Parent() == s.At
	case t.Side == Edges:
		return s.atNode() && s.At.Parent() == t.At
	}
	return false
}

// atNode reports whether a slot is of the edges at a node; the root is none.
func (s Slot) atNode() bool { return (s.Side == Out || s.Side == In) && s.At != rmg.Root }

// FootprintOf computes what ops touch without looking at a graph: an op that
// adds reads its parent, an edge its ends, and what is an edge or stands inside
// one reads the graph around the edge, because the edge goes with its ends.
func FootprintOf(ops []Op) Footprint {
	var f Footprint
	for _, o := range ops {
		parent := o.Path.Parent()
		f.edges(o.Path)
		// What stands in /kind says what every other write may do.
		f.All = f.All || rmg.KindPath.Has(o.Path) || o.Op == Move && rmg.KindPath.Has(o.Dest)
		switch o.Op {
		case AddNode:
			f.Reads, f.Writes = append(f.Reads, parent), append(f.Writes, o.Path)
			f.Ties = append(f.Ties, Slot{parent, o.Kind, Nodes})
		case AddEdge:
			f.Reads = append(f.Reads, parent, parent.Child(o.From), parent.Child(o.To))
			f.Writes = append(f.Writes, o.Path)
			f.Ties = append(f.Ties, Slot{parent.Child(o.From), o.Kind, Out}, Slot{parent.Child(o.To), o.Kind, In})
		case Retype:
			f.Writes = append(f.Writes, o.Path)
			if o.Path.Base().Edge { // its ends are not known here
				f.Ties = append(f.Ties, Slot{parent, o.Kind, Edges})
			} else {
				f.Ties = append(f.Ties, Slot{parent, o.Kind, Nodes})
			}
		case Write:
			f.Ties = append(f.Ties, Slot{parent, KindFile, Nodes})
			for p := parent; p != rmg.Root; p = p.Parent() {
				f.Ways = append(f.Ways, p)
				f.Ties = append(f.Ties, Slot{p.Parent(), KindDir, Nodes})
			}
			f.Writes = append(f.Writes, o.Path)
		case Move:
			// Its edges follow or forbid it: the whole graph around it counts.
			f.edges(o.Dest)
			f.Reads = append(f.Reads, o.Dest.Parent())
			f.Whole = append(f.Whole, o.Path, o.Dest)
			f.Writes = append(f.Writes, parent)
			f.Ties = append(f.Ties, Slot{o.Dest.Parent(), "", Nodes}, Slot{o.Dest.Parent(), "", Edges})
		case Remove:
			f.Whole = append(f.Whole, o.Path)
			if !o.Path.Base().Edge {
				f.Writes = append(f.Writes, parent)
			}
		default:
			f.Writes = append(f.Writes, o.Path)
		}
	}
	f.sort()
	return f
}

func (f *Footprint) sort() {
	for _, l := range [...]*[]rmg.Path{&f.Reads, &f.Writes, &f.Whole, &f.Ways} {
		if len(*l) > 1 {
			slices.Sort(*l)
			*l = slices.Compact(*l)
		}
	}
	for _, l := range [...]*[]Slot{&f.Absent, &f.Ties} {
		if len(*l) > 1 {
			slices.SortFunc(*l, compareSlot)
			*l = slices.Compact(*l)
		}
	}
}

// Close makes f what Conflicts wants, for who put it together himself: sorted,
// without doubles, with what goes with an edge that holds something it touches.
func (f *Footprint) Close() {
	for _, l := range [...][]rmg.Path{f.Reads, f.Writes, f.Whole} {
		for _, p := range l {
			if strings.IndexByte(string(p), '~') >= 0 { // the root has none
				f.edges(p.Parent())
			}
		}
	}
	f.sort()
}

// edges reads the graph around each edge on the way to p.
func (f *Footprint) edges(p rmg.Path) {
	if !strings.Contains(string(p), "/~") {
		return
	}
	for ; p != rmg.Root; p = p.Parent() {
		if p.Base().Edge {
			f.Reads = append(f.Reads, p.Parent())
		}
	}
}

// Conflicts reports whether f and g conflict. O(n log n) in their sizes.
func (f Footprint) Conflicts(g Footprint) bool {
	if f.All || g.All {
		return true
	}
	return meet(f.Writes, g.Writes) || f.crosses(g) || g.crosses(f) || f.covers(g) || g.covers(f)
}

// crosses reports whether g reads what f writes or may make, or passes what f
// writes.
func (f Footprint) crosses(g Footprint) bool {
	return meet(f.Writes, g.Reads) || meet(f.Writes, g.Ways) || meet(f.Ways, g.Reads) || f.fills(g)
}

// fills reports whether something of f comes where g looked.
func (f Footprint) fills(g Footprint) bool {
	for _, a := range g.Absent {
		if slices.ContainsFunc(f.Ties, a.sees) {
			return true
		}
	}
	return false
}

// covers reports whether what f writes whole holds, or stands below, anything
// that g touches.
func (f Footprint) covers(g Footprint) bool {
	for _, w := range f.Whole {
		for _, l := range [][]rmg.Path{g.Reads, g.Writes, g.Whole, g.Ways} {
			if below(w, l) {
				return true
			}
		}
		for p := w; p != rmg.Root; {
			if p = p.Parent(); has(g.Whole, p) {
				return true
			}
		}
	}
	return false
}

// below reports whether a sorted list has w or anything under it.
func below(w rmg.Path, list []rmg.Path) bool {
	if has(list, w) {
		return true
	}
	prefix := strings.TrimSuffix(string(w), "/") + "/"
	i, _ := slices.BinarySearch(list, rmg.Path(prefix))
	return i < len(list) && strings.HasPrefix(string(list[i]), prefix)
}

func has(list []rmg.Path, p rmg.Path) bool {
	_, ok := slices.BinarySearch(list, p)
	return ok
}

// meet reports whether two sorted lists share a path.
func meet(a, b []rmg.Path) bool {
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			return true
		}
	}
	return false
}

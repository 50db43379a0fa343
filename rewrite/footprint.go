package rewrite

import (
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
	All    bool       // conflicts with everything
}

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
		case AddEdge:
			f.Reads = append(f.Reads, parent, parent.Child(o.From), parent.Child(o.To))
			f.Writes = append(f.Writes, o.Path)
		case Write:
			for p := parent; p != rmg.Root; p = p.Parent() {
				f.Ways = append(f.Ways, p)
			}
			f.Writes = append(f.Writes, o.Path)
		case Move:
			// Its edges follow or forbid it: the whole graph around it counts.
			f.edges(o.Dest)
			f.Reads = append(f.Reads, o.Dest.Parent())
			f.Whole = append(f.Whole, o.Path, o.Dest)
			f.Writes = append(f.Writes, parent)
		case Remove:
			f.Whole = append(f.Whole, o.Path)
			if !o.Path.Base().Edge {
				f.Writes = append(f.Writes, parent)
			}
		default:
			f.Writes = append(f.Writes, o.Path)
		}
	}
	for _, l := range []*[]rmg.Path{&f.Reads, &f.Writes, &f.Whole, &f.Ways} {
		slices.Sort(*l)
		*l = slices.Compact(*l)
	}
	return f
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
	return meet(f.Writes, g.Reads) || meet(f.Writes, g.Ways) || meet(f.Ways, g.Reads)
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

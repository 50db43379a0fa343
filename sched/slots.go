package sched

import (
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// slots is a union of slots with their claims, indexed so that a look costs a few
// lookups.
type slots map[slotKey]int

// slotKey is a slot, or many: those of any kind, or those at the nodes of a graph.
type slotKey struct {
	rewrite.Slot
	any   bool // of whatever kind
	below bool // Out and In at the nodes of the graph At
}

// add claims a slot. Its claim is also that of the keys by which wider looks find
// it.
func (s slots) add(x rewrite.Slot, until int) {
	put := func(x rewrite.Slot, below bool) {
		k := slotKey{x, false, below}
		s[k] = max(s[k], until)
		k.Kind, k.any = "", true
		s[k] = max(s[k], until)
	}
	put(x, false)
	if atNode(x) {
		put(rewrite.Slot{At: x.At.Parent(), Kind: x.Kind}, true)
	}
}

// claim is the latest claim of a slot that sees x, or that x sees.
func (s slots) claim(x rewrite.Slot) int {
	look := func(x rewrite.Slot, below bool) int {
		if x.Kind == "" {
			return s[slotKey{x, true, below}]
		}
		n := s[slotKey{x, false, below}]
		x.Kind = ""
		return max(n, s[slotKey{x, false, below}])
	}
	n := look(x, false)
	switch {
	case atNode(x):
		n = max(n, look(rewrite.Slot{At: x.At.Parent(), Kind: x.Kind, Side: rewrite.Edges}, false))
	case x.Side == rewrite.Edges:
		n = max(n, look(rewrite.Slot{At: x.At, Kind: x.Kind}, true))
	}
	return n
}

// atNode reports whether a slot is of the edges at a node; the root is none.
func atNode(x rewrite.Slot) bool {
	return (x.Side == rewrite.Out || x.Side == rewrite.In) && x.At != rmg.Root
}

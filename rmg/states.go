package rmg

import "math/bits"

// states is a set of steps of a selector, each of which an element of the level
// at hand may match: the states of an automaton that goes down the levels
// (Thompson 1968).
type states uint64

// first takes out the first step.
func (s states) first() (int, states) { return bits.TrailingZeros64(uint64(s)), s & (s - 1) }

// automaton is a selector made ready to be evaluated.
type automaton struct {
	steps []step
	gaps  states // those that any level is for
	ways  states // those with axes
}

func (s Selector) automaton() automaton {
	a := automaton{steps: s.steps}
	for i := range s.steps {
		if s.steps[i].gap {
			a.gaps |= 1 << i
		}
		if len(s.steps[i].axes) > 0 {
			a.ways |= 1 << i
		}
	}
	return a
}

// open adds to a set what gaps in it may be passed for.
func (a *automaton) open(in states) states { return in | (in&a.gaps)<<1 }

// next is the set for what is inside an element, and whether the element is
// selected. via says which steps with axes lead to it.
func (a *automaton) next(in, via states, r *record) (inside states, selected bool) {
	inside = in & a.gaps
	for rest := in &^ a.gaps; rest != 0; {
		var i int
		i, rest = rest.first()
		switch {
		case a.ways>>i&1 == 1 && via>>i&1 == 0:
		case a.ways>>i&1 == 0 && !a.steps[i].is(r):
		case i == len(a.steps)-1:
			selected = true
		default:
			inside |= 2 << i
		}
	}
	return a.open(inside), selected
}

// is reports whether an element is what a step asks for, axes apart.
func (x *step) is(r *record) bool {
	return x.side.takes(r.edge) && x.name.match(r.id()) && holds(x.where, r)
}

func (s sides) takes(edge bool) bool { return s == bothSides || edge == (s == onlyEdges) }

package rmg

import (
	"strings"
)

// The limits of selectors.
const (
	MaxSelector   = 1 << 14 // bytes of its text
	MaxSteps      = 64      // steps, of which a gap is one; MaxDepth at least
	MaxPredicates = 64      // predicates and axes of one step
)

// Selector names elements by what they are like. It is a path whose segments
// are patterns:
//
//	/svc/auth                        a path selects the element at it
//	/svc/*[kind=Service][lang="go"]  * any bytes, ? one character, [...] conditions
//	/svc/~*[from=auth]               ~ edges
//	/repo/**/*.go                    ** any number of levels, through nodes and edges
//	/repo/**                         all that is below /repo
//	/svc/auth->depends_on            the nodes that edges of a kind lead to
//	/svc/db<<-                       the nodes that lead here, by one edge or more
//
// A condition looks at a prop, or at the element's own kind, from and to; all
// that are given have to hold. A name in quotes is always a prop's.
//
//	[name] [!name]                   there is one; there is none
//	[name=value] [name!=value]       is; is not, or is absent
//	[name<value] <= > >=             is before or after it
//	[name~glob]                      is a string or ref that matches
//	[name:value]                     is a list that holds it, or a map with that key
//
// A value is JSON, as [Value.MarshalJSON] writes it; a string of letters,
// digits and "_./-" needs no quotes. Numbers compare by what they are worth;
// other values have to be of one type to be equal, before or after.
//
// -> and <- follow edges, forward and backward, whose kind matches the glob
// behind them, or all; ->> and <<- go on from there, as far as it goes. From an
// edge they lead to its ends. Conditions behind them are of the nodes reached.
//
// In names and kinds %XX stands for a byte, as in a path. To be meant literally
// * ? [ ] have to be written so, and < > in an arrow.
//
// The zero Selector is "/", which selects the whole graph. A Selector never
// changes; any number of goroutines may use one.
type Selector struct {
	text  string
	steps []step
}

// step is what one level has to match.
type step struct {
	gap   bool // any number of levels; nothing else is said then
	side  sides
	name  glob
	where []predicate
	axes  []axis
}

// sides says of which sort an element is to be.
type sides byte

const (
	onlyNodes sides = iota
	onlyEdges
	bothSides
)

// axis is a way along edges.
type axis struct {
	dir   Direction
	far   bool
	kind  glob
	where []predicate
}

// SelectorOf returns the selector of a path, which selects the element at it and
// no other: its String is the path with what means something in a selector
// escaped, and is that path still. O(length of p).
func SelectorOf(p Path) Selector {
	var steps []step
	for _, s := range p.Segments() {
		x := step{name: glob{{text: s.ID}}}
		if s.Edge {
			x.side = onlyEdges
		}
		steps = append(steps, x)
	}
	return newSelector(steps)
}

func newSelector(steps []step) Selector {
	var b strings.Builder
	for i, x := range steps {
		// A gap and what may be anything are written as one.
		if x.gap && steps[i+1].side == bothSides {
			continue
		}
		x.write(&b)
	}
	return Selector{b.String(), steps}
}

// String returns the canonical form: ParseSelector gives the same Selector, and
// the String of a path's is the path, but for special bytes.
func (s Selector) String() string {
	if s.text == "" {
		return string(Root)
	}
	return s.text
}

// MarshalText returns the canonical form.
func (s Selector) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText does what ParseSelector does.
func (s *Selector) UnmarshalText(text []byte) error {
	x, err := ParseSelector(string(text))
	if err == nil {
		*s = x
	}
	return err
}

func (x step) write(b *strings.Builder) {
	b.WriteByte('/')
	switch {
	case x.gap, x.side == bothSides:
		b.WriteString("**")
	case x.side == onlyEdges:
		b.WriteByte('~')
		x.name.write(b)
	default:
		x.name.write(b)
	}
	for _, p := range x.where {
		p.write(b)
	}
	for _, a := range x.axes {
		b.WriteString(arrows[a.dir][flag(a.far)])
		if !a.kind.any() {
			a.kind.write(b)
		}
		for _, p := range a.where {
			p.write(b)
		}
	}
}

// arrows are the forms of an axis: one step, and as far as it goes.
var arrows = map[Direction][2]string{Forward: {"->", "->>"}, Backward: {"<-", "<<-"}}

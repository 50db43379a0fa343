package rule

import (
	"math"
	"slices"

	"jitos.dev/rmg"
)

// The limits of a rule.
const (
	MaxVars       = 64   // variables of a rule, those of its conditions included
	MaxComponents = 3    // parts of a pattern that nothing joins: what matches is their product
	MaxHops       = 16   // edges of a path pattern
	MaxConditions = 32   // conditions of a rule, nested ones included
	MaxRules      = 1000 // rules of a document
)

// Set is what a document says: kinds, rules and a program. It never changes;
// any number of goroutines may use it.
type Set struct {
	Rules   []*Rule
	kinds   map[string]kindDecl // by name; empty: any kind may be named
	program *control            // nil: none
	text    string              // of the program
}

// kindDecl is what a set knows of a kind.
type kindDecl struct {
	is    []string            // the kinds that it is as well, directly
	props map[string]propDecl // those declared, without those of what it is
	declared
}

type propDecl struct {
	rmg.Type
	declared
}

// declared is where a document says something; a schema has no file.
type declared struct {
	file string
	place
}

// Rule is one rule. Its left side is a pattern with conditions; what it does
// with a match follows.
type Rule struct {
	Name     string
	Doc      string
	At       rmg.Path // the graph in which the left side's top stands
	Deep     bool     // or any graph inside that one
	Priority int      // of a choice the greater goes first
	Reactive bool     // meant to fire when the graph changes

	injective bool // two variables are two elements
	cascade   bool // single-pushout: what dangles is deleted

	vars    []variable // the left side's, then those of conditions, then those created
	left    pattern
	source  string // the rule as a document of its own
	deletes []int
	creates []int // in the order in which they are made: nodes, then edges
	retypes []retype
	sets    []assign
}

// variable stands for a node or an edge.
type variable struct {
	name     string // "" has none
	edge     bool
	kind     string // "" is any
	free     bool   // a nameless node of a condition: may be what another variable is
	from, to int    // the ends of an edge
	in       int    // the element whose inner graph it stands in; none is the top
	created  bool
	id       *expr // of what is created; nil is a fresh one
	place
}

// none is no variable.
const none = -1

// pattern is a left side or a condition. The variables of a condition come
// after those of what it is a condition of, which it may name.
type pattern struct {
	own     []int // the variables that it brings
	paths   []hop
	guards  []*expr
	unless  []*pattern
	require []*pattern
	place
}

// hop is a way of least to most edges from one node to another.
type hop struct {
	from, to    int
	kind        string
	least, most int
	place
}

type retype struct {
	v    int
	kind string
}

// assignOp is what is done to a prop.
type assignOp string

const (
	opSet       assignOp = "set"
	opInc       assignOp = "inc"
	opSetAdd    assignOp = "set_add"
	opSetRemove assignOp = "set_remove"
)

type assign struct {
	op   assignOp
	v    int
	prop string
	to   *expr
	place
}

// Names lists the rules of a set, in order.
func (s *Set) Names() []string {
	out := make([]string, len(s.Rules))
	for i, r := range s.Rules {
		out[i] = r.Name
	}
	return out
}

// Without is the set without some of its rules, and without its program.
func (s *Set) Without(names []string) *Set {
	out := &Set{kinds: s.kinds}
	for _, r := range s.Rules {
		if !slices.Contains(names, r.Name) {
			out.Rules = append(out.Rules, r)
		}
	}
	return out
}

// Reach is how many levels of graphs, from the one in At on, hold what decides whether a
// rule of the set matches: 1 is that graph alone. What changes further in makes no match.
func (s *Set) Reach() (levels int) {
	for _, r := range s.Rules {
		if r.Deep {
			return math.MaxInt
		}
		for v := range r.vars {
			if !r.vars[v].created {
				levels = max(levels, r.nesting(v))
			}
		}
		if !r.cascade {
			for _, d := range r.deletes { // stays while there is something inside
				levels = max(levels, r.nesting(d)+1)
			}
		}
	}
	return levels
}

// nesting is in which level a variable stands, from 1 on.
func (r *Rule) nesting(v int) (level int) {
	for ; v != none; v = r.vars[v].in {
		level++
	}
	return level
}

// rule finds a rule by name.
func (s *Set) rule(name string) (int, bool) {
	for i, r := range s.Rules {
		if r.Name == name {
			return i, true
		}
	}
	return 0, false
}

// above lists a kind and all that it is, each once, itself first.
func (s *Set) above(kind string) []string {
	out := []string{kind}
	seen := map[string]bool{kind: true}
	for i := 0; i < len(out); i++ {
		for _, k := range s.kinds[out[i]].is {
			if !seen[k] {
				seen[k] = true
				out = append(out, k)
			}
		}
	}
	return out
}

// Program is the program of the document; empty if it has none.
func (s *Set) Program() string { return s.text }

package htn

import "strings"

// Domain is what can be done: types, predicates, tasks, methods, actions. Names
// are compared as they stand; whoever reads a notation in which case does not
// count makes them one before.
type Domain struct {
	Name       string
	Types      []Type
	Constants  []Object
	Predicates []Predicate
	Functions  []Predicate // of numbers, which serve as costs only
	Tasks      []Task
	Methods    []Method
	Actions    []Action
}

// Object is the name of every type that has no other above it.
const ObjectType = "object"

// Type is a type and the types above it. One that is named as a parent only
// counts as declared.
type Type struct {
	Name    string
	Parents []string
}

// Object is a thing with its types; without any it is an ObjectType. Of several
// it is each.
type Object struct {
	Name  string
	Types []string
}

// Param is a variable and the types of which its value is one; none is any.
type Param struct {
	Name  string // with its question mark
	Types []string
}

// Predicate is a relation, or a function.
type Predicate struct {
	Name   string
	Params []Param
}

// Task is a compound task.
type Task struct {
	Name   string
	Params []Param
}

// Method is one way to do a compound task. Its variables may be more than those
// of the task: they are chosen.
type Method struct {
	Name   string
	Params []Param
	Task   string
	Args   []string
	Pre    Formula // holds before the first of its steps
	Net    Network
}

// Action is a primitive task.
type Action struct {
	Name    string
	Params  []Param
	Pre     Formula
	Effects []Effect
	Costs   []Cost
}

// Network is a set of steps in a partial order.
type Network struct {
	Params      []Param // of a problem's own network
	Steps       []Step
	Order       [][2]int // the first is done before the second begins; indices of Steps
	Constraints Formula  // on the variables
}

// Step is a task to be done. Args are variables, or objects.
type Step struct {
	ID   string
	Task string
	Args []string
}

// Op is the head of a formula.
type Op uint8

// The heads of formulas.
const (
	And    Op = iota // of nothing: true
	Or               // of nothing: false
	Not              // of its one part
	Imply            // of two parts
	Forall           // its one part, for all Vars
	Exists           // its one part, for some Vars
	Fact             // Pred of Terms
	Equal            // the two Terms are one object
	SortOf           // the one term is of the type Pred
)

// Formula is a condition. The zero Formula is true.
type Formula struct {
	Op    Op
	Parts []Formula
	Vars  []Param
	Pred  string
	Terms []string
}

// Effect adds a fact, or deletes it, for each value of Vars for which When holds
// before. An action deletes first: what it both deletes and adds is true.
type Effect struct {
	Vars   []Param
	When   Formula
	Delete bool
	Fact   Atom
}

// Cost is a part of what an action costs: N, or, if there is a function, its
// value for the arguments, as the problem has it.
type Cost struct {
	N        int64
	Function string
	Args     []string
}

// Atom is a fact, or an effect with variables in it.
type Atom struct {
	Pred string
	Args []string
}

func (a Atom) String() string {
	return "(" + strings.Join(append([]string{a.Pred}, a.Args...), " ") + ")"
}

// Value is what a function is worth.
type Value struct {
	Function string
	Args     []string
	N        int64
}

// Problem is what is the case, and what is to be done. Facts that do not stand in
// Init are false.
type Problem struct {
	Name    string
	Domain  string
	Objects []Object
	Init    []Atom
	Values  []Value
	Goal    Formula // holds in the end
	Net     Network
	Costs   bool // plans are compared by what their actions cost, not by their number
}

// IsVar reports whether a term is a variable.
func IsVar(term string) bool { return strings.HasPrefix(term, "?") }

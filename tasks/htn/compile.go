package htn

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// The limits of what is compiled.
const (
	maxObjects = 1 << 20
	maxSlots   = 1 << 12 // variables of one schema
)

// Model is a problem in the form that all searches work on: names are numbers,
// conditions are lists of literals, facts that no action changes are known to be.
// It is immutable, and safe for concurrent use.
type Model struct {
	halt    *halt // of one call; nil in a model that is shared
	dom     *Domain
	prob    *Problem
	objects []string
	types   []typeSet
	preds   []predicate
	tasks   []task // the compound ones, then the actions
	nTasks  int    // of them compound
	actions []action
	methods []method
	of      [][]int32 // methods by compound task
	top     int32     // the task above all: its one method is the problem's network
	base    *facts    // what is true at first
	values  *interner // arguments of functions
	worth   []int64   // by number in values
	goal    conj      // without variables
	wants   []want    // its literals
	hopes   [][]hope  // by task
	costs   bool
	total   bool // every method is totally ordered
}

// typeSet is a set of objects.
type typeSet struct {
	has  []uint64
	list []int32
}

func (t *typeSet) contains(o int32) bool { return t.has[o>>6]&(1<<(o&63)) != 0 }

type predicate struct {
	name  string
	arity int
	fluid bool // some action adds or deletes it
	types []int32
}

type task struct {
	name  string
	arity int
	marks bool // it comes back within itself, and not at the end only
}

// schema is what actions and methods have in common. Terms are slots, or objects
// as ^o. The first slots are the parameters; then come variables that exist, then
// those that are only in a quantifier's scope.
type schema struct {
	name   string
	params int
	slots  int // with those that exist
	env    int // with those of quantifiers
	types  []int32
	pre    conj
}

type action struct {
	schema
	effects []effect
	plain   bool // no effect has a condition or a quantifier
	costs   []cost
}

type effect struct {
	del  bool
	pred int32
	args []int32
	vars []int32 // slots of quantifiers
	when *cond
}

type cost struct {
	n    int64
	fn   int32
	args []int32
}

type method struct {
	schema
	task   int32
	head   []int32 // terms
	steps  []step
	before []bits // of each step, those that are done before: transitively closed
	chain  bool   // before is a total order
	line   []int  // an order of the steps that respects before
	late   []late
	join   conj // pre, and what can be seen from the steps: see pull
}

type step struct {
	task int32
	args []int32
}

// late is an inequality that is looked at after a step: until then one of its
// sides may be open.
type late struct {
	after int // position in line
	a, b  int32
}

// bits is a set of small numbers.
type bits []uint64

func newBits(n int) bits         { return make(bits, (n+63)/64) }
func (b bits) has(i int) bool    { return b[i>>6]&(1<<(i&63)) != 0 }
func (b bits) set(i int)         { b[i>>6] |= 1 << (i & 63) }
func (b bits) clear(i int)       { b[i>>6] &^= 1 << (i & 63) }
func (b bits) equal(o bits) bool { return slices.Equal(b, o) }

// add takes in another set of the same size, and says whether that changed it.
func (b bits) add(o bits) bool {
	changed := false
	for i, w := range o {
		changed = changed || w&^b[i] != 0
		b[i] |= w
	}
	return changed
}

type compiler struct {
	*Model
	dom     *Domain
	types   map[string]int32
	sets    map[string]int32 // by content
	objs    map[string]int32
	predNo  map[string]int32
	funcNo  map[string]int32
	taskNo  map[string]int32
	parents map[string][]string

	paramsOf map[string][]Param // by task or action
}

// Compile checks a domain and a problem and brings them into the form that is
// searched. The error names the definition that is at fault.
func Compile(d *Domain, p *Problem) (*Model, error) {
	c := &compiler{
		Model: &Model{dom: d, prob: p, costs: p.Costs, values: newInterner(), total: true}, dom: d,
		types: map[string]int32{}, sets: map[string]int32{}, objs: map[string]int32{}, predNo: map[string]int32{},
		funcNo: map[string]int32{}, taskNo: map[string]int32{}, parents: map[string][]string{}, paramsOf: map[string][]Param{},
	}
	for _, step := range []func() error{c.compileTypes, c.compileNames, c.compileActions, c.compileMethods, c.compileInit} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	c.arrange()
	return c.Model, nil
}

func (c *compiler) compileTypes() error {
	for _, t := range c.dom.Types {
		c.parents[t.Name] = append(c.parents[t.Name], t.Parents...)
		for _, p := range t.Parents {
			if _, ok := c.parents[p]; !ok {
				c.parents[p] = nil
			}
		}
	}
	typesOf := [][]string{}
	for _, o := range slices.Concat(c.dom.Constants, c.prob.Objects) {
		i, ok := c.objs[o.Name]
		if !ok {
			if len(c.objects) == maxObjects {
				return fmt.Errorf("there are more than %d objects", maxObjects)
			}
			i = int32(len(c.objects))
			c.objs[o.Name] = i
			c.objects = append(c.objects, o.Name)
			typesOf = append(typesOf, nil)
		}
		typesOf[i] = append(typesOf[i], o.Types...)
	}
	members := map[string]bits{ObjectType: newBits(len(c.objects))}
	for _, t := range c.dom.Types {
		for _, name := range append([]string{t.Name}, t.Parents...) {
			if members[name] == nil {
				members[name] = newBits(len(c.objects))
			}
		}
	}
	for i, types := range typesOf {
		members[ObjectType].set(i)
		seen := map[string]bool{}
		for todo := slices.Clone(types); len(todo) > 0; todo = todo[1:] {
			t := todo[0]
			if seen[t] {
				continue
			}
			seen[t] = true
			if members[t] == nil {
				return fmt.Errorf("object %s: there is no type %q", c.objects[i], t)
			}
			members[t].set(i)
			todo = append(todo, c.parents[t]...)
		}
	}
	c.typeNo(members[ObjectType]) // is number 0
	for name, b := range sorted(members) {
		c.types[name] = c.typeNo(b)
	}
	return nil
}

// typeNo numbers a set of objects.
func (c *compiler) typeNo(b bits) int32 {
	room := make([]byte, 0, 8*len(b))
	for _, w := range b {
		room = binary.LittleEndian.AppendUint64(room, w)
	}
	key := string(room)
	if i, ok := c.sets[key]; ok {
		return i
	}
	i := int32(len(c.Model.types))
	c.sets[key] = i
	c.Model.types = append(c.Model.types, newTypeSet(b))
	return i
}

func newTypeSet(b bits) typeSet {
	t := typeSet{has: b}
	for o := range len(b) * 64 {
		if b.has(o) {
			t.list = append(t.list, int32(o))
		}
	}
	return t
}

// union is the type of a variable.
func (c *compiler) union(names []string) (int32, error) {
	if len(names) == 0 {
		return 0, nil
	}
	if t, ok := c.types[names[0]]; ok && len(names) == 1 {
		return t, nil
	}
	b := newBits(len(c.objects))
	for _, n := range names {
		t, ok := c.types[n]
		if !ok {
			return 0, fmt.Errorf("there is no type %q", n)
		}
		b.add(c.Model.types[t].has)
	}
	return c.typeNo(b), nil
}

func (c *compiler) compileNames() error {
	for _, p := range c.dom.Predicates {
		if _, twice := c.predNo[p.Name]; twice {
			return fmt.Errorf("predicate %s is declared twice", p.Name)
		}
		c.predNo[p.Name] = int32(len(c.preds))
		pr := predicate{name: p.Name, arity: len(p.Params)}
		for _, a := range p.Params {
			t, err := c.union(a.Types)
			if err != nil {
				t = 0 // of a type that there is not; only what is proposed to a person looks at it
			}
			pr.types = append(pr.types, t)
		}
		c.preds = append(c.preds, pr)
	}
	for i, f := range c.dom.Functions {
		c.funcNo[f.Name] = int32(i)
	}
	add := func(name string, params []Param) error {
		if _, twice := c.taskNo[name]; twice {
			return fmt.Errorf("task %s is declared twice", name)
		}
		c.taskNo[name] = int32(len(c.tasks))
		c.tasks = append(c.tasks, task{name: name, arity: len(params)})
		c.paramsOf[name] = params
		return nil
	}
	for _, t := range c.dom.Tasks {
		if err := add(t.Name, t.Params); err != nil {
			return err
		}
	}
	c.top = int32(len(c.tasks))
	c.tasks = append(c.tasks, task{name: "root"})
	c.nTasks = len(c.tasks)
	c.of = make([][]int32, c.nTasks)
	for _, a := range c.dom.Actions {
		if err := add(a.Name, a.Params); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) compileInit() error {
	c.base = newFacts(c.preds, len(c.objects))
	var args []int32
	ground := func(list []string) error {
		args = args[:0]
		for _, name := range list {
			o, ok := c.objs[name]
			if !ok {
				return fmt.Errorf("there is no object %q", name)
			}
			args = append(args, o)
		}
		return nil
	}
	for _, a := range c.prob.Init {
		p, ok := c.predNo[a.Pred]
		if !ok || c.preds[p].arity != len(a.Args) {
			return fmt.Errorf("initial fact %s: no such predicate with %d arguments", a, len(a.Args))
		}
		if err := ground(a.Args); err != nil {
			return fmt.Errorf("initial fact %s: %w", a, err)
		}
		c.base.set(c.base.intern(p, args), true)
	}
	for _, v := range c.prob.Values {
		f, ok := c.funcNo[v.Function]
		if !ok {
			return fmt.Errorf("there is no function %q", v.Function)
		}
		if err := ground(v.Args); err != nil {
			return fmt.Errorf("value of %s: %w", v.Function, err)
		}
		if _, fresh := c.values.add(f, args); fresh {
			c.worth = append(c.worth, v.N)
		}
	}
	c.base.trail = nil
	sc := c.scope("the goal")
	err := sc.conj(&c.goal, c.prob.Goal, false)
	if err == nil && len(sc.names) > 0 {
		// There is no schema whose variables could be found: all is evaluated.
		sc = c.scope("the goal")
		var f *cond
		f, err = sc.cond(c.prob.Goal, false)
		c.goal = conj{conds: []*cond{f}}
	}
	if err != nil {
		return fmt.Errorf("goal: %w", err)
	}
	c.goal.env = len(sc.names)
	return nil
}

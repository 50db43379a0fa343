package htn

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Absence says why there is no plan.
type Absence struct {
	// Unreachable are the facts that something was waiting for and that nothing can
	// bring about, not even if nothing were ever deleted: the most wanted first.
	Unreachable []Unreachable `json:"unreachable,omitempty"`
	// Blocking are the literals that were in the way, first those that most often were
	// alone.
	Blocking []Blocking `json:"blocking,omitempty"`
	// Enough are the smallest sets of changes of the initial state, each alone enough
	// for a plan, which was found: all of one size, ten at most. Empty if none of up to
	// MaxChanges was met.
	Enough []Remedy `json:"enough,omitempty"`
	// Least says that no smaller set would do, which is proven.
	Least bool `json:"least,omitempty"`
	// Partial says that not all that can be done was looked at: there is more than
	// the budget, or networks grow without end.
	Partial bool `json:"partial,omitempty"`
}

// Remedy is a set of changes with which there is a plan.
type Remedy struct {
	Changes []Change `json:"changes"`
	Actions int      `json:"actions"` // of the plan that was found
}

func (r Remedy) String() string {
	var out []string
	for _, c := range r.Changes {
		out = append(out, c.String())
	}
	return strings.Join(out, " and ")
}

// Change is a fact that is to be so, or not so, from the beginning.
type Change struct {
	Not  bool `json:"not,omitempty"`
	Fact Atom `json:"fact"`
}

func (c Change) String() string {
	if c.Not {
		return "not " + c.Fact.String()
	}
	return c.Fact.String()
}

// Blocking is a literal that was in the way: how often, and of which actions and
// methods ("the goal" is one of them).
type Blocking struct {
	Change
	Alone int      `json:"alone"` // nothing else was
	Times int      `json:"times"` // with others or without
	Of    []string `json:"of"`
}

// Unreachable is a fact that is never so, and who could make it so.
type Unreachable struct {
	Blocking
	By []Producer `json:"by,omitempty"` // none: no action adds it
}

// Producer is an action that would add a fact.
type Producer struct {
	Action string   `json:"action"` // with its arguments, as far as the fact tells
	Asked  bool     `json:"asked"`  // something that is to be done comes down to it
	Lacks  []string `json:"lacks,omitempty"`
}

// The limits of an explanation.
const (
	MaxChanges  = 3   // in Enough
	maxListed   = 10  // in Blocking and in Unreachable
	maxSets     = 200 // sets of changes that are tried by planning
	setsOfNodes = 20  // each by this part of the nodes, and all by no more than there are
)

// WhyNone looks for what keeps a problem from having a plan, by the nodes of its options; by
// default a hundredth of DefaultNodes. Nil if it meets a plan. It costs three times the
// nodes at most, which are some microseconds each, or up to a millisecond where sets
// of changes are tried by planning.
func WhyNone(d *Domain, p *Problem, o Options) (*Absence, error) {
	m, err := Compile(d, p)
	if err != nil {
		return nil, err
	}
	m = m.until(o.Stop)
	nodes := o.Nodes
	if nodes <= 0 {
		nodes = DefaultNodes / 100
	}
	x := newExplorer(m, nodes)
	if x.run(); x.found {
		return nil, nil
	}
	w := &why{d: d, p: p, m: m, x: x, nodes: nodes, stop: o.Stop, tried: map[string]bool{}, out: &Absence{Partial: x.cut}}
	w.blocking()
	w.unreachable()
	return w.out, w.enough()
}

type why struct {
	d     *Domain
	p     *Problem
	m     *Model
	x     *explorer
	nodes int
	stop  func() bool
	spent int // on sets of changes
	tried map[string]bool
	out   *Absence
}

func (m *Model) change(db *facts, lit int32) Change {
	c := Change{Not: lit < 0}
	if c.Not {
		lit = ^lit
	}
	c.Fact.Pred = m.preds[db.ids.head[lit]].name
	for _, o := range db.ids.tuple(lit) {
		c.Fact.Args = append(c.Fact.Args, m.objects[o])
	}
	return c
}

// all lists what was in the way, what most often was alone first.
func (w *why) all() []Blocking {
	var out []Blocking
	for lit, o := range w.x.blocked {
		out = append(out, Blocking{w.m.change(w.x.db, lit), o.alone, o.times, o.of})
	}
	slices.SortFunc(out, func(a, b Blocking) int {
		return cmp.Or(cmp.Compare(b.Alone, a.Alone), cmp.Compare(b.Times, a.Times), cmp.Compare(a.String(), b.String()))
	})
	return out
}

func (w *why) blocking() { list := w.all(); w.out.Blocking = list[:min(len(list), maxListed)] }

// unreachable asks the grounder what can come about at all.
func (w *why) unreachable() {
	g := newGrounder(w.m)
	if !g.all() {
		return
	}
	for _, b := range w.all() {
		if b.Not || len(w.out.Unreachable) == maxListed {
			continue
		}
		pred, args := w.m.numbers(b.Fact)
		if g.db.holds(pred, args) {
			continue
		}
		w.out.Unreachable = append(w.out.Unreachable, Unreachable{b, w.producers(g, pred, args)})
	}
}

func (m *Model) numbers(a Atom) (pred int32, args []int32) {
	pred = int32(slices.IndexFunc(m.preds, func(p predicate) bool { return p.name == a.Pred }))
	for _, name := range a.Args {
		args = append(args, int32(slices.Index(m.objects, name)))
	}
	return pred, args
}

// producers lists the actions of which an effect may be a fact, each with those of its
// preconditions that nothing can bring about, as far as the fact tells its arguments.
func (w *why) producers(g *grounder, pred int32, args []int32) []Producer {
	var out []Producer
	for i := range w.m.actions {
		a := &w.m.actions[i]
		env := slices.Repeat([]int32{-1}, a.env)
		k := slices.IndexFunc(a.effects, func(e effect) bool {
			if e.del || e.pred != pred {
				return false
			}
			bound, ok := w.x.unify(&a.schema, e.args, args, env)
			if !ok {
				clearAll(env, bound)
			}
			return ok
		})
		if k < 0 {
			continue
		}
		name := func(terms []int32) (out []string) {
			for _, t := range terms {
				switch v := value(t, env); {
				case v >= 0:
					out = append(out, w.m.objects[v])
				case int(t) < a.params:
					out = append(out, w.d.Actions[i].Params[t].Name)
				default:
					out = append(out, "?")
				}
			}
			return out
		}
		p := Producer{Action: Atom{a.name, name(slots(a.params))}.String(), Asked: w.x.used[w.m.nTasks+i]}
		for _, l := range a.pre.pos {
			if !w.met(g, &a.schema, l, env) {
				p.Lacks = append(p.Lacks, Atom{w.m.preds[l.pred].name, name(l.args)}.String())
			}
		}
		out = append(out, p)
	}
	return out
}

// met reports whether some fact that can come about fits a literal.
func (w *why) met(g *grounder, s *schema, l lit, env []int32) bool {
	vals := valuesOf(l.args, env)
	which, _ := g.db.shortest(l.pred, vals)
	obj := int32(0)
	if which > 0 {
		obj = vals[which-1]
	}
	for _, id := range g.db.candidates(l.pred, which, obj) {
		bound, ok := w.x.unify(s, l.args, g.db.ids.tuple(id), env)
		if clearAll(env, bound); ok {
			return true
		}
	}
	return false
}

// enough tries sets of changes by planning, small ones first. The first action or
// method of a plan that cannot be done as things are lacks some of the set that it was
// found with. So, beginning with nothing, it is tried what was in the way together;
// what does not suffice is explored in turn, and what is in the way then is added.
func (w *why) enough() error {
	least := !w.x.cut && !w.x.opaque
	var bySize [MaxChanges + 1][][]Change
	add := func(x *explorer, m *Model, set []Change) {
		var more [][]Change
		for _, lits := range x.sets {
			next := slices.Clone(set)
			for _, l := range lits {
				if c := m.change(x.db, l); w.possible(c) && !slices.ContainsFunc(set, func(o Change) bool { return o.String() == c.String() }) {
					next = append(next, c)
				}
			}
			if len(next) == len(set)+len(lits) && len(next) <= MaxChanges {
				slices.SortFunc(next, func(a, b Change) int { return cmp.Compare(a.String(), b.String()) })
				more = append(more, next)
			}
		}
		slices.SortFunc(more, func(a, b []Change) int {
			return cmp.Or(w.weight(b)-w.weight(a), cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
		})
		for _, s := range more {
			if key := fmt.Sprint(s); !w.tried[key] {
				w.tried[key] = true
				bySize[len(s)] = append(bySize[len(s)], s)
			}
		}
	}
	add(w.x, w.m, nil)
	sets := 0
	for size := 1; size <= MaxChanges; size++ {
		proven := least
		for _, set := range bySize[size] {
			if sets++; sets > maxSets || w.spent >= w.nodes {
				return nil
			}
			m, err := Compile(w.d, with(w.p, set))
			if err != nil {
				return err
			}
			r, err := m.Plan(Options{Nodes: max(1, w.nodes/setsOfNodes), Stop: w.stop})
			if err != nil {
				return err
			}
			if r.Verdict == Found {
				w.out.Enough, w.out.Least = append(w.out.Enough, Remedy{set, r.Plan.Actions}), least
				if len(w.out.Enough) == maxListed {
					return nil
				}
				continue
			}
			w.spent += r.Nodes
			proven = proven && r.Verdict == None
			if size < MaxChanges && len(w.out.Enough) == 0 {
				x := newExplorer(m.until(w.stop), max(1, w.nodes/setsOfNodes))
				x.run()
				proven = proven && !x.cut && !x.opaque
				add(x, m, set)
			}
		}
		if least = proven; len(w.out.Enough) > 0 {
			break
		}
	}
	return nil
}

// weight is how often the changes of a set were in the way, all together.
func (w *why) weight(set []Change) int {
	n := 0
	for _, c := range set {
		pred, args := w.m.numbers(c.Fact)
		lit := w.x.db.intern(pred, args)
		if c.Not {
			lit = ^lit
		}
		if o := w.x.blocked[lit]; o != nil {
			n += o.times
		}
	}
	return n
}

// possible reports whether a fact is of its predicate's types.
func (w *why) possible(c Change) bool {
	pred, args := w.m.numbers(c.Fact)
	for i, t := range w.m.preds[pred].types {
		if !w.m.types[t].contains(args[i]) {
			return false
		}
	}
	return true
}

// with is a problem with another initial state.
func with(p *Problem, set []Change) *Problem {
	out := *p
	out.Init = slices.Clone(p.Init)
	for _, c := range set {
		out.Init = slices.DeleteFunc(out.Init, func(a Atom) bool { return a.Pred == c.Fact.Pred && slices.Equal(a.Args, c.Fact.Args) })
		if !c.Not {
			out.Init = append(out.Init, c.Fact)
		}
	}
	return &out
}

// String explains it to a person.
func (a *Absence) String() string {
	var b strings.Builder
	for _, u := range a.Unreachable {
		fmt.Fprintf(&b, "never so: %s, wanted by %s\n", u.Fact, strings.Join(u.Of, ", "))
		for _, p := range u.By {
			fmt.Fprintf(&b, "  %s would make it so", p.Action)
			if !p.Asked {
				b.WriteString("; nothing that is to be done comes down to it")
			}
			if len(p.Lacks) > 0 {
				b.WriteString("; it lacks " + strings.Join(p.Lacks, ", "))
			}
			b.WriteByte('\n')
		}
		if len(u.By) == 0 {
			b.WriteString("  no action makes it so\n")
		}
	}
	for i, x := range a.Blocking {
		if i == 0 {
			b.WriteString("in the way:\n")
		}
		fmt.Fprintf(&b, "  %6d times, %d of them alone: %s, of %s\n", x.Times, x.Alone, x.Change, strings.Join(x.Of, ", "))
	}
	if a.Partial {
		b.WriteString("not all that can be done was looked at\n")
	}
	if len(a.Enough) == 0 {
		fmt.Fprintf(&b, "no change of up to %d facts was found with which there is a plan\n", MaxChanges)
		return b.String()
	}
	b.WriteString("it would be enough")
	if a.Least {
		b.WriteString(", and nothing less would (proved)")
	}
	b.WriteString(":\n")
	for _, r := range a.Enough {
		fmt.Fprintf(&b, "  %s (a plan of %d actions)\n", r, r.Actions)
	}
	return b.String()
}

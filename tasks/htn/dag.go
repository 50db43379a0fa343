package htn

import (
	"fmt"
	"slices"
)

// DAG says which actions of a plan have to wait for which: every order that respects
// it is a plan as well, and ends in the same state. Two actions of which neither waits
// for the other commute.
type DAG struct {
	Actions int    `json:"actions"`
	Edges   []Edge `json:"edges"` // transitively reduced; in order of To, then From
}

// Edge is that an action waits for another.
type Edge struct {
	From int   `json:"from"`
	To   int   `json:"to"`
	Why  Why   `json:"why"`
	Fact *Atom `json:"fact,omitempty"` // of a link or a threat
}

// Why is a reason of an edge.
type Why string

// The reasons. Of several the first is told.
const (
	Link    Why = "link"   // it makes so what the other, or a method above that, needs
	Threat  Why = "threat" // one makes otherwise what the other makes so or needs
	Ordered Why = "order"  // the methods say so
)

// DAG finds what of the order of a plan's actions matters. The plan is of this model;
// the error is for one that is not. O(actions * events / 64), where events are the
// actions, compound tasks and changes of facts.
func (m *Model) DAG(p *Plan) (*DAG, error) {
	b := &dagger{m: m, p: p, x: newExplorer(m, DefaultNodes), fact: map[int32]*history{}}
	b.x.most = 0
	if err := b.look(); err != nil {
		return nil, err
	}
	if err := b.replay(); err != nil {
		return nil, err
	}
	return b.reduce()
}

// dagger works on events: the actions, then of each compound node that it begins (its
// method can be used) and that it ends, then of facts that they change. What there
// is besides actions only hands orders on.
type dagger struct {
	m     *Model
	p     *Plan
	x     *explorer
	above []int
	by    []int
	pred  [][]wait // by event
	fact  map[int32]*history

	parts []int   // of a node: what is not over yet below it
	waits []int   // of a node: what it waits for before it can begin
	after [][]int // of a node: those that wait for its end
	ready []int   // compound nodes that can begin once their methods can be used
}

// wait is an event that another waits for, and why.
type wait struct {
	on   int
	why  Why
	fact int32
}

// history is what has become of a fact: as long as it stays the same is a run.
type history struct {
	first   int   // the event that made it so; -1: it was at first
	writers []int // all that make it so, in this run
	readers []int // all that need it so
	turn    int   // the event that stands for the end of the run before; -1 if there was none
	turner  int   // the event that made it so, if it needed it otherwise before; -1 if not
}

func (b *dagger) begins(k int) int {
	if k < b.p.Actions {
		return k
	}
	return 2*k - b.p.Actions
}

func (b *dagger) ends(k int) int {
	if k < b.p.Actions {
		return k
	}
	return 2*k - b.p.Actions + 1
}

func (b *dagger) wait(e, on int, why Why, fact int32) {
	if e != on {
		b.pred[e] = append(b.pred[e], wait{on, why, fact})
	}
}

// look notes the orders of the methods.
func (b *dagger) look() error {
	p, n := b.p, len(b.p.Nodes)
	if err := p.fits(b.m.dom, b.m.prob); err != nil {
		return err
	}
	b.above, b.by = p.above(), make([]int, n)
	b.pred = make([][]wait, 2*n-p.Actions)
	b.parts, b.waits, b.after = make([]int, n), make([]int, n), make([][]int, n)
	link := func(kids []int, order [][2]int, above int) error {
		for _, k := range kids {
			if above >= 0 {
				b.wait(b.begins(k), b.begins(above), Ordered, -1)
				b.wait(b.ends(above), b.ends(k), Ordered, -1)
				b.waits[k]++
			}
		}
		for _, o := range order {
			x, y := kids[o[0]], kids[o[1]]
			b.wait(b.begins(y), b.ends(x), Ordered, -1)
			b.waits[y]++
			b.after[x] = append(b.after[x], y)
		}
		return nil
	}
	if err := link(p.Roots, b.m.prob.Net.Order, -1); err != nil {
		return err
	}
	for k := p.Actions; k < n; k++ {
		nd := p.Nodes[k]
		i := slices.IndexFunc(b.m.dom.Methods, func(m Method) bool { return p.by(m, nd) })
		if i < 0 {
			return fmt.Errorf("node %d (%s): there is no method %s that does it so", k, nd, nd.Method)
		}
		b.by[k], b.parts[k] = i, len(nd.Kids)
		b.wait(b.ends(k), b.begins(k), Ordered, -1)
		if err := link(nd.Kids, b.m.dom.Methods[i].Net.Order, k); err != nil {
			return err
		}
	}
	return nil
}

// replay does the actions in the order of the plan, begins each compound node as soon
// as its method can be used, and notes what reads and what changes facts.
func (b *dagger) replay() error {
	for _, k := range b.p.Roots {
		b.release(k, 0)
	}
	for i := range b.p.Actions {
		b.begin()
		if b.waits[i] > 0 {
			return fmt.Errorf("action %d (%s) comes before something that is to come before it, or a method above it cannot be used", i, b.p.Nodes[i])
		}
		a, env := b.m.actionAt(b.p.Nodes[i])
		if !b.holds(&a.schema, &a.pre, env, i) {
			return fmt.Errorf("action %d (%s): its precondition does not hold", i, b.p.Nodes[i])
		}
		for k := range a.effects {
			e := &a.effects[k]
			b.m.instances(a, e, 0, env, func() {
				if e.when != nil {
					b.mentions(e.when, env, i)
				}
			})
		}
		dels, adds := b.x.db.effects(b.m, a, env)
		for _, f := range dels {
			if !slices.Contains(adds, f) {
				b.write(f, i, false)
			}
		}
		for _, f := range adds {
			b.write(f, i, true)
		}
		b.x.db.trail, b.x.db.places = b.x.db.trail[:0], b.x.db.places[:0]
		b.over(i)
	}
	if b.begin(); len(b.ready) > 0 {
		return fmt.Errorf("node %d (%s): its method cannot be used", b.ready[0], b.p.Nodes[b.ready[0]])
	}
	return nil
}

// release takes away n of what a node waits for.
func (b *dagger) release(k, n int) {
	if b.waits[k] -= n; b.waits[k] == 0 && k >= b.p.Actions {
		b.ready = append(b.ready, k)
	}
}

// begin begins what can, as long as there is something.
func (b *dagger) begin() {
	for again := true; again; {
		again = false
		list := b.ready
		b.ready = nil
		for _, k := range list {
			s, env := b.m.methodAt(b.p, k, b.m.dom.Methods[b.by[k]], b.by[k])
			if !b.holds(&s.schema, &s.pre, env, b.begins(k)) {
				b.ready = append(b.ready, k)
				continue
			}
			again = true
			for _, x := range b.p.Nodes[k].Kids {
				b.release(x, 1)
			}
			if b.parts[k] == 0 {
				b.over(k)
			}
		}
	}
}

// over ends a node, and those above that end with it.
func (b *dagger) over(k int) {
	for {
		for _, x := range b.after[k] {
			b.release(x, 1)
		}
		if k = b.above[k]; k < 0 {
			return
		}
		if b.parts[k]--; b.parts[k] > 0 {
			return
		}
	}
}

// holds reports whether a condition does, and notes what an event reads for it.
func (b *dagger) holds(s *schema, k *conj, env []int32, e int) bool {
	ok := false
	b.x.match(s, k, env, nil, "", func() {
		ok, b.x.stop = true, true
		for _, l := range k.pos {
			b.read(l, env, e)
		}
		for _, l := range k.neg {
			b.read(l, env, e)
		}
		for _, c := range k.conds {
			b.mentions(c, env, e)
		}
	})
	return ok
}

// mentions notes all that a condition looks at: if it stays as it is, so does the
// condition.
func (b *dagger) mentions(k *cond, env []int32, e int) {
	if k.op == Fact {
		b.read(lit{k.pred, k.args}, env, e)
		return
	}
	var all func(i int)
	all = func(i int) {
		if i == len(k.vars) {
			for _, p := range k.parts {
				b.mentions(p, env, e)
			}
			return
		}
		for _, o := range b.m.types[k.typs[i]].list {
			env[k.vars[i]] = o
			all(i + 1)
		}
	}
	all(0)
}

func (b *dagger) of(f int32) *history {
	h := b.fact[f]
	if h == nil {
		h = &history{first: -1, turn: -1, turner: -1}
		b.fact[f] = h
	}
	return h
}

// read notes that an event needs a fact to be as it is.
func (b *dagger) read(l lit, env []int32, e int) {
	if !b.m.preds[l.pred].fluid {
		return
	}
	f := b.x.db.intern(l.pred, valuesOf(l.args, env))
	h := b.of(f)
	if h.first >= 0 {
		b.wait(e, h.first, Link, f)
	}
	if n := len(h.readers); n == 0 || h.readers[n-1] != e {
		h.readers = append(h.readers, e)
	}
}

// write notes that an event makes a fact so. If it was otherwise, all of the run that
// ends is before all that make it so in the run that begins.
func (b *dagger) write(f int32, e int, is bool) {
	h := b.of(f)
	if b.x.db.true[f] == is {
		if h.turn >= 0 {
			b.wait(e, h.turn, Threat, f)
		}
		if h.turner >= 0 {
			b.wait(e, h.turner, Threat, f)
		}
		h.writers = append(h.writers, e)
		return
	}
	turn := -1
	for _, x := range slices.Concat(h.writers, h.readers) {
		if x == e {
			continue
		}
		if turn < 0 {
			turn = len(b.pred)
			b.pred = append(b.pred, nil)
			b.wait(e, turn, Threat, f)
		}
		b.wait(turn, x, Threat, f)
	}
	next := &history{first: e, writers: []int{e}, turn: turn, turner: -1}
	if slices.Contains(h.readers, e) {
		next.turner = e
	}
	b.fact[f] = next
	b.x.db.set(f, is)
}

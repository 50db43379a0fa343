package htn

// dive is the fast search: depth first, over the problem as it is written, nothing
// grounded. Methods are tried in the order in which they are declared. What stands
// behind a task and was found in a state once is not looked at again; of tasks that
// come back within themselves (see mark) one is refused below itself in the same
// state, and where nothing has been done yet each is looked at once.
//
// It proves nothing: the rules on tasks that come back cut off plans, and all trust
// hashes. It
// keeps its choices on an explicit stack, so that it can be interrupted after any
// number of nodes and go on.
type dive struct {
	join
	m      *Model
	nodes  []node
	args   []int32 // cells
	slots  []int32 // cells, of frames
	stack  int32   // the next node to be done, or -1
	acts   []int32 // nodes of actions done
	cps    []choice
	seen   sums
	last   bool // methods are tried from the last that is declared
	every  bool // also below tasks that come back each is looked at as often as it comes
	tried  int
	dels   []int32
	adds   []int32
	number map[int32]uint64 // of open cells, for keys
	pair   schema           // of an inequality: two variables
	words  int32            // of a set of the goal's literals
	hoped  []uint64         // such sets, of nodes: the first is empty
	hope   int32            // that of the task that was done last
}

// node is a task to be done, and then how it was done.
type node struct {
	task   int32 // beyond the model's tasks: an inequality to look at
	args   int32 // first of its cells in dive.args
	n      int32
	next   int32 // what is to be done after it
	parent int32
	method int32
	kids   int32 // its steps are nodes from here on, in the order of method.line
	open   bool  // some argument here or after it has no value yet
	hope   int32 // in dive.hoped: what from here on may be brought about of the goal
	hash   sum   // of all from here on, unless open
	mark   sum   // of the task and the state it was decomposed in
	state  sum   // that state; of tasks that come back within themselves
	outer  int32 // what is to be done after the outermost of those above it in that state
}

// choice is a place to come back to.
type choice struct {
	node   int32
	at     int32 // method in of, or 0
	frame  int32 // in slots; its length is the schema's
	levels int32
	facts  int32
	trail  int32
	nodes  int32
	args   int32
	slots  int32
	cells  int32
	acts   int32
	hoped  int32
	begun  bool
}

const (
	maxNodesDeep = 4_000_000 // open nodes of the fast search
	maxAbove     = 1000      // tasks above one that are compared with it
)

func newDive(m *Model, last, every bool) *dive {
	d := &dive{m: m, last: last, every: every, stack: -1, number: map[int32]uint64{}, pair: schema{slots: 2}}
	d.join = join{cells: newCells(m), facts: m.base.clone(), halt: m.halt}
	n := 0
	for i := range m.methods {
		n = max(n, m.methods[i].env)
	}
	for i := range m.actions {
		n = max(n, m.actions[i].env)
	}
	d.env = make([]int32, max(n, m.goal.env))
	d.words = int32((len(m.wants) + 63) / 64)
	d.hoped = make([]uint64, d.words)
	d.stack = d.push(m.top, nil, nil, -1, -1)
	d.hope = d.nodes[d.stack].hope
	return d
}

// push puts a task before others.
func (d *dive) push(task int32, terms, frame []int32, next, parent int32) int32 {
	nd := node{task: task, args: int32(len(d.args)), n: int32(len(terms)), next: next, parent: parent, method: -1}
	if next >= 0 {
		nd.open, nd.hash, nd.hope = d.nodes[next].open, d.nodes[next].hash, d.nodes[next].hope
	}
	h := nd.hash.then(uint64(task))
	for _, t := range terms {
		c := ^t
		if t >= 0 {
			if c = frame[t]; d.val[c] >= 0 {
				c = d.val[c]
			}
		}
		if d.val[c] < 0 {
			nd.open = true
		}
		d.args = append(d.args, c)
		h = h.then(uint64(c))
	}
	nd.hash = h
	nd.hope = d.hopeOf(task, d.args[nd.args:], nd.hope)
	d.nodes = append(d.nodes, nd)
	return int32(len(d.nodes) - 1)
}

// key hashes what is still to be done. Open variables are numbered in the order in
// which they stand.
func (d *dive) key(top int32) sum {
	if top < 0 || !d.nodes[top].open {
		return d.hashOf(top)
	}
	clear(d.number)
	h := sum{7, 9}
	for ; top >= 0 && d.nodes[top].open; top = d.nodes[top].next {
		nd := &d.nodes[top]
		h = h.then(uint64(nd.task))
		for _, c := range d.args[nd.args : nd.args+nd.n] {
			v := uint64(d.val[c])
			if d.val[c] < 0 {
				k, ok := d.number[c]
				if !ok {
					k = uint64(len(d.number))
					d.number[c] = k
				}
				v = 1<<40 + k
			}
			h = h.then(v)
		}
	}
	r := d.hashOf(top)
	return h.then(r[0]).then(r[1])
}

func (d *dive) hashOf(top int32) sum {
	if top < 0 {
		return sum{3, 5}
	}
	return d.nodes[top].hash
}

// run searches on for a number of nodes: a plan was found, or all is searched.
func (d *dive) run(budget int) (found, over bool) {
	for end := d.tried + budget; d.tried < end && !d.m.halt.now(1); {
		if d.stack < 0 {
			if d.m.holdsAll(&d.m.goal, d.facts, d.env) {
				return true, true
			}
			if !d.back() {
				return false, true
			}
			continue
		}
		d.tried++
		if !d.down() && !d.back() {
			return false, true
		}
	}
	return false, false
}

// down does what is next, or says that it cannot be done.
func (d *dive) down() bool {
	top := d.stack
	nd := &d.nodes[top]
	was := d.hope
	if d.hope = nd.hope; d.hopeless(was, nd.hope) {
		return false
	}
	switch {
	case int(nd.task) >= len(d.m.tasks):
		a, b := d.args[nd.args], d.args[nd.args+1]
		if d.val[a] >= 0 && d.val[b] >= 0 {
			d.stack = nd.next
			return d.val[a] != d.val[b]
		}
	case int(nd.task) >= d.m.nTasks:
		if done, ok := d.act(top); done {
			return ok
		}
	default:
		if len(d.nodes) > maxNodesDeep || !d.seen.add(d.facts.hash.xor(d.key(top))) || d.m.tasks[nd.task].marks && d.loops(top) {
			return false
		}
	}
	d.cps = append(d.cps, choice{
		node: top, frame: int32(len(d.slots)), levels: int32(len(d.levels)), facts: int32(len(d.facts.trail)),
		trail: int32(len(d.trail)), nodes: int32(len(d.nodes)), args: int32(len(d.args)), slots: int32(len(d.slots)),
		cells: int32(len(d.val)), acts: int32(len(d.acts)), hoped: int32(len(d.hoped)),
	})
	return d.again()
}

// loops reports whether a task stands above itself in the same state, and notes
// the task's mark.
func (d *dive) loops(top int32) bool {
	nd := &d.nodes[top]
	h := d.facts.hash.then(uint64(nd.task))
	for _, c := range d.args[nd.args : nd.args+nd.n] {
		h = h.then(uint64(d.val[c]))
	}
	nd.mark, nd.state, nd.outer = h, d.facts.hash, nd.next
	if p := nd.parent; p >= 0 && !d.every && d.nodes[p].state == nd.state {
		// Below a task that comes back, in a state where nothing has been done yet,
		// each task is looked at once, whatever it would be followed by: the first
		// way to it is as good as another.
		nd.outer = d.nodes[p].outer
		if !d.seen.add(h.xor(d.key(nd.outer))) {
			return true
		}
	}
	for p, n := nd.parent, 0; p >= 0 && n < maxAbove; p, n = d.nodes[p].parent, n+1 {
		if d.nodes[p].mark == h {
			return true
		}
	}
	return false
}

// act does an action all of whose arguments have values, without a choice.
func (d *dive) act(top int32) (done, ok bool) {
	nd := &d.nodes[top]
	a := &d.m.actions[int(nd.task)-d.m.nTasks]
	if a.slots != a.params {
		return false, false
	}
	args := d.args[nd.args : nd.args+nd.n]
	for i, c := range args {
		v := d.val[c]
		if v < 0 {
			return false, false
		}
		if !d.m.types[a.types[i]].contains(v) {
			return true, false
		}
		d.env[i] = v
	}
	if !d.m.holdsAll(&a.pre, d.facts, d.env) {
		return true, false
	}
	d.apply(a)
	d.acts = append(d.acts, top)
	d.stack = nd.next
	return true, true
}

// apply changes the facts as an action does for the values in env.
func (d *dive) apply(a *action) {
	d.adds, d.dels = d.adds[:0], d.dels[:0]
	for i := range a.effects {
		e := &a.effects[i]
		if a.plain {
			d.effect(e)
		} else {
			d.effects(a, e, 0)
		}
	}
	for _, id := range d.dels {
		keep := false
		for _, x := range d.adds {
			keep = keep || x == id
		}
		if !keep {
			d.facts.set(id, false)
		}
	}
	for _, id := range d.adds {
		d.facts.set(id, true)
	}
}

func (d *dive) effects(a *action, e *effect, i int) {
	if i == len(e.vars) {
		if e.when == nil || d.m.eval(e.when, d.facts, d.env) {
			d.effect(e)
		}
		return
	}
	for _, o := range d.m.types[a.types[e.vars[i]]].list {
		d.env[e.vars[i]] = o
		d.effects(a, e, i+1)
	}
}

func (d *dive) effect(e *effect) {
	d.vals = d.vals[:0]
	for _, t := range e.args {
		d.vals = append(d.vals, value(t, d.env))
	}
	if e.del {
		if id := d.facts.ids.find(e.pred, d.vals); id >= 0 {
			d.dels = append(d.dels, id)
		}
		return
	}
	d.adds = append(d.adds, d.facts.intern(e.pred, d.vals))
}

// back takes the last choice another way; there may be none.
func (d *dive) back() bool {
	for len(d.cps) > 0 && !d.m.halt.now(1) {
		d.rewind(&d.cps[len(d.cps)-1])
		d.tried++
		if d.again() {
			return true
		}
	}
	return false
}

// rewind takes back what came after a choice, but for its own frame and levels.
func (d *dive) rewind(c *choice) {
	d.facts.undo(int(c.facts))
	d.nodes = d.nodes[:c.nodes]
	d.args = d.args[:c.args]
	d.acts = d.acts[:c.acts]
	d.hoped = d.hoped[:c.hoped]
	d.stack = c.node
	d.hope = d.nodes[c.node].hope
}

// again goes to a choice's next way; without one the choice is dropped.
func (d *dive) again() bool {
	c := &d.cps[len(d.cps)-1]
	nd := &d.nodes[c.node]
	if int(nd.task) >= d.m.nTasks {
		return d.againAction(c, nd)
	}
	of := d.m.of[nd.task]
	for int(c.at) < len(of) {
		i := of[c.at]
		if d.last {
			i = of[len(of)-1-int(c.at)]
		}
		m := &d.m.methods[i]
		redo := c.begun
		if !redo {
			c.begun = true
			redo = !d.frame(c, m, nd)
		}
		frame := d.slots[c.frame : int(c.frame)+m.slots]
		if redo && len(d.levels) == int(c.levels) {
			// A frame that does not fit, or a join without choices that is done.
		} else if d.next(&m.join, &m.schema, frame, int(c.levels), false, redo) {
			d.expand(c.node, i, frame)
			return true
		}
		c.at++
		c.begun = false
		d.reset(c)
	}
	d.cps = d.cps[:len(d.cps)-1]
	return false
}

// reset takes back a choice's own frame and levels.
func (d *dive) reset(c *choice) {
	d.undo(int(c.trail))
	d.levels = d.levels[:c.levels]
	d.slots = d.slots[:c.slots]
	d.drop(int(c.cells))
}

// frame gives a method's variables their cells: the task's arguments, and new ones.
func (d *dive) frame(c *choice, m *method, nd *node) bool {
	for range m.slots {
		d.slots = append(d.slots, -1)
	}
	frame := d.slots[c.frame:]
	for i, s := range m.head {
		frame[s] = d.args[int(nd.args)+i]
	}
	ok := true
	for s := range frame {
		if frame[s] < 0 {
			frame[s] = d.open(m.types[s])
			ok = ok && len(d.types[m.types[s]].list) > 0
		} else {
			ok = d.narrow(frame[s], m.types[s]) && ok
		}
	}
	return ok
}

// expand puts a method's steps in the place of its task.
func (d *dive) expand(top, i int32, frame []int32) {
	m := &d.m.methods[i]
	next := d.nodes[top].next
	late := len(m.late) - 1
	kids := int32(-1)
	for k := len(m.line) - 1; k >= 0; k-- {
		for ; late >= 0 && m.late[late].after == k; late-- {
			next = d.push(int32(len(d.m.tasks)), []int32{m.late[late].a, m.late[late].b}, frame, next, top)
		}
		s := &m.steps[m.line[k]]
		next = d.push(s.task, s.args, frame, next, top)
		kids = next
	}
	d.nodes[top].method, d.nodes[top].kids = i, kids
	d.stack = next
}

// againAction finds values for an action's open arguments, or for the two sides of
// an inequality.
func (d *dive) againAction(c *choice, nd *node) bool {
	s, act := &d.pair, (*action)(nil)
	if int(nd.task) < len(d.m.tasks) {
		act = &d.m.actions[int(nd.task)-d.m.nTasks]
		s = &act.schema
	}
	k := &s.pre
	redo := c.begun
	if !redo {
		c.begun = true
		for i := range s.slots {
			if i < int(nd.n) {
				cell := d.args[int(nd.args)+i]
				d.slots = append(d.slots, cell)
				if act != nil && !d.narrow(cell, s.types[i]) {
					redo = true
				}
			} else {
				d.slots = append(d.slots, d.open(s.types[i]))
			}
		}
	}
	frame := d.slots[c.frame : int(c.frame)+s.slots]
	for !redo || len(d.levels) > int(c.levels) {
		if !d.next(k, s, frame, int(c.levels), true, redo) {
			break
		}
		if act == nil {
			if d.val[frame[0]] == d.val[frame[1]] {
				redo = true
				continue
			}
		} else {
			d.fill(frame)
			d.apply(act)
			d.acts = append(d.acts, c.node)
		}
		d.stack = nd.next
		return true
	}
	d.reset(c)
	d.cps = d.cps[:len(d.cps)-1]
	return false
}

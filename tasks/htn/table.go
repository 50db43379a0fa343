package htn

// table decides whether there is a plan, for methods whose steps are totally
// ordered. It is the least fixpoint of "task t, begun in state s, can end in state
// s'": tabling, as of logic programs (Chen and Warren 1996), over a stack in the form
// of a graph (Tomita 1985). A task is done from a state once, whoever asks, and what
// it ends in is handed to all that wait for it, also to those that ask later. So left
// recursion ends, and where there are finitely many states everything does.
type table struct {
	g      *ground
	states *stateSet
	calls  *interner // head: task; argument: the state that it begins in
	call   []call
	items  *interner // method (head), state, step, call, that is how far a method is
	item   []item
	todo   []int32 // items
	tried  int
	found  int32 // the end of the task above all in which the goal holds, or -1
	ends   []ending
}

// call is a task in a state.
type call struct {
	ends  []int32 // of table.ends
	waits []int32 // items of which it is the next step
	has   map[int32]bool
}

// ending is one way for a task to end: how, and in which state. What it was made of
// is older than it, so that a plan can be read off.
type ending struct {
	call  int32
	state int32
	item  int32 // or ^action
}

// item is a method of which the first steps are done.
type item struct {
	call   int32
	method int32
	step   int32 // in its line
	state  int32
	prev   int32 // the item before the last step
	end    int32 // and how that step was done
}

// maxTable bounds what is kept.
const maxTable = 20_000_000

func newTable(g *ground) *table {
	t := &table{g: g, states: newStateSet(len(g.init)), calls: newInterner(), items: newInterner(), found: -1}
	t.begin(g.top, t.states.add(g.init))
	return t
}

// begin asks for a task in a state, and does its actions and the beginnings of its
// methods.
func (t *table) begin(task, state int32) int32 {
	c, fresh := t.calls.add(task, []int32{state})
	if !fresh {
		return c
	}
	t.call = append(t.call, call{has: map[int32]bool{}})
	for _, a := range t.g.tasks[task].actions {
		if s := t.states.at(state); t.g.actions[a].pre.holds(s) {
			t.end(c, t.states.add(t.g.actions[a].apply(s)), ^a)
		}
	}
	for _, m := range t.g.tasks[task].methods {
		if t.g.methods[m].pre.holds(t.states.at(state)) {
			t.add(item{call: c, method: m, state: state, prev: -1, end: -1})
		}
	}
	return c
}

// add puts an item on the list, unless there was one like it.
func (t *table) add(x item) {
	if _, fresh := t.items.add(x.method, []int32{x.call, x.step, x.state}); fresh {
		t.todo = append(t.todo, int32(len(t.item)))
		t.item = append(t.item, x)
		t.tried++
	}
}

// end notes that a task can end in a state, and tells who waits.
func (t *table) end(c, state, by int32) {
	if t.call[c].has[state] {
		return
	}
	t.call[c].has[state] = true
	e := int32(len(t.ends))
	t.ends = append(t.ends, ending{c, state, by})
	t.call[c].ends = append(t.call[c].ends, e)
	if c == 0 && t.found < 0 && t.g.goal.holds(t.states.at(state)) {
		t.found = e
	}
	for _, i := range t.call[c].waits {
		t.step(i, e)
	}
}

// step takes an item past its next step.
func (t *table) step(i, e int32) {
	x := t.item[i]
	t.add(item{call: x.call, method: x.method, step: x.step + 1, state: t.ends[e].state, prev: i, end: e})
}

// run goes on for a number of items: a plan was found, or there is none.
func (t *table) run(budget int) (found, over bool) {
	for end := t.tried + budget; t.found < 0; {
		if t.g.m.halt.now(workOfAsk / 16) {
			return false, false
		}
		if len(t.todo) == 0 {
			return false, true
		}
		if t.tried >= end || len(t.item) > maxTable {
			return false, false
		}
		i := t.todo[len(t.todo)-1]
		t.todo = t.todo[:len(t.todo)-1]
		x := t.item[i]
		m := &t.g.methods[x.method]
		line := t.g.line(m)
		if int(x.step) == len(line) {
			t.end(x.call, x.state, i)
			continue
		}
		c := t.begin(m.steps[line[x.step]], x.state)
		t.call[c].waits = append(t.call[c].waits, i)
		// Those that come while these are handed over are told by end.
		for k, n := 0, len(t.call[c].ends); k < n; k++ {
			t.step(i, t.call[c].ends[k])
		}
	}
	return true, true
}

// decisions lists what was done, in order, as best's nodes do: methods and ^actions.
// It goes by a stack of its own, as plans may be deep. An ending may stand in a plan
// many times over, so that a plan may be longer than the table by any factor: more
// than maxSteps decisions are none.
func (t *table) decisions() ([]int32, bool) {
	var out []int32
	stack := []int32{t.found}
	for len(stack) > 0 {
		if len(out) > maxSteps {
			return nil, false
		}
		e := t.ends[stack[len(stack)-1]]
		stack = stack[:len(stack)-1]
		if e.item < 0 {
			out = append(out, e.item)
			continue
		}
		out = append(out, t.item[e.item].method)
		for i := e.item; t.item[i].prev >= 0; i = t.item[i].prev {
			stack = append(stack, t.item[i].end)
		}
	}
	return out, true
}

// maxSteps bounds the decisions in a plan of a table.
const maxSteps = 5_000_000

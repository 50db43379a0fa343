package htn

import "slices"

// merger finds tasks of a ground problem that differ in name only: the same actions
// in what they need, do and cost, or methods of such tasks. Fifteen saws of which
// nothing tells one from the other are fifteen actions, of which one is enough. Of
// the methods of one task that come to the same the first stays, as it was written, so
// that what is found is a plan of the whole problem; and all that nothing asks for
// any more goes.
//
// Tasks that come back within themselves are alike to none.
type merger struct {
	g       *ground
	class   []int32   // by task, or -1
	actions *interner // what an action needs, does and costs
	methods *interner // precondition, and the classes of the steps
	tasks   *interner // classes of actions and methods
	next    int32     // the class of what is alike to none
	room    []int32
}

// merge is the problem without what comes to the same. It has a plan if and only if
// this has one, and the cheapest costs the same.
func (g *ground) merge() *ground {
	m := &merger{g: g, class: slices.Repeat([]int32{-1}, len(g.tasks)), actions: newInterner(), methods: newInterner(), tasks: newInterner(), next: -2}
	m.classify()
	return m.rest()
}

// classify gives each task a class, those of its steps before it.
func (m *merger) classify() {
	g := m.g
	users := group(len(g.tasks), func(do func(t, method int32)) {
		for i := range g.methods {
			for _, s := range g.methods[i].steps {
				do(s, int32(i))
			}
		}
	})
	open := make([]int32, len(g.methods)) // steps without a class
	left := make([]int32, len(g.tasks))   // methods with such steps
	var todo []int32
	for i := range g.methods {
		if open[i] = int32(len(g.methods[i].steps)); open[i] > 0 {
			left[g.methods[i].task]++
		}
	}
	for t := range g.tasks {
		if left[t] == 0 {
			todo = append(todo, int32(t))
		}
	}
	for unlike := int32(0); ; {
		for ; len(todo) > 0; todo = todo[1:] {
			t := todo[0]
			if m.class[t] == -1 {
				m.class[t] = m.sort(t)
			}
			for _, i := range users.of(t) {
				if open[i]--; open[i] > 0 {
					continue
				}
				if up := g.methods[i].task; m.class[up] == -1 {
					if left[up]--; left[up] == 0 {
						todo = append(todo, up)
					}
				}
			}
		}
		for int(unlike) < len(g.tasks) && m.class[unlike] != -1 {
			unlike++
		}
		if int(unlike) == len(g.tasks) {
			break
		}
		m.class[unlike] = m.unlike() // breaks a circle
		todo = append(todo[:0], unlike)
	}
	for t := range g.tasks {
		m.sort(int32(t)) // those of circles have not been
	}
}

func (m *merger) unlike() int32 { m.next--; return m.next }

// sort leaves of what does a task one of each class, and is its class. Methods of
// which some step has no class yet are left alone.
func (m *merger) sort(t int32) int32 {
	task := &m.g.tasks[t]
	first := map[int32]bool{}
	var classes []int32
	keep := func(class int32) bool {
		if class >= 0 && first[class] {
			return false
		}
		first[class] = true
		classes = append(classes, class)
		return true
	}
	var actions, methods []int32
	for _, a := range task.actions {
		if keep(m.action(&m.g.actions[a])) {
			actions = append(actions, a)
		}
	}
	some := len(classes)
	clear(first)
	for _, i := range task.methods {
		if keep(m.method(&m.g.methods[i])) {
			methods = append(methods, i)
		}
	}
	task.actions, task.methods = actions, methods
	slices.Sort(classes[:some])
	slices.Sort(classes[some:])
	if slices.ContainsFunc(classes, func(c int32) bool { return c < 0 }) {
		return m.unlike()
	}
	class, _ := m.tasks.add(int32(some), classes)
	return class
}

// list appends a list and its length.
func (m *merger) list(of []int32) { m.room = append(append(m.room, int32(len(of))), of...) }

func (m *merger) action(a *gaction) int32 {
	if len(a.pre.more)+len(a.effects) > 0 {
		return m.unlike()
	}
	m.room = append(m.room[:0], int32(a.cost), int32(a.cost>>32))
	for _, l := range [][]int32{a.pre.pos, a.pre.neg, a.add, a.del} {
		m.list(l)
	}
	class, _ := m.actions.add(0, m.room)
	return class
}

func (m *merger) method(x *gmethod) int32 {
	if len(x.own.more) > 0 || x.pre.never {
		return m.unlike()
	}
	m.room = m.room[:0]
	for _, l := range [][]int32{x.pre.pos, x.pre.neg, x.own.pos, x.own.neg} {
		m.list(l)
	}
	for _, s := range x.steps {
		if m.class[s] == -1 {
			return m.unlike()
		}
		m.room = append(m.room, m.class[s])
	}
	class, _ := m.methods.add(x.method, m.room)
	return class
}

// rest is the problem of what the task above all still asks for, numbered anew.
func (m *merger) rest() *ground {
	g := m.g
	out := &ground{m: g.m, facts: g.facts, init: g.init, goal: g.goal}
	no := slices.Repeat([]int32{-1}, len(g.tasks))
	var old []int32
	ask := func(t int32) int32 {
		if no[t] < 0 {
			no[t] = int32(len(old))
			old = append(old, t)
		}
		return no[t]
	}
	out.top = ask(g.top)
	for at := 0; at < len(old); at++ {
		was := &g.tasks[old[at]]
		t := gtask{task: was.task, args: was.args}
		for _, a := range was.actions {
			t.actions = append(t.actions, int32(len(out.actions)))
			out.actions = append(out.actions, g.actions[a])
			out.actions[len(out.actions)-1].task = int32(at)
		}
		for _, i := range was.methods {
			x := g.methods[i]
			steps := make([]int32, len(x.steps))
			for k, s := range x.steps {
				steps[k] = ask(s)
			}
			x.task, x.steps = int32(at), steps
			t.methods = append(t.methods, int32(len(out.methods)))
			out.methods = append(out.methods, x)
		}
		out.tasks = append(out.tasks, t)
	}
	return out
}

package htn

import (
	"fmt"
	"slices"
)

func (c *compiler) compileActions() error {
	for _, a := range c.dom.Actions {
		s := c.scope("action " + a.Name)
		out := action{plain: true}
		if err := s.params(a.Params); err != nil {
			return err
		}
		if err := s.conj(&out.pre, a.Pre, false); err != nil {
			return err
		}
		for _, e := range a.Effects {
			if err := s.effect(&out, e); err != nil {
				return err
			}
		}
		for _, k := range a.Costs {
			n := cost{n: k.N, fn: -1}
			if k.Function != "" {
				fn, ok := c.funcNo[k.Function]
				if !ok {
					return fmt.Errorf("action %s: there is no function %q", a.Name, k.Function)
				}
				args, err := s.terms(k.Args)
				if err != nil {
					return err
				}
				n = cost{fn: fn, args: args}
			}
			out.costs = append(out.costs, n)
		}
		pre := out.pre
		out.schema = s.done(a.Name)
		out.pre = pre
		c.actions = append(c.actions, out)
	}
	return nil
}

func (s *scope) effect(to *action, e Effect) error {
	out := effect{del: e.Delete}
	from := len(s.names)
	s.schema.slots = max(s.schema.slots, s.schema.params)
	for _, v := range e.Vars {
		i, err := s.declare(v)
		if err != nil {
			return err
		}
		out.vars = append(out.vars, i)
	}
	if e.When.Op != And || len(e.When.Parts) > 0 {
		k, err := s.cond(e.When, false)
		if err != nil {
			return err
		}
		out.when = k
	}
	l, err := s.fact(e.Fact.Pred, e.Fact.Args)
	if err != nil {
		return err
	}
	for i := from; i < from+len(e.Vars); i++ {
		s.names[i] = ""
	}
	out.pred, out.args = l.pred, l.args
	s.c.preds[l.pred].fluid = true
	to.plain = to.plain && out.when == nil && len(out.vars) == 0
	to.effects = append(to.effects, out)
	return nil
}

func (c *compiler) compileMethods() error {
	for _, m := range c.dom.Methods {
		if err := c.compileMethod(m); err != nil {
			return err
		}
	}
	n := c.prob.Net
	return c.compileMethod(Method{Name: "root", Task: "", Params: n.Params, Net: n})
}

func (c *compiler) compileMethod(m Method) error {
	s := c.scope("method " + m.Name)
	if err := s.params(m.Params); err != nil {
		return err
	}
	out := method{task: c.top}
	pre := conj{}
	if m.Task != "" {
		t, ok := c.taskNo[m.Task]
		if !ok || int(t) >= c.nTasks {
			return fmt.Errorf("method %s: there is no task %q that is to be decomposed", m.Name, m.Task)
		}
		if len(m.Args) != c.tasks[t].arity {
			return fmt.Errorf("method %s: %s takes %d arguments, and %d stand here", m.Name, m.Task, c.tasks[t].arity, len(m.Args))
		}
		head, err := s.terms(m.Args)
		if err != nil {
			return err
		}
		out.task = t
		out.head = s.distinct(&pre, head)
		s.narrow(c.paramsOf[m.Task], m.Args)
	}
	for _, st := range m.Net.Steps {
		t, ok := c.taskNo[st.Task]
		if !ok {
			return fmt.Errorf("method %s: there is neither a task nor an action %q", m.Name, st.Task)
		}
		if len(st.Args) != c.tasks[t].arity {
			return fmt.Errorf("method %s: %s takes %d arguments, and %d stand here", m.Name, st.Task, c.tasks[t].arity, len(st.Args))
		}
		args, err := s.terms(st.Args)
		if err != nil {
			return err
		}
		out.steps = append(out.steps, step{t, args})
		s.narrow(c.paramsOf[st.Task], st.Args)
	}
	if err := s.conj(&pre, m.Pre, false); err != nil {
		return err
	}
	if err := s.conj(&pre, m.Net.Constraints, false); err != nil {
		return err
	}
	out.schema = s.done(m.Name)
	out.pre = pre
	if err := out.order(m.Net.Order); err != nil {
		return fmt.Errorf("method %s: %w", m.Name, err)
	}
	c.total = c.total && out.chain
	c.of[out.task] = append(c.of[out.task], int32(len(c.methods)))
	c.methods = append(c.methods, out)
	return nil
}

// distinct gives a head variables that are all different: an object, or a variable
// that stands twice, becomes one that equals it.
func (s *scope) distinct(pre *conj, head []int32) []int32 {
	out := slices.Clone(head)
	for i, t := range head {
		if t >= 0 && !slices.Contains(head[:i], t) {
			continue
		}
		s.names = append(s.names, "")
		s.schema.types = append(s.schema.types, 0)
		slot := int32(len(s.names) - 1)
		s.schema.params = len(s.names)
		out[i] = slot
		pre.needs([]int32{slot, t})
		pre.eq = append(pre.eq, [2]int32{slot, t})
	}
	return out
}

// narrow takes from variables what a task's parameters do not take.
func (s *scope) narrow(params []Param, args []string) {
	for i, p := range params {
		if !IsVar(args[i]) {
			continue
		}
		slot, err := s.term(args[i])
		if err != nil {
			continue
		}
		if typ, err := s.c.union(p.Types); err == nil {
			s.schema.types[slot] = s.c.meet(s.schema.types[slot], typ)
		}
	}
}

// order closes the ordering transitively.
func (m *method) order(pairs [][2]int) error {
	n := len(m.steps)
	m.before = make([]bits, n)
	for i := range m.before {
		m.before[i] = newBits(n)
	}
	for _, p := range pairs {
		if p[0] < 0 || p[1] < 0 || p[0] >= n || p[1] >= n {
			return fmt.Errorf("an ordering names a step that there is not")
		}
		m.before[p[1]].set(p[0])
	}
	for k := range n { // Warshall
		for i := range n {
			if m.before[i].has(k) {
				m.before[i].add(m.before[k])
			}
		}
	}
	m.chain = true
	for i := range n {
		if m.before[i].has(i) {
			return fmt.Errorf("step %d is to be done before itself", i+1)
		}
		for j := range i {
			m.chain = m.chain && (m.before[i].has(j) || m.before[j].has(i))
		}
	}
	return nil
}

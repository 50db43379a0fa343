package htn

// narrowDomains finds for each parameter of each task the objects that can come to
// stand there, from the problem's network down, and takes the others from its type.
// A parameter that every method fills with the same constant is a constant then, and
// a task that nothing asks for is never grounded.
func (c *compiler) narrowDomains() {
	words := len(newBits(len(c.objects)))
	of := make([][]bits, len(c.tasks))
	asked := make([]bool, len(c.tasks))
	for t := range of {
		of[t] = make([]bits, c.tasks[t].arity)
		for i := range of[t] {
			of[t][i] = make(bits, words)
		}
	}
	asked[c.top] = true
	for changed := true; changed; {
		changed = false
		for i := range c.methods {
			m := &c.methods[i]
			if !asked[m.task] {
				continue
			}
			dom := c.slotDomains(m, of[m.task])
			for _, st := range m.steps {
				changed = changed || !asked[st.task]
				asked[st.task] = true
				for k, t := range st.args {
					to := of[st.task][k]
					if t < 0 {
						changed = changed || !to.has(int(^t))
						to.set(int(^t))
					} else if to.add(dom[t]) {
						changed = true
					}
				}
			}
		}
	}
	for i := range c.methods {
		m := &c.methods[i]
		for s, dom := range c.slotDomains(m, of[m.task]) {
			m.types[s] = c.typeNo(dom)
		}
	}
	for i := range c.actions {
		a := &c.actions[i]
		for k, dom := range of[c.nTasks+i] {
			a.types[k] = c.meet(a.types[k], c.typeNo(dom))
		}
	}
}

// slotDomains are the objects that a method's variables can be: those of their
// types, of what its task is asked for with, and of what they equal.
func (c *compiler) slotDomains(m *method, asked []bits) []bits {
	dom := make([]bits, m.slots)
	for s := range dom {
		dom[s] = append(bits(nil), c.Model.types[m.types[s]].has...)
	}
	for i, s := range m.head {
		for w := range dom[s] {
			dom[s][w] &= asked[i][w]
		}
	}
	for range m.pre.eq { // along chains of equalities
		for _, e := range m.pre.eq {
			for side := range 2 {
				a, b := e[side], e[1-side]
				if a < 0 || int(a) >= m.slots || int(b) >= m.slots {
					continue
				}
				other := newBits(len(c.objects))
				if b < 0 {
					other.set(int(^b))
				} else {
					other = dom[b]
				}
				for w := range dom[a] {
					dom[a][w] &= other[w]
				}
			}
		}
	}
	return dom
}

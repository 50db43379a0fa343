package htn

// hope says which part of the goal a task may bring about, and for which arguments:
// a literal of the goal, and terms of the task's parameters that have to be the
// literal's. The pattern is what traffic knows of the task.
type hope struct {
	part int32   // of Model.wants
	args []int32 // parameters, constants as ^o, or anyTerm
}

// want is a literal of the goal.
type want struct {
	lit
	neg bool
}

// maxWants bounds the literals of a goal that are looked ahead for: each task that
// is to be done carries a bit for each.
const maxWants = 1024

// hope notes for each task which literals of the goal it may bring about, so that the
// dive sees when nothing that is still to come does: then what does not hold yet
// never will. Of a goal about one part after the other, done one after the other, a
// wrong choice for the first is seen at once, and not behind all others.
func (c *compiler) hope(of []traffic) {
	for _, l := range c.goal.pos {
		c.wants = append(c.wants, want{lit: l})
	}
	for _, l := range c.goal.neg {
		c.wants = append(c.wants, want{lit: l, neg: true})
	}
	c.wants = c.wants[:min(len(c.wants), maxWants)]
	c.hopes = make([][]hope, len(c.tasks))
	if len(c.wants) == 0 {
		return
	}
	for t := range of {
		for i, w := range c.wants {
			effects := of[t].adds
			if w.neg {
				effects = of[t].dels
			}
			for _, e := range effects {
				if e.pred == w.pred && mayBe(e.args, w.args) {
					c.hopes[t] = append(c.hopes[t], hope{int32(i), e.args})
				}
			}
		}
	}
}

// mayBe reports whether a pattern can be a fact by what its constants say.
func mayBe(pattern, fact []int32) bool {
	for i, a := range pattern {
		if a < 0 && a != anyTerm && a != fact[i] {
			return false
		}
	}
	return true
}

// hopeOf is the place in d.hoped of what a task and those after it may bring about of
// the goal; after is the place for those after it.
func (d *dive) hopeOf(task int32, args []int32, after int32) int32 {
	if int(task) >= len(d.m.tasks) {
		return after
	}
	at := after
	for i := range d.m.hopes[task] {
		h := &d.m.hopes[task][i]
		word, bit := h.part>>6, uint64(1)<<(h.part&63)
		if d.hoped[at+word]&bit != 0 || !d.mayBring(h, args) {
			continue
		}
		if at == after {
			at = int32(len(d.hoped))
			d.hoped = append(d.hoped, d.hoped[after:after+d.words]...)
		}
		d.hoped[at+word] |= bit
	}
	return at
}

// mayBring reports whether a task's arguments can be those that a literal wants.
func (d *dive) mayBring(h *hope, args []int32) bool {
	fact := d.m.wants[h.part].args
	for i, p := range h.args {
		if p < 0 {
			continue // a constant is the literal's, else there were no hope
		}
		cell, o := args[p], ^fact[i]
		if v := d.val[cell]; v >= 0 && v != o || v < 0 && !d.types[d.typ[cell]].contains(o) {
			return false
		}
	}
	return true
}

// hopeless reports whether something of the goal does not hold that could be brought
// about until now, and by nothing that is still to be done.
func (d *dive) hopeless(was, is int32) bool {
	if was == is {
		return false
	}
	for w := range d.words {
		lost := d.hoped[was+w] &^ d.hoped[is+w]
		for i := w << 6; lost != 0; i, lost = i+1, lost>>1 {
			if lost&1 == 0 {
				continue
			}
			l := &d.m.wants[i]
			d.vals = d.vals[:0]
			for _, t := range l.args {
				d.vals = append(d.vals, ^t)
			}
			if d.facts.holds(l.pred, d.vals) == l.neg {
				return true
			}
		}
	}
	return false
}

package htn

// cells are the values of variables while the fast search goes down. A variable
// that has no value yet is a cell of its own, handed down as an argument; whoever
// binds it binds it for all. Objects are the first cells, each its own value.
type cells struct {
	m     *Model
	val   []int32 // -1: open
	typ   []int32 // what an open cell's value has to be
	trail []bound
	types []typeSet // the model's, and intersections that came up
	meets map[[2]int32]int32
}

// bound undoes one binding (typ < 0), or one narrowing of a type.
type bound struct{ cell, typ int32 }

func newCells(m *Model) *cells {
	c := &cells{m: m, types: m.types[:len(m.types):len(m.types)], meets: map[[2]int32]int32{}}
	for o := range m.objects {
		c.val = append(c.val, int32(o))
		c.typ = append(c.typ, 0)
	}
	return c
}

func (c *cells) open(typ int32) int32 {
	c.val = append(c.val, -1)
	c.typ = append(c.typ, typ)
	return int32(len(c.val) - 1)
}

func (c *cells) drop(to int) { c.val, c.typ = c.val[:to], c.typ[:to] }

// bind gives an open cell its value, if that is of the cell's type.
func (c *cells) bind(cell, obj int32) bool {
	if !c.types[c.typ[cell]].contains(obj) {
		return false
	}
	c.val[cell] = obj
	c.trail = append(c.trail, bound{cell, -1})
	return true
}

// narrow wants of a cell that its value be of a type too.
func (c *cells) narrow(cell, typ int32) bool {
	if v := c.val[cell]; v >= 0 {
		return c.types[typ].contains(v)
	}
	old := c.typ[cell]
	t := c.meet(old, typ)
	if t != old {
		c.typ[cell] = t
		c.trail = append(c.trail, bound{cell, old})
	}
	return len(c.types[t].list) > 0
}

func (c *cells) meet(a, b int32) int32 {
	switch {
	case a == b || b == 0:
		return a
	case a == 0:
		return b
	}
	key := [2]int32{a, b}
	if t, ok := c.meets[key]; ok {
		return t
	}
	set := newBits(len(c.m.objects))
	for i := range set {
		set[i] = c.types[a].has[i] & c.types[b].has[i]
	}
	t := int32(len(c.types))
	switch made := newTypeSet(set); len(made.list) {
	case len(c.types[a].list):
		t = a
	case len(c.types[b].list):
		t = b
	default:
		c.types = append(c.types, made)
	}
	c.meets[key] = t
	return t
}

func (c *cells) undo(to int) {
	for len(c.trail) > to {
		b := c.trail[len(c.trail)-1]
		c.trail = c.trail[:len(c.trail)-1]
		if b.typ < 0 {
			c.val[b.cell] = -1
		} else {
			c.typ[b.cell] = b.typ
		}
	}
}

// level is one step of a join: a literal or an open variable, and how far it is.
type level struct {
	lit   int32 // of conj.pos, or -1
	cell  int32 // of the open variable
	which int32 // of facts.candidates
	obj   int32
	at    int32
	trail int32
}

// join enumerates the values under which a conjunction holds, one call at a time.
// At each step it takes the literal with the fewest facts that may match, so that
// the order follows the sizes of the tables as they are. levels above base are its
// own; frame gives the cell of each slot; all says that every slot of the schema
// wants a value.
type join struct {
	*cells
	facts  *facts
	levels []level
	vals   []int32
	env    []int32
	halt   *halt
}

// next finds the first solution, or, if redo, another one; none once it is to end.
func (j *join) next(k *conj, s *schema, frame []int32, base int, all, redo bool) bool {
	if !redo && !(j.equate(k, frame) && j.hold(k, frame) && j.descend(k, s, frame, base, all)) {
		// descend has left levels to go on from, or none.
		redo = true
	} else if !redo {
		return true
	}
	for len(j.levels) > base {
		if j.halt.now(1) {
			j.levels = j.levels[:base]
			return false
		}
		l := &j.levels[len(j.levels)-1]
		j.undo(int(l.trail))
		if j.advance(k, l, frame) && j.hold(k, frame) {
			if j.descend(k, s, frame, base, all) {
				return true
			}
			continue
		}
		if l := &j.levels[len(j.levels)-1]; l.at == done {
			j.levels = j.levels[:len(j.levels)-1]
		}
	}
	return false
}

const done = 1<<31 - 1

func (j *join) of(t int32, frame []int32) int32 {
	if t < 0 {
		return ^t
	}
	return j.val[frame[t]]
}

// equate hands values over equalities.
func (j *join) equate(k *conj, frame []int32) bool {
	for range k.eq {
		for _, e := range k.eq {
			a, b := j.of(e[0], frame), j.of(e[1], frame)
			switch {
			case a >= 0 && b >= 0:
				if a != b {
					return false
				}
			case a >= 0:
				if !j.bind(frame[e[1]], a) {
					return false
				}
			case b >= 0:
				if !j.bind(frame[e[0]], b) {
					return false
				}
			}
		}
	}
	return true
}

// hold looks at what is not joined over, as far as it has its values.
func (j *join) hold(k *conj, frame []int32) bool {
	for _, e := range k.neq {
		if a := j.of(e[0], frame); a >= 0 && a == j.of(e[1], frame) {
			return false
		}
	}
	if len(k.eq) > 0 && !j.equate(k, frame) {
		return false
	}
	for _, l := range k.neg {
		if j.values(l, frame) && j.facts.holds(l.pred, j.vals) {
			return false
		}
	}
	return true
}

// values puts a literal's arguments into vals, and says whether all are known.
func (j *join) values(l lit, frame []int32) bool {
	j.vals = j.vals[:0]
	all := true
	for _, t := range l.args {
		v := j.of(t, frame)
		all = all && v >= 0
		j.vals = append(j.vals, v)
	}
	return all
}

// descend opens levels until nothing is left to find, and says whether the rest
// holds then. Where a literal has no match it stops, with the level that has to go
// on last.
func (j *join) descend(k *conj, s *schema, frame []int32, base int, all bool) bool {
	for {
		l, more := j.choose(k, s, frame, base, all)
		if !more {
			return j.rest(k, frame)
		}
		l.trail = int32(len(j.trail))
		j.levels = append(j.levels, l)
		for {
			top := &j.levels[len(j.levels)-1]
			if !j.advance(k, top, frame) {
				j.levels = j.levels[:len(j.levels)-1]
				return false
			}
			if j.hold(k, frame) {
				break
			}
			j.undo(int(top.trail))
		}
	}
}

// choose picks the next thing to find a value for.
func (j *join) choose(k *conj, s *schema, frame []int32, base int, all bool) (level, bool) {
	best := level{lit: -1}
	fewest := -1
	mine := j.levels[base:]
next:
	for i := range k.pos {
		for x := range mine {
			if mine[x].lit == int32(i) {
				continue next
			}
		}
		l := &k.pos[i]
		j.values(*l, frame)
		which, n := j.facts.shortest(l.pred, j.vals)
		if fewest < 0 || n < fewest {
			fewest = n
			best = level{lit: int32(i), which: int32(which)}
			if which > 0 {
				best.obj = j.vals[which-1]
			}
			if n == 0 {
				break
			}
		}
	}
	if fewest >= 0 {
		return best, true
	}
	for _, t := range k.need {
		if j.val[frame[t]] < 0 {
			return level{lit: -1, cell: frame[t]}, true
		}
	}
	if all {
		for t := range s.slots {
			if j.val[frame[t]] < 0 {
				return level{lit: -1, cell: frame[t]}, true
			}
		}
	}
	return best, false
}

// advance goes to a level's next match and binds it.
func (j *join) advance(k *conj, l *level, frame []int32) bool {
	if l.at == done {
		return false
	}
	if l.lit < 0 {
		list := j.types[j.typ[l.cell]].list
		if int(l.at) == len(list) {
			l.at = done
			return false
		}
		l.at++
		return j.bind(l.cell, list[l.at-1])
	}
	x := &k.pos[l.lit]
	list := j.facts.candidates(x.pred, int(l.which), l.obj)
	for int(l.at) < len(list) {
		id := list[l.at]
		l.at++
		if j.match(x, j.facts.ids.tuple(id), frame) {
			return true
		}
		j.undo(int(l.trail))
	}
	l.at = done
	return false
}

func (j *join) match(x *lit, args []int32, frame []int32) bool {
	for i, t := range x.args {
		v := j.of(t, frame)
		if v == args[i] {
			continue
		}
		if v >= 0 || !j.bind(frame[t], args[i]) {
			return false
		}
	}
	return true
}

// rest evaluates conditions that are no literals.
func (j *join) rest(k *conj, frame []int32) bool {
	if len(k.conds) == 0 {
		return true
	}
	j.fill(frame)
	for _, f := range k.conds {
		if !j.m.eval(f, j.facts, j.env) {
			return false
		}
	}
	return true
}

// fill puts the values of a frame into env.
func (j *join) fill(frame []int32) {
	for i, c := range frame {
		j.env[i] = j.val[c]
	}
}

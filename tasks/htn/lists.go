package htn

// lists finds the tuples of relations that only grow, by the values of any of their
// places. A list is made for a set of places when it is asked for the first time, and
// kept up from then on; in each, tuples stand in the order in which they came.
type lists struct {
	db  *facts
	by  [][]*placesList // by relation
	one [1]int32
}

// placesList is of one set of places: tuples by their values there.
type placesList struct {
	mask   uint32
	keys   *interner
	tuples [][]int32
}

// fewTuples is how long the list of one place may be that is gone through without
// asking for a shorter one.
const fewTuples = 6

func newLists(db *facts) *lists { return &lists{db: db, by: make([][]*placesList, len(db.preds))} }

// add makes a tuple true.
func (l *lists) add(id int32) {
	l.db.set(id, true)
	for _, p := range l.by[l.db.ids.head[id]] {
		p.add(l.db, id)
	}
}

func (p *placesList) add(db *facts, id int32) {
	var room [16]int32
	k, fresh := p.keys.add(0, masked(db.ids.tuple(id), p.mask, room[:0]))
	if fresh {
		p.tuples = append(p.tuples, nil)
	}
	p.tuples[k] = append(p.tuples[k], id)
}

func masked(vals []int32, mask uint32, to []int32) []int32 {
	for i, v := range vals {
		if mask&(1<<i) != 0 {
			to = append(to, v)
		}
	}
	return to
}

// find lists the tuples of a relation that have the values; -1 is any.
func (l *lists) find(rel int32, vals []int32) []int32 {
	which, n := l.db.shortest(rel, vals)
	obj := int32(0)
	if which > 0 {
		obj = vals[which-1]
	}
	if n <= fewTuples || len(vals) > 32 {
		return l.db.candidates(rel, which, obj)
	}
	mask, bound := uint32(0), 0
	for i, v := range vals {
		if v >= 0 {
			mask |= 1 << i
			bound++
		}
	}
	switch {
	case bound < min(2, len(vals)):
		return l.db.candidates(rel, which, obj)
	case bound == len(vals):
		id := l.db.ids.find(rel, vals)
		if id < 0 || !l.db.true[id] {
			return nil
		}
		l.one[0] = id
		return l.one[:]
	}
	p := l.of(rel, mask)
	var room [16]int32
	if k := p.keys.find(0, masked(vals, mask, room[:0])); k >= 0 {
		return p.tuples[k]
	}
	return nil
}

// of is the list of a set of places.
func (l *lists) of(rel int32, mask uint32) *placesList {
	for _, p := range l.by[rel] {
		if p.mask == mask {
			return p
		}
	}
	p := &placesList{mask: mask, keys: newInterner()}
	for _, id := range l.db.all[rel] {
		p.add(l.db, id)
	}
	l.by[rel] = append(l.by[rel], p)
	return p
}

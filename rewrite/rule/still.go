package rule

import "slices"

// check makes the plan that looks once more at a match: all is bound, and what
// is left are ways, guards and conditions.
func (mt *matcher) check() plan {
	bound := make([]bool, len(mt.r.vars))
	for _, v := range mt.r.left.own {
		bound[v] = true
	}
	p := mt.r.left
	p.own = nil
	return mt.plan(&p, bound, none)
}

// still reports whether what is bound is a match.
func (mt *matcher) still(again plan) bool {
	own := mt.r.left.own
	for i, v := range own {
		x, is := &mt.r.vars[v], mt.bind[v]
		if !mt.m.alive(is) || !mt.sets[v].of(mt.m.kindAt(is)) {
			return false
		}
		if x.edge {
			if e := &mt.m.edges[-is]; e.end[0] != mt.bind[x.from] || e.end[1] != mt.bind[x.to] {
				return false
			}
		} else if !mt.placed(v, is) {
			return false
		}
		// What could not be one element may be now: its number was given again.
		if mt.r.injective && slices.ContainsFunc(own[:i], func(w int) bool { return mt.bind[w] == is }) {
			return false
		}
	}
	return !mt.run(again, 0, nil) && !mt.spent() && mt.sound()
}

// placed reports whether a node stands in the graph in which a variable has to,
// all being bound.
func (mt *matcher) placed(v int, n int32) bool {
	l := mt.m.nodes[n].level
	x := &mt.r.vars[v]
	if x.in != none {
		return l != 0 && mt.m.levels[l].owner == mt.bind[x.in]
	}
	for _, w := range mt.r.left.own {
		if y := &mt.r.vars[w]; y.in == none && !y.edge {
			if mt.m.nodes[mt.bind[w]].level != l {
				return false
			}
			break
		}
	}
	return mt.r.Deep && mt.below(l) || l == mt.top
}

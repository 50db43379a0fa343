package rule

import (
	"fmt"
	"slices"
	"strings"
)

// A plan is the order in which the variables of a pattern are bound. It begins
// with one element, that of a root variable, and goes on along adjacency, to
// where the fewest candidates are to be expected by the counts of kinds; where
// nothing leads on it takes the rarest kind. Each guard and each condition is
// looked at as soon as all that it asks for is bound.
//
// It is a greedy search as in Varro, Friedl and Varro 2006, without backtracking
// over plans: patterns are small.
type plan []step

type stepOp uint8

const (
	stepStart  stepOp = iota // nothing is bound
	stepRoot                 // the root is bound by who asks
	stepNodes                // all nodes of v's kind
	stepEdges                // all edges of v's kind, with their ends
	stepEnd                  // an end of v, which is an edge
	stepAlong                // the edges at near, with the node at the other end
	stepJoin                 // the edges between two nodes that are bound
	stepWay                  // the nodes at the end of a way
	stepOnWay                // whether there is a way
	stepInside               // the nodes of a graph
	stepAround               // what holds the graph in which near stands
)

type step struct {
	op      stepOp
	v       int   // what is bound; none
	near    int   // a node that is bound
	far     int   // the node at the other end, bound with v or before
	dir     int32 // 0: near is where the edge comes from
	bound   bool  // far is bound already
	peer    int   // a variable in whose graph v has to stand; none
	differ  []int // what v may not be
	apart   []int // what far may not be
	hop     *hop
	guards  []*expr
	conds   []check
	expects float64 // candidates
}

// check is a condition with its own plan.
type check struct {
	unless bool
	plan   plan
}

// planner makes one plan.
type planner struct {
	*matcher
	bound  []bool
	guards []*expr
	conds  []*pattern
	unless []bool
	hops   []*hop
	out    plan
}

// plan makes a plan for a pattern where some variables are bound. The root is
// none for a condition.
func (mt *matcher) plan(p *pattern, bound []bool, root int) plan {
	pl := planner{matcher: mt, bound: slices.Clone(bound), guards: slices.Clone(p.guards)}
	for _, c := range p.unless {
		pl.conds, pl.unless = append(pl.conds, c), append(pl.unless, true)
	}
	for _, c := range p.require {
		pl.conds, pl.unless = append(pl.conds, c), append(pl.unless, false)
	}
	for i := range p.paths {
		pl.hops = append(pl.hops, &p.paths[i])
	}
	if root == none {
		pl.add(step{op: stepStart, v: none, far: none}, p)
	} else {
		pl.add(pl.root(stepRoot, root), p)
	}
	for pl.more(p) {
	}
	return pl.out
}

// root is a step that binds a variable from nothing, with its ends.
func (pl *planner) root(op stepOp, v int) step {
	return step{op: op, v: v, near: none, far: none, expects: float64(pl.count(v))}
}

func (pl *planner) count(v int) int {
	n := 0
	for _, k := range pl.sets[v].list {
		if pl.r.vars[v].edge {
			n += int(pl.m.kinds[k].edges.count)
		} else {
			n += int(pl.m.kinds[k].nodes.count)
		}
	}
	return n
}

// more adds the step with the fewest candidates; false when all is bound.
func (pl *planner) more(p *pattern) bool {
	best := step{op: stepStart}
	take := func(s step) {
		if best.op == stepStart || s.expects < best.expects {
			best = s
		}
	}
	for _, v := range p.own {
		x := pl.r.vars[v]
		switch {
		case x.edge && !pl.bound[v]:
			from, to := pl.bound[x.from], pl.bound[x.to]
			switch {
			case from && to:
				take(step{op: stepJoin, v: v, near: x.from, far: x.to, bound: true, expects: 0.5})
			case from:
				take(step{op: stepAlong, v: v, near: x.from, far: x.to, expects: pl.fan(v, x.from)})
			case to:
				take(step{op: stepAlong, v: v, near: x.to, far: x.from, dir: 1, expects: pl.fan(v, x.to)})
			}
		case x.in != none && pl.bound[v] && !x.edge && !pl.bound[x.in]:
			take(step{op: stepAround, v: x.in, near: v, far: none})
		case x.in != none && !pl.bound[v] && !x.edge && pl.bound[x.in]:
			take(step{op: stepInside, v: v, near: x.in, far: none, expects: float64(len(pl.m.nodes)) / float64(len(pl.m.levels)+1)})
		}
	}
	for _, h := range pl.hops {
		from, to := pl.bound[h.from], pl.bound[h.to]
		switch {
		case from && to:
			take(step{op: stepOnWay, v: none, near: h.from, far: h.to, bound: true, hop: h, expects: float64(h.most)})
		case from:
			take(step{op: stepWay, v: none, near: h.from, far: h.to, hop: h, expects: 10 * float64(h.most)})
		case to:
			take(step{op: stepWay, v: none, near: h.to, far: h.from, dir: 1, hop: h, expects: 10 * float64(h.most)})
		}
	}
	if best.op == stepStart {
		v, ok := pl.rarest(p.own)
		if !ok {
			return false
		}
		best = pl.root(stepNodes, v)
		if pl.r.vars[v].edge {
			best.op = stepEdges
		}
	}
	if best.hop != nil {
		pl.hops = slices.DeleteFunc(pl.hops, func(h *hop) bool { return h == best.hop })
	}
	pl.add(best, p)
	return true
}

// fan is how many edges of a kind are to be expected at a node.
func (pl *planner) fan(edge, node int) float64 {
	return float64(pl.count(edge)) / float64(max(1, pl.count(node)))
}

// rarest is the variable, of those that are not bound, with the fewest
// candidates; of equals the first.
func (mt *planner) rarest(own []int) (best int, ok bool) {
	least := 0
	for _, v := range own {
		if mt.bound[v] {
			continue
		}
		if n := mt.count(v); !ok || n < least {
			best, least, ok = v, n, true
		}
	}
	return best, ok
}

// add adds a step, with what can be looked at behind it.
func (pl *planner) add(s step, p *pattern) {
	bind := func(v int) []int {
		if v == none || pl.bound[v] {
			return nil
		}
		differ := pl.differ(v)
		pl.bound[v] = true
		return differ
	}
	if s.op != stepStart && s.v != none {
		x := pl.r.vars[s.v]
		s.peer = none
		if !x.edge && s.op != stepInside {
			s.peer = pl.peerOf(s.v)
		}
		s.differ = bind(s.v)
		if x.edge && s.far == none {
			pl.out = append(pl.out, s)
			pl.ends(s.v, bind, p)
			return
		}
	}
	if s.far != none && !s.bound {
		if s.bound = pl.bound[s.far]; !s.bound {
			s.apart = bind(s.far)
		}
	}
	pl.attach(&s, p)
	pl.out = append(pl.out, s)
}

// ends binds the ends of an edge that is bound.
func (pl *planner) ends(v int, bind func(int) []int, p *pattern) {
	x := pl.r.vars[v]
	for i, w := range []int{x.from, x.to} {
		end := step{op: stepEnd, v: v, near: none, far: w, dir: int32(i), bound: pl.bound[w], peer: none}
		if i == 0 && !end.bound {
			end.peer = pl.peerOf(w)
		}
		end.apart = bind(w)
		if i == 1 {
			pl.attach(&end, p)
		}
		pl.out = append(pl.out, end)
	}
}

// peerOf is a variable that is bound and stands in the same graph; none.
func (pl *planner) peerOf(v int) int {
	for w, x := range pl.r.vars {
		if pl.bound[w] && w != v && !x.edge && !x.created && x.in == pl.r.vars[v].in {
			return w
		}
	}
	return none
}

// differ lists what a variable may not be: by injectivity, all of its sort that
// are bound, but for what is free and what can be of no common kind.
func (pl *planner) differ(v int) (out []int) {
	x := pl.r.vars[v]
	if !pl.r.injective || x.free {
		return nil
	}
	for w, y := range pl.r.vars {
		if pl.bound[w] && y.edge == x.edge && !y.free && w != v && pl.sets[v].meets(pl.sets[w]) {
			out = append(out, w)
		}
	}
	return out
}

// attach gives a step the guards and conditions that can be looked at now.
func (pl *planner) attach(s *step, p *pattern) {
	all := func(uses []int) bool {
		return !slices.ContainsFunc(uses, func(v int) bool { return !pl.bound[v] })
	}
	pl.guards = slices.DeleteFunc(pl.guards, func(g *expr) bool {
		if all(g.uses) {
			s.guards = append(s.guards, g)
			return true
		}
		return false
	})
	for i := 0; i < len(pl.conds); {
		c := pl.conds[i]
		if !all(pl.asked(p, c)) {
			i++
			continue
		}
		s.conds = append(s.conds, check{pl.unless[i], pl.matcher.plan(c, pl.bound, none)})
		pl.conds, pl.unless = slices.Delete(pl.conds, i, i+1), slices.Delete(pl.unless, i, i+1)
	}
}

// asked lists what has to be bound before a condition of a pattern is looked at:
// what it names, and, as its elements are others than these, all of the pattern
// that it could meet.
func (pl *planner) asked(p, c *pattern) (out []int) {
	own := map[int]bool{}
	var visit func(c *pattern)
	add := func(v int) {
		if v != none && !own[v] {
			out = append(out, v)
		}
	}
	visit = func(c *pattern) {
		for _, v := range c.own {
			own[v] = true
		}
		for _, v := range c.own {
			x := pl.r.vars[v]
			add(x.from)
			add(x.to)
			add(x.in)
			for _, w := range p.own {
				if y := pl.r.vars[w]; pl.r.injective && !x.free && !y.free && x.edge == y.edge && pl.sets[v].meets(pl.sets[w]) {
					add(w)
				}
			}
		}
		for _, h := range c.paths {
			add(h.from)
			add(h.to)
		}
		for _, g := range c.guards {
			for _, v := range g.uses {
				add(v)
			}
		}
		for _, x := range slices.Concat(c.unless, c.require) {
			visit(x)
		}
	}
	visit(c)
	return out
}

// explain writes a plan, a line each step.
func (mt *matcher) explain(b *strings.Builder, p plan, indent string) {
	name := func(v int) string { return mt.r.label(v) }
	for i := range p {
		s := &p[i]
		switch s.op {
		case stepStart:
			if len(s.guards)+len(s.conds) == 0 {
				continue
			}
			fmt.Fprintf(b, "%sfirst", indent)
		case stepRoot:
			fmt.Fprintf(b, "%sbegin with %s: %.0f", indent, name(s.v), s.expects)
		case stepNodes, stepEdges:
			fmt.Fprintf(b, "%sall %s: %.0f", indent, name(s.v), s.expects)
		case stepAlong:
			fmt.Fprintf(b, "%sfrom %s along %s to %s: %.3g", indent, name(s.near), name(s.v), name(s.far), s.expects)
		case stepEnd:
			fmt.Fprintf(b, "%s  at its end %s", indent, name(s.far))
		case stepJoin:
			fmt.Fprintf(b, "%sfrom %s by %s to %s", indent, name(s.near), name(s.v), name(s.far))
		case stepWay, stepOnWay:
			fmt.Fprintf(b, "%sfrom %s by %d to %d edges to %s", indent, name(s.near), s.hop.least, s.hop.most, name(s.far))
		case stepInside:
			fmt.Fprintf(b, "%sinside %s %s: %.3g", indent, name(s.near), name(s.v), s.expects)
		case stepAround:
			fmt.Fprintf(b, "%saround %s %s", indent, name(s.near), name(s.v))
		}
		for _, g := range s.guards {
			fmt.Fprintf(b, ", where %s", g.text)
		}
		b.WriteByte('\n')
		for _, c := range s.conds {
			word := "require"
			if c.unless {
				word = "unless"
			}
			fmt.Fprintf(b, "%s  %s\n", indent, word)
			mt.explain(b, c.plan, indent+"    ")
		}
	}
}

// label names a variable for people.
func (r *Rule) label(v int) string {
	x := r.vars[v]
	kind := x.kind
	if kind == "" {
		kind = "any"
	}
	if x.edge {
		return fmt.Sprintf("-[%s:%s]-", x.name, kind)
	}
	return x.name + ":" + kind
}

package htn

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// reduce hands orders on over what is no action, and leaves out what others imply.
func (b *dagger) reduce() (*DAG, error) {
	order, ok := b.order()
	if !ok {
		return nil, fmt.Errorf("the methods order steps in a circle")
	}
	// Of each event: all actions before it, and those of them that are before no other
	// of them.
	all, near := make([]bits, len(b.pred)), make([][]wait, len(b.pred))
	for _, e := range order {
		all[e] = newBits(b.p.Actions)
		var list []wait
		for _, w := range b.pred[e] {
			if all[e].add(all[w.on]); w.on < b.p.Actions {
				all[e].set(w.on)
				list = append(list, w)
				continue
			}
			for _, x := range near[w.on] {
				if rank(w.why) < rank(x.why) {
					x.why, x.fact = w.why, w.fact
				}
				list = append(list, x)
			}
		}
		near[e] = b.last(list, all)
	}
	out := &DAG{Actions: b.p.Actions, Edges: []Edge{}}
	for i := range b.p.Actions {
		for _, w := range slices.Backward(near[i]) {
			e := Edge{From: w.on, To: i, Why: w.why}
			if w.why != Ordered {
				c := b.m.change(b.x.db, w.fact)
				e.Fact = &c.Fact
			}
			out.Edges = append(out.Edges, e)
		}
	}
	return out, nil
}

// order lists the events so that each comes after those that it waits for.
func (b *dagger) order() ([]int, bool) {
	next := make([][]int, len(b.pred))
	left := make([]int, len(b.pred))
	var out []int
	for e, list := range b.pred {
		for _, w := range list {
			next[w.on] = append(next[w.on], e)
		}
		if left[e] = len(list); left[e] == 0 {
			out = append(out, e)
		}
	}
	for done := 0; done < len(out); done++ {
		for _, x := range next[out[done]] {
			if left[x]--; left[x] == 0 {
				out = append(out, x)
			}
		}
	}
	return out, len(out) == len(b.pred)
}

// last are the actions of a list that are before no other of it, the last of the plan
// first, each with the first of its reasons.
func (b *dagger) last(list []wait, all []bits) []wait {
	slices.SortFunc(list, func(x, y wait) int {
		return cmp.Or(cmp.Compare(y.on, x.on), cmp.Compare(rank(x.why), rank(y.why)), cmp.Compare(x.fact, y.fact))
	})
	list = slices.CompactFunc(list, func(x, y wait) bool { return x.on == y.on })
	out := list[:0]
	for _, w := range list {
		if !slices.ContainsFunc(out, func(x wait) bool { return all[x.on].has(w.on) }) {
			out = append(out, w)
		}
	}
	return slices.Clip(out)
}

// rank orders reasons: the first is told.
func rank(w Why) int {
	switch w {
	case Link:
		return 0
	case Threat:
		return 1
	}
	return 2
}

// Critical is the longest way through the plan, and how long it is, if actions take
// so long each: there is no schedule that is shorter.
func (d *DAG) Critical(durations []int64) (path []int, length int64) {
	end, from := make([]int64, d.Actions), slices.Repeat([]int{-1}, d.Actions)
	last, k := -1, 0
	for i := range d.Actions {
		for ; k < len(d.Edges) && d.Edges[k].To == i; k++ {
			if e := d.Edges[k].From; end[e] > end[i] || from[i] < 0 && end[e] == end[i] {
				end[i], from[i] = end[e], e
			}
		}
		if end[i] += durations[i]; last < 0 || end[i] > length {
			last, length = i, end[i]
		}
	}
	for ; last >= 0; last = from[last] {
		path = append(path, last)
	}
	slices.Reverse(path)
	return path, length
}

// Waits lists what each action waits for: the others may be done meanwhile.
func (d *DAG) Waits(p *Plan) string {
	var b strings.Builder
	k := 0
	for i := range d.Actions {
		fmt.Fprintf(&b, "%d %s", i, p.Nodes[i])
		for sep := ": after "; k < len(d.Edges) && d.Edges[k].To == i; k++ {
			e := d.Edges[k]
			fmt.Fprintf(&b, "%s%d (%s", sep, e.From, e.Why)
			if e.Fact != nil {
				fmt.Fprintf(&b, " %s", e.Fact)
			}
			b.WriteString(")")
			sep = ", "
		}
		b.WriteByte('\n')
	}
	return b.String()
}

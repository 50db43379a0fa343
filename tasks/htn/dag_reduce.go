package htn

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// reduce hands orders on over what is no action, and leaves out what others imply.
func (b *dagger) reduce() (*DAG, error) {
	reach, ok := b.reach()
	if !ok {
		return nil, fmt.Errorf("the methods order steps in a circle")
	}
	out := &DAG{Actions: b.p.Actions, Edges: []Edge{}}
	seen := make([]int, len(b.pred)) // the action for which an event was met last, and why
	for i := range b.p.Actions {
		direct := b.direct(i, seen)
		implied := newBits(b.p.Actions)
		slices.SortFunc(direct, func(x, y wait) int { return cmp.Compare(y.on, x.on) })
		from := len(out.Edges)
		for _, w := range direct {
			if implied.has(w.on) {
				continue
			}
			implied.add(reach[w.on])
			e := Edge{From: w.on, To: i, Why: w.why}
			if w.why != Ordered {
				c := b.m.change(b.x.db, w.fact)
				e.Fact = &c.Fact
			}
			out.Edges = append(out.Edges, e)
		}
		slices.Reverse(out.Edges[from:])
	}
	return out, nil
}

// reach is, of each event, the actions before it.
func (b *dagger) reach() ([]bits, bool) {
	next := make([][]int, len(b.pred))
	left := make([]int, len(b.pred))
	var todo []int
	for e, list := range b.pred {
		for _, w := range list {
			next[w.on] = append(next[w.on], e)
		}
		if left[e] = len(list); left[e] == 0 {
			todo = append(todo, e)
		}
	}
	out := make([]bits, len(b.pred))
	done := 0
	for ; done < len(todo); done++ {
		e := todo[done]
		out[e] = newBits(b.p.Actions)
		for _, w := range b.pred[e] {
			if out[e].add(out[w.on]); w.on < b.p.Actions {
				out[e].set(w.on)
			}
		}
		for _, x := range next[e] {
			if left[x]--; left[x] == 0 {
				todo = append(todo, x)
			}
		}
	}
	return out, done == len(b.pred)
}

// reasons is how many there are.
const reasons = 3

// rank orders reasons: the first is told.
func rank(w Why) int { return slices.Index([]Why{Link, Threat, Ordered}, w) }

// direct lists the actions that one waits for with no other between, and for each the
// first reason on a way there.
func (b *dagger) direct(i int, seen []int) []wait {
	best := map[int]wait{}
	type at struct {
		e   int
		how wait
	}
	todo := []at{{i, wait{why: Ordered, fact: -1}}}
	for len(todo) > 0 {
		t := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, w := range b.pred[t.e] {
			how := t.how
			if rank(w.why) < rank(how.why) {
				how = w
			}
			how.on = w.on
			if w.on < b.p.Actions {
				if old, ok := best[w.on]; !ok || rank(how.why) < rank(old.why) {
					best[w.on] = how
				}
				continue
			}
			// An event that was met is gone into again for a better reason only.
			if stamp := reasons*(i+1) + rank(how.why); seen[w.on]/reasons != i+1 || stamp < seen[w.on] {
				seen[w.on] = stamp
				todo = append(todo, at{w.on, how})
			}
		}
	}
	out := make([]wait, 0, len(best))
	for _, w := range best {
		out = append(out, w)
	}
	return out
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

package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"jitos.dev/tasks/htn"
)

// Exists looks for a plan by trying everything: every task that may come first,
// every method, every value of every variable. found says that there is one; sure,
// that the answer is certain: that one was found, or that no more than limit
// networks could be reached, none of more than maxNetwork tasks. It is for problems of a few objects.
func Exists(d *htn.Domain, p *htn.Problem, limit int) (found, sure bool) {
	_, found, sure = Shortest(d, p, limit)
	return found, found || sure
}

// Shortest is Exists that tells how few actions a plan can have. sure is certain of
// that as well: nothing was too large to be gone on with.
func Shortest(d *htn.Domain, p *htn.Problem, limit int) (actions int, found, sure bool) {
	w := newWorld(d, p)
	x := &explorer{world: w, seen: map[string]bool{}, limit: limit}
	env := map[string]string{}
	w.each(p.Net.Params, env, func() bool {
		if w.holds(p.Net.Constraints, nil, env) {
			x.push(w.initial(), place(nil, p.Net, env, -1))
		}
		return false
	})
	for ; len(x.open)+len(x.next) > 0; actions++ {
		for len(x.open) > 0 {
			if len(x.seen) > limit {
				return 0, false, false
			}
			n := x.open[0]
			x.open = x.open[1:]
			if !x.first(n) {
				continue
			}
			if len(n.net) == 0 && w.holds(p.Goal, n.state, nil) {
				return actions, true, !x.cut
			}
			x.expand(n)
		}
		x.open, x.next = x.next, nil
	}
	return 0, false, !x.cut
}

type explorer struct {
	*world
	open  []network // after as many actions as are counted
	next  []network // after one more
	seen  map[string]bool
	limit int
	cut   bool // a network was too large to go on with
}

// maxNetwork is how many tasks a network may have that is gone on with.
const maxNetwork = 8

// network is what is still to be done in a state.
type network struct {
	state state
	net   []todo
	by    string // the action that led to it; "" for a method
}

type todo struct {
	task  string
	args  []string
	after []int // places of what is to be done before
}

func (x *explorer) push(s state, net []todo) {
	if len(net) > maxNetwork {
		x.cut = true
		return
	}
	x.open = append(x.open, network{state: s, net: net})
}

// first reports whether a network is met for the first time.
func (x *explorer) first(n network) bool {
	k := n.String()
	is := !x.seen[k]
	x.seen[k] = true
	return is
}

func (n network) String() string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(n.state)) {
		b.WriteString(k + ";")
	}
	fmt.Fprint(&b, n.net)
	return b.String()
}

// expand does each task that may come first, in each way.
func (x *explorer) expand(n network) {
	for i, t := range n.net {
		if len(t.after) > 0 {
			continue
		}
		if slices.ContainsFunc(x.domain.Actions, func(a htn.Action) bool { return a.Name == t.task }) {
			if s, err := x.do(n.state, t.task, t.args); err == nil {
				x.next = append(x.next, network{s, place(n.net, htn.Network{}, nil, i), strings.Join(append([]string{t.task}, t.args...), " ")})
			}
			continue
		}
		for _, m := range x.domain.Methods {
			if m.Task != t.task {
				continue
			}
			env := map[string]string{}
			x.each(m.Params, env, func() bool {
				if len(x.seen) <= x.limit && slices.Equal(terms(m.Args, env), t.args) && x.typed(m, env) &&
					x.holds(m.Net.Constraints, nil, env) && x.holds(m.Pre, n.state, env) {
					x.push(n.state, place(n.net, m.Net, env, i))
				}
				return false
			})
		}
	}
}

// typed reports whether a method's task and steps take the values.
func (x *explorer) typed(m htn.Method, env map[string]string) bool {
	fits := func(task string, args []string) bool {
		var params []htn.Param
		for _, t := range x.domain.Tasks {
			if t.Name == task {
				params = t.Params
			}
		}
		for _, a := range x.domain.Actions {
			if a.Name == task {
				params = a.Params
			}
		}
		for i, a := range terms(args, env) {
			if !x.isOf(a, params[i].Types) {
				return false
			}
		}
		return true
	}
	return fits(m.Task, m.Args) && !slices.ContainsFunc(m.Net.Steps, func(s htn.Step) bool { return !fits(s.Task, s.Args) })
}

// place puts a network in the place of the task at; -1 is of none. What waited for
// the task waits for all of the network, or for nothing if that is empty.
func place(net []todo, in htn.Network, env map[string]string, at int) []todo {
	var out []todo
	where := map[int]int{}
	for i, t := range net {
		if i != at {
			where[i] = len(out)
			out = append(out, todo{task: t.task, args: t.args})
		}
	}
	base := len(out)
	var all []int
	for i, st := range in.Steps {
		n := todo{task: st.Task, args: terms(st.Args, env)}
		for _, o := range in.Order {
			if o[1] == i {
				n.after = append(n.after, base+o[0])
			}
		}
		all = append(all, base+i)
		out = append(out, n)
	}
	for i, t := range net {
		if i == at {
			continue
		}
		for _, a := range t.after {
			if a == at {
				out[where[i]].after = append(out[where[i]].after, all...)
			} else {
				out[where[i]].after = append(out[where[i]].after, where[a])
			}
		}
		slices.Sort(out[where[i]].after)
		out[where[i]].after = slices.Compact(out[where[i]].after)
	}
	return out
}

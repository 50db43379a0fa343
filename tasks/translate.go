package tasks

import (
	"slices"
	"strconv"
	"strings"

	"jitos.dev/tasks/htn"
)

// Tree is a plan as it was found: every decomposition, and which action each task is.
// It is what a plan is repaired by.
type Tree struct {
	Plan    *htn.Plan `json:"plan"`
	Actions []int     `json:"actions"` // by task of Plan.Tasks
}

// reader makes tasks of a plan in the compiled form.
type planReader struct {
	*form
	plan  *htn.Plan
	order []int // the actions, as their steps are listed
	stem  map[int]string
	needs [][]int // by action
}

// network is a decomposed task: the primitives of it that come first and last. One
// without primitives has neither.
type network struct{ first, last []int }

// read finds the actions below steps, their stems, and the orders that methods give.
func (r *planReader) read(kids []int, ids []string, order [][2]int) network {
	var out network
	nets := make([]network, len(kids))
	after := make([][]int, len(kids))
	for _, o := range order {
		after[o[1]] = append(after[o[1]], o[0])
	}
	needed := map[int]bool{}
	for i, k := range kids {
		if k < r.plan.Actions {
			r.order = append(r.order, k)
			r.stem[k] = ids[i]
			nets[i] = network{[]int{k}, []int{k}}
		} else {
			n := r.plan.Nodes[k]
			m := r.domain.Methods[r.net[n.Method]]
			nets[i] = r.read(n.Kids, r.ids[n.Method], m.Net.Order)
		}
		var on []int
		for _, a := range after[i] {
			on = append(on, nets[a].last...)
			needed[a] = true
		}
		switch {
		case nets[i].first == nil:
			nets[i].last = on // hands on what it waits for
		case len(on) == 0:
			out.first = append(out.first, nets[i].first...)
		default:
			for _, f := range nets[i].first {
				r.needs[f] = append(r.needs[f], on...)
			}
		}
	}
	for i := range kids {
		if !needed[i] {
			out.last = append(out.last, nets[i].last...)
		}
	}
	if out.first == nil {
		out.last = nil
	}
	return out
}

// arrange puts the actions in the order in which their steps are listed, where what
// each waits for leaves it so.
func (r *planReader) arrange() {
	place := make([]int, r.plan.Actions)
	for i, k := range r.order {
		place[k] = i
	}
	waits, on := make([]int, r.plan.Actions), make([][]int, r.plan.Actions)
	fine := true
	for k, needs := range r.needs {
		slices.Sort(needs)
		r.needs[k] = slices.Compact(needs)
		for _, n := range r.needs[k] {
			waits[k]++
			on[n] = append(on[n], k)
			fine = fine && place[n] < place[k]
		}
	}
	if fine {
		return
	}
	var out []int
	var ready []int // places, sorted
	for i, k := range r.order {
		if waits[k] == 0 {
			ready = append(ready, i)
		}
	}
	for len(ready) > 0 {
		k := r.order[ready[0]]
		ready = ready[1:]
		out = append(out, k)
		for _, x := range on[k] {
			if waits[x]--; waits[x] == 0 {
				at, _ := slices.BinarySearch(ready, place[x])
				ready = slices.Insert(ready, at, place[x])
			}
		}
	}
	r.order = out
}

// bound are the values of an action's parameters.
func (r *planReader) bound(k int) map[string]any {
	out := map[string]any{}
	for i, name := range keys(r.lib.primitives[r.plan.Nodes[k].Task].Params) {
		if v := r.value[r.plan.Nodes[k].Args[i]]; v != nil {
			out[name] = v
		}
	}
	return out
}

// tasks makes the plan's tasks. id names an action that has one already; taken are
// names that no other may have.
func (r *planReader) tasks(id map[int]string, taken map[string]bool) []Task {
	ids := make([]string, r.plan.Actions)
	at := make([]int, r.plan.Actions)
	count := map[string]int{}
	for i, k := range r.order {
		at[k] = i
		if ids[k] = id[k]; ids[k] != "" {
			continue
		}
		name := r.stem[k]
		for taken[name] {
			count[r.stem[k]] = max(count[r.stem[k]], 1) + 1
			name = r.stem[k] + "-" + strconv.Itoa(count[r.stem[k]])
		}
		taken[name] = true
		ids[k] = name
	}
	out := make([]Task, len(r.order))
	above := make([]bits, len(r.order))
	for i, k := range r.order {
		t := primitive(r.lib.primitives[r.plan.Nodes[k].Task], r.bound(k))
		t.ID = ids[k]
		implied := make(bits, i/64+1)
		for _, n := range r.needs[k] {
			implied.add(above[at[n]])
		}
		for _, n := range r.needs[k] {
			if !implied.has(at[n]) {
				t.Needs = append(t.Needs, ids[n])
			}
		}
		slices.Sort(t.Needs)
		for _, n := range r.needs[k] {
			implied.set(at[n])
		}
		above[i] = implied
		out[i] = t
	}
	return out
}

// success are the criteria of a node: a method's own say it all, and one without any
// has those of its steps.
func (r *planReader) success(k int) []Criterion {
	if k < r.plan.Actions {
		return nil
	}
	n := r.plan.Nodes[k]
	if m := r.of[n.Method]; m != nil && len(m.Success) > 0 {
		if list, err := criteria(m.Success, withDefaults(m, r.given(n))); err == nil {
			return list
		}
	}
	var out []Criterion
	for _, x := range n.Kids {
		out = append(out, r.success(x)...)
	}
	return out
}

// given are the values of a task's parameters.
func (r *planReader) given(n htn.Node) map[string]any {
	out := map[string]any{}
	for i, name := range keys(r.lib.tasks[n.Task].Params) {
		if v := r.value[n.Args[i]]; v != nil {
			out[name] = v
		}
	}
	return out
}

// reasons tells each decomposition, from above, and why the methods before the one that
// was taken were not.
func (r *planReader) reasons() []Reason {
	var out []Reason
	done, facts := 0, Facts{}
	for name, v := range r.facts {
		facts[name] = v
	}
	var first func(k int) int
	first = func(k int) int {
		if k < r.plan.Actions {
			return k
		}
		least := r.plan.Actions
		for _, x := range r.plan.Nodes[k].Kids {
			least = min(least, first(x))
		}
		return least
	}
	var walk func(k int)
	walk = func(k int) {
		if k < r.plan.Actions {
			return
		}
		n := r.plan.Nodes[k]
		if m := r.of[n.Method]; m != nil {
			// What was so when it began: all before its first action has been done.
			if begins := first(k); begins < r.plan.Actions {
				for ; done < begins; done++ {
					for _, e := range r.lib.primitives[r.plan.Nodes[done].Task].effects {
						e.apply(facts, r.bound(done))
					}
				}
			}
			given := r.given(n)
			reason := Reason{Task: n.Task, Method: n.Method, Because: m.because()}
			for _, other := range r.lib.methods[n.Task] {
				if other == m {
					break
				}
				x := explainer{lib: r.lib, facts: facts}
				_, why := x.method(other, given, 0)
				reason.Rejected = append(reason.Rejected, Rejected{other.Name, orElse(why, "nothing that comes after it could be done then")})
			}
			out = append(out, reason)
		}
		for _, x := range n.Kids {
			walk(x)
		}
	}
	for _, k := range r.plan.Roots {
		walk(k)
	}
	return out
}

func orElse(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// because is why a method could be used.
func (m *methodDef) because() string {
	var held []string
	for _, c := range m.When {
		held = append(held, c.text())
	}
	return strings.Join(held, " and ")
}

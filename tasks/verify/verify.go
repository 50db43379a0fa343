package verify

import (
	"fmt"
	"slices"

	"jitos.dev/tasks/htn"
)

// Plan judges a plan; the error is the first thing that is wrong.
func Plan(d *htn.Domain, p *htn.Problem, plan *htn.Plan) error {
	return Resumed(d, p, plan, 0, p.Init)
}

// Resumed judges a plan of which some actions, the first, are done, from what is the
// case after them. Of a task that has begun by then it is not asked whether its method
// could be used.
func Resumed(d *htn.Domain, p *htn.Problem, plan *htn.Plan, done int, now []htn.Atom) error {
	w := newWorld(d, p)
	v := &judge{world: w, plan: plan, first: make([]int, len(plan.Nodes)), done: done}
	if err := v.shape(); err != nil {
		return err
	}
	if err := v.execute(facts(now)); err != nil {
		return err
	}
	net := htn.Method{Name: "root", Params: p.Net.Params, Net: p.Net}
	if why := v.method(net, nil, plan.Roots, 0, 0); why != nil {
		return fmt.Errorf("the problem's network: %w", why.err)
	}
	return nil
}

type judge struct {
	*world
	plan   *htn.Plan
	states []state // before each action, and after the last
	first  []int   // the first action below a node; the number of actions if there is none
	end    int     // when the steps that were checked last are over
	done   int     // actions that were done before, of which no states are known
}

// shape checks that the nodes are trees.
func (v *judge) shape() error {
	n := len(v.plan.Nodes)
	above := make([]int, n)
	if v.plan.Actions > n {
		return fmt.Errorf("%d actions of %d nodes", v.plan.Actions, n)
	}
	link := func(kids []int) error {
		for _, k := range kids {
			if k < 0 || k >= n {
				return fmt.Errorf("node %d is named, and there are %d", k, n)
			}
			above[k]++
		}
		return nil
	}
	if err := link(v.plan.Roots); err != nil {
		return err
	}
	for i, nd := range v.plan.Nodes {
		if i < v.plan.Actions && (nd.Method != "" || len(nd.Kids) > 0) {
			return fmt.Errorf("node %d is an action, and is decomposed", i)
		}
		if err := link(nd.Kids); err != nil {
			return err
		}
	}
	for i, k := range above {
		if k != 1 {
			return fmt.Errorf("node %d stands in %d places", i, k)
		}
	}
	// Each has one place: whatever is not below a root is in a circle.
	for i := range v.first {
		v.first[i] = v.plan.Actions
	}
	seen := 0
	var walk func(k int) int
	walk = func(k int) int {
		seen++
		if k < v.plan.Actions {
			v.first[k] = k
			return k
		}
		for _, kid := range v.plan.Nodes[k].Kids {
			v.first[k] = min(v.first[k], walk(kid))
		}
		return v.first[k]
	}
	for _, r := range v.plan.Roots {
		walk(r)
	}
	if seen != n {
		return fmt.Errorf("%d of %d nodes stand below no step", n-seen, n)
	}
	return nil
}

// execute does the actions one after the other.
func (v *judge) execute(s state) error {
	v.states = append(make([]state, v.done), s)
	for i, nd := range v.plan.Nodes[:v.plan.Actions] {
		if i < v.done {
			continue
		}
		next, err := v.do(s, nd.Task, nd.Args)
		if err != nil {
			return fmt.Errorf("action %d (%s): %w", i, nd, err)
		}
		s = next
		v.states = append(v.states, s)
	}
	if !v.holds(v.problem.Goal, s, nil) {
		return fmt.Errorf("the goal does not hold in the end")
	}
	return nil
}

// wrong is why something does not fit. It is not an error by itself: another value
// of a variable may fit.
type wrong struct{ err error }

// method checks the kids of a node as the steps of a method, for some values of its
// variables: what begins at the moment lo, with everything before the moment hi. The
// result's end is in v.end.
func (v *judge) method(m htn.Method, args []string, kids []int, lo, hi int) *wrong {
	if len(kids) != len(m.Net.Steps) {
		return &wrong{fmt.Errorf("method %s has %d steps, and %d nodes stand for them", m.Name, len(m.Net.Steps), len(kids))}
	}
	env := map[string]string{}
	fit := func(terms, vals []string) bool {
		for i, t := range terms {
			if !htn.IsVar(t) {
				if t != vals[i] {
					return false
				}
				continue
			}
			if old, ok := env[t]; ok && old != vals[i] {
				return false
			}
			env[t] = vals[i]
		}
		return true
	}
	if len(args) != len(m.Args) || !fit(m.Args, args) {
		return &wrong{fmt.Errorf("method %s does not do this", m.Name)}
	}
	for i, st := range m.Net.Steps {
		nd := v.plan.Nodes[kids[i]]
		if nd.Task != st.Task || len(nd.Args) != len(st.Args) || !fit(st.Args, nd.Args) {
			return &wrong{fmt.Errorf("step %d of method %s is %s%v, and the node is %s", i+1, m.Name, st.Task, st.Args, nd)}
		}
	}
	for _, p := range m.Params {
		if o, ok := env[p.Name]; ok && !v.isOf(o, p.Types) {
			return &wrong{fmt.Errorf("in method %s %s is %s, which is not of %v", m.Name, p.Name, o, p.Types)}
		}
	}
	var open []htn.Param
	for _, p := range m.Params {
		if _, ok := env[p.Name]; !ok {
			open = append(open, p)
		}
	}
	// Of values that nothing tells, those with which it is over first: whatever
	// comes later can come then too.
	why, end := &wrong{fmt.Errorf("no values for the variables of method %s", m.Name)}, -1
	v.each(open, env, func() bool {
		if !v.holds(m.Net.Constraints, nil, env) {
			return false
		}
		at := lo
		begun := hi < v.done || lo < v.done && !v.acts(kids)
		if !begun {
			at = max(lo, v.done)
		}
		for !begun && at <= hi && !v.holds(m.Pre, v.states[at], env) {
			at++
		}
		if at > hi {
			if end < 0 {
				why = &wrong{fmt.Errorf("the precondition of method %s holds at no moment from %d to %d for %v", m.Name, lo, hi, env)}
			}
			return false
		}
		if x := v.steps(m, kids, at); x == nil && (end < 0 || v.end < end) {
			why, end = nil, v.end
		} else if end < 0 {
			why = x
		}
		return end == lo // sooner is not possible
	})
	v.end = end
	return why
}

// acts reports whether there is an action below nodes.
func (v *judge) acts(kids []int) bool {
	return slices.ContainsFunc(kids, func(k int) bool { return v.first[k] < v.plan.Actions })
}

// steps checks the nodes of steps, in order, from a moment on; each is begun as
// early as it can be.
func (v *judge) steps(m htn.Method, kids []int, at int) *wrong {
	end := make([]int, len(kids))
	done := make([]bool, len(kids))
	for range kids {
		i := -1
		lo := at
		for k := range kids {
			ready := !done[k]
			from := at
			for _, o := range m.Net.Order {
				if o[1] == k {
					ready = ready && done[o[0]]
					from = max(from, end[o[0]])
				}
			}
			if ready {
				i, lo = k, from
				break
			}
		}
		if i < 0 {
			return &wrong{fmt.Errorf("the steps of method %s are in a circle", m.Name)}
		}
		e, why := v.node(kids[i], lo)
		if why != nil {
			return why
		}
		end[i], done[i] = e, true
	}
	v.end = at
	for _, e := range end {
		v.end = max(v.end, e)
	}
	return nil
}

// node checks a node from a moment on, and says when it is over at the earliest.
func (v *judge) node(k, lo int) (end int, why *wrong) {
	nd := v.plan.Nodes[k]
	if k < v.plan.Actions {
		if k < lo {
			return 0, &wrong{fmt.Errorf("action %d (%s) comes before what has to be done before it", k, nd)}
		}
		return k + 1, nil
	}
	why = &wrong{fmt.Errorf("node %d (%s): there is no method %s", k, nd, nd.Method)}
	for _, m := range v.domain.Methods {
		if m.Name != nd.Method || m.Task != nd.Task {
			continue
		}
		if why = v.method(m, nd.Args, nd.Kids, lo, v.first[k]); why == nil {
			return v.end, nil
		}
		why = &wrong{fmt.Errorf("node %d (%s): %w", k, nd, why.err)}
	}
	return 0, why
}

package htn

import (
	"fmt"
	"slices"
)

// fits reports whether a plan, which may come from anywhere, is made of what a domain
// and a problem have: trees of nodes below the problem's steps, known actions with
// as many arguments as they take, known objects. Whether it is a plan is another
// question. Of a compound node it does not look at the method.
func (p *Plan) fits(d *Domain, prob *Problem) error {
	if err := p.shape(); err != nil {
		return err
	}
	if len(p.Roots) != len(prob.Net.Steps) {
		return fmt.Errorf("the plan has %d steps above all, and the problem %d", len(p.Roots), len(prob.Net.Steps))
	}
	for i, st := range prob.Net.Steps {
		if n := p.Nodes[p.Roots[i]]; n.Task != st.Task || len(n.Args) != len(st.Args) {
			return fmt.Errorf("step %d of the problem is %s, and the plan does %s there", i+1, st.Task, n)
		}
	}
	objects := map[string]bool{}
	for _, o := range slices.Concat(d.Constants, prob.Objects) {
		objects[o.Name] = true
	}
	takes := map[string]int{}
	for _, a := range d.Actions {
		takes[a.Name] = len(a.Params)
	}
	for i, n := range p.Nodes {
		if k, ok := takes[n.Task]; i < p.Actions && (!ok || k != len(n.Args)) {
			return fmt.Errorf("node %d (%s): there is no such action with %d arguments", i, n, len(n.Args))
		}
		for _, o := range n.Args {
			if !objects[o] {
				return fmt.Errorf("node %d (%s): there is no object %q", i, n, o)
			}
		}
	}
	return nil
}

// shape checks that nodes are trees, each compound one after the one above it, as a
// plan's are.
func (p *Plan) shape() error {
	n := len(p.Nodes)
	if p.Actions < 0 || p.Actions > n {
		return fmt.Errorf("%d actions of %d nodes", p.Actions, n)
	}
	above := make([]int, n)
	link := func(i int, kids []int) error {
		for _, k := range kids {
			if k < 0 || k >= n || k >= p.Actions && k <= i {
				return fmt.Errorf("node %d cannot stand below node %d", k, i)
			}
			above[k]++
		}
		return nil
	}
	err := link(-1, p.Roots)
	for i := 0; i < n && err == nil; i++ {
		if i < p.Actions && len(p.Nodes[i].Kids) > 0 {
			return fmt.Errorf("node %d is an action, and is decomposed", i)
		}
		err = link(i, p.Nodes[i].Kids)
	}
	for i, k := range above {
		if err == nil && k != 1 {
			return fmt.Errorf("node %d stands in %d places", i, k)
		}
	}
	return err
}

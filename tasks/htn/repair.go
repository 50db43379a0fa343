package htn

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Progress is how far the execution of a plan has come. Nodes are those of the plan.
type Progress struct {
	Done   []int  // actions that are done, in the order in which they were
	State  []Atom // what is the case now, whatever was expected
	Failed []int  // actions that could not be done, and are not to be tried again
}

// How a plan goes on.
type Mending string

// The ways to go on, the gentlest first.
const (
	Resumed  Mending = "resumed"    // all that was still to be done is, if in another order
	Repaired Mending = "repaired"   // tasks that had not begun are done otherwise
	Anew     Mending = "begun anew" // tasks that had begun are begun again: some of what was done is of no plan any more
)

// Mended is a plan that goes on from where one was.
type Mended struct {
	Verdict Verdict
	How     Mending
	Plan    *Plan  // the whole: what is done first, then what is still to be done
	Done    int    // how many of its actions are done
	Edges   []Edge // which of those still to be done wait for which, as a DAG has them
	Kept    int    // actions still to be done that the old plan had too
	Added   []Node // those that it had not
	Dropped []Node // those that it had
	Extra   []Node // actions that are done and that the plan does not need: see Anew
	Nodes   int    // visited
}

// Repair makes of a plan that has come so far one that can go on: nothing that is done
// is done again for the same task, and what is not concerned stays as it is. Each task
// that has begun goes on by the method that it was begun with, if that is possible at
// all. The verdict is None if there is not even a plan from here that begins anew. It
// is a function of its arguments, which it does not change; the budget is of all
// searches together.
func Repair(d *Domain, p *Problem, old *Plan, at Progress, o Options) (*Mended, error) {
	r := &repair{d: d, p: p, old: old, at: at, out: &Mended{}}
	if err := r.look(); err != nil {
		return nil, err
	}
	if o.Nodes == 0 {
		o.Nodes = DefaultNodes
	}
	for _, t := range r.tries() {
		if o.Nodes <= 0 || o.Stop != nil && o.Stop() {
			r.out.Verdict = Unknown
			return r.out, nil
		}
		m, res, err := r.plan(t, o)
		if err != nil {
			return nil, err
		}
		o.Nodes -= res.Nodes
		r.out.Nodes += res.Nodes
		if r.out.Verdict = res.Verdict; res.Verdict == Found {
			dag, err := m.DAG(res.Plan)
			if err != nil {
				return nil, err
			}
			r.graft(t, res.Plan)
			for _, e := range dag.Edges {
				e.From, e.To = e.From+r.out.Done, e.To+r.out.Done
				r.out.Edges = append(r.out.Edges, e)
			}
			return r.out, nil
		}
	}
	return r.out, nil
}

type repair struct {
	d     *Domain
	p     *Problem
	old   *Plan
	at    Progress
	out   *Mended
	above []int   // the node above each, or -1
	how   []stand // of each node
	by    []int   // of a compound node: its method in the domain
	taken []bool  // by old action: it is done, or still to be done as it was
}

// stand is how a node stands.
type stand uint8

const (
	untouched stand = iota
	started
	finished
)

// attempt is what to plan: nodes that are done otherwise, and nodes that begin again.
type attempt struct {
	how  Mending
	open map[int]bool
}

// look finds how far each node has come.
func (r *repair) look() error {
	p := r.old
	if err := p.fits(r.d, r.p); err != nil {
		return err
	}
	r.above, r.how, r.by = p.above(), make([]stand, len(p.Nodes)), make([]int, len(p.Nodes))
	for _, k := range slices.Concat(r.at.Done, r.at.Failed) {
		if k < 0 || k >= p.Actions {
			return fmt.Errorf("node %d is no action of the plan, which has %d", k, p.Actions)
		}
	}
	for _, k := range r.at.Done {
		if r.how[k] == finished {
			return fmt.Errorf("action %d is done twice", k)
		}
		r.how[k] = finished
	}
	for _, k := range r.at.Failed {
		if r.how[k] == finished {
			return fmt.Errorf("action %d is done, and has failed", k)
		}
	}
	for i := p.Actions; i < len(p.Nodes); i++ {
		n := p.Nodes[i]
		if r.by[i] = slices.IndexFunc(r.d.Methods, func(m Method) bool { return p.by(m, n) }); r.by[i] < 0 {
			return fmt.Errorf("node %d (%s): the domain has no method %s that does it so", i, n, n.Method)
		}
	}
	r.stand(p.Roots, r.p.Net.Order)
	return nil
}

// stand finds it for steps and all below them, and says how many of their actions are
// done, of how many.
func (r *repair) stand(kids []int, order [][2]int) (did, all int) {
	for _, k := range kids {
		if k < r.old.Actions {
			if all++; r.how[k] == finished {
				did++
			}
			continue
		}
		x, n := r.stand(r.old.Nodes[k].Kids, r.d.Methods[r.by[k]].Net.Order)
		switch {
		case n > 0 && x == n:
			r.how[k] = finished
		case x > 0:
			r.how[k] = started
		}
		did, all = did+x, all+n
	}
	// What has no actions is over when something that comes after it has begun.
	for again := true; again; {
		again = false
		for _, o := range order {
			if a, b := kids[o[0]], kids[o[1]]; r.how[b] != untouched && r.how[a] == untouched && r.empty(a) {
				r.how[a], again = finished, true
			}
		}
	}
	return did, all
}

func (r *repair) empty(k int) bool {
	return k >= r.old.Actions && !slices.ContainsFunc(r.old.Nodes[k].Kids, func(x int) bool { return !r.empty(x) })
}

// tries lists what to try: all that is still to be done as it was; what is in the way,
// and ever more above it, done otherwise; all that has not begun; then what has begun
// as well, from below.
func (r *repair) tries() []attempt {
	out := []attempt{{Resumed, map[int]bool{}}}
	top := func(k int) bool { return k < 0 || r.how[k] == started }
	open := map[int]bool{}
	for _, k := range r.culprits() {
		if k < r.old.Actions {
			k = r.above[k]
		}
		if !top(k) {
			open[k] = true
		}
	}
	for len(open) > 0 {
		out = append(out, attempt{Repaired, open})
		next := map[int]bool{}
		for k := range open {
			if a := r.above[k]; !top(a) {
				next[a] = true
			} else {
				next[k] = true
			}
		}
		if maps.Equal(next, open) {
			break
		}
		open = next
	}
	all := map[int]bool{}
	for k := range r.old.Nodes[r.old.Actions:] {
		if k += r.old.Actions; r.how[k] == untouched && top(r.above[k]) {
			all[k] = true
		}
	}
	out = append(out, attempt{Repaired, all})
	// Begun nodes from the lowest: each is above only those that are open already.
	again := maps.Clone(all)
	for depth := r.depths(); len(depth) > 0; depth = depth[:len(depth)-1] {
		for _, k := range depth[len(depth)-1] {
			if r.how[k] == started {
				again = maps.Clone(again)
				again[k] = true
			}
		}
		if !maps.Equal(again, out[len(out)-1].open) {
			out = append(out, attempt{Anew, again})
		}
	}
	whole := map[int]bool{-1: true}
	return append(out, attempt{Anew, whole})
}

// depths lists compound nodes by how deep they are.
func (r *repair) depths() [][]int {
	var out [][]int
	for list := r.old.Roots; len(list) > 0; {
		var next, here []int
		for _, k := range list {
			if k >= r.old.Actions {
				here = append(here, k)
				next = append(next, r.old.Nodes[k].Kids...)
			}
		}
		if len(here) > 0 {
			out = append(out, here)
		}
		list = next
	}
	return out
}

// problem is what an attempt has to plan. Nodes that stay are tasks of their own, each
// with one method: that of the plan, of the steps that are left.
func (r *repair) problem(t attempt) (*Domain, *Problem) {
	d, p := *r.d, *r.p
	d.Tasks, d.Methods, d.Actions = slices.Clone(d.Tasks), slices.Clone(d.Methods), slices.Clone(d.Actions)
	p.Init = r.at.State
	for _, k := range r.at.Failed {
		r.refuse(&d, r.old.Nodes[k])
	}
	if t.open[-1] {
		return &d, &p
	}
	p.Net = r.net(t, r.p.Net, r.old.Roots)
	env := map[string]string{}
	for i, st := range r.p.Net.Steps {
		for k, a := range st.Args {
			if IsVar(a) {
				env[a] = r.old.Nodes[r.old.Roots[i]].Args[k]
			}
		}
	}
	p.Net.Params = unbound(r.p.Net.Params, env)
	p.Net.Constraints = r.p.Net.Constraints.with(env)
	for i, n := range r.old.Nodes {
		if i < r.old.Actions || r.how[i] == finished || t.open[i] || r.opened(t, i) {
			continue
		}
		m := r.d.Methods[r.by[i]]
		env := r.old.values(m, n)
		kept := Method{Name: keptName(i), Task: keptName(i), Net: r.net(t, m.Net, n.Kids)}
		if r.how[i] == untouched {
			kept.Params = unbound(m.Params, env)
			kept.Pre = m.Pre.with(env)
			kept.Net.Constraints = m.Net.Constraints.with(env)
		}
		d.Tasks = append(d.Tasks, Task{Name: keptName(i)})
		d.Methods = append(d.Methods, kept)
	}
	return &d, &p
}

// opened reports whether a node is below one that is done otherwise.
func (r *repair) opened(t attempt, k int) bool {
	for k = r.above[k]; k >= 0; k = r.above[k] {
		if t.open[k] {
			return true
		}
	}
	return false
}

// keptName is the name of a task that stands for a node. No notation has such a name.
func keptName(node int) string { return "\x00" + strconv.Itoa(node) }

func keptNode(name string) (int, bool) {
	if !strings.HasPrefix(name, "\x00") {
		return 0, false
	}
	k, err := strconv.Atoi(name[1:])
	return k, err == nil
}

// net is a network of those steps that are not done.
func (r *repair) net(t attempt, n Network, kids []int) Network {
	var out Network
	place := map[int]int{}
	for i, k := range kids {
		if r.how[k] == finished {
			continue
		}
		place[i] = len(out.Steps)
		st := Step{ID: n.Steps[i].ID, Task: r.old.Nodes[k].Task, Args: r.old.Nodes[k].Args}
		if k >= r.old.Actions && !t.open[k] {
			st.Task, st.Args = keptName(k), nil
		}
		out.Steps = append(out.Steps, st)
	}
	for _, o := range n.Order {
		a, here := place[o[0]]
		b, there := place[o[1]]
		if here && there {
			out.Order = append(out.Order, [2]int{a, b})
		}
	}
	return out
}

// refuse keeps an action from being done with some arguments.
func (r *repair) refuse(d *Domain, n Node) {
	i := slices.IndexFunc(d.Actions, func(a Action) bool { return a.Name == n.Task })
	a := &d.Actions[i]
	same := Formula{Op: And}
	for k, p := range a.Params {
		same.Parts = append(same.Parts, Formula{Op: Equal, Terms: []string{p.Name, n.Args[k]}})
	}
	a.Pre = Formula{Op: And, Parts: []Formula{a.Pre, {Op: Not, Parts: []Formula{same}}}}
}

func unbound(params []Param, env map[string]string) []Param {
	var out []Param
	for _, p := range params {
		if _, ok := env[p.Name]; !ok {
			out = append(out, p)
		}
	}
	return out
}

// with is a condition with values for some of its free variables.
func (f Formula) with(env map[string]string) Formula {
	if len(f.Vars) > 0 {
		env = maps.Clone(env)
		for _, v := range f.Vars {
			delete(env, v.Name)
		}
	}
	out := f
	out.Terms, out.Parts = nil, nil
	for _, t := range f.Terms {
		if v, ok := env[t]; ok {
			t = v
		}
		out.Terms = append(out.Terms, t)
	}
	for _, p := range f.Parts {
		out.Parts = append(out.Parts, p.with(env))
	}
	return out
}

func (r *repair) plan(t attempt, o Options) (*Model, *Result, error) {
	d, p := r.problem(t)
	m, err := Compile(d, p)
	if err != nil {
		return nil, nil, err
	}
	res, err := m.Plan(o)
	return m, res, err
}

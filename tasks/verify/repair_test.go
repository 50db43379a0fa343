package verify

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"jitos.dev/tasks/htn"
)

// after is what is the case after some actions of a plan.
func after(d *htn.Domain, p *htn.Problem, plan *htn.Plan, n int) []htn.Atom {
	w := newWorld(d, p)
	s := w.initial()
	for _, nd := range plan.Nodes[:n] {
		s, _ = w.do(s, nd.Task, nd.Args)
	}
	return atoms(d, p, s)
}

// atoms are the facts of a state.
func atoms(d *htn.Domain, p *htn.Problem, s state) []htn.Atom {
	var out []htn.Atom
	all := newWorld(d, p)
	for _, pr := range d.Predicates {
		free := make([]htn.Param, len(pr.Params))
		for i := range free {
			free[i].Name = pr.Params[i].Name
		}
		env := map[string]string{}
		all.each(free, env, func() bool {
			a := htn.Atom{Pred: pr.Name}
			for _, v := range free {
				a.Args = append(a.Args, env[v.Name])
			}
			if s[key(a.Pred, a.Args)] {
				out = append(out, a)
			}
			return false
		})
	}
	return out
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// TestRepairAgainstAllThereIs interrupts the plans of random problems everywhere: as
// expected, with a fact that is otherwise, and with an action that failed.
func TestRepairAgainstAllThereIs(t *testing.T) {
	how := map[htn.Mending]int{}
	none := 0
	for seed := range uint64(300) {
		d, p := randomProblem(seed, seed%2 == 0)
		m, err := htn.Compile(d, p)
		if err != nil {
			t.Fatal(err)
		}
		r, err := m.Plan(htn.Options{Nodes: 10_000})
		if err != nil || r.Verdict != htn.Found || r.Plan.Actions > 8 {
			continue
		}
		draw := rand.New(rand.NewPCG(seed, 5))
		old := fmt.Sprint(r.Plan)
		for n := range r.Plan.Actions + 1 {
			at := htn.Progress{Done: upTo(n), State: after(d, p, r.Plan, n)}
			got := mend(t, seed, d, p, r.Plan, at)
			if got.How != htn.Resumed || got.Kept != r.Plan.Actions-n || len(got.Added)+len(got.Dropped)+len(got.Extra) > 0 {
				t.Fatalf("seed %d: after %d actions nothing has happened, and it is %s: %d kept, %v added, %v dropped, %v extra", seed, n, got.How, got.Kept, got.Added, got.Dropped, got.Extra)
			}
			for range 3 {
				s := facts(at.State)
				c := changes(d, p)
				if len(c) == 0 {
					break
				}
				one := c[draw.IntN(len(c))]
				k := key(one.Fact.Pred, one.Fact.Args)
				if s[k] = !s[k]; !s[k] {
					delete(s, k)
				}
				other := htn.Progress{Done: at.Done, State: atoms(d, p, s)}
				if n < r.Plan.Actions && draw.IntN(2) == 0 {
					other.Failed = []int{n}
				}
				if got := mend(t, seed, d, p, r.Plan, other); got.Verdict == htn.Found {
					how[got.How]++
				} else if got.Verdict == htn.None {
					none++
				}
			}
		}
		if fmt.Sprint(r.Plan) != old {
			t.Fatalf("seed %d: the plan was changed", seed)
		}
	}
	t.Log(how, none)
	if how[htn.Resumed] < 80 || how[htn.Repaired] < 4 || how[htn.Anew] < 8 || none < 30 {
		t.Error("that says little:", how, none)
	}
}

// mend repairs a plan, and judges what comes of it.
func mend(t *testing.T, seed uint64, d *htn.Domain, p *htn.Problem, plan *htn.Plan, at htn.Progress) *htn.Mended {
	t.Helper()
	got, err := htn.Repair(d, p, plan, at, htn.Options{Nodes: 5_000})
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	if again, _ := htn.Repair(d, p, plan, at, htn.Options{Nodes: 5_000}); !reflect.DeepEqual(got, again) {
		t.Fatalf("seed %d: the second time it is another one", seed)
	}
	here := *p
	here.Init = at.State
	found, sure := Exists(refused(d, plan, at.Failed), &here, 500)
	switch got.Verdict {
	case htn.None:
		if found {
			t.Errorf("seed %d: it is said that nothing helps, and there is a plan from here", seed)
		}
		return got
	case htn.Unknown:
		return got
	}
	if got.How == htn.Anew && sure && !found && got.Done == 0 {
		t.Errorf("seed %d: a plan is begun anew where there is none", seed)
	}
	if err := Resumed(d, p, got.Plan, got.Done, at.State); err != nil {
		t.Errorf("seed %d: after %d of %d actions, failed %v, the plan that is %s is wrong: %v\n%s\nnow\n%s", seed, len(at.Done), plan.Actions, at.Failed, got.How, err, plan.IPC(), got.Plan.IPC())
	}
	if got.Plan.Actions != got.Done+got.Kept+len(got.Added) || plan.Actions != len(at.Done)+got.Kept+len(got.Dropped) || len(at.Done) != got.Done+len(got.Extra) {
		t.Errorf("seed %d: the counts of %+v do not add up", seed, got)
	}
	if got.How != htn.Anew && len(got.Extra) > 0 || got.How == htn.Resumed && len(got.Added)+len(got.Dropped) > 0 {
		t.Errorf("seed %d: %s, with %v extra, %v added, %v dropped", seed, got.How, got.Extra, got.Added, got.Dropped)
	}
	for _, k := range at.Failed {
		if slices.ContainsFunc(got.Plan.Nodes[got.Done:got.Plan.Actions], func(n htn.Node) bool { return n.String() == plan.Nodes[k].String() }) {
			t.Errorf("seed %d: %s has failed, and is tried again", seed, plan.Nodes[k])
		}
	}
	return got
}

// refused is a domain in which actions cannot be done.
func refused(d *htn.Domain, plan *htn.Plan, failed []int) *htn.Domain {
	out := *d
	out.Actions = slices.Clone(d.Actions)
	for _, k := range failed {
		for i, a := range out.Actions {
			if a.Name != plan.Nodes[k].Task {
				continue
			}
			f := htn.Formula{Op: htn.And}
			for j, v := range a.Params {
				f.Parts = append(f.Parts, htn.Formula{Op: htn.Equal, Terms: []string{v.Name, plan.Nodes[k].Args[j]}})
			}
			out.Actions[i].Pre = htn.Formula{Op: htn.And, Parts: []htn.Formula{a.Pre, {Op: htn.Not, Parts: []htn.Formula{f}}}}
		}
	}
	return &out
}

// TestRepairKeepsWhatIsNotConcerned: of two parcels one is found elsewhere, and what is
// planned for the other stays, and so does what is done.
func TestRepairKeepsWhatIsNotConcerned(t *testing.T) {
	d, p, m := instance(t, "freight", `(define (problem p) (:domain freight) (:objects v - van a b c - place s0 s1 - size x y - parcel)
		(:htn :ordered-subtasks (and (deliver x b) (deliver y a)))
		(:init (at v a) (at x a) (at y c) (road a b) (road b a) (road b c) (road c b) (less s0 s1) (room v s1)))`)
	r, err := m.Plan(htn.Options{})
	if err != nil || r.Plan == nil {
		t.Fatal(err)
	}
	// x is delivered; y is at b, where the van is.
	n := slices.IndexFunc(r.Plan.Nodes, func(n htn.Node) bool { return n.Task == "unload" }) + 1
	at := htn.Progress{Done: upTo(n), State: after(d, p, r.Plan, n)}
	for i, a := range at.State {
		if a.String() == "(at y c)" {
			at.State[i].Args = []string{"y", "b"}
		}
	}
	got := mend(t, 0, d, p, r.Plan, at)
	if got.How != htn.Repaired || got.Done != n || len(got.Extra) > 0 || got.Kept+len(got.Added) != 3 {
		t.Errorf("%s: %d done, %d kept, %v added, %v dropped\n%s", got.How, got.Done, got.Kept, got.Added, got.Dropped, got.Plan.IPC())
	}
	// The van cannot get to b from a any more; y is still to be fetched later. What is
	// concerned is how it gets to b, and there is no other way.
	bad := htn.Progress{State: p.Init, Failed: []int{slices.IndexFunc(r.Plan.Nodes, func(n htn.Node) bool { return n.Task == "drive" })}}
	if got := mend(t, 0, d, p, r.Plan, bad); got.Verdict != htn.None {
		t.Errorf("%v %s", got.Verdict, got.How)
	}
	for name, harm := range map[string]func(p *htn.Plan){
		"no such action":   func(p *htn.Plan) { p.Nodes[0].Task = "fly" },
		"no such object":   func(p *htn.Plan) { p.Nodes[0].Args[0] = "nobody" },
		"no such method":   func(p *htn.Plan) { p.Nodes[p.Actions].Method = "fly" },
		"an argument less": func(p *htn.Plan) { p.Nodes[0].Args = p.Nodes[0].Args[1:] },
		"a circle":         func(p *htn.Plan) { p.Nodes[p.Actions].Kids[0] = p.Actions },
		"a node twice":     func(p *htn.Plan) { p.Nodes[p.Actions].Kids[0] = p.Nodes[p.Actions].Kids[1] },
		"no such node":     func(p *htn.Plan) { p.Nodes[p.Actions].Kids[0] = 999 },
		"a root less":      func(p *htn.Plan) { p.Roots = p.Roots[1:] },
		"too many actions": func(p *htn.Plan) { p.Actions = 999 },
	} {
		broken, err := m.Plan(htn.Options{})
		if err != nil {
			t.Fatal(err)
		}
		harm(broken.Plan)
		if _, err := htn.Repair(d, p, broken.Plan, htn.Progress{State: p.Init}, htn.Options{}); err == nil {
			t.Errorf("%s, and the plan is mended", name)
		}
		if _, err := m.DAG(broken.Plan); err == nil {
			t.Errorf("%s, and the plan has a DAG", name)
		}
	}
	for _, wrong := range []htn.Progress{{Done: []int{0, 0}}, {Done: []int{99}}, {Done: []int{-1}}, {Done: []int{0}, Failed: []int{0}}} {
		if _, err := htn.Repair(d, p, r.Plan, wrong, htn.Options{}); err == nil {
			t.Errorf("%v is taken", wrong)
		}
	}
}

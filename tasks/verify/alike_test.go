package verify

import (
	"fmt"
	"strings"
	"testing"

	"jitos.dev/tasks/hddl"
	"jitos.dev/tasks/htn"
)

// joinery has parts to finish, in colours that the goal alone knows, by machines that
// are all alike.
func joinery(parts, machines, colours int) string {
	var b, tasks, init, goal, vars strings.Builder
	b.WriteString("(define (problem p) (:domain joinery) (:objects")
	for i := range machines {
		fmt.Fprintf(&b, " m%d", i)
		fmt.Fprintf(&init, " (sands m%d)", i)
		for c := range colours {
			fmt.Fprintf(&init, " (paints m%d c%d)", i, c)
		}
	}
	b.WriteString(" - machine")
	for i := range colours {
		fmt.Fprintf(&b, " c%d", i)
	}
	b.WriteString(" - colour")
	for i := range parts {
		fmt.Fprintf(&b, " p%d", i)
		fmt.Fprintf(&vars, " ?c%d - colour", i)
		fmt.Fprintf(&tasks, " (finish p%d ?c%d)", i, i)
		fmt.Fprintf(&init, " (raw p%d)", i)
		fmt.Fprintf(&goal, " (painted p%d c%d) (sanded p%d)", i, i%colours, i)
	}
	fmt.Fprintf(&b, " - part) (:htn :parameters (%s) :ordered-subtasks (and%s)) (:init%s) (:goal (and%s)))", &vars, &tasks, &init, &goal)
	return b.String()
}

// A goal about each of many parts, which are done one after the other, is looked at as
// soon as nothing that is still to come can help: what was chosen wrong is the last
// choice then, and not one behind all that came after.
func TestADiveSeesWhatNothingCanBringAbout(t *testing.T) {
	d, p, m := instance(t, "joinery", joinery(40, 3, 4))
	r, err := m.Plan(htn.Options{Nodes: 20_000, Search: htn.Dive})
	if err != nil {
		t.Fatal(err)
	}
	if r.Plan == nil {
		t.Fatalf("after %d nodes: %s", r.Nodes, r.Verdict)
	}
	if err := Plan(d, p, r.Plan); err != nil {
		t.Error(err)
	}
}

// Machines that are alike are one to the searches: with twenty-five a plan is found by
// the nodes that it takes with one. It is a plan of the problem as it was written.
func TestOneOfThoseAlikeIsEnough(t *testing.T) {
	nodes := map[int]int{}
	for _, machines := range []int{1, 25} {
		d, p, m := instance(t, "joinery", joinery(12, machines, 3))
		r, err := m.Plan(htn.Options{Search: htn.Best})
		if err != nil {
			t.Fatal(err)
		}
		if r.Plan == nil {
			t.Fatalf("%d machines: %s", machines, r.Verdict)
		}
		if err := Plan(d, p, r.Plan); err != nil {
			t.Error(err)
		}
		nodes[machines] = r.Nodes
	}
	if nodes[25] != nodes[1] {
		t.Errorf("one machine takes %d nodes, twenty-five that are alike %d", nodes[1], nodes[25])
	}
}

// deep has a task that makes a fact at the bottom of a tower of tasks, each declared
// before the one below it, and a step that needs the fact.
func deep(levels int) string {
	var b strings.Builder
	b.WriteString("(define (domain d) (:requirements :hierarchy) (:predicates (made)) (:task both :parameters ()) ")
	for i := range levels {
		fmt.Fprintf(&b, "(:task t%d :parameters ()) ", i)
	}
	b.WriteString("(:method both :parameters () :task (both) :ordered-subtasks (and (t0) (use)))\n")
	for i := range levels - 1 {
		fmt.Fprintf(&b, "(:method m%d :parameters () :task (t%d) :ordered-subtasks (t%d))\n", i, i, i+1)
	}
	fmt.Fprintf(&b, "(:method last :parameters () :task (t%d) :ordered-subtasks (make))\n", levels-1)
	return b.String() + "(:action make :parameters () :effect (made)) (:action use :parameters () :precondition (made) :effect (not (made))))"
}

// What a task may bring about is known however far below it stands. A planner that
// does not know it takes the need of the step behind for one of the method.
func TestWhatIsMadeFarBelow(t *testing.T) {
	d, err := hddl.ReadDomain("d", []byte(deep(60)))
	if err != nil {
		t.Fatal(err)
	}
	p, err := hddl.ReadProblem("p", []byte("(define (problem p) (:domain d) (:htn :ordered-subtasks (both)) (:init))"), d)
	if err != nil {
		t.Fatal(err)
	}
	m, err := htn.Compile(d, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, by := range []string{htn.Dive, htn.Best, htn.Table} {
		r, err := m.Plan(htn.Options{Search: by})
		if err != nil {
			t.Fatal(err)
		}
		if r.Plan == nil {
			t.Errorf("%s: %s", by, r.Verdict)
		}
	}
}

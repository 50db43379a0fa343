package htn

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestUndoRestoresEveryList changes facts at random and goes back at random: what is
// true, the hash and the order of every list are what they were. The dive iterates
// over the lists while it changes them, and leans on that.
func TestUndoRestoresEveryList(t *testing.T) {
	preds := []predicate{{name: "p", fluid: true}, {name: "q", arity: 1, fluid: true}, {name: "r", arity: 2, fluid: true}, {name: "s", arity: 3, fluid: true}}
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 3))
		f := newFacts(preds, 4)
		show := func() string {
			out := fmt.Sprint(f.all, f.hash)
			for place, lists := range f.by {
				for o, l := range lists {
					if len(l) > 0 {
						out += fmt.Sprint(" ", place, o, l)
					}
				}
			}
			return out
		}
		type mark struct {
			trail int
			was   string
		}
		var marks []mark
		for step := range 400 {
			switch {
			case r.IntN(5) == 0 && len(marks) > 0:
				k := r.IntN(len(marks))
				f.undo(marks[k].trail)
				if got := show(); got != marks[k].was {
					t.Fatalf("seed %d, step %d:\n%s\nand it was\n%s", seed, step, got, marks[k].was)
				}
				marks = marks[:k]
			case r.IntN(4) == 0:
				marks = append(marks, mark{len(f.trail), show()})
			default:
				p := r.IntN(len(preds))
				args := make([]int32, preds[p].arity)
				for i := range args {
					args[i] = int32(r.IntN(4))
				}
				id := f.intern(int32(p), args)
				f.set(id, r.IntN(2) == 0)
				if f.holds(int32(p), args) != f.true[id] {
					t.Fatalf("seed %d: fact %d is %v, and is said not to be", seed, id, f.true[id])
				}
			}
		}
	}
}

// TestWhatIsRefused compiles definitions that name what there is not.
func TestWhatIsRefused(t *testing.T) {
	base := func() (*Domain, *Problem) {
		return &Domain{
			Types: []Type{{Name: "t"}}, Predicates: []Predicate{{Name: "p", Params: []Param{{Name: "?x"}}}},
			Tasks:   []Task{{Name: "c"}},
			Actions: []Action{{Name: "a", Params: []Param{{Name: "?x", Types: []string{"t"}}}}},
			Methods: []Method{{Name: "m", Task: "c", Net: Network{Steps: []Step{{Task: "a", Args: []string{"o"}}}}}},
		}, &Problem{Objects: []Object{{Name: "o", Types: []string{"t"}}}, Net: Network{Steps: []Step{{Task: "c"}}}}
	}
	if m, err := Compile(base()); err != nil {
		t.Fatal(err)
	} else if r, err := m.Plan(Options{}); err != nil || r.Verdict != Found {
		t.Fatal(r, err)
	}
	for want, harm := range map[string]func(d *Domain, p *Problem){
		`object o: there is no type "u"`:                          func(_ *Domain, p *Problem) { p.Objects[0].Types = []string{"u"} },
		`action a: ?x: there is no type "u"`:                      func(d *Domain, _ *Problem) { d.Actions[0].Params[0].Types = []string{"u"} },
		`method m: a takes 1 arguments, and 0 stand here`:         func(d *Domain, _ *Problem) { d.Methods[0].Net.Steps[0].Args = nil },
		`method m: there is neither a task nor an action "b"`:     func(d *Domain, _ *Problem) { d.Methods[0].Net.Steps[0].Task = "b" },
		`method m: there is no task "a" that is to be decomposed`: func(d *Domain, _ *Problem) { d.Methods[0].Task = "a" },
		`method m: ?z is no variable here`:                        func(d *Domain, _ *Problem) { d.Methods[0].Net.Steps[0].Args[0] = "?z" },
		`method m: step 1 is to be done before itself`:            func(d *Domain, _ *Problem) { d.Methods[0].Net.Order = [][2]int{{0, 0}} },
		`method m: an ordering names a step that there is not`:    func(d *Domain, _ *Problem) { d.Methods[0].Net.Order = [][2]int{{0, 1}} },
		`initial fact (q o): no such predicate with 1 arguments`:  func(_ *Domain, p *Problem) { p.Init = []Atom{{"q", []string{"o"}}} },
		`goal: the goal: there is no object "x"`:                  func(_ *Domain, p *Problem) { p.Goal = Formula{Op: Fact, Pred: "p", Terms: []string{"x"}} },
		`action a: a condition has the wrong number of parts`:     func(d *Domain, _ *Problem) { d.Actions[0].Pre = Formula{Op: Not} },
		`task a is declared twice`:                                func(d *Domain, _ *Problem) { d.Tasks = append(d.Tasks, Task{Name: "a"}) },
	} {
		d, p := base()
		harm(d, p)
		if _, err := Compile(d, p); err == nil || err.Error() != want {
			t.Errorf("%v, and it should be %s", err, want)
		}
	}
	d, p := base()
	m, err := Compile(d, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{Nodes: -1}, {Search: "magic"}} {
		if _, err := m.Plan(o); err == nil {
			t.Errorf("options %+v are taken", o)
		}
	}
}

package hddl

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"jitos.dev/tasks/htn"
)

// lenient is written as the competitions' files are: names in other cases, an
// action that begins with a space, old names of keys, things declared twice.
const lenient = `; a comment
( define (DOMAIN Camp)
  (:requirements :typing :hierarchy)
  (:types hill - place place tent)
  (:constants BASE - hill)
  (:predicates (At ?t - tent ?p - place) (free))
  (:functions (total-cost) - number (steep ?p - place) - number)
  (:task Move :parameters (?t - tent ?p - place))
  ( :action carry :parameters (?t - TENT ?a ?b - (either place hill))
    :precondition (and (at ?T ?a) (not (= ?a ?b)))
    :effect (and (not (AT ?t ?a)) (at ?t ?b) (increase (total-cost) (steep ?b)) (forall (?x - tent) (when (at ?x ?b) (free)))))
  (:action rest :parameters () :precondition () :effect ())
  (:action nothing :parameters ())
  (:method m1 :parameters (?t - tent ?a ?b - place)
    :task (MOVE ?t ?b)
    :precondition (and)
    :tasks (and (x (Carry ?t ?a ?b)) (y (rest)) (z (rest)))
    :ordering (and (< X y) (y < z))
    :constraints (and (not (= ?a ?b)) (sortof ?a - hill)))
  (:method m2 :parameters (?t - tent ?p - place) :task (move ?t ?p) :ordered-tasks () )
)`

const lenientProblem = `(define (problem P1) (:domain another)
  (:objects red - tent Red - tent top low - place)
  (:objects low - hill)
  (:htn :parameters (?p - place) :subtasks (move RED ?P) :ordering () :constraints ())
  (:init (at red base) (at red base) (= (steep top) 3) (= (total-cost) 0) (not (free)))
  (:goal (at red TOP))
  (:metric minimize (total-cost)))`

func TestReadsWhatCompetitionsHold(t *testing.T) {
	d, err := ReadDomain("d", []byte(lenient))
	if err != nil {
		t.Fatal(err)
	}
	p, err := ReadProblem("p", []byte(lenientProblem), d)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Actions[0].Effects[1].Fact.Pred; got != "At" {
		t.Errorf("a predicate is spelled %q, and was declared as At", got)
	}
	m := d.Methods[0]
	if m.Task != "Move" || m.Net.Steps[0].Task != "carry" || !reflect.DeepEqual(m.Net.Order, [][2]int{{0, 1}, {1, 2}}) {
		t.Errorf("method m1 was read as %+v", m)
	}
	if len(p.Init) != 1 || p.Init[0].String() != "(At red BASE)" || len(p.Values) != 2 || !p.Costs {
		t.Errorf("the initial state was read as %v %v", p.Init, p.Values)
	}
	model, err := htn.Compile(d, p)
	if err != nil {
		t.Fatal(err)
	}
	r, err := model.Plan(htn.Options{})
	if err != nil || r.Verdict != htn.Found {
		t.Fatal(r, err)
	}
	want := "==>\n0 carry red BASE top\n1 rest\n2 rest\nroot 3\n3 Move red top -> m1 0 1 2\n<==\n"
	if got := r.Plan.IPC(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if r.Plan.Cost != 3 {
		t.Errorf("it costs %d, and the hill is 3 steep", r.Plan.Cost)
	}
}

// TestFaultsHaveAPlace breaks a domain in one place at a time.
func TestFaultsHaveAPlace(t *testing.T) {
	for _, c := range []struct{ old, is, want string }{
		{"(free))\n", "(free)\n", "d:2:1: this bracket is never closed"},
		{"hill - place place tent", "hill - (place) tent", "d:4:18: a type is a name, or (either A B)"},
		{"BASE - hill", "BASE - mount", "d:5:22: there is no type \"mount\""},
		{"(AT ?t ?a)", "(AT ?t)", "d:11:23: At takes 2 arguments, and 1 stand here"},
		{"(AT ?t ?a)", "(AT ?t ?c)", "d:11:30: ?c is no variable here"},
		{"(AT ?t ?a)", "(AT ?t moon)", "d:11:30: there is no object \"moon\""},
		{"(y (rest))", "(y (sleep))", "d:17:41: there is neither a task nor an action \"sleep\""},
		{"(< X y)", "(< X w)", "d:18:25: no step is called \"w\""},
		{":ordered-tasks ()", ":sub ()", "d:20:69: :sub is not known here; known are"},
		{"(:action rest", "(:action carry", "d:12:12: carry is declared twice"},
		{"(increase", "(decrease", "d:11:46: of numbers only increase is known, as a cost"},
		{"\n)", "\n))", "d:21:2: the definition has ended, and more follows"},
	} {
		text := strings.Replace(lenient, c.old, c.is, 1)
		if text == lenient {
			t.Fatalf("%q does not stand in the domain", c.old)
		}
		_, err := ReadDomain("d", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("with %q: %v, and it should be %s", c.is, err, c.want)
		}
	}
}

func TestHostileFilesAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"deep":  strings.Repeat("(", 1_000_000),
		"large": "(define " + strings.Repeat(" ", MaxBytes) + ")",
		"many":  "(define " + strings.Repeat("a ", maxNodes+1) + ")",
		"empty": " ; nothing",
	} {
		if _, err := ReadDomain(name, []byte(text)); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

// TestWhatIsWrittenReadsBack goes there and back twice: the text is the same, and
// so is what was read.
func TestWhatIsWrittenReadsBack(t *testing.T) {
	d, p := again(t, lenient, lenientProblem)
	var db, pb bytes.Buffer
	if err := WriteDomain(&db, d); err != nil {
		t.Fatal(err)
	}
	if err := WriteProblem(&pb, p); err != nil {
		t.Fatal(err)
	}
	d2, p2 := again(t, db.String(), pb.String())
	if !reflect.DeepEqual(d, d2) {
		t.Errorf("the domain came back as\n%+v\nand was\n%+v", d2, d)
	}
	if !reflect.DeepEqual(p.Init, p2.Init) || !reflect.DeepEqual(p.Goal, p2.Goal) || !reflect.DeepEqual(p.Objects, p2.Objects) {
		t.Errorf("the problem came back as\n%+v\nand was\n%+v", p2, p)
	}
	var db2 bytes.Buffer
	if err := WriteDomain(&db2, d2); err != nil || db2.String() != db.String() {
		t.Errorf("%v: written again it is another text\n%s", err, db2.String())
	}
}

func again(t *testing.T, domain, problem string) (*htn.Domain, *htn.Problem) {
	t.Helper()
	d, err := ReadDomain("d", []byte(domain))
	if err != nil {
		t.Fatal(err, domain)
	}
	p, err := ReadProblem("p", []byte(problem), d)
	if err != nil {
		t.Fatal(err, problem)
	}
	return d, p
}

func FuzzRead(f *testing.F) {
	f.Add(lenient, lenientProblem)
	f.Fuzz(func(t *testing.T, domain, problem string) {
		d, err := ReadDomain("d", []byte(domain))
		if err != nil {
			if e, ok := err.(*Error); !ok || e.Line < 1 || e.Column < 1 {
				t.Fatalf("a fault without a place: %v", err)
			}
			return
		}
		if _, err := ReadProblem("p", []byte(problem), d); err != nil {
			if e, ok := err.(*Error); !ok || e.Line < 1 || e.Column < 1 {
				t.Fatalf("a fault without a place: %v", err)
			}
		}
		var b bytes.Buffer
		if err := WriteDomain(&b, d); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadDomain("again", b.Bytes()); err != nil {
			t.Fatalf("what was written does not read: %v\n%s", err, b.String())
		}
	})
}

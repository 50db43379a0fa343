package tasks

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestLoad checks libraries: "load" gives the methods that were read, "show
// NAME" one with its source, or every fault with its place.
func TestLoad(t *testing.T) {
	goldens(t, "library", func(t *testing.T, cmd string, args []string, input string) string {
		l, err := Load(sources(input)...)
		if err != nil {
			if _, ok := err.(Violations); !ok {
				return fmt.Sprintf("%T: %v", err, err)
			}
			return err.Error()
		}
		var out strings.Builder
		switch cmd {
		case "load":
			for m := range l.Methods() {
				fmt.Fprintf(&out, "%s:%d: %s does %s by %s\n", m.File, m.Line, m.Name, m.Task, strings.Join(m.Steps, ", "))
			}
		case "show":
			m, ok := l.Show(args[0])
			fmt.Fprintf(&out, "%v\n%s", ok, m.Source)
		default:
			t.Fatal("no such command:", cmd)
		}
		return out.String()
	})
}

// TestShippedMethods names what JITOS comes with.
func TestShippedMethods(t *testing.T) {
	var got []string
	phrases := map[string]int{} // by task
	for m := range shipped(t).Methods() {
		got = append(got, m.Task+": "+m.Name)
		phrases[m.Task] += len(m.Phrases)
	}
	for _, task := range []string{"FixBug", "WriteReport", "Deploy"} {
		if phrases[task] == 0 {
			t.Errorf("nobody can ask for %s", task)
		}
	}
	for _, want := range []string{"Deploy: deploy-by-programs", "Diagnose: diagnose-by-coverage", "FixBug: repair-by-tests", "WriteReport: report-from-queries"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not there: %v", want, got)
		}
	}
}

// chain is a library in which T0 comes down to 2^n primitives: each task does
// the next one twice.
func chain(n int, end string) Source {
	var b strings.Builder
	b.WriteString("tasks:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {name: T%d, summary: t}\n", i)
	}
	b.WriteString("methods:\n")
	for i := range n {
		next := fmt.Sprintf("T%d", i+1)
		if i == n-1 {
			next = end
		}
		fmt.Fprintf(&b, "  - {name: m%d, task: T%d, summary: m, steps: [{do: %s, id: a}, {do: %s, id: b}]}\n", i, i, next, next)
	}
	b.WriteString("primitives:\n  - {name: p, summary: p, worker: builtin, action: mark}\n")
	return Source{Name: "chain.yaml", Data: []byte(b.String())}
}

// TestLoadIsLinear: forty tasks that each need the next twice are checked at
// once, not along 2^40 ways; and so are forty that lead back to the first.
func TestLoadIsLinear(t *testing.T) {
	if _, err := Load(chain(40, "p")); err != nil {
		t.Error(err)
	}
	_, err := Load(chain(40, "T0"))
	if err == nil || strings.Count(err.Error(), "never comes down to primitives") != 40 {
		t.Errorf("a ring of 40 tasks: %v", err)
	}
}

// A primitive asks for labels, sorted and once each; what is no label is refused
// with its place.
func TestPrimitivesAskForLabels(t *testing.T) {
	const text = "tasks: [{name: A, summary: a}]\nmethods: [{name: a, task: A, summary: a, steps: [{do: x}]}]\nprimitives:\n  - {name: x, summary: x, worker: script, action: run, args: {argv: \"true\"}, labels: [linux, gpu, linux]}\n"
	l, err := Load(Source{Name: "a.yaml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	p, err := l.Plan(SLAPS{Version: "1", Intent: "A", Target: TargetRef{Name: "a"}}, nil)
	if err != nil || len(p.Tasks) != 1 || strings.Join(p.Tasks[0].Labels, " ") != "gpu linux" {
		t.Errorf("%+v %v", p, err)
	}
	_, err = Load(Source{Name: "a.yaml", Data: []byte(strings.Replace(text, "gpu", "\"g p u\"", 1))})
	if err == nil || !strings.Contains(err.Error(), "a.yaml:4") || !strings.Contains(err.Error(), "does not match pattern") {
		t.Errorf("%v", err)
	}
}

package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestPlan plans SLAPS documents by the shipped library or by one in the file.
// Commands: library (its YAML; the shipped one if empty), facts (YAML, until
// the next), plan FORMAT (a SLAPS document): table, dot, mermaid, reasons,
// success, tasks or error.
func TestPlan(t *testing.T) {
	var lib *Library
	var facts Facts
	goldens(t, "plan", func(t *testing.T, cmd string, args []string, input string) string {
		switch cmd {
		case "library":
			lib = shipped(t)
			if input != "" {
				var err error
				if lib, err = Load(sources(input)...); err != nil {
					return err.Error()
				}
			}
		case "facts":
			d, err := parseDocument("facts", []byte(input))
			if err != nil {
				t.Fatal(err)
			}
			facts = d.value.(map[string]any)
		case "plan":
			s, err := ParseSLAPS("slaps", []byte("slaps_version: '1'\n"+input))
			if err != nil {
				t.Fatal(err)
			}
			p, err := lib.Plan(s, facts)
			if err != nil {
				return fmt.Sprintf("%T: %v", err, err)
			}
			sound(t, p)
			return show(t, p, args[0])
		default:
			t.Fatal("no such command:", cmd)
		}
		return ""
	})
}

// show writes a plan, or a part of it.
func show(t *testing.T, p *Plan, format string) string {
	switch format {
	case "table":
		return p.Table()
	case "dot":
		return p.DOT()
	case "mermaid":
		return p.Mermaid()
	}
	var out strings.Builder
	line := func(v any) {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(append(data, '\n'))
	}
	switch format {
	case "tasks":
		for _, x := range slices.Concat(p.Tasks, p.Back) {
			line(x)
		}
	case "reasons":
		for _, x := range p.Reasons {
			line(x)
		}
	case "success":
		for _, x := range p.Success {
			line(x)
		}
	default:
		t.Fatal("no such format:", format)
	}
	return out.String()
}

// sound wants of a plan what every plan promises: ids of their own, an order
// that respects the needs, none that another implies, the digest of the rest.
func sound(t *testing.T, p *Plan) {
	t.Helper()
	above := map[string]map[string]bool{}
	// What the plan ends with waits for what is done in the end, and that for the others.
	ends := func(x Task) bool {
		return slices.ContainsFunc(p.Finally, func(f Task) bool { return slices.Contains(x.Needs, f.ID) })
	}
	order := slices.DeleteFunc(slices.Clone(p.Tasks), ends)
	order = append(append(order, p.Finally...), slices.DeleteFunc(slices.Clone(p.Tasks), func(x Task) bool { return !ends(x) })...)
	for _, x := range order {
		if above[x.ID] != nil {
			t.Errorf("two tasks are called %s", x.ID)
		}
		set := map[string]bool{}
		for _, n := range x.Needs {
			if above[n] == nil {
				t.Errorf("%s needs %s, which does not come before it", x.ID, n)
			}
			set[n] = true
			for a := range above[n] {
				if slices.Contains(x.Needs, a) {
					t.Errorf("%s needs %s, which %s implies", x.ID, a, n)
				}
				set[a] = true
			}
		}
		if !slices.IsSorted(x.Needs) {
			t.Errorf("the needs of %s are not sorted: %v", x.ID, x.Needs)
		}
		above[x.ID] = set
	}
	bare := *p
	bare.Digest = ""
	data, err := json.Marshal(bare)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(data); p.Digest != hex.EncodeToString(sum[:]) {
		t.Error("the digest is not the plan's")
	}
}

// TestPlanIsTheSame plans a hundred times, from ten libraries loaded anew, and
// wants the same bytes.
func TestPlanIsTheSame(t *testing.T) {
	for text, facts := range map[string]Facts{
		"Fix the auth bug in AuthService":      {"language": "go", "has_tests": true},
		"write a report about AuthService":     {},
		"deploy AuthService to the north-pole": {"language": "go", "has_deploy": true},
	} {
		targets := []Target{{Name: "AuthService", Type: "repository", Ref: "/repo/AuthService/main", File: "."}}
		first, lib := "", (*Library)(nil)
		for i := range 100 {
			if i%10 == 0 {
				lib = shipped(t)
			}
			s, err := lib.Understand(text, targets)
			if err != nil {
				t.Fatal(err)
			}
			p, err := lib.Plan(s, facts)
			if err != nil {
				t.Fatal(err)
			}
			data, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			got := string(data) + p.Table() + p.DOT() + p.Mermaid()
			if first == "" {
				first = got
			}
			if got != first {
				t.Fatalf("plan %d of %q is another:\n%s\nthe first was\n%s", i, text, got, first)
			}
		}
	}
}

// ways is a library in which T0 fails in 2^n ways, none of which is seen before
// the end.
func ways(n int) Source {
	var b strings.Builder
	b.WriteString("primitives: [{name: p, summary: p, worker: builtin, action: mark}]\ntasks:\n")
	for i := range n + 1 {
		fmt.Fprintf(&b, "  - {name: T%d, summary: t}\n", i)
	}
	b.WriteString("methods:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {name: a%d, task: T%d, summary: m, steps: [{do: T%d}]}\n", i, i, i+1)
		fmt.Fprintf(&b, "  - {name: b%d, task: T%d, summary: m, steps: [{do: T%d}]}\n", i, i, i+1)
	}
	fmt.Fprintf(&b, "  - {name: end, task: T%d, summary: m, when: [{fact: never}], steps: [{do: p}]}\n", n)
	return Source{Name: "ways.yaml", Data: []byte(b.String())}
}

// TestPlanHasLimits: what grows without end is refused by name, soon, and with
// a message that a person can read.
func TestPlanHasLimits(t *testing.T) {
	goal := SLAPS{Version: "1", Intent: "T0", Target: TargetRef{Name: "x"}}
	circle := func(methods string) Source {
		return Source{Name: "circle.yaml", Data: []byte("tasks: [{name: T0, summary: t}]\nprimitives: [{name: p, summary: p, worker: builtin, action: mark}]\nmethods:\n" + methods)}
	}
	for _, c := range []struct {
		name, want string
		lib        Source
	}{
		{"2^40 tasks", "the plan has more than 5000 tasks", chain(40, "p")},
		{"2^13 tasks", "the plan has more than 5000 tasks", chain(13, "p")},
		{"2^20 ways that fail", "no method does T0 here", ways(20)},
		{"2^10 ways that fail", "no method does T0 here", ways(10)},
		{"two ways back and none out", "it leads back to where it came from", circle(`
  - {name: a, task: T0, summary: a, steps: [{do: T0}]}
  - {name: b, task: T0, summary: b, steps: [{do: T0}]}
  - {name: c, task: T0, summary: c, when: [{fact: never}], steps: [{do: p}]}
`)},
		{"one way back and none out", "it leads back to where it came from", circle(`
  - {name: a, task: T0, summary: a, steps: [{do: T0}]}
  - {name: c, task: T0, summary: c, when: [{fact: never}], steps: [{do: p}]}
`)},
	} {
		lib, err := Load(c.lib)
		if err != nil {
			t.Fatal(err)
		}
		_, err = lib.Plan(goal, nil)
		var none *NoPlan
		var bad Violations
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &none) && !errors.As(err, &bad) {
			t.Errorf("%s: %.300v", c.name, err)
		} else if len(err.Error()) > 3000 {
			t.Errorf("%s: the message has %d bytes: %.300v", c.name, len(err.Error()), err)
		}
	}
	lib, err := Load(chain(12, "p"))
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p, err := lib.Plan(goal, nil)
	if err != nil || len(p.Tasks) != 4096 {
		t.Fatalf("4096 tasks in a row: %.300v", err)
	}
	runtime.ReadMemStats(&after)
	if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 200 {
		t.Errorf("4096 tasks in a row take %d MB", mb)
	}
	for i, x := range p.Tasks {
		if i > 0 && !slices.Equal(x.Needs, []string{p.Tasks[i-1].ID}) {
			t.Fatalf("task %d needs %v", i, x.Needs)
		}
	}
}

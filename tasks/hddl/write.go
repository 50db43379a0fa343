package hddl

import (
	"fmt"
	"io"
	"strings"

	"jitos.dev/tasks/htn"
)

// WriteDomain writes a domain. What ReadDomain reads of it is the same domain.
func WriteDomain(w io.Writer, d *htn.Domain) error {
	var b strings.Builder
	fmt.Fprintf(&b, "(define (domain %s)\n", d.Name)
	section(&b, ":types", len(d.Types), func(i int) string {
		t := d.Types[i]
		if len(t.Parents) == 0 {
			return t.Name + " - " + htn.ObjectType
		}
		var each []string
		for _, p := range t.Parents {
			each = append(each, t.Name+" - "+p)
		}
		return strings.Join(each, " ")
	})
	objects(&b, ":constants", d.Constants)
	section(&b, ":predicates", len(d.Predicates), func(i int) string { return declared(d.Predicates[i]) })
	section(&b, ":functions", len(d.Functions), func(i int) string { return declared(d.Functions[i]) + " - number" })
	for _, t := range d.Tasks {
		fmt.Fprintf(&b, "  (:task %s :parameters (%s))\n", t.Name, params(t.Params))
	}
	for _, m := range d.Methods {
		fmt.Fprintf(&b, "  (:method %s\n    :parameters (%s)\n    :task %s\n    :precondition %s\n", m.Name, params(m.Params), call(m.Task, m.Args), formula(m.Pre))
		network(&b, m.Net)
		b.WriteString("  )\n")
	}
	for _, a := range d.Actions {
		fmt.Fprintf(&b, "  (:action %s\n    :parameters (%s)\n    :precondition %s\n    :effect %s\n  )\n", a.Name, params(a.Params), formula(a.Pre), effects(a, d))
	}
	b.WriteString(")\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteProblem writes a problem. What ReadProblem reads of it is the same problem.
func WriteProblem(w io.Writer, p *htn.Problem) error {
	var b strings.Builder
	fmt.Fprintf(&b, "(define (problem %s)\n  (:domain %s)\n", p.Name, p.Domain)
	objects(&b, ":objects", p.Objects)
	fmt.Fprintf(&b, "  (:htn\n    :parameters (%s)\n", params(p.Net.Params))
	network(&b, p.Net)
	b.WriteString("  )\n  (:init\n")
	for _, a := range p.Init {
		fmt.Fprintf(&b, "    %s\n", a)
	}
	for _, v := range p.Values {
		fmt.Fprintf(&b, "    (= %s %d)\n", call(v.Function, v.Args), v.N)
	}
	fmt.Fprintf(&b, "  )\n  (:goal %s)\n", formula(p.Goal))
	if p.Costs {
		b.WriteString("  (:metric minimize (total-cost))\n")
	}
	b.WriteString(")\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func section(b *strings.Builder, head string, n int, item func(i int) string) {
	if n == 0 {
		return
	}
	fmt.Fprintf(b, "  (%s\n", head)
	for i := range n {
		fmt.Fprintf(b, "    %s\n", item(i))
	}
	b.WriteString("  )\n")
}

// objects writes an object once for each of its types, as the reader takes it.
func objects(b *strings.Builder, head string, list []htn.Object) {
	section(b, head, len(list), func(i int) string {
		if len(list[i].Types) == 0 {
			return list[i].Name + " - " + htn.ObjectType
		}
		return list[i].Name + of(list[i].Types)
	})
}

func of(types []string) string {
	switch len(types) {
	case 0:
		return " - " + htn.ObjectType
	case 1:
		return " - " + types[0]
	}
	return " - (either " + strings.Join(types, " ") + ")"
}

func params(list []htn.Param) string {
	var out []string
	for _, p := range list {
		out = append(out, p.Name+of(p.Types))
	}
	return strings.Join(out, " ")
}

func declared(p htn.Predicate) string {
	return strings.TrimSuffix("("+p.Name+" "+params(p.Params), " ") + ")"
}

func call(name string, args []string) string {
	return "(" + strings.Join(append([]string{name}, args...), " ") + ")"
}

func formula(f htn.Formula) string {
	var parts []string
	for _, p := range f.Parts {
		parts = append(parts, formula(p))
	}
	switch f.Op {
	case htn.Fact:
		return call(f.Pred, f.Terms)
	case htn.Equal:
		return call("=", f.Terms)
	case htn.SortOf:
		return "(sortof " + f.Terms[0] + " - " + f.Pred + ")"
	case htn.Forall:
		return "(forall (" + params(f.Vars) + ") " + parts[0] + ")"
	case htn.Exists:
		return "(exists (" + params(f.Vars) + ") " + parts[0] + ")"
	}
	return call(map[htn.Op]string{htn.And: "and", htn.Or: "or", htn.Not: "not", htn.Imply: "imply"}[f.Op], parts)
}

func network(b *strings.Builder, n htn.Network) {
	id := func(i int) string {
		if n.Steps[i].ID != "" {
			return n.Steps[i].ID
		}
		return fmt.Sprintf("step-%d", i)
	}
	b.WriteString("    :subtasks (and")
	for i, s := range n.Steps {
		fmt.Fprintf(b, " (%s %s)", id(i), call(s.Task, s.Args))
	}
	b.WriteString(")\n")
	if len(n.Order) > 0 {
		b.WriteString("    :ordering (and")
		for _, o := range n.Order {
			fmt.Fprintf(b, " (< %s %s)", id(o[0]), id(o[1]))
		}
		b.WriteString(")\n")
	}
	if n.Constraints.Op != htn.And || len(n.Constraints.Parts) > 0 {
		fmt.Fprintf(b, "    :constraints %s\n", formula(n.Constraints))
	}
}

func effects(a htn.Action, d *htn.Domain) string {
	out := []string{"and"}
	for _, e := range a.Effects {
		s := e.Fact.String()
		if e.Delete {
			s = "(not " + s + ")"
		}
		if e.When.Op != htn.And || len(e.When.Parts) > 0 {
			s = "(when " + formula(e.When) + " " + s + ")"
		}
		if len(e.Vars) > 0 {
			s = "(forall (" + params(e.Vars) + ") " + s + ")"
		}
		out = append(out, s)
	}
	for _, c := range a.Costs {
		by := fmt.Sprint(c.N)
		if c.Function != "" {
			by = call(c.Function, c.Args)
		}
		total := "total-cost"
		for _, f := range d.Functions {
			if len(f.Params) == 0 {
				total = f.Name
			}
		}
		out = append(out, "(increase ("+total+") "+by+")")
	}
	return "(" + strings.Join(out, " ") + ")"
}

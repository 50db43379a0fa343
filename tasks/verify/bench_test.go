package verify

import (
	"fmt"
	"strings"
	"testing"

	"jitos.dev/tasks/hddl"
	"jitos.dev/tasks/htn"
)

// long has a van that goes along a road and back again, for about so many steps.
func long(steps int) string {
	var b strings.Builder
	const places = 50
	b.WriteString("(define (problem p) (:domain freight) (:objects v - van")
	for i := range places {
		fmt.Fprintf(&b, " l%d", i)
	}
	b.WriteString(" - place) (:htn :ordered-subtasks (and")
	for i := range steps / (places - 1) {
		fmt.Fprintf(&b, " (go v l%d)", (places-1)*((i+1)%2))
	}
	b.WriteString(")) (:init (at v l0)")
	for i := 1; i < places; i++ {
		fmt.Fprintf(&b, " (road l%d l%d) (road l%d l%d)", i-1, i, i, i-1)
	}
	return b.String() + "))"
}

// BenchmarkLongPlans plans some 5,000 steps, each from the text of the problem: blocks
// piled anew, parcels brought, a long way. A second is what may be taken.
func BenchmarkLongPlans(b *testing.B) {
	for _, c := range []struct{ name, domain, problem string }{
		{"blocks", "blocks", blocks(1700, 1)},
		{"freight", "freight", freight(9, 60, 4)},
		{"road", "freight", long(5000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			d, p, m := instance(b, c.domain, c.problem)
			steps := 0
			for b.Loop() {
				p, err := hddl.ReadProblem("p", []byte(c.problem), d)
				if err != nil {
					b.Fatal(err)
				}
				m, err := htn.Compile(d, p)
				if err != nil {
					b.Fatal(err)
				}
				r, err := m.Plan(htn.Options{})
				if err != nil || r.Plan == nil {
					b.Fatal(r, err)
				}
				steps = r.Plan.Actions
			}
			b.ReportMetric(float64(steps), "steps")
			_, _ = p, m
		})
	}
}

// BenchmarkDAG finds what waits for what in a plan of some 5,000 steps.
func BenchmarkDAG(b *testing.B) {
	_, _, m := instance(b, "blocks", blocks(1700, 1))
	r, err := m.Plan(htn.Options{})
	if err != nil || r.Plan == nil {
		b.Fatal(r, err)
	}
	for b.Loop() {
		if _, err := m.DAG(r.Plan); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(r.Plan.Actions), "steps")
}

// BenchmarkGround grounds a problem of which no search is asked.
func BenchmarkGround(b *testing.B) {
	_, _, m := instance(b, "freight", freight(9, 40, 4))
	for b.Loop() {
		// One node of a search that has to have everything grounded.
		if _, err := m.Plan(htn.Options{Nodes: 1, Search: htn.Table}); err != nil {
			b.Fatal(err)
		}
	}
}

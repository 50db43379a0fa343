package sched_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"jitos.dev/rmg"
	"jitos.dev/sched"
)

// drawn is a graph in a few words: nodes a:K, and edges a-k->b.
func drawn(t testing.TB, text string) rmg.Graph {
	t.Helper()
	o := rmg.NewOverlay(rmg.Graph{})
	var err error
	for i, w := range strings.Fields(text) {
		if from, rest, ok := strings.Cut(w, "-"); ok {
			kind, to, _ := strings.Cut(rest, "->")
			err = errors.Join(err, o.AddEdge(rmg.Root.EdgeChild(fmt.Sprint("e", i)), kind, from, to, rmg.Props{}))
			continue
		}
		id, kind, _ := strings.Cut(w, ":")
		err = errors.Join(err, o.AddNode(rmg.Root.Child(id), kind, rmg.Props{}))
	}
	if err != nil {
		t.Fatal(err)
	}
	return o.Graph()
}

// shown is the words of a graph.
func shown(g rmg.Graph) string {
	var out []string
	for e := range g.Nodes("") {
		out = append(out, e.ID+":"+e.Kind)
	}
	for e := range g.Edges("") {
		out = append(out, fmt.Sprintf("%s-%s->%s", e.From, e.Kind, e.To))
	}
	return strings.Join(out, " ")
}

// told is the receipts of a tick: applied, deferred for whom, refused and why.
func told(receipts []sched.Receipt) string {
	var out []string
	for _, r := range receipts {
		switch r.Outcome {
		case sched.Deferred:
			out = append(out, fmt.Sprint("after ", r.By))
		case sched.Refused:
			var e *rmg.Error
			errors.As(r.Err, &e)
			out = append(out, string(e.Code))
		default:
			out = append(out, string(r.Outcome))
		}
	}
	return strings.Join(out, ", ")
}

// TestHardCases does each in ticks, with one worker, two and eight: the receipts tick
// by tick, and what is there at the end.
func TestHardCases(t *testing.T) {
	const (
		cut   = "{rule: cut, match: ['x -[k:e]-> y'], delete: [k]}"
		needs = "{rule: needs, match: ['x:A -[k:e]-> y'], unless: ['x -[f]-> y'], create: ['x -[f]-> y']}"
		drop  = "{rule: drop, match: ['x:A'], delete: [x]}"
	)
	for name, c := range map[string]struct{ graph, rules, ticks, end string }{
		"deletes an edge that another needs":  {"a:A b:B a-e->b", cut + ", " + needs, "applied, after 0; stale", "a:A b:B"},
		"needs what another deletes":          {"a:A b:B a-e->b", needs + ", " + cut, "applied, after 0; applied", "a:A b:B a-f->b"},
		"deletes a node that another needs":   {"a:A b:B", "{rule: gone, match: ['x:B'], delete: [x]}, {rule: tie, match: ['x:A', 'y:B'], unless: ['x -[f]-> y'], create: ['x -[f]-> y']}", "applied, after 0; stale", "a:A"},
		"ties to a node that another deletes": {"a:A b:B", "{rule: tie, match: ['x:A', 'y:B'], unless: ['x -[f]-> y'], create: ['x -[f]-> y']}, {rule: gone, match: ['x:B'], delete: [x]}", "applied, after 0; stale", "a:A b:B a-f->b"},
		"two delete the same":                 {"a:A", drop + ", {rule: too, match: ['x:A'], delete: [x]}", "applied, after 0; stale", ""},
		"deletes what has another's edge":     {"a:A b:B a-e->b", drop + ", " + cut, "applied; applied", "b:B"},
		"cascades over what another needs":    {"a:A b:B b-e->a", "{rule: drop, match: ['x:A'], delete: [x], cascade: true}, " + cut, "applied, after 0; stale", "b:B"},
		"gives a kind that another asks for":  {"a:A", "{rule: one, match: ['x:A'], retype: {x: B}}, {rule: two, match: ['x:A'], retype: {x: C}}", "applied, after 0; stale", "a:B"},
		"a loop, alone":                       {"a:A a-e->a", "{rule: cut, match: ['x -[k:e]-> x'], delete: [k]}", "applied", "a:A"},
		"a loop is none between two":          {"a:A b:B a-e->a", cut, "", "a:A b:B a-e->a"},
		"two loops at one node":               {"a:A a-e->a a-e->a", "{rule: cut, match: ['x -[k:e]-> x'], delete: [k]}", "applied, applied", "a:A"},
		"a node that goes with its loop":      {"a:A a-e->a", "{rule: drop, match: ['x:A -[k:e]-> x'], delete: [x, k]}", "applied", ""},
		"a loop made at a node, twice":        {"a:A", "{rule: one, match: ['x:A'], unless: ['x -[e]-> x'], create: ['x -[e]-> x']}, {rule: two, match: ['x:A'], unless: ['x -[f]-> x'], create: ['x -[f]-> x']}", "applied, applied", "a:A a-e->a a-f->a"},
		"parallel edges, each for itself":     {"a:A b:B a-e->b a-e->b a-e->b", cut, "applied, applied, applied", "a:A b:B"},
		"parallel edges, all but one":         {"a:A b:B a-e->b a-e->b", "{rule: thin, match: ['x -[k:e]-> y', 'x -[l:e]-> y'], delete: [k]}", "applied, after 0; stale", "a:A b:B a-e->b"},
		"its own output":                      {"a:A", "{rule: grow, match: ['x:A -[k:e]-> x'], delete: [k], create: ['x -[f]-> y:A -[e]-> y']}, {rule: start, match: ['x:A'], unless: ['_ -[e]-> _', '_ -[f]-> _'], create: ['x -[e]-> x']}", "applied; applied; applied; ...", ""},
		"an empty left side":                  {"", "{rule: make, create: ['x:A']}", "applied; applied; applied; ...", ""},
		"an empty left side, once":            {"", "{rule: make, unless: ['_:A'], create: ['x:A']}, {rule: too, unless: ['_:A'], create: ['x:A']}", "applied, after 0; stale", "na1:A"},
		"larger than the graph":               {"a:A b:A a-e->b", "{rule: r, match: ['x:A -[e]-> y:A -[e]-> z:A -[e]-> w:A'], delete: [x]}", "", "a:A b:A a-e->b"},
		"larger than an empty graph":          {"", cut, "", ""},
	} {
		for _, w := range []int{1, 2, 8} {
			g := drawn(t, c.graph)
			m, _, rules := rulesOf(t, g, "rules: ["+c.rules+"]", 100, workers(w))
			var ticks []string
			for {
				receipts, err := rules.Tick()
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if len(receipts) == 0 {
					break
				}
				if len(ticks) == 3 {
					ticks = append(ticks, "...")
					break
				}
				ticks = append(ticks, told(receipts))
			}
			if got := strings.Join(ticks, "; "); got != c.ticks {
				t.Errorf("%s, %d workers: %s; want %s", name, w, got, c.ticks)
			}
			end := written(t, m, g)
			if f := rmg.Check(end); len(f) > 0 {
				t.Errorf("%s: %v", name, f)
			}
			if got := shown(end); got != c.end && !strings.HasSuffix(c.ticks, "...") {
				t.Errorf("%s, %d workers: there is %q; want %q", name, w, got, c.end)
			}
		}
	}
}

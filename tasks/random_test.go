package tasks

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// randomMethods is a library of a few tasks, each above the next ones, whose methods and
// primitives look at facts that primitives change.
func randomMethods(r *rand.Rand) string {
	var b strings.Builder
	conditions := func() string {
		var when, unless []string
		for range r.IntN(2) {
			switch c := fmt.Sprintf("{fact: f%d}", r.IntN(3)); r.IntN(6) {
			case 4:
				when = append(when, fmt.Sprintf("{cel: 'facts.f%d == true || facts.level > %d.0'}", r.IntN(3), r.IntN(2)))
			case 5:
				unless = append(unless, fmt.Sprintf("{cel: '!has(facts.level) || facts.level == %d.0 && !has(facts.f%d)'}", r.IntN(3), r.IntN(3)))
			case 0:
				unless = append(unless, c)
			case 1:
				when = append(when, fmt.Sprintf("{fact: r, args: [%s, $x]}", pick(r, "a", "b", "c")))
			case 2:
				unless = append(unless, fmt.Sprintf("{fact: r, args: [$y, %s]}", pick(r, "a", "b", "c")))
			default:
				when = append(when, c)
			}
		}
		out := ""
		if when != nil {
			out += ", when: [" + strings.Join(when, ", ") + "]"
		}
		if unless != nil {
			out += ", unless: [" + strings.Join(unless, ", ") + "]"
		}
		return out
	}
	b.WriteString("tasks:\n")
	for i := range 3 {
		fmt.Fprintf(&b, "  - {name: T%d, summary: t}\n", i)
	}
	b.WriteString("methods:\n")
	for i := range 3 {
		for k := range 1 + r.IntN(3) {
			fmt.Fprintf(&b, "  - {name: m%d%d, task: T%d, summary: m, order: %s%s, steps: [", i, k, i, pick(r, "listed", "needs"), conditions())
			for n := range 1 + r.IntN(3) {
				do := fmt.Sprintf("p%d", r.IntN(5))
				if i < 2 && r.IntN(2) == 0 {
					do = fmt.Sprintf("T%d", i+1+r.IntN(2-i))
				}
				fmt.Fprintf(&b, "{do: %s, id: s%d", do, n)
				if n > 0 && r.IntN(3) == 0 {
					fmt.Fprintf(&b, ", needs: [s%d]", r.IntN(n))
				}
				b.WriteString("}, ")
			}
			b.WriteString("]}\n")
		}
	}
	b.WriteString("primitives:\n")
	for i := range 5 {
		effect := fmt.Sprintf("f%d", r.IntN(3))
		switch r.IntN(6) {
		case 4:
			effect = fmt.Sprintf("{fact: level, is: %d}", r.IntN(3))
		case 5:
			effect = fmt.Sprintf("{fact: level, is: %d, not: true}", r.IntN(3))
		case 0:
			effect = fmt.Sprintf("{fact: f%d, not: true}", r.IntN(3))
		case 1:
			effect = fmt.Sprintf("{fact: r, args: [%s, %s]}", pick(r, "a", "b", "c"), pick(r, "a", "b", "c"))
		case 2:
			effect = fmt.Sprintf("{fact: r, args: [%s, %s], not: true}", pick(r, "a", "b", "c"), pick(r, "a", "b", "c"))
		}
		fmt.Fprintf(&b, "  - {name: p%d, summary: p, worker: w, action: a%s, effects: [%s]}\n", i, conditions(), effect)
	}
	return b.String()
}

func pick(r *rand.Rand, list ...string) string { return list[r.IntN(len(list))] }

// todo is a network that is tried by the definition: names, and what each waits for.
type todo struct {
	name  string
	after []int
}

// canDo tries everything: which task comes next, by which method.
func canDo(l *Library, net map[int]todo, next int, facts Facts, left *int) bool {
	if len(net) == 0 {
		return true
	}
	if *left--; *left < 0 {
		return false
	}
	for _, k := range sortedInts(net) {
		t := net[k]
		if slices.ContainsFunc(t.after, func(a int) bool { _, open := net[a]; return open }) {
			continue
		}
		rest := map[int]todo{}
		for i, x := range net {
			if i != k {
				rest[i] = x
			}
		}
		if p := l.primitives[t.name]; p != nil {
			if _, _, _, ok := solve(p.When, p.Unless, facts, map[string]any{}); !ok {
				continue
			}
			if canDo(l, rest, next, after(facts, p), left) {
				return true
			}
			continue
		}
		for _, m := range l.methods[t.name] {
			if _, _, _, ok := solve(m.When, m.Unless, facts, map[string]any{}); !ok {
				continue
			}
			more := map[int]todo{}
			for i, x := range rest {
				if slices.Contains(x.after, k) { // those behind it wait for its steps
					x.after = slices.Clone(x.after)
					for n := range m.Steps {
						x.after = append(x.after, next+n)
					}
				}
				more[i] = x
			}
			for n, s := range m.Steps {
				x := todo{name: s.Do}
				for _, a := range s.after {
					x.after = append(x.after, next+a)
				}
				more[next+n] = x
			}
			if canDo(l, more, next+len(m.Steps), facts, left) {
				return true
			}
		}
	}
	return false
}

func sortedInts(m map[int]todo) []int {
	var out []int
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func after(facts Facts, p *primitiveDef) Facts {
	out := Facts{}
	for k, v := range facts {
		out[k] = v
	}
	for _, e := range p.effects {
		e.apply(out, nil)
	}
	return out
}

// written writes facts so that equal ones are equal texts.
func written(f Facts) string {
	var out []string
	for name := range f {
		out = append(out, fmt.Sprint(name, sortedTuples(f, name)))
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

// TestPlansAgainstTryingEverything holds random libraries to the definition: there is a
// plan if and only if trying everything finds one, that there is none is proven, and
// whatever order a plan's needs leave, each task can be done in its turn and the end is
// the same.
func TestPlansAgainstTryingEverything(t *testing.T) {
	plans, none, orders := 0, 0, 0
	for seed := range uint64(250) {
		r := rand.New(rand.NewPCG(seed, 8))
		text := randomMethods(r)
		l, err := Load(Source{Name: "lib.yaml", Data: []byte(text)})
		if err != nil {
			t.Fatal(seed, err, text)
		}
		facts := Facts{"r": []any{[]any{"a", "b"}}}
		for i := range 3 {
			if r.IntN(2) == 0 {
				facts[fmt.Sprint("f", i)] = true
			}
		}
		if r.IntN(2) == 0 {
			facts["level"] = float64(r.IntN(3))
		}
		left := 3_000
		want := canDo(l, map[int]todo{0: {name: "T0"}}, 1, facts, &left)
		if left < 0 {
			continue
		}
		p, err := l.Plan(SLAPS{Version: "1", Intent: "T0", Target: TargetRef{Name: "x"}}, facts)
		var no *NoPlan
		if want != (err == nil) || err != nil && (!errors.As(err, &no) || !no.Proved) {
			t.Fatalf("seed %d: there is a plan: %v, and planning says %v\n%s", seed, want, err, text)
		}
		if !want {
			none++
			continue
		}
		plans++
		sound(t, p)
		end := ""
		for try := range 6 {
			got, err := inSomeOrder(l, p, facts, r, try == 0)
			if err != nil {
				t.Fatalf("seed %d: %v\n%s\n%s", seed, err, p.Table(), text)
			}
			if end == "" {
				end = got
			} else if got != end {
				t.Fatalf("seed %d: one order ends in %s and another in %s\n%s", seed, end, got, p.Table())
			}
			orders++
		}
	}
	if plans < 70 || none < 20 {
		t.Errorf("%d plans and %d without one are no test", plans, none)
	}
}

// inSomeOrder does a plan's tasks in an order that their needs leave; first in that in
// which they are listed.
func inSomeOrder(l *Library, p *Plan, facts Facts, r *rand.Rand, listed bool) (string, error) {
	done := map[string]bool{}
	for len(done) < len(p.Tasks) {
		var ready []Task
		for _, x := range p.Tasks {
			if !done[x.ID] && !slices.ContainsFunc(x.Needs, func(n string) bool { return !done[n] }) {
				ready = append(ready, x)
			}
		}
		x := ready[0]
		if !listed {
			x = ready[r.IntN(len(ready))]
		}
		prim := l.primitives[x.Name]
		if _, failed, _, ok := solve(prim.When, prim.Unless, facts, map[string]any{}); !ok {
			return "", fmt.Errorf("%s cannot be done after %v: %s", x.ID, keys(done), failed.text())
		}
		facts = after(facts, prim)
		done[x.ID] = true
	}
	return written(facts), nil
}

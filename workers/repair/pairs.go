package repair

import (
	"cmp"
	"math"
	"slices"
)

// The limits of changes of two places: their number is the square of what they
// are made of, and each costs a test run.
const (
	pairParts  = 60 // single changes that they are made of, the likeliest
	maxPairs   = 40 // that are tried
	maxGreened = 10 // failing tests that a change turned green, each of which makes it four times as likely half of a repair
	nearLines  = 15 // two changes of a file so near are likelier than two apart
)

// weighed is a candidate, or two, with how likely it is a repair.
type weighed struct {
	a, b   int
	weight float64
}

// pairs makes candidates of two changes each, none of which is a repair by
// itself, the likeliest first and at most so many. A change that turned some of
// the failing tests green is likely half of a repair; else a pair is as likely as
// its parts. It depends on the list and on what was seen of it alone.
func pairs(list []candidate, greened map[int]int, most int, done func() bool) []candidate {
	if most <= 0 {
		return nil
	}
	parts := make([]weighed, len(list))
	for i, c := range list {
		parts[i] = weighed{i, i, math.Ldexp(c.score, 2*min(greened[i], maxGreened))}
	}
	byWeight(parts)
	parts = parts[:min(len(parts), pairParts)]
	var all []weighed
	for i, x := range parts {
		for _, y := range parts[i+1:] {
			a, b := min(x.a, y.a), max(x.a, y.a)
			if list[a].apart(list[b]) {
				all = append(all, weighed{a, b, x.weight * y.weight * list[a].nearness(list[b])})
			}
		}
	}
	byWeight(all)
	var out []candidate
	seen := unchanged(list)
	for _, c := range list {
		seen[meaning(c.texts())] = true
	}
	for _, p := range all {
		if len(out) == most || done() {
			break
		}
		c, second := list[p.a], list[p.b]
		c.also, c.score = &second, p.weight
		t := c.texts()
		sum := meaning(t)
		if seen[sum] || !c.pkg.compiles(t...) {
			continue
		}
		seen[sum] = true
		out = append(out, c)
	}
	return out
}

// byWeight sorts the likeliest first; of equals those of earlier candidates.
func byWeight(list []weighed) {
	slices.SortFunc(list, func(x, y weighed) int {
		return cmp.Or(cmp.Compare(y.weight, x.weight), cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b))
	})
}

// apart reports whether two changes can be made together: of other files, or of
// places that do not meet.
func (c candidate) apart(d candidate) bool {
	return c.file != d.file || c.to < d.from || d.to < c.from
}

// nearness prefers two changes of one place in the code.
func (c candidate) nearness(d candidate) float64 {
	if c.file == d.file && max(c.line-d.line, d.line-c.line) <= nearLines {
		return 1.2
	}
	return 1
}

package rule

import (
	"cmp"
	"slices"
	"strings"

	"jitos.dev/rewrite"
)

// Rest says that all that is there has been looked at: from here on there is a
// match where something changes, in the image itself or by [Image.Follow].
func (r *Run) Rest() {
	for _, a := range r.agendas {
		a.rest()
	}
}

// rest forgets where to look.
func (a *agenda) rest() {
	a.rescan()
	clear(a.plans)
	a.started, a.root = true, none
}

// News lists the matches that what changed since Rest, or since it was asked last,
// has made or touched, none twice. They come by priority, then in the order of
// rules, then of the paths that are matched: whatever the image went through.
// They have no footprint.
//
// A condition that nothing joins to the left side is about every match: when what
// it looks at changes, all are news. Limit: the search looked at too much.
func (r *Run) News() ([]Candidate, error) {
	out, err := r.search(rewrite.Serial, false)
	if err != nil || len(out) < 2 {
		return out, err
	}
	keys := make(map[*int32]string, len(out))
	for i := range out {
		if c := &out[i]; len(c.bind) > 0 {
			keys[&c.bind[0]] = r.placesOf(c)
		}
	}
	key := func(c *Candidate) string {
		if len(c.bind) == 0 {
			return ""
		}
		return keys[&c.bind[0]]
	}
	slices.SortStableFunc(out, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(r.Priority(&b), r.Priority(&a)), cmp.Compare(a.rule, b.rule), strings.Compare(key(&a), key(&b)))
	})
	return out, nil
}

// placesOf is what a candidate's variables stand for, as text that sorts.
func (r *Run) placesOf(c *Candidate) string {
	var b strings.Builder
	for _, x := range c.bind {
		if r.m.alive(x) {
			b.WriteString(string(r.m.at(x)))
		}
		b.WriteByte(0)
	}
	return b.String()
}

// Fire applies a candidate, unless it is no match any more. Where it still is one
// afterwards it is news only if something of it changed. Limit: the fuel is used up.
func (r *Run) Fire(c *Candidate) (bool, error) {
	if ok, err := r.ready(c); !ok || err != nil {
		return false, err
	}
	return true, r.applyBound(c)
}

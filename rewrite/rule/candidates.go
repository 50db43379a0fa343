package rule

import (
	"cmp"
	"encoding/binary"
	"slices"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// Candidate is a match that asks to be applied.
type Candidate struct {
	Footprint *rewrite.Footprint
	rule      int
	bind      []int32
}

// Rule is the name of the candidate's rule, and Priority its priority.
func (r *Run) Rule(c *Candidate) string { return r.set.Rules[c.rule].Name }

// Priority is that of the candidate's rule.
func (r *Run) Priority(c *Candidate) int { return r.set.Rules[c.rule].Priority }

// Match is what the candidate's variables stand for, as long as that is there.
func (r *Run) Match(c *Candidate) Match {
	mt := r.agendas[c.rule].mt
	copy(mt.bind, c.bind)
	return mt.match()
}

// shards is into how many parts the search of candidates is cut, however many
// workers there are: what is found, and in which order, depends on neither.
const shards = 16

// Candidates finds the matches that there are since it was asked last: at first
// all of the rules of the set, then those that came with what was applied since.
// They come by priority, then in the order of rules, then of the search; none
// twice. Those given out before are not among them, whether they were applied or
// not. The search and the footprints are exec's; nothing is changed meanwhile.
func (r *Run) Candidates(exec rewrite.Executor) ([]Candidate, error) { return r.search(exec, true) }

// search finds candidates, with their footprints or without.
func (r *Run) search(exec rewrite.Executor, footprints bool) ([]Candidate, error) {
	order := make([]int, len(r.agendas))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(r.set.Rules[b].Priority, r.set.Rules[a].Priority) })
	var out []Candidate
	for _, i := range order {
		found, err := r.candidates(i, exec, footprints)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = found
		} else {
			out = append(out, found...)
		}
	}
	return out, nil
}

func (r *Run) candidates(i int, exec rewrite.Executor, footprints bool) ([]Candidate, error) {
	a := r.agendas[i]
	seeds := a.drain()
	if len(seeds) == 0 {
		return nil, nil
	}
	parts := make([][]Candidate, shards)
	spent := make([]bool, shards)
	whole := make([]Candidate, len(seeds)) // most seeds have one match
	exec(shards, func(k int) {
		mt := a.mt.fork()
		from, to := k*len(seeds)/shards, (k+1)*len(seeds)/shards
		mine, list := seeds[from:to], whole[from:from:to]
		var room room
		for _, s := range mine {
			first := len(list)
			list = a.from(mt, i, s, list, &room)
			// The footprint looks at conditions anew, and so binds their variables.
			for j := first; footprints && j < len(list); j++ {
				copy(mt.bind, list[j].bind)
				list[j].Footprint = room.footprint()
				mt.footprint(list[j].Footprint, a.again, &room)
			}
		}
		parts[k], spent[k] = list, mt.spent()
	})
	if slices.Contains(spent, true) {
		return nil, &rmg.Error{Op: "rule " + a.mt.r.Name, Path: r.m.scope, Code: rmg.Limit, Msg: "the search looked at too many candidates", Hint: "join the parts of the pattern by edges, or raise the limit"}
	}
	if len(a.queue) == 0 && cap(a.queue) < cap(seeds) {
		a.queue = seeds[:0] // as much may come as there was
	}
	out := joined(whole, parts)
	if a.several {
		seen := make(map[string]bool, len(out))
		out = slices.DeleteFunc(out, func(c Candidate) bool {
			key := c.Key()
			twice := seen[key]
			seen[key] = true
			return twice
		})
	}
	return out, nil
}

// joined is the parts one after the other: the whole, if each has filled its place in
// that.
func joined(whole []Candidate, parts [][]Candidate) []Candidate {
	for k, p := range parts {
		if len(p) != (k+1)*len(whole)/shards-k*len(whole)/shards {
			return slices.Concat(parts...)
		}
	}
	return whole
}

// drain takes out all that the agenda has yet to look at, and makes the plans for
// it.
func (a *agenda) drain() []seed {
	if !a.started {
		a.start()
	}
	a.several = a.head < len(a.queue)
	seeds := make([]seed, 0, len(a.scan)+len(a.queue)-a.head)
	if a.batch > 0 || len(a.found) > 0 {
		seeds = append(seeds, a.at)
		a.found, a.batch, a.several = a.found[:0], 0, true
	}
	seeds = append(seeds, a.queue[a.head:]...)
	for _, x := range a.scan {
		seeds = append(seeds, seed{int32(a.root), x})
	}
	a.queue, a.head, a.scan = a.queue[:0], 0, nil
	for _, s := range seeds {
		a.planOf(int(s.v))
	}
	return seeds
}

// from appends the matches from one seed.
func (a *agenda) from(mt *matcher, rule int, s seed, out []Candidate, room *room) []Candidate {
	if s.v != none {
		if !mt.m.alive(s.x) {
			return out
		}
		mt.bind[s.v] = s.x
	}
	mt.run(a.planOf(int(s.v)), 0, func() bool {
		if mt.sound() {
			out = append(out, Candidate{rule: rule, bind: room.bound(mt.bind[:a.stride])})
		}
		return true
	})
	return out
}

// Renew looks once more at a candidate, whose footprint may be another by now. It
// is false if it is no match any more.
func (r *Run) Renew(c *Candidate) bool {
	a := r.agendas[c.rule]
	copy(a.mt.bind, c.bind)
	if !a.mt.still(a.again) {
		return false
	}
	c.Footprint = &rewrite.Footprint{}
	a.mt.footprint(c.Footprint, a.again, &room{})
	return true
}

// Apply applies a candidate. Stale: it is no match any more. Limit: the fuel is
// used up.
func (r *Run) Apply(c *Candidate) error {
	a := r.agendas[c.rule]
	switch ok, err := r.ready(c); {
	case err != nil:
		return err
	case !ok:
		return &rmg.Error{Op: "rule " + a.mt.r.Name, Path: r.m.scope, Code: rmg.Stale, Msg: "the match is gone"}
	}
	before := r.m.told
	if err := r.applyBound(c); err != nil {
		return err
	}
	copy(a.mt.bind, c.bind)
	if r.m.told == before || a.mt.still(a.again) { // it matches again, as it is
		s := seed{none, 0}
		if len(a.mt.r.left.own) > 0 {
			s = seed{0, c.bind[0]}
		}
		a.queue = append(a.queue, s)
	}
	return nil
}

// ready binds a candidate, and reports whether it still is a match.
func (r *Run) ready(c *Candidate) (bool, error) {
	a := r.agendas[c.rule]
	copy(a.mt.bind, c.bind)
	a.mt.work = 0
	switch {
	case !a.mt.still(a.again):
		return false, nil
	case r.used == r.fuel:
		return false, r.burnt()
	}
	return true, nil
}

// applyBound applies the candidate that is bound.
func (r *Run) applyBound(c *Candidate) error {
	if err := r.agendas[c.rule].mt.apply(); err != nil {
		return err
	}
	r.used++
	r.applied[c.rule]++
	return nil
}

// Key names the match: two candidates with one key are the same.
func (c *Candidate) Key() string {
	b := binary.AppendUvarint(make([]byte, 0, 4+4*len(c.bind)), uint64(c.rule))
	for _, x := range c.bind {
		b = binary.LittleEndian.AppendUint32(b, uint32(x))
	}
	return string(b)
}

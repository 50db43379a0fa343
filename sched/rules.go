package sched

import (
	"cmp"
	"errors"
	"slices"

	"jitos.dev/rewrite"
	"jitos.dev/rewrite/rule"
	"jitos.dev/rmg"
)

// Outcome says what became of a candidate in a tick.
type Outcome string

// The outcomes.
const (
	Applied  Outcome = "applied"
	Deferred Outcome = "deferred" // to the next tick; By says for whom
	Refused  Outcome = "refused"  // Err says why
)

// Receipt is the answer to one candidate.
type Receipt struct {
	Candidate int // where it stands in the order of the tick
	Outcome   Outcome
	By        int // of what is deferred: the place of the one that it conflicts with, or Full
	Err       error
}

// Full stands for no one: the tick had no room.
const Full = -1

// Rules applies the rules of a run in ticks: all matches that there are, as far as
// they do not conflict, as one step. What a tick leaves is the same as if its
// matches had been applied one after the other, in any order, but for the numbers
// in fresh ids.
//
// A match that loses is deferred to the next tick, where it goes before those
// that are new; one that was deferred more than MaxDeferrals times goes before all
// others. A deferred match that is none any more, because of what was applied,
// is refused as stale.
type Rules struct {
	run     *rule.Run
	exec    rewrite.Executor
	waiting []waiting
}

type waiting struct {
	rule.Candidate
	deferrals int
}

// NewRules makes ticks of a run. What is searched is searched by exec.
func NewRules(run *rule.Run, exec rewrite.Executor) *Rules { return &Rules{run: run, exec: exec} }

// Tick does one tick. No receipts: there is no match. An error ends the tick, which
// may be half done, as an error of the run does.
func (r *Rules) Tick() ([]Receipt, error) {
	list, out, err := r.gather()
	if err != nil {
		return nil, err
	}
	claims := newClaims(writtenOf(len(list), func(i int) *rewrite.Footprint { return list[i].Footprint }))
	r.waiting = nil
	for i := range list {
		w := &list[i]
		if w.deferrals < 0 { // gone since
			continue
		}
		if by := claims.free(w.Footprint); by > 0 {
			out[i] = Receipt{Candidate: i, Outcome: Deferred, By: by - 1}
			w.deferrals++
			r.waiting = append(r.waiting, *w)
			continue
		}
		claims.add(w.Footprint, i+1)
		out[i] = Receipt{Candidate: i, Outcome: Applied}
		if err := r.run.Apply(&w.Candidate); err != nil {
			var e *rmg.Error
			if errors.As(err, &e) && e.Code == rmg.Limit {
				return out[:i], err
			}
			out[i] = Receipt{Candidate: i, Outcome: Refused, Err: err}
		}
	}
	return out, nil
}

// gather lists the candidates of a tick in order, with receipts for those that are
// refused before it begins.
func (r *Rules) gather() ([]waiting, []Receipt, error) {
	found, err := r.run.Candidates(r.exec)
	if err != nil {
		return nil, nil, err
	}
	list := r.waiting
	known := make(map[string]bool, len(list))
	for i := range list {
		known[list[i].Key()] = true
	}
	for i := range found {
		if len(known) == 0 || !known[found[i].Key()] {
			list = append(list, waiting{found[i], 0})
		}
	}
	starved := func(w waiting) int {
		if w.deferrals > MaxDeferrals {
			return 0
		}
		return 1
	}
	// What is equal stays in the order of rules and of the search.
	slices.SortStableFunc(list, func(a, b waiting) int {
		return cmp.Or(
			cmp.Compare(starved(a), starved(b)),
			cmp.Compare(r.run.Priority(&b.Candidate), r.run.Priority(&a.Candidate)),
			cmp.Compare(b.deferrals, a.deferrals),
		)
	})
	out := make([]Receipt, len(list))
	for i := range list {
		if w := &list[i]; w.deferrals > 0 && !r.run.Renew(&w.Candidate) {
			w.deferrals = -1
			out[i] = Receipt{Candidate: i, Outcome: Refused, Err: &rmg.Error{Op: "rule " + r.run.Rule(&w.Candidate), Code: rmg.Stale, Msg: "the match is gone"}}
		}
	}
	return list, out, nil
}

// Drain does ticks until there is no match, and tells how many.
func (r *Rules) Drain() (ticks int, err error) {
	for {
		receipts, err := r.Tick()
		if err != nil || len(receipts) == 0 {
			return ticks, err
		}
		ticks++
	}
}

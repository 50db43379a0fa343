package kernel

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// What workers say that they spent stands at /worker/cost/DAY, a node for each
// worker and what it worked for. The day is that of the record's own time, in UTC:
// who reads the totals asks no clock, and a replay has the same.
const (
	costRoot    = workerRoot + "/cost"
	kindCostDay = "CostDay"
	kindCost    = "Cost"

	costReading  = "reading"  // words that a model read
	costProposal = "proposal" // methods that a model wrote

	maxCosts = 100_000 // rows of one answer
)

// Cost is what one worker spent for one process, or for what is none, on one day.
type Cost struct {
	Day         string // 2026-11-27, in UTC
	Worker      string
	For         string // a process, "reading" or "proposal"
	Calls       int64  // attempts, readings, tries of a proposal
	Tokens      int64
	MoneyMicros int64
}

// recordCost notes what a worker spent, whatever came of it. That it cannot be noted
// is told to the log alone: the work is done.
func (k *Kernel) recordCost(worker, what string, s work.Spent) {
	tokens, money := max(0, s.Tokens), max(0, s.MoneyMicros)
	if tokens == 0 && money == 0 {
		return
	}
	reason := fmt.Sprintf("%s spent %d tokens for %s", worker, tokens, what)
	_, err := k.systemWith(context.WithoutCancel(k.ctx), "worker:"+worker, what, reason, func(f *fold, _ uint64) ([]rewrite.Op, error) {
		day := costRoot.Child(k.lastAt.UTC().Format(time.DateOnly))
		at := day.Child(worker + " " + what)
		var ops []rewrite.Op
		for _, n := range []struct {
			at    rmg.Path
			kind  string
			props map[string]rmg.Value
		}{
			{costRoot, rewrite.KindDir, nil},
			{day, kindCostDay, nil},
			{at, kindCost, map[string]rmg.Value{"worker": rmg.String(worker), "for": rmg.String(what)}},
		} {
			if _, ok := f.ledger.Get(n.at); !ok {
				ops = append(ops, addOp(n.at, n.kind, n.props))
			}
		}
		for _, c := range []struct {
			prop string
			by   int64
		}{{"calls", 1}, {"tokens", tokens}, {"money_micros", money}} {
			if c.by != 0 {
				ops = append(ops, rewrite.Op{Op: rewrite.Inc, Path: at, Prop: c.prop, By: c.by})
			}
		}
		return ops, nil
	})
	if err != nil {
		k.log.Error("what was spent could not be recorded", "worker", worker, "for", what, "tokens", tokens, "err", err)
	}
}

// Costs lists what was spent since a day, in order of days, then of what it was for.
// Invalid: since is no day. Limit: there is more than one answer holds.
func (k *Kernel) Costs(since string) ([]Cost, error) {
	if since != "" {
		if _, err := time.Parse(time.DateOnly, since); err != nil {
			return nil, &rmg.Error{Op: "cost", Code: rmg.Invalid, Msg: fmt.Sprintf("%q is no day", since), Hint: "for example 2026-11-27"}
		}
	}
	e, _ := k.now().ledger.Get(costRoot)
	var out []Cost
	for day := range e.Graph.Nodes("") {
		if day.ID < since {
			continue
		}
		for n := range day.Graph.Nodes("") {
			p := n.Props
			out = append(out, Cost{
				Day: day.ID, Worker: p.String("worker"), For: p.String("for"), Calls: p.Int("calls"), Tokens: p.Int("tokens"), MoneyMicros: p.Int("money_micros"),
			})
		}
		if len(out) > maxCosts {
			return nil, &rmg.Error{Op: "cost", Code: rmg.Limit, Msg: fmt.Sprintf("more than %d rows", maxCosts), Hint: "ask for fewer days: jitos cost --since DAY"}
		}
	}
	slices.SortFunc(out, func(a, b Cost) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), compareIDs(a.For, b.For), cmp.Compare(a.For, b.For), cmp.Compare(a.Worker, b.Worker))
	})
	return out, nil
}

package server

import (
	"context"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
)

// maxFound bounds the changes that the answer of a bisection shows.
const maxFound = 1000

// bisect streams each version as it is judged, and what was found.
func (x *exchange) bisect() (any, error) {
	var in wire.BisectRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	q := kernel.BisectRequest{Path: in.Path, Expr: in.Expr, Argv: in.Argv, From: in.From, To: in.To}
	return x.streamed(func(ctx context.Context, send func(string, any)) (string, any, error) {
		b, err := x.s.opt.Kernel.Bisect(ctx, x.caller, q, func(s kernel.BisectStep) { send(wire.EventStep, wireStep(s)) })
		return wire.EventFound, wireBisection(b), err
	})
}

func wireStep(s kernel.BisectStep) wire.BisectStep {
	out := wire.BisectStep{Seq: s.Seq, Verdict: "bad", Note: s.Note}
	switch {
	case s.Skip:
		out.Verdict = "skip"
	case s.Good:
		out.Verdict = "good"
	}
	return out
}

func wireBisection(b kernel.Bisection) wire.BisectAnswer {
	out := wire.BisectAnswer{
		Path: b.Path, Good: b.Good, Bad: b.Bad, Record: wireHead(b.Record), Suspects: b.Suspects, Candidates: b.Candidates,
		Steps: []wire.BisectStep{}, Changes: []wire.Change{},
	}
	for _, s := range b.Steps {
		out.Steps = append(out.Steps, wireStep(s))
	}
	for _, c := range b.Changes[:min(len(b.Changes), maxFound)] {
		out.Changes = append(out.Changes, wireChange(c))
	}
	return out
}

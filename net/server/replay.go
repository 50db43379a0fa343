package server

import (
	"context"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
)

// replay streams how far it is, and what was found.
func (x *exchange) replay() (any, error) {
	var in wire.ReplayRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	q := kernel.ReplayRequest{Process: in.Process, Execute: in.Execute}
	return x.streamed(func(ctx context.Context, send func(string, any)) (string, any, error) {
		r, err := x.s.opt.Kernel.Replay(ctx, q, func(p kernel.ReplayProgress) { send(wire.EventProgress, wire.ReplayProgress(p)) })
		return wire.EventReplayed, wireReplayed(r), err
	})
}

func wireReplayed(r kernel.Replayed) wire.ReplayAnswer {
	out := wire.ReplayAnswer{
		OK: r.Difference == "", Records: r.Records, Ticks: r.Ticks, Until: r.Until, OfProcess: r.OfProcess,
		World: r.World, Ledger: r.Ledger, Difference: r.Difference,
	}
	for _, t := range r.Tasks {
		out.OK = out.OK && t.Outcome != kernel.RedoDiffers
		out.Tasks = append(out.Tasks, wire.TaskReplay(t))
	}
	return out
}

package server

import (
	"context"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// undo takes a record back, as an operation: what concerns a repository is
// proven first.
func (x *exchange) undo() (any, error) {
	var in wire.UndoRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	if in.Seq == 0 {
		return nil, wire.NewProblem(rmg.Invalid, "no record is given").WithHint(`for example {"seq":57}`)
	}
	wait, err := x.wait(defaultWait)
	if err != nil {
		return nil, err
	}
	caller := x.caller
	return x.operate("undo", "", wait, func(ctx context.Context) (wire.Collapsed, kernel.Collapsed, error) {
		u, err := x.s.opt.Kernel.Undo(ctx, caller, kernel.UndoRequest{Seq: in.Seq, Reason: in.Reason, Land: in.Land})
		out, head := wireCollapsed(u.Collapsed), wireHead(u.Record)
		out.Undoes = &head
		return out, u.Collapsed, err
	})
}

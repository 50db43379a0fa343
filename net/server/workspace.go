package server

import (
	"context"
	"net/http"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

func (x *exchange) fork() (any, error) {
	var in wire.ForkRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	if in.Private {
		return nil, wire.NewProblem(rmg.Invalid, "private workspaces are not in this version").WithHint("leave private out")
	}
	w, err := x.s.opt.Kernel.Fork(x.r.Context(), x.caller, kernel.ForkRequest{From: in.From, Reason: in.Reason, Dir: in.Dir})
	if err != nil {
		return nil, err
	}
	return wireSpace(w), nil
}

func (x *exchange) workspaces() (any, error) {
	state, process := x.text("state"), x.text("process")
	switch state {
	case "", "open", "collapsed", "discarded":
	default:
		return nil, wire.NewProblem(rmg.Invalid, "parameter \"state\" is %q, not open, collapsed or discarded", state)
	}
	out := wire.WorkspacesAnswer{Workspaces: []wire.Workspace{}}
	for _, w := range x.s.opt.Kernel.Workspaces() {
		if (state == "" || w.State == state) && (process == "" || w.Process == process) {
			out.Workspaces = append(out.Workspaces, wireSpace(w))
		}
	}
	return out, nil
}

func (x *exchange) workspace() (any, error) {
	w, err := x.s.opt.Kernel.Workspace(x.id())
	if err != nil {
		return nil, err
	}
	return wireSpace(w), nil
}

func (x *exchange) rewriteSpace() (any, error) {
	var in wire.SpaceRewriteRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	return x.apply("sws:"+x.id(), rewrite.Rewrite{Ops: in.Ops, Expect: in.Expect, Reason: in.Reason})
}

func (x *exchange) discard() (any, error) {
	var in wire.DiscardRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	got, err := x.s.opt.Kernel.Discard(x.r.Context(), x.caller, x.id(), in.Reason)
	if err != nil {
		return nil, err
	}
	return wire.Receipt{Seq: got.Seq, Tick: got.Tick, Digest: got.Digest}, nil
}

func (x *exchange) restore() (any, error) {
	w, err := x.s.opt.Kernel.Restore(x.r.Context(), x.caller, x.id())
	if err != nil {
		return nil, err
	}
	return wireSpace(w), nil
}

// exec streams a command.
func (x *exchange) exec() (any, error) {
	var in wire.ExecRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	if len(in.Argv) == 0 || in.Argv[0] == "" {
		return nil, wire.NewProblem(rmg.Invalid, "no command is given").WithHint(`for example {"argv":["go","test","./..."]}`)
	}
	return x.streamed(func(ctx context.Context, send func(string, any)) (string, any, error) {
		exit, err := x.s.opt.Kernel.Exec(ctx, x.caller, x.id(), in.Argv, func(e work.Event) { send(wire.EventOutput, e) })
		return wire.EventExit, wire.ExecExit{Exit: exit}, err
	})
}

func (x *exchange) collapse() (any, error) {
	var in wire.CollapseRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	wait, err := x.wait(defaultWait)
	if err != nil {
		return nil, err
	}
	id, caller := x.id(), x.caller
	return x.operate("collapse", id, wait, func(ctx context.Context) (wire.Collapsed, kernel.Collapsed, error) {
		done, err := x.s.opt.Kernel.Collapse(ctx, caller, id, in.Land)
		return wireCollapsed(done), done, err
	})
}

// operate does what ends in a collapse as an operation, and answers with its end
// or, if that takes longer than wait, with where to ask for it.
func (x *exchange) operate(kind, space string, wait time.Duration, do func(context.Context) (wire.Collapsed, kernel.Collapsed, error)) (any, error) {
	op, err := x.s.operations.start(x.s.ctx, kind, space, func(ctx context.Context) (*wire.Collapsed, *wire.Problem) {
		c, done, err := do(ctx)
		if err == nil {
			return &c, nil
		}
		p := x.s.problem(x.r, err)
		for _, c := range done.Conflicts {
			p.Conflicts = append(p.Conflicts, wire.Conflict(c))
		}
		p.Evidence = append(p.Evidence, done.Evidence...)
		return nil, p
	}, func(cause any) *wire.Problem {
		p := wire.NewProblem(rmg.Internal, "")
		x.s.internal(p, x.r, "panic", cause)
		return p
	})
	if err != nil {
		return nil, err
	}
	now := op.await(x.r.Context(), wait)
	switch now.State {
	case wire.OperationDone:
		return *now.Collapsed, nil
	case wire.OperationFailed:
		return nil, now.Problem
	}
	return reply{
		status: http.StatusAccepted,
		header: http.Header{"Location": {"/operation/" + now.ID}},
		body:   now,
	}, nil
}

func (x *exchange) operation() (any, error) {
	wait, err := x.wait(0)
	if err != nil {
		return nil, err
	}
	op, ok := x.s.operations.get(x.id())
	if !ok {
		return nil, wire.NewProblem(rmg.NotFound, "there is no operation %q", x.id()).
			WithHint("operations are forgotten when the daemon restarts; what they did is in jitos log")
	}
	return op.await(x.r.Context(), wait), nil
}

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
	ttl, err := readTTL(in.TTL)
	if err != nil {
		return nil, err
	}
	w, err := x.s.opt.Kernel.Fork(x.r.Context(), x.caller, kernel.ForkRequest{
		From: in.From, Reason: in.Reason, Dir: in.Dir, Dirty: in.Dirty, Private: in.Private, TTL: ttl,
	})
	if err != nil {
		return nil, err
	}
	return wireSpace(w), nil
}

// readTTL reads how long a workspace may stay open; "" leaves it to the policy.
func readTTL(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, wire.NewProblem(rmg.Invalid, "a ttl is a length of time, and %q is none", text).WithHint("for example 90s, 30m or 2h")
	}
	return d, nil
}

func (x *exchange) workspaces() (any, error) {
	state := x.text("state")
	switch state {
	case "", "open", "collapsed", "discarded":
	default:
		return nil, wire.NewProblem(rmg.Invalid, "parameter \"state\" is %q, not open, collapsed or discarded", state)
	}
	limit, err := x.count("limit", defaultElements, 1, maxElements)
	if err != nil {
		return nil, err
	}
	list, next, err := x.s.opt.Kernel.Workspaces(kernel.WorkspaceQuery{
		State: state, Owner: x.text("owner"), Process: x.text("process"), After: x.text("cursor"), Limit: limit,
	})
	if err != nil {
		return nil, err
	}
	out := wire.WorkspacesAnswer{Workspaces: []wire.Workspace{}, Next: next}
	for _, w := range list {
		out.Workspaces = append(out.Workspaces, wireSpace(w))
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

func (x *exchange) freeze() (any, error) {
	var in wire.FreezeRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	w, err := x.s.opt.Kernel.Freeze(x.r.Context(), x.caller, x.id(), in.Reason)
	if err != nil {
		return nil, err
	}
	return wireSpace(w), nil
}

func (x *exchange) thaw() (any, error) {
	w, err := x.s.opt.Kernel.Thaw(x.r.Context(), x.caller, x.id())
	if err != nil {
		return nil, err
	}
	return wireSpace(w), nil
}

func (x *exchange) rebase() (any, error) {
	var in wire.RebaseRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	got, err := x.s.opt.Kernel.Rebase(x.r.Context(), x.caller, x.id(), in.Onto)
	if err != nil {
		p := x.s.problem(x.r, err)
		p.Conflicts = append(p.Conflicts, wireConflicts(got.Conflicts)...)
		return nil, p
	}
	return wireRebased(got), nil
}

func (x *exchange) resolve() (any, error) {
	var in wire.ResolveRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	r := kernel.Resolution{Path: in.Path, Prop: in.Prop, Take: in.Take, Value: in.Value}
	if in.Text != nil {
		r.Edit = []byte(*in.Text)
	}
	got, err := x.s.opt.Kernel.Settle(x.r.Context(), x.caller, x.id(), r)
	if err != nil {
		return nil, err
	}
	return wireRebased(got), nil
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
		exit, err := x.s.opt.Kernel.Exec(ctx, x.caller, x.id(), kernel.ExecRequest(in), func(e work.Event) { send(wire.EventOutput, e) })
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
		done, err := x.s.opt.Kernel.Collapse(ctx, caller, id, kernel.CollapseRequest(in))
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
		body:   x.waiting(now),
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
	return x.waiting(op.await(x.r.Context(), wait)), nil
}

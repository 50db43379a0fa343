package mcp

import (
	"context"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

type collapseInput struct {
	Workspace string `json:"workspace,omitempty" jsonschema:"the current one, if absent"`
	Land      string `json:"land,omitempty" jsonschema:"commit (default): on the branch; branch: on a branch of its own; none"`
	Operation string `json:"operation,omitempty" jsonschema:"go on waiting for a collapse that was told to be waiting, instead of beginning one"`
}

type collapseOutput struct {
	Workspace string     `json:"workspace"`
	State     string     `json:"state" jsonschema:"landed: it is a commit; collapsed: it is in the system and no repository was changed; waiting: a person has to answer first"`
	Seq       uint64     `json:"seq,omitempty" jsonschema:"of the record that holds the change"`
	Merged    bool       `json:"merged,omitempty" jsonschema:"the parent had moved since the fork"`
	Commit    string     `json:"commit,omitempty"`
	LandedOn  string     `json:"landed_on,omitempty" jsonschema:"the branch; one of jitos/ if the user's own work was in the way"`
	Gates     []gateInfo `json:"gates,omitempty"`
	Operation string     `json:"operation,omitempty" jsonschema:"of one that is waiting"`
	Question  string     `json:"question,omitempty" jsonschema:"what the person is asked"`
	Next      string     `json:"next,omitempty" jsonschema:"what to do"`
}

func collapseSpace(ctx context.Context, x *exchange, in collapseInput) (collapseOutput, error) {
	p, err := x.space(in.Workspace)
	if err != nil {
		return collapseOutput{}, err
	}
	var op wire.Operation
	if in.Operation == "" {
		op, err = x.c.StartCollapse(ctx, p.id, wire.CollapseRequest{Land: in.Land}, collapsePoll)
	} else {
		op, err = x.c.Operation(ctx, in.Operation, collapsePoll)
	}
	for err == nil && op.State == wire.OperationRunning && op.Waiting == nil {
		x.tell(ctx, "proving the merged result")
		op, err = x.c.Operation(ctx, op.ID, collapsePoll)
	}
	switch {
	case err != nil:
		return collapseOutput{}, err
	case op.Workspace != p.id && op.Workspace != "":
		return collapseOutput{}, wire.NewProblem(rmg.Invalid, "operation %s is of %s, not of %s", op.ID, op.Workspace, p.id)
	case op.Problem != nil:
		return collapseOutput{}, op.Problem
	case op.Waiting != nil:
		return collapseOutput{
			Workspace: p.id, State: "waiting", Operation: op.ID, Question: op.Waiting.Question,
			Next: "tell your user: jitos answer " + op.Waiting.ID + " approve (or reject). Then call again with operation=" + op.ID,
		}, nil
	case op.Collapsed == nil:
		return collapseOutput{}, wire.NewProblem(rmg.Internal, "operation %s is %s without a result", op.ID, op.State)
	}
	x.drop(p.id)
	done := op.Collapsed
	out := collapseOutput{
		Workspace: p.id, State: "collapsed", Seq: done.Seq, Merged: done.Merged, Commit: done.Commit, LandedOn: done.LandedOn,
		Gates: x.gates(ctx, done.Evidence),
	}
	if done.Commit != "" {
		out.State = "landed"
	}
	return out, nil
}

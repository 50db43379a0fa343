package server

import (
	"time"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
)

// wireRecord shows a record, with at most so many ops; -1 for all.
func wireRecord(r kernel.Record, ops int) wire.Record {
	out := wire.Record{
		Seq: r.Seq, Tick: r.Tick, At: wire.At(r.At), View: r.View, Author: r.Author, Cause: r.Cause, Reason: r.Reason,
		Ops: r.Ops,
	}
	if ops >= 0 && len(out.Ops) > ops {
		out.Ops, out.OpsOmitted = out.Ops[:ops], len(out.Ops)-ops
	}
	if out.Ops == nil {
		out.Ops = []rewrite.Op{}
	}
	return out
}

// wireHead shows which record one is.
func wireHead(r kernel.Record) wire.RecordHead {
	return wire.RecordHead{Seq: r.Seq, At: wire.At(r.At), View: r.View, Author: r.Author, Cause: r.Cause, Reason: r.Reason}
}

func wireSpace(w kernel.Workspace) wire.Workspace {
	out := wire.Workspace{
		ID: w.ID, State: w.State, From: w.From, Base: w.Base, Head: w.Head, Digest: w.Digest, Owner: w.Owner,
		Process: w.Process, Reason: w.Reason, Outcome: w.Outcome, Records: w.Records, At: at(w.At),
	}
	if w.Changes >= 0 {
		out.Changes = &w.Changes
	}
	return out
}

func wireCollapsed(c kernel.Collapsed) wire.Collapsed {
	return wire.Collapsed{
		Seq: c.Seq, Digest: c.Digest, Merged: c.Merged, Process: c.Process, Commit: c.Commit, LandedOn: c.LandedOn, Evidence: c.Evidence,
	}
}

func wireProcess(p kernel.Process) wire.Process {
	out := wire.Process{
		ID: p.ID, Status: p.Status, Reason: p.Reason, Next: p.Next, Code: p.Code, Text: p.Text,
		SLAPS: &p.SLAPS, Plan: p.Plan, Owner: p.Owner, Repo: p.Repo, Branch: p.Branch, Top: p.Top, Base: p.Base,
		SWS: p.Workspace, Land: p.Land, Rights: &p.Rights, Tasks: []wire.TaskState{}, Evidence: p.Evidence,
		Collapse: p.Collapse, UndoneBy: p.UndoneBy, Commit: p.Commit, LandedOn: p.LandedOn, Dirty: p.Dirty, Rounds: p.Rounds,
		Started: at(p.Started), Ended: at(p.Ended), ToolMillis: p.ToolMillis,
	}
	for _, t := range p.Tasks {
		out.Tasks = append(out.Tasks, wire.TaskState{
			Task: t.Task, State: t.State, Attempts: t.Attempts, Outcome: t.Summary, Reasons: t.Reasons, Output: t.Output,
		})
	}
	return out
}

func wireLine(l kernel.Line) wire.Line {
	return wire.Line{N: l.N, At: at(l.At), Task: l.Task, Text: l.Text, Data: l.Data}
}

// at is a wire time that stays zero when there is none.
func at(t time.Time) wire.Time {
	if t.IsZero() {
		return wire.Time{}
	}
	return wire.At(t)
}

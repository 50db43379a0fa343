package server

import (
	"encoding/hex"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
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
		ID: w.ID, State: w.State, From: w.From, Base: w.Base, BaseAt: w.BaseAt, Head: w.Head, Digest: w.Digest, Owner: w.Owner,
		Process: w.Process, Cause: w.Cause, Reason: w.Reason, Outcome: w.Outcome, Records: w.Records, Ops: w.Ops, Bytes: w.Bytes,
		At: at(w.At), Private: w.Private, Frozen: w.Frozen, Expires: at(w.Expires), Onto: w.Onto, Open: w.Open,
		Wrote: w.Wrote, Read: w.Read, ReadBelow: w.ReadBelow,
	}
	if w.Changes >= 0 {
		out.Changes = &w.Changes
	}
	if w.TTL > 0 {
		out.TTL = kernel.TTLText(w.TTL)
	}
	for _, c := range w.Conflicts {
		out.Conflicts = append(out.Conflicts, wire.WorkspaceConflict{
			ID: c.ID, Conflict: wire.Conflict(c.MergeConflict), Take: c.Take, Value: c.Value, By: c.By,
		})
	}
	return out
}

func wireRebased(r kernel.Rebased) wire.Rebased {
	return wire.Rebased{Seq: r.Seq, Digest: r.Digest, Base: r.Base, Conflicts: wireConflicts(r.Conflicts)}
}

func wireConflicts(list []kernel.Conflict) []wire.Conflict {
	var out []wire.Conflict
	for _, c := range list {
		out = append(out, wire.Conflict(c.MergeConflict))
	}
	return out
}

func wireCollapsed(c kernel.Collapsed) wire.Collapsed {
	return wire.Collapsed{
		Seq: c.Seq, Digest: c.Digest, Merged: c.Merged, Process: c.Process, Commit: c.Commit, LandedOn: c.LandedOn, Evidence: c.Evidence,
		Patch: sumText(c.Patch), URL: c.URL,
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
	out.Isolation, out.Patch, out.URL = p.Isolation, sumText(p.Patch), p.URL
	if ev := p.Evicted; ev != nil {
		out.Evicted = &wire.Eviction{Reason: ev.Reason, Files: ev.Files, Beaten: ev.Beaten, BeatenBy: ev.BeatenBy}
	}
	if p.Spent != (kernel.Spent{}) {
		s := wire.Spent(p.Spent)
		out.Spent = &s
	}
	for _, l := range p.Lanes {
		out.Lanes = append(out.Lanes, wire.Lane{N: l.N, SWS: l.Workspace, State: l.State, Outcome: l.Outcome})
	}
	for _, a := range p.Approvals {
		out.Approvals = append(out.Approvals, wireApproval(a))
	}
	for _, t := range p.Tasks {
		out.Tasks = append(out.Tasks, wire.TaskState{
			Task: t.Task, State: t.State, Attempts: t.Attempts, Outcome: t.Summary, Reasons: t.Reasons, Output: t.Output,
		})
	}
	return out
}

// sumText is the name of a content, "" of none.
func sumText(b rmg.Blob) string {
	if b == (rmg.Blob{}) {
		return ""
	}
	return hex.EncodeToString(b.Sum[:])
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

package wire

import (
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// Record is one applied rewrite in the log.
type Record struct {
	Seq        uint64       `json:"seq"`
	Tick       uint64       `json:"tick"`
	At         Time         `json:"at"`
	View       string       `json:"view"`
	Author     string       `json:"author"`
	Cause      string       `json:"cause"`
	Reason     string       `json:"reason"`
	Ops        []rewrite.Op `json:"ops"`
	OpsOmitted int          `json:"ops_omitted,omitempty" doc:"how many more ops it has than are shown, where ops= bounds them"`
}

// RecordHead says which record one is, whose and why, without its ops.
type RecordHead struct {
	Seq    uint64 `json:"seq"`
	At     Time   `json:"at"`
	View   string `json:"view"`
	Author string `json:"author"`
	Cause  string `json:"cause"`
	Reason string `json:"reason"`
}

// UndoRequest is the body of POST /undo.
type UndoRequest struct {
	Seq    uint64 `json:"seq" minimum:"1" doc:"the record to take back"`
	Reason string `json:"reason,omitempty"`
	Land   string `json:"land,omitempty" doc:"commit (default), branch, patch, push, pr or none; push:NAME and pr:NAME name a remote"`
}

// BisectRequest is the body of POST /bisect: an expression, or a command.
type BisectRequest struct {
	Path rmg.Path `json:"path,omitempty" doc:"only records at or below it come into question; for a command the branch, if absent"`
	Expr string   `json:"expr,omitempty" doc:"a CEL condition over element (exists, kind, id, path, props, nodes, edges, text) and at(PATH)"`
	Argv []string `json:"argv,omitempty" doc:"run, sandboxed, in the branch's files: 0 is good, 125 skips, 1 to 127 is bad"`
	From uint64   `json:"from,omitempty" doc:"a seq where it holds; the first that touches path, if absent"`
	To   uint64   `json:"to,omitempty" doc:"a seq where it does not; the last, if absent"`
}

// The names of the events of POST /bisect.
const (
	EventStep  = "step"  // BisectStep
	EventFound = "found" // BisectAnswer; the last
)

// BisectStep is one version that was looked at.
type BisectStep struct {
	Seq     uint64 `json:"seq"`
	Verdict string `json:"verdict" enum:"good,bad,skip"`
	Note    string `json:"note,omitempty" doc:"why, if there is more to say"`
}

// BisectAnswer is the record that made the condition false.
type BisectAnswer struct {
	Path       rmg.Path     `json:"path"`
	Good       uint64       `json:"good" doc:"the last seq at which it is known to hold"`
	Bad        uint64       `json:"bad" doc:"the first at which it is known not to"`
	Record     RecordHead   `json:"record" doc:"of bad"`
	Suspects   []uint64     `json:"suspects,omitempty" doc:"records between that could not be judged: it may be one of them"`
	Candidates int          `json:"candidates" doc:"records that came into question"`
	Steps      []BisectStep `json:"steps"`
	Changes    []Change     `json:"changes" doc:"what the record changed at the path, the first 1000"`
}

// BisectEvent is one event of a bisection: exactly one of Step and Found.
type BisectEvent struct {
	Step  *BisectStep
	Found *BisectAnswer
}

// LogAnswer is a stretch of the log.
type LogAnswer struct {
	Records []Record `json:"records"`
	Next    uint64   `json:"next,omitempty" doc:"where to go on: the next call's to (newest first) or from; absent at the end"`
}

// WhyAnswer explains why an element, a prop of it, or a line of a file, is as it
// is.
type WhyAnswer struct {
	Path       rmg.Path `json:"path"`
	Prop       string   `json:"prop,omitempty"`
	Line       int      `json:"line,omitempty" doc:"from 1; absent for the element as a whole"`
	Text       string   `json:"text,omitempty" doc:"the line"`
	Chain      []Reason `json:"chain" doc:"the nearest reason first: the record of the system that wrote it"`
	Origin     rmg.Path `json:"origin,omitempty" doc:"where it stood after that record, if it was moved since"`
	OriginLine int      `json:"origin_line,omitempty" doc:"which line of the file it was then, if another"`
}

// Reason is one link of a why-chain.
type Reason struct {
	Kind     string          `json:"kind" enum:"record,moved,workspace,candidate,task,evidence,approval,landing,commit,undo,intent"`
	Seq      uint64          `json:"seq"`
	At       Time            `json:"at,omitzero"`
	Author   string          `json:"author"`
	Cause    string          `json:"cause,omitempty"`
	Text     string          `json:"text" doc:"a sentence"`
	Process  string          `json:"process,omitempty"`
	SWS      string          `json:"sws,omitempty" doc:"workspace of the record"`
	Task     string          `json:"task,omitempty"`
	Attempt  int             `json:"attempt,omitempty" doc:"of the task, from 1"`
	Worker   string          `json:"worker,omitempty"`
	Model    string          `json:"model,omitempty" doc:"that wrote it, if the attempt recorded it"`
	Prompt   string          `json:"prompt,omitempty" doc:"hash of what the model was told, if the attempt recorded it"`
	Commit   string          `json:"commit,omitempty"`
	Evidence []work.Evidence `json:"evidence,omitempty"`
}

// VerifyAnswer is what a replay of the log found.
type VerifyAnswer struct {
	OK       bool       `json:"ok"`
	Records  int        `json:"records"`
	Ticks    int        `json:"ticks"`
	Segments int        `json:"segments"`
	Blobs    int        `json:"blobs"`
	Bytes    int64      `json:"bytes"`
	World    rmg.Digest `json:"world"`
	Ledger   rmg.Digest `json:"ledger"`
	GivenUp  int        `json:"given_up,omitempty" doc:"workspaces whose contents a gc gave up"`
	Gone     int        `json:"gone,omitempty" doc:"blobs that they alone name and that are not there any more"`
	Problems []string   `json:"problems"`
}

// ReplayRequest is the body of POST /replay; it may be left out.
type ReplayRequest struct {
	Process string `json:"process,omitempty" doc:"only up to the last record of this process; the whole log if absent"`
	Execute bool   `json:"execute,omitempty" doc:"do the process's tasks over again, too, and compare what they come to"`
}

// The names of the events of POST /replay.
const (
	EventProgress = "progress" // ReplayProgress
	EventReplayed = "replayed" // ReplayAnswer; the last
)

// ReplayProgress says how far a replay is.
type ReplayProgress struct {
	Seq   uint64 `json:"seq"`
	Until uint64 `json:"until"`
	Ticks int    `json:"ticks"`
	Text  string `json:"text,omitempty"`
}

// ReplayAnswer is what a replay found.
type ReplayAnswer struct {
	OK         bool         `json:"ok" doc:"every digest is the log's, and every task that was run came to the same"`
	Records    int          `json:"records"`
	Ticks      int          `json:"ticks"`
	Until      uint64       `json:"until" doc:"the last seq that was asked for"`
	OfProcess  int          `json:"of_process,omitempty" doc:"how many of the records are the process's"`
	World      rmg.Digest   `json:"world"`
	Ledger     rmg.Digest   `json:"ledger"`
	Difference string       `json:"difference,omitempty" doc:"the first one, by tick and record"`
	Tasks      []TaskReplay `json:"tasks,omitempty" doc:"with execute"`
}

// TaskReplay is one task, done over again.
type TaskReplay struct {
	Task          string `json:"task"`
	Worker        string `json:"worker"`
	Attempt       int    `json:"attempt,omitempty"`
	Outcome       string `json:"outcome" enum:"same,differs,not run"`
	Difference    string `json:"difference,omitempty" doc:"the first one, or why it was not run"`
	Ops           int    `json:"ops" doc:"that were recorded, as one change"`
	Deterministic bool   `json:"deterministic" doc:"its worker promises the same from the same inputs"`
}

// ReplayEvent is one event of a replay: exactly one of Progress and Replayed.
type ReplayEvent struct {
	Progress *ReplayProgress
	Replayed *ReplayAnswer
}

// PurgeRequest is the body of POST /admin/purge.
type PurgeRequest struct {
	What   string `json:"what" doc:"a SHA-256 in hex, or the graph path whose contents of the past are meant"`
	Reason string `json:"reason" doc:"stays in the log"`
}

// PurgeAnswer is what a purge removed.
type PurgeAnswer struct {
	Seq  uint64   `json:"seq,omitempty" doc:"the record that says so; absent if all was purged already"`
	Sums []Blob   `json:"sums" doc:"what is gone"`
	Left []string `json:"left" doc:"where copies may be that are not the daemon's to remove"`
}

// GCRequest is the body of POST /admin/gc; it may be left out.
type GCRequest struct {
	DryRun bool   `json:"dry_run,omitempty" doc:"only say what would go"`
	Reason string `json:"reason,omitempty" doc:"stays in the log"`
}

// GCAnswer is what a gc removed, or would remove.
type GCAnswer struct {
	DryRun        bool     `json:"dry_run"`
	Seq           uint64   `json:"seq,omitempty" doc:"the record that says so; absent of a dry run, or if there was nothing to do"`
	Spaces        []string `json:"sws" doc:"discarded workspaces that this gc gives up: they cannot be restored afterwards"`
	Kept          int      `json:"kept" doc:"discarded workspaces that are not given up"`
	KeepDiscarded string   `json:"keep_discarded,omitempty" doc:"how long the policy keeps discarded workspaces; absent: for ever"`
	GivenUp       Content  `json:"given_up" doc:"content that given up workspaces alone name"`
	Unnamed       Content  `json:"unnamed" doc:"content that no record names, put before the daemon's start"`
	Removed       Content  `json:"removed" doc:"of these two, what goes"`
	Left          Content  `json:"left" doc:"of these two, what stays as most of the file it stands in is kept"`
	Marks         int      `json:"marks" doc:"marks of older versions that are dropped, as the policy's keep_marks says; what they took is free after the daemon's next start"`
	Recent        int      `json:"recent" doc:"blobs that stay as they were put since the daemon's start"`
}

// Content is so much content.
type Content struct {
	Blobs int   `json:"blobs"`
	Bytes int64 `json:"bytes"`
}

// BackupRequest is the body of POST /admin/backup.
type BackupRequest struct {
	To string `json:"to" doc:"an absolute path on the daemon's machine: a folder that is empty or not there"`
}

// BackupAnswer says what a backup holds.
type BackupAnswer struct {
	To    string `json:"to"`
	Seq   uint64 `json:"seq" doc:"the last record in it"`
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
}

// CheckAnswer is what a look at every invariant of a view found.
type CheckAnswer struct {
	View     string        `json:"view"`
	Seq      uint64        `json:"seq"`
	Digest   rmg.Digest    `json:"digest"`
	OK       bool          `json:"ok"`
	Findings []rmg.Finding `json:"findings"`
}

// The names of the events of GET /events.
const (
	EventSnapshot = "snapshot" // Snapshot: what was known before is to be forgotten
	EventRecord   = "record"   // Record
)

// Snapshot is the state that the records after it build on. It comes first, and
// again when a reader was too slow to be sent every record between.
type Snapshot struct {
	Seq    uint64     `json:"seq"`
	Digest rmg.Digest `json:"digest,omitzero" doc:"of the world; absent where seq lies inside a group commit"`
}

// Event is one event of GET /events: exactly one of Snapshot and Record.
type Event struct {
	ID       uint64
	Snapshot *Snapshot
	Record   *Record
}

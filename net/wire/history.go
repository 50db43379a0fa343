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
	Land   string `json:"land,omitempty" doc:"commit (default), branch or none"`
}

// LogAnswer is a stretch of the log.
type LogAnswer struct {
	Records []Record `json:"records"`
	Next    uint64   `json:"next,omitempty" doc:"where to go on: the next call's to (newest first) or from; absent at the end"`
}

// WhyAnswer explains why an element, or a line of a file, is as it is.
type WhyAnswer struct {
	Path  rmg.Path `json:"path"`
	Line  int      `json:"line,omitempty" doc:"from 1; absent for the element as a whole"`
	Text  string   `json:"text,omitempty" doc:"the line"`
	Chain []Reason `json:"chain" doc:"the nearest reason first"`
}

// Reason is one link of a why-chain.
type Reason struct {
	Seq      uint64          `json:"seq"`
	At       Time            `json:"at,omitzero"`
	Author   string          `json:"author"`
	Cause    string          `json:"cause,omitempty"`
	Text     string          `json:"text"`
	Process  string          `json:"process,omitempty"`
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
	Problems []string   `json:"problems"`
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

package wire

import (
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// Workspace is a workspace as the ledger has it.
type Workspace struct {
	ID      string     `json:"id"`
	State   string     `json:"state" enum:"open,collapsed,discarded"`
	From    string     `json:"from" doc:"the version it was forked from"`
	Base    uint64     `json:"base" doc:"seq of that version"`
	Head    uint64     `json:"head" doc:"seq of its last record"`
	Digest  rmg.Digest `json:"digest,omitzero" doc:"of its head; absent before its first record"`
	Owner   string     `json:"owner"`
	Process string     `json:"process,omitempty"`
	Reason  string     `json:"reason,omitempty" doc:"why it was made"`
	Outcome string     `json:"outcome,omitempty" doc:"why it ended"`
	Records int        `json:"records" doc:"rewrites in it"`
	Changes *int       `json:"changes,omitempty" doc:"elements that differ from the base; absent in lists"`
	At      Time       `json:"at,omitzero"`
}

// WorkspacesAnswer lists workspaces by number.
type WorkspacesAnswer struct {
	Workspaces []Workspace `json:"workspaces"`
}

// ForkRequest is the body of POST /sws.
type ForkRequest struct {
	From    string `json:"from,omitempty" doc:"a version; system if absent"`
	Private bool   `json:"private,omitempty" doc:"not in this version: true is refused"`
	Reason  string `json:"reason,omitempty"`
	Dir     string `json:"dir,omitempty" doc:"absolute path of a folder in a repository, which is synced in first"`
}

// DiscardRequest is the body of POST /sws/{id}/discard; it may be left out.
type DiscardRequest struct {
	Reason string `json:"reason,omitempty"`
}

// ExecRequest is the body of POST /sws/{id}/exec.
type ExecRequest struct {
	Argv []string `json:"argv" minItems:"1" doc:"no shell stands between"`
}

// The names of the events of POST /sws/{id}/exec.
const (
	EventOutput = "output" // work.Event
	EventExit   = "exit"   // ExecExit; the last
	EventError  = "error"  // Problem; the last
)

// ExecExit is how a command ended.
type ExecExit struct {
	Exit int `json:"exit"`
}

// ExecEvent is one event of a command: exactly one of Output and Exit.
type ExecEvent struct {
	Output *work.Event
	Exit   *ExecExit
}

// CollapseRequest is the body of POST /sws/{id}/collapse; it may be left out.
type CollapseRequest struct {
	Land string `json:"land,omitempty" doc:"commit (default), branch or none"`
}

// Collapsed is the end of a collapse that went through.
type Collapsed struct {
	Seq      uint64          `json:"seq"`
	Digest   rmg.Digest      `json:"digest"`
	Merged   bool            `json:"merged" doc:"the parent had moved since the fork"`
	Process  string          `json:"process,omitempty" doc:"process that carries it"`
	Commit   string          `json:"commit,omitempty" doc:"landed commit; absent if nothing of a repository changed"`
	LandedOn string          `json:"landed_on,omitempty" doc:"branch it landed on"`
	Evidence []work.Evidence `json:"evidence,omitempty"`
	Undoes   *RecordHead     `json:"undoes,omitempty" doc:"the record that was taken back; of an undo alone"`
}

// The states of an operation.
const (
	OperationRunning = "running"
	OperationDone    = "done"
	OperationFailed  = "failed"
)

// Operation is something that goes on after its call was answered. Operations
// are kept in memory: a restart forgets them, never what they did.
type Operation struct {
	ID        string     `json:"operation"`
	Kind      string     `json:"kind" enum:"collapse,undo"`
	Workspace string     `json:"sws" doc:"empty for an undo, whose workspace is made on the way"`
	State     string     `json:"state" enum:"running,done,failed"`
	Collapsed *Collapsed `json:"collapsed,omitempty" doc:"when done"`
	Problem   *Problem   `json:"problem,omitempty" doc:"when failed"`
}

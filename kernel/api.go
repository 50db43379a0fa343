package kernel

import (
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// Caller is who asks.
type Caller struct {
	Name    string // "ada@host", "worker:repair"
	Process string // set for a worker's token: the process it works for
}

// Record is one applied rewrite in the log.
type Record struct {
	Seq    uint64
	Tick   uint64
	At     time.Time
	View   string // "system" or "sws:w12"
	Author string
	Cause  string // what led to it: "p12", "p12/implement", "sync", ""
	Reason string
	Ops    []rewrite.Op
}

// Receipt acknowledges a rewrite: it is durable. Digest is of the view's world
// after the tick.
type Receipt struct {
	Seq    uint64
	Tick   uint64
	Digest rmg.Digest
}

// Workspace is a workspace as the ledger has it.
type Workspace struct {
	ID      string
	State   string // "open", "collapsed", "discarded"
	From    string // version it was forked from: "system", "sws:w7", "seq:40"
	Base    uint64 // seq of that version
	Head    uint64 // seq of its last record; the fork's own if none
	Digest  rmg.Digest
	Owner   string
	Process string // process it belongs to; empty if made by hand
	Reason  string // why it was made
	Outcome string // why it ended: the reason of the discard, "seq 57"
	Records int    // rewrites in it
	Changes int    // elements that differ from the base; -1 in lists
	At      time.Time
}

// Process is one intent being worked on, as the ledger has it.
type Process struct {
	ID         string
	Status     string   // planned running waiting proving collapsed landed unlanded failed cancelled interrupted
	Reason     string   // why it has that status, in a sentence
	Next       string   // what to do next; may be empty
	Code       rmg.Code // of a failure
	Text       string
	SLAPS      tasks.SLAPS
	Plan       *tasks.Plan
	Owner      string
	Repo       string // name
	Branch     string
	Top        string // place on disk
	Base       string // commit the intent started from
	Workspace  string
	Land       string // "commit", "branch", "none"
	Rights     work.Rights
	Tasks      []TaskState
	Evidence   []work.Evidence // of the proof that stands
	Collapse   uint64          // seq of the collapse record; 0 if none
	Commit     string          // landed or parked commit
	LandedOn   string          // branch it landed on: "main", "jitos/p12"
	Dirty      []string        // uncommitted paths when it began
	Rounds     int             // proofs run
	Started    time.Time
	Ended      time.Time // zero while it goes on
	ToolMillis int64     // wall time with a command of a worker or gate running, while the process ran
}

// TaskState is one task of a process's plan.
type TaskState struct {
	tasks.Task
	State    string // "waiting", "ready", "running", "ok", "nothing", "failed", "interrupted"
	Attempts int
	Summary  string
	Reasons  []string
	Output   rmg.Props
}

// IntentRequest submits an intent: Text or SLAPS.
type IntentRequest struct {
	Text     string
	SLAPS    *tasks.SLAPS
	Dir      string // a folder in the repository
	PlanOnly bool
	Land     string // "commit" (default), "branch", "none"
	Worker   string // not used for anything but "": reserved
}

// ForkRequest makes a workspace.
type ForkRequest struct {
	From   string // version; "" is "system"
	Reason string
	Dir    string // when set, the repository there is synced in first
}

// Collapsed is the end of a collapse.
type Collapsed struct {
	Seq       uint64
	Digest    rmg.Digest
	Merged    bool   // the parent had moved since the fork
	Process   string // process that carries it
	Commit    string // landed; empty if nothing of a repository changed
	LandedOn  string
	Evidence  []work.Evidence
	Conflicts []rmg.MergeConflict
}

// Line is a line of a process's progress.
type Line struct {
	N    uint64 // counts from 1 within the process
	At   time.Time
	Task string
	Text string
	Data map[string]any
}

// Reason is one link of a why-chain, outermost last.
type Reason struct {
	Seq      uint64
	At       time.Time
	Author   string
	Cause    string
	Text     string // a sentence: "w31 changed line 42 (candidate 7: < becomes <=)"
	Process  string
	Evidence []work.Evidence
}

// Explanation answers why something is as it is.
type Explanation struct {
	Path  rmg.Path
	Line  int    // 0 for the element as a whole
	Text  string // the line
	Chain []Reason
}

// Status is the state of the daemon.
type Status struct {
	Seq, Tick, Epoch    uint64
	World, Ledger       rmg.Digest
	Records, Workspaces int
	Processes, Running  int
	ReadOnly            string // why; empty if it writes
	Marked              uint64 // seq up to which any version of the past is opened at once
	Checked             string // what became of the check of the newest checkpoint; empty until it ends, or if there is none
	Started             time.Time
}

// Verification is what a replay of the log found.
type Verification struct {
	Records, Ticks, Segments, Blobs int
	Bytes                           int64
	World, Ledger                   rmg.Digest
	Problems                        []string
}

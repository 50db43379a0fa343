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
	Kind    CallerKind
	Caps    Caps // of a process's or an agent's token
	// Key is the idempotency key of the request that is made, empty for none. A
	// request that was applied under it before is not applied again: it has the
	// first one's receipt. It counts for Rewrite, Fork, Discard, Restore and Intent.
	Key string
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
	Once   Once // what a resend of its request is known by

	body rmg.Blob // where the log has Ops, if they do not stand in the record
}

// Receipt acknowledges a rewrite: it is durable. Digest is of the view's world
// after the tick.
type Receipt struct {
	Seq    uint64
	Tick   uint64
	Digest rmg.Digest
}

// Workspace is a workspace as the ledger has it. What is marked shown is not
// filled in in lists, since it costs reading the workspace's changes.
type Workspace struct {
	ID      string
	State   string // "open", "collapsed", "discarded"
	From    string // version it stands on: "system", "sws:w7", "seq:40"; empty if private
	Base    uint64 // seq of that version
	BaseAt  string // the base as a version that can be read: "sws:w5@5", "seq:40"
	Head    uint64 // seq of its last record; the fork's own if none
	Digest  rmg.Digest
	Owner   string
	Process string // process it belongs to; empty if made by hand
	Cause   string // what led to it: "p12/implement"; empty if that is the process or a person
	Reason  string // why it was made
	Outcome string // why it ended: the reason of the discard, "seq 57"; of an open one why it did not collapse
	Records int    // rewrites in it
	Changes int    // elements that differ from the base; -1 in lists
	At      time.Time
	Private bool          // a graph of its own, never collapsed
	Frozen  string        // why it takes no writes; empty if it does
	TTL     time.Duration // how long it may stay open; 0 for as long as it is wanted
	Expires time.Time     // when that is over; zero without a TTL
	Ops     int64         // in all its rewrites
	Bytes   int64         // of content in them
	Onto    string        // the version that a merge with conflicts is under way with; empty if none
	Open    int           // conflicts of that merge which are not resolved

	Wrote     []rmg.Path // shown: what differs from the base, the first maxShown
	Read      []rmg.Path // shown: what was read through it by its owner
	ReadBelow []rmg.Path // shown: where so much was read that it counts as all below
	Conflicts []Conflict // shown: of the merge under way
}

// Conflict is a place where a workspace and what it is merged with changed
// incompatibly, and how that is to be settled.
type Conflict struct {
	ID string // in the workspace: "c003"
	rmg.MergeConflict
	Take  string    // "system", "workspace", "base", "value"; empty while it is open
	Value rmg.Value // what was given, with "value"
	By    string    // who resolved it
}

// WorkspaceQuery selects workspaces; what is empty does not narrow it down.
type WorkspaceQuery struct {
	State, Owner, Process string
	After                 string // id after which the page begins
	Limit                 int    // at most; 0 for the default page
}

// Rebased is the end of a rebase. Conflicts are those that stand open: with
// none, the workspace stands on the new base.
type Rebased struct {
	Seq       uint64 // of the record; 0 if there was nothing to do
	Digest    rmg.Digest
	Base      string // the version that the workspace stands on now
	Conflicts []Conflict
}

// Resolution settles conflicts of a workspace: those at Path, or of one prop of
// it; all that are open if Path is empty. Exactly one of Take, Value and Edit
// says how.
type Resolution struct {
	Path  rmg.Path
	Prop  string
	Take  string    // "system", "workspace", "base"
	Value rmg.Value // of one conflict about a prop
	Edit  []byte    // the text of one conflict about a prop that is a string or content
}

// Process is one intent being worked on, as the ledger has it.
type Process struct {
	ID         string
	Status     string   // planned running waiting proving collapsed answered landed unlanded failed cancelled interrupted
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
	Land       string // "commit", "branch", "patch", "push", "push:upstream", "pr", "none"
	Isolation  string // "snapshot", "serializable"
	Rights     work.Rights
	Tasks      []TaskState     // of the plan, and then those of the way back that it is on
	Evidence   []work.Evidence // of the proof that stands
	Collapse   uint64          // seq of the collapse record; 0 if none
	UndoneBy   uint64          // seq of the record that took the collapse back; 0 if it stands
	Commit     string          // landed or parked commit
	LandedOn   string          // branch it landed on: "main", "jitos/p12", "origin/main"; "" for a patch
	Patch      rmg.Blob        // what it was handed out as; zero for nothing
	URL        string          // of its pull request
	Dirty      []string        // uncommitted paths when it began
	Rounds     int             // proofs run
	Evicted    *Eviction       // why the branch's queue put it out; nil if it did not
	Lanes      []Lane          // attempts of a race; Workspace is the winner's once there is one
	Spent      Spent           // what it used of its budget, when it ended
	Started    time.Time
	Ended      time.Time  // zero while it goes on
	ToolMillis int64      // wall time with a command of a worker or gate running, while the process ran
	Approvals  []Approval // that its collapse asked for, oldest first

	ask  bool     // a person approves the collapse whatever policy says
	back *wayBack // nil unless it undoes what it did

	refused []tasks.Did // what failed, and is not tried again
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

// Lane is one attempt of a race.
type Lane struct {
	N         int // from 1
	Workspace string
	State     string // of the workspace
	Outcome   string
}

// Spent is what a process used of its budget.
type Spent struct {
	Records     int64 // rewrites of its workspaces
	Bytes       int64 // content written in them
	Tokens      int64 // as its workers said
	MoneyMicros int64
}

// Eviction is how the merge queue put a collapse out.
type Eviction struct {
	Reason   string   // the red gates, or the first conflict
	Files    []string // what it would have changed, relative to the repository
	Beaten   uint64   // seq of the change without which it would have held; 0 if it does not hold by itself
	BeatenBy string   // that change, in words: "p4: Rename Old"
}

// IntentRequest submits an intent: Text or SLAPS.
type IntentRequest struct {
	Text     string
	SLAPS    *tasks.SLAPS
	Dir      string // a folder in the repository
	Dirty    bool   // the uncommitted state is seen by its workspaces, and no part of what collapses
	PlanOnly bool
	Land     string // as of a Process; "" is "commit"
	Worker   string // not used for anything but "": reserved
	Race     int    // attempts side by side, of which the first that is proven collapses; 0 and 1 are one
	// Isolation is "snapshot" (default: what both sides wrote conflicts) or
	// "serializable" (what the workspace read and the head changed does too).
	// Empty leaves it to a constraint of the SLAPS, "isolation: serializable".
	Isolation string
	// Protected and DropTests widen the intent's scope: protected paths that it may
	// change, tests that it may skip or take away, by name.
	Protected, DropTests []string
	Network              []string // hosts that its commands may reach, "api.example.com:443"
	Labels               []string // what the machine must have that its workers run on
	Approve              string   // "auto" (default), "ask": a person approves the collapse whatever policy says
}

// ExecRequest is a command to run in a workspace.
type ExecRequest struct {
	Argv    []string
	In      string   // the folder that it is asked from: it runs there where the workspace has it, else at the repository's top
	Network []string // hosts that it may reach, "api.example.com:443"; none: no network
}

// ForkRequest makes a workspace.
type ForkRequest struct {
	Dirty  bool   // with Dir: the uncommitted state is seen, and no part of what collapses
	From   string // version; "" is "system"
	Reason string
	Dir    string // when set, the repository there is synced in first
	// Private makes a graph of its own, which begins empty and never collapses.
	Private bool
	TTL     time.Duration // 0: what the policy says
}

// CollapseRequest says how a workspace made by hand is to become real.
type CollapseRequest struct {
	Land string // as of a Process; "" is "commit"
	// DropTests are the tests that the change skips or takes away, by name; * is
	// anything. It is for who may change protected paths.
	DropTests []string
}

// Collapsed is the end of a collapse.
type Collapsed struct {
	Seq       uint64
	Digest    rmg.Digest
	Merged    bool   // the parent had moved since the fork
	Process   string // process that carries it
	Commit    string // landed; empty if nothing of a repository changed
	LandedOn  string
	Patch     rmg.Blob // zero unless it was to be one
	URL       string   // of the pull request
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

// The kinds of links of a why-chain.
const (
	ReasonRecord   = "record"    // the record of the system that wrote it
	ReasonTrigger  = "trigger"   // the record that a rule fired on
	ReasonMoved    = "moved"     // a record that brought it here from elsewhere
	ReasonWork     = "workspace" // the record of a workspace in which it was written
	ReasonFork     = "candidate" // what the workspace was made for
	ReasonTask     = "task"      // what a task of the process says it did
	ReasonProof    = "evidence"  // what was proven before it came in
	ReasonApproval = "approval"  // who let it in
	ReasonLanding  = "landing"   // the commit it landed as
	ReasonCommit   = "commit"    // the commit of a repository that it came in with
	ReasonUndo     = "undo"      // the record that it took back
	ReasonIntent   = "intent"    // what a person asked for
)

// Reason is one link of a why-chain, outermost last.
type Reason struct {
	Kind     string
	Seq      uint64
	At       time.Time
	Author   string
	Cause    string
	Text     string // a sentence: "w31 changed line 42 (candidate 7: < becomes <=)"
	Process  string
	Space    string // workspace of the record
	Task     string // of the plan
	Attempt  int    // of the task, from 1
	Worker   string
	Model    string // that wrote it, and the hash of what it was told; if the attempt recorded them
	Prompt   string
	Commit   string
	Evidence []work.Evidence
}

// WhyQuery asks about an element, a prop of it, or a line of a file.
type WhyQuery struct {
	Path rmg.Path
	Prop string
	Line int // from 1; 0 for the element as a whole
}

// Explanation answers why something is as it is.
type Explanation struct {
	Path  rmg.Path
	Prop  string
	Line  int    // 0 for the element as a whole
	Text  string // the line
	Chain []Reason
	// Where it stood after the record that wrote it, which is the first link.
	Origin     rmg.Path
	OriginLine int
}

// Status is the state of the daemon.
type Status struct {
	Seq, Tick, Epoch    uint64
	World, Ledger       rmg.Digest
	Records, Workspaces int
	Processes, Running  int
	ReadOnly            string // why; empty if it writes
	Marked              uint64 // seq up to which any version of the past is opened at once, as far back as the policy keeps marks
	Checked             string // what became of the check of the newest checkpoint; empty until it ends, or if there is none
	Disk                int64  // bytes of log, contents and checkpoints, as of a moment ago; 0 if not known
	Started             time.Time
}

// Verification is what a replay of the log found.
type Verification struct {
	Records, Ticks, Segments, Blobs int
	Bytes                           int64
	World, Ledger                   rmg.Digest
	GivenUp                         int // workspaces whose contents a gc gave up
	Gone                            int // blobs that they alone name and that are not there any more
	Problems                        []string
}

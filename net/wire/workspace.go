package wire

import (
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// Workspace is a workspace as the ledger has it.
type Workspace struct {
	ID      string     `json:"id"`
	State   string     `json:"state" enum:"open,collapsed,discarded"`
	From    string     `json:"from" doc:"the version it stands on; empty if it is private"`
	Base    uint64     `json:"base" doc:"seq of that version"`
	BaseAt  string     `json:"base_at" doc:"its base as a version that can be read"`
	Head    uint64     `json:"head" doc:"seq of its last record"`
	Digest  rmg.Digest `json:"digest,omitzero" doc:"of its head; absent before its first record"`
	Owner   string     `json:"owner"`
	Process string     `json:"process,omitempty"`
	Cause   string     `json:"cause,omitempty" doc:"the task that made it"`
	Reason  string     `json:"reason,omitempty" doc:"why it was made"`
	Outcome string     `json:"outcome,omitempty" doc:"why it ended"`
	Records int        `json:"records" doc:"rewrites in it"`
	Ops     int64      `json:"ops" doc:"in all of them"`
	Bytes   int64      `json:"bytes" doc:"of content in them"`
	Changes *int       `json:"changes,omitempty" doc:"elements that differ from the base; absent in lists"`
	At      Time       `json:"at,omitzero"`
	Private bool       `json:"private,omitempty" doc:"a graph of its own, which never collapses"`
	Frozen  string     `json:"frozen,omitempty" doc:"why it takes no writes; absent if it does"`
	TTL     string     `json:"ttl,omitempty" doc:"how long it may stay open: 2h"`
	Expires Time       `json:"expires,omitzero" doc:"when that is over"`
	Onto    string     `json:"onto,omitempty" doc:"the version that a merge with conflicts is under way with"`
	Open    int        `json:"open_conflicts,omitempty" doc:"of that merge, not resolved yet"`

	Wrote     []rmg.Path          `json:"wrote,omitempty" doc:"what differs from the base, the first 1000; absent in lists"`
	Read      []rmg.Path          `json:"read,omitempty" doc:"what was read through it; absent in lists"`
	ReadBelow []rmg.Path          `json:"read_below,omitempty" doc:"where all below counts as read; absent in lists"`
	Conflicts []WorkspaceConflict `json:"conflicts,omitempty" doc:"of the merge under way; absent in lists"`
}

// WorkspaceConflict is a conflict that stands on a workspace until it is
// resolved, with the others of its merge.
type WorkspaceConflict struct {
	ID string `json:"id"`
	Conflict
	Take  string    `json:"take,omitempty" enum:"system,workspace,base,value" doc:"how it is settled; absent while it is open"`
	Value rmg.Value `json:"value,omitzero" doc:"what was given, with value"`
	By    string    `json:"by,omitempty" doc:"who resolved it"`
}

// WorkspacesAnswer lists workspaces by number, one page.
type WorkspacesAnswer struct {
	Workspaces []Workspace `json:"workspaces"`
	Next       string      `json:"next,omitempty" doc:"cursor of the page that follows"`
}

// ForkRequest is the body of POST /sws.
type ForkRequest struct {
	From    string `json:"from,omitempty" doc:"a version; system if absent"`
	Private bool   `json:"private,omitempty" doc:"a graph of its own, which begins empty and never collapses"`
	Reason  string `json:"reason,omitempty"`
	Dir     string `json:"dir,omitempty" doc:"absolute path of a folder in a repository, which is synced in first"`
	Dirty   bool   `json:"dirty,omitempty" doc:"with dir: the uncommitted state is seen, and no part of what collapses"`
	TTL     string `json:"ttl,omitempty" doc:"how long it may stay open: 90s, 2h; what the policy says if absent"`
}

// RebaseRequest is the body of POST /sws/{id}/rebase; it may be left out.
type RebaseRequest struct {
	Onto string `json:"onto,omitempty" doc:"a version of what it was forked from; the newest if absent"`
}

// Rebased is the end of a rebase, or of a resolution.
type Rebased struct {
	Seq       uint64     `json:"seq,omitempty" doc:"of the record; absent if there was nothing to do"`
	Digest    rmg.Digest `json:"digest,omitzero"`
	Base      string     `json:"base,omitempty" doc:"the version that the workspace stands on now; absent while conflicts are open"`
	Conflicts []Conflict `json:"conflicts,omitempty" doc:"that are open"`
}

// ResolveRequest is the body of POST /sws/{id}/resolve: exactly one of take,
// value and text.
type ResolveRequest struct {
	Path  rmg.Path  `json:"path,omitempty" doc:"where; all open conflicts if absent"`
	Prop  string    `json:"prop,omitempty" doc:"of the element there; all its conflicts if absent"`
	Take  string    `json:"take,omitempty" enum:"system,workspace,base" doc:"a side"`
	Value rmg.Value `json:"value,omitzero" doc:"of one conflict about a prop"`
	Text  *string   `json:"text,omitempty" doc:"of one conflict about a text or the content of a file"`
}

// FreezeRequest is the body of POST /sws/{id}/freeze; it may be left out.
type FreezeRequest struct {
	Reason string `json:"reason,omitempty"`
}

// DiscardRequest is the body of POST /sws/{id}/discard; it may be left out.
type DiscardRequest struct {
	Reason string `json:"reason,omitempty"`
}

// ExecRequest is the body of POST /sws/{id}/exec.
type ExecRequest struct {
	Argv    []string `json:"argv" minItems:"1" doc:"no shell stands between"`
	In      string   `json:"in,omitempty" doc:"the folder that it is asked from, absolute: it runs there where the workspace has it, else at the repository's top"`
	Network []string `json:"network,omitempty" doc:"hosts that it may reach, api.example.com:443; without one it has no network"`
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
	Land string `json:"land,omitempty" doc:"commit (default), branch, patch, push, pr or none; push:NAME and pr:NAME name a remote"`
	// DropTests is for who may change protected paths: by default people.
	DropTests []string `json:"drop_tests,omitempty" doc:"tests that the change skips or takes away, by name; * is anything"`
}

// Collapsed is the end of a collapse that went through.
type Collapsed struct {
	Seq      uint64          `json:"seq"`
	Digest   rmg.Digest      `json:"digest"`
	Merged   bool            `json:"merged" doc:"the parent had moved since the fork"`
	Process  string          `json:"process,omitempty" doc:"process that carries it"`
	Commit   string          `json:"commit,omitempty" doc:"landed commit; absent if nothing of a repository changed"`
	LandedOn string          `json:"landed_on,omitempty" doc:"branch it landed on"`
	Patch    string          `json:"patch,omitempty" doc:"SHA-256 of the patch, of land=patch"`
	URL      string          `json:"url,omitempty" doc:"of the pull request"`
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
	Waiting   *Approval  `json:"waiting,omitempty" doc:"the question whose answer it waits for"`
}

package work

import (
	"context"
	"fmt"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// Worker executes primitive tasks of one kind. One value serves any number of
// assignments at once.
type Worker interface {
	Describe() Description
	// Run does one assignment and returns when it is done, or soon after ctx
	// is cancelled, leaving no process behind. A task that cannot succeed
	// returns a Result that is not OK, with its reasons; the error is for
	// what went wrong in the worker itself.
	Run(ctx context.Context, a Assignment) (Result, error)
}

// Description says what a worker is.
type Description struct {
	Name    string   `json:"name"` // "repair"
	Summary string   `json:"summary"`
	Actions []string `json:"actions"` // what a task may ask of it, sorted
	// Deterministic promises the same changes from the same workspace, arguments,
	// inputs and budget, so that its work can be checked by doing it again.
	Deterministic bool `json:"deterministic,omitempty"`
	// Needs are the capabilities that it cannot do without: NeedCommands,
	// NeedNetwork. Sorted.
	Needs []string `json:"needs,omitempty"`
	// HeartbeatMillis is for how long it may say nothing before it counts as
	// lost; 0 for as long as its task may take.
	HeartbeatMillis int64 `json:"heartbeat_ms,omitempty"`
	// Home is that no other machine does what it does: it stands on a key or a
	// program that the daemon was started with.
	Home bool `json:"home,omitempty"`
}

// NotAway is why a worker that stays at home does no task that asks for labels.
func (d Description) NotAway(labels []string) error {
	if !d.Home || len(labels) == 0 {
		return nil
	}
	return &rmg.Error{
		Op: "dispatch", Code: rmg.Invalid, Msg: fmt.Sprintf("worker %s is the daemon's own and works on no other machine, and labels %s ask for one", d.Name, strings.Join(labels, ", ")),
		Hint: "ask without labels, or of a daemon whose plan has workers that can: script, repair",
	}
}

// What a worker may need.
const (
	NeedCommands = "commands" // runs programs, in the sandbox
	NeedNetwork  = "network"  // talks to somebody outside this machine
)

// Assignment is one attempt at one task.
type Assignment struct {
	Process   string // "p12"
	Task      string // id in the plan
	Action    string
	Args      map[string]any       // JSON values
	Inputs    map[string]rmg.Props // outputs of the tasks it needs, by task id
	Attempt   int                  // from 1
	Labels    []string             // what the machine must have that does it; empty for the daemon itself
	Lane      int                  // of a race, from 1: what the lanes may do differently; 0 if there is no race
	Token     string               // fences late results
	Workspace Workspace
	Repo      Repo
	Rights    Rights
	Budget    Budget
	Reads     bool        // what it reads of the repository counts: Result.Reads is asked for
	Query     Query       // read-only look at the system; for reports
	Emit      func(Event) // from any goroutine; the listener hears one at a time. A sign of life
	Beat      func()      // a sign of life without a word; from any goroutine
	// May asks policy, and where that says so a person, whether an agent may use a
	// tool: it may take days. From one goroutine at a time; nil where nobody decides.
	May func(ctx context.Context, t Tool) (Verdict, error)
}

// Tool is what an agent asks leave for.
type Tool struct {
	Kind  string // read, edit, execute, fetch, ...
	Title string // in its own words
}

// Verdict is whether it may. The zero Verdict is that no rule says: the worker's own
// order counts.
type Verdict struct {
	Allow, Deny bool
	Why         string // the rule, or who said so
}

// Repo says where in the graph the repository of the process stands.
type Repo struct {
	Top    string // its place on disk, where its files are at home; may be empty
	Name   string
	Branch string
	Root   rmg.Path // /repo/<name>/<branch>; zero if there is none
	Module string   // folder of the module the target is in, relative, "." for the root
	Target string   // folder or file the intent is about, relative, "." for all
	Symbol string   // what the intent is about inside it, if it is a symbol
}

// Rights are the capabilities of a process, as far as a worker is concerned.
type Rights struct {
	Workers   []string `json:"workers"`              // kinds of worker it may use
	Write     []string `json:"write"`                // globs relative to the repository, "**" for all
	Protected []string `json:"protected,omitempty"`  // globs that stay as they are
	Network   string   `json:"network"`              // "none", "hosts"
	Hosts     []string `json:"hosts,omitempty"`      // that its commands may reach, in the form of ParseHost
	Granted   []string `json:"granted,omitempty"`    // protected globs that the intent may change after all
	Adds      []string `json:"adds,omitempty"`       // protected globs at which it may put files that are not there
	Excluded  []string `json:"excluded,omitempty"`   // globs of Protected that the intent itself leaves out; Adds does not reach there
	DropTests []string `json:"drop_tests,omitempty"` // tests that it may skip or take away, by name
	// Capabilities beyond its workspace: "system" is to rewrite the world itself,
	// outside /repo.
	Capabilities []string `json:"capabilities,omitempty"`
}

// Budget bounds an assignment. The wall clock can only end it in failure.
type Budget struct {
	Candidates int
	WallMillis int64
	OutputMax  int64 // bytes of captured output
	MemoryMax  int64 // bytes that the processes of one command may have together; 0 for what the machine allows
	ScratchMax int64 // bytes that the files may take which one command writes, kept or not; 0 for what the disk allows
	// What the process may still spend of what only workers can count; 0 for any
	// amount.
	Tokens      int64
	MoneyMicros int64 // millionths of the currency that prices are in
}

// Result is what came of an assignment. What it changed stands in the
// workspace already.
type Result struct {
	OK      bool
	Nothing bool // OK, and there was nothing to do
	Summary string
	Reasons []string  // why not OK; what to try next
	Output  rmg.Props // handed to the tasks that need this one; small
	Adopt   string    // id of the child workspace whose change is taken into the task's workspace
	Spent   Spent     // by this assignment
	// Reads are all the files that what it did depends on, where that was recorded or
	// declared and nothing else of the workspace was looked at; else nil.
	Reads *Reads
}

// Reads are the files that a command read of the folder that it was given, looked
// for in vain, or looked at; relative, sorted. Of a name with "/" behind it the names
// in that folder were read: "/" for the root's.
// Where they are declared Names are globs of them instead.
type Reads struct {
	By    string // how they are known: ReadsBySeccomp, ReadsDeclared
	Names []string
}

// How reads are known.
const (
	ReadsBySeccomp = "seccomp"  // recorded, by the names that system calls are given
	ReadsDeclared  = "declared" // by whoever wrote the task, where nothing could be recorded
)

// Spent is what a worker used of what only it can count. It is its own word.
type Spent struct {
	Tokens      int64
	MoneyMicros int64 // millionths of the currency that the budget is in
}

// Event is a line of progress.
type Event struct {
	Task string         `json:"task,omitempty"`
	Text string         `json:"text"`
	Data map[string]any `json:"data,omitempty"` // "tried", "total", "candidate", ...
}

// Workspace is a worker's handle on a workspace. Methods are safe for
// concurrent use; each returns after what it did is durable.
type Workspace interface {
	ID() string // "w14"
	// Graph returns the head's world at this moment.
	Graph() rmg.Graph
	// Rewrite applies ops under the process's rights. Denied: outside them.
	Rewrite(ctx context.Context, rw rewrite.Rewrite) error
	// Fork makes a child workspace with ops applied, in one go. About one disk flush.
	Fork(ctx context.Context, reason string, ops []rewrite.Op) (Workspace, error)
	// Discard drops a child, remembering why; its bytes stay.
	Discard(ctx context.Context, reason string) error
	// Materialise gives the head's repository as a folder. Slot numbers the
	// fixed places that a worker uses side by side, from 0: the same slot is
	// the same path again, and costs only what differs from its last use.
	Materialise(ctx context.Context, slot int) (Folder, error)
	// Open reads content. The caller closes nothing: it is held whole.
	ReadBlob(b rmg.Blob) ([]byte, error)
	PutBlob(data []byte) (rmg.Blob, error)
}

// Folder is a materialised repository: real files in a private place.
type Folder interface {
	// Path is the absolute path of the repository's root.
	Path() string
	// Scratch is a private folder beside it that stays with the slot: caches,
	// HOME, TMPDIR. No gate ever reads it.
	Scratch() string
	// Update makes the folder hold another workspace's head; undoes what was
	// written in it since.
	Update(ctx context.Context, w Workspace) error
	// Scan returns what changed in the folder since it was materialised, as
	// ops on the graph.
	Scan(ctx context.Context) ([]rewrite.Op, error)
	// Close frees the slot.
	Close() error
}

// Query reads versions of the system.
type Query interface {
	System() rmg.Graph
	// Commits returns the repository's newest commits, newest first.
	Commits(ctx context.Context, max int) ([]Commit, error)
	ReadBlob(b rmg.Blob) ([]byte, error)
}

// Commit is one commit of a repository's history.
type Commit struct {
	ID, Author, Subject string
	AtUnix              int64
}

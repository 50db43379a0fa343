package wire

import (
	"encoding/json"

	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// IntentRequest is the body of POST /intent: Text or SLAPS. What is marked as
// not in this version is refused when it asks for anything.
type IntentRequest struct {
	Text     string          `json:"text,omitempty"`
	SLAPS    json.RawMessage `json:"slaps,omitempty" doc:"a SLAPS document; every violation is reported"`
	Repo     string          `json:"repo,omitempty" doc:"absolute path of a folder in the repository"`
	PlanOnly bool            `json:"plan_only,omitempty"`
	Race     int             `json:"race,omitempty" doc:"attempts side by side, at most 8, of which the first that is proven collapses"`
	Approve  string          `json:"approve,omitempty" doc:"auto (default): as policy says; ask: a person approves the collapse in any case" enum:"auto,ask"`
	Land     string          `json:"land,omitempty" doc:"commit (default), branch, patch, push, pr or none; push:NAME and pr:NAME name a remote"`
	From     string          `json:"from,omitempty" doc:"not in this version"`
	Dirty    bool            `json:"dirty,omitempty" doc:"the uncommitted state is seen by the workers, and no part of what lands"`
	Worker   string          `json:"worker,omitempty" doc:"not in this version"`
	// Protected and DropTests are for who may change protected paths: by default people.
	Protected []string `json:"protected,omitempty" doc:"globs of protected paths that the intent may change"`
	DropTests []string `json:"drop_tests,omitempty" doc:"tests that it may skip or take away, by name; * is anything"`
	Network   []string `json:"network,omitempty" doc:"hosts that its commands may reach, api.example.com:443; by default only people may say so"`
	Labels    []string `json:"labels,omitempty" doc:"what the machine must have that its workers run on; absent for the daemon's own"`
	// Isolation says what conflicts with what landed since the fork.
	Isolation string `json:"isolation,omitempty" doc:"snapshot (default: what both wrote conflicts) or serializable (what was read and then changed does too)"`
}

// IntentAnswer says what an intent became. With plan_only there is neither
// process nor workspace.
type IntentAnswer struct {
	Process string       `json:"process,omitempty"`
	SWS     string       `json:"sws,omitempty"`
	Plan    *tasks.Plan  `json:"plan"`
	SLAPS   *tasks.SLAPS `json:"slaps,omitempty" doc:"what was understood"`
	Repo    string       `json:"repo,omitempty"`
	Branch  string       `json:"branch,omitempty"`
	Base    string       `json:"base,omitempty" doc:"commit it starts from"`
	Dirty   []string     `json:"dirty,omitempty" doc:"uncommitted paths, left alone"`
}

// Process is one intent being worked on. In lists SLAPS, plan, rights and
// evidence are left out.
type Process struct {
	ID         string          `json:"id"`
	Status     string          `json:"status" enum:"planned,running,waiting,proving,collapsed,landed,unlanded,failed,cancelled,interrupted"`
	Reason     string          `json:"reason,omitempty" doc:"why it has that status, in a sentence"`
	Next       string          `json:"next,omitempty" doc:"what to do next"`
	Code       rmg.Code        `json:"code,omitempty" doc:"of a failure"`
	Text       string          `json:"text"`
	SLAPS      *tasks.SLAPS    `json:"slaps,omitempty"`
	Plan       *tasks.Plan     `json:"plan,omitempty"`
	Owner      string          `json:"owner"`
	Repo       string          `json:"repo,omitempty"`
	Branch     string          `json:"branch,omitempty"`
	Top        string          `json:"top,omitempty" doc:"the repository's place on disk"`
	Base       string          `json:"base,omitempty" doc:"commit it started from"`
	SWS        string          `json:"sws,omitempty"`
	Land       string          `json:"land,omitempty"`
	Rights     *work.Rights    `json:"rights,omitempty"`
	Tasks      []TaskState     `json:"tasks"`
	Evidence   []work.Evidence `json:"evidence,omitempty" doc:"of the proof that stands"`
	Collapse   uint64          `json:"collapse,omitempty" doc:"seq of the collapse"`
	UndoneBy   uint64          `json:"undone_by,omitempty" doc:"seq of the record that took the collapse back"`
	Commit     string          `json:"commit,omitempty" doc:"landed or parked commit"`
	LandedOn   string          `json:"landed_on,omitempty"`
	Patch      string          `json:"patch,omitempty" doc:"SHA-256 of the patch, of land=patch"`
	URL        string          `json:"url,omitempty" doc:"of the pull request"`
	Dirty      []string        `json:"dirty,omitempty" doc:"uncommitted paths when it began"`
	Rounds     int             `json:"rounds,omitempty" doc:"proofs run"`
	Isolation  string          `json:"isolation,omitempty" doc:"snapshot or serializable"`
	Evicted    *Eviction       `json:"evicted,omitempty" doc:"why the branch's queue put it out"`
	Lanes      []Lane          `json:"lanes,omitempty" doc:"attempts of a race"`
	Spent      *Spent          `json:"spent,omitempty" doc:"what it used of its budget"`
	Started    Time            `json:"started,omitzero"`
	Ended      Time            `json:"ended,omitzero" doc:"absent while it goes on"`
	Approvals  []Approval      `json:"approvals,omitempty" doc:"what its collapse asked a person, oldest first"`
	ToolMillis int64           `json:"tool_ms" doc:"wall time with a command of a worker or gate running"`
}

// Lane is one attempt of a race.
type Lane struct {
	N       int    `json:"n" doc:"from 1"`
	SWS     string `json:"sws"`
	State   string `json:"state" enum:"open,collapsed,discarded"`
	Outcome string `json:"outcome,omitempty"`
}

// Spent is what a process used of its budget, when it ended.
type Spent struct {
	Records     int64 `json:"records" doc:"rewrites of its workspaces"`
	Bytes       int64 `json:"bytes" doc:"content written in them"`
	Tokens      int64 `json:"tokens,omitempty" doc:"as its workers said"`
	MoneyMicros int64 `json:"money_micros,omitempty" doc:"as its workers said"`
}

// CostAnswer tells what workers spent, as they said. Money is in millionths of the
// unit that prices are told in.
type CostAnswer struct {
	Total     Cost   `json:"total"`
	Days      []Cost `json:"days" doc:"the sum of each day, oldest first"`
	Processes []Cost `json:"processes" doc:"the sum of each process, and of what is none, oldest first"`
	Costs     []Cost `json:"costs" doc:"what is summed: of each worker, on each day, for each process"`
}

// Cost is a sum, of what its fields say.
type Cost struct {
	Day         string `json:"day,omitempty" doc:"in UTC"`
	For         string `json:"for,omitempty" doc:"a process; reading and proposal are what models did for none"`
	Worker      string `json:"worker,omitempty"`
	Calls       int64  `json:"calls" doc:"attempts of tasks, readings of words, tries of a proposal"`
	Tokens      int64  `json:"tokens"`
	MoneyMicros int64  `json:"money_micros"`
}

// Eviction is how a branch's queue put a collapse out.
type Eviction struct {
	Reason   string   `json:"reason" doc:"the red gates, or the first conflict"`
	Files    []string `json:"files,omitempty" doc:"what it would have changed"`
	Beaten   uint64   `json:"beaten,omitempty" doc:"seq of the change without which it would have held; absent if it does not hold by itself"`
	BeatenBy string   `json:"beaten_by,omitempty" doc:"that change, in words"`
}

// Live reports whether the process still goes on by itself.
func (p Process) Live() bool {
	switch p.Status {
	case "planned", "running", "waiting", "proving", "collapsed":
		return p.Ended.IsZero()
	}
	return false
}

// TaskState is one task of a process's plan and how it stands.
type TaskState struct {
	tasks.Task
	State    string    `json:"state" enum:"waiting,ready,running,ok,nothing,failed,interrupted"`
	Attempts int       `json:"attempts,omitempty"`
	Outcome  string    `json:"outcome,omitempty" doc:"what came of it, in a line"`
	Reasons  []string  `json:"reasons,omitempty" doc:"of a failure, and what to try"`
	Output   rmg.Props `json:"output,omitzero" doc:"handed to the tasks that need it"`
}

// ProcessesAnswer lists processes by number.
type ProcessesAnswer struct {
	Processes []Process `json:"processes"`
}

// The names of the events of GET /process/{id}/log.
const (
	EventLine = "line" // Line
	EventEnd  = "end"  // ProcessEnd; the last
)

// Line is a line of a process's progress.
type Line struct {
	N    uint64         `json:"n" doc:"counts from 1 within the process"`
	At   Time           `json:"at,omitzero"`
	Task string         `json:"task,omitempty"`
	Text string         `json:"text"`
	Data map[string]any `json:"data,omitempty"`
}

// ProcessEnd closes a process's log. With follow=false it may come while the
// process still goes on, which Status tells.
type ProcessEnd struct {
	Process  string   `json:"process"`
	Status   string   `json:"status"`
	Reason   string   `json:"reason,omitempty"`
	Next     string   `json:"next,omitempty"`
	Code     rmg.Code `json:"code,omitempty"`
	Commit   string   `json:"commit,omitempty"`
	LandedOn string   `json:"landed_on,omitempty"`
}

// LogEvent is one event of a process's log: exactly one of Line and End.
type LogEvent struct {
	Line *Line
	End  *ProcessEnd
}

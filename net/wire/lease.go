package wire

import (
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// TakeRequest is the body of POST /lease: who asks, and what it has.
type TakeRequest struct {
	Machine string   `json:"machine" doc:"its name: a to z, 0 to 9, -, _ and ."`
	Labels  []string `json:"labels,omitempty" doc:"what it has: gpu, linux"`
	Workers []string `json:"workers" doc:"kinds of worker that it runs: script, repair"`
}

// TakeAnswer holds the lease, if there was a task in time.
type TakeAnswer struct {
	Lease *Lease `json:"lease,omitempty"`
}

// Lease is one attempt at a task, for a machine to do.
type Lease struct {
	ID      string                          `json:"id"`
	TermMS  int64                           `json:"term_ms" doc:"it ends so long after the last sign of life that was answered, counted from when that was sent"`
	Process string                          `json:"process"`
	Task    string                          `json:"task"`
	Attempt int                             `json:"attempt"`
	Lane    int                             `json:"lane,omitempty"`
	Worker  string                          `json:"worker"`
	Action  string                          `json:"action"`
	Args    map[string]any                  `json:"args,omitempty"`
	Inputs  map[string]map[string]rmg.Value `json:"inputs,omitempty" doc:"outputs of the tasks that it needs, by task"`
	SWS     string                          `json:"sws"`
	Repo    LeaseRepo                       `json:"repo"`
	Rights  work.Rights                     `json:"rights" doc:"as the kernel will judge what comes back"`
	Budget  LeaseBudget                     `json:"budget"`
}

// LeaseRepo says where in the graph the repository stands.
type LeaseRepo struct {
	Name   string   `json:"name"`
	Branch string   `json:"branch"`
	Root   rmg.Path `json:"root"`
	Module string   `json:"module,omitempty"`
	Target string   `json:"target,omitempty"`
	Symbol string   `json:"symbol,omitempty"`
}

// LeaseBudget bounds a task; 0 is no bound.
type LeaseBudget struct {
	Candidates  int   `json:"candidates,omitempty"`
	WallMS      int64 `json:"wall_ms,omitempty"`
	OutputMax   int64 `json:"output_max,omitempty" doc:"bytes"`
	MemoryMax   int64 `json:"memory_max,omitempty" doc:"bytes"`
	ScratchMax  int64 `json:"scratch_max,omitempty" doc:"bytes"`
	Tokens      int64 `json:"tokens,omitempty"`
	MoneyMicros int64 `json:"money_micros,omitempty"`
}

// LeaseTree is what a task works on: ops that make it of a base that the machine
// said it has, or of nothing.
type LeaseTree struct {
	Digest rmg.Digest   `json:"digest" doc:"of what the ops make"`
	Base   rmg.Digest   `json:"base,omitzero" doc:"of the tree that the ops are put to; without it they make all of it"`
	Ops    []rewrite.Op `json:"ops"`
}

// BeatRequest is the body of POST /lease/{id}/heartbeat.
type BeatRequest struct {
	Said []work.Event `json:"said,omitempty" doc:"lines of progress and output, in order"`
}

// BeatAnswer says that the lease goes on.
type BeatAnswer struct {
	TermMS int64 `json:"term_ms"`
}

// ReturnRequest is the body of POST /lease/{id}/result.
type ReturnRequest struct {
	OK          bool                 `json:"ok"`
	Nothing     bool                 `json:"nothing,omitempty" doc:"it is well, and there was nothing to do"`
	Summary     string               `json:"summary,omitempty"`
	Reasons     []string             `json:"reasons,omitempty"`
	Output      map[string]rmg.Value `json:"output,omitempty"`
	Ops         []rewrite.Op         `json:"ops,omitempty" doc:"what was changed; contents are put first"`
	Reason      string               `json:"reason,omitempty" doc:"of the change"`
	Failure     string               `json:"failure,omitempty" doc:"what went wrong in the worker itself"`
	Tokens      int64                `json:"tokens,omitempty"`
	MoneyMicros int64                `json:"money_micros,omitempty"`
}

// ReturnAnswer says that the result was taken.
type ReturnAnswer struct {
	Taken bool `json:"taken"`
}

// MachinesAnswer lists machines.
type MachinesAnswer struct {
	Machines []work.Machine `json:"machines"`
}

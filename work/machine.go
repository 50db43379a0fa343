package work

import (
	"context"

	"jitos.dev/rewrite"
)

// Machine is a place outside the daemon where tasks are worked on: it comes and
// asks for them.
type Machine struct {
	Name    string   `json:"name"`
	Caller  string   `json:"caller"`  // whom its token belongs to: "token:m2"
	Labels  []string `json:"labels"`  // what it has: "gpu", "linux"
	Workers []string `json:"workers"` // kinds of worker that it runs
	Task    string   `json:"task,omitempty"`
	// SilentMillis is how long ago it was last heard of.
	SilentMillis int64 `json:"silent_ms"`
}

// Lease is one assignment in the hands of a machine.
type Lease struct {
	ID         string // nobody guesses it
	Worker     string
	Assignment Assignment
	TermMillis int64 // how long it lasts from each sign of life
}

// Returned is what a machine brings back: the change, which is judged as any
// worker's is, and what it says of it, which is a claim.
type Returned struct {
	Ops    []rewrite.Op
	Reason string
	Result Result
	// Failure is what went wrong in the worker itself; empty if nothing did.
	Failure string
}

// Leases hands assignments to machines. Methods are safe for concurrent use. A
// lease belongs to the caller who took it; for others, and once it is over, it is
// Stale.
type Leases interface {
	// Take waits for an assignment that the machine can do. False: ctx ended first.
	Take(ctx context.Context, m Machine) (Lease, bool, error)
	// Held is a lease that goes on.
	Held(id, caller string) (Lease, error)
	// Beat is a sign of life, with what the worker says meanwhile.
	Beat(id, caller string, said []Event) error
	// Return ends a lease, whatever comes of it.
	Return(id, caller string, r Returned) error
	// Machines lists those that were heard of lately, by name.
	Machines() []Machine
}

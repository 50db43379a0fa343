package workers

import (
	"context"

	"jitos.dev/work"
	"jitos.dev/workers/gotool"
)

// Runner dispatches assignments to the workers it was given, and runs gates.
type Runner struct{}

// Options says what a runner is made of.
type Options struct {
	Workers []work.Worker
	Go      *gotool.Toolchain // nil if this machine has no Go
}

// New makes a runner. Two workers of one name are refused.
func New(opt Options) (*Runner, error) { panic("stub") }

// Describe lists the workers, by name.
func (r *Runner) Describe() []work.Description { panic("stub") }

// Run does one assignment with the worker named. NotFound if there is none, or
// it has no such action.
func (r *Runner) Run(ctx context.Context, worker string, a work.Assignment) (work.Result, error) {
	panic("stub")
}

// Prove runs every gate of p, in order, and returns their evidence in that
// order. A gate that cannot be run is red, with the reason. It stops early
// only when ctx ends.
func (r *Runner) Prove(ctx context.Context, p work.Proof) ([]work.Evidence, error) { panic("stub") }

// Key returns what a gate's evidence is keyed by: the hash of input tree, gate,
// tool versions, environment and sandbox tier.
func (r *Runner) Key(p work.Proof, g work.Gate) string { panic("stub") }

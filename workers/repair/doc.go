// Package repair is the worker that fixes bugs without a language model: it
// reproduces the failure, localises it from coverage (Ochiai; Abreu, Zoeteweij
// and van Gemund 2007), and searches small changes of the syntax tree that
// turn every test green, each in a workspace of its own.
package repair

import (
	"context"

	"jitos.dev/work"
	"jitos.dev/workers/gotool"
)

// Worker repairs Go modules. Actions: reproduce, localise, implement.
type Worker struct{}

// New makes the worker. parallel is how many candidates are tested side by
// side; it never changes which one wins.
func New(t *gotool.Toolchain, parallel int) *Worker { panic("stub") }

func (w *Worker) Describe() work.Description { panic("stub") }

func (w *Worker) Run(ctx context.Context, a work.Assignment) (work.Result, error) { panic("stub") }

// Package sandbox runs a command so that it can write only where it was told,
// read only what it needs, reach no network, and leave nothing behind.
//
// The command is started through this same program (see Main), which locks
// itself in and then becomes the command.
package sandbox

import (
	"context"
	"io"
	"time"

	"jitos.dev/work"
)

// Command is what to run, and what it may touch.
type Command struct {
	Argv      []string
	Dir       string   // working folder
	Write     []string // folders it may write in
	Read      []string // further files and folders it may read; the system's programs and libraries are given
	Env       []string // the whole environment, "NAME=value"
	Timeout   time.Duration
	OutputMax int64     // bytes kept of stdout and stderr together; 0: DefaultOutputMax
	Stdout    io.Writer // copy of stdout as it comes; may be nil. Never written after Run returned
	Stderr    io.Writer
}

// DefaultOutputMax is how much output is kept.
const DefaultOutputMax = 4 << 20

// Outcome is how a command ended.
type Outcome struct {
	Exit      int  // exit status; 128+signal if it was killed
	TimedOut  bool // killed at the end of its time
	Stdout    []byte
	Stderr    []byte
	Truncated bool
	Took      time.Duration
	InForce   work.Sandbox
}

// Run starts the command in its own session and namespaces, waits for it, and
// kills everything it started. The error is for a command that could not be
// started at all; ctx's end kills it and returns ctx's error with the outcome.
func Run(ctx context.Context, c Command) (Outcome, error) { panic("stub") }

// InForce says what a command would run under on this machine.
func InForce() work.Sandbox { panic("stub") }

// Busy returns for how long, in all, at least one command has been running.
func Busy() time.Duration { panic("stub") }

// Main must be called first thing in main: in the process that Run starts it
// locks itself in, becomes the command, and does not return. Elsewhere it does
// nothing.
func Main() { panic("stub") }

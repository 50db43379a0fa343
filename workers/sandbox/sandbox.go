// Package sandbox runs a command so that it can write only where it was told,
// read only what it needs, reach no network, and leave nothing behind.
//
// The command is started through this same program (see Main). The first of two
// stages stands in new namespaces as their init: it makes them ready, starts
// the second, and reaps. The second locks itself in with Landlock and resource
// limits, gives up every capability, and becomes the command. When the first
// ends, the kernel kills whatever the command left running.
//
// What a machine does not give is done without and named in the outcome: see
// work.Sandbox. What is not closed on any machine: what a command takes of memory
// between two looks at it (the kernel's out-of-memory killer takes a sandboxed
// process first), and side channels.
package sandbox

import (
	"bytes"
	"io"
	"os"
	"sync"
	"time"

	"jitos.dev/work"
)

// Command is what to run, and what it may touch.
type Command struct {
	Argv    []string
	Dir     string   // working folder
	Write   []string // folders it may write in
	Read    []string // further files and folders it may read; the system's programs and libraries are given
	Env     []string // the whole environment, "NAME=value"
	Timeout time.Duration
	// Own is where the first of Write is shown, over whatever stands there, if the
	// machine gives a mount namespace and nothing else that the command needs
	// stands below: then Dir, Write and the values of Env that lead into that
	// folder lead there. Empty for nowhere. The outcome's parts name it.
	Own string
	// Hosts are the places that it may reach, "name:port" as work.ParseHost has
	// them, by a proxy that HTTP_PROXY and HTTPS_PROXY name. Without one there is no
	// network; on a machine without network namespaces there is none either way, and
	// the outcome says what it lacks.
	Hosts []string
	// MemoryMax is how many bytes its processes may have together; 0 for all but an
	// eighth of the machine's. It is looked at now and again: see Outcome.Over.
	MemoryMax int64
	// DiskMax is how many bytes the files may take together that it writes in its
	// folders; 0 for any number. Whatever it is, some room on the disk is kept for
	// others. It is looked at now and again, as memory is.
	DiskMax int64
	// Reads has what it reads below the first of Write recorded, where the machine
	// can: see Outcome. It costs a switch to another process for each name.
	Reads     bool
	Connected func(work.Connection) // hears of each at its end, from any goroutine; may be nil
	OutputMax int64                 // bytes kept of stdout and stderr together; 0: DefaultOutputMax
	Stdin     *os.File              // nil for none
	Stdout    io.Writer             // copy of stdout as it comes; may be nil. Never written after Run returned
	Stderr    io.Writer
}

// NetworkHosts is work.Sandbox.Network where the proxy is the only way out.
const NetworkHosts = "hosts (netns, proxy)"

// drainTime is how long output is awaited from what outlives the command, on a
// machine without process namespaces.
const drainTime = 2 * time.Second

// DefaultOutputMax is how much output is kept.
const DefaultOutputMax = 4 << 20

// The limits of every command.
const (
	maxProcesses = 4096    // in the sandbox, where the kernel can count them apart
	maxOpenFiles = 16384   // of one process
	maxFileSize  = 8 << 30 // bytes of one file
	maxCPU       = 4 * 60 * 60
)

// Outcome is how a command ended.
type Outcome struct {
	Exit      int  // exit status; 128+signal if it was killed
	TimedOut  bool // killed at the end of its time
	Stdout    []byte
	Stderr    []byte
	Truncated bool
	Took      time.Duration
	InForce   work.Sandbox
	// Over is the limit for which it was killed, with what it took: "memory_max: ...".
	// Empty if none.
	Over string
	// Reads is what it read, if that was asked for and all of it could be recorded. The
	// outcome's parts and lacks say by what, or why not.
	Reads *work.Reads
	// Connections are those that it tried to make beyond the sandbox, as they came.
	Connections []work.Connection
}

// busy is the union of the time in which commands run.
var busy struct {
	sync.Mutex // guards the fields below
	running    int
	since      time.Time
	total      time.Duration
}

// Busy returns for how long, in all, at least one command has been running.
func Busy() time.Duration {
	busy.Lock()
	defer busy.Unlock()
	if busy.running > 0 {
		return busy.total + time.Since(busy.since)
	}
	return busy.total
}

func begin() {
	busy.Lock()
	defer busy.Unlock()
	if busy.running++; busy.running == 1 {
		busy.since = time.Now()
	}
}

func end() {
	busy.Lock()
	defer busy.Unlock()
	if busy.running--; busy.running == 0 {
		busy.total += time.Since(busy.since)
	}
}

// room is how much output may still be kept, over both streams.
type room struct {
	sync.Mutex // guards the fields below
	left       int64
	truncated  bool
}

// capped keeps what there is room for, and passes everything on.
type capped struct {
	room *room
	kept bytes.Buffer
	also io.Writer
}

func (c *capped) Write(p []byte) (int, error) {
	c.room.Lock()
	keep := min(int64(len(p)), c.room.left)
	c.room.left -= keep
	c.room.truncated = c.room.truncated || keep < int64(len(p))
	c.room.Unlock()
	c.kept.Write(p[:keep])
	if c.also != nil {
		// A reader that went away must not stop the command.
		_, _ = c.also.Write(p)
	}
	return len(p), nil
}

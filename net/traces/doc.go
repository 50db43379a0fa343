// Package traces tells an OpenTelemetry collector what became of intents: a trace
// for each process, made of the records of the log alone.
//
// A trace is a function of its records: ids are hashes of what they say, times are
// theirs, and so a trace that is made again is the same one. Spans are
//
//	intent                what a person asked for, until the process ended
//	  plan                the plan that was made of it
//	  task NAME           from its first attempt to the end of its last
//	    worker NAME       one attempt; the rewrites that it sent are its events
//	      gate NAME       what the kernel proved in it
//	      collapse        the record that let the change in
//	  landing             from the collapse to the commit
package traces

import (
	"time"

	"jitos.dev/rewrite"
)

// Record is what is needed of a record of the log.
type Record struct {
	Seq                         uint64
	At                          time.Time
	View, Author, Cause, Reason string
	Ops                         []rewrite.Op
}

// Span is one step of a trace.
type Span struct {
	Trace         [16]byte
	ID, Parent    [8]byte // Parent is zero of an intent
	Name          string
	Begins, Ends  time.Time
	Failed        string // why it failed; "" if it did not
	Attributes    []Attribute
	Events        []Event
	EventsDropped int
}

// Attribute is a name and a string, an int64 or a bool.
type Attribute struct {
	Name  string
	Value any
}

// Event is something that happened at a moment.
type Event struct {
	At         time.Time
	Name       string
	Attributes []Attribute
}

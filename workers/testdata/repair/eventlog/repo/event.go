// Package eventlog keeps what happened, and answers who did what.
package eventlog

import "time"

// Level says how much an event matters.
type Level int

// The levels, from the least to the most.
const (
	Debug Level = iota
	Info
	Warn
	Error
)

// Event is something that happened.
type Event struct {
	At    time.Time
	Level Level
	Who   string
	What  string
}

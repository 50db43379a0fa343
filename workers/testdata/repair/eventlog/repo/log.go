package eventlog

import (
	"slices"
	"sync"
)

// Log keeps the newest events. Safe for concurrent use.
type Log struct {
	mu     sync.Mutex // guards events
	events []Event    // the oldest first
	limit  int
}

// New returns a log that keeps up to limit events; at least one.
func New(limit int) *Log { return &Log{limit: max(limit, 1)} }

// Add keeps e, and forgets the oldest event where there is no room.
func (l *Log) Add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) == l.limit {
		l.events = slices.Delete(l.events, 0, 1)
	}
	l.events = append(l.events, e)
}

// All are the events that are kept, the oldest first.
func (l *Log) All() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}

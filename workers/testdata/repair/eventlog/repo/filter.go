package eventlog

import (
	"strings"
	"time"
)

// Filter picks events. Its zero value picks all; every field that is set
// must be met.
type Filter struct {
	Level Level     // this one or above
	Who   string    // exactly
	Text  string    // somewhere in What, in upper or lower case
	Since time.Time // then or later
}

// Match reports whether e is picked.
func (f Filter) Match(e Event) bool {
	if e.Level < f.Level {
		return false
	}
	if f.Who != "" && e.Who == f.Who {
		return false
	}
	if f.Text != "" && !strings.Contains(strings.ToLower(e.What), strings.ToLower(f.Text)) {
		return false
	}
	return !e.At.Before(f.Since)
}

// Find are the events that f picks, the oldest first.
func (l *Log) Find(f Filter) []Event {
	var out []Event
	for _, e := range l.All() {
		if f.Match(e) {
			out = append(out, e)
		}
	}
	return out
}

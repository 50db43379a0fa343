package retry

import "time"

// Policy says how often and how fast to try again.
type Policy struct {
	Attempts int           // at most, the first one included
	Base     time.Duration // the pause after the first failure
	Max      time.Duration // no pause is longer; 0 means no limit
}

// Default is five attempts over about a second and a half.
var Default = Policy{Attempts: 5, Base: 100 * time.Millisecond, Max: time.Second}

// Pause is how long to wait after the n-th failure, counted from 1: Base,
// doubled with every further failure.
func (p Policy) Pause(n int) time.Duration {
	d := p.Base
	for range n - 1 {
		d *= 2
		if p.Max > 0 && d >= p.Max {
			return p.Max
		}
	}
	return d
}

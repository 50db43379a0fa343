package ratelimit

import (
	"errors"
	"time"
)

// ErrPolicy reports a policy that could never let a call through.
var ErrPolicy = errors.New("ratelimit: rate and burst must be positive")

// Policy says how many calls are let through.
type Policy struct {
	// Rate is how many tokens come back per second.
	Rate float64
	// Burst is the most tokens a bucket holds, and what it starts with.
	Burst int
}

// PerMinute is the policy of n calls a minute, all of which may come at once.
func PerMinute(n int) Policy {
	return Policy{Rate: float64(n) / 60, Burst: n}
}

// Check reports whether the policy can be used.
func (p Policy) Check() error {
	if p.Rate <= 0 || p.Burst <= 0 {
		return ErrPolicy
	}
	return nil
}

// refillTime is how long it takes until missing tokens are back.
func (p Policy) refillTime(missing float64) time.Duration {
	return time.Duration(missing / p.Rate * float64(time.Second))
}

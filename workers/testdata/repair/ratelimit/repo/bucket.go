// Package ratelimit lets calls through at a steady rate with short bursts.
package ratelimit

import "time"

// Bucket is a token bucket. It is driven by the times passed to it, never by
// the wall clock. Not safe for concurrent use.
type Bucket struct {
	policy Policy
	tokens float64
	last   time.Time
}

// NewBucket returns a full bucket.
func NewBucket(p Policy, now time.Time) (*Bucket, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	return &Bucket{policy: p, tokens: float64(p.Burst), last: now}, nil
}

// AllowN takes n tokens at time now, and reports whether there were enough.
// When there were not, none is taken.
func (b *Bucket) AllowN(now time.Time, n int) bool {
	b.refill(now)
	if b.tokens <= float64(n) {
		return false
	}
	b.tokens -= float64(n)
	return true
}

// Allow is AllowN for one token.
func (b *Bucket) Allow(now time.Time) bool { return b.AllowN(now, 1) }

// Wait is how long after now n tokens will be there; 0 when they already are.
// ok is false when the bucket can never hold that many.
func (b *Bucket) Wait(now time.Time, n int) (d time.Duration, ok bool) {
	if n > b.policy.Burst {
		return 0, false
	}
	b.refill(now)
	missing := float64(n) - b.tokens
	if missing <= 0 {
		return 0, true
	}
	return b.policy.refillTime(missing), true
}

// refill adds what came back since the last call. A clock that steps back
// adds nothing.
func (b *Bucket) refill(now time.Time) {
	elapsed := now.Sub(b.last)
	if elapsed <= 0 {
		return
	}
	b.last = now
	b.tokens = min(b.tokens+elapsed.Seconds()*b.policy.Rate, float64(b.policy.Burst))
}

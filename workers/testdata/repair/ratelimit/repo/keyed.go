package ratelimit

import (
	"sync"
	"time"
)

// Keyed holds one bucket per key, all under one policy. Safe for concurrent
// use.
type Keyed struct {
	policy Policy

	mu      sync.Mutex // guards buckets and every bucket in it
	buckets map[string]*Bucket
}

// NewKeyed returns a limiter without any key yet.
func NewKeyed(p Policy) (*Keyed, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	return &Keyed{policy: p, buckets: map[string]*Bucket{}}, nil
}

// Allow takes one token from the bucket of key.
func (k *Keyed) Allow(key string, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	b := k.buckets[key]
	if b == nil {
		b = &Bucket{policy: k.policy, tokens: float64(k.policy.Burst), last: now}
		k.buckets[key] = b
	}
	return b.Allow(now)
}

// Sweep forgets the keys whose bucket is full again, and returns how many.
func (k *Keyed) Sweep(now time.Time) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for key, b := range k.buckets {
		b.refill(now)
		if b.tokens >= float64(k.policy.Burst) {
			delete(k.buckets, key)
			n++
		}
	}
	return n
}

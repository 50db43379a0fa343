package ratelimit

import (
	"errors"
	"testing"
	"time"
)

var t0 = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)

func newBucket(t *testing.T, rate float64, burst int) *Bucket {
	t.Helper()
	b, err := NewBucket(Policy{Rate: rate, Burst: burst}, t0)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAllow(t *testing.T) {
	type call struct {
		after time.Duration
		n     int
		want  bool
	}
	tests := []struct {
		name  string
		burst int
		calls []call
	}{
		{"less than burst", 5, []call{{0, 3, true}}},
		{"whole burst at once", 5, []call{{0, 5, true}}},
		{"more than burst", 5, []call{{0, 6, false}}},
		{"refusal takes nothing", 5, []call{{0, 9, false}, {0, 4, true}}},
		{"comes back", 4, []call{{0, 3, true}, {0, 3, false}, {3 * time.Second, 3, true}}},
		{"clock steps back", 3, []call{{0, 2, true}, {-time.Minute, 2, false}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBucket(t, 1, tt.burst)
			for i, c := range tt.calls {
				if got := b.AllowN(t0.Add(c.after), c.n); got != c.want {
					t.Errorf("call %d: AllowN(+%v, %d) = %v, want %v", i, c.after, c.n, got, c.want)
				}
			}
		})
	}
}

func TestWait(t *testing.T) {
	b := newBucket(t, 2, 4)
	b.AllowN(t0, 3)
	tests := []struct {
		n    int
		want time.Duration
		ok   bool
	}{
		{1, 0, true},
		{2, 500 * time.Millisecond, true},
		{4, 1500 * time.Millisecond, true},
		{5, 0, false},
	}
	for _, tt := range tests {
		got, ok := b.Wait(t0, tt.n)
		if got != tt.want || ok != tt.ok {
			t.Errorf("Wait(%d) = %v, %v, want %v, %v", tt.n, got, ok, tt.want, tt.ok)
		}
	}
}

func TestPolicy(t *testing.T) {
	for _, p := range []Policy{{}, {Rate: 1}, {Burst: 1}, {Rate: -1, Burst: 1}} {
		if _, err := NewBucket(p, t0); !errors.Is(err, ErrPolicy) {
			t.Errorf("%+v: err = %v", p, err)
		}
	}
	if p := PerMinute(120); p.Rate != 2 || p.Burst != 120 {
		t.Errorf("PerMinute(120) = %+v", p)
	}
}

func TestSweep(t *testing.T) {
	k, err := NewKeyed(Policy{Rate: 1, Burst: 3})
	if err != nil {
		t.Fatal(err)
	}
	k.Allow("a", t0)
	k.Allow("b", t0.Add(5*time.Second))
	if n := k.Sweep(t0.Add(5 * time.Second)); n != 1 {
		t.Errorf("swept %d keys, want 1", n)
	}
}

package rmg

import (
	"crypto/sha256"
	"testing"
)

// TestSum: of messages of every length up to several blocks, and of one that is long,
// the sum is SHA-256.
func TestSum(t *testing.T) {
	var s summer
	room := make([]byte, 0, 16)
	for n := range 400 {
		if n == 399 {
			n = 100_000
		}
		b := room[:0]
		for i := range n {
			b = append(b, byte(i*7+n))
		}
		want := Digest(sha256.Sum256(b))
		got, used := s.sum(b)
		if room = used; got != want {
			t.Fatalf("of %d bytes: %s, want %s", n, got, want)
		}
	}
}

package journal_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"jitos.dev/journal"
	"jitos.dev/journal/journaltest"
)

// versionOf is the version and the flags of the frame at the front of b.
func versionOf(b []byte) [2]byte { return [2]byte{b[4], b[24]} }

// A payload is compressed from the limit on, if that makes it smaller; what is
// read is what was appended, and the chain is over what stands there.
func TestCompression(t *testing.T) {
	noise := noise(2 * journal.CompressFrom)
	text := journaltest.Payload(7, 4*journal.CompressFrom)
	plain, packed := [2]byte{1, 0}, [2]byte{2, 1}
	for _, tt := range []struct {
		name    string
		opt     journal.Options
		payload []byte
		want    [2]byte
	}{
		{"below the limit", journal.Options{}, text[:journal.CompressFrom-1], plain},
		{"at the limit", journal.Options{}, text[:journal.CompressFrom], packed},
		{"much", journal.Options{}, text, packed},
		{"noise", journal.Options{}, noise, plain},
		{"switched off", journal.Options{CompressFrom: -1}, text, plain},
		{"of another limit", journal.Options{CompressFrom: 100}, text[:100], packed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var chains [][32]byte
			for range 2 {
				disk := journaltest.NewFaultFS(1)
				opt := tt.opt
				opt.FS = disk
				s := open(t, "/data", opt)
				want := []journal.Frame{journaltest.Append(t, s, 1, tt.payload)}
				b, _ := disk.ReadFile("/data/log/0000000000000001.seg")
				n, _, _, err := journal.DecodeFrame(b, 1, [32]byte{})
				if err != nil {
					t.Fatal(err)
				}
				b = b[:n]
				if got := versionOf(b); got != tt.want || (tt.want == packed) != (len(b) < len(tt.payload)) {
					t.Errorf("version and flags are %v, not %v; %d bytes of %d", got, tt.want, len(b), len(tt.payload))
				}
				if _, chain := s.Last(); chain != sha256.Sum256(b) {
					t.Error("the chain is not the hash of what stands there")
				}
				// Another goroutine's payloads, in between, change nothing.
				want = append(want, journaltest.Append(t, s, 1, bytes.Repeat([]byte("other"), 9000)), journaltest.Append(t, s, 1, tt.payload))
				_, chain := s.Last()
				chains = append(chains, chain)
				disk.Crash()
				// The limit may change: what stands there is read.
				s = open(t, "/data", journal.Options{FS: disk, CompressFrom: -1})
				journaltest.Same(t, journaltest.Frames(t, s, 1), want)
				if r, err := s.Verify(); err != nil || len(r.Problems) > 0 {
					t.Errorf("verify: %+v, %v", r, err)
				}
			}
			if chains[0] != chains[1] {
				t.Error("the same appends make another chain")
			}
		})
	}
}

// A compressed payload that is none, or larger than a frame may be, is told and
// takes no memory.
func TestCompressionThatIsNone(t *testing.T) {
	enc, err := zstd.NewWriter(nil, zstd.WithSingleSegment(true))
	if err != nil {
		t.Fatal(err)
	}
	for name, stored := range map[string][]byte{
		"no zstd":  []byte("not compressed at all"),
		"half":     enc.EncodeAll(journaltest.Payload(1, 5000), nil)[:30],
		"too much": enc.EncodeAll(make([]byte, journal.MaxFrame+1), nil),
	} {
		disk := journaltest.NewFaultFS(1)
		b, _ := journal.EncodeStored(journal.Frame{Epoch: 1, First: 1, Count: 1, Payload: stored}, 1, [32]byte{})
		disk.Plant("/data/log/0000000000000001.seg", b)
		s := open(t, "/data", journal.Options{FS: disk})
		for f, err := range s.Read(1) {
			if err == nil || !errors.Is(err, journal.ErrCorrupt) {
				t.Errorf("%s: read %s, %v", name, journaltest.Show(f), err)
			}
		}
		if r, err := s.Verify(); err != nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "seq 1") {
			t.Errorf("%s: verify: %+v, %v", name, r, err)
		}
	}
}

// noise is bytes that no compression makes fewer.
func noise(n int) []byte {
	b := make([]byte, n)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

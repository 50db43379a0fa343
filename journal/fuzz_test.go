package journal_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"syscall"
	"testing"

	"jitos.dev/journal"
	"jitos.dev/journal/journaltest"
)

// chainOf lays out frames of 1, 2, … records with the given payloads, and
// returns the bytes and where each frame ends.
func chainOf(payloads ...string) (b []byte, ends []int) {
	var chain [32]byte
	next := uint64(1)
	for i, p := range payloads {
		var f []byte
		f, chain = journal.EncodeFrame(journal.Frame{Epoch: uint64(1 + i/2), First: next, Count: uint32(1 + i), Payload: []byte(p)}, chain)
		next += uint64(1 + i)
		b = append(b, f...)
		ends = append(ends, len(b))
	}
	return b, ends
}

// A frame that decodes is, byte for byte, the one that encoding makes: no two
// byte strings are the same frame, and none is taken that was not written.
func FuzzDecodeFrame(f *testing.F) {
	b, ends := chainOf("", "one", strings.Repeat("two", 99))
	chain := sha256.Sum256(b[:ends[0]])
	f.Add(b, uint64(1), []byte{})
	f.Add(b[ends[0]:], uint64(2), chain[:])
	f.Add(b[:ends[0]-1], uint64(1), []byte{})
	f.Add(bytes.Repeat([]byte("JTF1"), 30), uint64(1), []byte{})
	f.Fuzz(func(t *testing.T, data []byte, next uint64, prev []byte) {
		var chain [32]byte
		copy(chain[:], prev)
		n, frame, flags, err := journal.DecodeFrame(data, next, chain)
		if err != nil {
			return
		}
		if again, _ := journal.EncodeStored(frame, flags, chain); n > len(data) || !bytes.Equal(again, data[:n]) {
			t.Fatalf("%x decodes to %s, which is %x", data[:min(n, len(data))], journaltest.Show(frame), again)
		}
		if frame.First != next || frame.Count == 0 {
			t.Fatalf("after seq %d: %s", next-1, journaltest.Show(frame))
		}
		// One bit round, anywhere, and it is no frame any more.
		for _, bit := range []int{0, 8 * n / 3, 8*journal.HeaderSize - 1, 8*n - 1} {
			data[bit/8] ^= 1 << (bit % 8)
			if _, f, _, err := journal.DecodeFrame(data, next, chain); err == nil {
				t.Fatalf("with bit %d turned: %s", bit, journaltest.Show(f))
			}
			data[bit/8] ^= 1 << (bit % 8)
		}
	})
}

// resealed puts right checksums into everything that begins like a frame, or
// the fuzzer would never come behind them.
func resealed(b []byte) []byte {
	b = bytes.Clone(b)
	table := crc32.MakeTable(crc32.Castagnoli)
	for at := 0; ; at += 4 {
		i := bytes.Index(b[at:], []byte("JTF1"))
		if i < 0 || len(b)-at-i < journal.HeaderSize {
			return b
		}
		at += i
		f := b[at:]
		if n := journal.HeaderSize + int(binary.LittleEndian.Uint32(f[64:])); n <= len(f) {
			binary.LittleEndian.PutUint32(f[68:], crc32.Checksum(f[journal.HeaderSize:n], table))
		}
		seal(f)
	}
}

// Arbitrary bytes as a last segment: recovery takes the longest run of good
// frames, and what follows is either kept aside and told, with no whole frame
// in it that could have been acknowledged, or refused. A second opening then
// finds the same, and the log goes on.
func FuzzRecovery(f *testing.F) {
	b, ends := chainOf("", "one", strings.Repeat("two", 40), "three")
	f.Add(b, false, false)
	f.Add(b, false, true)
	f.Add(b[:len(b)-1], false, false)
	f.Add(b[:ends[2]+10], true, false)
	f.Add(append(bytes.Clone(b), make([]byte, 100)...), false, false)
	f.Add(append(bytes.Clone(b[:ends[0]]), b[ends[1]:]...), false, false)
	f.Add(append(bytes.Clone(b), b[ends[1]:]...), true, false)
	flipped := bytes.Clone(b)
	flipped[ends[0]+70] ^= 1
	f.Add(flipped, false, false)
	f.Add(flipped, false, true)
	f.Add([]byte{}, true, false)
	f.Fuzz(func(t *testing.T, data []byte, follows, reseal bool) {
		if reseal {
			data = resealed(data)
		}
		const first, second = "/data/log/0000000000000001.seg", "/data/log/0000000000000002.seg"
		disk := journaltest.NewFaultFS(1)
		// No reserve: writing it would be most of the time.
		noReserve := func(op journaltest.Op, name string) error {
			if op == journaltest.OpCreate && name == "/data/reserve" {
				return syscall.ENOSPC
			}
			return nil
		}
		disk.Inject(noReserve)
		name, next, chain := first, uint64(1), [32]byte{}
		var good []byte
		if follows {
			good, _ = chainOf("before")
			name, next, chain = second, 2, sha256.Sum256(good)
			disk.Plant(first, good)
		}
		disk.Plant(name, data)

		// What a reader of the format, which knows nothing of recovery, finds.
		whole := 0
		for {
			n, frame, _, err := journal.DecodeFrame(data[whole:], next, chain)
			if err != nil {
				break
			}
			chain = sha256.Sum256(data[whole : whole+n])
			next = frame.First + uint64(frame.Count)
			whole += n
		}

		var notices []string
		s, err := journal.Open("/data", journal.Options{FS: disk, Notice: func(n string) {
			if !strings.Contains(n, "reserve") {
				notices = append(notices, n)
			}
		}})
		if err != nil {
			if !errors.Is(err, journal.ErrCorrupt) || !strings.Contains(err.Error(), name+" at ") {
				t.Fatalf("refused without a place: %v", err)
			}
			if now, _ := disk.ReadFile(name); !bytes.Equal(now, data) {
				t.Fatal("refused, and changed")
			}
			return
		}
		if seq, c := s.Last(); seq != next-1 || c != chain {
			t.Fatalf("last is %d, but the good frames end with %d", seq, next-1)
		}
		kept, _ := disk.ReadDir("/data/torn")
		if len(bytes.Trim(data[whole:], "\x00")) == 0 {
			if len(kept)+len(notices) > 0 {
				t.Fatalf("nothing is torn: %q, %q", kept, notices)
			}
		} else {
			if len(kept) != 1 || len(notices) != 1 {
				t.Fatalf("%d bytes went silently: %q, %q", len(data)-whole, kept, notices)
			}
			aside, _ := disk.ReadFile("/data/torn/" + kept[0])
			now, _ := disk.ReadFile(name)
			if !bytes.Equal(append(now, aside...), bytes.TrimRight(data, "\x00")) {
				t.Fatal("what is left and what is kept aside are not what was there")
			}
		}
		if r, err := s.Verify(); err != nil || len(r.Problems) > 0 {
			t.Fatalf("verify: %+v, %v", r, err)
		}
		journaltest.Append(t, s, 1, []byte("goes on"))
		want := journaltest.Frames(t, s, 1)
		disk.Crash()
		disk.Inject(noReserve)
		s, err = journal.Open("/data", journal.Options{FS: disk})
		if err != nil {
			t.Fatalf("the second opening: %v", err)
		}
		journaltest.Same(t, journaltest.Frames(t, s, 1), want)
	})
}

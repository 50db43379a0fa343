package journal_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"jitos.dev/journal"
	"jitos.dev/journal/journaltest"
)

func open(t testing.TB, dir string, opt journal.Options) *journal.Store {
	t.Helper()
	s, err := journal.Open(dir, opt)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

func closeStore(t testing.TB, s *journal.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func TestStoreIsALog(t *testing.T) {
	for _, size := range []int64{0, 256} {
		t.Run(fmt.Sprintf("segments of %d", size), func(t *testing.T) {
			journaltest.TestLog(t, func(t *testing.T) func() journal.Log {
				dir := filepath.Join(t.TempDir(), "a", "data")
				return func() journal.Log { return open(t, dir, journal.Options{SegmentSize: size}) }
			})
		})
	}
}

func TestStoreKeepsCheckpoints(t *testing.T) {
	journaltest.TestCheckpoints(t, func(t *testing.T) func() journaltest.Keeper {
		dir := t.TempDir()
		return func() journaltest.Keeper { return open(t, dir, journal.Options{SegmentSize: 700}) }
	})
}

// frameSize is the size of each frame that lay lays.
const frameSize = journal.HeaderSize + 100

// lay makes a data folder with frames of frameSize bytes, perSegment of them
// in each segment.
func lay(t testing.TB, frames, perSegment int) (dir string, all []journal.Frame) {
	t.Helper()
	dir = t.TempDir()
	s := open(t, dir, journal.Options{SegmentSize: int64(perSegment * frameSize)})
	for i := range frames {
		all = append(all, journaltest.Append(t, s, uint32(1+i%2), journaltest.Payload(uint64(i), 100)))
	}
	closeStore(t, s)
	return dir, all
}

func segments(t testing.TB, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "log", "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// seal puts the checksum that belongs to a header that was changed.
func seal(frame []byte) []byte {
	h := frame[:journal.HeaderSize]
	binary.LittleEndian.PutUint32(h[72:], crc32.Checksum(h[:72], crc32.MakeTable(crc32.Castagnoli)))
	return frame
}

// sealed changes the header of frame i in a segment's bytes, and seals it.
func sealed(b []byte, i int, change func(h []byte)) []byte {
	f := b[i*frameSize:]
	change(f)
	seal(f)
	return b
}

// Of six frames in one segment, a torn last one is cut off, kept and told.
func TestRecoveryCutsOffATornEnd(t *testing.T) {
	const n, last = 6, 5 * frameSize
	for _, tt := range []struct {
		name string
		keep int // frames that stay
		tear func(b []byte) []byte
	}{
		{"in the payload", 5, func(b []byte) []byte { return b[:len(b)-1] }},
		{"after the header", 5, func(b []byte) []byte { return b[:last+journal.HeaderSize] }},
		{"in the header", 5, func(b []byte) []byte { return b[:last+journal.HeaderSize-1] }},
		{"after a byte", 5, func(b []byte) []byte { return b[:last+1] }},
		{"the header was not written", 5, func(b []byte) []byte { clear(b[last : last+64]); return b }},
		{"a sector of the payload was not written", 5, func(b []byte) []byte { clear(b[last+110 : last+150]); return b }},
		{"a byte behind the end", 6, func(b []byte) []byte { return append(b, 'J') }},
		{"in the room behind the end", 5, func(b []byte) []byte { return append(b[:len(b)-1], make([]byte, 4096)...) }},
		{"the first frame", 0, func(b []byte) []byte { return b[:40] }},
		{"a payload that holds a whole frame", 6, func(b []byte) []byte {
			inner, _ := journal.EncodeFrame(journal.Frame{Epoch: 1, First: 99, Count: 1, Payload: []byte("x")}, [32]byte{})
			outer, _ := journal.EncodeFrame(journal.Frame{Epoch: 1, First: 10, Count: 1, Payload: append(inner, 'y')}, sha256.Sum256(b[last:]))
			outer[len(outer)-1] = 0
			return append(b, outer...)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, frames := lay(t, n, n)
			seg := segments(t, dir)[0]
			b := tt.tear(read(t, seg))
			write(t, seg, b)

			var notices []string
			s := open(t, dir, journal.Options{Notice: func(n string) { notices = append(notices, n) }})
			want := frames[:tt.keep]
			journaltest.Same(t, journaltest.Frames(t, s, 1), want)
			kept, _ := filepath.Glob(filepath.Join(dir, "torn", "*"))
			if len(kept) != 1 || !bytes.Equal(read(t, kept[0]), bytes.TrimRight(b[tt.keep*frameSize:], "\x00")) {
				t.Errorf("kept aside: %q", kept)
			}
			if len(notices) != 1 || !strings.Contains(notices[0], "torn") || !strings.Contains(notices[0], kept[0]) {
				t.Errorf("notices: %q", notices)
			}
			want = append(slices.Clone(want), journaltest.Append(t, s, 1, []byte("goes on")))
			closeStore(t, s)

			s = open(t, dir, journal.Options{})
			defer closeStore(t, s)
			journaltest.Same(t, journaltest.Frames(t, s, 1), want)
		})
	}
}

// Zeros behind the last frame are room for the next: nothing is torn, and nothing said.
// Where another segment follows they are cut off.
func TestRoomAhead(t *testing.T) {
	const n, last = 6, 5 * frameSize
	for _, tt := range []struct {
		name string
		keep int // frames that stay
		make func(b []byte) []byte
	}{
		{"for a frame of which nothing was written", 5, func(b []byte) []byte { clear(b[last:]); return b }},
		{"for many frames", 6, func(b []byte) []byte { return append(b, make([]byte, 4096)...) }},
		{"for less than a header", 6, func(b []byte) []byte { return append(b, 0) }},
		{"and no frame", 0, func(b []byte) []byte { clear(b); return b }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, frames := lay(t, n, n)
			seg := segments(t, dir)[0]
			write(t, seg, tt.make(read(t, seg)))
			s := open(t, dir, journal.Options{Notice: func(n string) { t.Error(n) }})
			want := append(slices.Clone(frames[:tt.keep]), journaltest.Append(t, s, 1, []byte("goes on")))
			journaltest.Same(t, journaltest.Frames(t, s, 1), want)
			if b := read(t, seg); !holdsMore(b, want) {
				t.Errorf("%d bytes are there while it is open", len(b))
			}
			closeStore(t, s)
			if b := read(t, seg); holdsMore(b, want) {
				t.Errorf("%d bytes are left when it was closed", len(b))
			}
			s = open(t, dir, journal.Options{SegmentSize: 1})
			want = append(want, journaltest.Append(t, s, 1, []byte("elsewhere")))
			closeStore(t, s)

			whole := read(t, seg)
			write(t, seg, append(slices.Clone(whole), 0))
			s = open(t, dir, journal.Options{})
			journaltest.Same(t, journaltest.Frames(t, s, 1), want)
			closeStore(t, s)
			if !bytes.Equal(read(t, seg), whole) {
				t.Error("room is left before another segment")
			}
		})
	}
}

// holdsMore reports whether more stands in a segment than these frames.
func holdsMore(b []byte, frames []journal.Frame) bool {
	var chain [32]byte
	next := uint64(1)
	for range frames {
		n, f, _, err := journal.DecodeFrame(b, next, chain)
		if err != nil {
			return false
		}
		next, chain, b = f.First+uint64(f.Count), sha256.Sum256(b[:n]), b[n:]
	}
	return len(b) > 0
}

// The same place may be torn twice; both ends are kept.
func TestTornEndsAreAllKept(t *testing.T) {
	dir, frames := lay(t, 2, 2)
	seg := segments(t, dir)[0]
	whole := read(t, seg)
	for range 2 {
		write(t, seg, whole[:len(whole)-3])
		s := open(t, dir, journal.Options{})
		journaltest.Same(t, journaltest.Frames(t, s, 1), frames[:1])
		closeStore(t, s)
	}
	if kept, _ := filepath.Glob(filepath.Join(dir, "torn", "*")); len(kept) != 2 {
		t.Errorf("kept aside: %q", kept)
	}
}

// Six frames, two in a segment: every damage but a torn end is refused, with
// file and offset, and nothing is changed.
func TestRecoveryRefusesDamage(t *testing.T) {
	const n = 6
	le := binary.LittleEndian
	for _, tt := range []struct {
		name   string
		seg    int // whose bytes are damaged
		offset int // that is named
		damage func(b []byte) []byte
	}{
		{"a bit of a payload, a frame follows", 2, 0, func(b []byte) []byte { b[journal.HeaderSize+5] ^= 4; return b }},
		{"a bit of a header, a frame follows", 2, 0, func(b []byte) []byte { b[20] ^= 1; return b }},
		{"a bit of a magic, a frame follows", 2, 0, func(b []byte) []byte { b[0] ^= 1; return b }},
		{"a frame of zeros, a frame follows", 2, 0, func(b []byte) []byte { clear(b[:frameSize]); return b }},
		{"a bit of the last frame of an earlier segment", 0, frameSize, func(b []byte) []byte { b[frameSize+80] ^= 1; return b }},
		{"an earlier segment is cut in a frame", 1, frameSize, func(b []byte) []byte { return b[:frameSize+9] }},
		{"an earlier segment goes on", 1, 2 * frameSize, func(b []byte) []byte { return append(b, 0, 1) }},
		{"frames in another order", 2, 0, func(b []byte) []byte { return slices.Concat(b[frameSize:], b[:frameSize]) }},
		{"a frame is missing", 2, 0, func(b []byte) []byte { return b[frameSize:] }},
		{"a frame twice", 2, 2 * frameSize, func(b []byte) []byte { return append(b, b[frameSize:]...) }},
		{"a frame of another chain", 2, frameSize, func(b []byte) []byte {
			return sealed(b, 1, func(h []byte) { h[40] ^= 1 })
		}},
		{"another content, with right checksums", 2, frameSize, func(b []byte) []byte {
			f, _ := journal.EncodeFrame(journal.Frame{Epoch: 1, First: 7, Count: 1, Payload: make([]byte, 100)}, [32]byte(b[32:64]))
			return append(f, b[frameSize:]...)
		}},
		{"a frame of another chain, torn", 2, frameSize, func(b []byte) []byte {
			return sealed(b[:len(b)-1], 1, func(h []byte) { h[40] ^= 1 })
		}},
		{"another seq", 2, frameSize, func(b []byte) []byte {
			return sealed(b, 1, func(h []byte) { le.PutUint64(h[16:], 9) })
		}},
		{"an earlier epoch", 2, frameSize, func(b []byte) []byte {
			f, chain := journal.EncodeFrame(journal.Frame{Epoch: 2, First: 7, Count: 1, Payload: make([]byte, 100)}, [32]byte(b[32:64]))
			g, _ := journal.EncodeFrame(journal.Frame{Epoch: 1, First: 8, Count: 2, Payload: make([]byte, 100)}, chain)
			return append(f, g...)
		}},
		{"no epoch", 2, frameSize, func(b []byte) []byte {
			return sealed(b, 1, func(h []byte) { le.PutUint64(h[8:], 0) })
		}},
		{"an epoch that none can follow", 2, frameSize, func(b []byte) []byte {
			return sealed(b, 1, func(h []byte) { le.PutUint64(h[8:], 1<<64-1) })
		}},
		{"no records", 2, frameSize, func(b []byte) []byte {
			return sealed(b, 1, func(h []byte) { le.PutUint32(h[28:], 0) })
		}},
		{"beyond the limit", 2, frameSize, func(b []byte) []byte {
			return sealed(b, 1, func(h []byte) { le.PutUint32(h[64:], journal.MaxFrame+1) })
		}},
		{"reserved bits", 2, frameSize, func(b []byte) []byte {
			return sealed(b, 1, func(h []byte) { h[24] = 1 })
		}},
		{"a newer version", 2, frameSize, func(b []byte) []byte {
			return sealed(b, 1, func(h []byte) { le.PutUint32(h[4:], 3) })
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, _ := lay(t, n, 2)
			seg := segments(t, dir)[tt.seg]
			write(t, seg, tt.damage(read(t, seg)))
			refused(t, dir, seg, tt.offset)
		})
	}
}

// refused holds that a data folder is refused, and left as it is.
func refused(t *testing.T, dir, file string, offset int) {
	t.Helper()
	files := func() map[string]string {
		all := map[string]string{}
		for _, name := range segments(t, dir) {
			all[name] = string(read(t, name))
		}
		return all
	}
	before := files()
	s, err := journal.Open(dir, journal.Options{})
	if err == nil {
		closeStore(t, s)
		t.Fatal("the damage was accepted")
	}
	if want := fmt.Sprintf("%s at %d:", filepath.Base(file), offset); !errors.Is(err, journal.ErrCorrupt) || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %q, and does not say %q", err, want)
	}
	after := files()
	for name, b := range before {
		if after[name] != b {
			t.Errorf("%s was changed", name)
		}
	}
	if kept, _ := filepath.Glob(filepath.Join(dir, "torn", "*")); len(kept) > 0 {
		t.Errorf("cut off: %q", kept)
	}
}

func TestRecoveryRefusesSegmentsThatDoNotFollow(t *testing.T) {
	for _, tt := range []struct {
		name string
		at   int // the segment that is named, of those that are left
		do   func(t *testing.T, dir string, segs []string)
	}{
		{"the first is missing", 0, func(t *testing.T, _ string, segs []string) { remove(t, segs[0]) }},
		{"one in the middle is missing", 1, func(t *testing.T, _ string, segs []string) { remove(t, segs[1]) }},
		{"one is missing before an empty one", 2, func(t *testing.T, _ string, segs []string) {
			write(t, filepath.Join(filepath.Dir(segs[0]), "0000000000000010.seg"), nil)
		}},
		{"one is empty and others follow", 2, func(t *testing.T, _ string, segs []string) { write(t, segs[1], nil) }},
		{"one with another name", 2, func(t *testing.T, _ string, segs []string) {
			if err := os.Rename(segs[2], segs[2][:len(segs[2])-5]+"f.seg"); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, _ := lay(t, 6, 2)
			if tt.name == "one is missing before an empty one" {
				remove(t, segments(t, dir)[2])
			}
			tt.do(t, dir, segments(t, dir))
			refused(t, dir, segments(t, dir)[tt.at], 0)
		})
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

func TestVersionIsNamed(t *testing.T) {
	dir, _ := lay(t, 1, 1)
	seg := segments(t, dir)[0]
	write(t, seg, sealed(read(t, seg), 0, func(h []byte) { h[4] = 3 }))
	if _, err := journal.Open(dir, journal.Options{}); !errors.Is(err, journal.ErrVersion) {
		t.Errorf("open: %v", err)
	}
}

// A log that ends before a seq that something outside knows is refused, even
// where it looks like a torn end.
func TestFloor(t *testing.T) {
	dir, frames := lay(t, 4, 4)
	end := frames[3].First + uint64(frames[3].Count) - 1
	closeStore(t, open(t, dir, journal.Options{Floor: end}))
	if _, err := journal.Open(dir, journal.Options{Floor: end + 1}); !errors.Is(err, journal.ErrCorrupt) {
		t.Errorf("one beyond the end: %v", err)
	}
	seg := segments(t, dir)[0]
	b := read(t, seg)
	b[len(b)-1] ^= 1
	write(t, seg, b)
	for range 2 {
		if _, err := journal.Open(dir, journal.Options{Floor: end}); !errors.Is(err, journal.ErrCorrupt) {
			t.Errorf("the last acknowledged frame is damaged: %v", err)
		}
	}
}

func TestSecondOpenerIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, journal.Options{})
	if _, err := journal.Open(dir, journal.Options{}); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("second opener: %v", err)
	}
	journaltest.Append(t, s, 1, nil)
	closeStore(t, s)
	closeStore(t, open(t, dir, journal.Options{}))

	// A refused opening gives the lock back.
	write(t, segments(t, dir)[0], []byte("x"))
	for range 2 {
		if _, err := journal.Open(dir, journal.Options{Floor: 1}); !errors.Is(err, journal.ErrCorrupt) {
			t.Errorf("open: %v", err)
		}
	}
}

func TestSegments(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, journal.Options{SegmentSize: 1000})
	var want []string
	var frames []journal.Frame
	for _, size := range []int{300, 300, 300, 5000, 10, 924, 1, 847, 1} {
		frames = append(frames, journaltest.Append(t, s, 2, journaltest.Payload(7, size)))
	}
	// 376+376, 376, 5076, 86, 1000, 77+923, 77.
	for _, i := range []int{0, 2, 3, 4, 5, 6, 8} {
		want = append(want, fmt.Sprintf("%016x.seg", frames[i].First))
	}
	var got []string
	for _, name := range segments(t, dir) {
		got = append(got, filepath.Base(name))
	}
	if !slices.Equal(got, want) {
		t.Errorf("segments are %q,\nnot %q", got, want)
	}
	journaltest.Same(t, journaltest.Frames(t, s, 1), frames)
	closeStore(t, s)
	s = open(t, dir, journal.Options{SegmentSize: 1000})
	defer closeStore(t, s)
	journaltest.Same(t, journaltest.Frames(t, s, 9), frames[4:])
}

// The chain is SHA-256 over header and payload of each frame, of which the
// header holds the hash of the frame before: anyone can compute it again.
func TestChainIsTheHashOfTheBytes(t *testing.T) {
	dir, frames := lay(t, 5, 2)
	var chain [32]byte
	for _, name := range segments(t, dir) {
		for b := read(t, name); len(b) > 0; b = b[frameSize:] {
			if [32]byte(b[32:64]) != chain {
				t.Errorf("a frame of %s does not hold the hash before it", name)
			}
			chain = sha256.Sum256(b[:frameSize])
		}
	}
	s := open(t, dir, journal.Options{})
	defer closeStore(t, s)
	if _, c := s.Last(); c != chain {
		t.Errorf("the chain is %x, not %x", c, chain)
	}
	if r, err := s.Verify(); err != nil || r.Chain != chain || r.Frames != len(frames) || r.Bytes != 5*frameSize || len(r.Problems) > 0 {
		t.Errorf("verify: %+v, %v", r, err)
	}
}

// What changes on disk beside a running store is found by Verify, and never
// read as if it were good.
func TestVerifyFindsDamage(t *testing.T) {
	for _, tt := range []struct {
		name   string
		readOK bool // what the frame says itself is right
		damage func(b []byte)
	}{
		{"a bit of a payload", false, func(b []byte) { b[frameSize+90] ^= 1 }},
		{"a bit of a header", false, func(b []byte) { b[frameSize+30] ^= 1 }},
		{"the link, with a right checksum", true, func(b []byte) { sealed(b, 1, func(h []byte) { h[40] ^= 1 }) }},
		{"the epoch, with a right checksum", true, func(b []byte) { sealed(b, 2, func(h []byte) { h[8] = 7 }) }},
		{"another frame", false, func(b []byte) { copy(b[frameSize:], b[:frameSize]) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, _ := lay(t, 3, 3)
			s := open(t, dir, journal.Options{})
			defer closeStore(t, s)
			seg := segments(t, dir)[0]
			b := read(t, seg)
			tt.damage(b)
			write(t, seg, b)
			if r, err := s.Verify(); err != nil || len(r.Problems) == 0 {
				t.Errorf("verify: %+v, %v", r, err)
			}
			var failed error
			for _, err := range s.Read(1) {
				if err != nil {
					failed = err
				}
			}
			if tt.readOK != (failed == nil) || failed != nil && !errors.Is(failed, journal.ErrCorrupt) {
				t.Errorf("read: %v", failed)
			}
		})
	}
}

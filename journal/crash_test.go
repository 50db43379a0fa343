package journal_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"jitos.dev/journal"
	"jitos.dev/journal/journaltest"
)

var (
	firstSeed = flag.Uint64("seed", 0, "first seed of the crash simulation")
	seeds     = flag.Uint64("seeds", 0, "how many seeds to simulate; 0 is the default, or 1 with -seed")
)

const (
	manySeeds = 90
	lives     = 6 // per seed; each ends in a kill or a crash
)

// A store lives, is killed or loses power at any operation, meets I/O errors
// and full disks, and lives again. Whatever was acknowledged, or shown after a
// restart, has to be there in every later life, in order and whole, with the
// blobs it names; nothing else may be.
func TestCrashes(t *testing.T) {
	from, n := *firstSeed, *seeds
	if n == 0 {
		n = manySeeds
		if from != 0 {
			n = 1
		}
	}
	var total tally
	for seed := from; seed < from+n; seed++ {
		s := &simulation{
			t: t, seed: seed, tally: &total,
			disk: journaltest.NewFaultFS(seed), rng: rand.New(rand.NewPCG(seed, 1)),
			size: 200 << (seed % 4), blobs: map[[32]byte][]byte{},
		}
		s.disk.Plant("/home/other", nil)
		s.run()
	}
	t.Logf("%+v", total)
	if n >= manySeeds && (total.Crashes < 300 || total.Unsure < 20 || total.UnsureKept < 5 ||
		total.Torn < 10 || total.Full < 20 || total.IOErrors < 20 || total.Rolled < 20) {
		t.Error("the simulation no longer reaches what it is for")
	}
}

// tally counts what the simulation met, so that it cannot become empty.
type tally struct {
	Crashes, Kills, Acknowledged, Unsure, UnsureKept, Torn, Full, IOErrors, Rolled, Blobs int
}

type simulation struct {
	*tally
	t    *testing.T
	seed uint64
	disk *journaltest.FaultFS
	rng  *rand.Rand
	size int64 // of a segment

	acked  []journal.Frame
	unsure *journal.Frame // neither acknowledged nor known to be absent
	blobs  map[[32]byte][]byte
	pool   [][]byte // contents that were put at any time, durable or not
	notice []string
}

func (s *simulation) failf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("seed %d: %s\nrepeat: go test ./journal -run '^TestCrashes$' -seed=%d -seeds=1",
		s.seed, fmt.Sprintf(format, args...), s.seed)
}

func (s *simulation) run() {
	for range lives {
		s.trouble()
		if st := s.open(); st != nil {
			s.live(st)
		}
		if s.rng.IntN(5) < 2 {
			s.Kills++
			s.disk.Kill()
		} else {
			s.Crashes++
			s.disk.Crash()
		}
		s.disk.SetRoom(-1)
	}
	st := s.open()
	if st == nil {
		s.failf("the last opening failed, without any fault")
	}
	r, err := st.Verify()
	if err != nil || len(r.Problems) > 0 || r.Frames != len(s.acked) {
		s.failf("verify: %+v, %v", r, err)
	}
	if err := st.Close(); err != nil {
		s.failf("close: %v", err)
	}
	if r.Segments > 1 {
		s.Rolled++
	}
}

// trouble chooses what will go wrong in the next life.
func (s *simulation) trouble() {
	if s.rng.IntN(4) > 0 {
		s.disk.StopAfter(1 + s.rng.IntN(70))
	}
	switch s.rng.IntN(6) {
	case 0:
		s.disk.SetRoom(int64(s.rng.IntN(12000)))
	case 1, 2:
		ops := []journaltest.Op{journaltest.OpSync, journaltest.OpSync, journaltest.OpSync, journaltest.OpWrite, journaltest.OpSyncDir, journaltest.OpSyncAll, journaltest.OpRename, journaltest.OpCreate, journaltest.OpRead}
		op, left := ops[s.rng.IntN(len(ops))], s.rng.IntN(15)
		err := []error{syscall.EIO, syscall.ENOSPC}[s.rng.IntN(2)]
		s.disk.Inject(func(o journaltest.Op, _ string) error {
			if o != op {
				return nil
			}
			if left--; left == -1 {
				return err
			}
			return nil
		})
	}
}

// accident reports whether an error is of the trouble that was chosen.
func (s *simulation) accident(err error) bool {
	if errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ENOSPC) {
		s.IOErrors++
		return true
	}
	return errors.Is(err, journaltest.ErrDown)
}

// open opens the store and compares; nil if the trouble came before.
func (s *simulation) open() *journal.Store {
	s.notice = nil
	st, err := journal.Open("/home/data", journal.Options{
		FS: s.disk, SegmentSize: s.size, Notice: func(n string) { s.notice = append(s.notice, n) },
		MaxPacked: 700, PackSize: 20 * s.size, CompressFrom: 400,
	})
	if err != nil {
		if !s.accident(err) {
			s.failf("open: %v", err)
		}
		return nil
	}
	if slices.ContainsFunc(s.notice, func(n string) bool { return strings.Contains(n, "torn") }) {
		s.Torn++
	}
	var got []journal.Frame
	for f, err := range st.Read(1) {
		if err != nil {
			if s.accident(err) {
				return nil
			}
			s.failf("read after %d frames: %v", len(got), err)
		}
		got = append(got, f)
	}
	s.compare(got)
	for sum, content := range s.blobs {
		if err := hasBlob(st, sum, content); err != nil {
			if s.accident(err) {
				return nil
			}
			s.failf("a blob of an acknowledged frame: %v", err)
		}
	}
	return st
}

// compare holds what the log shows against what it has to hold. What it shows
// counts as acknowledged from here on, as a reader has seen it.
func (s *simulation) compare(got []journal.Frame) {
	for i, f := range s.acked {
		if i >= len(got) {
			s.failf("%d frames are there of %d acknowledged ones; notices: %q", len(got), len(s.acked), s.notice)
		}
		if !journaltest.Equal(got[i], f) {
			s.failf("frame %d is %s, not %s", i, journaltest.Show(got[i]), journaltest.Show(f))
		}
	}
	if more := got[len(s.acked):]; len(more) > 0 {
		if s.unsure == nil || len(more) > 1 || !journaltest.Equal(more[0], *s.unsure) {
			s.failf("frames that were never acknowledged: %s", journaltest.Show(more[0]))
		}
		s.UnsureKept++
		s.keep(more[0])
	}
	s.unsure = nil
}

// keep notes a frame, and the blobs it names, as acknowledged.
func (s *simulation) keep(f journal.Frame) {
	s.acked = append(s.acked, f)
	for p := f.Payload; len(p) >= 33 && p[0] == 'b'; p = p[33:] {
		sum := [32]byte(p[1:33])
		i := slices.IndexFunc(s.pool, func(c []byte) bool { return sha256.Sum256(c) == sum })
		s.blobs[sum] = s.pool[i]
		s.Blobs++
	}
}

func hasBlob(st *journal.Store, sum [32]byte, content []byte) error {
	r, err := st.Blobs().Open(sum)
	if err != nil {
		return err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err == nil && !bytes.Equal(b, content) {
		err = fmt.Errorf("%d bytes with another content than the %d that were put", len(b), len(content))
	}
	return err
}

// live appends until the trouble comes, or for a while.
func (s *simulation) live(st *journal.Store) {
	for range 3 + s.rng.IntN(12) {
		payload, ok := s.payload(st)
		if !ok {
			continue
		}
		last, chain := st.Last()
		f := journal.Frame{Epoch: st.Epoch(), First: last + 1, Count: uint32(1 + s.rng.IntN(3)), Payload: payload}
		err := st.Append(s.t.Context(), f)
		if err == nil {
			s.Acknowledged++
			s.keep(f)
			continue
		}
		if !s.accident(err) {
			s.failf("append: %v", err)
		}
		if l, c := st.Last(); l != last || c != chain {
			s.failf("an append that failed (%v) moved the log from %d to %d", err, last, l)
		}
		if errors.Is(err, journal.ErrFull) {
			s.Full++ // and it is promised that nothing was appended
			continue
		}
		if s.Unsure++; s.unsure != nil {
			s.failf("an append went on after %v", err)
		}
		s.unsure = &f
		if err := st.Append(s.t.Context(), f); err == nil {
			s.failf("a stopped log appended")
		}
		return
	}
	if s.rng.IntN(3) == 0 {
		if err := st.Close(); err != nil && !s.accident(err) {
			s.failf("close: %v", err)
		}
	}
}

// payload makes a frame's content: names of blobs that it puts, then bytes.
func (s *simulation) payload(st *journal.Store) (b []byte, ok bool) {
	n := s.rng.IntN(3)
	if s.rng.IntN(12) == 0 {
		n = 30 // enough for a sync of the whole file system
	}
	for range n {
		c := s.content()
		sum, _, err := st.Blobs().Put(bytes.NewReader(c))
		if err != nil {
			if !s.accident(err) {
				s.failf("put: %v", err)
			}
			return nil, false
		}
		if err := hasBlob(st, sum, c); err != nil && !s.accident(err) {
			s.failf("a blob just put: %v", err)
		}
		b = append(append(b, 'b'), sum[:]...)
	}
	rest := make([]byte, s.rng.IntN(1500))
	for i := range rest {
		rest[i] = byte('c' + s.rng.IntN(20))
	}
	return append(b, rest...), true
}

// content is a new one, or one of before: a torn file of it may be left.
func (s *simulation) content() []byte {
	if len(s.pool) > 0 && s.rng.IntN(3) == 0 {
		return s.pool[s.rng.IntN(len(s.pool))]
	}
	c := journaltest.Payload(s.rng.Uint64(), s.rng.IntN(1200))
	s.pool = append(s.pool, c)
	return c
}

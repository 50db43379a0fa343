package kernel

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"jitos.dev/journal"
	"jitos.dev/journal/journaltest"
	"jitos.dev/rmg"
)

// write makes a history of n steps and closes, twice: that leaves two checkpoints.
func write(t *testing.T, disk *journaltest.FaultFS, seed uint64, n int) *chronicle {
	t.Helper()
	src, c := sourceOf(seed), newChronicle()
	for range 2 {
		s := mustOpen(t, disk, few)
		for range n {
			if err := c.step(s.Kernel, src); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestStopAnywhere cuts the power in the middle of every so-manieth change of the
// disk, in a log write, in a mark or in a checkpoint: what was acknowledged is
// there, and everything derived with it.
func TestStopAnywhere(t *testing.T) {
	for n := 1; n < 400; n += 7 {
		disk := journaltest.NewFaultFS(uint64(n))
		c := write(t, disk, 5, 6)
		s := mustOpen(t, disk, few)
		src := sourceOf(uint64(n))
		disk.StopAfter(n)
		for range 60 {
			before := s.now().seq
			if err := c.step(s.Kernel, src); err != nil {
				if v := s.now(); v.seq != before {
					t.Fatalf("%d: seq %d was published by a step that failed", n, v.seq)
				}
				break
			}
		}
		disk.Crash()
		_ = s.close()
		s = mustOpen(t, disk, few)
		if err := c.same(s.Kernel); err != nil {
			t.Fatalf("stopped at change %d: %v", n, err)
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamagedCheckpoints turns bits round in checkpoints and object files: a
// start and every read then tell the truth or say that they cannot.
func TestDamagedCheckpoints(t *testing.T) {
	fell := 0
	for seed := range uint64(40) {
		disk := journaltest.NewFaultFS(seed)
		c := write(t, disk, 9, 30)
		rnd := rand.New(rand.NewPCG(seed, 3))
		folder := []string{"/data/checkpoints", "/data/objects"}[seed%2]
		names, err := disk.ReadDir(folder)
		if err != nil || len(names) == 0 {
			t.Fatal("there is nothing to damage", err)
		}
		name := folder + "/" + names[len(names)-1]
		data, err := disk.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for range 1 + len(data)/200 {
			disk.Flip(name, rnd.Int64N(int64(len(data))), uint(rnd.IntN(8)))
		}
		s, err := openOn(disk, few)
		if err != nil {
			var e *rmg.Error
			if !errors.As(err, &e) || e.Code != rmg.Unavailable {
				t.Fatalf("seed %d: %v", seed, err)
			}
			continue
		}
		for _, l := range s.said.all() {
			if strings.Contains(l, "cannot be started from") {
				fell++
			}
		}
		var e *rmg.Error
		if err := guarded(func() error { return c.same(s.Kernel) }); err != nil && (!errors.As(err, &e) || e.Code != rmg.Unavailable) {
			t.Fatalf("seed %d: %v", seed, err)
		}
		_ = s.close()
	}
	if fell == 0 {
		t.Error("no start went back to an older checkpoint")
	}
}

// TestForeignCheckpoint starts from what a later program folded otherwise, and
// from what is of another state: the log says what is right.
func TestForeignCheckpoint(t *testing.T) {
	for name, spoil := range map[string]func(*journal.Checkpoint){
		"a later fold":  func(c *journal.Checkpoint) { c.Fold++ },
		"another state": func(c *journal.Checkpoint) {},
		"no payload":    func(c *journal.Checkpoint) { c.Payload = nil },
	} {
		t.Run(name, func(t *testing.T) {
			disk := journaltest.NewFaultFS(1)
			c := write(t, disk, 4, 15)
			store, err := journal.Open("/data", journal.Options{FS: disk})
			if err != nil {
				t.Fatal(err)
			}
			list, err := store.Checkpoints()
			if err != nil || len(list) < 2 {
				t.Fatal(len(list), err)
			}
			bad := list[0]
			if name == "another state" {
				at, err := retold(list[1], bad.Seq)
				if err != nil {
					t.Fatal(err)
				}
				bad.Payload = at
			}
			spoil(&bad)
			if err := errors.Join(store.WriteCheckpoint(bad), store.Close()); err != nil {
				t.Fatal(err)
			}
			s := mustOpen(t, disk, few)
			if said := fmt.Sprint(s.said.all()); !strings.Contains(said, "cannot be started from") {
				t.Errorf("it said %s", said)
			}
			if err := c.same(s.Kernel); err != nil {
				t.Error(err)
			}
			if err := s.close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// retold is the payload of a checkpoint as if it were of another seq.
func retold(c journal.Checkpoint, seq uint64) ([]byte, error) {
	var at mark
	if err := decMode.Unmarshal(c.Payload, &at); err != nil {
		return nil, err
	}
	at.Seq = seq
	return encMode.Marshal(at)
}

// TestCheckTellsWhatItFound holds a checkpoint whose derived graphs are not what
// the log folds to against the one before.
func TestCheckTellsWhatItFound(t *testing.T) {
	disk := journaltest.NewFaultFS(2)
	write(t, disk, 6, 15)
	s := mustOpen(t, disk, few)
	s.Kernel.Close() // and with it a right checkpoint, and the keeper
	right, err := s.store.Checkpoints()
	if err != nil || len(right) < 2 {
		t.Fatal(len(right), err)
	}
	s.check(t.Context(), right[0], right[1])
	if got := s.checked.Load(); got == nil || got.bad {
		t.Fatalf("the right one: %+v", got)
	}
	v := s.now()
	v.wrote = nil
	s.current.Store(&v)
	if err := s.markNow(true); err != nil {
		t.Fatal(err)
	}
	wrong, err := s.store.Checkpoints()
	if err != nil {
		t.Fatal(err)
	}
	s.check(t.Context(), wrong[0], right[1])
	if got := s.checked.Load(); !got.bad || !strings.Contains(got.text, "wrote has digest") {
		t.Errorf("the wrong one: %+v", got)
	}
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
}

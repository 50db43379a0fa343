package kernel

import (
	"testing"

	"jitos.dev/journal/journaltest"
)

// manyMarks makes a log with many marks and a policy that keeps few.
func manyMarks(t *testing.T, disk *journaltest.FaultFS, seed uint64) *chronicle {
	t.Helper()
	src, c := sourceOf(seed), newChronicle()
	for round := range 2 {
		s := mustOpen(t, disk, few)
		for range 40 {
			if err := c.step(s.Kernel, src); err != nil {
				t.Fatal(err)
			}
		}
		for more := true; more; {
			var err error
			if more, err = s.fill(); err != nil {
				t.Fatal(err)
			}
		}
		// After that: what the policy does not keep is not filled.
		if round == 1 {
			if _, err := s.SetPolicy(t.Context(), ada, []byte("settings:\n  keep_marks: 2\n"), ""); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.markNow(true); err != nil {
			t.Fatal(err)
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// After a compaction every version is what it was, the file before goes with the
// next start, and nothing is to be done again.
func TestCompact(t *testing.T) {
	disk := journaltest.NewFaultFS(8)
	c := manyMarks(t, disk, 8)
	s := mustOpen(t, disk, few)
	before := s.store.Objects().Generations()
	dry, err := s.GC(t.Context(), ada, GCRequest{DryRun: true})
	if err != nil || dry.Marks == 0 {
		t.Fatalf("%+v %v", dry, err)
	}
	got, err := s.GC(t.Context(), ada, GCRequest{})
	if err != nil || got.Marks == 0 || got.Seq == 0 {
		t.Fatalf("%+v %v", got, err)
	}
	if again, err := s.GC(t.Context(), ada, GCRequest{}); err != nil || again.Marks != 0 || again.Seq != 0 {
		t.Errorf("again: %+v %v", again, err)
	}
	if err := c.same(s.Kernel); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		s = mustOpen(t, disk, few)
		if err := c.same(s.Kernel); err != nil {
			t.Error(err)
		}
	}
	if now := s.store.Objects().Generations(); len(now) != 1 || now[0] <= before[0] {
		t.Errorf("object files %v, and before %v", now, before)
	}
	v, err := s.Verify(t.Context())
	if err != nil || len(v.Problems) > 0 {
		t.Error(err, v.Problems)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

// TestCompactStoppedAnywhere cuts the power at every so-manieth change of the
// disk from the compaction on, through the next start.
func TestCompactStoppedAnywhere(t *testing.T) {
	for n := 1; n < 50; n += 4 {
		disk := journaltest.NewFaultFS(uint64(n))
		c := manyMarks(t, disk, 9)
		s := mustOpen(t, disk, few)
		disk.StopAfter(n)
		_, stopped := s.GC(t.Context(), ada, GCRequest{})
		if err := s.close(); stopped == nil && err == nil {
			if s, err = openOn(disk, few); err == nil {
				_ = s.close()
			}
		}
		disk.Crash()
		s = mustOpen(t, disk, few)
		if err := c.same(s.Kernel); err != nil {
			t.Fatalf("stopped at change %d (%v): %v", n, stopped, err)
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
	}
}

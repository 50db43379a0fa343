package kernel

import (
	"fmt"
	"testing"

	"jitos.dev/journal/journaltest"
	"jitos.dev/rmg"
)

// same holds every version and every head of a workspace, however old, against
// what it was when it was current.
func (c *chronicle) same(k *Kernel) error {
	for seq := range k.now().seq {
		want, ok := c.versions[seq]
		if !ok {
			continue // the epochs'
		}
		v, err := whole(k, seq)
		if err != nil {
			return fmt.Errorf("seq %d: %w", seq, err)
		}
		if got := digests(v); v.seq != seq || got != want {
			return fmt.Errorf("seq %d is %d with %v, and was %v", seq, v.seq, got, want)
		}
	}
	for at, want := range c.heads {
		h, err := k.openHead(at)
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		if got := h.world.Digest(); got != want {
			return fmt.Errorf("%s is %v, and was %v", at, got, want)
		}
	}
	return nil
}

// TestRestartIsNoRestart stops and starts kernels at random, by closing them or
// by killing them, and holds all four graphs, and every version of the past,
// against what they were.
func TestRestartIsNoRestart(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			src, c, disk := sourceOf(seed), newChronicle(), journaltest.NewFaultFS(seed)
			s := mustOpen(t, disk, few)
			for range 120 {
				if err := c.step(s.Kernel, src); err != nil {
					t.Fatal(err)
				}
				if src.IntN(25) > 0 {
					continue
				}
				was := s.now().seq
				if src.IntN(2) == 0 {
					if err := s.close(); err != nil {
						t.Fatal(err)
					}
				} else {
					disk.Kill()
					_ = s.close()
				}
				s = mustOpen(t, disk, few)
				v, err := whole(s.Kernel, was)
				if err != nil {
					t.Fatal(err)
				}
				if got := digests(v); got != c.versions[was] {
					t.Fatalf("seq %d is %v after a restart, and was %v", was, got, c.versions[was])
				}
			}
			if err := c.same(s.Kernel); err != nil {
				t.Error(err)
			}
			got, err := s.Verify(t.Context())
			if err != nil || len(got.Problems) > 0 {
				t.Error(err, got.Problems)
			}
			if err := s.close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// whole opens a version with all that belongs to it, and sees that the worlds of
// one that was opened without wrote are the same.
func whole(k *Kernel, seq uint64) (version, error) {
	bare, err := k.open(seq)
	if err != nil {
		return bare, err
	}
	v, err := k.after(bare.seq, false)
	if err != nil {
		return v, err
	}
	bare.wrote = v.wrote
	if digests(bare) != digests(v) || bare.tick != v.tick || !bare.at.Equal(v.at) {
		err = fmt.Errorf("seq %d is %v with wrote, and %v without", seq, digests(v), digests(bare))
	}
	return v, err
}

// TestOldVersionsWithoutMarks folds every version from nothing.
func TestOldVersionsWithoutMarks(t *testing.T) {
	src, c := sourceOf(77), newChronicle()
	s := mustOpen(t, journaltest.NewFaultFS(77), tuning{recent: 1, mark: 1 << 40, checkpoints: 1 << 40})
	for range 80 {
		if err := c.step(s.Kernel, src); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.same(s.Kernel); err != nil {
		t.Error(err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

// TestDeepWorkspace holds a world of full depth in a workspace, keeps it, and
// reads it again.
func TestDeepWorkspace(t *testing.T) {
	disk := journaltest.NewFaultFS(3)
	s := mustOpen(t, disk, few)
	c, p := newChronicle(), rmg.Root
	for range rmg.MaxDepth {
		p = p.Child("d")
	}
	if err := s.deepen(t, p); err != nil {
		t.Fatal(err)
	}
	w, err := s.Fork(t.Context(), Caller{Name: "t"}, ForkRequest{})
	if err != nil {
		t.Fatal(err)
	}
	c.see(s.Kernel)
	was := s.now().seq
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, disk, few)
	v, err := whole(s.Kernel, was)
	if err != nil || digests(v) != c.versions[was] {
		t.Fatal(err, "the version is another after a restart")
	}
	sp, _ := spaceIn(v.spaces, w.ID)
	if _, ok := sp.last().world.Get(p); !ok {
		t.Error("the deepest node is gone")
	}
	if seq, ok := lastWrite(v, p, ""); !ok || seq == 0 {
		t.Error("nobody made the deepest node")
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

// TestFillLeavesNoSlotOut fills the slots of a history that had no marks.
func TestFillLeavesNoSlotOut(t *testing.T) {
	disk := journaltest.NewFaultFS(8)
	src, c := sourceOf(8), newChronicle()
	s := mustOpen(t, disk, tuning{recent: 4, mark: 1 << 40, checkpoints: 1 << 40})
	for range 60 {
		if err := c.step(s.Kernel, src); err != nil {
			t.Fatal(err)
		}
	}
	s.Kernel.Close() // the keeper has ended, and left one mark, which is of no slot here
	m := *s.marks.Load()
	m.every, m.graph = few.mark, rmg.Graph{}
	s.marks.Store(&m)
	s.keeper.filled, s.keeper.filling = 0, nil
	for more := true; more; {
		var err error
		if more, err = s.fill(); err != nil {
			t.Fatal(err)
		}
	}
	for slot := uint64(1); slot < s.now().seq/few.mark; slot++ {
		at, ok, err := s.marks.Load().nearest(slot*few.mark + few.mark - 1)
		if err != nil || !ok || at.Seq < slot*few.mark {
			t.Errorf("slot %d has no mark: %+v %v", slot, at, err)
		}
	}
	if err := c.same(s.Kernel); err != nil {
		t.Error(err)
	}
	if err := s.store.Close(); err != nil {
		t.Error(err)
	}
}

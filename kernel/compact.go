package kernel

import (
	"errors"
	"fmt"
	"slices"

	"jitos.dev/journal"
	"jitos.dev/rmg"
)

// compact begins a new object file with the newest version alone, if there are
// more than twice the marks that the policy keeps, and returns how many are dropped. Those that
// the policy keeps are folded from the log again, in the background. The file
// before stays for as long as versions in memory may be read from it: the next
// start drops it. What a crash leaves is a checkpoint of the one file or of the
// other. O(the newest version).
func (k *Kernel) compact(keep uint64) (dropped int, err error) {
	if keep == 0 {
		return 0, nil
	}
	kp := &k.keeper
	kp.Lock()
	defer kp.Unlock()
	old := k.marks.Load()
	if kp.failed != nil || kp.file == nil || old == nil {
		return 0, kp.failed
	}
	err = guarded(func() error {
		have, _ := old.graph.Len()
		if !tooMany(have, keep) {
			return nil
		}
		f, err := k.opt.Journal.Objects().Begin()
		if err != nil {
			return err
		}
		was := *old
		k.marks.Store(&marks{every: k.tune.mark})
		file, store := kp.file, kp.store
		kp.file, kp.store = f, rmg.NewStore(f, f, f.Size())
		if err := k.mark(k.now(), true); err != nil {
			// Of the new file no checkpoint is known to be there.
			kp.file, kp.store = file, store
			k.marks.Store(&was)
			return err
		}
		kp.filled, kp.filling = 0, nil
		dropped = have - 1
		return nil
	})
	return dropped, err
}

// dropObjects removes the object files that a compaction left, once the two
// newest checkpoints stand in another. Of versions in memory there are none yet
// that are read from them.
func (k *Kernel) dropObjects() {
	if k.keeper.file == nil {
		return
	}
	of := k.opt.Journal.Objects()
	for _, g := range of.Generations() {
		held := slices.ContainsFunc(k.checkpoints[:min(2, len(k.checkpoints))], func(c journal.Checkpoint) bool { return c.Objects.Generation == g })
		if held || g >= k.keeper.file.Generation() {
			continue
		}
		if err := of.Drop(g); err != nil && !errors.Is(err, journal.ErrInUse) {
			k.log.Warn("an object file that is not needed stays", "err", fmt.Errorf("%d: %w", g, err))
		}
	}
}

// tooMany reports whether a compaction is worth it: marks are made all the time,
// and those kept are made again after one.
func tooMany(have int, keep uint64) bool { return uint64(have) > 2*(keep+1) }

// tooManyMarks is how many marks a compaction would drop.
func (k *Kernel) tooManyMarks(keep uint64) (n int, err error) {
	m := k.marks.Load()
	if keep == 0 || m == nil {
		return 0, nil
	}
	err = guarded(func() error {
		if have, _ := m.graph.Len(); tooMany(have, keep) {
			n = have - 1
		}
		return nil
	})
	return n, err
}

package kernel

import (
	"fmt"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// ahead is the world, and wrote beside it, while one record after another is
// applied: one overlay for many records, so that what several of them change is
// copied once. It is a version again whenever someone looks, and each look costs
// the next records that copy anew.
//
// It takes no mark before a record, for the same reason. When one does not apply
// it begins anew where it was last looked at, and from there on, until the next
// look, marks each: a record that fails costs what succeeded before it once more,
// and the second one no more than itself.
type ahead struct {
	world, wrote rmg.Graph // as of the last look
	over         *rmg.Overlay
	scribe       *scribe
	since        []applied // that are in the overlays and not in the graphs
	marking      bool
	bare         bool // wrote is not kept, and stays as it was
}

// applied is ops of a record that are applied.
type applied struct {
	seq uint64
	ops []rewrite.Op
}

// look makes world and wrote what they are by now.
func (a *ahead) look() {
	if len(a.since) > 0 {
		if a.world = a.over.Graph(); !a.bare {
			a.wrote = a.scribe.wrote.Graph()
		}
		clear(a.since)
		a.since = a.since[:0]
	}
	a.marking = false
}

// get reads one element of the world.
func (a *ahead) get(p rmg.Path) (rmg.Element, bool) {
	if len(a.since) > 0 {
		return a.over.Get(p)
	}
	return a.world.Get(p)
}

// apply applies ops, and notes in wrote what they do. On error both are as they
// were.
func (a *ahead) apply(x applied) error {
	if len(x.ops) == 0 {
		return nil
	}
	if a.marking {
		a.look()
		a.marking = true
	}
	err := a.try(x)
	if err == nil {
		a.since = append(a.since, x)
		return nil
	}
	a.over, a.scribe, a.marking = nil, nil, true
	for _, y := range a.since {
		if again := a.try(y); again != nil {
			return &rmg.Error{Op: "apply", Code: rmg.Internal, Msg: fmt.Sprintf("record %d did apply, and does not any more", y.seq), Err: again}
		}
	}
	return err
}

// try is apply that leaves the overlays wherever it came on error.
func (a *ahead) try(x applied) error {
	if a.over == nil {
		a.over, a.scribe = rmg.NewOverlay(a.world), newScribe(a.wrote)
	}
	if a.bare {
		return rewrite.ApplyNoting(a.over, x.ops, func(*rmg.Overlay, *rewrite.Op) {})
	}
	a.scribe.seq = x.seq
	if err := rewrite.ApplyNoting(a.over, x.ops, a.scribe.note); err != nil {
		return err
	}
	if err := a.scribe.err; err != nil {
		return &rmg.Error{Op: "apply", Code: rmg.Internal, Msg: fmt.Sprintf("what record %d wrote cannot be noted", x.seq), Err: err}
	}
	return nil
}

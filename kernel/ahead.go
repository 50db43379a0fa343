package kernel

import (
	"fmt"
	"slices"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// ahead is the world, and what will be noted in wrote, while one record after
// another is applied: one overlay for many records, so that what several of them
// change is copied once. It is a version again whenever someone looks, and each look
// costs the next records that copy anew.
//
// It takes no mark before a record, for the same reason. When one does not apply
// it begins anew where it was last looked at, and from there on, until the next
// look, marks each: a record that fails costs what succeeded before it once more,
// and the second one no more than itself.
type ahead struct {
	world   rmg.Graph // as of the last look
	wrote   *noted    // the same
	over    *rmg.Overlay
	since   []applied // that are in the overlay and not in the graph
	marking bool
	bare    bool // wrote is not kept, and stays as it was
}

// look makes world and wrote what they are by now.
func (a *ahead) look() {
	if len(a.since) > 0 {
		a.world = a.over.Graph()
		if a.bare {
			clear(a.since)
			a.since = a.since[:0]
		} else {
			a.wrote, a.since = notedOn(a.wrote, a.since), nil
		}
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

// outcome is what so many ops on one world lead to, known from what they were made of.
type outcome struct {
	from, to rmg.Graph
	ops      int
}

// holds reports whether applying ops would lead to what is known, and could not fail:
// they do nothing but set props, and there is no schema that says to what.
func (o *outcome) holds(world rmg.Graph, ops []rewrite.Op) bool {
	if _, schemas := world.Get(rmg.KindPath); schemas || len(ops) != o.ops || !world.Same(o.from) {
		return false
	}
	return !slices.ContainsFunc(ops, func(op rewrite.Op) bool { return op.Op != rewrite.Set })
}

// apply applies a record's ops, which may be known to lead somewhere. On error all is
// as it was.
func (a *ahead) apply(seq uint64, ops []rewrite.Op, known *outcome) error {
	if len(ops) == 0 {
		return nil
	}
	if a.wrote.unnoted() > maxUnnoted {
		if _, err := a.wrote.read(); err != nil {
			return err
		}
	}
	if known != nil {
		if a.look(); known.holds(a.world, ops) {
			a.world, a.over = known.to, nil
			if !a.bare {
				a.wrote = notedOn(a.wrote, []applied{{seq: seq, ops: ops}})
			}
			return nil
		}
	}
	if a.marking {
		a.look()
		a.marking = true
	}
	if a.over == nil {
		a.over = rmg.NewOverlay(a.world)
	}
	x := applied{seq: seq, ops: ops}
	err := rewrite.ApplyNoting(a.over, ops, func(world *rmg.Overlay, i int) {
		if a.bare {
			return
		}
		if see, ok := sightOf(world, &ops[i]); ok {
			see.op = i
			x.sight = append(x.sight, see)
		}
	})
	if err == nil {
		a.since = append(a.since, x)
		return nil
	}
	a.over, a.marking = rmg.NewOverlay(a.world), true
	for _, y := range a.since {
		if again := rewrite.Apply(a.over, y.ops); again != nil {
			return &rmg.Error{Op: "apply", Code: rmg.Internal, Msg: fmt.Sprintf("record %d did apply, and does not any more", y.seq), Err: again}
		}
	}
	return err
}

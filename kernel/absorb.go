package kernel

import (
	"context"
	"fmt"
	"slices"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// absorption is a workspace that becomes part of the one it was forked from.
type absorption struct {
	author, cause, reason string
	child, parent         string
	at                    head      // of the parent, that was merged with
	next                  rmg.Graph // what came of it
	once                  Once
}

// absorb makes a merge the parent's, and the child collapsed, in one record. Where
// nothing differs the child alone is changed, and the receipt is the parent's
// last. Stale: the parent is not what was merged with.
func (k *Kernel) absorb(ctx context.Context, x absorption) (Receipt, error) {
	k.handOnReads(x.child, x.parent)
	collapsed := func(seq uint64) rewrite.Op {
		return setOp(swsPath(x.child), map[string]rmg.Value{propCollapsed: seqValue(seq)})
	}
	ops := rewrite.Between(x.at.world, x.next, rmg.Root)
	if len(ops) == 0 {
		_, err := k.systemOnce(ctx, x.once, x.author, x.cause, x.reason, func(f *fold, _ uint64) ([]rewrite.Op, error) {
			return []rewrite.Op{collapsed(x.at.seq)}, f.spaceIs(x.child, spaceOpen)
		})
		return Receipt{Seq: x.at.seq, Digest: x.at.world.Digest()}, err
	}
	if len(ops) >= rewrite.MaxOps {
		return Receipt{}, &rmg.Error{Op: "collapse", Path: swsPath(x.child), Code: rmg.Limit, Msg: fmt.Sprintf("%d changes; the limit is %d", len(ops), rewrite.MaxOps-1)}
	}
	k.holdNamed(ops)
	v := Version{Space: x.parent}
	all := append(slices.Clip(ops), collapsed(0))
	return k.submit(&request{
		ctx: ctx, owner: ownerOf(v.String(), x.author, x.cause), view: v.String(), footprint: rewrite.FootprintOf(all), size: 128 * len(all), once: x.once,
		eval: func(f *fold, seq uint64) (draft, error) {
			if err := f.writable(v, rewrite.Expect{Seq: x.at.seq}); err != nil {
				return draft{}, err
			}
			if err := f.spaceIs(x.child, spaceOpen); err != nil {
				return draft{}, err
			}
			facts, err := k.withSpaceFacts(f, v, ops)
			return draft{view: v.String(), author: x.author, cause: x.cause, reason: x.reason, ops: append(slices.Clip(facts), collapsed(seq))}, err
		},
	})
}

// absorbs reports whether an op says that a workspace became part of another: that
// stands in the record which took its changes over, so that no crash comes in
// between and has them taken over twice.
func absorbs(op rewrite.Op) bool {
	_, ok := op.Props[propCollapsed]
	return op.Op == rewrite.Set && op.Path.Parent() == swsRoot && ok && len(op.Props) == 1
}

package kernel

import (
	"context"
	"errors"

	"jitos.dev/rmg"
)

// Collapse merges a workspace made by hand into its parent (see collapseNamed).
// Conflict leaves the conflicts on the workspace, to be resolved one by one (see
// [Kernel.Settle]); then it can be collapsed again. Invalid: it is private.
// A resend under the same key is told what became of the first.
func (k *Kernel) Collapse(ctx context.Context, c Caller, id string, r CollapseRequest) (Collapsed, error) {
	once, end, err := k.inTurn(ctx, c, "collapse", []any{id, r})
	if err != nil {
		return Collapsed{}, err
	}
	defer end()
	before, _, done, once, err := k.collapsedBefore(once)
	if done || err != nil {
		return before, err
	}
	c.Key = "" // it was for the collapse, not for what it is made of
	e, ok := k.now().ledger.Get(swsPath(id))
	if ok && e.Props.Bool(propPrivate) {
		return Collapsed{}, &rmg.Error{
			Op: "collapse", Path: swsPath(id), Code: rmg.Invalid, Msg: "the workspace is private: it was forked from nothing that it could become part of",
			Hint: "jitos graph / --view sws:" + id + " shows what to write elsewhere; jitos sws discard " + id + " drops it",
		}
	}
	out, err := k.collapseNamed(ctx, c, once, id, r)
	if len(out.Conflicts) == 0 || !errors.Is(err, &rmg.Error{Code: rmg.Conflict}) {
		return out, err
	}
	kept, kerr := k.rebase(ctx, c, Once{}, id, "")
	switch {
	case len(kept.Conflicts) > 0 && errors.Is(kerr, &rmg.Error{Code: rmg.Conflict}):
		return out, kerr
	case kerr == nil:
		// What they conflicted over is gone meanwhile, and the workspace stands on
		// that: nothing is left but to try again.
		return out, err
	}
	k.log.Warn("the conflicts of a collapse could not be kept", "workspace", id, "err", kerr)
	return out, err
}

package kernel

import (
	"context"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// propFrozen says, in a workspace's entry, why it takes no writes.
const propFrozen = "frozen"

// Freeze makes a workspace take no writes, rebases and resolutions until it is
// thawed. It can still be read, forked, collapsed and discarded.
func (k *Kernel) Freeze(ctx context.Context, c Caller, id, reason string) (Workspace, error) {
	why := "by " + c.Name
	if reason != "" {
		why += ": " + reason
	}
	once, err := onceOf(c, "freeze", []any{id, reason})
	if err != nil {
		return Workspace{}, err
	}
	return k.setFrozen(ctx, once, c, id, "freeze "+id, func(e rmg.Element) (rmg.Value, error) {
		if e.Props.String(propFrozen) != "" {
			return rmg.Value{}, &rmg.Error{Op: "freeze", Path: swsPath(id), Code: rmg.Conflict, Msg: "the workspace is frozen already, " + e.Props.String(propFrozen)}
		}
		return rmg.String(why), nil
	})
}

// Thaw lets a frozen workspace be written again.
func (k *Kernel) Thaw(ctx context.Context, c Caller, id string) (Workspace, error) {
	once, err := onceOf(c, "thaw", id)
	if err != nil {
		return Workspace{}, err
	}
	return k.setFrozen(ctx, once, c, id, "thaw "+id, func(e rmg.Element) (rmg.Value, error) {
		if e.Props.String(propFrozen) == "" {
			return rmg.Value{}, &rmg.Error{Op: "thaw", Path: swsPath(id), Code: rmg.Conflict, Msg: "the workspace is not frozen", Hint: "it can be written as it is: jitos sws write " + id + " FILE"}
		}
		return rmg.Value{}, nil
	})
}

func (k *Kernel) setFrozen(ctx context.Context, once Once, c Caller, id, reason string, next func(rmg.Element) (rmg.Value, error)) (Workspace, error) {
	if _, done, err := k.answered(once); err != nil {
		return Workspace{}, err
	} else if done {
		return k.Workspace(id)
	}
	_, err := k.systemOnce(ctx, once, c.Name, c.Process, reason, func(f *fold, _ uint64) ([]rewrite.Op, error) {
		if err := f.spaceIs(id, spaceOpen); err != nil {
			return nil, err
		}
		e, _ := f.ledger.Get(swsPath(id))
		v, err := next(e)
		return []rewrite.Op{setOp(swsPath(id), map[string]rmg.Value{propFrozen: v})}, err
	})
	if err != nil {
		return Workspace{}, err
	}
	return k.Workspace(id)
}

// thawed reports, as an error, a workspace that takes no writes.
func thawed(e rmg.Element) error {
	why := e.Props.String(propFrozen)
	if why == "" {
		return nil
	}
	return &rmg.Error{
		Op: "rewrite", Path: swsPath(e.ID), Code: rmg.Conflict, Msg: "the workspace is frozen, " + why,
		Hint: "jitos sws thaw " + e.ID + " lets it be written; jitos sws new --from sws:" + e.ID + " works beside it",
	}
}

// changeable reports, as an error, a workspace that is not open or is frozen.
func (f *fold) changeable(id string) (rmg.Element, error) {
	if err := f.spaceIs(id, spaceOpen); err != nil {
		return rmg.Element{}, err
	}
	e, _ := f.ledger.Get(swsPath(id))
	return e, thawed(e)
}

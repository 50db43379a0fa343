package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// Settle settles conflicts of the merge that is under way in a workspace: by a
// side, a value, or an edited text. It is one record. When none is open any more
// the rebase that met them completes. Where either side moved on meanwhile the
// conflicts are those of the moment, and what was resolved stays so for as long
// as all sides have there what they had.
func (k *Kernel) Settle(ctx context.Context, c Caller, id string, r Resolution) (Rebased, error) {
	if err := r.check(); err != nil {
		return Rebased{}, err
	}
	var edit rmg.Blob
	if r.Edit != nil {
		var err error
		if edit, err = k.putBytes(r.Edit); err != nil {
			return Rebased{}, err
		}
	}
	once, end, err := k.inTurn(ctx, c, "resolve", []any{id, r})
	if err != nil {
		return Rebased{}, err
	}
	defer end()
	c.Key = ""
	rec, resent, err := k.answered(once)
	if err != nil {
		return Rebased{}, err
	}
	if resent {
		return k.settledBefore(ctx, c, id, rec)
	}
	rec, err = k.systemOnce(ctx, once, c.Name, orText(c.Process, id), r.reason(id), func(f *fold, _ uint64) ([]rewrite.Op, error) {
		return r.ops(f, c, id, edit)
	})
	if err != nil {
		return Rebased{}, err
	}
	return k.afterSettling(ctx, c, id, rec)
}

// settledBefore answers a resend of a resolution. If its rebase is complete that
// is the answer; if the daemon ended before it was, it is completed.
func (k *Kernel) settledBefore(ctx context.Context, c Caller, id string, rec Receipt) (Rebased, error) {
	e, ok := k.now().ledger.Get(swsPath(id))
	if ok && len(conflictsOf(e)) == 0 {
		return k.rebasedAfter(id, rec.Seq)
	}
	return k.afterSettling(ctx, c, id, rec)
}

// afterSettling completes the rebase that met the conflicts, if none is open.
func (k *Kernel) afterSettling(ctx context.Context, c Caller, id string, rec Receipt) (Rebased, error) {
	e, ok := k.now().ledger.Get(swsPath(id))
	if !ok {
		return Rebased{}, noSpace(id)
	}
	if left := openOf(conflictsOf(e)); len(left) > 0 {
		return Rebased{Seq: rec.Seq, Digest: rec.Digest, Conflicts: left}, nil
	}
	out, err := k.rebase(ctx, c, Once{}, id, e.Props.String(propOnto))
	if errors.Is(err, &rmg.Error{Code: rmg.Conflict}) && len(out.Conflicts) > 0 {
		return out, nil // a side moved on, and there is more to resolve
	}
	return out, err
}

func openOf(list []Conflict) []Conflict {
	return slices.DeleteFunc(list, func(c Conflict) bool { return c.Take != "" })
}

// check refuses a resolution that does not say how, or says it twice.
func (r Resolution) check() error {
	bad := func(msg string) error {
		return &rmg.Error{Op: "resolve", Path: r.Path, Code: rmg.Invalid, Msg: msg, Hint: "take system, workspace or base, or give a value or a text"}
	}
	ways := 0
	for _, given := range []bool{r.Take != "", !r.Value.IsZero(), r.Edit != nil} {
		if given {
			ways++
		}
	}
	switch {
	case ways != 1:
		return bad("exactly one of a side, a value and a text says how to resolve")
	case r.Take != "" && r.Take != takeSystem && r.Take != takeWorkspace && r.Take != takeBase:
		return bad(fmt.Sprintf("there is no side %q", r.Take))
	case r.Prop != "" && r.Path == "":
		return bad("a prop without the path of its element")
	case r.Path == "" && r.Take == "":
		return bad("a value or a text is for one conflict, whose path is missing")
	}
	return r.Value.Check()
}

func (r Resolution) reason(id string) string {
	where := "all conflicts"
	if r.Path != "" {
		where = strings.TrimSuffix(string(r.Path)+"#"+r.Prop, "#")
	}
	return fmt.Sprintf("resolve %s of %s: %s", where, id, orText(r.Take, takeValue))
}

// ops makes the record of a resolution.
func (r Resolution) ops(f *fold, c Caller, id string, edit rmg.Blob) ([]rewrite.Op, error) {
	e, err := f.changeable(id)
	if err != nil {
		return nil, err
	}
	all := conflictsOf(e)
	if len(all) == 0 {
		return nil, &rmg.Error{Op: "resolve", Path: swsPath(id), Code: rmg.NotFound, Msg: "the workspace has no conflicts", Hint: "jitos sws rebase " + id + " or jitos sws collapse " + id + " finds out whether it has"}
	}
	var meant []Conflict
	for _, x := range all {
		if r.Path == "" && x.Take == "" || x.Path == r.Path && (r.Prop == "" || x.Prop == r.Prop) {
			meant = append(meant, x)
		}
	}
	if len(meant) == 0 && r.Path != "" {
		return nil, &rmg.Error{Op: "resolve", Path: r.Path, Code: rmg.NotFound, Msg: "there is no conflict there", Hint: "jitos sws resolve " + id + " lists them"}
	}
	if r.Take == "" && len(meant) > 1 {
		return nil, &rmg.Error{Op: "resolve", Path: r.Path, Code: rmg.Invalid, Msg: fmt.Sprintf("there are %d conflicts, and a value is for one of them", len(meant)), Hint: "name the prop: PATH#PROP"}
	}
	var ops []rewrite.Op
	for _, x := range meant {
		take, v, err := r.settles(x, edit)
		if err != nil {
			return nil, err
		}
		ops = append(ops, setOp(swsPath(id).Child(x.ID), map[string]rmg.Value{"take": rmg.String(take), "value": v, "by": rmg.String(c.Name)}))
	}
	open := len(openOf(all))
	for _, x := range meant {
		if x.Take == "" {
			open--
		}
	}
	return append(ops, setOp(swsPath(id), map[string]rmg.Value{propOpen: rmg.Int(int64(open))})), nil
}

// settles is how one conflict is settled: by a side, or a value.
func (r Resolution) settles(c Conflict, edit rmg.Blob) (take string, v rmg.Value, err error) {
	if r.Take != "" {
		return r.Take, rmg.Value{}, nil
	}
	if c.Prop == "" {
		return "", v, &rmg.Error{Op: "resolve", Path: c.Path, Code: rmg.Invalid, Msg: "the conflict is about the element itself (" + c.Reason + "), which has no value", Hint: "take system, workspace or base"}
	}
	if r.Edit == nil {
		return takeValue, r.Value, nil
	}
	text, ended := string(r.Edit), false
	for _, side := range []rmg.Value{c.System, c.Workspace, c.Base} {
		if side.Type() == rmg.TypeBlob {
			return takeValue, rmg.BlobOf(edit), nil
		}
		s, _ := side.AsString()
		ended = ended || strings.HasSuffix(s, "\n")
	}
	if !ended {
		text = strings.TrimSuffix(text, "\n") // an editor's, not the prop's
	}
	return takeValue, textValue(text), nil
}

package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// The props of a workspace's entry that a rebase sets.
const (
	propOnto    = "onto"    // the version that a merge with conflicts is under way with
	propOpen    = "open"    // conflicts of it that are not resolved
	propRebased = "rebased" // the base is not the one of the fork any more
)

// maxRebases is how often a rebase may be overtaken by a write before it gives up.
const maxRebases = 5

// newBase is the version that a workspace is to stand on.
type newBase struct {
	from  string // "system" or "sws:w7"
	seq   uint64
	world rmg.Graph
}

// merging is a workspace merged with a target, outside the writer.
type merging struct {
	id        string
	onto      string // as it was asked for
	to        newBase
	space     *space
	head      head
	entry     rmg.Element // as it was merged
	merged    rmg.Graph   // the target's side stands where there is a conflict
	conflicts []Conflict  // with the resolutions that stand
}

// open lists the conflicts that are not resolved.
func (m *merging) open() []Conflict {
	return slices.DeleteFunc(slices.Clone(m.conflicts), func(c Conflict) bool { return c.Take != "" })
}

// Rebase moves a workspace's base forward, to a version of what it was forked
// from: "" is the newest. What the workspace changed is merged with what happened
// since, and the result is its new head, in one record. Conflict: both changed
// the same; the list is the answer's, and stands on the workspace until each is
// resolved (see [Kernel.Settle]), which completes the rebase.
func (k *Kernel) Rebase(ctx context.Context, c Caller, id, onto string) (Rebased, error) {
	once, end, err := k.inTurn(ctx, c, "rebase", []any{id, onto})
	if err != nil {
		return Rebased{}, err
	}
	defer end()
	if seq, err := once.seen(k.now().ledger); err != nil {
		return Rebased{}, err
	} else if seq != 0 {
		return k.rebasedBefore(id, seq)
	}
	c.Key = ""
	if onto == "" {
		if err := k.syncSpace(ctx, id); err != nil {
			return Rebased{}, err
		}
	}
	return k.rebase(ctx, c, once, id, onto)
}

// rebase is Rebase of what is there; once is what the record of a rebase that
// met no conflict is known by.
func (k *Kernel) rebase(ctx context.Context, c Caller, once Once, id, onto string) (Rebased, error) {
	for range maxRebases {
		m, err := k.mergeOnto(id, onto)
		if err != nil {
			return Rebased{}, err
		}
		var out Rebased
		switch {
		case len(m.open()) > 0:
			out, err = k.keepConflicts(ctx, c, m)
		case m.done():
			return Rebased{Digest: m.head.world.Digest(), Base: m.base()}, nil
		default:
			out, err = k.finishRebase(ctx, c, once, m)
		}
		if !errors.Is(err, errHeadMoved) {
			return out, err
		}
	}
	return Rebased{}, &rmg.Error{Op: "rebase", Path: swsPath(id), Code: rmg.Stale, Msg: fmt.Sprintf("the workspace was written to during each of %d tries", maxRebases), Hint: "freeze what writes to it, and repeat"}
}

// done reports whether the workspace stands on the target already.
func (m *merging) done() bool {
	return m.entry.Props.String(propOnto) == "" && m.to.world.Same(m.space.base)
}

// base is the version that the workspace stands on once it is rebased.
func (m *merging) base() string {
	v, err := baseVersion(m.to.from, m.to.seq)
	if err != nil {
		return m.to.from
	}
	return v.String()
}

// syncSpace brings in the branch that a workspace changes, so that "the newest"
// is what its repository has.
func (k *Kernel) syncSpace(ctx context.Context, id string) error {
	s, ok := k.space(id)
	e, has := k.now().ledger.Get(swsPath(id))
	if !ok || !has {
		return noSpace(id)
	}
	if v, err := ParseVersion(e.Props.String("from")); err != nil || v.Space != "" || e.Props.Bool(propPrivate) {
		return err
	}
	root, err := soleBranch(s)
	if err != nil || root == "" {
		return nil // a workspace of two branches is merged as it is
	}
	segs := root.Segments()
	repo, ok := k.now().world.Get(repoRoot.Child(segs[1].ID))
	if !ok || repo.Props.String(propOrigin) == "" {
		return nil
	}
	return k.syncBranch(ctx, &collapse{root: root, top: repo.Props.String(propOrigin), branch: segs[2].ID})
}

// mergeOnto merges a workspace with a version, and finds again the resolutions
// of conflicts that are the same as before.
func (k *Kernel) mergeOnto(id, onto string) (*merging, error) {
	e, ok := k.now().ledger.Get(swsPath(id))
	s, has := k.space(id)
	switch {
	case !ok || !has:
		return nil, noSpace(id)
	case e.Props.Bool(propPrivate):
		return nil, &rmg.Error{Op: "rebase", Path: swsPath(id), Code: rmg.Invalid, Msg: "a private workspace stands on nothing", Hint: "write in it as it is"}
	case spaceState(e.Props) != spaceOpen:
		return nil, foldOn(k.now(), nil).spaceIs(id, spaceOpen)
	}
	if err := thawed(e); err != nil {
		return nil, err
	}
	m := &merging{id: id, onto: onto, space: s, head: s.last(), entry: e}
	var err error
	if m.to, err = k.target(e, onto); err != nil {
		return nil, err
	}
	v, err := ParseVersion(m.to.from)
	if err != nil {
		return nil, err
	}
	merged, list, err := k.mergeSpace(s, v, m.to.world, nil)
	if err != nil {
		return nil, err
	}
	m.merged = merged
	if len(list) > maxConflicts {
		return nil, &rmg.Error{Op: "rebase", Path: list[0].Path, Code: rmg.Conflict, Msg: fmt.Sprintf("%d conflicts are more than the %d that can be resolved one by one", len(list), maxConflicts), Hint: "jitos sws new begins again from the newest state"}
	}
	m.conflicts = m.resolved(list, conflictNodes(e))
	return m, nil
}

// target finds the version that a workspace is to stand on. It is one of what
// the workspace was forked from, and not before its base.
func (k *Kernel) target(e rmg.Element, onto string) (newBase, error) {
	from, err := ParseVersion(e.Props.String("from"))
	if err != nil {
		return newBase{}, err
	}
	v := Version{Space: from.Space}
	if onto != "" {
		if v, err = ParseVersion(onto); err != nil {
			return newBase{}, err
		}
	}
	bad := func(why, hint string) (newBase, error) {
		return newBase{}, &rmg.Error{Op: "rebase", Path: swsPath(e.ID), Code: rmg.Invalid, Msg: why, Hint: hint}
	}
	if v.Space != from.Space {
		return bad(fmt.Sprintf("%s stands on %s, and %s is no version of that", e.ID, parentOf(from), v), "leave --onto out for its newest")
	}
	view, err := k.View(v.String())
	if err != nil {
		return newBase{}, err
	}
	if base := uint64(e.Props.Int("base")); view.Seq < base {
		return bad(fmt.Sprintf("%s stands on seq %d already, and a base moves forward only", e.ID, base), "jitos sws new --from "+v.String()+" begins there")
	}
	return newBase{from: parentOf(from), seq: view.Seq, world: view.World}, nil
}

// parentOf names what a workspace collapses into.
func parentOf(from Version) string { return Version{Space: from.Space}.String() }

// still checks, in the writer, that a workspace is as it was merged.
func (m *merging) still(f *fold) error {
	e, err := f.changeable(m.id)
	if err != nil {
		return err
	}
	s, ok := f.lookup(m.id)
	if !ok || s.last().seq != m.head.seq || !e.Graph.Same(m.entry.Graph) {
		return errHeadMoved
	}
	return nil
}

// finishRebase makes the merge the workspace's head, on the new base.
func (k *Kernel) finishRebase(ctx context.Context, c Caller, once Once, m *merging) (Rebased, error) {
	next, err := m.settled()
	if err != nil {
		return Rebased{}, err
	}
	ops := append(m.forget(), rewrite.Between(m.to.world, next, rmg.Root)...)
	reason := "rebase onto " + m.base()
	if n := len(m.conflicts); n > 0 {
		reason += ", " + plural(n, "conflict") + " resolved"
	}
	at, err := ParseVersion(m.base())
	if err != nil {
		return Rebased{}, err
	}
	given, err := k.openForWriter(at)
	if err != nil {
		return Rebased{}, err
	}
	rec, err := k.submit(&request{
		ctx: ctx, owner: ownerOf("sws:"+m.id, c.Name, c.Process), view: "sws:" + m.id, footprint: rewrite.Footprint{All: true}, size: 128 * len(ops), once: once,
		eval: func(f *fold, _ uint64) (draft, error) {
			f.given = given
			return draft{view: "sws:" + m.id, author: c.Name, cause: c.Process, reason: reason, ops: ops}, m.still(f)
		},
	})
	return Rebased{Seq: rec.Seq, Digest: rec.Digest, Base: m.base()}, err
}

// forget makes the ledger ops of a rebase: the base is the new one, and the
// conflicts are gone.
func (m *merging) forget() []rewrite.Op {
	ops := []rewrite.Op{setOp(swsPath(m.id), map[string]rmg.Value{
		"from": rmg.String(m.to.from), "base": rmg.Int(int64(m.to.seq)), propRebased: rmg.Bool(true), propContext: {}, propOnto: {}, propOpen: {},
	})}
	return append(ops, dropConflicts(m.entry)...)
}

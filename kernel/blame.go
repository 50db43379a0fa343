package kernel

import (
	"slices"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// maxBlame is how many records a question for who removed something may read.
const maxBlame = 4096

// mergeSpace merges a workspace with a version of what it was forked from, and
// knows who wrote what on both sides. What reads name must not have changed.
func (k *Kernel) mergeSpace(s *space, parent Version, world rmg.Graph, reads []rmg.Path) (rmg.Graph, []rmg.MergeConflict, error) {
	h := s.last()
	theirs := k.wroteSystem
	if parent.Space != "" {
		theirs = k.wroteSpace(parent.Space)
	}
	return k.merge(rmg.MergeInput{
		Base: s.base, System: world, Workspace: h.world, WorkspaceMoves: h.moves, Reads: reads,
		SystemWrote: below(s.base, world, theirs), WorkspaceWrote: below(s.base, h.world, k.wroteSpace(s.id)),
	})
}

// authorship says who wrote a prop last or, with prop "", the element: seq 0 and ""
// where it is not known.
type authorship func(p rmg.Path, prop string) (seq int64, author string)

// below asks, where nobody wrote an element itself, for who wrote what changed in
// it: a conflict with a removal is about all of it.
func below(base, side rmg.Graph, ask authorship) authorship {
	return func(p rmg.Path, prop string) (int64, string) {
		seq, author := ask(p, prop)
		if author != "" || prop != "" {
			return seq, author
		}
		was, _ := base.Get(p)
		is, _ := side.Get(p)
		for c := range rmg.Diff(was.Graph, is.Graph) {
			if seq, author := ask(p+c.Path, ""); author != "" {
				return seq, author
			}
		}
		return 0, ""
	}
}

// wroteSystem says who wrote a prop, or an element, of the world last. Of what
// is not there any more it is who removed what held it.
func (k *Kernel) wroteSystem(p rmg.Path, prop string) (seq int64, author string) {
	now := k.now()
	last, ok := lastWrite(now, p, prop)
	if !ok && prop != "" {
		last, ok = lastWrite(now, p, "")
	}
	if !ok {
		last, ok = k.removed(now, p)
	}
	if !ok {
		return 0, ""
	}
	r, err := k.record(last)
	if err != nil {
		return 0, ""
	}
	return int64(r.Seq), r.Author
}

// removed finds, among the last records, the one that took out an element that is
// not there.
func (k *Kernel) removed(now version, p rmg.Path) (uint64, bool) {
	var found uint64
	from := now.seq - min(now.seq, maxBlame) + 1
	for r, err := range k.Records(from, now.seq) {
		if err != nil {
			return 0, false
		}
		if r.View == "system" && slices.ContainsFunc(worldOps(r), func(op rewrite.Op) bool {
			return (op.Op == rewrite.Remove || op.Op == rewrite.Move) && op.Path.Has(p)
		}) {
			found = r.Seq
		}
	}
	return found, found != 0
}

// propsOf lists the props that an op writes.
func propsOf(op rewrite.Op) []string {
	switch op.Op {
	case rewrite.Write:
		return []string{rewrite.PropBlob, rewrite.PropMode}
	case rewrite.Inc, rewrite.SetAdd, rewrite.SetRemove:
		return []string{op.Prop}
	}
	var out []string
	for name := range op.Props {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// spot is a prop of an element, or with "" the element.
type spot struct {
	path rmg.Path
	prop string
}

type stamp struct {
	seq    int64
	author string
}

// wroteSpace says who wrote what in a workspace, from its records. They are read
// when the first question comes, since most merges ask none: O(the log since the
// fork), once for each merge.
func (k *Kernel) wroteSpace(id string) authorship {
	var known map[spot]stamp
	return func(p rmg.Path, prop string) (int64, string) {
		if known == nil {
			known = k.spaceStamps(id)
		}
		s := known[spot{p, prop}]
		return s.seq, s.author
	}
}

func (k *Kernel) spaceStamps(id string) map[spot]stamp {
	out := map[spot]stamp{}
	e, ok := k.now().ledger.Get(swsPath(id))
	if !ok {
		return out
	}
	born, _ := numberOf(id)
	for r, err := range k.Records(born, readSpace(e).Head) {
		if err != nil {
			return out // authors are for people to see; a merge goes without
		}
		if r.View != "sws:"+id {
			continue
		}
		entry, ops := splitOps(r.Ops)
		by := stamp{int64(r.Seq), r.Author}
		// What a moved base says again was written before, by somebody else.
		again := slices.ContainsFunc(entry, func(op rewrite.Op) bool { return op.Props["base"].Type() != rmg.TypeNone })
		for _, op := range ops {
			stampOp(out, op, by, again)
		}
	}
	return out
}

// stampOp notes who wrote what an op writes; again leaves what is known.
func stampOp(known map[spot]stamp, op rewrite.Op, by stamp, again bool) {
	mark := func(p spot) {
		if _, ok := known[p]; !ok || !again {
			known[p] = by
		}
	}
	at := op.Path
	if op.Op == rewrite.Move {
		moveStamps(known, op.Path, op.Dest)
		at = op.Dest
	}
	mark(spot{at, ""})
	for _, name := range propsOf(op) {
		mark(spot{at, name})
	}
}

// moveStamps lets what is known of a subtree follow its move.
func moveStamps(known map[spot]stamp, from, to rmg.Path) {
	moved := map[spot]stamp{}
	for p, s := range known {
		if from.Has(p.path) {
			delete(known, p)
			moved[spot{to + p.path[len(from):], p.prop}] = s
		}
	}
	for p, s := range moved {
		known[p] = s
	}
}

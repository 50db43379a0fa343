package kernel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"jitos.dev/journal"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// A gc removes content that nothing kept names. What is kept:
//
//   - all that a record names, so that any version can be read, but for records
//     of workspaces whose contents were given up;
//   - the bodies of all records, so that the log folds, verifies and replays as
//     it did: a workspace that was given up still has its every head and digest,
//     and no bytes of the files that it alone wrote;
//   - what was put since this start, as it may be about to be named.
//
// Given up is a workspace that was discarded longer ago than the policy keeps
// such (keep_discarded; for ever without it), unless another one that is not
// given up was forked from it. The record that says so comes first: from then on
// it is neither restored nor forked, so that nothing begins to name what goes.
// A crash after that loses nothing; the next gc goes on.

// GCRequest asks for a gc.
type GCRequest struct {
	DryRun bool   // only say what would go
	Reason string // stays in the log
}

// GCReport is what a gc removed, or would remove.
type GCReport struct {
	Seq    uint64   // the record that says so; 0 of a dry run, or if there was nothing to do
	Spaces []string // workspaces that were given up by this gc
	Kept   int      // discarded workspaces that are not given up
	Policy string   // keep_discarded as it was read; empty: kept for ever

	GivenUp Content // named by workspaces that were given up, now or before, alone
	Unnamed Content // put before this start, and named by no record
	Removed Content // of these two, what went
	Left    Content // of these two, what stays as most of its pack is kept
	Marks   int     // marks of older versions that were dropped; what they took is free after the next start
	Recent  int     // blobs of these two sorts that stay, as they were put since this start; those not flushed yet are not counted
}

// Content is so many blobs.
type Content struct {
	Blobs int
	Bytes int64
}

// GC removes what nothing kept names, beside everything else that goes on.
// Denied: without the capability admin. Conflict: a gc runs already. O(the log)
// and O(all blobs); it holds a sum for each.
func (k *Kernel) GC(ctx context.Context, c Caller, q GCRequest) (GCReport, error) {
	if err := c.needs(CapAdmin, "gc", gcRoot); err != nil {
		return GCReport{}, err
	}
	if !k.collecting.TryLock() {
		return GCReport{}, &rmg.Error{Op: "gc", Code: rmg.Conflict, Msg: "a gc runs already", Hint: "jitos log --cause gc shows it when it is done"}
	}
	defer k.collecting.Unlock()
	g := &gc{k: k, ctx: ctx, policy: limitsOf(k.now().world)}
	if err := g.choose(); err != nil {
		return GCReport{}, err
	}
	// What would go, and whether there is anything to do at all.
	plan, err := g.sweep(true)
	if err == nil {
		plan.Marks, err = k.tooManyMarks(g.policy.marks)
	}
	if err != nil || q.DryRun || plan.Removed.Blobs == 0 && len(g.chosen) == 0 && plan.Marks == 0 {
		return plan, err
	}
	seq, err := g.announce(c, q.Reason)
	if err != nil {
		return GCReport{}, err
	}
	done, err := g.sweep(false)
	done.Seq = seq
	if err == nil {
		done.Marks, err = k.compact(g.policy.marks)
	}
	if err != nil {
		return done, fmt.Errorf("gc: %w", err)
	}
	return done, g.finish(c, done)
}

// gc is one under way.
type gc struct {
	k      *Kernel
	ctx    context.Context
	policy limits
	chosen []string // workspaces to be given up, in order
	kept   int
}

// choose finds the discarded workspaces whose time is over.
func (g *gc) choose() error {
	now := g.k.now()
	since, err := g.discards(now)
	if err != nil {
		return err
	}
	// A clock that was set back makes nothing older than the log says.
	limit := max(g.k.opt.Clock.Now().UnixMilli(), now.at.UnixMilli()) - g.policy.discarded.Milliseconds()
	over := map[string]bool{}
	for id, at := range since {
		over[id] = g.policy.discarded >= 0 && at <= limit
	}
	dead := deadSpaces(now.ledger, over)
	for id := range since {
		if dead[id] {
			g.chosen = append(g.chosen, id)
		} else {
			g.kept++
		}
	}
	slices.SortFunc(g.chosen, compareIDs)
	return nil
}

// discards tells of each workspace that is discarded and not given up when that
// was, in Unix milliseconds. O(the log), if there are any.
func (g *gc) discards(now version) (map[string]int64, error) {
	since := map[string]int64{}
	for id, p := range ledgerSpaces(now.ledger) {
		if spaceState(p) == spaceDiscarded && p.Int(propGivenUp) == 0 {
			since[id] = 0
		}
	}
	if len(since) == 0 {
		return since, nil
	}
	for r, err := range g.k.Records(1, now.seq) {
		if err = errors.Join(err, g.ctx.Err()); err != nil {
			return nil, err
		}
		for _, op := range r.Ops {
			if v := op.Props["discarded"]; op.Op != rewrite.Set || op.Path.Parent() != swsRoot || v.IsZero() {
				continue
			}
			if id := op.Path.Base().ID; hasKey(since, id) {
				since[id] = r.At.UnixMilli()
			}
		}
	}
	return since, nil
}

func hasKey[V any](m map[string]V, key string) bool {
	_, ok := m[key]
	return ok
}

// ledgerSpaces ranges over the workspaces' entries.
func ledgerSpaces(ledger rmg.Graph) func(yield func(string, rmg.Props) bool) {
	return func(yield func(string, rmg.Props) bool) {
		e, _ := ledger.Get(swsRoot)
		for n := range e.Graph.Nodes("") {
			if !yield(n.ID, n.Props) {
				return
			}
		}
	}
}

// deadSpaces lists the workspaces that were given up, and of others those that
// may be, without those that one which is neither was forked from: it stands on
// their contents.
func deadSpaces(ledger rmg.Graph, others map[string]bool) map[string]bool {
	dead, from := map[string]bool{}, map[string]string{}
	for id, p := range ledgerSpaces(ledger) {
		dead[id] = p.Int(propGivenUp) != 0 || others[id]
		if v, err := ParseVersion(p.String("from")); err == nil && v.Space != "" && !p.Bool(propPrivate) {
			from[id] = v.Space
		}
	}
	for changed := true; changed; {
		changed = false
		for id, parent := range from {
			if !dead[id] && dead[parent] {
				dead[parent], changed = false, true
			}
		}
	}
	return dead
}

// sweep removes what nothing kept names, by the state of the moment; a dry one
// takes what is chosen to be given up.
func (g *gc) sweep(dry bool) (GCReport, error) {
	k := g.k
	now := k.now()
	others := map[string]bool{}
	if dry {
		for _, id := range g.chosen {
			others[id] = true
		}
	}
	n := namesFor(deadSpaces(now.ledger, others))
	if err := n.read(k.opt.Journal, k.store, now.seq); err != nil {
		return GCReport{}, err
	}
	out := GCReport{Spaces: g.chosen, Kept: g.kept}
	if g.policy.discarded >= 0 {
		out.Policy = TTLText(g.policy.discarded)
	}
	// What records after these name was put or held since this start, or is
	// named by one of these.
	s, err := k.opt.Journal.Sweep(func(sum [32]byte) bool {
		size, given := n.givenUp(sum)
		switch {
		case n.live[sum]:
			return true
		case k.opt.Journal.Held(sum):
			out.Recent++
			return true
		case given:
			out.GivenUp.Blobs++
			out.GivenUp.Bytes += size
		}
		return g.ctx.Err() != nil
	}, dry)
	out.Removed, out.Left = Content{s.Blobs, s.Bytes}, Content{s.LeftBlobs, s.LeftBytes}
	out.Unnamed = Content{max(0, s.Blobs+s.LeftBlobs-out.GivenUp.Blobs), max(0, s.Bytes+s.LeftBytes-out.GivenUp.Bytes)}
	return out, errors.Join(err, g.ctx.Err())
}

// announce records who gives up what, before anything goes.
func (g *gc) announce(c Caller, reason string) (uint64, error) {
	rec, err := g.k.systemWith(g.ctx, c.Name, "gc", orText(reason, "gc"), func(f *fold, seq uint64) ([]rewrite.Op, error) {
		var ops []rewrite.Op
		if _, ok := f.ledger.Get(gcRoot); !ok {
			ops = append(ops, rewrite.Op{Op: rewrite.AddNode, Path: gcRoot, Kind: rewrite.KindDir})
		}
		g.chosen = slices.DeleteFunc(g.chosen, func(id string) bool { return f.spaceIs(id, spaceDiscarded) != nil })
		for _, id := range g.chosen {
			ops = append(ops, setOp(swsPath(id), map[string]rmg.Value{propGivenUp: seqValue(seq)}))
		}
		return append(ops, addOp(gcPath(seq), kindGC, map[string]rmg.Value{
			"by": rmg.String(c.Name), "reason": textValue(reason), "at_ms": rmg.Int(g.k.lastAt.UnixMilli()), "spaces": rmg.Int(int64(len(g.chosen))),
		})), nil
	})
	return rec.Seq, err
}

// finish records what went.
func (g *gc) finish(c Caller, r GCReport) error {
	n := func(c int) rmg.Value { return rmg.Int(int64(c)) }
	_, err := g.k.system(context.WithoutCancel(g.ctx), c.Name, "gc", fmt.Sprintf("gc: %s, %d bytes", plural(r.Removed.Blobs, "blob"), r.Removed.Bytes),
		[]rewrite.Op{setOp(gcPath(r.Seq), map[string]rmg.Value{
			"removed_blobs": n(r.Removed.Blobs), "removed_bytes": rmg.Int(r.Removed.Bytes),
			"given_up_blobs": n(r.GivenUp.Blobs), "given_up_bytes": rmg.Int(r.GivenUp.Bytes),
			"unnamed_blobs": n(r.Unnamed.Blobs), "unnamed_bytes": rmg.Int(r.Unnamed.Bytes),
			"marks":      n(r.Marks),
			"left_blobs": n(r.Left.Blobs), "left_bytes": rmg.Int(r.Left.Bytes),
		})})
	return err
}

func gcPath(seq uint64) rmg.Path { return gcRoot.Child(fmt.Sprintf("g%d", seq)) }

// contentsKept refuses a workspace whose contents a gc gave up.
func (f *fold) contentsKept(id string) error {
	e, _ := f.ledger.Get(swsPath(id))
	seq := e.Props.Int(propGivenUp)
	if seq == 0 {
		return nil
	}
	by, _ := f.ledger.Get(gcPath(uint64(seq)))
	return &rmg.Error{
		Op: "workspace", Path: swsPath(id), Code: rmg.Conflict,
		Msg:  fmt.Sprintf("its contents were given up by the gc of %s at seq %d", orText(by.Props.String("by"), "somebody"), seq),
		Hint: "what it changed is still shown by jitos sws show " + id + "; the bytes of its files are gone, begin anew with jitos sws new",
	}
}

// holdNamed keeps content that ops name from a gc, until they are recorded and
// beyond.
func (k *Kernel) holdNamed(ops []rewrite.Op) {
	var value func(rmg.Value)
	value = func(v rmg.Value) {
		if b, ok := v.AsBlob(); ok {
			k.opt.Journal.Hold(b.Sum)
		}
		list, _ := v.AsList()
		for _, e := range list {
			value(e)
		}
		if m, ok := v.AsMap(); ok {
			for _, e := range m.All() {
				value(e)
			}
		}
	}
	for _, op := range ops {
		value(op.Value)
		for _, v := range op.Props {
			value(v)
		}
	}
}

// Backed is what a backup holds.
type Backed struct {
	Seq   uint64 // its last record
	Files int
	Bytes int64
}

// Backup writes a copy of the journal as it is at one seq, checked on the way, and
// after it what the Keeper has, into the folder to, an absolute path, empty or not
// there. Denied: without the
// capability admin. Exists: something is there. It is no record: nothing changes.
func (k *Kernel) Backup(ctx context.Context, c Caller, to string) (Backed, error) {
	if err := c.needs(CapAdmin, "backup", rmg.Root); err != nil {
		return Backed{}, err
	}
	fail := func(code rmg.Code, err error, hint string) (Backed, error) {
		return Backed{}, &rmg.Error{Op: "backup", Code: code, Msg: strings.TrimSpace(err.Error()), Hint: hint}
	}
	err := k.opt.Journal.BackupWith(ctx, to, func(add func(string, func(io.Writer) error) error) error {
		if k.opt.Keeper == nil {
			return nil
		}
		return k.opt.Keeper.Keep(ctx, add)
	})
	var b journal.Backed
	if err == nil {
		b, err = k.opt.Journal.Backed(to)
	}
	switch {
	case err == nil || ctx.Err() != nil:
		return Backed{b.Seq, b.Files, b.Bytes}, err
	case errors.Is(err, journal.ErrNotEmpty):
		return fail(rmg.Exists, err, "name a folder that is not there yet")
	case errors.Is(err, journal.ErrCorrupt):
		return fail(rmg.Internal, err, "what is damaged cannot be copied: jitos verify names all of it")
	default:
		return fail(rmg.Unavailable, err, "what is in "+to+" is no whole backup; remove it and repeat")
	}
}

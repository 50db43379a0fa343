package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// The limits of looking for what beat an evicted collapse.
const (
	maxRivals       = 256    // changes of the branch that are considered, the newest ones
	maxRivalRecords = 50_000 // records read to find them
)

// The props by which the ledger tells of an eviction.
const (
	propEvicted  = "evicted"   // why, on the process and on the workspace
	propBeaten   = "beaten"    // seq of the change that beat it
	propBeatenBy = "beaten_by" // that change, in words
	propChanged  = "changed"   // the files it would have changed
)

// rival is a change of a branch that an evicted collapse may have lost to.
type rival struct {
	seq  uint64
	text string // "p4: Rename Old"
}

// evict puts an entry out of its queue: it is red, or in conflict, on the head
// as it is. The others go on at once; only then is it found out whether the
// collapse is red by itself or which change since its fork beat it.
func (k *Kernel) evict(ctx context.Context, q *branchQueue, e *entry) (Collapsed, error) {
	q.mu.Lock()
	cand, conflicts, fault, v, proofs := e.cand, e.conflicts, e.err, e.verdict, e.proofs
	q.mu.Unlock()
	k.leave(q, e)
	if fault != nil && !isConflict(fault) {
		return Collapsed{}, fault
	}
	out := Collapsed{Conflicts: conflicts, Merged: cand.moved}
	var red []string
	if v != nil {
		out.Evidence, red = v.evidence, v.red
	}
	ev := Eviction{Reason: reasonOf(red, conflicts, fault), Files: k.changedBy(e.c)}
	beaten, err := k.rivalOf(ctx, q, e.c, v)
	if err != nil {
		if ctx.Err() != nil {
			return out, context.Cause(ctx)
		}
		// It is out all the same; only who beat it stays unknown.
		k.log.Warn("who beat an evicted collapse", "process", e.c.process, "err", err)
	}
	ev.Beaten, ev.BeatenBy = beaten.seq, beaten.text
	if err := k.recordEviction(ctx, e.c, ev, out.Evidence, proofs); err != nil {
		return out, err
	}
	return out, ev.problem(e.c, conflicts, fault)
}

// reasonOf says in a line why an entry cannot stay.
func reasonOf(red []string, conflicts []rmg.MergeConflict, fault error) string {
	switch {
	case fault != nil:
		return fault.Error()
	case len(conflicts) > 0:
		return fmt.Sprintf("%s, first: %s at %s", plural(len(conflicts), "conflict"), conflicts[0].Reason, conflicts[0].Path)
	}
	return "red: " + some(red)
}

// String tells an eviction in a line.
func (ev Eviction) String() string {
	s := ev.Reason
	if ev.Beaten != 0 {
		s += fmt.Sprintf("; beaten by seq %d (%s)", ev.Beaten, ev.BeatenBy)
	}
	return s
}

// problem is an eviction as the error of its collapse.
func (ev Eviction) problem(c *collapse, conflicts []rmg.MergeConflict, fault error) error {
	e := &rmg.Error{Op: "collapse", Code: rmg.GateFailed, Msg: ev.String()}
	if len(conflicts) > 0 {
		e.Code, e.Path = rmg.Conflict, conflicts[0].Path
	} else if fault != nil {
		e.Code = rmg.Conflict
	}
	switch {
	case ev.Beaten != 0:
		e.Hint = fmt.Sprintf("jitos sws rebase %s moves it onto the head; jitos show %s has the evidence", c.space, c.process)
	case e.Code == rmg.Conflict:
		e.Hint = "jitos sws diff " + c.space + " shows the workspace's side"
	default:
		e.Hint = "jitos show " + orText(c.process, c.space) + " has the evidence"
	}
	return e
}

// changedBy lists the files that a collapse's workspace changed.
func (k *Kernel) changedBy(c *collapse) []string {
	s, ok := k.space(c.space)
	if !ok {
		return nil
	}
	before, err := treeAt(s.base, c.root)
	after, aerr := treeAt(s.last().world, c.root)
	if err != nil || aerr != nil {
		return nil
	}
	return changedFiles(before, after)
}

// rivalOf finds the change of the branch, since the workspace was forked, that
// turned the collapse red or made it conflict. It is the first after which it
// is so; none if it is red on its own base too. Red gates, and no others, are
// run again, about log2 of the changes times, under keys that may be known.
func (k *Kernel) rivalOf(ctx context.Context, q *branchQueue, c *collapse, v *ruling) (rival, error) {
	list, err := k.rivals(c)
	if err != nil || len(list) == 0 {
		return rival{}, err
	}
	lane, free, err := q.lane(ctx)
	if err != nil {
		return rival{}, err
	}
	defer free()
	s, ok := k.space(c.space)
	if !ok {
		return rival{}, noSpace(c.space)
	}
	holds := func(head rmg.Graph) (bool, error) { return k.holdsOn(ctx, c, v, head, lane) }
	if ok, err := holds(s.base); err != nil || !ok {
		return rival{}, err
	}
	first := sort.Search(len(list)-1, func(i int) bool {
		if err != nil {
			return true
		}
		var view View
		if view, err = k.View(fmt.Sprintf("seq:%d", list[i].seq)); err != nil {
			return true
		}
		var ok bool
		ok, err = holds(view.World)
		return !ok
	})
	return list[first], err
}

// holdsOn reports whether a collapse merges with a head, and the gates that
// were red are green on what comes of it.
func (k *Kernel) holdsOn(ctx context.Context, c *collapse, v *ruling, head rmg.Graph, lane int) (bool, error) {
	cand, conflicts, err := k.prepare(c, head)
	if err != nil && !isConflict(err) {
		return false, err
	}
	if err != nil || len(conflicts) > 0 {
		return false, nil
	}
	if v == nil {
		return true, nil
	}
	var gates []work.Gate
	for _, g := range k.gatesOn(c, cand) {
		if slices.ContainsFunc(v.evidence, func(e work.Evidence) bool { return e.Gate == g.Name && !e.Green }) {
			gates = append(gates, g)
		}
	}
	quiet := *c
	quiet.emit = nil
	got, err := k.proveCandidate(ctx, &quiet, cand, gates, lane)
	return len(got.red) == 0, err
}

// rivals lists what changed the branch's files since the workspace was forked,
// in order, told from the log.
func (k *Kernel) rivals(c *collapse) ([]rival, error) {
	e, ok := k.now().ledger.Get(swsPath(c.space))
	if !ok {
		return nil, noSpace(c.space)
	}
	now := k.now().seq
	from := uint64(e.Props.Int("base")) + 1
	if now > maxRivalRecords {
		from = max(from, now-maxRivalRecords)
	}
	var out []rival
	for r, err := range k.Records(from, now) {
		if err != nil {
			return nil, err
		}
		if r.View != "system" || !touchesBelow(r.Ops, c.root) {
			continue
		}
		out = append(out, rival{r.Seq, k.rivalText(r)})
	}
	if len(out) > maxRivals {
		out = out[len(out)-maxRivals:]
	}
	return out, nil
}

// touchesBelow reports whether ops change anything below a branch.
func touchesBelow(ops []rewrite.Op, root rmg.Path) bool {
	return slices.ContainsFunc(ops, func(op rewrite.Op) bool { return op.Path != root && root.Has(op.Path) })
}

// rivalText says whose change a record is: a process's, or a person's that
// came in by sync.
func (k *Kernel) rivalText(r Record) string {
	for _, op := range r.Ops {
		if _, ok := op.Props["collapse"]; !ok || op.Path.Parent() != procRoot {
			continue
		}
		id := op.Path.Base().ID
		if p, err := k.Process(id); err == nil {
			return id + ": " + firstLine(p.Text)
		}
	}
	return r.Reason
}

// recordEviction keeps why a collapse was put out, with the evidence, where its
// process and its workspace show it.
func (k *Kernel) recordEviction(ctx context.Context, c *collapse, ev Eviction, list []work.Evidence, proofs int) error {
	_, err := k.systemWith(context.WithoutCancel(ctx), "kernel", c.process, "evicted: "+ev.String(), func(f *fold, _ uint64) ([]rewrite.Op, error) {
		if e, _ := f.ledger.Get(procPath(c.process)); e.Props.Int("collapse") != 0 {
			return nil, errLost // what stands there is the winner's
		}
		ops, err := c.proofOps(f, list, proofs)
		if err != nil {
			return nil, err
		}
		props := map[string]rmg.Value{propEvicted: textValue(ev.Reason), propChanged: textList(ev.Files), propBeaten: {}, propBeatenBy: {}}
		if ev.Beaten != 0 {
			props[propBeaten], props[propBeatenBy] = rmg.Int(int64(ev.Beaten)), textValue(ev.BeatenBy)
		}
		ops = append(ops, setOp(procPath(c.process), props))
		return append(ops, setOp(swsPath(c.space), map[string]rmg.Value{propEvicted: textValue("evicted: " + ev.String())})), nil
	})
	return err
}

// readEviction reads an eviction from a process's props.
func readEviction(p rmg.Props) *Eviction {
	why := textOf(p, propEvicted)
	if why == "" {
		return nil
	}
	return &Eviction{Reason: why, Files: texts(p, propChanged), Beaten: uint64(p.Int(propBeaten)), BeatenBy: textOf(p, propBeatenBy)}
}

// textOf reads what textValue made.
func textOf(p rmg.Props, name string) string {
	v, _ := p.Get(name)
	if b, ok := v.AsBytes(); ok {
		return string(b)
	}
	s, _ := v.AsString()
	return s
}

// isConflict reports whether an error says that two sides do not go together.
func isConflict(err error) bool {
	var e *rmg.Error
	return errors.As(err, &e) && e.Code == rmg.Conflict
}

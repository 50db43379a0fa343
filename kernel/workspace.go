package kernel

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// The states of a workspace, derived from the ledger.
const (
	spaceOpen      = "open"
	spaceCollapsed = "collapsed"
	spaceDiscarded = "discarded"
)

// spaceState derives a workspace's state from its ledger entry.
func spaceState(p rmg.Props) string {
	switch {
	case p.Int("collapsed") != 0:
		return spaceCollapsed
	case p.Bool("discarded"):
		return spaceDiscarded
	default:
		return spaceOpen
	}
}

// forkOp makes the ledger entry of a new workspace; the fold makes the rest.
func forkOp(id, from string, base uint64, owner, process, reason string, at time.Time) rewrite.Op {
	props := map[string]rmg.Value{
		"from": rmg.String(from), "base": rmg.Int(int64(base)), "owner": rmg.String(owner),
		"at_ms": rmg.Int(at.UnixMilli()),
	}
	if process != "" {
		props["process"] = rmg.String(process)
	}
	if reason != "" {
		props["reason"] = rmg.String(reason)
	}
	return addOp(swsPath(id), kindWorkspace, props)
}

func spaceID(seq uint64) string { return "w" + strconv.FormatUint(seq, 10) }

// Fork makes a workspace from a version. O(1), and one flush.
func (k *Kernel) Fork(ctx context.Context, c Caller, r ForkRequest) (Workspace, error) {
	if r.Dir != "" {
		if _, _, err := k.sync(ctx, r.Dir); err != nil {
			return Workspace{}, err
		}
	}
	id, err := k.fork(ctx, c.Name, c.Process, r.From, r.Reason)
	if err != nil {
		return Workspace{}, err
	}
	return k.Workspace(id)
}

func (k *Kernel) fork(ctx context.Context, owner, process, from, reason string) (string, error) {
	v, err := ParseVersion(from)
	if err != nil {
		return "", err
	}
	var given map[Version]head
	if v.Seq != 0 || v.At != 0 {
		// The writer opens nothing of the past.
		h, err := k.openHead(v)
		if err != nil {
			return "", err
		}
		given = map[Version]head{v: h}
	}
	var id string
	_, err = k.systemWith(ctx, owner, process, orText(reason, "fork of "+v.String()), func(f *fold, seq uint64) ([]rewrite.Op, error) {
		f.given = given
		h, err := f.read(v)
		if err != nil {
			return nil, err
		}
		id = spaceID(seq)
		return []rewrite.Op{forkOp(id, v.String(), h.seq, owner, process, reason, k.lastAt)}, nil
	})
	return id, err
}

// Workspaces lists the workspaces in order of their numbers.
func (k *Kernel) Workspaces() []Workspace {
	now := k.now()
	e, ok := now.ledger.Get(swsRoot)
	if !ok {
		return nil
	}
	var out []Workspace
	for n := range e.Graph.Nodes("") {
		w := readSpace(n)
		w.Changes = -1
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b Workspace) int { return compareIDs(a.ID, b.ID) })
	return out
}

// compareIDs orders "p9" before "p12".
func compareIDs(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// Workspace shows one workspace.
func (k *Kernel) Workspace(id string) (Workspace, error) {
	e, ok := k.now().ledger.Get(swsPath(id))
	s, has := k.space(id)
	if !ok || !has {
		return Workspace{}, noSpace(id)
	}
	w := readSpace(e)
	h := s.last()
	for range rmg.Diff(s.base, h.world) {
		w.Changes++
	}
	w.Digest = h.world.Digest()
	return w, nil
}

func readSpace(e rmg.Element) Workspace {
	p := e.Props
	w := Workspace{
		ID: e.ID, State: spaceState(p), From: p.String("from"), Base: uint64(p.Int("base")), Head: uint64(p.Int("head")),
		Owner: p.String("owner"), Process: p.String("process"), Reason: p.String("reason"),
		Records: int(p.Int("records")), At: time.UnixMilli(p.Int("at_ms")).UTC(),
	}
	_ = w.Digest.UnmarshalText([]byte(p.String("digest"))) // absent until the first record
	switch w.State {
	case spaceCollapsed:
		w.Outcome = fmt.Sprintf("seq %d", p.Int("collapsed"))
	case spaceDiscarded:
		w.Outcome = p.String("discard_reason")
	}
	if w.Head == 0 {
		w.Head, _ = strconv.ParseUint(strings.TrimPrefix(e.ID, "w"), 10, 64)
	}
	return w
}

// Discard drops a workspace's name from what is open; its bytes stay.
func (k *Kernel) Discard(ctx context.Context, c Caller, id, reason string) (Receipt, error) {
	return k.systemWith(ctx, c.Name, c.Process, orText("discard "+id+": "+reason, "discard "+id), func(f *fold, _ uint64) ([]rewrite.Op, error) {
		if err := f.spaceIs(id, spaceOpen); err != nil {
			return nil, err
		}
		return []rewrite.Op{discardOp(id, reason)}, nil
	})
}

func discardOp(id, reason string) rewrite.Op {
	return setOp(swsPath(id), map[string]rmg.Value{"discarded": rmg.Bool(true), "discard_reason": rmg.String(reason)})
}

func restoreOp(id string) rewrite.Op {
	return setOp(swsPath(id), map[string]rmg.Value{"discarded": {}, "discard_reason": {}, "collapsed": {}})
}

// Restore brings a discarded workspace back, as it was.
func (k *Kernel) Restore(ctx context.Context, c Caller, id string) (Workspace, error) {
	_, err := k.systemWith(ctx, c.Name, c.Process, "restore "+id, func(f *fold, _ uint64) ([]rewrite.Op, error) {
		if err := f.spaceIs(id, spaceDiscarded); err != nil {
			return nil, err
		}
		return []rewrite.Op{restoreOp(id)}, nil
	})
	if err != nil {
		return Workspace{}, err
	}
	return k.Workspace(id)
}

// spaceIs reports, as an error, a workspace that is not in the given state.
func (f *fold) spaceIs(id, want string) error {
	e, ok := f.ledger.Get(swsPath(id))
	if !ok {
		return noSpace(id)
	}
	if got := spaceState(e.Props); got != want {
		hint := ""
		if got == spaceDiscarded {
			hint = "jitos sws restore " + id + " brings it back"
		}
		return &rmg.Error{Op: "workspace", Path: swsPath(id), Code: rmg.Conflict, Msg: fmt.Sprintf("the workspace is %s, not %s", got, want), Hint: hint}
	}
	return nil
}

func orText(s, other string) string {
	if s == "" || strings.HasSuffix(s, ": ") {
		return other
	}
	return s
}

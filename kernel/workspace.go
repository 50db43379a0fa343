package kernel

import (
	"context"
	"fmt"
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

// propCollapsed of a workspace is the record that its changes became part of the
// world or of its parent by.
const propCollapsed = "collapsed"

// spaceState derives a workspace's state from its ledger entry.
func spaceState(p rmg.Props) string {
	switch {
	case p.Int(propCollapsed) != 0:
		return spaceCollapsed
	case p.Bool("discarded"):
		return spaceDiscarded
	default:
		return spaceOpen
	}
}

// The props of a workspace's entry in the ledger that more than one file names.
const (
	propPrivate = "private"
	propOps     = "ops"        // of all its rewrites; counted by the fold
	propBytes   = "bytes"      // of content in them; counted by the fold
	propTTL     = "ttl_ms"     // how long it may stay open
	propExpires = "expires_ms" // when that is over
	propGivenUp = "given_up"   // seq of the gc that gave up the contents that it alone names
)

// forkSpec is what a new workspace is to be.
type forkSpec struct {
	from                   string // version; not looked at if private
	owner, process, reason string
	cause                  string // what led to it, if that is more than the process
	private                bool
	ttl                    time.Duration // 0: as long as it is wanted
	once                   Once
}

// forkOp makes the ledger entry of a new workspace; the fold makes the rest.
func forkOp(id string, base uint64, x forkSpec, at time.Time) rewrite.Op {
	props := map[string]rmg.Value{
		"base": rmg.Int(int64(base)), "owner": rmg.String(x.owner), "at_ms": rmg.Int(at.UnixMilli()),
		propOps: rmg.Int(0), propBytes: rmg.Int(0),
	}
	for name, v := range map[string]string{"from": x.from, "process": x.process, "cause": x.cause, "reason": x.reason} {
		if v != "" {
			props[name] = rmg.String(v)
		}
	}
	if x.private {
		props[propPrivate] = rmg.Bool(true)
	}
	if x.ttl > 0 {
		props[propTTL], props[propExpires] = rmg.Int(x.ttl.Milliseconds()), rmg.Int(at.Add(x.ttl).UnixMilli())
	}
	return addOp(swsPath(id), kindWorkspace, props)
}

func spaceID(seq uint64) string { return "w" + strconv.FormatUint(seq, 10) }

// Fork makes a workspace from a version, or a private one from nothing. O(1),
// and one flush. Limit: too many are open, or the disk is at its ceiling.
func (k *Kernel) Fork(ctx context.Context, c Caller, r ForkRequest) (Workspace, error) {
	if err := r.check(); err != nil {
		return Workspace{}, err
	}
	v, err := ParseVersion(r.From)
	if err != nil {
		return Workspace{}, err
	}
	once, err := onceOf(c, "fork", r)
	if err != nil {
		return Workspace{}, err
	}
	if r, done, err := k.answered(once); done || err != nil {
		return k.spaceMade(r, err)
	}
	at := rmg.Root
	if v.Space != "" {
		at = swsPath(v.Space)
	}
	if err := k.within(c, v.Space); err != nil {
		return Workspace{}, err
	}
	if err := k.may(c, CapRewrite, VerbFork, at, kindWorkspace, k.processFacts(c.process(), "")); err != nil {
		return Workspace{}, err
	}
	var seen dirtyState
	if r.Dir != "" {
		repo, root, err := k.sync(ctx, r.Dir)
		if err == nil && r.Dirty {
			seen, err = k.uncommitted(ctx, repo, root)
		}
		if err != nil {
			return Workspace{}, err
		}
	}
	w, err := k.forkShown(ctx, forkSpec{
		from: r.From, owner: c.Name, process: c.Process, reason: r.Reason, private: r.Private, ttl: r.TTL, once: once,
	})
	if err != nil || seen.root == "" {
		return w, err
	}
	if err := k.bringIn(ctx, seen, w.ID); err != nil {
		return Workspace{}, err
	}
	return k.Workspace(w.ID)
}

// check refuses what contradicts itself.
func (r ForkRequest) check() error {
	bad := func(msg, hint string) error {
		return &rmg.Error{Op: "fork", Code: rmg.Invalid, Msg: msg, Hint: hint}
	}
	switch {
	case r.Private && r.From != "":
		return bad("a private workspace begins empty, it is not forked from "+r.From, "leave out one of the two")
	case r.Private && r.Dir != "":
		return bad("a private workspace holds no repository", "leave out one of the two")
	case r.Dirty && (r.Dir == "" || r.From != ""):
		return bad("there is an uncommitted state only of the branch that is checked out", "run it in a repository, and leave the version out")
	case r.TTL != 0 && (r.TTL < minTTL || r.TTL > maxTTL):
		return bad(fmt.Sprintf("a ttl of %s is not between %s and %s", TTLText(r.TTL), TTLText(minTTL), TTLText(maxTTL)), "for example 2h")
	}
	return nil
}

func (k *Kernel) fork(ctx context.Context, x forkSpec) (string, error) {
	w, err := k.forkShown(ctx, x)
	return w.ID, err
}

// forkShown makes a workspace, and says what it is at that moment without reading
// it back.
func (k *Kernel) forkShown(ctx context.Context, x forkSpec) (Workspace, error) {
	v, err := ParseVersion(x.from)
	if err != nil {
		return Workspace{}, err
	}
	if err := k.roomFor(&x); err != nil {
		return Workspace{}, err
	}
	what := "a private workspace"
	if !x.private {
		x.from = v.String()
		what = "fork of " + x.from
	}
	given, err := k.openForWriter(v)
	if err != nil {
		return Workspace{}, err
	}
	var w Workspace
	r, err := k.systemOnce(ctx, x.once, x.owner, orText(x.cause, x.process), orText(x.reason, what), func(f *fold, seq uint64) ([]rewrite.Op, error) {
		h := head{seq: seq}
		if !x.private {
			f.given = given
			if v.Space != "" {
				if err := f.contentsKept(v.Space); err != nil {
					return nil, err
				}
			}
			var err error
			if h, err = f.read(v); err != nil {
				return nil, err
			}
		}
		w = x.shown(seq, h, k.lastAt)
		return []rewrite.Op{forkOp(w.ID, h.seq, x, k.lastAt)}, nil
	})
	if err != nil || w.ID != spaceID(r.Seq) { // then another with the same key came first
		return k.spaceMade(r, err)
	}
	return w, nil
}

// shown is the workspace that forkOp makes of h, as it is read until something
// happens to it.
func (x forkSpec) shown(born uint64, h head, at time.Time) Workspace {
	id := spaceID(born)
	w := Workspace{
		ID: id, State: spaceOpen, From: x.from, Base: h.seq, BaseAt: Version{Space: id, At: born}.String(), Head: born, Digest: h.world.Digest(),
		Owner: x.owner, Process: x.process, Cause: x.cause, Reason: x.reason, At: at, Private: x.private,
	}
	if x.ttl > 0 {
		w.TTL, w.Expires = x.ttl.Truncate(time.Millisecond), at.Add(x.ttl).Truncate(time.Millisecond)
	}
	return w
}

// spaceMade shows the workspace that a record has made.
func (k *Kernel) spaceMade(r Receipt, err error) (Workspace, error) {
	if err != nil {
		return Workspace{}, err
	}
	return k.Workspace(spaceID(r.Seq))
}

// openForWriter opens a version of the past for a request to hand to the writer,
// which opens nothing itself.
func (k *Kernel) openForWriter(v Version) (map[Version]head, error) {
	if v.Seq == 0 && v.At == 0 {
		return nil, nil
	}
	h, err := k.openHead(v)
	return map[Version]head{v: h}, err
}

// compareIDs orders "p9" before "p12".
func compareIDs(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// Discard drops a workspace's name from what is open; its bytes stay.
func (k *Kernel) Discard(ctx context.Context, c Caller, id, reason string) (Receipt, error) {
	once, err := onceOf(c, "discard", []any{id, reason})
	if err != nil {
		return Receipt{}, err
	}
	if r, done, err := k.answered(once); done || err != nil {
		return r, err
	}
	if err := k.mayUse(c, CapRewrite, VerbDiscard, id); err != nil {
		return Receipt{}, err
	}
	return k.systemOnce(ctx, once, c.Name, c.Process, orText("discard "+id+": "+reason, "discard "+id), func(f *fold, _ uint64) ([]rewrite.Op, error) {
		if err := f.spaceIs(id, spaceOpen); err != nil {
			return nil, err
		}
		return []rewrite.Op{discardOp(id, reason)}, nil
	})
}

func discardOp(id, reason string) rewrite.Op {
	return setOp(swsPath(id), map[string]rmg.Value{"discarded": rmg.Bool(true), "discard_reason": rmg.String(reason)})
}

// restoreOp opens a workspace again as it was.
func restoreOp(id string) rewrite.Op {
	return setOp(swsPath(id), map[string]rmg.Value{"discarded": {}, "discard_reason": {}, propCollapsed: {}})
}

// Restore brings a discarded workspace back, as it was. A ttl begins anew.
// Conflict: a gc gave up its contents.
func (k *Kernel) Restore(ctx context.Context, c Caller, id string) (Workspace, error) {
	once, err := onceOf(c, "restore", id)
	if err != nil {
		return Workspace{}, err
	}
	if _, done, err := k.answered(once); err != nil {
		return Workspace{}, err
	} else if done {
		return k.Workspace(id)
	}
	if err := k.mayUse(c, CapRewrite, VerbDiscard, id); err != nil {
		return Workspace{}, err
	}
	_, err = k.systemOnce(ctx, once, c.Name, c.Process, "restore "+id, func(f *fold, _ uint64) ([]rewrite.Op, error) {
		if err := f.spaceIs(id, spaceDiscarded); err != nil {
			return nil, err
		}
		if err := f.contentsKept(id); err != nil {
			return nil, err
		}
		op := restoreOp(id)
		if e, _ := f.ledger.Get(swsPath(id)); e.Props.Int(propTTL) > 0 {
			op.Props[propExpires] = rmg.Int(k.lastAt.UnixMilli() + e.Props.Int(propTTL))
		}
		return []rewrite.Op{op}, nil
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

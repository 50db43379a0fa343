package kernel

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"jitos.dev/journal"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// Purge is the one exception to "nothing is lost": the bytes of a leaked secret
// go, deliberately, on the record. Their hash stays wherever it stands, so that
// no digest and no link of the log's chain changes.

// Purge entries of the ledger: /purge/<sha256>.
const (
	purgeRoot = rmg.Path("/purge")
	kindPurge = "Purge"
)

// PurgeRequest asks for content to be removed for good.
type PurgeRequest struct {
	What   string // a SHA-256 in hex, or the path whose past contents are meant
	Reason string
}

// Purged is what a purge removed.
type Purged struct {
	Seq  uint64     // the record that says so; 0 if all of it was purged already
	Sums []rmg.Blob // what is gone
	Left []string   // where copies may be that are not ours to remove
}

// Purge removes content: recorded first, with who and why, then done; what a
// crash leaves undone the next start does. Whoever reads the content from then
// on is told that it was purged.
//
// Conflict: it still stands in the system, or in an open workspace, which could
// not be materialised any more. NotFound: there is no such content, or the path
// never had any. Invalid: a record's own body, without which the log is none.
func (k *Kernel) Purge(ctx context.Context, c Caller, q PurgeRequest) (Purged, error) {
	if c.Process != "" {
		return Purged{}, &rmg.Error{Op: "purge", Code: rmg.Denied, Msg: "a worker has no right to purge"}
	}
	if strings.TrimSpace(q.Reason) == "" {
		return Purged{}, &rmg.Error{Op: "purge", Code: rmg.Invalid, Msg: "a purge needs a reason, which stays in the log", Hint: "--reason 'the deploy key leaked'"}
	}
	list, err := k.purgeable(q.What)
	if err != nil {
		return Purged{}, err
	}
	if err := k.unused(list); err != nil {
		return Purged{}, err
	}
	out := Purged{Sums: list, Left: []string{
		"the repository's own history is yours to rewrite: git filter-repo, then expire its reflog",
		"workspaces that are being worked in keep their files until that is done; build caches keep what was built of it",
		"backups that were taken before have it still",
	}}
	out.Seq, err = k.recordPurge(ctx, c, list, q.Reason)
	if err != nil {
		return Purged{}, err
	}
	for _, b := range list {
		if err := k.opt.Journal.Purge(b.Sum); err != nil {
			return out, fmt.Errorf("purge %x: %w", b.Sum, err)
		}
	}
	if err := k.opt.Worktree.Forget(); err != nil {
		return out, fmt.Errorf("purge: the copies in the folders of workspaces: %w", err)
	}
	return out, nil
}

// recordPurge puts what is not there yet into the ledger.
func (k *Kernel) recordPurge(ctx context.Context, c Caller, list []rmg.Blob, reason string) (uint64, error) {
	rec, err := k.systemWith(ctx, c.Name, "purge", "purge: "+reason, func(f *fold, seq uint64) ([]rewrite.Op, error) {
		var ops []rewrite.Op
		for _, b := range list {
			at := purgeRoot.Child(sumText(b))
			if _, ok := f.ledger.Get(at); !ok {
				ops = append(ops, addOp(at, kindPurge, map[string]rmg.Value{
					"by": rmg.String(c.Name), "reason": textValue(reason), "at_ms": rmg.Int(k.lastAt.UnixMilli()), "size": rmg.Int(b.Size),
					"seq": rmg.Int(int64(seq)),
				}))
			}
		}
		if len(ops) == 0 {
			return nil, errNothing
		}
		return ops, nil
	})
	if errors.Is(err, errNothing) {
		return 0, nil
	}
	return rec.Seq, err
}

// purgeable finds the content that is meant.
func (k *Kernel) purgeable(what string) ([]rmg.Blob, error) {
	none := func(msg string) error { return &rmg.Error{Op: "purge", Code: rmg.NotFound, Msg: msg} }
	if sum, err := hex.DecodeString(what); err == nil && len(sum) == 32 {
		b := rmg.Blob{Sum: [32]byte(sum)}
		if _, ok := k.now().ledger.Get(purgeRoot.Child(sumText(b))); ok {
			return []rmg.Blob{b}, nil
		}
		size, ok := k.blobSize(b.Sum)
		if !ok {
			return nil, none("there is no content " + what)
		}
		b.Size = size
		return []rmg.Blob{b}, k.noBody(b)
	}
	p, err := rmg.ParsePath(what)
	if err != nil {
		return nil, &rmg.Error{Op: "purge", Code: rmg.Invalid, Msg: fmt.Sprintf("%q is neither a SHA-256 of 64 hex digits nor a path", what)}
	}
	var list []rmg.Blob
	for r, err := range k.Records(1, 0) {
		if err != nil {
			return nil, err
		}
		for _, op := range r.Ops {
			if op.Path != p {
				continue
			}
			b, ok := op.Props[rewrite.PropBlob].AsBlob()
			if op.Op == rewrite.Write {
				b, ok = op.Blob, true
			}
			if ok && !slices.Contains(list, b) {
				list = append(list, b)
			}
		}
	}
	if len(list) == 0 {
		return nil, none(fmt.Sprintf("%s never had any content", p))
	}
	return list, nil
}

// noBody refuses content that is the body of a record.
func (k *Kernel) noBody(b rmg.Blob) error {
	for frame, err := range k.opt.Journal.Read(1) {
		if err != nil {
			return err
		}
		ticks, err := decodeTicks(frame.Payload, k.store)
		if err != nil {
			return err
		}
		for _, t := range ticks {
			for _, r := range t.records {
				if r.body.Size > 0 && r.body.Sum == b.Sum {
					return &rmg.Error{Op: "purge", Code: rmg.Invalid, Msg: fmt.Sprintf("it is the body of record %d, without which the log is none", r.Seq)}
				}
			}
		}
	}
	return nil
}

// unused refuses content that something still builds on.
func (k *Kernel) unused(list []rmg.Blob) error {
	gone := map[[32]byte]bool{}
	for _, b := range list {
		gone[b.Sum] = true
	}
	var places []string
	look := func(name string, world rmg.Graph) {
		for p, e := range world.Walk(rmg.Root) {
			if gone[e.Props.Blob(rewrite.PropBlob).Sum] && e.Props.Blob(rewrite.PropBlob).Size > 0 {
				places = append(places, name+string(p))
			}
		}
	}
	look("", k.now().world)
	var seen []rmg.Graph
	open, err := k.openSpaces()
	if err != nil {
		return err
	}
	for _, w := range open {
		s, ok := k.space(w.ID)
		if !ok || slices.ContainsFunc(seen, s.last().world.Same) {
			continue
		}
		seen = append(seen, s.last().world)
		look(w.ID+":", s.last().world)
	}
	if len(places) == 0 {
		return nil
	}
	return &rmg.Error{
		Op: "purge", Code: rmg.Conflict, Msg: fmt.Sprintf("it still stands in %s: %s", plural(len(places), "place"), some(places)),
		Hint: "take it out first: commit its removal in git and run jitos sws new, or collapse a workspace that removes it; discard workspaces that have it",
	}
}

// openSpaces lists all workspaces that are open.
func (k *Kernel) openSpaces() (all []Workspace, err error) {
	for q := (WorkspaceQuery{State: spaceOpen, Limit: maxSpaces}); ; {
		page, next, err := k.Workspaces(q)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if next == "" {
			return all, nil
		}
		q.After = next
	}
}

// settlePurges does what a crash left undone.
func (k *Kernel) settlePurges() error {
	e, ok := k.now().ledger.Get(purgeRoot)
	if !ok {
		return nil
	}
	for n := range e.Graph.Nodes("") {
		sum, err := hex.DecodeString(n.ID)
		if err != nil || len(sum) != 32 || !k.opt.Journal.Blobs().Has([32]byte(sum)) {
			continue
		}
		if err := k.opt.Journal.Purge([32]byte(sum)); err != nil {
			return fmt.Errorf("purge %s: %w", n.ID, err)
		}
	}
	return nil
}

// told is a content store that says of purged content who purged it, and why.
type told struct {
	BlobStore
	k *Kernel
}

// Open reads content. Denied: it was purged.
func (t told) Open(b rmg.Blob) (io.ReadSeekCloser, error) {
	if err := t.k.purged(b); err != nil {
		return nil, err
	}
	f, err := t.BlobStore.Open(b)
	if errors.Is(err, journal.ErrPurged) {
		err = purgedError(b, "")
	}
	return f, err
}

// Put stores content. Denied: it was purged, and is not taken again.
func (t told) Put(r io.Reader) (rmg.Blob, error) {
	b, err := t.BlobStore.Put(r)
	if errors.Is(err, journal.ErrPurged) {
		err = orError(t.k.purged(b), purgedError(b, ""))
	}
	return b, err
}

// purged is the error of reading content that was purged; nil if it was not.
func (k *Kernel) purged(b rmg.Blob) error {
	at := purgeRoot.Child(sumText(b))
	e, ok := k.now().ledger.Get(at)
	if !ok {
		return nil
	}
	return purgedError(b, fmt.Sprintf(" by %s at seq %d because: %s", e.Props.String("by"), e.Props.Int("seq"), e.Props.String("reason")))
}

func purgedError(b rmg.Blob, more string) error {
	return &rmg.Error{Op: "blob", Code: rmg.Denied, Msg: fmt.Sprintf("content %x was purged%s", b.Sum, more), Hint: "its bytes are gone for good; jitos log --cause purge shows the record"}
}

package kernel

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"jitos.dev/rmg"
)

// The limits of showing workspaces.
const (
	defaultSpaces = 1000   // in one page of a list
	maxSpaces     = 10_000 // in the largest
	maxShown      = 1000   // paths that a workspace is shown to have written
)

// Workspaces lists workspaces in order of their numbers, a page at a time; next
// is the After of the page that follows, empty after the last. Nothing of what is
// in them is looked at: it costs the page, and what the selection passes over.
func (k *Kernel) Workspaces(q WorkspaceQuery) (list []Workspace, next string, err error) {
	var after uint64
	if q.After != "" {
		var ok bool
		if after, ok = rankOf(q.After); !ok {
			return nil, "", &rmg.Error{Op: "list", Code: rmg.Invalid, Msg: fmt.Sprintf("no page begins after %q", q.After), Hint: "use the cursor of the page before"}
		}
	}
	if q.Limit <= 0 {
		q.Limit = defaultSpaces
	}
	q.Limit = min(q.Limit, maxSpaces)
	ledger := k.now().ledger
	ids, more := k.roster.page(ledger, q, after)
	for _, id := range ids {
		e, ok := ledger.Get(swsPath(id))
		if !ok {
			continue
		}
		w := readSpace(e)
		w.Changes = -1
		list = append(list, w)
	}
	if more {
		next = ids[len(ids)-1]
	}
	return list, next, nil
}

// numberOf is the seq of the record that made a workspace, which its id holds.
func numberOf(id string) (uint64, bool) {
	rank, ok := rankOf(id)
	return rank / laneRanks, ok
}

// laneRanks is more than there are lanes of one process, whose workspaces are made
// by one record: w4, w4-2, w4-3.
const laneRanks = 16

// rankOf orders workspaces: by number, then by lane.
func rankOf(id string) (uint64, bool) {
	number, lane, _ := strings.Cut(strings.TrimPrefix(id, "w"), "-")
	n, err := strconv.ParseUint(number, 10, 59)
	l := uint64(1)
	if err == nil && lane != "" {
		l, err = strconv.ParseUint(lane, 10, 4)
	}
	rank := n*laneRanks + l
	return rank, err == nil && rankID(rank) == id
}

// rankID is the id of a rank.
func rankID(rank uint64) string {
	id := spaceID(rank / laneRanks)
	if lane := rank % laneRanks; lane > 1 {
		id += "-" + strconv.FormatUint(lane, 10)
	}
	return id
}

// Workspace shows one workspace. O(what it changed).
func (k *Kernel) Workspace(id string) (Workspace, error) {
	e, ok := k.now().ledger.Get(swsPath(id))
	s, has := k.space(id)
	if !ok || !has {
		return Workspace{}, noSpace(id)
	}
	w := readSpace(e)
	h := s.last()
	for c := range rmg.Diff(s.base, h.world) {
		if w.Changes++; w.Changes <= maxShown {
			w.Wrote = append(w.Wrote, c.Path)
		}
	}
	w.Digest = h.world.Digest()
	read := readSetOf(e.Props).with(k.reads.of(id))
	w.Read, w.ReadBelow = read.exact, read.below
	w.Conflicts = conflictsOf(e)
	return w, nil
}

// readSpace reads a workspace from its entry alone.
func readSpace(e rmg.Element) Workspace {
	p := e.Props
	w := Workspace{
		ID: e.ID, State: spaceState(p), From: p.String("from"), Base: uint64(p.Int("base")), Head: uint64(p.Int("head")),
		Owner: p.String("owner"), Process: p.String("process"), Cause: p.String("cause"), Reason: p.String("reason"),
		Records: int(p.Int("records")), At: time.UnixMilli(p.Int("at_ms")).UTC(),
		Private: p.Bool(propPrivate), Frozen: p.String(propFrozen), TTL: ttlOf(p),
		Ops: p.Int(propOps), Bytes: p.Int(propBytes), Onto: p.String(propOnto), Open: int(p.Int(propOpen)),
	}
	_ = w.Digest.UnmarshalText([]byte(p.String("digest"))) // absent until the first record
	if ms := p.Int(propExpires); ms != 0 {
		w.Expires = time.UnixMilli(ms).UTC()
	}
	switch w.State {
	case spaceCollapsed:
		w.Outcome = fmt.Sprintf("seq %d", p.Int(propCollapsed))
	case spaceDiscarded:
		w.Outcome = p.String("discard_reason")
		if seq := p.Int(propGivenUp); seq != 0 {
			w.Outcome = strings.TrimLeft(fmt.Sprintf("%s; its contents were given up by the gc of seq %d", w.Outcome, seq), "; ")
		}
	default:
		w.Outcome = textOf(p, propEvicted)
	}
	born, _ := numberOf(e.ID)
	if w.Head == 0 {
		w.Head = born
	}
	w.BaseAt = Version{Space: e.ID, At: born}.String()
	if seq := p.Int(propContext); seq != 0 {
		w.BaseAt = Version{Space: e.ID, At: uint64(seq)}.String()
	} else if p.Bool(propRebased) {
		if v, err := baseVersion(w.From, w.Base); err == nil {
			w.BaseAt = v.String()
		}
	}
	return w
}

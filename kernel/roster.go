package kernel

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"jitos.dev/rmg"
)

// roster is an index of /sws by rank: which workspaces there are, in what
// state, whose. It is derived, and brought up to date when it is asked, by what
// differs between the ledger it has seen and the one of the moment: O(change).
type roster struct {
	mu   sync.Mutex // guards the fields below
	seen rmg.Graph  // what the rows tell
	rows []rosterRow
	open int
}

// rosterRow is what lists select workspaces by.
type rosterRow struct {
	rank           uint64
	state          string
	owner, process string
	expires        int64 // Unix milliseconds; 0 for never
}

func (r rosterRow) id() string { return rankID(r.rank) }

// follow brings the rows up to the ledger given. The lock is held.
func (r *roster) follow(ledger rmg.Graph) {
	e, _ := ledger.Get(swsRoot)
	if e.Graph == r.seen {
		return
	}
	var fresh []rosterRow
	for c := range rmg.Diff(r.seen, e.Graph) {
		if c.Path.Parent() != rmg.Root {
			continue // a conflict inside an entry
		}
		n, ok := rankOf(c.Path.Base().ID)
		if !ok {
			continue
		}
		i, known := r.find(n)
		switch {
		case c.Kind == rmg.Removed && known:
			r.count(r.rows[i].state, -1)
			r.rows = slices.Delete(r.rows, i, i+1)
		case c.Kind == rmg.Removed:
		case known:
			r.count(r.rows[i].state, -1)
			r.rows[i] = rowOf(n, c.New.Props)
			r.count(r.rows[i].state, 1)
		default:
			fresh = append(fresh, rowOf(n, c.New.Props))
			r.count(fresh[len(fresh)-1].state, 1)
		}
	}
	if len(fresh) > 0 {
		byRank := func(a, b rosterRow) int { return cmp.Compare(a.rank, b.rank) }
		slices.SortFunc(fresh, byRank)
		late := len(r.rows) > 0 && fresh[0].rank < r.rows[len(r.rows)-1].rank
		if r.rows = append(r.rows, fresh...); late {
			slices.SortFunc(r.rows, byRank)
		}
	}
	r.seen = e.Graph
}

func rowOf(n uint64, p rmg.Props) rosterRow {
	return rosterRow{rank: n, state: spaceState(p), owner: p.String("owner"), process: p.String("process"), expires: p.Int(propExpires)}
}

func (r *roster) count(state string, by int) {
	if state == spaceOpen {
		r.open += by
	}
}

func (r *roster) find(n uint64) (int, bool) {
	return slices.BinarySearchFunc(r.rows, n, func(row rosterRow, n uint64) int { return cmp.Compare(row.rank, n) })
}

// live is how many workspaces are open.
func (r *roster) live(ledger rmg.Graph) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.follow(ledger)
	return r.open
}

// due lists open workspaces whose time is over, at most so many.
func (r *roster) due(ledger rmg.Graph, at time.Time, most int) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.follow(ledger)
	var out []string
	for _, row := range r.rows {
		if row.expires != 0 && row.expires <= at.UnixMilli() && row.state == spaceOpen && len(out) < most {
			out = append(out, row.id())
		}
	}
	return out
}

// page lists the ids that a query selects, by rank, and whether there are
// more.
func (r *roster) page(ledger rmg.Graph, q WorkspaceQuery, after uint64) (ids []string, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.follow(ledger)
	i, _ := r.find(after + 1)
	for _, row := range r.rows[i:] {
		if q.State != "" && row.state != q.State || q.Owner != "" && row.owner != q.Owner || q.Process != "" && row.process != q.Process {
			continue
		}
		if len(ids) == q.Limit {
			return ids, true
		}
		ids = append(ids, row.id())
	}
	return ids, false
}

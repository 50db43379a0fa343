package wire

import (
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// RewriteRequest is the body of POST /rewrite: ops that apply whole or not at
// all to a view.
type RewriteRequest struct {
	View   string         `json:"view,omitempty" doc:"system (default) or sws:ID"`
	Ops    []rewrite.Op   `json:"ops"`
	Expect rewrite.Expect `json:"expect,omitzero" doc:"refused as stale if it does not hold"`
	Reason string         `json:"reason,omitempty"`
}

// SpaceRewriteRequest is the body of POST /sws/{id}/rewrite, whose view stands
// in the path.
type SpaceRewriteRequest struct {
	Ops    []rewrite.Op   `json:"ops"`
	Expect rewrite.Expect `json:"expect,omitzero" doc:"refused as stale if it does not hold"`
	Reason string         `json:"reason,omitempty"`
}

// Receipt acknowledges a rewrite: it is durable. Digest is of the view's world
// after the tick.
type Receipt struct {
	Seq    uint64     `json:"seq"`
	Tick   uint64     `json:"tick"`
	Digest rmg.Digest `json:"digest"`
}

// GraphAnswer is a dump of the element at a path and, with depth > 0, of its
// inner graph.
type GraphAnswer struct {
	View    string     `json:"view"`
	Seq     uint64     `json:"seq" doc:"the version's last record"`
	Digest  rmg.Digest `json:"digest" doc:"of the view's world"`
	Path    rmg.Path   `json:"path"`
	Element Element    `json:"element"`
	Graph   *Graph     `json:"graph,omitempty" doc:"absent with depth 0"`
	Next    string     `json:"next,omitempty" doc:"cursor of the next page, which is of the same version"`
}

// SelectAnswer is a page of the elements that a selector selects, in path order:
// of a level first the nodes, each with what is inside it, then the edges. A
// page may have fewer than the limit, or none, before the last: as many as were
// found in what one call may look at.
type SelectAnswer struct {
	View    string       `json:"view"`
	Seq     uint64       `json:"seq" doc:"the version's last record"`
	Digest  rmg.Digest   `json:"digest" doc:"of the view's world"`
	Select  rmg.Selector `json:"select" doc:"in its canonical form"`
	Matches []Match      `json:"matches"`
	Next    string       `json:"next,omitempty" doc:"cursor of the next page, which is of the same version; absent on the last"`
}

// Match is an element that was selected, without its inner graph. Root has
// neither id nor kind.
type Match struct {
	Path  rmg.Path  `json:"path"`
	ID    rmg.ID    `json:"id"`
	Kind  string    `json:"kind"`
	From  rmg.ID    `json:"from,omitempty" doc:"edges only"`
	To    rmg.ID    `json:"to,omitempty" doc:"edges only"`
	Props rmg.Props `json:"props"`
}

// Element is a node or an edge without its inner graph; root has neither id nor
// kind.
type Element struct {
	ID    rmg.ID    `json:"id"`
	Kind  string    `json:"kind"`
	From  rmg.ID    `json:"from,omitempty" doc:"edges only"`
	To    rmg.ID    `json:"to,omitempty" doc:"edges only"`
	Props rmg.Props `json:"props"`
}

// Graph holds nodes and edges, each in byte order of ids.
type Graph struct {
	Nodes     []Node `json:"nodes"`
	Edges     []Edge `json:"edges"`
	Truncated bool   `json:"truncated,omitempty" doc:"there is more than the limit let through; ask for this path itself"`
}

// Node is a node of a graph. Graph is absent where it is empty or deeper than
// was asked for; Inner tells which.
type Node struct {
	ID    rmg.ID    `json:"id"`
	Kind  string    `json:"kind"`
	Props rmg.Props `json:"props"`
	Inner *Counts   `json:"inner,omitempty" doc:"how much is in its inner graph; absent if nothing"`
	Graph *Graph    `json:"graph,omitempty"`
}

// Edge is an edge of a graph; From and To are ids in the same graph.
type Edge struct {
	ID    rmg.ID    `json:"id"`
	Kind  string    `json:"kind"`
	From  rmg.ID    `json:"from"`
	To    rmg.ID    `json:"to"`
	Props rmg.Props `json:"props"`
	Inner *Counts   `json:"inner,omitempty" doc:"how much is in its inner graph; absent if nothing"`
	Graph *Graph    `json:"graph,omitempty"`
}

// Counts are the nodes and edges of a graph, those inside them left out.
type Counts struct {
	Nodes int `json:"nodes"`
	Edges int `json:"edges"`
}

// DiffAnswer lists what differs between two versions, in path order, parents
// first.
type DiffAnswer struct {
	From      string   `json:"from"`
	To        string   `json:"to"`
	Changes   []Change `json:"changes"`
	Total     int      `json:"total" doc:"how many changes there are"`
	Truncated bool     `json:"truncated,omitempty" doc:"only the first are shown, by limit"`
}

// Change is one element that differs.
type Change struct {
	Path   rmg.Path              `json:"path"`
	Change rmg.ChangeKind        `json:"change" enum:"added,removed,changed,moved"`
	From   rmg.Path              `json:"from,omitempty" doc:"where it was; moved only"`
	Kind   *KindChange           `json:"kind,omitempty" doc:"where the kind differs, added and removed included"`
	Ends   *Ends                 `json:"ends,omitempty" doc:"of an edge"`
	Props  map[string]PropChange `json:"props"`
}

// KindChange is an element's kind before and after; absent where there was no
// element.
type KindChange struct {
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
}

// Ends are the ids that an edge joins.
type Ends struct {
	From rmg.ID `json:"from"`
	To   rmg.ID `json:"to"`
}

// PropChange is a prop before and after; absent where there was none.
type PropChange struct {
	Old rmg.Value `json:"old,omitzero"`
	New rmg.Value `json:"new,omitzero"`
}

// Blob names content: what sha256sum prints, and its size in bytes.
type Blob struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

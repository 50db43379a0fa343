package worktree

import (
	"context"

	"jitos.dev/rmg"
)

// LandRequest is a change to bring into a repository.
type LandRequest struct {
	ID       string // unique: "p12-57"
	Top      string
	Branch   string
	Tip      string // commit that Old is the tree of
	Old, New rmg.Graph
	Message  string // with its trailers
	Author   string // "Name <mail>"
	AtUnix   int64  // of author and committer, so that the commit's id is determined
}

// Landing is a prepared landing; it is journalled before Land begins, so that
// a crash can be finished or taken back. It marshals as JSON.
type Landing struct {
	ID     string     `json:"id"`
	Top    string     `json:"top"`
	Branch string     `json:"branch"`
	Tip    string     `json:"tip"`
	Commit string     `json:"commit"`
	Paths  []LandPath `json:"paths"`
}

// LandPath is one path of a landing; an absent side has no Mode.
type LandPath struct {
	Path    string `json:"path"`               // raw, relative, "/" between segments; JSON-safe escape as you see fit
	OldMode string `json:"old_mode,omitempty"` // git mode: "100644", "100755", "120000"
	OldID   string `json:"old_id,omitempty"`   // git object
	NewMode string `json:"new_mode,omitempty"`
	NewID   string `json:"new_id,omitempty"`
}

// LandResult says how a landing ended.
type LandResult string

// The ends of a landing.
const (
	Landed  LandResult = "landed"
	Moved   LandResult = "moved"   // the branch is no longer at Tip; nothing was changed
	Blocked LandResult = "blocked" // the person's uncommitted work stands on a landed path; nothing was changed
)

// Outcome is the end of a landing. Kept holds content found where it was not
// expected, stored before it was put back.
type Outcome struct {
	Result LandResult
	Paths  []string // Blocked: the paths concerned
	Kept   []rmg.Blob
}

// Prepare writes the objects of the commit: Tip's tree with the difference of
// Old and New. No ref, index or file is touched.
func (m *Manager) Prepare(ctx context.Context, r LandRequest) (Landing, error) { panic("stub") }

// Land brings a prepared landing in: compare-and-swap of the ref, then index
// entries and files of its paths only, under index.lock throughout, each file
// replaced by exchange. A branch that is checked out nowhere has its ref moved.
func (m *Manager) Land(ctx context.Context, l Landing) (Outcome, error) { panic("stub") }

// Resume finishes a landing that a crash cut off, or takes it back: after it
// the ref is at Commit with files and index to match (Landed), or nothing of
// the landing is left (Moved, Blocked). It may be called any number of times.
func (m *Manager) Resume(ctx context.Context, l Landing) (Outcome, error) { panic("stub") }

// Park points a branch of its own at the landing's commit: "jitos/p12".
func (m *Manager) Park(ctx context.Context, l Landing, branch string) error { panic("stub") }

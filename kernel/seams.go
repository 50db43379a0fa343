package kernel

import (
	"context"
	"io"
	"time"

	"jitos.dev/journal"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// Journal is the storage the kernel stands on; *journal.Store is one.
type Journal interface {
	journal.Log
	journal.Checkpoints
	Blobs() journal.Blobs
	Verify() (journal.Report, error)
	// Purge removes content for good; it is never taken again. It may be called
	// again.
	Purge(sum [32]byte) error
	// Sweep removes content that keep says no to, or says what it would; Hold
	// keeps it from doing so for as long as the journal is open, and Held says
	// of what it was asked to, by a Put or by Hold.
	Sweep(keep func(sum [32]byte) bool, dryRun bool) (journal.Swept, error)
	Hold(sum [32]byte) bool
	Held(sum [32]byte) bool
	// BackupWith writes a copy that is whole into an empty folder, with files of
	// others, and Backed says what it holds.
	BackupWith(ctx context.Context, dst string, more journal.More) error
	Backed(dir string) (journal.Backed, error)
}

// Keeper has files beside the journal that a backup is to have too.
type Keeper interface {
	// Keep hands each out, as journal.More has them.
	Keep(ctx context.Context, add func(name string, fill func(io.Writer) error) error) error
}

// Clock gives wall time, which enters the log as a recorded input.
type Clock interface {
	Now() time.Time
}

// Runner dispatches tasks to workers and runs gates; *workers.Runner is one.
type Runner interface {
	Describe() []work.Description
	Run(ctx context.Context, worker string, a work.Assignment) (work.Result, error)
	Prove(ctx context.Context, p work.Proof) ([]work.Evidence, error)
	Key(p work.Proof, g work.Gate) string
	// Busy is for how long, in all, a command of a worker or gate has been
	// running: the rest of the wall time is the daemon's own.
	Busy() time.Duration
}

// Repo is a git repository as found on disk.
type Repo struct {
	Top    string // root of the working tree
	Origin string // root of the main working tree, where Top is a linked one; else Top
	Name   string // the name of that folder
	Branch string // checked out
	Head   string // its commit
	Plain  bool   // a plain folder: what it holds is its head
}

// Origin says which commit a workspace was forked from.
type Origin struct{ Top, Branch, Commit string }

// Folder is a tree as real files; see work.Folder.
type Folder interface {
	Path() string
	Scratch() string
	Update(ctx context.Context, tree rmg.Graph) error
	Scan(ctx context.Context, at rmg.Path) ([]rewrite.Op, error)
	Close() error
}

// LandRequest is a change to bring into a repository.
type LandRequest struct {
	ID       string
	Top      string
	Branch   string
	Tip      string
	Old, New rmg.Graph
	Message  string
	Author   string
	AtUnix   int64
}

// LandOutcome is how a landing ended: "landed", "moved" (the branch is no
// longer at Tip) or "blocked" (a person's uncommitted work is in the way).
type LandOutcome struct {
	Result string
	Paths  []string
	Kept   []rmg.Blob
}

// Commit is one commit of a history.
type Commit struct {
	ID, Author, Subject string
	AtUnix              int64
	Process             string
	Seq                 uint64
}

// Worktree is the bridge to files and git. Landings are opaque to the kernel:
// bytes it journals and hands back.
type Worktree interface {
	Locate(ctx context.Context, dir string) (Repo, error)
	Head(ctx context.Context, top, branch string) (string, error)
	Tree(ctx context.Context, top, commit string) (rmg.Graph, error)
	Dirty(ctx context.Context, top string) ([]string, error)
	// Uncommitted is a commit's tree with what the working tree has over it.
	Uncommitted(ctx context.Context, top, commit string) (rmg.Graph, error)
	Log(ctx context.Context, top, branch string, max int) ([]Commit, error)
	// Blame finds the commit that a line of a file comes from, as the file is at
	// a commit; with line 0 the last that touched it.
	Blame(ctx context.Context, top, commit, name string, line int) (Commit, error)

	Slot(ctx context.Context, name string, tree rmg.Graph, of Origin) (Folder, error)
	Fresh(ctx context.Context, name string, tree rmg.Graph) (Folder, error)
	// Forget removes the copies of contents that are kept to make folders
	// quickly, but for those in use.
	Forget() error

	Prepare(ctx context.Context, r LandRequest) (landing []byte, commit string, err error)
	Land(ctx context.Context, landing []byte) (LandOutcome, error)
	Resume(ctx context.Context, landing []byte) (LandOutcome, error)
	// Park points a branch at the commit, if it is not there, or where an earlier
	// try left it.
	Park(ctx context.Context, landing []byte, branch, was string) error

	Beyond
	Hooking
	Adding
}

// blobs gives the journal's content store the graph's words.
type blobs struct{ journal.Blobs }

// BlobStore is content by its name in the graph; the worktree is handed one.
type BlobStore interface {
	Put(r io.Reader) (rmg.Blob, error)
	Open(b rmg.Blob) (io.ReadSeekCloser, error)
}

// Package worktree is the bridge between files and the graph: repositories in,
// workspaces out as folders, changes in folders back as ops, and landings.
//
// What stands under /repo/<name>/<branch> is a folder: nodes of kind Dir, File
// (props blob, mode) and Symlink (prop target). Reading uses the git program;
// nothing of the person's repository is written but by Land, and by it only
// what the landing names.
package worktree

import (
	"io"
	"os"
	"path/filepath"
	"sync"

	"jitos.dev/rmg"
)

// Blobs is where content is kept.
type Blobs interface {
	Put(r io.Reader) (rmg.Blob, error)
	Open(b rmg.Blob) (io.ReadSeekCloser, error)
}

// Options says where a manager keeps its folders.
type Options struct {
	Dir string // folders of workspaces and gates are made below it
	// Data is the daemon's data folder, of which nothing is ever taken in; what is
	// kept of plain folders stands in it. Dir if empty.
	Data  string
	Blobs Blobs
	// Step is called with the name of each step of a landing before it is
	// done; tests kill the process there. May be nil.
	Step func(string)
	// Mount says that this process may mount where nobody else sees it: see
	// Private.
	Mount bool
}

// The names of mechanisms.
const (
	overlays = "overlay"
	copies   = "copy"
)

// maxTrees is how many trees of commits are remembered.
const maxTrees = 64

// Manager does all of it. Safe for concurrent use.
type Manager struct {
	opt      Options
	how      Mechanism
	layers   *layers // nil where folders are copies
	includes *includes
	setups   *setups
	plains   *plains

	mu     sync.Mutex               // guards the fields below
	trees  map[string]rmg.Graph     // by commit
	recent []string                 // commits in trees, oldest first
	last   map[string]string        // the commit read last, by the repository's top
	places map[string]chan struct{} // one token for each place in use
	slots  map[string]*slot         // what each slot is known to hold
}

// New makes a manager; Dir is made if it is missing.
func New(opt Options) (*Manager, error) {
	if opt.Step == nil {
		opt.Step = func(string) {}
	}
	if opt.Data == "" {
		opt.Data = opt.Dir
	}
	if err := os.MkdirAll(opt.Dir, 0o700); err != nil {
		return nil, err
	}
	m := &Manager{opt: opt, trees: map[string]rmg.Graph{}, last: map[string]string{}, places: map[string]chan struct{}{}, slots: map[string]*slot{}}
	if err := m.makeEmptyRepo(); err != nil {
		return nil, err
	}
	var err error
	if m.includes, err = openIncludes(filepath.Join(opt.Dir, "includes")); err != nil {
		return nil, err
	}
	if m.setups, err = openSetups(filepath.Join(opt.Dir, "setup")); err != nil {
		return nil, err
	}
	if m.plains, err = openPlains(filepath.Join(opt.Data, "folders")); err != nil {
		return nil, err
	}
	m.how = Mechanism{Name: copies, Why: "this process has no mounts of its own"}
	if !opt.Mount {
		return m, nil
	}
	if err := tryOverlay(opt.Dir); err != nil {
		m.how.Why = err.Error()
		return m, nil
	}
	m.how = Mechanism{Name: overlays}
	m.layers, err = openLayers(filepath.Join(opt.Dir, "layers"))
	return m, err
}

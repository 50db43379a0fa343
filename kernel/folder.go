package kernel

import (
	"context"

	"jitos.dev/rmg"
)

// Adding lets folders without git be worked on.
type Adding interface {
	// AddFolder makes a plain folder known, of which Locate then tells as of a
	// repository: its head is what it holds whenever Head is asked. Once more takes
	// in what it holds, whatever it is. Exists: it is in a repository. Denied: it
	// holds what the daemon keeps. Limit: it has too many files.
	AddFolder(ctx context.Context, dir string) (Repo, error)
}

// AddedFolder is a plain folder that can be worked on.
type AddedFolder struct {
	Root rmg.Path // its branch
	Top  string   // its one name on disk
	Head string   // the commit of what it holds
}

// AddFolder brings a plain folder in, and lets it be worked on as a repository is
// from then on. Nothing is read of a folder that nobody added: unlike a commit, what
// lies in one was not put there to be kept. It takes the capability admin, and costs
// a reading of all files.
func (k *Kernel) AddFolder(ctx context.Context, c Caller, dir string) (AddedFolder, error) {
	if err := c.needs(CapAdmin, "folder", repoRoot); err != nil {
		return AddedFolder{}, err
	}
	if _, err := k.opt.Worktree.AddFolder(ctx, dir); err != nil {
		return AddedFolder{}, err
	}
	repo, root, err := k.sync(ctx, dir)
	return AddedFolder{Root: root, Top: repo.Top, Head: repo.Head}, err
}

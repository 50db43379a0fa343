package kernel

import (
	"context"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// Adding lets folders without git be worked on.
type Adding interface {
	// AddFolder makes a plain folder known, of which Locate then tells as of a
	// repository: its head is what it holds whenever Head is asked. Once more takes
	// in what it holds, whatever it is. Exists: it is in a repository. Denied: it
	// holds what the daemon keeps. Limit: it has too many files.
	AddFolder(ctx context.Context, dir string) (Repo, error)
	// ForgetFolder undoes that, or with dryRun says what it would: the folder's one
	// name, and how many bytes are kept of it. NotFound: it was not added. Conflict: a
	// landing in it is to be finished first.
	ForgetFolder(ctx context.Context, dir string, dryRun bool) (top string, bytes int64, err error)
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

// ForgottenFolder is a folder that is not known any more.
type ForgottenFolder struct {
	Root  rmg.Path // where it stood; "" if it stood nowhere
	Top   string
	Bytes int64 // that were kept of it beside the log
}

// ForgetFolder takes a plain folder out of the system: out of the world, with all
// its branches, and what was kept of its history as commits. The folder itself is
// left alone. The log keeps what happened, and contents stay until a gc. It takes
// the capability admin. Once more finishes what was cut off.
//
// NotFound: it was not added. Conflict: work in it goes on.
func (k *Kernel) ForgetFolder(ctx context.Context, c Caller, dir string, dryRun bool) (ForgottenFolder, error) {
	if err := c.needs(CapAdmin, "folder", repoRoot); err != nil {
		return ForgottenFolder{}, err
	}
	top, bytes, err := k.opt.Worktree.ForgetFolder(ctx, dir, true)
	if err != nil {
		return ForgottenFolder{}, err
	}
	out := ForgottenFolder{Top: top, Bytes: bytes, Root: folderAt(k.now().world, top)}
	if out.Root != "" {
		unlock, err := k.lockBranch(ctx, out.Root.Child(folderBranch))
		if err != nil {
			return out, err
		}
		defer unlock()
	}
	for _, p := range k.Processes() {
		if p.Top == top && goesOn(p) || p.Top == top && p.Status == "waiting" {
			return out, &rmg.Error{Op: "folder", Path: procPath(p.ID), Code: rmg.Conflict, Msg: p.ID + " goes on in it", Hint: "jitos cancel " + p.ID + ", or wait for it"}
		}
	}
	if dryRun {
		return out, nil
	}
	// First the record: what it does not know of is finished by asking again.
	if out.Root != "" {
		_, err := k.systemWith(ctx, c.Name, "folder", "folder "+top+" is forgotten", func(f *fold, _ uint64) ([]rewrite.Op, error) {
			if folderAt(f.world(), top) != out.Root {
				return nil, errHeadMoved
			}
			return []rewrite.Op{{Op: rewrite.Remove, Path: out.Root, Cascade: true}}, nil
		})
		if err != nil {
			return out, err
		}
	}
	_, _, err = k.opt.Worktree.ForgetFolder(ctx, dir, false)
	return out, err
}

// folderBranch is the one branch that a plain folder has.
const folderBranch = "main"

// folderAt is where a plain folder stands in a world, "" for nowhere.
func folderAt(world rmg.Graph, top string) rmg.Path {
	e, _ := world.Get(repoRoot)
	for n := range e.Graph.Nodes("") {
		if n.Props.Bool(propFolder) && n.Props.String(propOrigin) == top {
			return repoRoot.Child(n.ID)
		}
	}
	return ""
}

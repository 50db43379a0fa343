package worktree

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// emptyRepo is a git folder with nothing in it: what makes git read the ignore
// rules of any folder, with the person's own, and no more.
func (m *Manager) emptyRepo() string { return filepath.Join(m.opt.Dir, "empty.git") }

func (m *Manager) makeEmptyRepo() error {
	for _, d := range []string{"objects", "refs"} {
		if err := os.MkdirAll(filepath.Join(m.emptyRepo(), d), 0o700); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(m.emptyRepo(), "HEAD"), []byte("ref: refs/heads/main\n"), 0o600)
}

// ignored tells which names its ignore files, the person's own and those of the
// repository, if it is known, leave out of a folder.
func (f *Folder) ignored(ctx context.Context, names []string) (map[string]bool, error) {
	out := map[string]bool{}
	if len(names) == 0 {
		return out, nil
	}
	dir, repo := f.Path(), f.m.emptyRepo()
	if f.rules != "" {
		repo = f.rules
	}
	g := git{dir: dir, stdin: strings.NewReader(strings.Join(names, "\x00") + "\x00")}
	found, err := g.run(ctx, "--git-dir="+repo, "--work-tree="+dir, "check-ignore", "--no-index", "-z", "--stdin")
	var ge *errGit
	if err != nil && (!errors.As(err, &ge) || ge.exit != 1) { // 1: none is
		return nil, err
	}
	for _, name := range records(found) {
		out[name] = true
	}
	return out, nil
}

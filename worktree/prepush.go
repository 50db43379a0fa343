package worktree

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"jitos.dev/rmg"
)

// A person's pre-push hook has a say in what is pushed. It is asked before
// anything lands, as the hooks of a commit are, and so of a commit that is made
// for it alone: the tree is what will be pushed, the parent what it will stand on.
//
// Git LFS brings a pre-push hook that uploads. That takes the network and the
// person's credentials, which no sandbox has, and judges nothing: Push does it, by
// git lfs push, where that hook is. A hook that does so among other things is
// run, and told to leave the upload out (GIT_LFS_SKIP_PUSH).

const prePush = "pre-push"

// uploadTimeout is how long the upload of what one push brings may take.
const uploadTimeout = 10 * time.Minute

// Pushing is a push that a hook is asked about.
type Pushing struct {
	Remote  string // the remote's name
	Branch  string // pushed from: "jitos/p12"
	To      string // the branch there
	At      string // commit that it is known to be at there; "" for a new one
	Message string // the commit's
}

// ToPush makes a folder as Staged does, in which the change is committed: HEAD is
// the branch that is pushed, and the remote's is where it is known to be.
func (m *Manager) ToPush(ctx context.Context, name string, base, tree rmg.Graph, of Origin, hooks Hooks, p Pushing) (f *Folder, reads []string, commit string, err error) {
	f, reads, err = m.stagedWith(ctx, name, base, tree, of, hooks, func(f *Folder) (err error) {
		commit, err = f.commitStaged(ctx, p)
		return err
	})
	return f, reads, commit, err
}

// commitStaged commits what is staged, on the branch that is pushed.
func (f *Folder) commitStaged(ctx context.Context, p Pushing) (string, error) {
	g := git{dir: f.Path(), env: stagedBy()}
	tree, err := g.line(ctx, "write-tree")
	if err != nil {
		return "", err
	}
	g.stdin = strings.NewReader(p.Message)
	commit, err := g.line(ctx, "commit-tree", tree, "-p", "HEAD", "-F", "-")
	if err != nil {
		return "", err
	}
	g.stdin = nil
	refs := [][]string{{"update-ref", "refs/heads/" + p.Branch, commit}, {"symbolic-ref", "HEAD", "refs/heads/" + p.Branch}}
	if p.At != "" {
		refs = append(refs, []string{"update-ref", "refs/remotes/" + p.Remote + "/" + p.To, p.At})
	}
	for _, args := range refs {
		if _, err := g.run(ctx, args...); err != nil {
			return "", err
		}
	}
	return commit, nil
}

// lfsUse is what a pre-push hook has to do with Git LFS.
type lfsUse int

const (
	lfsNone lfsUse = iota
	lfsAlso        // it uploads, among other things
	lfsOnly        // it is Git LFS's own
)

// maxHookScript is how much of a hook is looked at, in bytes.
const maxHookScript = 64 << 10

// lfsIn looks at a pre-push hook.
func lfsIn(full string) lfsUse {
	f, err := os.Open(full)
	if err != nil {
		return lfsNone
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxHookScript))
	if err != nil {
		return lfsNone
	}
	calls, only := false, true
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		calls = calls || strings.Contains(line, "git lfs pre-push") || strings.Contains(line, "git-lfs pre-push")
		only = only && isLFSLine(line)
	}
	switch {
	case !calls:
		return lfsNone
	case only:
		return lfsOnly
	}
	return lfsAlso
}

// isLFSLine says whether a line is one of those that git lfs install writes: that
// there has to be the program, and its call.
func isLFSLine(line string) bool {
	if rest, ok := strings.CutPrefix(line, "command -v git-lfs >/dev/null 2>&1 || {"); ok {
		return strings.Count(rest, "}") == 1 && strings.HasSuffix(rest, "}")
	}
	return line == `git lfs pre-push "$@"`
}

// lfsUploads says whether git push would have the repository's hook upload.
func lfsUploads(ctx context.Context, g git) (bool, error) {
	dir, err := hooksDir(ctx, g)
	if err != nil || dir == "" {
		return false, err
	}
	full := filepath.Join(dir, prePush)
	return isHook(full) && lfsIn(full) != lfsNone, nil
}

// needLFS refuses a push whose objects could not be uploaded. Unavailable: the
// program is not there.
func needLFS(ctx context.Context, g git) error {
	uploads, err := lfsUploads(ctx, g)
	if err != nil || !uploads {
		return err
	}
	if _, err := g.run(ctx, "lfs", "version"); err != nil {
		return fail(rmg.Unavailable, "install git-lfs; git config jitos.hooks false pushes without", "the pre-push hook of %s uploads by git lfs, which is not installed", g.dir)
	}
	return nil
}

// upload brings to the remote what a commit's history points to there and lacks,
// where the person's hook would: before the push, so that nobody finds a pointer to
// nothing. Unavailable: it did not get there; nothing was pushed.
func (m *Manager) upload(ctx context.Context, l Landing, to Target) error {
	g := m.gitOf(l)
	if err := needLFS(ctx, g); err != nil {
		return err
	}
	uploads, err := lfsUploads(ctx, g)
	if err != nil || !uploads {
		return err
	}
	said, err := send(ctx, g.command(ctx, "lfs", "push", to.Remote, l.Commit), uploadTimeout)
	if err != nil {
		return fail(rmg.Unavailable, "git lfs push "+to.Remote+" "+l.Commit+" says more", "what Git LFS keeps could not be uploaded to %s: %s", to.Remote, cutText(said+" "+err.Error()))
	}
	return nil
}

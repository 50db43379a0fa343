package worktree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"jitos.dev/rmg"
)

// A landing may go further than the repository: into a patch, to a remote, into
// a pull request. What leaves the machine goes by the person's own programs and
// with what they know of the person: git's remotes and credentials, gh, glab.

// sendTimeout is how long a push, or the making of a pull request, may take.
const sendTimeout = 2 * time.Minute

// maxSaid is how much of what a program said is told, in bytes.
const maxSaid = 500

// Target is where beyond the repository a landing goes.
type Target struct {
	Remote  string // a name that git remote lists
	Base    string // the branch there that corresponds to the one landed on
	Program string // "gh" or "glab", which makes the pull request; "" for a push
	URL     string // where git pushes to, without a password
	At      string // the commit that git remembers Base to be at there; "" for none
}

// Target finds where a branch is pushed to: remote if it is named, else what git
// itself would push it to. With pull also the program that makes a pull request
// there. Invalid: no such remote; Unavailable: no such program, or git-lfs is not
// there and the person's pre-push hook uploads by it.
func (m *Manager) Target(ctx context.Context, top, branch, remote string, pull bool) (Target, error) {
	if m.isPlain(top) {
		return Target{}, fail(rmg.Invalid, "use --land patch; git init makes it a repository, which can have remotes", "%s is a plain folder, which has nowhere to push to", top)
	}
	g := m.git(top)
	out, err := g.line(ctx, "remote")
	if err != nil {
		return Target{}, err
	}
	known := strings.Fields(out)
	if remote == "" {
		remote = g.pushRemote(ctx, branch, known)
	}
	if remote == "" || !slices.Contains(known, remote) {
		return Target{}, fail(rmg.Invalid, "git remote add "+orText(remote, "origin")+" URL", "%s has no remote %s", top, orText(remote, "to push to"))
	}
	t := Target{Remote: remote, Base: branch}
	if up := g.config(ctx, "branch."+branch+".remote"); up == remote {
		if ref, ok := strings.CutPrefix(g.config(ctx, "branch."+branch+".merge"), "refs/heads/"); ok {
			t.Base = ref
		}
	}
	if t.URL, err = g.pushURL(ctx, remote); err != nil {
		return t, err
	}
	if t.At, err = g.line(ctx, "rev-parse", "--verify", "--quiet", "refs/remotes/"+remote+"/"+t.Base+"^{commit}"); err != nil && !isExit(err, 1) {
		return t, err
	}
	if err := needLFS(ctx, g); err != nil || !pull {
		return t, err
	}
	t.Program, err = platform(g.config(ctx, "remote."+remote+".url"))
	return t, err
}

// pushRemote is what git would push a branch to.
func (g git) pushRemote(ctx context.Context, branch string, known []string) string {
	for _, key := range []string{"branch." + branch + ".pushRemote", "remote.pushDefault", "branch." + branch + ".remote"} {
		if v := g.config(ctx, key); v != "" && v != "." {
			return v
		}
	}
	if len(known) == 1 {
		return known[0]
	}
	return "origin"
}

// pushURL is where git pushes to. What is written of it is read by hooks and stands
// in the log: a password is left out.
func (g git) pushURL(ctx context.Context, remote string) (string, error) {
	at, err := g.line(ctx, "remote", "get-url", "--push", remote)
	if u, perr := url.Parse(at); err == nil && perr == nil && u.User != nil {
		if _, has := u.User.Password(); has {
			u.User = url.User(u.User.Username())
			at = u.String()
		}
	}
	return at, err
}

// config is a value of the configuration, "" if there is none.
func (g git) config(ctx context.Context, key string) string {
	v, err := g.line(ctx, "config", "--get", key)
	if err != nil {
		return ""
	}
	return v
}

// platforms are the programs that make pull requests, and what the name of a
// host has in it that they are for.
var platforms = []struct{ program, host string }{{"gh", "github"}, {"glab", "gitlab"}}

// platform chooses the program for a remote: by the name of its host, else the
// only one there is.
func platform(remote string) (string, error) {
	host := hostOf(remote)
	var have []string
	for _, p := range platforms {
		_, err := exec.LookPath(p.program)
		if strings.Contains(host, p.host) {
			if err != nil {
				return "", fail(rmg.Unavailable, "install "+p.program+", or use --land push", "a pull request on %s is made by %s, which is not installed", host, p.program)
			}
			return p.program, nil
		}
		if err == nil {
			have = append(have, p.program)
		}
	}
	if len(have) == 1 {
		return have[0], nil
	}
	return "", fail(rmg.Unavailable, "use --land push, and make it in the browser", "nothing says which program makes a pull request on %s", orText(host, remote))
}

// hostOf is the host of a remote's address, "" for a folder.
func hostOf(remote string) string {
	if u, err := url.Parse(remote); err == nil && u.Host != "" {
		return u.Hostname()
	}
	if host, _, ok := strings.Cut(remote, ":"); ok && !strings.Contains(host, "/") {
		return host[strings.LastIndex(host, "@")+1:]
	}
	return ""
}

func orText(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// patchArgs make the patch the same whatever the person's configuration says,
// and whole: git am and git apply give the commit's very tree.
var patchArgs = []string{
	"-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false", "-c", "diff.suppressBlankEmpty=false", "-c", "format.from=false",
	"-c", "format.subjectPrefix=PATCH", "-c", "diff.submodule=short", "format-patch", "-1", "--stdout", "--binary", "--full-index", "--no-renames",
	"--no-signature", "--no-thread", "--no-attach", "--no-cover-letter", "--no-to", "--no-cc", "--no-ext-diff", "--no-textconv", "--no-color", "--no-relative",
	"--no-notes", "--no-base", "--diff-algorithm=myers", "--unified=3", "--no-encode-email-headers", "--no-stat", "-N", "-O/dev/null",
}

// Patch writes a prepared landing as git format-patch does, into a blob.
func (m *Manager) Patch(ctx context.Context, l Landing) (rmg.Blob, error) {
	cmd := m.gitOf(l).command(ctx, append(patchArgs[:len(patchArgs):len(patchArgs)], l.Commit)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return rmg.Blob{}, err
	}
	if err := cmd.Start(); err != nil {
		return rmg.Blob{}, err
	}
	b, err := m.opt.Blobs.Put(out)
	if err != nil {
		out.Close()
	}
	if werr := cmd.Wait(); werr != nil && err == nil {
		err = &errGit{args: []string{"format-patch"}, stderr: errs.String(), err: werr}
	}
	return b, err
}

// Push brings a landing's commit to a branch of a remote, and moves nothing in
// the repository but what git remembers of the remote. was is the commit that a
// branch of our own stands at there and may be replaced, "" for none: then the
// branch has to be new or to go forward.
//
// Conflict: the branch there has something that the commit does not stand on.
// Denied: the remote does not take it. Unavailable: it cannot be reached, or what
// Git LFS keeps did not get there.
func (m *Manager) Push(ctx context.Context, l Landing, to Target, branch, was string) error {
	if err := m.upload(ctx, l, to); err != nil {
		return err
	}
	ref := "refs/heads/" + branch
	args := []string{"push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-force-if-includes", "--recurse-submodules=no"}
	if was != "" {
		args = append(args, "--force-with-lease="+ref+":"+was)
	}
	cmd := m.gitOf(l).command(ctx, append(args, to.Remote, l.Commit+":"+ref)...)
	said, err := send(ctx, cmd, sendTimeout)
	if err == nil {
		return nil
	}
	where := to.Remote + "/" + branch
	for line := range strings.Lines(said) {
		if !strings.HasPrefix(line, "!\t") {
			continue
		}
		if strings.Contains(line, "[remote rejected]") || strings.Contains(line, "[remote failure]") {
			return fail(rmg.Denied, "what it demands is said there; the commit is kept", "%s does not take the commit: %s", where, cutText(said))
		}
		return fail(rmg.Conflict, "git pull brings it in; then again", "%s has commits that this branch does not stand on", where)
	}
	return fail(rmg.Unavailable, "git push "+to.Remote+" says more", "%s cannot be pushed to: %s", where, cutText(said+" "+err.Error()))
}

// Pushed says whether git remembers that a branch of a remote has the commit.
// It asks nobody.
func (m *Manager) Pushed(ctx context.Context, l Landing, to Target, branch string) bool {
	g := m.gitOf(l)
	_, err := g.run(ctx, "merge-base", "--is-ancestor", l.Commit, "refs/remotes/"+to.Remote+"/"+branch)
	return err == nil
}

// Propose asks the platform for a pull request from a branch that was pushed, and
// returns its address; that of the one there is, if there is one.
func (m *Manager) Propose(ctx context.Context, l Landing, to Target, branch, title, body string) (string, error) {
	var args []string
	switch to.Program {
	case "gh":
		args = []string{"pr", "create", "--head=" + branch, "--base=" + to.Base, "--title=" + title, "--body=" + body}
	case "glab":
		args = []string{"mr", "create", "--source-branch=" + branch, "--target-branch=" + to.Base, "--title=" + title, "--description=" + body, "--yes"}
	default:
		return "", fmt.Errorf("%q makes no pull requests", to.Program)
	}
	cmd := exec.CommandContext(ctx, to.Program, args...)
	cmd.Dir = l.Top
	cmd.Env = append(plainEnv(), "GH_PROMPT_DISABLED=1", "NO_PROMPT=1", "NO_COLOR=1", "GH_NO_UPDATE_NOTIFIER=1")
	said, err := send(ctx, cmd, sendTimeout)
	at := lastAddress(said)
	if err == nil || at != "" && strings.Contains(said, "already exists") {
		return at, nil
	}
	return "", fail(rmg.Unavailable, to.Program+" auth status says whether it knows you", "%s made no pull request: %s", filepath.Base(to.Program), cutText(said+" "+err.Error()))
}

// send runs a command that talks to others: it cannot ask anybody anything, and
// what it started goes with it when its time is over.
func send(ctx context.Context, cmd *exec.Cmd, timeout time.Duration) (said string, err error) {
	ctx, stop := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer after %v", timeout))
	defer stop()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	// A session of its own has no terminal to ask on.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Env = append(cmd.Env, "SSH_ASKPASS_REQUIRE=never", "GIT_ASKPASS=/bin/false")
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return "", err
	}
	end := context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }) // it may have ended
	err = cmd.Wait()
	end()
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return out.String(), err
}

// lastAddress is the last web address in a text.
func lastAddress(text string) string {
	at := ""
	for _, f := range strings.Fields(text) {
		if u, err := url.Parse(f); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
			at = f
		}
	}
	return at
}

// cutText is a text in one line of bounded length.
func cutText(s string) string {
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "?")
	if len(s) > maxSaid {
		return strings.ToValidUTF8(s[:maxSaid], "") + " ..."
	}
	return s
}

// isExit says whether a git command ended with a status.
func isExit(err error, status int) bool {
	var ge *errGit
	return errors.As(err, &ge) && ge.exit == status
}

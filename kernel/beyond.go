package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// Target is where beyond a repository a landing goes.
type Target struct {
	Remote  string // a remote of the repository
	Base    string // the branch there that corresponds to the one landed on
	Program string // what makes the pull request; "" for a push
	URL     string // of the remote, without a password
	At      string // commit that Base is known to be at there; "" for none
}

// Beyond takes prepared landings further than the repository.
type Beyond interface {
	// Target finds where a branch is pushed to, and with pull what makes a pull
	// request there. Invalid: there is no such remote; Unavailable: a program that
	// it takes is not there.
	Target(ctx context.Context, top, branch, remote string, pull bool) (Target, error)
	Patch(ctx context.Context, landing []byte) (rmg.Blob, error)
	// Push brings the commit to a branch of the remote: forward only, but from was,
	// which is what an earlier landing left there. Once more changes nothing.
	// Conflict, Denied, Unavailable: nothing there was changed.
	Push(ctx context.Context, landing []byte, to Target, branch, was string) error
	// Pushed says whether the commit is known to be there; it asks nobody.
	Pushed(ctx context.Context, landing []byte, to Target, branch string) bool
	// Propose makes a pull request, and returns its address.
	Propose(ctx context.Context, landing []byte, to Target, branch, title, body string) (string, error)
}

// The props of a process that tell of landings beside its branch. What stands
// outside is told by them also when the process is tried again.
const (
	propParked = "parked" // commit that jitos/<process> was put at
	propPushed = "pushed" // commit that the remote's jitos/<process> was put at
	propPatch  = "patch"
	propURL    = "url"
)

// cutLand splits "push:upstream" into how to land and the remote it names.
func cutLand(land string) (how, remote string) {
	how, remote, _ = strings.Cut(land, ":")
	return how, remote
}

// mayLand refuses, before any work is done, a way of landing that there is not,
// that leads nowhere, or that the caller may not go: what leaves the machine does
// so in its owner's name.
func (k *Kernel) mayLand(ctx context.Context, c Caller, land, top, branch string) error {
	how, remote := cutLand(land)
	outside := how == landPush || how == landPull
	switch {
	case !slices.Contains(landings(), how) || remote != "" && !outside:
		return &rmg.Error{Op: "land", Code: rmg.Invalid, Msg: fmt.Sprintf("cannot land by %q", land), Hint: "use " + strings.Join(landings(), ", ") + "; a remote follows as push:NAME or pr:NAME"}
	case !outside:
		return nil
	}
	if err := c.needs(CapPush, "land", ""); err != nil {
		return err
	}
	_, err := k.opt.Worktree.Target(ctx, top, branch, remote, how == landPull)
	return err
}

// landBeside takes a commit where the intent asked for it, which is not the
// branch: onto jitos/<process>, into a patch, to a remote, into a pull request.
// The branch's queue is held. What does not get there is unlanded, and stands on
// jitos/<process>.
func (k *Kernel) landBeside(ctx context.Context, c *collapse, l landing, data []byte, commit string, out *Collapsed) error {
	how, remote := cutLand(c.land)
	out.Commit = commit
	if how == landPatch {
		b, err := k.opt.Worktree.Patch(ctx, data)
		if err != nil {
			return k.takeBack(ctx, c, l, unlanding{why: "the patch could not be made", err: err})
		}
		out.Patch = b
		return k.recordBeside(ctx, c, commit, "", map[string]rmg.Value{propPatch: rmg.BlobOf(b)})
	}
	branch := "jitos/" + c.process
	if err := k.parkAt(ctx, c, data, branch); err != nil {
		return k.takeBack(ctx, c, l, unlanding{why: "the commit could not be kept on " + branch, err: err})
	}
	parked := map[string]rmg.Value{propParked: rmg.String(commit)}
	if how == landBranch {
		out.LandedOn = branch
		return k.recordBeside(ctx, c, commit, branch, parked)
	}
	to, err := k.opt.Worktree.Target(ctx, c.top, c.branch, remote, how == landPull)
	if err == nil {
		out.LandedOn, out.URL, err = k.send(ctx, c, data, to, how)
	}
	if err != nil {
		out.LandedOn = branch
		return k.takeBack(ctx, c, l, unlanding{branch: branch, commit: commit, why: "it is not where it was to go", err: err})
	}
	if how == landPull {
		parked[propPushed], parked[propURL] = rmg.String(commit), textValue(out.URL)
	}
	return k.recordBeside(ctx, c, commit, out.LandedOn, parked)
}

// send pushes, and asks for a pull request if that is what was asked for.
func (k *Kernel) send(ctx context.Context, c *collapse, data []byte, to Target, how string) (on, url string, err error) {
	if how == landPush {
		return to.Remote + "/" + to.Base, "", k.opt.Worktree.Push(ctx, data, to, to.Base, "")
	}
	branch := "jitos/" + c.process
	e, _ := k.now().ledger.Get(procPath(c.process))
	if err := k.opt.Worktree.Push(ctx, data, to, branch, e.Props.String(propPushed)); err != nil {
		return "", "", err
	}
	title, body, _ := strings.Cut(k.message(c, uint64(0)), "\n")
	url, err = k.opt.Worktree.Propose(ctx, data, to, branch, title, strings.TrimSpace(body))
	return to.Remote + "/" + branch, url, err
}

// parkAt puts a branch of the process's own at a commit, from where an earlier
// try of it left it.
func (k *Kernel) parkAt(ctx context.Context, c *collapse, data []byte, branch string) error {
	e, _ := k.now().ledger.Get(procPath(c.process))
	return k.opt.Worktree.Park(ctx, data, branch, e.Props.String(propParked))
}

// recordBeside notes a landing beside the branch that is done; on is where the
// commit stands, "" for nowhere.
func (k *Kernel) recordBeside(ctx context.Context, c *collapse, commit, on string, more map[string]rmg.Value) error {
	props := map[string]rmg.Value{
		"landed": rmg.Bool(true), "commit": rmg.String(commit), "landing": {}, "unlanded": {}, "why": {}, "code": {},
	}
	reason := "handed out as a patch: " + short(commit)
	if on != "" {
		reason, props["landed_on"] = "landed "+short(commit)+" on "+on, rmg.String(on)
	}
	for name, v := range more {
		props[name] = v
	}
	ops := []rewrite.Op{setOp(procPath(c.process), props), setOp(c.sidePath(), map[string]rmg.Value{propGitBase: rmg.String(commit)})}
	_, err := k.system(ctx, "kernel", c.process, reason, ops)
	return err
}

// settleBeside finishes at start, or takes back, a landing beside the branch that
// a crash cut off. It sends nothing: whether a push got through is told by what
// git remembers of the remote, and if that does not tell, a person decides.
func (k *Kernel) settleBeside(ctx context.Context, n rmg.Element, c *collapse, before, after version) error {
	how, remote := cutLand(c.land)
	if how == landNone {
		return k.recordDone(n.ID, "collapsed on a branch of its own", 0)
	}
	old, err := treeAt(before.world, c.root)
	if err != nil {
		return err
	}
	next, err := treeAt(after.world, c.sidePath())
	if err != nil {
		return err
	}
	if old.Same(next) {
		return k.recordDone(n.ID, "nothing of the repository changed", 0)
	}
	l := landing{seq: uint64(n.Props.Int("collapse")), old: old, next: next}
	v, _ := n.Props.Get("landing")
	data, ok := v.AsBytes()
	if !ok {
		return k.takeBack(ctx, c, l, unlanding{})
	}
	commit := n.Props.String("commit")
	if how == landPatch || how == landBranch {
		return k.landBeside(ctx, c, l, data, commit, &Collapsed{})
	}
	branch := "jitos/" + c.process
	if err := k.parkAt(ctx, c, data, branch); err != nil {
		return k.takeBack(ctx, c, l, unlanding{why: "the commit could not be kept on " + branch, err: err})
	}
	to, err := k.opt.Worktree.Target(ctx, c.top, c.branch, remote, false)
	if err == nil && how == landPush && k.opt.Worktree.Pushed(ctx, data, to, to.Base) {
		return k.recordBeside(ctx, c, commit, to.Remote+"/"+to.Base, map[string]rmg.Value{propParked: rmg.String(commit)})
	}
	u := unlanding{branch: branch, commit: commit, why: "the daemon stopped while it was sent, and it is not known whether it arrived"}
	if err == nil && how == landPull && k.opt.Worktree.Pushed(ctx, data, to, branch) {
		u.pushed, u.why = commit, "the daemon stopped before the pull request was known to be made; its branch is pushed"
	}
	return k.takeBack(ctx, c, l, u)
}

// unlanding is why a collapse did not get where it was to go. Without a reason its
// workspace is open for another try, and that is all.
type unlanding struct {
	branch, commit string // where the commit is kept; "" for nowhere
	pushed         string // the commit that a branch of our own stands at on a remote
	why            string
	err            error
}

// text is the reason in a line.
func (u unlanding) text() string {
	switch {
	case u.err == nil:
		return u.why
	case u.why == "":
		return u.err.Error()
	}
	return u.why + ": " + u.err.Error()
}

// code is what kind of reason it is.
func (u unlanding) code() rmg.Code {
	var e *rmg.Error
	switch {
	case errors.As(u.err, &e):
		return e.Code
	case u.err != nil:
		return rmg.Internal
	}
	return rmg.Conflict
}

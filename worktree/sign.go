package worktree

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"jitos.dev/rmg"
)

// signTimeout is how long the making of one signature may take: an agent may ask
// the person.
const signTimeout = time.Minute

// commitTree makes the commit of a tree on a parent. It is signed if commit.gpgSign says so, with the person's key and
// program (user.signingKey, gpg.format). Denied: it could not be signed.
func (g git) commitTree(ctx context.Context, tree, parent, message string) (string, error) {
	args := []string{"commit-tree", tree, "-p", parent, "-F", "-"}
	on, err := g.line(ctx, "config", "--type=bool", "--get", "commit.gpgSign")
	if err != nil && !isExit(err, 1) {
		return "", err
	}
	if on != "true" {
		g.stdin = strings.NewReader(message)
		return g.line(ctx, args...)
	}
	key := ""
	if g.config(ctx, "user.signingKey") == "" && g.config(ctx, "gpg.format") != "ssh" {
		// Else OpenPGP looks for a key of the committer's, which is not the person.
		key = g.config(ctx, "user.email")
	}
	g.stdin = strings.NewReader(message)
	ctx, stop := context.WithTimeout(ctx, signTimeout)
	defer stop()
	cmd := g.command(ctx, append(args, "-S"+key)...)
	// There is no terminal here to ask for a passphrase on.
	cmd.SysProcAttr, cmd.WaitDelay = &syscall.SysProcAttr{Setsid: true}, time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			return "", err
		}
		return "", fail(rmg.Denied, "git commit --allow-empty -S says more; an agent has to hold the key", "the commit cannot be signed: %s", cutText(errs.String()))
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

package workers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"jitos.dev/work"
	"jitos.dev/workers/sandbox"
)

// maxMessage is how long a commit's message may be, in bytes.
const maxMessage = 64 << 10

// messageFile is where a hook finds the commit's message.
const messageFile = ".git/COMMIT_EDITMSG"

// proveHook runs a hook of git's where the change is staged, as git commit would,
// and takes the message that it leaves.
func (r *Runner) proveHook(ctx context.Context, p work.Proof, g work.Gate, e *work.Evidence) error {
	timeout := time.Duration(g.TimeoutMillis) * time.Millisecond
	c, err := CommandIn(r.tool, r.place(p, g), timeout, slices.Clone(g.Argv))
	if err != nil {
		return err
	}
	file := filepath.Join(p.Folder, messageFile)
	if g.Message != "" {
		c.Argv = append(c.Argv, messageFile)
		if err := os.WriteFile(file, []byte(g.Message), 0o644); err != nil {
			return err
		}
	}
	c.Read = append(slices.Clone(c.Read), p.Read...)
	c.Env = append(c.Env, "GIT_EDITOR=:", "GIT_PREFIX=", "GIT_CONFIG_NOSYSTEM=1")
	if g.Push == nil {
		c.Env = append(c.Env, "GIT_INDEX_FILE=.git/index")
	} else {
		// What Git LFS uploads goes with the push: there is no network here.
		c.Env = append(c.Env, "GIT_LFS_SKIP_PUSH=1")
		if c.Stdin, err = pushLine(*g.Push, p.Commit); err != nil {
			return err
		}
		defer c.Stdin.Close()
	}
	out, err := sandbox.Run(ctx, c)
	if err != nil {
		return err
	}
	all := ended(e, out, timeout)
	if out.Exit != 0 && !out.TimedOut {
		e.Reason += " (git config jitos.hooks false lands without hooks)"
	}
	if e.Green && g.Message != "" {
		if e.Message, err = readMessage(file); err != nil {
			e.Green, e.Reason = false, err.Error()
		} else if e.Message != strings.TrimSpace(g.Message) {
			e.Reason = "exit 0, and changed the message"
		}
	}
	e.Output, err = p.PutBlob(all)
	return err
}

// pushLine is what git writes to a pre-push hook, to be read from a file.
func pushLine(to work.Push, commit string) (*os.File, error) {
	at := to.At
	if at == "" {
		at = strings.Repeat("0", len(commit))
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	// A line is shorter than what a pipe holds without a reader.
	_, err = fmt.Fprintf(w, "refs/heads/%s %s refs/heads/%s %s\n", to.From, commit, to.To, at)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// readMessage reads what a hook made of the message.
func readMessage(file string) (string, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", fmt.Errorf("the hook left no message: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxMessage+1))
	text := strings.TrimSpace(string(data))
	switch {
	case err != nil:
		return "", err
	case len(data) > maxMessage:
		return "", fmt.Errorf("the hook left a message of more than %d bytes", maxMessage)
	case text == "":
		return "", errors.New("the hook left an empty message")
	case strings.ContainsRune(text, 0) || strings.ToValidUTF8(text, "") != text:
		return "", errors.New("the hook left a message that is no text")
	}
	return text, nil
}

// hookFault says why what a hook did to the files of the commit makes it red:
// what lands is what the other gates have seen.
func hookFault(changed []string) string {
	changed = slices.DeleteFunc(slices.Clone(changed), func(name string) bool { return strings.HasPrefix(name, ".git/") })
	if len(changed) == 0 {
		return ""
	}
	return "the hook changed what is to be committed: " + few(changed)
}

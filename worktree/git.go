package worktree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"jitos.dev/rmg"
)

// git is one command of the git program. It sees no GIT_* variable of ours, no
// hook, no monitor, no prompt, and takes no optional lock.
type git struct {
	dir   string
	repo  string // the git folder, where it is not found from dir: that of a plain folder
	env   []string
	stdin io.Reader
	hooks bool // the person's hooks stand where they say; for asking where that is
}

func (g git) command(ctx context.Context, args ...string) *exec.Cmd {
	base := []string{
		"-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "-c", "gc.auto=0",
		"-c", "core.fsync=all", "-c", "maintenance.auto=false", "-c", "advice.detachedHead=false",
	}
	if !g.hooks {
		base = append(base, "-c", "core.hooksPath=/dev/null")
	}
	cmd := exec.CommandContext(ctx, "git", append(base, args...)...)
	cmd.Dir = g.dir
	cmd.Env = append(plainEnv(), "GIT_OPTIONAL_LOCKS=0")
	if g.repo != "" {
		cmd.Env = append(cmd.Env, "GIT_DIR="+g.repo, "GIT_WORK_TREE="+g.dir)
	}
	cmd.Env = append(cmd.Env, g.env...)
	cmd.Stdin = g.stdin
	return cmd
}

// plainEnv is the daemon's environment without what would make git do something
// else, or say it in another language; nothing can be asked on a terminal.
func plainEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "GIT_") && !strings.HasPrefix(kv, "LC_") && !strings.HasPrefix(kv, "LANG") {
			env = append(env, kv)
		}
	}
	return append(env, "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
}

// errGit is a git command that ended with an error.
type errGit struct {
	args   []string
	exit   int
	stderr string
	err    error
}

func (e *errGit) Error() string {
	return fmt.Sprintf("git %s: %v: %s", strings.Join(e.args, " "), e.err, strings.TrimSpace(e.stderr))
}

func (e *errGit) Unwrap() error { return e.err }

// run returns what the command prints.
func (g git) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := g.command(ctx, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		e := &errGit{args: args, stderr: errs.String(), err: err}
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			e.exit = exit.ExitCode()
		}
		return out.Bytes(), e
	}
	return out.Bytes(), nil
}

// literal takes names of files as they are, whatever is in them.
func (g git) literal() git {
	g.env = append(slices.Clone(g.env), "GIT_LITERAL_PATHSPECS=1")
	return g
}

// line returns the one line that the command prints.
func (g git) line(ctx context.Context, args ...string) (string, error) {
	out, err := g.run(ctx, args...)
	return strings.TrimSuffix(string(out), "\n"), err
}

// records splits NUL-terminated output.
func records(out []byte) []string {
	s := strings.TrimSuffix(string(out), "\x00")
	if s == "" {
		return nil
	}
	return strings.Split(s, "\x00")
}

func fail(code rmg.Code, hint, format string, args ...any) error {
	return &rmg.Error{Op: "repository", Code: code, Msg: fmt.Sprintf(format, args...), Hint: hint}
}

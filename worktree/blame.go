package worktree

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"jitos.dev/rmg"
)

// Blame finds the commit that a line of a file comes from, as it is at a commit,
// or with line 0 the last one that touched the file or folder. name is relative
// to the root, line counted from 1. NotFound if the repository or the commit is
// gone, or there is no such line.
func (m *Manager) Blame(ctx context.Context, top, commit, name string, line int) (Commit, error) {
	g := m.git(top)
	id := commit
	if line > 0 {
		out, err := g.run(ctx, "blame", "--porcelain", "-L", fmt.Sprintf("%d,%d", line, line), commit, "--", name)
		if err != nil {
			return Commit{}, blameless(err, name)
		}
		id, _, _ = strings.Cut(string(out), " ")
	} else {
		out, err := g.line(ctx, "log", "-1", "--format=%H", commit, "--", name)
		if err != nil {
			return Commit{}, blameless(err, name)
		}
		if out == "" {
			return Commit{}, fail(rmg.NotFound, "", "no commit touched %s", name)
		}
		id = out
	}
	list, err := m.log(ctx, top, 1, id)
	if err != nil {
		return Commit{}, blameless(err, name)
	}
	if len(list) == 0 {
		return Commit{}, fail(rmg.NotFound, "", "git does not know commit %s", id)
	}
	return list[0], nil
}

func blameless(err error, name string) error {
	var ge *errGit
	if !errors.As(err, &ge) {
		return err
	}
	return fail(rmg.NotFound, "", "git cannot tell where %s comes from: %s", name, strings.TrimSpace(ge.stderr))
}

// Log returns the newest commits of a branch, newest first.
func (m *Manager) Log(ctx context.Context, top, branch string, max int) ([]Commit, error) {
	return m.log(ctx, top, max, "refs/heads/"+branch)
}

func (m *Manager) log(ctx context.Context, top string, max int, from string) ([]Commit, error) {
	format := "%H%x1f%an%x1f%at%x1f%s%x1f%(trailers:key=Jitos-Process,valueonly,separator=%x2c)%x1f%(trailers:key=Jitos-Seq,valueonly,separator=%x2c)"
	out, err := m.git(top).run(ctx, "log", "-z", "-n", strconv.Itoa(max), "--format="+format, from)
	if err != nil {
		return nil, err
	}
	var list []Commit
	for _, rec := range records(out) {
		f := strings.Split(rec, "\x1f")
		if len(f) != 6 {
			continue
		}
		c := Commit{ID: f[0], Author: f[1], Subject: f[3], Process: f[4]}
		c.AtUnix, _ = strconv.ParseInt(f[2], 10, 64)
		c.Seq, _ = strconv.ParseUint(f[5], 10, 64)
		list = append(list, c)
	}
	return list, nil
}

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// workedOn is a folder's absolute name if it stands in a repository or in a folder
// that was added, else "".
func workedOn(ctx context.Context, c *client.Client, dir string) (string, error) {
	full, err := filepath.Abs(dir)
	if err != nil || insideRepo(full) {
		return full, err
	}
	real, err := filepath.EvalSymlinks(full)
	if err != nil {
		return "", err
	}
	if _, ok := plainAbove(ctx, c, real); ok {
		return full, nil
	}
	return "", nil
}

// insideRepo reports whether a folder stands in a git repository.
func insideRepo(dir string) bool {
	dir, err := filepath.Abs(dir)
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return true
		}
		if up := filepath.Dir(dir); up != dir {
			dir = up
			continue
		}
		break
	}
	return false
}

// place turns an argument into a graph path: one that begins with "/repo/" or
// another root of the graph is one already; any other names a file relative to
// the current folder, in the repository that it stands in.
func (a *app) place(ctx context.Context, c *client.Client, arg string) (rmg.Path, error) {
	if strings.HasPrefix(arg, "/") {
		return rmg.ParsePath(arg)
	}
	file, err := filepath.Abs(arg)
	if err != nil {
		return "", err
	}
	top := filepath.Dir(file)
	for !exists(filepath.Join(top, ".git")) && top != filepath.Dir(top) {
		top = filepath.Dir(top)
	}
	real := realName(file)
	realTop, err := filepath.EvalSymlinks(top)
	if err != nil {
		return "", err
	}
	inGit := exists(filepath.Join(top, ".git"))
	f, ok := plainAbove(ctx, c, real)
	switch {
	case ok && (!inGit || len(f.Top) > len(realTop)):
		return below(f.Root, f.Top, real)
	case !inGit:
		return "", wire.NewProblem(rmg.Invalid, "%s is in no git repository", arg).WithHint("a graph path begins with /; jitos folder add brings a folder without git in")
	}
	root, err := a.branchRoot(ctx, c, realTop)
	if err != nil {
		return "", err
	}
	return below(root, realTop, filepath.Join(realTop, strings.TrimPrefix(file, top)))
}

// below is the place of a file in the tree of a folder on disk that stands at root.
func below(root rmg.Path, top, file string) (rmg.Path, error) {
	rel, err := filepath.Rel(top, file)
	if err != nil || rel == "." {
		return root, err
	}
	return root.Join(strings.Split(filepath.ToSlash(rel), "/")...), nil
}

// here is the folder that the program runs in, without links: as a repository's own
// name is known.
func here() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// mainTree is the root of the main working tree that a linked one belongs to; top
// itself, if it is no linked one, or one of a bare repository.
func mainTree(top string) string {
	dir := filepath.Dir(gitHead(top)) // .git/worktrees/<name> of the main one
	to, err := os.ReadFile(filepath.Join(dir, "commondir"))
	if err != nil {
		return top
	}
	common := strings.TrimSpace(string(to))
	if !filepath.IsAbs(common) {
		common = filepath.Join(dir, common)
	}
	if filepath.Base(common) != ".git" {
		return top
	}
	return filepath.Dir(common)
}

// branchRoot finds /repo/<name>/<branch> of a repository's checked out branch.
func (a *app) branchRoot(ctx context.Context, c *client.Client, top string) (rmg.Path, error) {
	g, err := c.Graph(ctx, client.GraphQuery{Path: "/repo", Depth: 1})
	if err != nil {
		return "", err
	}
	head, err := os.ReadFile(gitHead(top))
	if err != nil {
		return "", err
	}
	branch := strings.TrimPrefix(strings.TrimSpace(string(head)), "ref: refs/heads/")
	if g.Graph != nil {
		origin := mainTree(top)
		for _, n := range g.Graph.Nodes {
			if n.Props.String("origin") == origin {
				return rmg.Path("/repo").Join(string(n.ID), branch), nil
			}
		}
	}
	return "", wire.NewProblem(rmg.NotFound, "%s is not known to the daemon yet", top).WithHint("jitos sws new or an intent, run in it, brings it in")
}

// gitHead is the HEAD file of a working tree, a linked one included.
func gitHead(top string) string {
	git := filepath.Join(top, ".git")
	if data, err := os.ReadFile(git); err == nil {
		if dir, ok := strings.CutPrefix(strings.TrimSpace(string(data)), "gitdir: "); ok {
			if !filepath.IsAbs(dir) {
				dir = filepath.Join(top, dir)
			}
			git = dir
		}
	}
	return filepath.Join(git, "HEAD")
}

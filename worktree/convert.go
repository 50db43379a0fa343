package worktree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"jitos.dev/rmg"
)

// Some files have other bytes in the working tree than in the repository: line
// ends (text, eol, core.autocrlf), filters (Git LFS), ident, encodings. The graph
// holds the repository's; where a landing meets a person's file, git is asked to
// say what it would be.

// conversions are the attributes that say so; core.autocrlf does as well.
var conversions = []string{"filter", "ident", "working-tree-encoding", "text", "eol", "crlf"}

// convert notes which paths may have other bytes in the working tree. Attributes
// are those of the working tree, as for git itself.
func convert(ctx context.Context, g git, paths []LandPath) error {
	if len(paths) == 0 {
		return nil
	}
	auto, err := g.line(ctx, "config", "--get", "core.autocrlf")
	all := err == nil && auto != "false" && auto != ""
	var names strings.Builder
	for _, p := range paths {
		names.WriteString(p.name() + "\x00")
	}
	g.stdin = strings.NewReader(names.String())
	found, err := g.run(ctx, append([]string{"check-attr", "-z", "--stdin"}, conversions...)...)
	if err != nil {
		return err
	}
	// Of each path, in order: its name, an attribute, the value.
	list := records(found)
	if len(list) != 3*len(conversions)*len(paths) {
		return fmt.Errorf("git check-attr answered %d fields for %d paths", len(list), len(paths))
	}
	for i := range paths {
		for j := range conversions {
			v := list[3*(i*len(conversions)+j)+2]
			paths[i].Convert = paths[i].Convert || all || v != "unspecified" && v != "unset"
		}
	}
	return nil
}

// cleaned is the object id that git would give a working tree's file.
func cleaned(ctx context.Context, g git, name, full string) (string, error) {
	f, err := os.Open(full)
	if err != nil {
		return "", err
	}
	defer f.Close()
	g.stdin = f
	return g.line(ctx, "hash-object", "--stdin", "--path="+name)
}

// unfaithful finds the first of the new contents that git would check out and
// then commit as something else: a large file that LFS keeps, line ends that are
// normalised. dir is for what is checked out.
func unfaithful(ctx context.Context, g git, paths []LandPath, dir string) error {
	for _, p := range paths {
		if !p.isFile() || !p.Convert {
			continue
		}
		id, err := thereAndBack(ctx, g, p, filepath.Join(dir, "smudged"))
		if err != nil {
			return fail(rmg.Invalid, "install what .gitattributes asks for", "%s: git cannot convert it: %v", p.name(), err)
		}
		if id != p.NewID {
			return fail(rmg.Invalid, "write it as it stands in the repository: with line ends LF, and for LFS the pointer",
				"%s would be committed as something else, as .gitattributes or core.autocrlf says", p.name())
		}
	}
	return nil
}

// thereAndBack is the object that git would commit for one that it checked out.
func thereAndBack(ctx context.Context, g git, p LandPath, full string) (string, error) {
	f, err := os.Create(full)
	if err != nil {
		return "", err
	}
	err = smudged(ctx, g, p, f)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	return cleaned(ctx, g, p.name(), full)
}

// isFile says whether the new side is a plain file.
func (p LandPath) isFile() bool { return p.NewMode == "100644" || p.NewMode == "100755" }

// smudged copies an object to w as it is to stand in the working tree.
func smudged(ctx context.Context, g git, p LandPath, w io.Writer) error {
	args := []string{"cat-file", "blob", p.NewID}
	if p.Convert {
		args = []string{"cat-file", "--filters", "--path=" + p.name(), p.NewID}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cmd := g.command(ctx, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if _, err := io.Copy(w, out); err != nil {
		stop()
		_ = cmd.Wait() // it was killed; err says why
		return err
	}
	if err := cmd.Wait(); err != nil {
		return &errGit{args: args, stderr: errs.String(), err: err}
	}
	return nil
}

// look is what stands at a file in git's words. A file that is converted counts
// as what git would commit, if its own bytes are neither side of the landing.
func (s *site) look(ctx context.Context, full string, p LandPath) (entry, error) {
	is, err := look(full, len(p.NewID+p.OldID))
	if err != nil || !p.Convert || is.id == "" || is.mode == "120000" {
		return is, err
	}
	if is == (entry{p.OldMode, p.OldID}) || is == (entry{p.NewMode, p.NewID}) {
		return is, nil
	}
	if id, err := cleaned(ctx, s.git, p.name(), full); err == nil {
		is.id = id // else it counts as what its bytes are: a person's
	}
	return is, nil
}

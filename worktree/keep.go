package worktree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// What a backup has of a plain folder is its place and its history, as a bundle,
// which is one file and as it is at one moment. The index is not in it: the next
// look makes one, from what the folder holds.

const bundleName = "bundle" // in a folder's place, until the start that follows a restore

// Keep hands out what is kept of plain folders: add is called with the name of each
// file below Options.Data, and what writes it. A folder in which a landing is under
// way is waited for.
func (m *Manager) Keep(ctx context.Context, add func(name string, fill func(io.Writer) error) error) error {
	for _, top := range m.plains.tops() {
		if err := m.keepPlain(ctx, top, add); err != nil {
			return fmt.Errorf("keep %s: %w", top, err)
		}
	}
	return nil
}

func (m *Manager) keepPlain(ctx context.Context, top string, add func(name string, fill func(io.Writer) error) error) error {
	free, err := m.turn(ctx, top)
	if err != nil {
		return err
	}
	defer free()
	if !m.plains.has(top) {
		return nil // forgotten meanwhile
	}
	at := path.Join(filepath.Base(m.plains.dir), filepath.Base(m.plains.place(top)))
	g := m.plainGit(top)
	g.dir = g.repo // the folder itself need not be there
	if _, err := os.Stat(g.repo); err == nil {
		_, err := g.run(ctx, "rev-parse", "--verify", "--quiet", plainBranch)
		if err != nil && !isExit(err, 1) {
			return err
		}
		if err == nil {
			err = add(path.Join(at, bundleName), func(w io.Writer) error { return g.write(ctx, w, "bundle", "create", "-q", "-", plainBranch) })
		} else {
			err = nil // it was never looked at
		}
		if err != nil {
			return err
		}
	}
	return add(path.Join(at, "top"), func(w io.Writer) error {
		_, err := io.WriteString(w, top)
		return err
	})
}

// write is run for what may be large.
func (g git) write(ctx context.Context, w io.Writer, args ...string) error {
	cmd := g.command(ctx, args...)
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = w, &errs
	if err := cmd.Run(); err != nil {
		return &errGit{args: args, stderr: errs.String(), err: err}
	}
	return nil
}

// unpack makes the git folder of a place that came from a backup. The bundle goes
// last, so that it is done anew if it did not come to its end.
func (ps *plains) unpack(top string) error {
	at := ps.place(top)
	bundle := filepath.Join(at, bundleName)
	if _, err := os.Lstat(bundle); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := removeAll(filepath.Join(at, "git")); err != nil {
		return err
	}
	if err := ps.plantPlain(top); err != nil {
		return err
	}
	repo := filepath.Join(at, "git")
	ref := "refs/heads/" + plainBranch
	if _, err := (git{dir: repo, repo: repo}).run(context.Background(), "fetch", "-q", "-u", "--no-tags", bundle, ref+":"+ref); err != nil {
		return full(err)
	}
	return os.Remove(bundle)
}

package worktree

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// submodule is git's mode of a commit of another repository.
const submodule = "160000"

// Tree reads a commit's files into a graph, and their content into blobs: what
// differs from the commit of the repository that was read last, or all of it if
// that is less.
//
// What stands in the graph are the repository's own bytes: with line ends as
// they are committed, and of what a filter keeps elsewhere (Git LFS) the pointer.
// A submodule is a reference to its commit.
func (m *Manager) Tree(ctx context.Context, top, commit string) (rmg.Graph, error) {
	m.mu.Lock()
	g, ok := m.trees[commit]
	last := m.last[top]
	base, known := m.trees[last]
	m.mu.Unlock()
	if ok {
		return g, nil
	}
	var err error
	if known {
		g, err = m.readChanges(ctx, m.git(top), last, base, commit)
	}
	if !known || err != nil {
		g, err = m.readAll(ctx, top, commit)
	}
	if err != nil {
		return rmg.Graph{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last[top] = commit
	if _, ok := m.trees[commit]; !ok {
		m.trees[commit] = g
		m.recent = append(m.recent, commit)
		if len(m.recent) > maxTrees {
			delete(m.trees, m.recent[0])
			m.recent = m.recent[1:]
		}
	}
	return g, nil
}

// readAll reads every file of a commit.
func (m *Manager) readAll(ctx context.Context, top, commit string) (rmg.Graph, error) {
	out, err := m.git(top).run(ctx, "ls-tree", "-r", "-z", "--full-tree", commit)
	if err != nil {
		return rmg.Graph{}, err
	}
	o := rmg.NewOverlay(rmg.Graph{})
	list := records(out)
	entries := make([]treeEntry, len(list))
	for i, rec := range list {
		meta, name, _ := strings.Cut(rec, "\t")
		f := strings.Fields(meta)
		if len(f) != 3 {
			return rmg.Graph{}, fmt.Errorf("git ls-tree: %q", rec)
		}
		entries[i] = treeEntry{name, entry{f[0], f[2]}}
	}
	err = m.readEntries(ctx, m.git(top), o, entries)
	return o.Graph(), err
}

// readChanges reads what a commit or a tree has otherwise than a commit whose tree
// is known.
func (m *Manager) readChanges(ctx context.Context, g git, last string, base rmg.Graph, commit string) (rmg.Graph, error) {
	out, err := g.run(ctx, "diff-tree", "-r", "-z", "--no-renames", "--full-index", last, commit)
	if err != nil {
		return rmg.Graph{}, err
	}
	// :OLDMODE NEWMODE OLDID NEWID STATUS NUL NAME NUL
	list := records(out)
	o := rmg.NewOverlay(base)
	var entries []treeEntry
	for i := 0; i+1 < len(list); i += 2 {
		f := strings.Fields(strings.TrimPrefix(list[i], ":"))
		if len(f) != 5 {
			return rmg.Graph{}, fmt.Errorf("git diff-tree: %q", list[i])
		}
		name := list[i+1]
		if f[4] != "A" {
			if err := takeOut(o, pathOf(rmg.Root, name)); err != nil {
				return rmg.Graph{}, err
			}
		}
		if f[4] != "D" {
			entries = append(entries, treeEntry{name, entry{f[1], f[3]}})
		}
	}
	// What goes comes first: a folder may take the place of a file.
	err = m.readEntries(ctx, g, o, entries)
	return o.Graph(), err
}

// takeOut removes a file and the folders that it leaves empty.
func takeOut(o *rmg.Overlay, p rmg.Path) error {
	if err := o.Remove(p, true); err != nil {
		return err
	}
	for d := p.Parent(); d != rmg.Root; d = d.Parent() {
		if e, ok := o.Get(d); !ok || !e.Graph.IsEmpty() {
			break
		}
		if err := o.Remove(d, true); err != nil {
			return err
		}
	}
	return nil
}

// treeEntry is one name of a commit.
type treeEntry struct {
	name string
	is   entry
}

// readEntries puts entries into the graph, asking one git process for all their
// contents.
func (m *Manager) readEntries(ctx context.Context, g git, o *rmg.Overlay, entries []treeEntry) error {
	if len(entries) == 0 {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cmd := g.command(ctx, "cat-file", "--batch")
	c, err := newContents(cmd)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := m.readEntry(o, c, e); err != nil {
			stop()
			_ = cmd.Wait() // it was killed; err says why
			return fmt.Errorf("read %s: %w", e.name, err)
		}
	}
	c.in.Close()
	return cmd.Wait()
}

func (m *Manager) readEntry(o *rmg.Overlay, c *contents, e treeEntry) error {
	p := pathOf(rmg.Root, e.name)
	if err := makeDirs(o, p.Parent()); err != nil {
		return err
	}
	if e.is.mode == submodule {
		return o.AddNode(p, rewrite.KindSubmodule, rmg.PropsOf(map[string]rmg.Value{rewrite.PropCommit: rmg.String(e.is.id)}))
	}
	return c.read(e.is.id, func(content io.Reader) error { return m.addEntry(o, p, e.is.mode, content) })
}

// contents is a git process that answers with the content of objects.
type contents struct {
	in  io.WriteCloser
	out *bufio.Reader
}

func newContents(cmd *exec.Cmd) (*contents, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &contents{in, bufio.NewReaderSize(out, 1<<16)}, cmd.Start()
}

// read hands one object's content over as it comes: none is held whole.
func (c *contents) read(id string, use func(io.Reader) error) error {
	if _, err := fmt.Fprintln(c.in, id); err != nil {
		return err
	}
	head, err := c.out.ReadString('\n')
	if err != nil {
		return err
	}
	h := strings.Fields(head)
	if len(h) != 3 {
		return fmt.Errorf("git cat-file: %q", head)
	}
	size, err := strconv.ParseInt(h[2], 10, 64)
	if err != nil {
		return err
	}
	content := io.LimitReader(c.out, size)
	if err := use(content); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		return err
	}
	_, err = c.out.Discard(1)
	return err
}

// addEntry puts one file or symlink into the graph.
func (m *Manager) addEntry(o *rmg.Overlay, p rmg.Path, mode string, content io.Reader) error {
	if mode == "120000" {
		target, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		return o.AddNode(p, rewrite.KindSymlink, rmg.PropsOf(map[string]rmg.Value{rewrite.PropTarget: linkTarget(string(target))}))
	}
	b, err := m.opt.Blobs.Put(content)
	if err != nil {
		return err
	}
	perm := "0644"
	if mode == "100755" {
		perm = "0755"
	}
	return o.AddNode(p, rewrite.KindFile, rmg.PropsOf(map[string]rmg.Value{rewrite.PropBlob: rmg.BlobOf(b), rewrite.PropMode: rmg.String(perm)}))
}

// linkTarget is a string, or bytes where it is not UTF-8.
func linkTarget(s string) rmg.Value {
	v := rmg.String(s)
	if v.Check() != nil {
		return rmg.Bytes([]byte(s))
	}
	return v
}

func makeDirs(o *rmg.Overlay, p rmg.Path) error {
	if _, ok := o.Get(p); ok {
		return nil
	}
	if err := makeDirs(o, p.Parent()); err != nil {
		return err
	}
	return o.AddNode(p, rewrite.KindDir, rmg.Props{})
}

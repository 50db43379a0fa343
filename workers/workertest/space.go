// Package workertest is the suite that every worker passes, and a workspace in
// memory to test workers with.
package workertest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// Root is where the repository of a Space stands.
const Root = rmg.Path("/repo/app/main")

// ErrRefused is the error of a write that a Space was told to refuse.
var ErrRefused = &rmg.Error{Op: "rewrite", Code: rmg.Denied, Msg: "a protected path, which the intent does not ask to change"}

// Space is a workspace in memory. What is materialised is a folder of a
// temporary directory, whose changes are found by comparing contents.
type Space struct {
	t      testing.TB
	id     string
	shared *shared

	mu        sync.Mutex // guards the fields below
	graph     rmg.Graph
	discarded bool
	rewrites  int
}

// shared is what a space has in common with its children.
type shared struct {
	sync.Mutex // guards the fields below
	blobs      map[[32]byte][]byte
	kids       map[string]*Space
	folders    int // that are open
	slots      map[int]string
	refuse     func(rewrite.Op) bool
}

// NewSpace makes a workspace with a repository that holds files.
func NewSpace(t testing.TB, files map[string]string) *Space {
	t.Helper()
	s := &Space{t: t, id: "w1", shared: &shared{blobs: map[[32]byte][]byte{}, kids: map[string]*Space{}, slots: map[int]string{}}}
	var ops []rewrite.Op
	for _, p := range []rmg.Path{"/repo", "/repo/app", Root, "/log"} {
		ops = append(ops, rewrite.Op{Op: rewrite.AddNode, Path: p, Kind: rewrite.KindDir})
	}
	for name, text := range files {
		b, _ := s.PutBlob([]byte(text)) // never fails here
		ops = append(ops, rewrite.Op{Op: rewrite.Write, Path: At(name), Blob: b})
	}
	if err := s.apply(ops); err != nil {
		t.Fatal(err)
	}
	s.rewrites = 0
	return s
}

// At is the path of a file of the repository, named relative to it.
func At(name string) rmg.Path { return Root.Join(strings.Split(name, "/")...) }

// Refuse makes the space, and its children, deny the ops that fn holds of.
func (s *Space) Refuse(fn func(rewrite.Op) bool) {
	s.shared.Lock()
	defer s.shared.Unlock()
	s.shared.refuse = fn
}

// Read is the content of a file; "" if it is not there.
func (s *Space) Read(name string) string {
	e, ok := s.Graph().Get(At(name))
	if !ok {
		return ""
	}
	data, _ := s.ReadBlob(e.Props.Blob(rewrite.PropBlob)) // "" for what is none
	return string(data)
}

// Rewrites is how often the workspace itself was changed.
func (s *Space) Rewrites() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rewrites
}

// Open is how many folders are materialised and not closed.
func (s *Space) Open() int {
	s.shared.Lock()
	defer s.shared.Unlock()
	return s.shared.folders
}

// Kids are the ids of the children that were neither adopted nor discarded.
func (s *Space) Kids() []string {
	s.shared.Lock()
	defer s.shared.Unlock()
	var out []string
	for id, k := range s.shared.kids {
		if !k.dropped() {
			out = append(out, id)
		}
	}
	return out
}

func (s *Space) dropped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.discarded
}

// Adopt takes a child's state over, as the kernel does.
func (s *Space) Adopt(id string) error {
	s.shared.Lock()
	k, ok := s.shared.kids[id]
	delete(s.shared.kids, id)
	s.shared.Unlock()
	if !ok {
		return fmt.Errorf("there is no child %q", id)
	}
	g := k.Graph()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.graph = g
	return nil
}

// ID is the workspace's.
func (s *Space) ID() string { return s.id }

// Graph is the head's.
func (s *Space) Graph() rmg.Graph {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.graph
}

func (s *Space) apply(ops []rewrite.Op) error {
	ops, err := rewrite.Resolve(ops, s.PutBlob, func(sum [32]byte) (int64, bool) {
		s.shared.Lock()
		defer s.shared.Unlock()
		data, ok := s.shared.blobs[sum]
		return int64(len(data)), ok
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := rmg.NewOverlay(s.graph)
	if err := rewrite.Apply(o, ops); err != nil {
		return err
	}
	s.graph = o.Graph()
	s.rewrites++
	return nil
}

// Rewrite applies ops, unless one of them is to be refused.
func (s *Space) Rewrite(ctx context.Context, rw rewrite.Rewrite) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.refuses(rw.Ops) {
		return ErrRefused
	}
	return s.apply(rw.Ops)
}

func (s *Space) refuses(ops []rewrite.Op) bool {
	s.shared.Lock()
	defer s.shared.Unlock()
	return s.shared.refuse != nil && slices.ContainsFunc(ops, s.shared.refuse)
}

// Fork makes a child.
func (s *Space) Fork(ctx context.Context, _ string, ops []rewrite.Op) (work.Workspace, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.refuses(ops) {
		return nil, ErrRefused
	}
	k := &Space{t: s.t, shared: s.shared, graph: s.Graph()}
	s.shared.Lock()
	k.id = fmt.Sprintf("%s-%d", s.id, len(s.shared.kids)+1)
	s.shared.kids[k.id] = k
	s.shared.Unlock()
	if len(ops) == 0 {
		return k, nil
	}
	return k, k.Rewrite(ctx, rewrite.Rewrite{Ops: ops})
}

// Discard drops a child.
func (s *Space) Discard(context.Context, string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.discarded = true
	return nil
}

// ReadBlob reads content.
func (s *Space) ReadBlob(b rmg.Blob) ([]byte, error) {
	s.shared.Lock()
	defer s.shared.Unlock()
	data, ok := s.shared.blobs[b.Sum]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return data, nil
}

// PutBlob stores content.
func (s *Space) PutBlob(data []byte) (rmg.Blob, error) {
	sum := sha256.Sum256(data)
	s.shared.Lock()
	defer s.shared.Unlock()
	s.shared.blobs[sum] = append([]byte(nil), data...)
	return rmg.Blob{Sum: sum, Size: int64(len(data))}, nil
}

// Materialise gives the repository as a folder; a slot is the same place again.
func (s *Space) Materialise(ctx context.Context, slot int) (work.Folder, error) {
	s.shared.Lock()
	dir, ok := s.shared.slots[slot]
	if !ok {
		dir = s.t.TempDir()
		s.shared.slots[slot] = dir
	}
	s.shared.folders++
	s.shared.Unlock()
	f := &folder{dir: filepath.Join(dir, "repo"), scratch: filepath.Join(dir, "scratch"), of: s}
	if err := errors.Join(os.MkdirAll(f.dir, 0o755), os.MkdirAll(f.scratch, 0o755)); err != nil {
		return nil, err
	}
	return f, f.Update(ctx, s)
}

// folder is a materialised repository.
type folder struct {
	dir, scratch string
	of           *Space
	had          map[string]string // content by name
	closed       bool
}

func (f *folder) Path() string    { return f.dir }
func (f *folder) Scratch() string { return f.scratch }

// Update makes the folder hold the head of a workspace.
func (f *folder) Update(_ context.Context, w work.Workspace) error {
	s, ok := w.(*Space)
	if !ok {
		return fmt.Errorf("a folder of another kind of workspace: %T", w)
	}
	list, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := os.RemoveAll(filepath.Join(f.dir, e.Name())); err != nil {
			return err
		}
	}
	f.of, f.had = s, map[string]string{}
	for p, e := range s.Graph().Walk(Root) {
		if e.Kind != rewrite.KindFile {
			continue
		}
		ids, _ := Root.Rel(p)
		name := strings.Join(ids, "/")
		f.had[name] = s.Read(name)
		full := filepath.Join(f.dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(f.had[name]), 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// Scan compares contents. What is neither file nor folder is left out.
func (f *folder) Scan(context.Context) ([]rewrite.Op, error) {
	var ops []rewrite.Op
	seen := map[string]bool{}
	err := filepath.WalkDir(f.dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(f.dir, p)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		seen[name] = true
		if was, ok := f.had[name]; ok && was == string(data) {
			return nil
		}
		b, err := f.of.PutBlob(data)
		ops = append(ops, rewrite.Op{Op: rewrite.Write, Path: At(name), Blob: b})
		return err
	})
	for name := range f.had {
		if !seen[name] {
			ops = append(ops, rewrite.Op{Op: rewrite.Remove, Path: At(name)})
		}
	}
	return ops, err
}

// Close frees the slot; closing twice is a fault of the worker.
func (f *folder) Close() error {
	if f.closed {
		return errors.New("the folder is closed already")
	}
	f.closed = true
	f.of.shared.Lock()
	defer f.of.shared.Unlock()
	f.of.shared.folders--
	return nil
}

package kernel

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jitos.dev/journal"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// stage is a kernel over a real journal, a git of its own in memory, and a
// runner that does as it is told.
type stage struct {
	*Kernel
	t     testing.TB
	store *journal.Store
	git   *memGit
	run   *toldRunner
	ended bool
}

func newStage(t testing.TB) *stage {
	t.Helper()
	return openStage(t, t.TempDir(), &memGit{trees: map[string]rmg.Graph{}, heads: map[string]string{}}, &toldRunner{})
}

func openStage(t testing.TB, dir string, git *memGit, run *toldRunner) *stage {
	t.Helper()
	store, err := journal.Open(dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	k, err := Open(t.Context(), Options{Journal: store, Clock: &stepClock{now: time.Unix(1_700_000_000, 0)}, Worktree: git, Runner: run})
	if err != nil {
		t.Fatal(err)
	}
	git.read = func(e rmg.Element) []byte {
		data, err := readBlob(k.store, e.Props.Blob(rewrite.PropBlob))
		if err != nil {
			panic(err)
		}
		return data
	}
	b := &stage{Kernel: k, t: t, store: store, git: git, run: run}
	t.Cleanup(b.end)
	return b
}

// end closes it, once.
func (b *stage) end() {
	if b.ended {
		return
	}
	b.ended = true
	if err := errors.Join(b.Kernel.Close(), b.store.Close()); err != nil {
		b.t.Error(err)
	}
}

// ctx is for calls of a test that nothing cancels.
func (b *stage) ctx() context.Context { return context.Background() }

func (b *stage) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// write applies ops to a view and returns the seq.
func (b *stage) write(view string, ops ...rewrite.Op) uint64 {
	b.t.Helper()
	r, err := b.Rewrite(b.ctx(), ada, view, rewrite.Rewrite{Ops: ops, Reason: "for the test"})
	b.must(err)
	return r.Seq
}

func (b *stage) fork() string {
	b.t.Helper()
	w, err := b.Fork(b.ctx(), ada, ForkRequest{})
	b.must(err)
	return w.ID
}

// collapsed collapses a workspace and returns the seq.
func (b *stage) collapsed(id string) uint64 {
	b.t.Helper()
	c, err := b.Collapse(b.ctx(), ada, id, CollapseRequest{})
	b.must(err)
	return c.Seq
}

// prop reads a prop of the system.
func (b *stage) prop(p rmg.Path, name string) string {
	b.t.Helper()
	e, ok := b.now().world.Get(p)
	if !ok {
		return "(gone)"
	}
	v, ok := e.Props.Get(name)
	if !ok {
		return "(none)"
	}
	data, err := v.MarshalJSON()
	b.must(err)
	return string(data)
}

// text reads a file of the system.
func (b *stage) text(p rmg.Path) string {
	b.t.Helper()
	e, ok := b.now().world.Get(p)
	if !ok {
		return "(gone)"
	}
	data, err := readBlob(b.Kernel.store, e.Props.Blob(rewrite.PropBlob))
	b.must(err)
	return string(data)
}

// repo makes a repository at /r/<name> with one commit, and syncs it in.
func (b *stage) repo(files map[string]string) rmg.Path {
	b.t.Helper()
	b.commit("Ada", "first", files)
	return b.sync()
}

func (b *stage) sync() rmg.Path {
	b.t.Helper()
	_, root, err := b.Kernel.sync(b.ctx(), "/r/app")
	b.must(err)
	return root
}

// commit makes a commit of the whole tree on main, as a person would.
func (b *stage) commit(author, subject string, files map[string]string) string {
	b.t.Helper()
	o := rmg.NewOverlay(rmg.Graph{})
	for _, name := range sortedKeys(files) {
		p := rmg.Root
		parts := strings.Split(name, "/")
		for _, d := range parts[:len(parts)-1] {
			p = p.Child(d)
			if _, ok := o.Get(p); !ok {
				b.must(o.AddNode(p, rewrite.KindDir, rmg.Props{}))
			}
		}
		blob, err := b.putBytes([]byte(files[name]))
		b.must(err)
		b.must(o.AddNode(p.Child(parts[len(parts)-1]), rewrite.KindFile, rmg.PropsOf(map[string]rmg.Value{
			rewrite.PropBlob: rmg.BlobOf(blob), rewrite.PropMode: rmg.String("0644"),
		})))
	}
	return b.git.add("main", o.Graph(), Commit{Author: author, Subject: subject})
}

func sortedKeys(m map[string]string) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func writeText(p rmg.Path, text string) rewrite.Op {
	return rewrite.Op{Op: rewrite.Write, Path: p, Text: text, HasText: true}
}

func setProp(p rmg.Path, name string, v rmg.Value) rewrite.Op {
	return setOp(p, map[string]rmg.Value{name: v})
}

// code is an error's code; "" for none.
func code(err error) rmg.Code {
	var e *rmg.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// stepClock moves by a second whenever it is looked at.
type stepClock struct {
	mu  sync.Mutex // guards now
	now time.Time
}

func (c *stepClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Second)
	return c.now
}

// memGit is a repository at /r/app whose branches are lists of whole trees.
type memGit struct {
	Beyond // nothing of it is asked for
	Adding // nor of this

	mu      sync.Mutex // guards the fields below
	trees   map[string]rmg.Graph
	heads   map[string]string
	commits []Commit // oldest first
	read    func(rmg.Element) []byte
}

func (g *memGit) add(branch string, tree rmg.Graph, c Commit) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	c.ID = fmt.Sprintf("%040x", len(g.commits)+1)
	g.commits = append(g.commits, c)
	g.trees[c.ID], g.heads[branch] = tree, c.ID
	return c.ID
}

func (g *memGit) Locate(_ context.Context, dir string) (Repo, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Repo{Top: dir, Origin: dir, Name: filepath.Base(dir), Branch: "main", Head: g.heads["main"]}, nil
}

func (g *memGit) Head(_ context.Context, _, branch string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.heads[branch], nil
}

func (g *memGit) Tree(_ context.Context, _, commit string) (rmg.Graph, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t, ok := g.trees[commit]
	if !ok {
		return t, errors.New("no such commit")
	}
	return t, nil
}

func (g *memGit) Uncommitted(_ context.Context, _, commit string) (rmg.Graph, error) {
	return g.Tree(context.Background(), "", commit)
}

func (g *memGit) Dirty(context.Context, string) ([]string, error) { return nil, nil }

func (g *memGit) Log(context.Context, string, string, int) ([]Commit, error) { return nil, nil }

// Blame compares the trees of the commits, newest first.
func (g *memGit) Blame(_ context.Context, _, commit, name string, line int) (Commit, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := slices.IndexFunc(g.commits, func(c Commit) bool { return c.ID == commit })
	p := rmg.Root.Join(strings.Split(name, "/")...)
	for ; at > 0; at-- {
		a, ok := g.trees[g.commits[at-1].ID].Get(p)
		b, _ := g.trees[g.commits[at].ID].Get(p)
		if !ok {
			break
		}
		if line == 0 {
			if !a.Props.Equal(b.Props) {
				break
			}
			continue
		}
		m := rmg.MatchLines(g.read(a), g.read(b))
		if m[line-1] < 0 {
			break
		}
		line = m[line-1] + 1
	}
	return g.commits[at], nil
}

func (g *memGit) Hooks(context.Context, string) (Hooks, error) { return Hooks{}, nil }

func (g *memGit) Staged(context.Context, string, rmg.Graph, rmg.Graph, Origin, Hooks) (Folder, []string, error) {
	return nil, nil, errors.New("there are no hooks")
}

func (g *memGit) ToPush(context.Context, string, rmg.Graph, rmg.Graph, Origin, Hooks, Pushing) (Folder, []string, string, error) {
	return nil, nil, "", errors.New("there are no hooks")
}

func (g *memGit) Forget() error { return nil }

func (g *memGit) Slot(_ context.Context, name string, tree rmg.Graph, _ Origin) (Folder, error) {
	return stageFolder{name, tree}, nil
}

func (g *memGit) Fresh(_ context.Context, name string, tree rmg.Graph) (Folder, error) {
	return stageFolder{name, tree}, nil
}

func (g *memGit) Prepare(_ context.Context, r LandRequest) ([]byte, string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	id := fmt.Sprintf("%040x", len(g.commits)+1)
	subject, _, _ := strings.Cut(r.Message, "\n")
	g.commits = append(g.commits, Commit{ID: id, Author: r.Author, Subject: subject})
	g.trees[id] = r.New
	return []byte(r.Branch + " " + r.Tip + " " + id), id, nil
}

func (g *memGit) Land(_ context.Context, landing []byte) (LandOutcome, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := strings.Fields(string(landing))
	if g.heads[f[0]] != f[1] {
		return LandOutcome{Result: "moved"}, nil
	}
	g.heads[f[0]] = f[2]
	return LandOutcome{Result: "landed"}, nil
}

func (g *memGit) Resume(ctx context.Context, l []byte) (LandOutcome, error) { return g.Land(ctx, l) }
func (g *memGit) Park(context.Context, []byte, string, string) error        { return nil }

// stageFolder is a folder that is nowhere but in the graph.
type stageFolder struct {
	name string
	tree rmg.Graph
}

func (f stageFolder) Path() string                                         { return "/mem/" + f.name }
func (f stageFolder) Scratch() string                                      { return "/mem/scratch" }
func (f stageFolder) Update(context.Context, rmg.Graph) error              { return nil }
func (f stageFolder) Scan(context.Context, rmg.Path) ([]rewrite.Op, error) { return nil, nil }
func (f stageFolder) Close() error                                         { return nil }

// toldRunner runs what it is told; gates are green unless red says why not.
type toldRunner struct {
	list []work.Description
	task func(worker string, a work.Assignment) (work.Result, error)
	red  string
}

func (r *toldRunner) Describe() []work.Description { return r.list }

func (r *toldRunner) Run(_ context.Context, worker string, a work.Assignment) (work.Result, error) {
	if r.task == nil {
		return work.Result{}, errors.New("no task is told")
	}
	return r.task(worker, a)
}

func (r *toldRunner) Prove(_ context.Context, p work.Proof) ([]work.Evidence, error) {
	var out []work.Evidence
	for _, g := range p.Gates {
		e := work.Evidence{Gate: g.Name, Kind: g.Kind, Green: r.red == "", Reason: r.red, Key: r.Key(p, g), Input: p.Input}
		e.Tests = []work.Test{{Package: "app", Name: "TestA", Status: work.TestPass}}
		out = append(out, e)
	}
	return out, nil
}

func (r *toldRunner) Key(p work.Proof, g work.Gate) string {
	return fmt.Sprint(p.Input, " ", g.Name, " ", r.red)
}
func (r *toldRunner) Busy() time.Duration { return 0 }

var (
	_ Worktree = (*memGit)(nil)
	_ Runner   = (*toldRunner)(nil)
)
